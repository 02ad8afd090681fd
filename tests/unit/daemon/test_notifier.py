"""The notifier: who is told, how often, and when it stops; a server of the test answers."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import dns.message
import dns.rcode
import pytest

from daemonkit import DEADLINE
from repokit import ZONE, parsed
from zonegit.daemon.notifier import Notifier
from zonegit.model.rdata import A
from zonegit.ops.address import Address
from zonegit.ops.config import Config, DnsConfig, NotifyTarget, ZoneConfig
from zonegit.repo import Repository


class Counted:
    """Samples that only count."""

    def __init__(self) -> None:
        self.results: list[str] = []

    def inc(self, _name: str, _value: float = 1, *, result: str) -> None:
        self.results.append(result)


class Server:
    """A name server that gets NOTIFY. `silent` messages are not answered."""

    def __init__(self, silent: int = 0, rcode: int = 0) -> None:
        self.serials: list[int] = []
        self._silent = silent
        self._rcode = rcode
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.bind(("127.0.0.1", 0))
        self._sock.setblocking(False)
        self.target = NotifyTarget(Address(*self._sock.getsockname()))

    async def serve(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            data, address = await loop.sock_recvfrom(self._sock, 4096)
            query = dns.message.from_wire(data)
            self.serials.append(query.answer[0][0].serial)
            if self._silent:
                self._silent -= 1
                continue
            response = dns.message.make_response(query)
            response.set_rcode(self._rcode)
            await loop.sock_sendto(self._sock, response.to_wire(), address)

    def close(self) -> None:
        self._sock.close()


@pytest.fixture
def repository(tmp_path: Path):
    with Repository.init(tmp_path / "repo") as repository:
        repository.import_zone(parsed(ZONE), source="test.zone")
        yield repository


@asynccontextmanager
async def notifying(
    repository: Repository, *servers: Server, pauses: tuple[float, ...] = (30.0,), **settings: object
) -> AsyncIterator[tuple[Notifier, Counted]]:
    config = config_of(repository, *servers, **settings)
    counted = Counted()
    notifier = Notifier(repository._store, config, counted, pauses)
    tasks = [asyncio.create_task(each.serve()) for each in servers] + [asyncio.create_task(notifier.run())]
    try:
        async with asyncio.timeout(DEADLINE):
            yield notifier, counted
    finally:
        notifier.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for each in servers:
            each.close()


def config_of(repository: Repository, *servers: Server, **settings: object) -> Config:
    also = tuple(each.target for each in servers)
    zone = ZoneConfig(also_notify=also, **settings)
    return Config(repo=repository.path, default_zone=zone, dns=DnsConfig(listen=(Address("127.0.0.1", 5300),)))


async def soon(condition: Callable[[], object]) -> None:
    while not condition():
        await asyncio.sleep(0.01)


def set_www(repository: Repository, last: int) -> int:
    repository.set("www", A, 60, [bytes([10, 0, 0, last])])
    return repository.resolve("main").commit.serial


def test_all_are_told_at_the_start_and_of_each_move(repository) -> None:
    async def scenario() -> None:
        servers = Server(), Server()
        first = repository.resolve("main").commit.serial
        async with notifying(repository, *servers) as (_, counted):
            await soon(lambda: counted.results == ["ok", "ok"])
            newest = set_www(repository, 1)
            await soon(lambda: len(counted.results) == 4)
            assert [each.serials for each in servers] == [[first, newest]] * 2

    asyncio.run(scenario())


def test_many_moves_are_told_of_with_the_newest(repository) -> None:
    async def scenario() -> None:
        server = Server()
        async with notifying(repository, server) as (_, counted):
            await soon(lambda: counted.results)
            for last in range(50):
                newest = set_www(repository, last)
            await soon(lambda: server.serials[-1] == newest)
            assert len(server.serials) < 50
            assert server.serials == sorted(server.serials)

    asyncio.run(scenario())


def test_who_is_silent_is_told_again(repository) -> None:
    async def scenario() -> None:
        server = Server(silent=2)
        async with notifying(repository, server, pauses=(0.05, 0.05, 30.0)) as (_, counted):
            await soon(lambda: counted.results == ["ok"])
            assert len(server.serials) == 3

    asyncio.run(scenario())


def test_who_stays_silent_is_given_up_until_the_next_move(repository) -> None:
    async def scenario() -> None:
        server = Server(silent=2)
        async with notifying(repository, server, pauses=(0.05, 0.05)) as (notifier, counted):
            await soon(lambda: counted.results == ["failed"])
            notifier._pauses = (30.0,)
            newest = set_www(repository, 1)
            await soon(lambda: counted.results == ["failed", "ok"])
            assert server.serials[-1] == newest
            assert len(server.serials) == 3

    asyncio.run(scenario())


def test_a_refusal_is_an_answer(repository) -> None:
    async def scenario() -> None:
        server = Server(rcode=dns.rcode.NOTAUTH)
        async with notifying(repository, server) as (_, counted):
            await soon(lambda: counted.results == ["refused"])
            await asyncio.sleep(0.2)
            assert len(server.serials) == 1

    asyncio.run(scenario())


def test_nobody_listens_there(repository) -> None:
    async def scenario() -> None:
        server = Server()
        server.close()
        config = config_of(repository, server)
        counted = Counted()
        notifier = Notifier(repository._store, config, counted, (0.02, 0.02))
        work = asyncio.create_task(notifier.run())
        async with asyncio.timeout(DEADLINE):
            await soon(lambda: counted.results == ["failed"])
        notifier.close()
        work.cancel()

    asyncio.run(scenario())


def test_a_reload_tells_those_who_are_new(repository) -> None:
    async def scenario() -> None:
        one, other = Server(), Server()
        async with notifying(repository, one) as (notifier, counted):
            task = asyncio.create_task(other.serve())
            await soon(lambda: counted.results == ["ok"])
            notifier.reload(config_of(repository, one, other))
            await soon(lambda: counted.results == ["ok", "ok"])
            assert (len(one.serials), len(other.serials)) == (1, 1)
            notifier.reload(config_of(repository, other))
            set_www(repository, 1)
            await soon(lambda: len(other.serials) == 2)
            assert len(one.serials) == 1
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        other.close()

    asyncio.run(scenario())


def test_a_socket_that_broke_is_opened_again(repository) -> None:
    async def scenario() -> None:
        server = Server()
        async with notifying(repository, server) as (notifier, counted):
            await soon(lambda: counted.results == ["ok"])
            (peer,) = notifier._peers.values()
            peer.close()
            set_www(repository, 1)
            await soon(lambda: counted.results == ["ok", "ok"])

    asyncio.run(scenario())


def test_a_reload_closes_sockets_of_those_who_are_told_no_more(repository) -> None:
    async def scenario() -> None:
        one, other = Server(), Server()
        async with notifying(repository, one) as (notifier, counted):
            await soon(lambda: counted.results == ["ok"] and not notifier._deliveries)
            task = asyncio.create_task(other.serve())
            notifier.reload(config_of(repository, other))
            await soon(lambda: counted.results == ["ok", "ok"])
            assert list(notifier._peers) == [other.target.address]
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        other.close()

    asyncio.run(scenario())
