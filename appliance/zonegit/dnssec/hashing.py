"""Hashed owner names: the parameters and the hash function of NSEC3 (RFC 5155 §3 to §5).

Refuses more than 2,500 iterations, the most that RFC 5155 §10.3 allows for any key. Fewer are accepted, as in BIND,
NSD and Knot DNS, although RFC 9276 §3.1 wants 0.
"""

from collections.abc import Iterable
from hashlib import sha1
from typing import Final, NamedTuple

HASH_SIZE: Final = 20
MAX_VALIDATED_ITERATIONS: Final = 150
"""The most iterations that any validator accepts (BIND 9.18 and Unbound: 150). A chain with more proves nothing."""
_SHA1: Final = b"\1"
_SIZE: Final = bytes((HASH_SIZE,))
_HEAD: Final = 5
"""Bytes in front of the salt: algorithm, flags, iterations (u16) and the salt's size."""
_MAX_ITERATIONS: Final = 2500


class Parameters(NamedTuple):
    """What the owner names of one NSEC3 chain are hashed with."""

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
        """Where the next hashed owner begins in the RDATA of an NSEC3 record; 0 if it is not of this chain."""
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
    """The parameters in the first usable of a zone's NSEC3PARAM records (RFC 5155 §4); None if none is usable."""
    for rdata in records:
        iterations, salt = int.from_bytes(rdata[2:4], "big"), rdata[_HEAD:]
        whole = len(rdata) >= _HEAD and rdata[4] == len(salt)
        if rdata[:2] == _SHA1 + b"\0" and whole and iterations <= _MAX_ITERATIONS:
            return Parameters(iterations, salt)
    return None
