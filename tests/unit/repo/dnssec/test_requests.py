"""What operators ask of the publisher: left, taken up, and lost in no order of the two."""

import pytest

from zonegit.repo import Repository
from zonegit.repo.dnssec.requests import Request, Wanted, request, requested, requests, taken
from zonegit.store.lmdb import LmdbStore

ORG = "example.org."
KSK = Request(Wanted.KSK, 1_767_225_600)
DISABLE = Request(Wanted.DISABLE, 1_767_225_700)


@pytest.fixture
def store(tmp_path):
    Repository.init(tmp_path / "repo").close()
    opened = LmdbStore.open(tmp_path / "repo")
    yield opened
    opened.close()


def waiting(store, zone=ORG):
    with store.read() as reader:
        return requested(reader, zone)


def test_a_request_waits_until_it_is_taken(store):
    assert request(store, ORG, KSK) is None
    assert waiting(store) == KSK
    assert waiting(store, "example.net.") is None
    with store.read() as reader:
        assert list(requests(reader)) == [(ORG, KSK)]
    taken(store, ORG, KSK)
    assert waiting(store) is None


def test_a_later_request_replaces_an_earlier_one(store):
    request(store, ORG, KSK)
    assert request(store, ORG, DISABLE) == KSK
    taken(store, ORG, KSK)
    assert waiting(store) == DISABLE, "it came after the one that was acted on"


@pytest.mark.parametrize(
    "value", [b"", b"[]", b'{"wanted": "dance", "time": 1}', b'{"wanted": "disable", "time": []}']
)
def test_what_is_not_understood_is_no_request(store, value):
    with store.write() as writer:
        writer.set_setting(f"dnssec-request/{ORG}", value)
    assert waiting(store) is None
    with store.read() as reader:
        assert list(requests(reader)) == []
