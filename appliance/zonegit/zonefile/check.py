"""What a zone must be beyond well-formed records (RFC 1034 §3.6 and §4.2, RFC 2181 §10, RFC 6672 §2.4).

Looks at given owners and at what stands above them: the apex, and the delegation or DNAME that covers them. It
never looks downward nor sideways: a change that covers other data (a new cut or DNAME), or takes away what another
owner points to, is judged whole by giving those owners too.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from zonegit.errors import OutOfZone
from zonegit.model.names import APEX_KEY, OwnerKey, WireName, key_owner, owner_key, relative, to_text
from zonegit.model.rdata import AAAA, CNAME, DNAME, DS, MX, NS, NSEC, RRSIG, SOA, SRV, A
from zonegit.model.rrset import RRKey, rdatas, record_count
from zonegit.zonefile.findings import Finding, finding
from zonegit.zonefile.types import type_text

At = Callable[[OwnerKey], Mapping[int, bytes]]
"""Type -> stored RRset at an owner; nothing where nothing stands."""

_JUDGED: Final = frozenset({NS, CNAME, SOA, MX, SRV, DNAME, DS})
"""An owner that holds none of these, with nothing above it, is fine."""
_BESIDE_CNAME: Final = frozenset({CNAME, 24, 25, 30, RRSIG, NSEC})  # SIG, KEY, NXT
_AT_A_CUT: Final = frozenset({NS, DS, RRSIG, NSEC, A, AAAA})
_ADDRESSES: Final = frozenset({A, AAAA})
_TARGET_AT: Final = {NS: 0, MX: 2, SRV: 6}
_ROOT: Final = b"\0"


def check_owners(apex: WireName, owners: Iterable[OwnerKey], at: At) -> list[Finding]:
    """Everything wrong with these owners, the apex and the cuts above them, in canonical order."""
    return _Check(apex, at).run(owners)


def check_entries(apex: WireName, entries: Sequence[tuple[RRKey, bytes]]) -> list[Finding]:
    """Everything wrong with a whole zone, whose entries are in canonical order."""
    listed = _Listed(entries)
    return check_owners(apex, listed.owners(), listed.at)


@dataclass(frozen=True, slots=True)
class _Listed:
    """A zone's entries in canonical order, with the look-up that checks need."""

    entries: Sequence[tuple[RRKey, bytes]]

    def at(self, owner: OwnerKey) -> dict[int, bytes]:
        first = RRKey(owner + b"\0")
        at = bisect_left(self.entries, (first, b""))
        found: dict[int, bytes] = {}
        while at < len(self.entries) and self.entries[at][0].startswith(first):
            key, payload = self.entries[at]
            found[int.from_bytes(key[-2:], "big")] = payload
            at += 1
        return found

    def owners(self) -> Iterator[OwnerKey]:
        """Each owner once, in canonical order."""
        previous = None
        for key, _ in self.entries:
            owner = key[:-3]
            if owner != previous:
                previous = owner
                yield OwnerKey(owner)


