"""Completion scripts, in the shells themselves: what they know, and what they ask the repository for."""

import os
import pty
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from zonegit.cli import completing, verbs

PATIENCE = 60


@pytest.fixture
def full(zone, tmp_path):
    """`run`, on a repository with two zones, a removed one, branches and a tag, in a directory with another one."""
    (tmp_path / "some-directory").mkdir()
    (tmp_path / "some-file").touch()
    assert zone("zone", "add", "example.com").code == 0
    assert zone("zone", "remove", "example.com").code == 0
    assert zone("zone", "add", "example.net").code == 0
    assert zone("branch", "feature/x").code == 0
    assert zone("branch", "CHG-1234").code == 0
    assert zone("tag", "v1.0").code == 0
    assert zone("--zone", "example.net", "branch", "other").code == 0
    return zone


@pytest.fixture
def script(run, tmp_path):
    """`script(shell)` is the file that `zonegit completion` writes."""

    def make(shell):
        path = tmp_path / f"script.{shell}"
        path.write_text(run("completion", shell).out)
        return path

    return make


@pytest.fixture
def environment():
    """The test's own, with the command in the PATH."""
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8"}


ASKED = [
    (["check"], {"check", "checkout"}),
    (["key", ""], {"new", "list", "promote", "retire"}),
    (["-C", "/", "completion", "f"], {"fish"}),
    (["log", "--col"], {"--color"}),
    (["log", "--color", "a"], {"always", "auto"}),
    (["checkout", ""], {"CHG-1234", "feature/x", "main"}),
    (["checkout", "fea"], {"feature/x"}),
    (["--zone", "example.n"], {"example.net."}),
    (["--zone", "example.net", "checkout", ""], {"main", "other"}),
    (["zone", "switch", "example"], {"example.net.", "example.org."}),
    (["show", "ma"], {"mail", "main"}),
    (["set", "w"], {"www"}),
    (["set", "-m", "why", "www", "AA"], {"AAAA"}),
    (["log", "--name", "ns"], {"ns1"}),
    (["log", "main", "ns"], {"ns1"}),
    (["when", "ns"], {"ns1"}),
    (["query", "ns"], {"ns1"}),
    (["query", "www", "AAA"], {"AAAA"}),
    (["query", "www", "A", "@v"], {"@v1.0"}),
    (["log", "main", "v"], {"v1.0"}),
    (["diff", "main..C"], {"main..CHG-1234"}),
    (["tag", "-d", "v"], {"v1.0"}),
    (["reset", "--hard", "HE"], {"HEAD"}),
    (["merge", "fea"], {"feature/x"}),
    (["revert", "HEAD", "main..C"], {"main..CHG-1234"}),
    (["set", "www", "A", "60", ""], set()),
    (["set", "www", "AN"], set()),
    (["add", "www", "AX"], set()),
    (["delete", "@", ""], {"MX", "NS", "SOA"}),
    (["delete", "www.example.org.", ""], {"A"}),
    (["ttl", "ma"], {"mail"}),
    (["ttl", "mail", "60", "--type", "AA"], {"AAAA"}),
    (["rename", "ma"], {"mail"}),
    (["batch", "some-f"], {"some-file"}),
    (["blame", "www", ""], {"A", "ANY"}),
    (["show", "www", "a"], {"a", "any"}),
    (["--zone", "example.net", "show", "@", ""], {"ANY", "NS", "SOA"}),
    (["set", "--strict", "mx-"], {"mx-address", "mx-cname"}),
    (["check", "--strict", "mx-cname,ns-c"], {"mx-cname,ns-cname"}),
    (["zone", "restore", ""], {"example.com."}),
    (["-C", "some"], {"some-directory"}),
    (["key", "list", "--keys", "some"], {"some-directory"}),
    (["clone", "http://127.0.0.1:9", "some"], {"some-directory"}),
    (["import", "nothing-here"], set()),
    (["push", "example"], {"example.net.", "example.org."}),
    (["pull", "ns1", "--exclude", "example.n"], {"example.net."}),
]


@pytest.mark.parametrize(("words", "offered"), ASKED)
def test_bash_completes(full, script, environment, words, offered, tmp_path, needs_program) -> None:
    quoted = " ".join(f"'{word}'" for word in ["zonegit", *words])
    ask = f"source {script('bash')}; COMP_WORDS=({quoted}); COMP_CWORD={len(words)}; _zonegit"
    done = subprocess.run(
        (needs_program("bash"), "-c", f'{ask}; printf "%s\\n" "${{COMPREPLY[@]}}"'),
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env=environment,
    )
    assert (set(done.stdout.split()), done.stderr) == (offered, "")


