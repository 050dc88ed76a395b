"""Data sets: found, downloaded, refused. No test touches the network."""

from __future__ import annotations

import dataclasses
import hashlib
import http.client
import io
import tarfile
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

import pytest

from reclib import datasets
from reclib.ratings import Ratings

# Synthetic archives in the official formats: separators, encodings, accents, stray fields.
ML_1M = {
    "ml-1m/ratings.dat": b"2::1193::5::978300760\n1::661::3::978302109\n1::1193::4::978301968\n",
    "ml-1m/movies.dat": "661::Misérables, Les (1995)::Drama|Musical\n"
    "1193::Face/Off: Again (1997)::Action\n".encode("latin-1"),
    "ml-1m/users.dat": b"1::F::1::10::48067\n",
}
ML_100K = {
    "ml-100k/u.data": b"196\t242\t3\t881250949\n22\t377\t1\t878887116\n196\t377\t5\t881250000\n",
    "ml-100k/u.item": "242|Cité des enfants perdus, La (1995)|01-Jan-1995||http://us.imdb.com|0|1\n"
    '377|Léon "the pro" (1994)|||http://us.imdb.com|1|0\n'.encode("latin-1"),
}
LATEST = {
    "ml-latest-small/ratings.csv": b"userId,movieId,rating,timestamp\n1,1,4.0,964982703\n"
    b"1,3,0.5,964981247\n",
    "ml-latest-small/movies.csv": 'movieId,title,genres\n1,"Fabuleux destin d\'Amélie, Le",X\n'
    "3,Heat,Y\n".encode(),
}
ML_20M = {
    "ml-20m/ratings.csv": b"userId,movieId,rating,timestamp\n2,1193,4.0,1112486027\n"
    b"1,2,3.5,1112486027\n1,1193,5.0,1112484676\n",
    "ml-20m/movies.csv": 'movieId,title,genres\n2,"Misérables, Les (1995)",X\n'
    "1193,Heat,Y\n".encode(),
    "ml-20m/genome-scores.csv": b"movieId,tagId,relevance\n",
}
NETFLIX = {
    "combined_data_1_excerpt/combined_data_1.txt": b"3:\n7,5,2005-09-06\n2649429,1,1999-11-11\n",
    "ratings_92movies.txt": b"17770,2649429,4.0\n3,7,1.0\n3,2649429,2.0\n",
    "movie_titles.csv": "3,NULL,Misérables, Les\n17770,1997,Face/Off\n".encode("latin-1"),
}
GOWALLA = {
    "LightGCN-master/Data/amazon-book/train.txt": b"0 1 2\n",
    "LightGCN-master/Data/gowalla/train.txt": b"0 0 2\n1 1\n",
    "LightGCN-master/Data/gowalla/test.txt": b"0 1\n1 0 2\n",
}
ARCHIVES = {
    "gowalla": GOWALLA,
    "ml-1m": ML_1M,
    "ml-100k": ML_100K,
    "ml-latest-small": LATEST,
    "ml-20m": ML_20M,
    "netflix-excerpt": NETFLIX,
    "netflix-excerpt-dated": NETFLIX,
}


def zipped(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content)  # without the time of day
    return buffer.getvalue()


def packed(name: str, members: dict[str, bytes]) -> bytes:
    """An archive of the kind that the data set comes in."""
    if not datasets.DATASETS[name].archive.endswith(".tar.gz"):
        return zipped(members)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for path, content in members.items():
            info = tarfile.TarInfo(path)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """An empty download folder, no embedded data, no network, synthetic archives official."""
    monkeypatch.setenv("RECLIB_DATA", str(tmp_path / "cache"))
    monkeypatch.setattr(datasets, "data_folder", lambda: tmp_path / "embedded")
    monkeypatch.setattr(urllib.request, "urlopen", offline)
    for name, members in ARCHIVES.items():
        dataset = datasets.DATASETS[name]
        path = tmp_path / dataset.archive
        path.write_bytes(packed(name, members))
        with datasets._opened(path) as archive:
            table, titles = dataset.read(archive)
        official = {"fingerprint": Ratings(table, name, dataset.scale, titles).fingerprint()}
        if dataset.fingerprint.startswith("md5:"):
            official["fingerprint"] = f"md5:{hashlib.md5(path.read_bytes()).hexdigest()}"
        if dataset.title_fingerprint:
            official["title_fingerprint"] = datasets.title_fingerprint(titles)
        monkeypatch.setitem(datasets.DATASETS, name, dataclasses.replace(dataset, **official))
    return tmp_path / "cache"


def offline(*_, **__):
    raise urllib.error.URLError("no route to host")


