"""Verbs of git, rndc, knotc and pdnsutil are answered with what does the same here, never with something else."""

import re

import pytest

from zonegit.cli import elsewhere, verbs
from zonegit.cli.elsewhere import advice
from zonegit.cli.parser import verb_parser


@pytest.mark.parametrize(
    "name", ["edit-zone", "commit", "rebase", "stash", "reload", "checkzone", "rm", "zone delete"]
)
def test_what_is_known_elsewhere_is_answered(run, refused, name) -> None:
    refused(run(*name.split()), 2, f"{name!r} is not a verb; ", advice(name))


def test_nothing_that_is_here_is_redirected_and_every_way_leads_somewhere() -> None:
    known = set(verbs.names())
    texts = {name: advice(name) for name in (*elsewhere._SAME, *elsewhere._OTHERWISE)}
    assert not known & texts.keys()
    texts |= {
        f"{verb} {option}": text for verb, each in elsewhere._OPTIONS.items() for option, text in each.items()
    }
    for name, text in texts.items():
        assert text is not None
        for said in re.findall(r"`(?:zonegit )?([a-z].*?)`", text):
            words = said.split()
            assert words[0] == "systemctl" or known & {words[0], " ".join(words[:2])}, (name, said)


def test_mistyped_verbs_are_still_guessed(run, refused) -> None:
    refused(run("chekout", "main"), 2, "did you mean `checkout`?")
    refused(run("lgo"), 2, "did you mean `log`?")
    for name in ("frobnicate", "rndc", "nsd-control", "dig", "zone frobnicate"):
        refused(run(*name.split()), 2, "lists the verbs")


def test_what_removes_is_not_suggested_for_a_rename(run, refused) -> None:
    for verb in ("rename", "mv", "move"):
        refused(
            run("zone", verb, "a.example", "b.example"), 2, "a zone can't be renamed yet", "`export`", "`import`"
        )


def test_git_s_usual_aliases_are_known(run, refused) -> None:
    refused(run("st"), 2, "`zonegit status`")
    refused(run("co", "main"), 2, "`zonegit checkout BRANCH`")


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("branch -M new", "zonegit branch -m OLD NEW"),
        ("branch -v", "already shows each tip with its serial and message"),
        ("branch -a", "PEER/BRANCH"),
        ("branch -r", "PEER/BRANCH"),
        ("branch --list", "without a name lists them"),
        ("checkout -B main", "zonegit checkout -b BRANCH"),
        ("restore --source HEAD~1 www", "zonegit restore NAME --from REV"),
        ("restore --source=HEAD~1 www", "zonegit restore NAME --from REV"),
        ("restore -s HEAD~1 www", "zonegit restore NAME --from REV"),
        ("reset --soft HEAD~1", "zonegit reset --hard REV"),
        ("reset --mixed HEAD~1", "zonegit reset --hard REV"),
        ("merge --squash feature", "zonegit cherry-pick A..B"),
        ("show -p", "already prints the complete change"),
        ("commit --amend", "make another commit"),
        ("amend", "make another commit"),
    ],
)
def test_options_that_git_has_are_answered(zone, refused, typed, told) -> None:
    refused(zone(*typed.split()), 2, told)


def test_each_option_of_git_in_the_table_is_none_here() -> None:
    for verb, options in elsewhere._OPTIONS.items():
        if verb in verbs.names():
            parser = verb_parser(verb, verbs.load(verb))
            assert not options.keys() & parser._option_string_actions.keys()
