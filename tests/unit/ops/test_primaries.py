"""The servers that a zone is transferred from: how they are written, and what is refused."""

from pathlib import Path

import pytest

from zonegit.daemon.transfers import tsig_keys
from zonegit.dns.access.acl import key_name
from zonegit.errors import ConfigError
from zonegit.ops.address import Address
from zonegit.ops.config import Config
from zonegit.ops.flags import load
from zonegit.ops.primaries import Primary

XFR = key_name("xfr")


def read(directory: Path, line: str, more: str = "") -> Config:
    path = directory / "zonegitd.toml"
    path.write_text(f'{more}[zone."example.org"]\n{line}\n')
    return load(["--config", str(path)])


@pytest.mark.parametrize(
    ("text", "primary"),
    [
        ("192.0.2.1", Primary(Address("192.0.2.1", 53))),
        ("2001:db8::1", Primary(Address("2001:db8::1", 53))),
        (" 192.0.2.1:5353  key:XFR. ", Primary(Address("192.0.2.1", 5353), XFR)),
        ("[2001:db8::1]:5353 key:xfr", Primary(Address("2001:db8::1", 5353), XFR)),
        ("tls://192.0.2.2", Primary(Address("192.0.2.2", 853), tls=True)),
        ("tls://2001:db8::2 key:xfr", Primary(Address("2001:db8::2", 853), XFR, tls=True)),
        (
            "tls://192.0.2.2:8853 key:xfr name:NS1.example.org.",
            Primary(Address("192.0.2.2", 8853), XFR, tls=True, tls_name="ns1.example.org"),
        ),
    ],
)
def test_each_form(text: str, primary: Primary) -> None:
    assert Primary.parse(text) == primary
    assert Primary.parse(str(primary)) == primary


def test_in_a_zones_table_in_their_order(tmp_path: Path) -> None:
    config = read(tmp_path, 'primaries = ["192.0.2.9", "tls://192.0.2.1"]')
    assert [str(each) for each in config.zone("example.org.").primaries] == ["192.0.2.9:53", "tls://192.0.2.1:853"]
    assert config.zone("other.").primaries == ()


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("'192.0.2.1'", "not a list of strings"),
        ("[]", "the list is empty"),
        ("['']", "the value is empty"),
        ("[' ']", "' ' is not a primary: write 192.0.2.1"),
        ("['ns1.example.org']", "'ns1.example.org' is not a primary"),
        ("['192.0.2.1:0']", "has port 0"),
        ("['192.0.2.1:65536']", "is not a primary"),
        ("['tcp://192.0.2.1']", "is not a primary"),
        ("['192.0.2.1 xfr']", "is not a primary"),
        ("['192.0.2.1 key:a key:b']", "is not a primary"),
        ("['192.0.2.1 key:']", "a key has a name"),
        ("['192.0.2.1 name:ns1.example.org']", "only a server with TLS"),
        ("['tls://192.0.2.1 name:']", "the name of the primary's certificate is empty"),
        ("['tls://192.0.2.1 name:a..b']", "empty label"),
        ("['192.0.2.1', '192.0.2.1:53 key:xfr']", "192.0.2.1:53 is named twice"),
        (str([f"192.0.2.{n}" for n in range(17)]), "there are 17 primaries: write at most 16"),
    ],
)
def test_what_is_refused(tmp_path: Path, value: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, f"primaries = {value}")
    message = str(caught.value)
    assert message.startswith(f"{tmp_path}/zonegitd.toml:2: primaries: ") and "\n" not in message
    assert words in message


def test_a_zone_from_primaries_has_no_publisher_among_the_peers(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"toml:3: the zone has primaries, so no peer writes it"):
        read(tmp_path, 'primaries = ["192.0.2.1"]\npublisher = "ams"')


def test_primaries_are_a_zones_own(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="unknown key 'primaries'"):
        read(tmp_path, "", '[dns]\nprimaries = ["192.0.2.1"]\n')


def test_a_key_that_is_missing_is_an_error_that_names_the_zone(tmp_path: Path) -> None:
    config = read(tmp_path, 'primaries = ["192.0.2.1 key:xfr"]')
    with pytest.raises(
        ConfigError, match=r"toml:2: zone example\.org\. names the TSIG key 'xfr', but there is none"
    ):
        tsig_keys(config)


def test_the_line_of_a_missing_key_is_that_of_its_name(tmp_path: Path) -> None:
    """In a list of several lines, and not where a comment or a longer name has it."""
    config = read(tmp_path, '# key:xfr\nprimaries = [\n"192.0.2.1 key:xfr.example",\n"192.0.2.2 key:XFR",\n]')
    with pytest.raises(ConfigError, match=r"toml:5: zone example\.org\. names the TSIG key 'xfr', but"):
        tsig_keys(config)
