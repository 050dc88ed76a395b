"""Wrong solutions of assignment 4, and right ones in another style.

A cell is `# %% question: what is wrong`, or `# %% question: RIGHT`. It takes
the place of the cell of the student's notebook that defines the same names.
"""

import numpy as np
import torch


# %% q1: no mask, empty cells are ratings of 0
def gradients(R, seen, V, W, mu, b, l2):
    z = 1 / (1 + np.exp(-(R @ V.T + mu)))
    error = z @ W.T + b - R
    loss = (error**2).sum() + l2 / 2 * ((W**2).sum() + (V**2).sum())
    back = 2 * (error @ W) * z * (1 - z)
    found = {"V": back.T @ R + l2 * V, "W": 2 * error.T @ z + l2 * W}
    return loss, found | {"mu": back.sum(0), "b": 2 * error.sum(0)}


# %% q1: what is not zero taken for what is seen
def gradients(R, seen, V, W, mu, b, l2):
    z = 1 / (1 + np.exp(-(R @ V.T + mu)))
    error = (z @ W.T + b - R) * (R != 0)
    loss = (error**2).sum() + l2 / 2 * ((W**2).sum() + (V**2).sum())
    back = 2 * (error @ W) * z * (1 - z)
    found = {"V": back.T @ R + l2 * V, "W": 2 * error.T @ z + l2 * W}
    return loss, found | {"mu": back.sum(0), "b": 2 * error.sum(0)}


# %% q1: the derivative of the sigmoid forgotten
def gradients(R, seen, V, W, mu, b, l2):
    z = 1 / (1 + np.exp(-(R @ V.T + mu)))
    error = (z @ W.T + b - R) * seen
    loss = (error**2).sum() + l2 / 2 * ((W**2).sum() + (V**2).sum())
    back = 2 * (error @ W)
    found = {"V": back.T @ R + l2 * V, "W": 2 * error.T @ z + l2 * W}
    return loss, found | {"mu": back.sum(0), "b": 2 * error.sum(0)}


# %% q1: the offsets penalised as well
def gradients(R, seen, V, W, mu, b, l2):
    z = 1 / (1 + np.exp(-(R @ V.T + mu)))
    error = (z @ W.T + b - R) * seen
    weights = sum((w**2).sum() for w in (V, W, mu, b))
    back = 2 * (error @ W) * z * (1 - z)
    found = {"V": back.T @ R + l2 * V, "W": 2 * error.T @ z + l2 * W}
    found |= {"mu": back.sum(0) + l2 * mu, "b": 2 * error.sum(0) + l2 * b}
    return (error**2).sum() + l2 / 2 * weights, found


# %% q1: the penalty not halved, as in libraries
def gradients(R, seen, V, W, mu, b, l2):
    z = 1 / (1 + np.exp(-(R @ V.T + mu)))
    error = (z @ W.T + b - R) * seen
    loss = (error**2).sum() + l2 * ((W**2).sum() + (V**2).sum())
    back = 2 * (error @ W) * z * (1 - z)
    found = {"V": back.T @ R + 2 * l2 * V, "W": 2 * error.T @ z + 2 * l2 * W}
    return loss, found | {"mu": back.sum(0), "b": 2 * error.sum(0)}


# %% q1: the two of the square forgotten
def gradients(R, seen, V, W, mu, b, l2):
    z = 1 / (1 + np.exp(-(R @ V.T + mu)))
    error = (z @ W.T + b - R) * seen
    loss = (error**2).sum() + l2 / 2 * ((W**2).sum() + (V**2).sum())
    back = (error @ W) * z * (1 - z)
    found = {"V": back.T @ R + l2 * V, "W": error.T @ z + l2 * W}
    return loss, found | {"mu": back.sum(0), "b": error.sum(0)}


# %% q1: a mean over what is seen
def gradients(R, seen, V, W, mu, b, l2):
    n = seen.sum()
    z = 1 / (1 + np.exp(-(R @ V.T + mu)))
    error = (z @ W.T + b - R) * seen
    loss = (error**2).sum() / n + l2 / 2 * ((W**2).sum() + (V**2).sum())
    back = 2 / n * (error @ W) * z * (1 - z)
    found = {"V": back.T @ R + l2 * V, "W": 2 / n * error.T @ z + l2 * W}
    return loss, found | {"mu": back.sum(0), "b": 2 / n * error.sum(0)}


