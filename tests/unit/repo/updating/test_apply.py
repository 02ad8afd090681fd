"""UPDATEs become commits: one each, all in one transaction."""

from itertools import islice

import pytest

from updatekit import apply_all, message
from zonegit.model.names import Owner, WireName
from zonegit.model.rdata import SOA
from zonegit.model.rrset import RRKey
from zonegit.ops.update_rules import parse_rule
from zonegit.repo import Repository
from zonegit.repo.updating.values import OwnerPattern, UpdatePolicy, UpdateRcode
from zonegit.tree.zone_tree import Tree


def test_each_update_is_a_commit_and_all_are_one_move(repository: Repository) -> None:
    first, second, third = message(), message(), message()
    first.add("new", 300, "A", "192.0.2.7")
    second.present("new", "A", "192.0.2.7")
    second.delete("www")
    second.add("www", 60, "AAAA", "2001:db8::1")
    third.absent("www", "AAAA")
    third.add("never", 300, "A", "192.0.2.7")
    before = repository.resolve("HEAD")
    done = apply_all(repository, first, second, third)
    assert [each.rcode.name for each in done] == ["NOERROR", "NOERROR", "YXRRSET"]
    top, below, oldest = list(islice(repository.log(), 3))
    assert oldest.id == before.id
    assert [each.committed and each.committed.new for each in done] == [below.id, top.id, None]
    assert below.commit.message == "update: add new A\n"
    assert top.commit.message == "update: delete www A, add www AAAA\n"
    assert (top.commit.author.name, top.commit.author.time) == ("tester", 1_767_225_600)
    assert top.commit.committer.name.startswith("zonegit-updater <zonegit-updater@")
    assert top.commit.serial == before.commit.serial + 2
    moves = list(repository.reflog())
    assert (moves[0].old, moves[0].new, moves[0].reason) == (before.id, top.id, "update: 2 commits")


def test_nothing_changed_is_no_commit(repository: Repository) -> None:
    same, gone, empty = message(), message(), message()
    same.add("www", 300, "A", "192.0.2.10")
    gone.delete("nowhere")
    before = repository.resolve("HEAD")
    done = apply_all(repository, same, gone, empty)
    assert [(each.rcode, each.committed) for each in done] == [(UpdateRcode.NOERROR, None)] * 3
    assert repository.resolve("HEAD") == before


def test_what_a_key_may(repository: Repository) -> None:
    policy = UpdatePolicy((parse_rule("key:tester *.dyn A,TXT"), parse_rule("key:tester www A")))
    good, bad, both, probing = message(), message(), message(), message()
    good.add("pc.dyn", 60, "A", "192.0.2.1")
    bad.add("www", 60, "TXT", "x")
    both.add("tv.dyn", 60, "A", "192.0.2.1")
    both.delete("mail", "A")
    probing.delete("nowhere")
    done = apply_all(repository, good, bad, both, probing, policy=policy)
    assert [each.rcode.name for each in done] == ["NOERROR", "REFUSED", "REFUSED", "REFUSED"]
    whys = [each.why.removeprefix("no rule lets tester ") for each in done[1:]]
    assert whys == [
        "add www.example.org. TXT",
        "delete mail.example.org. A",
        "delete all records of nowhere.example.org.",
    ]
    assert repository.rrsets_at("tv.dyn") == []
    stranger = apply_all(repository, good, policy=policy, key=WireName(b"\5other\0"))
    assert stranger[0].rcode is UpdateRcode.REFUSED


def test_all_records_of_a_name_need_permission_for_each_type(repository: Repository) -> None:
    policy = UpdatePolicy((parse_rule("key:tester ** A"),))
    allowed, forbidden = message(), message()
    allowed.delete("www")
    forbidden.delete("@")
    done = apply_all(repository, allowed, forbidden, policy=policy)
    assert [each.rcode.name for each in done] == ["NOERROR", "REFUSED"]


