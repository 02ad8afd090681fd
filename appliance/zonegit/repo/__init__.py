"""`Repository`, the API: zones, revisions, history, changes, merges. The command line writes through it alone."""

from zonegit.repo.repository import Repository
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
