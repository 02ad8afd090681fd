"""`apply`, `edit` and `plan` as processes: each does what it says, and a refusal changes nothing."""

import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from samekit import state
from zonegit.repo.mirrors import mirror_setting
from zonegit.store.lmdb import LmdbStore

ZONEGIT = Path(sys.executable).parent / "zonegit"
QUOTED = shlex.quote(str(ZONEGIT))
"""For a shell, wherever the checkout is."""
STATE = """\
$ORIGIN example.org.
$TTL 300
@ SOA ns1 hostmaster 1 7200 900 1209600 300
@ NS ns1
ns1 A 192.0.2.53
www A 192.0.2.1
"""


@pytest.fixture
def environment(tmp_path):
    """Of all commands: a repository, and a directory for texts, of the test's own."""
    (tmp_path / "texts").mkdir()
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    own = {"ZONEGIT_REPO": str(tmp_path / "repo"), "ZONEGIT_AUTHOR": "Ada", "TMPDIR": str(tmp_path / "texts")}
    return {**kept, **own}


@pytest.fixture
def zonegit(tmp_path, environment):
    """`zonegit("apply", …)` runs the installed command; `editor` is a piece of shell that has the file as `$1`."""
    (tmp_path / "zone").write_text(STATE)

    def call(*argv, editor=None, text=None, **more):
        more = {name: str(value) for name, value in more.items()}
        if editor is not None:
            more["EDITOR"] = shlex.join(["sh", "-c", editor, "editor"])
        return subprocess.run(
            [ZONEGIT, *argv],
            env=environment | more,
            input=text or "",
            capture_output=True,
            text=True,
            timeout=60,
            cwd=tmp_path,
        )

    assert call("init", "example.org").returncode == 0
    assert call("import", "--replace", "--yes", "zone").returncode == 0
    return call


@pytest.fixture
def unchanged(tmp_path, zonegit):
    """`unchanged(4, "is there", "plan", …)`: the command exits with 4, says that, and leaves all as it was."""

    def call(code, told, *argv, **more):
        before = state(tmp_path / "repo")
        result = zonegit(*argv, **more)
        assert result.returncode == code, result
        assert result.stderr.count("\n") == 1
        assert told in result.stderr
        assert state(tmp_path / "repo") == before
        return result

    return call


def www(zonegit) -> str:
    return zonegit("show", "www", "A").stdout.split()[-1]


def test_apply(zonegit, unchanged, tmp_path) -> None:
    (tmp_path / "zone").write_text(STATE.replace("192.0.2.1", "192.0.2.2"))
    unchanged(0, "dry run, nothing written", "apply", "zone", "--dry-run")
    assert "1 RRset changed" in zonegit("apply", "zone").stderr
    assert www(zonegit) == "192.0.2.2"
    unchanged(0, "nothing to change", "apply", "zone")
    assert zonegit("apply", "-", "--below", "www", text="www 60 A 192.0.2.3\n").returncode == 0
    assert www(zonegit) == "192.0.2.3"
    fifo = subprocess.run(["bash", "-c", f"{QUOTED} --repo repo apply <(cat zone)"], cwd=tmp_path, timeout=60)
    assert fifo.returncode == 0
    assert www(zonegit) == "192.0.2.2"
    assert zonegit("fsck").returncode == 0


def test_what_apply_refuses(zonegit, unchanged, tmp_path) -> None:
    unchanged(
        1, "<stdin>:2: mail.example.org. is neither", "apply", "-", "--below", "www", text="\nmail 1 A 1.1.1.1\n"
    )
    unchanged(1, "absent: No such file", "apply", "absent")
    unchanged(1, "Is a directory", "apply", "texts")
    unchanged(5, "no zone example.net.", "apply", "-", text=STATE.replace(".org", ".net"))
    unchanged(5, "no branch other", "apply", "zone", "--branch", "other")
    unchanged(2, "need a plan", "apply", "zone", "--rebase", "-o", "x")
    mirror(tmp_path / "repo")
    unchanged(1, "is mirrored from", "apply", "zone")


def test_edit(zonegit, unchanged, tmp_path) -> None:
    unchanged(0, "nothing to change", "edit", editor="true")
    assert zonegit("edit", "-m", "Move", editor="sed -i s/192.0.2.1/192.0.2.2/ $1").returncode == 0
    assert www(zonegit) == "192.0.2.2"
    meanwhile = f"{QUOTED} set new A 60 192.0.2.9; sed -i s/192.0.2.2/192.0.2.3/ $1"
    assert zonegit("edit", "www", editor=meanwhile).returncode == 0
    assert www(zonegit) == "192.0.2.3"
    assert zonegit("show", "new", "A").returncode == 0
    assert list((tmp_path / "texts").iterdir()) == []
    assert zonegit("fsck").returncode == 0


