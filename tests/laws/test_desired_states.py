"""Desired states and plans: a state wins over whatever was there, and a plan does what `apply` does, or nothing."""

from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zonegit.cli import edited_text
from zonegit.errors import Conflict, InvalidData, MergeConflict
from zonegit.model.names import from_text, parse_apex, relative
from zonegit.model.rrset import RRKey
from zonegit.repo import Repository
from zonegit.repo.merging import Choice, Sides, ThreeWay, three_way, tree_of
from zonegit.repo.plan import read_plan
from zonegit.store.memory import MemoryStore
from zonegit.tree import walk
from zonegit.tree.source import Nodes
from zonegit.zonefile.reader import ParsedZone, read_zone
from zonegit.zonefile.writer import write_zone

ZONE = parse_apex("example.org.")
BEGIN = "@ 60 SOA ns.example.net. h {serial} 2 3 4 5\n@ 60 NS ns.example.net.\n"
OWNERS = ("@", "a", "b.a", "c.b.a", "ab", "d")
Records = dict[tuple[str, str], tuple[int, tuple[str, ...]]]

RDATAS = {"A": ("192.0.2.1", "192.0.2.2", "192.0.2.3"), "TXT": ("x", r"\000\;\"")}


@st.composite
def zones(draw: st.DrawFn) -> Records:
    keys = st.tuples(st.sampled_from(OWNERS), st.sampled_from(sorted(RDATAS)))
    found: Records = {}
    for key in draw(st.lists(keys, max_size=6, unique=True)):
        rdatas = draw(st.lists(st.sampled_from(RDATAS[key[1]]), min_size=1, max_size=2, unique=True))
        found[key] = (draw(st.sampled_from((0, 60))), tuple(rdatas))
    return found


def lines(zone: Records) -> str:
    return "".join(
        f"{owner} {ttl} {rtype} {rdata}\n" for (owner, rtype), (ttl, rdatas) in zone.items() for rdata in rdatas
    )


def parsed(zone: Records, serial: int = 1) -> ParsedZone:
    text = BEGIN.format(serial=serial) + lines(zone)
    return read_zone(BytesIO(text.encode()), name="zone", origin=ZONE)


def part(zone: Records, name: str) -> ParsedZone:
    """The state of a name and what is below it."""
    kept = {key: value for key, value in zone.items() if is_within(key[0], name)}
    below = relative(from_text(name, ZONE), ZONE)
    return read_zone(BytesIO(b";\n" + lines(kept).encode()), name="part", origin=ZONE, below=below)


def is_within(owner: str, name: str) -> bool:
    return owner == name or owner.endswith(f".{name}")


def begun(zone: Records) -> Repository:
    repository = Repository(Path("nowhere"), MemoryStore())
    repository.import_zone(parsed(zone), source="begin")
    return repository


def content(repository: Repository) -> tuple[tuple[RRKey, bytes], ...]:
    """All entries of the tip, the SOA with serial 0."""
    nodes = Nodes(Objects(repository))
    return tuple(walk.entries(nodes, tree_of(nodes, repository.resolve().commit)))


