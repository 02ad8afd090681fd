"""Whether HTTP can be served as configured. Cheap to import: the supervisor asks before it starts anything."""

from zonegit.errors import ConfigError
from zonegit.net.server.hypercorn_versions import check_versions
from zonegit.ops.config import Config


def check_http(config: Config) -> None:
    """`ConfigError` when `/v0` would be served in cleartext beyond this machine, or without keys.

    `UsageError` when an HTTP package has another version than the server was written for.
    """
    if config.replication is not None or config.metrics is not None:
        check_versions()
    section = config.replication
    if section is None:
        return
    if not (section.listen.is_loopback or section.allow_plaintext or section.tls_cert):
        raise ConfigError(
            f"replication on {section.listen} would be cleartext HTTP/2 beyond this machine: set tls_cert and "
            "tls_key, listen on loopback (behind a tunnel), or set allow_plaintext = true; the HMAC protects from "
            "changes, not from readers"
        )
    if config.keys is None:
        raise ConfigError(
            "replication needs `keys`, the directory of its key files; `zonegit key new KID --keys DIR` writes one"
        )
