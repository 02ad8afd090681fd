"""NOTIFY (RFC 1996): what the message holds, who gets it, what is an answer."""

import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.tsig
import pytest

from dnskit import version
from dnszones import NET, ORG
from zonegit.dns.access.acl import key_name
from zonegit.dns.access.tsig import TsigKey, with_record
from zonegit.dns.notify_request import Announcement, NotifyRequest, announcement

NOW = 1_767_225_600
SECRET = bytes(range(7, 71, 2))
KEY = TsigKey(key_name("k1"), "hmac-sha256", SECRET)


@pytest.fixture
def found() -> Announcement:
    zone = version(ORG, "example.org.")
    return announcement(zone, {zone.apex: zone}, servers=False)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: float(NOW))


def test_the_message_has_the_new_soa(found: Announcement) -> None:
    message = dns.message.from_wire(NotifyRequest(found, b"ab", None, NOW).message)
    assert message.id == int.from_bytes(b"ab", "big")
    assert message.opcode() == dns.opcode.NOTIFY
    assert message.flags & dns.flags.AA
    assert message.question[0].to_text() == "example.org. IN SOA"
    assert message.answer[0][0].serial == 7


def test_name_servers_are_found_in_held_zones() -> None:
    """Glue too; the one that the SOA names is the primary, and names that nothing is known of are left out."""
    org, net = version(ORG, "example.org."), version(NET, "example.net.")
    zones = {zone.apex: zone for zone in (org, net)}
    assert announcement(org, zones, servers=True).servers == (bytes((198, 51, 100, 1)),)
    assert announcement(org, {org.apex: org}, servers=True).servers == ()
    assert announcement(net, zones, servers=True).servers == (
        bytes((192, 0, 2, 20)), bytes.fromhex("20010db8") + bytes(11) + b"\x20",
    )  # fmt: skip


def test_any_rcode_is_an_answer(found: Announcement) -> None:
    request = NotifyRequest(found, b"ab", None, NOW)
    for rcode in (dns.rcode.NOERROR, dns.rcode.NOTAUTH, dns.rcode.NOTIMP):
        response = dns.message.make_response(dns.message.from_wire(request.message))
        response.set_rcode(rcode)
        assert request.rcode_of(response.to_wire(), NOW) == rcode


def test_what_is_no_answer(found: Announcement) -> None:
    request = NotifyRequest(found, b"ab", None, NOW)
    response = dns.message.make_response(dns.message.from_wire(request.message)).to_wire()
    other_name = response.replace(b"\x07example", b"\x07exemple")
    query = response[:2] + b"\x84\x00" + response[4:]
    for reply in (b"", response[:11], b"zz" + response[2:], request.message, other_name, query):
        assert request.rcode_of(reply, NOW) is None


def test_a_signed_one_wants_a_signed_answer(found: Announcement) -> None:
    request = NotifyRequest(found, b"ab", KEY, NOW)
    keyring = dns.tsig.Key("k1.", SECRET, "hmac-sha256")
    query = dns.message.from_wire(request.message, keyring=keyring)
    assert query.had_tsig
    response = dns.message.make_response(query)
    assert request.rcode_of(response.to_wire(), NOW) == 0
    assert request.rcode_of(response.to_wire(), NOW + 301) is None
    assert "TSIG error 18" in request.failure
    response.tsig = None
    plain = dns.message.make_response(dns.message.from_wire(request.message, keyring=False))
    plain.tsig = None
    assert request.rcode_of(plain.to_wire(), NOW) is None
    assert "without a signature" in request.failure


@pytest.mark.parametrize(("code", "cause"), [(16, "another secret"), (17, "this key name"), (22, "check the key")])
def test_a_reply_says_what_is_wrong_with_the_key(found: Announcement, code: int, cause: str) -> None:
    """A refusal of RFC 8945 §5.3.2: NOTAUTH, and a TSIG without a MAC."""
    request = NotifyRequest(found, b"ab", KEY, NOW)
    reply = request.message[:2] + b"\xa4\x09" + bytes(8)
    refusal = with_record(reply, KEY.wire, NOW, b"", code)
    assert request.rcode_of(refusal, NOW) is None
    assert f"TSIG error {code}, NOTAUTH: " in request.failure
    assert cause in request.failure


def test_an_answer_signed_for_another_message(found: Announcement) -> None:
    one, other = NotifyRequest(found, b"ab", KEY, NOW), NotifyRequest(found, b"ab", KEY, NOW - 1)
    keyring = dns.tsig.Key("k1.", SECRET, "hmac-sha256")
    response = dns.message.make_response(dns.message.from_wire(other.message, keyring=keyring))
    assert one.rcode_of(response.to_wire(), NOW) is None
    assert "TSIG error 16" in one.failure
