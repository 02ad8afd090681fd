"""ISC dhcpd and dns-lexicon, unmodified, which send updates to port 53 only.

They are set up as docs/adopting.md says. BIND as the primary shows what they get elsewhere.
"""

import json
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from adoptkit import DHCPD, LEXICON
from clientkit import Lan, OnLan, run
from daemonkit import until
from updatedkit import Primary, initial_records

GUEST = Path(__file__).resolve().parents[2] / "kits" / "dhcp_guest.py"
FORWARD, REVERSE = DHCPD.zones
NAME = f"laptop.dyn.{FORWARD}"
LAPTOP, PRINTER = "02:00:00:00:00:01", "02:00:00:00:00:02"


@contextmanager
def dhcpd(program: str, home: Path, primary: Primary) -> Iterator[Path]:
    """ISC dhcpd on the LAN. Its log."""
    text = primary.program_for(DHCPD).replace("10.0.0.200; }", "10.0.0.200; ping-check off; }")
    (home / "dhcpd.conf").write_text(f"authoritative;\n{text}")
    (home / "leases").touch()
    files = ("-cf", home / "dhcpd.conf", "-lf", home / "leases", "-pf", home / "dhcpd.pid")
    log = home / "dhcpd.log"
    command = [*primary.through, program, "-4", "-f", "-d", *files, "lan"]
    with log.open("w") as out, subprocess.Popen(command, stdout=out, stderr=out) as process:
        try:
            until(lambda: "Server starting service" in log.read_text() or process.poll() is not None, "dhcpd")
            assert process.poll() is None, log.read_text()
            yield log
        finally:
            process.terminate()


def guest(machines: Lan, *words: str) -> str:
    return run(*machines.guest, sys.executable, GUEST, *words).strip()


def test_dhcpd(on_lan: OnLan, tmp_path: Path, needs_program: Callable[[str], str]) -> None:
    """A name belongs to the client that had it first (RFC 4703), until that one gives its lease back."""
    primary, machines = on_lan
    with dhcpd(needs_program("dhcpd"), tmp_path, primary) as log:
        before = primary.zone(FORWARD), primary.zone(REVERSE)
        address = guest(machines, "lease", LAPTOP, "laptop")
        pointer = f"{address.rpartition('.')[2]}.{REVERSE}"

        def registered() -> bool:
            return (primary.records(NAME, "A"), primary.records(pointer, "PTR")) == ([address], [NAME])

        until(registered, "the name of the laptop")
        (dhcid,) = primary.records(NAME, "DHCID")
        assert guest(machines, "lease", PRINTER, "laptop") != address
        until(lambda: " FAILED: " in log.read_text(), "the refusal of a name")
        assert registered()
        assert primary.records(NAME, "DHCID") == [dhcid]
        guest(machines, "release", LAPTOP, address)
        until(lambda: (primary.zone(FORWARD), primary.zone(REVERSE)) == before, "the end of all names")


def test_lexicon(on_lan: OnLan, tmp_path: Path, needs_program: Callable[[str], str]) -> None:
    program, zone, primary = needs_program("lexicon"), LEXICON.zone, on_lan.primary
    given = shlex.split(primary.program_for(LEXICON).replace("\\\n", " "))[1:]
    access = given[given.index("--ddns-server") :]
    domain = zone.removesuffix(".")

    def lexicon(*words: str) -> str:
        return run(*primary.through, program, *words, "--output", "JSON", HOME=str(tmp_path))

    lexicon(*given)
    www = ("A", "--name", f"www.{domain}", "--content", "192.0.2.81", "--ttl", "60")
    lexicon("ddns", "update", domain, *www, *access)
    listed = json.loads(lexicon("ddns", "list", domain, "TXT", *access))
    assert [each["content"] for each in listed] == ['"token"']
    assert listed[0]["name"] == f"_acme-challenge.{domain}"
    challenge = ("TXT", "--name", f"_acme-challenge.{domain}", "--content", "token")
    lexicon("ddns", "delete", domain, *challenge, *access)
    assert primary.zone(zone) == sorted(initial_records(zone, "60 A 192.0.2.81"))
