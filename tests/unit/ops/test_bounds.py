"""The tables of bounds in the configuration."""

from pathlib import Path

import pytest

from zonegit.errors import ConfigError
from zonegit.ops.flags import load
from zonegit.sync.limits import CLIENT, SERVER, ClientLimits, ServerLimits

HEAD = """keys = "keys.d"
[replication]
listen = "127.0.0.1:9354"
name = "p"
{replication}
[primary]
url = "http://127.0.0.1:9355"
name = "q"
{primary}
"""


def written(path: Path, replication: str = "", primary: str = "") -> list[str]:
    (path / "zonegitd.toml").write_text(HEAD.format(replication=replication, primary=primary))
    return ["--config", str(path / "zonegitd.toml")]


def test_without_a_table_they_are_those_of_the_documents(tmp_path: Path) -> None:
    config = load(written(tmp_path))
    assert config.replication and config.primary
    assert (config.replication.limits, config.primary.limits) == (SERVER, CLIENT)
    assert ServerLimits(256, 32, 16 << 10, 8, 4 << 20, 30.0) == SERVER
    assert ClientLimits(4 << 30, 10_000_000, 16 << 20, 1_024, 30.0, 600.0, 64 << 30, 1 << 30) == CLIENT


def test_what_a_table_leaves_out_stays(tmp_path: Path) -> None:
    config = load(
        written(
            tmp_path,
            "[replication.limits]\nstreams = 8\nresponse_seconds = '5s'",
            "[primary.limits]\nbytes = 2000000\nslowest_over = '1m'",
        )
    )
    assert config.replication and config.primary
    assert config.replication.limits == ServerLimits(streams=8, response_seconds=5.0)
    assert config.primary.limits == ClientLimits(bytes=2_000_000, slowest_over=60.0)


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        ("limits = 3", "not a table"),
        ("[replication.limits]\nstreems = 8", "unknown key 'streems'; did you mean 'streams'?"),
        ("[replication.limits]\nstreams = 0", "streams: 0 is not a number from 4 to 1000"),
        ("[replication.limits]\nresponse_seconds = 'long'", "response_seconds: 'long' is not a duration"),
    ],
)
def test_bounds_that_make_no_sense(tmp_path: Path, table: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        load(written(tmp_path, table))


def test_the_documents_name_every_bound_and_its_value(tmp_path: Path) -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "operations.md").read_text()
    block = page.split("[replication.limits]\n")[1].split("```")[0]
    replication, primary = (part.split("\n\n")[0] for part in block.split("[primary.limits]\n"))
    config = load(written(tmp_path, f"[replication.limits]\n{replication}", f"[primary.limits]\n{primary}"))
    assert config.replication and config.primary
    assert (config.replication.limits, config.primary.limits) == (SERVER, CLIENT)
    named = {line.split(" = ")[0] for line in block.splitlines() if " = " in line}
    assert named == {*ServerLimits._fields, *ClientLimits._fields}
