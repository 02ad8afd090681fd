"""Zones that zonegitd signs, before validators: every kind of answer, transfers, and what was tampered with."""

import os
from collections.abc import Iterator
from pathlib import Path
from random import Random

import dns.dnssec
import dns.exception
import dns.message
import dns.name
import dns.query
import dns.rdatatype
import dns.zone
import pytest

from daemonkit import Daemon, until
from peerkit import HOST, free_ports, running
from validators import ZONE_FILE_VALIDATORS, Find, Server, delv, dnsviz, drill, judge_file, unbound
from zonegit.model.names import from_text
from zonegit.model.rdata import DS, TXT, A
from zonegit.repo import Repository
from zonegit.zonefile.reader import read_zone

ALL = bool(os.environ.get("ZONEGIT_DNSSEC"))
EDITS = 500 if ALL else 30
POLICIES = {
    "nsec.test.": {"algorithm": "ecdsap256sha256", "keys": "csk", "denial": "nsec", "zonemd": True},
    "nsec3.test.": {"algorithm": "ed25519", "keys": "ksk+zsk", "denial": "nsec3"},
    "optout.test.": {"algorithm": "ecdsap384sha384", "keys": "csk", "denial": "nsec3-opt-out"},
    "rsa.test.": {"algorithm": "rsasha256", "keys": "ksk+zsk", "denial": "nsec"},
}
CHILD = "child.nsec.test."
TEXT = """\
$ORIGIN {apex}
$TTL 300
@       SOA   ns host 1 3600 600 86400 60
@       NS    ns
@       MX    10 mail
ns      A     127.0.0.1
mail    A     192.0.2.25
www     A     192.0.2.1
www     TXT   hello
alias   CNAME www
*.w     A     192.0.2.2
x.w     TXT   here
*.wc    CNAME www
x.y.ent TXT   deep
sub     NS    ns.sub
ns.sub  A     127.0.0.1
old     DNAME new
a.new   A     192.0.2.4
secure  NS    ns.sub
secure  DS    1 15 2 0000000000000000000000000000000000000000000000000000000000000000
"""
SMALL = "$ORIGIN {apex}\n$TTL 300\n@ SOA ns host 1 3600 600 86400 60\n@ NS ns\nns A 127.0.0.1\nwww A 192.0.2.7\n"
ANSWERS = (
    ("", "SOA", "NOERROR"),
    ("", "NS", "NOERROR"),
    ("", "MX", "NOERROR"),
    ("", "DNSKEY", "NOERROR"),
    ("", "TXT", "NOERROR"),
    ("www.", "A", "NOERROR"),
    ("www.", "MX", "NOERROR"),
    ("alias.", "A", "NOERROR"),
    ("q.w.", "A", "NOERROR"),
    ("q.w.", "TXT", "NOERROR"),
    ("q.wc.", "A", "NOERROR"),
    ("x.w.", "A", "NOERROR"),
    ("ent.", "A", "NOERROR"),
    ("y.ent.", "TXT", "NOERROR"),
    ("a.old.", "A", "NOERROR"),
    ("b.old.", "A", "NXDOMAIN"),
    ("no.", "A", "NXDOMAIN"),
    ("a.b.no.", "A", "NXDOMAIN"),
    ("no.ent.", "A", "NXDOMAIN"),
    ("no.x.w.", "A", "NXDOMAIN"),
    ("secure.", "DS", "NOERROR"),
    ("sub.", "DS", "NOERROR"),
)
OPTED_OUT = ("q.w.", "q.wc.", "b.old.", "no.", "a.b.no.", "no.ent.", "no.x.w.", "sub.")
"""RFC 5155 §12.2.2: where opt-out is in the proof, unsigned delegations may exist, so the answer isn't secure."""


