"""`clone` to work in, `push`, `pull` and `sync`, against a server that is really there."""

import shutil

import pytest

from clonekit import ORG, heads, there
from servekit import Served
from synckit import PEER
from zonegit.model.refs import head
from zonegit.repo import Repository
from zonegit.sync.policy import Policy


def test_a_clone_is_to_work_in(clone, server, tmp_path) -> None:
    assert heads(tmp_path / "repo") == heads(server.path)
    assert clone("branch").out.startswith("*  main")
    assert clone("set", "www", "A", "60", "192.0.2.9").code == 0
    assert clone("log", "--oneline", f"{PEER}/main..main").out.count("\n") == 1


def test_a_clone_takes_what_is_named(run, server, keys, tmp_path) -> None:
    with Repository.open(server.path) as repository:
        repository.add_zone("example.net")
    call = ("clone", server.url, tmp_path / "repo", "*.net", "--name", PEER, "--keys", keys)
    assert "would copy 1 zone" in run(*call, "--dry-run").err
    assert run(*call).code == 0
    assert list(heads(tmp_path / "repo")) == ["refs/heads/example.net./main"]
    assert run("zone", "list", "--json").json[0]["zone"] == "example.net."


def test_push_brings_what_was_committed(clone, server, tmp_path) -> None:
    before = heads(server.path)
    clone("set", "www", "A", "60", "192.0.2.9")
    tried = clone("push", "--dry-run")
    assert (tried.code, heads(server.path)) == (0, before)
    assert "would move forward" in tried.out
    assert "dry run, nothing sent: " in tried.err
    done = clone("push")
    assert done.code == 0, done
    assert "moved forward" in done.out
    assert f"pushed to {PEER}: 1 moved, " in done.err
    assert heads(server.path) == heads(tmp_path / "repo")
    assert list(heads(tmp_path / "repo", "refs/remotes/").values()) == list(heads(server.path).values())
    again = clone("push")
    assert (again.code, again.out) == (0, "")
    assert again.err == f"nothing new to push to {PEER} of {ORG}:main, HEAD's branch (--all selects all zones)\n"


def test_a_push_that_is_no_fast_forward_is_refused(clone, server, tmp_path, refused) -> None:
    clone("set", "www", "A", "60", "192.0.2.9")
    there(server, "mail", 5)
    before = heads(server.path)
    done = clone("push")
    assert done.code == 4
    assert "refused" in done.out
    assert f"run 'zonegit pull {PEER} example.org.:main', then push again" in done.err
    assert heads(server.path) == before
    assert clone("push", "--json").json["refs"][0]["reason"] == "not-fast-forward"
    assert clone("pull").code == 0
    assert clone("push").code == 0
    assert heads(server.path) == heads(tmp_path / "repo")
    assert clone("log", "--oneline", "-1").out.endswith("Merge remote-tracking branch 'primary-1/main'\n")


def test_a_peer_with_the_policy_merge_takes_it_all_the_same(clone, server, tmp_path) -> None:
    server.policy = Policy.MERGE
    clone("set", "www", "A", "60", "192.0.2.9")
    there(server, "mail", 5)
    done = clone("push")
    assert done.code == 0
    assert "merged there" in done.out
    assert clone("pull").code == 0
    assert heads(server.path) == heads(tmp_path / "repo")


def test_pull_moves_forward(clone, server, tmp_path) -> None:
    there(server, 77)
    before = heads(tmp_path / "repo", "refs/")
    tried = clone("pull", "--dry-run")
    assert tried.code == 0, tried
    assert "would move forward" in tried.out
    assert "dry run, nothing written: 3 objects, 1 KiB would be received" in tried.err
    assert clone("pull", "--dry-run", "--json").json["refs"][0]["standing"] == "behind"
    assert heads(tmp_path / "repo", "refs/") == before
    done = clone("pull")
    assert "moved forward" in done.out
    assert f" from {PEER}" in done.err
    assert heads(tmp_path / "repo") == heads(server.path)
    assert clone("pull").err == f"nothing new at {PEER} of {ORG}:main, HEAD's branch (--all selects all zones)\n"
    assert clone("pull", "--all").err == f"nothing new at {PEER}\n"


