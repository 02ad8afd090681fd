"""Countries and autonomous systems from files in MaxMind's format, and what is said of files that can't be used."""

import sys
from array import array
from ipaddress import ip_address
from pathlib import Path

import pytest

from daemonkit import query
from mmdbkit import write
from repokit import ZONE, parsed
from zonegit.cli.main import main
from zonegit.daemon.live_zones import LiveZones
from zonegit.daemon.places import GeoPlaces, SharedPlaces, places_of
from zonegit.daemon.preflight import prepare
from zonegit.daemon.zone_table import Routing
from zonegit.dns import stats
from zonegit.dns.routes.facts import NoPlaces
from zonegit.errors import ConfigError
from zonegit.model.rdata import A
from zonegit.ops.config import Config, DnsConfig, ZoneConfig
from zonegit.ops.flags import load
from zonegit.ops.routes import routes
from zonegit.repo import Repository

pytest.importorskip("maxminddb", reason="needs maxminddb: pip install 'zonegit[geo]'")

COUNTRIES = {
    "192.0.2.0/24": {"country": {"iso_code": "DE"}},
    "198.51.100.0/25": {"registered_country": {"iso_code": "FR"}},
    "203.0.113.0/24": {"country": {"iso_code": 7}},
    "203.0.112.0/24": {"country": "DE"},
    "2001:db8::/32": {"country": {"iso_code": "NL"}},
}


@pytest.fixture
def countries(tmp_path: Path) -> Path:
    return write(tmp_path / "country.mmdb", COUNTRIES, "Test-Country")


@pytest.fixture
def asns(tmp_path: Path) -> Path:
    return write(tmp_path / "asn.mmdb", {"192.0.2.0/24": {"autonomous_system_number": 64500}}, "Test-ASN", 4)


def packed(text: str) -> bytes:
    return ip_address(text).packed


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("192.0.2.7", ("DE", 24)),
        ("198.51.100.1", ("FR", 25)),
        ("198.51.100.129", (None, 25)),
        ("203.0.113.1", (None, 24)),
        ("2001:db8::1", ("NL", 32)),
        ("8000::1", (None, 1)),
    ],
)
def test_an_address_has_a_country_for_a_prefix(countries, asns, address, expected) -> None:
    places = GeoPlaces(DnsConfig(country_db=countries, asn_db=asns))
    for _ in range(2):
        assert places.country(packed(address)) == expected


def test_what_cannot_be_read_is_unknown(countries, asns) -> None:
    places = GeoPlaces(DnsConfig(country_db=countries, asn_db=asns))
    assert places.asn(packed("192.0.2.7")) == (64500, 24)
    assert places.asn(packed("2001:db8::1")) == (None, 128)
    assert places.country(packed("203.0.112.1")) == (None, 32)
    assert GeoPlaces(DnsConfig(asn_db=countries)).asn(packed("192.0.2.7")) == (None, 24)
    assert GeoPlaces(DnsConfig(asn_db=asns)).country(packed("192.0.2.7")) == (None, 0)
    assert places_of(Config(repo=Path())).country(packed("192.0.2.7")) == NoPlaces().country(b"")


def test_files_that_cannot_be_used_are_errors(countries, tmp_path, monkeypatch) -> None:
    def refused(path: Path) -> str:
        with pytest.raises(ConfigError) as caught:
            places_of(Config(repo=tmp_path, dns=DnsConfig(country_db=path)))
        return str(caught.value)

    assert refused(tmp_path / "none.mmdb") == f"{tmp_path / 'none.mmdb'}: No such file or directory"
    (tmp_path / "text").write_text("no database")
    assert refused(tmp_path / "text").startswith(f"{tmp_path / 'text'} is not a file in MaxMind's format (.mmdb)")
    monkeypatch.setitem(sys.modules, "maxminddb", None)
    assert refused(countries) == (
        f"reading {countries} needs the Python package maxminddb: install it beside zonegit (`zonegit[geo]`)"
    )


