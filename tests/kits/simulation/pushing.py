"""One push over the network: what `here` has and `there` hasn't, and how `there` makes it its own."""

from collections.abc import Mapping
from random import Random

from simulation.asking import granted
from simulation.laws import LawBroken
from simulation.learning import learn
from simulation.network import Counts, Exchange, Message, Way
from simulation.node import Node
from zonegit.auth.gate import Grant
from zonegit.auth.scheme import Call
from zonegit.errors import Replayed, StoreBusy, ZonegitError
from zonegit.model.ids import ObjectId
from zonegit.model.refs import Ref, RefKind, parse
from zonegit.store.port import Store
from zonegit.sync.arrival import Offer
from zonegit.sync.frames import CONTENT_TYPE
from zonegit.sync.push_server import Pushed
from zonegit.sync.push_wire import PATH, Answer
from zonegit.sync.pushing import Push
from zonegit.sync.work import finish

CALL = Call("POST", PATH, CONTENT_TYPE)


def push(here: Node, there: Node, rng: Random, counts: Counts) -> Exchange[None]:
    """Bring `there` all branches that are elsewhere here."""
    way = Way(here, there, rng)
    learnt = yield from learn(way)
    if learnt is None:
        return
    refs, theirs = learnt
    session = Push(here.disk, there.name, refs, _offers(here.disk, theirs), compress=rng.random() < 0.5)
    session.prepare()
    while request := session.next():
        answer = yield from _asked(way, request.body)
        if answer is not None:
            counts.objects += answer.stored
            counts.take(answer.results)
            session.answered(answer)
        elif rng.random() < 0.3 or not session.lost():
            return


def _offers(store: Store, theirs: Mapping[tuple[str, str], ObjectId]) -> list[Offer]:
    found = []
    with store.read() as reader:
        for name, oid in reader.refs("refs/heads/"):
            ref = parse(name)
            old = theirs.get((ref.zone, ref.name))
            if old != oid:
                found.append(Offer(Ref(RefKind.HEAD, ref.zone, ref.name), oid, old))
    return found


def _asked(way: Way, body: bytes) -> Exchange[Answer | None]:
    """Send a request of a push; its answer. None where either of them got lost, or nothing could come of it."""
    grant = yield from granted(way, CALL, body, "push")
    if grant is None:
        return None
    answer = yield from _served(way, grant, body)
    if answer and answer.results and way.rng.random() < 0.1:
        _twice(way, grant, body)
    if not (yield way.answer) or answer is None:
        return None
    return Answer.decode(answer.encode())


def _served(way: Way, grant: Grant, body: bytes) -> Exchange[Answer | None]:
    """What the server makes of it, in slices between which anything may happen; None where that was too much."""
    work = way.there.pushes.push(grant, body, due=lambda: way.rng.random() < 0.5)
    while True:
        try:
            next(work)
        except StopIteration as end:
            pushed: Pushed = end.value
            return pushed.answer
        except StoreBusy:
            return None
        except ZonegitError as error:
            raise LawBroken(f"{way.there.name} takes no push of {way.here.name}: {error}") from error
        yield Message(way.there.number, way.there.number)


def _twice(way: Way, grant: Grant, body: bytes) -> None:
    """Another process of the same server, which has seen nothing of the first request, gets it once more."""
    if way.there.clock() > grant.until:  # the clock was set meanwhile: its door refuses that
        return
    try:
        finish(way.there.pushes.push(grant, body))
    except Replayed:
        return
    raise LawBroken(f"{way.there.name} took a push of {way.here.name} twice")
