"""Names as somebody typed them: which zone an absolute one is in, and whether a relative one was meant so.

A name that ends with the zone's own name but lacks the final dot (`www.corp.example` in corp.example.) is mostly
meant to be absolute, and would become `www.corp.example.corp.example.`. It is refused, in owners and in RDATA,
unless `--relative` says that it is meant so. So is one that would be in another zone here, had it a final dot.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from shlex import quote
from typing import TYPE_CHECKING, Final

from zonegit.errors import InvalidName, InvalidRecord, NotFound, OutOfZone, UnknownVersion
from zonegit.model.names import (
    ROOT,
    WireName,
    from_text,
    is_absolute,
    is_doubled,
    labels,
    lower,
    parse_apex,
    to_text,
)
from zonegit.model.rdata import name_spans
from zonegit.zonefile.types import is_meta, parse_type

if TYPE_CHECKING:
    from zonegit.cli.output import Output
    from zonegit.repo import Repository

_ANY: Final = "ANY"
_STEPS: Final = ("..", "~", "^", "@{", "=")
"""What only versions have in them."""


def relative_option(parser: ArgumentParser) -> None:
    """`--relative`, for verbs that take names."""
    parser.add_argument(
        "--relative",
        action="store_true",
        help="names that end with the name of a zone here, without a final dot, are meant so",
    )


def zone_of(args: Namespace, name: str, repo: Repository, out: Output, rtype: int | None = None) -> str:
    """The zone that a verb about a name is about (`zone_meant`); it is told if neither call nor HEAD names it."""
    zone = zone_meant(args, name, repo, rtype)
    if args.zone is None and is_absolute(name):
        head = repo.standing().head
        if head is None or zone != head.zone:
            out.note(f"{name} is in the zone {zone}")
    return zone


def zone_meant(args: Namespace, name: str, repo: Repository, rtype: int | None = None) -> str:
    """`--zone`'s zone, else an absolute name's own, else HEAD's. The name is checked, too: see above."""
    if args.zone is None and is_absolute(name):
        found = repo.zone_of(name, rtype)
        if found is None:
            raise OutOfZone(f"{name} is outside of the zones here; 'zonegit zone list' lists them")
        zone = found
    else:
        writes = hasattr(args, "dry_run")
        zone = (repo.target(args.zone, args.branch) if writes else repo.position(args.zone)).zone
    check(name, parse_apex(zone), meant=args.relative)
    if not args.relative and not is_absolute(name) and _is_elsewhere(from_text(name), zone, repo):
        raise InvalidName(_both_readings(name, parse_apex(zone)))
    return zone


@contextmanager
def hint_for_names(verb: str = "log", before: Sequence[str] = ()) -> Iterator[None]:
    """What is no version may be a name: add to the error how a name's changes are shown.

    `before` are the versions ahead of it. A type alone, as MX, is most likely one of the apex.
    """
    try:
        yield
    except UnknownVersion as error:
        word = error.name[:80]
        ahead = "".join(f"{quote(each)} " for each in before) if verb == "diff" else "-p "
        whose, what = ("the apex", f"@ {word}") if is_bare_type(word) else ("a name", quote(word))
        raise NotFound(f"{error}; the changes of {whose}: `zonegit {verb} {ahead}-- {what}`") from None


def may_be_name(word: str) -> bool:
    """Whether a word may be a name as well as a version."""
    return bool(word) and not any(mark in word for mark in _STEPS)


def is_bare_type(word: str) -> bool:
    """Whether a word that stands for a name looks like a type, as in `blame MX`: one of the apex was meant."""
    return word.isupper() and is_type(word)


def is_type(text: str) -> bool:
    """Whether a word is a mnemonic that records may have."""
    try:
        return not is_meta(parse_type(text))
    except InvalidRecord:
        return False


def type_of(text: str | None) -> int | None:
    """The type that was typed; None for every type, which is `ANY` or none at all."""
    return None if text is None or text.upper() == _ANY else parse_type(text)


def check(name: str, apex: WireName, *, meant: bool = False) -> None:
    """Refuse a name that was typed without its final dot. `InvalidName`."""
    if not meant and not is_absolute(name) and is_doubled(from_text(name, apex), apex):
        raise InvalidName(_both_readings(name, apex))


def check_server(name: str, apex: WireName, *, meant: bool) -> None:
    """Refuse a server of a new zone that has dots, but no final one: in the zone it would need an address."""
    count = len(labels(from_text(name, ROOT))) if not is_absolute(name) else 0
    if count > 1 and not meant:
        raise InvalidName(
            f"{_may_mean(name, apex)}; write the final dot for the first; the second needs an address in "
            f"{to_text(apex)}: begin the zone with 'zonegit import FILE'"
        )


def rdatas(args: Namespace, rtype: int, zone: str, repo: Repository) -> list[bytes]:
    """The RDATA that was typed (`cli.rdata`), with the names in it checked."""
    apex = parse_apex(zone)
    from zonegit.cli.rdata import read_rdatas

    found = read_rdatas(rtype, args.rdata, apex)
    if not args.relative:
        for rdata, typed in zip(found, read_rdatas(rtype, args.rdata, ROOT), strict=True):
            if rdata != typed:  # it holds a relative name
                _check_targets(rtype, rdata, typed, zone, repo)
    return found


def _check_targets(rtype: int, rdata: bytes, typed: bytes, zone: str, repo: Repository) -> None:
    """Look at each name of a record; `typed` is the same record in the root zone, where relative names differ."""
    apex = parse_apex(zone)
    names = [WireName(rdata[start:end]) for start, end in name_spans(rtype, rdata)]
    as_typed = [WireName(typed[start:end]) for start, end in name_spans(rtype, typed)]
    for name, other in zip(names, as_typed, strict=True):
        if name != other and (is_doubled(name, apex) or _is_elsewhere(other, zone, repo)):
            raise InvalidName(_both_readings(to_text(other).removesuffix("."), apex))
    if not names and apex[:-1] + apex in lower(rdata):  # a type whose names `model.rdata` doesn't know (HIP)
        raise InvalidName(f"a name here ends with {to_text(apex)} twice; write its final dot, or --relative")


def _is_elsewhere(typed: WireName, zone: str, repo: Repository) -> bool:
    """Whether what was typed, had it a final dot, is in another zone here: a host's name in a reverse zone, say."""
    if len(labels(typed)) < 2:
        return False
    other = repo.zone_of(to_text(typed))
    return other is not None and other != zone and parse_apex(other) != ROOT


def _both_readings(name: str, apex: WireName) -> str:
    return f"{_may_mean(name, apex)}; write the final dot for the first, or --relative for the second"


def _may_mean(name: str, apex: WireName) -> str:
    return f"{name!r} may mean {name}. or {to_text(from_text(name, apex))}"
