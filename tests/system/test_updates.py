"""UPDATE messages to a real zonegitd: by the usual clients, over every transport, through kills and stops."""

import resource
import socket
import ssl
import subprocess
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import dns.exception
import dns.message
import dns.query
import dns.rcode
import dns.tsig
import dns.update
import pytest

from daemonkit import Daemon, ask, fetch, read_message, until
from repokit import ZONE, parsed
from tcpkit import frame
from tlskit import Authority
from updaterkit import adding, new_key
from zonegit.dns.access.tsig import ALGORITHMS, LEGACY
from zonegit.repo import Repository

HOST = "127.0.0.1"
PATIENCE = 30.0
PAIR = ["udp", "tcp"]


class Updated:
    """A zonegitd with rules for the key k1, and what its clients need to know."""

    def __init__(self, place: Path, workers: int = 1, more: str = "") -> None:
        """`more` are lines under `[dns]`."""
        self._head = f"[dns]\nworkers = {workers}\n{more}"
        self.repo = place / "repo"
        self.keys = place / "keys.d"
        if not self.repo.exists():
            with Repository.init(self.repo) as repository:
                repository.import_zone(parsed(ZONE), source="test.zone")
        self.key = new_key(self.keys, "k1")
        self.config = place / "zonegitd.toml"
        self.configure('"key:k1 ** *"')
        self.start()

    def start(self) -> None:
        arguments = ("--config", self.config, "--keys", self.keys, "--metrics-listen", f"{HOST}:0")
        self.daemon = Daemon.start(self.repo, *arguments)
        self.port = self.daemon.port()

    def configure(self, *rules: str) -> None:
        self.config.write_text(f'{self._head}[zone."example.org."]\nupdate = [{", ".join(rules)}]\n')

    def send(self, message: dns.update.UpdateMessage, transport: str = "udp") -> dns.rcode.Rcode:
        by = {"udp": dns.query.udp, "tcp": dns.query.tcp}[transport]
        return by(message, HOST, port=self.port, timeout=PATIENCE).rcode()

    def serves(self, owner: str) -> bool:
        return ask(self.port, f"{owner}.example.org")[7] > 0

    def counted(self, result: str) -> float:
        """How many UPDATEs had a result, of all zones and keys."""
        _, _, page = fetch(self.daemon.port("metrics"), "/metrics")
        lines = [line for line in page.splitlines() if line.startswith("zonegit_updates_total{")]
        return sum(float(line.split()[-1]) for line in lines if f'result="{result}"' in line)


@pytest.fixture(scope="module")
def updated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Updated]:
    """One for the tests that leave it as it was, but for new names."""
    updated = Updated(tmp_path_factory.mktemp("updated"))
    yield updated
    updated.daemon.stop()


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Updated]:
    updated = Updated(tmp_path, workers=2)
    yield updated
    updated.daemon.stop()


def lines(port: int, owner: str) -> str:
    """What nsupdate and knsupdate read."""
    return f"server {HOST} {port}\nzone example.org\nupdate add {owner}.example.org 60 A 192.0.2.9\nsend\n"


def run(command: list[str], text: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, input=text, capture_output=True, text=True, timeout=PATIENCE, check=False)


@pytest.mark.parametrize("transport", PAIR)
@pytest.mark.parametrize("program", ["nsupdate", "knsupdate"])
def test_command_line_clients(updated, program, transport, tmp_path, needs_program):
    """With the key on the command line, and in a file of the client's own format."""
    command = [needs_program(program), *(["-v"] if transport == "tcp" else [])]
    secret = b64encode(updated.key.secret).decode()
    file = tmp_path / "k1.key"
    line = f'key "k1" {{ algorithm hmac-sha256; secret "{secret}"; }};' if program == "nsupdate" else ""
    file.write_text(f"{line or f'hmac-sha256:k1:{secret}'}\n")
    for number, given in enumerate((["-y", f"hmac-sha256:k1:{secret}"], ["-k", str(file)])):
        owner = f"{program}-{transport}-{number}"
        done = run([*command, *given], lines(updated.port, owner))
        assert (done.returncode, done.stderr) == (0, "")
        assert updated.serves(owner)
    wrong = run([*command, "-y", f"hmac-sha512:k1:{secret}"], lines(updated.port, "no"))
    assert "BADKEY" in wrong.stderr + wrong.stdout
    assert not updated.serves("no")
    updated.daemon.logged("signed with hmac-sha512")


