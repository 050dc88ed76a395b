"""An experiment as it is described, and the record of what was measured, and with what."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import torch

from reclib import datasets
from reclib.interactions import resolve_device


@dataclass(frozen=True)
class Point:
    """One setting to measure: its label, all it takes to run it, and what it answers.

    ``seeds`` is the experiment's, or the point's own: 1 if nothing about it is random. If the
    settings have a ``space``, the point is a search, and ``seeds`` its number of trials.
    ``answers`` is the key of a row of ``data/published.csv``; ``not_comparable``,
    if given, says why the two numbers must not be held against each other. ``chapter`` is the
    page that shows it, ``05-autorec`` say.
    """

    label: str
    settings: dict
    seeds: int
    answers: str | None = None
    not_comparable: str | None = None
    chapter: str | None = None

    def named(self, seed: int) -> str:
        """The point with a seed, or the trial of a search."""
        return f"{self.label}, {'trial' if 'space' in self.settings else 'seed'} {seed}"


@dataclass(frozen=True, eq=False)
class Experiment:
    """A named experiment: title, points, number of seeds, and the tolerance of its verdicts.

    ``tuned_by`` names the search from which its points have their options, ``file`` is where it
    is described, and ``runs`` the folder of its record.
    """

    name: str
    title: str
    seeds: int
    tolerance: float | None
    points: tuple[Point, ...]
    tuned_by: str | None
    file: Path = field(repr=False)
    runs: Path = field(repr=False)

    def path(self, folder: str | Path | None = None) -> Path:
        """Of its record, or of one in another folder."""
        return Path(folder or self.runs) / f"{self.name}.json"

    @property
    def asked_as(self) -> str:
        """What ``python -m reclib run`` calls it: its name, or the file of one's own."""
        of_the_book = self.file == datasets.data_folder() / "experiments.toml"
        return self.name if of_the_book else str(self.file)

    def data(self, point: Point) -> str | dict:
        """What ``datasets.load`` takes: a name, or a table with the path of a file."""
        named = point.settings["dataset"]
        if isinstance(named, str):
            return named
        return named | {"path": str(self.file.parent / named["path"])}

    def absent(self) -> str:
        """A data set that is neither on this machine nor to be downloaded; empty if none is."""
        for name in {each for each in map(self.data, self.points) if isinstance(each, str)}:
            dataset = datasets.find(name)
            if dataset.path() is None and not dataset.url:
                return dataset.title
        return ""


@dataclass
class Record:
    """The results of one experiment, as they lie in its folder.

    ``outdated`` counts those of settings, or of data, that are no more.
    """

    path: Path
    experiment: str
    results: list[dict]
    outdated: int = 0

    @classmethod
    def read(cls, experiment: Experiment, folder: str | Path | None = None) -> Record:
        """Read what was recorded of the experiment *as it is described now*.

        Results of settings that have changed since are left out, and go from the file with the
        next one written. ValueError if the file is damaged, or is no record of this experiment.
        """
        path = experiment.path(folder)
        stored = _stored(path, experiment.name) if path.exists() else []
        current = {point.label: point.settings for point in experiment.points}
        results = [r for r in stored if current.get(r["label"]) == r["settings"]]
        return cls(path, experiment.name, results, len(stored) - len(results))

    def find(self, point: Point, seed: int) -> dict | None:
        for result in self.results:
            if result["label"] == point.label and result["seed"] == seed:
                return result
        return None

    def of(self, point: Point) -> list[dict]:
        """The results of a point, in order of their seeds."""
        return [result for result in self.results if result["label"] == point.label]

    def add(self, result: dict) -> None:
        """Write the file anew with one more result; it is whole at every moment.

        OSError, if there is no room for it, names the file and what is safe.
        """
        self.results = sorted([*self.results, result], key=lambda r: (r["label"], r["seed"]))
        lines = ",\n".join("  " + json.dumps(each) for each in self.results)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        part = self.path.with_suffix(".part")
        try:
            part.write_text(
                f'{{"experiment": {json.dumps(self.experiment)}, "results": [\n{lines}\n]}}\n',
                encoding="utf-8",
            )
            os.replace(part, self.path)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise OSError(
                f"{self.path} cannot be written ({error.strerror or error}); the "
                f"{len(self.results) - 1} results before are in it. Make room, and run it again"
            ) from error


def _stored(path: Path, name: str) -> list[dict]:
    """All results of a file; ValueError says what is wrong with it."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(
            f"{path} is no whole record ({error}); restore it, or delete it to measure again"
        ) from error
    wanted = {"label": str, "seed": int, "settings": dict, "metrics": dict}
    results = record.get("results") if isinstance(record, dict) else None
    if not isinstance(results, list) or not all(
        isinstance(each, dict) and all(isinstance(each.get(k), t) for k, t in wanted.items())
        for each in results
    ):
        raise ValueError(f"{path} holds something else than a record of experiments; move it away")
    if record.get("experiment") != name:
        raise ValueError(
            f"{path} is a record of {record.get('experiment')!r}, not of {name!r}; move it away"
        )
    return results


def environment(device: str = "auto") -> dict[str, str]:
    """What the result was measured with: hardware, versions, and the commit of the code."""
    where = resolve_device(device)
    hardware = torch.cuda.get_device_name() if where.type == "cuda" else _cpu_name()
    libraries = ", ".join(f"{name} {version(name)}" for name in ("torch", "numpy", "scipy"))
    return {
        "hardware": f"{hardware}, {os.cpu_count()} cores",
        "libraries": f"python {platform.python_version()}, {libraries}",
        "commit": _commit(),
    }


def _cpu_name() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _commit() -> str:
    """The commit of the code, with a mark if the library differs from it; empty outside git."""
    folder = Path(__file__).resolve().parent

    def git(*arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=folder, capture_output=True, text=True, check=False
        )
        return done.stdout.strip() if done.returncode == 0 else ""

    changed = "+changes" if git("status", "--porcelain", "--", str(folder)) else ""
    return git("rev-parse", "--short=12", "HEAD") + changed
