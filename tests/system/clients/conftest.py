"""The primaries that clients update: one for most, one at port 53 in a network of its own, and BIND."""

from collections.abc import Callable, Iterator

import pytest

from adoptkit import ALL, ON_PORT_53
from clientkit import OnLan, lan
from peerkit import HOST
from replaykit import PROGRAMS
from updatedkit import MAKES, Primary, Setup, key, taking_updates


@pytest.fixture(scope="session", params=MAKES)
def make(request: pytest.FixtureRequest, needs_program: Callable[[str], str]) -> str:
    needs_program("dig")
    return str(request.param)


@pytest.fixture(scope="session")
def named(make: str, needs_program: Callable[[str], str]) -> str:
    return needs_program("named") if make == "named" else ""


@pytest.fixture(scope="session")
def own() -> Setup:
    """A zone in which the key may do everything."""
    return Setup.of("own.test.", key("own", "hmac-sha512"))


@pytest.fixture(scope="session")
def primary(make: str, named: str, own: Setup, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Primary]:
    setups = (own, *ALL, *(program.setup for program in PROGRAMS))
    with taking_updates(make, named, tmp_path_factory.mktemp("clients") / "home", setups) as found:
        yield found


@pytest.fixture(scope="session")
def on_lan(make: str, named: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OnLan]:
    home = tmp_path_factory.mktemp("clients") / "home"
    with (
        lan() as machines,
        taking_updates(make, named, home, ON_PORT_53, place=(HOST, 53), through=machines.server) as found,
    ):
        yield OnLan(found, machines)
