"""What an operator and the process around it decide about answering."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from zonegit.dns.acl import MayTransfer, loopback_only
from zonegit.dns.cookies import Cookies
from zonegit.dns.ixfr import History
from zonegit.model.names import WireName
from zonegit.tree.version import ZoneVersion

Runs = Callable[[ZoneVersion], Iterable[tuple[int, bytes]]]
"""The records of a zone version in canonical order, as `(records, RRs)`, whole leaves as they lie."""


Refused = Callable[[bytes, WireName, WireName | None, str], None]
"""Told of a client, the name asked for, the key that the query names, and why it was refused."""


def tell_nobody(_client: bytes, _name: WireName, _key: WireName | None, _why: str) -> None:
    """For whoever doesn't want to know."""


def _log_nothing(_message: str, _error: Exception) -> None:
    """For whoever wants no log."""


@dataclass(frozen=True, slots=True)
class Options:
    """How queries are answered."""

    udp_size: int = 1232
    """The largest response over UDP, in bytes, however much the client takes."""
    nsid: bytes | None = None
    """What a client that asks for the server's identifier gets (RFC 5001)."""
    cookies: Cookies | None = None
    """Of the thread that answers; without them cookies are ignored like other unknown options."""
    version: bytes | None = None
    """TXT of `version.bind` and `version.server` in class CHAOS, at most 255 bytes; None refuses it."""
    identity: bytes | None = None
    """TXT of `id.server` and `hostname.bind`."""
    probe: bytes = b""
    """The name that the daemon itself asks for in class CHAOS, refused and counted nowhere; empty: none."""
    keepalive: float = 10.0
    """Seconds that a silent TCP connection is kept, for clients that ask for it (RFC 7828)."""
    may_transfer: MayTransfer = loopback_only
    """Asked with a zone's apex, a client and the key that its query was signed with."""
    runs: Runs | None = None
    """Where transfers take their records from; without it they are refused."""
    history: History | None = None
    """What IXFR takes differences from; without it the whole zone is sent."""
    cache_entries: int = 32_000
    """How many responses each level of the cache holds."""
    refused: Refused = tell_nobody
    """Told of each transfer that is refused, and of each signature that doesn't hold."""
    log: Callable[[str, Exception], None] = _log_nothing
    """Called with an unexpected exception, once per kind and place."""
