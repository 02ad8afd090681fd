"""One link of an alias chain: CNAME (RFC 1034 §3.6.2), and DNAME with its synthesised CNAME (RFC 6672 §3).

An answer holds at most `MAX_LINKS` aliases. Where the last one leads is looked at like any name; if it is one more
alias, the answer ends in front of it, and the client asks on from there.
"""

from typing import Final

from zonegit.dns.blocks import Node, rdata_of, ttl_of
from zonegit.dns.draft import Draft
from zonegit.dns.message import Rcode
from zonegit.model.names import MAX_NAME, WireName
from zonegit.model.rdata import CLASS_IN, CNAME, DNAME
from zonegit.model.rrset import APEX_POINTER, FIXED

MAX_LINKS: Final = 16


def follow_cname(name: WireName, node: Node, draft: Draft) -> WireName | None:
    """Add the CNAME at a name; where it leads. None, and nothing added, when the answer holds enough aliases."""
    if _is_long(draft):
        return None
    draft.put(draft.answer, name, CNAME, node)
    return WireName(rdata_of(node[CNAME][1]))


def follow_dname(name: WireName, start: int, node: Node, draft: Draft) -> WireName | None:
    """Add the DNAME at `name[start:]` and the CNAME that it makes for `name`; where that leads.

    None when that CNAME is what was asked for, the new name would be too long: YXDOMAIN (RFC 6672 §2.2), or the
    answer holds enough aliases.
    """
    if _is_long(draft):
        return None
    draft.put_once(draft.answer, name[start:], DNAME, node)
    rrs = node[DNAME][1]
    target = name[:start] + rdata_of(rrs)
    if len(target) > MAX_NAME:
        draft.rcode = Rcode.YXDOMAIN
        return None
    cname = APEX_POINTER + FIXED.pack(CNAME, CLASS_IN, ttl_of(rrs), len(target)) + target
    draft.answer.append((name, CNAME, 1, cname))
    return None if draft.qtype == CNAME else WireName(target)


def _is_long(draft: Draft) -> bool:
    return len(draft.answer) >= MAX_LINKS and sum(part[1] == CNAME for part in draft.answer) >= MAX_LINKS
