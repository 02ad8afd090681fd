"""docs/git.md: its examples are one story, and each prints what the page says."""

import os
import re
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from pagekit import Clock, Shell, examples, unlike
from servekit import Served
from zonegit.auth.keyfile import new_key
from zonegit.auth.scope import parse_scope
from zonegit.cli.verbs import GROUPS

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "git.md"
TIME: Final = re.compile(r"^<!-- (\d{4}-\d\d-\d\d \d\d:\d\d) -->$", re.MULTILINE)
"""A comment in the page: when the next block's commands are run. Each command takes a minute."""
NAME: Final = "ns1"
SERVER: Final = "https://ns1.example.net:9354"
"""Where the page has a zonegitd by this name."""
OF_GIT: Final = (
    *("records", "editing", "applying", "bulk_changes", "history"),
    *("branches", "undo", "merging", "signing", "proposing", "housekeeping", "syncing"),
)
"""Groups of verbs each of which the page shows."""


def test_each_example_prints_what_the_page_says(tmp_path: Path) -> None:
    text = PAGE.read_text()
    times = [(match.start(), _seconds(match[1])) for match in TIME.finditer(text)]
    home, site = tmp_path / "home", tmp_path / "site"
    home.mkdir()
    site.mkdir()
    clock = Clock(site)
    now = 0
    with Shell(home, **clock.variables) as shell, ExitStack() as servers:
        shell.run("unset ZONEGIT_REPO ZONEGIT_AUTHOR VISUAL EDITOR")
        for command, printed, at in examples(text):
            while times and times[0][0] < at:
                now = times.pop(0)[1]
            now += 60
            clock.set(now)
            if SERVER in command:
                command = command.replace(SERVER, _served(home, clock, servers).url)
            difference = unlike(printed, shell.run(command))
            assert not difference, f"{command}\n{difference}"


def test_each_verb_of_git_has_an_example() -> None:
    text = PAGE.read_text()
    shown = {word for each in examples(text) for word in re.findall(r"\bzonegit ([a-z-]+)", each.command)}
    assert {verb for group in OF_GIT for verb in GROUPS[group]} <= shown


def _served(home: Path, clock: Clock, servers: ExitStack) -> Served:
    """The story's repository, served to whoever has the key in `keys`."""
    scopes = (parse_scope("read:*"), parse_scope("push:*"))
    new_key(home / "keys", "ada", scopes, clock.now, os.urandom)
    served = Served(home / ".zonegit", home / "keys", clock=clock.now, name=NAME)
    servers.callback(served.stop)
    return served


def _seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())
