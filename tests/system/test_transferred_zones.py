"""Zones from real servers: what they send is what their zone file says, signed with TSIG and over TLS."""

import asyncio
import base64
import gzip
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from commandkit import Command
from peerkit import HOST
from repokit import ZONE
from tlskit import Authority
from transferredkit import KEY, SERVERS, Place, serving
from zonegit.dns.access.tsig import TsigKey
from zonegit.errors import TransferRefused
from zonegit.model.names import from_text
from zonegit.net.dns.transfer_client import TransferClient
from zonegit.ops.address import Address
from zonegit.ops.primaries import Primary
from zonegit.repo.incoming.values import UpToDate, WholeZone
from zonegit.zonefile.reader import read_zone

DATA = Path(os.environ.get("ZONEGIT_BENCH_DATA", Path(__file__).parents[3] / "shared" / "data"))
MORE = """\
*.wild  300 IN TXT  "any name" "below"
Mixed   300 IN CNAME WWW
_sip._tcp 300 IN SRV 1 2 5060 www
sub     300 IN NS   ns.sub
sub     300 IN DS   12345 13 2 3BBAB25A0A4F31E5E9F0C0A5C3D1E2F4A5B6C7D8E9F0A1B2C3D4E5F6A7B8C9D0
ns.sub  300 IN A    192.0.2.99
six     300 IN AAAA 2001:db8::6
e       300 IN NAPTR 100 10 "u" "E2U+sip" "!^.*$!sip:info@example.org!" .
caa     300 IN CAA  0 issue "ca.example.net"
key     300 IN SSHFP 4 2 3bbab25a0a4f31e5e9f0c0a5c3d1e2f4a5b6c7d8e9f0a1b2c3d4e5f6a7b8c9d0
""" + "".join(f"host{number} 300 IN A 192.0.2.{number % 250}\n" for number in range(1500))
SECRET = base64.b64encode(b"a secret that both servers know.").decode()
XFR = TsigKey(from_text(f"{KEY}."), "hmac-sha256", base64.b64decode(SECRET))
SIGNED_ROOT = DATA / "root-2017082100-signed.zone.gz"
Needs = Callable[[str], str]


def transferred(place: Place, key: TsigKey | None, known: int | None = None) -> WholeZone | UpToDate:
    async def run() -> WholeZone | UpToDate:
        primary = Primary(Address(HOST, place.port), None if key is None else key.name)
        async with TransferClient(primary, key) as client:
            first = await client.transfer(from_text(place.zone), known)
            assert await client.transfer(from_text(place.zone), known) == first
        assert isinstance(first, WholeZone | UpToDate)
        return first

    return asyncio.run(run())


@pytest.fixture
def zone(tmp_path: Path) -> Path:
    path = tmp_path / "zone"
    path.write_text(ZONE + MORE)
    return path


@pytest.mark.parametrize("server", SERVERS)
def test_what_a_server_sends_is_what_its_file_says(server, needs_program: Needs, tmp_path, zone) -> None:
    """Also what each answers to IXFR if nothing is newer, and to keys that it doesn't know."""
    if server == "pdns_server":
        needs_program("sqlite3")
    parsed = read_zone(zone, name="zone", origin=from_text("example.org."))
    with serving(server, needs_program(server), tmp_path / server, "example.org.", zone, SECRET) as place:
        done = transferred(place, XFR)
        assert isinstance(done, WholeZone)
        assert (done.serial, tuple(done.entries)) == (parsed.serial, parsed.entries)
        if server != "pdns_server":  # it sends the whole zone, which isn't newer
            assert transferred(place, XFR, parsed.serial) == UpToDate(done.apex, parsed.serial)
        with pytest.raises(TransferRefused, match=r"REFUSED|NOTAUTH"):
            transferred(place, None)
        with pytest.raises(TransferRefused, match=r"BADKEY: .* key other\. \(hmac-sha256\)|doesn't know the key"):
            transferred(place, TsigKey(from_text("other."), "hmac-sha256", XFR.secret))
        with pytest.raises(TransferRefused, match=r"BADSIG: its secret|NOTAUTH"):
            transferred(place, TsigKey(XFR.name, "hmac-sha256", b"another secret, not known there.."))


@pytest.mark.parametrize("server", ["named", "nsd"])
def test_over_tls(server, needs_program: Needs, tmp_path, zone, monkeypatch) -> None:
    """`import --axfr`, whose `SSL_CERT_FILE` has the CA. The Knot and PowerDNS of Debian 12 have no TLS."""
    authority = Authority(tmp_path)
    files = authority.issue("server", host="ns1.example.org")
    key = tmp_path / f"{KEY}.tsig"
    key.touch(0o600)
    key.write_text(f'algorithm = "hmac-sha256"\nsecret = "{SECRET}"\n')
    command = Command(tmp_path / "repo", {"SSL_CERT_FILE": str(authority.cert)})
    assert command("init").code == 0
    with serving(server, needs_program(server), tmp_path / server, "example.org.", zone, SECRET, files) as place:
        how = ("--axfr", f"{HOST}:{place.tls_port}", "--key", key)
        command.refused(
            7, "its certificate isn't accepted", "import", *how, "--tls-name", "ns2.example.org", "example.org"
        )
        done = command("import", *how, "--tls-name", "ns1.example.org", "example.org")
        assert done.code == 0, done
        again = command("import", *how, "--tls", "example.org")
        assert "nothing to change" in again.err
    exported = tmp_path / "exported"
    exported.write_text(command("export").out)
    origin = from_text("example.org.")
    assert (
        read_zone(exported, name="it", origin=origin).entries == read_zone(zone, name="zone", origin=origin).entries
    )


@pytest.mark.parametrize("server", ["named", "knotd"])
def test_the_signed_root_zone(server, needs_program: Needs, tmp_path) -> None:
    """22,772 records, most of them of DNSSEC, below a name of one byte."""
    if not SIGNED_ROOT.exists():
        pytest.skip(f"needs {SIGNED_ROOT.name}")
    file = tmp_path / "root"
    file.write_bytes(gzip.decompress(SIGNED_ROOT.read_bytes()))
    parsed = read_zone(file, name="root", origin=from_text("."))
    with serving(server, needs_program(server), tmp_path / server, ".", file, SECRET) as place:
        done = transferred(place, XFR)
    assert isinstance(done, WholeZone)
    assert done.records == parsed.records
    assert tuple(done.entries) == parsed.entries
