"""One epoch of AutoRec, 500 hidden units: reclib beside the usual dense implementation.

The usual way holds the rating matrix and its mask densely, multiplies dense batches, and throws
away all of the output but the observed cells. reclib computes only those if the matrix is sparse
enough. A third contestant tells what comes from where: reclib itself, made to multiply densely.

Both train with the same data, batches, initial weights, optimiser and precision, and must reach
the same objective.
"""

from __future__ import annotations

import itertools
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from benchmarks import shapes
from benchmarks.contest import Contestant, Turns, compete, summary

HIDDEN, L2 = 500, 10.0
# Name: rows that the model reads, shape. I-AutoRec at ML-1M, as in the paper; U-AutoRec where
# items are many.
PROBLEMS = {
    "ML-1M's shape": ("items", shapes.ML_1M),
    "4,000 x 20,108": ("users", shapes.LARGE_ROWS),
}
# The paper trains with RProp on all rows at once; most implementations, with Adam and batches.
TRAININGS = {
    "Adam, batches of 256": ("adam", 256, 1e-3),
    "RProp, all rows": ("rprop", 0, 1e-3),
}
PRECISIONS = ("highest", "medium")


# -- the contestants: each trains until the turns are over, an epoch a turn ----------------------


def reclib(turns: Turns, given: dict, rows: str, training: str, sparse_below: float | None = None):
    from reclib import interactions
    from reclib.models.autorec import AutoRec
    from reclib.training import fit

    if sparse_below is not None:
        interactions.SPARSE_BELOW = sparse_below
    optimizer, batch_size, lr = TRAININGS[training]
    X = interactions.Interactions.from_coo(
        given["users"], given["items"], given["values"], shape=tuple(given["shape"])
    )
    epoch = 0

    def after_epoch(model: AutoRec) -> float:
        nonlocal epoch
        epoch += 1
        if epoch == 1:  # before the first turn
            turns.done()
        else:
            turns.stop()
            with torch.no_grad():
                turns.done(objective=model.loss(X.T if rows == "items" else X).item())
        turns.wait()
        return float("inf")  # never the best so far: no weights are set aside

    settings = {"optimizer": optimizer, "batch_size": batch_size or "all", "lr": lr}
    model = AutoRec(HIDDEN, L2, rows=rows)
    fit(model, X, epochs=sys.maxsize, validate=after_epoch, device="cpu", **settings)


def dense(turns: Turns, given: dict, rows: str, training: str):
    """AutoRec as it is usually written in PyTorch."""
    optimizer, batch_size, lr = TRAININGS[training]
    R = torch.zeros(tuple(given["shape"]))
    R[given["users"], given["items"]] = torch.from_numpy(given["values"])
    R = R.T.contiguous() if rows == "items" else R
    M = (R > 0).float()
    num_rows, num_cols = R.shape

    torch.manual_seed(0)
    V = torch.nn.Parameter(0.01 * torch.randn(num_cols, HIDDEN))
    W = torch.nn.Parameter(0.01 * torch.randn(num_cols, HIDDEN))
    mu = torch.nn.Parameter(torch.zeros(HIDDEN))
    b = torch.nn.Parameter(torch.zeros(num_cols))
    optimisers = {"adam": torch.optim.Adam, "rprop": torch.optim.Rprop}
    optimiser = optimisers[optimizer]([V, W, mu, b], lr=lr)
    generator = torch.Generator().manual_seed(0)

    def loss(r, m):
        r_hat = torch.addmm(b, torch.sigmoid(torch.addmm(mu, r, V)), W.T)
        error = ((r_hat - r) * m).square().sum() / len(r)
        return error + L2 / 2 * (V.square().sum() + W.square().sum()) / num_rows

    def batches():
        if not batch_size:
            yield R, M
        else:
            for index in torch.randperm(num_rows, generator=generator).split(batch_size):
                yield R[index], M[index]

    def epoch():
        for r, m in batches():
            optimiser.zero_grad()
            loss(r, m).backward()
            optimiser.step()

    epoch()
    turns.done()
    while True:
        turns.wait()
        epoch()
        turns.stop()
        with torch.no_grad():
            turns.done(objective=loss(R, M).item())


