"""Mistakes of published code: a check that a reader can copy, the library, and the wrong program.

Chapter "Mistakes in the wild" names one test for each of its mistakes. Each check here must pass
on ``reclib`` and, which makes it a test, fail on the program with the mistake.
"""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Callable, Iterable
from functools import cache, partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import ndcg_score
from torch import Tensor

from reclib import augmentation, evaluation, evidence, metrics, models, splits, training
from reclib.interactions import Interactions
from reclib.models.base import sample_normal
from reclib.splits import Test

TESTS = Path(__file__).parent
CHAPTER = TESTS.parent / "book" / "evidence" / "19-mistakes-in-the-wild.py"


# -- what the tests share ------------------------------------------------------------


@pytest.fixture(scope="module")
def ranking_split(random_ratings) -> splits.Split:
    ratings = random_ratings(60, 40, density=0.3)
    return splits.held_out_users(ratings, num_users=15, num_validation=0)


@pytest.fixture(scope="module")
def rating_split(random_ratings) -> splits.Split:
    return splits.hold_out(random_ratings(40, 30), test=0.2)


RANKERS = {
    "Popularity": models.Popularity,
    "PureSVD": partial(models.PureSVD, 5),
    "EASE": partial(models.EASE, 10.0),
    "MultDAE": partial(models.MultDAE, (8,)),
    "MultVAE": partial(models.MultVAE, (12, 6)),
    "RecVAE": partial(models.RecVAE, 12, 6),
}
RATERS = {
    "Biases": models.Biases,
    "ImputedSVD": partial(models.ImputedSVD, 5),
    "AutoRec": partial(models.AutoRec, 6, 1.0, rows="users"),
    "DeepAutoencoder": partial(models.DeepAutoencoder, (6,)),
}


def fit(model: models.Recommender, train: Interactions, **options) -> models.Recommender:
    options = {"epochs": 2, "batch_size": 16, "device": "cpu"} | options
    training.fit(model, train, **options)
    return model


def fails(check: Callable, *arguments) -> bool:
    """Whether the check refuses; any other error is an error."""
    try:
        check(*arguments)
    except AssertionError:
        return True
    return False


# -- 1, 2: the mask ------------------------------------------------------------------


def assert_no_seen_items(top: np.ndarray, fold_in: Interactions) -> None:
    """``top`` [users, depth] holds columns, -1 for empty ranks."""
    top = torch.as_tensor(top)
    seen = fold_in.dense() > 0
    assert not (seen.gather(1, top.clamp(min=0)) & (top >= 0)).any(), "seen items in the lists"


def discarded_mask(scores: Tensor, seen: Tensor) -> Tensor:
    scores = scores.clone()
    scores.masked_fill(seen, -torch.inf)
    return scores


def kept_mask(scores: Tensor, seen: Tensor) -> Tensor:
    return scores.clone().masked_fill_(seen, -torch.inf)


def zero_mask(scores: Tensor, seen: Tensor) -> Tensor:
    return scores.masked_fill(seen, 0.0)


@pytest.mark.parametrize("name", RANKERS)
def test_no_list_contains_a_seen_item(ranking_split, name):
    model, test = fit(RANKERS[name](), ranking_split.train), ranking_split.test
    right = evaluation.rank(model, test, ["ndcg@10"])
    assert_no_seen_items(right.top, test.fold_in)
    wrong = evaluation.rank(model, test, ["ndcg@10"], mask=False)
    assert fails(assert_no_seen_items, wrong.top, test.fold_in)
    scores, seen = model.score(test.fold_in), test.fold_in.dense() > 0
    wrong = evaluation.top_items(discarded_mask(scores, seen), 10)
    assert fails(assert_no_seen_items, wrong, test.fold_in)


def assert_shift_changes_nothing(mask: Callable, scores: Tensor, seen: Tensor) -> None:
    """``mask(scores, seen)`` must lead to the same lists for scores and for scores + c."""
    k = int((~seen).sum(1).min())
    lists = [evaluation.top_items(mask(scores + c, seen), k) for c in (-100.0, 0.0, 100.0)]
    assert torch.equal(lists[0], lists[1]) and torch.equal(lists[1], lists[2])


