"""The user's editor: which it is, and running it."""

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
    """The editor and its arguments: `$VISUAL`, `$EDITOR`, `editor` or `vi`, the last two at a terminal alone.

    `Refused` where there is none.
    """
    for name in ("VISUAL", "EDITOR"):
        if value := os.environ.get(name, "").strip():
            return _words(name, value)
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise Refused(f"there is no terminal to edit at: {_ADVICE}")
    from shutil import which

    found = next(filter(which, _FALLBACKS), None)
    if found is None:
        raise Refused(f"there is no editor here: {_ADVICE}")
    return [found]


def _words(name: str, value: str) -> list[str]:
    import shlex

    try:
        return shlex.split(value)
    except ValueError as error:
        raise Refused(f"{name} can't be read as a command ({error}): {_ADVICE}") from None


def run(words: list[str], path: str, caller: int) -> int:
    """Have a file edited; the editor's exit code. `Refused` where it can't be started.

    `caller` is the user who called zonegit. Who went on as another one (`cli.ownership`) has that one's home.
    """
    import subprocess

    environment = dict(os.environ)
    if os.geteuid() != caller:
        environment["HOME"] = _home()
    answers = None if sys.stdout.isatty() else 2  # stdout is for what zonegit answers
    with _left_alone():
        try:
            done = subprocess.run([*words, path], env=environment, stdout=answers, check=False)  # noqa: S603
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", error)
            raise Refused(f"can't run the editor {words[0]}: {reason}; {_ADVICE}") from None
    return done.returncode


def _home() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_dir
    except KeyError:
        return "/"


@contextmanager
def _left_alone() -> Iterator[None]:
    """While the editor has the terminal, Ctrl-C and Ctrl-\\ are its own."""

    def ignore(_number: int, _frame: object) -> None:
        """Not SIG_IGN, which the editor would inherit."""

    before = {number: signal(number, ignore) for number in (SIGINT, SIGQUIT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal(number, handler)
