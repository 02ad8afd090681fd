"""Writes updates.json beside this file: what programs that can't be run in tests send to update a zone, as bytes.

Made from what the programs' sources say: external-dns, lego, cert-manager, Terraform's provider dns, dnscontrol's
AXFRDDNS and Windows. None compresses names, all put their operations in the order given, and none but Windows has
prerequisites. Messages are without TSIG, whose time would be over; `signed` tells by which algorithm each program
signs unless configured otherwise, or that it can't.

Run `python tests/vectors/make_updates.py` after a change to it.
"""

import json
from pathlib import Path
from struct import pack
from typing import Final, NamedTuple

import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype

FILE: Final = Path(__file__).with_name("updates.json")
IN, NONE, ANY = 1, 254, 255
SOA: Final = 6
NOERROR, REFUSED = 0, 5
HERITAGE: Final = '"heritage=external-dns,external-dns/owner=default,external-dns/resource=service/web/shop"'
TOKENS: Final = ("LHDhK3oGRvkiefQnx7OOczTY5Tic_xZ6HcMOc_gmtoM", "x-JCKbsSuRGvZJqdBBSrCjhuJhsTcBXWyWzFUdtWcnw")


class Step(NamedTuple):
    """One message."""

    operations: list[bytes]
    after: list[str]
    """The records of the zone then, besides those that it had at first: owner, TTL, type, RDATA."""
    rcode: int = NOERROR
    prerequisites: list[bytes] = []  # noqa: RUF012 - none is changed


class Program(NamedTuple):
    """What a program does, message by message."""

    name: str
    signed: str
    """The algorithm that it takes unless told; empty if it doesn't sign."""
    steps: list[Step]
    untouched: tuple[str, ...] = ("@ 3600 NS ns1", "ns1 3600 A 192.0.2.1", "www 300 A 192.0.2.80")
    """The records that the zone has at first (`updatedkit.zone_text`) and that it doesn't touch."""


def wire(name: str) -> bytes:
    return dns.name.from_text(name).to_wire() or b""


def rdata(rtype: str, text: str) -> bytes:
    found = dns.rdata.from_text(dns.rdataclass.IN, rtype, text, dns.name.root, relativize=False)
    return found.to_wire() or b""


def record(owner: str, rtype: str, rclass: int, ttl: int, text: str = "") -> bytes:
    data = rdata(rtype, text) if text else b""
    return wire(owner) + pack("!HHIH", dns.rdatatype.from_text(rtype), rclass, ttl, len(data)) + data


def add(owner: str, ttl: int, rtype: str, text: str) -> bytes:
    return record(owner, rtype, IN, ttl, text)


def delete(owner: str, rtype: str, text: str) -> bytes:
    """Of one record."""
    return record(owner, rtype, NONE, 0, text)


def delete_rrset(owner: str, rtype: str) -> bytes:
    return record(owner, rtype, ANY, 0)


def delete_name(owner: str) -> bytes:
    return record(owner, "ANY", ANY, 0)


def message(zone: str, step: Step) -> bytes:
    header = pack("!6H", 0x2136, 5 << 11, 1, len(step.prerequisites), len(step.operations), 0)
    return header + wire(zone) + pack("!HH", SOA, IN) + b"".join(step.prerequisites + step.operations)


def external_dns() -> Program:
    """A service comes, gets another address, and goes; a TXT record says whose it is. Batches of old and new."""
    zone = "external-dns.example."
    shop, owned = f"shop.{zone}", f"a-shop.{zone}"
    first, second = "192.0.2.20", "192.0.2.21"
    heritage = f"{owned} 0 TXT {HERITAGE}"
    return Program(
        "external-dns",
        "hmac-sha256",
        [
            Step(
                [add(shop, 0, "A", first), add(owned, 0, "TXT", HERITAGE)], [heritage, f"{shop} 0 A {first}"]
            ),
            Step(
                [
                    delete(shop, "A", first), add(shop, 60, "A", second),
                    delete(owned, "TXT", HERITAGE), add(owned, 0, "TXT", HERITAGE),
                ],
                [heritage, f"{shop} 60 A {second}"],
            ),
            Step([delete(shop, "A", second), delete(owned, "TXT", HERITAGE)], []),
        ],
    )  # fmt: skip


def lego() -> Program:
    """An old challenge is replaced, and the new one deleted."""
    owner = "_acme-challenge.www.lego.example."
    first, second = TOKENS
    return Program(
        "lego",
        "hmac-sha1",
        [
            Step([delete_rrset(owner, "TXT"), add(owner, 120, "TXT", first)], [f'{owner} 120 TXT "{first}"']),
            Step([delete_rrset(owner, "TXT"), add(owner, 120, "TXT", second)], [f'{owner} 120 TXT "{second}"']),
            Step([delete(owner, "TXT", second)], []),
        ],
    )


