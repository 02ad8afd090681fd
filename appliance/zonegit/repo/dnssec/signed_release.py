"""Publishes the next signed version of a branch, if there is something to show."""

from collections.abc import Callable, Collection
from math import ceil
from time import monotonic
from typing import NamedTuple

from zonegit.dnssec.lifetimes import Lifetimes, lifetimes
from zonegit.dnssec.policy import DnssecPolicy
from zonegit.dnssec.private_key import tag_of
from zonegit.dnssec.rollover.machine import PublishedKeys
from zonegit.dnssec.signing.bootstrap import signaling_rrsets
from zonegit.dnssec.signing.current import is_current
from zonegit.dnssec.signing.due import SignatureIndex
from zonegit.dnssec.signing.plan import SigningKey, SigningPlan, Times
from zonegit.errors import DnssecError
from zonegit.model.ids import short
from zonegit.model.names import parse_apex
from zonegit.model.rdata import CDNSKEY, CDS, DNSKEY
from zonegit.model.rrset import SOA_KEY, RRKey
from zonegit.repo.content import Content
from zonegit.repo.context import Context
from zonegit.repo.dnssec.bootstrapping import announced, note_additions, noted_additions
from zonegit.repo.dnssec.key_directory import ZoneKeys
from zonegit.repo.dnssec.large_versions import is_made_anew
from zonegit.repo.dnssec.making import Task, Work, made, work_here
from zonegit.repo.dnssec.remembered import remember
from zonegit.repo.dnssec.renewing import PAUSE, Renewal, renewal, without_apex
from zonegit.repo.dnssec.zone_facts import Served
from zonegit.repo.history import read_commit
from zonegit.repo.publishing.policy import Published
from zonegit.repo.publishing.versions import message_of, release, seq_of_version
from zonegit.repo.results import Position, Revision


class Branch(NamedTuple):
    """What is to be brought up to date."""

    place: Position
    policy: DnssecPolicy
    old: Published
    commit: Revision | None
    """The commit to show; None: the one that the version shows."""
    rests_until: float
    """No slice is renewed before this time, in Unix seconds."""


class Outcome(NamedTuple):
    """What became of it."""

    published: Published
    renew_at: float | None = None
    """When there is something to renew, in Unix seconds; None: never."""
    rests_until: float = 0


class Tools(NamedTuple):
    """What it is done with."""

    context: Context
    keys: ZoneKeys
    signatures: SignatureIndex
    work: Callable[[Task], Work] = work_here

    def served(self, published: Published) -> Served:
        """What a version has."""
        return Served.of(self.context.nodes, self.signatures, published)


def publish_signed(tools: Tools, branch: Branch, wanted: PublishedKeys) -> Outcome:
    """Publish what these keys make of a branch. `DnssecError` if that can't be signed; then nothing has changed."""
    if not wanted.dnskeys:
        return _publish_unsigned(tools, branch)
    context, (place, policy, old, commit, _) = tools.context, branch
    began = monotonic()
    shown = commit or _shown(context, old)
    served, content = tools.served(old), Content.of(context.nodes, shown)
    if not wanted.dnskey_signers and served.is_signed:
        wanted = _as_served(served, wanted)
    times = _lifetimes(policy, content, served.summary.max_ttl)
    seq = seq_of_version(context.nodes, old, shown)
    additions, before = _additions(context, place, content)
    plan = _plan(tools, branch, wanted, times, seq)._replace(additions=additions)
    withdrawn = before - additions.keys()
    due = _due(tools, served, plan, times)
    renew = due.owners if _may_renew(branch, served, times, plan.times.now) else []
    if commit is None and not renew and _is_current(served, content, plan, withdrawn):
        note_additions(context.store, place, additions)
        return Outcome(old, _next(due, branch.rests_until), branch.rests_until)
    remember(context.store, place, policy)  # before: a signed zone whose policy isn't known stays as it is
    note_additions(context.store, place, before | additions.keys())
    task = Task(served, content, seq, plan, renew, withdrawn)
    work = tools.work(task)
    version = made(task, tools.signatures, work.sign)
    if commit is not None or not served.is_signed:
        lifetimes(policy, _expire(content), max(version.max_ttl, policy.dnskey_ttl))
    message = _message(branch, shown, renewed=bool(renew))
    published = work.release(context, place, old, shown, version.signed, message)
    rests = ceil(context.now() + PAUSE * (monotonic() - began)) if renew else branch.rests_until
    return Outcome(published, _next(_due(tools, tools.served(published), plan, times), rests), rests)


