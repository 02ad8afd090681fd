"""One flipped bit where LMDB keeps one zone's tip: all other zones are answered, whatever it does to a process."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemonkit import query, rcode
from damagekit import HEAD_BITS, Children, flipped
from manykit import apex_of, many_zones
from zonegit.model.names import parse_apex
from zonegit.model.refs import head
from zonegit.store.lmdb import LmdbStore
from zonegit.store.tables import Table

ZONES = 5
DAMAGED = 2
SERVFAIL = 2
LIVES = 3
"""Processes: one dies, perhaps without telling of what; the next one tells; the third one goes on."""
KINDS = ("tip", "id", "ref", "view", "apex", "name")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("whole") / "repo"
    many_zones(path, ZONES).close()
    yield path


def record(path: Path, kind: str) -> bytes:
    """Key and value of something that belongs to the damaged zone."""
    store = LmdbStore.open(path, readonly=True)
    name = head(apex_of(DAMAGED), "main").encode()
    with store.read() as reader:
        tables = reader.tables
        tip = tables.get(Table.REFS, name)
        shown = tables.get(Table.META, b"view/" + name)
        assert tip is not None and shown is not None
        sequence = tables.get(Table.IDS, tip)
        assert sequence is not None
        rows = list(tables.scan(Table.VIEWS, shown[4:8]))
        found = {
            "tip": (sequence, tables.get(Table.OBJECTS, sequence)),
            "id": (tip, sequence),
            "ref": (name, tip),
            "view": (b"view/" + name, shown),
            "apex": rows[0],
            "name": rows[2],
        }[kind]
    store.close()
    assert found[1] is not None
    return found[0] + found[1]


@pytest.mark.parametrize("kind", KINDS)
def test_flips_in_one_zones_nodes_harm_no_other(whole: Path, tmp_path: Path, kind: str) -> None:
    packets = [query("h000001." + apex_of(number).rstrip(".")) for number in (DAMAGED, *range(ZONES))]
    right = Children(whole).ask(packets).answers
    assert [rcode(answer) for answer in right] == [0] * (ZONES + 1)
    data, wanted = (whole / "data.mdb").read_bytes(), record(whole, kind)
    for bit in range(HEAD_BITS):
        path = tmp_path / str(bit)
        path.mkdir()
        (path / "data.mdb").write_bytes(flipped(data, wanted, bit))
        children = Children(path)
        for _ in range(LIVES):
            ended = children.ask(packets)
            if not ended.signal:
                break
            assert ended.signal in (signal.SIGBUS, signal.SIGSEGV, signal.SIGABRT), (bit, ended.signal)
            named = children.crumbs.clear(0)
            assert set(named) <= {parse_apex(apex_of(DAMAGED))}, bit
            children.crumbs.set_careful(0, not named)
            for apex in named:
                assert children.crumbs.leave_out(apex)
        assert not ended.signal, (bit, "dies for ever")
        for number, (found, expected) in enumerate(zip(ended.answers, right, strict=True)):
            harmed = number in (0, DAMAGED + 1)
            assert found == expected or (harmed and rcode(found) == SERVFAIL), (bit, number, rcode(found))
        (path / "data.mdb").unlink()
