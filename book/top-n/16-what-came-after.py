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
# (ch-after)=
# # What came after, and who holds the record
#
# ## At a glance
#
# **Question.** What was added to autoencoders for recommendation after Mult-VAE and
# EASE, who holds the record on the common benchmark, and what does "record" mean when
# the gaps are as large as the errors?
#
# **You need** {doc}`/book/top-n/09-linear-autoencoders` for EASE and the free diagonal,
# {doc}`/book/top-n/12-multinomial-autoencoders` for Mult-VAE, and
# {doc}`/book/foundations/02-measuring` for standard errors between papers.
#
# **You will be able to** derive which prior a variational autoencoder wants, derive the
# neural tangent kernel of an autoencoder with one hidden ReLU layer and use it, say
# what that model has in common with a linear one, and read a leaderboard.

# %%
import inspect
import math
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import scipy.sparse
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
)
from reclib.interactions import Interactions
from reclib.models import (
    EASE,
    EDLAE,
    HVamp,
    InfiniteAE,
    Popularity,
    PureSVD,
    Recommender,
)

# %% [markdown]
# What a run of this chapter takes, as it was measured:

# %%
plots.use_style()
pd.options.display.precision = 4
Markdown(evidence.at_a_glance("16-what-came-after"))

# %% [markdown]
# The parameters of the live experiment; the penalty of EASE was chosen on validation
# users, that of the infinite autoencoder is chosen below.

# %% tags=["parameters"]
dataset = "ml-latest-small"
num_users = 100
l2 = 100.0
l2_kernels = [0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0]
seeds = 6

# %% [markdown]
# ## The claim
#
# Three lines of work left the models of the chapters before this one.
#
# 1. **A better prior.** {cite:t}`kim2019enhancing` say that a standard normal prior is
#    too simple for users, and give Mult-VAE two layers of codes, gates, and a prior
#    that is learnt: *H+Vamp Gated*.
# 2. **No width at all, or all of it.** {cite:t}`sachdeva2022infinite` let the hidden
#    layer grow without end. What is left has a closed form and one number to tune.
# 3. **Linear models of low rank** that scale beyond the $I^3$ of EASE
#    {cite:p}`steck2020autoencoders,vancura2022scalable`.
#
# The table has what was printed for MovieLens 20M. Rows with "no" under *read* are
# quoted from someone else. Look at *split* before you look at the numbers.

# %%
claims = evidence.published()
here = claims[
    (claims["dataset"] == "ml-20m") & (claims["metric"] == "ndcg@100")
]
named = [
    "Mult-VAE",
    "EASE",
    "RaCT",
    "RecVAE",
    "H+Vamp Gated",
    "FLVAE",
    "Neural EASE",
    "VASP",
]
here = here[here["method"].isin(named)].drop_duplicates("method")
here = here.assign(
    split=np.where(
        here["protocol"].str.contains("not the split"), "its own", "Liang"
    )
)
here[["method", "value", "split", "read"]].sort_values("value").reset_index(
    drop=True
)

# %% [markdown]
# The second line of work was measured on other protocols. NDCG@10, a random tenth of
# each *known* user's ratings held out:

# %%
infinite = claims[claims["cite"] == "sachdeva2022infinite"]
infinite.pivot(index="method", columns="dataset", values="value")

