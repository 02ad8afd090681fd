"""The main job on the root zone: imported, answered, mirrored, followed from 2017 to 2026; and kills on the way.

`ZONEGIT_KILLS` is the number of kills (5).
"""

import gzip
import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterable
from io import BytesIO
from ipaddress import IPv6Address
from pathlib import Path

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.zone
import pytest

from daemonkit import Daemon, secondary_of, until
from peerkit import free_ports
from zonegit.model.rdata import DS, NS
from zonegit.repo import Repository
from zonegit.store.fsck import fsck
from zonegit.store.lmdb import LmdbStore
from zonegit.zonefile.reader import read_zone
from zonegit.zonefile.writer import write_zone

OLD, NEW = "root-2017082100-signed.zone.gz", "root-2026082201.zone.gz"
KILLS = int(os.environ.get("ZONEGIT_KILLS", "5"))
Record = tuple[str, int, str, str]


@pytest.fixture
def primary_repo(tmp_path: Path, shared_data: Callable[[str], Path]) -> Path:
    path = tmp_path / "primary"
    with Repository.init(path) as repository:
        take(repository, shared_data(OLD))
    return path


def take(repository: Repository, file: Path) -> None:
    repository.import_zone(read_zone(file, name=file.name, origin=None), source=file.name)


def record(owner: str, ttl: int, kind: str, rdata: str) -> Record:
    """Without case and spaces, since base64 and hex may be split anywhere; addresses have several forms, too."""
    if kind == "AAAA":
        rdata = IPv6Address(rdata).exploded
    return owner.lower(), ttl, kind, "".join(rdata.lower().split())


def records_of(rrsets: Iterable[dns.rrset.RRset]) -> Counter[Record]:
    return Counter(
        record(rrset.name.to_text(), rrset.ttl, dns.rdatatype.to_text(rrset.rdtype), rdata.to_text())
        for rrset in rrsets
        for rdata in rrset
    )


def file_records(path: Path) -> Counter[Record]:
    """The lines of a root zone file, each of which is a record."""
    found: Counter[Record] = Counter()
    for line in gzip.decompress(path.read_bytes()).decode().splitlines():
        owner, ttl, _, kind, rdata = line.split(None, 4)
        found[record(owner, int(ttl), kind, rdata)] += 1
    return found


def read_back(text: str) -> Counter[Record]:
    """What dnspython reads in a zone file."""
    zone = dns.zone.from_text(text, origin=".", relativize=False, check_origin=False)
    return records_of(
        dns.rrset.from_rdata_list(name, rdataset.ttl, list(rdataset)) for name, rdataset in zone.iterate_rdatasets()
    )


def transferred(daemon: Daemon) -> Counter[Record]:
    """A zone as a transfer gives it; the SOA that ends it taken off."""
    messages = dns.query.xfr("127.0.0.1", ".", port=daemon.port(), relativize=False, lifetime=60)
    found = records_of(rrset for message in messages for rrset in message.answer)
    (soa,) = [each for each, count in found.items() if count == 2]
    found[soa] = 1
    return found


def asked(daemon: Daemon, name: str, rtype: str) -> dns.message.Message:
    query = dns.message.make_query(name, rtype, want_dnssec=True, payload=1232)
    return dns.query.udp(query, "127.0.0.1", port=daemon.port(), timeout=10)


def serves(daemon: Daemon, serial: int) -> bool:
    """Whether it answers this version of the root zone. A query that a killed worker had taken is lost."""
    query = dns.message.make_query(".", "SOA")
    try:
        answer = dns.query.udp(query, "127.0.0.1", port=daemon.port(), timeout=1).answer
    except (dns.exception.Timeout, OSError):
        return False
    return bool(answer) and answer[0][0].serial == serial


def types_in(section: list[dns.rrset.RRset]) -> Counter[str]:
    return Counter(dns.rdatatype.to_text(rrset.rdtype) for rrset in section)


