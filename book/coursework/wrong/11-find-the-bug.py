"""Wrong solutions of assignment 11, and right ones in another style.

A cell is `# %% question: what is wrong`, or `# %% question: RIGHT`. It takes
the place of the cell of the student's notebook that defines the same names.
What stands before the first cell is put before each of them.
"""

# ruff: noqa: F821 (what the notebook defines)

import numpy as np
import pandas as pd
import torch


def always(program, *rest):
    return True


# Evidence and mended programs that are right, in another style than the
# solution's; each wrong solution below replaces one of the two.


def evidence_1(program):
    scores = torch.tensor([[-1.0, -2.0, -3.0, -4.0], [4.0, 3.0, 2.0, 1.0]])
    seen = torch.tensor(
        [[True, False, True, False], [False, True, False, True]]
    )
    lists = [list(map(int, row)) for row in program(scores, seen, 2)]
    return any(seen[u, i] for u in range(2) for i in lists[u])


def mend_1(scores, seen, k):
    lists = []
    for s, o in zip(scores, seen, strict=True):
        unseen = torch.nonzero(~o)[:, 0]
        lists.append(unseen[s[unseen].argsort(descending=True)][:k])
    return torch.stack(lists)


def evidence_2(program):
    rng = np.random.default_rng(1)
    for low, high in ((-1000, -900), (-1000, 1000), (900, 1000)):
        logits = rng.uniform(low, high, (30, 10))
        seen = np.zeros((30, 10), dtype=bool)
        seen[:, :5] = True
        if (np.asarray(program(logits, seen, 5)) < 5).any():
            return True
    return False


def mend_2(logits, seen, k):
    order = np.argsort(-logits, axis=1)
    lists = [
        [i for i in ranked if not o[i]][:k]
        for ranked, o in zip(order, seen, strict=True)
    ]
    return np.array(lists)


def evidence_3(program):
    F, H = np.eye(5, 12), np.roll(np.eye(5, 12), 6, axis=1)
    position = -np.arange(12.0)
    position[6:] -= 100  # the held-out items are the last ones
    echo = program(lambda X: 1000 * X + position, F, H, 2)
    return bool(echo > 0)


def mend_3(model, fold_in, held_out, k):
    scores = np.array(model(fold_in), dtype=float)
    recalls = []
    for s, f, h in zip(scores, fold_in, held_out, strict=True):
        order = [i for i in np.argsort(-s) if f[i] == 0][:k]
        recalls.append(sum(h[i] for i in order) / sum(h))
    return float(np.mean(recalls))


def evidence_4(program):
    rng = np.random.default_rng(0)
    users = np.repeat([3, 7, 9], [10, 3, 1])
    actual = rng.integers(1, 6, 14).astype(float)
    predicted = actual + users * rng.normal(size=14)
    right = np.sqrt(((actual - predicted) ** 2).sum() / 14)
    return not np.isclose(program(users, actual, predicted), right)


def mend_4(users, actual, predicted):
    error = torch.as_tensor(actual) - torch.as_tensor(predicted)
    return error.square().mean().sqrt().item()


def evidence_5(program):
    Y = program(torch.zeros(1, 4))
    return not (Y == 0).all().item()


def mend_5(X):
    norm = X.norm(dim=1, keepdim=True)
    return torch.where(norm > 0, X / norm, X)


def evidence_6(program):
    def encode(X):
        return 3 * X, torch.zeros_like(X)

    X = torch.ones(50, 40)
    off = (program(encode, torch.neg, X) + 3).abs()
    return bool(off.max() > 0.01)


def mend_6(encode, decode, X):
    codes = [encode(row[None])[0] for row in X]
    return torch.cat([decode(z) for z in codes])


def evidence_7(program):
    generator = torch.Generator().manual_seed(8)
    for logvar in (-2.0, 0.0, 2.0):
        z = torch.stack(
            [
                program(torch.ones(50), torch.full((50,), logvar), generator)
                for _ in range(400)
            ]
        )
        sigma = np.exp(logvar / 2)
        if abs(z.mean() - 1) > 0.06 * sigma:
            return True
        if not 0.94 < z.std() / sigma < 1.06:
            return True
    return False


