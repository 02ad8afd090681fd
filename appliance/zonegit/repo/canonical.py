"""The canonical merge: the tip of a branch that several nodes have written to concurrently (docs/sync.md).

It is a pure function of the user commits that a node knows. So nodes that know the same commits compute the same
merge, byte for byte, in whatever order they learnt of them, and a receiver checks an automatic merge by making it
again. Three things make it so: it starts from the *heads* (user commits that aren't ancestors of others), not from
the tips, which may be automatic merges themselves; heads are sorted by id; and author, time and message are fixed.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

from zonegit.errors import Refused
from zonegit.model.commit import MAX_PARENTS, TOMBSTONE, Commit, Stamp
from zonegit.model.ids import ObjectId, object_id
from zonegit.model.names import parse_apex
from zonegit.model.rrset import SOA_KEY, RRKey
from zonegit.model.zone import Zone
from zonegit.repo.heads import (
    AUTOMATIC,
    Commits,
    heads_of,
    is_automatic,
    unshared,
)
from zonegit.repo.merge_history import MergeHistory
from zonegit.repo.serials import count_up
from zonegit.repo.signed import is_signed
from zonegit.tree.edit import edit
from zonegit.tree.merge_cells import Touch
from zonegit.tree.merge_heads import Heads, Merge, Rule, Sides, differences, merge_heads
from zonegit.tree.source import Nodes
from zonegit.tree.zone_tree import Tree

AUTHOR: Final = "zonegit-merge"
MESSAGE: Final = "Merge what was written at the same time\n"
MAX_HEADS: Final = 1024
"""The most heads that are merged automatically. Beyond that, each further push of a peer that merges nothing would
cost a second, and 240 KB of automatic merges."""
MAX_CHANGES: Final = 1 << 16
_CHANGES_EACH: Final = 4
"""Bounds on the RRsets that the commits behind a merge changed, counted once for each commit: `MAX_CHANGES` in
all, or `_CHANGES_EACH` for each RRset in which the heads differ, whichever is more. A commit of 300 bytes can
change all names of a zone, and each change costs 4 microseconds and 140 bytes wherever the merge is made or
checked."""


class NotMerged(Refused):
    """Heads that a user must merge by hand. `reason`: `too-many-heads`, `too-many-changes` or `signed`."""

    def __init__(self, message: str, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason


class Merged(NamedTuple):
    """The commit that merges several heads, or the only head."""

    tip: ObjectId
    objects: tuple[bytes, ...] = ()
    """New objects of automatic merges, children before parents."""
    rules: Mapping[RRKey, Rule] = MappingProxyType({})
    """The RRsets in which heads contradict each other, and the rule that decided."""


class Comparison(NamedTuple):
    """The differences between several heads, and the commits behind them."""

    heads: tuple[ObjectId, ...]
    """Sorted."""
    commits: tuple[Commit, ...]
    trees: Heads
    """Heads that aren't tombstones count; if all are, all count."""
    sides: Mapping[RRKey, Sides]
    """What each counting head has under a key, for the keys on which they differ."""
    touches: Mapping[RRKey, Sequence[Touch]]
    """For each of these keys, the user commits that touched it, except those that all counting heads have. A
    tombstone touches nothing: a commit on top of one is compared with what the tombstone removed."""
    seq: int
    """The sequence number of their merge."""


def reconcile(nodes: Nodes, local: ObjectId, remote: ObjectId) -> Merged:
    """The tip that has the other one in its history, if either has; else the canonical merge of both.

    `NotMerged` where a user must merge them.
    """
    history = MergeHistory(nodes)
    # Bit 0: in the history of `local`, bit 1: in that of `remote`. Commits in both aren't listed.
    apart = {each.heads for each in unshared(history.commits, [local, remote])}
    if 0b10 not in apart:
        return Merged(local)
    if 0b01 not in apart:
        return Merged(remote)
    return _merge(history, [local, remote])


def merge_tips(nodes: Nodes, tips: Sequence[ObjectId]) -> Merged:
    """The canonical merge of all user commits in the histories of these tips. `NotMerged` as in `reconcile`."""
    return _merge(MergeHistory(nodes), tips)


def _merge(history: MergeHistory, tips: Sequence[ObjectId]) -> Merged:
    # A commit has at most `MAX_PARENTS` parents, so more heads are merged as a tree: group by group in the order of
    # their ids, then the merges of the groups, until one commit is left.
    level = heads_of(history.commits, tips)
    if len(level) > MAX_HEADS:
        raise NotMerged(
            f"{history.commits(level[0]).zone} has {len(level):,} concurrent heads, and at most {MAX_HEADS:,} are "
            "merged automatically: merge some of them with 'zonegit merge' first",
            "too-many-heads",
        )
    objects: list[bytes] = []
    rules: dict[RRKey, Rule] = {}
    while len(level) > 1:
        groups = [level[at : at + MAX_PARENTS] for at in range(0, len(level), MAX_PARENTS)]
        level = []
        for group in groups:
            if len(group) == 1:
                level += group
                continue
            merged = _merged(history, group)
            if len(groups) > 1:
                history.add(merged.objects)
            objects += merged.objects
            rules.update(merged.rules)
            level.append(merged.tip)
        level.sort()
    return Merged(level[0], tuple(objects), rules)


