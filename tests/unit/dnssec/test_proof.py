"""What is proven before a version is published: right zones of other signers pass, whole and by their changes."""

import time
from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest

from differzones import make_world
from signedzonekit import (
    ALGORITHMS,
    CHAINS,
    DAY,
    Find,
    SignedZone,
    make_keys,
    read,
    sign_with_bind,
    sign_with_ldns,
    tree_of,
)
from treekit import Objects
from zonegit.dnssec.nodes import nodes
from zonegit.dnssec.proof import faults
from zonegit.model.names import APEX_KEY, OwnerKey
from zonegit.model.rdata import DNSKEY, RRSIG
from zonegit.model.rrset import RRKey, rr_key

NOW = int(time.time())
APEX = "example.org."
TEXT = f"""\
$ORIGIN {APEX}
$TTL 300
@        SOA   ns host 7 3600 600 86400 60
@        NS    ns
@        MX    10 mail
ns       A     192.0.2.9
mail     A     192.0.2.25
www      A     192.0.2.1
www      A     192.0.2.2
www      TXT   hello
alias    CNAME www
*.w      A     192.0.2.2
x.w      TXT   here
*.wc     CNAME www
x.y.ent  TXT   deep
sub      NS    ns.sub
ns.sub   A     192.0.2.3
a.b.far  NS    ns.sub
c.b.far  NS    ns.sub
signed   NS    ns.sub
signed   DS    1 15 2 {"00" * 32}
old      DNAME new
a.new    A     192.0.2.4
"""
EDITS = {
    "a record": ("", "www TYPE65280 \\# 1 00\n"),
    "an address": ("192.0.2.25", "192.0.2.26"),
    "a TTL": ("mail     A", "mail 77  A"),
    "a new name": ("", "new2 A 192.0.2.5\n"),
    "a name below another": ("", "a.mail A 192.0.2.5\n"),
    "a name below nothing": ("", "a.b.c.d A 192.0.2.5\n"),
    "a name gone": ("mail     A     192.0.2.25\n", ""),
    "an empty name gone": ("x.y.ent  TXT   deep\n", ""),
    "a wildcard gone": ("*.w      A     192.0.2.2\n", ""),
    "a cut above names": ("", "ent NS ns.example.net.\n"),
    "a secure cut above names": ("", f"w NS ns.example.net.\nw DS 1 15 2 {'00' * 32}\n"),
    "a cut gone": ("sub      NS    ns.sub\n", ""),
    "a cut made secure": ("", f"sub DS 1 15 2 {'00' * 32}\n"),
    "a cut made insecure": (f"signed   DS    1 15 2 {'00' * 32}\n", ""),
    "an insecure cut": ("", "d.b.far NS ns.sub\n"),
    "an insecure cut gone": ("a.b.far  NS    ns.sub\n", ""),
    "a secure name beside insecure cuts": ("", "e.b.far A 192.0.2.1\n"),
    "all insecure cuts gone": ("a.b.far  NS    ns.sub\nc.b.far  NS    ns.sub\n", ""),
    "glue": ("ns.sub   A     192.0.2.3", "ns.sub A 192.0.2.33"),
    "a DNAME above names": ("", "y.ent DNAME new\n"),
    "a DNAME gone": ("old      DNAME new\n", "x.old A 192.0.2.1\n"),
    "other negative TTL": ("86400 60", "86400 61"),
    "only the serial": ("host 7", "host 8"),
}


def dnskeys(zone: SignedZone) -> bytes:
    return dict(zone.entries)[rr_key(APEX_KEY, DNSKEY)]


def whole(zone: SignedZone, now: int = NOW, keys: Sequence[bytes] = ()) -> list[str]:
    return faults(None, tree_of(zone.entries), zone.apex, zone.serial, now, [dnskeys(zone), *keys])


def between(old: SignedZone, new: SignedZone, keys: Sequence[bytes] = ()) -> list[str]:
    objects = Objects()
    trees = tree_of(old.entries, objects), tree_of(new.entries, objects)
    return faults(*trees, new.apex, new.serial, NOW, [dnskeys(new), *keys])


@pytest.mark.parametrize("chain", CHAINS)
@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("split", [False, True], ids=["csk", "ksk+zsk"])
def test_zones_of_other_signers_are_right(
    algorithm: int, chain: str, split: bool, needs_program: Find, tmp_path: Path
) -> None:
    keys = make_keys(needs_program, tmp_path, APEX, algorithm, split=split)
    for sign in (sign_with_bind, sign_with_ldns):
        assert whole(read(sign(needs_program, keys, TEXT, APEX, chain, NOW))) == []


