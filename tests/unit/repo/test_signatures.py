"""Signed commits and tags: the header, the verdicts, and what of a signature a new commit may keep."""

from base64 import b64encode
from pathlib import Path

import pytest

from repokit import Clock
from sshkit import FIDO, Authenticator, allowed, private_key, write_key
from zonegit.errors import InvalidObject, Refused, SigningFailed, UsageError
from zonegit.model.commit import Commit, Tag
from zonegit.model.ids import MAX_SIZE, Kind, ObjectId
from zonegit.model.rdata import A
from zonegit.model.refs import head
from zonegit.repo import Repository
from zonegit.repo.batch import Step
from zonegit.repo.publishing.policy import PublishPolicy
from zonegit.repo.signatures import Signature, State, mail_of, signer_of
from zonegit.repo.signing import with_signature, without_signature
from zonegit.ssh.signing import public_key, sign

ADA, BOB = "Ada <ada@example.org>", "Bob <bob@example.org>"
KEY = public_key(private_key()).line
ALLOWED = f"ada@example.org {KEY}"
ADDRESS = [bytes([192, 0, 2, 77])]


@pytest.fixture(autouse=True)
def author(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZONEGIT_AUTHOR", ADA)


@pytest.fixture
def signing(repository: Repository, tmp_path: Path) -> Repository:
    """The repository of a user who has a key."""
    repository.configure("user.signingkey", str(write_key(tmp_path / "key", private_key())))
    return repository


def tip(repository: Repository, revision: str = "HEAD") -> Commit:
    return repository.resolve(revision).commit


def verdict(repository: Repository, *lines: str, revision: str = "HEAD") -> Signature:
    return signer_of(tip(repository, revision).encode(), allowed(*(lines or (ALLOWED,))))


def headers(commit: Commit) -> list[str]:
    return [name for name, _ in commit.extra]


def test_a_signature_is_one_header_over_all_other_bytes(signing: Repository) -> None:
    signing.set("www", A, 300, ADDRESS, sign=True, message="Move www")
    commit = tip(signing)
    assert headers(commit) == ["signature"]
    unsigned = commit._replace(extra=())
    assert commit.extra[0][1] == b64encode(sign(private_key(), unsigned.encode())).decode()
    assert without_signature(commit) == unsigned
    found = verdict(signing)
    assert found == Signature(State.GOOD, "ada@example.org", public_key(private_key()).fingerprint, "ED25519")
    assert str(found) == f"good, by ada@example.org with ED25519 key {found.fingerprint}"


def test_every_other_byte_is_signed(signing: Repository) -> None:
    signing.set("www", A, 300, ADDRESS, sign=True, message="Move www")
    commit = tip(signing)
    for changed in (
        commit._replace(message="Move  www"),
        commit._replace(seq=commit.seq + 1),
        commit._replace(parents=()),
        commit._replace(committer=commit.committer._replace(time=commit.committer.time + 1)),
        commit._replace(extra=(*commit.extra, ("imported", "x"))),
        commit._replace(extra=(("imported", "x"), *commit.extra)),
    ):
        found = signer_of(changed.encode(), allowed(ALLOWED))
        assert (found.state, found.reason) == (State.BAD, "it is not the key's signature of these bytes")


VERDICTS = (
    ((), State.GOOD, ""),
    ((f"bob@example.org {KEY}",), State.PRINCIPAL_MISMATCH, "the key is not ada@example.org's"),
    (
        (f"ada@example.org {public_key(private_key(number=1)).line}",),
        State.UNKNOWN_KEY,
        "the key is not among the allowed signers",
    ),
    ((f'ada@example.org namespaces="git" {KEY}',), State.WRONG_NAMESPACE, "may not sign for the namespace zonegit"),
    ((f'ada@example.org valid-before="20251231" {KEY}',), State.NOT_VALID, "the key was not valid at that time"),
    ((f'ada@example.org valid-after="20260102Z" {KEY}',), State.NOT_VALID, "the key was not valid at that time"),
    ((f'*@example.org valid-after="20260101Z",namespaces="zonegit" {KEY}',), State.GOOD, ""),
    ((f'ada@example.org valid-before="20251231" {KEY}', ALLOWED), State.GOOD, ""),
)


@pytest.mark.parametrize(("lines", "state", "reason"), VERDICTS, ids=[str(n) for n in range(len(VERDICTS))])
def test_verdicts(signing: Repository, lines: tuple[str, ...], state: State, reason: str) -> None:
    signing.set("www", A, 300, ADDRESS, sign=True)
    found = verdict(signing, *lines)
    assert found.state is state
    assert reason in found.reason
    assert found.is_good is (state is State.GOOD)


def test_the_committers_time_counts(signing: Repository, clock: Clock) -> None:
    lines = f'ada@example.org valid-before="20260301Z" {KEY}'
    signing.set("www", A, 300, ADDRESS, sign=True)
    clock.now += 90 * 86_400
    assert verdict(signing, lines).is_good
    signing.delete("www", sign=True)
    assert verdict(signing, lines).state is State.NOT_VALID


def test_author_and_committer_must_both_match(signing: Repository) -> None:
    signing.create_branch("other")
    signing.set("www", A, 300, ADDRESS, branch="other", who=BOB)
    signing.cherry_pick("other", sign=True)
    commit = tip(signing)
    assert (commit.author.name, commit.committer.name) == (BOB, ADA)
    found = verdict(signing)
    assert (found.state, found.reason) == (State.PRINCIPAL_MISMATCH, "the key is not bob@example.org's")
    assert verdict(signing, f"ada@example.org,bob@example.org {KEY}").principal == "ada@example.org"


def test_unsigned_and_malformed(repository: Repository) -> None:
    repository.set("www", A, 300, ADDRESS)
    commit = tip(repository)
    assert verdict(repository) == Signature(State.UNSIGNED, reason="unsigned")
    good = with_signature(commit, sign(private_key(), commit.encode()))
    twice = good._replace(extra=(*good.extra, *good.extra))
    value = good.extra[0][1]
    for extra, reason in (
        (twice.extra, "bad: the object has several"),
        ((("signature", value + "="),), "bad: the header is not base64"),
        ((("signature", value + "\t"),), "bad: the header is not base64"),
        ((("signature", ""),), "bad: it ends too early"),
        ((("signature", "AAAA"),), "bad: it ends too early"),
    ):
        found = signer_of(commit._replace(extra=extra).encode(), allowed(ALLOWED))
        assert found.state is State.BAD
        assert str(found).startswith(reason)
        assert found.fingerprint == ""
    assert signer_of(good.encode(), allowed(ALLOWED)).is_good
    with pytest.raises(InvalidObject, match="a zone has no signature"):
        signer_of(repository.object(commit.zone_root.hex())[1], allowed(ALLOWED))


def test_a_signature_by_an_authenticator(repository: Repository) -> None:
    """The authenticator is `sshkit.Authenticator`, software that signs as PROTOCOL.u2f says."""
    repository.set("www", A, 300, ADDRESS)
    commit = tip(repository)
    for kind in FIDO:
        authenticator = Authenticator.of(kind)
        signed = with_signature(commit, authenticator.sign(commit.encode(), flags=1, counter=42))
        found = signer_of(signed.encode(), allowed(f"ada@example.org {authenticator.public.line}"))
        assert found.is_good
        assert found.key_type.endswith("-SK")


@pytest.mark.parametrize(
    ("name", "mail"),
    [
        (ADA, "ada@example.org"),
        ("<ada@example.org>", "ada@example.org"),
        ("alice (sudo)", "alice (sudo)"),
        ("root@ns1", "root@ns1"),
        ("Ada <ada@example.org> <bob@example.org>", "Ada <ada@example.org> <bob@example.org>"),
        ("Ada <ada@example.org> Bob", "Ada <ada@example.org> Bob"),
        ("Ada <>", "Ada <>"),
    ],
)
def test_the_principal_of_a_name(name: str, mail: str) -> None:
    assert mail_of(name) == mail


def signed_tip(repository: Repository) -> bool:
    return headers(tip(repository)).count("signature") == 1 and verdict(repository).is_good


def test_every_call_that_commits_signs(signing: Repository) -> None:
    signing.set("www", A, 300, ADDRESS, sign=True)
    assert signed_tip(signing)
    signing.undo(sign=True)
    assert signed_tip(signing)
    signing.redo(sign=True)
    assert signed_tip(signing)
    signing.batch([Step("add", "www", A, None, [bytes([192, 0, 2, 78])])], sign=True)
    assert signed_tip(signing)
    signing.set_ttl("www", 60, sign=True)
    assert signed_tip(signing)
    signing.rename("www", "web", sign=True)
    assert signed_tip(signing)
    signing.revert("HEAD", sign=True)
    assert signed_tip(signing)
    signing.restore_records("web", source="HEAD~1", sign=True)
    assert signed_tip(signing)
    signing.create_branch("other", "HEAD~1")
    signing.set("new", A, 300, ADDRESS, branch="other")
    signing.merge("other", sign=True)
    assert signed_tip(signing)
    signing.reset("HEAD~1", sign=True)
    assert signed_tip(signing)
    signing.add_zone("example.net", sign=True)
    assert verdict_of_zone(signing, "example.net").is_good


def test_tombstones_and_what_comes_back_on_top_of_them_are_signed(signing: Repository) -> None:
    signing.remove_zone("example.org", tombstone=True, sign=True)
    with signing._store.read() as reader:
        stone = reader.get(reader.ref(head("example.org.", "main")) or ObjectId(b""))
    assert Commit.decode(stone).is_tombstone
    assert signer_of(stone, allowed(ALLOWED)).is_good
    signing.restore_zone("example.org", sign=True)
    assert signed_tip(signing)
    signing.create_branch("other")
    signing.rename_branch("new", "other", tombstone=True, sign=True)
    signing.delete_branch("new", force=True, tombstone=True, sign=True)
    with signing._store.read() as reader:
        stones = [reader.get(reader.ref(head("example.org.", name)) or ObjectId(b"")) for name in ("other", "new")]
    assert [signer_of(stone, allowed(ALLOWED)).state for stone in stones] == [State.GOOD] * 2
    signing.create_branch("other", "HEAD~2", sign=True)
    assert tip(signing, "other").parents


def verdict_of_zone(repository: Repository, zone: str) -> Signature:
    return signer_of(repository.resolve("HEAD", zone=zone).commit.encode(), allowed(ALLOWED))


def test_no_new_commit_keeps_another_ones_signature(signing: Repository) -> None:
    signing.create_branch("other")
    signing.set("www", A, 300, ADDRESS, sign=True, branch="other")
    signing.cherry_pick("other")
    assert headers(tip(signing)) == []
    signing.undo()
    signing.redo()
    signing.revert("other")
    signing.reset("other")
    assert headers(tip(signing)) == []
    signing.create_branch("mine", "main~1")
    signing.set("mine", A, 300, ADDRESS, branch="mine", sign=True)
    signing.rebase("main", branch="mine", sign=True)
    assert headers(tip(signing, "mine")) == []
    signing.sign_commit(branch="mine")
    signing.sign_commit(branch="mine")
    assert headers(tip(signing, "mine")) == ["signature"]


def test_the_setting_decides_where_the_call_leaves_it_open(signing: Repository) -> None:
    signing.set("www", A, 300, ADDRESS, sign=None)
    assert headers(tip(signing)) == []
    signing.configure("commit.sign", "true")
    signing.set("www", A, 60, ADDRESS)
    assert headers(tip(signing)) == []
    signing.set("www", A, 300, ADDRESS, sign=None)
    assert signed_tip(signing)
    signing.set("www", A, 60, ADDRESS, sign=False)
    assert headers(tip(signing)) == []


def test_nothing_is_written_where_signing_fails(signing: Repository, tmp_path: Path) -> None:
    before = signing.resolve("HEAD").id
    (tmp_path / "key").unlink()
    with pytest.raises(SigningFailed):
        signing.set("www", A, 300, ADDRESS, sign=True)
    signing.configure("user.signingkey", None)
    with pytest.raises(UsageError, match="there is no key to sign with"):
        signing.batch([Step("add", "www", A, None, ADDRESS)], sign=True)
    assert signing.resolve("HEAD").id == before
    assert signing.set("www", A, 300, ADDRESS, dry_run=True).new is None


def test_a_signature_counts_to_the_size_of_a_commit(signing: Repository) -> None:
    message = "x" * (MAX_SIZE[Kind.COMMIT] - 400)
    signing.set("www", A, 300, ADDRESS, message=message)
    with pytest.raises(InvalidObject, match="at most 16384"):
        signing.set("www", A, 60, ADDRESS, message=message, sign=True)


def test_a_tag_is_signed(signing: Repository) -> None:
    oid = signing.create_tag("v1", message="One", sign=True)
    data = signing.object(oid.hex())[1]
    assert [name for name, _ in Tag.decode(data).extra] == ["signature"]
    assert signer_of(data, allowed(ALLOWED)).is_good
    assert signer_of(data, allowed(f"bob@example.org {KEY}")).state is State.PRINCIPAL_MISMATCH
    with pytest.raises(UsageError, match="only a tag with a message can be signed"):
        signing.create_tag("v2", sign=True)


def test_sign_commit_keeps_all_but_the_committer(signing: Repository, clock: Clock) -> None:
    signing.set("www", A, 300, ADDRESS, message="Move www")
    old = signing.resolve("HEAD")
    clock.now += 60
    assert signing.sign_commit(dry_run=True).new is None
    assert signing.resolve("HEAD") == old
    done = signing.sign_commit()
    commit = tip(signing)
    assert without_signature(commit) == old.commit._replace(committer=commit.committer)
    assert commit.committer.time == old.commit.committer.time + 60
    assert (done.old, done.new, done.serial) == (old.id, signing.resolve("HEAD").id, old.commit.serial)
    assert signed_tip(signing)
    assert signing.object(old.id.hex())
    assert next(signing.reflog()).reason == "sign-commit: Move www"


def test_sign_commit_is_refused_where_others_have_the_commit(signing: Repository) -> None:
    signing.set("www", A, 300, ADDRESS)
    old = signing.resolve("HEAD").id
    with pytest.raises(Refused, match="is not the newest commit of main"):
        signing.sign_commit("HEAD~1")
    signing.create_branch("other")
    with pytest.raises(Refused, match="is also in the branch other"):
        signing.sign_commit()
    signing.delete_branch("other", force=True)
    signing.create_tag("v1", message="One")
    with pytest.raises(Refused, match="is also in the tag v1"):
        signing.sign_commit()
    signing.delete_tag("v1")
    assert signing.resolve("HEAD").id == old
    assert signing.sign_commit().new != old


def test_sign_commit_is_refused_for_what_is_published(signing: Repository) -> None:
    signing.set("www", A, 300, ADDRESS)
    signing.publish(PublishPolicy(), lambda _policy, _proposed: None, zone="example.org", branch="main")
    with pytest.raises(Refused, match="is published"):
        signing.sign_commit()
    signing.set("www", A, 60, ADDRESS)
    signing.sign_commit()
    assert signed_tip(signing)


def test_a_commit_with_other_headers_is_signed(repository: Repository, tmp_path: Path) -> None:
    """The import's header stays, and comes first."""
    repository.configure("user.signingkey", str(write_key(tmp_path / "key", private_key())))
    repository.sign_commit()
    assert headers(tip(repository)) == ["imported", "signature"]
    assert signed_tip(repository)


def test_a_chain_is_all_ancestors_or_a_range(signing: Repository) -> None:
    for ttl in (10, 20, 30):
        signing.set("www", A, ttl, ADDRESS, sign=True)
    trusted = allowed(ALLOWED)
    states = [signing.signature(each.commit, trusted).state for each in signing.chain("HEAD")]
    assert states == [State.GOOD] * 3 + [State.UNSIGNED]
    assert len(list(signing.chain("HEAD~3..HEAD"))) == 3


def test_nobody_is_trusted_without_a_file(signing: Repository) -> None:
    signing.set("www", A, 300, ADDRESS, sign=True)
    assert signing.allowed_signers() is None
    found = signing.signature(tip(signing), None)
    assert found.reason == "the key is not known (gpg.ssh.allowedSignersFile is not set)"
