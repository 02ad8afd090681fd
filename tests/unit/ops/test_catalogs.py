"""The settings of catalogs: of zones that are listed, and of catalogs that are followed."""

from pathlib import Path

import pytest

from zonegit.dns.access.acl import Acl, key_name
from zonegit.errors import ConfigError
from zonegit.ops.config import Config
from zonegit.ops.flags import load
from zonegit.ops.primaries import Primary

FOLLOWED = """
[catalog."Catalog.Example"]
primaries = ["192.0.2.1 key:xfr"]
"""


def read(directory: Path, text: str, *flags: str) -> Config:
    path = directory / "zonegitd.toml"
    path.write_text(text)
    return load(["--config", str(path), *flags])


def test_zones_are_listed_by_default_or_by_their_own_table(tmp_path: Path) -> None:
    config = read(
        tmp_path,
        """
        [dns]
        catalog = "Catalog.example"
        catalog_group = "all"
        [zone."own.example."]
        catalog = "other.example."
        catalog_group = ["b", "a", "b"]
        [zone."none.example."]
        catalog = false
        """,
    )
    listed = {name: config.zone(name)[-4:-2] for name in ("any.example.", "own.example.", "none.example.")}
    assert listed == {
        "any.example.": ("catalog.example.", ("all",)),
        "own.example.": ("other.example.", ("a", "b")),
        "none.example.": (None, ("all",)),
    }
    assert config.made_catalogs == {"catalog.example.", "other.example."}


def test_a_followed_catalog_is_a_zone_with_primaries(tmp_path: Path) -> None:
    config = read(tmp_path, FOLLOWED + '[zone."catalog.example."]\nallow_query = []\n')
    (primary,) = config.zones["catalog.example."].primaries
    assert primary == Primary.parse("192.0.2.1 key:xfr")
    assert config.zones["catalog.example."].allow_query == Acl()
    assert config.catalogs["catalog.example."].primaries == (primary,)


def test_members_have_the_settings_of_their_catalog_or_of_their_group(tmp_path: Path) -> None:
    config = read(
        tmp_path,
        """
        [dns]
        transfer_acl = ["10.0.0.0/8"]
        notify = true
        """
        + FOLLOWED
        + """
        member_primaries = ["192.0.2.2"]
        max_removals = 3
        [catalog."Catalog.Example".zone]
        notify = false
        [catalog."Catalog.Example".group."signed"]
        dnssec = { }
        [catalog."Catalog.Example".group."secret"]
        transfer_acl = ["key:inside"]
        """,
        "--canary=next:10",
    )
    catalog = config.catalogs["catalog.example."]
    plain = catalog.settings(("unknown",))
    assert plain.primaries == (Primary.parse("192.0.2.2"),)
    assert (plain.notify, plain.transfer_acl, plain.dnssec) == (False, Acl.parse(["10.0.0.0/8"]), None)
    assert plain.branches == ("main",)
    assert catalog.settings(("secret",)) == plain._replace(transfer_acl=Acl.parse(["key:inside"]))
    assert catalog.settings(("secret", "signed")).dnssec is not None
    assert catalog.settings(("secret", "signed")) is catalog.settings(("signed",)), "one object for all"
    assert catalog.max_removals == 3
    assert config.publishes
    named = {where for where, zone in config.every_zone if key_name("inside") in zone.transfer_acl.keys}
    assert named == {"catalog catalog.example."}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[dns]\ncatalog = true\n", "write its name"),
        ('[dns]\ncatalog = "a..b"\n', "zonegitd.toml:2: catalog: "),
        ('[dns]\ncatalog_group = ["a\\nb"]\n', "printable"),
        (f'[dns]\ncatalog_group = "{"ü" * 128}"\n', "at most 255 bytes"),
        (f"[dns]\ncatalog_group = {[str(n) for n in range(33)]}\n", "at most 32"),
        ('[catalog."c.example."]\n', "zonegitd.toml:1: the catalog has no 'primaries'"),
        ("[catalog.example]\nprimaries = []\n", "the list is empty"),
        ("[catalog.example.org]\nprimaries = []\n", 'quote the zone\'s name: write [catalog."example.org."]'),
        (f'{FOLLOWED}[catalog."catalog.example."]\nprimaries = ["192.0.2.1"]\n', "has two tables"),
        (f"{FOLLOWED}max_removal = 3\n", "did you mean 'max_removals'?"),
        (f"{FOLLOWED}max_removals = -1\n", "is not a number"),
        (f'{FOLLOWED}zone.branch = "next"\n', "zonegitd.toml:4: 'branch' can't be set for members of a catalog"),
        (f'{FOLLOWED}zone.primaries = ["192.0.2.1"]\n', "'primaries' can't be set for members of a catalog"),
        (f"{FOLLOWED}zone.notfy = true\n", "did you mean 'notify'?"),
        (f"{FOLLOWED}zone = true\n", "zone is not a table"),
        (f"{FOLLOWED}zones.notify = true\n", "zonegitd.toml:4: unknown key 'zones'; did you mean 'zone'?"),
        (f'{FOLLOWED}group.a.routes = [["true", "x"]]\n', "'routes' can't be set for members of a catalog"),
        (
            f'{FOLLOWED}[zone."catalog.example."]\nat = "HEAD"\n',
            "zonegitd.toml:5: [zone.\"catalog.example.\"] can't have 'at'",
        ),
        (f'{FOLLOWED}[zone."catalog.example."]\nprimaries = ["192.0.2.1"]\n', "can't have 'primaries'"),
        (f'{FOLLOWED}[zone."catalog.example."]\nupdate = ["key:a ** *"]\n', "can't have 'update'"),
        (
            '[dns]\ncatalog = "c."\n[zone."c."]\nupdate = ["key:a ** *"]\n',
            "zonegitd.toml:4: [zone.\"c.\"] can't have 'update', since the catalog c. is made here",
        ),
        ('[dns]\ncatalog = "c."\n[zone."c."]\nprimaries = ["192.0.2.1"]\n', "can't have 'primaries'"),
        (
            f'{FOLLOWED}[dns]\ncatalog = "catalog.example"\n',
            "zonegitd.toml:2: the catalog catalog.example. is made here",
        ),
        ("catalog = 1\n", "catalog is not a table"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text)
    assert why in str(caught.value)
    assert "\n" not in str(caught.value)
