"""A version while the steps of a batch change it. It reads like a version; RRsets are encoded only at the end."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from zonegit.model.names import Owner, OwnerKey, owner_key
from zonegit.model.rdata import SOA
from zonegit.model.rrset import RRKey, RRset, rr_key
from zonegit.repo import records
from zonegit.repo.content import Content
from zonegit.repo.records import Changes
from zonegit.repo.signed import is_signed


@dataclass(slots=True)
class _Pile:
    """An unsorted RRset: adding or deleting one record costs neither sorting nor encoding."""

    owner: Owner
    rtype: int
    ttl: int
    rdatas: set[bytes]

    def encode(self) -> bytes | None:
        """The stored form; None without records."""
        if not self.rdatas:
            return None
        return RRset(self.owner, self.rtype, self.ttl, tuple(sorted(self.rdatas))).encode()


class Edited:
    """A version with changes on top. Methods that change it return the keys that they changed."""

    def __init__(self, content: Content) -> None:
        self.apex = content.apex
        self.signed = is_signed(content.tree)
        self._content = content
        self._changes: dict[RRKey, bytes | _Pile | None] = {}
        self._at: dict[OwnerKey, set[int]] = {}
        """Types that were touched."""

    @property
    def changes(self) -> Changes:
        """All of them."""
        return {key: _stored(found) for key, found in self._changes.items()}

    def rrset(self, owner: Owner, rtype: int) -> RRset | None:
        key = rr_key(owner_key(owner), rtype)
        if key not in self._changes:
            return self._content.rrset(owner, rtype)
        payload = _stored(self._changes[key])
        return self._content.served(payload) if payload else None

    def rrsets_at(self, owner: Owner) -> list[RRset]:
        key = owner_key(owner)
        numbers = self._content.tree.at(key).keys() | self._at.get(key, set())
        return [rrset for number in sorted(numbers) if (rrset := self.rrset(owner, number))]

    def differs(self, keys: Iterable[RRKey]) -> bool:
        """Whether the version has something else under any of these keys."""
        return any(_stored(self._changes[key]) != self._content.tree.payload(key) for key in keys)

    def put(self, owner: Owner, rtype: int, ttl: int | None, rdatas: Sequence[bytes]) -> Collection[RRKey]:
        """As `records.put`."""
        return self._take(records.put(self, owner, rtype, ttl, rdatas))

    def add(self, owner: Owner, rtype: int, ttl: int | None, rdatas: Sequence[bytes]) -> Collection[RRKey]:
        """As `records.added`."""
        pile = self._pile(owner, rtype)
        if pile is None:
            return self._take(records.added(self, owner, rtype, ttl, rdatas))
        kept = pile.ttl if ttl is None else ttl
        come = RRset.of(owner, rtype, kept, records.readable(rtype, rdatas))
        pile.ttl = come.ttl
        pile.rdatas.update(come.rdatas)
        return (come.key,)

    def delete(self, owner: Owner, rtype: int | None, rdatas: Sequence[bytes]) -> Collection[RRKey]:
        """As `records.deleted`, but also SOA and NS of the apex, since a later step may add them again."""
        pile = self._pile(owner, rtype) if rtype is not None and rdatas else None
        if rtype is None or pile is None:
            return self._take(records.deleted(self, owner, rtype, rdatas, whole=False))
        pile.rdatas -= records.gone(RRset.of(owner, rtype, pile.ttl, rdatas), pile.rdatas)
        return (rr_key(owner_key(owner), rtype),)

    def _pile(self, owner: Owner, rtype: int) -> _Pile | None:
        """A non-empty RRset, to be changed; None for an empty one, and for SOA, whose serial isn't stored."""
        key = rr_key(owner_key(owner), rtype)
        found = self._changes.get(key)
        if isinstance(found, _Pile):
            return found if found.rdatas else None
        old = None if rtype == SOA else self.rrset(owner, rtype)
        if old is None:
            return None
        pile = _Pile(old.owner, rtype, old.ttl, set(old.rdatas))
        self._take({key: None})
        self._changes[key] = pile
        return pile

    def _take(self, changes: Changes) -> Collection[RRKey]:
        self._changes.update(changes)
        for key in changes:
            self._at.setdefault(OwnerKey(key[:-3]), set()).add(int.from_bytes(key[-2:], "big"))
        return changes.keys()


def _stored(found: bytes | _Pile | None) -> bytes | None:
    return found.encode() if isinstance(found, _Pile) else found
