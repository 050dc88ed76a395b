"""One ``fit``: seeds, checkpoints, early stopping, schedules, several processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from reclib import models, training
from reclib.interactions import Interactions
from reclib.models.base import GradientRecommender


class Noisy(GradientRecommender):
    """Weights pulled towards the data, with dropout: its loss draws random numbers."""

    def build(self, train):
        self.w = torch.nn.Parameter(torch.randn(train.num_cols))

    def loss(self, batch):
        kept = torch.nn.functional.dropout(self.w, 0.5, self.training)
        return (kept[batch.indices] - batch.values).square().sum() / batch.num_rows

    def score(self, fold_in):
        return self.w.detach().repeat(fold_in.num_rows, 1)


@pytest.fixture(scope="module")
def X(random_matrix) -> Interactions:
    return random_matrix(24, 15)


def fitted(X, *, make=Noisy, **options):
    options = {"epochs": 4, "batch_size": 5, "lr": 0.05, "device": "cpu"} | options
    model = make()
    history = training.fit(model, X, **options)
    return model, history


def weights(model) -> torch.Tensor:
    return torch.cat([p.detach().cpu().flatten() for p in model.parameters()])


# -- seeds -----------------------------------------------------------------------


def autorec():
    return models.AutoRec(hidden=4, l2=0.1)


@pytest.mark.parametrize("make", [Noisy, autorec])
def test_the_seed_decides_the_weights(X, make):
    first, same, other = (weights(fitted(X, make=make, seed=s)[0]) for s in (1, 1, 2))
    assert torch.equal(first, same)
    assert not torch.allclose(first, other)


def test_the_callers_random_numbers_stay_as_they_were(X):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    fitted(X)
    assert torch.equal(torch.rand(3), expected)


def test_the_callers_random_numbers_do_not_matter(X):
    torch.manual_seed(1)
    first = weights(fitted(X)[0])
    torch.manual_seed(2)
    assert torch.equal(first, weights(fitted(X)[0]))


def test_fitting_again_starts_again(X):
    model, _ = fitted(X, make=autorec)
    first = weights(model)
    training.fit(model, X, epochs=4, batch_size=5, lr=0.05, device="cpu")
    assert torch.equal(weights(model), first)


def test_training_lowers_the_loss_on_every_device(X, device):
    _, history = fitted(X, make=autorec, epochs=30, device=device)
    losses = history.table["loss"]
    assert losses.iloc[-1] < 0.5 * losses.iloc[0]
    assert history.table.index.tolist() == list(range(1, 31))


@pytest.mark.parametrize("make", [autorec, lambda: models.EASE(5.0), lambda: models.ImputedSVD(2)])
def test_a_model_is_left_where_the_data_are(X, device, make):
    """With what its optimiser remembers; so code that scores the same data need not ask."""
    for train in (X, X.to(device)):
        model, history = fitted(train, make=make, device=device)
        assert model.device.type == train.device.type
        assert model.score(training.oriented(train, model)).device.type == train.device.type
        state = history.optimizer_state["state"] if history.optimizer_state else {}
        kept = [value for entry in state.values() for value in entry.values()]
        assert {v.device.type for v in kept if v.dim()} <= {train.device.type}
    if device != "cpu":
        with pytest.raises(RuntimeError, match="device"):
            fitted(X.to(device), make=make)[0].to("cpu").score(training.oriented(train, model))


def test_the_batch_size_does_not_change_the_first_gradient(X):
    """The loss per row is the objective per row, whatever the batches: one epoch without a step."""
    found = [
        fitted(X, make=autorec, epochs=1, batch_size=size, optimizer="sgd", lr=0)[1].rows[0]["loss"]
        for size in (1, 5, "all")
    ]
    assert found == pytest.approx([found[0]] * 3, rel=1e-5)


@pytest.mark.parametrize("name", training.OPTIMIZERS)
def test_every_optimizer_lowers_the_loss(X, name):
    _, history = fitted(
        X,
        make=autorec,
        optimizer=name,
        batch_size="all",
        epochs=15,
        lr={"lbfgs": 0.5}.get(name, 0.01),
    )
    assert history.rows[-1]["loss"] < history.rows[0]["loss"]


# -- checkpoints -------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", ["adam", "rprop", "sgd"])
def test_resuming_gives_the_weights_of_an_uninterrupted_run(X, tmp_path, optimizer):
    options = {"optimizer": optimizer, "milestones": [2, 5], "seed": 3, "lr": 0.01}
    whole, history = fitted(X, epochs=6, **options)
    fitted(X, epochs=3, checkpoint=tmp_path / "c", **options)
    torch.rand(7)  # what happens in between does not matter
    resumed, again = fitted(X, epochs=6, checkpoint=tmp_path / "c", **options)
    assert torch.equal(weights(whole), weights(resumed))
    assert again.table["loss"].tolist() == history.table["loss"].tolist()
    assert again.table["lr"].tolist() == history.table["lr"].tolist()
    # Negative control: shuffling and dropout do matter to these weights.
    assert not torch.equal(weights(whole), weights(fitted(X, epochs=6, **options | {"seed": 4})[0]))


def test_resuming_keeps_the_best_epoch(X, tmp_path):
    def validate_with(values):
        values = iter(values)
        return lambda model: next(values)

    first = {"validate": validate_with([3.0, 1.0]), "checkpoint": tmp_path / "c"}
    best, _ = fitted(X, epochs=2, **first)
    model, history = fitted(
        X, epochs=4, validate=validate_with([2.0, 5.0]), checkpoint=tmp_path / "c"
    )
    assert history.best_epoch == 2
    assert history.table["validation"].tolist() == [3, 1, 2, 5]
    assert torch.equal(weights(model), weights(best))


def test_resuming_remembers_how_long_nothing_improved(X, tmp_path):
    options = {"checkpoint": tmp_path / "c", "patience": 2, "validate": lambda model: 1.0}
    fitted(X, epochs=2, **options)
    _, history = fitted(X, epochs=9, **options)
    assert len(history.rows) == 3


def test_a_finished_training_is_not_repeated(X, tmp_path):
    first, _ = fitted(X, epochs=3, checkpoint=tmp_path / "c")
    again, history = fitted(X, epochs=3, checkpoint=tmp_path / "c")
    assert torch.equal(weights(first), weights(again))
    assert len(history.rows) == 3


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 9},
        {"lr": 0.01},
        {"batch_size": 6},
        {"optimizer": "sgd"},
        {"optimizer_options": {"weight_decay": 0.1}},
    ],
)
def test_a_checkpoint_of_other_settings_is_refused(X, tmp_path, change):
    fitted(X, checkpoint=tmp_path / "c")
    with pytest.raises(ValueError, match="belongs to a training with other data or settings"):
        fitted(X, checkpoint=tmp_path / "c", **change)


@pytest.mark.parametrize("change", [{"milestones": [1]}, {"milestones": [3], "gamma": 0.1}])
def test_a_checkpoint_of_another_schedule_is_refused(X, tmp_path, change):
    fitted(X, checkpoint=tmp_path / "c", milestones=[3])
    with pytest.raises(ValueError, match="other data or settings"):
        fitted(X, checkpoint=tmp_path / "c", **change)


def test_a_checkpoint_of_other_data_is_refused(X, tmp_path):
    fitted(X, checkpoint=tmp_path / "c")
    with pytest.raises(ValueError, match="other data or settings"):
        fitted(X.binary(), checkpoint=tmp_path / "c")


@pytest.mark.parametrize("change", [{"l2": 0.2}, {"hidden": 5}, {"output_activation": "sigmoid"}])
def test_a_checkpoint_of_another_model_is_refused(X, tmp_path, change):
    same = {"hidden": 4, "l2": 0.1}
    fitted(X, make=lambda: models.AutoRec(**same), checkpoint=tmp_path / "c")
    with pytest.raises(ValueError, match="other data or settings"):
        fitted(X, make=lambda: models.AutoRec(**same | change), checkpoint=tmp_path / "c")


@pytest.mark.filterwarnings("ignore:the training was interrupted")
def test_an_interrupted_save_leaves_the_last_checkpoint(X, tmp_path, monkeypatch):
    path = tmp_path / "c"
    fitted(X, epochs=1, checkpoint=path)
    before = path.read_bytes()

    def half(state, part):
        Path(part).write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", half)
    with pytest.raises(KeyboardInterrupt):
        fitted(X, epochs=2, checkpoint=path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


# -- early stopping and schedules ----------------------------------------------------


def test_the_weights_of_the_best_epoch_are_kept(X):
    seen = []

    def validate(model):
        assert not model.training
        seen.append(weights(model))
        return [4.0, 2.0, 3.0, 2.0, 9.0][len(seen) - 1]

    model, history = fitted(X, epochs=5, validate=validate)
    assert history.best_epoch == 2  # of equals the first
    assert torch.equal(weights(model), seen[1])
    assert not torch.equal(weights(model), seen[4])
    assert not model.training


def test_patience_stops_after_so_many_epochs_without_a_better_value(X):
    values = iter([5.0, 4.0, 4.5, 4.2, 3.0, 1.0])
    _, history = fitted(X, epochs=6, patience=2, validate=lambda model: next(values))
    assert history.table["validation"].tolist() == [5, 4, 4.5, 4.2]
    assert history.best_epoch == 2


def told(values: list[float]):
    """A validation that gives these values, one after the other."""
    left = iter(values)
    return lambda model: next(left)


class InRounds(Noisy):
    """Its rounds have two epochs, and its objective changes for the first three."""

    cycle = 2
    settled_after = 3


def test_patience_counts_rounds_and_not_before_the_objective_has_settled(X):
    values = [1.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 0.5, 2.0]
    for make, expected in ((Noisy, 2), (InRounds, 5)):
        _, history = fitted(X, make=make, epochs=10, patience=1, validate=told(values))
        assert len(history.rows) == expected


def test_adam_on_normalised_gradients_forgets_their_size(X):
    """The loss a thousand times steeper takes the same way; plain Adam's first step does, too."""
    from reclib.training import AdamNormGrad

    def way(scale: float) -> list[float]:
        w = torch.nn.Parameter(torch.tensor([1.0, 2.0]))
        optimiser = AdamNormGrad([w], lr=0.1, eps=1.0)  # so large that Adam's step shows the size
        for _ in range(3):
            optimiser.zero_grad()
            (scale * w.square().sum()).backward()
            optimiser.step()
        return w.tolist()

    assert way(1.0) == pytest.approx(way(1000.0), abs=1e-5)
    gradient = torch.tensor([2.0, 4.0]) / (20**0.5)
    w = torch.nn.Parameter(torch.tensor([1.0, 2.0]))
    w.square().sum().backward()
    AdamNormGrad([w], lr=0.1).step()
    torch.testing.assert_close(w.grad, gradient)


