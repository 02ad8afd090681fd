"""The TOML configuration file: its keys, and their checks.

Every value is checked here. An error names the file, the line and the key; for an unknown key also the most similar
valid one.
"""

import re
import tomllib
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from zonegit.dns.access.acl import key_name
from zonegit.dnssec.policy import KEYS, DnssecPolicy
from zonegit.errors import ConfigError
from zonegit.ops import bounds, dnssec_policy, values
from zonegit.ops.address import Address
from zonegit.ops.catalogs import LISTED, CatalogTables, read_catalogs
from zonegit.ops.config import NotifyTarget
from zonegit.ops.config_source import Reader, Settings, Source
from zonegit.ops.dnssec_policy import DNSSEC
from zonegit.ops.primaries import primaries
from zonegit.ops.routes import routes
from zonegit.ops.update_rules import coalesce, update_rules
from zonegit.repo.publishing.policy import PublishPolicy


def _addresses(value: object) -> tuple[Address, ...]:
    listed = value if isinstance(value, list) else [value]
    if not listed:
        raise ConfigError("the list of addresses is empty")
    return tuple(_address(each) for each in listed)


def _address(value: object) -> Address:
    return Address.parse(values.text_value(value))


def _targets(value: object) -> tuple[NotifyTarget, ...]:
    """`192.0.2.1`, `192.0.2.1:53` or `[2001:db8::1]:53`, each optionally followed by `key:NAME`."""
    return tuple(_target(text) for text in values.texts(value))


def _target(text: str) -> NotifyTarget:
    place, _, rest = text.strip().partition(" ")
    key = rest.strip()
    if key and not key.startswith("key:"):
        raise ConfigError(f"{text[:80]!r} is not a name server: write 192.0.2.1:53 or 192.0.2.1:53 key:NAME")
    return NotifyTarget(Address.with_port(place, 53), key_name(key.removeprefix("key:")) if key else None)


