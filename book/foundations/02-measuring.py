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
# (ch-measuring)=
# # Measuring: protocols, metrics, uncertainty
#
# ## At a glance
#
# **Question.** What does the number in a results table depend on besides the
# model, and when does a difference between two numbers mean anything?
#
# **Prerequisites.** {doc}`/book/foundations/01-ratings`; expectation, variance,
# covariance and the central limit theorem.
#
# **After this chapter you can** split ratings by five protocols and say who
# sees what; compute every metric of this book by hand and name its
# denominator; put an interval on a result and on a difference of two; and
# recognise a leak by what it does to the number.

# %%
import inspect
import textwrap
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import scipy.stats
import torch
from IPython.display import Markdown
from matplotlib.colors import ListedColormap
from sklearn.metrics import ndcg_score

pd.options.display.precision = 4

# %% [markdown]
# From the library we take the protocols, the metrics, the evaluator and five
# baselines, none of which needs gradient descent.

# %%
from reclib import datasets, evaluation, evidence, metrics, plots, splits
from reclib.interactions import Interactions
from reclib.models import Biases, ImputedSVD, ItemMean, Popularity, PureSVD
from reclib.ratings import Ratings
from reclib.splits import Test

plots.use_style()
print(evidence.at_a_glance("02-measuring"))

# %% [markdown]
# The parameters. Everything here is small and runs on the CPU. Set `dataset` to
# `"ml-100k"` or `"ml-1m"` to repeat the chapter on those data.

# %% tags=["parameters"]
dataset = "ml-latest-small"
seed = 0
seeds = 5

# %% [markdown]
# ## The claim
#
# A paper on recommendation ends in a table: methods down the side, three
# digits in each cell, the best in bold. The reader is asked to believe two
# things: that the bold method is better, and that the numbers may be compared
# with those of other papers. The table below has four pairs of published
# numbers. In each pair the method and the data set have the same name. What
# differs stands in the last column.

# %%
pairs = [
    ("I-AutoRec, Netflix, RMSE", 0.823, 0.9364, "random or time split"),
    (
        "Mult-VAE, ML-1M, NDCG@100",
        0.3979,
        0.2301,
        "fold-in by chance or by time",
    ),
    ("Mult-VAE, ML-20M, recall@20", 0.395, 0.354, "denominator of recall"),
    ("ELSA, ML-20M, NDCG@100", 0.426, 0.55, "whose NDCG function"),
]
columns = ["what", "one source", "another", "what differs"]
published = pd.DataFrame(pairs, columns=columns).set_index("what")
published["gap"] = published["another"] - published["one source"]
published.round(4)

# %% [markdown]
# Sources: {cite:t}`sedhain2015autorec` and, quoted from the authors of that
# split, {cite:t}`kuchaiev2017training`;
# both from {cite:t}`sachdeva2019sequential`, who print percent;
# {cite:t}`liang2018variational` and the re-run by
# {cite:t}`ferrari2021troubling`; the paper's value and a user's first attempt,
# in [issue 1 of recombee/ELSA](https://github.com/recombee/ELSA/issues/1).
#
# Set beside them what papers claim as progress. Our yardsticks: .014 of RMSE,
# from biased matrix factorisation to I-AutoRec on MovieLens 1M
# {cite:p}`sedhain2015autorec`; .007 of NDCG@100 and .008 of recall@20, from
# Mult-DAE to Mult-VAE on MovieLens 20M {cite:p}`liang2018variational`. This
# chapter measures each thing that moves a number although no model has
# changed, and holds it against the yardstick. The ledger starts empty.

# %%
yardstick = {"rmse": 0.845 - 0.831}
yardstick |= {"ndcg@100": 0.426 - 0.419, "recall@20": 0.395 - 0.387}
ledger = []


def note(cause, metric, before, after):
    """Enter in the ledger how far a cause moved a metric."""
    ledger.append((cause, metric, float(before), float(after)))


# %% [markdown]
# ## Theory
#
# ### A protocol is three decisions
#
# *Who* is tested, *what* of theirs the model may see, and what it must
# predict. We call what is seen `fold_in`, what must be predicted `held_out`.
# Under **weak generalisation** the tested users are training users, and
# `fold_in` is `train`. Under **strong generalisation** training never saw
# them.
#
# | protocol, in `reclib.splits` | held out | the question it asks |
# |---|---|---|
# | `hold_out` | a random fraction of all ratings | can you fill gaps in a table? |
# | `k_fold` | each of $k$ random parts once | the same, every rating tested once |
# | `hold_out_per_user` | a random fraction of each user's | the same, every user alike |
# | `temporal` | the latest ratings | can you predict the future? |
# | `held_out_users` | a random fraction of each *new* user's | can you serve someone new? |
#
# Only `temporal` forbids training on ratings given after those that are
# tested. The others let the model look ahead; they suit questions in which
# time plays no part, and flatter a system that will be deployed.
#
# To see the differences, take eight users and twelve items that appear one
# after the other, and paint each protocol.

# %%
names = ["empty", "train", "fold-in", "held out, validation", "held out, test"]
colours = ["white", *(plots.COLOURS[c] for c in (9, 0, 1, 3))]
rng = np.random.default_rng(4)
u, i = np.nonzero(rng.random((8, 12)) < 0.62)
toy = pd.DataFrame({"user": u, "item": i, "rating": 3.0})
toy = Ratings(toy.assign(timestamp=10 * i + 4 * u), "toy")
toy_splits = {
    "hold_out": splits.hold_out(toy, test=0.25, validation=0.2),
    "k_fold, last of 4": list(splits.k_fold(toy, 4, validation=0.2))[-1],
    "hold_out_per_user": splits.hold_out_per_user(
        toy, test=0.3, validation=0.2
    ),
    "temporal": splits.temporal(toy, test=0.25, validation=0.2),
    "held_out_users": splits.held_out_users(toy, num_users=2, test=0.4),
}

# %% [markdown]
# Each cell of a picture is a rating: one colour for what trains, one for what
# is folded in, one each for what validation and test hold out. Users are rows,
# items are columns in the order of their appearance.

# %% mystnb={"image": {"alt": "Five small matrices. Random hold-out and k-fold scatter the test cells; per user, each row has some; temporal puts all test cells at the lower right; held-out users reserves whole rows, mostly folded in."}}


def paint(split, users, items):
    """For each cell, a place in ``names``."""
    grid = np.zeros((len(users), len(items)))

    def put(X, who, number):
        rows = np.searchsorted(users, who[X.row_ids])
        grid[rows, np.searchsorted(items, split.items[X.indices])] = number

    for test, number in ((split.validation, 3), (split.test, 4)):
        put(test.fold_in, test.users, 2)
        put(test.held_out, test.users, number)
    put(split.train, split.train_users, 1)
    return grid


fig, axes = plt.subplots(2, 3, figsize=(7, 3.6))
for ax, (name, split) in zip(axes.flat, toy_splits.items(), strict=False):
    grid = paint(split, toy.users, toy.items)
    ax.pcolormesh(
        grid, cmap=ListedColormap(colours), vmin=0, vmax=4, ec="lightgrey"
    )
    ax.set(title=name, xticks=[], yticks=[], aspect="equal")
    ax.invert_yaxis()
axes[0, 0].set(ylabel="users", xlabel="items")
axes[1, 2].axis("off")
keys = [plt.Rectangle((0, 0), 1, 1, fc=c, ec="grey") for c in colours]
axes[1, 2].legend(keys, names, loc="center", frameon=False)
plt.show()

