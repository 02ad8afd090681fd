"""Files that aren't zone files, recognised by their first bytes: each is named, with what to do about it."""

import re
from typing import Final

HEAD: Final = 1024
"""Bytes that tell what a file is."""

_DECOMPRESS: Final = "decompress it first: `{} FILE | zonegit import -`"
_TO_TEXT: Final = "`named-compilezone -f {} -F text -o FILE.txt ZONE FILE` makes a zone file of it"
_SYNC: Final = "its changes are in the zone file after `rndc sync -clean ZONE`"
_TRANSFER: Final = "take each zone from its file, or with `dig AXFR`"
_BY_PREFIX: Final = (
    (b"", "empty", "a zone has at least its SOA"),
    (b"\0\0\0\2", "in BIND's raw format", _TO_TEXT.format("raw")),
    (b"\0\0\0\3", "in BIND's map format", _TO_TEXT.format("map")),
    (b";BIND LOG V", "a journal of BIND's", _SYNC),
    (b"\xfd7zXZ\0", "compressed with xz", _DECOMPRESS.format("xzcat")),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd", _DECOMPRESS.format("zstdcat")),
    (b"\x04\x22\x4d\x18", "compressed with lz4", _DECOMPRESS.format("lz4cat")),
    (b"\x1f\x9d", "compressed with compress", _DECOMPRESS.format("zcat")),
    (b"PK\3\4", "a zip archive", _DECOMPRESS.format("unzip -p")),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", _DECOMPRESS.format("7z x -so")),
    (b"\xff\xfe", "text in UTF-16", "`iconv -f UTF-16 -t UTF-8 FILE | zonegit import -`"),
    (b"\xfe\xff", "text in UTF-16", "`iconv -f UTF-16 -t UTF-8 FILE | zonegit import -`"),
    (b"SQLite format 3\0", "an SQLite database", _TRANSFER),
    (b"NSDdbV", "a database of NSD's", _TRANSFER),
    (b"-----BEGIN ", "a key or a certificate", "a zone file holds records"),
)
"""Beginning, what a file with it is, and what to do."""
_BY_PATTERN: Final = (
    (rb"BZh[1-9]1AY&SY", "compressed with bzip2", _DECOMPRESS.format("bzcat")),
    (rb"(?:;\s*\n)*; Start view ", "a dump of a whole server (rndc dumpdb)", _TRANSFER),
    (
        rb"(?:\s|//.*|\#.*|/\*(?s:.)*?\*/)*+"
        rb"(?:(?:options|logging|controls)\s*\{|(?:zone|include|view|acl|key)\s+\")",
        "a configuration of BIND's",
        "import the zone files that it names",
    ),
    (rb"\s*[\[{]\s*[\"\[\]{}]", "JSON", "a zone file is text as in RFC 1035 §5"),
    (rb"\s*<(?i:!doctype|html|\?xml)", "HTML or XML", "a zone file is text as in RFC 1035 §5"),
)
"""Pattern of the beginning, what a file with it is, and what to do."""
_TAR_AT: Final = 257
_TEXT: Final = bytes({*range(32, 127), *range(128, 256), *b"\t\n\r\f\x1a"})
"""Bytes that a zone file may hold, in comments at least; \\x1a ends files of DOS."""


def foreign(head: bytes) -> str | None:
    """What a file that begins like this is and what to do, unless it may be a zone file."""
    for prefix, what, advice in _BY_PREFIX:
        if head.startswith(prefix) and (prefix or not head):
            return f"this is {what}, no zone file; {advice}"
    if head[_TAR_AT:].startswith(b"ustar"):
        return f"this is a tar archive, no zone file; {_DECOMPRESS.format('tar -xOf')}"
    for pattern, what, advice in _BY_PATTERN:
        if re.match(pattern, head):
            return f"this is {what}, no zone file; {advice}"
    if b"\0" in head or len(head.translate(None, _TEXT)) > len(head) // 20:
        return "this is binary data, no zone file; a zone file is text"
    return None
