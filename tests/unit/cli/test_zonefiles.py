"""`import`, `export` and `check`."""

import gzip
import io
import os
import re
import sys
from itertools import count, pairwise
from threading import Thread

import pytest

from zonegit.cli import progress
from zonegit.cli.main import main
from zonegit.model.commit import Stamp
from zonegit.model.refs import head, remote
from zonegit.store.lmdb import LmdbStore
from zonegit.store.port import RefUpdate

BROKEN = b"""\
$ORIGIN example.org.
@ 3600 IN SOA ns1 hostmaster 1 7200 900 1209600 300
@ 3600 IN NS ns1
ns1 3600 IN A 192.0.2.53
www 300 IN A 192.0.2.1
www 300 IN CNAME ns1
"""


def test_import_begins_a_zone(run, zone_file) -> None:
    run("init")
    result = run("import", zone_file)
    assert (result.code, result.out) == (0, "")
    assert "serial 2026112001" in result.err
    assert run("status", "--json").json["records"] == 6
    assert run("log", "--json").json[0]["message"] == "Import example.org.zone"


def test_import_from_standard_input_and_gzipped(run, zone_file) -> None:
    run("init")
    assert run("import", "-", stdin=gzip.compress(zone_file.read_bytes())).code == 0
    assert run("status", "--json").json["records"] == 6


def test_import_from_a_file_of_any_name(run, zone_file, tmp_path) -> None:
    file = tmp_path / "a\tb\nc\udce9.zone"
    zone_file.rename(file)
    run("init")
    assert run("import", file).code == 0
    assert run("log", "--json").json[0]["message"] == "Import a\\tb\\nc\\udce9.zone"


def test_import_with_the_zone_as_origin(run, tmp_path) -> None:
    file = tmp_path / "x"
    file.write_text("@ 60 SOA ns1 a 1 2 3 4 5\n@ 60 NS ns1\nns1 60 A 192.0.2.1\n")
    run("init")
    assert run("import", file, "--zone", "example.net").code == 0
    assert run("show", "ns1", "A").lines == ["ns1.example.net.\t60\tIN\tA\t192.0.2.1"]


def test_what_is_exported_imports_as_the_same(zone, tmp_path) -> None:
    first = zone("export").out
    copy = tmp_path / "copy"
    copy.write_text(first)
    assert "nothing to change" in zone("import", copy).err
    zone("set", "www", "A", "300", "192.0.2.7")
    assert zone("export", "HEAD~1").out == first
    assert zone("export").out != first


def test_export_as_json_has_every_record(zone) -> None:
    found = zone("export", "--json").json
    assert len(found) == 6
    assert found[0]["TYPEname"] == "SOA"


def test_a_serial_that_is_not_ahead_is_told(zone, zone_file, refused) -> None:
    assert "nothing to change" in zone("import", zone_file, "--keep-serial").err
    text = zone_file.read_text().replace("192.0.2.1\n", "192.0.2.9\n")
    zone_file.write_text(text)
    refused(zone("import", zone_file, "--keep-serial"), 1, "2026112001", "not ahead")
    result = zone("import", zone_file)
    assert result.code == 0
    assert "2026112001" in result.err
    assert "2026112002" in result.err


def test_more_changes_than_can_be_listed_are_told(zone, tmp_path) -> None:
    file = tmp_path / "more.zone"
    file.write_text(zone("export").out + "".join(f"h{number} 60 IN A 192.0.2.1\n" for number in range(1001)))
    result = zone("import", file, "--dry-run")
    assert result.out == ""
    assert "1,001 RRsets changed, too many to list" in result.err


def test_import_over_changes_by_hand_needs_replace(zone, zone_file, refused) -> None:
    zone("set", "www", "A", "300", "192.0.2.7")
    text = zone_file.read_text()
    zone_file.write_text(text.replace("2026112001", "2026112002"))
    refused(zone("import", zone_file), 1, "--replace")
    zone_file.write_text(text)
    assert zone("import", zone_file, "--replace").code == 0
    assert zone("show", "www", "A").out.endswith("192.0.2.1\n")


