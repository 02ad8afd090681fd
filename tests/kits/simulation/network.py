"""Messages between nodes: each `yield` of an exchange is one that is on its way.

What comes back from a `yield` says whether the message arrives. The code on both ends is that of production; only
the carrying is made here.
"""

from collections.abc import Generator, Iterable
from random import Random
from typing import NamedTuple, TypeVar

from simulation.laws import LawBroken
from simulation.node import Node
from zonegit.sync.arrival import Result


class Message(NamedTuple):
    """Which way something goes."""

    sender: int
    receiver: int


T = TypeVar("T")
Exchange = Generator[Message, bool, T]
"""Gives out messages, and is told whether they arrive."""
EXPECTED = frozenset(("", "behind", "not-fast-forward", "moved", "conflict"))
"""Why a branch may not have moved as offered."""


class Way(NamedTuple):
    """Between two nodes of which the first asks the second."""

    here: Node
    there: Node
    rng: Random

    @property
    def asking(self) -> Message:
        return Message(self.here.number, self.there.number)

    @property
    def answer(self) -> Message:
        return Message(self.there.number, self.here.number)


class Counts:
    """What came of it."""

    def __init__(self) -> None:
        self.objects = 0
        """Sent."""
        self.moved = 0
        """Branches."""

    def take(self, results: Iterable[Result]) -> None:
        """Count what moved. No node ever has what another one mustn't have."""
        for result in results:
            self.moved += result.outcome in ("updated", "merged")
            if result.reason not in EXPECTED:
                raise LawBroken(f"{result.ref.full} {result.outcome}: {result.reason}, {result.message}")
