"""Keys in a token (SoftHSM2): made there, used there, gone and back."""

import sys
from pathlib import Path

import pytest

from signedkit import SignedNode
from tokenkit import PIN, SoftToken, token
from zonegit.dnssec.bind_key_files import KeyTimes, dnskey_line
from zonegit.dnssec.check import check_signatures
from zonegit.dnssec.keys import zone_key
from zonegit.dnssec.policy import Algorithm, DnssecPolicy
from zonegit.dnssec.private_key import KSK_FLAGS, generate
from zonegit.dnssec.rollover.values import ManagedKey, Role
from zonegit.errors import DnssecError
from zonegit.repo.dnssec import tokens
from zonegit.repo.dnssec.key_directory import KeyDirectory, ZoneKeys
from zonegit.repo.dnssec.key_files import stem
from zonegit.repo.dnssec.tokens import TokenSigner, public_in_token
from zonegit.tree import walk

__all__ = ["token"]
pkcs11 = pytest.importorskip("pkcs11", reason="needs python-pkcs11")
NOW = 1_800_000_000
ZONE = "example.org."


@pytest.fixture
def keys(tmp_path: Path) -> ZoneKeys:
    return KeyDirectory(tmp_path / "keys").zone(ZONE)


def new(keys: ZoneKeys, token: SoftToken, algorithm: int = Algorithm.ECDSAP256SHA256) -> ManagedKey:
    return keys.generate(Role.CSK, algorithm, NOW, token=token.place)


def signs(keys: ZoneKeys, key: ManagedKey) -> bool:
    public = zone_key(key.dnskey)
    assert public is not None and public.verify is not None
    messages = [b"message %d" % at for at in range(30)]
    signatures = keys.signing_key(key.dnskey).signer.sign(messages)
    return all(public.verify(signature, data) for signature, data in zip(signatures, messages, strict=True))


def reference(keys: ZoneKeys, key: ManagedKey) -> Path:
    return keys.path / f"{stem(key.dnskey)}.pkcs11"


@pytest.mark.parametrize("algorithm", Algorithm)
def test_a_key_that_the_token_makes_signs_from_a_fresh_start(
    keys: ZoneKeys, token: SoftToken, algorithm: Algorithm
) -> None:
    key = new(keys, token, algorithm)
    tokens.close_tokens()
    again = KeyDirectory(keys.path.parent).zone(ZONE)
    assert again.dnskeys() == [key.dnskey]
    assert key.algorithm is algorithm
    assert signs(again, key)


def test_the_reference_has_no_secret(keys: ZoneKeys, token: SoftToken) -> None:
    key = new(keys, token)
    text = reference(keys, key).read_text()
    assert PIN not in text
    assert reference(keys, key).stat().st_mode & 0o777 == 0o600
    uri, record = text.splitlines()
    assert uri.startswith("pkcs11:token=zone%20keys;object=example.org.;id=%")
    assert record == dnskey_line(ZONE, key.dnskey)


def test_the_private_key_does_not_leave_the_token(keys: ZoneKeys, token: SoftToken) -> None:
    key = new(keys, token)
    with pytest.raises(DnssecError, match=r"\.pkcs11: the private key is in a token, and stays there$"):
        keys.export(key.dnskey, KeyTimes())
    library = pkcs11.lib(str(token.place.module))
    for private in (
        library.get_token(token_label="zone keys")
        .open()
        .get_objects({pkcs11.Attribute.CLASS: pkcs11.ObjectClass.PRIVATE_KEY})
    ):
        assert private[pkcs11.Attribute.SENSITIVE]
        assert not private[pkcs11.Attribute.EXTRACTABLE]


def test_a_token_that_is_gone_is_told_and_works_once_it_is_back(keys: ZoneKeys, token: SoftToken) -> None:
    key, other = new(keys, token), new(keys, token, Algorithm.ED25519)
    assert signs(keys, key) and signs(keys, other)
    token.take_out()
    for _ in range(2):
        for used in (key, other):
            with pytest.raises(
                DnssecError, match=r"^the key [0-9a-f]{32} in the token 'zone keys': the token can"
            ) as no:
                signs(keys, used)
            assert "\n" not in str(no.value) and PIN not in str(no.value)
        assert keys.dnskeys() == sorted((key.dnskey, other.dnskey), key=lambda each: each[3])
    with pytest.raises(DnssecError, match=r"the token cannot be used"):
        new(keys, token)
    token.put_back()
    assert signs(keys, key) and signs(keys, other)
    assert signs(keys, new(keys, token))


def test_a_key_that_is_gone_from_the_token_is_told(keys: ZoneKeys, token: SoftToken) -> None:
    key = new(keys, token)
    found = tokens.TokenKey(*token.place[:4], ZONE, bytes.fromhex("00"))
    with pytest.raises(DnssecError, match=r"^the key 00 in the token 'zone keys': the token has no such key$"):
        TokenSigner(found, key.dnskey).sign([b"data"])
    assert signs(keys, key)


def test_another_key_than_that_of_the_record_does_not_sign(keys: ZoneKeys, token: SoftToken) -> None:
    key, other = new(keys, token), new(keys, token)
    uri = reference(keys, key).read_text().splitlines()[0]
    path = reference(keys, other)
    path.write_text(f"{uri}\n{dnskey_line(ZONE, other.dnskey)}\n")
    with pytest.raises(DnssecError, match=r"it is not the key of its DNSKEY record$"):
        signs(keys, other)


