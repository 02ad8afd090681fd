"""What a user calls: `Repository`, revisions, history, changes. The command line uses nothing below it to write."""

from zonegit.repo.repository import Repository
from zonegit.repo.results import (
    Blame,
    Change,
    Combined,
    Committed,
    Contradiction,
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
