"""The gate and published versions, through `Repository`."""

from pathlib import Path

import pytest

from publishkit import ORG, Node
from repokit import ZONE, parsed
from storekit import SOA, version
from zonegit.model.commit import Stamp
from zonegit.model.names import Owner
from zonegit.model.rdata import CNAME, A
from zonegit.model.refs import head
from zonegit.model.rrset import RRset
from zonegit.repo.publishing.policy import PublishPolicy, Reason
from zonegit.repo.publishing.reading import Publication
from zonegit.store.fsck import fsck
from zonegit.store.port import RefUpdate


def test_the_first_version_is_the_tip_as_it_is(node: Node) -> None:
    node.complaint = "no"
    before = node.served()
    done = node.publish(PublishPolicy(validator=("check",)))
    assert done.held is None
    assert not node.asked, "it was served until then"
    after = node.served()
    assert before and after and (after.zone_root, after.serial) == (before.zone_root, before.serial)
    assert after.parents == () and after.author.name.startswith("zonegit-publisher <")


def test_a_commit_is_published_and_history_has_no_trace_of_it(node: Node) -> None:
    node.publish()
    tip = node.set("www", 7)
    assert node.served_from() != tip
    node.publish()
    assert node.served_from() == tip
    assert [each.commit.publishes for each in node.repository.log(zone=ORG)] == [None, None]


def test_a_dry_run_tells_and_moves_nothing(node: Node) -> None:
    node.publish()
    first = node.served_from()
    tip = node.set("www", 7)
    done = node.publish(dry_run=True)
    assert done.released is not None and done.released.id.hex() == tip
    assert node.served_from() == first
    node.complaint = "bad\n"
    held = node.publish(PublishPolicy(validator=("check",)), dry_run=True).held
    assert held is not None and node.repository.publications()[0].held is None


def test_what_the_validator_refuses_waits_and_a_correction_is_enough(node: Node) -> None:
    policy = PublishPolicy(validator=("check",))
    node.publish(policy)
    first = node.served_from()
    tip = node.set("www", 7)
    node.complaint = "it is wrong"
    held = node.publish(policy).held
    assert held is not None and (held.reason, held.detail, held.commit.hex()) == (
        Reason.VALIDATOR,
        "it is wrong",
        tip,
    )
    assert node.served_from() == first
    assert node.repository.publications() == [
        Publication(ORG, "main", node.repository.publications()[0].published, held)
    ]
    node.complaint = None
    corrected = node.set("www", 8)
    assert node.publish(policy).held is None
    assert node.served_from() == corrected
    assert node.repository.publications()[0].held is None


def test_what_is_published_is_the_newest_commit_that_passes(node: Node) -> None:
    policy = PublishPolicy(max_deletes=1)
    node.publish(policy)
    good = node.set("new", 1)
    node.repository.delete("www", zone=ORG)
    held = node.publish(policy).held
    assert held is not None and held.reason is Reason.DELETES
    assert held.detail == "2 records would be deleted; the limit is 1"
    assert node.served_from() == good


@pytest.mark.parametrize("note", [b"\xff", b"{}", b'{"commit": 1}', b'{"reason": "of-a-later-version"}'])
def test_a_note_that_can_not_be_read_holds_nothing(node: Node, note: bytes) -> None:
    node.publish()
    with node.store.write() as writer:
        writer.set_setting(f"publish/{ORG}/main", note)
    tip = node.set("www", 7)
    assert node.publish().held is None
    assert node.served_from() == tip
    assert node.repository.publications()[0].held is None


def test_a_time_of_39_digits_waits(node: Node) -> None:
    node.publish()
    node.set("www", 7, not_before=int("9" * 39))
    held = node.publish().held
    assert held is not None and held.until == int("9" * 39)
    assert node.repository.publications()[0].held == held


def test_a_share_of_the_records_may_change(node: Node) -> None:
    policy = PublishPolicy(max_change_percent=25)
    node.publish(policy)
    node.set("a", 1)
    assert node.publish(policy).held is None
    node.repository.set("www", A, 301, [bytes([192, 0, 2, 10]), bytes([192, 0, 2, 11])], zone=ORG)
    assert node.publish(policy).held is None, "two records with another TTL, of nine"
    node.repository.set("www", A, 302, [bytes([192, 0, 2, 10]), bytes([192, 0, 2, 12])], zone=ORG)
    held = node.publish(policy).held
    assert held is not None and held.detail == "3 records would change, of 9 that are served; the limit is 25 %"


def test_the_way_back_is_never_locked(node: Node) -> None:
    policy = PublishPolicy(validator=("check",), max_deletes=0)
    node.publish(policy)
    node.complaint = "no"
    node.set("www", 7, not_before=int(node.clock.now) + 1000)
    assert node.publish(policy).held is not None
    back = node.repository.revert("HEAD", zone=ORG)
    assert back is not None
    assert node.publish(policy).held is None
    tip = node.repository.resolve("main", zone=ORG)
    assert node.served_from() == tip.id.hex()
    node.complaint = None
    later = node.set("mail", 9)
    assert node.publish(policy._replace(max_deletes=1)).held is None
    assert node.served_from() == later


