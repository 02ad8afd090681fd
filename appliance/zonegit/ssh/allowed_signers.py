"""Who may sign: OpenSSH's file of allowed signers (ssh-keygen(1), ALLOWED SIGNERS).

    ada@example.org namespaces="zonegit",valid-before="20270101Z" ssh-ed25519 AAAA… a comment

A line has patterns of principals, options if it needs some, and a key; with `cert-authority` the key is that of an
authority, which certifies the keys of principals. One malformed line makes the whole file malformed.
"""

import binascii
from base64 import b64decode, b64encode
from collections.abc import Iterator
from typing import Final, NamedTuple

from zonegit.errors import AllowedSignersError, InvalidSSH, UnsupportedKey
from zonegit.ssh.certificate import Certificate
from zonegit.ssh.patterns import matches_list
from zonegit.ssh.public_key import PublicKey, is_key_type, parse_key
from zonegit.ssh.times import parse_time
from zonegit.ssh.wire import Reader

MAX_FILE: Final = 1 << 20
"""Largest file in bytes."""
_MAX_PATTERN: Final = 1_000
"""OpenSSH never matches a pattern that is longer than a little more than this."""
_PATTERN: Final = frozenset("*?!")
_BLANK: Final = " \t"
_END: Final = " \t\r"
"""What may stand at the end of a line, and makes up a blank one. Within a line a carriage return is malformed."""


class Entry(NamedTuple):
    """One line: what a key may sign, and for whom."""

    line: int
    principals: str
    """A list of patterns."""
    key: PublicKey
    authority: bool
    """Whether the key certifies those that sign, instead of signing itself."""
    namespaces: str | None
    """A list of patterns; None: every namespace."""
    valid_after: int | None
    valid_before: int | None
    """Unix seconds, both included; None: no bound."""

    def permits(self, namespace: str) -> bool:
        return self.namespaces is None or matches_list(namespace, self.namespaces)

    def is_valid_at(self, when: int) -> bool:
        after, before = self.valid_after, self.valid_before
        return (after is None or when >= after) and (before is None or when <= before)

    def names(self, principal: str, certificate: Certificate | None) -> bool:
        """Whether the key is this principal's; an authority's, whether the certificate is, too."""
        if self.authority and (certificate is None or principal not in certificate.principals):
            return False
        return matches_list(principal, self.principals)


class AllowedSigners:
    """The entries of a file, by their keys."""

    def __init__(self, entries: list[Entry]) -> None:
        self._entries: dict[tuple[bytes, bool], list[Entry]] = {}
        for entry in entries:
            self._entries.setdefault((entry.key.blob, entry.authority), []).append(entry)

    @property
    def named(self) -> Iterator[tuple[str, PublicKey]] | None:
        """Each principal with each of its keys; None if the file doesn't tell all (patterns, authorities)."""
        entries = [entry for same in self._entries.values() for entry in same]
        if any(entry.authority or not _PATTERN.isdisjoint(entry.principals) for entry in entries):
            return None
        return ((name, entry.key) for entry in entries for name in entry.principals.split(","))

    def of(self, key: PublicKey, certificate: Certificate | None) -> list[Entry]:
        """The lines with a key, or with the authority that signed its certificate, in the order of the file."""
        blob = certificate.authority.blob if certificate else key.blob
        return self._entries.get((blob, certificate is not None), [])


def parse_allowed_signers(data: bytes, name: str) -> AllowedSigners:
    """Read a file called `name`. `AllowedSignersError` with the number of the first malformed line.

    Keys that OpenSSH knows and zonegit doesn't accept are skipped: nothing that they sign is valid here.
    """
    if len(data) > MAX_FILE:
        raise AllowedSignersError(f"{name}: is larger than {MAX_FILE >> 10:,} KiB")
    entries = []
    for number, line in enumerate(data.split(b"\n"), 1):
        try:
            entry = _entry(number, line)
        except UnsupportedKey:
            continue
        except InvalidSSH as error:
            raise AllowedSignersError(f"{name}:{number}: {error}") from None
        if entry:
            entries.append(entry)
    return AllowedSigners(entries)


def _entry(number: int, data: bytes) -> Entry | None:
    """One line; None for a blank one and a comment."""
    try:
        line = data.decode().rstrip(_END).lstrip(_BLANK)
    except UnicodeDecodeError:
        raise InvalidSSH("is not UTF-8") from None
    if not line or line.startswith("#"):
        return None
    if not line.replace("\t", " ").isprintable():
        raise InvalidSSH("has control characters")
    principals, rest = _principals(line)
    if any(len(pattern) > _MAX_PATTERN for pattern in principals.split(",")):
        raise InvalidSSH(f"has a pattern of more than {_MAX_PATTERN:,} characters")
    options = _Options()
    if not is_key_type(_word(rest)):
        end = _end_of_options(rest)
        options.read(rest[:end])
        rest = rest[end:].lstrip(_BLANK)
    if not rest:
        raise InvalidSSH("has no key")
    return Entry(
        number,
        principals,
        _key(rest),
        options.authority,
        options.namespaces,
        options.valid_after,
        options.valid_before,
    )


