"""One setting, measured: load, split, fit, evaluate.

What :mod:`reclib.experiments` does with every point and seed, in a process of its own.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd
import torch

from reclib import augmentation, datasets, evaluation, metrics, splits, training
from reclib.interactions import Interactions, resolve_device
from reclib.models import MODELS, GradientRecommender, Recommender
from reclib.ratings import Ratings

PROTOCOLS = {
    protocol.__name__: protocol
    for protocol in (
        splits.hold_out,
        splits.k_fold,
        splits.hold_out_per_user,
        splits.temporal,
        splits.held_out_users,
        splits.given,
    )
}
RATING_METRICS = ("rmse", "mae", "user_rmse", "seen_rmse", "train_rmse")
# Properties of all the lists together; the other ranking metrics have a value for each user.
BEYOND = ("coverage", "novelty", "popularity_lift")
# Protocols that draw another split for each seed; the others have one split, and the seed
# is that of the training alone.
DRAWN_ANEW = ("hold_out", "hold_out_per_user")


def measure(settings: dict, seed: int, device: str = "auto") -> dict:
    """Load, split, fit and evaluate; the seed drives the split and the training alike.

    If the protocol has a validation part, the model is validated after every epoch and the
    weights of its best one are kept. They are measured on the test, or with
    ``on = "validation"``, which is for searching, on the validation part: then the test is not
    touched. ``curve`` asks for the metrics after every epoch as well, ``per_user`` for the
    ranking metrics of every user, in the order of the test's rows (null where nothing is held
    out; with a number, the means of so many groups of users), ``groups`` for the first metric in
    so many groups of users, from the least active to the most, and ``students`` for models trained
    on data that the fitted one has extended (see ``_lesson``).

    Returns the metrics with the size of the data, the split's fingerprint, the number of epochs
    behind them and of parameters, the validation metric after every epoch if there is one, the
    seconds that fitting took (validation included) by the clock and by the processor, which other
    work does not lengthen, and the peak memory of the process (of the GPU, if one is used) in MiB,
    0 on Windows, which does not say.
    """
    ratings = _ratings(settings)
    split = _split(ratings, dict(settings["protocol"]), seed)
    split = replace(split, train=split.train.to(device))  # there the model stays
    make = maker(settings["model"], seed)
    meter = _Meter.of(settings, ratings, split)
    part = getattr(split, settings.get("on", "test"))
    if part is None:
        raise ValueError("a search needs a protocol with a validation part")
    model = make()
    options = {"seed": seed, "device": device}
    if isinstance(model, GradientRecommender):  # another one has no epochs to say anything of
        options |= settings.get("training", {})
        if split.validation is not None:
            options["validate"] = lambda model: meter.objective(model, split.validation)
        if settings.get("curve"):
            options["watch"] = lambda model: meter.values(model, part)
    start, start_cpu = time.perf_counter(), time.process_time()
    history = training.fit(model, split.train, **options)
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - start_cpu
    result = {
        "users": len(ratings.users),
        "items": len(ratings.items),
        "ratings": len(ratings),
        "split": split.fingerprint(),
        "metrics": meter.values(model, part),
        "epochs": history.best_epoch or len(history.rows),
        "parameters": model.num_parameters,
        "seconds": round(seconds, 1),
        "cpu_seconds": round(cpu_seconds, 1),
    }
    if "validation" in history.table:  # shows whether the training was long enough
        sign = 1 if meter.of_ratings else -1
        result["validation"] = (sign * history.table["validation"]).round(5).tolist()
    if settings.get("curve"):
        result["curve"] = _curve(history, meter.wanted)
    if settings.get("per_user"):
        each = _in_groups(meter.ranking(model, part).per_user, settings["per_user"]).round(5)
        result["per_user"] = each.astype(object).where(each.notna(), None).to_dict("list")
    if "groups" in settings:
        result["groups"] = meter.by_activity(model, part, settings["groups"])
    if "students" in settings:
        result["students"] = {}
        for name, how in settings["students"].items():
            student, taught = make(), _lesson(how, split.train, model, history, options)
            learnt = training.fit(student, **taught)
            result["students"][name] = {"metrics": meter.values(student, part)}
            if settings.get("curve"):
                result["students"][name]["curve"] = _curve(learnt, meter.wanted)
    return result | {"peak_mb": _peak_mb(resolve_device(device))}


# -- what is measured ---------------------------------------------------------------


@dataclass(frozen=True)
class _Meter:
    """The metrics that an experiment wants, and all it takes to compute them."""

    wanted: list[str]
    train: Interactions
    clip: tuple[float, float] | None
    mask: bool

    @classmethod
    def of(cls, settings: dict, ratings: Ratings, split: splits.Split) -> _Meter:
        clip = ratings.scale if settings.get("clip", True) else None
        mask = settings.get("mask", True)  # False only to measure the mistake
        return cls(settings.get("measure", ["rmse"]), split.train, clip, mask)

    @property
    def of_ratings(self) -> bool:
        return set(self.wanted) <= set(RATING_METRICS)

    def objective(self, model: Recommender, test: splits.Test) -> float:
        """The first metric, turned so that smaller is better."""
        only = _Meter(self.wanted[:1], self.train, self.clip, self.mask)
        return only.values(model, test)[self.wanted[0]] * (1 if self.of_ratings else -1)

    def values(self, model: Recommender, test: splits.Test) -> dict[str, float]:
        """Every wanted metric, in the order in which they are wanted."""
        if self.of_ratings:
            found = evaluation.rating_errors(model, test, clip=self.clip)
            if "seen_rmse" in self.wanted:
                found["seen_rmse"] = evaluation.seen_rmse(model, test.fold_in, self.clip)
            if "train_rmse" in self.wanted:  # of users whom the model was fitted to
                found["train_rmse"] = evaluation.seen_rmse(model, self.train, self.clip)
        else:
            ranking = self.ranking(model, test)
            found = ranking.per_user.mean().to_dict()
            for name in self.wanted:
                if name not in found:
                    found[name] = self.beyond(name, ranking.top, test)
        return {name: found[name] for name in self.wanted}

    def ranking(self, model: Recommender, test: splits.Test) -> evaluation.Ranking:
        """The lists, with the metrics that each user has a value of."""
        each = [name for name in self.wanted if name.partition("@")[0] not in BEYOND]
        return evaluation.rank(model, test, each, mask=self.mask)

    def beyond(self, name: str, top: np.ndarray, test: splits.Test) -> float:
        """A metric of ``BEYOND`` at its cut-off, which must not be deeper than the lists."""
        metric, _, k = name.partition("@")
        shown, counts = torch.from_numpy(top[:, : int(k)]), self.train.T.row_counts.cpu()
        if metric == "coverage":
            return metrics.coverage(shown, len(counts))
        if metric == "novelty":
            return float(metrics.novelty(shown, counts, self.train.num_rows).mean())
        return metrics.popularity_lift(shown, test.fold_in.to("cpu").indices, counts)

    def by_activity(self, model: Recommender, test: splits.Test, groups: int) -> list[dict]:
        """Users, their mean number of visible ratings, and the first metric, group by group."""
        group = evaluation.activity_groups(test, groups)
        seen, name = test.fold_in.row_counts.cpu().numpy(), self.wanted[0]
        if self.of_ratings:
            predicted = evaluation.predict(model, test, clip=self.clip).cpu()
            actual = test.held_out.to("cpu")
            of_rating = group[actual.row_ids.numpy()]
            value = [
                metrics.rmse(predicted[of_rating == g], actual.values[of_rating == g]).item()
                for g in range(groups)
            ]
        else:
            value = self.ranking(model, test).per_user[name].groupby(group).mean().tolist()
        return [
            {"users": int((group == g).sum()), "seen": float(seen[group == g].mean()), name: v}
            for g, v in enumerate(value)
        ]


def _in_groups(per_user: pd.DataFrame, groups: int | bool) -> pd.DataFrame:
    """The means of so many groups of users, drawn once for all; each user's own if it is True.

    Where users are many, the spread of such means tells the error over users as well, in a file
    a hundred times smaller.
    """
    if groups is True:
        return per_user
    order = np.random.default_rng(0).permutation(len(per_user))
    return per_user.iloc[order].groupby(np.arange(len(order)) * groups // len(order)).mean()


def _curve(history: training.History, wanted: list[str]) -> dict[str, list[float]]:
    """Each metric after every epoch, to five digits."""
    return {name: history.table[name].round(5).tolist() for name in wanted}


def _peak_mb(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated() >> 20
    try:
        import resource
    except ModuleNotFoundError:  # Windows has none
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak >> (20 if platform.system() == "Darwin" else 10)  # bytes there, KiB elsewhere


# -- what is trained, and on what ------------------------------------------------------


def _ratings(settings: dict) -> Ratings:
    """The data set, or the file of one's own, with the filters of the settings."""
    ratings = datasets.load(settings["dataset"])
    if "at_least" in settings:  # ratings that count as events
        ratings = ratings.at_least(settings["at_least"])
    if "top_items" in settings:  # a small catalogue
        counts = ratings.table["item"].value_counts()
        ratings = ratings.where(ratings.table["item"].isin(counts.index[: settings["top_items"]]))
    return ratings.with_min_count(**settings.get("min_count", {}))


