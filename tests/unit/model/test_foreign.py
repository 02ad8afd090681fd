"""Text of others, as it is shown."""

import sys

import pytest

from zonegit.model.foreign import MOST, cut, one_line, printable


def test_no_character_gets_through_that_a_terminal_or_a_reader_obeys() -> None:
    everything = "".join(map(chr, range(sys.maxunicode + 1)))
    assert printable(everything).replace("\t", "").isprintable()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain äöü 例え", "plain äöü 例え"),
        ("a\tb", "a\tb"),
        ("\x1b[2J", r"\x1b[2J"),
        ("\x9b31m\x7f\x00", r"\x9b31m\x7f\x00"),
        ("a\nb", r"a\nb"),
        ("a\u202eb\u2066\u200b", r"a\u202eb\u2066\u200b"),
        ("\u2028\udc80", r"\u2028\udc80"),
    ],
)
def test_printable(text: str, shown: str) -> None:
    assert printable(text) == shown


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\v", "\f", "\x1c", "\x85", "\u2028", "\u2029"])
def test_a_line_break_is_a_blank(end: str) -> None:
    assert one_line(f"a{end}b") == "a b"


@pytest.mark.parametrize("char", ["a", "\x1b", "\n"])
@pytest.mark.parametrize("length", [MOST - 1, MOST, MOST + 1, 100 * MOST])
def test_a_line_has_a_bound(char: str, length: int) -> None:
    line = one_line(char * length)
    assert len(line) <= MOST
    assert line.endswith("...") is (len(printable(char.replace("\n", " "))) * length > MOST)


def test_what_was_cut_says_so() -> None:
    assert cut("abcdef", 6) == "abcdef"
    assert cut("abcdefg", 6) == "abc..."
