"""RDATA on the command line: decides whether the arguments are several records or the fields of one.

If every argument can be read as a record, each is one. Otherwise they are the fields of a single record, whose
quotes the shell removed (`MX 1h 10 mail`, `CAA 60 0 issue "ca.example; x=y"`). If both readings are possible, the
command is refused.
"""

from collections.abc import Sequence
from typing import Final

from zonegit.errors import InvalidRecord
from zonegit.model.names import WireName
from zonegit.zonefile.rdata_reading import COMMON
from zonegit.zonefile.text import STRING_TYPES, parse_rdata
from zonegit.zonefile.types import type_text

_APART: Final = STRING_TYPES | COMMON.keys()
"""Types for which an argument that is a complete record is never meant as a field of another."""


def read_rdatas(rtype: int, arguments: Sequence[str], origin: WireName) -> list[bytes]:
    """The RDATA of each record; names are relative to `origin`. `InvalidRecord` says what couldn't be read."""
    apart = [_read(rtype, [argument], origin) for argument in arguments]
    records = [record for record in apart if isinstance(record, bytes)]
    wrong = next((record for record in apart if isinstance(record, InvalidRecord)), None)
    if wrong is None and (len(arguments) == 1 or rtype in _APART):
        return records
    begins = isinstance(apart[0], bytes)
    if wrong is not None and begins and (rtype in _APART or not any(" " in argument for argument in arguments)):
        raise wrong
    together = _read(rtype, arguments, origin)
    if isinstance(together, InvalidRecord):
        if wrong is None:
            return records
        raise wrong if begins or " " in arguments[0] else together
    if wrong is None:
        raise InvalidRecord(
            f"ambiguous: {len(arguments)} {type_text(rtype)} records, or the fields of one? Quote the fields of one"
            " record together, as a single argument; add several records one by one"
        )
    return [together]


def _read(rtype: int, words: Sequence[str], origin: WireName) -> bytes | InvalidRecord:
    try:
        return parse_rdata(rtype, words, origin)
    except InvalidRecord as error:
        return error
