"""The state of a zone's keys: a value, and its JSON form, which is read strictly."""

import json
from base64 import b64decode, b64encode
from collections.abc import Iterator
from enum import StrEnum
from typing import Any, Final, NamedTuple, TypeVar

from zonegit.dnssec.policy import Algorithm
from zonegit.dnssec.rollover.counting import NOTHING, Count, Longest
from zonegit.dnssec.rollover.table import TABLES, Kind, row_at
from zonegit.dnssec.rollover.values import ManagedKey, Role
from zonegit.errors import DnssecError, ZonegitError
from zonegit.model.names import WireName, canonical_apex, to_text

VERSION: Final = 1
_FLAGS: Final = {Role.CSK: 257, Role.KSK: 257, Role.ZSK: 256}
_T = TypeVar("_T")


class Part(StrEnum):
    """A key's part in the process that is under way."""

    KEPT = "kept"
    """The process doesn't concern it."""
    OLD = "old"
    NEW = "new"


class HeldKey(NamedTuple):
    """A key with its part."""

    key: ManagedKey
    part: Part
    is_lost: bool = False
    """There is no private part to sign with."""


class Wanted(NamedTuple):
    """A key to generate."""

    role: Role
    algorithm: Algorithm


class Process(NamedTuple):
    """A process under way."""

    kind: Kind
    step: str
    needs: tuple[Wanted, ...]
    """The new keys that it needs, generated or not."""
    began: int
    """Unix seconds."""
    entered: int
    """When the step began; Unix seconds."""
    waited: Count = NOTHING
    """How long everything has been so that the step waits for."""


class Ttls(NamedTuple):
    """The largest TTLs that caches may still hold records with."""

    dnskey: Longest = Longest()
    zone: Longest = Longest()
    ds: Longest = Longest()


class State(NamedTuple):
    """Everything that is to be remembered of a zone's keys."""

    apex: WireName
    keys: tuple[HeldKey, ...] = ()
    process: Process | None = None
    ttls: Ttls = Ttls()
    is_disabled: bool = False
    """Signing was ended on request; it doesn't begin again by itself."""

    def having(self, *parts: Part) -> tuple[ManagedKey, ...]:
        """The keys with one of these parts."""
        return tuple(held.key for held in self.keys if held.part in parts)

    @property
    def dnskeys(self) -> frozenset[bytes]:
        """RDATA of all keys."""
        return frozenset(held.key.dnskey for held in self.keys)


def to_json(state: State) -> bytes:
    """The form in which a state is stored."""
    process = state.process
    table = {
        "version": VERSION,
        "zone": to_text(state.apex),
        "keys": [_key_table(held) for held in state.keys],
        "process": process and {**process._asdict(), "needs": [list(need) for need in process.needs]},
        "ttls": state.ttls._asdict(),
        "disabled": state.is_disabled,
    }
    return json.dumps(table, indent=1).encode() + b"\n"


def from_json(data: bytes) -> State:
    """The state that `to_json` made this of. `DnssecError` if none did."""
    try:
        table = json.loads(data)
        if isinstance(table, dict) and isinstance(version := table.get("version"), int) and version > VERSION:
            raise DnssecError("the key state was written by a later zonegit: update this one")
        state = _state(table)
        _check(state)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _damaged(str(error) or type(error).__name__) from None
    except ZonegitError as error:
        raise error if isinstance(error, DnssecError) else _damaged(str(error)) from None
    return state


def _damaged(why: str) -> DnssecError:
    return DnssecError(f"the key state is damaged: {why[:120]}; restore it from a backup")


def _key_table(held: HeldKey) -> dict[str, Any]:
    key = held.key
    table = {"dnskey": b64encode(key.dnskey).decode(), "role": key.role, "created": key.created}
    return {**table, "part": held.part, "lost": held.is_lost}


def _state(table: Any) -> State:
    version, zone, keys, process, ttls, disabled = _fields(
        table, version=int, zone=str, keys=list, process=(dict, type(None)), ttls=dict, disabled=bool
    )
    if version != VERSION:
        raise ValueError(f"version {version} is unknown")
    longest = (_longest(found) for found in _fields(ttls, dnskey=list, zone=list, ds=list))
    return State(
        canonical_apex(zone),
        tuple(map(_held, keys)),
        _process(process) if process is not None else None,
        Ttls(*longest),
        disabled,
    )


def _held(table: Any) -> HeldKey:
    text, role, created, part, is_lost = _fields(table, dnskey=str, role=str, created=int, part=str, lost=bool)
    dnskey = b64decode(text, validate=True)
    head = _FLAGS[Role(role)].to_bytes(2, "big") + b"\3"
    if not dnskey.startswith(head) or len(dnskey) <= len(head) + 1:
        raise ValueError(f"{text[:20]} is no DNSKEY of a {role}")
    Algorithm(dnskey[3])
    return HeldKey(ManagedKey(dnskey, Role(role), created), Part(part), is_lost)


def _process(table: Any) -> Process:
    kind, step, needs, began, entered, waited = _fields(
        table, kind=str, step=str, needs=list, began=int, entered=int, waited=list
    )
    wanted = tuple(Wanted(Role(role), Algorithm(algorithm)) for role, algorithm in needs)
    return Process(Kind(kind), row_at(Kind(kind), step).step, wanted, began, entered, _count(waited))


def _count(found: Any) -> Count:
    seconds, last = found
    if _number(seconds) < 0 or (last is None and seconds):
        raise ValueError("a time that was waited is wrong")
    return Count(seconds, None if last is None else _number(last))


def _longest(found: Any) -> Longest:
    ttl, lower = found
    if not 0 <= _number(ttl) < 1 << 32:
        raise ValueError(f"{ttl} is no TTL")
    return Longest(ttl, _count(lower))


def _number(found: Any) -> int:
    if type(found) is not int:
        raise ValueError(f"{found!r} is no whole number")
    return found


def _fields(table: Any, **types: Any) -> Iterator[Any]:
    """The values of an object that has exactly these fields."""
    if not isinstance(table, dict) or table.keys() != types.keys():
        raise ValueError(f"there must be the fields {', '.join(types)}")
    for name, wanted in types.items():
        found = table[name]
        if not isinstance(found, wanted) or (wanted is int and type(found) is not int):
            raise ValueError(f"{name} has a wrong value")
        yield found


def _check(state: State) -> None:
    """Refuse what no process leads to."""
    if len(state.dnskeys) < len(state.keys):
        raise ValueError("a key is there twice")
    parts = {held.part for held in state.keys}
    if state.process is None:
        if parts - {Part.KEPT}:
            raise ValueError("keys are being replaced, but no process is under way")
        return
    if state.is_disabled:
        raise ValueError("signing has ended, but a process is under way")
    present = {Wanted(key.role, key.algorithm) for key in state.having(Part.NEW)}
    is_first = state.process.step == TABLES[state.process.kind][0].step
    if not is_first and not present.issuperset(state.process.needs):
        raise ValueError("a new key is missing")
