"""The documents: links lead somewhere, the README's tour prints what it says, and every command is one."""

import re
import shlex
from collections.abc import Iterator
from itertools import dropwhile
from pathlib import Path
from typing import Final

import pytest

from pagekit import FENCE, Shell, examples, unlike
from peerkit import free_ports
from zonegit.cli import options
from zonegit.cli.parser import parse
from zonegit.errors import UsageError
from zonegit.ops.flags import parser as daemon_parser

ROOT: Final = Path(__file__).resolve().parents[2]
PAGES: Final = sorted(
    page for place in ("*.md", "docs/**/*.md", "bench/*.md", "tests/**/*.md") for page in ROOT.glob(place)
)
LINK: Final = re.compile(r"\[[^]\[]+\]\(([^)\s]+)\)")
ELSEWHERE: Final = {
    "systemctl": "tests/boot has the service itself; the drills have a script in its place",
    "printf": "appends to the installed configuration: tests/boot",
    "runuser": "needs the service's user: a script in its place in the drills",
    "scp": "needs two machines: a script in its place in the drills",
    "make": "`make test` is what runs this; CI runs `make demo`, `make deb` and `make test-boot`",
    **dict.fromkeys(("cd", "mkdir", "chmod", "openssl", "curl"), "run by test_operations, test_drills"),
    **dict.fromkeys(("kill", "export"), "run by the tour"),
    "dig": "run by the tour",
    "head": "run by test_setups",
    "rm": "takes away a drop-in of the service, where systemd runs it",
    **dict.fromkeys(("cat", "sed"), "run by test_git_page"),
    "diff": "compares what the line above has printed",
    "named-checkconf": "run by test_operations",
}
"""Programs that aren't ours: who runs the commands that begin with them."""


