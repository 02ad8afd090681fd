"""Which zones are exchanged with a peer: the patterns in its table of the configuration.

They are written as on the command line (`sync.selection`), but name no branches: all of a zone's branches are
exchanged, or none.
"""

from collections.abc import Iterable
from typing import NamedTuple

from zonegit.errors import UsageError
from zonegit.sync.selection import Pattern, parse_pattern


class Patterns(NamedTuple):
    """A set of zones. The cost of a match doesn't grow with the number of names without an asterisk."""

    names: frozenset[str] = frozenset()
    """Canonical zone names."""
    wild: tuple[Pattern, ...] = ()

    @classmethod
    def parse(cls, texts: Iterable[str]) -> "Patterns":
        """`UsageError` for a text that isn't a pattern, or names a branch."""
        found = [parse_pattern(text) for text in texts]
        if bad := next((each for each in found if each.name != "*"), None):
            raise UsageError(f"{str(bad)!r} names a branch: all branches of a zone are exchanged, or none")
        wild = tuple(each for each in found if "*" in each.zone)
        return cls(frozenset(each.zone for each in found if "*" not in each.zone), wild)

    def match(self, zone: str) -> bool:
        """Whether a pattern matches this zone, by its canonical name."""
        return zone in self.names or any(each.covers(zone, "") for each in self.wild)


ALL = Patterns(wild=(Pattern("*"),))


class ZoneFilter(NamedTuple):
    """The zones that match `zones` and not `exclude`."""

    zones: Patterns = ALL
    exclude: Patterns = Patterns()

    def includes(self, zone: str) -> bool:
        """Whether a zone, by its canonical name, is exchanged."""
        return self.zones.match(zone) and not self.exclude.match(zone)

    @property
    def all(self) -> bool:
        """Whether every zone is exchanged."""
        return self == ZoneFilter()
