# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# (ch-ratings)=
# # Ratings: what the data are
#
# ## At a glance
#
# **Question.** What does a table of ratings contain, what is missing from it,
# and why is it missing?
#
# **Prerequisites.** Python with NumPy and pandas; expectation, variance and
# covariance of a random variable.
#
# **After this chapter you can** load a data set and say on what terms you may
# use it; count it without confusing density and sparsity; describe its scale,
# its long tail and its time structure; explain why the mean of the observed
# ratings is not the mean rating, and correct it where the probabilities are
# known; store a rating matrix in CSR form; and check the counts that a paper
# prints before you trust what follows from them.

# %%
import inspect
import itertools
import textwrap

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import Markdown, display

from reclib import datasets, evidence, intervals, plots
from reclib.interactions import Interactions
from reclib.ratings import Ratings

# %% [markdown]
# The cell below holds the parameters. Set `dataset` to `"ml-100k"` or
# `"ml-1m"` to run everything on those data.

# %% tags=["parameters"]
dataset = "ml-latest-small"
seed = 0

# %% [markdown]
# Five course reports on autoencoders for recommendation accompany the whole
# book. Each of their claims is tested in the chapter to which it belongs; two
# of the reports open this one. (The counts that a third gives for the Netflix
# data are claims of this chapter as well.) The next cell says what the chapter
# costs to run, and how the claims that the register counts for it came out.

# %%
plots.use_style()
Markdown(evidence.at_a_glance("01-ratings"))

# %% [markdown]
# ## The claim
#
# A text on recommendation starts with a sentence about its data. That sentence
# is easy to skip and easy to get wrong. Here are two, from two of the five
# reports. {cite:t}`steiner2023beyond` writes of "the MovieLens 100k dataset":
#
# > The dataset contains 99,946 ratings across 9,724 movies for 610 users,
# > exhibiting a *sparsity* rate of 98.3%.
#
# The report adds that "on average, each user has 163 ratings given, and 9561
# missing values". {cite:t}`gao2020autoencoders`, a course project, writes of
# MovieLens 1M:
#
# > The dataset contained 1,000,209 reviews from 6040 users on 3706 movies
# > resulting in an overall sparsity of 4.47%.
#
# It says later that "larger datasets may have a sparsity of around 0.1%".
#
# Both reports draw conclusions from these figures. At the end of the chapter
# we check whether the figures of each sentence agree with one another, and
# whether they agree with the data.
#
# A third claim is usually made without being said. Whoever prints the mean of
# the observed ratings, or an error averaged over held-out ratings, claims that
# the ratings we see stand for those we do not see.
# {cite:t}`marlin2007collaborative` asked the users of a radio service to rate
# songs drawn at random, and found ratings that differ markedly from those of
# songs the users had chosen themselves. The theory below says when that
# matters, and how much.

# %% [markdown]
# ## Theory
#
# ### A matrix and its table
#
# Let $X$ be the matrix of ratings, one row $x_u$ for each user and one column
# for each item. $r_{ui}$ is the rating of item $i$ by user $u$, and $\Omega$
# is the set of cells $(u, i)$ that were observed; $\Omega_u$ is the part in
# row $u$. With $U$ users and $I$ items,
#
# $$
# \text{density} = \frac{|\Omega|}{U I},
# \qquad
# \text{sparsity} = 1 - \text{density}.
# $$ (eq-ratings-density)
#
# Nobody stores $X$ cell by cell, since nearly all of it is empty. What is
# stored is a table with one line for each cell of $\Omega$: user, item, rating
# and often a timestamp. The table and the matrix hold the same information,
# with one exception: the table does not say which users and items *exist*.
# Somebody who rated nothing has no line, and has no row unless we add one.
#
# ### Three ways to be missing
#
# Suppose for a moment that every cell has a rating, which the user would give
# if asked. Let $o_{ui} = 1$ if it is observed and $0$ if not, and let
# $p_{ui} = \Pr(o_{ui} = 1)$ be the probability of that, the **propensity**.
# {cite:t}`rubin1976inference` distinguishes three cases. The ratings are
# missing
#
# - **completely at random** (MCAR) if $p_{ui}$ is the same for every cell;
# - **at random** (MAR) if $p_{ui}$ depends only on what we observe: the user,
#   the item, the ratings that were given, but not on the missing rating;
# - **not at random** (MNAR) if $p_{ui}$ depends on $r_{ui}$ itself, even given
#   all that we observe. People watch what they expect to like.
#
# What does this do to the most innocent of statistics? Let $N = UI$, and let
# bars denote means over all $N$ cells: $\bar r$ is the mean rating, which we
# want, and $\bar p$ the mean propensity. The **naive mean** divides what we
# see by how much we see,
#
# $$
# \hat r_{\text{naive}} = \frac{\sum_{u,i} o_{ui} r_{ui}}{\sum_{u,i} o_{ui}} .
# $$ (eq-ratings-naive)
#
# ```{prf:theorem} What the naive mean estimates
# :label: thm-naive-mean
#
# Let the $o_{ui}$ be independent, the ratings fixed and bounded. If the
# expected number of observed ratings $N \bar p$ grows without bound, then
# $\hat r_{\text{naive}} - r^\star$ tends to $0$ in probability, with
#
# $$
# r^\star = \bar r + \frac{\operatorname{Cov}(p, r)}{\bar p},
# \qquad
# \operatorname{Cov}(p, r) = \frac1N \sum_{u,i}
# (p_{ui} - \bar p)(r_{ui} - \bar r) .
# $$
# ```
#
# ```{prf:proof}
# The numerator $A$ of {eq}`eq-ratings-naive` has expectation $\sum p_{ui}
# r_{ui} = N(\operatorname{Cov}(p, r) + \bar p \bar r)$, the denominator $B$
# has expectation $N \bar p$, and the ratio of the two expectations is
# $r^\star$. If $|r_{ui}| \le c$ then $\operatorname{Var}(A) \le c^2 N \bar p$
# and $\operatorname{Var}(B) \le N \bar p$. By Chebyshev's inequality
# $A / (N \bar p) - r^\star$ and $B / (N \bar p) - 1$ tend to $0$ in
# probability, and so does $A/B - r^\star$, because $r^\star$ is bounded by $c$
# as well.
# ```
#
# So the naive mean has a bias that more data do not remove. It vanishes if and
# only if propensity and rating are uncorrelated over the cells. MCAR is enough
# for that. MAR is **not**: if good films are rated more often, for whatever
# reason, then $\operatorname{Cov}(p, r) > 0$ and the naive mean is too high.
#
# What, then, is the difference between MAR and MNAR? Under MAR we can sort the
# cells into groups by something that we observe, the item for instance, so that
# the propensity is constant within each group. Within a group the naive mean
# is unbiased, and the groups can be put together again with their true sizes.
# Under MNAR no such grouping exists: what we observe does not suffice. The
# section *By hand* has an example of each.
#
# The theorem speaks of ratings, but $r_{ui}$ may be any number attached to a
# cell. Put the squared error of a model in its place, and it says that the
# mean squared error on held-out *observed* ratings estimates the error on the
# films that people chose to rate. It says nothing of the others.
#
# If the propensities are known, there is a cure, which
# {cite:t}`horvitz1952generalization` found for surveys. Weight each observed
# rating by one over its probability of being observed:
#
# $$
# \hat r_{\text{IPW}} = \frac1N \sum_{u,i} \frac{o_{ui}\, r_{ui}}{p_{ui}} .
# $$ (eq-ratings-ipw)
#
# ```{prf:theorem} Inverse-propensity weighting
# :label: thm-ipw
#
# If every $p_{ui} > 0$, then $\mathbb E\, \hat r_{\text{IPW}} = \bar r$, and
# for independent $o_{ui}$
#
# $$
# \operatorname{Var}(\hat r_{\text{IPW}}) = \frac{1}{N^2} \sum_{u,i}
# r_{ui}^2 \, \frac{1 - p_{ui}}{p_{ui}} .
# $$
# ```
#
# ```{prf:proof}
# $\mathbb E\, o_{ui} = p_{ui}$, so each term has expectation $r_{ui}$. Its
# variance is $r_{ui}^2 p_{ui}(1 - p_{ui}) / p_{ui}^2$, and variances of
# independent terms add.
# ```
#
# The condition is the catch. A cell that can never be observed cannot be
# weighted back, and one that is observed once in ten thousand gets a weight of
# ten thousand: small propensities make the variance explode.
# Dividing by the sum of the weights instead of by $N$,
#
# $$
# \hat r_{\text{SN}} = \frac{\sum o_{ui} r_{ui} / p_{ui}}
# {\sum o_{ui} / p_{ui}},
# $$ (eq-ratings-snips)
#
# brings in a small bias and usually has a much smaller variance, because the
# number of ratings that happen to be seen no longer matters.
# {cite:t}`schnabel2016recommendations` estimate errors with both. They train
# a matrix factorisation by minimising an error that is weighted as in
# {eq}`eq-ratings-ipw`.
#
# ### Unequal shares
#
# Let $c_{(1)} \le \dots \le c_{(I)}$ be the numbers of ratings of the items in
# increasing order. The **Lorenz curve** joins the points
# $\big(k/I,\ \sum_{j \le k} c_{(j)} / \sum_j c_{(j)}\big)$: the share of all
# ratings that the $k$ least rated items hold. The **Gini coefficient** is
# twice the area between the curve and the diagonal,
#
# $$
# G = \frac{\sum_{k=1}^{I} (2k - I - 1)\, c_{(k)}}{I \sum_{k=1}^{I} c_{(k)}},
# $$ (eq-ratings-gini)
#
# zero if all items are equal, near one if a few hold everything.

