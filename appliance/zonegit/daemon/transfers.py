"""What zone transfers in one worker thread need: access rules, TSIG keys, and the repository's history."""

import logging
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from zonegit.auth.tsigfile import load_tsig
from zonegit.dns.access.acl import Acl
from zonegit.dns.access.tsig import Keys
from zonegit.dns.transfer.ixfr import Differences, History
from zonegit.dns.transfer.versions import Moves, Versions
from zonegit.errors import ConfigError, KeyFileError
from zonegit.model.names import WireName, to_text
from zonegit.ops import log
from zonegit.ops.config import Config
from zonegit.ops.config_source import mentioned
from zonegit.store.port import Reader
from zonegit.tree.source import NodeCache, Nodes
from zonegit.tree.version import ZoneVersion

_NODES: Final = 1024
"""Decoded nodes that are cached for differences."""

_logger: Final = logging.getLogger(__name__)


def tsig_keys(config: Config) -> Keys:
    """The TSIG keys of a configuration, including all that it names. `KeyFileError`, `ConfigError`."""
    keys = {} if config.keys is None else load_tsig(config.keys)
    for where, settings in config.every_zone:
        servers = {each.key for each in settings.also_notify} | {each.key for each in settings.primaries}
        updaters = {rule.key for rule in settings.update}
        named = settings.transfer_acl.keys | updaters | {key for key in servers if key is not None}
        for name in sorted(named - keys.keys()):
            text = to_text(name).removesuffix(".")
            place = f"in {config.keys}" if config.keys else "(set `keys`)"
            make = f"`zonegit tsig new {text} --keys {config.keys or 'DIR'}`"
            why = f"{where} names the TSIG key {text!r}, but there is none {place}: {make}"
            raise mentioned(config.file, f"key:{text}", why)
    return keys


def fresh_keys(config: Config, old: Keys) -> Keys:
    """The keys as a worker loads them. The supervisor has checked the files, at the start and at each reload, but
    one may have become invalid since. Then the old keys stay (none at a start), and queries are still answered."""
    try:
        return tsig_keys(config)
    except (KeyFileError, ConfigError) as error:
        log.event(_logger, "cannot load the TSIG keys; keeping the previous set", logging.ERROR, error=error)
        return old


class Access:
    """Who may transfer which zone, by a configuration that may be replaced."""

    def __init__(self, config: Config) -> None:
        self.config = config

    def may_transfer(self, zone: WireName, client: bytes, key: WireName | None) -> bool:
        return self.config.zone(to_text(zone)).transfer_acl.allows(client, key)

    def is_transferred(self, zone: WireName) -> bool:
        """Whether a zone is transferred from other servers."""
        return bool(self.config.zone(to_text(zone)).primaries)

    def is_primary(self, zone: WireName, client: bytes, key: WireName | None) -> bool:
        """Whether a NOTIFY comes from one of a zone's primaries: from its address, or signed with its key."""
        primaries = self.config.zone(to_text(zone)).primaries
        return any(each.address.is_at(client) or (key is not None and each.key == key) for each in primaries)

    def may_notify(self, client: bytes, key: WireName | None) -> bool:
        """Whether a NOTIFY comes from a primary: signed with any TSIG key, or from the address in a peer's URL."""
        links = self.config.pulled
        return bool(links) and (key is not None or any(_is_at(link.url, client) for link in links))


def _is_at(url: str, client: bytes) -> bool:
    """Whether a URL contains this address. Host names are not resolved."""
    try:
        return Acl.parse([urlsplit(url).hostname or ""]).allows(client, None)
    except ConfigError:
        return False


def history(reader: Reader, moves: Callable[[ZoneVersion], Moves]) -> History:
    """The source of incremental transfers, with its own caches."""
    return History(Versions(reader), Differences(Nodes(reader, NodeCache(_NODES)), reader.change), moves)
