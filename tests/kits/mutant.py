"""A bug that somebody could make."""

from typing import NamedTuple


class Mutant(NamedTuple):
    """A bug."""

    name: str
    path: str
    """The file, below `appliance/zonegit`."""
    old: str
    """What stands there, exactly once."""
    new: str
    caught_by: tuple[str, ...]
    """Tests, below `tests`; a file, or a directory."""
