"""Reads single settings from a flag's text or a TOML value; each error says what is expected."""

import os
import re
from ipaddress import ip_address
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from zonegit.auth.scheme import good_aud, good_kid
from zonegit.dns.access.acl import Acl
from zonegit.errors import ConfigError, InvalidName, UsageError
from zonegit.model.names import parse_apex, to_text
from zonegit.model.refs import check_label, check_name
from zonegit.ops.log import Format
from zonegit.sync.policy import Direction, Policy
from zonegit.sync.zone_filter import Patterns
from zonegit.zonefile.strict import strict_checks

_WHOLE: Final = re.compile(r"[0-9]{1,18}")
_DURATION: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)?")
_SPAN: Final = re.compile(r"([0-9]{1,10})([smhdw]?)")
_SECONDS: Final = {"w": 604_800, "d": 86_400, "h": 3600, "m": 60, "s": 1}
_UNIT: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, None: 1.0}
_URL: Final = re.compile(r"https?://[^\s/?#@]+/?")
_CANARY: Final = re.compile(r"([a-z0-9._-]+):([0-9]{1,3})")
_SHORT: Final = 128
MAX_WORKERS: Final = 256


def shown(value: object) -> str:
    """A value in an error, as the file has it."""
    return str(value).lower() if isinstance(value, bool) else repr(value)[:80]


def duration(value: object) -> float:
    """Seconds, from `5s`, `500ms`, `1m` or a number; more than 0."""
    match = _DURATION.fullmatch(str(value)) if not isinstance(value, bool) else None
    seconds = float(match[1]) * _UNIT[match[2]] if match else 0.0
    if not 0 < seconds <= 86400:
        raise ConfigError(f"{shown(value)} is not a duration: write 500ms, 5s or 1m, at most 24h")
    return seconds


def span(value: object, low: int, high: int, other: str = "") -> int:
    """Whole seconds between two bounds, from `14d`, `2w`, `12h`, `30m`, `90s` or a number."""
    match = _SPAN.fullmatch(str(value)) if not isinstance(value, bool) else None
    seconds = int(match[1]) * _SECONDS[match[2] or "s"] if match else -1
    if not low <= seconds <= high:
        bounds = f"from {span_text(low)} to {span_text(high)}"
        raise ConfigError(f"{shown(value)} is not {other}a time {bounds}: write 14d, 12h, 30m or 90s")
    return seconds


def span_text(seconds: int) -> str:
    """Seconds as `span` reads them: `14d`, `90m`."""
    unit = next(unit for unit in "dhms" if seconds % _SECONDS[unit] == 0)
    return f"{seconds // _SECONDS[unit]}{unit}" if seconds else "0s"


def workers(value: object) -> int:
    """A number of worker processes; `auto` means one per available processor."""
    if value == "auto":
        return min(len(os.sched_getaffinity(0)), MAX_WORKERS)
    return whole(value, 1, MAX_WORKERS, "auto or ")


def whole(value: object, low: int, high: int, other: str = "") -> int:
    """An integer between two bounds."""
    text = str(value)
    if isinstance(value, bool) or not _WHOLE.fullmatch(text) or not low <= int(text) <= high:
        raise ConfigError(f"{shown(value)} is not {other}a number from {low} to {high}")
    return int(text)


def text_value(value: object) -> str:
    """A non-empty string. Text from a command line may contain bytes that aren't UTF-8: they are refused."""
    text = _filled(value)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ConfigError(f"{text[:80]!r} is not UTF-8") from None
    return text


def path(value: object) -> Path:
    """A path; any bytes except NUL."""
    text = _filled(value)
    if "\0" in text:
        raise ConfigError(f"{text[:80]!r} is not a path: it contains a NUL byte")
    return Path(text)


def _filled(value: object) -> str:
    if not isinstance(value, str):
        raise ConfigError(f"{shown(value)} is not a string: write it in quotes")
    if not value:
        raise ConfigError("the value is empty: leave the setting out, or give it a value")
    return value


def short_text(value: object) -> str:
    """A string that is sent to clients, of at most 128 bytes."""
    if not 0 < len(text_value(value).encode()) <= _SHORT:
        raise ConfigError(f"{value!r} is too long: use at most {_SHORT} bytes")
    return str(value)


def texts(value: object) -> list[str]:
    if not isinstance(value, list):
        raise ConfigError(f"{shown(value)} is not a list of strings in quotes")
    return [text_value(each) for each in value]


