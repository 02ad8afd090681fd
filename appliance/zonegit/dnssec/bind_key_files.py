"""The pair of files that BIND keeps a key in: `K<zone>+<algorithm>+<tag>.private`, format v1.3, and `.key`.

`.private` has the numbers of the key and its times. Its zone and its flags are only in `.key`. ldns and PowerDNS
write the same format as v1.2. Refused: keys that are in a token, and keys whose numbers don't fit together. No
message shows anything of a private key.
"""

import binascii
import re
from base64 import b64decode, b64encode
from calendar import timegm
from collections.abc import Mapping
from time import gmtime, strftime, strptime
from typing import Final, NamedTuple

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from zonegit.dnssec.policy import Algorithm
from zonegit.dnssec.private_key import (
    CURVES,
    KSK_FLAGS,
    Material,
    PrivateKey,
    check_rsa,
    dnskey_rdata,
    signing_algorithm,
    tag_of,
)
from zonegit.errors import DnssecError, InvalidName
from zonegit.model.names import WireName, is_absolute, labels, parse_apex

_FORMAT: Final = re.compile(r"v1\.[0-9]+", re.ASCII)
_RSA_FIELDS: Final = (
    *("Modulus", "PublicExponent", "PrivateExponent", "Prime1", "Prime2"),
    *("Exponent1", "Exponent2", "Coefficient"),
)
_TIME: Final = "%Y%m%d%H%M%S"
_ODD: Final = re.compile(rb"[^a-z0-9_-]")
_TTL: Final = re.compile(r"[0-9]+[smhdwSMHDW0-9]*", re.ASCII)


class KeyTimes(NamedTuple):
    """When a key was made, is published and signs, in Unix seconds; None: not said."""

    created: int | None = None
    publish: int | None = None
    activate: int | None = None


class BindPrivate(NamedTuple):
    """What a `.private` file says."""

    key: PrivateKey
    times: KeyTimes


class BindPublic(NamedTuple):
    """What a `.key` file says."""

    zone: WireName
    dnskey: bytes
    """The RDATA of its DNSKEY record."""


class BindPair(NamedTuple):
    """The two files of a key."""

    name: str
    """Without `.private` and `.key`."""
    private: str
    public: str

    def __repr__(self) -> str:
        return f"<key files {self.name}>"


def read_private(text: bytes) -> BindPrivate:
    """The key in the text of a `.private` file. `DnssecError`, whose message starts with `it`."""
    fields = _fields(text)
    if not _FORMAT.fullmatch(fields.get("Private-key-format", "")):
        raise DnssecError("it is neither PEM nor BIND's format of private keys, v1.2 or v1.3")
    if fields.keys() & {"Engine", "Label"}:
        raise DnssecError("it only names a key in a token; such a key can't be imported from a file")
    number = fields.get("Algorithm", "").partition(" ")[0]
    if not (number.isascii() and number.isdigit() and len(number) <= 3):
        raise DnssecError("it has no valid line `Algorithm`")
    algorithm = signing_algorithm(int(number))
    try:
        key = PrivateKey(_material(algorithm, fields))
    except ValueError:
        raise DnssecError("it is damaged: its numbers don't make a key") from None
    return BindPrivate(key, KeyTimes(*(_time(fields, name) for name in ("Created", "Publish", "Activate"))))


def read_public(text: bytes) -> BindPublic:
    """The DNSKEY record in the text of a `.key` file. `DnssecError`, whose message starts with `it`."""
    lines = [line.partition(";")[0] for line in text.decode("latin-1").splitlines()]
    words = " ".join(lines).replace("(", " ").replace(")", " ").split()
    at = next((at for at, word in enumerate(words) if word.upper() == "DNSKEY"), 0)
    between = words[1:at]
    if not at or len(words) < at + 5 or any(word.upper() != "IN" and not _TTL.fullmatch(word) for word in between):
        raise DnssecError("it doesn't have exactly one DNSKEY record")
    flags, protocol, algorithm = words[at + 1 : at + 4]
    try:
        if protocol != "3":
            raise ValueError
        public = b64decode("".join(words[at + 4 :]), validate=True)
        rdata = dnskey_rdata(int(flags), int(algorithm), public)
        zone = parse_apex(words[0] if is_absolute(words[0]) else "")
    except (ValueError, OverflowError, InvalidName):
        raise DnssecError("it doesn't have exactly one DNSKEY record") from None
    return BindPublic(zone, rdata)


