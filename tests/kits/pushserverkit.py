"""Pushes as a client makes them by hand: what one store has and another lacks, in requests signed one by one."""

import os
import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

import httpx
from blake3 import blake3

from synckit import PEER
from zonegit.auth.gate import Grant, Signer
from zonegit.auth.key import Key
from zonegit.auth.scheme import Call, check_response, parse_signature
from zonegit.auth.scope import parse_scope
from zonegit.model.ids import ObjectId, object_id
from zonegit.model.refs import parse
from zonegit.store.port import Store
from zonegit.sync.arrival import Offer
from zonegit.sync.closure import Closure
from zonegit.sync.frames import CONTENT_TYPE, FrameWriter
from zonegit.sync.limits import GROUP_OBJECTS
from zonegit.sync.policy import Policy
from zonegit.sync.push_server import PushEndpoint
from zonegit.sync.push_wire import PATH, Ask
from zonegit.sync.push_wire import Answer as PushAnswer
from zonegit.sync.work import finish


class PushRequest(NamedTuple):
    """A push in one request."""

    objects: tuple[bytes, ...] = ()
    present: tuple[ObjectId, ...] = ()
    updates: tuple[Offer, ...] = ()
    atomic: bool = False

    def encode(self, *, compress: bool = False) -> bytes:
        """Its body."""
        writer = FrameWriter(lambda ts, digest: b"", compress=compress)
        groups = [self.objects[at : at + GROUP_OBJECTS] for at in range(0, len(self.objects), GROUP_OBJECTS)]
        ask = [writer.ask(Ask(self.present, self.updates, self.atomic).encode())] if self[1:3] != ((), ()) else []
        return b"".join([*map(writer.group, groups), *ask])


def key_for(*scopes: str, kid: str = "laptop", secret: bytes = bytes(range(32))) -> Key:
    return Key.derive(kid, secret, scopes=tuple(parse_scope(scope) for scope in scopes))


WRITER = key_for("read:*", "push:*")


def lacking(source: Store, to: Store) -> list[bytes]:
    """Objects below the branches and tags of one store that another lacks, children before parents."""
    with source.read() as reader:
        tips = [oid for prefix in ("refs/heads/", "refs/tags/") for _, oid in reader.refs(prefix)]
        found = dict(Closure(reader, tips, ()))
    with to.read() as reader:
        return [data for oid, data in found.items() if not reader.has(oid)]


def offers(source: Store, to: Store | None = None) -> list[Offer]:
    """The branches and tags of a store; `old` as they are in another."""
    with source.read() as reader:
        refs = [item for prefix in ("refs/heads/", "refs/tags/") for item in reader.refs(prefix)]
    if to is None:
        return [Offer(parse(name), oid) for name, oid in refs]
    with to.read() as reader:
        return [Offer(parse(name), oid, reader.ref(name)) for name, oid in refs]


def everything(source: Store, to: Store, *, atomic: bool = False) -> PushRequest:
    """All that one store has, in one push to another."""
    return PushRequest(tuple(lacking(source, to)), (), tuple(offers(source, to)), atomic)


def pushed(
    store: Store,
    request: PushRequest,
    key: Key = WRITER,
    policy: Policy = Policy.FF_ONLY,
    *,
    endpoint: PushEndpoint | None = None,
    nonce: str = "",
    now: float = 1_767_225_600.0,
) -> PushAnswer:
    """What an endpoint makes of a push, without a socket."""
    endpoint = endpoint or PushEndpoint(store, lambda kid, zone: policy, clock=lambda: now)
    grant = Grant(key, "m", nonce or os.urandom(16).hex()[:22], int(now) + 330)
    return finish(endpoint.push(grant, request.encode())).answer


class Answer(NamedTuple):
    """An answer whose signature was looked at."""

    status: int
    body: bytes
    signed: bool

    @property
    def push(self) -> PushAnswer:
        assert self.status == 200, (self.status, self.body)
        return PushAnswer.decode(self.body)


def signed_push(key: Key, body: bytes, clock: Callable[[], float] = time.time) -> tuple[str, str]:
    """`(Authorization, mac)`."""
    return Signer(PEER, key, clock, os.urandom).sign(Call("POST", PATH, CONTENT_TYPE), blake3(body).digest())


async def send(url: str, key: Key, body: bytes, header: tuple[str, str] | None = None) -> Answer:
    """Push over a connection of its own; `header` as `signed_push` made it."""
    authorization, mac = header or signed_push(key, body)
    headers = {"authorization": authorization, "content-type": CONTENT_TYPE}
    async with httpx.AsyncClient(http1=False, http2=True, trust_env=False, timeout=30) as client:
        answer = await client.post(url + PATH, content=body, headers=headers)
    found = answer.headers.get("zg-signature")
    signed = found is not None and check_response(
        key,
        mac,
        parse_signature(found.encode()),
        status=answer.status_code,
        content_type=answer.headers["content-type"],
        digest=blake3(answer.content).digest(),
    )
    return Answer(answer.status_code, answer.content, signed)


def ids(found: Iterable[bytes]) -> list[ObjectId]:
    return [object_id(data) for data in found]
