# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [raw]
# # ASSIGNMENT CONFIG
# name: 11-find-the-bug
# init_cell: true
# check_all_cell: true
# export_cell:
#   pdf: false
#   run_tests: true
# tests:
#   ok_format: false

# %% [markdown]
# # Assignment 11: find the bug
#
# Goes with the chapter *Mistakes in the wild*. Twelve questions, 37 points,
# three to four hours. Each question says its level (◆ check, ◆◆ apply, ◆◆◆
# research) and its kind. Replace every `...`. The cell below a question runs its
# visible checks, which give hints; hidden checks decide the points. No question
# needs the answer to another one.
#
# Each question shows a short program that runs, stops, and prints a number or
# a list that looks all right. It has one mistake; each was found in published
# code or a published report. You write two things.
#
# **Evidence**, `exposes_n(program)`. It gets *some* program with the docstring of
# `program_n`, calls it as often as it likes, and returns `True` if that program
# breaks any sentence of its docstring, and `False` if it keeps them all.
# It will be tried on the program that you see, on others that break what this one
# breaks, in another way or in fewer cases, and on right ones that are written
# quite differently: loops or vectors, other orders where the docstring leaves
# them open, other random numbers. So do not look at the code, do not ask for more
# than the docstring promises, and do not call a program with what its docstring
# excludes. Nothing is empty: every size, `k` and count is at least 1. Called so,
# no program stops with an error. A call of your evidence may take two seconds.
#
# Where only one answer is right you may compare with your mended program. Where
# many are, you need a *relation* that all of them obey.
#
# **A mended program**, `mended_n`, which keeps the docstring and takes the same
# arguments.
#
# In the first check of each question your evidence must convict the program
# that you see, and acquit your own. Helpers may stand in cells of their own; they
# are run when your work is graded.
#
# Write your name as your course knows it: one question draws its numbers from
# it, so that not everyone has the same.

# %%
student = ""  # between the quotes

# %%
import hashlib

import numpy as np
import pandas as pd
import torch

from reclib import datasets, splits
from reclib.models import Biases, PureSVD


def draw(question, options):
    """One of the options, the same at each call, chosen by your name."""
    name = " ".join(str(student).lower().split())
    digest = hashlib.sha256(f"{name}/{question}".encode()).digest()
    return options[int.from_bytes(digest[:8], "big") % len(options)]


if not student.strip():
    print("Write your name into the cell above, then run this one again.")

# %% [markdown]
# Two fitted models, to see some of the programs at work on real data.

# %%
ratings = datasets.load("ml-latest-small")
events = ratings.at_least(4).with_min_count(user=5)
split = splits.held_out_users(events, num_users=50)
svd = PureSVD(20, binary=True)
svd.fit(split.train)
fold_in = split.test.fold_in.binary().dense()
held_out = split.test.held_out.binary().dense()
known = splits.hold_out(ratings, test=0.2)
biases = Biases(5.0, iterations=20)
biases.fit(known.train)
print(split.fingerprint(), known.fingerprint())

# %% [raw]
# # BEGIN QUESTION
# name: q1
# points: 3

# %% [markdown]
# ## Question 1 · ◆ · criticise and implement · 3 points
#
# Lists for some users. Scores are finite and below 1,000 in size, and no two of a
# user are equal.


# %%
def program_1(scores, seen, k):
    """The k best columns that a user has not seen, best first.

    ``scores`` (float) and ``seen`` (bool) are tensors [users, items]; returns an
    int tensor [users, k]. Everybody has at least k unseen items. The program may
    overwrite ``scores``.
    """
    scores.masked_fill(seen, -torch.inf)
    return scores.topk(k, dim=1).indices


print(program_1(svd.score(split.test.fold_in), fold_in > 0, 8)[:3])

# %% [raw]
# # BEGIN SOLUTION


# %%
# BEGIN SOLUTION NO PROMPT
def exposes_1(program):
    torch.manual_seed(0)
    scores = torch.randn(20, 12)
    seen = torch.rand(20, 12) < 0.5
    seen[:, :3] = False
    scores += 3 * seen
    return bool(seen.gather(1, program(scores.clone(), seen, 3)).any())


def mended_1(scores, seen, k):
    return scores.masked_fill(seen, -torch.inf).topk(k, dim=1).indices


# END SOLUTION
""" # BEGIN PROMPT
def exposes_1(program):
    # True if the program has the mistake, else False.
    ...


def mended_1(scores, seen, k):
    ...
"""  # END PROMPT

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_your_own_case_1(program_1, exposes_1, mended_1):
    assert exposes_1(program_1), (
        "A user whose best item is one that she has seen: what is in her list?"
    )
    assert not exposes_1(mended_1), (
        "By your own evidence your mended program is wrong, too."
    )


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_evidence_1(exposes_1):
    import numpy as np
    import torch

    def by_sorting(scores, seen, k):
        lists = []
        for s, o in zip(scores.tolist(), seen.tolist(), strict=True):
            unseen = [i for i in range(len(s)) if not o[i]]
            lists.append(sorted(unseen, key=lambda i: -s[i])[:k])
        return torch.tensor(lists)

    def in_place(scores, seen, k):
        scores.masked_fill_(seen, -torch.inf)
        return scores.topk(k, dim=1).indices

    def below_all(scores, seen, k):
        lowest = scores.min() - 1
        masked = np.where(seen.numpy(), lowest.item(), scores.numpy())
        return torch.tensor(np.argsort(-masked, axis=1)[:, :k].copy())

    def lost(scores, seen, k):
        torch.where(seen, -torch.inf, scores)
        return scores.argsort(dim=1, descending=True)[:, :k]

    def copied(scores, seen, k):
        scores[seen].fill_(-torch.inf)
        return scores.topk(k, dim=1).indices

    def one_copy_too_many(scores, seen, k):
        masked = scores.clone()
        masked.numpy().copy()[seen.numpy()] = -np.inf
        return masked.topk(k, dim=1).indices

    for right in (by_sorting, in_place, below_all):
        assert not exposes_1(right)
    for wrong in (lost, copied, one_copy_too_many):
        assert exposes_1(wrong)


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_mended_1(mended_1):
    import torch

    generator = torch.Generator().manual_seed(5)
    for shift in (-30.0, 0.0, 30.0):
        scores = torch.randn(30, 17, generator=generator) + shift
        seen = torch.rand(30, 17, generator=generator) < 0.6
        seen[:, 5:9] = False
        found = mended_1(scores.clone(), seen.clone(), 4).tolist()
        for s, o, ranked in zip(scores, seen, found, strict=True):
            unseen = [i for i in range(17) if not o[i]]
            assert ranked == sorted(unseen, key=lambda i: -s[i])[:4]


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q2
# points: 3

