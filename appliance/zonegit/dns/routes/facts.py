"""What rules may ask about one query, and how much of the client's address they have looked at.

A client's address is known completely, or as far as a resolver tells it (RFC 7871). A fact that needs more of it is
missing.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol, TypeVar

from zonegit.dns.wire.message import Sender

T = TypeVar("T")


class Places(Protocol):
    """Where addresses belong, looked up in memory.

    Each method takes 4 or 16 address bytes. It returns None if the address isn't known, and the number of bits of
    the prefix for which the result holds.
    """

    def country(self, address: bytes) -> tuple[str | None, int]:
        """Two capital letters (ISO 3166-1)."""
        ...

    def asn(self, address: bytes) -> tuple[int | None, int]:
        """The number of the autonomous system that announces the address."""
        ...


class NoPlaces:
    """Nothing is known of any address."""

    def country(self, _address: bytes) -> tuple[str | None, int]:
        return None, 0

    def asn(self, _address: bytes) -> tuple[int | None, int]:
        return None, 0


class Facts:
    """The facts of one query. All tests of it see the same moment."""

    __slots__ = ("_clock", "_now", "_places", "address", "extend_scope", "known", "name", "qtype")

    def __init__(self, sender: Sender, clock: Callable[[], float], places: Places) -> None:
        """`clock` is Unix seconds."""
        question = sender.question
        self.name: bytes = b"\0" if question is None else question.name
        """As the client asked for it, in lowercase; of an alias's target, too."""
        self.qtype = 0 if question is None else question.qtype
        self.address, self.known = sender.origin
        self.extend_scope = sender.extend_scope
        """Notes how many bits of the address matter."""
        self._clock = clock
        self._places = places
        self._now: datetime | None = None

    @property
    def now(self) -> datetime:
        """In UTC."""
        if self._now is None:
            self._now = datetime.fromtimestamp(self._clock(), UTC)
        return self._now

    @property
    def country(self) -> str | None:
        return self._as_far_as_known(*self._places.country(self.address))

    @property
    def asn(self) -> int | None:
        return self._as_far_as_known(*self._places.asn(self.address))

    def _as_far_as_known(self, found: T, bits: int) -> T | None:
        self.extend_scope(bits)
        return found if bits <= self.known else None
