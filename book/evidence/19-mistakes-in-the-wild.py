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
# (ch-mistakes)=
# # Mistakes in the wild
#
# ## At a glance
#
# **Question.** Which mistakes stand in published code and reports on recommendation,
# how far does each move the number, and which check would have found it?
#
# **You need** {doc}`/book/foundations/02-measuring` for protocols and metrics,
# {doc}`/book/rating-prediction/08-latent-augmentation` and
# {doc}`/book/top-n/12-multinomial-autoencoders` for the models.
#
# **You will be able to** recognise each mistake in somebody's code or table, measure
# its effect, and write the test that finds it in your own.

# %% tags=["hide-input"]
import math

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from IPython.display import Markdown
from sklearn.metrics import ndcg_score

from reclib import (
    augmentation,
    datasets,
    evaluation,
    evidence,
    intervals,
    losses,
    plots,
    splits,
    training,
)
from reclib.interactions import Interactions

plots.use_style()
pd.options.display.precision = 3

# %% [markdown]
# The models, and what a run of this chapter takes, as it was measured:

# %% tags=["hide-input"]
from reclib.models import (
    EASE,
    Biases,
    DeepAutoencoder,
    ImputedSVD,
    MultDAE,
    MultVAE,
    Popularity,
    PureSVD,
)
from reclib.models.base import sample_normal, unit_rows

Markdown(evidence.at_a_glance("19-mistakes-in-the-wild"))

# %% [markdown]
# These are the parameters of the live demonstrations.

# %% tags=["parameters"]
dataset = "ml-latest-small"
epochs = 15
seeds = 5

# %% [markdown]
# ## Why honest people make these mistakes
#
# ### The number looks plausible
#
# Nothing below suggests bad faith. Most of these authors published their code, some with
# its outputs, and only therefore could most of the mistakes be found; a few stand in the
# text of a report. Work without code may have more. What most of the mistakes share is
# that **nothing breaks**. The program ends, the loss falls, NDCG lies between 0 and 1. A
# number that agrees with one's hopes is seldom computed twice.
#
# The difficulty has a name in software testing, the *oracle problem*: nobody knows the
# right answer beforehand, so no wrong one can be seen. A search engine has it, and so
# has a recommender.
#
# ### What a right program leaves unchanged
#
# There is a way out, called metamorphic testing
# {cite}`chen2018metamorphic`. We do not know the right number, but we know *relations
# between two runs*. Let $s(F)$ be the scores that a model gives after reading the
# fold-in $F$, and $m(s, F, H)$ the metric of these scores on the held-out $H$. A right
# program obeys, among others,
#
# $$
# \begin{aligned}
# \text{blind:} &\; s(F) \text{ ignores } H,\\
# \text{shift:} &\; m(s + c, \cdot) = m(s, \cdot),\\
# \text{again:} &\; m \text{ repeats itself},\\
# \text{echo:} &\; m(F, F, H) = m(0, F, H),\\
# \text{whole:} &\; \text{all users, all items}.
# \end{aligned}
# $$ (eq-mistakes-relations)
#
# In words: the scores stay the same whatever is held out; a constant $c$ added to all of
# them changes no list; the same scores measured twice give the same number; a model that
# only repeats $F$ is worth as much as one that says the same of every item, since what it
# repeats is not asked for; every user is measured, and every item may be recommended.
# Each relation is a test of a few lines that needs no true value. The table under every
# mistake names its test. It stands in `tests/` of this book, passes on `reclib`, and
# **fails on the wrong program**: that is what makes it a test.
#
# ### How we measure
#
# Every section has the same parts: where the mistake was seen, the wrong line beside the
# right one, how to detect it, the test, a live demonstration, and the size of the effect.
# A repository is named with the commit that we looked at, and with what we did. *Run*
# means that we called the very function of that commit on small data and saw it do what
# the section says. *Read* means that we could not run it, for want of an old library, and
# say only what the lines say. No names are given where neither was possible. Repositories
# move on, some after exactly these findings. Effects are measured on the embedded data,
# and on MovieLens 1M where a recorded run exists.
#
# An effect is the wrong number less the right one, with the interval that the values ask
# for: over users for a solved model, over users and seeds for a trained one, over splits
# where we draw several. Each is judged alone, so about one in twenty of those without any
# effect would seem to have one.

# %%
ratings = datasets.load(dataset)
events = ratings.at_least(4).with_min_count(user=5)
split = splits.held_out_users(events, num_users=100)
test, known = split.test, splits.hold_out(ratings, test=0.2)
fitted = {
    "popularity": Popularity(),
    "PureSVD": PureSVD(50, binary=True),
    "EASE": EASE(200.0),
}
for model in fitted.values():
    training.fit(model, split.train)
print(f"ranking {split.fingerprint()}, ratings {known.fingerprint()}")

# %% [markdown]
# `ndcg` is the right evaluation, unless it is given the test `unmasked`, whose fold-in
# is empty. It gives one value for each user.

# %%
nothing = Interactions.from_coo([], [], shape=test.fold_in.shape)
unmasked = splits.Test(nothing, test.held_out, test.users)
seen = test.fold_in.dense() > 0


def ndcg(scores, on=test):
    """NDCG@100 of each user; the fold-in of ``on`` is masked."""
    ranking = evaluation.rank_scores([scores.clone()], on, ["ndcg@100"])
    return ranking.per_user["ndcg@100"].to_numpy()


# %% [markdown]
# `note` enters an effect in the list from which the closing table is made. It takes
# values of users (or of seeds and users), or an interval that was made elsewhere, or
# plain numbers, which have no error and are not counted.

# %% tags=["hide-input"]
effects = []


def note(number, what, right, wrong, where="live", gap=None, counts=True):
    """Enter and print an effect; ``gap`` is the interval of wrong less right."""
    if np.size(right) == 0 or np.size(wrong) == 0:
        print(f"{what} ({where}): not recorded yet")
        return
    if gap is None and np.ndim(right):
        gap = intervals.of_difference(np.array(wrong), np.array(right))
    row = {"mistake": number, "measured": what, "where": where}
    row |= {"right": np.nanmean(right), "wrong": np.nanmean(wrong)}
    row |= {"low": np.nan, "high": np.nan, "moves": "one value"}
    if gap is not None:
        row |= {"low": gap.low, "high": gap.high, "moves": moves(gap)}
        row["moves"] = row["moves"] if counts else "not a mistake"
    effects.append(row)
    print(f"{what} ({where}): {row['right']:.4g} -> {row['wrong']:.4g}")


# %% [markdown]
# The direction of an effect is said by the judge of this book:


# %% tags=["hide-input"]
def of_same_models(wrong, right):
    """Two evaluations of the same networks, [seeds, users], network by network."""
    gap = np.array(wrong) - np.array(right)
    return intervals.of_difference(gap, np.zeros(gap.shape[1]))


def moves(gap):
    """Whether the wrong number is higher or lower than the right one, or open."""
    words = {r: evidence.judge(gap, r, 0.0).word for r in "><"}
    if evidence.NOT_TESTABLE in words.values():
        return evidence.judge(gap, ">", 0.0).because
    known = {">": "up", "<": "down"}
    found = [known[r] for r, w in words.items() if w == evidence.REPRODUCED]
    return found[0] if found else evidence.OPEN


