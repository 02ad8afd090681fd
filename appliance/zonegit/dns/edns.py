"""The OPT of a response: which of a query's EDNS options are answered, and how (RFC 6891 §6.1.2).

Answered are NSID (RFC 5001) and the TCP keepalive (RFC 7828) on request, cookies (RFC 7873), extended errors
(RFC 8914), padding over TLS (RFC 7830, in the blocks of RFC 8467 §4.1), and the client subnets (RFC 7871) of
requestors that are trusted to tell them. All other options are ignored. A response to an unknown EDNS version has
no options.
"""

from enum import IntEnum
from struct import Struct
from typing import Final

from zonegit.dns.access.client_subnet import CLIENT_SUBNET
from zonegit.dns.access.cookies import COOKIE
from zonegit.dns.access.requestor import Requestor
from zonegit.dns.options import Options
from zonegit.dns.wire.message import MAX_MESSAGE, Query, Rcode, Transport, opt_record

NSID: Final = 3
KEEPALIVE: Final = 11
PADDING: Final = 12
ERROR: Final = 15
BLOCK: Final = 468
"""The size of a padded response is a multiple of it, in bytes."""

_HEAD: Final = Struct(">HH")
_LENGTH: Final = slice(9, 11)
"""Where an OPT record holds the length of its options."""


class Reason(IntEnum):
    """The extended DNS errors that this server sends (RFC 8914 §4)."""

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
        """The OPT of answers to queries without options: index 0 without EDNS, 1 with it, 2 with EDNS and DO."""

    def opt(self, query: Query, requestor: Requestor) -> bytes | None:
        """The OPT of an answer, b"" for a query without EDNS; None if an option is malformed: FORMERR."""
        if not query.options:
            return self._bare[query.edns + query.do]
        options = self._options(query, requestor)
        return None if options is None else opt_record(self._udp_size, 0, do=query.do, options=options)

    def error(self, query: Query, requestor: Requestor, rcode: Rcode, reason: Reason | None) -> bytes:
        """The OPT of a response without an answer; b"" for a query without EDNS."""
        if not query.edns:
            return b""
        options = b""
        if query.options and rcode is not Rcode.BADVERS:
            options = self._options(query, requestor) or b""
        if reason is not None:
            options += _option(ERROR, reason.to_bytes(2, "big"))
        return opt_record(self._udp_size, rcode, do=query.do, options=options)

    def gives_cookie(self, query: Query, client: bytes) -> bool:
        """Whether a query without a question asks for a cookie alone (RFC 7873 §5.4)."""
        cookies = self._cookies
        if cookies is None or query.version:
            return False
        return COOKIE in query.options and cookies.answer(query.options[COOKIE], client) is not None

    def _options(self, query: Query, requestor: Requestor) -> bytes | None:
        """The options of the response, in the order of the query's. None if the cookie is malformed."""
        given = []
        for code, data in query.options.items():
            if code == COOKIE and self._cookies is not None:
                cookie = self._cookies.answer(data, requestor.client)
                if cookie is None:
                    return None
                given.append(cookie)
            elif code == NSID and self._nsid is not None:
                given.append(self._nsid)
            elif code == CLIENT_SUBNET and requestor.subnet is not None:
                given.append(requestor.subnet.answer(requestor.scope))
            elif code == KEEPALIVE and requestor.transport is not Transport.UDP:
                given.append(self._keepalive)
        return b"".join(given)


def padded(opt: bytes, query: Query, requestor: Requestor, before: int) -> bytes:
    """The OPT, with padding that fills the response to whole blocks if the query came over TLS and was padded.

    `before` is the size of the response up to its OPT; a signature may follow the OPT.
    """
    if requestor.transport is not Transport.TLS or not opt or PADDING not in query.options:
        return opt
    size = before + len(opt) + _HEAD.size + requestor.reserve
    if size > MAX_MESSAGE:
        return opt
    padding = _option(PADDING, bytes(min(-size % BLOCK, MAX_MESSAGE - size)))
    length = int.from_bytes(opt[_LENGTH], "big") + len(padding)
    return b"".join((opt[: _LENGTH.start], length.to_bytes(2, "big"), opt[_LENGTH.stop :], padding))


def _option(code: int, data: bytes) -> bytes:
    return _HEAD.pack(code, len(data)) + data
