"""Answer templates: all that queries of one type and shape for names right below one apex share, computed once.

Flags, counts, apex, type, class and OPT of a packet are looked up as one string: all but the first label. The
template found there holds all that a response takes from them, so only the label is left to read.
"""

from typing import Final

from zonegit.dns.fastpath.query_shape import QueryShape
from zonegit.dns.fastpath.zone_index import ZoneIndex
from zonegit.dns.stats import query_slot
from zonegit.dns.wire.message import Rcode
from zonegit.model.names import MAX_LABEL, MAX_NAME
from zonegit.model.rdata import AAAA, CNAME, HTTPS, MX, NAPTR, NS, PTR, SRV, SVCB, TXT, A

SIMPLE: Final = frozenset((A, AAAA, TXT, NAPTR, 44, 52, 99, 257))  # SSHFP, TLSA, SPF, CAA
"""Types whose RDATA is sent unchanged, without additional records."""
NAME_RDATA: Final = frozenset((CNAME, PTR))
"""Types whose RDATA is a name, without additional records."""
SHARED: Final = frozenset((NS, MX, SRV, SVCB, HTTPS))
"""Types with additional records. Many owners have the same RRset of them."""

LIMIT: Final = 32_768
"""The most templates that are kept; there is one for each zone, type and shape."""
QUESTION: Final = 10
"""Offset of the question in a packet without its id."""
_TYPE_CLASS: Final = 4

Kind = tuple[int, int, int]
"""A question's type, and the slots that count its answers and its denials."""
KINDS: Final[dict[bytes, Kind]] = {
    rtype.to_bytes(2, "big") + b"\0\1": (
        rtype,
        query_slot(rtype, Rcode.NOERROR),
        query_slot(rtype, Rcode.NXDOMAIN),
    )
    for rtype in SIMPLE | NAME_RDATA | SHARED
}
"""By type and class as in a packet."""


class AnswerTemplate:
    """How queries of one type and shape are answered from one version of a zone."""

    __slots__ = (
        "denials",
        "denied_by_soa",
        "do",
        "has_child_zones",
        "headers",
        "index",
        "label_limit",
        "name_end",
        "needs_proof",
        "negative",
        "opt",
        "positive",
        "prefix",
        "qtype",
        "question_end",
        "room",
        "shape",
        "simple_type",
        "tail_size",
    )  # fmt: skip

    def __init__(self, index: ZoneIndex, shape: QueryShape, kind: Kind) -> None:
        self.index = index
        self.shape = shape
        self.qtype, positive, negative = kind
        self.simple_type = self.qtype if self.qtype in SIMPLE else -1
        """`qtype` if its records are the whole answer, else -1."""
        self.positive = index.slot_base + positive
        """The slot that counts answers."""
        self.negative = index.slot_base + negative
        """The slot that counts denials of names."""
        self.prefix = index.prefix
        self.has_child_zones = index.has_child_zones
        self.headers = shape.headers
        self.opt = shape.opt
        self.room = shape.room
        self.do = shape.do
        self.needs_proof = shape.do and index.signed
        """Whether denials need proofs (RFC 4035 §3.1.3)."""
        self.denied_by_soa = index.apex_wildcard is None and not self.needs_proof
        """Whether the SOA alone denies a name right below the apex."""
        self.denials = index.absent.setdefault((shape.absent, shape.opt), {})
        """What comes before and after the question in such a denial, by where the name's first label ends. Shared
        by all templates with the same flags and OPT in responses: clients can make up many shapes, but few of
        these."""
        size = len(index.apex)
        self.label_limit = min(QUESTION + 1 + MAX_LABEL, QUESTION + MAX_NAME - size)
        """The farthest that the first label of a name right below the apex can end."""
        opt_size = len(shape.opt)  # the query's OPT has the same size
        self.tail_size = size + _TYPE_CLASS + opt_size
        """Bytes of a packet from the apex to its end."""
        self.name_end = -_TYPE_CLASS - opt_size
        self.question_end = -opt_size or None
        """Where name and question end in a packet, counted from its end."""

    def name(self, body: bytes) -> bytes:
        """The name that a packet asks for, lowercase."""
        return body[QUESTION : self.name_end].lower()

    def denial(self, body: bytes, at: int) -> tuple[bytes, bytes]:
        """The entry of `denials` for a packet whose first label ends at `at`. Only where `denied_by_soa`."""
        found = self.denials.get(at)
        if found is None:
            counts, records = self.index.denial(self.name(body), self.shape.edns)
            found = self.denials[at] = self.shape.absent + counts, records + self.opt
        return found
