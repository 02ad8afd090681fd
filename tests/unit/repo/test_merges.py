"""Merges, where the command's tests don't reach: peers, signatures, serials, other writers, damaged states."""

from base64 import b64encode

import pytest

from repokit import ZONE, parsed
from zonegit.errors import CorruptStore, InvalidZone, MergeConflict, NotFound, Refused
from zonegit.model import refs
from zonegit.model.rdata import CNAME, MX, RRSIG, SOA, A
from zonegit.repo import Repository, combining, merges
from zonegit.repo.mirrors import mirror_setting
from zonegit.repo.position import merge_setting
from zonegit.store.port import RefUpdate
from zonegit.zonefile.text import parse_rdata

KEY = b64encode(bytes(64)).decode()
SIGNED = f"{ZONE}@ RRSIG SOA 13 2 300 20270101000000 20261101000000 1 @ {KEY}\n"


def address(last: int) -> list[bytes]:
    return [bytes([192, 0, 2, last])]


def setting(repository: Repository, name: str, value: bytes | None) -> None:
    with repository._store.write() as writer:
        writer.set_setting(name, value)


def begun_anew(repository: Repository, text: str) -> str:
    """Have the zone begin a second time, on the branch `main`; returns what it was before, the branch `other`."""
    old = repository.resolve().id.hex()
    repository.remove_zone("example.org")
    repository.import_zone(parsed(text), source="again.zone")
    repository.create_branch("other", old)
    return "other"


@pytest.fixture
def apart(repository: Repository) -> Repository:
    """Branches `main` and `feature` that both changed `www`; `feature` has a host of its own."""
    repository.create_branch("feature")
    repository.set("www", A, 60, address(1), who="Ada")
    repository.set("www", A, 60, address(2), branch="feature", who="Bob")
    repository.set("new", A, 60, address(3), branch="feature", who="Bob")
    return repository


def test_histories_that_began_apart_are_refused(repository: Repository) -> None:
    begun_anew(repository, ZONE)
    with pytest.raises(Refused, match="no common ancestor"):
        repository.merge("other")
    assert repository.unfinished() is None


def test_a_first_commit_can_be_picked_onto_another_history(repository: Repository) -> None:
    first = begun_anew(repository, ZONE.replace("www 300 IN A 192.0.2.11", "more IN A 192.0.2.99"))
    (done,) = repository.cherry_pick(first)
    assert [(change.owner, change.old is None) for change in done.changes] == [(b"\3www", False)]
    assert len(repository.rrset("www", A).rdatas) == 2


def test_names_stand_in_messages(repository: Repository) -> None:
    tip = repository.set("www", A, 60, address(1), branch="main").new
    assert tip
    with repository._store.write() as writer:
        name = refs.remote("p1", "example.org.", "main")
        writer.move_refs([RefUpdate(name, None, tip)], repository._context.stamp("Ada"), "fetch")
    repository.create_tag("v1")
    for number, (called, message) in enumerate(
        [
            ("p1/main", "Merge remote-tracking branch 'p1/main' into b0"),
            ("v1", "Merge tag 'v1' into b1"),
            ("main", "Merge branch 'main' into b2"),
            ("HEAD~0", "Merge commit 'HEAD~0' into b3"),
        ]
    ):
        repository.create_branch(f"b{number}", "HEAD~1")
        repository.merge(called, branch=f"b{number}", ff="never")
        assert repository.resolve(f"b{number}").commit.message == message
        assert next(repository.reflog(f"b{number}")).reason == f"merge {called}: {message}"


def test_a_mirrored_zone_is_refused(apart: Repository) -> None:
    setting(apart, mirror_setting("example.org."), b"p1")
    for call in (
        lambda: apart.merge("feature"),
        lambda: apart.revert("HEAD"),
        lambda: apart.cherry_pick("feature"),
    ):
        with pytest.raises(Refused, match="mirrored from p1"):
            call()
    assert apart.unfinished() is None


