"""Names of refs: what branches and tags may be called, and that each name splits in one way."""

import pytest

from zonegit.errors import InvalidName
from zonegit.model import refs

GOOD = ["main", "CHG-1234", "feature/x", "a/b/c", "v1.0", "_x", "release-2026/Q4.1", "x" * 64, "head", "0"]
BAD = [
    "",
    "HEAD",
    "/",
    "/x",
    "x/",
    "a//b",
    ".x",
    "a/.x",
    "-x",
    "a/-x",
    "x.",
    "a./b",
    "a..b",
    "a b",
    "ä",
    "x" * 65,
    "a~1",
    "a^",
    "@{",
    "a:b",
]


@pytest.mark.parametrize("zone", ["example.org.", ".", "0/25.2.0.192.in-addr.arpa.", "a./b.", r"a\.b.", "org."])
@pytest.mark.parametrize("name", GOOD)
def test_good_names_come_back_as_they_were(zone, name) -> None:
    for full, kind in ((refs.head(zone, name), "heads"), (refs.tag(zone, name), "tags")):
        ref = refs.parse(full)
        assert (ref.kind, ref.zone, ref.name, ref.full) == (kind, zone, name, full)
    ref = refs.parse(refs.remote("p1", zone, name))
    assert (ref.peer, ref.zone, ref.name) == ("p1", zone, name)


@pytest.mark.parametrize("name", BAD)
def test_bad_names_are_refused(name) -> None:
    for make in (refs.head, refs.tag):
        with pytest.raises(InvalidName):
            make("example.org.", name)


@pytest.mark.parametrize("peer", ["P1", "a/b", ".", "", "a.", "-x"])
def test_peers_are_named_as_before(peer) -> None:
    with pytest.raises(InvalidName):
        refs.remote(peer, "example.org.", "main")


def test_what_older_versions_can_take() -> None:
    assert [name for name in GOOD if refs.is_plain(name)] == ["main", "v1.0", "_x", "x" * 64, "head", "0"]


@pytest.mark.parametrize(
    "full",
    [
        "refs/heads/example.org/main",
        "refs/heads/example.org./",
        "refs/heads/EXAMPLE.org./main",
        "refs/heads/main",
        "refs/notes/example.org./main",
        "refs/remotes/p1/main",
        "heads/example.org./main",
    ],
)
def test_what_is_no_ref(full) -> None:
    with pytest.raises(InvalidName):
        refs.parse(full)
