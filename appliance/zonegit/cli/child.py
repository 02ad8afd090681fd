"""Work in a process of its own, for a verb that needs root's rights afterwards (`cli.ownership`)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from zonegit.cli.output import Output


def in_child(work: Callable[[], str], out: Output) -> str:
    """The result of work that opens a repository, in a process of its own: this one stays root.

    If the work fails, its error was printed, and this raises `SystemExit` with its exit code.
    """
    from zonegit.cli.main import guarded

    def send() -> int:
        os.write(writing, work().encode())
        return 0

    out.flush()
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os._exit(guarded(send, out))
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        found = stream.read().decode()
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code:
        raise SystemExit(code)
    return found