# %% [markdown]
# ## Code
#
# `reclib.ratings.Ratings` is the table, checked when it is made: no column
# missing, no rating off the scale, no user who rates an item twice. Equation
# {eq}`eq-ratings-density` is in `statistics`.


# %%
def show(function):
    """The source of a function as it stands in the library."""
    code = textwrap.dedent(inspect.getsource(function)).strip()
    return Markdown(f"```python\n{code}\n```")


show(Ratings.statistics)

# %% [markdown]
# Two filters recur in every paper. `with_min_count` passes over the table
# once, items first; `k_core` repeats until nothing changes. They are not the
# same, because dropping a user takes ratings away from items.

# %%
display(show(Ratings.with_min_count), show(Ratings.k_core))

# %% [markdown]
# ## By hand
#
# ### Six ratings, all known
#
# Two users and three items; we know every rating and how likely it is to be
# seen. High ratings are more likely: $5$ is seen with probability $0.8$, $4$
# with $0.5$, $2$ with $0.25$ and $1$ with $0.2$.
#
# $$
# X = \begin{pmatrix} 5 & 4 & 1 \\ 4 & 2 & 2 \end{pmatrix},
# \qquad
# P = \begin{pmatrix} .8 & .5 & .2 \\ .5 & .25 & .25 \end{pmatrix}.
# $$
#
# The mean rating is $\bar r = 18/6 = 3$. The propensities add up to $2.5$, and
# $\sum p r = 4 + 2 + .2 + 2 + .5 + .5 = 9.2$. So the naive mean estimates
# $r^\star = 9.2 / 2.5 = 3.68$. By the theorem the bias is
# $\operatorname{Cov}(p, r) / \bar p$: the covariance is
# $9.2/6 - (2.5/6) \cdot 3 = 1.7/6$, and $1.7 / 2.5 = 0.68$.

# %%
X = np.array([[5.0, 4, 1], [4, 2, 2]])
P = np.array([[0.8, 0.5, 0.2], [0.5, 0.25, 0.25]])
covariance = (P * X).mean() - P.mean() * X.mean()
r_star = (P * X).sum() / P.sum()
assert np.isclose(X.mean(), 3) and np.isclose(r_star, 3.68)
assert np.isclose(X.mean() + covariance / P.mean(), r_star)
print(f"mean {X.mean():.2f}, naive mean estimates {r_star:.2f}")

# %% [markdown]
# There are only $2^6 = 64$ ways to observe six cells. We can list them all
# with their probabilities and compute expectations exactly, without sampling.
# The pattern in which nothing is seen has no naive mean; it is left out there.

# %%
seen = np.array(list(itertools.product([0, 1], repeat=6)))
r, p = X.ravel(), P.ravel()
probability = np.where(seen == 1, p, 1 - p).prod(axis=1)
ipw = (seen * r / p).sum(axis=1) / 6
some = seen.any(axis=1)
naive = (seen[some] * r).sum(axis=1) / seen[some].sum(axis=1)
expected_naive = np.average(naive, weights=probability[some])
expected_ipw = np.average(ipw, weights=probability)
print(f"{len(seen)} patterns, total probability {probability.sum():.0f}")
print(f"expected: naive {expected_naive:.3f}, IPW {expected_ipw:.3f}")

formula = (r**2 * (1 - p) / p).sum() / 6**2
listed = np.average((ipw - 3) ** 2, weights=probability)
assert np.isclose(expected_ipw, 3) and expected_naive > 3.5
assert np.isclose(formula, listed)
off = (ipw < 1) | (ipw > 5)
print(
    f"SD of the weighted mean {formula**0.5:.2f}; it is off the scale "
    f"with probability {probability[off].sum():.3f}"
)

