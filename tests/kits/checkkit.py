"""Zones as text, and what the checks find in them."""

import io
from collections.abc import Iterator, Mapping

from zonegit.model.names import OwnerKey, owner_key, owner_text, parse_apex
from zonegit.model.rrset import RRKey, key_parts
from zonegit.zonefile.check import check_entries
from zonegit.zonefile.findings import Finding
from zonegit.zonefile.reader import read_zone

APEX = parse_apex("example.com.")
ZONE = "@ 60 SOA ns.example.net. h 1 2 3 4 5\n@ NS ns.example.net.\n"
Entries = list[tuple[RRKey, bytes]]


class Zone(dict[OwnerKey, dict[int, bytes]]):
    """Stored RRsets by owner and type, as the checks look them up."""

    def at(self, owner: OwnerKey) -> Mapping[int, bytes]:
        return self.get(owner, {})

    def below(self, owner: OwnerKey) -> Iterator[OwnerKey]:
        return (found for found in sorted(self) if found.startswith(owner) and found != owner)


def by_owner(entries: Entries) -> Zone:
    zone = Zone()
    for key, payload in entries:
        owner, rtype = key_parts(key)
        zone.setdefault(owner_key(owner), {})[rtype] = payload
    return zone


def entries_of(text: str) -> Entries:
    return read_zone(io.BytesIO(text.encode()), name="zone", origin=APEX).entries


def owners_of(text: str) -> Zone:
    return by_owner(entries_of(text))


def findings(text: str) -> list[Finding]:
    """What is found in a zone that holds these records beside its SOA and NS."""
    return check_entries(APEX, entries_of(ZONE + text))


def names(text: str) -> list[str]:
    """The owner and check of each finding."""
    return [f"{owner_text(found.owner)} {found.check}" for found in findings(text)]
