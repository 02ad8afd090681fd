"""Where a user is in a repository whose HEAD names nothing, as one that was made by the store alone."""

import pytest

from zonegit.errors import NotFound, Refused
from zonegit.model.rdata import A
from zonegit.repo import Position, Repository
from zonegit.repo.position import HEAD, HeadStatus
from zonegit.store.lmdb import LmdbStore

ADDRESS = bytes([192, 0, 2, 99])


def without_head(repository: Repository, head: bytes | None = None) -> None:
    store = LmdbStore.open(repository.path)
    try:
        with store.write() as writer:
            writer.set_setting(HEAD, head)
    finally:
        store.close()


def test_the_only_zone_is_meant(repository: Repository) -> None:
    without_head(repository)
    assert repository.position() == Position("example.org.", "main")
    assert repository.head_status() == HeadStatus(Position("example.org.", "main"))
    assert repository.resolve("HEAD").commit.zone == "example.org."
    repository.set("www", A, 60, [ADDRESS])
    without_head(repository)
    repository.checkout("staging", create=True)
    assert repository.position().branch == "staging"


@pytest.mark.parametrize("head", [None, b"refs/heads/example.com./main"])
def test_the_first_of_several_zones_is_read_and_none_is_written_to(
    repository: Repository, head: bytes | None
) -> None:
    repository.add_zone("example.net")
    without_head(repository, head)
    assert repository.position() == Position("example.net.", "main")
    with pytest.raises(Refused, match="zone switch"):
        repository.set("www", A, 60, [ADDRESS])
    with pytest.raises(Refused, match="zone switch"):
        repository.reset("HEAD")
    assert repository.set("www", A, 60, [ADDRESS], zone="example.org").zone == "example.org."
    repository.switch_zone("example.org")
    assert repository.set("www", A, 60, [ADDRESS[::-1]]).zone == "example.org."


def test_a_branch_other_than_the_default_one(repository: Repository) -> None:
    repository.checkout("staging", create=True)
    repository.delete_branch("main", force=True)
    without_head(repository)
    assert repository.position() == Position("example.org.", "staging")


def test_no_zone_at_all(empty: Repository) -> None:
    assert empty.head_status() == HeadStatus(None)
    with pytest.raises(NotFound, match="no zone yet"):
        empty.position()
    with pytest.raises(NotFound, match="no zone yet"):
        empty.set("www", A, 60, [ADDRESS])
