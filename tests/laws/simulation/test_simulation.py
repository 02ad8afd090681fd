"""Fleets of whole nodes: users, lost messages, partitions, crashes, wrong clocks; every law after every step.

`ZONEGIT_SEEDS` is how many runs (160), `ZONEGIT_SEED` the first of them (0). A run that breaks a law is told by its
seed, with the few steps that are enough for it.
"""

import os

import pytest

from simulation.seeds import hold

SEEDS = int(os.environ.get("ZONEGIT_SEEDS", "160"))
FIRST = int(os.environ.get("ZONEGIT_SEED", "0"))
PARTS = 8
"""Tests, so that all cores have something to do."""


@pytest.mark.timeout(0)
@pytest.mark.parametrize("part", range(PARTS))
def test_every_law_holds_after_every_step(part: int) -> None:
    held = hold(range(FIRST + part, FIRST + SEEDS, PARTS))
    print(held)
    assert not held.broken, "\n".join(held.broken)
    assert held.runs == len(range(part, SEEDS, PARTS))
