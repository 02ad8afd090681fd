"""`clone --mirror`, `fetch`, `remote` and `peer accept-epoch`, against a server that is really there."""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from servekit import Served
from synckit import PEER
from tlskit import Authority
from zonegit.auth.keyfile import new_key
from zonegit.auth.scope import parse_scope
from zonegit.net.client.peer import PeerClient
from zonegit.net.tls import Identity, server_context
from zonegit.repo import Repository
from zonegit.repo.peer_status import DAY, FAILING, STORED, Failing, Stored
from zonegit.repo.remotes import remotes
from zonegit.store.fsck import fsck
from zonegit.store.lmdb import LmdbStore
from zonegit.sync.peers import forget
from zonegit.sync.ref_sketch import SketchAnswer


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    new_key(tmp_path / "keys", "k1", (parse_scope("read:*"),), time.time, os.urandom)
    return tmp_path / "keys"


@pytest.fixture
def server(zone, tmp_path: Path, keys: Path) -> Iterator[Served]:
    """The repository with example.org, moved away to be a peer of the one that `run` works on."""
    shutil.move(tmp_path / "repo", tmp_path / "peer")
    served = Served(tmp_path / "peer", keys)
    yield served
    served.stop()


@pytest.fixture
def access(keys: Path) -> list[str]:
    return ["--keys", str(keys), "--key", "k1"]


def change(server: Served, address: int) -> None:
    with Repository.open(server.path) as repository:
        repository.set("www", 1, 60, [bytes([192, 0, 2, address])])


def heads(path: Path, prefix: str = "refs/heads/") -> dict[str, bytes]:
    store = LmdbStore.open(path, readonly=True)
    try:
        assert fsck(store).problems == []
        with store.read() as reader:
            return dict(reader.refs(prefix))
    finally:
        store.close()


def test_a_clone_may_be_a_mirror(run, server, access, tmp_path, refused) -> None:
    done = run("clone", server.url, tmp_path / "copy", "--name", PEER, *access, "--mirror")
    assert done.code == 0, done
    assert "mirror" in done.err
    assert heads(tmp_path / "copy") == heads(server.path)
    result = run("-C", tmp_path / "copy", "set", "www", "A", "60", "192.0.2.9")
    refused(result, 1, "mirrored from primary-1")
    shown = run("-C", tmp_path / "copy", "remote", "list", "--json").json
    assert [(item["name"], item["url"], item["key"]) for item in shown] == [(PEER, server.url, "k1")]


def test_a_clone_goes_where_repo_says_and_never_onto_another(run, server, access, tmp_path, refused) -> None:
    found = run("clone", server.url, "--name", PEER, *access, "--json")
    assert (found.code, found.json["zones"], found.json["branches"]) == (0, 1, 1)
    assert heads(tmp_path / "repo") == heads(server.path)
    refused(run("clone", server.url, "--name", PEER, *access), 4, "isn't empty")


def test_a_clone_that_cannot_begin_leaves_nothing(run, server, access, keys, tmp_path, refused) -> None:
    other = tmp_path / "other-keys"
    new_key(other, "k1", (parse_scope("read:*"),), time.time, os.urandom)
    target = tmp_path / "copy"
    refused(run("clone", server.url, target, "--name", PEER, "--keys", other, "--key", "k1"), 7, "refuses key")
    refused(run("clone", server.url, target, "--name", PEER, "--keys", keys, "--key", "k2"), 7, "no key 'k2'")
    missing = run("clone", server.url, target, "--name", PEER, "--keys", tmp_path / "none")
    refused(missing, 7, f"zonegit: {tmp_path}/none: cannot be read: No such file or directory\n")
    refused(run("clone", "http://127.0.0.1:1", target, "--name", PEER, *access), 8, "can't be reached")
    refused(run("clone", "ftp://127.0.0.1", target, "--name", PEER, *access), 2, "URL")
    refused(run("clone", "http://u:secret@127.0.0.1", target, "--name", PEER, *access), 2, "password")
    refused(run("clone", server.url, target, "--name", "a..b", *access), 2, "name")
    assert run("clone", server.url, target, "--name", PEER, *access, "--dry-run").code == 0
    assert not target.exists()


