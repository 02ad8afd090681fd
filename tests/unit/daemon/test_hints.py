"""NOTIFY from a primary: who is believed, and that the puller tries at once."""

import asyncio
import os
import time
from array import array
from collections.abc import Iterator
from pathlib import Path

import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.tsig
import pytest

from daemonkit import DEADLINE
from httpkit import Counted
from repokit import ZONE, parsed
from synckit import KEY, PEER
from zonegit.auth.gate import Signer
from zonegit.auth.tsigfile import new_tsig, read_tsig
from zonegit.daemon.live_zones import LiveZones
from zonegit.daemon.mirror import Mirror
from zonegit.daemon.pauses import Backoff
from zonegit.dns import stats
from zonegit.errors import Unreachable
from zonegit.ops.config import Config, PrimaryConfig
from zonegit.repo import Repository
from zonegit.store.memory import MemoryStore

HERE, ELSEWHERE = bytes([127, 0, 0, 1]), bytes([192, 0, 2, 1])
PRIMARY = PrimaryConfig("http://127.0.0.1:9354", "primary-1")
NAMED = PrimaryConfig("https://primary.example.org:9354", "primary-1")


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repository]:
    with Repository.init(tmp_path / "repo") as repository:
        repository.import_zone(parsed(ZONE), source="test.zone")
        yield repository


def notify(zone: str = "example.org.", rtype: str = "SOA") -> dns.message.QueryMessage:
    query = dns.message.make_query(zone, rtype)
    query.set_opcode(dns.opcode.NOTIFY)
    query.flags |= dns.flags.AA
    return query


def told(
    repository: Repository, primary: PrimaryConfig | None, query: dns.message.Message, client: bytes, keys: Path
) -> tuple[dns.message.Message, "array[int]"]:
    """The response, and the counters."""
    row = array("Q", bytes(8 * stats.SLOTS))
    config = Config(repo=repository.path, primary=primary, keys=keys)
    zones = LiveZones(repository._store, config, row, lambda *error: pytest.fail(str(error)))
    zones.check()
    data = zones.respond_udp(query.to_wire(), client)
    zones.done()
    assert data is not None
    return dns.message.from_wire(data, keyring=query.keyring, request_mac=query.mac), row


@pytest.mark.parametrize(
    ("primary", "zone", "client", "rcode"),
    [
        (PRIMARY, "example.org.", HERE, dns.rcode.NOERROR),
        (PRIMARY, "example.org.", ELSEWHERE, dns.rcode.REFUSED),
        (PRIMARY, "www.example.org.", HERE, dns.rcode.NOTAUTH),
        (NAMED, "example.org.", HERE, dns.rcode.REFUSED),
        (None, "example.org.", HERE, dns.rcode.NOTAUTH),
    ],
)
def test_who_is_believed(repository, tmp_path, primary, zone: str, client: bytes, rcode: int) -> None:
    response, row = told(repository, primary, notify(zone), client, tmp_path / "keys.d")
    assert response.rcode() == rcode
    assert response.opcode() == dns.opcode.NOTIFY
    assert response.flags & dns.flags.AA
    assert (row[stats.NOTIFIES_OK], row[stats.NOTIFIES_REFUSED]) == ((0, 1) if rcode else (1, 0))


def test_a_key_is_believed_from_anywhere(repository, tmp_path) -> None:
    key = read_tsig(new_tsig(tmp_path / "keys.d", "k1", "hmac-sha256", os.urandom))
    query = notify()
    query.use_tsig(dns.tsig.Key("k1.", key.secret, "hmac-sha256"))
    response, row = told(repository, NAMED, query, ELSEWHERE, tmp_path / "keys.d")
    assert (response.rcode(), response.had_tsig) == (0, True)
    assert row[stats.NOTIFIES_OK] == 1


def test_only_of_a_soa(repository, tmp_path) -> None:
    response, _ = told(repository, PRIMARY, notify(rtype="A"), HERE, tmp_path / "keys.d")
    assert response.rcode() == dns.rcode.FORMERR


def test_the_puller_tries_at_once(monkeypatch) -> None:
    tries = 0
    heard = 0

    async def once(_self: Mirror) -> bool:
        nonlocal tries
        tries += 1
        raise Unreachable("no answer")

    monkeypatch.setattr(Backoff, "failed", lambda *_: 3600.0)

    async def scenario() -> None:
        nonlocal heard
        signer = Signer(PEER, KEY, time.time, os.urandom)
        mirror = Mirror(MemoryStore(), PRIMARY, signer, Counted(), hints=lambda: heard)
        task = asyncio.create_task(mirror.run())
        async with asyncio.timeout(DEADLINE):
            while tries < 1:
                await asyncio.sleep(0.01)
            heard = 1
            while tries < 2:
                await asyncio.sleep(0.01)
        task.cancel()
        await mirror.close()

    monkeypatch.setattr(Mirror, "once", once)
    asyncio.run(scenario())


def test_a_bad_key_file_stops_no_worker(repository, tmp_path, caplog) -> None:
    """A worker that is started again after a file became bad still answers."""
    path = new_tsig(tmp_path / "keys.d", "k1", "hmac-sha256", os.urandom)
    path.write_text("nonsense")
    response, _ = told(repository, None, dns.message.make_query("www.example.org.", "A"), HERE, tmp_path / "keys.d")
    assert response.answer
    assert "cannot load the TSIG keys; keeping the previous set" in caplog.text
