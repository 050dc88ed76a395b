"""Published numbers, what was measured, and the verdict, which is computed and never typed.

``judging`` says the word, ``runs`` reads the records, ``register`` holds the reports' claims
against them, ``glance`` opens a chapter.
"""

from reclib.evidence.glance import at_a_glance
from reclib.evidence.judging import (
    CONTRADICTED,
    FEWEST,
    NOT_COMPARABLE,
    NOT_TESTABLE,
    OPEN,
    REPRODUCED,
    WORDS,
    Verdict,
    judge,
    pair_verdicts,
    verdicts,
)
from reclib.evidence.register import claims
from reclib.evidence.runs import (
    NotRecordedError,
    data_counts,
    difference,
    groups,
    interval,
    options,
    pair,
    pairs,
    per_seed,
    provenance,
    published,
    repeated,
    report,
    table,
    users,
    values_of,
)

__all__ = [
    "CONTRADICTED",
    "FEWEST",
    "NOT_COMPARABLE",
    "NOT_TESTABLE",
    "OPEN",
    "REPRODUCED",
    "WORDS",
    "NotRecordedError",
    "Verdict",
    "at_a_glance",
    "claims",
    "data_counts",
    "difference",
    "groups",
    "interval",
    "judge",
    "options",
    "pair",
    "pair_verdicts",
    "pairs",
    "per_seed",
    "provenance",
    "published",
    "repeated",
    "report",
    "table",
    "users",
    "values_of",
    "verdicts",
]
