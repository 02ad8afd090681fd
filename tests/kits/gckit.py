"""A repository at work while `gc` runs: others take their turns between, and in the middle of, its transactions.

Everything is in one thread, so that a seed repeats a schedule. What others do is a generator that is left wherever
it waits; `Interleaved` is the store that `gc` sees.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from random import Random

from storekit import SMALL_NODES
from synckit import NET, ORG, PEER, WHO, answer, check_for, names, refs_of
from zonegit.model.commit import Commit, Stamp
from zonegit.model.ids import ObjectId, object_id
from zonegit.model.refs import RefName, head
from zonegit.model.zone import Zone
from zonegit.store.lmdb import LmdbStore
from zonegit.store.memory import MemoryStore
from zonegit.store.port import RefUpdate, Writer
from zonegit.store.reader import StoreReader
from zonegit.store.writer import StoreWriter
from zonegit.sync.session import Session
from zonegit.tree.build import build

AnyStore = MemoryStore | LmdbStore
Turn = Iterator[None]

MIRRORED = "example.com."
_CONTENTS = 6
"""Few, so that the same nodes are made again and again."""


class Killed(Exception):
    """`kill -9`, as far as one thread can have it."""


class Interleaved:
    """A store of which each transaction may be overtaken, or be the last."""

    def __init__(self, store: AnyStore, turn: Callable[[], None]) -> None:
        self._store = store
        self._turn = turn

    @contextmanager
    def read(self) -> Iterator[StoreReader]:
        self._turn()
        with self._store.read() as reader:
            yield reader
            self._turn()

    @contextmanager
    def write(self) -> Iterator[StoreWriter]:
        self._turn()
        with self._store.write() as writer:
            yield writer
        self._turn()

    def alone(self) -> AbstractContextManager[bool]:
        return self._store.alone()


class Others:
    """Writers and pulls, by chance."""

    def __init__(self, store: AnyStore, primary: MemoryStore, rng: Random) -> None:
        self.store = store
        self.clock = WHO.time
        self._primary = primary
        self._rng = rng
        self._commits: list[ObjectId] = []
        self._going: list[Turn] = []
        self.done = 0

    def turn(self) -> None:
        """Let some of them go on, or begin something."""
        for _ in range(self._rng.choice((0, 0, 1, 2))):
            if self._going and self._rng.random() < 0.6:
                self._go_on(self._rng.choice(self._going))
            elif len(self._going) < 3:
                kinds = (
                    self._commit,
                    self._commit,
                    self._delete,
                    self._go_back,
                    self._ahead,
                    self._reuse,
                    self._pull,
                )
                begun = self._rng.choice(kinds)()
                self._going.append(begun)
                self._go_on(begun)

    def finish(self) -> None:
        """Let all of them come to their end."""
        while self._going:
            self._go_on(self._going[0])

    def break_off(self) -> None:
        """End one of them where it is, as if its process was killed."""
        if self._going:
            self._going.pop(self._rng.randrange(len(self._going))).close()  # type: ignore[attr-defined]

    def _go_on(self, begun: Turn) -> None:
        try:
            next(begun)
        except StopIteration:
            self._going.remove(begun)
            self.done += 1

    def _who(self) -> Stamp:
        self.clock += self._rng.choice((0, 1, 5))
        return Stamp("Test <test@example.org>", self.clock)

    def _name(self) -> RefName:
        return head(self._rng.choice((ORG, NET)), self._rng.choice(("main", "other")))

    def _version(self, writer: Writer, name: RefName, tip: ObjectId | None) -> list[bytes]:
        zone = name.split("/")[2]
        content = names(
            zone, self._rng.choice((0, 3, 60)), self._rng.randrange(_CONTENTS), self._rng.choice((0, 1))
        )
        built = build(SMALL_NODES, sorted(content.items()))
        root = Zone(built.root, SMALL_NODES, built.records).encode()
        parents = (tip,) if tip and self._rng.random() < 0.7 else ()
        above = [Commit.decode(writer.get(oid)) for oid in parents]
        seq, generation = (
            1 + max((getattr(old, what) for old in above), default=0) for what in ("seq", "generation")
        )
        text = f"version {self._rng.randrange(3)}"
        made = Commit(object_id(root), parents, zone, seq, generation, WHO, WHO, text).encode()
        return [*built.objects, root, made]

    def _move(self, writer: Writer, name: RefName, oid: ObjectId | None) -> None:
        writer.move_refs([RefUpdate(name, writer.ref(name), oid)], self._who(), "test: moved")

    def _commit(self) -> Turn:
        name = self._name()
        with self.store.write() as writer:
            objects = self._version(writer, name, writer.ref(name))
            writer.insert(objects)
            self._move(writer, name, object_id(objects[-1]))
        self._commits.append(object_id(objects[-1]))
        yield

    def _delete(self) -> Turn:
        with self.store.write() as writer:
            self._move(writer, self._name(), None)
        yield

    def _found(self, reader: StoreReader) -> tuple[RefName, ObjectId] | None:
        """A commit that is here, whether anything names it or not."""
        name = self._name()
        found = [oid for oid in self._commits if reader.has(oid)]
        fitting = [oid for oid in found if Commit.decode(reader.get(oid)).zone == name.split("/")[2]]
        return (name, self._rng.choice(fitting)) if fitting else None

    def _go_back(self) -> Turn:
        with self.store.write() as writer:
            if found := self._found(writer):
                self._move(writer, *found)
        yield

    def _reuse(self) -> Turn:
        """Find a commit, and rely on it later."""
        with self.store.keeping():
            with self.store.read() as reader:
                found = self._found(reader)
            yield
            if found:
                with self.store.write() as writer:
                    self._move(writer, *found)

    def _ahead(self) -> Turn:
        """Store objects, and name them later."""
        name = self._name()
        with self.store.keeping():
            with self.store.write() as writer:
                objects = self._version(writer, name, None)
            half = self._rng.randrange(len(objects))
            for part in (objects[:half], objects[half:]):
                yield
                with self.store.write() as writer:
                    writer.insert(part)
            yield
            with self.store.write() as writer:
                self._move(writer, name, object_id(objects[-1]))
        self._commits.append(object_id(objects[-1]))

    def _pull(self) -> Turn:
        with self.store.keeping():
            session = Session(self.store, PEER, refs_of(self._primary), split=40)
            while asks := session.next():
                for ask in asks:
                    session.opened(ask.number, check_for("m"))
                    data = answer(self._primary, ask)
                    for at in range(0, len(data), 8192):
                        for batch in session.received(ask.number, data[at : at + 8192]):
                            session.insert([batch])
                            yield
                    session.ended(ask.number)
            yield
            session.finish(self._who())


def reached(store: AnyStore, since: int) -> set[ObjectId]:
    """What refs and reflog entries of after `since` name."""
    with store.read() as reader:
        found = {oid for _, oid in reader.refs()}
        for name in reader.logged(""):
            for entry in reader.reflog(name):
                if entry.who.time > since:
                    found |= {oid for oid in (entry.old, entry.new) if oid}
    return found


@contextmanager
def perhaps_killed() -> Iterator[None]:
    with suppress(Killed):
        yield
