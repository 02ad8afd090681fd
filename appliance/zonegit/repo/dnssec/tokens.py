"""Keys in hardware tokens, through PKCS#11: a `Signer`, and new keys.

The package python-pkcs11 is optional; it is imported only here, and only if a key is in a token. Each library is
loaded once in a process, and each token is logged in to once. If a token is gone, signing is an error that is tried
again: then the library is initialized anew. A PIN that was refused isn't sent again before its file is changed,
because a token locks itself after a few wrong ones. No message shows a PIN.
"""

import os
import stat
from collections.abc import Callable, Sequence
from contextlib import suppress
from hashlib import sha256, sha384
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from zonegit.dnssec.keys import zone_key
from zonegit.dnssec.pkcs11_uri import TokenKey
from zonegit.dnssec.policy import Algorithm
from zonegit.dnssec.private_key import (
    CURVES,
    RSA_BITS,
    check_rsa,
    rsa_public_bytes,
)
from zonegit.errors import DnssecError
from zonegit.model.foreign import one_line

if TYPE_CHECKING:
    from pkcs11 import Key, Session

_MOST_PIN: Final = 1024
_CURVE_OIDS: Final = {
    Algorithm.ECDSAP256SHA256: bytes.fromhex("06082a8648ce3d030107"),
    Algorithm.ECDSAP384SHA384: bytes.fromhex("06052b81040022"),
    Algorithm.ED25519: bytes.fromhex("06032b6570"),
}
"""DER of the curves' object identifiers (RFC 5480, RFC 8410), for CKA_EC_PARAMS."""
_ED25519_NAME: Final = bytes.fromhex("130c656477617264733235353139")
"""Its name, as a PrintableString, which PKCS#11 v3.0 §2.3.10 allows instead."""
_ED25519_SIZE: Final = 32
_WORDS: Final = {
    "NoSuchKey": "the token has no such key",
    "MultipleObjectsReturned": "the token has several such keys; name one by its id",
    "MultipleTokensReturned": "there are several such tokens; name one by its serial",
    "PinLocked": "the token has locked its PIN; have its administrator unlock it",
}
"""Errors of pkcs11 that say all."""
_REFUSED: Final = "the token refused the PIN in {}; correct that file, the token is not asked again before"
_SHOWN: Final = 200
_T = TypeVar("_T")
_TEST: Final = b"zonegit: is this the key of its DNSKEY record?"


class TokenSigner:
    """The `Signer` with a key in a token."""

    def __init__(self, key: TokenKey, dnskey: bytes) -> None:
        """`dnskey`: the RDATA of its DNSKEY record. The token isn't asked before a message is to be signed."""
        self._key: Final = key
        self._dnskey: Final = dnskey

    def sign(self, messages: Sequence[bytes]) -> list[bytes]:
        """One signature each, as in RRSIG records. `DnssecError` if the token is gone, or refuses."""
        return _module(self._key.module).run(self._key, lambda open_token: self._signed(open_token, messages))

    def _signed(self, token: "_OpenToken", messages: Sequence[bytes]) -> list[bytes]:
        sign = token.signing.get((self._key, self._dnskey))
        if sign is None:
            sign = _signing(token.private(self._key), Algorithm(self._dnskey[3]))
            public = zone_key(self._dnskey)
            if public is None or public.verify is None or not public.verify(sign(_TEST), _TEST):
                raise DnssecError("it is not the key of its DNSKEY record")
            token.signing[self._key, self._dnskey] = sign
        return list(map(sign, messages))


class TokenPair(NamedTuple):
    """The public half of a key pair in a token."""

    key: TokenKey
    algorithm: Algorithm
    public: bytes
    """As in a DNSKEY record."""


def generate_in_token(where: TokenKey, algorithm: Algorithm, label: str) -> TokenPair:
    """Have a token make a key pair, which never leaves it, with an identifier by chance. `DnssecError`."""
    key = where._replace(label=label, id=os.urandom(16))
    return _module(where.module).run(key, lambda token: TokenPair(key, algorithm, token.generate(key, algorithm)))


def destroy_in_token(key: TokenKey) -> None:
    """Destroy a key pair that `generate_in_token` has made. `DnssecError`."""
    _module(key.module).run(key, lambda token: token.destroy(key))


def public_in_token(key: TokenKey) -> TokenPair:
    """The public half of a key pair that is in a token. `DnssecError`."""
    return _module(key.module).run(key, lambda token: token.public(key))


