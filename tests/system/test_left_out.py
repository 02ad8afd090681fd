"""A secondary reports zones of its primary that it can't accept, and carries on. As processes."""

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

import pytest

from daemonkit import Daemon, ask, environment, page, rcode, secondary_of, serial_of, until
from synckit import NET, ORG, commit, names, soa
from zonegit.model.names import APEX, WireName, join, to_text
from zonegit.model.rrset import RRset
from zonegit.repo import Repository
from zonegit.store.lmdb import LmdbStore

OWNER, SALT = "owner.example.", "salt.example."
LABELS = ["\1" * 63, "\1" * 52]
LONG = to_text(WireName(join([label.encode() for label in LABELS]) + b"\0"))
"""117 bytes, and 462 characters: the primary's store holds that and the secondary's doesn't."""
ONE_SOA = soa(ORG).rdatas[0]
UNFIT: Mapping[str, RRset] = {
    ORG: RRset.of(APEX, 6, 3600, [ONE_SOA, b"\1x" + ONE_SOA]),
    OWNER: RRset.of(join([b"d" * 63, b"d" * 63, b"d" * 63, b"d" * 50]), 1, 60, [bytes(4)]),
    SALT: RRset.of(APEX, 51, 0, [b"\1\0"]),
}
REASONS = {
    ORG: "more than one SOA record; a zone has one",
    OWNER: "an owner of 258 bytes; a name has at most 255 (RFC 1035 §2.3.4)",
    SALT: "unreadable data at @: NSEC3PARAM record '\\\\# 2 0100' can't be read: it ends too early",
    LONG: "zone and branch have 467 characters; 464 fit here",
}

METRIC = 'zonegit_sync_left_out_zones{peer="p1"}'
REFUSED = 5


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(30)
        yield manager


def put(repo: Path, apex: str, count: int, *more: RRset) -> None:
    """Another version of a zone, below all checks."""
    content = {**names(apex, count), **{rrset.key: rrset.encode() for rrset in more}}
    with closing(LmdbStore.open(repo)) as store:
        commit(store, apex, dict(sorted(content.items())))


def status(path: Path) -> list[str]:
    command = [sys.executable, "-m", "zonegit.cli.main", "--repo", str(path), "status"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return (done.stdout + done.stderr).splitlines()


def has(daemon: Daemon, zone: str, number: int) -> bool:
    return rcode(ask(daemon.port(), f"h{number:06}.{zone}")) == 0


def status_line(node: Daemon, manager: socket.socket) -> str:
    """What the service manager shows of a daemon; a reload tells it at once, else it takes ten seconds."""
    node.signal(signal.SIGHUP)
    reloading = False
    while True:
        lines = manager.recv(4096).decode().splitlines()
        reloading |= lines[0] == "RELOADING=1"
        if reloading and lines[0] == "READY=1":
            return lines[1]


def test_zones_stand_still_until_the_primary_resets_them(
    tmp_path: Path, repo: Path, primary: Daemon, keys: Path, manager: socket.socket
) -> None:
    for apex in (NET, OWNER, SALT):
        put(repo, apex, 1)
    here = tmp_path / "here"
    arguments = secondary_of(primary, keys, "--metrics-listen", "127.0.0.1:0")
    told = environment(NOTIFY_SOCKET=str(tmp_path / "notify"))
    node = Daemon("--repo", here, "--listen", "127.0.0.1:0", *arguments, env=told)
    try:
        node.logged("]: listening ")
        until(lambda: all(rcode(ask(node.port(), zone, 6)) == 0 for zone in (NET, *UNFIT)), "all zones")
        held = {zone: serial_of(node.port(), zone) for zone in UNFIT}

        for zone, rrset in UNFIT.items():
            put(repo, zone, 5, rrset)
        put(repo, LONG, 1)
        put(repo, NET, 5)
        until(lambda: has(node, NET, 4), "a change of the zone that is fine")
        until(lambda: METRIC + " 4.0" in page(node, "/metrics"), "the metric")
        assert {zone: serial_of(node.port(), zone) for zone in UNFIT} == held, "what is here is answered"
        assert rcode(ask(node.port(), ".".join(LABELS), 6)) == REFUSED
        warnings = status(here)
        for zone, reason in REASONS.items():
            line = node.logged(f"it stays at its previous version peer=p1 zone={zone} ")
            (warning,) = [line for line in warnings if f"not accepted from p1: {zone}: " in line]
            assert reason in line
            assert reason in warning
        assert page(node, "/readyz") == f"ready\nnot accepted from p1: {', '.join(sorted(REASONS))}\n"
        assert status_line(node, manager).endswith(", 4 not accepted")

        with Repository.open(repo) as repository:
            for zone in UNFIT:
                repository.reset("main~1", zone=zone)
            repository.remove_zone(LONG)
        until(lambda: METRIC + " 0.0" in page(node, "/metrics"), "the metric")
        assert all(serial_of(node.port(), zone) > held[zone] for zone in UNFIT)

        def back() -> list[str]:
            told = [line for line in node.log if "accepting zones from the primary again" in line]
            return sorted(",".join(line.split("named=")[1] for line in told).split(","))

        until(lambda: back() == sorted(REASONS), "a line of each")
        assert page(node, "/readyz") == "ready\n"
        assert "not accepted" not in "".join(status(here)) + status_line(node, manager)
        assert node.count("cannot accept a zone") == len(REASONS), "each reported once"
    finally:
        node.stop()