# %% [markdown]
# Numbers from the records come through one more function:


# %% tags=["hide-input"]
def recorded(name, right, wrong, metric=None):
    """Values of two recorded points and the interval of their difference."""
    try:
        pair = [evidence.values_of(name, p, metric) for p in (right, wrong)]
    except evidence.NotRecordedError:
        return {"right": [], "wrong": [], "where": name}
    gap = evidence.difference(name, wrong, right, metric)
    means = [np.mean(each) for each in pair]
    return dict(
        zip(("right", "wrong"), means, strict=True), where=name, gap=gap
    )


# %% [markdown]
# Some mistakes concern a network in training. A small Mult-VAE with `seeds` seeds is
# the right program for those; its $\beta$ reaches the cap of .2 after 80 updates.

# %% tags=["nbval-ignore-output"]
recipe = dict(epochs=epochs, batch_size=50, lr=1e-2)


def vae(kind=MultVAE):
    return kind((100, 50), beta=0.2, anneal_steps=400)


def trained(make):
    """The model that ``make`` gives, trained once with each seed."""
    found = [make() for _ in range(seeds)]
    for seed, model in enumerate(found):
        training.fit(model, split.train, seed=seed, **recipe)
    return found


def ndcgs(models):
    """NDCG@100 [seeds, users]."""
    return np.array([ndcg(m.score(test.fold_in)) for m in models])


# %% [markdown]
# The right program, and popularity as the control:

# %% tags=["nbval-ignore-output"]
right_vaes = trained(vae)
right_ndcg = ndcgs(right_vaes)
floor = ndcg(fitted["popularity"].score(test.fold_in))
by_seed = np.nanmean(right_ndcg, 1)
print(
    f"Mult-VAE {by_seed.round(3).tolist()}, popularity {np.nanmean(floor):.3f}"
)

# %% [markdown]
# The spread over seeds is the yardstick. Popularity must lie outside it.

# %%
spread = by_seed.std(ddof=1)
popular = np.nanmean(floor)
assert by_seed.mean() - popular > 4 * spread, "popularity is no network"

# %% [markdown]
# ## Mistakes of evaluation
#
# ### 1. A mask that is thrown away
#
# | seen in | {cite:t}`le2020autoencoders`, commit b5e36cb: `ESAE.py:98`, `CDAE.py:132`, `DAE.py:133`, `MultVAE.py:165`. The `predict` of the first was run and masks nothing; its numbers were re-measured |
# |---|---|
# | wrong | `scores.masked_fill(seen, -torch.inf)` |
# | right | `scores.masked_fill_(seen, -torch.inf)` |
# | detect | a call whose result nobody uses; a table in which *all* models are weak |
# | test | `test_mistakes.py::test_no_list_contains_a_seen_item` |
#
# The method without underscore returns a masked *copy*. The seen items stay in the list
# and take the places of the others.

# %% tags=["nbval-ignore-output"]
scores = fitted["PureSVD"].score(test.fold_in)
kept = scores.clone()
kept.masked_fill(seen, -torch.inf)  # the mistake: nobody keeps the result
assert torch.equal(kept, scores)
note(1, "NDCG@100 of PureSVD", ndcg(scores), ndcg(kept, unmasked))
ml1m = recorded("mask-ml1m", "masked, NDCG", "not masked, NDCG", "ndcg@100")
note(1, "NDCG@100 of EASE", **ml1m)
assert all(row["wrong"] < 0.85 * row["right"] for row in effects)

# %% [markdown]
# The unmasked values of the recorded run are those of the published row
# ({doc}`/book/top-n/09-linear-autoencoders`).
#
# ### 2. Seen items set to zero
#
# | seen in | {cite:t}`recommenders2026code`, commit b02c95e2: `multinomial_vae.py:87` and `:517`; `recommend_k_items` was run with scores of ours |
# |---|---|
# | wrong | `logits[seen] = 0`, then the `k` largest |
# | right | `logits[seen] = -torch.inf` |
# | detect | add a constant to all scores: the lists must not change |
# | test | `test_mistakes.py::test_a_shift_of_the_scores_changes_no_list` |
#
# For probabilities zero is the lowest score, and a docstring there speaks
# of probabilities. The last layer gives *logits*. A softmax does not
# feel a constant added to all of them, so nothing in training fixes where their zero
# lies. On paper: logits $(2, 1, -1)$, the first item seen, a list of two. Zero puts the
# seen item at rank two, before an item that the user has not seen. There it takes a place
# and then vanishes: in the sparse result a zero is the same as no entry. So the list is
# too short. `shortened` does the same.


# %%
def shortened(scores, seen, k=100):
    """Scores of what is left of the first ``k`` after seen ones were set to 0."""
    zeroed = scores.masked_fill(seen, 0.0)
    first = torch.zeros_like(seen).scatter(1, zeroed.topk(k).indices, True)
    return zeroed.masked_fill(~first | seen, -torch.inf)


logits = torch.tensor([[2.0, 1.0, -1.0]])
print(shortened(logits, torch.tensor([[True, False, False]]), k=2).tolist())
shifts, curves = np.linspace(-6, 3, 10), []
for c in shifts:
    shifted = right_vaes[0].score(test.fold_in) + c
    both = shifted, shortened(shifted, seen)
    curves.append([np.nanmean(ndcg(each)) for each in both])
curves = pd.DataFrame(curves, shifts, ["minus infinity", "zero"])

# %% [markdown]
# One network, its logits shifted by a constant that the loss cannot see:

# %% mystnb={"image": {"alt": "NDCG at 100 against a constant added to all logits. Masked with minus infinity it is constant; with zero it is equal on the right and falls on the left."}} tags=["nbval-ignore-output"]
ax = curves.plot(marker="o", figsize=(6, 2.6), ylim=(0, None))
ax.set(xlabel="constant added to all logits", ylabel="NDCG@100")
ax.legend(loc="lower right")
plt.show()

# %% [markdown]
# At shift 0 the mistake is harmless here by luck: enough unseen items have positive
# logits. Logarithms of the probabilities are logits as good as any, and all are negative:

# %% tags=["nbval-ignore-output"]
log_pi = [m.score(test.fold_in).log_softmax(1) for m in right_vaes]
zeroed = [ndcg(shortened(x, seen)) for x in log_pi]
gap = of_same_models(zeroed, right_ndcg)
what = "NDCG@100 of Mult-VAE, log-probabilities"
note(2, what, right_ndcg, zeroed, gap=gap)
assert effects[-1]["moves"] == "down"
assert np.ptp(curves["minus infinity"]) < 1e-3 < np.ptp(curves["zero"])

# %% [markdown]
# ### 3. The test in the input
#
# | seen in | {cite:t}`le2020autoencoders`, commit b5e36cb: `AutoRec.py:169` (the test matrix is fed as the input), read; RBM notebooks of {cite:t}`recommenders2026code`, found by their own reviewer in pull request 2359, where the author measured precision@10 of .592, and .014 with the right input |
# |---|---|
# | wrong | `model.score(test.held_out)` |
# | right | `model.score(test.fold_in)` |
# | detect | change held-out ratings: predictions must not move |
# | test | `test_mistakes.py::test_predictions_do_not_read_the_test` |
#
# The direction depends on the model. PureSVD has a diagonal and copies its input. EASE
# has none: it cannot say what it was told, and merely loses the fold-in.

