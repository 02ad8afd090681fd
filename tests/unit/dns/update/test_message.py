"""UPDATE messages as bytes: what is read of them, what is refused, and the response."""

from struct import pack

import dns.message
import dns.opcode
import dns.rcode
import pytest

from updatekit import message
from zonegit.dns.update.message import Unreadable, read_update, response
from zonegit.dns.wire.message import Rcode
from zonegit.model.names import Owner
from zonegit.model.rdata import ANY, CNAME, MX, NS, SRV, A
from zonegit.repo.updating.values import Fault, Form, Operation, Prerequisite, UpdateRcode

ZONE = b"\7example\3org\0\0\6\0\1"
WWW = Owner(b"\3www")
A1, A2 = b"\xc0\0\2\1", b"\xc0\0\2\2"


def record(
    owner: bytes = b"\3www\xc0\x0c", rtype: int = A, rclass: int = 1, ttl: int = 0, rdata: bytes = b""
) -> bytes:
    return owner + pack(">HHIH", rtype, rclass, ttl, len(rdata)) + rdata


def packet(prerequisites: list[bytes], operations: list[bytes], zone: bytes = ZONE, zones: int = 1) -> bytes:
    head = pack(">HHHHHH", 7, 5 << 11, zones, len(prerequisites), len(operations), 0)
    return head + zone + b"".join(prerequisites + operations)


def refusal(data: bytes) -> tuple[Rcode, str]:
    with pytest.raises(Unreadable) as caught:
        read_update(data)
    return caught.value.rcode, str(caught.value)


def test_every_form() -> None:
    update = message()
    update.present("www")
    update.present("WWW", "A")
    update.present("www", "A", "192.0.2.1")
    update.absent("www")
    update.absent("www", "A")
    update.add("www", 300, "A", "192.0.2.1")
    update.delete("www")
    update.delete("www", "A")
    update.delete("www", "A", "192.0.2.2")
    read = read_update(update.to_wire())
    assert read.prerequisites == (
        Prerequisite(Form.NAME_IS_IN_USE, WWW, ANY),
        Prerequisite(Form.RRSET_EXISTS, WWW, A),
        Prerequisite(Form.RRSET_EXISTS_WITH_VALUE, WWW, A, A1),
        Prerequisite(Form.NAME_IS_NOT_IN_USE, WWW, ANY),
        Prerequisite(Form.RRSET_DOES_NOT_EXIST, WWW, A),
    )
    assert read.operations == (
        Operation(Form.ADD_TO_RRSET, WWW, A, 300, A1),
        Operation(Form.DELETE_ALL_RRSETS, WWW, ANY),
        Operation(Form.DELETE_RRSET, WWW, A),
        Operation(Form.DELETE_RR, WWW, A, 0, A2),
    )


def test_names_in_rdata_are_expanded_and_lowercase() -> None:
    host = b"\2Ns\xc0\x0c"
    read = read_update(
        packet(
            [],
            [
                record(rtype=NS, rdata=host),
                record(rtype=MX, rdata=b"\0\5" + host),
                record(rtype=SRV, rdata=bytes(6) + host),
                record(rtype=CNAME, rdata=b"\xc0\x0c"),
            ],
        )
    )
    name = b"\2ns\7example\3org\0"
    rdatas = [each.rdata for each in read.operations if isinstance(each, Operation)]
    assert rdatas == [name, b"\0\5" + name, bytes(6) + name, name[3:]]


@pytest.mark.parametrize(
    ("bad", "rcode"),
    [
        (record(rclass=255, ttl=1), UpdateRcode.FORMERR),
        (record(rclass=254, ttl=1), UpdateRcode.FORMERR),
        (record(rdata=A1, ttl=1), UpdateRcode.FORMERR),
        (record(rclass=255, rdata=A1), UpdateRcode.FORMERR),
        (record(rclass=254, rdata=A1), UpdateRcode.FORMERR),
        (record(rclass=3, rdata=A1), UpdateRcode.FORMERR),
        (record(b"\3www\3org\0", rdata=A1), UpdateRcode.NOTZONE),
        (record(b"\4xorg\0", rclass=255), UpdateRcode.NOTZONE),
    ],
)
def test_a_prerequisite_of_no_use(bad: bytes, rcode: UpdateRcode) -> None:
    read = read_update(packet([record(rclass=255), bad, record(rclass=255)], [record(rclass=255)]))
    first, fault = read.prerequisites
    assert isinstance(first, Prerequisite)
    assert isinstance(fault, Fault)
    assert fault.rcode is rcode
    assert len(read.operations) == 1