# %% [markdown]
# The weighted mean is exactly right on average, and its variance is that of
# {prf:ref}`thm-ipw`. The naive mean is wrong, and in so small a matrix it is
# not quite $r^\star$ either, which is its limit in large ones. But look at the
# standard deviation, and at how often the weighted mean lies below 1 or above
# 5, where no rating can be: unbiased does not mean accurate.
#
# ### The same six ratings, missing at random
#
# Now let the propensity depend on the item only: $.8$ for both cells of the
# first column, $.5$ for the second, $.2$ for the third. The good item is seen
# more often, so the naive mean is still too high. It estimates
# $(.8 \cdot 9 + .5 \cdot 6 + .2 \cdot 3)/3 = 10.8/3 = 3.6$. But within a
# column all propensities are equal. So the observed ratings of each column
# estimate its mean without bias: $4.5$, $3$ and $1.5$. All columns have the
# same number of cells, and the mean of the three is $3$, the truth. That is
# MAR.
#
# With the matrix $P$ above, the same remedy falls short. Within the first
# column the 5 is seen more often than the 4, so its observed mean estimates
# $(4 + 2)/1.3 = 4.615$. The others estimate $2.5/.75 = 3.333$ and
# $.7/.45 = 1.556$. Their mean is $3.168$: most of the bias is gone, and some
# is left, which no grouping by item removes. That is MNAR.

# %%
by_item = np.tile([0.8, 0.5, 0.2], (2, 1))
rows = {}
for name, Q in {"MAR: by item": by_item, "MNAR: P": P}.items():
    naive_mean = (Q * X).sum() / Q.sum()
    of_columns = (Q * X).sum(axis=0) / Q.sum(axis=0)
    rows[name] = [X.mean(), naive_mean, of_columns.mean()]
columns = ["mean", "naive estimates", "by column estimates"]
means = pd.DataFrame(rows, index=columns).T
assert np.allclose(means.iloc[0], [3, 3.6, 3])
assert np.allclose(means.iloc[1], [3, 3.68, 3.168], atol=1e-3)
means.round(3)

# %% [markdown]
# Both naive means are too high by about the same amount. Only in the first row
# does what we observe, the item, repair it.
#
# ### CSR in three arrays
#
# The **compressed sparse row** form stores a matrix in three arrays. `values`
# holds the observed ratings, row after row; `indices` holds the column of
# each; and `indptr` says where each row starts: row $u$ owns the entries from
# `indptr[u]` up to, but without, `indptr[u + 1]`. Take
#
# $$
# \begin{pmatrix}
# 5 & \cdot & 3 & \cdot \\
# \cdot & \cdot & \cdot & \cdot \\
# 1 & 4 & \cdot & 2
# \end{pmatrix}.
# $$
#
# Row 0 has two entries, row 1 none, row 2 three. So `indptr` is
# $(0, 2, 2, 5)$, `indices` is $(0, 2, 0, 1, 3)$ and `values` is
# $(5, 3, 1, 4, 2)$. An empty row costs one number, an empty cell nothing. The
# library must agree, even if the ratings arrive in another order.

# %%
small = Interactions.from_coo(
    rows=[2, 0, 2, 0, 2],
    cols=[3, 2, 0, 0, 1],
    values=[2, 3, 1, 5, 4],
    shape=(3, 4),
)
assert small.indptr.tolist() == [0, 2, 2, 5]
assert small.indices.tolist() == [0, 2, 0, 1, 3]
assert small.values.tolist() == [5, 3, 1, 4, 2]
assert small.density == 5 / 12
print(small)

# %% [markdown]
# ## Experiment
#
# ### Loading, and on what terms
#
# `datasets.load` looks beside the library first, where ml-latest-small lies;
# then in the folder that the environment variable `RECLIB_DATA` names; and
# only then does it download the archive, after it has shown the terms. So this
# chapter runs without a network. The terms are part of what the library knows.

# %%
for name in datasets.DATASETS:
    about = datasets.find(name)
    print(f"{name}: {about.title}")
    print(textwrap.fill(about.terms, 76, initial_indent="  ") + "\n")

# %% [markdown]
# The data are described by {cite:t}`harper2015movielens`. We read them, and
# look at a few lines with the titles beside them.

# %%
ratings = datasets.load(dataset)
table = ratings.table
head = table.head(4).copy()
head["when"] = pd.to_datetime(head["timestamp"], unit="s").dt.date
head["title"] = head["item"].map(ratings.titles)
head

# %% [markdown]
# The library checks the *content*, not the archive: an archive that was packed
# again passes, one with a single altered rating does not. The fingerprint
# below is a hash of the sorted table. Change one rating, and it is another.

# %%
low, high = ratings.scale
altered = table.copy()
was = altered.loc[0, "rating"]
altered.loc[0, "rating"] = low if was > low else high
other = Ratings(altered, "altered", ratings.scale)
print(ratings.fingerprint(), "and after one change", other.fingerprint())
assert ratings.fingerprint() == datasets.find(dataset).fingerprint
assert other.fingerprint() != ratings.fingerprint()

# %% [markdown]
# ### Counting
#
# The statistics of the whole table. Compare the medians with the means below
# them: the *typical* user and the *typical* item have far fewer ratings than
# the averages suggest.

# %%
statistics = ratings.statistics()
for name, value in statistics.items():
    whole = float(value).is_integer()
    print(f"{name:26}{value:>12,.0f}" if whole else f"{name:26}{value:>12.4f}")
for one in ("user", "item"):
    average = len(ratings) / statistics[f"{one}s"]
    print(f"{f'mean ratings per {one}':26}{average:>12.1f}")
    assert average > 1.4 * statistics[f"median ratings per {one}"]

# %% [markdown]
# ### The scale
#
# MovieLens 100K and 1M have whole stars from 1 to 5. Newer releases have half
# stars from 0.5 to 5. The two panels show how often each step was used, and
# how far the mean of each user lies from the mean of all.

# %% mystnb={"image": {"alt": "Left, bars: 4 stars are most frequent, half steps less so than their whole neighbours. Right: histogram of user means."}}
steps = table["rating"].value_counts().sort_index()
user_mean = table.groupby("user")["rating"].mean()
fig, (left, right) = plt.subplots(1, 2, figsize=(8, 3))
left.bar(steps.index, steps / len(table), width=0.4)
left.set(xlabel="rating", ylabel="share of ratings")
right.hist(user_mean - table["rating"].mean(), bins=30)
right.set(xlabel="user mean less global mean", ylabel="users")
plt.show()

