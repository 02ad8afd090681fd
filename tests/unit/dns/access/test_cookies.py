"""DNS cookies: the examples of RFC 9018, appendix A, and what becomes of old, foreign and broken ones."""

from ipaddress import ip_address

import pytest

from zonegit.dns.access.cookies import Cookies
from zonegit.dns.access.siphash import siphash24

SECRET = bytes.fromhex("e5e973e5a6b2a43f48e7dc849e37bfcf")
OLD = bytes.fromhex("dd3bdf9344b678b185a6f5cb60fca715")
NEW = bytes.fromhex("445536bcd2513298075a5d379663c962")
CLIENT = ip_address("198.51.100.100").packed
SHOWN = bytes.fromhex("2464c4abcf10c957")
START = 1559731985


class Clock:
    def __init__(self, now: float = START) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def answered(shown: bytes, client: bytes, now: float, *secrets: bytes) -> bytes:
    option = Cookies(secrets or (SECRET,), Clock(now)).answer(shown, client)
    assert option is not None
    assert option[:4] == bytes((0, 10, 0, 24))
    return option[4:]


def test_siphash_of_its_paper():
    key = bytes(range(16))
    assert siphash24(key, bytes(range(15))) == 0xA129CA6149BE45E5.to_bytes(8, "little")
    assert siphash24(key, b"").hex() == "310e0edd47db6f72"


@pytest.mark.parametrize(
    "shown, client, now, secrets, expected",
    [
        (
            "2464c4abcf10c957",
            "198.51.100.100",
            START,
            (SECRET,),
            "2464c4abcf10c957010000005cf79f111f8130c3eee29480",
        ),
        (
            "2464c4abcf10c957010000005cf79f111f8130c3eee29480",
            "198.51.100.100",
            1559734385,
            (SECRET,),
            "2464c4abcf10c957010000005cf7a871d4a564a1442aca77",
        ),
        (
            "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5",
            "203.0.113.203",
            1559734700,
            (SECRET,),
            "fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e",
        ),
        (
            "22681ab97d52c298010000005cf7c57926556bd0934c72f8",
            "2001:db8:220:1:59de:d0f4:8769:82b8",
            1559741961,
            (NEW, OLD),
            "22681ab97d52c298010000005cf7c609a6bb79d16625507a",
        ),
    ],
)
def test_examples_of_the_rfc(shown, client, now, secrets, expected):
    packed = ip_address(client).packed
    assert answered(bytes.fromhex(shown), packed, now, *secrets).hex() == expected


def test_a_young_cookie_comes_back_as_it_is():
    clock = Clock()
    cookies = Cookies((SECRET,), clock)
    first = cookies.answer(SHOWN, CLIENT)
    assert first is not None
    assert not cookies.is_valid(SHOWN, CLIENT)
    for after in (0, 1, 59, 61, 1799):
        clock.now = START + after
        assert cookies.answer(first[4:], CLIENT) == first
        assert cookies.is_valid(first[4:], CLIENT)
    clock.now = START + 1861
    renewed = cookies.answer(first[4:], CLIENT)
    assert renewed not in (None, first)
    assert cookies.is_valid(first[4:], CLIENT)
    clock.now = START + 3661
    assert not cookies.is_valid(first[4:], CLIENT)
    clock.now = START - 100
    assert cookies.is_valid(first[4:], CLIENT), "clocks of an anycast's servers differ"
    clock.now = START - 400
    assert not cookies.is_valid(first[4:], CLIENT)


def test_what_was_not_given_to_this_client_proves_nothing():
    cookies = Cookies((SECRET,), Clock())
    option = cookies.answer(SHOWN, CLIENT)
    assert option is not None
    good = option[4:]
    others = [
        (good, bytes(4)),
        (good, bytes(16)),
        (good[:-1] + bytes((good[-1] ^ 1,)), CLIENT),
        (b"\0" + good[1:], CLIENT),
        (good[:8] + b"\2" + good[9:], CLIENT),
        (good[:16], CLIENT),
        (good + bytes(16), CLIENT),
    ]
    for shown, client in others:
        assert not cookies.is_valid(shown, client)
        fresh = cookies.answer(shown, client)
        assert fresh is not None
        assert fresh[4:12] == shown[:8]
        assert cookies.is_valid(fresh[4:], client)


def test_lengths():
    cookies = Cookies((SECRET,), Clock())
    fine = {8, *range(16, 41)}
    for size in range(64):
        assert (cookies.answer(bytes(size), CLIENT) is not None) == (size in fine)
        assert not cookies.is_valid(bytes(size), CLIENT)


def test_turning_the_secret():
    cookies = Cookies((OLD,), Clock())
    option = cookies.answer(SHOWN, CLIENT)
    assert option is not None
    cookies.set_secrets((OLD, NEW))
    assert cookies.answer(option[4:], CLIENT) == option
    cookies.set_secrets((NEW, OLD))
    turned = cookies.answer(option[4:], CLIENT)
    assert turned not in (None, option)
    assert cookies.is_valid(option[4:], CLIENT)
    cookies.set_secrets((NEW,))
    assert not cookies.is_valid(option[4:], CLIENT)
    assert turned is not None
    assert cookies.is_valid(turned[4:], CLIENT)


def test_time_beyond_32_bits():
    made = answered(SHOWN, CLIENT, (1 << 32) + 5)
    cookies = Cookies((SECRET,), Clock((1 << 32) + 9))
    assert cookies.is_valid(made, CLIENT)
    before = answered(SHOWN, CLIENT, (1 << 32) - 5)
    assert cookies.is_valid(before, CLIENT)


def test_many_clients_are_not_all_remembered():
    cookies = Cookies((SECRET,), Clock())
    for number in range(17_000):
        cookies.answer(number.to_bytes(8, "big"), CLIENT)
        assert len(cookies._known) <= 16_000
