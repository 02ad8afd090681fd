"""Which zones are members of catalogs that are followed here, kept in the repository.

One setting for each member says which catalog it came from, and its node and groups there. So members stay when a
primary is lost or a process restarts, and nothing that came otherwise is taken for a member. Another setting for
each catalog says what became of its last version, and there are the permissions of `zonegit catalog allow`.
"""

import json
from collections.abc import Mapping
from typing import Final, NamedTuple

from zonegit.errors import CorruptStore, NotFound, Refused
from zonegit.repo.catalog.following import Held
from zonegit.repo.catalog.values import Member
from zonegit.store.port import Reader, Store, Writer

Members = Mapping[str, tuple[str, Member]]
"""Zone -> the catalog that it came from, and the member there."""

_MEMBER: Final = "catalog-member/"
_STATE: Final = "catalog-state/"
_ALLOWED: Final = "catalog-allowed/"
MOST_CLASHES: Final = 100
"""Clashes that are kept by name."""


class CatalogState(NamedTuple):
    """What became of the last version of a catalog that was looked at."""

    commit: str = ""
    """The version, as hexadecimal digits."""
    serial: int = 0
    members: int = 0
    """Zones here that came from it."""
    broken: tuple[str, ...] = ()
    """Why it isn't followed (RFC 9432 §5.1)."""
    held: Held | None = None
    """The removals that wait."""
    clashes: tuple[tuple[str, str], ...] = ()
    """(zone, why it isn't taken), of the first ones."""
    clash_count: int = 0


def members_here(reader: Reader) -> dict[str, tuple[str, Member]]:
    """All members. `CorruptStore`."""
    return {name.removeprefix(_MEMBER): _member(name, value) for name, value in reader.settings(_MEMBER)}


def member_here(reader: Reader, zone: str) -> tuple[str, Member] | None:
    """The catalog that a zone (canonical name) came from, and the member there; None if it came from none."""
    value = reader.setting(_MEMBER + zone)
    return None if value is None else _member(_MEMBER + zone, value)


def is_member(reader: Reader, zone: str) -> bool:
    """Whether a zone (canonical name) came from a catalog."""
    return reader.setting(_MEMBER + zone) is not None


def keep_members(writer: Writer, before: Members, after: Members) -> None:
    """Record these members; `before` is what is recorded."""
    for zone in before.keys() - after.keys():
        writer.set_setting(_MEMBER + zone, None)
    for zone, (catalog, member) in after.items():
        if before.get(zone) != (catalog, member):
            value = [catalog, member.ident.hex(), member.groups, member.coo]
            writer.set_setting(_MEMBER + zone, json.dumps(value, separators=(",", ":")).encode())


def catalog_states(reader: Reader) -> dict[str, CatalogState]:
    """What became of each followed catalog, by its name. `CorruptStore`."""
    return {name.removeprefix(_STATE): _state(value) for name, value in reader.settings(_STATE)}


def keep_states(writer: Writer, states: Mapping[str, CatalogState]) -> None:
    """Record these, and forget all others."""
    known = {name.removeprefix(_STATE): value for name, value in writer.settings(_STATE)}
    for name in known.keys() - states.keys():
        writer.set_setting(_STATE + name, None)
        writer.set_setting(_ALLOWED + name, None)
    for name, state in states.items():
        value = json.dumps(state._asdict()).encode()  # a named tuple is written as a list
        if known.get(name) != value:
            writer.set_setting(_STATE + name, value)


def allow_removals(store: Store, name: str, *, dry_run: bool = False) -> Held:
    """Let the removals that a catalog asks for now through; returns them. `NotFound`, `Refused` if none waits."""
    with store.read() as reader:
        state = catalog_states(reader).get(name)
    if state is None:
        raise NotFound(f"no catalog {name} is followed here; 'zonegit catalog list' shows the catalogs")
    if state.held is None:
        raise Refused(f"no removal of the catalog {name} waits: there is nothing to allow")
    if not dry_run:
        with store.write() as writer:
            writer.set_setting(_ALLOWED + name, state.commit.encode())
    return state.held


def allowed_version(reader: Reader, name: str) -> str:
    """The version of a catalog whose removals an operator let through, as hexadecimal digits; empty: none."""
    return (reader.setting(_ALLOWED + name) or b"").decode(errors="replace")


def _member(name: str, value: bytes) -> tuple[str, Member]:
    zone = name.removeprefix(_MEMBER)
    try:
        catalog, ident, groups, coo = json.loads(value)
        return catalog, Member(zone, bytes.fromhex(ident), tuple(groups), coo)
    except (ValueError, TypeError):
        raise _damaged() from None


def _state(value: bytes) -> CatalogState:
    try:
        found = json.loads(value)
        held = None if found["held"] is None else Held(*found["held"])
        clashes = tuple((zone, why) for zone, why in found["clashes"])
        return CatalogState(**{**found, "broken": tuple(found["broken"]), "held": held, "clashes": clashes})
    except (ValueError, TypeError, KeyError):
        raise _damaged() from None


def _damaged() -> CorruptStore:
    return CorruptStore("what is known of catalogs was changed on disk; 'zonegit fsck'")
