"""Recall@20, Recall@50 and NDCG@100 of all users from given scores, by reclib and by others.

Every library gets the same scores, as near to where its metrics begin as it allows, hides the
items that were folded in and ranks the rest. Recall is divided by the number of held-out items,
the definition that all of them have.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks import shapes
from benchmarks.contest import Contestant, Turns, compete

SHAPES = {
    "ML-1M's shape": shapes.ML_1M,
    "large catalogue": shapes.LARGE_CATALOGUE,
}
METRICS = ("recall@20", "recall@50", "ndcg@100")


class Problem:
    """What is given: pairs (user, item) that are folded in and held out, and scores."""

    def __init__(self, folder: Path):
        arrays = np.load(folder / "pairs.npz")
        self.fold_in, self.held_out = arrays["fold_in"], arrays["held_out"]
        self.scores_file = folder / "scores.npy"
        self.shape = tuple(arrays["shape"].tolist())

    @staticmethod
    def write(folder: Path, num_users: int, num_items: int, count: int) -> None:
        users, items = shapes.ratings(num_users, num_items, count)
        held_out = shapes.a_fifth(users)
        pairs = np.stack([users, items], axis=1)
        scores = shapes.scores(num_users, num_items)
        scores[tuple(pairs[held_out].T)] += 1.0  # the model has learnt something
        np.save(folder / "scores.npy", scores)
        np.savez(
            folder / "pairs.npz",
            fold_in=pairs[~held_out],
            held_out=pairs[held_out],
            shape=scores.shape,
        )

    def scores(self) -> np.ndarray:
        """A copy of one's own, to be overwritten at will: masking it again changes nothing."""
        return np.load(self.scores_file)

    def scipy(self, pairs: np.ndarray):
        import scipy.sparse

        return scipy.sparse.csr_matrix((np.ones(len(pairs)), tuple(pairs.T)), shape=self.shape)


# -- the contestants: each prepares, and returns the function that is timed ----------------------


def reclib(problem: Problem):
    import torch

    from reclib.evaluation import rank_scores
    from reclib.interactions import Interactions
    from reclib.splits import Test

    fold_in, held_out = (
        Interactions.from_coo(*pairs.T, shape=problem.shape)
        for pairs in (problem.fold_in, problem.held_out)
    )
    test = Test(fold_in, held_out, np.arange(problem.shape[0]))
    scores = torch.from_numpy(problem.scores())

    def run():
        return rank_scores(scores.split(500), test, METRICS).per_user.mean().to_dict()

    return run


def irspack(problem: Problem):
    from irspack.evaluation.evaluator import Evaluator

    evaluator = Evaluator(
        problem.scipy(problem.held_out), masked_interactions=problem.scipy(problem.fold_in)
    )
    scores = problem.scores()

    def run():
        blocks = (scores[start : start + 500] for start in range(0, len(scores), 500))
        values = evaluator.get_scores_from_score_chunks(blocks, [20, 50, 100])
        return {name: float(values[name]) for name in METRICS}

    return run


def cornac(problem: Problem):
    from collections import OrderedDict

    from cornac.data import Dataset
    from cornac.eval_methods.base_method import ranking_eval
    from cornac.metrics import NDCG, Recall
    from cornac.models import Recommender

    # Maps that leave every number as it is.
    maps = [OrderedDict(enumerate(range(size))) for size in problem.shape]
    train, test = (
        Dataset.build([(*pair, 1.0) for pair in pairs.tolist()], "UIR", *maps)
        for pairs in (problem.fold_in, problem.held_out)
    )
    scores = problem.scores()

    class Given(Recommender):
        def score(self, user_idx, item_idx=None):
            return scores[user_idx]

    model = Given("given").fit(train)

    def run():
        metrics = [Recall(k=20), Recall(k=50), NDCG(k=100)]
        means, _ = ranking_eval(model, metrics, train, test)
        return {name: float(mean) for name, mean in zip(METRICS, means, strict=True)}

    return run


def recbole_data(model, parts: dict[str, np.ndarray], num_items: int, **settings):
    """RecBole's configuration, its data set, and its loaders of the parts train, valid and test."""
    # RecBole 1.2.1 uses names that NumPy 2 has dropped.
    for old, new in {"float_": "float64", "complex_": "complex128", "unicode_": "str_"}.items():
        setattr(np, old, getattr(np, new))
    from recbole.config import Config
    from recbole.data import create_dataset, data_preparation

    files = Path("given")
    files.mkdir(exist_ok=True)
    for part, pairs in parts.items():
        header = "user_id:token\titem_id:token"
        np.savetxt(files / f"given.{part}.inter", pairs, "%d", "\t", header=header, comments="")
    # Items that nobody rated can be recommended, too.
    np.savetxt(
        files / "given.item", np.arange(num_items), "%d", header="item_id:token", comments=""
    )
    given = {
        "data_path": ".",
        "benchmark_filename": list(parts),
        "load_col": {"inter": ["user_id", "item_id"], "item": ["item_id"]},
        "eval_args": {"group_by": "user", "order": "RO", "mode": "full"},
        "use_gpu": False,
        "train_neg_sample_args": None,
    }
    config = Config(model, "given", config_dict=given | settings)
    dataset = create_dataset(config)
    return config, dataset, data_preparation(config, dataset)


