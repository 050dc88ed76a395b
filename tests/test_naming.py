"""Unknown names: what is listed and what is guessed."""

from __future__ import annotations

import pytest

from reclib.naming import unknown

KNOWN = ["ml-latest-small", "ml-100k", "ml-1m"]


@pytest.mark.parametrize(
    ("name", "meant"),
    [("ml1m", "ml-1m"), ("ML_1M", "ml-1m"), ("ml-latest small", "ml-latest-small")],
)
def test_the_nearest_name_is_suggested(name, meant):
    text = unknown("data set", name, KNOWN)
    assert text.startswith(f"no data set {name!r}; there are: ml-latest-small, ml-100k, ml-1m")
    assert text.endswith(f"did you mean {meant!r}?")


@pytest.mark.parametrize("name", ["netflix", "", None, 7, ["ml-1m", "ml-100k"]])
def test_what_is_near_to_nothing_gets_no_guess(name):
    assert "did you mean" not in unknown("data set", name, KNOWN)


def test_without_any_name_the_sentence_is_whole():
    assert unknown("experiment", "x", []) == "no experiment 'x'; there are: none"
