"""Reads an NSEC3 chain from blocks and keys: its parameters at the apex, its hashes at hashed owners."""

from base64 import b32hexdecode, b32hexencode
from typing import Final

from zonegit.dns.wire.rrsets import Node, rdata_of, split
from zonegit.dnssec.hashing import HASH_SIZE, Parameters, parameters
from zonegit.model.names import OwnerKey
from zonegit.model.rdata import NSEC3, NSEC3PARAM

KEY_SIZE: Final = 33
"""Bytes of a hashed owner's key: 32 characters and the zero byte that ends the label."""


def chain_parameters(top: Node) -> Parameters | None:
    """The parameters of the NSEC3 chain, from the apex's records; None if the zone has no usable chain."""
    found = top.get(NSEC3PARAM)
    return None if found is None else parameters(map(rdata_of, split(found[1])))


def next_hash(chain: Parameters, node: Node) -> bytes | None:
    """The hash that follows this owner's in the chain; None if the owner has no NSEC3 record of the chain."""
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
    """The key of the hashed owner with this hash."""
    return OwnerKey(b32hexencode(digest).lower() + b"\0")


def hash_of(key: OwnerKey) -> bytes:
    """The hash in a hashed owner's key."""
    return b32hexdecode(key[:-1].upper())
