"""Who may push, and pushes what it shouldn't: nothing moves, nothing is told, and nobody else waits."""

import asyncio
import json
import zlib
from collections.abc import Callable, Iterator

import pytest

from arrivalkit import MAIN, arrive, carry, change, commit_at, nodes_with, tip_of
from httpkit import generous_gate, peer_of, run, running
from pushserverkit import WRITER, PushRequest, everything, ids, key_for, lacking, offers, pushed, send
from synckit import NET, ORG, SMALL_NODES, WHO, commit, local_refs, names
from zonegit.auth.key import Key
from zonegit.auth.scope import parse_scope
from zonegit.errors import Incomplete, InvalidData, InvalidFrame, LimitExceeded, ZonegitError
from zonegit.model.ids import Kind, ObjectId, object_id
from zonegit.model.refs import Ref, RefKind
from zonegit.store.memory import MemoryStore
from zonegit.sync.arrival import Offer, plan
from zonegit.sync.closure import Closure
from zonegit.sync.frames import FrameType, frame, group_payload
from zonegit.sync.limits import GROUP_OBJECTS, INFLATED, MAX_PRESENT, MAX_UPDATES, PUSH_BYTES, PUSH_OBJECTS
from zonegit.sync.policy import Policy
from zonegit.sync.push_body import reading
from zonegit.sync.push_server import PushEndpoint
from zonegit.sync.push_wire import Ask
from zonegit.sync.work import finish, never

NARROW = key_for(f"read:{ORG}", f"push:{ORG}", kid="narrow")
ABSENT = ObjectId(bytes(range(32)))
LEAF = bytes.fromhex("03010000000000000000")
GROUP = frame(FrameType.GROUP, group_payload([LEAF]))
ASK = frame(FrameType.ASK, Ask((ABSENT,)).encode())


def asked(**members: object) -> bytes:
    return frame(FrameType.ASK, json.dumps(members).encode())


def row(
    kind: str = "heads", zone: str = ORG, name: str = "main", old: str = "", new: str = ABSENT.hex()
) -> list[str]:
    return [kind, zone, name, old, new]


BODIES: dict[str, bytes] = {
    "cut short": GROUP[:-1],
    "a length without its frame": GROUP[:2],
    "a type alone": b"\1",
    "unknown frames": frame(FrameType.CHECKPOINT, b"x"),
    "an end": frame(FrameType.END, bytes(57)),
    "type 2": b"\2\0",
    "type 9": b"\x09\0",
    "a second ask": ASK + ASK,
    "objects behind the ask": ASK + GROUP,
    "an empty group": frame(FrameType.GROUP, b"\0\0"),
    "an object of no kind": frame(FrameType.GROUP, b"\0\1" + bytes((9, 0, 0, 1)) + b"\x09"),
    "an object cut short": frame(FrameType.GROUP, b"\0\1" + bytes((3, 0, 0, 1)) + b"\3"),
    "a length that is not minimal": b"\1\x80\0",
    "a bomb": frame(FrameType.COMPRESSED, INFLATED.to_bytes(4, "big") + zlib.compress(bytes(INFLATED))),
    "no zlib": frame(FrameType.COMPRESSED, (9).to_bytes(4, "big") + b"no zlib at all"),
    "no JSON": frame(FrameType.ASK, b"{"),
    "no object": frame(FrameType.ASK, b"[]"),
    "a member twice": frame(FrameType.ASK, b'{"atomic":true,"atomic":false}'),
    "too long an ask": b"\x08" + bytes((0x81, 0x80, 0x40)) + bytes(1 << 20),
    "atomic as text": asked(atomic="yes"),
    "updates as text": asked(updates="all"),
    "an update of four": asked(updates=[row()[:4]]),
    "an update of numbers": asked(updates=[[1, 2, 3, 4, 5]]),
    "a ref twice": asked(updates=[row(), row(old=ABSENT.hex())]),
    "what tracks a peer": asked(updates=[row(kind="remotes")]),
    "a kind that there isn't": asked(updates=[row(kind="notes")]),
    "a zone in capitals": asked(updates=[row(zone="Example.org.")]),
    "a zone without its dot": asked(updates=[row(zone="example.org")]),
    "a branch upwards": asked(updates=[row(name="../../../etc")]),
    "a branch HEAD": asked(updates=[row(name="HEAD")]),
    "an id in capitals": asked(updates=[row(new="A" * 64)]),
    "no id": asked(updates=[row(new="")]),
    "a deletion": asked(updates=[row(old=ABSENT.hex(), new="0" * 63)]),
    "a present that is none": asked(present=["x"]),
    "a present of lists": asked(present=[[]]),
    "too many updates": asked(updates=[row(name=f"b{at}") for at in range(MAX_UPDATES + 1)]),
    "too many present": asked(present=[at.to_bytes(32, "big").hex() for at in range(MAX_PRESENT + 1)]),
}


