"""The arguments of `log` and `diff`: versions, and NAME and TYPE, distinguished as git does."""

from __future__ import annotations

from argparse import Namespace
from shlex import quote
from typing import TYPE_CHECKING, NamedTuple

from zonegit.cli import typed_names
from zonegit.cli.parser import AfterDashes
from zonegit.errors import InvalidName, NotFound, OutOfZone, RevisionError, UsageError
from zonegit.model.names import is_absolute, parse_apex

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zonegit.cli.output import Output
    from zonegit.repo import Repository


class Asked(NamedTuple):
    """What to list or compare."""

    revisions: tuple[str, ...]
    zone: str | None
    name: str | None
    rtype: int | None


def asked(args: Namespace, repo: Repository, out: Output) -> Asked:
    """Words after `--` are NAME and TYPE, those before it versions.

    Without `--`, the first word that isn't a version is NAME, if there are records at it. A word that could be
    either is refused.
    """
    name, rtype = args.name, args.type
    revisions, behind = apart(args, repo, "log", look=name is None)
    if name is not None and behind:
        raise UsageError(f"log: --name {name} already gives the name; leave out {behind[0]}")
    if behind:
        name = behind[0]
    if len(behind) == 2:
        if rtype is not None:
            raise UsageError(f"log: --type {rtype} already gives the type; leave out {behind[1]}")
        rtype = behind[1]
    if rtype is not None and name is None:
        raise UsageError("log: --type needs --name NAME")
    number = typed_names.type_of(rtype)
    zone = args.zone if name is None else typed_names.zone_of(args, name, repo, out, number)
    if args.all:
        revisions += [oid.hex() for oid in repo.branches(zone=zone).values()]
    return Asked(tuple(revisions), zone, name, number)


def apart(args: Namespace, repo: Repository, verb: str, *, look: bool = True) -> tuple[list[str], list[str]]:
    """The versions, and NAME and TYPE; without `look` and without `--` all words are versions."""
    behind: list[str] = [word for word in args.revisions if isinstance(word, AfterDashes)]
    revisions: list[str] = [word for word in args.revisions if not isinstance(word, AfterDashes)]
    if look and not behind and not args.ended:
        at = _first_name(args, repo, verb, revisions)
        revisions, behind = revisions[:at], revisions[at:]
    if len(behind) > 2:
        raise UsageError(f"{verb}: expected only NAME and TYPE, not {' '.join(behind)[:80]!r}")
    return revisions, behind


def _first_name(args: Namespace, repo: Repository, verb: str, words: Sequence[str]) -> int:
    """The index of NAME; the number of words if none of them is a name."""
    zone = args.zone or next(
        (found for word in words if _is_whole(word) and (found := repo.zone_of(word)) is not None), None
    )
    for at, word in enumerate(words):
        with typed_names.hint_for_names(verb, words[:at]):
            try:
                _check_version(repo, word, zone)
            except (NotFound, RevisionError):
                if not _is_whole(word) and not _stands(repo, word, zone):
                    _check_apex(verb, words[:at], word)
                    typed_names.check(
                        word,
                        parse_apex(repo.position(zone).zone),
                        meant=args.relative or not typed_names.may_be_name(word),
                    )
                    raise
                return at
        if typed_names.may_be_name(word) and word not in ("@", "HEAD") and _stands(repo, word, zone):
            raise UsageError(
                f"{verb}: {word} is a version and a name: put -- after it for the version, before it for the name"
            )
    return len(words)


def _check_apex(verb: str, before: Sequence[str], word: str) -> None:
    """`log @ MX` names the versions HEAD and MX, which nobody means: say how to write the apex."""
    if before[-1:] == ["@"] and typed_names.is_type(word):
        ahead = "".join(f"{quote(each)} " for each in before[:-1])
        raise UsageError(f"{verb}: @ means HEAD here; for the apex: `zonegit {verb} {ahead}-- @ {word}`")


def _check_version(repo: Repository, word: str, zone: str | None) -> None:
    from zonegit.repo.revisions import split_range

    text = split_range(word)
    for each in (*text.of, *text.without):
        repo.resolve(each, zone=zone)


def _is_whole(word: str) -> bool:
    """Whether it is an absolute name, which no version is."""
    return ".." not in word and is_absolute(word)


def _stands(repo: Repository, word: str, zone: str | None) -> bool:
    if not typed_names.may_be_name(word):
        return False
    try:
        return bool(repo.rrsets_at(word, zone=zone))
    except (InvalidName, OutOfZone, NotFound):
        return False
