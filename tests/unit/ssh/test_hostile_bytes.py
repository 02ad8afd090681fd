"""Bytes and texts that are no keys, signatures or files: refused in one line, in a bounded time."""

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sshkit import PLAIN, allowed, private_key
from zonegit.errors import AllowedSignersError, InvalidSSH, UnsupportedKey
from zonegit.ssh.allowed_signers import MAX_FILE, parse_allowed_signers
from zonegit.ssh.certificate import parse_certificate
from zonegit.ssh.envelope import armored, decode_envelope, encode_envelope, unarmored
from zonegit.ssh.patterns import matches, matches_list
from zonegit.ssh.public_key import parse_key
from zonegit.ssh.signing import public_key, sign
from zonegit.ssh.wire import MAX_STRING, Reader, positive, string

KEY = public_key(private_key())
SIGNATURE = sign(private_key(), b"message")


def named(value: bytes | str) -> str:
    """The id of a case: what is told of it."""
    return value if isinstance(value, str) else ""


def one_line(error: BaseException) -> bool:
    return str(error).isprintable() and len(str(error)) < 400


@given(
    st.binary(max_size=200) | st.builds(lambda at, byte: SIGNATURE[:at] + byte, st.integers(0, 150), st.binary())
)
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for read in (parse_key, parse_certificate, decode_envelope):
        try:
            read(data)
        except InvalidSSH as error:
            assert one_line(error)


@given(st.binary(max_size=120) | st.text(alphabet='ada@,*! "\\=\t\r#\nzvalid-beforte0Zssh-ed25519').map(str.encode))
def test_any_file_is_read_or_refused(data: bytes) -> None:
    try:
        parse_allowed_signers(data, "file")
    except AllowedSignersError as error:
        assert one_line(error)
        assert str(error).startswith("file:")


@given(st.text())
def test_any_text_is_unarmored_or_refused(text: str) -> None:
    try:
        unarmored(text)
    except InvalidSSH as error:
        assert one_line(error)


def test_armor_is_taken_off() -> None:
    assert unarmored(armored(SIGNATURE)) == SIGNATURE


@pytest.mark.parametrize(
    ("blob", "told"),
    [
        (b"", "ends too early"),
        (string(b"ssh-ed25519") + string(b"k" * 31), "has an Ed25519 key of 31 bytes"),
        (KEY.blob + b"\0", "has 1 bytes too many"),
        (string(b"ssh-dss") + string(b"x"), "has a key of the type 'ssh-dss'"),
        (string(b"ssh-\n") + string(b"x"), "has text with control characters"),
        (string(b"\xff") + string(b"x"), "has text that is not UTF-8"),
        ((MAX_STRING + 1).to_bytes(4, "big") + bytes(MAX_STRING + 1), "has a string of 16,385 bytes"),
        (string(b"ecdsa-sha2-nistp256") + string(b"nistp384") + string(b"\4" * 65), "names another curve"),
        (string(b"ecdsa-sha2-nistp256") + string(b"nistp256") + string(b"\4" * 65), "not on its curve"),
        (string(b"ecdsa-sha2-nistp256") + string(b"nistp256") + string(b"\2" * 33), "uncompressed"),
        (string(b"ssh-rsa") + positive(65537) + positive(1 << 2047 | 1), "has an RSA key of 2,048 bits"),
        (string(b"ssh-rsa") + positive(65537) + positive(1 << 8192 | 1), "has an RSA key of 8,193 bits"),
        (string(b"ssh-rsa") + positive(1 << 64 | 1) + positive(1 << 3071 | 1), "an exponent of more than 64 bits"),
        (string(b"ssh-rsa") + positive(4) + positive(1 << 3071 | 1), "no RSA key"),
        (string(b"ssh-rsa") + string(b"\0\1") + string(b"\x80"), "shortest form"),
        (string(b"ssh-rsa") + string(b"\x80") + string(b"\x80"), "not positive"),
        (string(b"ssh-rsa") + string(b"") + string(b""), "not positive"),
    ],
    ids=named,
)
def test_a_key_near_its_form_is_refused(blob: bytes, told: str) -> None:
    with pytest.raises(InvalidSSH, match=told):
        parse_key(blob)


