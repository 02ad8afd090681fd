"""Work in a process of its own, for a verb that needs root's rights afterwards (`cli.ownership`)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from zonegit.errors import ZonegitError

if TYPE_CHECKING:
    from collections.abc import Callable


class _Failed(ZonegitError):
    """The error of the child. It gets the child's exit code."""


def in_child(work: Callable[[], str]) -> str:
    """The result of work that opens a repository, in a process of its own: this one stays root.

    What the child says is only text, for it may have become another user. Raises its `ZonegitError` again.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        with os.fdopen(writing, "w") as stream:
            code = _work(work, stream.write)
        os._exit(code)
    os.close(writing)
    with os.fdopen(reading) as stream:
        found = stream.read()
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code:
        error = _Failed(found or "the process that reads the repository ended early; try again")
        error.exit_code = max(code, 1)
        raise error
    return found


def _work(work: Callable[[], str], say: Callable[[str], object]) -> int:
    try:
        say(work())
    except ZonegitError as error:
        say(str(error))
        return error.exit_code
    except (Exception, KeyboardInterrupt) as error:
        say(f"unexpected error: {type(error).__name__}: {error}")
        return 1
    return 0
