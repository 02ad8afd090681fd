"""Many runs, one seed after the other."""

import gc
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from simulation.shrink import told
from simulation.world import make_plan, run


class Held(NamedTuple):
    """What runs held."""

    runs: int = 0
    commits: int = 0
    merges: int = 0
    steps: int = 0
    broken: tuple[str, ...] = ()
    """What failed, made small; one for each run."""

    def and_(self, other: "Held") -> "Held":
        return Held(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))

    def __str__(self) -> str:
        return (
            f"{self.runs:,} runs of {self.steps:,} steps, {self.commits:,} commits and {self.merges:,} merges: "
            f"{len(self.broken)} broke a law"
        )


def hold(seeds: Iterable[int], until: float = float("inf"), most_broken: int = 1) -> Held:
    """Run the plans of these seeds, until a time of the monotonic clock, or until so many broke a law."""
    found = Held()
    with _little_collected():
        for seed in seeds:
            if time.monotonic() > until or len(found.broken) >= most_broken:
                break
            found = found.and_(_one(seed))
    return found


@contextmanager
def _little_collected() -> Iterator[None]:
    """Look for garbage a hundredth as often: nearly all that a run makes lives until its end."""
    before = gc.get_threshold()
    gc.set_threshold(100 * before[0], *before[1:])
    yield
    gc.set_threshold(*before)


def _one(seed: int) -> Held:
    plan = make_plan(seed)
    try:
        tally = run(plan)
    except Exception:
        return Held(1, broken=(told(plan),))
    return Held(1, *tally)
