"""Lists what a repository has: zones, their branches and tags, and reflogs."""

from collections.abc import Iterator
from itertools import groupby
from typing import Final

from zonegit.model import refs
from zonegit.model.commit import Tag
from zonegit.model.ids import Kind, ObjectId, kind_of
from zonegit.model.names import ROOT, WireName, join, labels, lower, to_text
from zonegit.model.rdata import DS
from zonegit.model.refs import RefKind, RefName
from zonegit.model.zone import Zone
from zonegit.repo.context import Context
from zonegit.repo.links import link_of
from zonegit.repo.position import branches_of, default_branch
from zonegit.repo.results import Entry, Position, ZoneSummary
from zonegit.store.port import Reader

_HEADS: Final = f"refs/{RefKind.HEAD}/"


def summaries(context: Context) -> list[ZoneSummary]:
    """All zones, sorted by name as text."""
    tips: dict[str, dict[str, ObjectId]] = {}
    found = []
    with context.store.read() as reader:
        for name, oid in reader.live_refs(_HEADS):
            zone, branch = _parted(name)
            tips.setdefault(zone, {})[branch] = oid
        for zone, branches in sorted(tips.items()):
            branch = default_branch(branches)
            oid = branches[branch]
            tip = link_of(oid, reader.get(oid))
            records = Zone.decode(reader.get(tip.zone_root)).records
            serial = tip.seq & 0xFFFFFFFF
            found.append(ZoneSummary(zone, branch, oid, serial, records, tuple(sorted(branches)), tip.time))
    return found


def zone_names(context: Context) -> list[str]:
    """The names of all zones, sorted as text."""
    with context.store.read() as reader:
        return sorted({refs.parse(name).zone for name, _ in reader.live_refs("refs/heads/")})


def _parted(head: RefName) -> tuple[str, str]:
    """Zone and branch of a head, whose canonical form was checked when it was created."""
    try:
        return refs.split(head[len(_HEADS) :])
    except ValueError:
        ref = refs.parse(head)
        return ref.zone, ref.name


def removed(context: Context, beginning: str) -> Iterator[str]:
    """Removed zones that can be restored and whose names begin with `beginning`, in the order of their refs."""
    with context.store.read() as reader:
        zones = (refs.parse(name).zone for name in reader.logged(f"refs/heads/{beginning}"))
        for zone, _ in groupby(zones):
            if not branches_of(reader, zone) and _is_here(reader, zone):
                yield zone


def _is_here(reader: Reader, zone: str) -> bool:
    """Whether a removed zone can still be restored: `gc` hasn't deleted it yet."""
    if reader.removed_keys(f"refs/heads/{zone}/".encode()):
        return True
    logs = (next(reader.reflog(name)) for name in reader.logged(f"refs/heads/{zone}/"))
    return any(entry.old is not None and reader.has(entry.old) for entry in logs)


def count_zones(context: Context) -> int:
    """How many zones there are, without reading any."""
    with context.store.read() as reader:
        prefix = f"refs/{RefKind.HEAD}/".encode()
        live = set(reader.ref_keys(prefix)).difference(reader.removed_keys(prefix))
        return len({key[: key.rfind(b"./")] for key in live})


def enclosing(context: Context, name: WireName, rtype: int | None) -> str | None:
    """The zone with the longest apex at or above a name; for DS at an apex the parent zone, if there is one."""
    found = []
    parts = labels(lower(name))
    with context.store.read() as reader:
        for at in range(len(parts) + 1):
            apex = WireName(join(parts[at:]) + ROOT)
            if branches_of(reader, to_text(apex)):
                if at or rtype != DS:
                    return to_text(apex)
                found.append(to_text(apex))
    return found[0] if found else None


def named(context: Context, kind: RefKind, zone: str) -> dict[str, ObjectId]:
    """A zone's branches or tags and the commits that they point to."""
    found: dict[str, ObjectId] = {}
    with context.store.read() as reader:
        for name, oid in reader.live_refs(f"refs/{kind}/{zone}/"):
            ref = refs.parse(name)
            if ref.zone == zone:
                found[ref.name] = commit_of(reader, oid)
    return found


def tag_objects(context: Context, zone: str) -> dict[str, tuple[ObjectId, Tag]]:
    """A zone's tag objects, with their ids, by the tags' names."""
    found = {}
    with context.store.read() as reader:
        for name, oid in reader.refs(f"refs/{RefKind.TAG}/{zone}/"):
            ref = refs.parse(name)
            if ref.zone == zone and kind_of(data := reader.get(oid)) is Kind.TAG:
                found[ref.name] = (oid, Tag.decode(data))
    return found


def commit_of(reader: Reader, oid: ObjectId) -> ObjectId:
    """The commit that a branch or tag points to, directly or through a tag object."""
    data = reader.get(oid)
    return Tag.decode(data).target if kind_of(data) is Kind.TAG else oid


def reflog(context: Context, place: Position) -> Iterator[Entry]:
    """The reflog of a branch, newest entry first."""
    with context.store.read() as reader:
        found = list(reader.reflog(refs.head(place.zone, place.branch)))
    for index, entry in enumerate(found):
        yield Entry(index, entry.old, entry.new, entry.who, entry.reason)
