"""Finding the verb, options on either side of it, and mistakes in a call."""

import shlex
from pathlib import Path

import pytest

from zonegit.cli import verbs
from zonegit.cli.parser import parse
from zonegit.errors import UsageError


def test_every_listed_verb_is_declared_and_every_declared_one_listed() -> None:
    for module, group in verbs.GROUPS.items():
        declared = __import__(f"zonegit.cli.{module}", fromlist=["VERBS"]).VERBS
        assert list(declared) == list(group)


@pytest.mark.parametrize("name", verbs.names())
def test_every_verb_has_help(run, name) -> None:
    result = run(*name.split(), "--help")
    assert result.code == 0
    assert result.out.startswith(f"usage: zonegit {name}")
    assert run("help", *name.split()).out == result.out


@pytest.mark.parametrize("argv", [["--help"], ["-h"], ["help"]])
def test_the_overview_lists_every_verb(run, argv) -> None:
    result = run(*argv)
    assert result.code == 0
    for name in verbs.names():
        assert f"  {name} " in result.out


def test_options_stand_before_or_after_the_verb() -> None:
    for argv in (
        ["--repo=dir", "--zone", "example.org", "log", "main"],
        ["log", "--repo", "dir", "main", "--zone=example.org"],
        ["--zone", "example.org", "log", "main", "--repo", "dir"],
    ):
        _, args = parse(argv)
        assert (args.repo, args.zone, args.revisions) == ("dir", "example.org", ["main"])


def test_directories_are_collected_on_either_side_of_the_verb() -> None:
    assert parse(["-C", "a", "log", "main", "-C", "b"])[1].directories == ["a", "b"]
    assert parse(["log"])[1].directories == []


def test_options_stand_between_arguments() -> None:
    _, args = parse(["set", "www", "A", "-m", "why", "300", "192.0.2.1", "--dry-run", "192.0.2.2"])
    assert (args.name, args.type, args.ttl, args.rdata) == ("www", "A", "300", ["192.0.2.1", "192.0.2.2"])
    assert args.message == "why"
    assert args.dry_run


@pytest.mark.parametrize(
    ("argv", "number"),
    [("log -3", 3), ("log -n3", 3), ("log -n 3 -12 main", 12), ("-5 log", 5), ("log --number=4", 4)],
)
def test_a_number_of_commits_as_git_takes_it(argv, number) -> None:
    assert parse(argv.split())[1].number == number


def test_a_number_with_a_dash_is_no_option_elsewhere() -> None:
    assert parse(["set", "www", "TXT", "300", "-3"])[1].rdata == ["-3"]
    assert parse(["log", "--grep", "-3"])[1].grep == ["-3"]


@pytest.mark.parametrize(
    "argv",
    [
        "set www TXT 300 -m why -- -all -- -m",
        "set www TXT 300 -m why --dry-run -- -all -- -m",
        "set www -m why -- TXT 300 -all -- -m",
        "set -m why -- www TXT 300 -all -- -m",
        "-m why set -- www TXT 300 -all -- -m",
    ],
)
def test_two_dashes_end_the_options(argv) -> None:
    _, args = parse(argv.split())
    assert (args.name, args.type, args.ttl, args.rdata) == ("www", "TXT", "300", ["-all", "--", "-m"])
    assert args.message == "why"


def test_nothing_behind_two_dashes_is_an_option(run, refused) -> None:
    assert parse(["log", "--", "-x", "-3"])[1].revisions == ["-x", "-3"]
    assert parse(["log", "-n", "2", "--"])[1].revisions == []
    assert parse(["config", "check", "--", "-file"])[1].file == Path("-file")
    refused(run("reflog", "--", "a", "-b"), 2, "unrecognized arguments: -b;")
    refused(run("completion", "--", "-x"), 2, "invalid choice: '-x'")