def serve(monkeypatch, content: bytes, cut: int | None = None, header: str = "") -> list[str]:
    """Answer every request with ``content``, of which only ``cut`` bytes arrive."""
    asked = []

    def urlopen(url, timeout=None):
        asked.append(url)
        head = f"HTTP/1.1 200 OK\r\n{header or f'Content-Length: {len(content)}'}\r\n\r\n"

        class Socket:
            def makefile(self, *_, **__):
                return io.BytesIO(head.encode() + content[:cut])

        response = http.client.HTTPResponse(Socket())
        response.begin()
        return response

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    return asked


# -- reading -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "rows", "titles"),
    [
        (
            "ml-1m",
            [(1, 661, 3, 978302109), (1, 1193, 4, 978301968), (2, 1193, 5, 978300760)],
            {661: "Misérables, Les (1995)", 1193: "Face/Off: Again (1997)"},
        ),
        (
            "ml-100k",
            [(22, 377, 1, 878887116), (196, 242, 3, 881250949), (196, 377, 5, 881250000)],
            {242: "Cité des enfants perdus, La (1995)", 377: 'Léon "the pro" (1994)'},
        ),
        (
            "ml-latest-small",
            [(1, 1, 4, 964982703), (1, 3, 0.5, 964981247)],
            {1: "Fabuleux destin d'Amélie, Le", 3: "Heat"},
        ),
        (
            "ml-20m",
            [(1, 2, 3.5, 1112486027), (1, 1193, 5, 1112484676), (2, 1193, 4, 1112486027)],
            {2: "Misérables, Les (1995)", 1193: "Heat"},
        ),
        (
            "netflix-excerpt",
            [(7, 3, 1), (2649429, 3, 2), (2649429, 17770, 4)],
            {3: "Misérables, Les", 17770: "Face/Off"},
        ),
        (
            "netflix-excerpt-dated",
            [(7, 3, 5, 1125964800), (2649429, 3, 1, 942278400)],
            {3: "Misérables, Les", 17770: "Face/Off"},
        ),
    ],
)
def test_each_official_format_is_read(folder, name, rows, titles):
    folder.mkdir()
    (folder / datasets.find(name).archive).write_bytes(packed(name, ARCHIVES[name]))
    ratings = datasets.load(name)
    assert list(ratings.table.itertuples(index=False, name=None)) == rows
    assert ratings.titles.to_dict() == titles
    assert ratings.name == name
    half_stars = name in ("ml-latest-small", "ml-20m")
    assert ratings.scale == ((0.5, 5.0) if half_stars else (1.0, 5.0))


def test_a_published_split_comes_with_the_data(folder):
    """Of the files with the same name, those in the folder of the data set are read."""
    folder.mkdir()
    (folder / "gowalla.zip").write_bytes(zipped(GOWALLA))
    ratings = datasets.load("gowalla")
    rows = ratings.table[["user", "item", "held_out"]].itertuples(index=False, name=None)
    assert list(rows) == [
        *[(0, 0, False), (0, 1, True), (0, 2, False), (1, 0, True), (1, 1, False), (1, 2, True)]
    ]
    assert ratings.titles is None and ratings.scale == (1.0, 1.0)


def test_ml_latest_small_is_embedded_and_the_default(monkeypatch, tmp_path):
    monkeypatch.setenv("RECLIB_DATA", str(tmp_path))
    monkeypatch.setattr(urllib.request, "urlopen", offline)
    assert datasets.load().fingerprint() == datasets.DATASETS["ml-latest-small"].fingerprint


def test_an_archive_packed_again_is_as_good(folder):
    folder.mkdir()
    members = {name.rsplit("/")[-1]: content for name, content in reversed(ML_100K.items())}
    (folder / "ml-100k.zip").write_bytes(zipped(members))
    assert len(datasets.load("ml-100k")) == 3


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(
        ValueError, match="no data set 'ml-2m'; there are: ml-latest-small, ml-100k"
    ):
        datasets.load("ml-2m")


# -- where it is looked for ----------------------------------------------------


def test_reclib_data_names_the_folder(folder, monkeypatch):
    assert datasets.find("ml-1m").path() is None
    folder.mkdir()
    (folder / "ml-1m.zip").write_bytes(zipped(ML_1M))
    assert datasets.find("ml-1m").path() == folder / "ml-1m.zip"
    monkeypatch.setenv("RECLIB_DATA", "")
    assert datasets.download_folder() == Path.home() / ".cache" / "reclib"


# -- downloading ---------------------------------------------------------------


def test_terms_are_shown_before_the_download_starts(folder, monkeypatch, capsys):
    printed = []

    def urlopen(*_, **__):
        printed.append(capsys.readouterr().out)
        raise TimeoutError("timed out")

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    with pytest.raises(ConnectionError):
        datasets.load("ml-1m")
    assert "Not to be redistributed" in printed[0]
    assert datasets.DATASETS["ml-1m"].url in printed[0]


