"""Lines of a batch: words, quotes and comments as in a shell, arguments as the verbs read them."""

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zonegit.cli import batch_lines
from zonegit.cli.batch_lines import words
from zonegit.errors import UsageError


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (b"", []),
        (b"  \t\r", []),
        (b"# don't", []),
        (b"  ; don't", []),
        (b"set www A 60 192.0.2.1\r", ["set", "www", "A", "60", "192.0.2.1"]),
        (b"set www A 60 192.0.2.1 # Ada's", ["set", "www", "A", "60", "192.0.2.1"]),
        (b"set www A 60 192.0.2.1 ;x", ["set", "www", "A", "60", "192.0.2.1"]),
        (b"set a TXT 60 v=DKIM1;k=rsa a#b", ["set", "a", "TXT", "60", "v=DKIM1;k=rsa", "a#b"]),
        (b"set a TXT 60 '# a' \"; b\" \\#c", ["set", "a", "TXT", "60", "# a", "; b", "#c"]),
        (b"set a TXT 60 'a'\";b\" # c", ["set", "a", "TXT", "60", "a;b"]),
        (b'set a TXT 60 "a \\" # b"', ["set", "a", "TXT", "60", 'a " # b']),
        (b"set a TXT 60 ''", ["set", "a", "TXT", "60", ""]),
        (b"delete a\\\\.b", ["delete", "a\\.b"]),
        ("set a TXT 60 é".encode(), ["set", "a", "TXT", "60", "é"]),
        ("set a TXT 60 é\u00a0#b".encode(), ["set", "a", "TXT", "60", "é\u00a0#b"]),
        (b"set a TXT 60 \xff", ["set", "a", "TXT", "60", "\udcff"]),
    ],
)
def test_words_are_a_shell_s(line, found) -> None:
    assert words(line) == found


_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n"))


@given(st.lists(_TEXT))
def test_what_is_quoted_for_a_shell_is_read_as_it_was(found) -> None:
    assert words(shlex.join(found).encode()) == found


@given(st.binary().filter(lambda line: b"\n" not in line))
def test_any_line_is_words_or_refused_in_one_line(line) -> None:
    try:
        assert all(isinstance(word, str) for word in words(line))
    except UsageError as error:
        assert str(error).isprintable()


@pytest.mark.parametrize(
    "argv",
    [
        ["set", "@", "MX", "1h", "10", "mail"],
        ["set", "@", "MX", "1h", "10 mail", "20 ns1"],
        ["set", "@", "CAA", "1h", "0", "issue", "ca.example; a=b"],
        ["set", "@", "TXT", "300", '"one string" "another one"'],
        ["set", "t", "TYPE65280", "300", "\\# 2 abcd"],
        ["add", "www.example.org.", "A", "-", "192.0.2.9"],
        ["delete", "www", "A", "192.0.2.1"],
        ["delete", "@", "MX"],
        ["set", "www", "300", "A", "192.0.2.1"],
        ["set", "www", "ANY", "300", "x"],
        ["set", "@", "HINFO", "60", "PC x", "Debian 12"],
        ["delete", "www", "ANY"],
        ["set", "@", "MX", "1h", "10 mail.example.org"],
    ],
    ids=" ".join,
)
def test_a_line_does_what_its_verb_does(zone, tmp_path, argv) -> None:
    alone = zone(*argv, "--dry-run")
    line = zone("batch", "--dry-run", stdin=shlex.join(argv).encode())
    assert (line.code, line.out, line.err.replace("batch:1: ", "")) == (alone.code, alone.out, alone.err)


def test_relative_is_for_all_lines(zone) -> None:
    lines = b"set www.example.org A 60 192.0.2.1\nset @ MX 60 '10 mail.example.org'\n"
    assert zone("batch", stdin=lines).code == 1
    done = zone("batch", "--relative", stdin=lines)
    assert "+www.example.org.example.org.\t60\tIN\tA\t192.0.2.1" in done.lines


def test_warnings_are_those_of_what_all_lines_lead_to(zone) -> None:
    done = zone("batch", stdin=b"set @ MX 60 '10 new'\nset new A 60 192.0.2.1\n")
    assert (done.code, done.err.count("warning")) == (0, 0)
    done = zone("batch", stdin=b"set a MX 60 '10 nowhere'\nset b MX 60 '10 nowhere'\n")
    assert done.err.count("[mx-address]") == 2


def test_a_batch_has_no_more_changes_than_it_may_have(zone, refused, monkeypatch) -> None:
    monkeypatch.setattr(batch_lines, "_CHANGES", 2)
    lines = b"zone example.org\nset a A 60 192.0.2.1\n\nset b A 60 192.0.2.1\n"
    assert zone("batch", stdin=lines).code == 0
    refused(
        zone("batch", stdin=lines + b"set c A 60 192.0.2.1"),
        1,
        "batch:5: the batch has more than 2 changes; split it",
    )
