"""Laws of zone files: the short way reads what dnspython reads, and what is written reads back."""

import io
from base64 import b64encode
from collections.abc import Mapping
from contextlib import suppress

import dns.name
import dns.rdataclass
import dns.rdatatype
import dns.zone
from hypothesis import given
from hypothesis import strategies as st

from zonegit.errors import ZoneFileError
from zonegit.model.names import ROOT, Owner, WireName, absolute, join, parse_apex
from zonegit.model.rdata import TXT
from zonegit.model.rrset import RRset
from zonegit.zonefile.rdata_reading import COMMON, RdataParser
from zonegit.zonefile.reader import ParsedZone, read_zone
from zonegit.zonefile.text import parse_rdata, rdata_text
from zonegit.zonefile.writer import write_zone

APEX = parse_apex("example.com.")
HEADER = "$TTL 3600\n@ IN SOA ns1 hostmaster 1 7200 900 1209600 300\n@ IN NS ns1.example.net.\n"

label_texts = st.one_of(
    st.text("abcXYZ019-_*/", min_size=1, max_size=8),
    st.sampled_from(
        ["x" * 63, "x" * 64, "\\.", "a\\;b", "\\065", "\\000", "\\255", "\\300", "a\\ b", "\\@", "", "é"]
    ),
)
names = st.one_of(
    st.lists(label_texts, min_size=1, max_size=3).map(".".join),
    st.lists(label_texts, min_size=1, max_size=3).map(lambda parts: ".".join(parts) + ".example.com."),
    st.lists(label_texts, min_size=1, max_size=3).map(lambda parts: ".".join(parts) + "."),
    st.sampled_from(["@", ".", "evilexample.com.", "EXAMPLE.com.", ".".join(["x" * 60] * 4)]),
)
blanks = st.sampled_from([" ", "\t", "  ", " \t "])
numbers = st.one_of(
    st.integers(0, 70000).map(str), st.sampled_from(["007", "+1", "1_0", "-1", "65535", "4294967295", "1h", "x"])
)
ttls = st.one_of(
    st.integers(0, 100000).map(str),
    st.sampled_from(["1h30m", "1W", "2d3H", "2147483647", "2147483648", "5x", "1h5"]),
)
octets = st.one_of(st.integers(0, 255).map(str), st.sampled_from(["256", "01", "", "1e1"]))
ipv4 = st.one_of(st.ip_addresses(v=4).map(str), st.lists(octets, min_size=3, max_size=5).map(".".join))
groups = st.one_of(st.integers(0, 65535).map("{:x}".format), st.sampled_from(["", "0000", "FFFF", "10000", "g"]))
ipv6 = st.one_of(
    st.ip_addresses(v=6).map(str),
    st.ip_addresses(v=6).map(lambda address: address.exploded),
    st.lists(groups, min_size=2, max_size=9).map(":".join),
    st.sampled_from(
        ["::", "::1", "1::", "::ffff:192.0.2.1", "::192.0.2.1", "1::2::3", "fe80::1%eth0", ":1::", ":::"]
    ),
)
strings = st.one_of(
    st.text("abc 019;()=", max_size=20).map('"{}"'.format),
    st.text("abc019=-", min_size=1, max_size=20),
    st.sampled_from(['""', '"' + "y" * 255 + '"', "y" * 256, '"\\""', "a\\b", '"é"', "é", '"', '"a""b"']),
)
base64s = st.one_of(
    st.binary(min_size=0, max_size=40).map(lambda data: b64encode(data).decode()),
    st.sampled_from(["AAAA BBBB", "AAA", "AA==AA==", "A*AA", "====", "AAA=", "AB C="]),
)
hexes = st.one_of(
    st.sampled_from([20, 32, 48]).flatmap(lambda size: st.binary(min_size=size, max_size=size)).map(bytes.hex),
    st.sampled_from(["ABCD", "ab cd", "abc", "xy", ""]),
)
types = st.one_of(
    st.sampled_from(
        ["A", "NS", "SOA", "mx", "TXT", "AAAA", "RRSIG", "NSEC", "DNSKEY", "CAA", "TYPE65280", "TYPE1"]
    ),
    st.sampled_from(["TYPE0", "NOSUCH", "TYPE70000", "ANY", "NSAP-PTR"]),
)
times = st.sampled_from(
    ["20260904170000", "20260230000000", "1788541200", "21060207062816", "0", "19700101000000", "x"]
)


