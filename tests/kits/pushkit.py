"""Pushes from one store to another, over bytes and without a socket."""

from collections.abc import Callable, Iterable, Sequence

from pushserverkit import WRITER
from synckit import PEER, WHO, refs_of
from zonegit.auth.gate import Grant
from zonegit.errors import Incomplete, ZonegitError
from zonegit.model.ids import ObjectId
from zonegit.model.refs import Ref, RefKind
from zonegit.store.port import Store
from zonegit.sync.arrival import Offer, Result
from zonegit.sync.policy import Policy
from zonegit.sync.push_body import PushBody, reading
from zonegit.sync.push_server import PushEndpoint
from zonegit.sync.push_wire import Answer
from zonegit.sync.pushing import Push
from zonegit.sync.work import finish, never


class Peer:
    """Answers pushes from a store."""

    def __init__(self, store: Store, policy: Policy = Policy.FF_ONLY) -> None:
        self.store = store
        self.policy = policy
        self.bodies: list[PushBody] = []
        """All that were pushed."""
        self.before: Callable[[PushBody], None] = lambda body: None
        """May raise in place of an answer."""
        self._endpoint = PushEndpoint(store, lambda kid, zone: self.policy, clock=lambda: WHO.time)

    def answer(self, data: bytes) -> Answer:
        """`Incomplete` where an object lacks a child."""
        body = finish(reading(data, never))
        self.bodies.append(body)
        self.before(body)
        grant = Grant(WRITER, "m", f"{len(self.bodies):022}", int(WHO.time) + 330)
        return finish(self._endpoint.push(grant, data)).answer

    def sent(self) -> int:
        """Objects that came."""
        return sum(len(body.objects) for body in self.bodies)


class Broken(ZonegitError):
    """The connection broke."""


def drive(push: Push, peer: Peer) -> list[Result]:
    """A whole push, over bytes; `Broken` where it gives up."""
    push.prepare()
    while (request := push.next()) is not None:
        try:
            answer = Answer.decode(peer.answer(request.body).encode())
        except Broken:
            if not push.lost():
                raise
        except Incomplete as error:
            push.declined("incomplete", str(error))
        else:
            push.answered(answer)
    return push.results


def branch(zone: str, name: str = "main") -> Ref:
    return Ref(RefKind.HEAD, zone, name)


def pushed(
    store: Store, peer: Peer, updates: Iterable[Offer], *, atomic: bool = False, compress: bool = False
) -> list[Result]:
    """A push of these, by a client that has just asked for the peer's refs."""
    return drive(Push(store, PEER, refs_of(peer.store), updates, atomic=atomic, compress=compress), peer)


def offers(store: Store, refs: Sequence[Ref], peer: Peer | None = None) -> list[Offer]:
    """Updates to where these refs are here."""
    found: list[Offer] = []
    for ref in refs:
        with store.read() as reader:
            new = reader.ref(ref.full)
        old: ObjectId | None = None
        if peer is not None:
            with peer.store.read() as reader:
                old = reader.ref(ref.full)
        assert new is not None
        found.append(Offer(ref, new, old))
    return found
