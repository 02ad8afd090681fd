"""The lines of a batch: what a shell would read as `zonegit set …`, one change a line, made into steps."""

from __future__ import annotations

import re
import shlex
import sys
from argparse import Namespace
from io import BytesIO
from typing import TYPE_CHECKING, Final

from zonegit.cli import records, typed
from zonegit.errors import LimitExceeded, UsageError, ZonegitError
from zonegit.repo.batch import Step, at_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zonegit.repo import Repository

_STDIN: Final = "-"
_MOST: Final = 64 << 20
"""Bytes of a batch."""
_CHANGES: Final = 1_000_000
"""Changes in a batch."""
_LONGEST: Final = 1 << 19
"""Bytes of a line, as in a zone file."""
_WORD: Final = re.compile(r"""[ \t\r\n]*((?:[^ \t\r\n"'\\]|\\.|'[^']*'|"(?:[^"\\]|\\.)*")+)""")
_UNQUOTED: Final = re.compile(r"[^ \t\r\n]+")
_QUOTES: Final = frozenset("\"'\\")
_LEAST: Final = {"set": 4, "add": 4, "delete": 1, "zone": 1}
"""Words behind the first one."""
_FORM: Final = {
    "set": "NAME TYPE TTL RDATA…",
    "add": "NAME TYPE TTL RDATA…",
    "delete": "NAME [TYPE [RDATA…]]",
    "zone": "ZONE",
}


def read(file: str) -> bytes:
    """A batch as it stands in a file, or `-` for standard input. `LimitExceeded` beyond 64 MiB."""
    if file == _STDIN:
        data = sys.stdin.buffer.read(_MOST + 1)
    else:
        with open(file, "rb") as opened:  # noqa: PTH123  pathlib isn't imported for this
            data = opened.read(_MOST + 1)
    if len(data) > _MOST:
        raise LimitExceeded(f"a batch of more than {_MOST >> 20} MiB; split it")
    return data


def steps(data: bytes, args: Namespace, repo: Repository) -> Iterator[Step]:
    """The changes that the lines of a batch are, each read when the one before it was taken.

    Raises what the verbs raise, beginning with `batch:N:`.
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
                raise LimitExceeded(f"more than {_CHANGES:,} changes; split the batch")
            yield _step(verb, found[1:], number, zone, args, repo)
        except ZonegitError as error:
            raise at_line(str(number), error) from None


def words(line: bytes) -> list[str]:
    """The words of a line, as a shell reads them; none of a comment."""
    if len(line) > _LONGEST:
        raise LimitExceeded(f"a line of {len(line):,} bytes; {_LONGEST:,} are the most")
    text = _without_comment(line.decode("utf-8", "surrogateescape"))
    if _QUOTES.isdisjoint(text):
        return _UNQUOTED.findall(text)
    try:
        return shlex.split(text)
    except ValueError as error:
        raise UsageError(f"{str(error)[:1].lower()}{str(error)[1:]}; quote as in a shell") from None


def _without_comment(text: str) -> str:
    """A line up to the word that begins with # or ;."""
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
        raise UsageError(f"{verb[:80]!r} is no change; a line begins with set, add, delete or zone")
    if len(words) <= _LEAST[verb] or (verb == "zone" and len(words) > 2):
        raise UsageError(f"the form is {verb} {_FORM[verb]}")
    return verb


def _step(verb: str, words: list[str], line: int, zone: str | None, args: Namespace, repo: Repository) -> Step:
    """One change, its arguments read as those of the verb."""
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
    where = typed.zone_meant(call, call.name, repo, rtype)
    rdatas = typed.rdatas(call, rtype, where, repo) if rtype is not None and call.rdata else []
    if verb == "delete":
        return Step("delete", call.name, rtype, None, rdatas, where, line)
    return Step("set" if verb == "set" else "add", call.name, rtype, ttl, rdatas, where, line)
