"""Laws of NSEC and NSEC3 chains: mending is the same as making anew, and the verifier finds nothing wrong."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainkit import changed, entries_in, faults, signed_tree, touched, tree_of
from checkkit import APEX
from zonegit.dnssec.signing.chain import Chain
from zonegit.dnssec.signing.nsec import NsecChain
from zonegit.dnssec.signing.nsec3 import Nsec3Chain
from zonegit.model.names import APEX as AT_APEX
from zonegit.model.names import Owner, join, key_owner
from zonegit.model.rdata import DNAME, DS, NS, SOA, TXT, A
from zonegit.model.rrset import RRset
from zonegit.tree.zone_tree import Tree

Zone = Mapping[tuple[Owner, int], RRset]

CHAINS: dict[str, Chain] = {
    "nsec": NsecChain(APEX),
    "nsec3": Nsec3Chain(APEX, False),
    "nsec3-opt-out": Nsec3Chain(APEX, True),
}
RDATA = {
    A: [bytes((192, 0, 2, 1))],
    NS: [b"\2ns\7example\0"],
    DS: [b"\0\1\15\2" + bytes(32)],
    DNAME: [b"\3out\0"],
    TXT: [
        b"\xff" + b"t" * 255,
        b"\xfe" + b"u" * 254,
        b"\xff" + b"v" * 255,
        b"\xff" + b"w" * 255,
        b"\xfd" + b"x" * 253,
    ],
    65280: [b"private"],
}
labels = st.sampled_from([b"a", b"a", b"b", b"b", b"*", b"\0", b"b\1", b"0p9mhaveqvm6t7vbl5lop2u3t2rp3tom"])
owners = st.lists(labels, max_size=4).map(join)
types = st.sampled_from([A, A, NS, NS, DS, DNAME, TXT, 65280])
rrsets = st.builds(lambda owner, rtype: RRset.of(owner, rtype, 300, RDATA[rtype]), owners, types)
ttls = st.sampled_from([60, 60, 60, 300])
soas = st.builds(
    lambda ttl, minimum: RRset.of(AT_APEX, SOA, ttl, [APEX + APEX + bytes(16) + minimum.to_bytes(4, "big")]),
    *(ttls, ttls),
)
zones = st.builds(
    lambda soa, found: {(each.owner, each.rtype): each for each in [soa, *found]},
    soas,
    st.lists(rrsets, max_size=14),
)


@st.composite
def edits(draw: st.DrawFn, zone: Zone) -> Zone:
    """The zone without some of its RRsets and with others."""
    kept = {each.key: each for each in zone.values()}
    gone = draw(st.sets(st.sampled_from(sorted(kept)), max_size=4))
    after = {place: each for place, each in zone.items() if each.key not in gone or each.rtype == SOA}
    after |= {(each.owner, each.rtype): each for each in draw(st.lists(rrsets, max_size=4))}
    if draw(st.integers(0, 9)) == 0:
        after[AT_APEX, SOA] = draw(soas)
    return after


@st.composite
def histories(draw: st.DrawFn) -> list[Zone]:
    found = [draw(zones)]
    for _ in range(draw(st.integers(1, 4))):
        found.append(draw(edits(found[-1])))
    return found


def _tree(zone: Zone) -> Tree:
    return tree_of(sorted((each.key, each.encode()) for each in zone.values()))


@pytest.mark.parametrize("mode", CHAINS)
@given(histories())
def test_mending_is_making_anew(mode: str, history: list[Zone]) -> None:
    chain = CHAINS[mode]
    zone = _tree(history[0])
    signed = signed_tree(zone, chain.whole(zone))
    assert faults(signed) == []
    for version in history[1:]:
        before, zone = zone, _tree(version)
        mended = chain.mend(signed, zone, touched(before, zone))
        expected = signed_tree(zone, chain.whole(zone))
        assert faults(expected) == []
        assert _chain_of(changed(signed, mended)) == _chain_of(expected)
        assert all(signed.payload(key) != payload for key, payload in mended.items())
        signed = expected


def _chain_of(signed: Tree) -> dict[str, bytes]:
    return {
        f"{key_owner(key[:-3])!r} {int.from_bytes(key[-2:], 'big')}": payload
        for key, payload in entries_in(signed)
        if key[-2:] in (b"\0\x2f", b"\0\x32", b"\0\x33")
    }
