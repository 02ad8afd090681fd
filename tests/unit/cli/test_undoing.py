"""`import --replace`: it names the commits that the file undoes, asks at a terminal, and tells the way back."""

import io
import sys
from base64 import b64encode

import pytest

from zonegit.repo.mirrors import mirror_setting
from zonegit.store.lmdb import LmdbStore


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def typed(monkeypatch):
    """Standard input is a terminal at which this is typed."""

    def give(text: str) -> None:
        monkeypatch.setattr(sys, "stdin", Terminal(text))

    return give


@pytest.fixture
def zone(zone, zone_file):
    """The zone, and a file whose serial names no version, so that it is never merged."""
    zone_file.write_text(zone_file.read_text().replace("2026112001", "2026110101"))
    return zone


@pytest.fixture
def changed(zone):
    """The zone, with two changes by hand."""
    zone("set", "www", "A", "300", "192.0.2.7", "--author", "Bob <bob@example.org>")
    zone("delete", "mail", "-m", "mail goes")
    return zone


def ids(zone) -> list[str]:
    return [commit["commit"] for commit in zone("log", "-n", "2", "--json").json]


def test_the_refusal_names_the_commits_in_its_one_line(changed, zone_file, refused) -> None:
    newest, older = (oid[:12] for oid in ids(changed))
    result = changed("import", zone_file)
    refused(result, 1, "2 commits", f"{newest} 20", f"{older} 20", "Bob <bob@example.org>: set www A", "--replace")
    assert result.err.index("mail goes") < result.err.index("set www A")


def test_a_mirrored_zone_is_refused_before_anything_is_listed(changed, zone_file, refused, tmp_path) -> None:
    store = LmdbStore.open(tmp_path / "repo")
    with store.write() as writer:
        writer.set_setting(mirror_setting("example.org."), b"primary-1")
    store.close()
    for more in ([], ["--replace"]):
        refused(changed("import", zone_file, *more), 1, "mirrored from primary-1")


def test_the_refusal_of_many_counts_them(zone, zone_file, refused) -> None:
    for number in range(5):
        zone("set", f"n{number}", "A", "300", "192.0.2.7")
    refused(zone("import", zone_file), 1, "5 commits", "set n4 A", "; and 2 more;")


def test_the_commits_are_listed_and_the_way_back_works(changed, zone_file, go_back) -> None:
    newest, older = ids(changed)
    result = changed("import", zone_file, "--replace")
    assert result.code == 0
    warning, *listed = result.err.splitlines()[:3]
    assert warning.startswith("zonegit: warning: the file undoes 2 commits")
    assert [line.split()[0] for line in listed] == [newest[:12], older[:12]]
    assert go_back(result).code == 0
    assert changed("diff", newest, "HEAD").out == ""


def test_a_list_has_an_end(zone, zone_file) -> None:
    for number in range(12):
        zone("set", f"n{number}", "A", "300", "192.0.2.7")
    result = zone("import", zone_file, "--replace", "--dry-run")
    assert "12 commits" in result.err
    assert "set n2 A\n  and 2 more\n" in result.err


def test_json_has_the_commits(changed, zone_file) -> None:
    wanted = ids(changed)
    done = changed("import", zone_file, "--replace", "--json").json
    assert [commit["commit"] for commit in done["undoes"]] == wanted
    assert done["undoes_count"] == 2
    again = changed("import", zone_file, "--json").json
    assert (again["undoes"], again["undoes_count"]) == ([], 0)


@pytest.mark.parametrize("answer", ["y\n", "YES\n"])
def test_a_terminal_is_asked(changed, zone_file, typed, answer) -> None:
    typed(answer)
    result = changed("import", zone_file, "--replace")
    assert result.code == 0
    assert "Undo them? [y/N] " in result.err
    assert changed("show", "www", "A").out.endswith("192.0.2.1\n")


@pytest.mark.parametrize("answer", ["", "\n", "n\n", "yesterday\n"])
def test_anything_but_yes_writes_nothing(changed, zone_file, typed, answer) -> None:
    before = changed("log", "--oneline").out
    typed(answer)
    result = changed("import", zone_file, "--replace")
    assert (result.code, result.out) == (1, "")
    assert result.err.endswith("zonegit: the import was not confirmed; nothing was written\n")
    assert changed("log", "--oneline").out == before


@pytest.mark.parametrize("more", [["--yes"], ["-y"], ["--dry-run"]])
def test_nobody_is_asked_in_vain(changed, zone_file, typed, more) -> None:
    typed("")
    result = changed("import", zone_file, "--replace", *more)
    assert result.code == 0
    assert "[y/N]" not in result.err
    assert "mail goes" in result.err


def test_nobody_is_asked_where_nothing_is_undone(zone, zone_file, typed) -> None:
    typed("")
    zone_file.write_text(zone_file.read_text() + "new 60 IN A 192.0.2.9\n")
    assert zone("import", zone_file, "--replace").code == 0
    zone("set", "hand", "A", "60", "192.0.2.9")
    zone_file.write_text(zone_file.read_text() + "hand 60 IN A 192.0.2.9\n")
    assert zone("import", zone_file).code == 0


@pytest.mark.parametrize(
    ("line", "more", "told"),
    [
        ("", ["--keep-serial"], "is not ahead"),
        ("odd_host A 192.0.2.1\n", ["--strict", "host-owner"], "[host-owner]"),
        ("www CNAME mail\n", [], "[cname-and-other]"),
        ("", ["--branch", "absent"], "no branch"),
    ],
)
def test_a_refusal_for_another_reason_says_nothing_of_undoing(changed, zone_file, typed, line, more, told) -> None:
    typed("y\n")
    zone_file.write_text(zone_file.read_text() + line)
    before = changed("log", "--oneline").out
    result = changed("import", zone_file, "--replace", *more)
    assert result.code
    assert told in result.err
    assert "undo" not in result.err
    assert "[y/N]" not in result.err
    assert changed("log", "--oneline").out == before


def test_a_signed_serial_that_is_not_ahead_is_refused_first(changed, zone_file, typed) -> None:
    typed("y\n")
    key = b64encode(bytes(64)).decode()
    zone_file.write_text(zone_file.read_text() + f"@ RRSIG SOA 13 2 300 20270101000000 20261101000000 1 @ {key}\n")
    result = changed("import", zone_file, "--replace")
    assert (result.code, result.out) == (1, "")
    assert "isn't ahead" in result.err
    assert "undo" not in result.err
