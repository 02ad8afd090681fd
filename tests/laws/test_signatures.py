"""Laws of `check` on signed zones: whatever stands in DNSSEC records is judged, and breaks nothing."""

from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from zonegit.dnssec.bitmap import types_in
from zonegit.dnssec.check import check_signatures
from zonegit.errors import InvalidRecord
from zonegit.model.names import APEX, Owner, join, parse_apex
from zonegit.model.rdata import DNSKEY, DS, NS, NSEC, NSEC3, NSEC3PARAM, RRSIG, SOA, A
from zonegit.model.rrset import RRset

APEX_NAME = parse_apex("example.org.")
SOA_RDATA = APEX_NAME + APEX_NAME + bytes(20)
NOW = 1_790_000_000

labels = st.sampled_from([b"a", b"b", b"*", b"0p9mhaveqvm6t7vbl5lop2u3t2rp3tom"])
owners = st.lists(labels, max_size=3).map(join)
keys = st.builds(
    lambda flags, algorithm, key: flags.to_bytes(2, "big") + bytes((3, algorithm)) + key,
    st.sampled_from([256, 257, 385, 0]),
    st.integers(0, 20),
    st.sampled_from([b"", b"\0", b"\1\3", bytes(32), bytes(57), bytes(64), bytes(96), bytes(260)]),
)
rdatas = {
    A: st.binary(min_size=4, max_size=4),
    NS: st.just(APEX_NAME),
    DS: st.binary(min_size=4, max_size=40),
    DNSKEY: keys,
    NSEC: st.binary(max_size=12).map(lambda rest: APEX_NAME + rest),
    NSEC3: st.binary(max_size=40) | st.binary(max_size=9).map(lambda rest: b"\1\0\0\0\0\x14" + bytes(20) + rest),
    NSEC3PARAM: st.binary(max_size=8) | st.just(b"\1\0\0\0\0"),
    RRSIG: st.builds(
        lambda covered, algorithm, rest, signer, signature: (
            covered.to_bytes(2, "big") + bytes((algorithm,)) + rest + signer + signature
        ),
        st.sampled_from([A, SOA, DNSKEY, NSEC]),
        st.integers(0, 20),
        st.binary(min_size=15, max_size=15),
        st.sampled_from([APEX_NAME, b"\0"]),
        st.binary(max_size=80),
    ),
}
types = st.sampled_from(sorted(rdatas))
records = st.tuples(owners, types.flatmap(lambda rtype: st.tuples(st.just(rtype), rdatas[rtype])))


@given(st.lists(records, max_size=25))
def test_no_record_breaks_the_check(drawn: list[tuple[Owner, tuple[int, bytes]]]) -> None:
    found: dict[tuple[Owner, int], list[bytes]] = {(APEX, SOA): [SOA_RDATA]}
    for owner, (rtype, rdata) in drawn:
        found.setdefault((owner, rtype), []).append(rdata)
    entries = []
    for (owner, rtype), made in found.items():
        with suppress(InvalidRecord):
            rrset = RRset.of(owner, rtype, 0, made)
            entries.append((rrset.key, rrset.encode()))
    entries.sort()
    for finding in check_signatures(APEX_NAME, 1, entries, NOW):
        assert finding.message.isprintable()


@given(st.frozensets(st.integers(0, 65535), max_size=20))
def test_bitmaps_are_read_as_they_are_written(wanted: frozenset[int]) -> None:
    windows: dict[int, bytearray] = {}
    for rtype in wanted:
        window = windows.setdefault(rtype >> 8, bytearray(32))
        window[(rtype & 255) >> 3] |= 0x80 >> (rtype & 7)
    written = b""
    for number in sorted(windows):
        bits = bytes(windows[number]).rstrip(b"\0")
        written += bytes((number, len(bits))) + bits
    assert types_in(written) == wanted


@given(st.binary(max_size=80))
def test_a_bitmap_is_read_or_refused(bitmap: bytes) -> None:
    found = types_in(bitmap)
    assert found is None or all(0 <= rtype < 65536 for rtype in found)
