"""Entry point of `zonegit`: runs a verb, and turns every error into one line and an exit code.

`ZONEGIT_DEBUG=1` shows the traceback of an unexpected error.
"""

from __future__ import annotations

import gc
import os
import sys
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from signal import SIG_DFL, SIGCHLD, signal
from typing import TYPE_CHECKING, Final

from zonegit.errors import ZonegitError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from zonegit.cli.output import Output

_BROKEN_PIPE: Final = 128 + 13
_INTERRUPTED: Final = 128 + 2
_CLOCK: Final = "PyTime_t"
"""Part of Python's error for a clock whose nanoseconds don't fit in 64 bits."""
_REPORTED: Final = frozenset(
    {
        *("init", "import", "set", "add", "delete", "batch", "ttl", "rename", "apply", "edit", "plan", "reset"),
        *("clone", "fetch", "push", "pull", "sync"),
        *("undo", "redo", "merge", "revert", "cherry-pick", "backup", "restore", "fsck", "gc", "compact"),
        *("sign-commit", "keygen"),
    }
)
"""Verbs whose interruption is reported even before the parser is loaded."""
_NEW_OBJECTS: Final = 100_000
"""Allocations between two runs of Python's cycle collector. Loading a verb's modules allocates fewer: with Python's
default of 700 the collector would scan them again and again, and free none of them."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit code (see `zonegit.errors`, and 130, 141, 143 for SIGINT, SIGPIPE, SIGTERM).

    Without `argv` it runs the process's own command line, and ends the process.
    """
    gc.set_threshold(_NEW_OBJECTS)
    if argv is None:
        signal(SIGCHLD, SIG_DFL)  # if whoever starts this ignores it, nobody can wait for a child process
    try:
        code = _main(sys.argv[1:] if argv is None else argv)
    except KeyboardInterrupt:  # between two guarded steps
        code = _INTERRUPTED
    if argv is None:
        os._exit(code)  # all is written: taking modules and objects apart takes as long as loading a tenth of them
    return code


def _main(argv: Sequence[str]) -> int:
    _replace_closed()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    with _loading(argv):
        from zonegit.cli.output import Output, silence

    out = Output(sys.stdout, sys.stderr)
    code = guarded(lambda: _run(argv, out), out)
    flushed = guarded(out.flush, out)
    try:
        sys.stderr.flush()
    except OSError:
        silence(sys.stderr)
    return code or flushed


@contextmanager
def _loading(argv: Sequence[str]) -> Iterator[None]:
    """While modules load: if a verb in `_REPORTED` is interrupted, say that nothing was written."""
    try:
        yield
    except KeyboardInterrupt:
        if not _REPORTED.isdisjoint(argv):
            with suppress(OSError):
                sys.stderr.write("zonegit: interrupted; nothing was written\n")
        raise


def _replace_closed() -> None:
    """Replace closed standard streams: stdin reads as empty, writing to stdout fails, stderr discards.

    Else the next file opened, perhaps the repository's, would get the free descriptor and what is written to it.
    """
    for name, mode, flags in (("stdin", "r", os.O_RDWR), ("stdout", "w", os.O_RDONLY), ("stderr", "w", os.O_RDWR)):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, flags), mode))


def guarded(work: Callable[[], int], out: Output) -> int:
    """The exit code of `work`, or of the error it raised, which is printed in one line."""
    from zonegit.cli.output import AnswerLost

    try:
        return work()
    except AnswerLost as lost:
        if lost.message:
            out.fail(lost.message)
        return lost.exit_code
    except SystemExit as stop:  # argparse, after it printed --help
        return stop.code if isinstance(stop.code, int) else 0
    except ZonegitError as error:
        out.fail("; ".join([str(error) or type(error).__name__, *getattr(error, "__notes__", ())]))
        return error.exit_code
    except KeyboardInterrupt as stop:
        if message := str(stop):
            out.fail(message)
        return getattr(stop, "exit_code", _INTERRUPTED)
    except BrokenPipeError:
        return _BROKEN_PIPE
    except OSError as error:
        out.fail(f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror or error))
        return 1
    except Exception as error:
        if os.environ.get("ZONEGIT_DEBUG"):
            raise
        what = f"{type(error).__name__}: {error}"[:300]
        if _CLOCK in what:
            out.fail("this machine's clock is set beyond the year 2261, which Python can't represent: set it right")
            return 1
        out.fail(f"unexpected error: {what}; please report it with what ZONEGIT_DEBUG=1 shows")
        return 1


def _run(argv: Sequence[str], out: Output) -> int:
    with _loading(argv):
        from zonegit.cli.location import entered
        from zonegit.cli.parser import HIDDEN, parse

        if argv[:1] == [HIDDEN]:
            from zonegit.cli.completing import answer

            return answer(argv[1:], out)
        verb, args = parse(argv)
    if verb is None:
        out.text(args.text + "\n")
        return 0
    out.set_color(args.color)
    with entered(args.directories):
        try:
            if verb.pages and args.pager and out.is_terminal():
                from zonegit.cli.pager import paged

                return paged(lambda: verb.run(args, out), out)
            return verb.run(args, out)
        except KeyboardInterrupt as stop:
            from zonegit.cli.interruption import Interrupted, outcome, undisturbed

            with undisturbed():
                message = None if isinstance(stop, Interrupted) else outcome(args)
                if message is not None:
                    out.fail(message)
            raise


if __name__ == "__main__":
    sys.exit(main())
