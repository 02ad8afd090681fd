"""Every path of `/v0`, asked without, with a wrong, an old and a replayed `Authorization`, and with a right one.

The client is the one that was written from docs/protocol.md alone.
"""

import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest

from daemonkit import Daemon, new_reader
from second_client import Client

JSON, IDS, SKETCH = "application/json", "application/octet-stream", "application/vnd.zonegit.sketch"
Request = tuple[str, str, str, bytes]
"""Method, path, Content-Type, body."""
UNAUTHORIZED = (b'{"error":"unauthorized"}', "401", "ZG1-HMAC-SHA256", False)
EMPTY = {"epoch": "", "root": "0" * 64, "buckets": urlsafe_b64encode(bytes(4096)).rstrip(b"=").decode()}


@pytest.fixture
def client(repo: Path, tmp_path: Path, start: Callable[..., Daemon]) -> Iterator[Callable[..., Client]]:
    """Makes clients of one server, each from an address of its own: no failure is another's."""
    for kid in ("k1", "k2"):
        new_reader(tmp_path / "keys", kid)
    key = tmp_path / "keys" / "k1.key"
    daemon = start(repo, "--keys", tmp_path / "keys", "--replicate-listen", "127.0.0.1:0", "--replicate-name", "p1")
    addresses = count(1)
    made: list[Client] = []

    def make() -> Client:
        where = f"127.0.0.1:{daemon.port('replication')}"
        made.append(Client(where, "p1", key, f"127.9.0.{next(addresses)}"))
        return made[-1]

    yield make
    for each in made:
        each.socket.close()


def requests(client: Client) -> list[Request]:
    """One of each kind that is answered with 200, and some that are answered with a signed error."""
    tip: str = json.loads(client.ask("GET", "/v0/refs"))["branches"][0]["hash"]
    return [
        ("GET", "/v0/refs", "", b""),
        ("POST", "/v0/refs/diff", JSON, json.dumps(EMPTY).encode()),
        ("GET", f"/v0/objects/{tip}", "", b""),
        ("POST", "/v0/objects/walk", JSON, json.dumps({"roots": [tip], "known": []}).encode()),
        ("POST", "/v0/objects/fetch", IDS, bytes.fromhex(tip)),
        ("POST", "/v0/fetch", JSON, json.dumps({"want": [tip], "have": []}).encode()),
    ]


ERRORS: list[tuple[Request, str]] = [
    (("GET", "/v0/nothing", "", b""), "404"),
    (("GET", "/v0/objects/" + "0" * 64, "", b""), "404"),
    (("POST", "/v0/refs", "", b""), "405"),
    (("DELETE", "/v0/fetch", "", b""), "405"),
    (("POST", "/v0/fetch", JSON, b"{}"), "400"),
    (("POST", "/v0/objects/walk", JSON, b"nothing"), "400"),
    (("POST", "/v0/objects/fetch", IDS, b"x"), "400"),
    (("POST", "/v0/refs/diff", JSON, b"[]"), "400"),
    (("POST", "/v0/refs/diff", SKETCH, b"[]"), "400"),
]


def told(client: Client, request: Request, *authorization: str) -> tuple[bytes, str, str, bool]:
    """Body, status and scheme of an answer, and whether it says that it is signed."""
    body, headers = client.exchange(*request, *authorization)
    return body, headers[":status"], headers.get("www-authenticate", ""), "zg-signature" in headers


def wrong(client: Client, request: Request) -> dict[str, tuple[str, ...]]:
    """Headers that each differ from the right one in one thing, or are none."""
    method, path, content_type, body = request
    good, mac = client.sign(*request)
    last = "A" if mac[0] != "A" else "B"
    return {
        "none": (),
        "an empty one": ("",),
        "another scheme": ("Bearer " + good.partition(" ")[2],),
        "two of it": (good, good),
        "a changed MAC": (good.replace(f"mac={mac}", f"mac={last}{mac[1:]}"),),
        "an unknown key": (good.replace("kid=k1", "kid=k9"),),
        "another key's id": (good.replace("kid=k1", "kid=k2"),),
        "another server's name": (client.sign(*request, aud="p2")[0],),
        "another body": (client.sign(method, path, content_type, body + b" ")[0],),
        "another method": (client.sign("PUT", path, content_type, body)[0],),
        "another path": (client.sign(method, path + "/", content_type, body)[0],),
        "another method's case": (client.sign(method.lower(), path, content_type, body)[0],),
        "another type": (client.sign(method, path, "text/plain", body)[0],),
    }


def test_every_path_refuses_what_is_not_signed_right(client: Callable[..., Client]) -> None:
    known = client()
    for request in [*requests(known), *(request for request, _ in ERRORS)]:
        for what, authorization in wrong(known, request).items():
            assert told(client(), request, *authorization) == UNAUTHORIZED, (request[:2], what)


def test_every_path_takes_a_right_request_once_and_signs_its_answer(client: Callable[..., Client]) -> None:
    known = client()
    for request, status in [*((request, "200") for request in requests(known)), *ERRORS]:
        authorization, mac = known.sign(*request)
        body, headers = known.exchange(*request, authorization)
        assert headers[":status"] == status, (request[:2], body)
        known.check(mac, body, headers)
        replayed = told(client(), request, authorization)
        assert replayed == UNAUTHORIZED, (request[:2], "the same again")


def test_every_path_tells_the_time_to_a_clock_that_is_off(client: Callable[..., Client]) -> None:
    known = client()
    for request in [*requests(known), *(request for request, _ in ERRORS)]:
        for off in (-400, 400):
            asking = client()
            authorization, mac = asking.sign(*request, off=off)
            body, headers = asking.exchange(*request, authorization)
            found = json.loads(body)
            assert (headers[":status"], found["error"]) == ("401", "clock_skew"), (request[:2], off)
            assert abs(found["server_time"] - time.time()) < 60
            asking.check(mac, body, headers)
        authorization, _ = known.sign(*request, off=-200)
        assert known.exchange(*request, authorization)[1][":status"] != "401", "within the window"


def test_every_path_holds_the_failures_of_a_source_back_and_nothing_else(client: Callable[..., Client]) -> None:
    def fail(request: Request) -> None:
        asking = client()
        for _ in range(10):
            assert told(asking, request) == UNAUTHORIZED
        body, headers = asking.exchange(*request)
        while headers[":status"] == "401":  # so slow were they that one has been earned again
            body, headers = asking.exchange(*request)
        assert (headers[":status"], body) == ("429", b'{"error":"too_many_failures"}')
        assert "zg-signature" not in headers
        assert 0 < int(headers["retry-after"]) <= 6
        authorization, mac = asking.sign(*request)
        body, headers = asking.exchange(*request, authorization)
        assert headers[":status"] == "200"
        asking.check(mac, body, headers)

    found = requests(client())
    with ThreadPoolExecutor(len(found)) as pool:  # each is held back for a second
        list(pool.map(fail, found))
