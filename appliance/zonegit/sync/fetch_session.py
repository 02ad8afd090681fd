"""A fetch: `refs/remotes/<peer>/` becomes what the peer has, and no branch or tag here moves.

A branch that was deleted at the peer stays tracked as long as this repository mirrors it, so that the mirror's next
pull finds it and deletes both refs.
"""

from collections.abc import Iterable

from zonegit.model.commit import Stamp
from zonegit.model.ids import ObjectId
from zonegit.model.refs import Ref, RefKind, RefName, head, parse, remote
from zonegit.repo.ancestry import is_ancestor
from zonegit.repo.mirrors import mirror_setting
from zonegit.store.port import Reader, RefUpdate, Store, Writer
from zonegit.sync.arrival import Result
from zonegit.sync.mirror import Moved
from zonegit.sync.peers import is_overtaken, remember, set_undecided
from zonegit.sync.ref_lists import RefLists
from zonegit.sync.selection import EVERYTHING, Selection
from zonegit.sync.session import Session
from zonegit.sync.unfit_zones import nameable
from zonegit.sync.wire import PeerRefs


class FetchSession(Session):
    """A session that fetches the peer's branches and moves only the refs that track them."""

    def __init__(self, store: Store, peer: str, refs: PeerRefs, selection: Selection | None = None) -> None:
        """With a selection, its branches and tags are fetched; no ref here points to these tags afterwards."""
        self._selection = selection
        if selection is None:
            super().__init__(store, peer, refs._replace(lists=RefLists(refs.branches)))
        else:
            super().__init__(store, peer, selected(refs, selection))
        self._with_tags, _ = nameable(peer, refs)

    def finish(self, who: Stamp) -> Moved:
        """Move the tracking refs, in one transaction."""
        with self._store.write() as writer:
            return track(writer, self.peer, self._with_tags, who, self._selection or EVERYTHING)


def selected(refs: PeerRefs, selection: Selection) -> PeerRefs:
    """A complete list of refs, without those that aren't selected."""
    return refs._replace(lists=refs.lists.kept(lambda kind, tip: selection.takes_ref(kind, tip.zone, tip.name)))


def track_pushed(writer: Writer, peer: str, results: Iterable[Result], who: Stamp) -> None:
    """Update `refs/remotes/<peer>/` after a push, for the commits that are here."""
    updates = []
    for result in results:
        if result.ref.kind is RefKind.HEAD and result.tip is not None and writer.has(result.tip):
            name = remote(peer, result.ref.zone, result.ref.name)
            updates.append(RefUpdate(name, writer.ref(name), result.tip))
    moves = [update for update in updates if update.old != update.new]
    if moves:
        writer.move_refs(moves, who, f"push: {peer}")
        _leave_undecided(writer, peer, moves)


def track(writer: Writer, peer: str, refs: PeerRefs, who: Stamp, selection: Selection = EVERYTHING) -> Moved:
    """Update `refs/remotes/<peer>/`, and record the peer's state. `branches` of the result are remote-tracking
    refs.

    Refs that aren't selected stay as they are.
    """
    if is_overtaken(writer, peer, refs):
        return Moved()
    chosen = (tip for tip in refs.branches if selection.takes(tip.zone, tip.name))
    wanted = {remote(peer, tip.zone, tip.name): tip.oid for tip in chosen}
    tracked = dict(writer.refs(f"refs/{RefKind.REMOTE}/{peer}/"))
    updates = [RefUpdate(name, tracked.get(name), oid) for name, oid in wanted.items() if tracked.get(name) != oid]
    updates += [
        RefUpdate(name, oid, None)
        for name, oid in tracked.items()
        if name not in wanted
        and selection.takes((ref := parse(name)).zone, ref.name)
        and not _mirrored(writer, name)
    ]
    if updates:
        writer.move_refs(updates, who, f"fetch: {peer}")
        _leave_undecided(writer, peer, updates)
    remember(writer, peer, refs)
    return Moved(
        tuple(update.name for update in updates),
        tuple(update.name for update in updates if not _forward(writer, update.old, update.new)),
    )


def _leave_undecided(writer: Writer, peer: str, moved: Iterable[RefUpdate]) -> None:
    """Record that a daemon that writes these zones too has to decide about these moves."""
    refs = [(parse(update.name), update.new) for update in moved if update.new is not None]
    if any(writer.ref(head(ref.zone, ref.name)) != oid for ref, oid in refs):
        set_undecided(writer, peer, True)


def _mirrored(reader: Reader, name: RefName) -> bool:
    """Whether a mirror of the peer here still has the branch that this ref tracks."""
    ref = parse(name)
    branch = Ref(RefKind.HEAD, ref.zone, ref.name).full
    return reader.setting(mirror_setting(ref.zone)) == ref.peer.encode() and reader.ref(branch) is not None


def _forward(reader: Reader, old: ObjectId | None, new: ObjectId | None) -> bool:
    return old is None or new is None or is_ancestor(reader, old, new)
