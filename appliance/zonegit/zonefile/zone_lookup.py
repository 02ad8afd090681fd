"""Looks up names in a zone that is checked: what covers a name, and what is answered for it.

This is RFC 1034 §4.3.2 and RFC 4592 §3.3. A delegation *covers* its own name and those below it, a DNAME only those
below it.

Hashed owners aren't names: an owner with only NSEC3 records neither exists nor is covered (RFC 5155 §7.2.8).
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple, Protocol, TypeVar

from zonegit.errors import OutOfZone
from zonegit.model.names import APEX_KEY, OwnerKey, WireName, key_owner, owner_key, parent_key, relative, to_text
from zonegit.model.rdata import DNAME, NS, NSEC3, RRSIG
from zonegit.model.rrset import rdatas

T = TypeVar("T")
Types = Mapping[int, bytes]
"""The RRsets of one owner: type -> stored RRset."""

_NSEC3: Final = NSEC3.to_bytes(2, "big")
_REMEMBERED: Final = 1 << 16
"""The most owners in each cache; many names share their ancestors."""


class Owners(Protocol):
    """A zone's RRsets by owner."""

    def at(self, owner: OwnerKey) -> Types:
        """The RRsets at an owner; empty where there are none."""

    def below(self, owner: OwnerKey) -> Iterator[OwnerKey]:
        """Each owner below this one that has RRsets, in canonical order."""


class Cover(NamedTuple):
    """What covers a name."""

    owner: OwnerKey
    """The owner of the topmost delegation or DNAME."""
    is_cut: bool
    """Whether it is a delegation; a DNAME beside its NS records isn't served."""
    dname: OwnerKey | None
    """The topmost DNAME, which may be below the delegation."""


class ZoneLookup:
    """Looks up a zone's names, and caches what covers them."""

    def __init__(self, apex: WireName, owners: Owners) -> None:
        self.apex = apex
        self.at = owners.at
        self.at_apex = owners.at(APEX_KEY)
        self._below = owners.below
        self._at_top = Cover(APEX_KEY, False, APEX_KEY) if DNAME in self.at_apex else None
        self._covers: dict[OwnerKey, Cover | None] = {APEX_KEY: self._at_top}
        self._existing: dict[OwnerKey, bool] = {}
        self._named: dict[OwnerKey, Types] = {}

    def cover(self, owner: OwnerKey) -> Cover | None:
        """What covers the names below an owner: the topmost delegation or DNAME at or above it."""
        covers = self._covers
        if len(covers) > _REMEMBERED:
            covers.clear()
            covers[APEX_KEY] = self._at_top
        line = []
        while owner not in covers:
            line.append(owner)
            owner = parent_key(owner)
        found = covers[owner]
        for below in reversed(line):
            if found is None or found.dname is None:
                found = _cover_at(below, self.at(below), found)
            covers[below] = found
        return found

    def learn(self, owner: OwnerKey, types: Types) -> None:
        """Cache the types of an owner that nothing covers, to save a look-up for the names below it."""
        self._covers[owner] = _cover_at(owner, types, None)

    def cover_of(self, owner: OwnerKey, types: Types) -> Cover | None:
        """What covers an owner that holds these types: a delegation at or above it, or a DNAME above it."""
        if not owner:
            return None
        return self.cover(parent_key(owner)) or (self.cover(owner) if NS in types else None)

    def answer(self, owner: OwnerKey, types: Types) -> Types:
        """What is answered for an owner that nothing covers: its own types, or those of its wildcard."""
        types = named(types)
        if types or self.exists(owner):
            return types
        while not self.exists(owner):
            owner = parent_key(owner)
        return self._named_at(OwnerKey(owner + b"*\0"))

    def exists(self, owner: OwnerKey) -> bool:
        """Whether a name exists; an empty non-terminal does."""
        return _remembered(self._existing, owner, self._look_for)

    def _look_for(self, owner: OwnerKey) -> bool:
        return not owner or bool(named(self.at(owner))) or any(named(self.at(name)) for name in self._below(owner))

    def _named_at(self, owner: OwnerKey) -> Types:
        return _remembered(self._named, owner, lambda here: named(self.at(here)))

    def in_zone(self, target: bytes) -> OwnerKey | None:
        """A target's key, if it is in this zone."""
        if not target.endswith(self.apex):
            return None
        try:
            return owner_key(relative(target, self.apex))
        except OutOfZone:
            return None

    def text(self, owner: OwnerKey) -> str:
        """An owner as an absolute name."""
        return to_text(key_owner(owner) + self.apex)


def _remembered(known: dict[OwnerKey, T], owner: OwnerKey, find: Callable[[OwnerKey], T]) -> T:
    found = known.get(owner)
    if found is None:
        if len(known) >= _REMEMBERED:
            known.clear()
        found = known[owner] = find(owner)
    return found


def _cover_at(owner: OwnerKey, types: Types, above: Cover | None) -> Cover | None:
    """What covers the names below an owner that has these types, and that `above` covers."""
    dname = owner if DNAME in types else None
    if above is not None:
        return Cover(above.owner, above.is_cut, dname)
    return Cover(owner, NS in types, dname) if NS in types or dname is not None else None


def named(types: Types) -> Types:
    """The types of an owner as a name: all but NSEC3 records and their signatures (RFC 5155 §7.2.8)."""
    if NSEC3 not in types and types.keys() != {RRSIG}:
        return types
    left = {rtype: payload for rtype, payload in types.items() if rtype != NSEC3}
    if RRSIG in left and all(rdata.startswith(_NSEC3) for rdata in rdatas(left[RRSIG])):
        del left[RRSIG]
    return left
