# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [raw]
# # ASSIGNMENT CONFIG
# name: 12-final-project
# init_cell: true
# check_all_cell: true
# export_cell:
#   pdf: false
#   run_tests: true
# tests:
#   ok_format: false

# %% [markdown]
# # Assignment 12: a claim, tested
#
# Goes with the chapters *A fair comparison* and *What five reports claimed*. You
# get one sentence of a published report, turn it into a hypothesis, design the
# protocol, run a small version, and write the verdict. Eight questions, 38
# points. Questions 1 to 4 are the tools, graded by machine, about two hours.
# Questions 5 to 8 are your project, graded by hand, four to six hours. Each
# question says its level (◆ check, ◆◆ apply, ◆◆◆ research) and its kind.
# Replace every `...`. The cell below a question runs its visible checks, which
# give hints; hidden checks decide the points. No question needs the *right*
# answer to another one: the project may use the library's functions wherever
# it could use yours. Helpers may stand in cells of their own; they are run when
# your work is graded.
#
# A good project is one whose verdict a stranger would believe. Which verdict it
# is plays no part in the grade: *open*, with a plan that says what it
# would take, is worth as much as *reproduced*.
#
# Write your name as your course knows it: your claim, and the sentences of one
# question, are drawn by it.

# %%
student = ""  # between the quotes

# %%
import hashlib
from functools import cache
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import scipy.stats

from reclib import datasets, evaluation, evidence, models, splits, training
from reclib.models import DeepAutoencoder


def draw(question, options):
    """One of the options, the same at each call, chosen by your name."""
    name = " ".join(str(student).lower().split())
    digest = hashlib.sha256(f"{name}/{question}".encode()).digest()
    return options[int.from_bytes(digest[:8], "big") % len(options)]


if not student.strip():
    print("Write your name into the cell above, then run this one again.")

# %% [raw]
# # BEGIN QUESTION
# name: q1
# points: 5

# %% [markdown]
# ## Question 1 · ◆◆ · implement · 5 points
#
# The rule by which the register of this book judges. `values` are the measured
# ones, one a seed. With two or more of them, $[l, h]$ is the 95 % Student
# interval of their mean,
#
# $$
# \bar x \pm t_{.975,\,n-1}\; \frac{s}{\sqrt n};
# $$
#
# a single value is arithmetic, which has no error: $l = h$. With claimed value
# $v$ and tolerance $\tau$ the claim allows
#
# $$
# A = [v - \tau,\ v + \tau], \qquad A = (v + \tau,\ \infty), \qquad
# A = (-\infty,\ v - \tau)
# $$
#
# for the relations `"="`, `">"` and `"<"`. The verdict is `"reproduced"` if all
# of $[l, h]$ lies in $A$, `"contradicted"` if none of it does, and
# `"open"` otherwise. If there is a reason not to compare, the verdict
# is `"not comparable"`, whatever the values; without any value it is
# `"not testable here"`. Rounding will not bother you: no check lies on a border,
# save with whole numbers.

# %% [raw]
# # BEGIN SOLUTION


# %%
def verdict(values, value, relation, tolerance, because=""):
    """A word; ``because`` is the reason not to compare, or empty."""
    # BEGIN SOLUTION
    values = np.asarray(values, dtype=float)
    if because:
        return "not comparable"
    if not len(values):
        return "not testable here"
    half = 0.0
    if len(values) > 1:
        quantile = scipy.stats.t.ppf(0.975, len(values) - 1)
        half = quantile * values.std(ddof=1) / np.sqrt(len(values))
    low, high = values.mean() - half, values.mean() + half
    if relation == "=":
        inside = value - tolerance <= low and high <= value + tolerance
        outside = high < value - tolerance or low > value + tolerance
    elif relation == ">":
        inside, outside = low > value + tolerance, high <= value + tolerance
    else:
        inside, outside = high < value - tolerance, low >= value - tolerance
    if inside:
        return "reproduced"
    return "contradicted" if outside else "open"
    # END SOLUTION


# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_three_seeds(verdict):
    seeds = [0.95, 0.97, 0.99]  # mean .97, interval .9203 to 1.0197
    assert verdict(seeds, 0.96, "=", 0.005) == "open", (
        "The mean is close to the claim. Is the interval as narrow as it?"
    )
    assert verdict(seeds, 0.85, "=", 0.005) == "contradicted", (
        "No part of the interval is near .85."
    )
    assert verdict(seeds, 0.97, "=", 0.06) == "reproduced", (
        "All of the interval lies within .06 of the claim."
    )


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_the_interval(verdict):
    five = [0.2, 0.4, 0.3, 0.1, 0.5]  # half-width .19632
    assert verdict(five, 0.3, "=", 0.197) == "reproduced"
    assert verdict(five, 0.3, "=", 0.195) == "open"
    assert verdict(five, 0.6, "=", 0.103) == "contradicted"
    assert verdict(five, 0.6, "=", 0.104) == "open"
    two = [1.0, 2.0]  # half-width 6.353
    assert verdict(two, 1.5, "=", 6.4) == "reproduced"
    assert verdict(two, 1.5, "=", 6.3) == "open"


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_orders(verdict):
    five = [0.2, 0.4, 0.3, 0.1, 0.5]  # .1037 to .4963
    assert verdict(five, 0, ">", 0.1) == "reproduced"
    assert verdict(five, 0, ">", 0.11) == "open"
    assert verdict(five, 0, ">", 0.49) == "open"
    assert verdict(five, 0, ">", 0.5) == "contradicted"
    assert verdict(five, 0.6, "<", 0.1) == "reproduced"
    assert verdict(five, 0.6, "<", 0.11) == "open"
    assert verdict(five, 0.6, "<", 0.5) == "contradicted"
    assert verdict(five, 0.05, "<", 0) == "contradicted"


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_arithmetic(verdict):
    assert verdict([0.895], 0.885, "=", 0.0005) == "contradicted"
    assert verdict([610], 610, "=", 0.5) == "reproduced"
    assert verdict([3], 3, ">", 0) == "contradicted"
    assert verdict([3], 3, "<", 0) == "contradicted"
    assert verdict([4], 3, ">", 0.5) == "reproduced"


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_no_verdict(verdict):
    assert verdict([], 0.9, "=", 0.005) == "not testable here"
    other = "another data set"
    assert verdict([0.9], 0.9, "=", 0.005, other) == "not comparable"
    assert verdict([0.9, 0.91], 2, ">", 0.0, because=other) == "not comparable"
    assert verdict([], 2, ">", 0.0, because=other) == "not comparable"


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q2
# points: 5

# %% [markdown]
# ## Question 2 · ◆◆ · derive and check · 5 points
#
# A row of the register has a **claim** in words and four parts that decide it: a
# `test`, which is an expression that *measures*; a `value`; a `relation`; and a
# `tolerance`. The sentences below are made up, but in the manner of reports on
# MovieLens latest-small. Give each of *your* three its four parts, which repeat
# what the sentence says, be it true or not.
#
# - Tolerances come from the rounding: half a unit of the last printed digit. An
#   order (*more than*, *below*) has the tolerance 0.
# - Percentages are given as fractions: 12.5 % is .125 with the tolerance .0005.
# - A test may use `stat("ml-latest-small")`, defined below, `np`, and
#   arithmetic. It has to measure: with other data it must give another number.
#
# For the sentence *a film has 10 ratings on average* (not one of yours) the
# four parts would be
# `dict(test='stat("ml-latest-small").ratings / stat("ml-latest-small").items',`
# `value=10, relation="=", tolerance=0.5)`.

# %%
SENTENCES = {
    "empty": "98.3 % of the cells of the rating matrix are empty.",
    "active": "A user has given 165.3 ratings on average.",
    "halves": "Of the ratings, 30 % are half stars, such as 3.5.",
    "lowest": "Below 1 % of the ratings have the lowest value.",
    "spread": "The variance of the ratings is 1.2.",
    "wide": "There are more than 16 times as many films as users.",
    "unrated": "A user has left 9,558.7 films unrated on average.",
}
yours = draw(
    "sentences",
    [
        ["empty", "lowest", "spread"],
        ["active", "wide", "halves"],
        ["unrated", "lowest", "halves"],
        ["empty", "wide", "spread"],
        ["unrated", "active", "lowest"],
        ["halves", "spread", "wide"],
    ],
)


@cache
def stat(name):
    """What a test may ask of a data set."""
    ratings = datasets.load(name)
    values = ratings.table["rating"]
    return SimpleNamespace(
        users=len(ratings.users),
        items=len(ratings.items),
        ratings=len(ratings),
        halves=int((values % 1 != 0).sum()),  # ratings that are no whole number
        lowest=int((values == values.min()).sum()),
        mean=float(values.mean()),
        sd=float(values.std()),
    )


print(*(f"{name}: {SENTENCES[name]}" for name in yours), sep="\n")

