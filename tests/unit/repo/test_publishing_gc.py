"""`gc` beside a policy: which published versions it keeps, and that the gate knows what is served afterwards."""

from pathlib import Path

import pytest

from publishkit import ADA, ORG, Node
from sshkit import private_key, write_key
from zonegit.dns.transfer.versions import Versions
from zonegit.model.commit import Commit, Stamp
from zonegit.model.ids import Kind, ObjectId, object_id, parse_id
from zonegit.model.refs import head, published
from zonegit.repo.publishing.policy import PublishPolicy, Reason
from zonegit.ssh.signing import public_key
from zonegit.store import retention
from zonegit.store.fsck import fsck
from zonegit.store.gc import GcReport
from zonegit.store.port import RefUpdate

SHOWN = published(ORG, "main")
DAY = 86_400


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of fewer versions than usual, the same is kept."""
    monkeypatch.setattr(retention, "FEWEST", 3)
    monkeypatch.setattr(retention, "MOST", 6)


def versions(node: Node) -> list[bool]:
    """Whether the versions that the reflog names are stored, the newest first."""
    with node.store.read() as reader:
        return [entry.new is not None and reader.has(entry.new) for entry in reader.reflog(SHOWN)]


def collect(node: Node) -> GcReport:
    report = node.repository.gc(grace=0)
    assert fsck(node.store).problems == []
    return report


def move(node: Node, to: str | None, reason: str = "pull: test") -> None:
    """Somebody else moves the branch."""
    oid = None if to is None else ObjectId(parse_id(to))
    with node.store.write() as writer:
        name = head(ORG, "main")
        writer.move_refs([RefUpdate(name, writer.ref(name), oid)], Stamp("Eve", 1), reason)


def reaches(node: Node, serial: int) -> int | None:
    """How many versions a difference from a serial has; None if the whole zone has to be sent."""
    with node.store.read() as reader:
        tip = reader.ref(SHOWN)
        assert tip is not None
        found = Versions(reader)
        moves = ((entry.old, entry.new) for entry in reader.reflog(SHOWN))
        line = found.back_to(serial, found(tip), moves)
        return None if line is None else len(line)


def publish_many(node: Node, count: int) -> list[int]:
    """Publish as many commits; the serial that was served before each."""
    serials = []
    for last in range(count):
        served = node.served()
        assert served is not None
        serials.append(served.serial)
        node.set("www", last)
        node.publish()
    return serials


def test_the_newest_versions_stay_whatever_their_age(node: Node) -> None:
    node.publish()
    serials = publish_many(node, 8)
    node.clock.now += 8 * DAY
    report = collect(node)
    assert report.gone[Kind.COMMIT] == 5 and report.gone[Kind.NODE] == 0, "history has the trees"
    assert versions(node) == [True] * 3
    assert [reaches(node, serial) is not None for serial in serials] == [False] * 5 + [True] * 3
    assert not any(collect(node).gone.values())
    assert node.publish().held is None


def test_those_of_a_week_stay_unless_they_are_too_many(node: Node) -> None:
    node.publish()
    publish_many(node, 4)
    collect(node)
    assert len(versions(node)) == 5
    node.clock.now += 8 * DAY
    publish_many(node, 4)
    node.clock.now += DAY
    collect(node)
    assert versions(node) == [True] * 4
    publish_many(node, 9)
    collect(node)
    assert versions(node) == [True] * 6


def test_the_trees_of_versions_go_with_them(node: Node) -> None:
    node.publish()
    base = node.repository.resolve("main", zone=ORG).id.hex()
    for last in range(4):
        node.set("www", last)
        node.publish()
        move(node, base)
        node.publish()
    node.clock.now += 8 * DAY
    report = collect(node)
    assert report.gone[Kind.ZONE] == report.gone[Kind.NODE] == 2, "of 4 that the branch was moved away from"
    assert node.served_from() == base


def test_versions_go_like_other_history_once_there_is_no_policy(node: Node) -> None:
    node.publish()
    publish_many(node, 3)
    node.repository.stop_publishing(zone=ORG)
    node.clock.now += 8 * DAY
    assert collect(node).gone[Kind.COMMIT] == 4
    assert len(versions(node)) == 1
    node.publish()
    assert node.served_from() == node.repository.resolve("main", zone=ORG).id.hex()


def test_the_commit_that_is_served_stays_though_the_branch_left_it(node: Node) -> None:
    policy = PublishPolicy(validator=("check",))
    node.publish(policy)
    base = node.repository.resolve("main", zone=ORG).id.hex()
    first = node.set("www", 7)
    node.publish(policy)
    node.complaint = "no"
    move(node, base)
    other = node.set("www", 9)
    node.clock.now += 100 * DAY
    collect(node)
    assert node.served_from() == first
    held = node.publish(policy).held
    assert held is not None and (held.reason, held.commit.hex()) == (Reason.VALIDATOR, other)
    assert node.repository.resolve(first, zone=ORG).id.hex() == first
    node.repository.reset(first, zone=ORG)
    assert node.publish(policy).held is None


@pytest.fixture
def signed(node: Node, tmp_path: Path) -> PublishPolicy:
    key = private_key()
    node.repository.configure("user.signingkey", str(write_key(tmp_path / "key", key)))
    signers = tmp_path / "allowed_signers"
    signers.write_text(f"ada@example.org {public_key(key).line}\n")
    return PublishPolicy(require_signed=True, allowed_signers=signers)


def set_signed(node: Node, last: int) -> str:
    done = node.repository.set("www", 1, 60, [bytes([192, 0, 2, last])], zone=ORG, who=ADA, sign=True)
    assert done.new is not None
    return done.new.hex()


@pytest.mark.parametrize("removed", ["", "pull: test", "zone: removed"])
def test_what_was_signed_once_is_not_served_again_after_gc(node: Node, signed: PublishPolicy, removed: str) -> None:
    """A primary moves the branch back to an older commit. In between it takes it away, or somebody here does."""
    node.publish(signed)
    old = set_signed(node, 7)
    node.publish(signed)
    with node.store.read() as reader:
        objects = [reader.get(ObjectId(parse_id(old)))]
    newest = set_signed(node, 8)
    assert node.publish(signed).held is None
    if removed:
        move(node, None, removed)
        node.publish(signed)
    else:
        move(node, old)
    node.clock.now += 100 * DAY
    collect(node)
    with node.store.write() as writer:
        writer.insert(objects)
    move(node, old)
    held = node.publish(signed).held
    assert held is not None and held.reason is Reason.REWOUND
    assert node.served_from() == (None if removed == "zone: removed" else newest)


def test_a_mirror_keeps_a_version_of_a_commit_that_it_never_had(node: Node) -> None:
    with node.store.write() as writer:
        tip = writer.ref(head(ORG, "main"))
        assert tip is not None
        found = Commit.decode(writer.get(tip))
        data = found._replace(parents=(), generation=1, seq=9, extra=(("publishes", "1" * 64),)).encode()
        writer.insert([data])
        writer.move_refs([RefUpdate(SHOWN, None, object_id(data))], Stamp("Eve", 1), "pull: test")
    node.clock.now += 100 * DAY
    collect(node)
    served = node.served()
    assert served is not None and served.seq == 9
