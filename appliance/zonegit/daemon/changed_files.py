"""Tells which files have changed, without reading them."""

from collections.abc import Collection
from pathlib import Path

_Stamp = tuple[int, int, int, int] | None
"""Device, inode, time of the last change and size; None for a file that can't be found."""


class ChangedFiles:
    """What is known of some files. For one thread."""

    def __init__(self) -> None:
        self._known: dict[Path, _Stamp] = {}

    def changed(self, files: Collection[Path]) -> set[Path]:
        """Those of these files that changed, came or went since the last call, which had them, too."""
        before, self._known = self._known, {file: _stamp(file) for file in files}
        return {file for file, stamp in self._known.items() if before.get(file, stamp) != stamp}


def _stamp(file: Path) -> _Stamp:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size
