"""Reads the names of one message that may hold many compression pointers."""

from typing import Final

from zonegit.errors import InvalidData
from zonegit.model.names import MAX_LABEL, MAX_NAME, WireName

_POINTER: Final = 0xC0


class Names:
    """What stands at the offsets that pointers have led to, so that no chain of pointers is followed twice.

    Reading all names of a message then takes no more steps than it has bytes, whoever made it.
    """

    def __init__(self) -> None:
        self._known: dict[int, bytes] = {}

    def read(self, message: bytes, at: int) -> tuple[WireName, int]:
        """The name at `at`, with its pointers followed, and where it ends there.

        As `message.read_name`: each pointer must lead further back than the one before (RFC 1035 §4.1.4).
        `InvalidData`, or `IndexError` where the message ends early.
        """
        name = bytearray()
        met: list[tuple[int, int]] = []  # where pointers have led to, and how much of the name is before that
        start = at
        end = 0
        while label := message[at]:
            if label >= _POINTER:
                end = end or at + 2
                at = (label & 0x3F) << 8 | message[at + 1]
                if at >= start:
                    raise InvalidData("a compression pointer doesn't point back")
                start = at
                known = self._known.get(at)
                if known is not None:
                    name += known
                    break
                met.append((at, len(name)))
            elif label > MAX_LABEL or len(name) + 1 + label >= MAX_NAME:
                raise InvalidData("a name has an unknown label type or is too long")
            else:
                name += message[at : at + 1 + label]
                at += 1 + label
        else:
            name.append(0)
        if len(name) > MAX_NAME:
            raise InvalidData("a name has an unknown label type or is too long")
        whole = bytes(name)
        for place, ahead in met:
            self._known[place] = whole[ahead:]
        return WireName(whole), end or at + 1