# %% [markdown]
# ## Question 2 · ◆◆ · criticise and implement · 3 points
#
# The same task with the output of a network. Most lists of this program are
# right, and on some data all are. Other programs go wrong more rarely.


# %%
def program_2(logits, seen, k):
    """The k best columns that a user has not seen, best first.

    ``logits`` (float) and ``seen`` (bool) are arrays [users, items]; returns an
    int array [users, k]. Logits are what a softmax reads: any numbers from -1000
    to 1000, those of a user at least .001 apart. Everybody has at least k unseen
    items.
    """
    masked = np.where(seen, 0.0, logits)
    return np.argsort(-masked, axis=1)[:, :k]


scores = svd.score(split.test.fold_in).numpy()
print(program_2(scores, fold_in.numpy() > 0, 8)[:3])

# %% [raw]
# # BEGIN SOLUTION


# %%
# BEGIN SOLUTION NO PROMPT
def exposes_2(program):
    # Seen ones are on top, unseen ones far below; all above zero, then all below.
    logits = np.array([[9.0, 8.0, 7.0, -100.0, -200.0, -300.0]])
    seen = np.array([[True, True, True, False, False, False]])
    for shift in (-500.0, 0.0, 500.0):
        if np.asarray(program(logits + shift, seen, 3)).tolist() != [[3, 4, 5]]:
            return True
    return False


def mended_2(logits, seen, k):
    masked = np.where(seen, -np.inf, logits)
    return np.argsort(-masked, axis=1)[:, :k]


# END SOLUTION
""" # BEGIN PROMPT
def exposes_2(program):
    # True if the program has the mistake, else False.
    ...


def mended_2(logits, seen, k):
    ...
"""  # END PROMPT

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_your_own_case_2(program_2, exposes_2, mended_2):
    assert exposes_2(program_2), (
        "Add a constant to all logits. A softmax does not feel it. The lists?"
    )
    assert not exposes_2(mended_2), (
        "By your own evidence your mended program is wrong, too."
    )


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_evidence_2(exposes_2):
    import numpy as np

    def program(fill):
        def of(logits, seen, k):
            masked = np.where(seen, fill(logits), logits)
            return np.argsort(-masked, axis=1)[:, :k]

        return of

    def by_sorting(logits, seen, k):
        lists = []
        for x, o in zip(logits, seen, strict=True):
            unseen = [i for i in np.argsort(x)[::-1] if not o[i]]
            lists.append(unseen[:k])
        return np.array(lists)

    def times_zero(logits, seen, k):
        return np.argsort(-logits * (1 - seen), axis=1)[:, :k]

    assert not exposes_2(by_sorting)
    assert not exposes_2(program(lambda x: -np.inf))
    assert not exposes_2(program(lambda x: -1e9))
    assert not exposes_2(program(lambda x: x.min() - 1))
    assert exposes_2(times_zero)
    assert exposes_2(program(lambda x: 0))
    assert exposes_2(program(lambda x: -1.0))
    assert exposes_2(program(lambda x: x - 10.0))


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_mended_2(mended_2):
    import numpy as np

    rng = np.random.default_rng(2)
    for shift in (-900, -3, 0, 900):
        steps = [rng.permutation(16_000)[:15] for _ in range(40)]
        logits = np.array(steps) / 1000 - 8 + shift
        seen = rng.random(logits.shape) < 0.6
        seen[:, 3:8] = False
        found = np.asarray(mended_2(logits.copy(), seen.copy(), 5)).tolist()
        for x, o, ranked in zip(logits, seen, found, strict=True):
            unseen = [i for i in range(15) if not o[i]]
            assert ranked == sorted(unseen, key=lambda i, x=x: -x[i])[:5]


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q3
# points: 3

# %% [markdown]
# ## Question 3 · ◆◆ · design and implement · 3 points
#
# A model and the users on whom it is tested. A model is any function of an array;
# you may pass in one of your own.


# %%
def program_3(model, fold_in, held_out, k):
    """Mean recall@k over users, a float.

    ``fold_in`` and ``held_out`` are float arrays of 0 and 1 [users, items], no
    cell is 1 in both, and everybody has something in both. ``model(X)`` reads
    what is known of some of the users, [any number of them, items], and returns
    their scores, in this shape; no two scores of a user are equal. What is known
    is never recommended; the held-out items are what it should find, and it must
    not be told them. k is at most the number of items that are not known.
    """
    scores = np.where(fold_in > 0, -np.inf, model(held_out))
    best = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    hits = np.take_along_axis(held_out, best, axis=1).sum(axis=1)
    return float((hits / held_out.sum(axis=1)).mean())


some = (held_out.sum(1) > 0).numpy()
users = fold_in.numpy()[some], held_out.numpy()[some]
Q = svd.Q.numpy()
print(round(program_3(lambda X: X @ Q @ Q.T, *users, 20), 4))

# %% [raw]
# # BEGIN SOLUTION


# %%
# BEGIN SOLUTION NO PROMPT
def exposes_3(program):
    fold_in, held_out = np.zeros((6, 9)), np.zeros((6, 9))
    fold_in[:, :3], held_out[:, 7:] = 1, 1
    told = []

    def spy(X):
        told.append(np.array(X)[:, 7:].any())
        return np.array(X) - 0.01 * np.arange(9.0)

    program(spy, fold_in, held_out, 2)
    return bool(any(told))


