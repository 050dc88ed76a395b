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
# (ch-baselines)=
# # Baselines that are hard to beat
#
# ## At a glance
#
# **Question.** How good is a recommender that uses no neural network at all,
# and what does a new model have to beat before its table means anything?
#
# **Prerequisites.** {ref}`ch-ratings`; least squares; the singular value
# decomposition of a matrix.
#
# **After this chapter you can** derive means, shrunk means and regularised
# biases from one objective and prove that the algorithm finds its minimum;
# predict a rating from the ratings of similar items; say which of three methods
# a paper means by "SVD"; compute each without a dense matrix; tune baselines on
# validation data; and tell from a table whether a published error beats a model
# with one number per user and one per item.

# %%
import inspect
import textwrap

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from IPython.display import Markdown

from reclib import (
    datasets,
    evaluation,
    evidence,
    intervals,
    models,
    plots,
    splits,
)
from reclib.interactions import Interactions
from reclib.models import BiasedMF, Biases, ImputedSVD, PureSVD, RatingKNN
from reclib.training import fit

# %% [markdown]
# The cell below holds the parameters: the data set, and how many random splits
# the rating experiment averages over.

# %% tags=["parameters"]
dataset = "ml-latest-small"
seed = 0
num_splits = 5

# %% [markdown]
# The next cell says what this chapter costs to run, and how the published
# number and the claims that it tests came out.

# %%
plots.use_style()
Markdown(evidence.at_a_glance("03-baselines"))

# %% [markdown]
# ## The claim
#
# A paper shows that its method is good by comparing it with others. So the
# numbers of the *others* decide what the paper is worth, and they are the ones
# that its authors have least reason to improve.
#
# {cite:t}`rendle2019difficulty` went back to MovieLens 10M, where for five
# years one paper after another had reported progress over matrix
# factorisation. The table of {cite:t}`sedhain2015autorec`, for instance, has
# 0.803 for biased matrix factorisation and 0.782 for the new I-AutoRec. With
# careful tuning the same factorisation went below both: its RMSE is listed as
# 0.7720 when it is learnt by stochastic gradient descent, and as 0.7633 when
# its factors are drawn by a Bayesian sampler. With the second number it could,
# in the words of the abstract, "even outperform the reported results of any
# newly proposed method". (We have read the abstract and a public list of the
# numbers. The table of the paper was not at hand.)
#
# {cite:t}`ferrari2019making` looked at ranking. Of 18 neural methods from
# leading conferences they could reproduce 7 with reasonable effort, and 6 of
# the 7 "can often be outperformed with comparably simple heuristic methods".
#
# The third case is small and close to this course. {cite:t}`gao2020autoencoders`,
# one of the five course reports that this book tests, compares five
# autoencoders on MovieLens 1M with one baseline: an SVD after filling the gaps
# with item means, with an RMSE of 0.8976 ± 0.0004. How good is that baseline?
# We measure it, beside others that are no harder to compute.
#
# Two older sentences stand behind every table of baselines, and we come back to
# both. {cite:t}`sarwar2001item` predict a rating from the ratings that the
# same user gave to similar items. {cite:t}`koren2009matrix` say that matrix
# factorisation is superior to such neighbours. If they are right, a paper that
# beats neighbours alone has not shown much.

