"""DNS over TLS of a running daemon, as kdig and OpenSSL see it, and certificates that change under it."""

import signal
import socket
import ssl
import subprocess

import pytest

from daemonkit import DEADLINE, Daemon, query, rcode, read_message, until
from tlskit import Authority

WWW = "www.example.org"


@pytest.fixture
def authority(tmp_path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def daemon(repo, start, authority, tmp_path, needs_ipv6) -> Daemon:
    files = authority.issue("server")
    config = tmp_path / "zonegitd.toml"
    config.write_text(
        f"""[dns]
workers = 2
tls_listen = ["127.0.0.1:0", "[::1]:0"]
tls_cert = "{files.cert}"
tls_key = "{files.key}"
"""
    )
    return start(repo, "--config", config)


def ports(daemon: Daemon) -> list[int]:
    """Of IPv4 and of IPv6."""
    line = daemon.logged("]: listening ")
    return [int(place.rpartition(":")[2]) for place in line.split(" tls=")[1].split()[0].split(",")]


def secured(authority: Authority, port: int, host: str = "127.0.0.1") -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=str(authority.cert))
    return context.wrap_socket(socket.create_connection((host, port), timeout=20), server_hostname="127.0.0.1")


def answers(sock: ssl.SSLSocket) -> bool:
    packet = query(WWW)
    sock.sendall(len(packet).to_bytes(2, "big") + packet)
    return rcode(read_message(sock)) == 0


def test_kdig(daemon, authority, needs_program):
    kdig = needs_program("kdig")
    for host, port in zip(("127.0.0.1", "::1"), ports(daemon), strict=True):
        trust = [f"+tls-ca={authority.cert}", "+tls-hostname=127.0.0.1"] if host == "127.0.0.1" else ["+tls"]
        done = subprocess.run(
            [kdig, f"@{host}", "-p", str(port), *trust, "+padding", "+keepopen", "+norec", WWW, "A", WWW, "SOA"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert ";; TLS session (TLS1.3)" in done.stdout
        assert "192.0.2.10" in done.stdout
        assert done.stdout.count("PADDING") == 2, done.stdout
        assert done.stdout.count("Received 468 B") == 2, done.stdout


def test_openssl(daemon, authority, needs_program):
    openssl = needs_program("openssl")
    packet = query(WWW)
    for version in ("-tls1_2", "-tls1_3"):
        arguments = ["-connect", f"127.0.0.1:{ports(daemon)[0]}", version, "-alpn", "dot", "-quiet"]
        with subprocess.Popen(
            [openssl, "s_client", *arguments, "-CAfile", authority.cert, "-verify_return_error"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        ) as process:  # fmt: skip
            assert process.stdin is not None and process.stdout is not None
            process.stdin.write(len(packet).to_bytes(2, "big") + packet)
            process.stdin.flush()
            size = int.from_bytes(process.stdout.read(2), "big")
            assert bytes((192, 0, 2, 10)) in process.stdout.read(size)
            process.terminate()


def test_a_renewed_certificate_is_taken_up_and_a_bad_one_refused(daemon, authority):
    port = ports(daemon)[0]
    with secured(authority, port) as old:
        first = old.getpeercert()
        key = (authority.cert.parent / "server.key.pem").read_bytes()
        (authority.cert.parent / "server.key.pem").write_text("no key")
        daemon.signal(signal.SIGHUP)
        daemon.logged("no certificate with its key")
        with secured(authority, port) as sock:
            assert sock.getpeercert() == first
        (authority.cert.parent / "server.key.pem").write_bytes(key)
        authority.issue("server")
        daemon.signal(signal.SIGHUP)

        def renewed() -> bool:
            found = []
            for _ in range(6):  # both workers
                with secured(authority, port) as sock:
                    found.append(sock.getpeercert() != first)
            return all(found)

        until(renewed, "the new certificate")
        assert answers(old), "connections outlive a reload"


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ('tls_listen = "127.0.0.1:0"', "[dns] has 'tls_listen' but no 'tls_cert'"),
        ('tls_cert = "c.pem"', "[dns] has only one of 'tls_cert' and 'tls_key'"),
        ('tls_cert = "server.pem"\ntls_key = "server.key.pem"', "[dns] has 'tls_cert' but no 'tls_listen'"),
        ('tls_listen = "127.0.0.1:0"\ntls_cert = "c.pem"\ntls_key = "none.pem"', "none.pem: can't be read"),
    ],
)
def test_what_it_does_not_start_with(repo, authority, tmp_path, lines, says, monkeypatch):
    authority.issue("server")
    monkeypatch.chdir(tmp_path)
    config = tmp_path / "zonegitd.toml"
    config.write_text(f"[dns]\n{lines}\n")
    daemon = Daemon("--repo", repo, "--listen", "127.0.0.1:0", "--config", config)
    daemon.logged(says)
    assert daemon.process.wait(DEADLINE) != 0
    daemon.stop()
