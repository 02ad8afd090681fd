"""Transfers out (RFC 5936), read back by dnspython's own client."""

from collections.abc import Iterable

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.xfr
import dns.zone
import pytest

from dnskit import CLIENT, DictVersion, Server, version
from dnszones import ORG
from zonegit.dns import stats
from zonegit.dns.access.acl import Acl
from zonegit.dns.access.requestor import Requestor
from zonegit.dns.options import Options
from zonegit.dns.transfer.options import TransferOptions
from zonegit.dns.wire.message import Transport
from zonegit.dns.zone.canary import Canary
from zonegit.dns.zone.zone_state import ServedZone
from zonegit.errors import CorruptStore, LimitExceeded
from zonegit.tree.version import ZoneVersion

BIG = "$TTL 60\n@ IN SOA a b 12 2 3 4 5\n@ NS a\n@ A 192.0.2.1\n"


def runs(of: ZoneVersion) -> Iterable[tuple[int, bytes]]:
    assert isinstance(of, DictVersion)
    return of.runs()


def server(*versions: DictVersion) -> Server:
    return Server(*versions, options=Options(transfers=TransferOptions(runs=runs)))


def make_query(name: str, *, edns: bool = False) -> dns.message.QueryMessage:
    return dns.message.make_query(name, "AXFR", use_edns=0 if edns else -1, id=99)


def received(of: Server, name: str, client: bytes = CLIENT, *, edns: bool = False) -> list[bytes]:
    messages = of.responder.transfer(make_query(name, edns=edns).to_wire(), Requestor(client, Transport.TCP))
    assert messages is not None
    return list(messages)


def read(messages: list[bytes], origin: str) -> dns.zone.Zone:
    """The zone that a secondary takes from these messages."""
    zone = dns.zone.Zone(origin, relativize=False)
    with dns.xfr.Inbound(zone, dns.rdatatype.AXFR) as inbound:
        done = [
            inbound.process_message(dns.message.from_wire(data, xfr=True, one_rr_per_rrset=True))
            for data in messages
        ]
    assert done == [False] * (len(messages) - 1) + [True]
    return zone


def test_a_zone_arrives_whole() -> None:
    messages = received(server(version(ORG, "example.org.")), "example.org.")
    assert len(messages) == 1
    assert read(messages, "example.org.") == dns.zone.from_text(
        ORG, origin="example.org.", relativize=False, check_origin=False
    )


def test_soa_first_and_last_and_nowhere_else() -> None:
    """RFC 5936 §2.2: with the serial that the version is served with, not the one that is stored."""
    (data,) = received(server(version(ORG, "example.org.")), "example.org.")
    message = dns.message.from_wire(data, one_rr_per_rrset=True)
    soas = [at for at, rrset in enumerate(message.answer) if rrset.rdtype == dns.rdatatype.SOA]
    assert soas == [0, len(message.answer) - 1]
    assert {message.answer[at][0].serial for at in soas} == {7}
    assert message.flags == dns.flags.QR | dns.flags.AA | dns.flags.RD


def test_beyond_64_kib() -> None:
    text = BIG + "".join(f"host{i} TXT {'x' * 90}\n" for i in range(3000))
    messages = received(server(version(text, "test.")), "TeSt.")
    assert len(messages) > 5
    assert all(60_000 < len(message) <= 65535 for message in messages[:-1])
    assert all(message[12:18] == b"\x04TeSt\x00" for message in messages)
    assert read(messages, "test.") == dns.zone.from_text(text, origin="test.", relativize=False)


def test_one_rrset_beyond_64_kib() -> None:
    """A run that exceeds a message by itself is split between records."""
    text = BIG + "".join(f"@ AAAA 2001:db8::{i:x}\nbig AAAA 2001:db8::{i:x}\n" for i in range(2400))
    messages = received(server(version(text, "test.")), "test.")
    assert all(len(message) <= 65535 for message in messages)
    assert read(messages, "test.") == dns.zone.from_text(text, origin="test.", relativize=False)


def test_a_record_that_no_message_holds() -> None:
    text = BIG + f"big TYPE65280 \\# 65535 {'00' * 65535}\n"
    with pytest.raises(LimitExceeded, match="does not fit"):
        received(server(version(text, "test.")), "test.")


