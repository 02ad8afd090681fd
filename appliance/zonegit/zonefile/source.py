"""The text of a zone file, from a path or an open stream; gzip is recognised by its first bytes.

The length of a line and the size of unpacked data are bounded while they are read.
"""

import codecs
import gzip
import io
import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Final, cast

from zonegit.errors import InvalidRecord, ZoneFileError
from zonegit.zonefile.formats import HEAD, foreign

_GZIP: Final = b"\x1f\x8b"
_BUFFER: Final = 1 << 18
_BLOCK: Final = 1 << 16
"""Bytes that are made into lines at once; less than a line may have."""
_REPORT_EVERY: Final = 1 << 13
"""Lines between two reports of progress, or a block more."""
_PLAIN: Final = bytes((*b"\t\n", *range(0x20, 0x7F)))
Progress = Callable[[int, int], None]
"""Bytes of the file and its size; lines, and 0, of what has no known size."""
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


class _Bounded:
    """The text's bytes. `InvalidRecord` if a line is too long, or gzip data unpacks to more than `MAX_RATIO`."""

    def __init__(self, plain: io.BufferedIOBase, packed: _Packed | None) -> None:
        self._plain = plain
        self._packed = packed
        self._size = 0
        self._line = 0

    def read(self) -> bytes:
        """The next bytes, at most `_BLOCK`; none at the end."""
        data = self._plain.read1(_BLOCK)
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

    def __init__(
        self,
        raw: io.BufferedReader,
        name: str,
        size: int = 0,
        *,
        part: bool = False,
        progress: Progress | None = None,
    ) -> None:
        self._raw = raw
        self._size = size
        self._progress = progress
        packed = _Packed(raw) if raw.peek(2)[:2] == _GZIP else None
        plain = raw if packed is None else gzip.GzipFile(fileobj=cast(BinaryIO, packed), mode="rb")
        head = plain.peek(HEAD)[:HEAD]
        other = None if part and not head else foreign(head)
        if other is not None:
            raise ZoneFileError(f"{name}: {other}")
        self._bytes = _Bounded(plain, packed)
        self.is_plain = False
        """Whether the line that was read last, and those before and after it in its block, have only printable
        ASCII characters and tabs."""
        self.lines = chain.from_iterable(self._blocks())

    def _blocks(self) -> Iterator[list[str]]:
        """The lines in blocks, each line with a newline at its end (a CR, with or without LF, is one, too)."""
        count = 0
        rest = b""
        while data := self._bytes.read():
            data = rest + data
            # what follows a CR at the end of the data decides whether the line ends there
            ended = max(data.rfind(b"\n"), data.rfind(b"\r", 0, -1)) + 1
            rest = data[ended:]
            if ended:
                lines = self._split(data[:ended], is_first=not count)
                yield lines
                before, count = count, count + len(lines)
                if self._progress is not None and before // _REPORT_EVERY != count // _REPORT_EVERY:
                    self._progress(*self._reached(count))
        if rest:
            yield self._split(rest, is_first=not count)

    def _reached(self, lines: int) -> tuple[int, int]:
        if self._size:
            return self._raw.tell(), self._size
        return lines - lines % _REPORT_EVERY, 0

    def _split(self, block: bytes, *, is_first: bool) -> list[str]:
        if is_first:
            block = block.removeprefix(codecs.BOM_UTF8)
        self.is_plain = not block.translate(None, _PLAIN)
        if self.is_plain:
            return block.decode().splitlines(keepends=True)
        text = block.decode(errors="surrogateescape")
        return list(io.StringIO(text.replace("\r\n", "\n").replace("\r", "\n"), newline="\n"))


@contextmanager
def open_text(
    source: Path | BinaryIO, name: str, *, part: bool = False, progress: Progress | None = None
) -> Iterator[Text]:
    """Open a zone file, or as a `part` one that it includes. A stream is read but not closed."""
    try:
        if isinstance(source, Path):
            with source.open("rb", buffering=_BUFFER) as file:
                size = os.fstat(file.fileno()).st_size
                yield Text(cast(io.BufferedReader, file), name, size, part=part, progress=progress)
            return
        buffered = io.BufferedReader(cast(io.RawIOBase, source), _BUFFER)
        try:
            yield Text(cast(io.BufferedReader, buffered), name, progress=progress)
        finally:
            buffered.detach()
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ZoneFileError(f"{name}: the gzip data is damaged: {error}") from None
    except IsADirectoryError:
        raise ZoneFileError(f"{source}: Is a directory; name a zone file in it") from None
    except OSError as failure:
        where = source if isinstance(source, Path) else name
        raise ZoneFileError(f"{where}: {failure.strerror or failure}") from None
