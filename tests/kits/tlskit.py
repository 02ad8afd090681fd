"""A private CA and certificates of it, for tests."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

_CERTIFICATES = x509.KeyUsage(
    key_cert_sign=True, digital_signature=False, content_commitment=False, key_encipherment=False,
    data_encipherment=False, key_agreement=False, crl_sign=False, encipher_only=False, decipher_only=False,
)  # fmt: skip


@dataclass(frozen=True)
class Files:
    """A certificate and its key, in PEM."""

    cert: Path
    key: Path
    fingerprint: str
    """SHA-256 of the certificate's DER."""


class Authority:
    """A CA whose files lie in a directory; `cert` is what to trust, strictly (as Python 3.13 does), too."""

    def __init__(self, directory: Path, name: str = "ca") -> None:
        self._directory = directory
        self._key = generate_private_key(SECP256R1())
        self._subject = _name(name)
        made = (
            _builder(self._subject, self._subject, self._key, timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
            .add_extension(_CERTIFICATES, True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), False)
        )
        self.cert = directory / f"{name}.pem"
        self.cert.write_bytes(made.sign(self._key, SHA256()).public_bytes(Encoding.PEM))

    def issue(self, name: str, life: timedelta = timedelta(days=1), host: str = "") -> Files:
        """A certificate for 127.0.0.1 and a host name; one that has expired if its life is negative."""
        named = [x509.DNSName(host)] if host else []
        key = generate_private_key(SECP256R1())
        made = (
            _builder(_name(name), self._subject, key, life)
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1")), *named]), False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), False)
            .sign(self._key, SHA256())
        )
        found = Files(
            self._directory / f"{name}.pem",
            self._directory / f"{name}.key.pem",
            sha256(made.public_bytes(Encoding.DER)).hexdigest(),
        )
        found.cert.write_bytes(made.public_bytes(Encoding.PEM))
        found.key.touch(mode=0o600)
        found.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return found


def _builder(
    subject: x509.Name, issuer: x509.Name, key: EllipticCurvePrivateKey, life: timedelta
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=2))
        .not_valid_after(now + life)
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])
