"""Who may transfer zones, and who is told: for every zone, and for one."""

from pathlib import Path

import pytest

from zonegit.dns.access.acl import LOOPBACK, Acl, key_name
from zonegit.errors import ConfigError
from zonegit.ops.address import Address
from zonegit.ops.config import Config, NotifyTarget
from zonegit.ops.flags import load


def read(directory: Path, text: str) -> Config:
    path = directory / "zonegitd.toml"
    path.write_text(text)
    return load(["--config", str(path)])


def test_a_zones_own_settings_stand_alone(tmp_path: Path) -> None:
    config = read(
        tmp_path,
        """
        [dns]
        transfer_acl = ["192.0.2.0/24"]
        notify = true
        [zone."example.org"]
        transfer_acl = ["key:one", "2001:db8::/32 key:two"]
        notify = false
        also_notify = ["192.0.2.1", "2001:db8::1", "192.0.2.2:5300 key:One.", "[2001:db8::2]:5300  key:two"]
        [zone."closed.org"]
        transfer_acl = []
        """,
    )
    assert config.zone("other.").transfer_acl == Acl.parse(["192.0.2.0/24"])
    assert config.zone("other.").notify
    one = config.zone("example.org.")
    assert one.transfer_acl == Acl.parse(["key:one", "2001:db8::/32 key:two"])
    assert not one.notify
    assert one.also_notify == (
        NotifyTarget(Address("192.0.2.1", 53)),
        NotifyTarget(Address("2001:db8::1", 53)),
        NotifyTarget(Address("192.0.2.2", 5300), key_name("one")),
        NotifyTarget(Address("2001:db8::2", 5300), key_name("two")),
    )
    assert config.zone("closed.org.").transfer_acl == Acl()
    assert config.zone("closed.org.").notify


def test_without_any(tmp_path: Path) -> None:
    zone = read(tmp_path, "").zone("example.org.")
    assert zone.transfer_acl == LOOPBACK
    assert (zone.notify, zone.also_notify) == (False, ())


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('transfer_acl = "192.0.2.0/24"', "not a list"),
        ('transfer_acl = ["192.0.2.1/24"]', "not a network"),
        ("transfer_acl = [1]", "is not a string"),
        ("notify = 1", "true or false"),
        ('also_notify = ["ns1.example.org"]', "not an address"),
        ('also_notify = ["192.0.2.1:53 one"]', "key:NAME"),
        ('also_notify = ["192.0.2.1:53 key:"]', "key has a name"),
    ],
)
def test_what_is_refused(tmp_path: Path, line: str, words: str) -> None:
    for table in ("dns", 'zone."example.org."'):
        with pytest.raises(ConfigError, match=words):
            read(tmp_path, f"[{table}]\n{line}\n")
