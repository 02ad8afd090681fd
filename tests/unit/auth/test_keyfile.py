"""Key files: what is written, what is read, and each thing that is refused."""

import os
from pathlib import Path

import pytest
from blake3 import blake3

from zonegit.auth.key import State
from zonegit.auth.keyfile import list_keys, new_key
from zonegit.auth.keyring import Keyring
from zonegit.auth.scheme import encode64
from zonegit.auth.scope import parse_scope
from zonegit.errors import KeyFileError, UsageError

NOW = 1_767_225_630.0
READ = (parse_scope("read:*"),)
SECRET = encode64(blake3(b"a secret for tests").digest())


def write(directory: Path, name: str, text: str, mode: int = 0o600) -> Path:
    path = directory / name
    path.write_text(text)
    path.chmod(mode)
    return path


def good(secret: str = SECRET, **fields: str) -> str:
    table = {"secret": f'"{secret}"', "state": '"accept"', "scopes": '["read:*"]'} | fields
    return "".join(f"{name} = {value}\n" for name, value in table.items())


@pytest.mark.parametrize(
    ("text", "zone", "branch"),
    [
        ("push:*", "*", "*"),
        ("push:*:main", "*", "main"),
        ("push:Example.ORG", "example.org.", "*"),
        ("push:example.org.:*", "example.org.", "*"),
        ("push:example.org.:team/Staging", "example.org.", "team/Staging"),
        ("push:a:b.example.", "a:b.example.", "*"),
        ("push:a:b.example.:main", "a:b.example.", "main"),
    ],
)
def test_a_scope_may_name_one_branch(text: str, zone: str, branch: str) -> None:
    scope = parse_scope(text)
    assert scope == ("push", zone, branch)
    assert parse_scope(str(scope)) == scope


@pytest.mark.parametrize("text", ["push", "push:", "write:*", "push:example.org.:", "push:*:..", "push:*:a*", ":*"])
def test_what_is_no_scope_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_scope(text)


def test_a_new_key_is_private_and_reads_back(tmp_path: Path) -> None:
    keys = tmp_path / "keys.d"
    scopes = (parse_scope("read:Example.ORG"), parse_scope("push:*"), parse_scope('read:a\\"b\\046c.example.'))
    path = new_key(keys, "k1", scopes, lambda: NOW, os.urandom)
    assert path == keys / "k1.key"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [child.name for child in keys.iterdir()] == ["k1.key"]
    (key,) = list_keys(keys)
    assert (key.kid, key.state, key.scopes, key.not_before) == ("k1", State.SIGN, scopes, NOW - 30)
    assert str(key.scopes[0]) == "read:example.org."


def test_only_the_first_key_signs(tmp_path: Path) -> None:
    for kid in ("k1", "k2"):
        new_key(tmp_path, kid, READ, lambda: NOW, os.urandom)
    assert {key.kid: key.state for key in Keyring.load(tmp_path)} == {"k1": State.SIGN, "k2": State.ACCEPT}


def test_a_new_key_never_replaces_one(tmp_path: Path) -> None:
    path = new_key(tmp_path, "k1", READ, lambda: NOW, os.urandom)
    before = path.read_bytes()
    with pytest.raises(KeyFileError, match="exists; choose"):
        new_key(tmp_path, "k1", READ, lambda: NOW, os.urandom)
    assert path.read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


def test_a_file_in_the_directorys_place_is_no_key(tmp_path: Path) -> None:
    (tmp_path / "keys.d").write_text("")
    with pytest.raises(KeyFileError, match=r"keys\.d: cannot be read: Not a directory"):
        new_key(tmp_path / "keys.d", "k1", READ, lambda: NOW, os.urandom)


