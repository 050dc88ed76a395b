"""Wrong solutions of assignment 6, and right ones in another style.

A cell is `# %% question: what is wrong`, or `# %% question: RIGHT`. It takes
the place of the cell of the student's notebook that defines the same names.
"""

import math
from fractions import Fraction
from itertools import product

import numpy as np
import pandas as pd


# %% q1: masks that are equal only if all is noisy, ordered pairs
def rows_without_noise(rows, K, q):
    return rows * q**K


def pairs_with_equal_masks(rows, K, q):
    return rows * (rows - 1) * q ** (2 * K)


empty_cells = 82.5


# %% q1: ordered pairs, and the weights .9 and .1
def rows_without_noise(rows, K, q):
    return rows * (1 - q) ** K


def pairs_with_equal_masks(rows, K, q):
    return rows * (rows - 1) * (q**2 + (1 - q) ** 2) ** K


empty_cells = 0.85 * 97.1


# %% q1: every mask thought equally likely
def rows_without_noise(rows, K, q):
    return rows * 0.5**K


def pairs_with_equal_masks(rows, K, q):
    return math.comb(rows, 2) * 0.5**K


empty_cells = 600 * 97.1 / 690


# %% q1: a probability in place of an expected number
def rows_without_noise(rows, K, q):
    return 1 - (1 - (1 - q) ** K) ** rows


def pairs_with_equal_masks(rows, K, q):
    equal = (q**2 + (1 - q) ** 2) ** K
    return 1 - (1 - equal) ** math.comb(rows, 2)


empty_cells = 97.1 / 1.15


# %% q1: both noisy, "neither" forgotten
def rows_without_noise(rows, K, q):
    return rows * (1 - q) ** K


def pairs_with_equal_masks(rows, K, q):
    return math.comb(rows, 2) * (q**2) ** K


empty_cells = 97.1 - 15


# %% q1: a row counted as a pair with itself
def rows_without_noise(rows, K, q):
    return rows * (1 - q) ** K


def pairs_with_equal_masks(rows, K, q):
    return rows**2 / 2 * (q**2 + (1 - q) ** 2) ** K


empty_cells = 100 * 90 / 690


# %% q1: RIGHT
def rows_without_noise(rows, K, q):
    expected = float(rows)
    for _ in range(K):
        expected -= expected * q
    return expected


def pairs_with_equal_masks(rows, K, q):
    same = 0.0
    for mask in product([True, False], repeat=K):
        chance = 1.0
        for noisy in mask:
            chance *= q if noisy else 1 - q
        same += chance * chance
    return same * sum(range(rows))


empty_cells = 100 * (1 - (600 * 0.029 + 90) / 690)


# %% q2: rand for randn, as in the public notebook
def augment(X, encode, decode, fraction, s, q, rng):
    chosen = rng.permutation(len(X))[: int(fraction * len(X))]
    z = encode(X[chosen])
    noise = s * rng.random(z.shape) * (rng.random(z.shape) < q)
    return np.concatenate([X, decode(z + noise)])


# %% q2: drawn with replacement
def augment(X, encode, decode, fraction, s, q, rng):
    chosen = rng.integers(len(X), size=int(fraction * len(X)))
    z = encode(X[chosen])
    noise = s * rng.normal(size=z.shape) * (rng.random(z.shape) < q)
    return np.concatenate([X, decode(z + noise)])


# %% q2: the first rows, not drawn
def augment(X, encode, decode, fraction, s, q, rng):
    z = encode(X[: int(fraction * len(X))])
    noise = s * rng.normal(size=z.shape) * (rng.random(z.shape) < q)
    return np.concatenate([X, decode(z + noise)])


# %% q2: one mask for all rows
def augment(X, encode, decode, fraction, s, q, rng):
    chosen = rng.permutation(len(X))[: int(fraction * len(X))]
    z = encode(X[chosen])
    noise = s * rng.normal(size=z.shape) * (rng.random(z.shape[1]) < q)
    return np.concatenate([X, decode(z + noise)])


# %% q2: a whole row noisy, or none of it
def augment(X, encode, decode, fraction, s, q, rng):
    chosen = rng.permutation(len(X))[: int(fraction * len(X))]
    z = encode(X[chosen])
    noise = s * rng.normal(size=z.shape) * (rng.random((len(z), 1)) < q)
    return np.concatenate([X, decode(z + noise)])


# %% q2: noise on the ratings, not on the code
def augment(X, encode, decode, fraction, s, q, rng):
    chosen = X[rng.permutation(len(X))[: int(fraction * len(X))]]
    noise = s * rng.normal(size=chosen.shape)
    noise *= rng.random(chosen.shape) < q
    return np.concatenate([X, decode(encode(chosen + noise))])


