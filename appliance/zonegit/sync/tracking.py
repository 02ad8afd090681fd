"""A pull that only looks: `refs/remotes/<peer>/` becomes what the peer has, and no branch or tag here moves.

A branch that vanished at the peer stays tracked as long as this repository mirrors it, so that the mirror's next
pull finds it and takes both away.
"""

from dataclasses import replace

from zonegit.model.commit import Stamp
from zonegit.model.ids import ObjectId
from zonegit.model.refs import Ref, RefKind, RefName, parse, remote
from zonegit.repo.ancestry import is_ancestor
from zonegit.repo.writing import mirror_setting
from zonegit.store.port import Reader, RefUpdate, Store, Writer
from zonegit.sync.entering import nameable
from zonegit.sync.mirror import Moved
from zonegit.sync.peers import remember
from zonegit.sync.session import Session
from zonegit.sync.tips import Tips
from zonegit.sync.wire import PeerRefs


class TrackingSession(Session):
    """A session that fetches the peer's branches and moves nothing but what tracks them."""

    def __init__(self, store: Store, peer: str, refs: PeerRefs) -> None:
        super().__init__(store, peer, replace(refs, tags=Tips()))
        self._with_tags, _ = nameable(peer, refs)

    def finish(self, who: Stamp) -> Moved:
        """Move the tracking refs, in one transaction."""
        with self._store.write() as writer:
            return track(writer, self.peer, self._with_tags, who)


def track(writer: Writer, peer: str, refs: PeerRefs, who: Stamp) -> Moved:
    """Let `refs/remotes/<peer>/` follow, and remember the peer's state. `branches` of what comes back are those."""
    wanted = {remote(peer, tip.zone, tip.name): tip.oid for tip in refs.branches}
    updates = [RefUpdate(name, writer.ref(name), oid) for name, oid in wanted.items() if writer.ref(name) != oid]
    tracked = list(writer.refs(f"refs/{RefKind.REMOTE}/{peer}/"))
    updates += [
        RefUpdate(name, oid, None) for name, oid in tracked if name not in wanted and not _mirrored(writer, name)
    ]
    if updates:
        writer.move_refs(updates, who, f"fetch: {peer}")
    remember(writer, peer, refs)
    return Moved(
        tuple(update.name for update in updates),
        tuple(update.name for update in updates if not _forward(writer, update.old, update.new)),
    )


def _mirrored(reader: Reader, name: RefName) -> bool:
    """Whether a mirror of the peer here still has the branch that this ref tracks."""
    ref = parse(name)
    branch = Ref(RefKind.HEAD, ref.zone, ref.name).full
    return reader.setting(mirror_setting(ref.zone)) == ref.peer.encode() and reader.ref(branch) is not None


def _forward(reader: Reader, old: ObjectId | None, new: ObjectId | None) -> bool:
    return old is None or new is None or is_ancestor(reader, old, new)
