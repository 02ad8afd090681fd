"""A new zone below one with a policy: it takes names over, so it needs a policy of its own."""

import pytest

from publishkit import ORG, Node
from repokit import parsed
from zonegit.errors import Refused
from zonegit.repo.publishing.policy import PublishPolicy

CHILD = "www.example.org."
TEXT = f"$ORIGIN {CHILD}\n@ 300 SOA ns1 h 1 2 3 4 5\n@ 300 NS ns1.example.net.\n@ 60 A 203.0.113.66\n"


def test_without_a_policy_zones_begin_anywhere(node: Node) -> None:
    node.repository.add_zone(CHILD)
    node.publish()
    node.repository.add_zone(f"deep.{CHILD}")
    node.repository.set("@", 1, 60, [bytes(4)], zone=CHILD)


def test_below_a_zone_with_a_policy_none_begins(node: Node) -> None:
    node.publish()
    told = (
        f"{CHILD} may not begin: it would take over names of {ORG}, which has a policy here; "
        f'[zone."{CHILD}".publish] gives it one, too'
    )
    with pytest.raises(Refused) as refused:
        node.repository.add_zone(CHILD)
    assert str(refused.value) == told
    with pytest.raises(Refused, match="may not begin"):
        node.repository.import_zone(parsed(TEXT), source="test.zone")
    with pytest.raises(Refused, match="may not begin"):
        node.repository.add_zone(f"a.b.{CHILD}", dry_run=True)
    for other in ("example.net", "org", "notexample.org", r"a\.example.org."):
        node.repository.add_zone(other)
    assert CHILD not in node.repository.zone_names()


def test_with_a_policy_of_its_own_it_begins_and_has_to_pass(node: Node) -> None:
    node.publish()
    policy = PublishPolicy(validator=("check",))
    node.complaint = "no"
    node.repository.publish(policy, node.validate, zone=CHILD, branch="main")
    node.repository.add_zone(CHILD)
    held = node.repository.publish(policy, node.validate, zone=CHILD, branch="main").held
    assert held is not None
    with pytest.raises(Refused, match=f"names of {CHILD}, which has a policy"):
        node.repository.add_zone(f"deep.{CHILD}")


def test_without_the_policy_it_may_begin_again(node: Node) -> None:
    node.publish()
    node.repository.stop_publishing(zone=ORG)
    node.repository.add_zone(CHILD)


def test_a_policy_for_the_root_covers_all_zones(node: Node) -> None:
    node.repository.publish(PublishPolicy(), node.validate, zone=".", branch="main")
    with pytest.raises(Refused, match=r"names of \., which has a policy"):
        node.repository.add_zone("example.net")
    node.repository.set("www", 1, 60, [bytes(4)], zone=ORG)
