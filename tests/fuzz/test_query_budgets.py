"""No query costs more than its budget, whatever zones are served: counted work over made worlds of hostile zones.

`ZONEGIT_FUZZ=n` asks n queries, as `make fuzz` does. The dearest query of each kind of zone is printed (`-s`), with
what it takes to ask it again.
"""

import os
import random

import pytest

from budgetkit import Cost, World, places
from costkit import metered_hashes
from zonegit.dns.budget import BYTE, HASH, QUERY, READ
from zonegit.errors import ZonegitError

TIMES = int(os.environ.get("ZONEGIT_FUZZ", "3200"))
SHARD = 250_000
EACH = 80 if TIMES < SHARD else 2000
"""Queries for one world."""
MOST = 3 * QUERY
"""What a query may cost by this test's own count, which has more in it: both neighbours of a name that isn't there,
all blocks that SHA-1 goes through, and a tree's second read for the owner in front of a name."""
MOST_CALLS = 100_000
"""Calls of functions for one query."""

pytestmark = pytest.mark.timeout(3600)


def price(cost: Cost) -> int:
    """A cost in the budget's own coin, from what was counted outside of it."""
    return cost.reads * READ + cost.bytes * BYTE + cost.hashes * HASH


@pytest.mark.parametrize("times", [min(SHARD, TIMES - at) for at in range(0, TIMES, SHARD)])
def test_no_query_exceeds_its_budget(times: int) -> None:
    rng = random.Random()
    dearest: dict[str, Cost] = {}
    busiest: dict[str, Cost] = {}
    over: list[Cost] = []
    for place, asked in places(times, EACH, rng):
        world = World(place)
        # A tree reads all of an owner before that is paid for: for the straight way, and again for the walk.
        most = MOST + (2 * BYTE * world.largest if place.trees else 0)
        with metered_hashes(world.meter):
            for cost in world.costs(asked):
                if place.kind not in dearest or price(cost) > price(dearest[place.kind]):
                    dearest[place.kind] = cost
                if place.kind not in busiest or cost.calls > busiest[place.kind].calls:
                    busiest[place.kind] = cost
                if price(cost) > most or cost.calls > MOST_CALLS:
                    over.append(cost)
        strange = [error for error in world.errors if not isinstance(error, ZonegitError)]
        assert not (world.whole and strange), (place, strange)
    for found in (dearest, busiest):
        for cost in sorted(found.values(), key=price, reverse=True):
            print(
                f"{price(cost):9} ns, {cost.reads} reads, {cost.bytes} bytes, {cost.hashes} hashes, "
                f"{cost.calls} calls: {cost.place}"
            )
    assert not over, f"{len(over)} queries: {max(over, key=price)}"
