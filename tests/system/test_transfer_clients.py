"""dig, kdig and drill take zones and differences with TSIG, over TCP, UDP and TLS; keys are reloaded as one."""

import io
import os
import re
import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from daemonkit import Daemon, until
from peerkit import HOST, free_ports, running
from repokit import ZONE, parsed
from tlskit import Authority
from zonegit.auth.tsigfile import new_tsig
from zonegit.errors import ZoneFileError
from zonegit.model.rdata import A
from zonegit.repo import Repository
from zonegit.zonefile.reader import read_zone

RECORDS = 9
"""What AXFR of the zone has, its SOA twice."""


class Primary:
    """A daemon that lets in one key, from a version with the serial `first` to the newest, `last`."""

    def __init__(self, home: Path, files: Authority) -> None:
        self.home = home
        self.port, self.tls = free_ports(2)
        cert = files.issue("ns1.example.org")
        with Repository.init(home / "repo") as repository:
            repository.import_zone(parsed(ZONE), source="test.zone")
            self.first = repository.resolve("main").commit.serial
            repository.set("www", A, 300, [bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2])])
            self.last = repository.resolve("main").commit.serial
        self.key("one")
        self._listen = (
            f'repo = "{home}/repo"\nkeys = "{home}/keys.d"\n[dns]\nlisten = "{HOST}:{self.port}"\n'
            f'tls_listen = "{HOST}:{self.tls}"\ntls_cert = "{cert.cert}"\ntls_key = "{cert.key}"\n'
        )
        self.configure("one")
        self.daemon = Daemon("--config", home / "zonegitd.toml")
        self.daemon.logged("]: listening ")

    def key(self, name: str) -> str:
        """A new key's secret."""
        path = new_tsig(self.home / "keys.d", name, "hmac-sha256", os.urandom)
        return str(tomllib.loads(path.read_text())["secret"])

    def secret(self, name: str) -> str:
        return str(tomllib.loads((self.home / "keys.d" / f"{name}.tsig").read_text())["secret"])

    def configure(self, key: str) -> None:
        text = f'{self._listen}transfer_acl = ["key:{key}"]\n'
        (self.home / "zonegitd.toml").write_text(text)

    def reload(self, outcome: str) -> None:
        before = self.daemon.count(outcome)
        self.daemon.signal(signal.SIGHUP)
        until(lambda: self.daemon.count(outcome) > before, outcome)

    def dig(self, *words: str, key: str = "one") -> str:
        signature = ["-y", f"hmac-sha256:{key}:{self.secret(key)}"] if key else []
        return output("dig", f"@{HOST}", "-p", str(self.port), "+nocookie", *signature, *words)


