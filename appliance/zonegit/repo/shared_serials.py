"""Finds other versions with the same serial: a file with that serial may come from any of them.

Each branch counts its own serials, so versions on two branches often have the same one.
"""

from collections.abc import Collection, Iterator
from heapq import heappop, heappush
from itertools import islice
from typing import Final

from zonegit.model.commit import Tag
from zonegit.model.ids import Kind, ObjectId, kind_of
from zonegit.model.refs import RefKind, RefName, parse
from zonegit.repo.history import read_commit
from zonegit.repo.links import Links, link_of
from zonegit.repo.results import Revision
from zonegit.repo.serials import ROUND
from zonegit.store.port import Reader, Store
from zonegit.tree.source import NodeSource

_LOGGED: Final = 10_000
"""The most moves of each ref that are searched, from the newest on."""


def sharing(store: Store, source: NodeSource, version: Revision, newer: Collection[ObjectId]) -> list[Revision]:
    """Commits of the zone that have this version's serial but other content, the highest sequence number first.

    The search starts at all branches, tags and remote-tracking branches, and at the entries in the reflogs of
    branches and tags. `newer` are the commits between the version and its branch's tip along first parents.
    """
    with store.read() as reader:
        starts = set(_starts(reader, version.commit.zone, version.commit.seq))
    links = Links(source)
    seq, serial = version.commit.seq, version.commit.serial
    met = {version.id}
    heap: list[tuple[int, ObjectId]] = []

    def meet(oid: ObjectId) -> None:
        # A commit's number is never below its parents', so no ancestor of a commit below `seq` is of interest.
        if oid not in met and (link := links(oid)).seq >= seq:
            heappush(heap, (-link.seq, oid))
        met.add(oid)

    for oid in (*newer, *sorted(starts)):
        meet(oid)
    found: list[Revision] = []
    while heap:
        link = links(heappop(heap)[1])
        if link.seq % ROUND == serial and link.zone_root != version.commit.zone_root:
            revision = read_commit(source, link.id)
            found += [] if revision.commit.is_tombstone else [revision]
        for parent in link.parents:
            meet(parent)
    return found


def _starts(reader: Reader, zone: str, seq: int) -> Iterator[ObjectId]:
    """Where the search starts: what the zone's refs point to now, and what they pointed to by their reflogs.

    Commits below `seq` may be left out.
    """
    for name, oid in reader.refs(f"refs/{RefKind.REMOTE}/"):
        if parse(name).zone == zone:
            yield oid
    for kind in (RefKind.HEAD, RefKind.TAG):
        prefix = f"refs/{kind}/{zone}/"
        tips = dict(reader.refs(prefix))
        for name in {*tips, *reader.logged(prefix)}:
            if name in tips:
                yield _commit(reader, tips[name])
            yield from _logged(reader, name, seq)


def _logged(reader: Reader, name: RefName, seq: int) -> Iterator[ObjectId]:
    """The commits in a ref's reflog, newest first. Those below `seq` may be left out."""
    is_below = False
    for move in islice(reader.reflog(name), _LOGGED):
        if move.new is None:
            is_below = False
        if is_below:  # a branch's sequence number never falls, unless the branch is deleted and created again
            continue
        for oid in (move.new, move.old):
            if oid is not None and reader.has(oid):
                commit = _commit(reader, oid)
                yield commit
                is_below = move.new is not None and link_of(commit, reader.get(commit)).seq < seq


def _commit(reader: Reader, named: ObjectId) -> ObjectId:
    data = reader.get(named)
    return Tag.decode(data).target if kind_of(data) is Kind.TAG else named
