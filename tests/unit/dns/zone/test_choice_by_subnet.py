"""EDNS Client Subnet (RFC 7871): who may tell a network, what it decides, and the scope in the answer."""

from ipaddress import ip_address, ip_network

import dns.edns
import dns.message
import dns.rcode
import pytest

from dnskit import DictVersion, Server, make_query, version
from zonegit.dns.access.acl import Acl, Clients
from zonegit.dns.access.cookies import Cookies
from zonegit.dns.options import Options
from zonegit.dns.routes.checker import read
from zonegit.dns.routes.evaluate import predicate
from zonegit.dns.routes.facts import NoPlaces, Places
from zonegit.dns.wire.message import Transport
from zonegit.dns.zone.canary import Canary, bucket
from zonegit.dns.zone.routed import RoutedVersion, Routes
from zonegit.dns.zone.zone_state import ServedZone

RESOLVER = bytes((203, 0, 113, 53))
STRANGER = bytes((198, 51, 100, 53))
TRUSTED = Clients(Acl.parse(["203.0.113.0/24", "2001:db8:53::/48"]))
ZONE = "@ IN SOA ns h {serial} 2 3 4 5\n@ NS ns\nwww A 10.0.0.{serial}\nout CNAME www.plain.test.\n*.w TXT x\n"
PLAIN = version("@ IN SOA ns h 1 2 3 4 5\n@ NS ns\nwww A 10.0.1.1\nin CNAME www.test.\n", "plain.test.")


def zone(serial: int) -> DictVersion:
    return version(ZONE.format(serial=serial), "test.")


MAIN, OTHER = zone(1), zone(2)
INSIDE = 'client.subnet in ["192.0.2.0/24", "2001:db8::/40"]'


def server(
    when: str | None = INSIDE, places: Places | None = None, options: Options | None = None, **served
) -> Server:
    if when is not None:
        rule = RoutedVersion(predicate(read(when)), OTHER, None, lambda: None)
        served["routes"] = Routes((rule,), lambda: 0.0, places or NoPlaces())
    made = Server(options=options or Options(ecs_trusted=TRUSTED))
    made.responder.replace_zones({MAIN.apex: ServedZone(MAIN, **served), PLAIN.apex: ServedZone(PLAIN)})
    return made


def asked(
    of: Server, subnet: str | bytes | None, client: bytes = RESOLVER, name: str = "www.test.", rtype: str = "A",
    transport: Transport = Transport.UDP,
) -> dns.message.Message:  # fmt: skip
    query = make_query(name, rtype)
    if isinstance(subnet, str):
        address, _, size = subnet.partition("/")
        query.use_edns(0, payload=1232, options=[dns.edns.ECSOption(address, int(size), 0)])
    elif subnet is not None:
        query.use_edns(0, payload=1232, options=[dns.edns.GenericOption(8, subnet)])
    data = of.raw(query.to_wire(), transport, client)
    assert data is not None
    return dns.message.from_wire(data)


def outcome(response: dns.message.Message) -> tuple[int, str | None]:
    """The version that the answer is from, and the option: the network with its source, and the scope."""
    (address,) = [rrset[0].address for rrset in response.answer if rrset.rdtype == 1][-1:]
    options = [option for option in response.options if isinstance(option, dns.edns.ECSOption)]
    shown = [f"{option.address}/{option.srclen}/{option.scopelen}" for option in options]
    return int(address.rpartition(".")[2]), shown[0] if shown else None


