"""What calls on several zones have in common: the branches that they change, their options and results."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, NamedTuple, TypedDict

from zonegit.errors import NotFound, Refused
from zonegit.model import refs
from zonegit.model.names import Owner
from zonegit.model.refs import RefKind
from zonegit.repo.context import Context
from zonegit.repo.incoming.state import transferred_from
from zonegit.repo.listing import named
from zonegit.repo.mirrors import mirror_setting
from zonegit.repo.position import default_branch
from zonegit.repo.references import Searched
from zonegit.repo.results import Committed, Position
from zonegit.repo.writing import CommitOptions, check_writable

if TYPE_CHECKING:
    from zonegit.repo.signed import Signatures


class JointOptions(TypedDict, total=False):
    """The options of writing calls on several zones: `CommitOptions`, but `strict` may depend on the zone."""

    zone: str | None
    branch: str | None
    who: str | None
    message: str | None
    dry_run: bool
    signatures: Signatures
    strict: Collection[str] | Callable[[str], Collection[str]]
    sign: bool | None
    not_before: int | None


class Mention(NamedTuple):
    """An RRset that may contain a name where zonegit doesn't change it: in text, or in RDATA of an unknown type."""

    zone: str
    owner: Owner
    rtype: int


class Joint(NamedTuple):
    """What a call on several zones did, all in one transaction."""

    commits: list[Committed]
    """One for each zone; `old` and `new` are equal if nothing changed in it."""
    mirrored: tuple[str, ...] = ()
    """Zones that would have to change too, but are written elsewhere: they have to be changed there."""
    mentions: tuple[Mention, ...] = ()
    """For a rename: RRsets that may still contain the old name."""
    elsewhere: Searched = Searched()
    """For a rename: records in other zones that still name the old name."""


class Branches(NamedTuple):
    """The branches that a call applies to, by zone."""

    places: dict[str, Position]
    mirrored: frozenset[str]
    """The zones among them that are mirrored or transferred from elsewhere: nothing is written to them."""
    lacking: tuple[Position, ...] = ()
    """The default branches of the zones that don't have the named branch: nothing is written to these either."""


def single(options: JointOptions, zone: str) -> CommitOptions:
    """The options for one zone."""
    strict = options.get("strict", ())
    return {
        "who": options.get("who"),
        "message": options.get("message"),
        "dry_run": options.get("dry_run", False),
        "signatures": options.get("signatures", "keep"),
        "strict": strict(zone) if callable(strict) else strict,
        "sign": options.get("sign", False),
        "not_before": options.get("not_before"),
    }


def one(context: Context, options: JointOptions) -> Branches:
    """The branch of a call on one zone. `Refused` if the zone is mirrored."""
    place = context.target(options.get("zone"), options.get("branch"))
    check_writable(context, place)
    return Branches({place.zone: place}, frozenset())


def every(context: Context, options: JointOptions) -> Branches:
    """The named branch of every zone that has it. If none is named: HEAD's in its zone, the default one elsewhere.

    `Refused` if none is named and HEAD isn't on a default branch (`refuse_mixed`).
    """
    branch = options.get("branch")
    found: dict[str, list[str]] = {}
    with context.store.read() as reader:
        for name, _ in reader.live_refs("refs/heads/"):
            ref = refs.parse(name)
            found.setdefault(ref.zone, []).append(ref.name)
        mirrored = {zone for zone in found if reader.setting(mirror_setting(zone))}
    head = context.head_status().head
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
    with context.store.read() as reader:
        elsewhere = mirrored | {zone for zone, place in places.items() if transferred_from(reader, place)}
    if not places:
        raise NotFound(f"no zone here has a branch {branch}" if branch else "this repository has no zone yet")
    if not branch:
        refuse_mixed(context, places.keys() - elsewhere)
    return Branches(places, frozenset(elsewhere), tuple(lacking))


def refuse_mixed(context: Context, zones: Collection[str]) -> None:
    """`Refused` if a call without a branch would change both HEAD's branch, which isn't a default one, and default
    branches of other zones: who works on another branch doesn't expect to change what is served.
    """
    head = context.head_status().head
    if head is None or all(zone == head.zone for zone in zones):
        return
    default = default_branch(named(context, RefKind.HEAD, head.zone) or [head.branch])
    if head.branch != default:
        raise Refused(
            f"HEAD is on branch {head.branch} of {head.zone}, but the default branches of other zones would change "
            f"too; give --branch {head.branch} to change only zones that have it, or switch to the default branch: "
            f"'zonegit checkout {default}'"
        )