WIDTH: Final = 100
CODE: Final = re.compile(r"(?<=\n\n)(?: {4}.*\n|\n(?= {4}))+")
CELL: Final = re.compile(r"(?<!\\)\|")
FIGURES: Final = re.compile(r"<!-- figures: .*<!-- end of figures -->", re.DOTALL)


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as forges make them."""
    text = re.sub(r"^ *```.*?^ *```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#{1,6} (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", re.sub(r"[`*]", "", heading).lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    text = FENCE.sub("", page.read_text())
    for link in LINK.findall(re.sub(r"`[^`\n]*`", "", text)):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_prose_wraps_at_100_columns(page: Path) -> None:
    """Code, tables, and what `bench/run.py` writes have their own shape. A word longer than that stands alone."""
    text = CODE.sub("", FENCE.sub("", FIGURES.sub("", page.read_text())))
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("|")]
    assert not [line for line in lines if len(line) > WIDTH and len(line.split()) > 1]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_conflict_is_left_in_it(page: Path) -> None:
    assert not re.findall(r"^(?:<{7}|>{7}) .*", page.read_text(), re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_table_cells_are_short(page: Path) -> None:
    """A cell of more than two lines is a paragraph, or a list."""
    rows = [line for line in FENCE.sub("", page.read_text()).splitlines() if line.lstrip().startswith("|")]
    assert not [cell for row in rows for cell in CELL.split(row) if len(cell.strip()) > 2 * WIDTH]


def test_every_decision_stands_in_the_index() -> None:
    index = (ROOT / "docs" / "decisions" / "README.md").read_text()
    for page in ROOT.glob("docs/decisions/0*.md"):
        title = page.read_text().splitlines()[0].lstrip("# 0")
        assert f"- [{title}]({page.name})" in index


@pytest.mark.parametrize("page", ["SECURITY.md", "docs/architecture.md"])
def test_the_places_in_the_code_are_there(page: str) -> None:
    package = ROOT / "appliance" / "zonegit"
    rooms = "|".join(path.name for path in package.iterdir() if path.is_dir())
    places = re.findall(rf"`((?:{rooms})/[\w/]*)`", (ROOT / page).read_text())
    assert places
    for place in places:
        assert (package / place).is_dir() or (package / f"{place}.py").exists(), place
    for place in re.findall(r"`((?:tests|packaging)/[\w./]+)`", (ROOT / page).read_text()):
        assert (ROOT / place).exists(), place


def commands(page: Path) -> Iterator[str]:
    """Each command line of a page's blocks: behind `$ ` where a block has such lines, else every line of shell."""
    for language, text in FENCE.findall(page.read_text()):
        joined = text.replace("\\\n", " ")
        lines = [line.strip() for line in joined.splitlines() if line.strip()]
        shown = [line[2:] for line in lines if line.startswith("$ ")]
        if shown or language.startswith("sh") or (not language and re.match(r"zonegit |make ", lines[0])):
            yield from shown or lines


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_is_one(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`zonegit` and `zonegitd` are asked to read theirs; the rest is run elsewhere, by whom is said above."""
    monkeypatch.setattr(options, "SERVICE_KEYS", str(tmp_path))  # as where the package is installed
    for line in commands(page):
        words = shlex.split(line, comments=True)
        ends = (">", ">>", "2>", "|", "&", "<")
        words = words[: next((at for at, word in enumerate(words) if word in ends or word[:2] == "<<"), None)]
        words = [*dropwhile(lambda word: re.match(r"[A-Z]+=", word), words)]
        program = words[0]
        if program == "zonegit":
            assert parse(words[1:])
        elif program == "zonegitd":
            assert daemon_parser().parse_args(words[1:])
        else:
            assert program in ELSEWHERE, line


def test_every_command_in_a_sentence_is_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where it has arguments. `zonegit zone remove` alone, or with options, names a verb; the other words may be
    capitals that stand for something."""
    monkeypatch.setattr(options, "SERVICE_KEYS", str(tmp_path))
    count = 0
    for page in PAGES:
        for span in re.findall(r"`zonegit ([^`]+)`", FENCE.sub("", page.read_text())):
            if "VERB" in span or re.search(r"[\w…]\|\w|…", span):
                continue
            count += 1
            try:
                parse(shlex.split(span))
            except UsageError as error:
                named = re.match(
                    r"(the following arguments are required|expected a second word)", _after_verb(error)
                )
                assert named or "no verb was given" in str(error), f"{page}: zonegit {span}: {error}"
                words = [word for word in span.split() if not word.startswith("-")]
                assert not named or " ".join(words) == str(error).partition(":")[0], (
                    f"{page}: zonegit {span}: {error}"
                )
    assert count > 50


def _after_verb(error: UsageError) -> str:
    return str(error).partition(": ")[2]


def test_the_tour_prints_what_it_says(tmp_path: Path, needs_program) -> None:
    needs_program("dig")
    known = ("5300", "5301", "9353", "9354")
    ports = dict(zip(known, map(str, free_ports(len(known))), strict=True))
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    text = (ROOT / "README.md").read_text().partition("## The tour")[2].partition("\n## ")[0]
    with Shell(tmp_path) as shell:
        for command, printed, _ in examples(text):
            line = re.sub(r"\b(5300|5301|9353|9354)\b", lambda match: ports[match[0]], command)
            if line == "zonegit ready":  # at its usual port another one may be at work
                line += f" --url http://127.0.0.1:{ports['9353']}/readyz"
            found = shell.run(line)
            if "5301" in command and "dig" in command:  # the secondary is told, which takes some 20 ms
                tries = iter(range(200))
                while found != printed and next(tries, None) is not None:
                    found = shell.run(f"sleep 0.05; {line}")
            difference = unlike(printed, found)
            assert not difference, f"{command}\n{difference}"


def test_the_readme_installs_as_the_manual_does() -> None:
    """The six commands are those of zonegit-quickstart(7), which the boot test runs."""
    readme = (ROOT / "README.md").read_text().partition("## Installing")[2].partition("\n## ")[0]
    six = [line for language, text in FENCE.findall(readme) if language for line in text.splitlines()]
    assert len(six) == 6
    manual = (ROOT / "docs" / "man" / "zonegit-quickstart.7").read_text()
    blocks = re.findall(r"^\.EX\n(.*?)^\.EE", manual, re.MULTILINE | re.DOTALL)
    assert six == "".join(blocks[:2]).replace("\\e", "\\").replace("\\-", "-").splitlines()
