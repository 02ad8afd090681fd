"""Batches in one zone: steps on one RRset, and that only what all of them come to is judged."""

import random

import pytest

from samekit import state
from zonegit.errors import InvalidZone, NotFound, ZonegitError
from zonegit.model.rdata import NS, SOA, TXT, A
from zonegit.model.rrset import RRset
from zonegit.repo import Repository
from zonegit.repo.batch import Step


@pytest.fixture
def repository(empty: Repository) -> Repository:
    empty.add_zone("example.org.")
    return empty


def address(number: int) -> bytes:
    return number.to_bytes(4, "big")


def test_records_of_one_rrset_are_read_once(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    decode = RRset.decode.__func__  # type: ignore[attr-defined]

    def counted(cls: type[RRset], payload: bytes) -> RRset:
        found: RRset = decode(cls, payload)
        read.append(len(found.rdatas))
        return found

    monkeypatch.setattr(RRset, "decode", classmethod(counted))
    adds = [Step("add", "zz", A, 60, [address(number)]) for number in range(900)]
    deletes = [Step("delete", "zz", A, None, [address(number)]) for number in range(450)]
    repository.batch([*adds, *deletes])
    assert sum(read) < 5000
    assert repository.rrset("zz", A).rdatas == tuple(address(number) for number in range(450, 900))


def test_what_passes_a_limit_on_the_way_is_judged_at_the_end(repository: Repository) -> None:
    adds = [Step("add", "zz", A, 60, [address(number)]) for number in range(10_000)]
    before = state(repository.path)
    with pytest.raises(InvalidZone, match=r"^batch:10000: this would break example\.org\. zz: "):
        repository.batch(adds)
    assert state(repository.path) == before
    repository.batch([*adds, Step("delete", "zz"), *adds[:1]])
    assert repository.rrset("zz", A).rdatas == (address(0),)


@pytest.mark.parametrize("seed", range(12))
def test_steps_do_what_the_verbs_do_one_by_one(repository: Repository, seed: int) -> None:
    chance = random.Random(seed)
    repository.create_branch("single")
    done: list[Step] = []
    for _ in range(30):
        verb = chance.choice(["set", "add", "add", "delete"])
        name, rtype, ttl = chance.choice("ab"), chance.choice([A, TXT]), chance.choice([None, 60, 90])
        rdatas = [b"\3" + bytes([number]) * 3 for number in chance.sample(range(4), chance.randint(1, 2))]
        try:
            if verb == "delete":
                ttl = None
                rdatas = chance.choice([[], rdatas])
                repository.delete(name, rtype, rdatas, branch="single")
            else:
                change = repository.set if verb == "set" else repository.add
                change(name, rtype, ttl, rdatas, branch="single")
        except ZonegitError as error:
            with pytest.raises(type(error)) as found:
                repository.batch([*done, Step(verb, name, rtype, ttl, rdatas)], dry_run=True)
            assert str(found.value) == f"batch:{len(done) + 1}: {error}"
            continue
        done.append(Step(verb, name, rtype, ttl, rdatas))
    repository.batch(done)
    for name in "ab":
        assert repository.rrsets_at(name) == repository.rrsets_at(name, "single")


def test_what_a_zone_needs_may_be_replaced_in_two_steps(repository: Repository) -> None:
    soa = repository.rrset("@", SOA).rdatas
    repository.batch([Step("delete", "@", NS), Step("set", "@", NS, 60, [b"\3ns9\0"])])
    assert repository.rrset("@", NS).rdatas == (b"\3ns9\0",)
    repository.batch([Step("delete", "@"), Step("set", "@", NS, 60, [b"\1a\0"]), Step("set", "@", SOA, 5, soa)])
    assert (repository.rrset("@", NS).rdatas, repository.rrset("@", SOA).ttl) == ((b"\1a\0",), 5)


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        ([Step("delete", "@", NS)], r"batch:1: this would break example\.org\. @: no NS"),
        ([Step("set", "a", A, 60, [b"1234"]), Step("delete", "@", SOA)], r"batch:2: this would break .* no SOA"),
        ([Step("delete", "@")], r"batch:1: this would break example\.org\. @: no "),
        ([Step("add", "@", SOA, 60, [b"\0\0" + bytes(20)])], r"batch:1: a zone has one SOA"),
    ],
)
def test_a_refusal_names_its_line_once(repository: Repository, steps: list[Step], told: str) -> None:
    before = state(repository.path)
    with pytest.raises(InvalidZone, match=f"^{told}") as found:
        repository.batch(steps)
    assert str(found.value).count("batch:") == 1
    assert state(repository.path) == before


def test_a_record_that_is_gone_is_not_deleted_twice(repository: Repository) -> None:
    gone = Step("delete", "a", A, None, [b"1234"])
    with pytest.raises(NotFound, match=r"^batch:3: nothing to delete: a has no such records"):
        repository.batch([Step("add", "a", A, 60, [b"1234"]), gone, gone])
