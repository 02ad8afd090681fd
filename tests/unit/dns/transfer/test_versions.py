"""From a serial back to the version that was served with it: along the moves of a branch, then first parents."""

from zonegit.dns.transfer.versions import Versions
from zonegit.errors import NotFound
from zonegit.model.commit import Commit, Stamp
from zonegit.model.ids import ObjectId, object_id
from zonegit.model.zone import Shape, Zone

WHO = Stamp("test", 1_767_225_600)


class Line:
    """Commits in a dict."""

    def __init__(self) -> None:
        self.objects: dict[ObjectId, bytes] = {}

    def get(self, oid: ObjectId) -> bytes:
        if oid not in self.objects:
            raise NotFound(oid.hex())
        return self.objects[oid]

    def commit(self, seq: int, *parents: ObjectId, content: int = 0) -> ObjectId:
        zone = Zone(object_id(b"%d" % content), Shape(bytes(32)), 10).encode()
        commit = Commit(object_id(zone), parents, "example.org.", seq, 1, WHO, WHO, f"{seq} {content}").encode()
        self.objects[object_id(zone)] = zone
        self.objects[object_id(commit)] = commit
        return object_id(commit)

    def served(
        self, tip: ObjectId, serial: int, *moves: tuple[ObjectId | None, ObjectId | None]
    ) -> list[int] | None:
        """The sequence numbers of what is found, newest first."""
        versions = Versions(self)
        found = versions.back_to(serial, versions(tip), moves)
        return None if found is None else [version.seq for version in found]


def test_along_first_parents() -> None:
    line = Line()
    one = line.commit(1)
    two = line.commit(2, one)
    five = line.commit(5, two)
    assert line.served(five, 1) == [5, 2, 1]
    assert line.served(five, 2) == [5, 2]
    assert line.served(five, 5) == [5]
    assert line.served(five, 9) == [5]
    assert line.served(five, 3) is None
    assert line.served(five, 0) is None


def test_across_the_wrap_of_serials() -> None:
    """RFC 1982."""
    line = Line()
    one = line.commit((1 << 32) - 1)
    two = line.commit((1 << 32) + 1, one)
    assert line.served(two, 0xFFFFFFFF) == [(1 << 32) + 1, (1 << 32) - 1]
    assert line.served(two, 2) == [(1 << 32) + 1]


def test_several_commits_in_one_move() -> None:
    line = Line()
    one = line.commit(1)
    two = line.commit(2, one)
    three = line.commit(3, two)
    moves = ((one, three), (None, one))
    assert line.served(three, 1, *moves) == [3, 2, 1]
    assert line.served(three, 2, *moves) == [3, 2]


def test_a_version_that_the_branch_left() -> None:
    """A reset puts a new commit on an old one; the step goes from what was served before."""
    line = Line()
    one = line.commit(1)
    two = line.commit(2, one)
    three = line.commit(3, two)
    back = line.commit(4, one)
    five = line.commit(5, back)
    moves = ((back, five), (three, back), (two, three), (one, two), (None, one))
    assert line.served(five, 3, *moves) == [5, 4, 3]
    assert line.served(five, 2, *moves) == [5, 4, 3, 2]
    assert line.served(five, 1, *moves) == [5, 4, 3, 2, 1]


def test_what_was_served_here_and_not_its_namesake() -> None:
    """A merge whose first parent is the other side's: that has a version with the same serial and other content."""
    line = Line()
    base = line.commit(1)
    ours = line.commit(2, base, content=1)
    theirs = line.commit(2, base, content=2)
    merged = line.commit(4, theirs, ours, content=3)
    versions = Versions(line)
    found = versions.back_to(2, versions(merged), ((ours, merged), (base, ours)))
    assert found is not None
    assert [version.commit for version in found] == [merged, ours]


def test_moves_of_another_branch_are_no_help() -> None:
    line = Line()
    one = line.commit(1)
    two = line.commit(2, one)
    other = line.commit(9, content=7)
    assert line.served(two, 1, (other, other)) == [2, 1]


def test_moves_to_an_older_version_are_not_followed() -> None:
    """As a mirror's branch may be put back: serials fall there, and nobody can be led that way."""
    line = Line()
    one = line.commit(1)
    two = line.commit(2, one)
    nine = line.commit(9, content=7)
    assert line.served(two, 1, (nine, two), (one, nine)) == [2, 1]
    assert line.served(two, 9, (nine, two), (one, nine)) == [2]


def test_no_further_back_than_asked_for() -> None:
    line = Line()
    tip = line.commit(1)
    for seq in range(2, 8):
        tip = line.commit(seq, tip)
    versions = Versions(line)
    for most, found in ((2, None), (3, [7, 6, 5, 4]), (0, [7, 6, 5, 4])):
        back = versions.back_to(4, versions(tip), (), most)
        assert (None if back is None else [version.seq for version in back]) == found, most


def test_a_version_that_was_deleted_is_not_known_any_more() -> None:
    """Though it was read before: what the reflog alone names may go."""
    line = Line()
    one = line.commit(1, content=1)
    two = line.commit(2, one, content=2)
    reset = line.commit(3, one, content=3)
    versions = Versions(line)
    moves = ((two, reset), (one, two))
    assert versions.back_to(2, versions(reset), moves)
    del line.objects[two]
    assert versions.back_to(2, versions(reset), moves) is None
    assert versions.back_to(3, versions(reset), moves) == [versions(reset)]
