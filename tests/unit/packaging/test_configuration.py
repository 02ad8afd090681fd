"""The shipped zonegitd.toml: all keys, each with a line about it and the value in force; good to start with."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from zonegit.cli.main import main
from zonegit.dns.incoming.bounds import BOUNDS
from zonegit.dnssec.policy import DnssecPolicy
from zonegit.ops import bounds
from zonegit.ops.catalogs import CATALOG
from zonegit.ops.config import DnsConfig, PeerConfig, PrimaryConfig, ReplicationConfig, ZoneConfig
from zonegit.ops.config_file import PEER, PUBLISH, TABLES, TOP, ZONE
from zonegit.ops.dnssec_policy import DNSSEC
from zonegit.repo import Repository
from zonegit.sync.limits import CLIENT, SERVER

FILE = Path(__file__).resolve().parents[3] / "packaging" / "zonegitd.toml"
TEXT = FILE.read_text()
_ASSIGNMENT = re.compile(r"#?([a-z_0-9]+) = (.+)")
_UNSET = ({}, (), None, "")
ZONE_TABLE = 'zone."example.org."'
PUBLISH_TABLE = f"{ZONE_TABLE}.publish"
DNSSEC_TABLE = f"{ZONE_TABLE}.dnssec"
CATALOG_TABLE = 'catalog."catalog.example."'
PEER_TABLE = "[peer]"
READERS = {
    "dns.incoming_limits": bounds.incoming,
    "replication.limits": bounds.server,
    "primary.limits": bounds.client,
}
"""The tables of limits."""


def uncommented() -> str:
    return re.sub(r"^#(?=\S)", "", TEXT, flags=re.MULTILINE)


def values() -> dict[str, dict[str, Any]]:
    data = tomllib.loads(uncommented())
    tables = {name: dict(data[name]) for name in TABLES}
    for name in READERS:
        table, key = name.split(".")
        tables[name] = tables[table].pop(key)
    zone = dict(data["zone"]["example.org."])
    catalog = dict(data["catalog"]["catalog.example."])
    members, group = catalog.pop("zone"), catalog.pop("group")["public"]
    followed = {CATALOG_TABLE: catalog, f"{CATALOG_TABLE}.zone": members, f'{CATALOG_TABLE}.group."public"': group}
    inner = {PUBLISH_TABLE: zone.pop("publish"), DNSSEC_TABLE: zone.pop("dnssec")}
    one = {"": {name: data[name] for name in TOP}, **inner, ZONE_TABLE: zone}
    return tables | one | followed | {PEER_TABLE: data["peer"][0]}


def comments() -> dict[tuple[str, str], str]:
    """What the lines above each key say of it."""
    found: dict[tuple[str, str], str] = {}
    table, said = "", ""
    for line in TEXT.splitlines():
        if line.startswith("# "):
            said = f"{said} {line[2:]}"
            continue
        if match := re.fullmatch(r"#?\[(.+)\]", line):
            table = match[1]
        elif match := _ASSIGNMENT.fullmatch(line):
            found[table, match[1]] = said.strip()
        said = ""
    return found


def test_every_key_stands_there_and_no_other() -> None:
    known = {name: set(keys) - {"limits", "incoming_limits"} for name, keys in TABLES.items()}
    known |= {"": set(TOP), ZONE_TABLE: set(ZONE), PUBLISH_TABLE: set(PUBLISH), DNSSEC_TABLE: set(DNSSEC)}
    known |= {PEER_TABLE: set(PEER) - {"limits"}, CATALOG_TABLE: set(CATALOG)}
    known |= {f"{CATALOG_TABLE}.{name}": {"transfer_acl"} for name in ("zone", 'group."public"')}
    limits = {"replication.limits": set(SERVER._fields), "primary.limits": set(CLIENT._fields)}
    limits["dns.incoming_limits"] = set(BOUNDS._fields)
    assert {name: set(keys) for name, keys in values().items()} == known | limits


def test_each_has_a_line_about_it() -> None:
    said = comments()
    assert {(table, key) for table, keys in values().items() for key in keys} == set(said)
    assert [key for key, text in said.items() if not text.endswith((".", "%."))] == []


@pytest.mark.parametrize(
    "table",
    [
        *("dns", "replication", "primary", ZONE_TABLE, DNSSEC_TABLE, PEER_TABLE),
        *READERS,
    ],
)
def test_what_is_behind_a_sign_is_in_force_or_an_example(table) -> None:
    defaults: dict[str, Any] = {
        "dns": DnsConfig._field_defaults | ZoneConfig._field_defaults,
        "replication": ReplicationConfig._field_defaults,
        "primary": PrimaryConfig._field_defaults,
        ZONE_TABLE: ZoneConfig._field_defaults,
        DNSSEC_TABLE: DnssecPolicy._field_defaults,
        PEER_TABLE: PrimaryConfig._field_defaults
        | PeerConfig._field_defaults
        | {"zones": PeerConfig("p").covers.zones, "exclude": PeerConfig("p").covers.exclude},
        "replication.limits": SERVER._asdict(),
        "primary.limits": CLIENT._asdict(),
        "dns.incoming_limits": BOUNDS._asdict(),
    }[table]
    said = comments()
    for key, value in values()[table].items():
        if table.endswith("limits"):
            read = getattr(READERS[table]({key: value}), key)
        else:
            read = {ZONE_TABLE: ZONE, DNSSEC_TABLE: DNSSEC, PEER_TABLE: PEER, **TABLES}[table][key](value)
        if "for example" in said[table, key]:
            assert not isinstance(defaults.get(key), bool | int | float), key
        else:
            assert read == defaults[key], key


def test_as_it_is_shipped_it_makes_a_daemon(tmp_path, capsys) -> None:
    (tmp_path / "keys.d").mkdir()
    Repository.init(tmp_path / "repo").close()
    local = TEXT.replace("/var/lib/zonegit", str(tmp_path / "repo")).replace("/etc/zonegit", str(tmp_path))
    (tmp_path / "zonegitd.toml").write_text(local)
    assert main(["config", "check", str(tmp_path / "zonegitd.toml")]) == 0
    assert "DNS, metrics" in capsys.readouterr().out
    assert set(tomllib.loads(TEXT)) == {"repo", "keys", "metrics", "log", "dns"}
