"""Wrong solutions of assignment 1, and right ones in another style.

A cell is `# %% question: what is wrong`, or `# %% question: RIGHT`. It takes
the place of the cell of the student's notebook that defines the same names.
"""

import numpy as np


# %% q1: density taken for sparsity, as in a report on MovieLens 1M
def ratings_range(users, items, sparsity, decimals):
    cells, half = users * items, 0.5 * 10.0**-decimals
    low = np.ceil(cells * (sparsity - half) / 100)
    high = np.floor(cells * (sparsity + half) / 100)
    return max(0, int(low)), min(cells, int(high))


# %% q1: no interval, the printed figure taken as exact
def ratings_range(users, items, sparsity, decimals):
    n = round(users * items * (1 - sparsity / 100))
    return n, n


# %% q1: percent taken for a fraction
def ratings_range(users, items, sparsity, decimals):
    cells, half = users * items, 0.5 * 10.0**-decimals
    low, high = cells * (1 - sparsity - half), cells * (1 - sparsity + half)
    return max(0, int(np.ceil(low))), min(cells, int(np.floor(high)))


# %% q1: a whole unit of the last digit to either side
def ratings_range(users, items, sparsity, decimals):
    cells, unit = users * items, 10.0**-decimals
    low = np.ceil(cells * (100 - sparsity - unit) / 100)
    high = np.floor(cells * (100 - sparsity + unit) / 100)
    return max(0, int(low)), min(cells, int(high))


# %% q1: both ends rounded to the nearest
def ratings_range(users, items, sparsity, decimals):
    cells, half = users * items, 0.5 * 10.0**-decimals
    low = round(cells * (100 - sparsity - half) / 100)
    high = round(cells * (100 - sparsity + half) / 100)
    return max(0, low), min(cells, high)


# %% q1: no bounds, so that there may be fewer ratings than none
def ratings_range(users, items, sparsity, decimals):
    cells, half = users * items, 0.5 * 10.0**-decimals
    low = cells * (100 - sparsity - half) / 100
    high = cells * (100 - sparsity + half) / 100
    return int(np.ceil(low)), int(np.floor(high))


# %% q1: RIGHT
def ratings_range(users, items, sparsity, decimals):
    def prints(n):
        off = 100 * (1 - n / (users * items)) - sparsity
        return abs(off) <= 0.5 * 10**-decimals + 1e-12

    low = high = round(users * items * (1 - sparsity / 100))
    while low > 0 and prints(low - 1):
        low -= 1
    while high < users * items and prints(high + 1):
        high += 1
    return low, high


# %% q2: rows without ratings left out
def to_csr(rows, cols, values, shape):
    order = np.lexsort((cols, rows))
    _, counts = np.unique(rows, return_counts=True)
    indptr = np.concatenate([[0], counts.cumsum()])
    return indptr, np.asarray(cols)[order], np.asarray(values)[order]


# %% q2: through a dense matrix, zero as the mark for missing
def to_csr(rows, cols, values, shape):
    dense = np.zeros(shape)
    dense[rows, cols] = values
    r, c = np.nonzero(dense)
    counts = np.bincount(r, minlength=shape[0])
    return np.concatenate([[0], counts.cumsum()]), c, dense[r, c]


# %% q2: sorted by row only
def to_csr(rows, cols, values, shape):
    order = np.argsort(rows, kind="stable")
    counts = np.bincount(rows, minlength=shape[0])
    indptr = np.concatenate([[0], counts.cumsum()])
    return indptr, np.asarray(cols)[order], np.asarray(values)[order]


# %% q2: the values stay in the order in which they came
def to_csr(rows, cols, values, shape):
    order = np.lexsort((cols, rows))
    counts = np.bincount(rows, minlength=shape[0])
    indptr = np.concatenate([[0], counts.cumsum()])
    return indptr, np.asarray(cols)[order], np.asarray(values)


# %% q2: no zero at the start
def to_csr(rows, cols, values, shape):
    order = np.lexsort((cols, rows))
    indptr = np.bincount(rows, minlength=shape[0]).cumsum()
    return indptr, np.asarray(cols)[order], np.asarray(values)[order]


# %% q2: as many rows as the last rating needs
def to_csr(rows, cols, values, shape):
    order = np.lexsort((cols, rows))
    indptr = np.concatenate([[0], np.bincount(rows).cumsum()])
    return indptr, np.asarray(cols)[order], np.asarray(values)[order]


# %% q2: columns for rows, which a square matrix would hide
def to_csr(rows, cols, values, shape):
    order = np.lexsort((rows, cols))
    counts = np.bincount(cols, minlength=shape[1])
    indptr = np.concatenate([[0], counts.cumsum()])
    return indptr, np.asarray(rows)[order], np.asarray(values)[order]


# %% q2: values made whole numbers, as half stars were in a public matrix
def to_csr(rows, cols, values, shape):
    order = np.lexsort((cols, rows))
    counts = np.bincount(rows, minlength=shape[0])
    indptr = np.concatenate([[0], counts.cumsum()])
    kept = np.asarray(values)[order].astype(int)
    return indptr, np.asarray(cols)[order], kept


# %% q2: RIGHT
def to_csr(rows, cols, values, shape):
    lists = [[] for _ in range(shape[0])]
    for row, col, value in zip(rows, cols, values, strict=True):
        lists[row].append((col, value))
    indptr, indices, kept = [0], [], []
    for entries in lists:
        for col, value in sorted(entries):
            indices.append(col)
            kept.append(value)
        indptr.append(len(indices))
    return indptr, indices, kept


