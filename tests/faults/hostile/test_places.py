"""Places of a key that somebody holds by requests of its owner, withheld on their way and played back."""

import pytest

from httpkit import Running, served
from rawh2 import RawClient
from zonegit.net import known

SECONDS = 60.0
PLACES = 2


def passes(client: RawClient) -> bool:
    return client.ask("GET", "/v0/refs", client.signed("GET", "/v0/refs")).status == 200


def test_who_has_no_more_requests_that_pass_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests without a signature, answered as they are, keep no place; a request that passes does."""
    now = 0.0

    def test(server: Running) -> None:
        nonlocal now
        monkeypatch.setattr(server.server._known, "_clock", lambda: now)
        with RawClient(server.port) as played, RawClient(server.port) as owners, RawClient(server.port) as late:
            assert passes(played)
            assert passes(owners)
            assert not passes(late), "both are young"
            now = known.SILENT - 1
            assert passes(owners)
            assert played.ask("GET", "/v0/refs", []).status in (401, 429)
            assert not passes(late)
            now = known.SILENT
            assert passes(late)
            while played.read():
                pass
            assert passes(owners)
            with RawClient(server.port) as another:
                assert not passes(another)
            assert len(server.server._known) == PLACES

    served(test, seconds=SECONDS, connections=PLACES)