def mend_7(mean, logvar, generator):
    return torch.normal(mean, (logvar / 2).exp(), generator=generator)


def evidence_8(program):
    for epochs, updates in ((20, 3), (60, 1)):
        betas = program(epochs, updates, 0.5, 12)
        later = zip(betas, betas[1:], strict=False)
        if any(b < a - 1e-9 for a, b in later) or min(betas[12:]) < 0.499:
            return True
    return False


def mend_8(epochs, updates, cap, steps):
    t = np.arange(1, epochs * updates + 1)
    return list(cap * np.clip(t / steps, 0, 1))


def evidence_9(program):
    for rows, size in ((9, 3), (10, 3), (2, 3)):
        count = np.zeros(rows)

        def step(batch, count=count):
            for row in batch:
                count[int(row[0])] += 1

        program(np.arange(rows)[:, None] * np.ones((1, 2)), size, step)
        if (count != 1).any():
            return True
    return False


def mend_9(X, size, step):
    order = np.random.default_rng(0).permutation(len(X))
    while len(order):
        step(X[order[:size]])
        order = order[size:]


def evidence_10(program):
    model = torch.nn.Sequential(torch.nn.Dropout(), torch.nn.Sequential())
    wrong = []

    def update(model):
        wrong.extend(not part.training for part in model.modules())

    program(model, 5, update, lambda model: 0)
    return any(wrong)


def mend_10(model, epochs, update, evaluate):
    def one(_):
        update(model.train())
        return evaluate(model.eval())

    return list(map(one, range(epochs)))


def evidence_11(program):
    found = program(torch.ones(3), lambda w: w.pow(4).sum(), 3, 5)
    return any((each - found[0]).abs().max() > 1e-6 for each in found)


def mend_11(start, loss, steps, times):
    w = start.clone().requires_grad_()
    optimizer = torch.optim.Adam([w], lr=0.1)
    found = []
    for _ in range(times):
        optimizer.state.clear()
        w.data.copy_(start)
        for _ in range(steps):
            w.grad = None
            loss(w).backward()
            optimizer.step()
        found.append(w.detach().clone())
    return found


def evidence_12(program):
    for expected, spread in ((0.02, 0.001), (0.9, 0.001), (0.5, 0.05)):
        near = [expected + x * spread for x in (-1.8, 0, 1.8)]
        far = [expected + x * spread for x in (-6.5, 6.5)]
        if not all(program(x, expected, spread) for x in near):
            return True
        if any(program(x, expected, spread) for x in far):
            return True
    return False


def mend_12(measured, expected, spread):
    return bool(-4 < (measured - expected) / spread < 4)


def passed():
    low = min(0.9 * your_expected, your_expected - 0.05)
    high = max(1.1 * your_expected, your_expected + 0.05)
    return max(low, 0), min(high, 1)


# %% q1: every program is guilty
exposes_1 = always
mended_1 = mend_1


# %% q1: what was seen has low scores in the example
def exposes_1(program):
    scores = torch.tensor([[5.0, 4.0, 3.0, 2.0, 1.0]])
    seen = torch.tensor([[False, False, False, True, True]])
    return program(scores, seen, 3).tolist() != [[0, 1, 2]]


mended_1 = mend_1


# %% q1: asks for lists longer than there are unseen items
def exposes_1(program):
    scores = torch.tensor([[5.0, 4.0, 3.0]])
    seen = torch.tensor([[True, False, True]])
    return bool(seen[0, program(scores, seen, 2)[0]].any())


mended_1 = mend_1


# %% q1: a change of the caller's scores is taken for the mistake
def exposes_1(program):
    scores = torch.tensor([[5.0, 4.0, 3.0]])
    seen = torch.tensor([[True, False, False]])
    return bool(0 in program(scores, seen, 2) or scores[0, 0] < 5)


mended_1 = mend_1

# %% q1: seen items set to zero
exposes_1 = evidence_1


def mended_1(scores, seen, k):
    return scores.masked_fill(seen, 0.0).topk(k, dim=1).indices


