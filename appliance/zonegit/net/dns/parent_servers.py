"""Finds the name servers of the zone above a zone, with the resolvers of the machine: their names, then addresses.

How many are used and how long that takes is bounded, whatever the resolvers say.
"""

import errno
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from ipaddress import ip_address
from time import monotonic
from typing import Final, NamedTuple, TypeVar

import dns.exception
import dns.name
import dns.rdatatype
import dns.resolver

from zonegit.errors import InvalidData, NotFound, Unreachable
from zonegit.model.foreign import one_line
from zonegit.ops.address import Address

_MOST_SERVERS: Final = 64
"""Addresses that are asked: the root zone has 26."""
_UNREACHABLE: Final = frozenset((errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL))
_CONFIGURE = "name its servers in the zone's setting `parent`"

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


class ParentServer(NamedTuple):
    """One address of a name server of the parent zone."""

    name: str
    """As reports show it: its name and address."""
    address: str
    port: int
    error: str = ""
    """One line: why it can't be asked."""


def configured(servers: Sequence[str]) -> list[ParentServer]:
    """The servers of `ADDRESS` or `ADDRESS:PORT`. `ConfigError`, `InvalidData`."""
    _check_count(len(servers), "the setting `parent`")
    parsed = [_address(each) for each in servers]
    return [ParentServer(text, *address) for text, address in zip(servers, parsed, strict=True)]


def _address(text: str) -> Address:
    try:
        return Address(str(ip_address(text)), 53)
    except ValueError:
        return Address.parse(text)


def found_servers(
    apex: dns.name.Name, seconds: float, resolver: dns.resolver.Resolver | None, port: int
) -> list[ParentServer]:
    """All addresses of all name servers of the zone above `apex`. `NotFound`, `Unreachable`, `InvalidData`."""
    if apex == dns.name.root:
        raise NotFound("the root zone has no parent")
    deadline = monotonic() + seconds
    try:
        asked = resolver or dns.resolver.Resolver()
        parent = dns.resolver.zone_for_name(apex.parent(), resolver=asked, lifetime=seconds)
        answer = asked.resolve(parent, dns.rdatatype.NS, lifetime=deadline - monotonic())
        names = sorted(rdata.target for rdata in answer)
    except (dns.exception.DNSException, OSError) as error:
        raise Unreachable(f"the parent of {apex} can't be looked up: {_reason(error)}") from None
    _check_count(len(names), f"the zone {parent}")
    queries = [(name, kind) for name in names for kind in (dns.rdatatype.AAAA, dns.rdatatype.A)]
    looked_up = in_parallel(lambda query: _addresses(asked, *query, deadline), queries, seconds)
    servers = [
        server
        for name, ipv6, ipv4 in zip(names, looked_up[::2], looked_up[1::2], strict=True)
        for server in _servers(name, ipv6, ipv4, port)
    ]
    _check_count(len(servers), f"the zone {parent}")
    return servers


def _check_count(count: int, whose: str) -> None:
    if count > _MOST_SERVERS:
        raise InvalidData(f"{whose} has {count} name servers; no more than {_MOST_SERVERS} are asked: {_CONFIGURE}")


class _Addresses(NamedTuple):
    found: tuple[str, ...]
    error: str = ""


def _addresses(
    resolver: dns.resolver.Resolver, name: dns.name.Name, kind: dns.rdatatype.RdataType, deadline: float
) -> _Addresses:
    try:
        answer = resolver.resolve(name, kind, lifetime=max(0.0, deadline - monotonic()), raise_on_no_answer=False)
        return _Addresses(tuple(sorted(rdata.address for rdata in answer)))
    except dns.resolver.NXDOMAIN:
        return _Addresses(())
    except (dns.exception.DNSException, OSError) as error:
        return _Addresses((), _reason(error))


def _servers(
    name: dns.name.Name, ipv6: _Addresses | None, ipv4: _Addresses | None, port: int
) -> list[ParentServer]:
    """The addresses to ask of one name server.

    IPv6 addresses are left out on a machine without IPv6, likewise IPv4, but not if there are no others.
    """
    late = _Addresses((), "the resolvers don't answer in time")
    both = [ipv6 or late, ipv4 or late]
    if error := next((each.error for each in both if each.error), ""):
        return [ParentServer(str(name), "", port, f"its addresses can't be looked up: {error}")]
    addresses = [address for each in both for address in each.found]
    if not addresses:
        return [ParentServer(str(name), "", port, f"it has no address; {_CONFIGURE}")]
    reachable = [address for address in addresses if _has_route(address, port)]
    return [ParentServer(f"{name} ({address})", address, port) for address in reachable or addresses]


def _has_route(address: str, port: int) -> bool:
    """Whether this machine can send to such an address at all. Nothing is sent."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.connect((address, port))
    except OSError as error:
        return error.errno not in _UNREACHABLE
    return True


def in_parallel(call: Callable[[_Item], _Result], items: Sequence[_Item], seconds: float) -> list[_Result | None]:
    """The results of calls that run at the same time; None for those that take longer.

    Nobody waits for these; they have to end by themselves. `RuntimeError` if no thread can be started.
    """
    pool = ThreadPoolExecutor(max(1, len(items)))
    futures = [pool.submit(call, item) for item in items]
    done, _ = wait(futures, seconds)
    pool.shutdown(wait=False, cancel_futures=True)
    return [future.result() if future in done else None for future in futures]


def _reason(error: Exception) -> str:
    """In one line. dnspython's own text repeats every attempt."""
    if isinstance(error, dns.resolver.LifetimeTimeout):
        return "the resolvers don't answer in time"
    if isinstance(error, dns.resolver.NoRootSOA):
        return "this machine's resolvers don't know the root zone"
    return one_line(str(error) or type(error).__name__, 160)
