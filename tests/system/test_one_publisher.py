"""Three daemons that all write a zone, each with the two others, and one of them publishes it for all."""

from collections.abc import Callable
from pathlib import Path

import pytest

from daemonkit import Daemon, serial_of, until
from writerskit import ORG, SHOWN, Node, begin, same, three_nodes


@pytest.fixture
def nodes(tmp_path: Path) -> list[Node]:
    return three_nodes(tmp_path)


def test_each_writes_and_all_serve_what_one_publishes(nodes: list[Node], start: Callable[..., Daemon]) -> None:
    begin(nodes, start, f'[zone."{ORG}".publish]', "max_deletes = 100")
    for turn in (1, 2):
        for at, node in enumerate(nodes):
            node.set(f"n{at}", 10 * turn + at)
        for at, node in enumerate(nodes):
            until(
                lambda at=at, last=10 * turn + at: all(it.answers(f"n{at}", last) for it in nodes),  # type: ignore[misc]
                f"what {node.name} wrote, at all",
            )
    until(lambda: same(nodes), "the same version at all nodes")
    assert len({serial_of(node.daemon.port(), "example.org") for node in nodes}) == 1


def test_what_the_publisher_holds_nobody_serves(nodes: list[Node], start: Callable[..., Daemon]) -> None:
    begin(nodes, start, f'[zone."{ORG}".publish]', "max_deletes = 1")
    ams, fra, lon = nodes
    before = ams.refs()[SHOWN]
    fra.zonegit("delete", "www")
    ams.daemon.logged("reason=max-deletes")
    until(lambda: same(nodes), "the commit at all nodes")
    assert lon.refs()[SHOWN] == before
    assert all(node.answers("www", 10) for node in nodes)
    lon.set("www", 10)
    lon.set("late", 77)
    until(lambda: all(node.answers("late", 77) for node in nodes), "what restores most of it, at all")
    assert all(node.answers("www", 10) for node in nodes)


def test_a_publisher_that_is_away_leaves_its_last_version_in_service(
    nodes: list[Node], start: Callable[..., Daemon]
) -> None:
    begin(nodes, start, f'[zone."{ORG}".publish]')
    ams, fra, lon = nodes
    before = ams.refs()[SHOWN]
    ams.daemon.stop()
    fra.set("new", 5)
    until(lambda: fra.refs() == lon.refs(), "the commit at the other one")
    assert fra.refs()[SHOWN] == before
    fra.daemon.stop()
    fra.daemon = start(fra.repo, "--config", fra.file)
    assert not fra.answers("new", 5) and not lon.answers("new", 5)
    ams.daemon = start(ams.repo, "--config", ams.file)
    until(lambda: all(node.answers("new", 5) for node in nodes), "the commit, served by all")
    until(lambda: same(nodes), "the same version at all nodes")
