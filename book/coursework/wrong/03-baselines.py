"""Wrong solutions of assignment 3, and right ones in another style.

A cell is `# %% question: what is wrong`, or `# %% question: RIGHT`. It takes
the place of the cell of the student's notebook that defines the same names.
"""

from itertools import count

import numpy as np
import torch
from scipy import stats

from reclib import intervals


# %% q1: b0 added on top, the ratings not seen from it
def shrunk_bias(r, w, mu, l2, b0):
    total = np.sum(w) + l2
    if total == 0:
        return b0
    return b0 + (w * (r - mu)).sum() / total


# %% q1: the number of ratings in place of their weights
def shrunk_bias(r, w, mu, l2, b0):
    total = len(r) + l2
    if total == 0:
        return b0
    return ((w * (r - mu)).sum() + l2 * b0) / total


# %% q1: pulled towards zero, as in the chapter
def shrunk_bias(r, w, mu, l2, b0):
    total = np.sum(w) + l2
    if total == 0:
        return b0
    return (w * (r - mu)).sum() / total


# %% q1: nothing known, divided by nothing
def shrunk_bias(r, w, mu, l2, b0):
    return ((w * (r - mu)).sum() + l2 * b0) / (np.sum(w) + l2)


# %% q1: nothing known taken for zero
def shrunk_bias(r, w, mu, l2, b0):
    if not len(r):
        return 0.0
    total = max(np.sum(w) + l2, 1e-12)
    return ((w * (r - mu)).sum() + l2 * b0) / total


# %% q1: the rating in place of the bias
def shrunk_bias(r, w, mu, l2, b0):
    total = np.sum(w) + l2
    if total == 0:
        return mu + b0
    return mu + ((w * (r - mu)).sum() + l2 * b0) / total


# %% q1: the penalty of a mean, not of a sum
def shrunk_bias(r, w, mu, l2, b0):
    if np.sum(w) == 0:
        return b0
    mean = (w * (r - mu)).sum() / np.sum(w)
    return (mean + l2 * b0) / (1 + l2)


# %% q1: weights squared
def shrunk_bias(r, w, mu, l2, b0):
    total = (w**2).sum() + l2
    if total == 0:
        return b0
    return ((w**2 * (r - mu)).sum() + l2 * b0) / total


# %% q1: RIGHT
def shrunk_bias(r, w, mu, l2, b0):
    # Least squares with one more row, sqrt(l2) (b - b0) = 0.
    A = torch.tensor([*np.sqrt(w), np.sqrt(l2)], dtype=torch.float64)
    y = torch.tensor([*(np.asarray(r) - mu), b0], dtype=torch.float64) * A
    norm = (A @ A).item()
    return (A @ y).item() / norm if norm > 0 else b0


# %% q2: one round
def fit_biases(rows, cols, values, shape, l2_user, l2_item):
    mu = values.mean()
    n_user = np.bincount(rows, minlength=shape[0])
    n_item = np.bincount(cols, minlength=shape[1])
    b_user = np.bincount(rows, values - mu, shape[0]) / (n_user + l2_user)
    rest = values - mu - b_user[rows]
    return mu, b_user, np.bincount(cols, rest, shape[1]) / (n_item + l2_item)


# %% q2: users and items each on their own, so that both explain the same
def fit_biases(rows, cols, values, shape, l2_user, l2_item):
    mu = values.mean()
    n_user = np.bincount(rows, minlength=shape[0])
    n_item = np.bincount(cols, minlength=shape[1])
    b_user = np.bincount(rows, values - mu, shape[0]) / (n_user + l2_user)
    b_item = np.bincount(cols, values - mu, shape[1]) / (n_item + l2_item)
    return mu, b_user, b_item


# %% q2: the mean over all cells, zeros counted as ratings
def fit_biases(rows, cols, values, shape, l2_user, l2_item):
    mu = values.sum() / (shape[0] * shape[1])
    b_user, b_item = np.zeros(shape[0]), np.zeros(shape[1])
    n_user = np.bincount(rows, minlength=shape[0])
    n_item = np.bincount(cols, minlength=shape[1])
    for _ in range(999):
        rest = values - mu - b_item[cols]
        b_user = np.bincount(rows, rest, shape[0]) / (n_user + l2_user)
        rest = values - mu - b_user[rows]
        b_item = np.bincount(cols, rest, shape[1]) / (n_item + l2_item)
    return mu, b_user, b_item


