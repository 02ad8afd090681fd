"""Histories with merges: what `log`, `show`, `blame`, `when` and `diff` make of them, and what they refuse."""

import pytest

from zonegit.cli import main as entry


@pytest.fixture
def merged(zone):
    """`zone` after: www moved on main, mail and a TXT at www made on staging, both merged; then one more commit."""
    assert zone("checkout", "-b", "staging").code == 0
    assert zone("set", "mail", "A", "60", "192.0.2.26", "-m", "Move mail").code == 0
    assert zone("set", "www", "TXT", "60", "hello", "-m", "Say hello").code == 0
    assert zone("checkout", "main").code == 0
    assert zone("set", "www", "A", "300", "192.0.2.2", "-m", "Move www").code == 0
    assert zone("merge", "staging", "-m", "Merge staging").code == 0
    assert zone("set", "ns1", "A", "60", "192.0.2.54", "-m", "Move ns1").code == 0
    return zone


def subjects(run, *words) -> list[str]:
    result = run("log", "--oneline", "--color", "never", *words)
    assert result.code == 0, result
    return [line.split(" 20261120")[1][3:] for line in result.lines]


ALL = ["Move ns1", "Merge staging", "Move www", "Say hello", "Move mail", "Import example.org.zone"]


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["--first-parent"], ["Move ns1", "Merge staging", "Move www", ALL[-1]]),
        (["www"], ["Merge staging", "Say hello", "Move www", ALL[-1]]),
        (["www", "A"], ["Move www", ALL[-1]]),
        (["www.example.org.", "txt"], ["Say hello"]),
        (["main", "mail"], ["Move mail", ALL[-1]]),
        (["HEAD", "--", "mail", "A"], ["Move mail", ALL[-1]]),
        (["--", "@"], [ALL[-1]]),
        (["www", "A", "--first-parent"], ["Move www", ALL[-1]]),
        (["www", "TXT", "--first-parent"], ["Merge staging"]),
        (["staging..main", "www", "A"], ["Move www"]),
        (["main...staging"], ["Move ns1", "Merge staging", "Move www"]),
        (["-1", "--", "mail"], ["Move mail"]),
        (["--name", "mail"], ["Move mail", ALL[-1]]),
        (["--grep", "Move", "--author", "Ada", "--", "www"], ["Move www"]),
        (["staging", "--", "nothing.at.all"], []),
    ],
)
def test_a_log_follows_names_across_merges(merged, words, wanted) -> None:
    assert subjects(merged, *words) == wanted


def test_a_log_of_all_branches(merged) -> None:
    merged("checkout", "-b", "other", "staging")
    merged("set", "ftp", "A", "60", "192.0.2.9", "-m", "Add ftp")
    assert set(subjects(merged, "--all")) == {*ALL, "Add ftp"}
    assert set(subjects(merged)) == {"Add ftp", "Say hello", "Move mail", ALL[-1]}
    assert subjects(merged, "--all", "ftp") == ["Add ftp"]


