"""What is served isn't what the state remembers: a backup of the one or the other was restored.

Then everything that may be in caches goes on being published, and signs as far as its private part is there, until
everything is as the state has it: the process `RECOVER`.
"""

from typing import Final

from zonegit.dnssec.policy import Algorithm
from zonegit.dnssec.rollover.counting import NOTHING
from zonegit.dnssec.rollover.state import HeldKey, Part, Process, State
from zonegit.dnssec.rollover.table import TABLES, Kind, Row, Use, row_before
from zonegit.dnssec.rollover.uses import row_of, use_of
from zonegit.dnssec.rollover.values import Facts, ManagedKey, Role

_ZSK: Final = b"\1\0\3"
_SEP: Final = b"\1\1\3"
"""Flags and protocol in front of a DNSKEY's RDATA (RFC 4034 §2.1)."""
_BEFORE: Final = Row("", Use.PUBLISHED, Use.NONE, (), "")
"""In front of the first step."""


def is_older(state: State, row: Row, facts: Facts) -> bool:
    """Whether the version that is served is older than the step before this one."""
    before = _before(state, row)
    for held in state.keys:
        if before is None or held.part is Part.KEPT:
            continue
        uses = use_of(held, row) & use_of(held, before)
        if Use.PUBLISHED in uses and held.key.dnskey not in facts.published:
            return True
        if Use.ZONE in uses and held.part is Part.NEW and held.key.dnskey in facts.unsigned_by:
            return True
    return False


def _is_of_another_step(state: State, row: Row, facts: Facts) -> bool:
    """Whether a key of the state is published that is so neither in this step nor in the one before."""
    before, ours = _before(state, row), facts.published - facts.foreign
    return before is not None and any(
        Use.PUBLISHED not in use_of(held, row) | use_of(held, before) and held.key.dnskey in ours
        for held in state.keys
    )


def _before(state: State, row: Row) -> Row | None:
    """The step before; None if nothing is known of what was published then."""
    if state.process is None:
        return None
    at_first = None if state.process.kind in (Kind.RECOVER, Kind.LOST) else _BEFORE
    return row_before(state.process.kind, row.step) or at_first


def recovered(state: State, facts: Facts) -> State:
    """The state with the keys that are published unknown to it, and in `RECOVER` if there is reason for it."""
    process = state.process
    if state.is_disabled or (process is None and not state.keys):
        return state
    strays = _strays(state, facts)
    if process is not None and process.kind is Kind.DISABLE:
        return _disabling(state, process, strays, facts.now) if strays else state
    if process is not None and row_of(state) is TABLES[Kind.LOST][0] and not _has_lost_entry(state.keys):
        return _recovering(state, strays, facts.now)  # the lost key is there again
    if strays or _is_elsewhere(state, facts):
        return _recovering(state, strays, facts.now)
    return state


def _is_elsewhere(state: State, facts: Facts) -> bool:
    row = row_of(state)
    if row is None:
        return False
    return _is_of_another_step(state, row, facts) or (not row.back and is_older(state, row, facts))


def _disabling(state: State, process: Process, strays: tuple[HeldKey, ...], now: int) -> State:
    again = process._replace(step=TABLES[Kind.DISABLE][0].step, entered=now, waited=NOTHING)
    return state._replace(keys=(*state.keys, *strays), process=again)


def _recovering(state: State, strays: tuple[HeldKey, ...], now: int) -> State:
    keys = (held._replace(part=Part.OLD if held.part is Part.OLD else Part.NEW) for held in state.keys)
    needs = state.process.needs if state.process is not None else ()
    held = (*keys, *strays)
    kind = Kind.LOST if _has_lost_entry(held) else Kind.RECOVER
    return state._replace(keys=held, process=Process(kind, TABLES[kind][0].step, needs, now, now))


def _has_lost_entry(keys: tuple[HeldKey, ...]) -> bool:
    """Whether no old key can sign the DNSKEY RRset, though the parent may have DS records of old keys only."""
    entries = [held for held in keys if held.part is Part.OLD and held.key.role is not Role.ZSK]
    return bool(entries) and all(held.is_lost for held in entries)


def _strays(state: State, facts: Facts) -> tuple[HeldKey, ...]:
    """The published keys that the state doesn't know, and the zone itself doesn't have."""
    unknown = sorted(facts.published - facts.foreign - state.dnskeys)
    known = {held.key.role for held in state.keys}
    has_zsk = Role.ZSK in known or any(dnskey.startswith(_ZSK) for dnskey in unknown)
    found = []
    for dnskey in unknown:
        if dnskey[3] not in set(Algorithm) or not dnskey.startswith((_ZSK, _SEP)):
            continue  # nothing that zonegit ever published
        is_lost = facts.keys is None or dnskey not in facts.keys
        found.append(HeldKey(ManagedKey(dnskey, _role(dnskey, has_zsk, facts), facts.now), Part.OLD, is_lost))
    return tuple(found)


def _role(dnskey: bytes, has_zsk: bool, facts: Facts) -> Role:
    if dnskey.startswith(_ZSK):
        return Role.ZSK
    return Role.KSK if has_zsk and dnskey not in facts.signed_by else Role.CSK
