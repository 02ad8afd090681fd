"""Which repository a call means: `-C`, `--repo`, the environment, the directories above, the service's."""

from pathlib import Path

import pytest

from zonegit.cli import location


@pytest.fixture
def near(run, monkeypatch, tmp_path):
    """`run` without `$ZONEGIT_REPO`, in a directory of its own below which `work/.zonegit` is a repository."""
    monkeypatch.delenv("ZONEGIT_REPO")
    monkeypatch.setattr(location, "SERVICE_REPOSITORY", str(tmp_path / "service"))
    (tmp_path / "work" / "a" / "b").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert run("-C", "work", "init", "example.org").code == 0
    return run


def zone_of(result):
    assert result.code == 0, result
    return result.json["zone"]


def test_the_nearest_repository_is_meant(near, monkeypatch, tmp_path) -> None:
    for place in ("work", "work/a", "work/a/b", "work/.zonegit"):
        monkeypatch.chdir(tmp_path / place)
        assert zone_of(near("status", "--json")) == "example.org."
    monkeypatch.chdir(tmp_path / "work" / "a")
    assert near("init", "example.net").code == 0
    assert zone_of(near("status", "--json")) == "example.net."
    monkeypatch.chdir(tmp_path / "work" / "a" / "b")
    assert zone_of(near("status", "--json")) == "example.net."
    assert str(tmp_path / "work" / "a" / ".zonegit") in near("status").out


@pytest.mark.parametrize(
    "words", [("-C", "work"), ("-C", "work/a/b"), ("-C", "work/.zonegit"), ("-C", "work", "-C", "", "-C", "a")]
)
def test_a_directory_to_work_in(near, words, tmp_path) -> None:
    before = Path.cwd()
    assert zone_of(near(*words, "status", "--json")) == "example.org."
    assert zone_of(near("status", "--json", *words)) == "example.org."
    assert Path.cwd() == before


def test_file_arguments_are_relative_to_the_directory(near, zone_file, tmp_path) -> None:
    zone_file.rename(tmp_path / "work" / "a" / "the.zone")
    assert near("-C", "work", "-C", "a", "import", "--replace", "the.zone").code == 0
    assert zone_of(near("-C", "work", "--repo", ".zonegit", "status", "--json")) == "example.org."


def test_a_directory_that_cannot_be_entered_is_an_error(near, refused, zone_file) -> None:
    refused(near("-C", "nowhere", "status"), 2, "nowhere", "No such file")
    refused(near("-C", "work", "-C", "nowhere", "init"), 2, "nowhere")
    refused(near("-C", zone_file, "status"), 2, str(zone_file), "Not a directory")


def test_init_makes_one_in_the_directory_that_is_named(near, monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("ZONEGIT_REPO", str(tmp_path / "exact"))
    assert near("-C", "work/a", "init").code == 0
    assert (tmp_path / "work" / "a" / ".zonegit" / "data.mdb").exists()
    assert near("init").code == 0
    assert (tmp_path / "exact" / "data.mdb").exists()
    assert near("--repo", "other", "init").code == 0
    assert (tmp_path / "other" / "data.mdb").exists()


def test_what_is_said_in_the_call_comes_before_the_environment(near, monkeypatch, tmp_path) -> None:
    assert near("--repo", "exact", "init", "example.net").code == 0
    monkeypatch.setenv("ZONEGIT_REPO", str(tmp_path / "exact"))
    assert zone_of(near("-C", "work", "status", "--json")) == "example.org."
    assert zone_of(near("--repo", "work/.zonegit", "status", "--json")) == "example.org."
    monkeypatch.chdir(tmp_path / "work")
    assert zone_of(near("status", "--json")) == "example.net."
    (tmp_path / "empty").mkdir()
    assert zone_of(near("-C", "../empty", "status", "--json")) == "example.net."


def test_the_service_comes_last(near, tmp_path) -> None:
    assert near("--repo", "service", "init", "example.com").code == 0
    (tmp_path / "empty").mkdir()
    assert zone_of(near("-C", "empty", "status", "--json")) == "example.com."
    assert zone_of(near("-C", "work", "status", "--json")) == "example.org."


def test_a_directory_that_anybody_may_write_to_is_not_searched_from_below(near, refused, tmp_path) -> None:
    (tmp_path / "work").chmod(0o1777)
    refused(near("-C", "work/a", "status"), 1, "no repository", "zonegit init")
    assert zone_of(near("-C", "work", "status", "--json")) == "example.org."


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        (("--repo", "work"), "there is one in work/.zonegit"),
        (("--repo", "work/.zonegi"), "`--repo /"),
        (("-C", "work/a", "--repo", "nowhere"), "work/.zonegit; leave --repo out"),
    ],
)
def test_no_new_repository_is_advised_near_another(near, refused, words, advice, monkeypatch, tmp_path) -> None:
    monkeypatch.chdir(tmp_path if words[-1] == "work" or words[0] == "-C" else tmp_path / "work" / "a")
    result = near(*words, "status")
    refused(result, 1, "no repository at", advice)
    assert "init" not in result.err


def test_the_service_s_repository_is_named_where_the_environment_leads_nowhere(near, refused, monkeypatch) -> None:
    assert near("--repo", "service", "init").code == 0
    monkeypatch.setenv("ZONEGIT_REPO", "nowhere")
    result = near("status")
    refused(result, 1, "nowhere", "the service's is", "leave $ZONEGIT_REPO out")
    assert "init" not in result.err


def test_where_nothing_is_near_one_can_be_made(near, refused) -> None:
    refused(near("status"), 1, "no repository in this directory or its parents: create one with `zonegit init`")
    refused(near("--repo", "x/y", "status"), 1, "no repository at x/y", "`zonegit init --repo x/y`")
