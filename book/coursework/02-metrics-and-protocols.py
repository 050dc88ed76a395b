# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [raw]
# # ASSIGNMENT CONFIG
# name: 02-metrics-and-protocols
# init_cell: true
# check_all_cell: true
# export_cell:
#   pdf: false
#   run_tests: true
# tests:
#   ok_format: false

# %% [markdown]
# # Assignment 2: metrics and protocols
#
# Goes with the chapter *Measuring: protocols, metrics, uncertainty*. Seven
# questions, 30 points, one to two hours. Each question says its level (◆
# check, ◆◆ apply, ◆◆◆ research) and its kind. Replace every `...`. The cell
# below a question runs its visible checks, which give hints; hidden checks
# decide the points. No question needs the answer to another one.
#
# Write your name as your course knows it: one question draws its numbers from
# it, so that not everyone has the same.

# %%
student = ""  # between the quotes

# %%
import hashlib

import numpy as np
import pandas as pd

from reclib import datasets, evaluation, splits
from reclib.models import Popularity, PureSVD


def draw(question, options):
    """One of the options, the same at each call, chosen by your name."""
    name = " ".join(str(student).lower().split())
    digest = hashlib.sha256(f"{name}/{question}".encode()).digest()
    return options[int.from_bytes(digest[:8], "big") % len(options)]


ratings = datasets.load("ml-latest-small")
events = ratings.at_least(4).with_min_count(user=5)
split = splits.held_out_users(events, num_users=100)
print(split.fingerprint(), split.train, split.test.held_out, sep="\n")
if not student.strip():
    print("Write your name into the cell above, then run this one again.")

# %% [raw]
# # BEGIN QUESTION
# name: q1
# points: 4

# %% [markdown]
# ## Question 1 · ◆ · implement · 4 points
#
# NDCG of one user. `ranked` is a list of items, best first, from which seen
# items were struck off; `relevant` are the held-out items. With $h_r = 1$ if
# the item at rank $r$ is relevant and $n$ relevant items in all,
#
# $$
# \mathrm{NDCG@}k =
#   \frac{\sum_{r \le k} h_r / \log_2(r+1)}
#        {\sum_{r \le \min(k, n)} 1 / \log_2(r+1)}.
# $$
#
# A user with nothing held out has no value: return `nan`. Write it yourself,
# without `reclib.metrics`.

# %% [raw]
# # BEGIN SOLUTION


# %%
def ndcg(ranked, relevant, k):
    """NDCG@k, a float; ``ranked`` and ``relevant`` are lists of distinct ints."""
    # BEGIN SOLUTION
    wanted = set(relevant)
    if not wanted:
        return float("nan")
    discount = 1 / np.log2(np.arange(2, k + 2))
    hits = np.array([item in wanted for item in ranked[:k]], dtype=bool)
    ideal = discount[: min(k, len(wanted))].sum()
    return discount[: len(hits)][hits].sum() / ideal
    # END SOLUTION


# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_a_list_by_hand(ndcg):
    best = ndcg([4, 1, 9], [1, 4], 3)
    assert abs(best - 1) < 1e-9, "Two relevant items, at ranks 1 and 2."
    found = ndcg([7, 1, 9, 4, 2], [1, 4], 3)
    assert found < 0.5, "Is everything after rank k out of the sum?"
    assert abs(found - 0.386853) < 1e-5, (
        "One hit, at rank 2. The ideal has two."
    )


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_more_relevant_than_k(ndcg):
    assert abs(ndcg([3, 5, 8, 1], [3, 5, 1, 6, 7, 9], 2) - 1) < 1e-9
    assert abs(ndcg([3, 5, 8, 1], [3, 8, 1, 6, 7], 3) - 0.703918) < 1e-5


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_nothing_relevant(ndcg):
    import math

    assert math.isnan(ndcg([1, 2, 3], [], 2))
    assert ndcg([1, 2, 3], [8], 2) == 0


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_against_the_library(ndcg):
    import numpy as np
    import torch

    from reclib import metrics

    rng = np.random.default_rng(1)
    for _ in range(20):
        ranked = rng.permutation(30).tolist()
        relevant = rng.choice(30, rng.integers(1, 15), replace=False).tolist()
        k = int(rng.integers(1, 30))
        hits = torch.tensor([[item in relevant for item in ranked]])
        right = metrics.ndcg(hits, torch.tensor([len(relevant)]), k).item()
        assert abs(ndcg(ranked, relevant, k) - right) < 1e-9


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q2
# points: 5

