"""The replay guard of pushes: no process of this repository accepts the same request twice (docs/protocol.md).

    taken/<hour> <kid> <nonce>          the hour (since 1970) in which the request expires

A request's MAC covers its time, so a replayed request names the same hour. In addition, each process remembers
nonces in memory (`auth.replay`), by a monotonic clock.
"""

from itertools import islice, takewhile
from typing import Final

from zonegit.store.port import Reader, Writer

_PREFIX: Final = "taken/"
_HOUR: Final = 3_600
_AT_ONCE: Final = 64
"""The most expired entries that one push deletes."""
_KEPT: Final = 1
"""Hours that an entry is kept beyond its own, in case the clock is set back."""


def is_replayed(reader: Reader, kid: str, nonce: str, until: int) -> bool:
    """Whether this push was accepted before. `until`: when the request expires, Unix seconds."""
    return reader.setting(_name(kid, nonce, until)) is not None


def remember(writer: Writer, kid: str, nonce: str, until: int, now: float) -> None:
    """Remember an accepted push, and delete expired entries."""
    writer.set_setting(_name(kid, nonce, until), b"1")
    oldest = f"{_PREFIX}{int(now // _HOUR) - _KEPT:010d}"
    names = (name for name, _ in writer.settings(_PREFIX))
    for name in list(takewhile(lambda name: name < oldest, islice(names, _AT_ONCE))):
        writer.set_setting(name, None)


def _name(kid: str, nonce: str, until: int) -> str:
    return f"{_PREFIX}{until // _HOUR:010d} {kid} {nonce}"