def close_tokens() -> None:
    """Log out of all tokens. The next use of one opens it again."""
    for module in _modules.values():
        module.close()


class _OpenToken:
    """A token that this process is logged in to. Raises errors of pkcs11 itself, too."""

    def __init__(self, session: "Session") -> None:
        self._session = session
        self.signing: Final[dict[tuple[TokenKey, bytes], Callable[[bytes], bytes]]] = {}
        """What signs, by key and DNSKEY record."""

    def close(self) -> None:
        self._session.close()

    def private(self, key: TokenKey) -> "Key":
        from pkcs11 import ObjectClass

        return self._session.get_key(ObjectClass.PRIVATE_KEY, label=key.label or None, id=key.id or None)

    def public(self, key: TokenKey) -> TokenPair:
        from pkcs11 import Attribute, KeyType, ObjectClass

        found = self._session.get_key(ObjectClass.PUBLIC_KEY, label=key.label or None, id=key.id or None)
        if found.key_type is KeyType.RSA:
            algorithm = Algorithm.RSASHA256
        else:
            curve = found[Attribute.EC_PARAMS]
            named = {**{oid: each for each, oid in _CURVE_OIDS.items()}, _ED25519_NAME: Algorithm.ED25519}
            if curve not in named:
                raise DnssecError("it is a key of a kind that DNSSEC has no algorithm for")
            algorithm = named[curve]
        return TokenPair(key, algorithm, _public_bytes(found, algorithm))

    def generate(self, key: TokenKey, algorithm: Algorithm) -> bytes:
        """Make a key pair with this label and identifier; returns the public half as in a DNSKEY record."""
        from pkcs11 import Attribute, KeyType, Mechanism, MechanismFlag

        kept = {Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False}
        options: dict[str, Any] = {
            "store": True,
            "id": key.id,
            "label": key.label,
            "capabilities": MechanismFlag.SIGN | MechanismFlag.VERIFY,
            "private_template": kept,
        }
        if algorithm is Algorithm.RSASHA256:
            return _public_bytes(self._session.generate_keypair(KeyType.RSA, RSA_BITS, **options)[0], algorithm)
        edwards = algorithm is Algorithm.ED25519
        kind = KeyType.EC_EDWARDS if edwards else KeyType.EC
        mechanism = Mechanism.EC_EDWARDS_KEY_PAIR_GEN if edwards else Mechanism.EC_KEY_PAIR_GEN
        curve = _ED25519_NAME if edwards else _CURVE_OIDS[algorithm]
        parameters = self._session.create_domain_parameters(kind, {Attribute.EC_PARAMS: curve}, local=True)
        return _public_bytes(parameters.generate_keypair(mechanism=mechanism, **options)[0], algorithm)

    def destroy(self, key: TokenKey) -> None:
        from pkcs11 import ObjectClass

        for kind in (ObjectClass.PRIVATE_KEY, ObjectClass.PUBLIC_KEY):
            self._session.get_key(kind, label=key.label, id=key.id).destroy()


class _Module:
    """A PKCS#11 library, and the tokens that it has open. For any threads, which take turns."""

    def __init__(self, path: Path) -> None:
        self._path: Final = path
        self._lock: Final = RLock()
        self._open: Final[dict[tuple[str, str], _OpenToken]] = {}
        self._refused: Final[dict[tuple[str, str], tuple[int, ...]]] = {}
        """The PIN files whose PIN a token refused, as they were."""

    def run(self, key: TokenKey, use: Callable[[_OpenToken], _T]) -> _T:
        """Use the token of a key. If that fails, once more after opening it anew. `DnssecError`."""
        with self._lock:
            try:
                return self._tried(key, use)
            except _errors():
                self.close()
            try:
                return self._tried(key, use)
            except _errors() as error:
                self.close()
                raise DnssecError(f"{_described(key)}: {_why(error)}") from None

    def close(self) -> None:
        """Close all, so that the library looks for its tokens anew at the next use."""
        import pkcs11

        with self._lock:
            while self._open:
                with suppress(*_errors()):
                    self._open.popitem()[1].close()
            with suppress(*_errors()):
                pkcs11.lib(str(self._path)).finalize()

    def _tried(self, key: TokenKey, use: Callable[[_OpenToken], _T]) -> _T:
        try:
            return use(self._opened(key))
        except DnssecError as error:
            raise DnssecError(f"{_described(key)}: {error}") from None

    def _opened(self, key: TokenKey) -> _OpenToken:
        import pkcs11

        place = (key.token, key.serial)
        if place not in self._open:
            if not self._path.is_file():
                raise DnssecError(f"its library {self._path} doesn't exist; install it, or correct module-path")
            pin, identity = _read_pin(key.pin_source)
            if self._refused.get(place) == identity:
                raise DnssecError(_REFUSED.format(key.pin_source))
            serial = key.serial.encode() or None
            token = pkcs11.lib(str(self._path)).get_token(token_label=key.token or None, token_serial=serial)
            try:
                self._open[place] = _OpenToken(token.open(rw=True, user_pin=pin))
            except (pkcs11.PinIncorrect, pkcs11.PinInvalid, pkcs11.PinLenRange):
                self._refused[place] = identity
                raise DnssecError(_REFUSED.format(key.pin_source)) from None
        return self._open[place]


