"""The chain of NSEC3 records around changes (RFC 5155 §7.1, RFC 9077). The whole of it: `nsec3_chain`.

Around a change is enough where the flags of all records that it concerns are alike: all opt out, or none.
"""

from base64 import b32hexdecode, b32hexencode
from binascii import Error
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from zonegit.dnssec.hashing import HASH_SIZE, Parameters
from zonegit.dnssec.nodes import Node, Place
from zonegit.dnssec.proving import bitmaps
from zonegit.dnssec.proving.changes import Change, Served, ttl_of
from zonegit.model.names import OwnerKey, key_owner, keys_above
from zonegit.model.rdata import DS, NS, NSEC3, RRSIG
from zonegit.model.rrset import rdatas, rr_key

OPT_OUT: Final = 1
_OPTIONAL: Final = (b"", b"\0\1\x20")
"""The bitmaps of names that opt-out may leave out: an empty one, and one with nothing but NS."""
_LABEL: Final = len(b32hexencode(bytes(HASH_SIZE)))


class Link(NamedTuple):
    """One NSEC3 record."""

    opt_out: bool
    next_owner: OwnerKey
    bitmap: bytes


class Wanted(NamedTuple):
    """A name that the zone answers for."""

    types: frozenset[int]
    """Empty for an empty non-terminal."""
    optional: bool
    """Whether opt-out may leave it out: an insecure delegation (RFC 5155 §6)."""


def wanted(node: Node) -> Wanted:
    """What the chain must have for an owner that is in it."""
    types = frozenset(node.types) - {NSEC3}
    if node.place is not Place.CUT:
        return Wanted(types, optional=False)
    secure = DS in types
    return Wanted(types & ({NS, DS, RRSIG} if secure else {NS}), optional=not secure)


def digest_of(owner: OwnerKey) -> bytes | None:
    """The hash that the one label of an owner stands for."""
    label = owner[:-1]
    try:
        return b32hexdecode(label.upper()) if len(label) == _LABEL else None
    except (Error, ValueError):
        return None


def hashed_owner(digest: bytes) -> OwnerKey:
    """The owner of the NSEC3 record with this hash."""
    return OwnerKey(b32hexencode(digest).lower() + b"\0")


def link(parameters: Parameters, payload: bytes) -> Link | str:
    """A stored NSEC3 RRset of this chain; or what is wrong with it."""
    records = rdatas(payload)
    if len(records) > 1:
        return f"{len(records)} records; a hash has one"
    (rdata,) = records
    at = parameters.next_at(rdata)
    if not at:
        return "hashed otherwise than the NSEC3PARAM record says"
    if rdata[1] > OPT_OUT:
        return f"unknown flags, {rdata[1]}"
    end = at + HASH_SIZE
    return Link(bool(rdata[1]), hashed_owner(rdata[at:end]), rdata[end:])


def link_faults(
    new: Served, owner: OwnerKey, found: Link | str, following: OwnerKey | None, ttl: tuple[int, int]
) -> Iterator[str]:
    """What is wrong with a record, but for its types. `ttl`: its own, and what it has to be."""
    name = new.name(owner, NSEC3)
    if digest_of(owner) is None:
        yield f"{name}: the owner isn't a hash"
    if isinstance(found, str):
        yield f"{name}: {found}"
    elif found.next_owner != following:
        yield f"{name}: leads to {new.name(found.next_owner)}, which isn't the next hash"
    if ttl[0] != ttl[1]:
        yield f"{name}: TTL {ttl[0]}; negative answers have TTL {ttl[1]} (RFC 9077)"


def are_alike(old: Served, changes: Iterable[Change], parameters: Parameters) -> bool:
    """Whether all records that changed, and the one at the apex before, have the same opt-out flag."""
    at_apex = hashed_owner(parameters.hash(old.apex))
    payloads = [old.tree.payload(rr_key(at_apex, NSEC3))]
    for node, before in changes:
        payloads += [node.types.get(NSEC3), before.get(NSEC3)]
    links = [link(parameters, payload) for payload in payloads if payload is not None]
    return len({found.opt_out for found in links if isinstance(found, Link)}) == 1