def _split(ratings: Ratings, protocol: dict, seed: int) -> splits.Split:
    """The split of a protocol: another one for each seed if it is random and names none.

    Of ``k_fold`` the seed is the number of the fold.
    """
    if protocol["name"] == "k_fold":
        del protocol["name"]
        return next(islice(splits.k_fold(ratings, **protocol), seed, None))
    if protocol["name"] in DRAWN_ANEW:
        protocol = {"seed": seed, **protocol}
    for key in ("seed", "shuffle"):
        if protocol.get(key) == "each":
            protocol[key] = seed
    return PROTOCOLS[protocol.pop("name")](ratings, **protocol)


def maker(options: dict, seed: int) -> Callable[[], Recommender]:
    """Makes the model that a table of settings describes; its own seed may be ``"each"``."""
    options = dict(options)
    if options.get("seed") == "each":
        options["seed"] = seed
    return partial(MODELS[options.pop("name")], **options)


def _lesson(
    how: dict, train: Interactions, teacher: Any, history: training.History, options: dict
) -> dict:
    """The arguments of ``fit`` for a student: the data that its teacher extended, and options.

    ``how`` holds the arguments of ``augmentation.augment`` and changes of training, among them
    ``batch_size = "equal"`` for the report's batch size, and ``keep_optimizer`` to start from
    the teacher's optimiser state.
    """
    how = dict(how)
    changed = {key: how.pop(key) for key in ("epochs", "batch_size") if key in how}
    if how.pop("keep_optimizer", False):
        changed["optimizer_state"] = history.optimizer_state
    if changed.get("batch_size") == "equal":
        changed["batch_size"] = augmentation.equal_update_batch(
            train.num_rows, options["batch_size"], how["fraction"]
        )
    extended = augmentation.augment(train, teacher, seed=options["seed"], **how)
    return {"train": extended} | options | changed
