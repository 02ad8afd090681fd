"""Queries about the server itself, in class CHAOS: version and identity (RFC 4892). Refused unless configured."""

from struct import Struct
from typing import Final

from zonegit.dns.options import Options
from zonegit.dns.wire.message import Query
from zonegit.model.rdata import ANY, TXT

CLASS_CHAOS: Final = 3

_RECORD: Final = Struct(">HHHIHB")
_QUESTION_POINTER: Final = 0xC00C


def about_server(query: Query, options: Options) -> bytes | None:
    """The record that answers a query, its owner a pointer to the question; None to refuse it."""
    if query.qclass != CLASS_CHAOS or query.qtype not in (TXT, ANY):
        return None
    text = None
    if query.name in (b"\7version\4bind\0", b"\7version\6server\0"):
        text = options.version
    elif query.name in (b"\2id\6server\0", b"\10hostname\4bind\0"):
        text = options.identity
    if text is None:
        return None
    return _RECORD.pack(_QUESTION_POINTER, TXT, CLASS_CHAOS, 0, len(text) + 1, len(text)) + text