def test_the_fallbacks_are_run_at_a_terminal(zonegit, environment, tmp_path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    call = [ZONEGIT, "edit"]
    ours, theirs = os.openpty()
    at_terminal = {"stdin": theirs, "stderr": theirs, "stdout": subprocess.PIPE, "timeout": 60}
    nothing = subprocess.run(call, env=environment | {"PATH": str(programs)}, **at_terminal)
    assert nothing.returncode == 1
    assert b"no editor found: set VISUAL or EDITOR" in os.read(ours, 4096)
    (programs / "vi").write_text("#!/bin/sh\n/bin/sed -i s/192.0.2.1/192.0.2.2/ $1\n")
    (programs / "vi").chmod(0o755)
    assert subprocess.run(call, env=environment | {"PATH": str(programs)}, **at_terminal).returncode == 0
    os.close(ours)
    os.close(theirs)
    assert www(zonegit) == "192.0.2.2"


def test_what_edit_refuses(zonegit, unchanged, tmp_path) -> None:
    unchanged(1, "no terminal to run an editor in", "edit")
    unchanged(1, "cannot run the editor /absent", "edit", EDITOR="/absent")
    unchanged(1, "exited with code 7", "edit", editor="exit 7")
    assert list((tmp_path / "texts").iterdir()) == []
    unchanged(1, "exited with code 7", "edit", editor="echo >> $1; exit 7")
    unchanged(1, "this would break example.org.", "edit", editor="echo www CNAME ns1 >> $1")
    failed = unchanged(1, "edit.zone:17: ", "edit", editor="echo 'www A one' >> $1; touch $1.swp")
    (path,) = (word.strip("`\n") for word in failed.stderr.split() if word.endswith("edit.zone`"))
    assert zonegit("edit", "--retry", path, editor="sed -i s/one/192.0.2.8/ $1").returncode == 0
    assert not Path(path).parent.exists()
    unchanged(1, "there is no text to commit", "edit", "--retry", path, editor="true")
    mirror(tmp_path / "repo")
    unchanged(1, "is mirrored from", "edit", editor="touch ran")
    assert not (tmp_path / "ran").exists()


def test_an_edit_that_the_branch_contradicts(zonegit, tmp_path) -> None:
    meanwhile = f"{QUOTED} set www A 300 192.0.2.9 >&- 2>&-; sed -i s/192.0.2.1/192.0.2.3/ $1"
    failed = zonegit("edit", editor=meanwhile)
    assert failed.returncode == 4
    assert failed.stdout.splitlines()[-4] == "conflict: www.example.org. A"
    assert "edit --retry" in failed.stderr
    assert www(zonegit) == "192.0.2.9"


def test_ctrl_c_is_the_editors(zonegit) -> None:
    before = signal.getsignal(signal.SIGINT)
    both = "trap : INT; kill -INT $PPID $$; sed -i s/192.0.2.1/192.0.2.2/ $1"
    assert zonegit("edit", editor=both).returncode == 0
    assert www(zonegit) == "192.0.2.2"
    assert signal.getsignal(signal.SIGINT) is before


def test_plan_and_apply(zonegit, unchanged, tmp_path) -> None:
    unchanged(0, "nothing to change", "plan", "zone", "-o", "plan")
    (tmp_path / "zone").write_text(STATE.replace("192.0.2.1", "192.0.2.2"))
    unchanged(0, "planned in plan: ", "plan", "zone", "-o", "plan")
    unchanged(0, "dry run, nothing written", "apply", "plan", "--dry-run")
    zonegit("set", "new", "A", "60", "192.0.2.9")
    unchanged(4, "'set new A' by Ada came since", "apply", "plan")
    unchanged(0, "planned in new: ", "apply", "plan", "--rebase", "-o", "new")
    assert zonegit("apply", "new").returncode == 0
    assert www(zonegit) == "192.0.2.2"
    assert zonegit("fsck").returncode == 0


def test_what_plans_are_refused_for(zonegit, unchanged, tmp_path) -> None:
    (tmp_path / "zone").write_text(STATE.replace("192.0.2.1", "192.0.2.2"))
    zonegit("plan", "zone", "-o", "plan")
    unchanged(4, "plan already exists", "plan", "zone", "-o", "plan")
    unchanged(1, "No such file", "plan", "zone", "-o", "absent/plan")
    unchanged(2, "name the file with -o NEW", "apply", "plan", "--rebase")
    text = (tmp_path / "plan").read_text()
    (tmp_path / "changed").write_text(text.replace("c0000202", "c0000203"))
    unchanged(1, "doesn't match its hash", "apply", "changed")
    (tmp_path / "changed").write_text(text.replace("+www", "+new"))
    unchanged(1, "the plan's text doesn't match its data", "apply", "changed")
    zonegit("set", "www", "A", "300", "192.0.2.9")
    before = state(tmp_path / "repo")
    failed = zonegit("apply", "plan", "--rebase", "-o", "new")
    assert failed.returncode == 4
    assert failed.stdout.startswith("conflict: www.example.org. A\n")
    assert not (tmp_path / "new").exists()
    assert state(tmp_path / "repo") == before
    mirror(tmp_path / "repo")
    unchanged(1, "is mirrored from", "plan", "zone", "-o", "third")


def mirror(repository: Path) -> None:
    """Make the zone one that is mirrored from a peer."""
    store = LmdbStore.open(repository)
    with store.write() as writer:
        writer.set_setting(mirror_setting("example.org."), b"primary-1")
    store.close()
