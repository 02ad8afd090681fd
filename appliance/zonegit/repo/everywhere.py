"""What calls about several zones have in common: which branches they are about, their options and results."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

from zonegit.errors import NotFound
from zonegit.model import refs
from zonegit.model.names import Owner
from zonegit.repo.context import Context
from zonegit.repo.position import default_branch
from zonegit.repo.results import Committed, Position
from zonegit.repo.writing import CommitOptions, check_writable, mirror_setting

if TYPE_CHECKING:
    from zonegit.repo.signed import Signatures


class JointOptions(TypedDict, total=False):
    """What writing calls take that may be about several zones: `CommitOptions`, with a strictness for each zone."""

    zone: str | None
    branch: str | None
    who: str | None
    message: str | None
    dry_run: bool
    signatures: Signatures
    strict: Collection[str] | Callable[[str], Collection[str]]


@dataclass(frozen=True, slots=True)
class Mention:
    """An RRset that may hold a name where zonegit doesn't change it: in text, or in RDATA of unknown form."""

    zone: str
    owner: Owner
    rtype: int


@dataclass(frozen=True, slots=True)
class Joint:
    """What a call did that is about several zones, all in one transaction."""

    commits: list[Committed]
    """One for each zone that it concerns; one in which nothing changed has equal ids as `old` and `new`."""
    mirrored: tuple[str, ...] = ()
    """Zones that would have to change, too, but are mirrored: the change has to be made at their primary."""
    mentions: tuple[Mention, ...] = ()
    """Of a rename: what may hold the old name still."""


@dataclass(frozen=True, slots=True)
class Branches:
    """The branches that a call is about, by zone."""

    places: dict[str, Position]
    mirrored: frozenset[str]
    """Zones among them that are mirrored from a peer: nothing is written to them."""


def single(options: JointOptions, zone: str) -> CommitOptions:
    """The options as one zone has them."""
    strict = options.get("strict", ())
    return {
        "who": options.get("who"),
        "message": options.get("message"),
        "dry_run": options.get("dry_run", False),
        "signatures": options.get("signatures", "keep"),
        "strict": strict(zone) if callable(strict) else strict,
    }


def one(context: Context, options: JointOptions) -> Branches:
    """The branch of a call about one zone. `Refused` where that is mirrored."""
    place = context.target(options.get("zone"), options.get("branch"))
    check_writable(context, place.zone)
    return Branches({place.zone: place}, frozenset())


def every(context: Context, options: JointOptions) -> Branches:
    """A branch of every zone that has it: the one that is named; else HEAD's in its zone, elsewhere the default."""
    named = options.get("branch")
    found: dict[str, list[str]] = {}
    with context.store.read() as reader:
        for name, _ in reader.refs("refs/heads/"):
            ref = refs.parse(name)
            found.setdefault(ref.zone, []).append(ref.name)
        mirrored = frozenset(zone for zone in found if reader.setting(mirror_setting(zone)))
    head = context.standing().head
    places = {}
    for zone, branches in sorted(found.items()):
        if named:
            if named in branches:
                places[zone] = Position(zone, named)
        elif head and head.zone == zone:
            places[zone] = context.target(zone)
        else:
            places[zone] = Position(zone, default_branch(branches))
    if not places:
        raise NotFound(f"no zone here has a branch {named}" if named else "this repository has no zone yet")
    return Branches(places, mirrored)
