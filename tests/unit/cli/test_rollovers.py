"""`dnssec rollover` and `disable`: what is asked of zonegitd, and the timetable."""

import time
from pathlib import Path

import pytest

from peerkit import free_ports
from zonegit.dnssec.policy import DnssecPolicy
from zonegit.dnssec.rollover.machine import imported_state
from zonegit.dnssec.rollover.state import to_json
from zonegit.dnssec.rollover.values import Role
from zonegit.model.names import parse_apex
from zonegit.repo import Repository
from zonegit.repo.dnssec.key_directory import KeyDirectory
from zonegit.repo.dnssec.requests import Wanted
from zonegit.repo.dnssec.status import DnssecStatus, note_status
from zonegit.store.lmdb import LmdbStore

ORG = "example.org."


def write_configuration(directory: Path, *lines: str) -> None:
    text = [f'dnssec_keys = "{directory / "keys"}"', f'[zone."{ORG}".dnssec]', *lines, ""]
    (directory / "repo" / "zonegitd.toml").write_text("\n".join(text))


@pytest.fixture
def signed(zone, tmp_path: Path):
    """`run`, on a repository whose zone has a CSK, as its publisher would leave it."""
    write_configuration(tmp_path)
    keys = KeyDirectory(tmp_path / "keys").zone(ORG)
    key = keys.generate(Role.CSK, DnssecPolicy().algorithm, int(time.time()))
    keys.write_state(to_json(imported_state(parse_apex(ORG), [key])))
    store = LmdbStore.open(tmp_path / "repo")
    note_status(store, DnssecStatus(ORG, int(time.time()), signed_since=int(time.time())))
    store.close()
    return zone


def asked(directory: Path) -> Wanted | None:
    with Repository.open(directory / "repo", readonly=True) as repository:
        found = repository.dnssec_requested()
    return found.wanted if found else None


@pytest.mark.parametrize(("what", "wanted"), [("ksk", Wanted.KSK), ("zsk", Wanted.ZSK)])
def test_a_rollover_is_asked_for(signed, tmp_path, what, wanted):
    done = signed("dnssec", "rollover", what)
    assert done.code == 0, done
    assert asked(tmp_path) is wanted
    assert "zonegitd was asked for it; `zonegit dnssec status example.org.` shows how it goes; done on " in done.err
    assert [line.split()[6] for line in done.lines] == ["publish", "sign", "ds", "remove"]


def test_a_rehearsal_only_prints_the_timetable(signed, tmp_path):
    done = signed("dnssec", "rollover", "ksk", "--dry-run")
    assert len(done.lines) == 4 and "dry run, zonegitd was not asked; done on " in done.err
    assert asked(tmp_path) is None
    table = signed("dnssec", "rollover", "ksk", "--dry-run", "--json").json
    assert table["requested"] is False and table["wanted"] == "rollover-ksk"
    times = [step["earliest"] for step in table["steps"]]
    assert times == sorted(times) and times[-1] > times[0]


def test_the_algorithm_is_that_of_the_configuration(signed, tmp_path, refused):
    refused(signed("dnssec", "rollover", "algorithm"), 1, "the policy says (csk of ecdsap256sha256)")
    assert asked(tmp_path) is None
    write_configuration(tmp_path, 'algorithm = "ed25519"')
    assert signed("dnssec", "rollover", "algorithm", "--dry-run").code == 0


def test_signing_ends_the_safe_way(signed, tmp_path):
    done = signed("dnssec", "disable", ORG)
    assert asked(tmp_path) is Wanted.DISABLE
    assert "keep the table in the configuration until example.org. is unsigned" in done.err
    assert (
        "CDS asks the parent to delete all DS; until no server of the parent has a DS and it is published"
        in done.out
    )


def test_who_can_not_read_the_key_state_can_ask(signed, tmp_path, monkeypatch, refused):
    monkeypatch.setattr("os.access", lambda *_: False)
    refused(signed("dnssec", "rollover", "ksk", "--dry-run"), 1, "run this as root or as zonegitd's user")
    done = signed("dnssec", "rollover", "ksk")
    assert (done.code, done.out) == (0, "") and asked(tmp_path) is Wanted.KSK


@pytest.mark.parametrize("verb", [("rollover", "ksk"), ("rollover", "algorithm"), ("disable",), ("sign",)])
def test_a_zone_that_is_not_signed(zone, refused, verb):
    refused(zone("dnssec", *verb), 1, "example.org. is not signed here; `zonegit dnssec enable example.org.`")
    refused(zone("dnssec", *verb, "example.net"), 5, "no zone example.net. here")


def test_a_zone_whose_table_is_not_loaded_yet(zone, refused, tmp_path):
    write_configuration(tmp_path)
    refused(zone("dnssec", "disable"), 1, "is not signed yet, because zonegitd hasn't loaded its table")


def test_a_damaged_key_state_is_told(signed, refused, tmp_path):
    KeyDirectory(tmp_path / "keys").zone(ORG).write_state(b"{}")
    refused(signed("dnssec", "rollover", "ksk"), 1, "the key state is damaged")


@pytest.fixture
def by_hand(signed, tmp_path: Path):
    """`signed`, where no zonegitd runs, and the parent doesn't answer."""
    write_configuration(tmp_path, f'parent = ["127.0.0.1:{free_ports(1)[0]}"]')
    return signed


@pytest.mark.parametrize("verb", [("dnssec", "sign"), ("sign-zone",)])
def test_a_zone_is_signed_by_hand(by_hand, tmp_path, verb):
    tried = by_hand(*verb, "--dry-run")
    assert tried.code == 0, tried
    done = by_hand(*verb, ORG)
    assert done.code == 0, done
    assert "denial by nsec" in by_hand("dnssec", "status").out
    assert "ecdsap256sha256, until " in by_hand("status").out
    by_hand("set", "www", "A", "60", "192.0.2.7")
    assert "published" in by_hand(*verb).out


def test_a_change_is_signed_at_once_if_that_is_asked_for(by_hand):
    done = by_hand("set", "www", "A", "60", "192.0.2.7", "--auto-sign")
    assert done.code == 0, done
    assert done.lines[-1].startswith("example.org. main: ")
    status = by_hand("dnssec", "status", "--json").json
    assert status["first_end"] > time.time()
    commit = by_hand("set", "www", "A", "60", "192.0.2.8", "--auto-sign", "--json").json
    assert by_hand("publish", "--json").json[0]["published"] == commit["new"]


def test_nothing_is_changed_where_no_zone_is_signed(zone, refused):
    before = zone("log", "--oneline").out
    refused(zone("set", "www", "A", "60", "192.0.2.7", "--auto-sign"), 1, "example.org. is not signed here")
    assert zone("log", "--oneline").out == before


def test_what_the_first_zonegit_called_it(by_hand, zone):
    assert by_hand("ds").err == by_hand("dnssec", "ds").err
    assert "nothing to do" in by_hand("zone-keygen").err
