"""The canonical merge on a few histories that a reader can follow; laws and a model are in tests/laws."""

from collections.abc import Iterator
from itertools import permutations
from pathlib import Path

import pytest

import headskit
from headsgrow import Fleet
from headskit import CNAME, RRs, Zone
from zonegit.model.commit import Commit
from zonegit.model.ids import ObjectId, object_id
from zonegit.model.rdata import A
from zonegit.repo import Repository
from zonegit.repo.canonical import AUTHOR, Merged, is_canonical, merge_tips, reconcile, seq_of
from zonegit.repo.content import Content
from zonegit.repo.heads import Commits, heads_of
from zonegit.repo.merge_history import MergeHistory
from zonegit.repo.results import Revision
from zonegit.tree.source import Nodes

WWW = b"\3www"


def addresses(*last: int) -> list[bytes]:
    return [bytes([192, 0, 2, each]) for each in last]


class Histories:
    """A repository whose branches are what nodes have at the same time."""

    def __init__(self, path: Path) -> None:
        self.repository = Repository.init(path)
        self.repository.add_zone("example.org.")
        self.set("www", 1, 2)
        for name in ("left", "right"):
            self.repository.create_branch(name)

    def set(self, name: str, *last: int, ttl: int = 300, branch: str = "main") -> None:
        self.repository.set(name, A, ttl, addresses(*last), branch=branch)

    def tip(self, branch: str) -> ObjectId:
        return self.repository.resolve(branch).id

    @property
    def nodes(self) -> Nodes:
        return self.repository._context.nodes

    def holding(self, merged: Merged, owner: bytes = WWW) -> tuple[int, list[int]] | None:
        """The TTL and the addresses' last bytes at an owner of a merge."""
        nodes = over(self.nodes, merged)
        commit = Commit.decode(nodes.source.get(merged.tip))
        rrset = Content.of(nodes, Revision(merged.tip, commit)).rrset(owner, A)
        return (rrset.ttl, [rdata[-1] for rdata in rrset.rdatas]) if rrset else None

    def close(self) -> None:
        self.repository.close()


def over(nodes: Nodes, merged: Merged) -> Nodes:
    return nodes.over({object_id(data): data for data in merged.objects})


@pytest.fixture
def histories(tmp_path: Path) -> Iterator[Histories]:
    histories = Histories(tmp_path / "repo")
    yield histories
    histories.close()


def test_who_is_ahead_is_the_merge(histories: Histories) -> None:
    histories.set("www", 3, branch="left")
    old, new = histories.tip("main"), histories.tip("left")
    assert reconcile(histories.nodes, old, new) == reconcile(histories.nodes, new, old) == Merged(new)


def test_record_by_record_in_any_order(histories: Histories) -> None:
    histories.set("www", 1, 3)
    histories.set("www", 2, 4, branch="left")
    histories.set("mail", 9, branch="right")
    tips = [histories.tip(branch) for branch in ("main", "left", "right")]
    merges = [merge_tips(histories.nodes, order) for order in permutations(tips)]
    assert len(set(map(repr, merges))) == 1
    assert histories.holding(merges[0]) == (300, [3, 4])
    assert histories.holding(merges[0], b"\4mail") == (300, [9])
    assert not merges[0].rules


def test_pairs_come_to_the_same_commit(histories: Histories) -> None:
    histories.set("www", 1, 3)
    histories.set("www", 2, 4, branch="left")
    histories.set("mail", 9, branch="right")
    main, left, right = (histories.tip(branch) for branch in ("main", "left", "right"))
    whole = merge_tips(histories.nodes, [main, left, right]).tip
    for first, second, third in permutations([main, left, right]):
        pair = merge_tips(histories.nodes, [first, second])
        assert merge_tips(over(histories.nodes, pair), [pair.tip, third]).tip == whole


def test_the_commit_of_a_merge(histories: Histories) -> None:
    histories.set("www", 3)
    histories.set("mail", 9, branch="left")
    histories.set("mail", 8, branch="left")
    tips = [histories.tip("main"), histories.tip("left")]
    merged = merge_tips(histories.nodes, tips)
    commit = Commit.decode(merged.objects[-1])
    assert list(commit.parents) == sorted(tips)
    assert commit.author.name == commit.committer.name == AUTHOR
    assert commit.extra == (("mergealg", "1"),)
    assert commit.seq == seq_of(histories.nodes, tips) == 2 + 1 + 2
    assert heads_of(Commits(over(histories.nodes, merged).source), [merged.tip]) == sorted(tips)


def test_a_merge_that_was_made_otherwise_is_told_apart(histories: Histories) -> None:
    histories.set("www", 3)
    histories.set("mail", 9, branch="left")
    merged = merge_tips(histories.nodes, [histories.tip("main"), histories.tip("left")])
    commit = Commit.decode(merged.objects[-1])
    nodes = over(histories.nodes, merged)
    assert is_canonical(MergeHistory(nodes), merged.tip, commit)
    forged = commit._replace(zone_root=Commit.decode(nodes.source.get(commit.parents[0])).zone_root)
    assert not is_canonical(MergeHistory(nodes), object_id(forged.encode()), forged)


def test_two_who_replaced_a_record_apart_are_told(histories: Histories) -> None:
    histories.set("www", 1, 5)
    histories.set("www", 1, 6, branch="left")
    merged = merge_tips(histories.nodes, [histories.tip("main"), histories.tip("left")])
    assert histories.holding(merged) == (300, [1, 5, 6])
    assert [rule.name for rule in merged.rules.values()] == ["both-changed"]


def test_another_ttl_beats_the_removal_of_all(histories: Histories) -> None:
    histories.repository.delete("www")
    histories.set("www", 1, 2, ttl=60, branch="left")
    merged = merge_tips(histories.nodes, [histories.tip("main"), histories.tip("left")])
    assert histories.holding(merged) == (60, [1, 2])
    assert [rule.name for rule in merged.rules.values()] == ["both-changed"]


@pytest.mark.parametrize(
    ("owner", "rtype", "theirs"),
    [("www", headskit.A, None), ("www", headskit.A, 2), ("alias", CNAME, 2)],
    ids=["removes www", "moves www", "moves an alias"],
)
def test_a_tombstone_that_was_overruled_undoes_no_change_of_others(
    owner: str, rtype: int, theirs: int | None
) -> None:
    """A zone was removed, is back for a change that hadn't been seen, and goes on; then a laptop comes home."""
    for seed in range(8):
        fleet = Fleet(seed, nodes=1)
        [first] = fleet.tips
        apex = {key: value for key, value in fleet.model.made[first].zone.items() if key[0] == "@"}
        base: Zone = {**apex, (owner, rtype): _one(1)}
        begun = fleet.commit([first], base)
        changed = fleet.commit([begun], {**base, ("a", headskit.TXT): _one(1)})
        back = fleet.merge([changed, fleet.commit([begun], {}, dead=True)])
        further = fleet.commit([back], {**fleet.model.made[back].zone, ("b", headskit.TXT): _one(1)})
        laptop = fleet.commit([begun], apex if theirs is None else {**apex, (owner, rtype): _one(theirs)})
        fleet.told.clear()
        merged = fleet.model.made[fleet.merge([further, laptop])].zone
        assert merged.get((owner, rtype)) == (None if theirs is None else _one(theirs))
        assert {("a", headskit.TXT), ("b", headskit.TXT)} < merged.keys()
        assert not fleet.told


def _one(number: int) -> RRs:
    return 300, frozenset({(number,)})
