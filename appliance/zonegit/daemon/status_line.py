"""The daemon's status line for the service manager: `12 zones, synced 3 s ago`.

It is checked every ten seconds, if a manager listens, and sent when it has changed.
"""

from collections.abc import Callable
from time import monotonic, time
from typing import Final

from zonegit.ops.shared import FIRST_WORKER, PULLER, SharedBlock
from zonegit.ops.systemd import Notifier

EVERY: Final = 10.0
"""Seconds between two checks."""
_LAST: Final = "sync_last_success_timestamp_seconds"
_REFUSED: Final = "sync_refused_zones"
_LEFT_OUT: Final = "sync_left_out_zones"
_UNITS: Final = ((86_400, "d"), (3600, "h"), (60, "min"))


class StatusLine:
    """Facts from the shared block. Does nothing unless a manager listens."""

    def __init__(
        self,
        notifier: Notifier,
        block: SharedBlock,
        clock: Callable[[], float] = time,
        timer: Callable[[], float] = monotonic,
    ) -> None:
        """`clock` returns Unix seconds; `timer` is monotonic."""
        self._notifier = notifier
        self._block = block
        self._puller = block.samples(PULLER)
        self._clock = clock
        self._timer = timer
        self._due = timer()
        self._sent = ""
        self.refused = False
        """Whether the last reload was refused, which is reported as well."""

    @property
    def wait(self) -> float | None:
        """Seconds until the next check; None if there is never one."""
        return max(self._due - self._timer(), 0.0) if self._notifier.listens else None

    def turn(self) -> None:
        """Check, if it is time to, and send a changed line."""
        if not self._notifier.listens or self._timer() < self._due:
            return
        self._due = self._timer() + EVERY
        text = self.text()
        if text != self._sent:
            self._sent = text
            self._notifier.status(text)

    def text(self) -> str:
        """The line."""
        count = max(self._block.zones(FIRST_WORKER + worker) for worker in range(self._block.workers))
        parts = ["1 zone" if count == 1 else f"{count} zones"]
        if self._block.config().pulled:
            parts.append(self._synced())
            refused = int(max(self._values(_REFUSED), default=0))
            if refused:
                parts.append(f"{refused} not followed")
            if left_out := int(max(self._values(_LEFT_OUT), default=0)):
                parts.append(f"{left_out} not accepted")
        if self.refused:
            parts.append("the last reload was refused")
        return ", ".join(parts)

    def _synced(self) -> str:
        times = self._values(_LAST)
        if not times:
            return "never synced"
        age = max(int(self._clock() - max(times)), 0)
        for seconds, unit in _UNITS:
            if age >= 2 * seconds:
                return f"synced {age // seconds} {unit} ago"
        return f"synced {age} s ago"

    def _values(self, name: str) -> list[float]:
        """The values that the puller published for a metric."""
        return [values[0] for family, _, values in self._puller.read() if family.name == name]
