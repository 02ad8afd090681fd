"""A response before it is encoded: the question, and the RRsets chosen for each section.

If answer, authority and glue don't all fit, the response is truncated (RFC 2181 §9, RFC 9471 §2.1). Of the other
additional data, as much is sent as fits.
"""

from typing import Final, NamedTuple

from zonegit.dns.wire.message import Rcode, Sender
from zonegit.dns.wire.rrsets import Node, Part, signatures
from zonegit.model.names import WireName
from zonegit.model.rdata import RRSIG

_NOERROR: Final = Rcode.NOERROR
"""Looked up once: Python 3.11 finds a member of an enum through a property."""


class State(NamedTuple):
    """The state of a draft at one moment, for `back_to`."""

    sizes: tuple[int, ...]
    """The numbers of RRsets in its sections."""
    rcode: Rcode
    aa: bool
    name_exists: bool
    delegation: WireName | None


class Draft:
    """The response to one query, while it is made."""

    __slots__ = (
        "aa", "additional", "answer", "authority",
        "delegation", "do", "full_any", "glue", "incomplete", "name", "name_exists",
        "qtype", "rcode", "sender", "spans_zones",
    )  # fmt: skip

    def __init__(self, name: WireName, qtype: int, *, do: bool, sender: Sender, full_any: bool = False) -> None:
        self.name = name
        self.qtype = qtype
        self.do = do
        self.sender = sender
        self.full_any = full_any
        """Whether ANY gets every RRset: for a client that may transfer the zone."""
        self.rcode = _NOERROR
        self.aa = True
        self.name_exists = False
        """Whether the name itself exists in the zone. The number of such answers is limited, so they are cached at
        once."""
        self.answer: list[Part] = []
        self.authority: list[Part] = []
        self.glue: list[Part] = []
        self.additional: list[Part] = []
        self.delegation: WireName | None = None
        """The zone cut, if the whole response is a referral, which is the same for names of one length below it."""
        self.spans_zones = False
        """Whether it contains data of another zone, or depends on one."""
        self.incomplete = False
        """Whether data of another zone is left out because it can't be read."""

    def put(self, section: list[Part], owner: bytes, rtype: int, node: Node) -> None:
        """Add an RRset of the node, and with DO its signatures (RFC 4035 §3.1.1)."""
        records, rrs = node[rtype]
        section.append((owner, rtype, records, rrs))
        if self.do:
            signed = signatures(node, rtype)
            if signed:
                section.append((owner, RRSIG, *signed))

    def state(self) -> "State":
        """The current state, for `back_to`."""
        sizes = tuple(map(len, (self.answer, self.authority, self.glue, self.additional)))
        return State(sizes, self.rcode, self.aa, self.name_exists, self.delegation)

    def back_to(self, state: "State") -> None:
        """Drop everything that was added since."""
        sections = self.answer, self.authority, self.glue, self.additional
        for section, size in zip(sections, state.sizes, strict=True):
            del section[size:]
        self.rcode, self.aa, self.name_exists, self.delegation = state[1:]

    def put_once(self, section: list[Part], owner: bytes, rtype: int, node: Node) -> None:
        """The same, unless the section already has it."""
        if not any(part[0] == owner and part[1] == rtype for part in section):
            self.put(section, owner, rtype, node)
