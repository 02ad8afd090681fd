"""Reading a history agrees with brute force on the model it was made from: `log`, `blame`, `when`, `graph`."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from historykit import OWNERS, TYPES, VALUES, History, Record, build, histories, reach, records
from zonegit.errors import NotFound
from zonegit.model.ids import ObjectId
from zonegit.repo import Revision

_NAMES = st.sampled_from(OWNERS)
_TYPES = st.sampled_from((None, *TYPES))


def numbers(found: Sequence[Revision]) -> list[int]:
    return [int(revision.commit.message) for revision in found]


def simplified(history: History, start: int, without: Sequence[int], owner: str, rtype: int | None) -> set[int]:
    """The commits that `git log ^WITHOUT… START -- NAME` lists, by the words of git's manual."""
    out = reach(history, without)
    listed: set[int] = set()
    todo, seen = [start], set(out)
    while todo:
        at = todo.pop()
        if at in seen:
            continue
        seen.add(at)
        here = records(history[at], owner, rtype)
        parents = history[at].parents
        same = [parent for parent in parents if records(history[parent], owner, rtype) == here]
        inside = [parent for parent in parents if parent not in out or parent in without]
        kept = [parent for parent in same if parent in inside]
        if kept:
            todo.append(kept[0])
            continue
        todo += parents
        if inside or len(same) < len(parents) or (not parents and here):
            listed.add(at)
    return listed


@given(histories(), _NAMES, _TYPES, st.data())
def test_a_log_of_a_name_is_simplified_as_git_does_it(
    history: History, owner: str, rtype: int | None, data: st.DataObject
) -> None:
    repository, ids = build(history)
    without = data.draw(st.lists(st.integers(0, len(history) - 1), max_size=2, unique=True))
    words = ["main", *(f"^{ids[at].hex()}" for at in without)]
    found = numbers(list(repository.log(*words, name=owner, rtype=rtype)))
    assert set(found) == simplified(history, len(history) - 1, without, owner, rtype)
    assert len(set(found)) == len(found)
    place = {number: at for at, number in enumerate(found)}
    assert all(place[a] < place[b] for a in found for b in found if b in reach(history, history[a].parents))


@given(histories(), st.data())
def test_a_log_lists_what_is_reached_and_isnt_left_out(history: History, data: st.DataObject) -> None:
    repository, ids = build(history)
    one, other = data.draw(st.tuples(*[st.integers(0, len(history) - 1)] * 2))
    a, b = reach(history, [one]), reach(history, [other])
    for dots, wanted in (("..", b - a), ("...", a ^ b)):
        found = numbers(list(repository.log(f"{ids[one].hex()}{dots}{ids[other].hex()}")))
        assert sorted(found) == sorted(wanted)
    first = [one]
    while history[first[-1]].parents:
        first.append(history[first[-1]].parents[0])
    assert numbers(list(repository.log(ids[one].hex(), first_parent=True))) == first


@given(histories(), st.data(), st.sampled_from((None, *OWNERS)))
def test_a_graph_leads_from_each_commit_to_its_nearest_that_are_listed(
    history: History, data: st.DataObject, owner: str | None
) -> None:
    repository, ids = build(history)
    hidden = data.draw(st.frozensets(st.integers(0, len(history) - 1)))
    drawn = list(
        repository.graph("main", name=owner, wanted=lambda revision: int(revision.commit.message) not in hidden)
    )
    listed = set(numbers(list(repository.log("main", name=owner)))) - hidden
    number = {oid: at for at, oid in enumerate(ids)}
    assert {number[each.revision.id] for each in drawn} == listed
    assert len(drawn) == len(listed)
    seen: set[ObjectId] = set()
    for each in drawn:
        seen.add(each.revision.id)
        assert len(set(each.above)) == len(each.above)
        assert not seen & set(each.above)
        assert {number[oid] for oid in each.above} <= listed & reach(
            history, history[number[each.revision.id]].parents
        )
        if owner is None:
            assert {number[oid] for oid in each.above} == nearest(history, number[each.revision.id], listed)


def nearest(history: History, at: int, listed: set[int]) -> set[int]:
    found: set[int] = set()
    for parent in history[at].parents:
        found |= {parent} if parent in listed else nearest(history, parent, listed)
    return found


def blamed(history: History, at: int, owner: str, record: Record) -> int:
    """Who put a record there: follow it back, one parent at a time."""
    here = records(history[at], owner, record[0])
    assert record in here
    above = [(parent, records(history[parent], owner, record[0])) for parent in history[at].parents]
    for parent, there in above:
        if there == here:
            return blamed(history, parent, owner, record)
    for parent, there in above:
        if record in there:
            return blamed(history, parent, owner, record)
    return at


@given(histories(), _NAMES, _TYPES)
def test_blame_agrees_with_following_each_record_back(history: History, owner: str, rtype: int | None) -> None:
    repository, _ = build(history)
    last = len(history) - 1
    wanted = {record: blamed(history, last, owner, record) for record in records(history[last], owner, rtype)}
    try:
        found = repository.blame(owner, rtype)
    except NotFound:
        found = []
    assert {(each.rtype, each.ttl, each.rdata): int(each.revision.commit.message) for each in found} == wanted
    for each in found:
        assert each.revision in list(repository.log(name=owner, rtype=each.rtype))


@given(histories(), _NAMES, st.sampled_from(TYPES), st.data())
def test_when_agrees_with_comparing_each_commit_with_its_parents(
    history: History, owner: str, rtype: int, data: st.DataObject
) -> None:
    repository, _ = build(history)
    rdata = data.draw(st.sampled_from(VALUES[rtype]))
    has = [any(record[2] == rdata for record in records(made, owner, rtype)) for made in history]
    wanted = {
        at: has[at]
        for at in reach(history, [len(history) - 1])
        if all(has[parent] is not has[at] for parent in history[at].parents) and (history[at].parents or has[at])
    }
    try:
        found = repository.when(owner, rtype, [rdata])
    except NotFound:
        found = []
    assert {int(each.revision.commit.message): each.came for each in found} == wanted
    assert repository.stands(owner, rtype, [rdata]) is has[-1]
    ranks = [(each.revision.commit.generation, each.revision.id) for each in found]
    assert [rank[0] for rank in ranks] == sorted((rank[0] for rank in ranks), reverse=True)