# %% [markdown]
# ## Theory
#
# ### The best constant
#
# ```{prf:theorem} The mean minimises the squared error
# :label: thm-mean
#
# For numbers $r_1, \dots, r_n$ with mean $\bar r$ and any $c$,
#
# $$
# \sum_j (r_j - c)^2 = \sum_j (r_j - \bar r)^2 + n (\bar r - c)^2 .
# $$
# ```
#
# ```{prf:proof}
# Write $r_j - c = (r_j - \bar r) + (\bar r - c)$ and square. The mixed term is
# $2(\bar r - c) \sum_j (r_j - \bar r) = 0$.
# ```
#
# So the **global mean** $\mu$ is the best constant, and its RMSE on the data
# it was computed from is their standard deviation. Apply the theorem to each
# user or each item alone, and the best prediction that depends on the user
# only is the **user mean**; on the item only, the **item mean**. On the
# training data both are at least as good as $\mu$. On held-out data they need
# not be: a mean of one rating is that rating.
#
# ### Shrinkage
#
# Let an item have $n$ ratings with mean $\bar r$. We look for its deviation
# $b$ from $\mu$ and add a penalty,
#
# $$
# \min_b \ \sum_{j=1}^n (r_j - \mu - b)^2 + \lambda b^2
# \quad\Longrightarrow\quad
# b = \frac{n}{n + \lambda} \, (\bar r - \mu) .
# $$ (eq-baselines-shrunk)
#
# The derivative is $-2 \sum_j (r_j - \mu - b) + 2 \lambda b$; set it to zero.
# The raw deviation is **shrunk** by $n/(n + \lambda)$: the penalty acts like
# $\lambda$ more ratings that all equal $\mu$. With $\lambda = 5$ an item with
# one rating keeps a sixth of its deviation, one with a hundred keeps 95 %.
#
# The same formula comes from a model of where items come from. Let the true
# deviations of items be normal with variance $\tau^2$, and the ratings of an
# item vary around its level with variance $\sigma^2$. Given the ratings, the
# log-density of $b$ is, up to a constant,
#
# $$
# -\frac{1}{2\sigma^2} \sum_j (r_j - \mu - b)^2 - \frac{1}{2 \tau^2} b^2 .
# $$ (eq-baselines-bayes)
#
# Multiply by $-2\sigma^2$, and it is {eq}`eq-baselines-shrunk` with
# $\lambda = \sigma^2 / \tau^2$. That is the **empirical Bayes** view: if
# people disagree much about an item and items differ little, trust a single
# rating little. It turns $\lambda$ from a knob into a quantity that one can
# estimate.
#
# ### Regularised biases
#
# A lenient user and a good film both raise a rating. {cite:t}`koren2009matrix`
# add the two, $\hat r_{ui} = \mu + b_u + b_i$. We fit them together:
#
# $$
# F(b) = \sum_{(u,i) \in \Omega} (r_{ui} - \mu - b_u - b_i)^2
# + \lambda \Big( \sum_u b_u^2 + \sum_i b_i^2 \Big).
# $$ (eq-baselines-objective)
#
# With the $b_i$ fixed, each $b_u$ is a problem of its own, of the form
# {eq}`eq-baselines-shrunk`; so are the $b_i$ with the $b_u$ fixed. With
# $\Omega_u$ for the items that the user rated and $\Omega_i$ for the users who
# rated the item,
#
# $$
# b_u = \frac{\sum_{i \in \Omega_u} (r_{ui} - \mu - b_i)}{|\Omega_u| + \lambda},
# \qquad
# b_i = \frac{\sum_{u \in \Omega_i} (r_{ui} - \mu - b_u)}{|\Omega_i| + \lambda} .
# $$ (eq-baselines-alternate)
#
# The algorithm solves the two in turn. No step size, no stopping rule to tune,
# and it cannot get stuck:
#
# ```{prf:theorem} Alternating solutions converge to the minimum
# :label: thm-biases
#
# Let $\lambda > 0$. Then $F$ has exactly one minimum $(b_u^\star, b_i^\star)$,
# and one round of {eq}`eq-baselines-alternate`, users first, multiplies
# $\max_i |b_i - b_i^\star|$ by at most
#
# $$
# \rho = \max_u \frac{|\Omega_u|}{|\Omega_u| + \lambda} \cdot
# \max_i \frac{|\Omega_i|}{|\Omega_i| + \lambda} < 1 .
# $$
# ```
#
# ```{prf:proof}
# The first sum in {eq}`eq-baselines-objective` is convex and the penalty is
# strictly convex, so $F$ is strictly convex; it grows without bound, so it has
# exactly one minimum, where all derivatives vanish. That is, the minimum
# satisfies both equations of {eq}`eq-baselines-alternate`. Subtract the first,
# taken at the minimum, from the first, taken in the algorithm:
#
# $$
# b_u - b_u^\star = - \frac{1}{|\Omega_u| + \lambda}
# \sum_{i \in \Omega_u} (b_i - b_i^\star) .
# $$
#
# The sum has $|\Omega_u|$ terms, so $|b_u - b_u^\star| \le
# \frac{|\Omega_u|}{|\Omega_u| + \lambda} \max_i |b_i - b_i^\star|$. The same
# argument with the roles exchanged gives the second factor.
# ```
#
# With $\lambda = 0$ the proof fails, and so does the theorem: add a constant
# to all $b_u$ and take it from all $b_i$, and $F$ does not change.
#
# ### Neighbours
#
# Biases say the same about a film to every user of the same leniency. What is
# left is $d_{ui} = r_{ui} - \mu - b_u - b_i$: how much better or worse the user
# found the film than one had to expect. Two films that the same people like
# more than expected, and the same people less, are **neighbours**. Let $n_{ij}$
# users have rated both. {cite:t}`sarwar2001item` measure the similarity of two
# items by the cosine of what these users gave, and shrinkage, which we have
# just met, guards against a high cosine of a few users:
#
# $$
# s_{ij} = \frac{n_{ij}}{n_{ij} + \lambda} \cdot
# \frac{\sum_u d_{ui}\, d_{uj}}
# {\sqrt{\sum_u d_{ui}^2}\, \sqrt{\sum_u d_{uj}^2}} .
# $$ (eq-baselines-similarity)
#
# All three sums run over the users who rated both. The prediction corrects the
# biases by a weighted mean of what the user thought of the film's neighbours,
#
# $$
# \hat r_{ui} = \mu + b_u + b_i
# + \frac{\sum_{j} s_{ij}\, d_{uj}}{\sum_{j} s_{ij}},
# $$ (eq-baselines-neighbours)
#
# where $j$ runs over the $k$ films most similar to $i$ among those that the
# user has rated, if their $s_{ij}$ is positive. (The library keeps the 500 most
# similar films of each film, and others never count.)
# With shrinkage and on top of a baseline it stands in Koren (2008), who uses
# a correlation in the place of the cosine and names $\lambda = 100$ as
# typical.
# Here $k$ is the number of neighbours; nothing is learnt but the
# biases and a table of similarities.
#
# ### Three things called SVD
#
# Every matrix without gaps is $A = U \Sigma Q^\top$ with orthonormal columns
# in $U$ and $Q$ and singular values $\sigma_1 \ge \sigma_2 \ge \dots \ge 0$.
# Keep the first $K$ columns of each and call them $U_K$, $\Sigma_K$ and $Q_K$.
#
# ```{prf:theorem} Eckart and Young
# :label: thm-eckart-young
#
# Among all matrices $Y$ of rank at most $K$,
# $A_K = U_K \Sigma_K Q_K^\top = A Q_K Q_K^\top$ minimises $\|A - Y\|_F$, and
# $\|A - A_K\|_F^2 = \sum_{k > K} \sigma_k^2$.
# ```
#
# Note the second form, $A Q_K Q_K^\top$: row $x$ of $A$ is encoded as
# $z = x Q_K$, decoded as $z Q_K^\top$, and a new row can be treated likewise.
# **The truncated SVD is a linear autoencoder with tied weights.** The rest of
# the book is about what to put in its place.
#
# But a rating matrix has gaps, and the SVD is not defined until they are
# filled. "SVD" in a paper on recommendation means one of three things.
#
# 1. **Zeros in the gaps.** {cite:t}`cremonesi2010performance` call it PureSVD.
# 2. **A baseline's predictions in the gaps:** item means, as in
#    {cite:t}`gao2020autoencoders`, or biases.
# 3. **No gaps filled at all:** $\mu + b_u + b_i + p_u^\top q_i$ with vectors
#    $p_u$, $q_i$ that minimise the error over $\Omega$ alone. It became known
#    as "SVD" during the Netflix Prize, and libraries use the name, although no
#    singular value is ever computed. Its other name is **biased matrix
#    factorisation**.
#
# For the third kind {cite:t}`koren2009matrix` minimise
#
# $$
# \sum_{(u,i) \in \Omega} \Big[ (r_{ui} - \mu - b_u - b_i - p_u^\top q_i)^2
# + \lambda \big( \lVert p_u \rVert^2 + \lVert q_i \rVert^2
# + b_u^2 + b_i^2 \big) \Big] .
# $$ (eq-baselines-mf)
#
# With all items fixed it is a ridge regression for each user, and with all
# users fixed one for each item. `BiasedMF` solves them in turn, as the biases
# were solved. But this objective is not convex, so the start matters, and the
# number of rounds is one more option. The penalty stands inside the sum, so a
# user with twice the ratings carries twice the penalty, and this $\lambda$
# cannot be compared with that of the biases.
#
# For the second kind let $B$ be the matrix of the baseline's predictions and
# $A$ the filled matrix: $A_{ui} = r_{ui}$ on $\Omega$ and $A_{ui} = B_{ui}$
# elsewhere. Nobody needs to build $A$. Subtract $B$, and
#
# $$
# (A - B)_{ui} = \begin{cases} r_{ui} - B_{ui} & (u,i) \in \Omega, \\
# 0 & \text{otherwise,} \end{cases}
# \qquad
# \hat X = B + (A - B)\, Q_K Q_K^\top ,
# $$ (eq-baselines-imputed)
#
# where $Q_K$ belongs to $A - B$. The residual matrix $A - B$ is exactly as
# sparse as the ratings, and a Lanczos solver asks for nothing but its products
# with vectors, which cost $O(|\Omega|)$. With item means, $A - B$ is the
# filled matrix with its columns centred, so the method is a principal
# component analysis. Any rank $K$ *corrects* the baseline, and the correction
# starts from the assumption that every unseen rating equals the baseline's
# prediction.
#
# ### Zeros: right for ranking, wrong for ratings
#
# With zeros in the gaps, the matrix to be approximated holds $o_{ui} r_{ui}$,
# where $o_{ui}$ is 1 if the rating was observed, with probability $p_{ui}$. A
# least-squares fit estimates expectations, here
#
# $$
# \mathbb E[o_{ui} r_{ui}] = p_{ui}\, r_{ui} .
# $$ (eq-baselines-zeros)
#
# As an estimate of $r_{ui}$ this is absurd: $p_{ui}$ is a few per cent, so the
# predictions are close to zero, off the scale. As a *score for ranking* it is
# what one wants. The test asks which items the user will turn out to have
# rated, and $p_{ui} r_{ui}$ is large where the user is likely to choose the
# item and to like it. In {ref}`ch-ratings` the dependence of what is seen on
# what is liked was a bias. For ranking the same dependence is the signal.
#
# The simplest score of this kind drops the user: **popularity**, the number of
# training users who chose the item.

