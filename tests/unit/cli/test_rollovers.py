"""`dnssec rollover` and `disable`: what is asked of zonegitd, and the timetable."""

import time
from pathlib import Path

import pytest

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
    assert "CDS asks to delete all DS" in done.out


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