def test_opt_in_the_first_message() -> None:
    """RFC 5936 §2.2.5."""
    text = BIG + "".join(f"host{i} TXT {'x' * 90}\n" for i in range(2000))
    messages = received(server(version(text, "test.")), "test.", edns=True)
    assert [dns.message.from_wire(data, xfr=True).edns for data in messages] == [0] + [-1] * (len(messages) - 1)
    assert all(len(message) <= 65535 for message in messages)


def test_who_may() -> None:
    acl = Acl.parse(["192.0.2.0/24", "2001:db8::/32"])
    options = Options(transfers=TransferOptions(lambda _, client, key: acl.allows(client, key), runs))
    some = Server(version(ORG, "example.org."), options=options)
    allowed = (bytes((192, 0, 2, 7)), bytes(10) + b"\xff\xff" + bytes((192, 0, 2, 7)),
               bytes.fromhex("20010db8") + bytes(12))  # fmt: skip
    for client in allowed:
        assert dns.message.from_wire(received(some, "example.org.", client)[0]).rcode() == 0
    for client in (CLIENT, bytes((192, 0, 3, 7)), bytes(15) + b"\1"):
        (refusal,) = received(some, "example.org.", client)
        assert dns.message.from_wire(refusal).rcode() == dns.rcode.REFUSED
    assert some.stats[stats.TRANSFERS_OK] == 3
    assert some.stats[stats.TRANSFERS_REFUSED] == 3


@pytest.mark.parametrize("name", ["web.example.org.", "org.", "elsewhere."])
def test_only_whole_zones_that_are_held(name: str) -> None:
    (answer,) = received(server(version(ORG, "example.org.")), name)
    assert dns.message.from_wire(answer).rcode() == dns.rcode.NOTAUTH


def test_what_is_no_transfer() -> None:
    some = server(version(ORG, "example.org."))
    for rtype, rdclass in (("SOA", "IN"), ("AXFR", "CH")):
        query = dns.message.make_query("example.org.", rtype, rdclass)
        assert some.responder.transfer(query.to_wire(), Requestor(CLIENT, Transport.TCP)) is None
    assert some.responder.transfer(b"short", Requestor(CLIENT, Transport.TCP)) is None


def test_not_over_udp() -> None:
    """RFC 5936 §4.2."""
    some = server(version(ORG, "example.org."))
    data = some.raw(make_query("example.org.").to_wire())
    assert data is not None
    assert dns.message.from_wire(data).rcode() == dns.rcode.FORMERR


def test_without_runs_it_is_refused() -> None:
    (answer,) = received(Server(version(ORG, "example.org.")), "example.org.")
    assert dns.message.from_wire(answer).rcode() == dns.rcode.REFUSED


def test_a_broken_store_ends_it() -> None:
    def broken(of: ZoneVersion) -> Iterable[tuple[int, bytes]]:
        yield from list(runs(of))[:2]
        raise CorruptStore("a flipped bit")

    some = Server(version(ORG, "example.org."), options=Options(transfers=TransferOptions(runs=broken)))
    with pytest.raises(CorruptStore):
        received(some, "example.org.")
    assert some.stats[stats.TRANSFERS_FAILED] == 1
    assert some.stats[stats.TRANSFERS_OK] == 0


def test_the_version_stays_while_zones_move() -> None:
    text = BIG + "".join(f"host{i} TXT {'x' * 90}\n" for i in range(2000))
    some = server(version(text, "test."))
    messages = some.responder.transfer(make_query("test.").to_wire(), Requestor(CLIENT, Transport.TCP))
    assert messages is not None
    got = [next(messages)]
    some.serve(version(BIG.replace(" 12 ", " 13 "), "test."))
    got += messages
    assert read(got, "test.") == dns.zone.from_text(text, origin="test.", relativize=False)


def test_canary_clients_get_the_canary() -> None:
    main, other = version(BIG, "test."), version(BIG.replace(" 12 ", " 13 "), "test.")
    some = server()
    some.responder.replace_zones({main.apex: ServedZone(main, Canary(other, 100))})
    assert read(received(some, "test."), "test.").get_rdataset("@", "SOA")[0].serial == 13
