"""Three daemons in a ring, all of which write the same zones: kill -9, connections that are cut, contradictions.

`ZONEGIT_WRITERS` is how many seconds it lasts (8; five minutes is a good test), `ZONEGIT_SEED` repeats a run's
moments. Afterwards all have every commit that was acknowledged anywhere, and the same versions; and while it lasts
no serial that somebody was told ever falls.
"""

import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

import storekit
from daemonkit import Daemon, serial_of, until
from peerkit import free_ports
from proxykit import Proxy
from zonegit.auth.keyfile import new_key
from zonegit.auth.scope import parse_scope
from zonegit.errors import InvalidZone, NotFound
from zonegit.model.ids import ObjectId
from zonegit.model.names import from_text
from zonegit.model.rdata import CNAME, A
from zonegit.model.refs import RefName, head
from zonegit.repo import Repository
from zonegit.repo.ancestry import missing_commits
from zonegit.store.fsck import fsck
from zonegit.store.lmdb import LmdbStore

SECONDS = float(os.environ.get("ZONEGIT_WRITERS", "8"))
SEED = int(os.environ.get("ZONEGIT_SEED", str(random.randrange(1 << 32))))
NAMES = ("ams", "fra", "nyc")
ZONES = (f"first-{os.getpid()}.example.", f"second-{os.getpid()}.example.")
"""Names that no other test has: for a moment the port of a node that was killed may be another daemon's."""
CUT = 1 / 400
"""How probable it is that a connection is cut, for each piece of up to 16 KiB."""
HALF = 1 << 31

pytestmark = pytest.mark.timeout(180 + 2 * SECONDS)


class Node:
    """A repository, its daemon, somebody who writes to it, and somebody who looks at its serials."""

    def __init__(self, place: Path, keys: Path, at: int, port: int, proxy: Proxy, peer: Proxy) -> None:
        self.name = NAMES[at]
        self.repo = place / self.name
        self.proxy = proxy
        """Before the port at which the daemon is called."""
        self.acknowledged: list[tuple[str, ObjectId]] = []
        self.wrong: list[str] = []
        self.kills = 0
        self._rng = random.Random(SEED + at)
        self._served: dict[str, int] = {}
        self._config = place / f"{self.name}.toml"
        self._config.write_text(
            f'keys = "{keys}"\n'
            f'[replication]\nlisten = "127.0.0.1:{port}"\nname = "{self.name}"\n'
            f'[[peer]]\nname = "{NAMES[(at + 1) % 3]}"\nurl = "{peer.url}"\ndirection = "both"\n'
            'policy = "merge"\nkey = "k1"\npull_interval = "1s"\n'
        )
        if at == 0:
            with Repository.init(self.repo) as repository:
                for zone in ZONES:
                    repository.add_zone(zone, nameservers=["ns.example.org."])
        else:
            Repository.init(self.repo).close()
        self.daemon = self._start()

    def _start(self) -> Daemon:
        return Daemon.start(self.repo, "--workers", "1", "--config", self._config)

    def write(self, end: threading.Event) -> None:
        """Commit this and that until the end."""
        try:
            with Repository.open(self.repo) as repository:
                while not end.wait(self._rng.uniform(0, 0.1)):
                    with suppress(InvalidZone, NotFound):
                        self._commit(repository)
        except BaseException as error:
            self.wrong.append(f"a commit at {self.name} failed: {error!r}")

    def _commit(self, repository: Repository) -> None:
        rng, zone = self._rng, self._rng.choice(ZONES)
        name = f"k{rng.randrange(12)}"
        what = rng.random()
        if what < 0.6:
            done = repository.add(name, A, 60, [bytes([192, 0, 2, rng.randrange(256)])], zone=zone)
        elif what < 0.75:
            done = repository.set(f"alias{rng.randrange(4)}", CNAME, 60, [from_text(f"{name}.{zone}")], zone=zone)
        elif what < 0.85:
            done = repository.set(f"alias{rng.randrange(4)}", A, 60, [bytes([192, 0, 2, 7])], zone=zone)
        else:
            done = repository.delete(name, zone=zone)
        assert done.new is not None
        if done.new != done.old:
            self.acknowledged.append((zone, done.new))

    def look(self, end: threading.Event) -> None:
        """Ask for serials, which never fall, whatever happens to the daemon in between."""
        while not end.wait(0.05):
            for zone in ZONES:
                with suppress(OSError, AssertionError, ValueError, IndexError):
                    self._compare(zone, serial_of(self.daemon.port(), zone))

    def _compare(self, zone: str, serial: int) -> None:
        before = self._served.get(zone, serial)
        if (serial - before) % (2 * HALF) >= HALF:
            self.wrong.append(f"{self.name} serves serial {serial} of {zone} after {before}")
        self._served[zone] = serial

    def kill(self, *, whole: bool) -> None:
        """kill -9 of all its processes, or of one of them."""
        children = self.daemon.children()
        self.kills += 1
        if not whole and children:
            with suppress(ProcessLookupError):
                os.kill(self._rng.choice(children), signal.SIGKILL)
            return
        for pid in (self.daemon.process.pid, *children):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.daemon.stop()
        until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in children), "the end of all children")
        self.daemon = self._start()

    def heads(self) -> dict[RefName, ObjectId]:
        return storekit.heads(self.repo)


