"""Finds the present name of a renamed branch in its reflog."""

from zonegit.errors import BranchGone
from zonegit.model import refs
from zonegit.repo.results import Position
from zonegit.store.port import Reader

RENAMED_TO = "branch: renamed to "
RENAMED_FROM = "branch: renamed from "
"""Reasons in the reflogs of the old and of the new name; the other name follows."""


def branch_gone(reader: Reader, place: Position) -> BranchGone:
    """The error for a branch that doesn't exist, with its present name if it was renamed."""
    branch, names = place.branch, {place.branch}
    while not reader.live(refs.head(place.zone, branch)):
        last = next(reader.reflog(refs.head(place.zone, branch)), None)
        branch = last.reason.removeprefix(RENAMED_TO) if last and last.reason.startswith(RENAMED_TO) else ""
        if not branch or branch in names:
            return BranchGone(
                f"{place.zone} has no branch {place.branch}; 'zonegit branch' lists branches and creates them"
            )
        names.add(branch)
    return BranchGone(f"the branch {place.branch} of {place.zone} was renamed to {branch}", branch)
