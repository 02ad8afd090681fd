"""UPDATEs of zones with a policy, of mirrored and signed zones, and beside other writers."""

from pathlib import Path
from typing import Final

import dns.update
import pytest

from publishkit import ORG, Node
from repokit import parsed
from signedkit import SignedNode
from updatekit import ALL, KEY, PLACE, apply_all, asked, message
from zonegit.dns.transfer.versions import Versions
from zonegit.model.names import Owner
from zonegit.model.rdata import RRSIG, A
from zonegit.model.refs import head
from zonegit.repo import Repository
from zonegit.repo.context import Context
from zonegit.repo.mirrors import made_setting, mirror_setting
from zonegit.repo.publishing.policy import PublishPolicy
from zonegit.repo.results import Position
from zonegit.repo.updating import apply
from zonegit.repo.updating.chain import Chain
from zonegit.repo.updating.values import UpdatePolicy
from zonegit.store.fsck import fsck
from zonegit.store.port import Reader

TWICE: Final = UpdatePolicy(ALL.rules, coalesce=2.0)


def if_serial(serial: int, name: str = "new") -> dns.update.UpdateMessage:
    update = message()
    update.present("@", "SOA", f"ns1 hostmaster {serial} 7200 900 1209600 300")
    update.add(name, 60, "A", "192.0.2.1")
    return update


def adding(name: str) -> dns.update.UpdateMessage:
    update = message()
    update.add(name, 60, "A", "192.0.2.1")
    return update


def test_a_prerequisite_is_about_the_served_soa(node: Node) -> None:
    node.publish(PublishPolicy())
    first = node.served()
    node.publish(PublishPolicy(validator=("never",)))
    node.set("one", 1)
    node.set("two", 2)
    assert first is not None
    done = apply_all(
        node.repository, if_serial(first.serial + 2), if_serial(first.serial), if_serial(first.serial, "b")
    )
    assert [each.rcode.name for each in done] == ["NXRRSET", "NOERROR", "NOERROR"]


def test_a_served_serial_may_be_ahead_of_the_branch(node: Node) -> None:
    node.publish(PublishPolicy())
    tip = node.set("www", 7)
    node.publish(PublishPolicy())
    node.repository.reset("HEAD~1", zone=ORG)
    node.publish(PublishPolicy())
    served = node.served()
    assert served is not None and served.publishes is not None and served.publishes.hex() != tip
    (done,) = apply_all(node.repository, if_serial(served.serial))
    assert done.committed is not None
    assert done.committed.serial == served.serial + 1


def test_a_zone_that_is_signed_here(tmp_path: Path) -> None:
    node = SignedNode(tmp_path)
    node.publish()
    before = node.served().revision.commit.serial
    (done,) = apply_all(node.repository, if_serial(before))
    assert done.rcode.name == "NOERROR"
    node.publish()
    after = node.served()
    assert after.rrset(Owner(b"\3new"), A) is not None
    assert after.rrset(Owner(b"\3new"), RRSIG) is not None


def test_a_mirrored_zone_is_updated_elsewhere(repository: Repository) -> None:
    with repository._context.store.write() as writer:
        writer.set_setting(mirror_setting(ORG), b"ams")
    (done,) = apply_all(repository, adding("new"))
    assert (done.rcode.name, done.why) == ("NOTAUTH", "example.org. is mirrored from ams: update it there")


def test_a_catalog_that_zonegitd_makes_is_not_updated(repository: Repository) -> None:
    with repository._context.store.write() as writer:
        writer.set_setting(made_setting(ORG), b"1")
    (done,) = apply_all(repository, adding("new"))
    assert done.rcode.name == "REFUSED"
    assert done.why == "example.org. is a catalog that zonegitd makes: it follows the zones here and their settings"


def test_a_zone_that_is_signed_elsewhere(empty: Repository) -> None:
    text = """\
$ORIGIN example.org.
$TTL 60
@ SOA ns1 hostmaster 1 2 3 4 5
@ NS ns1
ns1 A 192.0.2.1
@ RRSIG SOA 13 2 60 20300101000000 20200101000000 1 @ AAAA
"""
    empty.import_zone(parsed(text), source="test.zone")
    same = message()
    same.add("ns1", 60, "A", "192.0.2.1")
    done = apply_all(empty, adding("new"), same)
    assert [each.rcode.name for each in done] == ["REFUSED", "NOERROR"]
    assert "signed elsewhere" in done[0].why


def test_a_branch_that_moves_meanwhile(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    begin = apply._begin
    moved = []

    def begin_early(context: Context, reader: Reader, place: Position, policy: UpdatePolicy) -> Chain:
        chain = begin(context, reader, place, policy)
        if not moved:
            moved.append(repository.set("other", A, 60, [bytes([10, 0, 0, 1])]))
        return chain

    monkeypatch.setattr(apply, "_begin", begin_early)
    seeing = message()
    seeing.present("other")
    seeing.add("new", 60, "A", "192.0.2.1")
    done = apply_all(repository, adding("first"), seeing)
    assert [each.rcode.name for each in done] == ["NOERROR", "NOERROR"]
    assert done[0].committed is not None
    assert done[0].committed.old == moved[0].new
    assert fsck(repository._context.store).problems == []


def test_each_commit_is_a_version_for_transfers(repository: Repository) -> None:
    before = repository.resolve("HEAD").commit.serial
    apply_all(repository, *map(adding, "abc"))
    name = head(ORG, "main")
    with repository._context.store.read() as reader:
        tip = reader.live(name)
        assert tip is not None
        versions = Versions(reader)
        moves = [(entry.old, entry.new) for entry in reader.reflog(name)]
        line = versions.back_to(before, versions(tip), moves)
    assert line is not None
    assert [each.serial for each in line] == [before + 3, before + 2, before + 1, before]


def test_updates_of_one_key_are_joined(repository: Repository) -> None:
    before = repository.resolve("HEAD")
    second = message()
    second.present("a")
    second.delete("a")
    second.add("b", 60, "A", "192.0.2.1")
    bad = message()
    bad.present("nowhere")
    bad.add("never", 60, "A", "192.0.2.1")
    ours = [asked(each) for each in (adding("a"), second, bad, if_serial(before.commit.serial, "c"))]
    other = asked(adding("d"), KEY.replace(b"tester", b"nobody"))
    done = apply.apply_updates(repository._context, PLACE, TWICE, [ours[0], other, *ours[1:]])
    assert [each.rcode.name for each in done] == ["NOERROR", "REFUSED", "NOERROR", "NXDOMAIN", "NOERROR"]
    (made,) = {each.committed for each in done if each.committed}
    tip = repository.resolve("HEAD")
    assert (made.new, tip.commit.parents) == (tip.id, (before.id,))
    assert tip.commit.message == "update: add b A, add c A\n\n3 UPDATE messages\n"
    assert tip.commit.serial == before.commit.serial + 1
    assert repository.rrsets_at("a") == []
    assert fsck(repository._context.store).problems == []


def test_joined_updates_that_come_to_nothing(repository: Repository) -> None:
    gone = message()
    gone.delete("a")
    before = repository.resolve("HEAD")
    done = apply_all(repository, adding("a"), gone, policy=TWICE)
    assert [(each.rcode.name, each.committed) for each in done] == [("NOERROR", None)] * 2
    assert repository.resolve("HEAD") == before
