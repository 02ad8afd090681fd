"""A daemon's keys for `/v0`: checks them and its certificates, chooses which to sign with, reports their expiry."""

import os
import time
from pathlib import Path
from typing import Final

from zonegit.auth.choice import signing_keys
from zonegit.auth.key import Key, State
from zonegit.auth.keyring import Keyring
from zonegit.daemon.http_preflight import check_http
from zonegit.daemon.tls import primary_tls, replication_tls
from zonegit.daemon.transfers import tsig_keys
from zonegit.errors import ConfigError, KeyFileError
from zonegit.ops.config import Config, PrimaryConfig
from zonegit.ops.samples import Samples

CREDENTIALS: Final = "CREDENTIALS_DIRECTORY"
"""The variable with the directory of the unit's credentials (systemd.exec(5)); they don't change while it runs."""
_NEVER: Final = float("inf")


def load_keys(directory: Path) -> Keyring:
    """The keys in this directory and in the service's credentials. `KeyFileError`."""
    credentials = os.environ.get(CREDENTIALS)
    return Keyring.load(directory, *([Path(credentials)] if credentials else []))


def usable_keys(config: Config) -> Keyring:
    """Check all keys and certificates; returns the keys for `/v0`, none if nothing is replicated.

    It checks those that http and puller use, and the TSIG keys, which must include each that the configuration
    names. Called at the start and at each reload, before anything depends on them. `ConfigError`, `KeyFileError`.
    """
    check_http(config)
    tsig_keys(config)
    if config.keys is None or (config.replication is None and not config.called):
        return Keyring()
    for peer in config.called:
        if peer.link is not None:
            primary_keys(config, peer.link)
            primary_tls(peer.link)
    keys = load_keys(config.keys)
    if config.replication is not None:
        replication_tls(config.replication)
        bound = next((key.kid for key in keys if key.client_cert), None)
        if bound and config.replication.client_ca is None:
            raise KeyFileError(
                f"{config.keys}: key {bound!r} is bound to a client certificate, but [replication] has no client_ca"
            )
    return keys


def primary_keys(config: Config, primary: PrimaryConfig) -> tuple[Key, ...]:
    """The keys that requests to a peer may be signed with, from a valid key set.

    `ConfigError` without a directory of keys; `KeyFileError`, which names the directory, if none is usable.
    """
    if config.keys is None:
        raise ConfigError("a peer needs `keys`, the directory with the keys that requests are signed with")
    keyring = load_keys(config.keys)
    try:
        return signing_keys(keyring, primary.key, time.time(), str(config.keys))
    except KeyFileError as error:
        raise KeyFileError(f"{config.keys}: {error}") from None


class KeyEnds:
    """`auth_key_not_after_timestamp_seconds` of each key: +Inf if it never expires, or is retired."""

    def __init__(self, samples: Samples) -> None:
        self._samples = samples
        self._known: set[str] = set()

    def publish(self, keys: Keyring) -> None:
        """Publish these keys, and +Inf for keys that were published before and are gone."""
        ends = dict.fromkeys(self._known, _NEVER)
        for key in keys:
            ends[key.kid] = _NEVER if key.not_after is None or key.state is State.RETIRED else key.not_after
        for kid, end in ends.items():
            self._samples.set("auth_key_not_after_timestamp_seconds", end, key_id=kid)
        self._known = set(ends)
