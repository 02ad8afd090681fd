"""The updater: who is answered what, what shares a transaction, what isn't applied twice, and what is counted."""

import logging
import random
import time
from pathlib import Path

import dns.message
import dns.rcode
import dns.rdatatype
import dns.tsig
import pytest

from repokit import ZONE, parsed
from updatekit import PLACE
from updaterkit import CLIENT, Updating, adding, new_key, verified
from zonegit.auth.tsigfile import tsig_path
from zonegit.daemon import updater as updaters
from zonegit.daemon.updater import Updater, gathered
from zonegit.dns.access.tsig import ALGORITHMS, LEGACY, Signature
from zonegit.errors import StoreBusy, StoreFull, StorePanicked
from zonegit.model.names import WireName, join
from zonegit.model.rdata import A
from zonegit.ops.config import Address, Config, MetricsConfig, ZoneConfig
from zonegit.ops.update_rules import parse_rule
from zonegit.repo import Repository
from zonegit.store.lmdb import LmdbStore

ALL = (parse_rule("key:k1 ** *"),)


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


def config_of(repository: Repository, keys: Path, **settings: object) -> Config:
    settings.setdefault("update", ALL)
    return Config(repo=repository.path, keys=keys, zones={"example.org.": ZoneConfig(**settings)})


@pytest.fixture
def updating(repository: Repository, keys: Path, key: dns.tsig.Key) -> Updating:
    updating = Updating(repository, config_of(repository, keys))
    updating.now = time.time()
    return updating


def addresses(repository: Repository, owner: str) -> list[str]:
    found = repository._context.tip(PLACE).rrset(join([owner.encode()]), A)
    return [] if found is None else [".".join(map(str, each)) for each in found.rdatas]


def commits(repository: Repository) -> int:
    return sum(1 for _ in repository.log())


@pytest.mark.parametrize("algorithm", [*ALGORITHMS, *LEGACY])
def test_an_update_is_applied_and_its_response_signed(repository, keys, algorithm):
    key = new_key(keys, "k1", algorithm)
    updating = Updating(repository, config_of(repository, keys))
    updating.now = time.time()
    assert updating.rcode(adding(key, "new")) == dns.rcode.NOERROR
    assert addresses(repository, "new") == ["192.0.2.9"]
    assert updating.counted() == {("example.org.", "k1", "NOERROR"): 1}


def test_many_at_once_are_commits_of_one_transaction(repository, updating, key):
    before, txn = commits(repository), repository._store.txn_id()
    messages = [adding(key, f"n{number}") for number in range(40)]
    answers = updating.ask(*(message.to_wire() for message in messages))
    assert {verified(message, answer).rcode() for message, answer in zip(messages, answers, strict=True)} == {0}
    assert commits(repository) == before + 40
    assert repository._store.txn_id() == txn + 1


def test_zones_are_apart(tmp_path, repository, keys, key):
    repository.import_zone(parsed(ZONE.replace("example.org", "example.net")), source="net.zone")
    zones = {zone: ZoneConfig(update=ALL) for zone in ("example.org.", "example.net.")}
    updating = Updating(repository, Config(repo=repository.path, keys=keys, zones=zones))
    updating.now = time.time()
    messages = [adding(key, "new", zone=zone) for zone in zones]
    assert all(updating.ask(*(message.to_wire() for message in messages)))
    assert set(updating.counted()) == {(zone, "k1", "NOERROR") for zone in zones}


def test_what_is_there_already_makes_no_commit(repository, updating, key):
    updating.rcode(adding(key, "new"))
    before = commits(repository)
    assert updating.rcode(adding(key, "new")) == dns.rcode.NOERROR
    assert commits(repository) == before
    assert updating.counted()["example.org.", "k1", "unchanged"] == 1


def test_what_waited_too_long_is_not_begun(repository, updating, key):
    """Its client has been answered SERVFAIL, or will be; it must be able to rely on that."""
    before = commits(repository)
    updating.updater.handle([updating.came(adding(key, "new").to_wire(), age=updaters._TOO_OLD + 1)])
    assert updating.replies == {}
    assert commits(repository) == before
    assert updating.counted() == {("", "", "late"): 1}


