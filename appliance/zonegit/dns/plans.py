"""What all queries of one type and form for names right below one apex have in common, worked out once.

Flags, counts, apex, type, class and OPT of a packet are looked up as one string: all but the first label. What is
found has everything ready that a response takes from there, so only the label is left to read.
"""

from typing import Final

from zonegit.dns.forms import Form
from zonegit.dns.message import Rcode
from zonegit.dns.stats import query_slot
from zonegit.dns.ways import Way
from zonegit.model.names import MAX_LABEL, MAX_NAME
from zonegit.model.rdata import AAAA, CNAME, HTTPS, MX, NAPTR, NS, PTR, SRV, SVCB, TXT, A

SIMPLE: Final = frozenset((A, AAAA, TXT, NAPTR, 44, 52, 99, 257))  # SSHFP, TLSA, SPF, CAA
"""Types whose RDATA is sent as it is and asks for nothing additional."""
LINKS: Final = frozenset((CNAME, PTR))
"""Types whose RDATA is a name, and that ask for nothing additional."""
SHARED: Final = frozenset((NS, MX, SRV, SVCB, HTTPS))
"""Types that lead to other names: many owners have the same ones."""

LIMIT: Final = 32_768
"""Plans that are kept: one for each zone, type and form."""
QUESTION: Final = 10
"""Where the question starts in a packet behind its id."""
_TYPE_CLASS: Final = 4

Kind = tuple[int, int, int]
"""A question's type, and the slots of its answers and of its denials."""
KINDS: Final[dict[bytes, Kind]] = {
    rtype.to_bytes(2, "big") + b"\0\1": (
        rtype,
        query_slot(rtype, Rcode.NOERROR),
        query_slot(rtype, Rcode.NXDOMAIN),
    )
    for rtype in SIMPLE | LINKS | SHARED
}
"""By type and class as they are sent."""


class Plan:
    """How a type is answered in a form from one version of a zone."""

    __slots__ = (
        "behind", "denials", "denies", "do", "form", "last", "leads", "name_end", "negative", "nested", "opt",
        "plain", "positive", "prefix", "proving", "question_end", "room", "wanted", "way",
    )  # fmt: skip

    def __init__(self, way: Way, form: Form, kind: Kind) -> None:
        self.way = way
        self.form = form
        self.wanted, positive, negative = kind
        self.plain = self.wanted if self.wanted in SIMPLE else -1
        """The type whose records are the whole answer, if there is one."""
        self.positive = way.place + positive
        """The slot of answers."""
        self.negative = way.place + negative
        """The slot of denials of names."""
        self.prefix = way.prefix
        self.nested = way.nested
        self.leads = form.leads
        self.opt = form.opt
        self.room = form.room
        self.do = form.do
        self.proving = form.do and way.signed
        """Whether a denial needs proofs."""
        self.denies = way.apex_wild is None and not self.proving
        """Whether nothing but the SOA is sent for a name that isn't there, right below the apex."""
        self.denials = way.absent.setdefault((form.absent, form.opt), {})
        """What stands in front of the question and behind it then, by where the name's first label ends. Those of
        all plans whose responses have the same flags and OPT: clients can make up many forms, but few of these."""
        size = len(way.apex)
        self.last = min(QUESTION + 1 + MAX_LABEL, QUESTION + MAX_NAME - size)
        """Where the first label of a name right below the apex ends at the latest."""
        opt_size = len(form.opt)  # that of the query, too
        self.behind = size + _TYPE_CLASS + opt_size
        """Bytes of a packet from the apex on."""
        self.name_end = -_TYPE_CLASS - opt_size
        self.question_end = -opt_size or None
        """Where name and question end in a packet, from its end."""

    def name(self, body: bytes) -> bytes:
        """The name that a packet asks for, lowercase."""
        return body[QUESTION : self.name_end].lower()

    def denial(self, body: bytes, at: int) -> tuple[bytes, bytes]:
        """`denials` for a packet whose first label ends here; where the zone `denies`."""
        found = self.denials.get(at)
        if found is None:
            counts, records = self.way.denial(self.name(body), self.form.edns)
            found = self.denials[at] = self.form.absent + counts, records + self.opt
        return found
