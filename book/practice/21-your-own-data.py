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
# (ch-own-data)=
# # Your own data
#
# ## At a glance
#
# **Question.** You have a log of your own: who took what, perhaps how they liked it, and
# when. How do you come from this file to lists of recommendations that you can defend, and
# to a program that serves them?
#
# **You need** {doc}`/book/foundations/02-measuring` for splits and NDCG, and
# {doc}`/book/top-n/09-linear-autoencoders` for EASE, which this chapter ends up with.
#
# **You will be able to** read any table into checked ratings, choose a split for a reason,
# compare models with intervals, and recommend, explain, save, load and serve.
#
# The whole way is seven steps, and about forty lines of code:
#
# ```text
# orders.csv -> Ratings -> Split -> tune -> compare -> recommend -> save
#  a file      checked    what is   on its  on its     for whom     load
#              once       tested    part    test       you like     serve
# ```

# %%
import tempfile
from pathlib import Path

import pandas as pd
from IPython.display import Markdown

from reclib import comparing, datasets, evidence, splits, training, tuning
from reclib.models import EASE, ItemKNN, MultVAE, Popularity
from reclib.persistence import load, save
from reclib.ratings import Ratings
from reclib.recommending import explain, recommend, similar_items

pd.options.display.precision = 4
pd.options.display.max_colwidth = 45
Markdown(evidence.at_a_glance("21-your-own-data"))

# %% [markdown]
# The parameters of the page. With your own file, put its path into `path` and the names of
# its columns into the call of `from_table` below. In Colab, `upload = True` asks for the
# file.

# %% tags=["parameters"]
dataset = "ml-latest-small"
path = ""
upload = False
trials = 8
seeds = 5
epochs = 40

# %% [markdown]
# ## A log as it comes
#
# The example is a log of a video shop. It was made from the embedded MovieLens ratings, and
# it has what real logs have: text as identifiers, dates as text, columns with names of
# their own. Some lines are there twice, because somebody rated a film again. One number is
# written with a comma.

# %% tags=["hide-input"]
folder = Path(tempfile.mkdtemp())
if upload:
    from google.colab import files

    path = next(iter(files.upload()))
elif not path:
    ml = datasets.load(dataset)
    log = pd.DataFrame(
        {
            "customer": "c-" + ml.table["user"].astype(str).str.zfill(4),
            "film": "f-" + ml.table["item"].astype(str),
            "stars": ml.table["rating"].astype(str),
            "when": pd.to_datetime(ml.table["timestamp"], unit="s").astype(str),
            "title": ml.table["item"].map(ml.titles),
        }
    ).sample(frac=1, random_state=0, ignore_index=True)
    again = log.head(300).assign(stars="3.0", when="2018-09-20 12:00:00")
    log = pd.concat([log, again], ignore_index=True)
    log.loc[7, "stars"] = "4,5"
    path = folder / "orders.csv"
    log.to_csv(path, index=False)

# %% [markdown]
# Its first lines:

# %%
pd.read_csv(path).head()

# %% [markdown]
# ## Step 1: ratings that are checked once
#
# `Ratings.from_table` reads the file. You say which column is what, and nothing has to be
# renamed or numbered. The first attempt fails, and it should: a wrong number that passes
# here would never be found again.

# %%
columns = dict(
    user="customer",
    item="film",
    rating="stars",
    timestamp="when",
    title="title",
)
try:
    Ratings.from_table(path, **columns)
except ValueError as error:
    print(error)

# %% [markdown]
# The message names the column, the row and the value. So we mend the file where it is
# wrong, and try again. The second message is about the lines that are there twice.

# %%
table = pd.read_csv(path)
table["stars"] = pd.to_numeric(table["stars"].astype(str).str.replace(",", "."))
try:
    Ratings.from_table(table, **columns)
except ValueError as error:
    print(error)