# %% q2: noisy where it should not be
def augment(X, encode, decode, fraction, s, q, rng):
    chosen = rng.permutation(len(X))[: int(fraction * len(X))]
    z = encode(X[chosen])
    noise = s * rng.normal(size=z.shape) * (rng.random(z.shape) > q)
    return np.concatenate([X, decode(z + noise)])


# %% q2: s taken for the variance
def augment(X, encode, decode, fraction, s, q, rng):
    chosen = rng.permutation(len(X))[: int(fraction * len(X))]
    z = encode(X[chosen])
    noise = s**0.5 * rng.normal(size=z.shape) * (rng.random(z.shape) < q)
    return np.concatenate([X, decode(z + noise)])


# %% q2: the new rows take the place of the old
def augment(X, encode, decode, fraction, s, q, rng):
    chosen = rng.permutation(len(X))[: int(fraction * len(X))]
    z = encode(X[chosen])
    noise = s * rng.normal(size=z.shape) * (rng.random(z.shape) < q)
    X[chosen] = decode(z + noise)
    return X


# %% q2: RIGHT
def augment(X, encode, decode, fraction, s, q, rng):
    rows = [row for row in X]
    count = int(fraction * len(X))
    for u in rng.choice(len(X), size=count, replace=False):
        code = np.array(encode(X[u : u + 1]), dtype=float)
        for k in range(code.shape[1]):
            if rng.uniform() < q:
                code[0, k] += rng.normal(0, s)
        rows.append(decode(code)[0])
    return np.stack(rows)


