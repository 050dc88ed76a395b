"""What opens a chapter: what it costs, what it tests, how that came out."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd

from reclib import datasets
from reclib.evidence.register import claims
from reclib.evidence.runs import published, table
from reclib.experiments import load_experiments
from reclib.naming import unknown

LE = "le2020autoencoders"  # whose table one of the reports prints


def at_a_glance(chapter: str) -> str:
    """What opens a chapter: what it costs, as ``make timings`` measured it, and what it tests.

    The reproduction box, a Markdown table, has a row for every published number that an experiment
    of the chapter answers; below stand the verdicts of the claims that the chapter decides.

    ValueError if there is no such chapter.
    """
    if chapter not in (known := _chapters()):
        raise ValueError(unknown("chapter", chapter, known))
    parts = [_costs(chapter), _reproduction_box(chapter), _verdicts(chapter)]
    return "\n\n".join(part for part in parts if part)


def _chapters() -> list[str]:
    """All that are timed, decide claims or show experiments, and in the repository every page."""
    known = set(_timings()) - {"hardware"}
    known |= {point.chapter for each in load_experiments().values() for point in each.points}
    claims = pd.read_csv(datasets.data_folder() / "claims.csv", usecols=["chapter"]).dropna()
    known |= {name.rpartition("/")[2] for name in claims["chapter"]}
    known |= {page.stem for page in datasets.data_folder().parent.glob("book/*/[0-9]*.py")}
    return sorted(known - {None})


def _timings() -> dict:
    path = datasets.data_folder() / "chapters.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def _costs(chapter: str) -> str:
    timings = _timings()
    if chapter not in timings:
        return "Run time and memory have not been measured yet (`make timings`)."
    measured = timings[chapter]
    return (
        f"Runs in {measured['seconds']:.0f} s with {measured['peak_mb']:,.0f} MiB of memory "
        f"on {timings['hardware']}."
    )


def _reproduction_box(chapter: str) -> str:
    """Published, measured and verdict of the points that a chapter shows; empty without any."""
    claims, lines = published(), []
    for name, experiment in load_experiments().items():
        points = [p for p in experiment.points if p.answers and p.chapter == chapter]
        rows = table(name) if points else None
        for point in points:
            row = rows.loc[point.label]
            if not row["seeds"]:
                continue
            ours = f"{row['measured']:.4f}"
            ours += "" if np.isnan(row["se"]) else f" ± {row['se']:.4f}"
            verdict = f"{row['verdict']}: {row['because']}" if row["because"] else row["verdict"]
            method, dataset = claims.loc[point.answers, ["method", "dataset"]]
            ours_on = point.settings["dataset"]
            data = dataset if ours_on == dataset else f"{dataset} (ours: {ours_on})"
            what = method if point.label in method else f"{method} ({point.label})"
            lines.append(
                f"| {what} | {verdict} | {row['published']:.4f} | {ours} | {row['seeds']} | "
                f"{row['metric']}, {data} |"
            )
    if not lines:
        return ""
    head = "| published (ours) | verdict | published | ours ± SE | seeds | metric, data |\n"
    return "**Reproduction**\n\n" + head + "|---|---|---|---|---|---|\n" + "\n".join(lines)


def _verdicts(chapter: str) -> str:
    """How many claims of the five reports a chapter decides, and how."""
    found = claims(chapter=f"/{chapter}")
    said = found[~found.index.str.endswith("r") & (found["report"] != LE)]["verdict"]
    if said.empty:
        return ""
    words = ", ".join(f"{count} {word}" for word, count in said.value_counts().items())
    return (
        f"Five course reports are tested in this book, claim by claim. Of their claims this "
        f"chapter holds {len(said)}: {words}. The chapter *What five reports claimed* has each."
    )