@pytest.mark.parametrize("what", BODIES)
def test_a_body_that_makes_no_sense_changes_nothing(what: str) -> None:
    store, _, _ = nodes_with()
    before = store.txn_id()

    async def test() -> tuple[int, dict[str, str], bool]:
        async with running(store, generous_gate((WRITER,))) as server:
            answer = await send(server.url, WRITER, BODIES[what])
            return answer.status, json.loads(answer.body), answer.signed

    status, error, signed = run(test())
    assert (status, error["error"], signed) in {
        (400, "bad_request", True),
        (400, "invalid_object", True),
        (413, "too_many", True),
    }
    assert store.txn_id() == before


def test_a_push_cut_anywhere_changes_nothing() -> None:
    one, two, _ = nodes_with()
    change(one, "www", 1)
    body = everything(one, two).encode()
    whole = GROUP + ASK
    for at in range(1, len(whole)):
        if at != len(GROUP):
            with pytest.raises(InvalidData):
                finish(reading(whole[:at], never))
    assert finish(reading(body, never)).ask.updates


def test_a_push_unpacks_to_no_more_than_it_may_have() -> None:
    objects = [bytes((Kind.RRSET,)) + bytes(60_000)] * 10
    payload = group_payload(objects)
    packed = frame(FrameType.COMPRESSED, len(payload).to_bytes(4, "big") + zlib.compress(payload, 9))
    with pytest.raises(InvalidFrame, match="declares"):
        finish(reading(packed, never))
    groups = frame(FrameType.GROUP, payload) * (PUSH_BYTES // 600_000 + 1)
    with pytest.raises(LimitExceeded, match="at most"):
        finish(reading(groups, never))


def test_a_push_has_no_more_objects_than_it_may_however_small_they_are() -> None:
    whole, rest = divmod(PUSH_OBJECTS, GROUP_OBJECTS)
    assert not rest
    group = frame(FrameType.GROUP, group_payload([bytes((Kind.RRSET, 1))] * GROUP_OBJECTS))
    assert len(finish(reading(group * whole, never)).objects) == PUSH_OBJECTS
    with pytest.raises(LimitExceeded, match="65,536 objects"):
        finish(reading(group * whole + group, never))


def test_objects_in_the_wrong_order_are_refused() -> None:
    one, two, _ = nodes_with()
    change(one, "www", 1)
    objects = lacking(one, two)
    before = local_refs(two)
    with pytest.raises(ZonegitError):
        pushed(two, PushRequest(tuple(reversed(objects)), (), tuple(offers(one))))
    assert local_refs(two) == before
    with two.read() as reader:
        assert not any(map(reader.has, ids(objects)))


def test_a_changed_object_is_another_one_and_its_ref_does_not_move() -> None:
    one, two, _ = nodes_with()
    change(one, "www", 1)
    objects = lacking(one, two)
    before = local_refs(two)
    for at, data in enumerate(objects):
        for place in range(0, len(data), max(len(data) // 8, 1)):
            changed = data[:place] + bytes((data[place] ^ 1,)) + data[place + 1 :]
            try:
                answer = pushed(two, PushRequest((*objects[:at], changed), (), tuple(offers(one))))
            except InvalidData:
                continue
            assert [result.outcome for result in answer.results] == ["missing"]
    assert local_refs(two) == before


@pytest.mark.parametrize("policy", list(Policy))
def test_a_forged_merge_moves_nothing_however_it_comes(policy: Policy) -> None:
    one, two, _ = nodes_with()
    mine = change(one, "www", 1)
    change(two, "mail", 2)
    carry(two, one)
    arrive(one, Offer(MAIN, tip_of(two) or ABSENT))
    merge = tip_of(one) or ABSENT
    made = commit_at(one, merge)
    forged = made._replace(zone_root=commit_at(one, mine).zone_root).encode()
    new = object_id(forged)
    before = local_refs(two)
    objects = (*lacking(one, two), forged)
    for ref in (MAIN, Ref(RefKind.HEAD, ORG, "new"), Ref(RefKind.TAG, ORG, "v1")):
        answer = pushed(two, PushRequest(objects, (), (Offer(ref, new),)), policy=policy)
        assert [(result.outcome, result.reason) for result in answer.results] == [("refused", "forged-merge")]
    assert local_refs(two) == before
    answer = pushed(two, PushRequest((), (), (Offer(MAIN, merge),)), policy=policy)
    assert tip_of(two) == merge == answer.results[0].tip


@pytest.fixture
def guarded() -> MemoryStore:
    """With a zone that the narrow key doesn't see, and a branch of its own zone that another key doesn't."""
    store = MemoryStore()
    for zone, seed in ((ORG, 0), (NET, 50)):
        for at in range(3):
            commit(store, zone, names(zone, 40, seed + at, large=1), shape=SMALL_NODES)
    commit(store, ORG, names(ORG, 40, 99, large=1), branch="secret", shape=SMALL_NODES)
    return store


def below(store: MemoryStore, prefix: str) -> dict[ObjectId, bytes]:
    with store.read() as reader:
        return dict(Closure(reader, [oid for _, oid in reader.refs(prefix)], ()))


def guesses(store: MemoryStore) -> Iterator[tuple[Key, ObjectId]]:
    """Keys, and ids of objects that are there and that they don't see."""
    branch = key_for(f"read:{ORG}:main", f"push:{ORG}:main", kid="branch")
    for key, mine, theirs in (
        (NARROW, f"refs/heads/{ORG}/", f"refs/heads/{NET}/"),
        (branch, f"refs/heads/{ORG}/main", f"refs/heads/{ORG}/secret"),
    ):
        seen = below(store, mine)
        yield from ((key, oid) for oid in below(store, theirs) if oid not in seen)


def parent_of(oid: ObjectId) -> bytes:
    """A commit that points to it, well-formed as far as can be seen without it."""
    made = b"zone-root %b\nzone example.org.\nseq 1\ngeneration 1\n" % oid.hex().encode()
    return b"\1\1\0" + made + b"author A <a@b.c> 1 +0000\ncommitter A <a@b.c> 1 +0000\n\nguess\n"


def test_a_guess_is_answered_as_nonsense_is(guarded: MemoryStore) -> None:
    def told(key: Key, oid: ObjectId, ask: Callable[[ObjectId], PushRequest]) -> object:
        try:
            answer = pushed(guarded, ask(oid), key)
        except Incomplete as error:
            return str(error).replace(oid.hex()[:12], "")
        return [each == oid for each in answer.missing], [
            result._replace(message=result.message.replace(oid.hex()[:12], "")) for result in answer.results
        ]

    questions: list[Callable[[ObjectId], PushRequest]] = [
        lambda oid: PushRequest((), (oid,)),
        lambda oid: PushRequest((parent_of(oid),)),
        lambda oid: PushRequest((), (), (Offer(MAIN, oid),)),
    ]
    before = local_refs(guarded)
    found = list(guesses(guarded))
    assert {key.kid for key, _ in found} == {"narrow", "branch"}
    for key, oid in found[::5]:
        for ask in questions:
            assert told(key, oid, ask) == told(key, ABSENT, ask)
    for oid in list(below(guarded, f"refs/heads/{ORG}/main"))[::5]:
        assert told(NARROW, oid, questions[0]) == ([], [])
    assert local_refs(guarded) == before


def test_a_guess_is_never_looked_up(guarded: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[bytes] = []
    with guarded.read() as reader:
        kind = type(reader)
    for name in ("get", "has"):
        plain = getattr(kind, name)

        def noted(reader: object, oid: bytes, plain: Callable[..., object] = plain) -> object:
            looked.append(oid)
            return plain(reader, oid)

        monkeypatch.setattr(kind, name, noted)
    foreign = [oid for key, oid in guesses(guarded) if key is NARROW]
    looked.clear()
    pushed(guarded, PushRequest((), tuple(foreign[:50])), NARROW)
    with pytest.raises(Incomplete):
        pushed(guarded, PushRequest((parent_of(foreign[0]),)), NARROW)
    pushed(guarded, PushRequest((), (), (Offer(MAIN, foreign[0]),)), NARROW)
    assert not set(looked) & set(foreign)


def test_who_waits_for_the_disk_holds_nobody_else_up() -> None:
    one, two, _ = nodes_with()
    new = change(one, "www", 1)
    body = everything(one, two).encode()

    async def test() -> None:
        async with running(two, generous_gate((WRITER,))) as server, peer_of(server.url, WRITER) as peer:
            with two.write():
                pushing = asyncio.create_task(send(server.url, WRITER, body))
                for _ in range(20):
                    refs = await peer.refs()
                    assert refs is not None
                assert not pushing.done()
            assert (await pushing).status == 200
        assert tip_of(two) == new

    run(test())


def test_a_pusher_that_leaves_has_moved_nothing_or_all() -> None:
    one, two, _ = nodes_with()
    for at in range(200):
        change(one, "www", at % 250, branch=f"b{at}")
    body = everything(one, two, atomic=True).encode()

    async def test() -> None:
        async with running(two, generous_gate((WRITER,))) as server:
            for wait in range(12):
                task = asyncio.create_task(send(server.url, WRITER, body))
                await asyncio.sleep(wait / 100)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                found = local_refs(two)
                assert len(found) == 1 or found == local_refs(one)
            answer = await send(server.url, WRITER, body)
            assert {result.outcome for result in answer.push.results} <= {"updated", "unchanged"}
        assert local_refs(two) == local_refs(one)

    run(test())


def test_more_heads_than_one_merge_may_have_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zonegit.repo.canonical.MAX_HEADS", 4)
    two = nodes_with()[1]
    found = []
    for at in range(6):
        one = nodes_with()[0]
        new = change(one, f"h{at}", at)
        answer = pushed(two, PushRequest(tuple(lacking(one, two)), (), (Offer(MAIN, new),)), policy=Policy.MERGE)
        found += [(result.outcome, result.reason) for result in answer.results]
    assert found == [("updated", ""), *[("merged", "")] * 3, *[("refused", "too-many-heads")] * 2]


def test_more_changes_than_one_merge_may_have_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zonegit.repo.canonical.MAX_CHANGES", 4)
    one, two, _ = nodes_with()
    change(two, "mail", 1)
    for at in range(20):
        new = change(one, "www", at)
    for policy, outcome in ((Policy.MERGE, "refused"), (Policy.HOLD, "held")):
        answer = pushed(two, PushRequest(tuple(lacking(one, two)), (), (Offer(MAIN, new),)), policy=policy)
        assert [(result.outcome, result.reason) for result in answer.results] == [(outcome, "too-many-changes")]


def test_who_may_push_to_one_branch_makes_no_tag_and_no_other_branch() -> None:
    one, two, _ = nodes_with()
    new = change(one, "www", 1)
    key = Key.derive("one", b"o" * 32, scopes=(parse_scope(f"push:{ORG}:main"),))
    objects = tuple(lacking(one, two))
    for ref in (Ref(RefKind.TAG, ORG, "main"), Ref(RefKind.HEAD, ORG, "main2"), Ref(RefKind.HEAD, NET, "main2")):
        with pytest.raises(ZonegitError, match="may not push"):
            pushed(two, PushRequest(objects, (), (Offer(MAIN, new), Offer(ref, new))), key)
    assert plan(two, [Offer(MAIN, new)], lambda zone: Policy.MERGE, WHO.time).results[0].outcome == "missing"
    endpoint = PushEndpoint(two, clock=lambda: 0.0)
    assert pushed(two, PushRequest(objects, (), (Offer(MAIN, new),)), key, endpoint=endpoint, now=0.0).stored
    assert tip_of(two) == new
