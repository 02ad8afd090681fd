"""Where a zone file's text comes from: a path or an open stream, gzip recognised by its first bytes."""

import gzip
import io
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final, cast

from zonegit.errors import ZoneFileError
from zonegit.zonefile.formats import HEAD, foreign

_GZIP: Final = b"\x1f\x8b"
_BUFFER: Final = 1 << 18


class Text:
    """A zone file as lines of text. Bytes that aren't UTF-8 become surrogates, so that comments may hold any.

    `ZoneFileError` for a file that evidently is none; a `part` of one may be empty.
    """

    def __init__(self, raw: io.BufferedReader, name: str, size: int = 0, *, part: bool = False) -> None:
        self._raw = raw
        self._size = size
        plain = gzip.GzipFile(fileobj=raw, mode="rb") if raw.peek(2)[:2] == _GZIP else raw
        head = plain.peek(HEAD)[:HEAD]
        other = None if part and not head else foreign(head)
        if other is not None:
            raise ZoneFileError(f"{name}: {other}")
        self.lines = io.TextIOWrapper(
            cast(BinaryIO, plain), encoding="utf-8-sig", errors="surrogateescape", newline=None
        )

    def reached(self, lines: int) -> tuple[int, int]:
        """How much was read, and of how much: bytes as they lie in the file, or lines of what has no known size."""
        return (self._raw.tell(), self._size) if self._size else (lines, 0)


@contextmanager
def open_text(source: Path | BinaryIO, name: str, *, part: bool = False) -> Iterator[Text]:
    """Open a zone file, or one that another includes. A stream that was given is read but not closed."""
    try:
        if isinstance(source, Path):
            with source.open("rb", buffering=_BUFFER) as file:
                yield Text(cast(io.BufferedReader, file), name, os.fstat(file.fileno()).st_size, part=part)
            return
        buffered = io.BufferedReader(cast(io.RawIOBase, source), _BUFFER)
        try:
            text = Text(cast(io.BufferedReader, buffered), name)
            try:
                yield text
            finally:
                text.lines.detach()
        finally:
            buffered.detach()
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ZoneFileError(f"{name}: the gzip data is damaged: {error}") from None
    except IsADirectoryError:
        raise ZoneFileError(f"{source}: Is a directory; name a zone file in it") from None
    except OSError as error:
        where = source if isinstance(source, Path) else name
        raise ZoneFileError(f"{where}: {error.strerror or error}") from None
