"""``python -m reclib``: fetch data, run a paper-scale experiment, print published vs measured."""

from __future__ import annotations

import argparse
import sys

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
    run.set_defaults(command=_run)

    report = commands.add_parser("report", help="print published against measured, and verdicts")
    report.add_argument("experiment", nargs="*", help="names; all if none is named")
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
    for experiment in map(experiments.find, names):
        print(f"{experiment.name}: {experiment.title}", flush=True)
        results = experiments.run(
            experiment, seeds=options.seeds, device=options.device, jobs=options.jobs
        )
        for result in results:
            values = ", ".join(f"{k} {v:.4f}" for k, v in result["metrics"].items())
            print(
                f"  {result['label']}, seed {result['seed']}: {values} ({result['seconds']:.0f} s)",
                flush=True,
            )
    return 0


def _report(options: argparse.Namespace) -> int:
    tables = [evidence.table(name) for name in options.experiment]
    names = options.experiment or list(experiments.load_experiments())
    report = pd.concat(tables, keys=names) if tables else evidence.report()
    shown = report.drop(columns=["low", "high"])
    print(shown.to_string(float_format="{:.4f}".format, na_rep="-"))
    for name in names:
        print(f"\n{evidence.provenance(name)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
