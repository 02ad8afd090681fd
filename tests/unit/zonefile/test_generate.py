"""$GENERATE as BIND's manual describes it."""

import pytest

from readkit import SOA, read, records, refusal, warnings


@pytest.mark.parametrize(
    ("directive", "expected"),
    [
        ("1-3/2 h$ A 192.0.2.$", ["h1.example.com. 3600 A 192.0.2.1", "h3.example.com. 3600 A 192.0.2.3"]),
        ("1-2 h$ 60 A 192.0.2.$", ["h1.example.com. 60 A 192.0.2.1", "h2.example.com. 60 A 192.0.2.2"]),
        ("1-1 h$ 60 IN A 192.0.2.$", ["h1.example.com. 60 A 192.0.2.1"]),
        ("1-1 h$ in 1m A 192.0.2.$", ["h1.example.com. 60 A 192.0.2.1"]),
        ("0-1 @ A 192.0.2.$", ["example.com. 3600 A 192.0.2.0", "example.com. 3600 A 192.0.2.1"]),
        ("5-5 * CNAME c${1}.$.", ["*.example.com. 3600 CNAME c6.5."]),
        ("1-2 a${-5} A 192.0.2.1", ["a-3.example.com. 3600 A 192.0.2.1", "a-4.example.com. 3600 A 192.0.2.1"]),
        ("0-0 a${-5,4,d} A 192.0.2.1", ["a-005.example.com. 3600 A 192.0.2.1"]),
        ("0-0 a${-5,4,x} A 192.0.2.1", ["afffffffb.example.com. 3600 A 192.0.2.1"]),
        ("0-0 a${-5,4,o} A 192.0.2.1", ["a37777777773.example.com. 3600 A 192.0.2.1"]),
        ("0-0 a${-5,4,n} A 192.0.2.1", ["ab.f.f.f.f.f.f.f.example.com. 3600 A 192.0.2.1"]),
        ("26-26 a${+0,3,x}${0,0,X} A 192.0.2.1", ["a01a1a.example.com. 3600 A 192.0.2.1"]),
        ("1-1 ${0,4,n}x PTR h$.y.", ["1.0.x.example.com. 3600 PTR h1.y."]),
        ("26-26 ${0,7,n} PTR h", ["a.1.0.0.example.com. 3600 PTR h.example.com."]),
        ("26-26 ${0,2,N}x PTR h", ["a.1x.example.com. 3600 PTR h.example.com."]),
        ("5-5 ${0,2,N}x PTR h", ["5.x.example.com. 3600 PTR h.example.com."]),
        ("300-300 ${0,0,n} PTR h", ["c.2.1.example.com. 3600 PTR h.example.com."]),
        ('1-1 t TXT "a b $"', ['t.example.com. 3600 TXT "a" "b" "1"']),
        ('1-1 t TXT "\\"a b $\\""', ['t.example.com. 3600 TXT "a b 1"']),
        ('1-1 t CAA "0 issue \\"ca$.example; x=y\\""', ['t.example.com. 3600 CAA 0 issue "ca1.example; x=y"']),
        ('1-1 t TXT "x(y) z"', ['t.example.com. 3600 TXT "x" "y" "z"']),
        ("1-1 t TXT \\$$", ['t.example.com. 3600 TXT "$1"']),
        ('1-1 t TXT "\\$$"', ['t.example.com. 3600 TXT "$1"']),
        ('1-1 t TXT "\\\\$"', ['t.example.com. 3600 TXT "\\\\1"']),
        ('1-1 t TXT "\\065$"', ['t.example.com. 3600 TXT "A1"']),
        ("1-1 u\\$$ A 192.0.2.1", ["u\\$1.example.com. 3600 A 192.0.2.1"]),
        ("1-1 u\\\\$ A 192.0.2.1", ["u\\\\1.example.com. 3600 A 192.0.2.1"]),
        ("1-1 $$$ A 192.0.2.1", ["\\$1.example.com. 3600 A 192.0.2.1"]),
        ("1-1 h MX 10 mail$", ["h.example.com. 3600 MX 10 mail1.example.com."]),
        ('1-1 h MX "10 mail$" ; comment', ["h.example.com. 3600 MX 10 mail1.example.com."]),
        ('1-1 h TXT "a $" b', ['h.example.com. 3600 TXT "a 1" "b"']),
        ("1-1\th\tTYPE1\t192.0.2.$", ["h.example.com. 3600 A 192.0.2.1"]),
    ],
)
def test_what_it_makes(directive: str, expected: list[str]) -> None:
    found = [line.replace(" IN ", " ") for line in records(f"{SOA}$GENERATE {directive}\n")]
    assert sorted(found) == sorted(expected)


