"""Figures, the budgets they are held against, and the little statistics they need."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median


@dataclass(frozen=True, slots=True)
class Budget:
    """A limit that a figure must keep, on one side."""

    limit: float
    at_most: bool

    def met(self, value: float) -> bool:
        return value <= self.limit if self.at_most else value >= self.limit


def at_most(limit: float) -> Budget:
    return Budget(limit, at_most=True)


def at_least(limit: float) -> Budget:
    return Budget(limit, at_most=False)


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value."""

    what: str
    value: float
    unit: str
    budget: Budget | None = None
    ratios: Mapping[str, float] = field(default_factory=dict)
    """This value divided by each peer's in the same run."""
    bound: str = ""
    """What bounds it: the shares of the measured process's time, as `Work.shares` gives them."""

    @property
    def verdict(self) -> str:
        """`met`, `missed`, or nothing where there is no budget."""
        if self.budget is None:
            return ""
        return "met" if self.budget.met(self.value) else "missed"


def percentile(values: Sequence[float], percent: float) -> float:
    """The value that this percentage of the values doesn't exceed (nearest rank)."""
    ordered = sorted(values)
    rank = -(-len(ordered) * percent // 100)
    return ordered[max(int(rank), 1) - 1]


def median_ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median of the ratios of samples taken side by side: what drifts in the machine drops out."""
    return median(mine / other for mine, other in zip(ours, theirs, strict=True))


def number_text(value: float) -> str:
    """A number for people: three or more significant digits, thousands set apart."""
    size = abs(value)
    if size >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if size >= 10 else f"{value:.2f}" if size >= 0.1 else f"{value:.3f}"


def budget_text(budget: Budget, unit: str) -> str:
    """Such as `≤ 2 ms`."""
    limit = f"{budget.limit:,g}" if budget.limit < 1e6 else number_text(budget.limit)
    return f"{'≤' if budget.at_most else '≥'} {limit} {unit}"
