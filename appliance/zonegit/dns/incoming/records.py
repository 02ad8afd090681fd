"""Reads the records of an answer into stored RRs (docs/format.md): the names decompressed, RDATA in canonical form.

A large zone spends most of its transfer here, so the common record costs few operations: an owner that is one label
before the apex, and RDATA that is an address or ends with a name, are told by their first bytes and copied.

Refused: records cut short, owners outside of the zone, SOA records below its apex, classes other than IN, types
that never are in a zone, RDATA that doesn't fit its type, compression pointers that don't lead back or are chained,
and names compressed in RDATA of other types than those in which RFC 3597 §4 has receivers expect it. TTLs above
2**31 - 1 become 0 (RFC 2181 §8).
"""

from typing import Final, cast

from zonegit.dns.incoming.envelope import Body
from zonegit.dns.wire.encode import COMPRESSED
from zonegit.dns.wire.message import HEADER_SIZE, skip_name
from zonegit.errors import InvalidRecord, OutOfZone, TransferError
from zonegit.model.names import (
    MAX_LABEL,
    MAX_NAME,
    ROOT,
    Owner,
    WireName,
    lower,
    owner_key,
    relative,
)
from zonegit.model.rdata import AAAA, CLASS_IN, NAPTR, RRSIG, SOA, SRV, TXT, A, canonical, is_canonical
from zonegit.model.rrset import APEX_POINTER, RRKey
from zonegit.zonefile.types import cannot_stand, is_meta, type_text

_HOPS: Final = 127
"""Compression pointers that one name may take: as many as a name may have labels."""
_IN: Final = CLASS_IN.to_bytes(2, "big")
_SIZES: Final = {rtype.to_bytes(2, "big") + _IN: size for rtype, size in ((A, 4), (AAAA, 16))}
_NAMES: Final = {rtype.to_bytes(2, "big") + _IN: layout for rtype, layout in COMPRESSED.items()}
"""Type and class -> bytes before the names, number of names, bytes after them."""
_LAST_NAME: Final = {kind: skip for kind, (skip, count, rest) in _NAMES.items() if count == 1 and not rest}
"""Those whose RDATA ends with its only name -> bytes before it."""
_SOA: Final = SOA.to_bytes(2, "big") + _IN
_SIGNATURE: Final = RRSIG.to_bytes(2, "big")
_TXT: Final = TXT.to_bytes(2, "big") + _IN
_MAYBE: Final = {
    17: (0, 2),
    18: (2, 1),
    21: (2, 1),
    24: (18, 1),
    26: (2, 2),
    30: (0, 1),
    SRV: (6, 1),
    NAPTR: (4, 1),
}
"""Other types in which a receiver decompresses names: bytes before them (for NAPTR before its strings), number."""

Place = tuple[bytes, bytes]
"""Where one owner's records go: the beginning of their keys (owner key, `00`) and of their RRs (owner, `C0 0C`)."""


