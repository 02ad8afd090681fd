"""What `gc` deletes and what it keeps, in both stores."""

import subprocess
import sys
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from storekit import WHO, addresses, publish, tag_of
from synckit import NET, ORG, PEER, Wire, commit, move, names
from zonegit.errors import CorruptStore, InvalidFrame, StoreBusy
from zonegit.model.commit import Stamp
from zonegit.model.ids import Kind, ObjectId, object_id
from zonegit.model.refs import head, tag
from zonegit.repo.gc import HOOKS, collect
from zonegit.store.fsck import fsck
from zonegit.store.gc import GcReport, Hooks, gc
from zonegit.store.lmdb import LmdbStore
from zonegit.store.memory import MemoryStore
from zonegit.store.port import RefUpdate
from zonegit.store.tables import Table
from zonegit.sync.peers import cursors

AnyStore = LmdbStore | MemoryStore
LATER = WHO.time + 1
"""Since then nothing moved: no reflog entry is within its grace."""


def counted(store: AnyStore) -> int:
    with store.read() as reader:
        assert sum(reader.object_counts().values()) == len(list(reader.object_ids()))
        return sum(reader.object_counts().values())


def has(store: AnyStore, oid: ObjectId) -> bool:
    with store.read() as reader:
        return reader.has(oid)


def whole(store: AnyStore) -> bool:
    return not fsck(store).problems


def run(store: AnyStore, since: int = LATER, *, dry_run: bool = False) -> GcReport:
    return gc(store, since, HOOKS, dry_run=dry_run)


def test_nothing_goes_that_a_branch_reaches(store: AnyStore) -> None:
    commit(store, ORG, names(ORG, 100))
    commit(store, ORG, names(ORG, 120, large=2))
    before = counted(store)
    report = run(store)
    assert sum(report.gone.values()) == 0
    assert report.size == 0
    assert sum(report.kept.values()) == counted(store) == before
    assert whole(store)


def test_a_deleted_branch_stays_within_the_grace_and_goes_after_it(store: AnyStore) -> None:
    commit(store, ORG, names(ORG, 100))
    other = commit(store, NET, names(NET, 100, large=2))
    move(store, NET, "main", None)
    assert sum(run(store, WHO.time - 1).gone.values()) == 0
    assert has(store, other)
    before = counted(store)
    foretold = run(store, dry_run=True)
    assert counted(store) == before
    report = run(store)
    assert report == foretold
    assert report.gone[Kind.COMMIT] == 1
    assert report.gone[Kind.RRSET] == 2
    assert counted(store) == before - sum(report.gone.values())
    assert not has(store, other)
    assert whole(store)
    assert sum(run(store).gone.values()) == 0


def test_the_reflog_loses_old_entries_and_never_its_newest(store: AnyStore) -> None:
    tips = [commit(store, ORG, names(ORG, 10, seed)) for seed in range(5)]
    report = run(store)
    assert report.entries == 4
    with store.read() as reader:
        assert [entry.new for entry in reader.reflog(head(ORG, "main"))] == [tips[-1]]
    tips.append(commit(store, ORG, names(ORG, 10, 9)))
    with store.read() as reader:
        assert [entry.new for entry in reader.reflog(head(ORG, "main"))] == [tips[-1], tips[-2]]
    assert whole(store)


def test_an_entry_in_its_grace_keeps_both_of_its_ends(store: AnyStore) -> None:
    first = commit(store, ORG, names(ORG, 30), parents=())
    second = commit(store, ORG, names(ORG, 30, 1), parents=())
    with store.write() as writer:
        late = WHO._replace(time=LATER + 1)
        writer.move_refs([RefUpdate(head(ORG, "main"), second, first)], late, "reset: test")
    commit(store, NET, names(NET, 3))
    run(store)
    assert has(store, first)
    assert has(store, second)


def test_tags_and_what_peers_have_stay(store: AnyStore) -> None:
    tagged = commit(store, ORG, names(ORG, 30), parents=())
    with store.write() as writer:
        data = tag_of(tagged, ORG)
        writer.insert([data])
        writer.move_refs([RefUpdate(tag(ORG, "v1"), None, object_id(data))], WHO, "tag: test")
    move(store, ORG, "main", None)
    assert sum(run(store).gone.values()) == 0
    assert has(store, tagged)


def test_numbers_are_never_given_twice(store: AnyStore) -> None:
    commit(store, ORG, names(ORG, 30), parents=())
    with store.read() as reader:
        last = reader.tables.last(Table.OBJECTS)
    move(store, ORG, "main", None)
    run(store)
    assert counted(store) == 0
    commit(store, NET, names(NET, 3))
    with store.read() as reader:
        first = reader.tables.seek(Table.OBJECTS, b"")
    assert first and last and first[0] > last[0]


def test_an_object_that_comes_back_is_another_ones_like(store: AnyStore) -> None:
    commit(store, ORG, names(ORG, 60), parents=())
    move(store, ORG, "main", None)
    run(store)
    commit(store, ORG, names(ORG, 60), parents=())
    assert sum(run(store).gone.values()) == 0
    assert whole(store)


def test_nothing_goes_while_somebody_keeps_objects(store: AnyStore) -> None:
    commit(store, ORG, names(ORG, 30))
    move(store, ORG, "main", None)
    before = counted(store)
    with store.keeping(), pytest.raises(StoreBusy, match="run `zonegit gc` again"):
        gc(store, LATER, HOOKS, patience=0)
    assert counted(store) == before
    run(store)
    assert counted(store) == 0


