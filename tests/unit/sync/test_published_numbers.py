"""Published versions of a primary that gives them numbers as high as numbers can be."""

import pytest

from storekit import WHO
from synckit import NET, ORG, PEER, Wire, commit, names
from zonegit.model.commit import Commit
from zonegit.model.ids import object_id
from zonegit.model.names import Owner
from zonegit.model.rdata import NS
from zonegit.model.refs import head, published
from zonegit.model.rrset import RRset
from zonegit.repo.context import Context
from zonegit.repo.peer_status import LEFT_OUT
from zonegit.repo.publishing.policy import PublishPolicy
from zonegit.repo.publishing.publish import publish
from zonegit.repo.results import Position
from zonegit.store.insert import SEQ_STEP
from zonegit.store.memory import MemoryStore
from zonegit.store.port import RefUpdate

MAIN = Position(ORG, "main")
SHOWN = published(ORG, "main")
HIGHEST = 10**39 - 1
"""The highest number that can be written in a commit."""


def content(count: int) -> dict[object, bytes]:
    servers = RRset.of(Owner(b""), NS, 3600, [b"\2ns\7example\3net\0"])
    return {**names(ORG, count), servers.key: servers.encode()}


def show(store: MemoryStore, seq: int) -> None:
    """A version of the branch's tip with this number, as a primary in the wrong hands makes it."""
    with store.write() as writer:
        tip = writer.ref(head(ORG, "main"))
        assert tip is not None
        found = Commit.decode(writer.get(tip))
        data = found._replace(parents=(), generation=1, seq=seq, extra=(("publishes", tip.hex()),)).encode()
        writer.insert([data])
        writer.move_refs([RefUpdate(SHOWN, writer.ref(SHOWN), object_id(data))], WHO, "test")


def served_seq(store: MemoryStore) -> int:
    with store.read() as reader:
        oid = reader.ref(SHOWN)
        return 0 if oid is None else Commit.decode(reader.get(oid)).seq


@pytest.fixture
def primary() -> MemoryStore:
    store = MemoryStore()
    commit(store, ORG, content(3))
    commit(store, NET, names(NET, 3))
    return store


@pytest.mark.parametrize("seq", [HIGHEST, SEQ_STEP])
@pytest.mark.parametrize("is_first", [False, True])
def test_a_secondary_leaves_out_a_zone_whose_number_could_not_rise_any_more(
    primary: MemoryStore, seq: int, is_first: bool
) -> None:
    secondary = MemoryStore()
    if not is_first:
        show(primary, 5)
        Wire(primary).pull(secondary)
        assert served_seq(secondary) == 5
    show(primary, seq)
    Wire(primary).pull(secondary)
    assert served_seq(secondary) == (0 if is_first else 5)
    with secondary.read() as reader:
        assert "far ahead" in LEFT_OUT.read(reader)[PEER][ORG]
        assert reader.ref(head(NET, "main")) is not None, "all other zones are followed"
    show(primary, 6)
    Wire(primary).pull(secondary)
    assert served_seq(secondary) == 6, "once it is as it should be"


def test_whatever_number_a_secondary_follows_there_are_higher_ones(primary: MemoryStore) -> None:
    secondary = MemoryStore()
    show(primary, SEQ_STEP // 2)
    Wire(primary).pull(secondary)
    assert served_seq(secondary) == SEQ_STEP // 2
    publish(Context.over(secondary), MAIN, PublishPolicy(), lambda *_: None)
    commit(primary, ORG, content(4))
    Wire(primary).pull(secondary)
    found = publish(Context.over(secondary), MAIN, PublishPolicy(), lambda *_: None)
    assert found.released is not None
    assert served_seq(secondary) == SEQ_STEP // 2 + 1
