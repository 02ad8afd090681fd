"""TLS 1.3 records of any kind (RFC 8446 §5), which no library's client would send.

The handshake is OpenSSL's; what follows is protected here, with the secret that it logs for the client's side.
"""

import ssl
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, DATA = 20, 21, 22, 23
KEY_UPDATE = b"\x18\0\0\1\0"
KEY_UPDATE_ASKED = b"\x18\0\0\1\1"
"""One that asks for one in return (§4.6.3)."""
_TAG = 16


def plain(kind: int, content: bytes) -> bytes:
    """A record of a handshake's beginning."""
    return bytes((kind, 3, 3)) + len(content).to_bytes(2, "big") + content


class Client:
    """A client's side of one connection; bytes go in and out."""

    def __init__(self, context: ssl.SSLContext, secrets: Path) -> None:
        """`secrets`: a file that isn't there yet."""
        context.keylog_filename = str(secrets)
        self._secrets = secrets
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname="127.0.0.1")

    def shake(self, answered: bytes = b"") -> bytes:
        """Go on with the handshake by what the server sent: what to send it."""
        self._incoming.write(answered)
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            return self._outgoing.read()
        name, _, _ = self.tls.cipher() or ("", "", 0)
        assert name == "TLS_AES_256_GCM_SHA384"
        logged = [line.split() for line in self._secrets.read_text().splitlines()]
        self._use(bytes.fromhex(next(each[2] for each in logged if each[0] == "CLIENT_TRAFFIC_SECRET_0")))
        return self._outgoing.read()

    def read(self, answered: bytes) -> bytes:
        """What the server's records say."""
        self._incoming.write(answered)
        found = b""
        try:
            while part := self.tls.read(1 << 14):
                found += part
        except ssl.SSLWantReadError:
            pass
        return found

    def record(self, kind: int, content: bytes) -> bytes:
        """A protected record; behind one that tells of a new key, those with that key."""
        head = bytes((DATA, 3, 3)) + (len(content) + 1 + _TAG).to_bytes(2, "big")
        nonce = (self._iv ^ self._sent).to_bytes(12, "big")
        self._sent += 1
        made = head + self._key.encrypt(nonce, content + bytes((kind,)), head)
        if kind == HANDSHAKE and content in (KEY_UPDATE, KEY_UPDATE_ASKED):
            self._use(_expand(self._secret, b"traffic upd", 48))
        return made

    def _use(self, secret: bytes) -> None:
        self._secret, self._sent = secret, 0
        self._key = AESGCM(_expand(secret, b"key", 32))
        self._iv = int.from_bytes(_expand(secret, b"iv", 12), "big")


def _expand(secret: bytes, label: bytes, length: int) -> bytes:
    """HKDF-Expand-Label without a context (§7.1)."""
    full = b"tls13 " + label
    return HKDFExpand(SHA384(), length, length.to_bytes(2, "big") + bytes((len(full),)) + full + b"\0").derive(
        secret
    )
