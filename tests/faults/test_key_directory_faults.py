"""A process that ends at any step, and a disk that is full at any step: no key is lost, none is used by half."""

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import keys_child
from keys_child import STEPS, ZONE
from zonegit.dnssec.policy import Algorithm
from zonegit.dnssec.rollover.values import Role
from zonegit.errors import DnssecError
from zonegit.repo.dnssec.key_directory import KeyDirectory, ZoneKeys


def run(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, keys_child.__file__, root, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def prepared(root: Path) -> tuple[ZoneKeys, bytes]:
    """A zone with a key and a state, and the DNSKEY of the key."""
    keys = KeyDirectory(root).zone(ZONE)
    key = keys.generate(Role.KSK, Algorithm.ED25519, 1)
    keys.write_state(b"old")
    return keys, key.dnskey


def usable(root: Path) -> ZoneKeys:
    """The zone as the next process finds it: every key signs, and a new one can be made and removed again."""
    keys = KeyDirectory(root).zone(ZONE)
    before = keys.dnskeys()
    for dnskey in before:
        assert keys.signing_key(dnskey).signer.sign([b"data"])
    made = keys.generate(Role.ZSK, Algorithm.ED25519, 2)
    assert keys.remove(made.dnskey)
    assert keys.dnskeys() == before
    assert not list(keys.path.glob(".*"))
    return keys


@pytest.mark.parametrize("command", ["generate", "state"])
@pytest.mark.parametrize("fresh", [True, False])
def test_a_process_ends_at_each_step(tmp_path: Path, command: str, fresh: bool) -> None:
    steps = count(tmp_path / "counted", command, fresh)
    assert steps >= 5
    for step in range(1, steps + 1):
        root = tmp_path / str(step)
        old = [] if fresh else [prepared(root)[1]]
        assert run(root, command, str(step)).returncode == 9
        keys = usable(root)
        found = keys.dnskeys()
        assert set(old) <= set(found)
        assert len(found) <= len(old) + 1
        assert keys.read_state() in (None if fresh else b"old", b"new" * 1000)


def count(root: Path, command: str, fresh: bool) -> int:
    if not fresh:
        prepared(root)
    done = run(root, command)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


@pytest.mark.parametrize("name", STEPS)
def test_a_disk_that_is_full_at_each_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    keys, dnskey = prepared(tmp_path / "keys")
    fresh = KeyDirectory(tmp_path / "fresh").zone(ZONE)
    call = getattr(os, name)

    def full(*args: Any, **named: Any) -> Any:
        if name == "write":
            call(args[0], args[1][:10])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, name, full)
        for used in (keys, fresh):
            for write in (
                lambda used=used: used.generate(Role.ZSK, Algorithm.ED25519, 2),
                lambda used=used: used.write_state(b"new"),
            ):
                try:
                    write()
                except DnssecError as error:
                    assert str(error).endswith("No space left on device")
    again = usable(tmp_path / "keys")
    assert dnskey in again.dnskeys()
    assert again.read_state() in (b"old", b"new")
    usable(tmp_path / "fresh")


def test_a_key_that_was_returned_survives_whatever_follows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its file and its name are synced before."""
    order: list[str] = []
    for name in ("write", "fsync", "link", "unlink"):
        call = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *a, n=name, c=call, **k: (order.append(n), c(*a, **k))[1])
    keys = KeyDirectory(tmp_path / "keys").zone(ZONE)
    keys.generate(Role.ZSK, Algorithm.ED25519, 2)
    assert order[-5:] == ["write", "fsync", "link", "unlink", "fsync"]
