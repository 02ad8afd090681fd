"""A second client of `/v0`, from docs/protocol.md and docs/format.md alone: it shares no code with the package.

    python second_client.py HOST:PORT NAME KEY-FILE ZONE [BRANCH [HOST:PORT NAME KEY-FILE]]

Asks for refs and fetches a branch's whole closure. Checks the MAC of each answer, the hash of each object, and that
it comes behind all that it points to; counts the zone's records in its leaves; prints a line of JSON. With a second
server it pushes the branch there. Of others it uses h2, for the framing of HTTP/2, and blake3.
"""

import base64
import hmac
import json
import os
import socket
import sys
import time
import tomllib
from pathlib import Path

import h2.connection
import h2.events
from blake3 import blake3

COMMIT, ZONE, NODE, RRSET, TAG = range(1, 6)
FRAMES = "application/vnd.zonegit.frames"
SCHEME = "ZG1-HMAC-SHA256"


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Client:
    def __init__(self, address: str, aud: str, key_file: Path, source: str = "") -> None:
        """`source`: the loopback address to come from."""
        host, _, port = address.rpartition(":")
        text = tomllib.loads(key_file.read_text())["secret"]
        secret = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        self.kid, self.aud, self.address = key_file.stem, aud, address
        self.request_key = hmac.digest(secret, b"zonegit/v0 request", "sha256")
        self.response_key = hmac.digest(secret, b"zonegit/v0 response", "sha256")
        self.socket = socket.create_connection((host, int(port)), timeout=30, source_address=(source, 0))
        self.h2 = h2.connection.H2Connection()
        self.h2.initiate_connection()
        self.socket.sendall(self.h2.data_to_send())

    def ask(self, method: str, path: str, content_type: str = "", body: bytes = b"") -> bytes:
        """The body of a 200 whose signature is right."""
        authorization, mac = self.sign(method, path, content_type, body)
        answer, found = self.exchange(method, path, content_type, body, authorization)
        assert found[":status"] == "200", (found, answer)
        self.check(mac, answer, found)
        return answer

    def sign(
        self, method: str, path: str, content_type: str = "", body: bytes = b"", *, off: int = 0, aud: str = ""
    ) -> tuple[str, str]:
        """`(Authorization, mac)` of a request to a server of this name, by a clock that is so many seconds off."""
        ts, nonce, aud = str(int(time.time()) + off), base64url(os.urandom(16)), aud or self.aud
        digest = blake3(body).hexdigest()
        lines = [SCHEME, "request", method, path, aud, self.kid, ts, nonce, content_type, digest]
        mac = base64url(hmac.digest(self.request_key, "".join(line + "\n" for line in lines).encode(), "sha256"))
        return f"{SCHEME} kid={self.kid},ts={ts},nonce={nonce},aud={aud},mac={mac}", mac

    def exchange(
        self, method: str, path: str, content_type: str, body: bytes, *authorization: str
    ) -> tuple[bytes, dict[str, str]]:
        """Body and headers of the answer, unchecked."""
        headers = [(":method", method), (":path", path), (":scheme", "http"), (":authority", self.address)]
        headers += [("authorization", value) for value in authorization]
        if content_type:
            headers.append(("content-type", content_type))
        stream = self.h2.get_next_available_stream_id()
        self.h2.send_headers(stream, headers, end_stream=not body)
        self.send(stream, body)
        return self.read(stream)

    def send(self, stream: int, body: bytes) -> None:
        """As much of a body at a time as the server takes."""
        at = 0
        while at < len(body):
            size = min(len(body) - at, self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size)
            if size:
                self.h2.send_data(stream, body[at : at + size], end_stream=at + size == len(body))
                at += size
            self.socket.sendall(self.h2.data_to_send())
            if not size:
                self.h2.receive_data(self.socket.recv(65536))

    def check(self, mac: str, answer: bytes, found: dict[str, str]) -> None:
        """Whether an answer to the request with this MAC is signed: a stream in its end, any other in a header."""
        status, content_type = found[":status"], found.get("content-type", "")
        if content_type == FRAMES:
            end = end_of(answer)
            ts, got, signed = str(int.from_bytes(end[16:24], "big")), end[-32:], answer[:-32]
        else:
            fields = dict(field.split("=", 1) for field in found["zg-signature"].split(","))
            assert fields["kid"] == self.kid
            ts, got, signed = fields["ts"], base64.urlsafe_b64decode(fields["mac"] + "="), answer
        lines = [SCHEME, "response", mac, status, ts, content_type, blake3(signed).hexdigest()]
        expected = hmac.digest(self.response_key, "".join(line + "\n" for line in lines).encode(), "sha256")
        assert hmac.compare_digest(got, expected), "the answer's MAC is wrong"

    def read(self, stream: int) -> tuple[bytes, dict[str, str]]:
        body, headers, ended = b"", {}, False
        while not ended:
            self.socket.sendall(self.h2.data_to_send())
            data = self.socket.recv(65536)
            assert data, "the server closed the connection"
            for event in self.h2.receive_data(data):
                if isinstance(event, h2.events.ResponseReceived):
                    headers = {name.decode(): value.decode() for name, value in event.headers}
                elif isinstance(event, h2.events.DataReceived):
                    body += event.data
                    self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                elif isinstance(event, h2.events.StreamEnded):
                    ended = event.stream_id == stream
        return body, headers


