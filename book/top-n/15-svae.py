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
# (ch-svae)=
# # SVAE: does order matter?
#
# ## At a glance
#
# **Question.** A variational autoencoder reads *which* films a person liked. Does it
# predict better if it also reads *in which order*? And how must one hold films out
# for the question to make sense?
#
# **You need** {doc}`/book/foundations/02-measuring` for ranking metrics, intervals
# and paired comparisons, {doc}`/book/foundations/01-ratings` for what a timestamp of
# MovieLens records, and Mult-VAE from {doc}`/book/top-n/12-multinomial-autoencoders`.
#
# **You will be able to** write down a gated recurrent unit and compute one by hand,
# derive the bound of a sequential variational autoencoder and prove what it asks for
# when its weights are the textbook's, test a model for looking into the future, tell
# a random from a temporal test of the same users, and find a training metric in a
# table of test metrics.

# %%
import dataclasses
import inspect
import math

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from IPython.display import Markdown

from reclib import (
    datasets,
    evaluation,
    evidence,
    experiments,
    intervals,
    plots,
    splits,
    training,
)
from reclib.interactions import Interactions
from reclib.models import SVAE, MultVAE, Popularity, PureSVD
from reclib.models.base import sample_normal
from reclib.splits import Test

plots.use_style()
pd.options.display.precision = 3
Markdown(evidence.at_a_glance("15-svae"))

# %% [markdown]
# These are the parameters of the live experiments. Change them here, or run the
# chapter with papermill and other values. `films` is the number of films in the experiment
# with SVAE.

# %% tags=["parameters"]
dataset = "ml-latest-small"
num_users = 100
films = 300
epochs = 14
seeds = 5

# %% [markdown]
# ## The claim
#
# {cite:t}`sachdeva2019sequential` put a recurrent network in front of the code of
# Mult-VAE. At every step of a user's history it has a code of the past, and the
# decoder names the next few films. They call the model SVAE and claim:
#
# 1. on a test in time it is **better than Mult-VAE**, which cannot see order;
# 2. a **random** fold-in is no test of the future: the *same* Mult-VAE scores much
#    higher on it.
#
# The second claim is made in passing, in two rows of one table, and has proved the
# more useful one. NDCG and *plain* recall (divided by all held-out items,
# `recall` in `reclib`) are printed in percent there; here they are fractions.

# %%
claims = evidence.published()
paper = claims[claims["cite"] == "sachdeva2019sequential"]
shown = paper.pivot_table(
    index=["method", "protocol"], columns="metric", values="value"
)
shown.sort_values("ndcg@100") if len(shown) else shown

# %% [markdown]
# The protocol is that of Liang et al. with one line changed. Users are held out
# whole. Of each test user the *earliest* four fifths are folded in and the *latest*
# fifth is to be predicted.
#
# ## Theory
#
# ### From a set to a sequence
#
# Write $x_{1}, \dots, x_{T}$ for the items of one user in the order of time. A row of
# the matrix $X$ has room for the order: let the value at item $x_t$ be its place $t$.
# Nothing else in the library changes. A model that only asks whether an entry is
# there, such as Mult-VAE, sees the same matrix as before; a sequential one sorts.
#
# ### The gated recurrent unit
#
# A recurrent network keeps a state $h_t$ and updates it with every item. The *gated
# recurrent unit* (GRU) goes back to {cite:t}`cho2014learning`. It computes from the item's
# vector $e_t$ two gates and a proposal:
#
# $$
# \begin{aligned}
# r_t &= \sigma(W_r e_t + U_r h_{t-1} + b_r), \\
# s_t &= \sigma(W_s e_t + U_s h_{t-1} + b_s), \\
# \tilde h_t &= \tanh\bigl(W e_t + b + r_t \odot (U h_{t-1} + c)\bigr), \\
# h_t &= (1 - s_t) \odot \tilde h_t + s_t \odot h_{t-1}.
# \end{aligned}
# $$ (eq-svae-gru)
#
# This is the form that PyTorch computes: the reset gate multiplies $U h_{t-1} + c$. Cho et
# al. let it multiply the state itself, $U (r_t \odot h_{t-1})$.
#
# The reset gate $r_t$ says how much of the old state the proposal may see. The update
# gate $s_t$ mixes old and new, number by number. Where $s_t$ is near 1 the state is
# carried on unchanged, and so is its gradient: that is why a gated unit remembers
# longer than a plain one.
#
# ### The bound, step by step
#
# At step $t$ the encoder turns the state into a normal distribution, and the decoder
# turns a sample of it into probabilities of all items:
#
# $$
# q(z_t \mid x_{1:t}) = \mathcal N\bigl(\mu(h_t), \operatorname{diag}
# \sigma^2(h_t)\bigr), \qquad \pi(z_t) = \operatorname{softmax} f(z_t).
# $$ (eq-svae-code)
#
# What shall be predicted are the next $k$ items, $y_t = \{x_{t+1}, \dots,
# x_{\min(t+k,\,T)}\}$, with $k = 4$ in the paper. With one item only, a step teaches
# about one film; with four, the order inside the four does not matter, which forgives
# a good deal of noise. After the last item there is nothing to predict, so there are
# $T-1$ steps. The loss of a user is
#
# $$
# \mathcal L = \frac{1}{T-1} \sum_{t=1}^{T-1} \Bigl( \mathbb E_{q(z_t \mid x_{1:t})}
# \Bigl[-\sum_{i \in y_t} \log \pi_i(z_t)\Bigr]
# + \beta\, \mathrm{KL}\bigl(q(z_t \mid x_{1:t}) \,\|\, \mathcal N(0, I)\bigr) \Bigr).
# $$ (eq-svae-loss)
#
# | paper | here | meaning |
# |---|---|---|
# | $\mathbf x_{u(t)}$ | $x_t$ | the item at place $t$ |
# | $\mathbf h_{(t)}$ | $h_t$ | state of the GRU, `recurrent` numbers |
# | $\mathbf z_{u(t)}$ | $z_t$ | code, `code` numbers |
# | $k$ | $k$, `horizon` | how many next items are asked for |
# | $\beta$ | $\beta$, `current_beta()` | weight of the KL term |
#
# ### What the bound asks for
#
# With $\beta = 1$ and $k = 1$, each term of {eq}`eq-svae-loss` bounds $-\log p(x_{t+1})$
# from above, as in any variational autoencoder. But *of which model* is it the bound?
# Of the one that draws $z_t$ from $\mathcal N(0, I)$ and then $x_{t+1}$ from
# $\pi(z_t)$. In that model the past has no part: the prior of $z_t$ is the same
# whatever came before. The history enters through $q$ alone, and $q$ is paid for.
#
# ```{prf:theorem} Under the full bound no loss is below that of popularity
# :label: thm-svae-popularity
# Let $k = 1$ and $\beta \ge 1$. Over any set of users let $\bar p_i$ be the share of
# item $i$ among all targets, each weighted by $1/(T-1)$ of its user, and
# $H(\bar p) = -\sum_i \bar p_i \log \bar p_i$. Then for *every* encoder and decoder the
# mean of {eq}`eq-svae-loss` over the users is at least $H(\bar p)$, and a model that
# ignores the history, with $q = \mathcal N(0, I)$ and $\pi(z) = \bar p$ for all $z$,
# comes as near to it as one likes.
# ```
#
# ```{prf:proof}
# Let $m_i = \mathbb E_{z \sim \mathcal N(0, I)}[\pi_i(z)]$, which are probabilities and
# do not depend on the user. For any $q$, Jensen's inequality gives
# $\mathbb E_q[-\log \pi_i(z)] + \mathrm{KL}(q \,\|\, \mathcal N(0, I)) \ge -\log m_i$,
# and $\beta > 1$ only adds to the left. The mean over steps and users is at least
# $-\sum_i \bar p_i \log m_i$, which by Gibbs' inequality is at least $H(\bar p)$. The
# model named has no KL and a mean of $-\log \bar p_i$, which is $H(\bar p)$. (A softmax
# only comes close to it where some $\bar p_i$ is 0.)
# ```
#
# So with the textbook's weight no sequential autoencoder of this form has a lower loss
# than the list of popular films. A personal model can at best *tie*, at $\beta = 1$, if its
# $q$ is the exact posterior of $z$ given the very item to come; for $\beta > 1$ it loses.
# Looking back is rewarded by $\beta < 1$ alone. For
# $k > 1$ the same argument bounds the loss by that of a model of *unordered bags* of
# $k$ items, again without a past. For $\beta < 1$, the inequality of Donsker and
# Varadhan replaces Jensen's and the floor is
#
# $$
# -\beta \log \mathbb E_{z \sim \mathcal N(0, I)}
# \bigl[\pi_i(z)^{1/\beta}\bigr]
# \;\xrightarrow[\beta \to 0]{}\; -\log \sup_z \pi_i(z),
# $$ (eq-svae-floor)
#
# which a good decoder can push to zero. The weight is therefore not a detail of
# training here. It decides whether the model may look back at all, and how it is
# *annealed* must be read in the code. We shall.
#
# ## Code
#
# Sorting first. `values` are places; a stable sort by value and then by row gives each
# user's items in order. The state before the first item is zero.

