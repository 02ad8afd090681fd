"""The merge policies in zonegitd's configuration, as the `zonegit` command reads them."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from zonegit.errors import ConfigError, ZonegitError
from zonegit.ops.own_config import settings_for
from zonegit.sync.policy import Policy
from zonegit.sync.zone_filter import ALL, Patterns, ZoneFilter


class _Peer(NamedTuple):
    name: str
    policy: Policy
    covers: ZoneFilter


class Policies(NamedTuple):
    """The policies of a repository's zones."""

    zones: Mapping[str, Policy] = {}
    """Canonical name -> policy, for zones that have one of their own."""
    peers: tuple[_Peer, ...] = ()

    def of(self, zone: str, peer: str) -> Policy:
        """The policy for diverged branches of a zone (canonical name) and a peer."""
        own = self.zones.get(zone)
        theirs = (each.policy for each in self.peers if each.name == peer and each.covers.includes(zone))
        return own or next(theirs, Policy.FF_ONLY)

    def is_merged(self, zone: str) -> bool:
        """Whether others' changes to a zone are merged here, so that removing a branch needs a tombstone."""
        policy = self.zones.get(zone)
        if policy is not None:
            return policy is not Policy.FF_ONLY
        return any(each.policy is not Policy.FF_ONLY and each.covers.includes(zone) for each in self.peers)


def configured_policies(repo: Path, service: Path) -> Policies:
    """The policies of a repository. `ConfigError` if one of the settings involved is invalid."""
    file, data = settings_for(repo, service, b"merge", b"hold")
    try:
        zones = dict(_zones(data.get("zone", {})))
        return Policies(zones, tuple(_peers(data.get("peer", []))))
    except ZonegitError as error:
        raise ConfigError(f"{file}: {error}") from None


def knows_peers(repo: Path, service: Path) -> bool:
    """Whether the configuration has a peer with which the repository's zones are exchanged."""
    _, data = settings_for(repo, service, b"peer", b"primary")
    return "peer" in data or "primary" in data


def is_replicated(repo: Path, service: Path) -> bool:
    """Whether the configuration has zonegitd serve the repository to secondaries."""
    _, data = settings_for(repo, service, b"replication")
    return "replication" in data


def _zones(tables: object) -> Iterator[tuple[str, Policy]]:
    from zonegit.ops.values import policy, zone_name

    for name, settings in tables.items() if isinstance(tables, dict) else ():
        if isinstance(settings, dict) and "merge" in settings:
            yield zone_name(name), policy(settings["merge"])


def _peers(tables: object) -> Iterator[_Peer]:
    from zonegit.ops.values import policy, zone_patterns

    for settings in tables if isinstance(tables, list) else ():
        if isinstance(settings, dict):
            found: dict[str, Any] = settings
            zones = zone_patterns(found["zones"]) if "zones" in found else ALL
            exclude = zone_patterns(found["exclude"]) if "exclude" in found else Patterns()
            chosen = policy(found["policy"]) if "policy" in found else Policy.FF_ONLY
            yield _Peer(str(found.get("name", "")), chosen, ZoneFilter(zones, exclude))
