"""A failure made small: the fewest steps, and as few nodes as they need, with which it still happens."""

import os
import time
from collections.abc import Callable

from simulation.laws import LawBroken
from simulation.world import Plan, Step, run

SECONDS = float(os.environ.get("ZONEGIT_SHRINK", "20"))
"""How long a failure is made smaller."""


def broken_by(plan: Plan) -> str:
    """What breaks in a run; empty where nothing does. Any error that escapes breaks it."""
    try:
        run(plan)
    except LawBroken as broken:
        return str(broken)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


def shrunk(plan: Plan, seconds: float = SECONDS) -> Plan:
    """A plan with fewer steps that breaks too, by whatever law."""
    until = time.monotonic() + seconds

    def breaks(steps: tuple[Step, ...]) -> bool:
        return bool(broken_by(plan._replace(steps=steps)))

    return plan._replace(steps=_fewest(plan.steps, breaks, lambda: time.monotonic() > until))


def _fewest(
    steps: tuple[Step, ...], breaks: Callable[[tuple[Step, ...]], bool], is_late: Callable[[], bool]
) -> tuple[Step, ...]:
    size = max(1, len(steps) // 2)
    while steps and not is_late():
        at, before = 0, len(steps)
        while at < len(steps) and not is_late():
            fewer = steps[:at] + steps[at + size :]
            if breaks(fewer):
                steps = fewer
            else:
                at += size
        if size == 1 and len(steps) == before:
            break
        size = max(1, size // 2)
    return steps


def told(plan: Plan) -> str:
    """All that somebody needs to see it happen: the seed, what broke, and the steps that are left."""
    small = shrunk(plan)
    lines = [
        f"seed {plan.seed}: {broken_by(plan)}",
        f"{len(small.steps)} of {len(plan.steps)} steps are enough for: {broken_by(small)}",
        f"nodes {small.nodes}, links {' '.join(f'{here}<-{there}' for here, there in small.links)}",
        *(f"    {step}" for step in small.steps),
        f"again: ZONEGIT_SEED={plan.seed} SEEDS=1 make simulate",
    ]
    return "\n".join(lines)
