"""BIND's pair of key files: read from what other programs write, and written so that they accept it."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from zonegit.dnssec.bind_key_files import KeyTimes, file_text, read_private, read_public, write_pair
from zonegit.dnssec.policy import Algorithm
from zonegit.dnssec.private_key import KSK_FLAGS, ZSK_FLAGS, PrivateKey, generate
from zonegit.errors import DnssecError
from zonegit.model.names import parse_apex

ZONE = "example.org."
TIMES = KeyTimes(1_700_000_000, 1_700_000_060, 1_700_003_600)


@pytest.fixture(scope="module", params=Algorithm, ids=lambda each: each.name)
def key(request: pytest.FixtureRequest) -> PrivateKey:
    return generate(request.param)


def private_text(algorithm: Algorithm = Algorithm.ED25519) -> str:
    return write_pair(ZONE, generate(algorithm), ZSK_FLAGS, TIMES).private


def changed(text: str, name: str, value: str | None) -> bytes:
    """The text with another value in a line, or without that line."""
    line = "" if value is None else f"{name}: {value}\n"
    return re.sub(rf"^{name}: .*\n", lambda _: line, text, flags=re.MULTILINE).encode()


@pytest.mark.parametrize("flags", [ZSK_FLAGS, KSK_FLAGS])
def test_what_is_written_is_read_back(key: PrivateKey, flags: int) -> None:
    pair = write_pair(ZONE, key, flags, TIMES)
    private, public = read_private(pair.private.encode()), read_public(pair.public.encode())
    assert private.key.dnskey(flags) == public.dnskey == key.dnskey(flags)
    assert private.key.pem() == key.pem()
    assert private.times == TIMES
    assert public.zone == parse_apex(ZONE)


def test_times_may_be_left_out(key: PrivateKey) -> None:
    pair = write_pair(ZONE, key, KSK_FLAGS, KeyTimes())
    assert "Created" not in pair.private + pair.public
    assert read_private(pair.private.encode()).times == KeyTimes()


@pytest.mark.parametrize("algorithm", Algorithm)
@pytest.mark.parametrize("zone", [ZONE, ".", "64/26.2.0.192.in-addr.arpa.", r"a\032b\.c.example."])
def test_the_pair_of_dnssec_keygen_is_read_and_written_alike(
    tmp_path: Path, needs_program: Callable[[str], str], algorithm: Algorithm, zone: str
) -> None:
    command = [needs_program("dnssec-keygen"), "-q", "-f", "KSK", "-a", algorithm.name, "-K", tmp_path, zone]
    name = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.strip()
    private, public = ((tmp_path / f"{name}.{each}").read_text() for each in ("private", "key"))
    read, record = read_private(private.encode()), read_public(public.encode())
    assert read.key.dnskey(KSK_FLAGS) == record.dnskey
    assert record.zone == parse_apex(zone)
    again = write_pair(zone, read.key, KSK_FLAGS, read.times)
    assert again.name == name
    assert again.private == private
    assert again.public.replace(" ", "") == public.replace(" ", "")


def test_the_pair_of_ldns_keygen_is_read(
    tmp_path: Path, needs_program: Callable[[str], str], key: PrivateKey
) -> None:
    bits = ["-b", "2048"] if key.algorithm is Algorithm.RSASHA256 else []
    command = [needs_program("ldns-keygen"), "-k", "-a", key.algorithm.name, *bits, ZONE]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60, cwd=tmp_path)
    private, public = ((tmp_path / f"{done.stdout.strip()}.{each}").read_bytes() for each in ("private", "key"))
    assert read_private(private).key.dnskey(KSK_FLAGS) == read_public(public).dnskey


def test_dnssec_signzone_signs_with_the_written_pair(
    tmp_path: Path, needs_program: Callable[[str], str], key: PrivateKey
) -> None:
    pair = write_pair(ZONE, key, KSK_FLAGS, TIMES)
    for ending, text in (("private", pair.private), ("key", pair.public)):
        (tmp_path / f"{pair.name}.{ending}").write_text(text)
    zone = "@ 300 IN SOA ns.example.net. host.example.net. 1 7200 900 1209600 300\n@ 300 IN NS ns.example.net.\n"
    (tmp_path / "zone").write_text(zone)
    sign = [needs_program("dnssec-signzone"), "-S", "-z", "-o", ZONE, "-f", "signed", "zone"]
    signed = subprocess.run(sign, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert signed.returncode == 0, signed.stderr
    verify = [needs_program("dnssec-verify"), "-z", "-o", ZONE, "signed"]
    verified = subprocess.run(verify, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert verified.returncode == 0, verified.stderr
    assert pair.name.rpartition("+")[2].lstrip("0") in (tmp_path / "signed").read_text()


@pytest.mark.parametrize("algorithm", Algorithm)
def test_a_private_file_that_lacks_a_line_or_has_a_wrong_one_is_refused(algorithm: Algorithm) -> None:
    text = private_text(algorithm)
    names = [line.partition(":")[0] for line in text.splitlines()[2:-3]]
    for name in names:
        with pytest.raises(DnssecError, match=rf"^it has no line `{name}`$"):
            read_private(changed(text, name, None))
        with pytest.raises(DnssecError, match=rf"^its line `{name}` is not base64$"):
            read_private(changed(text, name, "secret!"))
        with pytest.raises(DnssecError) as caught:
            read_private(changed(text, name, "c2VjcmV0" * 40))
        assert "c2VjcmV0" not in str(caught.value) and "secret" not in str(caught.value)
        assert str(caught.value).startswith("it is ")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("Private-key-format", "v2.0", "it is neither PEM nor BIND's format of private keys"),
        ("Private-key-format", None, "it is neither PEM nor BIND's format of private keys"),
        ("Algorithm", "5 (RSASHA1)", "RFC 8624 §3.1 advises against signing with RSASHA1"),
        ("Algorithm", "16 (ED448)", "zones are not signed with algorithm 16 here"),
        ("Algorithm", "x", "it has no valid line `Algorithm`"),
        ("Algorithm", "9" * 5000, "it has no valid line `Algorithm`"),
        ("Algorithm", None, "it has no valid line `Algorithm`"),
        ("Algorithm", "13 (ECDSAP256SHA256)\nLabel: pkcs11:token=x", "it only names a key in a token"),
        ("Created", "yesterday", "its line `Created` is not a time as"),
        ("Created", "20260101000000\nCreated: 20260101000000", "it has two lines `Created`"),
    ],
)
def test_other_private_files_are_refused(name: str, value: str | None, message: str) -> None:
    with pytest.raises(DnssecError, match=re.escape(message)):
        read_private(changed(private_text(), name, value))


def test_an_rsa_key_of_an_unusual_size_or_exponent_is_refused() -> None:
    text = private_text(Algorithm.RSASHA256)
    with pytest.raises(DnssecError, match=r"^it is an RSA key of 512 bits; validators accept 1024 to 4096 bits$"):
        read_private(changed(text, "Modulus", "/" * 84 + "/w=="))
    with pytest.raises(
        DnssecError, match=r"^it is an RSA key with the exponent 0x800000001; validators accept odd"
    ):
        read_private(changed(text, "PublicExponent", "CAAAAAE="))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "; DNSKEY\n",
        "example.org. IN DNSKEY 257 3 15\n",
        "example.org. IN DNSKEY 257 2 15 AAAA\n",
        "example.org. IN DNSKEY 99999 3 15 AAAA\n",
        "example.org. IN DNSKEY 257 3 15 !\n",
        "example.org IN DNSKEY 257 3 15 AAAA\n",
        "example.org. CH DNSKEY 257 3 15 AAAA\n",
        "a..org. IN DNSKEY 257 3 15 AAAA\n",
        "example.org. IN DNSKEY 257 3 15 AAAA\nexample.org. IN DNSKEY 257 3 15 AAAA\n",
    ],
)
def test_other_public_files_are_refused(text: str) -> None:
    with pytest.raises(DnssecError, match=r"^it doesn't have exactly one DNSKEY record$"):
        read_public(text.encode())


def test_a_public_file_may_have_a_ttl_comments_and_parentheses() -> None:
    text = "; comment\nexample.org. 3600 IN DNSKEY 257 3 15 ( AAEC ; one\n AwQF ) ; two\n"
    assert read_public(text.encode()).dnskey == bytes((1, 1, 3, 15, 0, 1, 2, 3, 4, 5))


def test_nothing_private_is_in_a_repr(key: PrivateKey) -> None:
    pair = write_pair(ZONE, key, KSK_FLAGS, TIMES)
    assert repr(pair) == f"<key files {pair.name}>"
    assert "private key of algorithm" in repr(read_private(pair.private.encode()))


def test_names_in_file_names() -> None:
    assert file_text(parse_apex("Example.ORG")) == "example.org."
    assert file_text(parse_apex(".")) == "."
    assert file_text(parse_apex(r"\000\255.")) == "%00%FF."