@pytest.mark.parametrize(("words", "offered"), [each for each in ASKED if each[0][:2] != ["-C", "/"]])
def test_fish_completes(full, script, environment, words, offered, tmp_path, needs_program) -> None:
    line = " ".join(["zonegit", *words])
    done = subprocess.run(
        (needs_program("fish"), "--no-config", "-c", f"source {script('fish')}; complete -C '{line}'"),
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env={**environment, "HOME": str(tmp_path)},
    )
    found = {answer.partition("\t")[0].removesuffix("/") for answer in done.stdout.splitlines()}
    assert (found, done.stderr) == (offered, "")


def test_zsh_completes(full, script, environment, tmp_path, needs_program) -> None:
    """At a terminal: Tab completes what is the only one."""
    zsh = needs_program("zsh")
    child, terminal = pty.fork()
    if not child:
        os.execve(zsh, (zsh, "-f", "-i"), {**environment, "TERM": "dumb", "PS1": "> ", "HOME": str(tmp_path)})
    said = b""

    def until(wanted: bytes) -> None:
        nonlocal said
        deadline = time.monotonic() + PATIENCE
        while wanted not in said:
            assert select.select([terminal], [], [], deadline - time.monotonic())[0], said
            said += os.read(terminal, 4096)

    try:
        setup = f"cd {tmp_path}; autoload -U compinit && compinit -u -D; source {script('zsh')}; echo rea''dy\n"
        os.write(terminal, setup.encode())
        until(b"ready")
        for typed, wanted in (
            (b"zonegit checkout fea\t", b"feature/x"),
            (b"zonegit show ww\t", b"show www"),
            (b"zonegit fsc\t", b"fsck"),
        ):
            said = b""
            os.write(terminal, typed)
            until(wanted)
            os.write(terminal, b"\x15")
    finally:
        os.close(terminal)
        os.kill(child, 9)
        os.waitpid(child, 0)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_scripts_know_every_verb_and_its_options(script, shell) -> None:
    path = script(shell)
    text = path.read_text()
    for name in verbs.names():
        assert name.split()[-1] in text
    assert "dry-run" in text
    program = shutil.which(shell)
    if program is not None:
        subprocess.run((program, "-n", path), check=True)


@pytest.mark.parametrize(
    "words",
    [
        [],
        [""],
        ["nonsense", ""],
        ["zone", ""],
        ["checkout"],
        ["--zone", "nowhere", "checkout", ""],
        ["--repo", "/nowhere", "checkout", ""],
        ["-C", "/nowhere", "checkout", ""],
        ["show", "..", "\\", ""],
    ],
)
def test_asking_never_fails(full, words) -> None:
    result = full("__complete", *words)
    assert (result.code, result.err) == (0, "")


def test_a_name_that_a_shell_would_run_is_quoted(full, script, environment, tmp_path, needs_program) -> None:
    assert full("set", r"\$\(touch\032owned\)", "A", "60", "192.0.2.1").code == 0
    ask = f"source {script('bash')}; COMP_WORDS=(zonegit show '\\'); COMP_CWORD=2; _zonegit"
    ask += '; eval "set -- ${COMPREPLY[0]}"'
    done = subprocess.run(
        (needs_program("bash"), "-c", f"{ask}; printf '%s' \"$1\""),
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env=environment,
    )
    assert done.stdout == r"\$\(touch\032owned\)"
    assert not (tmp_path / "owned").exists()


def test_hashes_are_no_names(full) -> None:
    names = set(full("__complete", "show", "").lines)
    record = "1 0 0 - 0p9mhaveqvm6t7vbl5lop2u3t2rp3tom A RRSIG"
    done = full("set", "2t7b4g4vsa5smi47k61mv5bv1a22bojr", "NSEC3", "60", record, "--break-signatures")
    assert done.code == 0
    assert set(full("__complete", "show", "").lines) == names


def test_a_busy_machine_leaves_out_no_names_of_a_small_zone(full, monkeypatch) -> None:
    names = full("__complete", "show", "").lines
    monkeypatch.setattr(completing, "_SECONDS", -1.0)
    assert full("__complete", "show", "").lines == names
    monkeypatch.setattr(completing, "_QUICK", 1)
    assert len(full("__complete", "show", "").lines) < len(names)