@pytest.fixture
def ring(tmp_path: Path) -> Iterator[list[Node]]:
    """ams calls fra, fra calls nyc, nyc calls ams, each through a proxy."""
    scopes = (parse_scope("read:*"), parse_scope("push:*"))
    new_key(tmp_path / "keys", "k1", scopes, time.time, os.urandom)
    ports = free_ports(3)
    proxies = [Proxy(port) for port in ports]
    nodes: list[Node] = []
    try:
        for at, port in enumerate(ports):
            nodes.append(Node(tmp_path, tmp_path / "keys", at, port, proxies[at], proxies[(at + 1) % 3]))
        yield nodes
    finally:
        for node in nodes:
            node.daemon.stop()
        for proxy in proxies:
            proxy.close()


def test_all_come_to_have_what_anybody_wrote(ring: list[Node]) -> None:
    print(f"ZONEGIT_SEED={SEED} ZONEGIT_WRITERS={SECONDS:g}")
    until(lambda: all(len(node.heads()) == len(ZONES) for node in ring), "both zones at all three")
    chance = random.Random(SEED)
    for node in ring:
        node.proxy.cut = lambda _: chance.random() < CUT
    end = threading.Event()
    threads = [threading.Thread(target=run, args=(end,)) for node in ring for run in (node.write, node.look)]
    for thread in threads:
        thread.start()
    try:
        trouble(ring, random.Random(SEED))
    finally:
        end.set()
        for thread in threads:
            thread.join()
    for node in ring:
        node.proxy.cut = lambda _: False
    until(lambda: len({tuple(sorted(node.heads().items())) for node in ring}) == 1, "the same heads at all three")
    wrong = [line for node in ring for line in node.wrong]
    assert not wrong
    told = {zone: {serial_of(node.daemon.port(), zone) for node in ring} for zone in ZONES}
    until(lambda: all(len(serials_of(ring, zone)) == 1 for zone in ZONES), f"the same serials at all three: {told}")
    for node in ring:
        assert node.daemon.stop() == 0
    merges = check(ring)
    cuts = sum(node.proxy.cuts for node in ring)
    commits = sum(len(node.acknowledged) for node in ring)
    print(f"{commits} commits, {merges} merges, {sum(node.kills for node in ring)} kills, {cuts} cut connections")


def trouble(ring: list[Node], rng: random.Random) -> None:
    """Kill this and that for so long."""
    until_then = time.monotonic() + SECONDS
    while time.monotonic() < until_then:
        time.sleep(rng.uniform(0.2, 1.5))
        rng.choice(ring).kill(whole=rng.random() < 0.5)


def serials_of(ring: list[Node], zone: str) -> set[int]:
    return {serial_of(node.daemon.port(), zone) for node in ring}


def check(ring: list[Node]) -> int:
    """Every repository is without a fault and has every acknowledged commit in its branches; the merges in one."""
    written = [each for node in ring for each in node.acknowledged]
    merges = 0
    for node in ring:
        store = LmdbStore.open(node.repo, readonly=True)
        try:
            assert fsck(store, lambda *_: None).problems == []
            with store.read() as reader:
                for zone in ZONES:
                    tip = reader.ref(head(zone, "main"))
                    assert tip is not None
                    history = missing_commits(reader, [tip], [])
                    lost = [oid.hex() for where, oid in written if where == zone and oid not in history]
                    assert not lost, f"{node.name} lost commits of {zone}: {lost[:3]}"
                merges = sum(reader.get(oid).find(b"\nmergealg ") > 0 for oid in reader.object_ids())
        finally:
            store.close()
    return merges
