"""Asks all name servers of the parent zone for a zone's DS records, over TCP: harder to forge than UDP.

Every address is asked, at the same time, so that a secondary that lags behind shows. Only an authoritative answer
counts: the DS RRset, or "no data" with the SOA record of a zone above (RFC 2308 §2.2). Whatever else a server does
becomes a line of text beside its name: one that is silent, refuses, doesn't know the parent zone, or sends what is
malformed or huge. Where the servers aren't given, `parent_servers` finds them.
"""

import socket
from collections.abc import Sequence
from math import ceil
from time import monotonic, time
from typing import Final

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.resolver
import dns.rrset
from dns.rdtypes.ANY.SOA import SOA

from zonegit.dnssec.rollover.values import Parent, ParentAnswer
from zonegit.errors import InvalidData, Unreachable, ZonegitError
from zonegit.model.foreign import one_line
from zonegit.net.dns.parent_servers import ParentServer, configured, found_servers, in_parallel

TIMEOUT: Final = 5.0
"""Seconds for all answers together."""
_LARGEST: Final = 8192
"""Bytes of an answer that are read: many times what DS records need."""
_LONGEST_TTL: Final = 7 * 86_400
"""Seconds. No cache keeps records for longer (RFC 8767 §4), whatever a server says."""


def ask_parent(
    zone: str,
    servers: Sequence[str] = (),
    *,
    timeout: float = TIMEOUT,
    resolver: dns.resolver.Resolver | None = None,
    port: int = 53,
) -> Parent:
    """What each name server of the parent zone says of the DS records of `zone`, a name with its final dot.

    `servers` are `ADDRESS` or `ADDRESS:PORT`. If there are none, they are looked up with `resolver` (None: those of
    the machine) and asked at `port`. Takes at most about twice `timeout` seconds. Never raises: errors are part of
    the answer. It is dated at the end, when nobody could get an older answer any more.
    """
    try:
        apex = dns.name.from_text(zone)
        listed = configured(servers) if servers else found_servers(apex, timeout, resolver, port)
        answers = in_parallel(lambda server: _answer(apex, server, timeout), listed, timeout)
    except (ZonegitError, dns.exception.DNSException, OSError, ValueError, RuntimeError) as error:
        return Parent(ceil(time()), (), one_line(str(error) or type(error).__name__))
    late = f"no answer within {timeout:g} s"
    found = (
        answer or ParentAnswer(server.name, None, error=late)
        for server, answer in zip(listed, answers, strict=True)
    )
    return Parent(ceil(time()), tuple(found))


def _answer(apex: dns.name.Name, server: ParentServer, timeout: float) -> ParentAnswer:
    if server.error:
        return ParentAnswer(server.name, None, error=server.error)
    query = dns.message.make_query(apex, dns.rdatatype.DS, flags=0, use_edns=False)
    try:
        response = dns.message.from_wire(_exchange(server, query.to_wire(), timeout))
        if not query.is_response(response):
            raise InvalidData("what it sent isn't a response to the query")
        ds, ttl = _ds_records(response, apex)
    except TimeoutError:
        return ParentAnswer(server.name, None, error=f"no answer within {timeout:g} s")
    except ZonegitError as error:
        return ParentAnswer(server.name, None, error=one_line(str(error)))
    except OSError as error:
        return ParentAnswer(server.name, None, error=one_line(error.strerror or str(error)))
    except Exception as error:  # whatever malformed bytes make dnspython do
        reason = one_line(str(error) or type(error).__name__, 120)
        return ParentAnswer(server.name, None, error=f"its answer is malformed: {reason}")
    return ParentAnswer(server.name, ds, ttl)


def _exchange(server: ParentServer, query: bytes, timeout: float) -> bytes:
    deadline = monotonic() + timeout
    with socket.create_connection((server.address, server.port), timeout) as sock:
        sock.sendall(len(query).to_bytes(2, "big") + query)
        size = int.from_bytes(_read(sock, 2, deadline), "big")
        if size > _LARGEST:
            raise InvalidData(f"its answer has {size} bytes; no more than {_LARGEST} are read")
        return _read(sock, size, deadline)


def _read(sock: socket.socket, count: int, deadline: float) -> bytes:
    read = bytearray()
    while len(read) < count:
        left = deadline - monotonic()
        if left <= 0:
            raise TimeoutError
        sock.settimeout(left)
        part = sock.recv(count - len(read))
        if not part:
            raise Unreachable("it closed the connection without a complete answer")
        read += part
    return bytes(read)


def _ds_records(response: dns.message.Message, apex: dns.name.Name) -> tuple[frozenset[bytes], int]:
    """The RDATA of the DS records and their TTL. `InvalidData` if this isn't the parent's answer."""
    rcode = response.rcode()
    if rcode == dns.rcode.NXDOMAIN:
        raise InvalidData(f"it answers NXDOMAIN: {apex} isn't delegated there")
    if rcode != dns.rcode.NOERROR:
        raise InvalidData(f"it answers {dns.rcode.to_text(rcode)}")
    if response.flags & dns.flags.TC:
        raise InvalidData("its answer is truncated, although it was asked over TCP")
    if not response.flags & dns.flags.AA:
        raise InvalidData("its answer isn't authoritative: it doesn't serve the parent zone")
    ds = response.get_rrset(response.answer, apex, dns.rdataclass.IN, dns.rdatatype.DS)
    if ds is not None:
        return frozenset(rdata.to_digestable() for rdata in ds), _ttl(ds.ttl)
    if response.answer:
        raise InvalidData(f"its answer has no DS records of {apex}, but others")
    return frozenset(), _ttl(_negative_ttl(response, apex))


def _negative_ttl(response: dns.message.Message, apex: dns.name.Name) -> int:
    """How long the answer that there is no DS may be cached (RFC 2308 §5)."""
    soa = next((rrset for rrset in response.authority if rrset.rdtype == dns.rdatatype.SOA), None)
    if soa is None:
        raise InvalidData("its answer has neither DS records nor the SOA record of the parent zone")
    if soa.name == apex or not apex.is_subdomain(soa.name):
        raise InvalidData(f"it answers for the zone {soa.name}, not for the parent of {apex}")
    minimum = soa[0].minimum if isinstance(soa[0], SOA) else 0
    return min(soa.ttl, minimum)


def _ttl(ttl: int) -> int:
    return min(ttl, _LONGEST_TTL)
