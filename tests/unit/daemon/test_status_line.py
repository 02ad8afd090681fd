"""What the service manager shows: zones, the last sync, a refused reload; told when it changed, seldom."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from repokit import Clock
from zonegit.daemon.status_line import EVERY, StatusLine
from zonegit.ops.config import Config, PrimaryConfig
from zonegit.ops.shared import FIRST_WORKER, PULLER, SharedBlock
from zonegit.ops.systemd import Notifier

PRIMARY = PrimaryConfig("http://127.0.0.1:1", "primary-1")


class Manager:
    """The other end of a notifier."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.socket.bind(str(path))
        self.notifier = Notifier({"NOTIFY_SOCKET": str(path)})

    def heard(self) -> list[str]:
        found = []
        while True:
            try:
                found.append(self.socket.recv(4096).decode())
            except BlockingIOError:
                return found


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    manager = Manager(tmp_path / "notify")
    yield manager
    manager.socket.close()


@pytest.fixture
def block(tmp_path: Path) -> Iterator[SharedBlock]:
    block = SharedBlock.create(2, 1, Config(repo=tmp_path))
    yield block
    block.close()


def synced(block: SharedBlock, moment: float) -> None:
    block.samples(PULLER).set("sync_last_success_timestamp_seconds", moment, peer="primary-1")


def test_it_is_told_when_it_changed_and_seldom(manager, block):
    timer = Clock()
    line = StatusLine(manager.notifier, block, timer=timer)
    assert line.wait == 0
    line.turn()
    assert manager.heard() == ["STATUS=0 zones"]
    block.note_zones(FIRST_WORKER + 1, 1)
    line.turn()
    assert manager.heard() == []
    assert line.wait == EVERY
    timer.now += EVERY
    line.turn()
    assert manager.heard() == ["STATUS=1 zone"]
    timer.now += EVERY
    line.turn()
    assert manager.heard() == [], "nothing changed"


def test_a_secondary_tells_when_it_synced(tmp_path, manager, block):
    block.publish(Config(repo=tmp_path, primary=PRIMARY))
    block.note_zones(FIRST_WORKER, 12)
    clock = Clock()
    line = StatusLine(manager.notifier, block, clock)
    assert line.text() == "12 zones, never synced"
    synced(block, clock.now - 3)
    assert line.text() == "12 zones, synced 3 s ago"
    for age, told in ((119, "119 s"), (120, "2 min"), (7200, "2 h"), (3 * 86_400, "3 d")):
        synced(block, clock.now - age)
        assert line.text() == f"12 zones, synced {told} ago"


def test_a_refused_reload_is_told(manager, block):
    line = StatusLine(manager.notifier, block)
    line.refused = True
    assert line.text() == "0 zones, the last reload was refused"


def test_without_a_manager_nobody_waits(block):
    line = StatusLine(Notifier({}), block)
    line.turn()
    assert line.wait is None
