"""Published versions: read, made and taken back, each in one transaction with the view that answers come from.

The served sequence number always rises: that of a version is above that of the one before it, and a commit on a
branch with a published version is above both (`repo.writing`). A branch whose policy is switched off gets a commit
above its last version, unless its tip is.

A version that is a tombstone shows that nothing of the branch is served: nothing has passed the gate yet, or a
removal has.
"""

from collections.abc import Sequence
from os import uname
from typing import Final, NamedTuple

from zonegit.errors import Conflict
from zonegit.model import refs
from zonegit.model.commit import EXPIRES, PUBLISHES, TOMBSTONE, Commit, Stamp
from zonegit.model.ids import ID_SIZE, ObjectId, object_id, short
from zonegit.model.zone import SALT_SIZE, Shape, Zone
from zonegit.repo.content import Content
from zonegit.repo.context import Context
from zonegit.repo.history import read_commit
from zonegit.repo.mirrors import own_policy_setting
from zonegit.repo.publishing.policy import Published
from zonegit.repo.results import Position, Revision
from zonegit.repo.serials import next_seq
from zonegit.repo.signed import is_signed
from zonegit.repo.store_ahead import store_ahead
from zonegit.repo.tombstones import empty_zone, removed_tip, seq_again, tombstone_at
from zonegit.store.port import RefUpdate, Writer
from zonegit.tree.source import Nodes

_WHO: Final = "zonegit-publisher"
_NO_COMMIT: Final = ObjectId(bytes(ID_SIZE))
"""What the version of a branch shows of which nothing is served."""
_SUBJECT: Final = 1000
"""Characters of a commit's subject that a version repeats."""


def tip_of(context: Context, place: Position) -> Revision | None:
    """A branch's tip, or its tombstone; None where there is no such ref."""
    tip = context.ref(refs.head(place.zone, place.branch))
    return tombstone_at(context, place) if tip is None else read_commit(context.nodes.source, tip)


def release(context: Context, place: Position, old: Published | None, commit: Revision) -> Published:
    """Serve a commit from now on. `Conflict` where another process published something else meanwhile."""
    made = _showing(context.nodes, old, commit)
    with context.store.write() as writer:
        return _put(writer, _publisher(context), place, old, made)


class SignedContent(NamedTuple):
    """What signing makes of a commit's content."""

    seq: int
    """The sequence number of the version that it was signed for (`seq_of_version`)."""
    objects: list[bytes]
    """What is new, children before parents; the last one is the zone object."""
    expires: int
    """When the first signature ends, in Unix seconds."""


def release_signed(
    context: Context, place: Position, old: Published, commit: Revision, signed: SignedContent, message: str
) -> Published:
    """Serve a commit's signed content from now on. `Conflict` as for `release`."""
    root = object_id(signed.objects[-1])
    made = _Version(root, signed.seq, commit.id, f"{message}\n", expires=signed.expires)
    with context.store.keeping():
        rest = store_ahead(context, signed.objects)
        with context.store.write() as writer:
            return _put(writer, _publisher(context), place, old, made, rest, content=commit)


def seq_of_version(nodes: Nodes, old: Published | None, commit: Revision) -> int:
    """The sequence number of a version after `old` that shows this commit."""
    return commit.commit.seq if old is None else _seq_after(nodes, old.version.commit.seq, commit)


def message_of(commit: Revision) -> str:
    """The message of a version that begins to show this commit."""
    return f"Publish {short(commit.id)}: {commit.commit.subject[:_SUBJECT]}"


def begin(context: Context, places: Sequence[Position]) -> None:
    """Publish the tips of branches that have no version yet, in one transaction."""
    who = _publisher(context)
    with context.store.write() as writer:
        nodes = context.nodes.through(writer)
        for place in places:
            tip = writer.live(refs.head(place.zone, place.branch))
            if tip is not None and writer.ref(refs.published(place.zone, place.branch)) is None:
                _put(writer, who, place, None, _showing(nodes, None, read_commit(writer, tip)))


def release_in(
    writer: Writer, nodes: Nodes, who: Stamp, place: Position, old: Published, commit: Revision
) -> Published:
    """The same in a transaction that does more. `who`: whose transaction that is; `nodes` reads through it."""
    return _put(writer, who._replace(name=_name()), place, old, _showing(nodes, old, commit))


def close(context: Context, place: Position, old: Published | None) -> Published:
    """Serve nothing of a branch: nothing has passed the gate yet, or its ref is gone. `Conflict` as `release`."""
    version, objects = _nothing(context, place, old)
    with context.store.write() as writer:
        return _put(writer, _publisher(context), place, old, version, objects)


