"""Zone files as people write them, good and wrong, from a seed: each says which odd things it holds.

Most lines are plain. A file gets up to three odd statements, so that what differs between readers has few causes.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from rdatakit import spoilt_text
from rdatasamples import SAMPLES
from zonefileodds import DIRECTIVES, GENERATE, GENERIC, HEADS, INCLUDES, LEXICAL, STRUCTURE

_LABELS = ("a", "b", "www", "mail", "x1", "_sip._tcp", "*.w", "deep.er.down", "UPPER", "a-b", "a_b", "9", "a/b")
_ODD_NAMES = {
    "name-escape": ("a\\.b", "a\\032b", "\\097", "a\\;b", "\\$x", "\\@", "a\\\"b", "\\(p\\)", "\\000", "\\255"),
    "name-quoted": ('"quoted"', '"two words"', '"a.b"', '"a;b"'),
    "name-utf8": ("\u00fc", "b\u00fccher"),
    "name-bad-escape": ("\\256", "a\\1b", "\\12"),
    "name-empty-label": ("a..b", ".a", "..", '""'),
    "name-long": ("x" * 63, "x" * 64, ".".join(["y" * 60] * 3), ".".join(["y" * 62] * 4)),
    "name-special": ("-", "a-", "a=b", "a:b", "a,b", "a{b}", "a'b", "a!b", "a~b", "a+b"),
    "name-number": ("0", "300", "1h", "IN", "A", "TXT", "CH"),
}  # fmt: skip
_TTLS = ("", "", "", "300", "1h", "60", "0", "86400")
_ODD_TTLS = {
    "ttl-units": ("1h30m", "1W2D3H4M5S", "2d", "007"),
    "ttl-bound": ("2147483647",),
    "ttl-31-bits": ("2147483648", "4294967295"),
    "ttl-32-bits": ("4294967296", "99999999999999999999", "10000w"),
    "ttl-not-one": ("-1", "1x", "h", "1.5", "1h5", "+5", "1h1h", "0x10", "1_0"),
}
_CLASSES = ("", "", "IN", "in")
_ODD_CLASSES = {"class-other": ("CH", "HS", "ANY", "NONE", "CLASS3"), "class-generic": ("CLASS1", "class1")}
COMMON = (
    *("A", "AAAA", "NS", "MX", "TXT", "SRV", "PTR", "CAA", "CNAME", "NAPTR", "SSHFP", "TLSA", "DS", "HTTPS"),
    *("LOC", "HINFO", "RP", "AFSDB", "URI", "CDS", "CSYNC", "DNSKEY", "EUI48", "SPF", "OPENPGPKEY", "SMIMEA"),
    *("CERT", "SVCB"),
)  # fmt: skip
"""Types that all four know by name."""


@dataclass(slots=True)
class MadeFile:
    """One zone file: its text, the files that it includes, and the odd things that it holds."""

    apex: str
    """With its final dot."""
    text: str = ""
    included: dict[str, str] = field(default_factory=dict)
    odd: set[str] = field(default_factory=set)


def made_file(rng: Random, apex: str) -> MadeFile:
    """A zone file for this apex."""
    return _Maker(rng, apex).make()


class _Maker:
    def __init__(self, rng: Random, apex: str) -> None:
        self._rng = rng
        self._made = MadeFile(apex)
        self._used: set[str] = set()

    def make(self) -> MadeFile:
        rng = self._rng
        head = self._head()
        lines = [self._plain() for _ in range(rng.randrange(1, 9))]
        for _ in range(rng.choice((0, 1, 1, 1, 2, 3))):
            odd = rng.choice(_ODD)(self)
            lines.insert(rng.randrange(len(lines) + 1) if rng.random() < 0.5 else len(lines), odd)
        text = "\n".join([*head, *lines])
        if rng.random() < 0.05:
            self._odd("no-newline")
        else:
            text += "\n"
        if rng.random() < 0.05:
            self._odd("crlf")
            text = text.replace("\n", "\r\n")
        self._made.text = text
        return self._made

    def _odd(self, what: str) -> None:
        self._made.odd.add(what)

    def _head(self) -> list[str]:
        rng = self._rng
        lines = []
        if rng.random() < 0.8:
            lines.append(f"$TTL {rng.choice(('300', '1h', '86400 ; a day'))}")
        if rng.random() < 0.5:
            lines.append(f"$ORIGIN {self._made.apex}")
        owner = rng.choice(("@", "@", self._made.apex, self._made.apex.upper()))
        timers = rng.choice(
            ("9 7200 3600 1209600 300", "1 2h 15m 2w 300", "( 7 ; serial\n 7200 900\n\t1209600 300 )")
        )
        between = rng.choice(("", "3600 ", "IN ", "1h IN "))
        if not lines or not lines[0].startswith("$TTL"):
            self._odd("no-ttl" if between in ("", "IN ") else "first-ttl")
        lines.append(f"{owner} {between}SOA ns1 hostmaster {timers}")
        ns = rng.choice(("@ NS ns1", "  NS ns1", "\tIN NS ns1 ; first", f"@ 600 IN NS ns1.{self._made.apex}"))
        return [*lines, ns, "ns1 A 192.0.2.1", " AAAA 2001:db8::1"]

    def _owner(self) -> str:
        """An owner that no other line of this file has."""
        while True:
            label = self._rng.choice(_LABELS) + (str(self._rng.randrange(100)) if self._rng.random() < 0.7 else "")
            if label.lower() not in self._used and not any(
                label.lower().endswith("." + used) or used.endswith("." + label.lower()) for used in self._used
            ):
                self._used.add(label.lower())
                break
        return self._rng.choice((label, label, f"{label}.{self._made.apex}"))

    def _plain(self) -> str:
        rng = self._rng
        mnemonic = rng.choice(COMMON)
        owner = self._owner()
        rdata = rng.choice(GOOD[mnemonic])
        if mnemonic == "NS":
            owner, rdata = owner.replace("*", "star"), "ns1"
        return self._record(owner, rng.choice(_TTLS), rng.choice(_CLASSES), mnemonic, rdata)

    def _record(self, owner: str, ttl: str, rclass: str, mnemonic: str, rdata: str) -> str:
        rng = self._rng
        head = [ttl, rclass] if rng.random() < 0.7 else [rclass, ttl]
        blank = rng.choice((" ", "\t", "  "))
        mnemonic = mnemonic.lower() if rng.random() < 0.1 else mnemonic
        start = blank.join(filter(None, (owner, *head, mnemonic)))
        words = rdata.split(" ")
        match rng.randrange(10):
            case 0 if '"' not in rdata:
                at = rng.randrange(len(words) + 1)
                body = " ".join([*words[:at], "(", *words[at:], ")"])
            case 1 if '"' not in rdata:
                body = "( " + "\n\t".join(words) + " )"
            case 2 if '"' not in rdata:
                body = "(\n" + " ; note )\n ".join(words) + "\n)"
            case _:
                body = rdata
        return f"{start}{blank}{body}" + rng.choice(("", "", "", " ", " ; comment", ";c", '\t; \u00fc ( "'))

    def _odd_name(self) -> str:
        what = self._rng.choice(list(_ODD_NAMES))
        self._odd(what)
        name = self._rng.choice(_ODD_NAMES[what])
        if self._rng.random() < 0.5:
            return self._record(name, "300", "IN", "A", "192.0.2.7")
        self._odd(what + "-rdata")
        mnemonic, before = self._rng.choice((("CNAME", ""), ("MX", "10 "), ("PTR", "")))
        return self._record(self._owner(), "300", "IN", mnemonic, before + name)

    def _odd_ttl(self) -> str:
        what = self._rng.choice(list(_ODD_TTLS))
        self._odd(what)
        ttl = self._rng.choice(_ODD_TTLS[what])
        if self._rng.random() < 0.3:
            self._odd(what + "-directive")
            return f"$TTL {ttl}"
        return self._record(self._owner(), ttl, "IN", "A", "192.0.2.8")

    def _odd_class(self) -> str:
        what = self._rng.choice(list(_ODD_CLASSES))
        self._odd(what)
        return self._record(self._owner(), "300", self._rng.choice(_ODD_CLASSES[what]), "A", "192.0.2.9")

    def _odd_head(self) -> str:
        what, text = self._rng.choice(HEADS)
        self._odd(what)
        return text.replace("O", self._owner())

    def _odd_rdata(self) -> str:
        mnemonic = self._rng.choice(COMMON)
        self._odd(f"rdata-{mnemonic}")
        return f"{self._owner()} 300 {mnemonic} {spoilt_text(self._rng, SAMPLES[mnemonic])}"

    def _any_type(self) -> str:
        mnemonic = self._rng.choice(list(SAMPLES))
        self._odd(f"type-{mnemonic}")
        return f"{self._owner()} 300 {mnemonic} {self._rng.choice(SAMPLES[mnemonic])}"

    def _generic(self) -> str:
        what, text = self._rng.choice(GENERIC)
        self._odd(what)
        return f"{self._owner()} 300 {text}"

    def _lexical(self) -> str:
        what, text = self._rng.choice(LEXICAL)
        self._odd(what)
        return text.replace("OWNER", self._owner())

    def _directive(self) -> str:
        what, text = self._rng.choice(DIRECTIVES)
        self._odd(what)
        return text.replace("OWNER", self._owner()).replace("APEX", self._made.apex)

    def _generate(self) -> str:
        what, text = self._rng.choice(GENERATE)
        self._odd(what)
        return text

    def _include(self) -> str:
        what, text, inner = self._rng.choice(INCLUDES)
        self._odd(what)
        name = f"inc{len(self._made.included)}-{self._made.apex}db"
        if inner is not None:
            self._made.included[name] = inner.replace("OWNER", self._owner())
        return text.replace("FILE", name).replace("OWNER", self._owner())

    def _structure(self) -> str:
        what, text = self._rng.choice(STRUCTURE)
        self._odd(what)
        return text.replace("OWNER", self._owner()).replace("APEX", self._made.apex)


GOOD = {
    mnemonic: [text for text in SAMPLES[mnemonic] if text.isascii() and len(text) < 300 and 'a"b' not in text]
    for mnemonic in COMMON
} | {
    "HTTPS": ("1 . alpn=h2,h3", "0 svc.example.net.", "1 . port=8443 ipv4hint=192.0.2.1 ipv6hint=2001:db8::1"),
    "SVCB": ("1 foo alpn=h2 mandatory=alpn", "2 . key65000=x", '3 . alpn="h2" port=53'),
    "DS": ("60485 8 2 " + "12c8dd1bd6c19d8a" * 4, "1 5 1 " + "ab" * 20),
    "CAA": ('0 issue "ca.example.net"', '128 iodef "mailto:a@example.net"', "0 issuewild ca"),
    "LOC": ("52 14 05 N 00 08 50 E 10m", "1 N 1 E 0.29m", "42 21 54.5 N 71 6 18 W -24m 30m"),
    "CERT": ("1 1 8 AQID", "254 65535 253 A2NvbQA="),
    "DNSKEY": ("256 3 8 AwEAAcNE", "257 3 13 AwEAAcNE"),
    "MX": ("10 mail", "20 mail.example.net."),
    "NAPTR": ('1 2 "s" "SIP+D2U" "" _sip._udp', '1 2 "u" "E2U+sip" "!^.*$!sip:x@example.org!" .'),
    "HINFO": ('"a b" "x"', '"INTEL-386" "Linux"'),
    "URI": ('10 1 "ftp://ftp1.example.com/public"',),
    "AFSDB": ("1 a",),
    "TXT": ('""', '"x"', '"two words" "more"', '"a\\"b\\\\c\\000\\255;("'),
    "SPF": ('"v=spf1 -all"',),
}  # fmt: skip
"""RDATA that all four read."""

_ODD: tuple[Callable[[_Maker], str], ...] = (
    _Maker._odd_name,
    _Maker._odd_ttl,
    _Maker._odd_class,
    _Maker._odd_head,
    _Maker._odd_rdata,
    _Maker._odd_rdata,
    _Maker._any_type,
    _Maker._generic,
    _Maker._lexical,
    _Maker._lexical,
    _Maker._directive,
    _Maker._generate,
    _Maker._include,
    _Maker._structure,
    _Maker._structure,
)
