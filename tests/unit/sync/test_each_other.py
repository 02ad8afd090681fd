"""Two repositories that mirror a zone of each other's: each keeps its own, and both end up equal."""

from collections.abc import Callable

from synckit import NET, ORG, WHO, Wire, commit, local_refs, move, names, put_tag, refused, writable
from zonegit.model.refs import head, tag
from zonegit.store.memory import MemoryStore
from zonegit.store.port import RefUpdate

MAIN = head(ORG, "main")


def each_other() -> tuple[MemoryStore, MemoryStore, Callable[[], None], Callable[[], None]]:
    """Two nodes, the zone of each, and a pull in either direction."""
    one, two = MemoryStore(), MemoryStore()
    commit(one, ORG, names(ORG, 3))
    commit(two, NET, names(NET, 3))
    return one, two, lambda: Wire(two).pull(one) and None, lambda: Wire(one).pull(two) and None


def test_two_nodes_may_be_each_other_s_primary() -> None:
    one, two, to_one, to_two = each_other()
    for count in range(4, 9):
        to_one()
        to_two()
        to_one()
        assert local_refs(one) == local_refs(two)
        assert (refused(one), refused(two)) == (set(), set())
        assert (writable(one), writable(one, NET)) == (True, False)
        assert (writable(two), writable(two, NET)) == (False, True)
        mine = commit(one, ORG, names(ORG, count))
        to_one()
        assert (local_refs(one).get(MAIN), refused(one)) == (mine, {ORG}), "the mirror is a moment behind"
        to_two()
        to_one()
        assert refused(one) == set(), "and equal again"
        put_tag(one, ORG, f"v{count}", mine)
        commit(two, NET, names(NET, count))


def test_what_the_owner_moved_away_from_does_not_come_back_from_its_mirror() -> None:
    one, two, to_one, to_two = each_other()
    first = local_refs(one).get(MAIN)
    assert first is not None
    second = commit(one, ORG, names(ORG, 9))
    put_tag(one, ORG, "v1", second)
    commit(one, ORG, names(ORG, 9), branch="side")
    to_two()
    to_one()
    move(one, ORG, "main", first)
    move(one, ORG, "side", None)
    with one.write() as writer:
        writer.move_refs([RefUpdate(tag(ORG, "v1"), second, None)], WHO, "tag -d")
    before = local_refs(one)
    commit(two, NET, names(NET, 9))  # what makes the owner look
    to_one()
    own = {name: oid for name, oid in local_refs(one).items() if ORG in name}
    assert own == {name: oid for name, oid in before.items() if ORG in name}
    assert writable(one)
    assert refused(one) == {ORG}
    to_two()
    to_one()
    assert local_refs(one) == local_refs(two)
    assert refused(one) == set()
    move(one, ORG, "main", None)
    to_one()
    assert local_refs(one).get(MAIN) is None
    to_two()
    to_one()
    assert (local_refs(two).get(MAIN), refused(one)) == (None, set())