def test_a_download_is_kept_and_not_repeated(folder, monkeypatch, capsys):
    asked = serve(monkeypatch, zipped(ML_1M))
    assert len(datasets.load("ml-1m")) == len(datasets.load("ml-1m")) == 3
    assert asked == ["https://files.grouplens.org/datasets/movielens/ml-1m.zip"]
    assert [path.name for path in folder.iterdir()] == ["ml-1m.zip"]
    assert capsys.readouterr().out.count("Not to be redistributed") == 1


def test_without_a_network_the_error_says_what_to_put_where(folder):
    with pytest.raises(ConnectionError) as error:
        datasets.load("ml-100k")
    for part in ("no route to host", "ml-100k.zip", datasets.DATASETS["ml-100k"].url, str(folder)):
        assert part in str(error.value)
    assert "RECLIB_DATA" in str(error.value)
    assert not list(folder.iterdir())


class Breaking(io.BytesIO):
    """A connection that dies after the first block."""

    def read(self, size=-1):
        if self.tell():
            raise ConnectionResetError("reset by peer")
        return super().read(4)


def test_a_download_that_breaks_off_leaves_nothing_behind(folder, monkeypatch):
    monkeypatch.setattr(urllib.request, "urlopen", lambda *_, **__: Breaking(zipped(ML_1M)))
    with pytest.raises(ConnectionError, match="reset by peer"):
        datasets.load("ml-1m")
    assert not list(folder.iterdir())


def test_an_interrupted_download_leaves_nothing_behind(folder, monkeypatch):
    class Interrupted(io.BytesIO):
        def read(self, size=-1):
            raise KeyboardInterrupt

    monkeypatch.setattr(urllib.request, "urlopen", lambda *_, **__: Interrupted(b"x"))
    with pytest.raises(KeyboardInterrupt):
        datasets.load("ml-1m")
    assert not list(folder.iterdir())


