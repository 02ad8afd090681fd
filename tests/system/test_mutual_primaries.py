"""Two daemons that are each other's primary, each for a zone of its own. As processes."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from daemonkit import Daemon, ask, until
from peerkit import free_ports
from zonegit.repo import Repository

ROUNDS = 4
ZONES = ("one.example", "two.example")


def node(
    start: Callable[..., Daemon], tmp_path: Path, keys: Path, ports: list[int], at: int
) -> tuple[Path, Callable[[], Daemon]]:
    """A repository with a zone of its own, and what starts its daemon."""
    path, other = tmp_path / f"repo{at}", 1 - at
    with Repository.init(path) as repository:
        repository.add_zone(f"{ZONES[at]}.")
    serving = ("--replicate-listen", f"127.0.0.1:{ports[at]}", "--replicate-name", f"p{at}")
    following = ("--primary", f"http://127.0.0.1:{ports[other]}", "--primary-name", f"p{other}", "--key", "k1")
    return path, lambda: start(path, "--keys", keys, *serving, *following, "--pull-interval", "1s")


def change(path: Path, zone: str, last: int) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "zonegit.cli.main", "--repo", str(path), "--zone", zone]
    command += ["set", "www", "A", "60", f"192.0.2.{last}"]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("restarted", [False, True])
def test_each_writes_its_own_zone_and_answers_both(
    tmp_path: Path, keys: Path, start: Callable[..., Daemon], restarted: bool
) -> None:
    ports = free_ports(2)
    (one, start_one), (two, start_two) = (node(start, tmp_path, keys, ports, at) for at in (0, 1))
    paths, daemons = (one, two), [start_one(), start_two()]

    def everywhere(zone: str, last: int) -> bool:
        return all(bytes([192, 0, 2, last]) in ask(daemon.port(), f"www.{zone}") for daemon in daemons)

    for turn in range(1, ROUNDS + 1):
        for at, zone in enumerate(ZONES):
            done = change(paths[at], zone, 10 * turn + at)
            assert done.returncode == 0, done.stderr
        for at, zone in enumerate(ZONES):
            until(lambda zone=zone, last=10 * turn + at: everywhere(zone, last), f"{zone} at both")  # type: ignore[misc]
        if restarted and turn == ROUNDS // 2:
            daemons[0].stop()
            daemons[0] = start_one()
    for at, zone in enumerate(ZONES):
        refused = change(paths[1 - at], zone, 99)
        assert refused.returncode != 0
        assert f"p{at}" in refused.stderr
    for daemon in daemons:
        assert daemon.stop() == 0
    assert not [line for daemon in daemons for line in daemon.log if "rewound" in line or "unexpected" in line]
