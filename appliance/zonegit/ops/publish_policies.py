"""The publishing policies of branches: in a configuration, and as the `zonegit` command reads them."""

from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Final

from zonegit.ops.config import CatalogConfig, ZoneConfig
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
    """The policies in the configuration file that applies to a repository, and those that the members of followed
    catalogs have by it. `ConfigError` if that is invalid.
    """
    file, data = settings_for(repo, service, b"publish", b"dnssec")
    catalogs = data.get("catalog")
    templates = [*_templates(catalogs)]
    if not any(map(_decides, (*_tables(data.get("zone")), *templates))):
        return {}
    from zonegit.ops.config_file import read_file

    read = read_file(file)
    own = {name: ZoneConfig(**settings) for name, settings in read.zones.items()}
    if not any(map(_decides, templates)):
        return policies_of(own)
    from zonegit.ops.catalogs import catalog_config

    followed = {name: catalog_config(tables, ZoneConfig()) for name, tables in read.catalogs.items()}
    return policies_of({**_member_settings(repo, followed), **own})


def _tables(value: object) -> Iterable[object]:
    return value.values() if isinstance(value, dict) else ()


def _templates(catalogs: object) -> Iterable[object]:
    """The tables for members."""
    for each in _tables(catalogs):
        if isinstance(each, dict):
            yield each.get("zone")
            yield from _tables(each.get("group"))


def _decides(table: object) -> bool:
    """Whether a table says how a zone is published."""
    return isinstance(table, dict) and not table.keys().isdisjoint(_TABLES)


def _member_settings(repo: Path, catalogs: Mapping[str, CatalogConfig]) -> Mapping[str, ZoneConfig]:
    from zonegit.repo.catalog.membership import members_here
    from zonegit.store.lmdb import LmdbStore

    with closing(LmdbStore.open(repo, readonly=True)) as store, store.read() as reader:
        members = members_here(reader)
    return {
        zone: catalogs[name].settings(member.groups) for zone, (name, member) in members.items() if name in catalogs
    }