@pytest.mark.parametrize("header", ["", "Transfer-Encoding: chunked"])
def test_a_download_that_ends_too_early_leaves_nothing_behind(folder, monkeypatch, header):
    content = zipped(ML_1M)
    if header:  # one chunk that promises more than arrives
        content = f"{len(content):x}\r\n".encode() + content
    serve(monkeypatch, content, cut=len(content) // 2, header=header)
    with pytest.raises(ConnectionError, match="ml-1m.zip"):
        datasets.load("ml-1m")
    assert not list(folder.iterdir())


def test_the_file_appears_under_its_name_only_when_complete(folder, monkeypatch):
    seen = []

    class Watched(io.BytesIO):
        def read(self, size=-1):
            seen.append({path.name for path in folder.iterdir()})
            return super().read(64)

    monkeypatch.setattr(urllib.request, "urlopen", lambda *_, **__: Watched(zipped(ML_1M)))
    datasets.fetch("ml-1m")
    assert len(seen) > 2
    assert all("ml-1m.zip" not in names for names in seen)


def test_a_download_folder_that_cannot_be_made_is_explained(folder):
    folder.write_text("a file where the folder should be")
    with pytest.raises((ConnectionError, ValueError), match="ml-1m.zip"):
        datasets.load("ml-1m")


# -- an archive that is not the official one --------------------------------------


def put(folder: Path, content: bytes, name: str = "ml-1m.zip") -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(content)


def test_one_rating_changed_is_refused(folder):
    edited = ML_1M["ml-1m/ratings.dat"].replace(b"661::3", b"661::4")
    put(folder, zipped(ML_1M | {"ml-1m/ratings.dat": edited}))
    with pytest.raises(ValueError, match=r"does not hold the official MovieLens 1M.*Delete it"):
        datasets.load("ml-1m")


def test_one_rating_missing_is_refused(folder):
    shorter = ML_1M["ml-1m/ratings.dat"].rsplit(b"\n", 2)[0]
    put(folder, zipped(ML_1M | {"ml-1m/ratings.dat": shorter}))
    with pytest.raises(ValueError, match="does not hold the official"):
        datasets.load("ml-1m")


def test_an_archive_known_by_its_checksum_must_be_that_archive(folder):
    folder.mkdir()
    (folder / "ml-20m.zip").write_bytes(zipped(ML_20M))
    assert len(datasets.load("ml-20m")) == 3
    (folder / "ml-20m.zip").write_bytes(zipped(ML_20M | {"ml-20m/README.txt": b"."}))
    with pytest.raises(ValueError, match=r"not hold the official MovieLens 20M.*md5:.*Delete"):
        datasets.load("ml-20m")


def test_a_missing_member_is_named(folder):
    put(folder, zipped({"ml-1m/movies.dat": ML_1M["ml-1m/movies.dat"]}))
    with pytest.raises(ValueError, match="holds no ratings.dat"):
        datasets.load("ml-1m")


@pytest.mark.parametrize("keep", [0, 10, 150])
def test_a_truncated_archive_is_refused(folder, keep):
    put(folder, zipped(ML_1M)[:keep])
    with pytest.raises(ValueError, match="not a zip archive; delete it"):
        datasets.load("ml-1m")


def test_an_archive_with_any_byte_damaged_is_refused(folder):
    content = zipped(ML_1M)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        info = archive.getinfo("ml-1m/ratings.dat")
    start = info.header_offset + 30 + len(info.filename)  # of the compressed ratings
    for place in range(start, start + info.compress_size, 3):
        damaged = bytearray(content)
        damaged[place] ^= 0xFF
        put(folder, bytes(damaged))
        with pytest.raises(ValueError, match="ml-1m.zip"):
            datasets.load("ml-1m")


# -- what nobody offers: the Netflix Prize -----------------------------------------


@pytest.mark.parametrize("name", ["netflix-excerpt", "netflix-excerpt-dated"])
def test_without_an_address_nothing_is_asked_for_and_the_error_says_what_to_do(
    folder, monkeypatch, name
):
    asked = serve(monkeypatch, b"")
    with pytest.raises(ConnectionError) as error:
        datasets.load(name)
    parts = ("nothing to download", "92 movies", "28,968 users", "after movie 20", str(folder))
    for part in (*parts, "netflix-excerpt.tar.gz", "RECLIB_DATA"):
        assert part in str(error.value)
    assert not asked and not folder.exists()


def test_the_whole_netflix_prize_is_read_from_its_files_and_must_be_whole(folder, monkeypatch):
    """Small files in the format of the official ones: two parts, of two movies and of one."""
    parts = {
        "combined_data_1.txt": b"1:\n7,3,2005-09-06\n9,5,2005-05-13\n2:\n7,4,2003-12-30\n",
        "combined_data_2.txt": b"3:\n8,1,2004-01-01\n",
        "movie_titles.csv": b"1,2003,One\n2,1994,Two\n3,2000,Three\n",
        "probe.txt": b"1:\n7\n",
    }
    put(folder, zipped(parts), "netflix-prize.zip")
    with pytest.raises(ValueError, match=r"holds \(3, 3, 4\) users, movies and ratings"):
        datasets.load("netflix-prize")
    monkeypatch.setattr(datasets.netflix, "COMPLETE", (3, 3, 4))
    ratings = datasets.load("netflix-prize")
    found = ratings.table.sort_values(["item", "user"])[["user", "item", "rating"]]
    assert found.to_numpy().tolist() == [[7, 1, 3], [9, 1, 5], [7, 2, 4], [8, 3, 1]]
    assert ratings.titles[3] == "Three" and ratings.scale == (1.0, 5.0)


@pytest.mark.parametrize("keep", [0, 10, 150])
def test_a_truncated_tar_is_refused(folder, keep):
    folder.mkdir()
    content = packed("netflix-excerpt", NETFLIX)[:keep]
    (folder / "netflix-excerpt.tar.gz").write_bytes(content)
    with pytest.raises(ValueError, match="not a tar.gz archive; delete it"):
        datasets.load("netflix-excerpt")


def test_a_tar_with_any_byte_damaged_is_refused_or_read_as_it_was(folder):
    folder.mkdir()
    path = folder / "netflix-excerpt.tar.gz"
    content = packed("netflix-excerpt", NETFLIX)
    path.write_bytes(content)
    whole = datasets.load("netflix-excerpt")
    refused = 0
    for place in range(0, len(content), 3):
        damaged = bytearray(content)
        damaged[place] ^= 0xFF
        path.write_bytes(bytes(damaged))
        try:  # gzip has bytes that mean nothing, such as the time of packing
            assert datasets.load("netflix-excerpt").fingerprint() == whole.fingerprint()
        except ValueError as error:
            refused += 1
            assert "netflix-excerpt.tar.gz" in str(error)
    assert refused > len(content) / 6


def test_a_changed_rating_and_a_missing_member_of_a_tar_are_refused(folder):
    folder.mkdir()
    path = folder / "netflix-excerpt.tar.gz"
    text = NETFLIX["ratings_92movies.txt"]
    edited = NETFLIX | {"ratings_92movies.txt": text.replace(b"4.0", b"5.0")}
    path.write_bytes(packed("netflix-excerpt", edited))
    with pytest.raises(ValueError, match="does not hold the official Netflix Prize, 92 movies"):
        datasets.load("netflix-excerpt")
    path.write_bytes(packed("netflix-excerpt", {"ratings_92movies.txt": text}))
    with pytest.raises(ValueError, match="netflix-excerpt.tar.gz .* it holds no movie_titles.csv"):
        datasets.load("netflix-excerpt")
