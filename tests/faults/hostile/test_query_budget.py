"""Zones that are made to cost much, in a real store: what one UDP packet with an invented name may take there."""

from array import array
from collections.abc import Callable, Iterator
from hashlib import sha1
from pathlib import Path
from time import process_time

import pytest

from daemonkit import rcode
from storekit import WHO, version
from zonegit.daemon.live_zones import LiveZones
from zonegit.dns import stats
from zonegit.dns.zone.nsec3_hash import hashed_key
from zonegit.dns.zone.query_budget import QUERY, Budget
from zonegit.dnssec.hashing import Parameters
from zonegit.model.commit import Commit
from zonegit.model.names import Owner, from_text, join, key_owner
from zonegit.model.rdata import CNAME, MX, NS, NSEC, NSEC3, NSEC3PARAM, RRSIG, SOA, TXT, A
from zonegit.model.refs import head
from zonegit.model.rrset import RRset
from zonegit.ops.config import Config
from zonegit.repo import Repository
from zonegit.store.lmdb import LmdbStore
from zonegit.store.port import RefUpdate
from zonegit.store.tables import Table
from zonegit.store.views import find_view

MOST_SECONDS = 0.004
"""Of CPU for a packet, on average: four times what the budget is on the machine where it was measured."""
PACKETS = 200
SERVFAIL = 2
NXDOMAIN = 3
CLIENT = bytes((127, 0, 0, 1))
APEX = Owner(b"")
TOP = [
    RRset.of(APEX, SOA, 3600, [b"\2ns\0\5admin\0" + bytes(20)]),
    RRset.of(APEX, NS, 3600, [b"\2ns\4good\0"]),
    RRset.of(APEX, RRSIG, 3600, [SOA.to_bytes(2, "big") + bytes(16) + b"\0s"]),
]


def signature(covered: int, number: int = 0) -> bytes:
    return covered.to_bytes(2, "big") + bytes(16) + b"\0" + number.to_bytes(4, "big")


def addresses(count: int, form: Callable[[int], bytes]) -> list[RRset]:
    return [RRset.of(join([form(n)]), A, 60, [n.to_bytes(4, "big")]) for n in range(count)]


def digest(text: str) -> bytes:
    return sha1(text.encode(), usedforsecurity=False).digest()


def hashed(links: dict[bytes, bytes], iterations: int = 0, salt: bytes = b"") -> list[RRset]:
    """NSEC3 records that lead from hash to hash, and their parameters."""
    fixed = iterations.to_bytes(2, "big") + bytes((len(salt),)) + salt
    return [
        RRset.of(APEX, NSEC3PARAM, 60, [b"\1\0" + fixed]),
        *(
            RRset.of(key_owner(hashed_key(at)), NSEC3, 60, [b"\1\0" + fixed + b"\x14" + after + b"\0\1\x40"])
            for at, after in links.items()
        ),
    ]


def spread(count: int) -> list[RRset]:
    """Names that lie everywhere among hashed owners."""
    return addresses(count, lambda n: hashed_key(digest(f"plain {n}"))[:12] + b"x")


def broken_chain() -> list[RRset]:
    """Every link leads to an owner that isn't there."""
    return [*hashed({digest(f"h{n}"): digest(f"gone {n}") for n in range(60)}), *spread(8000)]


def looped_chain() -> list[RRset]:
    """From the apex the chain leads into a ring that doesn't hold it."""
    ring = sorted(digest(f"h{n}") for n in range(60))
    apex = Parameters(0, b"").hash(from_text("bad."))
    return [*hashed({apex: ring[0], **dict(zip(ring, [*ring[1:], ring[30]], strict=True))}), *spread(8000)]


def dear_hashes() -> list[RRset]:
    return hashed({digest(f"h{n}"): digest(f"h{n + 1}") for n in range(10)}, 2500, b"s" * 255)


def deep_hashes() -> list[RRset]:
    """No name on the way down has a hash that is there: each one's is made."""
    deepest = [b"x"] * 120
    names = [RRset.of(join(deepest[n:]), A, 60, [bytes(4)]) for n in range(120)]
    return [*hashed({digest("h"): digest("h")}, 100), *names]


def deep_without_proofs() -> list[RRset]:
    deepest = [b"x"] * 120
    names = [RRset.of(join(deepest[n:]), A, 60, [bytes(4)]) for n in range(120)]
    return [RRset.of(APEX, NSEC, 60, [b"\0\0\1\x40"]), *names]


def huge_owner() -> list[RRset]:
    """4 MiB of each of several types at one name, next to all that isn't there."""
    rdatas = [n.to_bytes(4, "big") + bytes(1000) for n in range(4000)]
    return [RRset.of(join([b"n"]), rtype, 60, rdatas) for rtype in (65300, 65301)]


def many_signatures() -> list[RRset]:
    """As many as fit a block at the wildcard that answers for all names."""
    return [
        RRset.of(join([b"*"]), TXT, 60, [b"\1x"]),
        RRset.of(join([b"*"]), RRSIG, 60, [signature(NSEC, n) for n in range(3000)]),
    ]


def aliases() -> list[RRset]:
    """Wildcards 100 labels down that lead from one to the next."""
    deep = [b"x"] * 90
    return [
        RRset.of(join([b"*", b"%d" % n, *deep]), CNAME, 60, [wire([b"a", b"%d" % (n + 1), *deep, b"bad"])])
        for n in range(30)
    ] + [RRset.of(join([b"*"]), CNAME, 60, [wire([b"a", b"0", *deep, b"bad"])])]


