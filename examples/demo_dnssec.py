"""The part of `make demo` on DNSSEC: a zone is signed and validated, and a key is replaced in simulated time."""

import re

from primary import Primary
from tour import Tour

CONFIG = ".zonegit/zonegitd.toml"
ZONE = "lab.example.org"
CACHES = "caches to drop"
PARENT = "all servers of the parent to have exactly the DS of key"


def walk(tour: Tour, primary: Primary) -> None:
    sign(tour, primary)
    validate(tour, primary)
    replace_a_key(tour)


def sign(tour: Tour, primary: Primary) -> None:
    tour.step("Sign", "One command has a zone signed. The parent, example.org, is served here, too.")
    tour.run("zonegit delete lab DS -m 'lab moves here, without signatures'", r"^-lab\.example\.org\..*\sDS\s")
    tour.run(f"zonegit zone add {ZONE}", r"^\[lab\.example\.org\. main ")
    tour.run(f"zonegit --zone {ZONE} set www A 300 192.0.2.120", "192\\.0\\.2\\.120$")
    tour.run(f"zonegit dnssec enable {ZONE}", r'^\[zone\."lab\.example\.org\."\.dnssec\]$')
    tour.write(CONFIG, f'parent = ["127.0.0.1:{primary.dns}"]', append=True)
    tour.run(f"zonegit config check {CONFIG}", " is valid: ")
    primary.reload(tour)
    tour.soon(
        f"zonegit dnssec status {ZONE}",
        r"^signed +since .*, with denial by nsec$",
        r"^key +\d+ ecdsap256sha256 csk: signs, ",
        rf"^waits for +{CACHES} .* signatures",
        rf"^parent +127\.0\.0\.1:{primary.dns}: has no DS records, as it should$",
    )
    tour.note("the parent gets the DS records once no cache holds what isn't signed, and not before")
    tour.run(
        f"zonegit dnssec ds {ZONE}", f"the parent must not have DS records .* now: it waits for {CACHES}", code=1
    )
    tour.run("ls -l dnssec-keys/lab.example.org", r"^-rw------- .*\.pem$")


def validate(tour: Tour, primary: Primary) -> None:
    tour.step("Validate", "BIND's validator trusts the zone's key, and follows the signatures from there.")
    if not tour.has("delv"):
        return
    tour.soon(
        f"echo 'trust-anchors {{ {ZONE} static-key' "
        f"$({primary.dig} +short +nosplit {ZONE} DNSKEY | sed -E 's/ (\\S+)$/ \"\\1\"/') '; }};' | tee lab.key",
        r'static-key 257 3 13 "\S+" ; };$',
    )
    delv = f"delv @127.0.0.1 -p {primary.dns} -a lab.key +root={ZONE}"
    tour.run(f"{delv} www.{ZONE} A", "^; fully validated$", r"\s192\.0\.2\.120$")
    tour.run(f"{delv} nothing.{ZONE} A", "^; negative response, fully validated$")
    tour.run(f"zonegit --zone {ZONE} set www A 300 192.0.2.121 -m 'Move www'", "1 RRset changed$")
    tour.soon(f"{delv} www.{ZONE} A", "^; fully validated$", r"\s192\.0\.2\.121$")
    tour.note("what a commit changes is signed at once")
    tour.run(f"zonegit --zone {ZONE} diff HEAD~1 HEAD", r"^\+www", unexpected="RRSIG")


def replace_a_key(tour: Tour) -> None:
    tour.step(
        "Replace a key",
        "The steps wait for caches and for the parent, for hours or days. So the time is simulated here, and a\n"
        "parent that reads CDS records every three hours.",
    )
    told = tour.run(
        "python examples/roll_key.py simulated example.net.",
        rf"\| key \d+ signs \| CDS: none \| waits for: {CACHES} records with older signatures",
        rf"\| key \d+ signs \| CDS: \d+ \| waits for: {PARENT} \d+",
        rf"; key \d+ signs the DNSKEY records only \| CDS: \d+ \| waits for: {CACHES} the DNSKEY records",
        rf"DNSKEY records only, is being replaced; key \d+ signs \| .*: {CACHES} records with older signatures",
        rf"DNSKEY records only, is being replaced; key \d+ signs \| .*: {PARENT} \d+",
        rf"is being replaced; key \d+ signs \| CDS: \d+ \| waits for: {CACHES} the DS records",
        r"\| key \d+ is gone, key \d+ signs$",
    )
    ((old, new),) = re.findall(r"key (\d+) is gone, key (\d+) signs$", told, re.MULTILINE)
    tour.run(
        "zonegit --repo simulated dnssec ds",
        rf"\sDS\s{new} 13 2 ",
        "^all name servers of the parent have these records$",
        unexpected=rf"\sDS\s{old} ",
    )
