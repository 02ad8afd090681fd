"""Names of refs: `refs/heads/<zone>/<branch>`, `refs/tags/<zone>/<tag>`, `refs/remotes/<peer>/<zone>/<branch>`,
`refs/published/<zone>/<branch>` for what a branch is served as if a policy stands between the two,
`refs/reviews/<zone>/<commit>/<reviewer>` for what somebody thinks of a commit, and
`refs/proposals/<zone>/<number>/<proposer>` for a branch that somebody asks to have merged.

A zone stands in them as canonical text (lowercase, final dot, RFC 1035 escapes) and may hold a slash (RFC 2317);
so may a branch and a tag. A zone ends with a dot, and no part of a branch or tag does: so the last `./` separates
them.
"""

import re
from enum import StrEnum
from functools import lru_cache
from typing import Final, NamedTuple, NewType

from zonegit.errors import InvalidName
from zonegit.model.names import WireName, parse_apex, to_text

RefName = NewType("RefName", str)

DEFAULT_BRANCH: Final = "main"
MAX_REF: Final = 480
"""Bytes of a ref's whole name: with what stands around it in the reflog it fits a key of the store."""
_LABEL: Final = re.compile(r"[a-z0-9_][a-z0-9._-]{0,63}", re.ASCII)
_PART: Final = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_-])?", re.ASCII)
_LONGEST: Final = 64
MAX_ZONE: Final = MAX_REF - len(f"refs/remotes/{'p' * 64}//{'b' * _LONGEST}")
"""Characters of a new zone's name, 337: every peer can then track every branch of it, whatever those are called. A
name without escapes has at most 254."""


class RefKind(StrEnum):
    HEAD = "heads"
    TAG = "tags"
    REMOTE = "remotes"
    PUBLISHED = "published"
    REVIEW = "reviews"
    PROPOSAL = "proposals"

    @property
    def names_commits(self) -> bool:
        """Whether such refs point to commits only."""
        return self is not RefKind.TAG and not self.is_review

    @property
    def is_review(self) -> bool:
        """Whether such refs are reviews or proposals: they name tag objects from which their own names follow."""
        return self in (RefKind.REVIEW, RefKind.PROPOSAL)


class Ref(NamedTuple):
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
    """Return a peer's name if it is a good one."""
    if not is_plain(text):
        raise InvalidName(f"{text[:80]!r} is not a {what} name: use 1 to 64 of a-z 0-9 . _ -, no '..'")
    return text


def is_plain(text: str) -> bool:
    """Whether it is a name that peers may have, and that branches and tags had before capitals and slashes came."""
    return bool(_LABEL.fullmatch(text)) and ".." not in text and not text.endswith(".")


@lru_cache(maxsize=1 << 10)
def check_name(text: str, what: str) -> str:
    """Return a branch's or tag's name if it is a good one."""
    parts = text.split("/")
    if len(text) > _LONGEST or ".." in text or not all(map(_PART.fullmatch, parts)):
        raise InvalidName(
            f"{text[:80]!r} is not a {what} name: use 1 to {_LONGEST} of A-Z a-z 0-9 . _ - /, in parts that begin "
            "with a letter, a digit or _ and don't end with a dot, no '..'"
        )
    if text == "HEAD":
        raise InvalidName(f"HEAD is where you are, and no {what} can be called so")
    return text


def check_zone(zone: str) -> str:
    """Return a new zone's name, in canonical text, if every repository that mirrors it can name its branches."""
    if len(zone) > MAX_ZONE:
        raise InvalidName(
            f"the zone name {zone[:80]}… has {len(zone)} characters; at most {MAX_ZONE} fit what mirrors it: use "
            "fewer bytes that are escaped"
        )
    return zone


def head(zone: str, branch: str) -> RefName:
    return Ref(RefKind.HEAD, zone, check_name(branch, "branch")).full


def published(zone: str, branch: str) -> RefName:
    return Ref(RefKind.PUBLISHED, zone, check_name(branch, "branch")).full


def review(zone: str, name: str) -> RefName:
    return Ref(RefKind.REVIEW, zone, check_name(name, "review")).full


def proposal(zone: str, name: str) -> RefName:
    return Ref(RefKind.PROPOSAL, zone, check_name(name, "proposal")).full


def tag(zone: str, name: str) -> RefName:
    return Ref(RefKind.TAG, zone, check_name(name, "tag")).full


def remote(peer: str, zone: str, branch: str) -> RefName:
    return Ref(RefKind.REMOTE, zone, check_name(branch, "branch"), check_label(peer, "peer")).full


def split(rest: str) -> tuple[str, str]:
    """`(zone, branch or tag)` of what stands behind the kind, or behind the peer. `ValueError` if it can't be."""
    dot = rest.rindex("./")
    return rest[: dot + 1], rest[dot + 2 :]


@lru_cache(maxsize=1 << 15)
def parse(full: str) -> Ref:
    """Split a full ref name; `InvalidName` unless it is exactly what `Ref.full` would write."""
    try:
        prefix, kind_text, rest = full.split("/", 2)
        kind = RefKind(kind_text)
        peer, rest = rest.split("/", 1) if kind is RefKind.REMOTE else ("", rest)
        zone, name = split(rest)
    except ValueError:
        raise InvalidName(f"{full[:120]!r} is not a ref: expected refs/heads/<zone>/<branch>") from None
    ref = Ref(kind, zone, check_name(name, "branch"), peer and check_label(peer, "peer"))
    if prefix != "refs" or to_text(parse_apex(zone)) != zone or ref.full != full:
        raise InvalidName(f"{full[:120]!r} is not a ref in canonical form")
    return ref
