"""How a node learns what refs another one has: all of them, or what differs, by buckets or by sketches."""

from simulation.asking import granted
from simulation.laws import LawBroken
from simulation.network import Exchange, Way
from zonegit.auth.scheme import Call
from zonegit.model.ids import ObjectId
from zonegit.model.refs import RefKind, parse
from zonegit.sync import ref_diff, ref_sketch
from zonegit.sync.known_refs import KnownRefs
from zonegit.sync.ref_diff import Change
from zonegit.sync.ref_sketch import SketchAnswer
from zonegit.sync.sketch import width_for
from zonegit.sync.wire import ALL_REFS, JSON_TYPE, PeerRefs
from zonegit.sync.work import finish

Learned = tuple[PeerRefs, dict[tuple[str, str], ObjectId]]
"""What was learnt, which may be differences; and all branches of the peer, as they were then."""


def learn(way: Way, *, complete: bool = False) -> Exchange[Learned | None]:
    """Ask in one of these ways; None where a message got lost. `complete`: what is the same, too, is to be told."""
    if way.rng.random() < 0.4:
        return (yield from _all(way))
    peer = way.there.name
    held = way.here.tracked.pop(peer, None) or KnownRefs(peer)  # while it is asked for, nobody else has it
    with way.here.disk.read() as reader:
        held.catch_up(reader)
    found = yield from (_by_sketch(way, held) if way.rng.random() < 0.7 else _by_buckets(way, held))
    if found is None:
        return None
    refs, theirs = found
    whole = held.complete(refs)
    learnt = {(tip.zone, tip.name): tip.oid for tip in whole.branches}
    if learnt != theirs:
        raise LawBroken(f"{way.here.name} learns that {peer} has {learnt}, which has {theirs}")
    way.here.tracked[peer] = held
    return (whole if complete else refs), theirs


def _all(way: Way) -> Exchange[Learned | None]:
    grant = yield from granted(way, Call("GET", "/v0/refs"), b"")
    if grant is None:
        return None
    body = finish(way.there.endpoint.refs(grant.key, ALL_REFS)).body
    theirs = _branches(way)
    return (PeerRefs.decode(body), theirs) if (yield way.answer) else None


def _by_buckets(way: Way, held: KnownRefs) -> Exchange[Learned | None]:
    question = held.question()
    grant = yield from granted(way, Call("POST", ref_diff.PATH, JSON_TYPE), question)
    if grant is None:
        return None
    body = finish(way.there.endpoint.refs_diff(grant.key, question)).body
    theirs = _branches(way)
    return (held.differences(Change.decode(body)), theirs) if (yield way.answer) else None


def _by_sketch(way: Way, held: KnownRefs) -> Exchange[Learned | None]:
    width, fine = ref_sketch.FIRST, ref_sketch.FINE
    while held.epoch and width:
        question = held.sketch(width, fine)
        grant = yield from granted(way, Call("POST", ref_diff.PATH, ref_sketch.SKETCH_TYPE), question)
        if grant is None:
            return None
        body = finish(way.there.endpoint.refs_sketch(grant.key, question)).body
        theirs = _branches(way)
        if not (yield way.answer):
            return None
        answer = SketchAnswer.decode(body)
        if answer.differ is None:
            refs = held.resolved(answer)
            if refs is not None:
                return refs, theirs
            break
        width, fine = width_for(answer.differ, above=width), 0
    return (yield from _by_buckets(way, held))


def _branches(way: Way) -> dict[tuple[str, str], ObjectId]:
    """Those of the node that is asked."""
    with way.there.disk.read() as reader:
        refs = [(parse(name), oid) for name, oid in reader.refs(f"refs/{RefKind.HEAD}/")]
    return {(ref.zone, ref.name): oid for ref, oid in refs}
