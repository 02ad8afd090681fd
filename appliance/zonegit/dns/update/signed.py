"""Verifies the signature of an UPDATE, and signs the response to it (RFC 8945 §5.2 and §5.3)."""

from hashlib import blake2b
from typing import Final, NamedTuple

from zonegit.dns.access import tsig
from zonegit.dns.update.message import response
from zonegit.dns.wire.message import HEADER, MIN_UDP, Rcode
from zonegit.model.names import WireName

_CODES: Final = {tsig.BADSIG: "BADSIG", tsig.BADKEY: "BADKEY", tsig.BADTIME: "BADTIME", tsig.BADTRUNC: "BADTRUNC"}


class SignedUpdate(NamedTuple):
    """An UPDATE whose signature was verified."""

    bare: bytes
    """The message without its signature."""
    key: tsig.TsigKey
    mac: bytes
    """The signature's, which that of the response covers."""
    ident: bytes
    """The same in copies of a message only. It covers what is signed, not the MAC, which may be cut short."""

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
    named: WireName | None
    """The name of the key that it names, known or not. It may be made up."""
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
        if not code and abs(now - record.time_signed) > tsig.FUDGE:  # the message's own fudge may be hours
            code = tsig.BADTIME
    except tsig.Malformed as error:
        return _unsigned(packet, Rcode.FORMERR, str(error))
    if not code:
        bare = tsig.stripped(packet, record)
        when = record.time_signed.to_bytes(6, "big")
        ident = blake2b(record.name + when + record.original_id + bare[2:], digest_size=16).digest()
        return SignedUpdate(bare, keys[record.name], record.mac, ident)
    answer = tsig.refusal(response(packet, Rcode.NOTAUTH), record, code, keys, now)
    return Unverified(
        answer, _CODES[code], keys.get(record.name), record.name, tsig.reason(code, record, keys, now)
    )


def _unsigned(packet: bytes, rcode: Rcode, why: str) -> Unverified:
    return Unverified(response(packet, rcode), rcode.name, None, None, why)
