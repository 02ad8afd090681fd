"""BIND, Knot DNS and PowerDNS follow the catalog that zonegitd makes, and zonegitd follows theirs.

Nobody touches a configuration but that of the producer. NSD follows no catalogs in the versions that Debian 12 has.
"""

from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack
from pathlib import Path

import dns.exception
import dns.message
import dns.query
import pytest

from catalogpeers import CATALOG, CONSUMERS, PRODUCERS, Producer, zone_text
from daemonkit import Daemon, page, until
from peerkit import HOST, free_ports
from repokit import parsed
from zonegit.errors import Refused
from zonegit.repo import Repository

Needs = Callable[[str], str]
NONE: Collection[str] = ()


def serves(port: int, zone: str) -> bool:
    """Whether a server answers for a zone by its content."""
    query = dns.message.make_query(f"www.{zone}", "TXT")
    try:
        answer = dns.query.udp(query, HOST, timeout=1, port=port)
    except (OSError, dns.exception.DNSException):
        return False
    return [rdata.to_text() for rrset in answer.answer for rdata in rrset] == [f'"{zone}"']


def found(needs_program: Needs, names: Collection[str]) -> dict[str, str]:
    """The programs of these names; pdnsutil is needed with pdns_server, and its SQLite backend."""
    programs = {name: needs_program(name) for name in names}
    if "pdns_server" in programs:
        needs_program("pdnsutil")
        if not Path("/usr/share/pdns-backend-sqlite3").exists():
            pytest.skip("needs pdns-backend-sqlite3")
    return programs


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def started(home: Path, text: str, stack: ExitStack) -> Daemon:
    (home / "zonegitd.toml").write_text(f'repo = "{home}/repo"\n{text}')
    daemon = Daemon("--config", home / "zonegitd.toml")
    stack.callback(daemon.stop)
    daemon.logged("]: listening ")
    return daemon


def test_other_servers_follow_a_catalog(needs_program: Needs, tmp_path: Path, stack: ExitStack) -> None:
    programs = found(needs_program, CONSUMERS)
    port, *others = free_ports(1 + len(programs))
    repository = stack.enter_context(Repository.init(tmp_path / "repo"))

    def add(*zones: str) -> None:
        for zone in zones:
            repository.import_zone(parsed(zone_text(zone)), source=zone, zone=zone)

    add("a.example.", "b.example.")
    told = ", ".join(f'"{HOST}:{each}"' for each in others)
    started(tmp_path, f'[dns]\nlisten = "{HOST}:{port}"\ncatalog = "{CATALOG}"\nalso_notify = [{told}]\n', stack)
    for (name, start), at in zip(CONSUMERS.items(), others, strict=True):
        (tmp_path / name).mkdir()
        stack.callback(start(programs[name], tmp_path / name, at, port).stop)
    follow(others, {"a.example.", "b.example."}, {"c.example."})
    add("c.example.")
    follow(others, {"a.example.", "b.example.", "c.example."}, set())
    repository.remove_zone("a.example.")
    follow(others, {"b.example.", "c.example."}, {"a.example."})
    subjects = [each.commit.subject for each in repository.log(zone=CATALOG)]
    assert subjects == ["catalog: remove a.example.", "catalog: list c.example.", "catalog: list 2 zones"]


def follow(ports: Collection[int], served: Collection[str], gone: Collection[str]) -> None:
    def all_do() -> bool:
        return all(serves(port, zone) for port in ports for zone in served) and not any(
            serves(port, zone) for port in ports for zone in gone
        )

    until(all_do, f"every server having {served} and not {gone}")


def test_the_catalogs_of_other_servers_are_followed(needs_program: Needs, tmp_path: Path, stack: ExitStack) -> None:
    programs = found(needs_program, PRODUCERS)
    port, *others = free_ports(1 + len(programs))
    producers: dict[str, Producer] = {}
    for (make, start), at in zip(PRODUCERS.items(), others, strict=True):
        (tmp_path / make).mkdir()
        producers[make] = start(programs[make], tmp_path / make, at, port, f"{make.replace('_', '-')}.catalog.")
        stack.callback(producers[make].stop)
        producers[make].list({f"a.{make[0]}.example.": NONE, f"b.{make[0]}.example.": ("public",)})
    tables = "".join(
        f'[catalog."{each.name}"]\nprimaries = ["{HOST}:{each.port}"]\n'
        f'[catalog."{each.name}".group."public"]\ntransfer_acl = ["0.0.0.0/0"]\n'
        for each in producers.values()
    )
    daemon = started(
        tmp_path,
        f'[dns]\nlisten = "{HOST}:{port}"\ntransfer_acl = []\n[metrics]\nlisten = "{HOST}:0"\n{tables}',
        stack,
    )
    every = {f"{zone}.{make[0]}.example." for make in producers for zone in "ab"}
    follow([port], every, set())
    for make, producer in producers.items():
        assert transfers(port, f"b.{make[0]}.example.")
        assert not transfers(port, f"a.{make[0]}.example.")
        producer.list({f"b.{make[0]}.example.": ("public",), f"c.{make[0]}.example.": NONE})
    came = {f"c.{make[0]}.example." for make in producers}
    went = {f"a.{make[0]}.example." for make in producers}
    follow([port], (every | came) - went, went)
    metrics = page(daemon, "/metrics")
    for producer in producers.values():
        assert f'zonegit_catalog_members{{catalog="{producer.name}"}} 2' in metrics


def transfers(port: int, zone: str) -> bool:
    """Whether a server lets this machine transfer a zone."""
    answer = dns.query.tcp(dns.message.make_query(zone, "AXFR"), HOST, timeout=20, port=port)
    return bool(answer.answer)


def test_members_survive_a_restart_and_the_loss_of_their_primary(
    needs_program: Needs, tmp_path: Path, stack: ExitStack
) -> None:
    knotd = needs_program("knotd")
    port, at = free_ports(2)
    (tmp_path / "knotd").mkdir()
    producer = PRODUCERS["knotd"](knotd, tmp_path / "knotd", at, port, CATALOG)
    stack.callback(producer.stop)
    producer.list({"a.example.": NONE, "b.example.": NONE})
    text = f'[dns]\nlisten = "{HOST}:{port}"\n[catalog."{CATALOG}"]\nprimaries = ["{HOST}:{at}"]\n'
    daemon = started(tmp_path, text, stack)
    follow([port], {"a.example.", "b.example."}, set())
    producer.list({"b.example.": NONE})
    follow([port], {"b.example."}, {"a.example."})
    producer.list({"a.example.": NONE, "b.example.": NONE})
    follow([port], {"a.example.", "b.example."}, set())  # at the serial that it had when it was removed
    producer.stop()
    daemon.stop()
    started(tmp_path, text, stack)
    follow([port], {"a.example.", "b.example."}, set())
    with Repository.open(tmp_path / "repo") as repository:
        with pytest.raises(Refused, match=r"a\.example\. came from the catalog catalog\.example\."):
            repository.remove_zone("a.example.")
        with pytest.raises(Refused, match="is transferred from"):
            repository.delete("www", zone="a.example.")