# %% tags=["nbval-ignore-output"]
for name in ("PureSVD", "EASE"):
    right = ndcg(fitted[name].score(test.fold_in))
    wrong = ndcg(fitted[name].score(test.held_out))
    note(3, f"NDCG@100 of {name}", right, wrong)
assert effects[-2]["moves"] == "up" and effects[-1]["moves"] == "down"

# %% [markdown]
# For ratings the same mistake made AutoRec look *worse* in
# {doc}`/book/rating-prediction/05-autorec`, because it starved the network. A leak need
# not flatter.
#
# ### 4. Reconstruction printed as prediction
#
# | seen in | the notebook of {cite:t}`steiner2023code`, commit a4a9878: `Evaluation` was run and gives a copy of its input an error of zero. It may explain some errors of {cite:t}`gao2020autoencoders`, an inference, since that code is not public |
# |---|---|
# | wrong | `rmse(model(row), row)` |
# | right | `rmse(model(fold_in), held_out)` |
# | detect | the error falls with capacity without end; regularisation "hurts" |
# | test | `test_mistakes.py::test_an_echo_is_found_out` |
#
# A model that returns its input has no error at all. The first line is an imputed SVD
# with so many factors that it can nearly do that.

# %% tags=["nbval-ignore-output"]
clip, shown, errors = ratings.scale, [], []
for seed in range(5):
    drawn = splits.hold_out(ratings, test=0.2, seed=seed)
    model = ImputedSVD(200).fit(drawn.train)
    shown.append(evaluation.seen_rmse(model, drawn.train, clip=clip))
    model_b = Biases(5.0).fit(drawn.train)  # for mistake 8
    found = [
        evaluation.rating_errors(m, drawn.test, clip=clip)
        for m in (model, model_b)
    ]
    errors.append([found[0]["rmse"], found[1]["rmse"], found[1]["user_rmse"]])
held_out, of_ratings, of_users = np.array(errors).T
gap = intervals.of_splits(np.subtract(shown, held_out), test=0.2)
note(4, "RMSE of an imputed SVD", held_out.mean(), np.mean(shown), gap=gap)
leak = evidence.per_seed("gao-leak-ml1m").query("label == 'single layer'")
leak = leak[["rmse", "seen_rmse"]].mean()
note(4, "RMSE of a single layer", *leak, "gao-leak-ml1m")
assert effects[-2]["moves"] == "down" and np.mean(shown) < 0.5 * held_out.mean()

# %% [markdown]
# ### 5. Training users as a test
#
# | seen in | the row SVAE of {cite:t}`le2020autoencoders`, quoted by {cite:t}`pham2020variants`: line 1057 of his stored log (commit b5e36cb), which is a line TRAIN; read |
# |---|---|
# | wrong | `evaluate(model, train_users)` |
# | right | `evaluate(model, test_users)` |
# | detect | search the log for the printed number; compare the number of users |
# | test | `test_mistakes.py::test_no_training_user_is_tested` |
#
# A fifth of each *training* user's events is cut off and asked for. The models were
# trained on exactly these. Popularity is the control: it knows no user.

# %% tags=["nbval-ignore-output"]
X, generator = split.train, torch.Generator().manual_seed(0)
cut = torch.rand(X.nnz, generator=generator) < 0.2
parts = (
    Interactions.from_coo(X.row_ids[at], X.indices[at], shape=X.shape)
    for at in (~cut, cut)
)
training_users = splits.Test(*parts, split.train_users)
for name in ("popularity", "EASE"):
    right = ndcg(fitted[name].score(test.fold_in))
    wrong = ndcg(fitted[name].score(training_users.fold_in), training_users)
    a, b = (intervals.of_users(each) for each in (wrong, right))
    parts = [(a.se**2, a.n - 1), (b.se**2, b.n - 1)]  # other users, so apart
    gap = intervals.combined(a.mean - b.mean, parts, b.n, "users")
    note(5, f"NDCG@100 of {name}", right, wrong, gap=gap)
log = evidence.published()["value"] / 100  # the program prints percent
logs = [log[f"le-svae-{line}-ndcg"] for line in ("validation", "train")]
note(5, "NDCG@100 of SVAE, epoch 47", *logs, "Le's log")
rise = [each["wrong"] - each["right"] for each in effects[-3:-1]]
assert rise[1] > 3 * rise[0], "EASE remembers, popularity does not"

# %% [markdown]
# ### 6. Two recalls under one name
#
# | seen in | {cite:t}`liang2018variational` divides by $\min(k, n)$; RecBole {cite}`recbole2022code`, commit 7b02be5e, `metrics.py:160`, by $n$. Mult-VAE on MovieLens 20M has a Recall@20 of .395 in the first, and of .354 in {cite:t}`ferrari2021troubling`, who divide by $n$ (on a split and a training of their own) |
# |---|---|
# | wrong | `hits / min(k, n)`, compared with `hits / n` |
# | right | two names, `capped_recall` and `recall` |
# | detect | a user with more than $k$ held-out items and a perfect list: 1, or $k/n$? |
# | test | `test_mistakes.py::test_recall_says_its_denominator` |
#
# Neither is wrong; the comparison is. On paper: 10 items held out, 4 hits among the
# first 5. One recall is $4/5$, the other $4/10$.

# %%
names = ["recall@20", "capped_recall@20"]
two = evaluation.rank(fitted["popularity"], test, names).per_user[names]
note(6, "recall@20 of popularity", *two.to_numpy().T, counts=False)
assert two["recall@20"].mean() < two["capped_recall@20"].mean()

# %% [markdown]
# ### 7. A library's NDCG that is another NDCG
#
# | seen in | issue 1 of {cite:t}`elsa2023issue`: a reader gets .55 with scikit-learn's `ndcg_score` where the paper has .426; the thread, as far as we could read it, does not settle why |
# |---|---|
# | wrong | `ndcg_score(rows, scores)` |
# | right | `ndcg_score(held_out[some], masked[some], k=100)` |
# | detect | give the function two users whose value you know on paper |
# | test | `test_mistakes.py::test_ndcg_of_a_library_depends_on_the_call` |
#
# The function is sound. But it does not know what was seen, takes the whole list if `k`
# is left out, takes stars for gains, averages over ties, and gives 0 to a user with
# nothing held out. Each line below but the last changes one thing in the right call; the
# last counts seen items as relevant and therefore leaves them in the lists.

# %% tags=["nbval-ignore-output"]
scores = fitted["PureSVD"].score(test.fold_in)
masked = scores.masked_fill(seen, scores.min() - 1)
some = test.held_out.row_counts > 0
stars, held = test.held_out.dense(), test.held_out.binary().dense()
both = held + test.fold_in.binary().dense()
calls = {
    "right": ndcg_score(held[some], masked[some], k=100),
    "stars as gains": ndcg_score(stars[some], masked[some], k=100),
    "users without a test": ndcg_score(held, masked, k=100),
    "seen not masked": ndcg_score(held[some], scores[some], k=100),
    "without k": ndcg_score(held[some], masked[some]),
    "seen count as relevant": ndcg_score(both[some], scores[some], k=100),
}
assert abs(calls["right"] - np.nanmean(ndcg(scores))) < 1e-4
assert calls["without k"] > calls["right"] + 0.05
pd.Series(calls, name="NDCG").to_frame()

