"""`apply FILE`: the least change to a desired state, of a zone or of a part of it."""

from pathlib import Path

import pytest

from samekit import state
from zonegit.repo import Repository

STATE = """\
$ORIGIN example.org.
$TTL 3600
@       IN SOA  ns1 hostmaster 7 7200 900 1209600 300
        IN NS   ns1
ns1     IN A    192.0.2.53
mail    IN A    192.0.2.25
www     300 IN A 192.0.2.2
"""


@pytest.fixture
def desired(tmp_path: Path) -> Path:
    path = tmp_path / "desired"
    path.write_text(STATE)
    return path


def test_the_least_change_is_committed_under_the_next_serial(zone, desired) -> None:
    done = zone("apply", desired)
    assert done.code == 0
    assert done.lines == [
        "-example.org.\t3600\tIN\tMX\t10 mail.example.org.",
        "-www.example.org.\t300\tIN\tA\t192.0.2.1",
        "+www.example.org.\t300\tIN\tA\t192.0.2.2",
    ]
    assert "serial 2026112002, 2 RRsets changed" in done.err
    commit = zone("show", "--json").json
    assert commit["message"] == "Apply desired"
    assert zone("reflog", "--json").json[0]["reason"] == "apply: Apply desired"


def test_applying_twice_changes_nothing_more(zone, desired, tmp_path) -> None:
    zone("apply", desired)
    before = state(tmp_path / "repo")
    again = zone("apply", desired)
    assert (again.code, again.out) == (0, "")
    assert "nothing to change" in again.err
    assert state(tmp_path / "repo") == before


def test_what_is_exported_applies_to_any_version(zone, desired) -> None:
    first = zone("export").out
    zone("apply", desired)
    assert (
        zone(
            "apply",
            "-",
            stdin=first.encode(),
        ).code
        == 0
    )
    assert zone("export").lines[3:] == first.splitlines()[3:]


def test_an_applied_file_is_no_import_and_asks_for_no_replace(zone, desired, tmp_path) -> None:
    zone("set", "www", "A", "300", "192.0.2.77")
    assert zone("apply", desired).code == 0
    with Repository.open(tmp_path / "repo", readonly=True) as repository:
        assert repository.resolve("HEAD~2").commit.extra == (("imported", "example.org.zone"),)
        assert repository.resolve().commit.extra == ()


def test_a_dry_run_writes_nothing(zone, desired, tmp_path) -> None:
    before = state(tmp_path / "repo")
    done = zone("apply", desired, "--dry-run", "--json")
    assert done.json["new"] is None
    assert done.json["change_count"] == 2
    assert state(tmp_path / "repo") == before


def test_below_a_name_the_rest_of_the_zone_stays(zone) -> None:
    zone("add", "a.www", "A", "60", "192.0.2.9")
    text = "; the web servers\n$ORIGIN www.example.org.\n@ 60 A 192.0.2.4\nb 60 A 192.0.2.5\n"
    done = zone("apply", "-", "--below", "www", stdin=text.encode())
    assert [line.split()[0] for line in done.lines] == [
        "-www.example.org.",
        "+www.example.org.",
        "-a.www.example.org.",
        "+b.www.example.org.",
    ]
    assert zone("show", "--json").json["message"] == "Apply <stdin> to www.example.org."
    assert zone("show", "mail", "A").code == 0


def test_comments_alone_empty_a_part(zone) -> None:
    done = zone("apply", "-", "--below", "www", stdin=b"; nothing\n")
    assert done.lines == ["-www.example.org.\t300\tIN\tA\t192.0.2.1"]


@pytest.mark.parametrize(
    ("below", "text", "words"),
    [
        ("www", "www 60 A 192.0.2.4\nwwww 60 A 192.0.2.4\n", ["<stdin>:2:", "wwww.example.org. is neither"]),
        ("www", "www.example.com. 60 A 192.0.2.4\n", ["<stdin>:1:", "is neither www.example.org. nor below it"]),
        ("www", "@ 60 SOA ns1 h 1 2 3 4 5\n", ["<stdin>:1:", "example.org. is neither"]),
        ("www", "www 60 SOA ns1 h 1 2 3 4 5\n", ["<stdin>:1:", "SOA below the apex"]),
        ("www", "www A 192.0.2.4\n", ["<stdin>:1:", "no TTL"]),
        ("www", "", ["empty"]),
        ("www", "www 60 A 192.0.2.4\nwww 60 CNAME mail\n", ["www", "[cname-and-other]"]),
        ("@", "www 60 A 192.0.2.4\n", ["no SOA"]),
        ("www.example.org", "www 60 A 192.0.2.4\n", ["final dot"]),
    ],
)
def test_refused_parts_leave_all_as_it_was(zone, refused, tmp_path, below, text, words) -> None:
    before = state(tmp_path / "repo")
    refused(zone("apply", "-", "--below", below, stdin=text.encode()), 1, *words)
    assert state(tmp_path / "repo") == before


def test_a_zone_that_is_not_here_is_not_begun(run, refused, desired, tmp_path) -> None:
    run("init")
    before = state(tmp_path / "repo")
    refused(run("apply", desired), 5, "no zone example.org.")
    assert state(tmp_path / "repo") == before


def test_a_file_that_is_not_there_or_breaks_the_zone(zone, refused, desired, tmp_path) -> None:
    before = state(tmp_path / "repo")
    refused(zone("apply", tmp_path / "absent"), 1, "absent: No such file")
    desired.write_text(STATE.replace("        IN NS   ns1\n", ""))
    refused(zone("apply", desired), 1, "example.org.", "NS")
    desired.write_text(STATE + "@ MX 10 mail2\nmail2 CNAME mail\n")
    refused(zone("apply", desired, "--strict", "all"), 1, "strict")
    assert state(tmp_path / "repo") == before


def test_a_part_read_from_a_file_may_include_others(zone, tmp_path) -> None:
    (tmp_path / "part").write_text("$INCLUDE more\n")
    (tmp_path / "more").write_text("www 60 A 192.0.2.4\n")
    done = zone("apply", tmp_path / "part", "--below", "www.example.org.")
    assert done.lines[-1] == "+www.example.org.\t60\tIN\tA\t192.0.2.4"
