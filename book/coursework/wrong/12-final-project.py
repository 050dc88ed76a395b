"""Wrong solutions of assignment 12, and right ones in another style.

A cell is `# %% question: what is wrong`, or `# %% question: RIGHT`. It takes
the place of the cell of the student's notebook that defines the same names.
"""

import numpy as np
import pandas as pd
import scipy.stats


def interval(values):
    values = np.asarray(values, dtype=float)
    if len(values) < 2:
        return values.mean(), values.mean()
    return scipy.stats.t.interval(
        0.95, len(values) - 1, values.mean(), scipy.stats.sem(values)
    )


def word(low, high, value, relation, tolerance):
    left, right = {
        "=": (value - tolerance, value + tolerance),
        ">": (np.nextafter(value + tolerance, np.inf), np.inf),
        "<": (-np.inf, np.nextafter(value - tolerance, -np.inf)),
    }[relation]
    if left <= low and high <= right:
        return "reproduced"
    return "contradicted" if high < left or low > right else "open"


def filled(part="", by=None):
    # The right rows, one of whose parts goes through a function.
    data = 'stat("ml-latest-small")'
    cells = f"({data}.users * {data}.items)"
    known = {
        "empty": [f"1 - {data}.ratings / {cells}", 0.983, "=", 0.0005],
        "active": [f"{data}.ratings / {data}.users", 165.3, "=", 0.05],
        "halves": [f"{data}.halves / {data}.ratings", 0.30, "=", 0.005],
        "lowest": [f"{data}.lowest / {data}.ratings", 0.01, "<", 0],
        "spread": [f"np.square({data}.sd)", 1.2, "=", 0.05],
        "wide": [f"{data}.items / {data}.users", 16, ">", 0],
        "unrated": [
            f"({cells} - {data}.ratings) / {data}.users",
            9558.7,
            "=",
            0.05,
        ],
    }
    parts = ["test", "value", "relation", "tolerance"]
    known = {k: dict(zip(parts, v, strict=True)) for k, v in known.items()}
    for row in known.values():
        if part:
            row[part] = by(row)
    return known


def pairs(errors, baseline):
    return {n: errors[n] - errors[baseline] for n in errors if n != baseline}


def tested(differences, ratio):
    rows = {}
    for name, d in differences.items():
        d = d.dropna()
        se = d.std() * np.sqrt(1 / len(d) + ratio)
        half = scipy.stats.t.ppf(0.975, len(d) - 1) * se
        p = 2 * scipy.stats.t.sf(abs(d.mean()) / se, len(d) - 1)
        rows[name] = [d.mean(), d.mean() - half, d.mean() + half, p]
    return pd.DataFrame(rows, ["difference", "low", "high", "p"]).T


def stepped(p):
    p = p.sort_values()
    return (p * np.arange(len(p), 0, -1)).cummax().clip(upper=1)


def enough(pilot, borders, half, first=2):
    mean = np.mean(pilot)
    distance = min(abs(mean - border) for border in borders)
    for n in range(first, 10_001):
        if half(n) < distance:
            return n
    return None


# %% q1: the mean alone decides
def verdict(values, value, relation, tolerance, because=""):
    if because:
        return "not comparable"
    if not len(values):
        return "not testable here"
    mean = np.mean(values)
    return word(mean, mean, value, relation, tolerance)


# %% q1: no difference found is called agreement
def verdict(values, value, relation, tolerance, because=""):
    if because:
        return "not comparable"
    if not len(values):
        return "not testable here"
    low, high = interval(values)
    met = word(low, high, value, relation, tolerance) != "contradicted"
    return "reproduced" if met else "contradicted"


# %% q1: the normal quantile for a handful of seeds
def verdict(values, value, relation, tolerance, because=""):
    if because:
        return "not comparable"
    if not len(values):
        return "not testable here"
    mean, half = np.mean(values), 0
    if len(values) > 1:
        half = 1.96 * scipy.stats.sem(values)
    return word(mean - half, mean + half, value, relation, tolerance)


# %% q1: the range of the seeds for the interval of their mean
def verdict(values, value, relation, tolerance, because=""):
    if because:
        return "not comparable"
    if not len(values):
        return "not testable here"
    return word(min(values), max(values), value, relation, tolerance)


# %% q1: standard deviation in place of the standard error
def verdict(values, value, relation, tolerance, because=""):
    if because:
        return "not comparable"
    if not len(values):
        return "not testable here"
    mean, half = np.mean(values), 0
    if len(values) > 1:
        quantile = scipy.stats.t.ppf(0.975, len(values) - 1)
        half = quantile * np.std(values, ddof=1)
    return word(mean - half, mean + half, value, relation, tolerance)


# %% q1: an order is given the tolerance in its favour
def verdict(values, value, relation, tolerance, because=""):
    if because:
        return "not comparable"
    if not len(values):
        return "not testable here"
    slack = tolerance if relation == "=" else -tolerance
    return word(*interval(values), value, relation, slack)


