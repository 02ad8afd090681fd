"""Promoting and retiring: what changes in which file, and what is refused."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from zonegit.auth.key import Key, State
from zonegit.auth.keyfile import key_text, list_keys, new_key, read_secret
from zonegit.auth.rotation import promotion, retirement, write_states
from zonegit.auth.scope import parse_scope
from zonegit.errors import KeyFileError, NotFound, Refused

NOW = 1_767_225_630.0
READ = (parse_scope("read:*"),)


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """`old` signs, `new` is accepted."""
    for kid in ("old", "new"):
        new_key(tmp_path, kid, READ, lambda: NOW - 60, os.urandom)
    return tmp_path


def states(directory: Path) -> dict[str, str]:
    return {key.kid: str(key.state) for key in list_keys(directory)}


def change(directory: Path, kid: str, **fields: object) -> None:
    path = directory / f"{kid}.key"
    key, secret = read_secret(path)
    path.write_text(key_text(replace(key, **fields), secret))  # type: ignore[arg-type]


def test_promoting_makes_one_key_sign(keys: Path) -> None:
    changes = promotion(keys, "new", NOW)
    assert changes == [("new", State.SIGN), ("old", State.ACCEPT)], "never a moment without a key that signs"
    write_states(keys, changes, os.urandom)
    assert states(keys) == {"new": "sign", "old": "accept"}
    assert promotion(keys, "new", NOW) == []


def test_a_whole_turn(keys: Path) -> None:
    write_states(keys, promotion(keys, "new", NOW), os.urandom)
    write_states(keys, retirement(keys, "old", NOW), os.urandom)
    assert states(keys) == {"new": "sign", "old": "retired"}
    assert retirement(keys, "old", NOW) == []


def test_a_file_keeps_all_but_its_state(keys: Path) -> None:
    scopes = (parse_scope('read:a\\"b\\046c.example.'), parse_scope("push:*"))
    change(keys, "new", scopes=scopes, not_after=NOW + 0.5, client_cert="ab" * 32)
    (keys / "new.key").chmod(0o640)
    before, secret = read_secret(keys / "new.key")
    write_states(keys, [("new", State.SIGN)], os.urandom)
    after = read_secret(keys / "new.key")
    assert after == (replace(before, state=State.SIGN), secret)
    assert (keys / "new.key").stat().st_mode & 0o777 == 0o640
    assert sorted(path.name for path in keys.iterdir()) == ["new.key", "old.key"]


@pytest.mark.parametrize(
    "fields",
    [{"state": State.RETIRED}, {"not_after": NOW}, {"not_before": NOW + 60}],
    ids=lambda found: next(iter(found)),
)
def test_a_key_that_is_not_valid_cannot_be_promoted(keys: Path, fields: dict[str, object]) -> None:
    change(keys, "new", **fields)
    with pytest.raises(Refused, match="retired or not valid now"):
        promotion(keys, "new", NOW)


def test_the_last_key_that_signs_is_retired_only_by_force(keys: Path) -> None:
    with pytest.raises(Refused, match="promote its successor"):
        retirement(keys, "old", NOW)
    assert retirement(keys, "old", NOW, force=True) == [("old", State.RETIRED)]
    assert retirement(keys, "new", NOW) == [("new", State.RETIRED)], "one that doesn't sign needs no force"


def test_a_key_that_is_not_there(keys: Path) -> None:
    for what in (promotion, retirement):
        with pytest.raises(NotFound, match="has no key 'other'"):
            what(keys, "other", NOW)


def test_nothing_is_changed_beside_a_bad_file(keys: Path) -> None:
    (keys / "bad.key").write_text("secret = 1\n")
    (keys / "bad.key").chmod(0o600)
    with pytest.raises(KeyFileError, match=r"bad\.key"):
        promotion(keys, "new", NOW)


def test_a_failure_leaves_the_old_file(keys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (keys / "new.key").read_bytes()

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(KeyFileError, match="No space left"):
        write_states(keys, [("new", State.SIGN)], os.urandom)
    assert (keys / "new.key").read_bytes() == before
    assert len(list(keys.iterdir())) == 2


def test_a_text_reads_back(tmp_path: Path) -> None:
    secret = os.urandom(32)
    key = Key.derive("k1", secret, scopes=READ, not_before=NOW, not_after=NOW + 1.25, client_cert="0f" * 32)
    path = tmp_path / "k1.key"
    path.write_text(key_text(key, secret))
    path.chmod(0o600)
    assert read_secret(path) == (key, secret)