# %% [markdown]
# ## Theory
#
# ### Which prior does a variational autoencoder want?
#
# A variational autoencoder with $\beta = 1$ maximises, over all users,
# $\mathbb E_{q(z|x_u)} \log p(x_u|z) - \mathrm{KL}(q(z|x_u) \,\|\, p(z))$ with a
# standard normal $p$. (In Mult-VAE the KL has a weight $\beta$, mostly below 1; then all
# that is said here of the KL counts $\beta$ times.) Nothing forces this $p$ on us. Write
# $\bar q(z) = \frac1U \sum_u q(z|x_u)$ for what the encoder makes of all users
# together, the *aggregated posterior*.
#
# :::{prf:theorem} The best prior is the aggregated posterior
# :label: thm-after-prior
#
# For any prior $p$,
#
# $$
# \frac1U \sum_u \mathrm{KL}\bigl(q(z|x_u) \,\|\, p(z)\bigr)
# = \frac1U \sum_u \mathrm{KL}\bigl(q(z|x_u) \,\|\, \bar q(z)\bigr)
# + \mathrm{KL}\bigl(\bar q \,\|\, p\bigr) .
# $$ (eq-after-surgery)
#
# So for a fixed encoder the bound is largest with $p = \bar q$, and a standard normal
# costs exactly $\mathrm{KL}(\bar q \,\|\, \mathcal N(0, I))$ per user.
# :::
#
# :::{prf:proof}
# $\log \frac{q(z|x_u)}{p(z)} = \log \frac{q(z|x_u)}{\bar q(z)} + \log
# \frac{\bar q(z)}{p(z)}$. Take the expectation under $q(z|x_u)$ and the mean over
# users. The last term does not depend on $u$, and the mean of the $q(z|x_u)$ is
# $\bar q$, which gives $\mathbb E_{\bar q} \log (\bar q / p)$. It is never negative,
# and zero for $p = \bar q$ only.
# :::
#
# {cite:t}`hoffman2016elbo` cut the bound in this way. With all users as components,
# $\bar q$ costs too much and overfits: with $\beta = 1$ it lets each user keep a corner
# of her own. The **VampPrior** of {cite:t}`tomczak2018vae` takes $C$ *learnt* rows
# $v_c$ in place of the users,
#
# $$
# p(z) = \frac1C \sum_{c=1}^{C} q(z | v_c), \qquad v_c \in [0, 1]^I,
# $$ (eq-after-vamp)
#
# a mixture of what the encoder makes of typical users who do not exist.
# {cite:t}`kim2019enhancing` add two more parts. *Two layers of codes*:
# $q(z_2|x)\, q(z_1|x, z_2)$, the prior {eq}`eq-after-vamp` for $z_2$ and a learnt
# normal $p(z_1|z_2)$ for $z_1$; the decoder reads both. *Gates*: each layer is
# $(Wx + b) \odot \sigma(Vx + c)$, so a unit can be closed by one linear function of the
# input while another says its value.
#
# ### The infinitely wide autoencoder
#
# Take one hidden layer of $m$ ReLU units, $n = I$ inputs, and the weights drawn from a
# standard normal, scaled where they are *used*:
#
# $$
# h_k = \frac{\omega}{\sqrt n}\, w_k^\top x + \tau b_k, \qquad
# f_i(x) = \frac{\omega}{\sqrt m} \sum_{k=1}^m v_{ik}\, \max(h_k, 0) + \tau c_i .
# $$ (eq-after-network)
#
# $\omega$ is `weight_std`, $\tau$ is `bias_std`. Train all parameters $\theta$ by
# gradient flow on half the squared error over the training users $x_u$ with targets
# $x_u$. By the chain rule the outputs move as
#
# $$
# \frac{d f_i(x)}{dt} = - \sum_u \sum_j K_{ij}(x, x_u)\,
# \bigl(f_j(x_u) - x_{uj}\bigr), \qquad
# K_{ij}(x, x') = \nabla_\theta f_i(x)^\top \nabla_\theta f_j(x') .
# $$ (eq-after-flow)
#
# $K$ is the **neural tangent kernel**. {cite:t}`jacot2018neural` prove that for
# $m \to \infty$ it converges to a fixed matrix at the start and stays there during
# training. Then {eq}`eq-after-flow` is linear, and its limit is kernel regression.
#
# :::{prf:theorem} The kernel of one hidden ReLU layer
# :label: thm-after-ntk
#
# As $m \to \infty$, $K_{ij} \to 0$ for $i \ne j$, and $K_{ii} \to K$ with
#
# $$
# K(x, x') = \omega^2 \kappa_1 + \tau^2 + \omega^2 \kappa_0\, S(x, x'),
# \qquad S(x, x') = \frac{\omega^2}{n} x^\top x' + \tau^2 ,
# $$ (eq-after-kernel)
#
# where, with $\rho = \sqrt{S(x,x) S(x',x')}$ and
# $\vartheta = \arccos\bigl(S(x,x') / \rho\bigr)$,
#
# $$
# \kappa_0 = \frac{\pi - \vartheta}{2\pi}, \qquad
# \kappa_1 = \frac{\rho}{2\pi} \bigl(\sin\vartheta + (\pi - \vartheta)\cos\vartheta\bigr) .
# $$ (eq-after-arccos)
# :::
#
# :::{prf:proof}
# *The derivatives.* With $r = \max(h, 0)$ and $s = 1[h > 0]$ those of $f_i(x)$ are:
# $\frac{\omega}{\sqrt m} r_k$ for $v_{ik}$; $\tau$ for $c_i$;
# $\frac{\omega}{\sqrt m} v_{ik} s_k \frac{\omega}{\sqrt n} x$ for $w_k$;
# $\frac{\omega}{\sqrt m} v_{ik} s_k \tau$ for $b_k$. Multiply with those of $f_j(x')$
# and add up. Output weights and offsets give
# $\delta_{ij} (\frac{\omega^2}{m} \sum_k r_k r_k' + \tau^2)$. The hidden ones give
# $\frac{\omega^2}{m} \sum_k v_{ik} v_{jk} s_k s_k' \cdot S(x, x')$. Sums over $k$ are
# means of independent terms, so the law of large numbers applies, and
# $\mathbb E\, v_{ik} v_{jk} = \delta_{ij}$. What is left is {eq}`eq-after-kernel` with
# $\kappa_1 = \mathbb E\, r r'$ and $\kappa_0 = \mathbb E\, s s'$.
#
# *The means.* $(h, h')$ is normal with mean zero and covariances $S$: $h = a^\top g$
# and $h' = a'^\top g$ with $g$ standard normal in the plane, $|a|^2 = S(x,x)$,
# $|a'|^2 = S(x',x')$ and the angle $\vartheta$ between them. In polar coordinates
# both are positive for directions in a wedge of angle $\pi - \vartheta$, which is
# $\kappa_0$. For $\kappa_1$, $\int_0^\infty r^3 e^{-r^2/2} dr = 2$ and
#
# $$
# \kappa_1 = \frac{|a||a'|}{2\pi} \cdot 2
#   \int_{\vartheta - \pi/2}^{\pi/2} \cos\varphi \cos(\varphi - \vartheta)\, d\varphi
# = \frac{\rho}{2\pi} \bigl((\pi - \vartheta)\cos\vartheta + \sin\vartheta\bigr),
# $$
#
# as $2\cos\varphi\cos(\varphi - \vartheta) = \cos\vartheta + \cos(2\varphi -
# \vartheta)$. {cite:t}`cho2009kernel` have these as the arc-cosine kernels.
# :::
#
# With a ridge $c$ in place of early stopping, and the network's random start left out,
# the scores of a row $x$ are
#
# $$
# s(x) = K(x, X)\, \bigl(K(X, X) + c I\bigr)^{-1} X,
# \qquad c = \lambda\, \frac{\operatorname{tr} K(X, X)}{U} .
# $$ (eq-after-krr)
#
# All items share the kernel, so one factorisation serves all. It costs $U^3 / 3$ steps
# for $U$ *users*, then $U^2 I$ for the weights, and $K$ takes $U^2$ numbers: what EASE
# is in items, this is in users. MovieLens 20M with 116,677 training users would need
# 54 GB for $K$ in float32. The authors therefore also learn a few synthetic users to
# train on.
#
# ### What it has in common with ridge regression
#
# Replace $K$ by the linear kernel $x^\top x'$. The matrices can be pushed through:
#
# :::{prf:proposition} Users or items
# :label: thm-after-push
#
# $x X^\top (X X^\top + c I)^{-1} X = x\, (X^\top X + c I)^{-1} X^\top X$.
# :::
#
# :::{prf:proof}
# $(X^\top X + cI) X^\top = X^\top (X X^\top + cI)$. Multiply by the two inverses from
# the left and the right: $X^\top (X X^\top + cI)^{-1} = (X^\top X + cI)^{-1} X^\top$.
# :::
#
# So with a linear kernel the infinite autoencoder *is* the ridge regression with a
# **free diagonal** of {prf:ref}`thm-linear-free`, which is EASE with one factor a
# column. The ReLU kernel bends it, but nothing in {eq}`eq-after-krr` forbids the
# identity: the penalty alone has to hold it back.
#
# ### EDLAE, ELSA, ADMM-SLIM in one table
#
# | model | $B$ | against copying | time, memory |
# |---|---|---|---|
# | EASE {cite:p}`steck2019embarrassingly` | any | diagonal 0 | $I^3$, $I^2$ |
# | EDLAE, full rank {cite:p}`steck2020autoencoders` | any | only what was dropped is asked for | $I^3$, $I^2$ |
# | EDLAE, low rank | $V W^\top$ | the same, iterated | $I^2 K$ per step |
# | ADMM-SLIM {cite:p}`steck2020admm` | $\ge 0$ and sparse; each can be switched off | diagonal 0 | $I^3$ per iteration, $I^2$ |
# | ELSA {cite:p}`vancura2022scalable` | $A A^\top - I$, rows of $A$ of length 1 | the diagonal is 0 by construction | number of events × $K$, $I K$ |
# | infinite AE {cite:p}`sachdeva2022infinite` | none; users are stored | the penalty | $U^3$, $U^2$ |
#
# ELSA deserves a second look: $(A A^\top)_{jj}$ is the squared length of row $j$, so
# rows of length 1 make the diagonal of $A A^\top - I$ vanish. It is EASE's condition at
# the price of a low-rank model, trained by gradients.
#
# ### What is a record?
#
# Two papers report $a$ and $b$ with standard errors $s_a$, $s_b$ over *the same* test
# users, but publish no values per user. Then only
# $\sqrt{s_a^2 + s_b^2}$ is available for the error of $a - b$, which is too large, since
# the results are correlated ({eq}`eq-measuring-paired`). A gap of one such error may be
# real, but the papers do not show it. And the best of many published attempts on one
# test set is larger than its true value ({eq}`eq-measuring-max`): the 10,000 users of
# MovieLens 20M have been the same since 2018.
#
# ## Code
#
# The kernel, {eq}`eq-after-kernel` and {eq}`eq-after-arccos`, and the regression
# {eq}`eq-after-krr`:

