"""New zones of a peer below a zone that has a policy here: they would take names over."""

import pytest

from arrivalkit import change, nodes_with, tip_of
from pushserverkit import everything, key_for, pushed
from synckit import ORG, PEER, WHO, Wire, commit, local_refs, names, refs_of
from zonegit.model.refs import Ref, RefKind, head
from zonegit.repo.context import Context
from zonegit.repo.peer_status import LEFT_OUT
from zonegit.repo.publishing.policy import PublishPolicy
from zonegit.repo.publishing.publish import publish
from zonegit.repo.results import Position
from zonegit.store.memory import MemoryStore
from zonegit.sync.policy import Policy
from zonegit.sync.policy_pull import MIRROR, PolicySession, Rules

CHILD = f"api.{ORG}"
TOLD = f'it would take over names of {ORG}, which has a policy here; [zone."{CHILD}".publish] gives it one, too'


def let(store: MemoryStore, zone: str) -> None:
    publish(Context.over(store), Position(zone, "main"), PublishPolicy(), lambda *_: None)


def rules(policy: Policy) -> Rules:
    return Rules(mirrors=lambda _: False, policy=lambda _: policy)


@pytest.mark.parametrize("how", [MIRROR, *map(rules, Policy)])
def test_a_pull_leaves_them_out_until_they_have_a_policy(how: Rules) -> None:
    here, there, _ = nodes_with()
    let(here, ORG)
    commit(there, CHILD, names(CHILD, 3))
    change(there, "a", 1)

    def pull() -> None:
        session = PolicySession(here, PEER, refs_of(there), how, again=True)
        Wire(there).run(session)
        session.finish(WHO)

    pull()
    with here.read() as reader:
        assert LEFT_OUT.read(reader)[PEER] == {CHILD: TOLD}
        assert reader.ref(head(CHILD, "main")) is None
    assert tip_of(here) == tip_of(there), "all other zones are followed"
    let(here, CHILD)
    pull()
    ref = Ref(RefKind.HEAD, CHILD, "main")
    assert tip_of(here, ref) == tip_of(there, ref)
    with here.read() as reader:
        assert LEFT_OUT.read(reader) == {}


def test_no_push_begins_them() -> None:
    one, two, _ = nodes_with()
    let(two, ORG)
    commit(one, CHILD, names(CHILD, 3))
    change(one, "www", 1)
    answer = pushed(two, everything(one, two), key_for("read:*", "push:*"))
    found = {result.ref.zone: result for result in answer.results}
    assert (found[ORG].outcome, found[CHILD].reason) == ("updated", "new-zone")
    assert found[CHILD].message == f"there is no zone {CHILD} here, and {TOLD}"
    assert not any("/api." in name for name in local_refs(two))
