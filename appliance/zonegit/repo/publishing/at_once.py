"""Publishes a commit in the transaction that makes it, so that it isn't made durable twice.

Only where the policy is quick to judge by (`repo.publishing.in_force`), and where there is little else to judge: a
few small commits on top of the one that is served, as UPDATEs make them. The publisher process does the rest, as it
does for whatever is held here.
"""

from collections.abc import Sequence
from contextlib import nullcontext
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

from zonegit.errors import ZonegitError
from zonegit.model.commit import Stamp
from zonegit.model.ids import ObjectId
from zonegit.model.rdata import CNAME, DNAME, NS
from zonegit.model.refs import RefKind, parse
from zonegit.repo.content import Content
from zonegit.repo.history import read_commit
from zonegit.repo.publishing.in_force import policy_in_force
from zonegit.repo.results import Position, Revision
from zonegit.store.port import RefUpdate, Writer
from zonegit.tree.diff import diff
from zonegit.tree.source import Nodes, NodeSource

if TYPE_CHECKING:
    from zonegit.repo.publishing.policy import Proposed, Published, PublishPolicy

_BRANCHES: Final = 16
"""The most refs that move in a transaction in which branches are published."""
_COMMITS: Final = 64
"""The most commits that are published in their own transaction."""
_CHANGES: Final = 64
"""The most RRsets that they may change together: others wait meanwhile."""
_FAR: Final = tuple(rtype.to_bytes(2, "big") for rtype in (NS, CNAME, DNAME))
"""Types whose changes are checked at other names, too, which may take long."""


def publish_at_once(writer: Writer, nodes: Nodes, updates: Sequence[RefUpdate], who: Stamp) -> None:
    """Publish what these updates have put on branches, where that takes little. `nodes` reads through `writer`."""
    for name, old, new in updates if len(updates) <= _BRANCHES else ():
        ref = parse(name)
        if ref.kind is not RefKind.HEAD or old is None or new is None:
            continue
        place = Position(ref.zone, ref.name)
        policy = policy_in_force(writer, place)
        if policy is not None:
            _publish(_Moved(writer, nodes, place, policy, who), new)


class _Moved(NamedTuple):
    """A branch that moved in a transaction."""

    writer: Writer
    nodes: Nodes
    place: Position
    policy: "PublishPolicy"
    who: Stamp


def _publish(moved: _Moved, new: ObjectId) -> None:
    from zonegit.repo.publishing.reading import published_at
    from zonegit.repo.publishing.versions import release_in

    old = published_at(moved.writer, moved.place)
    tip = read_commit(moved.writer, new)
    if old is not None and _builds_on(moved.writer, tip, old.of) and _passes(moved, old, tip):
        release_in(moved.writer, moved.nodes, moved.who, moved.place, old, tip)


def _builds_on(source: NodeSource, tip: Revision, commit: ObjectId) -> bool:
    """Whether there are only a few commits without other parents between a commit and the tip."""
    for _ in range(_COMMITS):
        if len(tip.commit.parents) != 1:
            return False
        if tip.commit.parents[0] == commit:
            return True
        tip = read_commit(source, tip.commit.parents[0])
    return False


def _passes(moved: _Moved, old: "Published", tip: Revision) -> bool:
    """Whether the gate lets a commit through. False, too, if that isn't known or would take long to say."""
    from zonegit.repo.publishing.gate import Gate

    if old.version.commit.is_tombstone or tip.commit.is_tombstone:
        return False
    gate = Gate(lambda: nullcontext(moved.writer), moved.nodes, moved.place, moved.policy, _nobody, moved.who.time)
    try:
        return _is_small(moved.nodes, old, tip) and gate.judge(old, tip).release == tip
    except ZonegitError:  # the publisher reports it
        return False


def _is_small(nodes: Nodes, old: "Published", tip: Revision) -> bool:
    """Whether little changes up to a commit, and nothing that has to be checked far away."""
    before, after = Content.of(nodes, old.content), Content.of(nodes, tip)
    changed = [key for key, _, _ in islice(diff(nodes, before.tree.root, after.tree.root), _CHANGES + 1)]
    return len(changed) <= _CHANGES and not any(key[-2:] in _FAR for key in changed)


def _nobody(policy: "PublishPolicy", proposed: "Proposed") -> str | None:
    """The validator of a policy without one: it is never asked."""
    raise AssertionError(policy, proposed)