@pytest.mark.parametrize("transport", PAIR)
@pytest.mark.parametrize("algorithm", [*ALGORITHMS, *LEGACY])
def test_every_algorithm(updated, algorithm, transport):
    """dnspython verifies the response, too."""
    key = new_key(updated.keys, f"{algorithm}-{transport}", algorithm)
    updated.configure('"key:k1 ** *"', *(f'"key:{path.stem} ** *"' for path in updated.keys.glob("hmac*.tsig")))
    updated.daemon.reload("updater")
    assert updated.send(adding(key, f"{algorithm}-{transport}"), transport) == dns.rcode.NOERROR
    assert updated.serves(f"{algorithm}-{transport}")


def test_refusals_are_told_apart_in_log_and_metrics(updated):
    unsigned = updated.counted("unsigned")
    assert updated.send(adding(None, "no")) == dns.rcode.REFUSED
    until(lambda: updated.counted("unsigned") == unsigned + 1, "the count of unsigned ones")
    updated.daemon.logged("refused an UPDATE without a signature client=127.0.0.1 zone=example.org.")
    other = dns.tsig.Key("k1.", b"x" * 32, "hmac-sha256")
    with pytest.raises(dns.tsig.PeerBadSignature):
        updated.send(adding(other, "no"))
    until(lambda: updated.counted("BADSIG") == 1, "the count of bad signatures")
    updated.daemon.logged("zone=example.org. key=k1 rcode=BADSIG")
    assert updated.send(adding(updated.key, "no", zone="example.com.")) == dns.rcode.NOTAUTH
    assert not updated.serves("no")


def test_queries_go_on_while_an_update_waits_on_a_connection(updated):
    """Pipelined, the answer to a query may come first; no connection is closed in between."""
    update = adding(updated.key, "pipelined")
    query = dns.message.make_query("www.example.org.", "A")
    with socket.create_connection((HOST, updated.port), timeout=PATIENCE) as sock:
        sock.sendall(frame(update.to_wire(), *[query.to_wire()] * 20))
        found = [read_message(sock) for _ in range(21)]
    assert sum(data[2] & 0x78 == 5 << 3 for data in found) == 1
    assert all(data[3] & 15 == 0 for data in found)
    assert updated.serves("pipelined")