# %% [markdown]
# ## Code
#
# The biases are two functions. `user_bias` is the left half of
# {eq}`eq-baselines-alternate`, `fit` alternates it with the right half. Since
# the user's side is solved from `fold_in`, a user whom training never saw is
# served like any other.


# %%
def show(*functions):
    """Print functions as they stand in the library."""
    for function in functions:
        print(textwrap.dedent(inspect.getsource(function)))


show(Biases.fit, Biases.user_bias)

# %% [markdown]
# The imputed SVD is {eq}`eq-baselines-imputed`: residuals at the observed
# cells, their leading right singular vectors, and a score that adds the
# projected residuals to the baseline.

# %%
show(ImputedSVD.fit, ImputedSVD.score, ImputedSVD._residuals)

# %% [markdown]
# The neighbours are {eq}`eq-baselines-similarity`, for a block of items at a
# time, since a full table of similarities would have as many cells as the
# square of the number of items. `D` holds the deviations and `B` ones, both
# with a row for each item. A pair with a single common user is left out: the
# cosine of two numbers is 1 or -1, whatever they are.

# %%
show(RatingKNN._similarities)

# %% [markdown]
# ## By hand
#
# Three users, three items, six ratings, $\lambda = 1$:
#
# $$
# X = \begin{pmatrix} 5 & 3 & \cdot \\ 4 & \cdot & 2 \\
# \cdot & 1 & 3 \end{pmatrix},
# \qquad \mu = \frac{18}{6} = 3 .
# $$
#
# *Users, with $b_i = 0$.* The residuals of user 0 are $2$ and $0$, so
# $b_0 = 2/(2 + 1) = 2/3$; those of user 1 are $1$ and $-1$, so $b_1 = 0$;
# those of user 2 are $-2$ and $0$, so $b_2 = -2/3$.
#
# *Items.* Item 0 has residuals $5 - 3 - 2/3 = 4/3$ and $4 - 3 - 0 = 1$, so its
# bias is $(7/3)/3 = 7/9$. Item 1: $-2/3$ and $-4/3$, so $-2/3$. Item 2: $-1$
# and $2/3$, so $(-1/3)/3 = -1/9$.

# %%
X = Interactions.from_coo(
    [0, 0, 1, 1, 2, 2], [0, 1, 0, 2, 1, 2], [5, 3, 4, 2, 1, 3], shape=(3, 3)
)
once = Biases(l2=1, iterations=1).fit(X)
by_hand = torch.tensor([7 / 9, -2 / 3, -1 / 9])
assert once.mean == 3 and torch.allclose(once.item_bias, by_hand)
print("item biases after one round:", once.item_bias.numpy().round(4))

# %% [markdown]
# One round is not the minimum. Where the derivatives vanish there are six
# linear equations in six unknowns, which NumPy solves directly; the algorithm
# must get there, and each round must shrink the error by $\rho = (2/3)^2$ at
# least.

# %%
M = X.binary().dense().double().numpy()  # 1 where a rating is
rest = (X.dense().double().numpy() - 3) * M
system = np.block([[np.diag(M.sum(1)), M], [M.T, np.diag(M.sum(0))]])
right = np.concatenate([rest.sum(1), rest.sum(0)])
b = np.linalg.solve(system + np.eye(6), right)
errors = []
for rounds in range(1, 4):
    model = Biases(l2=1, iterations=rounds).fit(X)
    errors.append(np.abs(model.item_bias.numpy() - b[3:]).max())
ratios = np.divide(errors[1:], errors[:-1])
assert (ratios <= 4 / 9 + 1e-4).all()
print("exact item biases", b[3:].round(4))
print("error after each round", np.round(errors, 4))
print("ratios", ratios.round(3), "bound", round(4 / 9, 3))

# %% [markdown]
# Now the SVD with item means. The columns have means $9/2$, $2$ and $5/2$.
# Fill the gaps with them, subtract them, and the filled cells are zero again:
#
# $$
# A = \begin{pmatrix} 5 & 3 & \tfrac52 \\ 4 & 2 & 2 \\ \tfrac92 & 1 & 3
# \end{pmatrix},
# \qquad
# A - B = \begin{pmatrix} \tfrac12 & 1 & 0 \\ -\tfrac12 & 0 & -\tfrac12 \\
# 0 & -1 & \tfrac12 \end{pmatrix}.
# $$
#
# The dense route, through $A$, and the sparse one of the library must agree,
# and what the projection loses must be the discarded singular values
# ({prf:ref}`thm-eckart-young`).

# %%
item_means = np.array([4.5, 2, 2.5])
filled = np.where(M == 1, X.dense().numpy(), item_means)
residual = filled - item_means
assert np.allclose(residual * (1 - M), 0)
_, sigma, Qt = np.linalg.svd(residual)
dense = item_means + residual @ Qt[:2].T @ Qt[:2]
sparse = ImputedSVD(rank=2, impute="item-mean").fit(X).score(X).numpy()
assert np.allclose(dense, sparse, atol=1e-5)
assert np.isclose(((filled - dense) ** 2).sum(), sigma[2] ** 2)
print("singular values", sigma.round(3) + 0.0)
print(sparse.round(3))

# %% [markdown]
# The last singular value is zero: centred columns make the rows add up to
# nothing, so two dimensions hold everything and the "prediction" in each gap
# is the item mean that we put there. A full-rank SVD learns nothing. Only by
# *discarding* dimensions does it generalise.

