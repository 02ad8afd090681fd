"""A check on the SOA serial. It is kept apart from a zone's records, whose SOA is stored with serial 0."""

from zonegit.model.names import APEX
from zonegit.zonefile.findings import Finding, finding


def check_serial(serial: int) -> list[Finding]:
    """The findings about the serial that a version is served with."""
    if serial:
        return []
    return [finding("serial-zero", APEX, "the SOA serial is 0, which some name servers take for a missing one")]
