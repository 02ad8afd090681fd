"""Programs that a measurement starts: where they are, on which core they run, and how they end.

Each one gets a process group of its own and is ended by that group's id, whatever happens to the measurement.
"""

import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from types import FrameType
from typing import Final, NamedTuple

_SYSTEM_PLACES: Final = "/usr/sbin:/usr/local/sbin:/sbin"
_GRACE: Final = 10.0
"""Seconds that a program has to end after SIGTERM."""
_SAMPLING: Final = 0.02
"""Seconds between two looks at a program's memory."""


class MeasuringFailed(Exception):
    """The measurement can't go on; the text says why."""


class ProgramMissing(MeasuringFailed):
    """A program isn't installed."""


def find_program(name: str) -> str:
    """A program's path; also looks where servers are that an ordinary user's PATH leaves out."""
    path = shutil.which(name) or shutil.which(name, path=_SYSTEM_PLACES)
    if path is None:
        raise ProgramMissing(f"{name} is not installed")
    return path


def own_program(name: str) -> str:
    """`zonegit` or `zonegitd` of the environment that this Python runs in."""
    path = Path(sys.executable).with_name(name)
    if not path.exists():
        raise ProgramMissing(f"{path} is missing: run this with .venv/bin/python after `make test`")
    return str(path)


@dataclass(frozen=True, slots=True)
class Cores:
    """Which processors the server under test gets, and which the load."""

    server: str | None
    """For `taskset -c`; None on a machine with a single core."""
    load: str | None
    load_count: int


def core_list() -> list[int]:
    """The usable cores; none where programs can't be pinned to them."""
    return sorted(os.sched_getaffinity(0)) if shutil.which("taskset") else []


def split_cores(usable: Sequence[int] | None = None) -> Cores:
    """The first usable core for the server, all others for the load."""
    cores = sorted(os.sched_getaffinity(0)) if usable is None else sorted(usable)
    if len(cores) < 2 or shutil.which("taskset") is None:
        return Cores(None, None, 1)
    return Cores(str(cores[0]), ",".join(map(str, cores[1:])), len(cores) - 1)


def pinned(argv: Sequence[str], cores: str | None) -> list[str]:
    """The command line that runs `argv` on these cores alone."""
    return list(argv) if cores is None else [find_program("taskset"), "-c", cores, *argv]


@contextmanager
def on_cores(cores: str | None) -> Iterator[None]:
    """Have this process run on these cores alone, as far as that goes."""
    before = os.sched_getaffinity(0)
    if cores is not None:
        os.sched_setaffinity(0, {int(core) for core in cores.split(",")})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def free_port() -> int:
    """A loopback port that is free for UDP and TCP just now."""
    while True:
        with socket.socket(type=socket.SOCK_STREAM) as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            tcp.bind(("127.0.0.1", 0))
            port: int = tcp.getsockname()[1]
            try:
                udp.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


@dataclass(frozen=True, slots=True)
class Program:
    """A running program and the file that its output goes to."""

    process: subprocess.Popen[bytes]
    log: Path

    def check(self) -> None:
        """Raise with the last lines of its output if it has ended."""
        code = self.process.poll()
        if code is not None:
            last = " | ".join(self.log.read_text(errors="replace").splitlines()[-5:])
            raise MeasuringFailed(f"{self.process.args!r} ended with {code}: {last}")


@contextmanager
def running(argv: Sequence[str], log: Path) -> Iterator[Program]:
    """Run a program until the block ends."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            list(argv), stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    try:
        yield Program(process, log)
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a program and what it started: politely, then not."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def finished(argv: Sequence[str], timeout: float = 600.0) -> str:
    """Run a program to its end and return what it printed; raises with its last words if it fails."""
    try:
        done = subprocess.run(
            list(argv), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout, check=False
        )
    except subprocess.TimeoutExpired:
        raise MeasuringFailed(f"{' '.join(argv)} did not end within {timeout:g} s") from None
    if done.returncode:
        last = " | ".join((done.stderr or done.stdout).splitlines()[-5:])
        raise MeasuringFailed(f"{' '.join(argv)} ended with {done.returncode}: {last}")
    return done.stdout


class Work(NamedTuple):
    """Seconds of processors that a process and all that stem from it had (proc(5), /proc/PID/stat)."""

    program: float
    """In its own code and that of its libraries: for zonegit the interpreter, LMDB, BLAKE3."""
    kernel: float

    def since(self, before: "Work") -> "Work":
        return Work(self.program - before.program, self.kernel - before.kernel)

    def plus(self, other: "Work") -> "Work":
        return Work(self.program + other.program, self.kernel + other.kernel)

    def shares(self, seconds: float) -> str:
        """What bounds it, in words: the shares of a time of which it worked that much."""
        waits = seconds - sum(self)
        named = (("program", self.program), ("kernel", self.kernel), ("waits", waits))
        return ", ".join(f"{name} {100 * part / seconds:.0f} %" for name, part in named if part >= seconds / 50)


NO_WORK: Final = Work(0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Usage:
    """What a program took until its end."""

    wall: float
    """Seconds."""
    work: Work
    peak: int
    """Bytes: its largest resident set, mapped files included."""


def measured(argv: Sequence[str], log: Path) -> Usage:
    """Run a program to its end and tell what it took; raises with its last words if it fails.

    (`wait4` would count this process's own memory in, as it was when it began the other one.)
    """
    peak = 0
    before = _work_of_ended()
    start = perf_counter()
    with running(argv, log) as program:
        while program.process.poll() is None:
            peak = max(peak, _peak_memory(program.process.pid))
            with suppress(subprocess.TimeoutExpired):
                program.process.wait(_SAMPLING)
        wall = perf_counter() - start
        if program.process.returncode:
            program.check()
    return Usage(wall, _work_of_ended().since(before), peak)


def own_work() -> Work:
    """What this process worked so far, without its children."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return Work(used.ru_utime, used.ru_stime)


def _work_of_ended() -> Work:
    """Of all children of this process that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Work(used.ru_utime, used.ru_stime)


def _peak_memory(pid: int) -> int:
    """Bytes of a process's largest resident set so far (proc(5), VmHWM); 0 once it has ended."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


def family(pid: int) -> Iterator[int]:
    """A process and all that stem from it."""
    yield pid
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield from family(int(child))


def work(pid: int) -> Work:
    """What a process and all that stem from it worked so far, those that have ended included."""
    tick = 1 / os.sysconf("SC_CLK_TCK")
    found = NO_WORK
    for each in family(pid):
        fields = Path(f"/proc/{each}/stat").read_text().rpartition(") ")[2].split()
        program, kernel, ended_program, ended_kernel = map(int, fields[11:15])
        found = found.plus(Work(tick * (program + ended_program), tick * (kernel + ended_kernel)))
    return found


def worked(pid: int) -> float:
    """Seconds of a processor that a process and all that stem from it had so far."""
    return sum(work(pid))


def end_on_signals() -> None:
    """Let SIGTERM and SIGHUP unwind the script like Ctrl-C does, so that nothing it started stays behind."""

    def stop(number: int, _: FrameType | None) -> None:
        raise SystemExit(128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
