"""A check on the SOA serial, which stands beside a zone's records: they hold an SOA with serial 0."""

from zonegit.model.names import APEX
from zonegit.zonefile.findings import Finding, finding


def check_serial(serial: int) -> list[Finding]:
    """What is wrong with the serial that a version is served with."""
    if serial:
        return []
    return [finding("serial-zero", APEX, "the SOA serial is 0; some name servers take that for no serial")]
