"""Selects branches and tags by PATTERNs: `zone` or `zone:name`, with `*` for any characters. Reviews and proposals
come along with the branches of their zones."""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from zonegit.errors import InvalidName, UsageError
from zonegit.model.names import parse_apex, to_text
from zonegit.model.refs import RefKind, check_name


class Pattern(NamedTuple):
    """A pattern for zones and for names of their branches and tags."""

    zone: str
    """Canonical text; may contain `*`."""
    name: str = "*"

    def __str__(self) -> str:
        return self.zone if self.name == "*" else f"{self.zone}:{self.name}"

    def covers(self, zone: str, name: str) -> bool:
        return _matches(self.zone, zone) and _matches(self.name, name)


class Selection(NamedTuple):
    """What matches some patterns, and none of others."""

    patterns: tuple[Pattern, ...]
    exclude: tuple[Pattern, ...] = ()

    def takes(self, zone: str, name: str) -> bool:
        """Whether the branch or tag of this name is selected."""
        return any(each.covers(zone, name) for each in self.patterns) and not any(
            each.covers(zone, name) for each in self.exclude
        )

    def takes_ref(self, kind: RefKind, zone: str, name: str) -> bool:
        """Whether a ref is selected. Reviews and proposals are if any branch of their zone may be."""
        if not kind.is_review:
            return self.takes(zone, name)
        without = (each for each in self.exclude if each.name == "*")
        whole = (Pattern(each.zone) for each in self.patterns)
        return Selection(tuple(whole), tuple(without)).takes(zone, name)

    def idle(self, refs: Iterable[tuple[str, str]]) -> list[Pattern]:
        """The patterns that match none of these refs, each `(zone, name)`."""
        left = dict.fromkeys(self.patterns)
        for zone, name in refs:
            for each in [each for each in left if each.covers(zone, name)]:
                del left[each]
        return list(left)


EVERYTHING = Selection((Pattern("*"),))


def parse_pattern(text: str) -> Pattern:
    """Read a pattern; `UsageError` says what is wrong with it."""
    zone, colon, name = text.rpartition(":")
    if not colon or name.endswith("."):  # no branch ends with a dot, and a zone's name may contain a colon
        zone, name = text, "*"
    try:
        if "*" not in name:
            check_name(name, "branch")
        return Pattern(_zone(zone), name)
    except InvalidName as error:
        raise UsageError(f"{text[:120]!r} is not a pattern: write ZONE or ZONE:BRANCH, with * ({error})") from None


def parse_selection(patterns: Iterable[str], exclude: Iterable[str] = ()) -> Selection:
    return Selection(tuple(map(parse_pattern, patterns)), tuple(map(parse_pattern, exclude)))


def _zone(text: str) -> str:
    if "*" not in text:
        return to_text(parse_apex(text))
    if text.strip("*") == "":
        return "*"
    parse_apex(text.replace("*", "x"))  # it must read as a name
    return text.lower() if text.endswith((".", "*")) else f"{text.lower()}."


def _matches(pattern: str, text: str) -> bool:
    return pattern in ("*", text) or ("*" in pattern and _compiled(pattern).fullmatch(text) is not None)


@lru_cache(maxsize=1 << 10)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, pattern.split("*"))), re.ASCII)
