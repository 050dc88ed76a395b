"""The Netflix Prize files: every format, every way in which a line can be wrong, the windows."""

from __future__ import annotations

import io
from datetime import date

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from reclib import netflix
from reclib.netflix import NetflixPrize, parse, time_split

# movie -> [(user, rating, date)], made up, in no order
LINES = {
    3: [(1234567, 3, "2005-09-06"), (7, 5, "1999-11-11"), (2649429, 1, "2005-12-31")],
    17770: [(7, 4, "2004-02-29")],
}
TEXT = b"3:\n1234567,3,2005-09-06\n7,5,1999-11-11\n2649429,1,2005-12-31\n17770:\n7,4,2004-02-29\n"

ratings_by_movie = st.dictionaries(
    st.integers(1, 99_999),
    st.dictionaries(
        st.integers(1, 99) | st.integers(9_990, 10_010),
        st.tuples(st.integers(1, 5), st.dates(date(1998, 10, 1), date(2005, 12, 31))),
        max_size=6,
    ),
    min_size=1,
    max_size=6,
).filter(lambda movies: any(movies.values()))


def text_of(movie: int, lines: list[tuple]) -> bytes:
    """The lines of one movie, from (user, rating, date)."""
    return "".join([f"{movie}:\n", *(f"{u},{r},{d}\n" for u, r, d in lines)]).encode()


def parsed(*contents: bytes, block_size: int = 1 << 20) -> NetflixPrize:
    """The contents as files a.txt, b.txt, ..."""
    files = zip(("a.txt", "b.txt", "c.txt"), map(io.BytesIO, contents), strict=False)
    return parse(files, block_size=block_size)


def cells(prize: NetflixPrize) -> dict[tuple[int, int], tuple[int, str]]:
    """Rating and date by (movie, user)."""
    movies = prize.movies.repeat(np.diff(prize.indptr))
    dates = prize.day.astype("datetime64[D]").astype(str)
    users = prize.users[prize.user]
    rows = zip(movies.tolist(), users.tolist(), prize.rating.tolist(), dates.tolist(), strict=True)
    return {(movie, user): (rating, when) for movie, user, rating, when in rows}


def matrix(prize: NetflixPrize) -> dict[tuple[int, int], float]:
    """Value of each stored cell, by (movie, user)."""
    X = prize.to_interactions()
    movies, users = prize.movies[X.indices.numpy()], prize.users[X.row_ids.numpy()]
    cell = zip(movies.tolist(), users.tolist(), strict=True)
    return dict(zip(cell, X.values.tolist(), strict=True))


# -- reading -------------------------------------------------------------------


def test_the_format_is_read():
    prize = parsed(TEXT)
    assert prize.users.tolist() == [7, 1234567, 2649429]
    assert prize.movies.tolist() == [3, 17770]
    assert cells(prize) == {(m, u): (r, d) for m, lines in LINES.items() for u, r, d in lines}
    X = prize.to_interactions()
    assert X.dense().tolist() == [[5, 4], [3, 0], [1, 0]]
    assert (X.indptr.dtype, X.indices.dtype, X.values.dtype) == (
        torch.int32,
        torch.int32,
        torch.float32,
    )
    assert repr(prize) == "NetflixPrize(3 users, 2 movies, 4 ratings: a part)"


def test_the_table_has_seconds_and_identifiers():
    table = parsed(TEXT).ratings().table
    assert table.iloc[0].to_dict() == {"user": 7, "item": 3, "rating": 5, "timestamp": 942278400}
    assert str(pd.to_datetime(table["timestamp"].max(), unit="s")) == "2005-12-31 00:00:00"