def wire(labels: list[bytes]) -> bytes:
    return b"".join(bytes((len(label),)) + label for label in labels) + b"\0"


def query(labels: list[bytes], rtype: int = A) -> bytes:
    """With DO."""
    opt = b"\0\0\x29\x04\xd0\0\0\x80\0\0\0"
    return b"\0\1\0\0\0\1\0\0\0\0\0\1" + wire(labels) + rtype.to_bytes(2, "big") + b"\0\1" + opt


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LmdbStore]:
    Repository.init(tmp_path / "repo").close()
    opened = LmdbStore.open(tmp_path / "repo")
    yield opened
    opened.close()


def put(store: LmdbStore, zone: str, rrsets: list[RRset]) -> None:
    commit, objects = version(rrsets, zone=zone)
    with store.write() as writer:
        writer.insert(objects)
        writer.move_refs([RefUpdate(head(zone, "main"), None, commit)], WHO, "commit: test")


def served(store: LmdbStore, told: list[str]) -> LiveZones:
    row = array("Q", bytes(8 * stats.SLOTS))
    return LiveZones(store, Config(repo=store.path), row, lambda message, error: told.append(f"{message}: {error}"))


def ask(live: LiveZones, packet: bytes) -> bytes:
    """As the UDP loop does, but for the caches of packets."""
    live.check()
    live.begin()
    found = live.ways.fast_path(packet[2:])
    answer = packet[:2] + found[0] if found else live.respond_udp(packet, CLIENT)
    live.done()
    assert answer is not None
    return answer


@pytest.mark.parametrize(
    ("make", "below"),
    [
        (broken_chain, []),
        (looped_chain, []),
        (dear_hashes, []),
        (deep_hashes, [b"x"] * 110),
        (deep_without_proofs, [b"x"] * 118),
        (huge_owner, []),
        (many_signatures, []),
        (aliases, []),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_no_invented_name_costs_more_than_the_budget(
    store: LmdbStore, monkeypatch: pytest.MonkeyPatch, make: Callable[[], list[RRset]], below: list[bytes]
) -> None:
    put(store, "bad.", [*TOP, *make()])
    put(store, "good.", [*TOP, *addresses(3, lambda n: b"h%d" % n)])
    spent: list[int] = []
    restore = Budget.restore
    monkeypatch.setattr(Budget, "restore", lambda budget: (spent.append(QUERY - budget.left), restore(budget)))
    told: list[str] = []
    live = served(store, told)
    ask(live, query([b"bad"], SOA))
    began = process_time()
    answers = {rcode(ask(live, query([b"m%d" % number, *below, b"bad"], TXT))) for number in range(PACKETS)}
    took = (process_time() - began) / PACKETS
    assert answers <= {0, NXDOMAIN, SERVFAIL}
    assert max(spent) <= QUERY + 200_000, "one read may be begun with nothing left"
    assert took <= MOST_SECONDS
    assert rcode(ask(live, query([b"h1", b"good"]))) == 0
    assert len(told) <= 1
    assert all("see `zonegit --zone bad. check`" in line for line in told)


@pytest.mark.parametrize("lacking", ["no SOA", "cut NSEC3PARAM", "long NSEC3PARAM", "unreadable"])
def test_a_damaged_zone_spoils_no_answer_from_another(store: LmdbStore, lacking: str) -> None:
    """An MX and a CNAME of the good zone lead into the bad one."""
    bad = [*TOP, *addresses(3, lambda n: b"h%d" % n)]
    if lacking == "no SOA":
        bad = bad[1:]
    elif lacking.endswith("NSEC3PARAM"):
        bad.append(RRset.of(APEX, NSEC3PARAM, 60, [b"\1\0" if lacking[0] == "c" else bytes(5) + bytes(300)]))
    put(store, "bad.", bad)
    into = [
        RRset.of(APEX, MX, 60, [b"\0\5" + wire([b"h1", b"bad"]), b"\0\6" + wire([b"h1", b"good"])]),
        RRset.of(join([b"alias"]), CNAME, 60, [wire([b"h1", b"bad"])]),
    ]
    put(store, "good.", [*TOP, *into, *addresses(3, lambda n: b"h%d" % n)])
    if lacking == "unreadable":
        spoil(store, "bad.")
    told: list[str] = []
    live = served(store, told)
    for _ in range(3):
        mail, alias = ask(live, query([b"good"], MX)), ask(live, query([b"alias", b"good"]))
        assert (rcode(mail), rcode(alias)) == (0, 0)
        assert int.from_bytes(mail[6:8], "big") == 2
        assert int.from_bytes(mail[10:12], "big") >= 2, "the other address and OPT"
        assert int.from_bytes(alias[6:8], "big") >= 1
    if lacking in ("no SOA", "unreadable"):
        assert int.from_bytes(alias[6:8], "big") == 1
        assert rcode(ask(live, query([b"h1", b"bad"]))) == SERVFAIL


def spoil(store: LmdbStore, zone: str) -> None:
    """Change a bit in all that the view of a zone holds, and let it have no tree."""
    with store.write() as writer:
        shown = find_view(writer.draft, head(zone, "main"))
        assert shown is not None
        for key, sealed in list(writer.draft.scan(Table.VIEWS, shown.prefix)):
            writer.draft.put(Table.VIEWS, key, sealed[:-1] + bytes((sealed[-1] ^ 1,)))
        root = Commit.decode(writer.get(shown.commit)).zone_root
        sequence = writer.draft.get(Table.IDS, root)
        assert sequence is not None
        writer.draft.put(Table.OBJECTS, sequence, b"spoiled")