def command(value: object) -> tuple[str, ...]:
    """A program and its arguments."""
    words = tuple(texts(value))
    if not words or not words[0].startswith("/"):
        raise ConfigError(f"{value!r} is not a program: write its whole path and its arguments, each in quotes")
    return words


def checks(value: object) -> frozenset[str]:
    """Names of checks as in docs/cli.md; `all` means every check."""
    try:
        return strict_checks(texts(value))
    except UsageError as error:
        raise ConfigError(str(error)) from None


def acl(value: object) -> Acl:
    """Access rules, each `192.0.2.0/24`, `key:NAME` or both."""
    return Acl.parse(texts(value))


def networks(value: object) -> Acl:
    """Networks, each `192.0.2.0/24` or an address."""
    found = acl(value)
    if found.keys:
        raise ConfigError("keys are not allowed here: write only networks")
    return found


def log_format(value: object) -> Format:
    """`text` or `json`."""
    try:
        return Format(text_value(value))
    except ValueError:
        raise ConfigError(f"{value!r} is not a log format: write text or json") from None


def boolean(value: object) -> bool:
    if not isinstance(value, bool):
        raise ConfigError(f"{shown(value)} is not true or false")
    return value


def zone_name(value: object) -> str:
    """A zone's name in canonical form: lower case, with its final dot."""
    try:
        return to_text(parse_apex(text_value(value)))
    except InvalidName as error:
        raise ConfigError(str(error)) from None


def zone_names(value: object) -> frozenset[str]:
    """A list of zones, by their canonical names."""
    return frozenset(map(zone_name, texts(value)))


def zone_patterns(value: object) -> Patterns:
    """A list of zones: `example.org.`, `*.example.org.` for those below it, `*` for all."""
    try:
        return Patterns.parse(texts(value))
    except UsageError as error:
        raise ConfigError(str(error)) from None


def policy(value: object) -> Policy:
    """`ff-only`, `merge` or `hold`."""
    try:
        return Policy(text_value(value))
    except ValueError:
        raise ConfigError(f"{value!r} is not a policy: write {', '.join(Policy)}") from None


def direction(value: object) -> Direction:
    """`pull`, `push` or `both`."""
    try:
        return Direction(text_value(value))
    except ValueError:
        raise ConfigError(f"{value!r} is not a direction: write {', '.join(Direction)}") from None


def branch(value: object) -> str:
    try:
        return check_name(text_value(value), "branch")
    except InvalidName as error:
        raise ConfigError(str(error)) from None


def canary(value: object) -> str:
    """`branch:percent`, percent from 0 to 100."""
    parse_canary(text_value(value))
    return str(value)


def parse_canary(text: str) -> tuple[str, int]:
    """The branch and the percentage of a canary setting."""
    match = _CANARY.fullmatch(text)
    if not match or int(match[2]) > 100:
        raise ConfigError(f"{text!r} is not a canary: write branch:percent, such as next:10")
    return branch(match[1]), int(match[2])


def server_name(value: object) -> str:
    """A name that requests are signed for (`aud`)."""
    if not good_aud(text_value(value)):
        raise ConfigError(f"{value!r} is not a server name: use 1 to 64 of a-z 0-9 . -")
    return str(value)


def peer_name(value: object) -> str:
    """A server's name that is also valid in a ref."""
    try:
        return check_label(server_name(value), "peer")
    except InvalidName as error:
        raise ConfigError(str(error)) from None


def key_id(value: object) -> str:
    if not good_kid(text_value(value)):
        raise ConfigError(f"{value!r} is not a key id: use 1 to 32 of a-z 0-9 . _ -")
    return str(value)


def check_plaintext(base: str, allowed: bool) -> None:
    """`ConfigError` for a cleartext base URL to another machine, unless that is allowed."""
    host = urlsplit(base).hostname or ""
    try:
        here = ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        here = host == "localhost"
    if base.startswith("http:") and not (here or allowed):
        raise ConfigError(
            f"{base} is cleartext to another machine: use https, or set allow_plaintext = true; the HMAC protects "
            "against changes, not against eavesdropping"
        )


def url(value: object) -> str:
    """The base URL of a primary, without path, query or user."""
    if not _URL.fullmatch(text_value(value)):
        raise ConfigError(f"{value!r} is not a primary's URL: write http://host:9354 or https://host:9354")
    return str(value).rstrip("/")
