"""Reading a batch: one change per line, written as in a shell behind `zonegit`, each turned into a step."""

from __future__ import annotations

import re
import shlex
import sys
from argparse import Namespace
from io import BytesIO
from typing import TYPE_CHECKING, Final

from zonegit.cli import records, typed_names
from zonegit.errors import LimitExceeded, UsageError, ZonegitError
from zonegit.repo.batch import Step, at_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zonegit.repo import Repository

_STDIN: Final = "-"
_MOST: Final = 64 << 20
"""Largest batch in bytes."""
_CHANGES: Final = 1_000_000
"""Most changes in a batch."""
_LONGEST: Final = 1 << 19
"""Longest line in bytes, as in a zone file."""
_WORD: Final = re.compile(r"""[ \t\r\n]*((?:[^ \t\r\n"'\\]|\\.|'[^']*'|"(?:[^"\\]|\\.)*")+)""")
_UNQUOTED: Final = re.compile(r"[^ \t\r\n]+")
_QUOTES: Final = frozenset("\"'\\")
_LEAST: Final = {"set": 4, "add": 4, "delete": 1, "zone": 1}
"""Least number of words behind the first one."""
_FORM: Final = {
    "set": "NAME TYPE TTL RDATA…",
    "add": "NAME TYPE TTL RDATA…",
    "delete": "NAME [TYPE [RDATA…]]",
    "zone": "ZONE",
}


def read(file: str) -> bytes:
    """The bytes of a batch from a file, or `-` for standard input. `LimitExceeded` beyond 64 MiB."""
    if file == _STDIN:
        data = sys.stdin.buffer.read(_MOST + 1)
    else:
        with open(file, "rb") as opened:  # noqa: PTH123  pathlib isn't imported for this
            data = opened.read(_MOST + 1)
    if len(data) > _MOST:
        raise LimitExceeded(f"the batch has more than {_MOST >> 20} MiB; split it")
    return data


def steps(data: bytes, args: Namespace, repo: Repository) -> Iterator[Step]:
    """The changes in the lines of a batch, each read when the previous one was consumed.

    Raises what the verbs raise; the message begins with `batch:N:`.
    """
    zone: str | None = args.zone
    made = 0
    for number, line in enumerate(BytesIO(data), 1):
        try:
            found = words(line)
            if not found:
                continue
            verb = _verb(found)
            if verb == "zone":
                zone = repo.target(found[1], args.branch).zone
                continue
            made += 1
            if made > _CHANGES:
                raise LimitExceeded(f"the batch has more than {_CHANGES:,} changes; split it")
            yield _step(verb, found[1:], number, zone, args, repo)
        except ZonegitError as error:
            raise at_line(str(number), error) from None


def words(line: bytes) -> list[str]:
    """The words of a line, split as a shell does; a comment has none."""
    if len(line) > _LONGEST:
        raise LimitExceeded(f"the line has {len(line):,} bytes; at most {_LONGEST:,} are allowed")
    text = _without_comment(line.decode("utf-8", "surrogateescape"))
    if _QUOTES.isdisjoint(text):
        return _UNQUOTED.findall(text)
    try:
        return shlex.split(text)
    except ValueError as error:
        raise UsageError(f"{str(error)[:1].lower()}{str(error)[1:]}; quote as in a shell") from None


def _without_comment(text: str) -> str:
    """The part of a line before the first word that begins with # or ;."""
    if "#" not in text and ";" not in text:
        return text
    at = 0
    while word := _WORD.match(text, at):
        if word[1][0] in "#;":
            return text[: word.start(1)]
        at = word.end()
    return text


def _verb(words: list[str]) -> str:
    verb = words[0]
    if verb not in _LEAST:
        raise UsageError(f"unknown change {verb[:80]!r}; a line begins with set, add, delete or zone")
    if len(words) <= _LEAST[verb] or (verb == "zone" and len(words) > 2):
        raise UsageError(f"expected: {verb} {_FORM[verb]}")
    return verb


def _step(verb: str, words: list[str], line: int, zone: str | None, args: Namespace, repo: Repository) -> Step:
    """One change; its arguments are read like the verb's."""
    behind = 1 if verb == "delete" else 2
    call = Namespace(
        zone=zone,
        branch=args.branch,
        dry_run=args.dry_run,
        relative=args.relative,
        name=words[0],
        type=words[1] if len(words) > 1 else None,
        ttl=words[2] if verb != "delete" else None,
        rdata=words[1 + behind :],
    )
    if verb == "delete":
        rtype, ttl = records.type_to_delete(call), None
    else:
        rtype, ttl = records.head(call, verb)
    where = typed_names.zone_meant(call, call.name, repo, rtype)
    rdatas = typed_names.rdatas(call, rtype, where, repo) if rtype is not None and call.rdata else []
    if verb == "delete":
        return Step("delete", call.name, rtype, None, rdatas, where, line)
    return Step("set" if verb == "set" else "add", call.name, rtype, ttl, rdatas, where, line)
