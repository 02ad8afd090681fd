"""A zone that is signed elsewhere is kept as it is; what its signatures wouldn't fit is refused."""

from base64 import b64encode
from pathlib import Path

import pytest

from repokit import ZONE, parsed
from zonegit.errors import Refused
from zonegit.model.names import APEX_KEY
from zonegit.model.rdata import RRSIG, TXT, A
from zonegit.model.rrset import rr_key
from zonegit.repo import Repository
from zonegit.repo.dnssec.status import DnssecStatus, note_status
from zonegit.store.lmdb import LmdbStore
from zonegit.zonefile.types import parse_type

ONE = bytes([192, 0, 2, 1])
KEY = b64encode(bytes(64)).decode()
DNSSEC = f"""\
@ DNSKEY 257 3 13 {KEY}
@ CDS 12345 13 2 {"00" * 32}
@ CDNSKEY 257 3 13 {KEY}
@ ZONEMD 2026112001 1 1 {"00" * 48}
@ NSEC3PARAM 1 0 0 -
0P9MHAVEQVM6T7VBL5LOP2U3T2RP3TOM NSEC3 1 0 0 - 0P9MHAVEQVM6T7VBL5LOP2U3T2RP3TOM A RRSIG
www NSEC @ A RRSIG NSEC
sub NS ns.example.net.
sub DS 12345 13 2 {"00" * 32}
"""


def signature(owner: str, covered: str) -> str:
    return f"{owner} RRSIG {covered} 13 {2 + (owner != '@')} 300 20270101000000 20261101000000 1 @ {KEY}\n"


SIGNED = ZONE + DNSSEC + signature("@", "SOA") + signature("www", "A")
NEWER = SIGNED.replace("2026112001", "2026112007").replace("www 300 IN A 192.0.2.11\n", "")
OLDER = NEWER.replace("2026112007", "2026112000")
DNSSEC_TYPES = {
    parse_type(text) for text in ["DNSKEY", "CDS", "CDNSKEY", "ZONEMD", "NSEC3PARAM", "NSEC3", "NSEC", "RRSIG"]
}


@pytest.fixture
def signed(empty: Repository) -> Repository:
    empty.import_zone(parsed(SIGNED), source="signed.zone")
    return empty


def take(repository: Repository, text: str, **more) -> int:
    return repository.import_zone(parsed(text), source="file", **more).serial


def types(repository: Repository) -> set[int]:
    return {rrset.rtype for rrset in repository.rrsets()}


def state(repository: Repository) -> list:
    return [repository.resolve().id, *repository.rrsets()]


@pytest.fixture
def unchanged(signed: Repository):
    """The tip stays as it was, whatever the test tries."""
    before = state(signed)
    yield
    assert state(signed) == before


def test_a_signed_zone_is_kept_as_it_came(signed: Repository) -> None:
    assert signed.resolve().commit.serial == 2026112001
    assert take(signed, NEWER) == 2026112007
    assert take(signed, NEWER) == 2026112007
    assert types(signed) >= DNSSEC_TYPES


def test_an_unsigned_zone_becomes_a_signed_one(repository: Repository) -> None:
    assert take(repository, NEWER) == 2026112007


def test_a_hand_edited_zone_becomes_a_signed_one_with_a_serial_that_is_ahead(repository: Repository) -> None:
    repository.set("www", A, 300, [ONE])
    with pytest.raises(Refused, match=r"isn't ahead of example\.org\.'s 2026112002"):
        take(repository, SIGNED, replace=True)
    assert take(repository, NEWER, replace=True) == 2026112007


