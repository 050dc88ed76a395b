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
# (ch-multinomial)=
# # Mult-DAE and Mult-VAE: items that compete for probability
#
# ## At a glance
#
# **Question.** Does an autoencoder rank better if its output is one distribution over
# all items, and what do the weight of its KL term and the way it is annealed add?
#
# **You need** {doc}`/book/foundations/02-measuring` for recall, NDCG and paired
# comparisons, {doc}`/book/foundations/04-autoencoders` for dropout as a penalty and
# {doc}`/book/rating-prediction/07-noise-and-variation` for the random code.
#
# **You will be able to** derive the bound of Mult-VAE and the gradient of its
# likelihood, say what a cap on $\beta$ can and cannot do within a given number of
# updates, recognise a number that owes its size to a small catalogue, and find mistakes
# in published implementations.

# %%
import inspect
import itertools
import math

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from IPython.display import Markdown
from torch.nn import functional

from reclib import evidence, experiments, plots

plots.use_style()
pd.options.display.precision = 4
Markdown(evidence.at_a_glance("12-multinomial-autoencoders"))

# %% [markdown]
# From the library:

# %%
from reclib import datasets, evaluation, losses, metrics, splits, training
from reclib.interactions import Interactions
from reclib.models import MultDAE, MultVAE, Popularity
from reclib.models.base import sample_normal

# %% [markdown]
# The parameters of the live experiments; `films` is the size of the small catalogue.

# %% tags=["parameters"]
dataset = "ml-latest-small"
epochs = 20
films = 300
seeds = 2

# %% [markdown]
# ## The claim
#
# {cite:t}`liang2018variational` gave the field a protocol and two models that many later
# papers use. Both models read the events of a user and return a distribution over items.
# **Mult-DAE** is a denoising autoencoder, **Mult-VAE** has a random code. They claim:
#
# 1. both models rank better than linear models and than the autoencoder CDAE;
# 2. the **multinomial** likelihood suits the task better than the Gaussian and the
#    logistic one;
# 3. a KL term with a **weight below one**, found by annealing, is better than the bound
#    itself.
#
# Their main table, NDCG@100 on users that training never saw:

# %%
claims = evidence.published()
liang = claims[claims["cite"] == "liang2018variational"]
table_2 = liang[
    (liang["source"] == "Table 2") & (liang["metric"] == "ndcg@100")
]
table_2.pivot(index="method", columns="dataset", values="value")

# %% [markdown]
# And their ablation of the likelihood on MovieLens 20M:

# %%
ablation = liang[
    (liang["dataset"] == "ml-20m")
    & liang["method"].str.match("(Mult|Gaussian|Logistic)-(VAE|DAE)$")
    & liang["source"].str.startswith("Table")
    & (liang["metric"] == "ndcg@100")
]
ablation.assign(
    likelihood=ablation["method"].str[:-4], model=ablation["method"].str[-3:]
).pivot(index="likelihood", columns="model", values="value")

# %% [markdown]
# With their standard error of about .002 the multinomial stands clearly above the Gaussian,
# and above the logistic by less.
#
# {cite:t}`ayad2023variational` ran the authors' program on other data, and report a higher
# NDCG, a best cap of .9 for $\beta$, and a learning rate. The Verdict takes claim by claim.
#
# ## Theory
#
# ### The model and its bound
#
# Let $x_u \in \{0, 1\}^I$ hold the events of user $u$ and $N_u = \sum_i x_{ui}$. A code
# is drawn, a network turns it into logits, and the user's $N_u$ events are drawn from
# their softmax:
#
# $$
# z_u \sim \mathcal N(0, I_K), \qquad
# \pi_u = \operatorname{softmax}\bigl(f_\theta(z_u)\bigr), \qquad
# x_u \sim \operatorname{Mult}(N_u, \pi_u).
# $$ (eq-mult-model)
#
# Up to the multinomial coefficient, which holds no parameter, the likelihood is
#
# $$
# \log p_\theta(x_u \mid z) = \sum_i x_{ui} \log \pi_{ui} .
# $$ (eq-mult-likelihood)
#
# What we want is $p(x_u) = \int p(x_u \mid z)\, p(z)\, dz$, and that integral has no
# closed form. Take any density $q(z)$. Since
# $p(x, z) = p(z \mid x)\, p(x)$,
#
# $$
# \log p(x) = \mathbb E_q\!\left[\log \frac{p(x \mid z)\, p(z)}{q(z)}
#   + \log \frac{q(z)}{p(z \mid x)}\right]
# = \underbrace{\mathbb E_q[\log p(x \mid z)] - \mathrm{KL}(q \,\|\, p(z))}_{\text{ELBO}}
#   + \mathrm{KL}\bigl(q \,\|\, p(z \mid x)\bigr) .
# $$ (eq-mult-elbo)
#
# The last term is never negative, so the ELBO is a lower bound, and it is tight exactly
# where $q$ is the posterior. A network that reads the row gives
# $q_\phi(z \mid x_u) = \mathcal N(\mu_\phi(x_u), \operatorname{diag}
# \sigma^2_\phi(x_u))$: one encoder for all users, so that a *new* user costs one pass
# and no fitting. The loss of Mult-VAE is the negative bound with a weight on its second
# part:
#
# $$
# \mathcal L_\beta(x_u) = -\mathbb E_{q_\phi}\Bigl[\sum_i x_{ui} \log \pi_{ui}(z)\Bigr]
#   + \beta\, \mathrm{KL}\bigl(q_\phi(z \mid x_u) \,\|\, \mathcal N(0, I)\bigr) .
# $$ (eq-mult-beta)
#
# The expectation is estimated with one draw $z = \mu_\phi + \sigma_\phi \odot \epsilon$.
# Mult-DAE has no $\sigma$ and no KL term; an L2 penalty takes their place. Both
# recommend by the logits at $z = \mu_\phi(x_u)$.
#
# | paper | here | in `reclib` |
# |---|---|---|
# | $\mathbf x_u$, $N_u$ | $x_u$, $N_u$ | a row, its `row_counts` |
# | $f_\theta$, $g_\phi$ | $f_\theta$; $\mu_\phi, \sigma_\phi$ | `decode`; `posterior` |
# | $\pi(\mathbf z_u)$ | $\pi_u$ | softmax of `decode(z)` |
# | $\beta$ | $\beta$, its cap $c$ | `current_beta()`, `beta` |
#
# ### The gradient: a share against a claim
#
# With logits $s_i$, $\log \pi_j = s_j - \log \sum_i e^{s_i}$, so
#
# $$
# -\frac{\partial}{\partial s_i} \sum_j x_j \log \pi_j
#   = -x_i + \sum_j x_j \frac{e^{s_i}}{\sum_k e^{s_k}} = N_u\, \pi_i - x_i .
# $$ (eq-mult-gradient)
#
# The model has $N_u$ events to hand out. Item $i$ is promised $N_u \pi_i$ of them and
# claims $x_i$. The two published rivals treat each item alone. For the **logistic**
# likelihood the gradient is $\sigma(s_i) - x_i$
# ({doc}`/book/foundations/04-autoencoders` derives it). For the **Gaussian** with a
# weight $c_i$, larger for events, it is $c_i (s_i - x_i)$. Sum {eq}`eq-mult-gradient`
# over the items: the result is $N_u - N_u = 0$. *Whatever one item gains, the others
# lose.* The rivals have no such budget. They also have to say how active a user is:
#
# :::{prf:theorem} What a ranking and the multinomial both ignore
# :label: thm-mult-shift
#
# Adding a constant to all logits of a user changes neither her ranking nor the
# multinomial likelihood. For $0 < N_u < I$ it does change the logistic and the Gaussian
# likelihood, each of which is largest for exactly one constant.
# :::
#
# :::{prf:proof}
# The softmax and the order of the logits are unchanged. The second derivative of the
# other two along the constant is $-\sum_i \sigma(s_i + c)(1 - \sigma(s_i + c))$ and
# $-\sum_i c_i$: both negative, so each is strictly concave in it. The Gaussian falls to
# $-\infty$ on both sides, and so does the logistic, since some item has an event and
# some has none.
# :::
#
# A Gaussian or logistic model has to learn the *level* of a user, which no ranking metric
# sees. There is also a direct link to ranks:
#
# :::{prf:theorem} A probability bounds a rank
# :label: thm-mult-rank
#
# If item $i$ has rank $r_i$ among all items by $s$, then $\pi_i \le 1 / r_i$, so
# $-\sum_i x_i \log \pi_i \ge \sum_i x_i \log r_i$.
# :::
#
# :::{prf:proof}
# Each of the first $r_i$ items has a probability of at least $\pi_i$, and
# together they have at most one.
# :::
#
# The multinomial loss bounds the sum of the log-ranks of what the user has, which
# {doc}`/book/top-n/14-ract` builds on. None of this *proves* that the multinomial ranks
# better. It has a price: in absolute value {eq}`eq-mult-gradient` adds up to
# $2 \sum_i \max(0, x_i - N_u\pi_i) \le 2 N_u$, so an active user can pull as hard as she
# has events.
#
# ### Why a weight below one
#
# $\mathcal L_\beta / \beta$ is the negative ELBO of a user whose events each happened
# $1/\beta$ times (with $\beta = .2$, five times). So a small $\beta$ says: *trust these few
# events more than the model of the data does*. A coordinate of the code that is used costs
# KL, and pays only if the events that it explains are worth more. A user with few events
# cannot pay for many: with the full weight they fall back to the prior. With $\beta < 1$ one gives up two things: $-\mathcal L_\beta$ is no longer a lower
# bound of $\log p(x)$, and codes drawn from the prior no longer look like users. A
# recommender needs neither; it needs $\mu_\phi$.
#
# ### Annealing, and what it cannot do
#
# $\beta$ starts at 0 and grows, so that the decoder learns to use the code before the
# prior presses on it {cite:p}`bowman2016generating`. In the authors' notebook, before
# update $t = 0, 1, 2, \dots$
#
# $$
# \beta_t = \min(c,\ t / A), \qquad A = 200{,}000, \quad c = 0.2 .
# $$ (eq-mult-anneal)
#
# :::{prf:theorem} Caps beyond the last step are one run
# :label: thm-mult-cap
#
# Let training have $T$ updates. If $c \ge (T - 1) / A$, then $\beta_t = t / A$ in every
# update. Hence all such caps give, from one seed, the *same* weights.
# :::
#
# :::{prf:proof}
# $t \le T - 1$, so $t / A \le c$ and the minimum is $t/A$. The cap enters the
# computation nowhere else; equal losses on equal random numbers give equal updates.
# :::
#
# The paper's MovieLens 20M has 116,677 training users, batches of 500 and 200 epochs:

