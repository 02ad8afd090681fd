"""The daemon's sockets: made by the supervisor, or handed to it by a service manager (sd_listen_fds(3)).

Every DNS worker gets its own sockets on one port (SO_REUSEPORT), so the kernel spreads clients over them. The
supervisor keeps them open while a worker is restarted, so queries that arrive meanwhile wait and aren't lost.
Sockets from a service manager are shared by all workers; they are recognized by type, and by the names `metrics`,
`replication` and `dns-tls`.
"""

import os
import socket
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Final

from zonegit.errors import ConfigError
from zonegit.net.acceptor import BACKLOG
from zonegit.ops.address import Address
from zonegit.ops.config import Config

_FIRST_FD: Final = 3
_TRIES: Final = 16


@dataclass(slots=True)
class DnsSockets:
    """The sockets of one DNS worker."""

    udp: list[socket.socket] = field(default_factory=list)
    tcp: list[socket.socket] = field(default_factory=list)
    tls: list[socket.socket] = field(default_factory=list)

    def close(self) -> None:
        for sock in (*self.udp, *self.tcp, *self.tls):
            sock.close()


@dataclass(slots=True)
class Listeners:
    """All sockets of a daemon."""

    config: Config
    """With the addresses that were actually bound."""
    workers: list[DnsSockets]
    http: dict[str, socket.socket]
    """By `metrics` and `replication`."""
    inherited: bool
    """Whether the DNS sockets came from a service manager, and so are shared by all workers."""

    def reopen(self, worker: int) -> None:
        """Reopen a worker's sockets after they were closed."""
        self.workers[worker] = _dns_sockets(self.config.dns.listen, self.config.dns.tls_listen)

    def close(self) -> None:
        for sockets in self.workers:
            sockets.close()
        for sock in self.http.values():
            sock.close()


def open_listeners(config: Config, environ: Mapping[str, str] = os.environ) -> Listeners:
    """Bind every address of the configuration, or none: `ConfigError` says which and why."""
    handed, handed_http = _handed(environ)
    with ExitStack() as undo:
        http = dict(handed_http)
        for name, section in (("metrics", config.metrics), ("replication", config.replication)):
            if section is not None and name not in http:
                http[name] = _stream(section.listen, reuse_port=False)
                undo.callback(http[name].close)
        _check_tls(config, handed)
        if handed.udp or handed.tcp:
            if not handed.tls:
                _listen_for_tls(handed, config.dns.tls_listen, reuse_port=False)
            workers = [handed] * config.dns.workers
            listen = tuple(dict.fromkeys(_bound(sock) for sock in (*handed.udp, *handed.tcp)))
        else:
            _check_free(config)
            first = _dns_sockets(config.dns.listen, config.dns.tls_listen)
            undo.callback(first.close)
            listen = tuple(_bound(sock) for sock in first.tcp)
            workers = [first]
            for _ in range(1, config.dns.workers):
                workers.append(_dns_sockets(listen, tuple(_bound(sock) for sock in first.tls)))
                undo.callback(workers[-1].close)
        undo.pop_all()
    tls = tuple(_bound(sock) for sock in workers[0].tls)
    return Listeners(_as_bound(config, listen, tls, http), workers, http, bool(handed.udp or handed.tcp))


def _check_free(config: Config) -> None:
    """Refuse addresses that another daemon of this user answers on: the kernel would split the clients."""
    for address in config.dns.listen:
        _bind(address, socket.SOCK_STREAM, reuse_port=False).close()
        _bind(address, socket.SOCK_DGRAM, reuse_port=False).close()
    for address in config.dns.tls_listen:
        _bind(address, socket.SOCK_STREAM, reuse_port=False).close()


def _dns_sockets(addresses: tuple[Address, ...], tls: tuple[Address, ...]) -> DnsSockets:
    """UDP and TCP on each address, on one port, and sockets for TLS."""
    sockets = DnsSockets()
    try:
        for address in addresses:
            stream, datagram = _pair(address)
            sockets.tcp.append(stream)
            sockets.udp.append(datagram)
        _listen_for_tls(sockets, tls, reuse_port=True)
    except ConfigError:
        sockets.close()
        raise
    return sockets


