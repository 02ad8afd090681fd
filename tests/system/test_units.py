"""The systemd units: well-formed, confined, and with the sockets that the daemon knows by name."""

import re
import subprocess
from pathlib import Path

import pytest

from zonegit.dnssec.policy import KEYS

UNITS = Path(__file__).resolve().parents[2] / "systemd"
EXPOSURE = 1.2
"""0 is nothing, 10 is everything; Debian's units of BIND have 9.6, of Knot 7.0, of NSD 5.0, of PowerDNS 2.3."""


def test_systemd_finds_nothing_wrong(tmp_path, needs_program) -> None:
    analyze = needs_program("systemd-analyze")
    for unit in UNITS.iterdir():  # the programs needn't be installed here
        text = re.sub(r"^(Exec\w+=)/usr/s?bin/zonegitd?\b", r"\1/bin/true", unit.read_text(), flags=re.MULTILINE)
        (tmp_path / unit.name).write_text(text)
    done = subprocess.run(
        (analyze, "verify", "--man=no", *sorted(tmp_path.iterdir())), capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("unit", ["zonegitd.service", "zonegit-fsck.service", "zonegit-gc.service"])
def test_little_is_exposed(unit, needs_program) -> None:
    analyze = needs_program("systemd-analyze")
    done = subprocess.run(
        (analyze, "security", "--no-pager", "--offline=true", UNITS / unit),
        capture_output=True,
        text=True,
        check=True,
    )
    match = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
    assert match is not None
    assert float(match[1]) <= EXPOSURE


def test_only_the_service_has_the_private_keys_of_zones() -> None:
    place = "-/var/lib/zonegit-keys\n"
    assert f"\nReadWritePaths={place}" in (UNITS / "zonegitd.service").read_text()
    for unit in ("zonegit-fsck.service", "zonegit-gc.service"):
        assert f"\nInaccessiblePaths={place}" in (UNITS / unit).read_text()
    for unit in UNITS.glob("*.service"):
        assert "\nLimitCORE=0\n" in unit.read_text()


def test_sockets_outlive_the_service() -> None:
    for unit in UNITS.glob("*.socket"):
        text = unit.read_text()
        assert "PartOf=" not in text
        assert "Service=zonegitd.service" in text
        assert re.search(r"^FileDescriptorName=(dns|dns-tls|metrics|replication)$", text, re.MULTILINE)


def test_only_the_daemon_reaches_the_private_keys_of_zones() -> None:
    assert "\nReadWritePaths=-/var/lib/zonegit-keys\n" in (UNITS / "zonegitd.service").read_text()
    for unit in ("zonegit-fsck.service", "zonegit-gc.service"):
        assert "\nInaccessiblePaths=-/var/lib/zonegit-keys\n" in (UNITS / unit).read_text()
    made = (UNITS.parent / "packaging" / "debian" / "zonegit.tmpfiles").read_text()
    assert f"d {KEYS} 0700 zonegit zonegit -\n" in made


def test_one_process_without_memory_does_not_stop_the_others() -> None:
    """systemd's default (`stop`) ends the whole service; zonegitd starts the one again that the kernel ended."""
    text = (UNITS / "zonegitd.service").read_text()
    for line in ("OOMPolicy=continue", "MemoryMax=80%", "OOMScoreAdjust=-500"):
        assert f"\n{line}\n" in text


def test_the_service_starts_again_at_once_and_always() -> None:
    text = (UNITS / "zonegitd.service").read_text()
    for line in ("Restart=always", "RestartSec=100ms", "StartLimitIntervalSec=0", "Type=notify"):
        assert f"\n{line}\n" in text