# %% [markdown]
# Last, the neighbours. To keep the numbers small we switch the biases off with
# a huge penalty, so that all deviations are from the mean, 3. Users 0 and 1
# have rated items 0 and 1, with deviations $(2, 2)$ and $(-1, -1)$. Their
# cosine is $(4 + 1)/(\sqrt 5 \sqrt 5) = 1$, and with $\lambda = 2$ two common
# users keep half of it. Item 2 deviates in the opposite direction, so it is no
# neighbour. User 2 gave item 0 a deviation of $-1$. Item 0 is the only rated
# neighbour of item 1, so the prediction there is $3 - 1 = 2$.

# %%
X3 = Interactions.from_coo(
    [0, 0, 0, 1, 1, 1, 2, 2],
    [0, 1, 2, 0, 1, 2, 0, 2],
    [5, 5, 2, 2, 2, 4, 2, 2],
    shape=(3, 3),
)
knn = RatingKNN(neighbours=1, shrink=2, l2=1e9).fit(X3)
assert knn.baseline.mean == 3
assert torch.allclose(knn.similar[:, 0], torch.tensor([0.5, 0.5, 0]))
print("prediction for user 2:", knn.score(X3)[2].numpy().round(3))
assert torch.isclose(knn.score(X3)[2, 1], torch.tensor(2.0))

# %% [markdown]
# ## Experiment
#
# ### Rating prediction on the embedded data
#
# Each split holds out a fifth of the ratings at random as a test, and a tenth
# of the rest for validation. Hyper-parameters are chosen on the validation
# part, anew in each split; nothing is chosen on the test part. A prediction is
# clipped to the scale.

# %%
ratings = datasets.load(dataset)


def rmse_of(model, split, part="validation", clip=ratings.scale):
    """RMSE of a fitted model over the ratings of one part."""
    test = getattr(split, part)
    return evaluation.rating_errors(model, test, clip=clip)["rmse"]


def rmse(model, split, part="validation", clip=ratings.scale):
    """Fit to the training part; RMSE over the ratings of another part."""
    fit(model, split.train)
    return rmse_of(model, split, part, clip)


drawn = [
    splits.hold_out(ratings, test=0.2, validation=0.1, seed=seed + s)
    for s in range(num_splits)
]
print("fingerprints:", *(split.fingerprint() for split in drawn))
unseen = []
for split in drawn:
    tested_items = split.test.held_out.indices.long()
    unseen.append((split.train.col_counts[tested_items] == 0).float().mean())
unseen = np.mean(unseen)
print(f"held-out ratings of items without a training rating: {unseen:.1%}")

# %% [markdown]
# First the penalty of the biases. The validation error as a function of
# $\lambda$, one line for each split:

# %% mystnb={"image": {"alt": "Validation RMSE of the bias model against lambda, one curve a split: each falls, has its minimum at a small lambda, and rises again."}}
penalties = [0, 0.5, 1, 2, 3, 5, 7, 10, 20]
by_penalty = pd.DataFrame(
    [[rmse(Biases(l2), split) for l2 in penalties] for split in drawn],
    columns=penalties,
)
plt.plot(penalties, by_penalty.T, marker="o", markersize=3)
plt.xlabel("λ (imaginary ratings)")
plt.ylabel("validation RMSE")
plt.show()

# %% [markdown]
# No penalty is worse than a small one, and a large one is worse again. The
# minimum is flat. Each split gets its own best value.

# %%
best_l2 = by_penalty.idxmin(axis=1).tolist()
assert (by_penalty.min(axis=1) < by_penalty[0]).all()
assert (by_penalty.min(axis=1) < by_penalty[20]).all()
print("best λ of each split:", best_l2)
cost = by_penalty[0] - by_penalty.min(axis=1)
print(f"what λ = 0 costs in RMSE: {cost.mean():.3f}")

# %% [markdown]
# How many alternations does it take? The library goes on until no item's bias
# moves any more. We stop it early and look at the error of the items' biases.

# %%
train = drawn[0].train
solution = Biases(best_l2[0]).fit(train).item_bias
convergence = {}
for rounds in (1, 2, 5, 10, 20, 50, 500):
    model = Biases(best_l2[0], iterations=rounds)
    value = rmse(model, drawn[0])
    error = model.item_bias - solution
    convergence[rounds] = {
        "largest error": error.abs().max().item(),
        "mean error": error.mean().item(),
        "validation RMSE": value,
    }
convergence = pd.DataFrame(convergence).T
gap = convergence["validation RMSE"] - convergence["validation RMSE"][500]
assert abs(gap[20]) < 5e-4 and gap[1] > 10 * abs(gap[20])
convergence.round(3) + 0.0

# %% [markdown]
# The RMSE is there after a few rounds, the biases are not.
# The errors do not cancel: their mean is a good part of the largest. What is
# slow seems to be a common shift,
# which with $\lambda = 0$ would never be decided. It
# costs almost nothing in the predictions, since the users' biases shift the
# other way.

# %% [markdown]
# Next the rank of the imputed SVD, for both imputations; the biases use the
# penalty just found.

# %%
ranks = [2, 5, 10, 15, 20, 30, 50]
by_rank = {
    impute: pd.DataFrame(
        [
            [rmse(ImputedSVD(k, impute, l2), split) for k in ranks]
            for split, l2 in zip(drawn, best_l2, strict=True)
        ],
        columns=ranks,
    )
    for impute in ImputedSVD.BASELINES
}
best_rank = {name: t.idxmin(axis=1).tolist() for name, t in by_rank.items()}
print("best ranks:", best_rank)

# %% [markdown]
# What separates the two curves is the baseline in the gaps, not the rank.

# %% mystnb={"image": {"alt": "Mean validation RMSE against rank: two flat curves, bias imputation far below item-mean imputation at every rank."}}
for name, result in by_rank.items():
    plt.plot(ranks, result.mean(), marker="o", label=f"{name} imputed")
plt.xscale("log")
plt.xticks(ranks, ranks)
plt.minorticks_off()
plt.xlabel("rank K")
plt.ylabel("mean validation RMSE")
plt.legend()
plt.show()
lowest_item_mean = by_rank["item-mean"].min(axis=1)
assert (by_rank["biases"].max(axis=1) < lowest_item_mean).all()

# %% [markdown]
# The neighbours have one option to tune here, their number; $\lambda = 100$ in
# {eq}`eq-baselines-similarity` stays as Koren has it, and the biases below them
# use the penalty just found. A model is fitted once in each split, since the
# number of neighbours matters only when it predicts.

# %%
counts = [10, 20, 40, 60, 100, 200]
neighbours, by_count = [], []
for split, l2 in zip(drawn, best_l2, strict=True):
    knn, row = RatingKNN(l2=l2), {}
    fit(knn, split.train)
    for knn.neighbours in counts:
        row[knn.neighbours] = rmse_of(knn, split)
    knn.neighbours = min(row, key=row.get)
    neighbours.append(knn)
    by_count.append(row)
