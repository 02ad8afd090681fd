"""What a request leaves in the metrics and in the access log: exact names, labels and numbers, and no secret."""

import asyncio
import logging
import re
from itertools import count
from types import SimpleNamespace

import pytest
from blake3 import blake3

from directkit import Time, exchange
from httpkit import Counted, run
from synckit import KEY, PEER, commit, names
from zonegit.auth.gate import Gate, Signer
from zonegit.auth.key import Key, State
from zonegit.auth.keyring import Keyring
from zonegit.auth.scheme import Call
from zonegit.net.server import access_log
from zonegit.net.server.replication_app import ReplicationApp
from zonegit.ops.families import PUBLISHED, Kind
from zonegit.ops.log import setup
from zonegit.store.memory import MemoryStore

HERE = "192.0.2.1"
LOOKER = Key.derive("looker", b"%032d" % 1)
OLD = Key.derive("old", b"%032d" % 2, state=State.RETIRED)
FETCH = b'{"want":["' + b"00" * 32 + b'"],"have":[]}'
PAGE_5 = {
    "auth_attempts_total": (Kind.COUNTER, ("key_id", "result")),
    "auth_key_last_used_timestamp_seconds": (Kind.GAUGE, ("key_id",)),
    "auth_key_not_after_timestamp_seconds": (Kind.GAUGE, ("key_id",)),
    "keys_reload_failed": (Kind.GAUGE, ()),
    "http_requests_total": (Kind.COUNTER, ("route", "method", "code")),
    "http_request_duration_seconds": (Kind.HISTOGRAM, ("route",)),
}


class Server:
    """An application without a socket, and requests to it."""

    def __init__(self) -> None:
        self.clock = Time()
        self.samples = Counted()
        store = MemoryStore()
        commit(store, "example.org.", names("example.org.", 3))
        gate = Gate(PEER, Keyring([KEY, LOOKER, OLD]), self.clock)
        self.app = ReplicationApp(store, gate, self.samples, self.clock, failure_delay=0.0, logged=True)
        self._nonce = count(1)
        self.headers: list[str] = []

    def signed(self, method: str, path: str, body: bytes = b"", key: Key = KEY, skew: float = 0.0) -> str:
        signer = Signer(
            PEER, key, lambda: self.clock.now + skew, lambda size: next(self._nonce).to_bytes(size, "big")
        )
        header, _ = signer.sign(Call(method, path, "application/json" if body else ""), blake3(body).digest(), key)
        self.headers.append(header)
        return header

    async def ask(
        self, method: str, path: str, body: bytes = b"", authorization: str = "", version: str = "2", **headers: str
    ) -> SimpleNamespace:
        found = {name.replace("_", "-"): value for name, value in headers.items()}
        found |= {"authorization": authorization} if authorization else {}
        found |= {"content-type": "application/json"} if body else {}
        fields = [(name.encode(), value.encode()) for name, value in found.items()]
        start, *parts = await exchange(
            self.app, method, path.encode(), fields, body, client=(HERE, 9), version=version
        )
        return SimpleNamespace(status=start["status"], sent=sum(len(part["body"]) for part in parts))

    async def good(self, method: str, path: str, body: bytes = b"", **headers: str) -> SimpleNamespace:
        return await self.ask(method, path, body, self.signed(method, path, body), **headers)


async def scripted(server: Server) -> list[SimpleNamespace]:
    """One request for each way that one can end."""
    answers = [await server.good("GET", "/v0/refs")]
    root = server.app._endpoint.index_root()
    answers.append(await server.good("GET", "/v0/refs", if_none_match=f'"{root}"'))
    answers.append(await server.good("POST", "/v0/fetch", FETCH))
    answers.append(await server.good("GET", "/v0/fetch"))
    answers.append(await server.good("GET", "/v0/nothing"))
    answers.append(await server.good("PATCH", "/v0/refs"))
    answers.append(await server.ask("GET", "/v0/refs"))
    answers.append(await server.ask("GET", "/v0/refs", version="1.1"))
    others = (LOOKER, OLD, Key.derive("stranger", b"%032d" % 3), Key.derive(KEY.kid, b"%032d" % 4))
    headers = [server.signed("GET", "/v0/refs", key=key) for key in others]
    answers += [await server.ask("GET", "/v0/refs", b"", header) for header in headers]
    answers.append(await server.ask("GET", "/v0/refs", b"", server.signed("GET", "/v0/refs", skew=-400)))
    answers.append(await server.ask("GET", "/v0/refs", b"", server.headers[0]))
    large = b"x" * (64_000 + 1)
    path = "/v0/objects/fetch"
    answers.append(await server.ask("POST", path, large, server.signed("POST", path, large)))
    return answers


