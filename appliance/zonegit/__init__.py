"""zonegit: git for authoritative DNS.

The library's front door: `from zonegit import Repository`. Loaded when first asked for, so that a program pays only
for what it uses. docs/embedding.md shows it at work.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zonegit.auth.keyring import Keyring as Keyring
    from zonegit.daemon.dns_responder import DnsResponder as DnsResponder
    from zonegit.net.embedded.client import ReplicationClient as ReplicationClient
    from zonegit.net.embedded.server import ReplicationServer as ReplicationServer
    from zonegit.net.embedded.sync import SyncClient as SyncClient
    from zonegit.repo import Repository as Repository

__version__ = "0.1.0"
__all__ = [
    "DnsResponder",
    "Keyring",
    "ReplicationClient",
    "ReplicationServer",
    "Repository",
    "SyncClient",
    "__version__",
]

_HOMES = {
    "DnsResponder": "zonegit.daemon.dns_responder",
    "Keyring": "zonegit.auth.keyring",
    "ReplicationClient": "zonegit.net.embedded.client",
    "ReplicationServer": "zonegit.net.embedded.server",
    "Repository": "zonegit.repo",
    "SyncClient": "zonegit.net.embedded.sync",
}


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'zonegit' has no attribute {name!r}")