# %% [markdown]
# Two facts to remember. The distribution leans towards high ratings and is
# narrow: most ratings lie within one star of the mean, so a constant is already
# a decent guess. And the means of the users differ. Partly the users rated
# different films, partly they use the scale differently. The means alone do
# not tell the two apart; {ref}`ch-baselines` has a model that does.

# %%
spread = user_mean.std(ddof=0)
share_high = (table["rating"] >= 4).mean()
near = (abs(table["rating"] - table["rating"].mean()) <= 1).mean()
print(f"share of ratings of 4 or more: {share_high:.1%}")
print(f"share within one star of the mean: {near:.1%}")
print(f"standard deviation of the user means: {spread:.2f}")
print(f"standard deviation of the ratings: {table['rating'].std():.2f}")
assert share_high > 0.4 and spread > 0.3

# %% [markdown]
# ### The long tail
#
# On doubly logarithmic axes the number of ratings of an item falls slowly at
# first and then ever faster. (A power law would be a straight line; this is
# not one.) The Lorenz curve tells the same in shares; the dashed diagonal is
# equality.

# %% mystnb={"image": {"alt": "Left: log-log curve of ratings by item rank, falling. Right: Lorenz curve of items far below the dashed diagonal."}}
counts = np.sort(table.groupby("item").size().to_numpy())
fig, (left, right) = plt.subplots(1, 2, figsize=(8, 3.2))
plots.long_tail(counts, left)
share = np.concatenate([[0], counts.cumsum() / counts.sum()])
right.plot(np.linspace(0, 1, len(share)), share, color=plots.COLOURS[0])
right.plot([0, 1], [0, 1], "--", color="grey")
right.set(xlabel="share of items, rarest first", ylabel="share of ratings")
plt.show()


# %% [markdown]
# Equation {eq}`eq-ratings-gini` gives the number. Four items with 1, 1, 1 and
# 5 ratings have $G = (-3 - 1 + 1 + 15) / (4 \cdot 8) = 3/8$.


# %%
def gini(counts):
    """Gini coefficient of non-negative counts, equation (eq-ratings-gini)."""
    c = np.sort(np.asarray(counts, dtype=float))
    k = np.arange(1, len(c) + 1)
    return ((2 * k - len(c) - 1) * c).sum() / (len(c) * c.sum())


assert gini([1, 1, 1, 5]) == 3 / 8 and gini([7, 7]) == 0
tenth = round(0.1 * len(counts))
top = counts[-tenth:].sum() / len(table)
print(f"share of the top 10 % of items: {top:.1%}")
print(f"Gini coefficient of the items: {gini(counts):.3f}")
print(f"items with a single rating: {(counts == 1).mean():.1%}")

# %% [markdown]
# A recommender that knows only the popular tenth of the items reaches a large
# part of the ratings, and a tenth of the catalogue. And the mean rating of an
# item in the tail may be that of one or two people. {ref}`ch-baselines`
# shrinks such means.
#
# ### Time
#
# Each rating has a timestamp: when it was *entered*, not when the film was
# watched. Count the ratings of each year, and separate half stars from whole
# ones.

# %% mystnb={"image": {"alt": "Stacked bars of ratings per year, whole stars and half stars; the half stars begin in 2003 in the embedded data."}}
when = pd.to_datetime(table["timestamp"], unit="s")
kind = np.where(table["rating"] % 1 == 0, "whole stars", "half stars")
years = pd.crosstab(when.dt.year, kind).iloc[:, ::-1]
years.plot.bar(stacked=True, figsize=(8, 3), width=0.8)
plt.legend(loc="upper center", ncols=2)
plt.xlabel("year")
plt.ylabel("ratings")
plt.show()

# %% [markdown]
# In the embedded data half stars begin at a date. Before it a user who wavered
# between 3 and 4 had to choose, afterwards 3.5 was there. So the same number
# need not mean the same before and after, and a model that ignores time treats
# the two scales as one.

# %%
half = table["rating"] % 1 != 0
if half.any():
    first = when[half].min()
    before = (when < first).mean()
    print(f"first half star on {first:%d %B %Y}; {before:.1%} came before")
else:
    print("This data set has no half stars.")

# %% [markdown]
# Now look within each user. Sort the ratings by time and start a new *session*
# wherever more than an hour passes without a rating.

# %%
ordered = table.sort_values(["user", "timestamp"], kind="stable")
gap = ordered.groupby("user")["timestamp"].diff()
starts = gap.isna() | (gap > 3600)
sessions = starts.groupby(ordered["user"]).sum()
size = ordered.groupby(["user", starts.cumsum()]).size()
largest = size.groupby("user").max() / size.groupby("user").sum()
print(f"users with a single session: {(sessions == 1).mean():.1%}")
print(f"median share of the largest session: {largest.median():.0%}")
print(f"gaps under a minute: {(gap.dropna() < 60).mean():.1%}")
assert (sessions == 1).mean() > 0.5 and (gap.dropna() < 60).mean() > 0.7

# %% [markdown]
# Nobody watches a film a minute. More than half of these users have a single
# session: they came, rated many films one after the other, and left.
# {cite:t}`fan2023model` conclude that MovieLens records how users interact
# with MovieLens, whose own recommendations guide them, and not necessarily how
# they interact with films. If so, the order of a user's ratings is partly the
# order in which the site asked. A second consequence needs no such conclusion:
# a random split often holds out a rating that has a training rating by the
# same person close to it in time. An exercise below counts how often one lies
# within a minute.
#
# ### Missing not at random, with known truth
#
# We make a complete matrix, so that its mean is known; observe each rating
# with a probability that grows with the rating; and estimate the mean from
# what is observed, many times over.

# %%
rng = np.random.default_rng(seed)
user, item = rng.normal(0, 0.4, (200, 1)), rng.normal(0, 0.6, (1, 300))
X = np.rint(3 + user + item + rng.normal(0, 0.8, (200, 300))).clip(1, 5)
chance = np.array([0.02, 0.03, 0.06, 0.12, 0.20])  # of seeing 1, ..., 5 stars
P = chance[X.astype(int) - 1]
print(f"{X.size:,} cells, {P.mean():.1%} seen on average")
print(
    f"mean {X.mean():.3f}; the naive mean estimates "
    f"{(P * X).sum() / P.sum():.3f}"
)

# %% [markdown]
# Each of 400 repetitions draws who is seen anew and computes the estimators
# {eq}`eq-ratings-naive`, {eq}`eq-ratings-ipw` and {eq}`eq-ratings-snips`. The
# last line is a control: the right formula with the wrong propensities, the
# same for every cell.


# %%
def estimates(seen):
    """Four estimates of the mean of X from the cells where seen is true."""
    weight, flat = seen / P, seen / P.mean()
    return {
        "naive mean": X[seen].mean(),
        "IPW": (weight * X).mean(),
        "self-normalised IPW": (weight * X).sum() / weight.sum(),
        "IPW, constant propensity": (flat * X).sum() / flat.sum(),
    }


