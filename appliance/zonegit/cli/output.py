"""Where a verb's output goes: answers on stdout, messages and progress on stderr, colour only where wanted."""

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
"""What `paint` puts round a text; nothing else that isn't printable gets out with a line."""


class AnswerLost(Exception):
    """Stdout can't be written. `told` is what is wrong, empty where the reader of a pipe has what it wanted."""

    def __init__(self, error: OSError, made: str) -> None:
        """`made` says which change was made all the same, if one was."""
        broken = isinstance(error, BrokenPipeError)
        self.exit_code = _BROKEN_PIPE if broken else _FAILED
        what = f"cannot write to standard output: {error.strerror or error}"
        self.told = f"{what}; {made}" if made else "" if broken else what
        super().__init__(what)


class Output:
    """The two streams of one run of the command.

    An answer that stdout doesn't take ends a verb with `AnswerLost`. After a change (`made`) the verb goes on, so
    that stderr gets the summary and the way back, and `flush` raises at the end.
    """

    def __init__(self, stdout: TextIO, stderr: TextIO) -> None:
        self.stdout = stdout
        self.stderr = stderr
        self._color = False
        self._bar: Progress | None = None
        self._made = ""
        self._lost: OSError | None = None

    def made(self, what: str) -> None:
        """From here on something is changed; an answer that is lost ends nothing, and its error says `what`."""
        self._made = what

    def set_color(self, when: str) -> None:
        """`auto` (a terminal, without NO_COLOR of no-color.org, that isn't dumb), `always` or `never`."""
        plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
        self._color = when == "always" or (when == "auto" and not plain and self.stdout.isatty())

    def is_terminal(self) -> bool:
        """Whether somebody reads the answer as it comes."""
        return self.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"

    def kept(self) -> "tuple[Output, StringIO]":
        """An output that is coloured as this one, and what it writes."""
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
        """One line of the answer. It may hold what `paint` gave; all else in it is written as printable."""
        self.text((self.paint(text, style) if style else self._unpainted(text)) + "\n")

    def text(self, text: str) -> None:
        """A piece of the answer as it is, line ends included: nothing that others wrote, unless it is escaped."""
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
        """The whole answer as one JSON text (RFC 8259), in ASCII, which is UTF-8 whatever the locale."""
        import json

        self.text(json.dumps(value, indent=2) + "\n")

    def json_array(self, values: Iterable[object]) -> None:
        """The whole answer as a JSON array, one element a line, written as they come."""
        import json

        lead = "["
        for value in values:
            self.text(lead + "\n" + json.dumps(value))
            lead = ","
        self.text("[]\n" if lead == "[" else "\n]\n")

    def note(self, text: str) -> None:
        """A message to the person at the terminal, behind the answer so far where both go to one pipe."""
        self.delivered()
        with suppress(OSError):  # nobody can be told; what was done is done
            if self._bar:
                self._bar.clear()
            self.stderr.write(one_line(text) + "\n")

    def warn(self, text: str) -> None:
        """Something that was done all the same, but that a person should know of."""
        self.note(f"zonegit: warning: {text}")

    def fail(self, text: str) -> None:
        """The one line of an error."""
        self.note(f"zonegit: {text}")

    def ask(self, question: str, stdin: TextIO) -> bool:
        """Whether a person at a terminal answers yes; anything else, the end of input too, is no."""
        self.flush()
        self.stderr.write(f"{one_line(question)} [y/N] ")
        self.stderr.flush()
        return stdin.readline().strip().lower() in ("y", "yes")

    def progress(self, label: str) -> Progress:
        """A progress bar on stderr, if that is a terminal; a context manager."""
        self._bar = Progress(self.stderr, one_line(label))
        return self._bar

    def flush(self) -> int:
        """Write out what is buffered of the answer. `AnswerLost` where any of it couldn't be written; else 0.

        Who closed stdout wants no answer: a change that was made counts.
        """
        if not self.delivered() and self._lost and not (self._made and self._lost.errno == errno.EBADF):
            lost, self._lost = self._lost, None
            raise AnswerLost(lost, self._made)
        return 0

    def delivered(self) -> bool:
        """Write out what is buffered of the answer; whether all of it could be written so far."""
        try:
            self.stdout.flush()
        except OSError as error:
            self._keep(error)
        return self._lost is None

    def _unpainted(self, text: str) -> str:
        """`text` with all escaped but what `paint` put there."""
        if text.isprintable():
            return text
        pieces = _PAINT.split(text) if self._color else [text]
        return "".join(piece if at % 2 else printable(piece) for at, piece in enumerate(pieces))

    def _lose(self, error: OSError) -> None:
        self._keep(error)
        if not self._made:
            self.flush()

    def _keep(self, error: OSError) -> None:
        """Remember the first error, and let nobody try the same text again."""
        self._lost = self._lost or error
        silence(self.stdout)


def silence(stream: TextIO) -> None:
    """Send what is still in the stream's buffer nowhere, so that the interpreter doesn't try again at its exit."""
    try:
        number = stream.fileno()
    except (OSError, ValueError):
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, number)
    os.close(nowhere)
