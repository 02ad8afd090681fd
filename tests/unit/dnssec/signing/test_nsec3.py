"""NSEC3 chains as RFC 5155 §7.1 and RFC 9276 want them."""

from pathlib import Path

import dns.rdata
import pytest

from chainkit import changed, entries_in, key_of, signed_tree, touched, tree_of, zone_of
from checkkit import APEX, ZONE, entries_of
from nsec3kit import hash_name
from treekit import Objects
from zonegit.dnssec.signing import nsec3
from zonegit.dnssec.signing.nsec import NsecChain
from zonegit.dnssec.signing.nsec3 import Nsec3Chain
from zonegit.dnssec.signing.nsec3_hash import Digest
from zonegit.dnssec.signing.nsec3_ring import Broken, Ring
from zonegit.errors import DnssecError
from zonegit.model.names import key_owner
from zonegit.model.rdata import NSEC3, NSEC3PARAM, RRSIG, A
from zonegit.model.rrset import RRset, rdatas, rr_key
from zonegit.tree.zone_tree import Tree
from zonegit.zonefile.reader import read_zone

CHAIN, OPT_OUT = Nsec3Chain(APEX, opt_out=False), Nsec3Chain(APEX, opt_out=True)
SIGNED = Path(__file__).parents[1]
DS = f"DS 1 13 2 {'00' * 32}"
MANY = ZONE + "".join(f"host{number:04} A 192.0.2.1\n" for number in range(2000))


def types(zone: Tree, names: list[str], chain: Nsec3Chain = CHAIN) -> dict[str, str]:
    """The types in the NSEC3 records of those names that have one; there are no other records."""
    records = {key: rdatas(payload)[0] for key, payload in chain.whole(zone) if key[-1] == NSEC3}
    found = {}
    for name in names:
        rdata = records.pop(rr_key(key_of(hashed(name)), NSEC3), None)
        if rdata is not None:
            found[name] = " ".join(str(dns.rdata.from_wire("IN", "NSEC3", rdata, 0, len(rdata))).split()[5:])
    assert not records
    return found


def hashed(name: str) -> str:
    return hash_name("example.com." if name == "@" else f"{name}.example.com.")


def address(name: str) -> bytes:
    return RRset.of(key_owner(key_of(name)), A, 60, [b"\0\0\0\1"]).encode()


def mended(old: str, new: str, chain: Nsec3Chain = CHAIN) -> int:
    """How many records change when a zone does. The result is held to a chain made anew."""
    before, after = zone_of(old), zone_of(new)
    signed = signed_tree(before, chain.whole(before))
    changes = chain.mend(signed, after, touched(before, after))
    left = {key: payload for key, payload in entries_in(changed(signed, changes)) if key[-1] in (NSEC3, NSEC3PARAM)}
    assert left == dict(chain.whole(after))
    return len(changes)


def test_the_chain_is_that_of_dnssec_signzone() -> None:
    signed = read_zone(SIGNED / "nsec3.zone", name="nsec3.zone", origin=None)
    theirs = [entry for entry in signed.entries if entry[0][-1] in (NSEC3, NSEC3PARAM)]
    plain = tree_of(entry for entry in signed.entries if entry not in theirs and entry[0][-1] != RRSIG)
    assert list(Nsec3Chain(signed.apex, opt_out=False).whole(plain)) == theirs


def test_rfc_5155_7_1_empty_non_terminals_have_records_without_types() -> None:
    assert types(zone_of(ZONE + "a.b.c A 192.0.2.1\nc.b.c TXT t\n"), ["@", "c", "b.c", "a.b.c", "c.b.c"]) == {
        "@": "NS SOA RRSIG NSEC3PARAM",
        "c": "",
        "b.c": "",
        "a.b.c": "A RRSIG",
        "c.b.c": "TXT RRSIG",
    }


def test_rfc_5155_7_1_delegations() -> None:
    text = ZONE + f"x.cut NS ns.x.cut\nns.x.cut A 192.0.2.2\nx.safe NS ns\nx.safe {DS}\n"
    names = ["@", "cut", "x.cut", "ns.x.cut", "safe", "x.safe"]
    assert types(zone_of(text), names) == {
        "@": "NS SOA RRSIG NSEC3PARAM",
        "cut": "",
        "x.cut": "NS",
        "safe": "",
        "x.safe": "NS DS RRSIG",
    }
    assert types(zone_of(text), names, OPT_OUT) == {
        "@": "NS SOA RRSIG NSEC3PARAM",
        "safe": "",
        "x.safe": "NS DS RRSIG",
    }