runs = pd.DataFrame([estimates(rng.random(X.shape) < P) for _ in range(400)])
result = pd.DataFrame({"mean": runs.mean(), "SD of one": runs.std()})
result["bias"] = runs.mean() - X.mean()
result["SE of bias"] = runs.sem()
result.round(4)

# %% [markdown]
# The naive mean misses the truth by many of its standard errors. Both weighted
# means agree with it within a few. With a constant propensity nothing is
# corrected: the weights cancel and the naive mean comes back.

# %%
z = result["bias"] / result["SE of bias"]
assert abs(z["IPW"]) < 4 and abs(z["self-normalised IPW"]) < 4
assert z["naive mean"] > 50 and z["IPW, constant propensity"] > 50
expected = (P * X).sum() / P.sum() - X.mean()
assert abs(result.loc["naive mean", "bias"] / expected - 1) < 0.01
sd = result["SD of one"]
assert sd["self-normalised IPW"] < sd["IPW"]
print(f"bias in standard errors: {z['naive mean']:.0f} for the naive mean")

# %% [markdown]
# The same holds for errors. Take two models that predict a constant: the true
# mean, and the naive mean. On the observed cells the second has the lower mean
# squared error, and a test on held-out observed ratings would choose it. On
# all cells, and under the weighted test, the first is better.

# %%
seen = rng.random(X.shape) < P
mse = {}
for name, constant in {"true": X.mean(), "naive": X[seen].mean()}.items():
    error = (X - constant) ** 2
    mse[f"predict the {name} mean"] = {
        "observed": error[seen].mean(),
        "weighted": np.average(error[seen], weights=1 / P[seen]),
        "all cells": error.mean(),
    }
mse = pd.DataFrame(mse).T
assert mse["observed"].idxmin() == "predict the naive mean"
assert mse["weighted"].idxmin() == mse["all cells"].idxmin()
assert mse["all cells"].idxmin() == "predict the true mean"
mse.round(3)

# %% [markdown]
# ### Is it so in the data?
#
# With real ratings the truth is not known, so MNAR cannot be proved from the
# table: that would take a random sample of ratings like that of
# {cite:t}`marlin2007collaborative`. What the table can show is that it is not
# MCAR, and in which direction $\operatorname{Cov}(p, r)$ points between items.
# We correlate the logarithm of the number of ratings of an item with its mean
# rating. A correlation is a mean: that of the products of two standardised
# values, one product for each item. So we take the interval for a mean, which
# {doc}`/book/foundations/02-measuring` derives; each item takes the place of a
# user. This is an approximation: the values are standardised with the mean and
# the standard deviation of the same items. In large samples that makes no
# difference where the true correlation is zero; on these data it makes the
# interval too wide, by less than a fifth. The second row keeps items with ten ratings or
# more, whose means are less noisy. The last is a control: the counts are
# shuffled.


# %%
def correlation(x, y):
    """Pearson correlation, with the interval of a mean over the items."""
    products = (x - x.mean()) / x.std() * (y - y.mean()) / y.std()
    return intervals.of_users(products)


by_item = table.groupby("item")["rating"].agg(["size", "mean"])
x, y = np.log(by_item["size"].to_numpy()), by_item["mean"].to_numpy()
many = by_item["size"].to_numpy() >= 10
shuffled = np.random.default_rng(seed).permutation(x[many])
found = {
    "all items": correlation(x, y),
    "items with 10 ratings": correlation(x[many], y[many]),
    "shuffled": correlation(shuffled, y[many]),
}
assert np.isclose(found["all items"].mean, np.corrcoef(x, y)[0, 1])
rows = {name: [each.mean, each.low, each.high] for name, each in found.items()}
pd.DataFrame(rows, index=["correlation", "low", "high"]).T.round(2)

# %% [markdown]
# Whether the first two correlations are above zero is a question for the judge
# of this book, `evidence.judge`. It takes an interval and a claim, and answers
# with one of five words. *Reproduced* means that the whole interval lies where
# the claim says, *contradicted* that none of it does, and *open* that the
# interval crosses the border. The other two words, *not comparable* and *not
# testable here*, come with a reason.

# %%
evidence.verdicts(
    (f"correlation above 0: {name}", "this course", found[name], ">", 0.0)
    for name in ("all items", "items with 10 ratings")
).round(3)

# %% [markdown]
# So in these data items that are rated more often are, on the whole, also rated
# higher. The figure shows where: the mean of the item means, for items with 1,
# 2 to 3, 4 to 7, ... ratings. It rises from about eight ratings on. Below that,
# where most items lie, it does not rise.

# %% mystnb={"image": {"alt": "Mean rating of items by number of ratings, with error bars: it rises from about ten ratings onwards."}}
bins = pd.cut(by_item["size"], 2.0 ** np.arange(-1, 13), right=False)
grouped = by_item.groupby(bins, observed=True)["mean"].agg(["mean", "sem"])
middle = [np.sqrt(b.left * b.right) for b in grouped.index]
plt.errorbar(
    middle, grouped["mean"], yerr=2 * grouped["sem"], marker="o", capsize=3
)
plt.xscale("log")
plt.xlabel("ratings of the item")
plt.ylabel("mean of item means, ± 2 SE")
plt.show()

# %% [markdown]
# What does this do to the mean? The mean over ratings weights each item by how
# often it was chosen. {prf:ref}`thm-naive-mean` says by how much it then lies
# above the mean over items, if we put the number of ratings of an item in the
# place of $p$: by the covariance of number and mean, divided by the mean
# number. Here that is no estimate but arithmetic, and the cell below confirms
# it.

# %%
n, of_item = by_item["size"], by_item["mean"]
over_ratings, over_items = table["rating"].mean(), of_item.mean()
lift = ((n * of_item).mean() - n.mean() * over_items) / n.mean()
print(f"mean over ratings {over_ratings:.3f}, over items {over_items:.3f}")
print(f"covariance over mean number {lift:.3f}")
assert np.isclose(over_ratings - over_items, lift) and lift > 0

# %% [markdown]
# Neither is "the" mean rating. They answer two questions: about the ratings
# that people give, and about the catalogue from which they could choose.
#
# ### From stars to events
#
# Many papers ignore the stars and ask only whether a rating exists, or whether
# it is high: *implicit* feedback. The usual threshold is "greater than 3.5".
# On a half-star scale the choice between $>$ and $\ge$ is not a detail.

