"""Signed queries (RFC 8945), with dnspython as the client: what is answered, what is refused and how."""

from collections.abc import Iterator

import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.tsig
import dns.tsigkeyring
import dns.xfr
import dns.zone
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnskit import CLIENT, DictVersion, Server, version
from dnszones import ORG
from zonegit.dns.access.acl import Acl, key_name
from zonegit.dns.access.cookies import Cookies
from zonegit.dns.access.requestor import Requestor
from zonegit.dns.access.tsig import ALGORITHMS, LEGACY, Signature, TsigKey, with_record
from zonegit.dns.dispatch import Dispatcher, is_special
from zonegit.dns.options import Options
from zonegit.dns.transfer.options import TransferOptions
from zonegit.dns.wire.message import Transport
from zonegit.model.names import parse_apex

NOW = 1_767_225_600
SECRET = bytes(range(7, 71, 2))
BIG = "$TTL 60\n@ IN SOA a b 12 2 3 4 5\n@ NS a\n@ A 192.0.2.1\n" + "".join(
    f"host{i} TXT {'x' * 90}\n" for i in range(3000)
)


Told = list[tuple[bytes, bytes, bytes | None, str]]


def front_of(
    *versions: DictVersion,
    rules: tuple[str, ...] = ("key:k1",),
    algorithm: str = "hmac-sha256",
    now: int = NOW,
    told: Told | None = None,
) -> Dispatcher:
    acl = Acl.parse(rules)
    transfers = TransferOptions(
        runs=lambda of: of.runs() if isinstance(of, DictVersion) else (),
        may_transfer=lambda _, client, key: acl.allows(client, key),
        refused=lambda *refusal: None if told is None else told.append(refusal),
    )
    options = Options(transfers=transfers)
    server = Server(*versions, options=options)
    keys = {name: TsigKey(name, algorithm, SECRET) for name in (key_name("k1"), key_name("k2.example.org"))}
    return Dispatcher(
        server.responder, keys, lambda: now, options.udp_size, server.stats, refused=transfers.refused
    )


@pytest.fixture
def front() -> Dispatcher:
    return front_of(version(ORG, "example.org."))


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """What dnspython takes for the time."""
    now = [float(NOW)]
    monkeypatch.setattr("time.time", lambda: now[0])
    yield now


_WIRE_NAMES = {"hmac-md5": "hmac-md5.sig-alg.reg.int"}


def signed(
    name: str, rtype: str, key: str = "k1.", secret: bytes = SECRET, algorithm: str = "hmac-sha256", **settings: int
) -> dns.message.QueryMessage:
    query = dns.message.make_query(name, rtype, **settings)
    query.use_tsig(dns.tsig.Key(key, secret, _WIRE_NAMES.get(algorithm, algorithm)))
    return query


def ask(
    front: Dispatcher, query: dns.message.QueryMessage, transport: Transport = Transport.UDP, wire: bytes = b""
) -> dns.message.Message:
    """The response, whose signature dnspython has verified."""
    data = front.respond(wire or query.to_wire(), Requestor(CLIENT, transport))
    assert isinstance(data, bytes)
    return dns.message.from_wire(data, keyring=query.keyring, request_mac=query.mac)


@pytest.mark.parametrize("algorithm", [*ALGORITHMS, *LEGACY])
def test_an_answer_is_signed(algorithm: str) -> None:
    front = front_of(version(ORG, "example.org."), algorithm=algorithm)
    for transport in (Transport.UDP, Transport.TCP):
        response = ask(front, signed("www.example.org.", "A", algorithm=algorithm), transport)
        assert response.had_tsig
        assert len(response.answer) == 2
        assert response.rcode() == 0


def test_the_id_may_be_changed_on_the_way(front: Dispatcher) -> None:
    """A forwarder does that; the original id is what was signed."""
    query = signed("www.example.org.", "A")
    data = front.respond(b"\x12\x34" + query.to_wire()[2:], Requestor(CLIENT, Transport.UDP))
    assert isinstance(data, bytes)
    assert data[:2] == b"\x12\x34"