# %% q2: the penalties exchanged
def fit_biases(rows, cols, values, shape, l2_user, l2_item):
    mu = values.mean()
    b_user, b_item = np.zeros(shape[0]), np.zeros(shape[1])
    n_user = np.bincount(rows, minlength=shape[0])
    n_item = np.bincount(cols, minlength=shape[1])
    for _ in range(999):
        rest = values - mu - b_item[cols]
        b_user = np.bincount(rows, rest, shape[0]) / (n_user + l2_item)
        rest = values - mu - b_user[rows]
        b_item = np.bincount(cols, rest, shape[1]) / (n_item + l2_user)
    return mu, b_user, b_item


# %% q2: as many users and items as the last rating needs
def fit_biases(rows, cols, values, shape, l2_user, l2_item):
    mu = values.mean()
    n_user, n_item = np.bincount(rows), np.bincount(cols)
    b_item = np.zeros(len(n_item))
    for _ in range(999):
        rest = values - mu - b_item[cols]
        b_user = np.bincount(rows, rest) / (n_user + l2_user)
        rest = values - mu - b_user[rows]
        b_item = np.bincount(cols, rest) / (n_item + l2_item)
    return mu, b_user, b_item


# %% q2: the penalty of the mean error, not of its sum
def fit_biases(rows, cols, values, shape, l2_user, l2_item):
    mu = values.mean()
    n_user = np.bincount(rows, minlength=shape[0])
    n_item = np.bincount(cols, minlength=shape[1])
    b_user, b_item = np.zeros(shape[0]), np.zeros(shape[1])
    for _ in range(999):
        rest = values - mu - b_item[cols]
        b_user = np.bincount(rows, rest, shape[0]) / np.maximum(n_user, 1)
        b_user /= 1 + l2_user
        rest = values - mu - b_user[rows]
        b_item = np.bincount(cols, rest, shape[1]) / np.maximum(n_item, 1)
        b_item /= 1 + l2_item
    return mu, b_user, b_item


# %% q2: a means' mean, and nobody for the silent ones
def fit_biases(rows, cols, values, shape, l2_user, l2_item):
    mu = np.mean([values[rows == u].mean() for u in np.unique(rows)])
    b_user, b_item = np.zeros(shape[0]), np.zeros(shape[1])
    for _ in range(300):
        for u in np.unique(rows):
            at = rows == u
            rest = values[at] - mu - b_item[cols[at]]
            b_user[u] = rest.sum() / (at.sum() + l2_user)
        for i in np.unique(cols):
            at = cols == i
            rest = values[at] - mu - b_user[rows[at]]
            b_item[i] = rest.sum() / (at.sum() + l2_item)
    return mu, b_user, b_item


# %% q2: gradient steps that stop long before the minimum
def fit_biases(rows, cols, values, shape, l2_user, l2_item):
    mu = values.mean()
    b_user, b_item = np.zeros(shape[0]), np.zeros(shape[1])
    for _ in range(50):
        rest = values - mu - b_user[rows] - b_item[cols]
        b_user += 0.005 * (np.bincount(rows, rest, shape[0]) - l2_user * b_user)
        b_item += 0.005 * (np.bincount(cols, rest, shape[1]) - l2_item * b_item)
    return mu, b_user, b_item


# %% q2: RIGHT
def fit_biases(rows, cols, values, shape, l2_user, l2_item):
    m, n = shape
    mu = sum(values) / len(values)
    system = torch.diag(torch.tensor([l2_user] * m + [l2_item] * n)).double()
    right = torch.zeros(m + n, dtype=torch.float64)
    for u, i, r in zip(rows, cols, values, strict=True):
        for a in (u, m + i):
            right[a] += r - mu
            for b in (u, m + i):
                system[a, b] += 1
    b = torch.linalg.solve(system, right)
    return mu, b[:m].numpy(), b[m:].numpy()


