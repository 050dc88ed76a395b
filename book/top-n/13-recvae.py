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
# (ch-recvae)=
# # RecVAE: four ideas around one bound
#
# ## At a glance
#
# **Question.** What can still be improved in a variational autoencoder of events, and
# which of four improvements published together does the work?
#
# **You need** Mult-VAE from {doc}`/book/top-n/12-multinomial-autoencoders`, paired
# comparisons from {doc}`/book/foundations/02-measuring`, and
# {doc}`/book/foundations/04-autoencoders`.
#
# **You will be able to** explain a prior that moves with the model and say what it can
# and cannot regularise, estimate a KL divergence by sampling and check the estimate by
# hand, say what a weight of the KL term means for a user of five and a user of five
# hundred items, read an ablation, and test a claim of "better than published" with the
# one number that most such claims forget.

# %%
import inspect
import math

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from IPython.display import Markdown

from reclib import evidence, experiments, intervals, plots

plots.use_style()
pd.options.display.precision = 3
Markdown(evidence.at_a_glance("13-recvae"))

# %% [markdown]
# From the library, what this chapter trains and measures:

# %%
from reclib import datasets, evaluation, losses, splits, training
from reclib.interactions import Interactions
from reclib.models import MultDAE, MultVAE, Popularity, PureSVD, RecVAE, recvae
from reclib.models.base import sample_normal

# %% [markdown]
# These are the parameters of the live experiment. Change them here, or run the
# chapter with papermill and other values. A small catalogue keeps it quick; its numbers must
# not be compared with those of a larger one.

# %% tags=["parameters"]
dataset = "ml-latest-small"
films = 300
num_users = 100
epochs = 64
seeds = 5

# %% [markdown]
# ## The claim
#
# {cite:t}`shenbin2020recvae` keep the multinomial likelihood of Mult-VAE and change
# four things around it:
#
# 1. a **deep encoder** with dense connections, and a linear decoder;
# 2. a **composite prior**: a mixture that contains the encoder's own earlier answer;
# 3. a **weight of the KL term** that grows with the user's number of items;
# 4. **alternating training** of encoder and decoder, with dropout for the encoder only.
#
# The claim: on the split of {cite:t}`liang2018variational` RecVAE is better than Mult-VAE
# and than Mult-DAE. (That Mult-VAE is better than Mult-DAE is another claim, of
# {cite:t}`liang2018variational`, and {doc}`/book/top-n/12-multinomial-autoencoders` has it.)
# The table shows what was published for
# RecVAE. The numbers are quoted from works that quote the paper, and we did not read
# them in the paper itself, which the "no" under `read` says. Recall is
# `capped_recall`, with the denominator $\min(k, n)$.

# %%
claims = evidence.published()
theirs = claims[claims.index.str.startswith("shenbin-recvae-")]
theirs[["dataset", "metric", "value", "interval", "read"]]

