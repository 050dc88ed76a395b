"""Wrong solutions of assignment 2, and right ones in another style.

A cell is `# %% question: what is wrong`, or `# %% question: RIGHT`. It takes
the place of the cell of the student's notebook that defines the same names.
"""

from math import comb

import numpy as np
import pandas as pd
from scipy.stats import binom, hypergeom


# %% q1: the ideal list always has k hits
def ndcg(ranked, relevant, k):
    wanted = set(relevant)
    if not wanted:
        return float("nan")
    discount = 1 / np.log2(np.arange(2, k + 2))
    hits = np.isin(ranked[:k], list(wanted))
    return discount[: len(hits)][hits].sum() / discount.sum()


# %% q1: the ideal list holds what was found, as a sorted list of hits does
def ndcg(ranked, relevant, k):
    if not len(relevant):
        return float("nan")
    discount = 1 / np.log2(np.arange(2, k + 2))
    hits = np.isin(ranked[:k], relevant)
    if not hits.any():
        return 0.0
    return discount[: len(hits)][hits].sum() / discount[: hits.sum()].sum()


# %% q1: ranks counted from zero in the discount
def ndcg(ranked, relevant, k):
    if not len(relevant):
        return float("nan")
    discount = 1 / np.log2(np.arange(1, k + 1) + 0.5)
    hits = np.isin(ranked[:k], relevant)
    ideal = discount[: min(k, len(relevant))].sum()
    return discount[: len(hits)][hits].sum() / ideal


# %% q1: the whole list in the sum
def ndcg(ranked, relevant, k):
    if not len(relevant):
        return float("nan")
    discount = 1 / np.log2(np.arange(2, len(ranked) + 2))
    hits = np.isin(ranked, relevant)
    return discount[hits].sum() / discount[: min(k, len(relevant))].sum()


# %% q1: the ideal list is not cut at k
def ndcg(ranked, relevant, k):
    if not len(relevant):
        return float("nan")
    hits = np.isin(ranked[:k], relevant)
    discount = 1 / np.log2(np.arange(2, len(hits) + 2))
    ideal = 1 / np.log2(np.arange(2, len(relevant) + 2))
    return discount[hits].sum() / ideal.sum()


# %% q1: nothing held out counts as zero
def ndcg(ranked, relevant, k):
    if not len(relevant):
        return 0.0
    discount = 1 / np.log2(np.arange(2, k + 2))
    hits = np.isin(ranked[:k], relevant)
    ideal = discount[: min(k, len(relevant))].sum()
    return discount[: len(hits)][hits].sum() / ideal


# %% q1: RIGHT
def ndcg(ranked, relevant, k):
    if len(relevant) == 0:
        return float("nan")
    gain = ideal = 0.0
    for rank in range(1, k + 1):
        if rank <= len(ranked) and ranked[rank - 1] in relevant:
            gain += 1 / np.log2(rank + 1)
        if rank <= len(relevant):
            ideal += 1 / np.log2(rank + 1)
    return gain / ideal


# %% q2: the mask is thrown away
def top_k(scores, seen, k):
    np.where(seen, -np.inf, scores)
    return np.argsort(-scores, axis=1, kind="stable")[:, :k]


# %% q2: seen items set to zero
def top_k(scores, seen, k):
    masked = np.where(seen, 0, scores)
    lists = np.argsort(-masked, axis=1, kind="stable")[:, :k]
    return np.where(np.take_along_axis(seen, lists, axis=1), -1, lists)


# %% q2: the mask is set in the caller's scores
def top_k(scores, seen, k):
    scores[seen] = -np.inf
    lists = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return np.where(np.take_along_axis(seen, lists, axis=1), -1, lists)


# %% q2: reversed, so that of equal scores the higher column comes first
def top_k(scores, seen, k):
    masked = np.where(seen, -np.inf, scores)
    lists = np.argsort(masked, axis=1, kind="stable")[:, ::-1][:, :k]
    return np.where(np.take_along_axis(seen, lists, axis=1), -1, lists)


