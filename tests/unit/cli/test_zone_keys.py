"""`dnssec import-key` and `export-key`: keys come from BIND's files, and go back into them."""

import os
import stat
from base64 import b64encode
from pathlib import Path

import pytest

from zonegit.dnssec.bind_key_files import KeyTimes
from zonegit.dnssec.policy import Algorithm
from zonegit.dnssec.private_key import tag_of
from zonegit.dnssec.rollover.values import ManagedKey, Role
from zonegit.repo.dnssec.key_directory import KeyDirectory
from zonegit.repo.dnssec.key_files import PEM, stem

ORG = "example.org."
SIGNATURE = b64encode(bytes(64)).decode()


@pytest.fixture
def keyed(zone, tmp_path: Path):
    """`run`, on a repository whose keys are in a directory of the test's own."""
    (tmp_path / "repo" / "zonegitd.toml").write_text(f'dnssec_keys = "{tmp_path / "keys"}"\n')
    (tmp_path / "bind").mkdir()
    return zone


def bind_key(directory: Path, role: Role, zone: str = ORG) -> tuple[ManagedKey, Path]:
    keys = KeyDirectory(directory / "generator").zone(zone)
    key = keys.generate(role, Algorithm.ECDSAP256SHA256, 1_767_225_600)
    pair = keys.export(key.dnskey, KeyTimes())
    path = directory / "bind" / f"{pair.name}.private"
    path.write_text(pair.private)
    path.with_suffix(".key").write_text(pair.public)
    return key, path


def test_keys_go_in_and_come_out_the_same(keyed, tmp_path):
    (ksk, one), (zsk, other) = bind_key(tmp_path, Role.KSK), bind_key(tmp_path, Role.ZSK)
    done = keyed("dnssec", "import-key", one, other.with_suffix(".key"))
    assert done.code == 0, done
    assert done.lines == [
        f"imported KSK {tag_of(ksk.dnskey)} (ecdsap256sha256) of example.org.",
        f"imported ZSK {tag_of(zsk.dnskey)} (ecdsap256sha256) of example.org.",
    ]
    assert "`zonegit dnssec enable example.org.`" in done.err
    (tmp_path / "out").mkdir()
    back = keyed("dnssec", "export-key", "--dir", tmp_path / "out")
    assert {Path(line).name for line in back.lines} == {one.name, other.name}
    for path in (one, other):
        copy = tmp_path / "out" / path.name
        assert stat.S_IMODE(copy.stat().st_mode) == 0o600
        numbers = [line for line in path.read_text().splitlines() if line.startswith("PrivateKey")]
        assert numbers[0] in copy.read_text()
        assert copy.with_suffix(".key").exists()


def test_one_key_alone_is_a_csk(keyed, tmp_path):
    key, path = bind_key(tmp_path, Role.CSK)
    table = keyed("dnssec", "import-key", path, "--json").json
    assert table == [{"zone": ORG, "tag": tag_of(key.dnskey), "algorithm": 13, "role": "csk"}]


def test_pem_needs_a_role(keyed, tmp_path, refused):
    key, _ = bind_key(tmp_path, Role.CSK)
    (pem,) = (tmp_path / "generator" / "example.org").glob("*.pem")
    refused(keyed("dnssec", "import-key", pem), 2, "doesn't say what the key is for: name it with --csk")
    refused(keyed("dnssec", "import-key"), 2, "no key file was named")
    done = keyed("dnssec", "import-key", "--csk", pem)
    assert f"imported CSK {tag_of(key.dnskey)} " in done.out


def test_a_pair_of_pem_files_is_a_ksk_and_a_zsk(keyed, tmp_path):
    keys = KeyDirectory(tmp_path / "generator").zone(ORG)
    for role in (Role.KSK, Role.ZSK):
        key = keys.generate(role, Algorithm.ED25519, 1_767_225_600)
        (keys.path / (stem(key.dnskey) + PEM)).rename(tmp_path / f"{role}.pem")
    done = keyed("dnssec", "import-key", "--zsk", tmp_path / "zsk.pem", "--ksk", tmp_path / "ksk.pem")
    assert done.code == 0, done
    assert [line.split()[1] for line in done.lines] == ["KSK", "ZSK"]