# %% q3: everything that is removed makes it worse
number = {
    "no clip": "rises",
    "shift": "rises",
    "by user": "rises",
    "training": "rises",
    "no user": "falls",
    "mean": "falls",
}

# %% q3: regularisation is thought to help on training ratings, too
number = {
    "no clip": "rises",
    "shift": "stays",
    "by user": "falls",
    "training": "falls",
    "no user": "stays",
    "mean": "falls",
}

# %% q3: a mean of roots taken for the root of a mean
number = {
    "no clip": "rises",
    "shift": "stays",
    "by user": "stays",
    "training": "rises",
    "no user": "stays",
    "mean": "falls",
}

# %% q3: the user's bias thought to change the user's list
number = {
    "no clip": "rises",
    "shift": "stays",
    "by user": "falls",
    "training": "rises",
    "no user": "falls",
    "mean": "falls",
}

# %% q3: well rated films thought to be the ones that people find
number = {
    "no clip": "rises",
    "shift": "stays",
    "by user": "falls",
    "training": "rises",
    "no user": "stays",
    "mean": "rises",
}

# %% q3: clipping thought to distort
number = {
    "no clip": "falls",
    "shift": "stays",
    "by user": "falls",
    "training": "rises",
    "no user": "stays",
    "mean": "falls",
}

# %% q3: nothing matters
number = dict.fromkeys(
    ["no clip", "shift", "by user", "training", "no user", "mean"], "stays"
)

# %% q3: RIGHT
number = {"shift": "stays", "no user": "stays"}
number.update({"no clip": "rises", "training": "rises"})
number.update({"by user": "falls", "mean": "falls"})


# %% q4: every item its own best neighbour
def item_knn(X, neighbours, shrink):
    both = X.T.astype(float) @ X
    n = both.diagonal()
    below = np.sqrt(np.outer(n, n)) + shrink
    S = np.divide(both, below, out=np.zeros_like(both), where=below > 0)
    order = np.argsort(-S, axis=0, kind="stable")
    np.put_along_axis(S, order[neighbours:], 0, 0)
    return S


# %% q4: itself takes one of the places
def item_knn(X, neighbours, shrink):
    both = X.T.astype(float) @ X
    n = both.diagonal()
    below = np.sqrt(np.outer(n, n)) + shrink
    S = np.divide(both, below, out=np.zeros_like(both), where=below > 0)
    order = np.argsort(-S, axis=0, kind="stable")
    np.put_along_axis(S, order[neighbours:], 0, 0)
    np.fill_diagonal(S, 0)
    return S


# %% q4: each row keeps its best, not each column
def item_knn(X, neighbours, shrink):
    both = X.T.astype(float) @ X
    n = both.diagonal()
    below = np.sqrt(np.outer(n, n)) + shrink
    S = np.divide(both, below, out=np.zeros_like(both), where=below > 0)
    np.fill_diagonal(S, 0)
    order = np.argsort(-S, axis=1, kind="stable")
    np.put_along_axis(S, order[:, neighbours:], 0, 1)
    return S


# %% q4: no root
def item_knn(X, neighbours, shrink):
    both = X.T.astype(float) @ X
    n = both.diagonal()
    below = np.outer(n, n) + shrink
    S = np.divide(both, below, out=np.zeros_like(both), where=below > 0)
    np.fill_diagonal(S, 0)
    order = np.argsort(-S, axis=0, kind="stable")
    np.put_along_axis(S, order[neighbours:], 0, 0)
    return S


# %% q4: nought divided by nought
def item_knn(X, neighbours, shrink):
    with np.errstate(invalid="ignore"):
        both = X.T.astype(float) @ X
        n = both.diagonal()
        S = both / (np.sqrt(np.outer(n, n)) + shrink)
    np.fill_diagonal(S, 0)
    order = np.argsort(-S, axis=0, kind="stable")
    np.put_along_axis(S, order[neighbours:], 0, 0)
    return S