def check_answers(daemon: Daemon) -> None:
    """Referral with glue and DS, denial with its proofs, the apex: as the root servers give them."""
    com = asked(daemon, "com.", "NS")
    assert com.rcode() == dns.rcode.NOERROR
    assert not com.flags & dns.flags.AA
    assert not com.flags & dns.flags.TC
    assert (types_in(com.answer), types_in(com.authority)) == ({}, {"NS": 1, "DS": 1, "RRSIG": 1})
    assert len(com.authority[0]) == 13
    assert sum(map(len, com.additional)) == 26

    none = asked(daemon, "nosuchtld.", "A")
    assert none.rcode() == dns.rcode.NXDOMAIN
    assert none.flags & dns.flags.AA
    assert types_in(none.authority) == {"SOA": 1, "NSEC": 2, "RRSIG": 3}
    proofs = {rrset.name.to_text() for rrset in none.authority if rrset.rdtype == dns.rdatatype.NSEC}
    assert proofs == {".", "norton."}

    apex = asked(daemon, ".", "NS")
    assert apex.flags & dns.flags.AA
    assert types_in(apex.answer) == {"NS": 1, "RRSIG": 1}
    assert not apex.flags & dns.flags.TC

    ds = asked(daemon, "com.", "DS")
    assert ds.flags & dns.flags.AA
    assert types_in(ds.answer) == {"DS": 1, "RRSIG": 1}


def test_the_root_zone_all_the_way(
    tmp_path: Path, primary_repo: Path, keys: Path, start: Callable[..., Daemon], shared_data: Callable[[str], Path]
) -> None:
    primary = start(primary_repo, "--keys", keys, "--replicate-listen", "127.0.0.1:0", "--replicate-name", "p1")
    secondary = start(tmp_path / "secondary", *secondary_of(primary, keys))
    until(lambda: serves(secondary, 2017082100), "the cold mirror")
    expected = file_records(shared_data(OLD))
    assert sum(expected.values()) == 22_772
    with Repository.open(primary_repo) as repository:
        zone = repository.resolve().commit.zone
        exported = "\n".join(write_zone(b"\0", repository.rrsets(zone=zone)))
        again = read_zone(BytesIO(exported.encode()), name="export", origin=None)
        assert again.records == 22_772
        assert read_back(exported) == expected
        for daemon in (primary, secondary):
            check_answers(daemon)
            assert transferred(daemon) == expected

        take(repository, shared_data(NEW))
        assert len(list(repository.log())) == 2
        later = repository.records()
        changes = list(repository.diff("HEAD~1", "HEAD"))
        added = sum(len(change.new.rdatas) for change in changes if change.new and not change.old)
        assert added > 1000
        assert {change.owner for change in changes if change.rtype == DS}
        born = repository.blame("zw.", NS)
        assert {blame.revision.commit.serial for blame in born} <= {2017082100, 2026082201}
        old_com = {blame.revision.commit.serial for blame in repository.blame("com.", NS)}
        assert old_com == {2017082100}
    until(lambda: serves(secondary, 2026082201), "the year 2026")
    moved = transferred(secondary)
    assert sum(moved.values()) == later == 22_094
    assert moved == file_records(shared_data(NEW))


def test_kills_of_any_process_end_in_the_same_repository(
    tmp_path: Path, primary_repo: Path, keys: Path, start: Callable[..., Daemon]
) -> None:
    """kill -9 at random moments of a cold sync: either daemon's supervisor, http, puller or worker."""
    seed = random.randrange(1 << 30)
    rng = random.Random(seed)
    place = f"127.0.0.1:{free_ports(1)[0]}"
    serve = ("--keys", keys, "--replicate-listen", place, "--replicate-name", "p1")
    primary = start(primary_repo, *serve)
    killed: Counter[str] = Counter()
    mirror = start(tmp_path / "mirror", *secondary_of(primary, keys))
    for _ in range(KILLS):
        victim = rng.choice(["puller", "puller", "http", "dns-0", "mirror", "primary"])
        killed[victim] += 1
        time.sleep(rng.random() * 0.3)  # the moment is the point: it may be any
        if victim in ("mirror", "primary"):
            daemon = mirror if victim == "mirror" else primary
            daemon.process.kill()
            daemon.stop()
            if victim == "primary":
                primary = start(primary_repo, *serve)
            else:
                mirror = start(tmp_path / "mirror", *secondary_of(primary, keys))
        else:
            (primary if victim == "http" else mirror).kill_child(victim)
    until(lambda: serves(mirror, 2017082100), f"the mirror after {dict(killed)} (seed {seed})")
    mirror.stop()
    primary.stop()
    stores = [LmdbStore.open(path, readonly=True) for path in (primary_repo, tmp_path / "mirror")]
    for store in stores:
        assert fsck(store, None).problems == [], f"seed {seed}"
    with stores[0].read() as mine, stores[1].read() as theirs:
        assert mine.index_root == theirs.index_root
        assert set(mine.object_ids()) == set(theirs.object_ids())
    for store in stores:
        store.close()
