"""The two levels of the cache by themselves: what they take, forget, and are still offered."""

from dnskit import DictVersion, version
from zonegit.dns.cache import AnswerCache
from zonegit.dns.fastpath.packet_cache import PacketCache
from zonegit.dns.wire.seen_before import SeenBefore
from zonegit.dns.zone.zone_state import CachedAnswer, ZoneState


def zone(name: str) -> ZoneState:
    text: DictVersion = version("@ 60 IN SOA a b 1 2 3 4 5\n@ 60 NS a\n", name)
    return ZoneState(text, None, lambda error: None)


def packet(number: int) -> bytes:
    return bytes(10) + number.to_bytes(4, "big")


def answer(size: int = 10, *, spans_zones: bool = False) -> CachedAnswer:
    return CachedAnswer(b"", b"", bytes(size), 0, spans_zones)


def test_what_is_seen_again_is_let_through_once() -> None:
    sight = SeenBefore(10)
    assert [sight("a") for _ in range(4)] == [False, True, False, True]
    for number in range(100):
        assert not sight(number)
    assert len(sight._seen) <= 10


def test_a_packet_is_kept_at_second_sight_if_its_name_is_lowercase() -> None:
    packets, one = PacketCache(10), zone("one.test.")
    for name, kept in ((packet(1)[10:], True), (b"else", False)):
        packets.clear()
        for times in (1, 2):
            packets.offer(one, packet(1), (b"answer", 7), name)
            assert (packets.entries == {packet(1): (b"answer", 7)}) == (kept and times == 2)


def test_packets_that_never_come_again_are_seldom_offered() -> None:
    packets, one = PacketCache(10_000), zone("one.test.")
    for number in range(1024):
        packets.offer(one, packet(number), (b"", 0), b"")
    assert packets.skip_mask == 15
    for number in range(1024):
        packets.offer(one, packet(number % 64), (b"", 0), b"")
    assert packets.skip_mask == 0


def test_packets_are_forgotten_by_zone_and_those_of_several_with_any() -> None:
    packets, one, two = PacketCache(10), zone("one.test."), zone("two.test.")
    for number, owner in enumerate((one, two, None)):
        packets.add(owner, packet(number), (b"", 0))
    packets.drop([one.apex])
    assert list(packets.entries) == [packet(1)]
    entries = packets.entries
    for number in range(100):
        packets.add(two, packet(number), (b"", 0))
        assert 0 < len(entries) <= 10


def test_answers_are_forgotten_by_zone_and_those_of_several_with_any() -> None:
    answers, one, two = AnswerCache(10), zone("one.test."), zone("two.test.")
    for owner, name in ((one, b"1"), (two, b"2")):
        answers.keep(owner, (name, 0), answer(), name_exists=True)
        answers.keep(owner, (name, 1), answer(spans_zones=True), name_exists=True)
    answers.drop([one])
    found = [answers.find(owner, (name, bit)) for owner, name in ((one, b"1"), (two, b"2")) for bit in (0, 1)]
    assert found == [None, None, answer(), None]
    assert answers._count == 1


def test_answers_are_bounded() -> None:
    answers, one, two = AnswerCache(10), zone("one.test."), zone("two.test.")
    for number in range(100):
        owner = (one, two)[number % 2]
        answers.keep(owner, (packet(number), 0), answer(spans_zones=number % 3 == 0), name_exists=True)
        assert answers.find(owner, (packet(number), 0)) is not None
        assert len(one.cached_answers) + len(two.cached_answers) + len(answers._spanning) == answers._count <= 10


def test_answers_that_are_large_or_for_names_that_came_once_are_not_kept() -> None:
    answers, one = AnswerCache(10), zone("one.test.")
    for size, kept in ((4096, True), (4097, False)):
        answers.keep(one, (b"%d" % size, 0), answer(size), name_exists=True)
        assert (answers.find(one, (b"%d" % size, 0)) is not None) == kept
    for times in (1, 2):
        answers.keep(one, (b"invented", 0), answer(), name_exists=False)
        assert (answers.find(one, (b"invented", 0)) is not None) == (times == 2)


def test_both_levels_are_bounded_in_bytes_and_count_them_right() -> None:
    packets, answers = PacketCache(1000, 20_000), AnswerCache(1000, 20_000)
    one, two = zone("one.test."), zone("two.test.")
    for number in range(300):
        owner = (one, two, None)[number % 3]
        packets.add(owner, packet(number), (bytes(number), 0))
        packets.add(owner, packet(number), (bytes(number), 0))
        assert packets.size == sum(256 + len(key) + len(entry[0]) for key, entry in packets.entries.items())
        answers.keep(owner or one, (packet(number), 0), answer(number, spans_zones=owner is None), name_exists=True)
        assert max(packets.size, answers.size) <= 20_000
    assert len(packets.entries) > 10
    packets.drop([one.apex, two.apex])
    answers.drop([one, two])
    assert (packets.entries, packets.size, answers.size, answers._count) == ({}, 0, 0, 0)