# %%
for text, kept in {
    "all ratings": ratings,
    "at least 3.5": ratings.at_least(3.5),
    "greater than 3.5": ratings.where(table["rating"] > 3.5),
    "at least 4": ratings.at_least(4),
}.items():
    print(
        f"{text:18}{len(kept):>10,} events, {len(kept.items):>6,} items, "
        f"density {kept.statistics()['density']:.2%}"
    )

# %% [markdown]
# After the threshold comes a filter, since an item that was rated once cannot
# be both learnt and tested. {cite:t}`gao2020autoencoders` drops the movies
# with fewer than ten ratings. Others ask for a minimum of users and items
# alike, once or until it holds (the $k$-core).

# %%
filtered = {
    "unfiltered": ratings,
    "items with 10": ratings.with_min_count(item=10),
    "10 and 10, once": ratings.with_min_count(user=10, item=10),
    "5-core": ratings.k_core(5),
    "20 and 20, once": ratings.with_min_count(user=20, item=20),
    "20-core": ratings.k_core(20),
}
columns = ["ratings", "users", "items", "density"]
summary = pd.DataFrame(
    {name: data.statistics()[columns] for name, data in filtered.items()}
).T.round(4)
summary.astype(dict.fromkeys(columns[:3], int))

# %% [markdown]
# What did Gao's filter remove? In ML-1M very little: the report says 1670
# ratings, which is less than 0.2 % of them. The same filter removes most of the
# catalogue of the embedded data. A filter is part of the data set, so results
# under different filters are results on different data.

# %%
kept = filtered["items with 10"]
gone_items = len(ratings.items) - len(kept.items)
gone_ratings = len(ratings) - len(kept)
known = {"ml-1m": (446, 1_670), "ml-latest-small": (7_455, 19_720)}
if dataset in known:
    assert (gone_items, gone_ratings) == known[dataset]
print(
    f"{gone_items:,} items ({gone_items / len(ratings.items):.1%}) and "
    f"{gone_ratings:,} ratings ({gone_ratings / len(ratings):.1%}) are gone"
)

# %% [markdown]
# ### What a matrix weighs
#
# `to_interactions` turns the table into CSR. The dense matrix needs four bytes
# for each cell (float32). CSR needs eight for each rating, a value and a
# column, and four for each row. The counts of the Netflix Prize data are
# 480,189 users, 17,770 films and 100,480,507 ratings; those of ML-1M are in
# the quotation above.

# %%
X = ratings.to_interactions()
sizes = {
    dataset: (*X.shape, X.nnz),
    "ml-1m": (6_040, 3_706, 1_000_209),
    "Netflix": (480_189, 17_770, 100_480_507),
}
memory = pd.DataFrame(sizes, index=["users", "items", "ratings"]).T
u, i, n = (memory[column] for column in memory)
memory["dense, MB"] = u * i * 4 / 1e6
memory["CSR, MB"] = (8 * n + 4 * (u + 1)) / 1e6
memory["times"] = memory["dense, MB"] / memory["CSR, MB"]
stored = sum(t.nbytes for t in (X.indptr, X.indices, X.values)) / 1e6
assert np.isclose(memory.loc[dataset, "CSR, MB"], stored)
assert round(memory.loc["Netflix", "dense, MB"] / 1000) == 34
memory.round(1)

# %% [markdown]
# The dense Netflix matrix does not fit a laptop. In CSR it is less than one
# gigabyte. The library therefore keeps matrices in CSR on the device where
# they are used, and makes small batches dense, if at all.
#
# ## Verdict
#
# Now the two sentences from the start. First {cite:t}`gao2020autoencoders`:
# the three counts give the density and the sparsity of
# {eq}`eq-ratings-density`.

# %%
density = 1_000_209 / (6_040 * 3_706)
print(f"density {density:.2%}, sparsity {1 - density:.2%}")
assert round(density, 4) == 0.0447

# %% [markdown]
# The counts are right and the word is wrong: the printed 4.47 % is the density.
# The word is wrong again where the report expects a sparsity of around 0.1 % in
# larger data: read as a sparsity, that would be a matrix almost without gaps. A
# reader who takes the word at its meaning concludes the opposite of what the
# author means.
#
# {cite:t}`steiner2023beyond` needs more care. ML-100K has 943 users and 1,682
# films, so 610 and 9,724 are not its counts. They are those of
# ml-latest-small. But the number of ratings is not. We compare three
# candidates: what is printed, what the file holds, and what the file holds
# without its lowest ratings, those of half a star. Why the third is a
# candidate at all, we say after the table.

# %%
latest = datasets.load("ml-latest-small")
users, items = len(latest.users), len(latest.items)
lowest = int((latest.table["rating"] == 0.5).sum())
candidates = {
    "printed": 99_946,
    "in the file": len(latest),
    "in the file, above 0.5": len(latest) - lowest,
}
ratings_each = pd.Series(candidates, name="ratings")
fits = ratings_each.to_frame()
fits["per user"] = (ratings_each / users).round(2)
fits["rounds to 163"] = (ratings_each / users).round() == 163
fits["cut off at 163"] = ratings_each // users == 163
fits["sparsity, %"] = (100 * (1 - ratings_each / (users * items))).round(1)
assert (users, items) == (610, 9_724)
assert candidates["in the file, above 0.5"] == 99_466
fits

# %% [markdown]
# All three round to the printed sparsity, so that figure decides nothing. The
# count in the file does not give 163 ratings per user in either way. The
# printed count gives 163 only if the decimals are cut off. The third count,
# 99,466, gives 163 when rounded, and then $9{,}724 - 163 = 9{,}561$ as printed.
# It differs from the printed 99,946 in two digits.
#
# The third count is what is left if every rating of 0.5 becomes 0 and 0 means
# "missing". A NumPy array of whole numbers would do that to half stars, as
# the next section shows. The notebook of the report's repository that builds
# the matrix names a table that starts as whole-number zeros, in lines that
# are commented out ({cite:t}`steiner2023code`, `Data/ConvertToUserItem.ipynb`
# at commit `a4a9878`). But that is a pandas table, and the pandas of this
# book refuses to put 0.5 into it instead of cutting it off; so those lines do
# not show how it happened. The third count fits the arithmetic. We have not
# read the matrix itself, and how the printed number came about we cannot
# know.
#
# The claims of the two sentences that are in doubt, in one table. (The others
# of this chapter, the counts of MovieLens 1M and of Netflix, are judged in
# {doc}`/book/evidence/18-what-five-reports-claimed`.) For the ML-100K counts we
# rely on its README. The margin is half a unit of the last digit that the
# report prints. For the mean of a user it is a whole unit, so that 163 may be
# rounded or cut off; and this mean is measured from the report's own two
# counts, since the report says that it follows from them.
# {doc}`/book/evidence/18-what-five-reports-claimed` judges the same sentence in
# the same way.

