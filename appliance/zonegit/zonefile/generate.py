"""BIND's $GENERATE: `range owner [TTL] [class] type rdata`, with `$` in owner and RDATA standing for each number.

`${offset[,width[,base]]}` gives number + offset, padded with zeros to width, in base `d`, `o`, `x` or `X`; base `n`
or `N` gives the hex digits last first with dots between them, as IPv6 reverse zones need them, padded until digits
and dots fill the width. Numbers are 32 bits wide: a negative one has eight hex digits. `$$` and `\\$` are a plain
`$`.

RDATA of several words stands in quotes that aren't part of it (`MX "10 mail$"`). What is between them is read as if
it stood in the file itself, so strings with blanks need escaped quotes (`TXT "\\"two words\\""`). RDATA of several
words without quotes round the whole, which BIND refuses, is read as it stands.
"""

import re
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from zonegit.errors import InvalidRecord
from zonegit.model.rdata import TXT
from zonegit.zonefile.expansion import MAX_LINES
from zonegit.zonefile.record import split_head
from zonegit.zonefile.unfold import has_comment, unfold

_LINE: Final = re.compile(
    r"([0-9]{1,10})-([0-9]{1,10})(?:/([0-9]{1,10}))?[ \t]+"  # range
    r"((?:[^ \t\"\\]|\\.)+)[ \t]+(.+)",  # owner, and all behind it
    re.ASCII,
)
_PIECE: Final = re.compile(r"\\.|\$\$|\$(?:\{(?P<modifier>[^}]*)\}|(?P<open>\{)|(?P<plain>))", re.DOTALL)
_MODIFIER: Final = re.compile(r"([+-]?[0-9]{1,10})(?:,([0-9]{1,3})(?:,([doxXnN]))?)?", re.ASCII)
_NO_OFFSET: Final = re.compile(r"[+-]?0+(?:,|\Z)", re.ASCII).match
_COMMENT: Final = "a ';' between the quotes begins a comment, as in BIND; write \\; or put \\\" round the string"
_SPLIT: Final = "the quotes are the directive's, as in BIND, and make several strings; write \\\" round a string"
_OFFSET: Final = "a plain $ is the number itself, as BIND's manual says; BIND adds the last ${offset} to it"
_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\.)*+)"')
_STRINGS: Final = frozenset({TXT, 99})  # SPF
_MAX: Final = (1 << 31) - 1
_MAX_TEMPLATE: Final = 1 << 14
"""Characters of what is generated from; a number in it may take 999."""


class Generate(NamedTuple):
    """One $GENERATE; `template` is an unfolded record line with `$` in it."""

    numbers: range
    template: str
    doubt: str = ""
    """What BIND and PowerDNS read differently; empty if nothing."""


def read_generate(text: str) -> Generate:
    """Read the arguments of `$GENERATE`."""
    if len(text) > _MAX_TEMPLATE:
        raise InvalidRecord(f"$GENERATE has {len(text)} characters after it; at most {_MAX_TEMPLATE}")
    found = _LINE.fullmatch(text)
    if found is None:
        raise InvalidRecord("$GENERATE is written: $GENERATE start-stop[/step] owner [TTL] [class] type rdata")
    owner, record = found[4], found[5]
    _, rtype, rdata = split_head(record)
    head = record[: len(record) - len(rdata)]
    unquoted = _unquoted(rdata)
    plain = unfold(unquoted, iter(()))[0]
    if has_comment(unquoted):
        doubt = _COMMENT
    elif rtype in _STRINGS and unquoted != rdata and " " in plain and '"' not in plain:
        doubt = _SPLIT
    else:
        doubt = _OFFSET if _carries(owner) or _carries(plain) else ""
    return Generate(_numbers(int(found[1]), int(found[2]), int(found[3] or 1)), f"{owner} {head}{plain}", doubt)


def _numbers(start: int, stop: int, step: int) -> range:
    if stop < start or not step:
        rule = "the range must ascend" if step else "a step is at least 1"
        raise InvalidRecord(f"$GENERATE {start}-{stop}/{step}: {rule}")
    if stop > _MAX or step > _MAX:
        raise InvalidRecord(f"$GENERATE {start}-{stop}/{step}: numbers end at {_MAX}")
    numbers = range(start, stop + 1, step)
    if len(numbers) > MAX_LINES:
        raise InvalidRecord(f"$GENERATE makes {len(numbers)} records; at most {MAX_LINES}: write the rest out")
    return numbers


def _carries(field: str) -> bool:
    """Whether a plain `$` stands behind an offset, which BIND adds to it, too."""
    offset = False
    for piece in _PIECE.finditer(field):
        if piece["modifier"]:
            offset = not _NO_OFFSET(piece["modifier"])
        elif piece["plain"] is not None and offset:
            return True
    return False


def _unquoted(rdata: str) -> str:
    """RDATA without the quotes round the whole of it; an escaped quote inside of them is a quote then."""
    quoted = _QUOTED.fullmatch(rdata)
    if quoted is None:
        return rdata
    return re.sub(r"\\.", lambda escape: '"' if escape[0] == '\\"' else escape[0], quoted[1])


def generated_lines(generate: Generate) -> Iterator[str]:
    """The record lines that it stands for."""
    parts = _parts(generate.template)
    for number in generate.numbers:
        yield "".join(part if isinstance(part, str) else part(number) for part in parts)


def _parts(template: str) -> list[str | Callable[[int], str]]:
    parts: list[str | Callable[[int], str]] = []
    at = 0
    for found in _PIECE.finditer(template):
        parts.append(template[at : found.start()])
        at = found.end()
        if found["open"]:
            raise InvalidRecord("$GENERATE holds a '${' without its '}'")
        if found["modifier"] is not None:
            parts.append(_formatter(found["modifier"]))
        elif found["plain"] is not None:
            parts.append(str)
        else:
            parts.append("\\$" if found[0] == "$$" else found[0])
    parts.append(template[at:])
    return parts


def _formatter(modifier: str) -> Callable[[int], str]:
    found = _MODIFIER.fullmatch(modifier)
    if found is None:
        raise InvalidRecord(f"$GENERATE modifier {modifier[:40]!r}; it is written ${{offset[,width[,base]]}}")
    offset, width, base = int(found[1]), int(found[2] or 0), found[3] or "d"
    if base == "d":
        return lambda number: f"{_shifted(number, offset):0{width}d}"
    if base in "nN":
        return lambda number: _nibbles(_unsigned(number, offset), width, base == "N")
    return lambda number: f"{_unsigned(number, offset):0{width}{base}}"


def _shifted(number: int, offset: int) -> int:
    shifted = number + offset
    if not -_MAX - 1 <= shifted <= _MAX:
        raise InvalidRecord(f"$GENERATE gives {shifted} for {number}; numbers have 32 bits")
    return shifted


def _unsigned(number: int, offset: int) -> int:
    return _shifted(number, offset) & 0xFFFFFFFF


def _nibbles(number: int, width: int, upper: bool) -> str:
    digits = f"{number:{'X' if upper else 'x'}}".rjust((width + 1) // 2, "0")  # width counts the dots, too
    return ".".join(reversed(digits)).ljust(width, ".")
