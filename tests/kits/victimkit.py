"""A real `zonegitd` that hostile scripts are run against: what its http processes hold, how fast DNS answers."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from daemonkit import Daemon, ask, rcode, until
from rawh2 import RawClient
from repokit import ZONE
from zonegit.auth.key import Key
from zonegit.sync.wire import JSON_TYPE, PeerRefs

ROOM = 64 << 20
"""Bytes above idle that a hostile client may make an http process hold."""
CHILD = Path(__file__).parent / "asking_child.py"
LARGE = ZONE + "".join(f"h{at} 300 IN A 10.{at >> 16 & 255}.{at >> 8 & 255}.{at & 255}\n" for at in range(20_000))
"""A zone file of some 20,000 names."""


class Victim:
    """A daemon, a key that it takes, and connections to it that stay open until the script is over."""

    def __init__(self, daemon: Daemon, key: Key, workers: int = 1) -> None:
        self.daemon = daemon
        self.key = key
        self.port = daemon.port("replication")
        self.workers = workers
        self.pids = self.processes()
        self.clients: list[RawClient] = []
        with RawClient(self.port) as client:
            answer = client.ask("GET", "/v0/refs", client.signed("GET", "/v0/refs", key=key))
        (self.tip,) = [tip.oid for tip in PeerRefs.decode(answer.body).branches]

    def processes(self) -> list[int]:
        """The pids of its http processes."""
        return [self.daemon.child(name) for name in ("http", *(f"http-{at}" for at in range(1, self.workers)))]

    def connect(self, window: int | None = 0) -> RawClient:
        self.clients.append(RawClient(self.port, window=window))
        return self.clients[-1]

    def post(self, client: RawClient, path: str, body: bytes, *, kind: str = JSON_TYPE, end: bool = True) -> int:
        return client.send("POST", path, client.signed("POST", path, body, kind, key=self.key), body, end=end)

    def leave(self) -> None:
        for client in self.clients:
            client.close()
        self.clients.clear()

    def memory(self) -> list[int]:
        """The anonymous memory of each of them, in bytes: shares of files depend on who else has mapped them."""
        texts = [Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in self.pids]
        return [int(text.split("Pss_Anon:")[1].split()[0]) << 10 for text in texts]


V = TypeVar("V", bound=Victim)


def answered(client: RawClient) -> None:
    """Wait for the heads of all answers; for as many as come within a while."""
    client.sock.settimeout(2)
    try:
        while not all(answer.status for answer in client.answers.values()) and client.read():
            pass
    except TimeoutError:
        pass


def serves(victim: Victim) -> None:
    with RawClient(victim.port) as client:
        assert client.ask("GET", "/v0/refs", client.signed("GET", "/v0/refs", key=victim.key)).status == 200


def serves_soon(victim: Victim) -> None:
    """A good client from the same address, once the connections that were closed are counted off."""

    def served() -> bool:
        try:
            serves(victim)
        except (AssertionError, OSError):
            return False
        return True

    until(served, "an answer to a good client")


@contextmanager
def questions(port: int) -> Iterator[list[float]]:
    """Ask over UDP all the time, in a process of its own; the seconds that each answer took. Each must come."""
    taken: list[float] = []
    child = subprocess.Popen(
        [sys.executable, CHILD, str(port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        yield taken
    finally:
        output, _ = child.communicate(timeout=60)
    assert child.returncode == 0, "DNS stopped answering"
    taken += json.loads(output)


def p99(taken: list[float]) -> float:
    return sorted(taken)[len(taken) * 99 // 100]


def peak(victim: V, script: Callable[[V], None]) -> list[int]:
    """The most that each http process held while a script ran and its connections were open, in bytes."""
    found = victim.memory()
    over = threading.Event()

    def look() -> None:
        found[:] = map(max, found, victim.memory())

    def watch() -> None:
        while not over.wait(0.05):
            look()

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        script(victim)
    finally:
        over.set()
        thread.join(30)
    look()
    return found


def stays_small(victim: V, scripts: Sequence[Callable[[V], None]], after: Callable[[V], None]) -> None:
    """Run one script after the other: DNS answers all along, the http processes stay small and go on serving."""
    idle = victim.memory()
    with questions(victim.daemon.port()) as taken:
        for script in scripts:
            most = max(held - before for held, before in zip(peak(victim, script), idle, strict=True))
            print(f"{script.__name__}: {most >> 20} MiB above idle")
            assert most < ROOM, script.__name__
            victim.leave()
            after(victim)
    assert len(taken) > len(scripts)
    assert victim.processes() == victim.pids, "they are still the same processes"
    assert rcode(ask(victim.daemon.port(), "www.example.org")) == 0


def _give_way() -> None:
    """Have less of a claim on the processor than those who ask and answer: attackers have their own."""
    os.setpriority(os.PRIO_PROCESS, 0, 19)  # of this thread alone (setpriority(2)), so that nothing is to be undone


def slower_dns(victim: V, scripts: Sequence[Callable[[V], None]], after: Callable[[V], None]) -> float:
    """How many times DNS's p99 when it is quiet it is beside the scripts: the median of interleaved pairs."""
    ratios = []
    for _ in range(3):
        for script in scripts:
            with questions(victim.daemon.port()) as quiet:
                time.sleep(0.5)
            with questions(victim.daemon.port()) as loud, ThreadPoolExecutor(1, initializer=_give_way) as attacker:
                attacker.submit(script, victim).result()
            victim.leave()
            after(victim)
            if len(loud) >= 50:
                ratios.append(p99(loud) / p99(quiet))
                print(f"{script.__name__}: {1e3 * p99(quiet):.2f} ms when quiet, {1e3 * p99(loud):.2f} beside it")
    found = sorted(ratios)[len(ratios) // 2]
    print(f"p99 under attack: {found:.2f} times that of quiet, the median of {len(ratios)} pairs")
    return found
