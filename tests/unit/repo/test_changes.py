"""set, add, delete, import: one commit each, checked, with a serial that rises."""

from multiprocessing import get_context
from pathlib import Path

import pytest

from repokit import ZONE, Clock, parsed, set_many
from zonegit.errors import (
    Conflict,
    InvalidRecord,
    InvalidZone,
    NotFound,
    OutOfZone,
    Refused,
    StoreError,
    UsageError,
)
from zonegit.model.rdata import AAAA, CNAME, DNAME, MX, NS, SOA, TXT, A, soa_serial, with_serial
from zonegit.model.refs import head
from zonegit.repo import Committed, Repository
from zonegit.store.lmdb import LmdbStore

ONE, TWO, THREE = (bytes([192, 0, 2, last]) for last in (1, 2, 3))


def tip(repository: Repository) -> int:
    return repository.resolve().commit.seq


def test_set_replaces_the_rrset_in_one_commit(repository: Repository) -> None:
    done = repository.set("www", A, 60, [TWO, ONE, TWO])
    assert repository.rrset("www", A).rdatas == (ONE, TWO)
    assert repository.rrset("www", A).ttl == 60
    assert (done.serial, done.change_count) == (2026112002, 1)
    assert done.changes[0].old is not None and len(done.changes[0].old.rdatas) == 2
    assert repository.resolve().id == done.new
    assert repository.resolve("HEAD~1").id == done.old


def test_each_commit_raises_the_served_serial_and_not_the_tree(repository: Repository) -> None:
    root = repository.resolve().commit.zone_root
    repository.set("www", A, 60, [ONE])
    repository.set("www", A, 300, [bytes([192, 0, 2, 10]), bytes([192, 0, 2, 11])])
    assert repository.resolve().commit.zone_root == root
    assert soa_serial(repository.rrset("@", SOA).rdatas[0]) == 2026112003


def test_rdata_that_no_zone_file_could_hold_is_refused(repository: Repository) -> None:
    beyond_the_pole = bytes.fromhex("00121613934fd9018000000000989680")
    before = repository.resolve("HEAD").id
    for change in (repository.set, repository.add):
        with pytest.raises(InvalidRecord, match="above 90 degrees"):
            change("a", 29, 300, [beyond_the_pole])
    assert repository.resolve("HEAD").id == before


def test_setting_what_is_there_makes_no_commit(repository: Repository) -> None:
    before = repository.resolve().id
    done = repository.set("mail", A, 3600, [bytes([192, 0, 2, 25])])
    assert done.new == done.old == before == repository.resolve().id
    assert done.change_count == 0


def test_soa_serial_is_taken_when_it_is_ahead_and_passed_when_it_is_not(repository: Repository) -> None:
    soa = repository.rrset("@", SOA)
    repository.set("@", SOA, soa.ttl, [with_serial(soa.rdatas[0], 2026112101)])
    assert tip(repository) == 2026112101
    repository.set("@", SOA, 60, [with_serial(soa.rdatas[0], 5)])
    assert tip(repository) == 2026112102


def test_add_keeps_or_moves_the_ttl_of_the_whole_rrset(repository: Repository) -> None:
    repository.add("www", A, None, [ONE])
    assert (repository.rrset("www", A).ttl, len(repository.rrset("www", A).rdatas)) == (300, 3)
    repository.add("www", A, 60, [TWO])
    assert (repository.rrset("www", A).ttl, len(repository.rrset("www", A).rdatas)) == (60, 4)
    with pytest.raises(NotFound, match="needs a TTL"):
        repository.add("new", A, None, [ONE])


def test_delete_of_records_of_an_rrset_and_of_all_at_a_name(repository: Repository) -> None:
    repository.delete("www", A, [bytes([192, 0, 2, 10])])
    assert repository.rrset("www", A).rdatas == (bytes([192, 0, 2, 11]),)
    repository.delete("www")
    with pytest.raises(NotFound, match="www has no A"):
        repository.rrset("www", A)
    with pytest.raises(NotFound, match="nothing to delete"):
        repository.delete("www")


@pytest.mark.parametrize(
    ("name", "rtype", "rdata", "error"),
    [
        ("www.example.com.", A, ONE, OutOfZone),
        ("evilexample.org.", A, ONE, OutOfZone),
        ("www", CNAME, b"\4mail\7example\3org\0", InvalidZone),
        ("@", CNAME, b"\4mail\7example\3org\0", InvalidZone),
        ("www", A, b"\1\2\3", InvalidRecord),
        ("www", AAAA, ONE, InvalidRecord),
        ("www", 255, ONE, InvalidRecord),
        ("www", 41, b"", InvalidRecord),
    ],
)
def test_what_would_break_the_zone_is_refused(
    repository: Repository, name: str, rtype: int, rdata: bytes, error: type[Exception]
) -> None:
    before = repository.resolve().id
    with pytest.raises(error):
        repository.set(name, rtype, 300, [rdata])
    assert repository.resolve().id == before


