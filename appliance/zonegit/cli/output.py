"""Where a verb's output goes: answers on stdout, messages and progress on stderr, colour only where wanted."""

import os
import re
from collections.abc import Iterable
from contextlib import suppress
from enum import StrEnum
from typing import Final, TextIO

from zonegit.cli.progress import Progress


class Style(StrEnum):
    """SGR parameters (ECMA-48 §8.3.117)."""

    OLD = "31"
    NEW = "32"
    ID = "33"
    HEADING = "1"
    WARNING = "35"


_LINE_BREAK: Final = re.compile(r"\r\n|\n|\r")


def printable(text: str) -> str:
    """`text` with every character escaped that a terminal might obey: for what peers and files may have brought."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or char == "\t" else char.encode("unicode_escape").decode() for char in text
    )


class Output:
    """The two streams of one run of the command."""

    def __init__(self, stdout: TextIO, stderr: TextIO) -> None:
        self.stdout = stdout
        self.stderr = stderr
        self._color = False
        self._bar: Progress | None = None

    def set_color(self, when: str) -> None:
        """`auto` (a terminal, without NO_COLOR of no-color.org, that isn't dumb), `always` or `never`."""
        plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
        self._color = when == "always" or (when == "auto" and not plain and self.stdout.isatty())

    def paint(self, text: str, style: Style) -> str:
        """`text`, coloured if colour is wanted on stdout."""
        return f"\x1b[{style.value}m{text}\x1b[0m" if self._color and text else text

    def line(self, text: str = "", style: Style | None = None) -> None:
        """One line of the answer."""
        self.stdout.write((self.paint(text, style) if style else text) + "\n")

    def json(self, value: object) -> None:
        """The whole answer as one JSON text (RFC 8259), in ASCII, which is UTF-8 whatever the locale."""
        import json

        self.stdout.write(json.dumps(value, indent=2) + "\n")

    def json_array(self, values: Iterable[object]) -> None:
        """The whole answer as a JSON array, one element a line, written as they come."""
        import json

        lead = "["
        for value in values:
            self.stdout.write(lead + "\n" + json.dumps(value))
            lead = ","
        self.stdout.write("[]\n" if lead == "[" else "\n]\n")

    def note(self, text: str) -> None:
        """A message to the person at the terminal, behind the answer so far where both go to one pipe."""
        with suppress(OSError):  # it is met again, and told, by `flush`
            self.stdout.flush()
        with suppress(OSError):  # nobody can be told; what was done is done
            if self._bar:
                self._bar.clear()
            self.stderr.write(printable(_LINE_BREAK.sub(" ", text)) + "\n")

    def warn(self, text: str) -> None:
        """Something that was done all the same, but that a person should know of."""
        self.note(f"zonegit: warning: {text}")

    def fail(self, text: str) -> None:
        """The one line of an error."""
        self.note(f"zonegit: {text}")

    def ask(self, question: str, stdin: TextIO) -> bool:
        """Whether a person at a terminal answers yes; anything else, the end of input too, is no."""
        self.stdout.flush()
        self.stderr.write(f"{question} [y/N] ")
        self.stderr.flush()
        return stdin.readline().strip().lower() in ("y", "yes")

    def progress(self, label: str) -> Progress:
        """A progress bar on stderr, if that is a terminal; a context manager."""
        self._bar = Progress(self.stderr, label)
        return self._bar

    def flush(self) -> int:
        """Write out what is buffered of the answer; 0, or the error that stood in the way."""
        self.stdout.flush()
        return 0