# %% q3: the reader's size, as if it always did
def equal_batches(n, b, new):
    return [(n + new) // (n // b)]


failures = 0


# %% q3: the last batch is counted, as in library and chapter
def equal_batches(n, b, new):
    return list(augmentation.equal_update_batches(n, b, new))  # noqa: F821


failures = 0
for n in range(1, 2001):
    m, updates = n + n * percent // 100, -(-n // my_b)  # noqa: F821
    theirs = -(-n * (100 + percent) // (100 * updates))  # noqa: F821
    failures += -(-m // theirs) != updates


# %% q3: no more updates than before, half of what is wanted
def equal_batches(n, b, new):
    total = n + new
    return [size for size in range(1, total + 1) if total // size <= n // b]


failures = 0
for n in range(my_b, 2001):  # noqa: F821
    total = n + n * percent // 100  # noqa: F821
    theirs = total // (n // my_b)  # noqa: F821
    failures += total // theirs < n // my_b  # noqa: F821


# %% q3: dropped before, counted after
def equal_batches(n, b, new):
    total = n + new
    sizes = range(1, total + 1)
    return [size for size in sizes if math.ceil(total / size) == n // b]


failures = 0
for n in range(my_b, 2001):  # noqa: F821
    total = n + n * percent // 100  # noqa: F821
    theirs = total // (n // my_b)  # noqa: F821
    failures += math.ceil(total / theirs) != n // my_b  # noqa: F821


# %% q3: the lower end of the interval is included
def equal_batches(n, b, new):
    updates, total = n // b, n + new
    return list(range(-(-total // (updates + 1)), total // updates + 1))


failures = 0
for n in range(my_b, 2001):  # noqa: F821
    found = equal_batches(n, my_b, n * percent // 100)  # noqa: F821
    failures += not found


# %% q3: the right sizes; data sets of less than a batch counted as failures
def equal_batches(n, b, new):
    total = n + new
    return [size for size in range(1, total + 1) if total // size == n // b]


failures = my_b - 1  # noqa: F821
for n in range(my_b, 2001):  # noqa: F821
    total = n + n * percent // 100  # noqa: F821
    failures += total // (total // (n // my_b)) != n // my_b  # noqa: F821


# %% q3: the right sizes; rounded to the nearest number of rows
def equal_batches(n, b, new):
    total = n + new
    return [size for size in range(1, total + 1) if total // size == n // b]


failures = 0
for n in range(my_b, 2001):  # noqa: F821
    total = round(n * (1 + percent / 100))  # noqa: F821
    failures += total // (total // (n // my_b)) != n // my_b  # noqa: F821


# %% q3: RIGHT
def equal_batches(n, b, new):
    before = len(range(b, n + 1, b))
    sizes = range(1, n + new + 1)
    return [
        size for size in sizes if len(range(size, n + new + 1, size)) == before
    ]


failures = 0
c = Fraction(percent, 100)  # noqa: F821
for n in range(my_b, 2001):  # noqa: F821
    before, rows = n // my_b, n + math.floor(c * n)  # noqa: F821
    size = math.floor(Fraction(rows, before))
    failures += math.floor(Fraction(rows, size)) != before


# %% q4: more rows, less empty
change = {
    "empty cells": "falls",
    "updates": "rises",
    "teacher's share": "stays",
    "columns": "rises",
    "reduction": "stays",
    "constant": "rises",
}

# %% q4: the report's equal updates taken for granted
change = {
    "empty cells": "stays",
    "updates": "stays",
    "teacher's share": "falls",
    "columns": "rises",
    "reduction": "stays",
    "constant": "rises",
}

# %% q4: another unit thought to be another reduction
change = {
    "empty cells": "stays",
    "updates": "rises",
    "teacher's share": "falls",
    "columns": "rises",
    "reduction": "rises",
    "constant": "stays",
}

# %% q4: the share of new rows taken for the share of targets
change = {
    "empty cells": "stays",
    "updates": "rises",
    "teacher's share": "stays",
    "columns": "rises",
    "reduction": "stays",
    "constant": "rises",
}

# %% q4: nothing changes
change = dict.fromkeys(
    [
        "empty cells",
        "updates",
        "teacher's share",
        "columns",
        "reduction",
        "constant",
    ],
    "stays",
)

# %% q4: the score of a constant thought to be a mean
change = {
    "empty cells": "stays",
    "updates": "rises",
    "teacher's share": "falls",
    "columns": "stays",
    "reduction": "stays",
    "constant": "stays",
}

# %% q4: RIGHT
words = ["stays", "rises", "falls", "rises", "stays", "rises"]
names = "empty cells,updates,teacher's share,columns,reduction,constant"
change = dict(zip(names.split(","), words, strict=True))


# %% q5: first augmented, then split
def twin(copies, keep, share):
    return 1 - (1 - keep * (1 - share)) ** copies


def split_and_augment(table, share, copies, keep, rng):
    parts, step = [table], table["user"].max() + 1
    for number in range(1, copies + 1):
        part = table[rng.random(len(table)) < keep]
        parts.append(part.assign(user=part["user"] + number * step))
    both = pd.concat(parts, ignore_index=True).rename(columns={"user": "row"})
    order = rng.permutation(len(both))
    size = round(share * len(both))
    return both.iloc[order[size:]], both.iloc[order[:size]]


# %% q5: split in time, but augmented from all ratings
def twin(copies, keep, share):
    return 1 - (1 - keep) ** copies


def split_and_augment(table, share, copies, keep, rng):
    table = table.rename(columns={"user": "row"})
    order = rng.permutation(len(table))
    size = round(share * len(table))
    parts, step = [table.iloc[order[size:]]], table["row"].max() + 1
    for number in range(1, copies + 1):
        part = table[rng.random(len(table)) < keep]
        parts.append(part.assign(row=part["row"] + number * step))
    return pd.concat(parts, ignore_index=True), table.iloc[order[:size]]


# %% q5: both parts are augmented
def twin(copies, keep, share):
    return copies * keep * (1 - share)


def split_and_augment(table, share, copies, keep, rng):
    table = table.rename(columns={"user": "row"})
    order = rng.permutation(len(table))
    size, step = round(share * len(table)), table["row"].max() + 1

    def grown(part):
        parts = [part]
        for number in range(1, copies + 1):
            new = part[rng.random(len(part)) < keep]
            parts.append(new.assign(row=new["row"] + number * step))
        return pd.concat(parts, ignore_index=True)

    return grown(table.iloc[order[size:]]), grown(table.iloc[order[:size]])


# %% q5: all copies of a user keep the same ratings
def twin(copies, keep, share):
    return keep * (1 - share**copies)


def split_and_augment(table, share, copies, keep, rng):
    table = table.rename(columns={"user": "row"})
    order = rng.permutation(len(table))
    size = round(share * len(table))
    train = table.iloc[order[size:]]
    parts, step = [train], table["row"].max() + 1
    part = train[rng.random(len(train)) < keep]
    for number in range(1, copies + 1):
        parts.append(part.assign(row=part["row"] + number * step))
    return pd.concat(parts, ignore_index=True), table.iloc[order[:size]]


# %% q5: new ratings are added to the old rows
def twin(copies, keep, share):
    return (keep * (1 - share)) ** copies


def split_and_augment(table, share, copies, keep, rng):
    table = table.rename(columns={"user": "row"})
    order = rng.permutation(len(table))
    size = round(share * len(table))
    train = table.iloc[order[size:]]
    parts = [train]
    for _ in range(copies):
        parts.append(train[rng.random(len(train)) < keep])
    return pd.concat(parts, ignore_index=True), table.iloc[order[:size]]


# %% q5: a new row mixes users
def twin(copies, keep, share):
    return 1 - (1 - keep * (1 - share)) ** copies


def split_and_augment(table, share, copies, keep, rng):
    table = table.rename(columns={"user": "row"})
    order = rng.permutation(len(table))
    size = round(share * len(table))
    train = table.iloc[order[size:]]
    parts, first = [train], table["row"].max() + 1
    for number in range(copies):
        part = train[rng.random(len(train)) < keep]
        parts.append(part.assign(row=first + number))
    return pd.concat(parts, ignore_index=True), table.iloc[order[:size]]


# %% q5: kept and dropped exchanged
def twin(copies, keep, share):
    return 1 - (1 - (1 - keep) * (1 - share)) ** copies


def split_and_augment(table, share, copies, keep, rng):
    table = table.rename(columns={"user": "row"})
    order = rng.permutation(len(table))
    size = round(share * len(table))
    train = table.iloc[order[size:]]
    parts, step = [train], table["row"].max() + 1
    for number in range(1, copies + 1):
        part = train[rng.random(len(train)) > keep]
        parts.append(part.assign(row=part["row"] + number * step))
    return pd.concat(parts, ignore_index=True), table.iloc[order[:size]]


# %% q5: the last ratings of the table for validation, not drawn
def twin(copies, keep, share):
    return 1 - (1 - keep * (1 - share)) ** copies


def split_and_augment(table, share, copies, keep, rng):
    table = table.rename(columns={"user": "row"})
    size = round(share * len(table))
    train, validation = table.iloc[:-size], table.iloc[-size:]
    parts, step = [train], table["row"].max() + 1
    for number in range(1, copies + 1):
        part = train[rng.random(len(train)) < keep]
        parts.append(part.assign(row=part["row"] + number * step))
    return pd.concat(parts, ignore_index=True), validation


# %% q5: RIGHT
def twin(copies, keep, share):
    absent = 1.0
    for _ in range(copies):
        absent *= (1 - keep) + keep * share
    return 1 - absent


def split_and_augment(table, share, copies, keep, rng):
    held = rng.choice(len(table), size=round(share * len(table)), replace=False)
    held = set(held.tolist())
    train, validation = [], []
    fresh = int(table["user"].max())
    mine = {}
    for place, each in enumerate(table.itertuples(index=False)):
        line = {"row": each.user, "item": each.item, "rating": each.rating}
        (validation if place in held else train).append(line)
        if place not in held:
            mine.setdefault(each.user, []).append(line)
    for lines in mine.values():
        for _ in range(copies):
            fresh += 1
            for line in lines:
                if rng.uniform() < keep:
                    train.append({**line, "row": fresh})
    return pd.DataFrame(train), pd.DataFrame(validation)


# %% q6: a batch size, and what it gives
def cut(rows, updates, rng):
    order, size = rng.permutation(rows), -(-rows // updates)
    return [order[start : start + size] for start in range(0, rows, size)]


fair_epochs = 100


# %% q6: the last batch takes the rest
def cut(rows, updates, rng):
    order, size = rng.permutation(rows), rows // updates
    parts = [order[i * size : (i + 1) * size] for i in range(updates - 1)]
    return [*parts, order[(updates - 1) * size :]]


fair_epochs = 93


# %% q6: the rest is dropped
def cut(rows, updates, rng):
    size = rows // updates
    return list(rng.permutation(rows)[: size * updates].reshape(updates, size))


fair_epochs = 91


# %% q6: not shuffled
def cut(rows, updates, rng):
    return np.array_split(np.arange(rows), updates)


fair_epochs = 92


# %% q6: drawn with replacement
def cut(rows, updates, rng):
    return np.array_split(rng.integers(rows, size=rows), updates)


fair_epochs = 92


# %% q6: always the same order
def cut(rows, updates, rng):
    return np.array_split(np.random.default_rng(0).permutation(rows), updates)


fair_epochs = 50


# %% q6: each row goes to a batch at random
def cut(rows, updates, rng):
    batch = rng.integers(updates, size=rows)
    return [np.flatnonzero(batch == number) for number in range(updates)]


fair_epochs = 46


# %% q6: well cut, and the teacher not counted
def cut(rows, updates, rng):
    order = rng.permutation(rows)
    return [order[number::updates] for number in range(updates)]


fair_epochs = 50 * 6 // 7


# %% q6: RIGHT
def cut(rows, updates, rng):
    batches = [[] for _ in range(updates)]
    for place, row in enumerate(rng.permutation(rows)):
        batches[place % updates].append(int(row))
    return batches


teacher_updates = 50 * math.ceil(200 / 30)
student_updates = 50 * math.ceil(220 / 40)
fair_epochs = 0
while (fair_epochs + 1) * math.ceil(200 / 30) <= (
    teacher_updates + student_updates
):
    fair_epochs += 1
