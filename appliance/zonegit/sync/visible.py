"""The refs that the keys of one scope see, kept up by the store's journal, and the answers made of them, in slices.

Works of several requests may go on by turns: each leaves the table whole, and makes its answer from a copy of what
it needs, taken at a moment at which the table is that of one version.
"""

from collections.abc import Collection
from typing import Final

from zonegit.auth.key import Key
from zonegit.errors import CorruptStore
from zonegit.model.ids import ObjectId
from zonegit.model.refs import RefName, is_plain
from zonegit.store.port import Reader, Store
from zonegit.sync import ref_diff
from zonegit.sync.ref_table import BUCKETS, RefTable
from zonegit.sync.tips import Tips
from zonegit.sync.wire import PeerRefs
from zonegit.sync.work import Due, Work, in_reads

_SHOWN: Final = ("refs/heads/", "refs/tags/")


class Visible:
    """For one scope, and for clients that take every name or the plain ones only."""

    def __init__(self, store: Store, key: Key, workers: int, *, all_names: bool) -> None:
        self._store = store
        self._key = key
        """Any one of that scope."""
        self._all_names = all_names
        self._workers = workers
        self._seq: int | None = None
        self._pending: list[RefName] = []
        """Names that moved up to `_seq` and aren't taken in yet."""
        self._state = ("", -1, "")
        """Epoch, seq and root of the version that the table is of, once nothing is pending."""
        self._table = RefTable()
        self._left_out: set[RefName] = set()
        """Names that the key sees and the client can't take."""
        self._list: tuple[PeerRefs, bytes] | None = None

    def look(self, due: Due) -> Work[None]:
        """Catch up with what moved."""

        def go_on(reader: Reader) -> bool:
            self._note(reader)
            while self._pending:
                name = self._pending[-1]
                self._move(name, reader.ref(name))
                self._pending.pop()
                if due():
                    break
            if not self._pending:
                self._state = reader.epoch, reader.seq, reader.index_root.hex()
            return not self._pending

        return in_reads(self._store, go_on)

    def list(self, due: Due) -> Work[tuple[PeerRefs, bytes]]:
        """All refs, and their body: it may be large, and many ask for it."""
        yield from self.look(due)
        if self._list and self._list[0].seq == self._state[1]:
            return self._list
        state, left_out = self._state, len(self._left_out)
        branches, tags = yield from ref_diff.in_order(self._table.copy(range(BUCKETS)), due)
        refs = PeerRefs(*state, branches, tags, self._workers, left_out)
        body = yield from refs.writing(due)
        self._list = refs, body
        return self._list

    def change(self, question: ref_diff.Question, due: Due) -> Work[ref_diff.Change]:
        """What differs from what a client holds."""
        yield from self.look(due)
        while not self._table.settled:
            yield from self._table.settle(due)
            yield from self.look(due)
        brief = PeerRefs(*self._state, Tips(), Tips(), self._workers)
        return (yield from ref_diff.change_for(question, self._table, brief, due))

    def tips(self, due: Due) -> Work[Collection[ObjectId]]:
        """The commits and tags that the refs name, each once."""
        yield from self.look(due)
        return dict.fromkeys(oid for bucket in self._table.copy(range(BUCKETS)) for _, oid in bucket)

    def _note(self, reader: Reader) -> None:
        """Take down the names that moved since the last look."""
        seq = reader.seq
        if seq == self._seq:
            return
        moved = reader.moved_since(self._seq) if self._seq is not None else None
        if moved is None:
            self._table, self._left_out = RefTable(), set()
            self._pending = [_name(key) for prefix in _SHOWN for key in reader.ref_keys(prefix.encode())]
        else:
            self._pending += [name for name in moved if name.startswith(_SHOWN)]
        self._seq = seq

    def _move(self, name: RefName, tip: ObjectId | None) -> None:
        zone, label = ref_diff.split_ref(name)
        if not self._key.allows_zone("read", zone):
            return
        if self._all_names or is_plain(label):
            self._table.move(name, tip)
        elif tip:
            self._left_out.add(name)
        else:
            self._left_out.discard(name)


def _name(key: bytes) -> RefName:
    try:
        return RefName(key.decode())
    except UnicodeDecodeError:
        raise CorruptStore("the name of a ref was changed on disk: restore a backup or clone again") from None
