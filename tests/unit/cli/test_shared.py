"""A repository that several users share: each has a HEAD of their own."""

import pytest

from zonegit.repo import position


@pytest.fixture
def team(zone, monkeypatch, tmp_path):
    """`team(who, …)` runs the command as one of three users of a repository that their group may write to."""
    assert zone("zone", "add", "example.net").code == 0
    (tmp_path / "repo").chmod(0o2770)

    def call(who, *argv):
        monkeypatch.setattr(position, "user", lambda: {"alice": 1001, "bob": 1002, "carol": 1003}[who])
        return zone(*argv)

    return call


def at(team, who):
    found = team(who, "status", "--json").json
    return found["zone"], found["branch"]


def test_nobody_s_checkout_redirects_another(team) -> None:
    done = team("alice", "checkout", "-b", "staging")
    assert done.err == (
        "your HEAD names example.org., branch staging; other users of this repository keep theirs\n"
    )
    assert (at(team, "alice"), at(team, "bob")) == (("example.org.", "staging"), ("example.org.", "main"))
    assert team("bob", "set", "www", "A", "60", "192.0.2.7", "--json").json["branch"] == "main"
    assert team("alice", "set", "www", "A", "60", "192.0.2.8", "--json").json["branch"] == "staging"
    assert "your HEAD names example.net." in team("bob", "zone", "switch", "example.net").err
    assert (at(team, "alice"), at(team, "bob")) == (("example.org.", "staging"), ("example.net.", "main"))
    assert at(team, "carol") == ("example.org.", "main")
    assert "* " in team("bob", "zone", "list").out.splitlines()[0]
    assert "HEAD        your own; other users of this repository" in team("bob", "status").out
    assert "HEAD        the repository's; `zonegit checkout`" in team("carol", "status").out
    assert [team(who, "status", "--json").json["own_head"] for who in ("bob", "carol")] == [True, False]


def test_a_repository_of_one_user_has_one_head(zone, monkeypatch) -> None:
    assert zone("checkout", "-b", "staging").err == "HEAD names example.org., branch staging\n"
    assert zone("status", "--json").json["shared"] is False
    assert "share" not in zone("status").out
    assert zone("status", "--json").json["own_head"] is True
    monkeypatch.setattr(position, "user", lambda: 1001)  # who may look at it all the same: root, say
    assert zone("status", "--json").json["shared"] is True
    assert zone("checkout", "main").code == 0
    monkeypatch.undo()


def test_a_branch_that_is_gone_is_told_and_nothing_is_written_elsewhere(team, refused) -> None:
    assert team("alice", "checkout", "-b", "staging").code == 0
    assert team("bob", "branch", "-D", "staging").code == 0
    for verb in ("status", "log", "branch", "export"):
        done = team("alice", verb)
        assert done.code == 0
        assert done.err == (
            "zonegit: warning: HEAD names branch staging of example.org., which is gone; "
            "using main of example.org. until you check out another branch\n"
        )
    for words in (
        ("set", "www", "A", "60", "192.0.2.9"),
        ("--zone", "example.org", "set", "www", "A", "60", "192.0.2.9"),
        ("set", "www.example.org.", "A", "60", "192.0.2.9"),
        ("delete", "www"),
        ("reset", "--hard", "HEAD"),
        ("approve",),
        ("approve", "HEAD~1"),
        ("reject", "-m", "no"),
    ):
        refused(
            team("alice", *words),
            1,
            "you were on branch staging of example.org., which no longer exists",
            "checkout",
        )
    assert team("alice", "--branch", "main", "set", "www", "A", "60", "192.0.2.9").code == 0
    assert team("alice", "set", "www.example.net.", "A", "60", "192.0.2.9").code == 0
    assert team("alice", "checkout", "main").err.startswith("your HEAD names example.org., branch main")
    assert team("alice", "status").err == ""
    assert team("alice", "set", "www", "A", "60", "192.0.2.10").code == 0


def test_an_import_doesn_t_go_elsewhere_either(team, refused, zone_file) -> None:
    assert team("alice", "checkout", "-b", "staging").code == 0
    assert team("bob", "branch", "-D", "staging").code == 0
    refused(team("alice", "import", "--replace", zone_file), 1, "staging")
    assert team("alice", "import", "--replace", "--branch", "main", zone_file).code == 0


def test_a_zone_that_is_gone(team, refused) -> None:
    assert team("alice", "zone", "switch", "example.net").code == 0
    assert team("bob", "zone", "remove", "example.net").code == 0
    done = team("alice", "status")
    assert "branch main of example.net., which is gone; using main of example.org." in done.err
    refused(team("alice", "set", "www", "A", "60", "192.0.2.9"), 1, "example.net., which no longer exists")
    assert team("bob", "set", "www", "A", "60", "192.0.2.9").code == 0
    assert team("bob", "zone", "remove", "example.org").code == 0
    assert "no zone is left" in team("alice", "zone", "list").err


def test_the_branch_that_everybody_began_on_may_go(team, refused) -> None:
    assert team("alice", "checkout", "-b", "staging").code == 0
    assert team("alice", "branch", "-D", "main").code == 0
    assert at(team, "bob") == ("example.org.", "staging")
    refused(
        team("bob", "set", "www", "A", "60", "192.0.2.9"), 1, "branch main of example.org., which no longer exists"
    )
    assert team("bob", "checkout", "staging").code == 0
    assert team("bob", "set", "www", "A", "60", "192.0.2.9").code == 0


def test_who_never_chose_is_lost_with_the_repository_s_head(team, refused) -> None:
    removed = team("alice", "zone", "remove", "example.org")
    assert "HEAD still names it; run `zonegit zone switch ZONE`" in removed.err
    assert "using main of example.net. until you run `zonegit zone switch ZONE`" in team("bob", "status").err
    refused(team("bob", "set", "www", "A", "60", "192.0.2.9"), 1, "zone switch")
    assert team("bob", "zone", "switch", "example.net").code == 0
    assert team("bob", "set", "www", "A", "60", "192.0.2.9").code == 0


def test_under_sudo_the_caller_counts(team, monkeypatch, tmp_path) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setenv("SUDO_UID", "1002")
    assert position.user() == 1002
    monkeypatch.setattr("os.geteuid", lambda: 1001)
    assert position.user() == 1001
