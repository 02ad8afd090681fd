"""Verbs of git, rndc, knotc and pdnsutil are answered with what does the same here, never with something else."""

import re

import pytest

from zonegit.cli import elsewhere, verbs
from zonegit.cli.elsewhere import advice


@pytest.mark.parametrize(
    "name", ["edit-zone", "commit", "push", "pull", "reload", "checkzone", "rm", "zone delete"]
)
def test_what_is_known_elsewhere_is_answered(run, refused, name) -> None:
    refused(run(*name.split()), 2, f"{name!r} is not a verb; ", advice(name))


def test_nothing_that_is_here_is_redirected_and_every_way_leads_somewhere() -> None:
    known = set(verbs.names())
    for name in (*elsewhere._SAME, *elsewhere._OTHERWISE):
        assert name not in known
        text = advice(name)
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
        refused(run("zone", verb, "a.example", "b.example"), 2, "there is no rename yet", "`export`", "`import`")


def test_git_s_usual_aliases_are_known(run, refused) -> None:
    refused(run("st"), 2, "`zonegit status`")
    refused(run("co", "main"), 2, "`zonegit checkout BRANCH`")
