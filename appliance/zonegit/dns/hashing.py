"""Hashed owner names (RFC 5155 §3, §5): what a zone's NSEC3 records are hashed with, and the hash of a name.

Refuses more than 2,500 iterations, the most that RFC 5155 §10.3 allows for any key; below that whatever was chosen
is followed, as BIND, NSD and Knot DNS do (RFC 9276 §3.1 wants 0).
"""

from base64 import b32hexdecode, b32hexencode
from typing import Final, NamedTuple

from zonegit.dns.blocks import Node, rdata_of, split
from zonegit.dnssec.hashing import hashed
from zonegit.model.names import OwnerKey, WireName
from zonegit.model.rdata import NSEC3, NSEC3PARAM

HASH_SIZE: Final = 20
KEY_SIZE: Final = 33
"""Bytes of a hashed owner's key: 32 characters and what ends a label."""
_SHA1: Final = 1
_MOST_ITERATIONS: Final = 2500


class Parameters(NamedTuple):
    """What a chain of NSEC3 records is hashed with."""

    iterations: int
    salt: bytes

    def hash(self, name: WireName) -> bytes:
        """The hash of a lowercase name."""
        return hashed(name, self.iterations, self.salt)

    def next_hash(self, node: Node) -> bytes | None:
        """The hash that follows this owner's in the chain; None where none of the chain's NSEC3 records stands."""
        found = node.get(NSEC3)
        if found is None:
            return None
        for rr in split(found[1]):
            rdata = rdata_of(rr)
            at = 5 + rdata[4]
            if rdata[0] == _SHA1 and rdata[2:4] == self.iterations.to_bytes(2, "big") and rdata[5:at] == self.salt:
                return rdata[at + 1 : at + 1 + HASH_SIZE]
        return None


def parameters(top: Node) -> Parameters | None:
    """What the zone with this apex is hashed with (RFC 5155 §4); None when it isn't, or not in a known way."""
    found = top.get(NSEC3PARAM)
    if found is None:
        return None
    for rr in split(found[1]):
        algorithm, flags, high, low, size, *salt = rdata_of(rr)
        iterations = high << 8 | low
        if algorithm == _SHA1 and not flags and iterations <= _MOST_ITERATIONS:
            return Parameters(iterations, bytes(salt[:size]))
    return None


def hashed_key(digest: bytes) -> OwnerKey:
    """The key of the owner that a hash makes, right below the apex."""
    return OwnerKey(b32hexencode(digest).lower() + b"\0")


def hash_of(key: OwnerKey) -> bytes:
    """The hash in a hashed owner's key."""
    return b32hexdecode(key[:-1].upper())
