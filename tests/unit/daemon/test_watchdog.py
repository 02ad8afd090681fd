"""The service manager is told that the daemon lives only when a query was answered."""

import os
import socket
import time
from collections.abc import Iterator

import pytest

from zonegit.daemon.watchdog import Watchdog, probe_name
from zonegit.dns import stats
from zonegit.dns.access.requestor import Requestor
from zonegit.dns.options import Options
from zonegit.dns.responder import Responder
from zonegit.dns.wire.message import Rcode, Transport, parse
from zonegit.ops.address import Address
from zonegit.ops.systemd import Notifier

PERIOD = 30
ANY, LOOPBACK = "0.0.0.0", "127.0.0.1"
NAME = probe_name()


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
    watchdog = Watchdog(notifier(tmp_path), Address(host, dns.getsockname()[1]), NAME, clock)
    watchdog.turn()
    query, client = dns.recvfrom(512)
    asked = parse(query)
    assert asked is not None
    assert (asked.name, asked.qtype, asked.qclass) == (NAME, 16, 3)
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
    watchdog = Watchdog(notifier(tmp_path), Address(LOOPBACK, dns.getsockname()[1]), NAME, clock)
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
    watchdog = Watchdog(notifier(tmp_path), Address(LOOPBACK, port), NAME, clock)
    for _ in range(3):
        watchdog.turn()
        clock.now += PERIOD
    assert told(manager) == []
    watchdog.close()


def test_without_a_manager_it_sends_nothing(tmp_path, manager, dns) -> None:
    watchdog = Watchdog(notifier(tmp_path, 0), Address(LOOPBACK, dns.getsockname()[1]), NAME)
    watchdog.turn()
    assert (watchdog.wait, watchdog.descriptor) == (None, None)


def test_a_worker_counts_its_probes_nowhere() -> None:
    options = Options(probe=NAME, version=b"zonegit")
    row = [0] * stats.SLOTS
    responder = Responder(options, row)
    for name, counted in ((NAME, False), (probe_name(), True), (b"\7version\4bind\0", True), (NAME[17:], True)):
        before = sum(row)
        packet = b"\0\7\0\0\0\1" + bytes(6) + name + b"\0\x10\0\3"
        for _ in range(2):
            answer = responder.respond(packet, Requestor(bytes(4), Transport.UDP))
        assert answer is not None
        assert answer[3] & 15 == (0 if b"version" in name else Rcode.REFUSED)
        assert (sum(row) > before) is counted, name
