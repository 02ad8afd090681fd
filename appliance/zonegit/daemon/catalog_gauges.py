"""Gauges of catalogs. An area of metrics has one writer, and what they say is found on another thread."""

from zonegit.ops.samples import Samples


class Gauges:
    """Values of gauges that wait to be set."""

    def __init__(self) -> None:
        self._waiting: list[tuple[str, float, str]] = []

    def set(self, name: str, value: float, *, catalog: str) -> None:
        self._waiting.append((name, value, catalog))

    def give(self, samples: Samples) -> None:
        """Set them."""
        waiting, self._waiting = self._waiting, []
        for name, value, catalog in waiting:
            samples.set(name, value, catalog=catalog)
