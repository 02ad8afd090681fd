"""The secrets of cookies: from a file, or by chance; what isn't fit for a file of secrets is refused by name."""

import os
from pathlib import Path

import pytest

from zonegit.daemon.cookie_secrets import cookie_secrets, random_secrets
from zonegit.errors import ConfigError
from zonegit.ops.config import DnsConfig

CHANCE = (bytes(16),)


@pytest.fixture
def written(tmp_path: Path):
    def written(text: str | bytes, mode: int = 0o640) -> DnsConfig:
        path = tmp_path / "cookie.secrets"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        path.chmod(mode)
        return DnsConfig(cookie_secrets=path)

    return written


def test_secrets_of_a_file(written):
    section = written("\n00112233445566778899AABBCCDDEEFF\r\n  ffeeddccbbaa99887766554433221100 \n\n")
    current = bytes.fromhex("00112233445566778899aabbccddeeff")
    assert cookie_secrets(section, CHANCE) == (current, bytes.fromhex("ffeeddccbbaa99887766554433221100"))


def test_without_a_file_and_without_cookies(written):
    assert cookie_secrets(DnsConfig(), CHANCE) == CHANCE
    assert cookie_secrets(DnsConfig(cookies=False), CHANCE) == ()
    assert random_secrets() != random_secrets()
    assert [len(secret) for secret in random_secrets()] == [16]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "has 0 cookie secrets"),
        ("00\n", ":1: not a cookie secret"),
        ("0" * 32 + "\n" + "g" * 32, ":2: not a cookie secret"),
        (b"\xff" * 32, ":1: not a cookie secret"),
        (("0" * 32 + "\n") * 5, "has 5 cookie secrets"),
    ],
)
def test_what_a_file_may_not_hold(written, text, says):
    section = written(text)
    with pytest.raises(ConfigError, match=f"^{section.cookie_secrets}.*{says}"):
        cookie_secrets(section, CHANCE)


def test_files_that_are_not_there_or_not_secret(written, tmp_path):
    with pytest.raises(ConfigError, match="others may read or write it"):
        cookie_secrets(written("0" * 32, 0o644), CHANCE)
    with pytest.raises(ConfigError, match="can't be read: No such file"):
        cookie_secrets(DnsConfig(cookie_secrets=tmp_path / "none"), CHANCE)
    os.mkfifo(tmp_path / "pipe", 0o600)
    tmp_path.chmod(0o700)
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(ConfigError, match=f"^{path}: is not a regular file"):
            cookie_secrets(DnsConfig(cookie_secrets=path), CHANCE)