# %% [markdown]
# Leaving out `k` is the easiest of them to do. User by user:

# %% tags=["nbval-ignore-output"]
each = [
    [
        ndcg_score(h[None], m[None], k=k)
        for h, m in zip(held[some], masked[some], strict=True)
    ]
    for k in (100, None)
]
note(7, "NDCG of PureSVD, without k", *np.array(each))

# %% [markdown]
# ### 8. A mean over users called RMSE
#
# | seen in | {cite:t}`mai2019deep`, commit dbffc89: `masked_rmse` of the notebook was run, and gives a root per user, which Keras averages; its network was re-measured |
# |---|---|
# | wrong | `mean over users of sqrt(mean squared error)` |
# | right | `sqrt(mean over ratings of the squared error)` |
# | detect | two users with unequal errors, on paper |
# | test | `test_mistakes.py::test_an_error_is_over_ratings` |
#
# With errors 2 for Ann's one rating and 0 for Bob's one, the mean of roots is 1, the
# RMSE $\sqrt 2$. Every user counts alike in the first, every rating in the second.

# %% tags=["nbval-ignore-output"]
gap = intervals.of_splits(of_users - of_ratings, test=0.2)
note(8, "RMSE of the biases", of_ratings.mean(), of_users.mean(), gap=gap)
both = [
    evidence.values_of("deeprec-ml1m", "biases", e)
    for e in ("rmse", "user_rmse")
]
gap = intervals.of_splits(both[1] - both[0], test=0.1)
means = [each.mean() for each in both]
note(8, "RMSE of the biases", *means, "deeprec-ml1m", gap=gap)
assert effects[-1]["moves"] == "down"

# %% [markdown]
# ### 9. An item universe of the wrong size
#
# | seen in | the MXNet edition of {cite:t}`zhang2023dive`, commit 23d7a5ae, `neumf.md:142`: all items are `range(num_users)`; read |
# |---|---|
# | wrong | `all_items = range(num_users)` |
# | right | `all_items = range(num_items)` |
# | detect | the set of all recommended items, over all users and ranks |
# | test | `test_mistakes.py::test_every_item_can_be_recommended` |
#
# Items with a number beyond the last user's can never be recommended. Their MovieLens 100K
# has 943 users and 1,682 items. The embedded data has far more items than users.

# %% tags=["nbval-ignore-output"]
weak = splits.hold_out_per_user(events, test=0.2)
model, num_users = PureSVD(50, binary=True), len(weak.train_users)
training.fit(model, weak.train)
scores = model.score(weak.test.fold_in)
reachable = scores.clone()
reachable[:, num_users:] = -torch.inf
note(
    9, "NDCG@100 of PureSVD", *(ndcg(s, weak.test) for s in (scores, reachable))
)
note(9, "items that can be recommended", len(weak.items), num_users)
if dataset == "ml-latest-small":
    assert effects[-2]["wrong"] < 0.85 * effects[-2]["right"]

# %% [markdown]
# ### 10. A user without entries
#
# | seen in | {cite:t}`shenbin2020code`, commit 05fdd52, `model.py:67-68`: the row is divided by its length. The encoder was run with an empty row. The program's own preparation keeps only users with five ratings or more, so its results are not touched |
# |---|---|
# | wrong | `x / x.norm(dim=1, keepdim=True)` |
# | right | `x / x.norm(dim=1, keepdim=True).clamp(min=1e-10)` |
# | detect | score a row of zeros |
# | test | `test_mistakes.py::test_an_empty_user_has_finite_scores` |
#
# The mistake waits for whoever takes the class and gives it other data.
#
# On paper: two users, the second empty. $0/0$ is NaN, and one NaN makes the mean loss of
# a batch, all gradients and then all weights NaN: loud. At *prediction* it is silent:
# `topk` sorts NaN without complaint.

# %%
x = torch.tensor([[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]])
wrong = x / x.norm(dim=1, keepdim=True)
right = unit_rows(Interactions.from_coo([0, 0], [0, 1], shape=x.shape)).dense()
print("topk of NaN gives a list of", len(wrong[1].topk(2).indices), "items")
try:
    evaluation.top_items(wrong, 2)
except FloatingPointError as error:
    print("reclib:", error)
finite = [float(each.isfinite().all(1).sum()) for each in (right, wrong)]
note(10, "users with finite scores, of two", *finite, "on paper")
assert finite == [2, 1]

# %% [markdown]
# ### 11. A random code at prediction
#
# | seen in | {cite:t}`sachdeva2019code`, commit 995c293: the model was run twice in evaluation mode and gave two results; {cite:t}`recommenders2026code`, commit b02c95e2, `multinomial_vae.py:358-365`, read |
# |---|---|
# | wrong | `decode(mu + sigma * torch.randn_like(mu))` |
# | right | `decode(mu)` |
# | detect | score twice and compare |
# | test | `test_mistakes.py::test_scoring_twice_gives_the_same_scores` |
#
# The sample is what the bound of training needs. A recommendation needs the best code,
# which is the mean. For each seed, the mean over five draws:

# %% tags=["nbval-ignore-output"]
sampled = []
for seed, model in enumerate(right_vaes):
    torch.manual_seed(seed)
    with torch.no_grad():
        mu, logvar = model.posterior(test.fold_in)
        draws = [model.decode(sample_normal(mu, logvar)) for _ in range(5)]
    assert not torch.equal(draws[0], draws[1])
    sampled.append(np.mean([ndcg(scores) for scores in draws], axis=0))
gap = of_same_models(sampled, right_ndcg)
note(11, "NDCG@100 of Mult-VAE", right_ndcg, sampled, gap=gap)
assert popular < effects[-1]["wrong"] < effects[-1]["right"]

# %% [markdown]
# ## Mistakes of training
#
# These are harder to see: the evaluation is right, the model is another one than the
# text says. **The metric need not fall.** For each we print what became of it, and
# assert the property that was violated.
#
# ### 12. Epsilon of a hundredth
#
# | seen in | RecBole {cite}`recbole2022code`, commit 7b02be5e: `multivae.py:66` (run), `ract.py:101`, `recvae.py:140`; `MultVAE.py:79` of {cite:t}`le2020autoencoders`, commit b5e36cb; read |
# |---|---|
# | wrong | `eps.normal_(mean=0, std=0.01)` |
# | right | `eps.normal_(mean=0, std=1)` |
# | detect | draw $z$ many times: its deviation must be $\sigma$ |
# | test | `test_mistakes.py::test_the_code_is_drawn_with_its_own_deviation` |
#
# The decoder no longer feels $\sigma$, so the KL term alone drives it to 1: the prior.
# What remains is a Mult-DAE with a penalty on $\mu$.


# %%
class Narrow(MultVAE):
    def loss(self, batch):
        mu, logvar = self.posterior(batch)
        noise = 0.01 * torch.randn_like(mu)  # the mistake
        logits = self.decode(mu + noise * (0.5 * logvar).exp())
        cost = self.likelihood(logits, batch)
        cost = cost + self.current_beta() * losses.gaussian_kl(mu, logvar)
        self.steps += self.training
        return cost / batch.num_rows


