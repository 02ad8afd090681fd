"""What a transfer from another name server brought (RFC 5936, RFC 1995), in the form in which zones are stored."""

from collections.abc import Sequence
from typing import NamedTuple

from zonegit.model.names import WireName
from zonegit.model.rrset import RRKey
from zonegit.zonefile.findings import Finding

Entry = tuple[RRKey, bytes]
"""A key and its stored RRset. The SOA's serial is 0 there, as in every stored RRset."""


class WholeZone(NamedTuple):
    """A zone as it was transferred whole: by AXFR, or in answer to an IXFR query (RFC 1995 §4)."""

    apex: WireName
    serial: int
    entries: list[Entry]
    """In canonical order, unique."""
    records: int
    findings: Sequence[Finding] = ()
    """What reading changed: duplicates merged, TTLs of an RRset made one (the lowest, as for zone files)."""


class Difference(NamedTuple):
    """One step of an IXFR answer: from one version to a later one, not always the next (RFC 1995 §5)."""

    old: int
    new: int
    """Serials."""
    removed: Sequence[Entry]
    added: Sequence[Entry]
    """Records, gathered under their keys in canonical order; the SOA among both unless only its serial differs."""


class Differences(NamedTuple):
    """An IXFR answer: steps that follow each other, at least one; the first begins at the serial that was known."""

    apex: WireName
    steps: Sequence[Difference]

    @property
    def serial(self) -> int:
        """The serial to which the last step leads."""
        return self.steps[-1].new


class UpToDate(NamedTuple):
    """The primary has nothing newer than the serial that was known: it sent only its SOA record."""

    apex: WireName
    serial: int
    """The primary's: the one that was known, or an older one."""


Transferred = WholeZone | Differences | UpToDate
