"""What the checks say about BIND, NSD and Knot is true of those that are installed."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from checkkit import findings
from peerkit import free_ports
from zonegit.model.names import parse_apex
from zonegit.zonefile.check import check_entries
from zonegit.zonefile.reader import read_zone

SIGNATURE = "8 3 60 20300101000000 20200101000000 1 example.com. AQAB"
BASE = "@ NS ns\nns A 192.0.2.1\n"
LOADED = {
    "mx-cname": f"{BASE}@ MX 10 m\nm CNAME ns\n",
    "mx-cname by DNAME": f"{BASE}@ MX 10 m.d\nd DNAME example.net.\n",
    "srv-cname": f"{BASE}_sip._tcp SRV 0 0 1 m\nm CNAME ns\n",
    "ns-cname": f"{BASE}s NS m\nm CNAME ns\n",
    "mx-address": f"{BASE}@ MX 10 m\n",
    "srv-address": f"{BASE}_sip._tcp SRV 0 0 1 m\n",
    "ns-address": f"{BASE}s NS m\n",
    "missing-glue": f"{BASE}s NS ns.s\n",
    "ds-without-ns": f"{BASE}x DS 1 8 2 {'ab' * 32}\n",
    "occluded": f"{BASE}s NS ns\nx.s TXT t\ns MX 10 ns\n",
    "occluded DNAME": f"{BASE}s NS ns\nx.s DNAME example.net.\n",
    "unused-glue": f"{BASE}s NS ns\nx.s A 192.0.2.1\n",
    "large-rrset, not yet": BASE + "".join(f"x A 192.0.2.{number}\n" for number in range(100)),
    "many-types, not yet": BASE + "".join(rf"x TYPE{65280 + number} \# 0" + "\n" for number in range(100)),
}
"""Zones with warnings that every server loads."""
REFUSED_BY_BIND = {
    "wildcard-ns": f"{BASE}*.x NS ns\n",
    "wildcard-ns below a cut": f"{BASE}s NS ns\n*.s NS ns\n",
    "large-rrset": BASE + "".join(f"x A 192.0.2.{number}\n" for number in range(101)),
    "large-rrset of signatures": BASE
    + "".join(f"x RRSIG A 8 2 60 20300101000000 20200101000000 {tag} @ AQAB\n" for tag in range(101)),
    "many-types": BASE + "".join(rf"x TYPE{65280 + number} \# 0" + "\n" for number in range(101)),
    "many-types of signatures": BASE + "".join(f"x RRSIG TYPE{number} {SIGNATURE}\n" for number in range(300, 401)),
    "cname-and-key, as NXT": f"{BASE}x CNAME ns\nx TYPE30 \\# 3 000004\n",
}
"""By its primaries and its secondaries."""
REFUSED_BY_BIND_AS_PRIMARY = {
    "apex-ds": f"{BASE}@ DS 1 8 2 {'ab' * 32}\n",
    "ns-cname at the apex": "@ NS ns\nns CNAME m\nm A 192.0.2.1\n",
    "ns-cname by DNAME at the apex": "@ NS ns.d\nd DNAME example.net.\n",
    "ns-address at the apex": "@ NS ns\n",
    "host-owner": f"{BASE}a_b A 192.0.2.1\n",
    "host-owner of an MX": f"{BASE}a_b MX 10 ns\n",
    "host-owner at a wildcard": f"{BASE}x.*.y A 192.0.2.1\n",
    "host-target": f"{BASE}@ MX 10 a_b\n",
    "host-target of an SRV": f"{BASE}x SRV 0 0 1 a_b.example.net.\n",
    "host-target of an NS": f"{BASE}s NS a_b.example.net.\n",
}
REFUSED_BY_KNOT = {
    "dname-and-ns": f"{BASE}s NS ns.example.net.\ns DNAME example.net.\n",
    "occluded-below-dname": f"{BASE}s NS ns.example.net.\nx.s DNAME example.net.\na.x.s TXT t\n",
    "cname-and-key": f"{BASE}x CNAME ns\nx KEY 256 3 8 AQAB\n",
}
REFUSED_BY_NSD = {name: REFUSED_BY_KNOT[name] for name in ("occluded-below-dname", "cname-and-key")}
ERRORS = {
    "cname-and-other": f"{BASE}x CNAME ns\nx TXT t\n",
    "cname-and-other below a cut": f"{BASE}s NS ns\nx.s CNAME ns\nx.s TXT t\n",
    "two-cnames": f"{BASE}x CNAME a\nx CNAME b\n",
    "two-cnames below a cut": f"{BASE}s NS ns\nx.s CNAME a\nx.s CNAME b\n",
    "two-dnames": f"{BASE}x DNAME a\nx DNAME b\n",
    "two-dnames below a cut": f"{BASE}s NS ns\nx.s DNAME a\nx.s DNAME b\n",
}
"""What all three refuse, as primaries. (Errors for which that isn't so stand in docs/decisions/0026.)"""


def text_of(records: str) -> str:
    return f"$TTL 60\n@ SOA ns.example.net. h.example.net. 1 3600 900 604800 60\n{records}"


def written(directory: Path, zones: dict[str, str]) -> dict[str, Path]:
    """Each zone in a file of its own."""
    files = {name: directory / f"zone{number}" for number, name in enumerate(zones)}
    for name, path in files.items():
        path.write_text(text_of(zones[name]))
    return files


def loaded_by(command: list[str], files: dict[str, Path]) -> list[str]:
    """The zones that a checker finds no fault with."""
    done = {name: subprocess.run([*command, str(path)], capture_output=True) for name, path in files.items()}
    return [name for name, result in done.items() if not result.returncode]


def loaded_by_named(program: str, directory: Path, files: dict[str, Path]) -> list[str]:
    """The zones that BIND serves as a primary, with its own defaults."""
    apexes = {name: f"zone{number}.example" for number, name in enumerate(files)}
    (port,) = free_ports(1)
    (directory / "named.conf").write_text(
        f'options {{ directory "{directory}"; listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; '
        f'pid-file none; session-keyfile "{directory}/session.key"; recursion no; notify no; }}; controls {{ }};\n'
        + "".join(f'zone "{apexes[name]}" {{ type primary; file "{path}"; }};\n' for name, path in files.items())
    )
    command = [program, "-g", "-n", "1", "-c", str(directory / "named.conf")]
    said = []
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            for line in process.stderr:
                said.append(line)
                if line.endswith(" running\n"):
                    break
        finally:
            process.terminate()
    told = "".join(said)
    assert "running" in told, told
    return [name for name, apex in apexes.items() if f"zone {apex}/IN: loaded serial" in told]


@pytest.mark.parametrize("zones", [LOADED, REFUSED_BY_BIND, REFUSED_BY_BIND_AS_PRIMARY, REFUSED_BY_KNOT, ERRORS])
def test_each_zone_is_found_by_its_check(zones: dict[str, str]) -> None:
    for name, records in zones.items():
        if "not yet" in name:
            assert findings(records) == []
            continue
        messages = {each.check: each.message for each in findings(records)}
        check = name.split(" ")[0].rstrip(",")
        assert check in messages
        assert ("BIND" in messages[check]) == (
            zones in (REFUSED_BY_BIND, REFUSED_BY_BIND_AS_PRIMARY) or "key" in check
        )
        assert ("as a primary" in messages[check]) == (zones is REFUSED_BY_BIND_AS_PRIMARY)
        assert ("Knot" in messages[check]) == (zones is REFUSED_BY_KNOT or "key" in check)


def test_bind_loads_and_refuses_what_is_said(needs_program: Callable[[str], str], tmp_path: Path) -> None:
    zones = {**LOADED, **REFUSED_BY_BIND, **REFUSED_BY_BIND_AS_PRIMARY, **ERRORS}
    assert loaded_by_named(needs_program("named"), tmp_path, written(tmp_path, zones)) == list(LOADED)


def test_nsd_loads_and_refuses_what_is_said(needs_program: Callable[[str], str], tmp_path: Path) -> None:
    good = {**LOADED, **REFUSED_BY_BIND_AS_PRIMARY}
    files = written(tmp_path, {**good, **REFUSED_BY_NSD, **ERRORS})
    assert loaded_by([needs_program("nsd-checkzone"), "example.com"], files) == list(good)


def test_knot_refuses_what_is_said(needs_program: Callable[[str], str], tmp_path: Path) -> None:
    """(That it serves the rest as a primary, though kzonecheck complains of glue, is in docs/decisions/0026.)"""
    good = {name: LOADED[name] for name in ("mx-cname", "mx-address", "occluded", "occluded DNAME", "unused-glue")}
    files = written(tmp_path, {**good, **REFUSED_BY_KNOT, **ERRORS})
    assert loaded_by([needs_program("kzonecheck"), "-o", "example.com"], files) == list(good)


@pytest.mark.parametrize("nsec3", [(), ("-3", "-"), ("-3", "ab", "-A")])
def test_a_signed_zone_with_a_dname_at_its_apex_has_no_faults(
    needs_program: Callable[[str], str], tmp_path: Path, nsec3: tuple[str, ...]
) -> None:
    keygen, sign = needs_program("dnssec-keygen"), needs_program("dnssec-signzone")
    path = tmp_path / "zone"
    path.write_text(text_of("@ NS ns.example.net.\n@ DNAME example.net.\n"))
    subprocess.run([keygen, "-q", "-K", str(tmp_path), "-a", "13", "-f", "KSK", "example.com"], check=True)
    signing = [sign, "-z", "-S", "-K", str(tmp_path), "-o", "example.com", *nsec3, str(path)]
    subprocess.run(signing, check=True, capture_output=True, cwd=tmp_path)
    signed = tmp_path / "zone.signed"
    checked = subprocess.run([needs_program("named-checkzone"), "example.com", str(signed)], capture_output=True)
    assert not checked.returncode
    parsed = read_zone(signed, name="signed", origin=parse_apex("example.com"))
    assert len(parsed.entries) > 5
    assert check_entries(parsed.apex, parsed.entries) == []
