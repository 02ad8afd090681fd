"""Start-up is felt at every call, so nothing that takes time is imported before a verb needs it."""

import subprocess
import sys
from pathlib import Path

import pytest

from repokit import ZONE, parsed
from zonegit.repo import Repository

DEAR = ("dns", "lmdb", "httpx", "hypercorn", "cryptography", "prometheus_client", "asyncio", "blake3")
CHEAP_MODULES = 110
"""What `zonegit version` may have in sys.modules; bare Python with argparse has about 80."""

TO_WRITE = {
    "getpass",
    "socket",
    *(f"zonegit.repo.{name}" for name in ("draft", "importing", "labels", "reset", "undoing", "writing", "zones")),
    *(f"zonegit.store.{name}" for name in ("fsck", "insert", "refindex", "writer")),
    *(f"zonegit.tree.{name}" for name in ("build", "edit")),
    *(f"zonegit.zonefile.{name}" for name in ("check", "findings", "reader")),
}
"""Modules that a verb has no use for which writes nothing."""
EVERY = {
    "dns",
    "httpx",
    "hypercorn",
    "h2",
    "cryptography",
    "prometheus_client",
    "asyncio",
    "importlib.metadata",
    "shutil",
    "subprocess",
    "dataclasses",
    "inspect",
    "zonegit.cli.graph",
    "zonegit.cli.pager",
}
"""Modules that no verb on a local repository has a use for, where RDATA is of the common types."""

PROBE = """
import sys
from zonegit.cli.main import main
code = main({argv!r})
print(code, len(sys.modules), *sorted(set(name.partition('.')[0] for name in sys.modules)), file=sys.stderr)
"""


def imported(argv):
    """Exit code, number of modules and their top names after a run of the command in a fresh interpreter."""
    command = [sys.executable, "-c", PROBE.format(argv=argv)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    code, count, *names = done.stderr.splitlines()[-1].split()
    return int(code), int(count), set(names)


@pytest.mark.parametrize("argv", [["version"], ["--help"], ["--version"]])
def test_starting_imports_little(argv) -> None:
    code, count, names = imported(argv)
    assert code == 0
    assert not names & set(DEAR)
    assert count <= CHEAP_MODULES


@pytest.mark.parametrize("verb", ["set", "import", "log", "fsck", "zone list", "key new", "branch"])
def test_making_a_parser_imports_nothing_dear(verb) -> None:
    code, _, names = imported([*verb.split(), "--help"])
    assert code == 0
    assert not names & set(DEAR) - {"blake3"}  # object ids are values; hashing is a part of them


def loaded(argv: list[str], repository: Path) -> set[str]:
    """Every module that a run of the command in a fresh interpreter imported."""
    code = f"import sys; from zonegit.cli.main import main; code = main({['--repo', str(repository), *argv]!r})\n"
    command = [sys.executable, "-c", code + "print(code, *sys.modules, file=sys.stderr)"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    code, *names = done.stderr.splitlines()[-1].split()
    assert code == "0", done.stderr
    return set(names)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    with Repository.init(tmp_path / "repo") as repository:
        repository.import_zone(parsed(ZONE), source="test.zone")
    return tmp_path / "repo"


@pytest.mark.parametrize(
    "argv", [["show", "www", "A"], ["show"], ["log"], ["status"], ["branch"], ["zone", "list"], ["reflog"]]
)
def test_reading_imports_nothing_to_write_with(argv: list[str], repository: Path) -> None:
    found = loaded(argv, repository) & (TO_WRITE | EVERY)
    assert found == set()


def test_dates_are_imported_by_what_shows_dates(repository: Path) -> None:
    assert "datetime" not in loaded(["show", "www", "A"], repository)


@pytest.mark.parametrize("argv", [["set", "www", "A", "60", "192.0.2.7"], ["delete", "www"]])
def test_a_change_imports_nothing_that_it_has_no_use_for(argv: list[str], repository: Path) -> None:
    unused = {
        "datetime",
        "difflib",
        "pickle",
        "selectors",
        "socket",
        "tomllib",
        "zonegit.dnssec.policy",
        "zonegit.repo.catalog.membership",
        *(f"zonegit.repo.publishing.{name}" for name in ("policy", "publish", "reading")),
        "zonegit.store.fsck",
        *(f"zonegit.repo.{name}" for name in ("zones", "reset", "labels", "importing")),
        *(f"zonegit.zonefile.rdata.{name}" for name in ("presentation", "layouts")),
    }
    found = loaded(argv, repository) & (unused | EVERY)
    assert found == set()


@pytest.mark.parametrize(("argv", "code"), [(["version"], 0), (["log", "--repo", "/nowhere"], 1)])
def test_nothing_is_taken_apart_at_the_exit(argv: list[str], code: int) -> None:
    """What was printed is all there, and nothing else runs."""
    told = f"import atexit, sys; atexit.register(print, 'too late'); sys.argv = {['zonegit', *argv]!r}"
    command = [sys.executable, "-c", f"{told}; from zonegit.cli.main import main; main()"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert "too late" not in done.stdout
    assert (done.stdout + done.stderr).count("\n") == 1
