"""UPDATEs forwarded to name servers over real connections on loopback: which are asked, and what counts."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import dns.message
import dns.tsig
import pytest

from httpkit import run
from tlskit import Authority
from updaterkit import adding
from zonegit.dns.access import tsig
from zonegit.dns.update.message import response
from zonegit.dns.update.signed import SignedUpdate, verify
from zonegit.dns.wire.message import Rcode
from zonegit.errors import TransferError
from zonegit.model.names import from_text
from zonegit.net.dns import update_client
from zonegit.net.dns.update_client import forward_update
from zonegit.net.tls import Identity, dns_context, transfer_context
from zonegit.ops.address import Address
from zonegit.ops.primaries import Primary

KEY = tsig.TsigKey(from_text("k1."), "hmac-sha256", b"secret of 32 bytes, as is usual.")
NOW = 1_767_225_600
Answer = Callable[[bytes], bytes | None]
"""The response to a message; `SILENCE`; None: the connection is closed."""


SILENCE = b""


@asynccontextmanager
async def server(answer: Answer, tls: ssl.SSLContext | None = None) -> AsyncIterator[Primary]:
    tasks = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.current_task())
        with suppress(OSError, EOFError):
            size = int.from_bytes(await reader.readexactly(2), "big")
            found = answer(await reader.readexactly(size))
            if found:
                writer.write(len(found).to_bytes(2, "big") + found)
            if found is not None:
                await reader.read()
        writer.transport.abort()

    serving = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    try:
        yield Primary(Address("127.0.0.1", serving.sockets[0].getsockname()[1]), None, tls is not None)
    finally:
        serving.close()
        await asyncio.gather(*tasks)


def noerror(packet: bytes) -> bytes:
    return response(packet, Rcode.NOERROR)


def closes(_: bytes) -> None:
    return None


def message() -> bytes:
    return adding(None, "new").to_wire()


def test_the_signature_and_its_response_survive_another_id() -> None:
    """RFC 8945 §5.5: both sides verify with the original id."""
    update = adding(dns.tsig.Key("k1.", KEY.secret, "hmac-sha256"), "new")
    packet = update.to_wire()
    came: list[bytes] = []

    def answer(packet: bytes) -> bytes:
        came.append(packet)
        signed = verify(packet, {KEY.name: KEY}, update.tsig[0].time_signed if update.tsig else NOW)
        assert isinstance(signed, SignedUpdate)
        return signed.response(Rcode.YXDOMAIN, update.tsig[0].time_signed)

    async def test() -> bytes:
        async with server(answer) as primary:
            return await forward_update([primary], packet, 20)

    found = run(test())
    [sent] = came
    assert sent[2:] == packet[2:]
    assert sent[:2] != packet[:2] or update.id == 0
    assert dns.message.from_wire(found, keyring=update.keyring, request_mac=update.mac).id == update.id


def test_the_first_that_answers_decides() -> None:
    async def test() -> None:
        async with server(closes) as broken, server(noerror) as good, server(closes) as unasked:
            gone = await _gone()
            packet = message()
            assert await forward_update([gone, broken, good, unasked], packet, 20) == noerror(packet)

    run(test())


@pytest.mark.parametrize(
    "answer",
    [
        lambda packet: packet[:5],
        lambda packet: packet,
        lambda packet: bytes([packet[0] ^ 1]) + noerror(packet)[1:],
        lambda packet: packet[:2] + b"\x80\0" + bytes(8),
    ],
    ids=["short", "a request", "another id", "another opcode"],
)
def test_what_is_no_response_to_an_update_is_none(answer: Answer) -> None:
    async def test() -> None:
        async with server(answer) as primary:
            with pytest.raises(TransferError, match=f"{primary.address}: it answered with something else"):
                await forward_update([primary], message(), 20)

    run(test())


def test_an_error_names_each_primary_and_what_it_did() -> None:
    async def test() -> None:
        async with server(closes) as broken:
            gone = await _gone()
            with pytest.raises(TransferError) as found:
                await forward_update([gone, broken], message(), 20)
            assert f"{gone.address}: nothing listens there" in str(found.value)
            assert f"{broken.address}: it closed the connection" in str(found.value)

    run(test())


def test_one_that_is_silent_is_given_up_for_the_next_and_all_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(update_client, "_BOUNDS", update_client._BOUNDS._replace(answer_seconds=0.1))

    async def test() -> None:
        async with server(lambda _: SILENCE) as primary, server(noerror) as good:
            packet = message()
            assert await forward_update([primary, good], packet, 20) == noerror(packet)
            with pytest.raises(TransferError, match="no time was left"):
                await forward_update([primary] * 100, packet, 0.3)

    run(test())


def test_over_tls_by_the_name_of_the_certificate(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    files = authority.issue("primary", host="ns1.example.org")
    identity = Identity(files.cert, files.key)

    async def ask(primary: Primary, name: str, packet: bytes) -> bytes:
        trusting = transfer_context(verify=True, ca=authority.cert)
        return await forward_update([primary._replace(tls_name=name)], packet, 20, tls=trusting)

    async def test() -> None:
        async with server(noerror, dns_context(identity)) as primary:
            packet = message()
            assert await ask(primary, "ns1.example.org", packet) == noerror(packet)
            with pytest.raises(TransferError, match="certificate"):
                await ask(primary, "ns2.example.org", packet)

    run(test())


async def _gone() -> Primary:
    """A primary that isn't there."""
    async with server(closes) as primary:
        return primary