def test_deleting_what_the_zone_needs_is_refused(repository: Repository) -> None:
    for name, rtype in [("@", SOA), ("@", NS), ("@", None)]:
        with pytest.raises(InvalidZone):
            repository.delete(name, rtype)


def test_what_servers_load_is_a_warning_and_no_more(repository: Repository) -> None:
    def checks(done: Committed) -> list[str]:
        return [found.check for found in done.findings]

    inside = b"\2ns\3sub\7example\3org\0"
    assert checks(repository.delete("ns1")) == ["ns-address"]
    assert "missing-glue" in checks(repository.set("sub", NS, 3600, [inside]))
    assert "missing-glue" not in checks(repository.set("ns.sub", A, 3600, [ONE]))
    assert "missing-glue" in checks(repository.delete("ns.sub"))
    repository.set("alias", CNAME, 300, [b"\4mail\7example\3org\0"])
    assert "mx-cname" in checks(repository.set("@", MX, 300, [b"\0\12\5alias\7example\3org\0"]))


def test_a_dname_or_cut_over_existing_data_is_judged_with_that_data(repository: Repository) -> None:
    repository.set("a.dept", TXT, 300, [b"\1x"])
    with pytest.raises(InvalidZone, match="below the DNAME"):
        repository.set("dept", DNAME, 300, [b"\7example\3net\0"])
    done = repository.set("dept", NS, 300, [b"\2ns\7example\3net\0"])
    assert ["occluded" in finding.message for finding in done.findings] == [True]


def test_what_a_cut_hides_is_held_to_the_same_structure(repository: Repository) -> None:
    repository.set("dept", NS, 300, [b"\2ns\7example\3net\0"])
    repository.set("a.dept", TXT, 300, [b"\1x"])
    with pytest.raises(InvalidZone, match="CNAME beside other data"):
        repository.set("a.dept", CNAME, 300, [b"\7example\3net\0"])
    with pytest.raises(InvalidZone, match="SOA below the apex"):
        repository.set("b.dept", SOA, 300, [repository.rrset("@", SOA).rdatas[0]])
    for rtype in (CNAME, DNAME):
        with pytest.raises(InvalidZone, match=f"more than one {'CNAME' if rtype == CNAME else 'DNAME'} record"):
            repository.set("c.dept", rtype, 300, [b"\1a\0", b"\1b\0"])
    repository.delete("dept", NS)
    assert repository.check() == []


@pytest.mark.parametrize("cut", ["dept", "b.dept"])
def test_a_cut_goes_only_if_no_dname_hid_data_under_it(repository: Repository, cut: str) -> None:
    """Far more names than are warned about stand before the one below the DNAME."""
    addresses = "".join(f"{number:04}.{cut} A 192.0.2.1\n" for number in range(1200))
    text = ZONE + f"{cut} NS ns.example.net.\n{addresses}x.{cut} DNAME example.net.\n{'a.' * 5}x.{cut} TXT x\n"
    repository.import_zone(parsed(text), source="again")
    with pytest.raises(InvalidZone, match=f"a.a.a.a.a.x.{cut}: data below the DNAME at x.{cut}"):
        repository.delete(cut, NS)
    repository.delete(f"{'a.' * 5}x.{cut}")
    repository.delete(cut, NS)
    assert repository.check() == []


@pytest.mark.parametrize(("alias", "rtype", "target"), [("mail", MX, b"\0\x0a\4mail"), ("*", MX, b"\0\x0a\4post")])
def test_a_cname_where_others_lead_is_told(repository: Repository, alias: str, rtype: int, target: bytes) -> None:
    repository.delete("mail", A)
    repository.set("sub", rtype, 300, [target + b"\7example\3org\0"])
    done = repository.set(alias, CNAME, 300, [b"\3www\7example\3org\0"])
    told = [found for found in done.findings if found.owner == b"\3sub"]
    assert [found.check for found in told] == ["mx-cname"]


def test_dry_run_tells_all_and_writes_nothing(repository: Repository) -> None:
    before = repository.resolve().id
    done = repository.set("www", A, 60, [ONE], dry_run=True)
    assert (done.new, done.change_count, done.serial) == (None, 1, 2026112002)
    repository.remove_zone("example.org", dry_run=True)
    repository.reset("HEAD", dry_run=True)
    assert repository.resolve().id == before
    assert len(list(repository.reflog())) == 1


