"""What an UPDATE means for a version of a zone (RFC 2136 §3.2 to §3.4). Nothing here stores anything."""

from collections.abc import Callable
from typing import Final

from zonegit.model.names import Owner, WireName, absolute, to_text
from zonegit.model.rdata import (
    BESIDE_CNAME,
    CNAME,
    DNAME,
    NS,
    NSEC,
    NSEC3,
    NSEC3PARAM,
    RRSIG,
    SOA,
    ZONEMD,
    soa_serial,
    with_serial,
)
from zonegit.repo.serials import is_ahead
from zonegit.repo.updating.values import (
    Fault,
    Form,
    Operation,
    Prerequisite,
    Update,
    UpdatePolicy,
    UpdateRcode,
    key_text,
)
from zonegit.repo.updating.working import Pile, Working
from zonegit.zonefile.types import type_text

SIGNERS: Final = frozenset((RRSIG, NSEC, NSEC3, NSEC3PARAM, ZONEMD))
"""Types that follow from a zone's other data, so that only who signs the zone adds them."""
_KEPT: Final = frozenset((SOA, NS))
"""What the apex never loses."""
_ONE: Final = frozenset((SOA, CNAME, DNAME))
"""Types of which an owner has one record: another one replaces it (RFC 2136 §3.4.2.2, RFC 6672 §5.2)."""
_BESIDE_ITSELF: Final = BESIDE_CNAME | {CNAME}
_WKS: Final = 11
_SAME_SERVICE: Final = 5
"""The address and the protocol of WKS: another record with the same ones replaces it (RFC 2136 §3.4.2.2)."""


class Rejected(Exception):
    """An UPDATE that changes nothing; its rcode says why. Never leaves `repo.updating`."""

    def __init__(self, rcode: UpdateRcode, why: str) -> None:
        super().__init__(why)
        self.rcode = rcode


def check_prerequisites(update: Update, working: Working, soa: Callable[[], bytes]) -> None:
    """`Rejected` for the first prerequisite that doesn't hold (RFC 2136 §3.2.5). `soa`: the served SOA's RDATA."""
    wanted: dict[tuple[Owner, int], set[bytes]] = {}
    for each in update.prerequisites:
        if isinstance(each, Fault):
            raise Rejected(each.rcode, each.why)
        if each.rdata is not None:
            wanted.setdefault((each.owner, each.rtype), set()).add(each.rdata)
        elif rcode := _unmet(each, working):
            raise Rejected(rcode, _unfulfilled(update.apex, each))
    for (owner, rtype), rdatas in wanted.items():
        pile = working.pile(owner, rtype)
        found = {soa()} if rtype == SOA and not owner else pile.rdatas if pile else set()
        if found != rdatas:
            each = Prerequisite(Form.RRSET_EXISTS_WITH_VALUE, owner, rtype)
            raise Rejected(UpdateRcode.NXRRSET, _unfulfilled(update.apex, each))


def _unmet(each: Prerequisite, working: Working) -> UpdateRcode | None:
    """The rcode for a prerequisite without a value; None if it holds."""
    owner, rtype = each.owner, each.rtype
    match each.form:
        case Form.NAME_IS_IN_USE:
            return None if working.has_others(owner, ()) else UpdateRcode.NXDOMAIN
        case Form.NAME_IS_NOT_IN_USE:
            return UpdateRcode.YXDOMAIN if working.has_others(owner, ()) else None
        case Form.RRSET_EXISTS:
            return None if working.has(owner, rtype) else UpdateRcode.NXRRSET
        case _:
            return UpdateRcode.YXRRSET if working.has(owner, rtype) else None


def check_permissions(update: Update, working: Working, policy: UpdatePolicy, key: WireName) -> None:
    """`Rejected` for the first operation that isn't for this key or for any zone (RFC 2136 §3.3, §3.4.1)."""
    allowed: dict[Owner, frozenset[int] | None] = {}
    passed: set[tuple[Form, Owner, int]] = set()
    for each in update.operations:
        if isinstance(each, Fault):
            raise Rejected(each.rcode, each.why)
        kind = each.form, each.owner, each.rtype
        if kind in passed:  # a message may ask for the same thousands of times
            continue
        passed.add(kind)
        if each.owner not in allowed:
            allowed[each.owner] = policy.types_at(key, each.owner)
        if each.form is Form.ADD_TO_RRSET and each.rtype in SIGNERS:
            why = f"only who signs a zone adds records of the type {type_text(each.rtype)}"
            raise Rejected(UpdateRcode.REFUSED, f"{_name(update.apex, each)}: {why}")
        if not _is_allowed(each, working, allowed[each.owner]):
            raise Rejected(UpdateRcode.REFUSED, f"no rule lets {key_text(key)} {_asked(update.apex, each)}")


