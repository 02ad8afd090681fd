"""Branches that have diverged from a peer's and aren't merged here, noted for reports.

diverged/<zone> = {"<branch>": {"<peer>": {"theirs": id, "name": name, "since": unix seconds, "rules": n}}}
"""

import json
from collections.abc import Collection, Container, Iterable
from typing import Final, Literal, NamedTuple

from zonegit.errors import NotFound, Refused
from zonegit.model.commit import Commit
from zonegit.model.ids import ObjectId, parse_id
from zonegit.model.names import Owner
from zonegit.model.refs import head
from zonegit.model.rrset import key_parts
from zonegit.repo.ancestry import is_ancestor
from zonegit.repo.dates import rfc3339
from zonegit.repo.heads import Commits, heads_of
from zonegit.store.port import Reader, Writer
from zonegit.tree.source import Nodes

_PREFIX: Final = "diverged/"


class Diverged(NamedTuple):
    """A branch here, and what a peer has of it."""

    zone: str
    branch: str
    theirs: ObjectId
    """The peer's tip."""
    peer: str
    """A remote here, or the id of the key that it pushes with: what `refs/remotes/` has its tip by."""
    since: int
    """Unix seconds."""
    rules: int = 0
    """RRsets on which the two contradict each other; 0 also where nobody compared them."""
    name: str = ""
    """The peer's name in the configuration, if it differs."""

    def message(self) -> str:
        """A sentence for users."""
        since = rfc3339(self.since)
        whose = f"{self.name}'s, which pushes as {self.peer}," if self.name else f"{self.peer}'s"
        return f"{self.zone} {self.branch} has diverged from {whose} since {since}"


class Between(NamedTuple):
    """Why a branch here and the peer's differ."""

    rrsets: tuple[tuple[Owner, int], ...] = ()
    """Those on which the two contradict each other, with their types."""
    removed: Literal["", "here", "there"] = ""
    """Where the branch was removed, while it was changed on the other side."""
    merged: bool = False
    """Whether the peer has merged the two already, by rules."""


def between(nodes: Nodes, reader: Reader, each: Diverged) -> Between:
    """The reasons for one branch; empty where they can't be computed: for a signed zone, or if commits are gone."""
    from zonegit.repo.canonical import merge_tips, reconcile

    tip = reader.ref(head(each.zone, each.branch))
    if tip is None:
        return Between()
    try:
        if Commit.decode(reader.get(tip)).is_tombstone:
            return Between(removed="here")
        if Commit.decode(reader.get(each.theirs)).is_tombstone:
            return Between(removed="there")
        apart = reconcile(nodes, tip, each.theirs)
        merged = apart.tip == each.theirs
        rules = merge_tips(nodes, [each.theirs]).rules if merged else apart.rules
    except (NotFound, Refused):
        return Between()
    return Between(tuple(key_parts(key) for key in sorted(rules)), merged=merged)


def diverged(reader: Reader) -> list[Diverged]:
    """The diverged branches of all zones that haven't been merged since."""
    return [each for each in _noted(reader) if not _is_merged(reader, each)]


def diverged_in(reader: Reader, zone: str) -> list[Diverged]:
    """The diverged branches of one zone."""
    value = reader.setting(_PREFIX + zone)
    return [each for each in _read(zone, value) if not _is_merged(reader, each)] if value else []


def note_diverged(writer: Writer, noted: Iterable[Diverged]) -> None:
    """Note these. A branch that is noted already for the peer keeps its time."""
    for each in noted:
        known = {(old.branch, old.peer): old for old in diverged_in(writer, each.zone)}
        before = known.get((each.branch, each.peer))
        known[each.branch, each.peer] = each._replace(since=before.since if before else each.since)
        _write(writer, each.zone, known.values())


def settle_diverged(
    writer: Writer, peer: str, zones: Iterable[str], accepted: Container[tuple[str, str]] = ()
) -> None:
    """Forget branches of these zones that were merged since, and those that were accepted from the peer."""
    for zone in zones:
        value = writer.setting(_PREFIX + zone)
        if not value:
            continue
        left = [
            each for each in diverged_in(writer, zone) if each.peer != peer or (zone, each.branch) not in accepted
        ]
        if len(left) < len(_read(zone, value)):
            _write(writer, zone, left)


def forget_diverged(writer: Writer, peer: str, still: Collection[tuple[str, str]]) -> None:
    """Forget all that was noted of a peer except these zones and branches: it has withdrawn its own."""
    noted = [each for each in _noted(writer) if each.peer == peer and (each.zone, each.branch) not in still]
    for each in noted:
        kept = (old for old in diverged_in(writer, each.zone) if (old.branch, old.peer) != (each.branch, peer))
        _write(writer, each.zone, kept)


def noted_of(reader: Reader, peer: str) -> list[Diverged]:
    """All that was noted of a peer, whether it has been merged since or not."""
    return [each for each in _noted(reader) if each.peer == peer]


def _noted(reader: Reader) -> list[Diverged]:
    found = reader.settings(_PREFIX)
    return [each for name, value in found for each in _read(name.removeprefix(_PREFIX), value)]


def _is_merged(reader: Reader, each: Diverged) -> bool:
    """Whether a branch has what the peer had; or isn't there any more, or the peer's commit isn't.

    Of an automatic merge it may have all that was merged, and not the merge itself: somebody made another one.
    """
    tip = reader.ref(head(each.zone, each.branch))
    try:
        if tip is None or is_ancestor(reader, each.theirs, tip):
            return True
        return all(is_ancestor(reader, oid, tip) for oid in heads_of(Commits(reader), [each.theirs]))
    except NotFound:
        return True


def _read(zone: str, value: bytes) -> list[Diverged]:
    table: dict[str, dict[str, dict[str, str | int]]] = json.loads(value)
    return [
        Diverged(
            zone, branch, parse_id(str(row["theirs"])), peer, int(row["since"]), int(row["rules"]), str(row["name"])
        )
        for branch, peers in table.items()
        for peer, row in peers.items()
    ]


def _write(writer: Writer, zone: str, found: Iterable[Diverged]) -> None:
    table: dict[str, dict[str, object]] = {}
    for each in found:
        row = {"theirs": each.theirs.hex(), "name": each.name, "since": each.since, "rules": each.rules}
        table.setdefault(each.branch, {})[each.peer] = row
    writer.set_setting(_PREFIX + zone, json.dumps(table).encode() if table else None)
