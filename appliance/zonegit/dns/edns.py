"""The OPT of a response: which of a query's EDNS options are answered, and how (RFC 6891 §6.1.2).

NSID (RFC 5001) and the idle time of TCP connections (RFC 7828) for those who ask, cookies (RFC 7873), the reason of
an error (RFC 8914), and padding on TLS (RFC 7830, in blocks as RFC 8467 §4.1 has them). All others are passed over,
client subnets too: no answer depends on one. A response to an unknown EDNS version has no options.
"""

from enum import IntEnum
from struct import Struct
from typing import Final

from zonegit.dns.cookies import COOKIE
from zonegit.dns.message import MAX_MESSAGE, Query, Rcode, Transport, opt_record
from zonegit.dns.options import Options

NSID: Final = 3
KEEPALIVE: Final = 11
PADDING: Final = 12
ERROR: Final = 15
BLOCK: Final = 468
"""Padded responses are multiples of it, in bytes."""

_HEAD: Final = Struct(">HH")
_LENGTH: Final = slice(9, 11)
"""Where an OPT record has the size of its options."""


class Reason(IntEnum):
    """Extended DNS errors (RFC 8914 §4): the ones that this server sends."""

    NOT_READY = 14
    PROHIBITED = 18
    NOT_AUTHORITATIVE = 20
    NOT_SUPPORTED = 21
    INVALID_DATA = 24


class Edns:
    """The OPT records of one thread's responses."""

    def __init__(self, options: Options) -> None:
        self._udp_size = options.udp_size
        self._cookies = options.cookies
        self._nsid = None if options.nsid is None else _option(NSID, options.nsid)
        tenths = min(int(options.keepalive * 10), 0xFFFF)
        self._keepalive = _option(KEEPALIVE, tenths.to_bytes(2, "big"))
        self._bare = (b"", *(opt_record(options.udp_size, 0, do=do) for do in (False, True)))
        """The OPT of answers to queries without options: by how many of EDNS and DO there are."""

    def opt(self, query: Query, transport: Transport, client: bytes) -> bytes | None:
        """The OPT of an answer. None for options that are malformed: FORMERR."""
        if not query.options:
            return self._bare[query.edns + query.do]
        options = self._options(query, transport, client)
        return None if options is None else opt_record(self._udp_size, 0, do=query.do, options=options)

    def error(
        self, query: Query, rcode: Rcode, transport: Transport, client: bytes, reason: Reason | None
    ) -> bytes:
        """The OPT of a response without an answer; empty when the query had none."""
        if not query.edns:
            return b""
        options = b""
        if query.options and rcode is not Rcode.BADVERS:
            options = self._options(query, transport, client) or b""
        if reason is not None:
            options += _option(ERROR, reason.to_bytes(2, "big"))
        return opt_record(self._udp_size, rcode, do=query.do, options=options)

    def gives_cookie(self, query: Query, client: bytes) -> bool:
        """Whether a query without a question is one for a cookie alone (RFC 7873 §5.4)."""
        cookies = self._cookies
        if cookies is None or query.version:
            return False
        return COOKIE in query.options and cookies.answer(query.options[COOKIE], client) is not None

    def _options(self, query: Query, transport: Transport, client: bytes) -> bytes | None:
        """The options that answer a query's, in its order. None when its cookie can't be read."""
        given = []
        for code, data in query.options.items():
            if code == COOKIE and self._cookies is not None:
                cookie = self._cookies.answer(data, client)
                if cookie is None:
                    return None
                given.append(cookie)
            elif code == NSID and self._nsid is not None:
                given.append(self._nsid)
            elif code == KEEPALIVE and transport is not Transport.UDP:
                given.append(self._keepalive)
        return b"".join(given)


def padded(opt: bytes, query: Query, before: int) -> bytes:
    """The OPT with as much padding as fills the response to whole blocks, if the query was padded.

    `before` is the size of the response in front of its OPT; behind it a signature may come.
    """
    if not opt or PADDING not in query.options:
        return opt
    size = before + len(opt) + _HEAD.size + query.reserve
    if size > MAX_MESSAGE:
        return opt
    padding = _option(PADDING, bytes(min(-size % BLOCK, MAX_MESSAGE - size)))
    length = int.from_bytes(opt[_LENGTH], "big") + len(padding)
    return b"".join((opt[: _LENGTH.start], length.to_bytes(2, "big"), opt[_LENGTH.stop :], padding))


def _option(code: int, data: bytes) -> bytes:
    return _HEAD.pack(code, len(data)) + data
