"""What operators are told of a zone's keys and signatures."""

from collections.abc import Iterable

from zonegit.dnssec.policy import DnssecPolicy
from zonegit.dnssec.private_key import tag_of
from zonegit.dnssec.rollover.delegation import Seen, ds_rdata, server_has
from zonegit.dnssec.rollover.requests import NAMES
from zonegit.dnssec.rollover.state import HeldKey, Part, State
from zonegit.dnssec.rollover.table import ALLOWED, Kind, Use
from zonegit.dnssec.rollover.uses import keys_with, row_of, use_of
from zonegit.dnssec.rollover.values import Facts, ParentAnswer
from zonegit.dnssec.rollover.words import problems, waiting
from zonegit.repo.dnssec.signed_release import Outcome
from zonegit.repo.dnssec.status import DnssecStatus, KeyStatus, ParentServer, Problem, Waiting


def described(
    before: DnssecStatus,
    policy: DnssecPolicy,
    state: State,
    facts: Facts,
    outcome: Outcome,
    found: Iterable[Problem],
) -> DnssecStatus:
    """The status of a zone after a look. `before`: until then. `found`: what the key state knows nothing of."""
    version = outcome.published.version.commit
    waits = waiting(state, facts, policy)
    named = keys_with(state, Use.CDS)
    parent = facts.parent
    return DnssecStatus(
        zone=before.zone,
        noted=facts.now,
        signed_since=None if version.expires is None else before.signed_since or version.committer.time,
        denial=policy.denial,
        first_end=version.expires,
        next_renewal=None if outcome.renew_at is None else int(outcome.renew_at),
        keys=tuple(_key(held, state, facts) for held in state.keys),
        under_way="" if state.process is None else NAMES[state.process.kind],
        waiting=() if waits is None else (Waiting(*waits),),
        parent_asked=parent.asked if parent else None,
        parent=tuple(_server(state, answer, named) for answer in parent.answers) if parent else (),
        parent_error=parent.error if parent else "",
        ds=tuple(ds_rdata(state.apex, dnskey) for dnskey in named),
        cds=tuple(sorted(facts.published_cds)),
        problems=(*found, *(Problem(*each) for each in problems(state, facts))),
    )


def _key(held: HeldKey, state: State, facts: Facts) -> KeyStatus:
    key = held.key
    return KeyStatus(tag_of(key.dnskey), key.algorithm, key.role, _state_of(held, state, facts), key.created)


def _state_of(held: HeldKey, state: State, facts: Facts) -> str:
    """In words: what a key does now."""
    use = use_of(held, row_of(state))
    is_published = held.key.dnskey in facts.published
    if held.is_lost:
        return "private key missing"
    if use & (Use.ZONE | Use.DNSKEY):
        signs = _signs(held, use) if is_published or Use.PUBLISHED not in use else "is to be published"
        if held.part is not Part.OLD or state.process is None:
            return signs
        return f"{signs}, {'until signing ends' if state.process.kind is Kind.DISABLE else 'is being replaced'}"
    if Use.PUBLISHED in use:
        return "is published" if is_published else "is to be published"
    return "is being removed"


def _signs(held: HeldKey, use: Use) -> str:
    """That a key signs, and what, if that isn't all that its role allows."""
    lacking = ALLOWED[held.key.role] & (Use.ZONE | Use.DNSKEY) & ~use
    if lacking == Use.ZONE:
        return "signs the DNSKEY records only"
    return "signs the zone's data only" if lacking == Use.DNSKEY else "signs"


def _server(state: State, answer: ParentAnswer, named: tuple[bytes, ...]) -> ParentServer:
    row = row_of(state)
    verdict = server_has(state.apex, answer, named, state.dnskeys, adds=row is not None and row.adds)
    return ParentServer(answer.server, None if verdict is Seen.UNKNOWN else verdict is Seen.YES, answer.error)