class Signing:
    """A daemon that signs the zones of `POLICIES`, and serves an unsigned child of each."""

    def __init__(self, directory: Path) -> None:
        self.repo = directory / "repo"
        with Repository.init(self.repo) as repository:
            texts = dict.fromkeys(POLICIES, TEXT) | {f"sub.{apex}": SMALL for apex in POLICIES} | {CHILD: SMALL}
            for apex, text in texts.items():
                path = directory / "text"
                path.write_text(text.format(apex=apex))
                with path.open("rb") as stream:
                    repository.import_zone(read_zone(stream, name=apex, origin=from_text(apex)), source=apex)
        config = directory / "zonegit.toml"
        parent = f"{HOST}:{free_ports(1)[0]}"  # nobody answers there
        lines = [f'dnssec_keys = "{directory / "keys"}"']
        for apex, policy in {**POLICIES, CHILD: {"algorithm": "ed25519"}}.items():
            values = (
                f"{key} = {str(value).lower() if value is True else repr(value)}" for key, value in policy.items()
            )
            lines += [f'[zone."{apex}".dnssec]', f"parent = ['{parent}']", *values]
        config.write_text("\n".join(lines) + "\n")
        self.daemon = Daemon.start(self.repo, "--config", config)
        for apex in (*POLICIES, CHILD):
            until(lambda apex=apex: self._keys(apex), f"{apex} is signed")  # type: ignore[misc]

    def server(self, apex: str) -> Server:
        return Server(apex, self.daemon.port(), self._keys(apex))

    def _keys(self, apex: str) -> tuple[bytes, ...]:
        answer = dns.query.tcp(dns.message.make_query(apex, "DNSKEY"), HOST, timeout=20, port=self.daemon.port())
        return tuple(rdata.to_wire() or b"" for rrset in answer.answer for rdata in rrset)

    def serial(self, apex: str) -> int:
        answer = dns.query.tcp(dns.message.make_query(apex, "SOA"), HOST, timeout=20, port=self.daemon.port())
        return int(answer.answer[0][0].serial)

    def transfer(self, apex: str, path: Path) -> Path:
        """The zone file of what is served."""
        zone = dns.zone.Zone(apex, relativize=False)
        dns.query.inbound_xfr(HOST, zone, port=self.daemon.port(), timeout=20)
        lines = str(zone.to_text(relativize=False)).splitlines(keepends=True)
        path.write_text("".join(sorted(lines, key=lambda line: " IN SOA " not in line)))  # the SOA comes first
        return path


@pytest.fixture(scope="module")
def signing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Signing]:
    made = Signing(tmp_path_factory.mktemp("signing"))
    yield made
    made.daemon.stop()


def is_secure(apex: str, name: str) -> bool:
    return apex != "optout.test." or name not in OPTED_OUT


@pytest.mark.parametrize("apex", POLICIES)
def test_unbound_validates_every_kind_of_answer(
    apex: str, signing: Signing, needs_program: Find, tmp_path: Path
) -> None:
    with unbound(needs_program, signing.server(apex), tmp_path / "unbound", [f"sub.{apex}"]) as resolver:
        for name, rtype, rcode in ANSWERS:
            answer = resolver.ask(name + apex, rtype)
            assert (answer.rcode, answer.secure) == (rcode, is_secure(apex, name)), answer.text
        insecure = resolver.ask(f"www.sub.{apex}", "A")
        assert (insecure.rcode, insecure.secure, insecure.error) == ("NOERROR", False, None), insecure.text


@pytest.mark.parametrize("apex", POLICIES)
def test_clients_validate_too(apex: str, signing: Signing, needs_program: Find, tmp_path: Path) -> None:
    server = signing.server(apex)
    for name, rtype, _ in ANSWERS:
        if is_secure(apex, name):
            assert delv(needs_program, server, tmp_path, name + apex, rtype) == ""
    for name, rtype in (("", "SOA"), ("www.", "A"), ("www.", "MX"), ("no.", "A"), ("secure.", "DS")):
        assert drill(needs_program, server, tmp_path, name + apex, rtype) == ""


@pytest.mark.parametrize("apex", POLICIES if ALL else ["nsec3.test."])
def test_dnsviz_has_nothing_to_say(apex: str, signing: Signing, needs_program: Find, tmp_path: Path) -> None:
    names = ["", *(name for name in ("www.", "q.w.", "ent.", "no.") if is_secure(apex, name))]
    found = dnsviz(needs_program, signing.server(apex), tmp_path, [f"{name}{apex}" for name in names], ("A", "SOA"))
    assert found == ""