# %%
print(inspect.getsource(InfiniteAE.kernel))
print(inspect.getsource(InfiniteAE.fit))

# %% [markdown]
# H+Vamp: the prior {eq}`eq-after-vamp`, and the bound by one sample of both codes.

# %%
print(inspect.getsource(HVamp.log_prior_z2))
print(inspect.getsource(HVamp.loss))

# %% [markdown]
# ## By hand
#
# ### A kernel on paper
#
# Two users, two items: user 0 has item 0, user 1 has item 1. Take $\omega^2 = 2$ and
# $\tau = 0$. Then $S = 1$ for a user with herself and 0 for the two. For the same user
# $\vartheta = 0$, $\kappa_0 = \kappa_1 = \frac12$, so $K = 2 \cdot \frac12 + 2 \cdot
# \frac12 = 2$. For the two $\vartheta = \pi/2$, $\kappa_1 = \frac1{2\pi}$, and $S = 0$
# removes the other term: $K = 1/\pi$. With $\lambda = \frac12$ the ridge is $c = 1$,
# and for someone like user 0
#
# $$
# s = \Bigl(2, \tfrac1\pi\Bigr)
# \begin{pmatrix} 3 & 1/\pi\\ 1/\pi & 3 \end{pmatrix}^{-1}
# = \frac{1}{9 - \pi^{-2}} \Bigl(6 - \pi^{-2},\ \tfrac{1}{\pi}\Bigr).
# $$

# %%
two = Interactions.from_coo([0, 1], [0, 1], shape=(2, 2))
tiny = InfiniteAE(0.5, bias_std=0.0).fit(two)
K = tiny.kernel(two)
assert torch.allclose(
    K, torch.tensor([[2, 1 / math.pi], [1 / math.pi, 2]]), atol=1e-5
)
q = 1 / math.pi**2
by_hand = torch.tensor([6 - q, 1 / math.pi]) / (9 - q)
assert torch.allclose(tiny.score(two)[0], by_hand, atol=1e-5)
assert not torch.allclose(tiny.score(two)[0], by_hand.flip(0), atol=0.1)
print([round(v, 4) for v in by_hand.tolist()])

# %% [markdown]
# The score of item 1 is positive although no user has both items: two users without a
# common item still have a kernel of $1/\pi$. A linear model would say 0.
#
# ### The limit, seen
#
# Draw networks {eq}`eq-after-network` of growing width, compute the inner products of
# their gradients, and compare with the formula. The error should fall like
# $1/\sqrt m$.


# %%
def finite_kernel(x, width, rng, b=0.1):
    """Inner products of the gradients of one output at the start."""
    n, w = x.shape[1], math.sqrt(2)
    first, last = rng.normal(size=(n, width)), rng.normal(size=width)
    h = w / math.sqrt(n) * x @ first + b * rng.normal(size=width)
    relu, step = np.maximum(h, 0), (h > 0) * last
    S = w**2 / n * x @ x.T + b**2
    return w**2 / width * (relu @ relu.T + step @ step.T * S) + b**2


rng = np.random.default_rng(0)
x = (rng.random((6, 20)) < 0.3).astype(float)
x[:, 0] = 1  # nobody is empty
six = Interactions.from_coo(*np.nonzero(x), shape=x.shape)
exact = InfiniteAE().fit(six).kernel(six).numpy()
widths = [10, 100, 1000, 10_000]
errors = [
    np.mean([abs(finite_kernel(x, m, rng) - exact).mean() for _ in range(20)])
    for m in widths
]

# %% [markdown]
# On two logarithmic axes, with a line of slope $-\frac12$ through the first point:

# %% mystnb={"image": {"alt": "Mean error of the kernel of finite networks against their width, on logarithmic axes: a straight line with slope minus one half."}} tags=["nbval-ignore-output"]
ax = plt.subplots()[1]
ax.loglog(widths, errors, "o-", label="20 networks each")
line = errors[0] * np.sqrt(widths[0] / np.array(widths))
ax.loglog(widths, line, ls="--", c="gray", label="slope -1/2")
ax.set(xlabel="hidden units m", ylabel="mean error of K")
ax.legend()
plt.show()

# %% [markdown]
# Asserted. The control leaves out the gradient of the hidden weights, as if only the
# output layer were trained, and must be far off:

# %%
slope = np.polyfit(np.log(widths), np.log(errors), 1)[0]
assert -0.65 < slope < -0.35
S = 2 / 20 * x @ x.T + 0.1**2
root = np.sqrt(np.diag(S))
angle = np.arccos(np.clip(S / np.outer(root, root), -1, 1))
output_only = exact - 2 * (math.pi - angle) / (2 * math.pi) * S
assert abs(output_only - exact).mean() > 5 * errors[-1]
print("the error falls like one over the root of the width")

# %% [markdown]
# ### The best prior
#
# {eq}`eq-after-surgery` with three users and a code that takes four values, so that
# every expectation is a sum. We check the identity and then that no prior out of a
# thousand beats the aggregated posterior.


# %%
def kl(q, p):
    return (q * np.log(q / p)).sum(-1)


posteriors = rng.dirichlet(np.ones(4), size=3)
together = posteriors.mean(0)
prior = np.full(4, 0.25)
left = kl(posteriors, prior).mean()
right = kl(posteriors, together).mean() + kl(together, prior)
assert np.isclose(left, right)
best = kl(posteriors, together).mean()
others = [
    kl(posteriors, p).mean() for p in rng.dirichlet(np.ones(4), size=1000)
]
assert min(others) > best
assert left > best, "the uniform prior is not the best one"
print("no prior of a thousand beats the aggregated posterior")

# %% [markdown]
# ## Experiment
#
# ### Live, on the embedded data
#
# The films with at least ten events, as in {doc}`/book/top-n/09-linear-autoencoders`,
# so that everything is quick. Beside the infinite autoencoder stand its linear
# relative, the ridge regression with a free diagonal, and EASE and EDLAE.

# %%
small = datasets.load(dataset).at_least(4).with_min_count(item=10, user=5)
small = replace(small, table=small.table.assign(rating=1.0))  # events
split = splits.held_out_users(small, num_users=num_users)
print(split.train)
print("split", split.fingerprint())