def test_rfc_5155_7_1_a_wildcard_is_hashed_with_its_asterisk() -> None:
    assert types(zone_of(ZONE + "*.w A 192.0.2.1\n"), ["@", "w", "*.w"])["*.w"] == "A RRSIG"


def test_names_below_a_dname_have_no_records() -> None:
    names = ["@", "d", "x.d", "a.x.d", "a"]
    assert set(types(zone_of(ZONE + "d DNAME example.net.\na.x.d A 192.0.2.1\n"), names)) == {"@", "d"}
    assert set(types(zone_of(ZONE + "@ DNAME example.net.\na A 192.0.2.1\n"), names)) == {"@"}


def test_rfc_9276_3_1_no_salt_no_iterations() -> None:
    zone = zone_of(ZONE + "a A 192.0.2.1\n")
    for chain, flags in ((CHAIN, 0), (OPT_OUT, 1)):
        (key, parameters), *records = chain.whole(zone)
        assert key == rr_key(key_of("@"), NSEC3PARAM)
        assert RRset.decode(parameters) == RRset.of(b"", NSEC3PARAM, 0, [b"\1\0\0\0\0"])
        assert {rdatas(payload)[0][:6] for _, payload in records} == {bytes((1, flags, 0, 0, 0, 20))}


def test_the_records_come_in_canonical_order_and_lead_in_a_ring() -> None:
    found = list(CHAIN.whole(zone_of(MANY)))
    assert [key for key, _ in found] == sorted(key for key, _ in found)
    records = [rdatas(payload)[0][6:26] for _, payload in found[1:]]
    assert [*records[1:], records[0]] != records
    assert sorted(records) == [*records[-1:], *records[:-1]]


BASE = ZONE + "a A 192.0.2.1\nb NS ns\nx.y A 192.0.2.1\n"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (BASE, BASE, 0),
        (BASE, BASE + "a TXT t\n", 1),
        (BASE, BASE + "a A 192.0.2.2\n", 0),
        (BASE, BASE + "n.b A 192.0.2.1\n", 0),
        (BASE, BASE + "z.y A 192.0.2.1\n", 2),
        (BASE, BASE + f"b {DS}\n", 1),
        (BASE, BASE + "y A 192.0.2.1\n", 1),
        (BASE + "y A 192.0.2.1\n", BASE, 1),
    ],
)
def test_only_the_records_around_a_change_change(old: str, new: str, expected: int) -> None:
    assert mended(old, new) == expected


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (BASE, BASE.replace("x.y A 192.0.2.1\n", "")),
        (BASE.replace("x.y A 192.0.2.1\n", ""), BASE),
        (BASE, BASE + "n.m.l.k A 192.0.2.1\n"),
        (BASE, BASE.replace("x.y A 192.0.2.1", "x.y.z A 192.0.2.1\ny CNAME a")),
        (BASE, BASE + "y NS ns\n"),
        (BASE + "@ DNAME example.net.\n", BASE),
        (BASE, BASE + "@ DNAME example.net.\n"),
    ],
)
def test_empty_non_terminals_come_and_go_with_the_last_name_below_them(old: str, new: str) -> None:
    for chain in (CHAIN, OPT_OUT):
        mended(old, new, chain)


def test_rfc_5155_7_1_an_insecure_delegation_changes_nothing_under_opt_out() -> None:
    assert mended(BASE, BASE + "c NS ns\nd.e.f NS ns\n", OPT_OUT) == 0
    assert mended(BASE + "d.e.f NS ns\n", BASE + f"d.e.f NS ns\nd.e.f {DS}\n", OPT_OUT) > 3
    assert mended(BASE + f"d.e.f NS ns\nd.e.f {DS}\n", BASE + "d.e.f NS ns\n", OPT_OUT) > 3
    glue = BASE + "d.e.f NS ns\nns.d.e.f A 192.0.2.1\n"
    assert mended(f"{glue}d.e.f {DS}\n", glue, OPT_OUT) > 3


