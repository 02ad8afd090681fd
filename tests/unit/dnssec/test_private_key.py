"""Private keys: made, written, read, and what they sign is verified by code that shares nothing with them."""

import pickle

import dns.dnssec
import dns.rdata
import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa, x25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from zonegit.dnssec.keys import key_tag, zone_key
from zonegit.dnssec.policy import Algorithm
from zonegit.dnssec.private_key import (
    KSK_FLAGS,
    ZSK_FLAGS,
    FileSigner,
    PrivateKey,
    check_rsa,
    from_pem,
    generate,
    tag_of,
    tags_of,
)
from zonegit.errors import DnssecError

SIZES = {8: 256, 13: 64, 14: 96, 15: 64}


@pytest.fixture(scope="module", params=Algorithm, ids=lambda each: each.name)
def key(request: pytest.FixtureRequest) -> PrivateKey:
    return generate(request.param)


def test_signatures_verify_and_have_their_fixed_size(key: PrivateKey) -> None:
    public = zone_key(key.dnskey(KSK_FLAGS))
    assert public is not None and public.verify is not None
    messages = [b"message %d" % at for at in range(300 if key.algorithm == 13 else 20)]  # r or s may begin with 00
    signatures = FileSigner(key).sign(messages)
    assert {len(each) for each in signatures} == {SIZES[key.algorithm]} == {key.signature_size}
    assert all(public.verify(signature, data) for signature, data in zip(signatures, messages, strict=True))
    assert not public.verify(signatures[0], messages[1])
    assert FileSigner(key).sign([]) == []


@pytest.mark.parametrize("flags", [ZSK_FLAGS, KSK_FLAGS])
def test_dnspython_reads_the_dnskey_and_computes_the_same_tag(key: PrivateKey, flags: int) -> None:
    rdata = key.dnskey(flags)
    read = dns.rdata.from_wire("IN", "DNSKEY", rdata, 0, len(rdata))
    assert (read.flags, read.protocol, read.algorithm) == (flags, 3, key.algorithm)
    assert dns.dnssec.key_id(read) == tag_of(rdata) == key_tag(rdata)
    assert tags_of(rdata) == {tag_of(rdata), tag_of(key.dnskey(flags | 0x80))}


def test_an_odd_number_of_bytes_has_the_tag_of_rfc_4034() -> None:
    rdata = bytes((1, 0, 3, 8, 3, 1, 0, 1)) + b"\xff" * 129
    assert tag_of(rdata) == key_tag(rdata)


def test_pem_is_read_back(key: PrivateKey) -> None:
    again = from_pem(key.pem())
    assert key.pem().startswith(b"-----BEGIN PRIVATE KEY-----\n")
    assert again.algorithm is key.algorithm
    assert again.dnskey(256) == key.dnskey(256)


def test_new_rsa_keys_have_2048_bits() -> None:
    material = generate(8).material
    assert isinstance(material, rsa.RSAPrivateKey)
    assert material.key_size == 2048


@pytest.mark.parametrize("number", [1, 3, 5, 6, 7, 10, 12])
def test_algorithms_that_rfc_8624_discourages_are_refused_with_its_section(number: int) -> None:
    with pytest.raises(DnssecError, match=rf"RFC 8624 §3\.1 .*algorithm {number}\); use ed25519 \(15\)"):
        generate(number)


@pytest.mark.parametrize("number", [0, 2, 16, 200, 253, -1])
def test_other_algorithms_are_refused(number: int) -> None:
    with pytest.raises(DnssecError, match=f"zones are not signed with algorithm {number} here; use ed25519"):
        generate(number)


def test_a_key_of_another_kind_is_refused() -> None:
    def pem(key: dsa.DSAPrivateKey | ec.EllipticCurvePrivateKey | x25519.X25519PrivateKey) -> bytes:
        return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    with pytest.raises(DnssecError, match=r"^it is a key of a kind that DNSSEC has no algorithm for$"):
        from_pem(pem(x25519.X25519PrivateKey.generate()))
    with pytest.raises(DnssecError, match=r"^it is a key on the curve secp256k1, which"):
        from_pem(pem(ec.generate_private_key(ec.SECP256K1())))


def test_a_pem_that_cannot_be_used_is_refused(key: PrivateKey) -> None:
    locked = key.material.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"words"))
    with pytest.raises(DnssecError, match=r"^it has a passphrase; remove that"):
        from_pem(locked)
    text = key.pem()
    for damaged in (b"", b"\0", text[:60], text.replace(b"PRIVATE", b"PUBLIC"), text[:40] + b"AAAA" + text[44:]):
        with pytest.raises(DnssecError, match=r"^it is (not a private key in PEM, or it is damaged|a key .*)$"):
            from_pem(damaged)


@pytest.mark.parametrize(
    ("exponent", "bits", "message"),
    [
        (65537, 1023, "1023 bits"),
        (65537, 4097, "4097 bits"),
        (1, 2048, "exponent 0x1"),
        (4, 2048, "exponent 0x4"),
        ((1 << 35) + 1, 2048, "exponent 0x800000001"),
    ],
)
def test_rsa_keys_that_validators_refuse_are_refused(exponent: int, bits: int, message: str) -> None:
    with pytest.raises(DnssecError, match=message):
        check_rsa(exponent, (1 << bits) - 1)
    check_rsa(3, (1 << 1024) - 1)
    check_rsa((1 << 32) + 1, (1 << 4096) - 1)


def test_nothing_of_a_key_is_shown_or_pickled(key: PrivateKey) -> None:
    assert repr(key) == f"<private key of algorithm {int(key.algorithm)}>"
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(key)