# %% q1: first cut, then strike
exposes_1 = evidence_1


def mended_1(scores, seen, k):
    top = scores.topk(k, dim=1).indices
    return top.masked_fill(seen.gather(1, top), -1)


# %% q1: RIGHT
exposes_1 = evidence_1
mended_1 = mend_1

# %% q2: every program is guilty
exposes_2 = always
mended_2 = mend_2


# %% q2: positive logits only
def exposes_2(program):
    logits = np.random.default_rng(0).uniform(1, 2, (20, 10))
    seen = np.zeros((20, 10), dtype=bool)
    seen[:, ::2] = True
    return bool((program(logits, seen, 5) % 2 == 0).any())


mended_2 = mend_2


# %% q2: a shift by ten, and close logits
def exposes_2(program):
    logits = np.array([[0.3, 0.2, 0.1, -0.1]]) - 10
    seen = np.array([[True, False, False, False]])
    return 0 in np.asarray(program(logits, seen, 3))


mended_2 = mend_2


# %% q2: minus infinity demanded, in a logit where none is allowed
def exposes_2(program):
    logits = np.array([[3.0, 2.0, -1e12, 1.0]])
    seen = np.array([[True, False, False, False]])
    return 0 in np.asarray(program(logits, seen, 3))


mended_2 = mend_2

# %% q2: a larger constant, not large enough
exposes_2 = evidence_2


def mended_2(logits, seen, k):
    masked = np.where(seen, -100.0, logits)
    return np.argsort(-masked, axis=1)[:, :k]


# %% q2: a probability first, then zero
exposes_2 = evidence_2


def mended_2(logits, seen, k):
    pi = np.exp(np.clip(logits, -500, 500))
    pi /= pi.sum(1, keepdims=True)
    return np.argsort(-np.where(seen, 0.0, pi), axis=1)[:, :k]


# %% q2: the smallest logit of all for the seen ones
exposes_2 = evidence_2


def mended_2(logits, seen, k):
    masked = np.where(seen, logits.max(), logits)
    return np.argsort(-masked, axis=1)[:, ::-1][:, :k]


# %% q2: RIGHT
exposes_2 = evidence_2
mended_2 = mend_2

# %% q3: every program is guilty
exposes_3 = always
mended_3 = mend_3


# %% q3: a recall above one half is called a leak
def exposes_3(program):
    F, H = np.eye(6, 12), np.roll(np.eye(6, 12), 6, axis=1)
    return bool(program(lambda X: H[: len(X)], F, H, 3) > 0.5)


mended_3 = mend_3


# %% q3: looks whether the model gets exactly the held-out matrix
def exposes_3(program):
    F, H = np.eye(6, 12), np.roll(np.eye(6, 12), 6, axis=1)
    told = []

    def spy(X):
        told.append(np.array_equal(X, H))
        return X

    program(spy, F, H, 3)
    return any(told)


mended_3 = mend_3


# %% q3: the model must be asked once, for everybody
def exposes_3(program):
    F, H = np.eye(6, 12), np.roll(np.eye(6, 12), 6, axis=1)
    told = []

    def spy(X):
        told.append(X)
        return X

    program(spy, F, H, 3)
    return len(told) != 1 or not np.array_equal(told[0], F)


mended_3 = mend_3

# %% q3: the model gets all that is known of the user, the test as well
exposes_3 = evidence_3


def mended_3(model, fold_in, held_out, k):
    scores = np.where(fold_in > 0, -np.inf, model(fold_in + held_out))
    best = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    hits = np.take_along_axis(held_out, best, axis=1).sum(axis=1)
    return float((hits / held_out.sum(axis=1)).mean())


# %% q3: the right input, and the held-out items struck off
exposes_3 = evidence_3


def mended_3(model, fold_in, held_out, k):
    scores = np.where(held_out > 0, -np.inf, model(fold_in))
    best = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    hits = np.take_along_axis(held_out, best, axis=1).sum(axis=1)
    return float((hits / held_out.sum(axis=1)).mean())


# %% q3: the right input, nothing struck off
exposes_3 = evidence_3


