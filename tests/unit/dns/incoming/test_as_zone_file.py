"""A transferred zone is the same as the zone file that it came from, however another program compresses it."""

from pathlib import Path

import dns.flags
import dns.message
import dns.name
import dns.rdatatype
import dns.renderer
import dns.zone
import pytest

from zonegit.dns.incoming.query import transfer_query
from zonegit.dns.incoming.reader import TransferReader
from zonegit.model.names import from_text
from zonegit.repo.incoming.values import WholeZone
from zonegit.zonefile.reader import read_zone

EXAMPLES = Path(__file__).parents[4] / "examples"


def messages(path: Path, origin: str, each: int) -> list[bytes]:
    """The zone in messages that dnspython renders, with `each` RRsets in one."""
    zone = dns.zone.from_file(str(path), origin, relativize=False)
    soa = dns.zone.Zone.get_rrset(zone, origin, "SOA")
    assert soa is not None
    others = [
        zone.get_rrset(name, rdataset.rdtype, rdataset.covers)
        for name, rdataset in zone.iterate_rdatasets()
        if rdataset.rdtype != dns.rdatatype.SOA
    ]
    rrsets = [soa, *others, soa]
    made = []
    for at in range(0, len(rrsets), each):
        renderer = dns.renderer.Renderer(int.from_bytes(b"id", "big"), dns.flags.QR | dns.flags.AA)
        renderer.add_question(dns.name.from_text(origin), dns.rdatatype.AXFR)
        for rrset in rrsets[at : at + each]:
            assert rrset is not None
            renderer.add_rrset(dns.renderer.ANSWER, rrset)
        renderer.write_header()
        made.append(renderer.get_wire())
    return made


@pytest.mark.parametrize("each", [7, 1000])
@pytest.mark.parametrize("name", sorted(path.name for path in EXAMPLES.glob("*.zone")))
def test_what_is_transferred_is_what_the_file_says(name: str, each: int) -> None:
    path = EXAMPLES / name
    origin = name.removesuffix("zone")
    parsed = read_zone(path, name=name, origin=from_text(origin))
    reader = TransferReader(transfer_query(parsed.apex, None, b"id", None, 0))
    *before, last = messages(path, origin, each)
    for part in before:
        assert reader.feed(part, 0) is None
    done = reader.feed(last, 0)
    assert isinstance(done, WholeZone)
    assert (done.serial, done.records) == (parsed.serial, parsed.records)
    assert tuple(done.entries) == parsed.entries
