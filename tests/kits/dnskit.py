"""A zone version over a dict, from zone file text read by dnspython; a server asked and read in its terms."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping

import dns.flags
import dns.message
import dns.name
import dns.rdataset
import dns.zone

from zonegit.dns.access.requestor import Requestor
from zonegit.dns.options import Options
from zonegit.dns.responder import Responder
from zonegit.dns.stats import SLOTS
from zonegit.dns.transfer.options import TransferOptions
from zonegit.dns.wire.message import Transport
from zonegit.dns.zone.zone_state import ServedZone
from zonegit.errors import CorruptStore
from zonegit.model.ids import ObjectId, object_id
from zonegit.model.names import OwnerKey, WireName, from_text, owner_key, relative
from zonegit.model.rrset import RRset
from zonegit.tree.version import block_item

CLIENT = bytes((127, 0, 0, 1))


class DictVersion:
    """`ZoneVersion` over blocks in a dict. `corrupt` owners can't be read."""

    def __init__(self, apex: WireName, serial: int, rrsets: Iterable[RRset]) -> None:
        self.apex = apex
        self.serial = serial
        self.rrsets = sorted(rrsets, key=lambda rrset: rrset.key)
        blocks: dict[OwnerKey, bytes] = {}
        for rrset in self.rrsets:
            key = owner_key(rrset.owner)
            blocks[key] = blocks.get(key, b"") + block_item(rrset.encode(), serial)
        self.blocks: Mapping[OwnerKey, bytes] = blocks
        self.keys = sorted(blocks)
        self.commit = ObjectId(object_id(b"".join(rrset.encode() for rrset in self.rrsets) + str(serial).encode()))
        self.corrupt: set[OwnerKey] = set()

    def at(self, owner: OwnerKey) -> bytes | None:
        if owner in self.corrupt:
            raise CorruptStore("a flipped bit")
        return self.blocks.get(owner)

    def look(self, owner: OwnerKey) -> tuple[bytes | None, OwnerKey | None]:
        block = self.at(owner)
        return block, None if block else self.after(owner)

    def before(self, owner: OwnerKey) -> tuple[OwnerKey, bytes] | None:
        at = bisect_left(self.keys, owner)
        return (self.keys[at - 1], self.blocks[self.keys[at - 1]]) if at else None

    def after(self, owner: OwnerKey) -> OwnerKey | None:
        at = bisect_right(self.keys, owner)
        return self.keys[at] if at < len(self.keys) else None

    def owners_before(self, owner: OwnerKey, most: int) -> list[OwnerKey]:
        at = bisect_left(self.keys, owner)
        return self.keys[max(at - most, 0) : at][::-1]

    def runs(self, size: int = 10) -> Iterable[tuple[int, bytes]]:
        """Records in runs of `size` RRsets."""
        for at in range(0, len(self.rrsets), size):
            some = self.rrsets[at : at + size]
            yield sum(len(rrset.rdatas) for rrset in some), b"".join(rrset.encode() for rrset in some)


def version(text: str, origin: str) -> DictVersion:
    """The version that a zone file's text describes."""
    return from_zone(dns.zone.from_text(text, origin=origin, relativize=False, check_origin=False))


def from_zone(zone: dns.zone.Zone) -> DictVersion:
    apex = from_text(str(zone.origin).lower())
    rrsets: dict[tuple[bytes, int], tuple[int, list[bytes]]] = {}
    serial = 0
    for name, rdataset in zone.iterate_rdatasets():
        owner = relative(name.to_wire(), apex)
        entry = rrsets.setdefault((owner, int(rdataset.rdtype)), (rdataset.ttl, []))
        entry[1].extend(rdata.to_wire() for rdata in rdataset)
        if rdataset.rdtype == 6:
            serial = rdataset[0].serial
    return DictVersion(
        apex, serial, [RRset.of(owner, rtype, ttl, rdatas) for (owner, rtype), (ttl, rdatas) in rrsets.items()]
    )


def _nobody(_zone: WireName, _client: bytes, _key: WireName | None) -> bool:
    """Who may transfer zones: so ANY gets the same over TCP as over UDP."""
    return False


class Server:
    """A responder over some versions, asked in dnspython's terms."""

    def __init__(self, *versions: DictVersion, options: Options | None = None) -> None:
        self.errors: list[Exception] = []
        self.stats = [0] * SLOTS
        options = options or Options(
            log=lambda _, error: self.errors.append(error), transfers=TransferOptions(_nobody)
        )
        self.responder = Responder(options, self.stats)
        self.serve(*versions)

    def serve(self, *versions: DictVersion) -> None:
        self.responder.replace_zones({version.apex: ServedZone(version) for version in versions})

    def raw(self, packet: bytes, transport: Transport = Transport.UDP, client: bytes = CLIENT) -> bytes | None:
        return self.responder.respond(packet, Requestor(client, transport))

    def ask(
        self,
        name: str,
        rtype: str = "A",
        *,
        do: bool = False,
        edns: bool = True,
        size: int = 1232,
        transport: Transport = Transport.UDP,
        client: bytes = CLIENT,
    ) -> dns.message.QueryMessage:
        """The response, which must answer this query."""
        query = make_query(name, rtype, do=do, edns=edns, size=size)
        data = self.raw(query.to_wire(), transport, client)
        assert data is not None
        response = dns.message.from_wire(data)
        assert query.is_response(response)
        assert bool(response.edns >= 0) == edns
        return response


def make_query(
    name: str, rtype: str = "A", *, do: bool = False, edns: bool = True, size: int = 1232
) -> dns.message.QueryMessage:
    query = dns.message.make_query(name, rtype, use_edns=0 if edns else -1, payload=size, want_dnssec=do)
    query.flags &= ~dns.flags.RD
    query.id = 4711
    return query


def lines(section: list[dns.rrset.RRset]) -> list[str]:
    """A section's records, sorted, one line each: owner, TTL, type, RDATA."""
    found = []
    for rrset in section:
        kind = dns.rdatatype.to_text(rrset.rdtype)
        found.extend(f"{rrset.name} {rrset.ttl} {kind} {rdata.to_text()}" for rdata in rrset)
    return sorted(found)
