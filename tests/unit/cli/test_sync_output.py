"""What `clone`, `push`, `pull` and `sync` tell: what was looked at, what was removed, what can't be and why."""

import os
import time

import pytest

from clonekit import ORG, heads, there
from servekit import Served
from synckit import PEER
from zonegit.auth.keyfile import new_key
from zonegit.auth.scope import parse_scope
from zonegit.repo import Repository
from zonegit.sync.policy import Policy


@pytest.fixture
def mirror(run, server, keys):
    with Repository.open(server.path) as repository:
        repository.add_zone("example.net")
    done = run("clone", server.url, "--name", PEER, "--keys", keys, "--mirror")
    assert done.code == 0, done
    assert "`zonegit pull` updates it" in done.err
    assert "HEAD names example.net., branch main; `zonegit zone switch ZONE`" in done.err
    return run


def test_a_mirror_follows_all_that_its_peer_has(mirror, server, tmp_path) -> None:
    with Repository.open(server.path) as repository:
        repository.create_branch("next", "main", zone=ORG)
        repository.create_tag("v1", "main", zone=ORG)
    assert mirror("pull").code == 0
    there(server, 77)
    with Repository.open(server.path) as repository:
        repository.add_zone("example.com")
        repository.delete_branch("next", zone=ORG, force=True)
        repository.delete_tag("v1", zone=ORG)
    tried = mirror("pull", "--dry-run")
    assert "would follow" in tried.out
    done = mirror("pull")
    assert done.code == 0, done
    assert "removed, as at the peer" in done.out
    assert heads(tmp_path / "repo") == heads(server.path)
    assert heads(tmp_path / "repo", "refs/tags/") == {}
    assert mirror("pull").err == f"nothing new at {PEER}\n"
    assert mirror("zone", "list").out.count("\n") == 3
    refused = mirror("set", "www", "A", "60", "192.0.2.9", "--zone", ORG)
    assert "is mirrored from primary-1" in refused.err


def test_a_mirror_follows_a_branch_that_was_reset_there(mirror, server, tmp_path) -> None:
    with Repository.open(server.path) as repository:
        repository.create_branch("next", "main", zone=ORG)
        repository.set("www", 1, 60, [bytes([192, 0, 2, 7])], zone=ORG, branch="next")
    assert mirror("pull", ORG).code == 0
    with Repository.open(server.path) as repository:
        repository.delete_branch("next", zone=ORG, force=True)
        repository.create_branch("next", "main", zone=ORG)
    done = mirror("pull", ORG, "--rebase")
    assert done.code == 0, done
    assert "followed primary-1, where it was reset" in done.out
    assert heads(tmp_path / "repo") == heads(server.path)
    assert mirror("pull", "--json").json["refs"] == []


def test_beside_zones_of_its_own_a_repository_follows_what_it_mirrors(mirror, server, tmp_path) -> None:
    assert mirror("zone", "add", "own.example").code == 0
    there(server, 77)
    with Repository.open(server.path) as repository:
        repository.add_zone("example.com")
        repository.create_tag("v1", "main", zone=ORG)
    done = mirror("pull", ORG)
    assert done.code == 0, done
    assert set(heads(tmp_path / "repo")) == {
        f"refs/heads/{zone}/main" for zone in ("example.net.", ORG, "own.example.")
    }
    assert heads(tmp_path / "repo", f"refs/heads/{ORG}") == heads(server.path, f"refs/heads/{ORG}")
    assert heads(tmp_path / "repo", "refs/tags/") == heads(server.path, "refs/tags/")
    with Repository.open(server.path) as repository:
        repository.delete_tag("v1", zone=ORG)
    assert mirror("pull", "--all").code == 0
    assert heads(tmp_path / "repo", "refs/tags/") == {}
    assert "refs/heads/own.example./main" in heads(tmp_path / "repo")


