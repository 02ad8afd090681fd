"""What the configuration comes to for the zones of one peer."""

import pytest

from zonegit.daemon.peer_rules import rules_of
from zonegit.ops.config import Config, PeerConfig, PrimaryConfig, ZoneConfig
from zonegit.sync.policy import Direction, Policy
from zonegit.sync.policy_pull import MIRROR
from zonegit.sync.zone_filter import Patterns, ZoneFilter

LINK = PrimaryConfig("http://127.0.0.1:1", "p")
ORG, NET = "example.org.", "example.net."


def config(repo, **zones: Policy) -> Config:  # type: ignore[no-untyped-def]
    tables = {f"example.{label}.": ZoneConfig(merge=policy) for label, policy in zones.items()}
    return Config(repo, primary=LINK, zones=tables)


def test_a_primary_is_mirrored_whole(tmp_path) -> None:  # type: ignore[no-untyped-def]
    (peer,) = config(tmp_path).called
    assert rules_of(config(tmp_path), peer) is MIRROR


def test_a_zone_of_a_primary_may_have_a_policy_of_its_own(tmp_path) -> None:  # type: ignore[no-untyped-def]
    given = config(tmp_path, org=Policy.MERGE)
    rules = rules_of(given, given.called[0])
    assert (rules.mirrors(ORG), rules.policy(ORG)) == (False, Policy.MERGE)
    assert (rules.mirrors(NET), rules.policy(NET)) == (True, Policy.FF_ONLY)


def test_a_peer_publishes_the_zones_that_name_it(tmp_path) -> None:  # type: ignore[no-untyped-def]
    zones = {ORG: ZoneConfig(publisher="p"), NET: ZoneConfig(publisher="q")}
    given = Config(tmp_path, peers=(PeerConfig("p", LINK, policy=Policy.MERGE),), zones=zones)
    rules = rules_of(given, given.peers[0])
    assert (rules.publishes(ORG), rules.publishes(NET), rules.publishes("example.com.")) == (True, False, False)
    assert not rules.mirrors(ORG)


@pytest.mark.parametrize(
    ("direction", "policy", "mirrors", "pulls"),
    [
        (Direction.PULL, Policy.FF_ONLY, True, True),
        (Direction.PULL, Policy.HOLD, False, True),
        (Direction.BOTH, Policy.FF_ONLY, False, True),
        (Direction.PUSH, Policy.MERGE, False, False),
    ],
)
def test_a_zone_is_mirrored_where_it_only_comes_from_the_peer(  # type: ignore[no-untyped-def]
    tmp_path, direction: Direction, policy: Policy, mirrors: bool, pulls: bool
) -> None:
    covers = ZoneFilter(exclude=Patterns.parse([NET]))
    rules = rules_of(Config(tmp_path), PeerConfig("p", LINK, direction, policy, covers))
    assert (rules.mirrors(ORG), rules.pulls) == (mirrors, pulls)
    assert (rules.covers(ORG), rules.covers(NET), rules.mirrors(NET)) == (True, False, False)
