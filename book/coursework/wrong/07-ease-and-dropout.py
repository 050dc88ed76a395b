"""Wrong solutions of assignment 7, and right ones in another style.

A cell is `# %% question: what is wrong`, or `# %% question: RIGHT`. It takes
the place of the cell of the student's notebook that defines the same names.
"""

from itertools import product

import numpy as np
import torch


# %% q1: rows divided in place of columns, which gives the transpose
def ease(X, l2, dropout=0.0):
    x = (X.toarray() != 0).astype(float)
    A = x.T @ x
    A += np.diag(dropout / (1 - dropout) * A.diagonal() + l2)
    P = np.linalg.inv(A)
    B = -P / P.diagonal()[:, None]
    np.fill_diagonal(B, 0)
    return B


# %% q1: ratings in place of events
def ease(X, l2, dropout=0.0):
    A = (X.T @ X).toarray().astype(float)
    A += np.diag(dropout / (1 - dropout) * A.diagonal() + l2)
    P = np.linalg.inv(A)
    B = -P / P.diagonal()
    np.fill_diagonal(B, 0)
    return B


# %% q1: the caller's ratings overwritten by ones
def ease(X, l2, dropout=0.0):
    X.data[:] = 1
    A = (X.T @ X).toarray().astype(float)
    A += np.diag(dropout / (1 - dropout) * A.diagonal() + l2)
    P = np.linalg.inv(A)
    B = -P / P.diagonal()
    np.fill_diagonal(B, 0)
    return B


# %% q1: an event is what is not zero
def ease(X, l2, dropout=0.0):
    x = (X.toarray() != 0).astype(float)
    A = x.T @ x
    A += np.diag(dropout / (1 - dropout) * A.diagonal() + l2)
    P = np.linalg.inv(A)
    B = -P / P.diagonal()
    np.fill_diagonal(B, 0)
    return B


# %% q1: the plain ridge regression, its diagonal struck off afterwards
def ease(X, l2, dropout=0.0):
    x = np.zeros(X.shape)
    x[X.nonzero()] = 1
    G = x.T @ x
    A = G + np.diag(dropout / (1 - dropout) * G.diagonal() + l2)
    B = np.linalg.solve(A, G)
    np.fill_diagonal(B, 0)
    return B


# %% q1: the input dropped once, at random, in place of the penalty
def ease(X, l2, dropout=0.0):
    events = X.tocoo()
    x = np.zeros(X.shape)
    x[events.row, events.col] = 1
    if dropout:
        rng = np.random.default_rng(0)
        x *= (rng.random(x.shape) >= dropout) / (1 - dropout)
    P = np.linalg.inv(x.T @ x + l2 * np.eye(X.shape[1]))
    B = -P / P.diagonal()
    np.fill_diagonal(B, 0)
    return B


# %% q1: p in place of p / (1 - p)
def ease(X, l2, dropout=0.0):
    events = X.tocoo()
    x = np.zeros(X.shape)
    x[events.row, events.col] = 1
    A = x.T @ x
    A += np.diag(dropout * A.diagonal() + l2)
    P = np.linalg.inv(A)
    B = -P / P.diagonal()
    np.fill_diagonal(B, 0)
    return B


# %% q1: the penalty shared among the users
def ease(X, l2, dropout=0.0):
    events = X.tocoo()
    x = np.zeros(X.shape)
    x[events.row, events.col] = 1
    A = x.T @ x / len(x)
    A += np.diag(dropout / (1 - dropout) * A.diagonal() + l2)
    P = np.linalg.inv(A)
    B = -P / P.diagonal()
    np.fill_diagonal(B, 0)
    return B


# %% q1: RIGHT
def ease(X, l2, dropout=0.0):
    num_users, num_items = X.shape
    x = torch.zeros(num_users, num_items)
    for u in range(num_users):
        for at in range(X.indptr[u], X.indptr[u + 1]):
            x[u, int(X.indices[at])] = 1.0
    A = x.T @ x
    for j in range(num_items):
        A[j, j] += dropout / (1 - dropout) * A[j, j] + l2
    P = torch.cholesky_inverse(torch.linalg.cholesky(A))
    for j in range(num_items):
        column = -P[:, j] / P[j, j]
        column[j] = 0.0
        P[:, j] = column
    return P.numpy()


