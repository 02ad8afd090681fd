"""The directory of private keys: one directory for each zone, with a file for each key and the state of rollovers.

    /var/lib/zonegit-keys/            0700, as all directories
      example.org/                    the zone's name without its final dot, odd characters as %XX
        013+25694.pem                 0600, as all files: algorithm and key tag
        013+04711.pkcs11              the same for a key that is in a token
        state

Which key a file holds, its name says; the key tag says whether its DNSKEY record has the SEP flag. A file whose key
isn't the one of its name is refused, as are files and directories that others may read or write. Only `generate`,
`import_`, `write_state` and `remove` write, each under the lock of the zone.
"""

import os
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from zonegit.dnssec.bind_key_files import BindPair, KeyTimes, read_public, write_pair
from zonegit.dnssec.pkcs11_uri import TokenKey
from zonegit.dnssec.private_key import FileSigner, PrivateKey, from_pem, tag_of, tags_of
from zonegit.dnssec.rollover.values import ManagedKey, Role
from zonegit.dnssec.signing.plan import Signer, SigningKey
from zonegit.errors import DnssecError
from zonegit.model.names import parse_apex, to_text
from zonegit.repo.dnssec.key_files import (
    PEM,
    REFERENCE,
    directory_name,
    flags_of,
    foreign,
    generated,
    generated_in_token,
    is_key,
    stem,
    stored_key,
)
from zonegit.repo.dnssec.private_files import PrivateDirectory

PATIENCE: Final = 10.0
"""Seconds to wait for another process that changes the keys of the same zone."""
_STATE: Final = "state"
_MOST_STATE: Final = 4 << 20
_MOST_KEY: Final = 16 << 10
_DRAWS: Final = 100
"""New keys that are drawn until one has a free key tag. With 100 keys in a zone, 1 draw in 300 is in vain."""
_RESTORE: Final = "restore the file from a copy of the key directory"


class KeyDirectory:
    """The private keys of all zones. Nothing is opened before a zone's are asked for."""

    def __init__(self, root: Path, signer: Callable[[PrivateKey], Signer] = FileSigner) -> None:
        """`signer` makes what signs with a private key, such as that of a `SigningPool`."""
        self._root: Final = root
        self._signer: Final = signer

    def zone(self, name: str) -> "ZoneKeys":
        """The keys of a zone, which may have none yet. `InvalidName`."""
        return ZoneKeys(self._root, name, self._signer)