# %%
print(inspect.getsource(SVAE._states))

# %% [markdown]
# The targets of {eq}`eq-svae-loss`: row $e$ of the result holds the items that follow
# entry $e$, cut at the end of the user, each with the weight $1/(T-1)$.

# %%
print(inspect.getsource(SVAE._targets))

# %% [markdown]
# And the loss itself. A prediction reads the state after the last item and takes
# $z = \mu$.

# %%
print(inspect.getsource(SVAE.loss))
print(inspect.getsource(SVAE.score))

# %% [markdown]
# The authors' program {cite:p}`sachdeva2019code` differs in at least these places, all
# found by reading it. We come back to those that change a result. How a fifth of a
# history is rounded, and which long histories are left out, comes below, too.
#
# | | paper or `reclib` | authors' program |
# |---|---|---|
# | likelihood over steps | sum (paper), mean (`reclib`) | **sum**, divided by 4 |
# | KL over steps | sum (paper), mean (`reclib`) | **mean** |
# | weight decay | .01 (paper) | .005 |
# | output for the spread | $\log \sigma^2$ | used as $\log \sigma$ in the sample, as $\log\sigma^2$ in the KL |
# | annealing counter | counts on | starts anew every epoch |
# | $z$ at the test | $\mu$ | a random sample |
# | last fold-in item | read, and never recommended | neither read nor masked |
#
# ## By hand
#
# ### A user of four items
#
# One user saw items 4, 2, 0, 1 in this order; there are five items, and $k = 2$.
# After item 4 the targets are 2 and 0. After item 2 they are 0 and 1. After item 0
# only 1 is left. After item 1 there is nothing. Three steps, so each weighs one third.

# %%
user = Interactions.from_coo([0] * 4, [4, 2, 0, 1], [1, 2, 3, 4], shape=(1, 5))
torch.manual_seed(0)
tiny = SVAE(4, 3, 4, 2, horizon=2, beta=0.2, anneal_steps=0)
tiny.build(user)
states, items, step = tiny._states(user)
targets = tiny._targets(user, items).dense()
print("order", items.tolist())
print(targets.round(decimals=2))
third = 1 / 3
expected = torch.zeros(4, 5)
expected[0, [2, 0]] = expected[1, [0, 1]] = expected[2, 1] = third
assert torch.allclose(targets, expected)

# %% [markdown]
# Set the decoder to zero and every probability is $\frac15$. Set the posterior to
# zero as well and $q$ is the prior, so the KL is zero. The loss is then
# $\frac13 (2 + 2 + 1) \log 5 = \frac53 \log 5 = 2.6824$. Move one of the two means to
# 1: its KL is $\frac12$ at each step, the mean over steps is $\frac12$, and
# $\beta = 0.2$ adds $0.1$.

# %%
with torch.no_grad():
    for layer in (tiny.decoder[2], tiny.posterior):
        layer.weight.zero_()
        layer.bias.zero_()
plain = tiny.loss(user).item()
with torch.no_grad():
    tiny.posterior.bias[0] = 1.0
moved = tiny.loss(user).item()
print(f"{plain:.4f}, and with one mean at 1: {moved:.4f}")
assert abs(plain - 5 / 3 * math.log(5)) < 1e-5
assert abs(moved - plain - 0.1) < 1e-5

# %% [markdown]
# ### One unit of a GRU
#
# All weights 1, all offsets 0, one number of state. The first input is 1 and the state
# 0: both gates are $\sigma(1) = .7311$, the proposal is $\tanh 1 = .7616$, and
# $h_1 = .2689 \cdot .7616 = .2048$. The second input is 0: both gates are
# $\sigma(.2048) = .5510$, the proposal is $\tanh(.5510 \cdot .2048) = .1124$, and
# $h_2 = .4490 \cdot .1124 + .5510 \cdot .2048 = .1633$.

# %%
unit = torch.nn.GRU(1, 1, batch_first=True)
with torch.no_grad():
    for name, weight in unit.named_parameters():
        weight.fill_(1.0 if name.startswith("weight") else 0.0)
    h = unit(torch.tensor([[[1.0], [0.0]]]))[0].flatten()
print([round(value, 4) for value in h.tolist()])
assert torch.allclose(h, torch.tensor([0.2048, 0.1633]), atol=1e-4)

# %% [markdown]
# ### Does it look into the future?
#
# A sequential model that sees its own target learns to copy. The test is a derivative:
# the state after step $t$ must not change with the vector of any later item. Each row
# of the table is a state, each column an item; 1 where the derivative is not zero. It
# has to be a triangle.


# %%
def influence(gru):
    """1 where the state of a row depends on the item of a column."""
    torch.manual_seed(1)
    vectors = torch.randn(1, 4, 4, requires_grad=True)
    states = gru(vectors)[0][0]
    rows = [
        torch.autograd.grad(s.sum(), vectors, retain_graph=True) for s in states
    ]
    return torch.stack([(g[0].abs().sum(-1) > 0).int() for (g,) in rows])


triangle = influence(tiny.gru)
print(triangle.tolist())
assert torch.equal(triangle, torch.ones(4, 4, dtype=torch.int32).tril())

# %% [markdown]
# The negative control is a GRU that also reads from the end. Its loss would be
# excellent and its predictions worthless, since at the test there is no end to read.

