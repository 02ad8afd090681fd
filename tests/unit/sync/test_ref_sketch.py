"""Differences of refs by sketches: each side learns what the other has, and what can't be is refused."""

import json
from base64 import urlsafe_b64encode
from random import Random

import pytest

from synckit import KEY, PEER, commit, names
from zonegit.auth.key import Key
from zonegit.auth.scope import parse_scope
from zonegit.errors import InvalidData
from zonegit.model.ids import ObjectId
from zonegit.model.refs import RefName, head, tag
from zonegit.store.memory import MemoryStore
from zonegit.store.tables import Table
from zonegit.sync.known_refs import KnownRefs
from zonegit.sync.peers import remember
from zonegit.sync.ref_lists import RefLists
from zonegit.sync.ref_sketch import FINE, FIRST, SketchAnswer, SketchQuestion, answer, question
from zonegit.sync.ref_table import RefTable
from zonegit.sync.server import Endpoint
from zonegit.sync.sketch import ROWS, WIDTHS, Sketch, difference, estimate, width_for
from zonegit.sync.tips import Tip, Tips
from zonegit.sync.wire import PeerRefs
from zonegit.sync.work import finish, never

EPOCH, OTHER, ROOT = "e" * 32, "d" * 32, "ab" * 32
Refs = dict[RefName, ObjectId]


def some_refs(rng: Random, count: int) -> Refs:
    return {
        rng.choice((head, head, tag))(f"z{at}.example.", "main"): ObjectId(rng.randbytes(32)) for at in range(count)
    }


def moved(refs: Refs, rng: Random, count: int) -> Refs:
    """With so many refs that moved, were deleted or made."""
    found = dict(refs)
    for name in rng.sample(sorted(refs), min(len(refs), count)):
        kind = rng.randrange(3)
        if kind == 0:
            found[name] = ObjectId(rng.randbytes(32))
        elif kind == 1:
            del found[name]
        else:
            found[head(f"n{rng.getrandbits(60)}.example.", "main")] = ObjectId(rng.randbytes(32))
    return found


def state() -> PeerRefs:
    return PeerRefs(EPOCH, 7, ROOT)


def asked(ours: RefTable, theirs: RefTable, width: int, fine: int = 0) -> SketchAnswer:
    """What a server with `theirs` says to a client with `ours`, through the wire."""
    sent = SketchQuestion.decode(question(ours, EPOCH, width, fine).encode())
    return SketchAnswer.decode(finish(answer(sent, theirs, state())).encode())


def learned(ours: RefTable, theirs: RefTable) -> tuple[SketchAnswer, int]:
    """The answer that says what differs, and how many questions that took."""
    width, fine = FIRST, FINE
    for count in range(1, 5):
        found = asked(ours, theirs, width, fine)
        if found.differ is None:
            return found, count
        width, fine = width_for(found.differ, above=width), 0
    raise AssertionError("no sketch was wide enough")


@pytest.mark.parametrize("seed", range(40))
def test_a_client_learns_what_differs_whatever_both_hold(seed: int) -> None:
    rng = Random(seed)
    mine = some_refs(rng, rng.choice((0, 1, 40, 1500)))
    ours, theirs = (
        RefTable(mine.items(), EPOCH),
        RefTable(moved(mine, rng, rng.choice((0, 1, 5, 200))).items(), EPOCH),
    )
    found, count = learned(ours, theirs)
    assert count <= 3
    held = dict(ours)
    for element in found.gone:
        name = ours.named(element)
        assert name is not None
        del held[name]
    held.update(found.lists.refs)
    assert held == dict(theirs)
    assert found.sum == theirs.sum
    assert not [1 for name, oid in found.lists.refs if ours.get(name) == oid], "only what differs"


def test_nothing_that_differs_takes_one_question() -> None:
    refs = some_refs(Random(1), 500)
    table = RefTable(refs.items(), EPOCH)
    found = asked(table, RefTable(refs.items(), EPOCH), FIRST, FINE)
    assert (found.differ, found.lists.branches, found.lists.tags, found.gone) == (None, Tips(), Tips(), ())


def test_six_moved_refs_take_one_question_and_a_hundred_two() -> None:
    tries = 60
    for count, questions, most in ((6, 1, 3), (100, 2, 3)):
        slower = 0
        for seed in range(tries):
            rng = Random(seed)
            mine = some_refs(rng, 400)
            theirs = dict(mine)
            for name in rng.sample(sorted(mine), count):
                theirs[name] = ObjectId(rng.randbytes(32))
            slower += learned(RefTable(mine.items(), EPOCH), RefTable(theirs.items(), EPOCH))[1] > questions
        assert slower <= most, f"{count} refs"


def test_a_table_that_is_kept_up_tells_what_one_made_anew_does() -> None:
    rng = Random(4)
    refs = some_refs(rng, 300)
    kept = RefTable(refs.items(), EPOCH)
    for _ in range(5):
        after = moved(refs, rng, 30)
        for name in refs.keys() | after.keys():
            kept.move(name, after.get(name))
        refs = after
        anew = RefTable(refs.items(), EPOCH)
        assert question(kept, EPOCH, 60) == question(anew, EPOCH, 60)
        assert (kept.root, kept.digests) == (anew.root, anew.digests)
    assert RefTable(refs.items(), OTHER).sum != kept.sum, "another repository's sketches are others"


def test_who_knows_another_repository_is_told_to_ask_by_buckets() -> None:
    table = RefTable(some_refs(Random(1), 5).items(), EPOCH)
    found = finish(answer(question(table, OTHER, FIRST), table, state()))
    assert found.differ == 0
    assert width_for(0) == 0


