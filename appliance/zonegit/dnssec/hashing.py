"""Hashed owner names: what a zone's NSEC3 records are made with (RFC 5155 §3 to §5).

Refuses more than 2,500 iterations, the most that RFC 5155 §10.3 allows for any key; below that whatever was chosen
is followed, as BIND, NSD and Knot DNS do (RFC 9276 §3.1 wants 0).
"""

from collections.abc import Iterable
from hashlib import sha1
from typing import Final, NamedTuple

HASH_SIZE: Final = 20
_SHA1: Final = b"\1"
_SIZE: Final = bytes((HASH_SIZE,))
_HEAD: Final = 5
"""Bytes in front of the salt: algorithm, flags, iterations (u16) and the salt's size."""
_MOST_ITERATIONS: Final = 2500


class Parameters(NamedTuple):
    """What a chain of NSEC3 records is hashed with."""

    iterations: int
    salt: bytes

    def hash(self, name: bytes) -> bytes:
        """The hash of a lowercase wire name."""
        salt = self.salt
        digest = sha1(name + salt, usedforsecurity=False).digest()
        for _ in range(self.iterations):
            digest = sha1(digest + salt, usedforsecurity=False).digest()
        return digest

    def next_at(self, rdata: bytes) -> int:
        """Where the next hash begins in an NSEC3 record of this chain; 0 in one of another."""
        at = _HEAD + len(self.salt)
        if (
            rdata[:1] == _SHA1
            and rdata[2:4] == self.iterations.to_bytes(2, "big")
            and rdata[4:5] == bytes((len(self.salt),))
            and rdata[_HEAD:at] == self.salt
            and rdata[at : at + 1] == _SIZE
            and len(rdata) > at + HASH_SIZE
        ):
            return at + 1
        return 0


def parameters(records: Iterable[bytes]) -> Parameters | None:
    """What NSEC3PARAM records say that a zone is hashed with (RFC 5155 §4); None where no way is known."""
    for rdata in records:
        iterations, salt = int.from_bytes(rdata[2:4], "big"), rdata[_HEAD:]
        whole = len(rdata) >= _HEAD and rdata[4] == len(salt)
        if rdata[:2] == _SHA1 + b"\0" and whole and iterations <= _MOST_ITERATIONS:
            return Parameters(iterations, salt)
    return None
