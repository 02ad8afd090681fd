"""Requests that break rules, sent byte for byte to a real server: what each is told, and what stays up."""

import json
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from blake3 import blake3

from daemonkit import until
from httpkit import Running, generous_gate
from httpkit import served as beside
from rawh2 import RawClient
from synckit import KEY, SMALL_NODES, commit, names, refs_of
from zonegit.auth.gate import Gate
from zonegit.auth.key import Key
from zonegit.auth.keyring import Keyring
from zonegit.auth.scheme import check_response, parse_authorization, parse_signature
from zonegit.auth.scope import parse_scope
from zonegit.net.server.unauthenticated import PER_SOURCE
from zonegit.store.memory import MemoryStore
from zonegit.sync.limits import FETCH_BODY
from zonegit.sync.wire import JSON_TYPE, FetchRequest, PeerRefs
from zonegit.sync.work import Due, Work

PATHS = ["/v0/refs", "/v0/objects/" + "0" * 64, "/v0/nothing", "/", "/v0"]


def served(test: Callable[[RawClient, Running], None], store: MemoryStore | None = None, **options: Any) -> None:
    """Run a blocking test with a client of a server."""

    def work(server: Running) -> None:
        with RawClient(server.port) as client:
            test(client, server)

    beside(work, store, **options)


def still_serves(client: RawClient) -> None:
    assert client.ask("GET", "/v0/refs", client.signed("GET", "/v0/refs")).status == 200


def authentic(client: RawClient, method: str, path: str, **more: str) -> tuple[int, bytes]:
    """Status and body of an answer whose signature is right."""
    headers = client.signed(method, path)
    answer = client.ask(method, path, [*headers, *more.items()])
    signature = parse_signature(answer.headers["zg-signature"].encode())
    mac = parse_authorization([headers[0][1].encode()]).mac
    assert check_response(
        KEY,
        mac,
        signature,
        status=answer.status,
        content_type=answer.headers.get("content-type", ""),
        digest=blake3(answer.body).digest(),
    )
    return answer.status, answer.body


@pytest.mark.parametrize("path", PATHS)
def test_nothing_is_told_without_authorization(path: str) -> None:
    def test(client: RawClient, _: Running) -> None:
        answer = client.ask("GET", path, [])
        assert (answer.status, answer.body) == (401, b'{"error":"unauthorized"}')
        assert answer.headers["www-authenticate"] == "ZG1-HMAC-SHA256"
        assert "zg-signature" not in answer.headers
        still_serves(client)

    served(test)


def test_every_bad_authorization_is_told_the_same() -> None:
    def test(client: RawClient, _: Running) -> None:
        good = client.signed("GET", "/v0/refs")
        header = good[0][1]
        bad = [
            [("authorization", header), ("authorization", header)],
            [("authorization", header.replace("kid=k1", "kid=k2"))],
            [("authorization", header.replace("aud=primary-1", "aud=primary-2"))],
            [("authorization", "Bearer token")],
            [("authorization", "x" * 600)],
            client.signed("GET", "/v0/refs", key=Key.derive("k1", b"w" * 32)),
            client.signed("GET", "/v0/fetch"),
        ]
        for headers in bad:
            answer = client.ask("GET", "/v0/refs", headers)
            assert (answer.status, answer.body) == (401, b'{"error":"unauthorized"}')
        assert client.ask("GET", "/v0/refs", good).status == 200
        replayed = client.ask("GET", "/v0/refs", good)
        assert (replayed.status, replayed.body) == (401, b'{"error":"unauthorized"}')

    served(test)


def test_an_old_request_gets_a_signed_answer_with_the_time() -> None:
    def test(client: RawClient, _: Running) -> None:
        answer = client.ask("GET", "/v0/refs", client.signed("GET", "/v0/refs", ts=int(time.time()) - 1000))
        table = json.loads(answer.body)
        assert (answer.status, table["error"]) == (401, "clock_skew")
        assert abs(table["server_time"] - time.time()) < 60
        assert "zg-signature" in answer.headers

    served(test)


@pytest.mark.parametrize("path", ["/v0/refs?x=1", "/v0//refs", "/v0/../v0/refs", "/v0/%72efs", "/v0/./../refs"])
def test_paths_that_can_be_read_in_two_ways(path: str) -> None:
    def test(client: RawClient, _: Running) -> None:
        assert client.ask("GET", path, client.signed("GET", path)).status == 401
        still_serves(client)

    served(test)


