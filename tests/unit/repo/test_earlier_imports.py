"""A second import over the same version takes nothing back that the first one did, and says so."""

from repokit import ZONE, parsed
from zonegit.model.rdata import MX, SOA, A
from zonegit.repo import Change, Committed, Repository
from zonegit.repo.results import MAX_LISTED
from zonegit.zonefile.writer import write_zone

NEW = "new 60 A 192.0.2.50"


def text(repository: Repository, revision: str = "HEAD") -> str:
    return "\n".join([*write_zone(parsed(ZONE).apex, repository.rrsets(revision)), ""])


def take(repository: Repository, file: str, **more) -> Committed:
    return repository.import_zone(parsed(file), source="x.zone", **more)


def held(done: Committed) -> list[tuple[bytes, int, list[int], list[int]]]:
    return [(each.owner, each.rtype, _last(each, "old"), _last(each, "new")) for each in done.held]


def _last(change: Change, side: str) -> list[int]:
    rrset = getattr(change, side)
    return [rdata[-1] for rdata in rrset.rdatas] if rrset else []


def test_what_stays_and_what_stays_away(repository: Repository) -> None:
    """The first file adds `new`, deletes `mail` and changes one of the addresses of `www`."""
    old = text(repository)
    first = "\n".join(line for line in old.splitlines() if "192.0.2.25" not in line and "MX" not in line)
    first = first.replace("192.0.2.10", "192.0.2.110") + f"\n{NEW}\n"
    repository.set("other", A, 60, [bytes([192, 0, 2, 99])])
    assert not take(repository, first).held
    assert not take(repository, first).held
    done = take(repository, old)
    assert (done.change_count, done.new) == (0, done.old)
    assert held(done) == [
        (b"", MX, [], [0]),
        (b"\4mail", A, [], [25]),
        (b"\3new", A, [50], []),
        (b"\3www", A, [110], [10]),
    ]
    assert take(repository, old, dry_run=True).held == done.held
    repository.delete("new")
    assert b"\3new" not in [owner for owner, *_ in held(take(repository, old))]
    assert not take(repository, old, replace=True).held
    assert list(repository.diff("HEAD", "serial=2026112001")) == []


def test_beside_what_the_second_file_changes(repository: Repository) -> None:
    old = text(repository)
    repository.set("other", A, 60, [bytes([192, 0, 2, 99])])
    take(repository, f"{old}{NEW}\n")
    done = take(repository, f"{old}next 60 A 192.0.2.51\n")
    assert done.change_count == 1
    assert held(done) == [(b"\3new", A, [50], [])]


def test_others_commits_and_imports_over_other_versions_are_none(repository: Repository) -> None:
    old = text(repository)
    repository.set("other", A, 60, [bytes([192, 0, 2, 99])])
    second = text(repository)
    repository.set("more", A, 60, [bytes([192, 0, 2, 98])])
    take(repository, f"{second}{NEW}\n")
    assert take(repository, old).held == []
    assert held(take(repository, second)) == [(b"\3new", A, [50], [])]


def test_an_soa_has_the_serial_of_the_tip(repository: Repository) -> None:
    old = text(repository)
    repository.set("other", A, 60, [bytes([192, 0, 2, 99])])
    take(repository, old.replace("7200", "7201"))
    (found,) = take(repository, old).held
    assert found.rtype == SOA
    assert found.old
    assert found.old.rdatas[0][-20:-16] == repository.resolve().commit.serial.to_bytes(4, "big")


def test_at_most_so_many_are_listed(repository: Repository) -> None:
    old = text(repository)
    repository.set("other", A, 60, [bytes([192, 0, 2, 99])])
    take(repository, old + "".join(f"n{number} 60 A 192.0.2.50\n" for number in range(MAX_LISTED + 5)))
    assert len(take(repository, old).held) == MAX_LISTED


def test_the_first_import_may_have_replaced_the_very_version(repository: Repository) -> None:
    """A program's file: at its first import its serial is the tip's, and later an older one."""
    old = text(repository)
    assert take(repository, f"{old}{NEW}\n").merged_over is None
    done = take(repository, old)
    assert done.change_count == 0
    assert held(done) == [(b"\3new", A, [50], [])]
