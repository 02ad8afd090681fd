"""`ZG1-HMAC-SHA256`: what is signed, and the headers of requests and responses.

    Authorization: ZG1-HMAC-SHA256 kid=...,ts=...,nonce=...,aud=...,mac=...
    ZG-Signature: kid=...,ts=...,mac=...

Both MACs cover lines of text, each ended by LF; see docs/protocol.md. Base64 is base64url without padding and must
be canonical (RFC 4648 §3.5: the unused bits of the last digit are zero). This module has no clock and no state:
windows, nonces and budgets are in `auth.gate`.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from blake3 import blake3

from zonegit.auth.key import Key
from zonegit.errors import NotAuthorised

SCHEME: Final = "ZG1-HMAC-SHA256"
MAX_HEADER: Final = 512
MAC_SIZE: Final = 32
EMPTY_DIGEST: Final = blake3(b"").digest()

_KID: Final = rb"(?P<kid>[a-z0-9._-]{1,32})"
_TS: Final = rb"(?P<ts>0|[1-9][0-9]{0,11})"
_MAC: Final = rb"(?P<mac>[A-Za-z0-9_-]{43})"
_AUTHORIZATION: Final = re.compile(
    SCHEME.encode()
    + rb" kid=%b,ts=%b,nonce=(?P<nonce>[A-Za-z0-9_-]{22}),aud=(?P<aud>[a-z0-9.-]{1,64}),mac=%b" % (_KID, _TS, _MAC)
)
_SIGNATURE: Final = re.compile(rb"kid=%b,ts=%b,mac=%b" % (_KID, _TS, _MAC))
_KID_TEXT: Final = re.compile(r"[a-z0-9._-]{1,32}", re.ASCII)
_AUD_TEXT: Final = re.compile(r"[a-z0-9.-]{1,64}", re.ASCII)
_CONTENT_TYPE: Final = re.compile(r"[\x20-\x7e]{0,200}", re.ASCII)
_PATH: Final = re.compile(r"/[A-Za-z0-9/._~-]{0,255}", re.ASCII)


class Call(NamedTuple):
    """The parts of a request that its MAC covers, without the body."""

    method: str
    path: str
    """The raw `:path`."""
    content_type: str = ""


class Credentials(NamedTuple):
    """The parsed `Authorization` header, not yet verified."""

    kid: str
    ts: int
    nonce: str
    aud: str
    mac: str


class Signature(NamedTuple):
    """The parsed `ZG-Signature` header."""

    kid: str
    ts: int
    mac: str


def good_kid(text: str) -> bool:
    return bool(_KID_TEXT.fullmatch(text))


def good_aud(text: str) -> bool:
    return bool(_AUD_TEXT.fullmatch(text))


def good_call(call: Call) -> bool:
    """Whether this scheme can sign path and Content-Type: no `%`, `//`, `..`, `?`, no control bytes."""
    path = call.path
    return bool(
        _PATH.fullmatch(path)
        and "//" not in path
        and ".." not in path
        and _CONTENT_TYPE.fullmatch(call.content_type)
    )


def encode64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode64(text: str) -> bytes | None:
    """The bytes of canonical base64url without padding; None for anything else."""
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)
    except ValueError:
        return None
    return data if encode64(data) == text else None


def sign_request(key: Key, call: Call, *, aud: str, ts: int, nonce: bytes, digest: bytes) -> tuple[str, str]:
    """`(Authorization header, mac)` for a request whose body has this BLAKE3 digest (32 bytes)."""
    text = encode64(nonce)
    mac = encode64(_request_mac(key, call, aud, ts, text, digest))
    return f"{SCHEME} kid={key.kid},ts={ts},nonce={text},aud={aud},mac={mac}", mac


def parse_authorization(values: Sequence[bytes]) -> Credentials:
    """Parse the request's `Authorization` headers; there must be exactly one."""
    if len(values) != 1 or len(values[0]) > MAX_HEADER:
        raise NotAuthorised("expected one Authorization header of at most 512 bytes")
    match = _AUTHORIZATION.fullmatch(values[0])
    if not match:
        raise NotAuthorised(f"the Authorization header doesn't follow {SCHEME}")
    found = Credentials(
        match["kid"].decode(),
        int(match["ts"]),
        match["nonce"].decode(),
        match["aud"].decode(),
        match["mac"].decode(),
    )
    if decode64(found.nonce) is None or decode64(found.mac) is None:
        raise NotAuthorised("the Authorization header has non-canonical base64")
    return found


def check_request(key: Key, call: Call, credentials: Credentials, *, aud: str, digest: bytes) -> bool:
    """Whether the MAC is valid for this request at the server `aud`. Takes constant time."""
    expected = _request_mac(key, call, aud, credentials.ts, credentials.nonce, digest)
    same = hmac.compare_digest(encode64(expected), credentials.mac)
    return hmac.compare_digest(aud, credentials.aud) and same


def sign_response(key: Key, request_mac: str, *, status: int, ts: int, content_type: str, digest: bytes) -> bytes:
    """The MAC (32 bytes) of the response to the request that had `request_mac`."""
    lines = (SCHEME, "response", request_mac, str(status), str(ts), content_type, digest.hex())
    return _mac(key.response, lines)


def signature_header(key: Key, ts: int, mac: bytes) -> str:
    return f"kid={key.kid},ts={ts},mac={encode64(mac)}"


def parse_signature(value: bytes) -> Signature:
    """Parse a `ZG-Signature` header."""
    match = _SIGNATURE.fullmatch(value)
    if not match or decode64(match["mac"].decode()) is None:
        raise NotAuthorised("the response's ZG-Signature header is malformed")
    return Signature(match["kid"].decode(), int(match["ts"]), match["mac"].decode())


def check_response(
    key: Key, request_mac: str, signature: Signature, *, status: int, content_type: str, digest: bytes
) -> bool:
    """Whether a response's MAC is valid for its request, status, content type and body."""
    expected = sign_response(
        key, request_mac, status=status, ts=signature.ts, content_type=content_type, digest=digest
    )
    return hmac.compare_digest(encode64(expected), signature.mac) and signature.kid == key.kid


def _request_mac(key: Key, call: Call, aud: str, ts: int, nonce: str, digest: bytes) -> bytes:
    lines = (
        SCHEME,
        "request",
        call.method,
        call.path,
        aud,
        key.kid,
        str(ts),
        nonce,
        call.content_type,
        digest.hex(),
    )
    return _mac(key.request, lines)


def _mac(secret: bytes, lines: Sequence[str]) -> bytes:
    return hmac.digest(secret, "".join(line + "\n" for line in lines).encode(), hashlib.sha256)