# %%
both_ways = influence(torch.nn.GRU(4, 3, batch_first=True, bidirectional=True))
print(both_ways.tolist())
assert both_ways.min() == 1

# %% [markdown]
# ## Experiment
#
# ### What a sequence is in MovieLens
#
# We take the ratings of 4 stars and more of the embedded data, and users with at least
# five of them, as everywhere in this part. How much time lies between two likes of a
# user?

# %%
ratings = datasets.load(dataset).at_least(4).with_min_count(user=5)
table = ratings.table.sort_values(["user", "timestamp"], kind="stable")
table["gap"] = table.groupby("user")["timestamp"].diff()
gap = table["gap"].dropna()
span = table.groupby("user")["timestamp"].agg(np.ptp)
print(f"successive likes in the same second: {(gap == 0).mean():.1%}")
print(f"less than a minute apart: {(gap < 60).mean():.1%}")
print(f"users whose whole history is one day: {(span < 86_400).mean():.1%}")
if dataset == "ml-latest-small":
    assert (gap < 60).mean() > 0.7 and (span < 86_400).mean() > 0.5

# %% [markdown]
# Nobody watches a film a minute. A timestamp of MovieLens says when a rating was *typed
# in*, and most people typed in years of cinema in one evening. {cite:t}`fan2023model`
# conclude that the site's own recommendations guide its users. If so, the order is partly
# that of the site's pages. What can be seen here is that users share an order. Take two
# films that two users both liked one right after the other, not in the same second.
# (Films with fewer stars in between are not in this table.) If users rated in their own
# order, the two would agree on which came first in half of the cases.

# %%
table["before"] = table.groupby("user")["item"].shift()
pairs = table[table["gap"] > 0]
low = np.minimum(pairs["item"], pairs["before"])
high = np.maximum(pairs["item"], pairs["before"])
upwards = (pairs["item"] > pairs["before"]).groupby([low, high])
up, n = upwards.sum(), upwards.size()
same = up * (up - 1) + (n - up) * (n - up - 1)
agreement = same.sum() / (n * (n - 1)).sum()
print(
    f"{(n > 1).sum():,} pairs of films; same order in {agreement:.1%} of cases"
)
assert agreement > 0.55

# %% [markdown]
# They agree more often than that. Some of it may be the order in which films
# appeared. Whatever its cause, a model that learns "after this film, that one"
# learns something here; whether it learns a person's taste or a list on a web page,
# this data set cannot say.
#
# Another regularity: the first films that a user likes are popular ones. This may be
# the site again, or what people think of first. For each like we ask what share of the
# other training users has that film, and where in its user's history it stands.

# %% mystnb={"image": {"alt": "Mean popularity of a liked film against its place in the user's history: it falls steadily from the first tenth to the last."}}
by_chance = splits.held_out_users(ratings, num_users=num_users)
by_time = splits.held_out_users(ratings, num_users=num_users, order="time")
X = by_time.train
place = (X.values - 1) / (X.row_counts[X.row_ids] - 1)
others = (X.col_counts[X.indices.long()] - 1) / (X.num_rows - 1)
tenth = (10 * place).clamp(max=9).int().numpy() + 1
popularity = pd.Series(others.numpy()).groupby(tenth).mean()
ax = popularity.plot(marker="o", xlabel="tenth of the history")
ax.set(ylabel="share of other users", ylim=(0, None))
plt.show()

# %% [markdown]
# The curve falls all the way. The latest fifth of a history, which a temporal test
# holds out, is about rarer films than a random fifth. A temporal test is harder for
# *this* reason too, and not only because the future is far.

# %%
print(f"first tenth {popularity.iloc[0]:.3f}, last {popularity.iloc[-1]:.3f}")
if dataset == "ml-latest-small":
    assert (popularity.diff().dropna() < 0).all()

# %% [markdown]
# ### The same users, the same model, other numbers
#
# `held_out_users` draws the same users and items for both orders, and holds out as
# many items of each. Only *which* items differs. The training users are the same too,
# and a model without order sees the same matrix. So we fit once and test twice.

# %%
assert (by_chance.test.users == by_time.test.users).all()
assert (by_chance.items == by_time.items).all()
assert torch.equal(by_chance.train.cells, by_time.train.cells)
sizes = [s.test.held_out.row_counts for s in (by_chance, by_time)]
assert torch.equal(*sizes)
moved = set(by_chance.test.held_out.cells.tolist())
moved -= set(by_time.test.held_out.cells.tolist())
print(f"{int(sizes[0].sum()):,} items held out; {len(moved):,} of them differ")

# %% [markdown]
# Three models that cannot see order. Training of Mult-VAE is random, so it is trained with
# five seeds and we show the mean; the others are solved.

# %% tags=["nbval-ignore-output"]
wanted = ["ndcg@100", "recall@100", "capped_recall@20", "capped_recall@50"]
make = {
    "popularity": Popularity,
    "PureSVD": lambda: PureSVD(30, binary=True),
    "Mult-VAE": lambda: MultVAE((100,), anneal_steps=1000),
}
found = {}
for name, model in make.items():
    for seed in range(seeds if name == "Mult-VAE" else 1):
        fitted = model()
        options = dict(epochs=20, batch_size=50, lr=3e-3, seed=seed)
        training.fit(fitted, by_chance.train, **options)
        for how, each in (("random", by_chance), ("time", by_time)):
            ranking = evaluation.rank(fitted, each.test, wanted)
            found[name, how, seed] = ranking.per_user
means = pd.DataFrame({key: part.mean() for key, part in found.items()}).T
blind = means.groupby(level=[0, 1]).mean().rename_axis(["model", "fold-in"])
blind

# %% [markdown]
# Same users, same weights, and each model loses a large part of its score when the
# question is about the latest fifth. The claim, random above time, was made before the
# look, for each model by itself. The users are the same on both sides.


# %% tags=["nbval-ignore-output"]
def of_seeds_and_users(name, how):
    keys = [key for key in found if key[:2] == (name, how)]
    return np.array([found[key]["ndcg@100"].to_numpy() for key in keys])


def fell(name):
    sides = [of_seeds_and_users(name, how) for how in ("random", "time")]
    return intervals.of_difference(*(x if len(x) > 1 else x[0] for x in sides))


drops = {name: fell(name) for name in make}
who = dict.fromkeys(make, "this course") | {"Mult-VAE": "Sachdeva et al."}
evidence.verdicts(
    (f"{name}: random above time", who[name], drop, ">", 0.0)
    for name, drop in drops.items()
)

# %% [markdown]
# As an assertion, with its control: the same differences with random signs are no drop,
# and the same judge must refuse them.

# %%
word = evidence.judge(drops["PureSVD"], ">", 0.0).word
assert dataset != "ml-latest-small" or word == evidence.REPRODUCED
sides = [found["popularity", how, 0]["ndcg@100"] for how in ("random", "time")]
signs = np.random.default_rng(0).choice([-1, 1], len(sides[0]))
control = intervals.of_users((sides[0] - sides[1]) * signs)
assert evidence.judge(control, ">", 0.0).word != evidence.REPRODUCED
print("PureSVD scores higher on a random fold-in of the same users")

