"""Rate limits as an operator writes them."""

from pathlib import Path

import pytest

from zonegit.dns.access.acl import Acl
from zonegit.dns.access.rate import Limit
from zonegit.errors import ConfigError
from zonegit.ops.flags import load


def limit(tmp_path: Path, *settings: str) -> Limit | None:
    path = tmp_path / "zonegitd.toml"
    path.write_text("\n".join(("[dns]", *settings)))
    return load(["--config", str(path)]).dns.rate


def test_rates_are_not_limited_unless_asked_for(tmp_path: Path):
    assert limit(tmp_path) is None
    assert limit(tmp_path, "rate_limit = 0", "rate_slip = 1") is None


def test_a_limit_is_read_whole(tmp_path: Path):
    assert limit(tmp_path, "rate_limit = 200") == Limit(200)
    settings = ("rate_limit = 5", "rate_slip = 0", "rate_ipv4_prefix = 32", "rate_ipv6_prefix = 64")
    found = limit(tmp_path, *settings, 'rate_exempt = ["192.0.2.0/24", "2001:db8::1"]')
    assert found == Limit(5, 0, 32, 64, Acl.parse(["192.0.2.0/24", "2001:db8::1"]))


@pytest.mark.parametrize(
    "setting", ["rate_limit = -1", "rate_slip = 101", "rate_ipv4_prefix = 33", 'rate_exempt = ["key:k"]']
)
def test_what_makes_no_sense_is_refused_with_its_line(tmp_path: Path, setting: str):
    with pytest.raises(ConfigError, match="toml:2: rate_"):
        limit(tmp_path, setting)
