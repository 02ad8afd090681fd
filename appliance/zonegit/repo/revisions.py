"""Revision expressions: `main`, `HEAD~3`, `1f2e3d4c5b6a`, `v1`, `main@{2 hours ago}`, `serial=2026112001`.

An expression is a base, followed by any number of steps. The base is HEAD, a branch, a tag, `peer/branch`, an id or
its prefix (the first of these that matches), or a serial. Steps are `~N` (N first parents back), `^N` (the Nth
parent), `@{N}` or `@{time}` (the base's reflog, which outlives the branch), and `@{upstream}` (the branch at a
peer).
"""

import re
from collections.abc import Callable
from typing import Final, NamedTuple

from zonegit.errors import InvalidName, NotFound, OtherZone, RevisionError, UnknownVersion
from zonegit.model import refs
from zonegit.model.commit import Commit, Tag
from zonegit.model.ids import ID_SIZE, Kind, ObjectId, kind_of, short
from zonegit.model.refs import RefName
from zonegit.repo.mirrors import mirror_setting
from zonegit.repo.results import Position, Revision
from zonegit.store.port import Reader

_EXPRESSION: Final = re.compile(
    r"(?P<base>(?:[^~^@{}]|@(?!\{))*)(?P<log>@\{[^{}]*\})?(?P<steps>(?:[~^][0-9]{0,9})*)"
)
PREFIX: Final = re.compile(r"[0-9a-f]{4,64}")
"""An id, or its first digits; fewer than 4 aren't taken for an id."""
_HEAD: Final = frozenset({"HEAD", "@", ""})
_UPSTREAM: Final = frozenset({"u", "upstream"})
_SERIAL: Final = re.compile(r"serial=([0-9]{1,10})")


class RangeText(NamedTuple):
    """Expressions for the commits to list: those reachable from `of` but not from `without`."""

    of: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    apart: tuple[tuple[str, str], ...] = ()
    """Pairs (`A...B`); what is reachable from both of a pair is left out too."""


def split_range(*texts: str) -> RangeText:
    """Read ranges as git does: `A..B` is what is reachable from B but not from A, `A...B` what is reachable from
    exactly one of them, `^A` leaves out what is reachable from A.

    An omitted side is HEAD, and so is an empty list of texts.
    """
    of: list[str] = []
    without: list[str] = []
    apart: list[tuple[str, str]] = []
    for text in texts or ("HEAD",):
        before, dots, behind = text.partition("..")
        if behind.startswith("."):
            pair = before or "HEAD", behind[1:] or "HEAD"
            apart.append(pair)
            of += pair
        elif dots:
            without.append(before or "HEAD")
            of.append(behind or "HEAD")
        elif text.startswith("^"):
            without.append(text[1:])
        else:
            of.append(text)
    return RangeText(tuple(of), tuple(without), tuple(apart))