def is_canonical(history: MergeHistory, oid: ObjectId, commit: Commit) -> bool:
    """Whether an automatic merge is the canonical merge of its heads. Makes it again."""
    try:
        return _merge(history, commit.parents).tip == oid
    except NotMerged:
        return False


def seq_of(nodes: Nodes, tips: Sequence[ObjectId]) -> int:
    """The sequence number of the canonical merge of these tips; any other merge of them must come after it.

    It is the maximum, over all tips, of the tip's own number plus the number of user commits that it lacks. The
    highest number plus one would do at a single node, but then merges of different heads would share a serial.
    """
    heads = list(dict.fromkeys(tips))
    commits = Commits(nodes.source)
    users = Counter(each.heads for each in unshared(commits, heads) if not is_automatic(each.commit))
    return _seq([commits(oid) for oid in heads], users)


def compare_heads(history: MergeHistory, heads: Sequence[ObjectId]) -> Comparison:
    """The differences of at most `MAX_PARENTS` heads. `NotMerged` where their commits changed too much."""
    tips = tuple(map(history.commits, heads))
    every = (1 << len(heads)) - 1
    alive = sum(1 << number for number, commit in enumerate(tips) if not commit.is_tombstone) or every
    roots = tuple(map(history.root, tips))
    trees = Heads(roots, alive, len(parse_apex(tips[0].zone)))
    sides = differences(history.nodes, trees)
    touches: dict[RRKey, list[Touch]] = {}
    users: Counter[int] = Counter()
    most = max(MAX_CHANGES, _CHANGES_EACH * len(sides))
    changes = 0
    for each in unshared(history.commits, heads):
        if is_automatic(each.commit):
            continue
        users[each.heads] += 1
        # Only commits that some of the counting heads have, but not all, matter.
        if sides and each.heads & alive not in (0, alive) and not each.commit.is_tombstone:
            for key, touch in history.touched(each):
                changes += 1
                if changes > most:
                    raise NotMerged(
                        f"{tips[0].zone} has concurrent commits that changed more than {most:,} RRsets, too many "
                        "to merge automatically: merge them with 'zonegit merge'",
                        "too-many-changes",
                    )
                if key in sides:
                    touches.setdefault(key, []).append(touch)
    return Comparison(tuple(heads), tips, trees, sides, touches, _seq(tips, users))


def explain(nodes: Nodes, commit: Commit) -> tuple[Comparison, Mapping[RRKey, Rule]]:
    """What differed between the heads of an automatic merge, and the rules that decided."""
    history = MergeHistory(nodes)
    compared = compare_heads(history, commit.parents)
    return compared, _rules(compared, merge_heads(history.nodes, compared.trees, compared.sides, compared.touches))


def _rules(compared: Comparison, merge: Merge) -> dict[RRKey, Rule]:
    """The rules of a merge, and `removed` for the SOA if some heads, but not all, are tombstones."""
    rules = dict(merge.rules)
    dead = ((1 << len(compared.heads)) - 1) & ~compared.trees.alive
    if dead:
        rules.setdefault(SOA_KEY, Rule("removed", dead))
    return rules


def _merged(history: MergeHistory, heads: Sequence[ObjectId]) -> Merged:
    """The automatic merge of at most `MAX_PARENTS` heads."""
    nodes = history.nodes
    compared = compare_heads(history, heads)
    trees = compared.trees
    first = compared.commits[trees.numbers[0]]
    if any(is_signed(Tree(nodes, trees.roots[number])) for number in trees.numbers):
        raise NotMerged(
            f"{first.zone} is signed elsewhere and was changed concurrently, and nobody here can sign a "
            "merge: 'zonegit merge --unsign' merges without the signatures, 'zonegit reset' takes one side",
            "signed",
        )
    merge = merge_heads(nodes, trees, compared.sides, compared.touches)
    objects: list[bytes] = []
    zone_root = first.zone_root
    if merge.changes:
        zone = Zone.decode(nodes.source.get(zone_root))
        built = edit(nodes, zone.tree, zone.shape, merge.changes.items())
        data = Zone(built.root, zone.shape, built.records).encode()
        objects = [*built.objects, data]
        zone_root = object_id(data)
    stamp = Stamp(AUTHOR, max(commit.committer.time for commit in compared.commits))
    commit = Commit(
        zone_root=zone_root,
        parents=tuple(heads),
        zone=first.zone,
        seq=compared.seq,
        generation=1 + max(each.generation for each in compared.commits),
        author=stamp,
        committer=stamp,
        message=MESSAGE,
        extra=(AUTOMATIC,) if not first.is_tombstone else (AUTOMATIC, TOMBSTONE),
    )
    data = commit.encode()
    return Merged(object_id(data), (*objects, data), _rules(compared, merge))


def _seq(heads: Sequence[Commit], users: Counter[int]) -> int:
    """The maximum over all heads of a head's number plus the number of the others' user commits that it lacks.

    `users` counts user commits by the set of heads (bits) that have them.
    """
    lacking = (
        sum(count for bits, count in users.items() if not bits >> number & 1) for number in range(len(heads))
    )
    return max(count_up(head.seq, steps) for head, steps in zip(heads, lacking, strict=True))
