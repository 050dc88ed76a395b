"""The data sets: where each comes from, on what terms, and how it is read.

``load(name)`` looks for the archive next to the library (ml-latest-small is
embedded), then in the folder named by ``RECLIB_DATA`` (``~/.cache/reclib`` if
unset), and at last downloads it from its official place, terms first. What is
checked is the *content*: an archive that was packed again is as good as the
official one, a file with one rating or one title changed is not. The Netflix Prize data have
no official place any more: who has them may add the excerpts.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import tarfile
import tempfile
import urllib.request
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import IO, Any

import numpy as np
import pandas as pd

from reclib import netflix
from reclib.naming import unknown
from reclib.ratings import Ratings

DAMAGED = (zipfile.BadZipFile, tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError)
Archive = zipfile.ZipFile | tarfile.TarFile
COLUMNS = ["user", "item", "rating", "timestamp"]
# What may be said of a file of one's own, and the kind of each: see Ratings.from_table.
OWN = {
    **dict.fromkeys(("path", "user", "item", "rating", "timestamp", "title"), (str,)),
    **dict.fromkeys(("duplicates", "unit", "name", "fingerprint"), (str,)),
    "scale": (list,),
}
GROUPLENS_TERMS = (
    "Free for research. Not to be redistributed, nor used commercially, without permission of "
    "the GroupLens project; do not suggest that GroupLens endorses your work; cite Harper and "
    "Konstan (2015), doi 10.1145/2827872. The full terms are in the README of the archive."
)


GOWALLA_TERMS = (
    "Public check-ins of a service that has closed, as the authors of NGCF and LightGCN cut them; "
    "they come without a licence, so do not pass them on. Cite Cho, Myers and Leskovec (2011), "
    "Friendship and Mobility, and He et al. (2020), LightGCN."
)
NETFLIX_TERMS = (
    "Given out for the Netflix Prize from 2006 to 2009, withdrawn since. Not to be redistributed "
    "without permission of Netflix; do not suggest that Netflix endorses your work. An excerpt is "
    "no random sample: never compare its results with those published for the whole."
)
NETFLIX_WHOLE = (
    "Netflix withdrew the data, so there is nothing to download. Whoever has the original files "
    "can make this archive: `zip netflix-prize.zip combined_data_[1-4].txt movie_titles.csv`."
)
NETFLIX_ORIGIN = (
    "Netflix withdrew the data, so there is nothing to download. Whoever has the original files "
    "can make this archive: `tar czf netflix-excerpt.tar.gz combined_data_1.txt movie_titles.csv "
    "ratings_92movies.txt`, where combined_data_1.txt is cut after movie 20, and "
    "ratings_92movies.txt holds the lines `movie,user,rating` of 92 movies and 28,968 users. By "
    "what rule these were chosen is not known."
)


def data_folder() -> Path:
    """The book's own data: inside an installed package, or beside it in the repository."""
    package = Path(__file__).resolve().parent
    return package / "data" if (package / "data").is_dir() else package.parent / "data"


def download_folder() -> Path:
    """Where archives that may not be embedded are looked for and kept."""
    return Path(os.environ.get("RECLIB_DATA") or Path.home() / ".cache" / "reclib")


def _read_csv(archive: Archive) -> tuple[pd.DataFrame, pd.Series]:
    ratings = _numbers("ratings.csv", _member(archive, "ratings.csv"), COLUMNS, header=0)
    movies = pd.read_csv(_member(archive, "movies.csv"), index_col="movieId")
    return ratings, movies["title"]


def _read_1m(archive: Archive) -> tuple[pd.DataFrame, pd.Series]:
    # pandas has a fast parser for one-letter separators only.
    text = _member(archive, "ratings.dat").read().replace(b"::", b",")
    ratings = _numbers("ratings.dat", io.BytesIO(text), COLUMNS)
    lines = _member(archive, "movies.dat").read().decode("latin-1").strip().split("\n")
    movies = pd.DataFrame(
        [line.strip("\r").split("::") for line in lines], columns=["item", "title", "genres"]
    )
    return ratings, movies.astype({"item": "int64"}).set_index("item")["title"]


