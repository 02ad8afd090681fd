"""What a source over its budget of failures meets: its failures are answered slowly, and nothing else of it is."""

import asyncio
from itertools import count

from directkit import START, Direct, DirectPeer, Time
from httpkit import Counted, pull_once, run
from synckit import KEY, PEER, commit, local_refs, names
from zonegit.auth.budget import BURST, FailureBudget
from zonegit.auth.gate import Gate, Signer
from zonegit.auth.keyring import Keyring
from zonegit.net.server.replication_app import ReplicationApp
from zonegit.store.memory import MemoryStore

HERE = "192.0.2.1"
NEVER = 3600.0


class Refused:
    """A request without a signature, and how far it came."""

    def __init__(self, app: ReplicationApp, body: int = 0) -> None:
        self.sent: list[object] = []
        self.gone = asyncio.Event()
        self._body = iter([*({"body": b"x" * 1024, "more_body": True} for _ in range(body)), {}])
        self.task = asyncio.create_task(app(self._scope(), self._receive, self._send))

    def _scope(self) -> dict[str, object]:
        return {"type": "http", "http_version": "2", "method": "POST", "raw_path": b"/v0/fetch",
                "query_string": b"", "headers": [], "client": (HERE, 9)}  # fmt: skip

    async def _receive(self) -> dict[str, object]:
        for part in self._body:
            return {"type": "http.request", **part}
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: dict[str, object]) -> None:
        self.sent.append(message.get("status", "body"))


def client(app: ReplicationApp, clock: Time) -> DirectPeer:
    random = count(1)
    signer = Signer(PEER, KEY, clock, lambda size: next(random).to_bytes(size, "big"))
    return DirectPeer(signer, Direct(app, HERE))


def test_failures_over_the_budget_are_answered_slowly_and_good_requests_at_once() -> None:
    async def test() -> None:
        clock, samples, primary, copy = Time(), Counted(), MemoryStore(), MemoryStore()
        commit(primary, "example.org.", names("example.org.", 3))
        app = ReplicationApp(primary, Gate(PEER, Keyring([KEY]), clock), samples, clock, failure_delay=NEVER)
        failures = [Refused(app) for _ in range(BURST)]
        await asyncio.gather(*(each.task for each in failures))
        assert [each.sent for each in failures] == [[401, "body", "body"]] * BURST
        held = [Refused(app, body=100) for _ in range(3)]
        await pull_once(client(app, clock), copy)
        assert local_refs(copy) == local_refs(primary)
        assert [each.sent for each in held] == [[]] * 3
        for each in held:
            each.gone.set()
        await asyncio.gather(*(each.task for each in held))
        assert [each.sent for each in held] == [[]] * 3
        await app.drain()
        assert samples.values["auth_attempts_total,key_id=unknown,result=throttled"] == 3

    run(test())


def test_the_slow_answer_comes() -> None:
    async def test() -> None:
        clock = Time()
        app = ReplicationApp(MemoryStore(), Gate(PEER, Keyring([KEY]), clock), Counted(), clock, failure_delay=0.0)
        found = []
        for _ in range(BURST + 1):
            request = Refused(app, body=3000)
            await request.task
            found.append(request.sent[0])
        assert found == [401] * BURST + [429]

    run(test())


def test_a_source_in_debt_owes_no_more_than_its_burst() -> None:
    budget = FailureBudget()
    for _ in range(1000):
        budget.fail(HERE, START)
    assert budget.wait(HERE, START) == 6
    assert budget.wait(HERE, START + 6) == 0