@pytest.mark.parametrize("chain", CHAINS)
@pytest.mark.parametrize("digest", ["sha384", "sha512"])
def test_digests_of_zones_are_right(chain: str, digest: str, needs_program: Find, tmp_path: Path) -> None:
    keys = make_keys(needs_program, tmp_path, APEX, 15)
    text = sign_with_ldns(needs_program, keys, TEXT, APEX, chain, NOW, "-z", f"simple:{digest}")
    assert "ZONEMD" in text
    assert whole(read(text)) == []


@pytest.mark.parametrize("seed", range(3))
def test_zones_full_of_traps_are_right(seed: int, needs_program: Find, tmp_path: Path) -> None:
    for number, zone in enumerate(make_world(seed, CHAINS)):
        keys = make_keys(needs_program, tmp_path / str(number), zone.apex, 15)
        for sign in (sign_with_bind, sign_with_ldns):
            if sign is sign_with_bind or r"\"" not in zone.text():
                signed = read(sign(needs_program, keys, zone.text(), zone.apex, zone.mode, NOW))
                assert whole(signed) == [], (zone.apex, sign)


@pytest.mark.parametrize("chain", CHAINS)
def test_changes_are_right_and_what_a_signer_forgets_is_found(
    chain: str, needs_program: Find, tmp_path: Path
) -> None:
    keys = make_keys(needs_program, tmp_path, APEX, 15, split=True)
    old = read(sign_with_bind(needs_program, keys, TEXT, APEX, chain, NOW))
    for what, (gone, come) in EDITS.items():
        text = TEXT.replace(gone, come) if gone else TEXT + come
        new = read(sign_with_bind(needs_program, keys, text, APEX, chain, NOW))
        for one, other in ((old, new), (new, old)):
            assert between(one, other) == [], what
            assert_nothing_is_forgotten(what, one, other)


def assert_nothing_is_forgotten(what: str, old: SignedZone, new: SignedZone) -> None:
    """Each RRset that changed, left as it was. Of unsigned data, such as glue, nobody can prove anything."""
    was, now = dict(old.entries), dict(new.entries)
    for key in sorted(was.keys() | now.keys()):
        if was.get(key) != now.get(key):
            stale = {**now, key: was[key]} if key in was else {each: now[each] for each in now if each != key}
            made = new._replace(entries=sorted(stale.items()))
            if needs_proof(made, key) or needs_proof(new, key):
                assert between(old, made, [dnskeys(new)]), f"{what}: {key!r} left as it was"


def needs_proof(zone: SignedZone, key: RRKey) -> bool:
    """Whether there is an RRset that is signed, or signatures."""
    owner, rtype = OwnerKey(key[:-3]), int.from_bytes(key[-2:], "big")
    found = [node for node in nodes(zone.entries) if node.key == owner]
    return any(rtype in node.signed_types() or (rtype == RRSIG and rtype in node.types) for node in found)


def test_all_edits_together_and_in_any_order(needs_program: Find, tmp_path: Path) -> None:
    rng = Random(1)
    for chain in CHAINS:
        keys = make_keys(needs_program, tmp_path / chain, APEX, 15)
        last: SignedZone | None = None
        for _ in range(12):
            text = TEXT
            for gone, come in rng.sample(list(EDITS.values()), 6):
                text = text.replace(gone, come) if gone else text + come
            try:
                signed = read(sign_with_bind(needs_program, keys, text, APEX, chain, NOW))
            except AssertionError:
                continue
            if last is not None:
                assert between(last, signed) == []
            last = signed


def test_times(needs_program: Find, tmp_path: Path) -> None:
    keys = make_keys(needs_program, tmp_path, APEX, 15)
    zone = read(sign_with_bind(needs_program, keys, TEXT, APEX, "nsec", NOW))
    assert whole(zone, NOW + 10 * DAY - 4 * 3600) == []
    assert any("must last for 3 hours" in fault for fault in whole(zone, NOW + 10 * DAY - 2 * 3600))
    assert any("isn't valid before" in fault for fault in whole(zone, NOW - DAY - 1))
    assert len(whole(zone, NOW + 20 * DAY)) < 100, "one fault for each signature"
