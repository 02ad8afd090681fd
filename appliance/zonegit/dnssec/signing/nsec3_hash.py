"""Hashed owner names of zones that are signed here: SHA-1, no salt, no further iterations (RFC 9276 §3.1)."""

from base64 import b32hexdecode
from contextlib import suppress
from hashlib import sha1
from typing import Final, NamedTuple, NewType

from zonegit.dnssec.signing.denial import stored_record
from zonegit.model.names import Owner, OwnerKey, WireName, key_owner
from zonegit.model.rdata import NSEC3
from zonegit.model.rrset import APEX_POINTER, FIXED, RRKey

Digest = NewType("Digest", bytes)
"""A hashed name, 20 bytes. Their order is that of the owners that they make."""

SIZE: Final = 20
PARAMETERS: Final = b"\1\0\0\0\0"
"""RDATA of the NSEC3PARAM record: SHA-1, no flags, no further iterations, no salt (RFC 5155 §4.2)."""
_LABEL: Final = 32
"""Bytes of a digest in base32hex."""
OWNER_SIZE: Final = 1 + _LABEL
"""Bytes that a hashed owner has in front of the apex."""
_LABEL_SIZE: Final = bytes((_LABEL,))
_KEY_END: Final = b"\0\0" + NSEC3.to_bytes(2, "big")
_NEXT: Final = 1 + _LABEL + len(APEX_POINTER) + FIXED.size + len(PARAMETERS) + 1
"""Where the next digest is in a stored record."""
_DIGITS: Final = b"0123456789abcdefghijklmnopqrstuv"
_PAIRS: Final = [bytes((high, low)) for high in _DIGITS for low in _DIGITS]


class Nsec3(NamedTuple):
    """The RDATA of an NSEC3 record, less the parameters of the hash."""

    opt_out: bool
    following: Digest
    """The next hashed owner."""
    bitmap: bytes

    def entry(self, digest: Digest, ttl: int) -> tuple[RRKey, bytes]:
        """The key and stored RRset of this record at a digest."""
        label = _label(digest)
        rdata = bytes((1, self.opt_out, 0, 0, 0, SIZE)) + self.following + self.bitmap
        return RRKey(label + _KEY_END), stored_record(Owner(_LABEL_SIZE + label), NSEC3, ttl, rdata)

    @classmethod
    def read(cls, payload: bytes) -> "Nsec3":
        """The record of a stored RRset that `entry` made."""
        return cls(bool(payload[_NEXT - 5]), Digest(payload[_NEXT : _NEXT + SIZE]), payload[_NEXT + SIZE :])


def hashed(key: OwnerKey, apex: WireName) -> Digest:
    """The digest of an owner in the zone at `apex`."""
    return Digest(sha1(key_owner(key) + apex, usedforsecurity=False).digest())


def digest_key(digest: Digest) -> RRKey:
    """Where the NSEC3 record of a digest is in the zone."""
    return RRKey(_label(digest) + _KEY_END)


def key_digest(key: RRKey) -> Digest | None:
    """The digest that a record's key is made of; None if it isn't an NSEC3 record's, or its owner isn't a hash."""
    if len(key) == _LABEL + len(_KEY_END) and key.endswith(_KEY_END):
        with suppress(ValueError):
            return Digest(b32hexdecode(key[:_LABEL].upper()))
    return None


def _label(digest: Digest) -> bytes:
    """A digest in base32hex, two digits at a time: b32hexencode takes more than twice as long."""
    number = int.from_bytes(digest, "big")
    return b"".join([_PAIRS[number >> shift & 1023] for shift in range(150, -1, -10)])
