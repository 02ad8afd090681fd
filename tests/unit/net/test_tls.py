"""`/v0` over TLS: 1.3 only, a private CA, client certificates, keys that are bound to one."""

import asyncio
import os
import socket
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from httpkit import Running, pull_once, run, running
from synckit import KEY, PEER, commit, local_refs, names
from tlskit import Authority, Files
from zonegit.auth.gate import Signer
from zonegit.auth.keyring import Keyring
from zonegit.errors import ConfigError, NotAuthorised, Unreachable
from zonegit.net.client.peer import PeerClient
from zonegit.net.tls import Identity, certificate_alert, client_context, server_context
from zonegit.store.memory import MemoryStore


@pytest.fixture
def ca(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@asynccontextmanager
async def serving(
    ca: Authority, store: MemoryStore | None = None, *, clients: bool = False, files: Files | None = None
) -> AsyncIterator[Running]:
    shown = files or ca.issue("server")
    async with running(store or MemoryStore()) as server:
        server.server.tls = server_context(Identity(shown.cert, shown.key), ca.cert if clients else None)
        yield server


@asynccontextmanager
async def secure_peer(
    server: Running, trusted: Path | None, shown: Files | None = None
) -> AsyncIterator[PeerClient]:
    identity = Identity(shown.cert, shown.key) if shown else None
    signer = Signer(PEER, KEY, time.time, os.urandom)
    peer = PeerClient(f"https://127.0.0.1:{server.port}", signer, tls=client_context(trusted, identity))
    try:
        yield peer
    finally:
        await peer.close()


def handshake(port: int, context: ssl.SSLContext) -> str | None:
    """The version that a connection has when its first byte came back; `OSError` when none does."""
    plain = socket.create_connection(("127.0.0.1", port), timeout=20)
    with plain, context.wrap_socket(plain, server_hostname="127.0.0.1") as secure:
        if not secure.recv(1):
            raise ConnectionResetError
        return secure.version()


def test_a_sync_over_tls(ca: Authority) -> None:
    async def test() -> None:
        primary, secondary = MemoryStore(), MemoryStore()
        commit(primary, "example.org.", names("example.org.", 500))
        async with serving(ca, primary) as server, secure_peer(server, ca.cert) as peer:
            await pull_once(peer, secondary)
        assert local_refs(secondary) == local_refs(primary)

    run(test())


def test_a_server_of_another_ca_is_not_believed(ca: Authority, tmp_path: Path) -> None:
    other = Authority(tmp_path, "other")

    async def test() -> None:
        async with serving(ca) as server:
            for trusted in (other.cert, None):
                async with secure_peer(server, trusted) as peer:
                    with pytest.raises(Unreachable, match="CERTIFICATE_VERIFY_FAILED"):
                        await peer.refs()
            assert not server.samples.values, "nothing was asked"

    run(test())


def test_an_expired_server_is_not_believed(ca: Authority) -> None:
    async def test() -> None:
        async with (
            serving(ca, files=ca.issue("late", timedelta(seconds=-60))) as server,
            secure_peer(server, ca.cert) as peer,
        ):
            with pytest.raises(Unreachable, match="expired"):
                await peer.refs()

    run(test())


@pytest.mark.parametrize(
    ("shown", "logged", "alert"),
    [
        ("none", "no client certificate", "certificate required"),
        ("other", "client certificate: ", "unknown ca"),
        ("expired", "client certificate: certificate has expired", "certificate expired"),
        ("good", "", ""),
    ],
)
def test_clients_show_a_certificate(
    ca: Authority, tmp_path: Path, caplog: pytest.LogCaptureFixture, shown: str, logged: str, alert: str
) -> None:
    files = {
        "none": lambda: None,
        "other": lambda: Authority(tmp_path, "other").issue("client"),
        "expired": lambda: ca.issue("client", timedelta(seconds=-60)),
        "good": lambda: ca.issue("client"),
    }[shown]()

    async def test() -> None:
        async with serving(ca, clients=True) as server, secure_peer(server, ca.cert, files) as peer:
            if shown == "good":
                assert await peer.refs() is not None
            else:
                for _ in range(2):
                    with pytest.raises(NotAuthorised, match=rf"certificate \({alert}\): name one .* --client-cert"):
                        await peer.refs()
                assert not server.samples.values, "no request came through"
            lines = [record.getMessage() for record in caplog.records if "refused a request" in record.getMessage()]
            assert len(lines) == bool(logged)
            assert not logged or f'source=127.0.0.1 kid=- reason="{logged}' in lines[0]

    run(test())


def test_a_bound_key_comes_with_its_certificate_only(ca: Authority) -> None:
    mine, another = ca.issue("mine"), ca.issue("another")

    async def test() -> None:
        async with serving(ca, clients=True) as server:
            server.gate.keyring = Keyring([replace(KEY, client_cert=mine.fingerprint)])
            async with secure_peer(server, ca.cert, mine) as peer:
                assert await peer.refs() is not None
            async with secure_peer(server, ca.cert, another) as peer:
                with pytest.raises(NotAuthorised, match="refuses key k1"):
                    await peer.refs()
            assert server.samples.values["auth_attempts_total,key_id=k1,result=client_cert"] == 1

    run(test())


def test_older_versions_and_other_protocols_are_refused(ca: Authority) -> None:
    async def test() -> None:
        old = client_context(ca.cert, None)
        old.minimum_version = ssl.TLSVersion.TLSv1_2
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        wordless = ssl.create_default_context(cafile=ca.cert)
        http1 = ssl.create_default_context(cafile=ca.cert)
        http1.set_alpn_protocols(["http/1.1"])
        async with serving(ca) as server:
            for context in (old, wordless, http1):
                with pytest.raises((ConnectionError, ssl.SSLError)):
                    await asyncio.to_thread(handshake, server.port, context)
            assert await asyncio.to_thread(handshake, server.port, client_context(ca.cert, None)) == "TLSv1.3"

    run(test())


def test_cleartext_at_a_tls_port_gets_nothing(ca: Authority) -> None:
    async def test() -> None:
        async with serving(ca) as server:
            peer = PeerClient(server.url, Signer(PEER, KEY, time.time, os.urandom))
            with pytest.raises(Unreachable):
                await peer.refs()
            await peer.close()
            assert not server.samples.values

    run(test())


def test_a_handshake_counts_as_a_connection_and_is_counted_off(ca: Authority) -> None:
    async def test() -> None:
        async with serving(ca) as server:
            silent = await asyncio.open_connection("127.0.0.1", server.port)
            async with asyncio.timeout(20):
                while not server.server.open["127.0.0.1"]:
                    await asyncio.sleep(0.01)
                silent[1].close()
                while server.server.open["127.0.0.1"]:
                    await asyncio.sleep(0.01)

    run(test())


def test_a_new_certificate_counts_from_the_next_connection_on(ca: Authority, tmp_path: Path) -> None:
    other = Authority(tmp_path, "other")
    renewed = other.issue("renewed")

    async def test() -> None:
        async with serving(ca) as server, secure_peer(server, ca.cert) as peer:
            await peer.refs()
            server.server.tls = server_context(Identity(renewed.cert, renewed.key), None)
            await peer.refs()
            await peer.close()
            with pytest.raises(Unreachable):
                await peer.refs()
            peer.tls = client_context(other.cert, None)
            await peer.close()
            assert await peer.refs() is not None

    run(test())


@pytest.mark.parametrize("fault", ["missing", "text", "mixed", "open", "encrypted"])
def test_files_that_cannot_be_used(ca: Authority, tmp_path: Path, fault: str) -> None:
    good, other = ca.issue("good"), ca.issue("other")
    identity = Identity(good.cert, other.key if fault == "mixed" else good.key)
    if fault == "missing":
        good.key.unlink()
    elif fault == "text":
        good.cert.write_text("no certificate\n")
    elif fault == "open":
        good.key.chmod(0o644)
    elif fault == "encrypted":
        good.key.write_text("-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n")
    with pytest.raises(ConfigError, match=str(tmp_path)) as caught:
        server_context(identity, None)
    assert "\n" not in str(caught.value)


def test_a_ca_that_cannot_be_used(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.pem", tmp_path / "empty.pem"):
        if path.stem == "empty":
            path.touch()
        with pytest.raises(ConfigError, match=path.name):
            client_context(path, None)


@pytest.mark.parametrize(
    ("url", "allowed", "fits"),
    [
        ("http://192.0.2.1:9354", False, False),
        ("http://192.0.2.1:9354", True, True),
        ("http://primary.example:9354", False, False),
        ("http://localhost.example:9354", False, False),
        ("https://primary.example", False, True),
        ("http://localhost:9354", False, True),
        ("http://127.0.0.2:9354", False, True),
        ("http://[::1]:9354", False, True),
    ],
)
def test_cleartext_leads_no_further_than_loopback(url: str, allowed: bool, fits: bool) -> None:
    signer = Signer(PEER, KEY, time.time, os.urandom)
    if fits:
        PeerClient(url, signer, allow_plaintext=allowed)
    else:
        with pytest.raises(ConfigError, match="cleartext to another machine"):
            PeerClient(url, signer, allow_plaintext=allowed)


@pytest.mark.parametrize("shown", ["none", "other", "good"])
def test_an_alert_about_a_certificate_is_told(ca: Authority, tmp_path: Path, shown: str) -> None:
    """From a server that sends one: OpenSSL's own, in blocking mode."""
    files = {"none": None, "other": Authority(tmp_path, "other").issue("theirs"), "good": ca.issue("client")}[shown]
    mine = ca.issue("server")
    context = server_context(Identity(mine.cert, mine.key), ca.cert)

    def serve(listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                plain, _ = listener.accept()
                with suppress(OSError), context.wrap_socket(plain, server_side=True) as secure:
                    secure.sendall(b"\0")

    async def test() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            serving = asyncio.get_running_loop().run_in_executor(None, serve, listener)
            found = await certificate_alert(
                "127.0.0.1",
                listener.getsockname()[1],
                client_context(ca.cert, Identity(files.cert, files.key) if files else None),
            )
            listener.shutdown(socket.SHUT_RDWR)
            await serving
        assert found == {"none": "certificate required", "other": "unknown ca", "good": ""}[shown]

    run(test())


def test_a_server_that_closes_without_an_alert(ca: Authority) -> None:
    """As asyncio's own do."""
    mine = ca.issue("server")

    async def test() -> None:
        context = server_context(Identity(mine.cert, mine.key), ca.cert)
        server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=context)
        async with server:
            url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            peer = PeerClient(url, Signer(PEER, KEY, time.time, os.urandom), tls=client_context(ca.cert, None))
            with pytest.raises(Unreachable, match=r"may require a certificate: name one .* --client-cert"):
                await peer.refs()
            await peer.close()

    run(test())