def test_a_dry_run_lists_the_changes(zone, zone_file) -> None:
    zone_file.write_text(zone_file.read_text().replace("192.0.2.1\n", "192.0.2.9\n"))
    result = zone("import", zone_file, "--dry-run")
    assert [line[:1] for line in result.lines] == ["-", "+"]
    assert "nothing written" in result.err
    assert zone("show", "www", "A").out.endswith("192.0.2.1\n")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", ["SOA"]),
        (b"www 300 IN A 192.0.2.1\n", []),
        (b"@ 60 SOA ns1 a 1 2 3 4 5\nwww 300 IN A 192.0.2.999\n", [":2:"]),
        (b"\xff\xfe\x00", []),
        (BROKEN, ["CNAME"]),
    ],
)
def test_a_bad_file_is_refused_whole(run, refused, tmp_path, text, words) -> None:
    run("init")
    file = tmp_path / "bad.zone"
    file.write_bytes(text)
    refused(run("import", file, "--zone", "example.org"), 1, *words)
    assert run("zone", "list").out == ""


@pytest.mark.parametrize("verb", ["import", "check"])
def test_a_file_that_is_not_there(zone, refused, tmp_path, verb) -> None:
    result = zone(verb, tmp_path / "nothing.zone")
    refused(result, result.code, "nothing.zone")
    assert result.code in (1, 5)


@pytest.mark.parametrize("verb", ["import", "check"])
def test_a_directory_is_no_zone_file(zone, refused, tmp_path, verb, monkeypatch) -> None:
    refused(zone(verb, tmp_path), 1, f"{tmp_path.name}: Is a directory")
    monkeypatch.chdir(tmp_path)
    refused(zone(verb, "./"), 1, ".: Is a directory")


