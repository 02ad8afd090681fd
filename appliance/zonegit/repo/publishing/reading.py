"""What is published of branches, and what holds them, as the repository has it. Nothing here judges or writes."""

import json
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

from zonegit.errors import CorruptStore, InvalidName
from zonegit.model import refs
from zonegit.model.ids import ObjectId, parse_id, short
from zonegit.model.refs import RefKind
from zonegit.repo.ancestry import missing_commits
from zonegit.repo.history import read_commit
from zonegit.repo.mirrors import follows_versions
from zonegit.repo.publishing.policy import Held, Published, Reason
from zonegit.repo.results import Position, Revision
from zonegit.store.port import Reader

if TYPE_CHECKING:
    from zonegit.repo.dnssec.status import DnssecStatus

_SETTING: Final = "publish/"
"""In front of zone and branch: the setting that says what holds a branch."""


_REMEMBERED: Final = 1000
"""How many versions of a branch count, from the newest on, for what was published of it before."""


class Publication(NamedTuple):
    """Where a branch is published, and why it isn't published further."""

    zone: str
    branch: str
    published: Published | None
    """None for a branch that is served from its tip."""
    held: Held | None
    """What holds the branch's tip, as the publisher found it last."""
    released: Revision | None = None
    """The commit that was published now or, in a dry run, would be."""
    again: float | None = None
    """When to publish again though nothing moves, as to renew signatures; in Unix seconds."""
    dnssec: "DnssecStatus | None" = None
    """What there is to say of its signatures; None if it isn't signed here."""


def published_at(reader: Reader, place: Position) -> Published | None:
    """A branch's published version; None for a branch that is served from its tip."""
    oid = reader.ref(refs.published(place.zone, place.branch))
    return None if oid is None else _read(reader, oid)


def shown_before(reader: Reader, place: Position) -> list[ObjectId]:
    """The commits that versions of a branch have shown, the newest first, as far as they are still stored."""
    found: dict[ObjectId, None] = {}
    for entry in islice(reader.reflog(refs.published(place.zone, place.branch)), _REMEMBERED):
        if entry.new is not None and reader.has(entry.new):
            of = read_commit(reader, entry.new).commit.publishes
            if of is not None and reader.has(of):
                found.setdefault(of)
    return list(found)


def published_branches(reader: Reader, zone: str = "") -> Iterator[Position]:
    """The branches that have a published version; those of one zone, or of all."""
    for name, _ in reader.refs(f"refs/{RefKind.PUBLISHED}/{zone}", lambda _: None):
        try:
            ref = refs.parse(name)
        except InvalidName:
            continue
        if zone in ("", ref.zone):
            yield Position(ref.zone, ref.name)


def own_publications(reader: Reader) -> Iterator[Position]:
    """The branches with a published version that was made here.

    These are those of zones whose versions don't come from a peer, or that have a policy of their own here.
    """
    followed: dict[str, bool] = {}
    for place in published_branches(reader):
        if place.zone not in followed:
            followed[place.zone] = follows_versions(reader, place.zone)
        if not followed[place.zone]:
            yield place


def publication(reader: Reader, place: Position) -> Publication:
    """Where a branch is published, as the publisher noted it."""
    return Publication(place.zone, place.branch, published_at(reader, place), noted_hold(reader, place))


def not_judged(reader: Reader, zone: str) -> Iterator[tuple[str, Revision]]:
    """A zone's branches whose tips are neither published nor held, and these: no publisher has looked yet."""
    for place in own_publications(reader):
        if place.zone != zone or noted_hold(reader, place) is not None:
            continue
        old, tip = published_at(reader, place), reader.live(refs.head(zone, place.branch))
        if old is not None and tip not in (None, old.of):
            yield place.branch, read_commit(reader, tip)


def waits_for(reader: Reader, place: Position, now: float) -> Revision | None:
    """The commit with the latest time after `now` that a branch's tip waits for: itself, or one that it builds on.

    None if there is none, if the tip has the content that is served, or if nothing is served.
    """
    old, tip = published_at(reader, place), reader.live(refs.head(place.zone, place.branch))
    if old is None or tip is None or not reader.has(old.of):
        return None
    if read_commit(reader, tip).commit.zone_root == old.content.commit.zone_root:
        return None
    behind = missing_commits(reader, [tip], [old.of])
    found = max(behind.items(), key=lambda item: item[1].not_before or 0, default=None)
    return Revision(*found) if found and (found[1].not_before or 0) > now else None


def held_setting(place: Position) -> str:
    return f"{_SETTING}{place.zone}/{place.branch}"


def noted_hold(reader: Reader, place: Position) -> Held | None:
    """`CorruptStore` if it can't be read."""
    value = reader.setting(held_setting(place))
    if value is None:
        return None
    try:
        table = json.loads(value)
        oid = ObjectId(parse_id(table["commit"]))
        return Held(oid, Reason(table["reason"]), str(table["detail"]), str(table["remedy"]), table["until"])
    except (ValueError, KeyError, TypeError):
        raise CorruptStore(f"the note on what holds {place.branch} of {place.zone} can't be read") from None


def _read(reader: Reader, oid: ObjectId) -> Published:
    version = read_commit(reader, oid)
    of = version.commit.publishes
    if of is None:
        raise CorruptStore(f"the published version {short(oid)} names no commit")
    # A mirror may have a signed version without the commit that it shows.
    is_signed = version.commit.expires is not None and reader.has(of)
    return Published(version, of, read_commit(reader, of) if is_signed else version)
