"""The manual pages: every verb, key and flag stands in one, and roff finds nothing wrong with them."""

import importlib.util
import re
import subprocess
from pathlib import Path

import pytest

from zonegit.cli import parser, verbs
from zonegit.dns.incoming.bounds import BOUNDS
from zonegit.ops import flags
from zonegit.ops.catalogs import CATALOG
from zonegit.ops.config_file import PUBLISH, TABLES, TOP, ZONE
from zonegit.ops.dnssec_policy import DNSSEC

TOP_DIRECTORY = Path(__file__).resolve().parents[3]
HAND_WRITTEN = TOP_DIRECTORY / "docs" / "man"
DATE = "2026-11-21"


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    spec = importlib.util.spec_from_file_location("manpages", TOP_DIRECTORY / "packaging" / "manpages.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    made = dict(module.pages(DATE))
    assert made == dict(module.pages(DATE))
    return made | {path.name: path.read_text() for path in HAND_WRITTEN.glob("*.[578]")}


def plain(page: str) -> str:
    return re.sub(r"\\f[BIR]", "", page).replace("\\-", "-").replace("\\ ", " ")


def test_every_verb_has_a_page_with_its_options(pages) -> None:
    for name in verbs.names():
        page = pages[f"zonegit-{name.replace(' ', '-')}.1"]
        if page.startswith(".so man1/"):
            page = pages[page.removeprefix(".so man1/").strip()]
        text = plain(page)
        assert f".SS zonegit {name}\n" in text
        for action in parser.verb_parser(name, verbs.load(name))._actions:
            if action.dest not in ("help", "directories", "repo", "zone", "color"):
                assert all(option in text for option in action.option_strings)
        assert f".B {name}\n" in plain(pages["zonegit.1"])


def test_every_key_of_the_configuration_is_described(pages) -> None:
    sections = re.split(r"^\.SH (.+)\n", plain(pages["zonegitd.toml.5"]), flags=re.MULTILINE)
    described = {
        title: set(re.findall(r"^\.TP\n(\w+) = ", body, re.MULTILINE))
        for title, body in zip(sections[1::2], sections[2::2], strict=True)
    }
    assert described["TOP LEVEL"] == set(TOP)
    for name, keys in TABLES.items():
        assert described[f"[{name}]"] == set(keys) - {"limits", "incoming_limits"}
    assert described["[dns.incoming_limits]"] == set(BOUNDS._fields)
    assert described["[zone.\\(dqexample.org.\\(dq]"] == set(ZONE)
    assert described["[zone.\\(dqexample.org.\\(dq.publish]"] == set(PUBLISH)
    assert described["[catalog.\\(dqcatalog.example.\\(dq]"] == set(CATALOG)
    assert described["[zone.\\(dqexample.org.\\(dq.dnssec]"] == set(DNSSEC)


def test_every_flag_of_the_daemon_is_described(pages) -> None:
    text = plain(pages["zonegitd.8"])
    for action in flags.parser()._actions:
        assert all(re.search(rf"^(\.B |.*){option}\b", text, re.MULTILINE) for option in action.option_strings)


def test_pages_hold_ascii_and_no_unnamed_argument(pages) -> None:
    for page in pages.values():
        assert page.isascii()
        assert not re.search(r"^\.TP\n.*\n(?=\.)(?!\.B|\.I|\.R)", page, re.MULTILINE)


def test_roff_finds_nothing(pages, needs_program) -> None:
    groff = needs_program("groff")
    for name, page in pages.items():
        if not page.startswith(".so"):
            done = subprocess.run(
                (groff, "-man", "-ww", "-z", "-rCHECKSTYLE=3"),
                input=page,
                capture_output=True,
                text=True,
                check=True,
            )
            assert (name, done.stderr) == (name, "")


def test_mandoc_finds_nothing(pages, tmp_path, needs_program) -> None:
    mandoc = needs_program("mandoc")
    for name, page in pages.items():
        if not page.startswith(".so"):
            (tmp_path / name).write_text(page)
    done = subprocess.run(
        (mandoc, "-T", "lint", "-W", "warning", *sorted(tmp_path.iterdir())), capture_output=True, text=True
    )
    assert done.stdout == ""


def test_the_six_commands_are_those_of_the_readme(pages) -> None:
    blocks = re.findall(r"^\.EX\n(.*?)^\.EE\n", pages["zonegit-quickstart.7"], re.MULTILINE | re.DOTALL)
    first, second = (block.replace("\\-", "-").replace("\\e", "\\").splitlines() for block in blocks[:2])
    assert len(first) + len(second) == 6
    readme = (TOP_DIRECTORY / "README.md").read_text()
    for machine, commands in (("primary", first), ("secondary", second)):
        assert f"```sh {machine}\n{chr(10).join(commands)}\n```\n" in readme
