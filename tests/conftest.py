"""What every test may use: programs that may be missing, the shared data, and laws that don't look at the clock."""

import gc
import os
import shutil
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "zonegit",
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
    max_examples=int(os.environ.get("ZONEGIT_EXAMPLES", "100")),
)
settings.load_profile("zonegit")

_MEMORY: Final = "/dev/shm"
_ROOM: Final = 2 << 30


def _has_room() -> bool:
    """Whether programs and gigabytes of files may lie in memory: in many containers they may not."""
    if not os.access(_MEMORY, os.W_OK) or os.statvfs(_MEMORY).f_flag & os.ST_NOEXEC:
        return False
    return shutil.disk_usage(_MEMORY).free >= _ROOM


os.environ.setdefault("ZONEGIT_TEST_DISK", tempfile.gettempdir())  # for the tests of faults
if "TMPDIR" not in os.environ and _has_room():
    # Repositories lie in memory, where no commit waits for a disk: ten milliseconds each, tens of thousands in all.
    os.environ["TMPDIR"] = tempfile.tempdir = _MEMORY

_DATA = Path(os.environ.get("ZONEGIT_BENCH_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")


def pytest_collection_finish() -> None:
    """Leave the thousands of tests themselves out of every collection of garbage from now on."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def needs_program() -> Callable[[str], str]:
    """`needs_program("dig")` is the program's path; the test is skipped by the program's name if it is missing."""

    def find(name: str) -> str:
        path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin:/sbin")
        if path is None:
            pytest.skip(f"needs {name}")
        return path

    return find


@pytest.fixture
def needs_ipv6() -> None:
    """Skips a test where the machine has no IPv6 on its loopback."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("needs IPv6")


@pytest.fixture(params=["127.0.0.1", "::1"])
def loopback(request: pytest.FixtureRequest) -> str:
    """The loopback address of each family. The test is skipped for IPv6 where there is none."""
    if request.param == "::1":
        request.getfixturevalue("needs_ipv6")
    return str(request.param)


@pytest.fixture(scope="session")
def shared_data() -> Callable[[str], Path]:
    """`shared_data("root-2017082100-signed.zone.gz")` is the file's path; skipped by its name elsewhere.

    CONTRIBUTING.md says where the files come from.
    """

    def find(name: str) -> Path:
        path = _DATA / name
        if not path.exists():
            pytest.skip(f"needs the data file {name}, see CONTRIBUTING.md for where it comes from")
        return path

    return find


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The last lines: how many tests were skipped, for want of what, and which."""
    wanting: dict[str, list[str]] = {}
    for report in terminalreporter.stats.get("skipped", []):
        reason = str(report.longrepr[2]).removeprefix("Skipped: ") if report.longrepr else "no reason given"
        wanting.setdefault(reason, []).append(report.nodeid)
    if not wanting:
        return
    terminalreporter.section(f"skipped: {sum(map(len, wanting.values()))}")
    for reason, tests in sorted(wanting.items()):
        terminalreporter.line(f"{reason}: {len(tests)}")
        for test in sorted(tests):
            terminalreporter.line(f"    {test}")
