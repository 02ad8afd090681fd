"""`batch` as a process: many changes, one transaction, and refusals that name their line."""

import json

import pytest

from commandkit import Command
from samekit import state
from zonegit.repo.mirrors import mirror_setting
from zonegit.store.lmdb import LmdbStore


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """A repository with two zones."""
    command = Command(tmp_path_factory.mktemp("begun") / "repo")
    assert command("init", "example.org").code == 0
    assert command("zone", "add", "example.net").code == 0
    return command


@pytest.fixture
def zonegit(begun, tmp_path):
    """`zonegit("batch", stdin="set …")` runs the installed command."""
    return begun.copy(tmp_path / "repo")


LINES = """\
# Ada's new rack
set www A 300 192.0.2.1 192.0.2.2   ; two of them
add www A - 192.0.2.3

  set mail A 300 192.0.2.25
set @ MX 1h 10 mail
set @ TXT 300 "v=spf1 -all; # all of it" 'another one'
delete mail
set mail A 60 192.0.2.26
delete www A 192.0.2.2
zone example.net
set alias CNAME 1h www.example.org.
"""


@pytest.mark.parametrize("argv", [["batch"], ["batch", "-"], ["batch", "{file}"]])
def test_lines_are_one_commit_in_each_zone(zonegit, tmp_path, argv) -> None:
    file = tmp_path / "changes"
    file.write_text(LINES)
    done = zonegit(*(word.format(file=file) for word in argv), "-m", "Move the rack", stdin=LINES)
    assert done.code == 0, done
    assert done.out.splitlines() == [
        "+example.org.\t3600\tIN\tMX\t10 mail.example.org.",
        '+example.org.\t300\tIN\tTXT\t"another one"',
        '+example.org.\t300\tIN\tTXT\t"v=spf1 -all; # all of it"',
        "+mail.example.org.\t60\tIN\tA\t192.0.2.26",
        "+www.example.org.\t300\tIN\tA\t192.0.2.1",
        "+www.example.org.\t300\tIN\tA\t192.0.2.3",
        "+alias.example.net.\t3600\tIN\tCNAME\twww.example.org.",
    ]
    for zone in ("example.org", "example.net"):
        log = json.loads(zonegit("log", "--json", "--zone", zone).out)
        assert [commit["message"] for commit in log][:-1] == ["Move the rack"]
        assert "batch: Move the rack" in zonegit("reflog", "--zone", zone).out


def test_json_is_an_array_of_commits_and_a_dry_run_writes_nothing(zonegit) -> None:
    before = state(zonegit.repo)
    told = json.loads(zonegit("batch", "--json", "--dry-run", stdin=LINES).out)
    assert [(each["zone"], each["new"], each["change_count"]) for each in told] == [
        ("example.org.", None, 4),
        ("example.net.", None, 1),
    ]
    assert state(zonegit.repo) == before
    made = json.loads(zonegit("batch", "--json", stdin=LINES).out)
    assert [each["changes"] for each in made] == [each["changes"] for each in told]
    again = json.loads(zonegit("batch", "--json", stdin="set mail A 60 192.0.2.26").out)
    assert again[0]["new"] == again[0]["old"] == made[0]["new"]


def test_absolute_names_pick_their_zone_until_a_line_names_one(zonegit) -> None:
    done = zonegit("batch", stdin="set www.example.net. A 60 192.0.2.1\nset www A 60 192.0.2.2\n")
    assert [line.split()[0] for line in done.out.splitlines()] == ["+www.example.net.", "+www.example.org."]


def test_what_lines_lead_to_is_checked_and_not_what_is_between(zonegit) -> None:
    assert zonegit("set", "www", "A", "60", "192.0.2.1").code == 0
    assert zonegit("batch", stdin="set www CNAME 60 mail\ndelete www A\n").code == 0


