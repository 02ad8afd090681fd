"""The validators of Debian, asked about a zone file or a server of signed zones. Each says what it finds wrong.

They are of independent makers: BIND (dnssec-verify, delv), NLnet Labs (ldns-verify-zone, drill, Unbound), CZ.NIC
(kzonecheck), and DNSViz.
"""

import subprocess
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import NamedTuple

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode

from peerkit import DEADLINE, HOST, free_ports

Find = Callable[[str], str]
"""`needs_program`."""
ZONE_FILE_VALIDATORS = {
    "dnssec-verify": ("-q", "-z", "-o"),
    "ldns-verify-zone": (),
    "kzonecheck": ("-d", "on", "-o"),
}
"""With their options; where the last one is `-o`, the zone's name follows."""
SERVER_VALIDATORS = ("delv", "drill", "dnsviz", "unbound")


def judge_file(find: Find, program: str, path: Path, apex: str) -> str:
    """What one of `ZONE_FILE_VALIDATORS` says against a zone file; empty if it accepts it."""
    options = ZONE_FILE_VALIDATORS[program]
    return _complaint([find(program), *options, *([apex] if options[-1:] == ("-o",) else []), str(path)])


class Server(NamedTuple):
    """A name server of a signed zone on loopback."""

    apex: str
    port: int
    dnskeys: tuple[bytes, ...]
    """RDATA of the keys that are trusted."""

    def key_file(self, directory: Path) -> Path:
        """The trusted keys as drill and dnsviz read them."""
        path = directory / "trusted-keys"
        path.write_text("".join(f"{self.apex} IN DNSKEY {_key_text(each)}\n" for each in self.dnskeys))
        return path


def _key_text(dnskey: bytes) -> str:
    return f"{int.from_bytes(dnskey[:2], 'big')} {dnskey[2]} {dnskey[3]} {b64encode(dnskey[4:]).decode()}"


def delv(find: Find, server: Server, directory: Path, name: str, rtype: str) -> str:
    """What delv says against the answer to a question; empty if it validates it."""
    anchors = "".join(
        f'{server.apex} static-key {flags} {protocol} {algorithm} "{key}"; '
        for flags, protocol, algorithm, key in (_key_text(each).split() for each in server.dnskeys)
    )
    path = directory / "anchors"
    path.write_text(f"trust-anchors {{ {anchors} }};\n")
    where = (f"@{HOST}", "-p", str(server.port), "-a", str(path), f"+root={server.apex}")
    output = _run([find("delv"), *where, name, rtype])[1]
    return "" if "fully validated" in output and "unsigned answer" not in output else output


def drill(find: Find, server: Server, directory: Path, name: str, rtype: str) -> str:
    """What drill's chase of the signatures says against the answer; empty if it arrives at a trusted key.

    It can't follow NSEC proofs of empty non-terminals, nor any to an alias that a DNAME makes.
    """
    where = ("-p", str(server.port), f"@{HOST}", "-k", str(server.key_file(directory)))
    output = _run([find("drill"), "-S", *where, name, rtype])[1]
    return "" if "Chase successful" in output else output


def dnsviz(find: Find, server: Server, directory: Path, names: Sequence[str], rtypes: Sequence[str]) -> str:
    """What DNSViz says against answers for all types of all names; empty if they are secure.

    `dnsviz print` is read: `grok` of Debian 12 refuses the version of pygraphviz that is installed with it.
    """
    program = find("dnsviz")
    probe, apex = directory / "probe.json", server.apex.rstrip(".")
    servers = f"{apex}+:ns.{apex}={HOST}:{server.port}"
    asked = ("-d", "1", "-t", "4", "-A", "-x", servers, "-R", ",".join(rtypes), "-o", str(probe), *names)
    if complaint := _complaint([program, "probe", *asked]):
        return complaint
    keys = server.key_file(directory)
    code, output = _run([program, "print", "-P", "-t", str(keys), "-r", str(probe)])
    if code or "RRSIG" not in output:
        return f"dnsviz print: {code}\n{output}"
    return "\n".join(line for line in output.splitlines() if "[.]" not in line and line.startswith(" "))


class Resolved(NamedTuple):
    """Unbound's answer."""

    rcode: str
    secure: bool
    """Whether Unbound validated it (AD)."""
    error: int | None
    """The code of an extended DNS error (RFC 8914)."""
    text: str


class Unbound:
    """A validating resolver that trusts the keys of one zone, and knows no other servers than those given."""

    def __init__(self, port: int) -> None:
        self._port = port

    def ask(self, name: str, rtype: str, seconds: float = 20) -> Resolved:
        """The answer to a question, which comes within these seconds."""
        query = dns.message.make_query(name, rtype, want_dnssec=True, payload=4096)
        query.flags |= dns.flags.AD
        answer = dns.query.udp(query, HOST, timeout=seconds, port=self._port)
        if answer.flags & dns.flags.TC:
            answer = dns.query.tcp(query, HOST, timeout=seconds, port=self._port)
        errors = [int(each.code) for each in answer.options if isinstance(each, dns.edns.EDEOption)]
        secure = bool(answer.flags & dns.flags.AD)
        return Resolved(dns.rcode.to_text(answer.rcode()), secure, errors[0] if errors else None, answer.to_text())


@contextmanager
def unbound(
    find: Find, server: Server, directory: Path, more: Sequence[str] = (), now: int = 0
) -> Iterator[Unbound]:
    """`more`: zones that the same server has, below its zone. `now`: the validator's clock, if not the real one."""
    (port,) = free_ports(1)
    anchors = "".join(f'  trust-anchor: "{server.apex} IN DNSKEY {_key_text(each)}"\n' for each in server.dnskeys)
    clock = f'  val-override-date: "{now}"\n' if now else ""
    zones = "".join(
        f'stub-zone:\n  name: "{name}"\n  stub-addr: {HOST}@{server.port}\n  stub-no-cache: no\n'
        for name in (server.apex, *more)
    )
    directory.mkdir(exist_ok=True)
    config = directory / "unbound.conf"
    config.write_text(
        f"""server:
  interface: {HOST}@{port}
  directory: "{directory}"
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  logfile: ""
  do-daemonize: no
  do-ip6: no
  num-threads: 1
  do-not-query-localhost: no
  module-config: "validator iterator"
  harden-algo-downgrade: yes
  val-log-level: 2
  ede: yes
  cache-max-ttl: 0
  local-zone: "test." nodefault
{clock}{anchors}remote-control:
  control-enable: no
{zones}"""
    )
    log = directory / "log"
    with (
        log.open("wb") as output,
        subprocess.Popen([find("unbound"), "-d", "-c", str(config)], stdout=output, stderr=output) as process,
    ):
        try:
            resolver = Unbound(port)
            _await(resolver, server.apex, process, log)
            yield resolver
        finally:
            process.terminate()


def _await(resolver: Unbound, apex: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = monotonic() + DEADLINE
    while monotonic() < deadline and process.poll() is None:
        try:
            resolver.ask(apex, "SOA", 0.5)
        except (OSError, dns.exception.DNSException):
            sleep(0.02)
        else:
            return
    raise AssertionError(f"unbound doesn't answer: {log.read_text(errors='replace')[-3000:]}")


def _complaint(argv: list[str]) -> str:
    code, output = _run(argv)
    return f"{' '.join(argv)}: {code}\n{output}" if code else ""


def _run(argv: list[str]) -> tuple[int, str]:
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout + done.stderr
