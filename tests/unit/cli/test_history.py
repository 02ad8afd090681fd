"""`log`, `diff`, `blame` and `reflog`."""

import re
from itertools import count

import pytest

from zonegit.model.commit import Commit, Stamp
from zonegit.model.ids import object_id, parse_id
from zonegit.model.refs import head
from zonegit.store.lmdb import LmdbStore
from zonegit.store.port import RefUpdate


@pytest.fixture
def edited(zone):
    """Three commits: the import, www moved, a text added."""
    zone("set", "www", "A", "300", "192.0.2.7", "-m", "move www")
    zone("set", "www", "TXT", "300", "hello")
    return zone


def test_log_reads_like_git(edited) -> None:
    edited("tag", "v1", "HEAD~1")
    lines = edited("log").lines
    assert re.fullmatch(r"commit [0-9a-f]{64} \(HEAD -> main\)", lines[0])
    assert lines[1:3] == ["Serial: 2026112003", "Author: Ada <ada@example.org>"]
    assert re.fullmatch(r"Date:   \w{3} \w{3} \d{1,2} \d\d:\d\d:\d\d \d{4} [+-]\d{4}", lines[3])
    assert lines[4:7] == ["", "    set www TXT", ""]
    assert lines[7].endswith("(tag: v1)")
    assert len([line for line in lines if line.startswith("commit ")]) == 3


def test_oneline_number_and_stat(edited) -> None:
    lines = edited("log", "--oneline").lines
    assert [line.split(" ", 1)[1] for line in lines[1:]] == [
        "2026112002 move www",
        "2026112001 Import example.org.zone",
    ]
    assert len(edited("log", "--oneline", "-n", "2").lines) == 2
    assert edited("log", "-n", "0").out == ""
    stat = edited("log", "--oneline", "--stat", "-n", "2").lines
    assert stat[1] == " 1 RRset changed: 1 added, 0 modified, 0 deleted"
    assert stat[3] == " 1 RRset changed: 0 added, 1 modified, 0 deleted"


def test_patch_shows_the_records(edited) -> None:
    lines = edited("log", "-p", "HEAD~1").lines
    assert "-www.example.org.\t300\tIN\tA\t192.0.2.1" in lines
    assert "+www.example.org.\t300\tIN\tA\t192.0.2.7" in lines
    assert len([line for line in lines if line.startswith("+")]) == 1 + 6


def test_log_of_a_name(edited) -> None:
    edited("set", "mail", "A", "300", "192.0.2.26")
    subjects = [item["message"] for item in edited("log", "--name", "www", "--json").json]
    assert subjects == ["set www TXT", "move www", "Import example.org.zone"]
    subjects = [item["message"] for item in edited("log", "--name", "www", "--type", "A", "--json").json]
    assert subjects == ["move www", "Import example.org.zone"]


def test_log_as_json(edited) -> None:
    newest, middle, first = edited("log", "--json").json
    assert newest["parents"] == [middle["commit"]]
    assert first["parents"] == []
    assert newest["serial"] == newest["seq"] == 2026112003
    assert newest["zone"] == "example.org."
    assert newest["author"]["name"] == "Ada <ada@example.org>"
    assert newest["author"]["date"].endswith("Z")


def test_diff_without_arguments_is_head_against_its_parent(edited) -> None:
    lines = edited("diff").lines
    assert re.fullmatch(r"--- example\.org\. [0-9a-f]{12} serial 2026112002", lines[0])
    assert re.fullmatch(r"\+\+\+ example\.org\. [0-9a-f]{12} serial 2026112003", lines[1])
    assert lines[2:] == ['+www.example.org.\t300\tIN\tTXT\t"hello"']
    assert edited("diff", "HEAD~1", "HEAD").lines == lines


def test_diff_of_one_version_compares_it_with_head(edited) -> None:
    for version in ("HEAD~2", "HEAD~1", "serial=2026112001"):
        assert edited("diff", version).out == edited("diff", version, "HEAD").out
        assert edited("diff", version, "--json").json == edited("diff", f"{version}..", "--json").json
    assert edited("diff", "HEAD~2").lines[2:] == [
        "-www.example.org.\t300\tIN\tA\t192.0.2.1",
        "+www.example.org.\t300\tIN\tA\t192.0.2.7",
        '+www.example.org.\t300\tIN\tTXT\t"hello"',
    ]
    same = edited("diff", "HEAD", "--exit-code")
    assert (same.code, same.out, same.err) == (0, "", "")
    edited("checkout", "-b", "staging")
    edited("delete", "www", "TXT")
    assert edited("diff", "main").lines[2:] == ['-www.example.org.\t300\tIN\tTXT\t"hello"']


