"""`dnssec enable`, `status` and `ds`, on a repository whose publisher has noted things or hasn't."""

import os
import re
import time
from pathlib import Path

import pytest

from zonegit.cli import child, location
from zonegit.errors import NotFound, ZonegitError
from zonegit.repo import Repository
from zonegit.repo.dnssec.requests import Wanted
from zonegit.repo.dnssec.status import DnssecStatus, KeyStatus, ParentServer, Problem, Waiting, note_status
from zonegit.store.lmdb import LmdbStore

NOW = int(time.time())
DS = bytes.fromhex("30390d02") + bytes(range(32))
STATUS = DnssecStatus(
    "example.org.",
    NOW,
    signed_since=NOW - 86_400,
    denial="nsec",
    first_end=NOW + 1_000_000,
    next_renewal=NOW + 500_000,
    keys=(KeyStatus(12345, 13, "csk", "active", NOW - 86_400),),
    under_way="enabling",
    waiting=(Waiting("ds", "the parent to have the DS records", NOW - 3600, None),),
    parent_asked=NOW - 60,
    parent=(ParentServer("a.org. 192.0.2.53", False), ParentServer("b.org. 192.0.2.54", None, "timed out")),
    ds=(DS,),
    cds=(DS,),
)
TABLE = '[zone."example.org.".dnssec]\n'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "repo" / "zonegitd.toml"


def note(directory: Path, status: DnssecStatus = STATUS) -> None:
    store = LmdbStore.open(directory / "repo")
    note_status(store, status)
    store.close()


def test_enable_adds_a_table_and_says_what_comes_next(zone, file):
    file.write_text('repo = "x"\n')
    done = zone("dnssec", "enable")
    assert done.code == 0
    assert file.read_text() == f'repo = "x"\n\n{done.out}'
    assert done.out.endswith(TABLE) and done.out.startswith("# ")
    assert "next, `systemctl reload zonegitd` signs example.org." in done.err
    again = zone("dnssec", "enable", "example.org")
    assert (again.code, again.out) == (0, "")
    assert f"nothing to do: {file} has a table for example.org. already\n" in again.err


def test_enable_takes_what_can_not_be_changed_easily_later(zone, file, refused):
    file.write_text("")
    done = zone("dnssec", "enable", "--algorithm", "ed25519", "--keys", "ksk+zsk", "--denial", "nsec3", "--json")
    assert done.json["added"].endswith(f'{TABLE}algorithm = "ed25519"\nkeys = "ksk+zsk"\ndenial = "nsec3"\n')
    assert zone("config", "check", file).code == 0
    refused(
        zone("dnssec", "enable", "--algorithm", "ed25519"), 1, "has a table for example.org. already: change it"
    )


def test_a_rehearsal_writes_nothing(zone, file):
    file.write_text("")
    done = zone("dnssec", "enable", "--dry-run")
    assert TABLE in done.out and "dry run, nothing written" in done.err
    assert file.read_text() == ""


def test_enable_needs_a_configuration_and_a_zone(zone, refused, tmp_path, file, monkeypatch):
    monkeypatch.setattr(location, "SERVICE_CONFIG", str(tmp_path / "none.toml"))
    refused(zone("dnssec", "enable"), 1, "no configuration is about ", "--config", "zonegitd.toml")
    file.write_text("[dns\n")
    refused(zone("dnssec", "enable"), 2, f"{file}:1: ")
    file.write_text("")
    refused(zone("dnssec", "enable", "example.net"), 5, "no zone example.net. here")
    assert file.read_text() == ""


def test_enable_edits_the_services_file_if_it_is_about_this_repository(zone, refused, tmp_path, monkeypatch):
    service = tmp_path / "etc" / "zonegitd.toml"
    service.parent.mkdir()
    monkeypatch.setattr(location, "SERVICE_CONFIG", str(service))
    service.write_text('repo = "/elsewhere"\n')
    refused(zone("dnssec", "enable"), 1, "no configuration is about ")
    service.write_text(f'repo = "{tmp_path / "repo"}"\n')
    assert zone("dnssec", "enable").code == 0
    assert service.read_text().endswith(TABLE)