class Ridge(Recommender):
    """Ridge regression of all items on all items, the diagonal free."""

    def __init__(self, l2):
        self.l2 = l2

    def fit(self, train):
        G = train.binary().gram().double()
        penalty = self.l2 * torch.eye(len(G), dtype=G.dtype)
        self.B = torch.linalg.solve(G + penalty, G).float()
        return self

    def score(self, fold_in):
        return fold_in.binary().matmul(self.B)


# %% [markdown]
# First {prf:ref}`thm-after-push`, on real data: the same scores from $U \times U$ and
# from $I \times I$ matrices.

# %%
X, x = split.train.dense().double().sign(), split.test.fold_in.binary().dense()
by_users = x.double() @ X.T
by_users = by_users @ torch.linalg.solve(
    X @ X.T + l2 * torch.eye(len(X), dtype=X.dtype), X
)
by_items = Ridge(l2).fit(split.train).score(split.test.fold_in)
assert torch.allclose(by_users.float(), by_items, atol=1e-3)
other = Ridge(2 * l2).fit(split.train).score(split.test.fold_in)
assert not torch.allclose(by_users.float(), other, atol=1e-2)
print("users or items: the same scores")

# %% [markdown]
# The one number of the infinite autoencoder is chosen on the validation users of this
# split.

# %% tags=["nbval-ignore-output"]
tuning = {}
for penalty in l2_kernels:
    model = InfiniteAE(penalty).fit(split.train)
    ranking = evaluation.rank(model, split.validation)
    tuning[penalty] = ranking.per_user["ndcg@100"].mean()
l2_kernel = max(tuning, key=tuning.get)
print("penalty of the infinite autoencoder:", l2_kernel)

# %% [markdown]
# Several draws of a hundred test users, the differences paired by draw. The draws
# overlap, so their intervals are widened ({prf:ref}`thm-measuring-overlap`, with the share
# of the users that a draw tests). The control is the kernel model
# fitted to users whose rows were torn from one another: each item's events go to
# random users.


# %%
def torn(train):
    """The same item counts, each event at a random user."""
    generator = torch.Generator().manual_seed(0)
    dense = train.binary().dense().T
    order = torch.rand(dense.shape, generator=generator).argsort(1)
    rows, cols = dense.gather(1, order).T.nonzero().T.numpy()
    return Interactions.from_coo(rows, cols, shape=train.shape)


def one_draw(seed):
    draw = splits.held_out_users(small, num_users=num_users, seed=seed)
    fitted = {
        "popularity": Popularity().fit(draw.train),
        "PureSVD": PureSVD(30).fit(draw.train),
        "ridge": Ridge(l2).fit(draw.train),
        "EASE": EASE(l2).fit(draw.train),
        "EDLAE": EDLAE(0.33, l2).fit(draw.train),
        "infinite AE": InfiniteAE(l2_kernel).fit(draw.train),
        "infinite AE, torn users": InfiniteAE(l2_kernel).fit(torn(draw.train)),
    }
    return {
        name: evaluation.rank(m, draw.test).per_user["ndcg@100"].mean()
        for name, m in fitted.items()
    }


# %% [markdown]
# NDCG@100, and the advantage of EASE with its interval:

# %% tags=["nbval-ignore-output"]
draws = pd.DataFrame([one_draw(seed) for seed in range(seeds)])
tested = num_users / small.to_interactions().num_rows


def ahead(first, second):
    """The first less the second, over the draws."""
    return intervals.of_splits(draws[first] - draws[second], test=tested)


live = pd.DataFrame({"NDCG@100": draws.mean()})
gaps = {n: ahead("EASE", n) for n in draws.columns.drop("EASE")}
for name in ("mean", "low", "high"):
    live[f"EASE's advantage, {name}"] = pd.Series(
        {n: getattr(gap, name) for n, gap in gaps.items()}
    )
live.sort_values("NDCG@100")

# %% [markdown]
# Two things must hold, and this cell fails if they do not: the infinite autoencoder beats
# popularity, and with torn users it does not. Between it and EASE these few draws decide
# nothing that the text relies on.

# %%
over = evidence.judge(ahead("infinite AE", "popularity"), ">", 0.0)
control = evidence.judge(
    ahead("infinite AE, torn users", "popularity"), ">", 0.0
)
assert over.word == evidence.REPRODUCED != control.word

# %% [markdown]
# ### The closing table of this part
#
# One recorded experiment has the models of all chapters of part III on MovieLens 1M:
# ratings of 4 and 5 stars are the events, 750 unseen users are the test, their fold-in
# is drawn at random, and what a user has is never recommended to her. Recall is the
# capped one, of {cite:t}`liang2018variational`.

# %%
Markdown(
    f"{evidence.provenance('topn-ml1m')}\n\n"
    f"{evidence.provenance('tune-topn-ml1m')}"
)

# %% [markdown]
# **How the options were chosen.** Each model with an option got a few trials of one
# tuner, one training each, measured on the 750 *validation* users. Where an earlier
# search had its best value at an edge of a range, the range was widened. SVAE has the
# options of {doc}`/book/top-n/15-svae`. Tuning one model and quoting the others is the
# commonest way to a record {cite:p}`ferrari2019making`. The closing table takes the
# options of the models from the record of this search, so nobody could copy them
# wrongly. (BPR and Mult-DAE may train for more epochs there than in the search.)
# {doc}`/book/evidence/17-a-fair-comparison` says what the tuner tried. For gradient
# models the same users also choose the epoch, so these values are a little too high;
# the test users saw none of it.

# %%
search = evidence.per_seed("tune-topn-ml1m")
assert experiments.find("topn-ml1m").tuned_by == "tune-topn-ml1m"
chosen = pd.DataFrame()
if len(search):
    by_model = search.groupby("label", sort=False)["ndcg@100"]
    chosen = by_model.agg(["first", "max", "min", "size"])
    chosen.columns = ["first trial", "best", "worst", "trials"]
    chosen["range"] = chosen["best"] - chosen["worst"]
chosen if len(chosen) else Markdown("Nothing is recorded of the search yet.")

# %% [markdown]
# And what it chose:

# %%
trials = search.assign(value=search["ndcg@100"]).sort_values("value")
best_trials = trials.groupby("label", sort=False).tail(1).set_index("label")
options = best_trials["trial"].map(
    lambda trial: ", ".join(
        f"{name.partition('.')[2]} {value}" for name, value in trial.items()
    )
)
pd.options.display.max_colwidth = 80
options.reindex(chosen.index).to_frame("options of the best trial")

# %% [markdown]
# No row of this table is the last word on its model: a handful of trials is a small search.

# %% [markdown]
# **Accuracy.** For every user we average over the seeds. The column after each metric
# is the standard error over users of these averages. The last column is the standard
# deviation of NDCG@100 over seeds; a closed form has none. The two answer different
# questions: other users, or another start of the same training.

