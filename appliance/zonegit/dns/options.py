"""What an operator and the process around it decide about answering."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Final

from zonegit.dns.cookies import Cookies
from zonegit.tree.version import ZoneVersion

Network = IPv4Network | IPv6Network
Runs = Callable[[ZoneVersion], Iterable[tuple[int, bytes]]]
"""The records of a zone version in canonical order, as `(records, RRs)`, whole leaves as they lie."""

LOOPBACK: Final[tuple[Network, ...]] = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


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
    keepalive: float = 10.0
    """Seconds that a silent TCP connection is kept, for clients that ask for it (RFC 7828)."""
    transfer_to: tuple[Network, ...] = LOOPBACK
    """Clients that may transfer zones."""
    runs: Runs | None = None
    """Where transfers take their records from; without it they are refused."""
    cache_entries: int = 32_000
    """How many responses each level of the cache holds."""
    log: Callable[[str, Exception], None] = _log_nothing
    """Called with an unexpected exception, once per kind and place."""

    def may_transfer(self, client: bytes) -> bool:
        """Whether this client (4 or 16 address bytes) may transfer zones."""
        address = IPv4Address(client) if len(client) == 4 else IPv6Address(client)
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return any(address in network for network in self.transfer_to)
