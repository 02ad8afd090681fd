"""Reviews and proposals with `clone`, `push`, `pull` and `sync`, against a server that is really there."""

from contextlib import closing
from pathlib import Path

from clonekit import ORG, heads
from keptkit import proposal, put, review
from servekit import Served
from synckit import PEER
from zonegit.model.commit import Tag
from zonegit.model.ids import ObjectId
from zonegit.model.refs import RefName
from zonegit.model.refs import review as review_ref
from zonegit.repo import Repository
from zonegit.repo.mirrors import mirror_setting
from zonegit.repo.review_refs import REJECT, ref_of
from zonegit.store.lmdb import LmdbStore

NOWHERE = review_ref(ORG, f"{'0' * 40}/{'1' * 16}")
"""Where no review belongs."""


def tip(path: Path) -> ObjectId:
    with Repository.open(path, readonly=True) as repository:
        return repository.resolve("main", zone=ORG).id


def keep(path: Path, tag: Tag, name: RefName | None = None) -> None:
    with closing(LmdbStore.open(path)) as store:
        put(store, tag, name)


def kept(path: Path) -> dict[str, bytes]:
    return heads(path, "refs/reviews/") | heads(path, "refs/proposals/")


def test_they_come_along_in_both_directions_and_are_counted(clone, server, tmp_path) -> None:
    at, repo = tip(server.path), tmp_path / "repo"
    for number in (1, 2):
        keep(server.path, review(at, key=number))
    keep(server.path, proposal(at))
    keep(repo, review(at, key=3))
    tried = clone("sync", "--dry-run")
    assert (tried.code, kept(repo) == kept(server.path)) == (0, False)
    assert [line.split() for line in tried.lines] == [
        [ORG, "1", "review", "would", "be", "new", "there"],
        [ORG, "1", "proposal", "would", "be", "new", "here"],
        [ORG, "2", "reviews", "would", "be", "new", "here"],
    ]
    assert "3 objects" in tried.err
    done = clone("pull")
    assert [line.split() for line in done.lines] == [[ORG, "1", "proposal", "new"], [ORG, "2", "reviews", "new"]]
    assert clone("pull").err.startswith("nothing new at")
    keep(repo, review(at, REJECT, key=1, time=1_767_225_700))
    done = clone("sync")
    assert sorted(line.split()[1:] for line in done.lines) == [["1", "review", "new"], ["1", "review", "newer"]]
    assert kept(repo) == kept(server.path)
    found = clone("push", "--json").json
    assert found == {"remote": PEER, "refs": [], "objects": 0, "bytes": 0}


def test_what_is_in_json(clone, server, tmp_path) -> None:
    made = review(tip(server.path))
    keep(tmp_path / "repo", made)
    [ref] = clone("push", "--dry-run", "--json").json["refs"]
    assert (ref["kind"], ref["zone"], ref["standing"], ref["old"]) == ("reviews", ORG, "ahead", None)
    assert f"refs/reviews/{ORG}/{ref['name']}" == ref_of(made)
    [ref] = clone("push", "--json").json["refs"]
    assert (ref["kind"], ref["outcome"], ref["reason"]) == ("reviews", "updated", "")


def test_a_push_counts_them_beside_what_moved(clone, server, tmp_path) -> None:
    clone("set", "www", "A", "60", "192.0.2.9")
    for number in (1, 2):
        keep(tmp_path / "repo", review(tip(tmp_path / "repo"), key=number))
    assert f"pushed to {PEER}: 1 moved, 2 reviews, " in clone("push").err
    assert kept(server.path) == kept(tmp_path / "repo")


def test_an_unfit_one_is_shown_and_everything_else_comes(clone, server, tmp_path) -> None:
    keep(server.path, review(tip(server.path))._replace(extra=()), NOWHERE)
    good = review(tip(server.path))
    keep(server.path, good)
    with Repository.open(server.path) as repository:
        repository.set("mail", 1, 60, [bytes([192, 0, 2, 5])], who="Bob <bob@example.org>")
    done = clone("pull")
    assert done.code == 0, done
    assert "moved forward" in done.lines[0]
    assert done.lines[1].split()[:6] == [ORG, "1", "review", "refused:", "the", "signature"]
    assert (
        list(kept(tmp_path / "repo")) == [ref_of(review(tip(server.path), key=1))]
        or len(kept(tmp_path / "repo")) == 1
    )
    assert clone("pull").code == 0


def test_the_peer_refuses_an_unfit_one_and_takes_everything_else(clone, server, tmp_path) -> None:
    clone("set", "www", "A", "60", "192.0.2.9")
    keep(tmp_path / "repo", review(tip(tmp_path / "repo"))._replace(extra=()), NOWHERE)
    done = clone("push")
    assert done.code == 4
    assert f"push: {PEER} refuses a review of {ORG}: the signature can't be read" in done.err
    assert heads(server.path) == heads(tmp_path / "repo")
    assert kept(server.path) == {}


def test_a_key_for_one_branch_pushes_that_branch_without_them(run, server, keys, tmp_path) -> None:
    file = keys / "k1.key"
    file.write_text(file.read_text().replace("push:*", f"push:{ORG}:main"))
    server.stop()
    limited = Served(server.path, keys)
    try:
        assert run("clone", limited.url, "--name", PEER, "--keys", keys).code == 0
        run("set", "www", "A", "60", "192.0.2.9")
        keep(tmp_path / "repo", review(tip(tmp_path / "repo")))
        done = run("push")
        assert done.code == 4, done
        told = "may not push reviews of example.org.: that takes push:example.org."
        assert f"zonegit: push: a review of {ORG} was not sent: the key k1 {told}" in done.err
        assert heads(server.path) == heads(tmp_path / "repo")
        assert kept(server.path) == {}
    finally:
        limited.stop()


def test_they_belong_to_the_zones_that_are_exchanged(clone, server, tmp_path) -> None:
    keep(server.path, review(tip(server.path)))
    assert clone("pull", "--all", "--exclude", ORG).code == 0
    assert kept(tmp_path / "repo") == {}
    assert clone("pull", f"{ORG}:main").code == 0
    assert kept(tmp_path / "repo") == kept(server.path) != {}


def test_a_mirror_gets_them_and_keeps_its_own(run, server, keys, tmp_path) -> None:
    keep(server.path, review(tip(server.path)))
    assert run("clone", "--mirror", server.url, "--name", PEER, "--keys", keys).code == 0
    repo = tmp_path / "repo"
    assert kept(repo) == kept(server.path) != {}
    with closing(LmdbStore.open(repo)) as store, store.read() as reader:
        assert reader.setting(mirror_setting(ORG)) == PEER.encode()
    keep(repo, review(tip(repo), key=2))
    keep(server.path, review(tip(server.path), key=3))
    pulled = run("pull")
    assert [line.split() for line in pulled.lines] == [[ORG, "1", "review", "new"]], pulled
    assert len(kept(repo)) == 3
    assert run("push").code == 0
    assert kept(repo) == kept(server.path)