class Resolver:
    """Resolves expressions to commits of one zone, in one consistent version of the repository."""

    def __init__(self, reader: Reader, position: Position, now: Callable[[], float]) -> None:
        self._reader = reader
        self._position = position
        self._now = now

    def resolve(self, text: str) -> Revision:
        """The commit that `text` names. `RevisionError` for a syntax error, `NotFound` if it names nothing."""
        parts = _EXPRESSION.fullmatch(text)
        if not parts or not text:
            raise RevisionError(
                f"{text[:80]!r} is not a revision: try HEAD~1, a branch, a tag, an id or main@{{1}}"
            )
        revision = self._commit(self._named(parts), text)
        for sign, count in re.findall(r"([~^])([0-9]*)", parts["steps"]):
            revision = self._step(revision, sign, int(count or 1), text)
        return revision

    def tag_object(self, text: str) -> tuple[ObjectId, Tag] | None:
        """The tag object that `text` names, without any steps; None if it names a commit."""
        parts = _EXPRESSION.fullmatch(text)
        if not parts or parts["steps"]:
            return None
        oid = self._named(parts)
        data = self._reader.get(oid)
        return (oid, Tag.decode(data)) if kind_of(data) is Kind.TAG else None

    def _named(self, parts: re.Match[str]) -> ObjectId:
        """What an expression names before any steps."""
        if parts["log"] and parts["log"][2:-1].lower() in _UPSTREAM:
            return self._upstream(parts["base"])
        return self._logged(parts["base"], parts["log"][2:-1]) if parts["log"] else self._base(parts["base"])

    def _upstream(self, base: str) -> ObjectId:
        """A branch as last seen at the peer that its zone is mirrored from, else at the only peer that has it."""
        zone = self._position.zone
        branch = self._position.branch if base in _HEAD else base
        name = next((name for name in self._heads(branch) if self._reader.live(name)), None)
        if name is None:
            raise NotFound(f"{zone} has no branch {branch[:80]}, and only branches have an @{{upstream}}")
        peer = self._reader.setting(mirror_setting(zone))
        found = {
            ref.peer: oid
            for full, oid in self._reader.live_refs("refs/remotes/")
            if (ref := refs.parse(full)).zone == zone and ref.name == branch
        }
        if peer and peer.decode() in found:
            return found[peer.decode()]
        if not found or peer:
            where = f"from {peer.decode()}, which the zone is mirrored from" if peer else "from any peer"
            raise NotFound(
                f"{branch} of {zone} has no @{{upstream}}: no branch of this name was fetched {where}; "
                "run 'zonegit fetch'"
            )
        if len(found) > 1:
            raise RevisionError(
                f"{branch} of {zone} was fetched from several peers: name one, such as {next(iter(found))}/{branch}"
            )
        return next(iter(found.values()))

    def _heads(self, branch: str) -> list[RefName]:
        try:
            return [refs.head(self._position.zone, branch)]
        except InvalidName:
            return []

    def _commit(self, oid: ObjectId, text: str) -> Revision:
        data = self._reader.get(oid)
        if kind_of(data) is Kind.TAG:
            oid = Tag.decode(data).target
            data = self._reader.get(oid)
        if kind_of(data) is not Kind.COMMIT:
            raise RevisionError(f"{text[:80]!r} is a {kind_of(data).name.lower()}, not a commit")
        commit = Commit.decode(data)
        if commit.zone != self._position.zone:
            zone = self._position.zone
            raise OtherZone(f"{text[:80]!r} is a commit of {commit.zone}, not of {zone}; give --zone {commit.zone}")
        return Revision(oid, commit)

    def _step(self, revision: Revision, sign: str, count: int, text: str) -> Revision:
        if sign == "^":
            if count == 0:
                return revision
            if count > len(revision.commit.parents):
                raise NotFound(
                    f"{text[:80]!r}: commit {short(revision.id)} has {len(revision.commit.parents)} parents"
                )
            return self._commit(revision.commit.parents[count - 1], text)
        for done in range(count):
            if not revision.commit.parents:
                raise NotFound(f"{text[:80]!r} goes back {count} commits, but the history ends after {done}")
            revision = self._commit(revision.commit.parents[0], text)
        return revision

    def _base(self, base: str) -> ObjectId:
        if serial := _SERIAL.fullmatch(base):
            return self._by_serial(int(serial[1]))
        for name in self._candidates(base):
            # a remote-tracking branch can be read even after the peer has removed the branch
            tracked = name.startswith("refs/remotes/")
            if oid := self._reader.ref(name) if tracked else self._reader.live(name):
                return oid
        if PREFIX.fullmatch(base):
            return self._by_prefix(base)
        where = "see 'zonegit branch' and 'log'"
        if _is_time(base):
            where = f"for a time write '{self._position.branch}@{{{base}}}'"
        raise UnknownVersion(f"no branch, tag or commit {base[:80]!r} in {self._position.zone}; {where}", base)

    def _candidates(self, base: str) -> list[RefName]:
        zone = self._position.zone
        if base in _HEAD:
            return [refs.head(zone, self._position.branch)]
        try:
            found = [refs.head(zone, base), refs.tag(zone, base)]
            peer, _, branch = base.partition("/")
            return [*found, refs.remote(peer, zone, branch)] if branch and refs.is_plain(peer) else found
        except InvalidName:
            return []

    def _by_prefix(self, prefix: str) -> ObjectId:
        if len(prefix) == 2 * ID_SIZE:
            return ObjectId(bytes.fromhex(prefix))
        named = (Kind.COMMIT, Kind.TAG)
        found = [oid for oid in self._reader.find(prefix) if kind_of(self._reader.get(oid)) in named]
        if len(found) > 1:
            names = ", ".join(short(oid) for oid in found[:4])
            raise RevisionError(f"{prefix!r} is ambiguous: {names}; give more digits")
        if not found:
            raise UnknownVersion(f"no commit begins with {prefix!r}", prefix)
        return found[0]

    def _by_serial(self, serial: int) -> ObjectId:
        revision = self.resolve("HEAD")
        while revision.commit.serial != serial:
            if not revision.commit.parents:
                branch = self._position.branch
                raise NotFound(f"no commit of {self._position.zone} on {branch} has the serial {serial}")
            revision = self._commit(revision.commit.parents[0], f"serial={serial}")
        return revision.id

    def _logged(self, base: str, point: str) -> ObjectId:
        """The value of a branch or tag some moves ago, or at some time, by its reflog.

        For a move that deleted it this is what was deleted: `X@{0}` of a deleted branch is its last tip.
        """
        logs = (list(self._reader.reflog(name)) for name in self._candidates(base))
        log = next(filter(None, logs), [])
        if not log:
            raise NotFound(f"{base[:80]!r} has no reflog; only branches and tags have one")
        found: ObjectId | None
        if point.isdecimal():
            tips = [*(entry.new or entry.old for entry in log), log[-1].old]
            found = tips[int(point)] if int(point) < len(tips) else None
        else:
            from zonegit.repo.dates import parse_when

            then = parse_when(point, self._now())
            found = next((entry.new or entry.old for entry in log if entry.who.time <= then), None)
        if found is None:
            from zonegit.repo.dates import utc

            moves = "1 move" if len(log) == 1 else f"{len(log)} moves"
            raise NotFound(
                f"the reflog of {base or 'HEAD'} doesn't reach back to {point!r}: it has {moves}, the oldest at "
                f"{utc(log[-1].who.time)}; serial=N and `zonegit log --until TIME` search the whole history"
            )
        return found


def _is_time(text: str) -> bool:
    from zonegit.repo.dates import parse_when

    try:
        parse_when(text, 0)
    except RevisionError:
        return False
    return True
