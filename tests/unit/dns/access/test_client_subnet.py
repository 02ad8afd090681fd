"""The option of EDNS Client Subnet: what is read of it, what is malformed, and how it is answered (RFC 7871)."""

from ipaddress import ip_network

import dns.edns
import pytest

from zonegit.dns.access.client_subnet import read_answered, read_subnet
from zonegit.dns.access.requestor import Requestor
from zonegit.dns.wire.message import Transport


@pytest.mark.parametrize(
    "text", ["192.0.2.0/24", "192.0.2.128/25", "192.0.2.7/32", "128.0.0.0/1", "2001:db8::/32", "2001:db8::1/128"]
)
def test_the_option_of_dnspython_is_read_and_repeated(text) -> None:
    network = ip_network(text)
    option = dns.edns.ECSOption(str(network.network_address), network.prefixlen)
    found = read_subnet(option.to_wire())
    assert found is not None
    assert (found.address, found.source) == (network.network_address.packed, network.prefixlen)
    answered = found.answer(17)
    assert answered[:4] == b"\0\x08" + (len(answered) - 4).to_bytes(2, "big")
    assert read_answered(answered[4:]) == f"{network}/17"
    expected = dns.edns.ECSOption(str(network.network_address), network.prefixlen, 17)
    assert answered[4:] == expected.to_wire()


@pytest.mark.parametrize("data", ["00010000", "00020000", "00000000"])
def test_a_client_that_hides_is_answered_with_scope_zero(data) -> None:
    found = read_subnet(bytes.fromhex(data))
    assert found is not None and found.address == b""
    assert found.answer(24) == bytes.fromhex("00080004" + data)
    requestor = Requestor(bytes((192, 0, 2, 7)), Transport.UDP)
    requestor.subnet = found
    assert requestor.origin == (bytes((192, 0, 2, 7)), 32)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ("", "empty"),
        ("000118", "cut short"),
        ("00011800", "no address"),
        ("00011800c000", "too few bytes of address"),
        ("00011800c0000200", "too many bytes of address"),
        ("00011700c00003", "a bit beyond the source prefix"),
        ("00011818c00002", "a scope in a query"),
        ("00012100c000020100", "a prefix longer than an IPv4 address"),
        ("00028100" + "20" * 17, "a prefix longer than an IPv6 address"),
        ("00031800c00002", "an unknown family"),
        ("00030000", "an unknown family without an address"),
        ("0000080001", "an address without a family"),
        ("00010000c0", "an address in spite of its length"),
    ],
)
def test_what_is_malformed_is_refused(data, why) -> None:
    assert read_subnet(bytes.fromhex(data)) is None, why


def test_a_response_that_is_malformed_is_not_shown() -> None:
    for data in ("", "0001", "000118", "00011818c0"):
        assert read_answered(bytes.fromhex(data)) is None
    assert read_answered(bytes.fromhex("00000000")) == "0.0.0.0/0/0"
    assert read_answered(bytes.fromhex("00020000")) == "::/0/0"