@torch.no_grad()
def mean_sigma(model):
    return (0.5 * model.posterior(split.train)[1]).exp().mean().item()


# %% [markdown]
# The ranking uses $\mu$ alone and hardly notices; the posterior does.

# %% tags=["nbval-ignore-output"]
narrow = trained(lambda: vae(Narrow))
sigmas = [[mean_sigma(m) for m in each] for each in (right_vaes, narrow)]
note(12, "NDCG@100 of Mult-VAE", right_ndcg, ndcgs(narrow))
gap = intervals.of_seeds(np.subtract(sigmas[1], sigmas[0]))
note(12, "mean sigma of Mult-VAE", *map(np.mean, sigmas), gap=gap)
assert min(sigmas[1]) > 0.9 > 0.75 > max(sigmas[0])
assert np.nanmean(ndcgs(narrow), 1).min() > popular, "nobody would notice"

# %% [markdown]
# ### 13. An annealing counter that starts again
#
# | seen in | {cite:t}`sachdeva2019code`, commit 995c293 (`update_count = 0.0` inside the function of one epoch), read; an audit's own port, {cite:t}`ferrari2019code` issue 2, reported by a reader and repaired within days |
# |---|---|
# | wrong | `def train_epoch(): count = 0` |
# | right | `count` outside of the loop over epochs |
# | detect | look at $\beta$ after every update: it must never fall, and it must reach the cap, if the updates suffice |
# | test | `test_mistakes.py::test_annealing_never_falls` |
#
# With $T$ updates an epoch, $\beta$ never passes $T / A$ for $A$ annealing steps,
# whatever the cap. A look at the end of each epoch alone finds nothing that falls:
# $\beta$ is the same every time.


# %%
class Forgetful(MultVAE):
    def start_epoch(self, epoch):
        self.steps.zero_()  # the mistake


# %% [markdown]
# The largest $\beta$ is arithmetic, the NDCG is not:

# %% tags=["nbval-ignore-output"]
forgetful = trained(lambda: vae(Forgetful))
betas = [float(m[0].current_beta()) for m in (right_vaes, forgetful)]
note(13, "largest beta", *betas)
note(13, "NDCG@100 of Mult-VAE", right_ndcg, ndcgs(forgetful))
updates = math.ceil(split.train.num_rows / 50)
assert np.allclose(betas, [0.2, updates / 400])
assert np.nanmean(ndcgs(forgetful), 1).min() > popular

# %% [markdown]
# ### 14. Rows that are never trained
#
# | seen in | {cite:t}`recommenders2026code`, commit b02c95e2, `multinomial_vae.py:250` and `:367-394`: `n_users // batch_size` batches, one shuffle for all epochs; the generator was run, and never gave the last users |
# |---|---|
# | wrong | `for b in range(n // size): step(X[b * size : (b + 1) * size])` |
# | right | `for b in range(0, n, size): step(X[b : b + size])` |
# | detect | count the rows of an epoch |
# | test | `test_mistakes.py::test_batches_cover_every_row` |
#
# The last $n \bmod b$ users never take part, and since the order is shuffled once, they
# are always the same ones. The share is largest where data are small: a batch of 500, as
# in the paper, would train *nothing* here. We solve EASE with and without the tail of a
# batch of 250.

