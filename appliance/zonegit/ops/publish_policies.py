"""The publishing policies of branches: in a configuration, and as the `zonegit` command reads them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from zonegit.ops.config import ZoneConfig
from zonegit.ops.own_config import settings_for
from zonegit.repo.publishing.policy import PublishPolicy
from zonegit.repo.results import Position

_TABLES: Final = frozenset({"publish", "dnssec"})
"""The tables of a zone that decide how it is published."""


def policies_of(zones: Mapping[str, ZoneConfig]) -> Mapping[Position, PublishPolicy]:
    """The policies of the branches that zones are served from. `zones`: settings by canonical name."""
    return {
        Position(zone, branch): policy
        for zone, settings in zones.items()
        if (policy := settings.policy) is not None
        for branch in settings.branches
    }


def publishers_of(zones: Mapping[str, ZoneConfig]) -> Mapping[str, str]:
    """The peers that publish zones for this node, by zone. `zones`: settings by canonical name."""
    return {zone: settings.publisher for zone, settings in zones.items() if settings.publisher is not None}


def configured(repo: Path, service: Path) -> Mapping[Position, PublishPolicy]:
    """The policies in the configuration file that applies to a repository. `ConfigError` if that is invalid."""
    file, data = settings_for(repo, service, b"publish", b"dnssec")
    tables = data.get("zone")
    zones = tables.values() if isinstance(tables, dict) else ()
    if not any(isinstance(each, dict) and not each.keys().isdisjoint(_TABLES) for each in zones):
        return {}
    from zonegit.ops.config_file import read_file

    return policies_of({name: ZoneConfig(**settings) for name, settings in read_file(file).zones.items()})
