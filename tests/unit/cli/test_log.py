"""`log` and `show REV`: which commits are listed, and what of them is shown."""

import pytest

from zonegit.repo import context

MAIL = "Move mail\n\nfor chg-1234"


@pytest.fixture
def told(zone, monkeypatch):
    """`zone` with four more commits, an hour apart from 2026-11-20 00:00 UTC, by two people; one is on a branch."""
    clock = iter(range(1795132800, 1795132800 + 40 * 3600, 3600))

    def commit(*words, author, message):
        now = next(clock)
        monkeypatch.setattr(context.Context, "stamp", at(now))
        assert zone(*words, "--author", author, "-m", message).code == 0

    def at(now):
        from zonegit.model.commit import Stamp

        return lambda self, who: Stamp(who or "Ada", now, 0)

    commit("set", "www", "A", "60", "192.0.2.2", author="Ada <ada@example.org>", message="Move www (CHG-1234)")
    commit("set", "mail", "A", "60", "192.0.2.3", author="Bob <bob@example.org>", message=MAIL)
    assert zone("checkout", "-b", "staging").code == 0
    commit("set", "www", "A", "60", "192.0.2.4", author="Ada <ada@example.org>", message="Try www")
    assert zone("checkout", "main").code == 0
    commit("set", "www", "TXT", "60", "text", author="bob", message="Say something")
    return zone


def subjects(run, *words):
    result = run("log", *words, "--json")
    assert result.code == 0, result
    return [commit["message"].partition("\n")[0] for commit in result.json]


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (("-2",), ["Say something", "Move mail"]),
        (("main..staging",), ["Try www"]),
        (("staging..main",), ["Say something"]),
        (("staging..",), ["Say something"]),
        (("..staging",), ["Try www"]),
        (("staging", "^main"), ["Try www"]),
        (("^main", "staging"), ["Try www"]),
        (("main..main",), []),
        (("^main",), []),
        (("main", "staging", "^main~1"), ["Say something", "Try www"]),
        (("HEAD~2..HEAD~1",), ["Move mail"]),
        (("--author", "Ada <", "-n", "1", "staging"), ["Try www"]),
        (("--author", "bob"), ["Say something", "Move mail"]),
        (("--author", "^bob"), ["Say something"]),
        (("--author", "^BOB", "-i"), ["Say something", "Move mail"]),
        (("--grep", "CHG-[0-9]+"), ["Move www (CHG-1234)"]),
        (("--grep", "CHG-1234", "-i"), ["Move mail", "Move www (CHG-1234)"]),
        (("--grep", "CHG", "--grep", "Say"), ["Say something", "Move www (CHG-1234)"]),
        (("--since", "2026-11-20T02:30+00:00"), ["Say something"]),
        (("--until", "2026-11-20T00:30+00:00", "--grep", "Move"), ["Move www (CHG-1234)"]),
        (("--after", "2026-11-20T00:30+00:00", "--before", "2026-11-20T01:30+00:00"), ["Move mail"]),
    ],
)
def test_which_commits_are_listed(told, words, wanted) -> None:
    first = "Import example.org.zone"
    assert [subject for subject in subjects(told, *words) if subject != first] == wanted


def test_bad_ranges_patterns_and_times(told, refused) -> None:
    refused(told("log", "nowhere..main"), 5, "nowhere")
    refused(told("log", "--grep", "("), 2, "--grep", "regular expression")
    refused(told("log", "--since", "whenever"), 2, "whenever")


def test_a_patch_of_a_name_holds_that_name_alone(told) -> None:
    text = told("log", "-p", "--name", "www", "--type", "A").out
    assert "Import example.org.zone" in text
    assert "+www.example.org.\t60\tIN\tA\t192.0.2.2" in text
    assert "-www.example.org.\t300\tIN\tA\t192.0.2.1" in text
    for other in ("mail", "SOA", "TXT", "ns1"):
        assert f"+{other}" not in text
        assert f"\t{other}\t" not in text
    assert "TXT\t" in told("log", "-p", "--name", "www").out
    assert "1 RRset changed: 1 added" in told("log", "--stat", "--name", "mail", "-n1", "HEAD~3").out


def test_a_version_is_shown_as_git_shows_it(told) -> None:
    text = told("show").out
    assert text.startswith("commit ")
    assert "    Say something\n\n+www.example.org.\t60\tIN\tTXT\t" in text
    assert told("show", "HEAD").out == text
    assert told("show", "staging", "--oneline", "--stat").out.splitlines()[1] == (
        " 1 RRset changed: 0 added, 1 modified, 0 deleted"
    )
    shape = told("show", "HEAD~1", "--json").json
    assert shape["message"] == MAIL
    assert [(change["name"], change["type"]) for change in shape["changes"]] == [("mail.example.org.", "A")]


def test_one_word_is_a_version_and_two_are_records(told, refused) -> None:
    refused(told("show", "www"), 5, "www", "zonegit show www ANY")
    refused(told("show", "www", "A", "--stat"), 2, "--stat")
    assert "192.0.2.4" in told("show", "www", "A", "staging").out


def test_a_diff_of_two_versions_in_one_word(told) -> None:
    assert told("diff", "main..staging").out == told("diff", "main", "staging").out
    assert told("diff", "..staging").out == told("diff", "main", "staging").out


def test_set_keeps_the_ttl_that_is_there(told, refused) -> None:
    assert told("set", "www", "A", "-", "192.0.2.77", "192.0.2.78").code == 0
    assert told("show", "www", "A").out == (
        "www.example.org.\t60\tIN\tA\t192.0.2.77\nwww.example.org.\t60\tIN\tA\t192.0.2.78\n"
    )
    refused(told("set", "www", "AAAA", "-", "2001:db8::1"), 5, "needs a TTL")