# %% tags=["nbval-ignore-output"]
n, size = split.train.num_rows, 250
order = torch.randperm(n, generator=torch.Generator().manual_seed(0))
model = EASE(200.0)
training.fit(model, split.train.rows(order[: n // size * size]))
whole, tail = (m.score(test.fold_in) for m in (fitted["EASE"], model))
note(14, "users trained on", n, n // size * size)
note(14, "NDCG@100 of EASE", ndcg(whole), ndcg(tail))
assert sum(batch.num_rows for batch in split.train.batches(size)) == n
if dataset == "ml-latest-small":
    assert effects[-1]["wrong"] < effects[-1]["right"] and n // 500 == 0

# %% [markdown]
# ### 15. An evaluation that is never undone
#
# | seen in | the notebook of {cite:t}`steiner2023code`, commit a4a9878: `Evaluation` calls `eval()`, `Loop` never `train()`; both were run, and only the first epoch had dropout |
# |---|---|
# | wrong | `for epoch in epochs: updates(); model.eval(); test()` |
# | right | `for epoch in epochs: model.train(); updates(); model.eval(); test()` |
# | detect | `assert model.training` as first line of every update |
# | test | `test_mistakes.py::test_every_update_is_made_in_training_mode` |
#
# Dropout is active in the first epoch only. A text that credits dropout with something
# describes another model.


# %%
class NeverUndone(MultDAE):
    modes: tuple = ()

    def start_epoch(self, epoch):
        self.train(epoch == 1)  # the mistake
        self.modes += (self.training,)


# %% [markdown]
# A Mult-DAE, whose only noise is the dropout of its input:

# %% tags=["nbval-ignore-output"]
daes, frozen = (
    trained(lambda kind=kind: kind((100,))) for kind in (MultDAE, NeverUndone)
)
note(15, "epochs with dropout", epochs, sum(frozen[0].modes))
note(15, "NDCG@100 of Mult-DAE", ndcgs(daes), ndcgs(frozen))
assert sum(frozen[0].modes) == 1
assert np.nanmean(ndcgs(frozen), 1).min() > popular

# %% [markdown]
# ### 16. An optimiser that remembers
#
# | seen in | the notebook of {cite:t}`steiner2023code`, commit a4a9878: new weights for the second training, the old Adam; `Loop` was run twice, and Adam's count of steps went on |
# |---|---|
# | wrong | `net = Net(); fit(net, optimizer)` with the optimiser of the last training |
# | right | `net = Net(); fit(net, Adam(net.parameters()))` |
# | detect | train the same thing twice in one session |
# | test | `test_mistakes.py::test_a_second_training_equals_the_first` |
#
# Adam divides a mean of gradients by the root of a mean of squares. Both belong to
# weights that no longer exist. On paper: the first step of a fresh Adam is as long as
# the learning rate, whatever the gradient; an inherited state makes it anything. Here
# the old gradients were 10, the new one is 1 with the other sign.


# %%
def first_step(old_steps):
    w = torch.nn.Parameter(torch.zeros(()))
    adam = torch.optim.Adam([w], lr=0.1)
    for gradient in [10.0] * old_steps + [-1.0]:
        before, w.grad = w.item(), torch.tensor(gradient)
        adam.step()
    return w.item() - before


note(16, "first step, learning rate .1", first_step(0), first_step(20))
assert abs(first_step(0) - 0.1) < 1e-4 and first_step(20) < 0

# %% [markdown]
# The recorded ablation trains pairs of networks from the same weights on the same rows:

# %%
runs = evidence.per_seed("steiner-ablations")
runs = runs[runs["label"] == "regular"] if len(runs) else runs
share = 122 / 610  # of the users, held out by each split


def ablation(right, wrong, epoch=1):
    """RMSE after an epoch of the regular network or its students, and the gap."""
    if not len(runs):
        return {"right": [], "wrong": [], "where": "steiner-ablations"}
    rmse = {"regular": [each["rmse"][epoch - 1] for each in runs["curve"]]}
    for name in {right, wrong} - {"regular"}:
        students = [each[name]["curve"] for each in runs["students"]]
        rmse[name] = [each["rmse"][epoch - 1] for each in students]
    gap = intervals.of_splits(np.subtract(rmse[wrong], rmse[right]), share)
    means = {"right": np.mean(rmse[right]), "wrong": np.mean(rmse[wrong])}
    return means | {"where": "steiner-ablations", "gap": gap}


note(16, "RMSE after epoch 1", **ablation("regular", "regular, state kept"))

# %% [markdown]
# In the recorded ablation nothing but the state differs: same rows, same initial
# weights. A "faster start" of the *second* method of a study may be that.
#
# ### 17. `rand` is not `randn`
#
# | seen in | the notebook of {cite:t}`steiner2023code`, commit a4a9878, where the report says Gaussian; `addNoise` was run |
# |---|---|
# | wrong | `torch.rand(shape) * std` |
# | right | `torch.randn(shape) * std` |
# | detect | the mean and the deviation of ten thousand draws; one negative number |
# | test | `test_augmentation.py::test_noise_has_the_moments_that_its_name_promises` |
#
# Uniform on $[0, s)$ has the mean $s/2$ and the deviation $s/\sqrt{12}$. What is called
# noise is mostly a shift.

# %%
draws = {
    noise: augmentation.latent_noise(
        (5000, 20), 0.1, 1.0, noise, torch.Generator().manual_seed(0)
    )
    for noise in augmentation.NOISE
}
deviations = [round(each.std().item(), 3) for each in draws.values()]
means = [abs(round(each.mean().item(), 3)) for each in draws.values()]
note(17, "deviation of the noise", *deviations)
note(17, "mean of the noise", *means)
note(17, "RMSE after epoch 50", **ablation("augmented", "uniform noise", 50))
assert means == [0, 0.05] and abs(deviations[1] - 0.1 / 12**0.5) < 1e-3
assert means[1] > deviations[1], "mostly a shift"

# %% [markdown]
# ### 18. A teacher's outputs counted as data
#
# | seen in | {cite:t}`steiner2023beyond`, Table I: new rows lower the sparsity of the "data set" |
# |---|---|
# | wrong | `train = stack(train, decoder(z))` |
# | right | given and made-up targets counted apart, and the name distillation |
# | detect | count the targets by origin |
# | test | `test_mistakes.py::test_targets_are_ratings_that_somebody_gave` |
#
# A decoded row is dense. A tenth more *rows* are many times more *targets*, and every
# one is the first network's own prediction.

# %%
X = ratings.to_interactions().rows(slice(0, 488))
teacher = DeepAutoencoder((20,), scale=clip)
teacher.build(X)
extended = augmentation.augment(X, teacher, fraction=0.1)
share = X.nnz / extended.nnz
note(18, "share of targets that a person gave", 1.0, round(share, 3))
note(18, "RMSE after epoch 1", **ablation("observed cells only", "augmented"))
assert share < 0.25 and extended.num_rows == 488 + 48

# %% [markdown]
# ## Mistakes of arithmetic and of the report
#
# ### 19. Ceilings, re-arranged
#
# | seen in | {cite:t}`steiner2023beyond`, Theorem 1: a batch size for the extended data that makes the numbers of updates equal |
# |---|---|
# | wrong | `b2 = ceil(1.1 * n / ceil(n / b1))`, "so `B1 == B2`" |
# | right | try `b2`, count, and say so if no batch size gives equality |
# | detect | compute both sides for a few thousand cases |
# | test | `test_augmentation.py::test_counter_example_of_the_report_itself` |
#
# $B = \lceil n / b \rceil$ holds for many $b$ and cannot be solved for one. With the
# report's own numbers, 488 rows and batches of 12:

# %%
b2 = augmentation.equal_update_batch(488, 12, 0.1)
updates = [math.ceil(488 / 12), math.ceil((488 + 48) / b2)]
note(19, "updates an epoch", *updates, "on paper")
unequal = [
    math.ceil(n / 12)
    != math.ceil((n + n // 10) / augmentation.equal_update_batch(n, 12, 0.1))
    for n in range(100, 1000)
]
note(
    19, "share of sizes with equal updates", 1, 1 - np.mean(unequal), "counted"
)
assert updates == [41, 39] and 0.1 < np.mean(unequal) < 0.9
assert not augmentation.equal_update_batches(488, 12, 48)

# %% [markdown]
# ### 20. One table, two protocols
#
# | seen in | {cite:t}`ayad2023variational`, who hold results on a Netflix file against a table of MovieLens 20M; the README of {cite:t}`le2020autoencoders`, where SVAE has other users and another cut than the rows around it; presumably Table 1 of {cite:t}`pham2020variants` |
# |---|---|
# | wrong | rows with other data, splits, masks or denominators under one heading |
# | right | one split for all rows, its fingerprint beside the table |
# | detect | does one baseline occur twice, with two values? |
# | test | `test_mistakes.py::test_a_table_has_one_protocol` |
#
# How much may a protocol be worth? The same model, popularity, with all films and with
# the hundred most rated ones; EASE on MovieLens 1M from the record; and Mult-VAE as
# published on two data sets. These numbers belong to other users and other questions, so
# none is the wrong one of the other, and they are not counted below.

# %% tags=["nbval-ignore-output"]
top = events.table["item"].value_counts().index[:100]
few = events.where(events.table["item"].isin(top)).with_min_count(user=5)
few = splits.held_out_users(few, num_users=100)
model = Popularity()
training.fit(model, few.train)
easy = ndcg(model.score(few.test.fold_in), few.test)
note(20, "NDCG@100 of popularity", popular, np.nanmean(easy))
runs_1m = evidence.per_seed("catalogue-ml1m").set_index("label")["ndcg@100"]
both = [np.mean(runs_1m.get(f"EASE, {n}", [])) for n in ("all", 200)]
note(20, "NDCG@100 of EASE", *both, "catalogue-ml1m")
value = evidence.published()["value"]
both = [value[f"liang-mult-vae-{d}-ndcg"] for d in ("netflix", "ml20m")]
note(20, "NDCG@100 of Mult-VAE", *both, "published")
assert split.fingerprint() != few.fingerprint()
assert dataset != "ml-latest-small" or np.nanmean(easy) > by_seed.max()

# %% [markdown]
# Popularity on few films beats the network on many.
#
# ### 21. A tolerance wide enough for zero
#
# | seen in | {cite:t}`recommenders2026code`, commit b02c95e2, `tests/functional/examples/test_notebooks_gpu.py:11-12` and `:29`: a MAP of .0255 with an absolute tolerance of .05; run: 0 passes. The larger metrics beside it are guarded |
# |---|---|
# | wrong | `approx(0.0255283, rel=0.1, abs=0.05)` |
# | right | a tolerance from the spread over seeds, and a bad model that must fail |
# | detect | put 0, and popularity, in place of the result |
# | test | `test_mistakes.py::test_a_tolerance_excludes_what_is_wrong` |
#
# `approx` takes the *larger* of its two tolerances. This is a mistake in a test, of a
# project that does test its metrics. {cite:t}`lenskit2026code` shows a simple way out (commit
# 3bd1c175, `tests/knn/test_ease.py:44`): the metric has to reach a floor, here an nDCG of
# .01. Zero fails it. What else fails depends on the floor, which a bad model can tell.

# %%
expected, relative, absolute = 0.0255283, 0.1, 0.05
allowed = max(relative * expected, absolute)
lowest = max(0, expected - allowed), expected * (1 - relative)
note(21, "lowest MAP that passes", lowest[1], lowest[0], "on paper")
assert lowest[0] == 0 < lowest[1]
assert not abs(popular - by_seed.mean()) < 4 * spread, "ours excludes it"

# %% [markdown]
# ## All mistakes, by size
#
# The tables are made from the notes above. Their names:

# %% tags=["hide-input"]
names = """a mask that is thrown away; seen items set to zero; the test in the
input; reconstruction printed as prediction; training users as a test; two
recalls under one name; a library's NDCG; a mean over users called RMSE; an
item universe of the wrong size; a user without entries; a random code at
prediction; epsilon of a hundredth; an annealing counter that starts again;
rows that are never trained; an evaluation that is never undone; an optimiser
that remembers; rand is not randn; a teacher's outputs counted as data;
ceilings, re-arranged; one table, two protocols; a tolerance wide enough"""
names = [" ".join(name.split()) for name in names.split(";")]
sizes = pd.DataFrame(effects)
sizes.insert(1, "name", [names[i - 1] for i in sizes["mistake"]])
sizes["change"] = sizes["wrong"] / sizes["right"].replace(0, np.nan) - 1
order = sizes["change"].abs().sort_values(ascending=False, kind="stable").index
sizes = sizes.loc[order]
is_metric = sizes["measured"].str.contains("NDCG|RMSE|recall")
assert set(sizes["mistake"]) == set(range(1, len(names) + 1))


def readable(table):
    change = table["change"].map("{:+.0%}".format).replace("+nan%", "–")
    shown = table.assign(change=change).drop(columns=["low", "high"])
    return shown.set_index("mistake")


# %% [markdown]
# First what a paper would print, metrics and errors, the largest change on top. `change` is
# the wrong number against the right one. `moves` says in which direction the interval of
# the difference shows the number to move, *open* if it shows neither, *one value* where
# there is no error to judge by, and *not a mistake* where both numbers are right.

# %% tags=["nbval-ignore-output"]
printed = sizes[is_metric]
readable(printed)

# %% [markdown]
# Then the other quantities. Their units differ, so the order means less.

# %% tags=["nbval-ignore-output"]
readable(sizes[~is_metric])

# %% [markdown]
# The first table as a picture. For an RMSE, a bar to the left flatters; for all others, a
# bar to the right. Grey bars are open, single values, or not a mistake.

# %% mystnb={"image": {"alt": "Horizontal bars of the relative change that each mistake makes to a printed metric, sorted; they reach from almost minus one to well above plus one, and several are near zero."}} tags=["nbval-ignore-output"]
bars = printed.iloc[::-1]
flatters = (bars["change"] > 0) != bars["measured"].str.startswith("RMSE")
judged = bars["moves"].isin(["up", "down"])
colours = [plots.COLOURS[3 if each else 0] for each in flatters]
colours = [c if ok else "0.75" for c, ok in zip(colours, judged, strict=True)]
plt.figure(figsize=(6.4, 5.6))
plt.barh(range(len(bars)), bars["change"], color=colours)
labels = bars["mistake"].astype(str) + ". " + bars["measured"]
plt.yticks(range(len(bars)), labels + " (" + bars["where"] + ")", size=7)
plt.xlabel("relative change of the printed number (grey: not judged)")
plt.show()

# %% [markdown]
# In words that are counted and not typed. Only numbers with an interval count, and only
# where one of the two is a mistake:

# %% tags=["nbval-ignore-output"]
moved, up = bars[judged], flatters[judged]
unsure = bars["moves"] == evidence.OPEN
hidden = sorted(set(bars["mistake"][unsure]) - set(moved["mistake"]))
wrong_ndcgs = bars["wrong"][bars["measured"].str.startswith("NDCG")]
Markdown(
    f"Of {judged.sum() + unsure.sum()} printed numbers with an interval, "
    f"{up.sum()} flatter, {(~up).sum()} harm, and for {unsure.sum()} the direction is "
    f"open. Mistakes of which no printed number is known to move: "
    f"{', '.join(map(str, hidden)) or 'none'}. Of all wrong values of NDCG, "
    f"{wrong_ndcgs.between(0.1, 0.9).mean():.0%} lie between .1 and .9."
)

# %% [markdown]
# And as assertions: mistakes of evaluation move the number in both directions, for some
# mistakes of training no movement is known, and no wrong NDCG is impossible. The negative
# control: a value of 1.3 would be.


# %%
def possible(values):
    return values.between(0, 1).all()


of_evaluation = up[moved["mistake"] <= 11]
assert of_evaluation.any() and not of_evaluation.all()
assert set(hidden) & set(range(12, 19))
assert possible(wrong_ndcgs) and not possible(pd.Series([0.3, 1.3]))
print(f"{len(names)} mistakes; every wrong NDCG is a possible one")

# %% [markdown]
# ## A checklist for a reviewer
#
# One page. Each question can be answered from code or table in minutes; the numbers point
# to the sections.
#
# **What did the model see?**
#
# 1. Change a held-out rating: do predictions move? (3, 4)
# 2. Are the tested users, or their ratings, in the training matrix? (4, 5)
# 3. Were filters, means and the choice of the epoch made without the test?
#    ({doc}`/book/foundations/02-measuring`)
# 4. Score twice: the same? After adding a constant: the same lists? (2, 11)
#
# **What was counted?**
#
# 5. Is any seen item in any list? (1, 2)
# 6. Which denominator: $k$, $n$, $\min(k, n)$, users, ratings, cells? (6, 8)
# 7. Two users on paper through *their* metric function. (6, 7, 8)
# 8. How many users and items entered the mean? Who was dropped, and who became zero?
#    (7, 9, 10)
#
# **What was trained?**
#
# 9. Rows of an epoch = rows of the matrix? (14)
# 10. Mode, dropout and learning rate of every update. Does $\beta$ never fall from one
#     update to the next, and does it reach its cap? (13, 15)
# 11. Mean and deviation of every noise; one sample of $z$. (12, 17)
# 12. Does the second training of a session equal the first? (16)
# 13. Where do the targets come from, and how many of each kind? (18)
#
# **What is compared?**
#
# 14. One split for all rows; one baseline that everybody has, with the value that everybody
#     gets. (20)
# 15. A constant and popularity beside every model. Is the result better than both? (4)
# 16. Is it too good? Compare with the best published value and with the noise of the
#     ratings. (4, 5)
# 17. Do formulas hold on a small case with real integers? (19)
# 18. Would the test suite notice a zero? (21)
#
# When you find something, write to the authors first, with the line and a test. Issue 2 of
# {cite:t}`ferrari2019code` and pull request 2359 of {cite:t}`recommenders2026code` show
# how well that can go.
#
# ## Exercises
#
# Each program has one mistake. Find the relation of {eq}`eq-mistakes-relations`, or the
# small case, that proves it, before you read the solution.
#
# :::{exercise} ◆ Cut, then strike
# :label: ex-mistakes-1
# ```python
# def top_unseen(scores, seen, k=100):
#     top = scores.topk(k).indices
#     return [[i for i in row.tolist() if not seen[u, i]]
#             for u, row in enumerate(top)]
# ```
# No seen item is in any list. What is wrong?
# :::
#
# :::{solution} ex-mistakes-1
# :class: dropdown
# It cuts before it strikes, so the lists are shorter than `k`, and shorter for active
# users. Evidence: the lengths.
#
# ```python
# scores = fitted["PureSVD"].score(test.fold_in)
# top = scores.topk(100).indices
# lengths = (~seen.gather(1, top)).sum(1)
# print(lengths.min().item(), lengths.max().item())
# assert lengths.min() < 100
# full = evaluation.top_items(scores.masked_fill(seen, -torch.inf), 100)
# assert (full >= 0).all()
# ```
# :::
#
# :::{exercise} ◆ Two numberings
# :label: ex-mistakes-2
# ```python
# cols_train = pd.factorize(train_table["item"])[0]
# cols_test = pd.factorize(test_table["item"])[0]
# ```
# Which relation does this break, and what will NDCG look like?
# :::
#
# :::{solution} ex-mistakes-2
# :class: dropdown
# *Whole*: column 7 is one film in training and another in the test. The held-out items
# are permuted at random against the scores, and NDCG is near that of random scores, so it
# looks like a model that does not learn.
#
# ```python
# generator = torch.Generator().manual_seed(0)
# renumbered = torch.randperm(held.shape[1], generator=generator)
# scores = fitted["PureSVD"].score(test.fold_in)
# chance = ndcg(torch.rand(scores.shape, generator=generator))
# moved = ndcg(scores[:, renumbered])
# print(*(np.nanmean(each) for each in (ndcg(scores), moved, chance)))
# assert np.nanmean(moved) < np.nanmean(ndcg(scores)) / 2
# ```
# :::
#
# :::{exercise} ◆◆ An ideal that flatters
# :label: ex-mistakes-3
# ```python
# def ndcg_at(hits):  # hits: 0 or 1 at each rank of the list
#     discount = 1 / np.log2(np.arange(2, len(hits) + 2))
#     ideal = np.sort(hits)[::-1] @ discount
#     return hits @ discount / ideal if ideal else 0.0
# ```
# Try a list of five with one hit, on top, for a user with ten held-out items.
# :::
#
# :::{solution} ex-mistakes-3
# :class: dropdown
# It returns 1: the ideal is made from the hits that were found, not from what could have
# been found. A list is never punished for what it lacks.
#
# ```python
# from reclib import metrics
# hits = np.array([1, 0, 0, 0, 0])
# discount = 1 / np.log2(np.arange(2, 7))
# wrong = hits @ discount / (np.sort(hits)[::-1] @ discount)
# row = torch.tensor(hits[None] > 0)
# right = metrics.ndcg(row, torch.tensor([10]), 5).item()
# print(wrong, right)
# assert wrong == 1 and right < 0.5
# ```
# :::
#
# :::{exercise} ◆◆ Dropout at the test
# :label: ex-mistakes-4
# ```python
# def forward(self, x):
#     h = torch.tanh(self.first(torch.nn.functional.dropout(x, 0.5)))
#     return self.second(h)
# ```
# The evaluation calls `eval()`, as it should. What remains wrong, and which relation
# shows it?
# :::
#
# :::{solution} ex-mistakes-4
# :class: dropdown
# The *function* `dropout` does not know the mode of the module; its argument `training`
# is True unless one says otherwise. *Again* shows it.
#
# ```python
# drop = torch.nn.functional.dropout
# x = torch.ones(1, 1000)
# torch.manual_seed(0)
# assert not torch.equal(drop(x, 0.5), drop(x, 0.5))
# assert torch.equal(drop(x, 0.5, training=False), x)
# ```
# :::
#
# :::{exercise} ◆◆◆ A loss that stops early
# :label: ex-mistakes-5
# ```python
# probabilities = torch.softmax(logits, 1)
# loss = torch.nn.functional.cross_entropy(probabilities, item)
# ```
# Training is slow and the loss stops far above zero, at nearly the same value for every
# model. Derive the value.
# :::
#
# :::{solution} ex-mistakes-5
# :class: dropdown
# `cross_entropy` takes logits and applies a softmax itself. Probabilities lie in $[0, 1]$;
# at best the right item has 1 and the $I - 1$ others 0, so the loss cannot fall below
# $\log(e + I - 1) - 1$.
#
# ```python
# num_items = split.train.num_cols
# perfect = torch.zeros(1, num_items)
# perfect[0, 3] = 1
# lowest = torch.nn.functional.cross_entropy(perfect, torch.tensor([3]))
# bound = math.log(math.e + num_items - 1) - 1
# print(lowest.item(), bound, math.log(num_items))
# assert abs(lowest.item() - bound) < 1e-4
# ```
# The whole range between a uniform guess, $\log I$, and perfection is less than 1.
# :::
#
# :::{exercise} ◆◆◆ Black boxes
# :label: ex-mistakes-6
# Write a function that takes `score(fold_in)` of unknown origin and tries *again*, *whole*
# and a relation of your own on it: a user's scores must not depend on who else is in the
# batch. Which of these boxes are wrong?
# ```python
# boxes = {
#     "A": lambda X: fitted["PureSVD"].score(X),
#     "B": lambda X: fitted["EASE"].score(X) + torch.rand(X.shape),
#     "C": lambda X: fitted["EASE"].score(X)[:, : X.num_cols // 2],
#     "D": lambda X: fitted["EASE"].score(X) - fitted["EASE"].score(X).mean(0),
# }
# ```
# :::
#
# :::{solution} ex-mistakes-6
# :class: dropdown
# ```python
# boxes = {
#     "A": lambda X: fitted["PureSVD"].score(X),
#     "B": lambda X: fitted["EASE"].score(X) + torch.rand(X.shape),
#     "C": lambda X: fitted["EASE"].score(X)[:, : X.num_cols // 2],
#     "D": lambda X: fitted["EASE"].score(X) - fitted["EASE"].score(X).mean(0),
# }
# def suspicions(score, X):
#     scores = score(X)
#     if not torch.equal(scores, score(X)):
#         return "again"
#     if scores.shape != X.shape:
#         return "whole"
#     alone = score(X.rows(slice(0, 1)))
#     return "" if torch.allclose(alone, scores[:1], atol=1e-4) else "alone"
# answers = {n: suspicions(box, test.fold_in) for n, box in boxes.items()}
# print(answers)
# assert answers == {"A": "", "B": "again", "C": "whole", "D": "alone"}
# ```
# *Blind* cannot be tried on such a box: it needs the program that calls it. And *echo*
# needs care: before the mask, the best items of an honest autoencoder **are** its input.
# :::
#
# ## Summary
#
# * Most mistakes of this chapter were published. Most ran without an error and gave a
#   number that could have been right.
# * Mistakes of evaluation move the printed number, in either direction. Mistakes of
#   training may leave it nearly where it is; only the violated property shows them.
# * The right value is unknown, but relations between two runs are known: blind, shift,
#   again, echo, whole. Each is a test of a few lines.
# * A test is one only if a wrong program fails it, and a tolerance is one only if zero and
#   popularity lie outside.
#
# ## References
#
# All works are listed in {doc}`/book/references`.