def _is_allowed(each: Operation, working: Working, allowed: frozenset[int] | None) -> bool:
    """To delete all RRsets, a key has to be allowed each that is there; without any, some type at that owner."""
    if allowed is None:
        return True
    if each.form is not Form.DELETE_ALL_RRSETS:
        return each.rtype in allowed
    types = working.types(each.owner) - (_KEPT if not each.owner else frozenset())
    return types <= allowed if types else bool(allowed)


def operate(update: Update, working: Working, serial: int) -> int | None:
    """Do the operations one after the other (RFC 2136 §3.4.2.7); what the RFC ignores is left out.

    `serial` is the one that secondaries have. Returns that of an SOA that is to come; None without one.
    """
    asked: int | None = None
    for each in update.operations:
        if isinstance(each, Fault):
            raise AssertionError(each)  # check_permissions has refused it
        match each.form:
            case Form.ADD_TO_RRSET if each.rtype == SOA:
                if _take_soa(each, working, serial if asked is None else asked):
                    asked = soa_serial(each.rdata or b"")
            case Form.ADD_TO_RRSET:
                _add(each, working)
            case Form.DELETE_RR:
                _delete(each, working)
            case Form.DELETE_RRSET:
                _delete_rrsets(each.owner, {each.rtype}, working)
            case _:
                _delete_rrsets(each.owner, working.types(each.owner), working)
    return asked


def _take_soa(each: Operation, working: Working, serial: int) -> bool:
    """Put an SOA in the place of the zone's if its serial is ahead (RFC 1982)."""
    rdata = each.rdata or b""
    new = soa_serial(rdata)
    if each.owner or not is_ahead(new, serial):
        return False
    working.put(each.owner, SOA, Pile(each.ttl, {with_serial(rdata, 0)}))
    return True


def _add(each: Operation, working: Working) -> None:
    """Add a record, which gives its TTL to the RRset. Nothing comes beside a CNAME, nor a CNAME beside anything."""
    owner, rtype, ttl, rdata = each.owner, each.rtype, each.ttl, each.rdata or b""
    if rtype == CNAME and working.has_others(owner, _BESIDE_ITSELF):
        return
    if rtype != CNAME and rtype not in BESIDE_CNAME and working.has(owner, CNAME):
        return
    pile = working.pile(owner, rtype)
    if pile is None or rtype in _ONE:
        working.put(owner, rtype, Pile(ttl, {rdata}))
        return
    if rtype == _WKS:
        pile.rdatas = {old for old in pile.rdatas if old[:_SAME_SERVICE] != rdata[:_SAME_SERVICE]}
    pile.rdatas.add(rdata)
    pile.ttl = ttl


def _delete(each: Operation, working: Working) -> None:
    pile = working.pile(each.owner, each.rtype)
    is_last_server = not each.owner and each.rtype == NS and pile is not None and len(pile.rdatas) == 1
    if pile is not None and each.rtype != SOA and not is_last_server:
        pile.rdatas.discard(each.rdata or b"")


def _delete_rrsets(owner: Owner, types: set[int], working: Working) -> None:
    for rtype in types if owner else types - _KEPT:
        if working.pile(owner, rtype) is not None:
            working.put(owner, rtype, Pile(0))


def _unfulfilled(apex: WireName, each: Prerequisite) -> str:
    """A prerequisite that doesn't hold."""
    about_name = each.form in (Form.NAME_IS_IN_USE, Form.NAME_IS_NOT_IN_USE)
    what = _name(apex, each) if about_name else f"{_name(apex, each)} {type_text(each.rtype)}"
    return f'prerequisite "{each.form}" doesn\'t hold: {what}'


def _asked(apex: WireName, each: Operation) -> str:
    """What an operation does."""
    if each.form is Form.DELETE_ALL_RRSETS:
        return f"delete all records of {_name(apex, each)}"
    verb = "add" if each.form is Form.ADD_TO_RRSET else "delete"
    return f"{verb} {_name(apex, each)} {type_text(each.rtype)}"


def _name(apex: WireName, each: Prerequisite | Operation) -> str:
    return to_text(absolute(each.owner, apex))
