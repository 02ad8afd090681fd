"""Signaling records as RFC 9615 wants them. The zone that has them is example.com."""

import pytest

from chainkit import text_of, zone_of
from checkkit import APEX, ZONE
from zonegit.dnssec.signing.bootstrap import Bootstrapped, signaling_name, signaling_rrsets
from zonegit.model.names import OwnerKey, WireName, from_text, to_text
from zonegit.model.rrset import RRset, check_stored
from zonegit.zonefile.types import type_text

CDS = b"\x30\x39\x0d\x02" + b"\xaa" * 32
CDNSKEY = b"\x01\x01\x03\x0d" + b"\xbb" * 64
SIGNALED = "_dsboot.example.co.uk._signal.ns1"


def name(text: str) -> WireName:
    return from_text(text)


def child(apex: str = "example.co.uk.", *servers: str, **more) -> Bootstrapped:
    names = tuple(name(each) for each in servers or ("ns1.example.com.", "ns2.example.org."))
    return Bootstrapped(name(apex), names, (CDS,), (CDNSKEY,), 3600)._replace(**more)


def found(text: str, *children: Bootstrapped) -> dict[str, set[str]]:
    """The types of the signaling records by owner."""
    rrsets: dict[str, set[str]] = {}
    for key, payload in signaling_rrsets(APEX, zone_of(ZONE + text), children).items():
        check_stored(payload)
        rrset = RRset.decode(payload)
        assert rrset.key == key
        rrsets.setdefault(text_of(OwnerKey(key[:-3])), set()).add(type_text(rrset.rtype))
    return rrsets


def signaled(apex: str, server: str) -> str | None:
    made = signaling_name(name(apex), name(server))
    return None if made is None else to_text(made)


def test_rfc_9615_3_2_the_signaling_name_has_the_type_the_child_and_the_name_server() -> None:
    assert signaled("example.co.uk.", "ns1.example.net.") == "_dsboot.example.co.uk._signal.ns1.example.net."
    assert signaled("example.co.uk.", "NS1.Example.net.") == "_dsboot.example.co.uk._signal.ns1.example.net."


def test_rfc_9615_4_1_contents_are_those_of_the_childs_apex() -> None:
    other = b"\x30\x39\x0d\x04" + b"\xcc" * 48
    payloads = signaling_rrsets(APEX, zone_of(ZONE), [child(cds=(other, CDS))]).values()
    assert [(each.rdatas, each.ttl) for each in map(RRset.decode, payloads)] == [
        ((CDS, other), 3600),
        ((CDNSKEY,), 3600),
    ]


def test_rfc_9615_4_1_each_name_server_has_its_own_in_the_zone_of_its_name() -> None:
    servers = ("ns1.example.com.", "ns2.example.org.", "b.ns3.example.com.")
    assert found("", child("example.co.uk.", *servers)) == {
        SIGNALED: {"CDS", "CDNSKEY"},
        "_dsboot.example.co.uk._signal.b.ns3": {"CDS", "CDNSKEY"},
    }


def test_rfc_9615_4_1_the_childs_own_domain_is_left_out() -> None:
    assert signaled("example.co.uk.", "ns3.example.co.uk.") is None
    assert signaled("example.co.uk.", "example.co.uk.") is None
    assert signaled("example.co.uk.", "ns.other-example.co.uk.") is not None
    assert found("", child("example.com.", "ns1.example.com.")) == {}


def test_rfc_9615_4_1_a_child_of_this_zone_is_as_any_other() -> None:
    assert found("sub NS ns1\n", child("sub.example.com.", "ns1.example.com.")) == {
        "_dsboot.sub.example.com._signal.ns1": {"CDS", "CDNSKEY"}
    }


@pytest.mark.parametrize(
    "records",
    [
        f"{SIGNALED} NS ns.example.net.",
        "_signal.ns1 NS ns.example.net.",
        "ns1 NS ns.example.net.",
        "uk._signal.ns1 DNAME example.net.",
        f"{SIGNALED} CNAME example.net.",
    ],
)
def test_rfc_9615_4_1_nothing_at_or_below_a_cut_or_an_alias(records: str) -> None:
    assert found(records + "\n", child()) == {}


def test_records_of_the_zone_itself_are_kept() -> None:
    own = f"{SIGNALED} CDS 1 13 2 {'00' * 32}\n"
    assert found(own, child()) == {}


def test_rfc_9615_4_2_a_type_that_the_child_has_not_is_absent() -> None:
    assert found("", child(cdnskeys=())) == {SIGNALED: {"CDS"}}
    assert found("", child(cds=())) == {SIGNALED: {"CDNSKEY"}}


def test_rfc_9615_4_4_names_that_are_too_long_are_left_out() -> None:
    base = "a" * 63 + "." + "b" * 63 + "." + "c" * 63 + "."
    server = "ns1.example.com."
    left = 255 - len(name(base)) - len(name(server)) + 1 - len("\7_dsboot\7_signal")
    assert len(signaling_name(name("d" * (left - 1) + "." + base), name(server)) or b"") == 255
    assert signaled("d" * left + "." + base, server) is None
    assert found("", child("d" * left + "." + base, server)) == {}


def test_rfc_9615_5_1_no_records_of_children_that_have_their_ds() -> None:
    """They aren't given any more; the others' stay."""
    both = child(), child("example.se.")
    assert found("", *both).keys() == {SIGNALED, "_dsboot.example.se._signal.ns1"}
    assert found("", both[1]).keys() == {"_dsboot.example.se._signal.ns1"}
    assert found("") == {}