def test_what_is_mirrored_from_another_peer_is_left_to_that_one(mirror, server, keys) -> None:
    other = Served(server.path, keys, name="other")
    try:
        there(server, 77)
        assert mirror("remote", "add", "other", other.url, "--keys", keys).code == 0
        done = mirror("pull", "other", ORG)
        assert done.code == 4, done
        assert (
            f"mirrored from {PEER}, and follows no other peer: `zonegit pull {PEER} {ORG}` updates it" in done.err
        )
    finally:
        other.stop()


def test_rules_that_decided_are_told(clone, server) -> None:
    server.policy = Policy.MERGE
    clone("set", "www", "A", "60", "192.0.2.9")
    there(server, 77)
    done = clone("push")
    assert "merged there with others' commits, 1 RRset by a rule" in done.out
    assert "1 RRset was changed on both sides and decided by a rule; after `zonegit pull`, " in done.err
    assert clone("pull").code == 0
    clone("set", "www", "A", "60", "192.0.2.10")
    clone("set", "mail", "A", "60", "192.0.2.10")
    there(server, 78)
    there(server, "mail", 79)
    done = clone("sync")
    assert (
        "2 RRsets were changed on both sides and decided by a rule; `zonegit log --merges --conflicts`" in done.err
    )
    assert clone("log", "--merges", "--conflicts").code == 0


def test_rules_are_in_the_json_of_a_push(clone, server) -> None:
    server.policy = Policy.MERGE
    clone("set", "www", "A", "60", "192.0.2.9")
    there(server, 77)
    assert [each["rules"] for each in clone("push", "--json").json["refs"]] == [1]


def test_what_the_keys_own_file_doesnt_let_it_push_isnt_sent(run, server, tmp_path, refused) -> None:
    scopes = tuple(map(parse_scope, ("read:*", f"push:{ORG}:staging")))
    new_key(tmp_path / "keys2", "k2", scopes, time.time, os.urandom)
    server.stop()
    limited = Served(server.path, tmp_path / "keys2")
    try:
        assert run("clone", limited.url, "--name", PEER, "--keys", tmp_path / "keys2").code == 0
        run("branch", "staging")
        run("set", "www", "A", "60", "192.0.2.9")
        told = f"the key k2 may not push {ORG}:main: its file here has the scopes read:*, push:{ORG}:staging."
        refused(run("push", f"{ORG}:*", "--dry-run"), 7, told)
        refused(run("push", f"{ORG}:*"), 7, told)
        assert run("push", f"{ORG}:staging").code == 0
    finally:
        limited.stop()


def test_what_was_removed_is_told_so(clone, server, run, keys, tmp_path) -> None:
    with Repository.open(server.path) as repository:
        for zone in ("gone.example", "going.example"):
            repository.add_zone(zone)
        repository.remove_zone("gone.example", tombstone=True)
    assert (
        "would copy 2 zones"
        in run("clone", server.url, tmp_path / "other", "--name", PEER, "--keys", keys, "--dry-run").err
    )
    done = run("clone", server.url, tmp_path / "other", "--name", PEER, "--keys", keys)
    assert "copied 2 zones" in done.err
    assert "new" in clone("pull", "--all", "--dry-run").out
    done = clone("pull", "--all")
    assert [line.split()[0] for line in done.lines] == ["going.example."]
    with Repository.open(server.path) as repository:
        repository.remove_zone("going.example", tombstone=True)
    assert "would be removed, as at the peer" in clone("pull", "--all", "--dry-run").out
    assert "would be removed here" in clone("sync", "--all", "--dry-run").out
    assert clone("pull", "--all").out.endswith("removed, as at the peer\n")
    clone("zone", "remove", ORG)
    assert "would be removed there" in clone("push", "--dry-run").out
    assert clone("push").out.endswith("removed there\n")


