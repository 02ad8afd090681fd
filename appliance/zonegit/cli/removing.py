"""Decides whether a removed branch leaves a tombstone, because others write the zone too, and explains it."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from zonegit.cli import location

if TYPE_CHECKING:
    from zonegit.repo import Repository

NOTE: Final = "a tombstone tells the peers of the removal"
_REMOVED_THERE: Final = "remove it there, or use --tombstone here to have the peers remove it"
DETAILS: Final = """\
A tombstone is a commit that records the removal of a branch. Its ref is kept and sent to peers, so that no peer
that was offline brings the branch back. One is left if zonegitd's configuration merges the zone with a peer's
(policy or merge is "merge" or "hold"); if no peer is configured, if the branch was fetched from one; and always
with --tombstone. Without one, a peer that has the branch may bring it back; a note says so if that is known."""


def tombstone_option(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--tombstone", action="store_true", help="leave a tombstone, so that no peer brings the branch back"
    )


class Removing(NamedTuple):
    """How a branch is removed."""

    tombstone: bool
    note: str
    """A note for the user; may be empty."""


def removing(args: Namespace, repo: Repository, zone: str, branch: str | None = None) -> Removing:
    """How to remove a branch of a zone (canonical name); None: all branches."""
    if args.tombstone or others_write(args, repo, zone, branch):
        return Removing(True, NOTE)
    peers = dict.fromkeys(name.partition("/")[0] for name in repo.tracked(zone=zone) if _is_of(name, branch))
    return Removing(False, f"{_named(peers)} it too, and may bring it back: {_REMOVED_THERE}" if peers else "")


def others_write(args: Namespace, repo: Repository, zone: str, branch: str | None) -> bool:
    """Whether a branch of a zone (canonical name; None: any branch) is merged with what others write.

    If no peer is configured: whether the branch was fetched from one.
    """
    from zonegit.ops.policies import configured_policies, knows_peers

    repository, service = location.existing(args), Path(location.SERVICE_CONFIG)
    policies = configured_policies(repository, service)
    if zone in policies.zones or knows_peers(repository, service):
        return policies.is_merged(zone)
    return any(_is_of(name, branch) for name in repo.tracked(zone=zone, removed=True))


def _is_of(tracked: str, branch: str | None) -> bool:
    """Whether `peer/branch` tracks this branch; None: any branch."""
    return branch in (None, tracked.partition("/")[2])


def _named(peers: Collection[str]) -> str:
    """The first peer, and how many more there are."""
    first, *others = peers
    if not others:
        return f"{first} has"
    return f"{first} and {len(others)} other peer{'s' * (len(others) > 1)} have"