def close_absent(context: Context, places: Sequence[Position]) -> None:
    """Serve nothing of those of these branches that don't exist and have no version yet, in one transaction."""
    who = _publisher(context)
    with context.store.write() as writer:
        for place in places:
            names = refs.head(place.zone, place.branch), refs.published(place.zone, place.branch)
            if all(writer.ref(name) is None for name in names):
                _put(writer, who, place, None, *_nothing(context, place, None))


def withdraw(context: Context, place: Position, old: Published) -> None:
    """Serve a branch from its tip again, if it has one. `Conflict` as for `release`."""
    who = _publisher(context)
    updates = [RefUpdate(refs.published(place.zone, place.branch), old.version.id, None)]
    name = refs.head(place.zone, place.branch)
    with context.store.write() as writer:
        tip = writer.live(name)
        above = None if tip is None else _above(read_commit(writer, tip), old, who)
        if above is not None:
            writer.insert([above])
            updates.append(RefUpdate(name, tip, object_id(above)))
        writer.move_refs(updates, who, "publish: off")


class _Version(NamedTuple):
    """A version to be made."""

    root: ObjectId
    seq: int
    of: ObjectId
    message: str
    removes: bool = False
    expires: int | None = None


def _nothing(context: Context, place: Position, old: Published | None) -> tuple[_Version, list[bytes]]:
    """The version that shows nothing of a branch, after `old`, and its objects."""
    objects = empty_zone(_shape(context, old))
    last = old.version if old else removed_tip(context, place)
    seq = next_seq(last.commit.seq) if last else 0
    message = f"Serve nothing of {place.branch}\n"
    return _Version(object_id(objects[-1]), seq, _NO_COMMIT, message, removes=True), objects


def _showing(nodes: Nodes, old: Published | None, commit: Revision) -> _Version:
    """The version that shows a commit, after `old`."""
    return _Version(
        commit.commit.zone_root,
        seq_of_version(nodes, old, commit),
        commit.id,
        f"{message_of(commit)}\n",
        removes=commit.commit.is_tombstone,
    )


def _put(
    writer: Writer,
    who: Stamp,
    place: Position,
    old: Published | None,
    version: _Version,
    objects: Sequence[bytes] = (),
    content: Revision | None = None,
) -> Published:
    """`content`: what the version shows, if signing added to it."""
    extra = [(PUBLISHES, version.of.hex())]
    if version.expires is not None:
        extra.append((EXPIRES, str(version.expires)))
    data = Commit(
        zone_root=version.root,
        parents=(),
        zone=place.zone,
        seq=version.seq,
        generation=1,
        author=who,
        committer=who,
        message=version.message,
        extra=(*extra, *([TOMBSTONE] if version.removes else [])),
    ).encode()
    new = object_id(data)
    if any(version.of) and not writer.has(version.of):
        raise Conflict(f"commit {short(version.of)} was deleted meanwhile: no branch was at it any more")
    writer.insert([*objects, data])
    writer.set_setting(own_policy_setting(place.zone), b"1")  # from now on no peer's versions are accepted
    update = RefUpdate(refs.published(place.zone, place.branch), old.version.id if old else None, new)
    writer.move_refs([update], who, f"publish: {short(version.of) if any(version.of) else 'nothing'}")
    made = Revision(new, Commit.decode(data))
    return Published(made, version.of, content or made)


def _seq_after(nodes: Nodes, served: int, commit: Revision) -> int:
    """The sequence number of a version of this commit after one that has the number `served`."""
    seq = commit.commit.seq
    if seq > served:
        return seq
    if is_signed(Content.of(nodes, commit).tree):
        return seq_again(served, seq)  # its signatures cover the serial
    return next_seq(served)


def _shape(context: Context, old: Published | None) -> Shape:
    if old is None:
        return Shape(context.random(SALT_SIZE))
    return Zone.decode(context.nodes.source.get(old.version.commit.zone_root)).shape


def _above(tip: Revision, old: Published, who: Stamp) -> bytes | None:
    """A commit with a tip's content that secondaries accept after a version; None where they accept the tip."""
    served = old.version.commit
    if tip.commit.seq > served.seq or (tip.commit.seq, tip.commit.zone_root) == (served.seq, served.zone_root):
        return None
    return Commit(
        zone_root=tip.commit.zone_root,
        parents=(tip.id,),
        zone=tip.commit.zone,
        seq=next_seq(served.seq),
        generation=1 + tip.commit.generation,
        author=who,
        committer=who,
        message="Serve the branch without a policy\n",
    ).encode()


def _publisher(context: Context) -> Stamp:
    return context.stamp(_name())


def _name() -> str:
    return f"{_WHO} <{_WHO}@{uname().nodename}>"
