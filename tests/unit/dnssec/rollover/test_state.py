"""The key state as a value and as JSON."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rolloverkit import APEX, START, World, key
from zonegit.dnssec.policy import Algorithm, DnssecPolicy, KeyLayout
from zonegit.dnssec.rollover.machine import first_state, imported_state
from zonegit.dnssec.rollover.state import HeldKey, Part, Process, State, Wanted, from_json, to_json
from zonegit.dnssec.rollover.table import Kind
from zonegit.dnssec.rollover.values import Role
from zonegit.errors import DnssecError

POLICY = DnssecPolicy(keys=KeyLayout.SPLIT)


def test_every_state_of_a_life_is_read_as_it_was_written() -> None:
    world = World(POLICY)
    seen = []

    def note(state: State) -> bool:
        assert from_json(to_json(state)) == state
        seen.append(state.process and state.process.step)
        return state.process is None

    world.run(note)
    assert {"publish", "ds", None} <= set(seen)


def test_the_state_says_its_zone() -> None:
    assert json.loads(to_json(first_state(APEX, POLICY, START)))["zone"] == "example.org."


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b"null", b"\xff", b"{}", b"[" * 100_000, b'{"version": 0}'])
def test_what_is_no_state_is_refused_in_one_line(damage: bytes) -> None:
    with pytest.raises(DnssecError, match=r"^the key state is damaged: [^\n]+; restore it from a backup$"):
        from_json(damage)


def test_a_state_of_a_later_version_is_refused() -> None:
    table = json.loads(to_json(first_state(APEX, POLICY, START)))
    with pytest.raises(DnssecError, match="written by a later zonegit: update this one"):
        from_json(json.dumps({**table, "version": 2}).encode())


_STATE = to_json(
    State(
        APEX,
        (HeldKey(key(Role.KSK, 1), Part.KEPT), HeldKey(key(Role.ZSK, 2), Part.OLD)),
        Process(Kind.ZSK, "publish", (Wanted(Role.ZSK, Algorithm.ED25519),), START, START),
    )
)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (("disabled",), True),
        (("disabled",), 0),
        (("extra",), 1),
        (("zone",), "a..b."),
        (("keys", 0, "dnskey"), "AAAA"),
        (("keys", 0, "dnskey"), "*"),
        (("keys", 0, "role"), "zsk"),
        (("keys", 0, "created"), True),
        (("keys", 0, "part"), "gone"),
        (("process",), None),
        (("process", "step"), "dream"),
        (("process", "step"), "sign"),
        (("process", "kind"), "csk-roll"),
        (("process", "waited"), [-1, 5]),
        (("process", "waited"), [5, None]),
        (("process", "needs"), [["zsk", 99]]),
        (("ttls", "ds"), [-1, [0, None]]),
        (("ttls", "ds"), 5),
    ],
)
def test_a_state_with_a_wrong_field_is_refused(field: tuple[str | int, ...], value: object) -> None:
    table = json.loads(_STATE)
    assert from_json(_STATE)
    *path, last = field
    at = table
    for part in path:
        at = at[part]
    at[last] = value
    with pytest.raises(DnssecError, match="the key state is damaged"):
        from_json(json.dumps(table).encode())


@given(st.data())
def test_a_state_with_a_flipped_byte_is_read_or_refused(data: st.DataObject) -> None:
    damaged = bytearray(_STATE)
    damaged[data.draw(st.integers(0, len(_STATE) - 1))] = data.draw(st.integers(0, 255))
    try:
        state = from_json(bytes(damaged))
    except DnssecError:
        return
    assert from_json(to_json(state)) == state


def test_imported_keys_are_complete_and_their_tags_differ() -> None:
    csk, ksk, zsk = key(Role.CSK, 1), key(Role.KSK, 2), key(Role.ZSK, 3)
    assert imported_state(APEX, [csk]).process is None
    assert imported_state(APEX, [ksk, zsk]).process is None
    for wrong in ([], [ksk], [zsk], [csk, zsk], [csk, ksk]):
        with pytest.raises(DnssecError, match="import one CSK, or a KSK and a ZSK"):
            imported_state(APEX, wrong)
    with pytest.raises(DnssecError, match="same key tag"):
        imported_state(APEX, [csk, csk])
