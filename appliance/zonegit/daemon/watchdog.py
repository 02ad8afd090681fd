"""Feeds the service manager's watchdog (sd_notify(3)) for as long as queries to this daemon are answered.

Twice in each of the manager's periods, a query is sent to the daemon's own port, as any client would, from a new
source port, so that several workers take turns. Any answer feeds the watchdog; without one, the manager restarts
the service. The query's name is random; the workers recognize the probe by it, and don't count it.
"""

import os
import socket
from collections.abc import Callable
from ipaddress import ip_address
from time import monotonic
from typing import Final

from zonegit.model.names import WireName
from zonegit.ops.address import Address
from zonegit.ops.systemd import Notifier

_BEFORE: Final = bytes.fromhex("0000 0001 0000 0000 0000")
_BEHIND: Final = bytes.fromhex("0010 0003")
"""The bytes around a probe's name, after its id: a question for TXT in class CHAOS. REFUSED is a valid answer."""


def probe_name() -> WireName:
    """A name that nobody else asks for."""
    return WireName(b"\x10" + os.urandom(8).hex().encode() + b"\x06health\x00")


class Watchdog:
    """One probe at a time. Does nothing unless the manager expects keep-alives."""

    def __init__(
        self, notifier: Notifier, address: Address, name: WireName, clock: Callable[[], float] = monotonic
    ) -> None:
        """`address` is one that DNS is served on; `name` is the name to query there."""
        self._notifier = notifier
        self._query = _BEFORE + name + _BEHIND
        self._target = (_reachable(address), address.port)
        self._family = socket.AF_INET6 if address.is_ipv6 else socket.AF_INET
        self._clock = clock
        self._due = clock()
        self._probe: socket.socket | None = None
        self._ident = b""

    @property
    def descriptor(self) -> int | None:
        """A descriptor that becomes readable when an answer arrives."""
        return self._probe.fileno() if self._probe is not None else None

    @property
    def wait(self) -> float | None:
        """Seconds until the next probe is due; None when none ever is."""
        return None if self._notifier.watchdog is None else max(self._due - self._clock(), 0.0)

    def turn(self) -> None:
        """Feed the watchdog if an answer came; send the next probe if it is due."""
        if self._notifier.watchdog is None:
            return
        if self._answered():
            self._notifier.alive()
            self.close()
        if self._clock() >= self._due:
            self._due = self._clock() + self._notifier.watchdog
            self._send()

    def close(self) -> None:
        if self._probe is not None:
            self._probe.close()
            self._probe = None

    def _answered(self) -> bool:
        if self._probe is None:
            return False
        try:
            return self._probe.recv(512)[:2] == self._ident
        except OSError:
            return False

    def _send(self) -> None:
        self.close()
        self._ident = os.urandom(2)
        self._probe = socket.socket(self._family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        try:
            self._probe.connect(self._target)
            self._probe.send(self._ident + self._query)
        except OSError:
            self.close()


def _reachable(address: Address) -> str:
    """The address itself, or loopback for a wildcard address."""
    if not ip_address(address.host).is_unspecified:
        return address.host
    return "::1" if address.is_ipv6 else "127.0.0.1"
