"""Answers to AXFR and IXFR queries, as servers send them: what the reader makes of them."""

import pytest

from primarykit import APEX, Ask, Version, a, differences, in_messages, message, ns, read_query, rr, soa, whole
from zonegit.dns.incoming.query import transfer_query
from zonegit.dns.incoming.reader import TransferReader
from zonegit.errors import DifferenceUnfit, TransferError
from zonegit.model.names import from_text
from zonegit.model.rrset import SOA_KEY, RRset
from zonegit.repo.incoming.values import Differences, Transferred, UpToDate, WholeZone

FIRST = Version.of(7, [ns(), a("ns", 1), a("www", 1), a("www", 2)])
SECOND = Version.of(8, [ns(), a("ns", 1), a("www", 2), a("www", 3)])
THIRD = Version.of(9, [ns(), a("ns", 1)], minimum=5)


def asking(known: int | None = None) -> tuple[TransferReader, Ask]:
    query = transfer_query(APEX, known, b"id", None, 0)
    return TransferReader(query), read_query(query.message)


def read(known: int | None, messages: list[bytes]) -> Transferred:
    reader, _ = asking(known)
    *before, last = messages
    for each in before:
        assert reader.feed(each, 0) is None
    done = reader.feed(last, 0)
    assert done is not None
    return done


def texts(done: Transferred) -> list[tuple[str, int, int, int]]:
    """Owner, type, TTL and number of records of each RRset."""
    assert isinstance(done, WholeZone)
    rrsets = [RRset.decode(payload) for _, payload in done.entries]
    return [(str(each.owner), each.rtype, each.ttl, len(each.rdatas)) for each in rrsets]


@pytest.mark.parametrize("each", [1, 2, 100])
@pytest.mark.parametrize("known", [None, 3])
def test_a_whole_zone(each: int, known: int | None) -> None:
    """Also in answer to IXFR (RFC 1995 §4), and from servers whose first message has the SOA alone."""
    done = read(known, in_messages(asking(known)[1], FIRST.all, each))
    assert isinstance(done, WholeZone)
    assert done.serial == 7
    assert done.records == 5
    assert not done.findings
    assert dict(done.entries)[SOA_KEY][-20:-16] == bytes(4)
    assert [key for key, _ in done.entries] == sorted(key for key, _ in done.entries)


def test_a_message_without_a_question_may_follow() -> None:
    _, ask = asking()
    messages = [message(ask, [FIRST.soa]), message(ask, [*FIRST.records, FIRST.soa], question=b"")]
    assert texts(read(None, messages)) == texts(read(None, whole(ask, FIRST)))


def test_differences() -> None:
    done = read(7, differences(asking(7)[1], [FIRST, SECOND, THIRD]))
    assert isinstance(done, Differences)
    assert done.serial == 9
    assert [(each.old, each.new, len(each.removed), len(each.added)) for each in done.steps] == [
        (7, 8, 1, 1),
        (8, 9, 2, 1),  # the SOA is among both, since more than its serial differs
    ]


def test_nothing_newer() -> None:
    for serial in (7, 6):
        done = read(7, [message(asking(7)[1], [soa(serial)])])
        assert done == UpToDate(APEX, serial)


def test_the_highest_serial_comes_before_the_lowest() -> None:
    high = Version.of((1 << 32) - 1, FIRST.records)
    low = Version.of(2, SECOND.records)
    done = read(high.serial, differences(asking(high.serial)[1], [high, low]))
    assert done.serial == 2


def test_records_are_gathered_into_canonical_rrsets() -> None:
    """Mixed case, an RRset apart, a record twice, two TTLs, and one above the highest (RFC 2181 §5.2, §8)."""
    _, ask = asking()
    records = [
        ns(),
        rr("WWW", 1, bytes((192, 0, 2, 9)), 600),
        rr("@", 15, b"\0\1" + from_text("MAIL.Example.ORG.")),
        a("www", 1),
        a("www", 1),
        rr("far", 1, bytes(4), 0x80000001),
    ]
    done = read(None, in_messages(ask, [FIRST.soa, *records, FIRST.soa]))
    assert isinstance(done, WholeZone)
    rrsets = {(each.owner, each.rtype): each for _, payload in done.entries for each in [RRset.decode(payload)]}
    assert rrsets[b"\3www", 1].ttl == 300
    assert rrsets[b"\3www", 1].rdatas == (bytes((192, 0, 2, 1)), bytes((192, 0, 2, 9)))
    assert rrsets[b"", 15].rdatas == (b"\0\1" + from_text("mail.example.org."),)
    assert rrsets[b"\3far", 1].ttl == 0
    assert sorted(each.check for each in done.findings) == ["duplicate-record", "mixed-ttl", "ttl-range"]


def test_cname_beside_data_is_kept() -> None:
    """Some servers serve it; whether it is accepted is decided where a commit is made of it."""
    done = read(None, in_messages(asking()[1], [FIRST.soa, ns(), a("x", 1), rr("x", 5, APEX), FIRST.soa]))
    assert [rtype for owner, rtype, *_ in texts(done) if owner == str(b"\1x")] == [1, 5]


@pytest.mark.parametrize(
    ("rtype", "before", "after"),
    [
        (17, b"", APEX),
        (18, b"\0\1", b""),
        (26, b"\0\1", APEX),
        (33, bytes(6), b""),
        (35, bytes(4) + b"\0\0\0", b""),
    ],
)
def test_names_compressed_where_they_should_not_be(rtype: int, before: bytes, after: bytes) -> None:
    """RFC 3597 §4: a receiver should decompress them in RP, AFSDB, PX, SRV and NAPTR."""
    done = read(
        None, in_messages(asking()[1], [FIRST.soa, ns(), rr("x", rtype, before + b"\xc0\x0c" + after), FIRST.soa])
    )
    plain = read(
        None, in_messages(asking()[1], [FIRST.soa, ns(), rr("x", rtype, before + APEX + after), FIRST.soa])
    )
    assert done == plain


def test_a_signature_has_the_ttl_that_was_signed() -> None:
    rdata = b"\0\1\x0d\2" + (900).to_bytes(4, "big") + bytes(10) + APEX + b"signature"
    done = read(None, in_messages(asking()[1], [FIRST.soa, ns(), rr("x", 46, rdata, 5), FIRST.soa]))
    assert isinstance(done, WholeZone)
    (payload,) = [payload for key, payload in done.entries if key.endswith(b"\0\x2e")]
    assert payload[8:12] == (900).to_bytes(4, "big")


def test_the_root_zone_has_a_name_of_one_byte() -> None:
    root = from_text(".")
    query = transfer_query(root, None, b"id", None, 0)
    ask = read_query(query.message)
    first = b"\0" + soa(7)[len(APEX) :]
    done = TransferReader(query).feed(message(ask, [first, b"\3org\0" + ns()[len(APEX) :], first]), 0)
    assert isinstance(done, WholeZone)
    assert [key for key, _ in done.entries] == [SOA_KEY, b"org\0\0\0\2"]


def test_what_is_asked_incrementally_must_be_newer() -> None:
    with pytest.raises(TransferError, match="serial 7 isn't ahead of 8"):
        read(8, whole(asking(8)[1], FIRST))


def test_a_primary_that_knows_no_ixfr_is_asked_for_the_whole_zone() -> None:
    with pytest.raises(DifferenceUnfit, match="the whole zone is needed"):
        read(7, [message(asking(7)[1], [], rcode=4)])
