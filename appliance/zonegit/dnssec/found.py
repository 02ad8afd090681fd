"""What was found so far, with a bound: where all signatures of a large zone have ended there are millions."""

from typing import Final

from zonegit.zonefile.findings import Findings

_LISTED: Final = 100
"""Findings of one check that are listed."""


class Found(Findings):
    """Findings in the order that they come in."""

    def __init__(self) -> None:
        super().__init__(_LISTED)