# %% q2: the diagonal written into EASE's weights
def pinned(G, l2, d):
    P = np.linalg.inv(G + l2 * np.eye(len(G)))
    B = -P / P.diagonal()
    np.fill_diagonal(B, d)
    return B, -2 * ((1 - d) / P.diagonal() - l2)


# %% q2: always zero on the diagonal
def pinned(G, l2, d):
    P = np.linalg.inv(G + l2 * np.eye(len(G)))
    B = np.eye(len(G)) - P / P.diagonal()
    return B, -2 * (1 / P.diagonal() - l2)


# %% q2: the sign of the Lagrangian's multiplier
def pinned(G, l2, d):
    P = np.linalg.inv(G + l2 * np.eye(len(G)))
    scale = (1 - d) / P.diagonal()
    return np.eye(len(G)) - P * scale, 2 * (scale - l2)


# %% q2: half the slope, the multiplier itself
def pinned(G, l2, d):
    P = np.linalg.inv(G + l2 * np.eye(len(G)))
    scale = (1 - d) / P.diagonal()
    return np.eye(len(G)) - P * scale, -(scale - l2)


# %% q2: multiplier and penalty not told apart
def pinned(G, l2, d):
    P = np.linalg.inv(G + l2 * np.eye(len(G)))
    scale = (1 - d) / P.diagonal()
    return np.eye(len(G)) - P * scale, -2 * scale


# %% q2: B does not follow, only the diagonal moves from the free minimum
def pinned(G, l2, d):
    P = np.linalg.inv(G + l2 * np.eye(len(G)))
    B = P @ G
    np.fill_diagonal(B, d)
    slope = 2 * ((G + l2 * np.eye(len(G))) @ B - G).diagonal()
    return B, slope


# %% q2: rows scaled in place of columns
def pinned(G, l2, d):
    P = np.linalg.inv(G + l2 * np.eye(len(G)))
    scale = (1 - d) / P.diagonal()
    return np.eye(len(G)) - P * scale[:, None], -2 * (scale - l2)


# %% q2: the diagonal taken off the target's weight, not off the target
def pinned(G, l2, d):
    P = np.linalg.inv(G + l2 * np.eye(len(G)))
    scale = 1 / P.diagonal() - d
    return np.eye(len(G)) - P * scale, -2 * (scale - l2)


# %% q2: RIGHT
def pinned(G, l2, d):
    G = torch.tensor(G, dtype=torch.float64)
    n = len(G)
    B, slope = torch.zeros(n, n, dtype=torch.float64), []
    for j in range(n):
        rest = [i for i in range(n) if i != j]
        B[j, j] = float(d[j])
        if rest:
            A = G[rest][:, rest] + l2 * torch.eye(n - 1)
            B[rest, j] = torch.linalg.solve(A, G[rest, j] * (1 - B[j, j]))
        error = G[j, j] - G[j] @ B[:, j]
        slope.append(float(-2 * error + 2 * l2 * B[j, j]))
    return B.numpy(), slope


# %% q3: the diagonal struck off, the rest kept
def from_ridge(F, l2):
    B = F.copy()
    np.fill_diagonal(B, 0)
    return B, l2 * F.diagonal() / (1 - F.diagonal())


# %% q3: rows divided in place of columns
def from_ridge(F, l2):
    own = F.diagonal().copy()
    B = F / (1 - own)[:, None]
    np.fill_diagonal(B, 0)
    return B, l2 * own / (1 - own)


# %% q3: divided by what the item says about itself
def from_ridge(F, l2):
    own = F.diagonal().copy()
    B = F / own
    np.fill_diagonal(B, 0)
    return B, l2 * (1 - own) / own


# %% q3: multiplied, as if EASE scaled the ridge regression down
def from_ridge(F, l2):
    own = F.diagonal().copy()
    B = F * (1 - own)
    np.fill_diagonal(B, 0)
    return B, l2 * own / (1 - own)


# %% q3: the least value with the penalty counted once more
def from_ridge(F, l2):
    own = F.diagonal().copy()
    B = F / (1 - own)
    np.fill_diagonal(B, 0)
    return B, l2 / (1 - own)


# %% q3: columns that add up to one
def from_ridge(F, l2):
    own = F.diagonal().copy()
    B = F.copy()
    np.fill_diagonal(B, 0)
    return B / B.sum(axis=0), l2 * own


# %% q3: the least value of the ridge regression, which may use the diagonal
def from_ridge(F, l2):
    own = F.diagonal().copy()
    B = F / (1 - own)
    np.fill_diagonal(B, 0)
    return B, l2 * own


