"""What each key of a state does, by its part, its role and the step."""

from zonegit.dnssec.rollover.state import HeldKey, Part, State
from zonegit.dnssec.rollover.table import ALLOWED, Row, Use, row_at


def row_of(state: State) -> Row | None:
    """The step that the state is at; None: no process is under way."""
    return None if state.process is None else row_at(state.process.kind, state.process.step)


def use_of(held: HeldKey, row: Row | None) -> Use:
    """What a key does during a step."""
    allowed = ALLOWED[held.key.role]
    if row is None or held.part is Part.KEPT:
        return allowed
    return allowed & (row.old if held.part is Part.OLD else row.new)


def keys_with(state: State, use: Use) -> tuple[bytes, ...]:
    """DNSKEY RDATA of the keys that have a use now."""
    row = row_of(state)
    return tuple(held.key.dnskey for held in state.keys if use in use_of(held, row))


def signers(state: State, use: Use) -> tuple[bytes, ...]:
    """DNSKEY RDATA of the keys that sign (`Use.ZONE` or `Use.DNSKEY`), and can.

    If all that should are lost, the new ones sign earlier than the table says.
    """
    row = row_of(state)
    meant = [held for held in state.keys if use in use_of(held, row)]
    able = [held for held in meant if not held.is_lost]
    if meant and not able:
        able = [held for held in state.keys if _could(held, row, use)]
    return tuple(held.key.dnskey for held in able)


def _could(held: HeldKey, row: Row | None, use: Use) -> bool:
    is_published = Use.PUBLISHED in use_of(held, row)
    return held.part is Part.NEW and not held.is_lost and is_published and use in ALLOWED[held.key.role]
