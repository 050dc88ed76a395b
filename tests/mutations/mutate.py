"""Deliberate bugs, and whether the tests notice: ``python tests/mutations/mutate.py``.

Each mutation replaces a passage of a temporary copy of the library and runs a few tests of
it there; they must fail. The same tests must pass on an unchanged copy. Everything heavy is
imported once, and each run is a fork of that process. Prints one JSON object.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import sys
import tempfile
import warnings
from pathlib import Path
from typing import NamedTuple

TESTS = Path(__file__).resolve().parents[1]
LIBRARY = TESTS.parent / "reclib"


class Mutation(NamedTuple):
    """In ``file``, ``old`` becomes ``new``; one of ``tests`` must fail."""

    file: str
    old: str
    new: str
    tests: tuple[str, ...]


METRIC = ("test_metrics.py::test_metrics_by_hand",)
SEEN = (
    "test_evaluation.py::test_a_user_who_has_seen_everything_gets_an_empty_list",
    "test_evaluation.py::test_without_a_mask_scikit_learn_gives_another_number",
)
ERRORS = ("test_evaluation.py::test_rating_errors_are_over_ratings_and_not_over_users",)
LOSS = ("test_models.py::test_the_loss_of_autorec_by_hand",)
COLD = ("test_models.py::test_cold_rows_and_columns_get_the_default_rating",)
MASK = "        block.view(-1)[test.seen.rows(rows).cells] = -torch.inf\n"

MUTATIONS = {
    "NDCG discount off by one": Mutation(
        "metrics.py", "torch.arange(2, k + 2,", "torch.arange(3, k + 3,", METRIC
    ),
    "NDCG ideal without min(k, n)": Mutation(
        "metrics.py",
        "gain / ideal[num_relevant.clamp(max=k)]",
        "gain / (1 / torch.arange(2, 999).double().log2()).cumsum(0)[num_relevant - 1]",
        ("test_metrics.py::test_perfect_and_worst_lists",),
    ),
    "capped recall divided by n": Mutation(
        "metrics.py",
        "num_relevant.clamp(max=k), num_relevant)\n\n\ndef ndcg",
        "num_relevant, num_relevant)\n\n\ndef ndcg",
        METRIC,
    ),
    "MAP divided by the hits": Mutation(
        "metrics.py", "total / num_relevant.clamp(max=k)", "total / top.sum(1).clamp(min=1)", METRIC
    ),
    "users with nothing held out count as zero": Mutation(
        "metrics.py",
        "value, torch.nan)",
        "value, 0.0)",
        ("test_metrics.py::test_a_user_with_nothing_held_out_has_no_value_and_spoils_no_other",),
    ),
    "RMSE divided by users": Mutation(
        "evaluation.py",
        "metrics.rmse(predicted, actual.values).item()",
        "((predicted - actual.values).square().sum() / len(test.users)).sqrt().item()",
        ERRORS,
    ),
    "seen items not masked": Mutation("evaluation.py", MASK, "", SEEN),
    "mask not in place": Mutation(
        "evaluation.py", MASK, MASK.replace("block.view", "block.clone().view"), SEEN
    ),
    "seen items masked with 0": Mutation(
        "evaluation.py", MASK, MASK.replace("-torch.inf", "0.0"), SEEN
    ),
    "ties as topk likes": Mutation(
        "evaluation.py",
        "if tied.any():",
        "if False:",
        ("test_evaluation.py::test_ties_are_broken_by_column_at_the_cut_and_within",),
    ),
    "predictions in the order of the transpose": Mutation(
        "evaluation.py",
        "oriented(wanted.with_values(torch.cat(parts)), model).values",
        "torch.cat(parts)",
        ("test_evaluation.py::test_a_model_of_items_predicts_in_the_order_of_users",),
    ),
    "penalty of AutoRec without 1/2": Mutation(
        "models/autorec.py", "self.l2 / 2 *", "self.l2 *", LOSS
    ),
    "penalty of AutoRec whole in every batch": Mutation(
        "models/autorec.py", "penalty / self.num_rows", "penalty / batch.num_rows", LOSS
    ),
    "loss of AutoRec over all cells": Mutation(
        "models/autorec.py",
        "error = losses.squared_error(self.output(a), batch.values)",
        "error = losses.squared_error(\n"
        "            self.output(self.encode(batch) @ self.W.T + self.b), batch.dense())",
        LOSS,
    ),
    "cold rows not defaulted": Mutation(
        "models/autorec.py",
        "X_hat.masked_fill_((fold_in.row_counts == 0)[:, None], self.default_rating)",
        "X_hat",
        COLD,
    ),
    "cold columns not defaulted": Mutation(
        "models/autorec.py",
        "        X_hat.masked_fill_(~self.known, self.default_rating)\n",
        "",
        COLD,
    ),
    "cold cells not defaulted": Mutation(
        "models/autorec.py",
        ".masked_fill_(unknown, self.default_rating)",
        "",
        ("test_models.py::test_scores_at_cells_are_the_scores_at_these_cells",),
    ),
    "deep loss over all cells": Mutation(
        "models/deepae.py",
        "losses.squared_error(self.decode_at(self.encode(batch), batch), batch.values)",
        "losses.squared_error(self.decode(self.encode(batch)), batch.dense())",
        ("test_deep_models.py::test_the_loss_is_the_masked_mean_squared_error",),
    ),
    "denoising forgives what it masks": Mutation(
        "models/deepae.py",
        "return X.with_values(F.dropout(X.values, self.input_dropout))",
        "return X",
        ("test_deep_models.py::test_denoising_masks_the_input_and_still_asks_for_it",),
    ),
    "re-feeding asks for the ratings": Mutation(
        "models/deepae.py",
        "self.loss if x is batch else self._dense_loss, x)",
        "self.loss, batch)",
        ("test_deep_models.py::test_refeeding_makes_the_output_input_and_target",),
    ),
    "KL with the standard deviation": Mutation(
        "losses.py",
        "0.5 * (logvar.exp()",
        "0.5 * ((logvar / 2).exp()",
        ("test_deep_models.py::test_the_kl_term_is_the_divergence_from_a_standard_normal",),
    ),
    "annealing that never ends": Mutation(
        "models/ratingvae.py",
        ".clamp(max=1.0)",
        "",
        ("test_deep_models.py::test_annealing_raises_the_weight_step_by_step",),
    ),
    "penalty of MF not weighted": Mutation(
        "models/mf.py",
        "self.l2 * X.row_counts.clamp(min=1)",
        "self.l2 * X.row_counts.clamp(min=1, max=1)",
        ("test_deep_models.py::test_users_are_ridge_regressions_on_the_items",),
    ),
    "the optimiser's state shared": Mutation(
        "training.py",
        "copy.deepcopy(state)",
        "state",
        ("test_training.py::test_an_optimiser_can_start_from_the_state_of_another_training",),
    ),
    "the last weights kept, not the best": Mutation(
        "training.py",
        "run.keep_best()",
        "pass",
        ("test_training.py::test_the_weights_of_the_best_epoch_are_kept",),
    ),
    "the best weights not copied": Mutation(
        "training.py",
        "t.detach().clone()",
        "t.detach()",
        ("test_training.py::test_the_weights_of_the_best_epoch_are_kept",),
    ),
    "checkpoint without the order of batches": Mutation(
        "training.py",
        '        self.generator.set_state(state["generator"])\n',
        "",
        ("test_training.py::test_resuming_gives_the_weights_of_an_uninterrupted_run",),
    ),
    "users filtered before items": Mutation(
        "ratings.py",
        '(("item", item), ("user", user))',
        '(("user", user), ("item", item))',
        ("test_ratings.py::test_with_min_count_drops_items_first_and_passes_once",),
    ),
    "fold-in seed not set again": Mutation(
        "splits.py",
        "        rng = np.random.RandomState(seed)\n",
        "        rng = np.random.RandomState(seed + 1)\n",
        ("test_splits.py::test_held_out_users_follow_the_published_recipe",),
    ),
    "test leaks are not looked for": Mutation(
        "splits.py",
        "if _meet(self.held_out.cells, self.fold_in.cells):",
        "if False:",
        ("test_splits.py::test_a_test_whose_answer_is_folded_in_is_refused",),
    ),
    "gradient of the transposed factor": Mutation(
        "interactions.py",
        "G_T = ctx.X.T.with_values(grad[ctx.X.by_column])",
        "G_T = ctx.X.T",
        ("test_interactions.py::test_product_at_and_its_gradients_equal_the_dense_ones",),
    ),
    "a verdict from the mean alone": Mutation(
        "evidence/judging.py",
        "if wanted[0] <= interval.low and interval.high <= wanted[1]:",
        "if wanted[0] <= interval.mean <= wanted[1]:",
        ("test_evidence.py::test_each_word_is_reached",),
    ),
    "a claim judged without its interval": Mutation(
        "evidence/register.py",
        "return runs.of_values(value, ways.pop(), runs.held_out_share(self.used[0]))",
        "return intervals.exact(np.mean(value))",
        ("test_evidence.py::test_a_claim_is_judged",),
    ),
    "a claim judged with seeds missing": Mutation(
        "evidence/register.py",
        "if len(results) < point.seeds:",
        "if not results:",
        ("test_evidence.py::test_without_the_record_a_claim_is_not_testable_and_says_so",),
    ),
    "every repeated run lies in the spread": Mutation(
        "evidence/runs.py",
        "within = low - ROUNDING <= value <= high + ROUNDING",
        "within = True",
        ("test_evidence.py::test_runs_that_were_repeated_are_held_against_the_spread",),
    ),
    "the worst trial wins": Mutation(
        "experiments.py",
        "best = min(trials",
        "best = max(trials",
        ("test_experiments.py::test_a_tuned_experiment_has_the_options_of_the_best_trial",),
    ),
    "trials differ by their seeds as well": Mutation(
        "experiments.py",
        "with_values(point.settings, values), 0,",
        "with_values(point.settings, values), seed,",
        ("test_experiments.py::test_a_search_tries_settings_one_after_the_other",),
    ),
    "the tuner guesses": Mutation(
        "tuning.py",
        "n_startup_trials=4",
        "n_startup_trials=400",
        ("test_tuning.py::test_it_finds_better_settings_than_chance_does",),
    ),
    "popularity lift against the catalogue": Mutation(
        "metrics.py",
        "counts[seen].mean() - 1",
        "counts.mean() - 1",
        ("test_metrics.py::test_popularity_lift_by_hand",),
    ),
    "groups of users in the order of their numbers": Mutation(
        "evaluation.py",
        'visible.rank(method="first")',
        "visible.index.to_series()",
        ("test_experiments.py::test_groups_of_users_are_equally_large_and_add_up_to_the_whole",),
    ),
}


def outcome(mutation: Mutation | None, tests: tuple[str, ...], folder: Path) -> tuple[int, str]:
    """Run ``tests`` on a copy of the library in a fork; pytest's exit status and output."""
    shutil.copytree(LIBRARY, folder / "reclib")  # with what is compiled of it
    os.symlink(LIBRARY.parent / "data", folder / "data")
    if mutation is not None:
        path = folder / "reclib" / mutation.file
        source = path.read_text(encoding="utf-8")
        if source.count(mutation.old) != 1:
            return -1, f"{mutation.file} holds {source.count(mutation.old)} times: {mutation.old}"
        path.write_text(source.replace(mutation.old, mutation.new), encoding="utf-8")
    output = folder / "output"
    if not (child := os.fork()):
        status = 99
        with open(output, "w") as stream, contextlib.redirect_stdout(stream):
            try:
                status = run_pytest(tests, folder)
            finally:
                stream.flush()
                os._exit(status)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), output.read_text()


