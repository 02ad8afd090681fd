"""What secondaries cost that ask whether anything changed: processor time of the primary's http process.

Each holds a connection of its own and asks once a second about the root of the refs that it knows. They come from
addresses of their own (127.0.0.0/8), since a server takes few connections from one.
"""

import asyncio
import os
import time
from argparse import Namespace
from pathlib import Path
from urllib.parse import urlsplit

import httpx

import nodes
from figures import Figure, at_most
from material import synthetic_zone
from processes import MeasuringFailed
from report import Report, Table, options
from script import run
from zonegit import Keyring
from zonegit.auth.choice import signing_keys
from zonegit.auth.gate import Signer
from zonegit.auth.scheme import EMPTY_DIGEST, Call

_TICK = os.sysconf("SC_CLK_TCK")
_LISTENING = "0A"


def children(supervisor: int) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()]


def http_process(supervisor: int, port: int) -> int:
    """The one of a daemon's processes that listens on a port of loopback (proc(5), net/tcp)."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    found = {f"socket:[{row[9]}]" for row in rows if row[1].endswith(f":{port:04X}") and row[3] == _LISTENING}
    for pid in children(supervisor):
        if found & {str(path.readlink()) for path in Path(f"/proc/{pid}/fd").iterdir()}:
            return pid
    raise MeasuringFailed(f"no process listens on port {port}")


def busy(pid: int) -> float:
    """Seconds of processor time that a process took so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


class Secondary:
    """A client that only asks for refs."""

    def __init__(self, source: nodes.Primary, keys: Path, number: int) -> None:
        signing = signing_keys(Keyring.load(keys), nodes.KEY, time.time())
        self._signer = Signer(nodes.AUDIENCE, signing, time.time, os.urandom)
        address = f"127.0.{1 + number // 200}.{1 + number % 200}"
        transport = httpx.AsyncHTTPTransport(http1=False, http2=True, local_address=address, verify=False)
        self._client = httpx.AsyncClient(transport=transport, base_url=source.url)
        self._phase = (number * 0.618) % 1

    async def ask(self, root: str = "") -> str:
        """The root; `root` itself while it is that."""
        authorization, _ = self._signer.sign(Call("GET", "/v0/refs", ""), EMPTY_DIGEST, self._signer.key)
        headers = {"authorization": authorization} | ({"if-none-match": f'"{root}"'} if root else {})
        answer = await self._client.get("/v0/refs", headers=headers)
        if answer.status_code != (304 if root else 200):
            raise MeasuringFailed(f"the primary answers {answer.status_code}")
        return root or str(answer.json()["root"])

    async def poll(self, root: str, seconds: float) -> int:
        """Ask each second; how often."""
        start = time.perf_counter() + self._phase
        asked = 0
        while asked < seconds:
            await asyncio.sleep(max(0.0, start + asked - time.perf_counter()))
            await self.ask(root)
            asked += 1
        return asked

    async def close(self) -> None:
        await self._client.aclose()


async def measure(source: nodes.Primary, keys: Path, count: int, seconds: float) -> tuple[float, float]:
    """The share of a core that the http process takes, and requests a second."""
    port = urlsplit(source.url).port
    assert port is not None
    pid = http_process(source.program.process.pid, port)
    secondaries = [Secondary(source, keys, number) for number in range(count)]
    roots = [await each.ask() for each in secondaries]
    start, before = time.perf_counter(), busy(pid)
    asked = await asyncio.gather(*(each.poll(root, seconds) for each, root in zip(secondaries, roots, strict=True)))
    took = time.perf_counter() - start
    share = (busy(pid) - before) / took
    for each in secondaries:
        await each.close()
    return share, sum(asked) / took


def bench(args: Namespace, place: Path) -> Report:
    zone = synthetic_zone(1_000, place)
    repo, keys = nodes.imported(zone, place / "primary"), nodes.new_keys(place / "keys")
    with nodes.primary(repo, keys, zone) as source:
        share, rate = asyncio.run(measure(source, keys, args.secondaries, args.seconds))
    what = f"{args.secondaries} secondaries that ask each second: the http process, of one core"
    rows = [[args.secondaries, rate, share * 100, share / rate * 1000]]
    table = Table("Polling", ("secondaries", "requests/s", "% of a core", "ms of CPU each"), rows)
    return Report("polling", [Figure(what, share * 100, "%", at_most(50))], [table])


if __name__ == "__main__":
    parser = options("polling", "many secondaries that ask whether anything changed")
    parser.add_argument("--secondaries", type=int, default=100, help="secondaries (100)")
    parser.add_argument("--seconds", type=float, default=15, help="seconds of asking (15)")
    run(bench, parser)
