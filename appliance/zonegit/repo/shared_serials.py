"""Versions of other branches that have a version's serial: a file with it may have been exported from any of them.

Serials are counted on each branch, so the next commits on two branches have the same one.
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
"""Moves of each ref that are looked at, the newest ones."""


def sharing(store: Store, source: NodeSource, version: Revision, newer: Collection[ObjectId]) -> list[Revision]:
    """Commits of the zone that have this version's serial and other content, the highest sequence number first.

    They are looked for on all branches, tags and branches of remotes, and where reflogs say that branches were.
    `newer` are the commits between the version and its branch's tip along first parents, which needn't be read.
    """
    with store.read() as reader:
        starts = set(_starts(reader, version.commit.zone, version.commit.seq))
    links = Links(source)
    seq, serial = version.commit.seq, version.commit.serial
    met = {version.id}
    heap: list[tuple[int, ObjectId]] = []

    def meet(oid: ObjectId) -> None:
        # no commit's sequence number is below its parents': what is below the version's can't lead to it
        if oid not in met and (link := links(oid)).seq >= seq:
            heappush(heap, (-link.seq, oid))
        met.add(oid)

    for oid in (*newer, *sorted(starts)):
        meet(oid)
    found: list[Revision] = []
    while heap:
        link = links(heappop(heap)[1])
        if link.seq % ROUND == serial and link.zone_root != version.commit.zone_root:
            found.append(read_commit(source, link.id))
        for parent in link.parents:
            meet(parent)
    return found


def _starts(reader: Reader, zone: str, seq: int) -> Iterator[ObjectId]:
    """The commits from `seq` on that the zone's branches, tags and remotes' branches name, or named, or more."""
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
    is_below = False
    for move in islice(reader.reflog(name), _LOGGED):
        if move.new is None:
            is_below = False
        if is_below:  # a branch's sequence number never falls, until it is deleted and made anew
            continue
        for oid in (move.new, move.old):
            if oid is not None and reader.has(oid):
                commit = _commit(reader, oid)
                yield commit
                is_below = move.new is not None and link_of(commit, reader.get(commit)).seq < seq


def _commit(reader: Reader, named: ObjectId) -> ObjectId:
    data = reader.get(named)
    return Tag.decode(data).target if kind_of(data) is Kind.TAG else named