def test_two_dashes_leave_an_option_without_its_value(run, refused) -> None:
    refused(run("log", "-n", "--", "2"), 2, "argument -n/--number: expected one argument;")
    refused(run("tag", "-m", "--", "v1", "v2"), 2, "argument -m/--message: expected one argument;")
    refused(run("branch", "--author", "--", "dev"), 2, "argument --author: expected one argument;")


def test_a_quoted_record_may_begin_with_a_dash() -> None:
    _, args = parse(["set", "www", "TXT", "300", "-v all"])
    assert args.rdata == ["-v all"]


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        ([], ["no verb", "--help"]),
        (["-C", "dir"], ["no verb"]),
        (["lgo"], ["'lgo' is not a verb", "`log`"]),
        (["qqqqqq"], ["not a verb", "lists the verbs"]),
        (["zone", "ad"], ["not a verb", "`zone add`"]),
        (["help", "nothing"], ["not a verb"]),
        (["set"], ["set:", "required", "zonegit set --help"]),
        (["set", "www", "A", "192.0.2.1"], ["required", "RDATA"]),
        (["log", "--onelin"], ["unrecognized", "--onelin"]),
        (["log", "-n", "x"], ["invalid", "'x'"]),
        (["log", "-n", "-5"], ["-n", "'-5'", "such as -n 5 or -5"]),
        (["log", "--colour"], ["--colour", "did you mean `--color`?"]),
        (["log", "--colour=never"], ["did you mean `--color`?"]),
        (["set", "www", "A", "60", "192.0.2.1", "--dryrun"], ["did you mean `--dry-run`?"]),
        (["log", "--frobnicate"], ["unrecognized", "zonegit log --help"]),
        (["reflog", "a", "b"], ["unrecognized"]),
        (["status", "--color", "blue"], ["invalid choice"]),
        (["set", "www", "A", "300", "192.0.2.1", "--zone"], ["--zone", "expected one argument"]),
    ],
)
def test_a_wrong_call_is_one_line_and_exit_2(run, refused, argv, words) -> None:
    refused(run(*argv), 2, *words)


def test_abbreviated_options_are_refused() -> None:
    with pytest.raises(UsageError):
        parse(["status", "--js"])


def test_a_family_lists_its_verbs(run) -> None:
    for argv in (["zone", "--help"], ["help", "zone"]):
        result = run(*argv)
        assert result.code == 0
        assert "zone add" in result.out
        assert "key new" not in result.out


@pytest.mark.parametrize("family", sorted(verbs.FAMILIES))
def test_a_family_without_its_second_word_is_no_call(run, refused, family) -> None:
    seconds = [name.split()[1] for name in verbs.names() if name.startswith(f"{family} ")]
    refused(run(family), 2, ", ".join(seconds), f"`zonegit {family} --help`")


@pytest.mark.parametrize(
    "argv",
    [
        "set www A 60 192.0.2.1 --repo ''",
        "--repo= set www A 60 192.0.2.1",
        "set www A 60 192.0.2.1 --branch ''",
        "set www A 60 192.0.2.1 --author ''",
        "log --name ''",
        "log --since ''",
        "status --zone ''",
        "key list --keys ''",
        "clone https://example.org/ --name x --keys d --key ''",
        "metrics --url ''",
    ],
)
def test_an_empty_value_is_no_value(run, refused, argv) -> None:
    words = shlex.split(argv)
    option = words[-2] if words[-1] == "" else "--repo"
    refused(run(*words), 2, option, "empty")


def test_an_empty_directory_is_here_and_an_empty_pattern_matches_all(zone) -> None:
    assert zone("-C", "", "log", "--grep", "", "--author", "").out == zone("log").out != ""


@pytest.mark.parametrize("argv", [["help"], ["help", "zone"], ["help", "peer"]])
def test_the_overviews_have_two_columns(run, argv) -> None:
    shown = {
        name: line
        for name in verbs.names()
        for line in run(*argv).lines
        if line.startswith(f"  {name} ") and line.endswith(f" {verbs.summary(name)}")
    }
    assert shown
    assert len({len(line) - len(verbs.summary(name)) for name, line in shown.items()}) == 1