def mended_3(model, fold_in, held_out, k):
    scores = np.where(fold_in > 0, -np.inf, model(fold_in))
    best = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    hits = np.take_along_axis(held_out, best, axis=1).sum(axis=1)
    return float((hits / held_out.sum(axis=1)).mean())


# END SOLUTION
""" # BEGIN PROMPT
def exposes_3(program):
    # True if the program has the mistake, else False.
    ...


def mended_3(model, fold_in, held_out, k):
    ...
"""  # END PROMPT

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_your_own_case_3(program_3, exposes_3, mended_3):
    assert exposes_3(program_3), (
        "What recall should a model have that only repeats what it was told, "
        "and breaks ties by the number of the item?"
    )
    assert not exposes_3(mended_3), (
        "By your own evidence your mended program is wrong, too."
    )


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_evidence_3(exposes_3):
    import numpy as np

    def program(told, size):
        def of(model, fold_in, held_out, k):
            recalls = []
            for start in range(0, len(fold_in), size):
                F = fold_in[start : start + size]
                H = held_out[start : start + size]
                scores = np.array(model(told(F, H, start).copy()), dtype=float)
                scores[F > 0] = -np.inf
                for s, h in zip(scores, H, strict=True):
                    best = np.argsort(-s, kind="stable")[:k]
                    recalls.append(h[best].sum() / h.sum())
            return np.mean(recalls)

        return of

    for size in (1, 2, 1000):
        assert not exposes_3(program(lambda F, H, start: F, size))
        assert exposes_3(program(lambda F, H, start: H, size))
        assert exposes_3(program(lambda F, H, start: F + H, size))
    assert exposes_3(program(lambda F, H, start: F if start else H, 1))


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_mended_3(mended_3):
    import numpy as np

    rng = np.random.default_rng(3)
    for k in (1, 4, 8):
        kind = rng.choice(3, size=(25, 20), p=[0.5, 0.2, 0.3])
        kind[:, 0], kind[:, 1] = 1, 2
        kind[:, 12:] = np.where(kind[:, 12:] == 1, 0, kind[:, 12:])
        F, H = (kind == 1) * 1.0, (kind == 2) * 1.0
        W = rng.normal(size=(20, 20))
        recalls = []
        for f, h in zip(F, H, strict=True):
            order = [i for i in np.argsort(-(f @ W)) if not f[i]][:k]
            recalls.append(h[order].sum() / h.sum())
        found = mended_3(lambda X, W=W: X @ W, F.copy(), H.copy(), k)
        assert np.isclose(found, np.mean(recalls))


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q4
# points: 3

# %% [markdown]
# ## Question 4 · ◆ · derive and implement · 3 points
#
# An error over ratings. There is more than one wrong way to take a mean here,
# and for some data they all agree with the right one.


# %%
def program_4(users, actual, predicted):
    """The RMSE: the root of the mean squared error over all ratings, a float.

    Three arrays [ratings]; ``users`` are the numbers of who gave each. The error
    is right to one part in a million.
    """
    squares = pd.Series((actual - predicted) ** 2)
    return float(np.sqrt(squares.groupby(users).mean()).mean())


test = known.test.held_out
guess = biases.score_at(known.test.fold_in, test)
print(program_4(*(x.numpy() for x in (test.row_ids, test.values, guess))))

# %% [raw]
# # BEGIN SOLUTION


# %%
# BEGIN SOLUTION NO PROMPT
def exposes_4(program):
    users = np.array([1, 1, 1, 2])
    actual = np.array([4.0, 3.0, 5.0, 1.0])
    predicted = actual + np.array([1.0, -1.0, 1.0, 3.0])
    return abs(program(users, actual, predicted) - np.sqrt(3)) > 1e-6


def mended_4(users, actual, predicted):
    return float(np.sqrt(np.mean((actual - predicted) ** 2)))


# END SOLUTION
""" # BEGIN PROMPT
def exposes_4(program):
    # True if the program has the mistake, else False.
    ...


def mended_4(users, actual, predicted):
    ...
"""  # END PROMPT

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_your_own_case_4(program_4, exposes_4, mended_4):
    assert exposes_4(program_4), (
        "Two users on paper, one with a large error. Does each rating count alike?"
    )
    assert not exposes_4(mended_4), (
        "By your own evidence your mended program is wrong, too."
    )


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_evidence_4(exposes_4):
    import numpy as np
    import torch

    from reclib import metrics

    def squares_of(users, actual, predicted):
        squares = (np.asarray(actual) - np.asarray(predicted)) ** 2
        return [squares[np.asarray(users) == u] for u in np.unique(users)]

    def library(users, actual, predicted):
        pair = torch.as_tensor(predicted), torch.as_tensor(actual)
        return metrics.rmse(*pair).item()

    def loop(users, actual, predicted):
        pairs = list(zip(actual, predicted, strict=True))
        return (sum((a - p) ** 2 for a, p in pairs) / len(pairs)) ** 0.5

    def root_last(*arrays):
        return np.sqrt(np.mean([s.mean() for s in squares_of(*arrays)]))

    def weighted_roots(*arrays):
        parts = squares_of(*arrays)
        total = sum(len(s) * np.sqrt(s.mean()) for s in parts)
        return total / sum(len(s) for s in parts)

    def sum_by_user(*arrays):
        return np.sqrt(np.mean([s.sum() for s in squares_of(*arrays)]))

    assert not exposes_4(library) and not exposes_4(loop)
    for wrong in (root_last, weighted_roots, sum_by_user):
        assert exposes_4(wrong)


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_mended_4(mended_4):
    import numpy as np

    rng = np.random.default_rng(4)
    for n in (5, 200):
        users = np.sort(rng.integers(0, 4, n) ** 2)
        actual = rng.integers(1, 11, n) / 2
        predicted = actual + rng.normal(size=n) * (1 + users)
        right = np.linalg.norm(actual - predicted) / np.sqrt(n)
        assert np.isclose(mended_4(users, actual, predicted), right)


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q5
# points: 3

