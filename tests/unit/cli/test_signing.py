"""`config`, `keygen`, `sign-commit`, `verify`, `-S`, and how `show` and `log` tell a signature."""

import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from zonegit.cli.peering import stamp
from zonegit.errors import NotAuthorised
from zonegit.store.lmdb import LmdbStore

BOB = ("--author", "Bob <bob@example.org>")
Run = Callable[..., Any]


@pytest.fixture
def key(zone: Run, tmp_path: Path) -> Path:
    """Ada's key, with which she signs if a verb has -S, and the file of allowed signers."""
    path = tmp_path / "key"
    done = zone("keygen", path)
    (tmp_path / "allowed").write_text(done.out)
    zone("config", "user.signingkey", path)
    zone("config", "gpg.ssh.allowedSignersFile", tmp_path / "allowed")
    return path


def test_keygen_writes_a_pair_and_prints_the_line(run: Run, tmp_path: Path, refused: Callable[..., None]) -> None:
    path = tmp_path / "keys" / "ada"
    done = run("keygen", path, "--comment", "of Ada")
    assert done.code == 0
    public = path.with_name("ada.pub").read_text()
    assert done.out == f'ada@example.org namespaces="zonegit" {public}'
    assert public.endswith(" of Ada\n")
    assert path.stat().st_mode & 0o777 == 0o600
    assert f"to sign with it: zonegit config user.signingkey {path}" in done.err
    before = path.read_bytes()
    refused(run("keygen", path), 4, "already exists")
    refused(run("keygen", path, "--dry-run"), 4, "already exists")
    assert path.read_bytes() == before
    assert run("keygen", tmp_path / "other", "--dry-run").code == 0
    assert not (tmp_path / "other").exists()


def test_keygen_quotes_a_principal_with_blanks(run: Run, tmp_path: Path, refused: Callable[..., None]) -> None:
    done = run("keygen", tmp_path / "key", "--author", "alice (sudo)", "--comment", "x")
    assert done.out.startswith('"alice (sudo)" namespaces="zonegit" ssh-ed25519 ')
    refused(run("keygen", tmp_path / "other", "--author", 'a"b'), 2, "without quotes")