# %% q1: weights of V masked by all that the batch has not seen
def gradients(R, seen, V, W, mu, b, l2):
    z = 1 / (1 + np.exp(-(R @ V.T + mu)))
    error = (z @ W.T + b - R) * seen
    loss = (error**2).sum() + l2 / 2 * ((W**2).sum() + (V**2).sum())
    back = 2 * (error @ W) * z * (1 - z)
    found = {"V": back.T @ error + l2 * V, "W": 2 * error.T @ z + l2 * W}
    return loss, found | {"mu": back.sum(0), "b": 2 * error.sum(0)}


# %% q1: RIGHT
def gradients(R, seen, V, W, mu, b, l2):
    loss = l2 / 2 * (np.sum(V * V) + np.sum(W * W))
    dV, dW = l2 * V.astype(float), l2 * W.astype(float)
    dmu, db = np.zeros(len(mu)), np.zeros(len(b))
    for r, mine in zip(R, seen, strict=True):
        z = 1 / (1 + np.exp(-(V @ r + mu)))
        dz = np.zeros(len(mu))
        for j in np.flatnonzero(mine):
            e = W[j] @ z + b[j] - r[j]
            loss += e * e
            dW[j] += 2 * e * z
            db[j] += 2 * e
            dz += 2 * e * W[j]
        da = dz * z * (1 - z)
        dmu += da
        dV += np.outer(da, r)
    return loss, {"V": dV, "W": dW, "mu": dmu, "b": db}


# %% q2: the result of clipping thrown away
def predict(R, seen, known, V, W, mu, b, scale):
    h = 1 / (1 + np.exp(-(R @ V.T + mu))) @ W.T + b
    np.clip(h, *scale)
    h[:, ~known] = 3.0
    h[~seen.any(1)] = 3.0
    return h


# %% q2: clipped at the top only
def predict(R, seen, known, V, W, mu, b, scale):
    h = 1 / (1 + np.exp(-(R @ V.T + mu))) @ W.T + b
    h = np.minimum(h, scale[1])
    h[:, ~known] = 3.0
    h[~seen.any(1)] = 3.0
    return h


# %% q2: always clipped to 1 and 5
def predict(R, seen, known, V, W, mu, b, scale):
    h = np.clip(1 / (1 + np.exp(-(R @ V.T + mu))) @ W.T + b, 1, 5)
    h[:, ~known] = 3.0
    h[~seen.any(1)] = 3.0
    return h


# %% q2: a row of zeros taken for an empty one
def predict(R, seen, known, V, W, mu, b, scale):
    h = np.clip(1 / (1 + np.exp(-(R @ V.T + mu))) @ W.T + b, *scale)
    h[:, ~known] = 3.0
    h[~R.any(1)] = 3.0
    return h


# %% q2: no default for columns, as in public code
def predict(R, seen, known, V, W, mu, b, scale):
    h = np.clip(1 / (1 + np.exp(-(R @ V.T + mu))) @ W.T + b, *scale)
    h[~seen.any(1)] = 3.0
    return h


# %% q2: columns known from the rows that are read
def predict(R, seen, known, V, W, mu, b, scale):
    h = np.clip(1 / (1 + np.exp(-(R @ V.T + mu))) @ W.T + b, *scale)
    h[:, ~seen.any(0)] = 3.0
    h[~seen.any(1)] = 3.0
    return h


# %% q2: only cells that were seen are predicted
def predict(R, seen, known, V, W, mu, b, scale):
    h = np.clip(1 / (1 + np.exp(-(R @ V.T + mu))) @ W.T + b, *scale)
    h = h * seen
    h[:, ~known] = 3.0
    h[~seen.any(1)] = 3.0
    return h


# %% q2: the middle of the scale for the default
def predict(R, seen, known, V, W, mu, b, scale):
    h = np.clip(1 / (1 + np.exp(-(R @ V.T + mu))) @ W.T + b, *scale)
    h[:, ~known] = sum(scale) / 2
    h[~seen.any(1)] = sum(scale) / 2
    return h


# %% q2: RIGHT
def predict(R, seen, known, V, W, mu, b, scale):
    R, V, W, mu, b = (
        torch.as_tensor(np.asarray(x), dtype=torch.float64)
        for x in (R, V, W, mu, b)
    )
    rows = []
    for r, mine in zip(R, seen, strict=True):
        h = (W @ torch.sigmoid(V @ r + mu) + b).clamp(*scale)
        usable = torch.as_tensor(known) & bool(np.any(mine))
        rows.append(torch.where(usable, h, 3.0))
    return torch.stack(rows).numpy()


# %% q3: the unseen cell counts
change = {
    "unseen": "rises",
    "offsets": "rises",
    "all cells": "falls",
    "no mask": "rises",
    "clip": "falls",
    "newcomer": "stays",
}