class Objects:
    """The repository as a source of nodes."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository

    def get(self, oid):
        return self._repository.object(oid.hex())[1]


PLANNING = begun({})


@given(zones(), zones(), st.integers(1, 9))
@settings(max_examples=60)
def test_what_is_exported_applies_to_any_version(x: Records, y: Records, serial: int) -> None:
    text = "\n".join(write_zone(ZONE, begun(x).rrsets()))
    wanted = read_zone(BytesIO(text.encode()), name="export", origin=None)
    repository = begun(y)
    first = repository.resolve().commit.serial
    done = repository.apply(wanted, source="x")
    assert content(repository) == wanted.entries == content(begun(x))
    assert done.serial == first + (done.old != done.new)
    again = repository.apply(parsed(x, serial), source="x")
    assert again.old == again.new == done.new


@given(zones(), zones(), st.sampled_from(OWNERS[1:]))
@settings(max_examples=60)
def test_a_part_is_applied_and_the_rest_stays(x: Records, y: Records, name: str) -> None:
    repository = begun(y)
    repository.apply(part(x, name), source="x")
    mixed = {key: value for key, value in y.items() if not is_within(key[0], name)}
    mixed |= {key: value for key, value in x.items() if is_within(key[0], name)}
    assert content(repository) == parsed(mixed).entries


@given(zones(), zones())
@settings(max_examples=60)
def test_a_plan_does_what_apply_does_and_only_once(x: Records, y: Records) -> None:
    planned, applied = begun(y), begun(y)
    done = applied.apply(parsed(x), source="x")
    made = planned.plan(parsed(x), source="x")
    assert bool(made.plan.steps) == (done.old != done.new)
    assert made.would.changes == done.changes
    if not made.plan.steps:
        return
    plan = read_plan(made.plan.encode())
    assert plan == made.plan
    assert planned.apply_plan(plan).changes == done.changes
    assert content(planned) == content(applied)
    for refused in (plan, plan):
        try:
            planned.apply_plan(refused)
        except Conflict:
            continue
        raise AssertionError("a plan was done on another base")


CHANGED = st.tuples(
    st.integers(0), st.integers(0, 3), st.binary(max_size=3) | st.sampled_from((b"0", b"1", b"-", b"\n"))
)


@given(zones(), st.lists(CHANGED, min_size=1, max_size=2))
def test_no_changed_plan_is_read(x: Records, changes: list[tuple[int, int, bytes]]) -> None:
    plan = PLANNING.plan(parsed(x | {("new", "A"): (60, ("192.0.2.9",))}), source="x").plan
    data = whole = plan.encode()
    for at, size, other in changes:
        at %= len(data)
        data = data[:at] + other + data[at + size :]
    if data != whole:
        with pytest.raises(InvalidData):
            read_plan(data)


@given(zones(), zones(), zones())
def test_a_rebased_plan_and_a_late_edit_are_three_way_merges(x: Records, y: Records, z: Records) -> None:
    repository = begun(x)
    base = repository.resolve()
    repository.create_branch("theirs")
    repository.apply(parsed(y), source="y", branch="theirs")
    plan = repository.plan(parsed(y), source="y").plan
    moved = repository.apply(parsed(z), source="z")
    nodes = Nodes(Objects(repository))
    roots = [tree_of(nodes, each.commit) for each in (base, repository.resolve(), repository.resolve("theirs"))]
    expected = three_way(nodes, Sides(*roots))
    expected = ThreeWay({k: v for k, v in expected.changes.items() if v != walk.get(nodes, roots[1], k)},
                        expected.conflicts)  # fmt: skip
    try:
        rebased = repository.rebase_plan(plan).plan
    except MergeConflict as conflict:
        assert len(conflict.conflicts) == len(expected.conflicts) > 0
    else:
        assert not expected.conflicts
        assert {key: new for key, _, new in rebased.steps} == expected.changes
        assert rebased.base == moved.new
    tip = repository.resolve().id
    try:
        repository.edit(parsed(y), base=base.id)
    except MergeConflict:
        assert expected.conflicts
        assert repository.resolve().id == tip
        again = repository.edit_again(parsed(y), base=base.id)
        assert (again.editable.base, len(again.conflicts)) == (tip, len(expected.conflicts))
        text = edited_text.write(again.editable, again.conflicts)
        assert edited_text.read_subject(text, "text").base == tip
        assert text.count(b"; conflict: ") == len(expected.conflicts)
        repository.edit(read_zone(BytesIO(text), name="text", origin=ZONE), base=tip)
        chosen = three_way(nodes, Sides(*roots), lambda key, conflict: Choice.THEIRS)
        done = tree_of(nodes, repository.resolve().commit)
        assert all(walk.get(nodes, done, key) == new for key, new in chosen.changes.items())
    else:
        assert not expected.conflicts
        assert all(walk.get(nodes, tree_of(nodes, repository.resolve().commit), key) == new
                   for key, new in expected.changes.items())  # fmt: skip
        assert (repository.resolve().id != tip) == bool(expected.changes)
