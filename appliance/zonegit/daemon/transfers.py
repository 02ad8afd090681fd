"""What zone transfers of one worker thread need: who may, the TSIG keys, and the repository's history."""

import logging
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from zonegit.auth.tsigfile import load_tsig
from zonegit.dns.acl import Acl
from zonegit.dns.ixfr import Differences, History
from zonegit.dns.past import Moves, Versions
from zonegit.dns.tsig import Keys
from zonegit.errors import ConfigError, KeyFileError
from zonegit.model.names import WireName, to_text
from zonegit.ops import log
from zonegit.ops.config import Config
from zonegit.tree.source import NodeCache, Nodes, NodeSource
from zonegit.tree.version import ZoneVersion

_NODES: Final = 1024
"""Decoded nodes that are kept for differences."""

_logger: Final = logging.getLogger(__name__)


def tsig_keys(config: Config) -> Keys:
    """The TSIG keys of a configuration, among them all that it names. `KeyFileError`, `ConfigError`."""
    keys = {} if config.keys is None else load_tsig(config.keys)
    for zone, settings in (("", config.default_zone), *config.zones.items()):
        named = settings.transfer_acl.keys | {target.key for target in settings.also_notify if target.key}
        for name in sorted(named - keys.keys()):
            text = to_text(name).removesuffix(".")
            where = f"zone {zone}" if zone else "[dns]"
            place = f"in {config.keys}" if config.keys else "(set `keys`)"
            make = f"`zonegit tsig new {text} --keys {config.keys or 'DIR'}`"
            raise ConfigError(f"{where} names the TSIG key {text!r}, but there is none {place}: {make}")
    return keys


def fresh_keys(config: Config, old: Keys) -> Keys:
    """The same in a worker. The supervisor has looked at them at the start and at each reload, but a file may have
    become bad since then: the old ones stay, none at a start, and queries are answered all the same."""
    try:
        return tsig_keys(config)
    except (KeyFileError, ConfigError) as error:
        log.event(_logger, "TSIG keys can't be taken, the old ones stay", logging.ERROR, error=error)
        return old


class Access:
    """Who may transfer what, by a configuration that may be replaced."""

    def __init__(self, config: Config) -> None:
        self.config = config

    def may_transfer(self, zone: WireName, client: bytes, key: WireName | None) -> bool:
        return self.config.zone(to_text(zone)).transfer_acl.allows(client, key)

    def may_notify(self, client: bytes, key: WireName | None) -> bool:
        """Whether a NOTIFY is the primary's: signed with any TSIG key, or from the address in the primary's URL."""
        primary = self.config.primary
        if primary is None:
            return False
        host = urlsplit(primary.url).hostname or ""
        try:
            return key is not None or Acl.parse([host]).allows(client, None)
        except ConfigError:
            return False  # a name: what its address is isn't asked here


def history(source: NodeSource, moves: Callable[[ZoneVersion], Moves]) -> History:
    """What incremental transfers are made from, with caches of their own."""
    return History(Versions(source), Differences(Nodes(source, NodeCache(_NODES))), moves)