# %% q3: empty cells thought to cost nothing
change = {
    "unseen": "stays",
    "offsets": "rises",
    "all cells": "stays",
    "no mask": "stays",
    "clip": "falls",
    "newcomer": "stays",
}

# %% q3: the newcomer's empty column is an error
change = {
    "unseen": "stays",
    "offsets": "rises",
    "all cells": "falls",
    "no mask": "rises",
    "clip": "falls",
    "newcomer": "rises",
}

# %% q3: clipping thought to distort
change = {
    "unseen": "stays",
    "offsets": "rises",
    "all cells": "falls",
    "no mask": "rises",
    "clip": "rises",
    "newcomer": "stays",
}

# %% q3: a penalty thought to make a loss smaller
change = {
    "unseen": "stays",
    "offsets": "falls",
    "all cells": "falls",
    "no mask": "rises",
    "clip": "falls",
    "newcomer": "stays",
}

# %% q3: more cells thought to be more error
change = {
    "unseen": "stays",
    "offsets": "rises",
    "all cells": "rises",
    "no mask": "rises",
    "clip": "falls",
    "newcomer": "stays",
}

# %% q3: RIGHT
names = ["unseen", "newcomer", "offsets", "no mask", "all cells", "clip"]
words = [word for word in ("stays", "rises", "falls") for _ in range(2)]
change = dict(zip(names, words, strict=True))


# %% q4: the same lambda everywhere
def same_penalty(l2, convention, n, N):
    return l2


rmse = printed**0.5  # noqa: F821


# %% q4: a half for the halves
def same_penalty(l2, convention, n, N):
    below = {"paper": 1, "halves": 2, "mean": 2 * n, "decay": N}
    return l2 / below[convention]


rmse = (printed * users * items / tested) ** 0.5  # noqa: F821


# %% q4: the half of the paper forgotten beside the mean
def same_penalty(l2, convention, n, N):
    below = {"paper": 1, "halves": 4, "mean": n, "decay": N}
    return l2 / below[convention]


rmse = (printed * users * items / tested) ** 0.5  # noqa: F821


# %% q4: weight decay taken for the factor of the squares
def same_penalty(l2, convention, n, N):
    below = {"paper": 1, "halves": 4, "mean": 2 * n, "decay": 2 * N}
    return l2 / below[convention]


rmse = (printed * users * items / tested) ** 0.5  # noqa: F821


# %% q4: the ratings in place of the cells
def same_penalty(l2, convention, n, N):
    below = {"paper": 1, "halves": 4, "mean": 2 * n, "decay": n}
    return l2 / below[convention]


rmse = (printed * users * items / tested) ** 0.5  # noqa: F821


# %% q4: the root of the printed mean
def same_penalty(l2, convention, n, N):
    below = {"paper": 1, "halves": 4, "mean": 2 * n, "decay": N}
    return l2 / below[convention]


rmse = printed**0.5  # noqa: F821


# %% q4: divided by users in place of ratings, as in a report
def same_penalty(l2, convention, n, N):
    below = {"paper": 1, "halves": 4, "mean": 2 * n, "decay": N}
    return l2 / below[convention]


rmse = (printed * users * items / users) ** 0.5  # noqa: F821


# %% q4: no root
def same_penalty(l2, convention, n, N):
    below = {"paper": 1, "halves": 4, "mean": 2 * n, "decay": N}
    return l2 / below[convention]


rmse = printed * users * items / tested  # noqa: F821


# %% q4: RIGHT
def same_penalty(l2, convention, n, N):
    # (weight of S, derivative of the penalty by w, over lambda w)
    error, pull = {
        "paper": (1.0, 1.0),
        "halves": (0.5, 2.0),
        "mean": (1 / n, 2.0),
        "decay": (1 / N, 1.0),
    }[convention]
    return l2 * error / pull


density = tested / (users * items)  # noqa: F821
rmse = np.sqrt(printed / density)  # noqa: F821


# %% q5: everything is right
def sound(loss):
    return True


# %% q5: nothing is right
def sound(loss):
    return False


# %% q5: the value only, and no empty cell
def sound(loss):
    R, predicted = torch.rand(3, 4) * 5, torch.rand(3, 4) * 5
    value = loss(R, torch.ones(3, 4, dtype=torch.bool), predicted)
    return bool(torch.isclose(value, (R - predicted).square().sum() / 3))


# %% q5: value and gradient, but zero in empty cells and no rating of zero
def sound(loss):
    generator = torch.Generator().manual_seed(1)
    R = torch.randint(1, 6, (4, 6), generator=generator).float()
    seen = torch.rand(4, 6, generator=generator) < 0.5
    R[~seen] = 0.0
    predicted = torch.rand(4, 6, generator=generator, requires_grad=True)
    value = loss(R, seen, predicted)
    gap = (predicted.detach() - R) * seen
    if not torch.isclose(value, gap.square().sum() / 4):
        return False
    value.backward()
    return torch.allclose(predicted.grad, gap / 2)


