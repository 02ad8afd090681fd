"""The publisher process: publishes what passes the policies of zones (docs/publishing.md).

It waits for commits (`store.commit_watch`). The branches whose refs moved are judged again, those that wait for a
time when it comes, and those whose policy names a file of signers that was changed. A validator may be slow, and so
may signing: branches with either are judged on other threads, so that no zone waits for another's. What a commit's
own transaction published (`repo.publishing.at_once`) is only reported here, and so is what `zonegit publish` did.

A zone whose policy was removed from the configuration is served from its branches' tips again; one that is signed
goes on being signed until that is ended.
"""

from __future__ import annotations

import logging
import signal
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from itertools import chain
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Final

from zonegit.daemon.changed_files import ChangedFiles
from zonegit.daemon.publish_report import PublishReport
from zonegit.daemon.writers_patience import writers_patience
from zonegit.errors import InvalidData, ZonegitError
from zonegit.model import refs
from zonegit.model.ids import ObjectId
from zonegit.model.refs import Ref, RefKind, RefName, parse
from zonegit.ops import log
from zonegit.ops.config import Config
from zonegit.ops.late_imports import import_dnspython_lean
from zonegit.ops.memory import give_back_free_memory, share_one_heap
from zonegit.ops.publish_policies import policies_of, publishers_of
from zonegit.ops.samples import Samples
from zonegit.ops.shared import SharedBlock
from zonegit.ops.validator import Validators
from zonegit.repo.context import Context
from zonegit.repo.dnssec.bootstrapping import hosts_with_news
from zonegit.repo.dnssec.remembered import remembered
from zonegit.repo.dnssec.requests import requests
from zonegit.repo.publishing.hand_over import hand_over
from zonegit.repo.publishing.in_force import note_policies
from zonegit.repo.publishing.policy import PublishPolicy
from zonegit.repo.publishing.publish import Stopped, begin_publishing, publish, stop_publishing
from zonegit.repo.publishing.reading import Publication, own_publications
from zonegit.repo.results import Position
from zonegit.store.lmdb import LmdbStore

if TYPE_CHECKING:
    from zonegit.repo.dnssec.stage import SigningStage

_LOOK: Final = 0.05
"""Seconds between two looks while no commit is announced: one may be missed, and times come."""
_AGAIN: Final = 5.0
"""Seconds until a branch is judged again that couldn't be published."""
_STEP: Final = 60.0
"""Seconds by which a clock goes back that was wrong; less is adjustment."""
_LONG: Final = 5.0
"""Seconds of a publication that took much memory, as the first one of a large zone that is signed."""
_FILES: Final = 1.0
"""Seconds between two looks at the files of those who may sign and approve."""
_NODES: Final = 96
"""Nodes of trees that are kept decoded, of 5 KB each: a commit needs some ten of them."""
_FACTS: Final = 2048
"""Facts about objects that are kept, of 0.3 KB each: a commit needs some hundred of them."""
_THREADS: Final = 4
"""Validators that run at a time."""

_logger: Final = logging.getLogger(__name__)


def run(config: Config, block: SharedBlock, index: int) -> None:
    """Publish until SIGTERM. `StoreError` if it can't start."""
    share_one_heap()
    store = LmdbStore.open(config.repo, patience=writers_patience(_logger))
    store.limit_caches(_NODES, _FACTS)
    publisher = Publisher(store, config, block.samples(index))
    ending = False

    def end(_number: int, _frame: object) -> None:
        nonlocal ending
        ending = True

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGHUP, lambda *_: publisher.configure(block.config()))
    publisher.configure(block.config())  # a reload before the handler was there
    block.set_ready(index)
    try:
        while not ending:
            publisher.look()
            publisher.wait()
    finally:
        block.set_ready(index, False)
        publisher.close()
        store.close()


