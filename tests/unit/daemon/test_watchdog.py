"""The service manager is told that the daemon lives only when a query was answered."""

import os
import socket
import time
from collections.abc import Iterator

import pytest

from zonegit.daemon.watchdog import Watchdog
from zonegit.dns.message import parse
from zonegit.ops.config import Address
from zonegit.ops.notify import Notifier

PERIOD = 30
ANY, LOOPBACK = "0.0.0.0", "127.0.0.1"


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def manager(tmp_path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "notify"))
        sock.setblocking(False)
        yield sock


@pytest.fixture
def dns() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((LOOPBACK, 0))
        sock.settimeout(20)
        yield sock


def notifier(tmp_path, period: int = PERIOD) -> Notifier:
    environ = {"NOTIFY_SOCKET": str(tmp_path / "notify")}
    return Notifier(environ | ({"WATCHDOG_USEC": str(period * 1_000_000)} if period else {}))


def told(manager: socket.socket) -> list[bytes]:
    found = []
    while True:
        try:
            found.append(manager.recv(1024))
        except BlockingIOError:
            return found


def readable(watchdog: Watchdog) -> None:
    """Wait for the answer that was sent."""
    assert watchdog.descriptor is not None
    probe = socket.socket(fileno=os.dup(watchdog.descriptor))
    deadline = time.monotonic() + 20
    with probe:
        while time.monotonic() < deadline:
            try:
                probe.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
                return
            except BlockingIOError:
                time.sleep(0.001)
    raise AssertionError("no answer arrived")


@pytest.mark.parametrize("host", [ANY, LOOPBACK])
def test_an_answer_feeds_it_once(tmp_path, manager, dns, host) -> None:
    clock = Clock()
    watchdog = Watchdog(notifier(tmp_path), Address(host, dns.getsockname()[1]), clock)
    watchdog.turn()
    query, client = dns.recvfrom(512)
    assert parse(query) is not None
    assert told(manager) == []
    dns.sendto(query[:2] + b"\x80\x05" + query[4:], client)
    readable(watchdog)
    watchdog.turn()
    watchdog.turn()
    assert told(manager) == [b"WATCHDOG=1"]
    assert watchdog.wait == PERIOD / 2
    watchdog.close()


def test_silence_and_foreign_answers_do_not(tmp_path, manager, dns) -> None:
    clock = Clock()
    watchdog = Watchdog(notifier(tmp_path), Address(LOOPBACK, dns.getsockname()[1]), clock)
    watchdog.turn()
    first, client = dns.recvfrom(512)
    dns.sendto(bytes((first[0] ^ 1,)) + first[1:], client)
    readable(watchdog)
    watchdog.turn()
    clock.now += PERIOD
    watchdog.turn()
    second, other = dns.recvfrom(512)
    assert (first[:2], client) != (second[:2], other), "a new query from a new port"
    watchdog.turn()
    assert told(manager) == []
    watchdog.close()


def test_nobody_listening_is_no_error(tmp_path, manager, dns) -> None:
    port = dns.getsockname()[1]
    dns.close()
    clock = Clock()
    watchdog = Watchdog(notifier(tmp_path), Address(LOOPBACK, port), clock)
    for _ in range(3):
        watchdog.turn()
        clock.now += PERIOD
    assert told(manager) == []
    watchdog.close()


def test_without_a_manager_it_sends_nothing(tmp_path, manager, dns) -> None:
    watchdog = Watchdog(notifier(tmp_path, 0), Address(LOOPBACK, dns.getsockname()[1]))
    watchdog.turn()
    assert (watchdog.wait, watchdog.descriptor) == (None, None)
