"""The table that `dnssec enable` appends: nothing else in the file changes, or nothing is written."""

import os
import stat
import tomllib
from pathlib import Path

import pytest

from zonegit.errors import ConfigError
from zonegit.ops import config_edit
from zonegit.ops.config_edit import Edit, signed_zone, write

ORG = "example.org."
TEXT = b"""\
repo = "/srv/zones"   # ours
[[peer]]
name = "ams"
[peer.limits]
bytes = 1048576
[zone."example.net.".publish]
max_deletes = 1
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "zonegitd.toml"
    path.write_bytes(TEXT)
    return path


def edit(file: Path, *lines: str) -> Edit:
    found = signed_zone(file, ORG, "Signed by zonegit.", list(lines))
    assert found is not None
    return found


def test_the_table_is_appended(file):
    made = edit(file, 'algorithm = "ed25519"')
    assert file.read_bytes() == TEXT
    write(made)
    assert file.read_bytes() == TEXT + (
        b'\n# Signed by zonegit.\n[zone."example.org.".dnssec]\nalgorithm = "ed25519"\n'
    )
    assert made.added == '# Signed by zonegit.\n[zone."example.org.".dnssec]\nalgorithm = "ed25519"\n'
    assert list(file.parent.iterdir()) == [file]
    assert signed_zone(file, ORG, "Again.", []) is None


@pytest.mark.parametrize(
    "old",
    [
        b"",
        b'repo = "x"',
        b'repo = "x"\r\n[dns]\r\nworkers = 1\r\n',
        b'[zone."EXAMPLE.org"]\nbranch = "live"\n',
        b'[zone]\n"example.org" = { branch = "live" }\n'.replace(b'"example.org"', b'"example.net"'),
        "# größer\n".encode(),
    ],
)
def test_whatever_was_there_stays(file, old):
    file.write_bytes(old)
    write(edit(file))
    new = file.read_bytes()
    assert new.startswith(old)
    before, after = tomllib.loads(old.decode()), tomllib.loads(new.decode())
    (key,) = (key for key in after["zone"] if key.lower().rstrip(".") == "example.org")
    assert after["zone"][key].pop("dnssec") == {}
    if key not in before.get("zone", {}):
        assert after["zone"].pop(key) == {}
        after = after if after["zone"] or "zone" in before else {k: v for k, v in after.items() if k != "zone"}
    assert after == before
    assert (b"\r\n" in old) == (b"\r\n" in new[len(old) :])


@pytest.mark.parametrize(
    ("old", "says"),
    [
        (b"[dns\n", "zonegitd.toml:1: "),
        (b"\xff", "zonegitd.toml: 'utf-8' codec can't decode"),
        (b"[dns]\nlisten = 3\n", "zonegitd.toml:2: listen: "),
        (b'zone = { "example.org." = { branch = "main" } }\n', "written as an inline table: write dnssec = "),
        (b'[zone]\n"example.org." = { branch = "main" }\n', "written as an inline table: write dnssec = "),
        (b'[zone."example.org"]\nat = "main"\n', "a version that 'at' pins is served as it is"),
    ],
)
def test_what_can_not_be_read_is_not_touched(file, old, says):
    file.write_bytes(old)
    with pytest.raises(ConfigError, match=says):
        edit(file)
    assert file.read_bytes() == old
    assert list(file.parent.iterdir()) == [file]


def test_a_table_with_a_value_that_is_refused_is_not_written(file):
    with pytest.raises(ConfigError, match=r"zonegitd.toml:11: algorithm: RFC 8624 §3.1 forbids"):
        edit(file, 'algorithm = "dsa"')
    assert file.read_bytes() == TEXT


def test_owner_and_mode_stay(file):
    file.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(file, 65534, 65534)
    before = file.stat()
    write(edit(file))
    after = file.stat()
    assert (after.st_uid, after.st_gid, stat.S_IMODE(after.st_mode)) == (before.st_uid, before.st_gid, 0o640)


def test_what_somebody_else_wrote_meanwhile_is_kept(file):
    made = edit(file)
    file.write_bytes(TEXT + b"# newer\n")
    with pytest.raises(ConfigError, match="changed by somebody else at the same time: nothing was written"):
        write(made)
    assert file.read_bytes() == TEXT + b"# newer\n"
    assert list(file.parent.iterdir()) == [file]


def test_a_full_disk_leaves_the_old_file(file, monkeypatch):
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    made = edit(file)
    monkeypatch.setattr(config_edit.os, "fsync", full)
    with pytest.raises(ConfigError, match=r"can't be written \(No space left on device\)"):
        write(made)
    assert file.read_bytes() == TEXT
    assert list(file.parent.iterdir()) == [file]


def test_only_a_file_is_edited(tmp_path):
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(ConfigError):
            signed_zone(path, ORG, "", [])