# %% q4: shrunk as another library does, after the cosine
def item_knn(X, neighbours, shrink):
    both = X.T.astype(float) @ X
    n = both.diagonal()
    root = np.sqrt(np.outer(n, n))
    S = np.divide(both, root, out=np.zeros_like(both), where=root > 0)
    S *= both / np.maximum(both + shrink, 1e-12)
    np.fill_diagonal(S, 0)
    order = np.argsort(-S, axis=0, kind="stable")
    np.put_along_axis(S, order[neighbours:], 0, 0)
    return S


# %% q4: all neighbours kept
def item_knn(X, neighbours, shrink):
    both = X.T.astype(float) @ X
    n = both.diagonal()
    below = np.sqrt(np.outer(n, n)) + shrink
    S = np.divide(both, below, out=np.zeros_like(both), where=below > 0)
    np.fill_diagonal(S, 0)
    return S


# %% q4: the least similar ones
def item_knn(X, neighbours, shrink):
    both = X.T.astype(float) @ X
    n = both.diagonal()
    below = np.sqrt(np.outer(n, n)) + shrink
    S = np.divide(both, below, out=np.zeros_like(both), where=below > 0)
    np.fill_diagonal(S, 0)
    order = np.argsort(S, axis=0, kind="stable")
    np.put_along_axis(S, order[neighbours:], 0, 0)
    return S


# %% q4: users in place of items
def item_knn(X, neighbours, shrink):
    both = X.astype(float) @ X.T
    n = both.diagonal()
    below = np.sqrt(np.outer(n, n)) + shrink
    S = np.divide(both, below, out=np.zeros_like(both), where=below > 0)
    np.fill_diagonal(S, 0)
    order = np.argsort(-S, axis=0, kind="stable")
    np.put_along_axis(S, order[neighbours:], 0, 0)
    return S


# %% q4: RIGHT
def item_knn(X, neighbours, shrink):
    users = [set(np.flatnonzero(column)) for column in np.asarray(X).T]
    S = torch.zeros(len(users), len(users))
    for i, mine in enumerate(users):
        near = []
        for j, theirs in enumerate(users):
            below = (len(mine) * len(theirs)) ** 0.5 + shrink
            if j != i and mine & theirs:
                near.append((len(mine & theirs) / below, j))
        for similarity, j in sorted(near, reverse=True)[:neighbours]:
            S[j, i] = similarity
    return S


# %% q5: chosen on the test part
def fair_comparison(error, grids, splits, test_share):
    at_end, best = set(), {name: [] for name in grids}
    for split in splits:
        for name, settings in grids.items():
            tried = [error(name, s, split, "test") for s in settings]
            best[name].append(min(tried))
            if np.argmin(tried) in (0, len(settings) - 1):
                at_end.add(name)
    first, second = map(np.array, best.values())
    d, n = first - second, len(splits)
    factor = 1 / n + test_share / (1 - test_share)
    half = stats.t.ppf(0.975, n - 1) * np.sqrt(factor * d.var(ddof=1))
    return d.mean(), d.mean() - half, d.mean() + half, at_end


# %% q5: the second model, the baseline, as it comes
def fair_comparison(error, grids, splits, test_share):
    (new, settings), (old, others) = grids.items()
    d, at_end = [], set()
    for split in splits:
        tried = [error(new, s, split, "validation") for s in settings]
        k = int(np.argmin(tried))
        if k in (0, len(settings) - 1):
            at_end.add(new)
        ours = error(new, settings[k], split, "test")
        d.append(ours - error(old, others[0], split, "test"))
    d, n = np.array(d), len(splits)
    factor = 1 / n + test_share / (1 - test_share)
    half = stats.t.ppf(0.975, n - 1) * np.sqrt(factor * d.var(ddof=1))
    return d.mean(), d.mean() - half, d.mean() + half, at_end


