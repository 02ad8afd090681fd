"""`dnssec import-key` and `export-key`: move the private keys of a zone here, and away again."""

from __future__ import annotations

import os
import time
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from zonegit.cli import dnssec_text, location, options
from zonegit.cli.verbs import Verb
from zonegit.errors import AlreadyThere, DnssecError, NotFound, Refused, UsageError
from zonegit.model.names import to_text
from zonegit.model.rdata import DNSKEY

if TYPE_CHECKING:
    from zonegit.cli.output import Output
    from zonegit.repo import Repository
    from zonegit.repo.dnssec.key_directory import ZoneKeys
    from zonegit.repo.dnssec.moved_keys import KeyFile

_LARGEST: Final = 64 << 10
_KSK: Final = 257
_TOKEN: Final = b"pkcs11:"
"""How a file begins that says where a token has the key (RFC 7512)."""
_ROLES: Final = ("csk", "ksk", "zsk")
_NAMED: Final = "--csk, --ksk or --zsk"
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class _Found(NamedTuple):
    """The files of a key."""

    path: Path
    private: bytes
    public: bytes | None
    role: str | None
    """As the command line says; None: as its `.key` file says."""


def key_directory(args: Namespace) -> Path:
    """The directory of the private keys of all zones, as the repository's configuration says. `ConfigError`."""
    from zonegit.dnssec.policy import KEYS
    from zonegit.ops.config_file import read_file
    from zonegit.ops.own_config import file_for

    file = file_for(location.existing(args), Path(location.SERVICE_CONFIG))
    named = read_file(file).top.get("dnssec_keys") if file is not None else None
    return Path(named) if named is not None else KEYS


def keys_of(args: Namespace, zone: str) -> ZoneKeys:
    from zonegit.repo.dnssec.key_directory import KeyDirectory

    return KeyDirectory(key_directory(args)).zone(zone)


# -- import -----------------------------------------------------------------------------------------------------


def _import(args: Namespace, out: Output) -> int:
    from zonegit.repo.dnssec.moved_keys import import_keys

    found = _read_all(args)  # before root becomes the repository's owner
    with options.open_repository(args, out, reads=True) as repo:
        zone = repo.position(args.zone or _zone_in(found)).zone
        others = _dnskeys(repo, zone)
    keys = import_keys(keys_of(args, zone), _with_roles(found), int(time.time()), others)
    out.made("but the keys were imported")
    if args.json:
        out.json([dnssec_text.key_shape(zone, key) for key in keys])
    else:
        for key in keys:
            out.line(f"imported {dnssec_text.key_text(key)} of {zone}")
    out.note(
        f"zonegitd signs {zone} with them once its configuration has a table for it: `zonegit dnssec enable {zone}`"
    )
    return 0


def _read_all(args: Namespace) -> list[_Found]:
    named = [(path, role) for role in _ROLES for path in vars(args)[role] or ()]
    found = [_read(path, role) for path, role in [*((path, None) for path in args.files), *named]]
    if not found:
        raise UsageError("no key file was named: name BIND's K*.private, or PEM with --csk, --ksk or --zsk")
    return found


def _read(path: Path, role: str | None) -> _Found:
    """The files of a key; either of BIND's two names both."""
    if path.suffix == ".key":
        path = path.with_suffix(".private")
    private = _content(path)
    if b"-----BEGIN" in private or private.startswith(_TOKEN):
        if role is None:
            raise UsageError(f"{path} doesn't say what the key is for: name it with {_NAMED}")
        return _Found(path, private, None, role)
    public = path.with_suffix(".key")
    if path.suffix == ".private" and public.exists():
        return _Found(path, private, _content(public), role)
    if role is None:
        raise Refused(f"{path} has no .key file beside it, which says what the key is for: name it with {_NAMED}")
    return _Found(path, private, None, role)


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
    except FileNotFoundError:
        raise NotFound(f"{path} does not exist") from None
    except OSError as error:
        raise Refused(f"{path} can't be read: {error.strerror}") from None
    if len(data) > _LARGEST:
        raise Refused(f"{path} is too large for a key")
    return data


def _public(found: _Found) -> tuple[str, int]:
    """Zone and flags in a `.key` file."""
    from zonegit.dnssec.bind_key_files import read_public

    try:
        said = read_public(found.public or b"")
    except DnssecError as error:
        raise DnssecError(f"{found.path.with_suffix('.key')} can't be read: {error}") from None
    return to_text(said.zone), int.from_bytes(said.dnskey[:2], "big")


def _zone_in(found: list[_Found]) -> str | None:
    """The zone that the files name."""
    zones = {_public(each)[0] for each in found if each.public is not None}
    if len(zones) > 1:
        raise UsageError(f"these are keys of several zones ({', '.join(sorted(zones))}): import them one by one")
    return next(iter(zones), None)


