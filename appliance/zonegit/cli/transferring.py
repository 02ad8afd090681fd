"""`import --axfr`: the zone comes from a server that serves it, instead of from a file."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from zonegit.cli import location
from zonegit.errors import ConfigError, StoreError, TransferError, TransferInterrupted, UsageError
from zonegit.model.names import parse_apex

if TYPE_CHECKING:
    from collections.abc import Callable

    from zonegit.dns.access.tsig import TsigKey
    from zonegit.dns.incoming.bounds import Bounds
    from zonegit.model.names import WireName
    from zonegit.ops.address import Address
    from zonegit.ops.primaries import Primary
    from zonegit.repo.incoming.values import WholeZone
    from zonegit.zonefile.reader import ParsedZone

_LAST_PORT: Final = 65535


def transfer_options(parser: ArgumentParser) -> None:
    """The options that say where a zone is transferred from."""
    parser.add_argument(
        "--axfr",
        metavar="SERVER",
        help="transfer the zone from this server by AXFR: 192.0.2.1, [2001:db8::1]:53 or ns1.example.org:53",
    )
    parser.add_argument(
        "--key",
        metavar="KEYFILE",
        type=Path,
        help="with --axfr: the TSIG key, a file NAME.tsig; every message is verified",
    )
    parser.add_argument("--tls", action="store_true", help="with --axfr: transfer over TLS (port 853)")
    parser.add_argument(
        "--tls-name", metavar="NAME", help="with --axfr: over TLS, and the server's certificate must have this name"
    )


def check_options(args: Namespace) -> None:
    """`UsageError` for options without the one that they belong to."""
    if args.axfr is not None:
        return
    given = {"--key": args.key, "--tls": args.tls, "--tls-name": args.tls_name}
    for option, value in given.items():
        if value:
            raise UsageError(f"{option} is about a transfer: name the server with --axfr")


def transferred(args: Namespace, progress: Callable[[int], None]) -> tuple[ParsedZone, str]:
    """The zone that the server sends, and the server's address. `TransferError` and its kinds; `UsageError`."""
    from zonegit.zonefile.canonical_entries import CanonicalEntries
    from zonegit.zonefile.reader import ParsedZone

    key = None if args.key is None else _key(args.key)
    apex = parse_apex(args.file)
    try:
        whole, server = _whole(_primaries(args, key), key, apex, _bounds(args), progress)
    except TransferError as error:
        raise type(error)(f"{args.axfr}: {error}") from None
    entries = CanonicalEntries(whole.entries)
    parsed = ParsedZone(whole.apex, whole.serial, entries, whole.records, list(whole.findings))
    return parsed, server


def _key(path: Path) -> TsigKey:
    from zonegit.auth.tsigfile import SUFFIX, read_tsig

    if path.suffix != SUFFIX:
        raise UsageError(f"{path}: a TSIG key is in a file NAME{SUFFIX}; `zonegit tsig new` writes one")
    return read_tsig(path)


def _bounds(args: Namespace) -> Bounds:
    from zonegit.ops.incoming_limits import configured

    try:
        repo = location.existing(args)
    except StoreError:  # opening the repository says that better
        repo = Path()
    return configured(repo, Path(location.SERVICE_CONFIG))


def _primaries(args: Namespace, key: TsigKey | None) -> list[Primary]:
    """The addresses of the server, in the order in which they are tried."""
    from zonegit.ops.primaries import Primary

    tls = args.tls or args.tls_name is not None
    name = None if key is None else key.name
    addresses = _addresses(args.axfr, 853 if tls else 53)
    return [Primary(address, name, tls, args.tls_name) for address in addresses]


def _addresses(server: str, port: int) -> list[Address]:
    import socket

    from zonegit.ops.address import Address

    try:
        return [Address.with_port(server, port)]
    except ConfigError:
        host, colon, number = server.rpartition(":")
        if colon and not (number.isdecimal() and 0 < int(number[:6]) <= _LAST_PORT):
            raise UsageError(
                f"{server[:80]!r} is not a server: write ADDRESS, NAME, or one of them with :PORT"
            ) from None
    host, port = (host, int(number)) if colon else (server, port)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise TransferInterrupted(f"the server's address can't be looked up: {reason}") from None
    return [Address(str(each[4][0]), port) for each in found]


def _whole(
    primaries: list[Primary], key: TsigKey | None, apex: WireName, bounds: Bounds, progress: Callable[[int], None]
) -> tuple[WholeZone, str]:
    """The zone, and the address that it came from: the first one that can be reached."""
    import asyncio

    from zonegit.net.dns.transfer_client import TransferClient
    from zonegit.repo.incoming.values import WholeZone

    found: list[WholeZone] = []

    async def run(primary: Primary) -> None:
        async with TransferClient(primary, key, bounds) as client:
            done = await client.transfer(apex, progress=progress)
        if not isinstance(done, WholeZone):
            raise TransferError("the answer to AXFR isn't a whole zone")
        found.append(done)  # not as the result: `asyncio.run` makes a text of that, twice

    *others, last = primaries
    for primary in others:
        try:
            asyncio.run(run(primary))
        except TransferInterrupted:
            continue
        return found[0], primary.address.host
    asyncio.run(run(last))
    return found[0], last.address.host