# %% [markdown]
# A number of one protocol must therefore never stand beside a number of the other. It
# is not that one protocol is right. A random fold-in asks whether a model can *complete*
# a history; a temporal one asks whether it can *continue* it.
#
# ### SVAE on the temporal test
#
# Now the model that can see order. Four hundred users are few for a recurrent network,
# so we keep the most liked films, and of every history the latest fifty likes: fewer
# outputs, shorter sequences. That is *another* data set; no number of this section may be
# held against the tables above.
#
# To be better than Mult-VAE does not show that *order* did it. A recurrent network can read
# a history as a set, with the latest items a little louder. Only a test in which nothing but
# the order changes can show it. So we train three models with the same users, the same
# films and the same held-out items.
#
# * **in time** is SVAE.
# * **shuffled** is SVAE, too, but the order of every history is drawn at random, of the
#   training users and of what is folded in (`shuffle` of `held_out_users`). What is held out
#   stays the latest fifth.
# * **GRU** reads in time, draws no code and has no KL term (`stochastic=False`): a plain
#   recurrent network that names the next items.

# %%
top = ratings.table["item"].value_counts().index[:films]
dense = ratings.where(ratings.table["item"].isin(top))
likes = dense.table.groupby("user")["timestamp"]
back = likes.rank(method="first", ascending=False)
dense = dense.where(back <= 50).with_min_count(user=5)
cut = dict(num_users=num_users, order="time")
common = splits.held_out_users(dense, **cut)
test = common.test
without = splits.held_out_users(dense, **cut, shuffle=0)
assert torch.equal(without.train.cells, common.train.cells)
assert torch.equal(without.test.held_out.cells, test.held_out.cells)
assert not torch.equal(without.train.values, common.train.values)
print(common.train)

# %% [markdown]
# The weight of the KL term is small and there at once, for the reason that
# {prf:ref}`thm-svae-popularity` gives. The epoch that the validation users like best is
# kept. Five seeds; each draws another order, too.


# %%
def ndcg_of_users(model, test):
    return evaluation.rank(model, test, ["ndcg@100"]).per_user["ndcg@100"]


def sequential(split, seed, **options):
    model = SVAE(32, 64, 50, 32, beta=0.01, anneal_steps=0, **options)
    how = dict(epochs=epochs, batch_size=32, lr=8e-3, seed=seed)
    how["validate"] = lambda m: -ndcg_of_users(m, split.validation).mean()
    return model, training.fit(model, split.train, **how).best_epoch


# %% [markdown]
# Fifteen trainings; the epochs that were kept, one for each:

# %% tags=["nbval-ignore-output"]
fitted, kept = {}, []
users = {"in time": [], "shuffled": [], "GRU": []}
for seed in range(seeds):
    mixed = splits.held_out_users(dense, **cut, shuffle=seed)
    data = {"in time": common, "shuffled": mixed, "GRU": common}
    for name, split in data.items():
        model, best = sequential(split, seed, stochastic=name != "GRU")
        users[name].append(ndcg_of_users(model, split.test))
        kept.append(best)
        if name == "in time":
            fitted[seed] = model
print(f"kept epochs, of {epochs}: {kept}")

# %% [markdown]
# NDCG@100 of the test users, and the number of seeds behind it, with an untrained network
# and popularity for the scale:

# %% tags=["nbval-ignore-output"]
torch.manual_seed(0)
untrained = SVAE(32, 64, 50, 32)
untrained.build(common.train)
known = Popularity().fit(common.train)
for name, model in (("untrained", untrained), ("popularity", known)):
    users[name] = [ndcg_of_users(model, test)]
users = {name: np.array(each) for name, each in users.items()}
rows = {name: np.nanmean(each, axis=1) for name, each in users.items()}
pd.DataFrame({name: [v.mean(), len(v)] for name, v in rows.items()}).T

# %% [markdown]
# Does the order help? Does the random code? Both questions were asked before the look; the intervals have the errors over
# users and over seeds.

# %% tags=["nbval-ignore-output"]
time = users["in time"]
order = intervals.of_difference(time, users["shuffled"])
code = intervals.of_difference(time, users["GRU"])
lines = [("in time above shuffled", order), ("SVAE above GRU", code)]
evidence.verdicts((what, "this course", each, ">", 0.0) for what, each in lines)

# %% [markdown]
# A hundred users decide little, and where the word is *open* nobody should choose a
# side. The experiment file asks the same with 750 users, of a network that is smaller
# than the paper's; the verdict says how much of it is recorded.
#
# What must hold with every seed: SVAE in time is above popularity and far above an
# untrained network. And it does read the order: if the places of the *test* users alone are
# shuffled, most of them get another list.

# %%
tops = [
    evaluation.rank(fitted[0], each, ["ndcg@100"]).top[:, :10]
    for each in (test, without.test)
]
changed = (tops[0] != tops[1]).any(1).mean()
assert changed > 0.5
if dataset == "ml-latest-small":
    assert rows["in time"].min() > rows["popularity"].max()
    assert rows["in time"].min() > 2 * rows["untrained"].max()
print("order changes most lists; an untrained network knows nothing")

# %% [markdown]
# ### The weight that decides
#
# {prf:ref}`thm-svae-popularity` deserves an experiment of its own. Ten items stand in a
# circle, and every user goes along it from a random start, five places in all. Given
# the last item the next is *certain*. A model that may look back can be right always;
# one that may not is right one time in ten.

# %%
rng = np.random.default_rng(0)
starts = rng.integers(0, 10, 200)
walk = (starts[:, None] + np.arange(5)) % 10
places = np.tile(np.arange(1, 6), 200)
circle = Interactions.from_coo(
    np.repeat(np.arange(200), 5), walk.ravel(), places, shape=(200, 10)
)
share = np.bincount(walk[:, 1:].ravel(), minlength=10) / 800
floor = float(-(share * np.log(share)).sum())
print(f"H of the targets: {floor:.3f}; log 10 = {math.log(10):.3f}")

# %% [markdown]
# We train the same small SVAE with four weights of the KL term and ask for one next
# item.


# %% tags=["nbval-ignore-output"]
def walked(beta):
    model = SVAE(8, 16, 16, 4, horizon=1, beta=beta, anneal_steps=0)
    options = dict(epochs=30, batch_size=20, lr=0.01)
    loss = training.fit(model, circle, **options).table["loss"].iloc[-1]
    right = model.score(circle).argmax(1).numpy() == (starts + 5) % 10
    return {"loss": loss, "right": right.mean()}


weights = (0.01, 0.3, 1.0, 2.0)
by_weight = pd.DataFrame([walked(b) for b in weights], index=weights)
by_weight.rename_axis("beta")

# %% [markdown]
# With a small weight the walk is learnt. With the full bound the loss stops at the
# floor of the theorem, up to the error of an estimate from one sample of each code,
# however much or little the model has learnt to look back: it is not rewarded for it.
# With $\beta = 2$ the model gives every user the same list. The task is as easy as a
# sequence can be; it is the objective that does not ask for it.

# %%
small, heavy = by_weight.loc[0.01], by_weight.loc[2.0]
assert small["right"] > 0.9 and small["loss"] < 0.5 * floor
assert (by_weight.loc[[1.0, 2.0], "loss"] > floor - 0.05).all()
assert heavy["right"] < 0.4
print("a small weight learns the walk; the full bound does not pay for it")

