"""Verifies the signature of an UPDATE, and signs the response to it (RFC 8945 §5.2 and §5.3)."""

from typing import Final, NamedTuple

from zonegit.dns.access import tsig
from zonegit.dns.update.message import response
from zonegit.dns.wire.message import HEADER, MIN_UDP, Rcode

_CODES: Final = {tsig.BADSIG: "BADSIG", tsig.BADKEY: "BADKEY", tsig.BADTIME: "BADTIME", tsig.BADTRUNC: "BADTRUNC"}


class SignedUpdate(NamedTuple):
    """An UPDATE whose signature was verified."""

    bare: bytes
    """The message without its signature."""
    key: tsig.TsigKey
    mac: bytes
    """The signature's, which that of the response covers."""

    def response(self, rcode: int, now: int) -> bytes:
        """The signed response. `now` is Unix seconds.

        It has no zone section if a client without EDNS couldn't receive it over UDP then.
        """
        answer = response(self.bare, rcode)
        if len(answer) + self.key.room > MIN_UDP:
            answer = answer[:4] + HEADER.pack(0, 0, 0, 0, 0, 0)[4:]
        return tsig.Signature(self.key, self.mac).sign(answer, now)


class Unverified(NamedTuple):
    """An UPDATE that nobody known has signed, as it seems."""

    response: bytes
    result: str
    """FORMERR, REFUSED if there is no signature, or the name of the TSIG error."""
    key: tsig.TsigKey | None
    """The key that it names, if that is known."""
    why: str

    @property
    def is_unknown(self) -> bool:
        """Whether the key isn't known here, so that somebody else may be able to verify it."""
        return self.result == _CODES[tsig.BADKEY] and self.key is None


def verify(packet: bytes, keys: tsig.Keys, now: int) -> SignedUpdate | Unverified:
    """Verify an UPDATE with a whole header. `now` is Unix seconds."""
    try:
        record = tsig.find(packet)
        if record is None:
            return _unsigned(packet, Rcode.REFUSED, "without a signature")
        code = tsig.check(packet, record, keys, now)
    except tsig.Malformed as error:
        return _unsigned(packet, Rcode.FORMERR, str(error))
    if not code:
        return SignedUpdate(tsig.stripped(packet, record), keys[record.name], record.mac)
    answer = tsig.refusal(response(packet, Rcode.NOTAUTH), record, code, keys, now)
    return Unverified(answer, _CODES[code], keys.get(record.name), tsig.reason(code, record, keys))


def _unsigned(packet: bytes, rcode: Rcode, why: str) -> Unverified:
    return Unverified(response(packet, rcode), rcode.name, None, why)
