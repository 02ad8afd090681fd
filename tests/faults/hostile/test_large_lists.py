"""Bodies that are small as text and large as objects: what reading them takes is bounded, and given back."""

import gc
import json
import tracemalloc
from collections.abc import Callable

import pytest

from zonegit.errors import InvalidData, LimitExceeded
from zonegit.sync import limits
from zonegit.sync.ref_diff import Change, Question
from zonegit.sync.tips import Tips
from zonegit.sync.wire import FetchRequest, PeerRefs, decode_error, decode_root

SIZE = 1 << 16
"""Of a body here. The longest list of refs is 256 times as long, and takes 256 times as much."""
MOST = 1.0
"""What reading a body may take at most, in bodies: a tree of its objects takes up to 40. A body is held too, twice
while it arrives, so that the longest list of refs takes 48 MiB."""
FIXED = 256 << 10
"""And in bytes, whatever its size."""
LEFT = 64 << 10
"""Bytes that may stay when it is gone."""
STATE = {"epoch": "e" * 32, "seq": 7, "root": "ab" * 32}


def filled(element: str, state: dict[str, object] | None = None, name: str = "branches", end: str = "]}") -> bytes:
    head = json.dumps(STATE | (state or {}))[:-1] + f', "{name}": ['
    count = (SIZE - len(head)) // (len(element) + 1)
    return (head + ",".join([element] * count) + end).encode()


def refs(count: int) -> bytes:
    tips = [{"zone": f"z{at:07d}.example.", "name": "main", "hash": f"{at:064x}"} for at in range(count)]
    return json.dumps(STATE | {"zones": [], "branches": tips, "tags": []}).encode()


def differences(count: int) -> bytes:
    tips = [(f"z{at:07d}.example.", "main", "A" * 43) for at in range(count)]
    return json.dumps(STATE | {"buckets": list(range(256)), "branches": tips, "tags": []}).encode()


def used(read: Callable[[], object]) -> tuple[int, int]:
    """Bytes that reading took at most, and that stayed behind."""
    gc.collect()
    tracemalloc.start()
    try:
        found = read()
        peak = tracemalloc.get_traced_memory()[1]
        del found
        gc.collect()
        return peak, tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


def bounded(data: bytes, read: Callable[[bytes], object]) -> None:
    peak, left = used(lambda: read(data))
    assert peak <= MOST * len(data) + FIXED
    assert left <= LEFT


def refused(data: bytes, read: Callable[[bytes], object]) -> None:
    def refusal() -> None:
        with pytest.raises((InvalidData, LimitExceeded)):
            read(data)

    peak, left = used(refusal)
    assert peak <= FIXED
    assert left <= LEFT


def test_honest_lists_take_less_than_their_text() -> None:
    count = SIZE // 110
    assert len(PeerRefs.decode(refs(9)).branches) == 9
    bounded(refs(count), PeerRefs.decode)
    bounded(differences(count), Change.decode)


@pytest.mark.parametrize("element", ["{}", '""', "0", '{"zone":[{}]}', '{"zone":"a.","zone":"a."}'])
def test_elements_of_another_kind_end_the_reading(element: str) -> None:
    for kind in ("branches", "tags"):
        refused(filled(element, name=kind), PeerRefs.decode)
        refused(filled(element, name=kind), Change.decode)
    refused(filled(element, name="buckets"), Change.decode)
    for kind in ("want", "have"):
        refused(filled(element, name=kind), FetchRequest.decode)


@pytest.mark.parametrize("element", ["{}", '{"a":[{}]}'])
def test_lists_that_nobody_asks_for_are_passed_over(element: str) -> None:
    bounded(filled(element, name="zones", end='],"branches":[],"tags":[]}'), PeerRefs.decode)
    bounded(filled(element, name="more", end='],"buckets":[],"branches":[],"tags":[]}'), Change.decode)
    bounded(filled(element), decode_root)
    bounded(filled(element), decode_error)


@pytest.mark.parametrize(
    "data",
    [
        b"[" * SIZE,
        b'{"a":' * (SIZE // 5),
        b'{"a":[' * (SIZE // 6),
        b'{"branches":' + b"[" * SIZE,
        b'{"seq":' + b"9" * SIZE + b"}",
        b'{"epoch":"' + b"e" * SIZE + b'"}',
        b'{"epoch":{"a":[' + b"0," * (SIZE // 2) + b"0]}}",
        b'{"epoch":"e","epoch":"e"}',
        b"{" + b",".join(b'"%d":0' % at for at in range(SIZE // 10)) + b"}",
    ],
    ids=["lists", "objects", "both", "nested refs", "a number", "a text", "a list in a member", "twice", "members"],
)
def test_depth_and_length_are_bounded(data: bytes) -> None:
    for read in (PeerRefs.decode, Change.decode, FetchRequest.decode, decode_root):
        refused(data, read)


def test_ids_beyond_their_number_end_the_reading() -> None:
    def body(**lists: int) -> bytes:
        return json.dumps({name: ["ab" * 32] * count for name, count in lists.items()}).encode()

    assert len(FetchRequest.decode(body(want=limits.MAX_WANTS, have=limits.MAX_HAVES)).have) == limits.MAX_HAVES
    for lists in ({"want": limits.MAX_WANTS + 1}, {"want": 1, "have": limits.MAX_HAVES + 1}):
        with pytest.raises(LimitExceeded):
            FetchRequest.decode(body(**lists))


def test_a_question_about_differences_is_read_the_same_way() -> None:
    for data in (filled("{}", name="buckets"), b'{"buckets":' + b"[" * limits.DIFF_BODY):
        refused(data, Question.decode)


def test_tips_take_a_fraction_of_objects() -> None:
    found = PeerRefs.decode(refs(2_000)).branches
    assert isinstance(found, Tips)
    peak, _ = used(lambda: Tips(found))
    assert peak <= 2_000 * 100
