"""$INCLUDE: what stays in force behind it (RFC 1035 §5.1), and which file it means."""

from pathlib import Path

import pytest

from readkit import APEX, SOA, read_files, shown, warnings
from zonegit.errors import ZoneFileError
from zonegit.zonefile.reader import read_zone

NO_TTL = "@ SOA ns1 hostmaster 7 7200 900 1209600 300\n"


@pytest.mark.parametrize(
    ("main", "included", "expected"),
    [
        ("$INCLUDE i\nw A 192.0.2.1\n", f"$TTL 60\n{NO_TTL}", ["w 60"]),
        (f"$TTL 300\n{NO_TTL}$INCLUDE i\nw A 192.0.2.1\n", "$TTL 60\nx A 192.0.2.1\n", ["w 60", "x 60"]),
        (f"{SOA}$INCLUDE i\nw A 192.0.2.1\n", "x 99 A 192.0.2.1\n", ["w 99", "x 99"]),
        (f"{SOA}w 70 A 192.0.2.1\n$INCLUDE i\n", "x A 192.0.2.1\n", ["w 70", "x 70"]),
        (f"{SOA}w A 192.0.2.1\n$INCLUDE i\n AAAA ::1\n", "x A 192.0.2.1\n", ["w 3600", "w 3600", "x 3600"]),
        (f"{SOA}w A 192.0.2.1\n$INCLUDE i\n", " AAAA ::1\n", ["w 3600", "w 3600"]),
        (f"{SOA}$INCLUDE i sub\nw A 192.0.2.1\n", "x A 192.0.2.1\n", ["x.sub 3600", "w 3600"]),
        (f"{SOA}$INCLUDE i\nw A 192.0.2.1\n", "$ORIGIN sub\nx A 192.0.2.1\n", ["x.sub 3600", "w 3600"]),
        (f"{SOA}$INCLUDE i\nw A 192.0.2.1\n", "$INCLUDE j\n", ["w 5", "y 5"]),
        (f'{SOA}$INCLUDE "i"\tsub ; note\n', "@ A 192.0.2.1\n", ["sub 3600"]),
    ],
)
def test_origin_and_owner_come_back_and_ttls_stay(
    tmp_path: Path, main: str, included: str, expected: list[str]
) -> None:
    parsed = read_files(tmp_path, {"main": main, "i": included, "j": "$TTL 5\ny A 192.0.2.1\n"})
    assert [line.partition(" IN")[0].replace(".example.com.", "") for line in shown(parsed)] == expected


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("d/d/j", "a"),
        ("d/j", "b"),
        ("cwd/d/j", "c"),
    ],
)
def test_it_is_found_where_any_server_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, expected: str
) -> None:
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")
    files = {"main": SOA + "$INCLUDE d/i\n", "d/i": "$INCLUDE d/j\n", place: f"{expected} A 192.0.2.1\n"}
    parsed = read_files(tmp_path, files)
    assert shown(parsed) == [f"{expected}.example.com. 3600 IN A 192.0.2.1"]
    assert parsed.warnings == []


def test_another_file_of_that_path_is_warned_about(tmp_path: Path) -> None:
    files = {
        "main": SOA + "$INCLUDE d/i\n",
        "d/i": "\n$INCLUDE d/j\n",
        "d/d/j": "a A 192.0.2.1\n",
        "d/j": "b A 192.0.2.1\n",
    }
    parsed = read_files(tmp_path, files)
    assert shown(parsed) == ["a.example.com. 3600 IN A 192.0.2.1"]
    includer, taken, other = (tmp_path / name for name in ("d/i", "d/d/j", "d/j"))
    told = f"{includer}:2: $INCLUDE read {taken}; other servers would read {other}, which differs"
    assert warnings(parsed) == [("include-path", told)]
    other.write_bytes(taken.read_bytes())
    assert read_zone(tmp_path / "main", name="main", origin=APEX).warnings == []


def test_errors_name_the_included_file(tmp_path: Path) -> None:
    zone, other = tmp_path / "zone", tmp_path / "other"
    zone.write_text(SOA + "$INCLUDE other\n")

    def refused() -> str:
        with pytest.raises(ZoneFileError) as caught:
            read_zone(zone, name="zone", origin=APEX)
        return str(caught.value)

    missing = f"zone:2: $INCLUDE: there is no file other in {tmp_path}/, nor in {Path.cwd()}/; BIND looks in the"
    assert refused().startswith(missing)
    assert refused().endswith("run this there, with `zonegit -C DIRECTORY --repo REPOSITORY …`")
    other.write_text("\nw A x\n")
    assert refused().startswith(f"{other}:2: ")
    other.write_text("$INCLUDE other\n")
    assert "is nested more than 10 files deep" in refused()
    zone.write_text(SOA + f"\n$INCLUDE {'x' * 300}\n")
    assert refused().startswith("zone:3: $INCLUDE: can't read ")
    assert refused().endswith(": File name too long")
    zone.write_text(SOA + "$INCLUDE other\n")
    other.unlink()
    other.mkdir()
    assert refused().startswith(missing)
    zone.write_text(SOA + "$INCLUDE /nowhere/other\n")
    assert refused() == "zone:2: $INCLUDE: there is no file /nowhere/other"