# %% [raw]
# # BEGIN SOLUTION

# %%
# BEGIN SOLUTION NO PROMPT
data = 'stat("ml-latest-small")'
cells = f"({data}.users * {data}.items)"
answers = {
    "empty": (f"1 - {data}.ratings / {cells}", 0.983, "=", 0.0005),
    "active": (f"{data}.ratings / {data}.users", 165.3, "=", 0.05),
    "halves": (f"{data}.halves / {data}.ratings", 0.30, "=", 0.005),
    "lowest": (f"{data}.lowest / {data}.ratings", 0.01, "<", 0),
    "spread": (f"{data}.sd ** 2", 1.2, "=", 0.05),
    "wide": (f"{data}.items / {data}.users", 16, ">", 0),
    "unrated": (
        f"{data}.items - {data}.ratings / {data}.users",
        9558.7,
        "=",
        0.05,
    ),
}
parts = ["test", "value", "relation", "tolerance"]
rows = {name: dict(zip(parts, answers[name], strict=True)) for name in yours}
# END SOLUTION
""" # BEGIN PROMPT
rows = {
    yours[0]: dict(test=..., value=..., relation=..., tolerance=...),
    yours[1]: dict(test=..., value=..., relation=..., tolerance=...),
    yours[2]: dict(test=..., value=..., relation=..., tolerance=...),
}
"""  # END PROMPT

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_four_parts(rows, stat):
    import numpy as np

    assert len(rows) == 3, "Three sentences, three rows."
    for name, row in rows.items():
        assert row["relation"] in ("=", ">", "<"), f"{name}: =, > or <?"
        assert "stat(" in row["test"], (
            f"{name}: a number that is typed is not measured."
        )
        measured = eval(row["test"], {"stat": stat, "np": np})
        assert np.isfinite(measured), f"{name}: the test gives no number."
        assert abs(measured - row["value"]) < 0.5 * abs(row["value"]), (
            f"{name}: measured and claimed value differ by half. One unit?"
        )


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_values_and_relations(rows, student):
    import hashlib

    import numpy as np

    name = " ".join(str(student).lower().split())
    digest = hashlib.sha256(f"{name}/sentences".encode()).digest()
    drawn = [
        ["empty", "lowest", "spread"],
        ["active", "wide", "halves"],
        ["unrated", "lowest", "halves"],
        ["empty", "wide", "spread"],
        ["unrated", "active", "lowest"],
        ["halves", "spread", "wide"],
    ][int.from_bytes(digest[:8], "big") % 6]
    right = {
        "empty": (0.983, "="),
        "active": (165.3, "="),
        "halves": (0.3, "="),
        "lowest": (0.01, "<"),
        "spread": (1.2, "="),
        "wide": (16, ">"),
        "unrated": (9558.7, "="),
    }
    assert set(rows) == set(drawn)
    for each in drawn:
        assert np.isclose(rows[each]["value"], right[each][0])
        assert rows[each]["relation"] == right[each][1]


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_tolerances(rows):
    import numpy as np

    right = {
        "empty": 0.0005,
        "active": 0.05,
        "halves": 0.005,
        "lowest": 0,
        "spread": 0.05,
        "wide": 0,
        "unrated": 0.05,
    }
    assert len(rows) == 3
    for name, row in rows.items():
        assert np.isclose(row["tolerance"], right[name])


# %%
""" # BEGIN TEST CONFIG
points: 2
hidden: true
"""  # END TEST CONFIG


def test_it_measures(rows, student):
    import hashlib
    from types import SimpleNamespace

    import numpy as np

    name = " ".join(str(student).lower().split())
    digest = hashlib.sha256(f"{name}/sentences".encode()).digest()
    drawn = [
        ["empty", "lowest", "spread"],
        ["active", "wide", "halves"],
        ["unrated", "lowest", "halves"],
        ["empty", "wide", "spread"],
        ["unrated", "active", "lowest"],
        ["halves", "spread", "wide"],
    ][int.from_bytes(digest[:8], "big") % 6]
    assert set(rows) == set(drawn)
    for n in (7, 31):
        data = SimpleNamespace(
            users=10 + n,
            items=40 + n,
            ratings=160 + n,
            halves=20 + n,
            lowest=n,
            mean=3 + n / 100,
            sd=1 + n / 50,
        )
        right = {
            "empty": 1 - data.ratings / (data.users * data.items),
            "active": data.ratings / data.users,
            "halves": data.halves / data.ratings,
            "lowest": data.lowest / data.ratings,
            "spread": data.sd**2,
            "wide": data.items / data.users,
            "unrated": data.items - data.ratings / data.users,
        }
        names = {"stat": lambda _, data=data: data, "np": np}
        for each in drawn:
            found = eval(rows[each]["test"], dict(names))
            assert np.isclose(found, right[each])


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [markdown]
# The verdicts on your three sentences, by your own rule:

# %%
for name, row in rows.items():
    if isinstance(row["test"], str):
        measured = eval(row["test"])
        word = verdict(
            [measured], row["value"], row["relation"], row["tolerance"]
        )
        print(f"{name}: measured {measured:.6g}, {word}")

# %% [raw]
# # BEGIN QUESTION
# name: q3
# points: 5

# %% [markdown]
# ## Question 3 · ◆◆ · implement · 5 points
#
# Several models, the same $J$ random splits, one baseline. For each other model
# let $d_j$ be its error minus the baseline's on split $j$, with mean $\bar d$ and
# standard deviation $s$ (divide by $J - 1$). Splits overlap, so the standard
# error is the corrected one,
#
# $$
# \mathrm{SE} = s\, \sqrt{\tfrac1J + \tfrac{n_\text{test}}{n_\text{train}}},
# $$
#
# and $\bar d / \mathrm{SE}$ is compared with Student's $t$ with $J - 1$ degrees
# of freedom: a two-sided $p$, and the 95 % interval of the difference. Then
# Holm's rule over all comparisons: sort the $p$-values, multiply the smallest by
# their number $m$, the next by $m - 1$, and so on; a result is never smaller than
# the one before it, and never above 1.
#
# A split on which one of the two models has no value (`nan`) does not count for
# this pair. Each pair has at least two splits left, with differences that are not
# all equal. `scipy.stats` is there for quantiles; write Holm's rule yourself, and
# check it against `evaluation.holm`.

# %% [raw]
# # BEGIN SOLUTION


# %%
def versus(errors, baseline, ratio):
    """Compare all models with one; ``ratio`` is test over training ratings.

    ``errors`` has a row for each split and a column for each model. Returns a
    DataFrame: a row for each other model, in the order of the columns; columns
    ``difference``, ``low``, ``high``, ``p`` and ``holm``, all float.
    """
    # BEGIN SOLUTION
    found = {}
    for name in errors.columns.drop(baseline):
        d = (errors[name] - errors[baseline]).dropna()
        se = d.std() * np.sqrt(1 / len(d) + ratio)
        half = scipy.stats.t.ppf(0.975, len(d) - 1) * se
        p = 2 * scipy.stats.t.sf(abs(d.mean()) / se, len(d) - 1)
        found[name] = [d.mean(), d.mean() - half, d.mean() + half, p]
    table = pd.DataFrame(found, ["difference", "low", "high", "p"]).T
    p = table["p"].sort_values()
    corrected = (p * np.arange(len(p), 0, -1)).cummax().clip(upper=1)
    return table.assign(holm=corrected)
    # END SOLUTION


# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_five_folds(versus):
    import numpy as np
    import pandas as pd

    d = np.array([2, 4, 3, 1, 5]) / 1000
    base = np.array([0.9, 0.91, 0.89, 0.92, 0.9])
    table = versus(pd.DataFrame({"a": base + d, "b": base}), "b", 1 / 4)
    row = table.loc["a"]
    assert abs(row["difference"] - 0.003) < 1e-9, "Other minus baseline."
    assert abs(row["p"] - 0.0132) > 1e-3, "That is the ordinary test."
    assert abs(row["p"] - 0.0474) < 1e-3, "t is 2.828, with 4 degrees."
    assert abs(row["high"] - 0.005945) < 1e-5, "2.776 standard errors."
    assert abs(row["holm"] - row["p"]) < 1e-9, "One comparison: no correction."


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_interval_and_order(versus):
    import numpy as np
    import pandas as pd
    import scipy.stats

    rng = np.random.default_rng(0)
    errors = pd.DataFrame(rng.normal(0.9, 0.01, (7, 4)), columns=list("wxyz"))
    table = versus(errors, "x", 1 / 9)
    assert list(table.index) == ["w", "y", "z"]
    for name in "wyz":
        d = (errors[name] - errors["x"]).to_numpy()
        se = d.std(ddof=1) * (1 / 7 + 1 / 9) ** 0.5
        half = scipy.stats.t.ppf(0.975, 6) * se
        right = [d.mean(), d.mean() - half, d.mean() + half]
        assert np.allclose(
            table.loc[name, ["difference", "low", "high"]], right
        )
        p = 2 * scipy.stats.t.sf(abs(d.mean()) / se, 6)
        assert np.isclose(table.loc[name, "p"], p)


