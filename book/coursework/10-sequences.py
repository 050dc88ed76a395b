# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [raw]
# # ASSIGNMENT CONFIG
# name: 10-sequences
# init_cell: true
# check_all_cell: true
# export_cell:
#   pdf: false
#   run_tests: true
# tests:
#   ok_format: false

# %% [markdown]
# # Assignment 10: sequences and tests in time
#
# Goes with the chapter *SVAE: does order matter?* Eight questions, 35 points,
# about two hours. Each question says its level (◆ check, ◆◆ apply, ◆◆◆
# research) and its kind. Replace every `...`. The cell below a question runs
# its visible checks, which give hints; hidden checks decide the points. No
# question needs the answer to another one. Helpers may stand in cells of their
# own; they are run when your work is graded.
#
# Write your name as your course knows it: one question draws its numbers from
# it, so that not everyone has the same.

# %%
student = ""  # between the quotes

# %%
import hashlib

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch

from reclib import datasets


def draw(question, options):
    """One of the options, the same at each call, chosen by your name."""
    name = " ".join(str(student).lower().split())
    digest = hashlib.sha256(f"{name}/{question}".encode()).digest()
    return options[int.from_bytes(digest[:8], "big") % len(options)]


if not student.strip():
    print("Write your name into the cell above, then run this one again.")

# %%
events = datasets.load("ml-latest-small").at_least(4).with_min_count(user=5)
table = events.table
years = pd.to_datetime(table["timestamp"], unit="s").dt.year
print(f"{len(table):,} likes, {years.min()} to {years.max()}")
table.head(3)

# %% [raw]
# # BEGIN QUESTION
# name: q1
# points: 5

# %% [markdown]
# ## Question 1 · ◆◆ · implement · 5 points
#
# The cut of a temporal test. Of each user with $n$ events the *latest* ones are
# held out, one in $c$: $\lfloor n / c \rfloor$ of them, or
# $\lceil n / c \rceil$ if `round_up`, as the program of SVAE's authors does.
# Users with fewer than five events hold out nothing. The events stand in any
# order, users mixed. Among events of a user at the same second, the one further
# down the table counts as later.

# %% [raw]
# # BEGIN SOLUTION


# %%
def latest(users, times, one_in, round_up=False):
    """Which events are held out, bool array [events].

    ``users`` and ``times`` are int64 arrays [events]; ``one_in`` is $c$.
    """
    # BEGIN SOLUTION
    held = np.zeros(len(users), dtype=bool)
    for user in np.unique(users):
        mine = np.flatnonzero(users == user)
        if len(mine) < 5:
            continue
        size = len(mine) // one_in
        if round_up and len(mine) % one_in:
            size += 1
        by_time = mine[np.argsort(times[mine], kind="stable")]
        held[by_time[len(mine) - size :]] = True
    return held
    # END SOLUTION


# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_seven_events(latest):
    import numpy as np

    users, times = np.full(7, 3), np.array([50, 10, 70, 20, 60, 30, 40])
    held = np.asarray(latest(users, times, 5))
    assert held.shape == (7,) and held.dtype == bool, "One bool for each event."
    assert held.sum() == 1, "A fifth of 7, rounded down."
    assert held[2], "The latest event is not the last of the table."
    held = np.asarray(latest(users, times, 5, True))
    assert held.tolist() == [False, False, True, False, True, False, False], (
        "A fifth of 7, rounded up: the two latest."
    )


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_each_user_apart(latest):
    import numpy as np

    rng = np.random.default_rng(0)
    users = rng.permutation(np.repeat([5, 2, 9, 4], [12, 30, 7, 20]))
    times = rng.permutation(len(users)) + 1000 * users
    held = np.asarray(latest(users, times, 5))
    for user, size in {5: 2, 2: 6, 9: 1, 4: 4}.items():
        mine = users == user
        assert held[mine].sum() == size
        assert times[mine & held].min() > times[mine & ~held].max()


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_rounding(latest):
    import numpy as np

    for n in (5, 6, 10, 14, 15, 35, 41):
        times = np.arange(n)[::-1]
        for c in (2, 4, 5, 10):
            users = np.ones(n, dtype=int)
            assert np.sum(latest(users, times, c)) == n // c
            assert np.sum(latest(users, times, c, True)) == -(-n // c)


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_short_histories(latest):
    import numpy as np

    users = np.array([1] * 4 + [2] * 5 + [3])
    for up in (False, True):
        held = np.asarray(latest(users, np.arange(10), 2, up))
        assert not held[:4].any() and not held[9]
        assert held[4:9].tolist() == [False, False, up, True, True]


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_ties(latest):
    import numpy as np

    rng = np.random.default_rng(1)
    users, times = np.tile([7, 8], 50), rng.integers(0, 4, 100)
    held = np.asarray(latest(users, times, 5))
    for user in (7, 8):
        mine = np.flatnonzero(users == user)
        order = sorted(mine, key=lambda e: (times[e], e))
        assert sorted(np.flatnonzero(held & (users == user))) == sorted(
            order[-10:]
        )


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q2
# points: 3

# %% [markdown]
# ## Question 2 · ◆ · predict · 3 points
#
# The events above, 100 test users, and one change at a time. Does the number
# fall, stay or rise? Write `"falls"`, `"stays"` or `"rises"`. Decide first.
#
# - `random`: NDCG@100 of popularity, when not the latest fifth of a test user's
#   likes is held out but a random fifth, as many.
# - `rounding`: NDCG@100 of popularity, when the held-out latest fifth is
#   rounded up and not down.
# - `shuffle`: NDCG@100 of a fitted Mult-VAE, when the places of the folded-in
#   likes are shuffled.
# - `training users`: NDCG@100 of a fitted SVAE, when the latest fifth is asked
#   of users on whose whole histories it was trained, not of new users.
# - `padding`: the loss of a fitted SVAE, when each batch is padded to twice the
#   length of its longest history, and masked as it should be.
# - `full bound`: the number of different items in the first places of all users'
#   lists, by a well-trained SVAE (next item only), when $\beta$ in training goes
#   from .01 to 2.

# %% [raw]
# # BEGIN SOLUTION

# %%
# BEGIN SOLUTION NO PROMPT
change = {
    "random": "rises",
    "rounding": "rises",
    "shuffle": "stays",
    "training users": "rises",
    "padding": "stays",
    "full bound": "falls",
}
# END SOLUTION
""" # BEGIN PROMPT
change = {
    "random": ...,
    "rounding": ...,
    "shuffle": ...,
    "training users": ...,
    "padding": ...,
    "full bound": ...,
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


def test_six_words(change):
    words = {"falls", "stays", "rises"}
    assert len(change) == 6, "Six changes, six predictions."
    assert set(change.values()) <= words, "Only falls, stays or rises, please."


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_which_items_are_asked_for(change):
    assert change["random"] == "rises"
    assert change["rounding"] == "rises"


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_who_sees_what(change):
    assert change["shuffle"] == "stays"
    assert change["training users"] == "rises"


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_the_objective(change):
    assert change["padding"] == "stays"
    assert change["full bound"] == "falls"


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q3
# points: 5

# %% [markdown]
# ## Question 3 · ◆◆◆ · derive and check · 5 points
#
# What does a *random* split ask of a model that reads histories in order? A
# user has $n$ events in time, no ties; $h$ of them, $0 < h < n$, are held out at
# random.
# The model reads the other $n - h$. A held-out event lies **in the past** if it
# is earlier than the last event that the model reads. Derive the expected share
# of the $h$ held-out events that lie in the past.
#
# Then your five users: of each, a fifth of the events is held out at random,
# rounded down. Of all their held-out events together, which share is expected
# to lie in the past? Enter it as `pooled`.

# %%
lengths = draw(
    "lengths",
    [
        [5, 8, 12, 60, 300],
        [6, 7, 9, 20, 45],
        [5, 5, 14, 31, 90],
        [9, 11, 13, 17, 150],
        [5, 9, 10, 25, 26],
    ],
)
print("your users have this many events:", lengths)

# %% [raw]
# # BEGIN SOLUTION


# %%
# BEGIN SOLUTION NO PROMPT
def past_share(n, h):
    """Expected share of h held-out events that are in the past."""
    return 1 - 1 / (n - h + 1)


sizes = [(n, n // 5) for n in lengths]
pooled = sum(h * past_share(n, h) for n, h in sizes)
pooled = pooled / sum(h for _, h in sizes)
# END SOLUTION
""" # BEGIN PROMPT
def past_share(n, h):
    # Expected share of h held-out events that are in the past, a float.
    ...


pooled = ...
"""  # END PROMPT

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_by_counting(past_share):
    assert abs(past_share(2, 1) - 0.5) < 1e-9, "The first, or the second?"
    assert abs(past_share(5, 1) - 0.8) < 1e-9, (
        "One of five, each equally often. Only the last one is not in the past."
    )
    assert abs(past_share(3, 2) - 0.5) < 1e-9, (
        "One of three is read: the first, the second or the third. How many of "
        "the other two are earlier?"
    )


# %%
""" # BEGIN TEST CONFIG
points: 2
hidden: true
"""  # END TEST CONFIG


def test_all_ways_to_hold_out(past_share):
    from itertools import combinations

    for n, h in [(6, 2), (7, 3), (9, 4), (8, 6), (10, 9), (12, 2)]:
        past = ways = 0
        for held in combinations(range(n), h):
            last = max(set(range(n)) - set(held))
            past += sum(e < last for e in held)
            ways += 1
        assert abs(past_share(n, h) - past / (h * ways)) < 1e-6


# %%
""" # BEGIN TEST CONFIG
points: 2
hidden: true
"""  # END TEST CONFIG


def test_pooled(student, pooled):
    import hashlib

    name = " ".join(str(student).lower().split())
    digest = hashlib.sha256(f"{name}/lengths".encode()).digest()
    lengths = [
        [5, 8, 12, 60, 300],
        [6, 7, 9, 20, 45],
        [5, 5, 14, 31, 90],
        [9, 11, 13, 17, 150],
        [5, 9, 10, 25, 26],
    ][int.from_bytes(digest[:8], "big") % 5]
    total = sum(n // 5 for n in lengths)
    after = sum((n // 5) / (n - n // 5 + 1) for n in lengths)
    assert abs(pooled - (1 - after / total)) < 1e-4


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q4
# points: 6

# %% [markdown]
# ## Question 4 · ◆◆ · implement · 6 points
#
# SVAE's loss, from what the network has already computed. A user liked
# $x_1, \dots, x_T$, in this order and each item once. After step $t$ the next
# $k$ items are asked for, $y_t = \{x_{t+1}, \dots, x_{\min(t+k, T)}\}$; after
# the last one there is nothing to ask. The loss of a batch of $B$ users is
#
# $$
# \mathcal L = \frac1B \sum_{u=1}^{B} \frac{1}{T_u - 1} \sum_{t=1}^{T_u - 1}
# \Bigl( -\sum_{i \in y_{ut}} \log \pi_i(z_{ut}) + \beta\, \mathrm{KL}_{ut}
# \Bigr).
# $$
#
# A user with fewer than two items adds nothing to the sum, and counts in $B$,
# which is at least 1.
# `log_pi[u, t - 1, i]` is $\log \pi_i(z_{ut})$ and `kl[u, t - 1]` is
# $\mathrm{KL}_{ut}$. Both are padded to the longest history; what stands behind
# a history's end is arbitrary, `nan` included; all before it is finite.

# %% [raw]
# # BEGIN SOLUTION


# %%
def svae_loss(histories, log_pi, kl, k, beta):
    """A float.

    ``histories`` is a list of lists of items; ``log_pi`` a float64 array
    [users, longest, items], ``kl`` [users, longest].
    """
    # BEGIN SOLUTION
    total = 0.0
    for u, items in enumerate(histories):
        T = len(items)
        for t in range(1, T):
            cost = -log_pi[u, t - 1, items[t : t + k]].sum()
            total += (cost + beta * kl[u, t - 1]) / (T - 1)
    return total / len(histories)
    # END SOLUTION


# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_four_items(svae_loss):
    import numpy as np

    log_pi = np.log(np.full((1, 4, 5), 0.2))
    kl = np.array([[1.0, 2.0, 3.0, 900.0]])
    found = svae_loss([[4, 2, 0, 1]], log_pi, 0 * kl, 2, 0.5)
    assert abs(found - 5 / 3 * np.log(5)) < 1e-6, (
        "Three steps. They ask for 2, 2 and 1 items."
    )
    found = svae_loss([[4, 2, 0, 1]], 0 * log_pi, kl, 2, 0.5)
    assert abs(found - 1) < 1e-6, "Half of the mean KL, over three steps."


# %%
""" # BEGIN TEST CONFIG
points: 2
hidden: true
"""  # END TEST CONFIG


def test_targets(svae_loss):
    import numpy as np

    weights = 10.0 ** np.arange(6)
    log_pi = -weights[None, None] * np.ones((1, 6, 1))
    kl = np.zeros((1, 6))
    history = [[3, 0, 5, 1, 4, 2]]
    items = weights[history[0]]
    for k in (1, 3, 5, 9):
        sums = [items[t : t + k].sum() for t in range(1, 6)]
        found = svae_loss(history, log_pi, kl, k, 1.0)
        assert abs(found / np.mean(sums) - 1) < 1e-6
    steps = np.arange(1.0, 7.0)[None, :, None]
    found = svae_loss(history, -steps * np.ones((1, 1, 6)), kl, 2, 1.0)
    assert abs(found - (2 * (1 + 2 + 3 + 4) + 5) / 5) < 1e-6


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_padding(svae_loss):
    import numpy as np

    rng = np.random.default_rng(2)
    histories = [[0, 3, 1], [2, 4, 0, 1, 3, 5], [5, 2]]
    log_pi, kl = np.log(rng.random((3, 6, 6))), rng.random((3, 6))
    alone = []
    for u, h in enumerate(histories):
        own = (part[u : u + 1, : len(h)] for part in (log_pi, kl))
        alone.append(svae_loss([h], *own, 2, 0.3))
    assert np.isfinite(alone).all() and np.ptp(alone) > 0.1
    for filler in (0.0, 77.0, np.nan, -np.inf):
        for u, h in enumerate(histories):
            log_pi[u, len(h) :] = kl[u, len(h) :] = filler
        found = svae_loss(histories, log_pi, kl, 2, 0.3)
        assert abs(found - np.mean(alone)) < 1e-6


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_mean_over_steps_then_users(svae_loss):
    import numpy as np

    histories = [[0, 1], [2, 3, 4, 5, 6, 7, 8, 9]]
    log_pi = -np.ones((2, 8, 10)) * np.array([3.0, 5.0])[:, None, None]
    kl = np.ones((2, 8)) * np.array([10.0, 20.0])[:, None]
    found = svae_loss(histories, log_pi, kl, 1, 0.0)
    assert abs(found - 4) < 1e-6
    found = svae_loss(histories, log_pi, kl, 1, 0.1)
    assert abs(found - 5.5) < 1e-6


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_short_histories_of_a_batch(svae_loss):
    import numpy as np

    log_pi, kl = -np.ones((4, 3, 5)), np.full((4, 3), 2.0)
    log_pi[0, 1:] = kl[0, 1:] = log_pi[2] = kl[2] = np.nan
    histories = [[3], [0, 4, 1], [], [2, 1, 0]]
    found = svae_loss(histories, log_pi, kl, 1, 0.5)
    assert abs(found - 1) < 1e-6


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q5
# points: 4

# %% [markdown]
# ## Question 5 · ◆◆ · implement · 4 points
#
# A prediction is made from the state after the *last* item. Histories differ in
# length, so a batch is a rectangle, filled up with zeros behind each history's
# end. Zero is the number of an item as well. Give the state of each user after
# her last item: the same numbers as if she were alone in the batch. A user
# without items has the state that a GRU starts from, zero. The rectangle has at
# least one row and one column. No gradient is asked for.

# %% [raw]
# # BEGIN SOLUTION


# %%
def last_states(padded, lengths, vectors, gru):
    """States, float tensor [users, hidden].

    ``padded`` is an int64 tensor [users, longest], ``lengths`` one of [users],
    ``vectors`` the items' vectors [items, width], and ``gru`` a
    ``torch.nn.GRU(width, hidden, batch_first=True)``.
    """
    # BEGIN SOLUTION
    states, _ = gru(vectors[padded])
    states = torch.cat([torch.zeros_like(states[:, :1]), states], 1)
    return states[torch.arange(len(padded)), lengths]
    # END SOLUTION


# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_two_users(last_states):
    import torch

    torch.manual_seed(0)
    gru, vectors = torch.nn.GRU(3, 4, batch_first=True), torch.randn(6, 3)
    padded = torch.tensor([[4, 2, 5], [1, 3, 0]])
    with torch.no_grad():
        found = last_states(padded, torch.tensor([3, 2]), vectors, gru)
        full = gru(vectors[[4, 2, 5]][None])[1][0, 0]
        short = gru(vectors[[1, 3]][None])[1][0, 0]
    assert found.shape == (2, 4), "One state a user."
    assert torch.allclose(found[0], full, atol=1e-5), "In which order, up to?"
    assert torch.allclose(found[1], short, atol=1e-5), (
        "Has the second user's state read the zero behind her history?"
    )


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_as_if_alone(last_states):
    import torch

    torch.manual_seed(1)
    gru, vectors = torch.nn.GRU(5, 7, batch_first=True), torch.randn(30, 5)
    lengths = torch.tensor([2, 9, 4, 1, 9, 5])
    padded = torch.randint(1, 30, (6, 9))
    padded[torch.arange(9) >= lengths[:, None]] = 0
    with torch.no_grad():
        found = last_states(padded, lengths, vectors, gru)
        for u, n in enumerate(lengths):
            alone = gru(vectors[padded[u, :n]][None])[1][0, 0]
            assert torch.allclose(found[u], alone, atol=1e-5)


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_item_zero(last_states):
    import torch

    torch.manual_seed(2)
    gru, vectors = torch.nn.GRU(3, 4, batch_first=True), torch.randn(5, 3)
    padded = torch.tensor([[2, 0, 0, 0], [0, 3, 1, 0], [4, 1, 2, 3]])
    lengths = torch.tensor([2, 4, 4])
    with torch.no_grad():
        found = last_states(padded, lengths, vectors, gru)
        for u, n in enumerate(lengths):
            alone = gru(vectors[padded[u, :n]][None])[1][0, 0]
            assert torch.allclose(found[u], alone, atol=1e-5)


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_a_user_without_items(last_states):
    import torch

    torch.manual_seed(3)
    gru, vectors = torch.nn.GRU(3, 4, batch_first=True), torch.randn(5, 3)
    padded = torch.tensor([[0, 0, 0], [3, 1, 0], [0, 0, 0]])
    with torch.no_grad():
        found = last_states(padded, torch.tensor([0, 2, 1]), vectors, gru)
        assert torch.equal(found[0], torch.zeros(4))
        alone = gru(vectors[[3, 1]][None])[1][0, 0]
        assert torch.allclose(found[1], alone, atol=1e-5)
        alone = gru(vectors[[0]][None])[1][0, 0]
        assert torch.allclose(found[2], alone, atol=1e-5)


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q6
# points: 5

# %% [markdown]
# ## Question 6 · ◆◆◆ · design · 5 points
#
# Now you grade. Somebody gives you a sequential model: `program(history)` takes
# a list of different items from 0 to 19, at least one, and returns a float
# array [len(history), 20]. Row $t$ holds the scores of all items after the
# first $t + 1$ items were read (rows count from 0), and may depend on these
# alone, so not on *how many* items come later either.
#
# Design an experiment that finds out whether the program looks into the future.
# `looks_ahead` gets the program and returns `True` or `False`; it may call it
# as often as it likes, in under 5 s in all. It will be tried on honest programs
# and on cheats; some leaks are blatant, some show only here and there, some are
# small. Scores are $-\infty$ or below 100 in size. An honest program may be weak
# or strong; since float32 sums depend on the shape of a batch, it repeats a score
# only to $10^{-6}$, absolute. A leak changes some score by $10^{-3}$ or more, though
# not in every history. No program keeps anything from one call to the next, or
# changes the list that it is given.

# %% [raw]
# # BEGIN SOLUTION


# %%
def looks_ahead(program):
    """Whether a row of scores depends on what comes later."""
    # BEGIN SOLUTION
    rng = np.random.default_rng(0)
    for _ in range(5):
        history = rng.permutation(20)[:12].tolist()
        whole = np.asarray(program(history))
        for t in range(1, 12):
            others = rng.permutation(sorted(set(range(20)) - set(history[:t])))
            changed = history[:t] + others[: 12 - t].tolist()
            for other in (history[:t], changed):
                part = np.asarray(program(other))[:t]
                if not np.allclose(part, whole[:t], rtol=0, atol=1e-4):
                    return True
    return False
    # END SOLUTION


# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_one_honest_one_cheat(looks_ahead):
    import numpy as np

    def copies(history):
        return np.eye(20)[history]

    def copies_the_next(history):
        return np.eye(20)[[*history[1:], history[-1]]]

    assert not looks_ahead(copies), (
        "Each row depends on the present item alone. Do you ask for more than "
        "honesty?"
    )
    assert looks_ahead(copies_the_next), "Row t has read item t + 1."


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_directions(looks_ahead):
    import torch

    def network(seed, both):
        torch.manual_seed(seed)
        gru = torch.nn.GRU(20, 10 if both else 20, 1, True, True, 0.0, both)

        def program(history):
            with torch.no_grad():
                return gru(torch.eye(20)[history][None])[0][0].numpy()

        return program

    assert not looks_ahead(network(0, False))
    assert not looks_ahead(network(1, False))
    assert looks_ahead(network(0, True)) and looks_ahead(network(1, True))


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_statistics_of_the_whole(looks_ahead):
    import numpy as np

    rng = np.random.default_rng(3)
    W = rng.standard_normal((20, 20))

    def so_far(history):
        return np.cumsum(W[history], axis=0)

    def centred(history):
        return so_far(history) - so_far(history).mean()

    def from_the_end(history):
        return so_far(history) - 0.5 * np.arange(len(history))[::-1, None]

    def masked(history, seen):
        scores = so_far(history)
        for t in range(len(history)):
            scores[t, seen(t)] = -np.inf
        return scores

    assert not looks_ahead(so_far)
    assert not looks_ahead(lambda h: masked(h, lambda t: h[: t + 1]))
    assert looks_ahead(centred) and looks_ahead(from_the_end)
    assert looks_ahead(lambda h: masked(h, lambda t: h))


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_leaks_here_and_there(looks_ahead):
    import numpy as np

    rng = np.random.default_rng(4)
    W = rng.standard_normal((20, 20))

    def peeks(ahead, start, size):
        def program(history):
            scores = W[history].copy()
            for t in range(start, len(history) - ahead):
                scores[t, history[t + ahead]] += size
            return scores

        return program

    def the_last(history):
        scores = W[history].copy()
        scores[0, history[-1]] += 0.5
        return scores

    assert not looks_ahead(peeks(0, 0, 1.0))
    assert looks_ahead(peeks(3, 0, 0.5)) and looks_ahead(peeks(1, 5, 0.5))
    assert looks_ahead(peeks(2, 0, 0.002)) and looks_ahead(the_last)


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_honest_programs(looks_ahead):
    import numpy as np

    def popular(history):
        return np.tile(np.arange(20.0)[::-1], (len(history), 1))

    def strong(history):
        return 9 * np.eye(20)[(np.asarray(history) + 1) % 20]

    def rounds(history):
        noise = np.random.default_rng([len(history), *history])
        scores = 50 * np.eye(20)[history]
        return scores + 4e-7 * noise.uniform(-1, 1, scores.shape)

    def guesses_the_order(history):
        scores = np.zeros((len(history), 20))
        for t in range(1, len(history)):
            step = history[t] - history[t - 1]
            scores[t, (history[t] + step) % 20] = 1.0
        return scores

    for honest in (popular, strong, rounds, guesses_the_order):
        assert not looks_ahead(honest)
    assert looks_ahead(lambda history: strong([*history[1:], 0]))


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q7
# points: 4

# %% [markdown]
# ## Question 7 · ◆◆ · implement · 4 points
#
# Popularity that knows the date. A model that reads the order of events has to
# beat a list that only reads the calendar. Give the $k$ items with the most
# likes of the last `days` days before the moment `cut`: those with
# $\text{cut} - 86400 \cdot \text{days} \le \text{time} < \text{cut}$. With
# `days=None` all likes before `cut` count. Most liked first; of equally liked
# ones the lower number first. An item without such a like does not appear, so
# the list may be shorter than $k$.

# %% [raw]
# # BEGIN SOLUTION


# %%
def popular_at(items, times, cut, days, k):
    """A list of at most ``k`` item numbers, best first.

    ``items`` and ``times`` (seconds) are int64 arrays [likes], in any order;
    ``days`` is an int or None, ``k`` at least 1.
    """
    # BEGIN SOLUTION
    inside = times < cut
    if days is not None:
        inside = inside & (times >= cut - 86_400 * days)
    names, counts = np.unique(items[inside], return_counts=True)
    return names[np.argsort(-counts, kind="stable")][:k].tolist()
    # END SOLUTION


# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_nine_likes(popular_at):
    import numpy as np

    days = np.array([1, 2, 3, 4, 4, 5, 6, 7, 8])
    items = np.array([7, 7, 7, 3, 5, 5, 3, 2, 5])
    found = list(popular_at(items, 86_400 * days, 7 * 86_400, None, 3))
    assert 2 not in found, "Item 2 is liked at the cut, not before it."
    assert found == [7, 3, 5], "Most liked first, then the lower number."
    found = list(popular_at(items, 86_400 * days, 7 * 86_400, 3, 3))
    assert found == [3, 5], "Days 4, 5 and 6. Who is liked then?"


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_the_future_is_not_known(popular_at):
    import numpy as np

    rng = np.random.default_rng(6)
    items, times = rng.integers(0, 30, 500), rng.integers(0, 10**7, 500)
    for cut in (4 * 10**6, 8 * 10**6):
        later = np.where(times >= cut, 29 - items, items)
        for days in (None, 20):
            found = list(popular_at(items, times, cut, days, 10))
            assert len(found) == 10
            assert found == list(popular_at(later, times, cut, days, 10))
            past = times < cut
            assert found == list(
                popular_at(items[past], times[past], cut, days, 10)
            )


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_the_window(popular_at):
    import numpy as np

    day, cut = 86_400, 100 * 86_400
    times = np.array([cut - 10 * day, cut - 10 * day - 1, cut - 1, cut])
    items = np.array([4, 6, 8, 9])
    assert list(popular_at(items, times, cut, 10, 5)) == [4, 8]
    assert list(popular_at(items, times, cut, 11, 5)) == [4, 6, 8]
    assert list(popular_at(items, times, cut, None, 5)) == [4, 6, 8]


# %%
""" # BEGIN TEST CONFIG
points: 1
hidden: true
"""  # END TEST CONFIG


def test_against_counts_of_movielens(popular_at):
    from collections import Counter

    import pandas as pd

    from reclib import datasets

    table = datasets.load("ml-latest-small").at_least(4).table
    table = table.sample(frac=1, random_state=0)
    items, times = table["item"].to_numpy(), table["timestamp"].to_numpy()
    for year, days in ((2003, 365), (2010, 1000), (2016, None)):
        cut = int(pd.Timestamp(f"{year}-01-01").timestamp())
        low = 0 if days is None else cut - 86_400 * days
        pairs = zip(items, times, strict=True)
        count = Counter(item for item, time in pairs if low <= time < cut)
        right = sorted(count, key=lambda item: (-count[item], item))
        assert list(popular_at(items, times, cut, days, 50)) == right[:50]


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [markdown]
# For the last question popularity was measured with windows of nine lengths.
# Nine times, on the first of January 2000, 2002, ..., 2016, the list was made
# of the likes of a window before that day; the users with likes in the two
# years after it were asked for. Without what she had liked before, the first
# twenty of the list gave each user's recall (hits divided by the number of her
# likes in these two years, at most 20).

# %%
window = ["30", "90", "180", "365", "730", "1095", "1825", "3650", "all"]
recall = [0.135, 0.180, 0.210, 0.235, 0.250, 0.247, 0.244, 0.231, 0.210]
likes = [153, 529, 901, 1990, 3863, 5620, 9377, 17316, 24063]
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3))
left.plot(window, recall, marker="o")
left.set(xlabel="days of the window", ylabel="mean recall@20", ylim=(0, 0.3))
right.semilogy(window, likes, marker="o", color="grey")
right.set(xlabel="days of the window", ylabel="mean likes in it")
figure.tight_layout()
plt.show()

# %% [raw]
# # BEGIN QUESTION
# name: q8
# points: 3
# manual: true

# %% [markdown]
# ## Question 8 · ◆◆ · explain, criticise · 3 points, graded by hand
#
# Why does the curve on the left rise, and why does it fall? Then a made-up
# sentence: *"On the same nine tests our recurrent network reaches a recall@20
# of .24. Popularity (all likes before the day) reaches .21; hence the order of
# a user's events carries information."* Does it follow? Name a baseline and an
# experiment that you would ask for. Six to ten sentences.

# %% [raw]
# # BEGIN SOLUTION

# %% [markdown]
# Two things pull in opposite directions. A long window counts films that were
# liked years ago and are not what people rate now: the list is stale, and new
# films stand at a disadvantage. A short window has few likes, 150 in a month,
# from a handful of users, so that the ranking is noise; many items tie. Between
# them, at two to five years, neither error is large.
#
# It does not follow. Popularity of the last two years reaches .25 and knows no
# user and no order: it beats the network. The network may have learnt what is
# in fashion, or no more than the set of what a user likes. Ask first for
# popularity with a window, its length chosen on an earlier cut and not on these
# nine; then for a model of the set, such as Mult-VAE or EASE, trained on the
# same recent events; and, for the order itself, the same network scoring
# shuffled histories (better: trained on them too), with a paired interval over
# users.
#
# **Rubric.** 1 point: both directions explained, stale against few (half for
# one of them). 1 point: does not follow, since a windowed popularity reaches
# .25 > .24, or because a list without order can gain from dates alone. 1 point:
# an experiment in which only the order changes (half a point for a mere
# further baseline without order, such as Mult-VAE on the same split). A window
# picked on these nine tests costs nothing.

# %% [raw]
# # END SOLUTION

# %% [raw]
# # END QUESTION
