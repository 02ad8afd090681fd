"""Versions of other branches that have a version's serial: a file with it may have been exported from any of them.

Serials are counted on each branch, so the next commits on two branches have the same one.
"""

from collections.abc import Collection, Iterator
from heapq import heappop, heappush
from itertools import islice
from typing import Final

from zonegit.model.commit import Tag
from zonegit.model.ids import Kind, ObjectId, kind_of
from zonegit.model.refs import RefKind, parse
from zonegit.repo.history import read_commit
from zonegit.repo.links import Links
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
        starts = set(_starts(reader, version.commit.zone))
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


def _starts(reader: Reader, zone: str) -> Iterator[ObjectId]:
    """The commits that the zone's branches, tags and branches of remotes name, or named."""
    names = [name for kind in (RefKind.HEAD, RefKind.TAG) for name in reader.logged(f"refs/{kind}/{zone}/")]
    remotes = {name: oid for name, oid in reader.refs(f"refs/{RefKind.REMOTE}/") if parse(name).zone == zone}
    yield from remotes.values()
    for name in {*names, *(name for kind in ("heads", "tags") for name, _ in reader.refs(f"refs/{kind}/{zone}/"))}:
        tip = reader.ref(name)
        moves = islice(reader.reflog(name), _LOGGED)
        for oid in {tip, *(oid for move in moves for oid in (move.old, move.new))}:
            if oid is not None and reader.has(oid):
                data = reader.get(oid)
                yield Tag.decode(data).target if kind_of(data) is Kind.TAG else oid
