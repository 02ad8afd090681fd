"""Find and run the user's editor."""

from __future__ import annotations

import os
import pwd
import sys
from contextlib import contextmanager
from signal import SIGINT, SIGQUIT, signal
from typing import TYPE_CHECKING, Final

from zonegit.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Iterator

_FALLBACKS: Final = ("editor", "vi")
_ADVICE: Final = "set VISUAL or EDITOR, or write the state to a file: `zonegit apply FILE`"


def command() -> list[str]:
    """The editor and its arguments: `$VISUAL`, `$EDITOR`, `editor` or `vi`; the last two only at a terminal.

    `Refused` if there is none.
    """
    for name in ("VISUAL", "EDITOR"):
        if value := os.environ.get(name, "").strip():
            return _words(name, value)
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise Refused(f"no terminal to run an editor in: {_ADVICE}")
    from shutil import which

    found = next(filter(which, _FALLBACKS), None)
    if found is None:
        raise Refused(f"no editor found: {_ADVICE}")
    return [found]


def _words(name: str, value: str) -> list[str]:
    import shlex

    try:
        return shlex.split(value)
    except ValueError as error:
        raise Refused(f"${name} is not a valid command ({error}): {_ADVICE}") from None


def run(words: list[str], path: str, caller: int) -> int:
    """Run the editor on a file; returns its exit code. `Refused` if it can't be started.

    `caller` is the uid that ran zonegit. If the process became another user (`cli.ownership`), HOME is that user's.
    """
    import subprocess

    environment = dict(os.environ)
    if os.geteuid() != caller:
        environment["HOME"] = _home()
    screen = None if sys.stdout.isatty() else 2  # keep the editor's screen out of a pipe: stdout gets the answer
    with _left_alone():
        try:
            done = subprocess.run([*words, path], env=environment, stdout=screen, check=False)  # noqa: S603
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", error)
            raise Refused(f"cannot run the editor {words[0]}: {reason}; {_ADVICE}") from None
    return done.returncode


def _home() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_dir
    except KeyError:
        return "/"


@contextmanager
def _left_alone() -> Iterator[None]:
    """While the editor has the terminal, leave Ctrl-C and Ctrl-\\ to it."""

    def ignore(_number: int, _frame: object) -> None:
        """Do nothing; SIG_IGN would be inherited by the editor."""

    before = {number: signal(number, ignore) for number in (SIGINT, SIGQUIT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal(number, handler)