def test_a_shift_of_the_scores_changes_no_list(ranking_split):
    test = ranking_split.test
    seen = test.fold_in.dense() > 0
    torch.manual_seed(0)
    # Whole numbers, so that adding a constant rounds nothing; all different.
    scores = torch.stack([torch.randperm(seen.shape[1]) for _ in seen]).float()
    assert_shift_changes_nothing(kept_mask, scores, seen)
    assert fails(assert_shift_changes_nothing, zero_mask, scores, seen)

    def by_reclib(scores, seen):
        ranking = evaluation.rank_scores([scores.clone()], test, ["ndcg@10"])
        return torch.as_tensor(ranking.top)

    lists = [by_reclib(scores + c, seen) for c in (-100.0, 0.0, 100.0)]
    assert torch.equal(lists[0], lists[1]) and torch.equal(lists[1], lists[2])


# -- 3, 4: what is read --------------------------------------------------------------


def assert_reads_only_fold_in(predict: Callable[[Test], Tensor], test: Test) -> None:
    """Perturb the held-out values: ``predict(test)`` must not move."""
    held_out = test.held_out
    other = held_out.with_values(held_out.values.flip(0) + 0.5)
    perturbed = Test(test.fold_in, other, test.users)
    assert torch.equal(predict(test), predict(perturbed)), "predictions read the test"


@pytest.mark.parametrize("name", RATERS)
def test_predictions_do_not_read_the_test(rating_split, name):
    # Long enough for predictions within the scale, where clipping does not hide what they read.
    model = fit(RATERS[name](), rating_split.train, epochs=30, lr=0.03)
    test = rating_split.test
    assert_reads_only_fold_in(lambda test: evaluation.predict(model, test), test)

    def fed_with_the_test(test):
        return model.score_at(test.held_out, test.held_out)

    assert fails(assert_reads_only_fold_in, fed_with_the_test, test)


@pytest.mark.parametrize(
    "name", sorted(RANKERS.keys() - {"Popularity"})
)  # which reads nothing at all
def test_scores_do_not_read_the_test(ranking_split, name):
    model, test = fit(RANKERS[name](), ranking_split.train), ranking_split.test

    def moved(score: Callable[[Test], Tensor]) -> None:
        held_out = test.held_out
        other = Interactions.from_coo(
            held_out.row_ids, held_out.num_cols - 1 - held_out.indices, shape=held_out.shape
        )
        fold_in = Interactions.from_coo([], [], shape=held_out.shape)
        pair = [Test(fold_in, held, test.users) for held in (held_out, other)]
        assert torch.equal(*(score(each) for each in pair))

    moved(lambda each: model.score(test.fold_in))
    assert fails(moved, lambda each: model.score(each.held_out))


class Echo(models.Recommender):
    """Repeats what it was told, and says 3 of everything else."""

    predicts = "ratings"

    def fit(self, train):
        return self

    def score(self, fold_in):
        told = fold_in.dense()
        return torch.where(told > 0, told, 3.0)


class Silent(Echo):
    """Says 3 of everything: what an echo is worth where nothing of its input is asked for."""

    def score(self, fold_in):
        return torch.full(fold_in.shape, 3.0)


def assert_echo_is_found_out(metric: Callable[[models.Recommender, Test], float], test: Test):
    """A model that repeats its input must be worth as much as one that says nothing."""
    echo, silent = metric(Echo(), test), metric(Silent(), test)
    assert echo == pytest.approx(silent), "repeating the input pays: this is reconstruction"


def test_an_echo_is_found_out(rating_split, ranking_split):
    test = rating_split.test
    assert_echo_is_found_out(lambda m, t: evaluation.rating_errors(m, t)["rmse"], test)
    assert fails(assert_echo_is_found_out, lambda m, t: evaluation.seen_rmse(m, t.fold_in), test)

    def ndcg(model, test, mask=True, asked=None):
        asked = test.held_out if asked is None else asked
        test = Test(test.fold_in, asked, test.users) if mask else Test(nothing, asked, test.users)
        scores = model.score(fold_in)  # what the model reads, whatever is masked
        return evaluation.rank_scores([scores], test, ["ndcg@10"]).per_user["ndcg@10"].mean()

    test = ranking_split.test
    fold_in, nothing = test.fold_in, Interactions.from_coo([], [], shape=test.fold_in.shape)
    assert_echo_is_found_out(ndcg, test)
    assert fails(assert_echo_is_found_out, lambda m, t: ndcg(m, t, mask=False), test)
    shown = partial(ndcg, mask=False, asked=fold_in)  # the input is asked for
    assert fails(assert_echo_is_found_out, shown, test)


