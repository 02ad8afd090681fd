"""Signatures and allowed signers as `ssh-keygen` makes and judges them: the same verdicts in both directions."""

from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import pytest

from sshkit import FIDO, NAMESPACE, PLAIN, Authenticator, SshKeygen, blob_in, private_key, write_key
from zonegit.errors import AllowedSignersError
from zonegit.ssh.allowed_signers import parse_allowed_signers
from zonegit.ssh.envelope import armored, decode_envelope, unarmored
from zonegit.ssh.public_key import parse_key
from zonegit.ssh.signing import public_key, sign
from zonegit.ssh.times import parse_time
from zonegit.ssh.verdict import State, judge

ADA, BOB = "ada@example.org", "bob@example.org"
MESSAGE = b"zone-root 0123\n\nA commit\n"
NOON = "20261120120000Z"
KINDS = (("ed25519",), ("ecdsa", "-b", "256"), ("ecdsa", "-b", "384"), ("rsa", "-b", "3072"))


@pytest.fixture
def keygen(needs_program: Callable[[str], str], tmp_path: Path) -> SshKeygen:
    return SshKeygen(needs_program("ssh-keygen"), tmp_path)


def accepted(signature: bytes, signers: str, principal: str, when: str = NOON, message: bytes = MESSAGE) -> bool:
    """Whether zonegit accepts an armored signature."""
    seconds = parse_time(when)
    assert seconds is not None
    try:
        allowed = parse_allowed_signers(signers.encode(), "signers")
    except AllowedSignersError:
        return False
    blob = unarmored(signature.decode())
    return judge(blob, message, allowed, seconds, [principal]).is_good


def same(keygen: SshKeygen, signature: bytes, signers: str, principal: str, when: str = NOON) -> bool:
    """The verdict, on which both agree."""
    ours = accepted(signature, signers, principal, when)
    theirs = keygen.verifies(signature, MESSAGE, signers, principal, when)
    assert ours == theirs, signers
    return ours


def line_in(key: Path) -> str:
    """The public half of a key in a file, without its comment."""
    return parse_key(blob_in(key.with_name(f"{key.name}.pub"))).line


@pytest.mark.parametrize("kind", KINDS, ids=" ".join)
def test_what_ssh_keygen_signs_is_good(keygen: SshKeygen, kind: tuple[str, ...]) -> None:
    path = keygen.make("key", *kind)
    key = parse_key(blob_in(path.with_name("key.pub")))
    shown = keygen.run("-l", "-f", "key.pub").stdout.decode().split()
    assert (key.fingerprint, f"({key.short_type})") == (shown[1], shown[-1])
    for options in ((), ("-O", "hashalg=sha256")):
        signature = keygen.sign(path, MESSAGE, NAMESPACE, *options)
        assert same(keygen, signature, f"{ADA} {key.line}\n", ADA)
        assert not same(keygen, signature, f"{ADA} {key.line}\n", BOB)


@pytest.mark.parametrize("kind", PLAIN)
def test_ssh_keygen_verifies_what_is_signed_here(keygen: SshKeygen, kind: str) -> None:
    key = private_key(kind)
    signature = armored(sign(key, MESSAGE)).encode()
    assert same(keygen, signature, f"{ADA} {public_key(key).line}\n", ADA)
    by_program = keygen.sign(write_key(keygen.directory / "key", key), MESSAGE)
    if not kind.startswith("ecdsa"):  # ECDSA signs with a random number
        assert by_program == signature


@pytest.mark.parametrize("kind", FIDO)
@pytest.mark.parametrize(("flags", "counter"), [(1, 7), (5, 2**32 - 1), (0, 0)])
def test_signatures_of_an_authenticator(keygen: SshKeygen, kind: str, flags: int, counter: int) -> None:
    """The authenticator is `sshkit.Authenticator`, software that signs as PROTOCOL.u2f says."""
    authenticator = Authenticator.of(kind)
    signature = armored(authenticator.sign(MESSAGE, flags, counter)).encode()
    assert same(keygen, signature, f"{ADA} {authenticator.public.line}\n", ADA)