# %% q1: a single value is no measurement
def verdict(values, value, relation, tolerance, because=""):
    if because:
        return "not comparable"
    if len(values) < 2:
        return "not testable here"
    return word(*interval(values), value, relation, tolerance)


# %% q1: the values are asked before the reason
def verdict(values, value, relation, tolerance, because=""):
    if not len(values):
        return "not testable here"
    found = word(*interval(values), value, relation, tolerance)
    return "not comparable" if because and found == "contradicted" else found


# %% q1: RIGHT
def verdict(values, value, relation, tolerance, because=""):
    if because:
        return "not comparable"
    n = len(values)
    if n == 0:
        return "not testable here"
    mean = sum(values) / n
    half = 0.0
    if n > 1:
        variance = sum((x - mean) ** 2 for x in values) / (n - 1)
        half = scipy.stats.t(n - 1).isf(0.025) * (variance / n) ** 0.5
    ends = [mean - half, mean + half]
    allowed = {
        "=": lambda x: abs(x - value) <= tolerance,
        ">": lambda x: x > value + tolerance,
        "<": lambda x: x < value - tolerance,
    }[relation]
    if all(map(allowed, ends)):
        return "reproduced"
    around = relation == "=" and ends[0] < value < ends[1]
    if any(map(allowed, ends)) or around:
        return "open"
    return "contradicted"


# %% q2: the measured number is typed
def typed(row):
    data = 'stat("ml-latest-small")'
    return f"{row['value']} + 0 * {data}.users"


known = filled("test", typed)
rows = {name: known[name] for name in yours}  # noqa: F821

# %% q2: a whole unit of the last digit
known = filled("tolerance", lambda row: 2 * row["tolerance"])
rows = {name: known[name] for name in yours}  # noqa: F821

# %% q2: the tolerance of the book for everything
known = filled("tolerance", lambda row: 0.005)
rows = {name: known[name] for name in yours}  # noqa: F821

# %% q2: percent taken for fractions
known = filled()
for row in known.values():
    if row["value"] < 1:
        row["value"], row["tolerance"] = 100 * row["value"], 0.05
        row["test"] = f"100 * ({row['test']})"
rows = {name: known[name] for name in yours}  # noqa: F821

# %% q2: density for sparsity, standard deviation for variance, users for films
data = 'stat("ml-latest-small")'
known = filled()
known["empty"]["test"] = f"{data}.ratings / ({data}.users * {data}.items)"
known["spread"]["test"] = f"{data}.sd"
known["unrated"]["test"] = f"{data}.items - {data}.ratings / {data}.items"
known["active"]["test"] = f"{data}.ratings / {data}.items"
known["wide"]["test"] = f"{data}.users / {data}.items"
rows = {name: known[name] for name in yours}  # noqa: F821

# %% q2: every sentence an equality
known = filled("relation", lambda row: "=")
known["wide"]["tolerance"] = known["lowest"]["tolerance"] = 0.5
rows = {name: known[name] for name in yours}  # noqa: F821

# %% q2: the sentences of another name
others = {
    "empty": "active",
    "lowest": "wide",
    "spread": "halves",
    "active": "empty",
    "wide": "lowest",
    "halves": "spread",
    "unrated": "empty",
}
known = filled()
rows = {others[n]: known[others[n]] for n in yours}  # noqa: F821

# %% q2: the measured value is claimed
known = filled()
rows = {name: dict(known[name]) for name in yours}  # noqa: F821
for row in rows.values():
    row["value"] = eval(row["test"])

# %% q2: RIGHT
rows = {}
for name in yours:  # noqa: F821
    row = filled()[name]
    row["test"] = f"(lambda s: {row['test']})(0)".replace(
        'stat("ml-latest-small")', "(stat('ml-latest-small'))"
    )
    rows[name] = row


# %% q3: the ordinary test
def versus(errors, baseline, ratio):
    table = tested(pairs(errors, baseline), 0)
    return table.assign(holm=stepped(table["p"]))


# %% q3: not paired
def versus(errors, baseline, ratio):
    table, b = tested(pairs(errors, baseline), ratio), errors[baseline]
    for name in table.index:
        a = errors[name]
        test = scipy.stats.ttest_ind(a, b, nan_policy="omit")
        table.loc[name, "p"] = test.pvalue
    return table.assign(holm=stepped(table["p"]))


# %% q3: Bonferroni in place of Holm
def versus(errors, baseline, ratio):
    table = tested(pairs(errors, baseline), ratio)
    return table.assign(holm=(table["p"] * len(table)).clip(upper=1))


# %% q3: corrected values may fall
def versus(errors, baseline, ratio):
    table = tested(pairs(errors, baseline), ratio)
    p = table["p"].sort_values()
    p = (p * np.arange(len(p), 0, -1)).clip(upper=1)
    return table.assign(holm=p)