# %%
runs = evidence.per_seed("topn-ml1m")
by_label = runs.groupby("label", sort=False) if len(runs) else []
users = evidence.users("topn-ml1m")
closing = pd.DataFrame(index=users.columns)
for metric in ("capped_recall@20", "capped_recall@50", "ndcg@100"):
    each = evidence.users("topn-ml1m", metric)
    closing[metric.replace("capped_recall", "recall")] = each.mean()
    closing[f"± {metric[-3:]}"] = each.sem()
if len(runs):
    closing["seeds"] = by_label.size()
    closing["over seeds"] = by_label["ndcg@100"].std()
    closing = closing.sort_values("ndcg@100", ascending=False)
closing if len(runs) else Markdown("Nothing is recorded yet.")

# %% [markdown]
# **Cost.** Seconds of one processor for fitting, validation after each epoch included,
# and the epoch that was kept, both as means over seeds. Memory is the peak of the whole
# process: the row of popularity is what Python, the library and the data take.
# Parameters are all the numbers that fitting leaves in the model. A matrix that could be
# stored sparsely, as those of SLIM and item-kNN, counts in full.

# %%
cost = pd.DataFrame(index=closing.index)
if len(runs):
    cost["ndcg@100"] = closing["ndcg@100"]
    cost["seconds"] = by_label["cpu_seconds"].mean().round(1)
    cost["parameters"] = by_label["parameters"].max().map("{:,.0f}".format)
    cost["peak MiB"] = by_label["peak_mb"].max()
    cost["epochs"] = by_label["epochs"].mean().round().astype(int)
cost if len(runs) else Markdown("Nothing is recorded yet.")

# %% [markdown]
# **Which can be told apart from the best?** All pairs of the table are judged in one
# family, by simultaneous intervals over users and seeds
# ({eq}`eq-fair-simultaneous` in {doc}`/book/evidence/17-a-fair-comparison` says how and
# why). Here are the pairs with the model of the highest mean: is it above the other?

# %%
versus = pd.DataFrame()
if users.shape[1] > 1:
    best = users.mean().idxmax()
    pairs = {
        n: evidence.judge(evidence.pair("topn-ml1m", best, n), ">", 0.0)
        for n in closing.index.drop(best)
    }
    versus = pd.DataFrame(map(vars, pairs.values()), index=pairs.keys())
    versus = versus[["mean", "low", "high", "word"]]
versus if len(versus) else Markdown("Nothing is recorded.")

# %% [markdown]
# Where the last column says *open*, these users and seeds cannot say which of the two is
# better.
#
# The text relies on two things only, and this cell fails if the record says otherwise:
# the best model is far above popularity, and all that learn from more than counts are above
# it. SVAE is left out. It learns what comes *next*, and
# here the hidden items lie anywhere in a history; it was not searched, and its training was
# short. Its own protocol is that of {doc}`/book/top-n/15-svae`.

# %%
if len(versus):
    assert versus.loc["popularity", "low"] > 0.1
    for n in users.columns.drop(["popularity", "SVAE"], errors="ignore"):
        above = evidence.pair("topn-ml1m", n, "popularity")
        word = evidence.judge(above, ">", 0.0).word
        assert word in (evidence.REPRODUCED, evidence.NOT_TESTABLE), n

# %% [markdown]
# **Accuracy against time.** One mark a model, with two standard errors over users;
# popularity and SVAE, far below, are left out. The errors of different models are *not*
# independent, so overlapping bars say nothing about a pair; the table above does.

# %% mystnb={"image": {"alt": "NDCG@100 of each model on MovieLens 1M against its seconds of training on a logarithmic axis, closed forms and gradient models in two colours."}}
if len(runs):
    below = ["popularity", "SVAE"]
    drawn = cost.drop(index=below, errors="ignore").sort_values("seconds")
    x, y = drawn["seconds"].clip(lower=0.1), drawn["ndcg@100"]
    error = 2 * closing["± 100"][drawn.index]
    closed = drawn["epochs"] == 0
    ax = plt.subplots(figsize=(7.2, 5.6))[1]
    for part, name in ((closed, "closed form, sweeps"), (~closed, "gradient")):
        style = dict(fmt="o", capsize=2, elinewidth=0.7, label=name)
        ax.errorbar(x[part], y[part], error[part], **style)
    for i, n in enumerate(drawn.index):
        shift = (5, 6 if i % 2 else -6)
        where = dict(xytext=shift, textcoords="offset points", va="center")
        ax.annotate(n, (x[n], y[n]), fontsize=8, **where)
    ax.set(xscale="log", xlabel="seconds of one processor", ylabel="NDCG@100")
    ax.legend(loc="lower left")
    plt.show()

# %% [markdown]
# In words, computed from the record:

# %%
said = "Nothing is recorded of the closing table yet."
if len(versus):
    near = [best, *versus.index[versus["word"] == evidence.OPEN]]
    few = versus.index[versus["word"] == evidence.NOT_TESTABLE]
    seconds = cost.loc[near, "seconds"]
    clear = (versus["word"] == evidence.REPRODUCED).sum()
    gain = chosen["best"] - chosen["first trial"]
    options_matter = (gain > 2 * closing["± 100"].median()).sum()
    said = (
        f"**{best}** has the highest NDCG@100. {clear} of {len(versus)} others are "
        f"below it by simultaneous intervals, and {len(near) - 1} are open "
        f"({', '.join(near[1:]) or 'none'}); with too few seeds for a verdict: "
        f"{', '.join(few) or 'none'}. Of the best and the open ones, "
        f"{seconds.idxmin()} trains fastest ({seconds.min():,.0f} s) and "
        f"{seconds.idxmax()} slowest ({seconds.max():,.0f} s). For "
        f"{options_matter} of {len(chosen)} searched models the best trial is ahead "
        "of the first by more than two standard errors over users."
    )
Markdown(said)

# %% [markdown]
# A record like this one has its own limits. It is one data set, small and dense; a few
# trials a model are a small search, and it started from values that somebody had found to
# be good, which favours the models that were searched most before us; and all models
# share one draw of test users. It does have what published tables lack: one split, one evaluation,
# results per user, and the cost beside the accuracy.

# %% [markdown]
# ## Verdict
#
# ### The record on MovieLens 20M
#
# Gaps between published results on MovieLens 20M, with the unpaired standard error of two
# results. Each result has a standard error of about .0021 over the 10,000 test users: the
# public notebook of {cite:t}`liang2018variational` prints it, and so, as others quote it,
# does RecVAE's paper. The claim is each time that the first model is above the second.

