"""A secondary whose primary is gone for longer than a zone's SOA expire; a copy made by hand. As processes."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from daemonkit import Daemon, ask, new_reader, page, rcode, secondary_of, until
from repokit import ZONE, parsed
from zonegit.repo import Repository

AA = 4


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    with Repository.init(tmp_path / "repo") as repository:
        repository.import_zone(parsed(ZONE.replace("7200 900 1209600 300", "1 1 2 300")), source="test.zone")
    return tmp_path / "repo"


def test_it_falls_silent_and_comes_back(tmp_path: Path, repo: Path, keys: Path, primary: Daemon, start) -> None:
    place = f"127.0.0.1:{primary.port('replication')}"
    above = secondary_of(primary, keys, "--metrics-listen", "127.0.0.1:0")
    mirror = start(tmp_path / "mirror", *above)
    until(lambda: rcode(ask(mirror.port(), "www.example.org")) == 0, "the zone at the secondary")
    primary.stop()
    until(lambda: rcode(ask(mirror.port(), "www.example.org")) == 2, "SERVFAIL once the zone is too old")
    assert not ask(mirror.port(), "www.example.org")[2] & AA
    mirror.logged("past their SOA expire")
    assert zone_expired(mirror) == 1
    assert 'zonegit_sync_lag_seconds{peer="p1"}' in page(mirror, "/metrics")
    mirror.stop()
    mirror = start(tmp_path / "mirror", *above)
    assert rcode(ask(mirror.port(), "www.example.org")) == 2, "too old from the first answer on"
    assert zone_expired(mirror) == 1
    start(repo, "--keys", keys, "--replicate-listen", place, "--replicate-name", "p1")
    until(lambda: rcode(ask(mirror.port(), "www.example.org")) == 0, "answers again, though nothing is new")
    until(lambda: zone_expired(mirror) == 0, "the same in the metrics")  # not at once: 2 s are over soon


def test_a_puller_that_is_stuck_keeps_no_zone_alive(
    tmp_path: Path, repo: Path, keys: Path, primary: Daemon, start
) -> None:
    mirror = start(tmp_path / "mirror", *secondary_of(primary, keys, "--metrics-listen", "127.0.0.1:0"))
    until(lambda: rcode(ask(mirror.port(), "www.example.org")) == 0, "the zone at the secondary")
    puller = mirror.child("puller")
    os.kill(puller, signal.SIGSTOP)
    until(lambda: rcode(ask(mirror.port(), "www.example.org")) == 2, "SERVFAIL, though nobody notes it")
    mirror.logged("a process gives no sign of life; not answering from zones past their SOA expire")
    assert zone_expired(mirror) == 1
    os.kill(puller, signal.SIGCONT)
    until(lambda: rcode(ask(mirror.port(), "www.example.org")) == 0, "answers again")
    until(lambda: zone_expired(mirror) == 0, "the same in the metrics")


def zone_expired(daemon: Daemon) -> float:
    lines = [line for line in page(daemon, "/metrics").splitlines() if line.startswith("zonegit_zone_expired{")]
    (value,) = [line.split()[1] for line in lines if 'zone="example.org."' in line]
    return float(value)


def test_a_copy_made_by_hand(tmp_path: Path, repo: Path, keys: Path, primary: Daemon) -> None:
    def zonegit(*argv: str | Path) -> tuple[int, str]:
        command = [sys.executable, "-m", "zonegit.cli.main", *map(str, argv)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert "Traceback" not in done.stderr
        return done.returncode, done.stdout + done.stderr

    url = f"http://127.0.0.1:{primary.port('replication')}"
    copy = tmp_path / "copy"
    others = new_reader(tmp_path / "others")
    assert zonegit("clone", url, copy, "--name", "p1", "--key", "k1", "--keys", others)[0] == 7
    assert not copy.exists()
    code, text = zonegit("clone", "--mirror", url, copy, "--name", "p1", "--key", "k1", "--keys", keys)
    assert (code, "mirror" in text) == (0, True), text
    with Repository.open(repo) as repository:
        repository.set("www", 1, 60, [bytes([192, 0, 2, 99])])
    assert zonegit("-C", copy, "fetch")[0] == 0
    assert "192.0.2.99" in zonegit("-C", copy, "show", "www", "A", "p1/main")[1]
    assert "192.0.2.10" in zonegit("-C", copy, "show", "www", "A")[1]
    primary.stop()
    assert zonegit("-C", copy, "fetch")[0] == 8
