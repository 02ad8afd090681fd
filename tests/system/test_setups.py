"""docs/publishing.md: its three set-ups, each from the page's text, with a real daemon and the people it names."""

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from daemonkit import Daemon
from machinekit import Machines
from pagekit import FENCE, Example, Shell, examples, unlike
from repokit import ZONE
from zonegit.ops.config_file import read_file

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "publishing.md"
PEOPLE: Final = ("root", "ada", "bob", "carol")
NODE: Final = "primary"
WAITS: Final = ("dig ", "zonegit status", "zonegit publish --dry-run", "zonegit review")
"""Commands that change nothing: what they print becomes what the page says once the daemon has done its part."""
PATIENCE: Final = 30.0
SECONDS: Final = 240.0
"""How long a set-up may take in all, on a machine that is busy."""


class Step(NamedTuple):
    """One block of a set-up."""

    kind: str
    """Its language."""
    who: str
    """The person who types it, or the file that it is."""
    text: str


def setups() -> dict[str, list[Step]]:
    text = PAGE.read_text().partition("\n## Three set-ups to copy\n")[2].partition("\n## ")[0]
    parts = re.split(r"^### (.+)\n", text, flags=re.MULTILINE)[1:]
    found = {}
    for title, body in zip(parts[::2], parts[1::2], strict=True):
        fences = (block for block in FENCE.finditer(body))
        found[title] = [Step(*block[1].split(maxsplit=1), block[2]) for block in fences]
    return found


class Office:
    """A machine with a daemon, on which people work as users of their own."""

    def __init__(self, top: Path, repo: Path, start: Callable[..., Daemon], shells: ExitStack) -> None:
        self.machines = Machines(top, (NODE,))
        repo.rename(top / NODE / "repo")
        self.daemon = self.machines.run(NODE, 'repo = "/var/lib/zonegit"\n', start)
        (top / NODE / "repo" / "zonegitd.toml").hardlink_to(top / NODE / "zonegitd.toml")
        self._shells = {who: shells.enter_context(self._shell(who)) for who in PEOPLE}

    def _shell(self, who: str) -> Shell:
        """Each person has a uid of their own, as far as `zonegit` can see."""
        home = self.machines.top / "home" / who
        home.mkdir(parents=True)
        uid = 0 if who == "root" else 1000 + PEOPLE.index(who)
        (home / "sitecustomize.py").write_text(f"import os\nos.geteuid = lambda: {uid}\n")
        (home / "example.org.zone").write_text(ZONE)
        here = self.machines.top / NODE
        more = {"TZ": noon(), "PYTHONPATH": str(home), "MACHINE": str(here), "ZONEGIT_REPO": str(here / "repo")}
        shell = Shell(home, SECONDS, HOME=str(home), LOGNAME=who, **more)
        shell.run(f"PATH={self.machines.top / 'bin'}:$PATH; unset ZONEGIT_AUTHOR SSH_AUTH_SOCK DISPLAY; umask 022")
        return shell

    def local(self, text: str) -> str:
        """A text of the page with the paths and the port of this machine."""
        top = self.machines.top
        places = {
            **{f"~{who}/": f"{top}/home/{who}/" for who in PEOPLE},
            "/usr/local/bin": f"{top}/bin",
            "/etc/zonegit": f"{top}/{NODE}",
            "/var/lib/zonegit": f"{top}/{NODE}/repo",
            "@127.0.0.1": f"@127.0.0.1 -p {self.daemon.port()}",
            "@ns1": f"@{os.uname().nodename}",
        }
        for place, here in places.items():
            text = text.replace(place, here)
        return text

    def run(self, who: str, example: Example) -> None:
        command, wanted = self.local(example.command), [alike(self.local(line)) for line in example.printed]
        shell, deadline = self._shells[who], time.monotonic() + PATIENCE
        while True:
            found = [alike(line) for line in shell.run(command)]
            difference = unlike(wanted, found)
            if not difference:
                return
            waits = example.command.startswith(WAITS) and time.monotonic() < deadline
            assert waits, f"{who}$ {example.command}\n{difference}\n{self.daemon.log}"
            time.sleep(0.05)

    def write(self, name: str, text: str) -> None:
        """A file of the page: the configuration, to which the text is added, or a program."""
        file = Path(self.local(name))
        if file.suffix == ".toml":
            file.write_text(file.read_text() + self.local(text))
            read_file(file)
        else:
            file.write_text(text)


def noon() -> str:
    """A time zone in which it is about noon, so that three o'clock is far away."""
    return f"XXX{time.gmtime().tm_hour - 12:+d}"


def alike(line: str) -> str:
    """A line without the serials and times that differ from day to day."""
    line = re.sub(r"\b20\d{8}\b", "<serial>", line)
    line = re.sub(r"\b20\d\d-\d\d-\d\d\b(?! \d\d:)", "<day>", line)
    return re.sub(r"\b\w{3} \w{3} +\d+ \d\d:\d\d:\d\d \d{4} [+-]\d{4}", "<time>", line)


@pytest.fixture
def office(tmp_path: Path, repo: Path, start: Callable[..., Daemon], needs_program) -> Iterator[Office]:
    needs_program("dig")
    with ExitStack() as shells:
        yield Office(tmp_path / "machines", repo, start, shells)


def test_there_are_three() -> None:
    assert len(setups()) == 3


@pytest.mark.parametrize("title", setups())
def test_a_set_up_does_what_the_page_says(title: str, office: Office) -> None:
    for step in setups()[title]:
        if step.kind == "console":
            for example in examples(f"```console\n{step.text}```\n"):
                office.run(step.who, example)
        else:
            office.write(step.who, step.text)
