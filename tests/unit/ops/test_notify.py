"""Notices to the service manager."""

import os
import socket

from zonegit.ops.systemd import Notifier


def test_notices_reach_the_socket(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        notifier = Notifier({"NOTIFY_SOCKET": str(tmp_path / "notify")})
        notifier.ready("listening")
        assert manager.recv(100) == b"READY=1\nSTATUS=listening"
        notifier.reloading()
        assert manager.recv(100).startswith(b"RELOADING=1\nMONOTONIC_USEC=")
        notifier.stopping()
        assert manager.recv(100) == b"STOPPING=1\nSTATUS=draining"
        notifier.alive()
        assert manager.recv(100) == b"WATCHDOG=1"


def test_abstract_sockets():
    name = f"zonegit-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(f"\0{name}")
        Notifier({"NOTIFY_SOCKET": f"@{name}"}).status("here")
        assert manager.recv(100) == b"STATUS=here"


def test_without_a_manager_nothing_happens(tmp_path):
    assert not Notifier({}).listens
    Notifier({}).ready("x")
    Notifier({"NOTIFY_SOCKET": str(tmp_path / "gone")}).ready("x")


def test_watchdog_interval_is_half_of_what_is_asked():
    assert Notifier({"WATCHDOG_USEC": "30000000"}).watchdog == 15
    assert Notifier({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}).watchdog is None
    assert Notifier({}).watchdog is None
