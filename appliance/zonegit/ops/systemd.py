"""Notices to systemd (sd_notify(3)): datagrams to the socket in $NOTIFY_SOCKET; without it, nothing is sent."""

import os
import socket
from collections.abc import Mapping
from time import clock_gettime_ns

from zonegit.model.foreign import one_line


class Notifier:
    """Sends notices; a missing service manager is not an error."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        path = environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + path[1:] if path.startswith("@") else path
        limit = environ.get("WATCHDOG_USEC", "")
        own = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        self.watchdog = int(limit) / 2e6 if limit.isdecimal() and own else None
        """Seconds between two calls of `alive`; None if the manager expects none."""

    @property
    def listens(self) -> bool:
        """Whether there is a service manager to notify."""
        return bool(self._address)

    def ready(self, status: str) -> None:
        self._send(f"READY=1\nSTATUS={one_line(status)}")

    def reloading(self) -> None:
        self._send(f"RELOADING=1\nMONOTONIC_USEC={clock_gettime_ns(1) // 1000}")

    def stopping(self) -> None:
        self._send("STOPPING=1\nSTATUS=draining")

    def status(self, text: str) -> None:
        self._send(f"STATUS={one_line(text)}")

    def alive(self) -> None:
        self._send("WATCHDOG=1")

    def _send(self, message: str) -> None:
        if not self._address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
            try:
                sock.sendto(message.encode(), self._address)
            except OSError:
                return