def test_a_key_is_told_of_its_zones_only() -> None:
    store = MemoryStore()
    with store.write() as writer:
        writer.begin_epoch(bytes.fromhex(EPOCH))
    commit(store, "example.org.", names("example.org.", 1))
    seen = commit(store, "example.net.", names("example.net.", 1))
    narrow = Key.derive("k2", b"n" * 32, scopes=(parse_scope("read:example.net."),))
    endpoint = Endpoint(store)
    nothing = question(RefTable(epoch=EPOCH), EPOCH, FIRST, FINE).encode()
    for key, zones in ((KEY, ["example.net.", "example.org."]), (narrow, ["example.net."])):
        found = SketchAnswer.decode(finish(endpoint.refs_sketch(key, nothing)).body)
        assert [tip.zone for tip in found.lists.branches] == zones
    held = RefTable([(head("example.net.", "main"), seen)], EPOCH)
    found = SketchAnswer.decode(
        finish(endpoint.refs_sketch(narrow, question(held, EPOCH, FIRST, FINE).encode())).body
    )
    assert not found.lists.branches
    assert found.sum == held.sum, "all that this key sees, and no more"


def tracked(refs: Refs) -> KnownRefs:
    """A client that tracks these heads."""
    store = MemoryStore()
    found = KnownRefs(PEER)
    with store.write() as writer:
        remember(writer, PEER, state())
        for name, oid in refs.items():
            tracking = name.replace("refs/heads/", f"refs/remotes/{PEER}/")
            writer.draft.put(Table.REFS, tracking.encode(), oid)
    with store.read() as reader:
        found.catch_up(reader)
    return found


def test_an_answer_that_leads_elsewhere_than_it_says_is_not_taken() -> None:
    names_ = {head(f"z{at}.example.", "main"): ObjectId(bytes(32)) for at in range(4)}
    client = tracked(names_)
    server = RefTable([(head("new.example.", "main"), ObjectId(bytes(32)))], EPOCH)
    sent = SketchQuestion.decode(client.sketch(FIRST, FINE))
    good = finish(answer(sent, server, state()))
    found = client.resolved(good)
    assert found is not None
    assert found.gone == tuple(sorted(names_))
    assert [tip.zone for tip in found.lists.branches] == ["new.example."]
    assert client.resolved(good._replace(sum=good.sum + 1)) is None
    assert client.resolved(good._replace(gone=good.gone[1:])) is None
    assert client.resolved(good._replace(gone=(*good.gone, 7))) is not None, "what isn't held needn't go"
    assert client.resolved(good._replace(lists=RefLists())) is None


def test_a_sketch_that_no_set_has_ends_all_the_same() -> None:
    rng = Random(9)
    for _ in range(200):
        width = rng.choice(WIDTHS[:12])
        cells = ROWS * width
        sums = [rng.getrandbits(64) for _ in range(cells)]
        finish(difference([rng.choice((-1, 0, 1, 2)) for _ in range(cells)], sums, never))
    sketch = Sketch()
    sketch.put(12345, 1)
    circular = [1] * (ROWS * 8)
    finish(difference(circular, sketch.sums(8), never))


def test_the_estimate_is_near_whatever_side_has_more() -> None:
    for one_sided in (True, False):
        rng = Random(2)
        counts = Sketch()
        for at in range(1000):
            counts.put(rng.getrandbits(48), 1 if one_sided or at % 2 else -1)
        assert 600 < estimate([count % 256 for count in counts.counts(FINE)]) < 1500
    assert estimate([0] * ROWS) == 0


def good_question() -> bytearray:
    return bytearray(question(RefTable(epoch=EPOCH), EPOCH, FIRST, FINE).encode())


@pytest.mark.parametrize("spoil", [(0, 2), (0, 0), (51, 9), (51, 0), (53, 57), (53, 0), (53, 4)])
def test_a_question_that_is_wrong_is_refused(spoil: tuple[int, int]) -> None:
    body = good_question()
    SketchQuestion.decode(bytes(body))
    body[spoil[0]] = spoil[1]
    with pytest.raises(InvalidData):
        finish(Endpoint(MemoryStore()).refs_sketch(KEY, bytes(body)))


@pytest.mark.parametrize("size", [0, 1, 53, 54, -1])
def test_a_question_of_another_size_is_refused(size: int) -> None:
    body = bytes(good_question())
    for wrong in (body[:size], body + b"\0"):
        with pytest.raises(InvalidData):
            SketchQuestion.decode(wrong)


def good_answer() -> dict[str, object]:
    branches = Tips([Tip("example.org.", "main", ObjectId(bytes(32)))])
    return json.loads(SketchAnswer(EPOCH, 7, ROOT, 5, RefLists(branches), (1,)).encode())


A = urlsafe_b64encode(bytes(32)).decode().rstrip("=")


@pytest.mark.parametrize(
    "spoilt",
    [
        {"epoch": "x" * 32},
        {"seq": -1},
        {"sum": ""},
        {"sum": 1},
        {"gone": "AAAAAAAA"},
        {"gone": ["AAAAAAA"]},
        {"gone": ["AAAAAAAA="]},
        {"gone": [1]},
        {"differ": -1},
        {"differ": True},
        {"differ": 1 << 32},
        {"differ": "1"},
        {"branches": {}},
        {"branches": [["example.org.", "main", A], ["example.org.", "main", A]]},
        {"tags": [["Example.org.", "main", A]]},
    ],
)
def test_an_answer_that_is_wrong_is_refused(spoilt: dict[str, object]) -> None:
    SketchAnswer.decode(json.dumps(good_answer()).encode())
    with pytest.raises(InvalidData):
        SketchAnswer.decode(json.dumps(good_answer() | spoilt).encode())