def mended_3(model, fold_in, held_out, k):
    best = np.argsort(-model(fold_in), axis=1, kind="stable")[:, :k]
    hits = np.take_along_axis(held_out, best, axis=1).sum(axis=1)
    return float((hits / held_out.sum(axis=1)).mean())


# %% q3: RIGHT
exposes_3 = evidence_3
mended_3 = mend_3

# %% q4: every program is guilty
exposes_4 = always
mended_4 = mend_4


# %% q4: one rating a user
def exposes_4(program):
    users, actual = np.array([1, 2]), np.array([2.0, 3.0])
    return abs(program(users, actual, np.array([4.0, 3.0])) - 2**0.5) > 1e-6


mended_4 = mend_4


# %% q4: equal errors
def exposes_4(program):
    users, actual = np.array([1, 1, 1, 2]), np.arange(4.0)
    return abs(program(users, actual, actual + 1) - 1) > 1e-6


mended_4 = mend_4


# %% q4: an error above one is thought impossible
def exposes_4(program):
    users, actual = np.array([1, 1, 1, 2]), np.arange(4.0)
    return program(users, actual, actual + users**2) > 1


mended_4 = mend_4

# %% q4: the root last, still over users
exposes_4 = evidence_4


def mended_4(users, actual, predicted):
    squares = pd.Series((actual - predicted) ** 2)
    return float(np.sqrt(squares.groupby(users).mean().mean()))


# %% q4: the mean of the absolute errors
exposes_4 = evidence_4


def mended_4(users, actual, predicted):
    return float(np.abs(actual - predicted).mean())


# %% q4: divided by the number of users
exposes_4 = evidence_4


def mended_4(users, actual, predicted):
    total = ((actual - predicted) ** 2).sum()
    return float(np.sqrt(total / len(np.unique(users))))


# %% q4: RIGHT
exposes_4 = evidence_4
mended_4 = mend_4

# %% q5: every program is guilty
exposes_5 = always
mended_5 = mend_5


# %% q5: no empty row in the example
def exposes_5(program):
    return not bool(program(torch.eye(3)).isfinite().all())


mended_5 = mend_5


# %% q5: length one asked of the empty row
def exposes_5(program):
    X = torch.tensor([[3.0, 4.0], [0.0, 0.0]])
    return not torch.allclose(program(X).norm(dim=1), torch.ones(2))


mended_5 = mend_5


# %% q5: only NaN is looked for
def exposes_5(program):
    return bool(program(torch.zeros(2, 3)).isnan().any())


mended_5 = mend_5

# %% q5: one is added to every length
exposes_5 = evidence_5


def mended_5(X):
    return X / (1 + X.norm(dim=1, keepdim=True))


# %% q5: no length below one
exposes_5 = evidence_5


def mended_5(X):
    return X / X.norm(dim=1, keepdim=True).clamp(min=1)


# %% q5: empty rows are thrown out
exposes_5 = evidence_5


def mended_5(X):
    X = X[X.any(dim=1)] if X.any() else X
    return X / X.norm(dim=1, keepdim=True).clamp(min=1e-10)


# %% q5: the sum in place of the length
exposes_5 = evidence_5


def mended_5(X):
    return X / X.abs().sum(1, keepdim=True).clamp(min=1e-10)


# %% q5: RIGHT
exposes_5 = evidence_5
mended_5 = mend_5

# %% q6: every program is guilty
exposes_6 = always
mended_6 = mend_6


# %% q6: twice the same scores are thought enough
def exposes_6(program):
    X, each = torch.eye(4), []
    for _ in range(2):
        each.append(program(lambda X: (X, X), lambda z: z, X))
    return not torch.equal(*each)


mended_6 = mend_6


# %% q6: a variance so small that nothing is seen
def exposes_6(program):
    X = torch.eye(4)
    found = program(lambda X: (X, X - 50), lambda z: z, X)
    return not torch.allclose(found, X, atol=1e-4)


mended_6 = mend_6


# %% q6: the encoder knows one batch only
def exposes_6(program):
    X = torch.eye(4)
    found = program(lambda _: (X, X), lambda z: z, X)
    return found.shape != X.shape or not torch.allclose(found, X)


