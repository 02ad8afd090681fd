"""The state at one point of a zone file: origin, default TTL, last owner, and what was parsed under them before."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from zonegit.errors import InvalidRecord, OutOfZone, ZonegitError
from zonegit.model.names import MAX_LABEL, MAX_NAME, WireName, join, owner_key, relative, to_text
from zonegit.model.rdata import CLASS_IN, RRSIG, SOA
from zonegit.model.rrset import APEX_POINTER, MAX_TTL
from zonegit.zonefile.builder import Place, ZoneBuilder
from zonegit.zonefile.rdata_reading import Names, RdataParser
from zonegit.zonefile.record import split_head

Head = tuple[bytes, bytes, RdataParser, int | None, bool]
"""The fields between owner and RDATA of a common record, parsed: the type as in the key; type, class and TTL as
in the RR; the type's parser; the TTL if it is stated; whether the RDATA holds the TTL."""

OWNER: Final = r"[A-Za-z0-9_.*/-]*+|@"
"""An owner of plain characters."""
HEAD: Final = r"(?:(?:[0-9][0-9A-Za-z]*+|[Ii][Nn])[ \t]++){0,2}[A-Za-z][A-Za-z0-9-]*+"
"""What stands between owner and RDATA: TTL and class, each of which may be missing, and the type."""
_OWNER: Final = re.compile(OWNER).fullmatch
_HEAD: Final = re.compile(HEAD).fullmatch
_SIZES: Final = [bytes((size,)) for size in range(MAX_LABEL + 1)]
_MEMO: Final = 4096
_NO_BASE: Final = (b"", b"", 0)


class Scope:
    """One for a zone and all files that it is read from."""

    def __init__(self, builder: ZoneBuilder, common: Mapping[int, RdataParser], origin: WireName | None) -> None:
        self._builder = builder
        self._common = common
        self.heads: dict[str, Head | None] = {}
        self._bare: list[str] = []
        """Those of `heads` that state no TTL: a new default changes them."""
        self._default_ttl: int | None = None
        self.last_ttl: int | None = None
        """The last stated TTL, which records without one get while there is no $TTL (RFC 1035 §5.1)."""
        self.place: Place | None = None
        """Where the last owner's records go; None before the first owner, and if that is `outside` the zone."""
        self.outside: WireName | None = None
        self.set_origin(origin)

    @contextmanager
    def aside(self, origin: WireName | None) -> Iterator[None]:
        """Read an included file or generated records, with another `origin`, or the current one for None.

        Origin and owner are restored afterwards; TTLs stay in force (RFC 1035 §5.1, RFC 2308 §4).
        """
        before, place, outside = self.origin, self.place, self.outside
        if origin is not None:
            self.set_origin(origin)
        yield
        if self.origin != before:
            self.set_origin(before)
        self.place, self.outside = place, outside

    def enter(self, wire: WireName, rtype: int) -> None:
        """Set the last owner to the one that a record names."""
        try:
            self.place, self.outside = self._builder.place(wire, rtype), None
        except OutOfZone:
            self.place, self.outside = None, wire

    def set_origin(self, origin: WireName | None) -> None:
        """Set the origin of relative names from here on."""
        self.origin = origin
        self.names = Names(origin)
        self._apex: WireName | None = None

    def set_default_ttl(self, ttl: int) -> None:
        """Set the TTL of records without one, from here on (RFC 2308 §4)."""
        self._default_ttl = ttl
        self._forget_bare()

    def state_ttl(self, ttl: int) -> None:
        """Take the TTL that a record states."""
        self.last_ttl = ttl
        if self._default_ttl is None:
            self._forget_bare()

    def _forget_bare(self) -> None:
        for text in self._bare:
            self.heads.pop(text, None)
        self._bare.clear()

    def implied_ttl(self, rtype: int, rdata: bytes) -> int:
        """The TTL of a record without one. If none is set, a SOA gets its own 32-bit minimum (RFC 1035 §3.3.13)."""
        ttl = self.last_ttl if self._default_ttl is None else self._default_ttl
        if ttl is None and rtype == SOA:
            ttl = int.from_bytes(rdata[-4:], "big")
            self.set_default_ttl(ttl if ttl <= MAX_TTL else 0)
        if ttl is None:
            if rtype == RRSIG:
                return 0  # its Original TTL is used instead
            raise InvalidRecord("no TTL: neither on this record nor before it, and no $TTL")
        return ttl

    def plain_place(self, text: str) -> Place | None:
        """The place of an owner in ASCII; None if the full parser has to read it."""
        if self._builder.below or (self._apex is None and not self._learn_base()):
            return None
        text = text.lower()
        if text.isalnum() and len(text) <= MAX_LABEL and len(text) < self._base[2]:
            label = text.encode()  # most owners are one label
            return self._base[0] + label + b"\0\0", _SIZES[len(label)] + label + self._base[1]
        if not _OWNER(text):
            return None
        if text[-1] != ".":
            key_start, rr_end, room = self._base
            if not room or text == "@":
                return None
        elif text.endswith(self._apex_text):
            text = text[: -len(self._apex_text)]
            key_start, rr_end, room = b"", APEX_POINTER, self._room
        else:
            return None
        parts = text.encode().split(b".")
        if b"" in parts or max(map(len, parts)) > MAX_LABEL:
            return None
        owner = join(parts)
        if len(owner) > room:
            return None
        parts.reverse()
        return key_start + b"\0".join(parts) + b"\0\0", owner + rr_end

    def _learn_base(self) -> bool:
        """Prepare what `plain_place` adds to names; False while the apex isn't known."""
        apex = self._builder.apex
        if apex is None:
            return False
        self._apex = apex
        self._room = MAX_NAME - len(apex)
        text = to_text(apex)
        self._apex_text = text if text == "." else "." + text
        self._base = _NO_BASE
        if self.origin is not None:
            try:
                origin = relative(self.origin, apex)
            except ZonegitError:
                return True
            self._base = (owner_key(origin), origin + APEX_POINTER, self._room - len(origin))
        return True

    def head(self, text: str) -> Head | None:
        """Parse and remember the fields between owner and RDATA; None if the full parser has to read the record."""
        if text in self.heads:
            return self.heads[text]
        head = None
        bare = False
        try:
            ttl, rtype, _ = split_head(text)
            parse = self._common.get(rtype) if _HEAD(text) else None
            if parse is not None and rtype != SOA:
                bare = ttl is None
                seconds = self.implied_ttl(rtype, b"") if ttl is None else ttl
                if seconds > MAX_TTL:
                    return None  # the full parser warns about each record
                number = rtype.to_bytes(2, "big")
                fixed = number + CLASS_IN.to_bytes(2, "big") + seconds.to_bytes(4, "big")
                head = (number, fixed, parse, ttl, rtype == RRSIG)
        except ZonegitError:
            return None  # the full parser reports what is wrong, and where
        if len(self.heads) >= _MEMO:
            self.heads.clear()
            self._bare.clear()
        self.heads[text] = head
        if bare:
            self._bare.append(text)
        return head
