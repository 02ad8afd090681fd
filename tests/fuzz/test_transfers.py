"""Any answer to a transfer query is refused by one error, or brings RRsets that may be stored."""

import random
from itertools import islice
from time import thread_time

import pytest

import lies_about_messages  # noqa: F401 - adds its scripts to the table
import lies_about_zones  # noqa: F401
from fuzzkit import SHARD, TIMES, damaged, shards
from lies import LIES, Raw, Scene
from primarykit import APEX, Version, a, differences, in_messages, message, ns, read_query, rr
from zonegit.dns.incoming.bounds import Bounds
from zonegit.dns.incoming.query import ZoneQuery, transfer_query
from zonegit.dns.incoming.reader import TransferReader
from zonegit.errors import TransferError
from zonegit.model.names import from_text
from zonegit.model.rrset import check_stored, payload_key
from zonegit.repo.incoming.values import Differences, Entry, Transferred, WholeZone

LONGEST = 0.050
"""Seconds of processor time that a message of some thousand bytes may take."""
BOUNDS = Bounds(5_000, 1 << 20)
MANY = [
    ns(),
    *(a(f"h{number}", number) for number in range(20)),
    rr("Mail", 15, b"\0\1\4MAIL\xc0\x0c"),
    rr("t", 16, b"\2ab\1c"),
    rr("s", 33, bytes(6) + b"\3www\xc0\x0c"),
    rr("n", 35, bytes(4) + b"\1u\1v\1!" + from_text("x.example.org.")),
    rr("@", 46, b"\0\6\x0d\2" + bytes(3) + b"\5" + bytes(10) + APEX + b"signature"),
    rr("l", 64, b"\0\1" + APEX + b"\0\1\0\3\2h2"),
]
FIRST = Version.of(1, MANY)
SECOND = Version.of(2, [*MANY[3:], a("new", 1)], minimum=7)


def samples(query: ZoneQuery) -> list[bytes]:
    """Messages of honest answers and of all lies."""
    ask = read_query(query.message)
    honest = [message(ask, FIRST.all), message(ask, [FIRST.soa]), *in_messages(ask, SECOND.all, 7)]
    honest += [*differences(ask, [FIRST, SECOND]), message(ask, [SECOND.soa, *SECOND.records], question=b"")]
    scene = Scene(ask, (FIRST, SECOND), None, lambda: 0.0, lambda _: None)
    told = [item for lie in LIES.values() if not lie.keyed for item in islice(lie.tell(scene), 3)]
    raw = [item.data if isinstance(item, Raw) else item for item in told]
    return honest * 10 + [item for item in raw if isinstance(item, bytes)]


def check(done: Transferred | None) -> None:
    """What it brings is in canonical form, in order, without doubles."""
    if isinstance(done, WholeZone):
        check_entries(done.entries)
    elif isinstance(done, Differences):
        for step in done.steps:
            check_entries(step.removed)
            check_entries(step.added)


def check_entries(entries: list[Entry] | tuple[Entry, ...]) -> None:
    keys = [key for key, _ in entries]
    assert keys == sorted(set(keys))
    for key, payload in entries:
        assert payload_key(payload) == key
        assert check_stored(payload) > 0


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("times", shards())
@pytest.mark.parametrize("known", [None, 1])
def test_transfers(times: int, known: int | None) -> None:
    seed = random.getrandbits(32)
    rng = random.Random(seed)
    query = transfer_query(APEX, known, b"id", None, 0)
    pool = samples(query)
    given: list[bytes] = []
    slow = []
    try:
        for _ in range(times // 2):
            reader = TransferReader(query, BOUNDS)
            given = [rng.choice(pool), damaged(rng, pool)] if rng.random() < 0.3 else [damaged(rng, pool)]
            began = thread_time()
            try:
                for each in given:
                    done = reader.feed(query.ident + each[2:], 0)
                    check(done)
                    if done is not None:
                        break
            except TransferError as error:
                assert "\n" not in str(error)
            if thread_time() - began > LONGEST:
                slow.append(given)
    except Exception as error:
        raise AssertionError(f"seed {seed}: {[each.hex() for each in given]}") from error
    if TIMES > SHARD:
        assert len(slow) <= 3, slow[0]