def output(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout + done.stderr


@pytest.fixture
def primary(tmp_path: Path, needs_program: Callable[[str], str]) -> Iterator[Primary]:
    needs_program("dig")
    primary = Primary(tmp_path, Authority(tmp_path))
    yield primary
    primary.daemon.stop()


def test_dig(primary: Primary) -> None:
    found = primary.dig("example.org", "AXFR")
    assert f"XFR size: {RECORDS} records" in found
    assert "NOERROR" in found
    for how in ("+tcp", "+notcp"):
        found = primary.dig("example.org", f"IXFR={primary.first}", how)
        assert [line.split()[6] for line in found.splitlines() if "\tSOA\t" in line] == [
            str(serial) for serial in (primary.last, primary.first, primary.last, primary.last)
        ]
        assert "Couldn't verify" not in found
    assert "status: NOERROR" in primary.dig("www.example.org", "A", "+cookie")
    assert "Transfer failed" in primary.dig("example.org", "AXFR", key="")


def test_kdig_and_drill(primary: Primary, needs_program: Callable[[str], str]) -> None:
    kdig, drill = needs_program("kdig"), needs_program("drill")
    key = primary.secret("one")
    for port, how in ((primary.port, "+tcp"), (primary.tls, "+tls")):
        start = (kdig, f"@{HOST}", "-p", str(port), how, "-y", f"hmac-sha256:one:{key}", "example.org")
        assert f"{RECORDS} records" in output(*start, "AXFR")
        assert "8 records" in output(*start, f"IXFR={primary.first}")
    found = output(
        drill, "-p", str(primary.port), "-y", f"one:{key}:hmac-sha256", f"@{HOST}", "example.org", "AXFR"
    )
    assert len([line for line in found.splitlines() if line and not line.startswith(";")]) == RECORDS


def test_keys_are_reloaded_all_or_none(primary: Primary) -> None:
    primary.key("two")
    primary.configure("two")
    primary.reload("]: reloaded")
    until(lambda: "XFR size" in primary.dig("example.org", "AXFR", key="two"), "the new key and rule")
    until(lambda: "Transfer failed" in primary.dig("example.org", "AXFR"), "the end of the old rule")

    broken = primary.home / "keys.d" / "three.tsig"
    broken.write_text('algorithm = "hmac-md5"\n')
    broken.chmod(0o600)
    primary.configure("one")
    primary.reload("reload refused")
    assert "XFR size" in primary.dig("example.org", "AXFR", key="two")
    broken.unlink()
    primary.configure("three")
    keys = primary.home / "keys.d"
    primary.reload(
        f"names the TSIG key 'three', but there is none in {keys}: `zonegit tsig new three --keys {keys}`"
    )
    assert "XFR size" in primary.dig("example.org", "AXFR", key="two")


def imported(home: Path, name: str, transfer: list[str]) -> tuple[int, str]:
    """How many records `CLIENT … AXFR | zonegit import -` makes, and what it says."""
    environment = {**os.environ, "ZONEGIT_REPO": str(home / name)}
    zonegit = Path(sys.executable).parent / "zonegit"
    subprocess.run([zonegit, "init"], env=environment, capture_output=True, check=True)
    with subprocess.Popen(transfer, stdout=subprocess.PIPE) as client:
        done = subprocess.run(
            [zonegit, "import", "-"],
            stdin=client.stdout,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    with Repository.open(home / name, readonly=True) as repository:
        return repository.records(), done.stderr


def test_what_they_print_imports_without_a_warning(primary: Primary, needs_program: Callable[[str], str]) -> None:
    key = primary.secret("one")
    server, signed = [f"@{HOST}", "-p", str(primary.port)], ["-y", f"hmac-sha256:one:{key}"]
    clients = {
        "dig": [needs_program("dig"), *server, *signed],
        "dig-multiline": [needs_program("dig"), *server, *signed, "+multiline"],
        "dig-onesoa": [needs_program("dig"), *server, *signed, "+onesoa"],
        "kdig": [needs_program("kdig"), *server, *signed],
        "drill": [needs_program("drill"), *server, "-y", f"one:{key}:hmac-sha256"],
    }
    for name, command in clients.items():
        records, told = imported(primary.home, name, [*command, "example.org", "AXFR"])
        assert records == RECORDS - 1, name
        assert "warning" not in told, name
        assert told.startswith("[example.org. main ")
        assert told.count("\n") == 1
    failed = [needs_program("dig"), *server, "example.org", "AXFR"]
    with pytest.raises(AssertionError, match="the transfer failed"):
        imported(primary.home, "unsigned", failed)


def test_what_bind_transfers_imports_without_a_warning(tmp_path: Path, needs_program: Callable[[str], str]) -> None:
    zone = tmp_path / "zone"
    zone.write_text(ZONE)
    with running("named", needs_program("named"), tmp_path / "named", {"example.org.": zone}) as port:
        for client in ("dig", "kdig", "drill"):
            words = [needs_program(client), f"@{HOST}", "-p", str(port), "example.org", "AXFR"]
            records, told = imported(tmp_path, client, words)
            assert records == RECORDS - 1, client
            assert told.count("\n") == 1, client


@pytest.mark.parametrize("more", [[], ["+multiline"], ["+onesoa"], ["-t", "AXFR"]])
def test_what_dig_prints_is_refused_where_it_is_cut_off(
    primary: Primary, needs_program: Callable[[str], str], more: list[str]
) -> None:
    """At every line, and within each; only what follows the end of the transfer may be missing."""
    signed = ["-y", f"hmac-sha256:one:{primary.secret('one')}"]
    words = [*signed, *more, "example.org", *([] if "-t" in more else ["AXFR"])]
    text = output(needs_program("dig"), f"@{HOST}", "-p", str(primary.port), *words)
    *_, closing = re.finditer(r"^;; XFR size" if "+onesoa" in more else r"\bSOA\b", text, re.MULTILINE)
    last = re.compile(r"^\s*\)" if "+multiline" in more else "$", re.MULTILINE).search(text, closing.end())
    assert last
    end = last.end()
    starts = [at + 1 for at, char in enumerate(text) if char == "\n"]
    for at in sorted({*starts, *(start + 9 for start in starts), end - 1}):
        if at < end:
            with pytest.raises(ZoneFileError):
                read_zone(io.BytesIO(text[:at].encode()), name="cut", origin=None)
    assert read_zone(io.BytesIO(text.encode()), name="whole", origin=None).records == RECORDS - 1
