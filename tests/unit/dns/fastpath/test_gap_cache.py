"""Gaps deny what isn't there and nothing else, however they were learned."""

import random
from bisect import bisect_left
from itertools import pairwise

from dnskit import Server, make_query, version
from fastpathkit import agrees
from zonegit.dns.fastpath.gap_cache import Gap, Gaps
from zonegit.dns.wire.message import Transport


def around(keys: list[bytes], key: bytes) -> Gap:
    at = bisect_left(keys, key)
    return Gap(keys[at - 1], keys[at] if at < len(keys) else b"\xff" * 9, b"")


def test_only_what_is_not_there_lies_in_a_gap() -> None:
    draw = random.Random(3)

    def key() -> bytes:
        labels = (bytes(draw.choices(b"abc", k=draw.randint(1, 3))) for _ in range(draw.randint(1, 3)))
        return b"".join(label + b"\0" for label in labels)

    for _ in range(20):
        there = sorted({b"", *(key() for _ in range(draw.randint(0, 30)))})
        gaps = Gaps()
        met = 0
        for asked in (key() for _ in range(300)):
            absent = not any(owner.startswith(asked) for owner in there)
            found = gaps.find(asked)
            assert gaps.first == (found is not None)
            if found is not None:
                assert absent and found == around(there, asked)
                met += 1
            elif absent:
                gaps.learn(around(there, asked))
                assert gaps.find(asked) == around(there, asked)
        assert met > 20


def test_no_more_gaps_are_kept_than_a_few_thousand() -> None:
    gaps = Gaps()
    owners = [number.to_bytes(2, "big") + b"\0" for number in range(0, 20_000, 2)]
    for low, high in pairwise(owners):
        gaps.learn(Gap(low, high, b""))
    held = sum(gaps.find(low + b"\0") is not None for low in owners[:-1])
    assert 0 < held <= 4096
    assert gaps.find(owners[-2] + b"\0") is not None


def test_where_gaps_do_not_come_again_few_names_are_looked_for() -> None:
    gaps = Gaps()
    for number in range(0, 4096, 2):
        gaps.learn(Gap(number.to_bytes(2, "big"), (number + 1).to_bytes(2, "big"), b""))
    assert gaps.skip_mask
    for _ in range(2048):
        assert gaps.find(b"\0\0x") is not None
    assert not gaps.skip_mask


def test_names_between_denials_are_found() -> None:
    owners = [f"{letter}{number}" for letter in "adz" for number in range(3)]
    text = "@ IN SOA ns.x h.x 7 7200 3600 1209600 300\n@ NS ns.x\nx.ent A 192.0.2.1\n"
    text += "".join(f"{owner} A 192.0.2.1\n" for owner in owners)
    zone = version(text, "example.org.")
    server = Server(zone)
    for _ in range(3):
        for name in (*owners, "b", "b1", "a00", "a01", "zz", "0", "ent", "enta", "en", "x"):
            packet = make_query(f"{name}.example.org.", "A", size=1232).to_wire()
            assert agrees(server, packet) or name in ("ent", "x")


def test_a_zone_that_moved_has_no_gaps() -> None:
    base = "@ IN SOA ns.x h.x {} 7200 3600 1209600 300\n@ NS ns.x\na A 192.0.2.1\nz A 192.0.2.1\n"
    server = Server(version(base.format(7), "example.org."))
    packet = make_query("middle.example.org.", "A", size=1232).to_wire()
    for _ in range(3):
        assert agrees(server, packet)
    server.serve(version(base.format(8) + "middle A 192.0.2.2\n", "example.org."))
    expected = server.raw(packet, Transport.TCP)
    assert expected is not None
    assert expected[3] & 15 == 0
    assert server.raw(packet) == expected