def _publish_unsigned(tools: Tools, branch: Branch) -> Outcome:
    """Publish a branch of a zone that isn't to be signed any more."""
    old, commit = branch.old, branch.commit
    if commit is None and old.version.commit.expires is None:
        return Outcome(old)
    published = release(tools.context, branch.place, old, commit or _shown(tools.context, old))
    remember(tools.context.store, branch.place, None)
    return Outcome(published)


def _as_served(served: Served, wanted: PublishedKeys) -> PublishedKeys:
    """The keys as they are published: the private part of those that sign them is lost."""
    dnskeys, cds, cdnskeys = (tuple(served.added(rtype)) for rtype in (DNSKEY, CDS, CDNSKEY))
    return wanted._replace(dnskeys=dnskeys, cds=cds, cdnskeys=cdnskeys)


def _shown(context: Context, old: Published) -> Revision:
    """The commit that a version shows."""
    return read_commit(context.nodes.source, old.of)


def _lifetimes(policy: DnssecPolicy, content: Content, max_ttl: int) -> Lifetimes:
    """How long signatures are valid. What is too short for the zone is good enough to go on with what is served."""
    try:
        return lifetimes(policy, _expire(content), max(max_ttl, policy.dnskey_ttl))
    except DnssecError:
        return lifetimes(policy, 0, 0)


def _expire(content: Content) -> int:
    """The zone's SOA expire, in seconds."""
    soa = content.tree.payload(SOA_KEY)
    return int.from_bytes(soa[-8:-4], "big") if soa else 0


def _plan(tools: Tools, branch: Branch, wanted: PublishedKeys, times: Lifetimes, seq: int) -> SigningPlan:
    policy, apex = branch.policy, parse_apex(branch.place.zone)
    return SigningPlan(
        apex=apex,
        zone_keys=_signing_keys(tools.keys, wanted.zone_signers),
        dnskey_keys=tuple(map(tools.keys.signing_key, wanted.dnskey_signers)),
        dnskeys=wanted.dnskeys,
        cds=wanted.cds,
        cdnskeys=wanted.cdnskeys,
        dnskey_ttl=policy.dnskey_ttl,
        denial=policy.denial,
        zonemd=policy.zonemd,
        serial=seq & 0xFFFFFFFF,
        times=Times(int(tools.context.now()), times.validity, apex),
    )


def _signing_keys(keys: ZoneKeys, dnskeys: tuple[bytes, ...]) -> tuple[SigningKey, ...]:
    if not dnskeys:
        raise DnssecError(f"no private key of {keys.zone} is there to sign with: import one, or restore a backup")
    return tuple(map(keys.signing_key, dnskeys))


def _is_current(served: Served, content: Content, plan: SigningPlan, withdrawn: Collection[RRKey]) -> bool:
    """Whether a version that shows this content already is as planned, apart from signatures that end."""
    if not served.is_signed or is_made_anew(served, content, plan):
        return False
    return is_current(served.tree, served.shown, content.zone.shape, plan, withdrawn)


def _additions(context: Context, place: Position, content: Content) -> tuple[dict[RRKey, bytes], frozenset[RRKey]]:
    """The signaling records that a zone is to have for others, and the keys of those that it may have now."""
    with context.store.read() as reader:
        children = list(announced(reader, place.zone))
        before = noted_additions(reader, place)
    return signaling_rrsets(content.apex, content.tree, children), before


def _due(tools: Tools, served: Served, plan: SigningPlan, times: Lifetimes) -> Renewal:
    """What is to be renewed of a version."""
    if not served.is_signed:
        return Renewal([], None)
    signers = frozenset((key.algorithm, tag_of(key.dnskey)) for key in plan.zone_keys)
    due = renewal(served, tools.signatures, signers, times, plan.times.now)
    return due if plan.dnskey_keys else without_apex(due, plan.times.now)


def _may_renew(branch: Branch, served: Served, times: Lifetimes, now: int) -> bool:
    """Whether it is time for a slice. A commit isn't kept waiting by one, unless that is late already."""
    if now < branch.rests_until:
        return False
    end = served.summary.first_end
    return branch.commit is None or (end is not None and end < now + times.renew_before * 3 // 4)


def _next(due: Renewal, rests_until: float) -> float | None:
    return None if due.due is None else max(due.due, rests_until)


def _message(branch: Branch, shown: Revision, *, renewed: bool) -> str:
    if branch.commit is not None:
        return message_of(shown)
    if branch.old.version.commit.expires is None:
        return f"Sign {short(shown.id)}"
    return f"{'Renew signatures of' if renewed else 'Sign'} {short(shown.id)}"