def test_diff_of_the_first_commit_is_all_it_has(zone) -> None:
    lines = zone("diff").lines
    assert lines[0] == "--- nothing"
    assert len(lines) == 2 + 6


def test_diff_of_any_two_either_way(edited) -> None:
    there = edited("diff", "HEAD~2", "HEAD").lines
    back = edited("diff", "HEAD", "HEAD~2").lines
    assert len(there) == len(back) == 2 + 3
    assert {line[1:] for line in there[2:]} == {line[1:] for line in back[2:]}
    assert edited("diff", "HEAD", "serial=2026112001", "--stat").lines == [
        "2 RRsets changed: 0 added, 1 modified, 1 deleted"
    ]


def test_diff_shows_only_the_records_that_differ(zone) -> None:
    zone("add", "www", "A", "300", "192.0.2.2")
    assert zone("diff").lines[2:] == ["+www.example.org.\t300\tIN\tA\t192.0.2.2"]


def test_diff_as_json_has_whole_rrsets(zone) -> None:
    zone("add", "www", "A", "300", "192.0.2.2")
    (change,) = zone("diff", "--json").json
    assert (change["name"], change["type"]) == ("www.example.org.", "A")
    assert [record["rdataA"] for record in change["old"]] == ["192.0.2.1"]
    assert [record["rdataA"] for record in change["new"]] == ["192.0.2.1", "192.0.2.2"]
    assert zone("diff", "HEAD", "HEAD", "--json").json == []


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["HEAD~2", "HEAD", "--", "www"], ["-A", "+A", "+TXT"]),
        (["HEAD~2", "HEAD", "www"], ["-A", "+A", "+TXT"]),
        (["HEAD~2", "www", "A"], ["-A", "+A"]),
        (["HEAD~2..HEAD", "--", "www.example.org.", "txt"], ["+TXT"]),
        (["HEAD~2...HEAD", "www", "A"], ["-A", "+A"]),
        (["--", "www"], ["+TXT"]),
        (["www"], ["+TXT"]),
        (["www", "A"], []),
        (["HEAD~2", "HEAD", "--", "mail"], []),
        (["HEAD~2", "HEAD", "--", "@"], []),
    ],
)
def test_diff_of_a_name(edited, words, wanted) -> None:
    result = edited("diff", *words)
    assert [line[0] + line.split()[3] for line in result.lines[2:]] == wanted
    assert result.err == ""
    assert edited("diff", "--exit-code", *words).code == (3 if wanted else 0)
    found = edited("diff", "--json", *words).json
    assert [change["type"] for change in found] == list(dict.fromkeys(word[1:] for word in wanted))
    assert edited("diff", "--name-only", *words).lines == (["www.example.org."] if wanted else [])


def test_diff_says_that_a_name_stands_in_neither_version(edited) -> None:
    result = edited("diff", "--exit-code", "HEAD~2", "HEAD", "--", "gone")
    assert (result.code, result.out, result.err) == (0, "", "gone has no records in either version\n")
    edited("delete", "www")
    assert len(edited("diff", "HEAD~1", "HEAD", "--", "www").lines) == 4


def test_a_word_that_is_a_version_and_a_name_is_refused_by_diff(edited, refused) -> None:
    edited("branch", "www")
    refused(edited("diff", "main", "www"), 2, "a version and a name")
    assert edited("diff", "main~1", "www", "--").lines[2:] == ['+www.example.org.\t300\tIN\tTXT\t"hello"']


def test_exit_code_tells_whether_anything_differs(edited) -> None:
    assert edited("diff", "--exit-code").code == 3
    assert edited("diff").code == 0
    same = edited("diff", "HEAD", "HEAD", "--exit-code")
    assert (same.code, same.out) == (0, "")


def test_colour_when_asked_for(edited, monkeypatch) -> None:
    plain = edited("diff").out
    assert "\x1b" not in plain
    coloured = edited("diff", "--color", "always").out
    assert "\x1b[32m+www" in coloured
    assert re.sub(r"\x1b\[[0-9]*m", "", coloured) == plain
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in edited("diff", "--color", "auto").out


def test_more_commits_than_there_are_may_be_asked_for(edited) -> None:
    assert edited("log", "--oneline", "-n", "9" * 30).out == edited("log", "--oneline").out


def test_blame_names_each_record_s_commit(edited) -> None:
    edited("add", "www", "A", "300", "192.0.2.8")
    lines = edited("blame", "www").lines
    log = {item["message"]: item["commit"][:12] for item in edited("log", "--json").json}
    assert [line.split()[0] for line in lines] == [log["move www"], log["add www A"], log["set www TXT"]]
    assert lines[0].endswith("www.example.org.\t300\tIN\tA\t192.0.2.7")
    assert len(edited("blame", "www", "TXT").lines) == 1
    (item,) = edited("blame", "www", "TXT", "--json").json
    assert item["record"]["rdataTXT"] == '"hello"'
    assert item["commit"]["message"] == "set www TXT"


