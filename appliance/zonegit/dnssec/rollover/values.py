"""What rollovers are decided by."""

from enum import StrEnum
from typing import NamedTuple

from zonegit.dnssec.policy import Algorithm


class Role(StrEnum):
    """What a key signs."""

    CSK = "csk"
    KSK = "ksk"
    """The RRsets DNSKEY, CDS and CDNSKEY."""
    ZSK = "zsk"
    """All others."""


class ManagedKey(NamedTuple):
    """A key that signs a zone here, without its private part. Two of a zone never have the same key tag."""

    dnskey: bytes
    """The RDATA of its DNSKEY record."""
    role: Role
    created: int
    """Unix seconds."""

    @property
    def algorithm(self) -> Algorithm:
        return Algorithm(self.dnskey[3])


class ParentAnswer(NamedTuple):
    """What one name server of the parent zone says of a zone's DS records."""

    server: str
    """Its name and address."""
    ds: frozenset[bytes] | None
    """RDATA; empty: there is no DS; None: it didn't answer."""
    ttl: int = 0
    error: str = ""
    """One line."""


class Parent(NamedTuple):
    """What all name servers of the parent zone said at a time."""

    asked: int
    """Unix seconds."""
    answers: tuple[ParentAnswer, ...]
    error: str = ""
    """Why nobody could be asked; one line."""


class Facts(NamedTuple):
    """What is known outside of the key state."""

    now: int
    """Unix seconds."""
    published: frozenset[bytes]
    """The DNSKEY RDATA in the version that is served; empty: it isn't signed."""
    published_cds: frozenset[bytes]
    unsigned_by: frozenset[bytes]
    """DNSKEY RDATA of the keys that ought to sign, and don't sign all of the zone yet."""
    signed_by: frozenset[bytes]
    """DNSKEY RDATA of the keys that sign any of the zone's data (other than DNSKEY, CDS and CDNSKEY)."""
    max_ttl: int
    """The largest TTL in the zone."""
    parent: Parent | None
    """None: it wasn't asked."""
    keys: frozenset[bytes] | None = None
    """DNSKEY RDATA of the zone's keys whose private part can be used. None: not known, none counts as missing."""
    foreign: frozenset[bytes] = frozenset()
    """DNSKEY RDATA that the zone itself has, from other signers (RFC 8901)."""
