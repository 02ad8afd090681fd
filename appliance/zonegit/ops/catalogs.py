"""The settings of catalog zones (RFC 9432): `catalog` and `catalog_group` of zones that are listed, and the tables
`[catalog."..."]` of catalogs that are followed.

The members of a followed catalog have the settings in its table `zone`, and those of a group also the ones in its
table `group."NAME"`. Only settings that make sense for a zone that other servers write can be there.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from zonegit.errors import ConfigError
from zonegit.ops import values
from zonegit.ops.config import CatalogConfig, Config, ZoneConfig
from zonegit.ops.config_source import Reader, Settings, Source
from zonegit.ops.primaries import Primary, primaries

_LONGEST: Final = 255
"""Bytes of a group's name: it is one string of a TXT record."""
_MOST: Final = 32
"""Groups of one zone."""
CATALOG: Final[Mapping[str, Reader]] = {
    "primaries": primaries,
    "member_primaries": primaries,
    "max_removals": lambda value: values.whole(value, 0, 1_000_000_000),
}
"""The keys of `[catalog."..."]`."""
_TABLES: Final = ("zone", "group")


def catalog(value: object) -> str | None:
    """The catalog that lists a zone, by its canonical name; false: none does."""
    if value is False:
        return None
    if value is True:
        raise ConfigError('true is not a catalog: write its name, such as "catalog.example.", or false for none')
    return values.zone_name(value)


def groups(value: object) -> tuple[str, ...]:
    """The values of a zone's group property: one text, or a list of them."""
    found = [values.text_value(value)] if isinstance(value, str) else values.texts(value)
    for text in found:
        if len(text.encode()) > _LONGEST or not text.isprintable():
            raise ConfigError(f"{text[:80]!r} is not a group: write at most {_LONGEST} bytes of printable text")
    if len(set(found)) > _MOST:
        raise ConfigError(f"there are {len(set(found))} groups: write at most {_MOST}")
    return tuple(sorted(set(found)))


LISTED: Final[Mapping[str, Reader]] = {"catalog": catalog, "catalog_group": groups}
"""Under `[dns]` for every zone, under `[zone."..."]` for one."""


class CatalogTables(NamedTuple):
    """The tables of a followed catalog, checked."""

    settings: Settings
    zone: Settings
    groups: Mapping[str, Settings]


ReadTemplate = Callable[[Source, tuple[str, ...], object], Settings]
"""Reads the settings of members from the table at a place."""


def read_catalogs(source: Source, value: object, template: ReadTemplate) -> dict[str, CatalogTables]:
    """The tables of all followed catalogs, by their canonical names. `ConfigError`."""
    found: dict[str, CatalogTables] = {}
    for name, inner in source.table(("catalog",), value).items():
        where = ("catalog", name)
        canonical = source.checked(where, values.zone_name, name)
        if canonical in found:
            raise source.error(where, f"the catalog {canonical} has two tables")
        found[canonical] = _catalog(source, where, inner, template)
    return found


def _catalog(source: Source, where: tuple[str, ...], value: object, template: ReadTemplate) -> CatalogTables:
    found = source.zone(where, value, (*CATALOG, *_TABLES))
    tables: dict[str, Any] = {name: found.pop(name) for name in _TABLES if name in found}
    settings = source.take(where, found, CATALOG, _TABLES)
    if "primaries" not in settings:
        raise source.error(where, "the catalog has no 'primaries': name the servers that it is transferred from")
    zone = template(source, (*where, "zone"), tables.get("zone", {}))
    named: dict[str, Settings] = {}
    for name, inner in source.table((*where, "group"), tables.get("group", {})).items():
        source.checked((*where, "group", name), groups, name)
        named[name] = template(source, (*where, "group", name), inner)
    return CatalogTables(settings, zone, named)


def catalog_config(tables: CatalogTables, default: ZoneConfig) -> CatalogConfig:
    """A followed catalog. `default`: the settings of zones without a table."""
    servers: tuple[Primary, ...] = tables.settings["primaries"]
    at_members: tuple[Primary, ...] = tables.settings.get("member_primaries", servers)
    members = _plain(default)._replace(primaries=at_members)._replace(**tables.zone)
    grouped = {name: members._replace(**settings) for name, settings in tables.groups.items()}
    return CatalogConfig(servers, members, grouped, tables.settings.get("max_removals"))


def with_catalogs(
    zones: Mapping[str, ZoneConfig], catalogs: Mapping[str, CatalogConfig], default: ZoneConfig
) -> Mapping[str, ZoneConfig]:
    """The settings of zones, and of the followed catalogs, which are transferred as zones are. `ConfigError`."""
    if not catalogs:
        return zones
    found = dict(zones)
    for name, each in catalogs.items():
        settings = zones.get(name, _plain(default))
        for key in ("primaries", "update", "publisher", "at", "canary", "routes", "dnssec", "publish"):
            if getattr(settings, key):
                why = f"the catalog {name} is transferred and followed as it is"
                reason = f'[zone."{name}"] can\'t have {key!r}, since {why}: remove it'
                raise ConfigError(reason, ("zone", name, key))
        found[name] = settings._replace(primaries=each.primaries)
    return found


def _plain(default: ZoneConfig) -> ZoneConfig:
    """The settings of zones without a table, without those that choose between versions."""
    return default._replace(branch="main", at=None, canary=None, canary_salt="", routes=())


def check_catalogs(config: Config) -> None:
    """`ConfigError` for a catalog that is made here, and followed or written otherwise as well."""
    both = sorted(config.made_catalogs & config.catalogs.keys())
    if both:
        raise ConfigError(
            f"the catalog {both[0]} is made here ('catalog') and followed ([catalog]): give them two names",
            ("catalog", both[0]),
        )
    for name in sorted(config.made_catalogs & config.zones.keys()):
        for key in ("primaries", "update"):
            if getattr(config.zones[name], key):
                why = f"the catalog {name} is made here by zonegitd alone"
                raise ConfigError(
                    f'[zone."{name}"] can\'t have {key!r}, since {why}: remove it', ("zone", name, key)
                )