def test_sixty_four_clients_at_once(updated):
    """Each sends one after another, over its own socket; every response is its own, and all of it is there."""
    failed: list[str] = []

    def work(client: int) -> None:
        for number in range(5):
            try:
                assert updated.send(adding(updated.key, f"c{client}-{number}"), PAIR[client % 2]) == 0
            except Exception as error:
                failed.append(f"{client}: {error!r}")

    threads = [threading.Thread(target=work, args=(client,)) for client in range(64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failed == []
    assert all(updated.serves(f"c{client}-{number}") for client in range(64) for number in range(5))


def test_over_tls(tmp_path):
    authority = Authority(tmp_path)
    files = authority.issue("server")
    tls = f'tls_listen = ["{HOST}:0"]\ntls_cert = "{files.cert}"\ntls_key = "{files.key}"\n'
    updated = Updated(tmp_path, more=tls)
    try:
        context = ssl.create_default_context(cafile=str(authority.cert))
        message, port = adding(updated.key, "tls"), updated.daemon.port("tls")
        answer = dns.query.tls(message, HOST, PATIENCE, port, ssl_context=context, server_hostname=HOST)
        assert answer.rcode() == dns.rcode.NOERROR
        assert updated.serves("tls")
    finally:
        updated.daemon.stop()


def test_a_reload_begins_and_ends_it(own):
    assert own.send(adding(own.key, "first")) == dns.rcode.NOERROR
    own.configure()
    own.daemon.reload("dns-0", "dns-1")
    assert own.send(adding(own.key, "second")) == dns.rcode.NOTIMP
    own.configure('"key:k1 third A"')
    own.daemon.reload("dns-0", "dns-1")
    assert own.send(adding(own.key, "second")) == dns.rcode.REFUSED
    assert own.send(adding(own.key, "third")) == dns.rcode.NOERROR


class Stream:
    """A client that sends one UPDATE after another until it is stopped, and notes which were answered NOERROR."""

    def __init__(self, updated: Updated, number: int) -> None:
        self.answered: list[str] = []
        self.others: list[str] = []
        self._updated = updated
        self._number = number
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        count = 0
        while not self._ended.is_set():
            count += 1
            owner = f"s{self._number}-{count}"
            try:
                rcode = dns.query.udp(
                    adding(self._updated.key, owner), HOST, port=self._updated.port, timeout=1.0
                ).rcode()
            except (dns.exception.Timeout, OSError):
                self.others.append(owner)
                continue
            (self.others if rcode else self.answered).append(owner)

    def stop(self) -> None:
        self._ended.set()
        self._thread.join(60)


@pytest.mark.parametrize("victim", ["updater", "dns-0", "dns-1"])
def test_what_was_answered_is_there_after_a_kill(own, victim):
    """SIGKILL at any moment: no answered update is lost, and the next ones work."""
    streams = [Stream(own, number) for number in range(8)]
    for _ in range(3):
        done = sum(len(each.answered) for each in streams)
        until(lambda done=done: sum(len(each.answered) for each in streams) > done + 30, "more updates")
        own.daemon.kill_child(victim)
    done = sum(len(each.answered) for each in streams)
    until(lambda: sum(len(each.answered) for each in streams) > done + 30, "updates after the last kill")
    for each in streams:
        each.stop()
    answered = [owner for each in streams for owner in each.answered]
    assert len(answered) > 100
    missing = [owner for owner in answered if not own.serves(owner)]
    assert missing == []


def test_a_stop_finishes_what_it_has(own):
    """SIGTERM under load: what was answered is there at the next start."""
    streams = [Stream(own, number) for number in range(8)]
    until(lambda: sum(len(each.answered) for each in streams) > 50, "some updates")
    began = time.monotonic()
    own.daemon.stop()
    assert time.monotonic() - began < 8, "nobody had to be killed"
    for each in streams:
        each.stop()
    own.start()
    assert [owner for each in streams for owner in each.answered if not own.serves(owner)] == []


def test_a_disk_that_takes_nothing(own):
    """As if it were full: SERVFAIL, nothing half done, and the process goes on once there is room."""
    updater = own.daemon.child("updater")
    before = resource.prlimit(updater, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    message = adding(own.key, "full")
    assert own.send(message) == dns.rcode.SERVFAIL
    assert ask(own.port, "www.example.org")[7], "queries are answered all the time"
    own.daemon.logged("no space is left")
    resource.prlimit(updater, resource.RLIMIT_FSIZE, before)
    assert own.send(message) == dns.rcode.NOERROR, "even the same message: it wasn't answered for good"
    assert own.serves("full")
    assert not own.daemon.has("process ended")


def test_another_writer_holds_the_repository(own):
    """SERVFAIL after a bounded wait, nothing half done; the same update works afterwards."""
    with Repository.open(own.repo) as repository, repository._store.write():
        began = time.monotonic()
        assert own.send(adding(own.key, "held")) == dns.rcode.SERVFAIL
        assert time.monotonic() - began < 10
        assert ask(own.port, "www.example.org")[7], "queries are answered all the time"
    assert not own.serves("held")
    assert own.send(adding(own.key, "held")) == dns.rcode.NOERROR
    own.daemon.logged("cannot apply UPDATEs")
