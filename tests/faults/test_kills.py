"""kill -9 of secondary, puller and the primary's http process, again and again, while the primary commits.

`ZONEGIT_KILLS` is the number of each (4; `make faults` 200), `ZONEGIT_SEED` repeats a run's moments.
"""

import os
import random
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from daemonkit import Daemon, until
from faultkit import random_zone
from proxykit import Proxy
from repokit import ZONE, parsed
from storekit import index_root
from zonegit.auth.keyfile import new_key
from zonegit.auth.scope import parse_scope
from zonegit.model.ids import ObjectId
from zonegit.model.rdata import A
from zonegit.model.refs import head
from zonegit.repo import Repository
from zonegit.repo.ancestry import is_ancestor
from zonegit.store.fsck import fsck
from zonegit.store.lmdb import LmdbStore
from zonegit.sync import limits
from zonegit.sync.incoming import BATCH_BYTES
from zonegit.sync.pull_steps import STREAMS

KILLS = int(os.environ.get("ZONEGIT_KILLS", "4"))
SEED = int(os.environ.get("ZONEGIT_SEED", str(random.randrange(1 << 32))))
WINDOW = 1 << 16
"""Bytes of a stream that may be on their way (RFC 9113 §6.9.2)."""
UNFINISHED = STREAMS * (limits.GROUP_BYTES + 2 * WINDOW)
"""Bytes that a broken connection may cost: of each stream a group that isn't whole, and what is on its way."""
OPEN = STREAMS * BATCH_BYTES + UNFINISHED
"""Bytes that the end of a puller may cost: of each stream a batch too."""
BREATHER = 4
"""Kills of the http process between two ordinary restarts, since pauses double while a process keeps dying."""
LARGE, BULK = 40_000, 5_000
"""Records of 220 bytes in a zone that is there from the start, and in one that is replaced as a whole."""

pytestmark = pytest.mark.timeout(120 + 20 * KILLS)


class Committer:
    """Commits on the primary's repository from a thread of its own, and remembers what was acknowledged."""

    def __init__(self, path: Path, rng: random.Random) -> None:
        self.acknowledged: list[tuple[str, ObjectId]] = []
        self._rng = rng
        self._repository = Repository.open(path)
        self._stop = threading.Event()
        self._bulk = threading.Event()
        self._failed: BaseException | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def replace_bulk(self) -> None:
        """Have the bulk zone replaced soon."""
        self._bulk.set()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()
        self._repository.close()
        assert self._failed is None, f"a commit failed: {self._failed!r}"

    def _run(self) -> None:
        try:
            while not self._stop.wait(0.03):
                self._commit()
        except BaseException as error:
            self._failed = error

    def _commit(self) -> None:
        if self._bulk.is_set():
            self._bulk.clear()
            done = self._repository.import_zone(
                random_zone("bulk.example.", BULK, self._rng), source="bulk", replace=True
            )
        else:
            address = len(self.acknowledged).to_bytes(4, "big")
            name = f"k{self._rng.randrange(1000)}"
            done = self._repository.set(name, A, 60, [address], zone="example.org.")
        assert done.new is not None
        self.acknowledged.append((done.zone, done.new))


class Cluster:
    """A primary and a secondary that come and go, with a counting proxy between them."""

    def __init__(self, place: Path, repo: Path, keys: Path) -> None:
        self.repo = repo
        self.mirror = place / "mirror"
        self._keys = keys
        self.primary = self._start_primary()
        self.proxy = Proxy(self.primary.port("replication"))
        self.secondary: Daemon | None = None

    def close(self) -> None:
        for daemon in (self.secondary, self.primary):
            if daemon is not None:
                daemon.stop()
        self.proxy.close()

    def _start_primary(self) -> Daemon:
        more = ("--replicate-listen", "127.0.0.1:0", "--replicate-name", "p1")
        return Daemon.start(self.repo, "--workers", "1", "--keys", self._keys, *more)

    def restart_primary(self) -> None:
        assert self.primary.stop() == 0
        self.primary = self._start_primary()
        self.proxy.target = self.primary.port("replication")

    def start_secondary(self) -> Daemon:
        where = ("--primary", self.proxy.url, "--primary-name", "p1", "--key", "k1", "--keys", self._keys)
        more = ("--listen", "127.0.0.1:0", "--workers", "1", "--pull-interval", "1s")
        self.secondary = Daemon("--repo", self.mirror, *where, *more)
        return self.secondary

    def kill_secondary(self, *, all_at_once: bool) -> None:
        """kill -9 of the supervisor, with or without its children, which end with it in any case."""
        daemon = self.secondary
        assert daemon is not None
        children = daemon.children()
        daemon.process.kill()
        for pid in children if all_at_once else ():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        daemon.stop()
        until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in children), "the end of all children")
        self.secondary = None

    def same(self) -> bool:
        """Whether the secondary's branches and tags are the primary's."""
        return (self.mirror / "data.mdb").exists() and index_root(self.mirror) == index_root(self.repo)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    new_key(tmp_path / "keys", "k1", (parse_scope("read:*"),), time.time, os.urandom)
    with Repository.init(tmp_path / "repo") as repository:
        repository.import_zone(parsed(ZONE), source="test.zone")
        repository.import_zone(random_zone("large.example.", LARGE, random.Random(SEED)), source="large")
    found = Cluster(tmp_path, tmp_path / "repo", tmp_path / "keys")
    yield found
    found.close()
    shutil.rmtree(tmp_path / "repo")
    shutil.rmtree(tmp_path / "mirror", ignore_errors=True)