@pytest.mark.parametrize("kind", (*PLAIN, *FIDO))
def test_a_changed_byte_is_refused(keygen: SshKeygen, kind: str) -> None:
    if kind in FIDO:
        authenticator = Authenticator.of(kind)
        key, blob = authenticator.public, authenticator.sign(MESSAGE, 1, 7)
    else:
        key, blob = public_key(private_key(kind)), sign(private_key(kind), MESSAGE)
    signers = f"{ADA} {key.line}\n"
    allowed = parse_allowed_signers(signers.encode(), "signers")
    for at in range(len(blob)):
        changed = blob[:at] + bytes([blob[at] ^ 1]) + blob[at + 1 :]
        assert not judge(changed, MESSAGE, allowed, 1, [ADA]).is_good
        if at % 29 == 0:
            assert not keygen.verifies(armored(changed).encode(), MESSAGE, signers, ADA)
    for end in (0, 5, 6, 9, len(blob) // 2, len(blob) - 1):
        assert not judge(blob[:end], MESSAGE, allowed, 1, [ADA]).is_good
    assert not judge(blob + b"\0", MESSAGE, allowed, 1, [ADA]).is_good
    assert not judge(blob, MESSAGE + b"x", allowed, 1, [ADA]).is_good


def test_a_signature_for_git_is_worthless_here(keygen: SshKeygen) -> None:
    path = keygen.make("key", "ed25519")
    signature = keygen.sign(path, MESSAGE, "git")
    signers = f"{ADA} {parse_key(blob_in(path.with_name('key.pub'))).line}\n"
    assert not same(keygen, signature, signers, ADA)
    found = judge(unarmored(signature.decode()), MESSAGE, parse_allowed_signers(signers.encode(), "s"), 1, [ADA])
    assert found.state is State.WRONG_NAMESPACE


LINES = (
    ("{ada} {key}", True),
    ("{ada} {key} a comment", True),
    ("  {ada}\t{key}\tcomment", True),
    ("# {ada} {key}", False),
    ("*@example.org {key}", True),
    ("???@example.org {key}", True),
    ("??@example.org {key}", False),
    ("* {key}", True),
    ("*,!{ada} {key}", False),
    ("!{ada},* {key}", False),
    ("!{bob},* {key}", True),
    ("{bob},{ada} {key}", True),
    ("{bob} {key}", False),
    ("{bob} {key}\n{ada} {key}", True),
    ("*@example.net {key}", False),
    ("ADA@example.org {key}", False),
    ('"{ada}" {key}', True),
    ('"{bob},{ada}" {key}', True),
    ('ada@"example.org" {key}', True),
    ('{ada} namespaces="zonegit" {key}', True),
    ('{ada} namespaces="git" {key}', False),
    ('{ada} namespaces="git,zonegit" {key}', True),
    ('{ada} namespaces="zone*" {key}', True),
    ('{ada} namespaces="*,!zonegit" {key}', False),
    ('{ada} NameSpaces="zonegit" {key}', True),
    ('{ada} namespaces="git" {key}\n{ada} {key}', True),
    ('{ada} valid-after="20261120" {key}', True),
    ('{ada} valid-after="20261120115959Z" {key}', True),
    ('{ada} valid-after="20261120120000Z" {key}', True),
    ('{ada} valid-after="20261120120001Z" {key}', False),
    ('{ada} valid-after="202611201201Z" {key}', False),
    ('{ada} valid-before="20261120120000Z" {key}', True),
    ('{ada} valid-before="20261120115959Z" {key}', False),
    ('{ada} valid-before="20261121" {key}', True),
    ('{ada} valid-after="20261101",valid-before="20261201Z" {key}', True),
    ('{ada} valid-after="20261201",valid-before="20261231" {key}', False),
    ('{ada} valid-after="20261201",valid-before="20261101" {key}', False),
    ('{ada} valid-after="20261301" {key}', False),
    ('{ada} valid-after="2026-11-01" {key}', False),
    ('{ada} valid-after="yesterday" {key}', False),
    ("{ada} valid-after=20261101 {key}", False),
    ('{ada} valid-after="20261101" valid-before="20261201" {key}', False),
    ('{ada} valid-after="20261101",valid-after="20261102" {key}', False),
    ('{ada} namespaces="zonegit",namespaces="git" {key}', False),
    ('{ada} namespaces="zonegit", {key}', False),
    ('{ada} namespaces="zonegit {key}', False),
    ('{ada} namespaces="zonegit"x {key}', False),
    ("{ada} cert-authority {key}", False),
    ('{ada} cert-authority,namespaces="zonegit" {key}', False),
    ("{ada} no-touch-required {key}", False),
    ("{ada}", False),
    ('"{ada} {key}', False),
    ("{ada} ssh-ed25519", False),
    ("{ada} ssh-ed25519 AAAA", False),
    ("{ada} ssh-rsa {blob}", False),
    ("{ada} {key}=", False),
    ("{ada} {key}==", False),
    ("{ada} {key}\r", True),
    ("{ada} {key} a comment\r\n\r", True),
    ("\r\n{ada} {key}", True),
    ("\r{ada} {key}", False),
    ("#\r{ada} {key}", False),
    ("{ada}\t{spaced}", True),
    ('{ada} namespaces="zonegit"\t{spaced}', True),
)


@pytest.mark.parametrize(("line", "good"), LINES)
def test_lines_of_allowed_signers(keygen: SshKeygen, line: str, good: bool) -> None:
    key = private_key()
    text = public_key(key).line
    signers = line.format(ada=ADA, bob=BOB, key=text, blob=text.split()[1], spaced=text.replace(" ", "\t ")) + "\n"
    assert same(keygen, armored(sign(key, MESSAGE)).encode(), signers, ADA) is good


def test_principals_are_those_that_ssh_keygen_finds(keygen: SshKeygen) -> None:
    key = private_key()
    signature = armored(sign(key, MESSAGE)).encode()
    line = public_key(key).line
    signers = f'# who\n{BOB} {public_key(private_key(number=1)).line}\n{ADA} namespaces="zonegit" {line}\n'
    assert keygen.principals(signature, signers, NOON) == [ADA]
    entries = parse_allowed_signers(signers.encode(), "signers").of(public_key(key), None)
    assert [(entry.line, entry.principals) for entry in entries] == [(3, ADA)]


CERTIFIED = (
    ((ADA,), (), True),
    ((ADA, BOB), (), True),
    ((BOB,), (), False),
    ((ADA,), ("-V", "20261120:20261121"), True),
    ((ADA,), ("-V", "20261101:20261120"), False),
    ((ADA,), ("-V", "20261121:20261122"), False),
    ((ADA,), ("-V", "20261120120000:20261121"), True),
    ((ADA,), ("-V", "20261120120001:20261121"), False),
    ((ADA,), ("-V", "20261119:20261120120001"), True),
    ((ADA,), ("-V", "20261119:20261120120000"), False),
    ((ADA,), ("-V", "always:forever"), True),
    ((ADA,), ("-h",), False),
    ((ADA,), ("-O", "force-command=/bin/true", "-O", "source-address=192.0.2.1"), True),
)


@pytest.mark.parametrize(
    ("authority", "principals", "options", "good"),
    [*((KINDS[0], *each) for each in CERTIFIED), *((kind, *CERTIFIED[0]) for kind in KINDS[1:])],
)
def test_certificates(
    keygen: SshKeygen, authority: tuple[str, ...], principals: tuple[str, ...], options: tuple[str, ...], good: bool
) -> None:
    by, key = keygen.make("authority", *authority), keygen.make("key", "ed25519")
    certificate = keygen.certify(by, key.with_name("key.pub"), principals, *options)
    signature = keygen.sign(certificate, MESSAGE)
    line = parse_key(blob_in(by.with_name("authority.pub"))).line
    assert same(keygen, signature, f"*@example.org cert-authority {line}\n", ADA) is good
    assert not same(keygen, signature, f"*@example.net cert-authority {line}\n", ADA)
    assert not same(keygen, signature, f"{ADA} {line}\n", ADA)
    own = parse_key(blob_in(key.with_name("key.pub"))).line
    assert not same(keygen, signature, f"{ADA} {own}\n", ADA)


@pytest.mark.parametrize("authority", KINDS, ids=" ".join)
@pytest.mark.parametrize("kind", KINDS[1:], ids=" ".join)
def test_keys_of_each_type_are_certified(
    keygen: SshKeygen, authority: tuple[str, ...], kind: tuple[str, ...]
) -> None:
    by, key = keygen.make("authority", *authority), keygen.make("key", *kind)
    signature = keygen.sign(keygen.certify(by, key.with_name("key.pub"), [ADA]), MESSAGE)
    assert same(keygen, signature, f"{ADA} cert-authority {line_in(by)}\n", ADA)


def test_an_authority_may_sign_with_another_hash(keygen: SshKeygen) -> None:
    """With RSA, HashiCorp Vault certifies so unless told otherwise."""
    by, key = keygen.make("authority", *KINDS[3]), keygen.make("key", "ed25519")
    signature = keygen.sign(keygen.certify(by, key.with_name("key.pub"), [ADA], "-t", "rsa-sha2-256"), MESSAGE)
    assert same(keygen, signature, f"{ADA} cert-authority {line_in(by)}\n", ADA)


AUTHORITIES = (
    ('* cert-authority,valid-before="20261120120000Z" {by}', True),
    ('* cert-authority,valid-before="20261120115959Z" {by}', False),
    ('* cert-authority,valid-after="20261120120001Z" {by}', False),
    ('* cert-authority,namespaces="zonegit" {by}', True),
    ('* cert-authority,namespaces="git" {by}', False),
    ("*,!ada@example.org cert-authority {by}", False),
    ("*,!bob@example.org cert-authority {by}", True),
    ("* cert-authority {other}", False),
    ("* cert-authority {other}\n* cert-authority {by}", True),
    ("# * cert-authority {by}", False),
)


@pytest.mark.parametrize(("line", "good"), AUTHORITIES)
def test_lines_of_authorities(keygen: SshKeygen, line: str, good: bool) -> None:
    """Whoever is no longer to sign is taken out of the line, or the authority out of the file."""
    by, other, key = (keygen.make(name, "ed25519") for name in ("authority", "other", "key"))
    signature = keygen.sign(keygen.certify(by, key.with_name("key.pub"), [ADA]), MESSAGE)
    assert same(keygen, signature, line.format(by=line_in(by), other=line_in(other)) + "\n", ADA) is good


def test_a_certificate_that_names_nobody_is_nobodys(keygen: SshKeygen) -> None:
    """`ssh-keygen -Y verify` takes it from everybody, but git asks `-Y find-principals` first, which finds none."""
    by, key = keygen.make("authority", "ed25519"), keygen.make("key", "ed25519")
    signature = keygen.sign(keygen.certify(by, key.with_name("key.pub"), ()), MESSAGE)
    signers = f"* cert-authority {parse_key(blob_in(by.with_name('authority.pub'))).line}\n"
    assert keygen.principals(signature, signers, NOON) == []
    assert not accepted(signature, signers, ADA)


@pytest.mark.parametrize("kind", FIDO)
def test_a_certificate_of_an_authenticators_key(keygen: SshKeygen, kind: str) -> None:
    by, authenticator = keygen.make("authority", "ed25519"), Authenticator.of(kind)
    public = keygen.directory / "sk.pub"
    public.write_text(authenticator.public.line + "\n")
    line = parse_key(blob_in(by.with_name("authority.pub"))).line
    signers = f"* cert-authority {line}\n"
    for options, flags, good in (
        ((), 1, True),
        (("-O", "verify-required"), 5, True),
        (
            ("-O", "verify-required"),
            1,
            False,
        ),
    ):
        certificate = blob_in(keygen.certify(by, public, [ADA], *options))
        bare = authenticator.sign(MESSAGE, flags, 3)
        at = bare.index(authenticator.public.blob) - 4
        size = 4 + len(authenticator.public.blob)
        blob = bare[:at] + len(certificate).to_bytes(4, "big") + certificate + bare[at + size :]
        assert decode_envelope(blob).certificate is not None
        signature = armored(blob).encode()
        assert accepted(signature, signers, ADA) is good
        assert keygen.verifies(signature, MESSAGE, signers, ADA, NOON) or not good


def test_a_changed_byte_of_a_certificate_is_refused(keygen: SshKeygen) -> None:
    by, key = keygen.make("authority", "ed25519"), keygen.make("key", "ed25519")
    blob = unarmored(keygen.sign(keygen.certify(by, key.with_name("key.pub"), [ADA]), MESSAGE).decode())
    line = parse_key(blob_in(by.with_name("authority.pub"))).line
    allowed = parse_allowed_signers(f"* cert-authority {line}\n".encode(), "signers")
    when = parse_time(NOON) or 0
    assert judge(blob, MESSAGE, allowed, when, [ADA]).is_good
    for at in range(len(blob)):
        changed = blob[:at] + bytes([blob[at] ^ 1]) + blob[at + 1 :]
        assert not judge(changed, MESSAGE, allowed, when, [ADA]).is_good


@pytest.mark.parametrize("kind", [("rsa", "-b", "2048"), ("ecdsa", "-b", "521")], ids=" ".join)
def test_weak_and_rare_keys_are_not_accepted(keygen: SshKeygen, kind: tuple[str, ...]) -> None:
    path = keygen.make("key", *kind)
    other = public_key(private_key())
    blob = blob_in(path.with_name("key.pub"))
    name = path.with_name("key.pub").read_text().split()[0]
    signers = f"{ADA} {name} {b64encode(blob).decode()}\n{ADA} {other.line}\n"
    signature = keygen.sign(path, MESSAGE)
    assert keygen.verifies(signature, MESSAGE, signers, ADA, NOON)
    assert not accepted(signature, signers, ADA)
    assert accepted(armored(sign(private_key(), MESSAGE)).encode(), signers, ADA)
