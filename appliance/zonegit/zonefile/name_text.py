"""Wire names to text, quickly: one table look-up a name decides whether any character needs an escape."""

from functools import lru_cache
from typing import Final

from zonegit.model.names import MAX_LABEL, WireName, to_text
from zonegit.model.rdata import name_spans

_PLAIN: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_*/"


@lru_cache(maxsize=1 << 15)
def name_text(wire: bytes, origin: WireName | None) -> str:
    """One complete name; relative to `origin` (`@` for itself) when it stands there, absolute otherwise.

    ValueError when `wire` isn't exactly one name.
    """
    parts: list[bytes] = []
    at = 0
    while True:
        size = wire[at] if at < len(wire) else 64
        if size > MAX_LABEL:
            raise ValueError("not one name")
        if not size:
            break
        if origin is not None and len(wire) - at == len(origin) and wire[at:] == origin:
            return labels_text(parts) if parts else "@"
        parts.append(wire[at + 1 : at + 1 + size])
        at += 1 + size
    if at + 1 != len(wire):
        raise ValueError("not one name")
    if origin == b"\0":
        return labels_text(parts) if parts else "@"
    return labels_text(parts) + "."


FOREIGN_NAME: Final = "a name holds bytes beyond ASCII; write an international one in its xn-- form"


def has_foreign_name(rtype: int, rdata: bytes) -> bool:
    """Whether a name in RDATA holds bytes beyond ASCII."""
    return not rdata.isascii() and any(not rdata[start:end].isascii() for start, end in name_spans(rtype, rdata))


def ascii_name(text: str) -> str:
    """A name as it is written, with bytes beyond ASCII as `\\DDD`."""
    if text.isascii():
        return text
    data = text.encode("utf-8", "surrogateescape")
    return "".join(chr(byte) if byte < 0x80 else f"\\{byte:03d}" for byte in data)


def labels_text(parts: list[bytes]) -> str:
    """Labels joined by dots, without a final one."""
    text = b".".join(parts)
    if len(text.translate(None, _PLAIN)) == len(parts) - 1:
        return text.decode()
    return to_text(b"".join(bytes((len(part),)) + part for part in parts))[:-1]