def test_a_name_is_no_version_and_the_hint_says_how_its_changes_are_listed(edited, refused) -> None:
    for argv in (["log", "www", "--"], ["log", "main", "www", "--"], ["log", "HEAD..www"]):
        refused(edited(*argv), 5, "'www'", "`zonegit log -p -- www`")
    refused(edited("log", "cafe"), 5, "`zonegit log -p -- cafe`")
    refused(edited("diff", "cafe"), 5, "`zonegit diff -- cafe`")
    refused(edited("diff", "main@{0}", "cafe"), 5, "`zonegit diff 'main@{0}' -- cafe`")
    refused(edited("log", "MX"), 5, "the apex: `zonegit log -p -- @ MX`")
    refused(edited("log", "main", "MX"), 5, "`zonegit log -p -- @ MX`")
    refused(edited("diff", "main", "MX"), 5, "`zonegit diff main -- @ MX`")
    refused(edited("diff", "main", "@", "MX"), 2, "`zonegit diff main -- @ MX`")
    assert "-- " not in edited("log", "HEAD~9").err


def test_any_is_every_type(edited) -> None:
    for argv in (["blame", "www"], ["log", "--name", "www", "--type"]):
        assert edited(*argv, "ANY").code == 0
    assert edited("blame", "www", "any", "HEAD").out == edited("blame", "www").out
    assert edited("log", "--name", "www", "--type", "ANY").out == edited("log", "--name", "www").out


def test_patch_and_stat_are_shown_both(edited) -> None:
    lines = edited("log", "-p", "--stat", "-1").lines
    assert lines[-4:] == [
        "",
        " 1 RRset changed: 1 added, 0 modified, 0 deleted",
        "",
        '+www.example.org.\t300\tIN\tTXT\t"hello"',
    ]
    assert edited("log", "--oneline", "-p", "--stat", "-1").lines[1:] == lines[-3:]


def test_blame_of_an_older_version(edited) -> None:
    assert "192.0.2.1" in edited("blame", "www", "A", "HEAD~2").out


def test_reflog_is_numbered_from_the_newest(edited) -> None:
    lines = edited("reflog").lines
    assert [line.split()[1] for line in lines] == ["main@{0}", "main@{1}", "main@{2}"]
    assert lines[0].endswith("commit: set www TXT")
    assert lines[2].endswith("import: Import example.org.zone")
    found = edited("reflog", "main", "--json").json
    assert [item["index"] for item in found] == [0, 1, 2]
    assert found[0]["old"] == found[1]["new"]
    assert found[2]["old"] is None
    assert edited("log", "main@{1}", "-n", "1", "--json").json[0]["commit"] == found[1]["new"]


def test_a_reflog_that_is_too_short_says_how_old_it_is(zone, refused) -> None:
    date = zone("reflog", "--json").json[0]["who"]["date"]
    for point in ("yesterday", "7"):
        refused(
            zone("log", f"main@{{{point}}}"), 5, "has 1 move, ", date[:16] + "Z", "serial=N", "`zonegit log --until"
        )
    zone("delete", "www")
    refused(zone("diff", "main@{2020-01-01}"), 5, "has 2 moves, ")
    assert zone("log", "main@{0}").code == 0


def test_a_reflog_of_so_many_moves(edited, refused) -> None:
    lines = edited("reflog").lines
    assert edited("reflog", "-2").lines == edited("reflog", "main", "-n", "2").lines == lines[:2]
    assert [each["index"] for each in edited("reflog", "-1", "--json").json] == [0]
    assert edited("reflog", "-0").out == ""
    refused(edited("reflog", "nowhere", "-2"), 5, "nowhere")
    refused(edited("reflog", "-n", "x"), 2, "invalid number 'x': expected 0 or more")


def test_hints_lead_to_records_where_a_word_may_be_a_name(edited, refused) -> None:
    refused(edited("show", "ftp"), 5, "the records of a name: `zonegit show ftp ANY`")
    refused(edited("show", "MX"), 5, "for the apex: `zonegit show @ MX`")
    for word in ("HEAD~1000", "serial=7", "main@{99}"):
        assert "the records of" not in edited("show", word).err
    refused(edited("blame", "MX"), 5, "`zonegit blame @ MX`")
    assert edited("blame", "@", "MX").code == 0
    assert "zonegit blame" not in edited("blame", "gone").err
    refused(edited("bisect"), 2, "`zonegit when NAME TYPE VALUE` does that here")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--", "gone"], "no commit touched gone"),
        (["-p", "--", "MX", "A"], "no commit touched MX A"),
        (["-p", "--", "MX"], "no commit touched MX; for the apex: `zonegit log -- @ MX`"),
        (["--graph", "--", "gone"], "no commit touched gone"),
        (["--since", "2999-01-01", "www"], "none of the selected commits touched www"),
        (["HEAD~1..HEAD", "--", "mail"], "none of the selected commits touched mail"),
        (["-n", "0", "www"], ""),
        (["HEAD..HEAD"], ""),
    ],
)
def test_a_log_without_commits_says_so(edited, words, told) -> None:
    result = edited("log", *words)
    assert (result.code, result.out, result.err.strip()) == (0, "", told)
    if "--graph" not in words:
        assert edited("log", "--json", *words).json == []
        assert edited("log", "--json", *words).err.strip() == told


