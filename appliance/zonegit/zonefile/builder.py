"""A zone that is being read: its apex, its SOA, its entries and the reader's warnings so far."""

from zonegit.errors import InvalidRecord, InvalidZone, OutOfZone, ZoneFileError
from zonegit.model.names import (
    APEX,
    ROOT,
    Owner,
    WireName,
    absolute,
    is_doubled,
    lower,
    owner_key,
    owner_text,
    relative,
    to_text,
)
from zonegit.model.rdata import CLASS_IN, RRSIG, SOA, soa_serial, with_serial
from zonegit.model.rrset import APEX_POINTER, FIXED, RRKey
from zonegit.zonefile.entries import Entries
from zonegit.zonefile.findings import Finding, Findings
from zonegit.zonefile.transfer_text import Transfer

Place = tuple[bytes, bytes]
"""Where one owner's records go: the beginning of their keys (owner key, `00`) and of their RRs (owner, `C0 0C`)."""


class ZoneBuilder:
    """Takes records one by one; the apex is given, or is the owner of the SOA, which then has to come first.

    With `below` they are a part of a zone: this owner and what is below it, and nothing else.
    """

    def __init__(self, apex: WireName | None, below: Owner = APEX) -> None:
        self.apex = apex
        self.below = below
        self.entries = Entries()
        self._warnings = Findings()
        self.transfer = Transfer()
        self._soa: bytes | None = None
        self._foreign_soa: WireName | None = None

    def place(self, wire: WireName, rtype: int) -> Place:
        """Where a record of this absolute owner goes. Raises `OutOfZone`."""
        if self.apex is None:
            if rtype != SOA:
                raise InvalidZone("the first record isn't the SOA: put the SOA first, or use --zone")
            self.apex = WireName(lower(wire))
        if self.below:
            return owner_place(self._within(wire, self.apex))
        return owner_place(relative(wire, self.apex))

    def _within(self, wire: WireName, apex: WireName) -> Owner:
        top = absolute(self.below, apex)
        try:
            return Owner(relative(wire, top) + self.below)
        except OutOfZone:
            raise InvalidRecord(f"{to_text(wire)} is neither {to_text(top)} nor below it") from None

    def add(self, place: Place, rtype: int, ttl: int, rdata: bytes) -> None:
        """Take one record with canonical RDATA, of a type that may stand in a zone."""
        if rtype == SOA:
            rdata = self._take_soa(place, rdata)
        key, rr = place
        if rtype == RRSIG:
            ttl = int.from_bytes(rdata[4:8], "big")
        self.entries.add(
            RRKey(key + rtype.to_bytes(2, "big")), rr + FIXED.pack(rtype, CLASS_IN, ttl, len(rdata)) + rdata
        )

    def warn(self, check: str, message: str) -> None:
        """Add a warning; the message begins with its file and line."""
        self._warnings.add(check, APEX, message)

    def warnings(self) -> list[Finding]:
        """All of them."""
        return [*self._warnings.listed(), *self.entries.warnings.listed()]

    def ignore(self, line: str, wire: WireName, rtype: int) -> None:
        """Leave out a record whose owner isn't in the zone."""
        if rtype == SOA and self._foreign_soa is None:
            self._foreign_soa = wire
        self.warn("out-of-zone", f"{line}: {self._is_outside(wire)}; ignored")

    def _is_outside(self, wire: WireName) -> str:
        return f"{to_text(wire)} is outside of the zone {to_text(self.apex or b'')}"

    def _take_soa(self, place: Place, rdata: bytes) -> bytes:
        if place[1] != APEX_POINTER:
            raise InvalidZone(self._below_the_apex(Owner(place[1].removesuffix(APEX_POINTER))))
        if self._soa not in (None, rdata):
            raise InvalidZone("a second SOA; a zone has exactly one")
        self._soa = rdata
        self.transfer.soa(self.entries.count)
        return with_serial(rdata, 0)

    def _below_the_apex(self, owner: Owner) -> str:
        name = absolute(owner, self.apex or ROOT)
        what = f"a SOA below the apex, at {to_text(name)}"
        if is_doubled(name, self.apex or ROOT):
            return f"{what}: a final dot is missing after {owner_text(owner)}"
        return f"{what}; a zone has exactly one, at its apex"

    def close(self, name: str) -> tuple[WireName, int]:
        """The apex and the SOA's serial (0 for a part of a zone), when all records are in."""
        self.transfer.check(name, self.entries.count)
        if self.below and self.apex is not None:
            return self.apex, 0
        if self.apex is None or self._soa is None:
            of = "" if self.apex is None else f" for {to_text(self.apex)}"
            why = "a zone has exactly one, at its apex"
            if self._foreign_soa is not None:
                why = f"the one in the file is for {to_text(self._foreign_soa)}"
            raise ZoneFileError(f"{name}: no SOA record{of}; {why}")
        return self.apex, soa_serial(self._soa)


def owner_place(owner: Owner) -> Place:
    """The place of an owner relative to the apex."""
    return owner_key(owner) + b"\0", owner + APEX_POINTER
