"""Records that no mirror would accept are refused, however they came into what is imported."""

from pathlib import Path

import pytest

from repokit import ZONE, parsed
from zonegit.errors import InvalidObject, InvalidZone
from zonegit.model.names import APEX, Owner
from zonegit.model.rdata import DNSKEY, MX, TXT, A
from zonegit.model.rrset import RRKey, RRset
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


UPPER = b"\0\x0a\1M\7example\3com\0"
WRITTEN = RRset(Owner(b"\1m"), MX, 60, (UPPER,))
"""The name in it isn't in lowercase."""


@pytest.mark.parametrize(
    "made_up",
    [
        (WRITTEN.key, WRITTEN.encode()),
        (RRset.of(Owner(b"\1m"), TXT, 60, [b"\1x"]).key, RRset(Owner(b"\1M"), TXT, 60, (b"\1x",)).encode()),
        (
            RRset.of(Owner(b"\1m"), A, 60, [bytes(4)]).key,
            RRset(Owner(b"\1m"), A, 60, (bytes(4), bytes(4))).encode(),
        ),
        (RRset.of(Owner(b"\1m"), A, 60, [bytes(4)]).key, RRset(Owner(b"\1m"), A, 60, (bytes(3),)).encode()),
        (RRset.of(Owner(b"\1m"), A, 60, [bytes(4)]).key, RRset.of(Owner(b"\1a"), A, 60, [bytes(4)]).encode()),
    ],
)
def test_entries_that_no_reader_made_are_checked(tmp_path: Path, made_up: tuple[RRKey, bytes]) -> None:
    zone = parsed(ZONE)
    entries = sorted([*zone.entries, made_up])
    with Repository.init(tmp_path) as repository:
        with pytest.raises(InvalidObject):
            repository.import_zone(zone._replace(entries=entries), source="zone")
        assert list(repository.zones()) == []
        assert repository.fsck().problems == []


def test_those_that_a_reader_could_have_made_are_not_refused(tmp_path: Path) -> None:
    zone = parsed(ZONE)
    with Repository.init(tmp_path) as repository:
        made = repository.import_zone(zone._replace(entries=list(zone.entries)), source="zone")
        assert made.new is not None
        assert repository.fsck().problems == []
