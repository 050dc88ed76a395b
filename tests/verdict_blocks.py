"""Do the words survive other seeds?  ``python tests/verdict_blocks.py [slug ...]``

Executes the code of each chapter with three blocks of seeds: everything that draws a split or
trains a model gets its seed plus 0, 1,000 and 2,000. Every word that ``reclib.evidence`` says on
the way is noted. A word that comes from a record cannot change; one that is said of something
trained live can, and those that do are listed: such a comparison needs more seeds, or no word.
The result is written to ``data/verdict-blocks.json``. It takes three times as long as the book.
"""

from __future__ import annotations

import contextlib
import io
import json
import multiprocessing
import sys
from functools import wraps
from inspect import signature
from pathlib import Path

import jupytext

ROOT = Path(__file__).parents[1]
BLOCKS = (0, 1_000, 2_000)
DRAW = ("hold_out", "hold_out_per_user", "held_out_users", "k_fold", "given")


def with_offset(function, offset: int):
    """The same function with another seed, the one given or its own."""
    own = signature(function).parameters["seed"].default

    @wraps(function)
    def moved(*arguments, **options):
        options["seed"] = (options.get("seed", own) or 0) + offset
        return function(*arguments, **options)

    return moved


def words_of(source: Path, offset: int, queue) -> None:
    """Execute a chapter and put every word, in order, into the queue; or the error."""
    import matplotlib

    matplotlib.use("agg")
    from reclib import evaluation, splits, training
    from reclib.evidence import judging

    said, judge = [], judging.judge

    def noting(*arguments, **options):
        verdict = judge(*arguments, **options)
        said.append(verdict.word)
        return verdict

    judging.judge = noting
    import reclib.evidence

    reclib.evidence.judge = noting
    for module, names in ((splits, DRAW), (training, ("fit",)), (evaluation, ("compare",))):
        for name in names:
            setattr(module, name, with_offset(getattr(module, name), offset))
    cells = [cell.source for cell in jupytext.read(source).cells if cell.cell_type == "code"]
    names = {"__name__": "__main__"}
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            for cell in cells:
                with contextlib.suppress(AssertionError):  # of digits that belong to block 0
                    exec(compile(cell, source.name, "exec"), names)
        queue.put(said)
    except Exception as error:  # a chapter that fails with other seeds is a finding, too
        queue.put(f"{type(error).__name__}: {error}")


def blocks_of(source: Path) -> list:
    found = []
    context = multiprocessing.get_context("spawn")
    for offset in BLOCKS:
        queue = context.Queue()
        process = context.Process(target=words_of, args=(source, offset, queue))
        process.start()
        found.append(queue.get())
        process.join()
    return found


def main(slugs: list[str]) -> int:
    path = ROOT / "data" / "verdict-blocks.json"
    results = json.loads(path.read_text()) if path.exists() else {}
    for source in sorted((ROOT / "book").glob("*/[0-9][0-9]-*.py")):
        if source.parent.name == "coursework" or (slugs and source.stem not in slugs):
            continue
        found = blocks_of(source)
        same_number = len({len(each) for each in found if isinstance(each, list)}) == 1
        changed = [
            {"verdict": place, "words": list(words)}
            for place, words in enumerate(zip(*found, strict=False))
            if len(set(words)) > 1
        ]
        failed = [each for each in found if isinstance(each, str)]
        results[source.stem] = {
            "verdicts": len(found[0]),
            "changed": changed if same_number and not failed else "see failed",
            "failed": failed,
        }
        print(source.stem, results[source.stem], flush=True)
        path.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    return any(each["changed"] for each in results.values())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
