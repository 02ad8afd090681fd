"""Which UPDATEs are forwarded, how many at a time, what is sent only once, and what their clients are answered."""

import time
from ipaddress import ip_network
from pathlib import Path

import dns.flags
import dns.message
import dns.rcode
import dns.tsig
import pytest

from repokit import ZONE, parsed
from updaterkit import CLIENT, Updating, adding, new_key, verified
from zonegit.auth.tsigfile import read_tsig
from zonegit.daemon import update_forwarding, update_sending
from zonegit.daemon.update_origin import Origin
from zonegit.daemon.update_sending import TIMEOUT, UNREACHABLE, Message, Outcome
from zonegit.dns.access.acl import Acl
from zonegit.dns.access.tsig import Signature
from zonegit.dns.update.message import response
from zonegit.dns.wire.message import Rcode, Transport
from zonegit.ops.config import Address, Config, MetricsConfig, PrimaryConfig, ZoneConfig
from zonegit.ops.primaries import Primary
from zonegit.ops.update_rules import parse_rule
from zonegit.repo import Repository
from zonegit.repo.mirrors import mirror_setting

PRIMARY = PrimaryConfig("http://127.0.0.1:1", "p1")
OTHER_CLIENT = bytes((198, 51, 100, 1))


class Recorded:
    """A thread that isn't one: it keeps what it is to send, until a test answers."""

    def __init__(self, config: Config, finished) -> None:
        self.finished = finished
        self.messages: list[Message] = []
        self.configs = [config]
        self.closed = False

    def send(self, message: Message) -> None:
        self.messages.append(message)

    def configure(self, config: Config) -> None:
        self.configs.append(config)

    def close(self) -> None:
        self.closed = True

    def answer(self, number: int, packet: bytes) -> None:
        self.messages[number].deliver(packet)
        self.finished(Outcome(self.messages[number].ident, packet))

    def fail(self, number: int, failure: str = UNREACHABLE, why: str = "it is off") -> None:
        self.finished(Outcome(self.messages[number].ident, None, failure, why))


class Forwarding:
    """An updater over a repository whose zone is mirrored from p1."""

    def __init__(self, repository: Repository, keys: Path, **settings: object) -> None:
        with repository._store.write() as writer:
            writer.set_setting(mirror_setting("example.org."), b"p1")
        self.config = Config(
            repo=repository.path,
            keys=keys,
            primary=PRIMARY,
            zones={"example.org.": ZoneConfig(**settings)},
            has_tsig_keys=True,
            metrics=MetricsConfig(Address("127.0.0.1", 0)),
        )
        self.updating = Updating(repository, self.config)
        self.updating.now = time.time()

    @property
    def thread(self) -> Recorded | None:
        return self.updating.updater._forwarding._sending

    @property
    def sent(self) -> list[bytes]:
        return [] if self.thread is None else [message.packet for message in self.thread.messages]

    def come(self, *packets: bytes, client: bytes = CLIENT, transport: Transport = Transport.UDP) -> list[int]:
        """Their idents."""
        came = [self.updating.came(packet, client) for packet in packets]
        came = [each._replace(request=each.request._replace(transport=transport)) for each in came]
        self.updating.updater.handle(came)
        return [each.request.ident for each in came]

    def reply(self, ident: int) -> bytes | None:
        self.updating.updater.handle([])
        return self.updating.replies.get(ident)

    def counted(self) -> dict[tuple[str, str], float]:
        read = self.updating.samples.read()
        return {labels: values[0] for family, labels, values in read if family.name == "updates_forwarded_total"}


@pytest.fixture
def repository(tmp_path: Path):
    with Repository.init(tmp_path / "repo") as repository:
        repository.import_zone(parsed(ZONE), source="test.zone")
        yield repository


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    return tmp_path / "keys"


@pytest.fixture
def key(keys: Path) -> dns.tsig.Key:
    return new_key(keys, "k1")


@pytest.fixture(autouse=True)
def recorded(monkeypatch):
    monkeypatch.setattr(update_sending, "UpdateSending", Recorded)


@pytest.fixture
def forwarding(repository, keys, key) -> Forwarding:
    return Forwarding(repository, keys)


def plain(answer: bytes | None) -> dns.message.Message:
    assert answer is not None
    return dns.message.from_wire(answer, keyring=False)


def primary_answers(keys: Path, message, packet: bytes, rcode: Rcode = Rcode.NOERROR) -> bytes:
    """What a primary with the key in these files sends."""
    (path,) = keys.glob("k1*")
    return Signature(read_tsig(path), message.mac).sign(response(packet, rcode), int(time.time()))


def test_what_a_key_here_has_signed_is_forwarded_as_it_came_and_the_answer_relayed(forwarding, keys, key):
    message = adding(key, "new")
    packet = message.to_wire()
    [ident] = forwarding.come(packet)
    [sent] = forwarding.thread.messages
    assert (sent.packet, sent.origin) == (packet, Origin("p1"))
    assert forwarding.reply(ident) is None
    answer = primary_answers(keys, message, packet, Rcode.YXRRSET)
    forwarding.thread.answer(0, answer)
    assert forwarding.reply(ident) == answer
    assert verified(message, answer).rcode() == dns.rcode.YXRRSET
    assert forwarding.counted() == {("example.org.", "YXRRSET"): 1}


