"""The fifteen tasks of tests/test_first_hour.py with Cornac 2.3.5.

``own_csv`` gives a table of users, items, ratings and seconds, which is what Cornac's splits are
made from, the dataset of the same rows, and the titles. A split is an evaluation method.
"""

import copy
import itertools
import subprocess
import sys

import cornac
import numpy as np
import onnx
import pandas as pd
import polars as pl
from cornac.data import Dataset
from cornac.eval_methods import BaseMethod, RatioSplit, StratifiedSplit
from cornac.eval_methods.base_method import ranking_eval
from cornac.hyperopt import Discrete, GridSearch
from cornac.metrics import MAE, NDCG, RMSE
from cornac.models import EASE, HPF, MF, VAECF, ItemKNN, MostPop, Recommender
from onnx import TensorProto, helper, numpy_helper


def own_csv(log, folder):
    log.to_csv(folder / "log.csv", index=False)
    table = pd.read_csv(folder / "log.csv", parse_dates=["when"])
    table = table.drop_duplicates(["who", "what"], keep="last")
    seconds = table["when"].astype("int64") // 10**9
    rows = table[["who", "what", "stars"]].assign(when=seconds)
    return rows, Dataset.from_uirt(rows.values), table.set_index("what")["name"].to_dict()


def counts_as_confidence(log):
    # Its weighted factorisation gives all that was seen one confidence: a model of counts instead.
    plays = log.groupby(["who", "what"]).size().reset_index()
    return HPF(k=16).fit(Dataset.from_uir(plays.values))


def four_splits(rows):
    when, back = rows["when"], rows.groupby("who")["when"].rank("first", ascending=False)
    dates = ("2005-01-01", "2010-01-01", "2015-01-01")
    first, second, third = (pd.Timestamp(date).timestamp() for date in dates)
    parts = [(back > 1, back == 1), (when < second, when >= second)]
    parts += [(when < a, when.between(a, b, "left")) for a, b in ((first, second), (second, third))]
    for train, test in parts:
        yield BaseMethod.from_splits(rows[train].values, rows[test].values, fmt="UIRT")
    yield StratifiedSplit(rows.values, test_size=0.2, val_size=0.1, fmt="UIRT", seed=0)


def compared_models(method):
    models = [EASE("EASE", lamb=100), ItemKNN("kNN", k=20), MostPop()]
    experiment = cornac.Experiment(method, models, [NDCG(k=10)])
    experiment.run()
    results, pairs = experiment.result, {}
    found = {one.model_name: pd.Series(one.metric_user_results["NDCG@10"]) for one in results}
    for one, two in itertools.combinations(found, 2):
        gap = found[one] - found[two]
        pairs[one, two] = gap.mean() + np.array([-1.96, 0, 1.96]) * gap.std() / len(gap) ** 0.5
    return pd.DataFrame(found).mean().sort_values(ascending=False), pairs


def for_known_users(model, dataset):
    lists = {one: model.recommend(one, 6, True, dataset) for one in ("u1", "u6")}
    return {one: [item for item in items if item != "f318"][:5] for one, items in lists.items()}


def for_new_users(model, dataset):
    new = {"ann": {"f260": 1, "f1196": 1}, "bob": {"f1": 5.0}, "nobody": {}}
    X = pd.DataFrame(new, index=model.item_ids, dtype=float).fillna(0).T.to_numpy()
    scores = np.where(X > 0, -np.inf, X @ model.B)
    scores[2] = dataset.csr_matrix.getnnz(axis=0)
    lists = np.array(model.item_ids)[np.argsort(-scores, axis=1)[:, :5]]
    return dict(zip(new, lists, strict=True))


def item_page(model):
    known, item = [model.iid_map["f260"], model.iid_map["f2571"]], model.iid_map["f1196"]
    similar = np.array(model.item_ids)[np.argsort(-model.B[known[0]])[:5]]
    reasons = pd.Series(model.B[known, item], ["f260", "f2571"]).sort_values(ascending=False)
    return similar, reasons


def kept(model, folder):
    return EASE.load(model.save(folder))


def tuned(method):
    space = [Discrete("lamb", np.geomspace(10, 1000, 4))]
    search = GridSearch(EASE(verbose=False), space, NDCG(k=10), method)
    search.fit(method.train_set, method.val_set)
    return search.best_params, search.best_score


def trained_to_the_plateau(method):
    model, history = VAECF(autoencoder_structure=[32], n_epochs=1), []
    while len(history) < 6 and len(history) - np.argmax([*history, 0]) <= 2:
        model.fit(method.train_set)
        (ndcg,), _ = ranking_eval(model, [NDCG(k=10)], method.train_set, method.val_set)
        history.append(ndcg)
        if ndcg == max(history):
            best = copy.deepcopy(model)
    return history, best


class MostRecent(Recommender):
    def __init__(self):
        super().__init__("MostRecent")

    def fit(self, train_set, val_set=None):
        super().fit(train_set, val_set)
        self.latest = train_set.csr_matrix.max(axis=0).toarray()[0]
        return self

    def score(self, user_idx, item_idx=None):
        return self.latest if item_idx is None else self.latest[item_idx]


def stars_predicted(log):
    table = log.drop_duplicates(["who", "what"], keep="last")
    method = RatioSplit(table[["who", "what", "stars"]].values, test_size=0.1, seed=0)
    result, _ = method.evaluate(MF(k=8, lambda_reg=0.1), [RMSE(), MAE()], user_based=False)
    return result.metric_avg_results


def other_frames(log):
    for frame in (pl.from_pandas(log).to_pandas(), log.convert_dtypes(dtype_backend="pyarrow")):
        table = frame.drop_duplicates(["who", "what"], keep="last")
        yield Dataset.from_uir(table[["who", "what", "stars"]].values)


def for_another_program(model, folder):
    W = model.B.astype(np.float32)
    node = helper.make_node("MatMul", ["X", "W"], ["scores"])
    shape = TensorProto.FLOAT, [None, len(W)]
    X, scores = (helper.make_tensor_value_info(name, *shape) for name in ("X", "scores"))
    graph = helper.make_graph([node], "ease", [X], [scores], [numpy_helper.from_array(W, "W")])
    onnx.save(helper.make_model(graph), folder / "ease.onnx")
    return folder / "ease.onnx"


def on_the_command_line():
    command = [sys.executable, "-c", "import cornac; print(cornac.__version__)"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