def joined(*parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """These fields with blanks of any kind between them."""
    return st.tuples(blanks, st.tuples(*parts)).map(lambda found: found[0].join(found[1]))


RDATA: Mapping[str, st.SearchStrategy[str]] = {
    "A": ipv4,
    "AAAA": ipv6,
    "NS": names,
    "CNAME": names,
    "PTR": names,
    "DNAME": names,
    "MX": joined(numbers, names),
    "TXT": st.lists(strings, max_size=3).map(" ".join),
    "SRV": joined(numbers, numbers, numbers, names),
    "DS": joined(numbers, numbers, st.sampled_from(["0", "1", "2", "3", "4", "9"]), hexes),
    "DNSKEY": joined(numbers, numbers, numbers, base64s),
    "RRSIG": joined(types, numbers, numbers, numbers, times, times, numbers, names, base64s),
    "NSEC": joined(names, st.lists(types, max_size=4).map(" ".join)),
    "NSEC3": joined(
        numbers,
        numbers,
        numbers,
        st.sampled_from(["-", "aabb", "AABBC", "_a", "ab" * 256]),
        st.sampled_from(
            ["0123456789abcdefghijklmnopqrstuv", "V" * 32, "w" * 32, "0" * 31, "+" + "0" * 31, "00=", "00"]
        ),
        st.lists(types, max_size=4).map(" ".join),
    ),
    "TYPE65280": st.sampled_from(["\\# 2 ABCD", "\\# 3 ABCD", "\\# 0", "ABCD"]),
    "CAA": st.sampled_from(['0 issue "ca.example.net"', "0 issue ;", "256 issue x"]),
}


@st.composite
def lines(draw: st.DrawFn) -> str:
    """A record, mostly a good one, in one of the ways that a line may be written."""
    rtype = draw(st.sampled_from(sorted(RDATA)))
    rdata = draw(RDATA[rtype])
    head = draw(
        st.permutations([draw(st.one_of(st.just(""), ttls)), draw(st.sampled_from(["", "IN", "in", "CH"]))])
    )
    mnemonic = draw(st.sampled_from([rtype, rtype.lower()]))
    fields = [draw(st.one_of(names, st.just(""))), *filter(None, head), mnemonic]
    text = draw(blanks).join(fields) + draw(blanks)
    ending = draw(st.sampled_from(["", " ", "\t; note (", ";note", " ; ü"]))
    return text + (f"( {rdata}\n )" if draw(st.booleans()) else rdata) + ending


def read(text: str, common: Mapping[int, RdataParser]) -> ParsedZone | None:
    try:
        return read_zone(io.BytesIO(text.encode()), name="zone", origin=APEX, common=common)
    except ZoneFileError:
        return None


@given(st.one_of(lines().map(lambda line: [line]), st.lists(lines(), min_size=2, max_size=3)))
def test_the_short_way_reads_what_dnspython_reads(body: list[str]) -> None:
    text = HEADER + "\n".join(body) + "\n"
    assert read(text, COMMON) == read(text, {})


@st.composite
def alike(draw: st.DrawFn) -> str:
    """Lines with equally many fields, as most zones have them, and some that only look like these."""
    heads = [("60",), ("IN",), ("60", "IN"), ("IN", "60")]
    head = draw(st.sampled_from(heads))
    found = []
    for _ in range(draw(st.integers(2, 5))):
        rtype = draw(st.sampled_from(sorted(RDATA)))
        owner = draw(st.one_of(st.sampled_from(["", "w", "w.w", "W.example.com."]), names))
        odd = draw(st.one_of(st.just(head), st.sampled_from([*heads, ("60", "IN", "IN"), ("2h",), ("A",)])))
        fields = [owner, *odd, rtype, draw(RDATA[rtype])]
        ending = draw(st.sampled_from(["", "", "", " ", " ;note", "\x0b", "\x1c", "\r", " ("]))
        found.append(draw(st.sampled_from([" ", "\t", "  ", "\x0b"])).join(fields) + ending)
    return draw(st.sampled_from(["\n", "\r\n"])).join(found)


def outcome(text: str, common: Mapping[int, RdataParser]) -> ParsedZone | str:
    """The zone, or the error, which names the line."""
    try:
        return read_zone(io.BytesIO(text.encode()), name="zone", origin=APEX, common=common)
    except ZoneFileError as error:
        return str(error)


@given(alike(), st.sampled_from(["", "\n", "\n)\n", "\n\u00e9 A 192.0.2.1\n"]))
def test_lines_alike_are_read_as_if_each_stood_alone(body: str, more: str) -> None:
    text = HEADER + body + more
    assert outcome(text, COMMON) == outcome(text, {})


scraps = st.one_of(
    st.sampled_from(
        ["A", "TXT", "MX", "NAPTR", "300", "IN", "$ORIGIN", "$TTL", "$INCLUDE", "$GENERATE", "1-3", "@", "\\#"]
    ),
    st.text(' \t\n\r;()"\\$@.{},0123456789aZ*\u00e9\x00\u2028', max_size=6),
)


@given(st.lists(scraps, max_size=12))
def test_any_text_is_read_or_refused(found: list[str]) -> None:
    text = HEADER + " ".join(found)
    assert read(text, COMMON) == read(text, {})


@given(st.binary(max_size=60), st.booleans())
def test_any_bytes_are_read_or_refused(data: bytes, packed: bool) -> None:
    with suppress(ZoneFileError):
        read_zone(io.BytesIO(b"\x1f\x8b" * packed + data), name="zone", origin=APEX)


labels = st.binary(min_size=1, max_size=8).map(bytes.lower)
owners = st.lists(labels, max_size=3).map(join)
wire_names = st.one_of(owners.map(lambda owner: absolute(owner, APEX)), owners.map(lambda owner: owner + b"\0"))
byte_strings = st.one_of(st.binary(max_size=40), st.just(b"z" * 255)).map(lambda data: bytes((len(data),)) + data)
RDATAS: Mapping[int, st.SearchStrategy[bytes]] = {
    1: st.binary(min_size=4, max_size=4),
    2: wire_names,
    5: wire_names,
    12: wire_names,
    13: st.tuples(byte_strings, byte_strings).map(b"".join),
    15: st.tuples(st.binary(min_size=2, max_size=2), wire_names).map(b"".join),
    16: st.lists(byte_strings, min_size=1, max_size=3).map(b"".join),
    28: st.binary(min_size=16, max_size=16),
    33: st.tuples(st.binary(min_size=6, max_size=6), wire_names).map(b"".join),
    35: st.tuples(
        st.binary(min_size=4, max_size=4),
        byte_strings,
        byte_strings,
        st.sampled_from([b"\0", b"\x0c!^(.*)$!\\1!i"]),
        wire_names,
    ).map(b"".join),
    43: st.binary(min_size=32, max_size=32).map(lambda digest: b"\1\2\x08\2" + digest),
    46: st.tuples(
        st.binary(min_size=2, max_size=2).map(lambda covered: covered + b"\x08\x7f"),
        st.integers(0, (1 << 31) - 1).map(lambda ttl: ttl.to_bytes(4, "big")),
        st.binary(min_size=10, max_size=10),
        wire_names,
        st.binary(min_size=1, max_size=40),
    ).map(b"".join),
    47: wire_names.map(lambda name: name + bytes.fromhex("000762018008000380")),
    48: st.tuples(st.binary(min_size=3, max_size=3), st.just(b"\x08"), st.binary(min_size=1, max_size=40)).map(
        b"".join
    ),
    50: st.binary(min_size=29, max_size=29).map(
        lambda data: data[:4] + b"\4" + data[4:8] + b"\x14" + data[8:28] + b"\0\1\x40"
    ),
    51: st.binary(min_size=4, max_size=4).map(lambda data: data + b"\0"),
    52: st.binary(min_size=32, max_size=32).map(lambda digest: b"\3\1\1" + digest),
    257: st.tuples(st.just(b"\0\5issue"), st.binary(max_size=40)).map(b"".join),
    65280: st.binary(max_size=40),
    65281: st.binary(max_size=300),
}


@st.composite
def rrsets(draw: st.DrawFn) -> RRset:
    rtype = draw(st.sampled_from(sorted(RDATAS)))
    rdatas = draw(st.lists(RDATAS[rtype], min_size=1, max_size=3))
    return RRset.of(draw(owners), rtype, draw(st.integers(0, (1 << 31) - 1)), rdatas)


SOA = RRset.of(Owner(b""), 6, 3600, [APEX + b"\4Host" + APEX + bytes(20)])


@given(st.lists(rrsets(), max_size=6))
def test_what_is_written_reads_back(found: list[RRset]) -> None:
    zone = {rrset.key: rrset.encode() for rrset in [*found, SOA]}
    written = write_zone(APEX, [RRset.decode(zone[key]) for key in sorted(zone)])
    text = "\n".join(written)
    parsed = read_zone(io.BytesIO(text.encode("ascii")), name="zone", origin=None)
    assert parsed.entries == tuple(sorted(zone.items()))
    assert (parsed.apex, parsed.warnings) == (APEX, [])


@given(rrsets(), st.sampled_from([None, APEX, ROOT]))
def test_text_of_rdata_reads_back(rrset: RRset, origin: WireName | None) -> None:
    for rdata in rrset.rdatas:
        text = rdata_text(rrset.rtype, rdata, origin)
        if rrset.rtype != TXT:  # whose words are strings, not zone file text
            assert parse_rdata(rrset.rtype, [text], origin or ROOT) == rdata


plain_labels = st.text("abcdefXYZ0123456789-_", min_size=1, max_size=6)
plain_names = st.one_of(
    plain_labels, plain_labels.map("{}.example.com.".format), plain_labels.map("{}.net.".format)
)
plain_strings = st.text("abc ;()=", max_size=12).map('"{}"'.format)
PLAIN: Mapping[str, st.SearchStrategy[str]] = {
    "A": st.ip_addresses(v=4).map(str),
    "AAAA": st.ip_addresses(v=6).map(str),
    "NS": plain_names,
    "PTR": plain_names,
    "MX": joined(st.integers(0, 65535).map(str), plain_names),
    "TXT": st.lists(plain_strings, min_size=1, max_size=3).map(" ".join),
    "SRV": joined(*[st.integers(0, 65535).map(str)] * 3, plain_names),
    "CAA": st.sampled_from(['0 issue "ca.example.net"', '128 iodef "mailto:a@example.net"']),
    "SSHFP": st.just("4 2 " + "ab" * 32),
    "HTTPS": st.sampled_from(['1 . alpn="h2,h3" ipv4hint=192.0.2.1', "0 svc.example.net."]),
}


@st.composite
def plain_lines(draw: st.DrawFn) -> str:
    rtype = draw(st.sampled_from(sorted(PLAIN)))
    owner = draw(st.one_of(plain_labels, st.just("@"), plain_labels.map("{}.example.com.".format)))
    head = draw(
        st.permutations([draw(st.sampled_from(["", "60", "1h", "300"])), draw(st.sampled_from(["", "IN"]))])
    )
    return draw(blanks).join([owner, *filter(None, head), rtype, draw(PLAIN[rtype])])


@given(st.lists(plain_lines(), max_size=8))
def test_whole_zones_read_as_dnspython_reads_them(body: list[str]) -> None:
    text = HEADER + "\n".join(body) + "\n"
    parsed = read(text, COMMON)
    assert parsed is not None
    zone = dns.zone.from_text(text, origin="example.com.", relativize=False)
    expected = set()
    for name, ttl, rdata in zone.iterate_rdatas():
        wire = rdata.to_wire(origin=dns.name.from_text("example.com."))
        rrset = RRset.of(Owner(name.to_wire().lower()[: -len(APEX)]), int(rdata.rdtype), ttl, [wire or b""])
        expected.add((rrset.key, rrset.ttl, rrset.rdatas[0]))
    found = set()
    for key, payload in parsed.entries:
        rrset = RRset.decode(payload)
        found |= {(key, rrset.ttl, rdata) for rdata in rrset.rdatas}
    assert found == expected
    assert parsed.records == len(found)
