"""Zones that come and go are listed in the catalogs of the configuration."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import pytest

from repokit import Clock
from zonegit.daemon.catalog_producer import CatalogProducer
from zonegit.errors import Refused
from zonegit.model.rdata import A
from zonegit.ops.config import Config, ZoneConfig
from zonegit.repo import Repository
from zonegit.repo.catalog.listing import COO_KEPT
from zonegit.repo.catalog.made import catalog_at
from zonegit.repo.catalog.values import Catalog, Member
from zonegit.repo.results import Position
from zonegit.store.lmdb import LmdbStore

CATALOG, OTHER = "catalog.example.", "other.example."


class Node:
    """A repository, and what makes its catalogs."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock = Clock()
        self.repository = Repository.init(path, now=self.clock)
        self.store = LmdbStore.open(path)
        self.config = Config(repo=path, default_zone=ZoneConfig(catalog=CATALOG))
        self.restart()

    def restart(self) -> None:
        self.producer = CatalogProducer(self.store, self.config, Mock(), self.clock)

    def configure(self, **zones: ZoneConfig) -> None:
        self.config = replace(self.config, zones={f"{name}.example.": zone for name, zone in zones.items()})
        self.producer.configure(self.config)

    def add(self, *zones: str) -> None:
        for zone in zones:
            self.repository.add_zone(f"{zone}.example.")

    def listed(self, name: str = CATALOG) -> dict[str, Member]:
        """What a catalog lists after a look."""
        self.producer.look()
        found = catalog_at(self.repository._context, Position(name, "main"))
        assert isinstance(found, Catalog)
        return {zone.removesuffix(".example."): member for zone, member in found.members.items()}

    def subjects(self, name: str = CATALOG) -> list[str]:
        """Those of its commits, newest first."""
        return [each.commit.subject for each in self.repository.log(zone=name)]


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    node = Node(tmp_path / "repo")
    yield node
    node.store.close()
    node.repository.close()


def test_zones_that_come_and_go_are_listed(node: Node) -> None:
    node.add("a", "b")
    first = node.listed()
    assert set(first) == {"a", "b"}
    node.add("c")
    assert node.listed().items() > first.items()
    node.repository.remove_zone("a.example.")
    assert set(node.listed()) == {"b", "c"}
    assert node.subjects() == [
        "catalog: remove a.example.",
        "catalog: list c.example.",
        "catalog: list 2 zones",
    ]
    (tip, *_) = node.repository.log(zone=CATALOG)
    assert tip.commit.author.name.startswith("zonegitd <")


def test_a_change_of_records_commits_nothing(node: Node) -> None:
    node.add("a")
    node.listed()
    node.repository.set("www", A, 60, [bytes(4)], zone="a.example.")
    node.listed()
    assert len(node.subjects()) == 1


def test_there_is_no_catalog_without_zones(node: Node) -> None:
    node.producer.look()
    assert not node.repository.zones()


def test_nobody_else_commits_to_a_catalog(node: Node) -> None:
    node.add("a")
    node.listed()
    with pytest.raises(Refused, match=r"catalog\.example\. is a catalog that zonegitd makes"):
        node.repository.set("x", A, 60, [bytes(4)], zone=CATALOG)
    with pytest.raises(Refused, match="zonegitd makes"):
        node.repository.remove_zone(CATALOG)


def test_a_zone_that_is_added_again_gets_another_node(node: Node) -> None:
    node.add("a", "b")
    first = node.listed()
    node.repository.remove_zone("a.example.")
    node.add("a")
    again = node.listed()
    assert again["a"].ident != first["a"].ident
    assert again["b"] == first["b"]
    assert node.listed() == again


@pytest.mark.parametrize("tombstone", [False, True])
def test_that_is_found_after_a_restart_too(node: Node, tombstone: bool) -> None:
    node.add("a", "b")
    first = node.listed()
    node.clock.now += 10
    node.repository.remove_zone("a.example.", tombstone=tombstone)
    node.add("a")
    node.repository.set("www", A, 60, [bytes(4)], zone="b.example.")
    node.restart()
    again = node.listed()
    assert again["a"].ident != first["a"].ident
    assert again["b"] == first["b"]
    node.clock.now += 10
    node.restart()
    assert node.listed() == again


def test_groups_are_those_of_the_configuration(node: Node) -> None:
    node.add("a", "b", "c")
    node.configure(a=ZoneConfig(catalog=CATALOG, catalog_group=("g1", "g2")), b=ZoneConfig())
    found = node.listed()
    assert {zone: member.groups for zone, member in found.items()} == {"a": ("g1", "g2"), "c": ()}
    node.configure(a=ZoneConfig(catalog=CATALOG, catalog_group=("g2",)), b=ZoneConfig())
    assert node.listed() == found | {"a": found["a"]._replace(groups=("g2",))}
    assert node.subjects()[0] == "catalog: change a.example."


def test_a_zone_moves_to_another_catalog_with_its_node(node: Node) -> None:
    node.add("a", "b")
    first = node.listed()
    node.configure(a=ZoneConfig(catalog=OTHER))
    assert node.listed(OTHER) == {"a": first["a"]}
    assert node.listed() == first | {"a": first["a"]._replace(coo=OTHER)}
    node.clock.now += COO_KEPT + 1
    assert set(node.listed()) == {"b"}
    assert node.listed(OTHER) == {"a": first["a"]}


def test_a_catalog_that_nothing_names_stays_as_it_is(node: Node) -> None:
    node.add("a")
    first = node.listed()
    node.config = replace(node.config, default_zone=ZoneConfig())
    node.producer.configure(node.config)
    node.add("b")
    assert node.listed() == first
    node.repository.remove_zone(CATALOG)


def test_a_zone_that_is_no_catalog_is_left_alone(node: Node) -> None:
    node.repository.add_zone(CATALOG)
    node.add("a")
    node.producer.look()
    assert len(node.subjects()) == 1
    node.repository.set("x", A, 60, [bytes(4)], zone=CATALOG)


def test_a_catalog_that_was_written_by_hand_is_taken_over_with_its_nodes(node: Node) -> None:
    first = [*_written_by_hand(node)]
    node.add("a", "b")
    found = node.listed()
    assert found["a"] == Member("a.example.", b"mine")
    assert set(found) == {"a", "b"}, first


def _written_by_hand(node: Node) -> Iterator[str]:
    from zonegit.model.names import parse_apex
    from zonegit.model.rdata import PTR, TXT

    node.repository.add_zone(CATALOG)
    node.repository.set("version", TXT, 0, [b"\x012"], zone=CATALOG)
    node.repository.set("mine.zones", PTR, 0, [parse_apex("a.example.")], zone=CATALOG)
    node.repository.set("gone.zones", PTR, 0, [parse_apex("gone.example.")], zone=CATALOG)
    yield from ("mine", "gone")
