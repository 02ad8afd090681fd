"""Transfers over real connections on loopback: one for several zones, TLS, servers that close, serials by UDP."""

import asyncio
import ssl
from pathlib import Path

import pytest

from lyingprimary import LyingPrimary
from primarykit import APEX, SOA, a
from tlskit import Authority
from zonegit.dns.access.tsig import TsigKey
from zonegit.dns.incoming.bounds import Bounds
from zonegit.errors import TransferError, TransferForged, TransferInterrupted, TransferRefused
from zonegit.model.names import from_text
from zonegit.net.dns.soa_query import ask_serial
from zonegit.net.dns.transfer_client import TransferClient
from zonegit.net.tls import Identity, dns_context, transfer_context
from zonegit.ops.address import Address
from zonegit.ops.primaries import Primary
from zonegit.repo.incoming.values import Differences, UpToDate, WholeZone

KEY = TsigKey(from_text("xfr."), "hmac-sha384", b"secret of 32 bytes, as is usual.")
QUICK = Bounds(connect_seconds=0.3, answer_seconds=0.3, idle_seconds=0.3)


@pytest.mark.parametrize("key", [None, KEY])
def test_one_connection_carries_all_answers(key: TsigKey | None) -> None:
    async def run(primary: LyingPrimary) -> None:
        async with TransferClient(primary.primary, key) as client:
            assert isinstance(await client.transfer(APEX), WholeZone)
            assert await client.transfer(APEX, 1) == UpToDate(APEX, 1)
            primary.add(a("new", 9))
            read: list[int] = []
            done = await client.transfer(APEX, 1, progress=read.append)
            assert isinstance(done, Differences)
            assert done.serial == 2
            assert read[-1] < 5
        assert primary.connections == 1

    with LyingPrimary(key) as primary:
        asyncio.run(run(primary))


def test_a_connection_that_the_server_closed_is_made_again() -> None:
    async def run(primary: LyingPrimary) -> None:
        async with TransferClient(primary.primary) as client:
            await client.transfer(APEX)
            primary.lie = "closes-at-once"
            with pytest.raises(TransferInterrupted):
                await client.transfer(APEX)
            primary.lie = None
            await client.transfer(APEX)
            primary.drop()
            await client.transfer(APEX)

    with LyingPrimary() as primary:
        asyncio.run(run(primary))


def test_another_zone_is_refused_and_the_connection_ends() -> None:
    async def run(primary: LyingPrimary) -> None:
        async with TransferClient(primary.primary) as client:
            with pytest.raises(TransferRefused, match="NOTAUTH: it doesn't serve the zone"):
                await client.transfer(from_text("example.net."))
            await client.transfer(APEX)
        assert primary.connections == 2

    with LyingPrimary() as primary:
        asyncio.run(run(primary))


def test_nothing_listens() -> None:
    with LyingPrimary() as primary:
        gone = primary.primary
    with pytest.raises(TransferInterrupted, match="nothing listens there"):
        asyncio.run(TransferClient(gone).transfer(APEX))


@pytest.mark.parametrize(
    ("name", "error"),
    [(None, None), ("ns2.example.org", None), ("ns1.example.org", "isn't accepted: Hostname mismatch")],
)
def test_over_tls(tmp_path: Path, name: str | None, error: str | None) -> None:
    """The certificate counts only if the primary has a name."""
    authority = Authority(tmp_path)
    files = authority.issue("server", host="ns2.example.org")

    async def run(primary: LyingPrimary) -> None:
        place = primary.primary._replace(tls_name=name)
        context = transfer_context(verify=name is not None, ca=authority.cert if name else None)
        async with TransferClient(place, KEY, tls=context) as client:
            if error is None:
                assert isinstance(await client.transfer(APEX), WholeZone)
                assert await ask_serial(place, APEX, KEY, tls=context) == 1
            else:
                with pytest.raises(TransferForged, match=error):
                    await client.transfer(APEX)

    with LyingPrimary(KEY, dns_context(Identity(files.cert, files.key))) as primary:
        asyncio.run(run(primary))


def test_tls_with_a_server_that_speaks_none() -> None:
    with LyingPrimary() as primary:
        place = primary.primary._replace(tls=True)
        with pytest.raises(TransferInterrupted, match="no connection within"):
            asyncio.run(TransferClient(place, None, QUICK).transfer(APEX))


@pytest.mark.parametrize("key", [None, KEY])
def test_the_serial_is_asked_over_udp(key: TsigKey | None) -> None:
    with LyingPrimary(key) as primary:
        assert asyncio.run(ask_serial(primary.primary, APEX, key)) == 1
        assert [ask.qtype for ask in primary.asked] == [SOA]
        assert primary.connections == 0


def test_the_serial_is_asked_over_tcp_where_udp_says_nothing_that_counts() -> None:
    """Here the datagram isn't signed, as if somebody had forged it."""
    with LyingPrimary(KEY) as primary:
        primary.signs_datagrams = False
        assert asyncio.run(ask_serial(primary.primary, APEX, KEY)) == 1
        assert primary.connections == 1


def test_a_serial_that_nobody_tells() -> None:
    with LyingPrimary() as primary, pytest.raises(TransferError, match="NOTAUTH"):
        asyncio.run(ask_serial(primary.primary, from_text("example.net.")))
    nobody = Primary(Address("127.0.0.1", primary.port))
    with pytest.raises(TransferInterrupted):
        asyncio.run(ask_serial(nobody, APEX, None, QUICK))


def test_certificates_of_the_system_are_checked_by_default() -> None:
    context = transfer_context(verify=True)
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version is ssl.TLSVersion.TLSv1_3
