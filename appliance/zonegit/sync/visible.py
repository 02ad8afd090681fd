"""The refs that keys with one scope may see, kept up to date by the store's journal, and answers made from them.

The slices of several requests may alternate. Each slice leaves the table consistent, and each answer is made from a
copy, taken while the table shows exactly one version of the repository.
"""

from collections import OrderedDict
from collections.abc import Collection
from typing import Final, NamedTuple

from zonegit.auth.key import Key
from zonegit.auth.scope import Scope
from zonegit.model.ids import ObjectId
from zonegit.model.refs import RefName, head, is_plain, published
from zonegit.store.port import Reader, Store
from zonegit.store.reader import ref_name
from zonegit.sync import ref_diff, ref_sketch
from zonegit.sync.ref_lists import REVIEWS, in_order, split_ref
from zonegit.sync.ref_table import BUCKETS, RefTable
from zonegit.sync.wire import ALL_REFS, Accepts, PeerRefs
from zonegit.sync.work import Due, Work, in_reads

_PUBLISHED: Final = "refs/published/"
_SHOWN: Final = ("refs/heads/", "refs/tags/", _PUBLISHED, *REVIEWS)
_CACHED: Final = 16
"""The most kinds of keys and clients whose refs are cached."""


class _State(NamedTuple):
    """The version of the repository that a table shows."""

    epoch: str = ""
    seq: int = -1
    root: str = ""


class Visible:
    """The refs for one scope, and for clients that accept the same refs."""

    def __init__(
        self, store: Store, key: Key, workers: int, accepts: Accepts, verbs: tuple[str, ...] = ("read",)
    ) -> None:
        """`verbs`: any of which lets the key see a ref."""
        self._verbs = verbs
        self._store = store
        self._key = key
        """Any key with this scope."""
        self._accepts = accepts
        self._sees_all = accepts == ALL_REFS and any(map(key.allows_all, verbs))
        self._workers = workers
        self._seq: int | None = None
        self._pending: list[RefName] = []
        """The refs that moved up to `_seq` and that the table doesn't show yet."""
        self._state = _State()
        """What the table shows, once nothing is pending."""
        self._table = RefTable()
        self._left_out: set[RefName] = set()
        """Refs that the key may see and whose names the client doesn't accept."""
        self._removed: set[RefName] = set()
        """Branches at tombstones that the key may see and the client doesn't accept."""
        self._list: tuple[PeerRefs, bytes] | None = None

    def catch_up(self, due: Due) -> Work[None]:
        """Bring the table up to the present version of the repository."""

        def go_on(reader: Reader) -> bool:
            self._note(reader)
            while self._pending:
                name = self._pending[-1]
                tip = reader.ref(name)
                if self._sees_all:
                    self._table.move(name, tip)
                elif name.startswith(_PUBLISHED) and not self._accepts.published:
                    # It isn't shown itself, but whether its branch is hidden may have changed.
                    self._pending[-1] = head(*split_ref(name))
                    continue
                else:
                    self._move(name, tip, removed=reader.is_removed(name), hidden=self._is_hidden(reader, name))
                self._pending.pop()
                if due():
                    break
            if not self._pending:
                self._state = _State(reader.epoch, reader.seq, reader.index_root.hex())
            return not self._pending

        return in_reads(self._store, go_on)

    def list(self, due: Due) -> Work[tuple[PeerRefs, bytes]]:
        """All refs, and their encoded body, which is cached: it may be large, and many clients ask for it."""
        yield from self.catch_up(due)
        if self._list and self._list[0].seq == self._state.seq:
            return self._list
        state, left_out, removed = self._state, len(self._left_out), len(self._removed)
        lists = yield from in_order(self._table.copy(range(BUCKETS)), due)
        refs = PeerRefs(*state, lists, self._workers, left_out, removed=removed)
        body = yield from refs.writing(due)
        self._list = refs, body
        return self._list

    def change(self, question: ref_diff.Question, due: Due) -> Work[ref_diff.Change]:
        """The differences from what a client has, by buckets."""
        yield from self.catch_up(due)
        while not self._table.settled:
            yield from self._table.settle(due)
            yield from self.catch_up(due)
        brief = PeerRefs(*self._state, workers=self._workers)
        return (yield from ref_diff.change_for(question, self._table, brief, due))

    def sketched(self, asked: ref_sketch.SketchQuestion, due: Due) -> Work[ref_sketch.SketchAnswer]:
        """The differences from what a client has, by a sketch."""
        yield from self.catch_up(due)
        brief = PeerRefs(*self._state, workers=self._workers)
        return (yield from ref_sketch.answer(asked, self._table, brief, due))

    def tips(self, due: Due) -> Work[Collection[ObjectId]]:
        """The commits and tag objects that the refs point to, each once."""
        yield from self.catch_up(due)
        return dict.fromkeys(oid for bucket in self._table.copy(range(BUCKETS)) for _, oid in bucket)

    def _note(self, reader: Reader) -> None:
        """Add the refs that have moved since the last call to `_pending`."""
        seq = reader.seq
        if seq == self._seq:
            return
        moved = reader.moved_since(self._seq) if self._seq is not None else None
        if moved is None:
            self._table, self._left_out, self._removed = RefTable(epoch=reader.epoch), set(), set()
            self._pending = [ref_name(key) for prefix in _SHOWN for key in reader.ref_keys(prefix.encode())]
        else:
            self._pending += [name for name in moved if name.startswith(_SHOWN)]
        self._seq = seq

    def _is_hidden(self, reader: Reader, name: RefName) -> bool:
        """Whether to hide a branch with a published version from a client that accepts no such versions: it would
        serve the branch's tip instead.
        """
        if self._accepts.published or not name.startswith("refs/heads/"):
            return False
        return reader.ref(published(*split_ref(name))) is not None

    def _move(self, name: RefName, tip: ObjectId | None, *, removed: bool, hidden: bool) -> None:
        """Update the table for one ref: whether the key may see it, and the client accepts it."""
        zone, label = split_ref(name)
        kind = name.split("/", 2)[1]
        if not any(self._key.allows_ref(verb, kind, zone, label) for verb in self._verbs):
            return
        if name.startswith(REVIEWS):  # which an older client does without
            self._table.move(name, tip if self._accepts.reviews else None)
            return
        self._removed.discard(name)
        if removed and not self._accepts.tombstones:
            self._removed.add(name)
            tip = None
        if hidden:
            self._table.move(name, None)
            self._left_out.add(name)
        elif self._accepts.all_names or is_plain(label):
            self._table.move(name, tip)
            self._left_out.discard(name)
        elif tip:
            self._left_out.add(name)
        else:
            self._left_out.discard(name)


class VisibleCache:
    """The refs for each kind of key and client, of those that asked last."""

    def __init__(self, store: Store, workers: int, verbs: tuple[str, ...] = ("read",)) -> None:
        self._store = store
        self._workers = workers
        self._verbs = verbs
        self._cached: OrderedDict[tuple[tuple[Scope, ...], Accepts], Visible] = OrderedDict()

    def of(self, key: Key, accepts: Accepts = ALL_REFS) -> Visible:
        """The refs that a key may see and its client accepts."""
        kind = key.scopes, accepts
        found = self._cached.pop(kind, None) or Visible(self._store, key, self._workers, accepts, self._verbs)
        self._cached[kind] = found
        if len(self._cached) > _CACHED:
            self._cached.popitem(last=False)
        return found
