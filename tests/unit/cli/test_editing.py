"""`edit`: the text that an editor gets, what becomes of it, and what is kept of it."""

import os
import shlex
import stat
import sys
from ast import literal_eval
from collections.abc import Callable
from pathlib import Path

import pytest

from samekit import state

Editor = Callable[[str], None]


@pytest.fixture(autouse=True)
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the texts are made."""
    path = tmp_path / "room"
    path.mkdir()
    monkeypatch.setenv("TMPDIR", str(path))
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.delenv("EDITOR", raising=False)
    return path


@pytest.fixture
def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Editor:
    """Has a piece of Python be the editor: `text` is what it gets, and afterwards what it saves."""

    def make(code: str) -> None:
        script = tmp_path / "an editor.py"
        script.write_text(
            "import sys, subprocess, pathlib, os\n"
            "path = pathlib.Path(sys.argv[-1])\n"
            "text = path.read_text()\n"
            "code = 0\n"
            "def zonegit(*words):\n"
            "    call = [sys.executable, '-m', 'zonegit.cli.main', *words]\n"
            "    subprocess.run(call, check=True, capture_output=True)\n"
            f"{code}\n"
            "path.write_text(text)\n"
            "sys.exit(code)\n"
        )
        monkeypatch.setenv("EDITOR", shlex.join([sys.executable, str(script), "--an-argument"]))

    return make


def kept(room: Path) -> list[Path]:
    return list(room.glob("*/*"))


def test_a_change_is_committed_and_the_text_is_removed(zone, editor, room) -> None:
    editor("text = text.replace('192.0.2.1', '192.0.2.2')")
    done = zone("edit", "-m", "Move www", "--author", "Bob")
    assert done.code == 0
    assert done.lines == ["-www.example.org.\t300\tIN\tA\t192.0.2.1", "+www.example.org.\t300\tIN\tA\t192.0.2.2"]
    shown = zone("show", "--json").json
    assert (shown["message"], shown["author"]["name"], shown["serial"]) == ("Move www", "Bob", 2026112002)
    assert zone("reflog", "--json").json[0]["reason"] == "edit: Move www"
    assert list(room.iterdir()) == []


def test_the_text_is_private_and_says_what_it_is(zone, editor, room, tmp_path) -> None:
    note = tmp_path / "note"
    editor(
        f"pathlib.Path({str(note)!r}).write_text(repr((os.stat(path).st_mode, os.stat(path.parent).st_mode, text)))"
    )
    done = zone("edit", "www")
    assert "nothing to change" in done.err
    file, directory, text = literal_eval(note.read_text())
    assert stat.S_IMODE(file) == 0o600
    assert stat.S_IMODE(directory) == 0o700
    assert text.startswith("; www.example.org. and all names below it\n")
    assert text.endswith("\n$ORIGIN example.org.\n$TTL 3600\nwww\t300\tIN\tA\t192.0.2.1\n")


def test_names_that_are_not_there_yet_can_be_written(zone, editor) -> None:
    editor("text += 'a.new A 192.0.2.9\\n'")
    done = zone("edit", "new")
    assert done.lines == ["+a.new.example.org.\t3600\tIN\tA\t192.0.2.9"]
    assert zone("show", "--json").json["message"] == "Edit new.example.org."


def test_without_a_change_nothing_is_committed(zone, editor, room, tmp_path) -> None:
    before = state(tmp_path / "repo")
    editor("text = '; a comment\\n' + text.replace('2026112001', '2027010101')")
    done = zone("edit", "--json")
    assert done.code == 0
    assert done.json["new"] == done.json["old"]
    assert state(tmp_path / "repo") == before
    assert list(room.iterdir()) == []


def test_a_dry_run_keeps_the_text_and_writes_nothing(zone, editor, room, tmp_path) -> None:
    before = state(tmp_path / "repo")
    editor("text = text.replace('192.0.2.1', '192.0.2.2')")
    done = zone("edit", "--dry-run")
    assert done.lines[-1] == "+www.example.org.\t300\tIN\tA\t192.0.2.2"
    assert state(tmp_path / "repo") == before
    (path,) = kept(room)
    assert str(path) in done.err


@pytest.mark.parametrize(
    ("code", "words", "exit_code"),
    [
        ("text = text.replace('192.0.2.1', '192.0.2.256')", ["/edit.zone:18:", "192.0.2.256"], 1),
        ("text += 'mail CNAME www\\n'", ["cname-and-other"], 1),
        ("text = text.replace('192.0.2.1', '192.0.2.2'); code = 3", ["the editor exited with code 3"], 1),
        ("zonegit('checkout', '-b', 'b'); zonegit('branch', '-D', 'main'); text += 'a A 1.1.1.1'", ["main"], 5),
    ],
)
def test_what_cannot_be_committed_is_kept_and_gone_on_with(
    zone, editor, room, refused, code, words, exit_code
) -> None:
    editor(code)
    failed = zone("edit")
    refused(failed, exit_code, *words)
    (path,) = kept(room)
    assert f"the text is kept: `zonegit edit --retry {path}" in failed.err
    if exit_code == 5:
        return
    editor(
        "text = text.replace('192.0.2.256', '192.0.2.3').replace('mail CNAME www', '').replace('.2\\n', '.7\\n')"
    )
    assert zone("edit", "--retry", path).code == 0
    assert list(room.iterdir()) == []


def test_a_conflict_is_listed_and_the_text_is_kept(zone, editor, room) -> None:
    editor("zonegit('set', 'www', 'A', '300', '192.0.2.7'); text = text.replace('.1\\n', '.2\\n')")
    failed = zone("edit")
    assert failed.code == 4
    assert [line.split()[:3] for line in failed.lines] == [
        ["conflict:", "www.example.org.", "A"],
        ["base", "300", "192.0.2.1"],
        ["ours", "300", "192.0.2.7"],
        ["theirs", "300", "192.0.2.2"],
    ]
    (path,) = kept(room)
    assert "1 conflict: www.example.org. A; nothing was committed" in failed.err
    assert failed.err.endswith(f": edit {path} and run `zonegit edit --retry {path}`\n")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_conflict_is_gone_on_with_from_the_branch_s_tip(zone, editor, room) -> None:
    editor(
        "zonegit('set', 'www', 'A', '300', '192.0.2.7'); zonegit('set', 'other', 'A', '60', '192.0.2.8')\n"
        "text = text.replace('192.0.2.1', '192.0.2.2').replace('192.0.2.25', '192.0.2.26')"
    )
    assert zone("edit").code == 4
    (path,) = kept(room)
    text = path.read_text()
    assert f"; base:   {zone('show', '--json').json['commit']}\n" in text
    assert text.endswith(
        "mail\t3600\tIN\tA\t192.0.2.26\n"
        "ns1\t3600\tIN\tA\t192.0.2.53\n"
        "other\t60\tIN\tA\t192.0.2.8\n"
        "; conflict: www.example.org. A\n"
        ";   ours: www.example.org.\t300\tIN\tA\t192.0.2.7\n"
        ";   base: www.example.org.\t300\tIN\tA\t192.0.2.1\n"
        "www\t300\tIN\tA\t192.0.2.2\n"
    )
    editor("zonegit('set', 'www', 'A', '300', '192.0.2.9')")  # and the branch moves once more
    again = zone("edit", "--retry", path, "--json")
    assert again.code == 4
    assert again.json["conflicts"][0]["ours_by"]["message"] == "set www A"
    assert path.read_text().count("; conflict:") == 1
    editor("text = text.replace('.2\\n', '.3\\n') + 'new A 192.0.2.9\\n'")
    assert [line for line in zone("edit", "--retry", path).lines if line[0] == "+"] == [
        "+mail.example.org.\t3600\tIN\tA\t192.0.2.26",
        "+new.example.org.\t3600\tIN\tA\t192.0.2.9",
        "+www.example.org.\t300\tIN\tA\t192.0.2.3",
    ]
    assert zone("show", "other", "A").lines == ["other.example.org.\t60\tIN\tA\t192.0.2.8"]
    assert list(room.iterdir()) == []


def test_a_conflict_leaves_the_repository_as_it_was(zone, editor, room, tmp_path) -> None:
    zone("set", "www", "A", "300", "192.0.2.7")
    editor("text = text.replace('.7\\n', '.2\\n')")
    zone("edit", "--dry-run")
    (path,) = kept(room)
    zone("set", "www", "A", "300", "192.0.2.8")
    before = state(tmp_path / "repo")
    editor("")
    assert zone("edit", "--retry", path).code == 4
    assert state(tmp_path / "repo") == before
    moved = path.rename(tmp_path / "mine")
    assert zone("edit", "--retry", moved, "--dry-run").lines[-1] == "+www.example.org.\t300\tIN\tA\t192.0.2.2"
    assert state(tmp_path / "repo") == before


def test_a_conflict_over_what_the_text_deleted(zone, editor, room) -> None:
    editor("zonegit('set', 'www', 'A', '300', '192.0.2.7'); text = text[:text.index('www\\t')] + '; empty\\n'")
    assert zone("edit", "www").code == 4
    (path,) = kept(room)
    assert path.read_text().endswith(
        "$TTL 3600\n"
        "; conflict: www.example.org. A\n"
        ";   ours: www.example.org.\t300\tIN\tA\t192.0.2.7\n"
        ";   base: www.example.org.\t300\tIN\tA\t192.0.2.1\n"
        ";   yours: (no records)\n"
    )
    editor("")
    assert zone("edit", "--retry", path).lines == ["-www.example.org.\t300\tIN\tA\t192.0.2.7"]


def test_a_conflict_of_an_alias(zone, editor, room) -> None:
    editor("zonegit('set', 'new', 'A', '60', '192.0.2.7'); text += 'new 60 CNAME www\\n'")
    assert zone("edit").code == 4
    (path,) = kept(room)
    assert path.read_text().endswith(
        "; conflict: new.example.org. CNAME\n"
        ";   ours: (no records)\n"
        ";   base: (no records)\n"
        "new\t60\tIN\tCNAME\twww.example.org.\n"
        "ns1\t3600\tIN\tA\t192.0.2.53\n"
        "www\t300\tIN\tA\t192.0.2.1\n"
        "; conflict: new.example.org. A\n"
        ";   ours: new.example.org.\t60\tIN\tA\t192.0.2.7\n"
        ";   base: (no records)\n"
        ";   yours: (no records)\n"
    )
    editor("")
    assert zone("edit", "--retry", path).code == 0
    assert zone("show", "new", "CNAME").lines == ["new.example.org.\t60\tIN\tCNAME\twww.example.org."]


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("path.unlink(); path.mkdir(); os._exit(0)", "is not a regular file: replace the link or directory"),
        ("path.unlink(); os.mkfifo(path); os._exit(0)", "is not a regular file: replace the link or directory"),
        (
            "path.rename(path.parent / 'mine'); path.symlink_to('mine'); os._exit(0)",
            "is not a regular file: replace",
        ),
        ("path.unlink(); os._exit(0)", "does not exist, so there is no text to commit: start again"),
    ],
)
def test_what_an_editor_leaves_instead_of_the_text(zone, editor, room, refused, tmp_path, code, told) -> None:
    before = state(tmp_path / "repo")
    editor(code)
    refused(zone("edit"), 1, f"{room}/", f"/edit.zone {told}")
    assert state(tmp_path / "repo") == before


def test_a_kept_text_that_is_none(zone, editor, refused, tmp_path) -> None:
    editor("")
    refused(zone("edit", "--retry", tmp_path / "nowhere"), 1, f"{tmp_path / 'nowhere'} does not exist")
    refused(zone("edit", "--retry", tmp_path), 1, f"{tmp_path} is not a regular file")


def test_a_text_that_cannot_be_read_any_more_is_kept(zone, editor, room, refused) -> None:
    editor("path.rename(path.parent / 'mine'); path.symlink_to('mine'); text += 'new A 192.0.2.9\\n'")
    refused(zone("edit"), 1, "edit.zone is not a regular file", "the text is kept")
    assert "new A" in next(room.glob("*/mine")).read_text()


def test_what_is_broken_together_is_a_conflict(zone, editor, room) -> None:
    editor("zonegit('set', 'new', 'DNAME', '60', 'example.net.'); text += 'a.new A 192.0.2.2\\n'")
    failed = zone("edit")
    assert failed.code == 4
    assert failed.lines[0].startswith("conflict: both together: this would break example.org.")
    assert "each side alone is valid, but the merged zone isn't" in failed.err
    (path,) = kept(room)
    assert "\n; conflict: both together: this would break example.org." in path.read_text()
    editor("")
    assert zone("edit", "--retry", path).code == 1
    editor("text = text.replace('a.new', 'a.other')")
    assert zone("edit", "--retry", path).lines == ["+a.other.example.org.\t3600\tIN\tA\t192.0.2.2"]


@pytest.mark.parametrize(
    ("field", "value", "code", "words"),
    [
        ("base", "a" * 64, 5, "has no commit aaaaaaaaaaaa of example.org."),
        ("base", "x", 1, "lacks the header"),
        ("zone", "a..b", 1, "lacks the header"),
        ("edited", "www.example.net.", 1, "lacks the header"),
        ("branch", "other", 5, "no branch other"),
    ],
)
def test_a_kept_text_with_another_header(zone, editor, room, refused, field, value, code, words) -> None:
    editor("text += 'new A 192.0.2.2\\n'")
    zone("edit", "--dry-run")
    (path,) = kept(room)
    lines = path.read_text().splitlines()
    path.write_text("\n".join(f"; {field}: {value}" if line.startswith(f"; {field}:") else line for line in lines))
    editor("")
    refused(zone("edit", "--retry", path), code, words)
    assert path.exists()


def test_a_refusal_leaves_the_repository_as_it_was(zone, editor, tmp_path) -> None:
    before = state(tmp_path / "repo")
    editor("text += 'mail CNAME www\\n'")
    assert zone("edit").code == 1
    editor("code = 1")
    assert zone("edit").code == 1
    assert state(tmp_path / "repo") == before


def test_an_unchanged_text_is_not_kept_where_the_editor_fails(zone, editor, room, refused) -> None:
    editor("code = 1")
    refused(zone("edit"), 1, "the editor exited with code 1; nothing was committed\n")
    assert list(room.iterdir()) == []


def test_what_was_committed_meanwhile_stays(zone, editor) -> None:
    editor(
        "zonegit('set', 'new', 'A', '60', '192.0.2.9'); zonegit('add', 'www', 'A', '-', '192.0.2.8')\n"
        "text = text.replace('.1\\n', '.2\\n')"
    )
    done = zone("edit")
    assert done.code == 0
    assert zone("show", "new", "A").lines == ["new.example.org.\t60\tIN\tA\t192.0.2.9"]
    assert [line.split()[-1] for line in zone("show", "www", "A").lines] == ["192.0.2.2", "192.0.2.8"]


def test_no_terminal_and_no_editor(zone, refused, monkeypatch, tmp_path, room) -> None:
    before = state(tmp_path / "repo")
    refused(zone("edit", stdin=b""), 1, "no terminal", "VISUAL or EDITOR", "zonegit apply FILE")
    monkeypatch.setenv("EDITOR", "/no/such/editor")
    refused(zone("edit"), 1, "/no/such/editor: No such file")
    monkeypatch.setenv("VISUAL", "'half")
    refused(zone("edit"), 1, "$VISUAL is not a valid command")
    assert state(tmp_path / "repo") == before
    assert list(room.iterdir()) == []


def test_no_kept_text(zone, editor, refused, tmp_path) -> None:
    editor("")
    refused(zone("edit", "--retry", tmp_path / "absent"), 1, "absent does not exist")
    (tmp_path / "other").write_text("www 60 A 192.0.2.1\n")
    refused(zone("edit", "--retry", tmp_path / "other"), 1, "lacks the header")
    (tmp_path / "link").symlink_to(tmp_path / "other")
    refused(zone("edit", "--retry", tmp_path / "link"), 1, "link")
    refused(zone("edit", "www", "--retry", tmp_path / "other"), 2, "leave NAME")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_the_text_of_another_user(zone, editor, refused, tmp_path) -> None:
    editor("")
    (tmp_path / "other").write_text("")
    os.chown(tmp_path / "other", 65534, 65534)
    refused(zone("edit", "--retry", tmp_path / "other"), 1, "belongs to another user")


def test_a_kept_text_that_was_moved_is_not_removed(zone, editor, room, tmp_path) -> None:
    editor("text = text.replace('192.0.2.1', '192.0.2.2')")
    zone("edit", "--dry-run")
    moved = kept(room)[0].rename(tmp_path / "mine")
    assert zone("edit", "--retry", moved).code == 0
    assert moved.exists()


def test_a_signed_zone_is_refused_before_the_editor_runs(zone, editor, refused, tmp_path) -> None:
    editor("raise SystemExit('an editor ran')")
    assert zone("set", "@", "RRSIG", "300", "SOA 8 2 300 20300101000000 20200101000000 1 example.org. AAAA",
                "--break-signatures").code == 0  # fmt: skip
    refused(zone("edit"), 1, "is signed elsewhere")
