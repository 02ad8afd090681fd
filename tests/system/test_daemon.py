"""`zonegitd` as an operator sees it: start, answers, changes from outside, deaths, reload, end."""

import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from daemonkit import Daemon, ask, ask_tcp, environment, query, rcode, read_message, serial_of, until
from peerkit import bound_to_one_port
from repokit import ZONE, parsed
from slicekit import slices
from spawnkit import without_children
from zonegit.repo import Repository

A = 1
OTHER = ZONE.replace("example.net", "example.com").replace("example.org", "example.net")
WWW = "www.example.org"


def commit_elsewhere(repo: Path, name: str, address: str) -> None:
    """One commit by another process."""
    code = (
        "import sys; from pathlib import Path; from zonegit.repo import Repository\n"
        "with Repository.open(Path(sys.argv[1])) as r:\n"
        "    r.set(sys.argv[2], 1, 60, [bytes(map(int, sys.argv[3].split('.')))])\n"
    )
    subprocess.run([sys.executable, "-c", code, str(repo), name, address], check=True)


def test_answers_over_udp_and_tcp(repo, start, needs_program):
    dig = needs_program("dig")
    port = start(repo, "--workers", "2").port()
    for transport in ("+notcp", "+tcp"):
        done = subprocess.run(
            [dig, "@127.0.0.1", "-p", str(port), transport, "+short", "+norec", WWW, "A"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert set(done.stdout.split()) == {"192.0.2.10", "192.0.2.11"}


def test_a_commit_elsewhere_is_answered_by_the_next_packet(repo, start):
    port = start(repo).port()
    for number in range(1, 4):
        commit_elsewhere(repo, "www", f"192.0.2.{100 + number}")
        assert ask(port, WWW)[-4:] == bytes([192, 0, 2, 100 + number])
        assert ask_tcp(port, query(WWW))[0][-4:] == bytes([192, 0, 2, 100 + number])
        assert serial_of(port, "example.org") == 2026112001 + number


def test_several_addresses_of_both_families(repo, needs_ipv6):
    daemon = Daemon("--repo", repo, "--listen", "127.0.0.1:0", "--listen", "[::1]:0", "--workers", "2")
    try:
        line = daemon.logged("]: listening ")
        ports = [int(place.rpartition(":")[2]) for place in line.split("dns=")[1].split(",")]
        for family, host, port in zip((socket.AF_INET, socket.AF_INET6), ("127.0.0.1", "::1"), ports, strict=True):
            for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                with socket.socket(family, kind) as sock:
                    sock.settimeout(20)
                    sock.connect((host, port))
                    packet = query(WWW)
                    sock.sendall(packet if kind is socket.SOCK_DGRAM else len(packet).to_bytes(2, "big") + packet)
                    answer = sock.recv(4096) if kind is socket.SOCK_DGRAM else read_message(sock)
                    assert rcode(answer) == 0
    finally:
        assert daemon.stop() == 0


def test_garbage_of_every_kind_kills_nobody(repo, start):
    daemon = start(repo)
    port, worker = daemon.port(), daemon.child("dns-0")
    source = random.Random(20261121)
    good = query(WWW)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("127.0.0.1", port))
        for number in range(3000):
            packet = bytearray(source.randbytes(source.randrange(600)) if number % 2 else good)
            for _ in range(source.randrange(4)):
                if packet:
                    packet[source.randrange(len(packet))] = source.randrange(256)
            sock.send(packet)
    for size in (0, 1, 11, 12, 65535):
        with socket.create_connection(("127.0.0.1", port)) as sock:
            sock.sendall(size.to_bytes(2, "big") + source.randbytes(size))
    assert rcode(ask(port, WWW, tries=5)) == 0
    assert rcode(ask_tcp(port, good)[0]) == 0
    assert daemon.child("dns-0") == worker
    assert not daemon.has("process ended")


def test_zones_come_and_go_while_it_runs(repo, start):
    port = start(repo).port()
    assert rcode(ask(port, "example.net", 6)) == 5
    with Repository.open(repo) as repository:
        repository.import_zone(parsed(OTHER), source="n")
        assert rcode(ask(port, "example.net", 6)) == 0
        repository.remove_zone("example.net.")
    assert rcode(ask(port, "example.net", 6)) == 5
    assert rcode(ask(port, "example.org", 6)) == 0


def test_an_empty_repository_refuses_until_it_has_a_zone(tmp_path, start):
    with Repository.init(tmp_path / "r"):
        pass
    port = start(tmp_path / "r").port()
    assert rcode(ask(port, WWW)) == 5
    with Repository.open(tmp_path / "r") as repository:
        repository.import_zone(parsed(ZONE), source="z")
    assert rcode(ask(port, WWW)) == 0


def test_only_the_zones_asked_for(repo, start):
    with Repository.open(repo) as repository:
        repository.import_zone(parsed(OTHER), source="n")
    port = start(repo, "--zone", "example.net").port()
    assert rcode(ask(port, "example.org", 6)) == 5
    assert rcode(ask(port, "example.net", 6)) == 0


def test_branch_pin_and_canary(repo, start, tmp_path):
    with Repository.open(repo) as repository:
        repository.create_branch("next")
        repository.set("www", A, 60, [bytes([10, 0, 0, 1])], branch="next")
        repository.set("www", A, 60, [bytes([10, 0, 0, 2])], branch="main")
        pinned = start(repo, "--at", "HEAD~1").port()
        branch = start(repo, "--branch", "next").port()
        everyone = start(repo, "--canary", "next:100").port()
        nobody = start(repo, "--canary", "next:0").port()
        repository.set("www", A, 60, [bytes([10, 0, 0, 3])], branch="main")
    assert ask(pinned, WWW)[-4:] in (bytes([192, 0, 2, 10]), bytes([192, 0, 2, 11])), "a pin stands still"
    assert ask(branch, WWW)[-4:] == bytes([10, 0, 0, 1])
    assert ask(everyone, WWW)[-4:] == bytes([10, 0, 0, 1])
    assert ask(nobody, WWW)[-4:] == bytes([10, 0, 0, 3])


def test_a_served_branch_gets_a_view(repo, start):
    with Repository.open(repo) as repository:
        repository.create_branch("next")
    daemon = start(repo, "--branch", "next")
    assert rcode(ask(daemon.port(), WWW)) == 0
    daemon.logged("served view made ref=refs/heads/example.org./next")
    assert rcode(ask(daemon.port(), WWW)) == 0
    assert daemon.child("dns-0")
    assert not daemon.has("process ended process=dns")


def test_killed_workers_are_replaced_while_the_others_answer(repo, start):
    daemon = start(repo, "--workers", "2")
    port = daemon.port()
    second = daemon.child("dns-1")
    first = daemon.kill_child("dns-0")
    for _ in range(100):
        assert rcode(ask(port, WWW, tries=5)) == 0
    until(lambda: daemon.child("dns-0") not in (0, first), "a new worker")
    assert daemon.child("dns-1") == second
    daemon.logged("process ended process=dns-0 how=SIGKILL")


def test_a_killed_worker_is_noticed_whatever_the_caller_ignores(repo):
    daemon = Daemon("--repo", repo, "--listen", "127.0.0.1:0", through=without_children())
    try:
        daemon.logged("listening")
        first = daemon.kill_child("dns-0")
        until(lambda: daemon.child("dns-0") not in (0, first), "a new worker")
        daemon.logged("process ended process=dns-0 how=SIGKILL")
    finally:
        assert daemon.stop() == 0


def test_where_memory_is_out_replication_goes_before_dns(repo, start):
    daemon = start(repo, "--metrics-listen", "127.0.0.1:0")

    def rank(pid: int) -> int:
        return int(Path(f"/proc/{pid}/oom_score_adj").read_text())

    http, dns = daemon.child("http"), daemon.child("dns-0")
    assert rank(daemon.process.pid) < rank(dns) < rank(http)
    assert daemon.kill_child("http") == http  # as the kernel does it
    while not daemon.has("process ended process=http how=SIGKILL"):
        assert rcode(ask(daemon.port(), WWW)) == 0
    until(lambda: daemon.child("http") not in (0, http), "another http process")
    assert daemon.child("dns-0") == dns
    assert rcode(ask(daemon.port(), WWW)) == 0


def test_dns_interrupts_what_keeps_the_processor_busy(repo, start):
    daemon = start(repo, "--metrics-listen", "127.0.0.1:0")

    def of_its_threads(name: str) -> set[int]:
        threads = Path(f"/proc/{daemon.child(name)}/task").iterdir()
        return slices("".join((thread / "sched").read_text() for thread in threads))

    (dns,) = of_its_threads("dns-0")
    assert dns < min(of_its_threads("http"))


def test_the_others_take_over_from_a_worker_that_keeps_dying(repo, start):
    daemon = start(repo, "--workers", "2")

    for number in range(1, 5):
        worker = daemon.kill_child("dns-0")
        until(lambda number=number: daemon.count("process ended process=dns-0") == number, "its death")
    assert daemon.child("dns-1"), "told when the supervisor has closed the sockets of the dead one"
    for _ in range(50):
        assert rcode(ask(daemon.port(), WWW)) == 0
    until(lambda: daemon.child("dns-0") not in (0, worker), "its successor")
    for _ in range(50):
        assert rcode(ask(daemon.port(), WWW, tries=5)) == 0


def test_no_query_is_lost_while_the_only_worker_is_replaced(repo, start):
    daemon = start(repo)
    daemon.kill_child("dns-0")
    daemon.logged("process ended process=dns-0")
    assert rcode(ask(daemon.port(), WWW)) == 0, "the query waited in the supervisor's socket"
    assert rcode(ask_tcp(daemon.port(), query(WWW))[0]) == 0


def test_sigterm_answers_what_was_received(repo, start):
    daemon = start(repo)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("127.0.0.1", daemon.port()))
        sock.settimeout(20)
        worker = daemon.child("dns-0")
        os.kill(worker, signal.SIGSTOP)
        for number in range(100):
            sock.send(query(WWW, ident=number))
        daemon.signal(signal.SIGTERM)
        daemon.logged("stopping")
        os.kill(worker, signal.SIGCONT)
        assert len({sock.recv(4096)[:2] for _ in range(100)}) == 100
    assert daemon.stop() == 0
    assert not daemon.has("killed")