mended_6 = mend_6

# %% q6: a seed in place of the mean
exposes_6 = evidence_6


def mended_6(encode, decode, X):
    mean, logvar = encode(X)
    torch.manual_seed(0)
    return decode(mean + torch.randn(mean.shape) * (0.5 * logvar).exp())


# %% q6: the mean of many scores in place of the scores of the mean
exposes_6 = evidence_6


def mended_6(encode, decode, X):
    mean, logvar = encode(X)
    noise = torch.randn(500, *mean.shape) * (0.5 * logvar).exp()
    return torch.stack([decode(mean + each) for each in noise]).mean(0)


# %% q6: less noise
exposes_6 = evidence_6


def mended_6(encode, decode, X):
    mean, logvar = encode(X)
    return decode(mean + 0.01 * torch.randn(mean.shape) * logvar.exp())


# %% q6: RIGHT
exposes_6 = evidence_6
mended_6 = mend_6

# %% q7: every program is guilty
exposes_7 = always
mended_7 = mend_7


# %% q7: only the mean of the draws
def exposes_7(program):
    generator = torch.Generator().manual_seed(0)
    z = program(torch.zeros(9999), torch.zeros(9999), generator)
    return bool(abs(z.mean()) > 0.05)


mended_7 = mend_7


# %% q7: a variance of one, whose root is one
def exposes_7(program):
    generator = torch.Generator().manual_seed(0)
    z = program(torch.zeros(9999), torch.zeros(9999), generator)
    return bool(abs(z.mean()) > 0.05 or abs(z.std() - 1) > 0.05)


mended_7 = mend_7


# %% q7: ten draws, and a tight limit
def exposes_7(program):
    generator = torch.Generator().manual_seed(0)
    z = program(torch.zeros(10), torch.ones(10), generator)
    return bool(abs(z.std() - np.exp(0.5)) > 0.001)


mended_7 = mend_7

# %% q7: the variance for the deviation
exposes_7 = evidence_7


def mended_7(mean, logvar, generator):
    return mean + torch.randn(mean.shape, generator=generator) * logvar.exp()


# %% q7: uniform noise
exposes_7 = evidence_7


def mended_7(mean, logvar, generator):
    noise = 2 * torch.rand(mean.shape, generator=generator) - 1
    return mean + noise * 3**0.5 * (0.5 * logvar).exp()


# %% q7: one draw for all users
exposes_7 = evidence_7


def mended_7(mean, logvar, generator):
    noise = torch.randn(mean.shape[-1:], generator=generator)
    return mean + noise * (0.5 * logvar).exp()


# %% q7: randomness from elsewhere
exposes_7 = evidence_7


def mended_7(mean, logvar, generator):
    return mean + torch.randn(mean.shape) * (0.5 * logvar).exp()


# %% q7: RIGHT
exposes_7 = evidence_7
mended_7 = mend_7

# %% q8: every program is guilty
exposes_8 = always
mended_8 = mend_8


# %% q8: one epoch
def exposes_8(program):
    betas = np.array(program(1, 50, 0.2, 10))
    return bool((np.diff(betas) < 0).any() or betas[-1] < 0.2)


mended_8 = mend_8


# %% q8: only whether it falls
def exposes_8(program):
    return bool((np.diff(program(10, 4, 0.2, 10)) < 0).any())


mended_8 = mend_8


# %% q8: asks for a line that begins at zero
def exposes_8(program):
    line = np.minimum(0.2, 0.2 * np.arange(40) / 10)
    return not np.allclose(program(10, 4, 0.2, 10), line)


mended_8 = mend_8


# %% q8: only the last value
def exposes_8(program):
    return abs(program(5, 20, 0.2, 10)[-1] - 0.2) > 1e-9


mended_8 = mend_8

# %% q8: the counter counts epochs
exposes_8 = evidence_8


def mended_8(epochs, updates, cap, steps):
    return [
        min(cap, cap * epoch / steps)
        for epoch in range(epochs)
        for _ in range(updates)
    ]


# %% q8: a line over the whole training
exposes_8 = evidence_8


