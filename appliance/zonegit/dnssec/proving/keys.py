"""The keys that signatures must be valid by: those of each DNSKEY RRset that validators may hold."""

from collections.abc import Sequence
from typing import NamedTuple

from zonegit.dnssec.keys import ZoneKey, zone_key
from zonegit.dnssec.proving import by_dnspython
from zonegit.model.names import WireName
from zonegit.model.rrset import rdatas


class Key(NamedTuple):
    """A DNSKEY record of a zone key that isn't revoked."""

    dnskey: bytes
    own: ZoneKey
    dnspython: by_dnspython.Keys
    satisfies: frozenset[tuple[int, int]]
    """The number of each of the RRsets that it is in, with its algorithm."""


class Keys(NamedTuple):
    """The keys of several DNSKEY RRsets of one zone."""

    by_tag: dict[tuple[int, int], list[Key]]
    """By algorithm and tag."""
    wanted: frozenset[tuple[int, int]]
    """The number of each RRset with each algorithm in it: for all of these, an RRset of the zone needs a signature
    (RFC 4035 §2.2).
    """
    sets: int
    """How many RRsets there are."""

    @classmethod
    def of(cls, apex: WireName, dnskey_sets: Sequence[bytes]) -> "Keys":
        """From stored RRsets. Records that no validator can use are left out."""
        members = [rdatas(payload) for payload in dnskey_sets]
        by_tag: dict[tuple[int, int], list[Key]] = {}
        for dnskey in dict.fromkeys(rdata for each in members for rdata in each):
            own = zone_key(dnskey)
            if own is None or own.revoked or own.verify is None:
                continue
            pairs = frozenset((number, own.algorithm) for number, each in enumerate(members) if dnskey in each)
            key = Key(dnskey, own, by_dnspython.keys(apex, dnskey), pairs)
            by_tag.setdefault((own.algorithm, own.tag), []).append(key)
        wanted = frozenset[tuple[int, int]]().union(*(key.satisfies for alike in by_tag.values() for key in alike))
        return cls(by_tag, wanted, len(members))

    def is_known(self, algorithm: int) -> bool:
        """Whether any of the RRsets has a key of this algorithm."""
        return any(algorithm == wanted for _, wanted in self.wanted)

    @property
    def has_entry_point(self) -> bool:
        """Whether any key has the SEP flag (RFC 4034 §2.1.1)."""
        return any(key.own.sep for alike in self.by_tag.values() for key in alike)