# %% q3: RIGHT
def from_ridge(F, l2):
    # F = I - l2 P gives P, P gives G, and G gives everything.
    identity = torch.eye(len(F), dtype=torch.float64)
    P = (identity - torch.tensor(F)) / l2
    G = torch.linalg.inv(P) - l2 * identity
    B, least = torch.zeros_like(G), []
    for j in range(len(G)):
        rest = [i for i in range(len(G)) if i != j]
        A = G[rest][:, rest] + l2 * torch.eye(len(rest))
        B[rest, j] = torch.linalg.solve(A, G[rest, j])
        least.append(float(G[j, j] - G[j, rest] @ B[rest, j]))
    return B.numpy(), least


# %% q4: everything grows as it is fed
factor = {
    "inverse, items": f,  # noqa: F821
    "inverse, users": f,  # noqa: F821
    "Gram, events": f,  # noqa: F821
    "B, items": f,  # noqa: F821
    "scores, users": f,  # noqa: F821
    "penalty, users": f,  # noqa: F821
}

# %% q4: the inverse thought to be square, as its result is
factor = {
    "inverse, items": f**2,  # noqa: F821
    "inverse, users": 1,
    "Gram, events": f**2,  # noqa: F821
    "B, items": f**2,  # noqa: F821
    "scores, users": 1,
    "penalty, users": f,  # noqa: F821
}

# %% q4: users thought to enter the inverse
factor = {
    "inverse, items": f**3,  # noqa: F821
    "inverse, users": f,  # noqa: F821
    "Gram, events": f**2,  # noqa: F821
    "B, items": f**2,  # noqa: F821
    "scores, users": 1,
    "penalty, users": f,  # noqa: F821
}

# %% q4: events of a user thought to meet none of her others
factor = {
    "inverse, items": f**3,  # noqa: F821
    "inverse, users": 1,
    "Gram, events": f,  # noqa: F821
    "B, items": f**2,  # noqa: F821
    "scores, users": 1,
    "penalty, users": f,  # noqa: F821
}

# %% q4: the penalty thought to be a share
factor = {
    "inverse, items": f**3,  # noqa: F821
    "inverse, users": 1,
    "Gram, events": f**2,  # noqa: F821
    "B, items": f**2,  # noqa: F821
    "scores, users": 1,
    "penalty, users": 1,
}

# %% q4: neighbours among the training users looked up for each new one
factor = {
    "inverse, items": f**3,  # noqa: F821
    "inverse, users": 1,
    "Gram, events": f**2,  # noqa: F821
    "B, items": f**2,  # noqa: F821
    "scores, users": f,  # noqa: F821
    "penalty, users": f,  # noqa: F821
}

# %% q4: the answers for the factor of somebody else
factor = {
    "inverse, items": 8,
    "inverse, users": 1,
    "Gram, events": 4,
    "B, items": 4,
    "scores, users": 1,
    "penalty, users": 2,
}

# %% q4: RIGHT
powers = [3, 0, 2, 2, 0, 1]
names = [
    "inverse, items",
    "inverse, users",
    "Gram, events",
    "B, items",
    "scores, users",
    "penalty, users",
]
factor = {
    name: float(f) ** power  # noqa: F821
    for name, power in zip(names, powers, strict=True)
}


# %% q5: the expected input in place of the expected loss
def expected_loss(X, B, p, a, b):
    error = (X - X @ B) ** 2
    return float(((a * p + b * (1 - p)) * error).sum())


# %% q5: the penalty with the diagonal, whatever is kept
def expected_loss(X, B, p, a, b):
    loss = (X - X @ B) ** 2 + p / (1 - p) * (X**2 @ B**2)
    return float(((a * p + b * (1 - p)) * loss).sum())


# %% q5: the weights without the chances
def expected_loss(X, B, p, a, b):
    own = B.diagonal()
    others = B - np.diag(own)
    left = X - X @ others
    spread = p / (1 - p) * (X @ others**2)
    dropped, kept = left**2 + spread, (left - X * own / (1 - p)) ** 2 + spread
    return float((a * dropped + b * kept).sum())


# %% q5: a kept input is not divided by 1 - p
def expected_loss(X, B, p, a, b):
    own = B.diagonal()
    others = B - np.diag(own)
    left = X - (1 - p) * X @ others
    spread = p * (1 - p) * (X @ others**2)
    dropped, kept = left**2 + spread, (left - X * own) ** 2 + spread
    return float((a * p * dropped + b * (1 - p) * kept).sum())


