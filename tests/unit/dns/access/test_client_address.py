"""An IPv4 client on a socket that takes both families is the same client, wherever clients are told apart."""

from zonegit.dns.access.acl import Acl
from zonegit.dns.access.client_address import unmapped
from zonegit.dns.access.cookies import Cookies
from zonegit.dns.zone.canary import bucket
from zonegit.net.dns.connections import Connections

PLAIN = bytes((192, 0, 2, 1))
MAPPED = bytes(10) + b"\xff\xff" + PLAIN
OTHER = MAPPED[:-1] + b"\2"
IPV6 = bytes.fromhex("20010db8000000000000ffffc0000201")


def test_addresses() -> None:
    assert unmapped(PLAIN) == unmapped(MAPPED) == PLAIN
    assert unmapped(IPV6) == IPV6


def test_networks_and_canaries() -> None:
    assert Acl.parse(["192.0.2.1"]).allows(MAPPED, None)
    assert not Acl.parse(["192.0.2.1"]).allows(OTHER, None)
    assert bucket(MAPPED, "salt") == bucket(PLAIN, "salt")


def test_cookies() -> None:
    """Another server with the same secret may have been asked over another socket."""
    cookies = [Cookies([bytes(16)], lambda: 1_767_225_600.0) for _ in range(2)]
    assert cookies[0].answer(b"12345678", MAPPED) == cookies[1].answer(b"12345678", PLAIN)


def test_connections_are_counted_by_address() -> None:
    connections: Connections[int] = Connections(10, per_source=1)
    assert connections.add(1, MAPPED, 0.0) is None
    assert connections.add(2, OTHER, 0.0) is None
    assert connections.add(3, PLAIN, 0.0) == 1