# %%
""" # BEGIN TEST CONFIG
points: 2
hidden: true
"""  # END TEST CONFIG


def test_holm(versus):
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(3)
    base = rng.normal(0.9, 0.02, 6)
    shape = rng.normal(0, 0.004, 6)
    shape -= shape.mean()
    shifts = {"a": 0.005, "b": 0.0062, "c": 0.0001, "d": 0.0061, "e": 0.02}
    errors = {name: base + shape + shift for name, shift in shifts.items()}
    table = versus(pd.DataFrame({"base": base} | errors), "base", 0.1)
    p = {name: table.loc[name, "p"] for name in shifts}
    ordered, largest = sorted(p, key=p.get), 0.0
    assert ordered == ["e", "b", "d", "a", "c"]
    for place, name in enumerate(ordered):
        largest = min(1, max(largest, p[name] * (5 - place)))
        assert np.isclose(table.loc[name, "holm"], largest)
    table = versus(pd.DataFrame(errors | {"base": base}), "base", 3.0)
    assert (table["holm"] <= 1).all() and table["holm"].max() == 1


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_missing_splits(versus):
    import numpy as np
    import pandas as pd
    import scipy.stats

    nan = np.nan
    errors = pd.DataFrame(
        {
            "base": [0.90, 0.91, 0.92, 0.93, nan, 0.89],
            "a": [0.91, 0.93, 0.95, nan, 0.90, 0.90],
            "b": [0.90, 0.92, 0.92, 0.94, 0.99, 0.88],
        }
    )
    table = versus(errors, "base", 0.25)
    d = np.array([0.01, 0.02, 0.03, 0.01])
    t = d.mean() / (d.std(ddof=1) * (1 / 4 + 0.25) ** 0.5)
    assert np.isclose(table.loc["a", "difference"], d.mean())
    assert np.isclose(table.loc["a", "p"], 2 * scipy.stats.t.sf(t, 3))
    assert np.isclose(table.loc["b", "difference"], 0.002)


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q4
# points: 3

# %% [markdown]
# ## Question 4 · ◆◆◆ · design · 3 points
#
# How many seeds does a study need? You have a pilot of a few values, with mean
# $\bar x$ and standard deviation $s$. Suppose that more seeds would leave both as
# they are. The interval $\bar x \pm t_{.975,\,n-1}\, s / \sqrt n$ then only
# shrinks. Give the smallest $n \ge 2$ for which it contains none of `borders`:
# for an order that is the one border $v + \tau$ or $v - \tau$, for an equality
# the two. (The pilot has at least two values, not all equal.) An interval that just touches a border contains it. If 10,000 seeds are
# not enough, return `None`: this claim cannot be decided so.

# %% [raw]
# # BEGIN SOLUTION


# %%
def seeds_needed(pilot, borders):
    """Smallest n, an int, or None."""
    # BEGIN SOLUTION
    mean, sd = np.mean(pilot), np.std(pilot, ddof=1)
    distance = min(abs(mean - border) for border in borders)
    n = np.arange(2, 10_001)
    half = scipy.stats.t.ppf(0.975, n - 1) * sd / np.sqrt(n)
    enough = half < distance
    return int(n[enough][0]) if enough.any() else None
    # END SOLUTION


# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_a_pilot_of_three(seeds_needed):
    pilot = [0.95, 0.97, 0.99]  # s is .02
    n = seeds_needed(pilot, [0.94])
    assert n != 2, "With 2 seeds the quantile is 12.7."
    assert n == 5, "4 seeds: .97 less .0318. And 5?"


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_more_pilots(seeds_needed):
    assert seeds_needed([0.1, 0.2, 0.3, 0.2], [0.19]) == 259
    assert seeds_needed([1.0, 3.0], [40.0]) == 2
    assert seeds_needed([5, 6, 7, 8], [6.0]) == 29
    assert seeds_needed([0.30, 0.31, 0.29, 0.30, 0.33], [0.301]) == 38


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_two_borders_and_none(seeds_needed):
    assert seeds_needed([0.95, 0.97, 0.99], [0.94, 0.98]) == 18
    assert seeds_needed([0.95, 0.97, 0.99], [0.96, 1.5]) == 18
    assert seeds_needed([1.0, 2.0, 3.0], [2.0]) is None
    assert seeds_needed([1.0, 2.0, 3.0], [2.001, 7.0]) is None


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [markdown]
# ## Your project
#
# Your claim is drawn from the register. Below is what the report says, and what
# the book found at paper scale, on other data than yours: a claim may hold in
# one place and not in the other.

