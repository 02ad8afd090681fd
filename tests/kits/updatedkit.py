"""A primary that takes updates, BIND or zonegitd: the same zones and keys, so that clients see no difference."""

import re
import subprocess
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha512
from io import BytesIO
from pathlib import Path
from typing import Final, NamedTuple, Self

from daemonkit import DEADLINE, Daemon, until
from peerkit import HOST, free_ports
from zonegit.repo import Repository
from zonegit.zonefile.reader import read_zone

MAKES: Final = ("named", "zonegitd")
LEGACY: Final = ("hmac-md5", "hmac-sha1")
"""What a key's file has to allow by `legacy = true`."""


class Key(NamedTuple):
    """A TSIG key."""

    name: str
    """Without the final dot."""
    algorithm: str
    secret: str
    """In base64."""

    @property
    def dig(self) -> tuple[str, str]:
        """The arguments by which dig, nsupdate and others use it."""
        return "-y", f"{self.algorithm}:{self.name}:{self.secret}"


def key(name: str, algorithm: str = "hmac-sha256") -> Key:
    """A key with this name, the same each time."""
    return Key(name, algorithm, b64encode(sha512(name.encode()).digest()[:32]).decode())


class Setup(NamedTuple):
    """What a program updates, and by what right."""

    zones: tuple[str, ...]
    """With their final dot."""
    rules: str
    """zonegitd's tables of the zones."""
    key: Key
    """The only key that the rules name."""
    program: str = ""
    """A file of the program's, or its command."""

    @property
    def zone(self) -> str:
        return self.zones[0]

    @classmethod
    def of(cls, zone: str, key: Key) -> Self:
        """A key that may change and transfer everything."""
        rights = f'update = ["key:{key.name} ** *"]\ntransfer_acl = ["key:{key.name}"]\n'
        return cls((zone,), f'[zone."{zone}"]\n{rights}', key)


class Primary(NamedTuple):
    """Where it is, and how to run a command beside it."""

    make: str
    address: str
    port: int
    setups: Sequence[Setup]
    through: Sequence[str]
    """The command that runs another one in its network."""

    def program_for(self, setup: Setup) -> str:
        """The program's file or command, with the server's address and port, and the key's secret."""
        text = re.sub(r"\b53\b", str(self.port), setup.program).replace("192.0.2.1", self.address)
        return re.sub(r"\bSECRET\b", setup.key.secret, text)

    def records(self, name: str, rtype: str) -> list[str]:
        """The RDATA that it answers with, sorted."""
        return sorted(self._dig("+short", name, rtype).splitlines())

    def zone(self, name: str) -> list[str]:
        """What AXFR gives, a record a line as owner, TTL, type and RDATA; without the SOA."""
        (key,) = (each.key for each in self.setups if name in each.zones)
        lines = self._dig("+nocmd", "+nostats", "+onesoa", *key.dig, name, "AXFR").splitlines()
        found = [line.split(maxsplit=4) for line in lines if line and not line.startswith(";")]
        assert found, lines
        return sorted(f"{owner} {ttl} {rtype} {rdata}" for owner, ttl, _, rtype, rdata in found if wanted(rtype))

    def serial(self, name: str) -> int:
        return int(self.records(name, "SOA")[0].split()[2])

    def _dig(self, *words: str) -> str:
        place = (f"@{self.address}", "-p", str(self.port), "+nocookie")
        done = subprocess.run(
            [*self.through, "dig", *place, *words], capture_output=True, text=True, timeout=DEADLINE, check=True
        )
        return done.stdout


def wanted(rtype: str) -> bool:
    return rtype not in ("SOA", "TSIG")


def zone_text(name: str) -> str:
    """A zone with a web server, as each client finds it."""
    return (
        f"$ORIGIN {name}\n$TTL 3600\n@ SOA ns1 hostmaster 2026112001 7200 900 1209600 300\n@ NS ns1\n"
        "ns1 A 192.0.2.1\nwww 300 A 192.0.2.80\n"
    )


def initial_records(zone: str, www: str = "300 A 192.0.2.80") -> list[str]:
    """What `Primary.zone` gives of it, with another record of www, or none."""
    return [f"{zone} 3600 NS ns1.{zone}", f"ns1.{zone} 3600 A 192.0.2.1", *([f"www.{zone} {www}"] if www else [])]


@contextmanager
def taking_updates(
    make: str,
    program: str,
    home: Path,
    setups: Sequence[Setup],
    *,
    place: tuple[str, int] | None = None,
    through: Sequence[str] = (),
) -> Iterator[Primary]:
    """It serves the zones of these. `program` is named's path; there, each key may do everything in all zones."""
    address, port = place or (HOST, free_ports(1)[0])
    primary = Primary(make, address, port, setups, through)
    home.mkdir()
    with _zonegitd(primary, home) if make == "zonegitd" else _named(primary, program, home):
        yield primary


@contextmanager
def _zonegitd(primary: Primary, home: Path) -> Iterator[None]:
    with Repository.init(home / "repo") as repository:
        for setup in primary.setups:
            for zone in setup.zones:
                parsed = read_zone(BytesIO(zone_text(zone).encode()), name="test.zone", origin=None)
                repository.import_zone(parsed, source="test.zone")
    (home / "keys.d").mkdir(mode=0o700)
    for setup in primary.setups:
        legacy = "legacy = true\n" if setup.key.algorithm in LEGACY else ""
        file = home / "keys.d" / f"{setup.key.name}.tsig"
        file.touch(mode=0o600)
        file.write_text(f'algorithm = "{setup.key.algorithm}"\nsecret = "{setup.key.secret}"\n{legacy}')
    rules = "".join(setup.rules for setup in primary.setups)
    listen = f'[dns]\nlisten = "{primary.address}:{primary.port}"\nworkers = 1\n[metrics]\nlisten = "127.0.0.1:0"\n'
    (home / "zonegitd.toml").write_text(f'repo = "{home}/repo"\nkeys = "{home}/keys.d"\n{listen}{rules}')
    daemon = Daemon("--config", home / "zonegitd.toml", through=primary.through)
    try:
        daemon.logged("]: listening ")
        yield
    finally:
        daemon.stop()


@contextmanager
def _named(primary: Primary, program: str, home: Path) -> Iterator[None]:
    blocks = []
    for zone in (zone for setup in primary.setups for zone in setup.zones):
        (home / zone).write_text(zone_text(zone))
        blocks.append(f'zone "{zone}" {{ type primary; file "{zone}"; }};\n')
    keys = [setup.key for setup in primary.setups]
    listed = "".join(
        f'key "{each.name}" {{ algorithm {each.algorithm}; secret "{each.secret}"; }};\n' for each in keys
    )
    allowed = "".join(f"key {each.name}; " for each in keys)
    (home / "named.conf").write_text(
        f"""options {{
  directory "{home}"; pid-file none; session-keyfile none; managed-keys-directory "{home}";
  listen-on port {primary.port} {{ {primary.address}; }}; listen-on-v6 {{ none; }};
  recursion no; dnssec-validation no; notify no; empty-zones-enable no; minimal-responses yes;
  allow-update {{ {allowed}}}; allow-transfer {{ {allowed}}};
}};
controls {{ }};
{listed}{"".join(blocks)}"""
    )
    log = home / "log"
    command = [*primary.through, program, "-g", "-n", "1", "-c", str(home / "named.conf")]
    with log.open("w") as out, subprocess.Popen(command, stdout=out, stderr=out) as process:
        try:
            until(lambda: " running\n" in log.read_text() or process.poll() is not None, "named")
            assert process.poll() is None, log.read_text()
            yield
        finally:
            process.terminate()
