"""`restore NAME [TYPE] --from REV`, beside the `restore BACKUP` that it shares its word with."""

import pytest


def test_records_come_back(zone) -> None:
    zone("set", "www", "A", "60", "192.0.2.9")
    zone("set", "www", "TXT", "60", "x")
    result = zone("restore", "www", "A", "--from", "HEAD~2", "-m", "Back")
    assert result.lines == ["-www.example.org.\t60\tIN\tA\t192.0.2.9", "+www.example.org.\t300\tIN\tA\t192.0.2.1"]
    assert zone("log", "-1", "--json").json[0]["message"] == "Back"
    assert zone("show", "www", "TXT").code == 0
    done = zone("restore", "www.example.org.", "--from", "HEAD~3", "--json").json
    assert (done["change_count"], done["changes"][0]["type"]) == (1, "TXT")
    assert zone("restore", "@", "ANY", "--below", "--from", "HEAD", "--dry-run").code == 0


def test_from_is_never_about_a_backup(zone, tmp_path, monkeypatch, refused) -> None:
    monkeypatch.chdir(tmp_path)
    assert zone("backup", "www").code == 0
    zone("set", "www", "A", "60", "192.0.2.9")
    assert zone("restore", "www", "--from", "HEAD~1").code == 0
    assert (tmp_path / "www").exists()
    assert len(zone("log", "--json").json) == 3


@pytest.mark.parametrize(
    ("argv", "code", "told"),
    [
        (["www"], 1, "to restore the records of a name: 'zonegit restore www --from REV'"),
        (["www", "A"], 2, "name a version with --from REV"),
        (["www", "--below"], 2, "--from REV"),
        (["www", "-m", "x"], 2, "--message is for restoring records"),
        (["www", "--branch", "main"], 2, "--branch is for restoring records"),
        (["www", "--json"], 2, "--json is for restoring records"),
        (["no", "--from", "HEAD"], 5, "nothing to restore: no has no records there"),
        (["www", "--from", "v9"], 5, "no branch, tag or commit 'v9'"),
        (["www", "NOSUCH", "--from", "HEAD"], 1, "NOSUCH"),
        (["www.example.org", "--from", "HEAD"], 1, "write the final dot"),
        (["www.example.net.", "--from", "HEAD"], 1, "outside of the zones of this repository"),
        (["www", "A", "x", "--from", "HEAD"], 2, "unrecognized arguments"),
    ],
)
def test_refusals(zone, refused, argv, code, told) -> None:
    refused(zone("restore", *argv), code, told)