def test_a_clone_goes_on_where_one_was_interrupted(run, server, access, tmp_path) -> None:
    target = tmp_path / "copy"
    LmdbStore.create(target).close()
    assert run("clone", server.url, target, "--name", PEER, *access).code == 0
    assert heads(target) == heads(server.path)


@pytest.mark.parametrize("left", [{"lock.mdb": 8192}, {"data.mdb": 0}, {"data.mdb": 4096, "lock.mdb": 8192}])
def test_a_clone_that_was_killed_early_blocks_no_second_try(run, server, access, tmp_path, left) -> None:
    target = tmp_path / "copy"
    target.mkdir()
    for name, size in left.items():
        (target / name).write_bytes(bytes(size))
    assert run("clone", server.url, target, "--name", PEER, *access).code == 0
    assert heads(target) == heads(server.path)


def test_fetch_moves_what_tracks_and_nothing_else(run, server, access, tmp_path) -> None:
    run("init", "example.net")
    before = heads(tmp_path / "repo")
    assert run("remote", "add", PEER, server.url, *access).code == 0
    assert run("fetch", "--dry-run").lines[0].startswith("refs/remotes/primary-1/example.org./main")
    assert heads(tmp_path / "repo", "refs/remotes/") == {}
    first = run("fetch", "--json").json
    assert [item["ref"] for item in first["refs"]] == ["refs/remotes/primary-1/example.org./main"]
    assert first["refs"][0]["old"] is None
    change(server, 77)
    assert run("fetch", PEER).out.count("\n") == 1
    assert run("fetch", PEER, "--json").json["refs"] == []
    assert heads(tmp_path / "repo") == before
    tracked = heads(tmp_path / "repo", "refs/remotes/")
    assert list(tracked.values()) == list(heads(server.path).values())
    with Repository.open(server.path) as repository:
        repository.remove_zone("example.org.")
    assert run("fetch").lines[0].endswith("-")
    assert heads(tmp_path / "repo", "refs/remotes/") == {}


def test_fetch_into_a_mirror_leaves_what_its_next_pull_has_to_find(run, server, access, tmp_path) -> None:
    run("clone", server.url, "--name", PEER, *access, "--mirror")
    with Repository.open(server.path) as repository:
        repository.remove_zone("example.org.")
    assert run("fetch").code == 0
    assert list(heads(tmp_path / "repo", "refs/remotes/")) == ["refs/remotes/primary-1/example.org./main"]
    assert run("log", f"{PEER}/main", "--oneline").code == 0


def test_a_zone_of_our_own_is_given_up_and_taken_back(run, server, access, tmp_path, refused) -> None:
    run("init", "example.org")
    run("set", "www", "A", "60", "192.0.2.66")
    run("remote", "add", PEER, server.url, *access)
    refused(run("remote", "adopt", "example.org"), 5, "no peer is known to have example.org.")
    run("fetch")
    before = heads(tmp_path / "repo")
    tried = run("remote", "adopt", "example.org", "--dry-run")
    assert (tried.code, heads(tmp_path / "repo")) == (0, before)
    done = run("remote", "adopt", "example.org")
    assert done.out == tried.out
    assert "the local branch main is kept as branch before-adopt-main" in done.err
    assert f"to undo: zonegit remote adopt example.org. {PEER} --undo" in done.err
    assert (
        heads(tmp_path / "repo")["refs/heads/example.org./main"]
        == heads(server.path)["refs/heads/example.org./main"]
    )
    refused(run("set", "www", "A", "60", "192.0.2.9"), 1, "mirrored from primary-1")
    refused(run("remote", "adopt", "example.org"), 1, "mirrored from primary-1 already")
    assert run("remote", "adopt", "example.org", "--undo").code == 0
    assert heads(tmp_path / "repo") == before
    assert run("status", "--json").json["refused"] == {PEER: ["example.org."]}
    assert "not followed from primary-1: example.org." in run("status").err
    assert run("set", "www", "A", "60", "192.0.2.9").code == 0


