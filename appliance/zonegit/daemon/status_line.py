"""What the service manager shows of the daemon in one line: `12 zones, synced 3 s ago`.

It is looked at every ten seconds, where a manager listens, and told when it has changed.
"""

from collections.abc import Callable
from time import monotonic, time
from typing import Final

from zonegit.ops.notify import Notifier
from zonegit.ops.shared import FIRST_WORKER, PULLER, SharedBlock

EVERY: Final = 10.0
"""Seconds between two looks."""
_LAST: Final = "sync_last_success_timestamp_seconds"
_REFUSED: Final = "sync_refused_zones"
_LEFT_OUT: Final = "sync_left_out_zones"
_UNITS: Final = ((86_400, "d"), (3600, "h"), (60, "min"))


class StatusLine:
    """Facts from the shared block. Without a manager that listens it does nothing."""

    def __init__(
        self,
        notifier: Notifier,
        block: SharedBlock,
        clock: Callable[[], float] = time,
        timer: Callable[[], float] = monotonic,
    ) -> None:
        """`clock` is Unix seconds, `timer` one that is never set."""
        self._notifier = notifier
        self._block = block
        self._puller = block.samples(PULLER)
        self._clock = clock
        self._timer = timer
        self._due = timer()
        self._sent = ""
        self.refused = False
        """Whether the last reload was refused, which is told as well."""

    @property
    def wait(self) -> float | None:
        """Seconds until the next look; None when there is never one."""
        return max(self._due - self._timer(), 0.0) if self._notifier.listens else None

    def turn(self) -> None:
        """Look, if it is time to, and tell what changed."""
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
        if self._block.config().primary is not None:
            parts.append(self._synced())
            refused = int(max(self._told(_REFUSED), default=0))
            if refused:
                parts.append(f"{refused} not followed")
            if left_out := int(max(self._told(_LEFT_OUT), default=0)):
                parts.append(f"{left_out} not taken up")
        if self.refused:
            parts.append("the last reload was refused")
        return ", ".join(parts)

    def _synced(self) -> str:
        times = self._told(_LAST)
        if not times:
            return "never synced"
        age = max(int(self._clock() - max(times)), 0)
        for seconds, unit in _UNITS:
            if age >= 2 * seconds:
                return f"synced {age // seconds} {unit} ago"
        return f"synced {age} s ago"

    def _told(self, name: str) -> list[float]:
        """The values that the puller published of a family."""
        return [values[0] for family, _, values in self._puller.read() if family.name == name]
