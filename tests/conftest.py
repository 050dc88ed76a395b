"""What the tests share: devices, random matrices, the embedded data set."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import second_device
import torch
from hypothesis import settings

from reclib import datasets
from reclib.interactions import Interactions
from reclib.ratings import Ratings

# The same examples on every machine, however slow it is.
settings.register_profile("book", deadline=None, derandomize=True, database=None, max_examples=40)
settings.load_profile("book")

# The columns of the register of claims.
CLAIMS = (
    *("id", "report", "place", "quote", "claim", "value", "relation", "test", "tolerance"),
    *("not_comparable", "needs", "chapter", "evidence"),
)


@pytest.fixture(
    scope="session", params=["cpu", second_device.NAME, *["cuda"] * torch.cuda.is_available()]
)
def device(request) -> str:
    """Every device of this machine."""
    return request.param


@pytest.fixture(scope="session")
def random_matrix():
    """A function that makes a matrix of ratings 1..5, each cell observed with ``density``."""

    def make(rows: int, cols: int, density: float = 0.4, seed: int = 0) -> Interactions:
        rng = np.random.default_rng(seed)
        observed = rng.random((rows, cols)) < density
        r, c = np.nonzero(observed)
        return Interactions.from_coo(r, c, rng.integers(1, 6, len(r)), shape=(rows, cols))

    return make


@pytest.fixture(scope="session")
def random_ratings():
    """A function that makes ratings of gappy identifiers, in random order, with timestamps."""

    def make(users: int = 30, items: int = 20, density: float = 0.4, seed: int = 0) -> Ratings:
        rng = np.random.default_rng(seed)
        u, i = np.nonzero(rng.random((users, items)) < density)
        order = rng.permutation(len(u))
        u, i = u[order], i[order]
        table = {
            "user": 7 + 3 * u,
            "item": 1000 - 2 * i,
            "rating": rng.integers(1, 6, len(u)).astype(float),
            "timestamp": rng.integers(0, 500, len(u)),
        }
        return Ratings(pd.DataFrame(table), "random")

    return make


@pytest.fixture(scope="session")
def small() -> Ratings:
    """The embedded data set, ml-latest-small."""
    return datasets.load()


@pytest.fixture
def book_folder(tmp_path, monkeypatch) -> SimpleNamespace:
    """A book's data folder without experiments under ``tmp_path``; ml-latest-small is at hand."""
    archive = datasets.find("ml-latest-small").path()
    monkeypatch.setenv("RECLIB_DATA", str(archive.parent))
    monkeypatch.setattr(datasets, "data_folder", lambda: tmp_path)

    def write(
        experiments: str, published: str = "key,metric,value,read\n", claims: str = ""
    ) -> None:
        (tmp_path / "experiments.toml").write_text(experiments, encoding="utf-8")
        (tmp_path / "published.csv").write_text(published, encoding="utf-8")
        (tmp_path / "claims.csv").write_text(",".join(CLAIMS) + "\n" + claims, encoding="utf-8")

    return SimpleNamespace(path=tmp_path, runs=tmp_path / "runs", write=write)
