"""Any object as text, for `cat-object`. Owners are relative to the apex, which a node doesn't know."""

from collections.abc import Iterator

from zonegit.model.ids import HEADER_SIZE, Kind, kind_of
from zonegit.model.names import owner_text
from zonegit.model.node import Leaf, decode_node, decode_rrset, is_stub, stub_target
from zonegit.model.rrset import RRKey, RRset, key_parts
from zonegit.model.zone import Zone
from zonegit.zonefile.text import rdata_text
from zonegit.zonefile.types import type_text


def readable(data: bytes) -> Iterator[str]:
    """The lines that describe an object."""
    kind = kind_of(data)
    if kind in (Kind.COMMIT, Kind.TAG):
        yield from data[HEADER_SIZE:].decode().splitlines()
    elif kind is Kind.ZONE:
        yield from _zone(Zone.decode(data))
    elif kind is Kind.RRSET:
        yield from _records(decode_rrset(data))
    else:
        yield from _node(data)


def _zone(zone: Zone) -> Iterator[str]:
    shape = zone.shape
    yield f"tree {zone.tree.hex()}"
    yield f"salt {shape.salt.hex()}"
    yield f"sizes {shape.smallest} {shape.target} {shape.largest}"
    yield f"records {zone.records}"


def _node(data: bytes) -> Iterator[str]:
    node = decode_node(data)
    if isinstance(node, Leaf):
        for key, payload in zip(node.keys, node.payloads, strict=True):
            if is_stub(payload):
                records, target = stub_target(payload)
                yield f"{_place(key)}: {records} records in the rrset {target.hex()}"
            else:
                yield from _records(payload)
        return
    for key, child, count in zip(node.keys, node.children, node.counts, strict=True):
        yield f"{child.hex()} {count} records to {_place(key)}"


def _records(payload: bytes) -> Iterator[str]:
    rrset = RRset.decode(payload)
    for rdata in rrset.rdatas:
        text = rdata_text(rrset.rtype, rdata)
        yield f"{owner_text(rrset.owner)} {rrset.ttl_of(rdata)} IN {type_text(rrset.rtype)} {text}"


def _place(key: RRKey) -> str:
    owner, rtype = key_parts(key)
    return f"{owner_text(owner)} {type_text(rtype)}"
