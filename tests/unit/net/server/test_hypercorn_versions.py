"""The versions of the HTTP packages that the patches were written against."""

import asyncio
import re
import socket
import tomllib
from pathlib import Path

import pytest

from httpkit import run
from zonegit import Keyring, ReplicationServer, Repository
from zonegit.daemon.signing import usable_keys
from zonegit.errors import UsageError
from zonegit.net.server import hypercorn_versions
from zonegit.net.server.hypercorn_versions import WRITTEN_AGAINST, check_versions
from zonegit.ops.address import Address
from zonegit.ops.config import Config, MetricsConfig

TOP = Path(__file__).resolve().parents[4]
REFUSED = "cannot serve HTTP with hypercorn 0.19.0: zonegit needs hypercorn 0.18.*"


@pytest.fixture
def another_hypercorn(monkeypatch: pytest.MonkeyPatch) -> None:
    installed = hypercorn_versions.version
    monkeypatch.setattr(
        hypercorn_versions, "version", lambda package: "0.19.0" if package == "hypercorn" else installed(package)
    )


def test_the_installed_versions_are_the_ones_that_the_patches_were_written_against() -> None:
    check_versions()


@pytest.mark.parametrize("found", ["0.17.3", "0.180", "0.19.0", "1.0"])
def test_any_other_series_is_refused(found: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hypercorn_versions, "version", lambda package: found)
    with pytest.raises(UsageError, match=re.escape(f"cannot serve HTTP with hypercorn {found}: ")):
        check_versions()


def test_pyproject_asks_for_these_series_alone() -> None:
    listed = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]["dependencies"]
    for package, series in WRITTEN_AGAINST.items():
        major, minor = series.split(".")
        (asked,) = (each for each in listed if re.match(rf"{package}[^a-z0-9]", each))
        assert asked.startswith(f"{package}>={series}")
        assert asked.endswith(f",<{major}.{int(minor) + 1}")


def test_zonegitd_refuses_to_start(another_hypercorn: None, tmp_path: Path) -> None:
    usable_keys(Config(tmp_path))
    with pytest.raises(UsageError, match=re.escape(REFUSED)):
        usable_keys(Config(tmp_path, metrics=MetricsConfig(Address("127.0.0.1", 0))))


def test_an_embedded_server_raises(another_hypercorn: None, tmp_path: Path) -> None:
    Repository.init(tmp_path).close()
    server = ReplicationServer(tmp_path, Keyring(), "p1")

    async def test() -> None:
        with socket.socket() as listener, pytest.raises(UsageError, match=re.escape(REFUSED)):
            await server.serve(listener, asyncio.Event())

    run(test())
    server.close()