class ZoneKeys:
    """The private keys of one zone. Every error is a `DnssecError`. Not for several threads at once."""

    def __init__(self, root: Path, zone: str, signer: Callable[[PrivateKey], Signer]) -> None:
        self._apex: Final = parse_apex(zone)
        self.zone: Final = to_text(self._apex)
        self.path: Final = root / directory_name(self._apex)
        self._signer: Final = signer
        self._locked: PrivateDirectory | None = None
        self._read: dict[str, tuple[tuple[int, ...], SigningKey]] = {}
        """By file name: the file's identity, and its key."""

    @contextmanager
    def locked(self, wait: float = PATIENCE) -> Iterator[None]:
        """Keep all other processes from changing the zone's keys and state, and create its directory if need be.

        May be nested. `DnssecError` if another process holds the lock for longer than `wait` seconds.
        """
        with self._changing(wait):
            yield

    def read_state(self) -> bytes | None:
        """The state that was written last; None if there is none."""
        with self._opened() as directory:
            return directory.read(_STATE, _MOST_STATE) if directory else None

    def write_state(self, state: bytes) -> None:
        """Replace the state. It is on the disk when this returns."""
        if len(state) > _MOST_STATE:
            raise DnssecError(f"{self.path / _STATE}: would be larger than {_MOST_STATE} bytes")
        with self._changing() as directory:
            directory.replace(_STATE, state)

    def dnskeys(self) -> list[bytes]:
        """The RDATA of the DNSKEY records of all private keys here, in the order of algorithm and key tag."""
        with self._opened() as directory:
            return [each.dnskey for each in self._all(directory)] if directory else []

    def generate(
        self, role: Role, algorithm: int, now: int, avoid_tags: Collection[int] = (), token: TokenKey | None = None
    ) -> ManagedKey:
        """A new key, which is on the disk when this returns. With `token`, the token makes it and keeps it.

        Its key tag, revoked or not (RFC 5011), is neither among `avoid_tags` nor that of another key here.
        """
        with self._changing() as directory:
            taken = frozenset(avoid_tags).union(*(tags_of(each.dnskey) for each in self._all(directory)))
            for _ in range(_DRAWS):
                key = generated_in_token(role, algorithm, token, self.zone) if token else generated(role, algorithm)
                if taken.isdisjoint(tags_of(key.dnskey)) and directory.write_new(key.name, key.data):
                    return ManagedKey(key.dnskey, role, now)
                key.discard()
        raise DnssecError(f"{self.zone}: no key with a free key tag in {_DRAWS} draws: the zone has too many keys")

    def import_(
        self, private: bytes, role: Role, now: int, public: bytes | None = None, others: Collection[bytes] = ()
    ) -> ManagedKey:
        """Take over a key: PEM, the text of BIND's `.private`, or the PKCS#11 URI of a key that stays in its token.

        `public` is the text of BIND's `.key`, which must fit in zone, role and key. Of `others`, the RDATA of the
        zone's DNSKEY records, none but its own may have its key tag. The key is on the disk when this returns.
        Messages say what is wrong with `it`.
        """
        key = foreign(private, role, self.zone)
        if public is not None:
            self._check_public(public, key.dnskey, role)
        with self._changing() as directory:
            here = [each.dnskey for each in self._all(directory)]
            if key.dnskey in here:
                raise DnssecError(f"it is already here: {self.path / stem(key.dnskey)}")
            if any(tags_of(key.dnskey) & tags_of(each) for each in (*here, *others) if each != key.dnskey):
                raise DnssecError(
                    f"it has the key tag {tag_of(key.dnskey)}, which another key of {self.zone} has, too, or gets "
                    "when it is revoked; replace one of the two where the zone is signed now, then import again"
                )
            directory.write_new(key.name, key.data)
        return ManagedKey(key.dnskey, role, key.created or now)

    def export(self, dnskey: bytes, times: KeyTimes) -> BindPair:
        """The private key of a DNSKEY record as BIND's files. The PEM file itself is what Knot DNS imports."""
        name = stem(dnskey) + PEM
        self.signing_key(dnskey)
        with self._opened() as directory:
            pem = directory.read(name, _MOST_KEY) if directory else None
        if pem is None:
            raise DnssecError(
                f"{self.path / stem(dnskey)}{REFERENCE}: the private key is in a token, and stays there"
            )
        return write_pair(self.zone, from_pem(pem), int.from_bytes(dnskey[:2], "big"), times)

    def signing_key(self, dnskey: bytes) -> SigningKey:
        """The key of a DNSKEY record, ready to sign. Whether its token is there, only signing tells."""
        with self._opened() as directory:
            found = self._signing_key(directory, stem(dnskey)) if directory else None
        if found is None:
            raise DnssecError(
                f"{self.path / stem(dnskey)}{PEM}: the private key of {self.zone} with key tag {tag_of(dnskey)} is "
                f"missing; {_RESTORE}"
            )
        if found.dnskey != dnskey:
            raise DnssecError(
                f"{self.path / stem(dnskey)}: holds the key of another DNSKEY record with key tag "
                f"{tag_of(dnskey)}; {_RESTORE}"
            )
        return found

    def remove(self, dnskey: bytes) -> bool:
        """Remove the private key of a DNSKEY record for good; False if there is none. A token keeps its key."""
        with self._changing() as directory:
            return directory.remove(stem(dnskey) + PEM) or directory.remove(stem(dnskey) + REFERENCE)

    @contextmanager
    def _opened(self) -> Iterator[PrivateDirectory | None]:
        if self._locked:
            yield self._locked
            return
        with PrivateDirectory.opened(self.path.parent) as root:
            if root is None:
                yield None
                return
            with root.inner(self.path.name) as directory:
                yield directory

    @contextmanager
    def _changing(self, wait: float = PATIENCE) -> Iterator[PrivateDirectory]:
        if self._locked:
            yield self._locked
            return
        with PrivateDirectory.opened(self.path.parent, create=True) as root:
            if root is None:
                raise DnssecError(f"{self.path.parent}: was removed meanwhile; try again")
            with root.inner(self.path.name, create=True) as directory:
                if directory is None:
                    raise DnssecError(f"{self.path}: was removed meanwhile; try again")
                with directory.locked(wait):
                    directory.clean()
                    self._locked = directory
                    try:
                        yield directory
                    finally:
                        self._locked = None

    def _all(self, directory: PrivateDirectory) -> list[SigningKey]:
        found = (self._in_file(directory, name) for name in directory.names() if is_key(name))
        return [each for each in found if each]

    def _signing_key(self, directory: PrivateDirectory, name: str) -> SigningKey | None:
        return self._in_file(directory, name + PEM) or self._in_file(directory, name + REFERENCE)

    def _in_file(self, directory: PrivateDirectory, name: str) -> SigningKey | None:
        """The key in a file; None if the file doesn't exist. An unchanged file is read once."""
        status = directory.status(name)
        if status is None:
            self._read.pop(name, None)
            return None
        identity = _identity(status)
        known = self._read.get(name)
        if known and known[0] == identity:
            return known[1]
        data = directory.read(name, _MOST_KEY)
        if data is None:
            return None
        try:
            found = stored_key(name, data, self._signer)
        except DnssecError as error:
            raise DnssecError(f"{self.path / name}: {error}; {_RESTORE}") from None
        self._read[name] = (identity, found)
        return found

    def _check_public(self, public: bytes, dnskey: bytes, role: Role) -> None:
        """Check that a `.key` file is that of a private key that is imported."""
        said = read_public(public)
        if said.zone != self._apex:
            raise DnssecError(f"it is a key of {to_text(said.zone)}, not of {self.zone}")
        if said.dnskey[4:] != dnskey[4:] or said.dnskey[3] != dnskey[3]:
            raise DnssecError("its .key file belongs to another private key")
        if said.dnskey != dnskey:
            flags = int.from_bytes(said.dnskey[:2], "big")
            raise DnssecError(f"its flags are {flags}, but those of a {role.upper()} are {flags_of(role)}")


def _identity(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