@pytest.mark.parametrize("change", ["@ 50 SOA ns.example.net. h 1 2 3 4 50\n", "opt-out", "nsec"])
def test_the_whole_chain_is_made_anew(change: str) -> None:
    zone = zone_of(BASE)
    signed = signed_tree(zone, (NsecChain(APEX) if change == "nsec" else CHAIN).whole(zone))
    if change.startswith("@"):
        zone = changed(zone, dict(entries_of(BASE.replace(ZONE.splitlines()[0], change.strip()))))
    chain = OPT_OUT if change == "opt-out" else CHAIN
    mended = changed(signed, chain.mend(signed, zone, []))
    assert {key: payload for key, payload in entries_in(mended) if key[-1] in (47, 50, 51)} == dict(
        chain.whole(zone)
    )


def test_a_chain_that_is_broken_is_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Ring, digest: Digest) -> Digest:
        raise Broken

    zone = zone_of(BASE)
    signed = changed(signed_tree(zone, CHAIN.whole(zone)), {rr_key(key_of(hashed("y")), NSEC3): None})
    after = zone_of(ZONE + "b A 192.0.2.1\n")
    monkeypatch.setattr(Ring, "before", broken)
    mended = changed(signed, CHAIN.mend(signed, after, touched(zone, after)))
    left = {key: payload for key, payload in entries_in(mended) if key[-1] in (NSEC3, NSEC3PARAM)}
    assert left == dict(CHAIN.whole(after))


def test_a_name_like_a_hash_keeps_its_data_beside_the_record() -> None:
    name = hashed("a")
    text = ZONE + f"a A 192.0.2.1\n{name} A 192.0.2.9\nx.{name} A 192.0.2.9\n"
    zone = zone_of(text)
    signed = signed_tree(zone, CHAIN.whole(zone))
    assert signed.at(key_of(name)).keys() == {A, RRSIG, NSEC3}
    assert types(zone, ["@", "a", name, f"x.{name}"])[name] == "A RRSIG"
    mended(text, ZONE + f"{name} A 192.0.2.9\n")
    mended(ZONE + "a A 192.0.2.1\n", text)
    assert (
        CHAIN.mend(signed, changed(zone, {rr_key(key_of("a"), A): None}), [key_of("a")])[
            rr_key(key_of(name), NSEC3)
        ]
        is None
    )


def test_two_names_of_one_hash_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has two such names: here all names of one length have one hash."""
    monkeypatch.setattr(nsec3, "hashed", lambda key, apex: Digest(b"\0" * 19 + bytes((len(key),))))
    refusal = r'\.example\.com\. has the NSEC3 hash of another name: rename it, or use denial = "nsec"'
    with pytest.raises(DnssecError, match=refusal):
        list(CHAIN.whole(zone_of(ZONE + "a A 192.0.2.1\nb A 192.0.2.1\n")))
    zone = zone_of(ZONE + "a A 192.0.2.1\n")
    signed = signed_tree(zone, CHAIN.whole(zone))
    for names in (["b"], ["cc", "dd"]):
        after = changed(zone, {rr_key(key_of(name), A): address(name) for name in names})
        with pytest.raises(DnssecError, match=refusal):
            CHAIN.mend(signed, after, [key_of(name) for name in names])


def test_only_what_changes_is_read() -> None:
    zone = zone_of(MANY)
    signed = signed_tree(zone, CHAIN.whole(zone))
    source = signed.nodes.source
    assert isinstance(source, Objects)
    for name in ("new", "host1000a", "a.host1000", "zz.y"):
        after = changed(zone, {rr_key(key_of(name), A): address(name)})
        before = source.reads
        assert 2 <= len(CHAIN.mend(signed, after, [key_of(name)])) <= 4
        assert source.reads - before < 100
    cut = changed(zone, dict(entries_of(ZONE + "cut NS ns\nglue.cut A 192.0.2.1\n")))
    before = source.reads
    assert len(CHAIN.mend(signed, cut, [key_of("cut"), key_of("glue.cut"), key_of("nowhere")])) == 2
    assert source.reads - before < 100