@given(movies=ratings_by_movie, block_size=st.integers(1, 60), seed=st.integers(0, 9))
def test_files_and_blocks_of_any_kind_give_the_same(tmp_path_factory, movies, block_size, seed):
    movies = {m: [(u, *rest) for u, rest in rated.items()] for m, rated in movies.items()}
    expected = {(m, u): (r, str(d)) for m, lines in movies.items() for u, r, d in lines}
    order = np.random.default_rng(seed).permutation(list(movies)).tolist()
    text = b"".join(text_of(m, movies[m]) for m in order)
    cut = sum(len(text_of(m, movies[m])) for m in order[: len(order) // 2])
    contents = [part for part in (text[:cut], text[cut:]) if part]
    prize = parsed(*contents, block_size=block_size)
    folder = tmp_path_factory.mktemp("netflix")
    (folder / "training_set").mkdir()
    for movie, lines in movies.items():
        path = folder / "training_set" / f"mv_{movie:07}.txt"
        path.write_bytes(text_of(movie, lines))
    for other in (prize, netflix.read(folder)):
        assert cells(other) == expected
        assert matrix(other) == {cell: rating for cell, (rating, _) in expected.items()}
        assert other.to_interactions().fingerprint() == prize.to_interactions().fingerprint()
        assert (np.diff(other.users) > 0).all() and (np.diff(other.movies) > 0).all()


@pytest.mark.parametrize("text", [TEXT[:-1], TEXT.replace(b"\n", b"\r\n")], ids=["no end", "CRLF"])
@pytest.mark.parametrize("block_size", [1, 3, 25, 10_000])
def test_line_ends_of_other_systems_are_read(text, block_size):
    assert cells(parsed(text, block_size=block_size)) == cells(parsed(TEXT))


def test_a_movie_may_go_on_in_another_file():
    both = cells(parsed(b"5:\n1,1,2000-01-01\n", b"4:\n1,2,2000-01-01\n5:\n2,3,2000-01-01\n"))
    assert both == {(4, 1): (2, "2000-01-01"), (5, 1): (1, "2000-01-01"), (5, 2): (3, "2000-01-01")}


def test_every_day_is_that_of_the_calendar():
    days = pd.date_range("1998-10-01", "2005-12-31").strftime("%Y-%m-%d")
    text = b"1:\n" + b"".join(b"%d,1,%s\n" % (u, d.encode()) for u, d in enumerate(days, start=1))
    assert [when for _, when in cells(parsed(text)).values()] == list(days)


# -- folders -------------------------------------------------------------------


@pytest.mark.parametrize("names", [["combined_data_1.txt", "combined_data_2.txt"], ["mv_1.txt"]])
def test_a_folder_is_read_with_its_titles(tmp_path, names, capsys):
    for number, name in enumerate(names, start=1):
        (tmp_path / name).write_bytes(text_of(number, LINES[3]))
    (tmp_path / "movie_titles.csv").write_bytes(b"1,2003,Dinosaurs\n2,NULL,More, and more\n")
    prize = netflix.read(tmp_path)
    assert prize.movies.tolist() == list(range(1, len(names) + 1))
    assert prize.ratings().titles[2] == "More, and more"
    assert capsys.readouterr().err == ""
    netflix.read(tmp_path, progress=True)
    assert "100%" in capsys.readouterr().err


def test_a_folder_without_the_files_says_what_belongs_there(tmp_path):
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(FileNotFoundError, match=r"combined_data_\*.txt.* unpack the Netflix"):
            netflix.read(folder)


def test_two_copies_of_the_ratings_are_refused(tmp_path):
    for name in ("combined_data_1.txt", "mv_0000003.txt"):
        (tmp_path / name).write_bytes(TEXT)
    with pytest.raises(ValueError, match="the same ratings; remove one kind"):
        netflix.read(tmp_path)


@pytest.mark.parametrize("text", [b"", b"17:\n"])
def test_files_without_ratings_are_refused(text):
    with pytest.raises(ValueError, match="empty|no ratings"):
        parsed(text)


# -- malformed lines -----------------------------------------------------------

MALFORMED = [
    "",
    " ",
    "abc",
    ":",
    "0:",
    "-3:",
    "3 :",
    "123456:",
    "3",
    "7,5",
    ",5,2005-09-06",
    "7,,2005-09-06",
    "7,5,",
    "7,5,2005-09-06,",
    "7,5,2005-09-06:",
    "7,5,2005-09-06 ",
    " 7,5,2005-09-06",
    "7,5,2005-09-6",
    "7,5,05-09-06",
    "7,5,2005/09/06",
    "7-5-2005,09,06",
    "7,5.0,2005-09-06",
    "7,0,2005-09-06",
    "7,6,2005-09-06",
    "7,-1,2005-09-06",
    "7,15,2005-09-06",
    "-7,5,2005-09-06",
    "+7,5,2005-09-06",
    "12345678,5,2005-09-06",
    "7x,5,2005-09-06",
    "7,5,2005-02-29",
    "7,5,2005-13-01",
    "7,5,2005-00-10",
    "7,5,2005-10-00",
    "7,5,2005-11-31",
    "7,5,1998-09-30",
    "7,5,2006-01-01",
    "7,5,9999-01-01",
    "7,5,2005-09-06\r8,5,2005-09-06",
    "\N{NO-BREAK SPACE}7,5,2005-09-06",
    '"7",5,2005-09-06',
    "x" * 5000,
    "9" * 5000 + ":",
]


@pytest.mark.parametrize("block_size", [1, 30, 10_000], ids=["one by one", "few", "all"])
@pytest.mark.parametrize("line", MALFORMED, ids=lambda line: ascii(line[:25]))
def test_a_malformed_line_is_named(line, block_size):
    lines = ["8:", *(f"{user},3,2000-01-01" for user in range(1, 8))]
    assert len(parsed("\n".join(lines).encode(), block_size=block_size)) == 7  # the control
    lines.insert(5, line)
    with pytest.raises(ValueError, match=r"b.txt has 1 malformed lines.*\nline 6: ") as error:
        parsed(TEXT, "\n".join([*lines, ""]).encode("latin-1"), block_size=block_size)
    assert repr(line[:80]) in str(error.value)
    assert len(str(error.value)) < 500


@pytest.mark.parametrize("block_size", [1, 100, 10_000])
def test_ten_malformed_lines_are_shown_and_all_counted(block_size):
    text = TEXT + b"".join(b"bad %d\n1%d,1,2001-01-01\n" % (at, at) for at in range(12))
    with pytest.raises(ValueError) as error:
        parsed(text, block_size=block_size)
    report = str(error.value).split("\n")
    assert report[0].startswith("a.txt has 12 malformed lines; restore the file.")
    assert report[1:] == [f"line {7 + 2 * at}: 'bad {at}'" for at in range(10)] + ["..."]


@pytest.mark.parametrize("block_size", [1, 10_000])
def test_a_file_must_begin_with_a_movie(block_size):
    with pytest.raises(ValueError, match=r"b.txt.*first line must name a movie\.\nline 1: '9,1"):
        parsed(TEXT, b"9,1,2001-01-01\n8:\n9,1,2001-01-01\n", block_size=block_size)


@pytest.mark.parametrize("keep", range(1, len(TEXT) - 1))
def test_a_truncated_file_is_refused_unless_it_ends_with_a_line(keep):
    text = TEXT[:keep]
    whole = {TEXT[: at + extra] for at, sign in enumerate(TEXT) if sign == 10 for extra in (0, 1)}
    if text in whole and b"," in text:
        assert cells(parsed(text)).items() <= cells(parsed(TEXT)).items()
    else:
        with pytest.raises(ValueError, match="malformed|no ratings"):
            parsed(text)


@pytest.mark.parametrize("again", [b"7,1,2001-01-01\n", b"17770:\n3:\n7,5,1999-11-11\n"])
def test_who_rates_a_movie_twice_is_named(again):
    text = b"3:\n6,1,2001-01-01\n7,2,2001-01-01\n2,2,2001-01-01\n"
    parsed(text + again.replace(b"7", b"8"))  # the control
    with pytest.raises(ValueError, match="movie 3 is rated more than once by 1 users.* user 7;"):
        parsed(text + again)


# -- titles and probe ----------------------------------------------------------


def test_titles_have_commas_accents_and_no_year(tmp_path):
    text = "1,2003,Isle, or: the Man\n72,NULL,Misérables\n17770,1896,12\n"
    (tmp_path / "titles").write_text(text, encoding="latin-1")
    for source in (tmp_path / "titles", io.BytesIO(text.replace("\n", "\r\n").encode("latin-1"))):
        titles = netflix.read_titles(source)
        assert titles["title"].to_dict() == {1: "Isle, or: the Man", 72: "Misérables", 17770: "12"}
        assert titles["year"].isna().tolist() == [False, True, False]
        assert titles["year"].dropna().to_dict() == {1: 2003, 17770: 1896}


@pytest.mark.parametrize("line", ["", "x,2003,A", "3,03,A", "3,null,A", "3,2003,", "3,2003"])
def test_a_malformed_title_is_named(line):
    text = f"1,2003,A\n2,2004,B\n{line}\n5,2005,C\n"
    with pytest.raises(ValueError, match=r"1 malformed lines.*\nline 3: "):
        netflix.read_titles(io.BytesIO(text.encode()))


def test_probe_gives_pairs(tmp_path):
    (tmp_path / "probe.txt").write_bytes(b"1:\n30001\n2600001\n10:\n1900001\n")
    pairs = netflix.read_probe(tmp_path / "probe.txt")
    assert pairs.to_dict("list") == {"user": [30001, 2600001, 1900001], "item": [1, 1, 10]}


@pytest.mark.parametrize("text", [b"30001\n1:\n7\n", b"1:\n7,3\n", b"1:\n\n7\n", b""])
def test_a_malformed_probe_is_refused(text):
    with pytest.raises(ValueError, match=r"must begin with `movie:`|1 malformed lines"):
        netflix.read_probe(io.BytesIO(text))


# -- windows -------------------------------------------------------------------


def test_both_ends_of_a_time_are_included():
    dates = ["2005-05-31", "2005-06-01", "2005-06-15", "2005-06-30", "2005-07-01"]
    text = b"".join(text_of(movie, [(movie, 1, when)]) for movie, when in enumerate(dates, start=1))
    june = parsed(text).between("2005-06-01", "2005-06-30")
    assert june.movies.tolist() == june.users.tolist() == [2, 3, 4]
    assert {when for _, when in cells(june).values()} == set(dates[1:4])
    with pytest.raises(ValueError, match="no ratings from 2001-01-01 to 2001-01-02"):
        parsed(text).between("2001-01-01", "2001-01-02")


@pytest.mark.parametrize("name", netflix.WINDOWS)
def test_each_day_is_on_its_side_of_the_window(name):
    window = netflix.WINDOWS[name]
    day = pd.Timedelta(days=1)
    first, last, test_first, test_last = map(pd.Timestamp, window[:4])
    assert last + day == test_first
    assert test_last == test_first + pd.offsets.MonthEnd()
    sides = {
        "before": [first - day],
        "train": [first, first + day, last - day, last],
        "held out": [test_first, test_last - day, test_last],
        "after": [test_last + day] if test_last.year == 2005 and test_last.month == 6 else [],
    }
    # A movie for each day. Users 1 to 40 rate all of them; all movies are also rated in training.
    text, seen = b"", {}
    for side, days in sides.items():
        for when in days:
            movie = len(seen) + 1
            seen[movie] = side
            lines = [(user, 3, when.date()) for user in range(1, 41)]
            text += text_of(movie, [*lines, (50, 4, first.date())])
    split = time_split(parsed(text), window)
    movies = np.array(list(seen.values()))
    counts = split.train.col_counts.numpy() - 1
    assert split.items.tolist() == list(seen)
    assert (counts == 40 * (movies == "train")).all()
    held = split.test.held_out.col_counts + split.validation.held_out.col_counts
    assert (held.numpy() == 40 * (movies == "held out")).all()


def small_split(seed=0):
    rng = np.random.default_rng(1)
    text = b""
    for movie in range(1, 41):
        lines = []
        for user in range(1, 61):
            when = rng.choice(["2005-01-01", "2005-10-01", "2005-12-25"])
            if movie == 40 or user == 60:  # unseen in training
                when = "2005-12-25"
            if rng.random() < 0.7:
                lines.append((user, rng.integers(1, 6), when))
        text += text_of(movie, lines)
    prize = parsed(text)
    return prize, time_split(prize, "3 months", seed=seed)


def held_out(split) -> dict[str, dict[tuple[int, int], float]]:
    tests = {"validation": split.validation, "test": split.test}
    found = {}
    for name, test in tests.items():
        X = test.held_out
        movies, users = split.items[X.indices.numpy()], test.users[X.row_ids.numpy()]
        cell = zip(movies.tolist(), users.tolist(), strict=True)
        found[name] = dict(zip(cell, X.values.tolist(), strict=True))
    return found


def test_unseen_users_and_movies_are_dropped_and_all_others_held_out_once():
    prize, split = small_split()
    month = {cell: float(r) for cell, (r, when) in cells(prize).items() if when == "2005-12-25"}
    assert {movie for movie, _ in month} >= {40} and {user for _, user in month} >= {60}
    expected = {c: r for c, r in month.items() if c[0] in split.items and c[1] in split.train_users}
    found = held_out(split)
    assert found["validation"].keys().isdisjoint(found["test"])
    assert found["validation"] | found["test"] == expected
    assert 40 not in split.items and 60 not in split.train_users
    assert len(expected) < len(month)
    assert split.test.fold_in is split.train


def test_halves_are_drawn_by_seed_alone():
    (prize, one), (_, same), (_, other) = small_split(), small_split(), small_split(seed=1)
    assert one.fingerprint() == same.fingerprint() != other.fingerprint()
    halves = [len(half) for half in held_out(one).values()]
    assert abs(halves[0] - halves[1]) < 4 * np.sqrt(sum(halves))
    # The order of the files changes nothing.
    by_movie = {}
    for (movie, user), rest in cells(prize).items():
        by_movie.setdefault(movie, []).insert(0, (user, *rest))
    text = b"".join(text_of(movie, lines) for movie, lines in reversed(by_movie.items()))
    assert time_split(parsed(text), "3 months").fingerprint() == one.fingerprint()


def test_identifiers_as_large_as_the_real_ones_leak_nowhere():
    # users * movies passes 2 ** 31: keys of 32 bits would collide.
    rng = np.random.default_rng(0)
    users = rng.choice(2_649_429, 300, replace=False) + 1
    days = ["2005-10-01", "2005-12-01"]
    text = b"".join(
        text_of(m, [(u, 3, days[rng.random() < 0.3]) for u in users]) for m in range(1, 1000, 9)
    )
    prize = parsed(text)
    assert prize.users.dtype == prize.movies.dtype == np.int64
    assert time_split(prize, "3 months").test.held_out.nnz


def test_an_unknown_window_lists_the_known_ones():
    with pytest.raises(ValueError, match="no window 'week'; there are: 3 months, 6 months, 1 year"):
        time_split(parsed(TEXT), "week")


def test_the_published_counts_add_up():
    """Held out are both halves: December 2005 has no more ratings than all but the training's."""
    full = netflix.WINDOWS["full"]
    assert full.ratings + full.held_out <= netflix.COMPLETE[2]
    assert full.ratings + 2 * full.held_out > netflix.COMPLETE[2]
    assert all(w.users <= netflix.COMPLETE[0] for w in netflix.WINDOWS.values())
