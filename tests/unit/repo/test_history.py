"""log, diff, blame, reflog, branches, tags, reset, and the revisions that name commits."""

import pytest

from repokit import Clock
from zonegit.errors import Conflict, InvalidName, NotFound, Refused, RevisionError
from zonegit.model.ids import short
from zonegit.model.rdata import MX, TXT, A
from zonegit.repo import Repository
from zonegit.repo.dates import parse_when
from zonegit.store.reader import StoreReader

ADDRESSES = [bytes([198, 51, 100, last]) for last in range(5)]


@pytest.fixture
def moved(repository: Repository, clock: Clock) -> Repository:
    """Five commits, an hour apart: the import, and www moved four times."""
    for address in ADDRESSES[:4]:
        clock.now += 3600
        repository.set("www", A, 300, [address])
    return repository


def test_log_is_newest_first_and_can_follow_a_name(moved: Repository) -> None:
    moved.set("mail", A, 60, [ADDRESSES[4]])
    seqs = [revision.commit.seq for revision in moved.log()]
    assert seqs == sorted(seqs, reverse=True) and len(seqs) == 6
    assert len(list(moved.log(name="www"))) == 5
    assert len(list(moved.log(name="www", rtype=A))) == 5
    assert list(moved.log(name="www", rtype=TXT)) == []
    assert len(list(moved.log(name="mail"))) == 2
    assert list(moved.log(name="nothing")) == []


