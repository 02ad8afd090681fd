"""Tombstones: commits that remove a branch (docs/sync.md).

A deleted ref leaves no trace, so a peer that was offline would bring it back. A tombstone is a commit with an empty
tree on top of what it removes: a node that has it in a branch's history knows that what came before was removed.
The ref stays, points to the tombstone, and is replicated; for users, DNS clients and zone transfers the branch
doesn't exist. A commit on top of the tombstone begins the branch again.
"""

from collections.abc import Callable, Iterator

from zonegit.errors import NotFound, Refused
from zonegit.model import refs
from zonegit.model.commit import TOMBSTONE, Commit, Stamp
from zonegit.model.ids import ObjectId, object_id, short
from zonegit.model.zone import Shape, Zone
from zonegit.repo.ancestry import Objects, is_ancestor
from zonegit.repo.content import Content
from zonegit.repo.context import Context
from zonegit.repo.history import read_commit
from zonegit.repo.results import Position, Revision
from zonegit.repo.serials import ROUND, next_seq
from zonegit.repo.signed import is_signed
from zonegit.tree.source import Nodes, NodeSource

Encode = Callable[[Commit], bytes]
"""Makes the bytes of a new commit, signed or not (`repo.signing.encoder`)."""


def tombstone_objects(
    nodes: Nodes, tip: Revision, stamp: Stamp, message: str, encode: Encode = Commit.encode
) -> list[bytes]:
    """The objects of a tombstone on top of a branch's tip, children before parents: the commit is the last."""
    objects = empty_zone(Zone.decode(nodes.source.get(tip.commit.zone_root)).shape)
    commit = Commit(
        zone_root=object_id(objects[-1]),
        parents=(tip.id,),
        zone=tip.commit.zone,
        seq=next_seq(tip.commit.seq),
        generation=1 + tip.commit.generation,
        author=stamp,
        committer=stamp,
        message=message,
        extra=(TOMBSTONE,),
    )
    return [*objects, encode(commit)]


def empty_zone(shape: Shape) -> list[bytes]:
    """The objects of a zone without records, children before parents: the zone object is the last."""
    from zonegit.tree.build import build

    built = build(shape, ())
    return [*built.objects, Zone(built.root, shape, built.records).encode()]


def revived(
    nodes: Nodes,
    tombstone: Revision,
    content: Revision,
    stamp: Stamp,
    message: str,
    encode: Encode = Commit.encode,
) -> tuple[ObjectId, tuple[bytes, ...]]:
    """The tip of a removed branch that begins again with the content of another version, and the new objects.

    If the version has the tombstone in its history, it is the tip itself. If the tombstone removed it, its content
    is committed again on top of the tombstone. Otherwise the tip is the canonical merge of both, which has exactly
    this content, since the tombstone didn't remove it. A signed version can't be merged automatically: its content
    is committed on top of both. A new commit of signed content has the serial that its signatures cover.
    """
    source = nodes.source
    removed = is_ancestor(source, content.id, tombstone.id)
    parents = (tombstone,) if removed else (tombstone, content)
    signed = is_signed(Content.of(nodes, content).tree)
    if not removed and (not signed or is_ancestor(source, tombstone.id, content.id)):
        from zonegit.repo.canonical import reconcile

        tip, objects, _ = reconcile(nodes, tombstone.id, content.id)
        return tip, objects
    highest = max(each.commit.seq for each in parents)
    commit = Commit(
        zone_root=content.commit.zone_root,
        parents=tuple(each.id for each in parents),
        zone=tombstone.commit.zone,
        seq=seq_again(highest, content.commit.seq) if signed else next_seq(highest),
        generation=1 + max(each.commit.generation for each in parents),
        author=stamp,
        committer=stamp,
        message=message,
    )
    data = encode(commit)
    return object_id(data), (data,)


def seq_again(highest: int, seq: int) -> int:
    """The first sequence number above `highest` with the serial of `seq`, for signatures that cover the serial."""
    return highest + (seq - highest - 1) % ROUND + 1


def content_before(source: NodeSource, tombstone: Revision) -> Revision:
    """The version that a tombstone removed; of several, the one committed last."""
    return max(_removed(source, tombstone), key=lambda each: (each.commit.committer.time, each.id))


def _removed(source: NodeSource, tombstone: Revision) -> Iterator[Revision]:
    seen: set[ObjectId] = set()
    todo = [tombstone]
    while todo:
        for oid in todo.pop().commit.parents:
            if oid not in seen:
                seen.add(oid)
                parent = read_commit(source, oid)
                if parent.commit.is_tombstone:
                    todo.append(parent)
                else:
                    yield parent


def tombstone_at(context: Context, place: Position) -> Revision | None:
    """The tombstone that the ref of a removed branch points to; None if the branch isn't removed."""
    name = refs.head(place.zone, place.branch)
    with context.store.read() as reader:
        tip = reader.ref(name) if reader.is_removed(name) else None
    return None if tip is None else read_commit(context.nodes.source, tip)


def is_tombstone(reader: Objects, oid: ObjectId) -> bool:
    """Whether an object is a tombstone. An object that `gc` has deleted counts as none."""
    try:
        return Commit.decode(reader.get(oid)).is_tombstone
    except NotFound:
        return False


def refuse_tombstone(revision: Revision) -> None:
    """`Refused` if a version is a tombstone, which has no records."""
    if revision.commit.is_tombstone:
        raise Refused(
            f"commit {short(revision.id)} removed the branch, and has no records; {short(revision.id)}~1 is the "
            "version before it"
        )


def removed_tip(context: Context, place: Position) -> Revision | None:
    """The last tip of a removed branch, if it still exists. Secondaries may still have its serial, so a new branch
    must continue after it.
    """
    with context.store.read() as reader:
        removal = next(reader.reflog(refs.head(place.zone, place.branch)), None)
        old = removal.old if removal else None
        if old is None or not reader.has(old):
            return None
    return read_commit(context.nodes.source, old)
