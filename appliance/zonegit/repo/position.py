"""Where a user is: the zone and branch that are meant where a call names none.

The setting `HEAD` is the repository's position. In a repository that several users may write to, each of them has
one of their own (`HEAD/<uid>`) from their first checkout on, and the repository's until then: nobody's checkout
redirects what somebody else commits next. A position never moves by itself. Where its zone or branch is gone, it
is lost (`Standing.lost`): another one is read from, and nothing is written before the user has chosen again. Where
HEAD names no zone at all (a program made the zones by the store, without one), the first zone is read; it is
written to only if it is the only one.
"""

import stat
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from zonegit.errors import CorruptStore, InvalidName, NotFound
from zonegit.model import refs
from zonegit.model.names import parse_apex, to_text
from zonegit.model.refs import DEFAULT_BRANCH, Ref, RefKind
from zonegit.repo.caller import user as user
from zonegit.repo.results import Position
from zonegit.store.port import Reader

HEAD = "HEAD"


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a user is."""

    place: Position | None
    """What is read from. None in a repository without zones."""
    lost: Position | None = None
    """What HEAD names, if that is gone; `place` is what is taken for it."""
    own: bool = True
    """Whether HEAD is the user's own; else it is the repository's, in one that several users share."""

    @property
    def head(self) -> Position | None:
        """What HEAD names, whether it is there or not."""
        return self.lost or self.place


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


def merge_setting(seat: str) -> str:
    """The setting that holds what the user of a seat has stopped (`repo.stopped`): `MERGE`, or `MERGE/<uid>`."""
    return f"MERGE{seat.removeprefix(HEAD)}"


def standing(reader: Reader, seat: str) -> Standing:
    """Where the user of a seat is."""
    chosen = _chosen(reader, seat)
    own = seat == HEAD or _named(reader, seat) is not None
    for place in filter(None, (chosen, _named(reader, HEAD))):
        if reader.ref(refs.head(place.zone, place.branch)):
            return Standing(place, chosen if place != chosen else None, own)
        if branches := branches_of(reader, place.zone):
            return Standing(Position(place.zone, default_branch(branches)), chosen, own)
    return Standing(_first(reader), chosen, own)


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
    chosen = _chosen(reader, seat)
    if chosen and chosen.zone == name and chosen.branch in branches:
        return chosen
    return Position(name, default_branch(branches))


def lost_in(reader: Reader, seat: str, zone: str | None) -> Position | None:
    """The branch of a zone (None: of any) that HEAD names and that is gone."""
    chosen = _chosen(reader, seat)
    if chosen is None or zone not in (None, chosen.zone) or reader.ref(refs.head(chosen.zone, chosen.branch)):
        return None
    return chosen


def is_ambiguous(reader: Reader, seat: str) -> bool:
    """Whether HEAD names no zone, while there are several."""
    if _chosen(reader, seat):
        return False
    zones = (ref.zone for ref in heads(reader))
    first = next(zones, None)
    return any(zone != first for zone in zones)


def branches_of(reader: Reader, zone: str) -> list[str]:
    """The branches of a zone, whose name is canonical; none where it isn't here.

    `refs/heads/a/` is also how the refs of a zone `a/b` begin.
    """
    return [ref.name for ref in heads(reader, f"{zone}/") if ref.zone == zone]


def default_branch(branches: Collection[str]) -> str:
    """The branch of a zone that HEAD isn't on which is meant when none is named."""
    return DEFAULT_BRANCH if DEFAULT_BRANCH in branches else min(branches)


def _chosen(reader: Reader, seat: str) -> Position | None:
    """What the user's own HEAD names, else the repository's."""
    return _named(reader, seat) or _named(reader, HEAD)


def _first(reader: Reader) -> Position | None:
    """The default branch of the first zone that is here."""
    ref = next(heads(reader), None)
    return Position(ref.zone, default_branch(branches_of(reader, ref.zone))) if ref else None


def heads(reader: Reader, prefix: str = "") -> Iterator[Ref]:
    """The branches that are here. A ref whose name was changed on disk is left out; `zonegit fsck` reports it."""
    for name, _ in reader.refs(f"refs/heads/{prefix}", _ignored):
        try:
            ref = refs.parse(name)
        except InvalidName:
            continue
        if ref.kind is RefKind.HEAD:
            yield ref


def _named(reader: Reader, setting: str) -> Position | None:
    value = reader.setting(setting)
    if value is None:
        return None
    ref = refs.parse(value.decode())
    return Position(ref.zone, ref.name)


def _ignored(_error: CorruptStore) -> None:
    """The same."""
