"""What zonegit, BIND, NSD, Knot DNS and PowerDNS make of a zone file: whether they take it, and which records."""

import json
import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import pytest

from rdatakit import LENIENT
from zonefilekit import MadeFile
from zonegit.errors import ZonegitError
from zonegit.model.names import ROOT, absolute, from_text, lower, parse_apex
from zonegit.model.rdata import SOA, canonical, with_serial
from zonegit.model.rrset import RRset
from zonegit.zonefile.check import check_entries
from zonegit.zonefile.findings import Severity
from zonegit.zonefile.rdata import presentation
from zonegit.zonefile.reader import ParsedZone, read_zone
from zonegit.zonefile.types import parse_type

Record = tuple[bytes, int, int, bytes]
"""Absolute owner in lowercase, type, TTL, canonical RDATA."""
PATIENCE = 30.0
"""Seconds that a program may take over a zone, or PowerDNS over all."""
PROGRAMS = ("named-compilezone", "nsd-checkzone", "kzonecheck", "pdnsutil", "zone2json")
_REFUSED = re.compile(r"^error|Serious semantic error", re.MULTILINE)
_TOLD_BY_SIGNING = re.compile(r"auth=0, run pdnsutil rectify-zone|in non-presigned zone")
"""What PowerDNS says of records that only its signing looks at."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one reader makes of one file."""

    taken: bool
    why: str = ""
    """What it says of a file that it refuses."""
    records: frozenset[Record] | None = None
    """None where the reader doesn't tell."""


def by_zonegit(path: Path, apex: str) -> Reading:
    """Our own reader and the checks that refuse a zone."""
    try:
        parsed = read_zone(path, name="", origin=parse_apex(apex))
    except ZonegitError as error:
        return Reading(False, str(error))
    errors = [
        found.message for found in check_entries(parsed.apex, parsed.entries) if found.severity is Severity.ERROR
    ]
    return Reading(not errors, "; ".join(errors), _records(parsed))


def _records(parsed: ParsedZone) -> frozenset[Record]:
    found = set()
    for _, payload in parsed.entries:
        rrset = RRset.decode(payload)
        for rdata in rrset.rdatas:
            wire = with_serial(rdata, parsed.serial) if rrset.rtype == SOA else rdata
            found.add((absolute(rrset.owner, parsed.apex), rrset.rtype, rrset.ttl_of(rdata), wire))
    return frozenset(found)


def by_bind(program: str, path: Path, apex: str) -> Reading:
    """BIND, without the checks that look at targets, as other servers lack them."""
    raw = path.with_suffix(".raw")
    done = _run([program, *LENIENT, "-F", "raw", "-o", str(raw), apex, str(path)], path.parent)
    if done.returncode:
        return Reading(False, done.stdout + done.stderr)
    return Reading(True, "", frozenset(raw_records(raw.read_bytes())))


def raw_records(raw: bytes) -> list[Record]:
    """The records of BIND's raw format of zones."""
    found = []
    at = 24
    while at < len(raw):
        end = at + int.from_bytes(raw[at : at + 4], "big")
        rtype, ttl, count = (int.from_bytes(raw[at + a : at + b], "big") for a, b in ((6, 8), (10, 14), (14, 18)))
        size = int.from_bytes(raw[at + 18 : at + 20], "big")
        name = lower(raw[at + 20 : at + 20 + size])
        where = at + 20 + size
        for _ in range(count):
            length = int.from_bytes(raw[where : where + 2], "big")
            found.append((name, rtype, ttl, canonical(rtype, raw[where + 2 : where + 2 + length])))
            where += 2 + length
        at = end
    return found


def by_nsd(program: str, path: Path, apex: str) -> Reading:
    """NSD; its print is a zone file."""
    done = _run([program, "-p", apex, str(path)], path.parent)
    if done.returncode:
        return Reading(False, done.stderr or done.stdout)
    text = "\n".join(line for line in done.stdout.splitlines() if not line.startswith(";"))
    try:
        return Reading(
            True,
            "",
            _records(read_zone(BytesIO(text.encode("utf-8", "surrogateescape")), name="", origin=parse_apex(apex))),
        )
    except ZonegitError:
        return Reading(True)


