"""Checks across the tables of peers, `[primary]` and each `[[peer]]`."""

from collections.abc import Mapping, Sequence
from typing import Final

from zonegit.errors import ConfigError
from zonegit.ops import values
from zonegit.ops.config import Config, PeerConfig, PrimaryConfig
from zonegit.ops.config_source import Settings
from zonegit.sync.zone_filter import ALL, Patterns, ZoneFilter

_OF_BOTH: Final = frozenset({"name", "policy", "zones", "exclude", "key"})
"""Keys that also apply to a peer without `url`, which only connects to this node."""


def peers_of(listed: Sequence[Settings], tables: Mapping[str, Settings], top: Settings) -> tuple[PeerConfig, ...]:
    """All peers. `ConfigError` for settings that don't fit together."""
    found: dict[str, PeerConfig] = {}
    for number, settings in enumerate(listed, 1):
        where = ("peer", str(number - 1))
        if "name" not in settings:
            why = f"[[peer]] number {number} has no 'name': set it to the peer's name in [replication]"
            raise ConfigError(why, where)
        peer = _peer(where, settings, serves="replication" in tables)
        if peer.name in found:
            raise ConfigError(f"two [[peer]] tables have the name {peer.name!r}: merge them into one", where)
        if peer.name == tables.get("primary", {}).get("name"):
            raise ConfigError(f"{peer.name!r} is both [primary] and a [[peer]]: keep only one of the tables", where)
        found[peer.name] = peer
    if found and top.get("keys") is None:
        raise ConfigError("[[peer]] needs key files: set 'keys' or --keys DIR", ("peer",))
    kids = [peer.key for peer in found.values() if peer.key and peer.link is None]
    if twice := next((kid for kid in kids if kids.count(kid) > 1), None):
        raise ConfigError(f"two peers without 'url' have the key {twice!r}: they can't be told apart")
    return tuple(found.values())


def check_publishers(config: Config) -> None:
    """`ConfigError` for a zone whose publisher is a peer that this node doesn't get the zone from."""
    for zone, settings in config.zones.items():
        name = settings.publisher
        peers = (peer for peer in config.called if peer.pulled is not None and peer.covers.includes(zone))
        if name is not None and all(peer.name != name for peer in peers):
            raise ConfigError(
                f'[zone."{zone}"] has the publisher {name!r}, but this node pulls {zone} from no such peer',
                ("zone", zone, "publisher"),
            )


def _peer(where: tuple[str, ...], settings: Settings, *, serves: bool) -> PeerConfig:
    name = settings["name"]
    what = f"[[peer]] {name}"
    shared = {key: settings[key] for key in ("direction", "policy", "key") if key in settings}
    covers = ZoneFilter(settings.get("zones", ALL), settings.get("exclude", Patterns()))
    if "url" in settings:
        link = link_of(what, where, {key: settings[key] for key in PrimaryConfig._fields if key in settings})
        return PeerConfig(name, link, covers=covers, **shared)
    if useless := next((key for key in settings if key not in _OF_BOTH), None):
        raise ConfigError(
            f"{what} has {useless!r} but no 'url': this node never connects to a peer without one", where
        )
    if not serves:
        raise ConfigError(
            f"{what} has no 'url', and without [replication] it can't connect either: set one of them", where
        )
    return PeerConfig(name, covers=covers, **shared)


def link_of(what: str, where: tuple[str, ...], settings: Settings) -> PrimaryConfig:
    """How to reach a peer; `what` names the table, and `where` is its path. `ConfigError`."""
    both(what, where, settings, "client_cert", "client_key")
    if not settings["url"].startswith("https:"):
        for key in ("ca", "client_cert"):
            if key in settings:
                raise ConfigError(f"{what} has {key!r} but no https URL", (*where, key))
    try:
        values.check_plaintext(settings["url"], settings.get("allow_plaintext", False))
    except ConfigError as error:
        raise ConfigError(str(error), (*where, "url")) from None
    return PrimaryConfig(**settings)


def both(what: str, where: tuple[str, ...], settings: Settings, one: str, other: str) -> None:
    """`ConfigError` if only one of two settings of a table is present."""
    if (one in settings) != (other in settings):
        raise ConfigError(f"{what} has only one of {one!r} and {other!r}: set both", where)