def kill_all_kinds(cluster: Cluster, committer: Committer, rng: random.Random) -> dict[str, int]:
    """`KILLS` kills of each kind at random moments of the lives of the three; how many there were."""
    kills = {"secondary": 0, "puller": 0, "http": 0}

    def pause() -> None:
        time.sleep(rng.uniform(0.05, 0.8))

    while min(kills.values()) < KILLS:
        secondary = cluster.start_secondary()
        committer.replace_bulk()
        early = rng.random() < 0.25 and kills["secondary"] < KILLS // 2
        if not early:
            secondary.logged("]: listening ")
            pause()
            secondary.kill_child("puller")
            kills["puller"] += 1
            pause()
            cluster.primary.kill_child("http")
            kills["http"] += 1
        pause()
        cluster.kill_secondary(all_at_once=rng.random() < 0.5)
        kills["secondary"] += 1
        if kills["http"] % BREATHER == 0:
            cluster.restart_primary()
    return kills


def test_nothing_is_lost_and_little_is_sent_again(cluster: Cluster) -> None:
    rng = random.Random(SEED)
    print(f"ZONEGIT_SEED={SEED} ZONEGIT_KILLS={KILLS}")
    committer = Committer(cluster.repo, random.Random(SEED))
    try:
        kills = kill_all_kinds(cluster, committer, rng)
        cluster.start_secondary()
    finally:
        committer.stop()
    deadline = time.monotonic() + 60
    while not cluster.same():
        assert time.monotonic() < deadline, cluster.secondary and cluster.secondary.log[-20:]
        time.sleep(0.05)
    sent = cluster.proxy.sent
    cluster.close()
    stored = check_both(cluster, committer.acknowledged)
    again = sent - stored
    allowed = (kills["secondary"] + kills["puller"]) * OPEN + kills["http"] * UNFINISHED
    print(
        f"{kills}; {len(committer.acknowledged)} commits; {cluster.proxy.connections} connections; "
        f"{sent:,} bytes sent for {stored:,} of objects: {again:,} more, "
        f"{again / sum(kills.values()):,.0f} per kill; allowed {allowed:,}"
    )
    assert again <= allowed


def check_both(cluster: Cluster, acknowledged: list[tuple[str, ObjectId]]) -> int:
    """Both repositories are without a fault and hold every acknowledged commit; bytes of the mirror's objects."""
    roots, size = set(), 0
    for path in (cluster.repo, cluster.mirror):
        store = LmdbStore.open(path, readonly=True)
        try:
            assert fsck(store, lambda *_: None).problems == []
            with store.read() as reader:
                roots.add(reader.index_root)
                newest = dict(acknowledged)
                tips = {zone: reader.ref(head(zone, "main")) for zone in newest}
                for zone, oid in newest.items():
                    assert tips[zone] == oid, f"the last commit to {zone} is not its tip"
                assert all(reader.has(oid) for _, oid in acknowledged)
                for zone, oid in random.Random(SEED).sample(acknowledged, min(20, len(acknowledged))):
                    assert is_ancestor(reader, oid, newest[zone])
                size = sum(len(reader.get(oid)) for oid in reader.object_ids())
        finally:
            store.close()
    assert len(roots) == 1
    return size
