"""`make test-minimal` installs what README.md tells a reader to install, and says what it lacks."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

TOP = Path(__file__).resolve().parents[3]
MINIMAL = TOP / "packaging" / "minimal.py"


@pytest.fixture
def minimal() -> ModuleType:
    spec = importlib.util.spec_from_file_location("minimal", MINIMAL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_packages_are_those_of_the_readme(minimal: ModuleType) -> None:
    assert minimal.packages((TOP / "README.md").read_text()) == ["make", "python3-venv"]
    assert minimal.packages((TOP / "CONTRIBUTING.md").read_text()) == ["make", "python3-venv"]


def test_a_readme_that_names_none_is_an_error(minimal: ModuleType) -> None:
    with pytest.raises(SystemExit, match="README"):
        minimal.packages("On Debian 12 with whatever you like")


def test_what_is_missing_is_named() -> None:
    done = subprocess.run((sys.executable, MINIMAL), env={"PATH": "/nowhere"}, capture_output=True, text=True)
    assert done.returncode == 0
    assert "skipped, it needs " in done.stdout


def test_only_lint_and_tests_that_exist_are_left_out(minimal: ModuleType) -> None:
    made = subprocess.run(("make", "-n", "test", *minimal.without_computation()), cwd=TOP, capture_output=True)
    (command,) = (line for line in made.stdout.decode().splitlines() if " -m pytest " in line)
    ignored = [word.removeprefix("--ignore=") for word in command.split() if word.startswith("--ignore=")]
    assert ignored
    assert b"mypy" not in made.stdout
    for left_out in ignored:
        path = TOP / left_out
        assert path.is_file() or list(path.rglob("test_*.py")), left_out
