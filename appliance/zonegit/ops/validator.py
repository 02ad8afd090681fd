"""Asks a policy's validator: a program that reads a zone file and exits with 0 if it may be served.

The program is the operator's; what it reads may be an attacker's. So it is bounded in time, memory and output, and
its output is shown escaped. Whatever goes wrong with it counts as a refusal.
"""

import math
import os
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from resource import RLIMIT_AS, RLIMIT_CPU, RLIMIT_NPROC, prlimit
from select import select
from threading import Lock
from time import monotonic
from typing import IO, Final, NamedTuple, cast

from zonegit.errors import StoreBusy, ValidatorUnavailable
from zonegit.model.foreign import one_line
from zonegit.model.ids import ObjectId
from zonegit.repo.content import Content
from zonegit.repo.publishing.policy import Proposed, PublishPolicy
from zonegit.zonefile.writer import write_zone

MEMORY: Final = 2 << 30
"""Bytes of address space that it may use."""
PROCESSES: Final = 4096
"""Processes of the service's user, above which it can't start more."""
_OUTPUT: Final = 64 << 10
"""Bytes of its output that are kept; the rest is read and dropped."""
_SHOWN: Final = 200
"""Characters of its output that are shown."""
_LOOK: Final = 0.02
"""Seconds between two checks whether it has ended, while what it started may still write."""
_READS: Final = 16
"""Portions of 64 KiB that are read at a time."""
_REMEMBERED: Final = 1024
"""Refusals that are remembered."""
_ROUNDS: Final = 100
"""How often it is looked for processes that it left: they may start others meanwhile."""


class Validators:
    """Runs validators, on any threads, until `stop`.

    A program that refused a commit isn't asked about it again, as long as the same version is served. One that
    could not say so, as because it took too long, is.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._stopped = False
        self._refused: dict[_Question, str] = {}

    def __call__(self, policy: PublishPolicy, proposed: Proposed) -> str | None:
        """Run the policy's validator on a version; returns its complaint, of one line.

        `ValidatorUnavailable` if it can't be started, `StoreBusy` after `stop`.
        """
        question = _Question(policy.validator, _commit_of(proposed.old), proposed.new.revision.id)
        known = self._refused.get(question)
        if known is not None:
            return known
        status, found = self._run(policy, proposed)
        if found is not None and status is not None and status > 0:
            if len(self._refused) >= _REMEMBERED:
                self._refused.clear()
            self._refused[question] = found
        return found

    def forget(self) -> None:
        """Ask about everything again."""
        self._refused.clear()

    def _run(self, policy: PublishPolicy, proposed: Proposed) -> "_Outcome":
        name = policy.validator[0]
        from secrets import token_hex
        from tempfile import TemporaryFile

        run = token_hex(16)
        try:
            with TemporaryFile() as zone:
                for line in write_zone(proposed.new.apex, proposed.new.rrsets()):
                    zone.write(line.encode() + b"\n")
                zone.seek(0)
                process = self._start(policy.validator, zone, _environment(proposed, run))
        except (OSError, subprocess.SubprocessError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise ValidatorUnavailable(f"cannot run {one_line(name, _SHOWN)}: {reason}") from None
        try:
            found = _outcome(process, policy.validator_timeout)
        finally:
            _end(process, run)
            with self._lock:
                self._running.discard(process)
        if self._stopped:
            raise StoreBusy("the validator was stopped with the daemon")
        return found

    def stop(self) -> None:
        """End all that run. No other ones start any more."""
        with self._lock:
            self._stopped = True
            for process in self._running:
                _kill_group(process)

    def _start(
        self, command: tuple[str, ...], zone: IO[bytes], environment: Mapping[str, str]
    ) -> "subprocess.Popen[bytes]":
        with self._lock:
            if self._stopped:
                raise StoreBusy("no validator starts while the daemon stops")
            process = subprocess.Popen(  # noqa: S603 - the operator named it
                command,
                stdin=zone,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
            )
            self._running.add(process)
        return process


def validate(policy: PublishPolicy, proposed: Proposed) -> str | None:
    """Run a policy's validator on a version; returns its complaint, of one line. `ValidatorUnavailable`."""
    return Validators()(policy, proposed)