# %% q5: the interval of independent splits
def fair_comparison(error, grids, splits, test_share):
    at_end, test = set(), {name: [] for name in grids}
    for split in splits:
        for name, settings in grids.items():
            tried = [error(name, s, split, "validation") for s in settings]
            k = int(np.argmin(tried))
            if k in (0, len(settings) - 1):
                at_end.add(name)
            test[name].append(error(name, settings[k], split, "test"))
    first, second = map(np.array, test.values())
    found = intervals.of_seeds(first - second)
    return found.mean, found.low, found.high, at_end


# %% q5: normal in place of Student
def fair_comparison(error, grids, splits, test_share):
    at_end, test = set(), {name: [] for name in grids}
    for split in splits:
        for name, settings in grids.items():
            tried = [error(name, s, split, "validation") for s in settings]
            k = int(np.argmin(tried))
            if k in (0, len(settings) - 1):
                at_end.add(name)
            test[name].append(error(name, settings[k], split, "test"))
    first, second = map(np.array, test.values())
    d, n = first - second, len(splits)
    factor = 1 / n + test_share / (1 - test_share)
    half = 1.96 * np.sqrt(factor * d.var(ddof=1))
    return d.mean(), d.mean() - half, d.mean() + half, at_end


# %% q5: not paired
def fair_comparison(error, grids, splits, test_share):
    at_end, test = set(), {name: [] for name in grids}
    for split in splits:
        for name, settings in grids.items():
            tried = [error(name, s, split, "validation") for s in settings]
            k = int(np.argmin(tried))
            if k in (0, len(settings) - 1):
                at_end.add(name)
            test[name].append(error(name, settings[k], split, "test"))
    first, second = map(np.array, test.values())
    mean, n = first.mean() - second.mean(), len(splits)
    factor = 1 / n + test_share / (1 - test_share)
    variance = first.var(ddof=1) + second.var(ddof=1)
    half = stats.t.ppf(0.975, n - 1) * np.sqrt(factor * variance)
    return mean, mean - half, mean + half, at_end


# %% q5: all settings measured on the test, the choice made on validation
def fair_comparison(error, grids, splits, test_share):
    at_end, test = set(), {name: [] for name in grids}
    for split in splits:
        for name, settings in grids.items():
            tried = [error(name, s, split, "validation") for s in settings]
            tested = [error(name, s, split, "test") for s in settings]
            k = int(np.argmin(tried))
            if k in (0, len(settings) - 1):
                at_end.add(name)
            test[name].append(tested[k])
    first, second = map(np.array, test.values())
    d, n = first - second, len(splits)
    factor = 1 / n + test_share / (1 - test_share)
    half = stats.t.ppf(0.975, n - 1) * np.sqrt(factor * d.var(ddof=1))
    return d.mean(), d.mean() - half, d.mean() + half, at_end


# %% q5: validation errors reported
def fair_comparison(error, grids, splits, test_share):
    at_end, found = set(), {name: [] for name in grids}
    for split in splits:
        for name, settings in grids.items():
            tried = [error(name, s, split, "validation") for s in settings]
            k = int(np.argmin(tried))
            if k in (0, len(settings) - 1):
                at_end.add(name)
            error(name, settings[k], split, "test")
            found[name].append(tried[k])
    first, second = map(np.array, found.values())
    d, n = first - second, len(splits)
    factor = 1 / n + test_share / (1 - test_share)
    half = stats.t.ppf(0.975, n - 1) * np.sqrt(factor * d.var(ddof=1))
    return d.mean(), d.mean() - half, d.mean() + half, at_end


# %% q5: the ends of the grids only in the last split
def fair_comparison(error, grids, splits, test_share):
    test = {name: [] for name in grids}
    for split in splits:
        at_end = set()
        for name, settings in grids.items():
            tried = [error(name, s, split, "validation") for s in settings]
            k = int(np.argmin(tried))
            if k in (0, len(settings) - 1):
                at_end.add(name)
            test[name].append(error(name, settings[k], split, "test"))
    first, second = map(np.array, test.values())
    d, n = first - second, len(splits)
    factor = 1 / n + test_share / (1 - test_share)
    half = stats.t.ppf(0.975, n - 1) * np.sqrt(factor * d.var(ddof=1))
    return d.mean(), d.mean() - half, d.mean() + half, at_end