_KEEPS = """
import sys
from pathlib import Path
from zonegit.store.lmdb import LmdbStore
store = LmdbStore.open(Path(sys.argv[1]), readonly=True)
with store.keeping():
    print("keeps", flush=True)
    sys.stdin.read()
"""


def test_another_process_that_keeps_objects_is_heeded_until_it_is_killed(path: Path) -> None:
    with closing(LmdbStore.open(path)) as store:
        commit(store, ORG, names(ORG, 30))
        move(store, ORG, "main", None)
        before = counted(store)
        command = [sys.executable, "-c", _KEEPS, str(path)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
            assert other.stdout
            assert other.stdout.readline() == b"keeps\n"
            with pytest.raises(StoreBusy):
                gc(store, LATER, HOOKS, patience=0)
            assert counted(store) == before
            other.kill()
        run(store)
        assert counted(store) == 0


def test_two_who_keep_objects_do_not_wait_for_each_other(store: AnyStore) -> None:
    with store.keeping():
        with store.keeping():
            pass
        with store.write(), store.alone() as alone:
            assert not alone
    with store.write(), store.alone() as alone:
        assert alone


def test_one_at_a_time(path: Path) -> None:
    with closing(LmdbStore.open(path)) as store:
        with store.collecting(), pytest.raises(StoreBusy, match="another"):
            collect(store, 0, LATER, dry_run=False)
        assert collect(store, 0, LATER, dry_run=False).size == 0


def test_what_the_rooms_above_need_stays(store: AnyStore) -> None:
    kept = commit(store, ORG, names(ORG, 30))
    commit(store, NET, names(NET, 30))
    move(store, ORG, "main", None)
    move(store, NET, "main", None)
    gc(store, LATER, Hooks(lambda reader: [kept]))
    assert has(store, kept)
    assert whole(store)


def test_a_transfer_that_broke_off_begins_again(store: AnyStore) -> None:
    primary = MemoryStore()
    commit(primary, ORG, names(ORG, 30_000))

    wire = Wire(primary, lambda ask, data: data[: len(data) // 2] if ask.path == "/v0/fetch" else data)
    with pytest.raises(InvalidFrame):
        wire.pull(store)
    with store.read() as reader:
        assert cursors(reader, PEER)
    assert sum(run(store).gone.values()) > 0
    with store.read() as reader:
        assert not cursors(reader, PEER)
    Wire(primary).pull(store)
    assert whole(store)


def test_damage_to_what_stays_is_told_and_nothing_goes(store: AnyStore) -> None:
    commit(store, ORG, names(ORG, 30))
    commit(store, NET, names(NET, 30))
    move(store, NET, "main", None)
    with store.write() as writer:
        sequence, data = writer.tables.seek(Table.OBJECTS, b"") or (b"", b"")
        writer.draft.put(Table.OBJECTS, sequence, data[:-1] + b"!")
    before = counted(store)
    with pytest.raises(CorruptStore, match="fsck"):
        run(store)
    assert counted(store) == before


def test_what_comes_to_be_named_during_the_mark_stays(store: AnyStore) -> None:
    """A ref moves to an old object, and a new commit is made of old nodes, behind the mark's back."""
    lost = commit(store, ORG, names(ORG, 300))
    move(store, ORG, "main", None)
    commit(store, NET, names(NET, 10))
    moved = False

    def meanwhile(done: int, total: int) -> None:
        nonlocal moved
        if not moved:
            moved = True
            move(store, ORG, "other", lost)

    report = gc(store, LATER, HOOKS, progress=meanwhile)
    assert moved
    assert sum(report.gone.values()) == 0
    assert has(store, lost)
    assert whole(store)


def test_many_objects_go_in_several_transactions(store: AnyStore) -> None:
    with store.write() as writer:
        tip = None
        for at in range(400):
            tip = publish(writer, addresses(3, at % 250), tip, at, at + 1, name=head(ORG, "main"))
    assert tip
    with store.write() as writer:
        writer.move_refs([RefUpdate(head(ORG, "main"), tip, None)], Stamp("a", WHO.time), "branch: deleted")
    commit(store, NET, names(NET, 10, Random(1).randrange(9)))
    report = run(store)
    assert report.gone[Kind.COMMIT] == 400
    assert whole(store)


def test_a_transaction_of_many_refs_is_looked_at_before_anything_goes(store: AnyStore) -> None:
    """The journal doesn't name them; reading them all would hold other writers up."""
    lost = commit(store, ORG, names(ORG, 100))
    move(store, ORG, "main", None)

    def meanwhile(done: int, total: int) -> None:
        with store.write() as writer:
            if writer.ref(head(ORG, "b0")) is None:
                writer.move_refs([RefUpdate(head(ORG, f"b{at}"), None, lost) for at in range(300)], WHO, "test")

    assert sum(gc(store, LATER, HOOKS, progress=meanwhile).gone.values()) == 0
    assert has(store, lost)
    assert whole(store)


def test_a_reflog_that_lost_more_than_gc_took_is_told(store: AnyStore) -> None:
    for seed in range(5):
        commit(store, ORG, names(ORG, 10, seed))
    with store.write() as writer:
        late = WHO._replace(time=LATER + 1)
        tip = writer.ref(head(ORG, "main"))
        writer.move_refs([RefUpdate(head(ORG, "main"), tip, None)], late, "branch: deleted")
        writer.move_refs([RefUpdate(head(ORG, "main"), None, tip)], late, "zone: restored")
    assert run(store).entries == 5
    assert whole(store)
    with store.write() as writer:
        oldest = [key for key, _ in writer.tables.scan(Table.REFLOG)][-1]
        writer.draft.delete(Table.REFLOG, oldest)
    (problem,) = fsck(store).problems
    assert problem.startswith("reflog of ")