# %% q2: seen items fill lists that end early
def top_k(scores, seen, k):
    masked = np.where(seen, -np.inf, scores)
    return np.argsort(-masked, axis=1, kind="stable")[:, :k]


# %% q2: first the best k, then the mask
def top_k(scores, seen, k):
    lists = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return np.where(np.take_along_axis(seen, lists, axis=1), -1, lists)


# %% q2: the worst first
def top_k(scores, seen, k):
    masked = np.where(seen, np.inf, scores)
    lists = np.argsort(masked, axis=1, kind="stable")[:, :k]
    return np.where(np.take_along_axis(seen, lists, axis=1), -1, lists)


# %% q2: the best k in any order
def top_k(scores, seen, k):
    masked = np.where(seen, -np.inf, scores)
    lists = np.argpartition(-masked, k - 1, axis=1)[:, :k]
    return np.where(np.take_along_axis(seen, lists, axis=1), -1, np.sort(lists))


# %% q2: RIGHT
def top_k(scores, seen, k):
    lists = []
    for u in range(len(scores)):
        unseen = [i for i in range(len(scores[u])) if not seen[u][i]]
        unseen.sort(key=lambda i, u=u: (-scores[u][i], i))
        lists.append((unseen + [-1] * k)[:k])
    return np.array(lists)


# %% q3: what makes the task harder makes the number fall
number = {
    "min(k, n)": "falls",
    "no mask": "falls",
    "sampled": "falls",
    "plus five": "stays",
    "zeros": "falls",
    "natural": "falls",
}

# %% q3: nothing matters
number = dict.fromkeys(
    ["min(k, n)", "no mask", "sampled", "plus five", "zeros", "natural"],
    "stays",
)

# %% q3: known items thought to help
number = {
    "min(k, n)": "rises",
    "no mask": "rises",
    "sampled": "rises",
    "plus five": "stays",
    "zeros": "falls",
    "natural": "stays",
}

# %% q3: a sample thought to estimate the number without bias
number = {
    "min(k, n)": "rises",
    "no mask": "falls",
    "sampled": "stays",
    "plus five": "stays",
    "zeros": "falls",
    "natural": "stays",
}

# %% q3: the smaller logarithm makes larger gains
number = {
    "min(k, n)": "rises",
    "no mask": "falls",
    "sampled": "rises",
    "plus five": "rises",
    "zeros": "falls",
    "natural": "rises",
}

# %% q3: users with nothing to find thought to do no harm
number = {
    "min(k, n)": "rises",
    "no mask": "falls",
    "sampled": "rises",
    "plus five": "stays",
    "zeros": "stays",
    "natural": "stays",
}

# %% q3: RIGHT
words = ["rises", "falls", "rises", "stays", "falls", "stays"]
names = ["min(k, n)", "no mask", "sampled", "plus five", "zeros", "natural"]
number = {name: word for name, word in zip(names, words, strict=True)}


# %% q4: by position, not by user
def compare(a, b):
    d = a.to_numpy()[: len(b)] - b.to_numpy()[: len(a)]
    d = d[~np.isnan(d)]
    unpaired = np.sqrt((a.var() + b.var()) / len(d))
    return d.mean(), d.std(ddof=1) / np.sqrt(len(d)), unpaired


# %% q4: standard deviations of all, not of a sample
def compare(a, b):
    both = pd.concat({"a": a, "b": b}, axis=1).dropna()
    d, n = both["a"] - both["b"], len(both)
    unpaired = np.sqrt((both["a"].var(ddof=0) + both["b"].var(ddof=0)) / n)
    return d.mean(), d.std(ddof=0) / np.sqrt(n), unpaired


