"""The counters of answering: one row of integers for each worker, summed for the metrics page.

    row   = fixed slots | names of zones | planes
    plane = the slots of each zone, for one transport and address family
    slots of a zone = one for each type and rcode

Label values are bounded: a query type that isn't listed counts as "other", and so does a zone beyond `ZONES`.
`SERIES` names every fixed slot. An answer from a zone is counted once, in the zone's slots in the plane of its
transport and address family, so that counting by zone needs no second addition: see `zone_counts`.
"""

from typing import Final, NamedTuple

from zonegit.dns.wire.message import Rcode, Transport

QTYPES: Final = (
    "A", "NS", "CNAME", "SOA", "PTR", "MX", "TXT", "AAAA", "SRV", "NAPTR", "DS", "NSEC", "DNSKEY", "TLSA", "SVCB",
    "HTTPS", "CAA", "IXFR", "AXFR", "ANY", "other",
)  # fmt: skip
_NUMBERS: Final = (1, 2, 5, 6, 12, 15, 16, 28, 33, 35, 43, 47, 48, 52, 64, 65, 257, 251, 252, 255)
_RCODES: Final = tuple(Rcode)
_OTHER: Final = len(_NUMBERS)
FAMILIES: Final = ("ipv4", "ipv6")

_QUERY_AT: Final = {number: index * len(_RCODES) for index, number in enumerate(_NUMBERS)}
_RCODE_AT: Final = {int(rcode): index for index, rcode in enumerate(_RCODES)}
_QUERIES_END: Final = len(QTYPES) * len(_RCODES)

TRUNCATED: Final = _QUERIES_END
DROPPED_SHORT: Final = _QUERIES_END + 1
DROPPED_RESPONSE: Final = _QUERIES_END + 2
CACHE_PACKET: Final = _QUERIES_END + 3
"""Hits of the first level: counted, with the answer, by the loop that consults `Responder.cache`."""
CACHE_QUESTION: Final = _QUERIES_END + 4
CORRUPT: Final = _QUERIES_END + 5
TRANSFERS_OK: Final = _QUERIES_END + 6
TRANSFERS_REFUSED: Final = _QUERIES_END + 7
TRANSFERS_FAILED: Final = _QUERIES_END + 8
_IXFR: Final = _QUERIES_END + 9
"""The first of the same three slots for IXFR."""
DROPPED_RATE: Final = _QUERIES_END + 12
SLIPPED: Final = _QUERIES_END + 13
"""DROPPED_RATE and SLIPPED are counted by the loop, for responses that are also counted as answers."""
NOTIFIES_OK: Final = _QUERIES_END + 14
NOTIFIES_REFUSED: Final = _QUERIES_END + 15
_REQUESTS: Final = _QUERIES_END + 16
FIXED: Final = _REQUESTS + len(Transport) * len(FAMILIES)
"""How many slots `SERIES` names."""

ZONES: Final = 128
"""How many zones have slots in a plane; the first slots are shared by all zones that have none of their own."""
NAME_CELLS: Final = 33
"""Cells of a zone's name in a row: one for its length, the others for up to 255 bytes."""
NAMES: Final = FIXED
ZONE_SLOTS: Final = _QUERIES_END
"""How many slots a zone has in a plane."""
PLANE: Final = ZONES * ZONE_SLOTS
PLANES: Final = NAMES + ZONES * NAME_CELLS
SLOTS: Final = PLANES + len(Transport) * len(FAMILIES) * PLANE
"""How long a row is."""


def query_slot(qtype: int, rcode: int) -> int:
    """The slot of answers to this type with this rcode, relative to a zone's offset.

    At offset 0 it counts responses that don't come from a zone.
    """
    return _QUERY_AT.get(qtype, _OTHER * len(_RCODES)) + _RCODE_AT[rcode]


def request_slot(transport: Transport, client: bytes) -> int:
    """The slot of requests that no zone answered, by transport and the client's family (4 or 16 address bytes)."""
    return _REQUESTS + transport * len(FAMILIES) + (len(client) == 16)


def plane(transport: Transport, client: bytes) -> int:
    """The offset from a zone's slot, which is in the first plane, to the plane of this transport and family."""
    return (transport * len(FAMILIES) + (len(client) == 16)) * PLANE


class Series(NamedTuple):
    """How a slot appears on the metrics page; all are counters."""

    slot: int
    name: str
    labels: tuple[tuple[str, str], ...] = ()


SERIES: Final = (
    *(
        Series(index * len(_RCODES) + at, "zonegit_dns_queries_total", (("qtype", qtype), ("rcode", rcode.name)))
        for index, qtype in enumerate(QTYPES)
        for at, rcode in enumerate(_RCODES)
    ),
    Series(TRUNCATED, "zonegit_dns_truncated_total"),
    Series(DROPPED_SHORT, "zonegit_dns_dropped_total", (("reason", "short"),)),
    Series(DROPPED_RESPONSE, "zonegit_dns_dropped_total", (("reason", "response"),)),
    Series(DROPPED_RATE, "zonegit_dns_dropped_total", (("reason", "rate"),)),
    Series(SLIPPED, "zonegit_dns_slipped_total"),
    Series(CACHE_PACKET, "zonegit_dns_cache_hits_total", (("level", "packet"),)),
    Series(CACHE_QUESTION, "zonegit_dns_cache_hits_total", (("level", "question"),)),
    Series(CORRUPT, "zonegit_store_corrupt_objects_total"),
    *(
        Series(first + at, "zonegit_transfers_total", (("type", kind), ("direction", "out"), ("result", result)))
        for kind, first in (("axfr", TRANSFERS_OK), ("ixfr", _IXFR))
        for at, result in enumerate(("ok", "refused", "failed"))
    ),
    Series(NOTIFIES_OK, "zonegit_notifies_received_total", (("result", "ok"),)),
    Series(NOTIFIES_REFUSED, "zonegit_notifies_received_total", (("result", "refused"),)),
    *(
        Series(
            _REQUESTS + transport * len(FAMILIES) + at,
            "zonegit_dns_requests_total",
            (("zone", "none"), ("proto", transport.name.lower()), ("family", family)),
        )
        for transport in Transport
        for at, family in enumerate(FAMILIES)
    ),
)
