"""The text of a configuration file: it is read key by key, and an error names the file and the line."""

import difflib
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from zonegit.errors import ConfigError

Reader = Callable[[object], Any]
_SIMILAR: Final = 0.6
"""How similar a key has to be for a suggestion, if the one that was written belongs in another table."""
Settings = dict[str, Any]  # checked by its readers; becomes a dataclass before it leaves this room


class Source:
    """A file's lines, for finding the line of an error."""

    def __init__(self, path: Path, text: str, tables: Mapping[str, str] | None = None) -> None:
        """`tables`: keys, and the table that each belongs in."""
        self._path = path
        self._lines = text.splitlines()
        self._tables = tables or {}

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
        if "." in where[-1]:  # the name is in quotes
            return found
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
                raise self.error((*where, key), f"unknown key {key!r}; {self._hint(key, (*known, *also))}")
            taken[key] = self.checked((*where, key), reader, value)
        return taken

    def checked(self, where: tuple[str, ...], reader: Reader, value: object) -> Any:
        try:
            return reader(value)
        except ConfigError as error:
            raise self.error((*where, *error.where), f"{where[-1]}: {error}") from None
        except ValueError:  # Python refuses to print more than 4,300 digits; TOML reads any hexadecimal number
            raise self.error(where, f"{where[-1]}: the number has too many digits") from None

    def _hint(self, key: str, known: Sequence[str]) -> str:
        """What may have been meant by an unknown key: one that is similar, or this one in another table."""
        near = difflib.get_close_matches(key, known, 1, _SIMILAR) or (
            [] if key in self._tables else difflib.get_close_matches(key, known, 1, 0.0)
        )
        return f"did you mean {near[0]!r}?" if near else f"it belongs in {self._tables[key]}"

    def error(self, where: tuple[str, ...], reason: str) -> ConfigError:
        return ConfigError(f"{self._path}:{self.nearest(where)[0]}: {reason}")

    def mention(self, word: str) -> int | None:
        """The first line with a word that isn't in a comment."""
        pattern = re.compile(rf"(?<![\w.-]){re.escape(word)}\.?(?![\w.-])", re.IGNORECASE)
        return next((at for at, text in enumerate(self._lines, 1) if pattern.search(text.partition("#")[0])), None)

    def nearest(self, where: tuple[str, ...]) -> tuple[int, int]:
        """The line of a key or of a table's header; if the key isn't found, the line of its nearest table.

        Also how much of the path is there.
        """
        best, line = (-1, False), 1
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
            begin, wanted = path[: len(where)], where[: len(path)]
            rank = (len(begin), begin == wanted)
            if rank > best and _folded(begin) == _folded(wanted):
                best, line = rank, number
        return line, best[0]


def located(path: Path | None, where: tuple[str, ...], reason: str) -> ConfigError:
    """An error in a file that was read before, at a table or key; the reason alone if it isn't in the file."""
    source = _again(path)
    return source.error(where, reason) if source and source.nearest(where)[1] > 0 else ConfigError(reason)


def mentioned(path: Path | None, word: str, reason: str) -> ConfigError:
    """An error about a word in a file that was read before, with the line if the file still has the word."""
    source = _again(path)
    line = source.mention(word) if source else None
    return ConfigError(f"{path}:{line}: {reason}" if line else reason)


def _again(path: Path | None) -> Source | None:
    try:
        return None if path is None else Source(path, path.read_text(errors="replace"))
    except OSError:
        return None


def _folded(path: tuple[str, ...]) -> tuple[str, ...]:
    """A path whose names of zones are comparable."""
    return tuple(part.lower().removesuffix(".") for part in path)


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
