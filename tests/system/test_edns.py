"""Cookies, identifiers and CHAOS of a running daemon, and cookies beside those of BIND, NSD and Knot."""

import signal
import socket
from pathlib import Path
from time import monotonic, sleep, time

import dns.edns
import dns.message
import pytest

from daemonkit import until
from peerkit import PEERS, running
from zonegit.dns.access.cookies import Cookies

DEADLINE = 30.0
SECRETS = ("00112233445566778899aabbccddeeff", "ffeeddccbbaa99887766554433221100")
SHOWN = b"resolver"
CLIENT = bytes((127, 0, 0, 1))


def asked(
    port: int, *options: dns.edns.Option, name: str = "www.example.org.", rdclass: str = "IN", rtype: str = "A"
):
    """The response over UDP."""
    packet = dns.message.make_query(name, rtype, rdclass, use_edns=0, options=list(options)).to_wire()
    deadline = monotonic() + DEADLINE
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("127.0.0.1", port))
        sock.settimeout(1)
        while True:
            try:
                sock.send(packet)
                return dns.message.from_wire(sock.recv(4096))
            except OSError:  # refused while it starts, or timed out
                assert monotonic() < deadline, f"no answer on port {port}"
                sleep(0.05)


def cookie(port: int, shown: bytes = SHOWN) -> bytes:
    """What a server answers to a cookie."""
    (found,) = [each for each in asked(port, dns.edns.GenericOption(10, shown)).options if each.otype == 10]
    return bytes(found.to_wire())


def cookies(*secrets: str) -> Cookies:
    return Cookies([bytes.fromhex(secret) for secret in secrets], time)


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    path = tmp_path / "cookie.secrets"
    path.touch(0o600)
    path.write_text(SECRETS[0])
    return path


def test_what_clients_are_told(repo, start, tmp_path):
    config = tmp_path / "zonegitd.toml"
    config.write_text('[dns]\nnsid = "node-1"\nversion = "zonegit"\nidentity = "ns1"\n')
    port = start(repo, "--config", config).port()
    assert [each.to_wire() for each in asked(port, dns.edns.GenericOption(3, b"")).options] == [b"node-1"]
    for name, text in (("version.bind.", "zonegit"), ("id.server.", "ns1")):
        (rrset,) = asked(port, name=name, rdclass="CH", rtype="TXT").answer
        assert rrset[0].strings == (text.encode(),)


def test_all_workers_have_one_secret_and_a_reload_turns_it(repo, start, secrets, tmp_path):
    config = tmp_path / "zonegitd.toml"
    config.write_text(f'[dns]\ncookie_secrets = "{secrets}"\n')
    daemon = start(repo, "--config", config, "--workers", "2")
    old, both = cookies(SECRETS[0]), cookies(*SECRETS)
    for _ in range(8):  # each from another port, so that both workers answer
        assert old.is_valid(cookie(daemon.port()), CLIENT)
    secrets.write_text("no secret")
    daemon.signal(signal.SIGHUP)
    daemon.logged("not a cookie secret")
    assert old.is_valid(cookie(daemon.port()), CLIENT)
    secrets.write_text("\n".join(reversed(SECRETS)))
    before = cookie(daemon.port())
    daemon.reload("dns-0", "dns-1")
    for _ in range(8):
        assert not old.is_valid(cookie(daemon.port(), before), CLIENT)
    assert both.is_valid(cookie(daemon.port(), before), CLIENT)


def test_a_secret_of_chance_outlives_a_reload(repo, start):
    daemon = start(repo, "--workers", "2")
    first = cookie(daemon.port())
    daemon.reload("dns-0", "dns-1")
    for _ in range(8):
        assert cookie(daemon.port(), first) == first


def test_without_cookies(repo, start, tmp_path):
    config = tmp_path / "zonegitd.toml"
    config.write_text("[dns]\ncookies = false\n")
    assert asked(start(repo, "--config", config).port(), dns.edns.GenericOption(10, SHOWN)).options == ()


@pytest.mark.parametrize("peer", PEERS)
def test_cookies_are_those_of_other_makes(peer, tmp_path, needs_program):
    """With one secret, each takes the other's: a cookie that holds comes back as it is."""
    program = needs_program(peer)
    zone = tmp_path / "zone"
    zone.write_text("@ 60 SOA ns h 1 60 60 60 60\n@ 60 NS ns\nns 60 A 192.0.2.1\n")
    ours = cookies(SECRETS[0])
    with running(peer, program, tmp_path / peer, {"example.org.": zone}, cookie_secret=SECRETS[0]) as port:
        theirs = cookie(port)
        assert len(theirs) == 24
        assert ours.is_valid(theirs, CLIENT)
        assert not cookies(SECRETS[1]).is_valid(theirs, CLIENT)

        def comes_back() -> bool:
            """Some makes answer with a cookie of this second."""
            made = ours.answer(SHOWN, CLIENT)
            assert made is not None
            return cookie(port, made[4:]) == made[4:]

        until(comes_back, "the same cookie")