def test_a_uri_of_a_token_is_read_and_needs_a_role(keyed, tmp_path, refused):
    path = tmp_path / "key.pkcs11"
    path.write_text("pkcs11:token=a;id=%01?module-path=/no/p11.so&pin-source=/pin\n")
    importing = ("--zone", ORG, "dnssec", "import-key")
    refused(keyed(*importing, path), 2, "doesn't say what the key is for: name it with --csk")
    refused(keyed(*importing, "--csk", path), 1, f"{path} can't be imported: ")


def test_what_is_refused(keyed, tmp_path, refused):
    _, path = bind_key(tmp_path, Role.CSK)
    _, other = bind_key(tmp_path, Role.CSK, "example.net.")
    refused(keyed("dnssec", "import-key", tmp_path / "none.private"), 5, "none.private does not exist")
    refused(keyed("dnssec", "import-key", path, other), 2, "keys of several zones (example.net., example.org.)")
    refused(keyed("dnssec", "import-key", other), 5, "no zone example.net. here")
    refused(keyed("--zone", ORG, "dnssec", "import-key", other), 1, "a key of example.net., not of example.org.")
    refused(keyed("dnssec", "export-key"), 5, "example.org. has no keys in ")
    path.write_text("nothing")
    refused(keyed("dnssec", "import-key", path), 1, f"{path} can't be imported: it is neither PEM nor BIND's")
    path.with_suffix(".key").unlink()
    refused(keyed("dnssec", "import-key", path), 1, "has no .key file beside it")


def test_an_export_overwrites_nothing(keyed, tmp_path, refused):
    key, path = bind_key(tmp_path, Role.CSK)
    keyed("dnssec", "import-key", path)
    before = path.read_text()
    refused(keyed("dnssec", "export-key", "--dir", path.parent), 4, f"{path} exists already")
    assert path.read_text() == before
    refused(keyed("dnssec", "export-key", "1", "--dir", tmp_path), 5, "example.org. has no key 1 in ")
    refused(keyed("dnssec", "export-key", "--dir", tmp_path / "none"), 1, "can't be written: No such file")
    done = keyed("dnssec", "export-key", str(tag_of(key.dnskey)), "--dir", tmp_path)
    assert done.code == 0 and os.listdir(tmp_path).count(path.name) == 1  # noqa: PTH208


def test_a_zone_is_no_key_tag(keyed, refused):
    for text in ("example.org", "65536", "-1"):
        refused(
            keyed("dnssec", "export-key", "--", text), 2, f"{text!r} is not a key tag from 0 to 65535", "--zone"
        )


def test_a_zone_signed_elsewhere_is_taken_over_with_its_keys(keyed, tmp_path, refused):
    """The signatures stay until zonegitd has the keys and the table: without them the zone would be bogus."""
    key, path = bind_key(tmp_path, Role.CSK)
    keyed("add", "@", "DNSKEY", "300", dnskey_text(key.dnskey))
    rrsig = f"DNSKEY 13 2 300 20270101000000 20261101000000 1 @ {SIGNATURE}"
    assert keyed("add", "@", "RRSIG", "300", rrsig, "--break-signatures").code == 0
    refused(
        keyed("dnssec", "enable"), 1, "is signed elsewhere", "first import all its keys", "leave the signatures"
    )
    assert keyed("dnssec", "import-key", path).code == 0
    done = keyed("dnssec", "enable")
    assert done.code == 0, done
    assert "served until `zonegit reset --hard HEAD --unsign --zone example.org.` replaces them" in done.err
    assert keyed("reset", "--hard", "HEAD", "--unsign", "--zone", ORG).code == 0


def dnskey_text(dnskey: bytes) -> str:
    flags = int.from_bytes(dnskey[:2], "big")
    return f"{flags} {dnskey[2]} {dnskey[3]} {b64encode(dnskey[4:]).decode()}"
