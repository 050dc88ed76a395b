"""The fifteen tasks of tests/test_first_hour.py with implicit 0.7.3.

It works with matrices and numbers. A table with a categorical column for users and one for items
therefore goes beside each matrix; both come from ``own_csv``. A split is a tuple of matrices.
"""

import copy
import itertools
import subprocess
import sys

import numpy as np
import onnx
import pandas as pd
import polars as pl
from implicit.cpu.als import AlternatingLeastSquares
from implicit.evaluation import ndcg_at_k
from implicit.nearest_neighbours import CosineRecommender
from onnx import TensorProto, helper, numpy_helper
from scipy.sparse import csr_matrix
from scipy.sparse.linalg import svds


def to_matrix(table):
    users, items = table["who"].cat, table["what"].cat
    shape = len(users.categories), len(items.categories)
    return csr_matrix((table["stars"], (users.codes, items.codes)), shape)


def own_csv(log, folder):
    log.to_csv(folder / "log.csv", index=False)
    kinds = {"who": "category", "what": "category"}
    table = pd.read_csv(folder / "log.csv", dtype=kinds, parse_dates=["when"])
    table = table.drop_duplicates(["who", "what"], keep="last")
    return table, to_matrix(table)


def counts_as_confidence(log):
    users, items = pd.factorize(log["who"])[0], pd.factorize(log["what"])[0]
    model = AlternatingLeastSquares(16)
    model.fit(csr_matrix((np.ones(len(log)), (users, items))), show_progress=False)
    return model


def four_splits(table):
    when, by_user = table["when"], table["who"].astype(str)
    back = when.groupby(by_user).rank("first", ascending=False)
    yield to_matrix(table[back > 1]), to_matrix(table[back == 1])
    yield to_matrix(table[when < "2010-01-01"]), to_matrix(table[when >= "2010-01-01"])
    for start, end in itertools.pairwise(["2005-01-01", "2010-01-01", "2015-01-01"]):
        test = when.between(start, end, inclusive="left")
        yield to_matrix(table[when < start]), to_matrix(table[test])
    drawn = pd.Series(np.random.default_rng(0).random(len(table)), table.index)
    cuts = pd.cut(drawn.groupby(by_user).rank(pct=True), [0, 0.2, 0.3, 1], labels=False)
    yield tuple(to_matrix(table[cuts == part]) for part in (2, 0, 1))


def compared_models(train, test):
    lists, found, pairs = {}, {}, {}
    for name, model in {"ALS": AlternatingLeastSquares(16), "kNN": CosineRecommender(20)}.items():
        model.fit(train, show_progress=False)
        lists[name] = model.recommend(np.arange(train.shape[0]), train, N=10)[0]
    popular = np.where(train.toarray() > 0, -1, train.getnnz(axis=0))
    lists["popularity"] = np.argsort(-popular, axis=1)[:, :10]
    discounts, relevant = 1 / np.log2(np.arange(2, 12)), test.toarray() > 0
    best = np.append(0, discounts.cumsum())[relevant.sum(axis=1).clip(max=10)]
    for name, items in lists.items():
        gains = (np.take_along_axis(relevant, items, 1) & (items >= 0)) @ discounts
        found[name] = gains[best > 0] / best[best > 0]
    for one, two in itertools.combinations(found, 2):
        gap = found[one] - found[two]
        pairs[one, two] = gap.mean() + np.array([-1.96, 0, 1.96]) * gap.std() / len(gap) ** 0.5
    return pd.DataFrame(found).mean().sort_values(ascending=False), pairs


def for_known_users(model, table, matrix):
    users, items = table["who"].cat.categories, table["what"].cat.categories
    rows, hidden = users.get_indexer(["u1", "u6"]), items.get_indexer(["f318"])
    found, scores = model.recommend(rows, matrix[rows], N=5, filter_items=hidden)
    return {"u1": items[found[0]], "u6": items[found[1]]}, scores