REFUSALS = [
    (2, "batch:2: unknown change 'replace'", "set a A 60 192.0.2.1\nreplace b A 60 192.0.2.1\n"),
    (2, "batch:1: expected: set NAME TYPE TTL RDATA…", "set www A 60\n"),
    (2, "batch:1: expected: delete NAME", "delete\n"),
    (2, "batch:1: expected: zone ZONE", "zone example.org example.net\n"),
    (2, "batch:1: no closing quotation", 'set www TXT 60 "open\n'),
    (2, "the batch contains no changes", "# nothing\n\n; nothing\n"),
    (1, "batch:2: ", "set a A 60 192.0.2.1\nset b A 60 192.0.2.256\nset c A 60 x\n"),
    (1, "batch:1: ", "set b NOTYPE 60 192.0.2.1\n"),
    (1, "batch:1: 'www.example.org' may mean", "set www.example.org A 60 192.0.2.1\n"),
    (1, "batch:1: www.example.com. is outside", "set www.example.com. A 60 192.0.2.1\n"),
    (1, "batch:2: www.example.org. is outside", "zone example.net\nset www.example.org. A 60 192.0.2.1\n"),
    (5, "batch:2: nothing to delete", "set a A 60 192.0.2.1\ndelete b\n"),
    (5, "batch:2: nothing to delete", "set a A 60 192.0.2.1\ndelete @ TXT\n"),
    (5, "batch:1: b has no RRset of this type yet", "set b A - 192.0.2.1\nset c A 60 x\n"),
    (5, "batch:2: no zone example.com.", "set a A 60 192.0.2.1\nzone example.com\n"),
    (1, "batch:3: this would break example.org.", "set a A 60 192.0.2.1\nset b A 60 192.0.2.1\nset a CNAME 60 b\n"),
    (1, "zonegit: batch:1: this would break example.org. @: no SOA record", "delete @ SOA\n"),
    (1, "zonegit: batch:1: this would break example.org. @: no NS records", "delete @ NS\n"),
    (1, "zonegit: batch:1: more than one SOA", "set @ SOA 60 'a. b. 1 2 3 4 5' 'a. b. 2 2 3 4 5'\n"),
    (1, "batch:1: 'b\\udcff' holds", b"set b\xff A 60 192.0.2.1\n"),
    (1, "batch:1: the line has 524,301 bytes", b"set a TXT 60 " + b"x" * 524287 + b"\n"),
]


@pytest.mark.parametrize(("code", "told", "lines"), REFUSALS)
def test_a_refusal_names_the_line_and_writes_nothing(zonegit, code, told, lines) -> None:
    zonegit.refused(code, told, "batch", stdin=lines)


def test_what_breaks_at_another_name_is_blamed_on_the_line_above_it(zonegit) -> None:
    assert zonegit("set", "a.b", "A", "60", "192.0.2.1").code == 0
    lines = "set c A 60 192.0.2.1\nset b DNAME 60 example.net.\nset d A 60 192.0.2.1\n"
    zonegit.refused(1, "batch:2: this would break example.org. a.b: ", "batch", stdin=lines)


def test_a_mirrored_zone_refuses_the_whole_batch(zonegit) -> None:
    with LmdbStore.open(zonegit.repo).write() as writer:
        writer.set_setting(mirror_setting("example.net."), b"primary")
    lines = "set a A 60 192.0.2.1\nzone example.net\nset a A 60 192.0.2.1\n"
    zonegit.refused(1, "batch:3: example.net. is mirrored from primary", "batch", stdin=lines)


def test_a_signed_zone_names_the_line(zonegit) -> None:
    rrsig = "A 8 2 300 20300101000000 20200101000000 1 example.net. AQAB"
    done = zonegit("set", "@", "RRSIG", "300", rrsig, "--zone", "example.net", "--break-signatures")
    assert done.code == 0
    lines = "set a A 60 192.0.2.1\nzone example.net\n\nset a A 60 192.0.2.1\n"
    zonegit.refused(1, "batch:4: example.net. is signed elsewhere", "batch", stdin=lines)
    assert zonegit("batch", "--unsign", stdin=lines).code == 0


def test_a_batch_that_is_too_large_is_refused(zonegit) -> None:
    zonegit.refused(1, "the batch has more than 64 MiB; split it", "batch", stdin=b"\n" * ((64 << 20) + 1))


def test_a_file_that_is_not_there_is_refused(zonegit) -> None:
    zonegit.refused(1, "nowhere: No such file or directory", "batch", "nowhere")


@pytest.mark.parametrize("options", [["--strict", "mx-address"], ["--branch", "nowhere"], ["-m", " "]])
def test_options_refuse_as_those_of_the_verbs(zonegit, options) -> None:
    one = zonegit("set", "@", "MX", "60", "10 nowhere", *options)
    many = zonegit("batch", *options, stdin="set @ MX 60 10 nowhere\n")
    assert one.code == many.code > 0
    assert many.err.replace("batch:1: ", "") == one.err
    zonegit.refused(one.code, "", "batch", *options, stdin="set @ MX 60 10 nowhere\n")
