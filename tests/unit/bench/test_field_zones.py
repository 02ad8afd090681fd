"""The zones like the field's: as many records as they claim, and queries that all differ."""

from pathlib import Path

import pytest
from field_zones import KINDS, Kind
from processes import MeasuringFailed, Work

from zonegit.model.names import parse_apex
from zonegit.zonefile.reader import read_zone

NAMES = 300


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_zone_has_what_it_claims(kind: Kind, tmp_path: Path) -> None:
    try:
        made = kind.make(NAMES, tmp_path)
    except MeasuringFailed as missing:
        pytest.skip(str(missing))
    parsed = read_zone(made.zone.path, name=kind.name, origin=parse_apex(made.zone.apex))
    assert (parsed.records, parsed.serial) == (made.zone.records, made.zone.serial)
    asked = made.queries.read_text().splitlines()
    assert len(asked) == len(set(asked)) >= NAMES // 2
    again = tmp_path / "again"
    again.mkdir()
    assert kind.name == "signed" or kind.make(NAMES, again).queries.read_bytes() == made.queries.read_bytes()


def test_what_bounds_a_process_is_told_in_shares() -> None:
    assert Work(0.6, 0.3).shares(1.0) == "program 60 %, kernel 30 %, waits 10 %"
    assert Work(0.995, 0.0).shares(1.0) == "program 100 %"
