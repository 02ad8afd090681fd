"""Signing with keys in files: by this process, and by ssh-keygen for a passphrase or an agent."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from sshkit import PLAIN, SshKeygen, allowed, blob_in, private_key, private_text, write_key
from zonegit.errors import AllowedSignersError, KeyFileExists, SigningFailed
from zonegit.ssh import ssh_keygen
from zonegit.ssh.envelope import armored, decode_envelope
from zonegit.ssh.files import read_allowed_signers, read_private_key, write_key_pair
from zonegit.ssh.public_key import parse_key
from zonegit.ssh.signer import signer
from zonegit.ssh.signing import new_key, public_key
from zonegit.ssh.times import parse_time
from zonegit.ssh.verdict import judge

ADA = "ada@example.org"
MESSAGE = b"a commit"
ASK = "#!/bin/sh\necho secret\n"


@pytest.fixture
def keygen(needs_program: Callable[[str], str], tmp_path: Path) -> SshKeygen:
    return SshKeygen(needs_program("ssh-keygen"), tmp_path)


def no_program(*_words: object) -> bytes:
    raise AssertionError("ssh-keygen was run")


@pytest.mark.parametrize("kind", PLAIN)
def test_a_key_without_a_passphrase_needs_no_program(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zonegit.ssh.signer.sign_by_program", no_program)
    path = write_key(tmp_path / "key", private_key(kind))
    blob = signer(path)(MESSAGE)
    line = public_key(private_key(kind)).line
    assert judge(blob, MESSAGE, allowed(f"{ADA} {line}"), 1, [ADA]).is_good


def test_a_passphrase_is_asked_for_by_ssh_keygen(
    keygen: SshKeygen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keygen.run("-q", "-t", "ed25519", "-N", "secret", "-f", "key").check_returncode()
    ask = tmp_path / "ask"
    ask.write_text(ASK)
    ask.chmod(0o700)
    monkeypatch.setenv("SSH_ASKPASS", str(ask))
    monkeypatch.setenv("SSH_ASKPASS_REQUIRE", "force")
    path = tmp_path / "key"
    assert read_private_key(path) is None
    envelope = decode_envelope(signer(path)(MESSAGE))
    envelope.verify(MESSAGE)
    ask.write_text(ASK.replace("secret", "wrong"))
    with pytest.raises(SigningFailed, match="ssh-keygen did not sign: the passphrase is wrong, or can't be asked"):
        signer(path)(MESSAGE)


@pytest.fixture
def agent(needs_program: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    socket = str(tmp_path / "agent")
    started = subprocess.run([needs_program("ssh-agent"), "-s", "-a", socket], capture_output=True, check=True)
    found = re.search(rb"SSH_AGENT_PID=([0-9]+);", started.stdout)
    assert found
    monkeypatch.setenv("SSH_AUTH_SOCK", socket)
    yield
    os.kill(int(found[1]), signal.SIGTERM)


@pytest.fixture
def ssh_add(agent: None, needs_program: Callable[[str], str]) -> Callable[[Path], None]:
    """Gives a key to the agent."""
    program = needs_program("ssh-add")
    return lambda path: subprocess.run([program, "-q", str(path)], check=True) and None


@pytest.mark.parametrize("kind", PLAIN)
def test_an_agent_signs_for_a_public_key(
    kind: str, keygen: SshKeygen, ssh_add: Callable[[Path], None], tmp_path: Path
) -> None:
    path = write_key(tmp_path / "key", private_key(kind))
    ssh_add(path)
    path.unlink()
    blob = signer(tmp_path / "key.pub")(MESSAGE)
    line = public_key(private_key(kind)).line
    assert judge(blob, MESSAGE, allowed(f"{ADA} {line}"), 1, [ADA]).is_good
    assert keygen.verifies(armored(blob).encode(), MESSAGE, f"{ADA} {line}\n", ADA)


def test_an_agent_signs_for_a_key_with_a_passphrase(
    keygen: SshKeygen, ssh_add: Callable[[Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keygen.run("-q", "-t", "ed25519", "-N", "secret", "-f", "key").check_returncode()
    ask = tmp_path / "ask"
    ask.write_text(ASK)
    ask.chmod(0o700)
    monkeypatch.setenv("SSH_ASKPASS", str(ask))
    monkeypatch.setenv("SSH_ASKPASS_REQUIRE", "force")
    ssh_add(tmp_path / "key")
    ask.unlink()
    decode_envelope(signer(tmp_path / "key")(MESSAGE)).verify(MESSAGE)


def test_an_agent_signs_with_a_certificate(
    keygen: SshKeygen, ssh_add: Callable[[Path], None], tmp_path: Path
) -> None:
    by, path = keygen.make("authority", "ed25519"), write_key(tmp_path / "key", private_key())
    certificate = keygen.certify(by, path.with_name("key.pub"), [ADA])
    ssh_add(path)
    path.unlink()
    blob = signer(certificate)(MESSAGE)
    line = f"* cert-authority {parse_key(blob_in(tmp_path / 'authority.pub')).line}"
    assert judge(blob, MESSAGE, allowed(line), int(time.time()), [ADA]).is_good


@pytest.mark.usefixtures("agent")
def test_an_agent_without_the_key_is_told(tmp_path: Path) -> None:
    write_key(tmp_path / "key", private_key()).unlink()
    with pytest.raises(SigningFailed, match=r"key\.pub: ssh-keygen did not sign: no SSH agent has the private key"):
        signer(tmp_path / "key.pub")(MESSAGE)


def test_a_certificate_is_signed_along(keygen: SshKeygen, tmp_path: Path) -> None:
    by, path = keygen.make("authority", "ed25519"), write_key(tmp_path / "key", private_key())
    certificate = keygen.certify(by, path.with_name("key.pub"), [ADA])
    envelope = decode_envelope(signer(certificate)(MESSAGE))
    assert envelope.certificate is not None
    assert envelope.certificate.principals == (ADA,)


def test_a_missing_program_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_key(tmp_path / "key", private_key())
    monkeypatch.setattr(ssh_keygen, "PROGRAM", str(tmp_path / "missing"))
    with pytest.raises(SigningFailed, match="needs ssh-keygen, which is not installed"):
        signer(tmp_path / "key.pub")(MESSAGE)


def test_keys_that_are_not_accepted_sign_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zonegit.ssh.signer.sign_by_program", no_program)
    for key in (rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP521R1())):
        path = tmp_path / "key"
        path.write_bytes(private_text(key))
        path.chmod(0o600)
        with pytest.raises(SigningFailed, match="the key can't sign here: its signature has a"):
            signer(path)(MESSAGE)


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = write_key(tmp_path / "key", private_key())
    path.chmod(0o640)
    with pytest.raises(SigningFailed, match="mode 0640 lets others use the key; run: chmod 0600"):
        signer(path)


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[: len(data) // 2],
        lambda data: data[:60] + b"!" + data[61:],
        lambda data: data.replace(b"b3BlbnNza", b"b3BlbnNzb"),
        lambda data: data[:36] + b"\n-----END OPENSSH PRIVATE KEY-----\n",
    ],
)
def test_a_damaged_key_is_told(damage: Callable[[bytes], bytes], tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(damage(private_text(private_key())))
    path.chmod(0o600)
    with pytest.raises(SigningFailed, match="the signing key is damaged"):
        signer(path)


def test_what_is_no_file_is_told(tmp_path: Path) -> None:
    for path, told in ((tmp_path / "missing", "No such file"), (tmp_path, "it is not a regular file")):
        with pytest.raises(SigningFailed, match=told):
            signer(path)
        with pytest.raises(AllowedSignersError, match=told):
            read_allowed_signers(path)


def test_a_new_pair_is_one_of_openssh(keygen: SshKeygen, tmp_path: Path) -> None:
    private, public = new_key()
    path = tmp_path / "sub" / "key"
    assert write_key_pair(path, private, public, "of Ada") == tmp_path / "sub" / "key.pub"
    assert path.stat().st_mode & 0o777 == 0o600
    assert keygen.run("-y", "-f", str(path)).stdout.decode().split()[:2] == public.line.split()
    assert parse_key(blob_in(path.with_name("key.pub"))).blob == public.blob
    assert path.with_name("key.pub").read_text().endswith(" of Ada\n")
    with pytest.raises(KeyFileExists, match="key: already exists"):
        write_key_pair(path, private, public, "")
    path.unlink()
    with pytest.raises(KeyFileExists, match=r"key\.pub: already exists"):
        write_key_pair(path, private, public, "")
    assert not path.exists()


def test_an_unchanged_file_is_parsed_once(tmp_path: Path) -> None:
    path = tmp_path / "allowed"
    path.write_text(f"{ADA} {public_key(private_key()).line}\n")
    first = read_allowed_signers(path)
    assert read_allowed_signers(path) is first
    path.write_text("")
    assert read_allowed_signers(path).of(public_key(private_key()), None) == []


def test_local_times_are_those_of_ssh_keygen(keygen: SshKeygen, monkeypatch: pytest.MonkeyPatch) -> None:
    path = keygen.make("key", "ed25519")
    signature = keygen.sign(path, MESSAGE)
    (keygen.directory / "signature").write_bytes(signature)
    line = parse_key(blob_in(path.with_name("key.pub"))).line
    monkeypatch.setenv("TZ", "Europe/Zurich")
    time.tzset()
    try:
        for text in ("20261120120000", "202607201200", "20260720"):
            bound = parse_time(text)
            assert bound is not None
            (keygen.directory / "signers").write_text(f'{ADA} valid-after="{text}" {line}\n')
            for when, good in ((bound - 1, False), (bound, True)):
                at = time.strftime("%Y%m%d%H%M%SZ", time.gmtime(when))
                words = ("-Y", "verify", "-f", "signers", "-I", ADA, "-n", "zonegit", "-s", "signature")
                done = keygen.run(*words, f"-Overify-time={at}", data=MESSAGE, TZ="Europe/Zurich")
                assert (done.returncode == 0) is good
    finally:
        monkeypatch.undo()
        time.tzset()


def test_armor_is_that_of_ssh_keygen(keygen: SshKeygen) -> None:
    path = write_key(keygen.directory / "key", private_key())
    assert keygen.sign(path, MESSAGE).decode() == armored(signer(path)(MESSAGE))
