"""Any sequence of transfers, resets and restarts: the history replays to exactly what was served at each serial."""

from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from incomingkit import SERVER, steps, text_of, whole
from zonegit.errors import DifferenceUnfit, SerialBehind
from zonegit.model.refs import head
from zonegit.repo.content import Content
from zonegit.repo.context import Context
from zonegit.repo.history import read_commit
from zonegit.repo.incoming.commit import arrival, store_arrivals
from zonegit.repo.incoming.values import Differences, WholeZone
from zonegit.repo.results import Position
from zonegit.repo.serials import is_ahead
from zonegit.store.lmdb import LmdbStore
from zonegit.tree.walk import entries

PLACE = Position("example.org.", "main")
OWNERS = ("a", "b", "c.d", "*.e")
LINES = st.lists(
    st.tuples(st.sampled_from(OWNERS), st.sampled_from((60, 300)), st.integers(1, 4)), max_size=6, unique=True
)
SERIALS = st.one_of(st.integers(1, 5), st.sampled_from((2**31 - 2, 2**31, 2**32 - 2)))
"""By how much a serial rises, also to what isn't ahead (RFC 1982)."""
Step = tuple[int, list[tuple[str, int, int]]]
STEP = st.tuples(SERIALS, LINES)
ACTION = st.one_of(
    st.tuples(st.just("ixfr"), st.lists(STEP, min_size=1, max_size=3)),
    st.tuples(st.just("axfr"), st.lists(STEP, min_size=1, max_size=1)),
    st.tuples(st.just("reset"), st.lists(STEP, min_size=1, max_size=1)),
    st.tuples(st.just("other ixfr"), st.lists(STEP, min_size=2, max_size=2)),
    st.tuples(st.just("again"), st.just([])),
    st.tuples(st.just("restart"), st.just([])),
)


def made(serial: int, lines: list[tuple[str, int, int]]) -> str:
    ttls: dict[str, int] = {}
    return text_of(
        serial, *(f"{owner} {ttls.setdefault(owner, ttl)} A 192.0.2.{last}" for owner, ttl, last in lines)
    )


class World:
    """A repository, and every version that should be in its history, the oldest first."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._store = LmdbStore.create(path)
        self._context = Context.over(self._store)
        self.versions: list[str] = []

    def restart(self) -> None:
        self._store.close()
        self._store = LmdbStore.open(self._path)
        self._context = Context.over(self._store)

    def close(self) -> None:
        self._store.close()

    def take(self, brought: WholeZone | Differences, *, any_serial: bool = False) -> None:
        found = arrival(self._context, PLACE, brought, SERVER, any_serial=any_serial)
        store_arrivals(self._context, [found])

    def check(self) -> None:
        """What is served is the newest version, and its history is all versions."""
        with self._store.read() as reader:
            oid = reader.live(head(*PLACE))
            served = None if oid is None else reader.view(head(*PLACE))
        expected = [whole(text) for text in reversed(self.versions)]
        assert (served is None) == (not expected)
        for version in expected:
            assert oid is not None
            content = Content.of(self._context.nodes, read_commit(self._context.nodes.source, oid))
            assert content.revision.commit.serial == version.serial
            assert list(entries(content.tree.nodes, content.tree.root)) == version.entries
            oid = next(iter(content.revision.commit.parents), None)
        assert oid is None


@given(st.integers(0, 2**32 - 1), st.lists(ACTION, max_size=3))
def test_the_history_replays_to_what_is_served(first: int, actions: list[tuple[str, list[Step]]]) -> None:
    with TemporaryDirectory() as home:
        world = World(Path(home) / "repo")
        world.take(whole(made(first, [])))
        world.versions.append(made(first, []))
        for what, coming in actions:
            last = world.versions[-1]
            serial = whole(last).serial
            new: list[str] = []
            for rise, lines in coming:
                serial = (serial + rise) % 2**32
                new.append(made(serial, lines))
            _act(world, what, last, new)
            world.check()
        world.close()


def _act(world: World, what: str, last: str, new: list[str]) -> None:
    serials = [whole(text).serial for text in (last, *new)]
    rises = all(is_ahead(b, a) for a, b in pairwise(serials))
    if what == "restart":
        world.restart()
    elif what == "again":
        world.take(whole(last))
    elif what == "reset":
        world.take(whole(new[0]), any_serial=True)
        world.versions += new
    elif what == "other ixfr":  # between two versions that aren't here
        _refused(world, steps(*new))
    elif not rises:
        _refused(world, steps(last, *new) if what == "ixfr" else whole(new[0]))
    else:
        world.take(steps(last, *new) if what == "ixfr" else whole(new[0]))
        world.versions += new


def _refused(world: World, brought: WholeZone | Differences) -> None:
    try:
        world.take(brought)
    except (DifferenceUnfit, SerialBehind):
        return
    raise AssertionError("it was taken")
