"""What was found so far, with a bound: where all signatures of a large zone have ended there are millions."""

from typing import Final

from zonegit.model.names import APEX, Owner
from zonegit.zonefile.findings import Finding, finding

_LISTED: Final = 100
"""Findings of one check that are listed."""


class Found:
    """Findings in the order that they come in."""

    def __init__(self) -> None:
        self._listed: list[Finding] = []
        self._counts: dict[str, int] = {}
        self._tallies: dict[str, tuple[Owner, str, int]] = {}

    def add(self, check: str, owner: Owner, message: str) -> None:
        """One finding, listed by itself."""
        count = self._counts[check] = self._counts.get(check, 0) + 1
        if count <= _LISTED:
            self._listed.append(finding(check, owner, message))

    def tally(self, check: str, owner: Owner, message: str) -> None:
        """One of many findings that are told as one: the first, and how many more there are."""
        first, told, count = self._tallies.get(check, (owner, message, 0))
        self._tallies[check] = first, told, count + 1

    def findings(self) -> list[Finding]:
        """All of them."""
        more = [
            finding(check, APEX, f"{count - _LISTED:,} more of these are not listed")
            for check, count in self._counts.items()
            if count > _LISTED
        ]
        tallied = [
            finding(check, owner, f"{told}; and {count - 1:,} more" if count > 1 else told)
            for check, (owner, told, count) in self._tallies.items()
        ]
        return [*self._listed, *more, *tallied]
