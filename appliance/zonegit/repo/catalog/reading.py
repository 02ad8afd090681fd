"""Reads a catalog zone: its members, or what breaks it (RFC 9432 §4).

Records that mean nothing here are ignored, as are unknown properties, types that a known property doesn't have, and
properties of nodes without a member. A known property with an impossible value breaks the catalog, and so do two
zones at one node, or two nodes with one zone.
"""

from collections.abc import Iterable
from typing import Final

from zonegit.errors import InvalidName
from zonegit.model.names import WireName, labels, to_text
from zonegit.model.rdata import PTR, TXT
from zonegit.model.refs import check_zone
from zonegit.model.rrset import RRset
from zonegit.repo.catalog.values import VERSION, Broken, Catalog, Member, ident_text

_NAMED: Final = 10
"""The most reasons that are listed."""


def read_catalog(name: str, rrsets: Iterable[RRset]) -> Catalog | Broken:
    """What the records of a zone say as a catalog. `name`: its canonical name; owners are relative to it."""
    found = _Found()
    for rrset in rrsets:
        found.take(rrset)
    return found.result(name)


class _Found:
    """What was read so far."""

    def __init__(self) -> None:
        self.version: RRset | None = None
        self.zones: dict[bytes, RRset] = {}
        """By the label of the member node, as the next two."""
        self.groups: dict[bytes, RRset] = {}
        self.coo: dict[bytes, RRset] = {}

    def take(self, rrset: RRset) -> None:
        parts = labels(WireName(rrset.owner + b"\0"))
        if len(parts) == 1 and parts[0] == b"version" and rrset.rtype == TXT:
            self.version = rrset
        if len(parts) not in (2, 3) or parts[-1] != b"zones":
            return
        if len(parts) == 2 and rrset.rtype == PTR:
            self.zones[parts[0]] = rrset
        elif len(parts) == 3 and (parts[0], rrset.rtype) == (b"group", TXT):
            self.groups[parts[1]] = rrset
        elif len(parts) == 3 and (parts[0], rrset.rtype) == (b"coo", PTR):
            self.coo[parts[1]] = rrset

    def result(self, name: str) -> Catalog | Broken:
        reasons = [*_version_faults(self.version)]
        members: dict[str, Member] = {}
        for ident, rrset in self.zones.items():
            try:
                member = self._member(ident, rrset)
            except (ValueError, InvalidName) as error:
                reasons.append(f"member {ident_text(ident)}: {error}")
                continue
            before = members.setdefault(member.zone, member)
            if before is not member:
                nodes = f"{ident_text(before.ident)} and {ident_text(ident)}"
                reasons.append(f"two members name {member.zone}: {nodes}")
        if reasons:
            more = len(reasons) - _NAMED
            return Broken(name, (*reasons[:_NAMED], *([f"and {more} more"] if more > 0 else [])))
        return Catalog(name, members)

    def _member(self, ident: bytes, rrset: RRset) -> Member:
        """`ValueError` or `InvalidName` with what breaks the catalog."""
        zone = check_zone(_one_name(rrset, "zone"))
        group, coo = self.groups.get(ident), self.coo.get(ident)
        groups = () if group is None else tuple(sorted(map(_text, group.rdatas)))
        return Member(zone, ident, groups, None if coo is None else _one_name(coo, "coo"))


def _version_faults(rrset: RRset | None) -> Iterable[str]:
    if rrset is None:
        yield "it has no version property: TXT at 'version'"
    elif len(rrset.rdatas) > 1:
        yield f"its version property has {len(rrset.rdatas)} records"
    elif rrset.rdatas[0] != bytes((len(VERSION),)) + VERSION:
        yield f'its version is "{_text(rrset.rdatas[0])}", and zonegit reads version "{VERSION.decode()}"'


def _one_name(rrset: RRset, what: str) -> str:
    if len(rrset.rdatas) > 1:
        names = ", ".join(map(to_text, rrset.rdatas[:3]))
        raise ValueError(f"its {what} property has {len(rrset.rdatas)} records ({names})")
    return to_text(rrset.rdatas[0])


def _text(rdata: bytes) -> str:
    """A TXT record's strings, joined; what isn't UTF-8 is escaped."""
    parts, at = [], 0
    while at < len(rdata):
        end = at + 1 + rdata[at]
        parts.append(rdata[at + 1 : end])
        at = end
    return b"".join(parts).decode(errors="backslashreplace")