def test_pull_stops_at_a_conflict_and_goes_on(clone, server, tmp_path) -> None:
    clone("set", "www", "A", "60", "192.0.2.9")
    there(server, 77)
    before = heads(tmp_path / "repo")
    done = clone("pull")
    assert done.code == 4, done
    assert "conflict: www.example.org. A" in done.out
    assert "zonegit merge --continue" in done.err
    assert heads(tmp_path / "repo") == before
    assert clone("merge", "--resolve", "www", "A", "theirs", "--continue").code == 0
    assert clone("push").code == 0
    assert heads(server.path) == heads(tmp_path / "repo")
    assert clone("show", "www", "A").out.split()[-1] == "192.0.2.77"


def test_pull_rebase_makes_ones_own_commits_again(clone, server, tmp_path) -> None:
    clone("set", "www", "A", "60", "192.0.2.9", "-m", "first")
    clone("set", "ftp", "A", "60", "192.0.2.8", "-m", "second")
    there(server, "mail", 5)
    done = clone("pull", "--rebase")
    assert done.code == 0, done
    assert "own commits rebased" in done.out
    found = clone("log", "--json").json
    assert [each["message"].strip() for each in found[:2]] == ["second", "first"]
    assert found[0]["author"]["name"] == "Ada <ada@example.org>"
    assert all(len(each["parents"]) <= 1 for each in found)
    assert clone("push").code == 0
    assert heads(server.path) == heads(tmp_path / "repo")


def test_pull_rebase_moves_nothing_where_a_commit_contradicts(clone, server, tmp_path) -> None:
    clone("set", "ftp", "A", "60", "192.0.2.8", "-m", "first")
    clone("set", "www", "A", "60", "192.0.2.9", "-m", "second")
    there(server, 77)
    before = heads(tmp_path / "repo")
    done = clone("pull", "--rebase")
    assert done.code == 4, done
    assert "(second) contradicts the version that it is applied to" in done.err
    assert "'zonegit pull' without --rebase" in done.err
    assert heads(tmp_path / "repo") == before
    assert clone("status").code == 0
    assert "stopped" not in clone("status").out


def test_sync_makes_both_sides_equal(clone, server, tmp_path) -> None:
    clone("set", "www", "A", "60", "192.0.2.9")
    clone("zone", "add", "example.net")
    there(server, "mail", 5)
    tried = clone("sync", "--all", "--dry-run")
    assert tried.code == 0, tried
    assert [line.split("  ")[-1].strip() for line in tried.lines] == ["would be new there", "would be merged"]
    assert tried.err.endswith(" would be sent\n")
    assert list(clone("sync", "--all", "--dry-run", "--json").json) == ["remote", "pulled", "pushed"]
    assert [path for path in (server.path, tmp_path / "repo") if len(heads(path)) == 1] == [server.path]
    done = clone("sync", "--all")
    assert done.code == 0, done
    assert heads(server.path) == heads(tmp_path / "repo")
    assert clone("sync", "--all").out == ""
    assert list(heads(server.path)) == ["refs/heads/example.net./main", "refs/heads/example.org./main"]


def test_sync_takes_sides_where_pull_would_stop(clone, server, tmp_path) -> None:
    clone("set", "www", "A", "60", "192.0.2.9")
    there(server, 77)
    assert clone("sync").code == 0
    assert heads(server.path) == heads(tmp_path / "repo")


def test_patterns_exclude_and_all(clone, server, tmp_path, refused) -> None:
    clone("zone", "add", "example.net")
    clone("zone", "add", "lab.example.net")
    clone("set", "www", "A", "60", "192.0.2.9")
    assert clone("push", "*.net", "--exclude", "lab.*").code == 0
    assert [name.split("/")[2] for name in heads(server.path)] == ["example.net.", ORG]
    assert heads(server.path)[head(ORG, "main")] != heads(tmp_path / "repo")[head(ORG, "main")]
    refused(clone("push", "example.com."), 5, "matches example.com.")
    refused(clone("push", "example.net"), 5, "with its final dot, as example.net.")
    refused(clone("push", "--all", "x."), 2, "--all selects everything")
    refused(clone("push", "a..b."), 2, "is not a pattern")
    assert clone("push", PEER, "--all").code == 0
    assert heads(server.path) == heads(tmp_path / "repo")