# -- 5, 9, 10: who and what takes part -----------------------------------------------


def assert_strangers(train_users: Iterable, test_users: Iterable) -> None:
    assert not set(train_users) & set(test_users), "training users in the test"


def test_no_training_user_is_tested(random_ratings):
    split = splits.held_out_users(random_ratings(60, 40), num_users=15)
    for part in (split.test, split.validation):
        assert_strangers(split.train_users, part.users)
    assert_strangers(split.test.users, split.validation.users)
    assert fails(assert_strangers, split.train_users, split.train_users[:3])


def assert_every_item_can_be_recommended(list_of: Callable[[Tensor], Tensor], num_items: int):
    """``list_of(scores)`` gives a list a row; row i prefers item i."""
    top = list_of(torch.eye(num_items))
    assert set(top[:, 0].tolist()) == set(range(num_items)), "some items are never recommended"


def test_every_item_can_be_recommended(ranking_split):
    num_users, num_items = 15, ranking_split.train.num_cols
    assert num_users < num_items
    assert_every_item_can_be_recommended(lambda s: evaluation.top_items(s, 2), num_items)
    only_so_many = lambda s: s[:, :num_users].topk(2).indices  # noqa: E731
    assert fails(assert_every_item_can_be_recommended, only_so_many, num_items)
    model = fit(models.EASE(10.0), ranking_split.train)
    assert model.score(ranking_split.test.fold_in).shape[1] == len(ranking_split.items)


def assert_finite_for_nobody(score: Callable[[Interactions], Tensor], num_items: int) -> None:
    empty = Interactions.from_coo([], [], shape=(1, num_items))
    assert torch.isfinite(score(empty)).all(), "a user without entries has no finite scores"


@pytest.mark.parametrize("name", RANKERS | RATERS)
def test_an_empty_user_has_finite_scores(ranking_split, name):
    model = fit((RANKERS | RATERS)[name](), ranking_split.train)
    num_items = ranking_split.train.num_cols
    assert_finite_for_nobody(model.score, num_items)

    def divided_by_its_length(X):
        x = X.dense()
        return x / x.norm(dim=1, keepdim=True)

    assert fails(assert_finite_for_nobody, divided_by_its_length, num_items)


# -- 6, 7, 8: what is counted --------------------------------------------------------


def assert_plain_recall(recall: Callable[[Tensor, Tensor, int], Tensor]) -> None:
    """Four hits among the first five, ten items held out."""
    hits, n = torch.tensor([[True, True, False, True, True]]), torch.tensor([10])
    assert recall(hits, n, 5).item() == pytest.approx(4 / 10)


def assert_capped_recall(recall: Callable[[Tensor, Tensor, int], Tensor]) -> None:
    hits, n = torch.tensor([[True, True, False, True, True]]), torch.tensor([10])
    assert recall(hits, n, 5).item() == pytest.approx(4 / 5)


def test_recall_says_its_denominator():
    assert_plain_recall(metrics.recall)
    assert_capped_recall(metrics.capped_recall)
    assert fails(assert_plain_recall, metrics.capped_recall)
    assert fails(assert_capped_recall, metrics.recall)


def assert_ndcg_of_the_field(ndcg: Callable[[Tensor, Test, int], float]) -> None:
    """Three users on paper. The first has seen item 0, the last has nothing held out."""
    fold_in = Interactions.from_coo([0], [0], shape=(3, 5))
    held_out = Interactions.from_coo([0, 1, 1], [1, 0, 4], [5, 4, 2], shape=(3, 5))
    scores = torch.tensor([[9.0, 8, 7, 6, 5], [9, 8, 7, 6, 5], [9, 8, 7, 6, 5]])
    discount = 1 / np.log2([2, 3])
    # User 0: a hit at rank 1. User 1: a hit at rank 1, and the other not among the first 2.
    expected = (1 + discount[0] / discount.sum()) / 2
    found = ndcg(scores, Test(fold_in, held_out, np.arange(3)), 2)
    assert found == pytest.approx(expected, abs=1e-9)