def _read_100k(archive: Archive) -> tuple[pd.DataFrame, pd.Series]:
    ratings = _numbers("u.data", _member(archive, "u.data"), COLUMNS, sep="\t")
    movies = pd.read_csv(
        _member(archive, "u.item"),
        sep="|",
        encoding="latin-1",
        header=None,
        usecols=[0, 1],
        names=["item", "title"],
        index_col="item",
    )
    return ratings, movies["title"]


def _read_netflix(archive: Archive) -> tuple[pd.DataFrame, pd.Series]:
    name = "ratings_92movies.txt"
    ratings = _numbers(name, _member(archive, name), ["item", "user", "rating"])
    return ratings, _netflix_titles(archive)


def _read_netflix_dated(archive: Archive) -> tuple[pd.DataFrame, pd.Series]:
    name = "combined_data_1.txt"
    prize = netflix.parse([(name, _member(archive, name))])
    return prize.ratings().table, _netflix_titles(archive)


def _read_netflix_prize(archive: Archive) -> tuple[pd.DataFrame, pd.Series]:
    names = sorted(name for name in archive.namelist() if "combined_data_" in name)
    prize = netflix.parse((name, archive.open(name)) for name in names)
    counts = len(prize.users), len(prize.movies), len(prize)
    if counts != netflix.COMPLETE:
        raise ValueError(
            f"it holds {counts} users, movies and ratings of the Netflix Prize, "
            f"not all {netflix.COMPLETE}: are combined_data_1.txt to combined_data_4.txt in it?"
        )
    return prize.ratings().table, _netflix_titles(archive)


def _read_gowalla(archive: Archive) -> tuple[pd.DataFrame, None]:
    parts = []
    for name in ("train.txt", "test.txt"):
        lines = _member(archive, f"gowalla/{name}").read().decode("ascii").splitlines()
        numbers = [list(map(int, line.split())) for line in lines]
        users = np.repeat([each[0] for each in numbers], [len(each) - 1 for each in numbers])
        items = np.concatenate([each[1:] for each in numbers])
        part = pd.DataFrame({"user": users, "item": items, "held_out": name == "test.txt"})
        parts.append(part)
    return pd.concat(parts).assign(rating=1.0), None


def _numbers(name: str, file: IO[bytes], columns: list[str], **how: Any) -> pd.DataFrame:
    """A table of numbers; ValueError names the file, and the first row that holds something else.

    ``how`` it is written is for ``pandas.read_csv``.
    """
    try:
        table = pd.read_csv(file, names=columns, **how)
    except ValueError as error:  # binary, empty, or rows of different lengths
        raise ValueError(f"{name} is no table of numbers ({error})") from error
    if table.empty:
        raise ValueError(f"{name} is empty")
    for column in table.select_dtypes(exclude="number"):
        wrong = pd.to_numeric(table[column], errors="coerce").isna()
        value, row = table[column][wrong].iloc[0], wrong.argmax() + 1
        raise ValueError(f"{name} has {value!r} in row {row}, where the number of the {column} is")
    return table


def _netflix_titles(archive: Archive) -> pd.Series:
    return netflix.read_titles(_member(archive, "movie_titles.csv"))["title"]


def _opened(path: Path) -> Archive:
    if not path.name.endswith(".tar.gz"):
        return zipfile.ZipFile(path)
    # Unpacked whole, since gzip has its checksum at the end.
    return tarfile.open(path, fileobj=io.BytesIO(gzip.decompress(path.read_bytes())))


def _member(archive: Archive, name: str) -> IO[bytes]:
    """Open a file of the archive, whichever folder it lies in; ``name`` may begin with one."""
    tar = isinstance(archive, tarfile.TarFile)
    for path in archive.getnames() if tar else archive.namelist():
        if f"/{path}".endswith(f"/{name}"):
            return archive.extractfile(path) if tar else archive.open(path)
    raise ValueError(f"it holds no {name}")