@pytest.mark.parametrize(
    ("bad", "rcode"),
    [
        (record(rclass=255, ttl=1), UpdateRcode.FORMERR),
        (record(rclass=254, ttl=1, rdata=A1), UpdateRcode.FORMERR),
        (record(rclass=255, rdata=A1), UpdateRcode.FORMERR),
        (record(rclass=255, rtype=252), UpdateRcode.FORMERR),
        (record(rclass=254, rtype=255), UpdateRcode.FORMERR),
        (record(rclass=3, rdata=A1), UpdateRcode.FORMERR),
        (record(rtype=ANY, rdata=A1), UpdateRcode.FORMERR),
        (record(rtype=251, rdata=A1), UpdateRcode.FORMERR),
        (record(b"\3www\3org\0", rdata=A1), UpdateRcode.NOTZONE),
        (record(b"\3www\0", rclass=255), UpdateRcode.NOTZONE),
    ],
)
def test_an_operation_of_no_use(bad: bytes, rcode: UpdateRcode) -> None:
    first, fault = read_update(packet([], [record(rdata=A1), bad, record(rdata=A2)])).operations
    assert isinstance(first, Operation)
    assert isinstance(fault, Fault)
    assert fault.rcode is rcode


def test_a_ttl_with_its_highest_bit_means_zero() -> None:
    (read,) = read_update(packet([], [record(ttl=1 << 31, rdata=A1)])).operations
    assert isinstance(read, Operation)
    assert read.ttl == 0


@pytest.mark.parametrize(
    "data",
    [
        packet([], [], zones=0),
        packet([], [], ZONE * 2, zones=2),
        packet([], [], b"\7example\3org\0\0\1\0\1"),
        packet([], []) + b"\0",
        packet([], [record(rdata=A1)])[:-1],
        packet([], [record(rdata=b"\1\2\3")]),
        packet([], [record(rtype=MX, rdata=b"\0\5\xc0\x0c\0")]),
        packet([], [record(rtype=NS, rdata=b"\xc0\xff")]),
        packet([], [record(b"\xc0\xff", rdata=A1)]),
        packet([], [record(b"\x80", rdata=A1)]),
        packet([], [record(rtype=16, rdata=b"\5abc")]),
        # a name that goes on in the next record's owner
        packet([], [record(rtype=NS, rdata=b"\1"), record(b"\2\0\0\xc0\x0c", rdata=A1)]),
        packet([], [record(rtype=24, rdata=bytes(18) + b"\1"), record(b"\2\0\0\xc0\x0c", rdata=A1)]),
        packet([record()], []),
        b"\0" * 5,
        b"\0" * 12,
    ],
)
def test_what_cannot_be_read(data: bytes) -> None:
    assert refusal(data)[0] is Rcode.FORMERR


def test_another_class_is_not_served_here() -> None:
    assert refusal(packet([], [], b"\7example\3org\0\0\6\0\3"))[0] is Rcode.NOTAUTH


def test_chains_of_pointers_take_no_time() -> None:
    """Each record's owner follows 8,000 pointers, unless what is known of them is kept."""
    first = 12 + len(ZONE) + len(record(rtype=65280))
    pointers = [12, *range(first, first + 15_998, 2)]
    hidden = record(rtype=65280, rdata=b"".join(pack(">H", 0xC000 | at) for at in pointers))
    last = pack(">H", 0xC000 | pointers[-1])
    wanted = [hidden, *[record(last, rdata=A1)] * 3000]
    read = read_update(packet([], wanted))
    assert read.operations[-1] == Operation(Form.ADD_TO_RRSET, Owner(b""), A, 0, A1)


def test_the_response() -> None:
    update = message()
    update.add("www", 300, "A", "192.0.2.1")
    update.use_edns(0, payload=4096)
    asked = update.to_wire()
    got = dns.message.from_wire(response(asked, Rcode.YXDOMAIN))
    assert (got.id, got.opcode(), got.rcode()) == (update.id, dns.opcode.UPDATE, dns.rcode.YXDOMAIN)
    assert got.section_count(0) == 1
    assert got.section_count(1) == got.section_count(2) == 0
    assert (got.edns, got.payload) == (0, 1232)


@pytest.mark.parametrize("size", [12, 13, 30])
def test_the_response_to_what_cannot_be_read(size: int) -> None:
    got = response(packet([], [record(rdata=A1)])[:size], Rcode.FORMERR)
    assert got[:4] == b"\0\7\xa8\1"
