"""HEAD: the zone and branch that a call applies to if it names none.

The setting `HEAD` is the HEAD of the repository. In a repository that several users may write to, each user has
their own (`HEAD/<uid>`) after their first checkout, and uses the repository's until then. So nobody's checkout
redirects another user's next commit. A HEAD never moves by itself. If its zone or branch is gone, it is lost
(`HeadStatus.lost`): calls then read from another branch, and write nothing until the user has chosen again. If HEAD
names no zone at all (a program created the zones through the store, without setting HEAD), calls read from the
first zone, and write to it only if it is the only one.

A user's *seat* is the name of the setting that holds their HEAD: `HEAD` or `HEAD/<uid>`.
"""

import stat
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

from zonegit.errors import CorruptStore, InvalidName, NotFound
from zonegit.model import refs
from zonegit.model.names import parse_apex, to_text
from zonegit.model.refs import DEFAULT_BRANCH, Ref, RefKind
from zonegit.repo.caller import user as user
from zonegit.repo.results import Position
from zonegit.store.port import Reader

HEAD = "HEAD"


class HeadStatus(NamedTuple):
    """What a user's HEAD names, and whether it exists."""

    place: Position | None
    """The branch that calls read from. None in a repository without zones."""
    lost: Position | None = None
    """What HEAD names, if that is gone; calls read from `place` instead."""
    own: bool = True
    """Whether HEAD is the user's own. If not, it is the repository's, which several users share."""

    @property
    def head(self) -> Position | None:
        """What HEAD names, whether it exists or not."""
        return self.lost or self.place


def seat(path: Path) -> str:
    """This user's seat in the repository in a directory.

    If only its owner may write to the directory, that is `HEAD` itself.
    """
    try:
        status = path.stat()
    except OSError:
        return HEAD
    shared = status.st_uid != user() or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return f"{HEAD}/{user()}" if shared else HEAD


def merge_setting(seat: str) -> str:
    """The name of the setting that holds a user's stopped operation (`repo.stopped`): `MERGE` or `MERGE/<uid>`."""
    return f"MERGE{seat.removeprefix(HEAD)}"


def head_status(reader: Reader, seat: str) -> HeadStatus:
    """The status of the HEAD with this seat."""
    chosen = _chosen(reader, seat)
    own = seat == HEAD or _named(reader, seat) is not None
    for place in filter(None, (chosen, _named(reader, HEAD))):
        if reader.live(refs.head(place.zone, place.branch)):
            return HeadStatus(place, chosen if place != chosen else None, own)
        if branches := branches_of(reader, place.zone):
            return HeadStatus(Position(place.zone, default_branch(branches)), chosen, own)
    return HeadStatus(_first(reader), chosen, own)


def place_in(reader: Reader, zone: str | None, branch: str | None = None, seat: str = HEAD) -> Position:
    """The zone and branch that a call applies to. Without `branch` it is HEAD's if HEAD is in the zone, else the
    zone's default one.

    If a zone is named, no other zone is read, since that may be damaged.
    """
    if zone is None:
        head = head_status(reader, seat).place
        if head is None:
            raise NotFound(
                "this repository has no zone yet; create one: 'zonegit zone add ZONE' or 'zonegit import FILE'"
            )
        return Position(head.zone, branch or head.branch)
    name = to_text(parse_apex(zone))
    branches = branches_of(reader, name)
    if not branches:
        raise NotFound(f"no zone {name} here; see 'zonegit zone list', or create it: 'zonegit zone add {name}'")
    if branch:
        return Position(name, branch)
    chosen = _chosen(reader, seat)
    if chosen and chosen.zone == name and chosen.branch in branches:
        return chosen
    return Position(name, default_branch(branches))


def lost_in(reader: Reader, seat: str, zone: str | None) -> Position | None:
    """The branch that HEAD names, if it is gone and belongs to this zone (None: to any zone)."""
    chosen = _chosen(reader, seat)
    if chosen is None or zone not in (None, chosen.zone) or reader.live(refs.head(chosen.zone, chosen.branch)):
        return None
    return chosen


def is_ambiguous(reader: Reader, seat: str) -> bool:
    """Whether HEAD names no zone although there are several."""
    if _chosen(reader, seat):
        return False
    zones = (ref.zone for ref in heads(reader))
    first = next(zones, None)
    return any(zone != first for zone in zones)


def branches_of(reader: Reader, zone: str) -> list[str]:
    """The branches of a zone, given its canonical name; empty if there is no such zone.

    The names are compared, since the refs of a zone `a/b` begin with `refs/heads/a/` too.
    """
    return [ref.name for ref in heads(reader, f"{zone}/") if ref.zone == zone]


def default_branch(branches: Collection[str]) -> str:
    """The branch that a call applies to if it names none, in a zone that HEAD isn't in."""
    return DEFAULT_BRANCH if DEFAULT_BRANCH in branches else min(branches)


def _chosen(reader: Reader, seat: str) -> Position | None:
    """What the user's own HEAD names, else the repository's."""
    return _named(reader, seat) or _named(reader, HEAD)


def _first(reader: Reader) -> Position | None:
    """The default branch of the first zone in the repository."""
    ref = next(heads(reader), None)
    return Position(ref.zone, default_branch(branches_of(reader, ref.zone))) if ref else None


def heads(reader: Reader, prefix: str = "") -> Iterator[Ref]:
    """The branches that exist, without removed ones.

    Damaged refs and refs with a damaged name are left out; `zonegit fsck` reports them.
    """
    for name, _ in reader.live_refs(f"refs/heads/{prefix}", _ignored):
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
    """Skip a damaged ref."""