def test_keys_have_names_without_case_and_with_labels(front: Dispatcher) -> None:
    assert ask(front, signed("www.example.org.", "A", key="K2.Example.ORG.")).had_tsig


def test_a_compressed_key_name(front: Dispatcher) -> None:
    """Some senders compress the owner of a TSIG."""
    query = signed("example.org.", "SOA", key="k2.example.org.", use_edns=-1)
    wire = query.to_wire()
    long, short = b"\x02k2\x07example\x03org\x00\x00\xfa", b"\x02k2\xc0\x0c\x00\xfa"
    for packet in (wire.replace(long, short), wire.replace(short, long)):
        assert ask(front, query, wire=packet).had_tsig


@pytest.mark.parametrize(
    "owner", [b"\xc0\x21", b"\xc0\x22", b"\x01k\xc0\x21", b"\x40" + b"k" * 64 + b"\0", b"\x80"]
)
def test_a_key_name_that_can_not_be_read(front: Dispatcher, owner: bytes) -> None:
    """It points to itself or further on (it stands at 33), or is none."""
    wire = signed("www.example.org.", "A", use_edns=-1).to_wire()
    assert wire.index(b"\x02k1\0") == 33
    data = front.respond(wire.replace(b"\x02k1\0", owner), Requestor(CLIENT, Transport.UDP))
    assert isinstance(data, bytes)
    assert dns.message.from_wire(data).rcode() == dns.rcode.FORMERR


@pytest.mark.parametrize(
    ("key", "secret", "why"),
    [
        ("other.", SECRET, "BADKEY: no key of this name"),
        ("k1.", SECRET[::-1], "BADSIG: the key has another secret"),
        ("k2.example.org.", SECRET, "transfer_acl names neither"),
        ("k1.", SECRET, ""),
    ],
)
def test_who_is_refused_a_transfer_is_told_of(key: str, secret: bytes, why: str) -> None:
    told: Told = []
    front = front_of(version(ORG, "example.org."), told=told)
    list(
        front.respond(signed("example.org.", "AXFR", key, secret).to_wire(), Requestor(CLIENT, Transport.TCP)) or ()
    )
    assert [(client, name, named, reason.startswith(why)) for client, name, named, reason in told] == (
        [(CLIENT, parse_apex("example.org."), key_name(key), True)] if why else []
    )


@pytest.mark.parametrize(
    ("key", "secret", "code"),
    [("other.", SECRET, dns.rcode.BADKEY), ("k1.", SECRET[::-1], dns.rcode.BADSIG)],
)
def test_signatures_that_do_not_hold(front: Dispatcher, key: str, secret: bytes, code: int) -> None:
    """RFC 8945 §5.2.1, §5.2.2: NOTAUTH, and a TSIG without a MAC."""
    query = signed("www.example.org.", "A", key, secret)
    data = front.respond(query.to_wire(), Requestor(CLIENT, Transport.UDP))
    assert isinstance(data, bytes)
    response = dns.message.from_wire(data, keyring=False)
    assert response.rcode() == dns.rcode.NOTAUTH
    assert not response.answer
    assert response.tsig is not None
    assert (response.tsig[0].error, response.tsig[0].mac) == (code, b"")


@pytest.mark.parametrize("algorithm", ["hmac-sha512", "hmac-sha224", *LEGACY])
def test_another_algorithm_than_the_keys(algorithm: str) -> None:
    """The client gets BADKEY; the log names both algorithms, since nothing else would lead to the cause."""
    told: Told = []
    front = front_of(version(ORG, "example.org."), told=told)
    query = signed("www.example.org.", "A", algorithm=algorithm)
    data = front.respond(query.to_wire(), Requestor(CLIENT, Transport.UDP))
    assert isinstance(data, bytes)
    assert dns.message.from_wire(data, keyring=False).tsig[0].error == dns.rcode.BADKEY
    ((_, _, key, why),) = told
    assert key == key_name("k1")
    assert why == f"BADKEY: the key is for hmac-sha256 here, but the message was signed with {algorithm}"