def _with_roles(found: list[_Found]) -> list[KeyFile]:
    """What each key is for: as was said, or by its flags. With SEP, a key is a KSK if there are others than it."""
    from zonegit.dnssec.rollover.values import Role
    from zonegit.repo.dnssec.moved_keys import KeyFile

    flags = [_public(each)[1] if each.public is not None else None for each in found]
    alone = Role.CSK if set(flags) == {_KSK} else Role.KSK
    return [
        KeyFile(
            str(each.path),
            each.private,
            each.public,
            Role(each.role) if each.role is not None else alone if own == _KSK else Role.ZSK,
        )
        for each, own in zip(found, flags, strict=True)
    ]


def _dnskeys(repo: Repository, zone: str) -> list[bytes]:
    """The RDATA of the DNSKEY records that the zone itself has."""
    try:
        return list(repo.rrset("@", DNSKEY, zone=zone).rdatas)
    except NotFound:
        return []


# -- export -----------------------------------------------------------------------------------------------------


def _export(args: Namespace, out: Output) -> int:
    from zonegit.cli.child import in_child

    if os.geteuid():
        pairs = _pairs(args, out)
    else:  # the files are written as root, and the keys are read as their owner
        import json

        pairs = json.loads(in_child(lambda: json.dumps(_pairs(args, out))))
    for name, private, public in pairs:
        _write(args.dir / f"{name}.private", private, 0o600)
        _write(args.dir / f"{name}.key", public, 0o644)
        out.made(f"but {name}.private was written")
        out.line(str(args.dir / f"{name}.private"))
    out.note("whoever has these files can sign as the zone: keep them as you keep the key directory")
    return 0


def _pairs(args: Namespace, out: Output) -> list[tuple[str, str, str]]:
    """Name, `.private` and `.key` of each key that is meant."""
    from zonegit.dnssec.bind_key_files import KeyTimes
    from zonegit.dnssec.private_key import tag_of
    from zonegit.dnssec.rollover.state import from_json

    with options.open_repository(args, out) as repo:
        zone = repo.position(args.zone).zone
    keys = keys_of(args, zone)
    data = keys.read_state()
    held = [each.key for each in from_json(data).keys] if data is not None else []
    wanted = [key for key in held if args.tag in (None, tag_of(key.dnskey))]
    if not wanted:
        which = f"no key {args.tag}" if held else "no keys"
        raise NotFound(f"{zone} has {which} in {keys.path}")
    pairs = (keys.export(key.dnskey, KeyTimes(key.created, key.created, key.created)) for key in wanted)
    return [(pair.name, pair.private, pair.public) for pair in pairs]


def _write(path: Path, text: str, mode: int) -> None:
    try:
        with os.fdopen(os.open(path, _NEW, mode), "w") as file:
            file.write(text)
    except FileExistsError:
        raise AlreadyThere(f"{path} exists already: nothing was written to it") from None
    except OSError as error:
        raise Refused(f"{path} can't be written: {error.strerror}") from None


# -- declarations -----------------------------------------------------------------------------------------------


def _import_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "files", metavar="FILE", nargs="*", type=Path, help="BIND's K*.private, with its K*.key beside it"
    )
    for role in _ROLES:
        parser.add_argument(
            f"--{role}",
            metavar="FILE",
            action="append",
            type=Path,
            help=f"import this file as a {role.upper()}; may be repeated",
        )
    options.json_option(parser)


def _tag(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and int(text[:9]) < 1 << 16):
        raise ArgumentTypeError(f"{text[:40]!r} is not a key tag from 0 to 65535; name a zone with --zone")
    return int(text)


def _export_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "tag", metavar="TAG", nargs="?", type=_tag, help="a key tag (default: all keys of the zone)"
    )
    parser.add_argument(
        "--dir", metavar="DIR", type=Path, default=Path(), help="where to write the files (default: here)"
    )


_IMPORT_DETAILS: Final = """\
Import all keys that sign the zone now together: one CSK, or a KSK and a ZSK. Then resolvers see no change when the
zone moves here; docs/dnssec.md has the steps for BIND and for Knot DNS, whose keys are PEM. A key that the zone has
lost here is imported again the same way. Needs the rights of zonegitd's user."""
_EXPORT_DETAILS: Final = """\
Writes Kzone.+013+12345.private and .key for each key, as BIND has them, and overwrites nothing. Needs the rights of
zonegitd's user."""

VERBS: Final = {
    "dnssec import-key": Verb(_import_arguments, _import, _IMPORT_DETAILS),
    "dnssec export-key": Verb(_export_arguments, _export, _EXPORT_DETAILS),
}