# %%
se = 0.0021 * math.sqrt(2)
value = here.set_index("method")["value"]
value["iALS"] = claims.loc["rendle-ials-ml20m-ndcg", "value"]
own_split = here.set_index("method")["split"] == "its own"
claimed = [
    ("H+Vamp Gated", "RecVAE"),
    ("RecVAE", "RaCT"),
    ("RaCT", "Mult-VAE"),
    ("Mult-VAE", "iALS"),
    ("Mult-VAE", "EASE"),
    ("H+Vamp Gated", "Mult-VAE"),
    ("VASP", "H+Vamp Gated"),
]
record = pd.DataFrame(claimed, columns=["first", "second"])
record["gap"] = [value[a] - value[b] for a, b in claimed]
record["in errors"] = record["gap"] / se
record["verdict"] = [
    evidence.judge(
        intervals.of_printed(value[a] - value[b], se),
        ">",
        0.0,
        not_comparable="another split" * bool(own_split.get(a, False)),
    ).word
    for a, b in claimed
]
record.round(4)

# %% [markdown]
# So who holds the record? Of the results on the split of {cite:t}`liang2018variational`
# that we found, the highest NDCG@100 is that of H+Vamp Gated, and the highest recall at
# 20 and 50 that of RecVAE. (A later method, RecVAE with ImplicitSLIM of 2024, is
# trained on the same data by the program of RecVAE's authors. We have not seen its
# scores.) On MovieLens 20M the published numbers leave the order of the two open. Each
# is above Mult-VAE by several errors. VASP {cite:p}`vancura2021deep` led a public
# leaderboard, but drew its users with another seed, keeps all items, and averages over
# five fold-ins: a respectable protocol, and another one. EASE, the simplest of the
# table, and iALS, the oldest, lie near Mult-VAE here; EASE is far *above* it on the
# Million Song data (chapters 9 and 12 have the numbers). We know the numbers of RaCT,
# RecVAE and H+Vamp from others who quote them. That of iALS is **from memory and not
# checked**, so the row of Mult-VAE and iALS is worth no more than that. All four are
# marked "no" under `read` in `data/published.csv`.
#
# The Netflix Prize data tell another story for the two at the top. As quoted, with 40,000
# test users and so half the error:

# %%
netflix = claims[
    (claims["dataset"] == "netflix-prize") & (claims["metric"] == "ndcg@100")
]
netflix = netflix[netflix["method"].isin([*named, "RecVAE"])]
netflix = netflix.drop_duplicates("method").set_index("method")
gap = netflix.loc["H+Vamp Gated", "value"] - netflix.loc["RecVAE", "value"]
found = intervals.of_printed(gap, se / 2)
word = evidence.judge(found, ">", 0.0).word
print(netflix[["value", "read"]].sort_values("value").to_string())
print(
    f"H+Vamp Gated above RecVAE: {gap:.4f}, {gap / (se / 2):.0f} errors, {word}"
)

# %% [markdown]
# There H+Vamp Gated is ahead of RecVAE by many errors, if the quoted numbers are right. "The
# record" is a record of one data set.

# %%
judged = record.set_index(["first", "second"])
at20, at50 = (
    claims[(claims["dataset"] == "ml-20m") & (claims["metric"] == metric)]
    .drop_duplicates("method")
    .set_index("method")["value"][
        ["Mult-VAE", "EASE", "RecVAE", "H+Vamp Gated"]
    ]
    for metric in ("capped_recall@20", "capped_recall@50")
)
assert at20.idxmax() == at50.idxmax() == "RecVAE"
assert value["RecVAE"] - value["Mult-VAE"] > 4 * se
verdicts = judged["verdict"]
assert verdicts["H+Vamp Gated", "RecVAE"] == evidence.OPEN
assert verdicts["H+Vamp Gated", "Mult-VAE"] == evidence.REPRODUCED
assert verdicts["VASP", "H+Vamp Gated"] == evidence.NOT_COMPARABLE

# %% [markdown]
# ### The two papers
#
# The claims of {cite:t}`sachdeva2022infinite` and {cite:t}`kim2019enhancing`, as far as
# our records can answer: their protocols or data differ, so *numbers* are not
# comparable, and the question is whether the direction holds on MovieLens 1M. The
# intervals are those of all pairs of the closing table.

# %%
asked = [
    ("infinite AE above EASE", "Sachdeva et al.", "infinite AE", "EASE"),
    ("H+Vamp above Mult-VAE", "Kim and Suh", "H+Vamp", "Mult-VAE"),
    ("H+Vamp above RecVAE", "nobody", "H+Vamp", "RecVAE"),
]
evidence.verdicts(
    (claim, who, evidence.pair("topn-ml1m", a, b), ">", 0.0)
    for claim, who, a, b in asked
)

# %% [markdown]
# No word of this table confirms or refutes a paper: the protocol is ours. The infinite autoencoder was
# measured by its authors on known users with all ratings as events. H+Vamp was built for
# data sets with about twenty and eighty times as many users. Its options here:

# %%
points = experiments.find("topn-ml1m").points
h_vamp = next(p.settings for p in points if p.label == "H+Vamp")
print((h_vamp["model"] or {}) | h_vamp.get("training", {}))

# %% [markdown]
# **Where this book was wrong.** An earlier edition had H+Vamp below item-kNN and explained
# it by the small data set. The reason was ours: most of its weights started smaller than in
# the authors' program (psywaves/EVCF at 4a7b66a, `models/HVamp.py` line 89, starts every layer
# from $N(0, 2/n)$, with $n$ the number of inputs). A gate lets about half of a signal
# through, so after a few layers the code of a user was so small that noise hid it, and most
# of the code never came to life. Equal losses and equal gradients from copied weights, which
# we had tested, do not notice a wrong start. With the authors' start and their way of
# training, the search on the validation users found:

# %%
h_vamp = search[search["label"] == "H+Vamp"].set_index("seed")
h_vamp = h_vamp[["ndcg@100", "epochs"]]
h_vamp.rename(columns={"ndcg@100": "NDCG@100, validation"})

