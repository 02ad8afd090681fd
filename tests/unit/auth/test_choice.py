"""Which key a client signs with, and which it tries when that one is refused."""

import pytest

from zonegit.auth.choice import RETRY, Choice, signing_keys
from zonegit.auth.key import Key, State
from zonegit.auth.keyring import Keyring
from zonegit.errors import KeyFileError

NOW = 1_767_225_600.0


def key(kid: str, state: State = State.SIGN, since: float | None = None, until: float | None = None) -> Key:
    return Key.derive(kid, kid.encode() * 16, state=state, not_before=since, not_after=until)


def kid_of(found: Key | None) -> str:
    return found.kid if found else "none"


@pytest.mark.parametrize(
    ("keys", "best"),
    [
        ([key("a", since=NOW - 9), key("b", since=NOW - 5)], "b"),
        ([key("b", since=NOW - 9), key("a", since=NOW - 5)], "a"),
        ([key("a"), key("b", since=NOW - 5)], "b"),
        ([key("a"), key("b")], "b"),
        ([key("a", since=NOW - 9), key("b", since=NOW + 1)], "a"),
        ([key("a", since=NOW - 9), key("b", since=NOW - 5, until=NOW)], "a"),
        ([key("a", since=NOW - 9), key("b", State.ACCEPT, since=NOW - 5)], "a"),
        ([key("a", until=NOW), key("b", State.ACCEPT)], "b"),
        ([key("a", State.RETIRED)], "none"),
        ([], "none"),
    ],
)
def test_the_newest_that_signs_and_is_valid(keys: list[Key], best: str) -> None:
    assert kid_of(Choice(keys).best(NOW)) == best
    assert kid_of(Choice(reversed(keys)).best(NOW)) == best


def test_a_refused_key_stands_behind_for_a_while() -> None:
    old, new = key("a", State.ACCEPT, since=NOW - 9), key("b", since=NOW - 5)
    choice = Choice([old, new])
    assert choice.after(new, NOW) == old
    assert choice.best(NOW + RETRY - 1) == old
    assert choice.best(NOW + RETRY) == new


def test_when_the_other_one_is_refused_too_both_are_tried_again() -> None:
    old, new = key("a", since=NOW - 9), key("b", since=NOW - 5)
    choice = Choice([old, new])
    assert choice.after(new, NOW) == old
    assert choice.after(old, NOW) == new
    assert choice.best(NOW) == new
    choice.accepted(old)
    assert choice.best(NOW) == old


def test_a_single_key_has_no_other() -> None:
    only = key("a")
    choice = Choice([only])
    assert choice.after(only, NOW) is None
    assert choice.best(NOW) == only


def test_a_pin_is_the_only_key() -> None:
    keyring = Keyring([key("a"), key("b")])
    assert [found.kid for found in signing_keys(keyring, "a", NOW)] == ["a"]
    assert {found.kid for found in signing_keys(keyring, "", NOW)} == {"a", "b"}


@pytest.mark.parametrize(
    ("keys", "pin", "reason"),
    [
        ([key("a")], "b", "copy b.key"),
        ([key("a", State.RETIRED)], "a", "retired or not valid now"),
        ([key("a", until=NOW)], "a", "retired or not valid now"),
        ([key("a", State.ACCEPT)], "", "key promote"),
        ([key("a", until=NOW), key("b", State.ACCEPT)], "", "key promote"),
        ([], "", "copy one \\(KID.key\\)"),
        (
            [key("a", State.ACCEPT), key("b", State.ACCEPT)],
            "",
            "none of the keys a, b is .* key promote a --keys DIR",
        ),
    ],
)
def test_nothing_to_sign_with(keys: list[Key], pin: str, reason: str) -> None:
    with pytest.raises(KeyFileError, match=reason):
        signing_keys(Keyring(keys), pin, NOW)
