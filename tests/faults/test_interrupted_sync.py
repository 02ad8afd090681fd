"""Ctrl-C while commits are exchanged: it ends the call with one line, and the next call goes on."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemonkit import Daemon, until
from faultkit import random_zone
from repokit import ZONE, parsed
from spawnkit import interruptible
from zonegit.auth.keyfile import new_key
from zonegit.auth.scope import parse_scope
from zonegit.repo import Repository

RECORDS = 40_000
DEADLINE = 60
"""Seconds; far more than a batch takes that is being written."""
TRIES = 5
"""Zones; on a busy machine a command may be over before it is interrupted."""

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def call(tmp_path: Path) -> Iterator[list[str | Path]]:
    """The command, in a clone of a repository that has got a large zone since."""
    with Repository.init(tmp_path / "repo") as repository:
        repository.import_zone(parsed(ZONE), source="test.zone")
    keys = tmp_path / "keys"
    new_key(keys, "k1", (parse_scope("read:*"), parse_scope("push:*")), time.time, os.urandom)
    listening = ("--replicate-listen", "127.0.0.1:0", "--replicate-name", "p1")
    primary = Daemon.start(tmp_path / "repo", "--keys", keys, *listening)
    zonegit: list[str | Path] = [sys.executable, "-m", "zonegit.cli.main", "--repo", tmp_path / "clone"]
    url = f"http://127.0.0.1:{primary.port('replication')}"
    try:
        subprocess.run([*zonegit, "clone", url, "--name", "p1", "--keys", keys], check=True, capture_output=True)
        yield zonegit
    finally:
        primary.stop()


def interrupted_at_work(command: list[str | Path], file: Path) -> tuple[int, str]:
    """Interrupt a command once a file grows; its exit code, and what it said."""
    before = file.stat().st_blocks
    process = subprocess.Popen(interruptible(*command), stderr=subprocess.PIPE, text=True)
    try:
        until(lambda: file.stat().st_blocks > before or process.poll() is not None, "data")
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=DEADLINE)
    finally:
        process.kill()
    return process.returncode, said


@pytest.mark.parametrize("verb", ["push", "pull", "sync"])
def test_an_interrupt_is_told_in_one_line(tmp_path: Path, call: list[str | Path], verb: str) -> None:
    here, there = tmp_path / "clone", tmp_path / "repo"
    waits = here if verb == "pull" else there
    for at in range(TRIES):
        with Repository.open(there if verb == "pull" else here) as repository:
            repository.import_zone(random_zone(f"large{at}.example.", RECORDS, random.Random(at)), source="large")
        code, said = interrupted_at_work([*call, verb, "--all"], waits / "data.mdb")
        if code:
            break
    assert code == 130, said
    assert said == "zonegit: interrupted; both sides keep what arrived; run the same command again to continue\n"
    done = subprocess.run([*call, verb, "--all"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done
    with Repository.open(here) as one, Repository.open(there) as other:
        assert [zone.id for zone in one.zones()] == [zone.id for zone in other.zones()]
