"""Checks on a zone's structure, beyond well-formed records (RFC 1034 §3.6 and §4.2, RFC 2181 §10, RFC 6672 §2.4).

They look at given owners and at what is above them: the apex, and the delegation or DNAME that covers them. If a
change occludes other data (a new cut or DNAME), uncovers it, or removes the target of another owner's records, the
caller has to give those owners too.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from zonegit.model.names import APEX_KEY, OwnerKey, WireName, key_owner, owner_key, parent_key
from zonegit.model.rdata import AAAA, DNAME, DS, MX, NS, NSEC, NSEC3, RRSIG, SOA, SRV, TXT, A
from zonegit.model.rrset import RRKey, record_count
from zonegit.zonefile.findings import Finding, Findings
from zonegit.zonefile.hostnames import HOSTED, check_host, is_host, is_host_owner
from zonegit.zonefile.mistaken import LEADING, SIGNING, check_ends, check_stray
from zonegit.zonefile.progress import Report, silent
from zonegit.zonefile.sizes import SMALL, is_small, sizes
from zonegit.zonefile.structure import STRUCTURAL, Found, structure, type_list
from zonegit.zonefile.targets import ADDRESSES, Targets
from zonegit.zonefile.zone_lookup import Cover, Owners, Types, ZoneLookup, named

_JUDGED: Final = STRUCTURAL | {MX, SRV, DS}
"""An owner without any of these types that nothing covers needs no checks but those of its name and size, and of
what it leads to.
"""
_WATCHED: Final = _JUDGED | LEADING | SIGNING
"""An owner without any of these types that nothing covers needs no checks but those of its name and size."""
_PLAIN: Final = frozenset(rtype.to_bytes(2, "big") for rtype in (A, AAAA, TXT))
"""Types of which an owner may have a few records each without any check but those of its name and size."""
_REPORT_EVERY: Final = 1 << 13
_AT_A_CUT: Final = ADDRESSES | {NS, DS, RRSIG, NSEC, NSEC3, DNAME}


def check_owners(apex: WireName, owners: Iterable[OwnerKey], zone: Owners) -> list[Finding]:
    """The findings at these owners, at the apex and at the cuts above them, in canonical order."""
    return _Check(apex, zone).run((owner, zone.at(owner)) for owner in owners)


def check_entries(apex: WireName, entries: Sequence[tuple[RRKey, bytes]], report: Report = silent) -> list[Finding]:
    """The findings of a whole zone, whose entries are in canonical order."""
    listed = _Listed(entries, report)
    check = _Check(apex, listed)
    return check.run(listed.located(skips=check.passes_hosts))


def check_listed(
    apex: WireName, owners: Iterable[OwnerKey], entries: Sequence[tuple[RRKey, bytes]]
) -> list[Finding]:
    """The findings at some owners of a zone whose entries are given, in canonical order."""
    return check_owners(apex, owners, _Listed(entries, silent))


class _Listed(NamedTuple):
    """A zone's entries in canonical order, with the look-ups that checks need."""

    entries: Sequence[tuple[RRKey, bytes]]
    report: Report

    def at(self, owner: OwnerKey) -> dict[int, bytes]:
        first = RRKey(owner + b"\0")
        at = bisect_left(self.entries, (first, b""))
        found: dict[int, bytes] = {}
        while at < len(self.entries) and self.entries[at][0].startswith(first):
            key, payload = self.entries[at]
            found[int.from_bytes(key[-2:], "big")] = payload
            at += 1
        return found

    def below(self, owner: OwnerKey) -> Iterator[OwnerKey]:
        at = bisect_left(self.entries, (RRKey(owner + b"\1"), b""))
        previous = owner
        while at < len(self.entries) and self.entries[at][0].startswith(owner):
            found = OwnerKey(self.entries[at][0][:-3])
            if found != previous:
                previous = found
                yield found
            at += 1

    def located(self, *, skips: bool) -> Iterator[tuple[OwnerKey, Types]]:
        """Each owner once, in canonical order, with its RRsets.

        With `skips`, owners are left out that hold a few addresses or texts and nothing else, and are one label
        of letters and digits: most of those of a large zone.
        """
        entries = self.entries
        done = 0
        for at, (key, payload) in enumerate(entries):
            if not at % _REPORT_EVERY:
                self.report(at / len(entries))
            if at < done or (skips and key[-2:] in _PLAIN and key[:-4].isalnum() and len(payload) <= SMALL):
                continue
            owner = OwnerKey(key[:-3])
            start = at
            while start and entries[start - 1][0][:-3] == owner:
                start -= 1  # to what was left out
            types: dict[int, bytes] = {}
            done = start
            while done < len(entries) and entries[done][0][:-3] == owner:
                found, rrset = entries[done]
                types[found[-2] << 8 | found[-1]] = rrset
                done += 1
            yield owner, types


