"""UPDATE messages that secondaries pass on (`POST /v0/update`), in an http process of the primary.

The updater verifies their TSIG, as of any UPDATE; the secondary need not have the secret. The key of the request
must only be one that may read the zone. The client is the secondary, whoever sent it the message.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from ipaddress import ip_address
from time import monotonic
from typing import Final

from zonegit.auth.key import Key
from zonegit.daemon.channels import PATIENCE, Request, Sender
from zonegit.dns.recipient import is_update
from zonegit.dns.update.message import response
from zonegit.dns.wire.message import Rcode, Transport, parse
from zonegit.model.names import to_text
from zonegit.model.refs import RefKind
from zonegit.net.server.metrics_sink import MetricsSink
from zonegit.ops.config import Config
from zonegit.sync.server import Reply, error_reply
from zonegit.sync.update_wire import DNS_TYPE

MOST: Final = 256
"""Messages of all keys that are open in one process."""
PER_KEY: Final = 64
"""Of these, with one key."""


class PassedUpdates:
    """`net.server.updates.Updates`. Create it inside the event loop."""

    def __init__(self, sender: Sender, config: Callable[[], Config], samples: MetricsSink) -> None:
        self._sender = sender
        self._config = config
        self._samples = samples
        self._open: dict[int, asyncio.Future[bytes]] = {}
        self._keys: Counter[str] = Counter()
        asyncio.get_running_loop().add_reader(sender.fileno(), self._receive)

    async def answer(self, key: Key, content_type: str, body: bytes, address: str) -> Reply:
        query = parse(body) if content_type == DNS_TYPE and is_update(body) else None
        if query is None or not query.question:
            return error_reply(400, "bad_request")
        config, zone = self._config(), to_text(query.name)
        if not key.allows_ref("read", RefKind.HEAD, zone, config.zone(zone).branch):
            return error_reply(403, "forbidden")
        if not config.takes_updates:
            return _reply(response(body, Rcode.REFUSED))
        if len(self._open) >= MOST or self._keys[key.kid] >= PER_KEY:
            self._samples.inc("updates_total", zone="", key="", result="busy")
            return _reply(response(body, Rcode.SERVFAIL))
        return _reply(await self._passed_on(key.kid, body, address))

    async def _passed_on(self, kid: str, packet: bytes, address: str) -> bytes:
        """The updater's response."""
        request = Request(self._sender.ident(), monotonic(), Transport.TCP, ip_address(address).packed, packet)
        answered: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._open[request.ident] = answered
        self._keys[kid] += 1
        try:
            if self._sender.send(request):
                async with asyncio.timeout(PATIENCE):
                    return await answered
        except TimeoutError:
            pass
        finally:
            del self._open[request.ident]
            self._keys[kid] -= 1
        return response(packet, Rcode.SERVFAIL)

    def _receive(self) -> None:
        for reply in self._sender.replies():
            answered = self._open.get(reply.ident)
            if answered is not None and not answered.done():
                answered.set_result(reply.packet)


def _reply(packet: bytes) -> Reply:
    return Reply(200, DNS_TYPE, packet, (("cache-control", "no-store"),))