def test_status_tells_of_a_quota_that_is_used_up(run, tmp_path, monkeypatch) -> None:
    run("init", "example.org")
    today = int(time.time()) // DAY
    monkeypatch.setattr(time, "time", lambda: (today + 0.5) * DAY)
    with closing(LmdbStore.open(tmp_path / "repo")) as store, store.write() as writer:
        STORED.set(writer, "p1", Stored(today - 1, 2_000_000, 1_000_000))
        STORED.set(writer, "p2", Stored(today, 999_999, 1_000_000))
    assert (run("status").err, run("status", "--json").json["quota_used_up"]) == ("", [])
    with closing(LmdbStore.open(tmp_path / "repo")) as store, store.write() as writer:
        STORED.set(writer, "p3", Stored(today, 1_000_000, 1_000_000))
    assert "the daily quota of p3 is used up until midnight UTC: 1,000,000 bytes" in run("status").err
    assert run("status", "--json").json["quota_used_up"] == ["p3"]


def test_status_tells_of_exchanges_that_fail(run, tmp_path) -> None:
    run("init")
    assert "and a secondary gets its primary's" in run("status").out
    found = Failing.again(None, "can't be reached: a\x1bb", 1_767_225_600)
    with closing(LmdbStore.open(tmp_path / "repo")) as store, store.write() as writer:
        FAILING.set(writer, "p1", found)
        FAILING.set(writer, "p2", Failing.again(found, "it is another repository than before", 1_800_000_000))
    assert run("status").out == "no zones yet; a secondary gets its primary's\n"
    run("zone", "add", "example.org")
    told = run("status").err
    assert "exchanges with p1 have failed since 2026-01-01T00:00:00Z: can't be reached: a\\x1bb\n" in told
    assert "p2 have failed since 2026-01-01T00:00:00Z: it is another repository than before\n" in told
    assert list(run("status", "--json").json["failing"]) == ["p1", "p2"]
    with closing(LmdbStore.open(tmp_path / "repo")) as store, store.write() as writer:
        FAILING.set(writer, "p1", None)
        forget(writer, "p2")
    assert run("status").err == ""


def test_adopting_tells_where_a_serial_goes_back(run, server, access) -> None:
    run("init", "example.org")
    run("set", "@", "SOA", "3600", "ns1.example.net. hostmaster.example.org. 2100000000 7200 900 1209600 300")
    run("remote", "add", PEER, server.url, *access)
    run("fetch")
    assert "the serial decreases from 2100000000 to 2026112001" in run("remote", "adopt", "example.org").err


def test_remotes_are_kept_without_a_secret_and_forgotten(run, server, access, keys, tmp_path, refused) -> None:
    run("clone", server.url, "--name", PEER, *access, "--mirror")
    told = f"already; remove it first: `zonegit remote remove {PEER}`"
    refused(run("remote", "add", PEER, "http://192.0.2.1", *access), 4, told)
    assert run("remote", "add", "other", "http://192.0.2.1:9354", *access).code == 0
    refused(run("fetch"), 2, "name one", "other, primary-1")
    refused(run("fetch", "nobody"), 5, "no remote 'nobody'")
    refused(run("remote", "remove", "nobody"), 5)
    secret = (keys / "k1.key").read_text().split('secret = "')[1].split('"')[0]
    assert secret.encode() not in (tmp_path / "repo" / "data.mdb").read_bytes()
    assert run("remote", "remove", PEER, "--dry-run").code == 0
    assert "no longer mirrored" in run("remote", "remove", PEER).err
    assert heads(tmp_path / "repo", "refs/remotes/") == {}
    assert run("set", "www", "A", "60", "192.0.2.9").code == 0
    assert len(run("remote", "list").lines) == 1


@pytest.mark.parametrize(
    "more", [[], ["--key", "k1", "--ca", "ca.pem", "--client-cert", "c.pem", "--client-key", "k"]]
)
def test_a_forgotten_remote_comes_back_by_the_command_that_is_printed(run, keys, tmp_path, go_back, more) -> None:
    run("init")
    assert run("remote", "add", PEER, "http://192.0.2.1:9354", "--keys", keys, "--allow-plaintext", *more).code == 0
    before = kept(tmp_path / "repo")
    removed = run("remote", "remove", PEER)
    assert run("remote", "list").out == ""
    assert go_back(removed).code == 0
    assert kept(tmp_path / "repo") == before


def kept(path) -> dict:
    store = LmdbStore.open(path)
    with closing(store), store.read() as reader:
        return remotes(reader)