def by_knot(program: str, path: Path, apex: str) -> Reading:
    """Knot DNS, which prints no records. Its server loads what it doesn't call a serious error."""
    done = _run([program, "-v", "-o", apex, str(path)], path.parent)
    said = done.stdout + done.stderr
    return Reading(not done.returncode or not _REFUSED.search(said), said)


def by_powerdns(pdnsutil: str, zone2json: str, paths: Mapping[str, Path], where: Path) -> dict[str, Reading]:
    """PowerDNS's BIND backend, all zones at once; `check-all-zones` decides, zone2json has the records."""
    config = where / "named.conf"
    config.write_text(
        "".join(f'zone "{apex[:-1]}" {{ type master; file "{path}"; }};\n' for apex, path in paths.items())
    )
    (where / "pdns.conf").write_text(f"launch=bind\nbind-config={config}\n")
    done = _run([pdnsutil, f"--config-dir={where}", "check-all-zones"], where)
    said = done.stdout + done.stderr
    verdicts = {}
    problems: list[str] = []
    for line in said.splitlines():
        checked = re.match(r"Checked (\d+) records of '(.*)', (\d+) errors", line)
        if checked:
            verdicts[checked[2] + "."] = (not problems and checked[1] != "0", "\n".join(problems))
            problems = []
        elif line.startswith("[Error] SOA lookup failed"):
            problems = []  # of a zone that wasn't loaded
        elif line.startswith("[Error]") and not _TOLD_BY_SIGNING.search(line):
            problems.append(line)
    if not verdicts:
        pytest.skip("needs pdns-backend-bind")
    found = {}
    for apex, path in paths.items():
        taken, why = verdicts.get(apex, (False, f"not loaded\n{said[-300:]}"))
        found[apex] = Reading(taken, why, _json_records(zone2json, path, apex) if taken else None)
    return found


def _json_records(program: str, path: Path, apex: str) -> frozenset[Record] | None:
    done = _run([program, f"--zone={path}", f"--zone-name={apex[:-1]}"], path.parent)
    found = set()
    try:
        for record in json.loads(done.stdout)["records"]:
            rtype = parse_type(record["type"])
            content = record["content"]
            if record["type"] in ("MX", "SRV"):
                content = f"{record['prio']} {content}"
            wire = presentation.parse(rtype, content, ROOT)
            found.add((lower(from_text(record["name"])), rtype, record["ttl"], wire))
    except (ValueError, KeyError, ZonegitError):
        return None
    return frozenset(found)


def readings(programs: Mapping[str, str], files: Sequence[MadeFile], where: Path) -> list[dict[str, Reading]]:
    """What each reader makes of each file, by the reader's first letter: Z, B, N, K, P."""
    paths = {}
    for made in files:
        paths[made.apex] = where / f"{made.apex}zone"
        paths[made.apex].write_bytes(made.text.encode())
        for name, text in made.included.items():
            (where / name).write_bytes(text.encode())
    single: dict[str, Callable[[Path, str], Reading]] = {
        "B": lambda path, apex: by_bind(programs["named-compilezone"], path, apex),
        "N": lambda path, apex: by_nsd(programs["nsd-checkzone"], path, apex),
        "K": lambda path, apex: by_knot(programs["kzonecheck"], path, apex),
    }

    def read(made: MadeFile) -> dict[str, Reading]:
        path = paths[made.apex]
        found = {letter: reader(path, made.apex) for letter, reader in single.items()}
        return {"Z": by_zonegit(path, made.apex), **found}

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(read, files))
    powerdns = by_powerdns(programs["pdnsutil"], programs["zone2json"], paths, where)
    return [one | {"P": powerdns[made.apex]} for one, made in zip(found, files, strict=True)]


def _run(command: Sequence[str], where: Path) -> "subprocess.CompletedProcess[str]":
    """Run a program, twice if need be: kzonecheck 3.2.6 has once gone on for ever over a zone it else refuses."""
    try:
        return _run_once(command, where)
    except subprocess.TimeoutExpired:
        return _run_once(command, where)


def _run_once(command: Sequence[str], where: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command,
        capture_output=True,
        encoding="utf-8",
        errors="surrogateescape",
        check=False,
        cwd=where,
        timeout=PATIENCE,
    )
