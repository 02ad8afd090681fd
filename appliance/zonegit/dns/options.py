"""The settings of a responder: what the operator configures, and what the process around it provides."""

from collections.abc import Callable
from typing import NamedTuple

from zonegit.dns.access.cookies import Cookies
from zonegit.dns.transfer.options import TransferOptions


def _log_nothing(_message: str, _error: Exception) -> None:
    """The default: no log."""


class Options(NamedTuple):
    """How queries are answered."""

    udp_size: int = 1232
    """The largest response over UDP, in bytes, even if the client accepts more."""
    nsid: bytes | None = None
    """The name server identifier for clients that ask for it (RFC 5001)."""
    cookies: Cookies | None = None
    """The cookies of the answering thread; None ignores cookies like any unknown option."""
    ecs_trusted: Callable[[bytes], bool] | None = None
    """Which requestors may tell the network that they ask for (RFC 7871); None: nobody, the option is ignored."""
    version: bytes | None = None
    """TXT of `version.bind` and `version.server` in class CHAOS, at most 255 bytes; None refuses it."""
    identity: bytes | None = None
    """TXT of `id.server` and `hostname.bind`."""
    probe: bytes = b""
    """The name that the daemon itself asks for in class CHAOS; refused, and not counted. Empty: none."""
    keepalive: float = 10.0
    """Seconds until an idle TCP connection is closed, told to clients that ask (RFC 7828)."""
    transfers: TransferOptions = TransferOptions()
    cache_entries: int = 32_000
    """The most responses that each level of the cache holds."""
    log: Callable[[str, Exception], None] = _log_nothing
    """Called with an unexpected exception, once per type and line."""
