"""A zone file's bytes as lines."""

import io

from hypothesis import example, given
from hypothesis import strategies as st

from zonegit.zonefile import source
from zonegit.zonefile.formats import HEAD
from zonegit.zonefile.source import open_text

START = b"; " + b"x" * HEAD + b"\n"
"""What tells a zone file from binary data."""

pieces = st.sampled_from(
    [b"a A 192.0.2.1", b"\r", b"\n", b"\r\n", b"\xe9", "é\u2028".encode(), b"\x0b\x0c\x1c\t", b""]
)


@given(st.lists(pieces, max_size=12).map(b"".join), st.booleans())
@example(b"; " + b"x" * (source.MAX_LINE - 3), False)
@example(b"a\r" * (1 << 16), False)
@example(b"b" + b"a\r\n" * (1 << 15), True)
def test_lines_end_where_universal_newlines_end_them(data: bytes, marked: bool) -> None:
    data = (b"\xef\xbb\xbf" if marked else b"") + START + data
    wrapped = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8-sig", errors="surrogateescape")
    with open_text(io.BytesIO(data), "zone") as text:
        assert list(text.lines) == list(wrapped)


@given(st.lists(pieces, max_size=12).map(b"".join))
def test_plain_lines_have_printable_characters_only(data: bytes) -> None:
    with open_text(io.BytesIO(START + data), "zone") as text:
        for line in text.lines:
            if text.is_plain:
                assert line.replace("\t", " ").removesuffix("\n").isprintable() and line.isascii()
