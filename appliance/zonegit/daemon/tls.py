"""TLS contexts from the configuration: for serving `/v0` and DNS, and for reaching a peer. Read at each reload."""

import ssl

from zonegit.net.tls import Identity, client_context, dns_context, server_context
from zonegit.ops.config import DnsConfig, PrimaryConfig, ReplicationConfig


def replication_tls(section: ReplicationConfig) -> ssl.SSLContext | None:
    """None for cleartext; `ConfigError` naming the file that can't be used."""
    if section.tls_cert is None or section.tls_key is None:
        return None
    return server_context(Identity(section.tls_cert, section.tls_key), section.client_ca)


def dns_tls(section: DnsConfig) -> ssl.SSLContext | None:
    """None where DNS isn't served over TLS; `ConfigError` naming the file that can't be used."""
    if section.tls_cert is None or section.tls_key is None:
        return None
    return dns_context(Identity(section.tls_cert, section.tls_key))


def primary_tls(primary: PrimaryConfig) -> ssl.SSLContext | None:
    """None for cleartext; `ConfigError` naming the file that can't be used."""
    if not primary.url.startswith("https:"):
        return None
    identity = None
    if primary.client_cert is not None and primary.client_key is not None:
        identity = Identity(primary.client_cert, primary.client_key)
    return client_context(primary.ca, identity)
