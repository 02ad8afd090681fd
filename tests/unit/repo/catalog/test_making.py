"""The records of catalogs are made, and say what was meant."""

import pytest

from catalogkit import NAME, catalog, member
from zonegit.model.names import parse_apex, to_text
from zonegit.model.rdata import NS
from zonegit.model.rrset import RRset
from zonegit.repo.catalog.making import catalog_entries
from zonegit.repo.catalog.reading import read_catalog
from zonegit.zonefile.check import check_entries


@pytest.mark.parametrize("count", [0, 1, 300])
def test_a_catalog_reads_as_it_was_made(count: int) -> None:
    members = [member(f"z{n}.example.", f"id{n}", *["g1", "ü 2"][: n % 3]) for n in range(count)]
    entries = catalog_entries([*members, member("moved.example.", coo="new.catalog.")])
    assert entries == sorted(entries)
    found = read_catalog(NAME, (RRset.decode(payload) for _, payload in entries))
    assert found == catalog(*members, member("moved.example.", coo="new.catalog."))


def test_its_name_server_is_none() -> None:
    rrsets = [RRset.decode(payload) for _, payload in catalog_entries([])]
    assert [list(map(to_text, each.rdatas)) for each in rrsets if each.rtype == NS] == [["invalid."]]


def test_it_is_a_sound_zone() -> None:
    entries = catalog_entries([member("a.example.", "1", "group"), member(".", "2", coo="new.catalog.")])
    assert not list(check_entries(parse_apex(NAME), entries))