def test_signed_zones_follow_the_rules_of_writing(empty: Repository) -> None:
    empty.import_zone(parsed(SIGNED), source="signed.zone")
    empty.create_branch("feature")
    empty.create_branch("unsigned")
    newer = SIGNED.replace("2026112001", "2026112002")
    empty.import_zone(parsed(f"{newer}new IN A 192.0.2.3\n"), source="signed.zone", branch="feature")
    empty.set("other", A, 60, address(4), branch="unsigned", signatures="unsign")
    with pytest.raises(Refused, match="unsigned isn't"):
        empty.merge("unsigned")
    with pytest.raises(Refused, match="signed elsewhere"):
        empty.merge("feature", ff="never")
    with pytest.raises(Refused, match="signed elsewhere"):
        empty.merge("feature", branch="unsigned")
    assert empty.unfinished() is None
    assert empty.merge("feature").new == empty.resolve("feature").id
    done = empty.merge("unsigned", signatures="unsign")
    assert done.new == empty.resolve("main").id
    types = {rrset.rtype for rrset in empty.rrsets()}
    assert RRSIG not in types
    assert len(empty.rrsets_at("new")) == len(empty.rrsets_at("other")) == 1


def test_what_was_said_of_signatures_holds_when_it_goes_on(empty: Repository) -> None:
    empty.import_zone(parsed(SIGNED), source="signed.zone")
    empty.create_branch("feature")
    empty.set("www", A, 60, address(1), signatures="unsign")
    newer = SIGNED.replace("2026112001", "2026112002").replace("192.0.2.10", "192.0.2.12")
    empty.import_zone(parsed(newer), source="signed.zone", branch="feature")
    with pytest.raises(MergeConflict):
        empty.merge("feature", signatures="unsign")
    left = empty.unfinished()
    assert left is not None
    assert [each.owner for each in left.left] == [b"\3www"]
    empty.continue_stopped("merge", [("www", A, "theirs")])
    assert RRSIG not in {rrset.rtype for rrset in empty.rrsets()}


def test_a_serial_that_secondaries_would_not_take_is_no_fast_forward(repository: Repository) -> None:
    repository.create_branch("far")
    origin = b"\7example\3org\0"
    serial = repository.resolve().commit.serial
    for _ in range(2):
        serial = (serial + 2**31 - 1) % 2**32
        soa = parse_rdata(SOA, [f"ns1 hostmaster {serial} 7200 900 1209600 300"], origin)
        assert repository.set("@", SOA, 60, [soa], branch="far").serial == serial
    with pytest.raises(Refused, match="isn't ahead"):
        repository.merge("far", ff="only")
    before = repository.resolve().commit.serial
    done = repository.merge("far")
    assert 0 < (done.serial - before) % 2**32 < 2**31
    assert len(repository.resolve().commit.parents) == 2


def test_conflicts_name_who_changed_what(apart: Repository) -> None:
    with pytest.raises(MergeConflict) as conflict:
        apart.merge("feature")
    (each,) = conflict.value.conflicts
    assert (each.owner, each.ours_by.commit.author.name, each.theirs_by.commit.author.name) == (
        b"\3www",
        "Ada",
        "Bob",
    )
    left = apart.unfinished()
    assert left is not None
    assert (left.left, left.together, left.problem) == ([each], [], "")


def test_it_is_looked_up_for_a_hundred_conflicts_who_changed_what(repository: Repository) -> None:
    repository.create_branch("feature")
    for branch, ttl in (("main", 60), ("feature", 90)):
        hosts = "".join(f"h{number:03} {ttl} IN A 192.0.2.1\n" for number in range(102))
        repository.import_zone(parsed(ZONE + hosts), source="test.zone", branch=branch)
    with pytest.raises(MergeConflict, match=r"102 conflicts: h000.example.org. A, .* and 99 more") as conflict:
        repository.merge("feature")
    assert [each.ours_by is None for each in conflict.value.conflicts] == [False] * 100 + [True] * 2


def test_each_user_of_a_shared_repository_has_one(apart: Repository) -> None:
    apart.path.chmod(0o770)
    with Repository.open(apart.path) as shared:
        with pytest.raises(MergeConflict):
            shared.merge("feature")
        assert shared.unfinished() is not None
        with shared._store.read() as reader:
            assert reader.setting("MERGE") is None
    assert apart.unfinished() is None


def test_it_goes_on_though_the_merged_branch_is_gone(apart: Repository) -> None:
    with pytest.raises(MergeConflict):
        apart.merge("feature")
    apart.delete_branch("feature", force=True)
    (done,) = apart.continue_stopped("merge", [("www", A, "theirs")])
    assert done.new == apart.resolve().id
    assert apart.rrset("www", A).rdatas == tuple(address(2))


