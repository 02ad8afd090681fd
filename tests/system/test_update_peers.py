"""zonegitd, BIND and Knot DNS make the same of UPDATE messages: the rcodes, the zone and its serial.

`ZONEGIT_UPDATES` is how many messages are made, `ZONEGIT_SEED` what they are made from; `make updates` makes many.
Where a peer differs, `updateodds` says how, and docs/decisions/0056-dynamic-update.md why zonegit doesn't.
"""

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from updatekinds import Maker, Message
from updateodds import ODDS, Case, Outcome, kills_knot
from updatepeers import UPDATED, Remote, servers
from updatezone import RR, brought_back, serial_of
from zonegit.model.rdata import SOA, with_serial

MESSAGES = int(os.environ.get("ZONEGIT_UPDATES", "200"))
SEED = int(os.environ.get("ZONEGIT_SEED", "20261201"))
_LONG = 20_000
"""With as many messages each known difference is met."""
_AGAIN = 200
"""After as many messages all begin again with the same zone, since it fills with whatever can be added."""


@pytest.mark.timeout(60 + MESSAGES)
def test_updates_as_peers_take_them(tmp_path: Path, needs_program: Callable[[str], str]) -> None:
    programs = {peer: needs_program(peer) for peer in UPDATED}
    maker = Maker(SEED)
    met: Counter[str] = Counter()
    with servers(tmp_path, programs) as (ours, *theirs):
        before = first = ours.zone()
        assert {peer.zone() for peer in theirs} == {before}
        for number in range(MESSAGES):
            if number % _AGAIN == _AGAIN - 1:
                before = _brought_back([ours, *theirs], _after(first, before))
            message = maker.message(serial_of(before))
            asked = [peer for peer in theirs if peer.name != "knotd" or not kills_knot(message, before)]
            mine = _outcome(ours, message)
            outcomes = {peer.name: _outcome(peer, message) for peer in asked}
            for name, outcome in outcomes.items():
                if outcome != mine:
                    known = [odd.__name__ for odd in ODDS[name] if odd(Case(message, before, mine, outcome))]
                    assert known, _report(number, message, before, {"zonegit": mine, **outcomes})
                    met[known[0]] += 1
            if len(asked) < len(theirs) or {each.zone for each in outcomes.values()} != {mine.zone}:
                before = _brought_back([ours, *theirs], before)
            else:
                before = mine.zone
    if MESSAGES >= _LONG:
        assert set(met) == {odd.__name__ for odds in ODDS.values() for odd in odds}


def _outcome(server: Remote, message: Message) -> Outcome:
    return Outcome(server.update(message), server.zone())


def _after(zone: frozenset[RR], other: frozenset[RR]) -> frozenset[RR]:
    """The records of a zone with the serial of another."""
    return frozenset(
        each._replace(rdata=with_serial(each.rdata, serial_of(other))) if each.rtype == SOA else each
        for each in zone
    )


def _brought_back(all_: list[Remote], wanted: frozenset[RR]) -> frozenset[RR]:
    """Give all servers the records that they had in common, with one serial; returns them."""
    zones = {server: server.zone() for server in all_}
    last = serial_of(wanted)
    ahead = max((serial_of(zone) - last) % (1 << 32) for zone in zones.values())
    serial = (last + ahead + 10) % (1 << 32)
    for server, zone in zones.items():
        for message in brought_back(zone, wanted, serial):
            assert server.update(message) == 0
    found = {server: server.zone() for server in all_}
    agreed = found[all_[0]]
    assert set(found.values()) == {agreed}, "\n".join(
        f"{each.name} {rr}" for each, zone in found.items() for rr in zone ^ agreed
    )
    return agreed


def _report(number: int, message: Message, before: frozenset[RR], outcomes: dict[str, Outcome]) -> str:
    records = [f"  {each}" for each in (*message.prerequisites, "", *message.operations)]
    owners = {each.owner.lower() for each in (*message.prerequisites, *message.operations)}
    had = [f"  had {each}" for each in sorted(before) if each.owner in owners]
    made = [
        f"  {name}: rcode {outcome.rcode}"
        + "".join(f"\n    + {each}" for each in sorted(outcome.zone - before))
        + "".join(f"\n    - {each}" for each in sorted(before - outcome.zone))
        for name, outcome in outcomes.items()
    ]
    return "\n".join([f"message {number} of ZONEGIT_SEED={SEED}", *records, *had, *made])
