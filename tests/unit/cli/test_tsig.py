"""`tsig new`, `tsig list`: keys for other name servers, with secrets that nobody sees."""

import base64
import stat
import tomllib

import pytest


def test_new_writes_a_file_and_says_only_where(run, tmp_path) -> None:
    result = run("tsig", "new", "xfr.example.org.", "--keys", tmp_path / "keys.d", "--algorithm", "hmac-sha512")
    path = tmp_path / "keys.d" / "xfr.example.org.tsig"
    assert (result.code, result.out) == (0, f"{path}\n")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    written = tomllib.loads(path.read_text())
    assert written["algorithm"] == "hmac-sha512"
    assert len(base64.b64decode(written["secret"])) == 64
    assert written["secret"] not in result.out + result.err


@pytest.mark.parametrize("algorithm", ["hmac-sha1", "hmac-md5"])
def test_legacy_algorithms_are_asked_for_in_so_many_words(run, refused, tmp_path, algorithm) -> None:
    command = ("tsig", "new", "old", "--keys", tmp_path, "--algorithm", algorithm)
    for more in ((), ("--dry-run",)):
        refused(run(*command, *more), 2, "--legacy", algorithm)
    assert run(*command, "--legacy").code == 0
    assert tomllib.loads((tmp_path / "old.tsig").read_text())["legacy"] is True
    assert run("tsig", "list", "--keys", tmp_path).lines[0].split() == ["old", algorithm]
    path = tmp_path / "old.tsig"
    path.write_text(path.read_text().replace("legacy = true", "legacy = false"))
    refused(run("tsig", "list", "--keys", tmp_path), 7, "legacy = true", algorithm)


def test_list_shows_no_secrets(run, tmp_path) -> None:
    for name in ("b", "a"):
        run("tsig", "new", name, "--keys", tmp_path)
    run("key", "new", "other", "--keys", tmp_path)
    result = run("tsig", "list", "--keys", tmp_path)
    assert [line.split() for line in result.lines] == [["a", "hmac-sha256"], ["b", "hmac-sha256"]]
    found = run("tsig", "list", "--keys", tmp_path, "--json").json
    assert found == [{"name": name, "algorithm": "hmac-sha256"} for name in ("a", "b")]


def test_a_dry_run_writes_nothing(run, refused, tmp_path) -> None:
    assert run("tsig", "new", "a", "--keys", tmp_path / "keys.d", "--dry-run").code == 0
    assert not (tmp_path / "keys.d").exists()
    run("tsig", "new", "a", "--keys", tmp_path / "keys.d")
    refused(run("tsig", "new", "a", "--keys", tmp_path / "keys.d", "--dry-run"), 4, "already")
    refused(run("tsig", "new", "a", "--keys", tmp_path / "keys.d"), 4, "already")


def test_an_empty_directory(run, tmp_path) -> None:
    result = run("tsig", "list", "--keys", tmp_path)
    assert (result.code, result.out) == (0, "")
    assert "tsig new" in result.err


@pytest.mark.parametrize(
    ("argv", "code", "words"),
    [
        (["new", "A B", "--keys", "k"], 2, ["A B"]),
        (["new", "../a", "--keys", "k"], 2, ["../a"]),
        (["new", "a..b", "--keys", "k"], 2, ["a..b"]),
        (["new", "x" * 64, "--keys", "k"], 2, ["xxx"]),
        (["new", "a", "--keys", "k", "--algorithm", "hmac-sha3"], 2, ["hmac-sha3", "hmac-sha256"]),
        (["new", "a", "--keys", "k", "--algorithm", "hmac-sha3", "--dry-run"], 2, ["hmac-sha3", "hmac-sha256"]),
        (["new", "a"], 2, ["--keys"]),
        (["list", "--keys", "nowhere"], 7, ["nowhere"]),
    ],
)
def test_bad_input(run, refused, tmp_path, monkeypatch, argv, code, words) -> None:
    monkeypatch.chdir(tmp_path)
    refused(run("tsig", *argv), code, *words)
    assert not (tmp_path / "k").exists()
