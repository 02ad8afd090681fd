"""From one state of a zone's keys to the next, by what is published and what the parent says.

At each look: `next_state`, generate what it wants (`with_keys`), store the state, then publish what
`published_keys` says of the stored state. A crash anywhere repeats something, and shortens nothing. A call takes
one step at most, because the facts are about the keys of the state that it gets.
"""

from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

from zonegit.dnssec.policy import DAY, DnssecPolicy, KeyLayout
from zonegit.dnssec.private_key import tag_of
from zonegit.dnssec.rollover.counting import BLIND, MARGIN, NOTHING, Count
from zonegit.dnssec.rollover.delegation import DELETE_CDNSKEY, DELETE_CDS, Seen, ds_rdata, parent_has
from zonegit.dnssec.rollover.recovery import is_older, recovered
from zonegit.dnssec.rollover.state import HeldKey, Part, Process, State, Ttls, Wanted
from zonegit.dnssec.rollover.table import TABLES, Kind, Row, Until, Use, row_after, row_at
from zonegit.dnssec.rollover.uses import keys_with, row_of, signers
from zonegit.dnssec.rollover.values import Facts, ManagedKey, Parent, Role
from zonegit.errors import DnssecError
from zonegit.model.names import WireName

UNKNOWN_DS_TTL: Final = DAY
"""The TTL of DS records that nobody has seen."""
_REPLACED: Final[dict[Kind, Collection[Role]]] = {
    Kind.KSK: {Role.KSK},
    Kind.ZSK: {Role.ZSK},
    Kind.CSK: {Role.CSK},
    Kind.ALGORITHM: set(Role),
    Kind.LAYOUT: set(Role),
    Kind.DISABLE: set(Role),
}
"""The roles of the keys that go."""


class Transition(NamedTuple):
    """What a look leads to."""

    state: State
    wants: tuple[Wanted, ...]
    """Keys to generate and to pass to `with_keys`."""


class PublishedKeys(NamedTuple):
    """What the next version has at its apex, and who signs it. DNSKEY RDATA but for CDS."""

    dnskeys: tuple[bytes, ...]
    zone_signers: tuple[bytes, ...]
    """Empty, though there are DNSKEYs: the private keys are missing, and nothing can be published."""
    dnskey_signers: tuple[bytes, ...]
    """Empty, though there are DNSKEYs: likewise; DNSKEY, CDS and CDNSKEY have to stay as they are published."""
    cds: tuple[bytes, ...]
    cdnskeys: tuple[bytes, ...]


def first_state(apex: WireName, policy: DnssecPolicy, now: int) -> State:
    """The state of a zone that isn't signed yet, and is to be."""
    return begun(State(apex), Kind.ENABLE, policy, now)


def imported_state(apex: WireName, keys: Sequence[ManagedKey]) -> State:
    """The state of a zone that is signed with these keys already, elsewhere until now.

    What is published without being among them is kept until caches don't need it. `DnssecError`: keys are missing.
    """
    roles = {key.role for key in keys}
    if roles not in ({Role.CSK}, {Role.KSK, Role.ZSK}):
        raise DnssecError("import one CSK, or a KSK and a ZSK, with their private keys")
    if len({tag_of(key.dnskey) for key in keys}) < len(keys):
        raise DnssecError("two of the keys have the same key tag: leave one of them out")
    return State(apex, tuple(HeldKey(key, Part.KEPT) for key in keys))


def next_state(state: State, facts: Facts, policy: DnssecPolicy) -> Transition:
    """The state after a look, at most one step further."""
    state = _with_losses(_remembering(state, facts, policy), facts)
    state = recovered(state, facts)
    row = row_of(state)
    kind = _due(state, row, policy, facts.now)
    if kind is not None:
        state = begun(state, kind, policy, facts.now)
    elif state.process is not None and not wanted_keys(state):
        state = _after(state, state.process, facts, policy)
    return Transition(state, wanted_keys(state))


def wanted_keys(state: State) -> tuple[Wanted, ...]:
    """The keys that the process under way needs, and doesn't have yet."""
    if state.process is None:
        return ()
    present = {Wanted(key.role, key.algorithm) for key in state.having(Part.NEW)}
    return tuple(need for need in state.process.needs if need not in present)


