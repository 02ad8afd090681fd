"""Clients of a `/v0` application without a socket between them, by a clock that is moved by hand."""

import asyncio
from collections.abc import Sequence
from typing import Any

import httpx

from zonegit.auth.gate import Signer
from zonegit.net.client.connection import Connection
from zonegit.net.client.peer import PeerClient
from zonegit.net.server.replication_app import ReplicationApp

START = 1_767_225_600.0


class Time:
    def __init__(self) -> None:
        self.now = START + 100

    def __call__(self) -> float:
        return self.now


async def exchange(
    app: ReplicationApp,
    method: str,
    path: bytes,
    headers: Sequence[tuple[bytes, bytes]],
    body: bytes = b"",
    *,
    client: tuple[str, int],
    version: str = "2",
) -> list[dict[str, Any]]:
    """The messages that an application answers a request with. The client stays until it has them."""
    messages = iter([{"type": "http.request", "body": body}])
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        for message in messages:
            return message
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "http", "http_version": version, "method": method, "raw_path": path, "query_string": b"",
             "headers": headers, "client": client}  # fmt: skip
    await app(scope, receive, send)
    return sent


class Direct(httpx.AsyncBaseTransport):
    """Carries requests straight into the application, as one HTTP/2 connection from this address and port."""

    def __init__(self, app: ReplicationApp, address: str, port: int = 1) -> None:
        self._app = app
        self._client = (address, port)
        self.statuses: list[int] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        headers = [(name.lower(), value) for name, value in request.headers.raw]
        path, body = request.url.raw_path, await request.aread()
        start, *parts = await exchange(self._app, request.method, path, headers, body, client=self._client)
        self.statuses.append(start["status"])
        stream = httpx.ByteStream(b"".join(part["body"] for part in parts))
        return httpx.Response(start["status"], headers=start["headers"], stream=stream)


class DirectPeer(PeerClient):
    def __init__(self, signer: Signer, transport: Direct) -> None:
        super().__init__("http://127.0.0.1:9354", signer)
        self._transport = transport

    def _open(self) -> Connection:
        connection = Connection(verify=False)
        connection.client = httpx.AsyncClient(transport=self._transport)
        return connection