def test_it_ends_where_somebody_else_merged_the_same(apart: Repository) -> None:
    with pytest.raises(MergeConflict):
        apart.merge("feature")
    with apart._store.read() as reader:
        kept = reader.setting("MERGE")
    setting(apart, "MERGE", None)
    tip = apart.merge("feature", prefer="ours").new
    setting(apart, "MERGE", kept)
    (done,) = apart.continue_stopped("merge")
    assert (done.old, done.new) == (tip, tip)
    assert apart.unfinished() is None


def test_a_state_that_was_changed_on_disk_can_be_forgotten(apart: Repository) -> None:
    setting(apart, merge_setting("HEAD"), b"{")
    for call in (apart.unfinished, lambda: apart.merge("feature"), lambda: apart.continue_stopped("merge")):
        with pytest.raises(CorruptStore, match="--abort"):
            call()
    apart.abort_stopped("merge")
    assert apart.unfinished() is None
    with pytest.raises(NotFound):
        apart.abort_stopped("merge")


def test_a_merge_is_made_again_where_the_tip_moved_meanwhile(
    apart: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    draft_plan = combining.draft_plan

    def meanwhile(context, plan, ours):
        draft = draft_plan(context, plan, ours)
        if len(made) < 2:
            made.append(apart.set(f"meanwhile{len(made)}", A, 60, address(9)).new)
        return draft

    monkeypatch.setattr(combining, "draft_plan", meanwhile)
    done = apart.merge("feature", prefer="theirs")
    assert done.old == made[-1]
    assert (
        len(apart.rrsets_at("meanwhile0")) == len(apart.rrsets_at("meanwhile1")) == len(apart.rrsets_at("new")) == 1
    )


def test_one_side_for_all_is_kept_where_both_are_broken_together(apart: Repository) -> None:
    apart.set("@", MX, 60, [b"\0\n\5alias\7example\3org\0"])
    apart.set("alias", CNAME, 60, [b"\3www\7example\3org\0"], branch="feature")
    with pytest.raises(MergeConflict, match="mx-cname"):
        apart.merge("feature", prefer="theirs")
    apart.delete("@", MX)
    apart.continue_stopped("merge")
    assert apart.rrset("www", A).rdatas == tuple(address(2))


def test_a_commit_that_came_between_is_no_answer_to_a_conflict(
    apart: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    message_of = merges.message_of

    def meanwhile(*arguments):
        made.append(apart.set("www", A, 60, address(7)).new)
        return message_of(*arguments)

    monkeypatch.setattr(merges, "message_of", meanwhile)
    for call in (lambda: apart.merge("feature"), lambda: apart.continue_stopped("merge")):
        with pytest.raises(MergeConflict) as conflict:
            call()
        assert conflict.value.conflicts[0].ours.rdatas == tuple(address(7))
    assert len(made) == 1


def test_a_fast_forward_that_meets_another_commit_becomes_a_merge(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.create_branch("feature")
    repository.set("new", A, 60, address(3), branch="feature")
    made = []
    move = merges.move

    def meanwhile(*arguments):
        if not made:
            made.append(repository.set("meanwhile", A, 60, address(9)).new)
        move(*arguments)

    monkeypatch.setattr(merges, "move", meanwhile)
    done = repository.merge("feature")
    assert done.old == made[0]
    assert len(repository.resolve().commit.parents) == 2


def test_a_dry_run_keeps_nothing_of_a_conflict(apart: Repository) -> None:
    with pytest.raises(MergeConflict):
        apart.merge("feature", dry_run=True)
    assert apart.unfinished() is None
    done = apart.merge("feature", dry_run=True, prefer="theirs")
    assert (done.new, done.change_count) == (None, 2)


def test_strict_checks_refuse_a_merge_and_stop_nothing(repository: Repository) -> None:
    repository.create_branch("feature")
    repository.set("alias", 5, 60, [b"\3www\7example\3org\0"], branch="feature")
    repository.set("@", 15, 60, [b"\0\n\5alias\7example\3org\0"], branch="feature")
    repository.set("www", A, 60, address(1))
    with pytest.raises(InvalidZone, match="mx-cname"):
        repository.merge("feature", strict=["mx-cname"])
    assert repository.unfinished() is None
    assert repository.merge("feature").change_count == 2, "that warning is true of one side"
