"""Where the records at a name come from: `blame`, and the commits in which one came and went."""

from collections.abc import Iterator

from zonegit.model.ids import ObjectId
from zonegit.model.names import Owner
from zonegit.model.rrset import RRset
from zonegit.repo.history import Span, read_commit, walk
from zonegit.repo.links import Link, Links
from zonegit.repo.places import Place, Record
from zonegit.repo.results import Blame, Passage
from zonegit.tree.source import Nodes


def blame(nodes: Nodes, start: ObjectId, owner: Owner, rtype: int | None) -> list[Blame]:
    """For each record at an owner, the commit that put it there, in canonical order.

    As git's: an RRset that is the same in a parent is all that parent's (the first one's, of several); else each of
    its records is that of the first parent that has it.
    """
    links = Links(nodes.source)
    types = {record[0] for record in Place(nodes, owner, rtype).records(links(start).zone_root)}
    found: dict[Record, ObjectId] = {}
    for number in sorted(types):
        found.update(_blame(links, start, Place(nodes, owner, number)))
    return [
        Blame(owner, number, ttl, rdata, read_commit(nodes.source, found[number, ttl, rdata]))
        for number, ttl, rdata in sorted(found, key=lambda record: (record[0], record[2]))
    ]


def _blame(links: Links, start: ObjectId, place: Place) -> dict[Record, ObjectId]:
    """The same for one RRset."""
    found: dict[Record, ObjectId] = {}
    todo = [(links(start), place.records(links(start).zone_root))]
    while todo:
        link, sought = todo.pop()
        while sought:
            parents = [links(parent) for parent in link.parents]
            whole = next((each for each in parents if place.same(link.zone_root, each.zone_root)), None)
            if whole is not None:
                link = whole
                continue
            for parent in parents:
                passed = sought & place.records(parent.zone_root)
                if passed:
                    todo.append((parent, passed))
                    sought -= passed
            found.update(dict.fromkeys(sought, link.id))
            break
    return found


def passages(nodes: Nodes, start: ObjectId, wanted: RRset) -> Iterator[Passage]:
    """The commits that have an RRset's records at their owner and whose parents all haven't, or the other way.

    Newest first. `wanted` holds the records that have to be there, all of them, with any TTL.
    """
    links = Links(nodes.source)
    place = Place(nodes, wanted.owner, wanted.rtype)

    def has(link: Link) -> bool:
        return _has(place, link.zone_root, wanted)

    for link in walk(links, Span((start,))):
        parents = [links(parent) for parent in link.parents]
        if any(place.same(link.zone_root, parent.zone_root) for parent in parents):
            continue
        here = has(link)
        if not any(has(parent) is here for parent in parents) and (here or parents):
            yield Passage(read_commit(nodes.source, link.id), came=here)


def stands(nodes: Nodes, start: ObjectId, wanted: RRset) -> bool:
    """Whether a commit has all of an RRset's records at their owner, with any TTL."""
    return _has(Place(nodes, wanted.owner, wanted.rtype), Links(nodes.source)(start).zone_root, wanted)


def _has(place: Place, zone_root: ObjectId, wanted: RRset) -> bool:
    return frozenset(wanted.rdatas) <= {rdata for _, _, rdata in place.records(zone_root)}
