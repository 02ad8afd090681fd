"""What was found so far, with a bound: where all signatures of a large zone have ended there are millions."""

from typing import Final

from zonegit.model.names import Owner
from zonegit.zonefile.findings import Finding, Findings, finding

_LISTED: Final = 100
"""Findings of one check that are listed."""


class Found(Findings):
    """Findings in the order that they come in."""

    def __init__(self) -> None:
        super().__init__(_LISTED)
        self._tallies: dict[str, tuple[Owner, str, int]] = {}

    def tally(self, check: str, owner: Owner, message: str) -> None:
        """One of many findings that are told as one: the first, and how many more there are."""
        first, told, count = self._tallies.get(check, (owner, message, 0))
        self._tallies[check] = first, told, count + 1

    def findings(self) -> list[Finding]:
        """All of them."""
        tallied = [
            finding(check, owner, f"{told}; and {count - 1:,} more" if count > 1 else told)
            for check, (owner, told, count) in self._tallies.items()
        ]
        return [*self.listed(), *tallied]
