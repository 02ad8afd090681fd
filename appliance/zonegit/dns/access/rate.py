"""Response rate limiting (RRL): how many responses a network gets a second, so that forged queries can't flood it.

A network (/24, /56) has a token bucket for each class of responses: answers, NODATA, NXDOMAIN, referrals, errors. A
bucket holds the responses of one second and fills at the configured rate, as in Knot DNS; classes are separate, as
in NSD and BIND. Responses beyond that are dropped, but every `slip`-th is sent empty with TC, so that a real client
asks again over TCP. A client with a valid cookie is not limited: its address is real.

The clock is an argument. Each thread has its own buckets; workers don't share them, as in NSD.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from zonegit.dns.access.acl import Acl
from zonegit.dns.access.client_address import unmapped
from zonegit.dns.access.cookies import COOKIE, Cookies

NOBODY: Final = Acl()
_BUCKETS: Final = 65_536
"""The most buckets of one generation; there are two: some 30 MB when an attack forges as many networks."""
_FLAGS: Final = 10
_TC: Final = 0x02
_AA: Final = 0x04
_ANSWER, _NODATA, _REFERRAL, _NXDOMAIN, _ERROR = range(5)
"""The classes of responses. That of NXDOMAIN is its rcode."""


class Limit(NamedTuple):
    """The limit that the operator configures."""

    per_second: int
    """Responses of one class to one network, each second."""
    slip: int = 2
    """Every `slip`-th limited response is sent empty with TC; 0: none, 1: all."""
    ipv4_prefix: int = 24
    ipv6_prefix: int = 56
    exempt: Acl = NOBODY
    """Clients that aren't limited."""


class Rate:
    """The buckets of one thread."""

    def __init__(self, limit: Limit, clock: Callable[[], float], cookies: Cookies | None = None) -> None:
        self._limit = limit
        self._clock = clock
        self._cookies = cookies
        self._full = float(limit.per_second)
        self._masks = {4: _mask(32, limit.ipv4_prefix), 16: _mask(128, limit.ipv6_prefix)}
        self._now: dict[tuple[int, int, int], list[float]] = {}
        """Address size, network, class -> responses left, time of that, responses limited."""
        self._before: dict[tuple[int, int, int], list[float]] = {}

    def __call__(self, query: bytes, response: bytes, client: bytes) -> bytes | None:
        """What to send: the response, the same empty with TC, or None for nothing. Messages are without ids."""
        bucket = self._bucket(response, client)
        now = self._clock()
        left = min(self._full, bucket[0] + max(0.0, now - bucket[1]) * self._full)
        bucket[1] = now
        if left >= 1:
            bucket[0] = left - 1
            return response
        bucket[0] = left
        if self._is_unlimited(query, client):
            return response
        bucket[2] += 1
        slip = self._limit.slip
        return truncated(response) if slip and bucket[2] % slip == 0 else None

    def _bucket(self, response: bytes, client: bytes) -> list[float]:
        client = unmapped(client)
        size = len(client)
        key = (size, int.from_bytes(client, "big") & self._masks[size], _class_of(response))
        bucket = self._now.get(key)
        if bucket is None:
            if len(self._now) >= _BUCKETS:
                self._before, self._now = self._now, {}
            bucket = self._now[key] = self._before.pop(key, [self._full, self._clock(), 0])
        return bucket

    def _is_unlimited(self, query: bytes, client: bytes) -> bool:
        """Whether the client is exempt, or proves its address by a cookie: the first option of an OPT that follows
        the question. It is read here, because the ways to answer before the slow path parse nothing."""
        if self._limit.exempt.rules and self._limit.exempt.allows(client, None):
            return True
        at = _question_end(query)
        if self._cookies is None or query[8:_FLAGS] != b"\0\1" or query[at : at + 3] != b"\0\0\x29":
            return False
        size = int.from_bytes(query[at + 13 : at + 15], "big")
        cookie = query[at + 15 : at + 15 + size]
        is_cookie = query[at + 11 : at + 13] == COOKIE.to_bytes(2, "big") and len(cookie) == size
        return is_cookie and self._cookies.is_valid(cookie, client)


def truncated(response: bytes) -> bytes:
    """A response (without id) with TC and without its records."""
    flags = bytes((response[0] | _TC, response[1]))
    return flags + response[2:4] + bytes(6) + response[_FLAGS : _question_end(response)]


def _question_end(message: bytes) -> int:
    """Where the question of a message without its id ends; the end of the header if no question can be read."""
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
    if response[4:6] != b"\0\0":  # ANCOUNT
        return _ANSWER
    return _NODATA if response[0] & _AA else _REFERRAL


def _mask(bits: int, prefix: int) -> int:
    return (1 << bits) - (1 << bits - prefix)
