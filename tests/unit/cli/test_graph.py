"""What `log --graph` draws: columns, merges, lines that cross, commits with nothing above them."""

import pytest

from zonegit.cli.graph import Graph


def drawn(history: str) -> list[str]:
    """The graph of commits of one letter, newest first, each with its parents: `d:bc c:a b:a a:`."""
    graph = Graph()
    lines = []
    for word in history.split():
        name, _, parents = word.partition(":")
        lines += graph.lines(name.encode(), [letter.encode() for letter in parents], [name])
    return lines


@pytest.mark.parametrize(
    ("history", "wanted"),
    [
        ("c:b b:a a:", ["* c", "* b", "* a"]),
        ("d:bc c:a b:a a:", ["*   d", "|\\", "| * c", "* | b", "|/", "* a"]),
        ("d:bc b:a c:a a:", ["*   d", "|\\", "* | b", "| * c", "|/", "* a"]),
        ("b: a:", ["* b", "* a"]),
        ("c:a b:a a:", ["* c", "| * b", "|/", "* a"]),
        (
            "f:cd d:ab c:ab b:r a:r r:",
            ["*   f", "|\\", "| *   d", "| |\\", "* | | c", "|\\| |", "| |/", "|/|", "* | b", "| * a", "|/", "* r"],
        ),
        ("e:bcd d:a c:a b:a a:", ["*     e", "|\\", "| |\\", "| | * d", "| * | c", "| |/", "* | b", "|/", "* a"]),
        ("d:c c:b x:b b:a a:", ["* d", "* c", "| * x", "|/", "* b", "* a"]),
    ],
)
def test_lines_of_descent(history: str, wanted: list[str]) -> None:
    found = drawn(history)
    assert found == wanted


def test_text_stands_behind_the_drawing_all_of_it_indented_alike() -> None:
    graph = Graph()
    assert list(graph.lines(b"d", [b"b", b"c"], ["one", "", "three"])) == ["*   one", "|\\", "| | three"]
    assert graph.between() == "| |"
    assert list(graph.lines(b"c", [b"a"], ["one", "two"])) == ["| * one", "| | two"]
    assert list(graph.lines(b"b", [b"a"], ["one", "two", "three"])) == ["* | one", "|/  two", "|   three"]
    assert list(graph.lines(b"a", [], ["one"])) == ["* one"]
    assert graph.between() == ""


def test_a_commit_that_nothing_leads_to_begins_a_column() -> None:
    assert drawn("c:a b:a a: z:") == ["* c", "| * b", "|/", "* a", "* z"]
    assert drawn("c:x b:y x:") == ["* c", "| * b", "* | x", " /"]
