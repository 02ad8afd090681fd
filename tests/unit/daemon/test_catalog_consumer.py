"""Followed catalogs make and remove zones, and only their own."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import pytest

from catalogkit import HEAD, VERSION
from repokit import Clock, parsed
from zonegit.daemon.catalog_consumer import CatalogConsumer
from zonegit.daemon.member_watch import MemberWatch
from zonegit.errors import NotFound, Refused
from zonegit.ops.catalog_members import with_members
from zonegit.ops.config import CatalogConfig, Config, ZoneConfig
from zonegit.repo import Repository
from zonegit.repo.catalog.following import Held
from zonegit.repo.catalog.membership import CatalogState, allow_removals, catalog_states, members_here
from zonegit.repo.incoming.state import TransferState
from zonegit.repo.incoming.state import keep_states as keep_transfer_states
from zonegit.repo.publishing.policy import PublishPolicy
from zonegit.store.lmdb import LmdbStore

ONE, TWO = "one.catalog.", "two.catalog."
SIGNED = ZoneConfig(publish=PublishPolicy(max_deletes=3), notify=True)


class Node:
    """A repository that follows two catalogs, which stand in it as if they had been transferred."""

    def __init__(self, path: Path) -> None:
        self.clock = Clock()
        self.repository = Repository.init(path, now=self.clock)
        self.store = LmdbStore.open(path)
        plain = ZoneConfig(notify=False)
        catalogs = {name: CatalogConfig((), plain, {"signed": SIGNED}) for name in (ONE, TWO)}
        self.config = Config(repo=path, catalogs=catalogs, zones=dict.fromkeys(catalogs, ZoneConfig()))
        self.announced = 0
        self.samples = Mock()
        self.restart()

    def restart(self) -> None:
        self.consumer = CatalogConsumer(self.store, self.config, self.samples, self._announce, self.clock)

    def _announce(self) -> None:
        self.announced += 1
        watch = MemberWatch()
        watch.ask()
        self.config = watch.turn(self.config)
        self.consumer.configure(self.config)

    def write(self, *members: str, name: str = ONE, version: str = VERSION, more: str = "") -> None:
        """A version of a catalog: `a` is a member with the node `a`, `a=x` one with the node `x`."""
        body = ""
        for text in members:
            zone, _, ident = text.partition("=")
            body += f"{ident or zone}.zones 0 IN PTR {zone}.example.\n"
        text = f"$ORIGIN {name}\n{HEAD}{version}{body}{more}"
        self.repository.import_zone(parsed(text), source="test", replace=True, zone=name)

    def follow(self) -> set[str]:
        """The members after a look."""
        self.consumer.look()
        with self.store.read() as reader:
            return {zone.removesuffix(".example.") for zone in members_here(reader)}

    def transfer(self, *zones: str) -> None:
        """What the refresher does for new members."""
        for zone in zones:
            self.repository.add_zone(f"{zone}.example.")

    def zones(self) -> set[str]:
        return {each.zone.removesuffix(".example.") for each in self.repository.zones()} - {ONE, TWO}

    def state(self, name: str = ONE) -> CatalogState:
        with self.store.read() as reader:
            return catalog_states(reader)[name]


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    node = Node(tmp_path / "repo")
    yield node
    node.store.close()
    node.repository.close()


def test_members_come_and_go(node: Node) -> None:
    node.write("a", "b")
    assert node.follow() == {"a", "b"}
    node.transfer("a", "b")
    node.write("b", "c")
    assert node.follow() == {"b", "c"}
    assert node.zones() == {"b"}
    assert node.announced == 2
    assert (node.state().members, node.state().serial) == (2, 2)
    node.repository.restore_zone("a.example.")
    assert node.zones() == {"a", "b"}


def test_a_catalog_that_did_not_move_is_not_read_again(node: Node) -> None:
    node.write("a")
    node.follow()
    txn = node.store.txn_id()
    node.restart()
    node.follow()
    assert (node.store.txn_id(), node.announced) == (txn, 1)


def test_members_have_the_settings_of_their_group_in_one_value(node: Node) -> None:
    groups = "group.c.zones TXT signed\ngroup.d.zones TXT other\ngroup.d.zones TXT signed\n"
    node.write("a", "b", "c", "d", more=groups)
    node.follow()
    zones = node.config.zones
    assert node.config.members == {f"{zone}.example." for zone in "abcd"}
    assert zones["c.example."] is zones["d.example."] is SIGNED
    assert zones["a.example."] is zones["b.example."] is node.config.catalogs[ONE].members
    node.write("a", "b", "c", "d", more="group.c.zones TXT signed\n")
    node.follow()
    assert node.config.zones["d.example."] is node.config.catalogs[ONE].members


def test_nothing_is_answered_of_a_new_member_with_a_policy(node: Node) -> None:
    node.write("a", "b", more="group.a.zones TXT signed\n")
    node.follow()
    (found,) = node.repository.publications()
    assert found.published is not None
    assert (found.zone, found.published.version.commit.is_tombstone) == ("a.example.", True)


def test_a_broken_catalog_removes_nothing(node: Node) -> None:
    node.write("a", "b")
    node.follow()
    node.transfer("a", "b")
    node.write(version="")
    assert node.follow() == {"a", "b"}
    assert node.zones() == {"a", "b"}
    assert node.state().broken == ("it has no version property: TXT at 'version'",)
    node.samples.set.assert_any_call("catalog_broken", 1, catalog=ONE)
    node.restart()
    assert node.follow() == {"a", "b"}
    node.write("b")
    assert node.follow() == {"b"}
    assert node.state().broken == ()


def test_an_empty_catalog_removes_nothing_until_that_is_allowed(node: Node) -> None:
    node.write("a", "b", "c")
    node.follow()
    node.transfer("a", "b")
    node.write()
    assert node.follow() == {"a", "b", "c"}
    assert node.state().held == Held(3, 2)
    node.restart()
    assert node.follow() == {"a", "b", "c"}
    assert allow_removals(node.store, ONE) == Held(3, 2)
    assert node.follow() == set()
    assert node.zones() == set()
    assert node.state().held is None


def test_what_is_allowed_is_one_version(node: Node) -> None:
    node.write("a", "b", "c")
    node.follow()
    node.write()
    node.follow()
    node.write(more="x TXT y\n")
    allow_removals(node.store, ONE)
    assert node.follow() == {"a", "b", "c"}
    assert node.state().held == Held(3, 2)


def test_only_what_waits_can_be_allowed(node: Node) -> None:
    node.write("a")
    node.follow()
    with pytest.raises(Refused, match="nothing to allow"):
        allow_removals(node.store, ONE)
    with pytest.raises(NotFound, match="no catalog other"):
        allow_removals(node.store, "other.")


def test_a_zone_that_is_here_is_not_taken_over(node: Node) -> None:
    node.transfer("a")
    before = node.repository.resolve("main", zone="a.example.")
    node.write("a", "b")
    assert node.follow() == {"b"}
    assert node.state().clashes == (("a.example.", "exists here and came from no catalog"),)
    node.write("b")
    assert node.follow() == {"b"}
    assert node.repository.resolve("main", zone="a.example.") == before


def test_it_is_taken_once_it_is_gone(node: Node) -> None:
    node.transfer("a")
    node.write("a")
    node.follow()
    node.repository.remove_zone("a.example.")
    assert node.follow() == set()
    node.clock.now += 2
    assert node.follow() == {"a"}
    assert node.state().clashes == ()


def test_the_longer_a_look_takes_the_longer_is_the_pause_after_it(node: Node) -> None:
    """A catalog with very many members and one zone that it can't have would keep the process busy."""
    elapsed = iter(range(0, 1000, 5))
    node.consumer = CatalogConsumer(
        node.store, node.config, node.samples, node._announce, node.clock, lambda: next(elapsed)
    )
    node.transfer("a")
    node.write("a")
    node.follow()
    node.repository.remove_zone("a.example.")
    node.clock.now += 90
    assert node.follow() == set()
    node.clock.now += 20
    assert node.follow() == {"a"}


