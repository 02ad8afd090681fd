"""Many small zones: in a repository, and as files for a Knot that lists them in a catalog zone (RFC 9432)."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from dns_client import wait_for_serial
from processes import find_program, free_port, running
from zonegit.model.commit import Commit, Stamp
from zonegit.model.ids import object_id
from zonegit.model.names import join, parse_apex
from zonegit.model.rdata import NS, SOA, A
from zonegit.model.refs import head, remote
from zonegit.model.rrset import RRset
from zonegit.model.zone import Shape, Zone
from zonegit.repo.mirrors import mirror_setting
from zonegit.store.lmdb import LmdbStore
from zonegit.store.port import RefUpdate
from zonegit.sync.peers import remember
from zonegit.sync.wire import PeerRefs
from zonegit.tree.build import build

RECORDS: Final = 20
SERIAL: Final = 1
_WHO: Final = Stamp("bench <bench@example.org>", 1_767_225_600)
_NUMBERS: Final = (SERIAL, 7200, 900, 1209600, 300)
_EVERY: Final = 50
"""Of so many zones one is asked for."""
_DEADLINE: Final = 180.0


def apex_of(number: int) -> str:
    return f"z{number:05d}.example."


def fill(repo: Path, count: int) -> None:
    """Commit the zones in one transaction."""
    store = LmdbStore.open(repo)
    try:
        with store.write() as writer:
            updates = []
            for number in range(count):
                apex = apex_of(number)
                content = sorted((rrset.key, rrset.encode()) for rrset in _rrsets(apex, number))
                shape = Shape(object_id(apex.encode()))
                built = build(shape, content)
                zone = Zone(built.root, shape, built.records).encode()
                commit = Commit(object_id(zone), (), apex, SERIAL, 1, _WHO, _WHO, "bench").encode()
                writer.insert([*built.objects, zone, commit])
                updates.append(RefUpdate(head(apex, "main"), None, object_id(commit)))
            writer.move_refs(updates, _WHO, "bench")
    finally:
        store.close()


def fill_alike(repo: Path, count: int, peer: str = "") -> None:
    """Commit zones of the same records, which share their tree: several times faster, for what counts zones.

    With the name of a peer the repository is a mirror that has just followed it. It may be a copy of the peer's.
    """
    shape = Shape(object_id(b"alike"))
    built = build(shape, sorted((rrset.key, rrset.encode()) for rrset in _rrsets("example.", 0)))
    zone = Zone(built.root, shape, built.records).encode()
    store = LmdbStore.open(repo)
    try:
        with store.write() as writer:
            writer.insert([*built.objects, zone])
            updates = []
            for number in range(count):
                apex = apex_of(number)
                commit = Commit(object_id(zone), (), apex, SERIAL, 1, _WHO, _WHO, "bench").encode()
                writer.insert([commit])
                name = remote(peer, apex, "main") if peer else head(apex, "main")
                updates.append(RefUpdate(name, None, object_id(commit)))
                if peer:
                    writer.set_setting(mirror_setting(apex), peer.encode())
            writer.move_refs(updates, _WHO, "bench")
            if peer:
                remember(writer, peer, PeerRefs(writer.epoch, writer.seq - 1, writer.index_root.hex()))
    finally:
        store.close()


def _rrsets(apex: str, number: int) -> Iterator[RRset]:
    wire = parse_apex(apex)
    yield RRset.of(join([]), NS, 3600, [parse_apex("ns." + apex)])
    yield RRset.of(join([]), SOA, 3600, [wire + wire + b"".join(n.to_bytes(4, "big") for n in _NUMBERS)])
    yield RRset.of(join([b"ns"]), A, 3600, [bytes((192, 0, 2, 1))])
    for at in range(RECORDS - 3):
        yield RRset.of(join([b"h%02d" % at]), A, 300, [(0x0A000000 + number * 32 + at).to_bytes(4, "big")])


def all_answered(port: int, count: int, check: "object") -> float:
    """Wait until a sample of the zones is answered; when, as `wait_for_serial` does."""
    assert callable(check)
    sample = [*range(0, count, _EVERY), count - 1]
    return max(wait_for_serial(port, apex_of(at), SERIAL, check, _DEADLINE, 0.005) for at in sample)


def knot_files(directory: Path, count: int) -> None:
    directory.mkdir()
    for number in range(count):
        lines = [f"$ORIGIN {apex_of(number)}\n@ 3600 SOA @ @ {' '.join(map(str, _NUMBERS))}\n@ 3600 NS ns\n"]
        lines.append("ns 3600 A 192.0.2.1\n")
        for at in range(RECORDS - 3):
            octets = (0x0A000000 + number * 32 + at).to_bytes(4, "big")
            lines.append(f"h{at:02d} 300 A {'.'.join(map(str, octets))}\n")
        (directory / f"{apex_of(number)}zone").write_text("".join(lines))


_SERVER: Final = """\
server:
    listen: 127.0.0.1@{port}
    rundir: "{place}"
    udp-workers: 1
    tcp-workers: 2
    background-workers: 2
log:
  - target: stderr
    any: error
control:
    listen: "knot.sock"
database:
    storage: "{place}/db"
acl:
  - id: loopback
    address: 127.0.0.1
    action: [transfer, notify]
"""
_PRIMARY: Final = """\
template:
  - id: default
    storage: "{zones}"
    file: "%s.zone"
    zonefile-sync: -1
    zonefile-load: whole
    journal-content: none
    semantic-checks: off
    acl: loopback
  - id: member
    storage: "{zones}"
    file: "%s.zone"
    zonefile-sync: -1
    journal-content: none
    semantic-checks: off
    acl: loopback
    catalog-role: member
    catalog-zone: catalog.example.
zone:
  - domain: catalog.example.
    catalog-role: generate
"""
_SECONDARY: Final = """\
remote:
  - id: primary
    address: 127.0.0.1@{source}
template:
  - id: member
    storage: "{place}"
    master: primary
    zonefile-sync: 0
    semantic-checks: off
    acl: loopback
zone:
  - domain: catalog.example.
    storage: "{place}"
    master: primary
    acl: loopback
    catalog-role: interpret
    catalog-template: member
"""


@contextmanager
def knot_primary(place: Path, zones: Path, count: int) -> Iterator[int]:
    """A Knot with the zones and their catalog; its port."""
    (place / "db").mkdir(parents=True)
    port = free_port()
    members = "".join(f"  - domain: {apex_of(at)}\n    template: member\n" for at in range(count))
    config = place / "knot.conf"
    config.write_text(_SERVER.format(port=port, place=place) + _PRIMARY.format(zones=zones) + members)
    with running([find_program("knotd"), "-c", str(config)], place / "output") as program:
        all_answered(port, count, program.check)
        yield port


@contextmanager
def knot_secondary(place: Path, source: int, count: int) -> Iterator[float]:
    """An empty Knot that learns the zones from the catalog; when all were answered."""
    (place / "db").mkdir(parents=True)
    port = free_port()
    config = place / "knot.conf"
    config.write_text(_SERVER.format(port=port, place=place) + _SECONDARY.format(source=source, place=place))
    with running([find_program("knotd"), "-c", str(config)], place / "output") as program:
        yield all_answered(port, count, program.check)
