"""A link is what decoding its commit gives, whatever else stands in that."""

import pytest

from zonegit.errors import InvalidObject
from zonegit.model.commit import Commit, Stamp, Tag
from zonegit.model.ids import ObjectId, object_id
from zonegit.repo.links import Links, link_of

WHO = Stamp("Ada <ada@example.org>", 1_767_225_600, 60)
COMMIT = Commit(ObjectId(b"z" * 32), (), "example.org.", 7, 1, WHO, WHO, "message")
PARENTS = tuple(ObjectId(bytes([at]) * 32) for at in range(16))


@pytest.mark.parametrize(
    "commit",
    [
        COMMIT,
        COMMIT._replace(parents=PARENTS[:1], generation=2),
        COMMIT._replace(parents=PARENTS, generation=99, seq=1 << 40),
        COMMIT._replace(committer=Stamp("0 +0000 seq 3", -5, -90), author=Stamp("zone-root é", 0)),
        COMMIT._replace(extra=(("committer-tool", "x 5 +0000"), ("signature", "abc"))),
        COMMIT._replace(message="parent " + "0" * 64 + "\ngeneration 9\n" * 30),
        COMMIT._replace(message="x" * 2000),
    ],
)
def test_a_link_is_what_the_commit_says(commit: Commit) -> None:
    data = commit.encode()
    assert Commit.decode(data) == commit
    link = link_of(object_id(data), data)
    assert link.id == object_id(data)
    assert (link.zone_root, link.parents) == (commit.zone_root, commit.parents)
    assert (link.seq, link.generation, link.time) == (commit.seq, commit.generation, commit.committer.time)


def test_what_is_no_commit_has_none() -> None:
    tag = Tag(PARENTS[0], "example.org.", "v1", WHO, "").encode()
    for data in (tag, b"\2" + COMMIT.encode()[1:], COMMIT.encode()[:40], b""):
        with pytest.raises(InvalidObject):
            link_of(object_id(data), data)


def test_each_is_read_once() -> None:
    asked: list[ObjectId] = []
    data = COMMIT.encode()

    class Source:
        def get(self, oid: ObjectId) -> bytes:
            asked.append(oid)
            return data

    links = Links(Source())
    assert links(object_id(data)) is links(object_id(data))
    assert asked == [object_id(data)]