# %%
A = 200_000


def updates(users, batch=500, epochs=200):
    """Updates of a training: the last batch of an epoch may be smaller."""
    return math.ceil(users / batch), math.ceil(users / batch) * epochs


per_epoch, T = updates(116_677)
reached = math.ceil(0.2 * A / per_epoch)
print(f"{per_epoch} updates an epoch, {T:,} in all")
print(f"largest beta without a cap {(T - 1) / A:.6f}; .2 in epoch {reached}")
assert (per_epoch, T) == (234, 46_800) and 0.2 < (T - 1) / A < 0.234

# %% [markdown]
# So with the published schedule every cap from $.234$ on is the same run, and even the cap
# of .2 acts only in the last part of training.
#
# The report names two files with the columns `Movie_ID, Name, Year` and
# `Movie_ID, User_ID, Rating`. Those are the columns of a public excerpt of the Netflix
# Prize {cite:p}`rishitjavia` with 17,337,458 ratings of 143,458 users for 1,350 movies.
# **That they used this excerpt is our inference from the names of the columns.** The
# program takes 10,000 users each for validation and test. Beside it: the whole Prize, with
# the 463,435 users that the paper's filter leaves.

# %%
excerpt = {"users": 143_458, "movies": 1_350, "ratings": 17_337_458}
per_epoch, T_excerpt = updates(excerpt["users"] - 20_000)
print(f"{per_epoch} updates an epoch, {T_excerpt:,} in all")
largest = (T_excerpt - 1) / A
largest_prize = (updates(463_435 - 20_000)[1] - 1) / A
print(f"largest beta {largest:.6f}, on the whole Prize {largest_prize:.6f}")
assert (per_epoch, T_excerpt) == (247, 49_400)
assert largest < 0.25 and largest_prize < 0.9

# %% [markdown]
# A filter (ratings above 3.5, users with five events) can only remove users, and so can
# larger held-out parts: both *lower* the number of updates. If the report kept the
# program's 200,000 steps, batches of 500 and 200 epochs, its caps from .25 to 1 were one
# and the same run, by {prf:ref}`thm-mult-cap`. With the paper's filter the cap of .9 was out
# of reach even on the whole Prize data. Left, $\beta_t$ with these steps for caps from .1 to
# 1; right, with the steps and the updates of our recorded runs; dotted, .25.

