"""What to sign a zone with: the keys, the records that signing adds at the apex, the times."""

from collections.abc import Mapping, Sequence
from hashlib import blake2s
from typing import Final, NamedTuple, Protocol

from zonegit.dnssec.policy import DAY, Denial
from zonegit.model.names import OwnerKey, WireName
from zonegit.model.rdata import CDNSKEY, CDS, DNSKEY
from zonegit.model.rrset import RRKey

SIGNED_BY_DNSKEY_KEYS: Final = frozenset({DNSKEY, CDS, CDNSKEY})
"""The types at the apex that a plan's `dnskey_keys` sign."""
BACKDATED: Final = 3600
"""Seconds that a signature is valid before it is made: clocks of validators may be slow."""


class Signer(Protocol):
    """Makes signatures with one private key."""

    def sign(self, messages: Sequence[bytes]) -> list[bytes]:
        """The signatures of these messages, in the form that RRSIG records have. `DnssecError` if that fails."""
        ...


class SigningKey(NamedTuple):
    """A key that signs."""

    dnskey: bytes
    """The RDATA of its DNSKEY record."""
    signer: Signer

    @property
    def algorithm(self) -> int:
        return self.dnskey[3]


class Times(NamedTuple):
    """When signatures that are made now begin and end, in Unix seconds."""

    now: int
    validity: int
    """Seconds."""
    apex: WireName

    @property
    def inception(self) -> int:
        return self.now - BACKDATED

    def expiration(self, owner: OwnerKey) -> int:
        """The end of the signatures at an owner: earlier by up to a day, so that zones and names don't all end at
        once.
        """
        jitter = min(DAY, self.validity // 4)
        return self.now + self.validity - int.from_bytes(_spread(self.apex, owner), "big") * jitter // (1 << 32)


class SigningPlan(NamedTuple):
    """Everything that decides what a signed version has beside the zone's own records."""

    apex: WireName
    zone_keys: tuple[SigningKey, ...]
    """They sign every RRset but those that the next ones sign."""
    dnskey_keys: tuple[SigningKey, ...]
    """They sign the RRset DNSKEY at the apex, and CDS and CDNSKEY. None: these stay as they are, signatures too."""
    dnskeys: tuple[bytes, ...]
    """RDATA of the DNSKEY records to publish. Those that the zone itself has are kept beside them (RFC 8901)."""
    cds: tuple[bytes, ...]
    """RDATA of CDS records, likewise; empty: none."""
    cdnskeys: tuple[bytes, ...]
    dnskey_ttl: int
    denial: Denial
    zonemd: bool
    serial: int
    """The served serial: the SOA's signature covers it."""
    times: Times
    additions: Mapping[RRKey, bytes] = {}
    """Further stored RRsets to publish, as for RFC 9615."""

    def signers_at_apex(self, rtype: int) -> tuple[SigningKey, ...]:
        """Who signs an RRset at the apex (RFC 7344 §4.1).

        While the algorithm changes, CDS and CDNSKEY have signatures of both, as all data has (RFC 6781 §4.1.4).
        """
        if rtype not in SIGNED_BY_DNSKEY_KEYS:
            return self.zone_keys
        if rtype == DNSKEY:
            return self.dnskey_keys
        known = {key.algorithm for key in self.dnskey_keys}
        return (*self.dnskey_keys, *(key for key in self.zone_keys if key.algorithm not in known))


def _spread(apex: WireName, owner: OwnerKey) -> bytes:
    return blake2s(owner + apex, digest_size=4).digest()