# %% [markdown]
# ### At paper scale, from the record
#
# The recorded runs follow the paper's protocol on MovieLens 1M: ratings of 4 and 5
# stars, users with at least five of them, 750 test and 750 validation users, the latest
# fifth held out. The authors use the seed of {cite:t}`liang2018variational`, and so does
# `reclib`. The counts of training users, training events and items that their notebook
# prints are those of our split: by all we can see the users are the same. (The
# program drops users of more than a thousand likes. With them dropped the counts are
# others, so the notebook's output came from data prepared before that line.)

# %%
Markdown(evidence.provenance("svae-ml1m"))

# %% [markdown]
# Were the trainings long enough? `kept` are the epochs whose weights were measured, one a
# seed. Where they come close to the number allowed, the training was cut off, and what is
# said about that row is not finished.

# %%
experiment = experiments.find("svae-ml1m")
record, length = experiments.Record.read(experiment), {}
for point in experiment.points:
    kept = [result["epochs"] for result in record.of(point)]
    if point.settings["model"]["name"] != "Popularity":
        allowed = point.settings["training"]["epochs"]
        length[point.label] = {"kept": str(kept), "allowed": allowed}
pd.DataFrame(length).T

# %% [markdown]
# What differs is listed here and comes back in the verdict. A prediction uses $z = \mu$
# and the whole fold-in; several users make a batch, not one; the weight of the KL term
# is about what the authors' program really had, as we shall see; the weight decay is
# another, for a reason that comes below; and the network of the paper's widths may
# train for fewer epochs than the authors' 25. (The epoch is chosen as theirs is, by
# NDCG@100 of the validation users.) And a fifth of a history is seldom a whole number:

# %%
up = {
    point.label: point.settings["protocol"].get("round_up", False)
    for point in experiment.points
}
lines = [f"* {k}: {'up' if v else 'down'}" for k, v in up.items()]
Markdown("Held-out fifth rounded in our runs:\n\n" + "\n".join(lines))

# %% [markdown]
# The authors' program rounds it *up* in the temporal cut; the line for a random cut,
# which stands there commented out, rounds *down*, as Liang et al. do. Rounded up,
# many a user has one more item to find, and NDCG rises without any better prediction.
# Live, with a model in which nothing is drawn at random:


# %%
def keep(X, mask):
    """The entries of X where ``mask`` is true."""
    parts = (X.row_ids[mask], X.indices[mask], X.values[mask])
    return Interactions.from_coo(*parts, shape=X.shape)


def latest_fifth(X, users, up=False):
    """A Test of the rows of X, whose values are in the order of time."""
    n = X.row_counts[X.row_ids].double()
    held = n - (0.8 * n).long() if up else (0.2 * n).long()
    order = X.values.argsort(stable=True)
    order = order[X.row_ids[order].argsort(stable=True)]
    place = torch.empty(X.nnz, dtype=torch.int64)
    place[order] = torch.arange(X.nnz) - X.indptr[X.row_ids]
    late = place >= n - held
    return Test(keep(X, ~late), keep(X, late), users)


def whole(each):
    """Fold-in and held-out items of a Test in one matrix."""
    both = (each.fold_in, each.held_out)
    parts = ("row_ids", "indices", "values")
    parts = [torch.cat([getattr(X, part) for X in both]) for part in parts]
    return Interactions.from_coo(*parts, shape=both[0].shape)


# %% [markdown]
# Cut down, the histories give back the test of `splits`, item by item. Cut up, they give
# the authors' test:

# %%
histories = whole(by_time.test)
histories = keep(histories, histories.row_counts[histories.row_ids] >= 5)
again = latest_fifth(histories, by_time.test.users)
assert torch.equal(again.held_out.cells, by_time.test.held_out.cells)
rounded = latest_fifth(histories, by_time.test.users, up=True)
svd = PureSVD(30, binary=True).fit(by_time.train)
both = {"down": again, "up": rounded}
both = {how: evaluation.rank(svd, each, wanted) for how, each in both.items()}
print(f"held out: {again.held_out.nnz:,} down, {rounded.held_out.nnz:,} up")

# %% [markdown]
# The same weights, the same users:

# %% tags=["nbval-ignore-output"]
both = pd.DataFrame({how: r.per_user.mean() for how, r in both.items()}).T
assert both.loc["up", "ndcg@100"] > both.loc["down", "ndcg@100"]
both

# %% [markdown]
# ## Verdict
#
# ### Number by number
#
# For each number of the paper: is our mean within .01 of it? That margin is the one of the
# experiment, chosen before the run. The interval of our mean holds what other users and
# other seeds would change. The users are probably those of the paper, and then the interval
# is wider than it need be: a word other than *open* is the safer for it.

# %%
suffixes = {"ndcg@100": "", "recall@100": "-recall", "ndcg@10": "-ndcg10"}


def against(point, metric, key):
    try:
        ours = evidence.interval("svae-ml1m", point.label, metric)
    except (LookupError, ValueError):  # not recorded
        ours = intervals.of_seeds([])
    value = claims.loc[key, "value"]
    claim = f"{point.label}: {metric} of {value:.4f}"
    return (claim, "Sachdeva et al.", ours, "=", value, experiment.tolerance)


lines = {
    (point.label, metric): against(point, metric, point.answers + end)
    for point in experiment.points
    for metric, end in suffixes.items()
    if metric in point.settings["measure"]
    and point.answers
    and point.answers + end in claims.index
}
verdicts = evidence.verdicts(lines.values())
verdicts

# %% [markdown]
# The same as a picture, for NDCG@100, with the intervals that the words rest on.

# %% mystnb={"image": {"alt": "Published and measured NDCG@100 of popularity, Mult-VAE with random and temporal fold-in, and SVAE, with intervals."}}
ndcg = evidence.table("svae-ml1m").dropna(subset="measured")
ndcg = ndcg[ndcg["published"].notna()]
plots.published_and_measured(ndcg).set(xlabel="NDCG@100, MovieLens 1M")
plt.show()

# %% [markdown]
# Known differences that could explain a row which is not reproduced: the annealing and the
# stopping of the authors' Mult-VAE are not stated. Ties in time are broken otherwise. The
# rows without "rounded up" cut down where the authors cut up. Our SVAE reads the last item
# and takes the mean of the code; its batch, its weight of the KL term and its weight decay
# differ. Which of them is the reason was not tested.
#
# ### Popularity, and a mask
#
# Popularity has no seed and nothing to tune, so a gap in its row is a gap in protocol.
# One mistake would explain a number that is too low: the seen films are left in the
# lists, where they cannot be hits. {doc}`/book/top-n/09-linear-autoencoders` finds the
# same in another program. SVAE's own program masks; the paper's
# program for popularity is not in the repository, so this is an inference. The record has
# both. Live, the mistake costs this much:

# %%
known = Popularity().fit(by_time.train)
few = ["ndcg@10", "ndcg@100", "recall@100"]
seen_left = {
    how: evaluation.rank(known, rounded, few, mask=mask).per_user.mean()
    for how, mask in (("masked", True), ("not masked", False))
}
seen_left = pd.DataFrame(seen_left).T
assert (seen_left.loc["not masked"] < seen_left.loc["masked"]).all()
seen_left.round(3)

