"""Commits and tags: text headers like git's behind the object header.

    zone-root <id> / parent <id> * / zone <apex> / seq <n> / generation <n> / author <who> <when> / committer ... /
    other headers, kept as they came / empty line / message

`seq` is unbounded and never falls along a branch; the served SOA serial is `seq mod 2**32`. `generation` is
1 + the parents' maximum, which the store checks, so that walks over ancestry can be pruned.
"""

import re
from functools import lru_cache
from typing import Final, NamedTuple

from zonegit.errors import InvalidObject, ZonegitError
from zonegit.model.ids import HEADER_SIZE, MAX_SIZE, Kind, ObjectId, header, kind_of, parse_id
from zonegit.model.names import parse_apex, to_text

MAX_PARENTS: Final = 16
TOMBSTONE: Final = ("tombstone", "1")
"""The header of a commit that removes its branch. Its tree is empty."""
PUBLISHES: Final = "publishes"
"""The header of a published version: the commit that it shows. Such a version has no parents, and no children."""
EXPIRES: Final = "expires"
"""The header of a published version that was signed here: when its first signature ends, in Unix seconds."""
NOT_BEFORE: Final = "not-before"
"""The header of a commit that isn't to be published before this time, in Unix seconds."""
_WHO: Final = re.compile(r"(?P<name>[^\x00-\x1f\x7f]{1,200}) (?P<time>0|-?[1-9][0-9]{0,14}) (?P<zone>[+-][0-9]{4})")
_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,38}")
_EXTRA: Final = re.compile(r"[a-z][a-z0-9-]{0,31}")
_REMEMBERED: Final = 1024
_SMALL: Final = 1024
"""Decoded commits that are remembered, of so many bytes at most. A commit is read several times one after another:
to check it, to see what it brings into a history, to move the view."""
_FEW: Final = 256
"""Stamps and zone names that are remembered: those of commits that come one after another are mostly the same."""


class Stamp(NamedTuple):
    """Who, and when: `Name <mail>`, Unix seconds, and the offset from UTC in minutes that it was written at."""

    name: str
    time: int
    offset: int = 0

    def encode(self) -> str:
        return _stamp_text(self)

    @classmethod
    def decode(cls, text: str) -> "Stamp":
        return _stamp(text)


class Commit(NamedTuple):
    """One version of a zone and where it came from."""

    zone_root: ObjectId
    parents: tuple[ObjectId, ...]
    zone: str
    """Canonical text of the apex."""
    seq: int
    generation: int
    author: Stamp
    committer: Stamp
    message: str
    extra: tuple[tuple[str, str], ...] = ()
    """Further headers, in the order they stand in (`signature`, and any that this version doesn't know)."""

    @property
    def serial(self) -> int:
        """The SOA serial that this version is served with."""
        return self.seq & 0xFFFFFFFF

    @property
    def subject(self) -> str:
        """The message's first line."""
        return self.message.partition("\n")[0]

    @property
    def is_tombstone(self) -> bool:
        """Whether it removes its branch."""
        return TOMBSTONE in self.extra

    @property
    def publishes(self) -> ObjectId | None:
        """The commit that this published version shows; None for a commit of a branch."""
        return next((parse_id(value) for name, value in self.extra if name == PUBLISHES), None)

    @property
    def not_before(self) -> int | None:
        """The time from which on it may be published, in Unix seconds."""
        return next((_number(value) for name, value in self.extra if name == NOT_BEFORE), None)

    @property
    def expires(self) -> int | None:
        """When the first signature of this published version ends, in Unix seconds; None if it has none."""
        return next((_number(value) for name, value in self.extra if name == EXPIRES), None)

    def encode(self) -> bytes:
        lines = [f"zone-root {self.zone_root.hex()}"]
        lines += [f"parent {parent.hex()}" for parent in self.parents]
        lines += [f"zone {self.zone}", f"seq {self.seq}", f"generation {self.generation}"]
        lines += [f"author {self.author.encode()}", f"committer {self.committer.encode()}"]
        lines += [f"{name} {value}" for name, value in self.extra]
        return _write(Kind.COMMIT, lines, self.message)

    @classmethod
    def decode(cls, data: bytes) -> "Commit":
        return _remembered(data) if len(data) <= _SMALL else _commit(data)