# %% q4: standard deviations in place of standard errors
def compare(a, b):
    both = pd.concat({"a": a, "b": b}, axis=1).dropna()
    d = both["a"] - both["b"]
    return d.mean(), d.std(), np.sqrt(both["a"].var() + both["b"].var())


# %% q4: users without a value count as zero
def compare(a, b):
    both = pd.concat({"a": a, "b": b}, axis=1).fillna(0)
    d = both["a"] - both["b"]
    unpaired = np.sqrt((both["a"].var() + both["b"].var()) / len(both))
    return d.mean(), d.sem(), unpaired


# %% q4: each model on its own users
def compare(a, b):
    d = a - b
    return a.mean() - b.mean(), d.sem(), np.hypot(a.sem(), b.sem())


# %% q4: the covariance with the wrong sign
def compare(a, b):
    both = pd.concat({"a": a, "b": b}, axis=1).dropna()
    total, n = both["a"] + both["b"], len(both)
    unpaired = np.sqrt((both["a"].var() + both["b"].var()) / n)
    return (both["a"] - both["b"]).mean(), total.sem(), unpaired


# %% q4: the difference of the standard errors
def compare(a, b):
    both = pd.concat({"a": a, "b": b}, axis=1).dropna()
    d = both["a"] - both["b"]
    return d.mean(), d.sem(), both["a"].sem() + both["b"].sem()


# %% q4: RIGHT
def compare(a, b):
    users = [u for u in a.index if u in b.index]
    users = [u for u in users if a[u] == a[u] and b[u] == b[u]]
    n = len(users)
    x, y = [a[u] for u in users], [b[u] for u in users]
    mx, my = sum(x) / n, sum(y) / n
    vx = sum((v - mx) ** 2 for v in x) / (n - 1)
    vy = sum((v - my) ** 2 for v in y) / (n - 1)
    cov = sum((x[i] - mx) * (y[i] - my) for i in range(n)) / (n - 1)
    paired = max(vx + vy - 2 * cov, 0) / n
    return mx - my, paired**0.5, ((vx + vy) / n) ** 0.5


# %% q5: with replacement
def sampled_hit(r, N, m, k):
    return binom.cdf(k - 1, m, (r - 1) / (N - 1))


ranks = np.arange(1, 9725)
blind_up_to = int((sampled_hit(ranks, 9724, your_m, 10) >= 0.99).sum())  # noqa: F821


# %% q5: k better ones are allowed
def sampled_hit(r, N, m, k):
    return hypergeom.cdf(k, N - 1, r - 1, m)


ranks = np.arange(1, 9725)
blind_up_to = int((sampled_hit(ranks, 9724, your_m, 10) >= 0.99).sum())  # noqa: F821


# %% q5: the item counts among those that beat it
def sampled_hit(r, N, m, k):
    return hypergeom.cdf(k - 1, N, r, m)


ranks = np.arange(1, 9725)
blind_up_to = int((sampled_hit(ranks, 9724, your_m, 10) >= 0.99).sum())  # noqa: F821


# %% q5: the expected rank in place of a probability
def sampled_hit(r, N, m, k):
    return float(m * (r - 1) / (N - 1) < k)


blind_up_to = int(10 * 9723 / your_m)  # noqa: F821


# %% q5: exactly k - 1 better ones
def sampled_hit(r, N, m, k):
    return hypergeom.pmf(k - 1, N - 1, r - 1, m)


blind_up_to = 10


# %% q5: the share of better items, whatever m and k are
def sampled_hit(r, N, m, k):
    return 1 - (r - 1) / (N - 1)


blind_up_to = round(0.01 * 9724)


# %% q5: RIGHT
def sampled_hit(r, N, m, k):
    better, worse = r - 1, N - r
    ways = 0
    for b in range(min(k, better + 1)):
        if 0 <= m - b <= worse:
            ways += comb(better, b) * comb(worse, m - b)
    return ways / comb(N - 1, m)