# %% [markdown]
# ## Question 5 · ◆ · criticise and implement · 3 points
#
# What a network does with its input before the first layer.


# %%
def program_5(X):
    """Every row divided by its Euclidean length; a row of zeros stays as it is.

    A float tensor [users, items], entries 0 or from .001 to 1e6 in size; returns
    one of the same shape. Every entry is right to one part in a thousand.
    """
    return X / X.norm(dim=1, keepdim=True)


print(program_5(fold_in).norm(dim=1)[:5])

# %% [raw]
# # BEGIN SOLUTION


# %%
# BEGIN SOLUTION NO PROMPT
def exposes_5(program):
    X = torch.tensor([[3.0, 4.0], [0.0, 0.0], [0.0, 1.0]])
    return not torch.equal(program(X)[1], torch.zeros(2))


def mended_5(X):
    return X / X.norm(dim=1, keepdim=True).clamp(min=1e-10)


# END SOLUTION
""" # BEGIN PROMPT
def exposes_5(program):
    # True if the program has the mistake, else False.
    ...


def mended_5(X):
    ...
"""  # END PROMPT

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_your_own_case_5(program_5, exposes_5, mended_5):
    assert exposes_5(program_5), "Which row has no direction?"
    assert not exposes_5(mended_5), (
        "By your own evidence your mended program is wrong, too."
    )


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_evidence_5(exposes_5):
    import torch

    def tiny(X):
        return X / (X.norm(dim=1, keepdim=True) + 1e-9)

    def library(X):
        return torch.nn.functional.normalize(X, dim=1)

    def loop(X):
        rows = [row / row.norm() if row.any() else row for row in X]
        return torch.stack(rows)

    def root(X):
        return X / X.square().sum(1, keepdim=True).sqrt()

    def inverse(X):
        return torch.diag(1 / X.norm(dim=1)) @ X

    def half_mended(X):
        return (X / X.norm(dim=1, keepdim=True)).nan_to_num(nan=1.0)

    def infinite(X):
        return X * X.norm(dim=1, keepdim=True).pow(-1).nan_to_num(posinf=0.0)

    for right in (tiny, library, loop, infinite):
        assert not exposes_5(right)
    for wrong in (root, inverse, half_mended):
        assert exposes_5(wrong)


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_mended_5(mended_5):
    import torch

    generator = torch.Generator().manual_seed(5)
    X = torch.randn(30, 8, generator=generator)
    X[X.abs() < 0.5] = 0
    X[::7], X[1] = 0, torch.eye(8)[2] / 500
    Y = mended_5(X.clone())
    assert Y.shape == X.shape and Y.isfinite().all()
    some = X.abs().sum(1) > 0
    assert (Y[~some] == 0).all()
    assert torch.allclose(Y[some].norm(dim=1), torch.ones(1), atol=1e-3)
    along = (X * Y).sum(1)[some] / X.norm(dim=1)[some]
    assert torch.allclose(along, torch.ones(1), atol=1e-3)


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q6
# points: 3

# %% [markdown]
# ## Question 6 · ◆◆◆ · design and implement · 3 points
#
# The scores of a variational autoencoder, at prediction. Calling twice is a start.
# But somebody who has read that a program should give the same twice may have
# seen to *that*.


# %%
def program_6(encode, decode, X):
    """Scores from the mean of each user's code; a float tensor [users, items].

    ``encode(X)`` reads some rows of X and returns mean and logarithm of the
    variance of their codes, two finite tensors [rows, codes]; ``decode(z)`` turns
    codes into scores, row by row.
    """
    mean, logvar = encode(X)
    noise = torch.randn(mean.shape)
    return decode(mean + noise * (0.5 * logvar).exp())


torch.manual_seed(0)
toy = program_6(lambda X: (X, X - 3), lambda z: z, torch.eye(3))
print(toy.argmax(dim=1))

# %% [raw]
# # BEGIN SOLUTION


# %%
# BEGIN SOLUTION NO PROMPT
def exposes_6(program):
    X = torch.arange(12.0).reshape(4, 3)
    found = program(lambda X: (X, torch.full_like(X, 2.0)), lambda z: 2 * z, X)
    return not torch.allclose(found, 2 * X, atol=1e-3)


def mended_6(encode, decode, X):
    return decode(encode(X)[0])


# END SOLUTION
""" # BEGIN PROMPT
def exposes_6(program):
    # True if the program has the mistake, else False.
    ...


def mended_6(encode, decode, X):
    ...
"""  # END PROMPT

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_your_own_case_6(program_6, exposes_6, mended_6):
    assert exposes_6(program_6), (
        "You may choose encode and decode. Which scores do you know beforehand?"
    )
    assert not exposes_6(mended_6), (
        "By your own evidence your mended program is wrong, too."
    )


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_evidence_6(exposes_6):
    import torch

    def by_user(encode, decode, X):
        codes = [encode(X[u : u + 1])[0] for u in range(len(X))]
        return decode(torch.cat(codes))

    def careful(encode, decode, X):
        with torch.no_grad():
            mean, logvar = encode(X)
            return decode(mean + 0 * logvar)

    def seeded(encode, decode, X):
        mean, logvar = encode(X)
        generator = torch.Generator().manual_seed(7)
        noise = torch.randn(mean.shape, generator=generator)
        return decode(mean + noise * (0.5 * logvar).exp())

    def averaged(encode, decode, X):
        mean, logvar = encode(X)
        noise = torch.randn(20, *mean.shape).mean(0)
        return decode(mean + noise * (0.5 * logvar).exp())

    def one_deviation(encode, decode, X):
        mean, logvar = encode(X)
        return decode(mean + (0.5 * logvar).exp())

    assert not exposes_6(by_user) and not exposes_6(careful)
    for wrong in (seeded, averaged, one_deviation):
        assert exposes_6(wrong)


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_mended_6(mended_6):
    import torch

    generator = torch.Generator().manual_seed(6)
    X = torch.randn(9, 7, generator=generator)
    W, V = (torch.randn(7, 7, generator=generator) for _ in range(2))

    def encode(X):
        return X @ W, X @ V

    def decode(z):
        return torch.tanh(z) @ V

    found = mended_6(encode, decode, X)
    assert torch.allclose(found, torch.tanh(X @ W) @ V, atol=1e-5)


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q7
# points: 3