# %%
exact, old = intervals.exact, evidence.data_counts("ml-100k")
steiner, gao, ours = "report of Steiner", "report of Gao", "this course"
empty = 1 - len(latest) / (users * items)
evidence.verdicts(
    [
        ("ML-1M: sparsity 4.47 %", gao, exact(1 - density), "=", 0.0447, 5e-5),
        ("ML-1M: density 4.47 %", ours, exact(density), "=", 0.0447, 5e-5),
        ("ML-100K: 610 users", steiner, exact(old.users), "=", 610, 0.5),
        ("latest-small: 610 users", ours, exact(users), "=", 610, 0.5),
        ("latest-small: 9,724 films", ours, exact(items), "=", 9_724, 0.5),
        ("99,946 ratings", steiner, exact(len(latest)), "=", 99_946, 0.5),
        ("sparsity 98.3 %", steiner, exact(empty), "=", 0.983, 5e-4),
        (
            "163 per user, by its counts",
            steiner,
            exact(99_946 / 610),
            "=",
            163,
            1,
        ),
    ]
).drop(columns=["low", "high", "n"]).round(4)

# %% [markdown]
# Each of these slips is found by one division or by counting. A sentence that
# code prints from the table itself would have had the right counts; a formula
# with its name beside it would have had the right word.

# %% [markdown]
# ## What goes wrong
#
# ### Zero as a mark for "missing"
#
# A dense matrix with zeros for missing ratings works as long as no rating is
# zero. Then somebody centres it. Subtract 3, and every 3 becomes
# indistinguishable from a gap. In CSR the pattern is stored apart from the
# values, and an explicit zero is an observed rating like any other.

# %%
centred = X.with_values(X.values - 3)
dense = centred.dense()
print(f"observed {centred.nnz:,}; not zero {int((dense != 0).sum()):,}")
lost = 1 - int((dense != 0).sum()) / centred.nnz
print(f"a mask `!= 0` loses {lost:.1%} of the ratings")
print(f"mean of all cells of the raw matrix: {X.dense().mean():.3f}")
assert centred.scipy().nnz == X.nnz and lost > 0.15

# %% [markdown]
# The last line shows another form of the same mistake: the mean over all cells
# counts every gap as a rating of zero.
#
# ### Half stars in a matrix of integers
#
# `astype(int)`, or assignment into an array of integers, cuts off the decimals
# without a warning. Every half star loses half a star, and 0.5 becomes 0,
# which the convention above then reads as missing. `Ratings` cannot undo this,
# but it refuses the result, because 0 is off the scale.

# %%
values = latest.table["rating"].to_numpy()
cut = values.astype(int)
gone = (cut == 0).sum()
print(f"changed {(cut != values).mean():.1%}, became zero {gone:,}")
print(f"mean {values.mean():.3f} before, {cut[cut > 0].mean():.3f} after")
assert gone == lowest  # the candidate of the verdict above
try:
    Ratings(latest.table.assign(rating=cut), "cut", latest.scale)
except ValueError as error:
    print(error)

# %% [markdown]
# ### The wrong universe of items
#
# The evaluation of a textbook's chapter on NeuMF ({cite:t}`zhang2023dive`, file
# `neumf.md`, line 142 at commit `23d7a5a`) builds the set of all *items* as
# `set([i for i in range(num_users)])`, and ranks only the members of this set.
# On ML-100K, with 943 users and 1,682 films, the films in columns 943 and above
# can therefore never be recommended, and nothing fails. (With more users than
# items the set contains items that do not exist.) The cell below counts what
# that line reaches, on the data of this chapter and on ML-100K:

# %%
num_users, num_items = X.shape
reachable = min(num_users, num_items) / num_items
unreachable = (X.indices >= num_users).float().mean().item()
print(f"{reachable:.1%} of the items can be recommended")
print(f"{unreachable:.1%} of the ratings are of items that cannot")
print(f"ML-100K: {943 / 1_682:.1%} of the items can be recommended")

# %% [markdown]
# A square matrix hides this error and a transposed one can cause it. Give
# rows and columns different sizes in every test.
#
# ### The licence
#
# [The same
# book](https://github.com/d2l-ai/d2l-en/blob/23d7a5a/chapter_recommender-systems/movielens.md)
# sums up that MovieLens "is public available and free to use" (line 151). The
# README in each archive says otherwise. We printed the terms above: they differ
# between releases, and for ML-100K and ML-1M they forbid redistribution and
# commercial use without permission. MovieLens latest-small may be passed on
# under the same conditions, and therefore it lies in this repository. No other
# data set of the list does. Copies of ML-1M in other repositories do not change
# its terms.

