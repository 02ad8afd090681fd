"""Entry point of `zonegit`: dispatch to a verb, and turn whatever goes wrong into one line and an exit code.

`ZONEGIT_DEBUG=1` shows the traceback of an error that zonegit didn't expect.
"""

from __future__ import annotations

import gc
import os
import sys
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from typing import TYPE_CHECKING, Final

from zonegit.errors import ZonegitError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from zonegit.cli.output import Output

_BROKEN_PIPE: Final = 128 + 13
_INTERRUPTED: Final = 128 + 2
_CLOCK: Final = "PyTime_t"
"""What Python's error names where it reads a clock that its 64 bits of nanoseconds can't hold."""
_TOLD: Final = frozenset(
    {
        *("init", "import", "set", "add", "delete", "batch", "ttl", "rename", "apply", "edit", "plan", "reset"),
        *("undo", "redo", "merge", "revert", "cherry-pick", "backup", "restore", "fsck", "gc", "compact"),
    }
)
"""Words of a call of which an interruption is told, as far as it can be said while the parser isn't there."""
_NEW_OBJECTS: Final = 100_000
"""Objects that are made between two searches for cycles to free. Loading a verb's modules makes fewer: with the
700 that Python begins with, they would be looked through again and again, and none of them goes away."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit code (see `zonegit.errors`, and 130, 141, 143 for SIGINT, SIGPIPE, SIGTERM).

    Without `argv` it is the process's own command, and the last thing that the process does.
    """
    gc.set_threshold(_NEW_OBJECTS)
    try:
        return _main(sys.argv[1:] if argv is None else argv)
    except KeyboardInterrupt:  # between two guarded steps
        return _INTERRUPTED
    finally:
        if argv is None:
            gc.freeze()  # or Python searches every object for cycles several times before it exits


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
    """While modules are loaded: where one of those verbs is interrupted, say that it did nothing yet."""
    try:
        yield
    except KeyboardInterrupt:
        if not _TOLD.isdisjoint(argv):
            with suppress(OSError):
                sys.stderr.write("zonegit: interrupted; nothing was written\n")
        raise


def _replace_closed() -> None:
    """Have a stdin that the caller closed be empty, a stdout fail as it does, and a stderr take what is written.

    Else the next file that is opened, the repository's perhaps, would get its number and what is written there.
    """
    for name, mode, flags in (("stdin", "r", os.O_RDWR), ("stdout", "w", os.O_RDONLY), ("stderr", "w", os.O_RDWR)):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, flags), mode))


def guarded(work: Callable[[], int], out: Output) -> int:
    """The exit code of `work`, or of what it raised, which is told in one line."""
    from zonegit.cli.output import AnswerLost

    try:
        return work()
    except AnswerLost as lost:
        if lost.told:
            out.fail(lost.told)
        return lost.exit_code
    except SystemExit as stop:  # argparse, after it printed --help
        return stop.code if isinstance(stop.code, int) else 0
    except ZonegitError as error:
        out.fail("; ".join([str(error) or type(error).__name__, *getattr(error, "__notes__", ())]))
        return error.exit_code
    except KeyboardInterrupt as stop:
        if told := str(stop):
            out.fail(told)
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
            out.fail("this machine's clock is beyond the year 2261, which no program in Python can read: set it")
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
            from zonegit.cli.interruption import Interrupted, outcome

            told = None if isinstance(stop, Interrupted) else outcome(args)
            if told is not None:
                out.fail(told)
            raise


if __name__ == "__main__":
    sys.exit(main())