# %% [markdown]
# What becomes of a pair that occurs twice is a decision about *your* data, which no library
# can take. Here a later rating replaces an earlier one, so we keep the last. For a log of
# purchases `"count"` or `"sum"` may be right.

# %%
ratings = Ratings.from_table(table, **columns, duplicates="last")
likes = ratings.at_least(4).k_core(10)
pd.concat(
    [ratings.statistics(), likes.statistics().rename("liked, 10-core")], axis=1
)

# %% [markdown]
# The second column is what we work with: an event is a rating of four stars or more, and
# every customer and every film has ten of them at least. Fewer events say too little about
# a customer to test on. They are no reason to leave her out later: *recommending* needs no
# minimum.
#
# ## Step 2: a split, for a reason
#
# The split should repeat what the system will have to do. Ours recommends to customers it
# knows, and the next thing they watch lies in the future. So the latest events of each
# customer are the test, and those before them the validation part:

# %%
split = splits.leave_n_out(likes, 3, validation=3)
print(f"split {split.fingerprint()}: {split.train}")
print(f"to validate on: {split.validation.held_out.nnz:,} events")
print(f"to test on:     {split.test.held_out.nnz:,} events")

# %% [markdown]
# Other systems, other splits. The table says which of them this library has.
#
# | the system | the split |
# |---|---|
# | is trained once a week, and serves whoever comes | `splits.at_date`, `splits.rolling` |
# | knows its customers, and recommends the next item | `splits.leave_n_out` |
# | fills gaps of a table of ratings | `splits.hold_out`, `splits.k_fold` |
# | meets customers it was not trained on | `splits.held_out_users` |
#
# A cut at a date is the most honest one where there are enough events on both sides.
# MovieLens is not such a log: most people rate all their films in one evening. After any
# given date there is almost nobody left who was there before.

# %%
cut = splits.at_date(likes, "2016-01-01")
before, after = cut.train.row_counts > 0, cut.test.held_out.row_counts > 0
print(
    f"customers with events before 2016 {int(before.sum())}, after {int(after.sum())},"
)
print(f"on both sides {int((before & after).sum())}")

# %% [markdown]
# ## Step 3: tune on the validation part
#
# A model with the options of somebody else's data is no rival. `tuning.tune` tries the
# default options first and then what its search proposes. It looks at the validation part
# only; the test stays closed.

# %%
found = tuning.tune(
    EASE,
    split,
    {"model.l2": {"low": 10.0, "high": 2000.0, "log": True}},
    trials=trials,
    metric="ndcg@10",
    progress=False,
)
found.trials

# %% [markdown]
# How far may the best penalty be from the edge of what was tried? If it lies *at* an edge,
# the range was too narrow, and the search should go on.

# %%
penalty = found.best["model"]["l2"]
assert 10.0 < penalty < 2000.0
print(f"chosen penalty: {penalty:g}")

# %% [markdown]
# ## Step 4: compare, with intervals
#
# Four models: the list that is the same for everybody, neighbours, a linear autoencoder and
# a variational one. The last starts at random, so it is trained several times. Its epoch is
# chosen on the validation part.

# %%
models = {
    "popularity": Popularity(),
    "item-kNN": ItemKNN(50),
    "EASE": EASE(penalty),
    "Mult-VAE": (
        MultVAE((100,), anneal_steps=500),
        dict(epochs=epochs, batch_size=100, patience=5),
    ),
}
compared = comparing.compare_models(
    models, split, "ndcg@10", seeds=seeds, progress=False
)
compared.table[["mean", "low", "high", "fits"]]

# %% [markdown]
# These intervals belong to one model at a time. Whether one model is *better* than another
# is a question about pairs, and several pairs at once need wider intervals
# ({doc}`/book/foundations/02-measuring`). In the next table all of them hold together with
# probability .95. The first model is better than the second where the interval lies above
# zero. Where it holds zero, the comparison is open.

