"""Where zonegit reads zone files otherwise than two of BIND, NSD, Knot DNS and PowerDNS: every kind, by name.

docs/decisions/0030-zone-files.md says which RFC decides each. A difference belongs to a kind by the odd statement
that it comes with, and by what it is: zonegit takes the file, refuses it, or reads other records.
"""

import re
from typing import NamedTuple

TAKES = "takes"
REFUSES = "refuses"
READS = "reads"


class Kind(NamedTuple):
    """Differences with one cause."""

    name: str
    what: str
    odd: str
    """A pattern for the names of the odd statements."""


KINDS = tuple(
    Kind(*row)
    for row in (
        ("generate", TAKES, r"generate-.*"),
        ("class-generic", TAKES, r"class-generic"),
        (
            "relative-origin",
            TAKES,
            r"origin-below|include-changes-origin|omitted-owner-after-origin|include-origin",
        ),
        ("parentheses", TAKES, r"lex-.*parenthes[ei]s.*|directive-parentheses|generic-lines"),
        ("glued-strings", TAKES, r"lex-glued-strings|lex-quote-in-word|lex-quote-then-word"),
        ("raw-bytes", TAKES, r"lex-control|lex-utf8-string|name-utf8.*|lex-tab-in-quote|lex-form-feed|lex-.*-tab"),
        ("quoted-owner", TAKES, r"name-quoted.*"),
        ("out-of-zone", TAKES, r"out-of-zone.*|origin-outside.*"),
        ("unknown-type", TAKES, r"type-.*"),
        ("rdata-form", TAKES, r"rdata-.*"),
        (
            "one-each",
            TAKES,
            r"crlf|no-newline|include-quoted|lex-.*-(escape|quote|string)|generic-.*|name-.*|long-name",
        ),
        (
            "one-each",
            TAKES,
            r"wildcard.*|ds-.*|.*-glue|dname-and-.*|duplicate.*|cname-twice|mx-.*|ns-cname|occluded.*",
        ),
        ("one-each", TAKES, r"delegation.*|mixed-ttl.*|.*-stray|dnskey-apex|ttl-31-bits.*"),
        ("structure", REFUSES, r"below-dname|occluded-.*|cname-.*|two-.*|dname-.*|soa-.*|wildcard-dname"),
        ("rfc3597-unfit", REFUSES, r"generic-.*"),
        ("meta-type", REFUSES, r"head-meta-type|head-type-zero"),
        ("bad-escape", REFUSES, r"lex-bad-escape|name-bad-escape.*|lex-backslash-.*"),
        ("unclosed", REFUSES, r"lex-open-.*|lex-stray-parenthesis|lex-newline-in-quote"),
        ("string-length", REFUSES, r"lex-long-string|lex-no-string"),
        ("binary", REFUSES, r"lex-nul"),
        ("misplaced-quotes", REFUSES, r"(lex|name|generic|head)-quoted.*|(origin|ttl)-quoted"),
        ("name-length", REFUSES, r"name-empty-label.*|name-long.*"),
        ("ttl-value", REFUSES, r"ttl-(32-bits|not-one|two-words|missing).*"),
        ("head-order", REFUSES, r"head-.*|class-other"),
        ("directive", REFUSES, r"directive-.*|origin-.*|include-.*|generate-.*"),
        ("rdata-value", REFUSES, r"rdata-.*|type-.*|lex-(trailing-word|comment-cuts|carriage-return|vertical-tab)"),
        ("no-ttl", READS, r"no-ttl"),
        ("owner-after-include", READS, r"include-then-omitted|include-begins-omitted"),
        ("signature-ttl", READS, r"(type|rdata)-RRSIG|rrsig-stray"),
    )
)


def kind_of(what: str, odd: set[str]) -> str | None:
    """The kind that explains a difference of a file with these odd statements."""
    for kind in KINDS:
        if kind.what == what and any(re.fullmatch(kind.odd, name) for name in odd):
            return kind.name
    return None
