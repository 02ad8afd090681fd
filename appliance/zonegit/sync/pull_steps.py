"""What a pull has to ask for, in steps: the objects that the peer's refs need and that aren't here.

A large zone of which nothing is here is fetched by subtrees, several streams at once, its root last. To find the
subtrees, its commit, zone object and root node are inspected first. All other versions are fetched as differences
from what is here.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Final

from zonegit.errors import InvalidFrame, Unreachable
from zonegit.model.commit import Commit
from zonegit.model.ids import ObjectId, short
from zonegit.model.node import Inner, decode_node
from zonegit.model.refs import DEFAULT_BRANCH, parse
from zonegit.model.zone import Zone
from zonegit.repo.ancestry import have_list
from zonegit.store.port import Reader, Store
from zonegit.sync import limits
from zonegit.sync.closure import Position
from zonegit.sync.incoming import Job
from zonegit.sync.tips import Tip, Tips
from zonegit.sync.wire import PeerRefs

STREAMS: Final = 4
"""How many jobs of a step are worth running at once."""
SPLIT_RECORDS: Final = 20_000
"""A new zone with at least this many records is fetched by subtrees."""
MOST_LOOKED_AT: Final = 256
"""Up to this many new zones, each is inspected for its size; more of them fill the streams anyway."""


class Steps:
    """The jobs of one pull. Ask for the next step when all jobs of the step before are done."""

    def __init__(
        self, store: Store, peer: str, refs: PeerRefs, cursors: dict[str, bytes], split: int = SPLIT_RECORDS
    ) -> None:
        """`cursors` are the session's, by label; a cursor that a job resumes from is removed from them."""
        self._store = store
        self._peer = peer
        self._refs = refs
        self._cursors = cursors
        self._split = split
        self.looked_at: dict[ObjectId, bytes] = {}
        """The objects that came for jobs without a label; the receiver puts them here."""
        self._landed: list[Tip] = []
        """Tips that have arrived and that no ref points to yet."""
        self._resumed = False

    def __iter__(self) -> Iterator[list[Job]]:
        """One step after another. `Unreachable` if a tip is missing after the last one."""
        branches = self._missing(self._refs.branches)
        large: dict[ObjectId, tuple[ObjectId, ...]] = {}
        cold = self._cold(branches)
        if 0 < len(cold) <= MOST_LOOKED_AT:
            yield self._look_at(tip.oid for tip in cold)
            yield self._look_at(self._zone_root(tip) for tip in cold)
            roots = {tip.oid: zone.tree for tip in cold if (zone := self._zone(tip)).records >= self._split}
            if roots:
                yield self._look_at(roots.values())
                large = {oid: self._children(tree) for oid, tree in roots.items()}
                yield list(self._subtree_jobs(large))
            self.looked_at.clear()
        for tip in branches if large else ():
            if tip.oid in large:
                yield [self._version_job(tip.zone, [tip], large[tip.oid])]
                self._landed.append(tip)
        yield self._other_jobs()
        if self._resumed:
            yield self._other_jobs()  # a cursor of an older state may have skipped objects that the newer one needs
        again = self._missing(self._all_tips())
        if again:
            raise Unreachable(f"{self._peer} didn't send {short(again[0].oid)} of {again[0].zone}; will try again")

    def _all_tips(self) -> Iterator[Tip]:
        return chain(*self._refs.lists)

    def _missing(self, tips: Iterable[Tip]) -> Tips:
        with self._store.read() as reader:
            return Tips(tip for tip in tips if not reader.has(tip.oid))

    def _cold(self, branches: Iterable[Tip]) -> list[Tip]:
        """One branch of each new zone, the default one if it exists; incomplete if there are too many new zones."""
        found: dict[str, Tip] = {}
        with self._store.read() as reader:
            for tip in branches:
                fits = tip.zone not in found or tip.name == DEFAULT_BRANCH
                if fits and not _zone_tips(reader, self._peer, tip.zone):
                    found[tip.zone] = tip
                if len(found) > MOST_LOOKED_AT:
                    break
        return list(found.values())

    def _look_at(self, ids: Iterable[ObjectId]) -> list[Job]:
        wanted = list(dict.fromkeys(oid for oid in ids if oid not in self.looked_at))
        return [Job("", tuple(wanted[at : at + limits.MAX_LIST])) for at in range(0, len(wanted), limits.MAX_LIST)]

    def _zone_root(self, tip: Tip) -> ObjectId:
        return Commit.decode(self._seen(tip.oid)).zone_root

    def _zone(self, tip: Tip) -> Zone:
        return Zone.decode(self._seen(self._zone_root(tip)))

    def _children(self, tree: ObjectId) -> tuple[ObjectId, ...]:
        node = decode_node(self._seen(tree))
        return node.children if isinstance(node, Inner) else ()

    def _seen(self, oid: ObjectId) -> bytes:
        data = self.looked_at.get(oid)
        if data is None:
            raise InvalidFrame(f"the peer's answer lacks {short(oid)}")
        return data

    def _subtree_jobs(self, large: dict[ObjectId, tuple[ObjectId, ...]]) -> Iterator[Job]:
        """Missing subtrees in a few runs. A run that was interrupted before is resumed from its cursor."""
        resumed = {Position.decode(cursor).item: cursor for cursor in self._cursors.values()}
        with self._store.read() as reader:
            missing = [oid for children in large.values() for oid in children if not reader.has(oid)]
        size = max(1, -(-len(missing) // STREAMS))
        run: list[ObjectId] = []
        for oid in missing:
            if run and (len(run) >= size or oid in resumed):
                yield self._subtree_job(run, resumed)
                run = []
            run.append(oid)
        if run:
            yield self._subtree_job(run, resumed)

    def _subtree_job(self, run: list[ObjectId], resumed: dict[ObjectId, bytes]) -> Job:
        return Job(f"subtree {run[0].hex()}", tuple(run), cursor=resumed.get(run[0], b""))

    def _other_jobs(self) -> list[Job]:
        tips = self._missing(self._all_tips())
        parts = [tips[at : at + limits.MAX_WANTS] for at in range(0, len(tips), limits.MAX_WANTS)]
        return [self._version_job(f"versions {at}", part, ()) for at, part in enumerate(parts)]

    def _version_job(self, label: str, tips: Sequence[Tip], have: tuple[ObjectId, ...]) -> Job:
        zones = dict.fromkeys(tip.zone for tip in tips)
        landed = [tip.oid for tip in self._landed if tip.zone in zones]
        with self._store.read() as reader:
            known = [oid for zone in zones for oid in _zone_tips(reader, self._peer, zone)]
            commits = have_list(reader, dict.fromkeys(landed + known), limits.MAX_HAVES - len(have))
        cursor = self._cursors.pop(label, b"")
        self._resumed |= bool(cursor)
        return Job(label, tuple(dict.fromkeys(tip.oid for tip in tips)), (*have, *commits), cursor)


def _zone_tips(reader: Reader, peer: str, zone: str) -> list[ObjectId]:
    """The tips of a zone's branches here, including the tracked ones of the peer."""
    found = []
    for prefix in (f"refs/heads/{zone}/", f"refs/remotes/{peer}/{zone}/"):
        found += [oid for name, oid in reader.refs(prefix) if parse(name).zone == zone]
    return found