@pytest.mark.parametrize("error", [StoreFull("no space"), StoreBusy("somebody writes"), RuntimeError("a fault")])
def test_what_could_not_be_stored_is_servfail_and_may_be_tried_again(updating, key, monkeypatch, error, caplog):
    def fails(*_: object) -> None:
        raise error

    message = adding(key, "new")
    with monkeypatch.context() as patch:
        patch.setattr(updaters, "apply_updates", fails)
        assert updating.rcode(message) == dns.rcode.SERVFAIL
    assert updating.counted() == {("example.org.", "k1", "SERVFAIL"): 1}
    assert str(error) in caplog.text
    assert updating.rcode(message, packet=message.to_wire()) == dns.rcode.NOERROR


def test_a_write_that_failed_halfway_ends_the_process_after_its_answers(updating, key, monkeypatch):
    def fails(*_: object) -> None:
        raise StorePanicked("halfway")

    monkeypatch.setattr(updaters, "apply_updates", fails)
    message = adding(key, "new")
    came = updating.came(message.to_wire())
    with pytest.raises(StorePanicked):
        updating.updater.handle([came])
    assert verified(message, updating.replies[came.request.ident]).rcode() == dns.rcode.SERVFAIL


def test_another_writer_is_waited_for_within_a_bound(repository, keys, key, monkeypatch):
    """Here another thread of this process, with a store that has the updater's patience."""
    repository.close()
    store = LmdbStore.open(repository.path, patience=updaters.Patience(0.05))
    held = LmdbStore.open(repository.path)
    updating = Updating(repository, config_of(repository, keys))
    updating.updater = Updater(store, config_of(repository, keys), updating.samples, updating._reply, time.time)
    try:
        with held.write():
            message = adding(key, "new")
            assert updating.rcode(message) == dns.rcode.SERVFAIL
        assert updating.rcode(adding(key, "new")) == dns.rcode.NOERROR
    finally:
        held.close()
        store.close()


def test_one_that_is_refused_leaves_the_others(repository, updating, key):
    good, bad = adding(key, "new"), adding(key, "other")
    bad.present("nowhere")
    answers = updating.ask(bad.to_wire(), good.to_wire())
    assert [
        verified(message, answer or b"").rcode() for message, answer in zip((bad, good), answers, strict=True)
    ] == [
        dns.rcode.NXDOMAIN,
        dns.rcode.NOERROR,
    ]
    assert addresses(repository, "other") == []


def test_zones_that_take_no_updates_and_zones_that_are_not_here(repository, keys, key):
    repository.import_zone(parsed(ZONE.replace("example.org", "example.net")), source="net.zone")
    updating = Updating(repository, config_of(repository, keys))
    updating.now = time.time()
    assert updating.rcode(adding(key, "new", zone="example.net.")) == dns.rcode.REFUSED
    assert updating.rcode(adding(key, "new", zone="example.com.")) == dns.rcode.NOTAUTH
    assert updating.rcode(adding(key, "new", zone="sub.example.org.")) == dns.rcode.NOTAUTH
    assert updating.counted() == {("other", "k1", "REFUSED"): 1, ("other", "k1", "NOTAUTH"): 2}


def unsigned(answer: bytes | None) -> dns.message.Message:
    assert answer is not None
    return dns.message.from_wire(answer, keyring=False)


def test_signatures_that_do_not_verify_are_told_apart(repository, keys, key, caplog):
    """To the client by the TSIG error, to the operator by the log and the counters, with zone and key."""
    updating = Updating(repository, config_of(repository, keys))
    updating.now = time.time()
    wrong = dns.tsig.Key("k1.", b"x" * 32, "hmac-sha256")
    other = dns.tsig.Key("nobody.", b"x" * 32, "hmac-sha256")
    weak = dns.tsig.Key("k1.", b"x" * 32, "hmac-sha1")
    found = [
        unsigned(each) for each in updating.ask(*(adding(each, "new").to_wire() for each in (wrong, other, weak)))
    ]
    assert [each.tsig[0].error for each in found] == [dns.rcode.BADSIG, dns.rcode.BADKEY, dns.rcode.BADKEY]
    message = adding(key, "new")
    packet = message.to_wire()
    updating.now = unsigned(packet).tsig[0].time_signed + 400
    [late] = updating.ask(packet)
    assert unsigned(late).tsig[0].error == dns.rcode.BADTIME
    with pytest.raises(dns.tsig.PeerBadTime):
        verified(message, late or b"")
    assert {unsigned(each).rcode() for each in updating.replies.values()} == {dns.rcode.NOTAUTH}
    assert updating.counted() == {
        ("example.org.", "k1", "BADSIG"): 1,
        ("example.org.", "", "BADKEY"): 1,
        ("example.org.", "k1", "BADKEY"): 1,
        ("example.org.", "k1", "BADTIME"): 1,
    }
    assert 'key=nobody rcode=BADKEY why="BADKEY: no key of this name is known here"' in caplog.text
    assert 'why="BADTIME: its clock is 400 s behind this one (accepted: 300 s): set the' in caplog.text
    assert "signed with hmac-sha1" in caplog.text and "hmac-sha256 here" in caplog.text
    assert "client=192.0.2.1 zone=example.org. key=k1 rcode=BADSIG" in caplog.text


