"""Imports of edited exports of older versions agree with a merge by hand, name by name and record by record."""

from io import BytesIO
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from zonegit.errors import MergeConflict
from zonegit.model.names import parse_apex
from zonegit.model.rdata import A
from zonegit.repo import Repository
from zonegit.store.memory import MemoryStore
from zonegit.zonefile.reader import ParsedZone, read_zone

APEX = parse_apex("example.org.")
NAMES = "abc"
Zone = dict[str, frozenset[int]]

addresses = st.frozensets(st.integers(1, 3), max_size=2)
zones = st.fixed_dictionaries(dict.fromkeys(NAMES, addresses))


def file(zone: Zone, serial: int) -> ParsedZone:
    lines = [f"{name} 60 A 192.0.2.{last}" for name, each in zone.items() for last in sorted(each)]
    text = "\n".join([f"@ 60 SOA ns.example.net. h {serial} 2 3 4 5", "@ 60 NS ns.example.net.", *lines, ""])
    return read_zone(BytesIO(text.encode()), name="x.zone", origin=APEX)


def content(repository: Repository, revision: str = "HEAD") -> Zone:
    found = {name: repository.rrsets_at(name, revision) for name in NAMES}
    return {
        name: frozenset(rdata[-1] for each in rrsets for rdata in each.rdatas) for name, rrsets in found.items()
    }


def commit(repository: Repository, wanted: Zone) -> None:
    for name, each in wanted.items():
        if each:
            repository.set(name, A, 60, [bytes([192, 0, 2, last]) for last in each])
        elif repository.rrsets_at(name):
            repository.delete(name)


def merged(base: frozenset[int], ours: frozenset[int], theirs: frozenset[int]) -> frozenset[int] | None:
    """None for a conflict."""
    if ours == theirs or theirs == base:
        return ours
    if ours == base:
        return theirs
    if base and not (ours and theirs):
        return None
    if base - ours - theirs and ours - base - theirs and theirs - base - ours:
        return None
    return (base | ours | theirs) - (base - ours) - (base - theirs)


@given(st.lists(zones, min_size=2, max_size=4), zones, st.data())
def test_an_edited_export_is_a_three_way_merge(versions: list[Zone], edited: Zone, data: st.DataObject) -> None:
    repository = Repository(Path("nowhere"), MemoryStore())
    repository.import_zone(file(versions[0], 1), source="x.zone")
    for each in versions[1:]:
        commit(repository, each)
    history = list(repository.log())
    tip = content(repository)
    for revision in history:
        export = file(content(repository, revision.id.hex()), revision.commit.serial)
        done = repository.import_zone(export, source="x.zone")
        assert done.new == done.old
    if len(history) < 2:
        return
    base = data.draw(st.sampled_from(history[1:]))
    before = content(repository, base.id.hex())
    wanted = {name: merged(before[name], tip[name], edited[name]) for name in NAMES}
    try:
        repository.import_zone(file(edited, base.commit.serial), source="x.zone")
    except MergeConflict as conflict:
        assert len(conflict.conflicts) == sum(each is None for each in wanted.values()) > 0
        assert content(repository) == tip
    else:
        assert content(repository) == wanted
