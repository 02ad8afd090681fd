"""PKCS#11 URIs (RFC 7512)."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zonegit.dnssec.pkcs11_uri import TokenKey, read_uri
from zonegit.errors import DnssecError

QUERY = "?module-path=/lib/p11.so&pin-source=file:/etc/pin"
KEY = TokenKey(Path("/lib/p11.so"), Path("/etc/pin"), "My token", "", "key", b"\x01\xab")


@pytest.mark.parametrize(
    "text",
    [
        f"pkcs11:token=My%20token;object=key;id=%01%AB;type=private{QUERY}",
        f"pkcs11:id=%01%ab;object=key;token=My%20token{QUERY}",
        "pkcs11:token=My%20token;object=key;id=%01%AB?pin-source=/etc/pin&module-path=/lib/p11.so",
        "pkcs11:token=My%20token;object=key;id=%01%AB?pin-source=file:///etc/pin&module-path=%2flib%2fp11.so",
        "pkcs11:token=My%20token;object=key;id=%01%AB?pin-source=file://localhost/etc/pin&module-path=/lib/p11.so",
    ],
)
def test_a_key_can_be_named_in_several_ways(text: str) -> None:
    assert read_uri(text) == KEY
    assert read_uri(KEY.text()) == KEY


@given(st.text(st.characters(codec="utf-8"), min_size=1), st.text(st.characters(codec="utf-8")), st.binary())
def test_what_is_written_is_read_back(token: str, label: str, identity: bytes) -> None:
    key = KEY._replace(token=token, label=label, id=identity)
    assert read_uri(key.text()) == key
    assert key.text().isascii() and key.text().isprintable()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "it is not a PKCS#11 URI, which begins with pkcs11:"),
        ("file:/key", "it is not a PKCS#11 URI, which begins with pkcs11:"),
        (f"pkcs11:token{QUERY}", "it is not a PKCS#11 URI of RFC 7512"),
        (f"pkcs11:token=a b{QUERY}", "it is not a PKCS#11 URI of RFC 7512"),
        (f"pkcs11:token=%4{QUERY}", "it is not a PKCS#11 URI of RFC 7512"),
        (f"pkcs11:token=%FF{QUERY}", "its token is not UTF-8"),
        (f"pkcs11:token=a;token=b{QUERY}", "it has two attributes token"),
        (f"pkcs11:token=a;colour=red{QUERY}", "it has the attribute 'colour', which isn't known here"),
        (f"pkcs11:token=a;model=b{QUERY}", "it names a token by model; use token or serial"),
        (f"pkcs11:token=a;type=public{QUERY}", "its type must be `private`"),
        (f"pkcs11:object=a{QUERY}", "it names no token: add token=LABEL or serial=NUMBER"),
        ("pkcs11:token=a?pin-source=/pin", "it has no module-path: the PKCS#11 library of the token"),
        ("pkcs11:token=a?module-path=/lib.so", "it has no pin-source: a file with the PIN"),
        ("pkcs11:token=a?module-path=lib.so&pin-source=/pin", "its module-path must be an absolute path"),
        ("pkcs11:token=a?module-path=/lib.so&pin-source=|ask", "its pin-source must be an absolute path"),
        (f"pkcs11:token=a{QUERY}&pin-value=1234", "it has a pin-value; write the PIN to a file, and name that"),
    ],
)
def test_other_uris_are_refused(text: str, message: str) -> None:
    with pytest.raises(DnssecError) as caught:
        read_uri(text)
    assert str(caught.value).startswith(message)
    assert "1234" not in str(caught.value)
