"""Nothing that didn't pass the gate was ever seen by a client that polls: not at a node with a policy, not at its
secondary, while processes are killed, configurations are loaded again, and daemons restarted.

For 12 seconds under each of two policies, or for as many as ZONEGIT_POLLED says.
"""

import os
import random
import signal
import socket
import threading
import time
from contextlib import closing, suppress
from pathlib import Path

import pytest

from daemonkit import PATIENCE, Daemon, new_reader, query, rcode, until
from peerkit import free_ports
from repokit import ZONE, parsed
from sshkit import private_key, write_key
from zonegit.errors import MergeConflict, NotFound, Refused, RevisionError
from zonegit.model.ids import ObjectId
from zonegit.model.rdata import A
from zonegit.model.refs import published as shown_as
from zonegit.repo import Repository
from zonegit.repo.reviews import Opinion
from zonegit.repo.serials import is_ahead
from zonegit.repo.signatures import mail_of
from zonegit.ssh.signing import public_key
from zonegit.store.fsck import fsck
from zonegit.store.lmdb import LmdbStore

SECONDS = float(os.environ.get("ZONEGIT_POLLED", "12"))
ORG = "example.org."
KEPT = bytes([192, 0, 2, 200])
WHO = ("Bob <bob@example.org>", "Eve <eve@example.org>")


