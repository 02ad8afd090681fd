"""Ctrl-C while a repository is copied: it ends the call at once, and the next call goes on."""

import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from daemonkit import Daemon, new_reader, until
from faultkit import random_zone
from repokit import ZONE, parsed
from spawnkit import interruptible
from zonegit.repo import Repository
from zonegit.store.fsck import fsck
from zonegit.store.lmdb import LmdbStore

RECORDS = 40_000
MOMENTS = 5
DEADLINE = 60
"""Seconds; far more than a batch takes that is being written."""

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module", params=[[], ["--mirror"]], ids=["work", "mirror"])
def clone(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[list[str | Path]]:
    """The command that copies a large zone, but for the directory."""
    place = tmp_path_factory.mktemp("primary")
    with Repository.init(place / "repo") as repository:
        repository.import_zone(parsed(ZONE), source="test.zone")
        repository.import_zone(random_zone("large.example.", RECORDS, random.Random(1)), source="large")
    keys = new_reader(place / "keys")
    listening = ("--replicate-listen", "127.0.0.1:0", "--replicate-name", "p1")
    primary = Daemon.start(place / "repo", "--keys", keys, *listening)
    url = f"http://127.0.0.1:{primary.port('replication')}"
    try:
        yield [
            sys.executable,
            "-m",
            "zonegit.cli.main",
            "clone",
            url,
            "--name",
            "p1",
            "--keys",
            keys,
            *request.param,
        ]
    finally:
        primary.stop()


def started(clone: list[str | Path], target: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(interruptible(*clone, target), stderr=subprocess.PIPE, text=True)


def finished(process: "subprocess.Popen[str]") -> tuple[int, str]:
    """The exit code, and what was said."""
    try:
        _, said = process.communicate(timeout=DEADLINE)
    finally:
        process.kill()  # if it hangs, so would everything after it
    return process.returncode, said


def reach(process: "subprocess.Popen[str]", target: Path, arrived: int) -> None:
    """Wait until the copy is that large, or its process has ended."""
    until(lambda: size(target) > arrived or process.poll() is not None, "data")


def size(target: Path) -> int:
    """Bytes that arrived."""
    file = target / "data.mdb"
    return file.stat().st_size if file.exists() else 0


def test_an_interrupt_at_any_moment_ends_the_copy_and_the_same_call_goes_on(
    tmp_path: Path, clone: list[str | Path]
) -> None:
    code, said = finished(started(clone, tmp_path / "whole"))
    assert (code, "copied 2 zones" in said) == (0, True), said
    whole = size(tmp_path / "whole")
    for moment in range(MOMENTS):
        target = tmp_path / str(moment)
        process = started(clone, target)
        reach(process, target, moment * whole // MOMENTS)
        process.send_signal(signal.SIGINT)
        code, said = finished(process)
        if code:
            assert code == 130, said
            assert said.count("\n") == 1, said
            assert said.startswith("zonegit: interrupted; "), said
        if code and "is complete" not in said:
            code, said = finished(started(clone, target))
            assert (code, "copied 2 zones" in said) == (0, True), said
        with closing(LmdbStore.open(target, readonly=True)) as store:
            assert fsck(store, lambda *_: None).problems == []
            with store.read() as reader:
                assert len(list(reader.refs("refs/heads/"))) == 2
