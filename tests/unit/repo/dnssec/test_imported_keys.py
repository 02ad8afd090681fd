"""Keys that move here from other signers, and back."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from zonegit.dnssec.bind_key_files import KeyTimes, write_pair
from zonegit.dnssec.policy import Algorithm
from zonegit.dnssec.private_key import KSK_FLAGS, ZSK_FLAGS, generate, tag_of
from zonegit.dnssec.rollover.values import Role
from zonegit.errors import DnssecError
from zonegit.repo.dnssec.key_directory import KeyDirectory, ZoneKeys
from zonegit.repo.dnssec.key_files import stem

NOW = 1_800_000_000
ZONE = "example.org."


@pytest.fixture
def keys(tmp_path: Path) -> ZoneKeys:
    return KeyDirectory(tmp_path / "keys").zone(ZONE)


@pytest.mark.parametrize("algorithm", Algorithm)
@pytest.mark.parametrize("role", Role)
def test_an_exported_key_can_be_imported_again(keys: ZoneKeys, algorithm: Algorithm, role: Role) -> None:
    made = keys.generate(role, algorithm, NOW)
    pair = keys.export(made.dnskey, KeyTimes(NOW - 5, NOW, NOW))
    assert keys.remove(made.dnskey)
    found = keys.import_(pair.private.encode(), role, NOW + 9, pair.public.encode(), others=[made.dnskey])
    assert found == made._replace(created=NOW - 5)
    assert keys.signing_key(made.dnskey).signer.sign([b"data"])


@pytest.mark.parametrize("algorithm", Algorithm)
def test_a_key_of_knot_gives_the_same_dnskey(
    tmp_path: Path, keys: ZoneKeys, needs_program: Callable[[str], str], algorithm: Algorithm
) -> None:
    def keymgr(*arguments: str | Path) -> str:
        command = [needs_program("keymgr"), "-D", tmp_path / "kasp", ZONE, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout

    (tmp_path / "kasp").mkdir()
    identity = keymgr("generate", f"algorithm={algorithm.name}", "ksk=yes", "zsk=yes").split()[0]
    pem = (tmp_path / "kasp" / "keys" / f"{identity}.pem").read_bytes()
    found = keys.import_(pem, Role.CSK, NOW)
    assert found.created == NOW
    record = keymgr("dnskey", identity).split()
    public = " ".join(keys.export(found.dnskey, KeyTimes()).public.splitlines()[1].split()[3:])
    assert public == " ".join(record[2:])

    ours = keys.generate(Role.KSK, algorithm, NOW)
    path = keys.path / f"{stem(ours.dnskey)}.pem"
    identity = keymgr("import-pem", path, f"algorithm={int(algorithm)}", "ksk=yes").split()[0]
    record = keymgr("dnskey", identity).split()
    assert " ".join(record[2:]) in " ".join(keys.export(ours.dnskey, KeyTimes()).public.split())


def test_a_key_that_is_here_is_not_imported_again(keys: ZoneKeys) -> None:
    made = keys.generate(Role.CSK, 13, NOW)
    pem = (keys.path / f"{stem(made.dnskey)}.pem").read_bytes()
    with pytest.raises(DnssecError, match=rf"^it is already here: {keys.path}/013\+\d+$"):
        keys.import_(pem, Role.CSK, NOW)


def test_a_key_whose_tag_is_taken_is_refused(keys: ZoneKeys) -> None:
    key = generate(15)
    dnskey = key.dnskey(KSK_FLAGS)
    alike = dnskey[:4] + dnskey[6:8] + dnskey[4:6] + dnskey[8:]
    revoked = bytes((1, 0x81)) + alike[2:]
    for other in (alike, revoked):
        with pytest.raises(
            DnssecError, match=f"^it has the key tag {tag_of(dnskey)}, which another key of example"
        ):
            keys.import_(key.pem(), Role.CSK, NOW, others=[dnskey, other])
    assert keys.dnskeys() == []
    assert keys.import_(key.pem(), Role.CSK, NOW, others=[dnskey]).dnskey == dnskey


def test_a_public_file_that_does_not_fit_is_refused(keys: ZoneKeys) -> None:
    key, other = generate(15), generate(15)
    private = write_pair(ZONE, key, ZSK_FLAGS, KeyTimes()).private.encode()

    def refused(zone: str, public: bytes, message: str) -> None:
        with pytest.raises(DnssecError, match=message):
            keys.import_(private, Role.CSK, NOW, public)
        assert keys.dnskeys() == []

    def of(zone: str, flags: int, mine: bool = True) -> bytes:
        return write_pair(zone, key if mine else other, flags, KeyTimes()).public.encode()

    refused(ZONE, of("example.net.", KSK_FLAGS), r"^it is a key of example\.net\., not of example\.org\.$")
    refused(ZONE, of(ZONE, KSK_FLAGS, mine=False), r"^its \.key file belongs to another private key$")
    refused(ZONE, of(ZONE, ZSK_FLAGS), "^its flags are 256, but those of a CSK are 257$")
    refused(ZONE, of(ZONE, KSK_FLAGS | 0x80), "^its flags are 385, but those of a CSK are 257$")
    refused(ZONE, b"", "^it doesn't have exactly one DNSKEY record$")


def test_what_is_no_key_is_refused(keys: ZoneKeys) -> None:
    for text in (b"", b"\0\xff", b"hello", b"-----BEGIN PRIVATE KEY-----\n"):
        with pytest.raises(DnssecError, match=r"^it is (neither PEM nor BIND's|not a private key in PEM)"):
            keys.import_(text, Role.CSK, NOW)


def test_a_key_that_is_missing_is_not_exported(keys: ZoneKeys) -> None:
    with pytest.raises(DnssecError, match="is missing; restore the file"):
        keys.export(generate(15).dnskey(KSK_FLAGS), KeyTimes())