def test_rules_of_a_zone_that_is_mirrored_do_not_count(repository, keys, key):
    forwarding = Forwarding(repository, keys, update=(parse_rule("key:k1 ** *"),))
    before = repository._store.txn_id()
    forwarding.come(adding(key, "new").to_wire())
    assert len(forwarding.sent) == 1
    assert repository._store.txn_id() == before


def test_a_zone_with_primaries_is_forwarded_to_them(repository, keys, key):
    primaries = (Primary.parse("192.0.2.1"), Primary.parse("tls://192.0.2.2"))
    forwarding = Forwarding(repository, keys, primaries=primaries)
    forwarding.come(adding(key, "new").to_wire())
    assert [message.origin for message in forwarding.thread.messages] == [Origin(primaries=primaries)]


def test_what_is_written_here_is_not_forwarded(repository, keys, key):
    repository.import_zone(parsed(ZONE.replace("example.org", "example.net")), source="net.zone")
    forwarding = Forwarding(repository, keys)
    idents = forwarding.come(
        *(adding(key, "new", zone=zone).to_wire() for zone in ("example.net.", "example.com."))
    )
    assert forwarding.thread is None
    assert [plain(forwarding.reply(ident)).rcode() for ident in idents] == [dns.rcode.REFUSED, dns.rcode.NOTAUTH]


def test_a_thousand_forged_messages_leave_the_primary_alone(forwarding, key):
    """With an unknown key, with a known one's name and another secret, and without a signature."""
    forged = [dns.tsig.Key(f"n{number}.", b"x" * 32) for number in range(400)]
    forged += [dns.tsig.Key("k1.", bytes([number % 250]) * 32) for number in range(400)]
    packets = [adding(each, "new").to_wire() for each in [*forged, *[None] * 200]]
    idents = forwarding.come(*packets)
    assert forwarding.thread is None
    rcodes = {plain(forwarding.reply(ident)).rcode() for ident in idents}
    assert rcodes == {dns.rcode.NOTAUTH, dns.rcode.REFUSED}


@pytest.mark.parametrize(
    ("rules", "client", "name", "allowed"),
    [
        (["key:k1"], CLIENT, "k1", True),
        (["key:k2"], CLIENT, "k1", False),
        (["key:elsewhere"], CLIENT, "elsewhere", True),
        (["key:elsewhere"], CLIENT, "other", False),
        (["192.0.2.0/24 key:elsewhere"], CLIENT, "elsewhere", True),
        (["192.0.2.0/24 key:elsewhere"], OTHER_CLIENT, "elsewhere", False),
        (["192.0.2.0/24"], CLIENT, "elsewhere", True),
        (["192.0.2.0/24"], OTHER_CLIENT, "k1", False),
        ([], CLIENT, "k1", False),
    ],
)
def test_update_forwarding_replaces_the_default(repository, keys, key, rules, client, name, allowed):
    """Only the primary verifies a key whose file isn't here; one whose file is here is verified here, too."""
    forwarding = Forwarding(repository, keys, update_forwarding=Acl.parse(rules))
    used = key if name == "k1" else dns.tsig.Key(f"{name}.", b"x" * 32)
    [ident] = forwarding.come(adding(used, "new").to_wire(), client=client)
    assert len(forwarding.sent) == allowed
    if not allowed:
        refused = dns.rcode.REFUSED if name == "k1" and rules else dns.rcode.NOTAUTH
        if not rules:  # nothing is forwarded for anybody, so the zone is as any that takes no updates
            refused = dns.rcode.REFUSED
        assert plain(forwarding.reply(ident)).rcode() == refused


def test_no_rule_forwards_a_bad_signature_of_a_key_that_is_here_nor_a_message_without_one(repository, keys, key):
    rules = [str(ip_network("0.0.0.0/0")), "key:k1"]
    forwarding = Forwarding(repository, keys, update_forwarding=Acl.parse(rules))
    idents = forwarding.come(adding(dns.tsig.Key("k1.", b"x" * 32), "new").to_wire(), adding(None, "new").to_wire())
    assert forwarding.thread is None
    assert [plain(forwarding.reply(ident)).rcode() for ident in idents] == [dns.rcode.NOTAUTH, dns.rcode.REFUSED]


def test_a_message_that_its_client_repeats_is_sent_once_and_answered_each_time(forwarding, keys, key):
    message = adding(key, "new")
    packet = message.to_wire()
    idents = forwarding.come(packet, packet) + forwarding.come(packet)
    assert len(forwarding.sent) == 1
    answer = primary_answers(keys, message, packet)
    forwarding.thread.answer(0, answer)
    assert [forwarding.reply(ident) for ident in idents] == [answer] * 3
    assert forwarding.counted() == {("example.org.", "NOERROR"): 1}


