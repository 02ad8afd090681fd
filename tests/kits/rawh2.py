"""An HTTP/2 client that does as it is told, good or bad; one connection, blocking."""

import os
import socket
import time

import h2.config
import h2.connection
import h2.events
import h2.settings
from blake3 import blake3

from synckit import KEY, PEER
from zonegit.auth.key import Key
from zonegit.auth.scheme import Call, sign_request

Headers = list[tuple[str, str]]


DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PING, WINDOW_UPDATE, CONTINUATION = 0, 1, 2, 3, 4, 6, 8, 9
END_STREAM, END_HEADERS = 1, 4


def frame(kind: int, payload: bytes = b"", flags: int = 0, stream: int = 0) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


class Answer:
    def __init__(self) -> None:
        self.headers: dict[str, str] = {}
        self.body = b""
        self.ended = False

    @property
    def status(self) -> int:
        return int(self.headers.get(":status", "0"))


class RawClient:
    def __init__(self, port: int, *, window: int | None = None) -> None:
        """`window`: the initial window of its streams; it opens none by itself then."""
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        config = h2.config.H2Configuration(
            client_side=True,
            header_encoding="utf-8",
            validate_outbound_headers=False,
            normalize_outbound_headers=False,
        )
        self.h2 = h2.connection.H2Connection(config)
        self.answers: dict[int, Answer] = {}
        self.closed = False
        self._window = window
        self.h2.initiate_connection()
        if window is not None:
            self.h2.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: window})
        self.flush()

    def signed(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        content_type: str = "",
        *,
        key: Key = KEY,
        ts: int | None = None,
    ) -> Headers:
        call = Call(method, path, content_type)
        header, _ = sign_request(
            key,
            call,
            aud=PEER,
            ts=int(time.time()) if ts is None else ts,
            nonce=os.urandom(16),
            digest=blake3(body).digest(),
        )
        return [("authorization", header), *([("content-type", content_type)] if content_type else [])]

    def send(self, method: str, path: str, headers: Headers, body: bytes = b"", *, end: bool = True) -> int:
        stream = self.h2.get_next_available_stream_id()
        pseudo = [(":method", method), (":path", path), (":scheme", "http"), (":authority", "127.0.0.1")]
        self.h2.send_headers(stream, pseudo + headers, end_stream=end and not body)
        self.answers[stream] = Answer()
        if not body:
            self.flush()
        while body:  # whose beginning goes out with the headers
            room = min(self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size, len(body))
            if room:
                self.h2.send_data(stream, body[:room], end_stream=end and room == len(body))
                body = body[room:]
                self.flush()
            elif not self.read():
                break
        return stream

    def ask(self, method: str, path: str, headers: Headers, body: bytes = b"") -> Answer:
        stream = self.send(method, path, headers, body)
        while not self.answers[stream].ended and self.read():
            pass
        return self.answers[stream]

    def poll(self, root: str, *, key: Key = KEY) -> int:
        """Begin a long-poll for refs with another root; its stream. It is in progress, if there is room."""
        wanted = [("if-none-match", f'"{root}"'), ("prefer", "wait=60")]
        stream = self.send("GET", "/v0/refs", self.signed("GET", "/v0/refs", key=key) + wanted)
        self.ask("GET", "/v0/refs", self.signed("GET", "/v0/refs", key=key))  # answered when the server has both
        return stream

    def read(self) -> bool:
        """Take some bytes in; False when the server closed the connection."""
        try:
            data = self.sock.recv(65536)
        except ConnectionError:
            data = b""
        if not data:
            self.closed = True
            return False
        for event in self.h2.receive_data(data):
            answer = self.answers.get(getattr(event, "stream_id", 0) or 0)
            if isinstance(event, h2.events.ResponseReceived) and answer:
                answer.headers = dict(event.headers)
            elif isinstance(event, h2.events.DataReceived):
                if answer:
                    answer.body += event.data
                if self._window is None:
                    self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, h2.events.StreamEnded | h2.events.StreamReset) and answer:
                answer.ended = True
            elif isinstance(event, h2.events.ConnectionTerminated):
                self.closed = True
        self.flush()
        return True

    def flush(self) -> None:
        try:
            self.sock.sendall(self.h2.data_to_send())
        except ConnectionError:
            self.closed = True

    def close(self) -> None:
        self.sock.close()

    def __enter__(self) -> "RawClient":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