CONTESTANTS = {
    "reclib": reclib,
    "dense, as usual": dense,
    "reclib made dense": lambda *given: reclib(*given, sparse_below=0.0),
}


# -- the measurements ----------------------------------------------------------------------------


def measure(rounds: int) -> list[dict]:
    """An epoch of reclib and of the dense ones, for each problem, training and precision."""
    results = []
    for problem, (rows, shape) in PROBLEMS.items():
        with tempfile.TemporaryDirectory() as folder:
            write(Path(folder), *shape)
            for training, precision in itertools.product(TRAININGS, PRECISIONS):
                print(f"  {problem}, {training}, precision {precision}", file=sys.stderr)
                contestants = [
                    Contestant(
                        name, "autorec", name, rows, training, precision, folder=Path(folder)
                    )
                    for name in CONTESTANTS
                ]
                results_here = compete(contestants, rounds)
                objective = results_here["reclib"]["values"]["objective"]
                for name, result in results_here.items():
                    # In precision "medium" only dense products are rounded.
                    if abs(result["values"]["objective"] / objective - 1) > 0.01:
                        raise AssertionError(f"reclib reached {objective}, {name} {result}")
                    case = {"problem": problem, "training": training, "precision": precision}
                    results.append({**case, "contestant": name, **result})
    return results


def measure_growth(rounds: int) -> list[dict]:
    """An epoch of reclib with 1, 2 and 4 times the ratings."""
    results = []
    for (problem, (rows, shape)), training in itertools.product(PROBLEMS.items(), TRAININGS):
        print(f"  {problem}, {training}, more ratings", file=sys.stderr)
        with tempfile.TemporaryDirectory() as folder:
            contestants = []
            for times in (1, 2, 4):
                here = Path(folder) / str(times)
                here.mkdir()
                write(here, *shape[:2], times * shape[2])
                contestants.append(
                    Contestant(
                        f"{times} x", "autorec", "reclib", rows, training, "highest", folder=here
                    )
                )
            for times, result in compete(contestants, rounds).items():
                results.append(
                    {"problem": problem, "training": training, "ratings": times, **result}
                )
    return results


def measure_crossing(rounds: int) -> list[dict]:
    """One loss and its gradient at several densities: the dense products' time over the sparse."""
    from reclib import interactions
    from reclib.models.autorec import AutoRec

    results = []
    batches = [(256, 6040), (3706, 6040), (256, 20_108), (4000, 20_108)]
    for (num_rows, num_cols), precision in itertools.product(batches, PRECISIONS):
        print(f"  batch of {num_rows:,} x {num_cols:,}, precision {precision}", file=sys.stderr)
        torch.set_float32_matmul_precision(precision)
        for density in (0.0025, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32):
            cells = (torch.rand(num_rows, num_cols) < density).nonzero().numpy()
            X = interactions.Interactions.from_coo(*cells.T, shape=(num_rows, num_cols))
            model = AutoRec(HIDDEN, L2, rows="users")
            model.build(X)

            def seconds(sparse: bool, model=model, X=X) -> float:
                interactions.SPARSE_BELOW = 1.1 if sparse else 0.0
                model.zero_grad()
                # Batches are cut anew in every epoch, so nothing may be remembered of this one.
                fresh = interactions.Interactions(X.indptr, X.indices, X.values, X.num_cols)
                start = time.perf_counter()
                model.loss(fresh).backward()
                return time.perf_counter() - start

            seconds(True), seconds(False)
            ratios = [seconds(False) / seconds(True) for _ in range(rounds)]
            batch = {"rows": num_rows, "columns": num_cols, "precision": precision}
            results.append({**batch, "density": density, **summary(ratios)})
    return results


def write(folder: Path, num_users: int, num_items: int, count: int) -> None:
    users, items = shapes.ratings(num_users, num_items, count)
    values = np.random.default_rng(4).integers(1, 6, count).astype(np.float32)
    shape = (num_users, num_items)
    np.savez(folder / "ratings.npz", users=users, items=items, values=values, shape=shape)


if __name__ == "__main__":
    name, rows, training, precision = sys.argv[1:]
    torch.set_float32_matmul_precision(precision)
    turns = Turns()
    CONTESTANTS[name](turns, dict(np.load("ratings.npz")), rows, training)