# %% [markdown]
# ## Question 7 · ◆◆ · design and implement · 3 points
#
# The draw of a code in training. No single draw proves anything.


# %%
def program_7(mean, logvar, generator):
    """A draw from a normal distribution for each entry, independent of the others.

    ``mean`` and ``logvar``, the logarithm of the *variance*, are float tensors of
    one shape, ``logvar`` from -10 to 10; returns a tensor of this shape. All
    randomness comes from ``generator``, a torch.Generator; two calls with the same
    one give independent draws.
    """
    noise = 0.01 * torch.randn(mean.shape, generator=generator)
    return mean + noise * (0.5 * logvar).exp()


seven = torch.Generator().manual_seed(7)
print(program_7(torch.zeros(5), torch.zeros(5), seven))

# %% [raw]
# # BEGIN SOLUTION


# %%
# BEGIN SOLUTION NO PROMPT
def exposes_7(program):
    generator = torch.Generator().manual_seed(0)
    for mean, sd in ((0.0, 1.0), (5.0, 3.0), (-2.0, 0.2)):
        means = torch.full((20_000,), mean)
        logvars = torch.full((20_000,), 2 * np.log(sd))
        z = (program(means, logvars, generator) - mean) / sd
        if abs(z.mean()) > 0.05 or abs(z.std() - 1) > 0.05:
            return True
    return False


def mended_7(mean, logvar, generator):
    noise = torch.randn(mean.shape, generator=generator)
    return mean + noise * (0.5 * logvar).exp()


# END SOLUTION
""" # BEGIN PROMPT
def exposes_7(program):
    # True if the program has the mistake, else False.
    ...


def mended_7(mean, logvar, generator):
    ...
"""  # END PROMPT

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_your_own_case_7(program_7, exposes_7, mended_7):
    assert exposes_7(program_7), (
        "Draw many times. Which two numbers should come out?"
    )
    assert not exposes_7(mended_7), (
        "By your own evidence your mended program is wrong, too."
    )


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_evidence_7(exposes_7):
    import torch

    def library(mean, logvar, generator):
        return torch.normal(mean, logvar.exp().sqrt(), generator=generator)

    def filled(mean, logvar, generator):
        noise = torch.empty_like(mean).normal_(generator=generator)
        return torch.exp(logvar / 2) * noise + mean

    def program(noise, power=0.5):
        def of(mean, logvar, generator):
            e = noise(mean.shape, generator)
            return mean + e * (power * logvar).exp()

        return of

    def normal(shape, generator):
        return torch.randn(shape, generator=generator)

    def uniform(shape, generator):
        return torch.rand(shape, generator=generator)

    assert not exposes_7(library) and not exposes_7(filled)
    assert exposes_7(program(uniform))
    assert exposes_7(program(lambda *a: 0.5 * normal(*a)))
    assert exposes_7(program(lambda *a: 2 * uniform(*a) - 1))
    assert exposes_7(program(normal, power=1.0))


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_mended_7(mended_7):
    import torch

    generator = torch.Generator().manual_seed(3)
    for mean, logvar in ((0.0, 0.0), (4.0, 1.5), (-1.0, -3.0)):
        means = torch.full((200, 100), mean)
        draws = mended_7(means, torch.full((200, 100), logvar), generator)
        z = (draws - mean) / torch.tensor(logvar / 2).exp()
        assert z.shape == (200, 100)
        assert abs(z.mean()) < 0.04 and abs(z.std() - 1) < 0.04
        assert abs((z.abs() < 1).double().mean() - 0.683) < 0.02
        assert z.mean(0).std() < 0.15 and z.mean(1).std() < 0.15
    twice = [
        mended_7(means, means, torch.Generator().manual_seed(1))
        for _ in range(2)
    ]
    assert torch.equal(*twice)


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q8
# points: 3

# %% [markdown]
# ## Question 8 · ◆◆ · design and implement · 3 points
#
# The weight of the KL term. How it rises is left open: in a line or in a curve,
# from 0 or from a first step above it.


# %%
def program_8(epochs, updates, cap, steps):
    """The weight beta at every update of a training.

    A list of ``epochs * updates`` numbers. Beta begins at most at ``cap / steps``,
    never falls during the training, is never above ``cap``, and is ``cap`` after
    the first ``steps`` updates of the training (from position ``steps`` on); all
    this up to 1e-9. ``cap`` is above 0 and at most 1.
    """
    betas = []
    for _ in range(epochs):
        for count in range(updates):
            betas.append(min(cap, cap * count / steps))
    return betas


print(np.round(program_8(1, 12, 0.2, 10), 2))

# %% [raw]
# # BEGIN SOLUTION


# %%
# BEGIN SOLUTION NO PROMPT
def exposes_8(program):
    for epochs, updates in ((10, 4), (40, 1)):
        betas = np.array(program(epochs, updates, 0.2, 10))
        if (np.diff(betas) < -1e-9).any():
            return True
        if abs(betas[10:] - 0.2).max() > 1e-9:
            return True
    return False


def mended_8(epochs, updates, cap, steps):
    return [min(cap, cap * t / steps) for t in range(epochs * updates)]


