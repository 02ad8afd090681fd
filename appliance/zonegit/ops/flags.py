"""Reading the daemon's configuration: flags override the TOML file, which overrides the defaults."""

import argparse
import os
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, NoReturn, TypeVar

from zonegit import __version__
from zonegit.errors import ConfigError, UsageError
from zonegit.ops import values
from zonegit.ops.catalogs import catalog_config, check_catalogs, with_catalogs
from zonegit.ops.config import (
    Config,
    DnsConfig,
    MetricsConfig,
    PrimaryConfig,
    ReplicationConfig,
    ZoneConfig,
)
from zonegit.ops.config_file import TABLES, TOP, TRANSFERS, ZONE, Read, read_file
from zonegit.ops.config_source import Settings, located
from zonegit.ops.log import Format
from zonegit.ops.peers import both, check_publishers, link_of, peers_of
from zonegit.ops.routes import check_facts

T = TypeVar("T")

_TABLE_OF: Final[Mapping[str, tuple[str, str]]] = {
    "listen": ("dns", "listen"),
    "workers": ("dns", "workers"),
    "metrics_listen": ("metrics", "listen"),
    "replicate_listen": ("replication", "listen"),
    "replicate_name": ("replication", "name"),
    "replicate_workers": ("replication", "workers"),
    "primary": ("primary", "url"),
    "primary_name": ("primary", "name"),
    "key": ("primary", "key"),
    "pull_interval": ("primary", "pull_interval"),
}
"""The table and key in the file that each of these flags overrides."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; see {self.prog} --help")


def parser() -> argparse.ArgumentParser:
    """The parser of all flags. Flags that override the file have no default, so that a missing flag is None."""
    flags = _Parser(prog="zonegitd", description="Serve zones from a zonegit repository.", allow_abbrev=False)
    add = flags.add_argument
    add("--config", metavar="FILE", help="the TOML configuration file; flags override it")
    add("--repo", metavar="DIR", help="the repository (default: $ZONEGIT_REPO, else ./.zonegit)")
    add("--keys", metavar="DIR", help="the directory of the key files")
    add("--zone", metavar="NAME", action="append", help="serve only this zone; may be repeated")
    add(
        "--listen",
        metavar="ADDR:PORT",
        action="append",
        help="answer DNS queries here; may be repeated (default: 127.0.0.1:5300)",
    )
    add("--workers", metavar="N|auto", help="number of DNS worker processes (default: 1)")
    add("--branch", metavar="NAME", help="the branch to serve of zones without a configured one (default: main)")
    add("--at", metavar="REV", help="serve this version instead of the branch's tip")
    add("--canary", metavar="BRANCH:PERCENT", help="answer a share of client networks from another branch")
    add("--canary-salt", metavar="TEXT", help="selects which networks are in that share")
    add("--metrics-listen", metavar="ADDR:PORT", help="serve /metrics, /healthz and /readyz here")
    add("--replicate-listen", metavar="ADDR:PORT", help="serve secondaries here")
    add("--replicate-name", metavar="NAME", help="this server's name in signed requests (default: the host name)")
    add("--replicate-workers", metavar="N|auto", help="number of processes that serve secondaries (default: 1)")
    add("--primary", metavar="URL", help="mirror this primary")
    add("--primary-name", metavar="NAME", help="the primary's name, its --replicate-name")
    add(
        "--key",
        metavar="KID",
        help="sign requests to the primary with this key only (default: the newest in state sign)",
    )
    add("--pull-interval", metavar="TIME", help="longest time between two requests to the primary (default: 5s)")
    add("--version", action="version", version=f"zonegitd {__version__}")
    return flags


def load(argv: Sequence[str]) -> Config:
    """The whole configuration, checked. `argv`: the flags, without the program's name; `--config` names the file.

    Raises `UsageError`, or `ConfigError`. Opens no store and no socket.
    """
    flags = vars(parser().parse_args(list(argv)))
    given: dict[str, object] = {name: value for name, value in flags.items() if value is not None}
    path = Path(str(given["config"])) if "config" in given else None
    read = read_file(path) if path is not None else Read({}, {}, {}, [], {})
    try:
        return replace(_combined(given, flags["zone"] or [], read), file=path)
    except ConfigError as error:
        if not error.where:
            raise
        raise located(path, error.where, str(error)) from None


def _combined(given: Mapping[str, object], only: Sequence[str], read: Read) -> Config:
    """The configuration of the flags that were given, the zones of `--zone`, and the file."""
    top, tables, zones, listed, followed = read
    for name, value in given.items():
        if name in _TABLE_OF:
            table, key = _TABLE_OF[name]
            tables.setdefault(table, {})[key] = _checked(name, TABLES[table][key], value)
    top |= {name: _checked(name, TOP[name], given[name]) for name in TOP if name in given}
    every = {name: tables["dns"].pop(name) for name in TRANSFERS if name in tables.get("dns", {})}
    every |= {name: _checked(name, ZONE[name], given[name]) for name in ZONE if name in given}
    default = ZoneConfig(**every)
    dns = _dns(tables)
    for name, settings in zones.items():
        check_facts(name, settings.get("routes", ()), dns)
        if "dnssec" in settings and default.at is not None:
            raise ConfigError(f"--at serves a version as it is, so {name} can't be signed: leave it out")
    catalogs = {name: catalog_config(each, default) for name, each in followed.items()}
    config = Config(
        repo=top.get("repo") or Path(os.environ.get("ZONEGIT_REPO") or ".zonegit"),
        keys=top.get("keys"),
        dns=dns,
        replication=_replication(tables, top),
        metrics=_metrics(tables),
        log=tables.get("log", {}).get("format", Format.TEXT),
        primary=_primary(tables, top),
        peers=peers_of(listed, tables, top),
        zones=with_catalogs(
            {name: default._replace(**settings) for name, settings in zones.items()}, catalogs, default
        ),
        default_zone=default,
        catalogs=catalogs,
        only_zones=frozenset(_checked("zone", values.zone_name, name) for name in only),
    )
    check_publishers(config)
    check_catalogs(config)
    return config


def _checked(name: str, reader: Callable[[object], T], value: object) -> T:
    try:
        return reader(value)
    except ConfigError as error:
        raise ConfigError(f"--{name.replace('_', '-')}: {error}") from None


def _dns(tables: Mapping[str, Settings]) -> DnsConfig:
    settings = tables.get("dns", {})
    both("[dns]", ("dns",), settings, "tls_cert", "tls_key")
    if "tls_listen" in settings and "tls_cert" not in settings:
        raise ConfigError("[dns] has 'tls_listen' but no 'tls_cert': set it and 'tls_key'", ("dns", "tls_listen"))
    return DnsConfig(**settings)


def _metrics(tables: Mapping[str, Settings]) -> MetricsConfig | None:
    settings = tables.get("metrics")
    if settings is None:
        return None
    _needs("metrics", settings, {"listen": "--metrics-listen"})
    return MetricsConfig(**settings)


def _replication(tables: Mapping[str, Settings], top: Settings) -> ReplicationConfig | None:
    settings = tables.get("replication")
    if settings is None:
        return None
    _needs("replication", settings, {"listen": "--replicate-listen"})
    _needs_keys("replication", top)
    both("[replication]", ("replication",), settings, "tls_cert", "tls_key")
    if "client_ca" in settings and "tls_cert" not in settings:
        why = "[replication] has 'client_ca' but no 'tls_cert': client certificates need TLS"
        raise ConfigError(why, ("replication", "client_ca"))
    return ReplicationConfig(**{"name": _host_name(), **settings})


def _primary(tables: Mapping[str, Settings], top: Settings) -> PrimaryConfig | None:
    settings = tables.get("primary")
    if settings is None:
        return None
    _needs("primary", settings, {"url": "--primary", "name": "--primary-name"})
    _needs_keys("primary", top)
    return link_of("[primary]", ("primary",), settings)


def _needs(table: str, settings: Settings, keys: Mapping[str, str]) -> None:
    for key, flag in keys.items():
        if key not in settings:
            raise ConfigError(f"[{table}] has no {key!r}: set it there or with {flag}", (table,))


def _needs_keys(table: str, top: Settings) -> None:
    if top.get("keys") is None:
        raise ConfigError(f"[{table}] needs key files: set 'keys' or --keys DIR", (table,))


def _host_name() -> str:
    return values.server_name(socket.gethostname().lower())
