"""One pull over the network: `here` asks `there` for all that it hasn't, and does with it what its policy says."""

from collections.abc import Callable
from random import Random

from simulation.asking import granted
from simulation.laws import LawBroken
from simulation.learning import learn
from simulation.network import Counts, Exchange, Way
from simulation.node import Node
from synckit import check_for, seal_for
from zonegit.auth.scheme import Call
from zonegit.errors import NotFound, Refused
from zonegit.model.ids import ObjectId
from zonegit.model.refs import parse
from zonegit.store.port import Store
from zonegit.sync.fetch_session import FetchSession
from zonegit.sync.peers import highest
from zonegit.sync.policy_pull import PolicySession, Rules
from zonegit.sync.server import FrameStream
from zonegit.sync.session import Ask, Session
from zonegit.sync.wire import PeerRefs
from zonegit.sync.work import finish


def pull(here: Node, there: Node, rng: Random, counts: Counts) -> Exchange[None]:
    """As the daemon does."""

    def begun(refs: PeerRefs) -> Session:
        rules = Rules(mirrors=lambda zone: False, policy=lambda zone: here.policy)
        return PolicySession(here.disk, there.name, refs, rules, compress=rng.random() < 0.5)

    yield from _pulled(Way(here, there, rng), counts, begun)


def fetch(here: Node, there: Node, rng: Random, counts: Counts) -> Exchange[None]:
    """As `zonegit fetch` does: no branch moves, and somebody may merge what came."""

    def begun(refs: PeerRefs) -> Session:
        return FetchSession(here.disk, there.name, refs)

    yield from _pulled(Way(here, there, rng), counts, begun, complete=True)


def _pulled(
    way: Way, counts: Counts, begun: Callable[[PeerRefs], Session], complete: bool = False
) -> Exchange[None]:
    here, there, _ = way
    learnt = yield from learn(way, complete=complete)
    if learnt is None:
        return
    refs, theirs = learnt
    try:
        session = begun(refs)
    except Refused:  # another pull overtook this one: its refs are newer
        return
    try:
        yield from _transfer(session, way)
    finally:
        counts.objects += session.objects
    if session.done:
        counts.take(session.finish(here.who).results)
        _check_tracked(here.disk, there.name, refs.seq, theirs)


def _check_tracked(store: Store, peer: str, seq: int, theirs: dict[tuple[str, str], ObjectId]) -> None:
    """What tracks the peer is exactly what it had, unless a later pull came first."""
    with store.read() as reader:
        known = highest(reader, peer)
        tracked = [(parse(name), oid) for name, oid in reader.refs(f"refs/remotes/{peer}/")]
    found = {(ref.zone, ref.name): oid for ref, oid in tracked}
    if known is not None and known.seq == seq and found != theirs:
        raise LawBroken(f"what tracks {peer} is {found}, and not what it has: {theirs}")


def _transfer(session: Session, way: Way) -> Exchange[None]:
    """All streams of a session, a message of any of them at a time."""
    rng, endpoint = way.rng, way.there.endpoint
    asks: dict[int, Ask] = {}
    streams: dict[int, FrameStream] = {}
    while True:
        asks |= {ask.number: ask for ask in session.next()}
        if not asks:
            return
        number = rng.choice(list(asks))
        if number not in streams:
            ask = asks[number]
            grant = yield from granted(way, Call("POST", ask.path, ask.content_type), ask.body)
            if grant:
                serve = endpoint.fetch if ask.path == "/v0/fetch" else endpoint.objects
                seal = seal_for(grant.request_mac, grant.key)
                try:
                    streams[number] = finish(serve(grant.key, ask.body, seal, way.there.clock))
                except NotFound:  # what the refs named is gone there by now
                    return
                session.opened(number, check_for(grant.request_mac, grant.key))
                continue
        elif (yield way.answer):
            _receive(session, number, finish(streams[number].piece()), rng)
            if streams[number].ended:
                session.ended(number)
                del asks[number], streams[number]
            continue
        for batch in session.broken(number):
            session.insert([batch])
        del asks[number]
        streams.pop(number, None)
        if not session.lost(number) or rng.random() < 0.3:
            return


def _receive(session: Session, number: int, data: bytes, rng: Random) -> None:
    cut = rng.randrange(1, len(data) + 1)
    for part in (data[:cut], data[cut:]):
        for batch in session.received(number, part):
            session.insert([batch])
