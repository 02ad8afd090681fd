"""What `zonegit config` shows and changes: the author, the signing key, whether to sign, and who is trusted.

They are kept in the repository as HEAD is (`repo.position`): the setting `config` is the repository's, and
`config/<uid>` that of one of several users. A user without a value of their own has the repository's, but for the
keys that say who the user is.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from zonegit.errors import CorruptStore, UsageError
from zonegit.repo.position import HEAD
from zonegit.store.port import Reader, Writer

NAME: Final = "user.name"
EMAIL: Final = "user.email"
SIGNING_KEY: Final = "user.signingkey"
SIGN: Final = "commit.sign"
ALLOWED_SIGNERS: Final = "gpg.ssh.allowedSignersFile"
_MAX_VALUE: Final = 1024
_TRUE: Final = frozenset({"true", "yes", "on", "1"})
_FALSE: Final = frozenset({"false", "no", "off", "0"})
"""The words of git, in any case."""


class _Key(NamedTuple):
    read: Callable[[str], str]
    """The value as it is kept; raises `ValueError` with what it must be."""
    personal: bool
    """Whether it is of one user, and never the repository's for all."""


def _person(text: str) -> str:
    if len(text) > 100 or any(char in "<>" for char in text):
        raise ValueError("at most 100 characters, without < and >")
    return text


def _switch(text: str) -> str:
    if text.lower() not in _TRUE | _FALSE:
        raise ValueError("true or false")
    return "true" if text.lower() in _TRUE else "false"


def _path(text: str) -> str:
    """Absolute, because the next command may be started in another directory."""
    return str(Path(text).expanduser().absolute())


_KEYS: Final[dict[str, _Key]] = {
    NAME: _Key(_person, True),
    EMAIL: _Key(_person, True),
    SIGNING_KEY: _Key(_path, True),
    SIGN: _Key(_switch, False),
    ALLOWED_SIGNERS: _Key(_path, False),
}
KEYS: Final = tuple(_KEYS)


def known_key(text: str) -> str:
    """The key that is meant, in any case. `UsageError` names the most similar one."""
    by_lower = {name.lower(): name for name in KEYS}
    if found := by_lower.get(text.lower()):
        return found
    from difflib import get_close_matches

    near = get_close_matches(text.lower(), by_lower, 1, 0.5)
    hint = f"did you mean {by_lower[near[0]]}?" if near else f"the keys are {', '.join(KEYS)}"
    raise UsageError(f"{text[:80]!r} is not a key of the configuration; {hint}")


def settings(reader: Reader, seat: str) -> dict[str, str]:
    """The values that hold for the user with this seat, by their keys."""
    found = _values(reader, HEAD)
    if seat != HEAD:
        found = {key: value for key, value in found.items() if not _KEYS[key].personal} | _values(reader, seat)
    return {key: found[key] for key in KEYS if key in found}


def change_setting(writer: Writer, seat: str, key: str, value: str | None) -> None:
    """Keep a user's own value for a key, or forget it (None). `UsageError` for a value that the key can't have."""
    name = known_key(key)
    values = _values(writer, seat)
    if value is None:
        values.pop(name, None)
    else:
        values[name] = checked_value(name, value)
    text = json.dumps(values, ensure_ascii=False, sort_keys=True)
    writer.set_setting(_setting(seat), text.encode() if values else None)


def checked_value(name: str, value: str) -> str:
    """A value as it is kept: a path becomes absolute. `UsageError` if the key can't have it."""
    if not value.strip() or not value.isprintable() or len(value) > _MAX_VALUE:
        raise UsageError(f"{name}: write 1 to {_MAX_VALUE:,} printable characters; --unset removes the value")
    try:
        return _KEYS[name].read(value)
    except (ValueError, RuntimeError) as error:  # RuntimeError: ~user without a home
        raise UsageError(f"{name} can't be {value[:80]!r}: {error}") from None


def _setting(seat: str) -> str:
    return f"config{seat.removeprefix(HEAD)}"


def _values(reader: Reader, seat: str) -> dict[str, str]:
    data = reader.setting(_setting(seat))
    if data is None:
        return {}
    try:
        found = json.loads(data)
        return {key: value for key, value in found.items() if key in _KEYS and isinstance(value, str)}
    except (ValueError, AttributeError, RecursionError):
        raise CorruptStore("the settings of `zonegit config` were changed on disk; 'zonegit fsck'") from None