@pytest.mark.parametrize("size", [4, 9])
def test_a_mac_that_is_too_short_is_malformed(updating, key, size):
    message = adding(key, "new")
    packet = message.to_wire()
    mac = message.mac
    at = packet.index(mac)
    start = packet.rindex(b"\0\xfa\0\xff", 0, at) + 8
    rdlength = int.from_bytes(packet[start : start + 2], "big") - len(mac) + size
    cut = packet[:start] + rdlength.to_bytes(2, "big") + packet[start + 2 : at - 2]
    [answer] = updating.ask(cut + size.to_bytes(2, "big") + mac[:size] + packet[at + len(mac) :])
    assert unsigned(answer).rcode() == dns.rcode.FORMERR


def test_a_message_that_is_signed_and_malformed(updating, key):
    message = adding(key, "new")
    message.zone[0].rdtype = dns.rdatatype.A
    [answer] = updating.ask(message.to_wire())
    assert answer is not None and answer[3] & 15 == dns.rcode.FORMERR
    assert updating.counted() == {("example.org.", "k1", "FORMERR"): 1}


def test_garbled_messages_are_answered_and_harm_nothing(repository, updating, key, caplog):
    """Whatever was changed on the way: one response each, none of them NOERROR, and no fault of ours."""
    draw = random.Random(1)
    before = commits(repository)
    good = adding(key, "new").to_wire()
    for _ in range(300):
        packet = bytearray(good)
        for _ in range(draw.randint(1, 8)):
            packet[draw.randrange(12, len(packet))] = draw.randrange(256)
        [answer] = updating.ask(bytes(packet[: draw.randint(12, len(packet))]))
        assert answer is not None and answer[3] & 15
    assert commits(repository) == before
    assert "cannot" not in caplog.text


def test_signed_garbage_is_answered_and_harms_nothing(repository, updating, key, caplog):
    """A client that knows a key may send anything behind its header."""
    draw = random.Random(1)
    ours = updating.updater._keys[WireName(key.name.to_wire())]
    good = adding(None, "new").to_wire()
    before = commits(repository)
    for _ in range(300):
        packet = bytearray(good)
        for _ in range(draw.randint(1, 8)):
            packet[draw.randrange(4, len(packet))] = draw.randrange(256)
        packet[10:12] = bytes(2)
        plain = bytes(packet[: draw.randint(12, len(packet))])
        [answer] = updating.ask(Signature(ours).sign(plain, int(updating.now)))
        assert answer is not None
    assert "cannot" not in caplog.text
    assert commits(repository) - before == updating.counted().get(("example.org.", "k1", "NOERROR"), 0)


def test_a_fault_of_our_own_is_servfail_and_ends_nothing(updating, key, monkeypatch):
    def fails(*_: object) -> None:
        raise RuntimeError("a fault")

    with monkeypatch.context() as patch:
        patch.setattr(updaters, "verify", fails)
        [answer] = updating.ask(adding(key, "new").to_wire())
    assert unsigned(answer).rcode() == dns.rcode.SERVFAIL
    assert updating.rcode(adding(key, "new")) == dns.rcode.NOERROR


def test_a_long_zone_name_is_left_out_of_a_response_that_would_not_fit(repository, keys):
    """Without EDNS 512 bytes are all that arrives over UDP (RFC 2136 §3.8 lets the sections be empty)."""
    long = ".".join(["x" * 60] * 4) + "."
    key = new_key(keys, ".".join(["k" * 60] * 3), "hmac-sha512")
    updating = Updating(repository, config_of(repository, keys, update=()))
    updating.now = time.time()
    message = adding(key, "a", zone=long)
    [answer] = updating.ask(message.to_wire())
    assert verified(message, answer or b"").rcode() == dns.rcode.NOTAUTH
    assert len(answer or b"") <= 512