@pytest.mark.parametrize(
    "change",
    [
        lambda repository, **how: repository.set("www", A, 300, [ONE], **how),
        lambda repository, **how: repository.set("new", A, 300, [ONE], **how),
        lambda repository, **how: repository.add("www", TXT, 300, [b"\1a"], **how),
        lambda repository, **how: repository.delete("mail", **how),
        lambda repository, **how: repository.delete("@", RRSIG, **how),
    ],
)
class TestChanges:
    @pytest.mark.usefixtures("unchanged")
    def test_are_refused(self, signed: Repository, change) -> None:
        with pytest.raises(Refused, match=r"signed elsewhere.*--unsign.*--break-signatures"):
            change(signed)
        with pytest.raises(Refused, match="signed elsewhere"):
            change(signed, dry_run=True)

    def test_unsign_the_zone(self, signed: Repository, change) -> None:
        assert change(signed, signatures="unsign").serial == 2026112002
        assert not types(signed) & DNSSEC_TYPES
        assert signed.rrset("sub", parse_type("DS"))
        assert signed.set("again", A, 300, [ONE]).serial == 2026112003

    def test_break_the_signatures(self, signed: Repository, change) -> None:
        assert change(signed, signatures="break").serial == 2026112002
        assert types(signed) >= DNSSEC_TYPES - {RRSIG}


def test_a_change_that_changes_nothing_is_not_refused(signed: Repository) -> None:
    done = signed.set("mail", A, 3600, [bytes([192, 0, 2, 25])])
    assert done.new == done.old


def test_a_branch_of_a_signed_zone_is_signed_too(signed: Repository) -> None:
    signed.create_branch("test")
    with pytest.raises(Refused, match="signed elsewhere"):
        signed.set("www", A, 300, [ONE], branch="test")
    assert take(signed, NEWER, branch="test") == 2026112007


def test_signatures_are_not_put_together_by_hand(repository: Repository) -> None:
    payload = dict(parsed(SIGNED).entries)[rr_key(APEX_KEY, RRSIG)]
    with pytest.raises(Refused, match="signed"):
        repository.set("@", RRSIG, 300, [payload[12:]])


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("text", [OLDER, OLDER.replace("2026112000", "2026112001")])
@pytest.mark.parametrize("how", [{}, {"replace": True}, {"dry_run": True}])
def test_a_signed_file_whose_serial_is_not_ahead_is_refused(signed: Repository, text: str, how: dict) -> None:
    with pytest.raises(Refused, match=r"isn't ahead of example\.org\.'s 2026112001.*sign it again"):
        take(signed, text, **how)


def test_an_older_signed_file_gives_its_signatures_up(signed: Repository) -> None:
    assert take(signed, OLDER, signatures="break") == 2026112002
    assert types(signed) >= DNSSEC_TYPES
    assert take(signed, OLDER, signatures="unsign") == 2026112003
    assert not types(signed) & DNSSEC_TYPES


@pytest.mark.usefixtures("unchanged")
def test_an_unsigned_file_over_a_signed_zone_is_refused(signed: Repository) -> None:
    with pytest.raises(Refused, match=r"is signed and the file isn't.*DS.*--unsign"):
        take(signed, ZONE.replace("2026112001", "2026112009"))


@pytest.mark.parametrize("how", ["unsign", "break"])
def test_an_unsigned_file_is_taken_where_that_is_said(signed: Repository, how: str) -> None:
    assert take(signed, ZONE.replace("2026112001", "2026112009"), signatures=how) == 2026112009
    assert RRSIG not in types(signed)
    assert signed.set("www", A, 300, [ONE]).serial == 2026112010


def test_a_new_zone_is_unsigned_at_once(empty: Repository) -> None:
    assert take(empty, SIGNED, signatures="unsign") == 2026112001
    assert not types(empty) & DNSSEC_TYPES


