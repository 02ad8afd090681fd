"""Records that no mirror would accept are refused, however they came into what is imported."""

from pathlib import Path

import pytest

from repokit import ZONE, parsed
from zonegit.errors import InvalidZone
from zonegit.model.names import APEX, Owner
from zonegit.model.rdata import DNSKEY, TXT
from zonegit.model.rrset import RRset
from zonegit.repo import Repository

LONG = Owner(b"\x3f" + b"x" * 63)


@pytest.mark.parametrize(
    "unfit",
    [
        RRset.of(APEX, DNSKEY, 60, [b"\1\0\3\x08"]),
        RRset.of(Owner(LONG * 3 + b"\x38" + b"y" * 56), TXT, 60, [b"\1x"]),
    ],
)
def test_unfit_records_are_refused(tmp_path: Path, unfit: RRset) -> None:
    zone = parsed(ZONE)
    entries = sorted([*zone.entries, (unfit.key, unfit.encode())])
    with Repository.init(tmp_path) as repository, pytest.raises(InvalidZone, match="would hold"):
        repository.import_zone(zone._replace(entries=entries), source="zone")
