"""BIND's $GENERATE: `range owner [TTL] [class] type rdata`, with `$` in owner and rdata standing for each number.

`${offset[,width[,base]]}` gives number + offset, padded with zeros to width, in base `d`, `o`, `x` or `X`; base `n`
or `N` gives its hex digits last first, parted by dots, as IPv6 reverse zones need them. `$$` and `\\$` are a plain
`$`.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from zonegit.errors import InvalidRecord

_LINE: Final = re.compile(r"([0-9]{1,10})-([0-9]{1,10})(?:/([0-9]{1,10}))? +([^ ]+) +(.+)", re.ASCII)
_DOLLAR: Final = re.compile(r"\\\$|\$\$|\$\{(?P<modifier>[^}]*)\}|(?P<plain>\$)(?!\{)|\$(?P<open>\{)")
_MODIFIER: Final = re.compile(r"(-?[0-9]{1,10})(?:,([0-9]{1,3})(?:,([doxXnN]))?)?", re.ASCII)
_WHOLE: Final = re.compile(r'(.*? )"((?:[^"\\]|\\.)*+)"')
_STRINGS: Final = re.compile(r"(?:.* )?(?:TXT|SPF) +", re.IGNORECASE)
MAX_STEPS: Final = 1 << 24
"""How many lines one $GENERATE may make: a /8 of addresses."""


@dataclass(frozen=True, slots=True)
class Generate:
    """One $GENERATE; `template` is a record line with `$` in it."""

    numbers: range
    template: str


def read_generate(text: str) -> Generate:
    """Read what stands behind `$GENERATE`."""
    found = _LINE.fullmatch(text.replace("\t", " "))
    if found is None:
        raise InvalidRecord("$GENERATE is written: $GENERATE start-stop[/step] owner [TTL] [class] type rdata")
    start, stop, step = int(found[1]), int(found[2]), int(found[3] or 1)
    if stop < start or not step:
        raise InvalidRecord(f"$GENERATE {start}-{stop}/{step}: the range must rise")
    numbers = range(start, stop + 1, step)
    if len(numbers) > MAX_STEPS:
        raise InvalidRecord(f"$GENERATE makes {len(numbers)} records; at most {MAX_STEPS}")
    record = found[5]
    whole = _WHOLE.fullmatch(record)
    if whole and not _STRINGS.fullmatch(whole[1]):
        record = whole[1] + whole[2]  # BIND wants RDATA of several words in quotes that aren't part of it
    return Generate(numbers, f"{found[4]} {record}")


def generated_lines(generate: Generate) -> Iterator[str]:
    """The record lines that it stands for."""
    parts = _parts(generate.template)
    for number in generate.numbers:
        yield "".join(part if isinstance(part, str) else part(number) for part in parts)


def _parts(template: str) -> list[str | Callable[[int], str]]:
    parts: list[str | Callable[[int], str]] = []
    at = 0
    for found in _DOLLAR.finditer(template):
        parts.append(template[at : found.start()])
        at = found.end()
        modifier = found["modifier"]
        if found["open"]:
            raise InvalidRecord("$GENERATE holds a '${' without its '}'")
        if modifier is not None:
            parts.append(_formatter(modifier))
        else:
            parts.append(str if found["plain"] else "\\$")
    parts.append(template[at:])
    return parts


def _formatter(modifier: str) -> Callable[[int], str]:
    found = _MODIFIER.fullmatch(modifier)
    if found is None:
        raise InvalidRecord(f"$GENERATE modifier {modifier[:40]!r}; it is written ${{offset[,width[,base]]}}")
    offset, width, base = int(found[1]), int(found[2] or 0), found[3] or "d"
    if base in "nN":
        return lambda number: _nibbles(_shifted(number, offset), width, base == "N")
    return lambda number: f"{_shifted(number, offset):0{width}{base}}"


def _shifted(number: int, offset: int) -> int:
    shifted = number + offset
    if shifted < 0:
        raise InvalidRecord(f"$GENERATE gives {shifted} for {number}; numbers can't be negative")
    return shifted


def _nibbles(number: int, width: int, upper: bool) -> str:
    digits = f"{number:{'X' if upper else 'x'}}"
    digits = digits.rjust((width + 1) // 2, "0")  # width counts the dots too
    return ".".join(reversed(digits))
