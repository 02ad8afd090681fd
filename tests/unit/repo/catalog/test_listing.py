"""Catalogs list the zones that are here, each at a node that it keeps for as long as it is there."""

from catalogkit import catalog, member
from zonegit.repo.catalog.listing import COO_KEPT, Listed, next_listing
from zonegit.repo.catalog.values import Catalog, Member

OLD, NEW = "old.catalog.", "new.catalog."
NONE: frozenset[str] = frozenset()


def listed(
    wanted: dict[str, Listed], *made: Catalog, tag: bytes = b"1", again: frozenset[str] = NONE
) -> dict[str, dict[str, Member]]:
    found = next_listing(wanted, {each.name: each for each in made}, {}, again, NONE, tag, 1000)
    return {name: dict(members) for name, members in found.members.items()}


def test_each_zone_gets_a_node_of_its_own() -> None:
    members = listed({"a.": Listed(OLD), "b.": Listed(OLD, ("g",)), "c.": Listed(NEW)})
    assert {name: set(each) for name, each in members.items()} == {OLD: {"a.", "b."}, NEW: {"c."}}
    assert len({each.ident for found in members.values() for each in found.values()}) == 3
    assert members[OLD]["b."].groups == ("g",)


def test_a_zone_keeps_its_node() -> None:
    first = listed({"a.": Listed(OLD)})
    made = Catalog(OLD, first[OLD])
    assert listed({"a.": Listed(OLD), "b.": Listed(OLD)}, made, tag=b"2")[OLD]["a."] == first[OLD]["a."]
    regrouped = listed({"a.": Listed(OLD, ("g",))}, made, tag=b"2")[OLD]["a."]
    assert regrouped == first[OLD]["a."]._replace(groups=("g",))


def test_a_zone_that_went_is_listed_no_more_and_has_another_node_when_it_comes_back() -> None:
    first = listed({"a.": Listed(OLD)})
    empty = listed({}, Catalog(OLD, first[OLD]), tag=b"2")
    assert empty == {OLD: {}}
    again = listed({"a.": Listed(OLD)}, Catalog(OLD, empty[OLD]), tag=b"3")
    assert again[OLD]["a."].ident != first[OLD]["a."].ident


def test_a_zone_that_began_again_between_two_looks_has_another_node() -> None:
    first = listed({"a.": Listed(OLD)})
    again = listed({"a.": Listed(OLD)}, Catalog(OLD, first[OLD]), tag=b"2", again=frozenset({"a."}))
    assert again[OLD]["a."].ident != first[OLD]["a."].ident


def test_a_zone_moves_with_its_node_and_its_old_catalog_says_where_it_is() -> None:
    made = catalog(member("a."), name=OLD)
    moved = next_listing({"a.": Listed(NEW)}, {OLD: made}, {}, NONE, NONE, b"2", 1000)
    assert moved.members == {OLD: {"a.": member("a.", coo=NEW)}, NEW: {"a.": member("a.")}}
    assert moved.moved == {(OLD, "a."): 1000}

    both = {OLD: Catalog(OLD, moved.members[OLD]), NEW: Catalog(NEW, moved.members[NEW])}
    later = next_listing({"a.": Listed(NEW)}, both, moved.moved, NONE, NONE, b"3", 1000 + COO_KEPT - 1)
    assert (later.members, later.moved) == (moved.members, moved.moved)
    last = next_listing({"a.": Listed(NEW)}, both, moved.moved, NONE, NONE, b"3", 1000 + COO_KEPT)
    assert last.members == {OLD: {}, NEW: {"a.": member("a.")}}
    assert last.moved == {}


def test_a_zone_that_moves_back_has_its_node_still() -> None:
    both = [catalog(member("a.", coo=NEW), name=OLD), catalog(member("a."), name=NEW)]
    assert listed({"a.": Listed(OLD)}, *both) == {OLD: {"a.": member("a.")}, NEW: {"a.": member("a.", coo=OLD)}}


def test_an_edit_of_the_configuration_removes_no_zone_from_a_catalog() -> None:
    made = {OLD: catalog(member("a."), member("b."), name=OLD)}
    ended = frozenset({OLD})
    assert next_listing({}, made, {}, NONE, ended, b"2", 1000).members == {OLD: made[OLD].members}
    moved = next_listing({"a.": Listed(NEW)}, made, {}, NONE, ended, b"2", 1000)
    assert moved.members == {
        OLD: {"a.": member("a.", coo=NEW), "b.": member("b.")},
        NEW: {"a.": member("a.")},
    }
