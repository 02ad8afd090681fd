"""What a primary may lie about in an answer to AXFR or IXFR: a script each, and the words of the error it makes.

A script yields messages, which the primary signs if it has a key; `Raw` ones, which it doesn't; `Part`, bytes after
which it closes the connection; `CLOSE`; `SILENCE`.
"""

from collections.abc import Callable, Iterator
from enum import Enum
from typing import Final, NamedTuple

from primarykit import Ask, Version, in_messages, message
from zonegit.dns.access import tsig


class Act(Enum):
    """What isn't a message."""

    CLOSE = "close"
    SILENCE = "silence"


CLOSE, SILENCE = Act.CLOSE, Act.SILENCE


class Raw(NamedTuple):
    """A message that is sent as it is."""

    data: bytes


class Part(NamedTuple):
    """Bytes of the stream; then the connection is closed."""

    data: bytes


Item = bytes | Raw | Part | Act


class Scene(NamedTuple):
    """What a script knows."""

    ask: Ask
    versions: tuple[Version, ...]
    key: tsig.TsigKey | None
    clock: Callable[[], float]
    pause: Callable[[float], object]

    @property
    def new(self) -> Version:
        return self.versions[-1]

    @property
    def old(self) -> Version:
        return self.versions[-2]

    def zone(self, *more: bytes) -> list[bytes]:
        """The newest version with further records in the middle."""
        return in_messages(self.ask, [self.new.soa, *self.new.records, *more, self.new.soa])

    def one(self, *records: bytes, **how: object) -> bytes:
        return message(self.ask, records, **how)  # type: ignore[arg-type]  # its own arguments


Tell = Callable[[Scene], Iterator[Item]]


class Lie(NamedTuple):
    """A script."""

    tell: Tell
    reason: str
    """A regular expression for the error."""
    incremental: bool
    """Whether it is told in answer to IXFR; else to AXFR."""
    keyed: bool
    """Whether the query must be signed."""
    waits: bool
    """Whether it lasts as long as the client has patience."""


LIES: Final[dict[str, Lie]] = {}


def lie(
    reason: str, *, incremental: bool = False, keyed: bool = False, waits: bool = False
) -> Callable[[Tell], Tell]:
    """Makes a script of a function, under its name with hyphens."""

    def add(tell: Tell) -> Tell:
        name = tell.__name__.strip("_").replace("_", "-")
        LIES[name] = Lie(tell, reason, incremental, keyed, waits)
        return tell

    return add