def test_a_default_is_kept(clone, server, tmp_path, keys, refused) -> None:
    clone("zone", "add", "example.net")
    refused(clone("push", "*", "--set-default", "--dry-run"), 2, "--set-default")
    assert (
        "is now *.net without lab.* and the remote primary-1"
        in clone("push", "*.net", "--exclude", "lab.*", "--set-default").err
    )
    clone("set", "www", "A", "60", "192.0.2.9")
    assert clone("push").err == f"nothing new to push to {PEER} of *.net. without lab.*\n"
    assert clone("remote", "add", "other", "http://192.0.2.1", "--keys", keys).code == 0
    assert clone("push").code == 0, "the default says which of the two is meant"
    assert clone("push", "example.org.").code == 0
    assert heads(server.path) == heads(tmp_path / "repo")


def test_a_url_takes_what_a_remote_keeps(clone, server, keys, tmp_path, refused) -> None:
    clone("set", "www", "A", "60", "192.0.2.9")
    clone("remote", "remove", PEER)
    refused(clone("push"), 5, "no remote")
    refused(clone("push", server.url), 2, "--name and --keys")
    refused(clone("push", "--keys", keys), 2, "--keys needs a URL")
    assert clone("push", server.url, "--name", PEER, "--keys", keys).code == 0
    assert heads(server.path) == heads(tmp_path / "repo")
    assert clone("remote", "list").out == ""
    assert clone("pull", server.url, "--name", PEER, "--keys", keys).code == 0
    assert heads(tmp_path / "repo", "refs/remotes/") != {}
    assert clone("remote", "remove", PEER).code == 0
    assert heads(tmp_path / "repo", "refs/remotes/") == {}
    assert clone("pull", server.url, "--name", PEER, "--keys", keys, "--set-default").code == 0
    assert clone("remote", "list").out.count("\n") == 1


def test_tags_go_along(clone, server, tmp_path) -> None:
    clone("tag", "v1")
    clone("tag", "v2", "-m", "an object of its own")
    assert clone("push", "example.org.").code == 0
    assert heads(server.path, "refs/tags/") == heads(tmp_path / "repo", "refs/tags/")
    with Repository.open(server.path) as repository:
        repository.delete_tag("v2")
        repository.create_tag("v3", "main")
    assert clone("pull", "example.org.:v*").code == 0
    assert set(heads(tmp_path / "repo", "refs/tags/")) == {f"refs/tags/{ORG}/v{n}" for n in (1, 2, 3)}


def test_a_key_beyond_its_scope_is_not_authorised(run, server, keys, tmp_path, refused) -> None:
    shutil.copytree(keys, tmp_path / "mine")
    file = keys / "k1.key"
    file.write_text(file.read_text().replace("push:*", "push:example.org.:staging"))
    server.stop()
    limited = Served(server.path, keys)
    try:
        assert run("clone", limited.url, "--name", PEER, "--keys", tmp_path / "mine").code == 0
        run("set", "www", "A", "60", "192.0.2.9")
        before = heads(server.path)
        refused(run("push"), 7, "takes key k1, but doesn't let it push all of that", "push:ZONE")
        run("branch", "staging")
        refused(run("push", f"{ORG}:*"), 7, "push:ZONE")
        assert heads(server.path) == before
        assert run("push", f"{ORG}:staging").code == 0
        assert list(heads(server.path)) == [f"refs/heads/{ORG}/main", f"refs/heads/{ORG}/staging"]
    finally:
        limited.stop()


def test_an_atomic_push_moves_all_or_nothing(clone, server, tmp_path) -> None:
    clone("zone", "add", "example.net")
    clone("set", "www", "A", "60", "192.0.2.9")
    there(server, "mail", 5)
    before = heads(server.path)
    done = clone("push", "--all", "--atomic")
    assert done.code == 4, done
    assert "(and 1 more)" in done.err
    assert heads(server.path) == before
    assert clone("push", "--all").code == 4
    assert "refs/heads/example.net./main" in heads(server.path)


