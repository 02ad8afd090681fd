"""Finds the commits that records come from (`blame`), and those that added and removed a record (`when`)."""

from collections.abc import Iterator

from zonegit.model.ids import ObjectId
from zonegit.model.names import Owner
from zonegit.model.rrset import RRset
from zonegit.repo.heads import is_automatic
from zonegit.repo.history import Span, read_commit, walk
from zonegit.repo.links import Link, Links
from zonegit.repo.record_lookup import RecordLookup
from zonegit.repo.results import Blame, Passage
from zonegit.tree.source import Nodes


def blame(nodes: Nodes, start: ObjectId, owner: Owner, rtype: int | None) -> list[Blame]:
    """For each record at an owner, the commit that added it, in canonical order.

    The rules are git's. An RRset that equals a parent's is attributed to that parent (the first such one) as a
    whole; otherwise each record is attributed to the first parent that has it. Nobody adds records in an automatic
    merge, so there a record may also come from a parent that has it with another TTL.
    """
    links = Links(nodes.source)
    records = RecordLookup(nodes, owner, rtype).records(links(start).zone_root)
    types = {record[0] for record in records}
    found = {number: _blame(links, start, RecordLookup(nodes, owner, number)) for number in types}
    return [
        Blame(owner, number, ttl, rdata, read_commit(nodes.source, found[number][rdata]))
        for number, ttl, rdata in sorted(records, key=lambda record: (record[0], record[2]))
    ]


def _blame(links: Links, start: ObjectId, lookup: RecordLookup) -> dict[bytes, ObjectId]:
    """The commits that the records of one RRset come from, by RDATA."""
    found: dict[bytes, ObjectId] = {}
    todo = [(links(start), lookup.records(links(start).zone_root))]
    while todo:
        link, sought = todo.pop()
        while sought:
            parents = [links(parent) for parent in link.parents]
            whole = next((each for each in parents if lookup.same(link.zone_root, each.zone_root)), None)
            if whole is not None:
                link = whole
                continue
            for parent in parents:
                passed = sought & lookup.records(parent.zone_root)
                if passed:
                    todo.append((parent, passed))
                    sought -= passed
            if sought and len(parents) > 1 and is_automatic(read_commit(links.source, link.id).commit):
                left = {rdata for _, _, rdata in sought}
                for parent in parents:
                    others = frozenset(each for each in lookup.records(parent.zone_root) if each[2] in left)
                    todo.append((parent, others))
                    left -= {rdata for _, _, rdata in others}
                sought = frozenset(each for each in sought if each[2] in left)
            found.update((rdata, link.id) for _, _, rdata in sought)
            break
    return found


def passages(nodes: Nodes, start: ObjectId, wanted: RRset) -> Iterator[Passage]:
    """The commits that have all records of `wanted` while no parent has, or the reverse; newest first.

    TTLs are ignored.
    """
    links = Links(nodes.source)
    lookup = RecordLookup(nodes, wanted.owner, wanted.rtype)

    def has(link: Link) -> bool:
        return _has(lookup, link.zone_root, wanted)

    for link in walk(links, Span((start,))):
        parents = [links(parent) for parent in link.parents]
        if any(lookup.same(link.zone_root, parent.zone_root) for parent in parents):
            continue
        here = has(link)
        if not any(has(parent) is here for parent in parents) and (here or parents):
            yield Passage(read_commit(nodes.source, link.id), came=here)


def stands(nodes: Nodes, start: ObjectId, wanted: RRset) -> bool:
    """Whether a commit has all records of an RRset. TTLs are ignored."""
    return _has(RecordLookup(nodes, wanted.owner, wanted.rtype), Links(nodes.source)(start).zone_root, wanted)


def _has(lookup: RecordLookup, zone_root: ObjectId, wanted: RRset) -> bool:
    return frozenset(wanted.rdatas) <= {rdata for _, _, rdata in lookup.records(zone_root)}