def test_a_file_elsewhere_can_be_named(zone, tmp_path):
    other = tmp_path / "other.toml"
    other.write_text("")
    assert zone("dnssec", "enable", "--config", other).code == 0
    assert other.read_text().endswith(TABLE)


def test_what_is_signed_or_mirrored_elsewhere_is_not_signed_here(zone, refused, tmp_path, file):
    file.write_text("")
    store = LmdbStore.open(tmp_path / "repo")
    with store.write() as writer:
        writer.set_setting("mirror/example.org.", b"ams")
    store.close()
    refused(zone("dnssec", "enable"), 1, "example.org. is mirrored from ams: enable DNSSEC there")
    for verb in ("ds", "sign"):
        refused(zone("dnssec", verb), 1, "example.org. is mirrored from ams, which has its keys: run this there")
    assert "mirrored from ams; whether it is signed is decided there\n" in zone("dnssec", "status").out


def test_status_of_a_zone_that_is_not_signed(zone, file):
    assert zone("dnssec", "status").out == (
        "example.org. is not signed; `zonegit dnssec enable example.org.` has it signed\n"
    )
    file.write_text(TABLE)
    assert "zonegitd hasn't begun: start or reload it" in zone("dnssec", "status").out
    file.write_text(f"{TABLE}x = 1\n")
    told = zone("dnssec", "status")
    assert told.code == 0 and f"the configuration can't be read: {file}:2: unknown key 'x'" in told.out
    table = zone("dnssec", "status", "--json").json
    assert (table["zone"], table["managed"], table["keys"]) == ("example.org.", False, [])
    assert zone("dnssec", "status", "example.net").code == 5


def test_status_in_words(zone, tmp_path):
    note(tmp_path)
    told = zone("dnssec", "status")
    assert told.code == 0, told
    note(tmp_path, STATUS._replace(waiting=(Waiting("ds-ttl", "caches to drop it", NOW - 60, NOW + 60),)))
    assert re.search(r"waits for +caches to drop it, until \w+ .* \(since ", zone("dnssec", "status").out)
    for words in (
        "12345 ecdsap256sha256 csk: active, since ",
        "enabling",
        "the parent to have the DS records (since ",
        "a.org. 192.0.2.53: has other DS records",
        "b.org. 192.0.2.54: no answer: timed out",
        "signed        since ",
        ", with denial by nsec\n",
        ", renewed from ",
    ):
        assert words in told.out
    table = zone("dnssec", "status", "example.org", "--json").json
    assert table["managed"] is True and table["ds"] == [DS.hex()] and table["requested"] is None


def test_status_says_that_the_parent_should_have_nothing(zone, tmp_path):
    servers = (ParentServer("a.org.", True), ParentServer("b.org.", False), ParentServer("c.org.", None))
    note(tmp_path, STATUS._replace(ds=(), parent=servers))
    told = zone("dnssec", "status").out
    assert "a.org.: has no DS records, as it should\n" in told
    assert "b.org.: has DS records, and should have none\n" in told
    assert "c.org.: no answer\n" in told


def test_status_says_what_to_do_at_the_parent(zone, tmp_path):
    late = (Waiting("parent", "all servers of the parent to have it", NOW - 60, None),)
    note(tmp_path, STATUS._replace(waiting=late))
    told = zone("dnssec", "status").out
    assert (
        "to do         give the parent the records of `zonegit dnssec ds example.org.`, unless it reads CDS" in told
    )
    assert "a.org. 192.0.2.53: has other DS records, or none\n" in told
    note(tmp_path, STATUS._replace(waiting=late, ds=()))
    assert "have the parent remove its DS records, unless it reads CDS" in zone("dnssec", "status").out
    note(tmp_path)
    assert "to do" not in zone("dnssec", "status").out


def test_a_problem_is_shown_before_the_first_signed_version(zone, tmp_path, file):
    file.write_text(TABLE)
    note(tmp_path, DnssecStatus("example.org.", NOW, problems=(Problem("signing", "it has RRSIG records"),)))
    told = zone("dnssec", "status")
    assert told.code == 1 and "problem: it has RRSIG records\n" in told.out


