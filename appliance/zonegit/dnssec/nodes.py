"""Where each owner of a zone stands, as far as signing is concerned (RFC 4035 §2, RFC 5155 §7.1, RFC 6672 §3.4).

Authoritative names are signed and denied; a delegation only as to its DS; nothing below a delegation or DNAME is.
"""

from collections.abc import Iterable, Iterator, Sequence
from enum import Enum, auto
from typing import Final, NamedTuple

from zonegit.model.names import Owner, OwnerKey, key_owner
from zonegit.model.rdata import DNAME, DS, NS, NSEC, NSEC3, RRSIG
from zonegit.model.rrset import RRKey

Entries = Sequence[tuple[RRKey, bytes]]
"""A whole zone, in canonical order."""

_HASHED: Final = frozenset({NSEC3, RRSIG})
_AT_A_CUT: Final = (DS, NSEC, NSEC3)


class Place(Enum):
    """What an owner is to the zone."""

    AUTHORITATIVE = auto()
    CUT = auto()
    OCCLUDED = auto()
    """Occluded by a delegation or DNAME above it: glue, or data that is never served."""
    HASHED = auto()
    """The owner of NSEC3 records: no name of the zone (RFC 5155 §7.2.8)."""


class Node(NamedTuple):
    """One owner."""

    key: OwnerKey
    types: dict[int, bytes]
    """Stored RRsets by type."""
    place: Place

    @property
    def owner(self) -> Owner:
        return key_owner(self.key)

    @property
    def in_chain(self) -> bool:
        """Whether the NSEC or NSEC3 chain has to contain it: it is a name that the zone answers for."""
        return self.place in (Place.AUTHORITATIVE, Place.CUT)

    def signed_types(self) -> list[int]:
        """The types whose RRsets have to be signed. NSEC3 is among them wherever it is: its owner is a hash."""
        if self.place is Place.AUTHORITATIVE:
            return [rtype for rtype in self.types if rtype != RRSIG]
        wanted = _AT_A_CUT if self.place is Place.CUT else (NSEC3,)
        return [rtype for rtype in self.types if rtype in wanted]


def nodes(entries: Iterable[tuple[RRKey, bytes]]) -> Iterator[Node]:
    """The owners of a zone whose entries are in canonical order."""
    occluder: OwnerKey | None = None
    for owner, types in _owners(entries):
        if occluder is not None and not owner.startswith(occluder):
            occluder = None
        if NSEC3 in types and types.keys() <= _HASHED:
            yield Node(owner, types, Place.HASHED)
        elif occluder is not None:
            yield Node(owner, types, Place.OCCLUDED)
        elif owner and NS in types:
            occluder = owner
            yield Node(owner, types, Place.CUT)
        else:
            occluder = owner if DNAME in types else None
            yield Node(owner, types, Place.AUTHORITATIVE)


def _owners(entries: Iterable[tuple[RRKey, bytes]]) -> Iterator[tuple[OwnerKey, dict[int, bytes]]]:
    """The RRsets of each owner by type."""
    owner = b""
    types: dict[int, bytes] = {}
    for key, payload in entries:
        if key[:-3] != owner:
            if types:
                yield OwnerKey(owner), types
            owner, types = key[:-3], {}
        types[key[-2] << 8 | key[-1]] = payload
    if types:
        yield OwnerKey(owner), types
