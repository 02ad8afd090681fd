"""What the repository remembers of zones that are transferred from other name servers.

One setting for each zone, a JSON object; it is there as long as the zone has `primaries`. It says that the branch
is written by transfers only (`repo.writing`), when the zone was last known to be current, and why the last attempts
failed, so that a restart continues where it was. Another setting has the zones past their SOA expire, for the
workers, and there are the requests of `zonegit transfer`.
"""

import json
from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import lru_cache
from typing import Final, NamedTuple

from zonegit.errors import CorruptStore
from zonegit.model.foreign import one_line
from zonegit.repo.results import Position
from zonegit.store.port import Reader, Store, Writer

_EVERY: Final = "transfer/"
_REQUESTS: Final = "transfer-request/"
_EXPIRED: Final = "transfers-expired"
_REASON: Final = 300
"""Characters of a reason that are kept."""


class TransferState(NamedTuple):
    """What is known of one zone."""

    branch: str
    """The branch that the commits go to."""
    primaries: tuple[str, ...]
    """As in the configuration, without keys."""
    checked: int | None = None
    """When a primary last said that the zone is as it has it, in Unix seconds; None if never."""
    expire: int = 0
    """Seconds after which it isn't answered from, counted from `checked`."""
    serial: int | None = None
    """The primary's serial at that time."""
    primary: str = ""
    """Which one said so."""
    failing_since: int | None = None
    """Since when no attempt has succeeded, in Unix seconds; None if the last one did."""
    error: str = ""
    """Why the last attempt failed."""
    expired: bool = False
    """Whether it isn't answered from because it is too old."""

    def succeeded(self, primary: str, serial: int, expire: int, now: float) -> "TransferState":
        """The state after a primary confirmed a serial."""
        return self._replace(
            checked=int(now),
            expire=expire,
            serial=serial,
            primary=primary,
            failing_since=None,
            error="",
            expired=False,
        )

    def failed(self, reason: str, now: float) -> "TransferState":
        """The state after an attempt that failed at all primaries."""
        since = int(now) if self.failing_since is None else self.failing_since
        return self._replace(failing_since=since, error=one_line(reason, _REASON))

    def is_too_old(self, now: float) -> bool:
        """Whether the zone is too old to be answered from. A clock that was set back doesn't make it older."""
        return self.checked is not None and now - self.checked > self.expire


class Asked(StrEnum):
    """What an operator asks for."""

    CHECK = "check"
    """Ask the primaries now."""
    WHOLE = "whole"
    """Transfer the whole zone, even if the serial isn't ahead."""


def transfer_state(reader: Reader, zone: str) -> TransferState | None:
    """What is known of a zone (canonical name); None if it isn't transferred."""
    value = reader.setting(_EVERY + zone)
    return None if value is None else _read(value)


def transfer_states(reader: Reader) -> Iterator[tuple[str, TransferState]]:
    """Every zone that is transferred, in the order of their names."""
    for name, value in reader.settings(_EVERY):
        yield name.removeprefix(_EVERY), _read(value)


def keep_states(writer: Writer, states: Mapping[str, TransferState | None]) -> None:
    """Record these states; None: the zone isn't transferred any more."""
    for zone, state in states.items():
        writer.set_setting(_EVERY + zone, None if state is None else json.dumps(state._asdict()).encode())
    known = expired_transfers(writer)
    expired = {zone for zone, state in states.items() if state is not None and state.expired}
    zones = known - states.keys() | expired
    if zones != known:
        writer.set_setting(_EXPIRED, "\n".join(sorted(zones)).encode() if zones else None)


def expired_transfers(reader: Reader) -> frozenset[str]:
    """The transferred zones that aren't to be answered from."""
    return _zones_in(reader.setting(_EXPIRED))


def transferred_from(reader: Reader, place: Position) -> str | None:
    """The servers that a branch is transferred from, for an error message; None if it is written here."""
    state = transfer_state(reader, place.zone)
    return ", ".join(state.primaries) if state is not None and state.branch == place.branch else None


def ask_for_transfer(store: Store, zone: str, asked: Asked) -> None:
    """Leave a request for the process that transfers zones."""
    with store.write() as writer:
        request_transfer(writer, zone, asked)


def request_transfer(writer: Writer, zone: str, asked: Asked) -> None:
    """The same in a transaction that does more."""
    writer.set_setting(_REQUESTS + zone, asked.encode())


def transfer_requests(reader: Reader) -> Iterator[tuple[str, Asked]]:
    """The requests that wait."""
    for name, value in reader.settings(_REQUESTS):
        yield name.removeprefix(_REQUESTS), Asked(value.decode())


def take_requests(store: Store) -> dict[str, Asked]:
    """The requests that wait; they are taken away."""
    with store.read() as reader:
        found = dict(transfer_requests(reader))
    if found:
        with store.write() as writer:
            found = dict(transfer_requests(writer))
            for zone in found:
                writer.set_setting(_REQUESTS + zone, None)
    return found


@lru_cache(maxsize=4)
def _zones_in(value: bytes | None) -> frozenset[str]:
    """Cached, because it is needed at each commit and may contain all zones."""
    return frozenset(value.decode().split("\n")) if value else frozenset()


def _read(value: bytes) -> TransferState:
    """A state, without what a later zonegit knows of it."""
    try:
        found = json.loads(value)
        known = {
            name: found[name] for name in TransferState._fields if name in found
        }  # not those of a later zonegit
        return TransferState(**{**known, "primaries": tuple(found["primaries"])})
    except (ValueError, TypeError, KeyError):
        raise CorruptStore("the state of a transfer was changed on disk; 'zonegit fsck'") from None
