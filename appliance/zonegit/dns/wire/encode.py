"""From a draft to bytes: sections in order, names compressed (RFC 1035 §4.1.4), within a size limit.

Owners, and names in RDATA of the types of RFC 1035 (RFC 3597 §4), point to the question or to their first
occurrence (`name_table`). Names in all other RDATA aren't compressed. The bytes depend on the question's name in
lowercase; those of a referral only on the cut and on the question's length.
"""

from struct import Struct
from typing import Final

from zonegit.dns.wire.message import HEADER_SIZE
from zonegit.dns.wire.name_table import NameTable
from zonegit.dns.wire.response import Draft
from zonegit.dns.wire.rrsets import RR_FIXED, Part, split
from zonegit.model.names import ROOT, WireName
from zonegit.model.rdata import CNAME, MB, MD, MF, MG, MINFO, MR, MX, NS, PTR, SOA, name_end, name_layout

COUNTS: Final = Struct(">HHH")

COMPRESSED: Final = {rtype: name_layout(rtype) for rtype in (NS, MD, MF, CNAME, SOA, MB, MG, MR, PTR, MINFO, MX)}
"""The types in whose RDATA names may be compressed (RFC 3597 §4) -> `name_layout`."""


class TooBig(Exception):
    """The records that must be sent exceed the size limit."""


def encode(draft: Draft, room: int, *, edns: bool) -> tuple[bytes, bytes]:
    """The three counts, which include the OPT that follows under EDNS, and the records, at most `room` bytes.

    `TooBig` if answer, authority and glue take more.
    """
    writer = _Writer(draft.name, draft.delegation or draft.name, room)
    answers = writer.put_all(draft.answer)
    authority = writer.put_all(draft.authority) if draft.authority else 0
    additional = writer.put_all(draft.glue) if draft.glue else 0
    for part in draft.additional:
        additional += writer.put_if_it_fits(part)
    return COUNTS.pack(answers, authority, additional + edns), bytes(writer.out)


class _Writer:
    """The bytes after the question, and the position of each name."""

    __slots__ = ("_at_question", "_base", "_known", "_names", "_room", "out")

    def __init__(self, qname: WireName, known: WireName, room: int) -> None:
        """`known` is the part of the question's name that other names may point to."""
        self.out = bytearray()
        self._known = known
        self._at_question = known if known is qname and qname != ROOT else None
        self._base = HEADER_SIZE + len(qname) + 4
        self._room = room
        self._names: NameTable | None = None
        """Created when the first name is written: many answers have none."""

    def put_all(self, parts: list[Part]) -> int:
        """Write parts; returns the number of records. `TooBig` as soon as they don't fit."""
        total = 0
        for part in parts:
            self._put(part)
            total += part[2]
        return total

    def put_if_it_fits(self, part: Part) -> int:
        """Write a whole part or nothing; returns the number of records written."""
        mark = len(self.out)
        if part[1] not in COMPRESSED and mark + len(part[3]) > self._room:  # an owner takes two bytes at least
            return 0
        try:
            self._put(part)
        except TooBig:
            del self.out[mark:]
            if self._names is not None:
                self._names.forget(self._base + mark)
            return 0
        return part[2]

    def _put(self, part: Part) -> None:
        owner, rtype, records, rrs = part
        out = self.out
        layout = COMPRESSED.get(rtype)
        if layout is not None:
            self._put_with_names(owner, rrs, layout)
        elif owner == self._at_question:
            out += rrs
        elif records == 1:
            out += self._name(owner)
            out += rrs[2:]
        else:
            self._put_many(owner, rrs)
        if len(out) > self._room:
            raise TooBig

    def _put_many(self, owner: bytes, rrs: bytes) -> None:
        """Write RRs in which only the owner is compressed."""
        out = self.out
        for rr in split(rrs):
            out += self._name(owner)
            out += rr[2:]
            if len(out) > self._room:
                raise TooBig

    def _put_with_names(self, owner: bytes, rrs: bytes, layout: tuple[int, int, int]) -> None:
        """Write RRs with the names in their RDATA compressed."""
        out = self.out
        skip, names, rest = layout
        for rr in split(rrs):
            out += self._name(owner)
            at = RR_FIXED + skip
            out += rr[2:at]
            start = len(out) - skip
            for _ in range(names - 1):
                stop = name_end(rr, at)
                out += self._name(rr[at:stop])
                at = stop
            stop = len(rr) - rest
            out += self._name(rr[at:stop])
            out += rr[stop:]
            out[start - 2 : start] = (len(out) - start).to_bytes(2, "big")  # RDLENGTH, known only now
            if len(out) > self._room:
                raise TooBig

    def _name(self, wire: bytes) -> bytes:
        """The compressed form of a name that is written at the end of `out` next."""
        names = self._names
        if names is None:
            names = self._names = NameTable(self._known, self._base - 4 - len(self._known))
        return names.short(wire, self._base + len(self.out))
