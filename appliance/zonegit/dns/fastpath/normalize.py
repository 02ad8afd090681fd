"""Queries as most resolvers send them: with a cookie (RFC 7873) and letters in random case.

Normalized, which means in lowercase and without the cookie, such a query is the packet that everybody sends. The
packet cache or the fast path answers that one, and the response gets back its question's case and a cookie of its
own. Only an OPT whose one option is a cookie is taken.
"""

from struct import Struct
from typing import Final, NamedTuple

from zonegit.dns.access.cookies import COOKIE, Cookies
from zonegit.dns.fastpath.answer import FastPath
from zonegit.dns.fastpath.packet_cache import Entry, PacketCache
from zonegit.dns.wire.bounded_dict import BoundedDict

_FLAGS: Final = 10
"""Bytes before a question, without the id."""
_OPT_FIXED: Final = 9
"""Bytes of an OPT before the size of its options."""
_SHOWN: Final = 15
"""Where the data of an OPT's first option starts in it."""
_MARK: Final = b"\0\0\x29"
_COOKIE: Final = Struct(">HHH")
"""The size of all options, then code and size of the first."""
_LIMIT: Final = 8192
"""The most senders that are remembered: some 3 MB."""


class Sender(NamedTuple):
    """What all queries of one client with the same flags and cookie have in common."""

    bare: bytes
    """Their OPT without the cookie, as everybody sends it."""
    cookie: bytes
    """What the response has behind its OPT's TTL: the size of the options, then the server's cookie."""
    room: int
    """The most bytes that a response may have behind its id, without that cookie."""


class Normalizer:
    """Answers such queries from one thread's packet cache and fast path."""

    def __init__(self, fast_path: FastPath, packets: PacketCache, cookies: Cookies | None) -> None:
        self._answer = fast_path.answer
        self._shape = fast_path.shape
        self._entries = packets.entries
        self._cookies = cookies
        self._epoch = -1
        self._senders: BoundedDict[tuple[bytes, bytes], Sender] = BoundedDict(_LIMIT)
        """By flags and counts with the OPT, and by address, which mustn't be taken for bytes behind an OPT."""

    def __call__(self, body: bytes, client: bytes) -> Entry | None:
        """The response to a packet, both without the id, and the slot to count; None: for the slow path."""
        cookies = self._cookies
        if cookies is None:
            return None
        epoch = cookies.epoch()
        if epoch != self._epoch:
            self._senders.clear()
            self._epoch = epoch
        # 1. What comes before and after the question tells the sender.
        end = body.find(0, _FLAGS) + 5
        head = body[:_FLAGS]
        opt = body[end:]
        key = head + opt, client
        sender = self._senders.get(key)
        if sender is None:
            sender = self._read(head, opt, client)
            if sender is None:
                return None
            self._senders[key] = sender
        # 2. Make the packet that everybody sends, and have that answered.
        bare, cookie, room = sender
        packet = head + body[_FLAGS : end - 4].lower() + body[end - 4 : end] + bare
        found = self._entries.get(packet) or self._answer(packet)
        if found is None:
            return None
        # 3. Put back the question as it came, and the cookie into the OPT at the end.
        tail, slot = found
        if len(tail) > room:
            return None
        return tail[:_FLAGS] + body[_FLAGS:end] + tail[end:-2] + cookie, slot

    def _read(self, head: bytes, opt: bytes, client: bytes) -> Sender | None:
        """The sender of a query with one option, a cookie; None for any other query."""
        size = len(opt) - 11
        if size <= 4 or opt[:3] != _MARK or opt[9:15] != _COOKIE.pack(size, COOKIE, size - 4):
            return None
        bare = opt[:_OPT_FIXED] + b"\0\0"
        shape = self._shape(head, bare)
        cookie = None if self._cookies is None else self._cookies.answer(opt[_SHOWN:], client)
        if shape is None or cookie is None:
            return None
        return Sender(bare, len(cookie).to_bytes(2, "big") + cookie, shape.room - len(cookie))
