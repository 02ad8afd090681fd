"""Queries as most resolvers send them: with a cookie (RFC 7873) and letters in random case.

Normalized, which means in lowercase and without the cookie, such a query is the packet that everybody sends. The
packet cache or the fast path answers that one, and the response gets back its question's case and a cookie of its
own. Only an OPT whose one option is a cookie is taken.
"""

from struct import Struct
from typing import Final

from zonegit.dns.access.cookies import COOKIE, Cookies
from zonegit.dns.fastpath.answer import FastPath
from zonegit.dns.fastpath.packet_cache import Entry, PacketCache

_FLAGS: Final = 10
"""Bytes before a question, without the id."""
_OPT_FIXED: Final = 9
"""Bytes of an OPT before the size of its options."""
_SHOWN: Final = 15
"""Where the data of an OPT's first option starts in it."""
_MARK: Final = b"\0\0\x29"
_COOKIE: Final = Struct(">HHH")
"""The size of all options, then code and size of the first."""


class Normalizer:
    """Answers such queries from one thread's packet cache and fast path."""

    def __init__(self, fast_path: FastPath, packets: PacketCache, cookies: Cookies | None) -> None:
        self._answer = fast_path.answer
        self._shape = fast_path.shape
        self._packets = packets
        self._cookies = cookies

    def __call__(self, body: bytes, client: bytes) -> Entry | None:
        """The response to a packet, both without the id, and the slot to count; None: for the slow path."""
        # 1. Read the cookie behind the question; the server's own cookie for this client goes into the response.
        cookies = self._cookies
        end = body.find(0, _FLAGS) + 5
        opt = body[end:]
        size = len(opt) - 11
        if cookies is None or size <= 4 or opt[:3] != _MARK or opt[9:15] != _COOKIE.pack(size, COOKIE, size - 4):
            return None
        cookie = cookies.answer(opt[_SHOWN:], client)
        if cookie is None:
            return None
        # 2. Make the packet that everybody sends, and have that answered.
        head = body[:_FLAGS]
        question = body[_FLAGS:end]
        bare = opt[:_OPT_FIXED] + b"\0\0"
        packet = b"".join((head, question[:-4].lower(), question[-4:], bare))
        found = self._packets.entries.get(packet) or self._answer(packet)
        shape = self._shape(head, bare)
        if found is None or shape is None:
            return None
        # 3. Put back the question as it came, and the cookie into the OPT at the end.
        tail, slot = found
        if len(tail) + len(cookie) > shape.room:
            return None
        return b"".join((tail[:_FLAGS], question, tail[end:-2], len(cookie).to_bytes(2, "big"), cookie)), slot
