"""The tests of the tests: each deliberate bug in the library makes one of them fail."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("mutate.py")
sys.path.insert(0, str(SCRIPT.parent))
from mutate import MUTATIONS  # noqa: E402


@pytest.fixture(scope="module")
def fates() -> dict[str, str]:
    """What became of each mutation."""
    if not hasattr(os, "fork"):
        pytest.skip("this system cannot fork")
    done = subprocess.run(
        [sys.executable, SCRIPT],
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_same_tests_pass_on_the_library_as_it_is(fates):
    assert fates["nothing changed"] == "passed"


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_deliberate_bug_is_caught(fates, name):
    assert fates[name] == "caught"