TOP: Final[Mapping[str, Reader]] = {"repo": values.path, "keys": values.path, "dnssec_keys": values.path}
TRANSFERS: Final[Mapping[str, Reader]] = {
    "allow_query": values.networks,
    "transfer_acl": values.acl,
    "notify": values.boolean,
    "also_notify": _targets,
    "update_forwarding": values.acl,
    **LISTED,
}
"""Under `[dns]` for every zone, under `[zone."..."]` for one."""
TABLES: Final[Mapping[str, Mapping[str, Reader]]] = {
    "dns": {
        "listen": _addresses,
        "workers": values.workers,
        "udp_size": lambda value: values.whole(value, 512, 4096),
        "tcp_connections": lambda value: values.whole(value, 1, 65536),
        "tcp_connections_per_client": lambda value: values.whole(value, 1, 65536),
        "tcp_idle": values.duration,
        "tls_listen": _addresses,
        "tls_cert": values.path,
        "tls_key": values.path,
        "nsid": values.short_text,
        "version": values.short_text,
        "identity": values.short_text,
        "cookies": values.boolean,
        "cookie_secrets": values.path,
        "rate_limit": lambda value: values.whole(value, 0, 1_000_000),
        "rate_slip": lambda value: values.whole(value, 0, 100),
        "rate_ipv4_prefix": lambda value: values.whole(value, 8, 32),
        "rate_ipv6_prefix": lambda value: values.whole(value, 16, 128),
        "rate_exempt": values.networks,
        "ecs_trusted": values.networks,
        "country_db": values.path,
        "asn_db": values.path,
        "incoming_limits": bounds.incoming,
        **TRANSFERS,
    },
    "replication": {
        "listen": _address,
        "name": values.server_name,
        "allow_plaintext": values.boolean,
        "tls_cert": values.path,
        "tls_key": values.path,
        "client_ca": values.path,
        "limits": bounds.server,
        "workers": values.workers,
        "connections_per_source": lambda value: values.whole(value, 1, 4096),
        "access_log": values.boolean,
    },
    "log": {"format": values.log_format},
    "metrics": {
        "listen": _address,
        "per_zone": lambda value: values.whole(value, 0, 1_000_000),
        "zones": values.zone_names,
    },
    "primary": {
        "url": values.url,
        "name": values.server_name,
        "key": values.key_id,
        "pull_interval": values.duration,
        "allow_plaintext": values.boolean,
        "ca": values.path,
        "client_cert": values.path,
        "client_key": values.path,
        "compress": values.boolean,
        "limits": bounds.client,
    },
}
PEER: Final[Mapping[str, Reader]] = {
    **TABLES["primary"],
    "name": values.peer_name,
    "direction": values.direction,
    "policy": values.policy,
    "zones": values.zone_patterns,
    "exclude": values.zone_patterns,
}
"""The keys of each `[[peer]]`."""
ZONE: Final[Mapping[str, Reader]] = {
    "branch": values.branch,
    "at": values.text_value,
    "canary": values.canary,
    "canary_salt": values.text_value,
    "routes": routes,
    "strict": values.checks,
    "merge": values.policy,
    "publisher": values.peer_name,
    "primaries": primaries,
    "update": update_rules,
    "coalesce": coalesce,
    **TRANSFERS,
}
PUBLISH: Final[Mapping[str, Reader]] = {
    "max_deletes": lambda value: values.whole(value, 0, 1_000_000_000),
    "max_change_percent": lambda value: values.whole(value, 0, 1_000_000),
    "validator": values.command,
    "validator_timeout": values.duration,
    "require_signed": values.boolean,
    "allowed_signers": values.path,
    "approvals": lambda value: values.whole(value, 0, 16),
    "allowed_approvers": values.path,
}
"""The keys of `[zone."...".publish]`."""
_INNER: Final = ("publish", "dnssec")
"""The tables in a zone's table."""
_NOT_NAMES: Final = ZONE.keys() - {"at"} | {*_INNER}
"""The keys of a zone's table that can't be the end of a name without quotes, as `at` can."""
_IN_TEMPLATE: Final = (*TRANSFERS,)
"""The keys of a zone's table that the members of a catalog may have as well."""
_REPEATED: Final = ("zone", "peer", "catalog")
"""Tables that may occur several times."""


def _count_tables(key: str) -> int:
    return sum(key in known for known in TABLES.values())


_BELONGS: Final[Mapping[str, str]] = (
    {key: f"[{table}]" for table, known in TABLES.items() for key in known if _count_tables(key) == 1}
    | dict.fromkeys(ZONE, '[zone."example.org."]')
    | dict.fromkeys(("max_removals", "member_primaries"), '[catalog."catalog.example."]')
    | dict.fromkeys(TOP, "the first lines, before any table")
)
"""Keys of one kind of table, and that table."""
_PLACE: Final = re.compile(r" \(at line ([0-9]+), (column [0-9]+)\)$")


class Read(NamedTuple):
    """The checked content of a file."""

    top: Settings
    tables: dict[str, Settings]
    zones: dict[str, Settings]
    """By canonical name."""
    peers: list[Settings]
    catalogs: dict[str, CatalogTables]
    """By canonical name."""


def read_file(path: Path) -> Read:
    """Read and check a file; `ConfigError` names the file and the line."""
    try:
        return read_text(path, path.read_bytes())
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None


def read_text(path: Path, content: bytes) -> Read:
    """Check the content of a file, or what is to be its content; `ConfigError` names the file and the line."""
    try:
        text = content.decode()
        data = tomllib.loads(text)
    except ValueError as error:  # not UTF-8, not TOML, or a number with too many digits
        raise ConfigError(_unreadable(path, str(error))) from None
    except RecursionError:
        raise ConfigError(f"{path}: brackets are nested too deeply") from None
    source = Source(path, text, _BELONGS)
    scalars = {key: value for key, value in data.items() if key not in TABLES and key not in _REPEATED}
    top = source.take((), scalars, TOP, (*TABLES, *_REPEATED))
    tables = {
        name: source.take((name,), source.table((name,), data[name]), known)
        for name, known in TABLES.items()
        if name in data
    }
    zones: dict[str, Settings] = {}
    for name, value in source.table(("zone",), data.get("zone", {})).items():
        where = ("zone", name)
        canonical = source.checked(where, values.zone_name, name)
        if canonical in zones:
            raise source.error(where, f"the zone {canonical} has two tables")
        zones[canonical] = _zone(source, where, value, top.get("dnssec_keys", KEYS))
    listed = source.array(("peer",), data.get("peer", []))
    peers = [source.take(("peer", str(at)), each, PEER) for at, each in enumerate(listed)]
    directory = top.get("dnssec_keys", KEYS)
    catalogs = read_catalogs(source, data.get("catalog", {}), partial(_template, directory))
    return Read(top, tables, zones, peers, catalogs)


