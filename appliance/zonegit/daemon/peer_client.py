"""Clients of peers, from the configuration."""

from zonegit.auth.gate import Signer
from zonegit.daemon.tls import primary_tls
from zonegit.net.client.peer import PeerClient
from zonegit.ops.config import PrimaryConfig


def peer_client(link: PrimaryConfig, signer: Signer) -> PeerClient:
    """A client that connects with its first request. `ConfigError`, naming a file that can't be used."""
    return PeerClient(
        link.url,
        signer,
        tls=primary_tls(link),
        allow_plaintext=link.allow_plaintext,
        bounds=link.limits,
    )
