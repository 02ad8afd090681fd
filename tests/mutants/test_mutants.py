"""Each bug of `mutantkit` is noticed by the tests that are there to notice it.

`make mutants` makes them, one after the other, in copies of the checkout. `make test` looks only whether each could
still be made: a mutant whose code has changed is to be written anew.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mutantkit import MUTANTS, Mutant

ROOT = Path(__file__).resolve().parents[2]
WANTED = os.environ.get("ZONEGIT_MUTANTS", "")
"""`all`, or a part of the names of some."""
CHOSEN = [mutant for mutant in MUTANTS if WANTED and (WANTED == "all" or WANTED in mutant.name)]
LEAST = 20
FAILED = 1
"""What pytest says where tests ran and some failed."""


def test_there_are_enough_and_none_twice() -> None:
    assert len(MUTANTS) >= LEAST
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_each_can_still_be_made(mutant: Mutant) -> None:
    text = (ROOT / "appliance" / "zonegit" / mutant.path).read_text()
    assert text.count(mutant.old) == 1, f"{mutant.path} doesn't hold this exactly once: {mutant.old}"
    compile(text.replace(mutant.old, mutant.new), mutant.path, "exec")
    for test in mutant.caught_by:
        assert (ROOT / "tests" / test.partition("::")[0]).exists(), test


@pytest.fixture
def copy(tmp_path: Path) -> Iterator[Path]:
    """The checkout, without what was made in it."""
    made = shutil.ignore_patterns(".*", "__pycache__", "build", "dist", "var")
    place = tmp_path / "copy"
    shutil.copytree(ROOT, place, ignore=made)
    yield place
    shutil.rmtree(place)


def run(place: Path, tests: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    """The tests of a copy, with the copy's code, until the first that fails."""
    code = {
        "PYTHONPATH": str(place / "appliance"),
        "ZONEGIT_SEEDS": "160",
        "ZONEGIT_SHRINK": "0",
        "ZONEGIT_MUTANTS": "",
    }
    options = ["-q", "-x", "-n", "0", "-p", "no:randomly", "-p", "no:cacheprovider"]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, *(f"tests/{test}" for test in tests)],
        cwd=place,
        env={**os.environ, **code},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )


@pytest.mark.skipif(not WANTED, reason="takes minutes: make mutants")
@pytest.mark.timeout(1200)
def test_a_copy_without_a_bug_passes(copy: Path) -> None:
    ran = run(copy, tuple(sorted({test for mutant in MUTANTS for test in mutant.caught_by})))
    assert ran.returncode == 0, ran.stdout[-4000:]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("mutant", CHOSEN, ids=lambda mutant: mutant.name)
def test_is_caught(mutant: Mutant, copy: Path) -> None:
    path = copy / "appliance" / "zonegit" / mutant.path
    path.write_text(path.read_text().replace(mutant.old, mutant.new))
    ran = run(copy, mutant.caught_by)
    assert ran.returncode == FAILED, f"{mutant.name}: nobody noticed\n{ran.stdout[-4000:]}"
