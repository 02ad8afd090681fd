"""What a server was sending is deleted meanwhile: its client is told, and goes on from the new refs."""

import pytest

from synckit import KEY, NET, ORG, Wire, answer, check_for, commit, local_refs, move, names, refs_of, seal_for
from synckit import PEER as PRIMARY
from zonegit.errors import NotFound, Unreachable
from zonegit.repo.gc import HOOKS
from zonegit.store.fsck import fsck
from zonegit.store.gc import gc
from zonegit.store.memory import MemoryStore
from zonegit.sync.server import Endpoint
from zonegit.sync.session import Session
from zonegit.sync.work import finish

NOW = 1_767_225_600
LATER = NOW + 1


def test_a_client_survives_what_its_server_deletes() -> None:
    primary, secondary = MemoryStore(), MemoryStore()
    commit(primary, NET, names(NET, 10))
    commit(primary, ORG, names(ORG, 60_000))
    with secondary.keeping():
        session = Session(secondary, PRIMARY, refs_of(primary), split=1_000_000)
        while (ask := session.next()[0]).path != "/v0/fetch":  # looks at how large the zones are
            session.opened(ask.number, check_for("m"))
            session.received(ask.number, answer(primary, ask))
            session.ended(ask.number)
        stream = finish(Endpoint(primary).fetch(KEY, ask.body, seal_for("m"), lambda: float(NOW)))
        session.opened(ask.number, check_for("m"))
        for batch in session.received(ask.number, finish(stream.piece())):
            session.insert([batch])
        move(primary, ORG, "main", None)
        assert sum(gc(primary, LATER, HOOKS).gone.values()) > 0
        with pytest.raises(NotFound):
            while not stream.ended:
                session.received(ask.number, finish(stream.piece()))
        session.received(ask.number, stream.fail("object is not here"))
        with pytest.raises(Unreachable, match="gave up"):
            session.ended(ask.number)
    Wire(primary).pull(secondary)
    assert local_refs(secondary) == local_refs(primary)
    gc(secondary, LATER, HOOKS)
    assert not fsck(secondary).problems
    with secondary.read() as ours, primary.read() as theirs:
        assert set(ours.object_ids()) == set(theirs.object_ids())
