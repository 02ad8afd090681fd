"""A daemon whose zone has routes: over UDP and TCP, through a reload, and in the metrics."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

from daemonkit import Daemon, ask, ask_tcp, fetch, query
from zonegit.model.rdata import A
from zonegit.repo import Repository

WWW = "www.example.org"
RULE = "{{ when = '{}', branch = \"{}\" }}"


def configured(*rules: tuple[str, str]) -> str:
    return f'[zone."example.org"]\nroutes = [{", ".join(RULE.format(*rule) for rule in rules)}]\n'


def test_routes_are_served_reloaded_and_counted(repo: Path, start: Callable[..., Daemon], tmp_path: Path) -> None:
    with Repository.open(repo) as repository:
        for number, branch in enumerate(("inside", "other"), 1):
            repository.create_branch(branch)
            repository.set("www", A, 60, [bytes([10, 0, 0, number])], branch=branch)
    config = tmp_path / "zonegitd.toml"
    config.write_text(configured(('query.type == "MX"', "other"), ('client.subnet in ["127.0.0.0/8"]', "inside")))
    daemon = start(repo, "--config", config, "--metrics-listen", "127.0.0.1:0")
    port = daemon.port()
    for _ in range(3):
        assert ask(port, WWW)[-4:] == bytes([10, 0, 0, 1])
        assert ask_tcp(port, query(WWW))[0][-4:] == bytes([10, 0, 0, 1])
    assert counts(daemon) == {"1": 0, "2": 6}
    config.write_text(configured(('client.subnet in ["192.0.2.0/24"]', "inside"), ("time.hour >= 0", "other")))
    daemon.reload("dns-0")
    assert ask(port, WWW)[-4:] == bytes([10, 0, 0, 2])
    assert counts(daemon) == {"1": 0, "2": 7}


def test_the_network_that_a_trusted_resolver_asks_for(
    repo: Path, start: Callable[..., Daemon], tmp_path: Path, needs_program: Callable[[str], str]
) -> None:
    """As dig shows it: who is trusted gets the scope, others an answer without the option."""
    with Repository.open(repo) as repository:
        repository.create_branch("inside")
        repository.set("www", A, 60, [bytes([10, 0, 0, 1])], branch="inside")
    config = tmp_path / "zonegitd.toml"
    rules = configured(('client.subnet in ["192.0.2.0/24"]', "inside"))
    config.write_text(f'[dns]\necs_trusted = ["127.0.0.2"]\n{rules}')
    port = start(repo, "--config", config).port()

    def dig(source: str, subnet: str) -> str:
        command = (needs_program("dig"), "-b", source, "@127.0.0.1", "-p", str(port), f"+subnet={subnet}", WWW)
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    for _ in range(2):
        trusted, other = dig("127.0.0.2", "192.0.2.0/24"), dig("127.0.0.2", "198.51.100.0/24")
        assert "CLIENT-SUBNET: 192.0.2.0/24/24\n" in trusted and "\tA\t10.0.0.1\n" in trusted
        assert "CLIENT-SUBNET: 198.51.100.0/24/6\n" in other
        stranger = dig("127.0.0.3", "192.0.2.0/24")
        assert "CLIENT-SUBNET" not in stranger
        for answer in (other, stranger):
            assert "\tA\t10.0.0.1\n" not in answer and "status: NOERROR" in answer


def counts(daemon: Daemon) -> dict[str, int]:
    page = fetch(daemon.port("metrics"), "/metrics")[2]
    series = r'^zonegit_route_match_total\{rule="(\d)",zone="example\.org\."\} (\d+)\.0$'
    found = re.findall(series, page, re.MULTILINE)
    return {rule: int(count) for rule, count in found}
