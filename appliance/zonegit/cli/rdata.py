"""RDATA as typed on a command line: which arguments are one record, and which are fields of one.

Each argument is one record if it reads as one by itself. Several arguments without white space, of which the first
doesn't, are joined: together they must read as exactly one record (`MX 1h 10 mail`).
"""

from collections.abc import Sequence

from zonegit.errors import InvalidRecord
from zonegit.model.names import WireName
from zonegit.zonefile.text import parse_rdata


def read_rdatas(rtype: int, arguments: Sequence[str], origin: WireName) -> list[bytes]:
    """The RDATA of each record; names are relative to `origin`. `InvalidRecord` says what couldn't be read."""
    try:
        first = parse_rdata(rtype, arguments[:1], origin)
    except InvalidRecord:
        if len(arguments) == 1 or any(" " in argument for argument in arguments):
            raise
        return [parse_rdata(rtype, arguments, origin)]
    return [first, *(parse_rdata(rtype, [argument], origin) for argument in arguments[1:])]
