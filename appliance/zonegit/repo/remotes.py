"""The remotes of a repository: the peers that it exchanges with, stored in its settings, without any secret.

A remote's name is the name that its peer answers to (the `aud` of each request); `refs/remotes/<peer>/` uses it
too. Of its key, only the id and the directory of the key file are stored.
"""

import json
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from zonegit.errors import Conflict, InvalidData, NotFound, UsageError
from zonegit.model.commit import Stamp
from zonegit.model.refs import RefKind, check_label
from zonegit.repo.mirrors import mirror_setting, mirrored_from
from zonegit.repo.sync_default import set_sync_default, sync_default
from zonegit.store.port import Reader, RefUpdate, Writer

_SETTING: Final = "remotes"
_FILES: Final = ("ca", "client_cert", "client_key")


class Remote(NamedTuple):
    """How to reach a peer."""

    name: str
    url: str
    keys: Path
    """The directory of the key files that requests are signed with."""
    key: str = ""
    """The id of the key to sign with; empty: the newest valid one in state `sign`."""
    ca: Path | None = None
    """A file of CA certificates to trust for this peer instead of the system's."""
    client_cert: Path | None = None
    client_key: Path | None = None
    allow_plaintext: bool = False
    """Whether the URL may be `http://` for other hosts than loopback."""


def check_remote(remote: Remote) -> Remote:
    """Return the remote. `UsageError` if its name can't be part of a ref, or its URL is wrong or has a secret."""
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
        raise UsageError("a client certificate and its key must be given together")
    if parts.username is not None or parts.password is not None:
        raise UsageError("a peer's URL must not contain a user or a password: requests are signed with a key file")
    return remote


def remotes(reader: Reader) -> dict[str, Remote]:
    """All remotes, sorted by name."""
    value = reader.setting(_SETTING)
    table: dict[str, dict[str, str]] = json.loads(value) if value else {}
    return {name: _remote(name, table[name]) for name in sorted(table)}


def remote_named(reader: Reader, name: str | None) -> Remote:
    """The remote of this name, or the only one. `NotFound`; `UsageError` if there are several and none is named."""
    known = remotes(reader)
    if name is not None and name in known:
        return known[name]
    if name is not None or not known:
        what = f"no remote {name[:80]!r}" if name is not None else "no remote"
        raise NotFound(f"{what} here; see `zonegit remote list`, or create it: `zonegit remote add NAME URL`")
    if len(known) > 1:
        raise UsageError(f"there are several remotes, name one: {', '.join(known)}")
    return next(iter(known.values()))


def add_remote(writer: Writer, remote: Remote) -> None:
    """Add a remote. Adding the same one again changes nothing. `Conflict` if there is another one of its name."""
    known = remotes(writer)
    before = known.get(remote.name)
    if before not in (None, remote):
        raise Conflict(
            f"there is a remote {remote.name} already; remove it first: `zonegit remote remove {remote.name}`"
        )
    _keep(writer, {**known, remote.name: check_remote(remote)})


def remove_remote(writer: Writer, name: str, who: Stamp) -> list[str]:
    """Remove a remote and its remote-tracking refs; if it was the default for pushes and pulls, there is none then.

    Returns the zones that were mirrored from it. Their branches stay, and from now on this repository owns them.
    This also works for a daemon's primary, which is in its configuration and not in this table. `NotFound` if
    nothing is known of the name.
    """
    check_known(writer, name)
    known = remotes(writer)
    mirrored = mirrored_from(writer, name)
    tracked = list(writer.refs(f"refs/{RefKind.REMOTE}/{name}/"))
    writer.move_refs([RefUpdate(ref, oid, None) for ref, oid in tracked], who, f"remote: {name} removed")
    for zone in mirrored:
        writer.set_setting(mirror_setting(zone), None)
    known.pop(name, None)
    _keep(writer, known)
    if sync_default(writer).remote == name:
        set_sync_default(writer, None)
    return mirrored


def check_known(reader: Reader, name: str) -> None:
    """`NotFound` if there is no remote of this name, no zone mirrored from it and no ref that tracks it."""
    tracked = next(iter(reader.refs(f"refs/{RefKind.REMOTE}/{name}/")), None)
    if name not in remotes(reader) and tracked is None and not mirrored_from(reader, name):
        raise NotFound(f"no remote {name[:80]!r} here; see `zonegit remote list`")


def _keep(writer: Writer, known: dict[str, Remote]) -> None:
    table = {name: _settings(remote) for name, remote in known.items()}
    writer.set_setting(_SETTING, json.dumps(table).encode() if table else None)


def _settings(remote: Remote) -> dict[str, str]:
    """A remote's fields as text, without its name and those that aren't set."""
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
