"""Top-N training: an epoch of Mult-VAE, RecVAE and CDAE, and the fit of EASE.

All get the same training pairs, from users with 20 tastes, so that there is more to learn than
which items are popular. A turn is one epoch, one pass over all users; a fifth of everyone's items
is held out, and after the last epoch reclib's NDCG@100 of these must not be worse than theirs by
more than two standard errors: an epoch that learns less is no faster. Cornac has Mult-VAE and EASE,
irspack has EASE.
"""

from __future__ import annotations

import gc
import resource
import sys
import tempfile
from itertools import count
from pathlib import Path

import numpy as np
import torch

from benchmarks import shapes
from benchmarks.contest import Contestant, Turns, compete, summary
from benchmarks.evaluation import recbole_data

ML_1M, LARGE = "ML-1M's shape", "4,000 x 20,108"
SHAPES = {ML_1M: shapes.ML_1M, LARGE: shapes.LARGE_ROWS}
# With 20,108 items a round of EASE takes ten minutes, and one of RecVAE four.
MEASURED = {"multvae": (ML_1M, LARGE), "recvae": (ML_1M,), "cdae": (LARGE,), "ease": (ML_1M,)}
TASTES = 20
# So many at least before the results must agree, most of them after the turns; RecVAE's are four
# passes each.
EPOCHS = {"multvae": 40, "recvae": 10, "cdae": 40}
TIMED_ONLY = {("multvae", shapes.LARGE_ROWS[:2])}  # to learn as much would take an hour
BATCH, DROPOUT, BETA, GAMMA, L2 = 500, 0.5, 0.2, 0.005, 500.0
LR = {"multvae": 1e-3, "recvae": 5e-4, "cdae": 1e-3}
PRECISIONS = ("highest", "medium")
PROBED = 200  # users whose scores by EASE are compared