# %% [markdown]
# And the record, against the three numbers that the paper prints for popularity:

# %%
masks = verdicts[verdicts.index.str.startswith("popularity, time, rounded up")]
masks[["measured", "low", "high", "verdict"]]

# %% [markdown]
# Where the masked lists are *contradicted* and those without a mask are not, the
# published row **fits** lists in which seen films were left. That is an inference about
# a program that we have not seen. If it holds, the distance between popularity and the
# other rows of the paper's table is too large, and that between the other rows is not
# touched.
#
# ### Claim by claim
#
# Whether one model is above another is asked of the same users in all rows. The claims
# of the paper come first. The third line is a control that every table of a temporal
# protocol needs. The last two ask what does the work. They need three networks with
# several seeds each, so they are asked of a **smaller network than the paper's**, with
# 64 units in every layer and a code of 32 numbers, trained with a larger learning rate,
# larger batches and no weight decay. For "shuffled" the order of every history is drawn
# at random, for each seed anew. "small GRU" has neither sampling nor KL term; the layer
# before its decoder has half the outputs, since a spread is not needed. All lines are
# of one family with all other pairs of the experiment.


# %%
def asked(claim, who, ours, theirs):
    try:
        interval = evidence.pair("svae-ml1m", ours, theirs)
    except (LookupError, ValueError):  # not recorded
        interval = intervals.of_seeds([])
    return (claim, who, interval, ">", 0.0)


theirs, here = "Sachdeva et al.", "this course"
sv, mv, pop = "SVAE, time", "Mult-VAE, time", "popularity, time"
small = "small SVAE, time"
evidence.verdicts(
    [
        asked("SVAE above Mult-VAE, in time", theirs, sv, mv),
        asked("random above time", theirs, "Mult-VAE, random", mv),
        asked("Mult-VAE above popularity", here, mv, pop),
        asked(
            "the order helps a small SVAE", here, small, f"{small}, shuffled"
        ),
        asked("its random code helps", here, small, "small GRU, time"),
    ]
)

# %% [markdown]
# A line that is *not testable here* says how many seeds it has. Until the line about
# the order has a word, nobody should say that SVAE is better than Mult-VAE *because* it
# reads the order, whatever the first line says. And a word in the last two lines is one
# about the small network; that the large one behaves alike is an inference.
#
# ### A README: "clearly has the best result"
#
# {cite:t}`pham2020variants` reprint, as their Fig. 8, a table of James Le
# {cite:p}`le2020autoencoders` in which SVAE is far ahead of all others. They draw no
# conclusion from that row.
#
# The conclusion is in the README of Le's repository
# (`Autoencoders-Experiments/README.md`, line 74, commit 57fe7fe of 26 June 2020): "The SVAE
# model clearly has the best result". The repository keeps the log of the run, which
# deserves praise: without it nobody could find out. Its lines for the same model:

# %%
lines = claims[claims.index.str.match("le-svae-(train|validation|test)-")]
log = lines.pivot_table(index="method", columns="metric", values="value")
printed = claims[claims.index.str.match("pham-svae-(ndcg|recall|precision)")]
printed = printed.set_index("metric")["value"]
log.loc["SVAE in the table"] = [
    printed[f"{m}@100 as printed"] for m in ("ndcg", "precision", "recall")
]
log

# %% [markdown]
# The row of the table *is* the training row: 200 users on whose whole histories the network
# had been trained, in epoch 47 of 50. The validation row comes from the same epoch of
# the same run. That run has no test line at all; the test line belongs to an earlier run
# of thirty epochs, in the same file. We infer how it came about: the logged values were
# collected by a service that keeps the best of each, and the training lines are the
# best. The README beside the program (`SVAE-PyTorch/README.md`, line 34) calls them results
# on "the held-out set", and those who reprint them had no reason to doubt it.
#
# Le saw one thing himself and corrected it: in the README of 15 January 2021 (commit b5e36cb)
# the row is in fractions, .0818, .5850 and .3807, like all others. They are still the
# numbers of the training users, and the sentence, without its "clearly", still stands.

# %%
train, test_row = "SVAE, epoch 47 of 50, 200 training users", "test users"
assert np.allclose(log.loc["SVAE in the table"], log.loc[train])
on_test = log[log.index.str.contains(test_row)].iloc[0]
assert (log.loc[train] > on_test).all()
register = evidence.claims(chapter="15-svae")
of_le = register[register.index.str.startswith("L-")]
of_le[["claim", "measured", "low", "high", "verdict"]]

# %% [markdown]
# That SVAE is the best has no line. The rows of that table come from different users
# and different fold-ins, so that even the log's test line may not be held against them: the
# claim is *not comparable*. And the report, whose subject are five autoencoders, lists a sequential one
# among those it reviewed; the text treats RecVAE in that place, a slip.
#
# ## What goes wrong
#
# ### A random split of a sequence
#
# Hold out a random fifth of a history, and train or test a *sequential* model on the
# rest. How many of the held-out items lie before the last item that the model has read?
# For those it is asked about the past.


# %%
def asked_about_the_past(split):
    """Share of held-out events that are earlier than the last folded-in one."""
    users = split.test.users
    part = ratings.table[ratings.table["user"].isin(users)]
    part = part.assign(row=np.searchsorted(users, part["user"]))
    part["col"] = np.searchsorted(split.items, part["item"])
    part["cell"] = part["row"] * len(split.items) + part["col"]
    known = part["item"].isin(split.items)
    held = known & part["cell"].isin(split.test.held_out.cells.numpy())
    last = part[known & ~held].groupby("row")["timestamp"].max()
    return (part[held]["timestamp"] < part[held]["row"].map(last)).mean()


past = {"random": by_chance, "time": by_time}
past = {how: asked_about_the_past(split) for how, split in past.items()}
print({how: f"{value:.1%}" for how, value in past.items()})
assert past["random"] > 0.8 and past["time"] == 0

# %% [markdown]
# One leak stays even in the temporal split: it cuts *within* users. Training users go on
# rating long after a test user's cut, so the model knows films and fashions of her
# future. A split at one date for all users closes it ({doc}`/book/foundations/02-measuring`),
# at the price of few users with both a past and a future.
#
# ### Training users as a test
#
# The mistake of the table above, live. We cut the last fifth off the *training* users'
# histories and ask the fitted SVAE for it. It was trained on those very items.

# %%
training_users = latest_fifth(common.train, common.train_users)

# %% [markdown]
# On seed 0, with both standard errors, which are over users. The excess is much larger than
# either.

# %% tags=["nbval-ignore-output"]
seen = evaluation.rank(fitted[0], training_users, wanted).summary()
unseen = evaluation.rank(fitted[0], test, wanted).summary()
both = {"training users": seen["mean"], "their se": seen["se"]}
both |= {"test users": unseen["mean"], "its se": unseen["se"]}
pd.DataFrame(both)

# %% [markdown]
# In the log of the authors' notebook, too, the training line rises on after the validation line has levelled off; exercise 4 follows
# both.

# %%
difference = seen.loc["ndcg@100", "mean"] - unseen.loc["ndcg@100", "mean"]
noise = math.hypot(seen.loc["ndcg@100", "se"], unseen.loc["ndcg@100", "se"])
assert difference > 2 * noise
print("training users: more than two standard errors better than test users")