def with_keys(state: State, keys: Sequence[ManagedKey]) -> State:
    """The state with the keys that were generated for it: all that it wants. `DnssecError`"""
    if sorted(Wanted(key.role, key.algorithm) for key in keys) != sorted(wanted_keys(state)):
        raise DnssecError("the generated keys are not those that the process needs")
    held = (*state.keys, *(HeldKey(key, Part.NEW) for key in keys))
    tags = {tag_of(each.key.dnskey) for each in held}
    if len(tags) < len(held):
        raise DnssecError("a generated key has the key tag of another one: generate it again")
    return state._replace(keys=held)


def published_keys(state: State) -> PublishedKeys:
    """What to publish in this state."""
    row = row_of(state)
    named = keys_with(state, Use.CDS)
    cds, cdnskeys = tuple(ds_rdata(state.apex, key) for key in named), named
    if row is not None and row.delete:
        cds, cdnskeys = (DELETE_CDS,), (DELETE_CDNSKEY,)
    dnskeys = keys_with(state, Use.PUBLISHED)
    return PublishedKeys(dnskeys, signers(state, Use.ZONE), signers(state, Use.DNSKEY), cds, cdnskeys)


def begun(state: State, kind: Kind, policy: DnssecPolicy, now: int) -> State:
    """The state at the first step of a process. `LOST` stands for one whose keys can't sign any more."""
    replaced = _REPLACED.get(kind, ())
    lost = [
        held for held in state.keys if held.is_lost and held.key.role in replaced and held.key.role is not Role.ZSK
    ]
    keys = tuple(held._replace(part=Part.OLD if held.key.role in replaced else Part.KEPT) for held in state.keys)
    needs = _needs(kind, keys, policy)
    if lost and needs:
        kind = Kind.LOST
    process = Process(kind, TABLES[kind][0].step, needs, now, now)
    return state._replace(keys=keys, process=process, is_disabled=False)


def layout(policy: DnssecPolicy) -> tuple[Wanted, ...]:
    """The keys of a zone with this policy."""
    roles = (Role.CSK,) if policy.keys is KeyLayout.CSK else (Role.KSK, Role.ZSK)
    return tuple(Wanted(role, policy.algorithm) for role in roles)


def is_as(state: State, policy: DnssecPolicy) -> bool:
    """Whether algorithm and layout of the keys are those of the policy."""
    return {Wanted(held.key.role, held.key.algorithm) for held in state.keys} == set(layout(policy))


def to_policy(state: State, policy: DnssecPolicy) -> Kind:
    """The process that leads to the policy's keys.

    Data needs signatures of each algorithm that the DNSKEY RRset has (RFC 4035 §2.2), so a new one signs before it
    is published. For an algorithm that is there already that would be a signature that nobody can verify.
    """
    is_new = all(held.key.algorithm != policy.algorithm for held in state.keys)
    return Kind.ALGORITHM if is_new else Kind.LAYOUT


def holds(state: State, row: Row, until: Until, facts: Facts) -> Seen:
    """Whether a condition of a step is met, apart from the time that it has to be."""
    match until:
        case Until.SIGNED:
            return Seen.YES if _is_signed(state, facts) else Seen.NO
        case Until.PARENT:
            named = keys_with(state, Use.CDS)
            return parent_has(state.apex, _fresh(facts), named, state.dnskeys, adds=row.adds)
        case _:
            return Seen.YES


def is_shown(state: State, facts: Facts) -> bool:
    """Whether the version that is served is of this step."""
    keys = published_keys(state)
    if keys.dnskeys and not keys.dnskey_signers:  # these RRsets stay as they are: nobody can sign them
        return facts.published >= set(keys.dnskeys)
    if facts.published - facts.foreign != set(keys.dnskeys) - facts.foreign:
        return False
    others = {ds_rdata(state.apex, key) for key in state.dnskeys} | {DELETE_CDS}
    return facts.published_cds & (others | set(keys.cds)) == set(keys.cds)


def needed(row: Row, ttls: Ttls, policy: DnssecPolicy) -> int:
    """Seconds for which everything has to be as the step waits for."""
    waits = [duration(until, ttls) + policy.propagation_delay + MARGIN for until in row.until]
    return max(waits, default=0)


def duration(until: Until, ttls: Ttls) -> int:
    """Seconds until caches have forgotten what was before."""
    match until:
        case Until.DNSKEY:
            return ttls.dnskey.ttl
        case Until.SIGNED:
            return ttls.zone.ttl
        case Until.PARENT:
            return ttls.ds.ttl or UNKNOWN_DS_TTL


