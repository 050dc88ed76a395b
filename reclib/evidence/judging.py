"""The only judge: an interval and a claim go in, one of five words comes out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace

import numpy as np
import pandas as pd

from reclib.intervals import EXACT, OVER_USERS, Interval

REPRODUCED = "reproduced"
CONTRADICTED = "contradicted"
OPEN = "open"
NOT_COMPARABLE = "not comparable"
NOT_TESTABLE = "not testable here"
WORDS = (REPRODUCED, CONTRADICTED, OPEN, NOT_COMPARABLE, NOT_TESTABLE)

FEWEST = 5  # seeds, splits or folds; with fewer the page says how many there are, and no word


@dataclass(frozen=True)
class Verdict(Interval):
    """A word, the reason where it is none of the first three, and the interval it rests on."""

    word: str
    because: str = ""


def judge(
    interval: Interval,
    relation: str,
    value: float,
    margin: float = 0.0,
    not_comparable: str = "",
) -> Verdict:
    """Hold an interval against a claim about its mean.

    The claim: the mean is above ``value`` by more than ``margin`` (``">"``), below it by more
    (``"<"``), or within ``margin`` of it (``"="``). *reproduced* if the whole interval is where
    the claim says, *contradicted* if none of it is, *open* if it crosses the border. Equality
    needs a margin named beforehand: an interval that holds 0 shows no equality. *not comparable*
    if there is a reason for it. *not testable here* without values, or with fewer than ``FEWEST``
    of them where anything is random; ``because`` says how many there are.

    Raises
    ------
    ValueError
        For another relation, a negative margin, an equality without one, or a value that is NaN.
    """
    wanted = _wanted(relation, value, margin)
    if not_comparable:
        return _verdict(interval, NOT_COMPARABLE, not_comparable)
    if interval.kind not in (EXACT, OVER_USERS) and interval.n < FEWEST:
        return _verdict(interval, NOT_TESTABLE, f"{interval.n} of {FEWEST} {interval.kind}")
    if not np.isfinite([interval.low, interval.high]).all():
        raise ValueError("a verdict needs numbers, and some measured value is NaN")
    if wanted[0] <= interval.low and interval.high <= wanted[1]:
        return _verdict(interval, REPRODUCED)
    outside = interval.high < wanted[0] or wanted[1] < interval.low
    return _verdict(interval, CONTRADICTED if outside else OPEN)


def _wanted(relation: str, value: float, margin: float) -> tuple[float, float]:
    """Where the claim says that the mean lies, borders included."""
    if not np.isfinite([value, margin]).all() or margin < 0:
        raise ValueError(f"a claim needs a value, and a margin of 0 or more: {value}, {margin}")
    if relation == "=":
        if margin == 0:
            raise ValueError("equality needs a margin named beforehand")
        return value - margin, value + margin
    if relation == ">":
        return np.nextafter(value + margin, np.inf), np.inf
    if relation == "<":
        return -np.inf, np.nextafter(value - margin, -np.inf)
    raise ValueError(f"a relation is one of > < =, got {relation!r}")


def _verdict(interval: Interval, word: str, because: str = "") -> Verdict:
    return Verdict(**asdict(interval), word=word, because=because)


def verdicts(claims: Iterable[tuple]) -> pd.DataFrame:
    """A table of claims, each given as (claim, who says it, interval, relation, value, margin).

    The margin may be left out. Columns: ``who says it``, ``measured``, ``low``, ``high``, ``n``,
    ``verdict``; where there is no verdict, the reason stands in its place.
    """
    rows = {}
    for claim, who, interval, *asked in claims:
        found = judge(interval, *asked)
        verdict = f"{found.word}: {found.because}" if found.because else found.word
        rows[claim] = [who, found.mean, found.low, found.high, found.n, verdict]
    columns = ["who says it", "measured", "low", "high", "n", "verdict"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("claim")


def pair_verdicts(pairs: pd.DataFrame) -> pd.DataFrame:
    """``intervals.of_pairs`` with the verdict of "the first is above the second" for each row."""
    words = [judge(Interval(*row), ">", 0.0) for row in pairs.itertuples(index=False)]
    columns = {"verdict": [each.word for each in words], "because": [w.because for w in words]}
    return pairs.assign(**columns)


def turned(interval: Interval) -> Interval:
    """The same interval for the difference taken the other way round."""
    return replace(interval, mean=-interval.mean, low=-interval.high, high=-interval.low)
