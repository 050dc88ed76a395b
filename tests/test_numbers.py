"""No number of ours is typed: what prose says of a record is printed by code."""

from __future__ import annotations

import re

import jupytext
import numpy as np
import pandas as pd
import pytest

import execute
from reclib import datasets, evidence, experiments

CHAPTERS = execute.find_chapters()
CODE_AND_MATH = re.compile(r"```.*?```|:::\{solution\}.*?:::|`[^`]*`|\$\$.*?\$\$|\$[^$]*\$", re.S)
# .831, 0.831, 12.5 %: with three digits, or two and a percent sign, it is no round number.
NUMBER = re.compile(r"(?<![\w.,])(?:(0?\.\d{3,})|(\d{1,2}\.\d) ?%)(?![\w%])")


def measured(name: str) -> set[float]:
    """Every value of an experiment's record: of each seed, and the mean over them."""
    runs = evidence.per_seed(name)
    if runs.empty:
        return set()
    numbers = runs.select_dtypes("float").drop(columns=["seconds", "cpu_seconds"], errors="ignore")
    means = numbers.groupby(runs["label"]).mean()
    values = np.concatenate([numbers.to_numpy().ravel(), means.to_numpy().ravel()])
    return set(values[np.isfinite(values)])


def from_elsewhere() -> np.ndarray:
    """What may be typed though a record has it too: published values, claims, settings."""
    register = pd.read_csv(datasets.data_folder() / "claims.csv")
    said = [*evidence.published()["value"], *pd.to_numeric(register["value"])]
    settings = re.findall(r"(?<![\w.])\d*\.\d+", str(list(experiments.load_experiments().values())))
    values = np.array([*map(float, said), *map(float, settings)])
    return np.concatenate([values, values / 100])


def typed(source: str, ours: set[float], theirs: np.ndarray) -> list[str]:
    """Numbers in the prose of a chapter that equal one of ours, to the digits printed."""
    cells = jupytext.reads(source, fmt="py:percent").cells
    prose = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    mine, found = np.array(sorted(ours)), []
    for number, percent in NUMBER.findall(CODE_AND_MATH.sub(" ", prose)):
        text = number or percent
        digits = len(text.partition(".")[2]) + (2 if percent else 0)
        value = float(text) / (100 if percent else 1)
        half = 0.5 * 10.0**-digits
        if (abs(mine - value) <= half).any() and not (abs(theirs - value) <= half).any():
            found.append(text)
    return found


@pytest.mark.parametrize("slug", list(CHAPTERS))
def test_no_recorded_number_is_typed_in_prose(slug):
    source = CHAPTERS[slug].source.read_text(encoding="utf-8")
    names = [name for name in experiments.load_experiments() if f'"{name}"' in source]
    ours = set().union(*map(measured, names))
    assert typed(source, ours, from_elsewhere()) == []


def test_a_typed_number_is_found():
    text = "# %% [markdown]\n# It reaches {}, as in `{}` and ${}$.\n"
    ours, theirs = {0.83162, 0.1234}, np.array([0.831])
    for said, found in ((".832", [".832"]), ("0.8316", ["0.8316"]), ("12.3 %", ["12.3"])):
        assert typed(text.format(said, "", ""), ours, theirs) == found
    assert typed(text.format(".8", ".832", ".832"), ours, theirs) == []  # rounded, code, math
    assert typed(text.format(".831", "", ""), ours, theirs) == []  # what the paper says
    assert typed(text.format(".700", "", ""), ours, theirs) == []
    assert typed("# %%\nx = .832\n", ours, theirs) == []


def test_records_are_read():
    assert any(abs(value - 0.83) < 0.01 for value in measured("autorec-ml1m"))
