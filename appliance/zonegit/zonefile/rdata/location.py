"""LOC (RFC 1876), with integers only: angles in thousandths of an arc second, lengths in centimetres.

    d1 [m1 [s1]] N|S  d2 [m2 [s2]] E|W  altitude[m] [size[m] [horizontal precision[m] [vertical precision[m]]]]

Refused: places beyond a pole or the meridian of 180 degrees, other versions than 0.
"""

import re
from typing import Final

from zonegit.model.names import WireName
from zonegit.zonefile.rdata.cursor import Wire, Words
from zonegit.zonefile.rdata.fields import Field, number

_EQUATOR: Final = 1 << 31
_DEGREE: Final = 3_600_000
_MINUTE: Final = 60_000
_SEA_LEVEL: Final = 10_000_000
_HIGHEST: Final = (1 << 32) - 1 - _SEA_LEVEL
_LARGEST: Final = 9_000_000_000
_DEFAULTS: Final = bytes((0x12, 0x16, 0x13))
_SECONDS: Final = re.compile(r"([0-9]{1,2})(?:\.([0-9]{0,3}))?", re.ASCII)
_METRES: Final = re.compile(r"([+-]?)([0-9]{1,10})(?:\.([0-9]{0,2}))?m?", re.ASCII | re.IGNORECASE)


def _read(words: Words) -> bytes:
    latitude = _angle(words, "latitude", 90, ("N", "S"))
    longitude = _angle(words, "longitude", 180, ("E", "W"))
    altitude = _centimetres(words.word())
    if not -_SEA_LEVEL <= altitude <= _HIGHEST:
        raise ValueError("its altitude is not between -100000.00 and 42849672.95 metres")
    lengths = bytearray(_DEFAULTS)
    for at in range(3):
        if words.more():
            lengths[at] = _length(words.word())
    angles = b"".join(angle.to_bytes(4, "big") for angle in (latitude, longitude))
    return b"\0" + lengths + angles + (altitude + _SEA_LEVEL).to_bytes(4, "big")


def _angle(words: Words, what: str, most: int, letters: tuple[str, str]) -> int:
    """Degrees, minutes and seconds up to the letter of the hemisphere."""
    thousandths = 0
    for unit in (_DEGREE, _MINUTE, 1):
        text = words.word().upper()
        if unit != _DEGREE and text in letters:
            break
        thousandths += _thousandths(text) if unit == 1 else unit * number(text, 1)
        if unit == _MINUTE and number(text, 1) > 59:
            raise ValueError(f"{text} minutes; a degree has 60")
    else:
        text = words.word().upper()
    if text not in letters:
        raise ValueError(f"its {what} ends with {letters[0]} or {letters[1]}, not with {text[:40]!r}")
    if thousandths > most * _DEGREE:
        raise ValueError(f"its {what} is above {most} degrees")
    return _EQUATOR + (thousandths if text == letters[0] else -thousandths)


def _thousandths(text: str) -> int:
    found = _SECONDS.fullmatch(text)
    if found is None or int(found[1]) > 59:
        raise ValueError(f"{text[:40]!r} is not seconds from 0 to 59.999")
    return 1000 * int(found[1]) + int((found[2] or "").ljust(3, "0"))


def _centimetres(text: str) -> int:
    found = _METRES.fullmatch(text)
    if found is None:
        raise ValueError(f"{text[:40]!r} is not metres with at most two decimals")
    centimetres = 100 * int(found[2]) + int((found[3] or "").ljust(2, "0"))
    return -centimetres if found[1] == "-" else centimetres


def _length(text: str) -> int:
    """A size or precision as the wire has it: its first digit and a power of ten (RFC 1876 §2)."""
    centimetres = _centimetres(text)
    if not 0 <= centimetres <= _LARGEST:
        raise ValueError(f"{text[:40]!r} is not between 0 and 90000000.00 metres")
    digits = str(centimetres)
    return int(digits[0]) << 4 | len(digits) - 1


def _write(wire: Wire, origin: WireName | None) -> str:
    if wire.number(1):
        raise ValueError("a LOC record of a version that isn't 0")
    lengths = [_length_text(wire.number(1)) for _ in range(3)]
    latitude = _angle_text(wire.number(4), 90, ("N", "S"))
    longitude = _angle_text(wire.number(4), 180, ("E", "W"))
    altitude = _metres(wire.number(4) - _SEA_LEVEL)
    return " ".join((latitude, longitude, altitude, *lengths))


def _angle_text(value: int, most: int, letters: tuple[str, str]) -> str:
    thousandths = abs(value - _EQUATOR)
    if thousandths > most * _DEGREE:
        raise ValueError(f"an angle above {most} degrees")
    degrees, rest = divmod(thousandths, _DEGREE)
    minutes, rest = divmod(rest, _MINUTE)
    letter = letters[value < _EQUATOR]
    return f"{degrees} {minutes} {rest // 1000}.{rest % 1000:03d} {letter}"


def _metres(centimetres: int) -> str:
    whole, rest = divmod(abs(centimetres), 100)
    return f"{'-' * (centimetres < 0)}{whole}.{rest:02d}m"


def _length_text(byte: int) -> str:
    digit, power = byte >> 4, byte & 15
    if digit > 9 or power > 9 or (not digit and power):
        raise ValueError("a LOC record whose size or precision isn't a digit and a power of ten")
    return _metres(digit * 10**power)


LOCATION: Final = Field(_read, _write)