def test_without_validation_the_last_weights_are_kept(X):
    three, _ = fitted(X, epochs=3)
    four, history = fitted(X, epochs=4)
    assert history.best_epoch is None
    assert not torch.equal(weights(three), weights(four))


def test_a_validation_that_is_no_number_is_refused(X):
    with pytest.raises((ValueError, FloatingPointError), match="validat"):
        fitted(X, epochs=3, validate=lambda model: float("nan"))


def test_milestones_lower_the_learning_rate_after_their_epoch(X):
    _, history = fitted(X, epochs=5, lr=0.08, milestones=[2, 4], gamma=0.25)
    assert history.table["lr"].tolist() == pytest.approx([0.08, 0.08, 0.02, 0.02, 0.005])


# -- errors ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": 0}, "Noisy needs epochs >= 1, got 0"),
        (
            {"optimizer": "adamw"},
            "no optimizer 'adamw'; there are: adam, adam-norm-grad, adagrad, lbfgs",
        ),
        ({"patience": 3}, "patience needs validate"),
        ({"batch_size": 0}, "batch_size must be at least 1, got 0"),
    ],
)
def test_bad_arguments_are_explained(X, options, message):
    with pytest.raises(ValueError, match=message):
        fitted(X, **options)


def test_a_diverging_training_says_so(X):
    with pytest.raises(
        FloatingPointError, match=r"in epoch \d+; lower the learning rate \(now 1e\+20"
    ):
        fitted(X, optimizer="sgd", lr=1e20, epochs=9)


