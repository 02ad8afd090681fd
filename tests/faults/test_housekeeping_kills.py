"""kill -9 of `gc` and of `compact` at any moment: the repository is whole, and the next one goes on.

`ZONEGIT_KILLS` is the number of each (6); `ZONEGIT_SEED` repeats a run's moments.
"""

import os
import random
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from daemonkit import until
from faultkit import random_zone
from repokit import ZONE, parsed
from zonegit.repo import Repository
from zonegit.store.lmdb import LmdbStore

KILLS = int(os.environ.get("ZONEGIT_KILLS", "6"))
SEED = int(os.environ.get("ZONEGIT_SEED", str(random.randrange(1 << 32))))
RECORDS = 20_000

pytestmark = pytest.mark.timeout(120 + 20 * KILLS)


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A zone that stays, and a large one that was removed."""
    path = tmp_path / "repo"
    rng = random.Random(SEED)
    print(f"ZONEGIT_SEED={SEED} ZONEGIT_KILLS={KILLS}")
    with Repository.init(path) as repository:
        repository.import_zone(parsed(ZONE), source="test.zone")
        remove_another(repository, rng)
    return path


def remove_another(repository: Repository, rng: random.Random) -> None:
    repository.import_zone(random_zone("large.example.", RECORDS, rng), source="large")
    repository.remove_zone("large.example.")


def started(path: Path, *words: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-m", "zonegit.cli.main", "--repo", path, *words])


def finished(path: Path, *words: str) -> None:
    assert started(path, *words).wait() == 0


def objects(path: Path) -> int:
    with closing(LmdbStore.open(path, readonly=True)) as store, store.read() as reader:
        return sum(reader.object_counts().values())


def check(path: Path) -> None:
    with Repository.open(path, readonly=True) as repository:
        assert repository.fsck().problems == []
        assert repository.records("main", zone="example.org.") > 0


def test_gc_is_killed_and_the_next_one_goes_on(repo: Path) -> None:
    rng = random.Random(SEED)
    before = kept = objects(repo)
    for _ in range(KILLS):
        gc = started(repo, "gc", "--grace", "0")
        until = objects(repo) - rng.choice((0, 1, 500, 3000))
        while gc.poll() is None and objects(repo) > until:
            pass
        gc.kill()
        gc.wait()
        check(repo)
        if objects(repo) < before // 4:
            with Repository.open(repo) as repository:
                remove_another(repository, rng)
    finished(repo, "gc", "--grace", "0")
    check(repo)
    kept = objects(repo)
    assert kept < before // 10
    finished(repo, "gc", "--grace", "0")
    assert objects(repo) == kept


def test_compact_is_killed_and_the_file_is_the_old_one_or_the_new_one(repo: Path) -> None:
    rng = random.Random(SEED)
    finished(repo, "gc", "--grace", "0")
    data = repo / "data.mdb"
    for _ in range(KILLS):
        compact = started(repo, "compact")
        arrived = rng.choice((-1, 0, 1, 100_000, 200_000))

        def reached(arrived: int = arrived) -> bool:
            copies = list(repo.glob("compacting-*/data.mdb"))
            return any(copy.stat().st_size >= arrived for copy in copies)

        def over(process: "subprocess.Popen[bytes]" = compact) -> bool:
            return process.poll() is not None

        if arrived >= 0:
            until(lambda: over() or reached(), "the copy")
        compact.kill()
        compact.wait()
        check(repo)
        if data.stat().st_size < 1_000_000:
            with Repository.open(repo) as repository:
                remove_another(repository, rng)
            finished(repo, "gc", "--grace", "0")
    finished(repo, "compact")
    assert data.stat().st_size < 1_000_000
    assert sorted(file.name for file in repo.iterdir()) == ["data.mdb", "lock.mdb"]
    check(repo)
