"""Findings of one verification, with a low bound: a large zone with expired signatures has millions."""

from typing import Final

from zonegit.zonefile.findings import Findings

_LISTED: Final = 100
"""Findings of one check that are listed."""


class BoundedFindings(Findings):
    """Findings in the order that they come in."""

    def __init__(self) -> None:
        super().__init__(_LISTED)
