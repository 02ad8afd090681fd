"""Three daemons that all write a zone. One of them has its keys and signs it, and all serve it signed."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import dns.message
import dns.query
import dns.rcode
import dns.zone
import pytest

from daemonkit import Daemon, until
from peerkit import HOST, free_ports
from writerskit import ORG, Node, begin, same, three_nodes

NOBODY = f"{HOST}:{free_ports(1)[0]}"
TABLE = [f'[zone."{ORG}".dnssec]', 'algorithm = "ed25519"', f'parent = ["{NOBODY}"]']


@pytest.fixture
def nodes(tmp_path: Path, start: Callable[..., Daemon]) -> list[Node]:
    """They run, and serve the first signed version."""
    made = three_nodes(tmp_path)
    begin(made, start, *TABLE, top=f'dnssec_keys = "{tmp_path / "private"}"\n')
    until(lambda: all(is_signed(node, "www") for node in made) and same(made), "a signed version at all nodes")
    return made


def is_signed(node: Node, name: str) -> bool:
    query = dns.message.make_query(f"{name}.{ORG}", "A", want_dnssec=True)
    answer = dns.query.udp(query, HOST, timeout=20, port=node.daemon.port())
    assert answer.rcode() == dns.rcode.NOERROR
    return any(rrset.rdtype.name == "RRSIG" for rrset in answer.answer)


def transferred(node: Node) -> str:
    zone = dns.zone.Zone(ORG, relativize=False)
    dns.query.inbound_xfr(HOST, zone, port=node.daemon.port(), timeout=20)
    lines = str(zone.to_text(relativize=False)).splitlines(keepends=True)
    return "".join(sorted(lines, key=lambda line: " IN SOA " not in line))  # the SOA comes first


def verified(find: Callable[[str], str], text: str, path: Path) -> None:
    path.write_text(text)
    command = [find("dnssec-verify"), "-q", "-z", "-o", ORG, str(path)]  # -z: one key for everything
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_each_writes_is_served_signed_by_all(
    nodes: list[Node], needs_program: Callable[[str], str], tmp_path: Path
) -> None:
    for at, node in enumerate(nodes):
        node.set(f"n{at}", 10 + at)
    for at in range(len(nodes)):
        until(lambda at=at: all(node.answers(f"n{at}", 10 + at) for node in nodes), "it, at all")  # type: ignore[misc]
        assert all(is_signed(node, f"n{at}") for node in nodes)
    until(lambda: same(nodes), "the same version at all nodes")
    first, *others = map(transferred, nodes)
    assert others == [first, first]
    verified(needs_program, first, tmp_path / "served.zone")
    assert all("RRSIG" not in node.zonegit("export") for node in nodes)


def test_the_zone_stays_signed_while_its_signer_is_away(nodes: list[Node], start: Callable[..., Daemon]) -> None:
    ams, fra, lon = nodes
    ams.daemon.stop()
    fra.set("new", 5)
    until(lambda: fra.refs() == lon.refs(), "the commit at the other one")
    fra.configure()  # without the line that names the publisher
    fra.daemon.reload("puller")
    lon.daemon.stop()
    lon.daemon = start(lon.repo, "--config", lon.file)
    for node in (fra, lon):
        assert is_signed(node, "www")
        assert not node.answers("new", 5)
    ams.daemon = start(ams.repo, "--config", ams.file)
    until(lambda: all(node.answers("new", 5) for node in (ams, lon)), "the commit, served")
    assert all(is_signed(node, "new") for node in (ams, lon))
    assert is_signed(fra, "www")


def test_another_node_takes_the_signing_over(nodes: list[Node], tmp_path: Path) -> None:
    """With the same keys, and step by step, so that the zone is signed at all nodes all the time."""
    ams, fra, lon = nodes
    keys = dnskeys(lon)
    ams.zonegit("dnssec", "export-key", "--dir", str(tmp_path))
    fra.configure(*TABLE, top=f'dnssec_keys = "{tmp_path / "moved"}"\n')
    fra.zonegit("dnssec", "import-key", *map(str, tmp_path.glob("K*.private")))
    for node, settings in ((fra, None), (ams, "fra"), (lon, "fra")):
        if settings:
            node.configure(f'[zone."{ORG}"]', f'publisher = "{settings}"')
        node.daemon.reload("puller")
        assert all(is_signed(each, "www") for each in nodes)
    lon.set("new", 5)
    until(lambda: all(node.answers("new", 5) for node in nodes) and same(nodes), "the commit, served by all")
    assert all(is_signed(node, "new") for node in nodes)
    assert all(dnskeys(node) == keys for node in nodes)
    ams.daemon.stop()
    lon.set("newer", 6)
    until(lambda: fra.answers("newer", 6) and lon.answers("newer", 6), "what the new one signs")


def dnskeys(node: Node) -> set[str]:
    answer = dns.query.udp(dns.message.make_query(ORG, "DNSKEY"), HOST, timeout=20, port=node.daemon.port())
    return {str(each) for rrset in answer.answer for each in rrset}
