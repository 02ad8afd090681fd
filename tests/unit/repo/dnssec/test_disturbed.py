"""What may be wrong around a signed zone, and what its table may change to: nothing bogus is served."""

from pathlib import Path

import pytest

from signedkit import ORG, content, delegated, findings
from zonegit.dnssec.policy import Algorithm, DnssecPolicy, KeyLayout
from zonegit.model.names import APEX
from zonegit.model.rdata import SOA
from zonegit.repo.publishing.policy import Reason


def test_an_expire_that_no_signature_can_outlive_is_held(tmp_path: Path) -> None:
    node = delegated(tmp_path)
    served = node.served().revision.id
    soa = content(node).rrset(APEX, SOA)
    assert soa is not None
    expire = (0x7FFFFFFF).to_bytes(4, "big")
    node.repository.set("@", SOA, soa.ttl, [soa.rdatas[0][:-8] + expire + soa.rdatas[0][-4:]], zone=ORG)
    held = node.publish().held
    assert held is not None and held.reason is Reason.DNSSEC
    assert held.detail.startswith("signatures would have to be valid for 24864.2 days, because of the SOA's expire")
    assert node.served().revision.id == served


def test_the_key_state_of_another_zone_is_refused(tmp_path: Path) -> None:
    node = delegated(tmp_path)
    state = tmp_path / "keys" / "example.org" / "state"
    own = state.read_text()
    state.write_text(own.replace("example.org.", "example.net."))
    wanted = node.settle().ds
    node.restart()
    [problem] = node.settle().problems
    assert problem.words == f"{state.parent}: the key state is that of example.net.: restore this zone's own"
    assert node.settle().ds == wanted
    state.write_text(own)
    assert node.settle(600).problems == ()


def test_a_key_directory_that_is_a_link_to_itself_is_refused(tmp_path: Path) -> None:
    node = delegated(tmp_path)
    keys = tmp_path / "keys"
    keys.rename(tmp_path / "moved")
    keys.symlink_to(keys)
    assert [problem.reason for problem in node.settle().problems] == ["keys"]


@pytest.mark.parametrize("keys", KeyLayout)
def test_the_policy_names_other_keys_of_the_same_algorithm(tmp_path: Path, keys: KeyLayout) -> None:
    [other] = set(KeyLayout) - {keys}
    node = delegated(tmp_path, DnssecPolicy(Algorithm.ED25519, keys))
    before = {key.tag for key in node.settle().keys}
    node.with_policy(keys=other)
    for number in range(40):
        node.set("new", number)
        status = node.settle(6 * 3600)
        assert findings(node) == []
        assert status.problems == (), "each commit is published"
        node.delegate()
        if not status.under_way:
            break
    assert {key.role for key in status.keys} == ({"ksk", "zsk"} if other is KeyLayout.SPLIT else {"csk"})
    assert before.isdisjoint(key.tag for key in status.keys)
