"""The ASGI application for /metrics, /healthz and /readyz, called as a server would."""

import asyncio

import pytest

from zonegit.net.server.metrics_app import MetricsApp


def call(path: str, method: str = "GET", headers=(), reason: str | None = None):
    app = MetricsApp(lambda accept: (f"page for {accept}".encode(), "text/x"), lambda: reason)
    sent = []

    async def run() -> None:
        messages = [
            {"type": "http.request", "body": b"x" * 10, "more_body": True},
            {"type": "http.request", "body": b""},
        ]

        async def receive():
            return messages.pop(0)

        async def send(message):
            sent.append(message)

        await app({"type": "http", "path": path, "method": method, "headers": list(headers)}, receive, send)
        assert not messages, "the body is read to its end"

    asyncio.run(run())
    start, body = sent
    return start["status"], dict(start["headers"]), body["body"]


def test_metrics():
    status, headers, body = call("/metrics", headers=[(b"accept", b"application/openmetrics-text")])
    assert (status, body) == (200, b"page for application/openmetrics-text")
    assert headers[b"content-type"] == b"text/x"


def test_head_has_no_body():
    status, headers, body = call("/metrics", "HEAD")
    assert (status, body) == (200, b"")
    assert headers[b"content-length"] == b"9"


@pytest.mark.parametrize(("path", "method", "status"), [("/", "GET", 404), ("/metrics", "POST", 405)])
def test_anything_else_is_refused(path, method, status):
    assert call(path, method)[0] == status


def test_health_and_readiness():
    assert call("/healthz", reason="no zone")[0] == 200
    assert call("/readyz")[::2] == (200, b"ready\n")
    status, _, body = call("/readyz", reason="no zone is served")
    assert (status, body) == (503, b"no zone is served\n")


def test_lifespan():
    sent = []

    async def run() -> None:
        messages = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]

        async def receive():
            return messages.pop(0)

        async def send(message):
            sent.append(message["type"])

        await MetricsApp(lambda accept: (b"", ""), lambda: None)({"type": "lifespan"}, receive, send)

    asyncio.run(run())
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
