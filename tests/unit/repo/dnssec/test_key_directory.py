"""Private keys on the disk: who may read them, which names their files have, what is refused."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import keys_child
from zonegit.dnssec.keys import zone_key
from zonegit.dnssec.policy import Algorithm
from zonegit.dnssec.private_key import generate, tag_of, tags_of
from zonegit.dnssec.rollover.values import ManagedKey, Role
from zonegit.errors import DnssecError
from zonegit.model.names import WireName, join, lower, parse_apex
from zonegit.repo.dnssec import key_files
from zonegit.repo.dnssec.key_directory import KeyDirectory, ZoneKeys
from zonegit.repo.dnssec.key_files import directory_name, stem

NOW = 1_800_000_000


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "keys"


@pytest.fixture
def keys(root: Path) -> ZoneKeys:
    return KeyDirectory(root).zone("Example.ORG")


def new(keys: ZoneKeys, role: Role = Role.CSK) -> ManagedKey:
    return keys.generate(role, Algorithm.ED25519, NOW)


def file_of(keys: ZoneKeys, key: ManagedKey) -> Path:
    return keys.path / f"{stem(key.dnskey)}.pem"


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("algorithm", Algorithm)
def test_a_new_key_signs_from_a_fresh_start(root: Path, keys: ZoneKeys, role: Role, algorithm: Algorithm) -> None:
    key = keys.generate(role, algorithm, NOW)
    assert (key.role, key.algorithm, key.created) == (role, algorithm, NOW)
    assert key.dnskey[:2] == (b"\1\0" if role is Role.ZSK else b"\1\1")
    again = KeyDirectory(root).zone("example.org.")
    assert again.dnskeys() == [key.dnskey]
    signing = again.signing_key(key.dnskey)
    public = zone_key(key.dnskey)
    assert signing.dnskey == key.dnskey
    assert public is not None and public.verify is not None
    assert public.verify(signing.signer.sign([b"data"])[0], b"data")


def test_nobody_else_can_read_anything(root: Path, keys: ZoneKeys) -> None:
    before = os.umask(0)
    try:
        key = new(keys)
        keys.write_state(b"state")
    finally:
        os.umask(before)
    assert (root / "example.org") == keys.path
    modes = {path.name: path.stat().st_mode & 0o777 for path in (root, *root.rglob("*"))}
    assert modes == {"keys": 0o700, "example.org": 0o700, f"{stem(key.dnskey)}.pem": 0o600, "state": 0o600}


def test_a_zone_without_keys_reads_as_empty_and_makes_no_file(root: Path, keys: ZoneKeys) -> None:
    assert keys.dnskeys() == []
    assert keys.read_state() is None
    assert not keys.remove(generate(15).dnskey(257))
    assert not [path for path in root.rglob("*") if path.is_file()]


def test_the_state_is_kept_as_it_is(keys: ZoneKeys) -> None:
    for state in (b"", b"{}", bytes(range(256)) * 1000):
        keys.write_state(state)
        assert keys.read_state() == state
    with pytest.raises(DnssecError, match=r"state: would be larger than 4194304 bytes"):
        keys.write_state(bytes((4 << 20) + 1))
    assert keys.read_state() == state


def test_removed_keys_are_gone(keys: ZoneKeys) -> None:
    first, second = new(keys), new(keys)
    assert keys.signing_key(first.dnskey)
    assert keys.remove(first.dnskey)
    assert not keys.remove(first.dnskey)
    assert keys.dnskeys() == [second.dnskey]
    with pytest.raises(
        DnssecError, match=rf"private key of example.org. with key tag {tag_of(first.dnskey)} is missing"
    ):
        keys.signing_key(first.dnskey)


def test_a_tag_in_use_is_drawn_again(keys: ZoneKeys, monkeypatch: pytest.MonkeyPatch) -> None:
    here, elsewhere, revoked, free = (generate(15) for _ in range(4))
    drawn = iter((here, here, elsewhere, revoked, free))
    monkeypatch.setattr(key_files, "generate", lambda _: next(drawn))
    assert new(keys).dnskey == here.dnskey(257)
    (other,) = tags_of(revoked.dnskey(257)) - {tag_of(revoked.dnskey(257))}
    key = keys.generate(Role.KSK, 15, NOW, {tag_of(elsewhere.dnskey(257)), other})
    assert key.dnskey == free.dnskey(257)


def test_a_zone_without_a_free_tag_is_told(keys: ZoneKeys, monkeypatch: pytest.MonkeyPatch) -> None:
    key = generate(15)
    monkeypatch.setattr(key_files, "generate", lambda _: key)
    with pytest.raises(DnssecError, match=r"example\.org\.: no key with a free key tag in 100 draws"):
        keys.generate(Role.CSK, 15, NOW, range(65_536))


def test_two_zones_share_nothing(root: Path, keys: ZoneKeys) -> None:
    other = KeyDirectory(root).zone("sub.example.org.")
    key = new(keys)
    assert other.dnskeys() == []
    with pytest.raises(DnssecError, match="is missing"):
        other.signing_key(key.dnskey)


@pytest.mark.parametrize(
    ("zone", "name"),
    [
        ("example.org.", "example.org"),
        (".", "@"),
        ("64/26.2.0.192.in-addr.arpa.", "64%2F26.2.0.192.in-addr.arpa"),
        (r"\.\..", "%2E%2E"),
        (r"a\000\255%.", "a%00%FF%25"),
        ("_a-b.", "_a-b"),
        ("@.", "%40"),
        ("*.Example.", "%2A.example"),
    ],
)
def test_names_of_directories(zone: str, name: str) -> None:
    assert directory_name(parse_apex(zone)) == name


@given(st.lists(st.lists(st.binary(min_size=1, max_size=63), max_size=4), min_size=2, max_size=5, unique_by=str))
def test_every_zone_has_a_directory_of_its_own(zones: list[list[bytes]]) -> None:
    apexes = {WireName(lower(join(each)) + b"\0") for each in zones if len(join(each)) < 255}
    names = {directory_name(apex) for apex in apexes}
    assert len(names) == len(apexes)
    for name in names:
        assert len(name) <= 200
        assert name not in ("", ".", "..") and not name.startswith(".")
        assert name.isascii() and name.isprintable() and not set(name) & set("/\\ \0")


def test_a_zone_with_a_long_name_of_odd_bytes_has_keys(root: Path) -> None:
    keys = KeyDirectory(root).zone(".".join([r"\000\255/" * 20] * 4))
    key = new(keys)
    assert keys.dnskeys() == [key.dnskey]


def chmod(mode: int) -> Callable[[Path], None]:
    return lambda path: path.chmod(mode)


def link(path: Path) -> None:
    path.rename(path.with_name("real"))
    path.symlink_to("real")


def fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path, 0o600)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o644])
@pytest.mark.parametrize("what", ["key", "state"])
def test_files_that_others_may_read_or_write_are_refused(keys: ZoneKeys, what: str, mode: int) -> None:
    key = new(keys)
    keys.write_state(b"state")
    path = file_of(keys, key) if what == "key" else keys.path / "state"
    keys.signing_key(key.dnskey)
    path.chmod(mode)
    with pytest.raises(DnssecError) as caught:
        keys.signing_key(key.dnskey) if what == "key" else keys.read_state()
    assert str(caught.value) == f"{path}: mode {mode:04o} lets others at private keys; run: chmod 0600 {path}"


@pytest.mark.parametrize("mode", [0o750, 0o705, 0o720, 0o777])
@pytest.mark.parametrize("which", ["root", "zone"])
def test_directories_that_others_may_enter_are_refused(keys: ZoneKeys, which: str, mode: int) -> None:
    key = new(keys)
    path = keys.path if which == "zone" else keys.path.parent
    path.chmod(mode)
    for use in (keys.dnskeys, keys.read_state, lambda: keys.signing_key(key.dnskey), lambda: new(keys)):
        with pytest.raises(DnssecError) as caught:
            use()
        assert str(caught.value) == f"{path}: mode {mode:04o} lets others at private keys; run: chmod 0700 {path}"


def test_links_within_the_directory_are_refused(keys: ZoneKeys) -> None:
    key = new(keys)
    link(file_of(keys, key))
    with pytest.raises(DnssecError, match=r"\.pem: is a symbolic link; replace it with what it points to"):
        keys.signing_key(key.dnskey)
    link(keys.path)
    with pytest.raises(DnssecError, match=r"example\.org: is a symbolic link"):
        keys.dnskeys()


def test_the_directory_itself_may_be_a_link_of_the_operator(root: Path, keys: ZoneKeys) -> None:
    key = new(keys)
    link(root)
    assert keys.dnskeys() == [key.dnskey]


def test_a_directory_that_others_can_replace_is_refused(root: Path, keys: ZoneKeys) -> None:
    new(keys)
    root.parent.chmod(0o777)
    with pytest.raises(DnssecError, match="others may replace the key directory in it"):
        keys.dnskeys()
    root.parent.chmod(0o1777)
    assert keys.dnskeys()


def test_what_is_no_regular_file_is_refused_without_waiting(keys: ZoneKeys) -> None:
    key = new(keys)
    fifo(file_of(keys, key))
    with pytest.raises(DnssecError, match="is not a regular file"):
        keys.signing_key(key.dnskey)


def test_files_of_another_user_are_refused(keys: ZoneKeys, monkeypatch: pytest.MonkeyPatch) -> None:
    key = new(keys)
    other = os.geteuid() + 12_345
    monkeypatch.setattr(os, "geteuid", lambda: other)
    refusals = r"keys: belongs to .*, but this process runs as \d+; run it as |others may replace the key directory"
    with pytest.raises(DnssecError, match=refusals):  # the second if that user isn't root: the way there is theirs
        keys.signing_key(key.dnskey)


@pytest.mark.parametrize("data", [b"", b"\0" * 300, b"-----BEGIN PRIVATE KEY-----\n", b"x" * 20_000])
def test_a_damaged_key_is_told_and_left_alone(keys: ZoneKeys, data: bytes) -> None:
    key = new(keys)
    file_of(keys, key).write_bytes(data)
    for use in (keys.dnskeys, lambda: keys.signing_key(key.dnskey), lambda: new(keys)):
        with pytest.raises(
            DnssecError, match=r"\.pem: (cannot be used: it is not .*; restore the file|is larger )"
        ):
            use()
    assert file_of(keys, key).read_bytes() == data


def test_a_key_that_does_not_fit_its_name_is_refused(keys: ZoneKeys) -> None:
    first, second = new(keys), new(keys)
    file_of(keys, second).rename(file_of(keys, first))
    with pytest.raises(DnssecError, match="holds another key than its name says"):
        keys.signing_key(first.dnskey)


def test_a_key_of_another_record_with_this_tag_is_refused(keys: ZoneKeys) -> None:
    key = new(keys)
    swapped = key.dnskey[:4] + key.dnskey[6:8] + key.dnskey[4:6] + key.dnskey[8:]
    assert tag_of(swapped) == tag_of(key.dnskey)
    with pytest.raises(DnssecError, match="holds the key of another DNSKEY record with key tag"):
        keys.signing_key(swapped)


def test_a_key_that_was_replaced_on_the_disk_is_read_again(keys: ZoneKeys) -> None:
    key = new(keys)
    first = keys.signing_key(key.dnskey)
    assert keys.signing_key(key.dnskey) is first
    file_of(keys, key).write_bytes(generate(15).pem())
    with pytest.raises(DnssecError, match="holds another key than its name says"):
        keys.signing_key(key.dnskey)


def test_a_parent_that_does_not_exist_is_told(tmp_path: Path) -> None:
    keys = KeyDirectory(tmp_path / "gone" / "keys").zone("example.org.")
    with pytest.raises(DnssecError, match=r"gone/keys: cannot be created: No such file or directory"):
        new(keys)


def test_the_lock_excludes_other_processes_and_ends_with_them(root: Path, keys: ZoneKeys) -> None:
    with keys.locked(), keys.locked():
        key = new(keys)
    holder = subprocess.Popen(
        [sys.executable, keys_child.__file__, root, "hold"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(DnssecError, match="another process is changing the keys"), keys.locked(0.1):
            raise AssertionError
        assert keys.dnskeys() == [key.dnskey]  # reading waits for nobody
        holder.kill()
    keys.write_state(b"state")
