"""Heads of requests that cost more than their bytes, or are none: tables of headers, lists, CONNECT, odd bytes."""

import pytest
from h2.settings import SettingCodes

from httpkit import Running, served
from rawh2 import RawClient
from zonegit.net.server import hypercorn_patches
from zonegit.net.server.hypercorn_patches import HEADER_TABLE, SmallEncoder
from zonegit.sync.limits import SERVER


def test_a_client_that_keeps_all_headers_makes_no_table_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[SmallEncoder] = []

    class Kept(SmallEncoder):
        def __init__(self) -> None:
            super().__init__()
            made.append(self)

    monkeypatch.setattr(hypercorn_patches, "SmallEncoder", Kept)

    def test(server: Running) -> None:
        with RawClient(server.port) as client:
            client.h2.update_settings({SettingCodes.HEADER_TABLE_SIZE: 1 << 30})
            for _ in range(60):
                assert client.ask("GET", "/v0/refs", client.signed("GET", "/v0/refs")).status == 200
        (encoder,) = made
        assert encoder.header_table_size == encoder.header_table.maxsize == HEADER_TABLE
        assert len(encoder.header_table.dynamic_entries) < 100

    served(test)


def test_a_header_list_is_bounded_however_small_it_is_compressed() -> None:
    """RFC 7541 §7.3: a field that is in the table already costs a byte. The list here has twice the bound."""
    headers = [("x-large", "x" * 2_048)] * (2 * SERVER.header_bytes // 2_048)

    def test(server: Running) -> None:
        with RawClient(server.port) as client:
            answer = client.ask("GET", "/v0/refs", [*client.signed("GET", "/v0/refs"), *headers])
            assert client.closed and not answer.status
        assert not server.samples.values, "no application saw it"

    served(test)


def test_connect_is_refused_by_the_protocol() -> None:
    def test(server: Running) -> None:
        with RawClient(server.port) as client:
            assert client.read(), "the server's settings"
            assert client.h2.remote_settings.max_concurrent_streams == SERVER.streams, "they are here"
            assert client.h2.remote_settings.enable_connect_protocol == 0
            assert client.ask("CONNECT", "/v0/refs", [(":protocol", "websocket")]).status == 403, "RFC 8441"
            assert client.ask("connect", "/v0/refs", []).status == 403, "which Hypercorn puts in capitals"
            assert client.ask("GET", "/v0/refs", client.signed("GET", "/v0/refs")).status == 200

    served(test)


@pytest.mark.parametrize("line", [("GÉT", "/v0/refs"), ("GET", "/v0/réfs")], ids=["method", "path"])
def test_a_request_line_that_is_not_ascii_ends_the_connection(
    line: tuple[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    def test(server: Running) -> None:
        with RawClient(server.port) as client:
            assert not client.ask(*line, []).status
            assert client.closed
        assert not server.samples.values, "no application saw it"

    served(test)
    assert not caplog.records, "a stranger's nonsense leaves no line"