def test_a_gradient_model_points_to_fit(X):
    with pytest.raises(TypeError, match=r"use reclib\.training\.fit"):
        autorec().fit(X)


def test_closed_forms_are_solved_and_have_no_history(X):
    model = models.ItemMean()
    assert training.fit(model, X).table.empty
    assert model.means.shape == (X.num_cols,)


def test_a_model_of_items_reads_the_transpose(X):
    model = fitted(X, make=lambda: models.AutoRec(hidden=4, rows="items"))[0]
    assert model.V.shape == (X.num_rows, 4)
    model = fitted(X, make=lambda: models.AutoRec(hidden=4, rows="users"))[0]
    assert model.V.shape == (X.num_cols, 4)


def test_watching_is_written_down_and_decides_nothing(X):
    numbers = iter([3.0, 1.0, 2.0, 5.0])
    watched, history = fitted(X, watch=lambda model: {"seen": next(numbers)})
    assert history.table["seen"].tolist() == [3.0, 1.0, 2.0, 5.0]
    assert history.best_epoch is None
    assert torch.equal(weights(watched), weights(fitted(X)[0]))


def test_what_is_watched_is_the_model_in_evaluation(X):
    modes = []
    fitted(X, watch=lambda model: modes.append(model.training) or {})
    assert modes == [False] * 4