# %%
CLAIMS = {
    "G-15": "07-noise-and-variation",
    "G-17": "07-noise-and-variation",
    "G-18": "07-noise-and-variation",
    "G-19": "07-noise-and-variation",
    "G-20": "07-noise-and-variation",
    "G-25": "07-noise-and-variation",
    "A-11r": "06-going-deep",
    "A-14r": "06-going-deep",
    "A-18r": "06-going-deep",
    "Y-09r": "12-multinomial-autoencoders",
    "A-09r": "06-going-deep",
    "A-17r": "06-going-deep",
}
REPORTS = {
    "gao2020autoencoders": "Gao (2020), on MovieLens 1M",
    "alhadlaq2018deep": "Alhadlaq and Kunna (undated), on the Netflix Prize data",
    "ayad2023variational": "Ayad et al. (undated), on Netflix ratings",
}
my_claim = draw("claim", list(CLAIMS))
row = evidence.claims(chapter=CLAIMS[my_claim]).loc[my_claim]
print(f"{my_claim}, {REPORTS[row['report']]}, {row['place']}")
print(row["claim"])
print(f"At paper scale: {row['verdict']}. How: {row['evidence']}")
if row["because"]:
    print("Because:", row["because"])

# %% [markdown]
# All of it is to be run on MovieLens latest-small, on a laptop or in Colab, in
# less than half an hour of computing. `splits`, `training.fit`, `evaluation` and
# the classes in `models` (`models.MODELS` names them) are all you need.
# `intervals.of_seeds` of `reclib` gives the interval of Questions 1 and 4, for values that
# are independent; `versus` of Question 3 has the one for splits that overlap. You
# may restrict the data, to films with 20 ratings, say, if you say so: it is then a
# claim about these.
#
# Some of these experiments stand in a chapter. Learn from them, but take the seeds
# 100, 101, ..., which no chapter uses: you cannot know yet what they give.

# %% [raw]
# # BEGIN QUESTION
# name: q5
# points: 6
# manual: true

# %% [markdown]
# ## Question 5 · ◆◆◆ · design · 6 points, graded by hand
#
# Write this **before you run anything**. At most 450 words, with these headings.
#
# 1. **Hypothesis.** One sentence that a measurement can contradict: which number
#    of which model, against which other, in which direction, and the tolerance,
#    with the reason for its size.
# 2. **Protocol.** Data and filter, split, what is held out and from whom; what is
#    chosen on validation data and how; what is equal between the arms and what is
#    not; seeds, what a seed decides (split, weights, both), and how many.
# 3. **Analysis.** The interval or test, and why it fits splits that overlap. If
#    the claim says *all* or *any*, how many comparisons that makes and what you do
#    about it. For every possible result, the verdict that would follow.
# 4. **Controls.** A baseline that must be beaten if the program is right, and a
#    change that must make the result worse.
# 5. **What this cannot decide**, because of size, data, or what the report leaves
#    out.

# %% [raw]
# # BEGIN SOLUTION

# %% [markdown]
# *A sample, for G-20, "L2 regularisation of any strength hurts". Other claims
# need other sentences; the rubric is for all.*
#
# **Hypothesis.** The RMSE on held-out ratings of a single-layer autoencoder
# without a penalty, minus that of the same network with an L2 penalty of .0003, is
# below 0 (tolerance 0, as for an order in the register). The report says *of any
# strength*, so one strength that helps refutes it, while one that hurts would not
# confirm it. The smallest difference that would matter is .005.
#
# **Protocol.** MovieLens latest-small, films with at least 100 ratings. For each of
# the seeds 100 to 104 a random fifth of the ratings is the test and a tenth of the rest
# the validation set; the seed decides split and initial weights. Both arms: 40
# units, sigmoid, Adam with a rate of .03, batches of 100, at most 15 epochs, the
# epoch with the least validation error, the same split, the same initial weights.
# Only the penalty differs. The rate is searched for in neither arm.
#
# **Analysis.** Differences, paired by seed; Student's interval with the corrected
# standard error (test over training ratings .2 / .72), because the splits share
# most of their ratings. One comparison decides, so no correction for many; had I
# tried five penalties, Holm over five. Interval above 0: contradicted. Below 0: not
# contradicted *for this strength*. Across 0: inconclusive, with the number of seeds
# that would be needed.
#
# **Controls.** The item mean must be beaten by the better arm, or nothing was
# learned of users. A penalty of .1 must make it worse.
#
# **Cannot decide.** Whether it holds for the report's 500 units on MovieLens 1M;
# whether a search of the learning rate would close the gap.
#
# **Rubric.** 1 point for each of: a hypothesis that names number, arms, direction
# and tolerance, and that some result would contradict (half if the tolerance has
# no reason); data, split and what is held out, so that another person would get
# the same (half if the filter or the users are left out); equal treatment of the
# arms, with validation apart from the test (none if the epoch is chosen on the
# test); an analysis that is paired and speaks of overlap or of the seeds' meaning,
# with many comparisons treated where there are any; a verdict stated beforehand
# for *every* result, the undecided one too; controls and limits, half each. A page
# that was visibly written after the run gets at most 4.