def recbole(problem: Problem, users_per_batch: int | None = 500):
    import torch
    from recbole.model.abstract_recommender import GeneralRecommender
    from recbole.trainer import Trainer
    from recbole.utils import InputType

    class Given(GeneralRecommender):
        input_type = InputType.POINTWISE

        def __init__(self, config, dataset):
            super().__init__(config, dataset)
            self.anything = torch.nn.Parameter(torch.zeros(1))  # the trainer's optimiser wants one
            # RecBole numbers users and items anew, from 1.
            users, items = (
                np.array(dataset.field2id_token[field][1:]).astype(int)
                for field in (dataset.uid_field, dataset.iid_field)
            )
            self.scores = torch.empty(dataset.user_num, dataset.item_num)
            self.scores[1:, 1:] = torch.from_numpy(problem.scores()[np.ix_(users, items)])

        def full_sort_predict(self, interaction):
            users = interaction[self.USER_ID]  # successive ones: a view, nothing is copied
            return self.scores[users[0] : users[-1] + 1]

    # The validation part may not be empty; it repeats one training pair, which changes nothing.
    parts = {"train": problem.fold_in, "valid": problem.fold_in[:1], "test": problem.held_out}
    settings = {
        "metrics": ["Recall", "NDCG"],
        "topk": [20, 50, 100],
        "valid_metric": "NDCG@100",
        "metric_decimal_place": 12,
    }
    if users_per_batch:  # else its default, which comes to a single user
        settings["eval_batch_size"] = users_per_batch * (problem.shape[1] + 1)
    config, _, (*_, test) = recbole_data(Given, parts, problem.shape[1], **settings)
    trainer = Trainer(config, Given(config, test.dataset))

    def run():
        values = trainer.evaluate(test, load_best_model=False)
        return {name: float(values[name]) for name in METRICS}

    return run


def rectools(problem: Problem, rank: bool = True):
    import pandas as pd
    from rectools import Columns
    from rectools.metrics import NDCG, Recall, calc_metrics

    scores, seen = problem.scores(), tuple(problem.fold_in.T)
    held_out = pd.DataFrame(problem.held_out, columns=[Columns.User, Columns.Item])
    users, depth = np.arange(len(scores)), 100
    metrics = {
        "recall@20": Recall(20),
        "recall@50": Recall(50),
        "ndcg@100": NDCG(depth, divide_by_achievable=True),
    }

    def top() -> np.ndarray:
        scores[seen] = -np.inf
        lists = []
        for start in range(0, len(scores), 500):
            block = scores[start : start + 500]
            best = np.argpartition(block, -depth, axis=1)[:, -depth:]
            order = np.argsort(-np.take_along_axis(block, best, axis=1), axis=1)
            lists.append(np.take_along_axis(best, order, axis=1))
        return np.concatenate(lists)

    given = top()

    def run():
        lists = top() if rank else given
        recommended = pd.DataFrame(
            {
                Columns.User: np.repeat(users, depth),
                Columns.Item: lists.ravel(),
                Columns.Rank: np.tile(np.arange(1, depth + 1), len(users)),
            }
        )
        return calc_metrics(metrics, recommended, held_out)

    return run


CONTESTANTS = {
    "reclib": reclib,
    "irspack": irspack,
    "RecBole, 500 users a batch": recbole,
    "RecBole, its default batch": lambda problem: recbole(problem, None),
    "RecTools, ranked by NumPy": rectools,
    "RecTools, ranked lists given": lambda problem: rectools(problem, rank=False),
    "Cornac": cornac,
}


def measure(rounds: int, rectools_python: str) -> list[dict]:
    """Results of every shape and contestant; raises if their metrics disagree."""
    rows = []
    for shape_name, shape in SHAPES.items():
        print(f"  {shape_name}: {shape[0]:,} x {shape[1]:,}", file=sys.stderr)
        with tempfile.TemporaryDirectory() as folder:
            Problem.write(Path(folder), *shape)
            contestants = []
            for name in CONTESTANTS:
                python = rectools_python if name.startswith("RecTools") else ""
                contestants.append(
                    Contestant(name, "evaluation", name, folder=Path(folder), python=python)
                )
            results = compete(contestants, rounds)
        for name, result in results.items():
            for metric in METRICS:
                ours, theirs = results["reclib"]["values"][metric], result["values"][metric]
                if abs(ours - theirs) > 1e-6:
                    raise AssertionError(f"{metric}: reclib {ours}, {name} {theirs}")
            rows.append({"shape": shape_name, "size": shape, "contestant": name, **result})
    return rows


if __name__ == "__main__":
    turns = Turns()
    turns.play(CONTESTANTS[sys.argv[1]](Problem(Path())))
