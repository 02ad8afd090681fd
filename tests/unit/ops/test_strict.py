"""What `zonegit` reads of a configuration: the checks that a zone is strict about, and nothing else."""

from pathlib import Path

import pytest

from zonegit.errors import ConfigError
from zonegit.ops.strict import configured
from zonegit.zonefile.findings import CHECKS


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    path = tmp_path / "repo"
    path.mkdir()
    return path


def test_without_a_configuration_nothing_is_strict(repo: Path, tmp_path: Path) -> None:
    assert configured(repo, tmp_path / "zonegitd.toml", "a.") == frozenset()


def test_the_repositorys_own_configuration_names_checks_by_zone(repo: Path, tmp_path: Path) -> None:
    (repo / "zonegitd.toml").write_text(
        "[zone.A]\nstrict = ['mx-cname', 'ns-cname']\n[zone.'b.']\nstrict = ['all']\n[zone.'c.']\nat = 'x'\n"
    )
    none = tmp_path / "none"
    assert configured(repo, none, "a.") == {"mx-cname", "ns-cname"}
    assert configured(repo, none, "b.") == CHECKS.keys()
    assert configured(repo, none, "c.") == configured(repo, none, "d.") == frozenset()


def test_the_services_configuration_counts_for_its_own_repository(repo: Path, tmp_path: Path) -> None:
    service = tmp_path / "zonegitd.toml"
    service.write_text(f"repo = '{tmp_path}/x/../repo'\n[zone.'a.']\nstrict = ['mx-cname']\n")
    assert configured(repo, service, "a.") == {"mx-cname"}
    assert configured(tmp_path / "other", service, "a.") == frozenset()
    (repo / "zonegitd.toml").write_text("[zone.'a.']\nstrict = []\n")
    assert configured(repo, service, "a.") == frozenset(), "the repository's own goes before it"


def test_a_service_without_a_repository_of_its_own_says_nothing(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repo)
    service = tmp_path / "zonegitd.toml"
    for about in ("", "repo = ''\n", "repo = 3\n"):
        service.write_text(f"{about}[zone.'a.']\nstrict = ['mx-cname']\n")
        assert configured(Path(), service, "a.") == frozenset()


def test_what_else_is_wrong_in_the_file_is_not_looked_at(repo: Path, tmp_path: Path) -> None:
    (repo / "zonegitd.toml").write_text("wrong = 1\nzone = 3\nrepo = 7 # strict\n")
    assert configured(repo, tmp_path, "a.") == frozenset()
    (repo / "zonegitd.toml").write_text("[zone]\n'a.' = 'strict'\n")
    assert configured(repo, tmp_path / "none", "a.") == frozenset()
    (repo / "zonegitd.toml").write_text("this isn't TOML, and isn't about it")
    assert configured(repo, tmp_path / "none", "a.") == frozenset()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[zone.'a.']\nstrict = ['mx-cnam']\n", "there is no check 'mx-cnam'; the nearest one is 'mx-cname'"),
        ("[zone.'a.']\nstrict = 'mx-cname'\n", "not a list"),
        ("[zone.'a..b']\nstrict = ['mx-cname']\n", "empty label"),
        ("[zone.'a.'\nstrict = ['mx-cname']\n", "zonegitd.toml: "),
    ],
)
def test_what_cannot_be_heeded_is_refused(repo: Path, tmp_path: Path, text: str, says: str) -> None:
    (repo / "zonegitd.toml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        configured(repo, tmp_path / "none", "a.")
    assert says in str(caught.value)
    assert str(caught.value).startswith(f"{repo}/zonegitd.toml: ")
    assert "\n" not in str(caught.value)