# %% [markdown]
# ### The error of a mean over users
#
# Let $m_u$ be a metric of test user $u$, and let the $U$ test users be an
# independent sample of a population with mean $\theta$ and variance
# $\sigma^2$. The table prints $\bar m = \frac1U \sum_u m_u$. Its expectation is
# $\theta$ and its variance $\sigma^2/U$; by the central limit theorem it is
# nearly normal for large $U$, whatever the shape of the distribution of $m_u$.
# With the sample standard deviation $s$ for $\sigma$,
#
# $$
# \mathrm{SE}(\bar m) = \frac{s}{\sqrt U},
# \qquad
# \bar m \pm 1.96\,\mathrm{SE}(\bar m)
# $$ (eq-measuring-se)
#
# is a 95 % interval. It answers: how would the number change with *other test
# users*, the model being fixed? It does not contain the randomness of
# training.
#
# ### The error of a difference
#
# Two models give the same users $a_u$ and $b_u$. The variance of the
# difference of means is
#
# $$
# \operatorname{Var}(\bar a - \bar b)
#   = \frac{\sigma_a^2 + \sigma_b^2 - 2\rho\,\sigma_a\sigma_b}{U},
# $$ (eq-measuring-paired)
#
# where $\rho$ is the correlation of $a_u$ and $b_u$ across users. A user with
# odd taste is hard for every model, so $\rho$ is large. If the two variances
# are equal, the standard error shrinks by $\sqrt{1-\rho}$ against the unpaired
# one, which sets $\rho = 0$. To use this one needs the results *per user*, and
# compares them by a $t$ test on $a_u - b_u$ or by resampling users. Published
# tables give only means, so between papers only the unpaired error is left.
#
# ### The error of a mean over splits
#
# Rating prediction is usually repeated over $J$ random splits, and the
# interval is computed from the $J$ results as if they were independent. They
# are not: the test sets are drawn from the same ratings and overlap.
#
# ```{prf:theorem} The variance over overlapping splits
# :label: thm-measuring-overlap
#
# Let $e_1, \dots, e_N$ be the squared errors of a fixed predictor on all
# ratings, independent, with the same mean and variance $\sigma^2$. Let $A_j$ be
# the mean over the $j$-th of $J$ random test sets of size $fN$, and $s^2$ the
# sample variance of the $A_j$. Then
#
# $$
# \frac{\operatorname{Var}(\bar A)}{\mathbb E[s^2/J]}
#   = \frac{1 + (J-1) f}{1-f}.
# $$
# ```
#
# ```{prf:proof}
# $\operatorname{Var}(A_j) = \sigma^2/(fN)$. Write
# $A_j = \frac1{fN}\sum_n I_{jn} e_n$, where $I_{jn}$ says that rating $n$ is in
# test set $j$. Given the test sets, the covariance of $A_j$ and $A_l$ is
# $\frac{\sigma^2}{(fN)^2}\sum_n I_{jn} I_{ln}$, whose expectation is
# $\frac{\sigma^2}{(fN)^2} f^2 N = \sigma^2/N$, that is
# $f \operatorname{Var}(A_j)$. Hence
# $\operatorname{Var}(\bar A) = \operatorname{Var}(A_1)\,\frac{1+(J-1)f}{J}$, and
# $\mathbb E[s^2] = \operatorname{Var}(A_1) - \operatorname{Cov}(A_1, A_2)
# = (1-f)\operatorname{Var}(A_1)$.
# ```
#
# For five random 80/20 splits, the design of {cite:t}`gao2020autoencoders`,
# the ratio is $1.8/0.8 = 2.25$: the interval should be 1.5 times as wide. More
# splits make it worse, because $s^2/J$ goes to zero and
# $\operatorname{Var}(\bar A)$ does not. {cite:t}`nadeau2003inference` propose
# to multiply $s^2$ by $\frac1J + \frac{f}{1-f}$ in place of $\frac1J$, which
# in this setting repairs it exactly. One more dependence remains: errors of
# the *same user* are correlated, and no repeated splitting shows that. We
# shall simulate both.
#
# ### The best of many
#
# Let $m$ configurations have the same true value $\theta$, and let the
# estimates have independent normal errors with standard deviation $s$.
# Whoever reports the best reports
#
# $$
# \mathbb E\bigl[\max_c \hat\theta_c\bigr] \le \theta + s\sqrt{2 \ln m}
# $$ (eq-measuring-max)
#
# and comes close to the bound for large $m$. (For any $t>0$, Jensen gives
# $e^{t\,\mathbb E \max_c \epsilon_c} \le \mathbb E \sum_c e^{t\epsilon_c}
# = m\,e^{t^2s^2/2}$; take logarithms and $t = \sqrt{2\ln m}/s$.) Choosing the
# epoch, the penalty or the seed on the test set is such a maximum. So is
# looking for a significant difference among $m$ comparisons: at the 5 % level
# with no difference anywhere, one of $m$ independent tests shows one with
# probability $1-.95^m$. Bonferroni's remedy is to ask for $p < .05/m$.
#
# ### Ranking against a sample
#
# Some papers rank the held-out item not against the catalogue but against
# $m$ sampled items; {cite:t}`he2017neural` take $m=100$. An item at true rank
# $r$ among $N$ is beaten by each sampled one with probability
# $q = (r-1)/(N-1)$, so with replacement
#
# $$
# \Pr(\text{hit in the first } k)
#   = \Pr\bigl(\mathrm{Bin}(m, q) \le k-1\bigr).
# $$ (eq-measuring-sampled)
#
# For $N = 10{,}000$, $m = 100$, $k = 10$ this is practically 1 for every rank
# up to 300. The sampled metric cannot see the top of the list, the only part
# that anyone is shown. {cite:t}`krichene2020sampled` prove that it need not
# keep the order of two models, even in expectation.

# %% [markdown]
# ## Code
#
# ### A split checks itself
#
# Every protocol returns a `Split`: a matrix `train`, a `Test` with `fold_in`
# and `held_out`, perhaps another for validation. It refuses to exist if it
# leaks. These are the checks, as the library runs them:


# %%
def show(*functions):
    """The source of library functions, so that page and library agree."""
    code = "\n\n".join(
        textwrap.dedent(inspect.getsource(f)).strip() for f in functions
    )
    return Markdown(f"```python\n{code}\n```")


show(Test.__post_init__, splits.Split.__post_init__)

# %% [markdown]
# Make one that leaks: put a single test rating back into `train`.

# %%
ratings = datasets.load(dataset)
honest = splits.hold_out(ratings, test=0.2, seed=seed)
X, held = honest.train.scipy().tolil(), honest.test.held_out
row, col = int(held.row_ids[0]), int(held.indices[0])
X[row, col] = held.values[0].item()
leaky = Interactions.from_scipy(X.tocsr())
try:
    replace(honest, train=leaky)
except ValueError as error:
    message = str(error)
print("ValueError:", message)
assert "leaks" in message

# %% [markdown]
# ### A fingerprint
#
# `fingerprint()` hashes every index and value of a split into twelve digits.
# Print it beside each result: two results with different fingerprints are not
# of the same test.

# %%
again = splits.hold_out(ratings, test=0.2, seed=seed)
other = splits.hold_out(ratings, test=0.2, seed=seed + 1)
print(honest.fingerprint(), again.fingerprint(), other.fingerprint())
assert honest.fingerprint() == again.fingerprint() != other.fingerprint()

# %% [markdown]
# ### The recipe of Liang et al.
#
# The protocol of {cite:t}`liang2018variational` became the common benchmark of
# this field. Its notebook does the following.
#
# 1. Keep ratings above 3.5, and call each an event.
# 2. Keep users with at least 5 events (MovieLens 20M, Netflix).
# 3. Sort the user identifiers, permute them with seed 98765. The last $n$ test,
#    the $n$ before them validate, the others train; $n$ is 10,000 for
#    MovieLens 20M.
# 4. The items are those of the *training* users; others are dropped.
# 5. For each validation and test user with at least five events left, hold out
#    20 % of them at random, rounded down, and fold in the rest.
# 6. Choose by NDCG@100 on validation; report recall@20, recall@50 and NDCG@100
#    on test.
#
# `held_out_users` follows steps 3 to 5 draw by draw. On small data we take a
# fifth of the users for the test.

