"""What a commit has to pass before it is served, and why one doesn't."""

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from zonegit.model.ids import ObjectId
from zonegit.repo.results import Revision

if TYPE_CHECKING:
    from zonegit.dnssec.policy import DnssecPolicy
    from zonegit.repo.content import Content


class PublishPolicy(NamedTuple):
    """The table `publish` of a zone. Without limits a commit is published as soon as it is checked."""

    max_deletes: int | None = None
    """Records that a publication may delete."""
    max_change_percent: int | None = None
    """Records that it may delete and add, as a share of those that are served."""
    validator: tuple[str, ...] = ()
    """A program and its arguments, which gets the zone as a zone file."""
    validator_timeout: float = 30.0
    """Seconds."""
    require_signed: bool = False
    """Whether each commit has to be signed by one of the allowed signers."""
    allowed_signers: Path | None = None
    """Their file, as of ssh-keygen(1)."""
    approvals: int = 0
    """How many others than its author have to approve of a commit, or of one that builds on it."""
    allowed_approvers: Path | None = None
    """The file of those who may approve, and lift the limits."""
    dnssec: "DnssecPolicy | None" = None
    """How the zone is signed; None: it isn't signed here."""

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that say who may sign and approve."""
        return tuple(filter(None, (self.allowed_signers, self.allowed_approvers)))

    @property
    def is_quick(self) -> bool:
        """Whether judging by it reads no file and asks no program, and nothing is signed."""
        slow = self.validator, self.require_signed, self.approvals, self.allowed_approvers, self.dnssec
        return not any(slow)


class Reason(StrEnum):
    """Why a commit isn't published."""

    CHECKS = "checks"
    DELETES = "max-deletes"
    CHANGE = "max-change-percent"
    VALIDATOR = "validator"
    NOT_BEFORE = "not-before"
    UNSIGNED = "unsigned"
    REWOUND = "rewound"
    APPROVALS = "approvals"
    REJECTED = "rejected"
    DNSSEC = "dnssec"


class Held(NamedTuple):
    """A commit that doesn't pass the gate. What comes after it on the branch waits with it."""

    commit: ObjectId
    reason: Reason
    detail: str
    """One line."""
    remedy: str
    """What the operator can do about it."""
    until: int | None = None
    """Unix seconds from which on it passes by itself; None if somebody has to act."""


class Published(NamedTuple):
    """A branch's published version."""

    version: Revision
    of: ObjectId
    """The commit that it shows."""
    content: Revision
    """What has the content that people wrote: the shown commit if signing added to it, and else the version."""


class Proposed(NamedTuple):
    """A version that a validator is asked about, beside the one that is served."""

    old: "Content | None"
    """None at the first publication."""
    new: "Content"


Validate = Callable[[PublishPolicy, Proposed], str | None]
"""Asks the policy's validator; returns its complaint. `ValidatorUnavailable` if it can't be asked."""
