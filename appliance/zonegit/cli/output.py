"""A verb's output: answers on stdout, messages and progress on stderr, colour if wanted."""

import errno
import os
import re
from collections.abc import Iterable
from contextlib import suppress
from enum import StrEnum
from typing import TYPE_CHECKING, Final, TextIO

from zonegit.cli.progress import Progress
from zonegit.model.foreign import one_line, printable

if TYPE_CHECKING:
    from io import StringIO

_FAILED: Final = 1
_BROKEN_PIPE: Final = 128 + 13


class Style(StrEnum):
    """SGR parameters (ECMA-48 §8.3.117)."""

    OLD = "31"
    NEW = "32"
    ID = "33"
    HEADING = "1"
    WARNING = "35"


_PAINT: Final = re.compile(f"(\x1b\\[(?:{'|'.join(['0', *Style])})m)")
"""What `paint` puts around a text; every other unprintable character in a line is escaped."""


class AnswerLost(Exception):
    """Stdout can't be written. `message` is empty if the reader of a pipe has simply gone away."""

    def __init__(self, error: OSError, made: str) -> None:
        """`made` says which change was made, if any."""
        broken = isinstance(error, BrokenPipeError)
        self.exit_code = _BROKEN_PIPE if broken else _FAILED
        what = f"cannot write to standard output: {error.strerror or error}"
        self.message = f"{what}; {made}" if made else "" if broken else what
        super().__init__(what)


class Output:
    """The two streams of one run of the command.

    If stdout can't be written, the verb ends with `AnswerLost`. After a change (`made`) it continues, so that
    stderr gets the summary and the command that undoes the change, and `flush` raises at the end.
    """

    def __init__(self, stdout: TextIO, stderr: TextIO) -> None:
        self.stdout = stdout
        self.stderr = stderr
        self._color = False
        self._bar: Progress | None = None
        self._made = ""
        self._lost: OSError | None = None

    def made(self, what: str) -> None:
        """Note that a change was made: from now on a failing stdout doesn't end the verb; its error says `what`."""
        self._made = what

    def set_color(self, when: str) -> None:
        """`auto` (on a terminal that isn't dumb, unless NO_COLOR is set, no-color.org), `always` or `never`."""
        plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
        self._color = when == "always" or (when == "auto" and not plain and self.stdout.isatty())

    def is_terminal(self) -> bool:
        """Whether stdout is a terminal that isn't dumb."""
        return self.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"

    def in_memory(self) -> "tuple[Output, StringIO]":
        """An output with the same colours that writes its answer to memory, and the buffer that it writes to."""
        from io import StringIO

        text = StringIO()
        out = Output(text, self.stderr)
        out.set_color("always" if self._color else "never")
        return out, text

    def paint(self, text: str, style: Style) -> str:
        """`text`, coloured if colour is wanted on stdout."""
        text = printable(text)
        return f"\x1b[{style.value}m{text}\x1b[0m" if self._color and text else text

    def line(self, text: str = "", style: Style | None = None) -> None:
        """One line of the answer. It may contain text from `paint`; other unprintable characters are escaped."""
        self.text((self.paint(text, style) if style else self._unpainted(text)) + "\n")

    def text(self, text: str) -> None:
        """A piece of the answer, written unchanged: with its line ends, and with foreign text escaped already."""
        try:
            self.stdout.write(text)
        except OSError as error:
            self._lose(error)

    def raw(self, data: bytes) -> None:
        """The whole answer as bytes."""
        try:
            self.stdout.flush()
            getattr(self.stdout, "buffer").write(data)  # noqa: B009  a TextIO need not have one
        except OSError as error:
            self._lose(error)

    def json(self, value: object) -> None:
        """The whole answer as one JSON text (RFC 8259), in ASCII, so that it is UTF-8 in every locale."""
        import json

        self.text(json.dumps(value, indent=2) + "\n")

    def json_array(self, values: Iterable[object]) -> None:
        """The whole answer as a JSON array, one element per line, written as they arrive."""
        import json

        lead = "["
        for value in values:
            self.text(lead + "\n" + json.dumps(value))
            lead = ","
        self.text("[]\n" if lead == "[" else "\n]\n")

    def note(self, text: str) -> None:
        """A message for the user, after the answer so far if both go to the same pipe."""
        self.delivered()
        with suppress(OSError):  # stderr is gone too, so there is nowhere to report it
            if self._bar:
                self._bar.clear()
            self.stderr.write(one_line(text) + "\n")

    def warn(self, text: str) -> None:
        """A warning: the verb goes on, but the user should know."""
        self.note(f"zonegit: warning: {text}")

    def fail(self, text: str) -> None:
        """The one line of an error."""
        self.note(f"zonegit: {text}")

    def ask(self, question: str, stdin: TextIO) -> bool:
        """Whether the user answers yes; anything else, including the end of input, means no."""
        self.flush()
        self.stderr.write(f"{one_line(question)} [y/N] ")
        self.stderr.flush()
        return stdin.readline().strip().lower() in ("y", "yes")

    def progress(self, label: str) -> Progress:
        """A progress bar on stderr, if that is a terminal; a context manager."""
        self._bar = Progress(self.stderr, one_line(label))
        return self._bar

    def flush(self) -> int:
        """Write the buffered answer; returns 0. `AnswerLost` if any part of the answer couldn't be written.

        After a change it is no error if the caller closed stdout, which says that no answer is wanted.
        """
        if not self.delivered() and self._lost and not (self._made and self._lost.errno == errno.EBADF):
            lost, self._lost = self._lost, None
            raise AnswerLost(lost, self._made)
        return 0

    def delivered(self) -> bool:
        """Write the buffered answer; returns whether all of it could be written so far."""
        try:
            self.stdout.flush()
        except OSError as error:
            self._keep(error)
        return self._lost is None

    def _unpainted(self, text: str) -> str:
        """`text` with unprintable characters escaped, except what `paint` put there."""
        if text.isprintable():
            return text
        pieces = _PAINT.split(text) if self._color else [text]
        return "".join(piece if at % 2 else printable(piece) for at, piece in enumerate(pieces))

    def _lose(self, error: OSError) -> None:
        self._keep(error)
        if not self._made:
            self.flush()

    def _keep(self, error: OSError) -> None:
        """Remember the first error, and discard the buffer, so that its text isn't written again."""
        self._lost = self._lost or error
        silence(self.stdout)


def silence(stream: TextIO) -> None:
    """Redirect a stream to /dev/null, so that the interpreter doesn't fail on its buffer at exit."""
    try:
        number = stream.fileno()
    except (OSError, ValueError):
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, number)
    os.close(nowhere)