@pytest.mark.parametrize("shift", [-301, 301])
def test_clocks_too_far_apart(front: Dispatcher, clock: list[float], shift: int) -> None:
    """RFC 8945 §5.2.3: signed, with the server's time."""
    clock[0] = NOW + shift
    query = signed("www.example.org.", "A")
    data = front.respond(query.to_wire(), Requestor(CLIENT, Transport.UDP))
    assert isinstance(data, bytes)
    with pytest.raises(dns.tsig.PeerBadTime):
        dns.message.from_wire(data, keyring=query.keyring, request_mac=query.mac)
    response = dns.message.from_wire(data, keyring=False)
    record = response.tsig[0]
    assert (response.rcode(), record.error) == (dns.rcode.NOTAUTH, dns.rcode.BADTIME)
    assert record.time_signed == NOW + shift
    assert record.other == NOW.to_bytes(6, "big")
    assert len(record.mac) == 32


@pytest.mark.parametrize("size", [0, 9, 15, 33])
def test_macs_of_impossible_sizes(front: Dispatcher, size: int) -> None:
    assert _with_mac(front, size).rcode() == dns.rcode.FORMERR


def test_a_mac_cut_short(front: Dispatcher) -> None:
    """RFC 8945 §5.2.4."""
    response = _with_mac(front, 16)
    assert response.rcode() == dns.rcode.NOTAUTH
    assert response.tsig[0].error == dns.rcode.BADTRUNC


def _with_mac(front: Dispatcher, size: int) -> dns.message.Message:
    query = dns.message.make_query("www.example.org.", "A", use_edns=-1).to_wire()
    key = front.keys[key_name("k1")]
    mac = Signature(key)
    mac.sign(query, NOW)
    packet = with_record(query, key.wire, NOW, (mac.mac + b"\0")[:size])
    data = front.respond(packet, Requestor(CLIENT, Transport.UDP))
    assert isinstance(data, bytes)
    return dns.message.from_wire(data, keyring=False)


def test_only_as_the_last_record(front: Dispatcher) -> None:
    """RFC 8945 §5.1."""
    wire = signed("www.example.org.", "A", use_edns=-1).to_wire()
    twice = wire[:11] + b"\2" + wire[12:] + wire[wire.index(b"\x02k1") :]
    elsewhere = wire[:7] + b"\1" + wire[8:11] + b"\0" + wire[12:]
    for packet in (twice, elsewhere, wire[:-1]):
        assert is_special(packet)
        data = front.respond(packet, Requestor(CLIENT, Transport.UDP))
        assert isinstance(data, bytes)
        assert dns.message.from_wire(data).rcode() == dns.rcode.FORMERR


def test_no_room_for_the_signature() -> None:
    """RFC 8945 §5.3: header, question and TSIG are left, and TC is set."""
    text = "$TTL 60\n@ IN SOA a b 12 2 3 4 5\n@ NS a\n" + "".join(f"many TXT {'x' * 60}{i:02}\n" for i in range(14))
    front = front_of(version(text, "test."))
    response = ask(front, signed("many.test.", "TXT"))
    assert response.flags & dns.flags.TC
    assert response.had_tsig
    assert not response.answer
    assert len(ask(front, signed("many.test.", "TXT"), Transport.TCP).answer[0]) == 14


