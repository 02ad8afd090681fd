"""Chooses the key that a client signs with: the newest valid one in state `sign`, unless one is pinned.

A server that doesn't know the key, or no longer knows it, refuses it without saying why. The client then retries
the request once with another valid key, and keeps using the key that was accepted. It tries the refused key again
after `RETRY`, at the next refusal, or when it gets new keys, so that a rotation completes in whatever order the
machines of a fleet are updated.
"""

from collections.abc import Iterable
from typing import Final

from zonegit.auth.key import Key, State
from zonegit.auth.keyring import Keyring
from zonegit.errors import KeyFileError

RETRY: Final = 300.0
"""Seconds during which a refused key comes after the others: the server charges each refusal to the source."""


class Choice:
    """A client's keys, and which of them were refused recently."""

    def __init__(self, keys: Iterable[Key]) -> None:
        """`keys`: all that may be used; a single one is a pinned key."""
        self._keys = sorted(keys, key=_rank, reverse=True)
        self._refused: dict[str, float] = {}

    def best(self, now: float) -> Key | None:
        """The key to sign with; None if none is valid now."""
        return next(iter(self._order(now)), None)

    def after(self, refused: Key, now: float) -> Key | None:
        """The key to try once after this one was refused; None if there is no other."""
        self._refused[refused.kid] = now
        return next((key for key in self._order(now) if key.kid != refused.kid), None)

    def accepted(self, key: Key) -> None:
        """Note that the server accepted this key."""
        self._refused.pop(key.kid, None)

    def _order(self, now: float) -> list[Key]:
        valid = [key for key in self._keys if key.valid(now)]
        return sorted(valid, key=lambda key: key.kid in self._refused and abs(now - self._refused[key.kid]) < RETRY)


def signing_keys(keyring: Keyring, pin: str, now: float, directory: str = "DIR") -> tuple[Key, ...]:
    """The keys that a client may sign with: the pinned key, else every key that isn't retired.

    `KeyFileError` if the pinned key is missing or not valid now, or if no key in state `sign` is valid; `directory`
    is where the keys are from, for the message.
    """
    if pin:
        key = keyring.get(pin)
        if key is None:
            raise KeyFileError(f"there is no key {pin!r} to sign with; copy {pin}.key from the primary")
        if not key.valid(now):
            raise KeyFileError(f"the key {pin!r} is retired or not valid now")
        return (key,)
    if not any(key.state is State.SIGN and key.valid(now) for key in keyring):
        raise KeyFileError(_none_signs(keyring, now, directory))
    return tuple(key for key in keyring if key.state is not State.RETIRED)


def _none_signs(keyring: Keyring, now: float, directory: str) -> str:
    valid = sorted(key.kid for key in keyring if key.valid(now))
    if not valid:
        return "no key file here has a key that is valid now; copy one (KID.key) from the peer"
    promote = f"`zonegit key promote {valid[0]} --keys {directory}` on this machine"
    if len(valid) == 1:
        return f"the key {valid[0]} is not in state `sign` here, so it can't be used for signing: run {promote}"
    return f"none of the keys {', '.join(valid)[:200]} is in state `sign` here: run {promote} for one of them"


def _rank(key: Key) -> tuple[bool, float, str]:
    """Keys in state `sign` rank above the others, newer ones above older ones."""
    return key.state is State.SIGN, float("-inf") if key.not_before is None else key.not_before, key.kid
