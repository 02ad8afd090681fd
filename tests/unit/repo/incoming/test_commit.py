"""Transfers from other servers become commits: one for each serial, with exactly its content."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from incomingkit import SERVER, steps, text_of, whole
from repokit import Clock
from zonegit.errors import Conflict, DifferenceUnfit, Refused, SerialBehind, TransferError
from zonegit.model.rdata import A
from zonegit.repo import Repository
from zonegit.repo.context import Context
from zonegit.repo.incoming.commit import Arrival, arrival, store_arrivals
from zonegit.repo.incoming.state import TransferState, keep_states
from zonegit.repo.incoming.values import Differences, WholeZone
from zonegit.repo.results import Position
from zonegit.store.lmdb import LmdbStore
from zonegit.tree.walk import entries

PLACE = Position("example.org.", "main")
ONE = text_of(5, "www A 192.0.2.1")
TWO = text_of(6, "www A 192.0.2.1", "www A 192.0.2.2")
THREE = text_of(9, "mail A 192.0.2.3")


class Here:
    """A repository that transfers arrive in."""

    def __init__(self, path: Path) -> None:
        self.repository = Repository.init(path, now=Clock())
        self.store = LmdbStore.open(path)
        self.context = Context.over(self.store, Clock())

    def take(self, brought: WholeZone | Differences, *, any_serial: bool = False) -> Arrival:
        found = arrival(self.context, PLACE, brought, SERVER, any_serial=any_serial)
        store_arrivals(self.context, [found])
        return found

    def served(self, text: str) -> None:
        """Assert that the tip is exactly this zone."""
        expected = whole(text)
        content = self.context.tip(PLACE)
        assert list(entries(content.tree.nodes, content.tree.root)) == expected.entries
        assert content.revision.commit.serial == expected.serial

    def log(self) -> list[tuple[int, str, str]]:
        found = self.repository.log("main", zone="example.org.")
        return [(each.commit.serial, each.commit.author.name, each.commit.subject) for each in found]


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Here]:
    made = Here(tmp_path / "repo")
    yield made
    made.store.close()
    made.repository.close()


def test_a_whole_zone_begins_the_history(here: Here) -> None:
    found = here.take(whole(ONE))
    here.served(ONE)
    assert (found.old_serial, found.versions, found.whole) == (None, 1, True)
    assert here.log() == [(5, "192.0.2.1 <axfr@192.0.2.1>", "AXFR from 192.0.2.1")]


def test_each_difference_is_a_commit_and_the_branch_moves_once(here: Here) -> None:
    here.take(whole(ONE))
    found = here.take(steps(ONE, TWO, THREE))
    here.served(THREE)
    assert (found.old_serial, found.versions, found.whole) == (5, 2, False)
    assert [serial for serial, _, _ in here.log()] == [9, 6, 5]
    assert [each.reason for each in here.repository.reflog("main", zone="example.org.")] == [
        "transfer: 2 versions IXFR from 192.0.2.1",
        "transfer: AXFR from 192.0.2.1",
    ]
    assert [len(list(here.repository.diff(f"HEAD~{n + 1}", f"HEAD~{n}"))) for n in range(2)] == [2, 1]


def test_a_whole_zone_over_another_one_changes_what_differs(here: Here) -> None:
    here.take(whole(ONE))
    assert here.take(whole(TWO)).ready.done.change_count == 1
    here.served(TWO)


def test_equal_content_moves_only_the_serial(here: Here) -> None:
    here.take(whole(ONE))
    before = here.context.tip(PLACE).tree.root
    here.take(whole(ONE.replace(" 5 ", " 8 ")))
    assert here.context.tip(PLACE).tree.root == before
    assert [serial for serial, _, _ in here.log()] == [8, 5]


def test_the_same_version_again_changes_nothing(here: Here) -> None:
    here.take(whole(ONE))
    assert here.take(whole(ONE)).versions == 0
    assert len(here.log()) == 1


@pytest.mark.parametrize(("old", "new"), [(0xFFFFFFFF, 0), (0xFFFFFFFE, 3), (0, 0x7FFFFFFF)])
def test_serials_are_exactly_those_of_the_primary_and_roll_over(here: Here, old: int, new: int) -> None:
    here.take(whole(ONE.replace(" 5 ", f" {old} ")))
    here.take(whole(TWO.replace(" 6 ", f" {new} ")))
    assert [serial for serial, _, _ in here.log()] == [new, old]
    seqs = [each.commit.seq for each in here.repository.log("main", zone="example.org.")]
    assert seqs[0] > seqs[1]


@pytest.mark.parametrize(("serial", "says"), [(4, "serial 4, which isn't ahead of 5 here"), (5, "same serial")])
def test_a_serial_that_is_not_ahead_is_refused_unless_it_is_wanted(here: Here, serial: int, says: str) -> None:
    here.take(whole(ONE))
    behind = whole(THREE.replace(" 9 ", f" {serial} "))
    with pytest.raises(SerialBehind, match=says):
        here.take(behind)
    here.served(ONE)
    here.take(behind, any_serial=True)
    here.served(THREE.replace(" 9 ", f" {serial} "))


def test_differences_to_another_version_are_unfit(here: Here) -> None:
    here.take(whole(ONE))
    with pytest.raises(DifferenceUnfit):
        here.take(steps(TWO, THREE))
    with pytest.raises(DifferenceUnfit):
        here.take(steps(TWO.replace(" 6 ", " 5 "), THREE))
    here.served(ONE)


def test_an_error_in_the_zone_is_served_and_said(here: Here) -> None:
    here.take(whole(ONE))
    entries = dict(whole(text_of(6, "www A 192.0.2.1")).entries + whole(text_of(6, "www CNAME mail")).entries)
    here.take(WholeZone(whole(ONE).apex, 6, sorted(entries.items()), 5))
    message = here.context.tip(PLACE).revision.commit.message
    assert message.startswith("AXFR from 192.0.2.1\n\nThe zone has errors, and is served as it is there:\n")
    assert "[cname-and-other]" in message


def test_what_cannot_be_served_is_refused(here: Here) -> None:
    here.take(whole(ONE))
    without_soa = whole(TWO)._replace(entries=whole(TWO).entries[2:])
    with pytest.raises(TransferError, match=r"example\.org\. would hold no SOA record at the apex"):
        here.take(without_soa)
    with pytest.raises(TransferError, match=r"example\.org\. would have no NS record at its apex"):
        here.take(whole(text_of(6, "www A 192.0.2.1", ns=False)))
    here.served(ONE)


def test_what_moved_meanwhile_is_a_conflict(here: Here) -> None:
    here.take(whole(ONE))
    late = arrival(here.context, PLACE, whole(THREE), SERVER)
    here.take(whole(TWO))
    with pytest.raises(Conflict):
        store_arrivals(here.context, [late])
    here.served(TWO)


def test_a_branch_that_was_removed_continues_above_its_serial(here: Here) -> None:
    here.take(whole(TWO))
    here.repository.remove_zone("example.org.")
    with pytest.raises(SerialBehind):
        here.take(whole(ONE))
    here.take(whole(THREE))
    here.served(THREE)


@pytest.fixture
def transferred(here: Here) -> Here:
    here.take(whole(ONE))
    with here.store.write() as writer:
        keep_states(writer, {PLACE.zone: TransferState("main", ("192.0.2.1:53",))})
    return here


def test_the_branch_is_written_by_transfers_only(transferred: Here) -> None:
    repository = transferred.repository
    expected = r"example\.org\. main is transferred from 192\.0\.2\.1:53: make the change there, or on a branch"
    calls = [
        lambda: repository.set("www", A, 60, [bytes(4)]),
        lambda: repository.delete("www"),
        lambda: repository.reset("HEAD"),
        lambda: repository.undo(),
        lambda: repository.revert("HEAD"),
        lambda: repository.rename_branch("old"),
    ]
    for call in calls:
        with pytest.raises(Refused, match=expected):
            call()
    with pytest.raises(Refused, match="first remove its 'primaries'"):
        repository.remove_zone("example.org.")
    transferred.served(ONE)


def test_other_branches_may_be_written(transferred: Here) -> None:
    repository = transferred.repository
    repository.create_branch("draft")
    repository.set("www", A, 60, [bytes(4)], branch="draft")
    repository.create_tag("seen")
    repository.delete_branch("draft", force=True)
    transferred.take(whole(TWO))
    transferred.served(TWO)


def test_a_zone_without_primaries_is_writable_again(transferred: Here) -> None:
    with transferred.store.write() as writer:
        keep_states(writer, {PLACE.zone: None})
    assert transferred.repository.set("www", A, 60, [bytes(4)]).serial == 6


def test_what_a_later_zonegit_knows_of_a_transfer_is_left_out(transferred: Here) -> None:
    with transferred.store.write() as writer:
        writer.set_setting("transfer/example.org.", b'{"branch": "main", "primaries": ["192.0.2.1:53"], "new": 1}')
    assert transferred.repository.transfer_state("example.org.") == TransferState("main", ("192.0.2.1:53",))