@pytest.mark.parametrize(
    ("blob", "told"),
    [
        (b"SSHSIX" + SIGNATURE[6:], "is not an SSH signature"),
        (SIGNATURE[:9] + b"\2" + SIGNATURE[10:], "is of version 2"),
        (encode_envelope(KEY.blob, b"", ""), "has no namespace"),
        (encode_envelope(KEY.blob, b"", "zonegit", "sha1"), "uses the hash 'sha1'"),
        (SIGNATURE.replace(string(b"zonegit") + string(b""), string(b"zonegit") + string(b"x")), "reserved field"),
        (SIGNATURE + b"\0", "has 1 bytes too many"),
    ],
    ids=named,
)
def test_an_envelope_near_its_form_is_refused(blob: bytes, told: str) -> None:
    with pytest.raises(InvalidSSH, match=told):
        decode_envelope(blob)


def test_a_signature_of_another_type_is_refused() -> None:
    rsa = public_key(private_key("ssh-rsa"))
    weak = encode_envelope(rsa.blob, string(b"ssh-rsa") + string(bytes(384)), "zonegit")
    with pytest.raises(InvalidSSH, match="is a ssh-rsa signature; expected rsa-sha2-512"):
        decode_envelope(weak).verify(b"message")


@pytest.mark.parametrize("kind", PLAIN)
def test_a_signature_of_odd_size_is_refused(kind: str) -> None:
    key = public_key(private_key(kind))
    name = "rsa-sha2-512" if kind == "ssh-rsa" else kind
    for raw in (b"", b"\0" * 63, b"\0" * 65, b"\0" * 4096, string(b"\1") * 2, string(b"\1") + string(b"\xff")):
        signature = string(name.encode()) + string(raw)
        with pytest.raises(InvalidSSH):
            key.verify(signature, b"message")


def test_a_malformed_line_is_named() -> None:
    with pytest.raises(AllowedSignersError, match=r"^allowed_signers:2: is not PRINCIPALS \[OPTIONS\] KEY$"):
        allowed(f"ada@example.org {KEY.line}", "bob@example.org")
    with pytest.raises(AllowedSignersError, match="larger than 1,024 KiB"):
        parse_allowed_signers(b"#" * (MAX_FILE + 1), "file")
    with pytest.raises(AllowedSignersError, match="a pattern of more than 1,000"):
        allowed(f"{'a' * 1001} {KEY.line}")


def test_keys_that_are_not_accepted_are_skipped() -> None:
    dsa = string(b"ssh-dss") + string(b"p")
    found = allowed(f"bob@example.org ssh-dss {b64encode(dsa).decode()}", f"ada@example.org {KEY.line}")
    assert [entry.line for entry in found.of(KEY, None)] == [2]
    with pytest.raises(UnsupportedKey):
        parse_key(dsa)


def test_patterns_take_no_long_time() -> None:
    """Backtracking over every star would take 2**60 steps."""
    assert not matches("a" * 200 + "b", "*a" * 60)
    assert matches("a" * 200, "*a" * 60)
    assert matches_list("ada", "*") and not matches_list("ada", "") and matches_list("", "*")


@given(st.text("ab?*", max_size=8), st.text("ab", max_size=8))
def test_patterns_are_those_of_a_regular_expression(pattern: str, text: str) -> None:
    import re

    expression = "".join({"*": ".*", "?": "."}.get(char, char) for char in pattern)
    assert matches(text, pattern) == bool(re.fullmatch(expression, text))


@given(st.integers(1, 1 << 300))
def test_numbers_have_one_encoding(number: int) -> None:
    reader = Reader(positive(number))
    assert reader.positive() == number
    reader.end()