def library(scores, test, k, *, mask=True, some=True, gains="binary"):
    held = test.held_out.dense() if gains == "stars" else test.held_out.binary().dense()
    masked = scores.masked_fill(test.fold_in.dense() > 0, -1.0) if mask else scores
    users = test.held_out.row_counts > 0 if some else slice(None)
    return ndcg_score(held[users], masked[users], k=k)


def test_ndcg_of_a_library_depends_on_the_call():
    def ours(scores, test, k):
        ranking = evaluation.rank_scores([scores.clone()], test, [f"ndcg@{k}"])
        return ranking.per_user.iloc[:, 0].mean()

    assert_ndcg_of_the_field(ours)
    assert_ndcg_of_the_field(library)
    for wrong in ({"mask": False}, {"some": False}, {"gains": "stars"}):
        assert fails(assert_ndcg_of_the_field, partial(library, **wrong)), wrong
    assert fails(assert_ndcg_of_the_field, lambda s, t, k: library(s, t, None)), "without k"


def assert_over_ratings(rmse: Callable[[Tensor, Tensor, Tensor], Tensor]) -> None:
    """User 0 has one rating that is 2 off, user 1 four that are 1 off."""
    predicted, actual = torch.tensor([3.0, 4, 4, 4, 4]), torch.tensor([5.0, 5, 5, 5, 5])
    users = torch.tensor([0, 1, 1, 1, 1])
    assert rmse(predicted, actual, users).item() == pytest.approx((8 / 5) ** 0.5)


def test_an_error_is_over_ratings():
    assert_over_ratings(lambda predicted, actual, users: metrics.rmse(predicted, actual))
    assert fails(assert_over_ratings, metrics.user_rmse)


# -- 11, 12: the random code ---------------------------------------------------------


def assert_scores_twice_the_same(score: Callable[[Interactions], Tensor], X: Interactions):
    assert torch.equal(score(X), score(X)), "scores are drawn at random"


@pytest.mark.parametrize("name", RANKERS)
def test_scoring_twice_gives_the_same_scores(ranking_split, name):
    model = fit(RANKERS[name](), ranking_split.train)
    assert_scores_twice_the_same(model.score, ranking_split.test.fold_in)
    if name == "MultVAE":

        def sampled(X):
            return model.decode(sample_normal(*model.posterior(X)))

        assert fails(assert_scores_twice_the_same, sampled, ranking_split.test.fold_in)
    if name == "MultDAE":  # dropout left on
        model.train()  # `score` itself would switch it off
        assert fails(
            assert_scores_twice_the_same,
            lambda X: model.decode(model.encode(X)),
            ranking_split.test.fold_in,
        )


def assert_drawn_with_its_deviation(draw: Callable[[Tensor, Tensor], Tensor]) -> None:
    """Many draws of N(2, 3^2): their mean and deviation, within five standard errors."""
    n = 20_000
    torch.manual_seed(0)
    z = draw(torch.full((n,), 2.0), torch.full((n,), 2 * np.log(3.0)))
    assert z.mean().item() == pytest.approx(2, abs=5 * 3 / n**0.5)
    assert z.std().item() == pytest.approx(3, abs=5 * 3 / (2 * n) ** 0.5)


def test_the_code_is_drawn_with_its_own_deviation():
    assert_drawn_with_its_deviation(sample_normal)

    def narrow(mu, logvar):
        return mu + torch.empty_like(mu).normal_(mean=0, std=0.01) * (0.5 * logvar).exp()

    def variance_for_deviation(mu, logvar):
        return mu + torch.randn_like(mu) * logvar.exp()

    assert fails(assert_drawn_with_its_deviation, narrow)
    assert fails(assert_drawn_with_its_deviation, variance_for_deviation)


# -- 13, 14, 15, 16: the training ----------------------------------------------------


def assert_never_falls(betas: list[float]) -> None:
    assert all(b >= a for a, b in zip(betas, betas[1:], strict=False)), "beta falls"


def assert_climbs_to_its_cap(make: Callable, train: Interactions) -> None:
    """Beta after every update: it never falls, and ends at the cap."""
    model, betas = make((6, 4), beta=0.2, anneal_steps=50), []
    inner = model.loss

    def loss(batch):
        value = inner(batch)
        betas.append(float(model.current_beta()))
        return value

    model.loss = loss
    fit(model, train, epochs=6)
    assert_never_falls(betas)
    assert betas[-1] == pytest.approx(0.2)


