"""Zones with odd names in odd places, signed from scratch and from another zone: the verifier accepts all."""

from io import BytesIO

import pytest

from dnssec import NOW, plan_of
from nsec3kit import hash_name
from treekit import SHAPES, Objects
from zonegit.dnssec.check import check_signatures
from zonegit.dnssec.policy import Denial
from zonegit.dnssec.signing.nsec3 import Nsec3Chain
from zonegit.dnssec.signing.sign import sign_again, sign_zone
from zonegit.errors import DnssecError
from zonegit.model.names import parse_apex
from zonegit.tree.build import build
from zonegit.tree.walk import entries
from zonegit.tree.zone_tree import Tree
from zonegit.zonefile.reader import read_zone

SHAPE = SHAPES[1]
APEX = parse_apex("example.org.")
HEAD = "@ 300 SOA ns.example.net. h 1 3600 600 86400 60\n@ NS ns.example.net.\n"
DS = f"DS 1 13 2 {'00' * 32}"
NS = "NS ns.example.net."
LONGEST = ".".join(["a" * 63, "b" * 63, "c" * 63, "d" * 48])
"""With the apex 255 bytes."""
AT_APEX, AT_WWW = hash_name("example.org."), hash_name("www.example.org.")
ZONES = {
    "nothing else": "",
    "DNAME at the apex": f"@ DNAME x.\nwww A 192.0.2.1\ncut {NS}\ncut {DS}\n{AT_APEX} A 192.0.2.1\n",
    "wildcards and empty non-terminals": "*.a.b A 192.0.2.1\n*.*.c A 192.0.2.1\nx.*.d A 192.0.2.1\n",
    "delegation of a wildcard": f"*.w {NS}\nx.*.w A 192.0.2.1\n*.v {NS}\n*.v {DS}\n* {NS}\n",
    "nested cuts": f"b {NS}\nb A 192.0.2.1\nx.b {NS}\nx.b {DS}\ny.x.b DNAME q\nbb A 192.0.2.1\nc {NS}\nc {DS}\n",
    "DS without NS": f"a {DS}\nb.c {DS}\nb.c A 192.0.2.1\n",
    "DNAME and NS": f"a {NS}\na DNAME x\nb.a A 192.0.2.1\nc DNAME x\nd.c {NS}\nd.c {DS}\n",
    "longest names": f"{LONGEST} A 192.0.2.1\n{LONGEST[1:]} {NS}\n{LONGEST[1:]} {DS}\n",
    "any bytes": f"\\000 A 192.0.2.1\n\\000.\\000 TXT t\n\\001 A 192.0.2.1\na\\.b.a A 192.0.2.1\n\\255 {NS}\n",
    "names like hashes": f"{'0' * 32} A 192.0.2.1\n{'v' * 32} {NS}\nx.{'1' * 32} {NS}\n",
    "names that are hashes": f"www A 192.0.2.1\n{AT_APEX} A 192.0.2.1\n{AT_WWW} {NS}\nx.{AT_WWW} A 192.0.2.1\n",
    "aliases that are hashes": f"www A 192.0.2.1\n{AT_APEX} DNAME x\n{AT_WWW} CNAME x\n",
}


@pytest.mark.parametrize("denial", Denial)
@pytest.mark.parametrize("name", ZONES)
def test_the_verifier_finds_nothing_wrong(name: str, denial: Denial) -> None:
    objects = Objects()

    def tree(text: str) -> Tree:
        found = read_zone(BytesIO(text.encode()), name="zone", origin=APEX).entries
        return Tree(objects.nodes, objects.take(build(SHAPE, found)).root)

    plan = plan_of("example.org.", denial=denial)
    unsigned, other = tree(HEAD + ZONES[name]), tree(HEAD + "www TXT t\nold.b A 192.0.2.1\n")
    signed = Tree(objects.nodes, objects.take(sign_zone(unsigned, SHAPE, plan)).root)
    found = check_signatures(APEX, plan.serial, list(entries(*signed)), NOW)
    assert found == []
    before = Tree(objects.nodes, objects.take(sign_zone(other, SHAPE, plan)).root)
    again = objects.take(sign_again(before, other, unsigned, SHAPE, plan))
    assert again.root == signed.root
    back = objects.take(sign_again(signed, unsigned, other, SHAPE, plan))
    assert back.root == before.root


@pytest.mark.parametrize(("last", "fits"), [(28, True), (29, False)])
def test_rfc_5155_10_1_a_zone_with_a_long_name_has_no_nsec3(last: int, fits: bool) -> None:
    apex = parse_apex(".".join(["a" * 63, "b" * 63, "c" * 63, "d" * last]))
    found = read_zone(BytesIO(HEAD.encode()), name="zone", origin=apex).entries
    objects = Objects()
    zone = Tree(objects.nodes, objects.take(build(SHAPE, found)).root)
    chain = Nsec3Chain(apex, opt_out=False)
    if fits:
        assert len(list(chain.whole(zone))) == 2
        return
    with pytest.raises(DnssecError, match=r'is too long for NSEC3: .* \(RFC 5155 §10.1\); use denial = "nsec"'):
        list(chain.whole(zone))
