"""What `zonegit` reads of a configuration about zones that peers write, too."""

from pathlib import Path

import pytest

from zonegit.errors import ConfigError
from zonegit.ops.policies import Policies, configured_policies
from zonegit.sync.policy import Policy

TEXT = """
[[peer]]
name = "ams"
policy = "merge"
zones = ["*.example.org.", "example.net."]
exclude = ["lab.example.org."]
[[peer]]
name = "fra"
[zone."www.example.org."]
merge = "hold"
[zone."b.example.org."]
merge = "ff-only"
"""


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    (tmp_path / "repo").mkdir()
    return tmp_path / "repo"


def read(repo: Path, text: str) -> Policies:
    (repo / "zonegitd.toml").write_text(text)
    return configured_policies(repo, repo / "none")


def test_a_zones_own_policy_counts_before_its_peers(repo: Path) -> None:
    found = read(repo, TEXT)
    assert found.of("a.example.org.", "ams") is Policy.MERGE
    assert found.of("www.example.org.", "ams") is Policy.HOLD
    assert found.of("b.example.org.", "ams") is Policy.FF_ONLY
    assert found.of("a.example.org.", "fra") is Policy.FF_ONLY
    assert found.of("lab.example.org.", "ams") is Policy.FF_ONLY
    assert found.of("a.example.org.", "nobody") is Policy.FF_ONLY


def test_a_zone_is_merged_where_any_policy_merges_it(repo: Path) -> None:
    found = read(repo, TEXT)
    merged = {name: found.is_merged(f"{name}.") for name in ("a.example.org", "b.example.org", "example.net", "x")}
    assert merged == {"a.example.org": True, "b.example.org": False, "example.net": True, "x": False}
    assert found.is_merged("www.example.org.")
    assert not found.is_merged("lab.example.org.")


def test_without_a_configuration_branches_only_move_forward(repo: Path) -> None:
    assert configured_policies(repo, repo / "none") == Policies()
    assert read(repo, "") == Policies()


@pytest.mark.parametrize(
    "text", ['[zone."a."]\nmerge = "mrege"\n', '[[peer]]\nname = "merge"\npolicy = 1\n', "merge = [\n"]
)
def test_a_wrong_policy_is_refused(repo: Path, text: str) -> None:
    with pytest.raises(ConfigError, match=r"zonegitd\.toml: "):
        read(repo, text)
