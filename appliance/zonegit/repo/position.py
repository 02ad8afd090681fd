"""Where a user is: the zone and branch that are meant where a call names none.

The setting `HEAD` is the repository's position. In a repository that several users may write to, each of them has
one of their own (`HEAD/<uid>`) from their first checkout on, and the repository's until then: nobody's checkout
redirects what somebody else commits next. Where the branch that a user chose is gone, another one is read from;
nothing is written before the user has chosen again (`Standing.lost`).
"""

import os
import stat
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from zonegit.errors import CorruptStore, InvalidName, NotFound
from zonegit.model import refs
from zonegit.model.names import parse_apex, to_text
from zonegit.model.refs import DEFAULT_BRANCH, RefKind, RefName
from zonegit.repo.results import Position
from zonegit.store.port import Reader

HEAD = "HEAD"


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a user is."""

    place: Position | None
    """None in a repository without zones."""
    lost: Position | None = None
    """Where the user chose to be, if that is gone; `place` is what is taken for it."""


def user() -> int:
    """The number of who is at work: under sudo, of who called it."""
    caller = os.environ.get("SUDO_UID", "")
    return int(caller) if not os.geteuid() and caller.isdecimal() else os.geteuid()


def seat(path: Path) -> str:
    """The setting that holds this user's position in the repository in a directory.

    A directory that its owner alone may write to has the owner's position and the repository's in one.
    """
    try:
        status = path.stat()
    except OSError:
        return HEAD
    shared = status.st_uid != user() or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return f"{HEAD}/{user()}" if shared else HEAD


def standing(reader: Reader, seat: str) -> Standing:
    """Where the user of a seat is."""
    own = _named(reader, seat) if seat != HEAD else None
    for place in filter(None, (own, _named(reader, HEAD))):
        if reader.ref(refs.head(place.zone, place.branch)):
            return Standing(place, own if own != place else None)
        if branches := branches_of(reader, place.zone):
            return Standing(Position(place.zone, default_branch(branches)), own)
    return Standing(None, own)


def place_in(reader: Reader, zone: str | None, branch: str | None = None, seat: str = HEAD) -> Position:
    """The zone and branch that are meant. Without a branch: HEAD's if it is the zone's, else its default one.

    A zone that is named is all that is looked at: another one may be damaged.
    """
    if zone is None:
        head = standing(reader, seat).place
        if head is None:
            raise NotFound(
                "this repository has no zone yet; make one: 'zonegit zone add ZONE' or 'zonegit import FILE'"
            )
        return Position(head.zone, branch or head.branch)
    name = to_text(parse_apex(zone))
    branches = branches_of(reader, name)
    if not branches:
        raise NotFound(f"no zone {name} here; see 'zonegit zone list', or make it: 'zonegit zone add {name}'")
    if branch:
        return Position(name, branch)
    chosen = _named(reader, seat) or _named(reader, HEAD)
    if chosen and chosen.zone == name and chosen.branch in branches:
        return chosen
    return Position(name, default_branch(branches))


def lost_in(reader: Reader, seat: str, zone: str | None) -> Position | None:
    """The branch of a zone (None: of any) that a user chose and that is gone."""
    own = _named(reader, seat) if seat != HEAD else None
    if own is None or zone not in (None, own.zone) or reader.ref(refs.head(own.zone, own.branch)):
        return None
    return own


def branches_of(reader: Reader, zone: str) -> list[str]:
    """The branches of a zone, whose name is canonical; none where it isn't here."""
    return [refs.parse(name).name for name, _ in reader.refs(f"refs/heads/{zone}/", _ignored) if _is_of(name, zone)]


def default_branch(branches: Collection[str]) -> str:
    """The branch of a zone that HEAD isn't on which is meant when none is named."""
    return DEFAULT_BRANCH if DEFAULT_BRANCH in branches else min(branches)


def _named(reader: Reader, setting: str) -> Position | None:
    value = reader.setting(setting)
    if value is None:
        return None
    ref = refs.parse(value.decode())
    return Position(ref.zone, ref.name)


def _is_of(name: RefName, zone: str) -> bool:
    """Whether a head is this very zone's (`refs/heads/a/` is also how a zone `a/b` begins)."""
    try:
        ref = refs.parse(name)
    except InvalidName:  # it was changed on disk, which `zonegit fsck` tells
        return False
    return ref.kind is RefKind.HEAD and ref.zone == zone


def _ignored(_error: CorruptStore) -> None:
    """The same."""
