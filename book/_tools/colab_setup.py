"""The first cell of a notebook of the Colab edition; its text is put there as it stands.

Installed is only what is missing. Whatever is installed already keeps its version: reclib comes
without its requirements, and those that are missing come with all present versions held fast.
"""

import importlib
import subprocess
import sys
import tempfile
from importlib import metadata


def version_of(name: str) -> str | None:
    """The installed version of a distribution, or None."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def pip_install(*arguments: str) -> None:
    """Run pip for this Python; its words are shown only if it fails."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    importlib.invalidate_caches()
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr}")


def requirements_of(name: str) -> list[str]:
    """What an installed distribution asks for; extras are left out."""
    return [
        text for text in metadata.requires(name) or [] if "extra ==" not in text
    ]


def present_versions() -> list[str]:
    """``name==version`` of every distribution that is installed."""
    found = {d.metadata["Name"]: d.version for d in metadata.distributions()}
    return sorted(
        f"{name}=={version}" for name, version in found.items() if name
    )


def judge(requirements: list[str]) -> tuple[list[str], list[str]]:
    """Of requirements those that are not installed, and words on those that are too old."""
    from packaging.requirements import Requirement

    missing, too_old = [], []
    for requirement in map(Requirement, requirements):
        have = version_of(requirement.name)
        if have is None:
            missing.append(str(requirement))
        elif not requirement.specifier.contains(have, prereleases=True):
            too_old.append(
                f"{requirement.name} {have} is here, wanted is {requirement}"
            )
    return missing, too_old


def set_up(repository: str, branch: str, also: list[str]) -> None:
    """Install reclib, what it lacks and what the chapter needs; say what was done."""
    if version := version_of("reclib"):
        print(f"reclib {version} is installed already")
    elif repository:
        pip_install("--no-deps", f"git+{repository}@{branch}")
        print(f"reclib {version_of('reclib')} was installed from {repository}")
    else:
        raise RuntimeError(
            "This notebook does not know where to get reclib. Set REPOSITORY above to the "
            "address of the book's repository, or set `repository: url` in its _config.yml "
            "and make the notebooks again with `make colab`."
        )
    missing, too_old = judge([*requirements_of("reclib"), *also])
    if missing:
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as constraints:
            constraints.write("\n".join(present_versions()))
            constraints.flush()
            pip_install("--constraint", constraints.name, *missing)
        print("installed, since they were missing: " + ", ".join(missing))
    else:
        print("nothing else was missing")
    for words in too_old:
        print(
            f"careful: {words}; it stays as it is, and cells that need more will fail"
        )
    say_where_it_runs()


def say_where_it_runs() -> None:
    """Name the device that training takes."""
    import torch

    if torch.cuda.is_available():
        print(f"training runs on the GPU, {torch.cuda.get_device_name()}")
    else:
        print(
            "training runs on the CPU, which is enough for the parameters as they stand"
        )