class RecordReader:
    """Reads the answer sections of one transfer, message by message."""

    def __init__(self, apex: WireName) -> None:
        self._apex = apex
        self._at_apex: Place = (b"\0", APEX_POINTER)
        self._message = b""
        self._names: dict[int, bytes] = {}
        """Where a name is in the message -> the whole name in lowercase."""
        self.high_ttls = 0
        """How many TTLs above 2**31 - 1 were read."""

    def read(self, body: Body) -> tuple[list[RRKey], list[bytes]]:
        """The keys and stored RRs of a message's answer section, in its order; an SOA has its serial.

        `TransferError` if anything in the message can't be read, or can't be in the zone.
        """
        try:
            keys, rrs = self._read(body)
            return cast("list[RRKey]", keys), rrs  # a call of `RRKey` for each takes a tenth of the time
        except IndexError:
            raise TransferError("a record is cut short") from None
        except (OutOfZone, InvalidRecord) as error:
            what = "a record isn't in the zone: " if isinstance(error, OutOfZone) else ""
            raise TransferError(f"{what}{error}") from None

    def _read(self, body: Body) -> tuple[list[bytes], list[bytes]]:
        message = self._message = body.message
        names = self._names = {}
        places: dict[int, Place] = {}
        apex = self._apex
        direct = HEADER_SIZE if body.question else -1
        if body.question:
            names[HEADER_SIZE] = apex
            places[HEADER_SIZE] = self._at_apex
        room = min(MAX_LABEL, MAX_NAME - 1 - len(apex))
        last = len(message)
        at = body.start
        keys: list[bytes] = []
        rrs: list[bytes] = []
        for _ in range(body.answers):
            # 1. The owner. Most are one label before the apex, or a pointer to an owner that was read before.
            size = message[at]
            if 0 < size <= MAX_LABEL and message[(end := at + 1 + size)] == 0xC0 and message[end + 1] == direct:
                owner = message[at : end + 2].lower()
                key = owner[1:-2]
                if not key.isalnum() and (0 in key or 1 in key):
                    key = owner_key(Owner(owner[:-2]))[:-1]
                places[at] = key, owner = key + b"\0\0", owner
                at = end + 2
            elif size >= 0xC0:
                start = (size & 0x3F) << 8 | message[at + 1]
                key, owner = places.get(start) or self._place(at, start, places)
                at += 2
            else:
                key, owner = self._place(at, at, places)
                at = self._end
            # 2. What is between owner and RDATA.
            kind = message[at : at + 4]
            rdata = at + 10
            end = rdata + (message[at + 8] << 8 | message[at + 9])
            if end > last:
                raise IndexError
            keys.append(key + kind[:2])
            # 3. RDATA. If it is as it is to be stored, so is the rest of the record.
            size = _SIZES.get(kind, 0)
            if size and end - rdata == size and message[at + 4] < 0x80:
                rrs.append(owner + message[at:end])
            elif kind in _NAMES:
                # A name, too, is mostly one label before the apex.
                name = rdata + _LAST_NAME.get(kind, last)
                size = end - name - 3
                if (
                    0 < size <= room
                    and message[name] == size
                    and message[end - 2] == 0xC0
                    and (message[end - 1] == direct and message[at + 4] < 0x80)
                ):
                    text = message[rdata:name] + message[name : end - 2].lower() + apex
                    rrs.append(owner + message[at : at + 8] + len(text).to_bytes(2, "big") + text)
                else:
                    rrs.append(owner + self._with_names(at, end, _NAMES[kind]))
                    if kind == _SOA and owner != APEX_POINTER:
                        raise TransferError("a SOA record is below the zone's apex")
            elif kind == _TXT and end > rdata and rdata + 1 + message[rdata] == end and message[at + 4] < 0x80:
                rrs.append(owner + message[at:end])
            else:
                rrs.append(owner + self._general(at, end))
            at = end
        self._skip(at, body.others)
        return keys, rrs

    def _place(self, at: int, start: int, places: dict[int, Place]) -> Place:
        """The place of the owner at `at`, which is `start` or a pointer to it. `_end` becomes where it ends."""
        name, self._end = self._name(at)
        owner = relative(name, self._apex)
        place = (owner_key(owner) + b"\0", owner + APEX_POINTER)
        places[start] = place
        return place

    def _name(self, at: int) -> tuple[WireName, int]:
        """The whole name at `at` in lowercase, and where it ends there (RFC 1035 §4.1.4)."""
        message, names = self._message, self._names
        start = bound = at
        end = size = hops = 0
        parts: list[bytes] = []
        while label := message[at]:
            if label >= 0xC0:
                end = end or at + 2
                at = (label & 0x3F) << 8 | message[at + 1]
                if at >= bound or at < HEADER_SIZE:
                    raise TransferError("a compression pointer doesn't lead back to a name")
                if known := names.get(at):
                    parts.append(known)
                    break
                bound = at
                hops += 1
                if hops > _HOPS:
                    raise TransferError("a name is a chain of compression pointers")
            elif label > MAX_LABEL:
                raise TransferError("a name has an unknown label type (RFC 6891 §5)")
            else:
                parts.append(message[at : at + 1 + label])
                at += 1 + label
                size += 1 + label
                if size >= MAX_NAME:
                    raise TransferError("a name is too long")
        else:
            parts.append(ROOT)
            end = end or at + 1
        name = WireName(lower(b"".join(parts)))
        if len(name) > MAX_NAME:
            raise TransferError("a name is too long")
        names[start] = name
        return name, end

    def _with_names(self, at: int, end: int, layout: tuple[int, int, int]) -> bytes:
        """A record from its type on; its RDATA is names between bytes, as `layout` says."""
        message = self._message
        skip, count, tail = layout
        place = at + 10 + skip
        parts = [message[at + 10 : place]]
        for _ in range(count):
            name, place = self._name(place)
            parts.append(name)
        if place + tail != end:
            raise self._misfit(at, f"its RDATA has {end - at - 10} bytes; its fields make {place + tail - at - 10}")
        parts.append(message[place:end])
        return self._rr(at, b"".join(parts))

    def _general(self, at: int, end: int) -> bytes:
        """The same for RDATA of any type."""
        message = self._message
        rtype = message[at] << 8 | message[at + 1]
        if message[at + 2 : at + 4] != _IN:
            raise TransferError(f"a record has the class {message[at + 2] << 8 | message[at + 3]}, not IN")
        if is_meta(rtype):
            raise TransferError(cannot_stand(rtype))
        rdata = self._decompressed(rtype, at + 10, end) if rtype in _MAYBE else message[at + 10 : end]
        try:
            if not is_canonical(rtype, rdata):
                rdata = canonical(rtype, rdata)
        except InvalidRecord as error:
            raise self._misfit(at, str(error)) from None
        if rtype == RRSIG and rdata[4] & 0x80:
            raise self._misfit(at, "its Original TTL is above 2147483647 seconds")
        return self._rr(at, rdata)

    def _decompressed(self, rtype: int, at: int, end: int) -> bytes:
        """RDATA of a type in which names may be compressed, although they shouldn't be (RFC 3597 §4)."""
        message = self._message
        skip, count = _MAYBE[rtype]
        place = at + skip
        if rtype == NAPTR:
            for _ in range(3):
                place += 1 + message[place]
        parts = [message[at:place]]
        for _ in range(count):
            if place >= end:
                break  # the RDATA is cut short, which `canonical` reports
            name, place = self._name(place)
            parts.append(name)
        if place > end:
            raise self._misfit(at - 10, "its RDATA ends inside of a name")
        return b"".join([*parts, message[place:end]])

    def _rr(self, at: int, rdata: bytes) -> bytes:
        """A record from its type on, with this RDATA and the TTL that it is stored with."""
        fixed = self._message[at : at + 8]
        if fixed[:2] == _SIGNATURE:
            fixed = fixed[:4] + rdata[4:8]
        elif fixed[4] & 0x80:
            self.high_ttls += 1
            fixed = fixed[:4] + bytes(4)
        return fixed + len(rdata).to_bytes(2, "big") + rdata

    def _misfit(self, at: int, why: str) -> TransferError:
        rtype = self._message[at] << 8 | self._message[at + 1]
        return TransferError(f"a record of type {type_text(rtype)} doesn't fit it: {why}")

    def _skip(self, at: int, others: int) -> None:
        """Skip the records of the other sections, and see that nothing follows them."""
        message = self._message
        for _ in range(others):
            at = skip_name(message, at)
            if not at:
                raise IndexError
            at += 10 + (message[at + 8] << 8 | message[at + 9])
        if at != len(message):
            raise TransferError("a message is cut short, or has bytes after its last record")
