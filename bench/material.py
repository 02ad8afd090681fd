"""What is measured on: synthetic zones and queries, made by the scripts of the shared data, and flat zones.

The scripts stand beside the checkout in `../shared/data`, or where ZONEGIT_BENCH_DATA says.
"""

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from random import Random
from shutil import which
from typing import Final

from processes import MeasuringFailed, finished
from zonegit.model.names import WireName, join, parse_apex
from zonegit.model.rdata import AAAA, NS, SOA, A
from zonegit.model.rrset import RRset
from zonegit.zonefile.reader import ParsedZone

CHECKOUT: Final = Path(__file__).resolve().parents[1]
VAR: Final = CHECKOUT / "var" / "bench"
"""Results, and temporary directories: on the checkout's disk, so that durable writes are."""
SYNTHETIC_SERIAL: Final = 2026112001
SYNTHETIC_APEX: Final = "example.com."
FLAT_APEX: Final = "flat.example."
ALL_DIFFERENT: Final = 1_000_000
"""From this many names on there are query files in which every name differs."""


@dataclass(frozen=True, slots=True)
class ZoneFile:
    """A zone file that all servers of a run load."""

    path: Path
    apex: str
    """With its final dot."""
    serial: int
    records: int


def _script(name: str) -> str:
    place = os.environ.get("ZONEGIT_BENCH_DATA")
    path = (Path(place) if place else CHECKOUT.parent / "shared" / "data") / name
    if not path.exists():
        raise MeasuringFailed(f"{path} is missing: set ZONEGIT_BENCH_DATA to the directory that holds {name}")
    return str(path)


def synthetic_zone(names: int, directory: Path) -> ZoneFile:
    """The mixed zone of this many names: addresses, aliases, mail, text, delegations, wildcards, services."""
    path = directory / f"{names}.zone"
    told = finished([sys.executable, "-B", _script("make_zone.py"), str(names), str(path)])
    return ZoneFile(path, SYNTHETIC_APEX, SYNTHETIC_SERIAL, int(told.split(" names ")[1].split()[0]))


def synthetic_queries(names: int, directory: Path) -> dict[str, Path]:
    """Query files for that zone by kind: `zipf`, and from `ALL_DIFFERENT` names on `wide` and `rand`."""
    prefix = directory / f"{names}"
    finished([sys.executable, "-B", _script("make_queries.py"), str(names), str(prefix)])
    made = {kind: prefix.with_suffix(f".{kind}") for kind in ("zipf", "wide", "rand")}
    return {kind: path for kind, path in made.items() if path.exists()}


def sliced(path: Path, lines: int) -> list[Path]:
    """Cut a query file into files of this many lines (what is left over is dropped), at least one.

    Each sample takes the next slice, so that no name comes back before the file is through.
    """
    slices: list[Path] = []
    with path.open("rb") as source:
        while part := list(islice(source, lines)):
            if len(part) < lines and slices:
                break
            slices.append(path.with_name(f"{path.name}.{len(slices)}"))
            slices[-1].write_bytes(b"".join(part))
    return slices


def in_random_case(path: Path) -> Path:
    """The same queries with each letter of their names in either case, as resolvers send them."""
    draw = Random(1)
    found = path.with_name(f"{path.name}.case")
    with path.open() as source, found.open("w") as out:
        for line in source:
            name, _, rtype = line.partition(" ")
            out.write("".join(draw.choice((each, each.upper())) for each in name) + " " + rtype)
    return found


def absent_queries(path: Path, count: int = 400_000) -> Path:
    """Queries for names right below the synthetic zone's apex that don't exist, all different."""
    draw = Random(2)
    letters = "abcdefghijklmnopqrstuvwxyz"
    with path.open("w") as out:
        for number in range(count):
            out.write(f"{''.join(draw.choices(letters, k=8))}{number}.{SYNTHETIC_APEX.rstrip('.')} A\n")
    return path


def has_signer() -> bool:
    return all(which(program) for program in ("dnssec-keygen", "dnssec-signzone"))


def signed_zone(zone: ZoneFile, directory: Path) -> ZoneFile:
    """The zone signed with one ECDSA key and NSEC, by BIND's tools, with the serial it has."""
    apex = zone.apex
    place = directory / f"keys-{zone.path.name}"
    place.mkdir()
    key = finished(["dnssec-keygen", "-K", str(place), "-a", "ECDSAP256SHA256", "-f", "KSK", apex]).strip()
    signed = zone.path.with_name(f"{zone.path.name}.signed")
    whole = zone.path.with_name(f"{zone.path.name}.keyed")
    whole.write_bytes(zone.path.read_bytes() + (place / f"{key}.key").read_bytes())
    argv = [
        "dnssec-signzone",
        "-K",
        str(place),
        "-d",
        str(place),
        "-z",
        "-P",
        "-O",
        "full",
        "-N",
        "keep",
        "-o",
        apex,
    ]
    finished([*argv, "-f", str(signed), str(whole), str(place / key)])
    return ZoneFile(signed, apex, zone.serial, zone.records)


def flat_name(number: int) -> str:
    return f"h{number:07d}"


def flat_address(number: int, generation: int = 0) -> bytes:
    """The address of a name; each generation has another one."""
    return (0x0A000000 + (generation << 20) % 0x60000000 + number % (1 << 20)).to_bytes(4, "big")


def flat_rrsets(names: int) -> Iterator[RRset]:
    """A zone in canonical order in which all names stand side by side below the apex, an A record each."""
    ns = join([b"ns1"])
    apex = parse_apex(FLAT_APEX)
    soa = ns + apex + join([b"hostmaster"]) + apex + b"".join(n.to_bytes(4, "big") for n in _SOA_NUMBERS)
    yield RRset.of(join([]), NS, 3600, [ns + apex])
    yield RRset.of(join([]), SOA, 3600, [soa])
    for number in range(names):
        yield RRset.of(join([flat_name(number).encode()]), A, 300, [flat_address(number)])
    yield RRset.of(ns, A, 3600, [bytes((192, 0, 2, 1))])
    yield RRset.of(ns, AAAA, 3600, [bytes.fromhex("20010db8000000000000000000000001")])


_SOA_NUMBERS: Final = (0, 7200, 900, 1209600, 300)


def flat_zone(names: int) -> ParsedZone:
    """The flat zone as a zone file's reader would give it."""
    entries = [(rrset.key, rrset.encode()) for rrset in flat_rrsets(names)]
    apex: WireName = parse_apex(FLAT_APEX)
    return ParsedZone(apex, 1, entries, len(entries), [])
