"""docs/adopting.md: a zone moves here from BIND, and back, by the configurations and commands of the page."""

import os
import re
import subprocess
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from adoptkit import PAGE
from commandkit import ZONEGIT
from daemonkit import DEADLINE, Daemon, environment, serial_of, until
from pagekit import FENCE
from peerkit import HOST, free_ports
from updatedkit import Key, zone_text
from zonegit.repo import Repository

DNSSEC = PAGE.with_name("dnssec.md")
ZONE = "example.org."
SECRET = b64encode(b"a secret of 32 bytes for the page").decode()
KEYS = [Key(name, "hmac-sha256", SECRET) for name in ("xfr", "ops")]


BEFORE = {
    "knot.conf": """server:
  listen: 127.0.0.1@{port}
  rundir: {home}
  udp-workers: 1
  tcp-workers: 1
database:
  storage: {home}
template:
  - id: default
    storage: {home}
""",
    "nsd.conf": """server:
  ip-address: 127.0.0.1@{port}
  username: ""
  chroot: ""
  zonesdir: {home}
  database: ""
  pidfile: {home}/nsd.pid
  xfrdfile: {home}/xfrd.state
  xfrdir: {home}
  zonelistfile: {home}/zone.list
  server-count: 1
remote-control:
  control-enable: no
""",
}
"""What goes before the page's configuration of a server."""
PDNS = """launch=gsqlite3
gsqlite3-database={database}
local-address={address}
local-port={port}
socket-dir={home}
primary=yes
allow-axfr-ips=
disable-syslog=yes
guardian=no
daemon=no
"""
SCHEMA = Path("/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql")
OPTIONS = {"knotd": ["-c"], "nsd": ["-d", "-c"]}


def blocks(kind: str, title: str) -> list[str]:
    """The blocks of a step, by language or file."""
    body = PAGE.read_text().partition(f"\n### {title}\n")[2].partition("\n##")[0]
    return [block[2] for block in FENCE.finditer(body) if kind in (block[1].split() or [""])]


def write_keys(directory: Path) -> None:
    """zonegitd's files of the page's keys."""
    directory.mkdir(mode=0o700)
    for key in KEYS:
        file = directory / f"{key.name}.tsig"
        file.touch(mode=0o600)
        file.write_text(f'algorithm = "{key.algorithm}"\nsecret = "{key.secret}"\n')


def local(text: str, old: int, new: int) -> str:
    """A text of the page with the ports of the old server and of zonegitd on this machine, and the secret."""
    for address, port in (("192.0.2.53", old), ("192.0.2.1", new)):
        text = text.replace(f"@{address}", f"@{HOST} -p {port}")
        text = text.replace(f'"{address} key', f'"{HOST}:{port} key')
        text = text.replace(f"{{ {address} key", f"{{ {HOST} port {port} key")
    return text.replace("SECRET", SECRET)


def configured(home: Path, port: int, table: str, settings: str = "") -> Path:
    """zonegitd's file, where `zonegit` looks for it."""
    file = home / "repo" / "zonegitd.toml"
    listen = f'[dns]\nlisten = "{HOST}:{port}"\nworkers = 1\n[metrics]\nlisten = "{HOST}:0"\n'
    file.write_text(f'repo = "{home}/repo"\nkeys = "{home}/keys.d"\n{settings}{listen}{table}')
    return file