@pytest.mark.parametrize(
    ("argv", "code", "words"),
    [
        (["log", "nowhere"], 5, ["nowhere"]),
        (["log", "-n", "x"], 2, ["-n", "'x'", "invalid number"]),
        (["log", "-n", "-1"], 2, ["-n", "invalid number '-1': expected 0 or more"]),
        (["log", "HEAD~9"], 5, ["HEAD~9"]),
        (["log", "{"], 2, ["revision"]),
        (["log", "--type", "A"], 2, ["--name"]),
        (["log", "--name", "www", "--type", "QQ"], 1, ["unknown type"]),
        (["log", "--name", "www.example.net."], 1, ["outside of the zone"]),
        (["log", "--zone", "example.net"], 5, ["example.net."]),
        (["log", "0000"], 5, ["0000"]),
        (["diff", "nowhere"], 5, ["nowhere"]),
        (["diff", "HEAD", "nowhere"], 5, ["nowhere"]),
        (["diff", "a", "b", "c"], 5, ["'a'"]),
        (["diff", "HEAD", "HEAD", "HEAD"], 2, ["two versions"]),
        (["diff", "HEAD..HEAD", "HEAD"], 2, ["two versions", "already names two versions"]),
        (["diff", "--", "www", "A", "more"], 2, ["NAME and TYPE"]),
        (["diff", "--", "www", "QQ"], 1, ["unknown type"]),
        (["diff", "--", "www.example.org"], 1, ["final dot"]),
        (["diff", "--", "www.example.net."], 1, ["outside of the zone"]),
        (["diff", "nowhere", "--", "www"], 5, ["nowhere"]),
        (["blame", "nowhere"], 5, ["nowhere"]),
        (["blame", "www", "QQ"], 1, ["unknown type"]),
        (["blame", "www", "AAAA"], 5, ["AAAA"]),
        (["blame", "www.example.net."], 1, ["outside of the zone"]),
        (["blame", "www", "A", "nowhere"], 5, ["nowhere"]),
        (["reflog", "nowhere"], 5, ["nowhere"]),
    ],
)
def test_bad_input(zone, refused, argv, code, words) -> None:
    refused(zone(*argv), code, *words)


def test_an_ambiguous_prefix_is_refused(zone, refused, tmp_path) -> None:
    with LmdbStore.open(tmp_path / "repo").write() as writer:
        first = Commit.decode(writer.get(parse_id(zone("log", "--json").json[0]["commit"])))
        seen: dict[str, bytes] = {}
        for number in count():
            data = first._replace(message=f"number {number}").encode()
            prefix = object_id(data).hex()[:4]
            if prefix in seen:
                break
            seen[prefix] = data
        writer.insert([seen[prefix], data])
    refused(zone("log", prefix), 2, "ambiguous", prefix)
    refused(zone("cat-object", prefix), 5, "2 objects", prefix)


def test_what_a_peer_wrote_does_nothing_to_a_terminal(zone, tmp_path) -> None:
    with LmdbStore.open(tmp_path / "repo").write() as writer:
        first = Commit.decode(writer.get(parse_id(zone("log", "--json").json[0]["commit"])))
        who = Stamp("\x9b31mAda", 10**15 - 1, 5999)
        bad = first._replace(message="\x1b]0;x\x07\n\nb\tc\r", author=who, committer=who)
        writer.insert([bad.encode()])
        writer.move_refs([RefUpdate(head("example.org.", "bad"), None, object_id(bad.encode()))], who, bad.subject)
    zone("checkout", "bad")
    name = object_id(bad.encode()).hex()
    for argv in ("log", "log --oneline", "branch", "status", "blame www", "reflog", f"cat-object {name}"):
        result = zone(*argv.split())
        assert result.code == 0, result
        assert all(char.isprintable() or char in "\n\t" for char in result.out), argv
    assert "\\x1b]0;x\\x07" in zone("log", "--oneline").out
    assert zone("log", "--json").json[0]["message"] == bad.message
