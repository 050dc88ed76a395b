"""The fifteen tasks of tests/test_first_hour.py with RecTools 0.19.0.

``own_csv`` gives the dataset that the other tasks take. A split is a dataset to train on and a
table of what is held out, both with the identifiers of the log.
"""

import copy
import itertools
import subprocess
import sys

import numpy as np
import onnx
import pandas as pd
import polars as pl
from implicit.als import AlternatingLeastSquares
from implicit.nearest_neighbours import CosineRecommender
from onnx import TensorProto, helper, numpy_helper
from rectools import Columns
from rectools.dataset import Dataset
from rectools.metrics import NDCG
from rectools.model_selection import LastNSplitter, TimeRangeSplitter, cross_validate
from rectools.models import (
    EASEModel,
    ImplicitALSWrapperModel,
    ImplicitItemKNNWrapperModel,
    PopularModel,
    load_model,
)
from rectools.models.base import ModelBase
from scipy.sparse import csr_matrix
from scipy.sparse.linalg import svds


def own_csv(log, folder):
    log.to_csv(folder / "log.csv", index=False)
    table = pd.read_csv(folder / "log.csv").drop_duplicates(["who", "what"], keep="last")
    names = {"who": "user_id", "what": "item_id", "stars": "weight", "when": "datetime"}
    return Dataset.construct(table.rename(columns=names), keep_extra_cols=True)


def counts_as_confidence(log):
    plays = log.groupby(["who", "what"])["when"].agg(["size", "max"]).reset_index()
    dataset = Dataset.construct(plays.set_axis(Columns.Interactions, axis=1))
    return ImplicitALSWrapperModel(AlternatingLeastSquares(16)).fit(dataset)


def four_splits(dataset):
    users, when = dataset.interactions.df["user_id"], dataset.interactions.df["datetime"]
    yield from LastNSplitter(1).split(dataset.interactions)
    days = (when.max().normalize() - pd.Timestamp("2010-01-01")).days + 1
    yield from TimeRangeSplitter(f"{days}D").split(dataset.interactions)
    for start, end in itertools.pairwise(["2005-01-01", "2010-01-01", "2015-01-01"]):
        test = when.between(start, end, inclusive="left")
        yield np.flatnonzero(when < start), np.flatnonzero(test), {}
    drawn = pd.Series(np.random.default_rng(0).random(len(users)), users.index)
    cuts = pd.cut(drawn.groupby(users).rank(pct=True), [0, 0.2, 0.3, 1], labels=False)
    yield tuple(np.flatnonzero(cuts == part) for part in (2, 0, 1))


def compared_models(train, test):
    kNN = ImplicitItemKNNWrapperModel(CosineRecommender(20))
    models = {"EASE": EASEModel(100.0), "kNN": kNN, "popularity": PopularModel()}
    users, found, pairs = test["user_id"].unique(), {}, {}
    for name, model in models.items():
        lists = model.fit(train).recommend(users, train, k=10, filter_viewed=True)
        found[name] = NDCG(10, divide_by_achievable=True).calc_per_user(lists, test)
    for one, two in itertools.combinations(found, 2):
        gap = found[one] - found[two]
        pairs[one, two] = gap.mean() + np.array([-1.96, 0, 1.96]) * gap.std() / len(gap) ** 0.5
    return pd.DataFrame(found).mean().sort_values(ascending=False), pairs


def for_known_users(model, dataset):
    shown = np.setdiff1d(dataset.item_id_map.external_ids, ["f318"])
    return model.recommend(["u1", "u6"], dataset, 5, filter_viewed=True, items_to_recommend=shown)


def for_new_users(model, dataset):
    new = [["ann", "f260", 1, "2020"], ["ann", "f1196", 1, "2020"], ["bob", "f1", 5.0, "2020"]]
    new = pd.DataFrame(new, columns=Columns.Interactions)
    with_new = Dataset.construct(pd.concat([dataset.get_raw_interactions(), new]))
    lists = model.recommend(["ann", "bob"], with_new, k=5, filter_viewed=True)
    popular = PopularModel().fit(dataset)
    return pd.concat([lists, popular.recommend(["nobody"], dataset, k=5, filter_viewed=False)])


def item_page(model, dataset):
    known, item = dataset.item_id_map.convert_to_internal(["f260", "f2571"]), "f1196"
    moves = model.weight[known, dataset.item_id_map.convert_to_internal([item])]
    reasons = pd.Series(moves, ["f260", "f2571"]).sort_values(ascending=False)
    return model.recommend_to_items(["f260"], dataset, k=5), reasons


def kept(model, folder):
    model.save(folder / "model.pkl")
    return load_model(folder / "model.pkl")


def tuned(dataset):
    models = {str(l2): EASEModel(l2) for l2 in np.geomspace(10, 1000, 4)}
    metrics = {"ndcg": NDCG(10, divide_by_achievable=True)}
    found = cross_validate(dataset, LastNSplitter(2), metrics, models, 10, filter_viewed=True)
    return pd.DataFrame(found["metrics"]).sort_values("ndcg", ascending=False)


def trained_to_the_plateau(train, validation):
    model, history = ImplicitALSWrapperModel(AlternatingLeastSquares(32)), []
    while len(history) < 6 and len(history) - np.argmax([*history, 0]) <= 2:
        model.fit_partial(train, epochs=1)
        lists = model.recommend(validation["user_id"].unique(), train, 10, filter_viewed=True)
        history.append(NDCG(10, divide_by_achievable=True).calc(lists, validation))
        if history[-1] == max(history):
            best = copy.deepcopy(model)
    return history, best


class MostRecent(ModelBase):
    def _fit(self, dataset):
        self.latest = dataset.get_user_item_matrix().max(axis=0).toarray()

    def _recommend_u2i(self, user_ids, dataset, k, filter_viewed, sorted_item_ids_to_recommend):
        seen = dataset.get_user_item_matrix()[user_ids].toarray() > 0
        scores = np.where(seen & filter_viewed, -np.inf, self.latest)
        items = np.argsort(-scores, axis=1)[:, :k]
        return np.repeat(user_ids, k), items.ravel(), np.take_along_axis(scores, items, 1).ravel()


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
    names = {"who": "user_id", "what": "item_id", "stars": "weight", "when": "datetime"}
    for frame in (pl.from_pandas(log).to_pandas(), log.convert_dtypes(dtype_backend="pyarrow")):
        table = frame.drop_duplicates(["who", "what"], keep="last").rename(columns=names)
        yield Dataset.construct(table)


def for_another_program(model, folder):
    W = model.weight.astype(np.float32)
    node = helper.make_node("MatMul", ["X", "W"], ["scores"])
    shape = TensorProto.FLOAT, [None, len(W)]
    X, scores = (helper.make_tensor_value_info(name, *shape) for name in ("X", "scores"))
    graph = helper.make_graph([node], "ease", [X], [scores], [numpy_helper.from_array(W, "W")])
    onnx.save(helper.make_model(graph), folder / "ease.onnx")
    return folder / "ease.onnx"


def on_the_command_line():
    command = [sys.executable, "-c", "import rectools; print(rectools.__version__)"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
