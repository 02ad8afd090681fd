"""The keys of one or several directories, one per `<kid>.key`, loaded all or none.

A set with a bad file, or with two keys that have the same secret, is refused as a whole; the caller keeps its
previous set.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Self

from zonegit.auth.key import Key
from zonegit.auth.keyfile import key_paths, read_key
from zonegit.errors import KeyFileError


class Keyring:
    """Keys by their id; immutable."""

    def __init__(self, keys: Iterable[Key] = ()) -> None:
        self._keys: dict[str, Key] = {}
        secrets: dict[bytes, str] = {}
        for key in keys:
            if key.kid in self._keys:
                raise KeyFileError(f"there are two key files with the id {key.kid}; remove one of them")
            other = secrets.setdefault(key.request, key.kid)
            if other != key.kid:
                raise KeyFileError(f"the keys {other} and {key.kid} have the same secret; each key needs its own")
            self._keys[key.kid] = key

    @classmethod
    def load(cls, *directories: Path) -> Self:
        """Read directories of key files; `KeyFileError` names the first bad file and the reason."""
        return cls(read_key(path) for directory in directories for path in key_paths(directory))

    def get(self, kid: str) -> Key | None:
        return self._keys.get(kid)

    def __iter__(self) -> Iterator[Key]:
        return iter(self._keys.values())

    def __len__(self) -> int:
        return len(self._keys)
