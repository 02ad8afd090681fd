"""A zone given an NSEC3 chain, with signatures that say what they cover and are no more than that."""

import dns.dnssec
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.zone

_BASE32HEX = "0123456789abcdefghijklmnopqrstuv"


def hashed_zone(
    text: str, origin: str, *, salt: str = "-", iterations: int = 0, opt_out: bool = False, sign: bool = True
) -> dns.zone.Zone:
    """The zone with one NSEC3 for each name that RFC 5155 §7.1 gives one. There is no data below a DNAME in it."""
    zone = dns.zone.from_text(text, origin=origin, relativize=False)
    top = dns.name.from_text(origin)
    _put(zone, top, "NSEC3PARAM", f"1 0 {iterations} {salt}")
    types = _types(zone, top, opt_out)
    if sign:
        for name, held in types.items():
            for rtype in sorted(held if name == top or "NS" not in held else held & {"DS"}):
                _sign(zone, name, rtype)
    hashes = {hash_name(str(name), salt, iterations): held for name, held in types.items()}
    ring = sorted(hashes)
    for digest, after in zip(ring, [*ring[1:], ring[0]], strict=True):
        held = hashes[digest]
        if sign and held and held != {"NS"}:
            held = held | {"RRSIG"}
        bitmap = " ".join(sorted(held, key=dns.rdatatype.from_text))
        owner = dns.name.from_text(digest, top)
        _put(zone, owner, "NSEC3", f"1 {int(opt_out)} {iterations} {salt} {after} {bitmap}")
        if sign:
            _sign(zone, owner, "NSEC3")
    return zone


def hash_name(name: str, salt: str = "-", iterations: int = 0) -> str:
    return dns.dnssec.nsec3_hash(name, None if salt == "-" else salt, iterations, 1).lower()


def _types(zone: dns.zone.Zone, top: dns.name.Name, opt_out: bool) -> dict[dns.name.Name, set[str]]:
    """The types at each name that has an NSEC3; none at empty non-terminals."""
    cuts = {name for name, _ in zone.iterate_rdatasets("NS")} - {top}
    found: dict[dns.name.Name, set[str]] = {}
    for name, node in zone.items():
        if any(name != cut and name.is_subdomain(cut) for cut in cuts):
            continue
        held = {dns.rdatatype.to_text(rdataset.rdtype) for rdataset in node}
        if name in cuts:
            held &= {"NS", "DS"}
            if opt_out and "DS" not in held:
                continue
        while name != top and name not in found:
            found[name] = held
            name, held = name.parent(), set()
            if name in zone:
                break
        found.setdefault(top, set())
    found[top] = {dns.rdatatype.to_text(rdataset.rdtype) for rdataset in zone[top]}
    return found


def _sign(zone: dns.zone.Zone, name: dns.name.Name, covered: str) -> None:
    rdataset = zone.get_rdataset(name, covered)
    assert rdataset is not None
    labels = len(name) - 1 - (name.labels[0] == b"*")
    text = f"{covered} 15 {labels} {rdataset.ttl} 20300101000000 20200101000000 1 {zone.origin} AAAA"
    _put(zone, name, "RRSIG", text, rdataset.ttl)


def _put(zone: dns.zone.Zone, name: dns.name.Name, rtype: str, text: str, ttl: int = 300) -> None:
    rdata = dns.rdata.from_text(dns.rdataclass.IN, rtype, text, origin=zone.origin, relativize=False)
    zone.find_rdataset(name, rdata.rdtype, rdata.covers(), create=True).add(rdata, ttl)
