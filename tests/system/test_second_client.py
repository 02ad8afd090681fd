"""docs/protocol.md and docs/format.md are enough: a client that was written from them alone reads a zone."""

import ast
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from daemonkit import Daemon, new_reader
from repokit import parsed
from zonegit.repo import Repository

CLIENT = Path(__file__).parents[1] / "kits" / "second_client.py"
SOA = "$ORIGIN example.net.\n$TTL 300\n@ SOA ns.example.com. a.example.com. 1 60 60 600 60\n@ NS ns.example.com.\n"


def read(daemon: Daemon, key: Path, zone: str) -> dict[str, object]:
    where = f"127.0.0.1:{daemon.port('replication')}"
    command = [sys.executable, str(CLIENT), where, "p1", str(key), zone]
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


def test_it_shares_no_code() -> None:
    found: set[str] = set()
    for node in ast.walk(ast.parse(CLIENT.read_text())):
        if isinstance(node, ast.Import):
            found |= {name.name.partition(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").partition(".")[0])
    assert found - set(sys.stdlib_module_names) == {"blake3", "h2"}