# %% [markdown]
# ## Theory
#
# ### The encoder and the decoder
#
# The events $x$ of a user, scaled to length 1, with a share dropped, pass through five
# layers. Each adds the outputs of all earlier ones *before* its activation
# $\operatorname{swish}(a) = a\,\sigma(a)$ and is then normalised over its units (LN):
# less their mean, divided by the root of their variance plus .1, and then scaled and
# shifted by learnt numbers:
#
# $$
# h_l = \operatorname{LN}\Bigl(\operatorname{swish}\bigl(W_l h_{l-1} + b_l +
# \textstyle\sum_{1 \le j<l} h_j\bigr)\Bigr), \qquad l = 1, \dots, 5,
# $$ (eq-recvae-encoder)
#
# with the input as $h_0$.
# Mean and log variance of the code are linear in $h_5$. The decoder has *no* hidden
# layer: $\pi(z) = \operatorname{softmax}(Wz + b)$. All depth is on the reading side.
#
# ### The bound
#
# Write $\tilde x$ for the events after dropout. For one user the loss is
#
# $$
# \mathcal L = \mathbb E_{\tilde x}\, \mathbb E_{q_\phi(z \mid \tilde x)} \Bigl[
# -\sum_i x_i \log \pi_i(z) + \beta'(x) \bigl(\log q_\phi(z \mid \tilde x)
# - \log p(z \mid x)\bigr) \Bigr].
# $$ (eq-recvae-loss)
#
# The second part is the KL term, as an expectation under $q$. For a mixture it has no
# closed form, so it is *estimated by the same sample of $z$* that the first part uses.
# The estimate is unbiased. It is also noisy, and single values can be negative,
# although no KL divergence is.
#
# | paper | here | in `reclib` |
# |---|---|---|
# | $\psi_\phi(\mathbf x)$ | $\mu, \log\sigma^2$ | `encoder(X, dropout)` |
# | $\phi_{old}$ | the encoder of one cycle ago | `old` |
# | $\gamma$, $\beta'(\mathbf x)$ | $\gamma$, $\beta'(x)$ | `gamma`, `weight` |
#
# ### The composite prior
#
# The prior is a mixture of three normals, *for each number of the code apart*:
#
# $$
# p(z \mid x) = \prod_d \Bigl( \tfrac{3}{20}\, \mathcal N(z_d; 0, 1)
# + \tfrac34\, \mathcal N\bigl(z_d; \mu^{\text{old}}_d(x), \sigma^{\text{old}}_d(x)^2\bigr)
# + \tfrac1{10}\, \mathcal N(z_d; 0, e^{10}) \Bigr).
# $$ (eq-recvae-prior)
#
# The weights are those of the authors' program {cite:p}`shenbin2020code`. A mixture of
# three *vectors* would be another prior: there all numbers of a code belong to the same
# component, here each chooses its own.
#
# The third component is nearly flat. Its purpose shows far from the other two. The
# standard normal alone punishes a number $z_d$ with $z_d^2/2$, without limit. The mixture
# is never below its third part,
#
# $$
# -\log p(z_d) \le \log 10 + \tfrac12 \log 2\pi + 5 + \tfrac12 z_d^2 e^{-10} ,
# $$ (eq-recvae-flat)
#
# about 8.2 for any code that occurs. A user who really is an exception pays a bounded
# price for each number of the code that is one.
#
# ### Why a prior that moves
#
# Training changes the encoder for all users at once; an update that helps one batch can
# spoil the codes of others. Reinforcement learning meets the same trouble and answers
# with a *trust region*: stay near the policy that worked. The second component of
# {eq}`eq-recvae-prior` says it for codes. What does such a term do in the long run? Let
# it stand alone.
#
# ```{prf:theorem} A moving prior is a step size
# :label: thm-recvae-proximal
# Fix the decoder, and let $q_{n}$ be the distribution that minimises
# $\mathbb E_q[-\log p(x \mid z)] + \beta\, \mathrm{KL}(q \,\|\, q_{n-1})$ over *all*
# distributions. Then $q_n(z) \propto q_0(z)\, p(x \mid z)^{n / \beta}$.
# ```
#
# ```{prf:proof}
# Write $g = p(x \mid z)^{1/\beta}$ and $c = \int q_{n-1}\, g$. The objective is
# $\beta\, \mathbb E_q[\log q - \log (q_{n-1}\, g)] = \beta\, \mathrm{KL}(q \,\|\,
# q_{n-1}\, g / c) - \beta \log c$. It is least where the KL is zero, $q_n \propto
# q_{n-1}\, g$. Now count.
# ```
#
# After $n$ cycles the likelihood counts $n/\beta$ times and the first prior once. The
# moving prior slows the codes down; it does not hold them. In the limit only the
# likelihood is left, and where it has a single peak the spread goes to zero. Proximal
# methods {cite:p}`parikh2014proximal` have the same form: $1/\beta$ is their step size.
#
# Holding is the task of $\mathcal N(0, 1)$, the other component. How strongly can it
# hold? A mixture is never below one of its parts, so for each number of the code
#
# $$
# \mathrm{KL}(q \,\|\, p) \le \min\Bigl\{ \mathrm{KL}(q \,\|\, q^{\text{old}}) + \log
# \tfrac43, \ \mathrm{KL}\bigl(q \,\|\, \mathcal N(0, 1)\bigr) + \log \tfrac{20}3
# \Bigr\} .
# $$ (eq-recvae-cheap)
#
# A code that stays where it was costs at most $\log \frac43 = .288$ for each number,
# *wherever that is*. With a fixed prior a sharp code far out costs more and more. So the
# anchor is soft: it matters while codes are wide and near zero, and a code that has
# once become sharp hardly feels it. We infer that the composite prior regularises the
# *way* of training more than its result; {ref}`ex-recvae-4` looks at it.
#
# ### A weight for each user
#
# The first part of {eq}`eq-recvae-loss` is a sum over $|X_u| = \sum_i x_{ui}$ items, the
# KL is one number. With the same $\beta$ for all, a user of 200 items hardly feels her
# prior and a user of 5 feels little else. RecVAE sets
#
# $$
# \beta'(x_u) = \gamma\, |X_u| .
# $$ (eq-recvae-weight)
#
# Divide by $|X_u|$: *per item*, everybody now trades likelihood against KL at the same
# rate $\gamma$. From Bayes' rule one would expect the opposite, since much data should
# outweigh a prior. But $q$ sees all items of an active user at once and can afford a
# sharp code; the weight keeps her from writing it too sharply.
#
# ### Alternating, with dropout on one side
#
# A *cycle* is three epochs of the encoder, with dropout .5, and one of the decoder,
# without. Before the decoder's turn the old encoder is renewed. The decoder thus learns
# from codes of *complete* rows; the encoder must guess what is missing. The price: of
# four passes over the users the decoder learns from one.
#
# ## Code
#
# The encoder, {eq}`eq-recvae-encoder`. `total` is the sum of all earlier layers.

# %%
print(inspect.getsource(recvae._Encoder.forward))

# %% [markdown]
# The prior {eq}`eq-recvae-prior`: `logsumexp` over the components, for every number of
# the code. And the loss {eq}`eq-recvae-loss`.

# %%
print(inspect.getsource(RecVAE.log_prior))
print(inspect.getsource(RecVAE.loss))

# %% [markdown]
# The cycle. `fit` clears all gradients before each update, and the optimiser leaves
# weights alone that have none.

# %%
print(inspect.getsource(RecVAE.start_epoch))

# %% [markdown]
# ## By hand
#
# ### A KL divergence from samples
#
# Let $q = \mathcal N(1, 1)$ and $p = \mathcal N(0, 1)$. In closed form the divergence is
# $\frac12 (1 + 1^2 - 1 - 0) = \frac12$. A sample is $z = 1 + \varepsilon$, and
# $\log q(z) - \log p(z) = -\frac12 \varepsilon^2 + \frac12 (1+\varepsilon)^2 = \frac12
# + \varepsilon$. So the estimate has the right mean and a standard deviation of **1**,
# twice the value it estimates.

# %%
mu, logvar, zero = torch.ones(1), torch.zeros(1), torch.zeros(1)
eps = torch.tensor([-2.0, -0.5, 0.0, 0.5, 2.0])
z = mu + eps
single = losses.log_normal(z, mu, logvar) - losses.log_normal(z, zero, zero)
closed = losses.gaussian_kl(mu, logvar).item()
print(f"closed form {closed}; estimates {single.numpy().round(3)}")
assert torch.allclose(single, 0.5 + eps, atol=1e-5)
assert abs(single.mean().item() - closed) < 1e-5 and single.min() < 0

# %% [markdown]
# The negative control draws from the wrong side. With $z = \varepsilon$ from $p$ the
# same expression is $\varepsilon - \frac12$: its mean is $-\mathrm{KL}(p \,\|\, q)$.

