"""`main@{upstream}`: the branch at the peer that a zone is mirrored from, else at the only peer that has it."""

import pytest

from zonegit.errors import NotFound, RevisionError
from zonegit.model.ids import ObjectId
from zonegit.model.rdata import A
from zonegit.model.refs import remote
from zonegit.repo import Repository
from zonegit.repo.mirrors import mirror_setting
from zonegit.store.port import RefUpdate

ZONE = "example.org."


@pytest.fixture
def ahead(repository: Repository) -> Repository:
    """Two commits."""
    repository.set("www", A, 60, [bytes(4)])
    return repository


def seen(repository: Repository, peer: str, oid: ObjectId, branch: str = "main") -> None:
    with repository._store.write() as writer:
        who = repository.resolve().commit.author
        writer.move_refs([RefUpdate(remote(peer, ZONE, branch), None, oid)], who, "fetch: test")


def test_the_only_peer_that_has_the_branch(ahead: Repository) -> None:
    first = ahead.resolve("HEAD~1")
    seen(ahead, "one", first.id)
    seen(ahead, "two", ahead.resolve().id, "other")
    for text in ("@{u}", "@{upstream}", "HEAD@{U}", "main@{u}", "@@{u}"):
        assert ahead.resolve(text) == first
    assert [each.id for each in ahead.log("@{u}..")] == [ahead.resolve().id]
    with pytest.raises(NotFound, match="ends after 0"):
        ahead.resolve("main@{u}~1")


def test_a_mirrored_zone_follows_its_peer(ahead: Repository) -> None:
    seen(ahead, "one", ahead.resolve().id)
    seen(ahead, "two", ahead.resolve("HEAD~1").id)
    with pytest.raises(RevisionError, match="one/main"):
        ahead.resolve("@{u}")
    with ahead._store.write() as writer:
        writer.set_setting(mirror_setting(ZONE), b"two")
    assert ahead.resolve("@{u}") == ahead.resolve("HEAD~1")
    with ahead._store.write() as writer:
        writer.set_setting(mirror_setting(ZONE), b"three")
    with pytest.raises(NotFound, match="three"):
        ahead.resolve("@{u}")


def test_a_branch_without_one_and_what_is_no_branch(ahead: Repository) -> None:
    ahead.create_tag("v1")
    for text in ("@{u}", "main@{upstream}"):
        with pytest.raises(NotFound, match="zonegit fetch"):
            ahead.resolve(text)
    for text in ("v1@{u}", "nowhere@{u}", ahead.resolve().id.hex() + "@{u}"):
        with pytest.raises(NotFound, match="only branches"):
            ahead.resolve(text)
