"""NAPTR's regexp field (RFC 3403 §4.1): a substitution expression as RFC 3402 §3.2 has it, or nothing.

    delimiter, extended regular expression, delimiter, replacement, delimiter, flags (`i`)

The expression is one of POSIX's extended form. A wrong one makes the record useless, and BIND refuses the zone.
"""

import re
from typing import Final

from zonegit.zonefile.rdata.cursor import Wire

_NO_DELIMITERS: Final = frozenset(b"0123456789\\i\0")
_BACK_REFERENCE: Final = re.compile(rb"\\(.)", re.DOTALL)
_TOKEN: Final = re.compile(
    rb"\[\^?+(?P<set>\]?+(?:\[:[a-z]+:\]|\[\.[^\]]+\.\]|\[=[^\]]+=\]|\[(?![:.=])|[^\[\]])*+)\]"
    rb"|\\(?P<escaped>.)|\{(?P<least>[0-9]{1,3})(?P<comma>,(?P<most>[0-9]{0,3}))?\}|(?P<other>[^\[\\{]|\{(?![0-9]))",
    re.DOTALL,
)
_MEMBER: Final = re.compile(rb"\[([:.=]).+?\1\]|.", re.DOTALL)
_CLASSES: Final = frozenset(b"alnum alpha blank cntrl digit graph lower print punct space upper xdigit".split())
_MOST_REPEATS: Final = 255


def check(rdata: bytes) -> None:
    """ValueError unless the regexp of NAPTR RDATA is empty or a substitution expression."""
    wire = Wire(rdata)
    wire.take(4)
    _, _, expression = wire.string(), wire.string(), wire.string()
    if not expression:
        return
    pattern, replacement, flags = _parts(expression)
    groups = _groups(pattern)
    for found in _BACK_REFERENCE.finditer(replacement):
        if found[1].isdigit() and not 1 <= int(found[1]) <= groups:
            raise ValueError(f"its regexp refers to group {found[1].decode()} of {groups}")
    if flags.strip(b"i"):
        raise ValueError("its regexp has flags other than i")


def _parts(expression: bytes) -> list[bytes]:
    delimiter = expression[:1]
    if expression[0] in _NO_DELIMITERS or 0 in expression:
        raise ValueError("its regexp is not delimiter, expression, delimiter, replacement, delimiter, flags")
    piece = re.compile(
        rb"((?:[^\\" + re.escape(delimiter) + rb"]|\\.)*+)(?:" + re.escape(delimiter) + rb"|\Z)", re.DOTALL
    )
    parts: list[bytes] = []
    at = 1
    while len(parts) < 3:
        found = piece.match(expression, at)
        if found is None or (found.end() == len(expression) == found.end(1) and len(parts) < 2):
            raise ValueError("its regexp is not delimiter, expression, delimiter, replacement, delimiter, flags")
        parts.append(found[1])
        at = found.end()
    if at != len(expression):
        raise ValueError("its regexp goes on behind the third delimiter")
    return parts


def _groups(pattern: bytes) -> int:
    """How many groups an extended regular expression has. ValueError if it is none."""
    groups = depth = at = 0
    atom = repeated = False
    while at < len(pattern):
        found = _TOKEN.match(pattern, at)
        if found is None:
            raise ValueError(f"its regexp has a wrong {pattern[at : at + 20]!r}")
        at = found.end()
        other = found["other"]
        if other == b"(":
            groups, depth, atom = groups + 1, depth + 1, False
        elif other == b"|" or (other == b")" and depth):
            if not atom:
                raise ValueError("its regexp has an empty alternative")
            depth, atom = depth - (other == b")"), other == b")"
        elif found["least"] is not None or (other and other in b"*+?"):
            if not atom or repeated:
                raise ValueError("its regexp repeats nothing, or a repetition")
            _check_bound(found)
            repeated = True
            continue
        else:
            _check_atom(found, groups)
            atom = True
        repeated = other is not None and other in b"^$"  # nor can an anchor be repeated
    if depth or not atom:
        raise ValueError("its regexp has an open group, or an empty alternative")
    return groups


def _check_bound(found: "re.Match[bytes]") -> None:
    if found["least"] is not None:
        least = int(found["least"])
        most = int(found["most"] or _MOST_REPEATS) if found["comma"] else least
        if not least <= most <= _MOST_REPEATS:
            raise ValueError("its regexp has a wrong bound")


def _check_atom(found: "re.Match[bytes]", groups: int) -> None:
    if found["escaped"] is not None and found["escaped"].isdigit() and int(found["escaped"]) > groups:
        raise ValueError("its regexp refers to a group that it doesn't have")
    if found["set"] is not None:
        _check_set(found["set"])


def _check_set(inner: bytes) -> None:
    """Classes have names, ranges rise."""
    members = [(found[0], found[1]) for found in _MEMBER.finditer(inner)]
    for text, kind in members:
        if kind == b":" and text[2:-2] not in _CLASSES:
            raise ValueError(f"its regexp has the class {text!r}")
    for (low, from_kind), (dash, _), (high, to_kind) in zip(members, members[1:], members[2:], strict=False):
        if dash == b"-" and (b":" in (from_kind, to_kind) or (len(low) == len(high) == 1 and high < low)):
            raise ValueError("its regexp has a range that falls, or has a class at an end")