class Client(threading.Thread):
    """Asks one node for what is there in all that passes the gate, and for the serial."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self.port = port
        self.ending = threading.Event()
        self.answers = 0
        self.serial: int | None = None
        self.wrong: list[str] = []

    def run(self) -> None:
        while not self.ending.is_set():
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                sock.connect(("127.0.0.1", self.port))
                sock.settimeout(0.2)
                with suppress(OSError):  # nobody answers at the moment
                    while not self.ending.is_set():
                        self.look(sock)

    def look(self, sock: socket.socket) -> None:
        sock.send(query("keep.example.org", A))
        answer = sock.recv(4096)
        if rcode(answer) or bytes([192, 0, 2, 200]) not in answer:
            self.wrong.append(f"code {rcode(answer)}, {len(answer)} bytes after serial {self.serial}")
        sock.send(query("example.org", 6))
        serial = int.from_bytes(sock.recv(4096)[-20:-16], "big")
        if self.serial not in (None, serial) and not is_ahead(serial, self.serial):
            self.wrong.append(f"serial {serial} after {self.serial}")
        self.serial = serial
        self.answers += 1


class Node:
    """A daemon at ports that stay its own, which is killed and started again."""

    def __init__(self, repo: Path, config: str) -> None:
        self.repo = repo
        (self.port,) = free_ports(1)
        self.file = repo / "zonegitd.toml"
        self.file.write_text(f'{config}[dns]\nlisten = ["127.0.0.1:{self.port}"]\nworkers = 1\n')
        self.start()

    def start(self) -> None:
        """Start it; again and again while a process of the daemon that was killed still has the port."""
        deadline = time.monotonic() + PATIENCE
        while not self._starts():
            assert time.monotonic() < deadline, "the port stays in use"

    def _starts(self) -> bool:
        daemon = self.daemon = Daemon("--repo", self.repo, "--config", self.file)
        until(lambda: daemon.has("listening") or daemon.process.poll() is not None, "a start")
        lines = daemon.log
        if any("listening" in line for line in lines):
            return True
        daemon.stop()
        assert any("Address already in use" in line for line in lines), lines
        return False

    def disturb(self, how: str) -> None:
        if how == "reload":
            self.daemon.signal(signal.SIGHUP)
        elif how == "restart":
            self.daemon.stop()
            self.start()
        elif how == "crash":
            self.daemon.process.kill()
            self.daemon.process.wait()
            until(lambda: not self.daemon.children(), "its end")
            self.daemon.stop()  # its log
            self.start()
        else:
            children = self.daemon.children()
            with suppress(ProcessLookupError):
                os.kill(random.choice(children), signal.SIGKILL)


def act(repository: Repository, last: int) -> None:
    """One commit: harmless, faulty, or one that corrects the faulty ones."""
    what = random.choice(("add", "add", "lose", "lose", "mend", "reset", "undo"))
    with suppress(MergeConflict, NotFound, Refused, RevisionError):  # the history may be too short
        if what == "add":
            repository.set(f"n{last}", A, 60, [bytes([10, 0, last >> 8, last & 255])], zone=ORG)
        elif what == "lose":
            repository.delete("keep", zone=ORG)
        elif what == "mend":
            repository.set("keep", A, 60, [bytes([192, 0, 2, 200])], zone=ORG)
        elif what == "reset":
            repository.reset(random.choice(("main~1", "main~2", "main~3")), zone=ORG)
        else:
            repository.revert("HEAD", zone=ORG)


def go_back(repository: Repository) -> None:
    """Move the branch to what is served."""
    (found,) = repository.publications(ORG)
    if found.published is not None:
        with suppress(NotFound, Refused, RevisionError):
            repository.reset(found.published.of.hex(), zone=ORG)


class Limits:
    """A policy that permits no deletion."""

    policy = "max_deletes = 0\n"

    def act(self, repository: Repository, last: int) -> None:
        if random.random() < 0.1:
            go_back(repository)
        else:
            act(repository, last)

    def finish(self, repository: Repository) -> None:
        """A commit that passes, whatever there was before."""
        go_back(repository)
        repository.set("done", A, 60, [bytes([10, 1, 1, 1])], zone=ORG)


class Reviews:
    """A policy that asks for one approval. Two reviewers approve of what is harmless, and reject anything."""

    def __init__(self, directory: Path) -> None:
        self.keys = {who: write_key(directory / f"key{at}", private_key(number=at)) for at, who in enumerate(WHO)}
        approvers = directory / "allowed_approvers"
        lines = [f"{mail_of(who)} {public_key(private_key(number=at)).line}\n" for at, who in enumerate(WHO)]
        approvers.write_text("".join(lines))
        self.policy = f'approvals = 1\nallowed_approvers = "{approvers}"\n'

    def act(self, repository: Repository, last: int) -> None:
        with suppress(NotFound, Refused):
            what = random.choice(("commit", "commit", "commit", "approve", "approve", "reject", "back"))
            if what == "commit":
                act(repository, last)
            elif what == "back":
                go_back(repository)
            elif what == "reject":
                self.review(repository, Opinion.REJECT, random.choice(("main", "main~1", "main~2")))
            elif repository.rrset("keep", A, "main", zone=ORG).rdatas == (KEPT,):
                self.review(repository, Opinion.APPROVE, "main")

    def review(self, repository: Repository, opinion: Opinion, revision: str) -> None:
        who = random.choice(WHO)
        with suppress(RevisionError):
            commit = repository.resolve(revision, zone=ORG)
            repository.configure("user.signingkey", str(self.keys[who]))
            repository.review(commit, opinion, who=who, message="test")

    def finish(self, repository: Repository) -> None:
        go_back(repository)
        repository.set("done", A, 60, [bytes([10, 1, 1, 1])], zone=ORG)
        self.review(repository, Opinion.APPROVE, "main")


@pytest.mark.timeout(120 + 2 * SECONDS)
@pytest.mark.parametrize("reviewed", [False, True], ids=["limits", "reviews"])
def test_no_client_sees_what_did_not_pass(tmp_path: Path, reviewed: bool) -> None:
    keys, (port,) = new_reader(tmp_path / "keys"), free_ports(1)
    rules = Reviews(tmp_path) if reviewed else Limits()
    with Repository.init(tmp_path / "primary") as repository:
        repository.import_zone(parsed(ZONE + "keep 60 IN A 192.0.2.200\n"), source="test.zone")
    Repository.init(tmp_path / "secondary").close()
    served = f'[replication]\nlisten = "127.0.0.1:{port}"\nname = "p1"\n'
    primary = Node(
        tmp_path / "primary",
        f'keys = "{keys}"\n{served}[zone."{ORG}".publish]\n{rules.policy}',
    )
    followed = f'keys = "{keys}"\n[primary]\nurl = "http://127.0.0.1:{port}"\nname = "p1"\npull_interval = "1s"\n'
    nodes = [primary, Node(tmp_path / "secondary", followed)]
    clients = [Client(node.port) for node in nodes]
    last = 0
    try:
        until(lambda: all(answers(node.port) for node in nodes), "the zone at both")
        until(lambda: published(tmp_path / "secondary"), "its version at the secondary")
        for client in clients:
            client.start()
        disturbed = threading.Thread(target=disturb, args=(nodes, time.monotonic() + SECONDS))
        disturbed.start()
        with Repository.open(tmp_path / "primary") as repository:
            while disturbed.is_alive():
                last += 1
                rules.act(repository, last)
                time.sleep(0.01)  # so that the publisher sees some of them as tips
            disturbed.join()
            until(lambda: finished(repository, rules), "a last commit")
        until(lambda: all(clients[n].serial == clients[0].serial for n in (0, 1)), "the same serial at both")
    finally:
        for client in clients:
            client.ending.set()
            if client.is_alive():
                client.join()
        for node in nodes:
            node.daemon.stop()
    print(
        f"{last} steps, {versions(tmp_path / 'primary')} versions, {[client.answers for client in clients]} answers"
    )
    assert [client.wrong for client in clients] == [[], []]
    assert all(client.answers > 100 for client in clients)
    for name in ("primary", "secondary"):
        store = LmdbStore.open(tmp_path / name)
        assert fsck(store).problems == []
        store.close()


def finished(repository: Repository, rules: Limits | Reviews) -> bool:
    """Make a commit that passes; whether it does. The publisher may have published another one meanwhile."""
    rules.finish(repository)
    done = repository.resolve("main", zone=ORG).id
    with suppress(AssertionError):
        until(lambda: served_commit(repository) == done, "the last commit", 5)
    return served_commit(repository) == done


def served_commit(repository: Repository) -> ObjectId | None:
    (found,) = repository.publications()
    return found.published.of if found.published else None


def versions(repo: Path) -> int:
    """How often the zone was published."""
    with closing(LmdbStore.open(repo, readonly=True)) as store, store.read() as reader:
        return len(list(reader.reflog(shown_as(ORG, "main"))))


def disturb(nodes: list[Node], end: float) -> None:
    while time.monotonic() < end:
        how = random.choice(("kill", "kill", "kill", "reload", "restart", "crash"))
        random.choice(nodes).disturb(how)
        time.sleep(0.2)  # for the daemon to have something to lose


def answers(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("127.0.0.1", port))
        sock.settimeout(1)
        with suppress(OSError):
            sock.send(query("keep.example.org", A))
            return rcode(sock.recv(4096)) == 0
    return False


def published(repo: Path) -> bool:
    with Repository.open(repo, readonly=True) as repository:
        return bool(repository.publications())