@pytest.mark.parametrize(("method", "path"), [("GET", "/v0/refs?"), ("get", "/v0/refs"), ("GET", "/v0/refs#")])
def test_a_signature_is_for_what_was_sent_only(method: str, path: str) -> None:
    def test(client: RawClient, _: Running) -> None:
        assert client.ask(method, path, client.signed("GET", "/v0/refs")).status == 401
        still_serves(client)

    served(test)


def test_errors_after_authentication_are_signed() -> None:
    def test(client: RawClient, server: Running) -> None:
        assert authentic(client, "GET", "/v0/nothing") == (404, b'{"error":"not_found"}')
        assert authentic(client, "POST", "/v0/refs") == (405, b'{"error":"method_not_allowed"}')
        assert authentic(client, "GET", "/v0/objects/" + "0" * 64) == (404, b'{"error":"not_found"}')
        assert authentic(client, "GET", "/v0/objects/xyz") == (400, b'{"error":"bad_request"}')
        assert authentic(client, "POST", "/v0/fetch") == (400, b'{"error":"bad_request"}')
        status, body = authentic(client, "GET", "/v0/refs")
        root = PeerRefs.decode(body).root
        assert status == 200
        assert authentic(client, "GET", "/v0/refs", **{"if-none-match": f'"{root}"'}) == (304, b"")

    served(test)


def test_a_key_without_the_verb_gets_a_signed_403() -> None:
    key = Key.derive("k1", bytes(range(32)), scopes=(parse_scope("push:*"),))

    def test(client: RawClient, _: Running) -> None:
        assert authentic(client, "GET", "/v0/refs") == (403, b'{"error":"forbidden"}')

    served(test, gate=generous_gate((key,)))


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b"{}",
        b"[]",
        b'{"want":[]}',
        b'{"want":"x"}',
        b'{"want":[1]}',
        b'{"want":["' + b"A" * 64 + b'"]}',
        b'{"want":["' + b"0" * 64 + b'"],"cursor":"zz"}',
        b"\xff\xfe",
    ],
)
def test_bodies_that_make_no_sense(body: bytes) -> None:
    def test(client: RawClient, _: Running) -> None:
        headers = client.signed("POST", "/v0/fetch", body, JSON_TYPE)
        assert client.ask("POST", "/v0/fetch", headers, body).status == 400
        still_serves(client)

    served(test)


def test_a_cursor_of_another_walk() -> None:
    store = MemoryStore()
    commit(store, "example.org.", names("example.org.", 20), shape=SMALL_NODES)
    (tip,) = refs_of(store).branches

    def test(client: RawClient, _: Running) -> None:
        for cursor in (b"c" * 32, tip.oid + b"\0\1" * 9, tip.oid + b"\xff\xff"):
            body = FetchRequest((tip.oid,), (), cursor).encode()
            answer = client.ask("POST", "/v0/fetch", client.signed("POST", "/v0/fetch", body, JSON_TYPE), body)
            assert (answer.status, answer.body) == (409, b'{"error":"cursor"}')

    served(test, store)


@pytest.mark.parametrize("known", [True, False])
def test_a_body_beyond_its_bound_is_413_and_the_connection_goes_on(known: bool) -> None:
    def test(client: RawClient, _: Running) -> None:
        body = b"x" * (FETCH_BODY + 1)
        headers = client.signed("POST", "/v0/fetch", body, JSON_TYPE)
        if not known:
            headers[0] = ("authorization", headers[0][1].replace("kid=k1", "kid=k2"))
        assert client.ask("POST", "/v0/fetch", headers, body).status == 413
        assert client.ask("GET", "/v0/refs", client.signed("GET", "/v0/refs", b"x"), b"x").status == 413
        still_serves(client)

    served(test)


def test_the_body_of_a_refused_request_is_read() -> None:
    def test(client: RawClient, _: Running) -> None:
        assert client.ask("POST", "/v0/fetch", [], b"x" * 400_000).status == 401
        still_serves(client)

    served(test)


def test_many_failures_of_one_source_are_429() -> None:
    def test(client: RawClient, _: Running) -> None:
        found = [client.ask("GET", "/v0/refs", []).status for _ in range(11)]
        assert found == [401] * 10 + [429]
        answer = client.ask("GET", "/v0/refs", client.signed("GET", "/v0/refs"))
        assert answer.status == 200, "who shares an address with failures isn't locked out"
        answer = client.ask("GET", "/v0/refs", [])
        assert 0 < int(answer.headers["retry-after"]) <= 6

    now = time.time()
    served(test, gate=Gate("primary-1", Keyring([KEY]), lambda: now))  # in which nothing is earned again


def test_connect_and_websockets_are_refused() -> None:
    def test(client: RawClient, _: Running) -> None:
        for extra in ([(":protocol", "websocket"), ("sec-websocket-version", "13")], []):
            stream = client.h2.get_next_available_stream_id()
            pseudo = [(":method", "CONNECT"), (":path", "/v0/refs"), (":scheme", "http"), (":authority", "x")]
            client.h2.send_headers(stream, [*pseudo, *extra])
            from rawh2 import Answer

            client.answers[stream] = Answer()
            client.flush()
            while not client.answers[stream].ended and client.read():
                pass
            assert client.answers[stream].status in (0, 400, 403)
            assert client.answers[stream].body == b""
        if not client.closed:
            still_serves(client)

    served(test)


@pytest.mark.parametrize(
    "request_text",
    [
        "GET /v0/refs HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "GET /v0/refs HTTP/1.0\r\n\r\n",
        "POST /v0/fetch HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello",
        "GET /v0/refs HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    ],
)
def test_http_1_is_refused(request_text: str) -> None:
    def test(client: RawClient, server: Running) -> None:
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as sock:
            sock.sendall(request_text.encode())
            answer = b""
            while part := sock.recv(4096):
                answer += part
                if b"\r\n\r\n" in answer and b"content-length: 0" in answer.lower():
                    break
        status = int(answer.split(b" ")[1])
        assert status in (400, 403, 505)
        assert b"epoch" not in answer
        still_serves(client)

    served(test)


def test_an_upgrade_to_h2c_does_not_slip_past() -> None:
    def test(client: RawClient, server: Running) -> None:
        authorization = client.signed("GET", "/v0/refs")[0][1]
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as sock:
            sock.sendall(
                b"GET /v0/refs HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
                b"HTTP2-Settings: AAMAAABkAAQAAP__\r\nAuthorization: " + authorization.encode() + b"\r\n\r\n"
            )
            answer = sock.recv(65536)
            try:
                sock.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0")
                while part := sock.recv(65536):
                    answer += part
            except ConnectionError:
                pass
        assert answer.startswith(b"HTTP/1.1 505 ")
        assert b"epoch" not in answer
        still_serves(client)

    served(test)


def test_a_flood_of_connections_from_one_source_is_cut() -> None:
    def test(client: RawClient, server: Running) -> None:
        still_serves(client)
        known = [RawClient(server.port) for _ in range(3)]
        others = []
        try:
            for each in known:
                still_serves(each)
            others = [
                socket.create_connection(("127.0.0.1", server.port), timeout=10) for _ in range(PER_SOURCE + 5)
            ]
            for sock in others[:5]:  # the oldest made room
                with suppress(ConnectionError):
                    assert sock.recv(100) == b""
            for each in known:
                still_serves(each)
        finally:
            for one in (*known, *others):
                one.close()
        still_serves(client)

    served(test, connections=4)


def test_connections_that_were_closed_make_room_at_once() -> None:
    def test(client: RawClient, server: Running) -> None:
        still_serves(client)
        for _ in range(12):
            with RawClient(server.port) as other:
                still_serves(other)
            until(lambda: server.server.open.total() <= 1, "the end of the connection")

    served(test, connections=2)


def test_a_client_that_never_opens_its_window_holds_little() -> None:
    store = MemoryStore()
    commit(store, "example.org.", names("example.org.", 20_000))
    (tip,) = refs_of(store).branches
    body = FetchRequest((tip.oid,)).encode()
    sent: list[int] = []

    def test(client: RawClient, server: Running) -> None:
        from zonegit.sync.server import FrameStream

        piece = FrameStream.piece

        def counted(self: FrameStream, due: Due) -> Work[bytes]:
            data = yield from piece(self, due)
            sent.append(len(data))
            return data

        with pytest.MonkeyPatch.context() as patch, RawClient(server.port, window=0) as slow:
            patch.setattr(FrameStream, "piece", counted)
            for _ in range(4):
                slow.send("POST", "/v0/fetch", slow.signed("POST", "/v0/fetch", body, JSON_TYPE), body)
            until(lambda: len(sent) == 4, "a piece for each stream")
            slow.sock.settimeout(0.5)
            try:
                while slow.read():
                    pass
            except TimeoutError:
                pass
            assert len(sent) == 4, "one piece for each stream, and no more while the window is closed"
            still_serves(client)
        still_serves(client)

    served(test, store)
