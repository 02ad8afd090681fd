"""Zone text read from memory or from files, and what was read as lines."""

import io
from collections.abc import Mapping
from pathlib import Path

import pytest

from zonegit.errors import ZoneFileError
from zonegit.model.names import WireName, parse_apex
from zonegit.model.rrset import RRset
from zonegit.zonefile.reader import ParsedZone, read_zone
from zonegit.zonefile.text import rrset_lines

APEX = parse_apex("example.com.")
SOA = "@ 3600 IN SOA ns1 hostmaster 7 7200 900 1209600 300\n"


def read(text: str | bytes, origin: WireName | None = APEX) -> ParsedZone:
    data = text.encode() if isinstance(text, str) else text
    return read_zone(io.BytesIO(data), name="zone", origin=origin)


def read_files(directory: Path, files: Mapping[str, str]) -> ParsedZone:
    """Write these files and read the first."""
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    first = next(iter(files))
    return read_zone(directory / first, name=first, origin=APEX)


def shown(parsed: ParsedZone) -> list[str]:
    """The records beside the SOA, one text each, blanks squeezed."""
    lines = [line for _, payload in parsed.entries for line in rrset_lines(RRset.decode(payload), parsed.apex)]
    return [" ".join(line.split()) for line in lines if "\tSOA\t" not in line]


def records(text: str | bytes, origin: WireName | None = APEX) -> list[str]:
    """The records beside the SOA that a text holds."""
    return shown(read(text, origin))


def refusal(text: str | bytes, origin: WireName | None = APEX) -> str:
    """Why a text is refused."""
    with pytest.raises(ZoneFileError) as caught:
        read(text, origin)
    return str(caught.value)


def warnings(parsed: ParsedZone) -> list[tuple[str, str]]:
    """The names of checks and what they say."""
    return [(found.check, found.message) for found in parsed.warnings]
