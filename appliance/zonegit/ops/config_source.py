"""The text of a configuration file: it is read key by key, and an error names the file and the line."""

import difflib
import tomllib
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from zonegit.errors import ConfigError

Reader = Callable[[object], Any]
Settings = dict[str, Any]  # checked by its readers; becomes a dataclass before it leaves this room


class Source:
    """A file's lines, for finding the line of an error."""

    def __init__(self, path: Path, text: str) -> None:
        self._path = path
        self._lines = text.splitlines()

    def table(self, where: tuple[str, ...], value: object) -> dict[str, object]:
        if not isinstance(value, dict):
            raise self.error(where, f"{where[-1]} is not a table: write [{'.'.join(where)}]")
        return value

    def array(self, where: tuple[str, ...], value: object) -> list[dict[str, object]]:
        """An array of tables."""
        if not isinstance(value, list):
            raise self.error(where, f"write [[{where[-1]}]], with double brackets")
        return [self.table((*where, str(at)), each) for at, each in enumerate(value)]

    def zone(self, where: tuple[str, ...], value: object, known: Collection[str]) -> dict[str, object]:
        """The table of a zone or catalog, whose keys are `known`, as far as they can't be the end of a name.

        If a name with dots isn't quoted, TOML reads it as nested tables: that is an error.
        """
        found = dict(self.table(where, value))
        for key, inner in found.items():
            if key in known and isinstance(inner, dict):
                continue
            while isinstance(inner, dict):
                where = (*where, key)
                key, inner = next(iter(inner.items()), ("", None))
            if len(where) > 2:
                raise self.error(where, f'quote the zone\'s name: write [{where[0]}."example.org."]')
        return found

    def take(
        self,
        where: tuple[str, ...],
        found: Mapping[str, object],
        known: Mapping[str, Reader],
        also: tuple[str, ...] = (),
    ) -> Settings:
        """Check every key of a table and read its value."""
        taken: Settings = {}
        for key, value in found.items():
            reader = known.get(key)
            if reader is None:
                near = difflib.get_close_matches(key, (*known, *also), 1, 0.0)[0]
                raise self.error((*where, key), f"unknown key {key!r}; did you mean {near!r}?")
            taken[key] = self.checked((*where, key), reader, value)
        return taken

    def checked(self, where: tuple[str, ...], reader: Reader, value: object) -> Any:
        try:
            return reader(value)
        except ConfigError as error:
            raise self.error(where, f"{where[-1]}: {error}") from None
        except ValueError:  # Python refuses to print more than 4,300 digits; TOML reads any hexadecimal number
            raise self.error(where, f"{where[-1]}: the number has too many digits") from None

    def error(self, where: tuple[str, ...], reason: str) -> ConfigError:
        return ConfigError(f"{self._path}:{self._line(where)}: {reason}")

    def _line(self, where: tuple[str, ...]) -> int:
        """The line of a key or of a table's header; if the key isn't found, the line of its nearest table."""
        best, line = -1, 1
        table: tuple[str, ...] = ()
        counted: Counter[tuple[str, ...]] = Counter()
        for number, text in enumerate(self._lines, 1):
            stripped = text.strip()
            if stripped.startswith("["):
                named = _key_path(stripped.split("#", 1)[0].strip().strip("[]"))
                if named and stripped.startswith("[["):
                    counted[named] += 1
                if counted[named[:1]]:  # in an array of tables, sub-tables belong to its last element
                    named = (*named[:1], str(counted[named[:1]] - 1), *named[1:])
                table = named or table
                path = table
            else:
                path = (*table, *_key_path(stripped.partition("=")[0]))
            if path == where[: len(path)] and len(path) > best:
                best, line = len(path), number
        return line


def _key_path(text: str) -> tuple[str, ...]:
    """The parts of a dotted TOML key; empty if it isn't one."""
    if not text or text.startswith("#"):
        return ()
    try:
        node: object = tomllib.loads(f"{text} = 0")
    except tomllib.TOMLDecodeError:
        return ()
    parts: list[str] = []
    while isinstance(node, dict) and node:
        key, node = next(iter(node.items()))
        parts.append(key)
    return tuple(parts)