def test_a_daemons_primary_is_forgotten_without_being_a_remote(run, server, access, tmp_path, refused) -> None:
    run("clone", server.url, "--name", PEER, *access, "--mirror")
    store = LmdbStore.open(tmp_path / "repo")
    with store.write() as writer:
        writer.set_setting("remotes", None)  # a daemon's secondary has its primary in its configuration alone
    store.close()
    refused(run("set", "www", "A", "60", "192.0.2.9"), 1, "mirrored from primary-1")
    refused(run("remote", "remove", "nobody", "--dry-run"), 5)
    assert run("remote", "remove", PEER, "--dry-run").code == 0
    assert "no longer mirrored" in run("remote", "remove", PEER).err
    assert heads(tmp_path / "repo", "refs/remotes/") == {}
    assert run("set", "www", "A", "60", "192.0.2.9").code == 0
    refused(run("remote", "remove", PEER), 5)


def test_a_peer_that_was_made_again_is_accepted_by_hand(run, server, access, keys, tmp_path, refused) -> None:
    run("clone", server.url, "--name", PEER, *access)
    refused(run("peer", "accept-epoch", "nobody"), 5, "no contact with a peer")
    again = tmp_path / "again"
    with Repository.init(again) as repository:
        repository.add_zone("example.org")
    restored = Served(again, keys)
    try:
        run("remote", "remove", "other")
        assert run("remote", "add", "other", restored.url, *access).code == 0
        store = LmdbStore.open(tmp_path / "repo")
        with store.write() as writer:
            writer.set_setting("remotes", (writer.setting("remotes") or b"").replace(
                server.url.encode(), restored.url.encode()))  # fmt: skip
        store.close()
        refused(run("fetch", PEER), 1, "another repository", f"zonegit peer accept-epoch {PEER}")
        assert run("peer", "accept-epoch", PEER, "--dry-run").code == 0
        refused(run("fetch", PEER), 1, "another repository")
        assert run("peer", "accept-epoch", PEER).code == 0
        assert run("fetch", PEER).code == 0
    finally:
        restored.stop()


def test_over_tls_with_a_certificate_and_whichever_key_signs(run, server, keys, tmp_path, refused) -> None:
    ca = Authority(tmp_path)
    shown, mine = ca.issue("server"), ca.issue("client")
    secure = Served(server.path, keys, server_context(Identity(shown.cert, shown.key), ca.cert))
    try:
        call = ["clone", secure.url, "--name", PEER, "--keys", keys, "--ca", ca.cert]
        refused(run(*call), 7, "--client-cert")
        refused(run(*call, "--client-cert", mine.cert), 2, "must be given together")
        assert run(*call, "--client-cert", mine.cert, "--client-key", mine.key).code == 0
        change(server, 78)
        assert len(run("fetch").lines) == 1, "a remote keeps all that it takes to reach it"
    finally:
        secure.stop()


def test_a_key_without_the_scope_is_not_authorised(run, server, access, keys, tmp_path, refused) -> None:
    here, there = tmp_path / "here", keys / "k1.key"
    shutil.copytree(keys, here)
    there.write_text(there.read_text().replace("read:*", "push:*"))
    server.stop()
    limited = Served(server.path, keys)
    try:
        call = ["clone", limited.url, "--name", PEER, "--keys", here]
        refused(run(*call), 7, "lets it read nothing", "read:*")
    finally:
        limited.stop()


def test_fetch_asks_only_for_what_differs_of_many(run, server, access, tmp_path, monkeypatch) -> None:
    asked: list[bytes] = []

    async def sketched(peer: PeerClient, question: bytes) -> SketchAnswer | None:
        asked.append(question)
        return await ask(peer, question)

    ask = PeerClient.sketched
    monkeypatch.setattr(PeerClient, "sketched", sketched)
    monkeypatch.setattr("zonegit.sync.ref_diff.MANY", 0)
    run("init", "example.net")
    run("remote", "add", PEER, server.url, *access)
    assert len(run("fetch", "--json").json["refs"]) == 1
    assert len(asked) == 1, "nothing is tracked yet, so it is what differs from the zone that is here"
    asked.clear()
    change(server, 79)
    assert len(run("fetch", "--json").json["refs"]) == 1
    assert run("fetch", "--json").json["refs"] == []
    assert len(asked) == 2
    assert list(heads(tmp_path / "repo", "refs/remotes/").values()) == list(heads(server.path).values())


def test_cleartext_to_another_machine_has_to_be_allowed(run, access, refused) -> None:
    refused(run("clone", "http://192.0.2.1:9354", "--name", PEER, *access), 2, "cleartext")
