"""The zone that is being read: its apex, its one SOA, and its entries so far."""

from zonegit.errors import InvalidZone, ZoneFileError
from zonegit.model.names import Owner, WireName, lower, owner_key, relative, to_text
from zonegit.model.rdata import CLASS_IN, META_TYPES, RRSIG, SOA, soa_serial, with_serial
from zonegit.model.rrset import APEX_POINTER, FIXED, RRKey
from zonegit.zonefile.entries import Entries
from zonegit.zonefile.types import type_text

Place = tuple[bytes, bytes]
"""Where one owner's records go: the beginning of their keys (owner key, `00`) and of their RRs (owner, `C0 0C`)."""


class ZoneBuilder:
    """Takes records one by one; the apex is given, or is the owner of the SOA, which then has to come first."""

    def __init__(self, apex: WireName | None) -> None:
        self.apex = apex
        self.entries = Entries()
        self._soa: bytes | None = None

    def place(self, wire: WireName, rtype: int) -> Place:
        """Where a record of this absolute owner goes. Raises `OutOfZone`."""
        if self.apex is None:
            if rtype != SOA:
                raise InvalidZone("the first record isn't the SOA: begin with it, or use --zone")
            self.apex = WireName(lower(wire))
        return owner_place(relative(wire, self.apex))

    def add(self, place: Place, rtype: int, ttl: int, rdata: bytes) -> None:
        """Take one record with canonical RDATA."""
        if rtype in META_TYPES:
            raise InvalidZone(f"type {type_text(rtype)} can't stand in a zone")
        if rtype == SOA:
            rdata = self._take_soa(place, rdata)
        key, rr = place
        if rtype == RRSIG:
            ttl = int.from_bytes(rdata[4:8], "big")
        self.entries.add(
            RRKey(key + rtype.to_bytes(2, "big")), rr + FIXED.pack(rtype, CLASS_IN, ttl, len(rdata)) + rdata
        )

    def _take_soa(self, place: Place, rdata: bytes) -> bytes:
        if place[1] != APEX_POINTER:
            raise InvalidZone("a SOA below the apex; a zone has exactly one, at its apex")
        if self._soa not in (None, rdata):
            raise InvalidZone("a second SOA; a zone has exactly one")
        self._soa = rdata
        return with_serial(rdata, 0)

    def close(self, name: str) -> tuple[WireName, int]:
        """The apex and the SOA's serial, when all records are in."""
        if self.apex is None or self._soa is None:
            of = "" if self.apex is None else f" for {to_text(self.apex)}"
            raise ZoneFileError(f"{name}: no SOA record{of}; a zone has exactly one, at its apex")
        return self.apex, soa_serial(self._soa)


def owner_place(owner: Owner) -> Place:
    """The place of an owner relative to the apex."""
    return owner_key(owner) + b"\0", owner + APEX_POINTER