@pytest.mark.parametrize("now", [NOW, (1 << 32) + NOW])
def test_a_signed_transfer(clock: list[float], now: int) -> None:
    """Every message is signed, and covers the one before; also when 32 bits are too few for the time."""
    clock[0] = now
    front = front_of(version(BIG, "test."), now=now)
    query = signed("test.", "AXFR")
    answer = front.respond(query.to_wire(), Requestor(CLIENT, Transport.TCP))
    assert answer is not None and not isinstance(answer, bytes)
    messages = list(answer)
    assert len(messages) > 4
    assert all(len(message) <= 65535 for message in messages)
    zone = dns.zone.Zone("test.", relativize=False)
    context = None
    with dns.xfr.Inbound(zone) as inbound:
        for data in messages:
            message = dns.message.from_wire(
                data, keyring=query.keyring, request_mac=query.mac, xfr=True, tsig_ctx=context, multi=True,
                one_rr_per_rrset=True,
            )  # fmt: skip
            assert message.had_tsig
            context = message.tsig_ctx
            done = inbound.process_message(message)
    assert done
    assert zone == dns.zone.from_text(BIG, origin="test.", relativize=False)


@pytest.mark.parametrize(
    ("rules", "key", "rcode"),
    [
        (("key:k1",), "k1.", 0),
        (("key:k1",), "k2.example.org.", dns.rcode.REFUSED),
        (("key:k1",), "", dns.rcode.REFUSED),
        (("127.0.0.0/8",), "", 0),
        (("127.0.0.0/8",), "k1.", 0),
        (("192.0.2.0/24 key:k1",), "k1.", dns.rcode.REFUSED),
    ],
)
def test_who_may(rules: tuple[str, ...], key: str, rcode: int) -> None:
    front = front_of(version(ORG, "example.org."), rules=rules)
    query = signed("example.org.", "AXFR", key) if key else dns.message.make_query("example.org.", "AXFR")
    answer = front.respond(query.to_wire(), Requestor(CLIENT, Transport.TCP))
    assert answer is not None and not isinstance(answer, bytes)
    data = next(answer)
    keyring = query.keyring if key else None
    response = dns.message.from_wire(data, keyring=keyring, request_mac=query.mac if key else b"", xfr=True)
    assert response.rcode() == rcode
    assert response.had_tsig == bool(key)


def test_what_only_looks_like_one(front: Dispatcher) -> None:
    """The bytes of a TSIG's type and class within something else."""
    query = dns.message.make_query("www.example.org.", "A")
    query.use_edns(0, options=[dns.edns.GenericOption(65001, b"\x00\xfa\x00\xff")])
    assert is_special(query.to_wire())
    data = front.respond(query.to_wire(), Requestor(CLIENT, Transport.UDP))
    assert isinstance(data, bytes)
    assert dns.message.from_wire(data).rcode() == 0


def test_what_gets_no_answer(front: Dispatcher) -> None:
    query = signed("www.example.org.", "A")
    query.flags |= dns.flags.QR
    for packet in (query.to_wire(), query.to_wire()[:11]):
        assert front.respond(packet, Requestor(CLIENT, Transport.UDP)) is None


@given(st.data())
def test_nothing_that_is_sent_makes_it_raise(data: st.DataObject) -> None:
    """Damaged packets, signed or not, over UDP and TCP."""
    front = front_of(version(ORG, "example.org."))
    query = dns.message.make_query("example.org.", data.draw(st.sampled_from(["A", "AXFR", "IXFR", "SOA"])), id=9)
    if data.draw(st.booleans()):
        query.set_opcode(dns.opcode.NOTIFY)
    query.use_tsig(dns.tsig.Key(data.draw(st.sampled_from(["k1.", "k2.example.org."])), SECRET, "hmac-sha256"))
    packet = bytearray(query.to_wire())
    for at, value in data.draw(
        st.lists(st.tuples(st.integers(0, len(packet) - 1), st.integers(0, 255)), max_size=4)
    ):
        packet[at] = value
    del packet[data.draw(st.integers(len(packet) - 60, len(packet))) :]
    packet += data.draw(st.binary(max_size=8))
    for transport in (Transport.UDP, Transport.TCP):
        answer = front.respond(bytes(packet), Requestor(CLIENT, transport))
        for message in [answer] if isinstance(answer, bytes) else answer or ():
            assert message[:2] == bytes(packet[:2])
            assert len(message) >= 12


