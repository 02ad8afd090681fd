"""`zonegit` while another process writes, and after one was killed. As processes."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import store_child
from daemonkit import DEADLINE
from spawnkit import PATIENCE, SPAWN, finished, interruptible, run
from zonegit.store.lmdb import LmdbStore

CHANGE = ("set", "www", "A", "60", "192.0.2.99")


def command(repo: Path, *argv: str) -> list[str]:
    return [sys.executable, "-m", "zonegit.cli.main", "--repo", str(repo), *argv]


def zonegit(repo: Path, *argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(repo, *argv), capture_output=True, text=True, timeout=DEADLINE, check=False)


@pytest.fixture
def writer(repo: Path) -> Iterator[int]:
    """The pid of a process that is in the middle of a write transaction."""
    ours, theirs = SPAWN.Pipe()
    process = run(store_child.hold_the_writer_lock, repo, theirs)
    assert ours.poll(PATIENCE)
    ours.recv()
    assert process.pid
    yield process.pid
    if process.is_alive():
        ours.send("end")
    finished(process)


def waiting(repo: Path, *argv: str) -> tuple[subprocess.Popen[str], str]:
    """A command that waits, and what it says."""
    heeding = interruptible(*command(repo, *argv))
    process = subprocess.Popen(heeding, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    return process, process.stderr.readline()


def test_it_says_for_whom_it_waits_and_goes_on_once_that_one_is_gone(repo: Path, writer: int) -> None:
    process, said = waiting(repo, *CHANGE)
    assert said.startswith("zonegit: waiting for ")
    assert f"(pid {writer}, user " in said
    os.kill(writer, signal.SIGKILL)
    assert process.wait(DEADLINE) == 0
    process.communicate()
    assert "192.0.2.99" in zonegit(repo, "show", "www", "A").stdout


def test_control_c_ends_waiting(repo: Path, writer: int) -> None:
    process, _ = waiting(repo, *CHANGE)
    process.send_signal(signal.SIGINT)
    assert process.wait(DEADLINE) == 130
    process.communicate()
    assert "192.0.2.99" not in zonegit(repo, "show", "www", "A").stdout


@pytest.mark.parametrize("seconds", ["0", "0.1"])
def test_waiting_has_a_bound(repo: Path, writer: int, seconds: str) -> None:
    done = zonegit(repo, "--lock-timeout", seconds, *CHANGE)
    assert done.returncode == 4
    assert done.stderr.count("\n") == 1
    assert f"(pid {writer}, user " in done.stderr
    assert "nothing was written: try again, or wait longer with --lock-timeout" in done.stderr
    assert zonegit(repo, "show", "www", "A").returncode == 0, "reading never waits"
    assert zonegit(repo, "--lock-timeout", "-1", *CHANGE).returncode == 2


def test_an_init_that_was_killed_is_gone_on_with(tmp_path: Path) -> None:
    """Before anything was written, in the middle of the first write, and before the zone."""
    for number, size in enumerate((0, 4096, None)):
        path = tmp_path / str(number)
        if size is None:
            LmdbStore.create(path).close()
        else:
            path.mkdir()
            (path / "data.mdb").write_bytes(bytes(size))
        done = zonegit(path, "init", "example.org")
        assert done.returncode == 0, done.stderr
        assert "example.org." in zonegit(path, "zone", "list").stdout
        again = zonegit(path, "init", "example.net")
        assert (again.returncode, "already" in again.stderr) == (4, True)
