"""RDATA of every type as other name servers read it: whatever is accepted is exported so that they load it.

BIND has to read the same bytes of spoilt inputs too: `ZONEGIT_FUZZ` / 25 of them (4,000; `make fuzz` gives 40,000).
"""

import io
import random
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from fuzzkit import TIMES
from rdatakit import APEX, accepted, compiled, sample_wires, spoilt_text, spoilt_wire
from rdatasamples import SAMPLES
from zonegit.model.names import join
from zonegit.model.rdata import canonical
from zonegit.model.rrset import RRset
from zonegit.zonefile.portable import portable_record
from zonegit.zonefile.rdata import presentation
from zonegit.zonefile.reader import read_zone
from zonegit.zonefile.types import parse_type
from zonegit.zonefile.writer import write_zone

INPUTS = max(TIMES // 25, 1)
BATCH = 20_000
IPSECKEY = 45
KEY = 25
NS = 2

pytestmark = pytest.mark.timeout(1800)


def unreadable(rtype: int, wire: bytes) -> bool:
    """What BIND 9.18 reads in no form, though RFC 4025 §2.4 has it: an IPSECKEY record without a key."""
    return rtype == IPSECKEY and len(presentation.text(rtype, wire, None).split(" ")) == 4


def knot_refuses(rtype: int, wire: bytes) -> bool:
    """What Knot DNS 3.2 takes in no form: missing keys, unknown hashes and digests, delegations without glue."""
    if rtype == NS and wire.endswith(APEX):
        return True
    return (rtype, len(wire)) in ((KEY, 4), (IPSECKEY, 4), (43, 5)) or (rtype == 50 and wire[0] != 1)


def inputs(rng: random.Random, count: int) -> list[tuple[int, bytes]]:
    """Spoilt RDATA that zonegit accepts all the same."""
    mnemonics = list(SAMPLES)
    wires = {mnemonic: sample_wires(mnemonic) for mnemonic in mnemonics}
    found = []
    for _ in range(count):
        mnemonic = rng.choice(mnemonics)
        if rng.random() < 0.5:
            text = spoilt_text(rng, SAMPLES[mnemonic])
        else:
            text = presentation.generic_text(spoilt_wire(rng, wires[mnemonic]))
        wire = accepted(parse_type(mnemonic), text)
        if wire is not None and not unreadable(parse_type(mnemonic), wire):
            found.append((parse_type(mnemonic), wire))
    return found


def test_bind_reads_the_same_bytes(needs_program: Callable[[str], str], tmp_path: Path) -> None:
    program = needs_program("named-compilezone")
    seed = random.getrandbits(32)
    rng = random.Random(seed)
    for at in range(0, INPUTS, BATCH):
        records = inputs(rng, min(BATCH, INPUTS - at))
        lines = [" ".join(portable_record(*record)) for record in records]
        read = compiled(program, lines, tmp_path)
        for number, (rtype, wire) in enumerate(records):
            assert number in read, f"seed {seed}: BIND refuses {lines[number]!r}"
            assert canonical(rtype, read[number]) == wire, f"seed {seed}: {lines[number]!r}"


def names_of_every_byte() -> list[RRset]:
    """Owners, and names in RDATA of several types, with one of each byte in them."""
    found = []
    for byte in sorted(set(range(256)) - set(range(ord("A"), ord("Z") + 1))):
        label = bytes((byte, 97, byte))
        owner = join([label, b"bytes"])
        name = owner + APEX
        found.append(RRset.of(owner, 1, 300, [bytes(4)]))
        for number, rtype, rdata in (
            (1, 5, name),
            (2, 15, b"\0\1" + name),
            (3, 33, bytes(6) + name),
            (4, 17, name + name),
            (5, 35, bytes(4) + b"\1U" + b"\7E2U+a:b" + b"\x08!^.*$!x!" + name),
            (6, 65, b"\0\1" + name + bytes.fromhex("00010003026832")),
            (7, 12, name),
        ):
            found.append(RRset.of(join([b"t%d" % number, b"%d" % byte, b"rdata"]), rtype, 300, [rdata]))
    return found


def export(path: Path, leave_out: Callable[[int, bytes], bool]) -> dict[int, tuple[int, bytes]]:
    """Write a zone with every sample of every type at an owner of its own, and with every byte in names."""
    records = [
        (parse_type(mnemonic), wire)
        for mnemonic in SAMPLES
        for wire in sample_wires(mnemonic)
        if not leave_out(parse_type(mnemonic), wire)
    ]
    soa = RRset.of(join([]), 6, 300, [b"\3ns1" + APEX + b"\1h" + APEX + bytes(20)])
    rrsets = [soa, RRset.of(join([]), 2, 300, [b"\3ns1" + APEX]), RRset.of(join([b"ns1"]), 1, 300, [bytes(4)])]
    rrsets += [
        RRset.of(join([b"r%d" % number]), rtype, 300, [wire]) for number, (rtype, wire) in enumerate(records)
    ]
    rrsets += names_of_every_byte()
    path.write_text("\n".join(write_zone(APEX, rrsets)) + "\n", encoding="ascii")
    parsed = read_zone(io.BytesIO(path.read_bytes()), name="zone", origin=None)
    assert list(parsed.entries) == sorted((rrset.key, rrset.encode()) for rrset in rrsets)
    assert parsed.warnings == []
    return dict(enumerate(records))


@pytest.mark.parametrize(
    ("program", "arguments", "leave_out"),
    [
        ("named-checkzone", ["-i", "none", "-k", "ignore", "example.org", "{zone}"], unreadable),
        ("nsd-checkzone", ["example.org", "{zone}"], lambda rtype, wire: rtype == KEY and len(wire) == 4),
        ("kzonecheck", ["-o", "example.org", "{zone}"], knot_refuses),
        ("zone2json", ["--zone={zone}", "--zone-name=example.org"], lambda rtype, wire: False),
    ],
)
def test_an_export_is_read_by_any_name_server(
    needs_program: Callable[[str], str],
    tmp_path: Path,
    program: str,
    arguments: list[str],
    leave_out: Callable[[int, bytes], bool],
) -> None:
    path = needs_program(program)
    zone = tmp_path / "example.org.zone"
    export(zone, leave_out)
    done = subprocess.run(
        [path, *(argument.format(zone=zone) for argument in arguments)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-2000:]
