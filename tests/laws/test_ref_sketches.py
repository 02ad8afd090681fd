"""Laws of sketches: whatever two sides hold, each learns exactly what the other has, or is told that it can't."""

from hypothesis import given
from hypothesis import strategies as st

from zonegit.errors import InvalidData
from zonegit.model.ids import ObjectId
from zonegit.model.refs import RefName, head, tag
from zonegit.sync.ref_sketch import FINE, FIRST, SketchAnswer, SketchQuestion, answer, question
from zonegit.sync.ref_table import RefTable
from zonegit.sync.sketch import ROWS, WIDTHS, Sketch, difference, width_for
from zonegit.sync.wire import PeerRefs
from zonegit.sync.work import finish, never

EPOCH = "e" * 32
STATE = PeerRefs(EPOCH, 7, "ab" * 32)
NAMES = [kind(f"z{n}.example.", name) for n in range(30) for kind in (head, tag) for name in ("main", "dev")]
TIPS = st.sampled_from([ObjectId(bytes((n,)) * 32) for n in range(4)])
REFS = st.dictionaries(st.sampled_from(NAMES), TIPS)
ELEMENTS = st.sets(st.integers(0, (1 << 48) - 1), max_size=60)
WIDE = st.sampled_from(WIDTHS)


def applied(mine: RefTable, found: SketchAnswer) -> dict[RefName, ObjectId]:
    held = dict(mine)
    for element in found.gone:
        name = mine.named(element)
        assert name is not None, "what is gone was held"
        del held[name]
    return held | dict(found.lists.refs)


@given(REFS, REFS)
def test_any_two_sets_of_refs_are_reconciled_exactly(
    mine: dict[RefName, ObjectId], theirs: dict[RefName, ObjectId]
) -> None:
    ours, server = RefTable(mine.items(), EPOCH), RefTable(theirs.items(), EPOCH)
    width, fine = FIRST, FINE
    while True:
        asked = SketchQuestion.decode(question(ours, EPOCH, width, fine).encode())
        found = SketchAnswer.decode(finish(answer(asked, server, STATE)).encode())
        if found.differ is None:
            break
        width, fine = width_for(found.differ, above=width), 0
    assert found.sum == server.sum
    assert applied(ours, found) == theirs
    assert {name for name, _ in found.lists.refs} == {name for name, tip in theirs.items() if mine.get(name) != tip}
    assert len(found.gone) == len(mine.keys() - theirs.keys())


@given(st.lists(st.tuples(st.sampled_from(NAMES), st.none() | TIPS)))
def test_what_is_told_hangs_on_the_refs_and_not_on_their_past(moves: list[tuple[RefName, ObjectId | None]]) -> None:
    kept = RefTable(epoch=EPOCH)
    for name, tip in moves:
        kept.move(name, tip)
    anew = RefTable(dict(kept).items(), EPOCH)
    assert question(kept, EPOCH, FIRST, FINE) == question(anew, EPOCH, FIRST, FINE)
    assert kept.root == anew.root


@given(ELEMENTS, ELEMENTS, WIDE)
def test_a_difference_that_comes_apart_is_the_difference(mine: set[int], theirs: set[int], width: int) -> None:
    one, other = Sketch(), Sketch()
    for element in mine:
        one.put(element, 1)
    for element in theirs:
        other.put(element, 1)
    counts = [ours - their for ours, their in zip(one.counts(width), other.counts(width), strict=True)]
    sums = [ours ^ their for ours, their in zip(one.sums(width), other.sums(width), strict=True)]
    found = finish(difference(counts, sums, never))
    if found is not None:
        assert (set(found.ours), set(found.theirs)) == (mine - theirs, theirs - mine)


@given(ELEMENTS, WIDE, WIDE)
def test_a_sketch_folds_to_any_width_by_any_way(elements: set[int], width: int, narrower: int) -> None:
    sketch = Sketch()
    for element in elements:
        sketch.put(element, 1)
    if width % narrower:
        return
    counts = sketch.counts(width)
    rows = [counts[row : row + width] for row in range(0, len(counts), width)]
    assert [sum(row[at::narrower]) for row in rows for at in range(narrower)] == sketch.counts(narrower)


@given(st.sampled_from(WIDTHS[:16]), st.data())
def test_whatever_a_peer_sends_costs_bounded_work(width: int, data: st.DataObject) -> None:
    cells = ROWS * width
    counts = data.draw(st.lists(st.integers(-2, 2), min_size=cells, max_size=cells))
    real = [element << 16 for element in data.draw(st.lists(st.integers(0, (1 << 48) - 1), max_size=3))]
    sums = data.draw(
        st.lists(st.integers(0, (1 << 64) - 1) | st.sampled_from([0, *real]), min_size=cells, max_size=cells)
    )
    looks = 0

    def due() -> bool:
        nonlocal looks
        looks += 1
        return False

    finish(difference(counts, sums, due))
    assert looks <= cells + ROWS * cells


@given(st.binary(max_size=200) | st.builds(lambda rest: b"\1\1" + rest, st.binary(min_size=52, max_size=900)))
def test_any_bytes_are_a_question_or_refused(body: bytes) -> None:
    try:
        asked = SketchQuestion.decode(body)
    except InvalidData:
        return
    finish(answer(asked, RefTable([(NAMES[0], ObjectId(bytes(32)))], EPOCH), STATE))