# %% [markdown]
# The old start had ended near .35 on the same users. How many of the five trainings of
# the closing table are recorded, the column `seeds` there says; with fewer it has no
# verdict.
#
# ### From 2022 on
#
# * **Linear models for large catalogues.** ELSA {cite:p}`vancura2022scalable` keeps the
#   zero diagonal of EASE in a factorised form that is learnt by gradient descent, and
#   SANSA {cite:p}`spisak2023scalable` computes a sparse approximation of the inverse that
#   EASE needs. Both serve catalogues of a million items, which EASE cannot.
# * **Sequences.** Reports that BERT4Rec beats SASRec, or loses to it, depended on how
#   long the models were trained: {cite:t}`petrov2022systematic` collected published
#   results and found that many implementations had been stopped long before the model had
#   finished learning.
# * **Diffusion models** are close relatives of the denoising autoencoder: they remove
#   noise in many steps. {cite:t}`benigni2025diffusion` repeated the published
#   experiments and found that tuned older models are at least as good at much lower cost.
#
# ### Which model when?
#
# | you have | begin with | because |
# |---|---|---|
# | up to about 20,000 items and a machine with some memory | EASE | one option, seconds to minutes, in the upper half of the table above |
# | more items | item-kNN, iALS, then ELSA or SANSA | memory grows with ratings, not with the square of the items |
# | few users and many items | the infinite autoencoder | it inverts a matrix of users, not of items |
# | features of users or items, or many signals | Mult-VAE or RecVAE | a network takes further inputs; the closed forms of this part do not |
# | the order of events, sessions | a sequence model, and the shuffled control of {doc}`/book/top-n/15-svae` | only then you learn whether order matters in your data |
# | star ratings to predict | biased MF and I-AutoRec | the table of {doc}`/book/evidence/17-a-fair-comparison` |
#
# The table is advice from this book's records, no theorem. Whether the infinite
# autoencoder, with one option as well, is above EASE, is a row of the table of the two
# papers. There are closed forms with features of items: Jeunen, Van Balen and Goethals
# (RecSys 2020) extend EASE in this way. Whatever you begin with, tune the simple model
# with the same care as the other.
#
# ### What the reproducibility studies found
#
# * {cite:t}`ferrari2019making` tried to run 18 neural methods of leading conferences;
#   seven could be reproduced with reasonable effort, and most of these lost against
#   simple, tuned baselines. In the extended study {cite:p}`ferrari2021troubling` EASE is
#   at or above Mult-VAE in NDCG on both data sets where both were run.
# * {cite:t}`anelli2022topn` compare well-tuned methods on common ground and find no
#   neural model that is best on any accuracy measure.
# * {cite:t}`krichene2020sampled` prove that metrics over sampled negatives need not
#   keep the order of models; {eq}`eq-measuring-sampled` is the reason, and
#   {doc}`/book/top-n/10-implicit-feedback` shows it live.
# * {cite:t}`zhao2020revisiting` measure how the choice of split and sampling moves the
#   order of methods. {cite:t}`hidasi2023widespread` list flaws of offline tests, among
#   them random splits that let the future into training.
# * {cite:t}`benigni2025diffusion` repeat the exercise for diffusion models, the latest
#   wave, with the same result as in 2019.
#
# None of them says that autoencoders do not work. They say that a new model must beat
# *tuned* old ones, on the same split, by more than the error.
#
# ## What goes wrong
#
# ### A gap across two splits
#
# How much does NDCG@100 of *one* model move if the users are drawn anew, those of the
# test and with them those whom the model is fitted to? That is what separates a result
# on one split from a result on another, before any difference between models.

# %% tags=["nbval-ignore-output"]
spread = draws["EASE"].std()
one_split = evaluation.rank(EASE(l2).fit(split.train), split.test)
within = one_split.summary().loc["ndcg@100", "se"]
print(f"spread over draws {spread:.4f}, standard error over users {within:.4f}")

# %% [markdown]
# The two are of one size, as they should be: the standard error over users estimates
# the spread over draws of test users. (The draws overlap, and the training users change
# a little as well, so they need not be equal.) For 10,000 users both are ten times
# smaller than for 100. The gap between VASP and H+Vamp is a result of two draws of
# users, so it has to be held against this: it is less than one and a half of the
# unpaired errors, even before the other differences between the two protocols.

# %%
assert 0.3 < spread / within < 3
assert judged.loc[("VASP", "H+Vamp Gated"), "in errors"] < 1.5

# %% [markdown]
# ### The best of many on one test set
#
# Let a benchmark have a standard error of .0021, and let $m$ groups publish models that
# are all *equally good*. The expected lead of the best over the *truth* grows with $m$.
# Its lead over the *second* is another thing: it shrinks, since more models crowd at
# the top. This is a simulation with independent errors. Models tested on the same users
# have correlated errors, which makes both leads smaller; choosing epochs on the test
# set makes the first larger.

# %%
m = [1, 2, 5, 10, 20, 50]
noise = np.random.default_rng(0).normal(0, 0.0021, size=(20_000, 50))
lead = [noise[:, :k].max(1).mean() for k in m]
bound = [0.0021 * math.sqrt(2 * math.log(k)) for k in m]
assert all(a <= b + 1e-4 for a, b in zip(lead, bound, strict=True))
leads = pd.DataFrame({"over the truth": lead, "bound": bound}, index=m)
ranked = {k: np.sort(noise[:, :k], axis=1) for k in m if k > 1}
ahead_of = {k: each[:, -1] - each[:, -2] for k, each in ranked.items()}
leads["over the second"] = pd.Series(ahead_of).map(np.mean)
leads.rename_axis("m")

# %% [markdown]
# With twenty equal groups nobody is better than anybody, and still the winner's number
# is too high by more than a standard error. That is a reason not to believe the
# *height* of a record. The gap between H+Vamp and RecVAE is one between first and
# second. How often is the first of twenty equal models ahead of the second by so much?

# %%
gap = judged.loc[("H+Vamp Gated", "RecVAE"), "gap"]
as_far = (ahead_of[20] > gap).mean()
print(f"gap {gap:.4f}; as large among twenty equal models: {as_far:.1%}")
assert lead[m.index(20)] > 0.0021 and leads.loc[20, "over the second"] < gap
assert (
    0 < as_far < 0.1
    and leads["over the second"].dropna().is_monotonic_decreasing
)

# %% [markdown]
# Not often. So "the best of many by chance" does not explain this gap well. It is
# *open* for the reason given above: it is about one error of the difference of these
# two.
#
# ### A mistake of ours: two names for one matrix?
#
# An earlier edition of this page accused the public code of the infinite autoencoder. It
# has the lines `eval_context = data['train_matrix']` and `eval_context += val_matrix`, and
# we wrote that the second changes the training matrix as well, as `+=` does with NumPy
# arrays. But these are matrices of SciPy, for which `+=` makes a *new* matrix and
# binds the name to it. The training matrix stays as it was, and the accusation was false.
# We had demonstrated it with the wrong kind of matrix, and had not run the program.

# %%
for kind in (np.array, scipy.sparse.csr_matrix):
    train_matrix = kind([[1, 0], [0, 1]])
    context = train_matrix
    context += kind([[0, 1], [0, 0]])
    changed = bool(train_matrix[0, 1] != 0)
    print(f"{kind.__name__}: the first matrix has changed: {changed}")
    assert changed == (kind is np.array)

# %% [markdown]
# So check the mechanism with the types of the program in question before you accuse.
#
# ### Rounding at the end of an arc
#
# For a user compared with herself the cosine is 1, up to rounding. In float32 it may be
# $1 + 10^{-7}$, whose arc cosine is NaN, and one NaN makes the whole kernel useless.
# `clamp(-1, 1)` in the code above is there for that.

# %%
cosine = torch.tensor(1.0) + torch.finfo(torch.float32).eps
print(cosine.arccos().item(), cosine.clamp(-1, 1).arccos().item())
assert cosine.arccos().isnan() and cosine.clamp(-1, 1).arccos() == 0

