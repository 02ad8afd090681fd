"""docs/protocol.md and docs/format.md are enough: a client that was written from them alone reads a zone."""

import ast
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from daemonkit import Daemon, new_reader
from repokit import parsed
from zonegit.auth.keyfile import new_key
from zonegit.auth.scope import parse_scope
from zonegit.repo import Repository

CLIENT = Path(__file__).parents[1] / "kits" / "second_client.py"
SOA = "$ORIGIN example.net.\n$TTL 300\n@ SOA ns.example.com. a.example.com. 1 60 60 600 60\n@ NS ns.example.com.\n"


def read(daemon: Daemon, key: Path, zone: str, *more: str) -> dict[str, object]:
    where = f"127.0.0.1:{daemon.port('replication')}"
    command = [sys.executable, str(CLIENT), where, "p1", str(key), zone, *more]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("count", [1, 60_000])
def test_a_client_written_from_the_documents_reads_a_zone(
    repo: Path, tmp_path: Path, start: Callable[..., Daemon], count: int
) -> None:
    new_reader(tmp_path / "keys")
    large = "".join(f"large TXT {'x' * 100}{at:03}\n" for at in range(50))
    small = "".join(f"h{at:06} AAAA 2001:db8::{at:x}\nh{at:06} TXT {'t' * 40}{at:x}\n" for at in range(count))
    with Repository.open(repo) as repository:
        repository.import_zone(parsed(SOA + small + large), source="test.zone")
        repository.set("www", 1, 60, [bytes((192, 0, 2, 1))], zone="example.net.")
        tip = repository.resolve("main", zone="example.net.")
        expected = sum(len(found.rdatas) for found in repository.rrsets("main", zone="example.net."))
    daemon = start(repo, "--keys", tmp_path / "keys", "--replicate-listen", "127.0.0.1:0", "--replicate-name", "p1")
    found = read(daemon, tmp_path / "keys" / "k1.key", "example.net.")
    assert (found["tip"], found["records"]) == (tip.id.hex(), expected)
    assert expected == 53 + 2 * count
    assert (int(str(found["streams"])) > 1) == (count > 1)


@pytest.mark.parametrize("workers", [1, 2])
def test_it_pushes_what_it_read_to_another_daemon(
    repo: Path, tmp_path: Path, start: Callable[..., Daemon], workers: int
) -> None:
    new_key(
        tmp_path / "keys", "k1", (parse_scope("read:*"), parse_scope("push:example.net.")), time.time, os.urandom
    )
    other = tmp_path / "other"
    Repository.init(other).close()
    many = "".join(f"h{at:06} TXT {'t' * 80}{at:x}\n" for at in range(40_000))
    with Repository.open(repo) as repository:
        repository.import_zone(parsed(SOA + many), source="test.zone")
    listen = ("--replicate-listen", "127.0.0.1:0", "--replicate-workers", str(workers))
    one, two = (
        start(path, "--keys", tmp_path / "keys", *listen, "--replicate-name", name)
        for path, name in ((repo, "p1"), (other, "p2"))
    )
    to = (f"127.0.0.1:{two.port('replication')}", "p2", str(tmp_path / "keys" / "k1.key"))
    found = read(one, tmp_path / "keys" / "k1.key", "example.net.", "main", *to)["push"]
    assert isinstance(found, dict)
    assert (found["outcome"], found["reason"], int(found["requests"]) > 1) == ("updated", "", True)
    with Repository.open(other) as repository:
        assert repository.resolve("main", zone="example.net.").id.hex() == found["tip"]
    again = read(one, tmp_path / "keys" / "k1.key", "example.net.", "main", *to)["push"]
    assert again == {**found, "outcome": "unchanged", "pushed": 0, "requests": 1}


def test_it_shares_no_code() -> None:
    found: set[str] = set()
    for node in ast.walk(ast.parse(CLIENT.read_text())):
        if isinstance(node, ast.Import):
            found |= {name.name.partition(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").partition(".")[0])
    assert found - set(sys.stdlib_module_names) == {"blake3", "h2"}