by_count = pd.DataFrame(by_count)
print("best number of neighbours:", [knn.neighbours for knn in neighbours])
by_count.mean().round(4).to_frame("mean validation RMSE").T

# %% [markdown]
# Matrix factorisation has a rank and a penalty. The penalty is tuned in each
# split. The rank stays at 10, so that the chapter is quick;
# a higher rank may gain more; the recorded runs below, on other data, tune
# both.

# %%
mf_penalties = [0.1, 0.15, 0.2]
factorised, by_mf = [], []
for split in drawn:
    row = {}
    for l2 in mf_penalties:
        mf = BiasedMF(10, l2)
        row[l2] = rmse(mf, split)
        if row[l2] == min(row.values()):
            best_mf = mf
    factorised.append(best_mf)
    by_mf.append(row)
by_mf = pd.DataFrame(by_mf)
print("best penalties:", [mf.l2 for mf in factorised])
by_mf.mean().round(4).to_frame("mean validation RMSE").T

# %% [markdown]
# Now the test, once, for every model with its tuned setting.

# %%
rows = []
for s, split in enumerate(drawn):
    l2 = best_l2[s]
    ladder = {
        "global mean": models.GlobalMean(),
        "user mean": models.UserMean(),
        "item mean": models.ItemMean(),
        "item-mean-imputed SVD": ImputedSVD(best_rank["item-mean"][s]),
        "biases": Biases(l2),
        "bias-imputed SVD": ImputedSVD(best_rank["biases"][s], "biases", l2),
    }
    row = {n: rmse(m, split, "test") for n, m in ladder.items()}
    row["biased MF, rank 10"] = rmse_of(factorised[s], split, "test")
    row["item-kNN"] = rmse_of(neighbours[s], split, "test")
    rows.append(row)
test = pd.DataFrame(rows)
shares = {name: intervals.of_splits(test[name], test=0.2) for name in test}
live = pd.DataFrame(
    {name: [i.mean, i.low, i.high] for name, i in shares.items()},
    index=["test RMSE", "low", "high"],
).T
live.round(3)

# %% [markdown]
# The intervals are those of {doc}`/book/foundations/02-measuring` for
# overlapping random splits: one and a half times as wide as the usual ones.
# They allow for other ratings of the same people, not for other people.
# For comparing two models the *difference* on each split is the better
# statistic, because both face the same test. Three claims were written down
# before the test was looked at. None is about matrix factorisation, whose rank
# is not tuned here.


# %%
def less(first, second):
    """The difference of two models, split by split, with its interval."""
    return intervals.of_splits(test[first] - test[second], test=0.2)


course = "this course"
stated = [
    ("biases", "item-mean-imputed SVD", course),
    ("bias-imputed SVD", "biases", course),
    ("item-kNN", "biases", "Sarwar et al. (2001)"),
]
comparison = evidence.verdicts(
    [(f"{a} below {b}", who, less(a, b), "<", 0.0) for a, b, who in stated]
)
comparison.round(4)

# %% [markdown]
# The biases, one number a user and one an item, are better than the SVD with
# item-mean imputation, which has many times as many parameters. An SVD on top
# of the biases adds a little, and so do neighbours on top of the biases. Order
# matters: remove what is simple first. Matrix factorisation, whose rank is not
# tuned here, lies between the biases and the neighbours; which of the two is
# ahead on more data, when both are tuned, is left to the last section.
#
# ### Rating prediction at paper scale
#
# The same models on MovieLens 1M, with the filter and the splits that
# {cite:t}`gao2020autoencoders` describes: movies with at least ten ratings,
# five random 80/20 splits. The library recorded the runs; this cell reads them.

# %%
recorded = evidence.table("baselines-ml1m")
recorded = recorded[recorded["seeds"] > 0]
shown = ["published", "measured", "low", "high", "seeds", "verdict"]
recorded[shown].round(4).astype({"published": object}).fillna("")

# %% [markdown]
# On what, with what and from which code these numbers come:

# %%
print(textwrap.fill(evidence.provenance("baselines-ml1m"), 76))

# %% [markdown]
# The report does not say which rank its SVD has, and a baseline must not be
# condemned with an untuned option. So the SVD with item means is recorded at
# several ranks, 30 where the label says nothing.

# %% mystnb={"image": {"alt": "RMSE of the SVD with item means against its rank on ML-1M with intervals, above the dashed line of the published value at every rank; the biases are a dotted line between them."}}
name = "item-mean-imputed SVD"
curve = recorded[recorded.index.str.startswith(name)]
rank = curve.index.str.extract(r"rank (\d+)", expand=False)
curve = curve.set_axis(rank.astype(float).fillna(30)).sort_index()
sides = [curve["measured"] - curve["low"], curve["high"] - curve["measured"]]
plt.errorbar(curve.index, curve["measured"], sides, marker="o", capsize=3)
plt.axhline(recorded.loc[name, "published"], color="0.4", ls="--")
plt.axhline(recorded.loc["biases", "measured"], color="0.4", ls=":")
plt.xlabel("rank K (dashed: published, dotted: our biases)")
plt.ylabel("test RMSE, MovieLens 1M")
plt.show()

# %% [markdown]
# At no rank does the whole interval come down to the biases, let alone to the
# published value. The verdict below uses the best rank.
#
# ### Ranking
#
# For ranking, a rating of 4 or more counts as an event. A sixth of the users
# is held out for the test and as many for validation; four fifths of the
# events of each are folded in, the rest is to be found. The scores are recall
# divided by $\min(k, n_u)$ and NDCG, where $k$ is the length of the list and
# $n_u$ is the number of held-out items of the user ({doc}`/book/notation`).
# The rank of PureSVD is tuned on validation NDCG.

