"""Names of refs: `refs/heads/<zone>/<branch>`, `refs/tags/<zone>/<tag>`, `refs/remotes/<peer>/<zone>/<branch>`.

A zone stands in them as canonical text (lowercase, final dot, RFC 1035 escapes) and may hold a slash (RFC 2317);
branches, tags and peers may not, so every name splits in one way.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final, NewType

from zonegit.errors import InvalidName
from zonegit.model.names import WireName, parse_apex, to_text

RefName = NewType("RefName", str)

DEFAULT_BRANCH: Final = "main"
_LABEL: Final = re.compile(r"[a-z0-9_][a-z0-9._-]{0,63}", re.ASCII)


class RefKind(StrEnum):
    HEAD = "heads"
    TAG = "tags"
    REMOTE = "remotes"


@dataclass(frozen=True, slots=True)
class Ref:
    """The parts of a ref's name."""

    kind: RefKind
    zone: str
    """Canonical text of the apex, `example.org.`"""
    name: str
    """The branch or tag."""
    peer: str = ""
    """Set for `refs/remotes/` only."""

    @property
    def full(self) -> RefName:
        peer = f"{self.peer}/" if self.kind is RefKind.REMOTE else ""
        return RefName(f"refs/{self.kind}/{peer}{self.zone}/{self.name}")

    @property
    def apex(self) -> WireName:
        return parse_apex(self.zone)


def check_label(text: str, what: str) -> str:
    """Return a branch's, tag's or peer's name if it is a good one."""
    if not _LABEL.fullmatch(text) or text.startswith(".") or ".." in text or text.endswith("."):
        raise InvalidName(f"{text[:80]!r} is not a {what} name: use 1 to 64 of a-z 0-9 . _ -, no '..'")
    return text


def head(zone: str, branch: str) -> RefName:
    return Ref(RefKind.HEAD, zone, check_label(branch, "branch")).full


def tag(zone: str, name: str) -> RefName:
    return Ref(RefKind.TAG, zone, check_label(name, "tag")).full


def remote(peer: str, zone: str, branch: str) -> RefName:
    return Ref(RefKind.REMOTE, zone, check_label(branch, "branch"), check_label(peer, "peer")).full


@lru_cache(maxsize=1 << 15)
def parse(full: str) -> Ref:
    """Split a full ref name; `InvalidName` unless it is exactly what `Ref.full` would write."""
    try:
        prefix, kind_text, rest = full.split("/", 2)
        kind = RefKind(kind_text)
        peer, rest = rest.split("/", 1) if kind is RefKind.REMOTE else ("", rest)
        zone, name = rest.rsplit("/", 1)
    except ValueError:
        raise InvalidName(f"{full[:120]!r} is not a ref: expected refs/heads/<zone>/<branch>") from None
    ref = Ref(kind, zone, check_label(name, "branch"), peer and check_label(peer, "peer"))
    if prefix != "refs" or to_text(parse_apex(zone)) != zone or ref.full != full:
        raise InvalidName(f"{full[:120]!r} is not a ref in canonical form")
    return ref