def dnskey_line(zone: str, dnskey: bytes) -> str:
    """A DNSKEY record as a `.key` file has it."""
    flags = int.from_bytes(dnskey[:2], "big")
    return f"{zone} IN DNSKEY {flags} 3 {dnskey[3]} {b64encode(dnskey[4:]).decode()}"


def write_pair(zone: str, key: PrivateKey, flags: int, times: KeyTimes) -> BindPair:
    """The two files of a key of a zone, whose name is given in presentation form with its final dot."""
    rdata = key.dnskey(flags)
    said = [(name, when) for name, when in zip(("Created", "Publish", "Activate"), times, strict=True) if when]
    dated = [f"{name}: {strftime(_TIME, gmtime(when))}" for name, when in said]
    number = key.algorithm
    private = [
        "Private-key-format: v1.3",
        f"Algorithm: {int(number)} ({number.name})",
        *_numbers(key.material),
        *dated,
    ]
    kind = "key" if flags == KSK_FLAGS else "zone"
    public = [
        f"; This is a {kind}-signing key, keyid {tag_of(rdata)}, for {zone}",
        *(
            f"; {line} ({strftime('%a %b %e %H:%M:%S %Y', gmtime(when))})"
            for line, (_, when) in zip(dated, said, strict=True)
        ),
        dnskey_line(zone, rdata),
    ]
    name = f"K{file_text(parse_apex(zone))}+{int(number):03}+{tag_of(rdata):05}"
    return BindPair(name, "\n".join(private) + "\n", "\n".join(public) + "\n")


def file_text(apex: WireName) -> str:
    """A zone's name in the name of a file, with its final dot; odd bytes of labels are %XX, as BIND writes them."""
    return ".".join(_ODD.sub(lambda odd: b"%%%02X" % odd[0][0], each).decode() for each in labels(apex)) + "."


def _fields(text: bytes) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in text.decode("latin-1").splitlines():
        name, colon, value = line.partition(":")
        if name.strip() in found:
            raise DnssecError(f"it has two lines `{name.strip()[:30]}`")
        if colon:
            found[name.strip()] = value.strip()
    return found


def _material(algorithm: Algorithm, fields: Mapping[str, str]) -> Material:
    if algorithm is Algorithm.RSASHA256:
        n, e, d, p, q, dmp1, dmq1, iqmp = (int.from_bytes(_bytes(fields, name), "big") for name in _RSA_FIELDS)
        check_rsa(e, n)
        return rsa.RSAPrivateNumbers(p, q, d, dmp1, dmq1, iqmp, rsa.RSAPublicNumbers(e, n)).private_key()
    secret = _bytes(fields, "PrivateKey")
    if algorithm is Algorithm.ED25519:
        return ed25519.Ed25519PrivateKey.from_private_bytes(secret)
    return ec.derive_private_key(int.from_bytes(secret, "big"), CURVES[algorithm].curve)


def _bytes(fields: Mapping[str, str], name: str) -> bytes:
    try:
        return b64decode(fields[name], validate=True)
    except KeyError:
        raise DnssecError(f"it has no line `{name}`") from None
    except binascii.Error:
        raise DnssecError(f"its line `{name}` is not base64") from None


def _time(fields: Mapping[str, str], name: str) -> int | None:
    text = fields.get(name)
    if text is None:
        return None
    try:
        return timegm(strptime(text, _TIME))
    except ValueError:
        raise DnssecError(f"its line `{name}` is not a time as 20260131120000") from None


def _numbers(material: Material) -> list[str]:
    if isinstance(material, rsa.RSAPrivateKey):
        own = material.private_numbers()
        public = own.public_numbers
        values = (public.n, public.e, own.d, own.p, own.q, own.dmp1, own.dmq1, own.iqmp)
        return [f"{name}: {_base64(value)}" for name, value in zip(_RSA_FIELDS, values, strict=True)]
    if isinstance(material, ec.EllipticCurvePrivateKey):
        size = (material.curve.key_size + 7) // 8
        return [f"PrivateKey: {_base64(material.private_numbers().private_value, size)}"]
    raw = material.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    return [f"PrivateKey: {b64encode(raw).decode()}"]


def _base64(value: int, size: int | None = None) -> str:
    return b64encode(value.to_bytes(size or (value.bit_length() + 7) // 8, "big")).decode()