class Problem:
    """What is given: pairs (user, item) to train on, and pairs that are held out."""

    def __init__(self, folder: Path):
        arrays = np.load(folder / "pairs.npz")
        self.train, self.held_out = arrays["train"], arrays["held_out"]
        self.shape = tuple(arrays["shape"].tolist())

    @staticmethod
    def write(folder: Path, num_users: int, num_items: int, ratings: int) -> None:
        # What is left when a fifth is held out has the size that was asked for.
        users, items = shapes.ratings(num_users, num_items, ratings * 5 // 4, TASTES)
        pairs, held_out = np.stack([users, items], axis=1), shapes.a_fifth(users)
        shape = (num_users, num_items)
        np.savez(
            folder / "pairs.npz", train=pairs[~held_out], held_out=pairs[held_out], shape=shape
        )

    def interactions(self, pairs: np.ndarray):
        from reclib.interactions import Interactions

        return Interactions.from_coo(*pairs.T, shape=self.shape)

    def judge(self, score) -> dict[str, float]:
        """NDCG@100 and its standard error by ``score``, of successive users to their scores."""
        from reclib.evaluation import rank_scores
        from reclib.splits import Test

        users = np.arange(self.shape[0])
        test = Test(self.interactions(self.train), self.interactions(self.held_out), users)
        with torch.no_grad():
            scores = map(score, np.split(users, range(500, len(users), 500)))
            ndcg = rank_scores(scores, test, ["ndcg@100"]).per_user["ndcg@100"]
        return {"ndcg": float(ndcg.mean()), "se": float(ndcg.sem())}


class Epochs:
    """To be called after every epoch: the first prepares, the next ones are the turns."""

    def __init__(self, turns: Turns, problem: Problem, part: str, rounds: int):
        self.turns, self.problem, self.epoch = turns, problem, 0
        self.last = self.enough = rounds + 2
        once = torch.get_float32_matmul_precision() == "highest"  # is enough
        if once and (part, problem.shape) not in TIMED_ONLY:
            self.enough = max(self.last, EPOCHS[part])

    def __call__(self, score) -> None:
        self.epoch += 1
        values = {}
        if 1 < self.epoch <= self.last:
            self.turns.stop()
        if self.epoch == self.enough:
            values = self.problem.judge(score)
        if self.epoch < self.last or values:
            self.turns.done(**values)
            self.turns.wait()


# -- networks: each trains until its turns are over ----------------------------------------------


def reclib(turns: Turns, problem: Problem, model_name: str, rounds: int) -> None:
    from reclib.models.cdae import CDAE
    from reclib.models.multvae import MultVAE
    from reclib.models.recvae import RecVAE
    from reclib.training import fit

    model = {
        "multvae": lambda: MultVAE((600, 200), dropout=DROPOUT, beta=BETA, anneal_steps=0),
        "recvae": lambda: RecVAE(600, 200, dropout=DROPOUT, gamma=GAMMA),
        "cdae": lambda: CDAE(64, activation="relu", dropout=DROPOUT, l2=0.0),
    }[model_name]()
    X = problem.interactions(problem.train)
    after_epoch, passes = Epochs(turns, problem, model_name, rounds), count(1)

    def score(users):
        model.eval()
        return model.score(X.rows(torch.from_numpy(users)))

    def validate(_) -> float:
        if model_name != "recvae" or next(passes) % model.CYCLE == 0:
            after_epoch(score)
        return float("inf")  # never the best so far: no weights are set aside

    training = {"epochs": sys.maxsize, "batch_size": BATCH, "lr": LR[model_name]}
    fit(model, X, validate=validate, device="cpu", **training)


def recbole(turns: Turns, problem: Problem, model_name: str, rounds: int) -> None:
    from recbole.utils import get_model, get_trainer

    from reclib.models.base import sample_normal

    name, settings = {
        # The width of its code counts mean and log variance; and it has annealing of its own.
        "multvae": (
            "MultiVAE",
            {"latent_dimension": 400, "anneal_cap": BETA, "total_anneal_steps": 0},
        ),
        "recvae": ("RecVAE", {"gamma": GAMMA}),
        "cdae": ("CDAE", {"embedding_size": 64, "corruption_ratio": DROPOUT, "reg_weight_2": 0.0}),
    }[model_name]
    # One more: it counts someone who fills gaps, and with 4,000 users would be left alone with her.
    settings |= {"train_batch_size": BATCH + 1, "learning_rate": LR[model_name]}
    if model_name != "cdae":
        settings["dropout_prob"] = DROPOUT
    config, train, scores_of = recbole_problem(problem, name, settings)
    model = get_model(name)(config, train.dataset)
    # Its weights begin, and its noise is, otherwise (a hundredth of the size): all shall learn
    # the same.
    if model_name == "recvae":
        model.apply(lambda part: isinstance(part, torch.nn.Linear) and part.reset_parameters())
        model.update_prior()
    model.reparameterize = lambda mu, logvar: sample_normal(mu, logvar) if model.training else mu
    trainer = get_trainer(config["MODEL_TYPE"], name)(config, model)
    after_epoch = Epochs(turns, problem, model_name, rounds)

    def score(users):
        model.eval()
        return scores_of(model, users)

    for epoch in count():
        trainer._train_epoch(train, epoch)  # its ``fit`` is this, and an evaluation
        after_epoch(score)


def recbole_problem(problem: Problem, name: str, settings: dict):
    """Configuration, training data, and what finds a model's scores of users."""
    from recbole.data.interaction import Interaction

    parts = {"train": problem.train, "valid": problem.train[:1], "test": problem.held_out}
    config, dataset, (train, *_) = recbole_data(name, parts, problem.shape[1], **settings)
    # It numbers users and items anew, from 1.
    numbers = [
        torch.from_numpy(dataset.token2id(field, np.arange(size).astype(str)))
        for field, size in zip((dataset.uid_field, dataset.iid_field), problem.shape, strict=True)
    ]

    def scores_of(model, users: np.ndarray) -> torch.Tensor:
        given = Interaction({dataset.uid_field: numbers[0][users]})
        return model.full_sort_predict(given).view(len(users), -1)[:, numbers[1]]

    return config, train, scores_of


def cornac(turns: Turns, problem: Problem, model_name: str, rounds: int) -> None:
    """Mult-VAE as Cornac has it: without dropout, and its input has no unit length."""
    from cornac.models import VAECF

    train, after_epoch = cornac_data(problem), Epochs(turns, problem, model_name, rounds)
    model = VAECF(
        k=200, autoencoder_structure=[600], beta=BETA, batch_size=BATCH, n_epochs=sys.maxsize
    )

    def score(users):
        x = torch.from_numpy(train.matrix[users].toarray()).float()
        return model.vae.decode(model.vae.encode(x)[0])

    epochs, users = count(), train.user_iter

    def user_iter(*settings, **more):  # it asks for the users at the beginning of every epoch
        if next(epochs):
            after_epoch(score)
        return users(*settings, **more)

    train.user_iter = user_iter
    model.fit(train)


def cornac_data(problem: Problem):
    from collections import OrderedDict

    from cornac.data import Dataset

    maps = [OrderedDict(enumerate(range(size))) for size in problem.shape]  # numbers stay
    return Dataset.build([(*pair, 1.0) for pair in problem.train.tolist()], "UIR", *maps)


NETWORKS = {
    "reclib": reclib,
    "RecBole": recbole,
    "Cornac": cornac,
}
# The first is the one that the others are compared with.
COMPARED = {
    "multvae": ("reclib", "RecBole", "Cornac"),
    "recvae": ("reclib", "RecBole"),
    "cdae": ("reclib", "RecBole"),
}


# -- EASE: each gives a function that fits, and one for the scores of users -----------------------


def reclib_ease(problem: Problem):
    from reclib.models.ease import EASE

    X = problem.interactions(problem.train)
    return lambda: EASE(L2).fit(X), lambda model, users: model.score(X.rows(torch.tensor(users)))


def recbole_ease(problem: Problem):
    from recbole.utils import get_model

    config, train, scores_of = recbole_problem(problem, "EASE", {"reg_weight": L2})
    return lambda: get_model("EASE")(config, train.dataset), scores_of


def cornac_ease(problem: Problem, precision: type = np.float64):
    """As shipped it also sets negative weights to zero, which saves it nothing."""
    from cornac.models import EASE

    train = cornac_data(problem)
    train.matrix.data = train.matrix.data.astype(precision)

    def scores_of(model, users):
        return torch.from_numpy(np.asarray(train.matrix[users] @ model.B)).float()

    return lambda: EASE(lamb=L2, posB=False, verbose=False).fit(train), scores_of


def irspack_ease(problem: Problem):
    import scipy.sparse
    from irspack.recommenders import DenseSLIMRecommender

    ones = np.ones(len(problem.train))
    X = scipy.sparse.csr_matrix((ones, tuple(problem.train.T)), shape=problem.shape)

    def scores_of(model, users):
        return torch.from_numpy(model.get_score(users)).float()

    return lambda: DenseSLIMRecommender(X, reg=L2).learn(), scores_of


EASES = {
    "reclib": reclib_ease,
    "RecBole": recbole_ease,
    "Cornac, float64 as shipped": cornac_ease,
    "Cornac, float32": lambda problem: cornac_ease(problem, np.float32),
    "irspack": irspack_ease,
}


def ease(turns: Turns, problem: Problem, name: str) -> None:
    fit, scores_of = EASES[name](problem)
    probed = np.arange(min(PROBED, problem.shape[0]))
    items = np.random.default_rng(6).integers(problem.shape[1], size=(len(probed), 20))
    before = memory()
    turns.done()
    while True:
        turns.wait()
        model = fit()
        turns.stop()
        values = {"memory": memory() - before, "peak": memory()}
        probe = scores_of(model, probed).gather(1, torch.from_numpy(items)).flatten().tolist()
        del model  # the next one needs the memory
        gc.collect()
        turns.done(**values, probe=probe)


def memory() -> float:
    """The most that this process has had, in GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # Linux counts in KiB


# -- the measurements ----------------------------------------------------------------------------


def measure(part: str, rounds: int) -> list[dict]:
    """Every shape, contestant and precision; raises if the results disagree."""
    rows = []
    for shape_name in MEASURED[part]:
        shape = SHAPES[shape_name]
        print(f"  {shape_name}", file=sys.stderr)
        with tempfile.TemporaryDirectory() as folder:
            Problem.write(Path(folder), *shape)
            measure_here = measure_ease if part == "ease" else measure_networks
            here = measure_here(part, rounds, Path(folder), shape[:2])
        rows += [{"shape": shape_name, "size": shape, **row} for row in here]
    return rows


def measure_networks(part: str, rounds: int, folder: Path, size: tuple) -> list[dict]:
    """In each precision, and theirs as shipped, which is ``highest``, beside ours in ``medium``."""
    names = COMPARED[part]
    results = compete(
        [
            Contestant(f"{name}, {precision}", "topn", part, name, precision, rounds, folder=folder)
            for name in names
            for precision in PRECISIONS
        ],
        rounds,
        clock="cpu",
    )
    ours, trained = results["reclib, highest"]["values"], (part, size) not in TIMED_ONLY
    for name, result in results.items():
        if (
            name.endswith("highest")
            and trained
            and result["values"]["ndcg"] > ours["ndcg"] + 2 * ours["se"]
        ):
            raise AssertionError(f"NDCG@100: reclib {ours}, {name} {result['values']}")
    rows = []
    lines = {"highest": ("highest",) * 2, "medium": ("medium",) * 2, "as shipped": PRECISIONS}
    for name in names[1:]:
        for line, (their_precision, our_precision) in lines.items():
            theirs = results[f"{name}, {their_precision}"]
            seconds = results[f"reclib, {our_precision}"]["seconds"]
            ratios = [t / o for t, o in zip(theirs["seconds"], seconds, strict=True)]
            row = {"contestant": name, "precision": line, **theirs, **summary(ratios)}
            rows.append({**row, "reclib": {"seconds": seconds, "values": ours}})
    return rows


def measure_ease(part: str, rounds: int, folder: Path, _size: tuple) -> list[dict]:
    contestants = [
        Contestant(name, "topn", part, name, "highest", rounds, folder=folder) for name in EASES
    ]
    results = compete(contestants, rounds, clock="cpu")
    ours = np.array(results["reclib"]["values"]["probe"])
    for name, result in results.items():
        result["difference"] = float(np.abs(ours - result["values"].pop("probe")).max())
        if result["difference"] > 1e-3:
            raise AssertionError(f"scores of {name} differ by up to {result['difference']}")
    return [{"contestant": name, **result} for name, result in results.items()]


if __name__ == "__main__":
    part, name, precision, rounds = sys.argv[1:]
    torch.set_float32_matmul_precision(precision)
    torch.manual_seed(0)
    turns, problem = Turns(), Problem(Path())
    if part == "ease":
        ease(turns, problem, name)
    else:
        NETWORKS[name](turns, problem, part, int(rounds))
