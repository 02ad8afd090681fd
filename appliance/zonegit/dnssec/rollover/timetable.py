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
    (Use.PUBLISHED, "published"),
    (Use.ZONE, "signing the zone"),
    (Use.DNSKEY, "signing DNSKEY"),
    (Use.CDS, "in CDS"),
)


def _does(row: Row) -> str:
    parts = [f"old keys: {_uses(row.old) or 'removed'}"]
    if row.new:
        parts.append(f"new keys: {_uses(row.new)}")
    return f"{'; '.join(parts)}{'; CDS asks the parent to delete all DS' if row.delete else ''}"


def _uses(uses: Use) -> str:
    return ", ".join(phrase for use, phrase in _PHRASES if use in uses)


def _awaits(row: Row, state: State, policy: DnssecPolicy) -> str:
    if not row.until:
        return "until that is published"
    first = [_condition(row, until) for until in row.until if until in _CONDITIONS]
    longest = max(duration(until, state.ttls) for until in row.until)
    wait = needed(row, state.ttls, policy)
    parts = f"TTL {_span(longest)}, propagation {_span(policy.propagation_delay)}, margin for clocks"
    spent = f"then {_span(wait)} ({parts})"
    return f"until {' and '.join([*first, 'it is published'])}, {spent}"


_CONDITIONS = {
    Until.SIGNED: "all is signed by these keys alone",
    Until.PARENT: "all servers of the parent have the DS",
}


def _condition(row: Row, until: Until) -> str:
    return "no server of the parent has a DS" if row.delete and until is Until.PARENT else _CONDITIONS[until]


def _span(seconds: int) -> str:
    """Hours, minutes and seconds, as far as they aren't zero: `25h 15m`."""
    hours, rest = divmod(seconds, 3600)
    return (
        " ".join(f"{count}{unit}" for count, unit in ((hours, "h"), (rest // 60, "m"), (rest % 60, "s")) if count)
        or "0s"
    )