# %%
wrong = losses.log_normal(eps, mu, logvar) - losses.log_normal(eps, zero, zero)
print(wrong.numpy().round(3))
assert abs(wrong.mean().item() + 0.5) < 1e-5

# %% [markdown]
# With one component, `composite=False`, RecVAE's loss must therefore agree in the mean
# with one that uses the closed form. We compare on many copies of one user.

# %%
copies = 20_000
rows = np.repeat(np.arange(copies), 2)
X = Interactions.from_coo(rows, np.tile([0, 2], copies), shape=(copies, 3))
torch.manual_seed(0)
plain = RecVAE(4, 2, composite=False, beta=1.0, dropout=0.0)
plain.build(X)
with torch.no_grad():
    mu, logvar = plain.encoder(X, 0.0)
    z = sample_normal(mu, logvar)
    estimate = losses.log_normal(z, mu, logvar) - plain.log_prior(X, z)
estimate = estimate.sum(1)
exact = losses.gaussian_kl(mu[:1], logvar[:1])
error = (estimate.mean() - exact).abs() / (estimate.std() / copies**0.5)
assert error < 4, "more than four standard errors from the closed form"
assert abs(exact * 0.5 - estimate.mean()) > 4 * estimate.std() / copies**0.5
print("the sampled KL agrees with the closed form; half of it would not")

# %% [markdown]
# ### The mixture at two points
#
# Let the old posterior be $\mathcal N(0, 1)$ too. At $z = 0$ the density is
# $.9 \cdot .39894 + .1 \cdot .39894\, e^{-5} = .35932$, its logarithm $-1.0236$. At
# $z = 100$ only the flat part is left: $-\log 10 - \frac12 \log 2\pi - 5 -
# \frac12 100^2 e^{-10} = -8.4485$, where the standard normal alone has $-5000.9$.

# %%
one = Interactions.from_coo([0, 0], [0, 2], shape=(1, 3))
prior = RecVAE(4, 2)
prior.build(one)
with torch.no_grad():
    prior.old.out.weight.zero_()
    prior.old.out.bias.zero_()
    log_p = prior.log_prior(one, torch.tensor([[0.0, 100.0]]))[0]
alone = losses.log_normal(torch.tensor([100.0]), zero, zero)
print(
    f"{log_p[0]:.4f}, {log_p[1]:.4f}; the standard normal alone {alone[0]:.1f}"
)
assert torch.allclose(log_p, torch.tensor([-1.0236, -8.4485]), atol=1e-3)

# %% [markdown]
# ### A code that stays is cheap
#
# {eq}`eq-recvae-cheap`, with a sharp code far from zero, $q = \mathcal N(3, .01)$, that
# has not moved. The expectation is computed on a fine grid. With the standard normal
# alone the same code costs $\frac12 (.01 + 9 - 1 + \log 100) = 6.31$.

# %%
grid = torch.linspace(2.0, 4.0, 20_001)
place, sharp = torch.tensor(3.0), torch.tensor(0.01).log()
q = losses.log_normal(grid, place, sharp)
parts = [losses.log_normal(grid, zero, zero), q]
parts.append(losses.log_normal(grid, zero, zero + recvae.WIDE))
mixed = torch.tensor(recvae.WEIGHTS).log()[:, None] + torch.stack(parts)
held = (q.exp() * (q - mixed.logsumexp(0))).sum() * (grid[1] - grid[0])
fixed = losses.gaussian_kl(place, sharp)
print(f"mixture {held:.4f} <= {math.log(4 / 3):.4f}; N(0, 1) alone {fixed:.2f}")
assert 0 < held <= math.log(4 / 3) + 1e-4 and abs(fixed - 6.3076) < 1e-3

# %% [markdown]
# ### For each number, or for the vector?
#
# A code of two numbers, one where the standard normal is at home and one far out. The
# product of mixtures pays the flat price for one number. A mixture of vectors has to
# pay it for both.

# %%
weights = torch.tensor(recvae.WEIGHTS).log()
z = torch.tensor([0.0, 100.0])
logvars = torch.tensor([0.0, 0.0, recvae.WIDE])
parts = losses.log_normal(z[None], zero, logvars[:, None])
each = (weights[:, None] + parts).logsumexp(0).sum()
vector = (weights + parts.sum(1)).logsumexp(0)
print(f"each number {each:.2f}, the whole vector {vector:.2f}")
assert torch.allclose(each, log_p.sum(), atol=1e-3) and vector < each - 2

# %% [markdown]
# ### A prior that follows
#
# {prf:ref}`thm-recvae-proximal` with normals: let $p(x \mid z) \propto e^{-(z-4)^2/2}$,
# $q_0 = \mathcal N(0, 1)$ and $\beta = 1$. Precisions add, so $q_n = \mathcal N\bigl(
# \frac{4n}{n+1}, \frac1{n+1}\bigr)$. With a fixed prior it stays at $n = 1$, mean 2.

# %%
mean, precision, path = 0.0, 1.0, []
for _ in range(9):
    mean = (precision * mean + 1.0 * 4.0) / (precision + 1.0)
    precision += 1.0
    path.append(mean)
print([round(value, 2) for value in path], f"variance {1 / precision:.2f}")
assert np.allclose(path, [4 * n / (n + 1) for n in range(1, 10)])

# %% [markdown]
# ## Experiment
#
# ### The weight of each user
#
# Ratings of 4 stars and more of the embedded data, users with five or more of them, 100
# of them held out for the test and 100 for validation. What does {eq}`eq-recvae-weight` give with
# $\gamma = .005$, the authors' value for ML-20M?