class Mended:
    """What is wrong with the chain of a version, where it may differ from that of another, which was right."""

    def __init__(self, old: Served, new: Served, parameters: Parameters, ttl: int) -> None:
        self._old = old
        self._new = new
        self._parameters = parameters
        self._ttl = ttl
        self._required: set[OwnerKey] = set()
        """Names above those that changed and that opt-out can't leave out."""

    def faults(self, changes: Sequence[Change]) -> Iterator[str]:
        """`changes` has every owner that differs."""
        names = self._names(changes)
        for digest, owner in names.items():
            yield from self._name_faults(digest, owner)
        digests = {hashed_owner(digest) for digest in names}
        looked_at: set[OwnerKey] = set()
        for node, before in changes:
            payload = node.types.get(NSEC3)
            if payload is None and NSEC3 not in before:
                continue
            if node.key not in digests and not self._may_differ(node.key, before.get(NSEC3), payload):
                yield f"{self._new.name(node.key, NSEC3)}: changed, but no name that changed has this hash"
            around = [node.key] if payload is not None else []
            if (payload is None) != (NSEC3 not in before) and (previous := self._new.hashed_before(node.key)):
                around.append(previous)
            for owner in around:
                if owner not in looked_at:
                    looked_at.add(owner)
                    yield from self._link_faults(owner)

    def _names(self, changes: Iterable[Change]) -> dict[bytes, OwnerKey]:
        """The names that changed and those above them, by their hashes."""
        owners: dict[OwnerKey, None] = {}
        for node, before in changes:
            was_hashed = NSEC3 in before and before.keys() <= {NSEC3, RRSIG}
            if node.place is Place.HASHED or (was_hashed and not node.types):
                continue
            owners.update(dict.fromkeys((node.key, *keys_above(node.key))))
            if node.types and node.in_chain and not wanted(node).optional:
                self._required.update(keys_above(node.key))
        return {self._parameters.hash(key_owner(owner) + self._new.apex): owner for owner in owners}

    def _name_faults(self, digest: bytes, owner: OwnerKey) -> Iterator[str]:
        hashed = hashed_owner(digest)
        key = rr_key(hashed, NSEC3)
        payload = self._new.tree.payload(key)
        need = self._wanted(owner, may_ask=self._old.tree.payload(key) is not None)
        name = self._new.name(owner)
        if payload is None:
            if need is None or (need.optional and self._is_opted_out(hashed)):
                return
            yield f"{name}: no NSEC3 record has the hash of this name"
        elif need is None:
            yield f"{name}: has an NSEC3 record, and doesn't exist"
        elif isinstance(found := link(self._parameters, payload), Link) and (
            fault := bitmaps.fault(found.bitmap, need.types)
        ):
            yield f"{name}: its NSEC3 record {fault}"

    def _wanted(self, owner: OwnerKey, *, may_ask: bool) -> Wanted | None:
        """None for what isn't a name of the zone. `may_ask`: all names below an empty one may have to be looked at:
        it had a record before. Else those that aren't optional are among the changes.
        """
        node = self._new.node(owner)
        if node.types:
            return wanted(node) if node.in_chain else None
        if node.place is Place.OCCLUDED or not self._new.has_below(owner):
            return None
        required = owner in self._required or (may_ask and self._has_required(owner))
        return Wanted(frozenset(), optional=not required)

    def _has_required(self, owner: OwnerKey) -> bool:
        below = (self._new.node(each) for each in self._new.tree.below(owner))
        return any(not wanted(node).optional for node in below if node.in_chain)

    def _is_opted_out(self, hashed: OwnerKey) -> bool:
        covering = self._new.hashed_before(hashed)
        payload = covering and self._new.tree.payload(rr_key(covering, NSEC3))
        found = link(self._parameters, payload) if payload else None
        return isinstance(found, Link) and found.opt_out

    def _may_differ(self, owner: OwnerKey, before: bytes | None, payload: bytes | None) -> bool:
        """Whether a record may change though its name does not: it leads on elsewhere, or opt-out leaves it out."""
        old = link(self._parameters, before) if before else None
        new = link(self._parameters, payload) if payload else None
        if not isinstance(old, Link):
            return False
        if payload is None:
            return old.bitmap in _OPTIONAL and self._is_opted_out(owner)
        return isinstance(new, Link) and old.bitmap == new.bitmap

    def _link_faults(self, owner: OwnerKey) -> Iterator[str]:
        payload = self._new.tree.payload(rr_key(owner, NSEC3))
        if payload is not None:
            found = link(self._parameters, payload)
            following = self._new.hashed_after(owner)
            yield from link_faults(self._new, owner, found, following, (ttl_of(payload), self._ttl))
