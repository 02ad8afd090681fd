"""The shapes of `--json`, documented in docs/cli.md. Records are RFC 8427 objects, one for each record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from zonegit.cli import render
from zonegit.model.names import Owner, WireName, absolute, parse_apex, to_text
from zonegit.zonefile.rfc8427 import rrset_objects
from zonegit.zonefile.types import type_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from zonegit.model.commit import Stamp, Tag
    from zonegit.model.ids import ObjectId
    from zonegit.model.rrset import RRset
    from zonegit.repo import Blame, Change, Combined, Committed, Entry, Passage, Restored, Revision, ZoneSummary
    from zonegit.repo.results import Alongside
    from zonegit.zonefile.findings import Finding

JsonObject = Mapping[str, object]


def oid(value: ObjectId | None) -> str | None:
    """64 hex digits; null if there is none."""
    return value.hex() if value else None


def stamp(value: Stamp) -> JsonObject:
    """A stamp; the time in Unix seconds, and in UTC as in RFC 3339."""
    when = render.moment(value).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"name": value.name, "time": value.time, "date": when}


def records(rrset: RRset | None, apex: WireName) -> list[JsonObject]:
    """The records of an RRset; none for None."""
    return list(rrset_objects(rrset, apex)) if rrset else []


def commit(revision: Revision) -> JsonObject:
    value = revision.commit
    return {
        "commit": revision.id.hex(),
        "zone": value.zone,
        "zone_root": value.zone_root.hex(),
        "parents": [parent.hex() for parent in value.parents],
        "serial": value.serial,
        "seq": value.seq,
        "author": stamp(value.author),
        "committer": stamp(value.committer),
        "message": value.message,
        "not_before": value.not_before,
    }


def shown(revision: Revision, changes: Iterable[Change | Combined], by: tuple[ObjectId, Tag] | None) -> JsonObject:
    """A commit, what it changed, and the tag object that named it."""
    apex = parse_apex(revision.commit.zone)
    return {**commit(revision), "changes": [change(item, apex) for item in changes], "tag": tag(by)}


def tag(value: tuple[ObjectId, Tag] | None) -> JsonObject | None:
    """An annotated tag; null for any other."""
    if value is None:
        return None
    oid, made = value
    return {"object": oid.hex(), "name": made.name, "tagger": stamp(made.tagger), "message": made.message}


def change(value: Change | Combined, apex: WireName) -> JsonObject:
    """One changed RRset, complete, before and after; for a merge also in each parent."""
    olds = [records(old, apex) for old in value.olds]
    place = _place(value.owner, value.rtype, apex)
    found = {**place, "old": olds[0], "new": records(value.new, apex)}
    return {**found, "parents": olds} if len(olds) > 1 else found


def passage(value: Passage) -> JsonObject:
    """A commit that added or removed a record."""
    return {"event": "came" if value.came else "went", "commit": commit(value.revision)}


def finding(value: Finding, apex: WireName) -> JsonObject:
    return {
        "severity": value.severity.name.lower(),
        "check": value.check,
        "name": to_text(absolute(value.owner, apex)),
        "message": value.message,
        "more": value.more,
    }


def committed(value: Committed, changes: list[Change]) -> JsonObject:
    """What a writing verb did; `changes` have the served serials in the SOA."""
    apex = parse_apex(value.zone)
    return {
        "zone": value.zone,
        "branch": value.branch,
        "old": oid(value.old),
        "new": oid(value.new),
        "serial": value.serial,
        "change_count": value.change_count,
        "changes": [change(item, apex) for item in changes],
        "findings": [finding(item, apex) for item in value.findings],
        "lacks_view": value.lacks_view or None,
    }


def blame(value: Blame, apex: WireName) -> JsonObject:
    return {"record": records(render.blamed(value), apex)[0], "commit": commit(value.revision)}


def reflog_entry(value: Entry) -> JsonObject:
    return {
        "index": value.number,
        "old": oid(value.old),
        "new": oid(value.new),
        "who": stamp(value.who),
        "reason": value.reason,
    }


def alongside(value: Alongside) -> JsonObject:
    return {"zone": value.zone, "branch": value.branch, "commit": oid(value.commit), "last": value.last}


def zone(value: ZoneSummary, current: str) -> JsonObject:
    return {
        "zone": value.zone,
        "current": value.zone == current,
        "branch": value.branch,
        "commit": value.id.hex(),
        "serial": value.serial,
        "records": value.records,
        "branches": list(value.branches),
        "time": value.time,
    }


def restored(value: Restored) -> JsonObject:
    return {
        "zone": value.zone,
        "current": value.current,
        "branches": list(refs(value.branches)),
        "tags": list(refs(value.tags)),
    }


def refs(found: dict[str, ObjectId], current: str | None = None) -> Iterator[JsonObject]:
    """Branches, each with whether HEAD names it, or tags."""
    for name, target in found.items():
        item: JsonObject = {"name": name, "commit": target.hex()}
        yield item if current is None else {**item, "current": name == current}


def _place(owner: Owner, rtype: int, apex: WireName) -> JsonObject:
    return {"name": to_text(absolute(owner, apex)), "type": type_text(rtype)}