def test_a_word_that_is_a_version_and_a_name_is_refused(merged, refused) -> None:
    merged("branch", "www")
    refused(merged("log", "www"), 2, "a version and a name", "--")
    assert subjects(merged, "www", "--")[0] == "Move ns1"
    assert subjects(merged, "--", "www", "A")[0] == "Move www"
    assert subjects(merged, "@")[0] == "Move ns1"


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["log", "gone"], 5, "`zonegit log -p -- gone`"),
        (["log", "HEAD~99"], 5, "HEAD~99"),
        (["diff", "yesterday"], 5, "for a time write 'main@{yesterday}'"),
        (["log", "@", "MX"], 2, "`zonegit log -- @ MX`"),
        (["log", "@", "gone"], 5, "`zonegit log -p -- gone`"),
        (["log", "www", "A", "more"], 2, "NAME and TYPE"),
        (["log", "--", "www", "A", "more"], 2, "NAME and TYPE"),
        (["log", "--name", "www", "--", "mail"], 2, "--name"),
        (["log", "--type", "A", "--", "www", "A"], 2, "--type"),
        (["log", "--type", "A"], 2, "--name"),
        (["log", "www", "NOTYPE"], 1, "NOTYPE"),
        (["log", "--", "www.example.net."], 1, "outside of the zone"),
        (["log", "www.example.org"], 1, "final dot"),
        (["log", "main...nowhere"], 5, "nowhere"),
        (["log", "--graf"], 2, "did you mean `--graph`?"),
        (["diff", "main...nowhere"], 5, "nowhere"),
        (["show", "-m", "3", "HEAD~1"], 5, "no parent 3"),
        (["show", "-m", "0", "HEAD~1"], 2, "1 is the first"),
        (["show", "-m", "x", "HEAD~1"], 2, "1 is the first"),
        (["show", "-m", "1", "www", "A"], 2, "-m"),
        (["when", "www", "A", "192.0.2.99"], 5, "never had"),
        (["when", "www", "A", "nonsense"], 1, "nonsense"),
        (["when", "www", "ANY", "192.0.2.1"], 1, "ANY"),
        (["when", "www", "A"], 2, "VALUE"),
        (["when", "www", "A", "192.0.2.1", "nowhere"], 5, "nowhere"),
        (["blame", "nothing"], 5, "nothing"),
        (["show", "main@{upstream}"], 5, "@{upstream}"),
        (["show", "nowhere@{u}"], 5, "no branch nowhere"),
        (["wen", "www", "A", "192.0.2.1"], 2, "did you mean `when`?"),
        (["zoen", "list"], 2, "did you mean `zone`?"),
        (["zone", "lst"], 2, "did you mean `zone list`?"),
    ],
)
def test_what_is_refused(merged, refused, words, code, told) -> None:
    refused(merged(*words), code, told)


def test_when_a_record_came_and_went(merged) -> None:
    rows = merged("when", "www", "A", "192.0.2.1", "--json").json["passages"]
    assert [(row["event"], row["commit"]["message"]) for row in rows] == [("went", "Move www"), ("came", ALL[-1])]
    lines = merged("when", "mail", "A", "192.0.2.26").lines
    assert [line.split()[0] for line in lines] == ["came", "present"]
    assert lines[0].endswith("Move mail") and "Ada" in lines[0]
    assert len(merged("when", "@", "MX", "10 mail").lines) == 2
    assert len(merged("when", "@", "SOA", "ns1 hostmaster 7 7200 900 1209600 300").lines) == 2
    merged("set", "mail", "A", "3600", "192.0.2.26")
    assert merged("when", "mail", "A", "192.0.2.26").lines == lines
    assert merged("when", "www", "TXT", "hello", "main~3").code == 5


def test_when_says_whether_a_record_survived_a_merge(merged) -> None:
    merged("checkout", "-b", "side")
    merged("set", "www", "A", "300", "192.0.2.66", "-m", "Another www")
    merged("checkout", "main")
    merged("set", "www", "A", "300", "192.0.2.77", "-m", "This www")
    assert merged("merge", "side", "--ours").code == 0
    lines = merged("when", "www", "A", "192.0.2.66").lines
    assert [line.split()[0] for line in lines] == ["came", "not"]
    assert lines[-1] == "not present in HEAD"
    assert merged("when", "www", "A", "192.0.2.66", "side").lines[-1] == "present in side"
    found = merged("when", "www", "A", "192.0.2.66", "--json").json
    assert found["present"] is False and [each["event"] for each in found["passages"]] == ["came"]
    assert merged("when", "www", "A", "192.0.2.77", "--json").json["present"] is True


def test_blame_leads_through_a_merge(merged) -> None:
    rows = merged("blame", "www", "--json").json
    assert [(row["record"]["TYPEname"], row["commit"]["message"]) for row in rows] == [
        ("A", "Move www"),
        ("TXT", "Say hello"),
    ]


def test_a_merge_is_shown_with_what_differs_from_every_parent(merged) -> None:
    assert "IN" not in merged("show", "HEAD~1").out
    assert "+mail.example.org." in merged("show", "HEAD~1", "-m", "1").out
    assert "+www.example.org.\t300\tIN\tA\t192.0.2.2" in merged("show", "HEAD~1", "-m", "2").out
    assert merged("show", "HEAD~1", "--json").json["changes"] == []
    assert [each["name"] for each in merged("show", "HEAD~1", "-m2", "--json").json["changes"]] == [
        "www.example.org."
    ]


