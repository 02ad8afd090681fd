"""The rules of `update` in a zone's table: who may change what by UPDATE messages (RFC 2136).

    "key:acme _acme-challenge.** TXT"    a key, the names below the zone's, the types

An owner is relative to the zone: `@` is its apex, `*` stands for one label and `**` for any number of them, none
included; `\\*` is the label of a wildcard. Types are separated by commas; `*` means all.
"""

import re
from typing import Final

from zonegit.dns.access.acl import key_name
from zonegit.errors import ConfigError, InvalidName, InvalidRecord
from zonegit.model.names import from_text, is_absolute, labels, lower
from zonegit.model.rdata import NSEC, NSEC3, RRSIG
from zonegit.ops import values
from zonegit.repo.updating.values import OwnerPattern, UpdateRule, Wild
from zonegit.zonefile.types import is_meta, parse_type, type_text

_FORM: Final = 'write "key:NAME OWNER TYPES", such as "key:acme _acme-challenge.** TXT"'
_MOST: Final = 256
_LONGEST: Final = 5
_PART: Final = re.compile(r"(?:[^.\\]|\\.)+")
_WILD: Final = {each.value: each for each in Wild}
_SIGNERS: Final = frozenset((RRSIG, NSEC, NSEC3))


def update_rules(value: object) -> tuple[UpdateRule, ...]:
    """A list of rules. `ConfigError`."""
    texts = values.texts(value)
    if len(texts) > _MOST:
        raise ConfigError(f"there are {len(texts):,} rules: write at most {_MOST:,}")
    return tuple(map(parse_rule, texts))


def coalesce(value: object) -> float:
    """Seconds within which UPDATEs become one commit. `ConfigError`."""
    seconds = values.duration(value)
    if seconds > _LONGEST:
        raise ConfigError(f"{value!r} is too long, since answers wait for it: write at most {_LONGEST}s")
    return seconds


def parse_rule(text: str) -> UpdateRule:
    """One rule. `ConfigError`."""
    words = text.split()
    if len(words) != 3 or not words[0].startswith("key:"):
        raise ConfigError(f"{text[:80]!r} is not a rule for updates: {_FORM}")
    key, owners, types = words
    try:
        return UpdateRule(key_name(key.removeprefix("key:")), _owners(owners), _types(types))
    except (ConfigError, InvalidName, InvalidRecord) as error:
        raise ConfigError(f"the rule {text[:80]!r}: {error}") from None


def _owners(text: str) -> OwnerPattern:
    if text == "@":
        return OwnerPattern(())
    if is_absolute(text):
        raise ConfigError("owners are relative to the zone: write them without a dot at the end")
    from_text(f"{text}.")  # raises for what isn't a name
    return OwnerPattern(tuple(map(_label, _PART.findall(text))))


def _label(text: str) -> bytes | Wild:
    if text in _WILD:
        return _WILD[text]
    if "*" in text.replace(r"\*", ""):
        raise ConfigError(f"in {text[:80]!r} '*' doesn't stand for a whole label: write \\* for the character")
    return labels(lower(from_text(f"{text}.")))[0]


def _types(text: str) -> frozenset[int] | None:
    if text == "*":
        return None
    return frozenset(map(_type, text.split(",")))


def _type(text: str) -> int:
    rtype = parse_type(text)
    if is_meta(rtype) or rtype in _SIGNERS:
        raise ConfigError(f"records of type {type_text(rtype)} can't be updated")
    return rtype
