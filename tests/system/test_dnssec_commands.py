"""`zonegit dnssec` with a real `zonegitd`: enabled and ended by commands, and a zone of BIND's that moves here."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from daemonkit import Daemon, until
from peerkit import free_ports
from policykit import ORG, Node

BIND_ZONE = f"""\
$ORIGIN {ORG}.
$TTL 300
@ IN SOA ns1 hostmaster 2026113001 7200 900 1209600 300
@ IN NS ns1
ns1 IN A 192.0.2.1
*.wild IN TXT "a"
sub IN NS ns.sub
ns.sub IN A 192.0.2.9
"""


@pytest.fixture
def node(repo: Path, start: Callable[..., Daemon]) -> Node:
    """Its keys are in a directory of the test's own, and the parent's server doesn't answer."""
    made = Node(repo, start)
    made.more = f'dnssec_keys = "{repo.parent / "private"}"\n'
    return made


def enable(node: Node, *more: str) -> None:
    assert node.zonegit("dnssec", "enable", *more).returncode == 0
    with node.file.open("a") as file:
        file.write(f'parent = ["127.0.0.1:{free_ports(1)[0]}"]\n')
    node.daemon.reload()


def dig(node: Node, *words: str) -> str:
    command = ["dig", "@127.0.0.1", "-p", str(node.daemon.port()), "+noall", "+answer", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


def rdata(node: Node, rtype: str) -> set[str]:
    return set(dig(node, "+short", "+nosplit", ORG, rtype).splitlines())


def verify(node: Node, directory: Path, needs_program: Callable[[str], str]) -> None:
    """BIND's judgement of the whole zone as it is transferred."""
    zone = directory / "transferred"
    zone.write_text(dig(node, "+onesoa", ORG, "AXFR"))
    command = [needs_program("dnssec-verify"), "-z", "-o", ORG, zone]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_zone_is_signed_by_three_commands(
    node: Node, tmp_path: Path, needs_program: Callable[[str], str]
) -> None:
    needs_program("dig")
    node.start()
    assert "is not signed; `zonegit dnssec enable example.org.`" in node.zonegit("dnssec", "status").stdout
    enable(node)
    until(lambda: rdata(node, "DNSKEY"), "the zone to be signed")
    until(lambda: "csk: signs" in node.zonegit("dnssec", "status").stdout, "the status")
    verify(node, tmp_path, needs_program)
    early = node.zonegit("dnssec", "ds")
    assert early.returncode == 1
    assert "must not have DS records of example.org. now: it waits for caches" in early.stderr
    node.set("new", 7)
    until(lambda: node.answers("new", 7), "a commit to be signed")
    verify(node, tmp_path, needs_program)
    assert node.zonegit("dnssec", "sign").stdout == "example.org. main: nothing to publish\n"
    keys = list((tmp_path / "private" / ORG).glob("*.pem"))
    assert len(keys) == 1 and keys[0].stat().st_mode & 0o777 == 0o600


def test_signing_is_ended_and_begins_again(node: Node, needs_program: Callable[[str], str]) -> None:
    needs_program("dig")
    node.start()
    enable(node)
    until(lambda: rdata(node, "DNSKEY"), "the zone to be signed")
    asked = node.zonegit("dnssec", "disable")
    assert asked.returncode == 0 and len(asked.stdout.splitlines()) == 2
    until(lambda: rdata(node, "CDS") == {"0 0 0 00"}, "CDS records that ask for no DS")
    until(lambda: "the end of signing" in node.zonegit("dnssec", "status").stdout, "the status")
    refused = node.zonegit("dnssec", "rollover", "ksk")
    assert refused.returncode == 1 and "the end of signing is under way" in refused.stderr
    again = node.zonegit("dnssec", "enable")
    assert again.returncode == 0 and "was asked to go on signing" in again.stderr
    until(lambda: rdata(node, "CDS") != {"0 0 0 00"}, "no such CDS records any more")
    assert rdata(node, "DNSKEY")


def test_a_table_that_is_gone_ends_nothing(node: Node, needs_program: Callable[[str], str]) -> None:
    needs_program("dig")
    node.start()
    before = node.file.read_text()
    enable(node)
    until(lambda: rdata(node, "DNSKEY"), "the zone to be signed")
    node.file.write_text(before)
    node.daemon.reload()
    node.set("new", 7)
    until(lambda: node.answers("new", 7), "a commit")
    assert "RRSIG" in dig(node, "+dnssec", f"new.{ORG}", "A")
    assert node.zonegit("dnssec", "disable").returncode == 0
    until(lambda: rdata(node, "CDS") == {"0 0 0 00"}, "CDS records that ask for no DS")


@pytest.mark.parametrize("layout", ["csk", "ksk+zsk"])
def test_a_zone_of_binds_moves_here_with_its_keys(
    layout: str, node: Node, tmp_path: Path, needs_program: Callable[[str], str]
) -> None:
    needs_program("dig")
    directory = tmp_path / "bind"
    directory.mkdir()
    (directory / "zone").write_text(BIND_ZONE)

    def bind(program: str, *words: str) -> str:
        command = [needs_program(program), *words]
        return subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=60, check=True).stdout

    bind("dnssec-keygen", "-q", "-a", "ECDSAP256SHA256", "-f", "KSK", ORG)
    if layout == "ksk+zsk":
        bind("dnssec-keygen", "-q", "-a", "ECDSAP256SHA256", ORG)
    flags = ["-z"] if layout == "csk" else []
    bind("dnssec-signzone", "-S", *flags, "-O", "full", "-o", ORG, "-f", "signed", "zone")
    (ds,) = bind("dnssec-dsfromkey", "-2", "-f", "signed", ORG).splitlines()
    node.start()
    signed = str(directory / "signed")
    assert (
        node.zonegit("import", "--replace", "--yes", "--drop-signatures", "--keep-serial", signed).returncode == 0
    )
    moved = node.zonegit("dnssec", "import-key", *map(str, directory.glob("K*.private")))
    assert moved.returncode == 0, moved.stderr
    assert len(moved.stdout.splitlines()) == len(layout.split("+"))
    enable(node, "--keys", layout)
    until(lambda: rdata(node, "DNSKEY"), "the zone to be signed")
    text = (directory / "signed").read_text()
    assert all(key.split()[-1][-20:] in text for key in rdata(node, "DNSKEY"))
    assert len(rdata(node, "DNSKEY")) == len(layout.split("+"))
    verify(node, tmp_path, needs_program)
    told = node.zonegit("dnssec", "ds").stdout
    assert told.split()[-4:] == [word.lower() for word in ds.split()[-4:]]
    rows = [row.split() for row in node.zonegit("dnssec", "status").stdout.splitlines()]
    assert ["under", "way", "nothing"] in rows