def test_revisions_of_every_kind_name_the_same_commit(moved: Repository) -> None:
    target = moved.resolve("HEAD~2")
    moved.create_tag("v1", "HEAD~2")
    moved.create_tag("v2", "HEAD~2", message="two")
    moved.create_branch("old", "HEAD~2")
    for text in [
        "main~2",
        "HEAD~1~1",
        "HEAD^^",
        "HEAD^1~1",
        "@~2",
        "v1",
        "v2",
        "old",
        "old~0",
        short(target.id),
        target.id.hex(),
        f"serial={target.commit.serial}",
        "main@{2}",
        "@{2}",
        "main@{2 hours ago}",
        "main@{2.hours.ago}",
    ]:
        assert moved.resolve(text) == target, text


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("nothing", NotFound),
        ("HEAD~9", NotFound),
        ("HEAD^2", NotFound),
        ("main@{9}", NotFound),
        ("main@{1990-01-01}", NotFound),
        ("v1@{1}", NotFound),
        ("serial=1", NotFound),
        ("ffffffffffff", NotFound),
        ("f" * 64, NotFound),
        ("peer/main", NotFound),
        ("", RevisionError),
        ("main@{next tuesday}", RevisionError),
        ("main@{", RevisionError),
        ("{}", RevisionError),
        ("HEAD~1x", RevisionError),
    ],
)
def test_revisions_that_name_nothing_or_cant_be_read(moved: Repository, text: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        moved.resolve(text)


def test_first_digits_mean_a_commit(moved: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    tip = moved.resolve()
    monkeypatch.setattr(StoreReader, "find", lambda self, prefix: iter((tip.commit.zone_root, tip.id)))
    assert moved.resolve("beef") == tip


def test_a_revision_of_another_zone_is_told(moved: Repository) -> None:
    other = moved.add_zone("example.net").new
    assert other
    with pytest.raises(NotFound, match=r"--zone example\.net\."):
        moved.resolve(other.hex())
    assert moved.resolve(other.hex(), zone="example.net").commit.zone == "example.net."


def test_diff_between_any_two_versions(moved: Repository) -> None:
    [change] = moved.diff("HEAD~1", "HEAD")
    assert change.old and change.new
    assert (change.old.rdatas, change.new.rdatas) == ((ADDRESSES[2],), (ADDRESSES[3],))
    assert list(moved.diff("HEAD", "HEAD")) == []
    assert [change.owner for change in moved.changes("HEAD")] == [b"\3www"]
    assert len(list(moved.changes("HEAD~4"))) == 6


def test_blame_names_the_commit_that_put_each_record_there(repository: Repository) -> None:
    first = repository.resolve().id
    repository.add("www", A, None, [ADDRESSES[0]], message="one more")
    added = repository.resolve().id
    repository.set("mail", A, 60, [ADDRESSES[1]])
    assert [(blame.rdata[3], blame.revision.id) for blame in repository.blame("www")] == [
        (10, first),
        (11, first),
        (0, added),
    ]
    repository.delete("www", A, [ADDRESSES[0]])
    repository.add("www", A, None, [ADDRESSES[0]])
    assert repository.blame("www", A)[-1].revision.id == repository.resolve().id
    assert [blame.rtype for blame in repository.blame("@", MX)] == [MX]
    with pytest.raises(NotFound):
        repository.blame("nothing")


def test_branches_are_edited_apart(moved: Repository) -> None:
    moved.checkout("staging", create=True)
    moved.set("www", A, 60, [ADDRESSES[4]])
    assert moved.rrset("www", A).rdatas == (ADDRESSES[4],)
    assert moved.rrset("www", A, "main").rdatas == (ADDRESSES[3],)
    assert set(moved.branches()) == {"main", "staging"}
    with pytest.raises(Refused, match="checkout"):
        moved.delete_branch("staging")
    with pytest.raises(Conflict):
        moved.create_branch("staging")
    moved.checkout("main")
    tip = moved.branches()["staging"]
    with pytest.raises(Refused, match="1 commit that main lacks"):
        moved.delete_branch("staging")
    assert moved.delete_branch("staging", force=True) == tip
    with pytest.raises(Refused, match="only branch"):
        moved.add_zone("example.net")
        moved.switch_zone("example.net")
        moved.delete_branch("main", zone="example.org")
    with pytest.raises(NotFound):
        moved.checkout("staging", zone="example.org")
    with pytest.raises(InvalidName):
        moved.create_branch("Bad Name")


def test_the_branch_that_head_names_is_meant_by_its_zones_name_too(moved: Repository) -> None:
    moved.checkout("staging", create=True, start="HEAD~1")
    assert moved.position("example.org") == moved.position()
    assert moved.resolve("HEAD", zone="example.org") == moved.resolve("staging")
    moved.add_zone("example.net")
    assert moved.position("example.net").branch == "main"


def test_tags_are_named_once_and_deleted(moved: Repository) -> None:
    moved.create_tag("v1", message="a release")
    assert moved.tags() == {"v1": moved.resolve().id}
    with pytest.raises(Conflict):
        moved.create_tag("v1")
    moved.delete_tag("v1")
    assert moved.tags() == {}
    with pytest.raises(NotFound):
        moved.delete_tag("v1")


def test_reset_gives_back_the_content_under_a_higher_serial(moved: Repository) -> None:
    wanted = moved.resolve("HEAD~3")
    before = moved.resolve()
    done = moved.reset("HEAD~3")
    tip = moved.resolve()
    assert tip.id == done.new
    assert tip.commit.zone_root == wanted.commit.zone_root
    assert tip.commit.parents == (wanted.id,)
    assert tip.commit.serial == before.commit.serial + 1
    assert moved.resolve("main@{1}").id == before.id
    moved.reset("main@{1}")
    assert moved.rrset("www", A).rdatas == (ADDRESSES[3],)


def test_reset_forward_is_a_plain_move(moved: Repository) -> None:
    moved.create_branch("behind", "HEAD~2")
    moved.reset("main", branch="behind")
    assert moved.resolve("behind") == moved.resolve("main")


def test_reflog_tells_every_move(moved: Repository) -> None:
    entries = list(moved.reflog())
    assert [entry.number for entry in entries] == [0, 1, 2, 3, 4]
    assert entries[0].new == moved.resolve().id and entries[-1].old is None
    assert entries[0].reason == "commit: set www A" and entries[-1].reason.startswith("import: ")


def test_times_in_words_and_in_iso() -> None:
    now = 1_767_225_600.0
    assert parse_when("2 hours ago", now) == now - 7200
    assert parse_when("1.day.ago", now) == now - 86400
    assert parse_when("yesterday", now) == now - 86400
    assert parse_when("2026-01-01T00:00:00+00:00", now) == now
    for text in ["", "soon", "-1 hours ago", "2026-13-01", "99999999999 years ago"]:
        with pytest.raises(RevisionError):
            parse_when(text, now)
