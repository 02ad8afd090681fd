"""Which of its keys a client signs with: the newest in state `sign` that is valid now, unless one is pinned.

A server that doesn't know that key yet, or no longer, refuses it without saying why. The client then takes another
valid key for the same request, once, and goes on with the one that was taken. It tries the refused one again when
`RETRY` is over, at the next refusal, or when it is given new keys, so that a rotation comes to its end in whatever
order the machines of a fleet are reached.
"""

from collections.abc import Iterable
from typing import Final

from zonegit.auth.key import Key, State
from zonegit.auth.keyring import Keyring
from zonegit.errors import KeyFileError

RETRY: Final = 300.0
"""Seconds that a refused key stands behind the others. Each refusal costs the source's budget at the server."""


class Choice:
    """A client's keys, and which of them were refused lately."""

    def __init__(self, keys: Iterable[Key]) -> None:
        """`keys` are all that may be signed with; a single one is a pinned key."""
        self._keys = sorted(keys, key=_rank, reverse=True)
        self._refused: dict[str, float] = {}

    def best(self, now: float) -> Key | None:
        """The key to sign with; None when none is valid now."""
        return next(iter(self._order(now)), None)

    def after(self, refused: Key, now: float) -> Key | None:
        """The key to try once when this one was refused; None when there is no other."""
        self._refused[refused.kid] = now
        return next((key for key in self._order(now) if key.kid != refused.kid), None)

    def taken(self, key: Key) -> None:
        """Note that the server took this key."""
        self._refused.pop(key.kid, None)

    def _order(self, now: float) -> list[Key]:
        valid = [key for key in self._keys if key.valid(now)]
        return sorted(valid, key=lambda key: key.kid in self._refused and abs(now - self._refused[key.kid]) < RETRY)


def signing_keys(keyring: Keyring, pin: str, now: float) -> tuple[Key, ...]:
    """What a client may sign with: the key that is pinned, else every key that isn't retired.

    `KeyFileError` when the pinned key isn't there or isn't valid now, or when none in state `sign` is.
    """
    if pin:
        key = keyring.get(pin)
        if key is None:
            raise KeyFileError(f"there is no key {pin!r} to sign with; copy {pin}.key from the primary")
        if not key.valid(now):
            raise KeyFileError(f"the key {pin!r} is retired or out of its time")
        return (key,)
    if not any(key.state is State.SIGN and key.valid(now) for key in keyring):
        raise KeyFileError(
            "there is no key in state `sign` that is valid now; `zonegit key promote KID` makes one sign"
        )
    return tuple(key for key in keyring if key.state is not State.RETIRED)


def _rank(key: Key) -> tuple[bool, float, str]:
    """Keys that sign stand before those that are accepted only, newer ones before older ones."""
    return key.state is State.SIGN, float("-inf") if key.not_before is None else key.not_before, key.kid
