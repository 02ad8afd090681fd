"""What a catalog zone says (RFC 9432 §4)."""

from collections.abc import Mapping
from typing import Final, NamedTuple

VERSION: Final = b"2"
"""The one value of the version property that this schema has (§4.2.1)."""


class Member(NamedTuple):
    """A member zone of a catalog."""

    zone: str
    """Canonical name (`example.org.`)."""
    ident: bytes
    """The label of its member node, without its length: a zone that gets another one begins again (§5.4)."""
    groups: tuple[str, ...] = ()
    """The values of its group property (§4.3.2), sorted."""
    coo: str | None = None
    """The catalog that it is to move to (change of ownership, §4.3.1)."""


class Catalog(NamedTuple):
    """The content of a catalog zone that isn't broken."""

    name: str
    """Canonical name of the catalog zone."""
    members: Mapping[str, Member] = {}
    """By the zone's canonical name."""


class Broken(NamedTuple):
    """A catalog zone that must not be processed (§5.1)."""

    name: str
    reasons: tuple[str, ...]
    """One line each, for the operator."""


def ident_text(ident: bytes) -> str:
    """The label of a member node as text."""
    from zonegit.model.names import to_text

    return to_text(bytes((len(ident),)) + ident + b"\0").removesuffix(".")
