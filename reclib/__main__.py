"""``python -m reclib``: fetch data, run a paper-scale experiment, print published vs measured."""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path

import pandas as pd

from reclib import datasets, evidence, experiments


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        return options.command(options)
    except (ValueError, ConnectionError, FloatingPointError) as error:
        print(f"reclib: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m reclib", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="data | run | report")

    data = commands.add_parser("data", help="list, fetch or check data sets")
    data.add_argument("action", choices=["list", "fetch", "check"])
    data.add_argument("name", nargs="*", help="data sets; all if none is named")
    data.set_defaults(command=_data)

    run = commands.add_parser(
        "run", help="run experiments of data/experiments.toml and record them"
    )
    run.add_argument("experiment", nargs="*", help="names; see --all")
    run.add_argument("--all", action="store_true", help="run every experiment")
    run.add_argument("--seeds", type=int, help="number of seeds, instead of the experiment's own")
    run.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, ...")
    run.add_argument("--jobs", type=int, default=1, help="trainings at a time")
    run.add_argument(
        "--into", type=Path, help="record in this folder, apart from the book's own runs"
    )
    run.set_defaults(command=_run)

    report = commands.add_parser("report", help="print published against measured, and verdicts")
    report.add_argument(
        "experiment", nargs="*", help="names; all, and the claims, if none is named"
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


def _run(options: argparse.Namespace) -> int:
    names = list(experiments.load_experiments()) if options.all else options.experiment
    if not names:
        raise ValueError("name an experiment, or --all; `report` lists them")
    chosen = list(map(experiments.find, names))
    if options.all:  # what nobody can download is left out, visibly
        absent = {each.name: each.absent() for each in chosen if each.absent()}
        for name, dataset in absent.items():
            print(f"{name}: left out, for {dataset} is not on this machine")
        chosen = [each for each in chosen if each.name not in absent]
    print(_estimate(chosen, options), flush=True)
    failed = 0
    for experiment in chosen:
        print(f"{experiment.name}: {experiment.title}", flush=True)
        try:
            _run_one(experiment, options)
        except (ConnectionError, FloatingPointError) as error:
            # Hours of other experiments must not wait for one that cannot be had or overflows.
            print(f"reclib: {experiment.name}: {error}", file=sys.stderr, flush=True)
            failed += 1
    return 1 if failed else 0


def _run_one(experiment: experiments.Experiment, options: argparse.Namespace) -> None:
    results = experiments.run(
        experiment,
        seeds=options.seeds,
        device=options.device,
        jobs=options.jobs,
        folder=options.into,
    )
    for result in results:
        values = ", ".join(f"{k} {v:.4f}" for k, v in result["metrics"].items())
        print(
            f"  {result['label']}, seed {result['seed']}: {values} ({result['seconds']:.0f} s)",
            flush=True,
        )


def _estimate(chosen: list[experiments.Experiment], options: argparse.Namespace) -> str:
    """How many trainings lie ahead, and for how long, as the recorded ones took."""
    trainings, hours, unknown = 0, 0.0, []
    for experiment in chosen:
        tasks = experiments.missing(experiment, options.seeds, options.into)
        seconds = experiments.expected_seconds(experiment, tasks)
        trainings += len(tasks)
        if math.isnan(seconds):
            unknown.append(experiment.name)
        else:
            hours += seconds / 3600
    more = f", and an unknown time for {', '.join(unknown)}" if unknown else ""
    return (
        f"{trainings} trainings ahead, {options.jobs} at a time: about {hours:.1f} processor hours "
        f"if this machine is as fast as that of the records{more}. It may be interrupted, and "
        "then goes on where it stopped."
    )


def _report(options: argparse.Namespace) -> int:
    if options.repeated:
        return _repeated(options)
    tables = [evidence.table(name) for name in options.experiment]
    names = options.experiment or list(experiments.load_experiments())
    report = pd.concat(tables, keys=names) if tables else evidence.report()
    _print(report.drop(columns=["low", "high"]))
    for name in names:
        print(f"\n{evidence.provenance(name)}")
    if not options.experiment:
        claims = evidence.claims()
        print("\nThe claims of the five reports\n")
        _print(claims[["report", "relation", "value", "tolerance", "measured", "se", "verdict"]])
        print(f"\n{claims.groupby('report')['verdict'].value_counts().unstack(fill_value=0)}")
        print("\nNot testable here, for want of:")
        for name, because in claims.query("verdict == @evidence.NOT_TESTABLE")["because"].items():
            print(f"  {name}: {because}")
    return 0


def _repeated(options: argparse.Namespace) -> int:
    """Status 1 if a repeated value lies outside of the recorded spread."""
    names = options.experiment or list(experiments.load_experiments())
    table = pd.concat([evidence.repeated(name, options.repeated) for name in names])
    if table.empty:
        raise ValueError(f"nothing is recorded in {options.repeated}; `run --into` does that")
    _print(table)
    print(f"\n{table['within'].sum()} of {len(table)} repeated values lie in the recorded spread.")
    return 0 if table["within"].all() else 1


def _print(table: pd.DataFrame) -> None:
    print(table.to_string(float_format="{:.4f}".format, na_rep="-"))


if __name__ == "__main__":
    sys.exit(main())