@pytest.mark.parametrize(
    ("directive", "reason"),
    [
        ("1-2 x", "$GENERATE is written"),
        ('1-2 "x" A 192.0.2.1', "$GENERATE is written"),
        ("-1-2 x A 192.0.2.$", "$GENERATE is written"),
        ("2-1 x A 192.0.2.$", "the range must ascend"),
        ("1-2/0 x A 192.0.2.$", "a step is at least 1"),
        ("10-1/-3 x A 192.0.2.$", "$GENERATE is written"),
        ("1-99999999 x A 192.0.2.$", "at most 1048576"),
        ("1-2147483648/2147483647 x A 192.0.2.$", "numbers end at 2147483647"),
        ("2147483647-2147483647 x${1} A 192.0.2.1", "numbers have 32 bits"),
        ("1-2 x${q} A 192.0.2.$", "modifier 'q'"),
        ("1-2 x${} A 192.0.2.$", "modifier ''"),
        ("1-2 x${0,} A 192.0.2.$", "modifier '0,'"),
        ("1-2 x${0,3,dx} A 192.0.2.$", "modifier '0,3,dx'"),
        ("1-2 x CNAME a${1", "$GENERATE holds a '${' without its '}'"),
        ("254-257 x$ A 192.0.2.$", "'192.0.2.256' is no IPv4 address"),
        ('1-1 x TXT "(a $"', "a '(' is never closed"),
        ('1-1 x TXT "x\\"y z"', "a quoted string isn't closed"),
        ("1-1 x CH A 192.0.2.$", "class CH"),
        ("1-1 x ZZZ 192.0.2.$", "unknown type 'ZZZ'"),
        ('1-1 x TXT ""', "TXT record without data"),
    ],
)
def test_what_it_refuses(directive: str, reason: str) -> None:
    message = refusal(f"{SOA}$GENERATE {directive}\n")
    assert message.startswith("zone:2: ")
    assert reason in message


def test_a_blank_owner_behind_it_is_the_one_before_it() -> None:
    assert records(SOA + "x 60 A 192.0.2.1\n$GENERATE 1-1 h$ A 192.0.2.$\n TXT y\n") == [
        "h1.example.com. 60 IN A 192.0.2.1",
        "x.example.com. 60 IN A 192.0.2.1",
        'x.example.com. 60 IN TXT "y"',
    ]
    assert "omits its owner, with none before it" in refusal("$GENERATE 1-1 h$ 60 A 192.0.2.$\n TXT y\n")


def test_its_ttl_is_the_last_ttl_behind_it() -> None:
    assert records(SOA + "$GENERATE 1-1 h$ 99 A 192.0.2.$\nx A 192.0.2.1\n") == [
        "h1.example.com. 99 IN A 192.0.2.1",
        "x.example.com. 99 IN A 192.0.2.1",
    ]


@pytest.mark.parametrize(
    ("directive", "record", "doubt"),
    [
        (
            't$ TXT "v=DKIM1; p=$"',
            't1.example.com. 3600 IN TXT "v=DKIM1"',
            "a ';' between the quotes begins a comment",
        ),
        ('t$ TXT "\\"v=DKIM1; p=$\\""', 't1.example.com. 3600 IN TXT "v=DKIM1; p=1"', None),
        ("t$ TXT v=DKIM1\\;p=$", 't1.example.com. 3600 IN TXT "v=DKIM1;p=1"', None),
        ('t$ TXT "a b"', 't1.example.com. 3600 IN TXT "a" "b"', "the quotes are the directive's"),
        ('t$ TXT "\\"a b\\" c"', 't1.example.com. 3600 IN TXT "a b" "c"', None),
        ('t$ TXT "a" "b c"', 't1.example.com. 3600 IN TXT "a" "b c"', None),
        ("t${5}-$ TXT x", 't6-1.example.com. 3600 IN TXT "x"', "a plain $ is the number itself"),
        ("t$-${5} TXT $", 't1-6.example.com. 3600 IN TXT "1"', None),
        ("t${0,2}-$ TXT ${+00}$", 't01-1.example.com. 3600 IN TXT "11"', None),
        ("t${5}${0}$ TXT x", 't611.example.com. 3600 IN TXT "x"', None),
    ],
)
def test_what_servers_read_differently_is_warned_about(directive: str, record: str, doubt: str | None) -> None:
    text = f"{SOA}$GENERATE 1-1 {directive}\n"
    assert records(text) == [record]
    found = warnings(read(text))
    assert [check for check, _ in found] == ["generate-ambiguous"] * (doubt is not None)
    assert doubt is None or found[0][1].startswith(f"zone:2: $GENERATE: {doubt}")