@pytest.mark.parametrize("transport", Transport)
@pytest.mark.parametrize(
    ("subnet", "expected"),
    [
        ("192.0.2.0/24", (2, "192.0.2.0/24/24")),
        ("192.0.2.7/32", (2, "192.0.2.7/32/24")),
        ("192.0.3.0/24", (1, "192.0.3.0/24/24")),
        ("10.0.0.0/8", (1, "10.0.0.0/8/1")),
        ("192.0.0.0/16", (1, "192.0.0.0/16/24")),
        ("192.128.0.0/16", (1, "192.128.0.0/16/9")),
        ("2001:db8::/56", (2, "2001:db8::/56/40")),
        ("2001:db8:100::/56", (1, "2001:db8:100::/56/40")),
        ("3000::/20", (1, "3000::/20/4")),
    ],
)
def test_the_network_decides_and_the_scope_says_how_much_of_it(subnet, expected, transport) -> None:
    of = server()
    for _ in range(3):
        assert outcome(asked(of, subnet, transport=transport)) == expected
        assert outcome(asked(of, None, transport=transport)) == (1, None)


def test_answers_of_two_networks_are_apart_in_a_warm_server() -> None:
    of = server()
    for _ in range(4):
        assert outcome(asked(of, "192.0.2.0/24"))[0] == 2
        assert outcome(asked(of, "192.0.4.0/24"))[0] == 1
        assert outcome(asked(of, None, bytes((192, 0, 2, 1))))[0] == 2
        assert outcome(asked(of, None))[0] == 1
    assert not of.responder.cache


@pytest.mark.parametrize("name", ["www.plain.test.", "www.test."])
def test_an_answer_that_does_not_depend_on_the_client_has_scope_zero(name) -> None:
    assert outcome(asked(server(None), "192.0.2.0/24", name=name))[1] == "192.0.2.0/24/0"
    assert outcome(asked(server('query.type == "A"'), "192.0.2.0/24", name=name))[1] == "192.0.2.0/24/0"


def test_the_target_of_an_alias_counts_for_the_scope() -> None:
    of = server()
    for _ in range(3):
        assert outcome(asked(of, "192.0.2.0/24", name="in.plain.test.")) == (2, "192.0.2.0/24/24")
        assert outcome(asked(of, "10.0.0.0/8", name="in.plain.test.")) == (1, "10.0.0.0/8/1")
        assert outcome(asked(of, "192.0.2.0/24", name="out.test.")) == (1, "192.0.2.0/24/24")


def test_denials_and_refusals_have_the_option_too() -> None:
    denied = asked(server(), "192.0.2.0/24", name="nothing.test.")
    assert denied.rcode() == dns.rcode.NXDOMAIN
    refused = asked(server(), "192.0.2.0/24", name="elsewhere.example.")
    assert refused.rcode() == dns.rcode.REFUSED
    for response, scope in ((denied, 24), (refused, 0)):
        (option,) = (option for option in response.options if isinstance(option, dns.edns.ECSOption))
        assert option.scopelen == scope


def test_the_option_of_others_is_ignored() -> None:
    of = server()
    malformed = b"\0\3\1\1\1"
    for subnet in ("192.0.2.0/24", malformed):
        response = asked(of, subnet, STRANGER)
        assert response.rcode() == 0 and outcome(response) == (1, None)
    assert outcome(asked(server(options=Options()), "192.0.2.0/24")) == (1, None)
    assert outcome(asked(of, "192.0.2.0/24", ip_address("2001:db8:53::1").packed)) == (2, "192.0.2.0/24/24")
    mapped = bytes(10) + b"\xff\xff" + RESOLVER
    assert outcome(asked(of, "192.0.2.0/24", mapped)) == (2, "192.0.2.0/24/24")


def test_a_malformed_option_is_a_format_error_without_the_option() -> None:
    response = asked(server(), b"\0\1\x18\0\xc0\0\2\1")
    assert response.rcode() == dns.rcode.FORMERR
    assert not response.options and not response.answer


def test_a_client_that_hides_its_network_is_answered_by_the_resolvers() -> None:
    of = server('client.subnet in ["203.0.113.0/24"]')
    assert outcome(asked(of, "0.0.0.0/0")) == (2, "0.0.0.0/0/0")
    assert outcome(asked(of, "192.0.2.0/24"))[0] == 1


