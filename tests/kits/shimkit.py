"""A library that makes single system calls of another process fail, compiled for the test that wants it."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from daemonkit import environment

SOURCE = Path(__file__).with_name("failing_meta.c")


@dataclass(frozen=True)
class FailingMeta:
    """While `flag` is there, processes with `env` can't write LMDB's meta pages: EIO, as of a disk that breaks."""

    library: Path
    flag: Path

    @classmethod
    def compiled(cls, compiler: str, directory: Path) -> "FailingMeta":
        library = directory / "failing_meta.so"
        subprocess.run([compiler, "-shared", "-fPIC", "-o", library, SOURCE, "-ldl"], check=True, timeout=60)
        return cls(library, directory / "fail")

    @property
    def env(self) -> dict[str, str]:
        return environment(LD_PRELOAD=str(self.library), FAIL_META_WHILE=str(self.flag))

    def start(self) -> None:
        self.flag.touch()

    def stop(self) -> None:
        self.flag.unlink()
