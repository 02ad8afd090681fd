"""A primary and a secondary as real processes: a cold start, live changes, failures, kills in the middle."""

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from daemonkit import Daemon, ask, new_reader, rcode, secondary_of, serial_of, until
from repokit import ZONE, parsed
from zonegit.model.refs import head
from zonegit.repo import Repository
from zonegit.store.fsck import fsck
from zonegit.store.lmdb import LmdbStore

OTHER = ZONE.replace("example.net", "example.com").replace("example.org", "example.net")


def set_www(repo: Path, address: str) -> None:
    code = (
        "import sys; from pathlib import Path; from zonegit.repo import Repository\n"
        "with Repository.open(Path(sys.argv[1])) as r:\n"
        "    r.set('www', 1, 60, [bytes(map(int, sys.argv[2].split('.')))])\n"
    )
    subprocess.run([sys.executable, "-c", code, str(repo), address], check=True)


def answers(daemon: Daemon, address: bytes, name: str = "www.example.org") -> bool:
    return address in ask(daemon.port(), name, tries=3)


def has_view(path: Path) -> bool:
    store = LmdbStore.open(path, readonly=True)
    try:
        with store.read() as reader:
            return reader.view(head("example.org.", "main")) is not None
    finally:
        store.close()


def refs(path: Path) -> dict[str, bytes]:
    """Heads and tags, with the root of their index; the repository must be without a fault."""
    store = LmdbStore.open(path, readonly=True)
    try:
        assert fsck(store, lambda *_: None).problems == []
        with store.read() as reader:
            found = {name: oid for name, oid in reader.refs() if not name.startswith("refs/remotes/")}
            return {**found, "root": reader.index_root}
    finally:
        store.close()


def test_a_secondary_starts_empty_and_follows(tmp_path, repo, keys, primary, start):
    mirror = start(tmp_path / "mirror", *secondary_of(primary, keys))
    until(lambda: rcode(ask(mirror.port(), "example.org", 6)) == 0, "the zone at the secondary")
    for last in range(1, 4):
        set_www(repo, f"192.0.2.{last}")
        until(lambda last=last: answers(mirror, bytes([192, 0, 2, last])), "the change at the secondary")
    assert serial_of(mirror.port(), "example.org") == serial_of(primary.port(), "example.org")
    with Repository.open(repo) as repository:
        repository.import_zone(
            parsed(ZONE.replace("example.net", "example.com").replace("example.org", "example.net")), source="n"
        )
        until(lambda: rcode(ask(mirror.port(), "example.net", 6)) == 0, "the new zone at the secondary")
        repository.remove_zone("example.net.")
        until(lambda: rcode(ask(mirror.port(), "example.net", 6)) == 5, "the end of the zone at the secondary")
    assert primary.stop() == mirror.stop() == 0
    assert refs(tmp_path / "mirror") == refs(repo)


def test_a_primary_that_goes_and_comes_back(tmp_path, repo, keys, primary, start):
    mirror = start(tmp_path / "mirror", *secondary_of(primary, keys))
    until(lambda: rcode(ask(mirror.port(), "example.org", 6)) == 0, "the zone at the secondary")
    port = primary.port("replication")
    primary.stop()
    mirror.logged("result=unreachable")
    assert rcode(ask(mirror.port(), "example.org", 6)) == 0, "DNS goes on"
    set_www(repo, "192.0.2.77")
    start(repo, "--keys", keys, "--replicate-listen", f"127.0.0.1:{port}", "--replicate-name", "p1")
    until(lambda: answers(mirror, bytes([192, 0, 2, 77])), "the change at the secondary")


def test_a_wrong_token_moves_nothing_and_is_told(tmp_path, keys, primary, start):
    other = tmp_path / "other"
    new_reader(other)
    mirror = start(tmp_path / "mirror", *secondary_of(primary, other))
    mirror.logged("result=unauthorized")
    assert rcode(ask(mirror.port(), "example.org", 6)) == 5
    shutil.copy(keys / "k1.key", other / "k1.key")
    mirror.signal(signal.SIGHUP)
    until(lambda: rcode(ask(mirror.port(), "example.org", 6)) == 0, "the zone after the reload")


def test_new_keys_are_taken_up_and_a_bad_set_is_not(tmp_path, keys, primary, start):
    (keys / "k1.key").chmod(0o644)
    primary.signal(signal.SIGHUP)
    primary.logged("reload refused")
    (keys / "k1.key").chmod(0o600)
    mirror = start(tmp_path / "mirror", *secondary_of(primary, keys))
    until(lambda: rcode(ask(mirror.port(), "example.org", 6)) == 0, "the old key set still works")


def test_a_puller_killed_again_and_again_ends_in_the_same_repository(tmp_path, repo, keys, start):
    lines = "".join(f"h{at} 300 IN A 10.{at >> 16 & 255}.{at >> 8 & 255}.{at & 255}\n" for at in range(30_000))
    with Repository.open(repo) as repository:
        repository.import_zone(parsed(ZONE + lines), source="large")
    primary = start(repo, "--keys", keys, "--replicate-listen", "127.0.0.1:0", "--replicate-name", "p1")
    mirror = start(tmp_path / "mirror", *secondary_of(primary, keys))
    killed = 0
    for pause in (0.3, 0.35, 0.4, 0.45, 0.5, 0.55):
        until(lambda killed=killed: mirror.child("puller") not in (0, killed), "another puller")
        time.sleep(pause)  # somewhere between its start and its end
        killed = mirror.kill_child("puller")
    until(lambda: answers(mirror, bytes([10, 0, 0x75, 0x2F]), "h29999.example.org"), "the zone at the secondary")
    until(lambda: has_view(tmp_path / "mirror"), "the large zone's served view")
    mirror.stop()
    primary.stop()
    assert refs(tmp_path / "mirror") == refs(repo)