# %%
ratings = datasets.load(dataset).at_least(4).with_min_count(user=5)
split = splits.held_out_users(ratings, num_users=num_users)
counts = split.train.row_counts.double()
quantiles = torch.tensor([0.0, 0.1, 0.5, 0.9, 1.0], dtype=torch.float64)
spread = torch.quantile(counts, quantiles)
pd.DataFrame(
    {"items": spread, "beta'": 0.005 * spread},
    index=["least", "10 %", "median", "90 %", "most"],
).round(3)

# %% [markdown]
# Two users of one batch can differ by two orders of magnitude in the weight of their
# prior. Mult-VAE's cap of .2 lies in the middle. Since the *sum* of {eq}`eq-recvae-loss`
# over users weighs active ones more in both parts, no user is silenced.

# %%
ratio = (counts.max() / counts.min()).item()
middle = torch.quantile(0.005 * counts, quantiles[[1, 3]])
print(f"largest over smallest weight: {ratio:.0f}")
if dataset == "ml-latest-small":
    assert ratio > 100 and middle[0] < 0.2 < middle[1]

# %% [markdown]
# ### Live, on the embedded data
#
# Four hundred training users are few. We take the most liked films, train small networks,
# and compare RecVAE with Mult-VAE, Mult-DAE and popularity, and with RecVAE trained all at
# once. The epoch with the best NDCG@100 of the validation users is kept.

