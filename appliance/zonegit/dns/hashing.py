"""The chain of NSEC3 records as answering meets it: at the apex, at a hashed owner, in an owner's key."""

from base64 import b32hexdecode, b32hexencode
from typing import Final

from zonegit.dns.blocks import Node, rdata_of, split
from zonegit.dnssec.hashing import HASH_SIZE, Parameters, parameters
from zonegit.model.names import OwnerKey
from zonegit.model.rdata import NSEC3, NSEC3PARAM

KEY_SIZE: Final = 33
"""Bytes of a hashed owner's key: 32 characters and what ends a label."""


def chain_of(top: Node) -> Parameters | None:
    """What the zone with this apex is hashed with; None when it isn't, or not in a known way."""
    found = top.get(NSEC3PARAM)
    return None if found is None else parameters(map(rdata_of, split(found[1])))


def next_hash(chain: Parameters, node: Node) -> bytes | None:
    """The hash that follows this owner's in a chain; None where none of the chain's NSEC3 records stands."""
    found = node.get(NSEC3)
    if found is None:
        return None
    for rr in split(found[1]):
        rdata = rdata_of(rr)
        at = chain.next_at(rdata)
        if at:
            return rdata[at : at + HASH_SIZE]
    return None


def hashed_key(digest: bytes) -> OwnerKey:
    """The key of the owner that a hash makes, right below the apex."""
    return OwnerKey(b32hexencode(digest).lower() + b"\0")


def hash_of(key: OwnerKey) -> bytes:
    """The hash in a hashed owner's key."""
    return b32hexdecode(key[:-1].upper())