def run_pytest(tests: tuple[str, ...], folder: Path) -> int:
    """In the fork: import the copy before anything else can, then run the tests."""
    import pytest

    sys.path.insert(0, str(folder))
    import reclib

    assert Path(reclib.__file__).is_relative_to(folder)
    # No settings of the repository, no plugins: only these tests, stop at the first failure.
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    options = ["-x", "-q", "--tb=line", "-p", "no:cacheprovider", "-c", os.devnull]
    names = [str(TESTS / name) for name in tests]
    return int(pytest.main([*options, f"--rootdir={TESTS}", *names]))


def main() -> dict[str, str]:
    """Every mutation's fate: "caught", or what happened instead."""
    import hypothesis.extra.numpy  # noqa: F401  imported once for all forks
    import pandas  # noqa: F401
    import pytest  # noqa: F401
    import scipy.sparse.linalg  # noqa: F401
    import scipy.stats  # noqa: F401
    import seaborn  # noqa: F401
    import sklearn.metrics  # noqa: F401
    import torch
    import tqdm.auto  # noqa: F401

    torch.optim.Adam([torch.zeros(1)])  # its first use imports much

    warnings.simplefilter("ignore", DeprecationWarning)  # of fork beside the idle threads of torch
    every = tuple(dict.fromkeys(test for m in MUTATIONS.values() for test in m.tests))
    runs = {"nothing changed": (None, every)} | {n: (m, m.tests) for n, m in MUTATIONS.items()}
    fates = {}
    for name, (mutation, tests) in runs.items():
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stderr(io.StringIO()):
            status, output = outcome(mutation, tests, Path(folder))
        words = {0: "passed", 1: "caught"}
        fates[name] = words.get(status, f"pytest ended with {status}: {output[-2000:]}")
        if name == "nothing changed" and status == 1:
            fates[name] = output[-2000:]
    return fates


if __name__ == "__main__":
    print(json.dumps(main(), indent=1))
