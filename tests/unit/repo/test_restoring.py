"""What stands at a name becomes what it was in another version."""

from collections.abc import Callable

import pytest

from repokit import ZONE, parsed
from zonegit.errors import InvalidZone, NotFound, Refused, UsageError
from zonegit.model.rdata import AAAA, MX, NS, RRSIG, SOA, TXT, A
from zonegit.repo import Repository

ONE = bytes([192, 0, 2, 101])
SIX = bytes(16)
SIGNATURE = "13 3 300 20270101000000 20261101000000 1 @ " + "A" * 88
SIGNED = f"{ZONE}@ RRSIG SOA {SIGNATURE.replace('13 3', '13 2')}\nwww RRSIG A {SIGNATURE}\n"


def at(repository: Repository, name: str, revision: str = "HEAD") -> list[object]:
    return list(repository.rrsets_at(name, revision))


def test_a_name_becomes_what_it_was(repository: Repository) -> None:
    repository.set("www", A, 60, [ONE])
    repository.set("www", AAAA, 60, [SIX])
    repository.set("mail", A, 60, [ONE])
    done = repository.restore_records("www", source="HEAD~3")
    assert at(repository, "www") == at(repository, "www", "HEAD~4")
    assert {change.rtype for change in done.changes} == {A, AAAA}
    assert repository.rrset("mail", A).rdatas == (ONE,)
    assert repository.resolve().commit.subject == f"restore www from {repository.resolve('HEAD~4').id.hex()[:12]}"
    assert next(repository.reflog()).reason.startswith("restore: www from")


def test_one_type_alone(repository: Repository) -> None:
    repository.set("www", A, 60, [ONE])
    repository.set("www", AAAA, 60, [SIX])
    repository.restore_records("www", A, source="HEAD~2")
    assert repository.rrset("www", A) == repository.rrset("www", A, "HEAD~3")
    repository.restore_records("www", AAAA, source="HEAD~3")
    assert [rrset.rtype for rrset in repository.rrsets_at("www")] == [A]


def test_a_name_that_is_gone_comes_back(repository: Repository) -> None:
    repository.delete("mail", signatures="break", strict=())
    repository.restore_records("mail", source="HEAD~1", message="Mail is back", who="Bob")
    commit = repository.resolve().commit
    assert (commit.message, commit.author.name) == ("Mail is back", "Bob")
    assert at(repository, "mail") == at(repository, "mail", "HEAD~2")


def test_names_below(repository: Repository) -> None:
    for name in ("a", "b.a", "c.b.a", "ab", "b"):
        repository.set(name, A, 60, [ONE])
    first = repository.resolve().id.hex()
    for name in ("a", "b.a", "ab", "b"):
        repository.set(name, A, 90, [ONE])
    repository.delete("c.b.a")
    repository.set("d.a", TXT, 60, [b"\1x"])
    done = repository.restore_records("a", A, source=first, below=True)
    assert done.change_count == 3
    assert repository.rrsets_at("d.a")
    repository.restore_records("a", source=first, below=True)
    for name in ("a", "b.a", "c.b.a", "d.a"):
        assert at(repository, name) == at(repository, name, first)
    assert [repository.rrset(name, A).ttl for name in ("ab", "b")] == [90, 90]
    repository.restore_records("@", source=first, below=True)
    assert list(repository.diff(first, "HEAD")) == []


def test_the_apex_keeps_its_serial_policy(repository: Repository) -> None:
    before = repository.rrset("@", SOA)
    repository.set("@", NS, 60, [b"\2n2\7example\3net\0"])
    repository.set("@", MX, 60, [b"\0\x14\4mail\7example\3org\0"])
    repository.set("@", SOA, 60, before.rdatas)
    serial = repository.resolve().commit.serial
    done = repository.restore_records("@", source="HEAD~3")
    assert done.serial == serial + 1
    assert {change.rtype for change in done.changes} == {NS, MX, SOA}
    assert repository.rrset("@", SOA).ttl == before.ttl
    assert len(repository.rrset("@", NS).rdatas) == 2


def test_what_is_the_same_is_no_commit(repository: Repository) -> None:
    repository.set("www", A, 60, [ONE])
    for below in (False, True):
        done = repository.restore_records("mail", source="HEAD~1", below=below)
        assert (done.new, done.change_count) == (done.old, 0)


@pytest.mark.parametrize(
    ("call", "error", "told"),
    [
        (
            lambda repo: repo.restore_records("no", source="HEAD~1"),
            NotFound,
            "no has no records there, neither now",
        ),
        (lambda repo: repo.restore_records("no", source="HEAD", below=True), NotFound, "at or below it"),
        (lambda repo: repo.restore_records("www", MX, source="HEAD~1"), NotFound, "www has no MX records there"),
        (lambda repo: repo.restore_records("www", source="absent"), NotFound, "no branch, tag or commit 'absent'"),
        (lambda repo: repo.restore_records("www", source="HEAD~9"), NotFound, "back 9 commits"),
        (lambda repo: repo.restore_records("www", source="HEAD~1", branch="x"), NotFound, "no branch x"),
        (lambda repo: repo.restore_records("www", source="HEAD~1", message=" "), UsageError, "--message is empty"),
        (lambda repo: repo.restore_records("www", A, source="HEAD~2"), InvalidZone, "cname-and-other"),
    ],
)
def test_what_is_refused_writes_nothing(
    repository: Repository, call: Callable[[Repository], object], error: type[Exception], told: str
) -> None:
    repository.delete("www", A)
    repository.set("www", 5, 60, [b"\4mail\7example\3org\0"])
    tip = repository.resolve()
    with pytest.raises(error, match=told):
        call(repository)
    assert repository.resolve() == tip


def test_another_branch_and_a_dry_run(repository: Repository) -> None:
    repository.create_branch("test")
    repository.set("www", A, 60, [ONE], branch="test")
    assert repository.restore_records("www", source="main", branch="test", dry_run=True).new is None
    repository.restore_records("www", source="main", branch="test")
    assert list(repository.diff("main", "test")) == []


def test_signatures_of_another_version_stay_away(empty: Repository) -> None:
    empty.import_zone(parsed(SIGNED), source="signed.zone")
    newer = SIGNED.replace("2026112001", "2026112101").replace("192.0.2.11", "192.0.2.12")
    empty.import_zone(parsed(newer), source="newer.zone")
    with pytest.raises(Refused, match="signed elsewhere"):
        empty.restore_records("www", source="HEAD~1")
    empty.reset("HEAD~1", signatures="unsign")
    empty.set("www", A, 60, [ONE])
    empty.restore_records("www", source="HEAD~2")
    assert [rrset.rtype for rrset in empty.rrsets_at("www")] == [A]
    empty.restore_records("www", RRSIG, source="HEAD~3", signatures="break")
    assert [rrset.rtype for rrset in empty.rrsets_at("www")] == [A, RRSIG]
