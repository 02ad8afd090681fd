"""What is remembered of a zone stays within bounds, whatever is asked."""

import tracemalloc
from itertools import product

import pytest

from dnskit import DictVersion, Server, from_zone, make_query, version
from fastpathkit import signed
from nsec3kit import hashed_zone
from zonegit.dns.fastpath import zone_index
from zonegit.dns.options import Options
from zonegit.dns.wire.bounded_dict import BoundedDict
from zonegit.dns.wire.message import Transport

FEW = 8
LIMITS = ("zone.zone_state._REMEMBERED", "zone.zone_state._CUTS", "zone.nsec3_chain._MOST")
FASTPATH = tuple(
    f"fastpath.{name}"
    for name in (
        "gap_cache._LIMIT",
        "zone_index.LIMIT",
        "zone_index._LENGTHS",
        "targets.LIMIT",
        "nsec_denial.LIMIT",
    )
)
COMPILED = not str(zone_index.__file__).endswith(".py")
"""By `make fast`: then these constants stand in the code."""
ORIGIN = "example.org."
TEXT = "@ 60 IN SOA ns h 1 2 3 4 5\n@ 60 NS ns\nns 60 A 192.0.2.1\n" + "".join(
    f"cut{n} 60 NS ns.cut{n}\nns.cut{n} 60 A 192.0.2.2\nmail{n} 60 MX 1 host.up{n}\n"
    f"host.up{n} 60 A 192.0.2.3\nalias{n} 60 CNAME host.up{n}\n"
    for n in range(20)
)
OWNERS = [f"{name}{n}.{ORIGIN}" for name in ("cut", "up", "mail", "alias", "none") for n in range(20)]
ZONES = {
    "plain": lambda: version(TEXT, ORIGIN),
    "nsec": lambda: signed(TEXT),
    "nsec3": lambda: from_zone(hashed_zone(TEXT, ORIGIN)),
}


def test_it_forgets_everything_when_it_is_full() -> None:
    few = BoundedDict[int, int](3)
    for number in range(4):
        few[number] = number
    assert few == {3: 3}


@pytest.mark.parametrize("kind", ZONES)
def test_what_is_known_of_a_zone(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*LIMITS, *(() if COMPILED else FASTPATH)):
        monkeypatch.setattr(f"zonegit.dns.{name}", FEW)
    zone: DictVersion = ZONES[kind]()
    server = Server(zone)
    held = server.responder.zones.by_apex.get(zone.apex)
    full: set[int] = set()
    for prefix, owner, rtype, do in product(
        ("", "x.", "*.", "xx.none.", "xxx."), OWNERS, ("A", "MX", "DS"), (False, True)
    ):
        packet = make_query(prefix + owner, rtype, do=do).to_wire()
        for transport in (Transport.UDP, Transport.UDP, Transport.TCP):
            server.raw(packet, transport)
        kept = [held.referrals, held.targets, held.hashes, held.wildcards, held.known_hashes.known]
        if not COMPILED:
            index = held.index
            assert isinstance(index, zone_index.ZoneIndex)
            kept += [
                index._steps,
                index._wildcards,
                index.common_suffixes,
                index.shared,
                index.target_records,
                index.referrals,
                index.proofs,
                index.gaps._lows,
            ]
            kept += [step.made for step in index._steps.values() if isinstance(step, zone_index.Cut)]
        assert max(map(len, kept)) <= FEW
        full |= {index for index, each in enumerate(kept) if len(each) == FEW}
    assert len(full) >= (2 if COMPILED else 6), "few of them were ever full"
    assert not server.errors


def test_a_cut_is_asked_below_in_every_length() -> None:
    server = Server(version(TEXT, ORIGIN))
    index = None
    for size, edns in product(range(1, 60), (False, True)):
        server.raw(make_query(f"{'x' * size}.cut1.{ORIGIN}", edns=edns).to_wire())
        index = server.responder.zones.by_apex.loaded[b"\7example\3org\0"].index
    assert isinstance(index, zone_index.ZoneIndex)
    (cut,) = [step for step in index._steps.values() if isinstance(step, zone_index.Cut)]
    assert 0 < len(cut.made) <= 32


def test_a_form_of_query_costs_little_whatever_is_asked_in_it() -> None:
    """Clients can make up thousands of forms, and ask for names of every length in each."""
    server = Server(version(TEXT, ORIGIN), options=Options(cache_entries=1))

    def ask(forms: range) -> None:
        for form, size in product(forms, range(1, 64, 3)):
            server.raw(make_query(f"{'x' * size}.{ORIGIN}", size=form).to_wire())

    ask(range(600, 610))
    tracemalloc.start()
    try:
        ask(range(610, 710))
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 100 * 1500