# %% mystnb={"image": {"alt": "Beta over the updates for caps from .1 to 1. Left, with 200,000 annealing steps, training ends on the rising line near .25 and only the caps of .1 and .2 bend it. Right, with far fewer steps, each cap bends the line at its own height."}}
spec = experiments.find("anneal-ml1m").points[0].settings
how, few = spec["training"], spec["model"]["anneal_steps"]
ml1m_users = 4_534  # in training: 6,034 less twice 750
done = updates(ml1m_users, how["batch_size"], how["epochs"])[1]
assert done > few  # all caps act
schedules = [(A, T_excerpt, "200,000 steps"), (few, done, f"{few:,} steps")]
fig, axes = plt.subplots(1, 2, figsize=(8, 3.2))
for ax, (steps, total, title) in zip(axes, schedules, strict=True):
    t = np.arange(0, total, total // 200)
    for k, cap in enumerate((0.1, 0.2, 0.4, 0.6, 0.9, 1.0)):
        line = np.minimum(cap, t / steps)
        ax.plot(t, line, c=f"C{k}", lw=6 - 5 * cap, label=f"cap {cap:g}")
    ax.axhline(0.25, ls=":", c="gray")
    ax.set(title=title, xlabel="update", ylabel="beta", ylim=(0, 1.05))
axes[0].legend(fontsize="x-small", loc="upper left")
plt.show()

# %% [markdown]
# ### The input: length one, and half of it dropped
#
# The input is $\tilde x_u = d \odot x_u / (\sqrt{N_u}\,(1 - p))$ with
# $d_i \sim \text{Bernoulli}(1-p)$. The length keeps a hidden unit's input in the same
# range for five events and for five hundred. What the dropout adds to the loss can be
# computed to second order. Let $a = W^\top \tilde x$ be the logits of a
# linear network, $\tilde a$ those of a damaged input, $w_j$ the row of $W$ of input
# $j$. The noise of input $j$ has mean zero and variance $\tilde x_j^2\, p/(1-p)$. The
# linear part of the loss, $-\sum_i x_i \tilde a_i$, is unchanged on average. The rest is
# $N_u \log \sum_i e^{\tilde a_i}$, whose Hessian is $N_u (\operatorname{diag} \pi -
# \pi \pi^\top)$. Half the Hessian against the covariance gives
#
# $$
# \mathbb E[\text{loss}] - \text{loss} \approx \frac{p}{2 (1 - p)}\, N_u
#   \sum_{j \in \Omega_u} \frac{1}{N_u} \operatorname{Var}_{i \sim \pi_u}(W_{ji})
# = \frac{p}{2(1-p)} \sum_{j \in \Omega_u} \operatorname{Var}_{i \sim \pi_u}(W_{ji}) .
# $$ (eq-mult-dropout)
#
# This is an L2 penalty on the weights, as {cite:t}`wager2013dropout` show for all
# models of this kind, and {prf:ref}`thm-ae-denoise` exactly for squared error. As there, it
# grows with the number of events of an item. But it measures spread over the items *that
# the model thinks likely*: a weight that moves all of them alike costs nothing, in
# agreement with {prf:ref}`thm-mult-shift`. Without the length of one the factor $1/N_u$ is
# missing, and the penalty of an active user is $N_u$ times as large.
#
# ### A small catalogue
#
# How high is NDCG for no reason at all? Let $M$ items be left to rank for a user, $n$ of
# them held out, and let the order be random. Each rank then holds a held-out item with
# probability $n/M$, so with $D_m = \sum_{r=1}^m 1/\log_2(r+1)$
#
# $$
# \mathbb E[\text{NDCG@}k] = \frac nM \cdot \frac{D_{\min(k, M)}}{D_{\min(k, n)}} .
# $$ (eq-mult-random)
#
# For the same $n$ it is inversely proportional to the catalogue. A list of 100 holds one
# in 178 of the 17,769 films of the paper's Netflix data, and one in 13.5 of 1,350.
#
# ## Code
#
# {eq}`eq-mult-likelihood` and its gradient {eq}`eq-mult-gradient`. The target is never
# made dense: `X.cells` are the places of the events.

# %%
print(inspect.getsource(losses._Multinomial))

# %% [markdown]
# The input of both models, {eq}`eq-mult-beta` with its single draw, and
# {eq}`eq-mult-anneal`.

# %%
for part in ("corrupt", "loss", "likelihood", "current_beta"):
    print(inspect.getsource(getattr(MultVAE, part)))

# %% [markdown]
# The KL term is the one of {eq}`eq-noise-kl`, summed over dimensions and users. The
# default widths are those of the authors' notebook: 600 and 200 for Mult-VAE, a single
# layer of 200 for Mult-DAE, whose penalty there is $.01/500$ times the squared weights.
# The paper prints .01 alone, which would be 500 times as strong.
#
# ## By hand
#
# ### The gradient
#
# Three items, events for the first and the last, logits $(\log 2, 0, 0)$. Then
# $\pi = (\frac12, \frac14, \frac14)$, $N = 2$, and the loss is $-\log \frac12 - \log
# \frac14 = \log 8$. The gradient is $2\pi - x = (0, \frac12, -\frac12)$: the first item
# already has its share of two events and is left alone, and what the third should gain
# is taken from the second. The logistic likelihood pushes the first item further up.

# %%
row = Interactions.from_coo([0, 0], [0, 2], shape=(1, 3))
x, s = row.dense(), torch.tensor([[math.log(2), 0.0, 0.0]], requires_grad=True)
costs = {
    "multinomial": losses.multinomial(s, row),
    "logistic": functional.binary_cross_entropy_with_logits(
        s, x, reduction="sum"
    ),
    "Gaussian": (x - s).square().sum() / 2,
}
slopes = {
    name: torch.autograd.grad(c, s)[0][0].numpy() for name, c in costs.items()
}
by_hand = pd.DataFrame(slopes, index=["item 0", "item 1", "item 2"]).T
assert abs(costs["multinomial"].item() - math.log(8)) < 1e-6
assert np.allclose(by_hand.loc["multinomial"], [0, 0.5, -0.5], atol=1e-6)
assert np.allclose(by_hand.loc["logistic"], [-1 / 3, 0.5, -0.5], atol=1e-6)
by_hand.assign(sum=by_hand.sum(axis=1)).round(3) + 0.0

# %% [markdown]
# Only the multinomial gradient sums to zero. The negative control is the same loss with
# *ratings* for events: 5 and 3 stars ask the model to hand out eight events. `MultDAE.loss`
# therefore takes `batch.binary()`.

# %%
starred = row.with_values(torch.tensor([5.0, 3.0]))
(wrong,) = torch.autograd.grad(losses.multinomial(s, starred), s)
print(wrong[0].numpy().round(2) + 0.0)
assert np.allclose(wrong[0], [-1, 2, -1], atol=1e-6)
assert not np.allclose(wrong[0], slopes["multinomial"], atol=0.1)

# %% [markdown]
# {prf:ref}`thm-mult-shift` and {prf:ref}`thm-mult-rank` on random logits: a constant
# changes two of the three losses, and no probability exceeds one over the rank.

# %%
torch.manual_seed(0)
drawn = torch.randn(50, 3) * 3
many = Interactions.from_coo(
    np.repeat(range(50), 2), [0, 2] * 50, shape=(50, 3)
)
dense = many.dense()
both = [
    torch.stack(
        [
            losses.multinomial(each, many),
            functional.binary_cross_entropy_with_logits(
                each, dense, reduction="sum"
            ),
            (dense - each).square().sum() / 2,
        ]
    )
    for each in (drawn, drawn + 2)
]
changed = ((both[1] - both[0]).abs() > 0.01).tolist()
ranks = drawn.argsort(1, descending=True).argsort(1) + 1
assert changed == [False, True, True]
assert (drawn.softmax(1) <= 1 / ranks + 1e-6).all()
print("changed by a constant (multinomial, logistic, Gaussian):", changed)

# %% [markdown]
# ### The bound, and what is not one
#
# Take a code of one dimension, the decoder $f(z) = (z, 0, -z)$ and a user with events
# for items 0 and 1. Then $\log p(x \mid z) = z - 2 \log(e^z + 1 + e^{-z})$. All
# integrals over $z$ are sums over a fine grid. The best Gaussian $q$ comes close to
# $\log p(x)$ from below, and the gap is the KL term of {eq}`eq-mult-elbo`. With
# $\beta = .2$ the "bound" lies *above* $\log p(x)$.

# %%
z = torch.linspace(-10, 10, 4001, dtype=torch.double)
dz = (z[1] - z[0]).item()
log_lik = z - 2 * torch.logsumexp(torch.stack([z, 0 * z, -z]), 0)
log_prior = -0.5 * (math.log(2 * math.pi) + z**2)
log_p = torch.logsumexp(log_lik + log_prior, 0).item() + math.log(dz)


def bound(m, sd, beta):
    log_q = -0.5 * (math.log(2 * math.pi) + ((z - m) / sd) ** 2) - math.log(sd)
    q = log_q.exp() * dz
    posterior = log_lik + log_prior - log_p
    kl = (q * (log_q - log_prior)).sum()
    gap = (q * (log_q - posterior)).sum()
    return ((q * log_lik).sum() - beta * kl).item(), gap.item()


grid = list(itertools.product(np.arange(-1, 2, 0.1), np.arange(0.2, 1.5, 0.1)))
elbos = [bound(m, sd, 1.0) for m, sd in grid]
best, gap = max(elbos)
loose = max(bound(m, sd, 0.2)[0] for m, sd in grid)
print(
    f"log p(x) {log_p:.4f}, best bound {best:.4f}, with beta = .2 {loose:.4f}"
)
assert all(abs(elbo + gap - log_p) < 1e-4 for elbo, gap in elbos)
assert best < log_p < best + 0.01 and loose > log_p + 0.05

# %% [markdown]
# ### Dropout as a penalty
#
# One user with events for items 0 and 2, a linear network with small weights, $p =
# \frac12$: four masks, all equally likely. The mean loss over the masks exceeds the
# clean loss by what {eq}`eq-mult-dropout` says, up to higher orders. Without the length
# of one the excess is $N_u = 2$ times as large: the negative control.

# %%
rng = np.random.default_rng(0)
W = torch.tensor(0.3 * rng.standard_normal((3, 3)))
events = torch.tensor([1.0, 0.0, 1.0], dtype=torch.double)


def excess(length):
    read = events / length
    logits = [
        (2 * torch.tensor([a, 0.0, b], dtype=torch.double) * read) @ W
        for a, b in itertools.product([0.0, 1.0], repeat=2)
    ]
    cost = [-(events * each.log_softmax(0)).sum() for each in logits]
    clean = (read @ W).softmax(0)
    second = (clean * W[[0, 2]] ** 2).sum(1) - (clean * W[[0, 2]]).sum(1) ** 2
    mean = sum(cost) / 4 + (events * clean.log()).sum()
    return mean.item(), second.sum().item() / 2


exact, predicted = excess(math.sqrt(2))
print(f"excess {exact:.4f}, penalty {predicted:.4f}")
assert abs(exact / predicted - 1) < 0.05
assert excess(1.0)[0] > 1.8 * exact

# %% [markdown]
# ## Experiment
#
# ### Live, on the embedded data
#
# The protocol is the paper's ({doc}`/book/foundations/02-measuring`), with 100 unseen users
# for the test and 100 for validation. "Recall" here is the paper's, capped by the length of
# the list. Networks are smaller than the paper's and the learning rate is larger, so that a
# training takes seconds. The annealing has the *proportions* of the notebook: where $\beta$
# ends follows from $T$ and $A$ alone.


# %%
def prepared(films=None):
    ratings = datasets.load(dataset).at_least(4)
    if films is not None:  # the most rated films alone
        popular = ratings.table["item"].value_counts().index[:films]
        ratings = ratings.where(ratings.table["item"].isin(popular))
    return splits.held_out_users(ratings.with_min_count(user=5), num_users=100)


METRICS = ["capped_recall@20", "capped_recall@50", "ndcg@100"]
split = prepared()
recipe = dict(epochs=epochs, batch_size=50, lr=1e-2)
live_updates = updates(split.train.num_rows, 50, epochs)[1]
schedule = round(live_updates * A / T)
print(split.train)
print(f"{live_updates} updates, {schedule} annealing steps")

# %% [markdown]
# Each model keeps the weights of its best epoch on the validation users, as in the paper.


# %%
def ndcg(model, test):
    return evaluation.rank(model, test, ["ndcg@100"]).per_user.mean().item()


def fitted(make, split, seed=0, **changed):
    model, options = make(), {**recipe, **changed}
    options["validate"] = lambda m: -ndcg(m, split.validation)
    training.fit(model, split.train, seed=seed, **options)
    return model


def small_vae(kind=MultVAE, **options):
    options = {"hidden": (100, 50), "anneal_steps": schedule, **options}
    return lambda: kind(**options)


# %% [markdown]
# All models with two seeds, on the users of the test. Popularity is the floor.

# %% tags=["nbval-ignore-output"]
lineup = {
    "popularity": Popularity,
    "Mult-DAE": lambda: MultDAE((100,)),
    "Mult-VAE": small_vae(),
}
fits = {
    (name, seed): fitted(make, split, seed)
    for name, make in lineup.items()
    for seed in range(seeds)
}
per_user = {
    key: evaluation.rank(model, split.test, METRICS).per_user
    for key, model in fits.items()
}
mean_of = {
    name: sum(per_user[name, seed] for seed in range(seeds)) / seeds
    for name in lineup
}
pd.DataFrame({name: each.mean() for name, each in mean_of.items()}).T

# %% [markdown]
# A hundred users are few. For each pair: the difference of NDCG@100 user by user, averaged
# over the seeds, its interval, and what may be said. *Supported* means that the whole
# interval is above zero, *contradicted* that all of it is below.


# %%
def verdict(low, high):
    if math.isnan(low):
        return "not measured"
    return (
        "supported" if low > 0 else "contradicted" if high < 0 else "undecided"
    )


def paired(better, worse):
    ours, theirs = (mean_of[name]["ndcg@100"] for name in (better, worse))
    found = evaluation.compare(ours, theirs)[["difference", "low", "high"]]
    return found.to_dict() | {"verdict": verdict(found["low"], found["high"])}


# %% [markdown]
# The first rows are negative controls: a model that has learnt nothing but counts, and one
# that has not learnt at all, must lose.

# %% tags=["nbval-ignore-output"]
untrained = MultDAE((100,))
untrained.build(split.train)
blank = evaluation.rank(untrained.eval(), split.test, METRICS).per_user
mean_of["untrained"] = blank
pairs = [
    ("popularity", "untrained"),
    ("Mult-DAE", "popularity"),
    ("Mult-VAE", "popularity"),
    ("Mult-VAE", "Mult-DAE"),
]
said = pd.DataFrame({f"{a} > {b}": paired(a, b) for a, b in pairs}).T
said

# %% [markdown]
# What the book claims from this:

# %%
assert (said["verdict"].iloc[:3] == "supported").all()
assert mean_of["untrained"]["ndcg@100"].mean() < 0.05
print("networks > popularity > untrained")

# %% [markdown]
# The last row says how these trainings came out, and not how the models compare: a few
# hundred users, two hundred updates, one learning rate for both.
#
# ### The likelihood, live
#
# The likelihood is one method of the class. Two subclasses put the paper's rivals in its
# place: the Gaussian with a weight of ten for events, one for the rest, and the logistic.
# Both need the dense row: a missing event now has a cost of its own.


# %%
class GaussianVAE(MultVAE):
    def likelihood(self, logits, batch):
        x = batch.binary().dense()
        return ((1 + 9 * x) * (x - logits).square()).sum() / 2


class LogisticVAE(MultVAE):
    def likelihood(self, logits, batch):
        x = batch.binary().dense()
        return functional.binary_cross_entropy_with_logits(
            logits, x, reduction="sum"
        )


kinds = {
    "multinomial": MultVAE,
    "Gaussian": GaussianVAE,
    "logistic": LogisticVAE,
}

# %% [markdown]
# One learning rate for three losses would favour one of them. Each gets the best of three,
# by the validation users. To have time for that we keep the most rated films alone.

# %% tags=["nbval-ignore-output"]
small, tuned = prepared(films), {}
for name, kind in kinds.items():
    tried = {
        lr: fitted(small_vae(kind), small, lr=lr) for lr in (3e-3, 1e-2, 3e-2)
    }
    best = max(tried, key=lambda lr: ndcg(tried[lr], small.validation))
    made = [tried[best]] + [
        fitted(small_vae(kind), small, seed, lr=best)
        for seed in range(1, seeds)
    ]
    ranked = [evaluation.rank(m, small.test, METRICS).per_user for m in made]
    mean_of[name] = sum(ranked) / seeds
    tuned[name] = {"chosen rate": best, **mean_of[name].mean()}
pd.DataFrame(tuned).T

# %% [markdown]
# In pairs, with popularity as the floor:

# %% tags=["nbval-ignore-output"]
mean_of["floor"] = evaluation.rank(
    fitted(Popularity, small), small.test, METRICS
).per_user
pairs = [(name, "floor") for name in kinds]
pairs += [("multinomial", "Gaussian"), ("multinomial", "logistic")]
contest = pd.DataFrame({f"{a} > {b}": paired(a, b) for a, b in pairs}).T
assert (contest["verdict"].iloc[:3] == "supported").all()
contest

# %% [markdown]
# All three have learnt something. The differences of the paper, at most .011, cannot be
# seen with a hundred users; a larger one here may come from the few updates, the one weight
# of the Gaussian, or $\beta$, which means something else beside another likelihood (a noise
# variance for the Gaussian, {doc}`/book/rating-prediction/07-noise-and-variation`).
#
# ### The weight of the KL term, live
#
# The same films, with a constant $\beta$. "Used" counts the coordinates, of fifty, whose KL
# term is above a tenth of a nat on average: the others have fallen back to the prior.

# %% tags=["nbval-ignore-output"]
rows, weighted = {}, {}
for beta in (0.0, 0.05, 0.2, 1.0):
    make = small_vae(beta=beta, anneal_steps=0)
    made = [fitted(make, small, seed) for seed in range(seeds)]
    ranked = [evaluation.rank(m, small.test, METRICS).per_user for m in made]
    weighted[beta] = sum(ranked)["ndcg@100"] / seeds
    with torch.no_grad():
        mu, logvar = made[0].posterior(small.train)
    kl = (0.5 * (logvar.exp() + mu.square() - 1 - logvar)).mean(0)
    rows[beta] = {
        "mean sigma": (0.5 * logvar).exp().mean().item(),
        "used": (kl > 0.1).sum().item(),
        "ndcg@100": weighted[beta].mean(),
    }
pd.DataFrame(rows).T.astype({"used": int}).rename_axis("beta")

# %% [markdown]
# With the whole bound most of the code is silent, and the ranking suffers. Without the KL
# term the noise is trained away. The words, user by user:

# %% tags=["nbval-ignore-output"]
for other in (0.0, 0.05, 1.0):
    gap = evaluation.compare(weighted[0.2], weighted[other])
    print(f"beta .2 > {other:g}: {verdict(gap['low'], gap['high'])}")
assert gap["low"] > 0, "the whole bound"
assert rows[1.0]["used"] < rows[0.2]["used"] / 2
assert (
    rows[0.0]["mean sigma"] < rows[0.2]["mean sigma"] < rows[1.0]["mean sigma"]
)

# %% [markdown]
# ### Caps that are one run, live
#
# {prf:ref}`thm-mult-cap` says more than "similar". Three trainings with the same seed: caps
# of .25 and 1 give the same weights to the last bit, a cap of .1 does not.

# %%
short_updates = updates(small.train.num_rows, 50, 4)[1]
finals = {}
for cap in (0.1, 0.25, 1.0):
    model = small_vae(beta=cap, anneal_steps=round(short_updates * A / T))()
    training.fit(model, small.train, **recipe | {"epochs": 4})
    finals[cap] = model.decoder[0].detach()
assert torch.equal(finals[0.25], finals[1.0])
assert not torch.equal(finals[0.1], finals[1.0])
print("caps .25 and 1 are one run; a cap of .1 is another")

# %% [markdown]
# ### A small catalogue, live
#
# For random scores {eq}`eq-mult-random`, computed for the test users, must agree with a
# simulation. The control is the value for another catalogue.


# %%
def random_ndcg(test, k=100):
    D = (1 / torch.arange(2, k + 2).double().log2()).cumsum(0)
    n = test.held_out.row_counts
    left = test.fold_in.num_cols - test.fold_in.row_counts
    expected = n / left * D[left.clamp(max=k) - 1]
    return (expected / D[n.clamp(1, k) - 1])[n > 0].mean().item()


def simulated(test, repeats=20):
    torch.manual_seed(0)
    scores = (torch.rand(test.fold_in.shape) for _ in range(repeats))
    drawn = [evaluation.rank_scores([s], test, ["ndcg@100"]) for s in scores]
    return [each.per_user.mean().item() for each in drawn]


expected, found = random_ndcg(small.test), simulated(small.test)
error = np.std(found, ddof=1) / len(found) ** 0.5
assert abs(np.mean(found) - expected) < 5 * error
assert abs(np.mean(found) - random_ndcg(split.test)) > 5 * error
print(f"random scores on {films} films: {expected:.4f}")

# %% [markdown]
# Now with popularity and Mult-DAE, whose training on all films is the one above.

# %% tags=["nbval-ignore-output"]
sizes, rows = [100, films, 1000], []
for n in sizes:
    part = small if n == films else prepared(n)
    made = {"popularity": Popularity, "Mult-DAE": lineup["Mult-DAE"]}
    values = {
        name: ndcg(fitted(m, part), part.test) for name, m in made.items()
    }
    rows.append({"films": n, "random": random_ndcg(part.test), **values})
whole = {name: ndcg(fits[name, 0], split.test) for name in made}
everything = split.train.num_cols
rows.append({"films": everything, "random": random_ndcg(split.test), **whole})
catalogue = pd.DataFrame(rows).set_index("films")
catalogue

# %% [markdown]
# The same as a picture. Nothing about the model changes from left to right.

# %% mystnb={"image": {"alt": "NDCG at 100 of random scores, popularity and Mult-DAE on the embedded data falls as the catalogue grows from 100 films to all."}}
ax = catalogue.plot(marker="o", logx=True, ylabel="NDCG@100")
ax.set(xlabel="films in the catalogue", ylim=(0, None))
plt.show()

# %% [markdown]
# All three fall as the catalogue grows, random scores by far the most. *Popularity on few
# films* may stand above *a network on many*. (On 100 films a list of 100 is the whole
# catalogue.)

# %%
assert (catalogue.diff().dropna() < 0).all().all()
assert catalogue["popularity"].iloc[0] > catalogue["Mult-DAE"].iloc[-1]
assert (catalogue.iloc[0] / catalogue.iloc[-1]).idxmax() == "random"
assert (catalogue["Mult-DAE"] > catalogue["popularity"]).iloc[1:].all()

# %% [markdown]
# ### At paper scale: caps and learning rates
#
# The recorded runs are on MovieLens 1M. This is a search, so everything is measured on the
# 750 validation users, and the epoch is chosen on the same users: all rows are optimistic
# in the same way.

# %%
Markdown(evidence.provenance("anneal-ml1m"))

# %% [markdown]
# With 1,300 annealing steps $\beta$ can reach any cap. "Beta kept" is its value in the best
# epoch, which the paper proposes to read off. Two rows have the notebook's 200,000 steps,
# more than a hundred times as many as these runs have updates. The report's rates of .1 and
# .3 have no rows: here too the log variance overflows within a few epochs, and there is
# nothing to record. The Verdict shows it live.


# %%
def kept_beta(results):
    values = []
    for result in results:
        model = result["settings"]["model"]
        size = result["settings"]["training"]["batch_size"]
        done = updates(ml1m_users, size, result["epochs"])[1]
        values.append(min(model.get("beta", 0.2), done / model["anneal_steps"]))
    return np.mean(values) if values else np.nan


sweep = experiments.find("anneal-ml1m")
record = experiments.Record.read(sweep)
caps = evidence.table("anneal-ml1m")[["measured", "low", "high", "seeds"]]
caps["beta kept"] = [kept_beta(record.of(p)) for p in sweep.points]
caps

# %% [markdown]
# These two rows test {prf:ref}`thm-mult-cap` on the record: they may not differ by more than
# the arithmetic of two processes. Then the other rows against the cap of .2 with the rate
# .001, seed by seed. Few seeds give wide intervals: *undecided* is no proof of equality.

# %%
seeds_of = evidence.per_seed("anneal-ml1m")
if len(seeds_of):
    seeds_of = seeds_of.pivot(index="seed", columns="label", values="ndcg@100")


def recorded_gap(better, worse):
    if not {better, worse} <= set(seeds_of.columns):
        return {"difference": np.nan, "verdict": "not measured"}
    gap = (seeds_of[better] - seeds_of[worse]).dropna()
    _, low, high = evidence.mean_interval(gap)
    return {
        "difference": gap.mean(),
        "low": low,
        "high": high,
        "verdict": verdict(low, high),
    }


twins = recorded_gap("200,000 steps, cap .2", "200,000 steps, cap 1")
assert not abs(twins["difference"]) > 0.002
rivals = [n for n in caps.index if n[:2] in ("ca", "lr") and n != "cap .2"]
swept = pd.DataFrame({n: recorded_gap("cap .2", n) for n in rivals}).T
swept.rename_axis("cap .2 is better than")

# %% [markdown]
# ### At paper scale: the catalogue
#
# EASE ({doc}`/book/top-n/09-linear-autoencoders`) and Mult-VAE on the most popular films
# of MovieLens 1M, among them 1,350 films, the size of the excerpt:

# %%
Markdown(evidence.provenance("catalogue-ml1m"))

# %% [markdown]
# One row a catalogue; NDCG@100 on 750 unseen users.

# %%
shelves = evidence.table("catalogue-ml1m")[["measured", "low", "high", "seeds"]]
measured = shelves["measured"]
for model in ("EASE", "Mult-VAE"):
    rising = measured[[f"{model}, {n}" for n in ("all", 1350, 500, 200)]]
    assert rising.dropna().is_monotonic_increasing
shelves

# %% [markdown]
# ### At paper scale: the models
#
# {doc}`/book/top-n/16-what-came-after` has the table of all models. The rows of this
# chapter and three baselines, on 750 unseen users of MovieLens 1M:

# %%
everyone = evidence.table("topn-ml1m")
ours = ["popularity", "EASE", "CDAE", "Mult-DAE", "Mult-VAE"]
everyone.loc[ours, ["measured", "low", "high", "seeds"]]

# %% [markdown]
# These intervals are over seeds of the training. Users vary far more than seeds, so the
# record holds every user's NDCG and models are compared user by user:

# %%
users = evidence.users("topn-ml1m")


def recorded_pair(better, worse):
    if not {better, worse} <= set(users.columns):
        return {"difference": np.nan, "verdict": verdict(np.nan, np.nan)}
    found = evaluation.compare(users[better], users[worse])
    found = found[["difference", "low", "high"]]
    return found.to_dict() | {"verdict": verdict(found["low"], found["high"])}


duels = [
    ("Mult-DAE", "CDAE"),
    ("Mult-VAE", "CDAE"),
    ("Mult-VAE", "EASE"),
    ("Mult-VAE", "Mult-DAE"),
]
duels = pd.DataFrame({f"{a} > {b}": recorded_pair(a, b) for a, b in duels}).T
duels

# %% [markdown]
# ## Verdict
#
# ### The paper
#
# We have none of the paper's three data sets, so none of its numbers can be held against
# ours. Another group has re-run the authors' program with splits of its own
# {cite:p}`ferrari2021troubling`. Its NDCG@100 lands less than .015 below the
# paper's. In the same table a linear model stands above it.

# %%
runs = evidence.per_seed("topn-ml1m")
runs = runs[runs["label"] == "Mult-VAE"] if len(runs) else runs
values = runs["ndcg@100"].tolist() if len(runs) else []
claimed = claims.loc["liang-mult-vae-ml20m-ndcg", "value"]
other = evidence.judge(values, claimed, 0.01, "measured on another data set")
again = claims[claims["cite"] == "ferrari2021troubling"]
again = again[again["metric"] == "ndcg@100"]
print(f"Mult-VAE on MovieLens 20M: {other.word}")
again = again.pivot(index="dataset", columns="method", values="value")
told = table_2[table_2["method"] == "Mult-VAE"].set_index("dataset")["value"]
assert (told[again.index] - again["Mult-VAE"]).between(0, 0.015).all()
assert (again["EASE"] > again["Mult-VAE"]).all()
again

# %% [markdown]
# What can be tested is the *order*, on MovieLens 1M. The words are computed from paired
# intervals over 750 users.

# %% tags=["nbval-ignore-output"]
words = {
    "Mult-DAE ranks better than CDAE": duels["verdict"]["Mult-DAE > CDAE"],
    "Mult-VAE ranks better than CDAE": duels["verdict"]["Mult-VAE > CDAE"],
    "Mult-VAE ranks better than EASE": duels["verdict"]["Mult-VAE > EASE"],
    "a cap of .2 is better than 1": swept["verdict"]["cap 1"],
} | {
    f"{row} (live)": contest["verdict"][row]
    for row in ("multinomial > Gaussian", "multinomial > logistic")
}
Markdown("\n".join(f"* {claim}: **{word}**" for claim, word in words.items()))

# %% [markdown]
# EASE came a year after the paper. The two live lines rest on a hundred users and three
# hundred films: an illustration.
#
# ### The report of Ayad, Alomari and Al-saygh
#
# The report does several things well. It runs both models with the same settings, it says
# what it varied, and it asks what its numbers mean. Its code and its number of films are
# not given, so some of this is inference and marked so.
#
# **"We have slight enhancement": NDCG .431 and .52.** The table that it compares with names
# no data set. It is the paper's for MovieLens 20M. The report's data are ratings of Netflix,
# for which the paper has another row:

# %%
ayad = claims[claims["cite"] == "ayad2023variational"]
reported = ayad[ayad["metric"] == "ndcg"]["value"]
paper = liang[liang["metric"] == "ndcg@100"]["value"]
compared = pd.DataFrame(
    {
        "report": reported.tolist(),
        "the table it prints": ayad["value"][
            ["ayad-quoted-dae", "ayad-quoted-vae"]
        ].tolist(),
        "paper, MovieLens 20M": paper[
            ["liang-mult-dae-ml20m-ndcg", "liang-mult-vae-ml20m-ndcg"]
        ].tolist(),
        "paper, Netflix": paper[
            ["liang-mult-dae-netflix-ndcg", "liang-mult-vae-netflix-ndcg"]
        ].tolist(),
    },
    index=["Mult-DAE", "Mult-VAE"],
)
quoted = compared["the table it prints"]
assert quoted.equals(compared["paper, MovieLens 20M"].rename(quoted.name))
assert (compared["paper, Netflix"] < quoted).all()
compared

# %% [markdown]
# The Netflix row is lower, so comparing with it would flatter the report even more. It is
# as invalid: the paper's Netflix data have 17,769 films, and the report's, if our inference
# is right, 1,350. By {eq}`eq-mult-random` *random* scores alone then get about thirteen
# times as much for the same number of events; a trained model gains by a smaller factor, as
# the live table shows. The cut-off of the report's NDCG is not given either.

# %% tags=["nbval-ignore-output"]
reason = "other films of unknown number, no cut-off, no split"
judged = evidence.judge([], reported["ayad-vae-ndcg"], 0.01, reason)
factor = 17_769 / excerpt["movies"]
rises = [
    measured[f"{model}, 1350"] - measured[f"{model}, all"]
    for model in ("EASE", "Mult-VAE")
]
moved = [f"{r:+.3f}" if r == r else "(not measured yet)" for r in rises]
live_rise = catalogue["Mult-DAE"].diff(-1).loc[1000]
above = reported["ayad-vae-ndcg"] - paper["liang-mult-vae-netflix-ndcg"]
Markdown(
    f"Verdict: **{judged.word}**: {reason}. The paper's catalogue is {factor:.1f} "
    "times as large. On MovieLens 1M a cut from all films to the most rated "
    f"1,350 moves the NDCG@100 of EASE by {moved[0]} and that of Mult-VAE by "
    f"{moved[1]}. On the embedded data a cut from all films to 1,000 moves "
    f"Mult-DAE by {live_rise:+.2f}. The report stands {above:+.2f} above the "
    "paper's row for Netflix."
)

# %% [markdown]
# How much of that the catalogue explains cannot be said without the report's split: all of
# MovieLens 1M has few films, and the excerpt is also denser than the whole.
#
# **"Roughly similar performance."** The sentence is the paper's, about *one* of its three
# data sets, the songs. The report repeats it beside two numbers that are far apart:

# %%
pivot = table_2.pivot(index="dataset", columns="method", values="value")
paper_gaps = pivot["Mult-VAE"] - pivot["Mult-DAE"]
their_gap = reported["ayad-vae-ndcg"] - reported["ayad-dae-ndcg"]
assert paper_gaps.idxmin() == "msd" and their_gap > 10 * paper_gaps.max()
duel = recorded_pair("Mult-VAE", "Mult-DAE")
print(f"report: {their_gap:.3f}; paper: at most {paper_gaps.max():.3f}")
print(f"ours, Mult-VAE > Mult-DAE on MovieLens 1M: {duel['verdict']}")

# %% [markdown]
# A gap of more than ten times the paper's largest would be a discovery, or it is two
# cut-offs, two test sets, one run with luck. Both models with five seeds on one split, and
# popularity beside them, would tell.
#
# **"The value that suited us best was 0.9 for the anneal cap."** With 200,000 steps,
# {prf:ref}`thm-mult-cap` says that .25, .9 and 1 are one run on that excerpt, and what was
# compared is the noise of a GPU or of another seed. If the steps were changed too, the
# report should name them. On MovieLens 1M, where 1,300 steps let every cap act:

# %%
acting = caps["measured"][caps.index.str.startswith("cap")].dropna()
if len(acting) > 1:
    spread = acting.max() - acting.min()
    print(f"best: {acting.idxmax()}; spread of all caps {spread:.4f}")
swept["verdict"].filter(like="cap").rename_axis("cap .2 is better than")

# %% [markdown]
# **Learning rates of .1, .3 and .001 "significantly affected the performance"**. With Adam, the first step moves *each* weight by the learning rate. Weights of
# this network start at a few hundredths, so a rate of .1 replaces them at once. A log
# variance is a sum over 600 hidden units: a rate of .3 can move it by 180, and $e^{180}$ is
# more than single precision holds. On the three hundred films, with the paper's widths:

# %% tags=["nbval-ignore-output"]
rates = {}
for rate in (1e-3, 1e-2, 0.1, 0.3):
    try:
        model = fitted(small_vae(hidden=(600, 200)), small, lr=rate)
        rates[rate] = ndcg(model, small.test)
    except FloatingPointError:  # the loss is not a number
        rates[rate] = math.nan
floor = catalogue.loc[films, "popularity"]
pd.Series(rates, name="NDCG@100").rename_axis("learning rate").to_frame()

# %% [markdown]
# One of the large rates ends below popularity, with the other the loss is not a number. So
# the claim stands, and it is no surprise: of the three values one is a learning rate for
# Adam. Values between .0003 and .003 would have been the ones to try. On MovieLens 1M (a
# training that breaks off leaves no record, and its row stays *not measured*):

# %%
assert rates[0.1] < floor < rates[1e-3] and math.isnan(rates[0.3])
swept["verdict"].filter(like="lr").rename_axis("the rate .001 is better than")

# %% [markdown]
# **Recall@50 better, Recall@20 slightly worse.** No values are given. In the paper's tables,
# wherever two models on *one* data set differ by .01 or more in NDCG, their Recall@20
# differs in the same direction. The report's combination points to *two data sets*.

# %%
wide = liang[liang["source"].str.startswith("Table")].pivot_table(
    index=["dataset", "method"], columns="metric", values="value"
)
against = [
    (a, b)
    for _, part in wide.groupby("dataset")
    for (a, first), (b, second) in itertools.combinations(part.iterrows(), 2)
    if abs(first["ndcg@100"] - second["ndcg@100"]) >= 0.01
    and (first["ndcg@100"] - second["ndcg@100"])
    * (first["capped_recall@20"] - second["capped_recall@20"])
    < 0
]
assert not against
print(f"pairs that disagree: {len(against)}")

# %% [markdown]
# **Undersampling against bias, and "we still gained low NDCG".** If events were
# undersampled, the task has changed once more, and an "enhancement" is not "low".
# **"200 epochs is a common starting point"**: it is the paper's number for MovieLens 20M,
# with 100 for its other data. **More robust "when user-item interaction data is scarce"** is
# the paper's sentence, and no run of the report tests it.
#
# ## What goes wrong
#
# These mistakes are in published code; all but the last are shown on the small catalogue.
#
# ### A posterior with a standard deviation of a hundredth
#
# One port draws $\epsilon$ with a standard deviation of .01 in place of 1. The
# reconstruction then hardly feels $\sigma$, and the KL term alone drives it to 1. What is
# left is a Mult-DAE with the penalty $\frac\beta2 \lVert \mu \rVert^2$ on the code.


# %%
class NarrowVAE(MultVAE):
    def loss(self, batch):
        mu, logvar = self.posterior(batch)
        noise = 0.01 * torch.randn_like(mu)  # the mistake
        logits = self.decode(mu + noise * (0.5 * logvar).exp())
        kl = losses.gaussian_kl(mu, logvar)
        return (
            self.likelihood(logits, batch) + self.beta * kl
        ) / batch.num_rows


@torch.no_grad()
def reconstruction(model, width):
    torch.manual_seed(0)
    mu, logvar = model.posterior(small.train)
    z = mu + width * (sample_normal(mu, logvar) - mu)
    return model.likelihood(model.decode(z), small.train) / small.train.nnz


# %% [markdown]
# After training: the mean $\sigma$ over training users, the cost of an event with the noise
# of the training and with that of the posterior, and the ranking.

# %% tags=["nbval-ignore-output"]
rows = {}
for name, kind, width in (("right", MultVAE, 1), ("sd .01", NarrowVAE, 0.01)):
    model = fitted(small_vae(kind, anneal_steps=0), small)
    sigma = (0.5 * model.posterior(small.train)[1]).exp().mean().item()
    rows[name] = {
        "mean sigma": sigma,
        "cost, noise of training": reconstruction(model, width).item(),
        "cost, noise of posterior": reconstruction(model, 1).item(),
        "ndcg@100": ndcg(model, small.test),
    }
narrow = pd.DataFrame(rows).T
narrow

# %% [markdown]
# The ranking, which uses $\mu$ alone, may survive, so the mistake is hard to see. The
# posterior does not.

# %%
assert narrow.loc["sd .01", "mean sigma"] > narrow.loc["right", "mean sigma"]
costs = narrow.filter(like="cost").T.diff().iloc[-1]
assert abs(costs["right"]) < 1e-6 < 0.05 < costs["sd .01"]

# %% [markdown]
# ### An annealing counter that starts again
#
# The program of {cite:t}`sachdeva2019sequential` sets its counter to zero at the start of
# every epoch. Then $\beta$ never passes the updates of *one* epoch over $A$.


# %%
class ForgetfulVAE(MultVAE):
    def start_epoch(self, epoch):
        self.steps.zero_()


seen = {}
for kind in (MultVAE, ForgetfulVAE):
    history = training.fit(
        small_vae(kind)(),
        small.train,
        watch=lambda m: {"beta": float(m.current_beta())},
        **recipe | {"epochs": 4},
    )
    seen[kind.__name__] = history.table["beta"].round(4).tolist()
print(seen)
assert len(set(seen["ForgetfulVAE"])) == 1 < len(set(seen["MultVAE"]))
print(f"theirs, 4,534 users one at a time: beta below {4_534 / A:.3f}")

# %% [markdown]
# Their cap is .2. It was never approached, and the numbers of the paper are those of a
# $\beta$ close to zero. {doc}`/book/top-n/15-svae` comes back to it.
#
# ### A mean where there should be a sum
#
# `torch.mean` over a matrix of KL terms divides by users *and* by dimensions, over which the
# bound has a sum. So $\beta$ is $K$ times as small: with 200 dimensions, .2 becomes .001.

# %%
torch.manual_seed(0)
mu, logvar = torch.randn(8, 200), torch.randn(8, 200)
each = 0.5 * (logvar.exp() + mu**2 - 1 - logvar)
by_mean, by_sum = 0.2 * each.mean(), losses.gaussian_kl(mu, logvar) / len(mu)
assert torch.isclose(by_mean, 0.2 / 200 * by_sum)
assert not torch.isclose(by_mean, 0.2 * by_sum, rtol=0.5)
print(f"the sum with beta = .2 is {0.2 * by_sum / by_mean:.0f} times the mean")

# %% [markdown]
# ### An input without length
#
# Ports that leave out the normalisation feed zeros and ones. The input of a hidden unit then
# grows with the number of events, and `tanh` saturates for active users: little gradient
# passes.


# %%
class RawVAE(MultVAE):
    def corrupt(self, X):
        X = X.binary()
        return X.with_values(
            functional.dropout(X.values, self.dropout, self.training)
        )


@torch.no_grad()
def saturated(model, X):
    h = torch.tanh(model.corrupt(X) @ model.encoder[0] + model.encoder_bias[0])
    return (h.abs() > 0.95).float().mean(1)


# %% [markdown]
# The share of hidden units beyond .95, for the most active tenth of users and for the others:

# %% tags=["nbval-ignore-output"]
active = small.train.row_counts > small.train.row_counts.float().quantile(0.9)
rows = {}
for name, kind in (("length one", MultVAE), ("raw", RawVAE)):
    model = fitted(small_vae(kind), small)
    share = saturated(model, small.train)
    rows[name] = {
        "active users": share[active].mean().item(),
        "others": share[~active].mean().item(),
        "ndcg@100": ndcg(model, small.test),
    }
raw = pd.DataFrame(rows).T
raw

# %% [markdown]
# Asserted, for active users:

# %%
assert raw.loc["raw", "active users"] > raw.loc["length one", "active users"]
assert raw.loc["raw", "active users"] > raw.loc["raw", "others"] + 0.1

# %% [markdown]
# ### Known items in the list, known users in the test
#
# `scores.masked_fill(seen, -inf)` returns a *new* tensor. Where it is thrown away, the list
# is full of what the user has folded in; {doc}`/book/top-n/09-linear-autoencoders` follows
# that through a published table. The opposite mistake is to test on users of the training.

# %% tags=["nbval-ignore-output"]
model, test = fits["Mult-DAE", 0], split.test
scores, counts = model.score(test.fold_in), test.held_out.row_counts
scores.masked_fill(test.fold_in.dense() > 0, -torch.inf)  # has no effect
top = evaluation.top_items(scores, 100)
hits = (test.held_out.dense() > 0).gather(1, top)
unmasked = metrics.ndcg(hits, counts, 100).nanmean().item()
torch.manual_seed(0)
X, chosen = split.train, torch.rand(split.train.nnz) < 0.2
fold, held = (
    Interactions.from_coo(X.row_ids[at], X.indices[at], shape=X.shape)
    for at in (~chosen, chosen)
)
known = splits.Test(fold, held, split.train_users)
floor_of = fits["popularity", 0]
wrongly = {
    "unseen users (right)": ndcg(model, test),
    "mask thrown away": unmasked,
    "training users": ndcg(model, known),
    "popularity, unseen users": ndcg(floor_of, test),
    "popularity, training users": ndcg(floor_of, known),
}
pd.Series(wrongly, name="NDCG@100").to_frame()

# %% [markdown]
# Popularity is the control: it knows no user, so training users are hardly easier for it.
# For the network they are.

# %%
right, no_mask, leak, floor, floor_leak = wrongly.values()
assert no_mask < right - 0.03
assert leak - right > 0.05 + abs(floor_leak - floor)

# %% [markdown]
# ## Exercises
#
# :::{exercise} ◆ Where the cap acts
# :label: ex-multinomial-1
# For its Netflix data the paper has 463,435 users, 80,000 of them held out, and 100
# epochs. With the notebook's schedule: in which epoch does $\beta$ reach .2, and from
# which cap on are all caps one run?
# :::
#
# :::{solution} ex-multinomial-1
# :class: dropdown
# ```python
# per_epoch, total = updates(463_435 - 80_000, epochs=100)
# epoch, last = math.ceil(0.2 * A / per_epoch), (total - 1) / A
# print(per_epoch, epoch, last)
# assert (per_epoch, epoch, round(last, 4)) == (767, 53, 0.3835)
# ```
# 767 updates an epoch: .2 is reached in epoch 53, about half-way, and caps from .3835 on
# are one run. The same two settings mean another $\beta$ on another data set.
# :::
#
# :::{exercise} ◆◆ The level of a user
# :label: ex-multinomial-2
# By {prf:ref}`thm-mult-shift` the logistic likelihood has one best constant. Let all
# logits be equal. Which constant is best for a user with $N$ of $I$ items? Does a trained
# logistic model follow it?
# :::
#
# :::{solution} ex-multinomial-2
# :class: dropdown
# $\sum_i (\sigma(c) - x_i) = I \sigma(c) - N = 0$, so $\sigma(c) = N/I$ and $c = \log
# \frac{N}{I - N}$: the activity of the user. An input of length one hides the number of
# events, which shows only in how far it is spread. The trained model has found it all the
# same: the correlation is high.
#
# ```python
# model = fitted(small_vae(LogisticVAE), small)
# level = model.score(small.train).mean(1)
# count = small.train.row_counts.float()
# best = (count / (small.train.num_cols - count)).log()
# correlation = np.corrcoef(level, best)[0, 1]
# print(correlation, level.mean().item(), best.mean().item())
# assert correlation > 0.7
# ```
# :::
#
# :::{exercise} ◆◆ A fair chance for the rivals
# :label: ex-multinomial-3
# The Gaussian had one weight, ten. Choose it among 1, 3, 10 and 30, and the learning rate
# with it, on the validation users. How many settings must the multinomial get then?
# :::
#
# :::{solution} ex-multinomial-3
# :class: dropdown
# ```python
# def gaussian(weight):
#     class Weighted(MultVAE):
#         def likelihood(self, logits, batch):
#             x = batch.binary().dense()
#             return ((1 + (weight - 1) * x) * (x - logits).square()).sum() / 2
#     return Weighted
#
# for weight, lr in itertools.product((1, 3, 10, 30), (3e-3, 1e-2)):
#     model = fitted(small_vae(gaussian(weight)), small, lr=lr)
#     print(weight, lr, round(ndcg(model, small.validation), 4))
# ```
# A weight below ten was the better one for us. The multinomial must get as many settings:
# one against eight is no comparison, in neither direction. It has no weight, but a cap and
# a dropout rate. Compare the winners once, on the test users.
# :::
#
# :::{exercise} ◆◆ How wide must the code be?
# :label: ex-multinomial-4
# On the small catalogue, train Mult-VAE with codes of 10, 25, 50 and 100 dimensions and
# $\beta = .2$. How many coordinates are used, and does NDCG depend on the width? And is
# $\beta = 0$ the same as Mult-DAE?
# :::
#
# :::{solution} ex-multinomial-4
# :class: dropdown
# ```python
# for width in (10, 25, 50, 100):
#     make = small_vae(hidden=(100, width), beta=0.2, anneal_steps=0)
#     model = fitted(make, small)
#     mu, logvar = model.posterior(small.train)
#     kl = (0.5 * (logvar.exp() + mu.square() - 1 - logvar)).mean(0)
#     print(width, (kl > 0.1).sum().item(), round(ndcg(model, small.test), 4))
# ```
# If the number of used coordinates stops growing, the KL term has chosen the width. With
# $\beta = 0$ nothing holds $\sigma$ up and it falls; the model is still not Mult-DAE, which
# has a `tanh` at the code, an L2 penalty and one layer.
# :::
#
# :::{exercise} ◆◆◆ Read the cap off
# :label: ex-multinomial-5
# The paper lets $\beta$ grow from 0 to 1 and takes its value at the best validation NDCG
# as the cap. Do this on the small catalogue with five seeds. How far do the caps scatter,
# and is training with the cap better than keeping the best epoch of the first run?
# :::
#
# :::{solution} ex-multinomial-5
# :class: dropdown
# ```python
# for seed in range(5):
#     first = small_vae(beta=1.0, anneal_steps=short_updates * 4)()
#     note = lambda m: {"beta": float(m.current_beta())}
#     history = training.fit(
#         first, small.train, seed=seed, watch=note,
#         validate=lambda m: -ndcg(m, small.validation), **recipe | {"epochs": 16},
#     )
#     cap = history.table["beta"][history.best_epoch]
#     second = fitted(
#         small_vae(beta=cap, anneal_steps=short_updates * 4), small, seed, epochs=16
#     )
#     print(round(cap, 2), ndcg(first, small.test), ndcg(second, small.test))
# ```
# Where the validation curve is flat near its top, the caps scatter. Compare the two columns
# pair by pair with `evidence.mean_interval`; then ask how much of the procedure is early
# stopping.
# :::
#
# ## Summary
#
# * The multinomial loss is a contest: the gradient is the promised share minus the claim,
#   and sums to zero. It is blind to what a ranking is blind to, and bounds log-ranks.
# * $\beta < 1$ counts every event more than once and gives up the bound; with the whole
#   bound most of the code falls silent. A cap acts only if the updates reach it.
# * Dropout on an input of length one is an L2 penalty that looks only at likely items.
# * NDCG grows when the catalogue shrinks, for random scores, popularity and networks alike.
# * Five lines answer most of the questions to such a report: users and items after the
#   filter, the split, the cut-off, the seed, the largest $\beta$ reached.
#
# ## References
#
# All works are listed in {doc}`/book/references`.