# %% [markdown]
# ## Exercises
#
# ```{exercise} ◆ Write down the CSR form
# :label: ex-ratings-1
#
# Write `indptr`, `indices` and `values` of the matrix with rows
# $(\cdot, 2, \cdot)$, $(4, \cdot, 1)$, $(\cdot, \cdot, \cdot)$ and
# $(\cdot, \cdot, 5)$. What are those of its transpose? Check with
# `Interactions`.
# ```
#
# ````{solution} ex-ratings-1
# :class: dropdown
#
# `indptr` $= (0, 1, 3, 3, 4)$, `indices` $= (1, 0, 2, 2)$, `values`
# $= (2, 4, 1, 5)$. The transpose has rows $(\cdot, 4, \cdot, \cdot)$,
# $(2, \cdot, \cdot, \cdot)$ and $(\cdot, 1, \cdot, 5)$.
#
# ```python
# A = Interactions.from_coo(
#     [0, 1, 1, 3], [1, 0, 2, 2], [2, 4, 1, 5], shape=(4, 3)
# )
# assert A.indptr.tolist() == [0, 1, 3, 3, 4]
# assert A.T.indptr.tolist() == [0, 1, 2, 4]
# assert A.T.indices.tolist() == [1, 0, 1, 3]
# assert A.T.values.tolist() == [4, 2, 1, 5]
# ```
# ````
#
# ```{exercise} ◆ Density of a sample
# :label: ex-ratings-2
#
# You keep a random half of the *ratings*; then a random half of the *users*;
# then a random half of the *items*. What happens to the density in each case,
# roughly, if no user and no item loses all its ratings?
# ```
#
# ````{solution} ex-ratings-2
# :class: dropdown
#
# Half of the ratings in the same matrix: the density is halved. Half of the
# users, or of the items: ratings and cells are both halved on average, so the
# density stays. In practice rows or columns do become empty, and a table
# forgets them; then the density rises. State which matrix you divide by.
# ````
#
# ```{exercise} ◆ Unequal propensities without bias
# :label: ex-ratings-3
#
# Give a $2 \times 2$ matrix and propensities that are not all equal for which
# the naive mean is asymptotically unbiased. Is it MCAR?
# ```
#
# ````{solution} ex-ratings-3
# :class: dropdown
#
# By {prf:ref}`thm-naive-mean` any propensities that are uncorrelated with the
# ratings will do. Let user 1 be active and user 2 not, with the same ratings:
# rows $(5, 1)$ and $(5, 1)$, propensities $(.8, .8)$ and $(.2, .2)$. It is not
# MCAR, but the covariance is zero.
#
# ```python
# X2 = np.array([[5, 1], [5, 1]])
# P2 = np.array([[0.8, 0.8], [0.2, 0.2]])
# assert np.isclose((P2 * X2).mean(), P2.mean() * X2.mean())
# ```
# ````
#
# ```{exercise} ◆◆ What clipping costs
# :label: ex-ratings-4
#
# In practice propensities are clipped from below: $p_{ui}$ is replaced by
# $\max(p_{ui}, t)$ in {eq}`eq-ratings-ipw`. Derive the bias and show that it
# is never positive for positive ratings. Repeat the simulation for $t = 0.05$.
# ```
#
# ````{solution} ex-ratings-4
# :class: dropdown
#
# Each term has expectation $r_{ui}\, p_{ui} / \max(p_{ui}, t)$, so the bias is
# $-\frac1N \sum_{p_{ui} < t} r_{ui} (1 - p_{ui} / t) \le 0$. The cells below
# $t$ have smaller weights and their variance falls.
#
# ```python
# rng = np.random.default_rng(seed)
# user, item = rng.normal(0, 0.4, (200, 1)), rng.normal(0, 0.6, (1, 300))
# A = np.rint(3 + user + item + rng.normal(0, 0.8, (200, 300))).clip(1, 5)
# P4 = chance[A.astype(int) - 1]
# clipped = np.maximum(P4, 0.05)
# bias = -(A * (1 - P4 / 0.05))[P4 < 0.05].sum() / A.size
# both = []
# for _ in range(400):
#     O4 = rng.random(A.shape) < P4
#     both.append([(O4 * A / P4).mean(), (O4 * A / clipped).mean()])
# plain, less = np.array(both).T
# assert less.std() < plain.std()
# assert abs(less.mean() - A.mean() - bias) < 4 * less.std() / 20
# ```
# ````
#
# ```{exercise} ◆◆ There is one k-core
# :label: ex-ratings-5
#
# Prove that the largest part in which every user and every item has at least
# $k$ ratings is unique, so that it does not matter in which order `k_core`
# removes rows and columns.
# ```
#
# ````{solution} ex-ratings-5
# :class: dropdown
#
# Call a set of users and items *good* if each of its users has $k$ ratings of
# its items and each of its items $k$ ratings by its users. The union of two
# good sets is good: a member keeps the ratings it had within its own set. So
# the union $M$ of all good sets is good, and it is the largest. No procedure
# that only removes what has fewer than $k$ ratings among those still present
# ever removes a member of $M$: consider the first member to go; all others are
# still there, so it had $k$ ratings. And where the procedure stops, what is
# left is good, hence within $M$. So it stops at $M$, whatever the order.
# ````
#
# ```{exercise} ◆◆ How far is the nearest neighbour in time?
# :label: ex-ratings-6
#
# Hold out a random tenth of the ratings. For how many of them is there a
# training rating by the same user within one minute? What if the latest tenth
# is held out instead?
# ```
#
# ````{solution} ex-ratings-6
# :class: dropdown
#
# Most of them under the random split, very few under the temporal one.
#
# ```python
# def close(held):
#     """Share of held-out ratings within a minute of a training rating."""
#     near = []
#     for _, part in table.assign(held=held).groupby("user"):
#         t = part["timestamp"].to_numpy()
#         train = np.sort(t[~part["held"]])
#         tested = t[part["held"]]
#         if len(train) == 0:
#             near += [False] * len(tested)
#             continue
#         after = np.searchsorted(train, tested).clip(0, len(train) - 1)
#         before = (after - 1).clip(0)
#         gap = np.minimum(abs(train[after] - tested),
#                          abs(train[before] - tested))
#         near += list(gap <= 60)
#     return np.mean(near)
#
# draw = np.random.default_rng(seed).random(len(table)) < 0.1
# latest_tenth = table["timestamp"] > table["timestamp"].quantile(0.9)
# print(close(draw), close(latest_tenth))
# assert close(draw) > 0.7 > 0.1 > close(latest_tenth)
# ```
# ````
#
# ```{exercise} ◆◆◆ Propensities from popularity
# :label: ex-ratings-7
#
# Nobody knows the propensities. Estimate those of the simulation by the share
# of users who rated the item, and use {eq}`eq-ratings-snips`. How much of the
# bias goes away? Explain what remains.
# ```
#
# ````{solution} ex-ratings-7
# :class: dropdown
#
# The estimate is the mean propensity of a column, so it removes the covariance
# *between* items and leaves that *within* items: a user who likes an item more
# than others do is still more likely to be seen. The first is what MAR given
# the item can explain, the second is MNAR, and no function of the item
# alone removes it.
#
# ```python
# rng = np.random.default_rng(seed)
# user, item = rng.normal(0, 0.4, (200, 1)), rng.normal(0, 0.6, (1, 300))
# A = np.rint(3 + user + item + rng.normal(0, 0.8, (200, 300))).clip(1, 5)
# P7 = chance[A.astype(int) - 1]
# naive7, popular = [], []
# for _ in range(200):
#     O7 = rng.random(A.shape) < P7
#     share = O7.mean(axis=0).clip(1 / 200)
#     w = O7 / share
#     naive7.append(A[O7].mean() - A.mean())
#     popular.append((w * A).sum() / w.sum() - A.mean())
# left = np.mean(popular) / np.mean(naive7)
# print(f"{left:.0%} of the bias is left")
# assert 0 < left < 1
# ```
# ````

# %% [markdown]
# ## Summary
#
# - A rating matrix is stored as a table or in CSR, because nearly all of it is
#   empty. Density is the share that is full; sparsity is the rest.
# - What is missing is missing for a reason. The naive mean is off by
#   $\operatorname{Cov}(p, r)/\bar p$ however much data there are, and so is
#   any error that is averaged over observed ratings.
# - Inverse-propensity weighting is unbiased if the propensities are known and
#   none is zero. In real data they are neither known nor safely above zero.
# - Popularity is very unequal, ratings come in sessions, and the scale itself
#   has changed over time.
# - Thresholds and filters make another data set. State them, and print the
#   counts from code.
# - Observed means stored, not "different from zero".
#
# ## References
#
# See the {doc}`/book/references`.
