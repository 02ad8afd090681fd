"""The signatures of whole commits and tags: the same for ssh-keygen, and gone with any bit that changes."""

from base64 import b64decode
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sshkit import PLAIN, SshKeygen, allowed, private_key, write_key
from zonegit.errors import InvalidObject
from zonegit.model.commit import Tag
from zonegit.model.rdata import A
from zonegit.repo import Repository
from zonegit.repo.signatures import State, signer_of
from zonegit.repo.signing import with_signature, without_signature
from zonegit.ssh.envelope import armored, unarmored
from zonegit.ssh.signing import public_key

ALLOWED = f"ada@example.org {public_key(private_key()).line}"
ADDRESS = [bytes([192, 0, 2, 77])]


@pytest.fixture
def signing(repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """Ada's repository; she has a key."""
    monkeypatch.setenv("ZONEGIT_AUTHOR", "Ada <ada@example.org>")
    repository.configure("user.signingkey", str(write_key(tmp_path / "key", private_key())))
    repository.set("www", A, 300, ADDRESS, sign=True, message="Move www\n\nTo the new network.")
    return repository


@pytest.fixture
def keygen(needs_program: Callable[[str], str], tmp_path: Path) -> SshKeygen:
    return SshKeygen(needs_program("ssh-keygen"), tmp_path)


def test_ssh_keygen_agrees_about_a_commit_and_a_tag(signing: Repository, keygen: SshKeygen) -> None:
    tag = Tag.decode(signing.object(signing.create_tag("v1", message="One", sign=True).hex())[1])
    for made in (signing.resolve("HEAD").commit, tag):
        signature = armored(b64decode(made.extra[0][1])).encode()
        message = without_signature(made).encode()
        assert keygen.verifies(signature, message, ALLOWED + "\n", "ada@example.org")
        assert not keygen.verifies(signature, message + b"x", ALLOWED + "\n", "ada@example.org")


@pytest.mark.parametrize("kind", PLAIN)
def test_what_ssh_keygen_signs_is_a_signed_commit_or_tag(
    signing: Repository, keygen: SshKeygen, tmp_path: Path, kind: str
) -> None:
    key = write_key(tmp_path / "other", private_key(kind))
    tag = Tag.decode(signing.object(signing.create_tag("v1", message="One").hex())[1])
    signers = allowed(f"ada@example.org {public_key(private_key(kind)).line}")
    for made in (without_signature(signing.resolve("HEAD").commit), tag):
        signature = unarmored(keygen.sign(key, made.encode()).decode())
        assert signer_of(with_signature(made, signature).encode(), signers).is_good
        other = made._replace(message="Another\n")
        assert signer_of(with_signature(other, signature).encode(), signers).state is State.BAD


@pytest.mark.parametrize("kind", ["ssh-ed25519", "ecdsa-sha2-nistp256"])
def test_every_flipped_bit_of_a_commit_or_tag_is_told(
    signing: Repository, tmp_path: Path, kind: str, damaged: Callable[[bytes], Iterator[bytes]]
) -> None:
    """Either there is no such object, or its signature isn't good."""
    key = private_key(kind)
    signing.configure("user.signingkey", str(write_key(tmp_path / "other", key)))
    signers = allowed(f"* {public_key(key).line}")
    signing.set("www", A, 60, ADDRESS, sign=True, message="Move www\n\nTo the new network.")
    tag = signing.create_tag("v1", message="One\n\nThe first.", sign=True)
    for data in (signing.resolve("HEAD").commit.encode(), signing.object(tag.hex())[1]):
        assert signer_of(data, signers).is_good
        for other in damaged(data):
            try:
                assert not signer_of(other, signers).is_good, other
            except InvalidObject:
                continue


@pytest.fixture
def damaged() -> Callable[[bytes], Iterator[bytes]]:
    """An object with each of its bits flipped, with each byte left out or doubled, and cut off at each."""

    def every(data: bytes) -> Iterator[bytes]:
        for at, byte in enumerate(data):
            yield from (data[:at] + bytes([byte ^ 1 << bit]) + data[at + 1 :] for bit in range(8))
            yield data[:at] + data[at + 1 :]
            yield data[:at] + data[at : at + 1] + data[at:]
            yield data[:at]

    return every
