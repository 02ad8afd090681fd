"""TSIG key files: what is written, what is read, and each thing that is refused."""

import base64
import os
from pathlib import Path

import pytest
from blake3 import blake3

from zonegit.auth.keyring import Keyring
from zonegit.auth.tsigfile import load_tsig, new_tsig
from zonegit.dns.access.acl import key_name
from zonegit.errors import KeyFileError

SECRET = base64.b64encode(blake3(b"a secret for tests").digest()).decode()
GOOD = f'algorithm = "hmac-sha256"\nsecret = "{SECRET}"\n'


def write(directory: Path, text: str, name: str = "k.tsig", mode: int = 0o600) -> Path:
    path = directory / name
    path.write_text(text)
    path.chmod(mode)
    return path


def test_a_new_key_is_private_and_reads_back(tmp_path: Path) -> None:
    keys = tmp_path / "keys.d"
    path = new_tsig(keys, "Xfr.Example.org".lower(), "hmac-sha384", os.urandom)
    assert path.stat().st_mode & 0o777 == 0o600
    assert [child.name for child in keys.iterdir()] == ["xfr.example.org.tsig"]
    loaded = load_tsig(keys)
    assert list(loaded) == [key_name("XFR.example.org.")]
    (key,) = loaded.values()
    assert (key.algorithm, len(key.secret)) == ("hmac-sha384", 48)
    assert SECRET not in repr(key)
    assert repr(key.secret) not in repr(key)


def test_a_file_in_the_directorys_place_is_no_key(tmp_path: Path) -> None:
    (tmp_path / "keys.d").write_text("")
    with pytest.raises(KeyFileError, match=r"keys\.d: cannot be created: File exists"):
        new_tsig(tmp_path / "keys.d", "xfr", "hmac-sha256", os.urandom)


def test_it_lies_beside_other_keys_unseen(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    assert len(Keyring.load(tmp_path)) == 0
    assert len(load_tsig(tmp_path)) == 1


def test_no_directory_no_keys(tmp_path: Path) -> None:
    assert load_tsig(tmp_path / "nowhere") == {}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("algorithm", "not TOML"),
        (GOOD + 'state = "sign"\n', "unknown key 'state'"),
        (GOOD.replace("sha256", "sha3"), "must be one of hmac-sha256, hmac-sha384, hmac-sha512"),
        (GOOD.replace("sha256", "md5"), "hmac-md5 is accepted only with `legacy = true`"),
        (GOOD.replace("sha256", "sha1") + "legacy = false\n", "hmac-sha1 is accepted only with `legacy = true`"),
        (GOOD + 'legacy = "yes"\n', "`legacy` must be true or false"),
        (GOOD + "legacy = 1\n", "`legacy` must be true or false"),
        (f'secret = "{SECRET}"\n', "`algorithm` must be"),
        ('algorithm = "hmac-sha256"\n', "at least 16"),
        (GOOD.replace(SECRET, "?"), "base64"),
        (GOOD.replace(SECRET, "AAAA"), "at least 16"),
        (GOOD.replace(SECRET, base64.b64encode(b"a" * 32).decode()), "not random"),
        (GOOD.replace(SECRET, base64.b64encode(bytes(range(32))).decode()), "not random"),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str, words: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(KeyFileError, match=words) as raised:
        load_tsig(tmp_path)
    assert str(path) in str(raised.value)


def test_files_that_others_may_read_and_links(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD, mode=0o644)
    with pytest.raises(KeyFileError, match="mode 0644"):
        load_tsig(tmp_path)
    path.chmod(0o640)
    (tmp_path / "link.tsig").symlink_to(path)
    with pytest.raises(KeyFileError, match="symbolic link"):
        load_tsig(tmp_path)


def test_names_that_are_none(tmp_path: Path) -> None:
    write(tmp_path, GOOD, "A b.tsig")
    with pytest.raises(KeyFileError, match="A b"):
        load_tsig(tmp_path)
