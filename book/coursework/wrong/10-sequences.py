"""Wrong solutions of assignment 10, and right ones in another style.

A cell is `# %% question: what is wrong`, or `# %% question: RIGHT`. It takes
the place of the cell of the student's notebook that defines the same names.
"""

import math
from itertools import combinations

import numpy as np
import pandas as pd
import torch
from torch.nn.utils.rnn import pack_padded_sequence


# %% q1: the last of the table, not the latest
def latest(users, times, one_in, round_up=False):
    held = np.zeros(len(users), dtype=bool)
    for user in np.unique(users):
        mine = np.flatnonzero(users == user)
        n = len(mine)
        size = -(-n // one_in) if round_up else n // one_in
        held[mine[n - size :]] = n >= 5
    return held


# %% q1: the earliest are held out
def latest(users, times, one_in, round_up=False):
    held = np.zeros(len(users), dtype=bool)
    for user in np.unique(users):
        mine = np.flatnonzero(users == user)
        n = len(mine)
        size = -(-n // one_in) if round_up else n // one_in
        mine = mine[np.argsort(times[mine], kind="stable")]
        held[mine[:size]] = n >= 5
    return held


# %% q1: one date for all users
def latest(users, times, one_in, round_up=False):
    n = len(users)
    size = -(-n // one_in) if round_up else n // one_in
    held = np.zeros(n, dtype=bool)
    held[np.argsort(times, kind="stable")[n - size :]] = True
    return held


# %% q1: always rounded down
def latest(users, times, one_in, round_up=False):
    held = np.zeros(len(users), dtype=bool)
    for user in np.unique(users):
        mine = np.flatnonzero(users == user)
        n = len(mine)
        mine = mine[np.argsort(times[mine], kind="stable")]
        held[mine[n - n // one_in :]] = n >= 5
    return held


# %% q1: rounded up even where there is nothing to round
def latest(users, times, one_in, round_up=False):
    held = np.zeros(len(users), dtype=bool)
    for user in np.unique(users):
        mine = np.flatnonzero(users == user)
        n = len(mine)
        size = n // one_in + bool(round_up)
        mine = mine[np.argsort(times[mine], kind="stable")]
        held[mine[n - size :]] = n >= 5
    return held


# %% q1: short histories are cut, too
def latest(users, times, one_in, round_up=False):
    held = np.zeros(len(users), dtype=bool)
    for user in np.unique(users):
        mine = np.flatnonzero(users == user)
        n = len(mine)
        size = -(-n // one_in) if round_up else n // one_in
        mine = mine[np.argsort(times[mine], kind="stable")]
        held[mine[n - size :]] = True
    return held


# %% q1: of equal times the first of the table counts as later
def latest(users, times, one_in, round_up=False):
    held = np.zeros(len(users), dtype=bool)
    for user in np.unique(users):
        mine = np.flatnonzero(users == user)
        n = len(mine)
        size = -(-n // one_in) if round_up else n // one_in
        mine = mine[np.argsort(-times[mine], kind="stable")]
        held[mine[:size]] = n >= 5
    return held


# %% q1: all events as late as the cut are held out
def latest(users, times, one_in, round_up=False):
    held = np.zeros(len(users), dtype=bool)
    for user in np.unique(users):
        mine = np.flatnonzero(users == user)
        n = len(mine)
        size = -(-n // one_in) if round_up else n // one_in
        if n >= 5 and size:
            cut = np.sort(times[mine])[n - size]
            held[mine] = times[mine] >= cut
    return held


# %% q1: a random fifth
def latest(users, times, one_in, round_up=False):
    rng, held = np.random.default_rng(0), np.zeros(len(users), dtype=bool)
    for user in np.unique(users):
        mine = np.flatnonzero(users == user)
        n = len(mine)
        size = -(-n // one_in) if round_up else n // one_in
        held[rng.choice(mine, size, replace=False)] = n >= 5
    return held


# %% q1: RIGHT
def latest(users, times, one_in, round_up=False):
    part = pd.DataFrame({"user": users, "time": times})
    by_user = part.groupby("user")["time"]
    n, place = by_user.transform("size"), by_user.rank(method="first")
    size = n / one_in
    size = np.ceil(size) if round_up else np.floor(size)
    return ((place > n - size) & (n >= 5)).to_numpy()


# %% q2: nothing changes
change = {
    "random": "stays",
    "rounding": "stays",
    "shuffle": "stays",
    "training users": "stays",
    "padding": "stays",
    "full bound": "stays",
}

# %% q2: popularity thought to have no time in it
change = {
    "random": "stays",
    "rounding": "rises",
    "shuffle": "stays",
    "training users": "rises",
    "padding": "stays",
    "full bound": "falls",
}

# %% q2: more to find thought to be harder
change = {
    "random": "rises",
    "rounding": "falls",
    "shuffle": "stays",
    "training users": "rises",
    "padding": "stays",
    "full bound": "falls",
}

# %% q2: Mult-VAE thought to read the order
change = {
    "random": "rises",
    "rounding": "rises",
    "shuffle": "falls",
    "training users": "rises",
    "padding": "stays",
    "full bound": "falls",
}

# %% q2: padding thought to weigh
change = {
    "random": "rises",
    "rounding": "rises",
    "shuffle": "stays",
    "training users": "rises",
    "padding": "falls",
    "full bound": "falls",
}

# %% q2: the full bound thought to make the model more personal
change = {
    "random": "falls",
    "rounding": "rises",
    "shuffle": "stays",
    "training users": "rises",
    "padding": "stays",
    "full bound": "rises",
}

# %% q2: training users thought to be as good as new ones
change = {
    "random": "rises",
    "rounding": "rises",
    "shuffle": "stays",
    "training users": "stays",
    "padding": "stays",
    "full bound": "falls",
}

# %% q2: RIGHT
up = ["random", "rounding", "training users"]
change = dict.fromkeys(up, "rises") | dict.fromkeys(
    ["shuffle", "padding"], "stays"
)
change["full bound"] = "falls"


# %% q3: the chance that the very last event is read
def past_share(n, h):
    return 1 - h / n


pooled = 0.8


# %% q3: half of them are earlier, as for two random events
def past_share(n, h):
    return 0.5


pooled = 0.5


# %% q3: as if a single event were held out
def past_share(n, h):
    return 1 - 1 / n


sizes = [(n, n // 5) for n in lengths]  # noqa: F821
pooled = sum(h * past_share(n, h) for n, h in sizes)
pooled = pooled / sum(h for _, h in sizes)


# %% q3: one gap too few
def past_share(n, h):
    return 1 - 1 / (n - h)


sizes = [(n, n // 5) for n in lengths]  # noqa: F821
pooled = sum(h * past_share(n, h) for n, h in sizes)
pooled = pooled / sum(h for _, h in sizes)


# %% q3: the mean over users, not over events
def past_share(n, h):
    return 1 - 1 / (n - h + 1)


pooled = np.mean([past_share(n, n // 5) for n in lengths])  # noqa: F821


# %% q3: the share that is not in the past
def past_share(n, h):
    return 1 / (n - h + 1)


sizes = [(n, n // 5) for n in lengths]  # noqa: F821
pooled = sum(h * past_share(n, h) for n, h in sizes)
pooled = pooled / sum(h for _, h in sizes)


# %% q3: the chance that all of them are in the past
def past_share(n, h):
    return (n - h) / n


sizes = [(n, n // 5) for n in lengths]  # noqa: F821
pooled = sum(h * past_share(n, h) for n, h in sizes)
pooled = pooled / sum(h for _, h in sizes)


# %% q3: the histories pooled into one long one
def past_share(n, h):
    return 1 - 1 / (n - h + 1)


pooled = past_share(sum(lengths), sum(n // 5 for n in lengths))  # noqa: F821


# %% q3: RIGHT
def past_share(n, h):
    # The last event that is read stands at place `last`; h of n are held out.
    total = ways = 0
    for last in range(n - h, n + 1):
        these = math.comb(last - 1, n - h - 1)
        ways += these
        total += these * (last - (n - h))
    return total / (h * ways)


past = sum(n // 5 * past_share(n, n // 5) for n in lengths)  # noqa: F821
pooled = past / sum(n // 5 for n in lengths)  # noqa: F821


# %% q4: the present item among the targets
def svae_loss(histories, log_pi, kl, k, beta):
    total = 0.0
    for u, items in enumerate(histories):
        for t in range(1, len(items)):
            cost = -log_pi[u, t - 1, items[t - 1 : t + k - 1]].sum()
            total += (cost + beta * kl[u, t - 1]) / (len(items) - 1)
    return total / len(histories)


# %% q4: everything that follows is asked for, whatever k is
def svae_loss(histories, log_pi, kl, k, beta):
    total = 0.0
    for u, items in enumerate(histories):
        for t in range(1, len(items)):
            cost = -log_pi[u, t - 1, items[t:]].sum()
            total += (cost + beta * kl[u, t - 1]) / (len(items) - 1)
    return total / len(histories)


# %% q4: only steps with k items ahead
def svae_loss(histories, log_pi, kl, k, beta):
    total = 0.0
    for u, items in enumerate(histories):
        for t in range(1, len(items) - k + 1):
            cost = -log_pi[u, t - 1, items[t : t + k]].sum()
            total += (cost + beta * kl[u, t - 1]) / (len(items) - 1)
    return total / len(histories)


# %% q4: divided by T, not by T - 1
def svae_loss(histories, log_pi, kl, k, beta):
    total = 0.0
    for u, items in enumerate(histories):
        for t in range(1, len(items)):
            cost = -log_pi[u, t - 1, items[t : t + k]].sum()
            total += (cost + beta * kl[u, t - 1]) / len(items)
    return total / len(histories)


# %% q4: the KL of the last step counts, though nothing is asked there
def svae_loss(histories, log_pi, kl, k, beta):
    total = 0.0
    for u, items in enumerate(histories):
        for t in range(1, len(items) + 1):
            cost = -log_pi[u, t - 1, items[t : t + k]].sum()
            total += (cost + beta * kl[u, t - 1]) / max(1, len(items) - 1)
    return total / len(histories)


# %% q4: the likelihood summed over steps, the KL averaged, as in public code
def svae_loss(histories, log_pi, kl, k, beta):
    total = 0.0
    for u, items in enumerate(histories):
        for t in range(1, len(items)):
            total -= log_pi[u, t - 1, items[t : t + k]].sum()
            total += beta * kl[u, t - 1] / (len(items) - 1)
    return total / len(histories)


# %% q4: the mean over all steps of the batch, so that long histories weigh more
def svae_loss(histories, log_pi, kl, k, beta):
    costs = [
        beta * kl[u, t - 1] - log_pi[u, t - 1, items[t : t + k]].sum()
        for u, items in enumerate(histories)
        for t in range(1, len(items))
    ]
    return np.mean(costs)


# %% q4: divided by the length of the longest history
def svae_loss(histories, log_pi, kl, k, beta):
    total, longest = 0.0, max(len(items) for items in histories)
    for u, items in enumerate(histories):
        for t in range(1, len(items)):
            cost = -log_pi[u, t - 1, items[t : t + k]].sum()
            total += (cost + beta * kl[u, t - 1]) / (longest - 1)
    return total / len(histories)


# %% q4: padding multiplied by zero, which leaves nan
def svae_loss(histories, log_pi, kl, k, beta):
    B, longest, num_items = log_pi.shape
    targets, mask = np.zeros(log_pi.shape), np.zeros((B, longest))
    for u, items in enumerate(histories):
        for t in range(1, len(items)):
            targets[u, t - 1, items[t : t + k]] = 1
            mask[u, t - 1] = 1 / (len(items) - 1)
    with np.errstate(invalid="ignore"):
        cost = -(targets * log_pi).sum(2) + beta * kl[:, :longest]
        return (cost * mask).sum() / B


# %% q4: users without a step left out of the mean
def svae_loss(histories, log_pi, kl, k, beta):
    costs = []
    for u, items in enumerate(histories):
        steps = [
            beta * kl[u, t - 1] - log_pi[u, t - 1, items[t : t + k]].sum()
            for t in range(1, len(items))
        ]
        if steps:
            costs.append(np.mean(steps))
    return np.mean(costs)


# %% q4: RIGHT
def svae_loss(histories, log_pi, kl, k, beta):
    log_pi, kl = torch.as_tensor(log_pi), torch.as_tensor(kl)
    B, longest, num_items = log_pi.shape
    padded = torch.full((B, longest + k), num_items)
    for u, items in enumerate(histories):
        padded[u, : len(items)] = torch.tensor(items, dtype=torch.int64)
    T = torch.tensor([len(items) for items in histories])
    used = torch.arange(longest) < T[:, None] - 1
    wide = torch.cat([log_pi.double(), torch.zeros(B, longest, 1)], 2)
    cost = torch.zeros(B, longest, dtype=torch.float64)
    for ahead in range(1, k + 1):
        target = padded[:, ahead : ahead + longest, None]
        cost = cost - wide.gather(2, target)[:, :, 0]
    cost = torch.where(used, cost + beta * kl[:, :longest], 0.0)
    return (cost.sum(1) / (T - 1).clamp(min=1)).mean().item()


# %% q5: the state after the padding
def last_states(padded, lengths, vectors, gru):
    return gru(vectors[padded])[1][0]


# %% q5: the last column, though the zero item has a zero vector
def last_states(padded, lengths, vectors, gru):
    vectors = vectors.clone()
    vectors[0] = 0
    return gru(vectors[padded])[0][:, -1]


# %% q5: one step too early
def last_states(padded, lengths, vectors, gru):
    states, _ = gru(vectors[padded])
    return states[torch.arange(len(padded)), (lengths - 2).clamp(min=0)]


# %% q5: a user without items gets the state after the padding
def last_states(padded, lengths, vectors, gru):
    states, _ = gru(vectors[padded])
    return states[torch.arange(len(padded)), lengths - 1]


# %% q5: lengths counted from what is not zero
def last_states(padded, lengths, vectors, gru):
    states, _ = gru(vectors[padded])
    n = (padded != 0).sum(1)
    last = states[torch.arange(len(padded)), (n - 1).clamp(min=0)]
    return torch.where(n[:, None] > 0, last, torch.zeros_like(last))


# %% q5: sorted by length, and never back
def last_states(padded, lengths, vectors, gru):
    order = lengths.argsort(descending=True)
    states, _ = gru(vectors[padded[order]])
    n = lengths[order]
    last = states[torch.arange(len(padded)), (n - 1).clamp(min=0)]
    return torch.where(n[:, None] > 0, last, torch.zeros_like(last))


# %% q5: packed, which refuses users without items
def last_states(padded, lengths, vectors, gru):
    packed = pack_padded_sequence(
        vectors[padded], lengths, batch_first=True, enforce_sorted=False
    )
    return gru(packed)[1][0]


# %% q5: the mean of the states
def last_states(padded, lengths, vectors, gru):
    states, _ = gru(vectors[padded])
    inside = torch.arange(padded.shape[1]) < lengths[:, None]
    total = (states * inside[:, :, None]).sum(1)
    return total / lengths.clamp(min=1)[:, None]


# %% q5: moved to the right, so that the padding is read first
def last_states(padded, lengths, vectors, gru):
    right = torch.stack(
        [
            row.roll(len(row) - int(n))
            for row, n in zip(padded, lengths, strict=True)
        ]
    )
    return gru(vectors[right])[0][:, -1]


# %% q5: RIGHT
def last_states(padded, lengths, vectors, gru):
    states = []
    for row, n in zip(padded.tolist(), lengths.tolist(), strict=True):
        state = torch.zeros(1, 1, gru.hidden_size)
        for item in row[:n]:
            _, state = gru(vectors[item][None, None], state)
        states.append(state[0, 0])
    return torch.stack(states)


# %% q6: nobody cheats
def looks_ahead(program):
    return False


# %% q6: everybody cheats
def looks_ahead(program):
    return True


# %% q6: a good hit rate is thought to prove a cheat
def looks_ahead(program):
    rng, hits = np.random.default_rng(0), []
    for _ in range(50):
        history = rng.permutation(20)[:12].tolist()
        best = np.asarray(program(history)).argmax(1)
        hits += [best[t] == history[t + 1] for t in range(11)]
    return bool(np.mean(hits) > 0.3)


# %% q6: only the best item of each row is compared
def looks_ahead(program):
    rng = np.random.default_rng(0)
    for _ in range(20):
        history = rng.permutation(20)[:12].tolist()
        whole = np.asarray(program(history)).argmax(1)
        part = np.asarray(program(history[:6])).argmax(1)
        if (whole[:6] != part).any():
            return True
    return False


# %% q6: not a digit may differ
def looks_ahead(program):
    rng = np.random.default_rng(0)
    for _ in range(5):
        history = rng.permutation(20)[:12].tolist()
        whole = np.asarray(program(history))
        for t in range(1, 12):
            part = np.asarray(program(history[:t]))
            if not np.array_equal(part, whole[:t]):
                return True
    return False


# %% q6: histories of two items
def looks_ahead(program):
    for a, b, c in [(0, 1, 2), (5, 9, 3), (17, 2, 11)]:
        rows = [np.asarray(program([a, x]))[0] for x in (b, c)]
        if not np.allclose(*rows, atol=1e-4):
            return True
    return False


# %% q6: the same items in another order, which statistics do not feel
def looks_ahead(program):
    rng = np.random.default_rng(0)
    for _ in range(10):
        history = rng.permutation(20)[:12].tolist()
        other = history[:6] + history[6:][::-1]
        rows = [np.asarray(program(h))[:6] for h in (history, other)]
        if not np.allclose(*rows, atol=1e-4):
            return True
    return False


# %% q6: the past is changed, not the future
def looks_ahead(program):
    rng = np.random.default_rng(0)
    for _ in range(10):
        history = rng.permutation(20)[:12].tolist()
        other = history[:6][::-1] + history[6:]
        rows = [np.asarray(program(h))[6:] for h in (history, other)]
        if not np.allclose(*rows, atol=1e-4):
            return True
    return False


# %% q6: minus infinity less minus infinity
def looks_ahead(program):
    rng = np.random.default_rng(0)
    for _ in range(5):
        history = rng.permutation(20)[:12].tolist()
        whole = np.asarray(program(history))
        for t in range(1, 12):
            with np.errstate(invalid="ignore"):
                gap = np.asarray(program(history[:t])) - whole[:t]
            if not (np.abs(gap) < 1e-4).all():
                return True
    return False


# %% q6: RIGHT
def looks_ahead(program):
    generator = torch.Generator().manual_seed(5)
    for _ in range(8):
        history = torch.randperm(20, generator=generator)[:15].tolist()
        rows = []
        for n in range(1, 16):
            scores = torch.tensor(np.array(program(history[:n]), dtype=float))
            rows.append(scores)
        for short, long in combinations(rows, 2):
            both = short, long[: len(short)]
            minus = [part == -torch.inf for part in both]
            if not torch.equal(*minus):
                return True
            a, b = (part.masked_fill(minus[0], 0.0) for part in both)
            if ((a - b).abs() > 1e-4).any():
                return True
    return False


# %% q7: the future counts
def popular_at(items, times, cut, days, k):
    inside = np.ones(len(items), dtype=bool)
    if days is not None:
        inside = times >= cut - 86_400 * days
    names, counts = np.unique(items[inside], return_counts=True)
    return names[np.argsort(-counts, kind="stable")][:k].tolist()


# %% q7: the moment itself is taken for the past
def popular_at(items, times, cut, days, k):
    inside = times <= cut
    if days is not None:
        inside = inside & (times >= cut - 86_400 * days)
    names, counts = np.unique(items[inside], return_counts=True)
    return names[np.argsort(-counts, kind="stable")][:k].tolist()


# %% q7: the window ends with the data
def popular_at(items, times, cut, days, k):
    inside = times < cut
    if days is not None:
        inside = inside & (times >= times.max() - 86_400 * days)
    names, counts = np.unique(items[inside], return_counts=True)
    return names[np.argsort(-counts, kind="stable")][:k].tolist()


# %% q7: days taken for seconds
def popular_at(items, times, cut, days, k):
    inside = times < cut
    if days is not None:
        inside = inside & (times >= cut - days)
    names, counts = np.unique(items[inside], return_counts=True)
    return names[np.argsort(-counts, kind="stable")][:k].tolist()


# %% q7: of equally liked items the higher number first
def popular_at(items, times, cut, days, k):
    inside = times < cut
    if days is not None:
        inside = inside & (times >= cut - 86_400 * days)
    names, counts = np.unique(items[inside], return_counts=True)
    return names[np.argsort(counts, kind="stable")][::-1][:k].tolist()


# %% q7: the list filled up with items that nobody liked
def popular_at(items, times, cut, days, k):
    inside = times < cut
    if days is not None:
        inside = inside & (times >= cut - 86_400 * days)
    counts = np.bincount(items[inside], minlength=items.max() + 1)
    return np.argsort(-counts, kind="stable")[:k].tolist()


# %% q7: the best of all time that were liked in the window
def popular_at(items, times, cut, days, k):
    past = times < cut
    inside = past & (times >= cut - 86_400 * (days or 10**9))
    names, counts = np.unique(items[past], return_counts=True)
    names = names[np.argsort(-counts, kind="stable")]
    return names[np.isin(names, items[inside])][:k].tolist()


# %% q7: RIGHT
def popular_at(items, times, cut, days, k):
    counts = {}
    for item, time in zip(items.tolist(), times.tolist(), strict=True):
        if time < cut and (days is None or cut - time <= 86_400 * days):
            counts[item] = counts.get(item, 0) + 1
    found = []
    while counts and len(found) < k:
        best = min(counts, key=lambda item: (-counts[item], item))
        found.append(best)
        del counts[best]
    return np.array(found)
