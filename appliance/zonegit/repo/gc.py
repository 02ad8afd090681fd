"""`gc` of a repository: tells the store's `gc` which objects must stay although no ref reaches them."""

from collections.abc import Iterator
from contextlib import nullcontext
from typing import Final

from zonegit.model.ids import ObjectId
from zonegit.repo.position import HEAD, merge_setting
from zonegit.repo.stopped import Stopped
from zonegit.repo.transfers import begin_again
from zonegit.store import layout
from zonegit.store.gc import GcReport, Hooks, gc
from zonegit.store.lmdb import LmdbStore
from zonegit.store.marking import Progress
from zonegit.store.reader import StoreReader
from zonegit.store.retention import WEEK
from zonegit.store.tables import Table


def collect(
    store: LmdbStore,
    grace: float,
    now: float,
    *,
    dry_run: bool,
    patience: float | None = None,
    progress: Progress | None = None,
) -> GcReport:
    """Delete unreachable objects, and reflog entries that are older than `grace` seconds. `StoreBusy`.

    Published versions stay for a week, whatever the grace, and the newest for longer (`store.retention`).
    """
    since, week = int(now - grace), int(now - WEEK)
    with nullcontext() if dry_run else store.collecting():
        return gc(store, since, HOOKS, dry_run=dry_run, published_since=week, patience=patience, progress=progress)


def _stopped(reader: StoreReader) -> Iterator[ObjectId]:
    """Commits that a stopped merge, revert or cherry-pick of any user needs."""
    for _, value in reader.tables.scan(Table.META, layout.setting_key(merge_setting(HEAD))):
        yield from Stopped.decode(value).named


HOOKS: Final = Hooks(_stopped, begin_again)
