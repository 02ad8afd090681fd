"""What a DNS worker does with UPDATE messages: answers some itself, passes on the others, relays the replies."""

import select
from array import array
from collections.abc import Callable
from time import monotonic

import dns.message
import dns.rcode
import dns.tsig
import dns.update
import pytest

from channelkit import PATIENCE
from zonegit.daemon import update_relay, update_strangers
from zonegit.daemon.channels import UPDATER, Channels, Receiver, Reply, Sender
from zonegit.daemon.update_intake import BUSY, UNSIGNED, UpdateIntake
from zonegit.daemon.update_relay import UpdateRelay
from zonegit.daemon.update_strangers import Strangers
from zonegit.dns import stats
from zonegit.dns.access.requestor import Requestor
from zonegit.dns.options import Options
from zonegit.dns.recipient import is_update
from zonegit.dns.responder import Responder
from zonegit.dns.wire.message import Transport
from zonegit.model.names import WireName, to_text

CLIENT = bytes((192, 0, 2, 1))
KEY = dns.tsig.Key("k1.", b"secret of 16 byt", "hmac-sha256")


class Client:
    def __init__(self) -> None:
        self.got: list[bytes] = []

    def deliver(self, response: bytes) -> None:
        self.got.append(response)


class Relaying:
    """A relay, and the updater's end of its channel."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self.channels = Channels([7])
        self.receiver = Receiver(self.channels.receiving(UPDATER)[UPDATER])
        self.relay = UpdateRelay(Sender(self.channels.sending(7)[UPDATER]), clock)
        self.stats = array("Q", bytes(8 * stats.SLOTS))
        self.refused: list[tuple[str, str]] = []
        self.intake = UpdateIntake(Responder(Options(), self.stats), self.relay, self._refuse)

    def _refuse(self, _client: bytes, zone: WireName, why: str) -> None:
        self.refused.append((to_text(zone), why))

    def ask(
        self, packet: bytes, client: Client, address: bytes = CLIENT, transport: Transport = Transport.UDP
    ) -> int | None:
        """The rcode that a packet is answered at once; None if it is passed on."""
        answer = self.intake.answer(packet, Requestor(address, transport), lambda: client)
        return None if answer is None else dns.message.from_wire(answer).rcode()

    def answer_all(self, *, verified: bool) -> None:
        """Have the updater answer what it got: NOTAUTH, signed or with the error of the signature."""
        while came := self.receiver.receive(0):
            for channel, request in came:
                query = dns.message.from_wire(request.packet, keyring={KEY.name: KEY})
                answer = dns.message.make_response(query, tsig_error=0 if verified else dns.rcode.BADSIG)
                answer.set_rcode(dns.rcode.NOTAUTH)
                self.receiver.reply(channel, Reply(request.ident, answer.to_wire()))
            self.replies()

    def replies(self) -> None:
        assert select.select([self.relay], [], [], PATIENCE)[0]
        self.relay.deliver()


@pytest.fixture
def relaying():
    relaying = Relaying()
    yield relaying
    relaying.receiver.close()
    relaying.channels.close()


@pytest.fixture
def stopped():
    """One for which no time passes, as far as failures go."""
    relaying = Relaying(lambda: 0.0)
    yield relaying
    relaying.receiver.close()
    relaying.channels.close()


def update(*, signed: bool = True) -> bytes:
    message = dns.update.UpdateMessage("example.org.")
    message.add("a", 60, "A", "192.0.2.1")
    if signed:
        message.use_tsig(KEY)
    return message.to_wire()


def test_a_signed_update_is_passed_on_as_it_came_and_its_reply_delivered(relaying):
    client, packet = Client(), update()
    assert relaying.ask(packet, client) is None
    [(channel, request)] = relaying.receiver.receive(PATIENCE)
    assert (request.packet, request.client, request.transport) == (packet, CLIENT, Transport.UDP)
    assert client.got == []
    relaying.receiver.reply(channel, Reply(request.ident, b"reply"))
    relaying.receiver.reply(channel, Reply(request.ident, b"again"))
    relaying.receiver.reply(channel, Reply(request.ident + 1, b"somebody else's"))
    relaying.replies()
    assert client.got == [b"reply"]
    assert relaying.stats[stats.request_slot(Transport.UDP, CLIENT)] == 1
    assert relaying.relay.expire() == 0


def test_what_needs_no_key_is_answered_at_once(relaying):
    client = Client()
    assert relaying.ask(update(signed=False), client) == dns.rcode.REFUSED
    assert relaying.refused == [("example.org.", UNSIGNED)]
    for packet in (update()[:-1], update(signed=False) + b"\0", update()[:12]):
        assert is_update(packet)
        assert relaying.ask(packet, client) == dns.rcode.FORMERR
    assert relaying.receiver.receive(0) == []
    assert client.got == []


@pytest.mark.parametrize("opcode", range(16))
def test_only_the_opcode_and_the_direction_make_an_update(opcode):
    for low in range(8):
        assert is_update(bytes((0, 0, opcode << 3 | low)) + bytes(9)) == (opcode == 5)
        assert not is_update(bytes((0, 0, 0x80 | opcode << 3 | low)) + bytes(9))
    assert not is_update(b"\0\0\x28")


def test_one_source_leaves_room_for_others_and_all_have_a_bound(relaying, monkeypatch):
    monkeypatch.setattr(update_relay, "MOST", 8)
    monkeypatch.setattr(update_relay, "PER_SOURCE", 3)
    client, other = Client(), bytes((192, 0, 2, 2))
    assert [relaying.ask(update(), client) for _ in range(4)] == [None] * 3 + [dns.rcode.SERVFAIL]
    assert [relaying.ask(update(), client, other) for _ in range(4)] == [None] * 3 + [dns.rcode.SERVFAIL]
    assert relaying.refused == [("example.org.", BUSY)] * 2
    [first, *_] = relaying.receiver.receive(PATIENCE)
    relaying.receiver.reply(first.channel, Reply(first.request.ident, b"reply"))
    relaying.replies()
    assert relaying.ask(update(), client) is None


def test_forged_updates_keep_out_neither_known_sources_nor_connections(stopped):
    """Each costs more to verify than to send, so after many of them strangers wait, over UDP."""
    client, forger, other = Client(), bytes((192, 0, 2, 66)), bytes((192, 0, 2, 3))
    assert stopped.ask(update(), client) is None
    stopped.answer_all(verified=True)
    sent = 0
    while stopped.ask(update(), client, forger) is None:
        stopped.answer_all(verified=False)
        sent += 1
    assert sent == update_strangers.BURST
    assert stopped.ask(update(), client) is None, "its last one verified"
    assert stopped.ask(update(), client, other) == dns.rcode.SERVFAIL
    assert stopped.ask(update(), client, other, Transport.TCP) is None
    stopped.answer_all(verified=False)
    assert stopped.ask(update(), client) == dns.rcode.SERVFAIL, "somebody forges its address"


def test_connections_are_shut_out_by_their_own_failures_only(stopped):
    client, forger, other = Client(), bytes((192, 0, 2, 66)), bytes((192, 0, 2, 3))
    sent = 0
    while stopped.ask(update(), client, forger, Transport.TCP) is None:
        stopped.answer_all(verified=False)
        sent += 1
    assert sent == update_strangers.BURST_EACH
    assert stopped.ask(update(), client, other, Transport.TCP) is None
    assert stopped.ask(update(), client, forger) is None, "its UDP datagrams may be somebody else's"


def test_what_was_open_when_too_many_failed_is_made_up_for():
    """Hundreds may be passed on before the first is answered."""
    now = 0.0
    strangers = Strangers(10.0, 20.0, each=False, clock=lambda: now)
    for _ in range(50):
        strangers.answered(b"", dns.message.make_response(dns.message.make_query(".", "SOA")).to_wire()[:3] + b"\5")
    now = 2.9
    assert not strangers.admits(b"")
    now = 3.2
    assert strangers.admits(b"")


def test_who_forges_an_address_does_not_use_up_its_connections(relaying, monkeypatch):
    monkeypatch.setattr(update_relay, "PER_SOURCE", 3)
    client = Client()
    while relaying.ask(update(), client) is None:
        pass
    assert relaying.ask(update(), client, transport=Transport.TCP) is None


def test_a_full_channel_is_servfail_at_once(relaying):
    client = Client()
    while relaying.relay.pass_on(bytes(60_000), CLIENT, Transport.TCP, client):
        pass
    while (rcode := relaying.ask(update(), client)) is None:
        pass
    assert rcode == dns.rcode.SERVFAIL
    assert relaying.relay.expire() < update_relay.PER_SOURCE, "it is full before the bound is reached"
    assert relaying.refused == [("example.org.", BUSY)]


def test_what_is_not_answered_in_time_is_servfail_and_a_later_reply_is_dropped(relaying, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(update_relay, "monotonic", lambda: now[0])
    client, packet = Client(), update()
    assert relaying.ask(packet, client) is None
    now[0] += update_relay.PATIENCE - 1
    assert relaying.relay.expire() == 1
    now[0] += 2
    assert relaying.relay.expire() == 0
    (answer,) = client.got
    assert dns.message.from_wire(answer).rcode() == dns.rcode.SERVFAIL
    assert answer[:2] == packet[:2]
    [(channel, request)] = relaying.receiver.receive(PATIENCE)
    relaying.receiver.reply(channel, Reply(request.ident, b"late"))
    relaying.replies()
    assert len(client.got) == 1