class _Check:
    def __init__(self, apex: WireName, zone: Owners) -> None:
        self._lookup = ZoneLookup(apex, zone)
        self._targets = Targets(self._lookup)
        self._found = Findings()
        self._cuts: set[OwnerKey] = set()
        self._glue: set[OwnerKey] = set()
        self._covered_addresses: list[tuple[OwnerKey, OwnerKey]] = []
        self._apex_is_host = is_host(apex)

    @property
    def passes_hosts(self) -> bool:
        """Whether an owner of a few addresses and texts, one label of letters and digits, needs no checks."""
        return self._apex_is_host and self._lookup.cover(APEX_KEY) is None

    def run(self, located: Iterable[tuple[OwnerKey, Types]]) -> list[Finding]:
        lookup = self._lookup
        cover_below = lookup.cover
        apex_size = len(lookup.apex)
        signed = RRSIG in lookup.at_apex
        self._check_apex()
        parent, cover = APEX_KEY, cover_below(APEX_KEY)
        for owner, types in located:
            above = parent_key(owner) if owner else APEX_KEY
            if above != parent:
                parent, cover = above, cover_below(above)
            covered = cover if owner else None
            is_watched = covered is not None or not _WATCHED.isdisjoint(types)
            if is_watched and (covered is not None or not _JUDGED.isdisjoint(types)):
                self._check(owner, types, covered)
            if not HOSTED.isdisjoint(types) and not (self._apex_is_host and is_host_owner(owner)):
                self._find(owner, check_host(types))
            if is_watched and not LEADING.isdisjoint(types) and (ends := check_ends(lookup.apex, types)):
                self._find(owner, ends)
            if is_watched and not signed and not SIGNING.isdisjoint(types):
                self._find(owner, check_stray(types))
            if not is_small(types):
                self._find(owner, sizes(apex_size, owner, types))
        for owner, cut in self._covered_addresses:
            if owner not in self._glue:
                message = f"addresses {self._occluded_by(cut)}, which no NS record needs as glue"
                self._find(owner, [("unused-glue", message)])
        return sorted(self._found.listed(), key=lambda found: owner_key(found.owner))

    def _check_apex(self) -> None:
        types = self._lookup.at_apex
        if SOA not in types:
            self._find(APEX_KEY, [("no-soa", "no SOA record; a zone has exactly one, at its apex")])
        elif record_count(types[SOA]) > 1:
            self._find(APEX_KEY, [("two-soas", "more than one SOA record")])
        if NS not in types:
            self._find(APEX_KEY, [("no-ns", "no NS records at the apex")])
        if DS in types:
            message = "DS records at the apex belong to the parent; BIND refuses the zone as a primary"
            self._find(APEX_KEY, [("apex-ds", message)])
        self._find(APEX_KEY, structure(APEX_KEY, types))
        self._check_servers(APEX_KEY, types)
        self._find(APEX_KEY, self._targets.check_targets(types))

    def _check(self, owner: OwnerKey, types: Types, cover: Cover | None) -> None:
        if not owner:
            return
        self._find(owner, structure(owner, types))
        if cover is not None:
            self._check_covered(owner, named(types), cover)
        elif NS in types:
            self._lookup.learn(owner, types)
            self._check_cut(owner, types)
        else:
            if DS in types:
                self._find(owner, [("ds-without-ns", "DS records without a delegation")])
            self._find(owner, self._targets.check_targets(types))
            self._find(owner, self._targets.check_alias(types))

    def _check_covered(self, owner: OwnerKey, types: Types, cover: Cover) -> None:
        if cover.is_cut and cover.owner not in self._cuts:
            self._check_cut(cover.owner, self._lookup.at(cover.owner))
        if not types:
            return
        if not cover.is_cut or cover.dname is not None:
            self._find(owner, [self._below_dname(cover)])
            return
        hidden = [rtype for rtype in types if rtype not in ADDRESSES and rtype != RRSIG]
        if hidden:
            self._find(owner, [("occluded", f"{type_list(hidden)} {self._occluded_by(cover.owner)}")])
        else:
            self._covered_addresses.append((owner, cover.owner))

    def _below_dname(self, cover: Cover) -> Found:
        dname = self._lookup.text(cover.owner if cover.dname is None else cover.dname)
        if not cover.is_cut:
            return "below-dname", f"data below the DNAME at {dname}"
        message = f"data below the DNAME at {dname}, {self._occluded_by(cover.owner)}; Knot and NSD refuse the zone"
        return "occluded-below-dname", message

    def _occluded_by(self, cut: OwnerKey) -> str:
        return f"occluded by the delegation at {self._lookup.text(cut)}"

    def _check_cut(self, owner: OwnerKey, types: Types) -> None:
        if owner in self._cuts:
            return
        self._cuts.add(owner)
        hidden = [rtype for rtype in types if rtype not in _AT_A_CUT]
        if hidden:
            self._find(owner, [("occluded", f"{type_list(hidden)} occluded by the delegation here")])
        if DNAME in types:
            message = "DNAME occluded by the delegation here; Knot refuses the zone"
            self._find(owner, [("dname-and-ns", message)])
        self._check_servers(owner, types)
        if not ADDRESSES.isdisjoint(types):
            self._covered_addresses.append((owner, owner))

    def _check_servers(self, owner: OwnerKey, types: Types) -> None:
        servers = list(self._targets.ends(NS, types))
        self._glue.update(end.key for _, end in servers if end.key is not None)
        self._find(owner, self._targets.check_servers(owner, servers))

    def _find(self, owner: OwnerKey, found: Iterable[Found]) -> None:
        for check, message in found:
            self._found.add(check, key_owner(owner), message)
