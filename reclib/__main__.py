"""``python -m reclib``: fetch data, run a paper-scale experiment, print published vs measured."""

from __future__ import annotations

import argparse
import math
import signal
import sys
from contextlib import closing
from pathlib import Path

import pandas as pd

import reclib
from reclib import datasets, evidence, experiments
from reclib.experiments import Experiment, FailedError
from reclib.records import Record

# What can happen to a training without a mistake in the program; else its traceback is shown.
EXPECTED = (ValueError, OSError, FloatingPointError, MemoryError)


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit status: 0, 1 for a mistake or a failure, 128 + signal."""
    options = _parser().parse_args(arguments)
    before = signal.signal(signal.SIGTERM, _interrupt)  # `kill` means the same as Ctrl-C
    try:
        return options.command(options)
    except (ValueError, OSError, FailedError) as error:
        print(f"reclib: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt as stop:
        print(f"reclib: interrupted. {_story(stop)}".rstrip(), file=sys.stderr)
        number = next((each for each in stop.args if isinstance(each, int)), signal.SIGINT)
        return 128 + number
    finally:
        signal.signal(signal.SIGTERM, before)


def _interrupt(number: int, _: object) -> None:
    raise KeyboardInterrupt(number)


def _story(stop: KeyboardInterrupt) -> str:
    return " ".join(getattr(stop, "__notes__", []))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m reclib", description=__doc__)
    parser.add_argument("--version", action="version", version=f"reclib {reclib.__version__}")
    commands = parser.add_subparsers(required=True, metavar="data | list | run | report")
    names = "names of the book's experiments, or files: FILE.toml"

    data = commands.add_parser("data", help="list, fetch or check data sets")
    data.add_argument("action", choices=["list", "fetch", "check"])
    data.add_argument("name", nargs="*", help="data sets; all if none is named")
    data.set_defaults(command=_data)

    listed = commands.add_parser("list", help="list experiments, and how much is recorded of each")
    listed.add_argument("experiment", nargs="*", help=f"{names}; all of the book if none is named")
    listed.set_defaults(command=_list)

    run = commands.add_parser("run", help="run experiments and record them")
    run.add_argument("experiment", nargs="*", help=f"{names}; see `list`")
    run.add_argument("--all", action="store_true", help="run every experiment of the book")
    run.add_argument("--seeds", type=int, help="number of seeds, instead of the experiment's own")
    run.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, ...")
    run.add_argument("--jobs", type=int, default=1, help="trainings at a time")
    run.add_argument("--into", type=Path, help="folder of the records, instead of their own")
    run.add_argument("--dry-run", action="store_true", help="say what would run, and run nothing")
    run.set_defaults(command=_run)

    report = commands.add_parser("report", help="print published against measured, and verdicts")
    report.add_argument(
        "experiment", nargs="*", help=f"{names}; all, and the claims, if none is named"
    )
    report.add_argument(
        "--repeated", type=Path, help="hold the runs in this folder against the book's own"
    )
    report.set_defaults(command=_report)
    return parser


def _data(options: argparse.Namespace) -> int:
    for dataset in map(datasets.find, options.name or datasets.DATASETS):
        if options.action == "fetch" and dataset.path() is None:
            datasets.fetch(dataset.name)
        if options.action == "check" and options.name and dataset.path() is None:
            raise ValueError(f"{dataset.archive} is not on this machine; `data fetch` gets it")
        state = dataset.path() or "not on this machine"
        if options.action != "list" and dataset.path() is not None:
            state = f"{len(datasets.load(dataset.name)):,} ratings, content is official"
        print(f"{dataset.name:16} {dataset.title:40} {state}")
    return 0


def _list(options: argparse.Namespace) -> int:
    for experiment in experiments.choose(options.experiment or experiments.load_experiments()):
        whole = sum(point.seeds for point in experiment.points)
        recorded = whole - len(experiments.missing(experiment))
        state = f"{recorded} of {whole} recorded"
        print(f"{experiment.name:22} {state:24} {experiment.title}")
    return 0


# -- run -----------------------------------------------------------------------------


def _run(options: argparse.Namespace) -> int:
    names = list(experiments.load_experiments()) if options.all else options.experiment
    if not names:
        raise ValueError("name an experiment, or --all; `list` lists them")
    experiments.check(seeds=options.seeds, device=options.device, jobs=options.jobs)
    chosen = experiments.choose(names, options.into)
    if options.all:  # what nobody can download is left out, visibly
        absent = {each.name: each.absent() for each in chosen if each.absent()}
        for name, dataset in absent.items():
            print(f"{name}: left out, for {dataset} is not on this machine")
        chosen = [each for each in chosen if each.name not in absent]
    print(_estimate(chosen, options), flush=True)
    if options.dry_run:
        return _foretell(chosen, options)
    chosen, failed = _prepared(chosen, options)
    for experiment in chosen:
        # Read again: one that was run before it may have found its options.
        experiment = experiments.again(experiment)
        print(f"{experiment.name}: {experiment.title}", flush=True)
        try:
            _run_one(experiment, options)
        except FailedError as error:
            # Hours of other experiments must not wait for one that overflows.
            if not isinstance(error.__cause__, EXPECTED):
                print(*getattr(error.__cause__, "__notes__", []), file=sys.stderr)
            print(f"reclib: {experiment.name}: {error}", file=sys.stderr, flush=True)
            failed += 1
    return 1 if failed else 0


def _prepared(
    chosen: list[Experiment], options: argparse.Namespace
) -> tuple[list[Experiment], int]:
    """Those whose data and options are there, before any of them begins; and how many are not.

    Only ``--all`` goes on without some of them.
    """
    ready: list[Experiment] = []
    for experiment in chosen:
        tasks = experiments.missing(experiment, options.seeds, options.into)
        if experiment.tuned_by not in {each.name for each in ready}:
            experiments.refuse_untuned(experiment, tasks)
        try:
            experiments.prepare(experiment, tasks, options.into)
        except ConnectionError as error:
            if not options.all:
                raise
            print(f"reclib: {experiment.name}: {error}", file=sys.stderr, flush=True)
        else:
            ready.append(experiment)
    return ready, len(chosen) - len(ready)


def _run_one(experiment: Experiment, options: argparse.Namespace) -> None:
    record = Record.read(experiment, options.into)
    if record.outdated:
        print(
            f"  {record.outdated} recorded results are of settings, or of data, that have changed; "
            "the next result replaces them",
            flush=True,
        )
    ahead = experiments.missing(experiment, options.seeds, options.into)
    results = experiments.run(
        experiment,
        seeds=options.seeds,
        device=options.device,
        jobs=options.jobs,
        folder=options.into,
    )
    try:
        with closing(results):
            for result in results:
                values = ", ".join(f"{k} {v:.4f}" for k, v in result["metrics"].items())
                which = "trial" if "trial" in result else "seed"
                who = f"{result['label']}, {which} {result['seed']}"
                print(f"  {who}: {values} ({result['seconds']:.0f} s)", flush=True)
    except KeyboardInterrupt as stop:
        left = len(experiments.missing(experiment, options.seeds, options.into))
        stop.add_note(
            f"{len(ahead) - left} of {len(ahead)} trainings of {experiment.name} are recorded in "
            f"{record.path}; what was running is given up. The same command goes on from there."
        )
        raise


def _estimate(chosen: list[Experiment], options: argparse.Namespace) -> str:
    """How many trainings lie ahead, and for how long, as the recorded ones took."""
    trainings, hours, unknown = 0, 0.0, []
    for experiment in chosen:
        tasks = experiments.missing(experiment, options.seeds, options.into)
        seconds = sum(experiments.expected_seconds(experiment, tasks))
        trainings += len(tasks)
        if math.isnan(seconds):
            unknown.append(experiment.name)
        else:
            hours += seconds / 3600
    more = f", and an unknown time for {', '.join(unknown)}" if unknown else ""
    return (
        f"{trainings} trainings ahead, {options.jobs} at a time: about {hours:.1f} processor hours "
        f"if this machine is as fast as that of the records{more}. It may be interrupted: each "
        "finished training is recorded, and the same command goes on from there."
    )


def _foretell(chosen: list[Experiment], options: argparse.Namespace) -> int:
    """Every training that would run, and for how long."""
    for experiment in chosen:
        print(f"{experiment.name}: {experiment.title}")
        tasks = experiments.missing(experiment, options.seeds, options.into)
        expected = experiments.expected_seconds(experiment, tasks)
        for (point, seed), seconds in zip(tasks, expected, strict=True):
            time = "an unknown time" if math.isnan(seconds) else f"about {seconds:.0f} s"
            print(f"  {point.named(seed)}: {time}")
    return 0


# -- report --------------------------------------------------------------------------


def _report(options: argparse.Namespace) -> int:
    if options.repeated:
        return _repeated(options)
    chosen = experiments.choose(options.experiment or experiments.load_experiments())
    tables = {each.name: evidence.table(each) for each in chosen}
    report = pd.concat(tables, names=["experiment"]).astype({"published": float})
    _print(report.drop(columns=["low", "high"]))
    for each in chosen:
        print(f"\n{evidence.provenance(each)}")
    if not options.experiment:
        claims = evidence.claims()
        print("\nThe claims of the five reports\n")
        _print(claims[["report", "relation", "value", "tolerance", "measured", "se", "verdict"]])
        print(f"\n{pd.crosstab(claims['report'], claims['verdict']).to_string()}")
        print("\nNot testable here, for want of:")
        for name, because in claims.query("verdict == @evidence.NOT_TESTABLE")["because"].items():
            print(f"  {name}: {because}")
    return 0


def _repeated(options: argparse.Namespace) -> int:
    """Status 1 if a repeated value lies outside of the recorded spread."""
    chosen = experiments.choose(options.experiment or experiments.load_experiments())
    table = pd.concat([evidence.repeated(each, options.repeated) for each in chosen])
    if table.empty:
        raise ValueError(f"nothing is recorded in {options.repeated}; `run --into` does that")
    _print(table)
    print(f"\n{table['within'].sum()} of {len(table)} repeated values lie in the recorded spread.")
    return 0 if table["within"].all() else 1


def _print(table: pd.DataFrame) -> None:
    print(table.to_string(float_format="{:.4f}".format, na_rep="-"))


if __name__ == "__main__":
    sys.exit(main())
