"""`gc` beside a primary and a secondary at work: every query is answered, every change arrives, all stays whole."""

import random
import threading
from contextlib import closing
from pathlib import Path

from daemonkit import ask, rcode, secondary_of, until
from faultkit import random_zone
from zonegit.repo import Repository
from zonegit.store.fsck import fsck
from zonegit.store.lmdb import LmdbStore

ROUNDS = 4
RECORDS = 3_000


class Asking:
    """Asks a server again and again, from a thread."""

    def __init__(self, port: int) -> None:
        self.answers = 0
        self.wrong: list[str] = []
        self._port = port
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        names = ["www.example.org", "no.example.org", "example.org"]
        while not self._stop.is_set():
            name = names[self.answers % len(names)]
            try:
                answer = ask(self._port, name)
            except OSError as error:
                self.wrong.append(f"{name}: {error}")
                return
            if rcode(answer) not in (0, 3):
                self.wrong.append(f"{name}: {rcode(answer)}")
            self.answers += 1


def state(path: Path) -> tuple[list[str], bytes, set[bytes]]:
    """What is wrong, the root of the ref index, and the ids of all objects."""
    with closing(LmdbStore.open(path, readonly=True)) as store:
        problems = fsck(store).problems
        with store.read() as reader:
            return problems, reader.index_root, set(reader.object_ids())


def test_beside_a_primary_and_a_secondary(tmp_path, repo, keys, primary, start):
    rng = random.Random(1)
    mirror = start(tmp_path / "mirror", *secondary_of(primary, keys))
    until(lambda: rcode(ask(mirror.port(), "example.org", 6)) == 0, "the zone at the secondary")
    asking = [Asking(primary.port()), Asking(mirror.port())]
    gone = [0, 0]
    try:
        with Repository.open(repo) as ours, Repository.open(tmp_path / "mirror") as theirs:
            for at in range(ROUNDS):
                ours.import_zone(random_zone(f"bulk{at}.example.", RECORDS, rng), source="bulk")
                if at:
                    ours.remove_zone(f"bulk{at - 1}.example.")
                for last in range(3):
                    ours.set("www", 1, 60, [bytes((192, 0, 2, 10 * at + last))], zone="example.org.")
                    for which, repository in enumerate((ours, theirs)):
                        gone[which] += sum(repository.gc(grace=-5).gone.values())
                until(
                    lambda at=at: bytes((192, 0, 2, 10 * at + 2)) in ask(mirror.port(), "www.example.org"),
                    "the change at the secondary",
                )
            until(lambda: theirs.zone_names() == ours.zone_names(), "all zones at the secondary")
            gone[0] += sum(ours.gc(grace=-5).gone.values())
            gone[1] += sum(theirs.gc(grace=-5).gone.values())
    finally:
        for each in asking:
            each.stop()
    assert [each.wrong for each in asking] == [[], []]
    assert min(each.answers for each in asking) > 100
    assert min(gone) > 0
    assert state(repo) == state(tmp_path / "mirror")
    assert state(repo)[0] == []
    assert mirror.stop() == 0
    assert not mirror.has("refused")
    assert not mirror.has("invalid")