def test_a_key_whose_tag_is_taken_does_not_stay_in_the_token(
    keys: ZoneKeys, token: SoftToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(DnssecError, match=r"no key with a free key tag in 100 draws"):
        keys.generate(Role.CSK, Algorithm.ECDSAP256SHA256, NOW, range(65_536), token.place)
    with pytest.raises(DnssecError, match=r"the token has no such key"):
        public_in_token(token.place)
    assert keys.dnskeys() == []


def test_a_key_that_is_in_a_token_is_taken_over_by_its_uri(keys: ZoneKeys, token: SoftToken) -> None:
    key = new(keys, token)
    uri = reference(keys, key).read_text().splitlines()[0].encode()
    with pytest.raises(DnssecError, match=r"^it is already here: "):
        keys.import_(uri, Role.CSK, NOW)
    assert keys.remove(key.dnskey)
    assert keys.dnskeys() == []
    assert keys.import_(uri, Role.CSK, NOW, dnskey_line(ZONE, key.dnskey).encode()) == key
    assert signs(keys, key)


def test_a_wrong_pin_is_sent_once(keys: ZoneKeys, token: SoftToken, monkeypatch: pytest.MonkeyPatch) -> None:
    key = new(keys, token)
    tokens.close_tokens()
    token.pin.write_text("wrong!\n")
    asked = []
    lib = pkcs11.lib
    monkeypatch.setattr(pkcs11, "lib", lambda path: (asked.append(path), lib(path))[1])
    for _ in range(3):
        with pytest.raises(
            DnssecError, match=rf"the token refused the PIN in {token.pin}; correct that file"
        ) as no:
            signs(keys, key)
        assert "wrong!" not in str(no.value)
    assert len(asked) == 1
    token.pin.write_text(f"{PIN}\r\n")
    assert signs(keys, key)


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o620, 0o660])
def test_a_pin_that_others_may_read_or_write_is_refused(keys: ZoneKeys, token: SoftToken, mode: int) -> None:
    token.pin.chmod(mode)
    with pytest.raises(
        DnssecError, match=rf"PIN file {token.pin} has mode {mode:04o}, which is unsafe; run: chmod"
    ):
        new(keys, token)


def test_a_pin_that_cannot_be_read_is_told(keys: ZoneKeys, token: SoftToken) -> None:
    token.pin.write_bytes(b"\xff\xfe\n")
    with pytest.raises(DnssecError, match=r"is not UTF-8$"):
        new(keys, token)
    token.pin.unlink()
    with pytest.raises(DnssecError, match=r"cannot be read: No such file or directory$"):
        new(keys, token)


def test_a_library_that_cannot_be_loaded_is_told(keys: ZoneKeys, token: SoftToken, tmp_path: Path) -> None:
    gone = token.place._replace(module=tmp_path / "gone.so")
    with pytest.raises(
        DnssecError, match=r"its library .*gone\.so doesn't exist; install it, or correct module-path$"
    ):
        keys.generate(Role.CSK, 13, NOW, token=gone)
    (tmp_path / "text.so").write_text("text")
    with pytest.raises(DnssecError, match=r"the token cannot be used"):
        keys.generate(Role.CSK, 13, NOW, token=token.place._replace(module=tmp_path / "text.so"))


def test_without_the_package_the_other_keys_sign(keys: ZoneKeys, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = keys.generate(Role.CSK, 13, NOW)
    monkeypatch.setitem(sys.modules, "pkcs11", None)
    place = tokens.TokenKey(Path("/lib.so"), Path("/pin"), "token", "", "", b"\1")
    with pytest.raises(DnssecError, match=r"python-pkcs11: install it beside zonegit \(`zonegit\[pkcs11\]`\)$"):
        keys.generate(Role.CSK, 13, NOW, token=place)
    assert signs(keys, plain)


def test_a_zone_is_signed_by_a_token_and_waits_for_it(tmp_path: Path, token: SoftToken) -> None:
    node = SignedNode(tmp_path, DnssecPolicy(token=token.place.text()))
    token.take_out()
    (problem,) = node.settle().problems
    assert "the token cannot be used" in problem.words
    token.put_back()
    node.clock.now += 600
    assert node.settle().problems == ()
    assert [path.suffix for path in (tmp_path / "keys" / "example.org").iterdir() if path.stem != "state"] == [
        ".pkcs11"
    ]
    before = node.served()
    token.take_out()
    node.set("www", 77)
    (problem,) = node.settle().problems
    assert "the token cannot be used" in problem.words
    assert node.served().revision.id == before.revision.id, "what is served stays"
    token.put_back()
    node.clock.now += 600
    assert node.settle().problems == ()
    after = node.served()
    assert after.revision.id != before.revision.id
    entries = list(walk.entries(after.tree.nodes, after.tree.root))
    assert check_signatures(after.apex, after.revision.commit.serial, entries, node.clock.now) == []


@pytest.mark.parametrize("text", ["", "pkcs11:token=x\n", "no uri\nexample.org. IN DNSKEY 257 3 15 AAAA\n"])
def test_a_damaged_reference_is_told(keys: ZoneKeys, text: str) -> None:
    dnskey = generate(15).dnskey(KSK_FLAGS)
    keys.write_state(b"")
    path = keys.path / f"{stem(dnskey)}.pkcs11"
    path.write_text(text or "\n")
    path.chmod(0o600)
    with pytest.raises(DnssecError, match=r"\.pkcs11: cannot be used: it .*; restore the file from a copy"):
        keys.dnskeys()
