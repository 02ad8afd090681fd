"""The text of a zone file, from a path or an open stream; gzip is recognised by its first bytes.

The length of a line and the size of unpacked data are bounded while they are read.
"""

import gzip
import io
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final, cast

from zonegit.errors import InvalidRecord, ZoneFileError
from zonegit.zonefile.formats import HEAD, foreign

_GZIP: Final = b"\x1f\x8b"
_BUFFER: Final = 1 << 18
MAX_LINE: Final = 1 << 19
"""Bytes of a line: twice the longest RDATA, 65,535 bytes, with each byte as `\\DDD`."""
MAX_RATIO: Final = 100
"""The highest ratio to which gzip data may unpack; zone files reach 32 at most."""
FREE: Final = 8 << 20
"""Bytes that may be unpacked at any ratio."""


class _Packed:
    """Counts the packed bytes that gzip reads."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw
        self.size = 0

    def read(self, size: int = -1) -> bytes:
        data = self._raw.read(size)
        self.size += len(data)
        return data


class _Bounded(io.BufferedIOBase):
    """The text's bytes. `InvalidRecord` if a line is too long, or gzip data unpacks to more than `MAX_RATIO`."""

    def __init__(self, plain: io.BufferedIOBase, packed: _Packed | None) -> None:
        self._plain = plain
        self._packed = packed
        self._size = 0
        self._line = 0

    def readable(self) -> bool:
        return True

    def read1(self, size: int = -1) -> bytes:
        data = self._plain.read1(size)
        ended = max(data.rfind(b"\n"), data.rfind(b"\r")) + 1
        self._line = len(data) - ended if ended else self._line + len(data)
        if self._line > MAX_LINE:
            raise InvalidRecord(f"the next line is longer than {MAX_LINE:,} bytes, so this is no zone file")
        self._size += len(data)
        if self._packed is not None and self._size > FREE + MAX_RATIO * self._packed.size:
            raise InvalidRecord(
                f"the gzip data unpacks to more than {MAX_RATIO} times its size; if intended, unpack it first"
            )
        return data


class Text:
    """A zone file as lines of text. Bytes that aren't UTF-8 become surrogates, so that comments may hold any.

    `ZoneFileError` for a file that is evidently no zone file; a `part` of one, as $INCLUDE reads it, may be empty.
    """

    def __init__(self, raw: io.BufferedReader, name: str, size: int = 0, *, part: bool = False) -> None:
        self._raw = raw
        self._size = size
        packed = _Packed(raw) if raw.peek(2)[:2] == _GZIP else None
        plain = raw if packed is None else gzip.GzipFile(fileobj=cast(BinaryIO, packed), mode="rb")
        head = plain.peek(HEAD)[:HEAD]
        other = None if part and not head else foreign(head)
        if other is not None:
            raise ZoneFileError(f"{name}: {other}")
        self.lines = io.TextIOWrapper(
            cast(BinaryIO, _Bounded(plain, packed)), encoding="utf-8-sig", errors="surrogateescape", newline=None
        )

    def reached(self, lines: int) -> tuple[int, int]:
        """The progress: bytes of the file read so far and its size; for a stream the lines read so far and 0."""
        return (self._raw.tell(), self._size) if self._size else (lines, 0)


@contextmanager
def open_text(source: Path | BinaryIO, name: str, *, part: bool = False) -> Iterator[Text]:
    """Open a zone file, or as a `part` one that it includes. A stream is read but not closed."""
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