# %%
events = ratings.at_least(4)
users = splits.held_out_users(events, num_users=len(events.users) // 6)
print("fingerprint:", users.fingerprint(), users.train)
validation = {}
for rank in (2, 5, 10, 20, 30, 50, 80, 120):
    model = PureSVD(rank).fit(users.train)
    ndcg = evaluation.rank(model, users.validation, ["ndcg@100"])
    validation[rank] = float(ndcg.per_user["ndcg@100"].mean())
chosen = max(validation, key=validation.get)
print({rank: round(value, 3) for rank, value in validation.items()})
print("chosen rank:", chosen)

# %% [markdown]
# The chosen rank meets popularity on the test users.

# %%
wanted = ["capped_recall@20", "capped_recall@50", "ndcg@100"]
rankings = {
    "popularity": models.Popularity().fit(users.train),
    f"PureSVD({chosen})": PureSVD(chosen).fit(users.train),
}
results = {
    name: evaluation.rank(model, users.test, wanted)
    for name, model in rankings.items()
}
summaries = {
    name: result.summary()[["mean", "se", "users"]]
    for name, result in results.items()
}
pd.concat(summaries, names=["model", "metric"]).round(3)

# %% [markdown]
# The standard errors are over users. Both models ranked the same users, so we
# compare user by user.

# %%
popular, svd = (result.per_user for result in results.values())
better = [
    (
        f"PureSVD above popularity, {metric}",
        "Cremonesi et al. (2010)",
        intervals.of_difference(svd[metric], popular[metric]),
        ">",
        0.0,
    )
    for metric in wanted
]
evidence.verdicts(better).round(3)

# %% [markdown]
# PureSVD ranks better than popularity, by each of the three scores. As a
# control, rank by random numbers: a score that knows nothing must lose to
# popularity in the same comparison.

# %%
generator = torch.Generator().manual_seed(seed)
noise = torch.rand(users.test.fold_in.shape, generator=generator)
random = evaluation.rank_scores([noise], users.test, wanted).per_user
control = intervals.of_difference(popular["ndcg@100"], random["ndcg@100"])
assert evidence.judge(control, ">", 0.0).word == evidence.REPRODUCED
print(f"NDCG@100 of random scores: {random['ndcg@100'].mean():.3f}")

# %% [markdown]
# ## Verdict
#
# The recorded runs answer for {cite:t}`gao2020autoencoders`. The first row below
# is the claim of the report, with the margin that the experiment names; the
# others are ours. For the SVD with item means they use the best rank on record.

# %%
runs, gao = "baselines-ml1m", recorded.loc[name, "published"]
margin = 0.005
ranked = recorded.index[recorded.index.str.startswith(name)]
best_svd = recorded.loc[ranked, "measured"].idxmin()
svd_error = evidence.interval(runs, best_svd)
biases_gain = evidence.difference(runs, "biases", best_svd)
on_biases = evidence.interval(runs, "bias-imputed SVD")
decided = [
    (
        f"SVD after item means has {gao}",
        "Gao (2020)",
        svd_error,
        "=",
        gao,
        margin,
    ),
    (f"... is above {gao}", course, svd_error, ">", gao),
    ("biases are below it", course, biases_gain, "<", 0.0),
    (f"SVD after biases is below {gao}", course, on_biases, "<", gao),
]
evidence.verdicts(decided).round(4)

# %% [markdown]
# And the bar for any later model, from the same record: an RMSE above the first
# number, on this data set with this filter and splits like these, has not beaten
# one number per user and one per item, whatever produced it.

# %%
bar, spread = recorded.loc["biases"], evidence.interval(runs, name)
print(f"biases: {bar['measured']:.3f}, interval up to {bar['high']:.3f}")
half = (spread.high - spread.low) / 2
print(f"half-width of an interval: ours {half:.4f}, printed 0.0004")

# %% [markdown]
# What the table supports, and no more:
#
# - The published error is **lower** than what we measure for the method that
#   the report names, at every rank that we tried. The report gives neither the
#   rank nor the code. With another way to fill the gaps its number may well be
#   right: it is higher than what the same SVD reaches when biases fill them.
# - The bias model, which the report does not have, is better than an SVD with
#   item means.
# - The printed interval is several times narrower than what five random splits
#   give here. We do not know how it was computed.
#
# Which of two methods called SVD becomes the baseline moves the bar by the
# distance between two rows of the figure. That is the point of
# {cite:t}`rendle2019difficulty` on a small scale.

# %% mystnb={"image": {"alt": "Measured RMSE of the baselines on ML-1M with intervals, and Gao's published SVD between the two imputed SVDs."}}
extra = recorded.index.str.contains(r"rank \d")
ax = plots.published_and_measured(recorded[~extra])
ax.set_xlabel("test RMSE, MovieLens 1M")
plt.show()

# %% [markdown]
# ## What goes wrong
#
# ### "SVD" without a further word
#
# The same name, the same split, the same rank; only what fills the gaps
# differs. The first line is {eq}`eq-baselines-zeros` at work: PureSVD, a
# decent ranking model, is useless as a predictor of ratings, and far worse
# than a constant. The library refuses to read its scores as stars, so the
# cell has to say that it wants to.


# %%
class ReadAsStars(PureSVD):
    predicts = "ratings"


split, l2 = drawn[0], best_l2[0]
floor = test["global mean"][0]
named_svd = {
    "zeros (PureSVD)": ReadAsStars(20),
    "item means": ImputedSVD(20, "item-mean"),
    "biases": ImputedSVD(20, "biases", l2),
}
svds = {n: rmse(m, split, "test") for n, m in named_svd.items()}
for name, value in svds.items():
    print(f"SVD, rank 20, gaps filled with {name:17} RMSE {value:.3f}")
print(f"{'global mean':49} RMSE {floor:.3f}")
assert svds["zeros (PureSVD)"] > 1.5 * floor

# %% [markdown]
# ### Baselines with default settings
#
# A new method is tuned for weeks, and its baselines are run as they come. The
# next cell prints what the penalty alone is worth to the biases, and beside it
# the gain of the SVD over the tuned biases, which a paper would call an
# improvement. The missing penalty costs several times as much.

# %%
untuned = np.array([rmse(Biases(0), split, "test") for split in drawn])
lost = (untuned - test["biases"]).mean()
gain = (test["biases"] - test["bias-imputed SVD"]).mean()
print(f"no penalty costs {lost:.4f}; the SVD gains {gain:.4f}")

# %% [markdown]
# ### A mean over users instead of ratings
#
# RMSE is the root of the mean over all held-out *ratings*. Some code computes
# an RMSE for each user and averages those. Every user then counts the same,
# and the root of a mean is not the mean of roots. Both are legitimate; they
# are not the same number.

# %%
model = Biases(l2)
fit(model, split.train)
held_out = split.test.held_out
predicted = evaluation.predict(model, split.test, clip=ratings.scale).cpu()
squares = (predicted - held_out.values).square().double()
total = torch.zeros(held_out.num_rows, dtype=torch.float64)
total.index_add_(0, held_out.row_ids, squares)
tested = held_out.row_counts > 0
per_user = (total[tested] / held_out.row_counts[tested]).sqrt()
over_ratings = squares.mean().sqrt()
print(
    f"RMSE over ratings {over_ratings:.3f}, "
    f"mean of users' RMSE {per_user.mean():.3f}"
)
assert per_user.mean() < over_ratings - 0.005

# %% [markdown]
# ### Another split
#
# Nothing about the model changes below, only which fifth of the ratings is
# held out. All three train on the other four fifths.
# Under the temporal split most held-out ratings are by users who have no
# rating in the training part, so for them the model has nothing but the item
# to go by.

# %%
protocols = {
    "random": splits.hold_out(ratings, test=0.2, seed=seed),
    "random within each user": splits.hold_out_per_user(
        ratings, test=0.2, seed=seed
    ),
    "the latest": splits.temporal(ratings, test=0.2),
}
other = {}
for name, one in protocols.items():
    other[name] = rmse(Biases(l2), one, "test")
    rows_tested = one.test.held_out.row_ids
    new = (one.train.row_counts[rows_tested] == 0).float().mean()
    print(f"{name:24} RMSE {other[name]:.3f}, by new users {new:.1%}")
assert other["the latest"] > other["random"] + 0.02
moved = other["the latest"] - other["random"]
print(f"{moved:.3f}, or {moved / gain:.0f} times what the SVD adds to biases")

# %% [markdown]
# The split alone moves the error by far more than the step from biases to an
# SVD on top of them, for which one would write a paper. It comes close to the
# whole step from a constant to the biases. Two numbers from two protocols
# cannot be compared, in either direction.
#
# ### Predictions off the scale
#
# If every rating lies between the ends of the scale, clipping a prediction to
# the scale brings it closer to the rating or leaves it alone. It is free. Here
# it changes little for tuned biases, more for biases without a penalty, and a
# great deal for a score that is no rating at all.

# %%
for name, model in {
    "tuned biases": Biases(l2),
    "no penalty": Biases(0),
    "PureSVD(20)": ReadAsStars(20),
}.items():
    raw = rmse(model, split, "test", clip=None)
    clipped = rmse(model, split, "test")
    assert clipped <= raw
    print(f"{name:13} unclipped {raw:.3f}, clipped {clipped:.3f}")

# %% [markdown]
# ## All models of ratings so far
#
# From here to {doc}`/book/evidence/17-a-fair-comparison` one table grows from
# chapter to chapter: every model that predicts ratings, on the same five random
# 90/10 splits of MovieLens 1M, with options that a search on validation ratings
# has chosen. "imputed SVD" fills the gaps with biases, as the search preferred.
# These are the rows that a reader of three chapters knows, the worst first.

# %%
known = ["global mean", "user mean", "item mean", "biases", "imputed SVD"]
known += ["item-kNN", "biased MF"]
every = evidence.table("ratings-ml1m").query("seeds > 0")
every = every.loc[[name for name in known if name in every.index]]
every = every.sort_values("measured", ascending=False)
every[["measured", "low", "high", "seeds"]].round(4)

# %% [markdown]
# Is each model better than the one above it? The intervals allow for the fact
# that one may look at any pair of this table.

# %%
order = list(every.index)
said = {("item-kNN", "biased MF"): "Koren et al. (2009)"}
steps = []
for a, b in zip(order, order[1:], strict=False):
    gap = evidence.pair("ratings-ml1m", b, a)
    steps.append((f"{b} below {a}", said.get((a, b), course), gap, "<", 0.0))
evidence.verdicts(steps).round(4)

# %% [markdown]
# A step is real where the verdict says *reproduced*, and undecided where it
# says *open*. Biased matrix factorisation has the lowest mean error, and so it
# is the bar for what follows: an autoencoder that predicts ratings has to get
# below it, not below the item mean and not below an SVD. The next chapter
# explains what an autoencoder learns, and chapter 5 puts the first ones into
# this table.
#
# ## Exercises
#
# ```{exercise} ◆ The best constant for another error
# :label: ex-baselines-1
#
# Which constant minimises the mean *absolute* error? Prove it and check on the
# training ratings of the first split.
# ```
#
# ````{solution} ex-baselines-1
# :class: dropdown
#
# A median. Moving $c$ to the right by a small $\epsilon$ changes
# $\sum_j |r_j - c|$ by $\epsilon$ times (the number of ratings at or below $c$
# less the number above). So it pays as long as more ratings lie above than
# below, that is, until $c$ is a median.
#
# ```python
# values = drawn[0].train.values
# candidates = torch.arange(0.5, 5.01, 0.25)
# mae = [(values - c).abs().mean().item() for c in candidates]
# assert candidates[int(np.argmin(mae))] == values.median()
# ```
# ````
#
# ```{exercise} ◆ How many fives?
# :label: ex-baselines-2
#
# With $\mu = 3.5$ and $\lambda = 5$, an item has $n$ ratings, all 5. What is
# its shrunk mean for $n = 1$? How large must $n$ be for it to exceed 4.5?
# ```
#
# ````{solution} ex-baselines-2
# :class: dropdown
#
# $3.5 + 1.5\, n/(n + 5)$. For $n = 1$ it is $3.75$. It exceeds $4.5$ if
# $n/(n+5) > 2/3$, that is, if $n > 10$: eleven ratings.
#
# ```python
# def shrunk_mean(n):
#     return 3.5 + 1.5 * n / (n + 5)
#
#
# assert shrunk_mean(1) == 3.75
# assert shrunk_mean(10) <= 4.5 < shrunk_mean(11)
# ```
# ````
#
# ```{exercise} ◆◆ Is the bound sharp?
# :label: ex-baselines-3
#
# Compute $\rho$ of {prf:ref}`thm-biases` for the first training set. How many
# rounds does it promise for a factor of $1000$? Why do so few rounds suffice
# in practice?
# ```
#
# ````{solution} ex-baselines-3
# :class: dropdown
#
# $\rho$ takes the worst user and the worst item, and the bound is reached only
# if all errors have the same size and sign. Errors of different signs cancel
# in the sums, and most users and items have fewer ratings and so a smaller
# factor.
#
# ```python
# n_u, n_i = train.row_counts.max(), train.col_counts.max()
# rho = (n_u / (n_u + best_l2[0]) * n_i / (n_i + best_l2[0])).item()
# rounds = np.log(1000) / -np.log(rho)
# print(f"rho {rho:.4f}: {rounds:.0f} rounds promised")
# for needed in range(1, 500):
#     found = Biases(best_l2[0], iterations=needed).fit(train).item_bias
#     if (found - solution).abs().max() * 1000 < solution.abs().max():
#         break
# print(f"{needed} rounds needed")
# assert needed < rounds / 5
# ```
# ````
#
# ```{exercise} ◆◆ Estimate λ instead of tuning it
# :label: ex-baselines-4
#
# Estimate $\lambda = \sigma^2/\tau^2$ for items: $\sigma^2$ as the pooled
# variance within items, and $\tau^2$ from the variance of the item means, from
# which the part that is due to $\sigma^2$ must be taken away. Use items with
# at least five training ratings. Compare with the tuned value.
# ```
#
# ````{solution} ex-baselines-4
# :class: dropdown
#
# The mean of $n_i$ ratings has variance $\tau^2 + \sigma^2/n_i$ around $\mu$.
# So $\hat\tau^2 = \operatorname{Var}(\bar r_i) - \hat\sigma^2 \,
# \overline{1/n_i}$. The result is of the size of the tuned value; it is not
# the same thing, since the tuned $\lambda$ serves users and items at once and
# $\sigma^2$ is smaller once the users' biases are removed.
#
# ```python
# frame = pd.DataFrame({"item": train.indices, "rating": train.values})
# groups = frame.groupby("item")["rating"].agg(["size", "mean", "var"])
# groups = groups[groups["size"] >= 5]
# sigma2 = np.average(groups["var"], weights=groups["size"] - 1)
# tau2 = groups["mean"].var() - sigma2 * (1 / groups["size"]).mean()
# print(f"sigma² {sigma2:.2f}, tau² {tau2:.2f}, λ {sigma2 / tau2:.1f}")
# assert 1 < sigma2 / tau2 < 20
# ```
# ````
#
# ```{exercise} ◆◆ Two penalties
# :label: ex-baselines-5
#
# Give users and items a penalty each, $\lambda_u$ and $\lambda_i$. Show that
# {prf:ref}`thm-biases` still holds, write the model as a subclass of `Biases`,
# and tune both on the first split.
# ```
#
# ````{solution} ex-baselines-5
# :class: dropdown
#
# The proof does not need the two to be equal: put $\lambda_u$ in the first
# factor of $\rho$ and $\lambda_i$ in the second. In `Biases` only `user_bias`
# has to change.
#
# ```python
# class TwoPenalties(Biases):
#     def __init__(self, l2_user, l2_item):
#         super().__init__(l2_item)
#         self.l2_user = l2_user
#
#     def user_bias(self, fold_in):
#         scale = (fold_in.row_counts + self.l2) / (
#             fold_in.row_counts + self.l2_user
#         )
#         return super().user_bias(fold_in) * scale
#
#
# grid = {
#     (a, b): rmse(TwoPenalties(a, b), drawn[0])
#     for a in (1, 3, 5, 10) for b in (1, 3, 5, 10)
# }
# best = min(grid, key=grid.get)
# print(best, round(grid[best], 4), "one penalty:", by_penalty.min(axis=1)[0])
# assert grid[best] <= by_penalty.loc[0, [1, 3, 5, 10]].min() + 1e-6
# ```
# ````
#
# ```{exercise} ◆◆ Codes can be rotated
# :label: ex-baselines-6
#
# Replace $Q$ by $QR$ with an orthogonal $K \times K$ matrix $R$. What happens
# to the code $z = xQ$ and to the score? What does that say about interpreting
# single latent dimensions?
# ```
#
# ````{solution} ex-baselines-6
# :class: dropdown
#
# The code becomes $zR$; the score $xQR(QR)^\top = xQQ^\top$ does not change.
# The loss determines the subspace, not its axes. The SVD picks axes by an
# additional rule, the order of the singular values; a tied linear autoencoder
# trained by gradient descent has no such rule, and its single dimensions mean
# nothing.
#
# ```python
# model = PureSVD(5).fit(users.train)
# before = model.score(users.test.fold_in)
# rng = np.random.default_rng(seed)
# R, _ = np.linalg.qr(rng.normal(size=(5, 5)))
# model.Q = model.Q @ torch.as_tensor(R, dtype=torch.float32)
# after = model.score(users.test.fold_in)
# assert torch.allclose(before, after, atol=1e-3)
# ```
# ````
#
# ```{exercise} ◆◆◆ Fill, project, fill again
# :label: ex-baselines-7
#
# The imputed SVD fills each gap once. Fill the gaps with its own predictions
# and repeat. Show that $\sum_\Omega (r - \hat r)^2$ never increases, so that
# the iteration heads for the third kind of SVD, the best rank-$K$ correction
# on $\Omega$ alone. Run 30 rounds at rank 5 on the first split (the matrix is
# small enough to be dense) and follow the training and the test error. What do
# you conclude about the missing penalty?
# ```
#
# ````{solution} ex-baselines-7
# :class: dropdown
#
# Let $Y_t$ be the rank-$K$ matrix of round $t$, and fill the gaps of the
# residuals with it. The error of $Y_t$ on the filled matrix is its error on
# $\Omega$ alone, since it is exact in the gaps. By {prf:ref}`thm-eckart-young`
# $Y_{t+1}$ has an error on the filled matrix no larger, and its error on
# $\Omega$ is no larger than that. So the training error decreases. The test
# error does not follow: it falls little or not at all and then rises. The
# single imputation was a strong penalty in disguise, as it pulls every
# prediction towards the baseline; without one, rank 5 is enough to overfit.
#
# ```python
# base = Biases(l2).fit(drawn[0].train)
# seen = drawn[0].train
# rest = seen.values - base.score_at(seen, seen)
# residual = seen.with_values(rest).dense().numpy()
# mask = seen.binary().dense().numpy() == 1
# out = drawn[0].test.held_out
# Y, train_error, test_error = np.zeros_like(residual), [], []
# for _ in range(30):
#     A = np.where(mask, residual, Y)
#     values, vectors = np.linalg.eigh(A @ A.T)
#     top = vectors[:, -5:]
#     Y = top @ (top.T @ A)
#     train_error.append(((residual - Y)[mask] ** 2).mean() ** 0.5)
#     guess = base.score(seen) + torch.as_tensor(Y)
#     guess = guess.view(-1)[out.cells].clamp(*ratings.scale)
#     test_error.append((guess - out.values).square().mean().sqrt().item())
# print(np.round(train_error[::6], 3), np.round(test_error[::6], 3))
# assert (np.diff(train_error) < 1e-6).all()
# assert test_error[-1] > min(test_error)
# ```
# ````

# %% [markdown]
# ## Summary
#
# - The mean is the best constant; a shrunk mean is a mean with $\lambda$
#   imaginary ratings; biases are shrunk means of users and items fitted
#   together, by an algorithm that provably finds the one minimum.
# - Neighbours correct the biases of a film by what the same user thought of
#   films that deviate alike.
# - The truncated SVD is a linear autoencoder. What fills the gaps decides what
#   it learns: zeros for ranking, a good baseline for ratings. Filling with a
#   baseline and subtracting it leaves a sparse matrix, so none of this needs
#   dense memory. The third "SVD", biased matrix factorisation, fills no gap.
# - Biases beat the SVD with item means, live and at paper scale, there at every
#   rank; an SVD on top of biases beats both. A published SVD of Gao lies
#   between the two.
# - On MovieLens 1M biased matrix factorisation has the lowest mean error of
#   these baselines. Once both are tuned, the neighbours come so close to it
#   that five splits do not decide between the two. A baseline counts only if it
#   was tuned like the model it is compared with, on the same split, with the
#   same average and the same clipping.
#
# ## References
#
# See the {doc}`/book/references`.
