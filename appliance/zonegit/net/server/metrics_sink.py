"""Where the server and the client report their metrics."""

from typing import Protocol


class MetricsSink(Protocol):
    """`ops.samples.Samples`, or anything else that takes named values with labels."""

    def inc(self, name: str, value: float = 1, **labels: str) -> None: ...

    def set(self, name: str, value: float, **labels: str) -> None: ...

    def observe(self, name: str, value: float, **labels: str) -> None: ...