# END SOLUTION
""" # BEGIN PROMPT
def exposes_8(program):
    # True if the program has the mistake, else False.
    ...


def mended_8(epochs, updates, cap, steps):
    ...
"""  # END PROMPT

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_your_own_case_8(program_8, exposes_8, mended_8):
    assert exposes_8(program_8), (
        "The line that you see is right. It is one epoch."
    )
    assert not exposes_8(mended_8), (
        "By your own evidence your mended program is wrong, too."
    )


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_evidence_8(exposes_8):
    import numpy as np

    def curve(shape):
        def of(epochs, updates, cap, steps):
            t = np.minimum(np.arange(epochs * updates) / steps, 1)
            return list(cap * shape(t))

        return of

    def from_one(epochs, updates, cap, steps):
        betas, count = [], 0
        for _ in range(epochs):
            for _ in range(updates):
                count += 1
                betas.append(min(cap, cap * count / steps))
        return betas

    def clipped(epochs, updates, cap, steps):
        line = np.minimum(np.arange(epochs * updates), updates) / steps
        return list(np.minimum(cap, cap * line))

    def of_epochs(epochs, updates, cap, steps):
        line = np.repeat(np.arange(epochs), updates) / steps
        return list(np.minimum(cap, cap * line))

    def every_other(epochs, updates, cap, steps):
        line = np.arange(epochs * updates) % (2 * updates) / steps
        return list(np.minimum(cap, cap * line))

    def after_the_warm_up(epochs, updates, cap, steps):
        betas, t = [], 0
        for _ in range(epochs):
            t = 0 if t > steps else t
            for _ in range(updates):
                betas.append(min(cap, cap * t / steps))
                t += 1
        return betas

    assert not exposes_8(from_one)
    assert not exposes_8(curve(lambda t: t))
    assert not exposes_8(curve(lambda t: t**2))
    assert not exposes_8(curve(lambda t: (1 - np.cos(np.pi * t)) / 2))
    for wrong in (clipped, of_epochs, every_other, after_the_warm_up):
        assert exposes_8(wrong)


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_mended_8(mended_8):
    import numpy as np

    for case in ((6, 5, 0.2, 12), (1, 30, 1.0, 20), (30, 1, 0.5, 7)):
        epochs, updates, cap, steps = case
        betas = np.array(mended_8(*case))
        assert betas.shape == (epochs * updates,)
        assert betas[0] <= cap / steps + 1e-9
        assert (np.diff(betas) > -1e-9).all() and betas.max() < cap + 1e-9
        assert np.allclose(betas[steps:], cap)


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q9
# points: 3

# %% [markdown]
# ## Question 9 · ◆ · design and implement · 3 points
#
# One epoch: every row takes part once, no more and no less. In which order is left
# open.


