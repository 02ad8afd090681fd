"""The keys of a daemon: whether they and its certificates will do, which it signs with, when they end."""

import os
import time
from pathlib import Path
from typing import Final

from zonegit.auth.choice import signing_keys
from zonegit.auth.key import Key, State
from zonegit.auth.keyring import Keyring
from zonegit.daemon.cleartext import check_replication
from zonegit.daemon.tls import primary_tls, replication_tls
from zonegit.daemon.transfers import tsig_keys
from zonegit.errors import ConfigError, KeyFileError
from zonegit.ops.config import Config, PrimaryConfig
from zonegit.ops.samples import Samples

CREDENTIALS: Final = "CREDENTIALS_DIRECTORY"
"""Where the service manager puts the unit's credentials (systemd.exec(5)); they stay as they are while it runs."""
_NEVER: Final = float("inf")


def load_keys(directory: Path) -> Keyring:
    """The keys of this directory, and beside them those among the service's credentials; `KeyFileError`."""
    credentials = os.environ.get(CREDENTIALS)
    return Keyring.load(directory, *([Path(credentials)] if credentials else []))


def usable_keys(config: Config) -> Keyring:
    """The keys, when http and puller will take them and their certificates; none where nothing is replicated.

    TSIG keys are looked at, too, and whether all are there that the configuration names.

    `ConfigError`, `KeyFileError`: asked before anything depends on it, at the start and at each reload.
    """
    check_replication(config)
    tsig_keys(config)
    if config.keys is None or (config.replication is None and config.primary is None):
        return Keyring()
    if config.primary is not None:
        primary_keys(config, config.primary)
        primary_tls(config.primary)
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
    """The keys that requests to the primary may be signed with, from a key set without a fault.

    `ConfigError` without a directory of keys; `KeyFileError` naming it, when none of its keys will do.
    """
    if config.keys is None:
        raise ConfigError("a primary needs `keys`, the directory with the keys that requests are signed with")
    keyring = load_keys(config.keys)
    try:
        return signing_keys(keyring, primary.key, time.time())
    except KeyFileError as error:
        raise KeyFileError(f"{config.keys}: {error}") from None


class KeyEnds:
    """`auth_key_not_after_timestamp_seconds` of each key: +Inf where nothing will end, or has ended already."""

    def __init__(self, samples: Samples) -> None:
        self._samples = samples
        self._known: set[str] = set()

    def publish(self, keys: Keyring) -> None:
        """Tell of these keys; of those that were told of before and are gone, that nothing ends there any more."""
        ends = dict.fromkeys(self._known, _NEVER)
        for key in keys:
            ends[key.kid] = _NEVER if key.not_after is None or key.state is State.RETIRED else key.not_after
        for kid, end in ends.items():
            self._samples.set("auth_key_not_after_timestamp_seconds", end, key_id=kid)
        self._known = set(ends)
