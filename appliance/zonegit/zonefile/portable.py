"""Records as older name servers read them: BIND 9.18, NSD 4.6, Knot DNS 3.2 and PowerDNS 4.7, those of Debian 12.

Each of them reads unknown types in the form of RFC 3597 §5, and unknown SVCB parameters as `keyNNNNN` (RFC 9460
§2.1). A type or parameter that one of the four doesn't know by name is written that way. Knot DNS 3.2 accepts few
characters in names unescaped: all others are written as `\\DDD`.
"""

import re
from collections.abc import Mapping
from typing import Final

from zonegit.model import rdata as types
from zonegit.zonefile.name_text import name_text
from zonegit.zonefile.rdata.cursor import UNFIT, Wire
from zonegit.zonefile.rdata.presentation import generic_text
from zonegit.zonefile.text import rdata_text
from zonegit.zonefile.types import parse_type, type_text

_SPF: Final = 99
_CAA: Final = 257
_CSYNC: Final = 62
_BY_NAME: Final = frozenset(
    {1, 2, 5, 6, *range(12, 19), 25, 28, 29, 33, 35, 36, 37, 39, *range(42, 54), *range(59, 66), _SPF}
    | {*range(104, 110), 256, _CAA}
)
"""Types that all four read by name, in the text form that `rdata_text` gives."""
_IPV6HINT: Final = 6
"""The last parameter that all four read by name."""
_TYPES_AT: Final[Mapping[int, slice]] = {
    types.RRSIG: slice(0, 1),
    types.NSEC: slice(1, None),
    types.NSEC3: slice(5, None),
    _CSYNC: slice(2, None),
}
"""Which words of the RDATA's text are types."""
_ESCAPES: Final = {ord(char): f"\\{ord(char):03d}" for char in "!#%&'+,:<=>?[]^`{|}~"}
_STRING_OR_WORD: Final = re.compile(r'"(?:\\.|[^"\\])*"|(?:\\.|[^ "\\])+')
_TO_ESCAPE: Final = re.compile(r"[!#%&'+,:<=>?\[\]^`{|}~][^ ]*\.(?: |$)").search
"""Finds what may be a name with a character to escape: all names in RDATA are absolute."""


def portable_name(text: str) -> str:
    """A name in presentation form, with every character escaped that any of the four refuses."""
    return text.translate(_ESCAPES)


def portable_record(rtype: int, rdata: bytes) -> tuple[str, str]:
    """Type and RDATA of one record as text, with all names absolute."""
    if rtype not in _BY_NAME:
        return f"TYPE{rtype}", generic_text(rdata)
    text = _rdata(rtype, rdata)
    return type_text(rtype), _STRING_OR_WORD.sub(_escaped, text) if _TO_ESCAPE(text) else text


def _escaped(found: re.Match[str]) -> str:
    """A word of RDATA. Outside of strings nothing but a name ends with a dot."""
    word = found[0]
    return portable_name(word) if word.endswith(".") else word


def _rdata(rtype: int, rdata: bytes) -> str:
    if rtype in (types.SVCB, types.HTTPS):
        return _service(rdata)
    if rtype == _SPF and rdata[0] + 1 != len(rdata):
        return generic_text(rdata)  # NSD keeps only the first string
    if rtype == _CAA and rdata[2 : 2 + rdata[1]] != rdata[2 : 2 + rdata[1]].lower():
        return generic_text(rdata)  # NSD accepts only lowercase tags
    text = rdata_text(rtype, rdata)
    at = _TYPES_AT.get(rtype)
    if at is None or text.startswith("\\#"):
        return text
    words = text.split(" ")
    words[at] = [_type(word) for word in words[at]]
    return " ".join(words)


def _type(word: str) -> str:
    rtype = parse_type(word)
    return word if rtype in _BY_NAME else f"TYPE{rtype}"


def _service(rdata: bytes) -> str:
    from zonegit.zonefile.rdata.service import NAMES, parameters_text

    known = {key: name for key, name in NAMES.items() if key <= _IPV6HINT}
    wire = Wire(rdata)
    try:
        priority, target = wire.number(2), name_text(wire.name(), None)
        return f"{priority} {target} {parameters_text(wire.rest(), known)}".rstrip()
    except UNFIT:
        return generic_text(rdata)