# %% [raw]
# # END SOLUTION

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q6
# points: 5
# manual: true

# %% [markdown]
# ## Question 6 · ◆◆ · implement · 5 points, graded by hand
#
# Run it. Leave in `results` a DataFrame with a row for each training: `seed`,
# `label` (which arm, baseline or control), `value` (the metric), `split` (the
# fingerprint of the split) and whatever else you need. At least five seeds, every
# label with every seed. A control may change the training part alone (permute its
# ratings, say), so that it has the split of its seed as well. Leave in `compared`
# the labels of the arms, the one that the others are compared with first. Say in
# the text cell what you changed after the plan, and why.

# %% [raw]
# # BEGIN SOLUTION

# %% [markdown]
# *For G-20.* Nothing was changed after the plan.
#
# **Rubric.** 1 point: runs from the top and gives what `results` asks for. 1
# point: the split of a seed is the same for all arms (the fingerprints say so) and
# differs between seeds. 1 point: nothing of the test in the choice of epoch,
# option or filter. 1 point: the arms differ in what the hypothesis says and in
# nothing else, or the plan says why they must. 1 point: the baseline and the
# control are there and were looked at. Departures from the plan cost nothing if
# they are stated.

# %%
# BEGIN SOLUTION NO PROMPT
import torch

torch.set_num_threads(1)  # faster for matrices as small as these
subset = datasets.load("ml-latest-small").with_min_count(item=100)


def arms():
    """The item mean as baseline, no penalty, one that may help, one too large."""
    yield "item mean", models.ItemMean()
    for l2 in (0.0, 3e-4, 1e-1):
        yield (
            f"penalty {l2:g}",
            DeepAutoencoder(
                (40,),
                activation="sigmoid",
                last_linear=True,
                l2=l2,
                scale=subset.scale,
            ),
        )


def rmse(test):
    return lambda model: evaluation.rating_errors(
        model, test, clip=subset.scale
    )["rmse"]


def run(seed):
    split = splits.hold_out(subset, test=0.2, validation=0.1, seed=seed)
    for label, model in arms():
        history = training.fit(
            model,
            split.train,
            epochs=15,
            batch_size=100,
            lr=3e-2,
            validate=rmse(split.validation),
            seed=seed,
        )
        yield {
            "seed": seed,
            "label": label,
            "value": rmse(split.test)(model),
            "split": split.fingerprint(),
            "epoch": history.best_epoch,
        }


rows_of_runs = [row for seed in range(100, 105) for row in run(seed)]
results = pd.DataFrame(rows_of_runs)
compared = ["penalty 0.0003", "penalty 0"]
# END SOLUTION
""" # BEGIN PROMPT
results = ...
compared = [...]  # labels of the arms, first the one to compare with
"""  # END PROMPT

# %% [raw]
# # END SOLUTION

# %% [raw]
# # END QUESTION

# %% [markdown]
# Your table, one column a label, and a figure of the arms: their differences from
# the first one, seed by seed. A seed of which an arm is missing, or whose arms had
# different splits, cannot be paired.

# %%
if isinstance(results, pd.DataFrame):
    by_seed = results.pivot(index="seed", columns="label", values="value")
    print(by_seed.round(4).to_string())
    print(
        "one split a seed:",
        (results.groupby("seed")["split"].nunique() == 1).all(),
    )
    first, *others = compared
    differences = by_seed[others].sub(by_seed[first], axis=0)
    differences.index = differences.index.astype(str)
    differences.plot(marker="o", linestyle="", figsize=(6, 2.6))
    plt.axhline(0, color="grey")
    plt.ylabel(f"minus {first}")
    plt.show()