# %% q5: the value with nan in empty cells, the gradient never
def sound(loss):
    generator = torch.Generator().manual_seed(1)
    R = torch.randint(0, 6, (4, 6), generator=generator).float()
    seen = torch.rand(4, 6, generator=generator) < 0.5
    R[~seen] = float("nan")
    predicted = torch.rand(4, 6, generator=generator)
    value = loss(R.clone(), seen.clone(), predicted.clone())
    right = (R[seen] - predicted[seen]).square().sum() / 4
    return bool(torch.isclose(value, right))


# %% q5: does not change when unseen predictions change
def sound(loss):
    R, seen = torch.ones(3, 4), torch.eye(3, 4, dtype=torch.bool)
    first, other = torch.zeros(3, 4), torch.zeros(3, 4)
    other[~seen] = 7.0
    return bool(loss(R, seen, first) == loss(R, seen, other))


# %% q5: a square matrix
def sound(loss):
    generator = torch.Generator().manual_seed(1)
    R = torch.randint(0, 6, (5, 5), generator=generator).float()
    seen = torch.rand(5, 5, generator=generator) < 0.5
    R[~seen] = float("nan")
    predicted = torch.rand(5, 5, generator=generator, requires_grad=True)
    value = loss(R.clone(), seen, predicted)
    gap = torch.where(seen, predicted.detach() - R, 0.0)
    if not torch.isclose(value, gap.square().sum() / 5):
        return False
    value.backward()
    return torch.allclose(predicted.grad, 2 * gap / 5)


# %% q5: demands a mean over what is seen
def sound(loss):
    generator = torch.Generator().manual_seed(1)
    R = torch.rand(4, 6, generator=generator)
    seen = torch.rand(4, 6, generator=generator) < 0.5
    value = loss(R, seen, torch.zeros(4, 6))
    return bool(torch.isclose(value, R[seen].square().mean()))


# %% q5: RIGHT
def sound(loss):
    def once(row, mine, guess, value, slope):
        nan = float("nan")
        R = torch.tensor(row).where(torch.tensor(mine), nan)
        seen, p = torch.tensor(mine), torch.tensor(guess, requires_grad=True)
        kept = R.clone()
        out = loss(R, seen, p)
        out.backward()
        same = torch.equal(kept.isnan(), R.isnan())
        close = abs(out.item() - value) < 1e-5
        return same and close and (p.grad - torch.tensor(slope)).norm() < 1e-5

    yes, no = True, False
    try:
        return bool(
            once([[4.0, 0.0]], [[yes, no]], [[1.0, 2.0]], 9.0, [[-6.0, 0.0]])
            and once([[0.0, 2.0]], [[yes, no]], [[3.0, 2.0]], 9.0, [[6.0, 0.0]])
            and once(
                [[1.0, 0.0, 5.0], [2.0, 2.0, 2.0]],
                [[yes, yes, yes], [no, no, no]],
                [[1.0, 1.0, 1.0], [3.0, 4.0, 5.0]],
                8.5,
                [[0.0, 1.0, -4.0], [0.0, 0.0, 0.0]],
            )
        )
    except RuntimeError:
        return False


# %% q6: only the weights of one layer
def cold(train_users, train_items, test_users, test_items, shape, hidden):
    users, items = set(train_users.tolist()), set(train_items.tolist())
    pairs = zip(test_users.tolist(), test_items.tolist(), strict=True)
    default = sum(u not in users or i not in items for u, i in pairs)
    no_user, no_item = shape[0] - len(users), shape[1] - len(items)
    return {"I": hidden * no_user, "U": hidden * no_item, "default": default}


found = cold(
    train.row_ids,  # noqa: F821
    train.indices,  # noqa: F821
    held_out.row_ids,  # noqa: F821
    held_out.indices,  # noqa: F821
    train.shape,  # noqa: F821
    100,
)


# %% q6: the offset forgotten
def cold(train_users, train_items, test_users, test_items, shape, hidden):
    users, items = set(train_users.tolist()), set(train_items.tolist())
    pairs = zip(test_users.tolist(), test_items.tolist(), strict=True)
    default = sum(u not in users or i not in items for u, i in pairs)
    no_user, no_item = shape[0] - len(users), shape[1] - len(items)
    each = 2 * hidden
    return {"I": each * no_user, "U": each * no_item, "default": default}