@pytest.mark.parametrize("policy", ["merge", "hold"])
def test_pull_merges_by_the_rules_where_the_policy_says_so(clone, server, tmp_path, policy) -> None:
    (tmp_path / "repo" / "zonegitd.toml").write_text(f'[zone."{ORG}"]\nmerge = "{policy}"\n')
    clone("set", "www", "A", "60", "192.0.2.9")
    there(server, 77)
    done = clone("pull")
    if policy == "hold":
        assert done.code == 4, done
        assert "merge it by hand" in done.err
        assert clone("merge", f"{PEER}/main", "--ours").code == 0
    else:
        assert done.code == 0, done
        assert "merged" in done.out
        assert clone("log", "-1", "--json").json[0]["author"]["name"] == "zonegit-merge"
    assert clone("push").code == 0
    assert heads(server.path) == heads(tmp_path / "repo")


def test_several_branches_that_conflict_stop_at_the_first(clone, server, tmp_path) -> None:
    with Repository.open(server.path) as repository:
        repository.create_branch("next", "main")
    clone("pull", f"{ORG}:*")
    for branch in ("main", "next"):
        clone("set", "www", "A", "60", "192.0.2.9", "--branch", branch)
        with Repository.open(server.path) as repository:
            repository.set("www", 1, 60, [bytes([192, 0, 2, 77])], branch=branch)
    done = clone("pull", "--all")
    assert done.code == 4
    assert done.out.count("\nconflict: ") == 1
    assert "next  " in done.lines[1]
    assert "a merge has stopped on main" in done.lines[1]
    assert "zonegit merge --continue" in done.err
    assert clone("merge", "--continue", "--ours").code == 0
    assert clone("merge", f"{PEER}/next", "--branch", "next", "--ours").code == 0
    assert clone("push", "--all").code == 0
    assert heads(server.path) == heads(tmp_path / "repo")


def test_a_removal_is_pushed_and_doesnt_come_back(clone, server, tmp_path) -> None:
    assert "a tombstone tells" in clone("zone", "remove", ORG).err, "it was fetched from a peer"
    assert clone("pull").code == 0
    assert clone("zone", "list").out == ""
    assert clone("push").code == 0
    with Repository.open(server.path) as repository:
        assert repository.zone_names() == []
    assert heads(server.path) == heads(tmp_path / "repo")
    clone("zone", "restore", ORG)
    assert clone("push").code == 0
    assert heads(server.path) == heads(tmp_path / "repo")


def test_a_removal_is_pulled(clone, server, tmp_path) -> None:
    with Repository.open(server.path) as repository:
        repository.remove_zone(ORG, tombstone=True)
    assert clone("pull").code == 0
    assert clone("zone", "list").out == ""
    assert clone("zone", "add", ORG).code == 0
    assert clone("push").code == 0
    assert heads(server.path) == heads(tmp_path / "repo")


@pytest.mark.parametrize("verb", ["pull", "sync"])
@pytest.mark.parametrize("removes", ["here", "there"])
def test_what_one_side_removed_and_the_other_changed_stays(clone, server, tmp_path, removes, verb) -> None:
    if removes == "here":
        there(server, "mail", 5)
        clone("zone", "remove", ORG)
    else:
        clone("set", "www", "A", "60", "192.0.2.9")
        with Repository.open(server.path) as repository:
            repository.remove_zone(ORG, tombstone=True)
    if verb == "sync":
        server.policy = Policy.MERGE
    done = clone(verb)
    assert done.code == 0, done
    assert clone("push").code == 0
    assert heads(server.path) == heads(tmp_path / "repo")
    assert clone("show", "www", "A").code == 0


def test_a_removal_that_is_held_apart_is_decided_by_hand(clone, server, tmp_path, refused) -> None:
    (tmp_path / "repo" / "zonegitd.toml").write_text(f'[zone."{ORG}"]\nmerge = "hold"\n')
    clone("set", "www", "A", "60", "192.0.2.9")
    with Repository.open(server.path) as repository:
        repository.remove_zone(ORG, tombstone=True)
    done = clone("pull")
    assert done.code == 4
    assert "was removed on one side and changed on the other: merge it by hand" in done.err
    assert "Remove example.org." in clone("show", f"{PEER}/main").out
    refused(clone("merge", f"{PEER}/main"), 1, "'zonegit merge --ours' of it keeps the branch here")
    assert clone("merge", "--ours", f"{PEER}/main").code == 0
    assert clone("show", "www", "A").code == 0
    assert clone("push").code == 0
    assert heads(server.path) == heads(tmp_path / "repo")
