"""When each step of a process can begin at the earliest, for an operator who thinks about beginning it."""

from typing import NamedTuple

from zonegit.dnssec.policy import DnssecPolicy
from zonegit.dnssec.rollover.machine import duration, needed
from zonegit.dnssec.rollover.requests import requested
from zonegit.dnssec.rollover.state import State
from zonegit.dnssec.rollover.table import TABLES, Kind, Row, Until, Use
from zonegit.dnssec.rollover.values import Facts


class Planned(NamedTuple):
    """A step to come."""

    step: str
    earliest: int
    """Unix seconds."""
    words: str
    """What happens in it, and what the next step waits for; one line."""


def timetable(state: State, kind: Kind, policy: DnssecPolicy, facts: Facts) -> tuple[Planned, ...]:
    """The steps of a process that began now. `DnssecError` if it can't begin, as `requested` says.

    Time that is waited for signatures to be made and for the parent isn't in it: nobody knows it.
    """
    began = requested(state, kind, policy, facts.now)
    if began.process is None:
        return ()
    at = facts.now
    planned = []
    for row in TABLES[began.process.kind]:
        planned.append(Planned(row.step, at, f"{_does(row)}; {_awaits(row, began, policy)}"))
        at += needed(row, began.ttls, policy)
    return tuple(planned)


_PHRASES = (
    (Use.PUBLISHED, "DNSKEY"),
    (Use.ZONE, "signs the zone"),
    (Use.DNSKEY, "signs DNSKEY"),
    (Use.CDS, "CDS"),
)


def _does(row: Row) -> str:
    parts = [f"{whose}: {_uses(uses)}" for whose, uses in (("old keys", row.old), ("new keys", row.new))]
    return f"{', '.join(parts)}{', CDS asks to delete all DS' if row.delete else ''}"


def _uses(uses: Use) -> str:
    return " + ".join(phrase for use, phrase in _PHRASES if use in uses) or "nothing"


def _awaits(row: Row, state: State, policy: DnssecPolicy) -> str:
    if not row.until:
        return "until that is published"
    first = [_CONDITIONS[until] for until in row.until if until in _CONDITIONS]
    longest = max(duration(until, state.ttls) for until in row.until)
    wait = needed(row, state.ttls, policy)
    spent = f"then {wait:,} s (TTL {longest:,}, propagation {policy.propagation_delay:,}, margin for clocks)"
    return f"until {' and '.join([*first, 'it is published'])}, {spent}"


_CONDITIONS = {
    Until.SIGNED: "all is signed by these keys alone",
    Until.PARENT: "all servers of the parent have the DS",
}