# %% q5: tuned on the first split, used in all
def fair_comparison(error, grids, splits, test_share):
    at_end, test = set(), {}
    for name, settings in grids.items():
        tried = [error(name, s, splits[0], "validation") for s in settings]
        k = int(np.argmin(tried))
        if k in (0, len(settings) - 1):
            at_end.add(name)
        found = [error(name, settings[k], split, "test") for split in splits]
        test[name] = np.array(found)
    first, second = test.values()
    d, n = first - second, len(splits)
    factor = 1 / n + test_share / (1 - test_share)
    half = stats.t.ppf(0.975, n - 1) * np.sqrt(factor * d.var(ddof=1))
    return d.mean(), d.mean() - half, d.mean() + half, at_end


# %% q5: RIGHT
def fair_comparison(error, grids, splits, test_share):
    (new, old), differences, ends = grids, [], []
    for split in splits:
        final = {}
        for name in (old, new):
            best, chosen = float("inf"), None
            for place, setting in zip(count(), grids[name], strict=False):
                value = error(name, setting, split, "validation")
                if value < best:
                    best, chosen = value, place
            if chosen == 0 or chosen + 1 == len(grids[name]):
                ends.append(name)
            final[name] = error(name, grids[name][chosen], split, "test")
        differences.append(final[new] - final[old])
    n = len(differences)
    mean = sum(differences) / n
    variance = sum((x - mean) ** 2 for x in differences) / (n - 1)
    se = (variance * (1 / n + test_share / (1 - test_share))) ** 0.5
    return mean, *stats.t.interval(0.95, n - 1, mean, se), set(ends)


# %% q6: the ratings themselves, turned round
forwards = np.clip(true - 2.5, 0.5, 5)  # noqa: F821
backwards = np.empty(6)
backwards[np.argsort(true)] = np.sort(true)[::-1]  # noqa: F821
floor = np.sqrt(np.mean((backwards - true) ** 2))  # noqa: F821

# %% q6: any order with an error near zero
forwards = true.copy()  # noqa: F821
backwards = 5.5 - true  # noqa: F821
floor = 1e-3

# %% q6: the standard deviation of a sample
forwards = 0.5 + true / 100  # noqa: F821
backwards = true.mean() - (true - true.mean()) / 500  # noqa: F821
floor = true.std(ddof=1)  # noqa: F821

# %% q6: the variance
forwards = 0.5 + true / 100  # noqa: F821
backwards = true.mean() - (true - true.mean()) / 500  # noqa: F821
floor = true.var()  # noqa: F821

# %% q6: one prediction for all six films
forwards = 0.5 + true / 100  # noqa: F821
backwards = np.full(6, true.mean())  # noqa: F821
floor = true.std()  # noqa: F821

# %% q6: the mean absolute error, around the median
forwards = 0.5 + true / 100  # noqa: F821
backwards = np.median(true) - (true - true.mean()) / 500  # noqa: F821
floor = np.abs(true - np.median(true)).mean()  # noqa: F821

# %% q6: predictions off the scale
forwards = true + 3  # noqa: F821
backwards = true.mean() - (true - true.mean()) / 500  # noqa: F821
floor = true.std()  # noqa: F821

# %% q6: somebody else's ratings
forwards = 0.5 + np.array([4.5, 2.0, 3.5, 5.0, 1.0, 3.2]) / 100
backwards = 3.2 - np.array([4.5, 2.0, 3.5, 5.0, 1.0, 3.2]) / 100
floor = np.std([4.5, 2.0, 3.5, 5.0, 1.0, 3.2])

# %% q6: RIGHT
ranks = torch.tensor(true).argsort().argsort()  # noqa: F821
forwards = 4.5 + ranks / 100
if float(((forwards - torch.tensor(true)) ** 2).mean()) <= 4:  # noqa: F821
    forwards = 0.6 + ranks / 1000
mean = sum(true) / 6  # noqa: F821
backwards = [mean - float(rank - 2.5) / 1000 for rank in ranks]
floor = (sum((t - mean) ** 2 for t in true) / 6) ** 0.5  # noqa: F821
