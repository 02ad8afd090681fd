"""A primary that was away for long: its secondary has its changes within seconds of its return. As processes."""

from pathlib import Path

from daemonkit import Daemon, ask, rcode, secondary_of, until
from zonegit.repo import Repository

FAILURES = 8
"""With pauses that doubled without end, the next one would be two minutes in the mean. (That it is seconds is in
tests/unit/daemon/test_pauses.py, where the clock is the test's own.)"""


def test_it_is_asked_again_within_seconds_of_its_return(
    tmp_path: Path, repo: Path, keys: Path, primary: Daemon, start
) -> None:
    place = f"127.0.0.1:{primary.port('replication')}"
    mirror = start(tmp_path / "mirror", *secondary_of(primary, keys))
    until(lambda: rcode(ask(mirror.port(), "www.example.org")) == 0, "the zone at the secondary")
    primary.stop()
    until(lambda: _failures(mirror) >= FAILURES, "failures in a row", 120)
    with Repository.open(repo) as repository:
        repository.set("www", 1, 60, [bytes([192, 0, 2, 99])])
    start(repo, "--keys", keys, "--replicate-listen", place, "--replicate-name", "p1")
    until(lambda: bytes([192, 0, 2, 99]) in ask(mirror.port(), "www.example.org"), "the change")


def _failures(mirror: Daemon) -> int:
    return sum("sync failed" in line and "result=unreachable" in line for line in mirror.log)