# %% q5: a kept position brings its mean, not what was kept
def expected_loss(X, B, p, a, b):
    own = B.diagonal()
    others = B - np.diag(own)
    left = X - X @ others
    spread = p / (1 - p) * (X @ others**2)
    dropped, kept = left**2 + spread, (left - X * own) ** 2 + spread
    return float((a * p * dropped + b * (1 - p) * kept).sum())


# %% q5: a thousand masks in place of all
def expected_loss(X, B, p, a, b):
    rng, total = np.random.default_rng(0), 0.0
    for _ in range(1000):
        kept = rng.random(X.shape) >= p
        error = (X - (X * kept / (1 - p)) @ B) ** 2
        total += (np.where(kept, b, a) * error).sum()
    return total / 1000


# %% q5: a and b exchanged
def expected_loss(X, B, p, a, b):
    own = B.diagonal()
    others = B - np.diag(own)
    left = X - X @ others
    spread = p / (1 - p) * (X @ others**2)
    dropped, kept = left**2 + spread, (left - X * own / (1 - p)) ** 2 + spread
    return float((b * p * dropped + a * (1 - p) * kept).sum())


# %% q5: the variance of a mask that is not scaled up
def expected_loss(X, B, p, a, b):
    own = B.diagonal()
    others = B - np.diag(own)
    left = X - X @ others
    spread = p * (1 - p) * (X @ others**2)
    dropped, kept = left**2 + spread, (left - X * own / (1 - p)) ** 2 + spread
    return float((a * p * dropped + b * (1 - p) * kept).sum())


# %% q5: RIGHT
def expected_loss(X, B, p, a, b):
    total = 0.0
    for x in X:
        seen = [j for j in range(len(x)) if x[j]]
        for i in range(len(x)):
            rest = [j for j in seen if j != i]
            mean = sum(B[j][i] for j in rest)
            spread = sum(B[j][i] ** 2 for j in rest) * p / (1 - p)
            for own, chance, weight in ((0, p, a), (1 / (1 - p), 1 - p, b)):
                copied = own * B[i][i] if i in seen else 0
                error = x[i] - mean - copied
                total += chance * weight * (error**2 + spread)
    return total


# %% q6: she is added once more
def without(P, x):
    v = P @ x
    P = P - np.outer(v, v) / (1 + x @ v)
    B = -P / P.diagonal()
    np.fill_diagonal(B, 0)
    return B


# %% q6: the sign of the denominator
def without(P, x):
    v = P @ x
    P = P + np.outer(v, v) / (1 + x @ v)
    B = -P / P.diagonal()
    np.fill_diagonal(B, 0)
    return B


# %% q6: no denominator, the first step of a series
def without(P, x):
    v = P @ x
    P = P + np.outer(v, v)
    B = -P / P.diagonal()
    np.fill_diagonal(B, 0)
    return B


# %% q6: her own scores taken off her rows
def without(P, x):
    B = -P / P.diagonal()
    np.fill_diagonal(B, 0)
    return B - np.outer(x, x @ B) / max(x.sum(), 1)


# %% q6: her items struck off, so that others lose them as well
def without(P, x):
    B = -P / P.diagonal()
    np.fill_diagonal(B, 0)
    B[x > 0] = 0
    return B


# %% q6: back to the matrix and inverted again
def without(P, x):
    P = np.linalg.inv(np.linalg.inv(P) - np.outer(x, x))
    B = -P / P.diagonal()
    np.fill_diagonal(B, 0)
    return B


# %% q6: rows divided in place of columns
def without(P, x):
    v = P @ x
    P = P + np.outer(v, v) / (1 - x @ v)
    B = -P / P.diagonal()[:, None]
    np.fill_diagonal(B, 0)
    return B


# %% q6: RIGHT
def without(P, x):
    n = len(P)
    v = [sum(P[i][j] for j in range(n) if x[j]) for i in range(n)]
    left = 1 - sum(v[j] for j in range(n) if x[j])
    B = np.zeros((n, n))
    for i, j in product(range(n), repeat=2):
        if i != j:
            above = P[i][j] + v[i] * v[j] / left
            B[i, j] = -above / (P[j][j] + v[j] ** 2 / left)
    return B
