"""What operators see of a signed zone. The publisher notes it in the repository; everybody else only reads it.

It holds nothing of a private key, so it may be read by whoever may read the repository. A note of a later zonegit
may have more in it, which is ignored.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from zonegit.errors import CorruptStore
from zonegit.store.port import Reader, Store

_EVERY: Final = "dnssec-status/"
"""In front of a zone's name: the setting with its status."""


class KeyStatus(NamedTuple):
    """One key of a zone."""

    tag: int
    algorithm: int
    role: str
    """`csk`, `ksk` or `zsk`."""
    state: str
    """In words: `active`, `published`, `waits for the parent's DS`."""
    since: int
    """Unix seconds."""


class Waiting(NamedTuple):
    """Something that has to happen, or a time that has to pass, before the zone's keys go on."""

    label: str
    """One word, as in the metric `zonegit_dnssec_waiting_seconds`."""
    words: str
    """One line, which goes on after "waits for"; `until` isn't in it."""
    since: int
    until: int | None
    """Unix seconds; None: nobody knows."""


class ParentServer(NamedTuple):
    """What one name server of the parent said last."""

    server: str
    as_wanted: bool | None
    """Whether its DS records are those that the zone needs now; None: it didn't answer."""
    error: str = ""


class Problem(NamedTuple):
    """Something that keeps a zone from being signed or renewed."""

    reason: str
    """One word, as in the metric `zonegit_dnssec_problem`."""
    words: str
    """One line: what is wrong, and what to do."""


class DnssecStatus(NamedTuple):
    """A zone, as its publisher saw it last. All times are Unix seconds."""

    zone: str
    """Its canonical name."""
    noted: int
    signed_since: int | None = None
    """When the first signed version was published; None: what is served isn't signed."""
    denial: str = ""
    first_end: int | None = None
    """When the first of the served signatures ends."""
    next_renewal: int | None = None
    keys: tuple[KeyStatus, ...] = ()
    under_way: str = ""
    """The rollover, in words; empty: none."""
    waiting: tuple[Waiting, ...] = ()
    parent_asked: int | None = None
    parent: tuple[ParentServer, ...] = ()
    parent_error: str = ""
    """Why nobody could be asked."""
    ds: tuple[bytes, ...] = ()
    """RDATA of the DS records that the parent should have."""
    cds: tuple[bytes, ...] = ()
    """RDATA of the published CDS records."""
    problems: tuple[Problem, ...] = ()

    @property
    def is_signed(self) -> bool:
        """Whether a signed version is served."""
        return self.signed_since is not None

    @property
    def is_over(self) -> bool:
        """Whether signing has been ended, and no signed version is served any more."""
        return not (self.is_signed or self.under_way)


_ROWS: Final[Mapping[str, type[Any]]] = {
    "keys": KeyStatus,
    "waiting": Waiting,
    "parent": ParentServer,
    "problems": Problem,
}
"""The fields that are lists of values."""
_RDATA: Final = ("ds", "cds")


def to_json(status: DnssecStatus) -> dict[str, Any]:
    """The status as an object of JSON, RDATA in hex."""
    table = status._asdict()
    for field in _ROWS:
        table[field] = [row._asdict() for row in table[field]]
    for field in _RDATA:
        table[field] = [rdata.hex() for rdata in table[field]]
    return table


def from_json(table: Mapping[str, Any]) -> DnssecStatus:
    """The status that `to_json` made this of. `ValueError`, `KeyError` or `TypeError` if none did."""
    found = {field: table[field] for field in DnssecStatus._fields if field in table}
    for field, kind in _ROWS.items():
        rows = found.get(field, ())
        found[field] = tuple(kind(**{name: row[name] for name in kind._fields}) for row in rows)
    for field in _RDATA:
        found[field] = tuple(map(bytes.fromhex, found.get(field, ())))
    return DnssecStatus(**found)


def noted_status(reader: Reader, zone: str) -> DnssecStatus | None:
    """A zone's status; None if no publisher signs it. `zone`: canonical name. `CorruptStore`."""
    value = reader.setting(_EVERY + zone)
    return None if value is None else _read(zone, value)


def noted_statuses(reader: Reader) -> Iterator[DnssecStatus]:
    """The status of each zone that has one. `CorruptStore`."""
    for name, value in reader.settings(_EVERY):
        yield _read(name.removeprefix(_EVERY), value)


def is_signed_here(reader: Reader, zone: str) -> bool:
    """Whether a publisher signs a zone (canonical name) of this repository."""
    return reader.setting(_EVERY + zone) is not None


def note_status(store: Store, status: DnssecStatus) -> None:
    """Keep a zone's status. Writes nothing if only the time of the note would change."""
    with store.read() as reader:
        old = reader.setting(_EVERY + status.zone)
    if old is None or not _is_same(status, old):
        with store.write() as writer:
            writer.set_setting(_EVERY + status.zone, json.dumps(to_json(status), sort_keys=True).encode())


def forget_status(store: Store, zone: str) -> None:
    """Drop the status of a zone (canonical name) that isn't signed any more."""
    with store.read() as reader:
        if reader.setting(_EVERY + zone) is None:
            return
    with store.write() as writer:
        writer.set_setting(_EVERY + zone, None)


def _is_same(status: DnssecStatus, noted: bytes) -> bool:
    try:
        table = json.loads(noted)
        return bool({**table, "noted": status.noted} == to_json(status))
    except (ValueError, TypeError):
        return False


def _read(zone: str, value: bytes) -> DnssecStatus:
    try:
        return from_json(json.loads(value))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise CorruptStore(f"the note on the signatures of {zone} can't be read: reload zonegitd") from None
