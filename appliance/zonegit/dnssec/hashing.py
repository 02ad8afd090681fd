"""The hash of an owner name (RFC 5155 §5)."""

from hashlib import sha1


def hashed(name: bytes, iterations: int, salt: bytes) -> bytes:
    """The hash of a lowercase wire name, 20 bytes."""
    digest = sha1(name + salt, usedforsecurity=False).digest()
    for _ in range(iterations):
        digest = sha1(digest + salt, usedforsecurity=False).digest()
    return digest