def test_import_on_top_is_one_commit_with_a_higher_serial(repository: Repository) -> None:
    newer = ZONE.replace("2026112001", "2026112101").replace("mail IN A 192.0.2.25", "mail IN A 192.0.2.26")
    done = repository.import_zone(parsed(newer), source="newer.zone")
    assert (done.serial, done.change_count) == (2026112101, 1)
    again = repository.import_zone(parsed(newer), source="newer.zone")
    assert again.new == again.old
    older = repository.import_zone(parsed(ZONE.replace("2026112001", "2026112000")), source="older.zone")
    assert older.serial == 2026112102
    with pytest.raises(Refused, match="not ahead"):
        repository.import_zone(parsed(newer), source="newer.zone", keep_serial=True)


def test_many_changes_are_counted_and_not_listed(repository: Repository) -> None:
    more = ZONE + "".join(f"h{number} A 192.0.2.1\n" for number in range(1001))
    done = repository.import_zone(parsed(more), source="more.zone", dry_run=True)
    assert (done.change_count, done.changes) == (1001, [])
    done = repository.import_zone(parsed(more.replace("h1000 A 192.0.2.1\n", "")), source="more.zone")
    assert (done.change_count, len(done.changes)) == (1000, 1000)


@pytest.mark.parametrize("at_once", [3, 20_000])
def test_a_new_zone_is_answered_from_its_view(
    empty: Repository, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zonegit.store.writer.VIEW_AT_ONCE", at_once)
    empty.import_zone(parsed(ZONE), source="test.zone")
    with LmdbStore.open(empty.path, readonly=True).read() as reader:
        view = reader.view(head("example.org.", "main"))
        assert view is not None
        assert view.commit == empty.resolve().id


def test_import_over_a_change_made_by_hand_needs_replace(repository: Repository) -> None:
    repository.set("www", A, 60, [ONE])
    for serial in ("2026112000", "2026112002", "2026112003"):  # of no version, the tip's, ahead
        with pytest.raises(Refused, match="--replace"):
            repository.import_zone(parsed(ZONE.replace("2026112001", serial)), source="test.zone")
    done = repository.import_zone(parsed(ZONE), source="test.zone", replace=True)
    assert done.change_count == 1
    assert done.new == repository.resolve().id


def test_equal_content_has_one_root_in_any_order(repository: Repository, empty: Repository) -> None:
    root = repository.resolve().commit.zone_root
    names = [f"n{number}" for number in range(60)]
    for name in names:
        repository.set(name, TXT, 300, [b"\1x"])
    for name in reversed(names):
        repository.delete(name)
    assert repository.resolve().commit.zone_root == root


def test_zone_add_list_remove_switch(empty: Repository) -> None:
    with pytest.raises(NotFound, match="zone add"):
        empty.position()
    empty.add_zone("Example.ORG")
    empty.add_zone("example.net.", nameservers=["ns1.example.org."], mail="dns@example.org.")
    with pytest.raises(Conflict):
        empty.add_zone("example.org")
    with pytest.raises(InvalidZone):
        empty.add_zone("example.com", nameservers=["ns1"])
    for zone in (".", "localhost"):
        with pytest.raises(InvalidZone, match=r"needs an address.*zonegit import FILE"):
            empty.add_zone(zone)
    assert [(zone.zone, zone.serial, zone.records) for zone in empty.zones()] == [
        ("example.net.", 1, 2),
        ("example.org.", 1, 2),
    ]
    assert empty.position().zone == "example.org."
    assert empty.switch_zone("example.net").zone == "example.net."
    empty.remove_zone("example.net")
    assert empty.position().zone == "example.org."
    empty.switch_zone("example.org")
    with pytest.raises(NotFound, match=r"no zone example\.net"):
        empty.switch_zone("example.net")
    empty.add_zone("example.net")
    assert len(empty.zones()) == 2


@pytest.mark.parametrize(
    ("mail", "expected"),
    [
        ("ops@example.com", b"\3ops\7example\3com\0"),
        ("ops@example.com.", b"\3ops\7example\3com\0"),
        ("ada.l@example.com", b"\5ada.l\7example\3com\0"),
        ("ada\\.l@example.com", b"\5ada.l\7example\3com\0"),
        ("ops", b"\3ops\7example\3org\0"),
        ("ops.example.com.", b"\3ops\7example\3com\0"),
        (None, b"\12hostmaster\7example\3org\0"),
    ],
)
def test_who_answers_for_a_zone(empty: Repository, mail: str | None, expected: bytes) -> None:
    empty.add_zone("example.org", mail=mail)
    assert empty.rrset("@", SOA).rdatas[0][:-20] == b"\11localhost\0" + expected


def test_without_head_s_zone_the_default_branch_of_another_is_read(empty: Repository) -> None:
    empty.add_zone("example.net")
    empty.create_branch("alpha")
    empty.add_zone("example.org")
    empty.switch_zone("example.org")
    empty.remove_zone("example.org")
    assert (empty.position().zone, empty.position().branch) == ("example.net.", "main")


def test_a_zone_without_a_main_branch_is_there_all_the_same(repository: Repository) -> None:
    repository.checkout("dev", create=True)
    repository.delete_branch("main")
    with pytest.raises(Conflict, match="zone switch"):
        repository.add_zone("example.org")
    assert repository.records() == 8


def test_only_branches_are_committed_to(repository: Repository) -> None:
    repository.create_tag("v1")
    prefix = repository.resolve().id.hex()[:8]
    for branch in ("v1", prefix, "typo"):
        with pytest.raises(NotFound, match=branch):
            repository.set("www", A, 60, [ONE], branch=branch)
        with pytest.raises(NotFound, match=branch):
            repository.reset("HEAD", branch=branch)
        with pytest.raises(NotFound, match=branch):
            repository.import_zone(parsed(ZONE), source="test.zone", branch=branch)
    assert set(repository.branches()) == {"main"}


def test_import_begins_a_zone_on_any_branch(empty: Repository) -> None:
    empty.import_zone(parsed(ZONE), source="test.zone", branch="dev")
    assert (empty.position().branch, set(empty.branches())) == ("dev", {"dev"})


def test_a_zone_whose_name_holds_a_slash_is_its_own(empty: Repository) -> None:
    empty.add_zone("2.0.192.in-addr.arpa")
    empty.add_zone("0/25.2.0.192.in-addr.arpa")
    assert len(empty.zones()) == 2
    empty.remove_zone("0/25.2.0.192.in-addr.arpa")
    assert [zone.zone for zone in empty.zones()] == ["2.0.192.in-addr.arpa."]


def test_a_zone_whose_name_begins_with_anothers_and_a_slash_is_its_own(empty: Repository) -> None:
    for zone in ("example.org", "example.org./x.example"):
        empty.add_zone(zone)
        empty.create_branch("dev", zone=zone)
        empty.create_tag("v1", zone=zone)
    empty.set("www", A, 60, [ONE], zone="example.org")
    tip = empty.resolve("main", zone="example.org").id
    assert (empty.branches(zone="example.org")["main"], set(empty.tags(zone="example.org"))) == (tip, {"v1"})
    empty.remove_zone("example.org")
    assert [zone.branches for zone in empty.zones()] == [("dev", "main")]
    assert set(empty.tags(zone="example.org./x.example")) == {"v1"}


def test_author_must_be_printable(repository: Repository) -> None:
    for who in ["a\nb", "x" * 201, "", " ", "caf\udce9"]:
        with pytest.raises(UsageError):
            repository.set("www", A, 60, [ONE], who=who)


@pytest.mark.parametrize("text", ["", " \n", "a\0b", "a\x1b[31mb", "caf\udce9"])
def test_messages_are_text(repository: Repository, text: str) -> None:
    before = repository.resolve().id
    with pytest.raises(UsageError, match="message"):
        repository.set("www", A, 60, [ONE], message=text)
    with pytest.raises(UsageError, match="message"):
        repository.create_tag("v1", message=text)
    assert (repository.resolve().id, repository.tags()) == (before, {})


@pytest.mark.parametrize("source", ["", "x\nsignature ed25519 00", "caf\udce9.zone"])
def test_the_name_of_an_imports_source_is_printable(empty: Repository, source: str) -> None:
    with pytest.raises(UsageError, match="source"):
        empty.import_zone(parsed(ZONE), source=source)
    assert empty.zones() == []


def test_open_and_init_of_the_wrong_places(tmp_path: Path, repository: Repository) -> None:
    with pytest.raises(StoreError):
        Repository.open(tmp_path / "nothing")
    with pytest.raises(Refused):
        Repository.init(repository.path)


def test_several_processes_commit_at_once_and_none_is_lost(repository: Repository) -> None:
    spawn = get_context("spawn")
    processes = [spawn.Process(target=set_many, args=(repository.path, number)) for number in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    assert tip(repository) == 2026112001 + 30
    assert len(list(repository.log())) == 31
    assert repository.rrset("p2-9", A).rdatas == (bytes([10, 0, 2, 9]),)


def test_time_of_a_commit_is_the_clocks(repository: Repository, clock: Clock) -> None:
    clock.now += 5
    repository.set("www", A, 60, [ONE], who="Ada <ada@example.org>", message="Point www elsewhere")
    commit = repository.resolve().commit
    assert (commit.author.name, commit.author.time) == ("Ada <ada@example.org>", int(clock.now))
    assert commit.subject == "Point www elsewhere"