@dataclass(frozen=True)
class Dataset:
    """What is known of a data set before it is read.

    ``fingerprint`` is that of its :class:`~reclib.ratings.Ratings`, or, as ``md5:...``, that of
    the archive; empty if ``read`` itself checks that all is there. ``title_fingerprint`` is that
    of the items' titles, where the first does not hold them. ``file`` names the archive if that
    is not ``name``.zip. Without a ``url``, ``origin`` says how to come by it.
    """

    name: str
    title: str
    url: str
    fingerprint: str
    scale: tuple[float, float]
    terms: str
    read: Callable[[Archive], tuple[pd.DataFrame, pd.Series | None]]
    file: str = ""
    origin: str = ""
    title_fingerprint: str = ""

    @property
    def archive(self) -> str:
        """Name of the archive's file."""
        return self.file or f"{self.name}.zip"

    def path(self) -> Path | None:
        """The archive on this machine, or None."""
        for folder in (data_folder() / self.name, download_folder()):
            if (folder / self.archive).is_file():
                return folder / self.archive
        return None


_MOVIELENS = "https://files.grouplens.org/datasets/movielens/"
DATASETS = {
    dataset.name: dataset
    for dataset in (
        Dataset(
            "ml-latest-small",
            "MovieLens latest-small, September 2018",
            _MOVIELENS + "ml-latest-small.zip",
            "aee41e041008",
            (0.5, 5.0),
            "May be redistributed under the same conditions, for research, not commercially; "
            "cite Harper and Konstan (2015), doi 10.1145/2827872. The full terms are in the "
            "README of the archive.",
            _read_csv,
            title_fingerprint="51e5abff7d7d",
        ),
        Dataset(
            "ml-100k",
            "MovieLens 100K, April 1998",
            _MOVIELENS + "ml-100k.zip",
            "af016ebf36ed",
            (1.0, 5.0),
            GROUPLENS_TERMS,
            _read_100k,
            title_fingerprint="c45400f6ba1b",
        ),
        Dataset(
            "ml-1m",
            "MovieLens 1M, February 2003",
            _MOVIELENS + "ml-1m.zip",
            "85bd9ab8ecff",
            (1.0, 5.0),
            GROUPLENS_TERMS,
            _read_1m,
            title_fingerprint="e842c44b4e40",
        ),
        Dataset(
            "ml-20m",
            "MovieLens 20M, October 2016",
            _MOVIELENS + "ml-20m.zip",
            "md5:cd245b17a1ae2cc31bb14903e1204af3",  # as GroupLens publishes it
            (0.5, 5.0),
            GROUPLENS_TERMS,
            _read_csv,
        ),
        Dataset(
            "gowalla",
            "Gowalla check-ins, the split of NGCF and LightGCN",
            "https://github.com/kuandeng/LightGCN/archive/refs/heads/master.zip",
            "d48747d524d3",
            (1.0, 1.0),
            GOWALLA_TERMS,
            _read_gowalla,
        ),
        Dataset(
            "netflix-prize",
            "Netflix Prize, whole training set",
            "",
            "",
            (1.0, 5.0),
            NETFLIX_TERMS,
            _read_netflix_prize,
            origin=NETFLIX_WHOLE,
        ),
        *(
            Dataset(
                name,
                f"Netflix Prize, {part}",
                "",
                fingerprint,
                (1.0, 5.0),
                NETFLIX_TERMS,
                read,
                "netflix-excerpt.tar.gz",
                NETFLIX_ORIGIN,
                "74326a6f8c9c",
            )
            for name, part, fingerprint, read in (
                ("netflix-excerpt", "92 movies, no dates", "24518fd26a75", _read_netflix),
                ("netflix-excerpt-dated", "movies 1-20", "6942efb58b13", _read_netflix_dated),
            )
        ),
    )
}