def for_new_users(model, table, matrix):
    new = {"ann": {"f260": 1, "f1196": 1}, "bob": {"f1": 5.0}, "nobody": {}}
    items = table["what"].cat.categories
    rows = csr_matrix(pd.DataFrame(new, index=items, dtype=float).fillna(0).T)
    found, scores = model.recommend(np.arange(3), rows, N=5, recalculate_user=True)
    found[2] = np.argsort(-matrix.getnnz(axis=0))[:5]
    return dict(zip(new, items.to_numpy()[found], strict=True)), scores


def item_page(model, table, matrix):
    items = table["what"].cat.categories
    known, (item,) = items.get_indexer(["f260", "f2571"]), items.get_indexer(["f1196"])
    user = csr_matrix((np.ones(2), ([0, 0], known)), (1, len(items)))
    similar, scores = model.similar_items(known[0], N=6)
    return items[similar[1:]], scores[1:], model.explain(0, user, item)


def kept(model, folder):
    model.save(folder / "model.npz")
    return AlternatingLeastSquares.load(folder / "model.npz")


def tuned(train, validation):
    found = {}
    for l2 in np.geomspace(10, 1000, 4):
        model = AlternatingLeastSquares(16, regularization=l2)
        model.fit(train, show_progress=False)
        found[l2] = ndcg_at_k(model, train, validation, K=10, show_progress=False)
    return max(found, key=found.get), found


def trained_to_the_plateau(train, validation):
    model, history = AlternatingLeastSquares(32, iterations=1), []
    while len(history) < 6 and len(history) - np.argmax([*history, 0]) <= 2:
        model.fit(train, show_progress=False)
        history.append(ndcg_at_k(model, train, validation, K=10, show_progress=False))
        if history[-1] == max(history):
            best = copy.deepcopy(model)
    return history, best


class MostRecent:
    def fit(self, user_items):
        self.latest = user_items.max(axis=0).toarray()

    def recommend(self, userid, user_items, N=10):
        scores = np.where(user_items.toarray() > 0, -np.inf, self.latest)
        ids = np.argsort(-scores, axis=1)[:, :N].astype(np.int32)
        return ids, np.take_along_axis(scores, ids, 1)


def stars_predicted(log):
    table = log.drop_duplicates(["who", "what"], keep="last")
    users, items = pd.factorize(table["who"])[0], pd.factorize(table["what"])[0]
    stars, known = table["stars"].to_numpy(), np.random.default_rng(0).random(len(table)) > 0.1
    base = np.full(len(table), stars[known].mean())
    for ids in (items, users):
        base += (np.bincount(ids, known * (stars - base)) / (np.bincount(ids, known) + 1))[ids]
    U, s, V = svds(csr_matrix((known * (stars - base), (users, items))), k=8)
    predicted = (base + (U[users] * s * V.T[items]).sum(axis=1)).clip(stars.min(), stars.max())
    errors = (predicted - stars)[~known]
    return {"rmse": np.sqrt((errors**2).mean()), "mae": np.abs(errors).mean()}


def other_frames(log):
    kinds = {"who": "category", "what": "category", "stars": float}
    for frame in (pl.from_pandas(log).to_pandas(), log.convert_dtypes(dtype_backend="pyarrow")):
        table = frame.astype(kinds).drop_duplicates(["who", "what"], keep="last")
        yield table, to_matrix(table)


def for_another_program(model, folder):
    W = model.similarity.toarray().astype(np.float32)  # of a CosineRecommender
    node = helper.make_node("MatMul", ["X", "W"], ["scores"])
    shape = TensorProto.FLOAT, [None, len(W)]
    X, scores = (helper.make_tensor_value_info(name, *shape) for name in ("X", "scores"))
    graph = helper.make_graph([node], "knn", [X], [scores], [numpy_helper.from_array(W, "W")])
    onnx.save(helper.make_model(graph), folder / "knn.onnx")
    return folder / "knn.onnx"


def on_the_command_line():
    command = [sys.executable, "-c", "import implicit; print(implicit.__version__)"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
