"""Whose UPDATEs are forwarded: for every zone, and for one. Without need no process runs for it."""

import os
from pathlib import Path

import pytest

from zonegit.auth.tsigfile import new_tsig
from zonegit.daemon.preflight import prepare
from zonegit.dns.access.acl import Acl
from zonegit.errors import ConfigError
from zonegit.ops.config import Config, PeerConfig, PrimaryConfig, ZoneConfig
from zonegit.ops.flags import load
from zonegit.ops.primaries import Primary
from zonegit.repo import Repository
from zonegit.sync.policy import Direction

LINK = PrimaryConfig("http://127.0.0.1:1", "p1")
FROM_OTHERS = ZoneConfig(primaries=(Primary.parse("192.0.2.1"),))
K1 = Acl.parse(["key:k1"])


def read(directory: Path, text: str) -> Config:
    path = directory / "zonegitd.toml"
    path.write_text(text)
    return load(["--config", str(path)])


def test_a_zones_own_list_replaces_that_of_all(tmp_path: Path) -> None:
    config = read(
        tmp_path,
        """
        [dns]
        update_forwarding = ["192.0.2.0/24 key:one"]
        [zone."example.org"]
        update_forwarding = []
        [zone."example.net"]
        branch = "next"
        """,
    )
    assert config.zone("example.org.").update_forwarding == Acl()
    assert config.zone("example.net.").update_forwarding == Acl.parse(["192.0.2.0/24 key:one"])
    assert read(tmp_path, "").zone("example.org.").update_forwarding is None


def test_what_is_no_rule_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="update_forwarding"):
        read(tmp_path, '[dns]\nupdate_forwarding = ["k1"]\n')


@pytest.mark.parametrize(
    ("config", "forwards"),
    [
        (Config(Path()), False),
        (Config(Path(), has_tsig_keys=True), False),
        (Config(Path(), primary=LINK), False),
        (Config(Path(), primary=LINK, has_tsig_keys=True), True),
        (Config(Path(), primary=LINK, default_zone=ZoneConfig(update_forwarding=K1)), True),
        (Config(Path(), primary=LINK, default_zone=ZoneConfig(update_forwarding=Acl()), has_tsig_keys=True), False),
        (Config(Path(), peers=(PeerConfig("p1", LINK),), has_tsig_keys=True), True),
        (Config(Path(), peers=(PeerConfig("p1", LINK, Direction.PUSH),), has_tsig_keys=True), False),
        (Config(Path(), zones={"a.": FROM_OTHERS}), False),
        (Config(Path(), zones={"a.": FROM_OTHERS}, has_tsig_keys=True), True),
        (Config(Path(), zones={"a.": FROM_OTHERS._replace(update_forwarding=K1)}), True),
    ],
)
def test_a_node_forwards_if_zones_come_from_elsewhere_and_anybody_may_update_them(config, forwards) -> None:
    assert config.forwards_updates == forwards
    assert config.takes_updates == forwards


def test_a_tsig_key_is_enough_and_counts_from_the_next_reload_on(tmp_path: Path) -> None:
    Repository.init(tmp_path / "repo").close()
    keys = tmp_path / "keys.d"
    keys.mkdir(mode=0o700)
    config = Config(tmp_path / "repo", keys, primary=LINK)
    assert not prepare(config).config.forwards_updates
    new_tsig(keys, "k1", "hmac-sha256", os.urandom)
    assert prepare(config).config.forwards_updates
