"""Bodies read member by member say what they say when they are read as a whole, wherever the windows end."""

import json
from random import Random

import pytest

from zonegit.errors import InvalidData
from zonegit.sync import json_members as module
from zonegit.sync.json_members import ELEMENTS, LONGEST, MOST, WINDOW, Elements, members

TEXTS = ("", "a", "é", "\N{GRINNING FACE}", '"', "\\", "zone.example.", "x" * 70)


def whole(data: bytes, most: int = ELEMENTS) -> dict[str, object]:
    return {name: list(value) if isinstance(value, Elements) else value for name, value in members(data, most)}


def some(rng: Random, depth: int = 0) -> object:
    kind = rng.randrange(7 if depth < 3 else 5)
    if kind == 5:
        return [some(rng, depth + 1) for _ in range(rng.randrange(5))]
    if kind == 6:
        return {f"{at}{rng.choice(TEXTS)}": some(rng, depth + 1) for at in range(rng.randrange(4))}
    return (rng.choice(TEXTS), rng.randrange(-(10**12), 10**12), rng.random(), rng.random() < 0.5, None)[kind]


@pytest.mark.parametrize("seed", range(20))
def test_it_reads_what_json_says(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST", 700)
    monkeypatch.setattr(module, "WINDOW", 701 + seed)
    rng = Random(seed)
    table = {f"m{at}": some(rng) for at in range(rng.randrange(12))}
    table["long"] = [rng.choice(TEXTS) for _ in range(rng.randrange(300))]
    data = json.dumps(
        table,
        ensure_ascii=seed % 2 == 0,
        indent=seed % 3 or None,
        separators=(" ,\t", "\r\n:") if seed % 5 else None,
    ).encode()
    assert whole(data) == json.loads(data)


def test_lists_that_are_left_are_passed_over() -> None:
    found = []
    for name, value in members(b'{"a":[1,[2],{"b":3}],"c":[4,5],"d":6}'):
        if name == "c":
            assert isinstance(value, Elements)
            found.append(next(iter(value)))
        elif not isinstance(value, Elements):
            found.append(value)
    assert found == [4, 6]


def test_space_may_be_longer_than_a_window() -> None:
    space = b" \n" * WINDOW
    assert whole(space + b"{" + space + b'"a"' + space + b":[" + space + b"1" + space + b"]}" + space) == {"a": [1]}


def test_a_value_of_the_longest_size_is_read() -> None:
    text = "x" * (LONGEST - 2)
    assert whole(json.dumps({"a": [text, text, text], "b": text}).encode()) == {"a": [text] * 3, "b": text}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" ",
        b"[]",
        b"1",
        b"{",
        b"}",
        b"{}{}",
        b"{}]",
        b"{,}",
        b'{"a"}',
        b'{"a":}',
        b'{"a":1,}',
        b'{"a":1 "b":2}',
        b'{"a":[}',
        b'{"a":[,]}',
        b'{"a":[1,]}',
        b'{"a":[1 2]}',
        b'{"a":[1]',
        b'{"a":[1}',
        b"{1:2}",
        b'{"a":NaN}',
        b'{"a":[Infinity]}',
        b'{"a":01}',
        b'{"a":"\x01"}',
        b'{"a":"\xff"}',
        b'{"a":"\xc3',
        b"\xef\xbb\xbf{}",
        '{"a":1}'.encode("utf-16"),
        b'{"a":1,"a":2}',
        b'{"a":{"b":1,"b":1}}',
        b'{"a":[{"b":1,"b":1}]}',
        b'{"a":' + b"9" * 4_301 + b"}",
        b'{"a":[' + b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"a":"' + b"x" * 4 * WINDOW + b'"}',
        b'{"a":{"b":[' + b"1," * 2 * WINDOW + b"1]}}",
        json.dumps({str(at): at for at in range(MOST + 1)}).encode(),
    ],
)
def test_what_is_no_body_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidData):
        whole(data)


def test_the_elements_of_all_lists_are_bounded() -> None:
    assert whole(b'{"a":[1,2,3,4,5],"b":[1,2,3,4,5]}', 10)["b"] == [1, 2, 3, 4, 5]
    with pytest.raises(InvalidData, match="more than 10 elements"):
        whole(b'{"a":[1,2,3,4,5],"b":[1,2,3,4,5,6]}', 10)