def test_a_reload_brings_rules_and_keys(repository, keys, updating, key):
    rules = (parse_rule("key:k2 new A"), *ALL)
    new = new_key(keys, "k2")
    assert unsigned(updating.ask(adding(new, "new").to_wire())[0]).rcode() == dns.rcode.NOTAUTH
    updating.updater.configure(config_of(repository, keys, update=rules))
    assert updating.rcode(adding(new, "new")) == dns.rcode.NOERROR
    assert updating.rcode(adding(new, "other")) == dns.rcode.REFUSED
    updating.updater.configure(config_of(repository, keys, update=()))
    assert updating.rcode(adding(key, "other")) == dns.rcode.REFUSED


def test_keys_that_cannot_be_loaded_leave_those_before(repository, keys, updating, key):
    tsig_path(keys, "k1").write_text("nonsense")
    updating.updater.configure(config_of(repository, keys))
    assert updating.rcode(adding(key, "new")) == dns.rcode.NOERROR


def test_messages_are_held_for_one_commit_where_that_is_asked_for(repository, keys, key, monkeypatch):
    updating = Updating(repository, config_of(repository, keys, coalesce=2.0))
    updating.now = time.time()
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)
    before = repository._store.txn_id()
    assert updating.ask(adding(key, "n1").to_wire()) == [None]
    assert 0 < updating.updater.wait <= updaters._WAIT
    now += 1.0
    assert updating.ask(adding(key, "n2").to_wire()) == [None]
    now += 1.1
    assert updating.updater.wait == 0
    updating.updater.handle([])
    assert len(updating.replies) == 2
    assert repository._store.txn_id() == before + 1
    assert updating.ask(adding(key, "n3").to_wire()) == [None]
    updating.updater.finish()
    assert len(updating.replies) == 3


def test_rules_that_are_gone_when_a_held_message_is_due(repository, keys, key):
    updating = Updating(repository, config_of(repository, keys, coalesce=2.0))
    updating.now = time.time()
    message = adding(key, "new")
    assert updating.ask(message.to_wire()) == [None]
    updating.updater.configure(config_of(repository, keys, update=()))
    updating.updater.handle([])
    updating.updater.finish()
    [answer] = updating.replies.values()
    assert verified(message, answer).rcode() == dns.rcode.REFUSED


def test_labels_have_a_bound(repository, keys, key):
    metrics = MetricsConfig(Address("127.0.0.1", 0), per_zone=0)
    zones = {"example.org.": ZoneConfig(update=ALL)}
    updating = Updating(repository, Config(repo=repository.path, keys=keys, zones=zones, metrics=metrics))
    updating.now = time.time()
    updating.rcode(adding(key, "new"))
    assert updating.counted() == {("other", "k1", "NOERROR"): 1}


def test_lines_about_refusals_have_a_bound(updating, caplog):
    caplog.set_level(logging.WARNING)
    forged = [dns.tsig.Key("nobody.", b"x" * 32, "hmac-sha256")] * 50
    came = [
        updating.came(adding(each, f"n{number}").to_wire(), bytes((*CLIENT[:3], number)))
        for number, each in enumerate(forged)
    ]
    updating.updater.handle(came)
    assert len(updating.replies) == 50
    assert caplog.text.count("refused an UPDATE") == 10


@pytest.mark.parametrize(
    ("expected", "taken"), [(0, "a"), (1, "a"), (2, "abc"), (3, "abc"), (4, "abcd"), (9, "abcd")]
)
def test_as_many_are_taken_together_as_the_last_time(expected: int, taken: str) -> None:
    """Unless none comes for a moment, as after the fourth."""
    coming = iter([["a"], ["b", "c"], ["d"], [], ["e"]])
    assert "".join(gathered(lambda seconds: next(coming), 0.25, expected)) == taken


def test_nothing_is_waited_for_if_nothing_came() -> None:
    coming = iter([[], ["a"]])
    assert gathered(lambda seconds: next(coming), 0.25, 64) == []
