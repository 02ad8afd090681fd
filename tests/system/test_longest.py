"""Names, keys, authors, messages and records, each as long as it may be, through a primary and a secondary."""

import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from daemonkit import Daemon, ask_tcp, new_reader, page, query, rcode, until
from synckit import move
from zonegit.model.foreign import MOST
from zonegit.model.names import WireName, join, to_text
from zonegit.model.refs import MAX_ZONE
from zonegit.repo import Repository
from zonegit.store.lmdb import LmdbStore

PEER, BRANCH, TAG, KEY = "p" * 64, "b" * 64, "t" * 64, "k" * 32
APEX = WireName(join([b"\1" * 63, b"\2" * 20 + b"abc"]) + b"\0")
ZONE = to_text(APEX)
LABELS = ["\0" * 63, "\1" * 63, "\1" * (255 - len(APEX) - 129), "\1" * 63, "\2" * 20 + "abc"]
OWNER = to_text(WireName(join([label.encode() for label in LABELS]) + b"\0"))
AUTHOR = "\U0001f600" * 200
MESSAGE = "m" * 13_500
"""With the author, who is also the committer, a commit's 16 KiB."""
RDATA = bytes(range(250)) * 200
NAME = "[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-z_]+="(?:[^"\\\n]|\\[\\"n])*"'
SAMPLE = re.compile(rf"{NAME}(?:\{{{LABEL}(?:,{LABEL})*\}})? [-+0-9.eInfNa]+")


def zonegit(path: Path, *argv: str | Path) -> str:
    command = [sys.executable, "-m", "zonegit.cli.main", "--repo", path, *argv]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_the_longest_of_everything_goes_from_a_primary_to_a_secondary(
    tmp_path: Path, start: Callable[..., Daemon]
) -> None:
    there, here, keys = tmp_path / "there", tmp_path / "here", new_reader(tmp_path / "keys", KEY)
    assert (len(ZONE), sum(map(len, LABELS)) + len(LABELS) + 1) == (MAX_ZONE, 255)
    with Repository.init(there) as repository:
        first = repository.add_zone(ZONE, who=AUTHOR)
        repository.set(OWNER, 65280, 60, [RDATA], who=AUTHOR, message=MESSAGE)
        repository.create_branch(BRANCH, who=AUTHOR)
        repository.create_tag(TAG, who=AUTHOR, message=MESSAGE)
    more = ("--metrics-listen", "127.0.0.1:0", "--keys", keys)
    primary = start(there, "--replicate-listen", "127.0.0.1:0", "--replicate-name", PEER, *more)
    url = f"http://127.0.0.1:{primary.port('replication')}"
    peer = ("--primary", url, "--primary-name", PEER, "--key", KEY, "--pull-interval", "1s")
    node = start(here, *peer, *more)
    question = query(".".join(LABELS), 65280)
    until(lambda: rcode(ask_tcp(node.port(), question)[0]) == 0, "the zone at the secondary")
    assert ask_tcp(node.port(), question) == ask_tcp(primary.port(), question)
    assert RDATA in ask_tcp(node.port(), question)[0]

    with closing(LmdbStore.open(there)) as store:
        move(store, ZONE, BRANCH, first.new)
    node.logged("followed a rewound ref")
    for daemon in (primary, node):
        samples = [line for line in page(daemon, "/metrics").splitlines() if not line.startswith("#")]
        assert [line for line in samples if not SAMPLE.fullmatch(line)] == []
        assert max(map(len, daemon.log)) <= MOST

    assert f"main (others: {BRANCH})" in zonegit(here, "status")
    assert f"pull: {PEER}" in zonegit(here, "reflog", BRANCH)
    copy = tmp_path / "copy"
    zonegit(copy, "clone", url, copy, "--name", PEER, "--key", KEY, "--keys", keys)
    assert RDATA.hex() in zonegit(copy, "show", OWNER, "TYPE65280").replace(" ", "").lower()
    with Repository.open(copy, readonly=True) as repository:
        made = repository.resolve(TAG).commit
        assert (made.author.name, made.message) == (AUTHOR, MESSAGE)
        assert repository.fsck().problems == []