def test_any_tells_all_to_those_who_may_transfer() -> None:
    """Over TCP; a key that the rules name is as good as an address."""
    front = front_of(version(ORG, "example.org."), rules=("key:k1",))
    for key, whole in (("k1.", True), ("k2.example.org.", False)):
        response = ask(front, signed("example.org.", "ANY", key), Transport.TCP)
        assert (len(response.answer) > 3) is whole


def test_no_room_for_the_signature_of_a_denial() -> None:
    """RFC 8945 §5.3: the rcode is NOERROR then; the client asks again over TCP."""
    server, asked = ".".join("s" * 60 for _ in range(3)), ".".join("q" * 60 for _ in range(3))
    front = front_of(version(f"$TTL 60\n@ IN SOA {server} b 1 2 3 4 5\n@ NS a\n", "test."), algorithm="hmac-sha512")
    query = signed(f"{asked}.test.", "A", algorithm="hmac-sha512", use_edns=-1)
    response = ask(front, query)
    assert response.flags & dns.flags.TC
    assert response.rcode() == dns.rcode.NOERROR
    assert ask(front, query, Transport.TCP).rcode() == dns.rcode.NXDOMAIN


def test_options_of_a_notify_and_of_a_transfer_are_answered() -> None:
    """As those of other queries: NSID and cookies. A transfer is refused for a cookie that is none."""
    options = Options(
        nsid=b"here",
        cookies=Cookies([bytes(16)], lambda: NOW),
        transfers=TransferOptions(runs=lambda of: of.runs() if isinstance(of, DictVersion) else ()),
    )
    server = Server(version(ORG, "example.org."), options=options)
    front = Dispatcher(server.responder, {}, lambda: NOW, options.udp_size, server.stats)
    for rtype, opcode in (("AXFR", dns.opcode.QUERY), ("SOA", dns.opcode.NOTIFY)):
        response = _with_cookie(front, rtype, opcode, b"12345678")
        assert sorted(option.otype for option in response.options) == [3, 10]
    assert _with_cookie(front, "AXFR", dns.opcode.QUERY, b"123").rcode() == dns.rcode.FORMERR


def _with_cookie(front: Dispatcher, rtype: str, opcode: int, cookie: bytes) -> dns.message.Message:
    query = dns.message.make_query("example.org.", rtype)
    query.set_opcode(opcode)
    query.use_edns(0, options=[dns.edns.GenericOption(3, b""), dns.edns.GenericOption(10, cookie)])
    answer = front.respond(query.to_wire(), Requestor(CLIENT, Transport.TCP))
    assert answer is not None
    return dns.message.from_wire(answer if isinstance(answer, bytes) else next(answer), xfr=True)


def test_a_notify_of_an_unknown_version_of_edns(front: Dispatcher) -> None:
    query = dns.message.make_query("example.org.", "SOA", use_edns=1)
    query.set_opcode(dns.opcode.NOTIFY)
    data = front.respond(query.to_wire(), Requestor(CLIENT, Transport.UDP))
    assert isinstance(data, bytes)
    assert dns.message.from_wire(data).rcode() == dns.rcode.BADVERS


def test_padding_leaves_room_for_the_signature() -> None:
    """On TLS what an eavesdropper sees is whole blocks, the signature among them."""
    front = front_of(version(ORG, "example.org."))
    for name in ("www.example.org.", "no.example.org.", "www.elsewhere.test."):
        query = dns.message.make_query(name, "A", use_edns=0, options=[dns.edns.GenericOption(12, b"")])
        query.use_tsig(dns.tsig.Key("k1.", SECRET, "hmac-sha256"))
        data = front.respond(query.to_wire(), Requestor(CLIENT, Transport.TLS))
        assert isinstance(data, bytes)
        assert len(data) % 468 == 0
        assert dns.message.from_wire(data, keyring=query.keyring, request_mac=query.mac).had_tsig