class Publisher:
    """Which branches are to be judged, and when. For one thread, but for `configure`."""

    def __init__(
        self, store: LmdbStore, config: Config, samples: Samples, clock: Callable[[], float] = time.time
    ) -> None:
        self._store = store
        self._commits = store.watch()
        self._context = Context.over(store, clock)
        self._configs = deque([config], maxlen=1)
        """The configuration to use from the next look on."""
        self._configured: Mapping[Position, PublishPolicy] = {}
        """The policies of the configuration."""
        self._publishers: Mapping[str, str] = {}
        """The peers that publish zones for this node, by zone."""
        self._policies: Mapping[Position, PublishPolicy] = {}
        """These, and those of zones that are still signed, though their table was removed."""
        self._samples = samples
        self._clock = clock
        self._txn = -1
        self._seq: int | None = None
        """How far the journal was read. None: all branches are to be judged."""
        self._waiting: dict[Position, float] = {}
        """Branches to be judged, and when they were found."""
        self._later: dict[Position, float] = {}
        """Branches to be judged at a time, however often they are judged before."""
        self._next = inf
        """None of these times is earlier."""
        self._looked = 0.0
        """When that was looked at last."""
        self._files = ChangedFiles()
        self._look_at_files = 0.0
        self._busy: dict[Position, Future[Publication | Stopped | None]] = {}
        self._done_with: dict[Position, ObjectId] = {}
        """The versions that the last looks at branches found or made."""
        self._moved: set[Position] = set()
        """Branches whose version has moved: the look that is under way may have done that."""
        self._threads = ThreadPoolExecutor(_THREADS)
        self._validators = Validators()
        self._signing: SigningStage | None = None
        """Made with the first zone that is to be signed: its libraries take memory."""
        self._report = PublishReport(samples)
        self._seldom = log.Seldom(_logger)

    def configure(self, config: Config) -> None:
        """Judge all branches by another configuration, from the next look on. A signal handler may call this."""
        self._configs.append(config)

    def look(self) -> None:
        """Judge the branches that moved, or whose time has come."""
        if self._configs:
            zones = self._configs.pop().zones
            self._configured, self._publishers = policies_of(zones), publishers_of(zones)
            self._seq, self._txn = None, -1
            self._validators.forget()
            self._look_at_files = 0.0
        for place in [place for place, future in self._busy.items() if future.done()]:
            self._done(place, self._busy.pop(place).result())
        try:
            # Before a reader is opened: a commit between the two is found at the next look.
            txn = self._store.txn_id()
            if txn != self._txn:
                if self._seq is None:
                    self._policies = self._with_signed(self._configured)
                    note_policies(self._store, self._policies)
                    self._report.begun(begin_publishing(self._context, self._policies))
                self._find_moved()
                self._txn = txn
            self._find_published()
        except ZonegitError as error:
            self._seldom("cannot check for branches to publish", error)
            return
        now = self._clock()
        went_back = now < self._looked - _STEP  # the clock: the times may be far away now
        if self._next <= now or went_back:
            for place in [place for place, when in self._later.items() if when <= now or went_back]:
                del self._later[place]
                self._waiting.setdefault(place, time.monotonic())
            self._next = min(self._later.values(), default=inf)
        self._looked = now
        if self._look_at_files <= now or self._look_at_files > now + _FILES:
            self._look_at_files = now + _FILES
            self._find_resigned()
        for place in [place for place in self._waiting if place not in self._busy]:
            self._begin(place, self._waiting.pop(place))

    def wait(self) -> None:
        """Wait until there may be something to do."""
        self._commits.wait(_LOOK)

    def close(self) -> None:
        self._validators.stop()
        if self._signing is not None:
            self._signing.close()
        self._threads.shutdown(cancel_futures=True)  # they use the store
        self._commits.close()

    def _with_signed(self, policies: Mapping[Position, PublishPolicy]) -> Mapping[Position, PublishPolicy]:
        """The policies, and the last ones of zones that mustn't stop being signed while their parent has a DS."""
        with self._store.read() as reader:
            signed = dict(remembered(reader))
        found = dict(policies)
        for place, dnssec in signed.items():
            if place.zone in self._publishers:
                continue
            policy = policies.get(place, PublishPolicy())
            if policy.dnssec is None:
                found[place] = policy._replace(dnssec=dnssec)
                log.event(
                    _logger,
                    "still signing a zone without a table dnssec: 'zonegit dnssec disable' ends that safely",
                    logging.WARNING,
                    **place._asdict(),
                )
        return found

    def _find_moved(self) -> None:
        policies = self._policies
        with self._store.read() as reader:
            seq = reader.seq
            moved = reader.moved_since(self._seq) if self._seq is not None else None
            found = {*policies, *own_publications(reader)} if moved is None else set[Position]()
            asked = {*(zone for zone, _ in requests(reader)), *hosts_with_news(reader)}
        for ref in _parsed(moved or ()):
            if ref.kind is RefKind.PUBLISHED:
                self._moved |= {Position(ref.zone, ref.name)} & policies.keys()
            else:
                found.update(self._concerned(ref))
        if asked:
            found |= {place for place in policies if place.zone in asked}
        for place in found:
            self._waiting.setdefault(place, time.monotonic())
        self._seq = seq

    def _find_published(self) -> None:
        """Have the branches judged again whose version another process has moved."""
        found = [place for place in self._moved if place not in self._busy]
        if found:
            with self._store.read() as reader:
                versions = {place: reader.ref(refs.published(place.zone, place.branch)) for place in found}
            self._moved.difference_update(found)
            for place, version in versions.items():
                if version != self._done_with.get(place):
                    self._waiting.setdefault(place, time.monotonic())

    def _find_resigned(self) -> None:
        """Have the branches judged again for which others may sign or approve now."""
        files = {place: policy.files for place, policy in self._policies.items() if policy.files}
        changed = self._files.changed(set(chain.from_iterable(files.values())))
        if changed:
            for place, named in files.items():
                if not changed.isdisjoint(named):
                    self._waiting.setdefault(place, time.monotonic())

    def _concerned(self, ref: Ref) -> Iterator[Position]:
        """The branches with a policy that the move of a ref is about: for a review, all of its zone."""
        if ref.kind is RefKind.REVIEW:
            yield from (place for place in self._policies if place.zone == ref.zone)
        elif (place := Position(ref.zone, ref.name)) in self._policies:
            yield place

    def _begin(self, place: Position, since: float) -> None:
        policy = self._policies.get(place)
        if policy is not None and policy.dnssec is not None and self._signing is None:
            self._signing = _signing_stage(self._context, self._store.path)
        if policy is not None and (policy.validator or policy.dnssec):
            self._busy[place] = future = self._threads.submit(self._judge, place, policy, since)
            future.add_done_callback(lambda _: self._commits.wake())
        else:
            self._done(place, self._judge(place, policy, since))

    def _judge(self, place: Position, policy: PublishPolicy | None, since: float) -> Publication | Stopped | None:
        """Publish a branch, or stop that if it has no policy; None if that failed."""
        try:
            if policy is None and (peer := self._publishers.get(place.zone)) is not None:
                hand_over(self._context, place, peer)
                return Stopped.FOLLOWS_PEER
            if policy is None:
                return stop_publishing(self._context, place)
            began = time.monotonic()
            found = publish(self._context, place, policy, self._validators, sign=self._signing)
            if time.monotonic() - began > _LONG:
                give_back_free_memory()
        except ZonegitError as error:
            self._seldom(f"cannot publish a branch: {place.zone} {place.branch}", error)
            return None
        if found.released is not None:
            self._samples.observe("publish_duration_seconds", time.monotonic() - since)
        return found

    def _done(self, place: Position, found: Publication | Stopped | None) -> None:
        self._done_with.pop(place, None)
        if isinstance(found, Publication):
            self._report.publication(place, found)
            if found.published is not None:
                self._done_with[place] = found.published.version.id
            times = (found.held.until if found.held else None, found.again)
            self._judge_at(place, min((each for each in times if each is not None), default=None))
            if place not in self._configured and found.dnssec is not None and found.dnssec.is_over:
                self._seq, self._txn = None, -1
        elif found is not None:
            self._report.stopped(place, found)
        else:
            self._judge_at(place, self._clock() + _AGAIN)

    def _judge_at(self, place: Position, when: float | None) -> None:
        """Judge a branch again at this time, and not at the one that was known before."""
        self._later.pop(place, None)
        if when is not None:
            self._later[place] = when
            self._next = min(self._next, when)


def _parsed(names: Iterable[RefName]) -> Iterator[Ref]:
    """Refs by their names; what is none is left out."""
    for name in names:
        with suppress(InvalidData):
            yield parse(name)


def _signing_stage(context: Context, repo: Path) -> SigningStage:
    import_dnspython_lean()
    from zonegit.net.dns.parent_process import ParentProcesses
    from zonegit.repo.dnssec.parents import Parents
    from zonegit.repo.dnssec.stage import SigningStage

    return SigningStage(context, Parents(ParentProcesses().ask), repo)