def _word(text: str) -> str:
    return text.replace("\t", " ").partition(" ")[0]


def _principals(line: str) -> tuple[str, str]:
    """The first field, of which all or a part may be in quotes, and what follows it."""
    end = next((at for at, char in enumerate(line) if char in _BLANK or char == '"'), len(line))
    found = line[:end]
    if line[end : end + 1] == '"':
        quoted, quote, rest = line[end + 1 :].partition('"')
        if not quote:
            raise InvalidSSH("has a quote that isn't closed")
        found += quoted
    else:
        rest = line[end:]
    rest = rest.lstrip(_BLANK)
    if not found or not rest:
        raise InvalidSSH("is not PRINCIPALS [OPTIONS] KEY")
    return found, rest


def _end_of_options(text: str) -> int:
    """Where the first blank outside of quotes is."""
    at, quoted = 0, False
    while at < len(text) and (quoted or text[at] not in _BLANK):
        if text.startswith('\\"', at):
            at += 1
        elif text[at] == '"':
            quoted = not quoted
        at += 1
    if quoted:
        raise InvalidSSH("has a quote that isn't closed")
    return at


class _Options:
    """The options of a line."""

    def __init__(self) -> None:
        self.authority = False
        self.namespaces: str | None = None
        self.valid_after: int | None = None
        self.valid_before: int | None = None

    def read(self, text: str) -> None:
        """Read options with commas between them. Their names may be in any case."""
        while text:
            name, value, text = _option(text)
            if name == "cert-authority" and value is None:
                self.authority = True
            elif name == "namespaces" and value is not None:
                self._once(name, self.namespaces)
                self.namespaces = value
            elif name == "valid-after" and value is not None:
                self._once(name, self.valid_after)
                self.valid_after = _time(name, value)
            elif name == "valid-before" and value is not None:
                self._once(name, self.valid_before)
                self.valid_before = _time(name, value)
            else:
                raise InvalidSSH(
                    f"has {name[:40]!r} where a key or an option is expected: cert-authority, "
                    'namespaces="…", valid-after="…" or valid-before="…"'
                )
        after, before = self.valid_after, self.valid_before
        if after is not None and before is not None and before <= after:
            raise InvalidSSH("is valid before it is valid after")

    @staticmethod
    def _once(name: str, value: object) -> None:
        if value is not None:
            raise InvalidSSH(f"has {name} twice")


def _option(text: str) -> tuple[str, str | None, str]:
    """The first option, its value (None for one without), and what follows the comma."""
    end = next((at for at, char in enumerate(text) if char in "=,"), len(text))
    name, value, rest = text[:end].lower(), None, text[end:]
    if rest.startswith("="):
        value, rest = _unquoted(name, rest[1:])
    if rest and (not rest.startswith(",") or rest == ","):
        raise InvalidSSH(f"has {rest[:40]!r} after the option {name[:40]}")
    return name, value, rest[1:]


def _unquoted(name: str, text: str) -> tuple[str, str]:
    """A value in quotes, in which `\\"` is a quote, and what follows it."""
    if not text.startswith('"'):
        raise InvalidSSH(f"has the option {name[:40]} without quotes around its value")
    found, at = "", 1
    while at < len(text) and text[at] != '"':
        if text.startswith('\\"', at):
            at += 1
        found += text[at]
        at += 1
    if at == len(text):
        raise InvalidSSH("has a quote that isn't closed")
    return found, text[at + 1 :]


def _time(name: str, text: str) -> int:
    found = parse_time(text)
    if found is None:
        raise InvalidSSH(f"has the {name} time {text[:40]!r}; write YYYYMMDD or YYYYMMDDHHMM[SS], with Z for UTC")
    return found


def _key(text: str) -> PublicKey:
    key_type, _, rest = text.replace("\t", " ").partition(" ")
    if not is_key_type(key_type):
        raise InvalidSSH(f"has {key_type[:40]!r} where the type of a key is expected, like ssh-ed25519")
    encoded = _word(rest.lstrip(_BLANK))
    try:
        blob = b64decode(encoded, validate=True)
        if b64encode(blob).decode() != encoded:  # Python ignores an `=` and bits too many
            raise InvalidSSH("is not base64")
        named = Reader(blob).text()
    except (binascii.Error, ValueError, InvalidSSH):
        raise InvalidSSH("has a key that is not base64") from None
    if named != key_type:
        raise InvalidSSH(f"has a key that is of another type than {key_type}")
    try:
        return parse_key(blob)
    except UnsupportedKey:
        raise
    except InvalidSSH as error:
        raise InvalidSSH(f"has a key that {error}") from None
