"""The bounds of transfers from other servers: the daemon's, and the command's, from one table."""

from pathlib import Path

import pytest

from zonegit.dns.incoming.bounds import BOUNDS
from zonegit.errors import ConfigError
from zonegit.ops.flags import load
from zonegit.ops.incoming_limits import configured

TABLE = '[dns.incoming_limits]\nrecords = 5000\nidle_seconds = "5s"\n'


def test_a_table_changes_what_it_names(tmp_path: Path) -> None:
    (tmp_path / "zonegitd.toml").write_text(TABLE)
    expected = BOUNDS._replace(records=5000, idle_seconds=5.0)
    assert configured(tmp_path, tmp_path / "none") == expected
    assert (
        load(["--config", str(tmp_path / "zonegitd.toml"), "--repo", str(tmp_path)]).dns.incoming_limits == expected
    )


def test_without_a_table(tmp_path: Path) -> None:
    assert configured(tmp_path, tmp_path / "none") == BOUNDS


@pytest.mark.parametrize("table", ["dns = 3", "[dns]\nincoming_limits = 3", "[dns.incoming_limits]\nrecord = 3"])
def test_what_is_no_such_table(tmp_path: Path, table: str) -> None:
    (tmp_path / "zonegitd.toml").write_text(f"{table}\n# incoming_limits")
    if table == "dns = 3":  # which zonegitd reports
        assert configured(tmp_path, tmp_path / "none") == BOUNDS
    else:
        with pytest.raises(ConfigError, match=r"zonegitd\.toml: \[dns\.incoming_limits\]: "):
            configured(tmp_path, tmp_path / "none")


def test_the_documents_name_every_bound_and_its_value(tmp_path: Path) -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "secondary.md").read_text()
    block = page.split("```toml\n[dns.incoming_limits]\n")[1].split("```")[0]
    (tmp_path / "zonegitd.toml").write_text(f"[dns.incoming_limits]\n{block}")
    assert configured(tmp_path, tmp_path / "none") == BOUNDS
    assert {line.split(" = ")[0] for line in block.splitlines()} == set(BOUNDS._fields)
