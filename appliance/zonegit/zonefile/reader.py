"""Read a zone file (RFC 1035 §5, RFC 2308 §4, RFC 3597 §5) into stored RRsets.

A line of plain characters with the same fields as the common line before it is split at its blanks, and its RDATA
goes through a parser of `rdata_reading`. Other common lines go through one regular expression to the same parsers.
Every other line is unfolded, split by `record` and read by `rdata`. All ways give the same bytes (tests/laws).
Refused: classes other than IN, a zone without exactly one SOA, anything unreadable, an incomplete transfer. Records
outside of the zone are ignored with a warning. A file that can't be read as a whole gives nothing.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from zonegit.errors import InvalidRecord, ZoneFileError, ZonegitError
from zonegit.model.names import APEX, Owner, WireName
from zonegit.model.rrset import MAX_TTL, RRKey
from zonegit.zonefile.builder import ZoneBuilder
from zonegit.zonefile.canonical_entries import CanonicalEntries
from zonegit.zonefile.directives import Directive, Include, read_directive, read_name
from zonegit.zonefile.expansion import Expansion, check_depth
from zonegit.zonefile.findings import Finding
from zonegit.zonefile.generate import Generate, generated_lines
from zonegit.zonefile.inclusion import find_included
from zonegit.zonefile.name_text import FOREIGN_NAME, has_foreign_name
from zonegit.zonefile.rdata import presentation
from zonegit.zonefile.rdata_reading import COMMON, PLAIN_RDATA, UNSURE, RdataParser
from zonegit.zonefile.record import split_head, split_owner
from zonegit.zonefile.scope import HEAD, OWNER, Scope
from zonegit.zonefile.source import Progress, Text, open_text
from zonegit.zonefile.transfer_text import MESSAGE_SIGNATURE
from zonegit.zonefile.types import cannot_stand, is_meta
from zonegit.zonefile.unfold import unfold

_LINE: Final = re.compile(rf"({OWNER})[ \t]++({HEAD})[ \t]++({PLAIN_RDATA})(?:;.*+)?\n?\Z").match
_PLAIN: Final = re.compile(PLAIN_RDATA).fullmatch


class ParsedZone(NamedTuple):
    """A whole zone file, read. `entries` are sorted, unique and canonical; the SOA among them has serial 0.

    Other entries than `CanonicalEntries` are checked when they are imported.
    """

    apex: WireName
    serial: int
    entries: Sequence[tuple[RRKey, bytes]]
    records: int
    warnings: list[Finding]
    below: Owner = APEX
    """The part of the zone that was read: this owner and all below it."""


def read_zone(
    source: Path | BinaryIO,
    *,
    name: str,
    origin: WireName | None,
    below: Owner = APEX,
    progress: Progress | None = None,
    common: Mapping[int, RdataParser] = COMMON,
) -> ParsedZone:
    """Read a zone file, gzipped or not; `name` is what errors call it.

    `origin` is the zone's apex (lowercase); without it the first record must be the SOA, and its owner is the apex.
    With an owner `below` the apex, which has to be given, it is a part of the zone: records of this owner and below
    it, no others, and no SOA. `progress` is called now and then with how much of it was read, and of how much
    (included files aside). `common` are the parsers that are tried before `rdata`. Raises
    `ZoneFileError("name:line: reason")`.
    """
    builder = ZoneBuilder(origin, below)
    outermost = source if isinstance(source, Path) else None
    zone = _Zone(builder, Scope(builder, common, origin), common, Expansion(), outermost)
    _File(zone, source, name, 0).read(progress)
    apex, serial = builder.close(name)
    entries, records = builder.entries.finish()
    return ParsedZone(apex, serial, CanonicalEntries(entries), records, builder.warnings(), below)


class _Zone(NamedTuple):
    """State that all files of a zone share."""

    builder: ZoneBuilder
    scope: Scope
    common: Mapping[int, RdataParser]
    expansion: Expansion
    outermost: Path | None
    """The outermost file; None for a stream."""


class _File:
    """Reads one file into the builder; an included file has a reader of its own."""

    def __init__(self, zone: _Zone, source: Path | BinaryIO, name: str, depth: int) -> None:
        self._zone = zone
        self._source = source
        self._name = name
        self._scope = zone.scope
        self._builder = zone.builder
        self._common = zone.common
        self._depth = depth
        self._line = 0
        self._fields = 0
        """The fields between owner and RDATA of the last common line."""

    def read(self, progress: Progress | None = None) -> None:
        """Read it all. Raises `ZoneFileError`."""
        expansion = self._zone.expansion
        again = isinstance(self._source, Path) and expansion.is_again(self._source)
        with open_text(self._source, self._name, part=bool(self._depth), progress=progress) as text:
            lines = expansion.bounded(text.lines) if again else text.lines
            try:
                self._take_lines(lines, 1, text)
            except ZoneFileError:
                raise  # of an included file
            except ZonegitError as error:
                raise ZoneFileError(f"{self._here}: {error}") from None

    def _take_lines(self, lines: Iterator[str], step: int, text: Text | None = None) -> None:
        """Take all lines, which come from `text` unless they were generated. Each counts as `step`."""
        last_owner = ""
        for line in lines:
            self._line += step
            found = self._split_plain(line) if text is not None and text.is_plain else None
            if found is not None and self._take_common(
                found[0] if found[0] != last_owner else "", found[1], found[2]
            ):
                last_owner = found[0] or last_owner
                continue
            matched = _LINE(line)
            if matched is not None:
                owner, head, rdata = matched[1], matched[2], matched[3]
                if self._take_common(owner if owner != last_owner else "", head, rdata.rstrip(" \t")):
                    last_owner = owner or last_owner
                    self._fields = len(head.split())
                    continue
            self._take_uncommon(line, lines)
            last_owner = ""

    def _split_plain(self, line: str) -> tuple[str, str, str] | None:
        """Owner (empty if it is omitted), head and RDATA of a line of plain characters with as many fields as the
        last common one. They may still be anything: a comment isn't told from RDATA.
        """
        owner = ""
        if line[0] not in " \t":
            parts = line.split(None, 1)
            if len(parts) < 2:
                return None
            owner, line = parts
        parts = line.rsplit(None, 1)
        if len(parts) == 2 and parts[0] in self._scope.heads:
            return owner, parts[0], parts[1]  # the RDATA is one word, as most is
        fields = self._fields
        parts = line.split(None, fields)
        if len(parts) <= fields or not fields:
            return None
        return owner, " ".join(parts[:-1]), parts[-1].rstrip()

    def _take_common(self, owner: str, head_text: str, text: str) -> bool:
        """Take a common record; False, with nothing done, if it needs the general parser."""
        scope = self._scope
        head = scope.heads.get(head_text) or scope.head(head_text)
        place = scope.plain_place(owner) if owner else scope.place
        if head is None or place is None:
            return False
        rtype, fixed, parse, ttl, own_ttl = head
        try:
            rdata = parse(text, scope.names)
        except UNSURE:
            return False
        if own_ttl:
            fixed = fixed[:4] + rdata[4:8]
        self._builder.entries.add(RRKey(place[0] + rtype), place[1] + fixed + len(rdata).to_bytes(2, "big") + rdata)
        scope.place = place
        if ttl is not None and ttl != scope.last_ttl:
            scope.state_ttl(ttl)
        return True

    def _take_uncommon(self, line: str, lines: Iterator[str]) -> None:
        text, more = unfold(line, lines)
        if text.strip(" \t"):
            if text[0] == "$":
                self._take_directive(read_directive(text, self._scope.origin))
            else:
                self._take_record(text)
        else:
            self._builder.transfer.comment(line)
        self._line += more

    def _take_record(self, text: str) -> None:
        scope = self._scope
        owner, rest = split_owner(text)
        if MESSAGE_SIGNATURE(rest):
            self._builder.transfer.signature()
            return
        ttl, rtype, rdata_text = split_head(rest)
        if is_meta(rtype):
            raise InvalidRecord(cannot_stand(rtype))
        if owner:
            scope.enter(read_name(owner, scope.origin), rtype)
        elif scope.place is None and scope.outside is None:
            raise InvalidRecord("the record omits its owner, with none before it")
        rdata = self._rdata(rtype, rdata_text)
        if ttl is None:
            ttl = self._ttl(scope.implied_ttl(rtype, rdata))
        else:
            ttl = self._ttl(ttl)
            scope.state_ttl(ttl)
        if not text.isascii() and (not owner.isascii() or has_foreign_name(rtype, rdata)):
            self._builder.warn("non-ascii-name", f"{self._here}: {FOREIGN_NAME}")
        if scope.place is not None:
            self._builder.add(scope.place, rtype, ttl, rdata)
        elif scope.outside is not None:
            self._builder.ignore(self._here, scope.outside, rtype)

    def _rdata(self, rtype: int, text: str) -> bytes:
        parse = self._common.get(rtype)
        if parse is not None and _PLAIN(text):
            try:
                return parse(text, self._scope.names)
            except UNSURE:
                pass  # the layout says what is wrong, if anything is
        return presentation.parse(rtype, text, self._scope.origin)

    def _take_directive(self, directive: Directive) -> None:
        if isinstance(directive, Include):
            self._include(directive)
        elif isinstance(directive, int):
            self._scope.set_default_ttl(self._ttl(directive))
        elif isinstance(directive, bytes):
            self._scope.set_origin(directive)
        else:
            self._generate(directive)

    def _ttl(self, seconds: int) -> int:
        if seconds <= MAX_TTL:
            return seconds
        self._builder.warn(
            "ttl-range", f"{self._here}: a TTL of {seconds} is above {MAX_TTL}; 0 taken (RFC 2181 §8)"
        )
        return 0

    def _generate(self, generate: Generate) -> None:
        if generate.doubt:
            self._builder.warn("generate-ambiguous", f"{self._here}: $GENERATE: {generate.doubt}")
        with self._scope.aside(None):
            self._take_lines(self._zone.expansion.bounded(generated_lines(generate)), 0)

    def _include(self, include: Include) -> None:
        outermost = self._zone.outermost
        if outermost is None or not isinstance(self._source, Path):
            raise InvalidRecord("$INCLUDE works only in a zone read from a file: its path is relative to that")
        check_depth(self._depth)
        found = find_included(include.path, self._source, outermost)
        if found.other is not None:
            both = f"$INCLUDE read {found.path}; other servers would read {found.other}, which differs"
            self._builder.warn("include-path", f"{self._here}: {both}")
        with self._scope.aside(include.origin):
            _File(self._zone, found.path, str(found.path), self._depth + 1).read()

    @property
    def _here(self) -> str:
        return f"{self._name}:{self._line}"