# %% [markdown]
# ## Question 2 · ◆◆ · implement · 5 points
#
# The list of every user: the `k` columns with the highest scores, best first,
# without those that the user has seen. Equal scores: the lower column first.
# Where fewer than `k` unseen columns are left, the list ends with `-1`. Scores
# are finite and may be negative; `k` is at most the number of columns. `scores`
# belongs to the caller: leave it as it is.

# %% [raw]
# # BEGIN SOLUTION


# %%
def top_k(scores, seen, k):
    """Integer array [users, k]; ``seen`` is bool, of the shape of ``scores``."""
    # BEGIN SOLUTION
    masked = np.where(seen, -np.inf, scores)
    lists = np.argsort(-masked, axis=1, kind="stable")[:, :k]
    gone = np.take_along_axis(np.asarray(seen), lists, axis=1)
    return np.where(gone, -1, lists)
    # END SOLUTION


# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_one_user(top_k):
    import numpy as np

    scores = np.array([[0.3, 0.9, -0.5, 0.6, -0.2]])
    seen = np.array([[False, True, False, False, False]])
    found = np.asarray(top_k(scores.copy(), seen, 3))
    assert found.shape == (1, 3), "One row a user, k columns."
    assert 1 not in found, "Column 1 was seen. Was the result of masking kept?"
    assert found.tolist() == [[3, 0, 4]], "Best first; scores may be negative."


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_a_shift_changes_no_list(top_k):
    import numpy as np

    rng = np.random.default_rng(2)
    scores = np.stack([rng.permutation(20) for _ in range(15)]).astype(float)
    seen = rng.random(scores.shape) < 0.4
    lists = [np.asarray(top_k(scores + c, seen, 6)) for c in (-50.0, 0.0, 50.0)]
    for row, user in zip(seen, lists[1], strict=True):
        assert len(user) == 6 and not row[user].any()
    assert (lists[0] == lists[1]).all() and (lists[1] == lists[2]).all()
    right = np.argsort(np.where(seen, -np.inf, scores), axis=1)[:, ::-1][:, :6]
    assert (lists[1] == right).all()


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_ties(top_k):
    import numpy as np

    scores = np.array([[1.0, 2, 1, 2, 1, 2] * 8, [0.0] * 48])
    seen = np.zeros(scores.shape, dtype=bool)
    seen[:, [0, 3]] = True
    found = np.asarray(top_k(scores, seen, 4)).tolist()
    assert found == [[1, 5, 7, 9], [1, 2, 4, 5]]


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_lists_that_end_early(top_k):
    import numpy as np

    scores = np.array([[-3.0, -1.0, -2.0, -4.0], [4.0, 3.0, 2.0, 1.0]])
    seen = np.array([[True, False, True, False], [True, True, True, True]])
    found = np.asarray(top_k(scores, seen, 3)).tolist()
    assert found == [[1, 3, -1], [-1, -1, -1]]


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_scores_are_left_alone(top_k):
    import numpy as np

    scores = np.array([[0.5, 0.25, 0.75]])
    seen = np.array([[False, False, True]])
    assert np.asarray(top_k(scores, seen, 2)).tolist() == [[0, 1]]
    assert scores.tolist() == [[0.5, 0.25, 0.75]]
    assert seen.tolist() == [[False, False, True]]


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q3
# points: 3

