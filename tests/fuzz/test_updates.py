"""Any bytes are an UPDATE or are refused as one; what is read of them is applied, and leaves the zone servable.

`make fuzz` also holds the time: the most that one message can ask for takes less than a second of a processor.
"""

import random
from collections.abc import Iterable
from itertools import chain, repeat
from pathlib import Path
from struct import pack
from time import thread_time

import pytest

from fuzzkit import TIMES, damaged
from repokit import Clock, parsed
from updatekinds import APEX, IN, NONE, ZONE, Maker, Message, Record
from updatekit import ALL, KEY, PLACE
from zonegit.dns.update.message import Unreadable, read_update, response
from zonegit.dns.wire.message import Rcode
from zonegit.model.names import from_text
from zonegit.model.rdata import CNAME, DNAME, NS, TXT, A
from zonegit.repo import Repository
from zonegit.repo.updating.apply import apply_updates
from zonegit.repo.updating.values import Asked, Done, UpdateRcode
from zonegit.store.fsck import fsck
from zonegit.store.memory import MemoryStore

READ = TIMES // 5
APPLIED_AT_ONCE = 32
LONGEST = 1.0
"""Seconds of processor time."""
_ROOM = 65_535


@pytest.fixture
def repository() -> Repository:
    made = Repository(Path("nowhere"), MemoryStore(), Clock())
    made.import_zone(parsed(ZONE), source="zone")
    return made


def apply_all(repository: Repository, packets: list[bytes]) -> list[Done]:
    asked = [Asked(read_update(packet), KEY, 0) for packet in packets]
    return apply_updates(
        repository._context, PLACE, ALL, [each for each in asked if each.update.apex == from_text(APEX)]
    )


@pytest.mark.timeout(3600)
def test_damaged_updates(repository: Repository) -> None:
    seed = random.getrandbits(32)
    rng = random.Random(seed)
    maker = Maker(seed)
    samples = [maker.message(1000).wire(number) for number in range(500)]
    readable = []
    for number in range(READ):
        packet = damaged(rng, samples)
        try:
            read_update(packet)
        except Unreadable as error:
            assert error.rcode in (Rcode.FORMERR, Rcode.NOTAUTH), seed
        else:
            readable.append(packet)
        if len(packet) >= 12:
            made = response(packet, Rcode.REFUSED)
            assert (made[:2], made[2] & 0x80, made[3] & 15) == (packet[:2], 0x80, Rcode.REFUSED), (seed, number)
    for at in range(0, len(readable) // 10, APPLIED_AT_ONCE):
        for done in apply_all(repository, readable[at : at + APPLIED_AT_ONCE]):
            assert done.rcode in set(UpdateRcode), seed
    assert fsck(repository._context.store).problems == [], seed


def full(records: Iterable[Record]) -> bytes:
    """A message of these records, as far as there is room."""
    found, size = [], 100
    for each in records:
        size += len(each.wire())
        if size > _ROOM:
            break
        found.append(each)
    return Message((), tuple(found)).wire(1)


def name(text: str) -> bytes:
    return from_text(text, from_text(APEX))


def hostile() -> dict[str, Iterable[Record]]:
    """What fills messages of 64 KiB, each with the most of something."""
    apex = from_text(APEX)
    numbers = range(6000)
    first = 12 + len(apex) + 4 + len(Record(b"\xc0\x0c", 65280, IN).wire())
    pointers = [12, *range(first, 16_000, 2)]
    links = Record(b"\xc0\x0c", 65280, IN, 0, b"".join(pack(">H", 0xC000 | at) for at in pointers))
    pointing = Record(pack(">H", 0xC000 | pointers[-1]), A, IN, 0, bytes(4))
    return {
        "records of an RRset": (Record(apex, A, IN, 0, pack(">I", each)) for each in numbers),
        "types of a name": (Record(name("new"), 1000 + each, IN) for each in numbers),
        "names": (Record(name(f"n{each}"), A, IN, 0, bytes(4)) for each in numbers),
        "aliases beside types": chain(
            (Record(name("t"), 1000 + each // 2, IN) for each in numbers),
            repeat(Record(name("t"), CNAME, IN, 0, b"\0"), 1000),
        ),
        "delegations": (Record(name(f"{each}.{each % 7}"), NS, IN, 0, b"\0") for each in numbers),
        "redirections": (Record(name(f"{each}"), DNAME, IN, 0, b"\0") for each in numbers),
        "a deep name": (Record(name("a." * 99 + "a"), TXT, IN, 0, b"\2" + pack(">H", each)) for each in numbers),
        "what isn't there": (Record(name(f"n{each}"), A, NONE, 0, bytes(4)) for each in numbers),
        "everything of a name": (Record(name(f"n{each}"), 255, 255) for each in numbers),
        "again and again": (Record(name("x"), A, (IN, NONE)[each % 2], 0, bytes(4)) for each in numbers),
        "pointers": chain([links], repeat(pointing, 3000)),
    }


@pytest.mark.parametrize("kind", hostile())
def test_the_most_that_a_message_can_ask_for(repository: Repository, kind: str) -> None:
    packet = full(hostile()[kind])
    began = thread_time()
    (done,) = apply_all(repository, [packet])
    took = thread_time() - began
    assert done.rcode in (UpdateRcode.NOERROR, UpdateRcode.REFUSED), done
    assert fsck(repository._context.store).problems == []
    if TIMES > 20_000:
        assert took < LONGEST
