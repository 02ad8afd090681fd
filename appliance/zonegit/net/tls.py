"""TLS for `/v0`: version 1.3 only, with ALPN h2 (RFC 8446, RFC 7301, RFC 9113 §3.2); for DNS (RFC 7858), 1.2 too;
for zone transfers from other servers (RFC 9103), 1.3 only.

A server presents its certificate and, given a CA for clients, refuses clients without a certificate of that CA. A
client verifies the server's certificate and name, against a private CA or the system's. Refused, naming the file:
unreadable files, keys that others may read, a certificate and a key that don't match.
"""

import asyncio
import ssl
import stat
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple

from zonegit.errors import ConfigError

ALPN: Final = "h2"
DNS_ALPN: Final = "dot"
"""The ALPN id of DNS over TLS (RFC 7858)."""
CLOSED: Final = "closed"
_OBJECTION_SECONDS: Final = 5.0


class Identity(NamedTuple):
    """A certificate (PEM, followed by its intermediates) and its key."""

    cert: Path
    key: Path


def server_context(identity: Identity, client_ca: Path | None) -> ssl.SSLContext:
    """The TLS context of a `/v0` server. `ConfigError`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _restrict(context)
    _show(context, identity)
    if client_ca is not None:
        _trust(context, client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def dns_context(identity: Identity) -> ssl.SSLContext:
    """The context of DNS over TLS: TLS 1.3, or 1.2 with forward secrecy and AEAD (RFC 9325). `ConfigError`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE+AESGCM:ECDHE+CHACHA20")
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.set_alpn_protocols([DNS_ALPN])
    _show(context, identity)
    return context


def client_context(ca: Path | None, identity: Identity | None) -> ssl.SSLContext:
    """The TLS context of a `/v0` client. `ConfigError`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _restrict(context)
    if ca is None:
        context.load_default_certs()
    else:
        _trust(context, ca)
    if identity is not None:
        _show(context, identity)
    return context


def transfer_context(*, verify: bool, ca: Path | None = None) -> ssl.SSLContext:
    """The context of a zone transfer from another server: TLS 1.3, as RFC 9103 §7.1 requires. `ConfigError`.

    With `verify` the server's certificate and name are checked, against a CA file or the system's CAs. Without, the
    transfer is encrypted, but anybody may be at the other end (RFC 9103 §9.3.1: opportunistic).
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.set_alpn_protocols([DNS_ALPN])
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif ca is None:
        context.load_default_certs()
    else:
        _trust(context, ca)
    return context


def client_certificate(connection: object) -> str:
    """SHA-256 of the DER of the client's certificate, lowercase hex; empty if there is none."""
    if not isinstance(connection, ssl.SSLObject):
        return ""
    certificate = connection.getpeercert(binary_form=True)
    return sha256(certificate).hexdigest() if certificate else ""


def _restrict(context: ssl.SSLContext) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.set_alpn_protocols([ALPN])


def _show(context: ssl.SSLContext, identity: Identity) -> None:
    try:
        if identity.key.stat().st_mode & (stat.S_IROTH | stat.S_IWOTH):
            raise ConfigError(f"{identity.key}: others may read or write it; run: chmod o-rw {identity.key}")
        for path in (identity.cert, identity.key):
            path.open("rb").close()
        context.load_cert_chain(identity.cert, identity.key, password=_no_password)
    except ssl.SSLError as error:
        reason = error.reason or "not PEM"
        raise ConfigError(f"{identity.cert} and {identity.key}: no certificate with its key: {reason}") from None
    except OSError as error:
        raise ConfigError(f"{error.filename}: can't be read: {error.strerror}") from None
    except ValueError as error:
        raise ConfigError(f"{identity.key}: {error}") from None


def _trust(context: ssl.SSLContext, ca: Path) -> None:
    try:
        context.load_verify_locations(ca)
    except ssl.SSLError as error:
        raise ConfigError(f"{ca}: holds no CA certificate: {error.reason or 'not PEM'}") from None
    except OSError as error:
        raise ConfigError(f"{ca}: can't be read: {error.strerror}") from None


def _no_password() -> str:
    """Never prompt on a terminal."""
    raise ValueError("the key is encrypted; a daemon can't ask for its password")


def refused_certificate(error: BaseException) -> str:
    """Why a server ended a handshake because of the client's certificate; empty for any other error."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"client certificate: {error.verify_message}"
    if isinstance(error, ssl.SSLError) and error.reason == "PEER_DID_NOT_RETURN_A_CERTIFICATE":
        return "no client certificate"
    return ""


async def certificate_alert(host: str, port: int, context: ssl.SSLContext) -> str:
    """The alert with which a server refuses our certificate, like `certificate required`; `CLOSED` if it closes
    without one; empty if it doesn't refuse.

    In TLS 1.3 the alert follows the client's half of the handshake (RFC 8446 §4.4.2.4), and a request that was
    written by then may fail before the alert is seen. So this connects, writes nothing, and waits for a byte, which
    an HTTP/2 server sends at once. asyncio's own servers close without an alert.
    """
    try:
        async with asyncio.timeout(_OBJECTION_SECONDS):
            reader, writer = await asyncio.open_connection(host, port, ssl=context, server_hostname=host)
            try:
                return "" if await reader.read(1) else CLOSED
            except ConnectionError:
                return CLOSED
            finally:
                writer.transport.abort()
    except ssl.SSLError as error:
        _, alert, what = (error.reason or "").partition("_ALERT_")
        return what.lower().replace("_", " ") if alert else ""
    except OSError:  # a TimeoutError, too
        return ""
