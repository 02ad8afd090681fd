"""Checks a large zone in a process beside this one, which builds the zone's tree meanwhile.

The process is a fork: it has the zone already, and only the findings have to come back. It ends with them, and at
the latest when this one has no more use for them. If there is none, or it dies, the zone is checked here.
"""

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Final, NoReturn

from zonegit.model.names import WireName
from zonegit.model.rrset import RRKey
from zonegit.piped_values import receive, send
from zonegit.zonefile.check import check_entries
from zonegit.zonefile.findings import Finding
from zonegit.zonefile.progress import Report, silent

_LARGE: Final = 100_000
"""RRsets of a zone from which on a process pays: checking them takes a few tenths of a second."""

Entries = Sequence[tuple[RRKey, bytes]]
Findings = Callable[[], list[Finding]]
"""Waits for the findings of a zone."""


@contextmanager
def checking(apex: WireName, entries: Entries, report: Report = silent) -> Iterator[Findings]:
    """Check a whole zone, whose entries are in canonical order, during the work that follows if that can be.

    A process with several threads isn't forked. `report` is called only if the zone is checked here.
    """
    if len(entries) >= _LARGE and threading.active_count() == 1 and len(os.sched_getaffinity(0)) > 1:
        with checking_beside(apex, entries, report) as findings:
            yield findings
    else:
        yield lambda: check_entries(apex, entries, report)


@contextmanager
def checking_beside(apex: WireName, entries: Entries, report: Report = silent) -> Iterator[Findings]:
    """The same for a zone of any size, in a fork if there can be one."""
    reading, writing = os.pipe()
    try:
        child = os.fork()
    except OSError:
        os.close(reading)
        os.close(writing)
        yield lambda: check_entries(apex, entries, report)
        return
    if not child:
        _check(writing, apex, entries)
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:

        def findings() -> list[Finding]:
            try:
                found: list[Finding] = receive(stream)
            except EOFError:  # it died
                return check_entries(apex, entries, report)
            return found

        try:
            yield findings
        finally:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def _check(writing: int, apex: WireName, entries: Entries) -> NoReturn:
    """Write the findings into the pipe, in the fork, which ends with that whatever happens."""
    code = 1
    try:
        with os.fdopen(writing, "wb") as stream:
            send(stream, check_entries(apex, entries))
        code = 0
    finally:
        os._exit(code)
