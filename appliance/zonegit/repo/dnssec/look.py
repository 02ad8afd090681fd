"""What signing makes of a branch at one look."""

from typing import NamedTuple

from zonegit.repo.dnssec.status import DnssecStatus
from zonegit.repo.publishing.policy import Published


class Look(NamedTuple):
    """What a look led to."""

    published: Published
    problem: str | None = None
    """Why the commit that was to be shown couldn't be signed."""
    again: float | None = None
    """When to look again, in Unix seconds, though nothing moves; None: never."""
    status: DnssecStatus | None = None
    """None: nothing is served of the branch."""
