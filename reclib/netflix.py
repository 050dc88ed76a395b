r"""The Netflix Prize data: 100,480,507 dated ratings, read from the files as they were given out.

Netflix withdrew the data in 2010, so nothing here downloads them. Whoever has them has either
``training_set/mv_*.txt``, a file per movie, or ``combined_data_*.txt``, the same put together: a
line ``17:`` names the movie, a line ``1234567,3,2005-09-06`` for each of its ratings follows.

Examples
--------
>>> import io
>>> from reclib import netflix
>>> def movie(number, november, december):
...     lines = [f"{user},4,2005-11-0{user}" for user in november]
...     lines += [f"{user},3,2005-12-0{user}" for user in december]
...     return f"{number}.txt", io.BytesIO("\n".join([f"{number}:", *lines]).encode())
>>> prize = netflix.parse([movie(10, [1, 2], [3, 4]), movie(20, [3, 4], [1, 2])])
>>> prize
NetflixPrize(4 users, 2 movies, 8 ratings: a part)
>>> prize.users, prize.movies, prize.rating
(array([1, 2, 3, 4]), array([10, 20]), array([4, 4, 3, 3, 4, 4, 3, 3], dtype=int8))
>>> prize.ratings().table.head(2)
   user  item  rating   timestamp
0     1    10     4.0  1130803200
1     1    20     3.0  1133395200
>>> prize.between("2005-12-01", "2005-12-31").to_interactions().shape
(4, 2)
>>> netflix.WINDOWS["3 months"].ratings
13675402
>>> november = netflix.Window("2005-11-01", "2005-11-30", "2005-12-01", "2005-12-31", 4, 4, 2, 4)
>>> split = netflix.time_split(prize, november)
>>> split.train.nnz, split.validation.held_out.nnz + split.test.held_out.nnz
(4, 4)
>>> netflix.read_titles(io.BytesIO(b"1,2003,Dinosaur Planet\n2,NULL,A film\n"))
       year            title
movie
1      2003  Dinosaur Planet
2      <NA>           A film
>>> netflix.read_probe(io.BytesIO(b"1:\n30878\n2647871\n"))
      user  item
0    30878     1
1  2647871     1
>>> netflix.read(".")
Traceback (most recent call last):
    ...
FileNotFoundError: . holds no combined_data_*.txt and no mv_*.txt ...
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
import pandas as pd
import scipy.sparse
import torch
from numpy.lib.stride_tricks import sliding_window_view
from tqdm import tqdm
from tqdm.utils import CallbackIOWrapper

from reclib.interactions import Interactions
from reclib.naming import unknown
from reclib.ratings import Ratings
from reclib.splits import Split, Test

COMPLETE = (480_189, 17_770, 100_480_507)  # users, movies, ratings of the whole training set
EXPECTED = (
    "`movie:`, or `user,rating,date` with a rating of 1 to 5 and a date from 1998-10-01 to "
    "2005-12-31, when the ratings were given"
)
_WIDTH = len("2649429,3,2005-09-06")  # no line of a rating is longer
# What each sign of such a line may be; what is a day, _DAYS decides.
_LOWEST = np.frombuffer(b"0000000,1,0000-00-00", dtype=np.uint8)[:, None]
_HIGHEST = np.frombuffer(b"9999999,5,9999-19-39", dtype=np.uint8)[:, None]


def _calendar() -> np.ndarray:
    """Days since 1970 by year - 1997, month and day of the month; -1 where there is no such day."""
    days = np.arange("1998-10-01", "2006-01-01", dtype="datetime64[D]")
    months = days.astype("datetime64[M]")
    index = days.astype("datetime64[Y]").astype(int) - 27, months.astype(int) % 12 + 1
    table = np.full((10, 20, 40), -1, dtype=np.int16)
    table[(*index, (days - months).astype(int) + 1)] = days.astype(int)
    return table


_DAYS = _calendar()


@dataclass(frozen=True, eq=False)
class NetflixPrize:
    """Dated ratings, movie by movie, as the files have them: 7 bytes for each.

    Attributes
    ----------
    users, movies : int64 arrays [num_users], [num_movies]
        Identifiers of those with a rating, sorted.
    indptr : int64 array [num_movies + 1]
        ``movies[m]`` owns the ratings ``indptr[m]`` to ``indptr[m + 1] - 1``.
    user : int32 array [n]
        Place of each rating's user in ``users``.
    rating : int8 array [n]
    day : int16 array [n]
        Days since 1970.
    titles : Series, optional
        Title of each movie, by identifier.
    """

    users: np.ndarray
    movies: np.ndarray
    indptr: np.ndarray
    user: np.ndarray
    rating: np.ndarray
    day: np.ndarray
    titles: pd.Series | None = None

    def __len__(self) -> int:
        return len(self.user)

    def __repr__(self) -> str:
        shape = len(self.users), len(self.movies), len(self)
        part = "all" if shape == COMPLETE else "a part"
        return "NetflixPrize({:,} users, {:,} movies, {:,} ratings: {})".format(*shape, part)

    def between(self, first: str, last: str) -> NetflixPrize:
        """The ratings of the days from ``first`` to ``last``, both included, ``YYYY-MM-DD``.

        Users and movies without a rating in that time are left out. ValueError if all are, or if
        a day is not written so.
        """
        for day in (first, last):
            if not re.fullmatch(r"\d{4}-\d\d-\d\d", str(day)):
                raise ValueError(f"a day is written YYYY-MM-DD, got {day!r}")
        low, high = np.array([first, last], dtype="datetime64[D]").astype(int)
        keep = (self.day >= low) & (self.day <= high)
        if not keep.any():
            raise ValueError(f"there are no ratings from {first} to {last}")
        counts = np.add.reduceat(keep, self.indptr[:-1], dtype=np.int64)
        places, user = _compacted([self.user[keep]])
        return replace(
            self,
            users=self.users[places],
            movies=self.movies[counts > 0],
            indptr=np.concatenate([[0], counts[counts > 0].cumsum()]),
            user=user[0],
            rating=self.rating[keep],
            day=self.day[keep],
        )

    def to_interactions(self) -> Interactions:
        """The matrix: row ``r`` is ``users[r]``, column ``c`` is ``movies[c]``."""
        shape = len(self.users), len(self.movies)
        # Movie by movie means CSC already, and SciPy turns CSC into CSR in linear time.
        parts = self.rating, self.user, self.indptr.astype(np.int32)
        X = scipy.sparse.csc_array(parts, shape=shape).tocsr()
        indptr, indices, values = map(torch.from_numpy, (X.indptr, X.indices, X.data))
        return Interactions(indptr, indices, values.float(), shape[1])

    def ratings(self, name: str = "netflix") -> Ratings:
        """The table of these ratings: for a part of the data, at some hundred bytes each."""
        table = {
            "user": self.users[self.user],
            "item": self.movies.repeat(np.diff(self.indptr)),
            "rating": self.rating,
            "timestamp": self.day.astype(np.int64) * 86_400,
        }
        return Ratings(pd.DataFrame(table), name, (1.0, 5.0), self.titles)


# -- reading ---------------------------------------------------------------------


def read(folder: str | Path, *, progress: bool = False) -> NetflixPrize:
    """Read the ratings in ``folder``, and ``movie_titles.csv`` (or ``.txt``) if it is there.

    ``folder`` holds ``combined_data_*.txt``, or ``mv_*.txt``, or ``training_set/mv_*.txt``.

    Raises
    ------
    FileNotFoundError
        If it holds none of these.
    ValueError
        If it holds two of these kinds; or as :func:`parse`.
    """
    kinds = {
        pattern: sorted(Path(folder).glob(pattern))
        for pattern in ("combined_data_*.txt", "mv_*.txt", "training_set/mv_*.txt")
    }
    found = {pattern: paths for pattern, paths in kinds.items() if paths}
    if not found:
        raise FileNotFoundError(
            f"{folder} holds no {' and no '.join(kinds)}: unpack the Netflix Prize files there, or "
            "name the folder that holds them"
        )
    if len(found) > 1:
        raise ValueError(f"{folder} holds {' and '.join(found)}, the same ratings; remove one kind")
    (paths,) = found.values()
    sizes = (path.stat().st_size for path in paths)
    with tqdm(total=sum(sizes), unit="B", unit_scale=True, disable=not progress) as bar:

        def opened() -> Iterator[tuple[str, BinaryIO]]:
            for path in paths:
                with path.open("rb") as file:
                    yield str(path), CallbackIOWrapper(bar.update, file, "read")

        prize = parse(opened())
    titles = sorted(Path(folder).glob("movie_titles.*"))
    return replace(prize, titles=read_titles(titles[0])["title"]) if titles else prize


def parse(files: Iterable[tuple[str, BinaryIO]], *, block_size: int = 1 << 23) -> NetflixPrize:
    """Read (name, open binary file) pairs, about ``block_size`` bytes at a time.

    Raises
    ------
    ValueError
        If lines are malformed (the first ten of the file are shown, with their
        numbers), a file does not begin with the line of a movie, nobody rated
        anything, or somebody rated a movie twice.
    """
    movies, starts, parts, count = [], [], [], 0
    for name, file in files:
        for ids, places, part in _parts(name, file, block_size):
            movies += ids
            starts += [count + place for place in places]
            parts.append(part)
            count += len(part[0])
    if not count:
        raise ValueError("there are no ratings in these files; unpack them again")
    users, ratings, days = zip(*parts, strict=True)
    ids, users = _compacted(users)
    del parts, part  # the ratings are held twice at most
    user, rating, day = map(np.concatenate, (users, ratings, days))
    movies, starts = np.array(movies), np.array(starts)
    sizes = np.diff(starts, append=count)
    if (np.diff(movies) < 0).any():  # not in the order of the official files
        order = movies.argsort(kind="stable")
        runs = [slice(starts[at], starts[at] + sizes[at]) for at in order]
        user, rating, day = (np.concatenate([x[run] for run in runs]) for x in (user, rating, day))
        movies, sizes = movies[order], sizes[order]
    movies, first = np.unique(movies[sizes > 0], return_index=True)
    ends = sizes[sizes > 0].cumsum()
    indptr = np.concatenate([[0], ends[first[1:] - 1], [count]])
    prize = NetflixPrize(ids, movies, indptr, user, rating, day)
    _check_once(prize)
    return prize


def _parts(name: str, file: BinaryIO, block_size: int) -> Iterator[tuple]:
    """Of each block: movies, how many ratings precede the line of each, and (user, rating, day)."""
    lines, wrong, shown = 0, 0, []
    for block in _blocks(file, block_size):
        text, ends, good, header, *part = _parsed(block)
        if not lines:
            good[0] &= header[0]
        for at in np.flatnonzero(~good)[: 10 - len(shown)]:
            shown.append(f"line {lines + at + 1}: {_line(text, ends, at)[:80]!r}")
        lines, wrong = lines + len(ends), wrong + np.count_nonzero(~good)
        headers = np.flatnonzero(header & good)
        movies = [int(_line(text, ends, at)[:-1]) for at in headers]
        yield movies, headers - np.arange(len(headers)), [x[~header] for x in part]
    _refuse(name, wrong, shown, f"{EXPECTED}; the first line must name a movie")
    if not lines:
        raise ValueError(f"{name} is empty; unpack it again")


def _blocks(file: BinaryIO, size: int) -> Iterator[bytes]:
    """Whole lines of a file, each ended by one newline character."""
    while block := file.read(size):
        block = (block + file.readline()).replace(b"\r\n", b"\n")
        yield block if block.endswith(b"\n") else block + b"\n"


def _parsed(block: bytes) -> tuple[np.ndarray, ...]:
    """Text, line ends; for each line whether it is well-formed, a movie's, and user, rating, day.

    All lines at once: aligned at their ends, those of ratings have each sign in the same place.
    """
    text = np.frombuffer(bytes(_WIDTH) + block, dtype=np.uint8)
    ends = np.flatnonzero(text == ord("\n"))
    length = np.diff(ends, prepend=_WIDTH - 1) - 1
    signs = np.ascontiguousarray(sliding_window_view(text, _WIDTH)[ends - _WIDTH].T)
    signs[:7][np.arange(7)[:, None] < _WIDTH - length] = ord("0")  # of the line before
    good = (signs >= _LOWEST).all(axis=0) & (signs <= _HIGHEST).all(axis=0)
    good &= (length > _WIDTH - 7) & (length <= _WIDTH)
    digits = (signs - ord("0")) * good

    def number(places: slice) -> np.ndarray:
        return reduce(lambda n, digit: 10 * n + digit, digits[places].astype(np.int32))

    year, month, date = number(slice(10, 14)), number(slice(15, 17)), number(slice(18, 20))
    day = _DAYS[np.clip(year - 1997, 0, 9), month, date]
    good &= day >= 0
    header = text[ends - 1] == ord(":")
    for at in np.flatnonzero(header):
        good[at] = re.fullmatch("[1-9][0-9]{0,4}:", _line(text, ends, at)) is not None
    return text, ends, good, header, number(slice(0, 7)), digits[8].astype(np.int8), day


def _line(text: np.ndarray, ends: np.ndarray, at: int) -> str:
    start = ends[at - 1] + 1 if at else _WIDTH
    return text[start : ends[at]].tobytes().decode("latin-1")


def _refuse(name: str, wrong: int, shown: list[str], expected: str) -> None:
    """ValueError if any lines are wrong; ``shown`` are the first of them."""
    if wrong:
        more = ["..."] if wrong > len(shown) else []
        head = f"{name} has {wrong:,} malformed lines; restore the file. Expected is {expected}."
        raise ValueError("\n".join([head, *shown, *more]))


def _compacted(parts: Sequence[np.ndarray]) -> tuple[np.ndarray, list[np.ndarray]]:
    """The whole numbers that occur, sorted; and the place of each among them.

    By a table of all numbers to the largest: sorting takes ten times as long.
    """
    seen = np.zeros(1 + max(part.max(initial=0) for part in parts), dtype=bool)
    for part in parts:
        seen[part] = True
    place = seen.cumsum(dtype=np.int32) - 1
    return np.flatnonzero(seen), [place[part] for part in parts]


def _check_once(prize: NetflixPrize) -> None:
    """ValueError if somebody rated a movie twice."""
    latest = np.empty(len(prize.users), dtype=np.int32)
    for m, movie in enumerate(prize.movies):
        user = prize.user[prize.indptr[m] : prize.indptr[m + 1]]
        order = np.arange(len(user), dtype=np.int32)
        latest[user] = order  # of equal users the last one stays
        twice = latest[user] != order
        if twice.any():
            raise ValueError(
                f"movie {movie} is rated more than once by {np.count_nonzero(twice)} users, the "
                f"first of them user {prize.users[user[twice.argmax()]]}; was a file copied, or "
                "appended to another? Restore the original files"
            )


def read_titles(source: str | Path | BinaryIO) -> pd.DataFrame:
    """Read ``movie_titles.csv``: ``year`` (Int64, missing where NULL) and ``title`` by movie.

    Raises
    ------
    ValueError
        If lines are malformed; shows the first ten.
    """
    rows = _matches(source, r"([0-9]{1,5}),([0-9]{4}|NULL),(.+)", "`movie,year,title`")
    table = pd.DataFrame(rows, columns=["movie", "year", "title"])
    table["year"] = table["year"].replace("NULL", pd.NA).astype("Int64")
    return table.astype({"movie": "int64"}).set_index("movie")


def read_probe(source: str | Path | BinaryIO) -> pd.DataFrame:
    """Read ``probe.txt``, whose ratings the training set holds: ``user`` and ``item``, int64.

    Raises
    ------
    ValueError
        If lines are malformed; shows the first ten.
    """
    rows = _matches(source, r"([0-9]{1,7})(:?)", "`movie:` or `user`")
    table = pd.DataFrame(rows, columns=["number", "colon"])
    number, header = table["number"].astype("int64"), table["colon"] == ":"
    item = number.where(header).ffill()
    if not header[0]:
        raise ValueError(f"{source} must begin with `movie:`; restore the file")
    pairs = pd.DataFrame({"user": number, "item": item})[~header]
    return pairs.astype("int64").reset_index(drop=True)


def _matches(source: str | Path | BinaryIO, pattern: str, expected: str) -> list[tuple[str, ...]]:
    """The groups of each line of a latin-1 file."""
    name = getattr(source, "name", source)
    content = source.read() if hasattr(source, "read") else Path(source).read_bytes()
    lines = content.decode("latin-1").replace("\r\n", "\n").removesuffix("\n").split("\n")
    found = [re.fullmatch(pattern, line) for line in lines]
    wrong = [at for at, match in enumerate(found) if not match]
    shown = [f"line {at + 1}: {lines[at][:80]!r}" for at in wrong[:10]]
    _refuse(str(name), len(wrong), shown, expected)
    return [match.groups() for match in found]


# -- the time splits -------------------------------------------------------------


class Window(NamedTuple):
    """Days to train on, days to test on (all included), and the counts that were published.

    ``ratings``, ``users`` and ``movies`` are those trained on; ``held_out`` is the
    number of validation and test ratings together.
    """

    first: str
    last: str
    test_first: str
    test_last: str
    ratings: int
    users: int
    movies: int
    held_out: int


# Days from the code of Kuchaiev and Ginsburg (2017), who took the splits from Wu et al. (2017);
# counts from its README, which prints the days "2005-11-31" and "2005-06-31". It does not say
# that "ratings test" means both halves, but one half cannot be that large: before December 1999
# and in December 2005 there are 100,480,507 - 98,074,901 = 2,405,606 ratings.
_DECEMBER = ("2005-12-01", "2005-12-31")
_JUNE = ("2005-06-01", "2005-06-30")
WINDOWS = {
    "3 months": Window(
        "2005-09-01", "2005-11-30", *_DECEMBER, 13_675_402, 311_315, 17_736, 2_082_559
    ),
    "6 months": Window(
        "2005-06-01", "2005-11-30", *_DECEMBER, 29_179_009, 390_795, 17_757, 2_175_535
    ),
    "1 year": Window("2004-06-01", "2005-05-31", *_JUNE, 41_451_832, 345_855, 16_907, 3_888_684),
    "full": Window("1999-12-01", "2005-11-30", *_DECEMBER, 98_074_901, 477_412, 17_768, 2_250_481),
}


def time_split(prize: NetflixPrize, window: str | Window, *, seed: int = 0) -> Split:
    """Train on a window of days, test on the month after it, as Wu et al. (2017) did.

    Users and movies of the test month that training has not seen are left out.
    Each other rating is for the test or for validation, with probability 1/2. The
    published draws had no seed, so their halves are not these; the counts in
    ``WINDOWS`` should be.

    Raises
    ------
    ValueError
        If the window has no such name, or one of its parts is empty.
    """
    if isinstance(window, str):
        if window not in WINDOWS:
            raise ValueError(unknown("window", window, WINDOWS))
        window = WINDOWS[window]
    train = prize.between(window.first, window.last)
    month = prize.between(window.test_first, window.test_last)
    rows = _places(month.users, train.users)[month.user]
    cols = _places(month.movies, train.movies).repeat(np.diff(month.indptr))
    known = (rows >= 0) & (cols >= 0)
    X = train.to_interactions()
    later = Interactions.from_coo(rows[known], cols[known], month.rating[known], shape=X.shape)
    # Drawn in the order of the matrix, so that the order of the files changes nothing.
    drawn = torch.from_numpy(np.random.default_rng(seed).random(later.nnz) < 0.5)

    def test_on(keep: torch.Tensor) -> Test:
        parts = later.row_ids[keep], later.indices[keep], later.values[keep]
        return Test(X, Interactions.from_coo(*parts, shape=X.shape), train.users)

    return Split(X, test_on(drawn), test_on(~drawn), train.users, train.movies)


def _places(values: np.ndarray, among: np.ndarray) -> np.ndarray:
    """Place of each value in the sorted array ``among``; -1 if it is not there."""
    at = np.searchsorted(among, values).clip(max=len(among) - 1)
    return np.where(among[at] == values, at, -1)