# %% [markdown]
# ### Percent among fractions
#
# SVAE's program prints percent, and the table of June 2020 took its numbers as they were,
# among the fractions of the other programs. One column then has a precision near 8 and one
# near .09: the first looks a hundred times better and is worse. A precision above 1 is
# impossible; one assertion finds it. (Le found it, too.)

# %%
column = claims.loc[["pham-svae-precision", "pham-svae-cdae-precision"]]
column = column.set_index("method")["value"]
impossible = column[column > 1]
print(column.to_dict(), "| impossible:", list(impossible.index))
same_unit = column.where(column <= 1, column / 100)
assert list(impossible.index) == ["SVAE"]
assert column.idxmax() == "SVAE" and same_unit.idxmax() == "CDAE"

# %% [markdown]
# ### Ties in time
#
# Two likes in the same second have no order. Somebody has to invent one: `reclib` takes
# the order of its table, which is by item number; a sort that is not stable takes
# another on every machine. We turn all ties around and look at who is held out.

# %%
turned = dense.table.iloc[::-1].groupby("user")["timestamp"]
turned = turned.rank(method="first").sort_index().astype("int64")
other = dataclasses.replace(dense, table=dense.table.assign(timestamp=turned))
other = splits.held_out_users(other, num_users=num_users, order="time")
now, then = (set(s.test.held_out.cells.tolist()) for s in (common, other))
cols = common.train.num_cols
touched = len({cell // cols for cell in now ^ then})
print(f"held-out sets that change: {touched} of {num_users} users")
print(f"held-out items that change: {len(now - then)} of {len(now)}")
assert touched > 0

# %% [markdown]
# The tie rule alone moves the score, so a temporal result cannot be repeated exactly
# without it. And "within a second the numbers go up" is a rule that a sequential
# model could learn and that holds in the test as well: one more reason for the control in
# which only the order changes, here an order drawn at random within ties.

# %% tags=["nbval-ignore-output"]
ties = {
    "by item number": test,
    "turned around": other.test,
}
ties = {
    how: evaluation.rank(fitted[0], each, wanted).per_user
    for how, each in ties.items()
}
pd.DataFrame({how: part.mean() for how, part in ties.items()})

# %% [markdown]
# As an assertion: some user's score moves, and the order of the table's rows is not
# allowed to be the reason that a paper wins.

# %%
shift = ties["by item number"] - ties["turned around"]
assert (shift["ndcg@100"].abs() > 0).any()

# %% [markdown]
# ### The last item, neither read nor masked
#
# The evaluation in the authors' program prepares its input like a training row: all
# folded-in items *but the last*. In training that is right, since nothing follows the
# last. At the test the model thereby misses the most recent item, which a sequential
# model should value most. And as the mask holds only what was read, that item may be
# recommended, though it cannot be a hit. Besides, the code $z$ is drawn at random at
# the test too.

# %%
last = test.fold_in.values.new_zeros(test.fold_in.num_rows)
last = last.scatter_reduce(0, test.fold_in.row_ids, test.fold_in.values, "amax")
not_last = test.fold_in.values < last[test.fold_in.row_ids]
without_last = Test(keep(test.fold_in, not_last), test.held_out, test.users)


def sampled(model, X):
    """Scores from a random code, where ``score`` takes its mean."""
    states, _, _ = model._states(X)
    h = model.encoder(states[torch.arange(X.num_rows), X.row_counts])
    return model.decoder(sample_normal(*model.posterior(h).chunk(2, dim=1)))


# %% [markdown]
# Three evaluations of the same weights:

# %% tags=["nbval-ignore-output"]
model, evaluations = fitted[0].cpu(), {}
for how, each in (
    ("whole fold-in, mean", test),
    ("last item left out", without_last),
):
    evaluations[how] = evaluation.rank(model, each, wanted)
torch.manual_seed(0)
with torch.no_grad():
    random_scores = sampled(model, test.fold_in)
evaluations["random code"] = evaluation.rank_scores(
    [random_scores], test, wanted
)
pd.DataFrame({k: r.per_user.mean() for k, r in evaluations.items()}).T

# %% [markdown]
# One would expect both to work *against* the authors' own model, which is the honourable
# direction. With so few users the differences are small here and may point either way.
# What is certain is the wasted place: the forgotten item stands in lists where it cannot
# be a hit.

# %%
forgotten = keep(test.fold_in, ~not_last).indices.numpy()
shown = (evaluations["last item left out"].top == forgotten[:, None]).any(1)
taken = shown.mean()
assert taken > 0
honest = evaluations["whole fold-in, mean"].top == forgotten[:, None]
assert not honest.any()
print("the forgotten item is in some lists, and in none of ours")

# %% [markdown]
# ### A counter that begins anew
#
# The paper anneals $\beta$ towards .2 over 200,000 updates, like Mult-VAE. In the
# authors' program the counter is a local variable of the function that trains one
# epoch. With 4,534 training users and one user a batch, it never gets beyond 4,534.

# %%
updates, epochs_paper, steps, cap = 4_534, 25, 200_000, 0.2
largest = (updates - 2) / steps  # set after each update, for the next but one
intended = min(cap, updates * epochs_paper / steps)
print(f"largest beta: intended {intended}, used {largest:.4f}")
print(f"cap reached in epoch {math.ceil(cap * steps / updates)} if it went on")
assert largest < updates / steps < 0.023 and intended == cap

# %% [markdown]
# That is not all. The program *adds* the likelihood over the steps and divides by 4,
# while it *averages* the KL. In the units of {eq}`eq-svae-loss` the weight is therefore
# $4\beta/(T-1)$. The notebook prints 435,180 training events of 4,534 users.

# %%
mean_steps = 435_180 / updates - 1
at_the_mean = 4 * largest / mean_steps
print(f"mean steps {mean_steps:.0f}; weight there at most {at_the_mean:.5f}")
assert at_the_mean < 0.001

# %% [markdown]
# At the mean length that is less than a thousandth. But $1/(T-1)$ is convex, so by Jensen's
# inequality the mean *weight* is larger than the weight at the mean: a short history has a
# larger one. Here are the weights of users with 5, 20, 50, 100 and 500 items, and, since
# MovieLens 1M itself is not on every machine, those of our own training users:

# %%
T = np.array([5, 20, 50, 100, 500])
own = by_time.train.row_counts.numpy()
weights_of = {f"{n} items": 4 * largest / (n - 1) for n in T}
each = 4 * largest / (own - 1)
weights_of |= {"our users, mean": each.mean(), "largest": each.max()}
weights_of |= {"at their mean length": 4 * largest / (own.mean() - 1)}
assert each.mean() > weights_of["at their mean length"]
assert each.max() < largest + 1e-9
pd.Series(weights_of, name="weight of the KL term").round(5)

# %% [markdown]
# At most it is $\beta$ itself, for a user of five items. {prf:ref}`thm-svae-popularity` says
# what a weight of 1 would have rewarded, so the slip may well have helped: SVAE as published is close to a recurrent
# network without a prior. That is our inference from the program; the paper reports no
# sweep of $\beta$. The same sum makes the penalty on the weights, .005 in the
# optimiser, some twenty times weaker against the likelihood than it would be against a
# mean. Whoever rewrites the loss as a mean and keeps the .005 trains another model.
#
# ### A logarithm of what?
#
# The network's second output, $s$, is exponentiated to give $\sigma$ in the sample, and
# enters the KL as if it were $\log \sigma^2$. The right term is $\frac12(e^{2s} - 1 -
# 2s)$, the program's is $\frac12(e^{s} - 1 - s)$. Both are zero at $s = 0$. Close to 0
# the second is about a quarter of the first, for smaller $s$ more than that, and for
# larger $s$ less:

# %%
s = np.array([-2.0, -1.0, -0.1, 0.1, 1.0])
right = 0.5 * (np.exp(2 * s) - 1 - 2 * s)
used = 0.5 * (np.exp(s) - 1 - s)
print(pd.DataFrame({"s": s, "right": right, "used": used}).round(4).to_string())
assert (used < right).all()
assert np.allclose(used[[2, 3]] / right[[2, 3]], 0.25, atol=0.03)

# %% [markdown]
# ## Exercises
#
# :::{exercise} ◆ Targets
# :label: ex-svae-1
# A user saw items 3, 0, 4, 1, 2. Write down the targets of each step for $k = 3$, and
# how often each item is a target. Which item is never one?
# :::
#
# :::{solution} ex-svae-1
# :class: dropdown
# After 3: 0, 4, 1. After 0: 4, 1, 2. After 4: 1, 2. After 1: 2. Item 3, the first, is
# never a target; 0 is once, 4 twice, 1 and 2 three times. Items early in a history are
# asked for less often: with $k > 1$ the loss leans towards the end.
#
# ```python
# five = Interactions.from_coo([0] * 5, [3, 0, 4, 1, 2], range(1, 6), shape=(1, 5))
# model = SVAE(4, 3, 4, 2, horizon=3)
# model.build(five)
# order = model._states(five)[1]
# targets = (model._targets(five, order).dense() > 0).int()
# print(targets.tolist())
# assert targets.sum(0).tolist() == [1, 3, 3, 0, 2]
# ```
# :::
#
# :::{exercise} ◆ The order of the columns
# :label: ex-svae-2
# Somebody calls `fold_in.binary()` before SVAE scores, as one would for Mult-VAE. No
# error appears. Which order does the model read? Show it.
# :::
#
# :::{solution} ex-svae-2
# :class: dropdown
# All values are 1, all places tie, and the stable sort leaves the columns in their
# order: by item number.
#
# ```python
# X = test.fold_in.rows(slice(0, 1)).binary()
# items = fitted[0]._states(X)[1]
# assert (items.diff() > 0).all()
# ```
# :::
#
# :::{exercise} ◆◆ The floor
# :label: ex-svae-3
# Compute the floor {eq}`eq-svae-floor` for the circle with $\beta = 2$ and with
# $\beta = 1$ if the decoder ignores $z$. Then argue why for $\beta < 1$ a decoder with
# a one-dimensional code can already get below $H(\bar p)$.
# :::
#
# :::{solution} ex-svae-3
# :class: dropdown
# If $\pi$ does not depend on $z$, the floor is $-\log \pi_i$ for every $\beta$, and its
# mean is $H(\bar p)$ at best. For $\beta < 1$ let the ten items own ten intervals of
# equal probability of a normal $z$, and $\pi_i(z)$ be nearly 1 there. Then
# $\mathbb E[\pi_i^{1/\beta}] \approx \frac1{10}$ and the floor is $\beta \log 10$, below
# $\log 10$ by the factor $\beta$.
#
# ```python
# print(floor, [round(beta * math.log(10), 3) for beta in weights])
# print(by_weight["loss"].round(3).tolist())
# ```
# :::
#
# :::{exercise} ◆◆ Follow both curves
# :label: ex-svae-4
# Train SVAE for twelve epochs, and after every epoch record NDCG@100 of the training
# users' last fifth and of the test users (`watch` of `training.fit`). Which epoch does
# each of them like best?
# :::
#
# :::{solution} ex-svae-4
# :class: dropdown
# ```python
# def watch(model):
#     parts = {"training": training_users, "test": test}
#     return {
#         name: evaluation.rank(model, part, ["ndcg@100"]).per_user.mean().item()
#         for name, part in parts.items()
#     }
#
# model = SVAE(32, 64, 50, 32, beta=0.01, anneal_steps=0)
# history = training.fit(
#     model, common.train, epochs=12, batch_size=8, lr=5e-3, watch=watch
# )
# print(history.table[["training", "test"]])
# ```
# The first goes on rising; the second levels off after a few epochs and is noise from
# then on. Choosing by the first chooses the last epoch.
# :::
#
# :::{exercise} ◆◆ One date for all
# :label: ex-svae-5
# For each test user of `by_time`, find the time of her first held-out like. What share
# of the training users' likes came *later*? What does it mean for the word "future"?
# :::
#
# :::{solution} ex-svae-5
# :class: dropdown
# ```python
# users, held = by_time.test.users, by_time.test.held_out
# cells = set(zip(users[held.row_ids], by_time.items[held.indices], strict=True))
# part = ratings.table[ratings.table["user"].isin(users)]
# mine = [pair in cells for pair in zip(part["user"], part["item"], strict=True)]
# cut = part[mine].groupby("user")["timestamp"].min()
# train = ratings.table[ratings.table["user"].isin(by_time.train_users)]
# later = [(train["timestamp"] > c).mean() for c in cut]
# print(round(float(np.mean(later)), 2))
# assert np.mean(later) > 0.25
# ```
# A large part. The protocol tests the future of a user, not of the site.
# :::
#
# :::{exercise} ◆◆◆ Is it taste or the page?
# :label: ex-svae-6
# Design an experiment that separates the two explanations of why SVAE might beat
# Mult-VAE on MovieLens: users' tastes drift, or the site shows films in a certain
# order. You have timestamps.
# :::
#
# :::{solution} ex-svae-6
# :class: dropdown
# Cut each history into sessions (a pause of an hour). Keep the order *of* the sessions
# and shuffle *within* each: taste can only drift over days, the page acts within
# minutes. Train and test SVAE on the original, the shuffled-within, and the
# shuffled-throughout data, with the same users and held-out items, for several seeds,
# each with its own early stopping. If the advantage disappears with shuffling within
# sessions, it was the page. Users of a single session, more than half of them, can only
# show the second effect: report them apart. Held-out items should come from later
# sessions only, or the test itself asks for the page.
# :::
#
# ## Summary
#
# * SVAE has a code at every step of a history, from a GRU, and asks for the next $k$
#   items. Its values are places; ties and binary values are orders too, of columns.
# * Under the full KL term no model has a lower loss than popularity (for $k = 1$). What
#   pays a model for being personal is the small weight, and in the authors' program it
#   is far smaller than annealing intends.
# * A random and a temporal fold-in of the same users give different numbers for the same
#   weights. Never put them in one column.
# * Order in MovieLens is the order of typing, for most people within a day. A claim that
#   order helps needs a control in which only the order changes.
# * A model without seeds or options tests the protocol: hold popularity against the
#   published number first. Here it points to a mask.
# * A row of training metrics, in percent, made SVAE the best of a table. Ask of every
#   number: which users, which items, which unit.
#
# ## References
#
# All works are listed in {doc}`/book/references`.
