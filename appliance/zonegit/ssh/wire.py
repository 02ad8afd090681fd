"""The data types of SSH (RFC 4251 §5), read strictly: every value has one encoding."""

from typing import Final

from zonegit.errors import InvalidSSH

MAX_STRING: Final = 16_384
"""Largest string in bytes. No key, certificate or signature that zonegit stores is larger."""


class Reader:
    """Takes values from the front of some bytes. Every method raises `InvalidSSH` if there is no such value."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0
        """The offset of the next value."""

    def take(self, size: int) -> bytes:
        """So many bytes."""
        end = self.at + size
        if end > len(self._data):
            raise InvalidSSH("ends too early")
        found = self._data[self.at : end]
        self.at = end
        return found

    def byte(self) -> int:
        return self.take(1)[0]

    def uint32(self) -> int:
        return int.from_bytes(self.take(4), "big")

    def uint64(self) -> int:
        return int.from_bytes(self.take(8), "big")

    def string(self) -> bytes:
        size = self.uint32()
        if size > MAX_STRING:
            raise InvalidSSH(f"has a string of {size:,} bytes; at most {MAX_STRING:,}")
        return self.take(size)

    def text(self) -> str:
        """A string of printable characters."""
        try:
            found = self.string().decode()
        except UnicodeDecodeError:
            raise InvalidSSH("has text that is not UTF-8") from None
        if not found.isprintable():
            raise InvalidSSH("has text with control characters")
        return found

    def positive(self) -> int:
        """An mpint above 0, without leading zeros beyond the one that keeps it positive."""
        data = self.string()
        if not data or data[0] & 0x80 or not any(data) or (data[0] == 0 and not data[1] & 0x80):
            raise InvalidSSH("has a number that is not positive or not in its shortest form")
        return int.from_bytes(data, "big")

    def since(self, start: int) -> bytes:
        """What was taken since an offset."""
        return self._data[start : self.at]

    def end(self) -> None:
        """Nothing may follow."""
        if self.at != len(self._data):
            raise InvalidSSH(f"has {len(self._data) - self.at:,} bytes too many")


def string(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


def positive(number: int) -> bytes:
    """An mpint above 0."""
    return string(number.to_bytes(number.bit_length() // 8 + 1, "big"))
