"""Wrong solutions of assignment 5, and right ones in another style.

A cell is `# %% question: what is wrong`, or `# %% question: RIGHT`. It takes
the place of the cell of the student's notebook that defines the same names.
"""

from itertools import pairwise, product

import numpy as np
import torch


# %% q1: no offsets
def parameters(items, hidden, tied):
    pairs = zip(pairwise([items, *hidden]), tied, strict=True)
    return sum((2 - once) * a * b for (a, b), once in pairs)


widest = 256


# %% q1: what is tied is halved, offsets too
def parameters(items, hidden, tied):
    pairs = zip(pairwise([items, *hidden]), tied, strict=True)
    return sum((2 * a * b + a + b) // (1 + once) for (a, b), once in pairs)


widest = 256


# %% q1: the encoder alone
def parameters(items, hidden, tied):
    return sum(a * b + b for a, b in pairwise([items, *hidden]))


widest = 129


# %% q1: tying forgotten
def parameters(items, hidden, tied):
    return sum(2 * a * b + a + b for a, b in pairwise([items, *hidden]))


widest = 128


# %% q1: all or nothing, as in the chapter; a list that is not empty is true
def parameters(items, hidden, tied):
    pairs = list(pairwise([items, *hidden]))
    weights = sum(a * b for a, b in pairs)
    return (1 if tied else 2) * weights + sum(a + b for a, b in pairs)


widest = 255


# %% q1: all or nothing, tied if any matrix is
def parameters(items, hidden, tied):
    pairs = list(pairwise([items, *hidden]))
    weights = sum(a * b for a, b in pairs)
    return (1 if any(tied) else 2) * weights + sum(a + b for a, b in pairs)


widest = 255


# %% q1: counted in the order of the decoder
def parameters(items, hidden, tied):
    pairs = zip(pairwise([items, *hidden]), tied[::-1], strict=True)
    return sum((2 - once) * a * b + a + b for (a, b), once in pairs)


widest = 255


# %% q1: the list read as the whole network, with an output layer
def parameters(items, hidden, tied):
    pairs = list(pairwise([items, *hidden, items]))
    weights = sum(a * b for a, b in pairs)
    offsets = sum(b for _, b in pairs)
    return weights // 2 + offsets if all(tied) else weights + offsets


widest = 255


# %% q1: the last layer has no offsets
def parameters(items, hidden, tied):
    pairs = zip(pairwise([items, *hidden]), tied, strict=True)
    return sum((2 - once) * a * b + a + b for (a, b), once in pairs) - items


widest = 255


# %% q1: the right function, and twice as wide as the sentence says
def parameters(items, hidden, tied):
    pairs = zip(pairwise([items, *hidden]), tied, strict=True)
    return sum((2 - once) * a * b + a + b for (a, b), once in pairs)


widest = 256


# %% q1: RIGHT
def parameters(items, hidden, tied):
    layers = [items, *hidden, *hidden[-2::-1], items]
    own = [True] * len(hidden) + [not once for once in reversed(tied)]
    total = 0
    for (a, b), counted in zip(pairwise(layers), own, strict=True):
        total += b
        if counted:
            total += a * b
    return total


widest = (2 * 17_770 * 128 + 128) // (17_770 + 1)


# %% q2: the decoder's part twice, as if both were equal
def tied_parts(X, seen, W, b, c):
    Z = X @ W + b
    slope = 2 * seen * (Z @ W.T + c - X) / seen.sum()
    return slope.T @ Z, slope.T @ Z


# %% q2: the parts exchanged
def tied_parts(X, seen, W, b, c):
    Z = X @ W + b
    slope = 2 * seen * (Z @ W.T + c - X) / seen.sum()
    return slope.T @ Z, X.T @ (slope @ W)


# %% q2: no mask
def tied_parts(X, seen, W, b, c):
    Z = X @ W + b
    slope = 2 * (Z @ W.T + c - X) / seen.sum()
    return X.T @ (slope @ W), slope.T @ Z


# %% q2: the mask is "not zero"
def tied_parts(X, seen, W, b, c):
    Z, known = X @ W + b, X != 0
    slope = 2 * known * (Z @ W.T + c - X) / known.sum()
    return X.T @ (slope @ W), slope.T @ Z


# %% q2: a mean over users
def tied_parts(X, seen, W, b, c):
    Z = X @ W + b
    slope = 2 * seen * (Z @ W.T + c - X) / len(X)
    return X.T @ (slope @ W), slope.T @ Z


# %% q2: a mean over all cells
def tied_parts(X, seen, W, b, c):
    Z = X @ W + b
    slope = 2 * seen * (Z @ W.T + c - X) / X.size
    return X.T @ (slope @ W), slope.T @ Z


# %% q2: the factor of the square forgotten
def tied_parts(X, seen, W, b, c):
    Z = X @ W + b
    slope = seen * (Z @ W.T + c - X) / seen.sum()
    return X.T @ (slope @ W), slope.T @ Z


# %% q2: the code held constant, so that the encoder gets nothing
def tied_parts(X, seen, W, b, c):
    Z = X @ W + b
    slope = 2 * seen * (Z @ W.T + c - X) / seen.sum()
    return np.zeros_like(W), slope.T @ Z


# %% q2: no offset in the code
def tied_parts(X, seen, W, b, c):
    Z = X @ W
    slope = 2 * seen * (Z @ W.T + c - X) / seen.sum()
    return X.T @ (slope @ W), slope.T @ Z


# %% q2: RIGHT
def tied_parts(X, seen, W, b, c):
    encoder, decoder = np.zeros(W.shape), np.zeros(W.shape)
    known = [(u, i) for u, i in product(*map(range, X.shape)) if seen[u, i]]
    for u, i in known:
        z = [b[k] + X[u] @ W[:, k] for k in range(len(b))]
        out = sum(z[k] * W[i, k] for k in range(len(b))) + c[i]
        slope = 2 * (out - X[u, i]) / len(known)
        for k in range(len(b)):
            decoder[i, k] += slope * z[k]
            encoder[:, k] += slope * W[i, k] * X[u]
    return encoder, decoder


# %% q3: SELU thought unbounded below
reaches = {
    "sigmoid": "none",
    "relu": "all",
    "selu, centred": "all",
    "leaky relu, centred": "all",
    "tanh": "none",
    "tanh, scaled": "some",
}

# %% q3: the ends of tanh thought to be reached
reaches = {
    "sigmoid": "none",
    "relu": "all",
    "selu, centred": "some",
    "leaky relu, centred": "all",
    "tanh": "some",
    "tanh, scaled": "all",
}

# %% q3: sigmoid thought to reach one star
reaches = {
    "sigmoid": "some",
    "relu": "all",
    "selu, centred": "some",
    "leaky relu, centred": "all",
    "tanh": "some",
    "tanh, scaled": "some",
}

# %% q3: a faint slope taken for a bound
reaches = {
    "sigmoid": "none",
    "relu": "all",
    "selu, centred": "some",
    "leaky relu, centred": "some",
    "tanh": "none",
    "tanh, scaled": "some",
}

# %% q3: what trains badly thought to reach nothing
reaches = {
    "sigmoid": "none",
    "relu": "none",
    "selu, centred": "all",
    "leaky relu, centred": "all",
    "tanh": "none",
    "tanh, scaled": "none",
}

# %% q3: everything can be learnt
reaches = {
    "sigmoid": "all",
    "relu": "all",
    "selu, centred": "all",
    "leaky relu, centred": "all",
    "tanh": "all",
    "tanh, scaled": "all",
}

# %% q3: RIGHT
activations = {
    "sigmoid": torch.sigmoid,
    "relu": torch.relu,
    "selu": torch.selu,
    "leaky relu": torch.nn.functional.leaky_relu,
    "tanh": torch.tanh,
}
asked = {
    "": [1, 2, 3, 4, 5],
    "centred": [-2, -1, 0, 1, 2],
    "scaled": [-1, -0.5, 0, 0.5, 1],
}
reaches = {}
for name in [
    "sigmoid",
    "relu",
    "selu, centred",
    "leaky relu, centred",
    "tanh",
    "tanh, scaled",
]:
    kind, _, how = name.partition(", ")
    ends = torch.tensor([-1e3, 1e3], dtype=torch.float64)
    low, high = activations[kind](ends).tolist()
    # An end is a limit if the function is flat there, but ReLU reaches its 0.
    inside = [
        low < value < high or (kind == "relu" and value == 0)
        for value in asked[how]
    ]
    count = sum(inside)
    reaches[name] = "all" if count == 5 else "some" if count else "none"


# %% q4: the variance of a coin, p (1 - p), without the scaling
def dropout_loss(z, D, c, r, rated, p):
    error = D @ z + c - r
    return (error**2 + p * (1 - p) * (D**2 @ z**2))[rated].sum()


same_paths = my_p / my_layers  # noqa: F821


# %% q4: dropped and never scaled up
def dropout_loss(z, D, c, r, rated, p):
    error = (1 - p) * D @ z + c - r
    return (error**2 + p * (1 - p) * (D**2 @ z**2))[rated].sum()


same_paths = my_p ** (1 / my_layers)  # noqa: F821


# %% q4: the expected code in place of the expected square
def dropout_loss(z, D, c, r, rated, p):
    return ((D @ z + c - r)[rated] ** 2).sum()


same_paths = 1 - (1 - my_p) ** (1 / my_layers)  # noqa: F821


# %% q4: kept and dropped exchanged
def dropout_loss(z, D, c, r, rated, p):
    error = D @ z + c - r
    with np.errstate(divide="ignore"):
        spread = (1 - p) / np.float64(p) * (D**2 @ z**2)
    return (error**2 + spread)[rated].sum()


same_paths = (1 - my_p) ** (1 / my_layers)  # noqa: F821


# %% q4: all items, rated or not
def dropout_loss(z, D, c, r, rated, p):
    error = D @ z + c - r
    return (error**2 + p / (1 - p) * (D**2 @ z**2)).sum()


same_paths = 1 - (1 - my_p) ** (1 / my_layers)  # noqa: F821


# %% q4: the units thought to be dropped together
def dropout_loss(z, D, c, r, rated, p):
    error = D @ z + c - r
    return (error**2 + p / (1 - p) * (D @ z) ** 2)[rated].sum()


same_paths = 1 - (1 - my_p) ** (1 / my_layers)  # noqa: F821


# %% q4: a penalty on the code alone, as if the decoder were one
def dropout_loss(z, D, c, r, rated, p):
    error = (D @ z + c - r)[rated]
    return (error**2).sum() + p / (1 - p) * rated.sum() * (z**2).sum()


same_paths = my_p**my_layers  # noqa: F821


# %% q4: a mean over the rated items
def dropout_loss(z, D, c, r, rated, p):
    error = D @ z + c - r
    return (error**2 + p / (1 - p) * (D**2 @ z**2))[rated].mean()


same_paths = 0.2


# %% q4: a mean over two hundred draws
def dropout_loss(z, D, c, r, rated, p):
    rng = np.random.default_rng(0)
    kept = rng.random((200, len(z))) >= p
    out = (kept * z / (1 - p)) @ D.T + c
    return ((out - r)[:, rated] ** 2).sum(1).mean()


same_paths = 1 - (1 - my_p) ** (1 / my_layers)  # noqa: F821


# %% q4: RIGHT
def dropout_loss(z, D, c, r, rated, p):
    total = 0.0
    for mask in product([0.0, 1.0], repeat=len(z)):
        chance = 1.0
        for kept in mask:
            chance *= 1 - p if kept else p
        for i in range(len(D)):
            if rated[i]:
                out = c[i]
                for k in range(len(z)):
                    out += D[i, k] * mask[k] * z[k] / (1 - p)
                total += chance * (out - r[i]) ** 2
    return total


tried = np.arange(0, 1, 1e-5)
same_paths = tried[(1 - tried) ** my_layers >= 1 - my_p].max()  # noqa: F821


# %% q5: the target is not held constant
def train_step(model, optimizer, x, refeeds):
    losses, fed, wanted = [], x, x != 0
    for _ in range(1 + refeeds):
        loss = ((model(fed) - fed)[wanted] ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        fed = model(fed.detach())
        wanted = torch.ones_like(fed, dtype=torch.bool)
    return losses


# %% q5: re-fed at the rated cells only
def train_step(model, optimizer, x, refeeds):
    losses, fed, wanted = [], x, x != 0
    for _ in range(1 + refeeds):
        out = model(fed)
        loss = ((out - fed)[wanted] ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        fed = out.detach()
    return losses


# %% q5: what is fed is computed again after the update
def train_step(model, optimizer, x, refeeds):
    losses, fed, wanted = [], x, x != 0
    for _ in range(1 + refeeds):
        loss = ((model(fed) - fed)[wanted] ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        fed = model(fed).detach()
        wanted = torch.ones_like(fed, dtype=torch.bool)
    return losses


# %% q5: gradients of the passes pile up
def train_step(model, optimizer, x, refeeds):
    losses, fed, wanted = [], x, x != 0
    for _ in range(1 + refeeds):
        out = model(fed)
        loss = ((out - fed)[wanted] ** 2).mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        fed = out.detach()
        wanted = torch.ones_like(fed, dtype=torch.bool)
    return losses


# %% q5: one update for the sum of the losses
def train_step(model, optimizer, x, refeeds):
    losses, fed, wanted = [], x, x != 0
    for _ in range(1 + refeeds):
        out = model(fed)
        losses.append(((out - fed)[wanted] ** 2).mean())
        fed = out.detach()
        wanted = torch.ones_like(fed, dtype=torch.bool)
    optimizer.zero_grad()
    sum(losses).backward()
    optimizer.step()
    return [loss.item() for loss in losses]


# %% q5: the target stays the ratings
def train_step(model, optimizer, x, refeeds):
    losses, fed, wanted = [], x, x != 0
    for _ in range(1 + refeeds):
        out = model(fed)
        loss = ((out - x)[wanted] ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        fed = out.detach()
    return losses


# %% q5: the first output is fed again each time
def train_step(model, optimizer, x, refeeds):
    losses, fed, wanted = [], x, x != 0
    first = model(x).detach()
    for _ in range(1 + refeeds):
        loss = ((model(fed) - fed)[wanted] ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        fed, wanted = first, torch.ones_like(first, dtype=torch.bool)
    return losses


# %% q5: no mask in the first loss
def train_step(model, optimizer, x, refeeds):
    losses, fed = [], x
    for _ in range(1 + refeeds):
        out = model(fed)
        loss = ((out - fed) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        fed = out.detach()
    return losses


# %% q5: missing cells in the denominator
def train_step(model, optimizer, x, refeeds):
    losses, fed, wanted = [], x, (x != 0).float()
    for _ in range(1 + refeeds):
        out = model(fed)
        loss = (wanted * (out - fed) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        fed, wanted = out.detach(), torch.ones_like(x)
    return losses


# %% q5: RIGHT
def train_step(model, optimizer, x, refeeds):
    mask = (x != 0).to(x.dtype)
    out = model(x)
    loss = (mask * (out - x).pow(2)).sum() / mask.sum()
    model.zero_grad()
    loss.backward()
    optimizer.step()
    found = [float(loss.detach())]
    y = out.detach().clone()
    while len(found) < 1 + refeeds:
        out = model(y)
        loss = torch.nn.functional.mse_loss(out, y)
        model.zero_grad()
        loss.backward()
        optimizer.step()
        found.append(float(loss.detach()))
        y = out.detach().clone()
    return found


# %% q6: what is useless must cost something
no_loss = {
    "copy": False,
    "constant": False,
    "halfway": False,
    "projection": True,
    "longer": False,
    "untied": False,
    "mirror": False,
}

# %% q6: the length of W thought not to matter
no_loss = {
    "copy": True,
    "constant": True,
    "halfway": False,
    "projection": True,
    "longer": True,
    "untied": True,
    "mirror": False,
}

# %% q6: only tied weights thought to have fixed points
no_loss = {
    "copy": True,
    "constant": True,
    "halfway": False,
    "projection": True,
    "longer": False,
    "untied": False,
    "mirror": False,
}

# %% q6: twice the mirror is the row, so nothing seems lost
no_loss = {
    "copy": True,
    "constant": True,
    "halfway": False,
    "projection": True,
    "longer": False,
    "untied": True,
    "mirror": True,
}

# %% q6: a step towards the mean thought to arrive at once
no_loss = {
    "copy": True,
    "constant": True,
    "halfway": True,
    "projection": True,
    "longer": False,
    "untied": True,
    "mirror": False,
}

# %% q6: all of them
no_loss = dict.fromkeys(
    [
        "copy",
        "constant",
        "halfway",
        "projection",
        "longer",
        "untied",
        "mirror",
    ],
    True,
)

# %% q6: RIGHT
rng = np.random.default_rng(0)
Q, means = np.linalg.qr(rng.normal(size=(6, 2)))[0], rng.normal(size=6)
V = Q + np.linalg.svd(Q)[0][:, 2:4]
tried = {
    "copy": lambda x: x,
    "constant": lambda x: means,
    "halfway": lambda x: (x + means) / 2,
    "projection": lambda x: x @ Q @ Q.T,
    "longer": lambda x: 1.44 * x @ Q @ Q.T,
    "untied": lambda x: x @ V @ Q.T,
    "mirror": lambda x: 6 - x,
}
row = rng.normal(size=6)
no_loss = {
    name: bool(np.allclose(f(f(row)), f(row))) for name, f in tried.items()
}


# %% q7: an update has no way back
def multiplications(items, hidden, n, refeed, sparse):
    inner = 2 * sum(a * b for a, b in pairwise(hidden))
    read = n if sparse else items
    total = 2 * read * hidden[0] + inner
    if refeed:
        total += 2 * items * hidden[0] + inner
        total += ((n + items) * hidden[0] + inner) if sparse else 0
    return total


factor = multiplications(9724, my_hidden, 165, True, True)  # noqa: F821
factor /= multiplications(9724, my_hidden, 165, False, True)  # noqa: F821


# %% q7: the re-fed row thought as sparse as the ratings
def multiplications(items, hidden, n, refeed, sparse):
    inner = 2 * sum(a * b for a, b in pairwise(hidden))
    read = n if sparse else items
    return (2 if refeed else 1) * 3 * (2 * read * hidden[0] + inner)


factor = 2.0


# %% q7: the row to feed comes for nothing
def multiplications(items, hidden, n, refeed, sparse):
    inner = 2 * sum(a * b for a, b in pairwise(hidden))
    read = n if sparse else items
    total = 3 * (2 * read * hidden[0] + inner)
    if refeed:
        total += 3 * (2 * items * hidden[0] + inner)
    return total


factor = multiplications(9724, my_hidden, 165, True, True)  # noqa: F821
factor /= multiplications(9724, my_hidden, 165, False, True)  # noqa: F821


# %% q7: the row to feed is made with a backward pass, and in both programs
def multiplications(items, hidden, n, refeed, sparse):
    inner = 2 * sum(a * b for a, b in pairwise(hidden))
    read = n if sparse else items
    total = 3 * (2 * read * hidden[0] + inner)
    if refeed:
        total += 3 * (2 * items * hidden[0] + inner)
        total += 3 * ((read + items) * hidden[0] + inner)
    return total


factor = multiplications(9724, my_hidden, 165, True, True)  # noqa: F821
factor /= multiplications(9724, my_hidden, 165, False, True)  # noqa: F821


# %% q7: the decoder's inner layers forgotten
def multiplications(items, hidden, n, refeed, sparse):
    inner = sum(a * b for a, b in pairwise(hidden))
    read = n if sparse else items
    total = 3 * (2 * read * hidden[0] + inner)
    if refeed:
        total += 3 * (2 * items * hidden[0] + inner)
        total += ((n + items) * hidden[0] + inner) if sparse else 0
    return total


factor = 9724 / 165


# %% q7: a sparse input, but all outputs
def multiplications(items, hidden, n, refeed, sparse):
    inner = 2 * sum(a * b for a, b in pairwise(hidden))
    read = n if sparse else items
    total = 3 * ((read + items) * hidden[0] + inner)
    if refeed:
        total += 3 * (2 * items * hidden[0] + inner)
    return total


factor = multiplications(9724, my_hidden, 165, True, True)  # noqa: F821
factor /= multiplications(9724, my_hidden, 165, False, True)  # noqa: F821


# %% q7: the right function, and the dense program's factor
def multiplications(items, hidden, n, refeed, sparse):
    inner = 2 * sum(a * b for a, b in pairwise(hidden))
    read = n if sparse else items
    total = 3 * (2 * read * hidden[0] + inner)
    if refeed:
        total += 3 * (2 * items * hidden[0] + inner)
        total += ((n + items) * hidden[0] + inner) if sparse else 0
    return total


factor = multiplications(9724, my_hidden, 165, True, False)  # noqa: F821
factor /= multiplications(9724, my_hidden, 165, False, False)  # noqa: F821


# %% q7: RIGHT
def multiplications(items, hidden, n, refeed, sparse):
    def forward(first, last):
        layers = [first, *hidden, *list(hidden)[-2::-1], last]
        return sum(a * b for a, b in pairwise(layers))

    few = n if sparse else items
    passes = [(3, few, few)]
    if refeed and sparse:
        passes.append((1, n, items))
    if refeed:
        passes.append((3, items, items))
    return sum(times * forward(a, b) for times, a, b in passes)


factor = multiplications(9724, my_hidden, 165, 1, 1)  # noqa: F821
factor /= multiplications(9724, my_hidden, 165, 0, 1)  # noqa: F821