def test_a_dry_run_tells_of_a_rebase_and_of_tags(clone, server) -> None:
    clone("tag", "v1")
    clone("set", "www", "A", "60", "192.0.2.9")
    there(server, "mail", 5)
    with Repository.open(server.path) as repository:
        repository.create_tag("v1", "main")
    assert "would be merged" in clone("pull", "--dry-run").out
    assert "own commits would be rebased" in clone("pull", "--dry-run", "--rebase").out
    assert "refused, because a tag never moves" in clone("push", f"{ORG}:v1", "--dry-run").out
    assert "kept, because a tag never moves" in clone("pull", f"{ORG}:v1", "--dry-run").out


def test_a_conflict_isnt_nothing_new(clone, server) -> None:
    clone("set", "www", "A", "60", "192.0.2.9")
    there(server, 77)
    assert clone("pull").code == 4
    clone("merge", "--abort")
    assert "nothing new" not in clone("pull").err


def test_what_is_named_and_excluded(clone, refused) -> None:
    clone("checkout", "-b", "feature")
    refused(clone("push", "--exclude", "*:feature"), 2, f"--exclude leaves nothing of {ORG}:feature")
    refused(clone("push", "*.org.", "--exclude", "*.org."), 5, "or --exclude *.org. leaves it out")


def test_a_branch_that_is_written_as_in_git(clone, refused) -> None:
    refused(clone("push", PEER, "main"), 5, f"write a branch with its zone, as {ORG}:main")
    refused(clone("push", "main"), 5, "no remote 'main' here", f"as {ORG}:main")
    refused(clone("pull", "other"), 5, "no remote 'other' here; see `zonegit remote list`")


@pytest.mark.parametrize(
    ("verb", "option", "advice"),
    [
        ("push", "--force", "never overwritten"),
        ("push", "-f", "never overwritten"),
        ("push", "--force-with-lease=main", "never overwritten"),
        ("push", "-d", "zonegit branch -D"),
        ("push", "--delete", "zonegit branch -D"),
        ("push", "-u", "--set-default"),
        ("push", "--set-upstream", "--set-default"),
        ("push", "--tags", "ZONE:v*"),
        ("pull", "--ff-only", "zonegit merge --ff-only"),
        ("pull", "--prune", "removes branches that are gone"),
        ("fetch", "-p", "removes branches that are gone"),
        ("clone", "--bare", "no work tree"),
        ("clone", "--depth=1", "the complete history"),
    ],
)
def test_options_of_git(clone, server, keys, verb, option, advice, refused) -> None:
    more = [server.url, "--name", PEER, "--keys", keys] if verb == "clone" else []
    refused(clone(verb, *more, option), 2, advice)


def test_a_default_is_shown_and_forgotten(clone, keys) -> None:
    assert clone("remote", "list", "--json").json[0]["default"] is None
    clone("zone", "add", "example.net")
    assert clone("push", "*.net", "--exclude", "lab.*", "--set-default").code == 0
    assert "default: *.net without lab.*" in clone("remote", "list").out
    assert clone("remote", "list", "--json").json[0]["default"] == {"patterns": ["*.net"], "exclude": ["lab.*"]}
    assert "is now HEAD's branch and the remote primary-1" in clone("push", "--set-default").err
    assert "default: HEAD's branch" in clone("remote", "list").out
    assert "the only remote" in clone("pull", "--unset-default").err
    assert "default:" not in clone("remote", "list").out
    clone("push", "--set-default")
    clone("remote", "remove", PEER)
    assert clone("remote", "add", PEER, "http://192.0.2.1", "--keys", keys).code == 0
    assert "default:" not in clone("remote", "list").out


def test_a_key_that_doesnt_sign_is_named(clone, keys, refused) -> None:
    file = keys / "k1.key"
    file.write_text(file.read_text().replace("sign", "accept"))
    refused(clone("push"), 7, "the key k1 is not in state `sign` here", f"`zonegit key promote k1 --keys {keys}`")
    assert clone("key", "promote", "k1", "--keys", keys).code == 0
    assert clone("pull").code == 0
