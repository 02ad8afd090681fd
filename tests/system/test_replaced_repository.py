"""A repository that vanishes, or is replaced, under a running daemon. As processes."""

import shutil
import signal
import socket
from pathlib import Path

from daemonkit import Daemon, ask, query, rcode, secondary_of, until
from zonegit.repo import Repository
from zonegit.store.lmdb import LmdbStore

OLD, NEW = bytes([192, 0, 2, 10]), bytes([192, 0, 2, 99])


def unanswered(daemon: Daemon) -> bool:
    """Whether no answer comes within a second."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(1)
        sock.connect(("127.0.0.1", daemon.port()))
        try:
            sock.send(query("www.example.org"))
            sock.recv(4096)
        except OSError:
            return True
    return False


def test_a_replaced_one_is_answered_from(tmp_path: Path, repo: Path, keys: Path, primary: Daemon) -> None:
    assert OLD in ask(primary.port(), "www.example.org")
    other = tmp_path / "other"
    shutil.copytree(repo, other)
    with Repository.open(other) as repository:
        repository.set("www", 1, 60, [NEW])
    repo.rename(tmp_path / "old")
    other.rename(repo)
    until(lambda: NEW in ask(primary.port(), "www.example.org", tries=10), "the new one's answer")
    primary.logged("the repository was replaced")
    with Repository.open(repo) as repository:
        repository.set("www", 1, 60, [OLD])
    until(lambda: OLD in ask(primary.port(), "www.example.org", tries=10), "a commit to it")


def test_a_vanished_one_is_not_answered_from_and_none_is_made_in_its_place(
    tmp_path: Path, keys: Path, primary: Daemon, start
) -> None:
    path = tmp_path / "mirror"
    mirror = start(path, *secondary_of(primary, keys))
    until(lambda: rcode(ask(mirror.port(), "www.example.org")) == 0, "the zone at the secondary")
    path.rename(tmp_path / "away")
    mirror.logged("the repository is gone")
    mirror.signal(signal.SIGHUP)
    mirror.logged("reload refused")
    until(lambda: unanswered(mirror), "no answer any more")
    assert not path.exists()
    (tmp_path / "away").rename(path)
    until(lambda: OLD in ask(mirror.port(), "www.example.org", tries=10), "answers again")
    assert mirror.stop() == 0
    LmdbStore.open(path, readonly=True).close()


def test_a_secondary_starts_with_what_a_killed_start_left(
    tmp_path: Path, keys: Path, primary: Daemon, start
) -> None:
    path = tmp_path / "mirror"
    path.mkdir()
    (path / "data.mdb").write_bytes(bytes(4096))
    mirror = start(path, *secondary_of(primary, keys))
    until(lambda: rcode(ask(mirror.port(), "www.example.org")) == 0, "the zone at the secondary")