blind_up_to = 1
while sampled_hit(blind_up_to + 1, 9724, your_m, 10) >= 0.99:  # noqa: F821
    blind_up_to += 1


# %% q6: everything is right
def sound(evaluate):
    return True


# %% q6: nothing is right
def sound(evaluate):
    return False


# %% q6: asks only for a number between 0 and 1
def sound(evaluate):
    rng = np.random.default_rng(0)
    scores, kind = rng.random((9, 12)), rng.choice(3, (9, 12))
    return bool(0 <= evaluate(scores, kind == 1, kind == 2, 4) <= 1)


# %% q6: positive scores and a square matrix
def sound(evaluate):
    rng = np.random.default_rng(0)
    scores, kind = 1 + rng.random((12, 12)), rng.choice(3, (12, 12))
    seen, held_out = kind == 1, kind == 2
    masked = np.where(seen, -np.inf, scores)
    best = np.argsort(-masked, axis=1)[:, :4]
    hits = np.take_along_axis(held_out, best, axis=1).sum(1)
    right = (hits / held_out.sum(1)).mean()
    return bool(np.isclose(evaluate(scores, seen, held_out, 4), right))


# %% q6: nobody is without held-out items, nobody has more than k
def sound(evaluate):
    rng = np.random.default_rng(0)
    scores = rng.standard_normal((7, 40))
    seen = rng.random(scores.shape) < 0.3
    held_out = np.zeros_like(seen)
    for u in range(7):
        held_out[u, rng.choice(np.flatnonzero(~seen[u]), 2)] = True
    masked = np.where(seen, -np.inf, scores)
    best = np.argsort(-masked, axis=1)[:, :10]
    hits = np.take_along_axis(held_out, best, axis=1).sum(1)
    right = (hits / held_out.sum(1)).mean()
    return bool(np.isclose(evaluate(scores, seen, held_out, 10), right))


# %% q6: twice the same answer, and the same after a shift
def sound(evaluate):
    rng = np.random.default_rng(0)
    scores, kind = rng.standard_normal((9, 30)), rng.choice(3, (9, 30))
    found = [
        evaluate(scores + c, kind == 1, kind == 2, 5) for c in (0, 0, 9, -9)
    ]
    return bool(np.ptp(found) < 1e-9)


# %% q6: demands a precision
def sound(evaluate):
    rng = np.random.default_rng(0)
    scores, kind = rng.standard_normal((9, 30)), rng.choice(3, (9, 30))
    seen, held_out = kind == 1, kind == 2
    masked = np.where(seen, -np.inf, scores)
    best = np.argsort(-masked, axis=1)[:, :5]
    hits = np.take_along_axis(held_out, best, axis=1)
    return bool(np.isclose(evaluate(scores, seen, held_out, 5), hits.mean()))


# %% q6: RIGHT
def sound(evaluate):
    def of(scores, seen, held_out, k, right):
        seen = np.array(seen, dtype=bool)
        held_out = np.array(held_out, dtype=bool)
        for shift in (-20, 0, 20):
            shifted = np.array(scores, dtype=float) + shift
            found = evaluate(shifted, seen.copy(), held_out.copy(), k)
            if abs(found - right) > 1e-5:
                return False
        return True

    # One user, five items; the first is seen, the last two are held out.
    line, mine, theirs = [5, 4, 3, 2, 1], [1, 0, 0, 0, 0], [0, 0, 0, 1, 1]
    known = [
        of([line], [mine], [theirs], 1, 0.0),
        of([line], [mine], [theirs], 2, 0.0),
        of([line], [mine], [theirs], 3, 0.5),
        of([line], [mine], [theirs], 4, 1.0),
        of([line], [[0] * 5], [[1, 1, 1, 0, 0]], 1, 1 / 3),
        of([line] * 2, [mine] * 2, [theirs, [0] * 5], 3, 0.5),
    ]
    return all(known)
