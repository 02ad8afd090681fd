"""Laws over histories of branches that merge each other, criss-cross too, with removals, reverts and picks."""

from contextlib import suppress
from io import BytesIO
from pathlib import Path
from random import Random

import pytest

from zonegit.errors import InvalidZone, MergeConflict, NotFound
from zonegit.model.rdata import CNAME, TXT, A
from zonegit.repo import Repository, Revision
from zonegit.store.memory import MemoryStore
from zonegit.zonefile.reader import read_zone

ZONE = "$ORIGIN example.org.\n@ 60 SOA ns.example.net. h 1 2 3 4 5\n@ 60 NS ns.example.net.\n"
BRANCHES = ("main", "left", "right")
ACCEPTED = ("none",)


class History:
    """A repository of three branches that grow and merge each other."""

    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)
        self.repository = Repository(Path("nowhere"), MemoryStore())
        self.repository.import_zone(read_zone(BytesIO(ZONE.encode()), name="begin", origin=None), source="begin")
        for branch in BRANCHES[1:]:
            self.repository.create_branch(branch)

    def commit(self, branch: str) -> None:
        """A change, or none where it would break the zone."""
        rng, repository = self.rng, self.repository
        name = rng.choice("abcd")
        rtype = rng.choice((A, A, TXT, CNAME))
        rdatas = {
            A: [bytes([192, 0, 2, number]) for number in rng.sample(range(1, 6), 2)],
            TXT: [b"\1%d" % rng.randint(1, 4)],
            CNAME: [b"\1%c\7example\3org\0" % rng.choice(b"xyz")],
        }[rtype]
        with suppress(NotFound, InvalidZone):
            what = rng.random()
            if what < 0.4:
                repository.set(name, rtype, rng.choice((60, 300)), rdatas, branch=branch)
            elif what < 0.7:
                repository.add(name, rtype, rng.choice((60, 300)), rdatas, branch=branch)
            else:
                repository.delete(name, rng.choice((A, TXT, None)), branch=branch)

    def merge(self, branch: str, other: str) -> bool:
        """Whether one branch could be merged into another one; a conflict ends with one side or the other."""
        repository = self.repository
        try:
            repository.merge(other, branch=branch, strict=ACCEPTED, ff=self.rng.choice(("allow", "never")))
        except MergeConflict:
            repository.abort_stopped("merge")
            with suppress(MergeConflict):
                prefer = self.rng.choice(("ours", "theirs"))
                repository.merge(other, branch=branch, strict=ACCEPTED, prefer=prefer)
                return False
            repository.abort_stopped("merge")
            return False
        return True

    def grow(self, steps: int) -> None:
        for _ in range(steps):
            branch, other = self.rng.sample(BRANCHES, 2)
            if self.rng.random() < 0.3:
                self.merge(branch, other)
            else:
                self.commit(branch)

    def content(self, revision: str) -> bytes:
        """What a version holds, whatever its serial, by its hash."""
        return self.repository.resolve(revision).commit.zone_root

    def commits(self) -> list[Revision]:
        return list(self.repository.log(*BRANCHES))


@pytest.fixture(params=range(25))
def history(request: pytest.FixtureRequest) -> History:
    made = History(request.param)
    made.grow(30)
    return made


def test_merging_either_way_round_comes_to_the_same(history: History) -> None:
    repository = history.repository
    repository.create_branch("one", "main")
    repository.create_branch("other", "left")
    try:
        repository.merge("left", branch="one", strict=ACCEPTED, ff="never")
    except MergeConflict as conflict:
        repository.abort_stopped("merge")
        with pytest.raises(MergeConflict) as swapped:
            repository.merge("main", branch="other", strict=ACCEPTED, ff="never")
        assert [(each.owner, each.rtype, each.base, each.ours, each.theirs) for each in conflict.conflicts] == [
            (each.owner, each.rtype, each.base, each.theirs, each.ours) for each in swapped.value.conflicts
        ]
        return
    repository.merge("main", branch="other", strict=ACCEPTED, ff="never")
    assert history.content("one") == history.content("other")
    tips = [repository.resolve(branch).id for branch in ("one", "main", "left")]
    for name in ("left", "main", "one"):
        done = repository.merge(name, branch="one", strict=ACCEPTED)
        assert (done.old, done.new) == (tips[0], tips[0])
    assert repository.fsck().problems == []


def test_a_revert_of_the_last_commit_is_what_was_before_it(history: History) -> None:
    repository = history.repository
    for branch in BRANCHES:
        tip = repository.resolve(branch)
        for number in range(len(tip.commit.parents)):
            repository.create_branch(f"{branch}-{number}", tip.id.hex())
            mainline = number + 1 if len(tip.commit.parents) > 1 else 0
            repository.revert(tip.id.hex(), branch=f"{branch}-{number}", mainline=mainline, strict=ACCEPTED)
            parent = f"{branch}^{number + 1}"
            assert history.content(f"{branch}-{number}") == history.content(parent)


def test_a_commit_picked_onto_its_parent_is_that_commit_again(history: History) -> None:
    repository = history.repository
    for revision in history.commits()[:12]:
        for number, parent in enumerate(revision.commit.parents, 1):
            name = f"{revision.id.hex()[:8]}-{number}"
            repository.create_branch(name, parent.hex())
            mainline = number if len(revision.commit.parents) > 1 else 0
            repository.cherry_pick(revision.id.hex(), branch=name, mainline=mainline, strict=ACCEPTED)
            assert history.content(name) == history.content(revision.id.hex())
            picked = repository.resolve(name).commit
            if picked.zone_root != repository.resolve(parent.hex()).commit.zone_root:
                assert (picked.author, picked.message) == (revision.commit.author, revision.commit.message)


def test_what_one_side_left_alone_is_as_the_other_side_has_it(history: History) -> None:
    """Changes and removals of one side stay, where both grew from one commit."""
    repository = history.repository
    repository.create_branch("one", "main")
    repository.create_branch("other", "main")
    for _ in range(4):
        history.commit("one")
        history.commit("other")
    before, mine, theirs = (_records(repository, name) for name in ("main", "one", "other"))
    try:
        repository.merge("other", branch="one", strict=ACCEPTED)
    except MergeConflict:
        return
    merged = _records(repository, "one")
    for key in before.keys() | mine.keys() | theirs.keys():
        if mine.get(key) == before.get(key):
            assert merged.get(key) == theirs.get(key)
        elif theirs.get(key) == before.get(key):
            assert merged.get(key) == mine.get(key)


def _records(repository: Repository, revision: str) -> dict[tuple[bytes, int], object]:
    found = repository.rrsets(revision)
    return {(rrset.owner, rrset.rtype): (rrset.ttl, rrset.rdatas) for rrset in found if rrset.rtype != 6}