# %%
likes = ratings.at_least(4.0).with_min_count(user=5)
likes = replace(likes, table=likes.table.assign(rating=1.0))
liang = splits.held_out_users(likes, num_users=len(likes.users) // 5)
test = liang.test
print("train   ", liang.train)
print("fold-in ", test.fold_in)
print("held out", test.held_out)
nothing = int((test.held_out.row_counts == 0).sum())
print(f"{nothing} test users with nothing held out;", liang.fingerprint())
assert not np.isin(test.users, liang.train_users).any()

# %% [markdown]
# ### Errors of ratings
#
# With $\Omega$ the set of test ratings,
#
# $$
# \mathrm{RMSE} = \sqrt{\frac{1}{|\Omega|}
#   \sum_{(u,i)\in\Omega} (r_{ui} - \hat r_{ui})^2},
# \qquad
# \mathrm{MAE} = \frac{1}{|\Omega|}
#   \sum_{(u,i)\in\Omega} |r_{ui} - \hat r_{ui}|.
# $$ (eq-measuring-rmse)
#
# The denominator is the number of *ratings*: active users weigh more. A mean
# of each user's own RMSE is another number.

# %%
show(metrics.rmse, metrics.mae)

# %% [markdown]
# ### Hits in a list
#
# For a ranking metric, write $h_r \in \{0, 1\}$ for "the item at rank $r$ is
# held out", after everything in `fold_in` was struck off; $n_u$ for the number
# of held-out items of the user; $k$ for the cut-off. Then
#
# $$
# \mathrm{precision@}k = \frac1k \sum_{r\le k} h_r, \qquad
# \mathrm{hit\ rate@}k = \max_{r \le k} h_r, \qquad
# \mathrm{RR@}k = \max_{r\le k} \frac{h_r}{r}.
# $$ (eq-measuring-precision)
#
# MRR@$k$ is the mean of RR@$k$ over users.

# %%
show(metrics.precision, metrics.hit_rate, metrics.reciprocal_rank)

# %% [markdown]
# **Recall has two denominators**, and papers call both "Recall@$k$":
#
# $$
# \mathrm{recall@}k = \frac{1}{n_u} \sum_{r\le k} h_r, \qquad
# \text{capped recall@}k = \frac{1}{\min(k, n_u)} \sum_{r\le k} h_r.
# $$ (eq-measuring-recall)
#
# The plain one is used by {cite:t}`wu2016cdae`,
# {cite:t}`sachdeva2019sequential` and {cite:t}`ferrari2021troubling`; the
# capped one by {cite:t}`liang2018variational`, {cite:t}`steck2019embarrassingly`
# and most papers on their split. They agree for users with $n_u \le k$. For
# Mult-VAE on MovieLens 20M the two conventions printed .395 and .354.

# %%
show(metrics.recall, metrics.capped_recall)

# %% [markdown]
# **NDCG** discounts a hit by its rank and divides by what a perfect list of
# the same user would get:
#
# $$
# \mathrm{NDCG@}k =
#   \frac{\sum_{r \le k} h_r / \log_2(r+1)}
#        {\sum_{r \le \min(k, n_u)} 1 / \log_2(r+1)}.
# $$ (eq-measuring-ndcg)
#
# **Average precision** takes the precision at the rank of each hit; its mean
# over users is MAP@$k$ {cite:p}`wu2016cdae`:
#
# $$
# \mathrm{AP@}k = \frac{1}{\min(k, n_u)}
#   \sum_{r\le k} h_r \cdot \mathrm{precision@}r .
# $$ (eq-measuring-ap)

# %%
show(metrics.ndcg, metrics.average_precision)

# %% [markdown]
# ### Beyond hits
#
# A model that recommends the same ten films to everyone may score well.
# **Coverage** is the share of the catalogue that appears in any list.
# **Novelty** is the mean information of what is shown: an item rated by
# $c_i$ of $U$ training users counts $-\log_2(c_i/U)$ bits
# {cite:p}`zhou2010solving`.

# %%
show(metrics.coverage, metrics.novelty)

# %% [markdown]
# ## By hand
#
# Eight items, three users, $k=3$. The scores of a model, with what each user
# has folded in and what is held out:
#
# | user | fold-in | held out | ranking after masking |
# |---|---|---|---|
# | A | 0 | 1, 4, 5, 7 | **1**, 2, **4** \| **7**, 6, 3, **5** |
# | B | 2, 6 | 3, 7 | 0, **3**, 5 \| **7**, 1, 4 |
# | C | 1 | none | 0, 2, 3 \| 4, 5, 6, 7 |
#
# **User A** has $n_A = 4 > k$. Hits at ranks 1 and 3: precision $2/3$, recall
# $2/4$, capped recall $2/3$. DCG $= 1 + \frac12$; a perfect list has
# $1 + 1/\log_2 3 + \frac12$, so NDCG $= 1.5/2.1309 = .7039$. AP
# $= (\frac11 + \frac23)/3 = 5/9$, RR $= 1$.
#
# **User B** has $n_B = 2 < k$. One hit at rank 2: precision $1/3$, both recalls
# $1/2$, NDCG $= .6309/1.6309 = .3869$, AP $= \frac12/2 = \frac14$, RR
# $= \frac12$.
#
# **User C** has nothing held out. Every denominator is zero: there is no value.

# %%
scores = torch.tensor(
    [
        [0.9, 0.8, 0.7, 0.2, 0.6, 0.1, 0.3, 0.4],  # A
        [0.9, 0.3, 0.8, 0.7, 0.2, 0.6, 0.5, 0.4],  # B
        [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2],  # C
    ]
)
seen = Interactions.from_coo([0, 1, 1, 2], [0, 2, 6, 1], shape=(3, 8))
hidden = [(0, 1), (0, 4), (0, 5), (0, 7), (1, 3), (1, 7)]
wanted = Interactions.from_coo(*zip(*hidden, strict=True), shape=(3, 8))
by_hand = Test(seen, wanted, np.array([0, 1, 2]))
every = [f"{name}@3" for name in metrics.RANKING]
ranked = evaluation.rank_scores([scores.clone()], by_hand, every)
ranked.per_user.set_axis(list("ABC")).round(4)

# %% [markdown]
# The library against our arithmetic:

# %%
ideal = 1 + 1 / np.log2(3) + 1 / 2
ours = {
    "hit_rate@3": (1, 1),
    "precision@3": (2 / 3, 1 / 3),
    "recall@3": (2 / 4, 1 / 2),
    "capped_recall@3": (2 / 3, 1 / 2),
    "ndcg@3": (1.5 / ideal, (1 / np.log2(3)) / (1 + 1 / np.log2(3))),
    "map@3": (5 / 9, 1 / 4),
    "mrr@3": (1, 1 / 2),
}
for name, values in ours.items():
    assert np.allclose(ranked.per_user[name][:2], values), name
assert ranked.per_user.loc[2].isna().all()
print(ranked.summary()[["mean", "users"]].round(4).to_string())

# %% [markdown]
# C is *counted out*, not counted as zero: `summary()` prints how many users
# each mean rests on. Papers seldom say which they did; here it would move
# every mean by a third. The lists show items 0 to 5, six of eight, so coverage
# is $.75$. If four training users had rated items 0 to 7 with counts 4, 4, 2,
# 2, 1, 1, 1, 0, the information of the items is 0, 0, 1, 1, 2, 2, 2, 2 bits
# (never rated counts as once), and A's list 1, 2, 4 has novelty
# $(0 + 1 + 2)/3 = 1$ bit. **$k$ beyond the list** raises an error: the missing
# ranks might have been hits.

# %%
counts = torch.tensor([4, 4, 2, 2, 1, 1, 1, 0])
top = torch.from_numpy(ranked.top)
print("lists:", top.tolist())
assert metrics.coverage(top, 8) == 0.75
assert metrics.novelty(top, counts, 4).tolist()[0] == 1.0
errors = torch.tensor([4.0, 3.5]), torch.tensor([5.0, 3.5])
assert np.isclose(metrics.rmse(*errors), 0.5**0.5)
assert metrics.mae(*errors) == 0.5
try:
    metrics.ndcg(top >= 0, torch.tensor([4, 2, 0]), k=4)
except ValueError as error:
    print("ValueError:", error)

# %% [markdown]
# **Ties** are decided before any metric sees them; `top_items` puts the lower
# column first. The choice is arbitrary, and it matters. A constant scorer
# knows nothing, and recommends the columns in their order. If someone sorted
# the columns by popularity, "nothing" becomes the popularity baseline. We try
# a random order, the order of the identifiers, and falling popularity.


# %%
def constant_ndcg(order):
    """NDCG@100 of a constant scorer after reordering the columns."""
    place = np.empty(len(order), dtype=int)
    place[order] = np.arange(len(order))
    X, Y = test.fold_in.scipy().tocoo(), test.held_out.scipy().tocoo()
    parts = [(M.row, place[M.col]) for M in (X, Y)]
    shape = test.fold_in.shape
    parts = [Interactions.from_coo(*part, shape=shape) for part in parts]
    moved = Test(*parts, test.users)
    scores = [torch.zeros(shape)]
    ranked = evaluation.rank_scores(scores, moved, ["ndcg@100"])
    return ranked.per_user["ndcg@100"].mean()


rng, num_items = np.random.default_rng(seed), len(liang.items)
popular_first = (-liang.train.col_counts).argsort(stable=True).numpy()
tie = {
    "random": np.mean(
        [constant_ndcg(rng.permutation(num_items)) for _ in "abc"]
    ),
    "by identifier": constant_ndcg(np.arange(num_items)),
    "by popularity": constant_ndcg(popular_first),
}
print(pd.Series(tie).round(3).to_string())
assert tie["random"] < tie["by identifier"] < tie["by popularity"]
low, high = tie["random"], tie["by popularity"]
note("ties, random to popular columns", "ndcg@100", low, high)

# %% [markdown]
# ## Experiment
#
# ### One model, five protocols
#
# The regularised biases of {doc}`/book/foundations/03-baselines`, unchanged,
# under each protocol with a fifth held out. Random protocols are repeated; the
# temporal one has nothing to repeat.


# %%
def biases_rmse(split):
    model = Biases().fit(split.train)
    errors = evaluation.rating_errors(model, split.test, clip=ratings.scale)
    return errors["rmse"]


tenth = len(ratings.users) // 10
protocols = {
    "random": lambda s: splits.hold_out(ratings, test=0.2, seed=s),
    "per user": lambda s: splits.hold_out_per_user(ratings, test=0.2, seed=s),
    "new users": lambda s: splits.held_out_users(
        ratings, num_users=tenth, seed=s
    ),
}
rmse = {
    name: [biases_rmse(make(s)) for s in range(seeds)]
    for name, make in protocols.items()
}

# %% [markdown]
# The mean over repetitions, and their standard deviation.

# %%
latest = splits.temporal(ratings, test=0.2)
rmse["5-fold"] = [biases_rmse(s) for s in splits.k_fold(ratings, 5, seed=seed)]
rmse["temporal"] = [biases_rmse(latest)]
repeated = {name: pd.Series(values) for name, values in rmse.items()}
rows = {name: [r.mean(), r.std()] for name, r in repeated.items()}
print(pd.DataFrame(rows, index=["rmse", "sd"]).T.round(3).to_string())
assert min(rmse["temporal"]) > max(rmse["random"]) + yardstick["rmse"]
assert np.std(rmse["new users"]) > np.std(rmse["random"])
note("random to temporal split", "rmse", rows["random"][0], *rmse["temporal"])

# %% [markdown]
# The random protocols agree in the mean, but drawing other *people* moves the
# number more than drawing other ratings of the same people. We return to that.
# Why is the future so much harder? Because much of it belongs to people who
# were not there before.

# %%
known = latest.train.row_counts > 0
held = latest.test.held_out
share = held.row_counts[~known].sum().item() / held.nnz
print(f"{share:.0%} of the latest ratings come from users without a past")
known_items = latest.train.col_counts > 0
share = (~known_items[held.indices.long()]).double().mean().item()
print(f"{share:.0%} are of items that had never been rated")

# %% [markdown]
# ### The same fold-in, by chance or by time
#
# The recipe of Liang et al. holds out a *random* fifth of each test user's
# events. {cite:t}`sachdeva2019sequential` hold out the *latest* fifth, and
# found Mult-VAE at little more than half its score. We cut the same users both
# ways. A `Test` is built from any two disjoint matrices:


# %%
def latest_fold_in(test, items, fraction=0.2):
    """The same users and items; each user's latest events held out."""
    table = likes.table
    table = table[table["user"].isin(test.users) & table["item"].isin(items)]
    table = table.sort_values(["user", "timestamp"], kind="stable")
    by_user = table.groupby("user")["item"]
    size, place = by_user.transform("size"), by_user.cumcount()
    late = (place >= size - (fraction * size).astype(int)) & (size >= 5)
    parts = (table[~late], table[late])
    matrices = [
        Interactions.from_coo(
            np.searchsorted(test.users, part["user"]),
            np.searchsorted(items, part["item"]),
            shape=test.fold_in.shape,
        )
        for part in parts
    ]
    return Test(*matrices, test.users)


# %% [markdown]
# Four models: popularity, and PureSVD {cite:p}`cremonesi2010performance` of
# three ranks, which is a linear autoencoder: $\hat x_u = x_u Q Q^\top$. All
# scores fall, for every model.

# %%
models = {"popularity": Popularity()}
models |= {f"PureSVD {K}": PureSVD(K) for K in (10, 50, 100)}
wanted = ["recall@20", "capped_recall@20", "ndcg@100"]
by_chance, by_time = {}, {}
late = latest_fold_in(test, liang.items)
for name, model in models.items():
    model.fit(liang.train)
    by_chance[name] = evaluation.rank(model, test, wanted)
    by_time[name] = evaluation.rank(model, late, wanted)
ndcg = pd.DataFrame({k: r.per_user["ndcg@100"] for k, r in by_chance.items()})
ndcg_late = {k: r.per_user["ndcg@100"].mean() for k, r in by_time.items()}
fold = pd.DataFrame({"random": ndcg.mean(), "latest": ndcg_late})
print(fold.round(3).to_string())
assert (fold["latest"] < 0.8 * fold["random"]).all()
note("random to latest fold-in", "ndcg@100", *fold.loc["PureSVD 50"])

# %% [markdown]
# Now the two recalls of {eq}`eq-measuring-recall` on the same lists, and what
# the lists are made of. Popularity shows the same few items to everybody.

# %%
rows = {k: r.per_user[wanted[:2]].mean() for k, r in by_chance.items()}
recalls, counts = pd.DataFrame(rows).T, liang.train.col_counts
for name, r in by_chance.items():
    top = torch.from_numpy(r.top[:, :20])
    bits = metrics.novelty(top, counts, liang.train.num_rows).mean().item()
    recalls.loc[name, "coverage@20"] = metrics.coverage(top, num_items)
    recalls.loc[name, "novelty@20"] = bits
print(recalls.round(3).to_string())
assert (recalls["capped_recall@20"] > recalls["recall@20"]).all()
assert recalls["novelty@20"].idxmin() == "popularity"
assert recalls["coverage@20"].idxmin() == "popularity"
note("denominator of recall", "recall@20", *recalls.loc["PureSVD 50"][:2])

# %% [markdown]
# ### An interval for a mean
#
# A user's NDCG is anything but normal: a heap at zero and a long tail. Its
# *mean* over users is close to normal all the same. We resample users and lay
# the normal curve of {eq}`eq-measuring-se` over the result.

# %% mystnb={"image": {"alt": "Left: histogram of NDCG@100 per user, highest near zero, skewed to the right. Right: histogram of resampled means, bell-shaped, with a matching normal curve."}}
per_user = ndcg["PureSVD 50"].dropna()
rng = np.random.default_rng(seed)
resampled = rng.choice(per_user, (2000, len(per_user))).mean(1)
fig, (left, right) = plt.subplots(1, 2, figsize=(7, 2.7))
left.hist(per_user, 20)
left.set(title="each user", xlabel="NDCG@100", ylabel="users")
right.hist(resampled, 30, density=True)
grid = np.linspace(resampled.min(), resampled.max(), 200)
normal = scipy.stats.norm(per_user.mean(), per_user.sem())
right.plot(grid, normal.pdf(grid), color=plots.COLOURS[1], lw=2)
right.set(title=f"mean of {len(per_user)} users", xlabel="NDCG@100")
plt.show()

# %% [markdown]
# `Ranking.summary` gives the interval. It is wide: this is a small test.

# %%
summary = by_chance["PureSVD 50"].summary()
print(summary.round(3).to_string())
assert np.isclose(resampled.std(), summary.loc["ndcg@100", "se"], rtol=0.1)

# %% [markdown]
# ### An interval for a difference
#
# `evaluation.compare` resamples users and takes the difference of each, so it
# uses the pairing of {eq}`eq-measuring-paired`. Beside it we print the
# correlation and both standard errors.


# %%
def compared(new, old, table=ndcg):
    a, b = table[new].dropna(), table[old].dropna()
    result = evaluation.compare(a, b).drop("users")
    result["rho"] = a.corr(b)
    result["unpaired se"] = np.hypot(a.sem(), b.sem())
    result["paired se"] = (a - b).sem()
    return result


steps = list(zip(list(models)[1:], models, strict=False))
rows = {f"{new} - {old}": compared(new, old) for new, old in steps}
differences = pd.DataFrame(rows).T
differences.round(3)

# %% [markdown]
# Pairing at least halves the error of the last row, where the models are most
# alike: the gain is largest where it is needed most. The formula holds to the
# last digit, since sample moments obey the same identity. An interval without
# zero decides; one that contains it decides nothing, in particular not that
# the models are equal.

# %%
a, b = ndcg["PureSVD 100"].dropna(), ndcg["PureSVD 50"].dropna()
unpaired = a.var() + b.var()
paired = unpaired - 2 * a.corr(b) * a.std() * b.std()
assert np.isclose(np.sqrt(paired / len(a)), (a - b).sem())
assert (differences["paired se"] < differences["unpaired se"]).all()
assert differences["paired se"].iloc[-1] < np.sqrt(unpaired / len(a)) / 2
assert differences["low"].iloc[0] > 0  # PureSVD beats popularity
for name in differences.index:
    low, high = differences.loc[name, ["low", "high"]]
    says = "undecided" if low < 0 < high else "decided"
    print(f"{name}: {says}")

# %% [markdown]
# ### What this means for published tables
#
# With 10,000 test users the standard error of NDCG@100 on MovieLens 20M is
# .0021, as the notebook of {cite:t}`liang2018variational` and
# {cite:t}`shenbin2020recvae` print it, and .0027 for recall@20. Between two
# papers, and between rows of a printed table, only the unpaired error can be
# had. (H+Vamp is {cite:t}`kim2019enhancing`, EASE
# {cite:t}`steck2019embarrassingly`.)

# %%
se = {"ndcg@100": 0.0021, "recall@20": 0.0027}
gaps = [
    ("Mult-VAE over Mult-DAE", "ndcg@100", 0.426 - 0.419),
    ("H+Vamp over RecVAE", "ndcg@100", 0.4452 - 0.442),
    ("RecVAE over H+Vamp", "recall@20", 0.414 - 0.4131),
    ("Mult-VAE over EASE", "recall@20", 0.395 - 0.391),
]
claims = pd.DataFrame(gaps, columns=["claim", "metric", "gap"])
claims["unpaired se"] = claims["metric"].map(se) * np.sqrt(2)
claims["z"] = claims["gap"] / claims["unpaired se"]
claims["decided"] = claims["z"] > 1.96
print(f"one in 20 null comparisons: {1 - 0.95**20:.0%}")
assert claims["decided"].tolist() == [True, False, False, False]
claims.set_index("claim").round(4)

# %% [markdown]
# Three of the four steps decide nothing. The models may still differ on the
# same users; nobody can tell from the tables. Nor are four claims one: with
# twenty independent comparisons and no difference anywhere, the chance that at
# least one is "significant at 5 %" is printed above the table.

# %% [markdown]
# ### Splits that overlap
#
# Now {prf:ref}`thm-measuring-overlap`, by simulation. In each of 1,000 worlds
# we draw users and squared errors with a known mean, take five random 80/20
# splits, and ask how often three nominal 95 % intervals contain the truth:
# from five splits as if independent; with the correction of Nadeau and Bengio;
# and over *users*, by {eq}`eq-measuring-se`, from each user's mean error.


# %%
def coverage_of_intervals(users, per_user, sd_user, J=5, f=0.2, worlds=1000):
    rng = np.random.default_rng(seed)
    covered, truth = np.zeros(3), 1 + sd_user**2
    t, z = scipy.stats.t.ppf(0.975, J - 1), scipy.stats.norm.ppf(0.975)
    for _ in range(worlds):
        user = sd_user * rng.standard_normal((users, 1))
        e = (user + rng.standard_normal((users, per_user))) ** 2
        size = int(f * e.size)
        draws = [rng.choice(e.ravel(), size, replace=False) for _ in range(J)]
        A = np.mean(draws, axis=1)
        s, off = A.std(ddof=1), abs(A.mean() - truth)
        over_users = e.mean(1).std(ddof=1) / np.sqrt(users)
        covered += [
            off < t * s * np.sqrt(1 / J),
            off < t * s * np.sqrt(1 / J + f / (1 - f)),
            abs(e.mean() - truth) < z * over_users,
        ]
    return covered / worlds


# %% [markdown]
# In the first world all errors are independent, as in the theorem. In the
# others a user's errors share an offset, and users have 20 or 50 ratings each.

# %%
worlds = {
    "independent": coverage_of_intervals(100, 20, 0.0),
    "users differ, 20 each": coverage_of_intervals(100, 20, 0.5),
    "users differ, 50 each": coverage_of_intervals(100, 50, 0.5),
}
intervals = ["five splits", "corrected", "over users"]
cover = pd.DataFrame(worlds, index=intervals).T
print(cover.to_string())
assert (cover["five splits"] < 0.9).all()
assert abs(cover.loc["independent", "corrected"] - 0.95) < 0.02
assert (abs(cover["over users"] - 0.95) < 0.03).all()

# %% [markdown]
# The usual interval misses the truth far more often than one time in twenty,
# and the more ratings a user has, the worse. The correction repairs the
# overlap but not the users. The interval over users nearly
# holds. On real data, for
# the biases: half-widths from five splits, and over users from a 5-fold run in
# which every rating is tested once. With $S_u$ the sum of a user's $n_u$
# squared errors, the delta method for a ratio gives the latter as
# $\frac{1.96}{2\,\mathrm{RMSE}} \cdot
# \frac{\sqrt{\sum_u (S_u - n_u\,\mathrm{MSE})^2}}{\sum_u n_u}$.


# %%
def squared_errors(split):
    model = Biases().fit(split.train)
    error = evaluation.predict(model, split.test, clip=ratings.scale)
    held = split.test.held_out
    error = ((error - held.values) ** 2).double().numpy()
    return pd.Series(error).groupby(split.test.users[held.row_ids])


folds = [squared_errors(s) for s in splits.k_fold(ratings, 5, seed=seed)]
S = pd.concat([g.sum() for g in folds]).groupby(level=0).sum()
n = pd.concat([g.size() for g in folds]).groupby(level=0).sum()
mse = S.sum() / n.sum()
se_users = np.sqrt(((S - n * mse) ** 2).sum()) / n.sum() / (2 * mse**0.5)
_, low, high = evidence.mean_interval(rmse["random"])
print(f"RMSE {mse**0.5:.3f}")
print(f"half-width from {seeds} splits {(high - low) / 2:.4f}")
print(f"half-width over users   {1.96 * se_users:.4f}")
assert 1.96 * se_users > (high - low) / 2

# %% [markdown]
# Neither is wrong as arithmetic. The first says how much the *draw of the
# split* matters for these very ratings, the second how much the number would
# change with other people. A claim about recommendation in general needs the
# second. To compare two models on *the same* splits, difference them first:
# the pairing argument holds for splits too.
#
# ### A sample of negatives
#
# First an extreme pair on 10,000 items. Model A puts the held-out item first
# for half of the users and at rank 5,000 for the rest. Model B puts it at rank
# 300 for everyone. Nobody looks at rank 300.

# %%
rng = np.random.default_rng(seed)
A = np.where(np.arange(10_000) % 2, 1, 5_000)
B = np.full(10_000, 300)
for name, rank in (("A", A), ("B", B)):
    beaten_by = rng.binomial(100, (rank - 1) / 9_999)
    exact, sampled = (rank <= 10).mean(), (beaten_by < 10).mean()
    print(f"{name}: hit rate@10 exact {exact:.2f}, sampled {sampled:.2f}")
    assert (name == "A") == (exact > sampled - 0.01)

# %% [markdown]
# Then two real models, PureSVD of rank 10 and of rank 100. We need the rank of
# every held-out item among all that can be recommended, ties halved, and apply
# {eq}`eq-measuring-sampled`.


# %%
def sampled_hit_rate(model, m=100, k=10):
    """Expected hit rate@k against m sampled items; one value a user."""
    scores, held = model.score(test.fold_in), test.held_out
    scores.view(-1)[test.fold_in.cells] = -torch.inf
    own, others = scores.view(-1)[held.cells][:, None], scores[held.row_ids]
    above = (others > own).sum(1) + ((others == own).sum(1) - 1) / 2
    rivals = held.num_cols - test.fold_in.row_counts[held.row_ids] - 1
    chance = scipy.stats.binom.cdf(k - 1, m, (above / rivals).numpy())
    return pd.Series(chance).groupby(test.users[held.row_ids]).mean()


small, large = models["PureSVD 10"], models["PureSVD 100"]
exact = evaluation.compare(ndcg["PureSVD 100"], ndcg["PureSVD 10"])
sampled = evaluation.compare(sampled_hit_rate(large), sampled_hit_rate(small))
columns = ["exact NDCG@100", "sampled hit rate@10"]
reversal = pd.DataFrame([exact, sampled], index=columns)
print("rank 100 minus rank 10")
print(reversal[["difference", "low", "high"]].round(3).to_string())
if dataset != "ml-100k":
    assert reversal.loc[columns[0], "low"] > 0
    assert reversal.loc[columns[1], "high"] < 0

# %% [markdown]
# On the embedded data, and on MovieLens 1M, the two metrics contradict each
# other, each beyond its interval. The larger model is better where users look and worse in the middle
# of the catalogue, and the sampled metric sees the middle.

# %% [markdown]
# ## What goes wrong
#
# Each of the following happened in published code or papers.
#
# ### Seen items left in the list
#
# A model scores what a user has already seen highest, so these items must be
# struck off. One public repository does it with
# `scores.masked_fill(...)`. Without the underscore at the end, PyTorch returns
# a masked *copy*, which nobody keeps.

# %%
s, already = torch.tensor([0.9, 0.1, 0.5]), torch.tensor([True, False, False])
s.masked_fill(already, -torch.inf)
print("not in place:", s.argmax().item())
s.masked_fill_(already, -torch.inf)
print("in place:    ", s.argmax().item())

# %% [markdown]
# The size of the effect: we rank once with and once without the mask. An empty
# `fold_in` at evaluation leaves nothing to strike off.


# %%
def unmasked(model, relevant):
    """NDCG@100 when seen items stay in the list."""
    empty = Interactions.from_coo([], [], shape=test.fold_in.shape)
    wrong = Test(empty, relevant, test.users)
    scores = [model.score(test.fold_in)]
    ranked = evaluation.rank_scores(scores, wrong, ["ndcg@100"])
    return ranked.per_user["ndcg@100"].mean()


both = Interactions.from_scipy(test.fold_in.scipy() + test.held_out.scipy())
leak = pd.DataFrame({"honest": ndcg.mean()})
leak["not masked"] = [unmasked(m, test.held_out) for m in models.values()]
leak["seen count too"] = [unmasked(m, both) for m in models.values()]
print(leak.round(3).to_string())

# %% [markdown]
# Without the mask the scores fall, and not evenly: a larger rank reproduces its
# input better, so it wastes more of the list. The order of the three ranks is
# turned round. The number .2561 that {cite:t}`pham2020variants` quote for a
# linear autoencoder on MovieLens 1M comes from that repository.
#
# The last column is a second mistake: seen items stay in *and count as
# relevant*. Then reproduction is rewarded, and everything looks splendid. This
# is what `ndcg_score` of scikit-learn returns if it is given the full rows.
# The function is not wrong: given masked scores and held-out items only, it
# agrees with {eq}`eq-measuring-ndcg`.

# %%
model, some = models["PureSVD 50"], test.held_out.row_counts > 0
raw = model.score(test.fold_in)
masked = raw.clone()
masked.view(-1)[test.fold_in.cells] = raw.min() - 1
right = ndcg_score(test.held_out.dense()[some], masked[some], k=100)
wrong = ndcg_score(both.dense()[some], raw[some], k=100)
print(f"scikit-learn: {right:.3f} as it should be, {wrong:.3f} with full rows")
assert np.isclose(right, leak.loc["PureSVD 50", "honest"], atol=1e-3)
assert wrong > 1.5 * right
if dataset == "ml-latest-small":
    assert leak["not masked"].iloc[1:].is_monotonic_decreasing
    assert leak["honest"].iloc[1:].is_monotonic_increasing
note("seen items not masked", "ndcg@100", *leak.loc["PureSVD 50"][:2])
note("seen items relevant too", "ndcg@100", right, wrong)

# %% [markdown]
# We cannot know that this is what the user in the issue above did; it shows
# that an NDCG function and an evaluation are two things.
#
# ### Test ratings in the input
#
# An autoencoder reconstructs its input. If the row it reads at test time, or
# the matrix it is trained on, holds the test ratings, it only has to copy. A
# widely cloned AutoRec implementation feeds `test_R` to the network. The RMSE
# of .183 that {cite:t}`gao2020autoencoders` reports for MovieLens 1M would
# follow from training rows that contain the test; we do not have that code.
# We measure both leaks with a linear autoencoder for ratings, an imputed SVD.

# %%
everything, held = ratings.to_interactions(), honest.test.held_out
capacity, rows = (5, 10, 20, 50, 100), []


def error_on_test(model, X):
    predicted = model.score(X).view(-1)[held.cells].clamp(*ratings.scale)
    return metrics.rmse(predicted, held.values).item()


for K in capacity:
    model = ImputedSVD(K).fit(honest.train)
    row = [error_on_test(model, X) for X in (honest.train, everything)]
    model = ImputedSVD(K).fit(everything)
    rows.append([*row, error_on_test(model, everything)])
kinds = ["honest", "test in the input", "test in input and training"]
curves = pd.DataFrame(rows, index=capacity, columns=kinds)
print(curves.round(3).to_string())
assert curves["honest"].idxmin() < max(capacity)
assert curves.iloc[:, 2].is_monotonic_decreasing
assert curves.iloc[-1, 2] < 0.85 * curves["honest"].min()
note("test in input and training", "rmse", *curves.iloc[-1, [0, 2]])

# %% [markdown]
# The three errors over the rank:

# %% mystnb={"image": {"alt": "RMSE against rank. Honest: flat, slightly rising. Test ratings in the input: falling gently. Test ratings in input and training: falling steeply."}}
ax = curves.plot(marker="o", logx=True, figsize=(6.4, 3))
ax.set(xlabel="rank K", ylabel="RMSE on the test ratings")
ax.set_xticks(capacity, capacity)
ax.minorticks_off()
plt.show()

# %% [markdown]
# The shape gives the leak away. Honestly measured, capacity stops helping
# early. With a leak it always helps, and whatever limits reconstruction, a
# bottleneck, noise, a penalty, seems to hurt. If a paper finds exactly that,
# and errors that no one else reaches, look for the test set in the input.
#
# ### Statistics taken before the split
#
# Subtracting item means, or filling gaps with them, is often done on the whole
# table before it is split. For an item with one rating, the mean *is* that
# rating.

# %%
before = error_on_test(ItemMean().fit(everything), everything)
after = error_on_test(ItemMean().fit(honest.train), honest.train)
print(f"item means of train {after:.3f}, of everything {before:.3f}")
assert before < after
note("item means before the split", "rmse", after, before)

# %% [markdown]
# ### Choosing on the test set
#
# A hundred "configurations": the scores of one model plus a little noise, each
# time other noise. They are equally good by construction. We choose the best
# on the test users, or properly on the validation users, from $m$ of them.


# %%
def noisy_ndcg(test, configurations=100):
    scores = models["PureSVD 50"].score(test.fold_in)
    rng, size = np.random.default_rng(seed), 0.5 * scores.std()
    means = []
    for _ in range(configurations):
        noise = rng.standard_normal(scores.shape, dtype=np.float32)
        block = [scores + size * torch.from_numpy(noise)]
        ranked = evaluation.rank_scores(block, test, ["ndcg@100"])
        means.append(ranked.per_user["ndcg@100"].mean())
    return np.array(means)


on_test, on_validation = noisy_ndcg(test), noisy_ndcg(liang.validation)

# %% [markdown]
# For each $m$ we average over 1,000 random sets of configurations, and print
# the bound of {eq}`eq-measuring-max` with the spread of all hundred for $s$.

# %%
rng, rows = np.random.default_rng(seed), {}
for m in (1, 2, 5, 10, 20, 50):
    sets = [rng.choice(100, m, replace=False) for _ in range(1000)]
    peeked = np.mean([on_test[c].max() for c in sets])
    fair = np.mean([on_test[c[on_validation[c].argmax()]] for c in sets])
    bound = on_test.mean() + on_test.std() * np.sqrt(2 * np.log(m))
    rows[m] = {"best on test": peeked, "fair": fair, "bound": bound}
selection = pd.DataFrame(rows).T
print(selection.round(3).to_string())
gain = selection["best on test"] - on_test.mean()
assert gain[50] > 1.5 * on_test.std()
if dataset == "ml-latest-small":
    assert abs(selection.loc[50, "fair"] - on_test.mean()) < gain[50] / 3
before, after = selection["best on test"][[1, 50]]
note("best of 50 on the test set", "ndcg@100", before, after)

# %% [markdown]
# Nothing was learned, and the reported number rose. Choosing on validation
# shows no such rise. The effect shrinks with the number
# of test users, but so do the gains that are claimed; and when a whole field
# tunes on the same 10,000 test users for years, it takes part in one large
# maximum.
#
# ### Three normalisations in one study
#
# {cite:t}`steiner2023beyond` defines the loss as squared errors divided by the
# number of users; the public code divides by users *times items*, empty cells
# included, and the test score is the *sum* of that over test users. We compute
# all three, and the RMSE, for the constant 3.5 on random fifths of the users.

# %%
rng = np.random.default_rng(seed)
error = (ratings.table["rating"] - 3.5) ** 2
S = error.groupby(ratings.table["user"]).agg(["sum", "size"]).to_numpy()
rows = []
for _ in range(1000):
    fifth = S[rng.permutation(len(S))[: len(S) // 5]]
    total, num_items = fifth[:, 0].sum(), len(ratings.items)
    rmse_ = np.sqrt(total / fifth[:, 1].sum())
    rows.append([rmse_, total / len(fifth), total / num_items])
columns = ["RMSE", "sum per user", "sum over users of means over cells"]
constant = pd.DataFrame(rows, columns=columns)
print(constant.quantile([0.025, 0.5, 0.975]).round(2).T.to_string())
low, high = constant.iloc[:, 2].quantile([0.025, 0.975])
if dataset == "ml-latest-small":
    assert low < 2.504 < high and high - low > 100 * (2.506 - 2.504)

# %% [markdown]
# The public notebook prints 2.504 for the plain autoencoder and 2.506 for the
# augmented one (means of three runs, in the last unit, on ml-latest-small). A
# constant lies in the same region, and the draw of the users moves it by far
# more than the two models differ. No RMSE can be recovered from such a score:
# state the denominator.

# %% [markdown]
# ## Verdict
#
# The ledger: what moved a number while no model got better, in yardsticks.

# %%
entries = ["cause", "metric", "before", "after"]
verdict = pd.DataFrame(ledger, columns=entries).set_index("cause")
change = verdict["after"] - verdict["before"]
verdict["change"] = change
ratio = change.abs() / verdict["metric"].map(yardstick)
verdict["yardsticks"] = ratio.round().astype(int)
assert dataset != "ml-latest-small" or (ratio > 1).all()
verdict.round(3)

# %% [markdown]
# On the embedded data every entry is larger than the published gain it is held
# against. (On larger data some shrink, as they should: item means before the
# split, and the best of 50 on more test users.) The claim
# that numbers of different papers may be compared fails unless split, metric,
# mask and model selection are known to be the same; the claim that the bold
# one is better needs a paired interval. From here on, every table of this book
# uses the splits, metrics and evaluator shown above, prints fingerprints of
# recorded runs, and says "better" only where an interval does.

# %% [markdown]
# ## Exercises
#
# ```{exercise} ◆ One list by hand
# :label: ex-measuring-1
#
# A user has three held-out items. A list of five has hits at ranks 2 and 5.
# Compute precision, both recalls, NDCG, AP and RR at $k=5$, then both recalls
# at $k=2$. Check with `reclib.metrics`.
# ```
#
# ````{solution} ex-measuring-1
# :class: dropdown
#
# Precision $2/5$; both recalls $2/3$; NDCG
# $(.6309 + .3869)/(1 + .6309 + .5) = .4776$; AP $(\frac12 + \frac25)/3 = .3$;
# RR $\frac12$. At $k=2$: recall $1/3$, capped recall $1/2$.
#
# ```python
# h = torch.tensor([[False, True, False, False, True]])
# n3 = torch.tensor([3])
# by_hand = {
#     "precision": (2 / 5, 1 / 2), "recall": (2 / 3, 1 / 3),
#     "capped_recall": (2 / 3, 1 / 2), "ndcg": (0.4776, 0.3869),
#     "map": (0.3, 0.25), "mrr": (1 / 2, 1 / 2),
# }
# for name, values in by_hand.items():
#     metric = metrics.RANKING[name]
#     found = [metric(h, n3, k).item() for k in (5, 2)]
#     assert np.allclose(found, values, atol=1e-4)
# ```
# ````
#
# ```{exercise} ◆ Which recall?
# :label: ex-measuring-2
#
# Show that capped recall is never below recall. Construct two models and two
# users for which the two recalls disagree about which model is better.
# ```
#
# ````{solution} ex-measuring-2
# :class: dropdown
#
# The numerators are equal and $\min(k, n_u) \le n_u$. Take $k=2$, a user with
# $n=10$ and one with $n=1$. Model P hits twice for the first user and never
# for the second: recall $(.2+0)/2 = .1$, capped recall $(1+0)/2 = .5$. Model Q
# hits once for each: recall $(.1+1)/2 = .55$, capped $(.5+1)/2 = .75$. Q wins
# both. With two more users like the first, of whom Q hits neither, P has
# recall $.6/4 = .15$ and capped $3/4$, and Q has $1.1/4 = .275$ and $1.5/4$:
# recall prefers Q, capped recall prefers P.
#
# ```python
# n_ = torch.tensor([10, 1, 10, 10])
# P = torch.tensor([[1, 1], [0, 0], [1, 1], [1, 1]]).bool()
# Q = torch.tensor([[1, 0], [1, 0], [0, 0], [0, 0]]).bool()
# plain = [metrics.recall(x, n_, 2).mean().item() for x in (P, Q)]
# capped = [metrics.capped_recall(x, n_, 2).mean().item() for x in (P, Q)]
# assert np.allclose(plain, [0.15, 0.275])
# assert np.allclose(capped, [0.75, 0.375])
# ```
# ````
#
# ```{exercise} ◆◆ Leave the last one out
# :label: ex-measuring-3
#
# Build a `Test` in which each test user's single latest event is held out and
# all others are folded in. Compare NDCG@10, hit rate@10 and MRR@10 of
# popularity and PureSVD. Why are recall@10 and hit rate@10 the same here?
# ```
#
# ````{solution} ex-measuring-3
# :class: dropdown
#
# With $n_u = 1$ the only possible hit is the whole of what was held out.
#
# ```python
# events = likes.table[likes.table["user"].isin(test.users)]
# events = events[events["item"].isin(liang.items)]
# events = events.sort_values(["user", "timestamp"], kind="stable")
# last = ~events.duplicated("user", keep="last")
# X1, Y1 = (
#     Interactions.from_coo(
#         np.searchsorted(test.users, part["user"]),
#         np.searchsorted(liang.items, part["item"]),
#         shape=test.fold_in.shape,
#     )
#     for part in (events[~last], events[last])
# )
# one = Test(X1, Y1, test.users)
# names10 = ["ndcg@10", "hit_rate@10", "mrr@10", "recall@10"]
# for name in ("popularity", "PureSVD 50"):
#     r10 = evaluation.rank(models[name], one, names10)
#     print(name, r10.per_user.mean().round(3).to_dict())
#     assert r10.per_user["recall@10"].equals(r10.per_user["hit_rate@10"])
# ```
# ````
#
# ```{exercise} ◆◆ How many users?
# :label: ex-measuring-4
#
# How many test users does it take to see a gain of .003 in NDCG@100 with 80 %
# power at the 5 % level, paired and unpaired? Use the standard deviations of
# PureSVD 50 and PureSVD 100 measured above.
# ```
#
# ````{solution} ex-measuring-4
# :class: dropdown
#
# The estimate must exceed $1.96$ standard errors, and does so with 80 %
# probability if the truth lies $1.96 + .84$ of them from zero. So
# $U = \bigl((1.96+.84)\,\sigma/.003\bigr)^2$, where $\sigma^2$ is the variance
# of $a_u - b_u$, or $\sigma_a^2 + \sigma_b^2$ without pairing.
#
# ```python
# a, b = ndcg["PureSVD 100"].dropna(), ndcg["PureSVD 50"].dropna()
# for name, sigma in (
#     ("paired", (a - b).std()),
#     ("unpaired", np.hypot(a.std(), b.std())),
# ):
#     print(name, f"{((1.96 + 0.84) * sigma / 0.003) ** 2:,.0f} users")
# ```
# ````
#
# ```{exercise} ◆◆ More splits, more confidence?
# :label: ex-measuring-5
#
# What happens to the ratio of {prf:ref}`thm-measuring-overlap` as $J$ grows?
# Predict the share of intervals from 50 splits that contain the truth in the
# independent world, then simulate it with fewer worlds.
# ```
#
# ````{solution} ex-measuring-5
# :class: dropdown
#
# It grows without bound, about as $Jf/(1-f)$. For $J = 50$, $f=.2$ the ratio is
# $10.8/.8 = 13.5$, so the interval is too narrow by $\sqrt{13.5} = 3.67$, and
# contains the truth with probability about
# $\Pr(|Z| < 2.01/3.67) \approx .42$. The corrected interval and that over users
# stay near .95.
#
# ```python
# c50 = coverage_of_intervals(100, 20, 0.0, J=50, worlds=300)
# print(c50)
# assert abs(c50[0] - 0.42) < 0.1
# ```
# ````
#
# ```{exercise} ◆◆◆ What one sampled negative measures
# :label: ex-measuring-6
#
# Show from {eq}`eq-measuring-sampled` that with $m=1$ and $k=1$ the sampled hit
# rate of one held-out item is its AUC: the share of other items ranked below
# it. Then plot the sampled hit rate@10 against the true rank for
# $m = 10, 100, 1000$ and $N = 10{,}000$. How large must $m$ be to tell rank 10
# from rank 50?
# ```
#
# ````{solution} ex-measuring-6
# :class: dropdown
#
# $\Pr(\mathrm{Bin}(1,q) \le 0) = 1-q = (N-r)/(N-1)$. In general the curve
# falls where $mq \approx k$, that is around rank $kN/m$; to place the fall
# between ranks 10 and 50 one needs $m$ of several thousand, a large part of
# the catalogue. Then one may as well rank it all.
#
# ```python
# r_ = np.arange(1, 3001)
# for m in (10, 100, 1000, 5000):
#     p_ = scipy.stats.binom.cdf(9, m, (r_ - 1) / 9_999)
#     plt.semilogx(r_, p_, label=f"m = {m}")
#     print(m, p_[[9, 49]].round(3))
# assert p_[9] > 0.9 and p_[49] < 0.1  # the last m tells them apart
# plt.xlabel("true rank")
# plt.legend()
# plt.show()
# q_ = (r_ - 1) / 9_999
# assert np.allclose(scipy.stats.binom.cdf(0, 1, q_), 1 - q_)
# ```
# ````
#
# ```{exercise} ◆◆◆ Does the delta method hold?
# :label: ex-measuring-7
#
# Check the interval for RMSE over users with a bootstrap: resample users with
# all their errors, 2,000 times, and compare the standard deviations. What does
# a bootstrap that resamples single *ratings* give, and why is it wrong?
# ```
#
# ````{solution} ex-measuring-7
# :class: dropdown
#
# The bootstrap over users agrees with the delta method. The one over ratings
# treats the errors of one person as independent, and is far too narrow.
#
# ```python
# rng = np.random.default_rng(0)
# S_ = pd.concat([g.sum() for g in folds]).groupby(level=0).sum()
# pick = rng.integers(len(S_), size=(2000, len(S_)))
# total, size_ = S_.to_numpy()[pick].sum(1), n.to_numpy()[pick].sum(1)
# e_ = np.concatenate([g.obj.to_numpy() for g in folds])
# se_ratings = e_.std() / np.sqrt(len(e_)) / (2 * np.sqrt(e_.mean()))
# boot = np.sqrt(total / size_).std()
# print(f"users {boot:.4f}, delta {se_users:.4f}, ratings {se_ratings:.4f}")
# assert abs(boot / se_users - 1) < 0.15 and se_ratings < se_users / 2
# ```
# ````

# %% [markdown]
# ## Summary
#
# - A protocol says who is tested, what is seen and what is held out. Changing
#   it moves a number more than most papers do.
# - A metric is its denominator. Recall has two; NDCG and AP divide by the best
#   that $\min(k, n_u)$ hits could give; RMSE is over ratings.
# - Ties, users without held-out items and $k$ beyond the list need a stated
#   rule.
# - Put an interval on every mean: over users. Compare two models on the same
#   users, by their differences.
# - Intervals from overlapping splits are too narrow, and say nothing about
#   other people.
# - Do not sample negatives. Do not choose on the test set. Mask in place. Split
#   first, then compute. Never feed the test.
#
# ## References
#
# See the {doc}`/book/references`.
