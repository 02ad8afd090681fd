"""The settings of transfers: what the operator configures, and what the process around it provides."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from zonegit.dns.access.acl import MayTransfer, loopback_only
from zonegit.dns.transfer.ixfr import History
from zonegit.model.names import WireName
from zonegit.tree.version import ZoneVersion

Runs = Callable[[ZoneVersion], Iterable[tuple[int, bytes]]]
"""The records of a zone version in canonical order, as `(number of records, RRs)`, whole stored leaves."""

Refused = Callable[[bytes, WireName, WireName | None, str], None]
"""Called with a client, the name asked for, the key that the query names, and the reason for a refusal."""


def tell_nobody(_client: bytes, _name: WireName, _key: WireName | None, _why: str) -> None:
    """The default: refusals aren't reported."""


class TransferOptions(NamedTuple):
    """How AXFR and IXFR queries are answered."""

    may_transfer: MayTransfer = loopback_only
    """Whether a client may transfer a zone; called with apex, client and the key that the query was signed with."""
    runs: Runs | None = None
    """The source of records; without it transfers are refused."""
    history: History | None = None
    """The source of differences for IXFR; without it the whole zone is sent."""
    refused: Refused = tell_nobody
    """Called for each transfer that is refused, and for each signature that doesn't verify."""
