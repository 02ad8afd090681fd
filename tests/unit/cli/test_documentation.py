"""docs/cli.md names every verb, and every key of the JSON that the verbs answer with."""

import re
from pathlib import Path

import pytest

from zonegit.cli import verbs
from zonegit.zonefile.findings import CHECKS, severity_of

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "cli.md").read_text()


@pytest.mark.parametrize("name", verbs.names())
def test_every_verb_is_described(name) -> None:
    assert re.search(rf"^\| .*`{name}[ `]", PAGE, re.MULTILINE)


def keys_of(value, opaque=("objects",)) -> set[str]:
    """Every key at any depth; what lies under an opaque one has names of its own."""
    if isinstance(value, list):
        return set().union(*map(keys_of, value))
    if isinstance(value, dict):
        return set(value).union(*(keys_of(item) for key, item in value.items() if key not in opaque))
    return set()


@pytest.mark.parametrize(
    "argv",
    [
        ["show", "www", "A"],
        ["export"],
        ["log"],
        ["diff"],
        ["check"],
        ["blame", "www"],
        ["reflog"],
        ["branch"],
        ["tag"],
        ["zone", "list"],
        ["status"],
        ["query", "www"],
        ["dnssec", "status"],
        ["set", "@", "MX", "2h", "10 nowhere"],
        ["fsck"],
        ["cat-object"],
        ["version"],
    ],
    ids=" ".join,
)
def test_every_json_key_is_described(zone, argv) -> None:
    zone("tag", "v1")
    zone("set", "@", "MX", "1h", "10 nowhere")
    if argv == ["cat-object"]:
        argv = [*argv, zone("log", "--json").json[0]["commit"]]
    found = keys_of(zone(*argv, "--json").json)
    assert found
    words = set(re.findall(r"\w+", PAGE))
    assert {key for key in found if not key.startswith("rdata")} <= words


def test_the_table_of_checks_is_that_of_the_program() -> None:
    rows = re.findall(r"^\| `([a-z0-9-]+)` \| (error|warning) \| (.+) \|$", PAGE, re.MULTILINE)
    assert rows == [(name, severity_of(name).value, meaning) for name, meaning in CHECKS.items()]
