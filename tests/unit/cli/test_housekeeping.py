"""`gc`: what it says and what it refuses."""

import pytest

from zonegit.cli import housekeeping
from zonegit.repo import Repository


@pytest.fixture
def removed(zone):
    """A repository of two zones, of which one was removed just now."""
    assert zone("zone", "add", "example.net.").code == 0
    assert zone("zone", "remove", "example.net.").code == 0
    return zone


def test_nothing_goes_within_the_grace(removed) -> None:
    result = removed("gc")
    assert result.code == 0
    assert "deleted 0 objects" in result.err
    assert removed("zone", "restore", "example.net.").code == 0


def test_dry_run_says_what_goes_and_deletes_nothing(removed) -> None:
    before = removed("status", "--json").json["objects"]
    foretold = removed("gc", "--grace", "0", "--dry-run", "--json").json
    assert removed("status", "--json").json["objects"] == before
    assert foretold["dry_run"] is True
    assert foretold["gone"]["commit"] == 1
    done = removed("gc", "--grace", "0", "--json").json
    assert done == {**foretold, "dry_run": False}
    assert removed("status", "--json").json["objects"] == done["kept"]
    assert {kind: done["kept"][kind] + done["gone"][kind] for kind in before} == before
    assert removed("fsck").code == 0


def test_what_is_gone_is_not_found(removed, refused, tmp_path) -> None:
    with Repository.open(tmp_path / "repo", readonly=True) as repository:
        assert list(repository.removed_zones()) == ["example.net."]
    assert "deleted" in removed("gc", "--grace", "0").err
    with Repository.open(tmp_path / "repo", readonly=True) as repository:
        assert list(repository.removed_zones()) == []
    refused(removed("zone", "restore", "example.net."), 5, "has deleted its objects")
    assert removed("zone", "add", "example.net.").code == 0
    assert removed("fsck").code == 0


def test_it_says_how_far_undo_reaches_back_then(zone, refused) -> None:
    for last in (2, 3):
        assert zone("set", "www", "A", "60", f"192.0.2.{last}").code == 0
    assert "reach back" not in zone("gc").err
    told = zone("gc", "--grace", "0", "--dry-run").err
    assert "undo and BRANCH@{…} would reach back only as far as the grace period (0)" in told
    assert "undo and BRANCH@{…} reach back only as far as the grace period (0)" in zone("gc", "--grace", "0").err
    assert zone("undo").code == 0
    refused(zone("undo"), 1, "goes back no further", "`zonegit revert COMMIT`", "`zonegit reset --hard REV`")
    assert zone("reset", "--hard", "serial=2026112001").code == 0


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0"), (90, "90s"), (1800, "30m"), (43_200, "12h"), (90 * 86_400, "90d")]
)
def test_an_age_is_written_as_it_is_read(seconds, text) -> None:
    assert housekeeping._written(seconds) == text
    assert housekeeping._age(text) == seconds


@pytest.mark.parametrize("age", ["", "90", "-1d", "1y", "d", "1.5d", "٣d", "9999999999d"])
def test_what_is_no_age_is_refused(zone, age) -> None:
    assert zone("gc", f"--grace={age}").code == 2


def test_it_waits_for_nobody_who_keeps_objects(removed, refused, tmp_path) -> None:
    def state():
        return removed("status", "--json").json["objects"], removed("reflog", "--json").out

    before = state()
    with Repository.open(tmp_path / "repo") as repository, repository._store.keeping():
        result = removed("gc", "--grace", "0", "--lock-timeout", "0")
    refused(result, 4, "zonegit gc")
    assert state() == before


def test_compact_gives_free_pages_back(removed, tmp_path) -> None:
    data = tmp_path / "repo" / "data.mdb"
    assert removed("gc", "--grace", "0").code == 0
    before = data.stat().st_size
    foretold = removed("compact", "--dry-run", "--json").json
    assert data.stat().st_size == before
    done = removed("compact", "--json").json
    assert done == {**foretold, "dry_run": False}
    assert data.stat().st_size == done["after"] == before - done["saved"]
    assert removed("fsck").code == 0
    assert removed("set", "www", "A", "60", "192.0.2.9").code == 0
    told = removed("compact")
    assert (told.code, told.out) == (0, "")
    assert told.err.startswith("saved ")


def test_compact_is_refused_in_use(removed, refused, tmp_path) -> None:
    data = tmp_path / "repo" / "data.mdb"
    with Repository.open(tmp_path / "repo"):
        before = data.stat()
        refused(removed("compact"), 4, "close it first")
        assert data.stat() == before
