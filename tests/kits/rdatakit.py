"""RDATA of every type, good and spoilt, as text and as wire; and what named-compilezone makes of it."""

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from random import Random

from rdatasamples import SAMPLES
from zonegit.errors import InvalidRecord
from zonegit.model.names import parse_apex
from zonegit.zonefile.rdata import presentation
from zonegit.zonefile.types import parse_type

APEX = parse_apex("example.org.")
_HEAD = "$TTL 300\n@ SOA . . 1 2 3 4 5\n@ NS .\n"
_LINES_BEFORE = 4
LENIENT = ("-i", "none", *(word for option in "kmMSnrT" for word in (f"-{option}", "ignore")))
_COMPLAINT = re.compile(r":(\d+): (?!.*(?:signature has expired|old style|MAXTTL))")
"""What named-compilezone says of a line, but for its warnings."""
_CHARACTERS = '0123456789aAzZ.,:;=-+/\\""{}[]()!*^$\u00fc '
_PIECES = (
    "0",
    "1",
    "2",
    "3",
    "255",
    "256",
    "65535",
    "65536",
    "4294967295",
    "4294967296",
    "2147483648",
    "-1",
    "+1",
    "007",
    ".",
    "@",
    "-",
    "a",
    "A",
    "xyz",
    '""',
    '"a b"',
    '"',
    "\\",
    "\\000",
    "\\256",
    "\\1",
    "ü",
    "\\#",
    "\\# 2 0102",
    "a..b",
    "x" * 64,
    '"' + "z" * 256 + '"',
    "00",
    "AQ==",
    "AQ=",
    "QQ",
    "AR==",
    "192.0.2.1",
    "2001:db8::1",
    "RRSIG",
    "TYPE0",
    "TYPE65535",
    "OPT",
    "ANY",
    "NSEC",
    "RSASHA256",
    "PKIX",
    "1h",
    "1w2d",
    "20260230000000",
    "21060207062815",
    "m",
    "1m",
    "0.005",
    "100000000m",
    "N",
    "W",
    "59.999",
    "60",
    "90",
    "180",
    "181",
    "alpn=h2",
    "alpn=",
    "port=1",
    "key65535=x",
    "mandatory=port",
    "ech=",
    "=",
    "key0=\\000\\001",
)


def spoilt_text(rng: Random, samples: Sequence[str]) -> str:
    """A sample, or what is left of it when words were changed, lost, added or taken from another."""
    words = rng.choice(samples).split(" ")
    for _ in range(rng.choice((0, 1, 1, 1, 2, 3))):
        at = rng.randrange(len(words) + 1)
        match rng.randrange(6):
            case 0:
                words[at : at + 1] = [rng.choice(_PIECES)]
            case 1:
                words[at:at] = [rng.choice(_PIECES)]
            case 2:
                del words[at : at + 1]
            case 3:
                words[at : at + 1] = [rng.choice(rng.choice(samples).split(" "))]
            case 4 if at < len(words) and words[at]:
                where = rng.randrange(len(words[at]))
                words[at] = words[at][:where] + rng.choice(_CHARACTERS) + words[at][where + 1 :]
            case _ if at < len(words) and words[at]:
                where = rng.randrange(len(words[at]))
                words[at] = words[at][:where] + words[at][where + rng.randrange(1, 4) :]
    return " ".join(words)


def spoilt_wire(rng: Random, wires: Sequence[bytes]) -> bytes:
    """A sample's wire form with bytes changed, lost or added."""
    wire = bytearray(rng.choice(wires))
    for _ in range(rng.choice((0, 1, 1, 2, 4))):
        at = rng.randrange(len(wire) + 1)
        match rng.randrange(5):
            case 0 if at < len(wire):
                wire[at] = rng.choice((0, 1, 2, 3, 4, 0x20, 0x2E, 0x3F, 0x40, 0x41, 0x7F, 0x80, 0xC0, 0xFE, 0xFF))
            case 1 if at < len(wire):
                wire[at] ^= 1 << rng.randrange(8)
            case 2:
                wire[at:at] = rng.randbytes(rng.randrange(1, 5))
            case 3:
                del wire[at : at + rng.randrange(1, 5)]
            case _:
                del wire[at:]
    return bytes(wire)


def accepted(rtype: int, text: str) -> bytes | None:
    """The wire form that zonegit reads, or None where it refuses."""
    try:
        return presentation.parse(rtype, text, APEX)
    except InvalidRecord:
        return None


def sample_wires(mnemonic: str) -> list[bytes]:
    """The wire forms of a type's samples."""
    rtype = parse_type(mnemonic)
    return [wire for text in SAMPLES[mnemonic] if (wire := accepted(rtype, text)) is not None]


def compiled(program: str, lines: Sequence[str], where: Path) -> dict[int, bytes]:
    """What named-compilezone reads of these lines (`TYPE RDATA`), by their index; refused ones are left out."""
    left = dict(enumerate(lines))
    zone, raw = where / "zone", where / "raw"
    while True:
        numbers = list(left)
        body = "".join(f"r{number} {left[number]}\n" for number in numbers)
        zone.write_text(_HEAD + body, encoding="utf-8", errors="surrogateescape")
        done = subprocess.run(
            [program, *LENIENT, "-F", "raw", "-o", raw, "example.org", zone],
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            check=False,
        )
        if done.returncode == 0:
            return raw_wires(raw.read_bytes())
        text = done.stdout + done.stderr
        refused = {
            numbers[int(line) - _LINES_BEFORE] for line in _COMPLAINT.findall(text) if int(line) >= _LINES_BEFORE
        }
        if not refused:
            raise AssertionError(text)
        for number in refused:
            del left[number]


def raw_wires(raw: bytes) -> dict[int, bytes]:
    """The RDATA of `r0`, `r1` … in BIND's raw format of zones, uncompressed there."""
    found = {}
    at = 24
    while at < len(raw):
        total = int.from_bytes(raw[at : at + 4], "big")
        body = at + 4 + 14
        size = int.from_bytes(raw[body : body + 2], "big")
        name = raw[body + 2 : body + 2 + size]
        record = body + 2 + size
        length = int.from_bytes(raw[record : record + 2], "big")
        if name[1:2] == b"r" and name[0] > 1:
            found[int(name[2 : 1 + name[0]])] = raw[record + 2 : record + 2 + length]
        at += total
    return found
