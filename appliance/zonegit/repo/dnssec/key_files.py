"""What the files of a key directory contain: a private key as PKCS#8 PEM, or where a token has it.

A `.pkcs11` file has two lines: the PKCS#11 URI (RFC 7512) of the key, and its DNSKEY record. So it is known without
the token which keys a zone has.
"""

import re
from collections.abc import Callable
from hashlib import sha256
from typing import Final, NamedTuple

from zonegit.dnssec.bind_key_files import dnskey_line, file_text, read_private, read_public
from zonegit.dnssec.foreign_pem import read_pem
from zonegit.dnssec.pkcs11_uri import SCHEME, TokenKey, read_uri
from zonegit.dnssec.private_key import (
    KSK_FLAGS,
    ZSK_FLAGS,
    PrivateKey,
    dnskey_rdata,
    from_pem,
    generate,
    signing_algorithm,
    tag_of,
)
from zonegit.dnssec.rollover.values import Role
from zonegit.dnssec.signing.plan import Signer, SigningKey
from zonegit.errors import DnssecError
from zonegit.model.names import WireName
from zonegit.repo.dnssec.tokens import TokenSigner, destroy_in_token, generate_in_token, public_in_token

PEM: Final = ".pem"
REFERENCE: Final = ".pkcs11"
_NAME: Final = re.compile(rf"\d{{3}}\+\d{{5}}({re.escape(PEM)}|{re.escape(REFERENCE)})", re.ASCII)
_LONGEST: Final = 200


class NewKey(NamedTuple):
    """A key that isn't in the directory yet."""

    dnskey: bytes
    """The RDATA of its DNSKEY record."""
    name: str
    """Of its file."""
    data: bytes
    """What its file will contain."""
    created: int | None = None
    """Unix seconds, if known."""
    token: TokenKey | None = None

    def __repr__(self) -> str:
        return f"<new key {self.name}>"

    def discard(self) -> None:
        """Undo that it was generated."""
        if self.token:
            destroy_in_token(self.token)


def generated(role: Role, algorithm: int) -> NewKey:
    """A new key of this process. `DnssecError`."""
    return _of_private(generate(algorithm), role, None)


def generated_in_token(role: Role, algorithm: int, token: TokenKey, zone: str) -> NewKey:
    """A new key that a token makes and keeps. `DnssecError`."""
    made = generate_in_token(token, signing_algorithm(algorithm), zone)
    return _of_token(made.key, dnskey_rdata(flags_of(role), made.algorithm, made.public), zone)


def foreign(private: bytes, role: Role, zone: str) -> NewKey:
    """A key from elsewhere: PEM, BIND's `.private`, or a PKCS#11 URI. `DnssecError`, about `it`."""
    if private.startswith(SCHEME.encode()):
        key = read_uri(private.decode("latin-1").strip())
        found = public_in_token(key)
        return _of_token(key, dnskey_rdata(flags_of(role), found.algorithm, found.public), zone)
    if b"-----BEGIN" in private:
        return _of_private(read_pem(private), role, None)
    read = read_private(private)
    return _of_private(read.key, role, read.times.created)


def stored_key(name: str, data: bytes, signer: Callable[[PrivateKey], Signer]) -> SigningKey:
    """The key in a file. `DnssecError`, whose message continues after the file's name."""
    try:
        found = _referred(data) if name.endswith(REFERENCE) else _private(name, data, signer)
    except DnssecError as error:
        raise DnssecError(f"cannot be used: {error}") from None
    if found is None or not name.startswith(stem(found.dnskey)):
        raise DnssecError("holds another key than its name says")
    return found


def is_key(name: str) -> bool:
    """Whether a file of this name has a key."""
    return _NAME.fullmatch(name) is not None


def flags_of(role: Role) -> int:
    """The flags of a key's DNSKEY record."""
    return ZSK_FLAGS if role is Role.ZSK else KSK_FLAGS


def stem(dnskey: bytes) -> str:
    """The name of the file with the key of a DNSKEY record, without `.pem` or `.pkcs11`."""
    return f"{dnskey[3]:03}+{tag_of(dnskey):05}"


def directory_name(apex: WireName) -> str:
    """The name of the directory with a zone's keys: the zone as BIND writes it in file names, or `@` for the root.

    Names that are too long for a directory are cut, and end with a hash.
    """
    text = file_text(apex)[:-1] or "@"
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST // 2]}%~{sha256(apex).hexdigest()}"


def _of_private(key: PrivateKey, role: Role, created: int | None) -> NewKey:
    dnskey = key.dnskey(flags_of(role))
    return NewKey(dnskey, stem(dnskey) + PEM, key.pem(), created)


def _of_token(key: TokenKey, dnskey: bytes, zone: str) -> NewKey:
    data = f"{key.text()}\n{dnskey_line(zone, dnskey)}\n".encode()
    return NewKey(dnskey, stem(dnskey) + REFERENCE, data, token=key)


def _private(name: str, pem: bytes, signer: Callable[[PrivateKey], Signer]) -> SigningKey | None:
    key = from_pem(pem)
    both = (key.dnskey(KSK_FLAGS), key.dnskey(ZSK_FLAGS))
    dnskey = next((each for each in both if name.startswith(stem(each))), None)
    return SigningKey(dnskey, signer(key)) if dnskey else None


def _referred(data: bytes) -> SigningKey:
    uri, _, record = data.partition(b"\n")
    dnskey = read_public(record).dnskey
    signing_algorithm(dnskey[3])
    return SigningKey(dnskey, TokenSigner(read_uri(uri.decode("latin-1").strip()), dnskey))
