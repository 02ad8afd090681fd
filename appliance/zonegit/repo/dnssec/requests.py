"""What an operator asks of the process that holds a zone's keys: a rollover, an end of signing, a new beginning.

`zonegit dnssec rollover`, `disable` and `enable` leave a request in the repository. The publisher acts on it, keeps
what follows in the key state on disk, and only then takes it away: a crash between the two repeats the request,
which changes nothing the second time.
"""

import json
from collections.abc import Iterator
from enum import StrEnum
from typing import Final, NamedTuple

from zonegit.store.port import Reader, Store

_EVERY: Final = "dnssec-request/"
"""In front of a zone's name: the setting with its request."""


class Wanted(StrEnum):
    """What can be asked for."""

    ENABLE = "enable"
    """Sign again after `disable`, or stop ending it."""
    KSK = "rollover-ksk"
    """Replace the KSK, or the CSK."""
    ZSK = "rollover-zsk"
    """Replace the ZSK, or the CSK."""
    ALGORITHM = "rollover-algorithm"
    """Replace all keys by ones of the policy's algorithm."""
    DISABLE = "disable"
    """Have the parent remove its DS, and then stop signing."""


class Request(NamedTuple):
    """One request for a zone."""

    wanted: Wanted
    time: int
    """When it was made, in Unix seconds."""


def requested(reader: Reader, zone: str) -> Request | None:
    """The request for a zone (canonical name) that waits; None also for one that this zonegit doesn't know."""
    value = reader.setting(_EVERY + zone)
    return None if value is None else _read(value)


def requests(reader: Reader) -> Iterator[tuple[str, Request]]:
    """The zones with a request that waits, and it."""
    for name, value in reader.settings(_EVERY):
        found = _read(value)
        if found is not None:
            yield name.removeprefix(_EVERY), found


def request(store: Store, zone: str, wanted: Request) -> Request | None:
    """Leave a request for a zone (canonical name). Returns the one that it replaces."""
    with store.write() as writer:
        before = requested(writer, zone)
        writer.set_setting(_EVERY + zone, json.dumps(wanted._asdict(), sort_keys=True).encode())
    return before


def taken(store: Store, zone: str, done: Request) -> None:
    """Remove a request that was acted on, unless another one has come since."""
    with store.write() as writer:
        if requested(writer, zone) == done:
            writer.set_setting(_EVERY + zone, None)


def _read(value: bytes) -> Request | None:
    try:
        table = json.loads(value)
        return Request(Wanted(table["wanted"]), int(table["time"]))
    except (ValueError, KeyError, TypeError):
        return None
