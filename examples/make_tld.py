"""Write `tld.example.zone`, a zone like that of a small top-level domain: thousands of delegations and little else.

    python examples/make_tld.py > examples/tld.example.zone

The same file comes out each time. Of ten delegations about six go to a hosting company's name servers outside of
the zone, two to name servers of their own that need glue, two to a neighbour's; every fourth is signed.
"""

import sys
from collections.abc import Iterator
from hashlib import sha256
from typing import Final

FIRST: Final = """
amber autumn birch blue bold brick bright bronze calm cedar chalk clear cloud coastal copper coral
crisp dawn deep distant early eastern elder ember fair fern field flint forest frosty garden gentle
glass golden grand granite green harbour hazel hidden high hollow indigo iron ivory keen kind lake
lantern large light little lone long lunar maple meadow merry misty modern mossy narrow noble
northern oaken ocean olive open orchard
"""
SECOND: Final = """
anchor archive atelier bakery barn bench bicycle books bridge cabin cafe canvas ceramics chapel
choir clinic compass cottage craft dental design dive engine farm ferry films florist forge foundry
furniture gallery grocer guild hotel ink joinery kitchen knits lab law leather library loom market
mill museum music nursery optics paper pharmacy piano post press radio records sail school shoes
studio tailor tea theatre tools
"""
HOSTERS: Final = ("northwind-dns", "parkway-hosting", "quay-registrar", "rookery-cloud", "silt-networks")
HEAD: Final = """\
; A zone like a small top-level domain's, written by make_tld.py.
$ORIGIN tld.example.
$TTL 1d
@ SOA a.nic hostmaster.nic 2026112101 30m 15m 1w 1h
 NS a.nic
 NS b.nic
 NS c.nic-servers.example.net.
 TXT "A top-level domain that is made up"
nic MX 10 mail.nic
 TXT "The registry itself stands in the zone, not behind a delegation"
www.nic A 192.0.2.80
 AAAA 2001:db8:ff::80
a.nic A 192.0.2.53
 AAAA 2001:db8:ff::53
b.nic A 198.51.100.53
mail.nic A 192.0.2.25
whois.nic CNAME www.nic
_nicname._tcp SRV 0 0 43 whois-1.nic
whois-1.nic A 192.0.2.43"""


def delegation(name: str, neighbour: str) -> Iterator[str]:
    """The lines of one delegation, derived from a hash of its name."""
    dice = sha256(name.encode()).digest()
    host = f"{dice[3]}.{dice[4]}"
    if dice[0] < 154:
        hoster = HOSTERS[dice[1] % len(HOSTERS)]
        yield f"{name} NS ns1.{hoster}.example."
        yield f" NS ns2.{hoster}.example."
    elif dice[0] < 205 or not neighbour:
        yield f"{name} NS ns1.{name}"
        yield f" NS ns2.{name}"
        yield f"ns1.{name} A 10.1.{host}"
        yield f"ns2.{name} A 10.2.{host}"
        if dice[2] < 128:
            yield f" AAAA 2001:db8:{dice[3]:x}::{dice[4]:x}"
    else:
        yield f"{name} NS ns1.{neighbour}"
        yield f" NS ns2.{neighbour}"
    if dice[5] < 64:
        tag = int.from_bytes(dice[6:8], "big")
        yield f"{name} DS {tag} 13 2 {sha256(dice).hexdigest()}"


def zone() -> Iterator[str]:
    """All lines; a neighbour is the last preceding name with its own name servers."""
    yield HEAD
    neighbour = ""
    for first in FIRST.split():
        for second in SECOND.split():
            name = f"{first}-{second}"
            lines = list(delegation(name, neighbour))
            yield from lines
            if lines[0] == f"{name} NS ns1.{name}":
                neighbour = name


if __name__ == "__main__":
    sys.stdout.writelines(f"{line}\n" for line in zone())