class TestReset:
    """A signed zone of two versions, 2026112001 and 2026112007."""

    @pytest.fixture(autouse=True)
    def newer(self, signed: Repository) -> None:
        take(signed, NEWER)

    def test_back_is_refused(self, signed: Repository) -> None:
        before = state(signed)
        for dry_run in (True, False):
            with pytest.raises(Refused, match="that version is signed with serial 2026112001, which isn't ahead"):
                signed.reset("HEAD~1", dry_run=dry_run)
        assert state(signed) == before

    def test_forward_is_a_plain_move(self, signed: Repository) -> None:
        signed.create_branch("behind", "HEAD~1")
        assert signed.reset("main", branch="behind").new == signed.resolve("main").id

    def test_a_history_that_is_kept_leaves_a_signed_version_its_serial(self, signed: Repository) -> None:
        signed.create_branch("lab", "HEAD~1")
        signed.reset("HEAD~1", branch="lab", signatures="unsign")
        old, target = signed.resolve("lab"), signed.resolve("main")
        done = signed.reset("main", branch="lab", keep_history=True)
        new = signed.resolve("lab").commit
        assert (done.kept, done.serial) == (True, target.commit.serial)
        assert (new.parents, new.zone_root) == ((old.id, target.id), target.commit.zone_root)
        assert new.seq > max(old.commit.seq, target.commit.seq)
        with pytest.raises(Refused, match="that version is signed with serial 2026112001, which isn't ahead"):
            signed.reset("main~1", branch="lab", keep_history=True)

    def test_back_by_breaking_the_signatures(self, signed: Repository) -> None:
        assert signed.reset("HEAD~1", signatures="break").serial == 2026112008
        assert types(signed) >= DNSSEC_TYPES

    def test_back_without_signatures(self, signed: Repository) -> None:
        done = signed.reset("HEAD~1", signatures="unsign")
        assert done.serial == 2026112008
        assert RRSIG in {change.rtype for change in done.changes}
        assert not types(signed) & DNSSEC_TYPES
        assert len(signed.rrset("www", A).rdatas) == 2
        assert "without its DNSSEC records" in signed.resolve().commit.message

    def test_unsigning_the_tip_itself(self, signed: Repository) -> None:
        planned = signed.reset("HEAD", signatures="unsign", dry_run=True)
        assert (planned.serial, planned.new) == (2026112008, None)
        assert signed.reset("HEAD", signatures="unsign").serial == 2026112008
        assert not types(signed) & DNSSEC_TYPES
        again = signed.reset("HEAD", signatures="unsign")
        assert again.new == again.old

    def test_forward_without_signatures_passes_the_target_s_serial(self, signed: Repository) -> None:
        signed.create_branch("behind", "HEAD~1")
        done = signed.reset("main", branch="behind", signatures="unsign")
        assert done.serial == 2026112008

    def test_to_an_unsigned_version_is_refused(self, signed: Repository) -> None:
        signed.create_branch("unsigned")
        unsigned = signed.reset("HEAD", branch="unsigned", signatures="unsign").new
        with pytest.raises(Refused, match="is signed and that version isn't"):
            signed.reset("unsigned")
        for how in ("break", "unsign"):
            signed.create_branch(how, "main")
            assert signed.reset("unsigned", branch=how, signatures=how).new == unsigned

    def test_back_to_a_signed_version_from_an_unsigned_one_is_refused(self, signed: Repository) -> None:
        signed.reset("HEAD", signatures="unsign")
        with pytest.raises(Refused, match="that version is signed"):
            signed.reset("main@{1}")


class TestAZoneThatIsSignedHere:
    @pytest.fixture
    def ours(self, empty: Repository, tmp_path: Path) -> Repository:
        empty.import_zone(parsed(ZONE), source="first.zone")
        note_status(LmdbStore.open(tmp_path / "repo"), DnssecStatus("example.org.", noted=1))
        return empty

    @pytest.mark.parametrize("how", ["keep", "break"])
    def test_refuses_a_signed_file(self, ours: Repository, how) -> None:
        before = state(ours)
        with pytest.raises(Refused, match=r"^the file is signed.*--drop-signatures.*--keep-signatures"):
            take(ours, NEWER, signatures=how)
        assert state(ours) == before

    def test_takes_it_without_its_signatures(self, ours: Repository) -> None:
        assert take(ours, NEWER, signatures="unsign") == 2026112007
        assert not types(ours) & DNSSEC_TYPES

    def test_takes_it_as_it_is_if_asked_to(self, ours: Repository) -> None:
        assert take(ours, NEWER, keep_signatures=True) == 2026112007
        assert types(ours) >= DNSSEC_TYPES

    def test_takes_files_that_are_not_signed(self, ours: Repository) -> None:
        """With another signer's DNSKEY, too (RFC 8901)."""
        key = f"@ DNSKEY 256 3 13 {KEY}\n"
        assert take(ours, ZONE.replace("2026112001", "2026112002") + key) == 2026112002
        assert types(ours) & DNSSEC_TYPES == {parse_type("DNSKEY")}

    def test_other_zones_are_not_concerned(self, ours: Repository) -> None:
        assert take(ours, SIGNED.replace("example.org", "example.com")) == 2026112001
