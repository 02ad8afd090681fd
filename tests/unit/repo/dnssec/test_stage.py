"""A zone that is signed as it is published, from its first signature to its last, over months of a clock."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from signedkit import MAIN, ORG, SignedNode, content, delegated, findings
from zonegit.dnssec.policy import DAY, Algorithm, Denial, DnssecPolicy, KeyLayout
from zonegit.dnssec.signing.plan import Signer, SigningKey
from zonegit.errors import DnssecError
from zonegit.model.names import APEX
from zonegit.model.rdata import CDS, DNSKEY, RRSIG, A
from zonegit.repo.dnssec.key_directory import ZoneKeys
from zonegit.repo.dnssec.requests import Wanted
from zonegit.repo.dnssec.status import DnssecStatus
from zonegit.repo.publishing.policy import Reason
from zonegit.repo.publishing.reading import Publication
from zonegit.repo.results import Position


def roll(node: SignedNode, wanted: Wanted) -> DnssecStatus:
    """Begin what is asked for, and have the parent follow within hours, until it is done."""
    node.repository.request_dnssec(wanted, ORG)
    for _ in range(40):
        status = node.settle(6 * 3600)
        assert findings(node) == []
        node.delegate()
        if not status.under_way:
            return status
    raise AssertionError(status)


@pytest.mark.parametrize("denial", Denial)
@pytest.mark.parametrize("keys", KeyLayout)
@pytest.mark.parametrize("algorithm", Algorithm)
def test_a_zone_is_signed_and_valid(tmp_path: Path, algorithm: Algorithm, keys: KeyLayout, denial: Denial) -> None:
    node = SignedNode(tmp_path, DnssecPolicy(algorithm, keys, denial))
    node.publish()
    status = node.settle()

    assert status.is_signed and status.problems == ()
    assert findings(node) == []
    assert node.served().rrset(APEX, CDS) is None, "not before caches have the keys"


def test_a_wait_for_what_was_published_begins_at_once(tmp_path: Path) -> None:
    node = SignedNode(tmp_path)
    assert node.publish().again == node.clock.now
    assert (node.publish().again or 0) > node.clock.now


def test_the_ds_is_asked_for_once_caches_have_the_keys(tmp_path: Path) -> None:
    node = SignedNode(tmp_path)
    node.publish()
    first = node.settle(3600)
    assert first.ds == () and [waiting.label for waiting in first.waiting] == ["zone-ttl"]

    then = node.settle(7200)
    cds = node.served().rrset(APEX, CDS)
    assert cds is not None and cds.rdatas == then.ds
    assert [waiting.label for waiting in then.waiting] == ["parent"]

    node.delegate()
    assert node.settle(DAY).waiting == ()


def test_one_server_of_the_parent_is_not_enough(tmp_path: Path) -> None:
    node = SignedNode(tmp_path)
    node.publish()
    status = node.settle(DAY)
    node.servers["ns1.org"] = frozenset(status.ds)

    status = node.settle(DAY)

    assert [waiting.label for waiting in status.waiting] == ["parent"]
    assert {server.server: server.as_wanted for server in status.parent} == {"ns1.org": True, "ns2.org": False}


def test_a_commit_is_served_signed_and_history_has_no_signature(tmp_path: Path) -> None:
    node = delegated(tmp_path)
    serial = node.served().revision.commit.serial
    node.set("new", 7)
    done = node.publish()

    assert done.released is not None and done.held is None
    served = node.served()
    assert served.revision.commit.serial == serial + 1
    assert served.rrset(b"\3new", A) and served.rrset(b"\3new", RRSIG)
    assert findings(node) == []
    tip = content(node)
    assert not any(rrset.rtype in (RRSIG, DNSKEY) for rrset in tip.rrsets())


def test_signatures_are_renewed_for_months_without_a_commit(tmp_path: Path) -> None:
    node = delegated(tmp_path, DnssecPolicy(Algorithm.ED25519, validity=40 * DAY, renew_before=20 * DAY))
    tip = content(node).revision.id
    serials = [node.served().revision.commit.serial]
    for _ in range(120):
        status = node.settle(DAY)
        assert status.first_end is not None and status.first_end >= node.clock.now + 19 * DAY
        serials.append(node.served().revision.commit.serial)
    assert findings(node) == []
    assert serials == sorted(serials) and len(set(serials)) >= 5
    assert content(node).revision.id == tip


@pytest.mark.parametrize(
    ("keys", "wanted"),
    [(KeyLayout.CSK, Wanted.KSK), *((KeyLayout.SPLIT, each) for each in (Wanted.KSK, Wanted.ZSK))],
)
def test_a_key_is_replaced(tmp_path: Path, keys: KeyLayout, wanted: Wanted) -> None:
    node = delegated(tmp_path, DnssecPolicy(Algorithm.ED25519, keys))
    before = {key.tag: key.role for key in node.settle().keys}
    status = roll(node, wanted)
    after = {key.tag: key.role for key in status.keys}

    assert sorted(after.values()) == sorted(before.values())
    assert len(after.keys() & before.keys()) == len(before) - 1
    assert status.problems == ()


def test_the_status_says_what_each_of_two_csks_signs(tmp_path: Path) -> None:
    node = delegated(tmp_path)
    (old,) = (key.tag for key in node.settle().keys)
    node.repository.request_dnssec(Wanted.KSK, ORG)
    seen = []
    for _ in range(20):
        status = node.settle(1800)
        states = {("old" if key.tag == old else "new"): key.state for key in status.keys}
        if states not in seen:
            seen.append(states)
    dnskey = "signs the DNSKEY records only"
    assert seen == [
        {"old": "signs, is being replaced", "new": dnskey},
        {"old": f"{dnskey}, is being replaced", "new": "signs"},
    ]


def test_the_policy_names_another_algorithm_and_other_keys(tmp_path: Path) -> None:
    node = delegated(tmp_path, DnssecPolicy(Algorithm.ED25519, KeyLayout.CSK))
    node.with_policy(algorithm=Algorithm.ECDSAP256SHA256, keys=KeyLayout.SPLIT)
    for _ in range(40):
        status = node.settle(6 * 3600)
        assert findings(node) == []
        node.delegate()
        if not status.under_way:
            break
    assert {(key.algorithm, key.role) for key in status.keys} == {(13, "ksk"), (13, "zsk")}


def test_the_denial_changes_in_one_publication(tmp_path: Path) -> None:
    node = delegated(tmp_path)
    for denial in (Denial.NSEC3, Denial.OPT_OUT, Denial.NSEC):
        node.with_policy(denial=denial)
        assert node.settle().denial == denial
        assert findings(node) == []


def test_signing_ends_when_the_parent_has_no_ds(tmp_path: Path) -> None:
    node = delegated(tmp_path)
    node.repository.request_dnssec(Wanted.DISABLE, ORG)
    status = node.settle(DAY)
    cds = node.served().rrset(APEX, CDS)
    assert status.is_signed and cds is not None and cds.rdatas == (b"\0\0\0\0\0",)
    assert [key.state for key in status.keys] == ["signs, until signing ends"]

    node.servers = dict.fromkeys(node.servers, frozenset())
    status = node.settle(2 * DAY)

    assert not status.is_signed and status.is_over
    assert node.served().tree.root == content(node).tree.root
    node.set("later", 9)
    node.publish()
    assert node.served().rrset(b"\5later", A)


def test_a_refused_request_is_told(tmp_path: Path) -> None:
    node = delegated(tmp_path, DnssecPolicy(Algorithm.ED25519, KeyLayout.SPLIT))
    node.repository.request_dnssec(Wanted.KSK, ORG)
    node.settle()
    node.repository.request_dnssec(Wanted.ALGORITHM, ORG)
    status = node.settle()
    assert [problem.reason for problem in status.problems] == ["request"]
    assert node.repository.dnssec_requested(ORG) is None
    assert status.under_way


def test_what_is_signed_already_holds_the_commit_and_is_still_renewed(tmp_path: Path) -> None:
    node = delegated(tmp_path)
    served = node.served().revision.id
    node.repository.set("odd", RRSIG, 60, [b"\0\1\15\3\0\0\0\x3c" + bytes(10) + b"\0" + bytes(64)], zone=ORG)
    done = node.publish()
    assert done.held is not None and done.held.reason is Reason.DNSSEC
    assert "--drop-signatures" in done.held.detail
    assert node.served().revision.id == served
    node.clock.now += 20 * DAY
    status = node.settle()
    assert status.first_end is not None and status.first_end > node.clock.now + 10 * DAY
    assert node.publish().held is not None


@pytest.mark.parametrize("algorithm", [8, 13, 15])
def test_a_dnskey_record_that_holds_no_key_is_held(tmp_path: Path, algorithm: int) -> None:
    """With one among the DNSKEY records, BIND finds no signature of the zone valid."""
    node = delegated(tmp_path)
    served = node.served().revision.id
    node.repository.set("@", DNSKEY, 60, [bytes([1, 1, 3, algorithm, 0, 0])], zone=ORG)
    held = node.publish().held
    assert held is not None and held.reason is Reason.DNSSEC
    assert f"holds no key of algorithm {algorithm}, perhaps because it was cut off" in held.detail
    assert node.served().revision.id == served


def test_an_soa_whose_expire_outlives_signatures_is_held(tmp_path: Path) -> None:
    node = SignedNode(tmp_path, DnssecPolicy(Algorithm.ED25519, validity=14 * DAY, renew_before=5 * DAY))
    node.publish()
    status = node.settle()
    assert not status.is_signed
    assert "lower the SOA's expire" in status.problems[0].words


class _Wrong(NamedTuple):
    """A signer that makes a mistake in one bit."""

    right: Signer

    def sign(self, messages: Sequence[bytes]) -> list[bytes]:
        *most, last = self.right.sign(messages)
        return [*most, bytes([last[0] ^ 1]) + last[1:]]


def test_a_wrong_signature_is_never_published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    node = delegated(tmp_path)
    served = node.served().revision.id
    right = ZoneKeys.signing_key

    def wrong(keys: ZoneKeys, dnskey: bytes) -> SigningKey:
        key = right(keys, dnskey)
        return key._replace(signer=_Wrong(key.signer))

    node.set("new", 7)
    with monkeypatch.context() as patch:
        patch.setattr(ZoneKeys, "signing_key", wrong)
        done = node.publish()
    assert done.held is not None and "not valid" in done.held.detail
    assert node.published() == served

    assert node.publish().held is None
    assert findings(node) == []


@pytest.mark.parametrize("wanted", [Wanted.KSK, Wanted.ZSK, Wanted.DISABLE])
def test_a_process_that_dies_at_every_look_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wanted: Wanted
) -> None:
    """Each look is made three times: killed before the state is written, before the version is, and whole."""
    node = delegated(tmp_path, DnssecPolicy(Algorithm.ED25519, KeyLayout.SPLIT))
    node.repository.request_dnssec(wanted, ORG)
    whole = node.publish

    def dying(name: str) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(f"zonegit.repo.dnssec.{name}", _die)
            with pytest.raises(_Died):
                whole()
        node.restart()

    def publish(place: Position = MAIN) -> Publication:
        for name in ("stage.write_state", "stage.publish_signed"):
            dying(name)
        return whole(place)

    node.publish = publish  # type: ignore[method-assign]
    for _ in range(20):
        status = node.settle(6 * 3600)
        assert findings(node) == []
        node.delegate()
        if not status.under_way:
            break
    assert not status.under_way and status.problems == ()
    assert len(status.keys) == (0 if wanted is Wanted.DISABLE else 2)


class _Died(BaseException):
    """The process ends here."""


def _die(*_: object) -> None:
    raise _Died


def test_keys_that_others_may_read_stop_nothing_that_is_served(tmp_path: Path) -> None:
    node = delegated(tmp_path)
    served = node.served().revision.id
    (tmp_path / "keys").chmod(0o755)
    node.set("new", 7)
    done = node.publish()
    assert done.held is not None and done.held.reason is Reason.DNSSEC
    assert done.dnssec is not None and [problem.reason for problem in done.dnssec.problems] == ["keys"]
    (tmp_path / "keys").chmod(0o700)
    assert node.publish().held is None
    assert node.served().revision.id != served


def test_a_zone_whose_keys_could_never_be_read_is_still_to_be_signed(tmp_path: Path) -> None:
    """As for a user who has not named a directory of their own in `dnssec_keys`."""
    node = SignedNode(tmp_path)
    node.with_policy(directory=tmp_path / "missing" / "keys")
    node.publish()
    status = node.publish().dnssec
    assert status is not None and not status.is_signed and not status.is_over
    assert [problem.reason for problem in status.problems] == ["keys"]
    assert "dnssec_keys" in status.problems[0].words


def test_without_keys_nothing_is_signed_by_a_command(tmp_path: Path) -> None:
    node = delegated(tmp_path)
    with pytest.raises(DnssecError, match="signed by zonegitd"):
        node.repository.publish(node.policy, lambda *_: None, zone=ORG)


def test_a_zone_whose_ksk_is_lost_is_signed_by_its_zsk(tmp_path: Path) -> None:
    node = delegated(tmp_path, DnssecPolicy(Algorithm.ED25519, KeyLayout.SPLIT))
    keys = node.served().rrset(APEX, DNSKEY)
    (ksk,) = (key.tag for key in node.settle().keys if key.role == "ksk")
    (lost,) = (tmp_path / "keys").rglob(f"*+{ksk:05}.pem")
    lost.rename(tmp_path / "kept.pem")
    node.restart()
    node.set("new", 7)
    done = node.publish()

    assert done.held is None and done.released is not None
    assert done.dnssec is not None and "key-missing" in [problem.reason for problem in done.dnssec.problems]
    assert node.served().rrset(APEX, DNSKEY) == keys
    assert findings(node) == []
    node.clock.now += 8 * DAY
    assert node.settle(600).is_signed
    assert node.served().rrset(APEX, DNSKEY) == keys

    (tmp_path / "kept.pem").rename(lost)
    node.restart()
    assert node.settle().problems == ()
    assert findings(node) == []


def test_signatures_that_a_wrong_clock_made_are_replaced_once_it_is_right(tmp_path: Path) -> None:
    node = delegated(tmp_path)
    node.clock.now += 300 * DAY
    node.settle()
    node.set("new", 7)
    node.publish()
    node.clock.now -= 300 * DAY

    status = node.settle(600)

    assert findings(node) == []
    assert status.first_end is not None and status.first_end < node.clock.now + 24 * DAY


def test_an_answer_that_another_process_got_is_not_followed_by_an_older_one(tmp_path: Path) -> None:
    """As by `zonegit dnssec sign` beside zonegitd."""
    node = SignedNode(tmp_path)
    node.publish()
    node.settle(DAY)
    beside = node.stage
    node.clock.now += 30
    node.restart()
    node.delegate()
    assert all(server.as_wanted for server in node.settle().parent)

    node.stage = beside
    assert all(server.as_wanted for server in node.settle().parent)
