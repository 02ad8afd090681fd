"""How findings are shown, and what --strict and the configuration make of them."""

import os
import shlex

import pytest

SUBS = "".join(f"sub{number:02} NS ns.sub{number:02}\n" for number in range(14))
HEAD = "$ORIGIN example.org.\n$TTL 60\n@ SOA ns.example.net. h 1 2 3 4 5\n@ NS ns.example.net.\n"


@pytest.fixture
def many(tmp_path):
    """A zone file with 14 delegations that lack their glue."""
    file = tmp_path / "many.zone"
    file.write_text(HEAD + SUBS)
    return file


def warnings(text: str) -> list[str]:
    return [line for line in text.splitlines() if "warning: " in line]


def test_ten_warnings_of_an_import_are_shown(run, many) -> None:
    run("init")
    result = run("import", many)
    assert result.code == 0
    assert len(warnings(result.err)) == 10
    assert warnings(result.err)[0] == (
        "zonegit: warning: sub00.example.org.: delegation without the glue it needs: ns.sub00.example.org. has no "
        "address [missing-glue]"
    )
    assert f"4 more warnings; zonegit check {many} --warnings all shows them\n" in result.err
    assert warnings(run("import", many).err) == [], "nothing was touched"


def test_all_warnings_are_shown_where_that_is_asked(run, many) -> None:
    run("init")
    assert "4 more warnings; --warnings all shows them\n" in run("import", many, "--dry-run").err
    assert len(warnings(run("import", many, "--warnings", "all").err)) == 14
    assert len(run("check").lines) == 10
    assert run("check").err == "4 more warnings; --warnings all shows them\n0 errors, 14 warnings\n"
    assert len(run("check", "--warnings", "all").lines) == 14
    assert len(run("check", "--json").json) == 14
    assert run("check", "--warnings", "some").code == 2


def test_all_errors_are_shown(run, tmp_path) -> None:
    file = tmp_path / "bad.zone"
    file.write_text(HEAD + SUBS + "".join(f"x{number} CNAME a\nx{number} CNAME b\n" for number in range(12)))
    result = run("check", file)
    assert result.code == 1
    assert sum(line.startswith("error: ") for line in result.lines) == 12
    assert len(result.lines) == 22
    assert result.err.splitlines()[-1] == "12 errors, 14 warnings"


@pytest.mark.parametrize("what", ["link", "huge", "pipe", "directory"])
def test_a_configuration_that_somebody_put_there_is_not_followed(zone, refused, tmp_path, what) -> None:
    """Everybody of a repository's group may put it there, and each change reads it."""
    file = tmp_path / "repo" / "zonegitd.toml"
    (tmp_path / "elsewhere").write_text("[zone.'example.org.']\nstrict = ['mx-cname']\n")
    match what:
        case "link":
            file.symlink_to(tmp_path / "elsewhere")
        case "huge":
            file.touch()
            os.truncate(file, 20 << 30)
        case "pipe":
            os.mkfifo(file)
        case "directory":
            file.mkdir()
    refused(zone("set", "www", "A", "60", "192.0.2.9"), 2, f"{file} ", "find out who put it there")
    assert zone("show", "www", "A").code == 0


def test_what_is_not_listed_is_counted(run, many, monkeypatch) -> None:
    run("init")
    monkeypatch.setattr("zonegit.zonefile.findings.Findings.__init__.__defaults__", (4,))
    checked = run("check", many, "--warnings", "all")
    assert checked.lines[-1].endswith("; and 10 more of these [missing-glue]")
    assert (len(checked.lines), checked.err) == (4, "0 errors, 14 warnings\n")
    assert [found["more"] for found in run("check", many, "--json").json] == [0, 0, 0, 10]
    refused = run("check", many, "--strict", "all")
    assert (refused.code, refused.err) == (1, "14 errors, 0 warnings\n")
    assert "; and 10 more of these [missing-glue]; and 11 more" not in run("import", many, "--strict", "all").err
    assert "; and 11 more; '--strict none'" in run("import", many, "--strict", "all").err


def test_the_advice_behind_a_change_names_its_zone(zone) -> None:
    zone("zone", "add", "other.example")
    for number in range(12):
        done = zone("add", "--zone", "other.example", "@", "MX", "60", str(number), f"nowhere{number}")
    assert "2 more warnings; zonegit --zone other.example. check --warnings all shows them\n" in done.err
    assert zone("check", "--zone", "other.example.", "--warnings", "all").code == 0


def test_what_is_neither_a_file_nor_a_version(run, refused, many) -> None:
    refused(run("check", "nosuch"), 1, "there is no file nosuch; there is no repository at ")
    assert run("check").err.startswith("zonegit: there is no repository")
    run("init")
    run("import", many)
    refused(run("check", "nosuch"), 5, "there is no file nosuch; no branch, tag or commit 'nosuch'")
    refused(run("check", "nosuch.zone"), 1, "nosuch.zone: No such file")


def test_a_finding_in_json_names_its_check(run, many) -> None:
    found = run("check", many, "--json").json[0]
    assert found["check"] == "missing-glue"
    assert found["severity"] == "warning"
    assert found["name"] == "sub00.example.org."


def test_strict_refuses_an_import_once(run, many) -> None:
    run("init")
    for names in ("missing-glue", "all", "mx-cname,missing-glue"):
        result = run("import", many, "--strict", names)
        assert result.code == 1
        assert "strict about this: sub00: delegation without the glue" in result.err
        assert "[missing-glue]" in result.err
        assert "; and 11 more; '--strict none' allows it once" in result.err
    assert run("import", many, "--strict", "mx-cname", "--strict", "srv-cname").code == 0


