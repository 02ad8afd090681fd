"""Made zone files in zonegit, BIND, NSD, Knot DNS and PowerDNS: where two agree and zonegit differs, is known why.

300 files (`make differ-zonefiles` 12,000, TIMES=n), the same each time; ZONEGIT_ZONE_FILES_SEED=n makes others.
Each difference has to be of a kind of `zonefilekinds`; docs/decisions/0030-zone-files.md decides them.
"""

import os
import random
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from zonefilekinds import KINDS, READS, REFUSES, TAKES, kind_of
from zonefilekit import made_file
from zonefilepeers import PROGRAMS, Reading, readings

FILES = int(os.environ.get("ZONEGIT_ZONE_FILES", "300"))
SEED = int(os.environ.get("ZONEGIT_ZONE_FILES_SEED", "20261129"))
SHARD = 1_500
BATCH = 250
PAGE = Path(__file__).resolve().parents[2] / "docs" / "decisions" / "0030-zone-files.md"

pytestmark = pytest.mark.timeout(3600)


def difference(found: dict[str, Reading]) -> str | None:
    """What zonegit does that two others agree on doing otherwise."""
    ours = found["Z"]
    others = [reading for name, reading in found.items() if name != "Z"]
    if sum(reading.taken != ours.taken for reading in others) >= 2:
        return TAKES if ours.taken else REFUSES
    if ours.taken:
        shared = Counter(reading.records for reading in others if reading.taken and reading.records is not None)
        if any(count >= 2 and records != ours.records for records, count in shared.items()):
            return READS
    return None


@pytest.mark.parametrize("first", range(0, FILES, SHARD))
def test_every_difference_is_of_a_known_kind(needs_program: Callable[[str], str], first: int) -> None:
    programs = {name: needs_program(name) for name in PROGRAMS}
    kinds: Counter[tuple[str, str]] = Counter()
    taken: Counter[str] = Counter()
    unknown = []
    last = min(first + SHARD, FILES)
    for at in range(first, last, BATCH):
        numbers = range(at, min(at + BATCH, last))
        made = [made_file(random.Random(f"{SEED}-{number}"), f"z{number}.test.") for number in numbers]
        with tempfile.TemporaryDirectory() as where:
            for file, found in zip(made, readings(programs, made, Path(where)), strict=True):
                taken.update(name for name, reading in found.items() if reading.taken)
                what = difference(found)
                if what is None:
                    continue
                kind = kind_of(what, file.odd)
                kinds[what, kind or "?"] += 1
                if kind is None:
                    said = {name: reading.why[-300:] for name, reading in found.items() if not reading.taken}
                    unknown.append((file.apex, what, sorted(file.odd), said, file.text))
    print(f"seed {SEED}: files {first} to {last - 1}, taken by {dict(sorted(taken.items()))}")
    for (what, kind), count in sorted(kinds.items()):
        print(f"  {what} {kind} {count}")
    assert not unknown, f"seed {SEED}: {len(unknown)} unknown, the first: {unknown[0]}"


def test_every_kind_is_decided() -> None:
    page = PAGE.read_text()
    assert not [kind.name for kind in KINDS if f"| `{kind.name}` |" not in page]