# %%
def program_9(X, size, step):
    """Call ``step(batch)`` until every row of X was in one batch, exactly once.

    ``X`` is an array [rows, columns] with at least one row; a batch is an array
    of some of its rows, at least one and at most ``size``. The order is free.
    """
    for b in range(len(X) // size):
        step(X[b * size : (b + 1) * size])


batches = []
program_9(fold_in.numpy(), 8, batches.append)
print([len(batch) for batch in batches])

# %% [raw]
# # BEGIN SOLUTION


# %%
# BEGIN SOLUTION NO PROMPT
def exposes_9(program):
    for rows, size in ((12, 4), (14, 4), (3, 5), (7, 1)):
        batches = []
        program(np.arange(rows)[:, None], size, batches.append)
        found = np.sort([i for batch in batches for i in np.ravel(batch)])
        if not np.array_equal(found, np.arange(rows)):
            return True
    return False


def mended_9(X, size, step):
    for start in range(0, len(X), size):
        step(X[start : start + size])


# END SOLUTION
""" # BEGIN PROMPT
def exposes_9(program):
    # True if the program has the mistake, else False.
    ...


def mended_9(X, size, step):
    ...
"""  # END PROMPT

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_your_own_case_9(program_9, exposes_9, mended_9):
    assert exposes_9(program_9), (
        "Give every row a number, and write down which ones come."
    )
    assert not exposes_9(mended_9), (
        "By your own evidence your mended program is wrong, too."
    )


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_evidence_9(exposes_9):
    import numpy as np

    def program(order):
        def of(X, size, step):
            rows = order(len(X), size)
            for start in range(0, len(rows), size):
                step(X[rows[start : start + size]])

        return of

    rng = np.random.default_rng(9)

    def balanced(X, size, step):
        for part in np.array_split(X[::-1], -(-len(X) // size)):
            step(part)

    def last_full(X, size, step):
        for start in range(0, len(X) - size, size):
            step(X[start : start + size])

    assert not exposes_9(program(lambda n, size: np.arange(n)))
    assert not exposes_9(program(lambda n, size: rng.permutation(n)))
    assert not exposes_9(balanced)
    assert exposes_9(last_full)
    assert exposes_9(
        program(lambda n, size: rng.permutation(n)[: n - n % size])
    )
    assert exposes_9(program(lambda n, size: rng.integers(n, size=n)))
    assert exposes_9(program(lambda n, size: np.arange(n + -n % size) % n))


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_mended_9(mended_9):
    import numpy as np

    rng = np.random.default_rng(1)
    for rows, size in ((20, 5), (23, 5), (4, 9), (11, 10), (6, 1)):
        X = rng.random((rows, 3))
        batches = []
        mended_9(X.copy(), size, batches.append)
        assert all(1 <= len(batch) <= size for batch in batches)
        found = np.concatenate(batches)
        assert found.shape == X.shape
        assert np.allclose(
            found[np.argsort(found[:, 0])], X[np.argsort(X[:, 0])]
        )


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q10
# points: 3

# %% [markdown]
# ## Question 10 · ◆◆ · design and implement · 3 points
#
# Training, with an evaluation after each epoch. `model` is any `torch.nn.Module`,
# and `update` and `evaluate` are any functions: you may pass in some that look
# around.


# %%
def program_10(model, epochs, update, evaluate):
    """Train, and evaluate after each epoch; the list of what ``evaluate`` gave.

    ``update(model)`` makes the updates of one epoch. Whenever it is called, the
    model and all its parts are in training mode. ``evaluate(model)`` is called
    after each ``update``, with all in evaluation mode. Neither of the two changes
    a mode.
    """
    results = []
    model.train()
    for _ in range(epochs):
        update(model)
        model.eval()
        results.append(evaluate(model))
    return results


layers = torch.nn.Linear(4, 4), torch.nn.Dropout(0.5)
net = torch.nn.Sequential(*layers)
print(program_10(net, 1, lambda m: None, lambda m: m.training))

# %% [raw]
# # BEGIN SOLUTION


# %%
# BEGIN SOLUTION NO PROMPT
def exposes_10(program):
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Dropout())
    modes = []

    def update(model):
        modes.append(all(part.training for part in model.modules()))

    def evaluate(model):
        modes.append(not any(part.training for part in model.modules()))

    for before in (True, False):
        program(model.train(before), 4, update, evaluate)
    return not all(modes)


def mended_10(model, epochs, update, evaluate):
    results = []
    for _ in range(epochs):
        model.train()
        update(model)
        model.eval()
        results.append(evaluate(model))
    return results


# END SOLUTION
""" # BEGIN PROMPT
def exposes_10(program):
    # True if the program has the mistake, else False.
    ...


def mended_10(model, epochs, update, evaluate):
    ...
"""  # END PROMPT

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_your_own_case_10(program_10, exposes_10, mended_10):
    assert exposes_10(program_10), (
        "Write down the mode at every call of update."
    )
    assert not exposes_10(mended_10), (
        "By your own evidence your mended program is wrong, too."
    )


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_evidence_10(exposes_10):
    import torch

    def undone(model, epochs, update, evaluate):
        found = []
        for _ in range(epochs):
            update(model.train())
            with torch.no_grad():
                found += [evaluate(model.eval())]
            model.train()
        return found

    def part_by_part(model, epochs, update, evaluate):
        def switch(on):
            for part in model.modules():
                part.training = on

        found = []
        for _ in range(epochs):
            switch(True)
            update(model)
            switch(False)
            found.append(evaluate(model))
        return found

    def program(prepare):
        def of(model, epochs, update, evaluate):
            found = []
            for epoch in range(epochs):
                prepare(model, epoch)
                update(model)
                found.append(evaluate(model.eval()))
            return found

        return of

    def outside_only(model, epoch):
        model.training = True

    def late(model, epoch):
        model.train(epoch < 2)

    assert not exposes_10(undone) and not exposes_10(part_by_part)
    assert not exposes_10(program(lambda model, epoch: model.train()))
    assert exposes_10(program(lambda model, epoch: model.train(epoch == 0)))
    assert exposes_10(program(lambda model, epoch: model.train(epoch % 2 == 0)))
    assert exposes_10(program(late))
    assert exposes_10(program(outside_only))


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_mended_10(mended_10):
    import torch

    seen = []

    def look(name):
        def of(model):
            modes = {part.training for part in model.modules()}
            seen.append((name, modes))
            return len(seen)

        return of

    parts = torch.nn.Linear(2, 2), torch.nn.Dropout(0.5)
    for before in (True, False):
        seen.clear()
        model = torch.nn.Sequential(*parts).train(before)
        found = mended_10(model, 3, look("update"), look("evaluate"))
        assert list(found) == [2, 4, 6]
        assert seen == [("update", {True}), ("evaluate", {False})] * 3


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q11
# points: 3

# %% [markdown]
# ## Question 11 · ◆◆◆ · design and implement · 3 points
#
# The same training, several times in one session. Which optimiser a program uses,
# and with which learning rate, is left open to others; keep Adam with .1 in yours.


# %%
def program_11(start, loss, steps, times):
    """Train ``times`` times from the weights ``start``; the list of final weights.

    ``start`` is a float tensor, ``loss(w)`` a differentiable scalar without
    randomness. Every training makes ``steps`` updates and begins as if there had
    been none before. The program has no randomness of its own, leaves ``start`` as
    it is, and does not diverge if second derivatives of the loss are below 20.
    """
    w = start.clone().requires_grad_()
    optimizer = torch.optim.Adam([w], lr=0.1)
    found = []
    for _ in range(times):
        with torch.no_grad():
            w.copy_(start)
        for _ in range(steps):
            optimizer.zero_grad()
            loss(w).backward()
            optimizer.step()
        found.append(w.detach().clone())
    return found


ends = program_11(torch.zeros(2), lambda w: (w - 1).square().sum(), 200, 2)
print([each.numpy().round(3).tolist() for each in ends])

# %% [raw]
# # BEGIN SOLUTION


# %%
# BEGIN SOLUTION NO PROMPT
def exposes_11(program):
    start, goal = torch.tensor([4.0, -3.0]), torch.tensor([1.0, 10.0])
    for steps in (1, 5, 20):
        found = program(start, lambda w: (w - goal).square().sum(), steps, 4)
        for each in found[1:]:
            if not torch.allclose(each, found[0], atol=1e-5):
                return True
    return False


def mended_11(start, loss, steps, times):
    found = []
    for _ in range(times):
        w = start.clone().requires_grad_()
        optimizer = torch.optim.Adam([w], lr=0.1)
        for _ in range(steps):
            optimizer.zero_grad()
            loss(w).backward()
            optimizer.step()
        found.append(w.detach().clone())
    return found


# END SOLUTION
""" # BEGIN PROMPT
def exposes_11(program):
    # True if the program has the mistake, else False.
    ...


def mended_11(start, loss, steps, times):
    ...
"""  # END PROMPT

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_your_own_case_11(program_11, exposes_11, mended_11):
    assert exposes_11(program_11), (
        "After 200 steps both are at the goal. On the way there?"
    )
    assert not exposes_11(mended_11), (
        "By your own evidence your mended program is wrong, too."
    )


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_evidence_11(exposes_11):
    import torch

    def program(make, forget=True, decay=1.0, warm=0):
        def of(start, loss, steps, times):
            w = start.clone().requires_grad_()
            optimizer, found = make([w]), []
            for number in range(times):
                if forget:
                    optimizer = make([w])
                with torch.no_grad():
                    w.copy_(start if number < 2 or not warm else found[-1])
                for _ in range(steps):
                    optimizer.zero_grad()
                    loss(w).backward()
                    optimizer.step()
                    for group in optimizer.param_groups:
                        group["lr"] *= decay
                found.append(w.detach().clone())
            return found

        return of

    def adam(w):
        return torch.optim.Adam(w, lr=0.05)

    def sgd(w):
        return torch.optim.SGD(w, lr=0.01)

    def momentum(w):
        return torch.optim.SGD(w, lr=0.01, momentum=0.9)

    assert not exposes_11(program(adam))
    assert not exposes_11(program(momentum))
    assert not exposes_11(program(sgd, forget=False))
    assert not exposes_11(program(sgd, decay=0.9))
    assert exposes_11(program(adam, forget=False))
    assert exposes_11(program(momentum, forget=False))
    assert exposes_11(program(sgd, forget=False, decay=0.9))
    assert exposes_11(program(sgd, warm=1))


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_mended_11(mended_11):
    import torch

    goal = torch.tensor([[2.0, -1.0, 0.5]])

    def loss(w):
        return (w - goal).pow(4).sum()

    start = torch.tensor([[0.0, 3.0, 1.0]])
    for steps in (1, 7, 30):
        w = start.clone().requires_grad_()
        adam = torch.optim.Adam([w], lr=0.1)
        for _ in range(steps):
            adam.zero_grad()
            loss(w).backward()
            adam.step()
        found = mended_11(start.clone(), loss, steps, 3)
        assert len(found) == 3
        for each in found:
            assert torch.allclose(each, w, atol=1e-5)


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q12
# points: 4

# %% [markdown]
# ## Question 12 · ◆◆◆ · derive and implement · 4 points
#
# A test of a test. A metric between 0 and 1 was expected; a new run measured
# something. `spread` is the standard deviation of the metric over seeds. A test
# that lets wrong numbers pass is of no use, and one that fails good runs is soon
# switched off.
#
# Besides evidence and a mended program, write down which measured values, from 0
# to 1, the program below lets pass for *your* expected value: the lowest and the
# highest, to four decimals.


# %%
def program_12(measured, expected, spread):
    """Whether a measured metric agrees with the expected one, a bool.

    All three are floats, the first two from 0 to 1, ``spread`` at least 1e-6. True
    if the measured value is within two spreads of the expected one, False if it is
    more than six away, on either side; between two and six either will do.
    """
    return abs(measured - expected) <= max(0.1 * expected, 0.05)


your_expected = draw("expected", [0.0255, 0.031, 0.046, 0.38, 0.62, 0.97])
print(your_expected, program_12(your_expected + 0.003, your_expected, 0.004))

# %% [raw]
# # BEGIN SOLUTION


# %%
# BEGIN SOLUTION NO PROMPT
def exposes_12(program):
    for expected in (0.0255, 0.2, 0.5, 0.9):
        for spread in (0.0005, 0.004, 0.015):
            for away in (-7, -6.1, -1.9, -1, 0, 1, 1.9, 6.1, 7, 20, -20):
                measured = expected + away * spread
                if not 0 <= measured <= 1:
                    continue
                if bool(program(measured, expected, spread)) != (abs(away) < 2):
                    return True
    return False


def mended_12(measured, expected, spread):
    return abs(measured - expected) <= 3 * spread


slack = max(0.1 * your_expected, 0.05)
passes_12 = max(0.0, your_expected - slack), min(1.0, your_expected + slack)
# END SOLUTION
""" # BEGIN PROMPT
def exposes_12(program):
    # True if the program has the mistake, else False.
    ...


def mended_12(measured, expected, spread):
    ...


passes_12 = (..., ...)  # lowest, highest
"""  # END PROMPT

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_your_own_case_12(program_12, exposes_12, mended_12):
    assert exposes_12(program_12), (
        "A run measured 0. With which expected value does the test not mind?"
    )
    assert not exposes_12(mended_12), (
        "By your own evidence your mended program is wrong, too."
    )


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_evidence_12(exposes_12):
    import math

    def within(allowed):
        def of(measured, expected, spread):
            return bool(abs(measured - expected) <= allowed(expected, spread))

        return of

    def library(measured, expected, spread):
        return math.isclose(
            measured, expected, rel_tol=0, abs_tol=max(3 * spread, 1e-9)
        )

    def one_sided(measured, expected, spread):
        return measured >= expected - 3 * spread

    for spreads in (2.2, 3, 5.8):
        assert not exposes_12(within(lambda e, s, n=spreads: n * s))
    assert not exposes_12(library)
    assert exposes_12(within(lambda e, s: 0.05))
    assert exposes_12(within(lambda e, s: 0.1 * e))
    assert exposes_12(within(lambda e, s: max(3 * s, 0.01)))
    assert exposes_12(within(lambda e, s: 0.2 * s))
    assert exposes_12(one_sided)


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_mended_12(mended_12):
    for expected in (0.01, 0.0255, 0.3, 0.8):
        for spread in (0.0001, 0.002, 0.03):
            for away in (0, 0.5, 1.9):
                for sign in (-1, 1):
                    near = expected + sign * away * spread
                    far = expected + sign * (away + 6.2) * spread
                    if 0 <= near <= 1:
                        assert mended_12(near, expected, spread)
                    if 0 <= far <= 1:
                        assert not mended_12(far, expected, spread)


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_passes_12(student, passes_12):
    import hashlib

    import numpy as np

    name = " ".join(str(student).lower().split())
    digest = hashlib.sha256(f"{name}/expected".encode()).digest()
    options = [0.0255, 0.031, 0.046, 0.38, 0.62, 0.97]
    expected = options[int.from_bytes(digest[:8], "big") % 6]
    slack = max(0.1 * expected, 0.05)
    right = max(0, expected - slack), min(1, expected + slack)
    assert np.allclose(np.array(passes_12, dtype=float), right, atol=2e-4)


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION
