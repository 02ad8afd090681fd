"""Clients of a `/v0` application without a socket between them, by a clock that is moved by hand."""

import asyncio

import httpx

from zonegit.auth.gate import Signer
from zonegit.net.http_client import HttpPeer
from zonegit.net.http_connection import Connection
from zonegit.net.http_server import ReplicationApp

START = 1_767_225_600.0


class Time:
    def __init__(self) -> None:
        self.now = START + 100

    def __call__(self) -> float:
        return self.now


class Direct(httpx.AsyncBaseTransport):
    """Carries requests straight into the application, as one HTTP/2 connection from this address and port."""

    def __init__(self, app: ReplicationApp, address: str, port: int = 1) -> None:
        self._app = app
        self._client = (address, port)
        self.statuses: list[int] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        messages = iter([{"type": "http.request", "body": await request.aread()}])
        sent: list[dict[str, object]] = []

        async def receive() -> dict[str, object]:
            for message in messages:
                return message
            await asyncio.Event().wait()
            raise AssertionError

        async def send(message: dict[str, object]) -> None:
            sent.append(message)

        headers = [(name.lower(), value) for name, value in request.headers.raw]
        scope = {"type": "http", "http_version": "2", "method": request.method, "raw_path": request.url.raw_path,
                 "query_string": b"", "headers": headers, "client": self._client}  # fmt: skip
        await self._app(scope, receive, send)
        body = b"".join(message.get("body", b"") for message in sent)
        self.statuses.append(sent[0]["status"])
        return httpx.Response(sent[0]["status"], headers=sent[0]["headers"], stream=httpx.ByteStream(body))


class DirectPeer(HttpPeer):
    def __init__(self, signer: Signer, transport: Direct) -> None:
        super().__init__("http://127.0.0.1:9354", signer)
        self._transport = transport

    def _open(self) -> Connection:
        connection = Connection(verify=False)
        connection.client = httpx.AsyncClient(transport=self._transport)
        return connection