def test_the_workers_end_with_a_killed_supervisor(repo, start):
    daemon = start(repo)
    worker = daemon.child("dns-0")
    daemon.process.kill()
    daemon.process.wait()
    until(lambda: not Path(f"/proc/{worker}").exists(), "the worker's end")


def test_transfers_beyond_64_kib(tmp_path, start, needs_program):
    dig = needs_program("dig")
    many = "".join(f"host{number} IN A 192.0.2.{number % 256}\n" for number in range(5000))
    with Repository.init(tmp_path / "r") as repository:
        repository.import_zone(parsed(ZONE + many), source="z")
    port = start(tmp_path / "r").port()
    command = [dig, "@127.0.0.1", "-p", str(port), "example.org", "AXFR", "+onesoa", "+nocmd", "+nostats"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = [line for line in done.stdout.splitlines() if line and not line.startswith(";")]
    assert len(lines) == 5000 + 8
    assert "Transfer failed" not in done.stdout


def test_a_slow_transfer_sees_one_version_to_its_end(tmp_path, start):
    many = "".join(f'host{number} IN TXT "{"x" * 200}"\n' for number in range(40_000))
    with Repository.init(tmp_path / "r") as repository:
        repository.import_zone(parsed(ZONE + many), source="z")
        port = start(tmp_path / "r").port()
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.settimeout(60)
            sock.connect(("127.0.0.1", port))
            packet = query("example.org", 252)
            sock.sendall(len(packet).to_bytes(2, "big") + packet)
            records = int.from_bytes(read_message(sock)[6:8], "big")
            repository.set("www", A, 60, [bytes([10, 9, 9, 9])])
            assert serial_of(port, "example.org") == 2026112002, "UDP isn't held up"
            while records < 40_000 + 9:
                message = read_message(sock)
                records += int.from_bytes(message[6:8], "big")
            assert records == 40_000 + 9
            assert int.from_bytes(message[-20:-16], "big") == 2026112001


def test_slow_tcp_clients_do_not_delay_udp(repo, start):
    port = start(repo).port()
    slow = [socket.create_connection(("127.0.0.1", port)) for _ in range(64)]
    try:
        for sock in slow:
            sock.sendall(b"\0")
        stop = threading.Event()

        def trickle() -> None:
            while not stop.is_set():
                for sock in slow[:32]:
                    sock.sendall(b"\0")
                time.sleep(0.005)

        thread = threading.Thread(target=trickle)
        thread.start()
        try:
            for _ in range(200):
                assert rcode(ask(port, WWW)) == 0
            assert rcode(ask_tcp(port, query(WWW))[0]) == 0
        finally:
            stop.set()
            thread.join()
    finally:
        for sock in slow:
            sock.close()


def test_inherited_sockets_are_used(repo, tmp_path):
    """As a service manager hands them over: descriptors from 3 on, in the environment of that very process."""
    with ExitStack() as stack:
        udp, tcp = bound_to_one_port(stack)
        port = udp.getsockname()[1]
        tcp.listen()
        code = (
            "import os, sys\n"
            "from zonegit.daemon.main import main\n"
            "if __name__ == '__main__':\n"
            "    os.environ['LISTEN_PID'] = str(os.getpid())\n"
            f"    os.dup2({udp.fileno()}, 50); os.dup2({tcp.fileno()}, 51); os.dup2(50, 3); os.dup2(51, 4)\n"
            "    sys.exit(main(sys.argv[1:]))\n"
        )
        script = tmp_path / "handed.py"
        script.write_text(code)
        daemon = Handed([sys.executable, str(script), "--repo", str(repo)], (udp.fileno(), tcp.fileno()))
        try:
            daemon.logged("]: listening ")
            assert daemon.port() == port
            assert rcode(ask(port, WWW)) == 0
            assert rcode(ask_tcp(port, query(WWW))[0]) == 0
        finally:
            assert daemon.stop() == 0


class Handed(Daemon):
    def __init__(self, command: list[str], descriptors: tuple[int, ...]) -> None:
        self._begin(command, pass_fds=descriptors, env=environment(LISTEN_FDS="2"))


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--repo", "{tmp}/none"], 1, "zonegit init"),
        (["--repo", "{repo}", "--listen", "nonsense"], 2, "--listen"),
        (["--bogus"], 2, "--bogus"),
        (["--repo", "{repo}", "--at", "nosuch"], 2, "nosuch"),
        (["--repo", "{repo}", "--listen", "192.0.2.77:5300"], 2, "can't listen on 192.0.2.77:5300"),
        (
            ["--repo", "{repo}", "--replicate-listen", "0.0.0.0:0", "--keys", "{tmp}"],
            2,
            "allow_plaintext",
        ),
        (
            [
                "--repo",
                "{tmp}/new",
                "--primary",
                "http://127.0.0.1:9",
                "--primary-name",
                "up",
                "--key",
                "k",
                "--keys",
                "{tmp}",
            ],
            7,
            "there is no key 'k'",
        ),
        (
            ["--repo", "{repo}", "--replicate-listen", "127.0.0.1:0", "--keys", "{tmp}/nokeys"],
            7,
            "nokeys",
        ),
    ],
)
def test_refusals_are_one_line(repo, tmp_path, arguments, code, says):
    filled = [argument.format(tmp=tmp_path, repo=repo) for argument in arguments]
    done = subprocess.run(
        [sys.executable, "-m", "zonegit.daemon.main", *filled], capture_output=True, text=True, timeout=30
    )
    assert done.returncode == code
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_version_and_help():
    for flag in ("--version", "--help"):
        done = subprocess.run([sys.executable, "-m", "zonegit.daemon.main", flag], capture_output=True, text=True)
        assert done.returncode == 0
        assert "zonegitd" in done.stdout