def _unreadable(path: Path, why: str) -> str:
    place = _PLACE.search(why)
    return f"{path}:{place[1]}: {why[: place.start()]} ({place[2]})" if place else f"{path}: {why}"


def _zone(source: Source, where: tuple[str, ...], value: object, directory: Path) -> Settings:
    """The settings of a zone. `directory`: where private keys are."""
    found = source.zone(where, value, _NOT_NAMES)
    settings = _with_inner(source, where, found, ZONE, directory)
    inner = next((name for name in _INNER if name in settings), None)
    if "publisher" in settings and inner:
        table = ".".join(("zone", f'"{where[1]}"', inner))
        raise source.error(
            (*where, "publisher"), f"the zone has [{table}], so this node publishes it: keep only one"
        )
    if "publisher" in settings and "primaries" in settings:
        raise source.error((*where, "publisher"), "the zone has primaries, so no peer writes it: keep only one")
    if settings.get("update") and "primaries" in settings:
        why = "updates of a zone with 'primaries' are made there: keep only one of the two"
        raise source.error((*where, "update"), f"update: {why}")
    if "coalesce" in settings and not settings.get("update"):
        raise source.error((*where, "coalesce"), "coalesce: without 'update' there is nothing to coalesce")
    if "dnssec" in settings and "at" in settings:
        raise source.error((*where, "at"), "a version that 'at' pins is served as it is, so it can't be signed")
    return settings


def _with_inner(
    source: Source,
    where: tuple[str, ...],
    found: dict[str, object],
    known: Mapping[str, Reader],
    directory: Path,
) -> Settings:
    """The settings of a table with these keys, and those of the tables `publish` and `dnssec` in it."""
    inner = {name: ((*where, name), found.pop(name)) for name in _INNER if name in found}
    settings = source.take(where, found, known, _INNER)
    if "publish" in inner:
        settings["publish"] = _publish(source, *inner["publish"])
    if "dnssec" in inner:
        settings["dnssec"] = _dnssec(source, *inner["dnssec"])._replace(directory=directory)
    return settings


def _template(directory: Path, source: Source, where: tuple[str, ...], value: object) -> Settings:
    """The settings of the members of a catalog."""
    found = source.table(where, value)
    for name in found:
        if name in ZONE and name not in _IN_TEMPLATE:
            raise source.error(
                (*where, name), f"{name!r} can't be set for members of a catalog: other servers write them"
            )
    return _with_inner(source, where, dict(found), {name: ZONE[name] for name in _IN_TEMPLATE}, directory)


def _publish(source: Source, where: tuple[str, ...], value: object) -> PublishPolicy:
    read = PublishPolicy(**source.take(where, source.table(where, value), PUBLISH))
    if read.require_signed and read.allowed_signers is None:
        raise source.error(where, "require_signed needs allowed_signers, the file that says who may sign")
    if read.approvals and read.allowed_approvers is None:
        raise source.error(where, "approvals needs allowed_approvers, the file that says who may approve")
    return read


def _dnssec(source: Source, where: tuple[str, ...], value: object) -> DnssecPolicy:
    read = DnssecPolicy(**source.take(where, source.table(where, value), DNSSEC))
    try:
        dnssec_policy.check(read)
    except ConfigError as error:
        raise source.error((*where, "validity"), str(error)) from None
    return read