def test_a_chain_of_two_zones_that_are_signed_here(signing: Signing, needs_program: Find, tmp_path: Path) -> None:
    apex = "nsec.test."
    (key,) = signing.server(CHILD).dnskeys
    dnskey = dns.rdata.from_wire("IN", "DNSKEY", key, 0, len(key))
    ds = dns.dnssec.make_ds(dns.name.from_text(CHILD), dnskey, "SHA256").to_wire()
    before = signing.serial(apex)
    with Repository.open(signing.repo) as repository:
        repository.set("child", 2, 300, [from_text(f"ns.{CHILD}")], zone=apex)
        repository.set("child", DS, 300, [ds], zone=apex)
        repository.set("ns.child", A, 300, [b"\x7f\0\0\1"], zone=apex)
    until(lambda: signing.serial(apex) != before and _has_ds(signing, CHILD), "the delegation is served")
    with unbound(needs_program, signing.server(apex), tmp_path / "unbound", [CHILD]) as resolver:
        for name, rcode in ((f"www.{CHILD}", "NOERROR"), (f"no.{CHILD}", "NXDOMAIN")):
            answer = resolver.ask(name, "A")
            assert (answer.rcode, answer.secure) == (rcode, True), answer.text


def _has_ds(signing: Signing, name: str) -> bool:
    answer = dns.query.tcp(dns.message.make_query(name, "DS"), HOST, timeout=20, port=signing.daemon.port())
    return bool(answer.answer)


@pytest.mark.parametrize("apex", POLICIES)
def test_transfers_are_accepted_after_random_commits(
    apex: str, signing: Signing, needs_program: Find, tmp_path: Path
) -> None:
    rng = Random(apex)
    done = 0
    while done < EDITS:
        with Repository.open(signing.repo) as repository:
            for _ in range(min(10, EDITS - done)):
                name = ".".join(rng.choices(("a", "b", "c", "*"), k=rng.choice((1, 2, 3)))) + ".edits"
                repository.set(name, rng.choice((A, TXT)), 300, [bytes((3, *rng.randbytes(3)))], zone=apex)
                done += 1
            repository.set("last.edits", TXT, 300, [b"\3%03d" % done], zone=apex)
        until(lambda done=done: _last(signing, apex) == done, f"{apex} with {done} edits is served")  # type: ignore[misc]
    path = signing.transfer(apex, tmp_path / "zone")
    for program in ZONE_FILE_VALIDATORS:
        if program != "ldns-verify-zone" or apex != "optout.test.":  # it has nothing for opted-out delegations
            assert judge_file(needs_program, program, path, apex) == ""


def _last(signing: Signing, apex: str) -> int:
    query = dns.message.make_query(f"last.edits.{apex}", "TXT")
    answer = dns.query.tcp(query, HOST, timeout=20, port=signing.daemon.port())
    text = answer.answer[0][0].strings[0] if answer.answer else b""
    return int(text) if text.isdigit() else 0  # until there is one, a wildcard may answer


@pytest.mark.parametrize("apex", POLICIES)
def test_unbound_calls_what_was_tampered_with_bogus(
    apex: str, signing: Signing, needs_program: Find, tmp_path: Path
) -> None:
    path = signing.transfer(apex, tmp_path / "zone")
    text = path.read_text()
    assert text.count("IN A 192.0.2.25\n") == 1
    path.write_text(text.replace("IN A 192.0.2.25\n", "IN A 192.0.2.26\n"))
    with running("named", needs_program("named"), tmp_path / "named", {apex: path}) as port:
        server = signing.server(apex)._replace(port=port)
        with unbound(needs_program, server, tmp_path / "unbound") as resolver:
            assert resolver.ask(f"www.{apex}", "A").secure
            answer = resolver.ask(f"mail.{apex}", "A")
            assert (answer.rcode, answer.secure, answer.error) == ("SERVFAIL", False, 6), answer.text