def _after(state: State, process: Process, facts: Facts, policy: DnssecPolicy) -> State:
    row = row_at(process.kind, process.step)
    if row.back and is_older(state, row, facts):
        return _entered(state, process, row.back, facts.now)
    seen = {holds(state, row, until, facts) for until in row.until} if is_shown(state, facts) else {Seen.NO}
    if Seen.NO in seen:
        return state._replace(process=process._replace(waited=NOTHING))
    if Seen.UNKNOWN in seen:
        return state
    count = _continued(process, row, facts.now).at(facts.now)
    if count.seconds < needed(row, state.ttls, policy) and not _is_replaced(state, row, facts):
        return state._replace(process=process._replace(waited=count))
    following = row_after(process.kind, process.step)
    return _entered(state, process, following.step, facts.now) if following else _finished(state, process.kind)


def _continued(process: Process, row: Row, now: int) -> Count:
    """What has been waited so far; nothing, if the parent may have had other records that nobody saw."""
    last = process.waited.last
    is_blind = Until.PARENT in row.until and last is not None and now - last > BLIND
    return NOTHING if is_blind else process.waited


def _is_replaced(state: State, row: Row, facts: Facts) -> bool:
    """Whether the parent has the new DS records in the place of the old ones, and not beside them.

    Then validators refuse what is served, and each second of waiting makes it more of them.
    """
    named = keys_with(state, Use.CDS)
    return row.adds and parent_has(state.apex, _fresh(facts), named, state.dnskeys) is Seen.YES


def _entered(state: State, process: Process, step: str, now: int) -> State:
    return state._replace(process=process._replace(step=step, entered=now, waited=NOTHING))


def _finished(state: State, kind: Kind) -> State:
    keys = tuple(held._replace(part=Part.KEPT) for held in state.keys if held.part is not Part.OLD)
    return state._replace(keys=keys, process=None, is_disabled=kind is Kind.DISABLE)


def _due(state: State, row: Row | None, policy: DnssecPolicy, now: int) -> Kind | None:
    """The process that begins by itself."""
    if state.is_disabled or (row is not None and not row.is_open):
        return None
    if not state.keys:
        return Kind.ENABLE
    if not is_as(state, policy):
        return to_policy(state, policy)
    for held in state.keys:
        is_old = policy.zsk_lifetime is not None and now - held.key.created >= policy.zsk_lifetime
        if is_old and (held.key.role is Role.ZSK or (held.key.role is Role.CSK and row is None)):
            return Kind(held.key.role)
    return None


def _needs(kind: Kind, keys: Sequence[HeldKey], policy: DnssecPolicy) -> tuple[Wanted, ...]:
    match kind:
        case Kind.DISABLE | Kind.RECOVER:
            return ()
        case Kind.ENABLE | Kind.ALGORITHM | Kind.LAYOUT:
            return layout(policy)
        case _:
            role = Role(kind)
            return (Wanted(role, next(held.key.algorithm for held in keys if held.key.role is role)),)


def _is_signed(state: State, facts: Facts) -> bool:
    wanted = set(signers(state, Use.ZONE))
    others = state.dnskeys - wanted
    return wanted <= facts.signed_by and not wanted & facts.unsigned_by and not others & facts.signed_by


def _fresh(facts: Facts) -> Parent | None:
    """What the parent says, unless that is from another look, or from another clock."""
    parent = facts.parent
    return parent if parent is not None and abs(facts.now - parent.asked) <= MARGIN else None


def _remembering(state: State, facts: Facts, policy: DnssecPolicy) -> State:
    delay, now = policy.propagation_delay, facts.now
    ds = max((answer.ttl for answer in facts.parent.answers if answer.ds), default=None) if facts.parent else None
    ttls = state.ttls
    ttls = Ttls(
        ttls.dnskey.noted(policy.dnskey_ttl, now, delay),
        ttls.zone.noted(facts.max_ttl, now, delay),
        ttls.ds if ds is None else ttls.ds.noted(ds, now, delay),
    )
    return state._replace(ttls=ttls)


def _with_losses(state: State, facts: Facts) -> State:
    """The state knowing which private keys are missing. A new key that is missing and unpublished is replaced."""
    usable = facts.keys
    if usable is None:
        return state
    keys = tuple(held._replace(is_lost=held.key.dnskey not in usable) for held in state.keys)
    kept = tuple(h for h in keys if not (h.is_lost and h.part is Part.NEW and h.key.dnskey not in facts.published))
    is_first = state.process is not None and row_of(state) is TABLES[state.process.kind][0]
    return state._replace(keys=kept if is_first else keys)
