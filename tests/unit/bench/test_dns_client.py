"""Serials in answers, and records counted in a stream that arrives in pieces."""

import socket
import threading
from struct import pack

import pytest
from dns_client import AXFR, TransferCounter, query, serial_of, take_transfer
from processes import MeasuringFailed


def message(answers: int, size: int = 40, rcode: int = 0) -> bytes:
    """A framed message that claims so many answers; nothing behind the header is ever looked at."""
    body = pack(">HHHHHH", 1, 0x8400 | rcode, 1, answers, 0, 0) + bytes(size - 12)
    return len(body).to_bytes(2, "big") + body


def counted(stream: bytes, expected: int, piece: int) -> TransferCounter:
    counter = TransferCounter(expected)
    buffer = bytearray(1 << 16)
    for at in range(0, len(stream), piece):
        part = stream[at : at + piece]
        buffer[counter.held : counter.held + len(part)] = part
        counter.take(buffer, counter.held + len(part))
    return counter


@pytest.mark.parametrize("piece", [1, 3, 41, 42, 43, 100, 10_000])
def test_records_are_counted_however_the_stream_is_cut(piece: int) -> None:
    stream = message(1) + message(300, 2000) + message(7, 12) + message(2)
    counter = counted(stream, 310, piece)
    assert (counter.records, counter.messages, counter.size, counter.held) == (310, 4, len(stream), 0)
    assert counter.done


def test_a_refused_transfer_is_an_error() -> None:
    with pytest.raises(MeasuringFailed, match="rcode 5"):
        counted(message(0, rcode=5), 10, 1000)


@pytest.mark.parametrize("answers", [[3, 1], [3, 3]], ids=["too few", "too many"])
def test_a_transfer_of_another_size_is_an_error(answers: list[int]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with listener.accept()[0] as sock:
                sock.recv(512)
                sock.sendall(b"".join(map(message, answers)))

        server = threading.Thread(target=serve)
        server.start()
        with pytest.raises(MeasuringFailed, match=f"{sum(answers)}.* 5"):
            take_transfer(listener.getsockname()[1], query("example.com.", AXFR), 5, timeout=20)
        server.join(20)


def soa_response(owner: bytes, rcode: int = 0, rtype: int = 6) -> bytes:
    question = query("example.com.", 6)[12:]
    rdata = b"\3ns1\xc0\x0c\4host\xc0\x0c" + pack(">IIIII", 2026112001, 7200, 900, 1209600, 300)
    answer = owner + pack(">HHIH", rtype, 1, 3600, len(rdata)) + rdata
    return pack(">HHHHHH", 1, 0x8400 | rcode, 1, 1, 0, 0) + question + answer


@pytest.mark.parametrize("owner", [b"\xc0\x0c", b"\7example\3com\0", b"\7example\xc0\x14"])
def test_the_serial_is_found(owner: bytes) -> None:
    assert serial_of(soa_response(owner)) == 2026112001


def test_other_answers_have_no_serial() -> None:
    assert serial_of(soa_response(b"\xc0\x0c", rcode=5)) is None
    assert serial_of(soa_response(b"\xc0\x0c", rtype=1)) is None
    assert serial_of(query("example.com", 6)) is None