found = cold(
    train.row_ids,  # noqa: F821
    train.indices,  # noqa: F821
    held_out.row_ids,  # noqa: F821
    held_out.indices,  # noqa: F821
    train.shape,  # noqa: F821
    100,
)


# %% q6: items and users exchanged
def cold(train_users, train_items, test_users, test_items, shape, hidden):
    users, items = set(train_users.tolist()), set(train_items.tolist())
    pairs = zip(test_users.tolist(), test_items.tolist(), strict=True)
    default = sum(u not in users or i not in items for u, i in pairs)
    no_user, no_item = shape[0] - len(users), shape[1] - len(items)
    each = 2 * hidden + 1
    return {"I": each * no_item, "U": each * no_user, "default": default}


found = cold(
    train.row_ids,  # noqa: F821
    train.indices,  # noqa: F821
    held_out.row_ids,  # noqa: F821
    held_out.indices,  # noqa: F821
    train.shape,  # noqa: F821
    100,
)


# %% q6: the default only where both are unknown
def cold(train_users, train_items, test_users, test_items, shape, hidden):
    users, items = set(train_users.tolist()), set(train_items.tolist())
    pairs = zip(test_users.tolist(), test_items.tolist(), strict=True)
    default = sum(u not in users and i not in items for u, i in pairs)
    no_user, no_item = shape[0] - len(users), shape[1] - len(items)
    each = 2 * hidden + 1
    return {"I": each * no_user, "U": each * no_item, "default": default}


found = cold(
    train.row_ids,  # noqa: F821
    train.indices,  # noqa: F821
    held_out.row_ids,  # noqa: F821
    held_out.indices,  # noqa: F821
    train.shape,  # noqa: F821
    100,
)


# %% q6: the highest number that occurs taken for the number of rows
def cold(train_users, train_items, test_users, test_items, shape, hidden):
    users, items = set(train_users.tolist()), set(train_items.tolist())
    pairs = zip(test_users.tolist(), test_items.tolist(), strict=True)
    default = sum(u not in users or i not in items for u, i in pairs)
    no_user = max(users) + 1 - len(users)
    no_item = max(items) + 1 - len(items)
    each = 2 * hidden + 1
    return {"I": each * no_user, "U": each * no_item, "default": default}


found = cold(
    train.row_ids,  # noqa: F821
    train.indices,  # noqa: F821
    held_out.row_ids,  # noqa: F821
    held_out.indices,  # noqa: F821
    train.shape,  # noqa: F821
    100,
)


# %% q6: unknown items counted, not their test ratings
def cold(train_users, train_items, test_users, test_items, shape, hidden):
    users, items = set(train_users.tolist()), set(train_items.tolist())
    no_user, no_item = shape[0] - len(users), shape[1] - len(items)
    new = set(test_users.tolist()) - users, set(test_items.tolist()) - items
    each = 2 * hidden + 1
    default = len(new[0]) + len(new[1])
    return {"I": each * no_user, "U": each * no_item, "default": default}


found = cold(
    train.row_ids,  # noqa: F821
    train.indices,  # noqa: F821
    held_out.row_ids,  # noqa: F821
    held_out.indices,  # noqa: F821
    train.shape,  # noqa: F821
    100,
)


# %% q6: known means seen anywhere, the test included
def cold(train_users, train_items, test_users, test_items, shape, hidden):
    users = set(train_users.tolist()) | set(test_users.tolist())
    items = set(train_items.tolist()) | set(test_items.tolist())
    no_user, no_item = shape[0] - len(users), shape[1] - len(items)
    each = 2 * hidden + 1
    return {"I": each * no_user, "U": each * no_item, "default": 0}


found = cold(
    train.row_ids,  # noqa: F821
    train.indices,  # noqa: F821
    held_out.row_ids,  # noqa: F821
    held_out.indices,  # noqa: F821
    train.shape,  # noqa: F821
    100,
)


# %% q6: RIGHT
def cold(train_users, train_items, test_users, test_items, shape, hidden):
    users, items = set(train_users.tolist()), set(train_items.tolist())
    default = 0
    for u, i in zip(test_users.tolist(), test_items.tolist(), strict=True):
        default += u not in users or i not in items
    weights = hidden + hidden  # a column of V and a row of W
    return {
        "I": (shape[0] - len(users)) * (weights + 1),
        "U": (shape[1] - len(items)) * (weights + 1),
        "default": default,
    }


found = cold(
    train.row_ids,  # noqa: F821
    train.indices,  # noqa: F821
    held_out.row_ids,  # noqa: F821
    held_out.indices,  # noqa: F821
    train.shape,  # noqa: F821
    100,
)
