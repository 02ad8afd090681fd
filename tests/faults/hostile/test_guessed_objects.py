"""A key for one zone learns nothing of another's objects, by answers or their cost, whoever guesses their bytes."""

from collections.abc import Callable

import pytest

from synckit import KEY, SMALL_NODES, commit, names, pieces, seal_for
from zonegit.auth.key import Key
from zonegit.auth.scope import parse_scope
from zonegit.errors import NotFound
from zonegit.model.ids import Kind, ObjectId
from zonegit.store.memory import MemoryStore
from zonegit.sync.closure import Closure
from zonegit.sync.server import Endpoint
from zonegit.sync.wire import FetchRequest
from zonegit.sync.work import finish

MINE, THEIRS = "example.org.", "example.net."
NARROW = Key.derive("k2", b"n" * 32, scopes=(parse_scope(f"read:{MINE}"),))
ABSENT = ObjectId(bytes(range(32)))
Ask = Callable[[Endpoint, Key, ObjectId], bytes]


def streamed(endpoint: Endpoint, key: Key, path: str, body: bytes) -> bytes:
    serve = endpoint.fetch if path == "fetch" else endpoint.objects
    return b"".join(pieces(serve(key, body, seal_for("m"), lambda: 0.0)))


QUESTIONS: dict[str, Ask] = {
    "object": lambda endpoint, key, oid: finish(endpoint.object(key, f"/v0/objects/{oid.hex()}")).body,
    "list": lambda endpoint, key, oid: streamed(endpoint, key, "objects", oid),
    "fetch": lambda endpoint, key, oid: streamed(endpoint, key, "fetch", FetchRequest((oid,)).encode()),
    "walk": lambda endpoint, key, oid: (
        finish(endpoint.walk(key, FetchRequest((oid,)).encode("roots", "known"))).body
    ),
}


@pytest.fixture
def store() -> MemoryStore:
    store = MemoryStore()
    for zone, seed in ((MINE, 0), (THEIRS, 50)):
        for at in range(3):
            commit(store, zone, names(zone, 40, seed + at, large=1), shape=SMALL_NODES)
    return store


def below(store: MemoryStore, zone: str) -> dict[ObjectId, bytes]:
    with store.read() as reader:
        return dict(Closure(reader, [oid for _, oid in reader.refs(f"refs/heads/{zone}/")], ()))


def refused(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch, ask: Ask, oid: ObjectId
) -> tuple[str, list[bytes]]:
    """What the narrow key is told, and the ids that are looked up for it, in their order."""
    endpoint = Endpoint(store)
    found: list[bytes] = []
    with store.read() as reader:
        kind = type(reader)
    with monkeypatch.context() as patch:
        for name in ("get", "has"):
            plain = getattr(kind, name)

            def noted(reader: object, oid: bytes, plain: Callable[..., object] = plain) -> object:
                found.append(oid)
                return plain(reader, oid)

            patch.setattr(kind, name, noted)
        with pytest.raises(NotFound) as refusal:
            ask(endpoint, NARROW, oid)
    return str(refusal.value), found


@pytest.mark.parametrize("kind", QUESTIONS)
def test_a_guess_is_answered_as_nonsense_is_and_costs_the_same(
    store: MemoryStore, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask, mine, theirs = QUESTIONS[kind], below(store, MINE), below(store, THEIRS)
    leaf, large = (next(oid for oid, data in theirs.items() if data[0] == of) for of in (Kind.NODE, Kind.RRSET))
    told = {}
    for oid in (ABSENT, leaf, large, *[oid for oid in theirs if oid not in mine][-3:]):
        assert oid not in mine
        told[oid] = refused(store, monkeypatch, ask, oid)
        assert oid not in told[oid][1], "it is never looked up"
    assert all(found == told[ABSENT] for found in told.values())


@pytest.mark.parametrize("kind", QUESTIONS)
def test_its_own_objects_are_given_at_every_version(store: MemoryStore, kind: str) -> None:
    ask, mine = QUESTIONS[kind], below(store, MINE)
    for oid in list(mine)[::7]:
        assert ask(Endpoint(store), NARROW, oid) == ask(Endpoint(store), KEY, oid)
    for oid in list(below(store, THEIRS))[::7]:
        assert ask(Endpoint(store), KEY, oid), "a key for every zone gets every object"


def test_what_is_said_to_be_had_tells_nothing(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    mine, theirs = below(store, MINE), below(store, THEIRS)
    commits = [oid for oid, data in mine.items() if data[0] == Kind.COMMIT]
    foreign = [oid for oid in theirs if oid not in mine]

    def walked(*have: ObjectId) -> bytes:
        body = FetchRequest((commits[-1],), have).encode("roots", "known")
        return finish(Endpoint(store).walk(NARROW, body)).body

    assert walked(*foreign) == walked(ABSENT) == walked()
    assert len(walked(commits[-2])) < len(walked())
    assert walked(commits[-2], *foreign) == walked(commits[-2])
    with store.read() as reader:
        kind = type(reader)
    looked: list[bytes] = []
    plain = kind.get
    monkeypatch.setattr(kind, "get", lambda reader, oid: looked.append(oid) or plain(reader, oid))
    walked(*foreign)
    assert not set(looked) & set(foreign)
