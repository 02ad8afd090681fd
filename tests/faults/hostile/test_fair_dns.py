"""Zones and clients of DNS that are dear to answer: what is optional ends early, and everybody else has turns."""

import asyncio
import ssl
import sys
from array import array
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import dns.rrset
import pytest

from dnskit import DictVersion, Server, lines, make_query, version
from repokit import parsed
from tcpkit import Echo, Wire, frame
from zonegit.daemon.live_zones import LiveZones
from zonegit.dns import cache, stats
from zonegit.dns.fastpath import packet_cache
from zonegit.dns.fastpath.zone_index import ZoneIndex
from zonegit.dns.lookup.additional import MOST_LABELS, MOST_NAMES
from zonegit.dns.recipient import WaitingConnection
from zonegit.dns.transfer import ixfr
from zonegit.dns.wire.message import Transport
from zonegit.dns.wire.name_table import MOST_LABELS as MOST_WRITTEN
from zonegit.dns.wire.name_table import NameTable
from zonegit.model.names import OwnerKey
from zonegit.net.dns.tcp import TcpServer
from zonegit.net.tls_stream import TlsStream
from zonegit.net.turns import TURN, Work
from zonegit.ops import loop_slots
from zonegit.ops.config import Config
from zonegit.repo import Repository

READS = 140
"""Owners that are read for one answer: `MOST_LABELS` for additional data, and the way to the answer."""
HEAD = "$TTL 60\n@ SOA a b 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n"


class Counting(DictVersion):
    """Counts the owners that are looked for."""

    reads = 0

    def at(self, owner: OwnerKey) -> bytes | None:
        self.reads += 1
        return super().at(owner)


def serving(text: str, apex: str = "example.org.") -> tuple[Server, Counting]:
    plain = version(HEAD + text, apex)
    counting = Counting(plain.apex, plain.serial, plain.rrsets)
    server = Server(counting)
    counting.reads = 0
    return server, counting


def deep(number: int, labels: int = 100) -> str:
    """A name that has nothing in common with others of this kind but its zone."""
    return f"t{number}." + ".".join(chr(97 + (number * 7 + at) % 26) for at in range(labels))


@pytest.fixture
def taken_apart(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[bytes]]:
    """How often each name was taken apart to be compressed."""
    times: Counter[bytes] = Counter()
    shortened = NameTable._shortened

    def counting(self: NameTable, wire: bytes, here: int) -> bytes:
        times[wire] += 1
        return shortened(self, wire, here)

    monkeypatch.setattr(NameTable, "_shortened", counting)
    return times


