"""The SOA expire of mirrored zones (RFC 1035 §3.3.13), and a lower bound for all zones mirrored from a peer.

If the peer was reached within this bound, no zone has expired, and none has to be read to know that.
"""

from collections.abc import Iterable
from typing import Final

from zonegit.dns.wire.rrsets import node_of
from zonegit.errors import CorruptStore, ZonegitError
from zonegit.model.ids import ObjectId
from zonegit.model.names import APEX_KEY
from zonegit.model.rdata import SOA
from zonegit.model.refs import RefName
from zonegit.store.port import Reader, Writer
from zonegit.sync.peers import highest, least_expire, set_least_expire
from zonegit.tree.source import NodeCache, Nodes
from zonegit.tree.tree_version import TreeVersion

_LONGEST: Final = 0xFFFFFFFF


def expire_of(reader: Reader, name: RefName, oid: ObjectId, cache: NodeCache | None = None) -> int:
    """The SOA expire of a head's tip in seconds, from its served view or its tree. `CorruptStore` if neither can be
    read.
    """
    try:
        version = reader.view(name)
    except CorruptStore:
        version = None
    nodes = Nodes(reader) if cache is None else Nodes(reader, cache)
    block = (version or TreeVersion(nodes, oid)).at(APEX_KEY)
    if block is None:
        raise CorruptStore(f"{name} has no apex")
    return int.from_bytes(node_of(block)[SOA][1][-8:-4], "big")


def lower_expire(writer: Writer, peer: str, heads: Iterable[RefName]) -> None:
    """Lower the bound for the heads that a pull has moved. To be called before the peer's state is recorded."""
    least = least_expire(writer, peer)
    if least is None and highest(writer, peer) is not None:
        return  # zones of earlier pulls weren't read, so no bound is known
    lower = least if least is not None else _LONGEST
    for name in heads:
        tip = writer.live(name)
        if tip is not None:
            try:
                lower = min(lower, expire_of(writer, name, tip))
            except ZonegitError:
                lower = 0  # then all zones are read each time
    if lower != least:
        set_least_expire(writer, peer, lower)