def _check_tls(config: Config, handed: DnsSockets) -> None:
    certificate, there = config.dns.tls_cert, handed.tls or config.dns.tls_listen
    if handed.tls and certificate is None:
        raise ConfigError("the service manager handed over sockets for TLS, but [dns] has no 'tls_cert'")
    if handed.tls and not (handed.udp or handed.tcp):
        raise ConfigError("the service manager handed over sockets for TLS, but none for UDP and TCP")
    if certificate is not None and not there:
        raise ConfigError("[dns] has 'tls_cert' but no 'tls_listen', and no sockets for TLS were handed over")


def _listen_for_tls(sockets: DnsSockets, addresses: tuple[Address, ...], *, reuse_port: bool) -> None:
    for address in addresses:
        sockets.tls.append(_stream(address, reuse_port=reuse_port))


def _pair(address: Address) -> tuple[socket.socket, socket.socket]:
    """TCP and UDP sockets on the same port; for port 0, tries until one is free for both."""
    for last in (*[False] * (_TRIES - 1 if not address.port else 0), True):
        stream = _stream(address, reuse_port=True)
        try:
            return stream, _bind(_bound(stream), socket.SOCK_DGRAM, reuse_port=True)
        except ConfigError:
            stream.close()
            if last:
                raise
    raise ConfigError(f"can't listen on {address}: no port is free for both UDP and TCP")


def _stream(address: Address, *, reuse_port: bool) -> socket.socket:
    sock = _bind(address, socket.SOCK_STREAM, reuse_port=reuse_port)
    sock.listen(BACKLOG)
    return sock


def _bind(address: Address, kind: socket.SocketKind, *, reuse_port: bool) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if address.is_ipv6 else socket.AF_INET, kind)
    try:
        if kind is socket.SOCK_STREAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if reuse_port:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if address.is_ipv6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((address.host, address.port))
    except OSError as error:
        sock.close()
        protocol = "udp" if kind is socket.SOCK_DGRAM else "tcp"
        raise ConfigError(f"can't listen on {address} ({protocol}): {error.strerror}") from None
    return sock


def _bound(sock: socket.socket) -> Address:
    host, port = sock.getsockname()[:2]
    return Address(host, port)


def _as_bound(
    config: Config, listen: tuple[Address, ...], tls: tuple[Address, ...], http: Mapping[str, socket.socket]
) -> Config:
    """The configuration with the ports that the kernel chose."""
    metrics, replication = config.metrics, config.replication
    if metrics is not None:
        metrics = metrics._replace(listen=_bound(http["metrics"]))
    if replication is not None:
        replication = replication._replace(listen=_bound(http["replication"]))
    dns = config.dns._replace(listen=listen, tls_listen=tls)
    return replace(config, dns=dns, metrics=metrics, replication=replication)


def _handed(environ: Mapping[str, str]) -> tuple[DnsSockets, dict[str, socket.socket]]:
    """Sockets from the service manager, if it started this very process with some."""
    dns = DnsSockets()
    http: dict[str, socket.socket] = {}
    count = environ.get("LISTEN_FDS", "")
    if environ.get("LISTEN_PID") != str(os.getpid()) or not count.isdecimal():
        return dns, http
    names = environ.get("LISTEN_FDNAMES", "").split(":")
    for number in range(int(count)):
        sock = socket.socket(fileno=_FIRST_FD + number)
        os.set_inheritable(sock.fileno(), False)
        name = names[number] if number < len(names) else ""
        if name in ("metrics", "replication"):
            http[name] = sock
        elif name == "dns-tls":
            dns.tls.append(sock)
        else:
            (dns.udp if sock.type == socket.SOCK_DGRAM else dns.tcp).append(sock)
    return dns, http
