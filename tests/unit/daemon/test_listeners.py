"""The daemon's sockets: one port for UDP and TCP, one pair per worker, all or none."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from zonegit.daemon.listeners import open_listeners
from zonegit.errors import ConfigError
from zonegit.ops.address import Address
from zonegit.ops.config import Config, DnsConfig, MetricsConfig, ReplicationConfig


@pytest.fixture
def opened():
    made = []

    def opened(config: Config):
        made.append(open_listeners(config, {}))
        return made[-1]

    yield opened
    for each in made:
        each.close()


def config(*hosts: str, workers: int = 1, port: int = 0, **more) -> Config:
    listen = tuple(Address(host, port) for host in hosts)
    return Config(repo=Path("r"), dns=DnsConfig(listen=listen, workers=workers), **more)


def test_udp_and_tcp_of_all_workers_share_one_port(opened):
    listeners = opened(config("127.0.0.1", workers=3))
    ports = {sock.getsockname()[1] for each in listeners.workers for sock in (*each.udp, *each.tcp)}
    assert len(ports) == 1
    assert listeners.config.dns.listen == (Address("127.0.0.1", ports.pop()),)
    assert not listeners.inherited


def test_both_families(opened, needs_ipv6):
    listeners = opened(config("127.0.0.1", "::1"))
    assert [sock.family for sock in listeners.workers[0].udp] == [socket.AF_INET, socket.AF_INET6]


def test_http_listeners_have_their_real_ports(opened):
    listeners = opened(
        config(
            "127.0.0.1",
            metrics=MetricsConfig(Address("127.0.0.1", 0)),
            replication=ReplicationConfig(Address("127.0.0.1", 0), "primary"),
        )
    )
    bound = listeners.config
    assert bound.metrics is not None and bound.replication is not None
    assert listeners.http["metrics"].getsockname()[1] == bound.metrics.listen.port > 0
    with socket.create_connection(("127.0.0.1", bound.replication.listen.port)):
        pass


def test_a_workers_sockets_can_be_made_again(opened):
    listeners = opened(config("127.0.0.1", workers=2))
    port = listeners.config.dns.listen[0].port
    listeners.workers[1].close()
    listeners.reopen(1)
    assert listeners.workers[1].udp[0].getsockname()[1] == port


def test_an_address_in_use_is_refused_and_nothing_stays_open(opened):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=rf"can't listen on 127.0.0.1:{port} \(tcp\)"):
            opened(config("127.0.0.1", port=port))
        before = len(list(Path("/proc/self/fd").iterdir()))
        with pytest.raises(ConfigError):
            opened(config("127.0.0.1", metrics=MetricsConfig(Address("127.0.0.1", port))))
        assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_an_address_that_another_daemon_answers_at_is_refused(opened):
    """The kernel would let both have it, and spread the clients over them."""
    first = opened(config("127.0.0.1"))
    (taken,) = first.config.dns.listen
    for host in ("127.0.0.1", "0.0.0.0"):
        with pytest.raises(ConfigError, match=rf"can't listen on {host}:{taken.port} \(tcp\): Address already"):
            opened(config(host, port=taken.port))
    first.workers[0].tcp[0].close()
    with pytest.raises(ConfigError, match=r"\(udp\): Address already"):
        opened(config("127.0.0.1", port=taken.port))
    with_tls = Config(repo=Path("r"), dns=DnsConfig(listen=(Address("127.0.0.1", 0),), tls_listen=(taken,)))
    opened(with_tls)
    with pytest.raises(ConfigError, match=rf":{taken.port} \(tcp\): Address already"):
        opened(with_tls)


def test_handed_sockets(tmp_path):
    """In a process of its own, whose descriptors 3 to 6 are sockets."""
    script = (
        "import os, socket, sys\n"
        "from pathlib import Path\n"
        "udp = socket.socket(type=socket.SOCK_DGRAM); udp.bind(('127.0.0.1', 0))\n"
        "tcp = socket.create_server(udp.getsockname())\n"
        "web = socket.create_server(('127.0.0.1', 0))\n"
        "tls = socket.create_server(('127.0.0.1', 0))\n"
        "for number, sock in enumerate((udp, tcp, web, tls), 40): os.dup2(sock.fileno(), number)\n"
        "for number in range(4): os.dup2(40 + number, 3 + number)\n"
        "from zonegit.daemon.listeners import open_listeners\n"
        "from zonegit.ops.config import *\n"
        "env = {'LISTEN_PID': str(os.getpid()), 'LISTEN_FDS': '4', 'LISTEN_FDNAMES': 'dns:dns:metrics:dns-tls'}\n"
        "dns = DnsConfig(workers=2, tls_cert=Path('c'), tls_key=Path('k'))\n"
        "config = Config(Path('r'), dns=dns, metrics=MetricsConfig(Address('127.0.0.1', 1)))\n"
        "found = open_listeners(config, env)\n"
        "assert found.inherited and len(found.workers) == 2\n"
        "assert found.workers[0].udp[0].fileno() == 3 and found.workers[1].tcp[0].fileno() == 4\n"
        "assert found.http['metrics'].fileno() == 5 and found.config.metrics.listen.port > 1\n"
        "assert len(found.config.dns.listen) == 1 and not os.get_inheritable(3)\n"
        "assert found.workers[1].tls[0].fileno() == 6\n"
        "assert found.config.dns.tls_listen == (Address(*tls.getsockname()),)\n"
        "os._exit(0)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=30)


def test_sockets_of_another_process_are_not_ours():
    listeners = open_listeners(config("127.0.0.1"), {"LISTEN_PID": str(os.getpid() + 1), "LISTEN_FDS": "1"})
    assert not listeners.inherited
    listeners.close()


def test_tls_has_sockets_of_its_own(opened, needs_ipv6):
    tls = (Address("127.0.0.1", 0), Address("::1", 0))
    listen = (Address("127.0.0.1", 0),)
    listeners = opened(Config(repo=Path("r"), dns=DnsConfig(listen=listen, workers=2, tls_listen=tls)))
    bound = [[Address(*sock.getsockname()[:2]) for sock in each.tls] for each in listeners.workers]
    assert bound[0] == bound[1] == list(listeners.config.dns.tls_listen)
    assert [address.host for address in bound[0]] == ["127.0.0.1", "::1"]
    assert all(address.port for address in bound[0])
    listeners.workers[1].close()
    listeners.reopen(1)
    assert [Address(*sock.getsockname()[:2]) for sock in listeners.workers[1].tls] == bound[0]
