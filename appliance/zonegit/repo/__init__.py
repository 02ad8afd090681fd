"""`Repository`, the API: zones, revisions, history, changes, merges. The command line writes through it alone.

It is loaded when it is first asked for: most processes of the daemon use the rooms below alone.
"""

from typing import TYPE_CHECKING

from zonegit.repo.results import (
    Blame,
    Change,
    Combined,
    Committed,
    Contradiction,
    Decided,
    Drawn,
    Entry,
    Passage,
    Position,
    Restored,
    Revision,
    TakenBack,
    Unfinished,
    ZoneSummary,
)

if TYPE_CHECKING:
    from zonegit.repo.repository import Repository as Repository

__all__ = [
    "Blame",
    "Change",
    "Combined",
    "Committed",
    "Contradiction",
    "Decided",
    "Drawn",
    "Entry",
    "Passage",
    "Position",
    "Repository",
    "Restored",
    "Revision",
    "TakenBack",
    "Unfinished",
    "ZoneSummary",
]


def __getattr__(name: str) -> object:
    if name == "Repository":
        from zonegit.repo.repository import Repository

        return Repository
    raise AttributeError(f"module 'zonegit.repo' has no attribute {name!r}")