class TwoLosses(GradientRecommender):
    """One number with a steep loss for two epochs, then with a gentle one the other way."""

    fresh = True

    def build(self, train):
        self.w = torch.nn.Parameter(torch.zeros(()))

    def start_epoch(self, epoch):
        self._slope = 1000.0 if epoch <= 2 else -1.0
        return self.fresh and epoch == 3

    def loss(self, batch):
        return self._slope * self.w

    def score(self, fold_in):
        return self.w.detach().repeat(fold_in.num_rows, fold_in.num_cols)


class TwoLossesOneMemory(TwoLosses):
    fresh = False


def test_a_stage_can_ask_for_a_fresh_optimiser(X, tmp_path):
    """Adam's first step is as long as the learning rate, whatever the gradient."""

    def last_step(make, **options) -> float:
        ends = [
            fitted(X, make=make, epochs=n, batch_size="all", lr=0.1, **options)[0].w.item()
            for n in (2, 3)
        ]
        return ends[1] - ends[0]

    assert last_step(TwoLosses) == pytest.approx(0.1, rel=1e-4)
    assert last_step(TwoLosses, checkpoint=tmp_path / "resumed.pt") == pytest.approx(0.1, rel=1e-4)
    # Negative control: what Adam remembers of the steep loss drags it on downhill.
    assert last_step(TwoLossesOneMemory) < 0


def test_ract_asks_for_one_at_each_of_its_stages(X):
    model = models.RaCT((6, 4), actor_epochs=2, critic_epochs=3)
    model.build(X)
    assert [bool(model.start_epoch(epoch)) for epoch in range(1, 9)] == [
        *(False, False, True, False, False, True, False, False)
    ]