def test_every_way_that_a_request_ends_is_counted_once() -> None:
    async def test() -> None:
        server = Server()
        answers = await scripted(server)
        assert [each.status for each in answers] == [
            200, 304, 404, 405, 404, 405, 401, 505, 403, 401, 401, 401, 401, 401, 413,
        ]  # fmt: skip
        requests = {
            name: value for name, value in server.samples.values.items() if name.startswith("http_requests")
        }
        assert requests == {
            "http_requests_total,code=200,method=GET,route=refs": 1,
            "http_requests_total,code=304,method=GET,route=refs": 1,
            "http_requests_total,code=404,method=POST,route=fetch": 1,
            "http_requests_total,code=405,method=GET,route=fetch": 1,
            "http_requests_total,code=404,method=GET,route=unknown": 1,
            "http_requests_total,code=405,method=other,route=refs": 1,
            "http_requests_total,code=401,method=GET,route=refs": 6,
            "http_requests_total,code=505,method=GET,route=refs": 1,
            "http_requests_total,code=403,method=GET,route=refs": 1,
            "http_requests_total,code=413,method=POST,route=objects": 1,
        }
        durations = {name: value for name, value in server.samples.values.items() if "duration" in name}
        assert durations == {
            f"http_request_duration_seconds_count,route={route}": number
            for route, number in (("refs", 11), ("fetch", 2), ("unknown", 1), ("objects", 1))
        }
        attempts = {name: value for name, value in server.samples.values.items() if "attempts" in name}
        assert attempts == {
            f"auth_attempts_total,key_id={kid},result={result}": number
            for kid, result, number in (
                ("k1", "ok", 6), ("unknown", "syntax", 1), ("looker", "forbidden", 1), ("old", "key_not_valid", 1),
                ("unknown", "unknown_key", 1), ("k1", "mac", 1), ("k1", "clock_skew", 1), ("k1", "replayed", 1),
                ("k1", "too_large", 1),
            )
        }  # fmt: skip
        used = {name: value for name, value in server.samples.values.items() if "last_used" in name}
        assert used == {"auth_key_last_used_timestamp_seconds,key_id=k1": server.clock.now}

    run(test())


def test_the_access_log_has_one_line_for_each_and_no_secret(caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        server = Server()
        with caplog.at_level(logging.INFO):
            answers = await scripted(server)
        lines = [record.getMessage() for record in caplog.records if record.name == access_log.__name__]
        expected = (
            r"request kid=(\S+) method=(\S+) route=(\S+) status=(\d+) bytes=(\d+) ms=\d+\.\d source=192\.0\.2\.1"
        )
        found = [re.fullmatch(expected, line) for line in lines]
        assert all(found), lines
        shown = [match.groups() for match in found if match]
        assert [(int(status), int(size)) for *_, status, size in shown] == [
            (one.status, one.sent) for one in answers
        ]
        assert [kid for kid, *_ in shown] == [
            "k1", "k1", "k1", "k1", "k1", "k1", "-", "-", "looker", "old", "-", "k1", "k1", "k1", "k1",
        ]  # fmt: skip
        text = "\n".join(lines)
        for header in server.headers:
            mac, nonce = header.split("mac=")[1], header.split("nonce=")[1][:22]
            assert mac not in text and nonce not in text
        assert "example" not in text and "nothing" not in text and "stranger" not in text

    run(test())


def test_nothing_is_logged_unless_asked_for(caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        server = Server()
        server.app = ReplicationApp(MemoryStore(), server.app._gate, server.samples, server.clock)
        with caplog.at_level(logging.INFO):
            assert (await server.good("GET", "/v0/refs")).status == 200
        assert caplog.records == []

    run(test())


def test_a_request_that_is_cancelled_or_fails_counts_as_what_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        server = Server()
        root = server.app._endpoint.index_root()
        polling = asyncio.create_task(server.good("GET", "/v0/refs", if_none_match=f'"{root}"', prefer="wait=60"))
        while "ok" not in str(server.samples.values):
            await asyncio.sleep(0)
        polling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await polling

        def fail(*_: object) -> None:
            raise RuntimeError

        monkeypatch.setattr(server.app._endpoint, "refs", fail)
        with pytest.raises(RuntimeError):
            await server.good("GET", "/v0/refs")
        await server.app.drain()
        assert server.samples.values["http_requests_total,code=499,method=GET,route=refs"] == 1
        assert server.samples.values["http_requests_total,code=500,method=GET,route=refs"] == 1

    run(test())


@pytest.mark.parametrize("name", PAGE_5)
def test_each_series_that_was_promised_is_published(name: str) -> None:
    assert (PUBLISHED[name].kind, PUBLISHED[name].labels) == PAGE_5[name]


def test_the_log_of_a_process_shows_it(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    try:
        setup("http")
        run(scripted(Server()))
    finally:
        root.handlers[:], root.level = before
    first = capsys.readouterr().err.splitlines()[0]
    assert first.startswith("zonegitd[http]: request kid=k1 method=GET route=refs status=200 bytes=")
