"""`check` calls a signed zone wrong exactly where BIND's verifier does, and wherever ldns' does.

Left out is what no validator minds: a TTL other than the signed one (RFC 4035 §5.3.3), and keys that no key with
the SEP flag signs (a warning here: the parent's DS may want one). `LENIENT` has what only one verifier lets pass.
"""

import re
import subprocess
import time
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import pytest

from differkit import write_zones
from differzones import make_world
from zonegit.dnssec.check import check_signatures
from zonegit.zonefile.findings import Finding, Severity
from zonegit.zonefile.reader import ParsedZone, read_zone

APEX = "ex.test."
ZONE = f"""\
$ORIGIN {APEX}
$TTL 300
@        SOA   ns host 7 3600 600 86400 60
@        NS    ns
@        MX    10 mail
ns       A     192.0.2.9
mail     A     192.0.2.25
www      A     192.0.2.1
www      TXT   "hello"
*.w      A     192.0.2.2
x.w      TXT   here
x.y.ent  TXT   deep
sub      NS    ns.sub
ns.sub   A     192.0.2.3
only.deep.ins NS ns.other.
signed   NS    ns.sub
signed   DS    1 15 2 {"00" * 32}
old      DNAME new
a.new    A     192.0.2.4
"""
MODES = {"nsec": (), "nsec3": ("-3", "-"), "optout": ("-3", "ab", "-A", "-H", "2")}
ADDED = (
    "new A 192.0.2.1",
    "www AAAA ::1",
    "sub TXT x",
    "deep.sub A 192.0.2.1",
    "y.ent A 192.0.2.1",
    "ent A 192.0.2.1",
    "x.old A 192.0.2.1",
    "cut NS ns.other.",
    f"deep.ins DS 1 15 2 {'00' * 32}",
)


LENIENT = {
    "dnssec-verify": r"cut NS",  # an unsigned delegation that no opt-out covers has an NSEC3 record (RFC 5155 §8.9)
    "ldns-verify-zone": r"without",  # it doesn't compare the types of a record with those that are there
}


def run(*command: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in command], cwd=cwd, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.fixture(scope="module", params=MODES)
def lines(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """A zone that BIND signed, one record a line; none without BIND's tools."""
    directory = tmp_path_factory.mktemp("keys")
    try:
        keys = [
            run(
                "dnssec-keygen", "-q", "-a", "ECDSAP256SHA256", *flags, "-n", "ZONE", APEX, cwd=directory
            ).stdout.strip()
            for flags in (("-f", "KSK"), ())
        ]
    except FileNotFoundError:
        return []
    (directory / "zone").write_text(ZONE + "".join((directory / f"{key}.key").read_text() for key in keys))
    how = ("-q", "-O", "full", "-o", APEX, "-f", "signed", *MODES[request.param], "-k", keys[0], "zone", keys[1])
    done = run("dnssec-signzone", *how, cwd=directory)
    assert done.returncode == 0, done.stderr
    text = (directory / "signed").read_text()
    return [re.sub(r"\s+", " ", line) for line in text.splitlines() if line and not line.startswith(";")]


def mutations(lines: list[str]) -> Iterator[tuple[str, list[str]]]:
    """What was done, and the zone then."""
    yield "nothing", lines
    for at, line in enumerate(lines):
        rtype, rest = line.split(" ", 3)[3].split(" ", 1)
        if rtype == "SOA":
            yield "serial", [*lines[:at], line.replace(" 7 ", " 8 "), *lines[at + 1 :]]
            continue
        if rtype != "RRSIG" or not (rest.startswith("DNSKEY")):
            yield f"without {line}", [*lines[:at], *lines[at + 1 :]]
        if rtype in ("NSEC", "NSEC3"):
            yield f"LOC in {line}", [*lines[:at], f"{line.rstrip()} LOC", *lines[at + 1 :]]
        if rtype == "A":
            yield f"address {line}", [*lines[:at], line.replace("192.0.2.", "192.0.3."), *lines[at + 1 :]]
        if rtype == "RRSIG" and rest.startswith(("SOA", "DS", "NSEC")):
            wrong = line[:-12] + ("B" if line[-12] == "A" else "A") + line[-11:]
            yield f"signature {line}", [*lines[:at], wrong, *lines[at + 1 :]]
    for record in ADDED:
        owner, rest = record.split(" ", 1)
        yield record, [*lines, f"{owner}.{APEX} 300 IN {rest}"]
    yield "no keys", [line for line in lines if not re.search(r" IN (RRSIG )?DNSKEY ", line)]
    yield "no denial", [line for line in lines if not re.search(r" IN (RRSIG )?NSEC3? ", line)]


def found_in(parsed: ParsedZone) -> list[Finding]:
    return check_signatures(parsed.apex, parsed.serial, parsed.entries, time.time())


def is_wrong(text: str) -> bool:
    found = found_in(read_zone(BytesIO(text.encode()), name="zone", origin=None))
    return any(finding.severity is Severity.ERROR for finding in found)


def test_zones_made_of_traps_are_right_as_bind_signs_them(
    needs_program: Callable[[str], str], tmp_path: Path
) -> None:
    """Wildcards at every level, empty names, delegations with data below them, DNAMEs, and every kind of chain."""
    signzone, keygen = needs_program("dnssec-signzone"), needs_program("dnssec-keygen")
    worlds = [make_world(seed, tuple(MODES)) for seed in range(2)]
    for number, zones in enumerate(worlds):
        for apex, file in write_zones(zones, tmp_path / str(number), signzone, keygen).items():
            found = found_in(read_zone(file, name=apex, origin=None))
            assert {finding.check for finding in found} <= {"nsec3-iterations"}, (apex, found)


@pytest.mark.parametrize("checker", ["dnssec-verify", "ldns-verify-zone"])
def test_verdicts_agree(
    checker: str, lines: list[str], needs_program: Callable[[str], str], tmp_path: Path
) -> None:
    program = needs_program(checker)
    needs_program("dnssec-signzone")
    how = ("-q", "-o", APEX) if checker == "dnssec-verify" else ()
    seen = set()
    for what, mutated in mutations(lines):
        text = "\n".join(mutated) + "\n"
        (tmp_path / "zone").write_text(text)
        done = run(program, *how, "zone", cwd=tmp_path)
        ours = is_wrong(text)
        seen.add(ours)
        told = f"{what}\n{done.stdout}{done.stderr}"
        assert ours == bool(done.returncode) or (ours and re.match(LENIENT[checker], what)), told
    assert seen == {True, False}