class _Check:
    def __init__(self, apex: WireName, at: At) -> None:
        self._apex = apex
        self._at = at
        self._found: list[tuple[OwnerKey, Finding]] = []
        self._covers: dict[OwnerKey, OwnerKey | None] = {APEX_KEY: APEX_KEY if DNAME in at(APEX_KEY) else None}
        self._cuts: set[OwnerKey] = set()
        self._glue: set[OwnerKey] = set()
        self._covered_addresses: list[tuple[OwnerKey, OwnerKey]] = []

    def run(self, owners: Iterable[OwnerKey]) -> list[Finding]:
        self._check_apex()
        at, covers = self._at, self._covers
        for owner in owners:
            types = at(owner)
            parent = _parent(owner)
            cover = covers[parent] if parent in covers else self._cover(parent)
            if (cover is not None or not _JUDGED.isdisjoint(types)) and owner:
                self._check(owner, types, cover)
        for owner, cut in self._covered_addresses:
            if owner not in self._glue:
                self._find(
                    "unused-glue",
                    owner,
                    f"addresses occluded by the delegation at {self._name(cut)}, and no glue either",
                )
        self._found.sort(key=lambda found: found[0])
        return [found for _, found in self._found]

    def _check_apex(self) -> None:
        types = self._at(APEX_KEY)
        if SOA not in types:
            self._find("no-soa", APEX_KEY, "no SOA record; a zone has exactly one, at its apex")
        elif record_count(types[SOA]) > 1:
            self._find("two-soas", APEX_KEY, "more than one SOA record")
        if NS not in types:
            self._find("no-ns", APEX_KEY, "no NS records at the apex")
        if DS in types:
            self._find("apex-ds", APEX_KEY, "DS records at the apex; they belong to the parent zone")
        self._check_singletons(APEX_KEY, types)
        for target in self._targets(NS, types):
            self._check_server(APEX_KEY, target, needed=True)
        self._check_targets(APEX_KEY, types)

    def _cover(self, owner: OwnerKey) -> OwnerKey | None:
        """The topmost delegation or DNAME at or above an owner."""
        line = []
        while owner not in self._covers:
            line.append(owner)
            owner = _parent(owner)
        cover = self._covers[owner]
        for below in reversed(line):
            if cover is None:
                types = self._at(below)
                cover = below if NS in types or DNAME in types else None
            self._covers[below] = cover
        return cover

    def _check(self, owner: OwnerKey, types: Mapping[int, bytes], cover: OwnerKey | None) -> None:
        if cover is not None:
            self._check_covered(owner, types, cover)
            return
        if SOA in types:
            self._find("soa-below-apex", owner, "a SOA below the apex; a zone has exactly one, at its apex")
        self._check_singletons(owner, types)
        if NS in types:
            self._check_cut(owner, types)
        else:
            if DS in types:
                self._find("ds-without-ns", owner, "DS records without a delegation")
            self._check_targets(owner, types)

    def _check_covered(self, owner: OwnerKey, types: Mapping[int, bytes], cover: OwnerKey) -> None:
        above = self._at(cover)
        if NS not in above or not cover:
            if types:
                self._find("below-dname", owner, f"data below the DNAME at {self._name(cover)}")
            return
        if cover not in self._cuts:
            self._check_singletons(cover, above)
            self._check_cut(cover, above)
        hidden = [rtype for rtype in types if rtype not in _ADDRESSES and rtype != RRSIG]
        if hidden:
            self._find("occluded", owner, f"{_list(hidden)} occluded by the delegation at {self._name(cover)}")
        elif types:
            self._covered_addresses.append((owner, cover))

    def _check_singletons(self, owner: OwnerKey, types: Mapping[int, bytes]) -> None:
        if CNAME in types:
            others = [rtype for rtype in types if rtype not in _BESIDE_CNAME]
            if others:
                self._find("cname-and-other", owner, f"CNAME beside other data ({_list(others)})")
            if record_count(types[CNAME]) > 1:
                self._find("two-cnames", owner, "more than one CNAME record")
        if DNAME in types and record_count(types[DNAME]) > 1:
            self._find("two-dnames", owner, "more than one DNAME record")

    def _check_cut(self, owner: OwnerKey, types: Mapping[int, bytes]) -> None:
        if owner in self._cuts:
            return
        self._cuts.add(owner)
        if owner == b"*\0" or owner.endswith(b"\0*\0"):
            self._find(
                "wildcard-ns",
                owner,
                "NS records at a wildcard; no resolver can follow such a delegation (RFC 4592 §4.2)",
            )
        hidden = [rtype for rtype in types if rtype not in _AT_A_CUT]
        if hidden:
            self._find("occluded", owner, f"{_list(hidden)} occluded by the delegation here")
        for target in self._targets(NS, types):
            self._check_server(owner, target, needed=False)
        if not _ADDRESSES.isdisjoint(types):
            self._covered_addresses.append((owner, owner))

    def _check_server(self, owner: OwnerKey, target: bytes, *, needed: bool) -> None:
        """A name server's name: `needed` when the zone itself can't be found without its address."""
        key = self._in_zone(target)
        if key is None:
            return
        self._glue.add(key)
        covered = self._cover(key) is not None
        types = self._at(key) if covered else self._answer(key)
        if CNAME in types:
            self._find("ns-cname", owner, f"NS target {to_text(target)} is a CNAME (RFC 2181 §10.3)")
        elif not _ADDRESSES.isdisjoint(types):
            return
        elif owner and key.startswith(owner):
            self._find(
                "missing-glue", owner, f"delegation without the glue it needs: {to_text(target)} has no address"
            )
        elif needed:
            self._find("ns-address", owner, f"NS target {to_text(target)} has no address in this zone")
        else:
            self._find("ns-address", owner, f"NS target {to_text(target)} has no address in this zone")

    def _check_targets(self, owner: OwnerKey, types: Mapping[int, bytes]) -> None:
        for rtype in (MX, SRV):
            for target in self._targets(rtype, types):
                key = self._in_zone(target)
                if target == _ROOT or key is None or self._cover(key) is not None:
                    continue
                found = self._answer(key)
                if CNAME in found:
                    self._find(
                        f"{type_text(rtype).lower()}-cname",
                        owner,
                        f"{type_text(rtype)} target {to_text(target)} is a CNAME (RFC 2181 §10.3)",
                    )
                elif _ADDRESSES.isdisjoint(found):
                    self._find(
                        f"{type_text(rtype).lower()}-address",
                        owner,
                        f"{type_text(rtype)} target {to_text(target)} has no address in this zone",
                    )

    def _targets(self, rtype: int, types: Mapping[int, bytes]) -> list[bytes]:
        payload = types.get(rtype)
        return [] if payload is None else [rdata[_TARGET_AT[rtype] :] for rdata in rdatas(payload)]

    def _in_zone(self, target: bytes) -> OwnerKey | None:
        if not target.endswith(self._apex):
            return None
        try:
            return owner_key(relative(target, self._apex))
        except OutOfZone:
            return None

    def _answer(self, key: OwnerKey) -> Mapping[int, bytes]:
        """What is answered for a name that nothing covers: its own records, or a wildcard's (RFC 4592 §3.3)."""
        types = self._at(key)
        while not types and key:
            key = _parent(key)
            types = self._at(OwnerKey(key + b"*\0"))
            if self._at(key):
                break
        return types

    def _name(self, owner: OwnerKey) -> str:
        return to_text(key_owner(owner) + self._apex)

    def _find(self, check: str, owner: OwnerKey, message: str) -> None:
        self._found.append((owner, finding(check, key_owner(owner), message)))


def _parent(owner: OwnerKey) -> OwnerKey:
    return OwnerKey(owner[: owner.rfind(b"\0", 0, -1) + 1])


def _list(rtypes: Iterable[int]) -> str:
    return ", ".join(type_text(rtype) for rtype in rtypes)
