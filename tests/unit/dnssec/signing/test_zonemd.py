"""Digests of zones by RFC 8976, with the examples of its appendix A."""

from io import BytesIO

import dns.zone
import dns.zonetypes
import pytest

from chainkit import tree_of
from signkit import NOW, signed
from zonegit.dnssec.signing.zonemd import zone_digest, zonemd
from zonegit.model.names import parse_apex
from zonegit.tree.zone_tree import Tree
from zonegit.zonefile.reader import read_zone

HEAD = """\
example. 86400 IN SOA ns1.example. admin.example. 2018031900 1800 900 604800 86400
example. 86400 IN NS ns1.example.
example. 86400 IN NS ns2.example.
ns1.example. 3600 IN A 203.0.113.63
ns2.example. 3600 IN AAAA 2001:db8::63
"""
SIMPLE = f"example. 86400 IN ZONEMD 2018031900 1 1 {'00' * 48}\n"
COMPLEX = f"""\
occluded.sub.example. 7200 IN TXT "I'm occluded but must be digested"
sub.example. 7200 IN NS ns1.example.
duplicate.example. 300 IN TXT "I must be digested just once"
duplicate.example. 300 IN TXT "I must be digested just once"
UPPERCASE.example. 3600 IN TXT "canonicalize uppercase owner names"
*.example. 777 IN PTR dont-forget-about-wildcards.example.
mail.example. 3600 IN MX 20 MAIL1.example.
mail.example. 3600 IN MX 10 Mail2.Example.
sortme.example. 3600 IN AAAA 2001:db8::5:61
sortme.example. 3600 IN AAAA 2001:db8::3:62
sortme.example. 3600 IN AAAA 2001:db8::4:63
sortme.example. 3600 IN AAAA 2001:db8::1:65
sortme.example. 3600 IN AAAA 2001:db8::2:64
non-apex.example. 900 IN ZONEMD 2018031900 1 1 {b"allowed but ignored. allowed but ignored. allowe".hex()}
"""
SEVERAL = f"""\
example. 86400 IN ZONEMD 2018031900 1 2 {"11" * 64}
example. 86400 IN ZONEMD 2018031900 1 240 {"22" * 16}
example. 86400 IN ZONEMD 2018031900 241 1 {"33" * 48}
ns2.example. 86400 IN TXT "This example has multiple digests"
"""


def tree(text: str) -> tuple[Tree, int]:
    found = read_zone(BytesIO(text.encode()), name="zone", origin=None)
    return tree_of(found.entries), found.serial


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "c68090d90a7aed716bc459f9340e3d7c1370d4d24b7e2fc3a1ddc0b9a87153b9a9713b3c9ae5cc27777f98b8e730044c"),
        (
            COMPLEX,
            "a3b69bad980a3504e1cffcb0fd6397f93848071c93151f552ae2f6b1711d4bd2d8b39808226d7b9db71e34b72077f8fe",
        ),
        (
            SEVERAL,
            "62e6cf51b02e54b9b5f967d547ce43136792901f9f88e637493daaf401c92c279dd10f0edb1c56f8080211f8480ee306",
        ),
    ],
)
def test_rfc_8976_appendix_a(text: str, expected: str) -> None:
    """Those of A.1, A.2 and A.3 (as corrected by errata)."""
    zone, serial = tree(HEAD + SIMPLE + text)
    assert zone_digest(zone, parse_apex("example."), serial).hex() == expected


def test_rfc_8976_3_3_1_signatures_are_digested_but_for_that_of_the_zonemd() -> None:
    text = signed(HEAD + SIMPLE + COMPLEX, end=NOW + 86400, origin="example.")
    zone, serial = tree(text)
    theirs = dns.zone.from_text(text, "example.", relativize=False)
    expected = theirs.compute_digest(dns.zonetypes.DigestHashAlgorithm.SHA384)
    assert zone_digest(zone, parse_apex("example."), serial) == expected.digest
    assert digest_without("\nexample. 86400 IN RRSIG ZONEMD ", text) == expected.digest
    for digested in ("\nexample. 86400 IN RRSIG SOA ", "\nnon-apex.example. 900 IN RRSIG ZONEMD "):
        assert digest_without(digested, text) != expected.digest


def digest_without(begin: str, text: str) -> bytes:
    """The digest of a zone without the one record that begins so."""
    (start,) = (at for at in range(len(text)) if text.startswith(begin, at))
    zone, serial = tree(text[:start] + text[text.index("\n", start + 1) :])
    return zone_digest(zone, parse_apex("example."), serial)


def test_the_soa_is_digested_with_its_served_serial() -> None:
    zone, serial = tree(HEAD)
    assert zone_digest(zone, parse_apex("example."), serial) != zone_digest(
        zone, parse_apex("example."), serial + 1
    )


def test_rfc_8976_2_2_the_record() -> None:
    made = zonemd(2018031900, bytes(range(48)))
    assert made == bytes.fromhex("7848b91c0101") + bytes(range(48))
    assert zonemd(1) == bytes.fromhex("000000010101") + bytes(48)


def test_large_rrsets_and_the_root_zone() -> None:
    text = ". 60 IN SOA a. b. 1 2 3 4 5\n. 60 IN NS a.\n" + "".join(f"a. 60 IN A 192.0.2.{n}\n" for n in range(200))
    zone, serial = tree(text)
    theirs = dns.zone.from_text(text, ".", relativize=False)
    expected = theirs.compute_digest(dns.zonetypes.DigestHashAlgorithm.SHA384)
    assert zone_digest(zone, parse_apex("."), serial) == expected.digest