# %%
pairs = compared.pairs[["mean", "low", "high", "kind"]]
best = compared.table.index[0]
beaten = [b for a, b in pairs.query("low > 0").index if a == best]
print(
    f"{best} is better than: {', '.join(beaten) or 'none of them, as far as we see'}"
)
pairs

# %% [markdown]
# ### The choice, and its reason
#
# We take EASE. It is not a question of the highest mean alone: it has one option, it is
# solved in a second, it gives the same result each time, and it can say *why* an item is
# recommended. A model that is more difficult to keep would have to be better by an interval
# that holds no zero.

# %%
assert (
    compared.table.loc["EASE", "mean"] > compared.table.loc["popularity", "low"]
)
ease = compared.table.loc["EASE"]
print(f"EASE {ease['mean']:.4f}, {ease['low']:.4f} to {ease['high']:.4f}")

# %% [markdown]
# ## Step 5: recommend
#
# Now the test has done its work, and the model is fitted to all events. `recommend` takes
# and returns identifiers. For a known customer it leaves out what she has.

# %%
model = EASE(penalty)
training.fit(model, likes.to_interactions())
someone = likes.users[5]
recommend(model, [someone], k=5)

# %% [markdown]
# Somebody new needs no training: the list of her films is enough. And of somebody of whom
# nothing is known the model says what it says of nobody; `based_on` tells the two apart.

# %%
known = {"new": ["f-260", "f-1196", "f-2571"], "nobody": []}
recommend(model, known, k=4)

# %% [markdown]
# The three films of the new customer are two of *Star Wars* and *The Matrix*. EASE is
# linear, so the score of a film is a sum over these three, and `explain` shows the parts.

# %%
first = recommend(model, {"new": known["new"]}, k=1)["item"][0]
why = explain(model, known["new"], first)
score = recommend(model, {"new": known["new"]}, k=1)["score"][0]
assert abs(why["moves"].sum() - score) < 1e-5
why

# %% [markdown]
# `similar_items` answers the question of a product page: what goes with this one? It is the
# list of a customer who has nothing else.

# %%
similar_items(model, ["f-1"], k=4)

# %% [markdown]
# ## Step 6: save and load
#
# A saved model is a folder: the numbers as safetensors, settings and identifiers as JSON,
# and a card that says what it is. Nothing in it can run. The loaded model gives the same
# numbers, bit for bit, and knows the same names.

# %%
save(model, folder / "model")
again = load(folder / "model")
ours, theirs = (recommend(each, [someone], k=10) for each in (model, again))
assert ours.equals(theirs)
for file in sorted((folder / "model").iterdir()):
    print(f"{file.name:22} {file.stat().st_size / 1e3:8,.0f} kB")

# %% [markdown]
# The history of the known customers is part of it, so that they can be served. If the folder
# leaves the house, save with `history=False`: then it holds no customer, and serves those
# who bring their items along.
#
# ## Step 7: serve
#
# The program `book/practice/serving.py` of the repository loads such a folder and answers
# over HTTP, with FastAPI, in forty lines. It is an example and not a part of `reclib`; the tests
# of this book call it.
#
# ```bash
# pip install "reclib[serve]"
# MODEL=model uvicorn --app-dir book/practice --factory serving:app
# curl localhost:8000/recommend/c-0006
# ```
#
# ## What goes wrong
#
# ### A matrix with other columns
#
# Next week's log has a new film, and an old one is gone. If a model takes columns by their
# number, every column after the first change is wrong, and nothing says so. A model of this
# library knows its items by name:

# %%
fewer = likes.where(likes.table["item"] != likes.items[3])
try:
    model.score(fewer.to_interactions())
except ValueError as error:
    print(error)

# %% [markdown]
# ### An item that the model does not know
#
# A request names an item that is new since the last training. It would be easy to leave it
# out quietly; then a typing mistake looks like a customer without taste. So it is refused
# by name, unless you say that it may be ignored.

# %%
request = {"new": ["f-260", "f-999999"]}
try:
    recommend(model, request)
