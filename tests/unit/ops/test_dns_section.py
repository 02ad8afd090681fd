"""`[dns]` in the configuration file, as far as it says what clients are told beside answers."""

from pathlib import Path

import pytest

from zonegit.errors import ConfigError
from zonegit.ops.config import DnsConfig
from zonegit.ops.flags import load


@pytest.fixture
def read(tmp_path: Path):
    def read(*lines: str) -> DnsConfig:
        path = tmp_path / "zonegitd.toml"
        path.write_text("\n".join(("[dns]", *lines)))
        return load(["--config", str(path)]).dns

    return read


def test_all_of_it(read):
    section = read('nsid = "n1"', 'version = "v"', 'identity = "ns1"', "cookies = false", 'cookie_secrets = "f"')
    assert (section.nsid, section.version, section.identity) == ("n1", "v", "ns1")
    assert (section.cookies, section.cookie_secrets) == (False, Path("f"))


def test_defaults(read):
    section = read()
    assert (section.nsid, section.version, section.identity) == (None, None, None)
    assert (section.cookies, section.cookie_secrets) == (True, None)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('nsid = ""', "nsid: the value is empty"),
        (f'nsid = "{"ü" * 65}"', "too long"),
        ("version = 1", "version: 1 is not a string"),
        ('cookies = "yes"', "cookies: 'yes' is not true or false"),
        ('cookie_secret = "00"', "did you mean 'cookie_secrets'?"),
    ],
)
def test_refusals(read, line, says):
    with pytest.raises(ConfigError, match=says):
        read(line)