def test_keygen_names_the_author_of_the_settings(
    zone: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ZONEGIT_AUTHOR")
    unknown = zone("keygen", tmp_path / "zero")
    who = unknown.out.partition(" ")[0]
    assert f"zonegit: warning: no user.email is set, so the line is {who}'s: " in unknown.err
    zone("config", "user.name", "Bob")
    assert zone("keygen", tmp_path / "one").out.startswith('Bob namespaces="zonegit" ')
    zone("config", "user.email", "bob@example.org")
    done = zone("keygen", tmp_path / "two")
    assert done.out.startswith('bob@example.org namespaces="zonegit" ') and done.out.endswith(" bob@example.org\n")
    assert zone("keygen", tmp_path / "three", "--author", "Eve <eve@example.net>").out.startswith(
        "eve@example.net "
    )
    zone("config", "user.signingkey", tmp_path / "two")
    (tmp_path / "allowed").write_text(done.out)
    zone("set", "www", "A", "60", "192.0.2.9", "-S")
    assert zone("verify", "--allowed-signers", tmp_path / "allowed").code == 0


def test_keygen_without_a_name_writes_beside_the_users_other_keys(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    done = run("keygen")
    assert done.code == 0 and "warning" not in done.err
    assert (tmp_path / ".ssh" / "zonegit_ed25519").exists()
    assert (tmp_path / ".ssh").stat().st_mode & 0o777 == 0o700


def test_config_sets_shows_and_unsets(
    zone: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: Callable[..., None]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert zone("config", "User.Name", "Ada").out == ""
    assert zone("config", "user.name").out == "Ada\n"
    missing = zone("config", "user.signingkey", "key")
    assert missing.err == f"zonegit: warning: there is no file {tmp_path}/key\n"
    assert zone("config", "--list").lines == ["user.name=Ada", f"user.signingkey={tmp_path}/key"]
    assert zone("config", "--list", "--json").json == {"user.name": "Ada", "user.signingkey": f"{tmp_path}/key"}
    assert zone("config", "user.name", "--json").json == {"user.name": "Ada"}
    assert "would be Bob" in zone("config", "user.name", "Bob", "--dry-run").err
    assert zone("config", "user.name").out == "Ada\n"
    assert zone("config", "--unset", "user.name").code == 0
    refused(zone("config", "user.name"), 5, "user.name is not set")


def test_config_warns_of_a_file_that_cannot_be_read(zone: Run, key: Path, tmp_path: Path) -> None:
    missing = zone("config", "user.signingkey", tmp_path / "missing")
    assert missing.code == 0 and missing.err == f"zonegit: warning: there is no file {tmp_path}/missing\n"
    inside = zone("config", "user.signingkey", key / "inside")  # as with the directory of another user: no ENOENT
    assert inside.code == 0 and inside.err == f"zonegit: warning: {key}/inside can't be read: Not a directory\n"
    assert zone("config", "user.signingkey").out == f"{key}/inside\n"


def test_who_syncs_is_the_user_and_not_the_repositorys(
    zone: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ZONEGIT_AUTHOR")
    zone("config", "user.name", "Ada")
    for mode, is_ada in ((0o700, True), (0o770, False)):
        (tmp_path / "repo").chmod(mode)
        with closing(LmdbStore.open(tmp_path / "repo")) as store:
            assert (stamp(store, None).name == "Ada") is is_ada
            assert stamp(store, "Bob").name == "Bob"


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        ([], ["expected a KEY, --list, or check"]),
        (["--list", "user.name"], ["expected a KEY"]),
        (["--unset"], ["expected a KEY"]),
        (["--unset", "user.name", "x"], ["--unset takes a KEY alone"]),
        (["user.nmae"], ["'user.nmae' is not a key", "did you mean user.name?"]),
        (["chek"], ["`zonegit config check` checks zonegitd's configuration"]),
        (["commit.sign", "maybe"], ["commit.sign can't be 'maybe': true or false"]),
    ],
    ids=str,
)
def test_config_refuses(zone: Run, refused: Callable[..., None], argv: list[str], words: list[str]) -> None:
    refused(zone("config", *argv), 2, *words)


def test_config_check_is_still_a_verb(run: Run, tmp_path: Path, refused: Callable[..., None]) -> None:
    refused(run("config", "check", tmp_path / "missing"), 2, "No such file")
    assert "zonegit config check" in run("config", "check", "--help").out
    assert "user.signingkey" in run("config", "--help").out == run("help", "config").out


def test_a_signed_commit_verifies(zone: Run, key: Path) -> None:
    assert zone("verify").code == NotAuthorised.exit_code
    assert zone("verify").lines[0].endswith(" unsigned")
    assert zone("set", "www", "A", "60", "192.0.2.9", "-S").code == 0
    done = zone("verify")
    assert done.code == 0
    assert " good, by ada@example.org with ED25519 key SHA256:" in done.out
    assert zone("show").lines[4].startswith("Signature: good, by ada@example.org with ED25519 key SHA256:")
    assert zone("show", "HEAD~1").lines[4] == ""
    signature = zone("show", "--json").json["signature"]
    assert zone("verify", "--json").json["signature"] == signature
    assert (signature["state"], signature["principal"]) == ("good", "ada@example.org")
    assert zone("show", "HEAD~1", "--json").json["signature"] is None


def test_log_tells_signatures(zone: Run, key: Path) -> None:
    zone("set", "www", "A", "60", "192.0.2.9", "-S")
    told = [line for line in zone("log", "--show-signature").lines if line.startswith("Signature: ")]
    assert [line[:16] for line in told] == ["Signature: good,", "Signature: none"]
    oneline = zone("log", "--oneline", "--show-signature").lines
    assert [line.strip()[:16] for line in oneline[1::2]] == ["Signature: good,", "Signature: none"]
    states = [
        each["signature"] and each["signature"]["state"] for each in zone("log", "--json", "--show-signature").json
    ]
    assert states == ["good", None]
    assert "signature" not in zone("log", "--json").json[0]
    assert "| Signature: good," in zone("log", "--graph", "--show-signature").out
    assert "Signature" not in zone("log").out


def test_the_setting_signs_and_an_option_does_not(zone: Run, key: Path) -> None:
    zone("config", "commit.sign", "true")
    for argv in (
        ("add", "www", "A", "-", "192.0.2.9"),
        ("delete", "www", "A", "192.0.2.9"),
        ("undo",),
        ("redo",),
        ("ttl", "www", "77"),
        ("rename", "www", "web"),
        ("revert", "HEAD"),
        ("reset", "--hard", "HEAD~1"),
        ("restore", "web", "--from", "HEAD~2"),
        ("zone", "add", "example.net"),
    ):
        assert zone(*argv).code == 0
        last = ("--zone", "example.net") if "example.net" in argv else ()
        assert zone("verify", *last).code == 0, argv
    assert zone("set", "www", "A", "60", "192.0.2.9", "--no-sign").code == 0
    assert zone("verify").code == 7


def test_verify_tells_what_is_wrong(zone: Run, key: Path, tmp_path: Path) -> None:
    zone("set", "www", "A", "60", "192.0.2.9", "-S", *BOB)
    done = zone("verify")
    assert done.code == 7
    assert done.out.endswith(": the key is not bob@example.org's\n")
    (tmp_path / "none").write_text("# nobody\n")
    assert zone("verify", "--allowed-signers", tmp_path / "none").out.endswith(
        ": the key is not among the allowed signers\n"
    )
    assert (
        zone("verify", "--allowed-signers", tmp_path / "none", "--json").json["signature"]["state"] == "unknown-key"
    )


def test_verify_needs_to_know_who_may_sign(zone: Run, tmp_path: Path, refused: Callable[..., None]) -> None:
    refused(zone("verify"), 2, "config gpg.ssh.allowedSignersFile FILE")
    refused(zone("verify", "--allowed-signers", tmp_path / "missing"), 1, "can't be read: No such file")
    (tmp_path / "bad").write_text("ada@example.org\n")
    refused(zone("verify", "--allowed-signers", tmp_path / "bad"), 1, "bad:1: is not PRINCIPALS [OPTIONS] KEY")


def test_show_goes_on_without_a_usable_file(zone: Run, key: Path, tmp_path: Path) -> None:
    zone("set", "www", "A", "60", "192.0.2.9", "-S")
    (tmp_path / "allowed").write_text("ada@example.org\n")
    done = zone("show")
    assert done.code == 0
    assert "allowed:1: is not PRINCIPALS [OPTIONS] KEY" in done.err
    assert "the key is not known" in done.out


def test_a_chain_lists_what_is_not_good(zone: Run, key: Path) -> None:
    for ttl in (10, 20):
        zone("set", "www", "A", str(ttl), "192.0.2.9", "-S")
    done = zone("verify", "--chain")
    assert done.code == 7
    assert [line.split(" ", 1)[1] for line in done.lines] == ["unsigned (Import example.org.zone)"]
    assert done.err == "checked 3 signatures: 2 good, 1 not good\n"
    assert zone("verify", "HEAD~2..HEAD").code == 0
    assert [each["signature"]["state"] for each in zone("verify", "--chain", "--json").json] == [
        "good",
        "good",
        "unsigned",
    ]


def test_a_tag_is_signed_and_verified(zone: Run, key: Path, refused: Callable[..., None]) -> None:
    assert zone("tag", "-s", "v1", "-m", "One").code == 0
    assert zone("verify", "v1").code == 0
    assert zone("verify", "v1", "--json").json["kind"] == "tag"
    assert zone("show", "v1").lines[3].startswith("Signature: good, by ada@example.org")
    assert zone("show", "v1", "--json").json["tag_signature"]["state"] == "good"
    assert zone("verify", "v1", "--chain").err == "checked 2 signatures: 1 good, 1 not good\n"
    refused(zone("tag", "-s", "v2"), 2, "only a tag with a message can be signed")


def test_sign_commit(zone: Run, key: Path, refused: Callable[..., None]) -> None:
    zone("set", "www", "A", "60", "192.0.2.9", "-m", "Move www")
    serial = zone("status", "--json").json["commit"]["serial"]
    assert "would sign" in zone("sign-commit", "--dry-run").err
    done = zone("sign-commit")
    assert done.code == 0
    assert done.err.endswith(f"] serial {serial}, signed\n")
    assert zone("verify").code == 0
    assert "Move www" in zone("log", "--oneline", "-1").out
    zone("branch", "other")
    refused(zone("sign-commit"), 1, "is also in the branch other")


def test_sign_commit_is_refused_where_secondaries_fetch(
    zone: Run, key: Path, tmp_path: Path, refused: Callable[..., None]
) -> None:
    (tmp_path / "repo" / "zonegitd.toml").write_text('[replication]\nlisten = ["127.0.0.1:9354"]\n')
    refused(zone("sign-commit"), 1, "([replication])", "with -S or commit.sign")


ASK = """#!/bin/sh
{python} -m zonegit.cli.main add mail A - 192.0.2.99 --no-sign --lock-timeout 0 > {told} 2>&1 && echo done >> {told}
echo secret
"""
"""Asked for the passphrase, it commits first, which needs the store."""


@pytest.mark.parametrize(
    "argv",
    [("set", "www", "A", "60", "192.0.2.9"), ("ttl", "www", "77"), ("cherry-pick", "HEAD..other"), ("undo",)],
)
def test_others_write_while_a_passphrase_is_entered(
    zone: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    needs_program: Callable[[str], str],
    argv: tuple[str, ...],
) -> None:
    """The signature is made again where the branch has moved meanwhile."""
    if argv[0] == "cherry-pick":
        zone("branch", "other")
        for address in ("192.0.2.20", "192.0.2.21"):
            zone("add", "www", "A", "-", address, "--branch", "other")
    make = [needs_program("ssh-keygen"), "-q", "-t", "ed25519", "-N", "secret", "-f", str(tmp_path / "key")]
    subprocess.run(make, check=True)
    zone("config", "user.signingkey", tmp_path / "key")
    ask, told = tmp_path / "ask", tmp_path / "told"
    ask.write_text(ASK.format(python=sys.executable, told=told))
    ask.chmod(0o700)
    monkeypatch.setenv("SSH_ASKPASS", str(ask))
    monkeypatch.setenv("SSH_ASKPASS_REQUIRE", "force")
    zone("set", "mail", "A", "300", "192.0.2.26")
    done = zone(*argv, "-S")
    assert told.read_text().endswith("done\n"), told.read_text()
    if argv != ("undo",):
        assert done.code == 0
        assert zone("show", "--json").json["signature"]["state"] == "unknown-key"
        assert "192.0.2.99" in zone("show", "mail", "A").out


def test_a_plan_is_not_signed(zone: Run, key: Path, tmp_path: Path, refused: Callable[..., None]) -> None:
    zone("config", "commit.sign", "true")
    wanted = tmp_path / "wanted.zone"
    wanted.write_text(zone("export").out.replace("192.0.2.25", "192.0.2.26"))
    refused(zone("plan", wanted, "-o", tmp_path / "plan", "-S"), 2, "give -S to `apply`")
    assert zone("plan", wanted, "-o", tmp_path / "plan").code == 0
    refused(
        zone("apply", tmp_path / "plan", "--rebase", "-o", tmp_path / "new", "-S"),
        2,
        "give -m, --author, -S and --at when you apply it",
    )
    assert zone("apply", tmp_path / "plan").code == 0
    assert zone("verify").code == 0


def test_signing_without_a_key_says_how(zone: Run, refused: Callable[..., None]) -> None:
    before = zone("log", "--json").json
    refused(zone("set", "www", "A", "60", "192.0.2.9", "-S"), 2, "config user.signingkey FILE", "'zonegit keygen'")
    assert zone("log", "--json").json == before


def test_a_key_that_fails_says_so(zone: Run, key: Path, refused: Callable[..., None]) -> None:
    key.chmod(0o644)
    refused(zone("set", "www", "A", "60", "192.0.2.9", "-S"), 7, "mode 0644 lets others use the key")
