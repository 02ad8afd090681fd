"""What followed catalogs change: nothing is taken over, and nothing goes that shouldn't (RFC 9432 §5)."""

import pytest

from catalogkit import catalog, member
from zonegit.repo.catalog.following import Clash, Decided, Following, Held, decide
from zonegit.repo.catalog.values import Broken, Catalog, Member

ONE, TWO = "one.catalog.", "two.catalog."
Members = dict[str, tuple[str, Member]]


def follow(*found: Catalog | Broken, most: int | None = None, allowed: bool = False) -> dict[str, Following]:
    return {each.name: Following(each, most, allowed) for each in found}


def members(name: str, *each: Member) -> Members:
    return {member.zone: (name, member) for member in each}


def done(decided: Decided) -> tuple[Members, set[str]]:
    return dict(decided.members), set(decided.removed)


A, B, C = member("a.example."), member("b.example."), member("c.example.")


def test_new_members_come() -> None:
    assert done(decide(follow(catalog(A, B, name=ONE)), {}, [])) == (members(ONE, A, B), set())


def test_members_that_are_no_longer_listed_go() -> None:
    found = decide(follow(catalog(A, name=ONE)), members(ONE, A, B), ["a.example.", "b.example."])
    assert done(found) == (members(ONE, A), {"b.example."})


def test_a_member_with_another_node_begins_again() -> None:
    again = member("a.example.", "other")
    found = decide(follow(catalog(again, B, name=ONE)), members(ONE, A, B), ["a.example."])
    assert done(found) == (members(ONE, again, B), {"a.example."})


def test_another_group_begins_nothing_again() -> None:
    grouped = A._replace(groups=("g",))
    assert done(decide(follow(catalog(grouped, name=ONE)), members(ONE, A), [])) == (members(ONE, grouped), set())


def test_a_broken_catalog_changes_nothing() -> None:
    found = decide(follow(Broken(ONE, ("why",)), catalog(C, name=TWO)), members(ONE, A, B), [])
    assert done(found) == (members(ONE, A, B) | members(TWO, C), set())
    assert not found.held


@pytest.mark.parametrize(
    ("before", "after", "most", "held"),
    [
        (100, 90, None, None),
        (100, 89, None, Held(11, 10)),
        (1000, 900, None, None),
        (1000, 899, None, Held(101, 100)),
        (5, 1, None, None),
        (5, 0, None, Held(5, 4)),
        (1, 0, None, Held(1, 0)),
        (5, 4, 0, Held(1, 0)),
        (5, 0, 9, Held(5, 4)),
        (30, 10, 20, None),
    ],
)
def test_too_many_removals_are_held(before: int, after: int, most: int | None, held: Held | None) -> None:
    every = [member(f"z{n}.example.") for n in range(before)]
    known = members(ONE, *every)
    new = member("new.example.")
    found = decide(follow(catalog(*every[:after], *([new] if after else []), name=ONE), most=most), known, [])
    assert found.held == ({ONE: held} if held else {})
    assert len(found.removed) == (0 if held else before - after)
    assert ("new.example." in found.members) is bool(after), "what comes is never held"
    allowed = decide(follow(catalog(*every[:after], name=ONE), most=most, allowed=True), known, [])
    assert (len(allowed.members), dict(allowed.held)) == (after, {})


def test_members_that_begin_again_count_as_removals() -> None:
    every = [member(f"z{n}.example.") for n in range(20)]
    again = [each._replace(ident=b"x" + each.ident, groups=("g",)) for each in every[:11]]
    found = decide(follow(catalog(*again, *every[11:], name=ONE)), members(ONE, *every), [])
    assert found.held == {ONE: Held(11, 10)}
    assert done(found) == (members(ONE, *every), set())


def test_nothing_is_taken_over() -> None:
    listed = catalog(A, B, C, member(TWO), name=ONE)
    catalogs = follow(listed, catalog(B, name=TWO))
    found = decide(catalogs, members(TWO, B), ["a.example.", "b.example."], ["c.example."])
    assert done(found) == (members(TWO, B), set())
    assert found.clashes == {
        "a.example.": (ONE, Clash.BY_HAND),
        "b.example.": (ONE, Clash.OTHER),
        "c.example.": (ONE, Clash.CONFIGURED),
        TWO: (ONE, Clash.CATALOG),
    }


def test_a_catalog_removes_only_what_came_from_it() -> None:
    found = decide(follow(catalog(A, name=ONE)), members(ONE, A) | members(TWO, B), ["c.example."])
    assert done(found) == (members(ONE, A) | members(TWO, B), set())


@pytest.mark.parametrize("order", [(ONE, TWO), (TWO, ONE)])
def test_a_member_moves_when_its_old_catalog_says_so(order: tuple[str, str]) -> None:
    old, new = order
    leaving = A._replace(coo=new)
    waits = decide(follow(catalog(leaving, name=old), catalog(name=new)), members(old, A), ["a.example."])
    assert done(waits) == (members(old, leaving), set())
    moves = decide(follow(catalog(leaving, name=old), catalog(A, name=new)), dict(waits.members), ["a.example."])
    assert done(moves) == (members(new, A), set())
    assert not moves.clashes
    gone = decide(follow(catalog(name=old), catalog(A, name=new)), dict(moves.members), ["a.example."])
    assert done(gone) == (members(new, A), set())


def test_a_member_that_moves_to_another_node_begins_again() -> None:
    again = member("a.example.", "other")
    catalogs = follow(catalog(A._replace(coo=TWO), name=ONE), catalog(again, name=TWO))
    assert done(decide(catalogs, members(ONE, A), ["a.example."])) == (members(TWO, again), {"a.example."})


@pytest.mark.parametrize(
    "old", [catalog(A, name=ONE), Broken(ONE, ("why",)), catalog(A._replace(coo="x."), name=ONE)]
)
def test_a_member_does_not_move_without_that(old: Catalog | Broken) -> None:
    found = decide(follow(old, catalog(A, name=TWO)), members(ONE, A), ["a.example."])
    assert found.members["a.example."][0] == ONE
    assert found.clashes == {"a.example.": (TWO, Clash.OTHER)}


def test_a_member_of_two_catalogs_belongs_to_the_first_that_listed_it() -> None:
    found = decide(follow(catalog(A, name=ONE), catalog(A, name=TWO)), {}, [])
    assert done(found) == (members(ONE, A), set())
    assert found.clashes == {"a.example.": (TWO, Clash.OTHER)}


def test_a_zone_that_one_catalog_removes_goes_to_another_that_lists_it() -> None:
    """A move without `coo` (§5.5): the old catalog's update came first."""
    found = decide(follow(catalog(B, name=ONE), catalog(A, name=TWO)), members(ONE, A, B), ["a.example."])
    assert done(found) == (members(ONE, B) | members(TWO, A), {"a.example."})


def test_the_members_of_a_catalog_that_is_not_followed_any_more_stay() -> None:
    assert done(decide({}, members(ONE, A), ["a.example."])) == (members(ONE, A), set())


def test_a_member_that_has_settings_of_its_own_leaves_its_catalog_and_stays() -> None:
    found = decide(follow(catalog(A, B, name=ONE)), members(ONE, A, B), ["a.example."], ["a.example."])
    assert done(found) == (members(ONE, B), set())
    assert found.clashes == {"a.example.": (ONE, Clash.CONFIGURED)}
    gone = decide(follow(catalog(B, name=ONE)), dict(found.members), ["a.example."], ["a.example."])
    assert done(gone) == (members(ONE, B), set())