# %% q3: the largest p gets the largest factor
def versus(errors, baseline, ratio):
    table = tested(pairs(errors, baseline), ratio)
    p = table["p"].sort_values()
    p = (p * np.arange(1, len(p) + 1)).cummax().clip(upper=1)
    return table.assign(holm=p)


# %% q3: one-sided
def versus(errors, baseline, ratio):
    table = tested(pairs(errors, baseline), ratio)
    table["p"] = table["p"] / 2
    return table.assign(holm=stepped(table["p"]))


# %% q3: baseline less other
def versus(errors, baseline, ratio):
    flipped = {n: -d for n, d in pairs(errors, baseline).items()}
    table = tested(flipped, ratio)
    return table.assign(holm=stepped(table["p"]))


# %% q3: a split that one model lacks is lost for all
def versus(errors, baseline, ratio):
    table = tested(pairs(errors.dropna(), baseline), ratio)
    return table.assign(holm=stepped(table["p"]))


# %% q3: sorted rows, corrected values in the order of the columns
def versus(errors, baseline, ratio):
    table = tested(pairs(errors, baseline), ratio)
    return table.assign(holm=stepped(table["p"]).to_numpy())


# %% q3: RIGHT
def versus(errors, baseline, ratio):
    names = [name for name in errors.columns if name != baseline]
    rows = []
    for name in names:
        both = zip(errors[name], errors[baseline], strict=True)
        d = [x - y for x, y in both if x == x and y == y]
        n, mean = len(d), sum(d) / len(d)
        variance = sum((v - mean) ** 2 for v in d) / (n - 1)
        se = (variance * (1 / n + ratio)) ** 0.5
        t = scipy.stats.t(n - 1)
        half = t.isf(0.025) * se
        p = 2 * t.cdf(-abs(mean / se))
        rows.append([mean, mean - half, mean + half, p, np.nan])
    largest = 0.0
    order = sorted(range(len(rows)), key=lambda i: rows[i][3])
    for place, i in enumerate(order):
        largest = max(largest, min(1.0, rows[i][3] * (len(rows) - place)))
        rows[i][4] = largest
    columns = ["difference", "low", "high", "p", "holm"]
    return pd.DataFrame(rows, names, columns)


# %% q4: the normal quantile for every n
def seeds_needed(pilot, borders):
    s = np.std(pilot, ddof=1)
    return enough(pilot, borders, lambda n: 1.96 * s / n**0.5)


# %% q4: the degrees of freedom of the pilot
def seeds_needed(pilot, borders):
    s, t = np.std(pilot, ddof=1), scipy.stats.t.ppf(0.975, len(pilot) - 1)
    return enough(pilot, borders, lambda n: t * s / n**0.5)


# %% q4: the deviation without its correction
def seeds_needed(pilot, borders):
    s = np.std(pilot)
    t = scipy.stats.t.ppf(0.975, np.arange(10_000) + 1)
    return enough(pilot, borders, lambda n: t[n - 2] * s / n**0.5)


# %% q4: the farther border counts
def seeds_needed(pilot, borders):
    s, far = np.std(pilot, ddof=1), max(borders, key=lambda b: abs(b))
    t = scipy.stats.t.ppf(0.975, np.arange(10_000) + 1)
    return enough(pilot, [far], lambda n: t[n - 2] * s / n**0.5)


# %% q4: never fewer than the pilot, and never none
def seeds_needed(pilot, borders):
    s = np.std(pilot, ddof=1)
    t = scipy.stats.t.ppf(0.975, np.arange(10_000) + 1)
    n = enough(
        pilot, borders, lambda n: t[n - 2] * s / n**0.5, first=len(pilot)
    )
    return n or 10_000


# %% q4: the whole width has to fit
def seeds_needed(pilot, borders):
    s = np.std(pilot, ddof=1)
    t = scipy.stats.t.ppf(0.975, np.arange(10_000) + 1)
    return enough(pilot, borders, lambda n: 2 * t[n - 2] * s / n**0.5)


# %% q4: one-sided
def seeds_needed(pilot, borders):
    s = np.std(pilot, ddof=1)
    t = scipy.stats.t.ppf(0.95, np.arange(10_000) + 1)
    return enough(pilot, borders, lambda n: t[n - 2] * s / n**0.5)


# %% q4: RIGHT
def seeds_needed(pilot, borders):
    k = len(pilot)
    mean = sum(pilot) / k
    s = (sum((x - mean) ** 2 for x in pilot) / (k - 1)) ** 0.5

    def clear(n):
        half = scipy.stats.t.ppf(0.975, n - 1) * s / n**0.5
        return all(not mean - half <= b <= mean + half for b in borders)

    low, high = 1, 10_000  # the interval shrinks with n, so halving finds it
    if not clear(high):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        if clear(middle):
            high = middle
        else:
            low = middle
    return high