# %% q3: nothing changes
density = {
    "half the ratings": "stays",
    "half the users": "stays",
    "half the users, empty columns out": "stays",
    "silent users": "stays",
    "10-core": "stays",
    "twins": "stays",
}

# %% q3: fewer users, so fewer ratings, so less density
density = {
    "half the ratings": "falls",
    "half the users": "falls",
    "half the users, empty columns out": "falls",
    "silent users": "falls",
    "10-core": "rises",
    "twins": "falls",
}

# %% q3: the number of ratings taken for the density
density = {
    "half the ratings": "falls",
    "half the users": "falls",
    "half the users, empty columns out": "falls",
    "silent users": "stays",
    "10-core": "falls",
    "twins": "stays",
}

# %% q3: density and sparsity exchanged
density = {
    "half the ratings": "rises",
    "half the users": "stays",
    "half the users, empty columns out": "falls",
    "silent users": "rises",
    "10-core": "falls",
    "twins": "rises",
}

# %% q3: empty columns forgotten
density = {
    "half the ratings": "falls",
    "half the users": "stays",
    "half the users, empty columns out": "stays",
    "silent users": "falls",
    "10-core": "rises",
    "twins": "falls",
}

# %% q3: a twin column thought to be as full as the first
density = {
    "half the ratings": "falls",
    "half the users": "stays",
    "half the users, empty columns out": "rises",
    "silent users": "falls",
    "10-core": "rises",
    "twins": "stays",
}

# %% q3: RIGHT
density = dict(
    zip(
        [
            "half the ratings",
            "half the users",
            "half the users, empty columns out",
            "silent users",
            "10-core",
            "twins",
        ],
        ["falls", "stays", "rises", "falls", "rises", "falls"],
        strict=True,
    )
)


# %% q4: divided by what is seen, in place of all cells
def weighted_means(X, seen, P):
    weights = 1 / P[seen]
    total = (X[seen] * weights).sum()
    return total / seen.sum(), total / weights.sum()


# %% q4: weighted by the propensity, not by its inverse
def weighted_means(X, seen, P):
    total = (X[seen] * P[seen]).sum()
    return total / X.size, total / P[seen].sum()


# %% q4: nan times zero
def weighted_means(X, seen, P):
    total = (seen * X / P).sum()
    return total / X.size, total / (seen / P).sum()


# %% q4: all cells in the sum of the weights
def weighted_means(X, seen, P):
    total = (X[seen] / P[seen]).sum()
    return total / X.size, total / (1 / P).sum()


# %% q4: the mean propensity for every cell
def weighted_means(X, seen, P):
    total = X[seen].sum() / P.mean()
    return total / X.size, X[seen].mean()


# %% q4: the naive mean, scaled by the expected number of ratings
def weighted_means(X, seen, P):
    return X[seen].sum() / P.sum(), X[seen].mean()


# %% q4: the mean of the means of the users
def weighted_means(X, seen, P):
    ipw, normalised = [], []
    for x, o, p in zip(X, seen, P, strict=True):
        total = (x[o] / p[o]).sum()
        ipw.append(total / len(x))
        normalised.append(total / max((1 / p[o]).sum(), 1e-9))
    return np.mean(ipw), np.mean(normalised)


# %% q4: RIGHT
def weighted_means(X, seen, P):
    total = weight = 0.0
    for u in range(len(X)):
        for i in range(len(X[0])):
            if seen[u][i]:
                total += X[u][i] / P[u][i]
                weight += 1 / P[u][i]
    return total / (len(X) * len(X[0])), total / weight


# %% q5: the two shares exchanged
def propensities(true, seen, density):
    chances = np.asarray(true) * density / np.asarray(seen)
    if (chances > 1).any():
        raise ValueError
    return chances


largest_density = min(seen_shares / true_shares)  # noqa: F821


# %% q5: the density forgotten
def propensities(true, seen, density):
    chances = np.asarray(seen) / np.asarray(true)
    if (chances > 1).any():
        raise ValueError
    return chances


largest_density = 1.0


# %% q5: chances that add up to one
def propensities(true, seen, density):
    chances = np.asarray(seen) / np.asarray(true)
    return chances / chances.sum()


largest_density = max(true_shares / seen_shares)  # noqa: F821


# %% q5: cut off at one in place of an error
def propensities(true, seen, density):
    return np.minimum(np.asarray(seen) * density / np.asarray(true), 1)


largest_density = min(true_shares / seen_shares)  # noqa: F821


# %% q5: scaled so that the plain mean is the density
def propensities(true, seen, density):
    ratio = np.asarray(seen) / np.asarray(true)
    chances = ratio * density / ratio.mean()
    if (chances > 1).any():
        raise ValueError
    return chances


largest_density = np.mean(true_shares / seen_shares)  # noqa: F821


# %% q5: the share of the seen ratings for the chance of being seen
def propensities(true, seen, density):
    chances = np.asarray(seen) * density
    if (chances > 1).any():
        raise ValueError
    return chances


largest_density = 1 / max(seen_shares)  # noqa: F821


# %% q5: RIGHT
def propensities(true, seen, density):
    found = []
    for t, s in zip(true, seen, strict=True):
        if s * density > t:
            raise ValueError(f"more than all of {t} would be seen")
        found.append(s * density / t)
    return found


largest_density = 1.0
for t, s in zip(true_shares, seen_shares, strict=True):  # noqa: F821
    largest_density = min(largest_density, t / s)
