"""Labelled series of one process in an area of shared memory: one writer, any number of readers.

    area = used u64 | refused u64 | entry *         entry = key size u32 | values u32 | key, padded | f64 *

The key is `name` and the label values, separated by NUL bytes. A counter or gauge has one value; a histogram has
one per bucket, one for +Inf, and the sum. An entry is written completely before `used` includes it. A new writer of
the same area continues with its entries. A full area refuses new series and counts the refusals.
"""

import struct
import threading
from bisect import bisect_left
from collections.abc import Callable, Iterator
from typing import Final

from zonegit.ops.families import PUBLISHED, Family, Kind

_ENTRY: Final = struct.Struct("<II")
_VALUE: Final = struct.Struct("<d")
_COUNT: Final = struct.Struct("<Q")
_HEAD: Final = 16
_MAX_LABEL: Final = 256


class Samples:
    """The series of one process; its methods are thread-safe."""

    def __init__(self, area: memoryview) -> None:
        self._area = area
        self._at: dict[bytes, int] = {}
        self._lock = threading.Lock()
        self._seen = _HEAD

    def inc(self, name: str, value: float = 1, **labels: str) -> None:
        """Increase a counter."""
        with self._lock:
            self._add(self._find(name, Kind.COUNTER, labels), value)

    def counter(self, name: str, **labels: str) -> Callable[[], None]:
        """A function that increases a counter by one. The series is there at once, with its value so far."""
        with self._lock:
            at = self._find(name, Kind.COUNTER, labels)

        def count() -> None:
            with self._lock:
                self._add(at, 1)

        return count

    def set(self, name: str, value: float, **labels: str) -> None:
        """Set a gauge."""
        with self._lock:
            at = self._find(name, Kind.GAUGE, labels)
            if at:
                _VALUE.pack_into(self._area, at, value)

    def observe(self, name: str, value: float, **labels: str) -> None:
        """Count a value in a histogram."""
        with self._lock:
            at = self._find(name, Kind.HISTOGRAM, labels)
            buckets = PUBLISHED[name].buckets
            if at:
                self._add(at + _VALUE.size * bisect_left(buckets, value), 1)
                self._add(at + _VALUE.size * (len(buckets) + 1), value)

    def read(self) -> Iterator[tuple[Family, tuple[str, ...], tuple[float, ...]]]:
        """Each series: its family, its label values in the family's order, its values."""
        with self._lock:
            self._index()
            found = list(self._at.items())
        for key, at in found:
            name, *labels = key.decode().split("\0")
            family = PUBLISHED[name]
            values = struct.unpack_from(f"<{_width(family)}d", self._area, at)
            yield family, tuple(labels), values

    @property
    def refused(self) -> int:
        """How often a new series found the area full."""
        return int(_COUNT.unpack_from(self._area, 8)[0])

    def _add(self, at: int, value: float) -> None:
        if at:
            _VALUE.pack_into(self._area, at, _VALUE.unpack_from(self._area, at)[0] + value)

    def _find(self, name: str, kind: Kind, labels: dict[str, str]) -> int:
        """The offset of a series' values; 0 if there is no room for it."""
        family = PUBLISHED[name]
        if family.kind is not kind or set(labels) != set(family.labels):
            raise ValueError(f"{name} is a {family.kind} with the labels {family.labels}")
        parts = (name, *(labels[label].replace("\0", " ")[:_MAX_LABEL] for label in family.labels))
        key = "\0".join(parts).encode(errors="replace")
        at = self._at.get(key)
        if at is None:
            self._index()
            at = self._at.get(key) or self._append(key, _width(family))
        return at

    def _append(self, key: bytes, width: int) -> int:
        start = self._seen
        at = start + _ENTRY.size + _padded(len(key))
        end = at + _VALUE.size * width
        if end > len(self._area):
            _COUNT.pack_into(self._area, 8, self.refused + 1)
            return 0
        _ENTRY.pack_into(self._area, start, len(key), width)
        self._area[start + _ENTRY.size : start + _ENTRY.size + len(key)] = key
        _COUNT.pack_into(self._area, 0, end)
        self._seen = end
        self._at[key] = at
        return at

    def _index(self) -> None:
        """Index the entries that were written since the last call."""
        used = _COUNT.unpack_from(self._area, 0)[0]
        while self._seen < used:
            size, width = _ENTRY.unpack_from(self._area, self._seen)
            start = self._seen + _ENTRY.size
            at = start + _padded(size)
            self._at[bytes(self._area[start : start + size])] = at
            self._seen = at + _VALUE.size * width


def _padded(size: int) -> int:
    return (size + 7) & ~7


def _width(family: Family) -> int:
    return len(family.buckets) + 2 if family.kind is Kind.HISTOGRAM else 1