class Forgetful(models.MultVAE):
    def start_epoch(self, epoch):
        self.steps.zero_()


def test_annealing_never_falls(ranking_split):
    assert_climbs_to_its_cap(models.MultVAE, ranking_split.train)
    assert fails(assert_climbs_to_its_cap, Forgetful, ranking_split.train)


def assert_covers_every_row(epoch: Callable[[], Iterable], num_rows: int, key) -> None:
    """The rows of an epoch are the rows of the matrix, each once; two epochs differ in order."""
    first, second = ([key(row) for batch in epoch() for row in batch] for _ in range(2))
    assert sorted(first) == sorted(second) == list(range(num_rows)), "rows left out, or repeated"
    assert first != second, "the order is never shuffled again"


def test_batches_cover_every_row():
    n, size = 23, 5
    X = Interactions.from_coo(range(n), range(n), shape=(n, n))  # row i holds item i
    generator = torch.Generator().manual_seed(0)

    def ours():
        return (batch.indices.tolist() for batch in X.batches(size, generator=generator))

    assert_covers_every_row(ours, n, int)
    once = torch.randperm(n, generator=torch.Generator().manual_seed(0)).tolist()

    def without_the_tail():
        return (once[b * size : (b + 1) * size] for b in range(n // size))

    def never_shuffled_again():
        return (once[b : b + size] for b in range(0, n, size))

    assert fails(assert_covers_every_row, without_the_tail, n, int)
    assert fails(assert_covers_every_row, never_shuffled_again, n, int)


class Watched(models.MultDAE):
    """Notes in which mode each update is made; ``wrong`` undoes what ``fit`` does right."""

    wrong = False

    def build(self, train):
        super().build(train)
        self._modes = []

    def start_epoch(self, epoch):
        if self.wrong and epoch > 1:
            self.eval()

    def loss(self, batch):
        self._modes.append(self.training)
        return super().loss(batch)


class NeverUndone(Watched):
    wrong = True


def assert_updates_in_training_mode(make: Callable, train: Interactions) -> None:
    """With an evaluation after each epoch, which calls ``eval()``."""
    model = make((4,))
    training.fit(model, train, epochs=3, watch=lambda m: {"v": float(m.training)}, device="cpu")
    assert model._modes and all(model._modes), "updates in evaluation mode: no dropout"


def test_every_update_is_made_in_training_mode(ranking_split):
    assert_updates_in_training_mode(Watched, ranking_split.train)
    assert fails(assert_updates_in_training_mode, NeverUndone, ranking_split.train)


def assert_second_training_equals_first(train_once: Callable[[], list[Tensor]]) -> None:
    first, second = train_once(), train_once()
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True)), (
        "the second training of a session is not the first"
    )


def test_a_second_training_equals_the_first(ranking_split):
    def ours():
        model = fit(models.MultDAE((4,)), ranking_split.train, seed=3)
        return [p.detach() for p in model.parameters()]

    assert_second_training_equals_first(ours)
    left_over: list[dict] = []

    def with_the_old_optimiser():
        model = models.MultDAE((4,))
        history = training.fit(
            model,
            ranking_split.train,
            epochs=2,
            seed=3,
            device="cpu",
            optimizer_state=left_over[-1] if left_over else None,
        )
        left_over.append(copy.deepcopy(history.optimizer_state))
        return [p.detach() for p in model.parameters()]

    assert fails(assert_second_training_equals_first, with_the_old_optimiser)


# -- 18: where the targets come from -------------------------------------------------


def assert_somebody_gave_them(targets: Interactions, given: Interactions) -> None:
    """Each row of the targets is a row that somebody gave, values included."""

    def rows(X):
        parts = [X.rows(slice(r, r + 1)) for r in range(X.num_rows)]
        return {(*part.indices.tolist(), *part.values.tolist()) for part in parts}

    assert rows(targets) <= rows(given), "targets that nobody gave"


def test_targets_are_ratings_that_somebody_gave(random_matrix):
    train = random_matrix(20, 9)
    teacher = models.DeepAutoencoder((4,))
    teacher.build(train)
    copies = augmentation.augment(train, teacher, fraction=0.5, cells="copies")
    assert copies.num_rows == 30
    assert_somebody_gave_them(copies, train)
    for cells in ("all", "observed"):
        made_up = augmentation.augment(train, teacher, fraction=0.5, cells=cells)
        assert fails(assert_somebody_gave_them, made_up, train)