def test_a_catalog_that_is_made_here_is_not_taken_over_before_it_lists_a_zone(node: Node) -> None:
    made = f"made.{ONE}"
    node.config = replace(node.config, default_zone=ZoneConfig(catalog=made))
    node.restart()
    node.write("a", more=f"m.zones 0 IN PTR {made}\n")
    assert node.follow() == {"a"}
    assert node.state().clashes == ((made, "has settings of its own here"),)


def test_a_zone_with_settings_of_its_own_is_not_taken_over(node: Node) -> None:
    node.config = replace(node.config, zones={**node.config.zones, "a.example.": ZoneConfig()})
    node.restart()
    node.write("a", "b")
    assert node.follow() == {"b"}
    assert node.state().clashes == (("a.example.", "has settings of its own here"),)


def test_a_member_that_gets_settings_of_its_own_belongs_to_the_operator(node: Node) -> None:
    node.write("a", "b")
    node.follow()
    node.transfer("a")
    own = {**node.config.zones, "a.example.": ZoneConfig(canary="next:10")}
    node.config = replace(node.config, zones=own, members=node.config.members - {"a.example."})
    node.consumer.configure(node.config)
    assert node.follow() == {"b"}
    node.write("b")
    node.follow()
    assert node.zones() == {"a"}


def test_a_member_with_another_node_begins_again(node: Node) -> None:
    node.write("a", "b")
    node.follow()
    node.transfer("a", "b")
    node.write("a=x", "b")
    assert node.follow() == {"a", "b"}
    assert node.zones() == {"b"}


def test_a_member_moves_with_what_is_known_of_it(node: Node) -> None:
    node.write("a", "b", more=f"coo.a.zones PTR {TWO}\n")
    node.follow()
    node.transfer("a", "b")
    node.write("a", name=TWO)
    node.follow()
    node.write("b")
    assert node.follow() == {"a", "b"}
    assert node.zones() == {"a", "b"}
    assert (node.state(ONE).members, node.state(TWO).members) == (1, 1)


def test_the_members_of_a_catalog_without_a_table_stay(node: Node) -> None:
    node.write("a")
    node.follow()
    node.transfer("a")
    catalogs = {TWO: node.config.catalogs[TWO]}
    with node.store.read() as reader:
        members = members_here(reader)
    node.config = with_members(replace(node.config, catalogs=catalogs), members)
    node.consumer.configure(node.config)
    node.write(name=ONE)
    assert node.follow() == {"a"}
    assert node.zones() == {"a"}
    node.repository.remove_zone("a.example.")
    assert node.zones() == set()


def test_a_member_that_is_transferred_is_removed_in_its_catalog(node: Node) -> None:
    node.write("a")
    node.follow()
    node.transfer("a")
    with node.store.write() as writer:
        keep_transfer_states(writer, {"a.example.": TransferState("main", ("192.0.2.1:53",))})
    with pytest.raises(Refused, match=r"a\.example\. came from the catalog one\.catalog\.: remove it there"):
        node.repository.remove_zone("a.example.")