_modules: Final[dict[Path, _Module]] = {}


def _module(path: Path) -> _Module:
    try:
        import pkcs11  # noqa: F401
    except ImportError:
        raise DnssecError(
            "keys in tokens need the Python package python-pkcs11: install it beside zonegit (`zonegit[pkcs11]`)"
        ) from None
    return _modules.setdefault(path, _Module(path))


def _errors() -> tuple[type[Exception], ...]:
    """What pkcs11 raises: a RuntimeError, or what the contents of a strange token lead to."""
    return (RuntimeError, OSError, ValueError, LookupError)


def _signing(private: Any, algorithm: Algorithm) -> Callable[[bytes], bytes]:
    from pkcs11 import Mechanism

    if algorithm is Algorithm.RSASHA256:
        return lambda message: private.sign(message, mechanism=Mechanism.SHA256_RSA_PKCS)
    if algorithm is Algorithm.ED25519:
        return lambda message: private.sign(message, mechanism=Mechanism.EDDSA)
    digest = sha256 if algorithm is Algorithm.ECDSAP256SHA256 else sha384
    return lambda message: private.sign(digest(message).digest(), mechanism=Mechanism.ECDSA)


def _public_bytes(public: "Key", algorithm: Algorithm) -> bytes:
    from pkcs11 import Attribute

    if algorithm is Algorithm.RSASHA256:
        exponent, modulus = (
            int.from_bytes(public[each], "big") for each in (Attribute.PUBLIC_EXPONENT, Attribute.MODULUS)
        )
        check_rsa(exponent, modulus)
        return rsa_public_bytes(exponent, modulus)
    curve = CURVES.get(algorithm)
    size = 2 * curve.size if curve else _ED25519_SIZE
    point = bytes(public[Attribute.EC_POINT])  # with or without the head of an OCTET STRING, and of a point
    if len(point) < size:
        raise DnssecError("its public half is malformed")
    return point[-size:]


def _read_pin(path: Path) -> tuple[str, tuple[int, ...]]:
    """The first line of a PIN file, and what identifies the file as it is. `DnssecError`."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise DnssecError(f"its PIN file {path} cannot be read: {error.strerror}") from None
    try:
        found = os.fstat(descriptor)
        mode = stat.S_IMODE(found.st_mode)
        if not stat.S_ISREG(found.st_mode) or found.st_uid not in (0, os.geteuid()):
            raise DnssecError(f"its PIN file {path} must be a regular file of root or of the service's user")
        if mode & 0o037:
            raise DnssecError(f"its PIN file {path} has mode {mode:04o}, which is unsafe; run: chmod 0640 {path}")
        line = os.read(descriptor, _MOST_PIN).partition(b"\n")[0].rstrip(b"\r")
    finally:
        os.close(descriptor)
    try:
        pin = line.decode()
    except UnicodeDecodeError:
        raise DnssecError(f"its PIN file {path} is not UTF-8") from None
    return pin, (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


def _described(key: TokenKey) -> str:
    return f"the key {key.id.hex() or repr(key.label)} in the token {key.token or key.serial!r}"


def _why(error: Exception) -> str:
    """A failure of the token, of one line."""
    name = type(error).__name__
    if name in _WORDS:
        return _WORDS[name]
    detail = one_line(": ".join(filter(None, (name, str(error)))), _SHOWN)
    return f"the token cannot be used ({detail}); once it can, it is used again without a restart"
