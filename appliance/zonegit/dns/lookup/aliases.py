"""One link of an alias chain: CNAME (RFC 1034 §3.6.2), and DNAME with its synthesized CNAME (RFC 6672 §3).

An answer holds at most `MAX_LINKS` aliases. The target of the last one is looked up like any name. If that is one
more alias, the answer ends before it, and the client continues from there.
"""

from typing import Final

from zonegit.dns.wire.message import Rcode
from zonegit.dns.wire.response import Draft
from zonegit.dns.wire.rrsets import Node, rdata_of, ttl_of
from zonegit.model.names import MAX_NAME, WireName
from zonegit.model.rdata import CLASS_IN, CNAME, DNAME
from zonegit.model.rrset import APEX_POINTER, FIXED

MAX_LINKS: Final = 16


def follow_cname(name: WireName, node: Node, draft: Draft) -> WireName | None:
    """Add the CNAME at a name and return its target. Adds nothing, and returns None, after `MAX_LINKS` aliases."""
    if _has_all_links(draft):
        return None
    draft.put(draft.answer, name, CNAME, node)
    return WireName(rdata_of(node[CNAME][1]))


def follow_dname(name: WireName, start: int, node: Node, draft: Draft) -> WireName | None:
    """Add the DNAME at `name[start:]` and the CNAME that is synthesized for `name`, and return its target.

    The CNAME has the DNAME's TTL (RFC 6672 §3.1) and no signature (§5.3.1). None if that CNAME is what was asked
    for, if the target would be too long (YXDOMAIN, §2.2), or after `MAX_LINKS` aliases.
    """
    if _has_all_links(draft):
        return None
    draft.put_once(draft.answer, name[start:], DNAME, node)
    rrs = node[DNAME][1]
    target = name[:start] + rdata_of(rrs)  # the DNAME's owner is replaced by its target
    if len(target) > MAX_NAME:
        draft.rcode = Rcode.YXDOMAIN
        return None
    cname = APEX_POINTER + FIXED.pack(CNAME, CLASS_IN, ttl_of(rrs), len(target)) + target
    draft.answer.append((name, CNAME, 1, cname))
    return None if draft.qtype == CNAME else WireName(target)


def _has_all_links(draft: Draft) -> bool:
    return len(draft.answer) >= MAX_LINKS and sum(part[1] == CNAME for part in draft.answer) >= MAX_LINKS