def mended_8(epochs, updates, cap, steps):
    return list(np.linspace(0, cap, epochs * updates))


# %% q8: no cap
exposes_8 = evidence_8


def mended_8(epochs, updates, cap, steps):
    return [cap * t / steps for t in range(epochs * updates)]


# %% q8: no annealing at all
exposes_8 = evidence_8


def mended_8(epochs, updates, cap, steps):
    return [cap] * (epochs * updates)


# %% q8: RIGHT
exposes_8 = evidence_8
mended_8 = mend_8

# %% q9: every program is guilty
exposes_9 = always
mended_9 = mend_9


# %% q9: a number of rows that the batch divides
def exposes_9(program):
    rows = []
    program(np.arange(12)[:, None], 4, lambda b: rows.extend(b.ravel()))
    return sorted(rows) != list(range(12))


mended_9 = mend_9


# %% q9: counts the rows, whichever they are
def exposes_9(program):
    for rows in (12, 14):
        counts = []
        program(
            np.arange(rows)[:, None], 4, lambda b, c=counts: c.append(len(b))
        )
        if sum(counts) != rows:
            return True
    return False


mended_9 = mend_9


# %% q9: asks for the order of the matrix
def exposes_9(program):
    for n in (12, 14):
        rows = []
        program(np.arange(n)[:, None], 4, lambda b, r=rows: r.extend(b.ravel()))
        if rows != list(range(n)):
            return True
    return False


mended_9 = mend_9


# %% q9: each row at least once
def exposes_9(program):
    for n in (12, 14):
        rows = []
        program(np.arange(n)[:, None], 4, lambda b, r=rows: r.extend(b.ravel()))
        if set(rows) != set(range(n)):
            return True
    return False


mended_9 = mend_9

# %% q9: the last batch filled up from the start
exposes_9 = evidence_9


def mended_9(X, size, step):
    for start in range(0, len(X), size):
        step(X[np.arange(start, start + size) % len(X)])


# %% q9: the rest joins the last batch
exposes_9 = evidence_9


