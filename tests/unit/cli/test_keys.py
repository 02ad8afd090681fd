"""`key new`, `list`, `promote`, `retire`: files with secrets that nobody sees."""

import stat
import tomllib

import pytest


def test_new_writes_a_file_and_says_only_where(run, tmp_path) -> None:
    keys = tmp_path / "keys.d"
    result = run("key", "new", "k2026a", "--keys", keys, "--scope", "read:*", "--scope", "push:example.org.")
    path = keys / "k2026a.key"
    assert result.code == 0
    assert result.out == f"{path}\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    written = tomllib.loads(path.read_text())
    assert written["scopes"] == ["read:*", "push:example.org."]
    assert written["secret"] not in result.out + result.err


def test_list_shows_no_secrets(run, tmp_path) -> None:
    for kid in ("a", "b"):
        run("key", "new", kid, "--keys", tmp_path / "keys.d")
    result = run("key", "list", "--keys", tmp_path / "keys.d")
    assert [line.split()[:3] for line in result.lines] == [["a", "sign", "read:*"], ["b", "accept", "read:*"]]
    found = run("key", "list", "--keys", tmp_path / "keys.d", "--json").json
    assert [(key["kid"], key["state"]) for key in found] == [("a", "sign"), ("b", "accept")]
    for path in (tmp_path / "keys.d").iterdir():
        secret = tomllib.loads(path.read_text())["secret"]
        assert secret not in result.out
        assert secret not in str(found)


def test_a_dry_run_writes_nothing(run, refused, tmp_path) -> None:
    assert run("key", "new", "a", "--keys", tmp_path / "keys.d", "--dry-run").code == 0
    assert not (tmp_path / "keys.d").exists()
    run("key", "new", "a", "--keys", tmp_path / "keys.d")
    refused(run("key", "new", "a", "--keys", tmp_path / "keys.d", "--dry-run"), 4, "already")
    refused(run("key", "new", "../a", "--keys", tmp_path / "keys.d", "--dry-run"), 2, "key id")


def test_an_empty_directory(run, tmp_path) -> None:
    result = run("key", "list", "--keys", tmp_path)
    assert (result.code, result.out) == (0, "")
    assert "key new" in result.err


@pytest.mark.parametrize(
    ("argv", "code", "words"),
    [
        (["new", "A B", "--keys", "k"], 2, ["A B"]),
        (["new", "a"], 2, ["--keys"]),
        (["new", "a", "--keys", "k", "--scope", "everything"], 2, ["everything"]),
        (["list", "--keys", "nowhere"], 7, ["nowhere"]),
    ],
)
def test_bad_input(run, refused, tmp_path, monkeypatch, argv, code, words) -> None:
    monkeypatch.chdir(tmp_path)
    refused(run("key", *argv), code, *words)
    assert not (tmp_path / "k").exists()


def test_a_key_is_never_overwritten(run, refused, tmp_path) -> None:
    run("key", "new", "a", "--keys", tmp_path)
    before = (tmp_path / "a.key").read_bytes()
    refused(run("key", "new", "a", "--keys", tmp_path), 4, "already")
    assert (tmp_path / "a.key").read_bytes() == before


def test_an_open_key_file_is_refused(run, refused, tmp_path) -> None:
    run("key", "new", "a", "--keys", tmp_path)
    (tmp_path / "a.key").chmod(0o644)
    refused(run("key", "list", "--keys", tmp_path), 7, "a.key", "0644")


def states(run, keys) -> dict[str, str]:
    return {key["kid"]: key["state"] for key in run("key", "list", "--keys", keys, "--json").json}


def test_a_key_is_promoted_and_its_predecessor_retired(run, tmp_path) -> None:
    for kid in ("old", "new"):
        run("key", "new", kid, "--keys", tmp_path)
    result = run("key", "promote", "new", "--keys", tmp_path)
    assert (result.code, result.out) == (0, "new sign\nold accept\n")
    assert "SIGHUP" in result.err
    assert run("key", "retire", "old", "--keys", tmp_path).out == "old retired\n"
    assert states(run, tmp_path) == {"new": "sign", "old": "retired"}
    again = run("key", "retire", "old", "--keys", tmp_path)
    assert (again.code, again.out) == (0, "")
    assert "already" in again.err


def test_a_dry_run_changes_no_key(run, tmp_path) -> None:
    for kid in ("old", "new"):
        run("key", "new", kid, "--keys", tmp_path)
    assert run("key", "promote", "new", "--keys", tmp_path, "--dry-run").out == "new sign\nold accept\n"
    assert run("key", "retire", "new", "--keys", tmp_path, "--dry-run").out == "new retired\n"
    assert states(run, tmp_path) == {"new": "accept", "old": "sign"}


def test_the_only_key_that_signs_is_kept_unless_forced(run, refused, tmp_path) -> None:
    run("key", "new", "a", "--keys", tmp_path)
    refused(run("key", "retire", "a", "--keys", tmp_path), 1, "--force")
    refused(run("key", "promote", "b", "--keys", tmp_path), 5, "'b'")
    assert run("key", "retire", "a", "--keys", tmp_path, "--force").code == 0
    refused(run("key", "promote", "a", "--keys", tmp_path), 1, "retired")


def test_the_services_keys_are_taken_where_there_are_some(run, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("zonegit.cli.options.SERVICE_KEYS", str(tmp_path / "keys.d"))
    refused = run("key", "new", "k1")
    assert refused.code == 2
    assert "--keys" in refused.err
    (tmp_path / "keys.d").mkdir()
    assert run("key", "new", "k1").out == f"{tmp_path / 'keys.d' / 'k1.key'}\n"
    assert run("key", "list").out.startswith("k1")
    assert run("tsig", "new", "xfr").code == 0
    assert run("tsig", "list").out.startswith("xfr")
    assert run("key", "list", "--keys", tmp_path / "other").code == 7
