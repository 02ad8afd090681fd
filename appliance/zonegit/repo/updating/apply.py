"""Makes commits of UPDATE messages: one for each that changes something, and one transaction for all of them."""

from collections.abc import Iterable, Sequence
from contextlib import suppress

from zonegit.errors import Conflict
from zonegit.model import refs
from zonegit.model.names import WireName
from zonegit.model.rdata import with_serial
from zonegit.model.rrset import SOA_KEY, rdatas
from zonegit.repo.content import Content
from zonegit.repo.context import Context
from zonegit.repo.history import read_commit
from zonegit.repo.mirrors import made_here, mirror_setting
from zonegit.repo.position import branches_of
from zonegit.repo.publishing.at_once import publish_at_once
from zonegit.repo.renamed import branch_gone
from zonegit.repo.results import Position
from zonegit.repo.updating.chain import Chain, Served
from zonegit.repo.updating.semantics import Rejected
from zonegit.repo.updating.values import Asked, Done, UpdatePolicy, UpdateRcode
from zonegit.repo.writing import TRIES
from zonegit.store.port import Reader, RefUpdate, Writer


def apply_updates(context: Context, place: Position, policy: UpdatePolicy, asked: Sequence[Asked]) -> list[Done]:
    """Apply UPDATEs to a branch in their order, and store all that comes of it in one durable transaction.

    One that is refused changes nothing, and the others go on. With `policy.coalesce` those of one key become one
    commit: whoever calls this gathers them for that long, and answers none of them before. NOTAUTH for all if the
    branch isn't here, or the zone is mirrored. If the branch moves meanwhile, all are applied again to its new tip.
    `StoreError` if nothing could be stored.
    """
    for _ in range(TRIES):
        with context.store.keeping(), suppress(Conflict):
            return _applied(context, place, policy, asked, None)
    with context.store.write() as writer:
        return _applied(context, place, policy, asked, writer)


def _applied(
    context: Context, place: Position, policy: UpdatePolicy, asked: Sequence[Asked], writer: Writer | None
) -> list[Done]:
    with context.store.read() as reader:
        try:
            chain = _begin(context, reader, place, policy)
        except Rejected as error:
            return [Done(error.rcode, None, str(error))] * len(asked)
        for group in _groups(policy, asked):
            for number in group:
                chain.add(number, asked[number])
            chain.close()
    done = [chain.done[number] for number in range(len(asked))]
    if chain.update is None:
        return done
    if writer is not None:
        _store(context, writer, chain, chain.update)
        return done
    with context.store.write() as own:
        _store(context, own, chain, chain.update)
    return done


def _groups(policy: UpdatePolicy, asked: Sequence[Asked]) -> Iterable[Sequence[int]]:
    """The numbers of the UPDATEs that become one commit: each alone, or where they coalesce those of one key.

    None of them has been answered yet, so to the clients any order is right that keeps that of each key.
    """
    if policy.coalesce is None:
        return [(number,) for number in range(len(asked))]
    groups: dict[WireName, list[int]] = {}
    for number, each in enumerate(asked):
        groups.setdefault(each.key, []).append(number)
    return groups.values()


def _begin(context: Context, reader: Reader, place: Position, policy: UpdatePolicy) -> Chain:
    """A chain on the branch's tip as `reader` sees it. `Rejected` if the zone isn't to be changed here."""
    if made := made_here(reader, place.zone):
        raise Rejected(UpdateRcode.REFUSED, made)
    if peer := reader.setting(mirror_setting(place.zone)):
        raise Rejected(UpdateRcode.NOTAUTH, f"{place.zone} is mirrored from {peer.decode()}: update it there")
    oid = reader.live(refs.head(place.zone, place.branch))
    if oid is None:
        is_here = branches_of(reader, place.zone)
        why = str(branch_gone(reader, place)) if is_here else f"no zone {place.zone} here"
        raise Rejected(UpdateRcode.NOTAUTH, why)
    nodes = context.nodes.through(reader)
    tip = Content.of(nodes, read_commit(reader, oid))
    seq = tip.revision.commit.seq
    version = reader.ref(refs.published(place.zone, place.branch))
    if version is None:
        return Chain(context, place, policy, tip, Served(seq, None))
    shown = Content.of(nodes, read_commit(reader, version))
    commit = shown.revision.commit
    stored = shown.tree.payload(SOA_KEY)
    soa = with_serial(rdatas(stored)[0], commit.serial) if stored else None
    return Chain(context, place, policy, tip, Served(max(seq, commit.seq), soa))


def _store(context: Context, writer: Writer, chain: Chain, update: RefUpdate) -> None:
    who = chain.who
    writer.insert(chain.objects)
    writer.move_refs([update], who, chain.reason)
    publish_at_once(writer, context.nodes.through(writer), [update], who)
