"""PEM as other programs write it."""

from base64 import encodebytes

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from zonegit.dnssec.foreign_pem import read_pem
from zonegit.dnssec.policy import Algorithm
from zonegit.dnssec.private_key import CURVES, PrivateKey, from_pem, generate
from zonegit.errors import DnssecError

OBJECTS = {13: "2a8648ce3d030107", 14: "2b81040022"}
NUMBERS = {"first bit set": b"\xa5" * 32, "not set": b"\x5a" * 32, "short": b"\0\0" + b"\xa5" * 30}


def der(tag: int, *parts: bytes) -> bytes:
    data = b"".join(parts)
    size = bytes((len(data),)) if len(data) < 128 else bytes((0x81, len(data)))
    return bytes((tag,)) + size + data


def gnutls_pem(algorithm: int, number: int, public: bytes) -> bytes:
    signed = number.to_bytes(number.bit_length() // 8 + 1, "big")
    kind = der(0x30, der(6, bytes.fromhex("2a8648ce3d0201")), der(6, bytes.fromhex(OBJECTS[algorithm])))
    inner = der(0x30, der(2, b"\1"), der(4, signed), der(0xA1, der(3, b"\0\4", public)))
    text = encodebytes(der(0x30, der(2, b"\0"), kind, der(4, inner)))
    return b"-----BEGIN PRIVATE KEY-----\n" + text + b"-----END PRIVATE KEY-----\n"


@pytest.mark.parametrize("algorithm", OBJECTS)
@pytest.mark.parametrize("number", NUMBERS.values(), ids=NUMBERS)
def test_gnutls_writes_the_number_of_a_key_with_its_sign(algorithm: int, number: bytes) -> None:
    value = int.from_bytes(number, "big")
    made = PrivateKey(ec.derive_private_key(value, CURVES[Algorithm(algorithm)].curve))
    text = gnutls_pem(algorithm, value, made.dnskey(0)[4:])
    assert read_pem(text).pem() == made.pem()


def test_a_public_key_of_another_key_is_refused() -> None:
    text = gnutls_pem(13, int.from_bytes(NUMBERS["first bit set"], "big"), generate(13).dnskey(0)[4:])
    with pytest.raises(DnssecError, match=r"^it is not a private key in PEM, or it is damaged$"):
        read_pem(text)


def test_damaged_bytes_are_refused_as_by_from_pem() -> None:
    number = int.from_bytes(NUMBERS["first bit set"], "big")
    made = PrivateKey(ec.derive_private_key(number, CURVES[Algorithm.ECDSAP256SHA256].curve))
    text = gnutls_pem(13, number, made.dnskey(0)[4:])
    for at in range(28, len(text) - 26):
        for damaged in (text[:at] + text[-26:], text[:at] + b"%c" % (text[at] ^ 1) + text[at + 1 :]):
            try:
                assert read_pem(damaged).dnskey(0) == made.dnskey(0)
            except DnssecError as error:
                assert str(error).startswith("it is ")


@pytest.mark.parametrize("algorithm", Algorithm)
def test_what_openssl_reads_is_read_as_before(algorithm: Algorithm) -> None:
    text = generate(algorithm).pem()
    assert read_pem(text).pem() == from_pem(text).pem() == text
