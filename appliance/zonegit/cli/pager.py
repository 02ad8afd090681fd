"""Sends answers that are longer than the terminal through a pager, as git does.

Output is buffered as long as it fits the terminal, so short answers start no process. The pager is a shell command:
`$ZONEGIT_PAGER`, else `$PAGER`, else `less -FRX`, else `more`. An empty value and `cat` mean no pager.
"""

from __future__ import annotations

import io
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final, cast

from zonegit.cli.output import Output

if TYPE_CHECKING:
    from subprocess import Popen
    from typing import IO, TextIO

_CANNOT_RUN: Final = (126, 127)
"""Exit codes of a shell that couldn't start a command."""
_DEFAULT: Final = ("less -FRX", "more")


class PagerLeft(SystemExit):
    """The user has left the pager: not an error, but nobody reads the rest."""

    def __init__(self) -> None:
        super().__init__(0)


def paged(run: Callable[[], int], out: Output) -> int:
    """The exit code of `run`; its answer goes through a pager if it is longer than the terminal."""
    command = _command()
    if not command:
        return run()
    terminal = out.stdout
    stream = _Paged(terminal, command, out.warn)
    out.stdout = cast("TextIO", stream)
    try:
        code = run()
        stream.finish()
    except PagerLeft:
        raise
    except BaseException:
        with suppress(PagerLeft):
            stream.finish()
        raise
    finally:
        out.stdout = terminal
        stream.wait()
    return code


def _command() -> str:
    """The shell command of the pager; empty for none."""
    from shutil import which

    for name in ("ZONEGIT_PAGER", "PAGER"):
        asked = os.environ.get(name)
        if asked is not None:
            return "" if asked.strip() in ("", "cat") else asked
    return next((command for command in _DEFAULT if which(command.split()[0])), "")


class _Paged(io.TextIOBase):
    """A text stream: text that fits goes to the terminal, longer text to a pager."""

    def __init__(self, terminal: TextIO, command: str, warn: Callable[[str], None]) -> None:
        self._terminal = terminal
        self._command = command
        self._warn = warn
        size = _size(terminal)
        self._columns = size.columns or 80
        self._room = (size.lines or 24) - 1
        """How many lines of the terminal are left."""
        self._held: list[str] | None = []
        self._process: Popen[str] | None = None
        self._pager: IO[str] | None = None
        """The pager's standard input."""

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._terminal.fileno()

    def write(self, text: str) -> int:
        if self._held is None:
            return self._send(text)
        self._held.append(text)
        for line in text.splitlines():
            self._room -= 1 + max(0, len(line.expandtabs()) - 1) // self._columns
        if self._room < 0:
            held, self._held = self._held, None
            self._start()
            self._send("".join(held))
        return len(text)

    def flush(self) -> None:
        if self._held is None:
            self._send("")

    def finish(self) -> None:
        """Write what is still buffered, and close the pager's input."""
        if self._held:
            self._terminal.write("".join(self._held))
        self._held = None
        if self._pager:
            try:
                self._pager.close()
            except BrokenPipeError:
                raise PagerLeft from None

    def wait(self) -> None:
        """Wait until the user leaves the pager; meanwhile Ctrl-C is left to the pager."""
        process, self._process = self._process, None
        if process is None:
            return
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            if self._pager:
                with suppress(OSError):
                    self._pager.close()
            code = process.wait()
        finally:
            signal.signal(signal.SIGINT, before)
        if code in _CANNOT_RUN:
            self._warn(f"cannot run the pager {self._command[:80]!r}; set ZONEGIT_PAGER, or use --no-pager")

    def _send(self, text: str) -> int:
        if self._pager is None:
            self._terminal.write(text)
            if not text:
                self._terminal.flush()
            return len(text)
        try:
            self._pager.write(text)
            if not text:
                self._pager.flush()
        except (BrokenPipeError, ValueError):  # ValueError: the pipe broke earlier, and the stream is closed
            raise PagerLeft from None
        return len(text)

    def _start(self) -> None:
        """Start the pager; if that fails, the answer goes to the terminal."""
        import subprocess

        self._terminal.flush()
        environment = {"LESS": "FRX", "LV": "-c", **os.environ}
        encoding = getattr(self._terminal, "encoding", None) or "utf-8"
        if not _runs(self._command):
            self._warn(f"there is no pager {self._command[:80]!r}; set ZONEGIT_PAGER, or use --no-pager")
            return
        try:
            self._process = subprocess.Popen(  # noqa: S603  the user's own command, as the user
                ["/bin/sh", "-c", self._command],
                stdin=subprocess.PIPE,
                stdout=self._terminal.fileno(),
                env=environment,
                text=True,
                encoding=encoding,
                errors="backslashreplace",
            )
        except OSError as error:
            self._warn(f"cannot run the pager: {error.strerror}; use --no-pager")
        else:
            self._pager = self._process.stdin


def _size(terminal: TextIO) -> os.terminal_size:
    """The size of the terminal; COLUMNS and LINES override it, as in other programs."""
    size = os.terminal_size((0, 0))
    with suppress(OSError, ValueError):
        size = os.get_terminal_size(terminal.fileno())
    columns, lines = (os.environ.get(name, "") for name in ("COLUMNS", "LINES"))
    return os.terminal_size(
        (
            int(columns) if columns.isdecimal() else size.columns,
            int(lines) if lines.isdecimal() else size.lines,
        )
    )


def _runs(command: str) -> bool:
    """Whether the first word of a command names a program; true if only a shell can tell."""
    from shlex import split
    from shutil import which

    try:
        words = split(command)
    except ValueError:
        return True
    if not words:
        return False
    return bool(which(words[0])) or not words[0].replace("-", "").replace("_", "").replace("/", "").isalnum()