except ValueError as error:
    print(error)
recommend(model, request, k=2, unknown="ignore")

# %% [markdown]
# ### The items of the validation part, ranked in the test
#
# A customer has seen her validation items, so the test must not rank them. Left in, some
# of them take places in the list, and each of these counts as a miss. All splits of this library leave them out. The cell puts them back to show the size
# of the mistake.

# %%
from reclib import evaluation

fitted = EASE(penalty)
training.fit(fitted, split.train)
left_in = splits.Test(split.test.fold_in, split.test.held_out, split.test.users)
values = {
    name: evaluation.rank(fitted, test, ["ndcg@10"]).per_user["ndcg@10"].mean()
    for name, test in {"left out": split.test, "ranked": left_in}.items()
}
assert values["ranked"] < values["left out"]
pd.Series(values, name="NDCG@10").to_frame()

# %% [markdown]
# The difference is of the size of those between the models above. Numbers of two libraries
# can only be compared if both do the same here.
#
# ## Exercises
#
# :::{exercise} ◆ Three wrong tables
# :label: ex-own-1
# What does `from_table` say of a log in which a customer is missing in one row, one in which
# dates are written 27/06/2021, and one whose times are milliseconds? Guess first, then try.
# :::
#
# :::{solution} ex-own-1
# :class: dropdown
# Each is refused with the column, the row and the value; of the last it asks for
# `unit="ms"`.
#
# ```python
# small = pd.DataFrame({"user": ["a", None], "item": ["x", "y"], "t": [1, 2]})
# wrong = {
#     "missing": small,
#     "dates": small.assign(user="a", t="27/06/2021"),
#     "milliseconds": small.assign(user="a", t=1624821229000),
# }
# for name, each in wrong.items():
#     try:
#         Ratings.from_table(each, timestamp="t")
#     except ValueError as error:
#         print(f"{name}: {error}")
# ```
# :::
#
# :::{exercise} ◆◆ Counts in place of stars
# :label: ex-own-2
# Make a log of plays, in which a pair occurs as often as it was played, and read it with
# `duplicates="count"`. Which models of this page read the counts, and which only the events?
# :::
#
# :::{solution} ex-own-2
# :class: dropdown
# All four read events only: EASE gives the same scores for the counts as for ones.
#
# ```python
# plays = pd.DataFrame({"user": list("aaabbc"), "item": list("xxyxyx")})
# counted = Ratings.from_table(plays, duplicates="count")
# events = Ratings.from_table(plays, duplicates="last")
# assert counted.table["rating"].max() == 2
# one, other = (EASE(1.0).fit(r.to_interactions()) for r in (counted, events))
# assert (one.B == other.B).all()
# ```
# :::
#
# :::{exercise} ◆◆◆ Another split, another winner?
# :label: ex-own-3
# Repeat the comparison of popularity, item-kNN and EASE with `splits.at_date` at a date of
# your choice and `known_only=True`. Does the order stay? How many customers does it rest on?
# :::
#
# :::{solution} ex-own-3
# :class: dropdown
# Few customers have events on both sides of any date, so the intervals are wide; read them
# before the means.
#
# ```python
# dated = splits.at_date(likes, "2015-01-01", known_only=True)
# solved = {name: models[name] for name in ("popularity", "item-kNN", "EASE")}
# other = comparing.compare_models(solved, dated, progress=False)
# print(int((dated.test.held_out.row_counts > 0).sum()), "customers")
# print(other.table[["mean", "low", "high"]])
# ```
# :::
#
# ## Summary
#
# * A table is checked once, when it is read; what is wrong is named by column, row and value.
# * The split repeats what the system will do. Tuning sees the validation part, and the test
#   is opened once.
# * Compare with intervals for pairs. Take the simpler model unless the other one is better
#   by an interval without zero.
# * Identifiers go in and come out. A model refuses columns and items that it does not know.
#
# ## References
#
# All works are listed in {doc}`/book/references`.