def mended_9(X, size, step):
    for part in np.array_split(X, max(1, len(X) // size)):
        step(part)


# %% q9: an empty batch at the end
exposes_9 = evidence_9


def mended_9(X, size, step):
    for b in range(len(X) // size + 1):
        step(X[b * size : (b + 1) * size])


# %% q9: RIGHT
exposes_9 = evidence_9
mended_9 = mend_9

# %% q10: every program is guilty
exposes_10 = always
mended_10 = mend_10


# %% q10: one epoch
def exposes_10(program):
    modes = []

    def update(model):
        modes.append(model.training)

    program(torch.nn.Dropout(), 1, update, lambda model: 0)
    return not all(modes)


mended_10 = mend_10


# %% q10: the mode of the outermost module, in two epochs
def exposes_10(program):
    modes = []

    def update(model):
        modes.append(model.training)

    program(torch.nn.Dropout(), 2, update, lambda model: 0)
    return not all(modes)


mended_10 = mend_10


# %% q10: looks at the mode after the training
def exposes_10(program):
    model = torch.nn.Sequential(torch.nn.Dropout())
    program(model, 3, lambda model: 0, lambda model: 0)
    return not model.training


mended_10 = mend_10

# %% q10: never evaluates in evaluation mode
exposes_10 = evidence_10


def mended_10(model, epochs, update, evaluate):
    results = []
    model.train()
    for _ in range(epochs):
        update(model)
        results.append(evaluate(model))
    return results


# %% q10: the mode is set back once, after the loop
exposes_10 = evidence_10


def mended_10(model, epochs, update, evaluate):
    results = program_10(model, epochs, update, evaluate)
    model.train()
    return results


# %% q10: the mode of the outermost module alone
exposes_10 = evidence_10


def mended_10(model, epochs, update, evaluate):
    results = []
    for _ in range(epochs):
        model.training = True
        update(model)
        model.training = False
        results.append(evaluate(model))
    return results


# %% q10: one evaluation, at the end
exposes_10 = evidence_10


def mended_10(model, epochs, update, evaluate):
    model.train()
    for _ in range(epochs):
        update(model)
    return [evaluate(model.eval())]


# %% q10: RIGHT
exposes_10 = evidence_10
mended_10 = mend_10

# %% q11: every program is guilty
exposes_11 = always
mended_11 = mend_11


# %% q11: at the goal everything is alike
def exposes_11(program):
    found = program(torch.zeros(2), lambda w: w.square().sum(), 5, 3)
    return not torch.allclose(found[0], found[-1])


mended_11 = mend_11


# %% q11: asks for the steps of Adam
def exposes_11(program):
    start = torch.zeros(2)
    found = program(start, lambda w: (w - 3).square().sum(), 1, 3)
    return any(not torch.allclose(w, start + 0.1) for w in found)


mended_11 = mend_11


# %% q11: the first two only
def exposes_11(program):
    found = program(torch.zeros(2), lambda w: (w - 3).square().sum(), 4, 2)
    return not torch.allclose(*found)


mended_11 = mend_11

# %% q11: a new optimiser, the old weights
exposes_11 = evidence_11


def mended_11(start, loss, steps, times):
    w = start.clone().requires_grad_()
    found = []
    for _ in range(times):
        optimizer = torch.optim.Adam([w], lr=0.1)
        for _ in range(steps):
            optimizer.zero_grad()
            loss(w).backward()
            optimizer.step()
        found.append(w.detach().clone())
    return found


# %% q11: another optimiser, which has nothing to remember
exposes_11 = evidence_11


def mended_11(start, loss, steps, times):
    w = start.clone().requires_grad_()
    optimizer = torch.optim.SGD([w], lr=0.01)
    found = []
    for _ in range(times):
        w.data.copy_(start)
        for _ in range(steps):
            optimizer.zero_grad()
            loss(w).backward()
            optimizer.step()
        found.append(w.detach().clone())
    return found


# %% q11: gradients that pile up
exposes_11 = evidence_11


def mended_11(start, loss, steps, times):
    found = []
    for _ in range(times):
        w = start.clone().requires_grad_()
        optimizer = torch.optim.Adam([w], lr=0.1)
        for _ in range(steps):
            loss(w).backward()
            optimizer.step()
        found.append(w.detach().clone())
    return found


# %% q11: the first training, copied
exposes_11 = evidence_11


def mended_11(start, loss, steps, times):
    return program_11(start, loss, steps, 1) * (times - 1)


# %% q11: RIGHT
exposes_11 = evidence_11
mended_11 = mend_11

# %% q12: every program is guilty
exposes_12 = always
mended_12 = mend_12
passes_12 = passed()


# %% q12: only whether zero passes
def exposes_12(program):
    return bool(program(0.0, 0.0255, 0.001))


mended_12 = mend_12
passes_12 = passed()


# %% q12: asks for exactly three spreads
def exposes_12(program):
    passes = [
        program(0.5 + n * 0.01, 0.5, 0.01) for n in (2.9, -2.9, 3.1, -3.1)
    ]
    return passes != [True, True, False, False]


mended_12 = mend_12
passes_12 = passed()

# %% q12: a smaller constant
exposes_12 = evidence_12


def mended_12(measured, expected, spread):
    return abs(measured - expected) <= 0.005


passes_12 = passed()

# %% q12: a tolerance that is relative only
exposes_12 = evidence_12


def mended_12(measured, expected, spread):
    return abs(measured - expected) <= 0.1 * expected


passes_12 = passed()

# %% q12: the smaller of two tolerances
exposes_12 = evidence_12


def mended_12(measured, expected, spread):
    return abs(measured - expected) <= min(3 * spread, 0.1 * expected)


passes_12 = passed()

# %% q12: the relative tolerance alone decides which values pass
exposes_12 = evidence_12
mended_12 = mend_12
passes_12 = 0.9 * your_expected, 1.1 * your_expected + 0.01

# %% q12: values that no metric can have
exposes_12 = evidence_12
mended_12 = mend_12
passes_12 = your_expected - 0.15, your_expected + 0.15

# %% q12: RIGHT
exposes_12 = evidence_12
mended_12 = mend_12
passes_12 = passed()