def test_a_commit_waits_for_its_time_and_the_ones_after_it_wait_with_it(node: Node) -> None:
    node.publish()
    first = node.served_from()
    start = int(node.clock.now) + 60
    timed = node.set("www", 7, not_before=start)
    after = node.set("mail", 9)
    held = node.publish().held
    assert held is not None and (held.reason, held.commit.hex(), held.until) == (Reason.NOT_BEFORE, timed, start)
    assert node.served_from() == first
    node.clock.now = start
    assert node.publish().held is None
    assert node.served_from() == after


def test_errors_hold_a_commit_that_came_in_unchecked(node: Node) -> None:
    node.publish()
    first = node.served_from()
    tip = node.repository.resolve("main", zone=ORG)
    alias = RRset.of(Owner(b"\4mail"), CNAME, 60, [b"\3www\7example\3org\0"])
    commit, objects = version(
        [SOA, *list(node.repository.rrsets(zone=ORG))[1:], alias],
        {tip.id: tip.commit.generation},
        tip.commit.seq + 1,
    )
    with node.store.write() as writer:
        writer.insert(objects)
        writer.move_refs([RefUpdate(head(ORG, "main"), tip.id, commit)], Stamp("Eve", 1), "pull: test")
    held = node.publish().held
    assert held is not None and held.reason is Reason.CHECKS and "mail: " in held.detail
    assert node.served_from() == first


def test_a_branch_that_begins_under_a_policy_shows_nothing_until_it_passes(tmp_path: Path) -> None:
    node = Node(tmp_path / "other")
    node.repository.remove_zone(ORG)
    policy = PublishPolicy(validator=("check",))
    assert node.publish(policy).published is not None
    node.complaint = "no"
    node.repository.import_zone(parsed(ZONE), source="test.zone")
    held = node.publish(policy).held
    assert held is not None and node.asked and node.asked[-1].old is None
    assert node.served() is None
    node.complaint = None
    node.publish(policy)
    assert node.served_from() == node.repository.resolve("main", zone=ORG).id.hex()
    node.repository.close()


def test_a_removed_zone_is_served_no_longer(node: Node) -> None:
    node.publish()
    node.repository.remove_zone(ORG)
    assert node.served() is not None, "until the publisher looks"
    node.publish()
    assert node.served() is None


def test_a_tombstone_passes_the_gate_or_waits(node: Node) -> None:
    node.publish()
    node.repository.remove_zone(ORG, tombstone=True)
    held = node.publish(PublishPolicy(max_deletes=3)).held
    assert held is not None and held.detail == "8 records would be deleted; the limit is 3"
    assert node.served() is not None
    node.publish()
    assert node.served() is None


def test_switching_a_policy_off_serves_the_tip_with_a_serial_that_rises(node: Node) -> None:
    node.publish()
    node.set("www", 7)
    node.publish()
    node.repository.remove_zone(ORG)
    node.publish()
    node.repository.restore_zone(ORG)
    node.publish()
    before = node.served()
    node.repository.stop_publishing(zone=ORG)
    after = node.served()
    assert before and after and after.publishes is None
    assert (after.zone_root, after.serial) == (before.zone_root, before.serial + 1)
    assert node.repository.publications() == []
    assert fsck(node.store).problems == []


def test_switching_a_policy_off_makes_no_commit_where_the_tip_is_served(node: Node) -> None:
    tip = node.repository.resolve("main", zone=ORG)
    node.publish()
    node.repository.stop_publishing(zone=ORG)
    assert node.served() == tip.commit


def test_a_commit_after_a_version_that_is_ahead_is_above_it(node: Node) -> None:
    node.publish()
    node.repository.remove_zone(ORG)
    node.publish()
    node.repository.restore_zone(ORG)
    served = node.publish().published
    node.set("www", 9)
    assert served is not None
    assert node.repository.resolve("main", zone=ORG).commit.seq == served.version.commit.seq + 1


def test_a_version_of_nothing_is_above_what_was_served_before_it(node: Node) -> None:
    """The policy came while the zone was removed; then a peer moves its branch to an older commit."""
    base = node.repository.resolve("main", zone=ORG)
    node.set("www", 7)
    before = node.served()
    node.repository.remove_zone(ORG)
    node.publish()
    with node.store.write() as writer:
        writer.move_refs([RefUpdate(head(ORG, "main"), None, base.id)], Stamp("Eve", 1), "pull: test")
    node.repository.stop_publishing(zone=ORG)
    after = node.served()
    assert before and after and after.zone_root == base.commit.zone_root
    assert after.seq > before.seq
