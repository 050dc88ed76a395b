"""What the book puts into quotation marks stands in the source, word for word.

The texts of the five reports are not ours to publish, so they are not here: the environment
variable ``RECLIB_REPORTS`` names a folder with them, as ``000_*.txt`` to ``004_*.txt``. Without it
the comparison is skipped, but not the check that no quotation was changed since it was last found:
``quotations.sha256`` holds the hash of each. After adding one, run

    RECLIB_REPORTS=... python tests/test_quotations.py

which compares all and writes that file again.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pandas as pd
import pytest

BOOK = Path(__file__).parents[1]
HASHES = Path(__file__).with_name("quotations.sha256")
LONGEST = 25  # words of a quotation
SHORTEST = 4  # words that make something in quotation marks a quotation, in prose
REPORTS = {
    "steiner2023beyond": "000",
    "gao2020autoencoders": "001",
    "alhadlaq2018deep": "002",
    "ayad2023variational": "003",
    "pham2020variants": "004",
    "le2020autoencoders": "004",  # his table is quoted there
}
ANYWHERE = "any report"  # prose does not say in a form that a program reads which report it quotes
# In paragraphs that speak of a report, and quoted from somebody else.
ELSEWHERE = {
    "dropout after every layer of the model",  # Kuchaiev and Ginsburg (2017)
    "stifled training convergence and did not improve generalization",  # the same
    "on the held-out set",  # Le, README of his SVAE
}
LIGATURES = str.maketrans({"ﬁ": "fi", "ﬂ": "fl", "ﬀ": "ff", "ﬃ": "ffi", "ﬄ": "ffl"})


def normalised(text: str) -> str:
    """White space, words divided at the end of a line, and ligatures; nothing else."""
    text = re.sub(r"(?<=\w)-\s*\n\s*(?=[a-z])", "", text.translate(LIGATURES))
    return " ".join(text.split())


def from_register() -> list[tuple[str, str]]:
    """The report and the words of every quotation of the register of claims."""
    register = pd.read_csv(BOOK / "data" / "claims.csv", index_col="id", keep_default_na=False)
    said = register[register["quote"] != ""]
    return list(zip(said["report"], said["quote"], strict=True))


CODE = re.compile(
    r"^```.*?^```|^\$\$.*?^\$\$|``[^`]*``|`[^`]*`|^:::\{solution\}.*?^:::$", re.M | re.S
)
MARKED = re.compile(r'(?<![\w"])"([^"]+)"(?!\w)|“([^”]+)”')
SPEAKS_OF_A_REPORT = re.compile(r"\breports?\b|" + "|".join(REPORTS), re.I)


def in_prose(source: str) -> list[str]:
    """What stands in quotation marks in a paragraph, line of a list or row that names a report."""
    prose = "\n\n".join(
        re.sub(r"^# ?", "", cell, flags=re.M)
        for cell in re.findall(r"^# %% \[markdown\].*?\n(.*?)(?=^# %%|\Z)", source, re.M | re.S)
    )
    found = []
    for paragraph in re.split(r"\n\s*\n|\n(?=[*\-|] |\d+\. )", CODE.sub(" ", prose)):
        if SPEAKS_OF_A_REPORT.search(paragraph):
            marked = [normalised(a or b) for a, b in MARKED.findall(paragraph)]
            found += [each.rstrip(".,;:") for each in marked if len(each.split()) >= SHORTEST]
    return [each for each in found if each not in ELSEWHERE]


def from_chapters() -> list[tuple[str, str]]:
    files = [*sorted((BOOK / "book").glob("*/[0-9]*.py")), *sorted((BOOK / "book").glob("*.md"))]
    return [(ANYWHERE, each) for file in files for each in in_prose(file.read_text("utf-8"))]


@cache
def texts(folder: str) -> dict[str, str]:
    """The normalised text of each report."""
    found = {}
    for report, start in REPORTS.items():
        files = list(Path(folder).glob(f"{start}_*.txt"))
        assert len(files) == 1, f"{folder} should hold one text {start}_*.txt"
        found[report] = normalised(files[0].read_text(encoding="utf-8"))
    return found


def missing(quotations: Iterable[tuple[str, str]], texts: dict[str, str]) -> list[str]:
    """Quotations that do not stand in their report."""
    whole = "\n".join(texts.values())
    where = texts | {ANYWHERE: whole}
    return [quote for report, quote in quotations if normalised(quote) not in where[report]]


def hashed(report: str, quote: str) -> str:
    return f"{hashlib.sha256(normalised(quote).encode()).hexdigest()}  {report}"


def hashes() -> list[str]:
    return sorted({hashed(*each) for each in [*from_register(), *from_chapters()]})


@pytest.fixture
def reports() -> dict[str, str]:
    folder = os.environ.get("RECLIB_REPORTS")
    if not folder:
        pytest.skip("RECLIB_REPORTS names no folder with the texts of the five reports")
    return texts(folder)


def test_quotations_stand_in_the_reports(reports):
    assert missing(from_register(), reports) == []
    assert missing(from_chapters(), reports) == []


def test_an_altered_quotation_is_found(reports):
    (report, quote), *_ = from_register()
    assert missing([(report, quote)], reports) == []
    for altered in (quote.replace("The", "This"), quote.replace(",", ""), quote + " all"):
        assert missing([(report, altered)], reports) == [altered]
    assert missing([("gao2020autoencoders", quote)], reports) == [quote]  # said by another


def test_no_quotation_was_altered_since_it_was_found():
    """What a machine without the texts can check."""
    assert hashes() == HASHES.read_text(encoding="utf-8").splitlines()
    (report, quote), *_ = from_register()
    assert hashed(report, quote) in hashes()
    assert hashed(report, quote.replace("The", "This")) not in hashes()


def test_every_claim_is_quoted_and_no_quotation_is_long():
    register = pd.read_csv(BOOK / "data" / "claims.csv", index_col="id", keep_default_na=False)
    readings = register.index.str.endswith("r")
    assert (register["quote"] == "").eq(readings).all(), "a claim has a quotation, a reading none"
    assert register["quote"].str.split().str.len().max() <= LONGEST
    assert set(register["report"]) <= set(REPORTS)
    too_long = [quote for _, quote in from_chapters() if len(quote.split()) > LONGEST]
    assert too_long == []


def test_quotations_are_found_in_prose():
    text = '# %% [markdown]\n# The report says "a b c d" and "e f g".\n#\n# A film "x y z w v".\n'
    assert in_prose(text) == ["a b c d"]
    assert in_prose(text.replace("a b", "a\n# b")) == ["a b c d"]
    assert in_prose('# %% [markdown]\n# The report: `"a b c d"`.\n') == []
    assert in_prose('# %%\n# the report says "a b c d"\n') == []


def test_white_space_divided_words_and_ligatures_make_no_difference():
    assert normalised("of\n  recom-\nmending ﬁlms") == "of recommending films"
    assert normalised("non-linear") == "non-linear"
    assert normalised("Rating") != normalised("rating")


if __name__ == "__main__":
    known = texts(os.environ["RECLIB_REPORTS"])
    absent = missing([*from_register(), *from_chapters()], known)
    if absent:
        sys.exit("not in the reports:\n" + "\n".join(absent))
    HASHES.write_text("\n".join(hashes()) + "\n", encoding="utf-8")
    print(f"{len(hashes())} quotations written to {HASHES}")