def test_a_damaged_file_makes_nothing_raise(countries) -> None:
    whole = countries.read_bytes()
    for at in range(0, len(whole), 7):
        countries.write_bytes(whole[:at] + bytes((whole[at] ^ 0xFF,)) + whole[at + 1 :])
        try:
            places = GeoPlaces(DnsConfig(country_db=countries))
        except ConfigError:
            continue
        for text in ("192.0.2.7", "2001:db8::1", "8000::"):
            found, bits = places.country(packed(text))
            assert found is None or isinstance(found, str)
            assert 0 <= bits <= 128


@pytest.mark.parametrize(
    ("field", "key"), [('client.country == "DE"', "country_db"), ("client.asn == 1", "asn_db")]
)
def test_a_route_that_tests_what_no_file_tells_is_an_error(tmp_path, countries, field, key) -> None:
    file = tmp_path / "zonegitd.toml"
    rules = f"[zone.'example.org']\nroutes = [{{ when = '{field}', branch = 'main' }}]\n"
    file.write_text(rules)
    with pytest.raises(ConfigError, match=rf'route 1 of \[zone."example.org."\] tests client.*: set {key!r} in'):
        load(["--config", str(file)])
    file.write_text(f"[dns]\n{key} = '{countries}'\n{rules}")
    load(["--config", str(file)])


def test_config_check_and_query_read_the_files(tmp_path, countries, capsys) -> None:
    with Repository.init(tmp_path / "repo") as repository:
        repository.import_zone(parsed(ZONE), source="test.zone")
        repository.create_branch("german")
    file = tmp_path / "zonegitd.toml"
    rules = "[zone.'example.org']\nroutes = [{ when = 'client.country == \"DE\"', branch = 'german' }]\n"
    file.write_text(f"repo = '{tmp_path / 'repo'}'\n[dns]\ncountry_db = '{countries}'\n{rules}")
    assert main(["config", "check", str(file)]) == 0
    asked = ["--repo", str(tmp_path / "repo"), "query", "www", "--config", str(file), "--client"]
    for client, says in (("192.0.2.7", "route 1 to german: "), ("10.0.0.1", "branch main\n")):
        assert main([*asked, client]) == 0
        assert f";; CHOSEN BY: {says}" in capsys.readouterr().out
    countries.unlink()
    assert main(["config", "check", str(file)]) == 2
    assert f"{countries}: No such file or directory" in capsys.readouterr().err


def test_a_reload_reads_the_files_again_and_keeps_the_old_if_it_cannot(tmp_path, countries, caplog) -> None:
    with Repository.init(tmp_path / "repo") as repository:
        repository.import_zone(parsed(ZONE), source="test.zone")
        repository.create_branch("german")
        repository.set("www", A, 60, [bytes([10, 0, 0, 1])], branch="german")
        rules = routes([{"when": 'client.country == "DE"', "branch": "german"}])

        def config() -> Config:
            zones = {"example.org.": ZoneConfig(routes=rules)}
            return Config(repo=repository.path, dns=DnsConfig(country_db=countries), zones=zones)

        prepare(config())
        live = LiveZones(
            repository._store,
            config(),
            array("Q", bytes(8 * stats.SLOTS)),
            lambda *_: None,
            routing=Routing(places=SharedPlaces()),
        )

        def german(client: str) -> bool:
            live.check()
            found = live.respond_udp(query("www.example.org"), packed(client))
            live.done()
            assert found is not None
            return found[-4:] == bytes([10, 0, 0, 1])

        assert (german("192.0.2.7"), german("10.0.0.1")) == (True, False)
        write(countries, {"10.0.0.0/8": {"country": {"iso_code": "DE"}}}, "Test-Country")
        assert (german("192.0.2.7"), german("10.0.0.1")) == (True, False)
        live.configure(config())
        assert (german("192.0.2.7"), german("10.0.0.1")) == (False, True)
        countries.write_text("")
        live.configure(config())
        assert (german("192.0.2.7"), german("10.0.0.1")) == (False, True)
        assert "cannot read where addresses are" in caplog.text
