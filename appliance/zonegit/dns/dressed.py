"""Queries as most resolvers send them, with a cookie (RFC 7873) and letters in random case, answered straight.

Undressed they are the packets that everybody sends: the cache of finished packets or the straight way has their
answer, and it gets its case and a cookie of its own. Taken for an OPT whose one option is a cookie.
"""

from struct import Struct
from typing import Final

from zonegit.dns.cache import Entry, PacketCache
from zonegit.dns.cookies import COOKIE, Cookies
from zonegit.dns.straight import Straight

_FLAGS: Final = 10
"""Bytes in front of a question, the id left out."""
_OPT_FIXED: Final = 9
"""Bytes of an OPT in front of the size of its options."""
_SHOWN: Final = 15
"""Where the data of a first option stand behind an OPT's start."""
_MARK: Final = b"\0\0\x29"
_COOKIE: Final = Struct(">HHH")
"""The size of all options; code and size of the first."""


class Dressed:
    """Answers to such queries from one thread's cache and straight way."""

    def __init__(self, straight: Straight, packets: PacketCache, cookies: Cookies | None) -> None:
        self._answer = straight.answer
        self._form = straight.form
        self._packets = packets
        self._cookies = cookies

    def __call__(self, body: bytes, client: bytes) -> Entry | None:
        """The response to a UDP packet, both behind the id, and the slot to count. None: it is for the walk."""
        cookies = self._cookies
        end = body.find(0, _FLAGS) + 5
        opt = body[end:]
        size = len(opt) - 11
        if cookies is None or size <= 4 or opt[:3] != _MARK or opt[9:15] != _COOKIE.pack(size, COOKIE, size - 4):
            return None
        cookie = cookies.answer(opt[_SHOWN:], client)
        if cookie is None:
            return None
        head = body[:_FLAGS]
        question = body[_FLAGS:end]
        bare = opt[:_OPT_FIXED] + b"\0\0"
        packet = b"".join((head, question[:-4].lower(), question[-4:], bare))
        found = self._packets.entries.get(packet) or self._answer(packet)
        form = self._form(head, bare)
        if found is None or form is None:
            return None
        tail, slot = found
        if len(tail) + len(cookie) > form.room:
            return None
        return b"".join((tail[:_FLAGS], question, tail[end:-2], len(cookie).to_bytes(2, "big"), cookie)), slot