@pytest.mark.parametrize("ident", [None, b"\x12\x34"])
def test_a_message_that_comes_back_has_gone_in_a_circle(forwarding, key, caplog, ident):
    """From another address, or over TCP what came over UDP; with another id where a DNS server forwarded it."""
    message = adding(key, "new")
    packet = message.to_wire()
    [first] = forwarding.come(packet)
    back = packet if ident is None else ident + packet[2:]
    found = forwarding.come(back, client=OTHER_CLIENT) + forwarding.come(back, transport=Transport.TCP)
    assert len(forwarding.sent) == 1
    assert [plain(forwarding.reply(each)).rcode() for each in found] == [dns.rcode.SERVFAIL] * 2
    assert forwarding.reply(first) is None
    assert forwarding.counted() == {("example.org.", "circle"): 2}
    assert caplog.text.count("cannot forward UPDATEs") == 1


@pytest.mark.parametrize("failure", [UNREACHABLE, TIMEOUT])
def test_without_a_response_the_client_gets_servfail_and_the_log_one_line(forwarding, key, caplog, failure):
    messages = [adding(key, f"n{number}") for number in range(5)]
    packets = [message.to_wire() for message in messages]
    idents = forwarding.come(*packets, packets[0])
    for number in range(5):
        forwarding.thread.fail(number, failure, "it is off")
    for message, ident in zip([*messages, messages[0]], idents, strict=True):
        assert verified(message, forwarding.reply(ident) or b"").rcode() == dns.rcode.SERVFAIL
    assert forwarding.counted() == {("example.org.", failure): 5}
    assert caplog.text.count("it is off") == 1
    assert "zone=example.org." in caplog.text


def test_it_may_be_tried_again_after_that(forwarding, keys, key):
    message = adding(key, "new")
    packet = message.to_wire()
    forwarding.come(packet)
    forwarding.thread.fail(0)
    forwarding.reply(0)
    [again] = forwarding.come(packet)
    answer = primary_answers(keys, message, packet)
    forwarding.thread.answer(1, answer)
    assert forwarding.reply(again) == answer


def test_messages_of_one_client_are_bounded_and_leave_room_for_others(forwarding, key):
    packets = [adding(key, f"n{number}").to_wire() for number in range(update_forwarding.PER_SOURCE + 1)]
    *_, last = forwarding.come(*packets)
    assert len(forwarding.sent) == update_forwarding.PER_SOURCE
    assert plain(forwarding.reply(last)).rcode() == dns.rcode.SERVFAIL
    forwarding.come(packets[-1], client=OTHER_CLIENT)
    assert len(forwarding.sent) == update_forwarding.PER_SOURCE + 1
    forwarding.thread.fail(0)
    forwarding.reply(0)
    forwarding.come(adding(key, "again").to_wire())
    assert len(forwarding.sent) == update_forwarding.PER_SOURCE + 2


def test_all_messages_are_bounded_and_those_that_only_the_primary_verifies_more(repository, keys, key):
    forwarding = Forwarding(repository, keys, update_forwarding=Acl.parse(["0.0.0.0/0"]))
    clients = [bytes((10, 0, 0, number)) for number in range(10)]
    for client in clients:
        forged = [dns.tsig.Key(f"n{number}.", b"x" * 32) for number in range(40)]
        forwarding.come(*(adding(each, "new").to_wire() for each in forged), client=client)
    assert len(forwarding.sent) == update_forwarding.UNVERIFIED
    for client in clients:
        forwarding.come(*(adding(key, f"{client[3]}-{number}").to_wire() for number in range(40)), client=client)
    assert len(forwarding.sent) == update_forwarding.MOST


def test_a_reload_brings_other_keys_and_rules(forwarding, key):
    forwarding.come(adding(key, "new").to_wire())
    config = forwarding.config
    zones = {"example.org.": ZoneConfig(update_forwarding=Acl.parse(["key:k2"]))}
    changed = Config(repo=config.repo, keys=config.keys, primary=PRIMARY, zones=zones)
    forwarding.updating.updater.configure(changed)
    [ident] = forwarding.come(adding(key, "other").to_wire())
    assert forwarding.thread.configs[-1] is changed
    assert plain(forwarding.reply(ident)).rcode() == dns.rcode.REFUSED


def test_at_the_end_what_is_on_its_way_is_given_up(forwarding, key):
    message = adding(key, "new")
    [ident] = forwarding.come(message.to_wire())
    forwarding.updating.updater.finish()
    assert forwarding.thread.closed
    assert verified(message, forwarding.reply(ident) or b"").rcode() == dns.rcode.SERVFAIL


def test_zones_beyond_a_number_have_no_series_of_their_own(repository, keys, key):
    forwarding = Forwarding(repository, keys)
    few = MetricsConfig(Address("127.0.0.1", 0), per_zone=0)
    forwarding.updating.updater.configure(
        Config(repo=repository.path, keys=keys, primary=PRIMARY, metrics=few, has_tsig_keys=True)
    )
    forwarding.come(adding(key, "new").to_wire())
    forwarding.thread.fail(0)
    forwarding.reply(0)
    assert forwarding.counted() == {("other", UNREACHABLE): 1}
