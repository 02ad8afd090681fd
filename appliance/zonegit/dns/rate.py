"""Response rate limiting: how many responses a network gets a second, so that none is flooded in its own name.

A network (/24, /56) has an account for each class of responses: answers, denials of data, denials of names,
referrals, errors. An account holds responses for one second and fills at the rate that was set, as Knot DNS has it;
classes are kept apart, as by NSD and BIND. What is beyond is dropped, but each `slip`-th response comes back empty
with TC, so that a real client asks again over TCP. Who shows a cookie that it has from us is not limited: its
address is no forgery.

Pure: the clock is an argument. One of these belongs to one thread; workers don't share accounts, as NSD's don't.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from zonegit.dns.acl import Acl
from zonegit.dns.clients import unmapped
from zonegit.dns.cookies import COOKIE, Cookies

NOBODY: Final = Acl()
_ACCOUNTS: Final = 65_536
"""Accounts of one generation; there are two, some 30 MB when an attack forges that many networks."""
_FLAGS: Final = 10
_TC: Final = 0x02
_AA: Final = 0x04
_NXDOMAIN: Final = 3
_ERROR: Final = 4


@dataclass(frozen=True, slots=True)
class Limit:
    """What an operator sets."""

    per_second: int
    """Responses of one class to one network."""
    slip: int = 2
    """Each so many-th refused response is sent as TC; 0: none, 1: all."""
    ipv4_prefix: int = 24
    ipv6_prefix: int = 56
    exempt: Acl = NOBODY
    """Who isn't limited."""


class Rate:
    """The accounts of one thread."""

    def __init__(self, limit: Limit, clock: Callable[[], float], cookies: Cookies | None = None) -> None:
        self._limit = limit
        self._clock = clock
        self._cookies = cookies
        self._full = float(limit.per_second)
        self._masks = {4: _mask(32, limit.ipv4_prefix), 16: _mask(128, limit.ipv6_prefix)}
        self._now: dict[tuple[int, int, int], list[float]] = {}
        """Network's size, network, class -> responses left, when that was, responses refused."""
        self._before: dict[tuple[int, int, int], list[float]] = {}

    def __call__(self, query: bytes, response: bytes, client: bytes) -> bytes | None:
        """What to send for a response: itself, itself with nothing but TC, or None for nothing. All without ids."""
        account = self._account(response, client)
        now = self._clock()
        left = min(self._full, account[0] + max(0.0, now - account[1]) * self._full)
        account[1] = now
        if left >= 1:
            account[0] = left - 1
            return response
        account[0] = left
        if self._is_known(query, client):
            return response
        account[2] += 1
        slip = self._limit.slip
        return truncated(response) if slip and account[2] % slip == 0 else None

    def _account(self, response: bytes, client: bytes) -> list[float]:
        client = unmapped(client)
        size = len(client)
        mark = (size, int.from_bytes(client, "big") & self._masks[size], _class_of(response))
        account = self._now.get(mark)
        if account is None:
            if len(self._now) >= _ACCOUNTS:
                self._before, self._now = self._now, {}
            account = self._now[mark] = self._before.pop(mark, [self._full, self._clock(), 0])
        return account

    def _is_known(self, query: bytes, client: bytes) -> bool:
        """Whether the client is exempt, or its address is proven by a cookie, the first option of the OPT."""
        if self._limit.exempt.rules and self._limit.exempt.allows(client, None):
            return True
        at = _question_end(query)
        if self._cookies is None or query[8:_FLAGS] != b"\0\1" or query[at : at + 3] != b"\0\0\x29":
            return False
        size = int.from_bytes(query[at + 13 : at + 15], "big")
        shown = query[at + 15 : at + 15 + size]
        is_cookie = query[at + 11 : at + 13] == COOKIE.to_bytes(2, "big") and len(shown) == size
        return is_cookie and self._cookies.proven(shown, client)


def truncated(response: bytes) -> bytes:
    """A response behind its id without its records, and with TC."""
    flags = bytes((response[0] | _TC, response[1]))
    return flags + response[2:4] + bytes(6) + response[_FLAGS : _question_end(response)]


def _question_end(message: bytes) -> int:
    """Where the question of a message without its id ends; its header's end when it has none that can be read."""
    at = _FLAGS
    size = len(message)
    if message[2:4] != b"\0\1":
        return at
    while at < size and (label := message[at]):
        at += 1 + label
    return min(at + 5, size)


def _class_of(response: bytes) -> int:
    rcode = response[1] & 15
    if rcode:
        return _NXDOMAIN if rcode == _NXDOMAIN else _ERROR
    if response[4:6] != b"\0\0":
        return 0
    return 1 if response[0] & _AA else 2


def _mask(bits: int, prefix: int) -> int:
    return (1 << bits) - (1 << bits - prefix)
