"""The text that `edit` opens: a zone file below a header with its zone, branch and base commit."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from zonegit.errors import Refused, ZonegitError
from zonegit.model.ids import parse_id
from zonegit.model.names import Owner, WireName, absolute, from_text, parse_apex, relative, to_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zonegit.model.ids import ObjectId
    from zonegit.repo import Contradiction
    from zonegit.repo.editable import Editable

_FIELDS: Final = ("zone", "branch", "base", "edited")
_FIELD: Final = re.compile(rb"^; (zone|branch|base|edited): +(\S+)\r?$", re.MULTILINE)
_HEADER_SIZE: Final = 1 << 13
_HEADER: Final = """\
; {whole}
;
; Save this and leave the editor to commit {what}.
; A record that you delete here is deleted. Comments are not kept{serial}.
;
"""
_MERGED: Final = (
    ";",
    "; The branch changed while you edited. This is your text, merged with the branch's current records.",
    "; At a conflict, a comment above your records has the branch's (ours) and the previous ones (base).",
    "; Conflicts with records that you deleted are at the end.",
)
_NONE: Final = "(no records)"


class Subject(NamedTuple):
    """What a text covers."""

    zone: str
    branch: str
    base: ObjectId
    """The commit that it was made from."""
    below: Owner

    @property
    def apex(self) -> WireName:
        return parse_apex(self.zone)


def subject(found: Editable) -> Subject:
    """What the text made by `write` covers."""
    return Subject(found.place.zone, found.place.branch, found.base, found.below)


def write(found: Editable, conflicts: Sequence[Contradiction] = (), together: Sequence[str] = ()) -> bytes:
    """The text to be edited.

    After a merge with conflicts, each conflict is a comment above the edited records; `together` lists the errors
    that only the merged zone has.
    """
    from zonegit.zonefile.writer import write_zone

    about = subject(found)
    name = to_text(absolute(about.below, about.apex))
    whole = f"{name} and all names below it" if about.below else f"the zone {name}"
    serial = "" if about.below else ", and the SOA serial is ignored"
    what = "the text" if conflicts or together else "your change. Without a change nothing is committed"
    fields = dict(zip(_FIELDS, (about.zone, about.branch, about.base.hex(), name), strict=True))
    lines = [f"; {field + ':':<8}{value}" for field, value in fields.items()]
    if conflicts or together:
        lines += [*_MERGED, *(f"; conflict: both together: {each}" for each in together)]
    notes = {(each.owner, each.rtype): _note(each, found.apex) for each in conflicts}
    records = write_zone(found.apex, found.rrsets, mnemonics=True, notes=notes)
    lines += ["", next(records)]
    if about.below:
        lines.append(f"$TTL {found.ttl}")
    lines += records
    return (_HEADER.format(whole=whole, what=what, serial=serial) + "\n".join(lines) + "\n").encode()


def _note(conflict: Contradiction, apex: WireName) -> list[str]:
    """The comment on a conflict. None of its lines can be mistaken for a header field."""
    from zonegit.zonefile.text import rrset_lines
    from zonegit.zonefile.types import type_text

    lines = [f"; conflict: {to_text(absolute(conflict.owner, apex))} {type_text(conflict.rtype)}"]
    sides = [("ours", conflict.ours), ("base", conflict.base)]
    if conflict.theirs is None:
        sides.append(("yours", None))
    for label, rrset in sides:
        records = rrset_lines(rrset, apex) if rrset else [_NONE]
        lines += [f";   {label}: {record}" for record in records]
    return lines


def read_subject(text: bytes, path: str) -> Subject:
    """What a kept text covers, from its header. `Refused` if the header is missing."""
    fields = {name.decode(): value for name, value in _FIELD.findall(text[:_HEADER_SIZE])}
    try:
        zone, branch, base, name = (fields[field].decode("ascii") for field in _FIELDS)
        below = relative(from_text(name), parse_apex(zone))
        return Subject(zone, branch, parse_id(base), below)
    except (KeyError, UnicodeDecodeError, ZonegitError):
        raise Refused(f"{path} lacks the header of `zonegit edit`: start again with `zonegit edit`") from None
