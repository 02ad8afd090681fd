"""DNS cookies (RFC 7873) as all makes of servers compute them (RFC 9018), given the same secret.

    client cookie (8) | version 1 | reserved (3) | time (4) | SipHash-2-4 of all that and the client's address (8)

A server cookie of less than half an hour comes back as it is, every other one as a fresh one: nobody is refused
for a missing or a wrong one. What clients showed is remembered for up to a minute, so that a resolver that repeats
costs one look-up. Refused: options of a length that RFC 7873 §5.2.2 doesn't know.
"""

from collections.abc import Callable, Sequence
from struct import Struct
from typing import Final

from zonegit.dns.clients import unmapped
from zonegit.dns.siphash import siphash24

COOKIE: Final = 10
"""The option's code (RFC 7873 §4)."""
SECRET_SIZE: Final = 16

_CLIENT: Final = 8
_SERVER: Final = 24
"""A client cookie and one of our server cookies behind it."""
_LONGEST: Final = 40
_HEAD: Final = Struct(">HH")
_STAMP: Final = Struct(">I")
_FRESH: Final = 1800
"""Seconds for which a server cookie is sent back unchanged (RFC 9018 §4.3)."""
_VALID: Final = 3600
_AHEAD: Final = 300
_KEPT: Final = 60
"""Seconds after which all that is remembered is worked out anew."""
_LIMIT: Final = 16_000
"""Clients that are remembered: some 6 MB."""

_Known = tuple[bytes, bool]
"""The option to answer with, and whether the client showed a valid server cookie."""


class Cookies:
    """The cookies of one thread. `secrets` have 16 bytes each: the current one, then those that still hold."""

    def __init__(self, secrets: Sequence[bytes], clock: Callable[[], float]) -> None:
        self._clock = clock
        self._secrets = tuple(secrets)
        self._known: dict[tuple[bytes, bytes], _Known] = {}
        self._until = 0.0

    def turn(self, secrets: Sequence[bytes]) -> None:
        """Go on with these secrets."""
        self._secrets = tuple(secrets)
        self._known.clear()

    def answer(self, shown: bytes, client: bytes) -> bytes | None:
        """The whole option for the response: 28 bytes, code and length included.

        `shown` is what stands in the query's option behind its length, `client` the 4 or 16 bytes of its address.
        None for an option of a wrong length; the response is FORMERR then.
        """
        known = self._look(shown, client)
        return None if known is None else known[0]

    def proven(self, shown: bytes, client: bytes) -> bool:
        """Whether the client has this cookie from us, and so its address isn't forged."""
        known = self._look(shown, client)
        return known is not None and known[1]

    def _look(self, shown: bytes, client: bytes) -> _Known | None:
        now = self._clock()
        if not 0 <= self._until - now <= _KEPT or len(self._known) >= _LIMIT:
            self._known.clear()
            self._until = now + _KEPT
        known = self._known.get((shown, client))
        if known is None:
            size = len(shown)
            if size != _CLIENT and not 16 <= size <= _LONGEST:
                return None
            known = self._known[shown, client] = self._work_out(shown, client, int(now))
        return known

    def _work_out(self, shown: bytes, client: bytes, now: int) -> _Known:
        client = unmapped(client)
        age = _VALID + 1
        if len(shown) == _SERVER and shown[_CLIENT] == 1:
            age = _between(_STAMP.unpack_from(shown, 12)[0], now)
        secret = self._secret_of(shown, client) if -_AHEAD <= age <= _VALID else None
        if secret is self._secrets[0] and age < _FRESH and shown[9:12] == b"\0\0\0":
            return _HEAD.pack(COOKIE, _SERVER) + shown, True
        made = shown[:_CLIENT] + b"\1\0\0\0" + _STAMP.pack(now & 0xFFFFFFFF)
        made += siphash24(self._secrets[0], made + client)
        return _HEAD.pack(COOKIE, _SERVER) + made, secret is not None

    def _secret_of(self, shown: bytes, client: bytes) -> bytes | None:
        """The secret that this cookie was made with for this client."""
        return next(
            (secret for secret in self._secrets if siphash24(secret, shown[:16] + client) == shown[16:]), None
        )


def _between(stamp: int, now: int) -> int:
    """Seconds from a cookie's 32-bit time until now, in the arithmetic of serials (RFC 9018 §4.3, RFC 1982)."""
    gone = (now - stamp) & 0xFFFFFFFF
    return gone - (1 << 32) if gone >> 31 else gone
