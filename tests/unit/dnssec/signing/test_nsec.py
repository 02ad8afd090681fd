"""NSEC chains as RFC 4034 §4, RFC 4035 §2.3 and RFC 9077 want them."""

import dns.rdata
import pytest

from chainkit import changed, entries_in, key_of, signed_tree, text_of, touched, zone_of
from checkkit import APEX, ZONE, entries_of
from treekit import Objects
from zonegit.dnssec.signing.chain import Chain
from zonegit.dnssec.signing.nsec import NsecChain
from zonegit.dnssec.signing.nsec3 import Nsec3Chain
from zonegit.errors import DnssecError
from zonegit.model.names import OwnerKey
from zonegit.model.rrset import RRset, rdatas, rr_key
from zonegit.tree.zone_tree import Tree

CHAIN = NsecChain(APEX)
SOA = "@ {} SOA ns.example.net. h 1 2 3 4 {}\n@ NS ns.example.net.\n"
DS = f"DS 1 13 2 {'00' * 32}"
Links = dict[str, str]


def links(zone: Tree) -> Links:
    """The NSEC records of a zone as text, without the name of the zone."""
    found = {}
    for key, payload in CHAIN.whole(zone):
        (rdata,) = rdatas(payload)
        text = str(dns.rdata.from_wire("IN", "NSEC", rdata, 0, len(rdata)))
        found[text_of(OwnerKey(key[:-3]))] = text.replace(".example.com.", "").replace("example.com.", "@")
    return found


def mended(old: str, new: str) -> list[str]:
    """The owners whose NSEC changes when a zone does. The result is held to a chain made anew."""
    before, after = zone_of(old), zone_of(new)
    signed = signed_tree(before, CHAIN.whole(before))
    changes = CHAIN.mend(signed, after, touched(before, after))
    left = {key: payload for key, payload in entries_in(changed(signed, changes)) if key[-2:] == b"\0\x2f"}
    assert left == dict(CHAIN.whole(after))
    return [text_of(OwnerKey(key[:-3])) for key in changes]


def test_rfc_4034_4_1_1_each_name_leads_to_the_next_and_the_last_to_the_apex() -> None:
    assert links(zone_of(ZONE + "b A 192.0.2.1\na TXT t\n*.a A 192.0.2.1\n")) == {
        "@": "a NS SOA RRSIG NSEC",
        "a": "*.a TXT RRSIG NSEC",
        "*.a": "b A RRSIG NSEC",
        "b": "@ A RRSIG NSEC",
    }


def test_rfc_4034_4_1_1_a_zone_of_one_name_leads_to_itself() -> None:
    assert links(zone_of(ZONE)) == {"@": "@ NS SOA RRSIG NSEC"}


def test_rfc_4035_2_3_delegations_have_ns_and_ds_and_glue_has_no_nsec() -> None:
    cut = "cut NS ns.cut\ncut A 192.0.2.1\nns.cut A 192.0.2.2\n"
    text = f"{cut}safe NS ns.cut\nsafe {DS}\nz.safe A 192.0.2.3\n"
    assert links(zone_of(ZONE + text)) == {
        "@": "cut NS SOA RRSIG NSEC",
        "cut": "safe NS RRSIG NSEC",
        "safe": "@ NS DS RRSIG NSEC",
    }


def test_rfc_4035_2_3_empty_non_terminals_have_no_nsec() -> None:
    assert links(zone_of(ZONE + "a.b.c A 192.0.2.1\n")) == {
        "@": "a.b.c NS SOA RRSIG NSEC",
        "a.b.c": "@ A RRSIG NSEC",
    }


def test_rfc_6672_5_3_4_names_below_a_dname_are_left_out() -> None:
    text = "d DNAME example.net.\nx.d A 192.0.2.1\ny.x.d NS ns\ne A 192.0.2.1\n"
    assert links(zone_of(ZONE + text)) == {
        "@": "d NS SOA RRSIG NSEC",
        "d": "e DNAME RRSIG NSEC",
        "e": "@ A RRSIG NSEC",
    }
    assert links(zone_of(ZONE + "@ DNAME example.net.\nx A 192.0.2.1\n")) == {"@": "@ NS SOA DNAME RRSIG NSEC"}


@pytest.mark.parametrize(("soa_ttl", "minimum"), [(60, 300), (300, 60), (60, 60)])
def test_rfc_9077_3_the_ttl_is_the_lesser_of_the_soa_s_ttl_and_minimum(soa_ttl: int, minimum: int) -> None:
    zone = zone_of(SOA.format(soa_ttl, minimum) + "a 900 A 192.0.2.1\n")
    assert {RRset.decode(payload).ttl for _, payload in CHAIN.whole(zone)} == {60}


