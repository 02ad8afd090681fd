"""Rate limits by network and class, with slips; pure, so the clock is a number here."""

import pytest

from dnskit import make_query
from zonegit.dns.access.acl import Acl
from zonegit.dns.access.cookies import Cookies
from zonegit.dns.access.rate import Limit, Rate, truncated

QUERY = make_query("www.example.org.", "A", edns=False).to_wire()[2:]
QUESTION = QUERY[10:]
ANSWER = b"\x84\0\0\1\0\1\0\0\0\0" + QUESTION + b"\xc0\x0c\0\1\0\1\0\0\0\1\0\4\1\2\3\4"
REFERRAL = b"\x80\0\0\1\0\0\0\1\0\0" + QUESTION
NO_DATA = b"\x84\0\0\1\0\0\0\1\0\0" + QUESTION
NO_NAME = b"\x84\3\0\1\0\0\0\1\0\0" + QUESTION
ERROR = b"\x80\5\0\1\0\0\0\0\0\0" + QUESTION
CLASSES = (ANSWER, REFERRAL, NO_DATA, NO_NAME, ERROR)
CLIENT = bytes((192, 0, 2, 1))


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def passed(rate: Rate, times: int, response: bytes = ANSWER, client: bytes = CLIENT, query: bytes = QUERY) -> int:
    return sum(rate(query, response, client) == response for _ in range(times))


def test_a_network_gets_so_many_a_second_and_no_more():
    clock = Clock()
    rate = Rate(Limit(5), clock)
    assert passed(rate, 20) == 5
    assert passed(rate, 20, client=bytes((192, 0, 2, 200))) == 0, "the same /24"
    assert passed(rate, 20, client=bytes((192, 0, 3, 1))) == 5, "another one"
    clock.now += 0.5
    assert passed(rate, 20) == 2
    clock.now += 3600
    assert passed(rate, 20) == 5, "one second's worth is the most that is saved up"
    clock.now -= 7200
    assert passed(rate, 20) == 0, "a clock set back gives nothing away"


def test_classes_have_buckets_of_their_own():
    rate = Rate(Limit(3), Clock())
    for response in CLASSES:
        assert passed(rate, 10, response) == 3


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("20010db8000000010000000000000001", "20010db8000000ff0000000000000001", True),
        ("20010db8000000010000000000000001", "20010db8000001010000000000000001", False),
        ("00000000000000000000ffffc0000201", "c00002ff", True),
    ],
)
def test_ipv6_networks_have_56_bits_and_mapped_ones_are_ipv4(one: str, other: str, same: bool):
    rate = Rate(Limit(2), Clock())
    assert passed(rate, 5, client=bytes.fromhex(one)) == 2
    assert passed(rate, 5, client=bytes.fromhex(other)) == (0 if same else 2)


@pytest.mark.parametrize(("slip", "slipped"), [(0, 0), (1, 10), (2, 5), (3, 3)])
def test_each_so_many_th_comes_back_with_tc(slip: int, slipped: int):
    rate = Rate(Limit(1, slip=slip), Clock())
    rate(QUERY, ANSWER, CLIENT)
    found = [rate(QUERY, ANSWER, CLIENT) for _ in range(10)]
    assert found.count(b"\x86\0\0\1\0\0\0\0\0\0" + QUESTION) == slipped
    assert found.count(None) == 10 - slipped


def test_a_slip_without_a_question_is_a_header():
    assert truncated(b"\x80\1" + bytes(8)) == b"\x82\1" + bytes(8)
    odd = b"\x04a\0b.\0\0\1\0\1"
    assert truncated(b"\x84\0\0\1\0\1\0\0\0\0" + odd + b"rest") == b"\x86\0\0\1\0\0\0\0\0\0" + odd


def test_exempt_networks_and_proven_clients_are_not_limited():
    cookies = Cookies([bytes(16)], lambda: 1_700_000_000.0)
    rate = Rate(Limit(1, exempt=Acl.parse(["198.51.100.0/24"])), Clock(), cookies)
    assert passed(rate, 9, client=bytes((198, 51, 100, 7))) == 9
    mine = cookies.answer(bytes(8), CLIENT)
    assert mine is not None
    for option, expected in (
        (mine, 9),
        (b"\0\x0a\0\x08" + bytes(8), 0),
        (mine[:-1] + b"x", 0),
        (b"\0\x0a\0\x99x", 0),
    ):
        query = QUERY[:8] + b"\0\1" + QUESTION + b"\0\0\x29\4\xd0\0\0\0\0" + len(option).to_bytes(2, "big") + option
        rate(QUERY, ANSWER, CLIENT)
        assert passed(rate, 9, query=query) == expected


def test_memory_is_bounded_and_old_buckets_are_kept_a_while(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("zonegit.dns.access.rate._BUCKETS", 100)
    rate = Rate(Limit(1), Clock())
    assert passed(rate, 5) == 1
    for number in range(150):
        passed(rate, 1, client=bytes((10, number >> 8, number & 255, 1)))
    assert passed(rate, 5) == 0, "one generation back is remembered"
    for number in range(10_000):
        passed(rate, 1, client=bytes((10, number >> 8, number & 255, 1)))
    assert len(rate._now) + len(rate._before) <= 200