def load(name: str | Mapping = "ml-latest-small") -> Ratings:
    """Read a data set, downloading it first if it is not on this machine.

    Parameters
    ----------
    name : str or mapping
        A name in ``DATASETS``; or a file of one's own: its ``path``, the arguments of
        ``Ratings.from_table`` and, if it must be a certain one, its ``fingerprint``.

    Raises
    ------
    ValueError
        If the name is unknown, or the archive's content is not the official one; or as
        ``Ratings.from_table``.
    ConnectionError
        If the archive is missing and cannot be downloaded, or nobody offers it; says
        what to put where.
    """
    if isinstance(name, Mapping):
        return _own(**name)
    dataset = find(name)
    path = dataset.path() or fetch(name)
    try:
        with _opened(path) as archive:
            table, titles = dataset.read(archive)
        ratings = Ratings(table, name, dataset.scale, titles)
    except DAMAGED as error:
        kind = "tar.gz" if path.name.endswith(".tar.gz") else "zip"
        raise ValueError(
            f"{path} is damaged, or not a {kind} archive; delete it and load again ({error})"
        ) from error
    except (ValueError, KeyError) as error:
        raise ValueError(
            f"{path} cannot be read: {error}. Is it the right archive? Delete it and load again."
        ) from error
    _check(dataset, path, ratings)
    return ratings


def _check(dataset: Dataset, path: Path, ratings: Ratings) -> None:
    """ValueError if ratings or titles are not the official ones."""
    found = ratings.fingerprint()
    if dataset.fingerprint.startswith("md5:"):
        with path.open("rb") as file:
            found = f"md5:{hashlib.file_digest(file, 'md5').hexdigest()}"
    wanted = {"": (dataset.fingerprint, found)}
    if dataset.title_fingerprint:
        wanted["titles of the "] = dataset.title_fingerprint, title_fingerprint(ratings.titles)
    for what, (official, found) in wanted.items():
        if official and found != official:
            raise ValueError(
                f"{path} does not hold the {what}official {dataset.title}: the fingerprint is "
                f"{found}, not {official}. Delete it and load again."
            )


def title_fingerprint(titles: pd.Series) -> str:
    """Twelve hexadecimal digits of the titles and their identifiers, in any order."""
    lines = sorted(f"{item}\t{title}\n" for item, title in titles.items())
    return hashlib.sha256("".join(lines).encode()).hexdigest()[:12]


def fingerprint_of(path: str | Path) -> str:
    """Twelve hexadecimal digits of a file, as its bytes are."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:12]


def _own(path: str, fingerprint: str = "", **columns: Any) -> Ratings:
    """The ratings in a file of one's own; ValueError if it is not the one it was."""
    if not Path(path).is_file():
        raise ValueError(f"there is no file {path}")
    if fingerprint and fingerprint_of(path) != fingerprint:
        raise ValueError(f"{path} has changed since the experiments were read; start again")
    return Ratings.from_table(path, **columns)


def find(name: str) -> Dataset:
    """Look a data set up by name; ValueError lists the names there are."""
    if not isinstance(name, str) or name not in DATASETS:
        raise ValueError(unknown("data set", name, DATASETS))
    return DATASETS[name]


def fetch(name: str) -> Path:
    """Show the terms of a data set, download it, and return the archive's path.

    The file appears under its name only when it is complete. ConnectionError if it
    cannot be had; says what to put where.
    """
    dataset = find(name)
    folder = download_folder()
    if not dataset.url:
        raise ConnectionError(
            f"{dataset.title} is not on this machine. {dataset.origin} Put {dataset.archive} into "
            f"{folder}, or set RECLIB_DATA to the folder that holds it."
        )
    print(f"{dataset.title}\n{dataset.terms}\nDownloading {dataset.url} to {folder}", flush=True)
    part = None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (
            urllib.request.urlopen(dataset.url, timeout=60) as response,
            tempfile.NamedTemporaryFile(dir=folder, suffix=".part", delete=False) as part,
        ):
            while block := response.read(1 << 20):
                part.write(block)
        if not zipfile.is_zipfile(part.name):
            raise OSError("what arrived is not a whole zip archive")
        os.chmod(part.name, 0o644)  # a temporary file is its owner's alone
        os.replace(part.name, folder / dataset.archive)
    except (OSError, HTTPException) as error:  # urllib's errors and time-outs are OSErrors
        raise ConnectionError(
            f"{dataset.title} is not on this machine and could not be downloaded ({error}). "
            f"Put {dataset.archive} from {dataset.url} into {folder}, or set RECLIB_DATA to the "
            "folder that holds it."
        ) from error
    finally:
        if part is not None:
            Path(part.name).unlink(missing_ok=True)
    return folder / dataset.archive
