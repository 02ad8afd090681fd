"""Walks over commits: ancestors in order, those that touched a name, and who put a record there."""

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from zonegit.model.commit import Commit
from zonegit.model.ids import ObjectId
from zonegit.model.names import Owner, owner_key
from zonegit.model.rrset import RRset
from zonegit.repo.content import Content
from zonegit.repo.results import Blame, Revision
from zonegit.tree.source import Nodes, NodeSource

Record = tuple[int, int, bytes]
"""type, TTL, RDATA"""


def read_commit(source: NodeSource, oid: ObjectId) -> Revision:
    return Revision(oid, Commit.decode(source.get(oid)))


@dataclass(frozen=True, slots=True)
class Range:
    """Commits to list: all that `of` reaches and `without` doesn't."""

    of: tuple[Revision, ...]
    without: tuple[Revision, ...] = ()


def ancestry(source: NodeSource, chosen: Range) -> Iterator[Revision]:
    """The commits and all their ancestors, newest first, each before its parents.

    Generations rise from parent to child: when a commit's turn comes, all that lead to it have had theirs, and it
    is known whether one of them is left out.
    """
    left_out = {revision.id for revision in chosen.without}
    begin = {revision.id: revision for revision in (*chosen.of, *chosen.without)}
    heap = [_ranked(revision) for revision in begin.values()]
    heapq.heapify(heap)
    seen = set(begin)
    wanted = len(begin.keys() - left_out)
    while wanted:
        revision = heapq.heappop(heap)[-1]
        out = revision.id in left_out
        if not out:
            wanted -= 1
            yield revision
        for parent in revision.commit.parents:
            if parent not in seen:
                seen.add(parent)
                heapq.heappush(heap, _ranked(read_commit(source, parent)))
                wanted += not out
            elif out and parent not in left_out:
                wanted -= 1
            if out:
                left_out.add(parent)


def _ranked(revision: Revision) -> tuple[int, int, ObjectId, Revision]:
    commit = revision.commit
    return -commit.generation, -commit.committer.time, revision.id, revision


def touching(nodes: Nodes, chosen: Range, owner: Owner, rtype: int | None) -> Iterator[Revision]:
    """Those of them in which what stands at an owner is otherwise than in each of their parents."""
    records = _records_reader(nodes, owner, rtype)
    for revision in ancestry(nodes.source, chosen):
        here = records(revision)
        parents = [read_commit(nodes.source, parent) for parent in revision.commit.parents]
        if all(records(parent) != here for parent in parents) and (parents or here):
            yield revision


def blame(nodes: Nodes, start: Revision, owner: Owner, rtype: int | None) -> list[Blame]:
    """For each record at an owner, the newest commit that put it there, in canonical order."""
    records = _records_reader(nodes, owner, rtype)
    sought: dict[ObjectId, set[Record]] = {start.id: set(records(start))}
    found: dict[Record, Revision] = {}
    for revision in ancestry(nodes.source, Range((start,))):
        mine = sought.pop(revision.id, set()) - found.keys()
        for parent_id in revision.commit.parents:
            passed = mine & records(read_commit(nodes.source, parent_id))
            sought.setdefault(parent_id, set()).update(passed)
            mine -= passed
        found.update(dict.fromkeys(mine, revision))
        if not any(sought.values()):
            break
    return [
        Blame(owner, rtype_, ttl, rdata, found[rtype_, ttl, rdata])
        for rtype_, ttl, rdata in sorted(found, key=lambda record: (record[0], record[2]))
    ]


def _records_reader(nodes: Nodes, owner: Owner, rtype: int | None) -> Callable[[Revision], frozenset[Record]]:
    """Reads the records at an owner, each version of the zone once."""
    key = owner_key(owner)
    known: dict[ObjectId, frozenset[Record]] = {}

    def records(revision: Revision) -> frozenset[Record]:
        root = revision.commit.zone_root
        if root not in known:
            at = Content.of(nodes, revision).tree.at(key)
            found = [RRset.decode(payload) for number, payload in at.items() if rtype in (None, number)]
            known[root] = frozenset(
                (rrset.rtype, rrset.ttl_of(rdata), rdata) for rrset in found for rdata in rrset.rdatas
            )
        return known[root]

    return records