def test_a_merge_that_resolved_a_conflict_has_a_column_for_each_parent(zone) -> None:
    zone("checkout", "-b", "staging")
    zone("set", "www", "A", "300", "192.0.2.7", "-m", "Theirs")
    zone("checkout", "main")
    zone("set", "www", "A", "300", "192.0.2.8", "-m", "Ours")
    assert zone("merge", "staging").code == 4
    assert zone("merge", "--continue", "--resolve", "www", "A", "both").code == 0
    columns = ["+ www.example.org.\t300\tIN\tA\t192.0.2.7", " +www.example.org.\t300\tIN\tA\t192.0.2.8"]
    assert zone("show", "--color", "never").lines[-2:] == columns
    assert zone("log", "-p", "-1", "www", "--color", "never").lines[-2:] == columns
    (change,) = zone("show", "--json").json["changes"]
    assert [[record["rdataA"] for record in there] for there in change["parents"]] == [["192.0.2.8"], ["192.0.2.7"]]
    assert change["old"] == change["parents"][0] and len(change["new"]) == 2
    assert zone("show", "--stat").lines[-1] == " 1 RRset changed: 0 added, 1 modified, 0 deleted"
    assert zone("log", "-p", "-1", "--first-parent", "--color", "never").lines[-1] == columns[0].replace("+ ", "+")


def test_a_graph_is_drawn_with_names_and_filters(merged) -> None:
    marks = [
        line.split(" 20261120")[0].rstrip("0123456789abcdef")
        for line in merged("log", "--graph", "--oneline").lines
    ]
    assert marks[0].startswith("* ") and marks[1].startswith("*   ") and marks[2] == "|\\"
    lines = merged("log", "--graph", "--oneline", "--grep", "Move").lines
    assert sum("*" in line for line in lines) == 3
    assert merged("log", "--graph", "--oneline", "mail").lines[0].startswith("* ")
    assert merged("log", "--graph", "-p", "-n", "2").lines[-1].startswith("| | ")
    assert (
        merged("log", "--graph", "--json", "-2").json[1]["parents"]
        == merged("log", "--json", "-2").json[1]["parents"]
    )


def test_a_diff_from_the_merge_base_and_the_names_alone(merged) -> None:
    base = merged("diff", "main~2...staging", "--color", "never")
    assert {line.split("\t")[0] for line in base.lines[2:]} == {
        "-mail.example.org.",
        "+mail.example.org.",
        "+www.example.org.",
    }
    assert merged("diff", "main~2...staging", "--name-only").lines == ["mail.example.org.", "www.example.org."]
    assert merged("diff", "main~2...staging", "--name-only", "--json").json == [
        "mail.example.org.",
        "www.example.org.",
    ]
    assert merged("diff", "main~2...staging", "--exit-code", "--name-only").code == 3
    assert merged("diff", "main...staging", "--exit-code").code == 0
    assert merged("diff", "staging...").lines[2:] == merged("diff", "staging", "main").lines[2:]


def test_colour_goes_into_a_graph(merged) -> None:
    assert "\x1b[33m" in merged("log", "--graph", "--oneline", "--color", "always").out
    assert entry.main(["log", "--graph", "--no-pager"]) == 0


def test_of_several_merge_bases_the_first_is_taken_with_a_warning(zone) -> None:
    zone("checkout", "-b", "staging")
    zone("set", "mail", "A", "60", "192.0.2.26")
    zone("checkout", "main")
    zone("set", "www", "A", "60", "192.0.2.2")
    zone("branch", "before")
    assert zone("merge", "staging").code == 0
    assert zone("checkout", "staging").code == 0
    assert zone("merge", "before").code == 0
    zone("set", "ftp", "A", "60", "192.0.2.3")
    found = zone("diff", "main...staging", "--name-only")
    assert found.code == 0
    assert "2 merge bases" in found.err and "warning" in found.err
    assert "ftp.example.org." in found.lines
    assert subjects(zone, "main...staging", "ftp") == ["set ftp A"]
