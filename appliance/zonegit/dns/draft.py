"""A response before it has bytes: what is asked, and the RRsets chosen for each section.

Answer, authority and glue must all be sent or the response is truncated (RFC 2181 §9, RFC 9471 §2.1); the rest of
the additional section is sent as far as it fits.
"""

from typing import NamedTuple

from zonegit.dns.blocks import Node, Part, signatures
from zonegit.dns.message import Rcode
from zonegit.model.names import WireName
from zonegit.model.rdata import RRSIG


class State(NamedTuple):
    """What a draft was at some time."""

    sizes: tuple[int, ...]
    """Of its sections."""
    rcode: Rcode
    aa: bool
    exact: bool
    cut: WireName | None


class Draft:
    """What one query gets."""

    __slots__ = (
        "aa", "additional", "answer", "authority", "client",
        "cut", "do", "exact", "glue", "lacking", "mixed", "name", "qtype",
        "rcode", "whole",
    )  # fmt: skip

    def __init__(self, name: WireName, qtype: int, *, do: bool, client: bytes, whole: bool = False) -> None:
        self.name = name
        self.qtype = qtype
        self.do = do
        self.client = client
        self.whole = whole
        """ANY gets every RRset: for a client that could have the zone anyway."""
        self.rcode = Rcode.NOERROR
        self.aa = True
        self.exact = False
        """The name itself stands in the zone: such answers are bounded in number."""
        self.answer: list[Part] = []
        self.authority: list[Part] = []
        self.glue: list[Part] = []
        self.additional: list[Part] = []
        self.cut: WireName | None = None
        """The whole response is the referral at this cut: one for all names of this length below it."""
        self.mixed = False
        """Data of a further zone went into it."""
        self.lacking = False
        """Data of a further zone is left out, because it can't be read."""

    def put(self, section: list[Part], owner: bytes, rtype: int, node: Node) -> None:
        """Add an RRset that the node has, and its signatures under DO (RFC 4035 §3.1.1)."""
        records, rrs = node[rtype]
        section.append((owner, rtype, records, rrs))
        if self.do:
            signed = signatures(node, rtype)
            if signed:
                section.append((owner, RRSIG, *signed))

    def state(self) -> "State":
        """What is in it now."""
        sizes = tuple(map(len, (self.answer, self.authority, self.glue, self.additional)))
        return State(sizes, self.rcode, self.aa, self.exact, self.cut)

    def back_to(self, state: "State") -> None:
        """Drop what was added since."""
        sections = self.answer, self.authority, self.glue, self.additional
        for section, size in zip(sections, state.sizes, strict=True):
            del section[size:]
        self.rcode, self.aa, self.exact, self.cut = state[1:]

    def put_once(self, section: list[Part], owner: bytes, rtype: int, node: Node) -> None:
        """The same, unless the section has it."""
        if not any(part[0] == owner and part[1] == rtype for part in section):
            self.put(section, owner, rtype, node)
