"""Servers of DNS over TCP for the tests here."""

from collections.abc import Callable, Iterator

import pytest

from tcpkit import Running, starting


@pytest.fixture
def run() -> Iterator[Callable[..., Running]]:
    with starting() as start:
        yield start
