"""Verbs that would bring a fetched version into a zone's history that mustn't be there."""

from contextlib import closing
from pathlib import Path

import pytest

from synckit import ORG, PEER, WHO, commit, names, soa
from zonegit.model.ids import ObjectId
from zonegit.model.names import APEX
from zonegit.model.refs import head, remote
from zonegit.model.rrset import RRset
from zonegit.store.lmdb import LmdbStore
from zonegit.store.port import RefUpdate

ONE = soa(ORG).rdatas[0]
TWO_SOAS = RRset.of(APEX, 6, 3600, [ONE, b"\1x" + ONE])


@pytest.fixture
def repo(zone, tmp_path: Path) -> Path:
    """As after a fetch from a peer that has two unfit branches: one on top of ours, one with lower serials."""
    path = tmp_path / "repo"
    content = {**names(ORG, 20), TWO_SOAS.key: TWO_SOAS.encode()}
    with closing(LmdbStore.open(path)) as store, store.read() as reader:
        for branch, parents in (("ahead", (reader.ref(head(ORG, "main")),)), ("behind", ())):
            oid = commit(store, ORG, content, branch=branch, parents=parents)
            fetched = [RefUpdate(remote(PEER, ORG, branch), None, oid), RefUpdate(head(ORG, branch), oid, None)]
            with store.write() as writer:
                writer.move_refs(fetched, WHO, "fetch: test")
    return path


def kept(path: Path) -> tuple[dict[str, ObjectId], list[object], object]:
    """Refs, what their reflogs hold, and how many objects there are."""
    with closing(LmdbStore.open(path, readonly=True)) as store, store.read() as reader:
        logs = [entry for name in reader.logged("refs/") for entry in reader.reflog(name)]
        return dict(reader.refs()), logs, store.stat().objects


@pytest.mark.parametrize("dry", [[], ["--dry-run"]], ids=["", "dry"])
@pytest.mark.parametrize(
    "verb",
    [
        "branch b {}/ahead",
        "checkout -b b {}/ahead",
        "tag v1 {}/ahead",
        "tag v1 {}/ahead -m words",
        "reset --hard {}/ahead",
        "reset --hard {}/behind",
        "remote adopt example.org {}",
    ],
)
def test_it_is_refused_and_nothing_is_written(run, repo: Path, refused, verb: str, dry: list[str]) -> None:
    before = kept(repo)
    refused(run(*verb.format(PEER).split(), *dry), 1, ORG, "holds more than one SOA record; a zone has one")
    assert kept(repo) == before
    assert "main" in run("status").out


@pytest.mark.parametrize("dry", [[], ["--dry-run"]], ids=["", "dry"])
def test_no_removed_zone_comes_back_with_it(run, repo: Path, refused, dry: list[str]) -> None:
    """As where a version of the program removed it that took anything."""
    assert run("zone", "remove", ORG).code == 0
    with closing(LmdbStore.open(repo)) as store, store.write() as writer:
        ahead = writer.ref(remote(PEER, ORG, "ahead"))
        for old, new in ((writer.ref(head(ORG, "main")), ahead), (ahead, None)):
            writer.move_refs([RefUpdate(head(ORG, "main"), old, new)], WHO, "zone: removed")
    before = kept(repo)
    refused(run("zone", "restore", ORG, *dry), 1, "holds more than one SOA record; a zone has one")
    assert kept(repo) == before