@pytest.mark.parametrize("kid", ["", "K1", "a/b", "x" * 33, "../k", ".k"])
def test_bad_key_ids(tmp_path: Path, kid: str) -> None:
    with pytest.raises(UsageError):
        new_key(tmp_path, kid, READ, lambda: NOW, os.urandom)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (good(secret=encode64(b"x" * 31)), "31 bytes"),
        (good(secret=encode64(b"x" * 32)), "`zonegit key new KID --keys DIR` writes a good one"),
        (good(secret=encode64(bytes(range(32)))), "not random"),
        (good(secret=encode64(b"secret" * 6)), "not random"),
        (good(secret=encode64(b"Correct horse, battery; staple 1234!")), "not random"),
        (good(secret=encode64(b"0123456789abcdef" * 4)), "not random"),
        (good(secret="!" * 43), "base64url"),
        (good(secret=SECRET + "="), "base64url"),
        (good(state='"on"'), "accept, sign, retired"),
        (good(scopes='["write:*"]'), "not a scope"),
        (good(scopes='["read:a..b"]'), "names no valid zone"),
        (good(scopes='"read:*"'), "must be a list"),
        (good(not_after='"tomorrow"'), "not_after"),
        (good(not_before="2026-01-01T00:00:00"), "with an offset"),
        (good(client_cert='"AB"'), "client_cert"),
        (good(client_cert="7"), "client_cert"),
        (good(colour='"red"'), "unknown key 'colour'"),
        (good(not_before="0001-01-01T00:00:00+23:59"), "not_before.*years 1 to 9999"),
        (good(not_after="9999-12-31T23:59:59-23:59"), "not_after.*years 1 to 9999"),
        ("secret = ", "not TOML"),
        ("secret = " + "[" * 8_000, "not TOML"),
        ("secret = " + "9" * 5_000, "not TOML"),
        ("\0", "not TOML"),
        ('state = "accept"\nscopes = []\n', "secret"),
        ("x" * 20_000, "larger"),
    ],
)
def test_bad_files_are_refused_by_name(tmp_path: Path, text: str, reason: str) -> None:
    write(tmp_path, "good.key", good(secret=encode64(os.urandom(32))))
    path = write(tmp_path, "k1.key", text)
    with pytest.raises(KeyFileError, match=reason) as caught:
        Keyring.load(tmp_path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("mode", [0o604, 0o602, 0o620, 0o666, 0o641])
def test_files_that_others_may_touch_are_refused(tmp_path: Path, mode: int) -> None:
    write(tmp_path, "k1.key", good(), mode)
    with pytest.raises(KeyFileError, match="chmod"):
        Keyring.load(tmp_path)


def test_a_file_that_the_group_may_read_is_fine(tmp_path: Path) -> None:
    write(tmp_path, "k1.key", good(), 0o640)
    assert len(Keyring.load(tmp_path)) == 1


def test_symlinks_and_other_kinds_of_files_are_refused(tmp_path: Path) -> None:
    real = write(tmp_path, "real.txt", good())
    link = tmp_path / "k1.key"
    link.symlink_to(real)
    with pytest.raises(KeyFileError, match="symbolic link"):
        Keyring.load(tmp_path)
    link.unlink()
    os.mkfifo(link, 0o600)
    with pytest.raises(KeyFileError, match="regular"):
        Keyring.load(tmp_path)
    link.unlink()
    link.mkdir(0o700)
    with pytest.raises(KeyFileError, match=r"regular|read"):
        Keyring.load(tmp_path)


def test_two_files_with_one_secret_are_refused(tmp_path: Path) -> None:
    write(tmp_path, "k1.key", good())
    write(tmp_path, "k2.key", good())
    with pytest.raises(KeyFileError, match="same secret"):
        Keyring.load(tmp_path)


def test_a_directory_that_others_may_write_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(KeyFileError, match="world-writable"):
        Keyring.load(tmp_path)


def test_a_missing_directory_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="No such file"):
        Keyring.load(tmp_path / "nowhere")


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    write(tmp_path, "README", "keys", 0o644)
    write(tmp_path, ".k9.key", "half-written", 0o600)
    assert len(Keyring.load(tmp_path)) == 0


@pytest.mark.parametrize(
    ("scope", "zone", "covered"),
    [
        ("read:*", "example.org.", True),
        ("read:example.org.", "example.org.", True),
        ("read:example.org.", "sub.example.org.", True),
        ("read:example.org.", "badexample.org.", False),
        ("read:example.org.", "org.", False),
        ("read:.", "example.org.", True),
    ],
)
def test_scopes_cover_whole_labels(scope: str, zone: str, covered: bool) -> None:
    assert parse_scope(scope).covers(zone) is covered


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_root_writes_a_key_for_the_directory_s_group(tmp_path):
    tmp_path.chmod(0o750)
    os.chown(tmp_path, 0, 12346)
    found = new_key(tmp_path, "k1", (parse_scope("read:*"),), lambda: 0.0, os.urandom).stat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (0, 12346, 0o640)
    assert list_keys(tmp_path)
