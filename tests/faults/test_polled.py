"""Nothing that didn't pass the gate was ever seen by a client that polls: not at a node with a policy, not at its
secondary, while processes are killed, configurations are loaded again, and daemons restarted.

For 20 seconds, or for as many as ZONEGIT_POLLED says.
"""

import os
import random
import signal
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path

from daemonkit import PATIENCE, Daemon, new_reader, query, rcode, until
from peerkit import free_ports
from repokit import ZONE, parsed
from zonegit.errors import MergeConflict, NotFound, Refused, RevisionError
from zonegit.model.rdata import A
from zonegit.repo import Repository
from zonegit.repo.serials import is_ahead
from zonegit.store.fsck import fsck
from zonegit.store.lmdb import LmdbStore

SECONDS = float(os.environ.get("ZONEGIT_POLLED", "20"))
ORG = "example.org."


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


def test_no_client_sees_what_did_not_pass(tmp_path: Path) -> None:
    keys, (port,) = new_reader(tmp_path / "keys"), free_ports(1)
    with Repository.init(tmp_path / "primary") as repository:
        repository.import_zone(parsed(ZONE + "keep 60 IN A 192.0.2.200\n"), source="test.zone")
    Repository.init(tmp_path / "secondary").close()
    served = f'[replication]\nlisten = "127.0.0.1:{port}"\nname = "p1"\n'
    primary = Node(
        tmp_path / "primary",
        f'keys = "{keys}"\n{served}[zone."{ORG}".publish]\nmax_deletes = 0\n',
    )
    followed = f'keys = "{keys}"\n[primary]\nurl = "http://127.0.0.1:{port}"\nname = "p1"\npull_interval = "1s"\n'
    nodes = [primary, Node(tmp_path / "secondary", followed)]
    clients = [Client(node.port) for node in nodes]
    try:
        until(lambda: all(answers(node.port) for node in nodes), "the zone at both")
        until(lambda: published(tmp_path / "secondary"), "its version at the secondary")
        for client in clients:
            client.start()
        disturbed = threading.Thread(target=disturb, args=(nodes, time.monotonic() + SECONDS))
        disturbed.start()
        with Repository.open(tmp_path / "primary") as repository:
            last = 0
            while disturbed.is_alive():
                last += 1
                act(repository, last)
                time.sleep(0.01)  # so that the publisher sees some of them as tips
            repository.set("keep", A, 60, [bytes([192, 0, 2, 200])], zone=ORG)
            done = repository.set("done", A, 60, [bytes([10, 1, 1, 1])], zone=ORG)
        disturbed.join()
        until(lambda: all(clients[n].serial == clients[0].serial for n in (0, 1)), "the same serial at both")
        assert done.new
    finally:
        for client in clients:
            client.ending.set()
            if client.is_alive():
                client.join()
        for node in nodes:
            node.daemon.stop()
    assert [client.wrong for client in clients] == [[], []]
    assert all(client.answers > 100 for client in clients)
    for name in ("primary", "secondary"):
        store = LmdbStore.open(tmp_path / name)
        assert fsck(store).problems == []
        store.close()


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