# %% [raw]
# # BEGIN QUESTION
# name: q7
# points: 5
# manual: true

# %% [markdown]
# ## Question 7 · ◆◆◆ · explain · 5 points, graded by hand
#
# The verdict, in at most 300 words that the authors of the report could read
# without anger. It has: the word, from the rule that you wrote down before; the
# difference with its interval, the number of seeds and the fingerprint of at least
# one split; what the figure shows seed by seed; what the controls did; how the
# verdict stands to the book's at paper scale, and if the two differ, the most
# likely reason; and one thing that the report did well.

# %% [raw]
# # BEGIN SOLUTION

# %% [markdown]
# *For G-20.* **Inconclusive, for a small network on these data.** Without a penalty
# the RMSE is higher by .0047, where the claim wants it lower, but the interval
# corrected for overlapping splits, -.0046 to .0139, contains 0 (seeds 100 to 104;
# the split of the first is c80f61a087a4). So does the ordinary one, -.0013 to .0106.
# In the figure four of five points lie above zero, by up to .010, and one a little
# below: not even the direction is sure. The control behaves: a penalty of .1 gives
# 1.06, far worse than all else. The baseline is a warning: without a penalty the
# network beats the mean of each item on three seeds of five, with it on all, and
# never by much. With the penalty nearly every run had its best epoch at the last one
# allowed, so that this arm would gain from more. The book found the same direction
# on MovieLens 1M, and there an interval without 0; ten times as many users leave
# less to chance, and keeping films of fewer ratings would try that here. The report deserves credit for
# printing a result against the custom of the field, in one table with a baseline:
# that is what made it checkable.
#
# **Rubric.** 1 point: the word follows from the stated rule and the printed
# interval (none if a difference inside the interval's reach is called an
# improvement). 1 point: difference, interval, seeds, fingerprint all given. 1
# point: the seeds one by one, and the controls, are read and not only shown. 1
# point: the relation to the book's verdict with a reason that could be tested. 1
# point: limits are stated, the tone is courteous, and the credit is specific.

# %% [raw]
# # END SOLUTION

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q8
# points: 4
# manual: true

# %% [markdown]
# ## Question 8 · ◆◆◆ · criticise · 4 points, graded by hand
#
# Now be your own reviewer. (a) Which two choices of yours, had they been made
# otherwise, could have turned the verdict, and what would the smallest run cost
# that tries? (b) Suppose that your program has one mistake that you have not
# found. Which of those of the chapter *Mistakes in the wild* would be invisible in
# your figure, and which check would find it? (c) Question 4 shrinks $s / \sqrt n$.
# Does the interval that you used shrink like that? With the spread that you found,
# how many seeds would decide the claim at the tolerance that you chose, if any number
# would? If none does, or an absurd one, what should be measured in its place?

# %% [raw]
# # BEGIN SOLUTION

# %% [markdown]
# (a) For G-20: the learning rate, which was searched for neither arm, so that the
# penalty may only repair a rate that is too large (two more rates, five seeds, one
# minute); and the width, since a network of five units has less to copy with and
# may need no penalty (one more width, half a minute). (b) A test whose ratings are
# in the input: both arms would be too good, and the order could even turn, since a
# penalty hinders copying. Changing the held-out ratings must leave every
# prediction as it is. A mean over users in place of the RMSE would not show
# either; two users on paper find it. (c) With the differences, whose
# deviation is .0048, and the border 0, `seeds_needed` says 7. But that interval takes
# splits as independent. The half-width of the other, $t \sqrt{1/n + .278}\; .0048$,
# never falls below $1.96 \sqrt{.278}\; .0048 = .0050$, more than the .0047 that was
# found: no number of splits of these ratings decides it. More data would, or a
# question that can be answered: is the difference smaller than one that matters?
#
# **Rubric.** (a) 1 point: two choices that could really turn it, with a cost; half
# for choices that only scale the numbers. (b) 2 points: a mistake that the figure
# would not show *and why*, and a check that fails on the wrong program. (c) 1
# point: a number that follows from the spread, or *none*, since the corrected
# half-width has a floor, and a sensible conclusion; half for the plain formula beside
# a corrected interval without a word on the difference.

# %% [raw]
# # END SOLUTION

# %% [raw]
# # END QUESTION

# %% [markdown]
# **Before you hand in:** run all cells, save the notebook, and only then make the
# file that you hand in. Questions 5 to 8 are graded from what stands in it: your
# table and your figure must be there.