def test_status_says_what_was_asked_for(zone, tmp_path):
    note(tmp_path)
    with Repository.open(tmp_path / "repo") as repository:
        repository.request_dnssec(Wanted.KSK)
    assert "rollover-ksk on " in zone("dnssec", "status").out
    assert zone("dnssec", "status", "--json").json["requested"]["wanted"] == "rollover-ksk"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"problems": (Problem("key", "the key 12345 is gone: restore it"),)}, "problem: the key 12345 is gone: "),
        ({"first_end": NOW - 60}, "signatures ended on "),
        ({"next_renewal": NOW - 7200}, "signatures should have been renewed on "),
    ],
)
def test_problems_have_an_exit_code(zone, tmp_path, changes, words):
    note(tmp_path, STATUS._replace(**changes))
    told = zone("dnssec", "status")
    assert told.code == 1 and words in told.out
    assert zone("dnssec", "status", "--all").code == 1
    assert zone("dnssec", "status", "--json").json["problems"]


def test_what_was_ended_begins_again(zone, tmp_path, file, refused):
    file.write_text(TABLE)
    note(tmp_path, STATUS._replace(signed_since=None, under_way="", keys=(), waiting=(), ds=(), cds=()))
    assert "is not signed any more: remove its table; " in zone("dnssec", "status").out
    refused(zone("dnssec", "ds"), 1, "example.org. is not signed, so it has no DS records")
    refused(zone("dnssec", "rollover", "ksk"), 1, "example.org. is not signed yet")
    assert "would be asked to go on signing example.org." in zone("dnssec", "enable", "--dry-run").err
    assert zone("dnssec", "status", "--json").json["requested"] is None
    assert "zonegitd was asked to go on signing example.org." in zone("dnssec", "enable").err
    assert zone("dnssec", "status", "--json").json["requested"]["wanted"] == "enable"
    note(tmp_path, STATUS._replace(under_way="the end of signing"))
    assert "zonegitd was asked to go on signing" in zone("dnssec", "enable").err


def test_all_zones_have_a_line_each(zone, tmp_path):
    assert "no zone is signed here; " in zone("dnssec", "status", "--all").err
    note(tmp_path)
    note(tmp_path, DnssecStatus("example.net.", NOW))
    lines = zone("dnssec", "status", "--all").lines
    assert [line.split()[0] for line in lines] == ["example.net.", "example.org."]
    assert "not signed yet" in lines[0] and "enabling; waits for the parent" in lines[1]
    assert len(zone("dnssec", "status", "--all", "--json").json) == 2


def test_ds_records_are_printed_as_a_zone_file_has_them(zone, tmp_path, refused):
    refused(zone("dnssec", "ds"), 1, "example.org. is not signed, so it has no DS records")
    note(tmp_path)
    told = zone("dnssec", "ds")
    assert told.out == f"example.org.\t3600\tIN\tDS\t12345 13 2 {DS[4:].hex()}\n"
    assert told.err == "0 of 2 name servers of the parent have these records\n"
    assert zone("dnssec", "ds", "--cds").out == told.out.replace("\tDS\t", "\tCDS\t")
    assert zone("dnssec", "ds", "--json").json[0]["TYPEname"] == "DS"
    note(tmp_path, STATUS._replace(parent=(ParentServer("a.org.", True),), cds=()))
    assert zone("dnssec", "ds").err == "all name servers of the parent have these records\n"
    none = zone("dnssec", "ds", "--cds")
    assert (none.code, none.out) == (0, "") and "publishes no CDS records now" in none.err


def test_ds_records_that_the_parent_must_not_have_yet(zone, tmp_path, refused):
    note(tmp_path, STATUS._replace(ds=()))
    refused(
        zone("dnssec", "ds"),
        1,
        "the parent must not have DS records of example.org. now: it waits for the parent to have",
    )


def test_root_stays_root_for_a_file_of_its_own():
    own = os.getpid()
    assert child.in_child(lambda: str(os.getpid())) != str(own)

    def fail() -> str:
        raise NotFound("no zone here")

    with pytest.raises(ZonegitError, match="no zone here") as failed:
        child.in_child(fail)
    assert failed.value.exit_code == 5
