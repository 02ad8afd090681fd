"""No query costs more than its budget, whatever zones are served: counted work over made worlds of hostile zones.

`ZONEGIT_FUZZ=n` asks n queries, as `make fuzz` does. The dearest query of each kind of zone is printed (`-s`), with
what it takes to ask it again.
"""

import os
import random

import pytest

from budgetkit import Cost, World, places
from costkit import metered_hashes

TIMES = int(os.environ.get("ZONEGIT_FUZZ", "3200"))
SHARD = 250_000
EACH = 80 if TIMES < SHARD else 2000
"""Queries for one world."""
MOST_READS = 500
"""Questions to versions for one query, neighbours' blocks that are read along not counted."""
MOST_BYTES = 512 << 10
"""Bytes of blocks and neighbours. A tree reads all of an owner before that is paid for, and so up to four times:
on the fast path, on the slow path, and where an alias leads to it from either."""
MOST_HASHES = 5000
"""Blocks that SHA-1 goes through: up to five for each step with the longest salt. 150 iterations are what BIND and
Unbound validate, and 1,000 steps of five blocks take half a millisecond."""
MOST_PASSED = 2 * 3000
"""Owners that are passed over, in search of one that is hashed."""
MOST_CALLS = 150_000
"""Calls of functions for one query."""

pytestmark = pytest.mark.timeout(3600)


def price(cost: Cost) -> int:
    """What kinds of zones are compared by: about the nanoseconds that this much takes."""
    return 4_000 * cost.reads + 4 * cost.bytes + 1_000 * cost.hashes + 300 * cost.passed


def is_over(cost: Cost, world: World) -> bool:
    """Whether a query took more than it may."""
    unpaid = 4 * world.largest if world.place.trees else 0
    return (
        cost.reads > MOST_READS
        or cost.bytes > MOST_BYTES + unpaid
        or cost.hashes > MOST_HASHES
        or cost.passed > MOST_PASSED
        or cost.calls > MOST_CALLS
    )


@pytest.mark.parametrize("times", [min(SHARD, TIMES - at) for at in range(0, TIMES, SHARD)])
def test_no_query_exceeds_its_budget(times: int) -> None:
    rng = random.Random()
    dearest: dict[str, Cost] = {}
    busiest: dict[str, Cost] = {}
    over: list[Cost] = []
    for place, asked in places(times, EACH, rng):
        world = World(place)
        with metered_hashes(world.meter):
            for cost in world.costs(asked):
                if place.kind not in dearest or price(cost) > price(dearest[place.kind]):
                    dearest[place.kind] = cost
                if place.kind not in busiest or cost.calls > busiest[place.kind].calls:
                    busiest[place.kind] = cost
                if is_over(cost, world):
                    over.append(cost)
        assert not (world.whole and world.errors), (place, world.errors)
    for found in (dearest, busiest):
        for cost in sorted(found.values(), key=price, reverse=True):
            print(
                f"{price(cost):9} ns, {cost.reads} reads, {cost.bytes} bytes, {cost.hashes} hashes, "
                f"{cost.passed} passed, {cost.calls} calls: {cost.place}"
            )
    assert not over, f"{len(over)} queries: {max(over, key=price)}"
