"""The simulation itself: the same seed does the same, and what fails is made small and told by its seed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from simulation import world
from simulation.laws import LawBroken
from simulation.node import Node
from simulation.seeds import hold
from simulation.shrink import broken_by, shrunk
from simulation.world import Step, World, make_plan


def test_a_seed_is_all_that_a_run_depends_on() -> None:
    runs = []
    for _ in range(2):
        ran = World(make_plan(3))
        tally = ran.run()
        runs.append((tally, [node.heads() for node in ran.nodes]))
    assert runs[0] == runs[1]
    assert runs[0][0].merges


def test_a_failure_shrinks_to_the_steps_that_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    def skew(self: World, node: Node, step: Step) -> None:
        node.skew += 1
        if node.skew == 2:
            raise LawBroken(f"{node.name} is wrong")

    monkeypatch.setitem(world.DEEDS, "skew", skew)
    seed = next(seed for seed in range(100) if "is wrong" in broken_by(make_plan(seed)))
    small = shrunk(make_plan(seed))
    assert [step.kind for step in small.steps] == ["skew", "skew"]
    (told,) = hold([seed]).broken
    assert told.startswith(f"seed {seed}: step ")
    assert "is wrong" in told
    assert f"ZONEGIT_SEED={seed}" in told


def test_a_long_run_begins_where_it_is_told_to_and_says_what_it_held() -> None:
    seeds = {"ZONEGIT_SEED": "3", "ZONEGIT_SEEDS": "2", "PYTHONPATH": str(Path(world.__file__).parents[1])}
    command = [sys.executable, "-m", "simulation"]
    ran = subprocess.run(command, env={**os.environ, **seeds}, capture_output=True, text=True, check=True)
    assert ran.stdout == f"{hold([3, 4])}\n"
