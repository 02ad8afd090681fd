"""What a push left waiting for a person is merged by the key's name, and then nobody is told of it any more."""

from pathlib import Path

from pushserverkit import everything, key_for, pushed
from zonegit.model.rdata import A
from zonegit.repo import Repository
from zonegit.repo.diverged import diverged
from zonegit.store.lmdb import LmdbStore
from zonegit.sync.policy import Policy


def test_a_held_push_is_merged_by_the_key_s_name(tmp_path: Path) -> None:
    stores = [LmdbStore.create(tmp_path / name) for name in ("laptop", "server")]
    laptop, server = (Repository(store.path, store) for store in stores)
    laptop.add_zone("example.org.")
    pushed(stores[1], everything(*stores))
    for repository, ttl in ((laptop, 60), (server, 90)):
        repository.set("www", A, ttl, [bytes((192, 0, 2, 1))], zone="example.org.")
    ours, theirs = (each.resolve("main", zone="example.org.").id for each in (server, laptop))
    [result] = pushed(stores[1], everything(*stores), policy=Policy.HOLD).results
    assert (result.outcome, result.tip, result.rules) == ("held", ours, 1)
    made = server.merge("laptop/main", zone="example.org.", prefer="theirs")
    assert set(server.resolve("main", zone="example.org.").commit.parents) == {ours, theirs}
    with stores[1].read() as reader:
        assert diverged(reader) == []
    [result] = pushed(stores[1], everything(*stores), policy=Policy.HOLD).results
    assert (result.outcome, result.tip) == ("unchanged", made.new)
    for store in stores:
        store.close()


def test_a_scope_for_one_branch_brings_no_zone_back_that_was_removed(tmp_path: Path) -> None:
    stores = [LmdbStore.create(tmp_path / name) for name in ("laptop", "server")]
    laptop, server = (Repository(store.path, store) for store in stores)
    laptop.add_zone("example.org.")
    pushed(stores[1], everything(*stores))
    server.remove_zone("example.org.", tombstone=True)
    laptop.set("www", A, 60, [bytes((192, 0, 2, 1))], zone="example.org.")
    for scope, expected in (("push:example.org.:main", "refused"), ("push:example.org.", "merged")):
        key = key_for("read:*", scope)
        [result] = pushed(stores[1], everything(*stores), key, Policy.MERGE).results
        assert result.outcome == expected
        assert [each.zone for each in server.zones()] == ([] if expected == "refused" else ["example.org."])
    for store in stores:
        store.close()