def test_an_optimiser_can_start_from_the_state_of_another_training(X):
    first = fitted(X)[1]
    kept, history = fitted(X, optimizer_state=first.optimizer_state)
    steps = [h.optimizer_state["state"][0]["step"].item() for h in (first, history)]
    assert steps == [20, 40]
    assert not torch.equal(weights(kept), weights(fitted(X)[0]))  # the weights start afresh


# -- several processes -----------------------------------------------------------------

WORKER = """
import json, sys
import numpy as np, torch, torch.distributed as dist
from reclib import models, training
from reclib.interactions import Interactions

rank, folder = int(sys.argv[1]), sys.argv[2]
dist.init_process_group("gloo", init_method=f"file://{folder}/rendezvous", rank=rank, world_size=2)
given = np.load(f"{folder}/X.npz")
X = Interactions.from_coo(given["rows"], given["cols"], given["values"], shape=given["shape"])
options = dict(epochs=3, batch_size=5, lr=0.05, device="cpu")
models_made = [models.AutoRec(hidden=4, l2=0.1), models.DeepAutoencoder((4,), l2=0.1, refeeds=1)]
fitted = [(training.fit(m, X, **options), m) for m in models_made]
results = [(m.state_dict(), history.table["loss"].tolist()) for history, m in fitted]
torch.save(results, f"{folder}/weights{rank}")

written, save = 0, torch.save
def counting(*arguments):
    global written
    written += 1
    save(*arguments)
torch.save = counting
try:
    training.fit(models.AutoRec(hidden=4), X, checkpoint=f"{folder}/checkpoint{rank}", **options)
except OSError as error:
    written = repr(error)
dist.barrier()
json.dump(written, open(f"{folder}/written{rank}", "w"))
dist.destroy_process_group()
"""


@pytest.fixture(scope="module")
def two_processes(X, tmp_path_factory) -> Path:
    """A folder with what two processes over gloo made of X."""
    if not torch.distributed.is_available():
        pytest.skip("this torch is built without torch.distributed")
    import numpy as np

    folder = tmp_path_factory.mktemp("gloo")
    parts = {
        "rows": X.row_ids,
        "cols": X.indices,
        "values": X.values,
        "shape": torch.tensor(X.shape),
    }
    np.savez(folder / "X.npz", **{name: part.numpy() for name, part in parts.items()})
    (folder / "worker.py").write_text(WORKER, encoding="utf-8")
    environment = os.environ | {
        "PYTHONPATH": str(Path(training.__file__).parents[1]),
        "OMP_NUM_THREADS": "1",
    }
    workers = [
        subprocess.Popen(
            [sys.executable, folder / "worker.py", str(rank), folder],
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    try:
        errors = [worker.communicate(timeout=120)[1] for worker in workers]
    finally:
        for worker in workers:
            worker.kill()
    assert [worker.returncode for worker in workers] == [0, 0], "\n".join(errors)
    return folder


def refed():
    return models.DeepAutoencoder((4,), l2=0.1, refeeds=1)


@pytest.mark.parametrize(("number", "make"), [(0, autorec), (1, refed)])
def test_two_processes_end_with_the_weights_of_one(X, two_processes, number, make):
    alone, history = fitted(X, make=make, epochs=3)
    for rank in range(2):
        results = torch.load(two_processes / f"weights{rank}", weights_only=True)
        together, losses = results[number]
        for name, value in alone.state_dict().items():
            torch.testing.assert_close(together[name], value, atol=1e-5, rtol=0)
        assert losses == pytest.approx(history.table["loss"].tolist(), rel=1e-4)
    # Negative control: one epoch less is farther away than this.
    assert (weights(fitted(X, make=make, epochs=2)[0]) - weights(alone)).abs().max() > 1e-3


def test_of_several_processes_only_the_first_writes_the_checkpoint(two_processes):
    written = [json.loads((two_processes / f"written{rank}").read_text()) for rank in range(2)]
    assert written == [3, 0]
