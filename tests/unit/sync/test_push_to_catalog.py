"""Nobody pushes to a catalog zone that is made here."""

from pushserverkit import everything, pushed
from synckit import ORG, WHO, commit, names
from zonegit.model.refs import head
from zonegit.repo.mirrors import made_setting
from zonegit.store.memory import MemoryStore
from zonegit.store.port import RefUpdate


def test_a_catalog_that_is_made_here_is_refused() -> None:
    source, store = MemoryStore(), MemoryStore()
    tip = commit(source, ORG, names(ORG, 3))
    with source.write() as writer:
        writer.move_refs([RefUpdate(head(ORG, "other"), None, tip)], WHO, "branch: test")
    with store.write() as writer:
        writer.set_setting(made_setting(ORG), b"1")
    results = pushed(store, everything(source, store)).results
    assert {(each.outcome, each.reason) for each in results} == {("refused", "mirrored")}