# %% [markdown]
# ## Question 3 · ◆ · predict · 3 points
#
# One fitted model (PureSVD, say), one split, many test users, some of them with
# nothing held out. The evaluation is changed as below and nothing else. Does
# the printed number, a mean over users, fall, stay or rise? Write `"falls"`,
# `"stays"` or `"rises"`. Decide first.
#
# - `min(k, n)`: recall@20 is divided by min(20, n) in place of n, where some
#   users have more than 20 held-out items.
# - `no mask`: NDCG@100, but what was folded in stays in the lists.
# - `sampled`: the hit rate@10 of one held-out item, ranked against 100 random
#   items in place of all 5,000.
# - `plus five`: 5 is added to every score before seen items get $-\infty$.
# - `zeros`: users with nothing held out count as 0 in the mean of recall@20,
#   not as missing.
# - `natural`: NDCG@100 with the natural logarithm in place of $\log_2$.

# %% [raw]
# # BEGIN SOLUTION

# %%
# BEGIN SOLUTION NO PROMPT
number = {
    "min(k, n)": "rises",
    "no mask": "falls",
    "sampled": "rises",
    "plus five": "stays",
    "zeros": "falls",
    "natural": "stays",
}
# END SOLUTION
""" # BEGIN PROMPT
number = {
    "min(k, n)": ...,
    "no mask": ...,
    "sampled": ...,
    "plus five": ...,
    "zeros": ...,
    "natural": ...,
}
"""  # END PROMPT

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 0
"""  # END TEST CONFIG


def test_six_words(number):
    words = {"falls", "stays", "rises"}
    assert len(number) == 6, "Six changes, six predictions."
    assert set(number.values()) <= words, "Only falls, stays or rises, please."


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_denominators(number):
    assert number["min(k, n)"] == "rises"
    assert number["zeros"] == "falls"


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_candidates(number):
    assert number["no mask"] == "falls"
    assert number["sampled"] == "rises"


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_invariances(number):
    assert number["plus five"] == "stays"
    assert number["natural"] == "stays"


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q4
# points: 4

# %% [markdown]
# ## Question 4 · ◆◆ · implement · 4 points
#
# Two models on the same test users. Give the difference of their means and its
# standard error, computed in two ways: paired, from the differences of each
# user, and unpaired, as if the two means came from different people:
#
# $$
# \operatorname{Var}(\bar a - \bar b)
#   = \frac{\sigma_a^2 + \sigma_b^2 - 2\rho\,\sigma_a\sigma_b}{U}.
# $$
#
# The unpaired one leaves out one of the three terms. Estimate variances without
# bias, and by hand: `evaluation.compare` is not allowed. `a` and `b` are Series
# indexed by user, perhaps in another order. Users without a value (`nan`, or
# absent) for either model are left out altogether; two or more remain.

# %% [raw]
# # BEGIN SOLUTION


# %%
def compare(a, b):
    """Mean of a - b, its paired standard error, the unpaired one."""
    # BEGIN SOLUTION
    both = pd.concat({"a": a, "b": b}, axis=1).dropna()
    difference = both["a"] - both["b"]
    unpaired = np.sqrt((both["a"].var() + both["b"].var()) / len(both))
    return difference.mean(), difference.sem(), unpaired
    # END SOLUTION


# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_four_users(compare):
    import pandas as pd

    users = [3, 5, 8, 9]
    a = pd.Series([0.5, 0.7, 0.1, 0.3], users)
    b = pd.Series([0.4, 0.6, 0.1, 0.1], users)
    mean, paired, unpaired = compare(a, b)
    assert abs(mean - 0.1) < 1e-9, "The mean of a minus the mean of b."
    assert paired < unpaired, "These users are alike for both models."
    assert abs(paired - 0.0408248) < 1e-6, (
        "The standard error of a mean, from 4 differences. By n or by n - 1?"
    )
    assert abs(unpaired - 0.177951) < 1e-5, (
        "People who are different do not vary together. Which term goes?"
    )


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_another_order(compare):
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(7)
    base = rng.random(40)
    a = pd.Series(base + 0.1 * rng.random(40), range(40))
    b = pd.Series(base, range(40))
    right = (a - b).mean(), (a - b).std() / 40**0.5
    found = compare(a, b.sample(frac=1, random_state=1))
    assert np.allclose(found[:2], right)
    assert np.isclose(found[2], ((a.var() + b.var()) / 40) ** 0.5)


# %%
""" # BEGIN TEST CONFIG
points: 2
hidden: true
"""  # END TEST CONFIG


def test_users_without_a_value(compare):
    import numpy as np
    import pandas as pd

    nan = np.nan
    a = pd.Series([0.5, nan, 0.1, 0.3, 0.9, 0.8], [1, 2, 3, 4, 5, 6])
    b = pd.Series([0.4, 0.6, nan, 0.1, 0.2, 0.3], [1, 2, 3, 4, 5, 7])
    d = np.array([0.1, 0.2, 0.7])
    variances = np.var([0.5, 0.3, 0.9], ddof=1), np.var([0.4, 0.1, 0.2], ddof=1)
    right = d.mean(), d.std(ddof=1) / 3**0.5, (sum(variances) / 3) ** 0.5
    assert np.allclose(compare(a, b), right)


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [markdown]
# Your function at work: PureSVD and popularity on the test users of this split.

# %%
per_user = {}
for model in (PureSVD(50, binary=True), Popularity()):
    model.fit(split.train)
    ranking = evaluation.rank(model, split.test, ["ndcg@100"])
    per_user[type(model).__name__] = ranking.per_user["ndcg@100"]
print(pd.DataFrame(per_user).describe().loc[["count", "mean", "std"]].round(4))
print("difference, paired SE, unpaired SE:", compare(*per_user.values()))

# %% [raw]
# # BEGIN QUESTION
# name: q5
# points: 5

# %% [markdown]
# ## Question 5 · ◆◆◆ · derive and check · 5 points
#
# An item stands at rank $r$ among $N$ items (1 is the best). Instead of
# against all, it is ranked against $m$ of the $N - 1$ others, drawn at random
# **without** replacement. Derive the probability that it is among the first
# $k$ of these $m + 1$.
#
# Then, with $N = 9724$, $k = 10$ and `your_m` for $m$: up to which true rank is
# the item a hit with probability 0.99 or more? No list of ten that anyone is
# shown would tell these ranks apart.

# %%
your_m = draw("sampled", [50, 80, 100, 150, 200])
print(f"your m is {your_m}")

# %% [raw]
# # BEGIN SOLUTION


# %%
def sampled_hit(r, N, m, k):
    """Probability that the item is among the first k against m others.

    A float; all four arguments are whole numbers.
    """
    # BEGIN SOLUTION
    from scipy.stats import hypergeom

    return hypergeom.cdf(k - 1, N - 1, r - 1, m)
    # END SOLUTION


ranks = np.arange(1, 9725)  # SOLUTION NO PROMPT
chances = sampled_hit(ranks, 9724, your_m, 10)  # SOLUTION NO PROMPT
blind_up_to = int((chances >= 0.99).sum())  # SOLUTION

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_by_counting(sampled_hit):
    assert abs(sampled_hit(1, 6, 3, 1) - 1) < 1e-9, "Nothing beats the best."
    assert abs(sampled_hit(6, 6, 3, 3)) < 1e-9, "The last is behind all three."
    assert abs(sampled_hit(3, 6, 2, 1) - 0.3) < 1e-9, (
        "Two of five others are better. In how many of the ten pairs is none?"
    )


# %%
""" # BEGIN TEST CONFIG
points: 2
hidden: true
"""  # END TEST CONFIG


def test_all_samples(sampled_hit):
    from itertools import combinations

    for r, N, m, k in [
        (4, 8, 4, 2),
        (2, 9, 5, 1),
        (6, 10, 3, 2),
        (7, 10, 9, 7),
    ]:
        others = [rank for rank in range(1, N + 1) if rank != r]
        samples = list(combinations(others, m))
        hits = sum(sum(rank < r for rank in s) < k for s in samples)
        assert abs(sampled_hit(r, N, m, k) - hits / len(samples)) < 1e-9


# %%
""" # BEGIN TEST CONFIG
points: 2
hidden: true
"""  # END TEST CONFIG


def test_blind_up_to(student, blind_up_to):
    import hashlib

    import numpy as np
    from scipy.stats import hypergeom

    name = " ".join(str(student).lower().split())
    digest = hashlib.sha256(f"{name}/sampled".encode()).digest()
    options = [50, 80, 100, 150, 200]
    m = options[int.from_bytes(digest[:8], "big") % len(options)]
    chances = hypergeom.cdf(9, 9723, np.arange(0, 9724), m)
    assert int(blind_up_to) == int((chances >= 0.99).sum())


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q6
# points: 6

# %% [markdown]
# ## Question 6 · ◆◆◆ · design · 6 points
#
# Now you grade. Somebody gives you a program that should compute recall:
#
# `evaluate(scores, seen, held_out, k)` takes arrays of users x items (`seen`
# and `held_out` are bool) and returns the mean over users of the number of
# held-out items among the `k` best *unseen* items, divided by the number of
# the user's held-out items. Users with nothing held out do not count. No cell
# is both seen and held out, somebody has something held out, and `k` is at
# most the number of columns: ask for nothing else. Right programs work for all
# finite scores below a million in size, may break ties in any way, may compute
# in float32 (allow for 1e-5) and may overwrite their arguments.
#
# Design an experiment that tells right programs from wrong ones. `sound` gets
# the program and returns `True` or `False`; it may call it as often as it
# likes, for five seconds at most. It will be tried on four right programs and
# on seven wrong ones, of which the visible check shows one each: the other six
# have a mistake each that was found in published code, and give the right
# number where it does not matter. None raises. Think of relations that must
# hold between two runs, and of lists whose recall you know.

# %% [raw]
# # BEGIN SOLUTION


# %%
def sound(evaluate):
    """Whether ``evaluate`` computes recall as it should."""
    # BEGIN SOLUTION
    rng = np.random.default_rng(0)
    for shift in (-30.0, 0.0, 30.0):
        scores = np.stack([rng.permutation(31) for _ in range(12)]) + shift
        kind = rng.choice(3, size=scores.shape, p=[0.4, 0.3, 0.3])
        seen, held_out = kind == 1, kind == 2
        held_out[:2] = False
        for k in (1, 4, 9, 31):
            recalls = []
            for s, o, h in zip(scores, seen, held_out, strict=True):
                order = [i for i in np.argsort(-s) if not o[i]][:k]
                if h.any():
                    recalls.append(h[order].sum() / h.sum())
            copies = scores.copy(), seen.copy(), held_out.copy()
            try:
                found = evaluate(*copies, k)
            except Exception:
                return False
            if not np.isclose(found, np.mean(recalls), atol=1e-5):
                return False
    return True
    # END SOLUTION


# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_one_right_one_wrong(sound):
    import numpy as np
    import torch

    from reclib.evaluation import rank_scores
    from reclib.interactions import Interactions
    from reclib.splits import Test

    def right(scores, seen, held_out, k):
        parts = [
            Interactions.from_coo(*np.nonzero(part), shape=scores.shape)
            for part in (seen, held_out)
        ]
        test = Test(*parts, np.arange(len(scores)))
        blocks = [torch.tensor(scores, dtype=torch.float32)]
        ranking = rank_scores(blocks, test, [f"recall@{k}"])
        return ranking.per_user.mean().item()

    def constant(scores, seen, held_out, k):
        return 0.25

    assert sound(right), "Do you ask for more than the definition says?"
    assert not sound(constant), "This one answers 0.25, whatever you ask."


# %%
""" # BEGIN TEST CONFIG
points: 2
hidden: true
"""  # END TEST CONFIG


def test_masks(sound):
    import numpy as np

    def program(masked, scores, seen, held_out, k):
        best = np.argsort(-masked, axis=1, kind="stable")[:, :k]
        hits = np.take_along_axis(held_out & ~seen, best, axis=1).sum(1)
        some = held_out.any(1)
        return float((hits[some] / held_out[some].sum(1)).mean())

    def right(scores, seen, held_out, k):
        masked = np.where(seen, -np.inf, scores)
        return program(masked, scores, seen, held_out, k)

    def lost(scores, seen, held_out, k):
        np.where(seen, -np.inf, scores)
        return program(scores, scores, seen, held_out, k)

    def zero(scores, seen, held_out, k):
        masked = np.where(seen, 0, scores)
        return program(masked, scores, seen, held_out, k)

    assert sound(right)
    assert not sound(lost) and not sound(zero)


# %%
""" # BEGIN TEST CONFIG
points: 2
hidden: true
"""  # END TEST CONFIG


def test_denominators_of_programs(sound):
    import numpy as np

    def program(scores, seen, held_out, k, kind):
        recalls = []
        for s, o, h in zip(scores, seen, held_out, strict=True):
            n = int(h.sum())
            if n == 0:
                recalls += [0.0] if kind == "zeros" else []
                continue
            order = [i for i in np.argsort(-s, kind="stable") if not o[i]]
            below = {"capped": min(k, n), "precision": k}.get(kind, n)
            recalls.append(h[order[:k]].sum() / below)
        return float(np.mean(recalls))

    def of(kind):
        return lambda scores, seen, held_out, k: program(
            scores, seen, held_out, k, kind
        )

    assert sound(of("right"))
    for kind in ("zeros", "capped", "precision"):
        assert not sound(of(kind))


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_universe(sound):
    import numpy as np

    def right(scores, seen, held_out, k):
        recalls = []
        for s, o, h in zip(scores, seen, held_out, strict=True):
            order = [i for i in np.argsort(-s, kind="stable") if not o[i]][:k]
            if h.any():
                recalls.append(h[order].sum() / h.sum())
        return np.mean(recalls)

    def few_items(scores, seen, held_out, k):
        n = min(len(scores), scores.shape[1])
        wide = np.full(scores.shape, -np.inf)
        wide[:, :n] = scores[:, :n]
        masked = np.where(seen, -np.inf, wide)
        best = np.argsort(-masked, axis=1, kind="stable")[:, :k]
        hits = held_out & (masked > -np.inf)
        hits = np.take_along_axis(hits, best, axis=1).sum(1)
        some = held_out.any(1)
        return (hits[some] / held_out[some].sum(1)).mean()

    assert sound(right)
    assert not sound(few_items)


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q7
# points: 3
# manual: true

# %% [markdown]
# ## Question 7 · ◆◆ · criticise · 3 points, graded by hand
#
# A made-up results section. Is the last sentence justified? Name three weak
# links that could decide it, and say for each what you would ask the authors to
# print.
#
# > Table 3 compares our model with published results on MovieLens 1M.
# > NDCG@100: Mult-VAE .401 (from its paper's follow-up), ours .409 (mean of
# > five random 80/20 splits of the users, 95 % interval ± .004 from the five
# > values). We chose the epoch with the highest NDCG on the test users, as is
# > common. Our model significantly outperforms the state of the art.

# %% [raw]
# # BEGIN SOLUTION

# %% [markdown]
# (1) The baseline was copied: its users, fold-in, filter and NDCG function may
# differ. Ask for both models on the same split, with its fingerprint. (2) The
# five splits overlap, so that the interval is too narrow; with a fifth held
# out its square should be about 2.25 times as large. Ask for the corrected
# interval. (3) Choosing the epoch on the test users reports a maximum. Ask for
# the epoch chosen on validation users, and the test number at that epoch.
# (4) The interval contains nothing of the baseline's error, and "significantly"
# rests on no test of a difference. Ask for the paired difference per user with
# its interval. (5) One baseline is not the state of the art. Ask for tuned
# linear models on the same split.
#
# **Rubric.** 1 point for each of any three of the five: half for naming it,
# half for what should be printed. Another weakness may replace one of them if
# it could move the number by .008 and the answer says how.

# %% [raw]
# # END SOLUTION

# %% [raw]
# # END QUESTION