def cert_manager() -> Program:
    """A name and its wildcard: two challenges at one owner."""
    owner = "_acme-challenge.cert-manager.example."
    first, second = TOKENS
    lines = [f'{owner} 60 TXT "{token}"' for token in TOKENS]
    return Program(
        "cert-manager",
        "hmac-md5",
        [
            Step([add(owner, 60, "TXT", first)], lines[:1]),
            Step([add(owner, 60, "TXT", second)], lines),
            Step([delete(owner, "TXT", first)], lines[1:]),
            Step([delete(owner, "TXT", second)], []),
        ],
    )


def terraform() -> Program:
    """A set of addresses is made, changed and deleted, and an alias gets another target in one message."""
    zone = "terraform.example."
    app, alias = f"app.{zone}", f"alias.{zone}"
    return Program(
        "Terraform",
        "hmac-sha256",
        [
            Step(
                [add(app, 3600, "A", "192.0.2.1"), add(app, 3600, "A", "192.0.2.2")],
                [f"{app} 3600 A 192.0.2.1", f"{app} 3600 A 192.0.2.2"],
            ),
            Step([delete(app, "A", "192.0.2.1"), add(app, 3600, "A", "192.0.2.3")], [
                f"{app} 3600 A 192.0.2.2", f"{app} 3600 A 192.0.2.3",
            ]),
            Step([delete_rrset(app, "A")], []),
            Step([add(alias, 3600, "CNAME", f"ns1.{zone}")], [f"{alias} 3600 CNAME ns1.{zone}"]),
            Step(
                [delete(alias, "CNAME", f"ns1.{zone}"), add(alias, 3600, "CNAME", "www.example.net.")],
                [f"{alias} 3600 CNAME www.example.net."],
            ),
            Step([delete_rrset(alias, "CNAME")], []),
        ],
    )  # fmt: skip


def dnscontrol() -> Program:
    """All name servers are replaced, beside one that keeps the set from becoming empty; an alias comes and goes."""
    zone = "dnscontrol.example."
    app, keeper = f"app.{zone}", (zone, 3600, "NS", "dnscontrol.invalid.")
    return Program(
        "dnscontrol",
        "hmac-sha256",
        [
            Step(
                [
                    add(*keeper),
                    delete(zone, "NS", f"ns1.{zone}"), add(zone, 300, "NS", "ns1.example.net."),
                    add(zone, 300, "NS", "ns2.example.net."),
                    delete(zone, "NS", "dnscontrol.invalid."),
                    add(app, 300, "A", "192.0.2.80"),
                ],
                [f"{zone} 300 NS ns1.example.net.", f"{zone} 300 NS ns2.example.net.", f"{app} 300 A 192.0.2.80"],
            ),
            Step(
                [delete_name(app), add(app, 300, "CNAME", f"ns1.{zone}")],
                [
                    f"{zone} 300 NS ns1.example.net.", f"{zone} 300 NS ns2.example.net.",
                    f"{app} 300 CNAME ns1.{zone}",
                ],
            ),
            Step(
                [delete_name(app), add(app, 600, "AAAA", "2001:db8::80")],
                [
                    f"{zone} 300 NS ns1.example.net.", f"{zone} 300 NS ns2.example.net.",
                    f"{app} 600 AAAA 2001:db8::80",
                ],
            ),
            Step(
                [
                    add(*keeper),
                    delete(zone, "NS", "ns1.example.net."), delete(zone, "NS", "ns2.example.net."),
                    delete(app, "AAAA", "2001:db8::80"), add(zone, 3600, "NS", f"ns1.{zone}"),
                    delete(zone, "NS", "dnscontrol.invalid."),
                ],
                [f"{zone} 3600 NS ns1.{zone}"],
            ),
        ],
        ("ns1 3600 A 192.0.2.1", "www 300 A 192.0.2.80"),
    )  # fmt: skip


def windows() -> Program:
    """It tries without a signature first, and takes no for an answer: it knows no TSIG with a shared key."""
    owner = "pc.windows.example."
    changes = [delete_rrset(owner, "AAAA"), delete_rrset(owner, "A"), add(owner, 1200, "A", "192.0.2.77")]
    return Program("Windows", "", [Step(changes, [], REFUSED, [record(owner, "CNAME", NONE, 0)])])


PROGRAMS: Final = (external_dns, lego, cert_manager, terraform, dnscontrol, windows)


def untouched(program: Program, zone: str) -> list[str]:
    """The records that it doesn't touch, with all names in full."""
    found = []
    for each in program.untouched:
        owner, ttl, rtype, text = each.split()
        names = [f"{name}.{zone}" for name in (owner, text)]
        found.append(f"{names[0].removeprefix('@.')} {ttl} {rtype} {names[1] if rtype == 'NS' else text}")
    return found


def main() -> None:
    found = []
    for make in PROGRAMS:
        program = make()
        zone = f"{program.name.lower()}.example."
        steps = [
            {
                "packet": message(zone, step).hex(),
                "rcode": step.rcode,
                "after": sorted(step.after + untouched(program, zone)),
            }
            for step in program.steps
        ]
        about = " ".join((make.__doc__ or "").split())
        found.append(
            {"program": program.name, "about": about, "zone": zone, "signed": program.signed, "steps": steps}
        )
    FILE.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
