"""What a node does with a branch that has diverged from a peer's, and which side starts exchanges."""

from enum import StrEnum


class Policy(StrEnum):
    """The policy of a zone at a node."""

    FF_ONLY = "ff-only"
    """Fast-forward only: accept what is ahead, refuse all else, and report it."""
    MERGE = "merge"
    """Make the canonical merge (`repo.canonical`)."""
    HOLD = "hold"
    """Merge unless the two sides contradict each other; then go on serving, and wait for a user to merge."""


def ff_only(_zone: str) -> Policy:
    """The default policy of every zone."""
    return Policy.FF_ONLY


class Direction(StrEnum):
    """The direction of exchanges with a peer that this node connects to."""

    PULL = "pull"
    PUSH = "push"
    BOTH = "both"

    @property
    def pulls(self) -> bool:
        return self is not Direction.PUSH

    @property
    def pushes(self) -> bool:
        return self is not Direction.PULL