def test_the_records_come_in_canonical_order() -> None:
    keys = [key for key, _ in CHAIN.whole(zone_of(ZONE + "b A 192.0.2.1\na.b A 192.0.2.1\n*.b A 192.0.2.1\n"))]
    assert keys == sorted(keys)


MORE = ZONE + "a A 192.0.2.1\nb NS ns\ny.b A 192.0.2.1\nz.y.b NS ns\nc A 192.0.2.1\n"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (MORE, MORE, []),
        (MORE, MORE + "a TXT t\n", ["a"]),
        (MORE, MORE + "a A 192.0.2.2\n", []),
        (MORE, MORE + "bb A 192.0.2.1\n", ["b", "bb"]),
        (MORE + "bb A 192.0.2.1\n", MORE, ["b", "bb"]),
        (MORE, MORE + f"b {DS}\n", ["b"]),
        (MORE, MORE + "b A 192.0.2.1\nn.b A 192.0.2.1\n", []),
        (MORE, MORE.replace("b NS ns\ny", "y"), ["a", "b", "y.b", "z.y.b"]),
        (MORE, MORE + "@ DNAME example.net.\n", ["@", "a", "b", "c"]),
        (MORE + "@ DNAME example.net.\n", MORE, ["@", "a", "b", "c"]),
        (MORE, MORE.replace("c A", "d A"), ["b", "c", "d"]),
        (MORE, MORE + "z A 192.0.2.1\n", ["c", "z"]),
    ],
)
def test_only_the_records_around_a_change_change(old: str, new: str, expected: list[str]) -> None:
    assert mended(old, new) == expected


def test_the_whole_chain_gets_another_ttl_with_the_soa() -> None:
    assert mended(SOA.format(60, 60) + "a A 192.0.2.1\n", SOA.format(60, 50) + "a A 192.0.2.1\n") == ["@", "a"]


def test_another_chain_goes_away() -> None:
    zone = zone_of(ZONE + "a A 192.0.2.1\n")
    other = entries_of(ZONE + "@ 0 NSEC3PARAM 1 0 0 -\n" + f"{'0' * 32} NSEC3 1 0 0 - {'0' * 32} A\n")
    signed = changed(zone, {key: payload for key, payload in other if key[-1] in (50, 51)})
    changes = CHAIN.mend(signed, zone, [])
    assert [(text_of(OwnerKey(key[:-3])), key[-1]) for key in changes] == [
        ("@", 47),
        ("@", 51),
        ("0" * 32, 50),
        ("a", 47),
    ]
    assert [key for key, payload in changes.items() if payload is None] == [
        rr_key(key_of("@"), 51),
        rr_key(key_of("0" * 32), 50),
    ]


def test_owners_that_do_not_differ_may_be_named_too() -> None:
    zone = zone_of(MORE)
    signed = signed_tree(zone, CHAIN.whole(zone))
    assert CHAIN.mend(signed, zone, [key_of(name) for name in ("@", "a", "b", "y.b", "z.y.b", "nowhere")]) == {}


def test_a_zone_without_a_soa_is_refused() -> None:
    zone = zone_of(ZONE)
    without = changed(zone, {key: None for key, _ in entries_in(zone) if key[-1] == 6})
    with pytest.raises(DnssecError, match="has no SOA record at its apex"):
        list(CHAIN.whole(without))


@pytest.mark.parametrize("chain", [CHAIN, Nsec3Chain(APEX, opt_out=False)])
def test_a_change_of_most_of_a_zone_costs_no_more_than_making_anew(chain: Chain) -> None:
    zone = zone_of(ZONE + "".join(f"h{number} A 192.0.2.1\n" for number in range(2000)))
    signed = signed_tree(zone, chain.whole(zone))
    after = changed(zone, dict(entries_of("@ 60 SOA ns.example.net. h 1 2 3 4 5\n@ DNAME example.net.\n")))
    mended = changed(signed, chain.mend(signed, after, touched(zone, after)))
    assert [entry for entry in entries_in(mended) if entry[0][-1] in (47, 50)] == [
        entry for entry in chain.whole(after) if entry[0][-1] != 51
    ]


def test_only_what_changes_is_read() -> None:
    zone = zone_of(ZONE + "".join(f"h{number} A 192.0.2.1\n" for number in range(2000)))
    signed = signed_tree(zone, CHAIN.whole(zone))
    after = changed(zone, dict(entries_of(ZONE + "new A 192.0.2.1\n")))
    source = signed.nodes.source
    assert isinstance(source, Objects)
    before = source.reads
    assert len(CHAIN.mend(signed, after, [key_of("new")])) == 2
    assert source.reads - before < 30
