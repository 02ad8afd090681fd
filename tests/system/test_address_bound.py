"""`connections_per_source`: how many connections one address may have to the replication port of a daemon."""

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from daemonkit import Daemon, until

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))


@pytest.mark.parametrize("most", [1, 9])
def test_it_is_what_an_address_may_have(
    repo: Path, tmp_path: Path, keys: Path, start: Callable[..., Daemon], most: int
) -> None:
    config = tmp_path / "zonegitd.toml"
    bound = f"connections_per_source = {most}\n"
    config.write_text(f'[replication]\nlisten = "127.0.0.1:0"\nname = "p1"\n{bound}')
    daemon = start(repo, "--config", config, "--keys", keys)
    place = ("127.0.0.1", daemon.port("replication"))
    open_ones: list[socket.socket] = []
    try:
        until(lambda: open_ones.append(socket.create_connection(place, 20)) or answers(open_ones[-1]), "the first")
        for _ in range(most - 1):
            open_ones.append(socket.create_connection(place, 20))
            assert answers(open_ones[-1])
        with socket.create_connection(place, 20) as one_more:
            assert not answers(one_more)
    finally:
        for each in open_ones:
            each.close()


def answers(connection: socket.socket) -> bool:
    """Whether the server says something on it, before it closes it."""
    try:
        connection.sendall(PREFACE)
        return bool(connection.recv(1))
    except OSError:
        return False