# -- 20, 21: tables and tolerances ---------------------------------------------------


def assert_one_protocol(runs: pd.DataFrame) -> None:
    """Columns label, seed and split: with the same seed, all labels share one split."""
    assert len(runs), "nothing to compare"
    assert (runs.groupby("seed")["split"].nunique() == 1).all(), "rows of different splits"


def test_a_table_has_one_protocol():
    table = pd.DataFrame(
        [("ours", 0, "a1"), ("theirs", 0, "a1"), ("ours", 1, "b2"), ("theirs", 1, "b2")],
        columns=["label", "seed", "split"],
    )
    assert_one_protocol(table)
    assert fails(assert_one_protocol, table.assign(split=["a1", "c3", "b2", "b2"]))
    for name in ("autorec-ml1m", "gao-ml1m", "topn-ml1m", "recvae-ml1m"):
        runs = evidence.per_seed(name)
        # SVAE reads places in time where the others read ones: the same cells, other values.
        runs = runs[runs["label"] != "SVAE"] if len(runs) else runs
        if len(runs):
            assert_one_protocol(runs)
    mixed = evidence.per_seed("catalogue-ml1m")  # on purpose: catalogues of four sizes
    if len(mixed) and mixed["split"].nunique() > 1:
        assert fails(assert_one_protocol, mixed)


def assert_excludes(accepts: Callable[[float], bool], wrong: Iterable[float]) -> None:
    """A tolerance must refuse the results of programs that are known to be wrong."""
    assert not any(accepts(value) for value in wrong), "the tolerance lets a wrong result pass"


def test_a_tolerance_excludes_what_is_wrong():
    measured, popularity = np.array([0.0255, 0.0251, 0.0262]), 0.0144
    half = 4 * measured.std(ddof=1)

    def from_the_spread(value):
        return value == pytest.approx(measured.mean(), abs=half)

    def too_wide(value):
        return value == pytest.approx(0.0255283, rel=0.1, abs=0.05)

    assert all(from_the_spread(value) for value in measured)
    assert_excludes(from_the_spread, [0.0, popularity])
    assert all(too_wide(value) for value in measured)
    assert fails(assert_excludes, too_wide, [0.0])
    assert fails(assert_excludes, too_wide, [popularity])


# -- the chapter and its tests -------------------------------------------------------

NAMED = re.compile(r"`(test_\w+\.py)::(test_\w+)`")


def sections(source: str) -> dict[str, str]:
    """The text of each ``### number. title`` of the chapter."""
    parts = re.split(r"^# ### (\d+\. .+)$", source, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@cache
def functions_of(file: str) -> set[str]:
    tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def unnamed(source: str) -> list[str]:
    """Mistakes that do not name exactly one test, or one that does not exist."""
    bad = []
    for title, text in sections(source).items():
        named = NAMED.findall(text)
        if len(named) != 1 or named[0][1] not in functions_of(named[0][0]):
            bad.append(title)
    return bad


def test_every_mistake_of_the_chapter_names_a_test_that_exists():
    source = CHAPTER.read_text(encoding="utf-8")
    numbers = [int(title.partition(".")[0]) for title in sections(source)]
    assert numbers == list(range(1, len(numbers) + 1)) and len(numbers) >= 13
    assert unnamed(source) == []
    for part in ("seen in", "wrong", "right", "detect", "test"):
        assert source.count(f"\n# | {part} |") == len(numbers), part
    # Negative controls: a test that is not there, and a mistake without one.
    first = NAMED.search(source)[0]
    assert unnamed(source.replace(first, "`test_mistakes.py::test_of_nothing`", 1)) == [
        next(iter(sections(source)))
    ]
    assert unnamed(source.replace(first, "none", 1)) == [next(iter(sections(source)))]


def test_checks_of_this_file_are_used():
    """No test here is without a mistake of the chapter."""
    named = {name for _, name in NAMED.findall(CHAPTER.read_text(encoding="utf-8"))}
    extra = {
        "test_scores_do_not_read_the_test",
        "test_every_mistake_of_the_chapter_names_a_test_that_exists",
        "test_checks_of_this_file_are_used",
    }
    tests = {name for name in functions_of("test_mistakes.py") if name.startswith("test_")}
    assert tests - extra <= named