def test_strict_makes_errors_of_what_check_finds(run, many) -> None:
    result = run("check", many, "--strict", "missing-glue")
    assert (result.code, len(result.lines), result.err) == (1, 14, "14 errors, 0 warnings\n")
    assert result.lines[0].startswith("error: sub00.example.org.: ")
    assert run("check", many, "--strict", "missing-glue", "--json").json[0]["severity"] == "error"


@pytest.mark.parametrize("verb", [["set", "m", "MX", "60", "10 a"], ["add", "m", "MX", "60", "10 a"]])
def test_strict_by_configuration(zone, tmp_path, verb) -> None:
    zone("set", "a", "CNAME", "60", "www")
    (tmp_path / "repo" / "zonegitd.toml").write_text("[zone.'example.org.']\nstrict = ['mx-cname']\n")
    refused = zone(*verb)
    assert refused.code == 1
    assert "[mx-cname]" in refused.err
    assert zone(*verb, "--strict", "ns-cname").code == 1, "one call adds to what is configured"
    assert zone(*verb, "--strict", "none").code == 0
    assert zone("check").code == 1
    assert zone("check", "--strict", "none").code == 0


def test_a_deletion_is_held_to_the_configuration(zone, tmp_path) -> None:
    (tmp_path / "repo" / "zonegitd.toml").write_text("[zone.'example.org.']\nstrict = ['ns-address']\n")
    assert "[ns-address]" in zone("delete", "ns1").err
    assert zone("show", "ns1", "A").code == 0


@pytest.mark.parametrize(
    ("strict", "says"),
    [
        ("frobnicate", "there is no check 'frobnicate'; docs/cli.md lists them"),
        ("mx-cnam", "no check 'mx-cnam'; the nearest one is 'mx-cname'"),
        ("none,all", "--strict none can't be combined"),
        ("", "there is no check ''"),
    ],
)
def test_an_unknown_check_is_a_usage_error(zone, strict, says) -> None:
    result = zone("set", "www", "A", "60", "192.0.2.1", "--strict", strict)
    assert result.code == 2
    assert says in result.err


def test_a_wrong_check_in_the_configuration_refuses_changes(zone, tmp_path) -> None:
    (tmp_path / "repo" / "zonegitd.toml").write_text("[zone.'example.org.']\nstrict = ['mx-cnam']\n")
    result = zone("set", "www", "A", "60", "192.0.2.1")
    assert result.code == 2
    assert "the nearest one is 'mx-cname'" in result.err
    assert zone("config", "check", tmp_path / "repo" / "zonegitd.toml").code == 2


def test_the_way_to_all_warnings_about_a_file_shows_them(run, zone_file) -> None:
    with zone_file.open("a") as file:
        file.writelines(f"h{number}.example.net. 60 IN A 192.0.2.1\n" for number in range(14))
    run("init")
    told = run("import", zone_file, "--zone", "example.org").err
    (line,) = (line for line in told.splitlines() if " more warnings; " in line)
    command = line.removeprefix("4 more warnings; ").removesuffix(" shows them")
    assert run(*shlex.split(command)[1:]).out.count("[out-of-zone]") == 14
    (line,) = (
        line for line in run("import", "-", stdin=zone_file.read_bytes()).err.splitlines() if " more " in line
    )
    assert line == "4 more warnings; the same import with --dry-run --warnings all shows them"
    whole = run("import", "-", "--dry-run", "--warnings", "all", stdin=zone_file.read_bytes()).err
    assert whole.count("[out-of-zone]") == 14


def at_apex(records: int) -> str:
    """So many TXT records at the apex, in types that few servers mind."""
    return "".join(rf"@ TYPE{65280 + number % 20} \# 2 {number:04x}" + "\n" for number in range(records))


def test_an_owner_that_no_query_is_answered_from_gets_into_no_version(run, refused, tmp_path) -> None:
    """At the apex it would be the end of the whole zone."""
    file = tmp_path / "large.zone"
    run("init")
    file.write_text(HEAD + at_apex(1022))
    assert run("import", file).code == 0
    assert "large-owner" not in run("check").out
    tip = run("log", "-1", "--json").json
    told = "1,025 records at one name; 1,024 are the most that zonegitd answers from"
    for verb in (["add", "@", "TXT", "60", "one more"], ["set", "@", "TXT", "60", "one more"]):
        refused(run(*verb), 1, "example.org.", told)
    file.write_text(HEAD + at_apex(1023))
    refused(run("import", file), 1, "example.org.", told)
    assert run("check", file).lines == [f"error: example.org.: {told} [large-owner]"]
    assert run("log", "-1", "--json").json == tip


def test_a_zone_that_has_such_an_owner_already_goes_on_and_is_mended(run, refused, tmp_path, monkeypatch) -> None:
    """As a zone that an earlier version accepted."""
    file = tmp_path / "large.zone"
    run("init")
    file.write_text(HEAD + at_apex(1100).replace("@", "x"))
    with monkeypatch.context() as patch:
        for place in ("zonefile.sizes.excess", "tree.oversized.excess"):
            patch.setattr(f"zonegit.{place}", lambda *_: None)
        assert run("import", file).code == 0
    assert run("set", "y", "A", "60", "192.0.2.1").code == 0
    refused(run("add", "x", "TXT", "60", "one more"), 1, "x: 1,101 records")
    assert run("delete", "x").code == 0
    assert run("check").err.startswith("0 errors")