def frames(data: bytes) -> list[tuple[int, bytes]]:
    found, at = [], 0
    while at < len(data):
        kind, length, shift, at = data[at], 0, 0, at + 1
        while True:
            length |= (data[at] & 127) << shift
            shift, at = shift + 7, at + 1
            if data[at - 1] < 128:
                break
        found.append((kind, data[at : at + length]))
        at += length
    return found


def end_of(data: bytes) -> bytes:
    kind, payload = frames(data)[-1]
    assert kind == 6, "the stream has no end"
    return payload


def objects_of(data: bytes) -> tuple[list[bytes], str]:
    """A stream's objects, and the cursor in its end."""
    found: list[bytes] = []
    for kind, payload in frames(data)[:-1]:
        assert kind in (1, 3), payload
        if kind == 1:
            count = int.from_bytes(payload[:2], "big")
            at = 2 + 4 * count
            for entry in range(count):
                head = payload[2 + 4 * entry : 6 + 4 * entry]
                size = int.from_bytes(head[1:], "big")
                found.append(payload[at : at + size])
                assert found[-1][0] == head[0]
                at += size
            assert at == len(payload)
    end = end_of(data)
    assert (int.from_bytes(end[:8], "big"), int.from_bytes(end[8:16], "big")) == (len(found), sum(map(len, found)))
    assert len(end) == 25 + end[24] + 32
    return found, end[25:-32].hex()


def entries(leaf: bytes) -> list[bytes]:
    count = int.from_bytes(leaf[4:6], "big")
    ends = [int.from_bytes(leaf[10 + 2 * at : 12 + 2 * at], "big") for at in range(count)]
    return [leaf[10 + 2 * count :][a:b] for a, b in zip([0, *ends], ends, strict=False)]


def stub(entry: bytes) -> bytes | None:
    """The id of the RRset that a stub stands for: the class behind the owner and its type is FF00."""
    at = 0
    while entry[at] < 0xC0:
        at += 1 + entry[at]
    return entry[at + 16 : at + 48] if entry[at + 4 : at + 6] == b"\xff\x00" else None


def children(data: bytes) -> list[bytes]:
    if data[0] in (COMMIT, TAG):
        lines = data[3:].partition(b"\n\n")[0].decode().split("\n")
        return [
            bytes.fromhex(line.split()[1])
            for line in lines
            if line.startswith(("zone-root ", "parent ", "commit "))
        ]
    if data[0] == ZONE:
        return [data[3:35]]
    if data[0] == NODE and data[3]:
        return [data[10 + 32 * at : 42 + 32 * at] for at in range(int.from_bytes(data[4:6], "big"))]
    return [oid for entry in entries(data) if (oid := stub(entry))] if data[0] == NODE else []


def records(known: dict[bytes, bytes], oid: bytes) -> int:
    """Records below a tree's node, counted one by one."""
    data = known[oid]
    if data[3]:
        return sum(records(known, child) for child in children(data))
    return sum(count_in(known[found][7:] if (found := stub(entry)) else entry) for entry in entries(data))