# %% [markdown]
# ## Exercises
#
# :::{exercise} ◆ Who needs more memory?
# :label: ex-after-1
# From which ratio of users to items on is EASE cheaper than the infinite autoencoder?
# Decide for MovieLens 1M (about 6,000 users and 3,500 items), the training part of
# MovieLens 20M (116,677 and 20,108) and a shop with a million items and ten thousand
# users.
# :::
#
# :::{solution} ex-after-1
# :class: dropdown
# Roughly where $U = I$: EASE needs $I^2$ numbers and $I^3$ steps, the kernel $U^2$ and
# $U^3 / 3 + U^2 I$, and the scores of a user $U I$ in place of $N_u I$. EASE wins on
# both MovieLens sets, by a factor of about 3 and 34 in memory; in the shop the kernel
# does, by a factor of 10,000.
#
# ```python
# for users, items, factor in ((6_000, 3_500, 3), (116_677, 20_108, 34)):
#     assert round((users / items) ** 2) == factor
# assert (1_000_000 / 10_000) ** 2 == 10_000
# ```
# :::
#
# :::{exercise} ◆ A record
# :label: ex-after-2
# A paper reports NDCG@100 = .4460 on 10,000 users, the best before was .4452. How many
# users would be needed for this gap to be two unpaired standard errors? What if the
# authors publish results per user, correlated by .9 with the other model's?
# :::
#
# :::{solution} ex-after-2
# :class: dropdown
# The standard error goes with $1/\sqrt U$, so $U = 10{,}000\, (2 \cdot .0021 \sqrt 2 /
# .0008)^2$, about 551,000 users. Paired, the error is smaller by $\sqrt{1 - .9}$, so a
# tenth of them do.
#
# ```python
# needed = 10_000 * (2 * 0.0021 * math.sqrt(2) / 0.0008) ** 2
# print(needed)
# assert abs(needed - 551_000) < 1_000
# ```
# :::
#
# :::{exercise} ◆◆ ELSA's diagonal
# :label: ex-after-3
# Fit $B = A A^\top - I$ with rows of $A$ of length 1 and rank 30 to the live training
# data by gradient descent, first on $\lVert X - XB \rVert_F^2$, then with the rows of $X$
# and the positive part of $XB$ scaled to length 1, as the authors do. Compare with PureSVD
# of the same rank and with popularity. Why does the first fail?
# :::
#
# :::{solution} ex-after-3
# :class: dropdown
# ```python
# X = split.train.binary().dense()
# unit_length = torch.nn.functional.normalize
# found = []
# for scaled in (False, True):
#     torch.manual_seed(0)
#     A = torch.randn(X.shape[1], 30, requires_grad=True)
#     optimiser = torch.optim.Adam([A], lr=0.1)
#     for step in range(100):
#         unit = unit_length(A, dim=1)
#         out = X @ unit @ unit.T - X
#         if scaled:
#             wrong = unit_length(X, dim=1) - unit_length(out.relu(), dim=1)
#         else:
#             wrong = X - out
#         optimiser.zero_grad(); wrong.square().mean().backward(); optimiser.step()
#     unit = unit_length(A, dim=1).detach()
#     model = Ridge(1.0)
#     model.B = unit @ unit.T - torch.eye(len(unit))
#     assert model.B.diagonal().abs().max() < 1e-5
#     ranking = evaluation.rank(model, split.test)
#     found.append(ranking.per_user["ndcg@100"].mean())
# others = draws[["popularity", "PureSVD"]].mean()
# print(found, others.to_dict())
# assert found[0] < others["popularity"] < found[1]
# ```
# The trace of $A A^\top$ is $I$, and only $K$ eigenvalues are not zero, so their mean is
# $I/K$, about forty here. The raw loss, $\lVert 2X - X A A^\top \rVert_F^2$, wants them to
# be 2 wherever $X$ has energy. So it turns $A$ away from the data, and the lists are worse
# than popularity's. With lengths scaled only the direction of a row counts, and the
# model learns. A constraint and a loss have to fit each other.
# :::
#
# :::{exercise} ◆◆ Remove the diagonal from the kernel
# :label: ex-after-4
# {prf:ref}`thm-after-push` says that the linear kernel gives a ridge regression with a
# free diagonal. What would have to be changed in {eq}`eq-after-krr` to ask, for each
# item, for a prediction from the *other* items alone? What does it cost?
# :::
#
# :::{solution} ex-after-4
# :class: dropdown
# For item $i$ the kernel must be computed from rows without column $i$: another $K^{(i)}$
# for each item, so $I$ factorisations of $U \times U$ matrices. With the linear kernel
# they differ by the rank-one matrix $X_{\cdot i} X_{\cdot i}^\top$, and the formula of
# Sherman and Morrison gives all of them from one inverse: this is how EASE can be had
# from the users' side. With the ReLU kernel the change is not of rank one.
# :::
#
# :::{exercise} ◆◆◆ Does a learnt prior help here?
# :label: ex-after-5
# Train `HVamp` on the live data with 1, 10 and 100 pseudo rows, small layers and five
# seeds. With one component the prior is a single normal. Is there a difference beyond the
# spread over seeds? What do the learnt rows look like?
# :::
#
# :::{solution} ex-after-5
# :class: dropdown
# ```python
# from reclib import training
# for components in (1, 10, 100):
#     found = []
#     for seed in range(5):
#         model = HVamp(100, 30, components=components, warm_up=20)
#         options = dict(epochs=60, batch_size=100, lr=1e-3, seed=seed)
#         training.fit(model, split.train, **options)
#         ranking = evaluation.rank(model, split.validation)
#         found.append(ranking.per_user["ndcg@100"].mean())
#     found = intervals.of_seeds(found)
#     print(f"{components}: {found.mean:.3f}, 95 % {found.low:.3f} to {found.high:.3f}")
# ```
# Use the validation users to choose, and the test users once. The largest entries of
# `model.pseudo_rows` name films of one taste, if the prior has learnt any.
# :::
#
# ## Summary
#
# * The bound of a variational autoencoder is best with the aggregated posterior as its
#   prior; the VampPrior is a learnt mixture in its place.
# * An infinitely wide autoencoder is kernel ridge regression of users on users, $U^3$
#   where EASE is $I^3$. With a linear kernel it is a ridge regression with a free
#   diagonal.
# * On the common split of MovieLens 20M the published numbers leave the order of the two
#   best open. A leaderboard that mixes splits cannot be read at all.
# * Our own closing table has one split, one evaluation, a few trials for each model,
#   results per user, all pairs judged in one family, and the cost beside the accuracy.
# * Reproducibility studies agree: tune the baselines, share the split, publish results
#   per user.
#
# ## References
#
# All works are listed in {doc}`/book/references`.
