"""docs/sync.md: its examples are one story, and each prints what the page says."""

import re
from pathlib import Path
from typing import Final

from daemonkit import until
from pagekit import Shell, examples, unlike
from peerkit import free_ports

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "sync.md"
PORTS: Final = ("5300", "5301", "9354", "9355")
READS: Final = re.compile(r"zonegit --repo \w+ (zone list|show)\b")
"""What the other node did takes some milliseconds to be seen by these."""


def test_two_offices_are_the_same_after_six_commands(tmp_path: Path) -> None:
    ports = dict(zip(PORTS, map(str, free_ports(len(PORTS))), strict=True))
    found = examples(PAGE.read_text())
    assert len(found) == 6 + 5
    with Shell(tmp_path) as shell:
        shell.run("unset ZONEGIT_REPO; export ZONEGIT_AUTHOR='Ada <ada@example.org>'")
        for command, printed, _ in found:
            line = re.sub("|".join(PORTS), lambda match: ports[match[0]], command)
            if READS.match(command):
                until(lambda line=line, printed=printed: not unlike(printed, shell.run(line)), command)
            else:
                difference = unlike(printed, shell.run(line))
                assert not difference, f"{command}\n{difference}"
        logged = [line for name in ("ams", "fra") for line in (tmp_path / f"{name}.log").read_text().splitlines()]
        usual = ("pulled", "listening", "result=unreachable")  # the first may call before the second listens
        assert [line for line in logged if not any(word in line for word in usual)] == []