def count_in(rrset: bytes) -> int:
    at = count = 0
    while at < len(rrset):
        while rrset[at] < 0xC0:
            at += 1 + rrset[at]
        at += 12 + int.from_bytes(rrset[at + 10 : at + 12], "big")
        count += 1
    assert at == len(rrset)
    return count


def frame(kind: int, payload: bytes) -> bytes:
    head, length = bytes([kind]), len(payload)
    while length > 127:
        head += bytes([length & 127 | 128])
        length >>= 7
    return head + bytes([length]) + payload


def group(objects: list[bytes]) -> bytes:
    table = b"".join(data[:1] + len(data).to_bytes(3, "big") for data in objects)
    return frame(1, len(objects).to_bytes(2, "big") + table + b"".join(objects))


def push(client: Client, zone: str, branch: str, tip: str, known: dict[bytes, bytes]) -> dict[str, object]:
    """Bring all of these objects, in the order in which they came, as far as they aren't there; then the ref."""
    there: set[bytes] = set()
    commits = [oid for oid, data in known.items() if data[0] == COMMIT]
    missing = bring(client, [], {"present": [oid.hex() for oid in commits[-10_000:]]})["missing"]
    todo = [oid for oid in commits if oid.hex() not in missing]
    while todo:  # what is there has all below it there
        oid = todo.pop()
        if oid not in there:
            there.add(oid)
            todo += children(known[oid])
    requests: list[list[list[bytes]]] = [[[]]]
    size = 0
    for oid, data in known.items():
        if oid in there:
            continue
        if size + len(data) > 4 << 20:
            requests.append([[]])
            size = 0
        if len(requests[-1][-1]) == 512:
            requests[-1].append([])
        requests[-1][-1].append(data)
        size += len(data)
    refs = json.loads(client.ask("GET", "/v0/refs"))
    old = [ref["hash"] for ref in refs["branches"] if (ref["zone"], ref["name"]) == (zone, branch)]
    update = ["heads", zone, branch, old[0] if old else "", tip]
    stored = sum(bring(client, groups, {})["stored"] for groups in requests[:-1])
    last = bring(client, requests[-1], {"updates": [update], "atomic": True})
    [result] = last["results"]
    assert [result[name] for name in ("kind", "zone", "name")] == update[:3]
    return {
        "pushed": stored + last["stored"],
        "requests": len(requests),
        **{name: result[name] for name in ("outcome", "tip", "reason")},
    }


def bring(client: Client, groups: list[list[bytes]], ask: dict[str, object]) -> dict[str, object]:
    """A request of a push."""
    body = b"".join(group(objects) for objects in groups if objects)
    if ask:
        body += frame(8, json.dumps(ask).encode())
    return json.loads(client.ask("POST", "/v0/push", FRAMES, body))


def sync(client: Client, zone: str, branch: str, to: Client | None = None) -> dict[str, object]:
    refs = json.loads(client.ask("GET", "/v0/refs"))
    tip = next(ref["hash"] for ref in refs["branches"] if (ref["zone"], ref["name"]) == (zone, branch))
    known: dict[bytes, bytes] = {}
    cursor, streams = "", 0
    while cursor or not streams:
        question = {"want": [tip], "have": []} | ({"cursor": cursor} if cursor else {})
        answer = client.ask("POST", "/v0/fetch", "application/json", json.dumps(question).encode())
        objects, cursor = objects_of(answer)
        streams += 1
        for data in objects:
            assert all(child in known for child in children(data)), "an object came before what it points to"
            known[blake3(data).digest()] = data
    commit = known[bytes.fromhex(tip)]
    root = known[children(commit)[0]]
    counted = records(known, root[3:35])
    assert counted == int.from_bytes(root[73:81], "big"), "the zone's count of records is wrong"
    found = {"tip": tip, "objects": len(known), "streams": streams, "records": counted}
    return found | ({"push": push(to, zone, branch, tip, known)} if to else {})


if __name__ == "__main__":
    address, name, key, zone, *more = sys.argv[1:]
    to = Client(more[1], more[2], Path(more[3])) if more[1:] else None
    print(json.dumps(sync(Client(address, name, Path(key)), zone, more[0] if more else "main", to)))
