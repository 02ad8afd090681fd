"""DNS cookies (RFC 7873), interoperable with other implementations that have the same secret (RFC 9018).

    client cookie (8) | version 1 | reserved (3) | time (4) | SipHash-2-4 of all that and the client's address (8)

A valid server cookie younger than half an hour is returned unchanged, any other is replaced by a fresh one. A query
with a missing or wrong server cookie is answered, as RFC 7873 §5.2.3 allows: BADCOOKIE is never sent. A valid one
exempts its client from `rate`. An option of a length that §5.2.2 doesn't allow is FORMERR.

Results are remembered for up to a minute, so that a resolver that repeats its cookie costs one look-up.
"""

from collections.abc import Callable, Sequence
from struct import Struct
from typing import Final

from zonegit.dns.access.client_address import unmapped
from zonegit.dns.access.siphash import siphash24

COOKIE: Final = 10
"""The option's code (RFC 7873 §4)."""
SECRET_SIZE: Final = 16

_CLIENT: Final = 8
"""The size of a client cookie."""
_BOTH: Final = 24
"""The size of a client cookie with one of our server cookies behind it."""
_LONGEST: Final = 40
_HEAD: Final = Struct(">HH")
_TIMESTAMP: Final = Struct(">I")
_FRESH: Final = 1800
"""Seconds for which a server cookie is returned unchanged (RFC 9018 §4.3)."""
_MAX_AGE: Final = 3600
"""Seconds for which a server cookie is valid."""
_MAX_AHEAD: Final = 300
"""Seconds that its timestamp may be in the future: the clocks of an anycast's servers differ."""
_FORGOTTEN_AFTER: Final = 60
"""Seconds after which all that is remembered is forgotten."""
_LIMIT: Final = 16_000
"""The most clients that are remembered: some 6 MB."""

_Known = tuple[bytes, bool]
"""The option to answer with, and whether the query's server cookie was valid."""


class Cookies:
    """The cookies of one thread. `secrets` have 16 bytes each: the current one, then those still accepted."""

    def __init__(self, secrets: Sequence[bytes], clock: Callable[[], float]) -> None:
        self._clock = clock
        self._secrets = tuple(secrets)
        self._known: dict[tuple[bytes, bytes], _Known] = {}
        self._until = 0.0
        self._epoch = 0

    def set_secrets(self, secrets: Sequence[bytes]) -> None:
        """Use these secrets from now on."""
        self._secrets = tuple(secrets)
        self._known.clear()
        self._epoch += 1

    def epoch(self) -> int:
        """A number that changes when no earlier answer may be given again: at least once a minute."""
        now = self._clock()
        if not 0 <= self._until - now <= _FORGOTTEN_AFTER or len(self._known) >= _LIMIT:
            self._known.clear()
            self._until = now + _FORGOTTEN_AFTER
            self._epoch += 1
        return self._epoch

    def answer(self, cookie: bytes, client: bytes) -> bytes | None:
        """The whole option for the response: 28 bytes, code and length included.

        `cookie` is the data of the query's option, `client` the 4 or 16 bytes of its address. None for an option of
        a wrong length; the response is FORMERR then.
        """
        known = self._find(cookie, client)
        return None if known is None else known[0]

    def is_valid(self, cookie: bytes, client: bytes) -> bool:
        """Whether the cookie is valid for the client, so that its address isn't forged."""
        known = self._find(cookie, client)
        return known is not None and known[1]

    def _find(self, cookie: bytes, client: bytes) -> _Known | None:
        self.epoch()
        known = self._known.get((cookie, client))
        if known is None:
            size = len(cookie)
            if size != _CLIENT and not 16 <= size <= _LONGEST:
                return None
            known = self._known[cookie, client] = self._answer_to(cookie, client, int(self._clock()))
        return known

    def _answer_to(self, cookie: bytes, client: bytes, now: int) -> _Known:
        client = unmapped(client)
        age = _MAX_AGE + 1
        if len(cookie) == _BOTH and cookie[_CLIENT] == 1:  # version 1
            age = _age(_TIMESTAMP.unpack_from(cookie, 12)[0], now)
        secret = self._secret_of(cookie, client) if -_MAX_AHEAD <= age <= _MAX_AGE else None
        if secret is self._secrets[0] and age < _FRESH and cookie[9:12] == b"\0\0\0":
            return _HEAD.pack(COOKIE, _BOTH) + cookie, True
        made = cookie[:_CLIENT] + b"\1\0\0\0" + _TIMESTAMP.pack(now & 0xFFFFFFFF)
        made += siphash24(self._secrets[0], made + client)
        return _HEAD.pack(COOKIE, _BOTH) + made, secret is not None

    def _secret_of(self, cookie: bytes, client: bytes) -> bytes | None:
        """The secret that this cookie was made with for this client; None if it wasn't."""
        return next(
            (secret for secret in self._secrets if siphash24(secret, cookie[:16] + client) == cookie[16:]), None
        )


def _age(timestamp: int, now: int) -> int:
    """Seconds from a cookie's 32-bit time until now, in the arithmetic of serials (RFC 9018 §4.3, RFC 1982)."""
    gone = (now - timestamp) & 0xFFFFFFFF
    return gone - (1 << 32) if gone >> 31 else gone