def test_the_list_of_who_may_query_and_the_cookie_are_for_the_address_that_asks() -> None:
    cookies = Cookies([bytes(16)], lambda: 1000.0)
    options = Options(ecs_trusted=TRUSTED, cookies=cookies)
    of = server(allow_query=Acl.parse(["203.0.113.0/24"]), options=options)
    assert outcome(asked(of, "192.0.2.0/24")) == (2, "192.0.2.0/24/24")
    closed = server(allow_query=Acl.parse(["192.0.2.0/24"]))
    assert asked(closed, "192.0.2.0/24").rcode() == dns.rcode.REFUSED
    query = make_query("www.test.")
    shown = dns.edns.GenericOption(10, b"12345678")
    query.use_edns(0, options=[dns.edns.ECSOption("192.0.2.0", 24), shown])
    response = dns.message.from_wire(of.raw(query.to_wire(), client=RESOLVER) or b"")
    assert outcome(response) == (2, "192.0.2.0/24/24")
    assert cookies.answer(b"12345678", RESOLVER)[4:] in [option.to_wire() for option in response.options]


def test_a_canary_needs_24_bits_of_ipv4_and_48_of_ipv6() -> None:
    inside = next(n for n in range(256) if bucket(bytes((10, 0, n, 0)), "") < 50)
    outside = next(n for n in range(256) if bucket(bytes((10, 0, n, 0)), "") >= 50)
    six = next(n for n in range(256) if bucket(bytes((0x20, 1, 0xD, 0xB8, 0, n)) + bytes(10), "") < 50)
    of = server(None, canary=Canary(OTHER, 50))
    assert outcome(asked(of, f"10.0.{inside}.0/24")) == (2, f"10.0.{inside}.0/24/24")
    assert outcome(asked(of, f"10.0.{inside}.7/32")) == (2, f"10.0.{inside}.7/32/24")
    assert outcome(asked(of, f"10.0.{outside}.0/24")) == (1, f"10.0.{outside}.0/24/24")
    assert outcome(asked(of, "10.0.0.0/16")) == (1, "10.0.0.0/16/24")
    network = ip_network((int.from_bytes(bytes((0x20, 1, 0xD, 0xB8, 0, six)) + bytes(10), "big"), 56))
    assert outcome(asked(of, str(network))) == (2, f"{network}/48")
    assert outcome(asked(of, "2001:db8::/32"))[1] == "2001:db8::/32/48"
    for percent, serial in ((0, 1), (100, 2)):
        assert outcome(asked(server(None, canary=Canary(OTHER, percent)), "10.0.0.0/8")) == (serial, "10.0.0.0/8/0")


class Table:
    """One country for 192.0.0.0/12."""

    def country(self, address: bytes) -> tuple[str | None, int]:
        return ("DE", 12) if address[:1] == b"\xc0" and address[1] < 16 else (None, 5)

    def asn(self, _address: bytes) -> tuple[int | None, int]:
        return None, 0


def test_a_country_is_that_of_the_network() -> None:
    of = server('client.country == "DE"', Table())
    assert outcome(asked(of, "192.0.2.0/24")) == (2, "192.0.2.0/24/12")
    assert outcome(asked(of, "192.0.0.0/8")) == (1, "192.0.0.0/8/12")
    assert outcome(asked(of, "10.0.0.0/24")) == (1, "10.0.0.0/24/5")


def test_the_option_takes_its_room_in_a_response() -> None:
    texts = "".join(f"big TXT {'x' * 200}{at}\n" for at in range(5))
    of = Server(options=Options(ecs_trusted=TRUSTED))
    of.responder.replace_zones({MAIN.apex: ServedZone(version(ZONE.format(serial=1) + texts, "test."))})
    for size in range(1080, 1120):
        query = make_query("big.test.", "TXT", size=size)
        query.use_edns(0, payload=size, options=[dns.edns.ECSOption("192.0.2.0", 24)])
        data = of.raw(query.to_wire(), client=RESOLVER)
        assert data is not None and len(data) <= size
