"""Records, changes and commits as text: records in zone-file syntax, the rest as git prints it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zonegit.cli.output import Output, Style
from zonegit.model.foreign import printable
from zonegit.model.ids import ObjectId, short
from zonegit.model.names import Owner, WireName, absolute, to_text
from zonegit.model.rdata import SOA, with_serial
from zonegit.model.rrset import RRset
from zonegit.zonefile.text import rrset_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from zonegit.model.commit import Stamp
    from zonegit.repo import Blame, Change, Combined
    from zonegit.zonefile.findings import Finding


def owner_name(owner: Owner, apex: WireName) -> str:
    """An owner as an absolute name."""
    return to_text(absolute(owner, apex))


def finding(value: Finding, apex: WireName) -> str:
    """A finding: the owner, the message, and the name of the check."""
    return f"{owner_name(value.owner, apex)}: {value.full_message} [{value.check}]"


def records(rrset: RRset | None, apex: WireName) -> list[str]:
    """One line per record, `www.example.org. 300 IN A 192.0.2.1`; none for None."""
    return list(rrset_lines(rrset, apex)) if rrset else []


def record(item: Blame, apex: WireName) -> str:
    """The record of a blame, as its commit served it."""
    return records(blamed(item), apex)[0]


def blamed(item: Blame) -> RRset:
    """The record of a blame, as an RRset of one record."""
    rrset = RRset.of(item.owner, item.rtype, item.ttl, [item.rdata])
    return _served(rrset, item.revision.commit.serial) if item.rtype == SOA else rrset


def changed_records(change: Change, apex: WireName) -> tuple[list[str], list[str]]:
    """The records that a change removes, and those that it adds."""
    old = records(change.old, apex)
    new = records(change.new, apex)
    return [line for line in old if line not in new], [line for line in new if line not in old]


def show_changes(out: Output, changes: Iterable[Change | Combined], apex: WireName) -> None:
    """Print the changed records in `-` and `+` lines; for a merge with one column for each parent, as git does."""
    for change in changes:
        before = [records(old, apex) for old in change.olds]
        new = records(change.new, apex)
        for line in dict.fromkeys(line for old in before for line in old if line not in new):
            out.line("".join("-" if line in old else " " for old in before) + line, Style.OLD)
        for line in new:
            marks = "".join(" " if line in old else "+" for old in before)
            if marks.strip():
                out.line(marks + line, Style.NEW)


def served(change: Change, old: int, new: int) -> Change:
    """A change as served: the apex SOA gets the serials of its versions, which trees don't hold."""
    if change.rtype != SOA:
        return change
    before = _served(change.old, old) if change.old else None
    return change._replace(old=before, new=_served(change.new, new) if change.new else None)


def served_by_all(change: Combined, serials: Sequence[int], new: int) -> Combined:
    """The same for a merge, whose parents served these serials."""
    if change.rtype != SOA:
        return change
    before = tuple(old and _served(old, serial) for old, serial in zip(change.olds, serials, strict=True))
    return change._replace(olds=before, new=change.new and _served(change.new, new))


def _served(soa: RRset, serial: int) -> RRset:
    return soa._replace(rdatas=tuple(with_serial(rdata, serial) for rdata in soa.rdatas))


def counted(number: int, noun: str) -> str:
    """`1 record`, `2 records`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def date(stamp: Stamp) -> str:
    """git's default date: `Fri Nov 20 10:00:00 2026 +0000`."""
    return moment(stamp, stamp.offset).strftime("%a %b %-d %H:%M:%S %Y %z")


def local_date(time: int) -> str:
    """The same in local time, as `--at` reads it. `time`: Unix seconds."""
    from datetime import datetime

    from zonegit.repo.dates import utc

    try:
        return datetime.fromtimestamp(time).astimezone().strftime("%a %b %-d %H:%M:%S %Y %z")
    except (ValueError, OverflowError, OSError):  # a peer's commit may have any number
        return utc(time)


def short_date(stamp: Stamp) -> str:
    """`2026-11-20 10:00:00 +0000`"""
    return moment(stamp, stamp.offset).strftime("%Y-%m-%d %H:%M:%S %z")


def moment(stamp: Stamp, offset: int = 0) -> datetime:
    """The time of a stamp, `offset` minutes east of UTC; 1970 if a peer's commit has an impossible time."""
    from datetime import UTC, datetime, timedelta, timezone

    try:
        return datetime.fromtimestamp(stamp.time, timezone(timedelta(minutes=offset)))
    except (ValueError, OverflowError):
        return datetime.fromtimestamp(0, UTC)


def short_or_none(oid: ObjectId | None) -> str:
    """An abbreviated id; dashes for a missing ref."""
    return short(oid) if oid else "-" * 12


def table(rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """Left-aligned columns, two spaces between them."""
    listed = [tuple(map(printable, row)) for row in rows]
    widths = [max(map(len, column)) for column in zip(*listed, strict=True)] if listed else []
    for row in listed:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
