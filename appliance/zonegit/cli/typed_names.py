"""Names as typed: finds the zone of an absolute name, and refuses a relative one that was probably meant as
absolute.

A name that ends with the zone's own name but lacks the final dot (`www.corp.example` in corp.example.) is usually
meant to be absolute, and would become `www.corp.example.corp.example.`. It is refused, in owners and in RDATA,
unless `--relative` is given. So is a name that, with a final dot, would be in another zone of the repository.
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
"""Texts that only versions contain."""


def relative_option(parser: ArgumentParser) -> None:
    """`--relative`, for verbs that take names."""
    parser.add_argument(
        "--relative",
        action="store_true",
        help="accept relative names that end with the name of a zone, without a final dot",
    )


def zone_of(args: Namespace, name: str, repo: Repository, out: Output, rtype: int | None = None) -> str:
    """The zone of a name, as in `zone_meant`; a note prints it if neither `--zone` nor HEAD names it."""
    zone = zone_meant(args, name, repo, rtype)
    if args.zone is None and is_absolute(name):
        head = repo.head_status().head
        if head is None or zone != head.zone:
            out.note(f"{name} is in the zone {zone}")
    return zone


def zone_meant(args: Namespace, name: str, repo: Repository, rtype: int | None = None) -> str:
    """The zone of `--zone`, else that of an absolute name, else HEAD's. Checks the name as the module says."""
    if args.zone is None and is_absolute(name):
        found = repo.zone_of(name, rtype)
        if found is None:
            raise OutOfZone(f"{name} is outside of the zones of this repository; 'zonegit zone list' lists them")
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
    """Add to the error about an unknown version how to show the changes of a name: the word may be one.

    `before` are the versions typed before it. A bare type, such as MX, most likely means the apex.
    """
    try:
        yield
    except UnknownVersion as error:
        word = error.name[:80]
        ahead = "".join(f"{quote(each)} " for each in before) if verb == "diff" else "-p "
        whose, what = ("the apex", f"@ {word}") if is_bare_type(word) else ("a name", quote(word))
        raise NotFound(f"{error}; for the changes of {whose}: `zonegit {verb} {ahead}-- {what}`") from None


def may_be_name(word: str) -> bool:
    """Whether a word may be a name as well as a version."""
    return bool(word) and not any(mark in word for mark in _STEPS)


def is_bare_type(word: str) -> bool:
    """Whether a word given as a name looks like a type, as in `blame MX`, so that the apex was meant."""
    return word.isupper() and is_type(word)


def is_type(text: str) -> bool:
    """Whether a word is the mnemonic of a record type."""
    try:
        return not is_meta(parse_type(text))
    except InvalidRecord:
        return False


def type_of(text: str | None) -> int | None:
    """The type as typed; None for every type: `ANY` or no type."""
    return None if text is None or text.upper() == _ANY else parse_type(text)


def check(name: str, apex: WireName, *, meant: bool = False) -> None:
    """Refuse a name typed without its final dot, unless it was `meant` so (`--relative`). `InvalidName`."""
    if not meant and not is_absolute(name) and is_doubled(from_text(name, apex), apex):
        raise InvalidName(_both_readings(name, apex))


def check_server(name: str, apex: WireName, *, meant: bool) -> None:
    """Refuse a name server that has dots but no final one: a new zone has no address for one inside it."""
    count = len(labels(from_text(name, ROOT))) if not is_absolute(name) else 0
    if count > 1 and not meant:
        raise InvalidName(
            f"{_may_mean(name, apex)}; write the final dot for the first; the second needs an address in "
            f"{to_text(apex)}: create the zone with 'zonegit import FILE'"
        )


def rdatas(args: Namespace, rtype: int, zone: str, repo: Repository) -> list[bytes]:
    """The RDATA as typed (`cli.rdata`), with the names in it checked."""
    apex = parse_apex(zone)
    from zonegit.cli.rdata import read_rdatas

    found = read_rdatas(rtype, args.rdata, apex)
    if not args.relative:
        for rdata, typed in zip(found, read_rdatas(rtype, args.rdata, ROOT), strict=True):
            if rdata != typed:  # it contains a relative name
                _check_targets(rtype, rdata, typed, zone, repo)
    return found


def _check_targets(rtype: int, rdata: bytes, typed: bytes, zone: str, repo: Repository) -> None:
    """Check each name in a record. `typed` is the record read in the root zone, so its relative names differ."""
    apex = parse_apex(zone)
    names = [WireName(rdata[start:end]) for start, end in name_spans(rtype, rdata)]
    as_typed = [WireName(typed[start:end]) for start, end in name_spans(rtype, typed)]
    for name, other in zip(names, as_typed, strict=True):
        if name != other and (is_doubled(name, apex) or _is_elsewhere(other, zone, repo)):
            raise InvalidName(_both_readings(to_text(other).removesuffix("."), apex))
    if not names and apex[:-1] + apex in lower(rdata):  # a type whose names `model.rdata` doesn't know (HIP)
        raise InvalidName(
            f"a name in the record ends with {to_text(apex)} twice; write its final dot, or --relative"
        )


def _is_elsewhere(typed: WireName, zone: str, repo: Repository) -> bool:
    """Whether a typed name, with a final dot, would be in another zone, like a host name in a reverse zone."""
    if len(labels(typed)) < 2:
        return False
    other = repo.zone_of(to_text(typed))
    return other is not None and other != zone and parse_apex(other) != ROOT


def _both_readings(name: str, apex: WireName) -> str:
    return f"{_may_mean(name, apex)}; write the final dot for the first, or --relative for the second"


def _may_mean(name: str, apex: WireName) -> str:
    return f"{name!r} may mean {name}. or {to_text(from_text(name, apex))}"