class _Question(NamedTuple):
    command: tuple[str, ...]
    old: ObjectId | None
    """The commit that is served."""
    new: ObjectId


class _Outcome(NamedTuple):
    """What came of a run."""

    status: int | None
    """The exit code, below 0 for a signal; None if it has none."""
    complaint: str | None


def _outcome(process: "subprocess.Popen[bytes]", seconds: float) -> _Outcome:
    deadline = monotonic() + seconds
    cpu = math.ceil(seconds) + 1  # it ends even if this process is killed
    for limit, most in ((RLIMIT_AS, MEMORY), (RLIMIT_CPU, cpu), (RLIMIT_NPROC, PROCESSES)):
        with suppress(ProcessLookupError, PermissionError):  # it has ended, or its limit is lower
            prlimit(process.pid, limit, (most, most))
    kept = bytearray()
    said = cast("IO[bytes]", process.stdout)
    with said:
        os.set_blocking(said.fileno(), False)
        reading = True
        while process.poll() is None and (left := deadline - monotonic()) > 0:
            if not reading:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(left)
            elif select([said], [], [], min(left, _LOOK))[0]:
                reading = _collect(said, kept)
        status = process.returncode
        how = _described(status, seconds)
        _kill_group(process)
        if reading:
            _collect(said, kept)  # what is in the pipe; what it started may hold that open
    if how is None:
        return _Outcome(status, None)
    lines = one_line(" / ".join(bytes(kept).decode(errors="replace").split("\n")[:3]).strip(" /"), _SHOWN)
    return _Outcome(status, f"{how}: {lines}" if lines else how)


def _end(process: "subprocess.Popen[bytes]", run: str) -> None:
    """End the program and everything that it started, in whatever session that runs."""
    _kill_group(process)
    process.wait()
    marked = f"ZONEGIT_RUN={run}\0".encode()
    for _ in range(_ROUNDS):
        left = [int(each.name) for each in Path("/proc").iterdir() if each.name.isdigit() and _has(each, marked)]
        if not left:
            return
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _has(process: Path, marked: bytes) -> bool:
    """Whether a process that runs was started with this in its environment."""
    try:
        return marked in (process / "environ").read_bytes()
    except OSError:  # it has ended, or is another user's
        return False


def _kill_group(process: "subprocess.Popen[bytes]") -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _described(status: int | None, seconds: float) -> str | None:
    if status is None:
        return f"the validator took more than {seconds:g} s"
    if not status:
        return None
    if status > 0:
        return f"the validator exited with {status}"
    try:
        return f"the validator was killed by {signal.Signals(-status).name}"
    except ValueError:  # a real-time signal
        return f"the validator was killed by signal {-status}"


def _collect(stream: IO[bytes], kept: bytearray) -> bool:
    """Take what the pipe holds, or some of it; whether more may come."""
    for _ in range(_READS):
        try:
            data = os.read(stream.fileno(), 1 << 16)
        except BlockingIOError:
            return True
        if not data:
            return False
        kept += data[: _OUTPUT - len(kept)]
    return True


def _environment(proposed: Proposed, run: str) -> Mapping[str, str]:
    """What the program knows beside the zone: its name, and the commits that are served and proposed. `run` marks
    it and what it starts.
    """
    old = _commit_of(proposed.old)
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "C.UTF-8",
        "ZONEGIT_ZONE": proposed.new.revision.commit.zone,
        "ZONEGIT_OLD": old.hex() if old else "",
        "ZONEGIT_NEW": proposed.new.revision.id.hex(),
        "ZONEGIT_RUN": run,
    }


def _commit_of(served: Content | None) -> ObjectId | None:
    """The commit that a published version shows."""
    return (served.revision.commit.publishes or served.revision.id) if served else None