class Tag(NamedTuple):
    """A named pointer to a commit, with a message."""

    target: ObjectId
    zone: str
    name: str
    tagger: Stamp
    message: str
    extra: tuple[tuple[str, str], ...] = ()

    def encode(self) -> bytes:
        lines = [f"commit {self.target.hex()}", f"zone {self.zone}", f"tag {self.name}"]
        lines += [f"tagger {self.tagger.encode()}", *(f"{name} {value}" for name, value in self.extra)]
        return _write(Kind.TAG, lines, self.message)

    @classmethod
    def decode(cls, data: bytes) -> "Tag":
        fields, message = _read(data, Kind.TAG)
        try:
            tag = cls(
                target=parse_id(fields.one("commit")),
                zone=_zone(fields.one("zone")),
                name=fields.one("tag"),
                tagger=Stamp.decode(fields.one("tagger")),
                extra=fields.rest(),
                message=message,
            )
        except ZonegitError as error:
            raise InvalidObject(f"tag can't be read: {error}") from None
        if tag.encode() != data:
            raise InvalidObject("tag is not in canonical form")
        return tag


def _commit(data: bytes) -> Commit:
    fields, message = _read(data, Kind.COMMIT)
    try:
        zone_root = fields.one("zone-root")
        parents = tuple(parse_id(text) for text in fields.many("parent"))
        commit = Commit(
            zone_root=parse_id(zone_root),
            parents=parents,
            zone=_zone(fields.one("zone")),
            seq=_number(fields.one("seq")),
            generation=_number(fields.one("generation")),
            author=Stamp.decode(fields.one("author")),
            committer=Stamp.decode(fields.one("committer")),
            extra=fields.rest(),
            message=message,
        )
    except ZonegitError as error:
        raise InvalidObject(f"commit can't be read: {error}") from None
    if len(parents) > MAX_PARENTS or len(set(parents)) != len(parents):
        raise InvalidObject(f"commit has {len(parents)} parents; at most {MAX_PARENTS}, each once")
    if commit.encode() != data:
        raise InvalidObject("commit is not in canonical form")
    return commit


_remembered = lru_cache(maxsize=_REMEMBERED)(_commit)


@lru_cache(_FEW)
def _stamp_text(stamp: Stamp) -> str:
    sign = "-" if stamp.offset < 0 else "+"
    return f"{stamp.name} {stamp.time} {sign}{abs(stamp.offset) // 60:02d}{abs(stamp.offset) % 60:02d}"


@lru_cache(_FEW)
def _stamp(text: str) -> Stamp:
    match = _WHO.fullmatch(text)
    if not match:
        raise InvalidObject(f"{text[:80]!r} is not a name, a time and a time zone")
    zone = match["zone"]
    minutes = int(zone[1:3]) * 60 + int(zone[3:])
    return Stamp(match["name"], int(match["time"]), -minutes if zone[0] == "-" else minutes)


class _Fields:
    """Header lines, taken from the front in the order that the canonical form has them."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = [line.partition(" ") for line in lines]
        self._at = 0

    def one(self, name: str) -> str:
        if self._at >= len(self._lines) or self._lines[self._at][0] != name:
            raise InvalidObject(f"expected the header {name!r}")
        self._at += 1
        return self._lines[self._at - 1][2]

    def many(self, name: str) -> list[str]:
        found = []
        while self._at < len(self._lines) and self._lines[self._at][0] == name:
            found.append(self.one(name))
        return found

    def rest(self) -> tuple[tuple[str, str], ...]:
        found = tuple((name, value) for name, _, value in self._lines[self._at :])
        if not all(_EXTRA.fullmatch(name) for name, _ in found):
            raise InvalidObject("a header's name is not of a-z 0-9 -")
        return found


def _write(kind: Kind, lines: list[str], message: str) -> bytes:
    data = header(kind) + ("\n".join(lines) + "\n\n" + message).encode()
    if len(data) > MAX_SIZE[kind]:
        raise InvalidObject(
            f"{kind.name.lower()} of {len(data)} bytes; at most {MAX_SIZE[kind]}: shorten its message"
        )
    return data


def _read(data: bytes, kind: Kind) -> tuple[_Fields, str]:
    if kind_of(data) is not kind or data[2] or len(data) > MAX_SIZE[kind]:
        raise InvalidObject(f"not a {kind.name.lower()} of at most {MAX_SIZE[kind]} bytes")
    try:
        head, gap, message = data[HEADER_SIZE:].decode().partition("\n\n")
    except UnicodeDecodeError:
        raise InvalidObject(f"{kind.name.lower()} is not UTF-8") from None
    if not gap:
        raise InvalidObject(f"{kind.name.lower()} has no empty line before its message")
    return _Fields(head.split("\n")), message


def _number(text: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise InvalidObject(f"{text[:80]!r} is not a whole number")
    return int(text)


@lru_cache(_FEW)
def _zone(text: str) -> str:
    if to_text(parse_apex(text)) != text:
        raise InvalidObject(f"{text[:80]!r} is not a zone name in canonical form")
    return text
