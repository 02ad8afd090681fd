"""Large signed versions, which are made in processes of their own: which ones, and what if such a process dies."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from repokit import ZONE
from signedkit import ORG, SignedNode, content, delegated, findings
from zonegit import piped_process
from zonegit.dnssec.policy import DAY, Denial
from zonegit.model.names import APEX
from zonegit.model.rdata import SOA
from zonegit.repo.dnssec import large_versions, signing_process
from zonegit.repo.dnssec.requests import Wanted
from zonegit.store.lmdb import LmdbStore

MANY = 2_100
LARGE = ZONE + "".join(f"n{number} A 192.0.2.1\n" for number in range(MANY))


def node_in(path: Path, zone: str = LARGE) -> SignedNode:
    store = LmdbStore.create(path / "repo")
    return SignedNode(path, zone=zone, store=store, repo=store.path)


def never(*_: object) -> object:
    raise AssertionError("in this process")


def test_a_large_zone_is_signed_in_other_processes_and_a_commit_to_it_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = node_in(tmp_path)
    with closing(node.store), monkeypatch.context() as elsewhere:
        elsewhere.setattr(signing_process, "signed_objects", never)
        node.restart()
        status = node.settle()
        assert status.is_signed and status.problems == ()

        monkeypatch.setattr(signing_process, "_done", never)
        elsewhere.undo()
        node.restart()
        node.set("www", 9)
        assert node.settle().problems == ()
        assert findings(node) == []


@pytest.mark.parametrize(
    ("code", "how"),
    [
        ("import os; os.kill(os.getpid(), 9)", "was ended by SIGKILL"),
        ("import sys; sys.stdin.buffer.read(1); sys.exit(1)", "failed with exit code 1"),
    ],
)
def test_a_process_that_dies_leaves_what_is_served_until_the_next_attempt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, how: str
) -> None:
    node = node_in(tmp_path)
    with closing(node.store):
        with monkeypatch.context() as dying:
            dying.setattr(piped_process, "_CODE", code)
            status = node.settle()
        (problem,) = status.problems
        assert not status.is_signed and problem.words.endswith(how)
        assert node.settle(600).is_signed


def test_an_error_in_the_other_process_is_the_one_that_it_would_be_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = node_in(tmp_path, LARGE + "n1 RRSIG A 13 3 300 20300101000000 20200101000000 1 example.org. AAAA\n")
    with closing(node.store):
        (there,) = node.settle().problems
        monkeypatch.setattr(large_versions, "_LARGE", MANY * 2)
        node.clock.now += DAY
        assert node.settle().problems == (there,)
        assert "has RRSIG records of its own" in there.words


def soa_with_another_minimum(node: SignedNode) -> None:
    soa = content(node).rrset(APEX, SOA)
    assert soa is not None
    node.repository.set("@", SOA, soa.ttl, [soa.rdatas[0][:-4] + bytes([0, 0, 0, 60])], zone=ORG)


def several_names(node: SignedNode) -> None:
    for last in range(4):
        node.set(f"n{last}", last)


@pytest.mark.parametrize(
    ("change", "apart"),
    [
        (lambda node: node.set("www", 9), 0),
        (several_names, 1),
        (soa_with_another_minimum, 1),
        (lambda node: node.with_policy(denial=Denial.NSEC3), 1),
        (lambda node: node.repository.request_dnssec(Wanted.ZSK, ORG), 1),
        (lambda node: node.settle(9 * DAY), 1),
    ],
    ids=["one-record", "several", "negative-ttl", "nsec3", "new-key", "renewal"],
)
def test_what_concerns_much_of_a_zone_is_made_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[SignedNode], object], apart: int
) -> None:
    node = delegated(tmp_path)
    node.repo = tmp_path
    node.restart()
    orders: list[signing_process._Order] = []

    def done(order: signing_process._Order) -> object:
        orders.append(order)
        return order.carry_out(node.store)

    monkeypatch.setattr(signing_process, "_done", done)
    monkeypatch.setattr(large_versions, "_LARGE", 5)
    monkeypatch.setattr(large_versions, "_MANY", 3)
    change(node)
    status = node.settle()

    assert status.is_signed and status.problems == ()
    assert findings(node) == []
    kinds = [signing_process._Signing, signing_process._Releasing] * apart
    assert [type(order) for order in orders[:2]] == kinds
