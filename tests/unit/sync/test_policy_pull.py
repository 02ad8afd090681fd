"""Pulls by policy, between two stores: what tracks the peer, what moves, what stays apart and is noted."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from arrivalkit import change, nodes_with, tip_of
from synckit import NET, ORG, PEER, WHO, Wire, commit, move, names, put_tag, refs_of, writable
from zonegit.daemon.freshness import Freshness
from zonegit.model.ids import ObjectId
from zonegit.model.refs import Ref, RefKind, head, remote, tag
from zonegit.repo.ancestry import is_ancestor
from zonegit.repo.diverged import diverged
from zonegit.repo.mirrors import mirror_setting
from zonegit.repo.peer_status import LEFT_OUT, REFUSED
from zonegit.store.memory import MemoryStore
from zonegit.store.port import RefUpdate, Store
from zonegit.store.writer import StoreWriter
from zonegit.sync.mirror import Moved, every
from zonegit.sync.policy import Policy
from zonegit.sync.policy_pull import TRIES, PolicySession, Rules
from zonegit.sync.ref_lists import RefLists


def never(_zone: str) -> bool:
    return False


def rules(policy: Policy, covers: Callable[[str], bool] = every, *, pulls: bool = True) -> Rules:
    """Of zones that are written here."""
    return Rules(covers, never, lambda _zone: policy, pulls)


def pull(store: Store, peer: Store, how: Rules, *, again: bool = False) -> Moved:
    session = PolicySession(store, PEER, refs_of(peer), how, again=again)
    Wire(peer).run(session)
    return session.finish(WHO)


def outcomes(moved: Moved) -> list[tuple[str, str]]:
    return [(result.outcome, result.reason) for result in moved.results]


def tracked(store: Store, zone: str = ORG) -> object:
    with store.read() as reader:
        return reader.ref(remote(PEER, zone, "main"))


def apart(store: Store) -> list[tuple[str, str, str]]:
    with store.read() as reader:
        return [(each.zone, each.branch, each.peer) for each in diverged(reader)]


MERGE, HOLD, FF_ONLY = (rules(policy) for policy in (Policy.MERGE, Policy.HOLD, Policy.FF_ONLY))


@pytest.mark.parametrize("how", [MERGE, HOLD, FF_ONLY])
def test_what_is_ahead_is_followed_by_any_policy_and_stays_writable(how: Rules) -> None:
    here, there, _ = nodes_with()
    new = change(there, "a", 1)
    commit(there, NET, names(NET, 3))
    moved = pull(here, there, how)
    assert tip_of(here) == tracked(here) == new
    assert set(moved.branches) >= {head(ORG, "main"), head(NET, "main")}
    assert writable(here)
    assert writable(here, NET)
    assert pull(here, there, how) == Moved()


def test_two_that_pull_from_each_other_come_to_the_same() -> None:
    here, there, _ = nodes_with()
    change(here, "a", 1)
    change(there, "b", 2)
    assert outcomes(pull(here, there, MERGE)) == [("merged", "")]
    merged = tip_of(here)
    assert outcomes(pull(there, here, MERGE)) == [("updated", "")]
    assert tip_of(there) == merged
    assert tracked(there) == merged
    assert pull(here, there, MERGE).branches == ()
    assert apart(here) == apart(there) == []


@pytest.mark.parametrize(
    ("how", "expected"), [(HOLD, ("held", "conflict")), (FF_ONLY, ("refused", "not-fast-forward"))]
)
def test_what_stays_apart_is_noted_until_somebody_merges(how: Rules, expected: tuple[str, str]) -> None:
    here, there, _ = nodes_with()
    ours, theirs = change(here, "a", 1, ttl=60), change(there, "a", 2, ttl=600)
    change_of = (change(here, "a", 1, ttl=61), change(there, "a", 2, ttl=601))
    assert outcomes(pull(here, there, how)) == [expected]
    assert (tip_of(here), tracked(here)) == change_of
    assert apart(here) == [(ORG, "main", PEER)]
    assert outcomes(pull(here, there, how)) == [expected], "it is decided anew at each exchange"
    merged = commit(here, ORG, names(ORG, 3), parents=change_of)
    assert apart(here) == []
    pull(here, there, how)
    assert tip_of(here) == merged
    assert ours != theirs


def test_a_peer_that_takes_its_change_back_is_apart_no_longer() -> None:
    here, there, base = nodes_with()
    ours = change(here, "a", 1)
    change(there, "b", 2)
    pull(here, there, FF_ONLY)
    assert apart(here) == [(ORG, "main", PEER)]
    move(there, ORG, "main", base)
    pull(here, there, FF_ONLY)
    assert apart(here) == []
    assert tip_of(here) == ours


def test_another_policy_decides_about_what_is_known_of_the_peer_already() -> None:
    here, there, _ = nodes_with()
    change(here, "a", 1)
    change(there, "b", 2)
    pull(here, there, FF_ONLY)
    moved = pull(here, there, MERGE, again=True)
    assert outcomes(moved) == [("merged", "")]
    assert apart(here) == []


def test_what_is_not_covered_is_not_fetched() -> None:
    here, there, _ = nodes_with()
    commit(there, NET, names(NET, 3))
    only = rules(Policy.MERGE, lambda zone: zone == ORG)
    pull(here, there, only)
    assert tracked(here, NET) is None
    assert tip_of(here, Ref(RefKind.HEAD, NET, "main")) is None


def test_a_zone_that_is_no_longer_covered_stays_and_is_written_here() -> None:
    here, there, _ = nodes_with()
    mirrored = commit(there, NET, names(NET, 3))
    pull(here, there, Rules())
    assert not writable(here, NET)
    covers = lambda zone: zone == ORG  # noqa: E731
    pull(here, there, Rules(covers, covers))
    assert tip_of(here, Ref(RefKind.HEAD, NET, "main")) == mirrored
    assert tracked(here, NET) is None
    assert writable(here, NET)


def test_a_mirrored_zone_may_be_written_once_its_policy_merges() -> None:
    there = MemoryStore()
    commit(there, ORG, names(ORG, 3))
    here = MemoryStore()
    pull(here, there, Rules())
    assert not writable(here)
    change(there, "b", 2)
    pull(here, there, MERGE)
    assert writable(here)
    change(here, "a", 1)
    change(there, "c", 3)
    assert outcomes(pull(here, there, MERGE)) == [("merged", "")]


def test_a_mirrored_zone_in_which_nothing_moved_may_be_written_too() -> None:
    there, here = MemoryStore(), MemoryStore()
    commit(there, ORG, names(ORG, 3))
    pull(here, there, Rules())
    nothing = refs_of(there)._replace(lists=RefLists(), gone=())
    session = PolicySession(here, PEER, nothing, MERGE, again=True)
    Wire(there).run(session)
    session.finish(WHO)
    assert writable(here)


def test_a_zone_that_is_written_here_does_not_expire() -> None:
    there, here = MemoryStore(), MemoryStore()
    commit(there, ORG, names(ORG, 3))
    for how, expired in ((Rules(), {ORG}), (MERGE, set())):
        pull(here, there, how, again=True)
        fresh = Freshness(here, PEER, lambda _zone: "main", 1.0, lambda: WHO.time + 1e6)
        assert fresh.too_old() == expired
        change(there, "a", 1)


def test_a_zone_that_another_peer_is_mirrored_from_comes_from_there() -> None:
    here, there, base = nodes_with()
    with here.write() as writer:
        writer.set_setting(mirror_setting(ORG), b"other")
    new = change(there, "a", 1)
    moved = pull(here, there, MERGE)
    assert moved.results == ()
    assert (tip_of(here), tracked(here)) == (base, new)


def test_what_vanished_at_the_peer_stays_here() -> None:
    here, there, base = nodes_with()
    pull(here, there, MERGE)
    move(there, ORG, "main", None)
    pull(here, there, MERGE)
    assert (tip_of(here), tracked(here)) == (base, None)


def test_tags_come_and_never_move() -> None:
    here, there, base = nodes_with()
    put_tag(there, ORG, "v1", base)
    pull(here, there, MERGE)
    assert tip_of(here, Ref(RefKind.TAG, ORG, "v1")) == base
    other = change(there, "a", 1)
    with there.write() as writer:
        writer.move_refs([RefUpdate(tag(ORG, "v1"), base, other)], WHO, "tag: test")
    moved = pull(here, there, MERGE)
    assert ("refused", "tag-differs") in outcomes(moved)
    assert tip_of(here, Ref(RefKind.TAG, ORG, "v1")) == base
    assert tip_of(here) == other, "the branch goes on"


def test_a_version_that_cannot_be_served_leaves_its_zone_where_it_is() -> None:
    here, there, base = nodes_with()
    content = {key: value for key, value in names(ORG, 3).items() if key[-2:] != b"\0\6"}
    commit(there, ORG, content)
    commit(there, NET, names(NET, 3))
    pull(here, there, MERGE)
    assert tip_of(here) == base
    assert tip_of(here, Ref(RefKind.HEAD, NET, "main")) is not None
    with here.read() as reader:
        assert set(LEFT_OUT.read(reader)[PEER]) == {ORG}
        assert REFUSED.read(reader) == {}


def test_a_look_at_a_peer_that_is_only_pushed_to_moves_nothing_and_notes_what_diverged() -> None:
    here, there, base = nodes_with()
    new = change(there, "a", 1)
    look = rules(Policy.FF_ONLY, pulls=False)
    assert pull(here, there, look).results == ()
    assert (tip_of(here), tracked(here)) == (base, new)
    change(here, "b", 2)
    pull(here, there, look, again=True)
    assert apart(here) == [(ORG, "main", PEER)]


class Busy(MemoryStore):
    """A store in which somebody commits just before each of the next transactions."""

    def __init__(self) -> None:
        super().__init__()
        self.times = 0
        self.late: list[ObjectId] = []

    @contextmanager
    def write(self) -> Iterator[StoreWriter]:
        if self.times:
            times, self.times = self.times, 0
            self.late.append(change(self, f"late{times}", 3))
            self.times = times - 1
        with super().write() as writer:
            yield writer


@pytest.mark.parametrize("times", [1, TRIES])
def test_a_commit_that_lands_while_a_merge_is_made_is_merged_too(times: int) -> None:
    """However many there are: the last merge is made while others wait."""
    here, there = Busy(), MemoryStore()
    base = commit(there, ORG, names(ORG, 3))
    pull(here, there, MERGE)
    assert tip_of(here) == base
    change(here, "a", 1)
    change(there, "b", 2)
    session = PolicySession(here, PEER, refs_of(there), MERGE)
    Wire(there).run(session)
    here.times = times
    assert outcomes(session.finish(WHO)) == [("merged", "")]
    assert len(here.late) == times
    tip = tip_of(here)
    assert tip is not None
    with here.read() as reader:
        assert all(is_ancestor(reader, oid, tip) for oid in here.late)