def test_what_another_process_writes_can_be_checked(run, tmp_path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = Thread(target=pipe.write_bytes, args=(BROKEN,))
    writer.start()
    result = run("check", pipe)
    writer.join()
    assert any(line.startswith("error: www.example.org.: ") for line in result.lines)


def test_check_prefers_a_version_to_a_directory_of_its_name(zone, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "main").mkdir()
    assert zone("check", "main").code == 0


def test_check_what_a_remote_has(zone, tmp_path) -> None:
    with LmdbStore.open(tmp_path / "repo").write() as writer:
        tip = writer.ref(head("example.org.", "main"))
        writer.move_refs([RefUpdate(remote("origin", "example.org.", "main"), None, tip)], Stamp("a", 0), "fetch")
    assert zone("check", "origin/main").code == 0


def test_check_a_version(zone) -> None:
    result = zone("check")
    assert result.code == 0
    assert result.err.endswith("0 errors, 0 warnings\n")
    zone("set", "@", "MX", "1h", "10 nowhere")
    result = zone("check")
    assert result.code == 0
    assert result.lines[0].startswith("warning: example.org.: ")
    assert zone("check", "HEAD~1").out == ""
    assert zone("check", "--json").json[0]["severity"] == "warning"


def test_check_a_file_without_a_repository(run, tmp_path) -> None:
    file = tmp_path / "bad.zone"
    file.write_bytes(BROKEN)
    result = run("check", file)
    assert result.code == 1
    assert any(line.startswith("error: www.example.org.: ") for line in result.lines)
    found = run("check", "-", "--json", stdin=BROKEN)
    assert found.code == 1
    assert {item["severity"] for item in found.json} >= {"error"}


def test_check_an_unknown_revision(zone, refused) -> None:
    refused(zone("check", "nowhere"), 5, "nowhere")
    refused(zone("export", "nowhere"), 5, "nowhere")


NEW = b"""\
$TTL 60
@ SOA a. b. 1 2 3 4 5
@ 60 NS a.
@ 90 NS b.
w A 192.0.2.1
w A 192.0.2.1
x.test. A 192.0.2.1
"""


@pytest.mark.parametrize("dry", [[], ["--dry-run"]])
def test_json_of_a_new_zone_has_its_changes_and_findings(run, dry) -> None:
    run("init")
    done = run("--zone", "j.test", "import", "-", "--json", *dry, stdin=NEW).json
    assert done["old"] is None
    assert (done["new"] is None) == bool(dry)
    assert done["change_count"] == 3
    assert [(change["name"], change["type"], change["old"]) for change in done["changes"]] == [
        ("j.test.", "NS", []),
        ("j.test.", "SOA", []),
        ("w.j.test.", "A", []),
    ]
    assert [len(change["new"]) for change in done["changes"]] == [2, 1, 1]
    assert done["changes"][1]["new"][0]["rdataSOA"].split()[2] == "1"
    assert {found["check"] for found in done["findings"]} == {"mixed-ttl", "duplicate-record", "out-of-zone"}


def test_a_new_zone_of_many_changes_lists_none(run) -> None:
    run("init")
    many = NEW + b"".join(b"h%d A 192.0.2.1\n" % number for number in range(1000))
    done = run("--zone", "j.test", "import", "-", "--json", stdin=many).json
    assert (done["change_count"], done["changes"]) == (1003, [])
    told = run("--zone", "k.test", "import", "-", "--dry-run", stdin=many)
    assert "1,003 RRsets changed, too many to list" in told.err


def test_a_dry_run_of_a_new_zone_lists_its_records(run) -> None:
    run("init")
    result = run("--zone", "j.test", "import", "-", "--dry-run", stdin=NEW)
    assert [line[:1] for line in result.lines] == ["+"] * 4
    assert run("zone", "list").out == ""


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("verb", ["import", "check"])
def test_the_bar_covers_the_whole_work(run, tmp_path, monkeypatch, verb) -> None:
    run("init")
    file = tmp_path / "many.zone"
    hosts = "".join(f"host{number} 300 IN A 192.0.2.1\n" for number in range(30000))
    file.write_text("$ORIGIN example.org.\n@ 60 SOA ns1 a 1 2 3 4 5\n@ 60 NS ns1\nns1 60 A 192.0.2.53\n" + hosts)
    ticks = count()
    monkeypatch.setattr(progress, "monotonic", lambda: float(next(ticks)))
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    assert main([verb, str(file)]) == 0
    parts = [int(found) for found in re.findall(r"\] +([0-9]+)%", stream.getvalue())]
    assert parts == sorted(parts)
    assert all(after - before <= 35 for before, after in pairwise([0, *parts, 100]))
    assert all("of" not in text for text in stream.getvalue().split("\r") if "%" in text)


def test_an_include_below_binds_directory_is_found_from_there(run, tmp_path, zone_file, refused) -> None:
    """BIND's names are relative to `directory`, wherever named.conf and the zone's file are."""
    directory = tmp_path / "var" / "cache"
    (directory / "parts").mkdir(parents=True)
    (directory / "parts" / "more").write_text("more A 192.0.2.7\n")
    zone_file.write_text(zone_file.read_text() + '$INCLUDE "parts/more"\n')
    run("init")
    refused(run("import", zone_file), 1, "no file parts/more", f"in {tmp_path}/", "-C DIRECTORY --repo REPOSITORY")
    assert run("-C", directory, "--repo", tmp_path / "repo", "import", zone_file).code == 0
    assert run("show", "more", "A").out.endswith("192.0.2.7\n")


def test_what_an_earlier_import_with_the_serial_holds_is_told(zone, zone_file) -> None:
    old = zone_file.read_text()
    zone("set", "other", "A", "60", "192.0.2.99")
    zone_file.write_text(old + "".join(f"n{number:02} 60 A 192.0.2.50\n" for number in range(11)))
    assert "earlier import" not in zone("import", zone_file).err
    zone_file.write_text(old)
    done = zone("import", zone_file)
    assert done.code == 0
    assert "zonegit: warning: kept records that an earlier import over serial 2026112001" in done.err
    assert "--replace" in done.err
    assert "\n  -n09.example.org.\t60\tIN\tA\t192.0.2.50\n  and 1 more\n" in done.err
    (first, *_) = found = zone("import", zone_file, "--json").json["held"]
    assert (len(found), first["name"], first["new"]) == (11, "n00.example.org.", [])