class Move:
    """BIND as the old server, and zonegitd, on ports of their own."""

    def __init__(self, home: Path, named: str) -> None:
        self.home = home
        self._named = named
        self.old, self.new, self._control = free_ports(3)
        (home / "bind").mkdir()
        (home / "bind" / "db.example.org").write_text(zone_text(ZONE))
        write_keys(home / "keys.d")
        (home / "xfr.key").write_text(f'key "xfr" {{ algorithm hmac-sha256; secret "{SECRET}"; }};\n')
        Repository.init(home / "repo").close()

    def local(self, text: str) -> str:
        return local(text, self.old, self.new)

    def configure(self, table: str, settings: str = "") -> Path:
        return configured(self.home, self.new, self.local(table), settings)

    def run(self, command: str) -> None:
        """A command line of a page."""
        path = f"{ZONEGIT.parent}:{os.environ['PATH']}"
        env = environment(PATH=path, ZONEGIT_REPO=str(self.home / "repo"), ZONEGIT_AUTHOR="Ada <ada@example.org>")
        done = subprocess.run(["sh", "-c", command], env=env, capture_output=True, text=True, timeout=DEADLINE)
        assert done.returncode == 0, done.stderr

    def dig(self, port: int, *words: str) -> str:
        """What a server has at the apex; what dig says where none answers."""
        command = ("dig", "+short", f"@{HOST}", "-p", str(port), ZONE, *words)
        return subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=False).stdout

    def signed(self) -> bool:
        """Whether zonegitd has a signature of the SOA."""
        return "SOA 13 " in self.dig(self.new, "SOA", "+dnssec")

    @contextmanager
    def bind(self, zone: str) -> Iterator[None]:
        place = self.home / "bind"
        options = (
            f'directory "{place}"; pid-file none; session-keyfile none; managed-keys-directory "{place}"; '
            f"listen-on port {self.old} {{ {HOST}; }}; listen-on-v6 {{ none; }}; recursion no; "
            "dnssec-validation no; minimal-responses yes; notify explicit; notify-delay 0;"
        )
        control = f"inet {HOST} port {self._control} allow {{ {HOST}; }} keys {{ xfr; }};"
        (place / "named.conf").write_text(
            f"options {{ {options} }};\ncontrols {{ {control} }};\n{self.local(zone)}"
        )
        command = [self._named, "-g", "-n", "1", "-c", place / "named.conf"]
        with (self.home / "log").open("w") as out, subprocess.Popen(command, stdout=out, stderr=out) as process:
            try:
                yield
            finally:
                process.terminate()

    def rndc(self, *words: str) -> None:
        access = ("-s", HOST, "-p", str(self._control), "-k", self.home / "xfr.key")
        subprocess.run(["rndc", *access, *words], check=True, capture_output=True, timeout=DEADLINE)

    def edit(self, name: str) -> None:
        """Add a name at the old server, as its primary."""
        file = self.home / "bind" / "db.example.org"
        text, count = re.subn(r"\b(20261120\d\d)\b", lambda serial: str(int(serial[1]) + 1), file.read_text())
        assert count == 1, text
        file.write_text(f"{text}{name}.{ZONE} 300 A 192.0.2.9\n")
        self.rndc("reload", ZONE)

    def compare(self) -> None:
        """Run the commands of step 2."""
        (text,) = blocks("sh", "Step 2: compare")
        done = subprocess.run(
            ["sh", "-ec", self.local(text)], cwd=self.home, capture_output=True, text=True, timeout=DEADLINE
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert len((self.home / "old").read_text().splitlines()) > 3

    def update(self, name: str) -> None:
        access = f"server {HOST} {self.new}\nkey hmac-sha256:ops {SECRET}\nzone {ZONE}\n"
        commands = f"{access}update add {name}.{ZONE} 300 A 192.0.2.9\nsend\n"
        subprocess.run(["nsupdate"], input=commands, text=True, check=True, timeout=DEADLINE)

    def same(self, serial: int) -> None:
        """Wait until both have this serial, and compare them."""
        until(lambda: serial_or_none(self.new) == serial == serial_or_none(self.old), f"serial {serial} at both")
        self.compare()


def serial_or_none(port: int) -> int | None:
    try:
        return serial_of(port, ZONE)
    except (AssertionError, OSError):
        return None


def test_from_bind_and_back(tmp_path: Path, needs_program: Callable[[str], str]) -> None:
    needs_program("dig")
    needs_program("nsupdate")
    needs_program("rndc")
    move = Move(tmp_path, needs_program("named"))
    (follow,), (primary,) = blocks("toml", "Step 1: follow"), blocks("named", "Step 1: follow")
    (turned,), (secondary,) = blocks("toml", "Step 4: turn"), blocks("named", "Step 4: turn")
    daemon = Daemon("--config", move.configure(follow))
    try:
        with move.bind(primary):
            move.same(2026112001)
            move.edit("first")
            move.same(2026112002)
        move.configure(turned)
        daemon.reload()
        with move.bind(secondary):
            move.same(2026112002)
            move.update("second")
            move.same(2026112003)
            move.configure(re.sub("^ *update = .*\n", "", turned, flags=re.MULTILINE))
            daemon.reload()
            (command,) = re.findall(r"`rndc (sync .+)`", PAGE.read_text())
            move.rndc(*command.split())
        move.configure(follow)
        daemon.reload()
        with move.bind(primary):
            move.same(2026112003)
            move.edit("third")
            move.same(2026112004)
    finally:
        daemon.stop()


def test_a_signed_zone_moves_with_its_keys(tmp_path: Path, needs_program: Callable[[str], str]) -> None:
    """Once zonegitd has the zone from BIND, the commands of docs/dnssec.md have it sign with the same key."""
    needs_program("dig")
    move = Move(tmp_path, needs_program("named"))
    (follow,), (primary,) = blocks("toml", "Step 1: follow"), blocks("named", "Step 1: follow")
    (turned,) = blocks("toml", "Step 4: turn")
    primary = primary.replace("type primary;", "type primary; dnssec-policy default; inline-signing yes;")
    text = DNSSEC.read_text().partition("If zonegitd serves the zone already")[2]
    commands = next(FENCE.finditer(text))[2].replace("/etc/bind/keys", str(tmp_path / "bind"))
    private = f'dnssec_keys = "{tmp_path}/private"\n'
    (tmp_path / "private").mkdir(mode=0o700)
    config = move.configure(follow, private)
    with move.bind(primary):
        daemon = Daemon("--config", config)
        try:
            until(move.signed, "the signed zone")
            keys, serial = move.dig(move.new, "DNSKEY"), serial_of(move.new, ZONE)
            assert keys == move.dig(move.old, "DNSKEY")
            move.configure(turned, private)
            daemon.reload()
            for line in commands.splitlines():
                if line.startswith("systemctl"):
                    daemon.reload()
                    daemon.logged("]: published zone=")
                else:
                    move.run(line)
                assert move.signed()
            until(lambda: serial_of(move.new, ZONE) > serial, "the version that zonegitd signs")
            assert move.signed()
            assert move.dig(move.new, "DNSKEY") == keys
        finally:
            daemon.stop()


def await_zone(home: Path, old: int, new: int) -> None:
    """Have zonegitd follow the old server, by the table of step 1, until it has the zone."""
    (follow,) = blocks("toml", "Step 1: follow")
    Repository.init(home / "repo").close()
    write_keys(home / "keys.d")
    daemon = Daemon("--config", configured(home, new, local(follow, old, new)))
    try:
        until(lambda: serial_or_none(new) == 2026112001, "the zone of the old server")
    finally:
        daemon.stop()


@pytest.mark.parametrize(("name", "file"), [("knotd", "knot.conf"), ("nsd", "nsd.conf")])
def test_others_are_followed(name: str, file: str, tmp_path: Path, needs_program: Callable[[str], str]) -> None:
    """By the configuration of step 1."""
    program, (old, new) = needs_program(name), free_ports(2)
    (shown,) = blocks(file, "Step 1: follow")
    shown = re.sub(r"(address|notify): 192.0.2.1", rf"\1: {HOST}@{new}", local(shown, old, new))
    before = BEFORE[file].format(home=tmp_path, port=old)
    (tmp_path / file).write_text(before + shown.replace("192.0.2.1", HOST))
    (tmp_path / "db.example.org").write_text(zone_text(ZONE))
    with subprocess.Popen([program, *OPTIONS[name], tmp_path / file]) as process:
        try:
            await_zone(tmp_path, old, new)
        finally:
            process.terminate()


def test_powerdns_is_followed(tmp_path: Path, needs_program: Callable[[str], str]) -> None:
    """By the commands of step 1, with a database, as only that has keys."""
    program, manage, sql = needs_program("pdns_server"), needs_program("pdnsutil"), needs_program("sqlite3")
    if not SCHEMA.exists():
        pytest.skip("needs PowerDNS's backend sqlite3")
    old, new = free_ports(2)
    database = tmp_path / "zones"
    (tmp_path / "pdns.conf").write_text(PDNS.format(home=tmp_path, database=database, port=old, address=HOST))
    (tmp_path / "db").write_text(zone_text(ZONE))
    subprocess.run([sql, database], input=SCHEMA.read_text(), text=True, check=True, capture_output=True)
    (shown,) = (text for text in blocks("", "Step 1: follow") if "pdnsutil" in text)
    commands = f"pdnsutil load-zone example.org {tmp_path}/db\npdnsutil set-kind example.org primary\n" + shown
    for line in local(commands, old, new).replace("192.0.2.1", f"{HOST}:{new}").splitlines():
        words = line.split()[1:]
        subprocess.run([manage, f"--config-dir={tmp_path}", *words], check=True, capture_output=True)
    with subprocess.Popen([program, f"--config-dir={tmp_path}"], stderr=subprocess.DEVNULL) as process:
        try:
            await_zone(tmp_path, old, new)
        finally:
            process.terminate()