@pytest.mark.parametrize(("rtype", "data"), [("SRV", "0 0 1 "), ("MX", "1 "), ("NS", ""), ("HTTPS", "1 ")])
@pytest.mark.parametrize("labels", [1, 8, 100])
def test_dear_targets_end_additional_data(rtype: str, data: str, labels: int) -> None:
    text = "".join(f"s {rtype} {data}{deep(at, labels)}\n{deep(at, labels)} A 192.0.2.{at}\n" for at in range(40))
    owner, name = ("s", "s.example.org.") if rtype != "NS" else ("@", "example.org.")
    server, zone = serving(text.replace("s NS", f"{owner} NS"))
    for transport in (Transport.TCP, Transport.TCP, Transport.UDP):
        zone.reads = 0
        packet = make_query(name, rtype, edns=False).to_wire()
        assert server.raw(packet, transport)
        assert zone.reads <= READS
    given = server.ask(name, rtype, transport=Transport.TCP).additional
    most = min(MOST_NAMES, MOST_LABELS // (labels + 3))
    assert most - 1 <= len({rrset.name for rrset in given}) <= MOST_NAMES
    assert not server.errors


def test_aliases_of_services_spend_the_same_allowance() -> None:
    chains = "".join(
        f"s HTTPS 0 {deep(10 * at, 20)}\n" + "".join(
            f"{deep(10 * at + step, 20)} CNAME {deep(10 * at + step + 1, 20)}\n" for step in range(9)
        )
        for at in range(40)
    )  # fmt: skip
    server, zone = serving(chains)
    response = server.ask("s.example.org.", "HTTPS", transport=Transport.TCP)
    assert len(response.answer[0]) == 40
    assert zone.reads <= READS


def test_servers_of_a_cut_are_not_read_for_each_packet() -> None:
    """The fast path leaves so many alone; the slow path looks at the first few, and keeps what it found."""
    cuts = "".join(f"c{cut} NS n{at}.c{cut}\nn{at}.c{cut} A 192.0.2.1\n" for cut in range(2) for at in range(300))
    siblings = "sib NS x.sib\nto NS " + "\nto NS ".join(f"n{at}.sib" for at in range(300))
    server, zone = serving(cuts + siblings + "".join(f"\nn{at}.sib A 192.0.2.1" for at in range(300)) + "\n")
    for name, *bounds in (("q.c0.example.org.", 210, 10, 10), ("q.to.example.org.", MOST_NAMES + 10, 10, 10)):
        for most in bounds:
            zone.reads = 0
            assert server.raw(make_query(name).to_wire())
            assert zone.reads <= most


def test_what_is_optional_never_costs_the_answer() -> None:
    """Targets with more than a query may read: the answer is whole, and what a wildcard needs shown is paid for."""
    fat = "".join(
        f"t{at} A 192.0.2.{at}\n" + "".join(f"t{at} TXT {'x' * 250}{n}\n" for n in range(200)) for at in range(16)
    )
    server, zone = serving(fat + "".join(f"*.w SRV 0 0 {at} t{at}\nm MX {at} t{at}\n" for at in range(16)))
    for name, rtype in (("q.w.example.org.", "SRV"), ("m.example.org.", "MX")):
        for do in (True, False):
            zone.reads = 0
            response = server.ask(name, rtype, do=do, transport=Transport.TCP)
            assert len(response.answer[0]) == 16
            assert zone.reads < 20


HONEST = (
    "".join(f"@ NS ns{at}\nns{at} A 192.0.2.{at}\nns{at} AAAA 2001:db8::{at}\n" for at in range(1, 13))
    + "".join(f"@ MX {at} mail{at}.eu\nmail{at}.eu A 192.0.2.{at}\n" for at in range(10))
    + "".join(f"_x._tcp SRV 0 0 {at} h{at}.a.b.c.d\nh{at}.a.b.c.d A 192.0.2.{at}\n" for at in range(16))
    + "".join(f"_y._tcp SRV 0 0 {5000 + port} y{at}\n" for port in range(5) for at in range(4))
    + "".join(f"y{at} A 192.0.2.{at}\n" for at in range(4))
    + "svc HTTPS 0 pool\npool HTTPS 1 e1\npool HTTPS 2 e2\ne1 A 192.0.2.1\ne2 CNAME e3\ne3 AAAA 2001:db8::3\n"
    + "".join(f"cut NS ns{at}.cut\nns{at}.cut A 192.0.2.{at}\n" for at in range(13))
)


@pytest.mark.parametrize(
    ("name", "rtype", "records"),
    [
        ("example.org.", "NS", 25),
        ("example.org.", "MX", 10),
        ("_x._tcp.example.org.", "SRV", MOST_NAMES),
        ("_y._tcp.example.org.", "SRV", 4),
        ("svc.example.org.", "HTTPS", 5),
        ("q.cut.example.org.", "A", 13),
    ],
)
def test_what_honest_zones_point_to_is_given(name: str, rtype: str, records: int) -> None:
    server, _ = serving(HONEST)
    for transport in (Transport.TCP, Transport.UDP, Transport.UDP):
        assert len(lines(server.ask(name, rtype, transport=transport).additional)) == records


def test_names_are_compressed_once(taken_apart: Counter[bytes]) -> None:
    """Those that stand too far from the start to be pointed to as well; all end where the message's labels do."""
    far = "".join(f"m MX 1 x{at}.{'y' * 60}.{'z' * 60}.m{at % 250}\n" for at in range(400))
    far += "".join(f"n MX 1 {deep(at, 110)}\n" for at in range(60))
    far += "a CNAME far." + "q" * 60 + "\n" + "".join(f"far.{'q' * 60} SRV 0 0 {at} ns\n" for at in range(500))
    server, _ = serving(far)
    for name, rtype in (("m", "MX"), ("n", "MX"), ("a", "SRV")):
        taken_apart.clear()
        message = server.raw(make_query(f"{name}.example.org.", rtype).to_wire(), Transport.TCP)
        assert message is not None
        assert not message[2] & 2, "it is sent whole"
        assert max(taken_apart.values()) == 1
    table = NameTable(b"\3org\0", 12)
    for at in range(2 * MOST_WRITTEN):
        wire = b"".join(bytes((len(part),)) + part for part in (b"%d" % at, b"a%d" % at)) + b"\0"
        table.short(wire, 100 + 12 * at)
        assert len(table._places) <= MOST_WRITTEN + 1
    assert table.short(b"\0010\2a0\3org\0", 60_000)[:2] == b"\0010"


DEAR = TURN / 2.5
"""Seconds that a dear query takes by the clock of these tests."""
PER_TURN = 3
"""Of which so many are answered in a turn."""


class Dear(Echo):
    """Answers `dear` queries slowly, all others at once."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.dear = 0
        self.before = -1
        """Dear queries answered before the first other one."""

    def respond_tcp(
        self, packet: bytes, client: bytes, transport: Transport, connection: WaitingConnection
    ) -> bytes | Iterator[bytes] | None:
        if packet == b"dear":
            self.dear += 1
            self.now += DEAR
        elif self.before < 0:
            self.before = self.dear
        return super().respond_tcp(packet, client, transport, connection)


async def waited_for(clients: int, connections: int) -> int:
    """How many dear queries are answered before one of another client's, where these clients pipeline them."""
    dear = Dear()
    server = TcpServer(
        [], dear, array("Q", bytes(8 * loop_slots.LOOP_SLOTS)), most=1024, per_source=1024, idle=60,
        log=lambda what, error: pytest.fail(f"{what}: {error}"), clock=lambda: dear.now,
    )  # fmt: skip

    def connect(client: str) -> tuple[Wire, asyncio.Protocol]:
        wire, protocol = Wire(client=client), server._plain()
        wire.begin(protocol)
        return wire, protocol

    hostile = [connect(f"127.0.1.{client}")[1] for client in range(clients) for _ in range(connections)]
    for protocol in hostile:
        protocol.data_received(frame(*[b"dear"] * 60))
    for _ in range(3):
        await asyncio.sleep(0)
    before = dear.dear
    wire, honest = connect("127.0.0.1")
    honest.data_received(frame(b"honest"))
    while not wire.written:
        await asyncio.sleep(0)
    assert wire.written == frame(b"HONEST")
    while dear.dear < 60 * len(hostile):  # everybody gets all answers in the end
        await asyncio.sleep(0)
    for protocol in (*hostile, honest):
        protocol.connection_lost(None)
    return dear.before - before


@pytest.mark.parametrize(("clients", "connections"), [(1, 1), (1, 128), (10, 12)])
def test_dear_queries_hold_nobody_up(clients: int, connections: int) -> None:
    """One turn of each client at most, however many connections it has."""
    assert asyncio.run(waited_for(clients, connections)) <= clients * PER_TURN


def test_handshakes_wait_for_their_turn() -> None:
    """A client that begins many gets as little of the loop's time as any other; what it sends waits."""
    asked: list[Work] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    wires = [Wire() for _ in range(100)]
    for wire in wires:
        stream = TlsStream(asyncio.Protocol(), context, asked.append)
        stream.connection_made(wire)
        stream.data_received(b"\x16\x03\x01\x02\x00")
    assert len(asked) == 100
    assert not any(wire.written or wire.reading for wire in wires)
    assert not any(work(0.0) for work in asked)
    assert all(wire.reading for wire in wires)


LONGEST_KEY = 10 + 255 + 4 + 11
"""Bytes of a packet that may be kept, behind its id: flags and counts, the question, an OPT without options."""


def junk() -> Iterator[bytes]:
    """One question in packets of up to 4 KB that differ in what nobody asked for."""
    name, kind = b"\2ns\7example\3org\0", b"\0\1\0\1"
    opt = b"\0\0\x29\4\xd0\0\0\0\0"
    for number in range(40):
        noise = number.to_bytes(2, "big") * 2000
        record = b"\0\0\x10\0\1\0\0\0\0" + len(noise).to_bytes(2, "big") + noise
        for code in (3, 8, 10, 11, 12, 65001):
            options = code.to_bytes(2, "big") + len(noise).to_bytes(2, "big") + noise
            yield b"\0\0\0\1\0\0\0\0\0\1" + name + kind + opt + len(options).to_bytes(2, "big") + options
        for counts, rest in (
            ("0001000100000000", record),
            ("0001000000010000", record),
            ("0001000000000001", record),
            ("0001000000010001", record + opt + b"\0\0"),
            ("0001000000000002", opt + b"\0\0" + record),
            ("0001000000000001", opt + b"\0\0" + noise),
            ("0001000000000000", noise),
        ):
            yield b"\0\0" + bytes.fromhex(counts) + name + kind + rest
        yield bytes.fromhex("00000001000000000000") + name.swapcase() + kind + noise[: number + 1]


def test_packets_with_junk_are_not_kept() -> None:
    server, _ = serving("")
    for _ in range(4):
        for body in junk():
            server.raw(b"id" + body)
    assert server.responder.cache == {}
    assert server.responder.answers.size < 8 * ANSWER


ANSWER = 4096 + 255 + 2 + 512
"""Bytes that one answer is counted as, at most."""


@pytest.mark.parametrize("do", [False, True])
def test_what_is_kept_is_bounded_in_bytes(monkeypatch: pytest.MonkeyPatch, do: bool) -> None:
    """Long names and forms without number: flags, sizes and types that nobody needs."""
    most = 100_000
    assert most * 320 < cache.MOST_BYTES < most * 340
    for level in (cache, packet_cache):
        monkeypatch.setattr(level, "MOST_BYTES", most)
    long = ".".join(["x" * 60] * 3)
    server, _ = serving(f"{long} TXT {'t' * 200}\n*.w TXT {'t' * 200}\n")
    largest = 0
    for number in range(600):
        flags = (number & 0xBF).to_bytes(2, "big")
        name = f"{long}.example.org." if number % 2 else f"{number}.{'y' * 60}.w.example.org."
        packet = make_query(name, "TXT", do=do, size=512 + number).to_wire()
        for _ in range(3):
            server.raw(packet[:2] + flags + packet[4:])
        kept = server.responder.cache
        answers = server.responder.answers
        largest = max(largest, len(kept))
        assert all(len(key) <= LONGEST_KEY for key in list(kept)[-1:])
        assert sum(len(key) + len(tail) for key, (tail, _) in kept.items()) < server.responder.packets.size <= most
        assert answers.size <= most
    assert largest > 50
    assert (
        sys.getsizeof(kept)
        + sum(sys.getsizeof(key) + sys.getsizeof(entry) + sys.getsizeof(entry[0]) for key, entry in kept.items())
        < 1.1 * server.responder.packets.size + 10_000
    )


def test_what_a_zone_remembers_is_small() -> None:
    """Targets, referrals and shared answers are kept by number, so a fat one isn't kept."""
    fat = "".join(f"t A 10.0.{at}.{low}\n" for at in range(2) for low in range(256))
    fat += "".join(f"m{name} MX {at} x{at}\n" for name in range(4) for at in range(300)) + "l MX 1 t\n"
    fat += "".join(f"c NS n{at}.{'y' * 60}.sib\n" for at in range(250)) + "sib NS x.sib\na CNAME t\nb CNAME t\n"
    server, _ = serving(fat)
    for _ in range(3):
        for name, rtype in [(f"m{number}", "MX") for number in range(4)] + [("l", "MX"), ("a", "A"), ("b", "A")]:
            for transport in (Transport.UDP, Transport.TCP):
                assert server.raw(make_query(f"{name}.example.org.", rtype).to_wire(), transport)
        assert server.raw(make_query("q.c.example.org.").to_wire(), Transport.TCP)
    held = server.responder.zones.by_apex.get(b"\7example\3org\0")
    assert held is not None
    assert isinstance(held.index, ZoneIndex)
    assert sum(len(rrs) for node in held.targets.values() for _, rrs in node.values()) <= 4096
    assert not held.index.shared
    assert not held.index.target_records
    assert not held.referrals


TOGETHER = 500_000
"""Bytes that transfers may hold in the test below, and those that never read ask for 40 times 70,000."""


def test_transfers_that_nobody_reads_share_their_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each connection holds one message at most, those that wait on it nothing; an honest secondary follows."""
    assert ixfr.TOGETHER == 64 << 20
    monkeypatch.setattr(ixfr, "TOGETHER", TOGETHER)
    with Repository.init(tmp_path / "repo") as repository:
        text = f"$ORIGIN example.org.\n{HEAD}" + "".join(f"h{at} A 192.0.2.1\n" for at in range(200))
        repository.import_zone(parsed(text), source="a")
        first = repository.resolve("main").commit.serial
        text += "".join(f"m{at} TXT {'x' * 220}\n" for at in range(300))
        repository.import_zone(parsed(text), source="b", replace=True)
        row = array("Q", bytes(8 * stats.SLOTS))
        zones = LiveZones(repository._store, Config(repo=repository.path), row, lambda *e: pytest.fail(str(e)))
        asyncio.run(asked_and_never_read(zones, first))


async def asked_and_never_read(zones: LiveZones, serial: int) -> None:
    history = zones.responder.options.transfers.history
    assert history is not None
    quota = history.differences.quota
    server = TcpServer(
        [], zones, array("Q", bytes(8 * loop_slots.LOOP_SLOTS)), most=1024, per_source=1024, idle=60,
        log=lambda what, error: pytest.fail(f"{what}: {error}"),
    )  # fmt: skip
    query = make_query("example.org.", "IXFR")
    query.authority.append(dns.rrset.from_text("example.org.", 0, "IN", "SOA", f". . {serial} 0 0 0 0"))
    wires = [(Wire(room=0), server._plain()) for _ in range(40)]
    for wire, protocol in wires:
        wire.begin(protocol)
        protocol.data_received(frame(*[query.to_wire()] * 4))
        assert quota.held <= TOGETHER
    while not all(wire.written for wire, _ in wires):
        await asyncio.sleep(0)
        assert quota.held <= TOGETHER
    assert quota.held > TOGETHER // 2, "it is what bounds them"
    assert max(len(wire.written) for wire, _ in wires) <= 2 + 0xFFFF
    honest, protocol = Wire(), server._plain()
    honest.begin(protocol)
    protocol.data_received(frame(query.to_wire()))
    while len(honest.written) < 70_000:
        await asyncio.sleep(0)
    for _, each in (*wires, (honest, protocol)):
        each.connection_lost(None)
    assert quota.held == 0
