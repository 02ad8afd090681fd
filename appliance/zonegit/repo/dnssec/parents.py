"""Asks the parents of zones for their DS records, now and then, without anybody waiting for the answer."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from zonegit.dnssec.rollover.values import Parent

Ask = Callable[[str, Sequence[str]], Parent]
"""Asks all name servers of a zone's parent (or those given) for the zone's DS records. It never raises."""

SOON: Final = 300
"""Seconds between two questions while a rollover waits for the parent."""
SELDOM: Final = 6 * 3600
"""Seconds between two questions otherwise."""
POLL: Final = 1
"""Seconds between two looks for an answer that is on its way."""
_THREADS: Final = 4


class Parents:
    """The last answers about any number of zones. Its methods may be called on several threads."""

    def __init__(self, ask: Ask, *, waits: bool = False) -> None:
        """`waits`: a question is waited for, as by a command that ends after one look."""
        self._ask = ask
        self._threads = None if waits else ThreadPoolExecutor(_THREADS)
        self._known: dict[str, Parent] = {}
        self._asking: dict[str, Future[Parent]] = {}

    def of(self, zone: str, servers: Sequence[str], every: int, now: int, since: int = 0) -> Parent | None:
        """The last answer; None if there is none yet. It is asked for again once it is older than `every` seconds,
        or if somebody else has had an answer `since`, in Unix seconds.
        """
        asking = self._asking.get(zone)
        if asking is not None and asking.done():
            self._known[zone] = asking.result()
            del self._asking[zone]
        known = self._known.get(zone)
        if zone in self._asking or (known is not None and since <= known.asked and 0 <= now - known.asked < every):
            return known
        if self._threads is None:
            self._known[zone] = self._ask(zone, servers)
        else:
            self._asking[zone] = self._threads.submit(self._ask, zone, servers)
        return self._known.get(zone)

    def next_look(self, zone: str, every: int, now: int) -> int:
        """When there will be something new to see, in Unix seconds."""
        known = self._known.get(zone)
        return now + POLL if zone in self._asking or known is None else known.asked + every

    def close(self) -> None:
        if self._threads is not None:
            self._threads.shutdown(cancel_futures=True)