# %%
top = ratings.table["item"].value_counts().index[:films]
fewer = ratings.where(ratings.table["item"].isin(top)).with_min_count(user=5)
fewer = splits.held_out_users(fewer, num_users=num_users)
anneal = dict(anneal_steps=400)
make = {
    "Mult-DAE": (lambda: MultDAE((100,)), epochs // 2),
    "Mult-VAE": (lambda: MultVAE((100,), **anneal), epochs // 2),
    "RecVAE": (lambda: RecVAE(100, 100), epochs),
    "together": (lambda: RecVAE(100, 100, alternating=False), epochs),
}


def ndcg_of_users(model, test):
    return evaluation.rank(model, test, ["ndcg@100"]).per_user["ndcg@100"]


def trained(name, seed):
    model, most = make[name][0](), make[name][1]
    options = dict(epochs=most, batch_size=50, lr=4e-3, seed=seed)
    options["validate"] = lambda m: -ndcg_of_users(m, fewer.validation).mean()
    return model, training.fit(model, fewer.train, **options)


# %% [markdown]
# Training makes these numbers, so they are shown and not compared digit by digit. `std` is
# over the five seeds. Where the kept epochs lie well below the number allowed, the training was
# long enough; a row of which some lie at the end would need more.

# %% tags=["nbval-ignore-output"]
users, histories = {}, {}
for name in make:
    runs = [trained(name, seed) for seed in range(seeds)]
    each = [ndcg_of_users(model, fewer.test) for model, _ in runs]
    users[name] = np.array(each)
    histories[name] = [history for _, history in runs]
shown = {name: np.nanmean(each, axis=1) for name, each in users.items()}
shown = pd.DataFrame(shown).agg(["mean", "std"]).T
shown["kept"] = [str([h.best_epoch for h in hs]) for hs in histories.values()]
shown["allowed"] = [most for _, most in make.values()]
shown

# %% [markdown]
# How large are the differences, against the errors over users and over seeds? All pairs at
# once, with popularity:

# %% tags=["nbval-ignore-output"]
known = Popularity().fit(fewer.train)
users["popularity"] = ndcg_of_users(known, fewer.test).to_numpy()
pairs = intervals.of_pairs(users)
pairs[["mean", "low", "high", "n"]]

# %% [markdown]
# The order of the paper was measured on ten thousand test users. With a
# hundred test users the intervals between trained networks are wider than the differences
# of the paper, so we give no word here. Every trained network knows more than the list of
# popular films, and that is certain. The negative control is an untrained RecVAE, which must
# not pass the same test.

# %%
torch.manual_seed(0)
nothing = RecVAE(100, 100)
nothing.build(fewer.train)
nothing = ndcg_of_users(nothing, fewer.test).to_numpy()
popular = users["popularity"]
learnt = intervals.of_difference(users["RecVAE"], popular)
assert evidence.judge(learnt, ">", 0.0).word == evidence.REPRODUCED
control = intervals.of_users(nothing - popular)
assert evidence.judge(control, ">", 0.0).word == evidence.CONTRADICTED
print("RecVAE is above popularity, an untrained one is not")

# %% [markdown]
# ### The cycle, seen from outside
#
# By the column `kept` above, alternation did not need more epochs to come to its best.
# The *first* epochs are another matter, as we shall see. The training loss of RecVAE
# shows why:

# %% mystnb={"image": {"alt": "Training loss of RecVAE against the epoch: a saw with a tooth at each epoch of the decoder. Without these epochs it is a staircase that falls from one cycle to the next and is nearly level within a cycle."}} tags=["nbval-ignore-output"]
loss = histories["RecVAE"][0].table["loss"]
ax = loss.loc[:32].plot(marker="o", xlabel="epoch", ylabel="loss of a user")
decoder = loss.loc[4:32:4]
ax.plot(decoder.index, decoder, "D", label="epochs of the decoder")
ax.legend()
plt.show()

# %% [markdown]
# A saw. (The decoder's own epoch works without dropout and without the KL term, so its
# loss may not be compared with its neighbours'.) The encoder's epochs alone form a
# staircase. The first and the last of them in a cycle solve the same task, and between
# them the loss moves little. Between the last one and the first of the *next* cycle it
# falls. Two things happen there: the decoder learns, and the prior is renewed, which
# lowers the KL term by itself. The picture does not tell the two apart.

# %%
firsts = loss.loc[1:29:4].to_numpy()
lasts = loss.loc[3:31:4].to_numpy()
within, across = (firsts - lasts).sum(), (lasts[:-1] - firsts[1:]).sum()
assert across > 2 * within
print("most of the fall lies across the decoder's epochs")

# %% [markdown]
# Trained together the decoder has four times as many passes. So a comparison that stops
# both after the same few epochs also compares the decoder's passes. NDCG@100 of the
# validation users after every epoch, mean of the five seeds:

# %% mystnb={"image": {"alt": "NDCG@100 of validation users over the epochs: training together rises at once, alternating training in steps and later, up to about the same height."}} tags=["nbval-ignore-output"]
curves = {}
for name in ("RecVAE", "together"):
    each = [-history.table["validation"] for history in histories[name]]
    curves[name] = sum(each) / seeds
    plt.plot(curves[name].index, curves[name], label=name)
plt.xlabel("epoch")
plt.ylabel("NDCG@100, validation users")
plt.legend(loc="lower right")
plt.show()

# %% [markdown]
# After eight epochs, which are two cycles, training together is far ahead. At the best epoch
# of each most of that distance is gone. An ablation of alternation that is cut off early
# would have called it harmful.

# %%
eighth = min(8, len(curves["RecVAE"]))
early = curves["together"].loc[eighth] - curves["RecVAE"].loc[eighth]
late = curves["together"].max() - curves["RecVAE"].max()
assert early > 0.02 and late < early / 2
print("the early lead of training together is mostly gone at the end")

# %% [markdown]
# ### At paper scale, from the record
#
# The recorded runs take MovieLens 1M with the recipe of Liang et al. and leave out one
# idea at a time: the mixture (the prior is $\mathcal N(0, 1)$), the rescaled weight
# (Mult-VAE's $\beta = .2$ for all), alternation, and the deep encoder (Mult-VAE's one
# layer). All seven rows, Mult-VAE and Mult-DAE among them, share the users, a budget of
# 60 epochs, and early stopping: training ends if 12 epochs bring nothing better on the
# validation users. For RecVAE 12 epochs are three cycles. (When this was recorded, the
# library counted patience in epochs. Today it counts rounds of a model's own training,
# so that the same waiting is a patience of 3 for RecVAE.) `gamma` is the authors' value
# for ML-20M. The learning rate is .001, where the authors' program has .0005. Neither
# was searched in this record.

# %%
Markdown(evidence.provenance("recvae-ml1m"))

# %% [markdown]
# Were these trainings long enough? The budget in epochs was the same for all rows, and
# of four epochs of an alternating RecVAE only one trains the decoder. `kept` are the
# epochs whose weights were measured, one for each seed. Where some of them come close
# to the number allowed, the limit and not the patience ended the training, and a
# comparison with that row is not finished.

# %%
record = experiments.Record.read(experiments.find("recvae-ml1m"))
length = {}
for point in experiments.find("recvae-ml1m").points:
    allowed = point.settings["training"]["epochs"]
    kept = [result["epochs"] for result in record.of(point)]
    length[point.label] = {"kept": str(kept), "allowed": allowed}
    length[point.label]["near the end"] = sum(e > 0.9 * allowed for e in kept)
pd.DataFrame(length).T

# %% [markdown]
# NDCG@100, mean over seeds, with the error over users and seeds:

# %%
recorded = evidence.table("recvae-ml1m")
recorded[["measured", "se", "low", "high", "seeds"]]

# %% [markdown]
# Now the ablation. The rows are of one family with all other pairs of this experiment, so
# that four questions do not find by chance what one would not. The column `measured` is
# RecVAE less the variant, and the claim of each row is that the idea helps.


# %%
def asked(claim, who, name, ours, theirs):
    """A line of a table of claims: the first is above the second."""
    try:
        interval = evidence.pair(name, ours, theirs)
    except (LookupError, ValueError):  # not recorded
        interval = intervals.of_seeds([])
    return (claim, who, interval, ">", 0.0)


ideas = {
    "the mixture helps": "no mixture",
    "a weight for each user helps": "one beta for all",
    "alternation helps": "together",
    "the deep encoder helps": "shallow encoder",
}
evidence.verdicts(
    asked(claim, "the paper", "recvae-ml1m", "RecVAE", variant)
    for claim, variant in ideas.items()
)

# %% [markdown]
# Two limits of this table. The options are those of the full model
# ({ref}`ex-recvae-6`). And RecVAE itself, one side of every row, has trainings near the
# limit by the count above: no row is finished, whatever its word says. Where a verdict is *open*, the record shows
# neither that the idea helps nor that it is idle.
#
# ## Verdict
#
# ### RecVAE's own claim
#
# On MovieLens 1M and not on ML-20M, so no number can be held against the published
# ones; the *order* can. Two records have all three models. In the one above, networks,
# dropout, $\gamma$ and the cap of Mult-VAE's $\beta$ are the published ones. Batch
# size, number of epochs, patience, annealing steps of Mult-VAE and learning rate of
# RecVAE are ours. In `topn-ml1m` each model got its options from a search on validation
# users. RecVAE's claim is that it is above both others. The last line of each record is
# not RecVAE's claim. It belongs to Liang et al. and stands here because a chain
# "RecVAE, Mult-VAE, Mult-DAE" is often quoted as one result. What the annealing steps
# do to Mult-VAE is measured in {doc}`/book/top-n/12-multinomial-autoencoders`.

# %%
lines, chain = [], [("RecVAE", "Mult-VAE"), ("RecVAE", "Mult-DAE")]
for name in ("recvae-ml1m", "topn-ml1m"):
    for ours, theirs in chain:
        claim = f"{ours} above {theirs}, {name}"
        lines.append(asked(claim, "Shenbin et al.", name, ours, theirs))
    claim = f"Mult-VAE above Mult-DAE, {name}"
    lines.append(asked(claim, "Liang et al.", name, "Mult-VAE", "Mult-DAE"))
evidence.verdicts(lines)

# %% [markdown]
# Popularity is the negative control, and must lose:

# %%
control = asked("", "", "topn-ml1m", "popularity", "RecVAE")[2]
word = evidence.judge(control, ">", 0.0).word
assert word in (evidence.CONTRADICTED, evidence.NOT_TESTABLE)
print("popularity above RecVAE:", word)

# %% [markdown]
# ### The report: "surpassing the reported results"
#
# {cite:t}`pham2020variants` found "exceptional performance of the RecVAE model,
# surpassing the reported results in the published paper". They do not say whose program
# they ran; their numbers and their 50 epochs fit that of the authors. The paper prints
# standard errors, and the report reprints them. They come from 10,000 test users:
# another draw of users moves the mean by so much. How many standard errors lie between
# report and paper?

# %%
pairs = {
    "recall@50": ("pham-recvae-r50", "shenbin-recvae-ml20m-r50"),
    "NDCG@100": ("pham-recvae-ndcg", "shenbin-recvae-ml20m-ndcg"),
}
lines = {}
for metric, (ours, original) in pairs.items():
    a, b = claims.loc[ours, "value"], claims.loc[original, "value"]
    se = float(claims.loc[original, "interval"].split()[-1])
    lines[metric] = {"report": a, "paper": b, "se": se, "in se": (a - b) / se}
surpassed = pd.DataFrame(lines).T
surpassed

# %% [markdown]
# One metric is a little higher and one is a little lower, both by less than two of
# these standard errors. So another draw of users could have turned either of them. But
# if the report ran the authors' program, both sides share the test users, and even the
# seed, which is fixed in the program (`run.py`). Then what differs is the version of
# the program, the machine and its libraries. How far these move the numbers nobody has
# measured: either side has one run. The register of claims takes the printed standard
# error, and the smaller of the two differences, since the sentence is about the results
# and not about one of them:

# %%
inside = (surpassed["in se"].abs() < 2).all()
assert inside and set(np.sign(surpassed["in se"])) == {-1.0, 1.0}
register = evidence.claims(chapter="13-recvae")
columns = ["claim", "measured", "low", "high", "verdict"]
register.loc[register.index.isin(["P-37"]), columns]

# %% [markdown]
# As a reproduction the run is close: both numbers lie within two of the paper's
# standard errors. Whether they are the same but for chance we cannot say.
#
# ### The report: one table, two regimes at least
#
# The report's Table 1 has five models, three of them with ranking metrics, on "the
# Movielens dataset". Which one?

# %%
table = claims[claims.index.str.match("pham-(recvae|multdae|multvae)-")]
table = table[table["cite"] == "pham2020variants"]
table.pivot_table(index="method", columns="metric", values="value")

# %% [markdown]
# * **RecVAE**'s row is within two of the paper's standard errors over users.
# * **Mult-DAE**'s NDCG@100 is less than half of what was published for ML-20M, while
#   Mult-VAE's is near its published value. The published gap between the two is smaller
#   than a hundredth. So the rows come from different data or different evaluations. Which
#   ones, we do not know. One guess is a program that does not mask the training items. We
#   test it below.
# * **Mult-VAE**'s "Recall@100" lies far below the Recall@100 of RecVAE, while their NDCG
#   at the same cut-off nearly agree. The stored logs of {cite:t}`lobel2020code` show
#   about two thirds for this network on ML-20M. But the number is, to half a hundredth,
#   the *Recall@20* published for it. Most likely a column was misread.
#
# The checks as code:

# %%
dae, vae, rec = (
    claims.loc[f"pham-{m}-ndcg", "value"]
    for m in ("multdae", "multvae", "recvae")
)
r100 = claims.loc["pham-multvae-r100", "value"]
original = claims["value"].filter(like="liang-mult-")
published_gap = (
    original["liang-mult-vae-ml20m-ndcg"]
    - original["liang-mult-dae-ml20m-ndcg"]
)
assert dae < original["liang-mult-dae-ml20m-ndcg"] / 2
assert abs(vae - original["liang-mult-vae-ml20m-ndcg"]) < 0.005
assert vae - dae > 20 * published_gap
assert abs(r100 - original["liang-mult-vae-ml20m-r20"]) < 0.005
assert rec - vae < 0.02 and claims.loc["pham-recvae-r100", "value"] > r100 + 0.2
print(
    f"Mult-VAE minus Mult-DAE: {vae - dae:.3f}, published {published_gap:.3f}"
)

# %% [markdown]
# The guess about the mask, on MovieLens 1M: Mult-DAE with the items of the fold-in left in
# its lists, against the report's number. The row of the register:

# %%
register.loc[register.index.isin(["P-30r"]), columns]

# %% [markdown]
# Where this row is contradicted, our guess does not give the number: the mask alone, on this
# data set and with our options, is not the explanation. Other data may be.
#
# The report's claims about its table, one by one. (An "r" at the end of a name marks a
# reading of ours, which is not the report's.) That RecVAE is the best of the three rows
# is true of the rows; since at least one of the three comes from another regime, it
# says little about the models.

# %%
shown = register[register["place"].isin(["Table 1", "3"])]
shown[columns]

# %% [markdown]
# The report finds that its outcomes "closely align" with the literature. Five cells of
# Table 1 can be held against its own Fig. 7. The three of RecVAE and Mult-VAE are near
# it. The two of Mult-DAE are far away, and the rows of the register say so one by one.
# The report also names k-fold cross-validation and precision among its methods, and its
# table shows neither.
#
# Two of its equations need repair. Number (13) and (14) print "AND" where the
# expectation $\mathbb E$ stood, and $p_i(z)$ where the prior is $p(z)$. Then (13) is
# the bound of Mult-VAE ({doc}`/book/top-n/12-multinomial-autoencoders`). In (14) the KL
# term has $q(z \mid x)$; with a corrupted input it is $q(z \mid \tilde x)$, as in
# {eq}`eq-recvae-loss`. Corrected, (14) is {eq}`eq-recvae-loss` with a fixed prior
# $p(z)$ and one $\beta$ for all users, and with the sign turned. And its list of
# reviewed models names a sequential autoencoder where the text treats RecVAE.
#
# ## What goes wrong
#
# ### Two data sets in one table
#
# How easily does a weak model on an easy set beat a strong one on a hard set? We keep
# only the hundred most liked films and rank by popularity, which is no model at all. On all
# films a matrix factorisation may try.

# %%
top = ratings.table["item"].value_counts().index[:100]
small = ratings.where(ratings.table["item"].isin(top)).with_min_count(user=5)
small = splits.held_out_users(small, num_users=num_users)
easy_score = ndcg_of_users(Popularity().fit(small.train), small.test).mean()
svd = PureSVD(30, binary=True).fit(split.train)
hard_score = ndcg_of_users(svd, split.test).mean()
assert easy_score > hard_score
print("popularity on 100 films scores higher than PureSVD on all of them")

# %% [markdown]
# In a table without the column "data set", popularity would be the best model.
# A row needs its data set, its filter and its number of items.
#
# ### An epoch is not an epoch
#
# The report gives 50 epochs for RecVAE, 200 for Mult-DAE, 400 for Mult-VAE. One "epoch"
# of the authors' RecVAE program is a cycle of four passes; if the report counts so, its
# 50 are 200. In `reclib` an epoch is one pass for every model.

# %%
cycles, each = 50, RecVAE.cycle
print(f"{cycles} cycles are {cycles * each} passes over the users")
assert cycles * each == 200

# %% [markdown]
# The same trap lies in an ablation. The authors' program {cite:p}`shenbin2020code` has a
# flag that trains both parts together. Then one "epoch" is *one* pass, and the encoder
# of the prior is never renewed: it stays what the random start made it. With the same
# number of epochs the flag compares a quarter of the passes, and stands the moving
# prior still as well. We do not know whether the paper's ablation was made with it. In
# `reclib` `alternating=False` keeps the passes and renews the prior every fourth epoch:

# %%
joint = RecVAE(4, 2, alternating=False)
joint.build(one)
renewed = []
for epoch in range(1, 9):
    before = joint.old.out.bias.clone()
    with torch.no_grad():
        joint.encoder.out.bias += 1.0  # as if an update had moved it
    joint.start_epoch(epoch)
    if not torch.equal(joint.old.out.bias, before):
        renewed.append(epoch)
print("renewed before epochs", renewed)
assert renewed == [4, 8] and joint.decoder.weight.requires_grad

# %% [markdown]
# ### Gamma that travels
#
# $\gamma$ multiplies the number of items, so the same $\gamma$ means another prior on
# data with longer or shorter rows. Among the users of one data set, cut every history
# to its first ten items and see what is left of the weight.

# %%
mean_items = counts.mean().item()
print(f"mean beta' of whole rows: {0.005 * mean_items:.2f}")
print(f"of rows cut to ten items: {0.005 * counts.clamp(max=10).mean():.2f}")
assert counts.clamp(max=10).mean() < mean_items / 4

# %% [markdown]
# The authors' program has a trap beside it: it takes `gamma` if that is neither missing
# nor zero, and looks at `beta` only otherwise. If both have a value, `beta` is ignored
# without a word. If both are zero, because somebody wants to switch the term off, the
# program stops with an error.
#
# ### A loss that looks impossible
#
# Single estimates of the KL are negative now and then (by hand: whenever
# $\varepsilon < -\frac12$). Programs that clamp them at zero "because a KL cannot be
# negative" are no longer unbiased. For the example by hand the clamped mean is
# $\mathbb E \max(0, \frac12 + \varepsilon) = \frac12 \Phi(\frac12) + \varphi(\frac12)$:

# %%
Phi = 0.5 * (1 + math.erf(0.5 / math.sqrt(2)))
phi = math.exp(-0.125) / math.sqrt(2 * math.pi)
clamped = 0.5 * Phi + phi
print(f"true {closed:.3f}, clamped {clamped:.3f}")
torch.manual_seed(0)
drawn = (0.5 + torch.randn(200_000)).clamp(min=0).mean().item()
assert abs(drawn - clamped) < 0.01 < clamped - closed

# %% [markdown]
# ## Exercises
#
# :::{exercise} ◆ A prior's price
# :label: ex-recvae-1
# The old posterior is $\mathcal N(3, 0.01)$. Compute $-\log p(z_d)$ of
# {eq}`eq-recvae-prior` at $z_d = 3$ and at $z_d = 4$. Which component pays in each case?
# :::
#
# :::{solution} ex-recvae-1
# :class: dropdown
# At 3 the old posterior has density $.75 \cdot 3.989 = 2.992$ and the standard normal
# $.15 \cdot .00443$: together $-\log p = -1.096$, a reward. At 4 the old one is ten
# standard deviations away; the flat part gives $.1 \cdot .00269$, the standard normal
# $.15 \cdot .000134$, so $-\log p = 8.15$ and the flat part pays.
#
# ```python
# zs, old = torch.tensor([3.0, 4.0]), torch.tensor(0.01).log()
# parts = [losses.log_normal(zs, zero, zero),
#          losses.log_normal(zs, torch.tensor(3.0), old),
#          losses.log_normal(zs, zero, torch.tensor(10.0))]
# parts = [math.log(w) + p for w, p in zip(recvae.WEIGHTS, parts, strict=True)]
# price = -torch.stack(parts).logsumexp(0)
# print(price.tolist())
# assert torch.allclose(price, torch.tensor([-1.096, 8.15]), atol=0.005)
# ```
# :::
#
# :::{exercise} ◆ Parameters
# :label: ex-recvae-2
# How many trained parameters has RecVAE with 600 hidden units and a code of 200 on
# 20,108 items? Which part holds most of them? Compare with Mult-VAE.
# :::
#
# :::{solution} ex-recvae-2
# :class: dropdown
# First layer $20108 \cdot 600 + 600$, four hidden $4 (600^2 + 600)$, five norms
# $5 \cdot 1200$, output $600 \cdot 400 + 400$, decoder $200 \cdot 20108 + 20108$: about
# 17.8 million, two thirds of them in the first layer. Mult-VAE [600, 200] has a decoder
# of 600 to 20,108 besides: about 24.5 million. RecVAE is the *smaller* model.
#
# ```python
# wide = Interactions.from_coo([0], [0], shape=(1, 20_108))
# for model, millions in ((RecVAE(), 17.8), (MultVAE(), 24.5)):
#     model.build(wide)
#     print(type(model).__name__, f"{model.num_parameters:,}")
#     assert abs(model.num_parameters / 1e6 - millions) < 0.05
# ```
# :::
#
# :::{exercise} ◆◆ The noise of the estimate
# :label: ex-recvae-3
# For $q = \mathcal N(m, 1)$ and $p = \mathcal N(0, 1)$ derive mean and variance of the
# one-sample estimate. With a code of 200 numbers, all with mean $m$, how large is the
# noise relative to the divergence? For which $m$ does it exceed it?
# :::
#
# :::{solution} ex-recvae-3
# :class: dropdown
# The estimate is $\frac{m^2}{2} + m\varepsilon$, with variance $m^2$. Over 200 numbers
# the divergence is $100 m^2$ and the deviation $\sqrt{200}\, m$, so the ratio is
# $.141 / m$: below $m = .141$ the noise is larger than the value. Small divergences,
# where the posterior nearly equals the prior, are the noisy ones.
#
# ```python
# m = 0.1
# draws = (m**2 / 2 + m * torch.randn(5000, 200)).sum(1)
# print(draws.mean().item(), 100 * m**2, draws.std().item(), 200**0.5 * m)
# assert abs(draws.mean() - 100 * m**2) < 0.1
# assert abs(draws.std() - 200**0.5 * m) < 0.1
# ```
# :::
#
# :::{exercise} ◆◆ Without an anchor
# :label: ex-recvae-4
# {prf:ref}`thm-recvae-proximal` says that a moving prior alone lets the spread of the
# codes go to zero. Set `recvae.WEIGHTS` to (.001, .998, .001), train, and compare the mean
# log variance of the codes with the default.
# :::
#
# :::{solution} ex-recvae-4
# :class: dropdown
# ```python
# default, spread = recvae.WEIGHTS, []
# for weights in (default, (0.001, 0.998, 0.001)):
#     recvae.WEIGHTS = weights
#     model = RecVAE(100, 100)
#     training.fit(model, fewer.train, epochs=40, batch_size=50, lr=3e-3)
#     with torch.no_grad():
#         spread.append(model.encoder(fewer.train, 0.0)[1].mean().item())
# recvae.WEIGHTS = default
# print(spread)
# assert spread[0] > spread[1]
# ```
# The spread is smaller without the anchor.
# :::
#
# :::{exercise} ◆◆ How many seeds?
# :label: ex-recvae-5
# Suppose two programs differ in truth by .0015 of NDCG@100, and seeds alone move either
# by .001 (standard deviation). How many seeds of each are needed to see the difference
# in about four of five cases, at 5 %?
# :::
#
# :::{solution} ex-recvae-5
# :class: dropdown
# With $n$ seeds each the difference has a standard error of $.001\sqrt{2/n}$. For a
# normal distribution it has to be $1.96 + .84 = 2.8$ of them away from zero: $n = 2
# (2.8 \cdot .001 / .0015)^2 \approx 7$. But the spread of the seeds is estimated, so
# Student's distribution with $2n - 2$ degrees of freedom decides, and that takes one
# seed more. The report and the paper print one run each.
#
# ```python
# from scipy import stats
#
# def power(n):
#     away, freedom = 0.0015 / (0.001 * (2 / n) ** 0.5), 2 * n - 2
#     return 1 - stats.nct.cdf(stats.t.ppf(0.975, freedom), freedom, away)
#
# print({n: round(power(n), 3) for n in (7, 8, 9)})
# assert math.ceil(2 * (2.8 * 0.001 / 0.0015) ** 2) == 7
# assert power(7) < 0.75 and 0.79 < power(8) < power(9)
# ```
# :::
#
# :::{exercise} ◆◆◆ An ablation that can be trusted
# :label: ex-recvae-6
# The recorded ablation leaves out one idea at a time and keeps all other options. Why is
# that unfair to the ablated models? Design a fairer one and say what it costs.
# :::
#
# :::{solution} ex-recvae-6
# :class: dropdown
# Options were chosen for the full model. Without the mixture another $\gamma$ may be
# best; without alternation another dropout. Give every variant the same search on
# validation users (say $\gamma$ in five values, dropout in three), choose for each, and
# test once, for five seeds: $5 \cdot 15 + 5 \cdot 5 = 100$ trainings. Ideas can also need
# each other: leaving one out of four is not the same as adding one to none. A full
# factorial of the four has sixteen cells, and shows interactions.
# :::
#
# ## Summary
#
# * RecVAE has a deep encoder and a linear decoder, and trains the two in turn. Only the
#   encoder is trained with dropout.
# * A prior that follows the encoder limits the step, not the destination. The fixed part
#   of the mixture holds the codes, but softly: a code that stays costs at most
#   $\log\frac43$ for each number. The flat part bounds the price of an exception.
# * $\gamma |X_u|$ trades likelihood against divergence at one rate *per item* for all.
# * A KL from one sample is unbiased and may be negative. Leave it so.
# * "Better than published" is a difference and needs its standard error. A row needs its
#   data set. An ablation needs trainings that have come to their end: one that is cut off
#   compares numbers of passes.
#
# ## References
#
# All works are listed in {doc}`/book/references`.
