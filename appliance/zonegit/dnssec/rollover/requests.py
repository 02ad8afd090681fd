"""What operators ask for: a rollover, the end of signing, and to sign again."""

from typing import Final

from zonegit.dnssec.policy import DnssecPolicy
from zonegit.dnssec.rollover.machine import begun, is_as, to_policy
from zonegit.dnssec.rollover.state import Part, Process, State
from zonegit.dnssec.rollover.table import TABLES, Kind
from zonegit.dnssec.rollover.uses import row_of
from zonegit.dnssec.rollover.values import Role
from zonegit.errors import DnssecError
from zonegit.model.names import to_text

NAMES: Final = {
    Kind.ENABLE: "signing the zone for the first time",
    Kind.KSK: "the rollover of the KSK",
    Kind.ZSK: "the rollover of the ZSK",
    Kind.CSK: "the rollover of the CSK",
    Kind.ALGORITHM: "the rollover to other keys",
    Kind.LAYOUT: "the rollover to other keys of the same algorithm",
    Kind.RECOVER: "the return to the keys of the key state",
    Kind.LOST: "the replacement of a lost key",
    Kind.DISABLE: "the end of signing",
}
"""Each process, as messages name it."""

_BY_LOST: Final = (Kind.KSK, Kind.CSK, Kind.ALGORITHM, Kind.LAYOUT)
"""What a replacement of a lost key was asked for as."""


def requested(state: State, kind: Kind, policy: DnssecPolicy, now: int) -> State:
    """The state at the first step of the process that is asked for; as it is, if that is under way already.

    A rollover of the KSK or ZSK is one of the CSK where there is one. `DnssecError` says why it can't begin.
    """
    if kind is Kind.ENABLE:
        return _enabled(state, policy, now)
    kind = to_policy(state, policy) if kind is Kind.ALGORITHM else _for_layout(state, kind)
    process, row = state.process, row_of(state)
    if process is not None and (process.kind is kind or (process.kind is Kind.LOST and kind in _BY_LOST)):
        return state
    if not state.keys and process is None:
        raise DnssecError(f"{to_text(state.apex)} isn't signed: set its table dnssec in the configuration first")
    may_begin = row is None or row.is_open or (process and process.kind is Kind.ENABLE and kind is Kind.DISABLE)
    if process is not None and not may_begin:
        name = NAMES[process.kind]
        raise DnssecError(f"{name} is under way, at step {process.step}: wait for it ('zonegit dnssec status')")
    if kind in (Kind.ALGORITHM, Kind.LAYOUT) and is_as(state, policy):
        names = ", ".join(sorted({f"{held.key.role} of {held.key.algorithm.name.lower()}" for held in state.keys}))
        raise DnssecError(
            f"the keys are as the policy says ({names}): set another algorithm or other keys in its table first"
        )
    if not state.keys:
        return state._replace(process=None, is_disabled=True)
    return begun(state, kind, policy, now)


def _for_layout(state: State, kind: Kind) -> Kind:
    has_csk = any(held.key.role is Role.CSK for held in state.keys)
    return Kind.CSK if kind in (Kind.KSK, Kind.ZSK) and has_csk else kind


def _enabled(state: State, policy: DnssecPolicy, now: int) -> State:
    """Begin to sign; or go on, if the keys are still published while the parent is to remove its DS records."""
    process = state.process
    if process is not None and process.kind is Kind.DISABLE:
        first = TABLES[Kind.DISABLE][0].step
        if process.step != first:
            raise DnssecError("the signatures are being removed: wait until that is published, then enable again")
        keys = tuple(held._replace(part=Part.NEW) for held in state.keys)
        return state._replace(keys=keys, process=Process(Kind.ENABLE, TABLES[Kind.ENABLE][0].step, (), now, now))
    return begun(state, Kind.ENABLE, policy, now) if state.is_disabled else state
