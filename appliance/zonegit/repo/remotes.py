"""The remotes of a repository: peers it fetches from, kept in its settings. No secret is among them.

A remote goes by the name that its peer answers to (the `aud` of each request), which is the peer's name in
`refs/remotes/<peer>/` too. Of its key only the id and the directory that holds the file are kept.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from zonegit.errors import Conflict, InvalidData, NotFound, UsageError
from zonegit.model.commit import Stamp
from zonegit.model.refs import RefKind, check_label, parse
from zonegit.repo.writing import mirror_setting
from zonegit.store.port import Reader, RefUpdate, Writer

_SETTING: Final = "remotes"
_FILES: Final = ("ca", "client_cert", "client_key")


@dataclass(frozen=True, slots=True)
class Remote:
    """How to reach a peer."""

    name: str
    url: str
    keys: Path
    """The directory with the files of the keys that requests are signed with."""
    key: str = ""
    """The id of the only one to sign with; empty: the newest valid one in state `sign`."""
    ca: Path | None = None
    """CAs that the peer's certificate may be of, in place of the system's."""
    client_cert: Path | None = None
    client_key: Path | None = None
    allow_plaintext: bool = False
    """Whether the URL may be `http://` beyond loopback."""


def check_remote(remote: Remote) -> Remote:
    """Refuse what can't be kept: a name that no ref can hold, a URL with a secret in it. `UsageError`."""
    try:
        check_label(remote.name, "remote")
        parts = urlsplit(remote.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError
    except InvalidData as error:
        raise UsageError(str(error)) from None
    except ValueError:
        raise UsageError(f"{remote.url[:120]!r} is not a peer's URL: write https://192.0.2.1:9354") from None
    if (remote.client_cert is None) != (remote.client_key is None):
        raise UsageError("a client certificate needs its key, and the key a certificate")
    if parts.username is not None or parts.password is not None:
        raise UsageError("a peer's URL holds no user and no password: requests are signed with a key file")
    return remote


def remotes(reader: Reader) -> dict[str, Remote]:
    """All remotes by their names, in the names' order."""
    value = reader.setting(_SETTING)
    table: dict[str, dict[str, str]] = json.loads(value) if value else {}
    return {name: _remote(name, table[name]) for name in sorted(table)}


def remote_named(reader: Reader, name: str | None) -> Remote:
    """One remote; the only one for None. `NotFound`, `UsageError` when it isn't clear which is meant."""
    known = remotes(reader)
    if name is not None and name in known:
        return known[name]
    if name is not None or not known:
        what = f"no remote {name[:80]!r}" if name is not None else "no remote"
        raise NotFound(f"{what} here; see `zonegit remote list`, or make it: `zonegit remote add NAME URL`")
    if len(known) > 1:
        raise UsageError(f"which remote? There are {', '.join(known)}")
    return next(iter(known.values()))


def add_remote(writer: Writer, remote: Remote) -> None:
    """Keep a remote; the same one again changes nothing. `Conflict` if another one goes by its name."""
    known = remotes(writer)
    before = known.get(remote.name)
    if before not in (None, remote):
        raise Conflict(
            f"there is a remote {remote.name} already; remove it first: `zonegit remote remove {remote.name}`"
        )
    _keep(writer, {**known, remote.name: check_remote(remote)})


def remove_remote(writer: Writer, name: str, who: Stamp) -> list[str]:
    """Forget a remote and what it was seen to have. Returns the zones that were mirrored from it.

    Their branches stay, and are this repository's own from now on. So can a daemon's primary be forgotten, which
    stands in its configuration and not in this table. `NotFound` if nothing is known of the name.
    """
    known = remotes(writer)
    mirrored = mirrored_from(writer, name)
    if name not in known and not mirrored:
        raise NotFound(f"no remote {name[:80]!r} here; see `zonegit remote list`")
    tracked = list(writer.refs(f"refs/{RefKind.REMOTE}/{name}/"))
    writer.move_refs([RefUpdate(ref, oid, None) for ref, oid in tracked], who, f"remote: {name} removed")
    for zone in mirrored:
        writer.set_setting(mirror_setting(zone), None)
    known.pop(name, None)
    _keep(writer, known)
    return mirrored


def mirrored_from(reader: Reader, name: str) -> list[str]:
    """The zones that are mirrored from a peer."""
    zones = sorted({parse(ref).zone for ref, _ in reader.refs(f"refs/{RefKind.HEAD}/")})
    return [zone for zone in zones if reader.setting(mirror_setting(zone)) == name.encode()]


def _keep(writer: Writer, known: dict[str, Remote]) -> None:
    table = {name: _settings(remote) for name, remote in known.items()}
    writer.set_setting(_SETTING, json.dumps(table).encode() if table else None)


def _settings(remote: Remote) -> dict[str, str]:
    """A remote without its name, as text; what isn't set is left out."""
    found = {name: str(getattr(remote, name) or "") for name in ("url", "key", "keys", *_FILES)}
    found["allow_plaintext"] = "yes" if remote.allow_plaintext else ""
    return {name: value for name, value in found.items() if value}


def _remote(name: str, settings: dict[str, str]) -> Remote:
    ca, client_cert, client_key = (Path(settings[file]) if file in settings else None for file in _FILES)
    return Remote(
        name,
        settings["url"],
        Path(settings["keys"]),
        settings.get("key", ""),
        ca,
        client_cert,
        client_key,
        "allow_plaintext" in settings,
    )
