"""git beside zonegit: the objects of a repository as git's blobs, cloned and fetched over file://, durably."""

import subprocess
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from processes import MeasuringFailed, find_program, finished
from zonegit.store.lmdb import LmdbStore

_DURABLE: Final = ("-c", "core.fsync=all", "-c", "gc.auto=0", "-c", "maintenance.auto=false")
_AUTHOR: Final = b"committer bench <bench@example.org> 1767225600 +0000\n"
NOTE: Final = "git: the same objects as blobs over file://, into a bare repository on the same disk, core.fsync=all"


def objects_of(repo: Path, first: int = 0) -> list[bytes]:
    """A repository's objects behind the first so many, in the order in which they came."""
    store = LmdbStore.open(repo, readonly=True)
    try:
        with store.read() as reader:
            return [reader.get(oid) for at, oid in enumerate(reader.object_ids()) if at >= first]
    finally:
        store.close()


class GitStore:
    """A bare repository of blobs."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._git = find_program("git")
        self._files = 0
        finished([self._git, "init", "-q", "--bare", "-b", "main", str(path)])

    def commit(self, groups: Iterable[Sequence[bytes]]) -> None:
        """Add each group of objects as files of one more commit."""
        argv = [self._git, "-C", str(self.path), "fast-import", "--quiet"]
        with subprocess.Popen(argv, stdin=subprocess.PIPE) as process:
            assert process.stdin is not None
            for number, group in enumerate(groups):
                process.stdin.write(b"commit refs/heads/main\n" + _AUTHOR + b"data 0\n")
                if not number and self._files:
                    process.stdin.write(b"from refs/heads/main^0\n")
                for data in group:
                    name = b"%02x/%06d" % (self._files & 255, self._files)
                    process.stdin.write(b"M 100644 inline %b\ndata %d\n%b\n" % (name, len(data), data))
                    self._files += 1
        if process.returncode:
            raise MeasuringFailed("git fast-import failed")
        finished([self._git, "-C", str(self.path), "repack", "-q", "-a", "-d"])

    def clone(self, to: Path) -> float:
        """Seconds of a bare clone."""
        start = time.perf_counter()
        finished([self._git, *_DURABLE, "clone", "-q", "--bare", f"file://{self.path}", str(to)])
        return time.perf_counter() - start

    def fetch(self, clone: Path) -> float:
        """Seconds of fetching what a clone lacks."""
        start = time.perf_counter()
        finished([self._git, "-C", str(clone), *_DURABLE, "fetch", "-q", "origin", "+refs/heads/*:refs/heads/*"])
        return time.perf_counter() - start
