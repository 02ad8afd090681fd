"""Made zone files mean the same to the reader as to BIND's named-checkzone: $GENERATE, $INCLUDE, foreign owners.

`ZONEGIT_READ_AS_BIND` is how many files of each kind are made, `ZONEGIT_SEED` what they are made from.
"""

import io
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from zonegit.errors import ZoneFileError
from zonegit.model.names import parse_apex
from zonegit.model.rrset import RRKey
from zonegit.zonefile.check import check_entries
from zonegit.zonefile.findings import Severity
from zonegit.zonefile.reader import read_zone

APEX = parse_apex("example.org.")
SEED = int(os.environ.get("ZONEGIT_SEED", "20261129"))
FILES = int(os.environ.get("ZONEGIT_READ_AS_BIND", "120"))
LENIENT = ["-i", "none", *(word for flag in "kmMnrST" for word in (f"-{flag}", "ignore"))]
Entries = list[tuple[RRKey, bytes]]


def by_bind(checkzone: str, directory: Path) -> Entries | None:
    """The zone in `main` as named-checkzone reads it; None where it refuses."""
    command = [checkzone, "-q", "-D", "-o", "-", *LENIENT, "example.org", "main"]
    done = subprocess.run(command, cwd=directory, capture_output=True, timeout=60, check=False)
    return None if done.returncode else read_zone(io.BytesIO(done.stdout), name="bind", origin=APEX).entries


def by_us(directory: Path) -> tuple[Entries | None, str]:
    """The same by the reader and the checks, and why they refuse or warn."""
    try:
        parsed = read_zone(directory / "main", name="main", origin=APEX)
    except ZoneFileError as error:
        return None, str(error)
    errors = [found for found in check_entries(APEX, parsed.entries) if found.severity is Severity.ERROR]
    return (None, str(errors)) if errors else (parsed.entries, str(parsed.warnings))


def some(random: Random, pieces: list[str], least: int = 1) -> str:
    return "".join(random.choices(pieces, k=random.randint(least, 4)))


def modifier(random: Random) -> str:
    offset = random.choice(["0", "1", "-5", "+3", "4096", "-300", "2147483600"])
    width = random.choice(["0", "1", "2", "3", "4", "7", "8"])
    return "${" + ",".join([offset, width, random.choice("doxXnN")][: random.randint(1, 3)]) + "}"


def directive(random: Random) -> str:
    """A $GENERATE of the form that BIND's manual gives."""
    start = random.choice([0, 1, 9, 255, 4095, 2147483640])
    numbers = f"{start}-{start + random.randint(0, 3)}" + random.choice(["", "", "/1", "/2", "/7"])
    signs = ["$", "$", modifier(random), modifier(random), "$$", "\\$", "\\\\"]
    owner = random.choice(["@", "*", some(random, ["a", "b.", "-", *signs]).rstrip(".")])
    head = random.choice(["", "60 ", "IN ", "60 IN ", "IN 1h "])
    target = some(random, ["x", "y.", *signs]) + random.choice(["", ".", ".example.org."])
    string = some(random, ["v", " ", '\\"', "\\065", "(", ")", ";", "\\;", *signs])
    rdata = random.choice(
        [
            "A 192.0.2.$",
            "A 192.0.${0,0}.1",
            f"CNAME {target}",
            f'PTR "{target}"',
            f'MX "10 {target}"',
            f"TXT {some(random, ['w', *signs])}",
            f'TXT "{string}"',
            f'TXT "\\"{string}\\""',
            f'CAA "0 issue \\"{string}\\""',
        ]
    )
    return f"$GENERATE {numbers} {owner} {head}{rdata}"


def body(random: Random, depth: int) -> list[str]:
    """Lines around which owner, origin and TTL change."""
    lines: list[str] = []
    for _ in range(random.randint(2, 8)):
        data = f"TYPE{random.randrange(65280, 65535)} \\# 0"
        owner = random.choice(["", "", "a", "b.c", "@", "x.test.", "y.example.org.", "example.net."])
        ttl = random.choice(["", "", "7", "1h"])
        kind = random.choice(["record"] * 6 + ["ttl", "origin", "include", "generate"])
        if kind == "record":
            lines.append(f"{owner} {ttl} {data}")
        elif kind == "ttl":
            lines.append(f"$TTL {random.choice(['5', '2d'])}")
        elif kind == "origin":
            lines.append(f"$ORIGIN {random.choice(['sub', 'example.org.', 'test.', 'o.example.org.'])}")
        elif kind == "generate":
            owner = random.choice(["g$", "g$.test.", "@"])
            lines.append(f"$GENERATE 1-2 {owner} {ttl} TYPE1 192.0.2.{random.randrange(256)}")
        elif depth:
            origin = random.choice(["", "", " i", " i.example.org.", " test."])
            lines.append(f"$INCLUDE inc{depth}{random.choice('ab')}{origin}")
    return lines


def write(directory: Path, name: str, lines: list[str]) -> None:
    (directory / name).write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize("number", range(4))
def test_generate_as_bind(needs_program: Callable[[str], str], tmp_path: Path, number: int) -> None:
    checkzone = needs_program("named-checkzone")
    random = Random(f"{SEED} generate {number}")
    head = ["$TTL 300", "@ SOA ns1 h 1 7200 3600 1209600 300", "@ NS ns1.example.net.", "last TXT x"]
    accepted = 0
    for _ in range(FILES // 4):
        lines = [*head, directive(random), "  AAAA 2001:db8::1", "z AAAA 2001:db8::1"]
        write(tmp_path, "main", lines)
        theirs, (ours, why) = by_bind(checkzone, tmp_path), by_us(tmp_path)
        assert ours == theirs or "BIND adds the last" in why, (lines[4], why)
        accepted += ours is not None
    assert accepted > FILES // 16


@pytest.mark.parametrize("number", range(4))
def test_scope_as_bind(
    needs_program: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    checkzone = needs_program("named-checkzone")
    monkeypatch.chdir(tmp_path)
    random = Random(f"{SEED} scope {number}")
    accepted = 0
    for _ in range(FILES // 4):
        ttl = random.choice(["", "60"])
        head = [*random.choice([["$TTL 300"], []]), f"@ {ttl} SOA ns1 h 1 7200 3600 1209600 300"]
        files = {"main": [*head, "@ NS ns1.example.net.", *body(random, 1)]}
        files |= {f"inc1{letter}": body(random, 2) for letter in "ab"}
        files |= {f"inc2{letter}": body(random, 0) for letter in "ab"}
        for name, lines in files.items():
            write(tmp_path, name, lines)
        theirs, (ours, why) = by_bind(checkzone, tmp_path), by_us(tmp_path)
        assert ours == theirs or "mixed-ttl" in why, (files, why)
        accepted += ours is not None and ours == theirs
    assert accepted > FILES // 16
