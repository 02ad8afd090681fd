"""What calls about several zones have in common: which branches they are about, their options and results."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypedDict

from zonegit.errors import NotFound, Refused
from zonegit.model import refs
from zonegit.model.names import Owner
from zonegit.model.refs import RefKind
from zonegit.repo.context import Context
from zonegit.repo.listing import named
from zonegit.repo.pointing import Searched
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
    elsewhere: Searched = field(default_factory=Searched)
    """Of a rename: what still names the old name in zones that it isn't about."""


@dataclass(frozen=True, slots=True)
class Branches:
    """The branches that a call is about, by zone."""

    places: dict[str, Position]
    mirrored: frozenset[str]
    """Zones among them that are mirrored from a peer: nothing is written to them."""
    lacking: tuple[Position, ...] = ()
    """The default branches of the zones that lack the branch which is named: nothing is written to these either."""


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
    """A branch of every zone that has it: the one that is named; else HEAD's in its zone, elsewhere the default.

    `Refused` where none is named and HEAD is on another branch than the default one (`refuse_mixed`).
    """
    branch = options.get("branch")
    found: dict[str, list[str]] = {}
    with context.store.read() as reader:
        for name, _ in reader.refs("refs/heads/"):
            ref = refs.parse(name)
            found.setdefault(ref.zone, []).append(ref.name)
        mirrored = frozenset(zone for zone in found if reader.setting(mirror_setting(zone)))
    head = context.standing().head
    places = {}
    lacking = []
    for zone, branches in sorted(found.items()):
        if branch:
            if branch in branches:
                places[zone] = Position(zone, branch)
            else:
                lacking.append(Position(zone, default_branch(branches)))
        elif head and head.zone == zone:
            places[zone] = context.target(zone)
        else:
            places[zone] = Position(zone, default_branch(branches))
    if not places:
        raise NotFound(f"no zone here has a branch {branch}" if branch else "this repository has no zone yet")
    if not branch:
        refuse_mixed(context, places.keys() - mirrored)
    return Branches(places, mirrored, tuple(lacking))


def refuse_mixed(context: Context, zones: Collection[str]) -> None:
    """`Refused` where a call that names no branch would change HEAD's and other zones' default ones.

    HEAD's own is meant only where it is a default one: whoever works on another one keeps what is served as it is.
    """
    head = context.standing().head
    if head is None or all(zone == head.zone for zone in zones):
        return
    default = default_branch(named(context, RefKind.HEAD, head.zone) or [head.branch])
    if head.branch != default:
        raise Refused(
            f"HEAD is on branch {head.branch} of {head.zone}, and default branches of other zones would change, "
            f"too; give --branch {head.branch}, which means all zones that have it, or go to the default branch by "
            f"'zonegit checkout {default}'"
        )