def test_the_rules_are_looked_at_once_for_each_owner(repository: Repository, monkeypatch) -> None:
    """A message of 64 KiB asks for 5,000 things, and a name may have many types: that mustn't multiply."""
    looked: list[bytes] = []
    matches = OwnerPattern.matches

    def counted(pattern: OwnerPattern, owner: Owner) -> bool:
        looked.append(owner)
        return matches(pattern, owner)

    monkeypatch.setattr(OwnerPattern, "matches", counted)
    policy = UpdatePolicy((parse_rule("key:tester nowhere A"), parse_rule("key:tester ** *")))
    many = message()
    for number in range(50):
        many.add("www", 60, f"TYPE{1000 + number}", "\\# 1 00")
        many.delete("www")
        many.delete("mail")
    [done] = apply_all(repository, many, policy=policy)
    assert done.rcode is UpdateRcode.NOERROR
    assert sorted(looked) == sorted([b"\3www"] * 2 + [b"\4mail"] * 2)


def test_names_above_many_owners_are_looked_at_once(repository: Repository, monkeypatch) -> None:
    """Each owner may have 125 names above it."""
    looked: list[bytes] = []
    payload = Tree.payload

    def counted(tree: Tree, key: RRKey) -> bytes | None:
        looked.append(key)
        return payload(tree, key)

    many = message()
    for number in range(50):
        many.add(f"h{number}." + "a." * 60 + "deep", 60, "A", "192.0.2.1")
    monkeypatch.setattr(Tree, "payload", counted)
    [done] = apply_all(repository, many)
    assert done.rcode is UpdateRcode.NOERROR
    assert len(looked) < 500


def test_an_soa_is_taken_if_it_is_ahead(repository: Repository) -> None:
    behind, ahead = message(), message()
    behind.add("@", 60, "SOA", "ns1 hostmaster 2026112000 1 2 3 4")
    ahead.add("@", 60, "SOA", "ns1 hostmaster 2026120100 1 2 3 4")
    done = apply_all(repository, behind, ahead)
    assert [each.committed and each.committed.serial for each in done] == [None, 2026120100]
    soa = repository.rrset("@", SOA)
    assert soa is not None
    assert soa.ttl == 60


def test_a_zone_that_is_not_here(repository: Repository) -> None:
    repository.remove_zone("example.org.")
    update = message()
    update.add("www", 60, "A", "192.0.2.1")
    done = apply_all(repository, update)[0]
    assert (done.rcode, done.why) == (UpdateRcode.NOTAUTH, "no zone example.org. here")


@pytest.mark.parametrize("rtype", ["RRSIG", "NSEC", "NSEC3PARAM"])
def test_what_only_a_signer_adds(repository: Repository, rtype: str) -> None:
    rdata = {
        "RRSIG": "A 13 3 300 20300101000000 20200101000000 1 example.org. AAAA",
        "NSEC": "www A",
        "NSEC3PARAM": "1 0 0 -",
    }[rtype]
    update = message()
    update.add("www" if rtype != "NSEC3PARAM" else "@", 60, rtype, rdata)
    (done,) = apply_all(repository, update)
    assert done.rcode is UpdateRcode.REFUSED
    assert "only who signs" in done.why


def test_warnings_refuse_only_where_the_zone_is_strict(repository: Repository) -> None:
    update = message()
    update.add("alias", 60, "CNAME", "www")
    update.add("@", 60, "MX", "10 alias")
    strict = UpdatePolicy((parse_rule("key:tester ** *"),), strict=frozenset({"mx-cname"}))
    (refused,) = apply_all(repository, update, policy=strict)
    assert refused.rcode is UpdateRcode.REFUSED
    assert "[mx-cname]" in refused.why
    assert apply_all(repository, update)[0].rcode is UpdateRcode.NOERROR


def test_what_no_server_could_serve_is_refused_alone(repository: Repository) -> None:
    below, above, many, good = message(), message(), message(), message()
    below.add("dn", 60, "DNAME", "example.net.")
    below.add("x.dn", 60, "A", "192.0.2.1")
    above.add("x.up", 60, "A", "192.0.2.1")
    above.add("up", 60, "DNAME", "example.net.")
    for number in range(1025):
        many.add("many", 60, "A", f"10.0.{number >> 8}.{number & 255}")
    good.add("good", 60, "A", "192.0.2.1")
    done = apply_all(repository, below, above, many, good)
    assert [each.rcode.name for each in done] == ["REFUSED", "REFUSED", "REFUSED", "NOERROR"]
    assert ["[below-dname]" in each.why for each in done[:2]] == [True, True]
    assert "[large-owner]" in done[2].why
