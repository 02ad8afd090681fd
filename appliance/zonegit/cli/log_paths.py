"""What `log` and `diff` are asked about: versions, and a NAME with its TYPE, told apart as git tells paths."""

from __future__ import annotations

from argparse import Namespace
from shlex import quote
from typing import TYPE_CHECKING, NamedTuple

from zonegit.cli import typed
from zonegit.cli.parser import Behind
from zonegit.errors import InvalidName, NotFound, OutOfZone, RevisionError, UsageError
from zonegit.model.names import is_absolute, parse_apex

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zonegit.cli.output import Output
    from zonegit.repo import Repository


class Asked(NamedTuple):
    """What a log or a difference is about."""

    revisions: tuple[str, ...]
    zone: str | None
    name: str | None
    rtype: int | None


def asked(args: Namespace, repo: Repository, out: Output) -> Asked:
    """Words behind `--` are NAME and TYPE, those ahead of it versions.

    Without it the first word that is no version is NAME, if records stand there. A word that is both is refused.
    """
    name, rtype = args.name, args.type
    revisions, behind = apart(args, repo, "log", look=name is None)
    if name is not None and behind:
        raise UsageError(f"log: --name {name} is the name, and takes no {behind[0]} behind -- beside it")
    if behind:
        name = behind[0]
    if len(behind) == 2:
        if rtype is not None:
            raise UsageError(f"log: --type {rtype} is the type, and takes no {behind[1]} beside it")
        rtype = behind[1]
    if rtype is not None and name is None:
        raise UsageError("log: --type needs --name NAME, whose records of that type it follows")
    number = typed.type_of(rtype)
    zone = args.zone if name is None else typed.zone_of(args, name, repo, out, number)
    if args.all:
        revisions += [oid.hex() for oid in repo.branches(zone=zone).values()]
    return Asked(tuple(revisions), zone, name, number)


def apart(args: Namespace, repo: Repository, verb: str, *, look: bool = True) -> tuple[list[str], list[str]]:
    """The versions, and NAME and TYPE; without `look` and without `--` all words are versions."""
    behind: list[str] = [word for word in args.revisions if isinstance(word, Behind)]
    revisions: list[str] = [word for word in args.revisions if not isinstance(word, Behind)]
    if look and not behind and not args.ended:
        at = _first_name(args, repo, verb, revisions)
        revisions, behind = revisions[:at], revisions[at:]
    if len(behind) > 2:
        raise UsageError(f"{verb}: NAME and TYPE are all that it follows: {' '.join(behind)[:80]!r} is more")
    return revisions, behind


def _first_name(args: Namespace, repo: Repository, verb: str, words: Sequence[str]) -> int:
    """Where NAME stands; behind all words if none of them is a name."""
    zone = args.zone or next(
        (found for word in words if _is_whole(word) and (found := repo.zone_of(word)) is not None), None
    )
    for at, word in enumerate(words):
        with typed.hint_for_names(verb, words[:at]):
            try:
                _check_version(repo, word, zone)
            except (NotFound, RevisionError):
                if not _is_whole(word) and not _stands(repo, word, zone):
                    _check_apex(verb, words[:at], word)
                    typed.check(
                        word,
                        parse_apex(repo.position(zone).zone),
                        meant=args.relative or not typed.may_be_name(word),
                    )
                    raise
                return at
        if typed.may_be_name(word) and word not in ("@", "HEAD") and _stands(repo, word, zone):
            raise UsageError(
                f"{verb}: {word} is a version and a name: put -- behind it for the one, ahead for the other"
            )
    return len(words)


def _check_apex(verb: str, before: Sequence[str], word: str) -> None:
    """`log @ MX` asks for the versions HEAD and MX, which nobody means: say how the apex is written."""
    if before[-1:] == ["@"] and typed.is_type(word):
        ahead = "".join(f"{quote(each)} " for each in before[:-1])
        raise UsageError(f"{verb}: @ is HEAD here; the changes of the apex: `zonegit {verb} {ahead}-- @ {word}`")


def _check_version(repo: Repository, word: str, zone: str | None) -> None:
    from zonegit.repo.revisions import split_range

    text = split_range(word)
    for each in (*text.of, *text.without):
        repo.resolve(each, zone=zone)


def _is_whole(word: str) -> bool:
    """Whether it is an absolute name, which no version is."""
    return ".." not in word and is_absolute(word)


def _stands(repo: Repository, word: str, zone: str | None) -> bool:
    if not typed.may_be_name(word):
        return False
    try:
        return bool(repo.rrsets_at(word, zone=zone))
    except (InvalidName, OutOfZone, NotFound):
        return False
