"""What is around the records of each message of an answer: header, question and TSIG.

Refused: other ids, opcodes and questions than the query's, queries, truncated messages, rcodes other than NOERROR.
If the query was signed, every message of the answer must be: RFC 8945 §5.3.1 lets a server sign every hundredth
one, but what is between two signatures would be believed before it is verified, and all servers of today sign each.
"""

from datetime import UTC, datetime
from typing import Final, NamedTuple

from zonegit.dns.access import tsig
from zonegit.dns.incoming.query import ZoneQuery
from zonegit.dns.wire.message import HEADER, HEADER_SIZE, OPCODE, QR, TC
from zonegit.errors import DifferenceUnfit, TransferError, TransferForged, TransferRefused
from zonegit.model.names import lower, to_text

_RCODE: Final = 15
_NOTAUTH: Final = 9
_RCODES: Final = {
    1: "FORMERR: it can't read the query",
    2: "SERVFAIL: it can't serve the zone now, for example because its copy has expired",
    3: "NXDOMAIN: it has no such zone",
    4: "NOTIMP: it doesn't do such transfers",
    5: "REFUSED: it doesn't allow this address or key to transfer the zone",
    _NOTAUTH: "NOTAUTH: it doesn't serve the zone, or doesn't know the key",
}
_NO_INCREMENTAL: Final = (1, 4)
"""What servers answer that don't know IXFR."""


class Body(NamedTuple):
    """The records of a message."""

    message: bytes
    """Without a TSIG record."""
    start: int
    """Where the answer section begins."""
    answers: int
    others: int
    """Records in the answer section, and in the sections after it."""
    question: bool
    """Whether the zone's name is at offset 12, as the question."""
    authoritative: bool


class Envelopes:
    """Opens the messages of one answer, in their order."""

    def __init__(self, query: ZoneQuery) -> None:
        self._query = query
        self._verification = None if query.key is None else tsig.Verification(query.key, query.mac)
        self._count = 0

    def open(self, message: bytes, now: int) -> Body:
        """The next message, verified. `TransferError`, and its kinds. `now` is Unix seconds."""
        self._count += 1
        query = self._query
        if len(message) < HEADER_SIZE:
            raise TransferError(f"{self._which} has {len(message)} bytes, fewer than a header")
        ident, flags, questions, answers, authority, additional = HEADER.unpack_from(message)
        if message[:2] != query.ident:
            raise TransferError(f"{self._which} has the id {ident}, not the query's {_number(query.ident)}")
        if not flags & QR or flags & OPCODE:
            raise TransferError(f"{self._which} isn't a response to a query")
        try:
            record = tsig.find(message)
        except tsig.Malformed as error:
            raise TransferError(f"{self._which} can't be read: {error}") from None
        if record is not None and record.error:
            raise TransferRefused(self._signature_refused(record))
        rcode = flags & _RCODE
        if self._verification is not None:
            self._verify(message, record, rcode, now)
        if rcode:
            raise self._refusal(rcode)
        if flags & TC:
            raise TransferError(f"{self._which} is truncated")
        if record is not None:
            message = tsig.unsigned(message, record)
            additional -= 1
        return Body(
            message,
            self._after_question(message, questions),
            answers,
            authority + additional,
            bool(questions),
            bool(flags & 0x0400),
        )

    @property
    def _which(self) -> str:
        return f"message {self._count:,} of the answer"

    def _after_question(self, message: bytes, questions: int) -> int:
        if not questions and self._count > 1:
            return HEADER_SIZE  # RFC 5936 §2.2.1 allows that
        question = self._query.question
        end = HEADER_SIZE + len(question)
        if questions != 1 or lower(message[HEADER_SIZE : end - 4]) + message[end - 4 : end] != question:
            raise TransferError(f"{self._which} has another question than the query")
        return end

    def _verify(self, message: bytes, record: tsig.Record | None, rcode: int, now: int) -> None:
        """`TransferForged` unless this message is signed as it must be."""
        if self._verification is None:
            return
        if record is None:
            if rcode:
                raise self._refusal(rcode, "; it didn't sign that")
            raise TransferForged(f"{self._which} isn't signed, although every message must be: {self._key}")
        try:
            code = self._verification.check(message, record, now)
        except tsig.Malformed as error:
            raise TransferForged(f"{self._which} has a signature that can't be read: {error}") from None
        if code == tsig.BADTIME:
            raise TransferForged(
                f"{self._which} was signed at {_time(record.time_signed)} by its clock, and it is {_time(now)} by "
                "this one: set the clock that is wrong"
            )
        if code == tsig.BADKEY:
            raise TransferForged(f"{self._which} is signed with the key {to_text(record.name)}, not {self._key}")
        if code:
            raise TransferForged(
                f"the signature of {self._which} doesn't verify: it was changed on the way, or its secret of "
                f"{self._key} is another one than here"
            )

    @property
    def _key(self) -> str:
        key = self._query.key
        return "the key" if key is None else f"the key {to_text(key.name)} ({key.algorithm})"

    def _signature_refused(self, record: tsig.Record) -> str:
        """Why the primary didn't accept the query's signature (RFC 8945 §5.2)."""
        if record.error == tsig.BADKEY:
            return f"BADKEY: it doesn't know {self._key}"
        if record.error == tsig.BADSIG:
            return f"BADSIG: its secret of {self._key} is another one than here"
        if record.error == tsig.BADTIME:
            its = f" is {_time(int.from_bytes(record.other, 'big'))}" if len(record.other) == 6 else " differs"
            return (
                f"BADTIME: its clock{its}, and this one was {_time(record.time_signed)}: set the one that is wrong"
            )
        return f"TSIG error {record.error}: it doesn't accept {self._key}"

    def _refusal(self, rcode: int, more: str = "") -> TransferError:
        if self._query.is_incremental and rcode in _NO_INCREMENTAL:
            return DifferenceUnfit(f"{_RCODES[rcode]}{more}; the whole zone is needed")
        return TransferRefused(f"{_RCODES.get(rcode, f'rcode {rcode}')}{more}")


def _number(ident: bytes) -> int:
    return int.from_bytes(ident, "big")


def _time(seconds: int) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (ValueError, OverflowError, OSError):
        return f"{seconds} s after 1970"
