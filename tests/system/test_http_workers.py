"""Several http processes on one replication port: spread, summed, reloaded and replaced one by one."""

import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from daemonkit import Daemon, ask, new_reader, page, rcode, secondary_of, until


@pytest.fixture
def primary(repo: Path, keys: Path, start):
    return start(
        repo, "--keys", keys, "--replicate-listen", "127.0.0.1:0", "--replicate-name", "p1",
        "--replicate-workers", "2", "--metrics-listen", "127.0.0.1:0",
    )  # fmt: skip


def connections(pid: int, port: int) -> int:
    """Established connections of a process at a port, as the kernel says."""
    inodes = set()
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = str(fd.readlink())
        except FileNotFoundError:
            continue
        if target.startswith("socket:["):
            inodes.add(target[8:-1])
    lines = [line.split() for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]]
    return sum(line[3] == "01" and line[9] in inodes and int(line[1].split(":")[1], 16) == port for line in lines)


def spread(primary: Daemon) -> list[int]:
    port = primary.port("replication")
    return [connections(primary.child(name), port) for name in ("http", "http-1")]


def metric(primary: Daemon, start: str) -> float:
    lines = page(primary, "/metrics").splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(start))


def is_even(primary: Daemon) -> bool:
    """Whether four connections come to two at each process; not before both serve."""
    clients = [socket.create_connection(("127.0.0.1", primary.port("replication"))) for _ in range(4)]
    try:
        until(lambda: sum(spread(primary)) == 4, "four connections")
        return spread(primary) == [2, 2]
    finally:
        for client in clients:
            client.close()
        until(lambda: spread(primary) == [0, 0], "the end of the connections")


@contextmanager
def paused(pid: int) -> Iterator[None]:
    """A process that takes no connection meanwhile."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def connect_one_to_each(primary: Daemon, secondary: Callable[[str], Daemon]) -> None:
    """Start a secondary at each process while the other is paused: on a busy machine chance would choose."""
    for name, other in (("http", "http-1"), ("http-1", "http")):
        with paused(primary.child(other)):
            mirror = secondary(name)
            until(lambda mirror=mirror: rcode(ask(mirror.port(), "example.org", 6)) == 0, f"the zone by {name}")
    until(lambda: spread(primary) == [1, 1], "one long-poll at each process")


def test_connections_are_spread(primary):
    until(lambda: is_even(primary), "an even spread of connections")


def test_secondaries_of_each_process_are_counted_together(tmp_path, keys, primary, start):
    until(lambda: is_even(primary), "both processes to serve")
    connect_one_to_each(primary, lambda name: start(tmp_path / name, *secondary_of(primary, keys)))
    taken = 'zonegit_http_requests_total{code="200",method="POST",route="fetch"}'
    until(lambda: metric(primary, taken) >= 2, "both fetches in one page of metrics")


def test_a_killed_process_is_replaced_and_nobody_else_notices(tmp_path, keys, primary, start):
    mirror = start(tmp_path / "mirror", *secondary_of(primary, keys))
    until(lambda: rcode(ask(mirror.port(), "example.org", 6)) == 0, "the zone at the secondary")
    for name in ("http-1", "http"):
        killed = primary.kill_child(name)
        until(lambda name=name, killed=killed: primary.child(name) not in (0, killed), f"{name} to be replaced")
        again = start(tmp_path / f"after-{name}", *secondary_of(primary, keys))
        until(lambda again=again: rcode(ask(again.port(), "example.org", 6)) == 0, "the zone at one more secondary")
    assert metric(primary, 'zonegit_worker_restarts_total{worker="http-1"}') == 1
    assert primary.stop() == 0


def test_a_reload_reaches_each_process(tmp_path, keys, primary, start):
    until(lambda: is_even(primary), "both processes to serve, so that they take signals")
    new_reader(keys, "k2")
    primary.signal(signal.SIGHUP)
    until(lambda: primary.count("keys reloaded") == 2, "both reloads in the log")
    until(lambda: is_even(primary), "both processes to serve")
    connect_one_to_each(primary, lambda name: start(tmp_path / name, *secondary_of(primary, keys, kid="k2")))
